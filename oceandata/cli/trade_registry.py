"""Commands on the registry: products from draft to registration, its events, its audit."""

import functools
import hashlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from oceandata.cli.output import COUNT, echo_facts, echo_json, echo_table, json_option

if TYPE_CHECKING:
    from oceandata.trade.registry import Event, ProductRecord
    from oceandata.trade.registry.registry import Registry

__all__ = [
    "acting",
    "add",
    "anchor",
    "approve",
    "audit",
    "init",
    "log",
    "objection",
    "products",
    "publicize",
    "read_document",
    "register",
    "registry_option",
    "return_",
    "status",
    "submit",
]

registry_option = click.option(
    "--registry",
    "place",
    default="oceandata-registry.sqlite",
    envvar="OCEANDATA_REGISTRY",
    show_default=True,
    help="File, or postgresql+psycopg://USER@HOST/DATABASE (also OCEANDATA_REGISTRY).",
)
_actor_option = click.option("--actor", required=True, help="The person who does it, by name.")
_version_option = click.option(
    "--version", type=COUNT, help="Version of the product that you saw; refused if somebody changed it since."
)
_dry_option = click.option("--dry-run", is_flag=True, help="Check and tell the step, write nothing.")
_limit_option = click.option("--limit", type=COUNT, default=50, show_default=True, help="Rows of the page.")


def acting(*, versioned: bool = True) -> Callable[[Callable[..., "Event"]], Callable[..., None]]:
    """
    Make a command of a function that makes one step in an open registry.

    Parameters
    ----------
    versioned : bool
        Whether the step takes the version of a product.

    Returns
    -------
    callable
        Decorator; the function gets the registry and its own arguments, and returns the event.
    """

    def decorate(function: Callable[..., "Event"]) -> Callable[..., None]:
        @functools.wraps(function)
        def command(*, place: str, dry_run: bool, as_json: bool, **given: Any) -> None:
            from oceandata.trade.registry import open_registry

            with open_registry(place, dry_run=dry_run) as registry:
                event = function(registry, **given)
            if as_json:
                echo_json(event.to_json() | {"dry_run": dry_run})
            else:
                _tell(event, dry_run=dry_run)

        command.__doc__ = function.__doc__
        options = [registry_option, _actor_option, *([_version_option] if versioned else []), _dry_option, json_option]
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


def _tell(event: "Event", *, dry_run: bool) -> None:
    """What was done, one fact a line."""
    facts: list[tuple[str, object]] = [("done", "nothing: a dry run" if dry_run else event.act)]
    facts += [("product", event.product)] if event.product else []
    for name, value in event.detail.items():
        moved = isinstance(value, list) and name == "state"
        facts.append((name, " -> ".join(filter(None, dict.fromkeys(value))) if moved else value))
    if not dry_run:
        facts.append(("event", f"{event.seq}, {event.hash}"))
    echo_facts(facts)


def read_document(path: Path) -> tuple[dict[str, Any], str]:
    """
    Read a YAML or JSON document.

    Parameters
    ----------
    path : pathlib.Path
        The file.

    Returns
    -------
    dict
        Its fields.
    str
        SHA-256 of the file.

    Raises
    ------
    DocumentError
        If it cannot be read, or holds no fields.
    """
    from oceandata.catalog.faults import fault_report, require_file
    from oceandata.catalog.positions import read_yaml
    from oceandata.errors import DocumentError

    require_file(path, kind="document")
    located = read_yaml(path)
    faults = list(located.faults)
    if not faults and not isinstance(located.value, dict):
        faults = [located.fault((), f"the file holds a {type(located.value).__name__}, need fields.")]
    if faults:
        raise DocumentError(fault_report(str(path), faults))
    return dict(located.value), hashlib.sha256(path.read_bytes()).hexdigest()


@click.command()
@registry_option
@_actor_option
@json_option
def init(place: str, *, actor: str, as_json: bool) -> None:
    """
    Make an empty registry: one file, or tables in an empty PostgreSQL database.

    \b
    Examples:
      oceandata trade init --actor "Li Si"
      oceandata trade init --registry postgresql+psycopg://keeper@db/exchange --actor "Li Si"
    """
    from oceandata.trade.registry import create_registry

    with create_registry(place, actor=actor) as registry:
        head = registry.head()
        facts: list[tuple[str, object]] = [("registry", registry.url), ("id", registry.id), ("event", head.hash)]
    echo_json(dict(facts)) if as_json else echo_facts(facts)


@click.command()
@registry_option
@click.option("--state", default="", help="Only products in this state.")
@click.option("--provider", default="", help="Only of this provider.")
@click.option("--theme", default="", help="Only of this theme.")
@click.option("--after", default="", help="Last product of the page before.")
@_limit_option
@json_option
def products(place: str, *, state: str, provider: str, theme: str, after: str, limit: int, as_json: bool) -> None:
    """
    List the products of the registry, a page at a time.

    \b
    Examples:
      oceandata trade products --state in_review
      oceandata trade products --after qd:sst --limit 20
    """
    from oceandata.trade.registry import open_registry

    with open_registry(place) as registry:
        page = registry.products(state=state, provider=provider, theme=theme, after=after, limit=limit)
    if as_json:
        echo_json([one.to_json() for one in page])
        return
    rows = [(one.id, one.state, one.version, one.title_zh or one.title, one.provider, one.theme) for one in page]
    echo_table(rows, ["product", "state", "version", "title", "provider", "theme"])
    if len(page) == limit:
        click.echo(f"the next page: --after '{page[-1].id}'")


def _review_facts(record: "ProductRecord") -> list[tuple[str, object]]:
    """Where a product stands in review and publicity."""
    facts: list[tuple[str, object]] = [
        ("product", record.id),
        ("title", " / ".join(filter(None, (record.title, record.title_zh)))),
        ("state", f"{record.state}, version {record.version}"),
        ("submitted by", record.submitted_by or "nobody"),
        ("approved by", record.reviewed_by or "nobody"),
    ]
    if record.publicity:
        facts.append(("publicity", f"{record.publicity['from']} to {record.publicity['to']}"))
        for one in record.publicity["objections"]:
            settled = f"settled by {one['settled_by']}" if "settled_by" in one else "open"
            facts.append((f"objection {one['number']}", f"{one['by']}: {one['text']} ({settled})"))
    return facts


def _sale_facts(parts: dict[str, list[Any]]) -> list[tuple[str, object]]:
    """What is sold, registered and listed of a product."""
    from oceandata.trade.registry.money import amount_text

    facts: list[tuple[str, object]] = []
    for one in parts["revisions"]:
        state = "final" if one.is_final else f"revoked: {one.reason}" if one.revoked_at else "not final"
        facts.append((f"revision {one.number}", f"{one.tag}, snapshot {one.snapshot}, {one.content_root}, {state}"))
    for one in parts["offers"]:
        known = one.amount_minor is not None
        price = amount_text(one.amount_minor, one.currency, scale=one.amount_scale) if known else ""
        facts.append((f"offer {one.version}", f"{one.model} {price}".strip()))
    facts += [("certificate", f"{one.scheme} {one.number} of {one.authority}") for one in parts["registrations"]]
    for one in parts["listings"]:
        where = " ".join(filter(None, (one.exchange, one.zone, one.code)))
        page = f", {one.url} (read by {one.url_verified_by} on {one.url_verified_at[:10]})" if one.url else ""
        what = f"{where}: {one.state}, revision {one.revision}, offer {one.offer}{page}"
        facts.append((f"listing {one.number}", what))
    return facts


@click.command()
@click.argument("product")
@registry_option
@json_option
def status(product: str, place: str, *, as_json: bool) -> None:
    """
    Show where a product stands: state, version, revisions, offers, certificates, listings.

    \b
    Example:
      oceandata trade status qd:sst
    """
    from oceandata.trade.registry import open_registry

    with open_registry(place) as registry:
        record = registry.product(product)
        parts: dict[str, list[Any]] = {
            "revisions": registry.revisions(product),
            "offers": registry.offers(product),
            "registrations": list(registry.registrations(product)),
            "listings": registry.listings(product),
        }
    if as_json:
        echo_json(record.to_json() | {name: [one.to_json() for one in found] for name, found in parts.items()})
        return
    echo_facts([*_review_facts(record), *_sale_facts(parts)])


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--theme", help="Under which the institution counts it.")
@acting()
def add(registry: "Registry", *, file: Path, theme: str | None, actor: str, version: int | None) -> "Event":
    """
    Add a product document as a draft; with --version N put it in place of the draft that you saw.

    \b
    Examples:
      oceandata trade add products/sst.yaml --actor "Li Si" --theme physics
      oceandata trade add products/sst.yaml --actor "Li Si" --version 3
    """
    from oceandata.trade import load_product
    from oceandata.trade.registry import add_product, replace_product

    document = load_product(file)
    if version is None:
        return add_product(registry, document, actor=actor, theme=theme or "")
    return replace_product(registry, document, actor=actor, version=version, theme=theme)


@click.command()
@click.argument("product")
@acting()
def submit(registry: "Registry", **given: Any) -> "Event":
    """
    Hand a draft in for review by a second person.

    \b
    Example:
      oceandata trade submit qd:sst --actor "Li Si"
    """
    from oceandata.trade.registry import submit as step

    return step(registry, given.pop("product"), **given)


@click.command("return")
@click.argument("product")
@click.option("--reason", required=True, help="Why.")
@acting()
def return_(registry: "Registry", **given: Any) -> "Event":
    """
    Send a product back to draft, with a reason.

    \b
    Example:
      oceandata trade return qd:sst --actor "Sun San" --reason "the period is wrong"
    """
    from oceandata.trade.registry import return_product

    return return_product(registry, given.pop("product"), **given)


@click.command()
@click.argument("product")
@acting()
def approve(registry: "Registry", **given: Any) -> "Event":
    """
    Approve what other people wrote and submitted.

    \b
    Example:
      oceandata trade approve qd:sst --actor "Sun San"
    """
    from oceandata.trade.registry import approve as step

    return step(registry, given.pop("product"), **given)


@click.command()
@click.argument("product")
@click.option("--days", type=COUNT, required=True, help="How long it is open to objections.")
@click.option(
    "--from", "starts", type=click.DateTime(("%Y-%m-%d",)), help="First day, not before today; today by default (UTC)."
)
@acting()
def publicize(registry: "Registry", *, starts: Any, **given: Any) -> "Event":
    """
    Put down when an approved product is open to objections, from today on.

    \b
    Example:
      oceandata trade publicize qd:sst --days 3 --actor "Sun San"
    """
    from oceandata.trade.registry import publicize as step

    return step(registry, given.pop("product"), starts=None if starts is None else starts.date(), **given)


@click.command()
@click.argument("product")
@click.option("--by", default="", help="Who objects.")
@click.option("--text", default="", help="What they say.")
@click.option("--settle", type=COUNT, metavar="N", help="Settle the objection of this number instead.")
@click.option("--reason", default="", help="How it was settled.")
@acting()
def objection(
    registry: "Registry", *, product: str, by: str, text: str, settle: int | None, reason: str, **given: Any
) -> "Event":
    """
    Put down an objection to a product in publicity, or settle one.

    \b
    Examples:
      oceandata trade objection qd:sst --by "A neighbour" --text "the buoys are ours" --actor "Sun San"
      oceandata trade objection qd:sst --settle 1 --reason "they are not, see letter 4" --actor "Sun San"
    """
    from oceandata.trade.registry import object_to, settle_objection

    if settle is not None:
        return settle_objection(registry, product, settle, reason=reason, **given)
    return object_to(registry, product, by=by, text=text, **given)


@click.command()
@click.argument("product")
@click.option(
    "--scheme",
    required=True,
    type=click.Choice(("exchange-product", "public-data-resource", "data-ip", "data-property", "other")),
    help="Kind of the certificate.",
)
@click.option("--number", required=True, help="Its number.")
@click.option("--authority", required=True, help="Who issued it.")
@click.option("--issued-on", required=True, metavar="YYYY-MM-DD", help="When.")
@click.option("--expires-on", metavar="YYYY-MM-DD", help="Until when; left out if it does not expire.")
@click.option("--verify-url", default="", help="Page on which it can be looked up; only one that you have read.")
@click.option(
    "--scan", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="Its scan; the digest is kept."
)
@click.option("--covers-revision", type=COUNT, help="First revision that it covers.")
@acting()
def register(
    registry: "Registry", *, product: str, scan: Path | None, actor: str, version: int | None, **said: Any
) -> "Event":
    """
    Attach a registration certificate; the first one ends the publicity.

    \b
    Example:
      oceandata trade register qd:sst --scheme data-ip --number P-1 --authority C --issued-on 2026-10-08 --actor "Li Si"
    """
    from oceandata.trade.registry import register_certificate

    if scan is not None:
        said["scan_sha256"] = hashlib.sha256(scan.read_bytes()).hexdigest()
    certificate = {name: value for name, value in said.items() if value not in (None, "")}
    return register_certificate(registry, product, certificate, actor=actor, version=version)


@click.command()
@click.argument("product", default="")
@registry_option
@click.option("--before", type=COUNT, help="Smallest number of the page before.")
@_limit_option
@json_option
def log(product: str, place: str, *, before: int | None, limit: int, as_json: bool) -> None:
    """
    List events, the newest first: of one product, or of all.

    \b
    Examples:
      oceandata trade log qd:sst
      oceandata trade log --before 1200 --limit 20
    """
    from oceandata.trade.registry import open_registry

    with open_registry(place) as registry:
        if product:
            registry.product(product)  # an unknown one is an error, not a page without events
        page = registry.events(product, before=before, limit=limit)
    if as_json:
        echo_json([one.to_json() for one in page])
        return
    rows = []
    for one in page:
        detail = {name: value for name, value in one.detail.items() if name not in ("state", "version")}
        state = " -> ".join(filter(None, dict.fromkeys(one.detail.get("state", []))))
        said = ", ".join(f"{name} {value}" for name, value in detail.items())
        rows.append((one.seq, f"{one.at[:19]}Z", one.actor, one.act, one.product or "", state, said))
    echo_table(rows, ["event", "at", "actor", "act", "product", "state", "detail"])
    if len(page) == limit:
        click.echo(f"the next page: --before {page[-1].seq}")


@click.command()
@registry_option
@click.option("--anchor", "kept", type=click.Path(path_type=Path), help="An anchor that was kept elsewhere, as JSON.")
@json_option
def audit(place: str, *, kept: Path | None, as_json: bool) -> None:
    """
    Compute the chain of events again, and compare every row with its last event, and the schema with a new one.

    The first altered event is named, and so are tables, indexes and triggers that somebody removed, altered or added.
    The exit code is 1 if anything was altered.

    \b
    Examples:
      oceandata trade audit
      oceandata trade audit --anchor anchor-2026-11.json
    """
    from oceandata.trade.registry import Anchor, audit_registry, open_registry

    known = None if kept is None else Anchor.from_json(read_document(kept)[0])
    with open_registry(place) as registry:
        report = audit_registry(registry, anchor=known)
    echo_json(report.to_json()) if as_json else echo_facts(report.facts())
    sys.exit(0 if report.is_whole else 1)


@click.command()
@registry_option
@json_option
def anchor(place: str, *, as_json: bool) -> None:
    """
    Print the digest of the newest event, to be kept where nobody can change it.

    \b
    Examples:
      oceandata trade anchor
      oceandata trade anchor --json > anchor-2026-11.json
    """
    from oceandata.trade.registry import anchor_of, open_registry

    with open_registry(place) as registry:
        found = anchor_of(registry)
    if as_json:
        echo_json(found.to_json())
    else:
        echo_facts([(name, value or "not available here") for name, value in found.to_json().items()])
