"""Publishing: a draft into a catalogue, if it is sound and a named person decided on its grade."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from oceandata.catalog.check import check_catalog
from oceandata.catalog.curation import decide, require_draft
from oceandata.catalog.doubts import find_doubts
from oceandata.catalog.drafts import Draft
from oceandata.catalog.envelope import CATALOG_DIR
from oceandata.catalog.faults import Fault, fault_report
from oceandata.catalog.release import public_fields
from oceandata.catalog.write import register_entry
from oceandata.entities import Entry, GradeDecision
from oceandata.errors import DocumentError, InputError

__all__ = ["publish_draft"]

#: Stands for the folder of the catalogue while it is judged which layouts are public.
_BESIDE = "https://catalogue.example.org/"


def publish_draft(
    name: str,
    *,
    catalog_path: str | Path,
    to: str | Path,
    grade: Literal["general", "important", "core"],
    decided_by: str,
    note: str = "",
    replace: bool = False,
) -> Entry:
    """
    Put a draft into a catalogue that others read.

    Refused unless the data open and are what the draft says, nothing is left to decide, and no value is doubtful.
    The decision on the grade is written into the draft, and stays there: what is published is what
    `oceandata.catalog.release.public_fields` lets through. A layout whose place is internal stays behind; one below
    the folder of `to` travels with it.

    Parameters
    ----------
    name : str
        Id of the draft, or of an entry of the catalogue.
    catalog_path : str or pathlib.Path
        The working catalogue that the draft lies beside.
    to : str or pathlib.Path
        The catalogue file to publish into; created if need be.
    grade : {"general", "important", "core"}
        Classification after GB/T 43697-2024.
    decided_by : str
        The person who decided that it may be published under this grade, by name.
    note : str
        Why, or the document in which it stands.
    replace : bool
        Take the place of an entry of the same id.

    Returns
    -------
    Entry
        As published.

    Raises
    ------
    NotFoundError
        If there is neither a draft nor an entry of that name.
    InputError
        If nobody is named, or an entry of that id is published already and `replace` is not set.
    DocumentError
        If it may not be published; every reason is listed with its line.
    """
    if not decided_by.strip():
        msg = "nobody is named who decided on the grade. Give the person's name (--decided-by)."
        raise InputError(msg)
    if not Path(to).parent.is_dir():
        msg = f"folder {Path(to).parent} of the catalogue to publish into does not exist. Create it first."
        raise InputError(msg)
    draft = require_draft(catalog_path, name)
    _require_sound(draft)
    decision = GradeDecision(by=decided_by, on=datetime.now(UTC).date(), note=note)
    entry = _of(draft).model_copy(update={"grade": grade, "grade_decision": decision})
    public = _public_entry(entry, draft, Path(to))
    registered = register_entry(to, public, replace=replace)
    decide(draft.path, {"grade": grade, "grade_decision": decision.model_dump_json(exclude_defaults=True)})
    return registered


def _of(draft: Draft) -> Entry:
    """Entry of a draft that has no faults."""
    if draft.entry is None:
        raise DocumentError(fault_report(str(draft.path), list(draft.faults)))
    return draft.entry


def _require_sound(draft: Draft) -> None:
    """Refuse a draft with errors, with doubtful values, or with anything but the grade left to decide."""
    reasons = [fault for fault in check_catalog(draft.path, level=3) if fault.severity == "error"]
    for location, what in draft.marks.items():
        if location != ("grade",):
            reasons.append(Fault(str(draft.path), draft.lines[location], f"left to decide: {what}"))
    if draft.entry is not None:
        reasons += [draft.located.fault(place, message) for place, message in find_doubts(draft.entry)]
    if reasons:
        msg = f"{draft.path.stem!r} is not published. {fault_report(str(draft.path), sorted(set(reasons)))}"
        raise DocumentError(msg)


def _public_entry(entry: Entry, draft: Draft, to: Path) -> Entry:
    """What anybody may read of an entry, with the layouts that are public or lie below the catalogue's folder."""
    folder = to.parent.resolve()
    beside: dict[str, str] = {}
    assets = {}
    for layout, asset in entry.assets.items():
        place = draft.place(asset.href)
        if "://" not in place and Path(place).resolve().is_relative_to(folder) and Path(place).resolve() != folder:
            beside[layout] = f"{CATALOG_DIR}/{Path(place).resolve().relative_to(folder).as_posix()}"
            # an address relative to the catalogue leads to the same place for whoever has the catalogue
            assets[layout] = asset.model_copy(update={"href": _BESIDE + layout})
        else:
            assets[layout] = asset.model_copy(update={"href": place})
    public = public_fields(entry.model_copy(update={"assets": assets}))
    if not public["assets"]:
        places = ", ".join(asset.href for asset in assets.values())
        msg = (
            f"{entry.id!r} is not published: each place of it is internal ({places}). Publish into a catalogue in a "
            "folder above the data, or set the public address: catalog edit NAME --set assets.LAYOUT.href=https://…"
        )
        raise DocumentError(msg)
    for layout, href in beside.items():
        public["assets"][layout]["href"] = href
    return Entry.from_json(public, where=entry.id)
