"""What the tests of the registry share: another client, and products that are some way along."""

import contextlib
import hashlib
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any
from unittest import mock

from oceandata.trade import registry as reg
from oceandata.trade.registry.registry import Registry

#: Day on which the registries of the tests begin.
BEGUN = date(2026, 1, 5)

CERTIFICATE = {"scheme": "exchange-product", "number": "P-1", "authority": "Centre", "issued_on": "2026-01-10"}
PLACE = {"exchange": "First Exchange", "zone": "ocean", "code": "MD-1"}


def root_of(word: str) -> str:
    """A content root as the project publishes them, another one for each word."""
    return f"sha256:{hashlib.sha256(word.encode()).hexdigest()}"


PINNED = {
    "repository": "holdings/sst",
    "layout": "maps",
    "tag": "r1",
    "snapshot": "S1",
    "content_root": root_of("01"),
    "stored_bytes": 5_000,
    "decoded_bytes": 9_000,
    "chunks": 5,
    "record_unit": "daily grid",
    "change": "the first",
}


def offer(model: str = "free", **fields: Any) -> dict[str, Any]:
    """Terms with one plan; dates are those of the offer."""
    dates = {name: fields.pop(name) for name in ("valid_from", "valid_to") if name in fields}
    return {"valid_from": "2026-01-01", "plans": [{"model": model, **fields}]} | dates


@contextlib.contextmanager
def on(day: date) -> Iterator[None]:
    """The clock of every registry stands at nine on a day; what was put down before keeps its own moment."""
    with mock.patch("oceandata.trade.registry.acts.utc_now", return_value=f"{day}T09:00:00.000000Z"):
        yield


def publicized(registry: Registry, document: dict[str, Any], **given: Any) -> date:
    """A product that was approved and is open to objections from the day of the newest event; the day after it."""
    product, first = str(document["id"]), date.fromisoformat(registry.head().at[:10])
    days = given.setdefault("days", 3)
    with on(first):
        reg.add_product(registry, document, actor="Qian Er", theme="physics")
        reg.submit(registry, product, actor="Qian Er")
        reg.approve(registry, product, actor="Sun San")
        reg.publicize(registry, product, actor="Sun San", **given)
    return first + timedelta(days=days)


def registered(registry: Registry, document: dict[str, Any]) -> str:
    """A product that went through review and publicity and has its certificate."""
    product = str(document["id"])
    with on(publicized(registry, document)):
        reg.register_certificate(registry, product, CERTIFICATE | {"number": f"P-{product}"}, actor="Qian Er")
    return product


def listed(registry: Registry, document: dict[str, Any]) -> str:
    """A product that is on sale: revision 1, offer 1, listing 1."""
    product = registered(registry, document)
    reg.pin_revision(registry, product, PINNED, actor="Qian Er")
    reg.add_offer(registry, product, offer("per-gb", amount="0.80", currency="CNY"), actor="Qian Er")
    reg.list_product(registry, product, PLACE | {"code": f"MD-{product}"}, actor="Qian Er")
    return product


class Raw:
    """Another client of the same database, which knows nothing of oceandata."""

    def __init__(self, url: str) -> None:
        self.is_sqlite = "://" not in url
        self.dialect = "sqlite" if self.is_sqlite else "postgresql"
        if self.is_sqlite:
            import sqlite3

            self.connection: Any = sqlite3.connect(url, isolation_level=None)
        else:
            import psycopg

            self.connection = psycopg.connect(url.replace("+psycopg", ""), autocommit=True)

    def __call__(self, statement: str) -> list[Any]:
        """Run a statement; its rows."""
        cursor = self.connection.execute(statement)
        return list(cursor.fetchall()) if cursor.description else []

    def drop_trigger(self, name: str, table: str) -> None:
        """What somebody does who may do anything."""
        self(f"DROP TRIGGER {name}" + ("" if self.is_sqlite else f" ON {table}"))

    @property
    def error(self) -> type[Exception]:
        """What this client raises."""
        import sqlite3

        import psycopg

        return sqlite3.Error if self.is_sqlite else psycopg.Error
