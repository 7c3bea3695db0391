"""Lines of bulk files as entries: nothing gets into an index that a catalogue file could not hold."""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from pydantic import ValidationError

from oceandata.catalog.faults import Fault, fault_report
from oceandata.catalog.index.build import Source
from oceandata.catalog.index.files import digest_of, read_members
from oceandata.catalog.positions import Located
from oceandata.catalog.safety import place_faults, text_faults
from oceandata.documents import fault_message
from oceandata.entities import Entry
from oceandata.errors import DocumentError

__all__ = ["BulkLine", "Faults", "MemberPlace", "lines_of", "name_of", "source_of"]

#: Number of the file, first name, where the member begins, its bytes.
MemberPlace = tuple[int, str, int, int]

_NAME = re.compile(rb'\{"schema_version":1,"id":"([a-z][a-z0-9_]*)"')
#: No text that is refused is without one of these, no key without one of the words.
_SUSPECT = tuple(mark.encode() for mark in ("data(", "AKIA", "ASIA", "PRIVATE KEY", "@", "?", "&", "\\", "\x7f"))
_SUSPECT_SIGNS = (
    re.compile(rb"\{[\w{%]"),
    re.compile(rb"\xc2[\x80-\x9f]"),
    re.compile(rb"\xe2(\x80[\xaa-\xae]|\x81[\xa6-\xa9])"),
)
_SUSPECT_KEY = re.compile("secret|passw|passphrase|token|credential|key|auth", re.IGNORECASE)
#: Places that cannot be out of bounds.
_HARMLESS_PLACE = re.compile(r"(s3|https)://[\w-][\w/.=+-]*")
_MOST_FAULTS = 20


class BulkLine(NamedTuple):
    """A line of a bulk file: number of the file, number of the line, name of the entry, the bytes."""

    file: int
    number: int
    name: str
    line: bytes


class Faults:
    """
    Faults of bulk files, collected.

    Parameters
    ----------
    folder : pathlib.Path
        Folder of the catalogue file.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.found: list[Fault] = []
        self.count = 0

    def add(self, fault: Fault) -> None:
        """Take one; beyond twenty they are only counted."""
        self.count += 1
        if len(self.found) < _MOST_FAULTS:
            self.found.append(fault)

    def take(self, found: Sequence[Fault], count: int) -> None:
        """Take those of another collection, and how many there were."""
        self.found += found[: max(0, _MOST_FAULTS - len(self.found))]
        self.count += count

    def require_none(self) -> None:
        """
        Refuse to go on if there were any.

        Raises
        ------
        DocumentError
            With file and line of each.
        """
        if self.count:
            more = f"\n  … and {self.count - len(self.found)} more" if self.count > len(self.found) else ""
            msg = f"{fault_report(str(self.folder), sorted(self.found))}{more}\nMend them and run the command again."
            raise DocumentError(msg)


def name_of(line: bytes) -> str:
    """
    Name of the entry of a line; only as much is read as needed.

    Parameters
    ----------
    line : bytes
        JSON.

    Returns
    -------
    str
        The id; empty if there is none.
    """
    quick = _NAME.match(line)
    if quick:
        return quick[1].decode()
    try:
        name = json.loads(line)["id"]
    except (ValueError, LookupError, TypeError):
        return ""
    return name if isinstance(name, str) else ""


def lines_of(
    path: Path,
    file: int,
    faults: Faults,
    *,
    members: list[MemberPlace],
    progress: Callable[[int], None] | None = None,
) -> Iterator[BulkLine]:
    """
    Lines of a bulk file with the names of their entries, which must stand in order.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    file : int
        Its number.
    faults : Faults
        Told of lines without a name, or out of order; they are left out.
    members : list of MemberPlace
        Where each member stands is added.
    progress : callable, optional
        Told the bytes of each member.

    Yields
    ------
    BulkLine
        In the order of names.
    """
    number, before = 0, ""
    for member in read_members(path):
        first = True
        for line in member.lines:
            number += 1
            if not line:
                continue
            name = name_of(line)
            if name <= before:
                what = f"entry {name!r} comes after {before!r}, need the order of names, each once"
                told = f"{what if name else 'no entry with an id'}. Register the entries, which sorts them."
                faults.add(Fault(str(path), number, told))
                continue
            if first:
                members.append((file, name, member.begin, member.nbytes))
            first, before = False, name
            yield BulkLine(file, number, name, line)
        if progress is not None:
            progress(member.nbytes)


def _is_suspect(line: bytes, entry: Entry) -> bool:
    """Whether the texts of a line must be looked at one by one; nothing that is refused escapes this."""
    if any(mark in line for mark in _SUSPECT) or any(sign.search(line) for sign in _SUSPECT_SIGNS):
        return True
    keys = [*entry.variables, *entry.assets, *(name for one in entry.assets.values() for name in one.chunk_shapes)]
    return _SUSPECT_KEY.search(" ".join(keys)) is not None


def source_of(line: BulkLine, path: Path, faults: Faults) -> Source | None:
    """
    Entry of a line, checked as a catalogue file would be.

    Parameters
    ----------
    line : BulkLine
        The line.
    path : pathlib.Path
        Its file.
    faults : Faults
        Told what is wrong with it.

    Returns
    -------
    Source or None
        None if the line cannot be used.
    """
    try:
        entry = Entry.model_validate_json(line.line)
    except ValidationError as error:
        for fault in error.errors():
            place = ".".join(map(str, fault["loc"])) or "(document)"
            faults.add(Fault(str(path), line.number, f"{line.name}.{place}: {fault_message(Entry, fault)}."))
        return None
    before = faults.count
    if _is_suspect(line.line, entry):
        located = Located(str(path), json.loads(line.line), {(): line.number}, ())
        for one in text_faults(located):
            faults.add(one)
    if not all(_HARMLESS_PLACE.fullmatch(asset.href) and ".." not in asset.href for asset in entry.assets.values()):
        located = Located(str(path), {}, {(): line.number}, ())
        for one in place_faults(located, (line.name,), entry, faults.folder):
            faults.add(one)
    return Source(entry, line.file, digest_of(line.line)) if faults.count == before else None
