"""Commands that carry entries in and out: import, export."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from oceandata.cli.catalogs import complete_entry, path_option
from oceandata.cli.output import echo_facts, echo_json, json_option

if TYPE_CHECKING:
    from oceandata.catalog.transfer import ExportReport, ImportReport

__all__ = ["export_entries", "import_entries"]

_FILE = click.Path(path_type=Path, dir_okay=False)


def _label(report: "ImportReport", field: str) -> str:
    """Column of a fault as the sheet names it, or the field."""
    column = report.headers.get(field, "")
    return f"{column} ({field}): " if column and column != field else f"{field}: " if field else ""


def _echo_import(report: "ImportReport", *, dry_run: bool, replace: bool) -> None:
    """What an import did, every fault included."""
    for outcome in report.outcomes:
        place = f"{outcome.place}, {outcome.name}" if outcome.name else outcome.place
        for fault in outcome.faults:
            click.echo(f"{place}: error: {_label(report, fault.field)}{fault.message}")
        for difference in outcome.differences if not outcome.faults else ():
            verb = "replaced by" if replace else "kept; the source says"
            click.echo(f"{place}: {difference.field} is {difference.present!r:.60}, {verb} {difference.offered!r:.60}")
        for note in outcome.notes:
            click.echo(f"{place}: note: {note}")
    for note in report.notes:
        click.echo(f"note: {note}")
    would = "would be " if dry_run else ""
    counts = report.counts
    facts: list[tuple[str, object]] = [
        ("source", f"{report.source} ({report.form}), {sum(counts.values())} datasets"),
        *((action, f"{counts[action]} {would}{action}".replace("be unchanged", "stay unchanged")) for action in counts),
    ]
    if report.faults_path:
        facts.append(("faults", f"{report.faults_path}: mend the rows there, and import that file"))
    elif counts["refused"]:
        facts.append(("next", "--faults OUT.xlsx gives the faulty rows back with the reasons"))
    if any(outcome.differences for outcome in report.outcomes) and not replace:
        facts.append(("next", "--replace lets the source win where the two differ"))
    echo_facts(facts)


@click.command("import")
@click.argument("source", type=_FILE)
@path_option
@click.option("--dry-run", is_flag=True, help="Tell what would be done, and every fault; write no catalogue.")
@click.option("--faults", type=_FILE, help="Give the faulty rows back in this .xlsx or .csv, with the reasons.")
@click.option("--columns", type=_FILE, help="YAML with the names of your own columns: {title_zh: [作品名]}.")
@click.option("--replace", is_flag=True, help="Let the source win where an entry differs; else it is kept.")
@json_option
def import_entries(
    source: Path,
    *,
    path: Path,
    dry_run: bool,
    faults: Path | None,
    columns: Path | None,
    replace: bool,
    as_json: bool,
) -> None:
    """
    Import a sheet (.csv, .xlsx), STAC or an intake-esm datastore (.json) into a catalogue.

    Columns may have English or Chinese names; full-width digits, Chinese dates, degrees and GB18030 are understood.
    Sound rows are imported, all faults are listed; the exit code is 1 if there is any. Of entries that are there
    already, empty fields are filled and differing ones are kept and reported.

    \b
    Examples:
      oceandata catalog import 数据目录.xlsx --catalog catalog.yaml --dry-run
      oceandata catalog import 数据目录.xlsx --catalog catalog.yaml --faults 待修改.xlsx
      oceandata catalog import stac/catalog.json --catalog catalog.yaml
    """
    from oceandata.catalog import transfer

    report = transfer.import_entries(
        path, source, column_map=columns, replace=replace, dry_run=dry_run, faults_path=faults
    )
    if as_json:
        echo_json(report.to_json())
    else:
        _echo_import(report, dry_run=dry_run, replace=replace)
    sys.exit(1 if report.counts["refused"] else 0)


def _echo_export(report: "ExportReport", *, dry_run: bool) -> None:
    """What was exported, and what was held back."""
    for reason in report.withheld.values():
        click.echo(f"withheld: {reason}")
    verb = "would be written to" if dry_run else "written to"
    facts: list[tuple[str, object]] = [
        ("exported", f"{len(report.exported)} {verb} {report.path}"),
        ("withheld", len(report.withheld)),
    ]
    if report.vocabulary != "sheet":
        missing = {"stac": "pystac", "dcat": "rdflib and pyshacl"}[report.vocabulary]
        facts.append(("checked", f"by {report.checked_by}" if report.checked_by else f"no: {missing} not installed"))
    echo_facts(facts)


@click.command("export")
@click.argument("names", nargs=-1, metavar="[ENTRY]...", shell_complete=complete_entry)
@path_option
@click.option("--all", "everything", is_flag=True, help="Every entry that may be released; the others are named.")
@click.option("--as", "vocabulary", required=True, type=click.Choice(["stac", "dcat", "sheet"]), help="Vocabulary.")
@click.option(
    "--to",
    "target",
    required=True,
    type=click.Path(path_type=Path),
    help="stac: a folder; dcat: a .jsonld file; sheet: a .csv or .xlsx file.",
)
@click.option("--lang", type=click.Choice(["en", "zh"]), default="en", show_default=True, help="Of columns of a sheet.")
@click.option("--replace", is_flag=True, help="Write over what an earlier export wrote there.")
@click.option("--dry-run", is_flag=True, help="Do everything but write.")
@json_option
def export_entries(
    names: tuple[str, ...],
    *,
    path: Path,
    everything: bool,
    vocabulary: str,
    target: Path,
    lang: str,
    replace: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """
    Export entries as STAC, DCAT 3 or a sheet; public fields only.

    An entry whose grade is absent, core or important stays in the house unless a named person's decision is recorded.
    No internal address, path or e-mail leaves it.

    \b
    Examples:
      oceandata catalog export sst_daily --as stac --to stac
      oceandata catalog export --all --as dcat --to catalog.jsonld --replace
      oceandata catalog export --all --as sheet --to 目录.xlsx --lang zh
    """
    import dataclasses
    from typing import Any

    from oceandata.catalog import open_catalog, transfer

    if everything == bool(names):
        msg = "name entries, or give --all" if not names else "give names of entries or --all, not both"
        raise click.UsageError(msg)
    catalog = open_catalog(path)
    choices: dict[str, Any] = {"vocabulary": vocabulary, "language": lang, "replace": replace, "dry_run": dry_run}
    title = str(catalog.metadata.get("title") or "Ocean datasets")
    entries = [catalog[name] for name in (catalog if everything else dict.fromkeys(names))]
    report = transfer.export_entries(entries, target, title=title, withhold=everything, **choices)
    if as_json:
        echo_json(dataclasses.asdict(report))
    else:
        _echo_export(report, dry_run=dry_run)
