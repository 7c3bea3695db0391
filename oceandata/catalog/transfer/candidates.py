"""From what a source says to an entry: completed, checked, and merged with what the catalogue holds already."""

import dataclasses
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from oceandata.catalog.envelope import CATALOG_DIR, reader_arguments
from oceandata.catalog.licences import unknown_licences
from oceandata.catalog.positions import Located
from oceandata.catalog.safety import brace_faults, place_faults, text_faults
from oceandata.catalog.transfer.fields import Field, Fields, field_label, flatten, number_of, unflatten
from oceandata.catalog.transfer.rows import CellFault
from oceandata.documents import fault_message
from oceandata.entities import Entry

__all__ = ["Candidate", "Difference", "Outcome", "common_folder", "entry_name", "judge"]

_SUFFIXES = {".zarr": "application/vnd+zarr", ".nc": "application/x-netcdf", ".nc4": "application/x-netcdf"}
_SUFFIXES |= {".icechunk": "application/vnd+icechunk"}

#: Columns to which the faults of a whole extent belong, by the first word of the message.
_EXTENT_FIELDS = {"bbox": "extent.bbox.0", "time": "extent.time.0", "depth_m": "extent.depth_m.0"}
_ENDS = {
    "bbox": ("west", "south", "east", "north"),
    "time": ("start", "end"),
    "depth_m": ("depth top", "depth bottom"),
}


@dataclasses.dataclass
class Candidate:
    """
    What a source says of one dataset.

    Attributes
    ----------
    place : str
        Where it stands in the source, for people: ``row 7``.
    fields : dict of tuple to object
        Values by place in the entry's document.
    faults : list of CellFault
        What could not be read.
    notes : list of str
        What was done that one may not expect.
    row : int or None
        Position among the rows of a sheet.
    """

    place: str
    fields: Fields
    faults: list[CellFault] = dataclasses.field(default_factory=list)
    notes: list[str] = dataclasses.field(default_factory=list)
    row: int | None = None

    @property
    def name(self) -> str:
        """Id that it gives, or an empty string."""
        return str(self.fields.get(("id",), ""))


@dataclasses.dataclass(frozen=True)
class Difference:
    """
    A field that the catalogue and the source say differently.

    Attributes
    ----------
    field : str
        Place in the entry's document.
    present : object
        What the catalogue says; None if it says nothing.
    offered : object
        What the source says.
    """

    field: str
    present: Any
    offered: Any


@dataclasses.dataclass(frozen=True)
class Outcome:
    """
    What became of one candidate.

    Attributes
    ----------
    place, name : str
        Where it stands in the source, and its id.
    action : str
        ``created``, ``updated``, ``unchanged`` or ``refused``.
    entry : Entry or None
        As it stands, or would stand, in the catalogue; None if it was refused.
    faults : tuple of CellFault
        Why it was refused.
    differences : tuple of Difference
        Fields that the catalogue says differently: kept, or replaced if that was asked for.
    notes : tuple of str
        What was done that one may not expect.
    row : int or None
        Position among the rows of a sheet.
    """

    place: str
    name: str
    action: Literal["created", "updated", "unchanged", "refused"]
    entry: Entry | None = None
    faults: tuple[CellFault, ...] = ()
    differences: tuple[Difference, ...] = ()
    notes: tuple[str, ...] = ()
    row: int | None = None


def entry_name(*texts: str) -> str:
    """
    Name of an entry made of texts, as far as they are Latin letters and digits.

    Parameters
    ----------
    *texts : str
        A title or an identifier, in parts.

    Returns
    -------
    str
        Lower case, digits and underscores, at most 100 signs; empty if nothing is left.

    Examples
    --------
    >>> entry_name("CMEMS-GLO.001", "v2"), entry_name("2009 SST"), entry_name("渤海")
    ('cmems_glo_001_v2', 'd2009_sst', '')
    """
    name = re.sub(r"[^a-z0-9]+", "_", "_".join(texts).casefold()).strip("_")[:100].rstrip("_")
    return f"d{name}" if name[:1].isdigit() else name


def common_folder(hrefs: Sequence[str]) -> tuple[str, list[str]]:
    """
    Folder above all places, and where they lie below it.

    Parameters
    ----------
    hrefs : sequence of str
        Paths or URLs of files.

    Returns
    -------
    str
        The folder; empty if there is none above all of them.
    list of str
        Each place relative to it, in the order given.

    Examples
    --------
    >>> common_folder(["https://a.org/sst/2009.nc", "https://a.org/sst/2010.nc"])
    ('https://a.org/sst', ['2009.nc', '2010.nc'])
    """
    from posixpath import commonpath

    schemes = {href[: href.find("://") + 3] if "://" in href else "" for href in hrefs}
    if len(schemes) != 1:
        return "", []
    scheme = schemes.pop()
    bare = [href.removeprefix(scheme) for href in hrefs]
    try:
        folder = commonpath(bare)
    except ValueError:  # a whole path and a relative one
        return "", []
    below = [href[len(folder) :].lstrip("/") for href in bare]
    sound = folder.strip("/") and all(below) and len(set(below)) == len(below)
    return (scheme + folder, below) if sound else ("", [])


def judge(
    candidate: Candidate,
    present: Entry | None,
    *,
    replace: bool,
    source: Path,
    folder: Path,
    located: Callable[[str], str],
) -> Outcome:
    """
    What becomes of a candidate: every fault, or the entry, merged with the one of its name.

    Parameters
    ----------
    candidate : Candidate
        What the source says.
    present : Entry or None
        The entry of this name in the catalogue.
    replace : bool
        Let the source win where the two differ.
    source : pathlib.Path
        The file the candidate comes from; relative places are relative to its folder.
    folder : pathlib.Path
        Folder of the catalogue.
    located : callable
        Fills the folder of the catalogue into a place.

    Returns
    -------
    Outcome
        A field that only the catalogue has is never changed, and an empty cell takes nothing away.
    """
    offered = _anchored(candidate.fields, source.absolute().parent)
    merged, differences = _merged(offered, present, located, replace=replace)
    fields, notes = _completed(merged, candidate.name)
    faults = [*candidate.faults, *_owed(fields, offered)]
    entry, found = _validated(fields)
    faulty = {fault.field for fault in faults}
    faults += [fault for fault in found if not fault.field or fault.field not in faulty]
    faults += _unsafe(unflatten(fields), entry, source, folder)
    common: dict[str, Any] = {"place": candidate.place, "name": candidate.name, "row": candidate.row}
    notes = [*candidate.notes, *notes]
    if faults or entry is None:
        return Outcome(**common, action="refused", faults=tuple(dict.fromkeys(faults)), notes=tuple(notes))
    action: Literal["created", "updated", "unchanged"] = "created" if present is None else "updated"
    if entry == present:
        action = "unchanged"
    return Outcome(**common, action=action, entry=entry, differences=tuple(differences), notes=tuple(notes))


def _anchored(fields: Fields, folder: Path) -> Fields:
    """Fields in which places relative to the source are whole."""
    anchored = dict(fields)
    for place, value in fields.items():
        if place[0] == "assets" and place[-1] == "href":
            text = str(value)
            apart = "://" in text or text.startswith(CATALOG_DIR) or re.match(r"[A-Za-z]:[\\/]|\\\\", text)
            anchored[place] = text if apart else (folder / text).as_posix()
    return anchored


def _merged(
    offered: Fields, present: Entry | None, located: Callable[[str], str], *, replace: bool
) -> tuple[Fields, list[Difference]]:
    """Fields of both, and where they differ."""
    if present is None:
        return offered, []
    fields, differences = flatten(present.to_json()), []
    counts = {key: number_of(fields, key) for key in ("assets", "providers")}
    has_variables = bool(present.variables)
    for place, value in offered.items():
        if place in fields:
            same = _same(fields[place], value) or (place[-1] == "href" and _same_place(fields[place], value, located))
            if not same:
                differences.append(Difference(_shown(place), fields[place], value))
                if replace:
                    fields[place] = value
        else:
            addition = _is_addition(place, present, counts, has_variables=has_variables)
            if addition:
                differences.append(Difference(_shown(place), None, value))
            if replace or not addition:
                fields[place] = value
    return fields, differences


def _is_addition(place: Field, present: Entry, counts: Mapping[str, int], *, has_variables: bool) -> bool:
    """Whether a field belongs to a variable, layout or provider that the catalogue does not have among its own."""
    if place[0] == "variables":
        return has_variables and place[1] not in present.variables
    count = counts.get(str(place[0]), 0)
    return bool(count) and isinstance(place[1], int) and place[1] >= count


def _same(one: Any, other: Any) -> bool:
    """Whether two values say the same; lists and tuples are alike."""
    return (list(one) if isinstance(one, tuple) else one) == (list(other) if isinstance(other, tuple) else other)


def _same_place(one: str, other: str, located: Callable[[str], str]) -> bool:
    """Whether two places are one, with the folder of the catalogue filled in."""
    return "://" not in other and Path(located(one)) == Path(located(other))


def _shown(place: Field) -> str:
    """Place of a field for people."""
    return ".".join(str(part + 1) if isinstance(part, int) and i == 1 else str(part) for i, part in enumerate(place))


def _completed(fields: Fields, name: str) -> tuple[Fields, list[str]]:
    """Fields with what follows from others, and notes on what one may not expect."""
    fields, notes = dict(fields), []
    if not fields.get(("title",)) and fields.get(("title_zh",)):
        fields["title",] = fields["title_zh",]
        notes.append("title in English is missing; the Chinese one stands in.")
    if not fields.get(("license",)):
        fields["license",] = "NOASSERTION"
        notes.append("the licence is unknown (NOASSERTION).")
    unknown = unknown_licences(str(fields["license",]))
    if unknown:
        notes.append(f"license names {', '.join(unknown)}, no known SPDX identifier. Write LicenseRef-NAME.")
    for i in range(number_of(fields, "assets")):
        fields.setdefault(("assets", i, "name"), "data" if i == 0 else f"data_{i + 1}")
        inferred = _SUFFIXES.get(Path(str(fields.get(("assets", i, "href"), "")).rstrip("/")).suffix.lower())
        if inferred and ("assets", i, "type") not in fields:
            fields["assets", i, "type"] = inferred
        if fields.get(("assets", i, "type")) not in (None, "application/vnd+icechunk"):
            fields.setdefault(("assets", i, "group"), "")
    if name:
        fields["id",] = name
    return fields, notes


def _owed(fields: Fields, offered: Fields) -> Iterable[CellFault]:
    """What is missing, or present in part."""
    name = str(fields.get(("id",), ""))
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,119}", name):
        suggested = entry_name(name or str(fields.get(("title",), "")))
        advice = f" For example {suggested!r}." if suggested else ""
        what = f"id is {name!r:.60}" if name else "id is empty"
        yield CellFault("id", f"{what}, need lower case letters, digits and underscores, a letter first.{advice}")
    if not fields.get(("title",)):
        yield CellFault("title", "the title is empty. Fill the English or the Chinese one.")
    count = number_of(fields, "assets")
    if not count:
        yield CellFault("assets.*.href", "the address is empty. Say where the data are.")
    for i in range(count):
        if not fields.get(("assets", i, "href")):
            yield CellFault("assets.*.href", f"address {i + 1} is empty. Say where the data are.")
        elif ("assets", i, "type") not in fields:
            yield CellFault("assets.*.type", "the format is empty. Write zarr, icechunk or netcdf.")
    names = [fields.get(("assets", i, "name")) for i in range(count)]
    if len(set(names)) < len(names):
        yield CellFault("assets.*.name", f"layouts {names} have one name twice. Name each differently.")
    for key, ends in _ENDS.items():
        given = [("extent", key, i) in fields for i in range(len(ends))]
        if any(given) and not all(given) and any(("extent", key, i) in offered for i in range(len(ends))):
            missing = [end for end, there in zip(ends, given, strict=True) if not there]
            i = given.index(False)
            yield CellFault(f"extent.{key}.{i}", f"{', '.join(missing)} missing. Fill all of {', '.join(ends)}.")


def _validated(fields: Fields) -> tuple[Entry | None, list[CellFault]]:
    """Entry of the fields, or the faults of the model by column."""
    document = unflatten(fields)
    for key in _ENDS:
        if None in document["extent"].get(key, ()):
            del document["extent"][key]
    try:
        return Entry.model_validate(document), []
    except ValidationError as error:
        faults = []
        for fault in error.errors():
            message = fault_message(Entry, fault)
            if fault["type"] not in ("missing", "extra_forbidden", "value_error"):
                message += f", got {fault['input']!r:.60}"
            faults.append(CellFault(_column_of(fault["loc"], message), f"{message}."))
        return None, faults


def _column_of(place: Field, message: str) -> str:
    """Column that a fault of the model belongs to."""
    if not place:
        return "id" if message.startswith("id ") else "assets.*.href"
    if place == ("extent",):
        return _EXTENT_FIELDS.get(message.partition(" ")[0], "")
    if place[0] == "assets" and len(place) == 2:
        return "assets.*.revision" if "revision" in message else "assets.*.files"
    return field_label(place)


def _unsafe(document: Mapping[str, Any], entry: Entry | None, source: Path, folder: Path) -> Iterable[CellFault]:
    """What a catalogue must not hold; places are looked at if the document is one of an entry."""
    located = Located(str(source), {"entry": document}, {}, ())
    faults = text_faults(located)
    if entry is not None:
        faults += place_faults(located, ("entry",), entry, folder)
        for key, value in reader_arguments(entry)["origin"].items():
            if isinstance(value, str):
                faults += brace_faults(located, ("entry", key), value, url=False)
    for fault in faults:
        yield CellFault("", fault.message.replace("entry.", "", 1))
