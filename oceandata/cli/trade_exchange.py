"""Commands on what an exchange hands out: its exports, drift, quality dossiers."""

import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from oceandata.cli.output import COUNT, echo_facts, echo_json, echo_table, json_option
from oceandata.cli.trade_registry import registry_option

if TYPE_CHECKING:
    from oceandata.trade.dossier import Dossier
    from oceandata.trade.exchange import DriftReport, ExchangeExport

__all__ = ["dossier", "drift", "import_listings"]

_FILE = click.Path(path_type=Path, dir_okay=False)
_DAY = click.DateTime(("%Y-%m-%d",))
_columns_option = click.option(
    "--columns", type=_FILE, help="YAML with your exchange's names and words, as catalogs/exchange/columns.yaml."
)
_exchange_option = click.option(
    "--exchange",
    default="",
    help="Which exchange, where the export does not say; needed to tell listings that are gone.",
)
_as_of_option = click.option("--as-of", type=_DAY, help="Day that the export tells of; the day of the file by default.")
_lang_option = click.option(
    "--lang", type=click.Choice(("en", "zh")), help="Language of the words; the session's by default."
)


def _language(lang: str | None) -> Any:
    """Language that was asked for, or that of the session."""
    from oceandata.options import get_options

    return lang or get_options().language


def _read(path: Path, columns: Path | None, exchange: str, as_of: datetime | None) -> "ExchangeExport":
    from oceandata.trade.exchange import read_export

    day = None if as_of is None else as_of.date()
    return read_export(path, column_map=columns, exchange=exchange, as_of=day)


@click.command("import-listings")
@click.argument("source", type=_FILE)
@_columns_option
@_exchange_option
@_as_of_option
@click.option("--to", "target", type=_FILE, help="Keep the sound rows in this .json, .xlsx or .csv, for 'drift'.")
@click.option("--faults", type=_FILE, help="Give the faulty rows back in this .xlsx or .csv, with the reasons.")
@click.option("--dry-run", is_flag=True, help="Tell what would be done, and every fault; write nothing.")
@_lang_option
@json_option
def import_listings(
    source: Path,
    *,
    columns: Path | None,
    exchange: str,
    as_of: datetime | None,
    target: Path | None,
    faults: Path | None,
    dry_run: bool,
    lang: str | None,
    as_json: bool,
) -> None:
    """
    Read an exchange's export (.csv, .xlsx, .json), and keep its sound rows.

    万元 and 元, 万条 and 亿条, Chinese dates, full-width digits and GB18030 are understood; columns that are not
    understood are kept as they are. All faults are listed; the exit code is 1 if there is any. The registry is not
    changed.

    \b
    Examples:
      oceandata trade import-listings 上架清单.xlsx --dry-run
      oceandata trade import-listings 上架清单.xlsx --to listings.json --faults 待修改.xlsx
    """
    from oceandata.trade.exchange import changes_of, read_export, write_export, write_refused

    export = _read(source, columns, exchange, as_of)
    before = read_export(target, column_map=columns) if target is not None and target.is_file() else None
    counts = changes_of(before, export)
    written = {}
    if target is not None and not dry_run:
        written["to"] = str(write_export(target, export, language=_language(lang)))
    if faults is not None and export.refused and not dry_run:
        written["faults"] = str(write_refused(faults, export))
    if as_json:
        echo_json(export.to_json() | {"counts": counts, "written": written, "dry_run": dry_run})
    else:
        _echo_export(export, counts, written, dry_run=dry_run)
    sys.exit(1 if export.refused else 0)


def _echo_export(export: "ExchangeExport", counts: dict[str, int], written: dict[str, str], *, dry_run: bool) -> None:
    """Every fault and note, then the counts."""
    headers = dict(zip(export.fields, export.table.headers, strict=True))
    for one in export.refused:
        for fault in one.faults:
            click.echo(f"{one.place}: error: {headers.get(fault.field, fault.field)}: {fault.message}")
    for note in export.notes:
        click.echo(f"note: {note}")
    told = f"{export.source} ({export.form}), {len(export.listings)} listings, {len(export.orders)} orders"
    facts: list[tuple[str, object]] = [("source", f"{told}, as of {export.as_of}"), ("sha256", export.sha256)]
    facts += list(counts.items())
    facts += [("written", "nothing: a dry run")] if dry_run else list(written.items())
    echo_facts(facts)


@click.command()
@click.option(
    "--catalog", "path", type=_FILE, envvar="OCEANDATA_CATALOG", help="Catalogue to compare (also OCEANDATA_CATALOG)."
)
@registry_option
@click.option("--export", "exports", type=_FILE, multiple=True, help="An exchange's last export; may be repeated.")
@_columns_option
@_exchange_option
@_as_of_option
@click.option("--expiring", default=30, show_default=True, type=click.IntRange(min=0), help="Days before an end.")
@click.option("--tolerance", default=0.05, show_default=True, type=float, help="Share by which sizes may differ.")
@click.option("--data/--no-data", default=True, help="Also read metadata of the repositories.")
@click.option("--to", "target", type=_FILE, help="Write the report to this .html, .xlsx or .csv file.")
@_lang_option
@json_option
def drift(place: str, *, path: Path | None, target: Path | None, lang: str | None, as_json: bool, **asked: Any) -> None:
    """
    Compare catalogue, registry, the exchange's last export, and the data; nothing is merged.

    Each difference has both values, where they come from, and the command that mends it if the other side is right;
    words in capitals are left to fill in.

    The exit code is 0 if all agree, 1 if anything differs or could not be checked, 2 if nothing could be compared.

    \b
    Examples:
      oceandata trade drift --catalog catalog.yaml --export listings.json
      oceandata trade drift --export 上架清单.xlsx --export 订单.csv --lang zh --to 差异.xlsx
    """
    from oceandata.errors import OceanDataError
    from oceandata.trade.exchange import write_drift

    try:
        report = _compared(place, path, asked)
        language = _language(lang)
        if target is not None:
            write_drift(target, report, language=language)
    except OceanDataError as error:
        click.echo(f"{type(error).__name__}: {error}", err=True)
        sys.exit(2)
    if as_json:
        echo_json(report.to_json())
    else:
        _echo_drift(report, language, target)
    sys.exit(0 if report.is_clean else 1)


def _compared(place: str, path: Path | None, asked: dict[str, Any]) -> "DriftReport":
    """Read all sides, and compare."""
    from oceandata.catalog import open_catalog
    from oceandata.progress import count_bar
    from oceandata.trade.exchange import find_drift
    from oceandata.trade.registry import open_registry

    exports = [_read(one, asked["columns"], asked["exchange"], asked["as_of"]) for one in asked["exports"]]
    catalog = None if path is None else open_catalog(path)
    with open_registry(place) as registry, count_bar("products") as moved:
        return find_drift(
            registry,
            catalog=catalog,
            exports=exports,
            expiring_days=asked["expiring"],
            tolerance=asked["tolerance"],
            check_data=asked["data"],
            on_progress=moved,
        )


def _echo_drift(report: "DriftReport", language: str, target: Path | None) -> None:
    """Differences one after the other, with their commands, then what was compared."""
    from oceandata.trade.exchange.words import told

    for one, row in zip(report.differences, report.rows(language), strict=True):
        severity, kind, product, name, field, first, value, second, other, line = row
        click.echo(f"{severity}: {kind}: {' '.join(filter(None, (product, name, field)))}")
        click.echo(f"  {first}: {value}")
        click.echo(f"  {second}: {other}")
        click.echo(f"  {line}" if one.command else "")
    words = ("已比较", "未检查", "差异", "报告") if language == "zh" else ("compared", "not checked", "drift", "report")
    facts: list[tuple[str, object]] = [(words[0], told(one, language)) for one in report.compared]
    facts += [(words[1], told(one, language)) for one in report.unchecked]
    facts.append((words[2], len(report.differences)))
    facts += [] if target is None else [(words[3], target)]
    echo_facts(facts)


def _pairs(_: click.Context, __: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    """Names and values of ``NAME=VALUE``."""
    pairs = {}
    for one in values:
        name, sign, value = one.partition("=")
        if not (name and sign and value):
            msg = f"{one!r} is no VARIABLE=NAME"
            raise click.BadParameter(msg)
        pairs[name] = value
    return pairs


@click.command()
@click.argument("target", metavar="PRODUCT|REPOSITORY")
@registry_option
@click.option("--revision", help="Number of a product's revision, or tag of a repository; the newest by default.")
@click.option("--layout", default="", help="Layout of a repository; the primary by default.")
@click.option("--fraction", default=1.0, show_default=True, type=float, help="Share of the chunks along time to read.")
@click.option("--seed", default=0, show_default=True, type=click.IntRange(min=0), help="Of the draw of these chunks.")
@click.option("--lag", default="", help="Within what time new steps were promised: P2D, PT6H.")
@click.option("--at", type=click.DateTime(("%Y-%m-%d", "%Y-%m-%dT%H:%M:%S")), help="When the age is taken, UTC.")
@click.option(
    "--standard-name", "standard_names", multiple=True, callback=_pairs, metavar="VARIABLE=NAME",
    help="CF standard name that a curator decided on.",
)  # fmt: skip
@click.option("--to", "path", type=_FILE, help="Write it to this .json, .html, .md, .xlsx or .csv file.")
@_lang_option
@json_option
def dossier(
    target: str, place: str, *, at: datetime | None, path: Path | None, lang: str | None, as_json: bool, **asked: Any
) -> None:
    """
    Measure the quality of a revision on the six dimensions of GB/T 36344.

    Each check names its method, its sample and the digest of what it found; the same data and options give the same
    digests. What cannot be told stays unknown, and there is no overall grade.

    \b
    Examples:
      oceandata trade dossier qd:sst --lag P2D --to dossier.html --lang zh
      oceandata trade dossier holdings/sst --fraction 0.1 --seed 7 --json
    """
    from datetime import UTC

    from oceandata.trade.dossier import write_dossier

    moment = None if at is None else at.replace(tzinfo=UTC)
    found = _assessed(target, place, asked | {"at": moment})
    language = _language(lang)
    if path is not None:
        write_dossier(path, found, language=language)
    if as_json:
        echo_json(found.to_json())
        return
    echo_facts([*found.facts(), *([("written", path)] if path is not None else [])])
    echo_table([row[:6] for row in found.rows(language)], found.headers(language)[:6])


def _assessed(target: str, place: str, asked: dict[str, Any]) -> "Dossier":
    """Dossier of a repository if there is one at the target, else of a product of the registry."""
    from oceandata.progress import count_bar
    from oceandata.storage.stores import repository_exists
    from oceandata.trade.dossier import assess, assess_product
    from oceandata.trade.registry import open_registry

    revision, layout = asked.pop("revision"), asked.pop("layout")
    with count_bar("variables") as moved:
        if "://" in target or (Path(target).exists() and repository_exists(target)):
            return assess(target, revision=revision or "", layout=layout, on_progress=moved, **asked)
        number = None if revision is None else COUNT.convert(revision, None, None)
        with open_registry(place) as registry:
            return assess_product(registry, target, number=number, on_progress=moved, **asked)
