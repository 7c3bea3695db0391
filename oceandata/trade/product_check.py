"""Product documents checked and drafted: all faults by line, what is missing, and what a person must decide."""

import dataclasses
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import yaml

from oceandata.catalog.faults import Fault
from oceandata.catalog.licences import licence_identifiers, unknown_licences
from oceandata.catalog.positions import Located, Location, read_yaml
from oceandata.entities import Asset, Entry
from oceandata.trade.permits import Action
from oceandata.trade.product import Product, read_product

__all__ = ["TODO", "check_product", "draft_product"]

#: How a text begins that a person must replace.
TODO = "TODO"


def check_product(path: str | os.PathLike[str]) -> list[Fault]:
    """
    Everything that is wrong with a product document, and what it lacks.

    Parameters
    ----------
    path : path
        A YAML file.

    Returns
    -------
    list of Fault
        By line: errors, and warnings of what a product on the exchange needs; empty for a whole document.

    Raises
    ------
    NotFoundError
        If there is no such file.
    """
    product, faults = read_product(path)
    located = read_yaml(Path(path))
    marks = dict(_marks(located.value, ()))
    lines = {located.line(place) for place in marks}
    kept = [fault for fault in faults if fault.line not in lines]
    found = [located.fault(place, f"{_name(place)}: left to decide{text}.") for place, text in marks.items()]
    gaps = list(_gaps(product, located)) if product is not None else []
    return sorted({*kept, *found, *gaps})


def _name(place: Location) -> str:
    return ".".join(map(str, place))


def _marks(value: Any, place: Location) -> Iterator[tuple[Location, str]]:
    """Places whose text is left to decide, and what it is."""
    if isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _marks(inner, (*place, key))
    elif isinstance(value, str) and value.startswith(TODO):
        reason = value.removeprefix(TODO).strip(" :.")
        yield place, f": {reason}" if reason else ""


def _gaps(product: Product, located: Located) -> Iterator[Fault]:
    """What a sound document lacks, as warnings."""
    plans = [plan for offer in product.offers for plan in offer.plans]
    counted = not any(plan.model == "per-record" for plan in plans) or bool(product.record_dimensions)
    needs: list[tuple[bool, Location, str]] = [
        (bool(product.title.zh), ("title",), "title is missing: give a title in Chinese."),
        (
            bool(product.permits),
            ("permits",),
            "permits is missing: give the permitted uses; without any, nothing is permitted.",
        ),
        (bool(product.offers), ("offers",), "offers is missing: give an offer; without any, it has no price."),
        (bool(product.grade), ("grade",), "grade is missing: give a grade, decided by a person."),
        (bool(product.revisions), ("revisions",), "revisions is missing: give the revision that is sold."),
        (
            counted,
            ("record_dimensions",),
            "record_dimensions is missing: give the dimensions that are counted as records, "
            "because a plan is per-record.",
        ),
    ]
    messages = [(place, message) for there, place, message in needs if not there]
    unknown = ", ".join(map(repr, unknown_licences(product.licence)))
    if unknown:
        text = f"licence names {unknown}, no known SPDX identifier: correct it, or write LicenseRef-NAME."
        messages.append((("licence",), text))
    if "NOASSERTION" in licence_identifiers(product.licence):
        messages.append((("licence",), "licence is NOASSERTION: nobody knows what is allowed. Ask the provider."))
    for place, message in messages:
        yield dataclasses.replace(located.fault(place, message), severity="warning")


def draft_product(entry: Entry, *, located: dict[str, str] | None = None) -> str:
    """
    Skeleton of a product document for an entry of a catalogue.

    What the entry says is filled in; a text that begins with ``TODO`` marks what a person must decide. Each action is
    there, to be answered.

    Parameters
    ----------
    entry : Entry
        The dataset.
    located : dict of str to str, optional
        Place of each layout where that of the entry is relative to its catalogue.

    Returns
    -------
    str
        YAML, for `check_product`.
    """
    first = next(iter(entry.providers), None)
    layout, asset = next(iter(entry.assets.items()))
    known = entry.license if entry.license != "NOASSERTION" else ""
    document: dict[str, Any] = {
        "id": f"{TODO}: the identifier of the product",
        "title": {"en": entry.title, "zh": entry.title_zh or f"{TODO}: a title in Chinese"},
        "summary": {name: text for name, text in (("en", entry.summary), ("zh", entry.summary_zh)) if text},
        "provider": (
            {name: text for name, text in (("en", first.name), ("zh", first.name_zh)) if text}
            if first
            else {"en": f"{TODO}: the provider, by name"}
        ),
        "licence": known or f"{TODO}: the licence, as an SPDX expression or LicenseRef-NAME",
        "attribution": {"en": entry.attribution or f"{TODO}: the text that a user must show"},
        "permits": [{"action": action, "allowed": f"{TODO}: yes, no or ask"} for action in get_args(Action)],
        "offers": [
            {
                "version": 1,
                "valid_from": f"{TODO}: the first day of the offer",
                "plans": [
                    {"model": f"{TODO}: free, one-off, subscription, per-gb, per-query, per-record or on-request"}
                ],
            }
        ],
        "grade": entry.grade or f"{TODO}: general, important or core",
        "grade_decision": (
            entry.grade_decision.to_json()
            if entry.grade_decision
            else {"by": f"{TODO}: who decided on the grade", "on": f"{TODO}: the day of the decision"}
        ),
        "record_unit": f"{TODO}: what one record is, such as a daily grid, a profile, a value",
        "entry": entry.id,
    }
    pinned = _pinned(asset, (located or {}).get(layout, asset.href))
    document |= {"revisions": [pinned]} if pinned else {}
    if not document["summary"]:
        del document["summary"]
    text = yaml.safe_dump(document, allow_unicode=True, sort_keys=False, width=110)
    return (
        f"# A product document, drafted from the entry {entry.id!r}. Replace each text that begins with {TODO}.\n{text}"
    )


def _pinned(asset: Asset, place: str) -> dict[str, Any]:
    """First revision, if the entry knows all of it."""
    sizes = (asset.stored_bytes, asset.chunks)
    if not (asset.revision and asset.snapshot and asset.content_root) or None in sizes:
        return {}
    return {
        "number": 1,
        "repository": place,
        "group": asset.group,
        "tag": asset.revision,
        "snapshot": asset.snapshot,
        "content_root": asset.content_root,
        "stored_bytes": asset.stored_bytes,
        "chunks": asset.chunks,
        "change": "first revision",
    }
