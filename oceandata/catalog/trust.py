"""Refusing to open what an entry may not name, at the moment it is opened."""

from pathlib import Path

from oceandata.catalog.positions import Located
from oceandata.catalog.safety import place_faults, text_faults
from oceandata.entities import Entry
from oceandata.errors import DocumentError

__all__ = ["require_safe_places", "require_safe_texts"]


def require_safe_places(entry: Entry, folder: Path) -> None:
    """
    Refuse an entry that is stored where it may not be.

    Parameters
    ----------
    entry : Entry
        The dataset.
    folder : pathlib.Path
        Folder of the catalogue file; what is relative to it stays below it, whatever symbolic links say now.

    Raises
    ------
    DocumentError
        If a place may not be opened.
    """
    _require_none(entry, [str(one.message) for one in place_faults(_located(entry), (entry.id,), entry, folder)])


def require_safe_texts(entry: Entry) -> None:
    """
    Refuse an entry whose texts Intake would take for more than texts.

    Parameters
    ----------
    entry : Entry
        The dataset.

    Raises
    ------
    DocumentError
        If there is a template, a secret or a sign that steers a terminal in it.
    """
    _require_none(entry, [str(one.message) for one in text_faults(_located(entry))])


def _located(entry: Entry) -> Located:
    """The document without a file."""
    return Located("", entry.to_json(), {}, ())


def _require_none(entry: Entry, messages: list[str]) -> None:
    """Refuse with the first fault."""
    if messages:
        msg = f"entry {entry.id!r} is not opened: {messages[0]}"
        raise DocumentError(msg)
