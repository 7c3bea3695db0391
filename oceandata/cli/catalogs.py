"""Commands on catalogues: show, check, register, update, template."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from oceandata.cli.output import echo_facts, echo_json, json_option

if TYPE_CHECKING:
    from oceandata.catalog import Catalog
    from oceandata.catalog.faults import Fault
    from oceandata.entities import Entry

__all__ = ["check", "complete_entry", "path_option", "register", "show", "template", "update"]


def complete_entry(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:  # noqa: ARG001
    """Names of the entries of the catalogue that was given, for the shell."""
    from oceandata.catalog import open_catalog
    from oceandata.errors import OceanDataError

    try:
        return open_catalog(ctx.params.get("path") or "catalog.yaml").names(incomplete)
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


def _counted(count: int, one: str, many: str) -> str:
    """Number with its noun."""
    return f"{count} {one if count == 1 else many}"


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


def _stored_facts(entry: "Entry", found: "Catalog") -> list[tuple[str, object]]:
    facts: list[tuple[str, object]] = []
    for name, variable in entry.variables.items():
        meaning = variable.canonical_name or variable.standard_name
        dims = zip(variable.dimensions or (), variable.shape or (), strict=False)
        sizes = ", ".join(f"{dim} {size}" for dim, size in dims)
        words = [meaning, variable.long_name_zh, f"[{variable.units}]" if variable.units else ""]
        named = " ".join(word for word in words if word)
        parts = [named, sizes, f"chunks {variable.chunks}" if variable.chunks else ""]
        facts.append((f"variable {name}", ", ".join(part for part in parts if part)))
    for name, asset in entry.assets.items():
        revision = f" revision {asset.revision}" if asset.revision else ""
        chunks = "" if asset.chunks is None else f"{asset.chunks} chunks"
        size = "" if asset.stored_bytes is None else f"{asset.stored_bytes} bytes"
        parts = [f"{found.located(asset.href)}{revision}", asset.type, chunks, size, asset.content_root]
        facts.append((f"layout {name}", ", ".join(part for part in parts if part)))
    return facts


def _facts(entry: "Entry", found: "Catalog") -> list[tuple[str, object]]:
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
        *_stored_facts(entry, found),
    ]
    if entry.trade:
        facts.append(("product", f"{entry.trade.product} revision {entry.trade.revision}: {entry.trade.status}"))
    return [(name, value) for name, value in facts if value and str(value).strip().casefold() != "unknown"]


@click.command()
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

    found = open_catalog(path)
    if as_json:
        echo_json(found[name].to_json())
    else:
        echo_facts(_facts(found[name], found))


@click.command()
@click.argument("file", required=False, type=click.Path(path_type=Path, dir_okay=False))
@path_option
@click.option("--level", type=click.IntRange(1, 4), default=2, show_default=True, help="How deep; see above.")
@click.option("--open", "opens", is_flag=True, help="The same as --level 3.")
@click.option("--alive", is_flag=True, help="Levels 1, 2 and 4: ask each address, open nothing.")
@click.option("--dry-run", is_flag=True, help="At level 4, write nothing into the entries.")
@click.option("--lang", type=click.Choice(("en", "zh")), help="Language of the faults; the session's by default.")
@json_option
def check(
    file: Path | None,
    path: Path,
    *,
    level: int,
    opens: bool,
    alive: bool,
    dry_run: bool,
    lang: str | None,
    as_json: bool,
) -> None:
    """
    Check a catalogue file, or a draft: every fault with its line. The exit code is 1 if there is an error.

    Level 1 is syntax and safety; 2 adds schema, units, CF names, licence, extents and gaps; 3 opens every dataset and
    compares it with its record; 4 asks whether each address answers, and writes status and date into the entries.

    \b
    Examples:
      oceandata catalog check catalog.yaml --level 3 --lang zh
      oceandata catalog check drafts/sst.yaml
      oceandata catalog check catalog.yaml --alive --dry-run
    """
    import dataclasses

    from oceandata import catalog as catalogs
    from oceandata.catalog.messages import SEVERITIES, translated
    from oceandata.options import get_options

    place, language = file or path, lang or get_options().language
    asks = alive or level == 4
    faults = catalogs.check_catalog(place, level=3 if opens or level > 2 else level)
    if asks and not any(fault.severity == "error" for fault in faults):
        faults = sorted({*faults, *_silent(place, dry_run=dry_run)})
    faults = [translated(fault, language) for fault in faults]
    errors = sum(fault.severity == "error" for fault in faults)
    if as_json:
        echo_json([dataclasses.asdict(fault) for fault in faults])
    else:
        for fault in faults:
            click.echo(f"{fault.file}:{fault.line}: {SEVERITIES[language][fault.severity]}: {fault.message}")
        counts = _counted(errors, "error", "errors"), _counted(len(faults) - errors, "warning", "warnings")
        click.echo(", ".join(counts) if language == "en" else f"错误 {errors} 个，警告 {len(faults) - errors} 个")
    sys.exit(1 if errors else 0)


def _silent(path: Path, *, dry_run: bool) -> "list[Fault]":
    """Places of a catalogue that are not alive, as faults."""
    from oceandata.catalog import check_alive
    from oceandata.catalog.faults import Fault

    return [
        Fault(
            str(path),
            one.line,
            f"{one.entry}: assets.{one.layout} is {one.status}: {one.reason}",
            "error" if one.status == "dead" else "warning",
        )
        for one in check_alive(path, dry_run=dry_run)
        if one.status != "alive"
    ]


def _echo_registered(entry: "Entry", path: Path, *, as_json: bool) -> None:
    """What the catalogue says of an entry now."""
    first = next(iter(entry.assets.values()))
    time = entry.extent.time
    facts = {
        "entry": f"{entry.id} in {path}",
        "title": entry.title,
        "revision": first.revision,
        "layouts": ", ".join(entry.assets),
        "period": f"{time[0]:%Y-%m-%d} to {time[1]:%Y-%m-%d}" if time else "",
    }
    if as_json:
        echo_json(entry.to_json())
    else:
        echo_facts([(name, value) for name, value in facts.items() if value])


@click.command()
@click.argument("url")
@click.option("--entry", "name", required=True, help="Name of the entry (lower case, digits, underscores).")
@click.option(
    "--overlay",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="YAML with title, title_zh, license, attribution, keywords, variables …; see 'oceandata catalog template'.",
)
@path_option
@click.option("--replace", is_flag=True, help="Take the place of an entry of the same name.")
@json_option
def register(url: str, *, name: str, overlay: Path, path: Path, replace: bool, as_json: bool) -> None:
    """
    Put an existing repository, with all layouts of its newest revision, into a catalogue.

    The overlay is a YAML file with any of the keys title, title_zh, summary, summary_zh, keywords, keywords_zh,
    license, attribution, citation, providers, processing_level and variables; 'oceandata catalog template' prints one
    to fill in. What it leaves out comes from the files.

    \b
    Examples:
      oceandata catalog template > overlay.yaml
      oceandata catalog register holdings/sst --entry sst_daily --overlay overlay.yaml --catalog catalog.yaml
    """
    from oceandata import catalog as catalogs

    curated = catalogs.load_overlay(overlay)
    entry = catalogs.register_repository(path, url, curated, name=name, replace=replace)
    _echo_registered(entry, path, as_json=as_json)


@click.command()
@click.argument("name", shell_complete=complete_entry)
@path_option
@json_option
def update(name: str, path: Path, *, as_json: bool) -> None:
    """
    Bring an entry up to the newest revision of its repository, with all its layouts.

    Title, licence and all else that a curator says stay. An entry that is linked to a product is updated only while
    its layouts keep their content roots (layouts were added); where values changed, the product needs a revision of
    its own first.

    \b
    Example:
      oceandata catalog update sst_daily --catalog catalog.yaml
    """
    from oceandata import catalog as catalogs

    _echo_registered(catalogs.update_entry(path, name), path, as_json=as_json)


def _require_absent(target: Path) -> None:
    """Refuse to write a template over a file that somebody may have filled in."""
    from oceandata.errors import RepositoryExistsError

    if target.exists():
        msg = f"there is a file at {target} already. Choose another name, or remove it."
        raise RepositoryExistsError(msg)


@click.command()
@click.option("--for", "purpose", type=click.Choice(["overlay", "sheet"]), default="overlay", show_default=True)
@click.option("--to", "target", type=click.Path(path_type=Path, dir_okay=False), help="File; a sheet needs one.")
@click.option("--lang", type=click.Choice(["en", "zh"]), default="en", show_default=True, help="Of columns of a sheet.")
def template(*, purpose: str, target: Path | None, lang: Literal["en", "zh"]) -> None:
    """
    Print an overlay to fill in, or write an empty sheet (.xlsx, .csv) for 'oceandata catalog import'.

    \b
    Examples:
      oceandata catalog template > overlay.yaml
      oceandata catalog template --for sheet --to 数据目录.xlsx --lang zh
    """
    from oceandata.catalog import overlay_template

    if purpose == "sheet":
        from oceandata.catalog.transfer import write_sheet_template

        if target is None:
            msg = "--for sheet needs --to FILE.xlsx or FILE.csv"
            raise click.UsageError(msg)
        _require_absent(target)
        click.echo(f"written to {write_sheet_template(target, language=lang)}")
    elif target is not None:
        _require_absent(target)
        target.write_text(overlay_template(), encoding="utf-8")
        click.echo(f"written to {target}")
    else:
        click.echo(overlay_template(), nl=False)
