"""
Catalogue files, read strictly: every fault with file and line, and nothing in them can run.

Intake imports whatever class a catalogue names and fills templates from the environment. Here an entry may name only
our own reader with its own arguments, and only ``{CATALOG_DIR}`` is filled in.
"""

import dataclasses
import re
import shlex
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from oceandata.catalog.envelope import (
    ENTRY_KEYS,
    INDEX_ENTRY,
    INDEX_NAME,
    OUTPUT_INSTANCE,
    READER_ARGUMENTS,
    READERS,
    TOP_KEYS,
    reader_arguments,
)
from oceandata.catalog.faults import Fault, fault_report, require_file
from oceandata.catalog.positions import Located, Location, read_yaml
from oceandata.catalog.safety import brace_faults, place_faults, strings_of, text_faults
from oceandata.documents import Document, fault_message
from oceandata.entities import RESERVED_NAMES, Entry
from oceandata.errors import DocumentError, closest

__all__ = ["CatalogFile", "document_faults", "read_catalog", "require_catalog"]

_NAME = re.compile(r"[a-z][a-z0-9_]*")


@dataclasses.dataclass(frozen=True)
class CatalogFile:
    """
    A catalogue file as read.

    Attributes
    ----------
    path : pathlib.Path
        The file.
    entries : dict of str to Entry
        The sound entries by id, in the order of the file.
    aliases : dict of str to str
        Names that stand for an id, each id among them.
    bulk : bool
        Whether bulk entries stand beside the file (the entry ``all``, which is not among `entries`).
    metadata : dict
        What the file says of itself.
    located : Located
        The plain document with its lines.
    """

    path: Path
    entries: dict[str, Entry]
    aliases: dict[str, str]
    metadata: dict[str, Any]
    located: Located
    bulk: bool = False


def document_faults(located: Located, place: Location, error: DocumentError, model: type[Document]) -> list[Fault]:
    """
    Faults of a document that a model refused, each at the line of the value it is about.

    Parameters
    ----------
    located : Located
        The file.
    place : tuple of str or int
        Where the document stands in the file.
    error : DocumentError
        What `Document.from_json` raised.
    model : type of Document
        What the document should have been.

    Returns
    -------
    list of Fault
        One fault for each that the model found.
    """
    if not isinstance(error.__cause__, ValidationError):
        return [located.fault(place, str(error))]
    name = "".join(f"{part}." for part in place[1:2])
    faults = []
    for fault in error.__cause__.errors():
        message = fault_message(model, fault)
        if fault["type"] not in ("missing", "extra_forbidden", "value_error"):
            message += f", got {fault['input']!r:.80}"
        label = name + (".".join(map(str, fault["loc"])) or "(document)")
        faults.append(located.fault((*place, *fault["loc"]), f"{label}: {message}."))
    return faults


def read_catalog(path: str | Path) -> tuple[CatalogFile, list[Fault]]:
    """
    Read a catalogue file and everything that is wrong with it.

    Parameters
    ----------
    path : str or pathlib.Path
        The YAML file, in the form of Intake 2.

    Returns
    -------
    CatalogFile
        What could be read; complete only if there are no faults.
    list of Fault
        All errors, by line.

    Raises
    ------
    NotFoundError
        If there is no such file; the nearest names of the folder are listed.
    """
    path = Path(path)
    require_file(path, kind="catalogue")
    located = read_yaml(path)
    faults = list(located.faults)
    top = located.value
    if not isinstance(top, dict):
        if not faults:
            faults.append(located.fault((), f"the file holds a {type(top).__name__}, need the keys {_list(TOP_KEYS)}."))
        return CatalogFile(path, {}, {}, {}, located), faults
    faults += _key_faults(located, (), TOP_KEYS)
    faults += _top_faults(located, top)
    faults += text_faults(located)
    entries: dict[str, Entry] = {}
    names = _mapping(top.get("entries"))
    for name in names:
        if name == INDEX_NAME:
            faults += _index_faults(located)
            continue
        entry, found = _read_entry(located, name)
        faults += found
        if entry is not None:
            entries[name] = entry
    faults += _alias_faults(located, top)
    aliases = {name: target for name, target in _mapping(top.get("aliases")).items() if isinstance(target, str)}
    aliases = {name: target for name, target in aliases.items() if name != INDEX_NAME}
    file = CatalogFile(path, entries, aliases, _mapping(top.get("metadata")), located, INDEX_NAME in names)
    return file, sorted(set(faults))


def require_catalog(path: str | Path) -> CatalogFile:
    """
    Read a catalogue file without faults.

    Parameters
    ----------
    path : str or pathlib.Path
        The YAML file, in the form of Intake 2.

    Returns
    -------
    CatalogFile
        All of it.

    Raises
    ------
    NotFoundError
        If there is no such file.
    DocumentError
        If anything is wrong with it; every fault is listed with its line.
    """
    file, faults = read_catalog(path)
    if faults:
        command = f"oceandata catalog check --catalog {shlex.quote(str(path))}"
        msg = f"{fault_report(str(path), faults)}\nMend them; '{command}' lists them again."
        raise DocumentError(msg)
    return file


def _list(names: tuple[str, ...]) -> str:
    """Names in quotes, with commas."""
    return ", ".join(repr(name) for name in names)


def _mapping(value: Any) -> dict[str, Any]:
    """The value if it is a mapping, else an empty one (its fault is reported elsewhere)."""
    return value if isinstance(value, dict) else {}


def _value(located: Located, place: Location) -> Any:
    """Value at a location that exists."""
    value = located.value
    for key in place:
        value = value[key]
    return value


def _key_faults(located: Located, place: Location, allowed: tuple[str, ...]) -> list[Fault]:
    """Missing and unknown keys of a mapping."""
    keys = list(_value(located, place))
    where = ".".join(map(str, place)) or "the file"
    missing = [key for key in allowed if key not in keys]
    faults = []
    if missing:
        faults.append(located.fault(place, f"{where} lacks {_list(tuple(missing))}; Intake needs all of its keys."))
    for key in keys:
        if key not in allowed:
            near = closest(key, list(allowed))
            faults.append(located.fault((*place, key), f"{where} has an unknown key {key!r}. {near}"))
    return faults


def _top_faults(located: Located, top: dict[str, Any]) -> list[Fault]:
    """Faults of the values at the top."""
    faults = []
    if "version" in top and (top["version"] != 2 or isinstance(top["version"], bool)):
        faults.append(located.fault(("version",), f"version is {top['version']!r}, need 2 (the form of Intake 2)."))
    for key in TOP_KEYS[1:]:
        if key in top and not isinstance(top[key], dict):
            faults.append(located.fault((key,), f"{key} is {top[key]!r:.80}, need a mapping ({{}} if it is empty)."))
    for key in ("user_parameters", "data"):
        if _mapping(top.get(key)):
            message = f"{key} has content, need {{}}: parameters and data sections are not accepted."
            faults.append(located.fault((key,), message))
    return faults


def _alias_faults(located: Located, top: dict[str, Any]) -> list[Fault]:
    """Aliases that lead nowhere, and entries that Intake would not list."""
    entries, aliases = _mapping(top.get("entries")), _mapping(top.get("aliases"))
    faults = []
    for name, target in aliases.items():
        if not _NAME.fullmatch(name) or (name in RESERVED_NAMES and (name, target) != (INDEX_NAME, INDEX_NAME)):
            message = f"alias {name!r} cannot be used: need a lower-case name that Intake does not use itself."
            faults.append(located.fault(("aliases", name), message))
        if not isinstance(target, str) or target not in entries:
            near = closest(str(target), list(entries))
            faults.append(located.fault(("aliases", name), f"alias {name!r} stands for {target!r}, no entry. {near}"))
        elif name in entries and target != name:
            message = f"alias {name!r} stands for {target!r}, but there is an entry of that name."
            faults.append(located.fault(("aliases", name), message))
    for name in entries:
        if name not in aliases:
            message = f"entry {name!r} is not among the aliases, so Intake does not list it. Add '{name}: {name}'."
            faults.append(located.fault(("entries", name), message))
    return faults


def _index_faults(located: Located) -> list[Fault]:
    """The entry of the bulk entries has one form."""
    place: Location = ("entries", INDEX_NAME)
    if _value(located, place) == INDEX_ENTRY:
        return []
    return [located.fault(place, f"entry {INDEX_NAME!r} is that of the bulk entries, need exactly {INDEX_ENTRY}.")]


def _read_entry(located: Located, name: str) -> tuple[Entry | None, list[Fault]]:
    """One entry and its faults; None if its document cannot be used."""
    place: Location = ("entries", name)
    form = _value(located, place)
    if not isinstance(form, dict):
        return None, [located.fault(place, f"{name} is {form!r:.80}, need the keys {_list(ENTRY_KEYS)}.")]
    faults = _key_faults(located, place, ENTRY_KEYS) + _form_faults(located, place, form)
    metadata = _mapping(form.get("metadata"))
    document = metadata.get("entry")
    for key in metadata:
        if key != "entry":
            faults.append(located.fault((*place, "metadata", key), f"{name}.metadata has {key!r}, need only 'entry'."))
    if not isinstance(document, dict):
        message = f"{name}.metadata lacks 'entry', the document of the dataset."
        faults.append(located.fault((*place, "metadata"), message))
        return None, faults
    here = (*place, "metadata", "entry")
    try:
        entry = Entry.from_json(document, where=name)
    except DocumentError as error:
        return None, faults + document_faults(located, here, error, Entry)
    if entry.id != name:
        faults.append(located.fault((*here, "id"), f"id is {entry.id!r}, but the entry is called {name!r}."))
    faults += place_faults(located, here, entry, Path(located.file).parent)
    faults += _argument_faults(located, place, form, entry)
    return entry, faults


def _form_faults(located: Located, place: Location, form: dict[str, Any]) -> list[Fault]:
    """Faults of reader, output and parameters."""
    name = place[-1]
    faults = []
    if "reader" in form and form["reader"] not in READERS:
        message = f"{name}.reader is {form['reader']!r:.80}, need {_list(READERS)}: a catalogue cannot name other code."
        faults.append(located.fault((*place, "reader"), message))
    if "output_instance" in form and form["output_instance"] != OUTPUT_INSTANCE:
        message = f"{name}.output_instance is {form['output_instance']!r:.80}, need {OUTPUT_INSTANCE!r}."
        faults.append(located.fault((*place, "output_instance"), message))
    if form.get("user_parameters"):
        faults.append(located.fault((*place, "user_parameters"), f"{name}.user_parameters has content, need {{}}."))
    return faults


def _argument_faults(located: Located, place: Location, form: dict[str, Any], entry: Entry) -> list[Fault]:
    """Arguments that the reader does not take, or that open something else than the entry describes."""
    given = form.get("kwargs")
    if not isinstance(given, dict):
        fault = located.fault((*place, "kwargs"), f"{place[-1]}.kwargs is {given!r:.80}, need a mapping.")
        return [fault] if "kwargs" in form else []
    faults = []
    for key, value in given.items():
        here = (*place, "kwargs", key)
        if key not in READER_ARGUMENTS:
            near = closest(key, list(READER_ARGUMENTS))
            message = f"{place[-1]}.kwargs has {key!r}, which the reader does not take. {near}"
            faults.append(located.fault(here, message))
            continue
        for where, text, is_key in strings_of(value, here):
            faults += brace_faults(located, where, text, url=key == "url" and not is_key)
    for key, need in reader_arguments(entry).items():
        if given.get(key) != need:
            message = f"{place[-1]}.kwargs.{key} is {given.get(key)!r:.80}, but the entry says {need!r:.80}."
            faults.append(located.fault((*place, "kwargs", key), message))
    return faults
