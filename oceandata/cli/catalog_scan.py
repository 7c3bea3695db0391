"""The command that finds datasets below folders and puts them into a catalogue."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from oceandata.cli.catalogs import path_option
from oceandata.cli.output import echo_facts, echo_json, echo_table, json_option

if TYPE_CHECKING:
    from oceandata.catalog.scan import ScanReport

__all__ = ["scan"]

_SHOWN = 40


@click.command()
@click.argument("places", nargs=-1, required=True)
@path_option
@click.option(
    "--into", type=click.Choice(("auto", "bulk")), default="auto", show_default=True, help="Where new entries go."
)
@click.option("--dry-run", is_flag=True, help="Look and report, write nothing.")
@click.option("--all", "whole", is_flag=True, help="Print every entry, gap, proposal and file, not only the first.")
@json_option
def scan(places: tuple[str, ...], *, path: Path, into: str, dry_run: bool, whole: bool, as_json: bool) -> None:
    """
    Find the datasets below folders, and put them into a catalogue.

    Repositories, plain Zarr and NetCDF are recognised by their bytes; headers and coordinates are read, data are not.
    Files that together are one dataset make one entry. What a person wrote into the catalogue stays. A second scan
    reads only what changed; one that was stopped goes on. Entries go into the catalogue file as long as it stays
    small, else (or with --into bulk) into bulk files beside it. The exit code is 1 if nothing was usable.

    \b
    Examples:
      oceandata catalog scan holdings --catalog catalog.yaml --dry-run
      oceandata catalog scan /data/cmip6 s3://bucket/prefix --catalog catalog.yaml
    """
    from oceandata.catalog.scan import run_scan
    from oceandata.progress import count_bar

    with count_bar("scan") as moved:
        report = run_scan(places, path, dry_run=dry_run, into=into, on_progress=moved)
    if as_json:
        echo_json(report.to_json())
    else:
        _echo_report(report, None if whole else _SHOWN)
        if dry_run:
            click.echo("nothing was written")
    sys.exit(0 if report.entries else 1)


def _echo_report(report: "ScanReport", most: int | None) -> None:
    """Entries, then what is left to a person, then the files that are in no entry, then the sums."""
    rows = [
        (entry.id, sum(len(asset.files) or 1 for asset in entry.assets.values()), entry.title[:50], entry.license)
        for entry in report.entries
    ]
    _echo_part(rows, ["entry", "files", "title", "licence"], most)
    proposals = [
        (one.entry, one.variable, one.field, one.value, f"{one.confidence:.2f}", one.reason) for one in report.proposals
    ]
    _echo_part(proposals, ["proposal for", "variable", "field", "value", "confidence", "because of"], most)
    _echo_part([(one.entry, one.field, one.message) for one in report.gaps], ["owed by", "field", "what"], most)
    _echo_part(report.notes, ["entry", "note"], most)
    for one in report.rejects[:most]:
        click.echo(f"in no entry: {one.path}: {one.reason}")
    if most is not None and len(report.rejects) > most:
        click.echo(f"… {len(report.rejects) - most} more (--all)")
    echo_facts(report.summary())


def _echo_part(rows: Sequence[Sequence[object]], headers: Sequence[str], most: int | None) -> None:
    """The first rows of a table, and how many more there are."""
    if not rows:
        return
    echo_table(rows[:most], headers)
    if most is not None and len(rows) > most:
        click.echo(f"… {len(rows) - most} more (--all)")
    click.echo()
