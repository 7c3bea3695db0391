"""Commands that find entries: list, search, and index for what is too much for one file."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from oceandata.cli.catalogs import path_option
from oceandata.cli.output import COUNT, echo_json, echo_table, json_option

if TYPE_CHECKING:
    from oceandata.catalog import Catalog

__all__ = ["index", "list_entries", "search"]

#: Orders of a result, as `oceandata.catalog.search.SORTS` has them; named here so that --help loads nothing.
_SORTS = ("relevance", "name", "title", "size", "period")

#: Entries of a table, and values of a facet, unless more are asked for.
_ROWS, _VALUES = 100, 10


def _rows(found: "Catalog") -> list[tuple[object, ...]]:
    """One row an entry."""
    from oceandata._html import human_bytes

    rows: list[tuple[object, ...]] = []
    for name, entry in found.items():
        time = entry.extent.time
        period = f"{time[0]:%Y-%m} to {time[1]:%Y-%m}" if time else ""
        size = "unknown" if entry.stored_bytes is None else human_bytes(entry.stored_bytes)
        status = entry.trade.status if entry.trade else "not traded"
        rows.append((name, entry.title, entry.title_zh, period, size, entry.license, status))
    return rows


def _counted(count: int) -> str:
    return f"{count:,} {'entry' if count == 1 else 'entries'}"


def _echo_entries(shown: "Catalog", count: int, *, hint: str = "") -> None:
    """Entries as a table, and how many there are; of none only the number and a hint."""
    rows = _rows(shown)
    if rows:
        echo_table(rows, ["entry", "title", "标题", "period", "stored", "licence", "exchange"])
    elif hint:
        click.echo(hint)
    told = _counted(count)
    click.echo(told if count == len(rows) else f"{told}, the first {len(rows):,} are shown; --limit shows more")


def _echo_facets(found: "Catalog", *, as_json: bool) -> None:
    """How many entries there are of each kind."""
    facets = {facet: {str(value): count for value, count in values.items()} for facet, values in found.facets().items()}
    if as_json:
        echo_json({"entries": len(found), "facets": facets})
        return
    for facet, values in facets.items():
        rows = [(value, f"{count:,}") for value, count in list(values.items())[:_VALUES]]
        echo_table(rows, [facet, "entries"])
        click.echo(f"… and {len(values) - len(rows):,} more\n" if len(values) > len(rows) else "")
    click.echo(_counted(len(found)))


@click.command("list")
@path_option
@click.option("--limit", type=COUNT, help=f"At most so many; {_ROWS} by default, all with --json.")
@json_option
def list_entries(path: Path, *, limit: int | None, as_json: bool) -> None:
    """
    List the entries of a catalogue.

    \b
    Examples:
      oceandata catalog list --catalog catalog.yaml
      oceandata catalog list --limit 1000 --json
    """
    from oceandata.catalog import open_catalog

    whole = open_catalog(path)
    if as_json:
        shown = whole if limit is None else whole.head(limit)
        echo_json([entry.to_json() for entry in shown.values()])
    else:
        _echo_entries(whole.head(limit or _ROWS), len(whole))


@click.command()
@click.argument("words", nargs=-1)
@path_option
@click.option("--bbox", nargs=4, type=float, metavar="W S E N", help="Box in degrees; W above E crosses the date line.")
@click.option("--time", help="Period such as 2009, 2009-06/2010-05.")
@click.option("--depth", nargs=2, type=float, metavar="TOP BOTTOM", help="Depth range in m.")
@click.option("--variable", help="Native name, alias, CF name or Chinese word.")
@click.option("--standard-name", help="CF standard name.")
@click.option("--keyword", help="Exactly this keyword, in English or Chinese.")
@click.option("--licence", help="Licence identifier.")
@click.option("--provider", help="Name of a provider.")
@click.option("--processing-level", help="Processing level, such as L4.")
@click.option("--traded/--not-traded", default=None, help="With or without a product.")
@click.option("--limit", type=COUNT, help=f"At most so many; {_ROWS} by default, all with --json.")
@click.option("--sort", type=click.Choice(_SORTS), default="relevance", show_default=True, help="Which come first.")
@click.option("--facets", is_flag=True, help="Print how many there are of each kind, not the entries.")
@json_option
def search(
    words: tuple[str, ...],
    path: Path,
    *,
    limit: int | None,
    sort: str,
    facets: bool,
    as_json: bool,
    **asked: Any,
) -> None:
    """
    Search by words in English or Chinese, place, time, depth and variable.

    \b
    Examples:
      oceandata catalog search 渤海 水温 --time 2009/2010
      oceandata catalog search 海表温度 --bbox -170 -5 -120 5 --sort size --limit 10
      oceandata catalog search --variable tos --facets
      oceandata catalog search --standard-name sea_water_salinity --depth 0 700 --json
    """
    from oceandata.catalog import open_catalog

    question = {name: value for name, value in asked.items() if value is not None}
    whole, text = open_catalog(path), " ".join(words)
    found = whole.search(text=text, sort=sort, **question)
    if facets:
        _echo_facets(found, as_json=as_json)
    elif as_json:
        shown = found if limit is None else found.head(limit)
        echo_json([entry.to_json() for entry in shown.values()])
    else:
        shown = found.head(limit or _ROWS)
        hint = "" if shown else whole.hint(text=text, variable=question.get("variable", ""))
        _echo_entries(shown, len(found), hint=hint)


@click.command()
@path_option
@click.option("--whole", is_flag=True, help="Build all of it anew, not only what changed.")
@click.option("--move", is_flag=True, help="Move the entries of the catalogue file into bulk files first.")
@json_option
def index(path: Path, *, whole: bool, move: bool, as_json: bool) -> None:
    """
    Index the bulk entries beside a catalogue file, or bring their index up to date.

    Bulk entries are the files entries/*.jsonl.gz in the folder of the catalogue, one entry a line of JSON in the order
    of names: a million of them are found in milliseconds. A catalogue file without them needs no index.

    \b
    Examples:
      oceandata catalog index --catalog catalog.yaml
      oceandata catalog index --catalog catalog.yaml --move
    """
    import dataclasses

    from oceandata import catalog as catalogs
    from oceandata.progress import byte_bar

    with byte_bar("index") as bar:
        report = catalogs.move_entries(path, progress=bar) if move else None
        if report is None or whole:
            report = catalogs.index_catalog(path, whole=whole, progress=bar)
    if as_json:
        echo_json(dataclasses.asdict(report))
    elif report.action == "nothing":
        click.echo(f"{_counted(report.entries)}; the index is up to date")
    elif report.action == "updated":
        click.echo(
            f"{_counted(report.entries)}; {report.changed:,} added or changed, {report.removed:,} replaced or gone"
        )
    else:
        click.echo(f"{_counted(report.entries)}; the index was built anew")
