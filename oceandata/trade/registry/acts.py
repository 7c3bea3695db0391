"""One step of the registry: the rows it writes and the one event that tells of it, in one transaction."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from oceandata.errors import InputError, NotFoundError, RepositoryExistsError, closest
from oceandata.trade.registry.canonical import canonical_json, digest
from oceandata.trade.registry.chain import event_hash, row_digest
from oceandata.trade.registry.lifecycle import next_state
from oceandata.trade.registry.records import Event
from oceandata.trade.registry.tables import KEYS, TABLES, read_head, table_key

__all__ = ["Act", "check_actor", "utc_now"]

Row = dict[str, Any]

_LONGEST_NAME = 200


def utc_now() -> str:
    """This instant in UTC, to the microsecond; texts sort as the instants do."""
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def check_actor(actor: str) -> str:
    """
    Name of the person who acts, without blanks around it.

    Parameters
    ----------
    actor : str
        As it was given.

    Returns
    -------
    str
        The name.

    Raises
    ------
    InputError
        If it is no name.
    """
    if not isinstance(actor, str) or not actor.strip() or not actor.isprintable() or len(actor) > _LONGEST_NAME:
        msg = f"the actor is {actor!r:.80}, need the name of the person who does it. Give actor='Li Si'."
        raise InputError(msg)
    return actor.strip()


class Act:
    """
    A step while it is made.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        Transaction of the only writer.
    registry : str
        Identifier of the registry.
    act : str
        What is done.
    actor : str
        Who does it.
    product : str or None
        Product it concerns.
    version : int or None
        Version of the product that the actor saw; None if it does not matter.

    Attributes
    ----------
    at : str
        When, UTC; never before the event before it.
    detail : dict
        What the event shall tell beside the rows.
    event : Event
        The event, once the step is complete.

    Raises
    ------
    InputError
        If no person is named.
    """

    event: Event

    def __init__(
        self,
        connection: sa.Connection,
        *,
        registry: str,
        act: str,
        actor: str,
        product: str | None = None,
        version: int | None = None,
    ) -> None:
        self.connection = connection
        self.registry = registry
        self.act = act
        self.actor = check_actor(actor)
        self.product = product
        self.version = version
        self.detail: dict[str, Any] = {}
        self._head = read_head(connection)
        self.at = max(utc_now(), self._head.at)
        self._before: dict[str, str] = {}
        self._after: dict[str, str] = {}

    def row(self, table: str, **key: object) -> Row | None:
        """
        One row by its key.

        Parameters
        ----------
        table : str
            Name of the table.
        **key : object
            Columns of its key.

        Returns
        -------
        dict or None
            None if there is none.
        """
        found = self.connection.execute(sa.select(TABLES[table]).filter_by(**key)).mappings().one_or_none()
        return None if found is None else dict(found)

    def rows(self, table: str, **where: object) -> list[Row]:
        """
        Rows with certain values, in the order of their key.

        Parameters
        ----------
        table : str
            Name of the table.
        **where : object
            Columns and what they must hold.

        Returns
        -------
        list of dict
            May be empty.
        """
        columns = [TABLES[table].c[name] for name in KEYS[table]]
        chosen = sa.select(TABLES[table]).filter_by(**where).order_by(*columns)
        return [dict(row) for row in self.connection.execute(chosen).mappings()]

    def next_number(self, table: str, column: str) -> int:
        """
        Number after the largest one of the product.

        Parameters
        ----------
        table, column : str
            Where the numbers are.

        Returns
        -------
        int
            1 for the first.
        """
        chosen = TABLES[table]
        largest = sa.select(sa.func.max(chosen.c[column])).where(chosen.c.product == self.product)
        return (self.connection.execute(largest).scalar() or 0) + 1

    def put(self, table: str, row: Mapping[str, Any]) -> None:
        """
        Write a row: a new one, or in place of the one that has its key.

        Parameters
        ----------
        table : str
            Name of the table.
        row : mapping
            Every column that is not NULL.
        """
        whole = {column.name: row.get(column.name) for column in TABLES[table].columns}
        key = {name: whole[name] for name in KEYS[table]}
        name, old = table_key(table, whole), self.row(table, **key)
        if name not in self._after and old is not None:
            self._before[name] = row_digest(old)
        if old is None:
            self.connection.execute(TABLES[table].insert(), whole)
        else:
            changed = {column: value for column, value in whole.items() if value != old[column]}
            if changed:
                matches = [TABLES[table].c[column] == value for column, value in key.items()]
                self.connection.execute(TABLES[table].update().where(*matches).values(**changed))
        self._after[name] = row_digest(whole)

    def require_product(self) -> Row:
        """
        Row of the product, if the actor saw its newest version.

        Returns
        -------
        dict
            The row.

        Raises
        ------
        NotFoundError
            If there is no such product.
        RepositoryExistsError
            If somebody changed it since the actor read it.
        """
        row = self.row("products", id=self.product)
        if row is None:
            known = list(self.connection.execute(sa.select(TABLES["products"].c.id)).scalars())
            msg = f"the registry has no product {self.product!r}. {closest(str(self.product), known)}".rstrip()
            raise NotFoundError(msg)
        if self.version is not None and self.version != row["version"]:
            msg = (
                f"product {self.product!r} is at version {row['version']}, but you saw version {self.version}: "
                "somebody changed it meanwhile and nothing was written; look at it again, repeat what is still right."
            )
            raise RepositoryExistsError(msg)
        return row

    def step(self) -> Row:
        """
        Row of the product, if its state allows the step.

        Returns
        -------
        dict
            The row as it is before the step.

        Raises
        ------
        InputError
            If its state does not allow it.
        """
        row = self.require_product()
        next_state(row["id"], row["state"], self.act)
        return row

    def move(self, row: Row, **changes: object) -> None:
        """
        Write the product after the step; its version grows by one.

        Parameters
        ----------
        row : dict
            From `step`.
        **changes : object
            Columns and what they shall hold; ``state`` where `oceandata.trade.registry.STEPS` does not say it.
        """
        state = changes.pop("state", None) or next_state(row["id"], row["state"], self.act)
        after = {**row, **changes, "state": state, "version": row["version"] + 1, "updated_at": self.at}
        self.detail |= {"state": [row["state"], state], "version": after["version"]}
        self.put("products", after)

    def finish(self) -> Event:
        """
        Write the event; the transaction is committed afterwards.

        Returns
        -------
        Event
            The new head of the chain.
        """
        said: Row = {
            "seq": self._head.seq + 1,
            "at": self.at,
            "actor": self.actor,
            "act": self.act,
            "product": self.product,
            "detail": canonical_json(self.detail),
            "rows": canonical_json(self._after),
            "before_hash": digest(self._before),
            "after_hash": digest(self._after),
            "prev_hash": self._head.hash,
        }
        row = said | {"hash": event_hash(self.registry, said)}
        self.connection.execute(TABLES["events"].insert(), row)
        self.event = Event.from_row(row)
        return self.event
