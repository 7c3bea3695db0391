"""Commands on product documents: validate, draft, show; and what a result costs and may be used for."""

import contextlib
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from oceandata.cli.catalogs import complete_entry, path_option
from oceandata.cli.output import echo_facts, echo_json, echo_table, json_option

if TYPE_CHECKING:
    from oceandata.trade.registry.registry import Registry

__all__ = ["attribution", "draft", "quote", "relist", "show", "validate"]

_lang_option = click.option(
    "--lang", type=click.Choice(("en", "zh")), help="Language; that of the session by default (OCEANDATA_LANGUAGE)."
)
_products_option = click.option(
    "--products",
    "places",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Product document, or folder of them; may be given several times. By default the folder of the catalogue.",
)
_registry_option = click.option(
    "--registry",
    "place",
    metavar="FILE|URL",
    help="Take what is on sale, offers and permitted uses from this registry instead of product documents.",
)
_day_option = click.option(
    "--at", type=click.DateTime(("%Y-%m-%d",)), metavar="YYYY-MM-DD", help="The day; today by default."
)


def _day(at: Any) -> date | None:
    return None if at is None else at.date()


@contextlib.contextmanager
def _speaking(lang: str | None) -> Iterator[str]:
    """Language that was asked for, or that of the session; names in documents are taken in it too."""
    from oceandata.options import get_options, set_options

    language = lang or get_options().language
    with set_options(language=language):
        yield language


@contextlib.contextmanager
def _opened(place: str | None) -> "Iterator[Registry | None]":
    """The registry that was named, if one was."""
    if place is None:
        yield None
        return
    if not place.strip():
        msg = "--registry names no registry: give its file or URL, or leave it out for product documents."
        raise click.UsageError(msg)
    from oceandata.trade.registry import open_registry

    with open_registry(place) as registry:
        yield registry


def _shelf(places: tuple[Path, ...], path: Path, registry: "Registry | None" = None) -> list[Path] | None:
    """Where to look for products: what was named, else the folder of the catalogue; nowhere beside a registry."""
    if registry is None:
        return list(places) if places else [path.absolute().parent]
    if places:
        msg = "give --products or --registry, one of them."
        raise click.UsageError(msg)
    return None


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE...")
@_lang_option
@json_option
def validate(files: tuple[Path, ...], *, lang: str | None, as_json: bool) -> None:
    """
    List everything that is wrong with product documents, with file and line.

    Warnings name what a product on the exchange needs besides. The exit code is 1 if there is an error.

    \b
    Examples:
      oceandata trade validate product.yaml
      oceandata trade validate products/*.yaml --lang zh
    """
    import dataclasses

    from oceandata.catalog.messages import SEVERITIES
    from oceandata.options import get_options
    from oceandata.trade.product_check import check_product
    from oceandata.trade.product_messages import translated_fault

    language = lang or get_options().language
    faults = [translated_fault(fault, language) for file in files for fault in check_product(file)]
    errors = sum(fault.severity == "error" for fault in faults)
    if as_json:
        echo_json({"files": list(map(str, files)), "faults": [dataclasses.asdict(fault) for fault in faults]})
    else:
        for fault in faults:
            click.echo(f"{fault.file}:{fault.line}: {SEVERITIES[language][fault.severity]}: {fault.message}")
        warnings = len(faults) - errors
        counts = {
            "en": f"documents: {len(files)}, errors: {errors}, warnings: {warnings}",
            "zh": f"文档 {len(files)}，错误 {errors}，警告 {warnings}",
        }
        click.echo(counts[language])
    sys.exit(1 if errors else 0)


@click.command()
@click.argument("entry", shell_complete=complete_entry)
@path_option
@click.option(
    "--to", "target", type=click.Path(path_type=Path, dir_okay=False), help="File to write; must not exist yet."
)
def draft(entry: str, *, path: Path, target: Path | None) -> None:
    """
    Draft the product document of an entry; TODO marks what a person must decide.

    \b
    Examples:
      oceandata trade draft sst_daily --catalog catalog.yaml
      oceandata trade draft sst_daily --to products/sst_daily.yaml
    """
    from oceandata.catalog import open_catalog
    from oceandata.errors import InputError, RepositoryExistsError
    from oceandata.trade.product_check import TODO, draft_product

    catalog = open_catalog(path)
    found = catalog[entry]
    places = {name: catalog.located(asset.href) for name, asset in found.assets.items()}
    text = draft_product(found, located=places)
    if target is None:
        click.echo(text, nl=False)
        return
    if not target.parent.is_dir():
        msg = f"folder {target.parent} does not exist. Create it first."
        raise InputError(msg)
    try:
        with target.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        msg = f"{target} exists already. Choose another name."
        raise RepositoryExistsError(msg) from error
    click.echo(f"{target}: {text.count(f'{TODO}:')} left to decide; check it with: oceandata trade validate {target}")


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@json_option
def show(file: Path, *, as_json: bool) -> None:
    """
    Show a product document: licence, permitted uses, offers, grade, revisions, quality.

    \b
    Example:
      oceandata trade show product.yaml
    """
    from oceandata.trade import load_product

    product = load_product(file)
    echo_json(product.to_json()) if as_json else echo_facts(product.facts())


def _parts(text: str) -> list[str]:
    return [part.strip() for part in text.replace("，", ",").split(",") if part.strip()]


def _selection(entry: str, path: Path, **asked: Any) -> Any:
    """A part of an entry, opened."""
    from oceandata.catalog import open_catalog
    from oceandata.errors import InputError
    from oceandata.trade.subset.selection import Request, open_request

    depth = asked.pop("depth")
    bounds = None
    if depth is not None:
        try:
            top, _, bottom = depth.partition("/")
            bounds = (float(top), float(bottom or top))
        except ValueError as error:
            msg = f"--depth is {depth!r}, need top and bottom in m, positive down, such as 0/700."
            raise InputError(msg) from error
    variables = tuple(_parts(asked.pop("variables")))
    return open_request(open_catalog(path), Request(entry, depth=bounds, variables=variables, **asked))


@click.command()
@click.argument("file", required=False, type=click.Path(path_type=Path), metavar="[RESULT]")
@click.option("--entry", default="", shell_complete=complete_entry, help="Price a part of this entry of the catalogue.")
@path_option
@click.option("--bbox", nargs=4, type=float, metavar="W S E N", help="Box in degrees; may cross the date line.")
@click.option("--time", metavar="A/B", help="Period, both ends included: 2009, 2009-06/2010-05, ../2010.")
@click.option("--depth", metavar="TOP/BOTTOM", help="Depths in m, positive down, such as 0/700.")
@click.option("--variables", default="", metavar="NAME,…", help="Variables by any of their names; all by default.")
@_products_option
@_registry_option
@_day_option
@_lang_option
@json_option
def quote(
    file: Path | None,
    *,
    entry: str,
    path: Path,
    places: tuple[Path, ...],
    place: str | None,
    at: Any,
    lang: str | None,
    as_json: bool,
    **asked: Any,
) -> None:
    """
    Price a result, or a part of an entry, before a byte of data is read.

    RESULT is a file with a lineage, or the repository that a job made. Prices per GB are on the bytes delivered: the
    selected values in their published type. The exit code is 3 if a price is not known: that is not zero.

    \b
    Examples:
      oceandata trade quote nino34.nc --products products
      oceandata trade quote nino34.nc --registry oceandata-registry.sqlite --lang zh
      oceandata trade quote --entry sst --bbox -170 -5 -120 5 --time 2009/2010
    """
    from oceandata.trade.quote import quote as priced

    selected = [f"--{name}" for name, value in asked.items() if value]
    if bool(file) == bool(entry):
        msg = "give a RESULT, or --entry ENTRY, one of them."
        raise click.UsageError(msg)
    if file and selected:
        msg = f"{selected[0]} is for --entry: a RESULT is priced as it is."
        raise click.UsageError(msg)
    with _speaking(lang) as language, _opened(place) as registry:
        thing = file or _selection(entry, path, **asked)
        found = priced(thing, products=_shelf(places, path, registry), registry=registry, at=_day(at))
    if as_json:
        echo_json(found.to_json())
    else:
        echo_table(found.rows(language), found.headers(language))
        for note in found.notes(language):
            click.echo(note)
    sys.exit(0 if found.complete else 3)


@click.command()
@click.argument("file", type=click.Path(path_type=Path), metavar="RESULT")
@path_option
@_products_option
@_lang_option
def attribution(file: Path, *, path: Path, places: tuple[Path, ...], lang: str | None) -> None:
    """
    Print the text that names everyone a result owes its data to.

    \b
    Example:
      oceandata trade attribution nino34.nc --lang zh
    """
    from oceandata.trade.rights import attribution as owed

    click.echo(owed(file, lang=lang or "", products=_shelf(places, path)))  # type: ignore[arg-type]  # a choice


@click.command()
@click.argument("file", type=click.Path(path_type=Path), metavar="RESULT")
@path_option
@_products_option
@_registry_option
@_day_option
@click.option("--purpose", default="", help="What for, where a product is permitted for some purposes.")
@_lang_option
@json_option
def relist(
    file: Path,
    *,
    path: Path,
    places: tuple[Path, ...],
    place: str | None,
    at: Any,
    purpose: str,
    lang: str | None,
    as_json: bool,
) -> None:
    """
    Tell whether a result may be listed on an exchange, and why.

    The exit code is 0 if it is permitted, 1 if it is denied, 3 if it is undetermined: that never lists.

    \b
    Examples:
      oceandata trade relist nino34.nc --products products --purpose research
      oceandata trade relist nino34.nc --registry oceandata-registry.sqlite --lang zh
    """
    from oceandata.trade.rights import can_relist

    with _speaking(lang) as language, _opened(place) as registry:
        shelf = _shelf(places, path, registry)
        found = can_relist(file, products=shelf, registry=registry, purpose=purpose, at=_day(at))
    echo_json(found.to_json()) if as_json else echo_facts(found.facts(language))
    sys.exit({"permitted": 0, "denied": 1}.get(found.answer, 3))
