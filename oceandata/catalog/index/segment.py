"""One index, asked: entries by name, and the first ones that meet a plan."""

import contextlib
import sqlite3
import threading
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from oceandata.catalog.index.bounds import Conditions, meets, sql_of, tree_queries, unpacked
from oceandata.catalog.index.match import Plan
from oceandata.catalog.words import is_chinese

__all__ = ["Hit", "Segment"]

#: Entries in a box that are listed before the box counts as wide.
_NARROW = 6000
#: Entries of a box that are asked for their words one by one: so many always, more if the words are frequent.
_FEW, _SOME = 25, 300
#: Entries with a word by which it is frequent.
_FREQUENT = 30_000
_PAGE = 500


class Hit(NamedTuple):
    """An entry that was found: its rank (0 is best), its name, its row."""

    rank: int
    name: str
    row: int


class Segment:
    """
    An index, to be asked from any thread.

    Parameters
    ----------
    connection : sqlite3.Connection
        To the index; it is asked for one answer at a time.
    gone : collection of int
        Rows that count no more, because a later index has their entries.
    """

    def __init__(self, connection: sqlite3.Connection, *, gone: Sequence[int] = ()) -> None:
        self._connection = connection
        self._lock = threading.RLock()
        self.last = self._one("SELECT max(row) FROM entry") or 0
        self.gone = frozenset(gone)
        self._values: list[Any] | None = None
        self._sample: dict[str, Any] | None = None
        self._alive = ""
        if gone:
            self._connection.execute("CREATE TEMP TABLE left_out (row INTEGER PRIMARY KEY)")
            self._connection.executemany("INSERT INTO left_out VALUES (?)", [(row,) for row in sorted(self.gone)])
            self._alive = " AND {} NOT IN (SELECT row FROM temp.left_out)"

    def __len__(self) -> int:
        return self.last - len(self.gone)

    def close(self) -> None:
        """Give the file back."""
        self._connection.close()

    def ask(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """Every row of an answer in SQL."""
        with self._lock:
            return self._connection.execute(query, values).fetchall()

    @contextlib.contextmanager
    def streamed(self, query: str, *values: Any) -> Iterator[Iterator[tuple[Any, ...]]]:
        """Rows of an answer in SQL, one by one; nobody else is answered meanwhile."""
        with self._lock, contextlib.closing(self._connection.execute(query, values)) as answer:
            yield answer

    def _one(self, query: str, *values: Any) -> Any:
        """The first value of an answer; None if there is none."""
        with self._lock:
            found = self._connection.execute(query, values).fetchone()
        return found[0] if found else None

    def _kept(self, column: str) -> str:
        """Condition that a row is not gone."""
        return self._alive.format(column)

    # names ------------------------------------------------------------------------------------------------------

    def name_of(self, row: int) -> str:
        """Name of a row."""
        return str(self._one("SELECT id FROM entry WHERE row = ?", row))

    def row_of(self, name: str) -> int | None:
        """Row of a name; None if there is none that counts."""
        row = self.any_row_of(name)
        return None if row in self.gone else row

    def any_row_of(self, name: str) -> int | None:
        """Row of a name, also one that counts no more."""
        row = self._position(name)
        return row if row <= self.last and self.name_of(row) == name else None

    def _position(self, name: str) -> int:
        """First row whose name is not before a name: rows stand in the order of their names."""
        return bisect_left(range(1, self.last + 1), name, key=self.name_of) + 1

    def names(self, *, first: str = "", before: str = "", after: str = "", limit: int) -> list[str]:
        """Names in order from one on, or those before or after one."""
        if before:
            place = self._position(before)
            rows = range(max(1, place - limit), place)
        else:
            place = self._position(first or after) if first or after else 1
            if after and place <= self.last and self.name_of(place) == after:
                place += 1
            rows = range(place, self.last + 1)
        query = f"SELECT id FROM entry WHERE row BETWEEN ? AND ?{self._kept('row')} ORDER BY row LIMIT ?"
        return [name for (name,) in self.ask(query, rows.start, rows.stop - 1, limit)] if rows else []

    def source_of(self, row: int) -> tuple[int, int]:
        """Number of the bulk file of a row, and the digest of its line."""
        ((file, digest),) = self.ask("SELECT file, digest FROM entry WHERE row = ?", row)
        return file, digest

    def member_of(self, file: int, name: str) -> tuple[int, int] | None:
        """Where the member of a bulk file stands that has a name."""
        found = self.ask(
            "SELECT begin, nbytes FROM member WHERE file = ? AND first <= ? ORDER BY first DESC LIMIT 1", file, name
        )
        return (found[0][0], found[0][1]) if found else None

    def pages(self) -> Iterator[tuple[int, str]]:
        """Rows and names in order."""
        row = 0
        query = f"SELECT row, id FROM entry WHERE row > ?{self._kept('row')} ORDER BY row LIMIT {_PAGE}"
        while page := self.ask(query, row):
            yield from page
            row = page[-1][0]

    # words and values -------------------------------------------------------------------------------------------

    def words(self, beginning: str, *, limit: int = 20_000) -> list[str]:
        """Words of letters in the texts that begin so."""
        with self._lock:
            self._connection.execute(
                "CREATE VIRTUAL TABLE IF NOT EXISTS temp.vocabulary USING fts5vocab('main', 'words', 'row')"
            )
        query = "SELECT term FROM temp.vocabulary WHERE term >= ? AND term < ? LIMIT ?"
        found = self.ask(query, beginning, beginning + "\U0010ffff", limit)
        return [term for (term,) in found if not is_chinese(term)]

    def values(self) -> list[tuple[str, str, str]]:
        """Facet, folded value and value as it is shown, of all that one can count by."""
        if self._values is None:
            self._values = self.ask("SELECT facet, key, shown FROM facet ORDER BY code")
        return self._values

    # searching --------------------------------------------------------------------------------------------------

    def first(self, plan: Plan, limit: int) -> list[Hit]:
        """
        The best entries that meet a plan, by rank and name.

        Parameters
        ----------
        plan : Plan
            From `plan_search`.
        limit : int
            Number of entries at most.

        Returns
        -------
        list of Hit
            Fewer than `limit` only if there are no more.

        Notes
        -----
        What is asked of texts comes from the text index in the order of rows, and ends as soon as there are enough.
        Place, period and depth are asked of the R*Tree first; if that finds many, they are compared on the way.
        """
        narrow = self._narrow(plan.asked)
        hits: list[Hit] = []
        for rank, expression in enumerate(plan.ranks):
            match = f"({expression}) NOT ({plan.ranks[rank - 1]})" if rank else expression
            rows = self._first_rows(match, plan.asked, narrow, limit - len(hits))
            hits += [Hit(rank, name, row) for row, name in rows]
            if len(hits) == limit:
                break
        return hits

    def meets(self, plan: Plan, row: int) -> bool:
        """Whether a row meets a plan."""
        where = f" AND {sql_of(plan.asked)}" if plan.asked else ""
        if not self.ask(f"SELECT 1 FROM entry WHERE row = ?{where}", row):
            return False
        return not plan.match or bool(
            self.ask("SELECT 1 FROM words WHERE words MATCH ? AND rowid = ?", plan.match, row)
        )

    def _narrow(self, asked: Conditions) -> list[int] | None:
        """Rows that meet the conditions, if they are not many."""
        if not asked or self._share(asked) * self.last > 2 * _NARROW:
            return None
        found: set[int] = set()
        for query in tree_queries(asked):
            pieces = self.ask(f"SELECT piece FROM box WHERE {query} LIMIT {_NARROW + 1}")
            if len(pieces) > _NARROW:
                return None
            found.update(piece >> 1 for (piece,) in pieces)
        return sorted(found - self.gone)

    def _share(self, asked: Conditions) -> float:
        """Share of the rows that meet the conditions, as a sample has it."""
        if self._sample is None:
            found = self.ask("SELECT bounds FROM sample")
            self._sample = unpacked(found[0][0])
        return float(meets(asked, self._sample).mean()) if self.last else 0.0

    def _first_rows(self, match: str, asked: Conditions, narrow: list[int] | None, limit: int) -> list[tuple[int, str]]:
        """Rows and names in order."""
        if narrow is not None:
            rows = self._matching(match, narrow, limit) if match else narrow[:limit]
            return [(row, self.name_of(row)) for row in rows]
        where = f" AND {sql_of(asked)}" if asked else ""
        if match:
            query = (
                "SELECT entry.row, entry.id FROM words CROSS JOIN entry ON entry.row = words.rowid "
                f"WHERE words MATCH ?{where}{self._kept('words.rowid')} ORDER BY words.rowid LIMIT ?"
            )
            return self.ask(query, match, limit)
        query = f"SELECT row, id FROM entry WHERE row > 0{where}{self._kept('row')} ORDER BY row LIMIT ?"
        return self.ask(query, limit)

    def _matching(self, match: str, rows: list[int], limit: int) -> list[int]:
        """The first of the rows whose texts match."""
        if not rows:
            return []
        listed = ",".join(map(str, rows))
        # a plus keeps SQLite from asking the text index for each row: it goes through all that match
        sign = "" if len(rows) <= _FEW or (len(rows) <= _SOME and self._is_frequent(match)) else "+"
        query = (
            f"SELECT rowid FROM words WHERE words MATCH ? AND rowid BETWEEN {rows[0]} AND {rows[-1]} "
            f"AND {sign}rowid IN ({listed}) ORDER BY rowid LIMIT ?"
        )
        return [row for (row,) in self.ask(query, match, limit)]

    def _is_frequent(self, match: str) -> bool:
        """Whether many rows match."""
        return bool(self.ask("SELECT 1 FROM words WHERE words MATCH ? LIMIT 1 OFFSET ?", match, _FREQUENT))
