"""Commands that tell others of products and results: DCAT with offers and policies, ODRL, OpenLineage."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import click

from oceandata.atomic import write_text
from oceandata.cli.catalogs import complete_entry, path_option
from oceandata.cli.output import echo_facts, echo_json, json_option

__all__ = ["export"]

_FILE = click.Path(path_type=Path, dir_okay=False)
_target_option = click.option("--to", "target", type=_FILE, help="File to make; standard output by default.")


@click.group()
def export() -> None:
    """
    Products and results in the words of others.

    \b
    Examples:
      oceandata trade export dcat --all --to catalog.jsonld
      oceandata trade export policy product.yaml --to policy.jsonld
      oceandata trade export lineage nino34.nc --to event.json
    """


@export.command("dcat")
@click.argument("names", nargs=-1, metavar="[ENTRY]...", shell_complete=complete_entry)
@path_option
@click.option("--all", "everything", is_flag=True, help="Every entry that may be released; the others are named.")
@click.option(
    "--product",
    "places",
    type=click.Path(path_type=Path),
    multiple=True,
    help="Product document, or folder of them; beside the catalogue by default.",
)
@click.option("--at", type=click.DateTime(("%Y-%m-%d",)), help="Day of the offer; today by default.")
@click.option("--to", "target", type=_FILE, required=True, help="A .jsonld file.")
@click.option("--replace", is_flag=True, help="Write over what is there.")
@click.option("--dry-run", is_flag=True, help="Do everything but write.")
@json_option
def dcat(
    names: tuple[str, ...],
    *,
    path: Path,
    everything: bool,
    places: tuple[Path, ...],
    at: Any,
    target: Path,
    replace: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """
    Export entries as DCAT 3, each with the policy (ODRL) and the offers of its product.

    \b
    Example:
      oceandata trade export dcat --all --to catalog.jsonld
    """
    import dataclasses

    from oceandata.catalog import open_catalog, transfer
    from oceandata.trade.policies import with_trade

    if everything == bool(names):
        msg = "name entries, or give --all" if not names else "give names of entries or --all, not both"
        raise click.UsageError(msg)
    catalog = open_catalog(path)
    entries = [catalog[name] for name in (catalog if everything else dict.fromkeys(names))]
    day: date | None = at.date() if at else None
    report = transfer.export_entries(
        entries,
        target,
        vocabulary="dcat",
        title=str(catalog.metadata.get("title") or "Ocean datasets"),
        withhold=everything,
        replace=replace,
        dry_run=dry_run,
        extend=with_trade(list(places) or path.parent, at=day),
    )
    if as_json:
        echo_json(dataclasses.asdict(report))
        return
    for reason in report.withheld.values():
        click.echo(f"withheld: {reason}")
    verb = "would be written to" if dry_run else "written to"
    checked = f"by {report.checked_by}" if report.checked_by else "no: rdflib and pyshacl not installed"
    echo_facts([("exported", f"{len(report.exported)} {verb} {report.path}"), ("checked", checked)])


def _write(document: Any, target: Path | None) -> None:
    """Print a document, or write it whole."""
    if target is None:
        echo_json(document)
        return
    write_text(target, json.dumps(document, ensure_ascii=False, indent=2) + "\n")
    echo_facts([("written", target)])


@export.command("policy")
@click.argument("file", type=_FILE)
@_target_option
def policy(file: Path, *, target: Path | None) -> None:
    """
    Export the permitted uses of a product document as ODRL.

    \b
    Example:
      oceandata trade export policy product.yaml --to policy.jsonld
    """
    from oceandata.catalog.transfer.dcat import DCAT_CONTEXT
    from oceandata.trade import load_product
    from oceandata.trade.policies import policy_node

    product = load_product(file)
    node = policy_node(product, target=f"urn:oceandata:entry:{product.entry}")
    _write({"@context": DCAT_CONTEXT, **node}, target)


@export.command("lineage")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--job", default="oceandata", show_default=True, help="What the work is called.")
@_target_option
def lineage(file: Path, *, job: str, target: Path | None) -> None:
    """
    Export what a written result was made of as a COMPLETE event of OpenLineage.

    \b
    Example:
      oceandata trade export lineage nino34.nc --job nino34 --to event.json
    """
    from oceandata.trade.exports import lineage_event

    _write(lineage_event(file, job=job), target)
