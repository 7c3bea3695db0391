"""
Drafts of entries: a YAML file with the whole entry, and marks where a person must decide.

A mark is a comment, ``# decide: what``, on the line above the field it is about; a field is decided when its mark is
taken out. Drafts lie in the folder ``drafts`` beside the catalogue.
"""

import dataclasses
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from oceandata.catalog.envelope import CATALOG_DIR
from oceandata.catalog.faults import Fault, require_file
from oceandata.catalog.loader import document_faults
from oceandata.catalog.positions import Located, Location, read_yaml
from oceandata.catalog.safety import place_faults, text_faults
from oceandata.entities import Entry
from oceandata.errors import DocumentError, InputError

__all__ = ["Draft", "draft_path", "is_draft", "read_draft", "render_draft"]

_MARK = re.compile(r"^\s*# decide: *(.*?)\s*$")

_HEADER = (
    "# Draft of an entry. Lines that begin with 'decide:' name what a person must decide about the field below them:\n"
    "# correct the field, then take the line out. 'oceandata catalog check' lists what is left.\n"
)


@dataclasses.dataclass(frozen=True)
class Draft:
    """
    A draft as read.

    Attributes
    ----------
    path : pathlib.Path
        The file.
    located : Located
        The plain document with its lines.
    marks : dict of tuple to str
        What is left to decide, by the location of the field.
    lines : dict of tuple to int
        Line of each mark.
    entry : Entry or None
        The entry, if the document is one.
    faults : tuple of Fault
        What is wrong with syntax, safety and schema.
    """

    path: Path
    located: Located
    marks: dict[Location, str]
    lines: dict[Location, int]
    entry: Entry | None
    faults: tuple[Fault, ...]

    @property
    def folder(self) -> Path:
        """Folder of the catalogue that the draft lies beside; ``{CATALOG_DIR}`` stands for it."""
        return self.path.resolve().parent.parent

    def place(self, href: str) -> str:
        """
        Place of a layout, with the folder of the catalogue filled in.

        Parameters
        ----------
        href : str
            As the draft has it.

        Returns
        -------
        str
            Path or URL that can be opened.
        """
        return str(self.folder) + href.removeprefix(CATALOG_DIR) if href.startswith(CATALOG_DIR) else href


def draft_path(catalog_path: str | Path, name: str) -> Path:
    """
    Where the draft of an entry lies.

    Parameters
    ----------
    catalog_path : str or pathlib.Path
        The catalogue it is drafted for.
    name : str
        Id of the entry.

    Returns
    -------
    pathlib.Path
        In the folder ``drafts`` beside the catalogue.

    Raises
    ------
    InputError
        If the name is no id: lower case, digits and underscores.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,119}", name):
        msg = f"entry name is {name!r:.60}, need lower case letters, digits and underscores, a letter first."
        raise InputError(msg)
    return Path(catalog_path).parent / "drafts" / f"{name}.yaml"


def is_draft(located: Located) -> bool:
    """
    Whether a YAML file is a draft rather than a catalogue.

    Parameters
    ----------
    located : Located
        The file.

    Returns
    -------
    bool
        True if it has the keys of an entry and not those of a catalogue.
    """
    top = located.value
    return isinstance(top, dict) and "entries" not in top and bool({"id", "assets"} & set(top))


def read_draft(path: str | Path) -> Draft:
    """
    Read a draft, with everything that is wrong with it and left to decide.

    Parameters
    ----------
    path : str or pathlib.Path
        The YAML file.

    Returns
    -------
    Draft
        Complete only if there are no faults.

    Raises
    ------
    NotFoundError
        If there is no such file; the nearest names of the folder are listed.
    """
    path = Path(path)
    require_file(path, kind="draft")
    located = read_yaml(path)
    faults = [*located.faults, *text_faults(located)]
    entry = None
    if isinstance(located.value, dict):
        try:
            entry = Entry.from_json(located.value, where=path.name)
        except DocumentError as error:
            faults += document_faults(located, (), error, Entry)
    elif not faults:
        faults.append(
            located.fault((), f"the file holds a {type(located.value).__name__}, need the fields of an entry.")
        )
    marks, lines = _marks(located, path) if not located.faults else ({}, {})
    draft = Draft(path, located, marks, lines, entry, ())
    if entry is not None:
        faults += place_faults(located, (), entry, draft.folder)
        if entry.id != path.stem:
            faults.append(located.fault(("id",), f"id is {entry.id!r}, but the draft is called {path.stem!r}."))
    return dataclasses.replace(draft, faults=tuple(sorted(set(faults))))


def _marks(located: Located, path: Path) -> tuple[dict[Location, str], dict[Location, int]]:
    """Marks by the location of the field below each, and their lines."""
    by_line: dict[int, Location] = {}
    for location, line in located.lines.items():
        if location and (line not in by_line or len(location) < len(by_line[line])):
            by_line[line] = location
    marks: dict[Location, str] = {}
    lines: dict[Location, int] = {}
    for number, text in enumerate(path.read_text(encoding="utf-8-sig").splitlines(), 1):
        found = _MARK.match(text)
        if found:
            below = min((line for line in by_line if line > number), default=0)
            location = by_line.get(below, ())
            marks[location] = found[1]
            lines[location] = number
    return marks, lines


def render_draft(document: Mapping[str, Any], marks: Mapping[Location, str]) -> str:
    """
    Text of a draft.

    Parameters
    ----------
    document : mapping
        The fields of an entry, as JSON types.
    marks : mapping of tuple to str
        What is left to decide, by the location of a field that is there.

    Returns
    -------
    str
        YAML with a mark above each marked field; `read_draft` of it gives the same document and marks.
    """
    plain = json.loads(json.dumps(document, ensure_ascii=False))
    text = yaml.dump(plain, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)
    rows = text.splitlines()
    lines = _key_lines(yaml.compose(text, Loader=yaml.SafeLoader))
    for location, what in sorted(marks.items(), key=lambda pair: -lines.get(pair[0], 0)):
        number = lines.get(location, 0)
        indent = len(rows[number]) - len(rows[number].lstrip())
        rows.insert(number, f"{' ' * indent}# decide: {' '.join(what.split())}")
    return _HEADER + "\n".join(rows) + "\n"


class _Dumper(yaml.SafeDumper):
    """Writes each field in a line of its own, and numbers of a list in one."""


def _represent_list(dumper: yaml.SafeDumper, values: list[Any]) -> yaml.SequenceNode:
    """List, in one line if it holds plain values only."""
    flow = not any(isinstance(value, list | dict) for value in values)
    return dumper.represent_sequence("tag:yaml.org,2002:seq", values, flow_style=flow)


_Dumper.add_representer(list, _represent_list)


def _key_lines(node: Any, place: Location = ()) -> dict[Location, int]:
    """Number of the row in which each key of a document stands, from 0."""
    found: dict[Location, int] = {}
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            here = (*place, key.value)
            found[here] = key.start_mark.line
            found |= _key_lines(value, here)
    return found
