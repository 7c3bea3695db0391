"""
YAML as plain values with the line of each of them, from files that nobody vouches for.

Stricter than YAML: one document, text keys, no key twice, no anchors, aliases, merge keys or tags, no deep nesting.
What is left cannot run code, cannot grow when it is read, and means the same to every reader.
"""

import dataclasses
from pathlib import Path
from typing import Any, NoReturn

import yaml

from oceandata.catalog.faults import Fault

__all__ = ["Located", "Location", "read_yaml"]

#: Keys and list positions from the top of a document down to a value.
Location = tuple[str | int, ...]

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_DEEPEST = 24


@dataclasses.dataclass(frozen=True)
class Located:
    """
    A document and where its values stand.

    Attributes
    ----------
    file : str
        Path of the file, as it was given.
    value : object
        The document as dict, list, text, number, bool, date or None.
    lines : dict of tuple to int
        Line of each value by its location.
    faults : tuple of Fault
        What made it unreadable, or is not accepted; empty for a clean document.
    """

    file: str
    value: Any
    lines: dict[Location, int]
    faults: tuple[Fault, ...]

    def line(self, location: Location) -> int:
        """
        Line of a value, or of the nearest value around it.

        Parameters
        ----------
        location : tuple of str or int
            Keys and list positions from the top.

        Returns
        -------
        int
            A line number; the first line is 1.
        """
        while location and location not in self.lines:
            location = location[:-1]
        return self.lines.get(location, 1)

    def fault(self, location: Location, message: str) -> Fault:
        """
        Fault at a value of this document.

        Parameters
        ----------
        location : tuple of str or int
            Keys and list positions from the top.
        message : str
            What is wrong and what to do.

        Returns
        -------
        Fault
            An error with file and line.
        """
        return Fault(self.file, self.line(location), message)


class _Stop(Exception):
    """Reading cannot go on."""


class _Reader:
    """Builds the values from parser events; one step of recursion a level, up to a fixed depth."""

    def __init__(self, text: str, file: str) -> None:
        self.loader = _LOADER(text)
        self.file = file
        self.lines: dict[Location, int] = {}
        self.faults: list[Fault] = []

    def refuse(self, event: Any, message: str) -> None:
        self.faults.append(Fault(self.file, event.start_mark.line + 1, message))

    def stop(self, event: Any, message: str) -> NoReturn:
        self.refuse(event, message)
        raise _Stop

    def document(self) -> Any:
        self.loader.get_event()  # start of the stream
        if self.loader.check_event(yaml.StreamEndEvent):
            self.stop(self.loader.get_event(), "the file is empty.")
        self.loader.get_event()  # start of the document
        value = self.value(())
        self.loader.get_event()  # end of the document
        if not self.loader.check_event(yaml.StreamEndEvent):
            self.stop(self.loader.peek_event(), "a second document begins, need one document a file. Remove '---'.")
        return value

    def value(self, location: Location) -> Any:
        event = self.loader.get_event()
        self.lines.setdefault(location, event.start_mark.line + 1)
        if len(location) > _DEEPEST:
            self.stop(event, f"the document is nested deeper than {_DEEPEST} levels.")
        self.require_plain(event)
        if isinstance(event, yaml.MappingStartEvent):
            return self.mapping(location)
        if isinstance(event, yaml.SequenceStartEvent):
            return self.sequence(location)
        return self.scalar(event)

    def require_plain(self, event: Any) -> None:
        if getattr(event, "anchor", None) is not None:
            self.stop(event, f"anchors and aliases are not accepted ({event.anchor}). Write the value out.")
        if event.tag is not None:
            self.stop(event, f"tags are not accepted: got {event.tag}, need a plain value.")

    def key(self, event: Any) -> str:
        if not isinstance(event, yaml.ScalarEvent):
            self.stop(event, "a key must be plain text.")
        self.require_plain(event)
        kind = self.loader.resolve(yaml.ScalarNode, event.value, event.implicit).rpartition(":")[2]
        if kind != "str":
            self.refuse(event, f"key {event.value!r} is read as {kind}, need text. Put it in quotes.")
        return str(event.value)

    def scalar(self, event: Any) -> Any:
        tag = self.loader.resolve(yaml.ScalarNode, event.value, event.implicit)
        node = yaml.ScalarNode(tag, event.value, event.start_mark, event.end_mark)
        try:
            return self.loader.construct_object(node)
        except (yaml.YAMLError, ValueError) as error:
            reason = getattr(error, "problem", None) or str(error)
            self.refuse(event, f"value {event.value!r} cannot be read ({reason}). Put it in quotes if it is text.")
            return None

    def mapping(self, location: Location) -> dict[str, Any]:
        result: dict[str, Any] = {}
        while not self.loader.check_event(yaml.MappingEndEvent):
            event = self.loader.get_event()
            key = self.key(event)
            place = (*location, key)
            if key in result:
                self.refuse(event, f"key {key!r} stands twice, first in line {self.lines[place]}. Remove one of them.")
                self.value((*location, key, "(again)"))
                continue
            self.lines[place] = event.start_mark.line + 1
            result[key] = self.value(place)
        self.loader.get_event()
        return result

    def sequence(self, location: Location) -> list[Any]:
        result: list[Any] = []
        while not self.loader.check_event(yaml.SequenceEndEvent):
            result.append(self.value((*location, len(result))))
        self.loader.get_event()
        return result


def read_yaml(path: Path) -> Located:
    """
    Read a YAML file as plain values with their lines.

    Nothing is raised for a faulty document: the faults are in the result, and a value that could be read up to them.

    Parameters
    ----------
    path : pathlib.Path
        An existing file, UTF-8.

    Returns
    -------
    Located
        The document, the line of each value and the faults.

    Notes
    -----
    Built from libyaml's events, not its composer: that one recurses in C without a limit and takes the whole process
    down with a few kilobytes of opening brackets.
    """
    file = str(path)
    content = path.read_bytes()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        fault = Fault(file, line, f"byte {content[error.start]:#04x} is not UTF-8. Save the file as UTF-8.")
        return Located(file, None, {}, (fault,))
    try:
        reader = _Reader(text, file)
    except yaml.YAMLError as error:  # characters that YAML does not allow
        return Located(file, None, {}, (_not_yaml(file, error),))
    value = None
    try:
        value = reader.document()
    except _Stop:
        pass
    except yaml.YAMLError as error:
        reader.faults.append(_not_yaml(file, error))
    return Located(file, value, reader.lines, tuple(reader.faults))


def _not_yaml(file: str, error: yaml.YAMLError) -> Fault:
    """Fault of a text that the parser refused."""
    mark = getattr(error, "problem_mark", None)
    reason = getattr(error, "problem", None) or str(error)
    return Fault(file, mark.line + 1 if mark else 1, f"not YAML: {reason}.")
