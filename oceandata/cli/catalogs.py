"""Commands on catalogues: list, show, search, check."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from oceandata.cli.output import echo_facts, echo_json, echo_table, json_option

if TYPE_CHECKING:
    from oceandata.catalog import Catalog
    from oceandata.entities import Entry

__all__ = ["catalog", "complete_entry", "path_option"]


def complete_entry(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:  # noqa: ARG001
    """Names of the entries of the catalogue that was given, for the shell."""
    from oceandata.catalog import open_catalog
    from oceandata.errors import OceanDataError

    try:
        return [name for name in open_catalog(ctx.params.get("path") or "catalog.yaml") if name.startswith(incomplete)]
    except (OceanDataError, OSError):
        return []


path_option = click.option(
    "--catalog",
    "path",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("catalog.yaml"),
    envvar="OCEANDATA_CATALOG",
    show_default=True,
    is_eager=True,
    help="Catalogue file (also OCEANDATA_CATALOG).",
)


@click.group()
def catalog() -> None:
    """
    List, show, search and check catalogues.

    \b
    Examples:
      oceandata catalog list --catalog catalog.yaml
      oceandata catalog search 渤海 水温 --time 2009/2010
    """


def _rows(found: "Catalog") -> list[tuple[object, ...]]:
    from oceandata._html import human_bytes

    rows: list[tuple[object, ...]] = []
    for name in found:
        entry = found[name]
        time = entry.extent.time
        period = f"{time[0]:%Y-%m} to {time[1]:%Y-%m}" if time else ""
        size = human_bytes(sum(asset.stored_bytes for asset in entry.assets.values()))
        status = entry.trade.status if entry.trade else "not traded"
        rows.append((name, entry.title, entry.title_zh, period, size, entry.license, status))
    return rows


def _echo_entries(found: "Catalog", *, as_json: bool) -> None:
    if as_json:
        echo_json([found[name].to_json() for name in found])
        return
    echo_table(_rows(found), ["entry", "title", "标题", "period", "stored", "licence", "exchange"])
    click.echo(f"{len(found)} entries")


@catalog.command("list")
@path_option
@json_option
def list_entries(path: Path, *, as_json: bool) -> None:
    """
    List the entries of a catalogue.

    \b
    Example:
      oceandata catalog list --catalog catalog.yaml
    """
    from oceandata.catalog import open_catalog

    _echo_entries(open_catalog(path), as_json=as_json)


def _extent_facts(entry: "Entry") -> list[tuple[str, object]]:
    extent = entry.extent
    facts: list[tuple[str, object]] = []
    if extent.bbox is not None:
        west, south, east, north = extent.bbox
        facts.append(("box", f"W {west:g} S {south:g} E {east:g} N {north:g}"))
    if extent.time is not None:
        facts.append(("time", f"{extent.time[0]:%Y-%m-%d} to {extent.time[1]:%Y-%m-%d} {extent.time_resolution}"))
    if extent.depth_m is not None:
        facts.append(("depth", f"{extent.depth_m[0]:g} to {extent.depth_m[1]:g} m"))
    return facts


def _stored_facts(entry: "Entry") -> list[tuple[str, object]]:
    facts: list[tuple[str, object]] = []
    for name, variable in entry.variables.items():
        meaning = variable.canonical_name or variable.standard_name
        sizes = ", ".join(f"{dim} {size}" for dim, size in zip(variable.dimensions, variable.shape, strict=True))
        text = f"{meaning} {variable.long_name_zh} [{variable.units}], {sizes}, chunks {variable.chunks}"
        facts.append((f"variable {name}", text))
    for name, asset in entry.assets.items():
        size = f"{asset.chunks} chunks, {asset.stored_bytes} bytes"
        facts.append((f"layout {name}", f"{asset.href} revision {asset.revision}, {size}, {asset.content_root}"))
    return facts


def _facts(entry: "Entry") -> list[tuple[str, object]]:
    facts: list[tuple[str, object]] = [
        ("entry", entry.id),
        ("title", entry.title),
        ("标题", entry.title_zh),
        ("summary", entry.summary),
        ("keywords", ", ".join([*entry.keywords, *entry.keywords_zh])),
        ("licence", entry.license),
        ("attribution", entry.attribution),
        ("citation", entry.citation),
        ("providers", ", ".join(provider.name for provider in entry.providers)),
        *_extent_facts(entry),
        *_stored_facts(entry),
    ]
    if entry.trade:
        facts.append(("product", f"{entry.trade.product} revision {entry.trade.revision}: {entry.trade.status}"))
    return [(name, value) for name, value in facts if value]


@catalog.command()
@click.argument("name", shell_complete=complete_entry)
@path_option
@json_option
def show(name: str, path: Path, *, as_json: bool) -> None:
    """
    Show one entry.

    \b
    Example:
      oceandata catalog show ostia_sst_monthly --catalog catalog.yaml
    """
    from oceandata.catalog import open_catalog

    entry = open_catalog(path)[name]
    if as_json:
        echo_json(entry.to_json())
    else:
        echo_facts(_facts(entry))


@catalog.command()
@click.argument("words", nargs=-1)
@path_option
@click.option("--bbox", nargs=4, type=float, metavar="W S E N", help="Box in degrees; W above E crosses the date line.")
@click.option("--time", help="Period such as 2009, 2009-06/2010-05.")
@click.option("--depth", nargs=2, type=float, metavar="TOP BOTTOM", help="Depth range in m.")
@click.option("--variable", help="Native name, alias, CF name or Chinese word.")
@click.option("--licence", help="Licence identifier.")
@click.option("--provider", help="Name of a provider.")
@click.option("--traded/--not-traded", default=None, help="With or without a product.")
@click.option("--limit", type=int, help="At most so many.")
@json_option
def search(words: tuple[str, ...], path: Path, *, as_json: bool, **question: Any) -> None:
    """
    Search by words in English or Chinese, place, time, depth and variable.

    \b
    Examples:
      oceandata catalog search 海表温度 --bbox -170 -5 -120 5 --time 2009/2010
      oceandata catalog search --variable tos --json
    """
    from oceandata.catalog import open_catalog

    asked = {name: value for name, value in question.items() if value is not None}
    _echo_entries(open_catalog(path).search(text=" ".join(words), **asked), as_json=as_json)


@catalog.command()
@path_option
@json_option
def check(path: Path, *, as_json: bool) -> None:
    """
    Check a catalogue file: every fault with its line. The exit code is 1 if there is an error.

    \b
    Example:
      oceandata catalog check --catalog catalog.yaml
    """
    import dataclasses

    from oceandata.catalog import check_catalog

    faults = check_catalog(path)
    if as_json:
        echo_json([dataclasses.asdict(fault) for fault in faults])
    else:
        for fault in faults:
            click.echo(str(fault))
        click.echo(f"{len(faults)} faults")
    sys.exit(1 if any(fault.severity == "error" for fault in faults) else 0)
