"""Building an index: entries in the order of their names, each read once, into a new database."""

import array
import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from queue import Queue
from threading import Thread
from typing import NamedTuple

from oceandata.catalog.index.bounds import COLUMNS, extent_bounds, tree_boxes
from oceandata.catalog.index.tables import BLOCK_ROWS, SAMPLE_ROWS, VERSION, create_tables
from oceandata.catalog.index.terms import EntryTerms, Facet, entry_terms
from oceandata.entities import Entry

__all__ = ["Source", "build_index"]

_BATCH = 1000
_HASH_BYTES = 64_000_000
_MOST_BYTES, _SMALL_CODES = 2**63 - 1, 2**16
_LOW, _HIGH = 2**31 - 1, -(2**31)
#: What a column holds where nothing is known: a low end above every number, a high end below.
_NOTHING = {name: _HIGH if name.startswith(("east", "north", "ending", "bottom")) else _LOW for name in COLUMNS}


def _insert(table: str, columns: int) -> str:
    """Statement that takes all rows of a batch as one JSON text: SQLite then works without holding the interpreter."""
    values = ", ".join(f"json_extract(value, '$[{number}]')" for number in range(columns))
    return f"INSERT INTO {table} SELECT {values} FROM json_each(?)"


_ENTRY, _BOX = _insert("entry", len(COLUMNS) + 5), _insert("box", 9)
_WORDS = "INSERT INTO words (rowid, tokens) SELECT key + ?, value FROM json_each(?)"


class Source(NamedTuple):
    """
    An entry to be indexed, and where it stands.

    Attributes
    ----------
    entry : Entry
        The dataset.
    file : int or None
        Number of its bulk file; None for an entry that is held in memory.
    digest : int or None
        Of its line.
    """

    entry: Entry
    file: int | None = None
    digest: int | None = None


class _Prepared(NamedTuple):
    """What the tables take of one entry."""

    name: str
    nbytes: int | None
    file: int | None
    digest: int | None
    bounds: tuple[int | None, ...]
    terms: EntryTerms


class _Blocks:
    """Numbers and facets of the rows, packed."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        self.codes_by_facet: dict[Facet, int] = {}
        self.number = 0
        self.sample = {name: array.array("i") for name in COLUMNS}
        self._clear()

    def _clear(self) -> None:
        self.rows: list[_Prepared] = []

    def code(self, facet: Facet, shown: str) -> int:
        """Number of a facet's value, given when it is first seen."""
        found = self.codes_by_facet.get(facet)
        if found is None:
            found = self.codes_by_facet[facet] = len(self.codes_by_facet)
            self.connection.execute("INSERT INTO facet VALUES (?, ?, ?, ?)", (found, *facet, shown))
        return found

    def add(self, one: _Prepared) -> None:
        """Take a row; a full block is written."""
        self.rows.append(one)
        if len(self.rows) == BLOCK_ROWS:
            self.flush()

    def flush(self) -> None:
        """Write the block that is full, or the last one."""
        if not self.rows:
            return
        columns = zip(COLUMNS, zip(*(one.bounds for one in self.rows), strict=True), strict=True)
        bounds = {
            name: array.array("i", [_NOTHING[name] if bound is None else bound for bound in column])
            for name, column in columns
        }
        for name in COLUMNS:
            self.sample[name].extend(bounds[name][::SAMPLE_ROWS])
        nbytes = array.array("q", [min(one.nbytes or 0, _MOST_BYTES) for one in self.rows])
        counts = array.array("I", [len(one.terms.facets) for one in self.rows])
        numbers = [self.code(facet, shown) for one in self.rows for facet, shown in one.terms.facets.items()]
        codes = array.array("I" if len(self.codes_by_facet) > _SMALL_CODES else "H", numbers)
        blobs = (_packed(bounds), nbytes.tobytes(), counts.tobytes(), codes.tobytes())
        self.connection.execute("INSERT INTO block VALUES (?, ?, ?, ?, ?)", (self.number, *blobs))
        self.number += 1
        self._clear()

    def finish(self) -> None:
        """Write the last block, and the sample."""
        self.flush()
        self.connection.execute("INSERT INTO sample VALUES (?)", (_packed(self.sample),))


def _packed(bounds: Mapping[str, "array.array[int]"]) -> bytes:
    """Columns one after the other."""
    return b"".join(bounds[name].tobytes() for name in COLUMNS)


def _batches(sources: Iterable[Source]) -> Iterator[list[_Prepared]]:
    """Prepared entries, some hundred at a time."""
    remaining = iter(sources)
    while batch := [
        _Prepared(entry.id, entry.stored_bytes, file, digest, extent_bounds(entry.extent), entry_terms(entry))
        for entry, file, digest in islice(remaining, _BATCH)
    ]:
        yield batch


def _ahead(batches: Iterator[list[_Prepared]]) -> Iterator[list[_Prepared]]:
    """The same, prepared in a thread: SQLite writes meanwhile, without holding the interpreter."""
    queue: Queue[list[_Prepared] | BaseException | None] = Queue(4)
    stopped: list[bool] = []

    def fill() -> None:
        try:
            for batch in batches:
                queue.put(batch)
                if stopped:
                    return
            queue.put(None)
        except BaseException as error:
            queue.put(error)

    thread = Thread(target=fill, daemon=True)
    thread.start()
    try:
        while (batch := queue.get()) is not None:
            if isinstance(batch, BaseException):
                raise batch
            yield batch
    finally:
        stopped.append(True)
        while thread.is_alive():
            if not queue.empty():
                queue.get()
            thread.join(0.01)


def _write(connection: sqlite3.Connection, first: int, batch: list[_Prepared]) -> None:
    """Put entries into the tables whose rows are theirs."""
    entries = [(row, one.name, *one.bounds, one.nbytes, one.file, one.digest) for row, one in enumerate(batch, first)]
    boxes = [
        (2 * row + piece, *box)
        for row, one in enumerate(batch, first)
        for piece, box in enumerate(tree_boxes(one.bounds))
    ]
    connection.execute(_ENTRY, (json.dumps(entries),))
    connection.execute(_BOX, (json.dumps(boxes),))
    connection.execute(_WORDS, (first, json.dumps([one.terms.tokens for one in batch], ensure_ascii=False)))


def build_index(
    connection: sqlite3.Connection,
    sources: Iterable[Source],
    *,
    meta: Mapping[str, str] | None = None,
    progress: Callable[[int], None] | None = None,
) -> int:
    """
    Fill a new database.

    Parameters
    ----------
    connection : sqlite3.Connection
        To an empty database.
    sources : iterable of Source
        Entries in the order of their names, each name once.
    meta : mapping of str to str, optional
        What the index shall say of itself.
    progress : callable, optional
        Told the number of entries done.

    Returns
    -------
    int
        Number of entries.

    Raises
    ------
    OceanDataError
        If this SQLite was built without R*Tree or FTS5.
    """
    create_tables(connection)
    for setting, value in (("automerge", 0), ("hashsize", _HASH_BYTES)):
        connection.execute("INSERT INTO words (words, rank) VALUES (?, ?)", (setting, value))
    blocks, done = _Blocks(connection), 0
    for batch in _ahead(_batches(sources)):
        _write(connection, done + 1, batch)
        for one in batch:
            blocks.add(one)
        done += len(batch)
        if progress is not None:
            progress(done)
    blocks.finish()
    connection.execute("INSERT INTO words (words) VALUES ('optimize')")
    facts = {**(meta or {}), "version": str(VERSION), "entries": str(done)}
    connection.executemany("INSERT INTO meta VALUES (?, ?)", facts.items())
    connection.commit()
    return done
