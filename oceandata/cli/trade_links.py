"""Command that links a product, its entry in the catalogue and its document both ways."""

from pathlib import Path

import click

from oceandata.cli.catalogs import path_option
from oceandata.cli.output import echo_json, echo_table, json_option
from oceandata.cli.trade_registry import registry_option

__all__ = ["relink"]


@click.command()
@click.argument("product")
@path_option
@registry_option
@click.option("--dry-run", is_flag=True, help="Print what would change, write nothing.")
@click.option(
    "--lang", type=click.Choice(("en", "zh")), help="Language; that of the session by default (OCEANDATA_LANGUAGE)."
)
@json_option
def relink(product: str, path: Path, place: str, *, dry_run: bool, lang: str | None, as_json: bool) -> None:
    """
    Link a product both ways: its entry and its document name what the registry has.

    The entry comes to name the newest final revision, at which it is opened, and the page of the listing, if somebody
    has read one; the product document beside the catalogue names that page and the entry. The registry is not changed.
    Refused if an entry that is marked as an example is on sale, or its repository holds other values.

    \b
    Examples:
      oceandata trade relink qd:sst --catalog catalog.yaml --dry-run
      oceandata trade relink qd:sst --catalog catalog.yaml
    """
    from oceandata.catalog import open_catalog
    from oceandata.options import get_options
    from oceandata.trade.exchange.relinking import plan_relink, write_relink
    from oceandata.trade.registry import open_registry

    language = lang or get_options().language
    with open_registry(place) as registry:
        plan = plan_relink(registry, product, open_catalog(path))
    if not dry_run:
        write_relink(plan)
    if as_json:
        echo_json(plan.to_json() | {"dry_run": dry_run})
        return
    if plan.changes:
        echo_table(plan.rows(language), plan.headers(language))
    told = {
        "en": "everything is linked already"
        if not plan.changes
        else "nothing was written: a dry run"
        if dry_run
        else "",
        "zh": "均已关联" if not plan.changes else "未写入：试运行" if dry_run else "",
    }[language]
    if told:
        click.echo(told)
