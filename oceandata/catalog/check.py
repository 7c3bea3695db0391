"""
Check of catalogue files and drafts in levels, for people and for continuous integration; all faults at once.

1. syntax and safety: what `oceandata.catalog.open_catalog` refuses; 2. schema, units, CF names, licence, sane extents,
and what a curator still owes; 3. opens, and is what the record says. The fourth, whether each address answers, is
`oceandata.catalog.check_alive`, because it writes down what it finds.
"""

import dataclasses
from collections.abc import Callable
from pathlib import Path

from oceandata.catalog.catalog import Catalog
from oceandata.catalog.comparison import find_differences
from oceandata.catalog.doubts import find_doubts
from oceandata.catalog.drafts import is_draft, read_draft
from oceandata.catalog.entries import located_gaps
from oceandata.catalog.faults import Fault, require_file
from oceandata.catalog.loader import read_catalog
from oceandata.catalog.positions import Located, Location, read_yaml
from oceandata.catalog.write import MOST_ENTRIES
from oceandata.entities import Entry
from oceandata.errors import InputError

__all__ = ["check_catalog"]


def check_catalog(path: str | Path, *, level: int = 2) -> list[Fault]:
    """
    Everything that is wrong with a catalogue file or a draft, and what its curator still owes.

    Errors are what `open_catalog` refuses and what the data contradict. Warnings are values that cannot stand (units
    that CF does not know, a licence that is no SPDX identifier, a depth of 90 km), gaps (a missing Chinese title), and
    a file that has grown too large for Intake; in a draft also what is left to decide.

    Parameters
    ----------
    path : str or pathlib.Path
        The YAML file.
    level : int
        1 for syntax and safety, 2 for the values too, 3 to open every dataset and compare it with its record.

    Returns
    -------
    list of Fault
        By line; empty if nothing is to be done.

    Raises
    ------
    NotFoundError
        If there is no such file.
    InputError
        If there is no such level.

    Notes
    -----
    Levels 1 and 2 open no dataset and need no network. Level 3 reads metadata and coordinates of each layout, and
    opens nothing as long as level 1 has faults.
    """
    if level not in (1, 2, 3):
        msg = f"level is {level!r}, need 1 (syntax), 2 (values) or 3 (opens); check_alive() is the fourth."
        raise InputError(msg)
    require_file(Path(path), kind="catalogue")
    if is_draft(read_yaml(Path(path))):
        return _check_draft(Path(path), level)
    file, faults = read_catalog(path)
    if level == 1:
        return faults
    level = 2 if faults else level  # what is not safe to open is not opened
    located = Catalog({}, path=file.path).located
    for name, entry in file.entries.items():
        place: Location = ("entries", name, "metadata", "entry")
        faults += _entry_faults(file.located, place, f"{name}: ", entry, level=level, located=located)
    if len(file.entries) > MOST_ENTRIES:
        message = f"{len(file.entries)} entries in one file, need {MOST_ENTRIES} at most. Split it."
        faults.append(Fault(str(path), file.located.line(("entries",)), message, "warning"))
    return sorted(set(faults))


def _check_draft(path: Path, level: int) -> list[Fault]:
    """Faults of a draft, and its marks."""
    draft = read_draft(path)
    faults = list(draft.faults)
    if level > 1:
        level = 2 if faults else level
        for location, what in draft.marks.items():
            faults.append(Fault(str(path), draft.lines[location], f"left to decide: {what}", "warning"))
        if draft.entry is not None:
            faults += _entry_faults(draft.located, (), "", draft.entry, level=level, located=draft.place)
    return sorted(set(faults))


def _entry_faults(
    document: Located, place: Location, label: str, entry: Entry, *, level: int, located: Callable[[str], str]
) -> list[Fault]:
    """Faults of levels 2 and 3 of one entry."""
    found = []
    for where, message in [*located_gaps(entry), *find_doubts(entry)]:
        fault = document.fault((*place, *where), label + message)
        found.append(dataclasses.replace(fault, severity="warning"))
    if level > 2:
        for where, message, severity in find_differences(entry, located):
            fault = document.fault((*place, *where), label + message)
            found.append(dataclasses.replace(fault, severity=severity))
    return found
