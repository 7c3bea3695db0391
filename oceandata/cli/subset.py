"""Command that cuts a part out of a dataset and writes it as a file."""

from pathlib import Path
from typing import Any

import click

from oceandata.cli.catalogs import complete_entry, path_option
from oceandata.cli.output import echo_facts, echo_json, echo_table, json_option

__all__ = ["subset"]


def _depths(text: str) -> tuple[float, float]:
    """Top and bottom written as ``0/700``, or one depth."""
    from oceandata.errors import InputError

    try:
        parts = [float(part) for part in text.split("/")]
    except ValueError:
        parts = []
    if len(parts) not in (1, 2):
        msg = f"--depth is {text!r}, need top and bottom in m, positive down, such as 0/700."
        raise InputError(msg)
    return parts[0], parts[-1]


@click.command()
@click.argument("entry", shell_complete=complete_entry)
@path_option
@click.option("--bbox", nargs=4, type=float, metavar="W S E N", help="Box in degrees; may cross the date line.")
@click.option("--time", metavar="A/B", help="Period, both ends included: 2009, 2009-06/2010-05, ../2010.")
@click.option("--depth", metavar="TOP/BOTTOM", help="Depths in m, positive down, such as 0/700.")
@click.option("--variables", default="", metavar="NAME,…", help="Variables by any of their names; all by default.")
@click.option(
    "--to",
    "target",
    type=click.Path(path_type=Path),
    required=True,
    metavar="FILE",
    help="What to make: .nc, .zarr, .csv or .parquet.",
)
@click.option("--revision", default="", help="Revision of the dataset; that of the entry by default.")
@click.option("--nearest", is_flag=True, help="Take the nearest cell or level where the box or the depths hold none.")
@click.option("--dry-run", is_flag=True, help="Tell shape, bytes to read, size and licence; read no data.")
@click.option("--overwrite", is_flag=True, help="Replace FILE if it exists.")
@click.option("--discard", is_flag=True, help="Remove what another, unfinished request for FILE left, and begin anew.")
@json_option
def subset(
    entry: str,
    *,
    path: Path,
    depth: str | None,
    variables: str,
    target: Path,
    dry_run: bool,
    discard: bool,
    as_json: bool,
    **asked: Any,
) -> None:
    """
    Write a part of a dataset as NetCDF, Zarr, CSV or Parquet, with its licence, citation and lineage inside.

    The cells whose centres lie in the box are taken, west to east. The file appears whole or not at all; a killed run
    continues when the same command is given again. Memory does not grow with the request. In tables each cell is a
    row, and cells without any value are left out.

    \b
    Examples:
      oceandata subset sst --bbox -170 -5 -120 5 --time 2009/2010 --to nino.nc --dry-run
      oceandata subset sst --bbox -170 -5 -120 5 --time 2009/2010 --to nino.nc
      oceandata subset thetao --depth 0/700 --variables 海水温度 --to upper.zarr
      oceandata subset sst --bbox 120.3 36.1 120.3 36.1 --nearest --to station.csv
    """
    from oceandata import progress, trade
    from oceandata.catalog import open_catalog

    plan = trade.plan_subset(
        open_catalog(path),
        entry,
        target,
        depth=None if depth is None else _depths(depth),
        variables=[part.strip() for part in variables.replace("，", ",").split(",") if part.strip()],
        **asked,
    )
    if dry_run:
        echo_json(plan.to_json()) if as_json else echo_facts(plan.facts())
        return
    report = trade.write_subset(plan, progress=progress.byte_bar, discard=discard)
    if as_json:
        echo_json(report.to_json())
        return
    echo_facts(plan.facts()[:1] + report.facts())
    echo_table(report.usage.rows(), ["input", "chunks", "unique", "gross"])
