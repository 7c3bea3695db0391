"""Drafting an entry: what a repository says of itself, and what a curator says of it."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field

from oceandata.catalog.faults import Fault, fault_report, require_file
from oceandata.catalog.licences import unknown_licences
from oceandata.catalog.loader import document_faults
from oceandata.catalog.positions import Location, read_yaml
from oceandata.documents import Document
from oceandata.entities import Asset, Entry, Provider, TradeLink, Variable
from oceandata.errors import DocumentError, InputError, SchemaMismatch, closest

if TYPE_CHECKING:
    from oceandata.storage.revisions import RevisionSummary

__all__ = [
    "CuratedVariable",
    "Overlay",
    "draft_entry",
    "gaps",
    "layout_assets",
    "load_overlay",
    "located_gaps",
    "overlay_of",
    "overlay_template",
]

#: Global attributes (ACDD) that stand in where the overlay says nothing.
_SCANNED = {
    "title": ("title",),
    "summary": ("summary", "comment"),
    "attribution": ("acknowledgement", "acknowledgment"),
    "citation": ("citation",),
    "processing_level": ("processing_level",),
}

#: What files write where they know nothing.
_SAYS_NOTHING = frozenset({"unknown", "none", "n/a", "not available", "-"})

#: What an overlay's template says of each field; braces and brackets are YAML, to be copied.
_COMMENTS = {
    "title": "Title in English; needed, unless the file has one.",
    "title_zh": "Title in Chinese.",
    "summary": "What it is, in one or two sentences.",
    "summary_zh": "The same in Chinese.",
    "keywords": "Words to find it by, such as [sea surface temperature, tropics].",
    "keywords_zh": "The same in Chinese, such as [海表温度, 热带].",
    "license": "SPDX expression, such as CC-BY-4.0, or LicenseRef-NAME; needed, unless the file has one.",
    "attribution": "Text that a user must show.",
    "citation": "How to cite it.",
    "providers": "Who made, hosts or licenses it: [{name: …, name_zh: …, roles: [producer], url: …}];\n"
    "roles are producer, licensor, processor, host.",
    "processing_level": "In the provider's terms, such as L4.",
    "variables": "By the name in the file: {thetao: {canonical_name: …, long_name: …, long_name_zh: …}};\n"
    "canonical_name is the CF standard name, where the file's own differs or is missing.",
}


class CuratedVariable(Document):
    """
    What a curator says of one variable; an empty field leaves the file's own.

    Attributes
    ----------
    canonical_name : str
        CF standard name decided on, where the file's own differs or is missing.
    long_name, long_name_zh : str
        Name for people, in English and Chinese.
    """

    canonical_name: str = ""
    long_name: str = ""
    long_name_zh: str = ""


class Overlay(Document):
    """
    What a curator says of a dataset; it wins over what was scanned, and no scan changes it.

    Attributes
    ----------
    title, title_zh, summary, summary_zh : str
        For people, in English and Chinese.
    keywords, keywords_zh : tuple of str
        Words to find it by.
    license : str
        SPDX expression, or ``LicenseRef-NAME``.
    attribution, citation : str
        Text a user must show, and how to cite the dataset.
    providers : tuple of Provider
        Who made, hosts or licenses it.
    processing_level : str
        Level of processing, in the provider's terms.
    variables : dict of str to CuratedVariable
        By native name.
    """

    title: str = ""
    title_zh: str = ""
    summary: str = ""
    summary_zh: str = ""
    keywords: tuple[str, ...] = ()
    keywords_zh: tuple[str, ...] = ()
    license: str = ""
    attribution: str = ""
    citation: str = ""
    providers: tuple[Provider, ...] = ()
    processing_level: str = ""
    variables: dict[str, CuratedVariable] = Field(default_factory=dict)


def load_overlay(path: str | Path) -> Overlay:
    """
    Read an overlay.

    Parameters
    ----------
    path : str or pathlib.Path
        The YAML file.

    Returns
    -------
    Overlay
        The curated fields.

    Raises
    ------
    NotFoundError
        If there is no such file; the nearest names of the folder are listed.
    DocumentError
        If anything is wrong with it; every fault is listed with its line.
    """
    path = Path(path)
    require_file(path, kind="overlay")
    located = read_yaml(path)
    faults: list[Fault] = list(located.faults)
    if located.value is not None and not isinstance(located.value, dict):
        faults.append(located.fault((), f"the file holds a {type(located.value).__name__}, need a mapping of fields."))
    overlay = Overlay()
    if isinstance(located.value, dict):
        try:
            overlay = Overlay.from_json(located.value, where=str(path))
        except DocumentError as error:
            faults += document_faults(located, (), error, Overlay)
    if faults:
        raise DocumentError(fault_report(str(path), sorted(set(faults))))
    return overlay


def overlay_template() -> str:
    """
    Overlay to fill in: every field, empty, with what it is for.

    Returns
    -------
    str
        YAML that `load_overlay` reads as an overlay that says nothing.
    """
    lines = ["# What a curator says of a dataset. A field left empty leaves what the file says."]
    for field, declared in Overlay.model_fields.items():
        lines += [f"# {line}" for line in _COMMENTS[field].splitlines()]
        lines.append(f"{field}: {json.dumps(declared.get_default(call_default_factory=True))}")
    return "\n".join(lines) + "\n"


def overlay_of(entry: Entry) -> Overlay:
    """
    Overlay that says what an entry says.

    An entry does not tell what was curated from what was scanned, so all of it counts as curated: a title that came
    from the file stays, even if a later file has another.

    Parameters
    ----------
    entry : Entry
        The dataset.

    Returns
    -------
    Overlay
        `draft_entry` with it keeps every field a curator can give.
    """
    fields = {name: getattr(entry, name) for name in Overlay.model_fields if name != "variables"}
    curated = {
        name: CuratedVariable(**{field: getattr(variable, field) for field in CuratedVariable.model_fields})
        for name, variable in entry.variables.items()
    }
    variables = {name: one for name, one in curated.items() if one != CuratedVariable()}
    return Overlay(**fields, variables=variables)


def draft_entry(
    summary: "RevisionSummary",
    overlay: Overlay,
    *,
    name: str,
    href: str | None = None,
    trade: TradeLink | None = None,
    layouts: "Sequence[RevisionSummary]" = (),
) -> Entry:
    """
    Entry of a revision: scanned where the curator says nothing, curated where he does.

    Place, period, sizes and sources are always those of the revision. A licence in the file counts only if it is an
    SPDX expression: free text is no licence one can check.

    Parameters
    ----------
    summary : RevisionSummary
        What the revision holds; the layout that opens by default.
    overlay : Overlay
        What the curator says.
    name : str
        Id of the entry: lower case, digits and underscores.
    href : str or None
        Where users find the repository, if not where it was written.
    trade : TradeLink or None
        Link to the product on the exchange.
    layouts : sequence of RevisionSummary
        Further layouts of the same revision.

    Returns
    -------
    Entry
        Ready for `register_entry`.

    Raises
    ------
    DocumentError
        If the entry would lack a title or a licence, the overlay speaks of variables that are not there, or a field
        is faulty; all faults are listed.
    SchemaMismatch
        If a layout is of another repository, revision or set of variables.
    """
    faults = _overlay_faults(summary, overlay)
    if faults:
        msg = "\n".join([f"entry {name!r} cannot be drafted:", *(f"  {fault}" for fault in faults)])
        raise DocumentError(msg)
    curated = {key: value for key, value in overlay.to_json().items() if key != "variables"}
    scanned = {field: _attribute(summary, *names) for field, names in _SCANNED.items()}
    scanned["license"] = _attribute(summary, "license")
    document = {
        **{field: text for field, text in scanned.items() if text},
        "keywords": [word for word in map(str.strip, _attribute(summary, "keywords").split(",")) if word],
        "providers": _scanned_providers(summary),
        **curated,
        "id": name,
        "extent": summary.extent.to_json(),
        "variables": {key: _variable(key, v, overlay).model_dump(mode="json") for key, v in summary.variables.items()},
        "assets": {key: asset.model_dump(mode="json") for key, asset in layout_assets(summary, layouts, href).items()},
        "derived_from": [source.model_dump(mode="json") for source in summary.sources],
        "history": _attribute(summary, "history"),
        "created": summary.created,
        "trade": trade.model_dump(mode="json") if trade else None,
    }
    return Entry.from_json(document, where=f"entry {name!r}")


def _attribute(summary: "RevisionSummary", *names: str) -> str:
    """First of the global attributes that holds text and says something."""
    for name in names:
        value = summary.attributes.get(name)
        if isinstance(value, str) and value.strip() and value.strip().casefold() not in _SAYS_NOTHING:
            return value.strip()
    return ""


def _overlay_faults(summary: "RevisionSummary", overlay: Overlay) -> list[str]:
    """What keeps an entry from being drafted."""
    faults = []
    if not (overlay.title or _attribute(summary, "title")):
        faults.append("title: neither the overlay nor the file has one. Fill 'title' of the overlay.")
    licence = _attribute(summary, "license")
    if not overlay.license and not licence:
        faults.append("license: neither the overlay nor the file has one. Fill 'license' of the overlay.")
    elif not overlay.license and unknown_licences(licence):
        faults.append(f"license: the file says {licence!r:.80}, no SPDX expression. Fill 'license' of the overlay.")
    for name in overlay.variables:
        if name not in summary.variables:
            near = closest(name, list(summary.variables))
            faults.append(f"variables.{name}: the overlay describes it, but the dataset does not hold it. {near}")
    return faults


def _scanned_providers(summary: "RevisionSummary") -> list[dict[str, object]]:
    """Institution of the file as producer."""
    institution = _attribute(summary, "institution", "creator_institution")
    return [{"name": institution, "roles": ["producer"]}] if institution else []


def _variable(name: str, scanned: Variable, overlay: Overlay) -> Variable:
    """Variable with its curated fields."""
    return scanned.model_copy(update=overlay.variables.get(name, CuratedVariable()).to_json())


def layout_assets(
    summary: "RevisionSummary", layouts: "Sequence[RevisionSummary]" = (), href: str | None = None
) -> dict[str, Asset]:
    """
    Layouts of one revision as they stand in an entry.

    Parameters
    ----------
    summary : RevisionSummary
        The layout that opens by default.
    layouts : sequence of RevisionSummary
        Further layouts.
    href : str or None
        Where users find the repository, if not where it was written.

    Returns
    -------
    dict of str to Asset
        By name, the one that opens by default first.

    Raises
    ------
    InputError
        If a layout is given twice.
    SchemaMismatch
        If a layout is of another repository, revision or set of variables.
    """
    assets: dict[str, Asset] = {}
    for layout in (summary, *layouts):
        for what in ("url", "revision", "snapshot"):
            if getattr(layout, what) != getattr(summary, what):
                msg = (
                    f"layout {layout.group!r} has {what} {getattr(layout, what)!r}, "
                    f"need {getattr(summary, what)!r} as {summary.group!r} has. Write both layouts in one revision."
                )
                raise SchemaMismatch(msg)
        if set(layout.variables) != set(summary.variables):
            differing = ", ".join(sorted(set(layout.variables) ^ set(summary.variables)))
            msg = f"layout {layout.group!r} and {summary.group!r} differ in variables: {differing}. Write both anew."
            raise SchemaMismatch(msg)
        key = layout.group or layout.access
        if key in assets:
            msg = f"layout {key!r} is given twice. Give each layout once."
            raise InputError(msg)
        assets[key] = _asset(layout, href)
    return assets


def _asset(layout: "RevisionSummary", href: str | None) -> Asset:
    """Where one layout is stored."""
    document = {
        "href": href or layout.url,
        "group": layout.group,
        "access": layout.access,
        "revision": layout.revision,
        "snapshot": layout.snapshot,
        "content_root": layout.content_root,
        "stored_bytes": layout.stored_bytes,
        "decoded_bytes": layout.decoded_bytes,
        "chunks": layout.chunks,
        "chunk_shapes": {name: variable.chunks for name, variable in layout.variables.items()},
    }
    return Asset.from_json(document, where=f"layout {layout.group!r}")


def located_gaps(entry: Entry) -> list[tuple[Location, str]]:
    """
    What a curator still owes, and where in the document it belongs.

    Parameters
    ----------
    entry : Entry
        The dataset.

    Returns
    -------
    list of tuple
        Location inside the entry, and a sentence.
    """
    wanted = {
        "title_zh": "a title in Chinese",
        "summary": "a summary",
        "summary_zh": "a summary in Chinese",
        "keywords": "keywords",
        "keywords_zh": "keywords in Chinese",
        "attribution": "the attribution that a user must show",
        "citation": "how to cite it",
        "providers": "who made it",
        "processing_level": "a processing level",
    }
    found: list[tuple[Location, str]] = [
        ((field,), f"{field} is missing: give {words}.") for field, words in wanted.items() if not getattr(entry, field)
    ]
    unknown = unknown_licences(entry.license)
    if unknown:
        names = ", ".join(map(repr, unknown))
        message = f"license names {names}, no known SPDX identifier: correct it, or write LicenseRef-NAME."
        found.append((("license",), message))
    if entry.extent.bbox is None:
        found.append((("extent",), "extent.bbox is unknown: the entry is not found by place."))
    for name, variable in entry.variables.items():
        found += _variable_gaps(name, variable)
    for name, asset in entry.assets.items():
        if asset.type == "application/vnd+icechunk" and not asset.content_root:
            found.append((("assets", name), f"assets.{name} has no content root: its bytes cannot be verified."))
    return found


def _variable_gaps(name: str, variable: Variable) -> list[tuple[Location, str]]:
    """What is owed of one variable."""
    place: Location = ("variables", name)
    found: list[tuple[Location, str]] = []
    if not (variable.standard_name or variable.canonical_name):
        found.append((place, f"variables.{name} has no standard name: give canonical_name."))
    if not variable.units:
        found.append((place, f"variables.{name} has no units: give units ('1' if it is a pure number)."))
    if not variable.long_name_zh:
        found.append((place, f"variables.{name} has no name in Chinese: give long_name_zh."))
    return found


def gaps(entry: Entry) -> list[str]:
    """
    What a curator still owes.

    Parameters
    ----------
    entry : Entry
        The dataset.

    Returns
    -------
    list of str
        One sentence for each; empty if the entry is complete.
    """
    return [message for _, message in located_gaps(entry)]
