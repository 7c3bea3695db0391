"""Commands of a delivery: keys, deliver, verify."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from oceandata.cli.catalogs import path_option
from oceandata.cli.output import COUNT, echo_facts, echo_json, json_option
from oceandata.cli.trade_registry import read_document, registry_option

if TYPE_CHECKING:
    from oceandata.trade.delivery import DeliveryPlan, Grant

__all__ = ["deliver", "key", "verify_delivery"]

_DOCUMENTS = (".yaml", ".yml", ".json")
_FILE = click.Path(path_type=Path, dir_okay=False)


@click.group()
def key() -> None:
    """
    Keys that deliveries are signed with.

    \b
    Example:
      oceandata trade key new provider.key --name "Second Institute"
    """


@key.command("new")
@click.argument("file", type=_FILE)
@click.option("--name", default="", help="Whose key it is.")
@json_option
def new(file: Path, *, name: str, as_json: bool) -> None:
    """
    Make a key pair: FILE, which only you can read, and FILE.pub for the buyers.

    \b
    Example:
      oceandata trade key new provider.key --name "Second Institute"
    """
    from oceandata.trade.delivery import load_key_file, new_key

    public = new_key(file, name=name)
    facts: list[tuple[str, object]] = [
        ("private key", f"{file}, mode 0600: keep it where no delivery, registry or backup of them is"),
        ("key file", f"{public}: give it to the buyers, by another way than the deliveries"),
        ("key", load_key_file(public).keys[0].id),
    ]
    echo_json({"private": str(file), "public": str(public), "key": facts[-1][1]}) if as_json else echo_facts(facts)


def _depths(text: str | None) -> tuple[float, float] | None:
    """Top and bottom written as ``0/700``, or one depth."""
    from oceandata.errors import InputError

    if text is None:
        return None
    try:
        parts = [float(part) for part in text.split("/")]
    except ValueError:
        parts = []
    if len(parts) not in (1, 2):
        msg = f"--depth is {text!r}, need top and bottom in m, positive down, such as 0/700."
        raise InputError(msg)
    return parts[0], parts[-1]


def _grant(entitlement: str, place: str, product: Path | None, revision: int | None, purpose: str) -> "Grant":
    """The entitlement, from a document or the registry."""
    from oceandata.errors import InputError
    from oceandata.trade.delivery import read_grant

    file = Path(entitlement)
    if file.suffix in _DOCUMENTS and file.is_file():
        if product is None:
            msg = f"{entitlement} is a document, so its product is needed too: --product FILE."
            raise InputError(msg)
        return read_grant(read_document(file)[0], product=product, revision=revision, purpose=purpose)
    from oceandata.trade.registry import open_registry

    with open_registry(place) as registry:
        return read_grant(entitlement, registry=registry, revision=revision, purpose=purpose)


def _planned(
    grant: "Grant", target: Path, *, clip: bool, form: str, path: Path, repository: str, **asked: Any
) -> "DeliveryPlan":
    """Whole chunks, or cells cut out of them."""
    from oceandata.trade.delivery import plan_clipped, plan_delivery

    if not clip and form == "zarr":
        return plan_delivery(grant, target, repository=repository, **asked)
    from oceandata.catalog import open_catalog

    suffix: Literal[".nc", ".zarr"] = ".nc" if form == "netcdf" else ".zarr"
    return plan_clipped(grant, target, catalog=open_catalog(path), suffix=suffix, **asked)


@click.command()
@click.argument("entitlement")
@click.option("--bbox", nargs=4, type=float, metavar="W S E N", help="Box in degrees; may cross the date line.")
@click.option("--time", metavar="A/B", help="Period, both ends included: 2009, 2009-06/2010-05, ../2010.")
@click.option("--depth", metavar="TOP/BOTTOM", help="Depths in m, positive down, such as 0/700.")
@click.option("--variables", default="", metavar="NAME,…", help="Variables by any of their names.")
@click.option("--to", "target", type=click.Path(path_type=Path), required=True, metavar="DIR", help="Package to make.")
@click.option(
    "--key",
    "signing",
    envvar="OCEANDATA_SIGNING_KEY",
    metavar="FILE",
    help="Private key; env:NAME for a variable that holds it (also OCEANDATA_SIGNING_KEY).",
)
@click.option("--format", "form", type=click.Choice(["zarr", "netcdf"]), default="zarr", show_default=True)
@click.option("--clip", is_flag=True, help="Just the cells, encoded anew; NetCDF always is. Attested, not proven.")
@click.option("--revision", type=COUNT, help="Number of the revision; the newest that is allowed by default.")
@click.option("--purpose", default="", help="What it is delivered for, where the entitlement names purposes.")
@click.option("--product", type=_FILE, help="Product document, if the entitlement is a document too.")
@click.option("--repository", default="", help="Where the data are, if not where the revision says.")
@registry_option
@path_option
@click.option("--dry-run", is_flag=True, help="Check the entitlement and tell what would be delivered; write nothing.")
@click.option("--discard", is_flag=True, help="Remove what another, unfinished delivery to DIR left, and begin anew.")
@json_option
def deliver(
    entitlement: str,
    *,
    place: str,
    product: Path | None,
    revision: int | None,
    purpose: str,
    target: Path,
    signing: str | None,
    depth: str | None,
    variables: str,
    dry_run: bool,
    discard: bool,
    as_json: bool,
    **asked: Any,
) -> None:
    """
    Deliver what an entitlement allows, as a signed package that the buyer verifies.

    ENTITLEMENT is its name in the registry, or its document. The stored chunks that meet the selection are copied byte
    for byte, each with its proof. What is not asked for is as wide as the entitlement. The package appears whole or
    not at all; a killed run continues when the same command is given again.

    \b
    Examples:
      oceandata trade deliver E-17 --bbox 120 30 130 40 --time 2009 --to package --dry-run
      oceandata trade deliver E-17 --bbox 120 30 130 40 --time 2009 --to package --key provider.key
      oceandata trade deliver E-17 --format netcdf --to package --key env:PROVIDER_KEY
      oceandata trade deliver entitlement.yaml --product product.yaml --to package --key provider.key
    """
    from oceandata import progress
    from oceandata.errors import InputError
    from oceandata.trade.delivery import load_private_key, write_delivery

    private = None
    if not dry_run:
        if not signing:
            msg = "a delivery is signed: name the private key with --key FILE, or in OCEANDATA_SIGNING_KEY."
            raise InputError(msg)
        private = load_private_key(signing)
    names = [part.strip() for part in variables.replace("，", ",").split(",") if part.strip()]
    grant = _grant(entitlement, place, product, revision, purpose)
    plan = _planned(grant, target, depth=_depths(depth), variables=names, **asked)
    if private is None:
        echo_json(plan.to_json()) if as_json else echo_facts(plan.facts())
        return
    manifest = write_delivery(plan, private, progress=progress.byte_bar, discard=discard)
    if as_json:
        echo_json(manifest.to_json())
        return
    counts = manifest.counts
    made = f"{counts.files} files, {counts.bytes:,} bytes, {counts.chunks} chunks, {counts.chunks_absent} absent ones"
    facts: list[tuple[str, object]] = [*plan.facts()[:6], ("written", f"{plan.target}: {made}")]
    echo_facts([*facts, ("signed by", manifest.signer.keyid)])


@click.command("verify-delivery")
@click.argument("package", type=click.Path(path_type=Path))
@click.option("--key", "key_file", type=_FILE, help="Key file of the provider, which you got by another way.")
@click.option("--root", default="", help="Content root of the revision, as the exchange or the catalogue shows it.")
@click.option(
    "--lang", type=click.Choice(("en", "zh")), help="Language; that of the session by default (OCEANDATA_LANGUAGE)."
)
@json_option
def verify_delivery(package: Path, *, key_file: Path | None, root: str, lang: str | None, as_json: bool) -> None:
    """
    Check a package that you received: offline, every file, signature and proofs.

    Exit code 0: all is proved by a key that you trust. 2: intact, but the signer is unknown. 1: anything is wrong;
    each file that differs, is missing, was added or changed places is named.

    \b
    Examples:
      oceandata trade verify-delivery package --key provider.key.pub
      oceandata trade verify-delivery package --key provider.key.pub --root sha256:471645fe… --lang zh
    """
    from oceandata import progress
    from oceandata.options import get_options
    from oceandata.trade.delivery import load_key_file
    from oceandata.trade.delivery import verify_delivery as verify

    keys = None if key_file is None else load_key_file(key_file)
    with progress.byte_bar("verify") as moved:
        report = verify(package, keys=keys, root=root, on_progress=moved)
    echo_json(report.to_json()) if as_json else echo_facts(report.facts(lang or get_options().language))
    sys.exit(report.exit_code)
