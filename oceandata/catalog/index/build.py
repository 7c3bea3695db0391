"""Building an index: entries in the order of their names, each read once, into a new database."""

import array
import sqlite3
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from oceandata.catalog.index.bounds import COLUMNS, extent_bounds, tree_boxes
from oceandata.catalog.index.tables import BLOCK_ROWS, SAMPLE_ROWS, VERSION, create_tables
from oceandata.catalog.index.terms import EntryTerms, Facet, entry_terms
from oceandata.catalog.words import fold
from oceandata.entities import Entry

__all__ = ["Prepared", "Source", "build_index", "prepare"]

_HASH_BYTES = 64_000_000
_MOST_BYTES, _SMALL_CODES = 2**63 - 1, 2**16
_LOW, _HIGH = 2**31 - 1, -(2**31)
#: What a column holds where nothing is known: a low end above every number, a high end below.
_NOTHING = {name: _HIGH if name.startswith(("east", "north", "ending", "bottom")) else _LOW for name in COLUMNS}

_ENTRY = f"INSERT INTO entry VALUES ({', '.join('?' * (len(COLUMNS) + 5))})"
_BOX = "INSERT INTO box VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"


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


class Prepared(NamedTuple):
    """
    What the tables take of one entry.

    Attributes
    ----------
    name, title : str
        Its id, and its folded title.
    nbytes : int or None
        Bytes as stored.
    file, digest : int or None
        As `Source` has them.
    bounds : tuple of int or None
        From `extent_bounds`.
    terms : EntryTerms
        From `entry_terms`.
    """

    name: str
    title: str
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
        self.titles: list[str] = []
        self._clear()

    def _clear(self) -> None:
        self.rows: list[Prepared] = []

    def code(self, facet: Facet, shown: str) -> int:
        """Number of a facet's value, given when it is first seen."""
        found = self.codes_by_facet.get(facet)
        if found is None:
            found = self.codes_by_facet[facet] = len(self.codes_by_facet)
            self.connection.execute("INSERT INTO facet VALUES (?, ?, ?, ?)", (found, *facet, shown))
        return found

    def add(self, one: Prepared) -> None:
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
        self.titles += [one.title for one in self.rows]
        nbytes = array.array("q", [min(one.nbytes or 0, _MOST_BYTES) for one in self.rows])
        counts = array.array("I", [len(one.terms.facets) for one in self.rows])
        numbers = [self.code(facet, shown) for one in self.rows for facet, shown in one.terms.facets.items()]
        codes = array.array("I" if len(self.codes_by_facet) > _SMALL_CODES else "H", numbers)
        blobs = (_packed(bounds), nbytes.tobytes(), counts.tobytes(), codes.tobytes())
        self.connection.execute("INSERT INTO block VALUES (?, ?, ?, ?, ?)", (self.number, *blobs))
        self.number += 1
        self._clear()

    def finish(self) -> None:
        """Write the last block, the sample, and the order of the titles."""
        self.flush()
        order = {title: rank for rank, title in enumerate(sorted(set(self.titles)))}
        ranks = array.array("i", map(order.__getitem__, self.titles))
        for number in range(self.number):
            part = ranks[number * BLOCK_ROWS : (number + 1) * BLOCK_ROWS]
            self.connection.execute("INSERT INTO title VALUES (?, ?)", (number, part.tobytes()))
        self.connection.execute("INSERT INTO sample VALUES (?)", (_packed(self.sample),))


def _packed(bounds: Mapping[str, "array.array[int]"]) -> bytes:
    """Columns one after the other."""
    return b"".join(bounds[name].tobytes() for name in COLUMNS)


def prepare(sources: Iterable[Source]) -> list[Prepared]:
    """
    What the tables take of entries.

    Parameters
    ----------
    sources : iterable of Source
        The entries.

    Returns
    -------
    list of Prepared
        In the same order.
    """
    return [
        Prepared(
            entry.id,
            fold(entry.title),
            entry.stored_bytes,
            file,
            digest,
            extent_bounds(entry.extent),
            entry_terms(entry),
        )
        for entry, file, digest in sources
    ]


def _write(connection: sqlite3.Connection, first: int, batch: list[Prepared]) -> None:
    """Put entries into the tables whose rows are theirs."""
    rows = list(enumerate(batch, first))
    entries = ((row, one.name, *one.bounds, one.nbytes, one.file, one.digest) for row, one in rows)
    boxes = ((2 * row + piece, *box) for row, one in rows for piece, box in enumerate(tree_boxes(one.bounds)))
    connection.executemany(_ENTRY, entries)
    connection.executemany(_BOX, boxes)
    connection.executemany(
        "INSERT INTO words (rowid, tokens) VALUES (?, ?)", ((row, one.terms.tokens) for row, one in rows)
    )


def build_index(
    connection: sqlite3.Connection,
    batches: Iterable[list[Prepared]],
    *,
    meta: Mapping[str, str] | None = None,
) -> int:
    """
    Fill a new database.

    Parameters
    ----------
    connection : sqlite3.Connection
        To an empty database.
    batches : iterable of list of Prepared
        Entries in the order of their names, each name once, as many at a time as one likes.
    meta : mapping of str to str, optional
        What the index shall say of itself.

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
    for batch in batches:
        _write(connection, done + 1, batch)
        for one in batch:
            blocks.add(one)
        done += len(batch)
    blocks.finish()
    connection.execute("INSERT INTO words (words) VALUES ('optimize')")
    facts = {**(meta or {}), "version": str(VERSION), "entries": str(done)}
    connection.executemany("INSERT INTO meta VALUES (?, ?)", facts.items())
    connection.commit()
    return done
