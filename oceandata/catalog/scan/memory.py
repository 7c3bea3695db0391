"""What earlier scans found, beside the catalogue: a rescan reads only what changed, a killed scan goes on."""

import os
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

from oceandata.catalog.scan.facts import PlaceFacts
from oceandata.catalog.scan.walking import Place, Reject
from oceandata.errors import DocumentError
from oceandata.journal import Journal, read_journal

__all__ = ["Memory", "Seen", "memory_path"]

# Form of the records; records of another form are not believed.
_FORM = 1

# A journal that holds this many times what is still true is written anew.
_LOOSE = 3


class Seen(NamedTuple):
    """What a place held when it was read: facts, or the reason why it holds nothing of use."""

    facts: tuple[PlaceFacts, ...]
    reject: Reject | None


def memory_path(catalog_path: Path) -> Path:
    """
    Where the scans of a catalogue are remembered.

    Parameters
    ----------
    catalog_path : pathlib.Path
        The YAML file.

    Returns
    -------
    pathlib.Path
        A hidden file beside it; removing it makes the next scan read everything anew.
    """
    return catalog_path.with_name(f".{catalog_path.name}.scan")


class Memory:
    """
    The journal of the scans of one catalogue.

    Parameters
    ----------
    catalog_path : pathlib.Path
        The YAML file.
    write : bool
        Whether new findings are written down; a dry run only reads.
    """

    def __init__(self, catalog_path: Path, *, write: bool) -> None:
        self.path = memory_path(catalog_path)
        self._places: dict[str, dict[str, Any]] = {}
        self._entries: dict[str, dict[str, Any]] = {}
        self._journal = Journal(self.path) if write else None
        records = list(self._journal) if self._journal else read_journal(self.path)
        self._count = len(records)
        for record in records:
            if record.get("form") == _FORM:
                self._take(record)

    def _take(self, record: dict[str, Any]) -> None:
        if "entry" in record:
            self._entries[record["entry"]] = record
        elif "path" in record:
            self._places[record["path"]] = record

    def _append(self, record: dict[str, Any]) -> None:
        record = {"form": _FORM, **record}
        self._take(record)
        if self._journal is not None:
            self._journal.append(record)
            self._count += 1

    def recall(self, place: Place) -> Seen | None:
        """
        What a place held, if it did not change since.

        Parameters
        ----------
        place : Place
            File or store as it is now.

        Returns
        -------
        Seen or None
            None if it was not read yet, changed since, or cannot tell whether it did.
        """
        record = self._places.get(place.path)
        if not place.stamp or record is None or record["stamp"] != place.stamp:
            return None
        reject = Reject(**record["reject"]) if record.get("reject") else None
        try:
            facts = tuple(PlaceFacts.from_json(document) for document in record.get("facts", ()))
        except DocumentError:  # written by another version
            return None
        return Seen(facts, reject)

    def remember(self, place: Place, seen: Seen) -> None:
        """
        Write down what a place holds.

        Parameters
        ----------
        place : Place
            File or store.
        seen : Seen
            What was read.
        """
        reject = None if seen.reject is None else {"path": seen.reject.path, "code": seen.reject.code}
        if reject is not None and seen.reject is not None:
            reject["reason"] = seen.reject.reason
        facts = [one.to_json() for one in seen.facts]
        self._append({"path": place.path, "stamp": place.stamp, "reject": reject, "facts": facts})

    def scanned(self, name: str) -> Mapping[str, Any] | None:
        """
        Entry as the last scan wrote it.

        Parameters
        ----------
        name : str
            Id.

        Returns
        -------
        mapping or None
            JSON form; None if no scan wrote it.
        """
        record = self._entries.get(name)
        return None if record is None else record["document"]

    def written(self) -> dict[str, Mapping[str, Any]]:
        """
        All entries as scans wrote them last.

        Returns
        -------
        dict of str to mapping
            JSON forms by id.
        """
        return {name: record["document"] for name, record in self._entries.items()}

    def remember_entry(self, name: str, document: Mapping[str, Any]) -> None:
        """
        Write down what a scan says of an entry, before a person's words are added.

        Parameters
        ----------
        name : str
            Id.
        document : mapping
            JSON form.
        """
        if self.scanned(name) != document:
            self._append({"entry": name, "document": dict(document)})

    def close(self) -> None:
        """Close the journal; one that holds mostly what is no longer true is written anew."""
        if self._journal is None:
            return
        self._journal.close()
        live = [*self._places.values(), *self._entries.values()]
        if self._count > _LOOSE * len(live) + 100:
            beside = self.path.with_name(f"{self.path.name}.new")
            beside.unlink(missing_ok=True)
            with Journal(beside) as journal:
                for record in live:
                    journal.append(record)
            os.replace(beside, self.path)  # noqa: PTH105

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
