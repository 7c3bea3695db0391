"""Commands on what is sold: offers, listings, revisions, orders, entitlements, holdings."""

import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from oceandata.cli.output import COUNT, echo_json, echo_table, json_option
from oceandata.cli.trade_registry import acting, read_document, registry_option

if TYPE_CHECKING:
    from oceandata.trade.registry import Event
    from oceandata.trade.registry.registry import Registry

__all__ = [
    "archive",
    "delist",
    "holdings",
    "import_entitlement",
    "import_order",
    "list_",
    "offer",
    "revise",
    "revoke_entitlement",
    "revoke_revision",
    "suspend",
]

_listing_option = click.option("--listing", type=COUNT, help="Its number; may be left out if only one can be meant.")
_reason_option = click.option("--reason", required=True, help="Why.")


@click.command()
@click.argument("product")
@click.argument("file", type=click.Path(path_type=Path))
@acting()
def offer(registry: "Registry", *, product: str, file: Path, actor: str, version: int | None) -> "Event":
    """
    Add a new version of a product's offer; earlier ones stay as they are.

    FILE is YAML or JSON with valid_from, valid_to and plans, as in a product document.

    \b
    Example:
      oceandata trade offer qd:sst offer.yaml --actor "Li Si"
    """
    from oceandata.trade.registry import add_offer

    return add_offer(registry, product, read_document(file)[0], actor=actor, version=version)


@click.command("list")
@click.argument("product")
@click.option("--exchange", required=True, help="The exchange.")
@click.option("--zone", default="", help="Part of the exchange.")
@click.option("--code", required=True, help="What the exchange calls the product.")
@click.option("--url", default="", help="Its page there; only one that somebody has read.")
@click.option("--url-verified-by", default="", help="Who has read the page.")
@click.option("--offer", type=COUNT, help="Version of the offer; the newest by default.")
@click.option("--revision", type=COUNT, help="Number of the revision; the newest by default.")
@click.option(
    "--profile", type=click.Path(path_type=Path), help="What the exchange asks for, as YAML; a certificate by default."
)
@click.option(
    "--catalog",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Catalogue whose entry, and the product document beside it, are linked to the listing.",
)
@acting()
def list_(
    registry: "Registry",
    *,
    product: str,
    actor: str,
    offer: int | None,
    revision: int | None,
    profile: Path | None,
    catalog: Path | None,
    version: int | None,
    **place: Any,
) -> "Event":
    """
    List a product on an exchange, or bring a listing to a newer offer or revision.

    Refused with every reason: grade core or not decided, no certificate, revision not final, offer not valid; with
    --catalog also if the entry is marked as an example, or cannot be linked.

    \b
    Examples:
      oceandata trade list qd:sst --exchange "First Exchange" --code ITS-CODE --actor "Li Si"
      oceandata trade list qd:sst --exchange "First Exchange" --code ITS-CODE --catalog catalog.yaml --actor "Li Si"
    """
    from oceandata.catalog import open_catalog
    from oceandata.trade.exchange.relinking import plan_relink, write_relink
    from oceandata.trade.registry import ExchangeProfile, list_product

    asks = None if profile is None else ExchangeProfile.from_json(read_document(profile)[0], where=str(profile))
    spot = {name: value for name, value in place.items() if value}
    plan = None
    if catalog is not None:
        plan = plan_relink(registry, product, open_catalog(catalog), is_listed=True, page=place["url"])
    event = list_product(
        registry, product, spot, actor=actor, offer=offer, revision=revision, profile=asks, version=version
    )
    if plan is not None:
        for change in plan.changes:
            click.echo(f"link: {change}", err=True)
        if not registry.dry_run:
            write_relink(plan)
    return event


@click.command()
@click.argument("product")
@_listing_option
@_reason_option
@click.option("--lift", is_flag=True, help="Put it on sale again.")
@acting()
def suspend(registry: "Registry", *, product: str, lift: bool, **given: Any) -> "Event":
    """
    Take a listing off sale for a time, or put it on sale again; entitlements stay.

    \b
    Examples:
      oceandata trade suspend qd:sst --reason "a sensor drifted" --actor "Li Si"
      oceandata trade suspend qd:sst --lift --reason "it was recalibrated" --actor "Li Si"
    """
    from oceandata.trade.registry import resume_listing, suspend_listing

    return (resume_listing if lift else suspend_listing)(registry, product, **given)


@click.command()
@click.argument("product")
@_listing_option
@_reason_option
@acting()
def delist(registry: "Registry", **given: Any) -> "Event":
    """
    End a listing; entitlements stay.

    \b
    Example:
      oceandata trade delist qd:sst --listing 2 --reason "the contract ended" --actor "Li Si"
    """
    from oceandata.trade.registry import delist as step

    return step(registry, given.pop("product"), **given)


@click.command()
@click.argument("product")
@_reason_option
@acting()
def archive(registry: "Registry", **given: Any) -> "Event":
    """
    Close a delisted product for good; it stays readable.

    \b
    Example:
      oceandata trade archive qd:sst --reason "replaced by qd:sst2" --actor "Li Si"
    """
    from oceandata.trade.registry import archive as step

    return step(registry, given.pop("product"), **given)


@click.command()
@click.argument("product")
@click.option("--repository", required=True, help="The data.")
@click.option("--revision", default="", help="Tag of the repository; the newest by default.")
@click.option("--layout", default="", help="Layout; the primary by default.")
@click.option("--change", default="", help="What is new, in words.")
@registry_option
@click.option("--actor", required=True, help="The person who does it, by name.")
@click.option("--dry-run", is_flag=True, help="Print what changed and would be pinned, write nothing.")
@json_option
def revise(
    product: str, *, repository: str, place: str, actor: str, dry_run: bool, as_json: bool, **asked: str
) -> None:
    """
    Pin a revision of a product: tag, snapshot and content root, with what changed since the one before.

    The repository then names the product. Refused if nothing changed, or the snapshot is pinned already.

    \b
    Examples:
      oceandata trade revise qd:sst --repository holdings/sst --dry-run --actor "Li Si"
      oceandata trade revise qd:sst --repository holdings/sst --revision r2 --actor "Li Si"
    """
    from oceandata.trade.registry import open_registry
    from oceandata.trade.revise import plan_product_revision, revise_product

    with open_registry(place, dry_run=dry_run) as registry:
        plan = plan_product_revision(registry, product, repository, **asked)
        if dry_run:
            echo_json(plan.to_json()) if as_json else click.echo(f"{plan}\nNothing was written.")
            return
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            report = revise_product(registry, plan, actor=actor)
    for warning in caught:
        click.echo(f"warning: {warning.message}", err=True)
    echo_json(report.to_json()) if as_json else click.echo(str(report))
    sys.exit(0 if report.linked else 3)


@click.command("revoke-revision")
@click.argument("product")
@click.argument("number", type=COUNT)
@click.option("--reason", required=True, help="Why, in 10 to 512 characters.")
@acting()
def revoke_revision(registry: "Registry", *, product: str, number: int, **given: Any) -> "Event":
    """
    Revoke a final revision; it stays readable and is never offered again.

    \b
    Example:
      oceandata trade revoke-revision qd:sst 2 --reason "a sensor was broken in May" --actor "Li Si"
    """
    from oceandata.trade.registry import revoke_revision as step

    return step(registry, product, number, **given)


@click.command("import-order")
@click.argument("file", type=click.Path(path_type=Path))
@acting(versioned=False)
def import_order(registry: "Registry", *, file: Path, actor: str) -> "Event":
    """
    Put down an order as the exchange tells of it, YAML or JSON.

    \b
    Example:
      oceandata trade import-order order-117.yaml --actor "Wu Wu"
    """
    from oceandata.trade.registry import import_order as step

    document, sha256 = read_document(file)
    return step(registry, document, actor=actor, source_sha256=sha256)


@click.command("import-entitlement")
@click.argument("file", type=click.Path(path_type=Path))
@acting(versioned=False)
def import_entitlement(registry: "Registry", *, file: Path, actor: str) -> "Event":
    """
    Put down what a buyer may do with a product, YAML or JSON.

    Refused with every reason if the scope does not fit the product: variables that it does not have, a box or a period
    outside of it. Only metadata of the data are read; where they cannot be, that is told.

    \b
    Example:
      oceandata trade import-entitlement entitlement-117.yaml --actor "Wu Wu"
    """
    from oceandata.trade.delivery.scopes import check_scope
    from oceandata.trade.registry import Entitlement
    from oceandata.trade.registry import import_entitlement as step

    document, sha256 = read_document(file)
    for note in check_scope(registry, Entitlement.from_json(document, where=str(file))):
        click.echo(f"note: {note}", err=True)
    return step(registry, document, actor=actor, source_sha256=sha256)


@click.command("revoke-entitlement")
@click.argument("entitlement")
@_reason_option
@acting(versioned=False)
def revoke_entitlement(registry: "Registry", **given: Any) -> "Event":
    """
    Revoke an entitlement; nothing is delivered under it any more.

    \b
    Example:
      oceandata trade revoke-entitlement E-117 --reason "the contract was broken" --actor "Wu Wu"
    """
    from oceandata.trade.registry import revoke_entitlement as step

    return step(registry, given.pop("entitlement"), **given)


@click.command()
@registry_option
@click.option(
    "--by", type=click.Choice(("provider", "theme", "product")), default="provider", show_default=True, help="Rows."
)
@json_option
def holdings(place: str, *, by: str, as_json: bool) -> None:
    """
    Show what is held, declared beside measured, without opening data.

    \b
    Examples:
      oceandata trade holdings
      oceandata trade holdings --by theme --json
    """
    from oceandata.trade.holdings import holdings as rolled
    from oceandata.trade.registry import open_registry

    with open_registry(place) as registry:
        found = rolled(registry, by=by)  # type: ignore[arg-type]  # one of the choices
    echo_json(found.to_json()) if as_json else echo_table(found.rows(), found.headers)
