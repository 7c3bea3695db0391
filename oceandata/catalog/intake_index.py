"""The bulk entries of a catalogue as plain Intake sees them: one catalogue, whose entries are read when asked for."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from intake.readers.entry import Catalog as IntakeCatalog
from intake.readers.entry import ReaderDescription
from intake.readers.utils import LazyDict

from oceandata.catalog.envelope import CATALOG_DIR, entry_document
from oceandata.catalog.index.parts import BulkPart
from oceandata.catalog.index.state import INDEX
from oceandata.catalog.safety import strings_of
from oceandata.catalog.trust import require_safe_places, require_safe_texts
from oceandata.errors import DocumentError, InputError, NotFoundError, closest
from oceandata.storage.urls import local_path

__all__ = ["IndexedCatalog", "open_indexed"]

_OFFERED = 1000


class _Entries(LazyDict):  # type: ignore[misc]
    """Descriptions of readers by name."""

    def __init__(self, bulk: BulkPart) -> None:
        self.bulk = bulk

    def __getitem__(self, name: str) -> ReaderDescription:
        where = self.bulk.locate(name)
        if where is None:
            raise KeyError(name)
        entry = self.bulk.entry(*where, name)
        require_safe_texts(entry)
        require_safe_places(entry, self.bulk.folder)
        form = entry_document(entry)
        href = form["kwargs"]["url"]
        if href.startswith(CATALOG_DIR):
            form["kwargs"]["url"] = str(self.bulk.folder) + href.removeprefix(CATALOG_DIR)
        if any("{" in text for _, text, _ in strings_of(form["kwargs"])):
            msg = (
                f"entry {name!r} has braces among the arguments of its reader, which Intake would fill in. Remove them."
            )
            raise DocumentError(msg)
        return ReaderDescription(**form)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self.bulk.locate(name) is not None

    def __len__(self) -> int:
        return len(self.bulk)

    def __iter__(self) -> Iterator[str]:
        return (name for _, _, name in self.bulk.listed())

    def keys(self) -> Any:
        """Names, not collected."""
        return self

    def __repr__(self) -> str:
        return f"<{len(self)} entries>"


class _Names(_Entries):
    """Every name stands for itself."""

    def __getitem__(self, name: str) -> str:
        if name not in self:
            raise KeyError(name)
        return name


class IndexedCatalog(IntakeCatalog):  # type: ignore[misc]
    """
    Catalogue of Intake whose entries are read one by one, when they are asked for.

    Parameters
    ----------
    bulk : BulkPart
        The entries.
    """

    def __init__(self, bulk: BulkPart) -> None:
        super().__init__(entries=_Entries(bulk), aliases=_Names(bulk))
        self._bulk = bulk

    def __len__(self) -> int:
        return len(self._bulk)

    def __iter__(self) -> Iterator[str]:
        return iter(self.aliases)

    def __contains__(self, name: object) -> bool:
        return name in self.entries

    def __getitem__(self, name: str) -> Any:
        try:
            return super().__getitem__(name)
        except KeyError:
            near = closest(str(name), self._bulk.near(str(name)))
            msg = f"no entry {name!r} among {len(self):,} entries. {near}"
            raise KeyError(msg) from None

    def __repr__(self) -> str:
        return f"<{len(self):,} entries of {self._bulk.folder}>"

    def __dir__(self) -> list[str]:
        return sorted([*object.__dir__(self), *self._ipython_key_completions_()])

    def _ipython_key_completions_(self) -> list[str]:
        return self._bulk.names(limit=_OFFERED)


def open_indexed(path: str) -> IndexedCatalog:
    """
    Bulk entries behind an index, for `oceandata.readers.IndexReader`.

    Parameters
    ----------
    path : str
        Path or ``file://`` URL of the index; the bulk files stand in the folder ``entries`` beside it.

    Returns
    -------
    IndexedCatalog
        No entry was read.

    Raises
    ------
    InputError
        If it is no file of this machine.
    NotFoundError
        If there is no index.
    DocumentError
        If the index is older than the bulk files.
    """
    if "://" in path and not path.startswith("file://"):
        msg = f"the index is at {path!r}, need a file of this machine. Fetch the folder of the catalogue first."
        raise InputError(msg)
    place = local_path(path) if path.startswith("file://") else Path(path)
    if place.name != INDEX:
        msg = f"the index is {place.name!r}, need {INDEX!r} in the folder of the catalogue. Correct the path."
        raise NotFoundError(msg)
    return IndexedCatalog(BulkPart(place.parent))
