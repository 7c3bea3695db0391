"""Curating: a draft filled from the data, with marks where a person must decide; and deciding, field by field."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from oceandata import cf
from oceandata.atomic import write_text
from oceandata.catalog.catalog import open_catalog
from oceandata.catalog.contents import Contents, read_contents
from oceandata.catalog.drafts import Draft, draft_path, read_draft, render_draft
from oceandata.catalog.envelope import CATALOG_DIR
from oceandata.catalog.licences import unknown_licences
from oceandata.catalog.positions import Location
from oceandata.entities import Entry, Variable
from oceandata.errors import DocumentError, InputError, RepositoryExistsError, UnitsError, closest

if TYPE_CHECKING:
    from oceandata.catalog.scan.proposing import Proposal

__all__ = ["decide", "new_draft", "require_draft"]

#: Global attributes (ACDD) by the field they fill.
_ATTRIBUTES = {
    "title": ("title",),
    "summary": ("summary", "comment"),
    "attribution": ("acknowledgement", "acknowledgment"),
    "citation": ("citation",),
    "processing_level": ("processing_level",),
    "doi": ("doi",),
    "history": ("history",),
}

_SAYS_NOTHING = frozenset({"unknown", "none", "n/a", "not available", "-"})

#: Attributes that speak of the licence.
_LICENCE = ("license", "licence")

#: Fields of a draft in the order a curator reads them; empty ones are there to be filled.
_FIELDS: tuple[tuple[str, Any], ...] = (
    *((field, "") for field in ("title", "title_zh", "summary", "summary_zh")),
    *((field, []) for field in ("keywords", "keywords_zh")),
    *((field, "") for field in ("license", "grade", "attribution", "citation")),
    ("providers", []),
    *((field, "") for field in ("processing_level", "doi")),
)


def new_draft(
    places: Sequence[str | os.PathLike[str]], *, name: str, catalog_path: str | Path, replace: bool = False
) -> Draft:
    """
    Draft an entry from the data, beside a catalogue.

    What the data say is filled in; a curator fills in the rest. Marks are set where only a person can decide: the
    licence, unless the data name an SPDX expression; the grade; the Chinese title; each standard name that was
    proposed (with how sure it is, and why), and each unit that is missing or not known.

    Parameters
    ----------
    places : sequence of str or path
        One repository, plain Zarr store, NetCDF file or folder of NetCDF files; or several NetCDF files.
    name : str
        Id of the entry: lower case, digits and underscores.
    catalog_path : str or pathlib.Path
        The catalogue it is for; its folder must exist, the file need not.
    replace : bool
        Take the place of a draft of the same name.

    Returns
    -------
    Draft
        As written.

    Raises
    ------
    RepositoryExistsError
        If there is a draft of that name and `replace` is not set.
    NotFoundError, InputError, OceanDataError
        If the data or the folder cannot be used.
    """
    path = draft_path(catalog_path, name)
    if path.exists() and not replace:
        msg = f"there is a draft {path} already. Edit it, or give replace=True (--replace) to draft it anew."
        raise RepositoryExistsError(msg)
    if not path.parent.parent.is_dir():
        msg = f"folder {path.parent.parent} of the catalogue does not exist. Create it first."
        raise InputError(msg)
    contents = read_contents(places)
    marks: dict[Location, str] = {}
    document = _document(name, contents, path.parent.parent, marks)
    path.parent.mkdir(exist_ok=True)
    write_text(path, render_draft(document, marks))
    return read_draft(path)


def decide(path: str | Path, decisions: Mapping[str, str]) -> Draft:
    """
    Set fields of a draft, and take out their marks.

    Comments other than marks are not kept. The draft changes whole or not at all.

    Parameters
    ----------
    path : str or pathlib.Path
        The draft.
    decisions : mapping of str to str
        By the path of the field, parts joined by dots: ``license``, ``variables.sst.canonical_name``. A value that
        begins with ``[`` or ``{`` is read as YAML; an empty one takes out a field that is no text.

    Returns
    -------
    Draft
        As written; its faults, if any, are in it.

    Raises
    ------
    NotFoundError
        If there is no such draft.
    DocumentError
        If the draft is no YAML, or a value is none.
    InputError
        If a field cannot be there.
    """
    draft = read_draft(path)
    if draft.located.faults or not isinstance(draft.located.value, dict):
        reasons = "\n".join(f"  {fault}" for fault in draft.faults)
        msg = f"{path} cannot be read, so nothing was set. Mend it first:\n{reasons}"
        raise DocumentError(msg)
    document, marks = dict(draft.located.value), dict(draft.marks)
    for key, text in decisions.items():
        location = _set(document, key, _value(key, text))
        marks = {one: what for one, what in marks.items() if one[: len(location)] != location}
    write_text(Path(path), render_draft(document, marks))
    return read_draft(path)


def _said(contents: Contents, *names: str) -> str:
    """First of the global attributes that holds text and says something."""
    for name in names:
        value = contents.attributes.get(name)
        if isinstance(value, str) and value.strip() and value.strip().casefold() not in _SAYS_NOTHING:
            return " ".join(value.split()) if name != "history" else value.strip()
    return ""


def _document(name: str, contents: Contents, folder: Path, marks: dict[Location, str]) -> dict[str, Any]:
    """Fields of the draft; where a person must decide goes into `marks`."""
    said = {field: _said(contents, *names) for field, names in _ATTRIBUTES.items()}
    institution = _said(contents, "institution", "creator_institution")
    keywords = [word.strip() for word in _said(contents, "keywords").split(",") if word.strip()]
    proposals = _proposals(name, contents)
    scanned: dict[str, Any] = {field: text for field, text in said.items() if text and field != "history"}
    scanned |= {"keywords": keywords, "license": _licence(contents, proposals, marks)}
    if institution:
        scanned["providers"] = [{"name": institution, "roles": ["producer"]}]
    if not scanned.get("title"):
        marks[("title",)] = "title in English; the data have none"
    marks[("title_zh",)] = "title in Chinese (中文标题)"
    marks[("grade",)] = "grade after GB/T 43697-2024: general, important or core; 'catalog publish --grade' sets it"
    document: dict[str, Any] = {"id": name, **{field: scanned.get(field, empty) for field, empty in _FIELDS}}
    document["extent"] = contents.extent.to_json()
    if contents.extent.bbox is None:
        marks[("extent",)] = "place: bbox [west, south, east, north]; it could not be read from the data"
    document["variables"] = {key: _variable(key, one, proposals, marks) for key, one in contents.variables.items()}
    document["assets"] = {
        key: {**asset.to_json(), "href": _portable(asset.href, folder)} for key, asset in contents.assets.items()
    }
    document["derived_from"] = [source.to_json() for source in contents.sources]
    document["history"] = said["history"]
    if contents.created:
        document["created"] = contents.created
    return document


def _proposals(name: str, contents: Contents) -> "dict[tuple[str, str], Proposal]":
    """What could be said where the data say nothing, by variable (empty for the entry) and field."""
    from oceandata.catalog.scan.proposing import find_proposals

    bare = Entry(
        id=name,
        title=name,
        license="NOASSERTION",
        extent=contents.extent,
        variables=contents.variables,
        assets=contents.assets,
    )
    found = find_proposals(bare, hints={}, licence_text=_said(contents, *_LICENCE))
    return {(one.variable, one.field): one for one in found}


def _licence(contents: Contents, proposals: "Mapping[tuple[str, str], Proposal]", marks: dict[Location, str]) -> str:
    """Licence of the data if it is an SPDX expression; else what is proposed, or unknown, and marked."""
    said = _said(contents, *_LICENCE)
    if said and not unknown_licences(said):
        return said
    told = f"the data say {said!r:.120}" if said else "the data name none"
    marks[("license",)] = f"licence, as an SPDX expression or LicenseRef-NAME; {told}"
    proposed = proposals.get(("", "license"))
    return proposed.value if proposed else "NOASSERTION"


def _variable(
    name: str, variable: Variable, proposals: "Mapping[tuple[str, str], Proposal]", marks: dict[Location, str]
) -> dict[str, Any]:
    """Fields of one variable: what the file says, and what is proposed."""
    document: dict[str, Any] = {"canonical_name": "", "long_name_zh": "", **variable.to_json()}
    place: Location = ("variables", name)
    if not variable.standard_name:
        proposed = proposals.get((name, "canonical_name"))
        document["canonical_name"] = proposed.value if proposed else ""
        marks[(*place, "canonical_name")] = f"standard name{_reason(proposed)}"
    meant = variable.standard_name or document["canonical_name"]
    term = next((one for one in cf.vocabulary() if one.canonical_name == meant), None)
    if term is not None and term.zh and not document["long_name_zh"]:
        document["long_name_zh"] = term.zh[0]
    if not _is_unit(variable.units):
        proposed = proposals.get((name, "units"))
        told = f"{variable.units!r:.40} is not known" if variable.units else "the data have none"
        marks[(*place, "units")] = f"unit, '1' if it is a pure number; {told}{_reason(proposed)}"
        document["units"] = proposed.value if proposed else variable.units
    return document


def _reason(proposed: "Proposal | None") -> str:
    """How sure a proposal is, and why; empty if there is none."""
    return f", proposed with confidence {proposed.confidence:.2f}: {proposed.reason}" if proposed else ""


def _is_unit(text: str) -> bool:
    """Whether a unit is known."""
    try:
        cf.parse_units(text)
    except UnitsError:
        return False
    return bool(text)


def _portable(href: str, folder: Path) -> str:
    """Place relative to the catalogue's folder if it is below it."""
    if "://" in href:
        return href
    place, top = Path(href).resolve(), folder.resolve()
    if place != top and place.is_relative_to(top):
        return f"{CATALOG_DIR}/{place.relative_to(top).as_posix()}"
    return place.as_posix()


def _value(key: str, text: str) -> Any:
    """Value of a decision."""
    if not text.lstrip().startswith(("[", "{")):
        return text
    import yaml

    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        msg = f"{key}={text!r:.80} cannot be read as YAML. Put words with ':' or ',' in quotes."
        raise DocumentError(msg) from error


def _set(document: dict[str, Any], key: str, value: Any) -> Location:
    """Put a value where its path says, copying what is on the way; the location."""
    parts = key.split(".")
    here = document
    for number, part in enumerate(parts[:-1]):
        inner = here.get(part, {})
        if not isinstance(inner, dict) or (number and part not in here):
            near = closest(part, [str(one) for one in here])
            msg = f"there is no field {'.'.join(parts[: number + 1])!r} to set {key!r} in. {near}".rstrip()
            raise InputError(msg)
        here[part] = dict(inner)
        here = here[part]
    if value == "" and not isinstance(here.get(parts[-1], ""), str):
        del here[parts[-1]]
    else:
        here[parts[-1]] = value
    return tuple(parts)


def require_draft(catalog_path: str | Path, name: str) -> Draft:
    """
    Draft of an entry; made from the entry of the catalogue where there is none yet.

    Such a draft is marked as a new one: what nobody said yet is left to decide.

    Parameters
    ----------
    catalog_path : str or pathlib.Path
        The catalogue.
    name : str
        Id of the entry.

    Returns
    -------
    Draft
        As it lies beside the catalogue.

    Raises
    ------
    NotFoundError
        If there is neither.
    """
    path = draft_path(catalog_path, name)
    if not path.exists() and Path(catalog_path).exists() and name in open_catalog(catalog_path):
        path.parent.mkdir(exist_ok=True)
        write_text(path, _drafted(open_catalog(catalog_path)[name], path.parent.parent))
    return read_draft(path)


def _drafted(entry: Entry, folder: Path) -> str:
    """Draft that says what an entry says, marked where it says nothing."""
    marks: dict[Location, str] = {}
    bare = Contents(assets=entry.assets, variables=entry.variables, extent=entry.extent, attributes={})
    fresh, said = _document(entry.id, bare, folder, marks), entry.to_json()
    if said["license"] == "NOASSERTION":
        del said["license"]
    left = {place: what for place, what in marks.items() if place[-1] == "units" or not _says(said, place)}
    return render_draft(_over(fresh, said), left)


def _says(document: Mapping[str, Any], place: Location) -> bool:
    """Whether a document says something at a place."""
    value: Any = document
    for key in place:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value not in (None, "", [], {})


def _over(below: dict[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """One document over another; mappings are put together."""
    both = dict(below)
    for key, value in above.items():
        under = below.get(key)
        is_open = isinstance(value, Mapping) and isinstance(under, dict) and key != "assets"
        both[key] = _over(under, value) if is_open and under is not None else value
    return both
