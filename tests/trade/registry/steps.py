"""What the tests of the registry share: another client, and products that are some way along."""

from datetime import date
from typing import Any

from oceandata.trade import registry as reg
from oceandata.trade.registry.registry import Registry

CERTIFICATE = {"scheme": "exchange-product", "number": "P-1", "authority": "Centre", "issued_on": "2026-01-10"}
PLACE = {"exchange": "First Exchange", "zone": "ocean", "code": "MD-1"}
PINNED = {
    "repository": "holdings/sst",
    "layout": "maps",
    "tag": "r1",
    "snapshot": "S1",
    "content_root": "sha256:01",
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


def registered(registry: Registry, document: dict[str, Any]) -> str:
    """A product that went through review and publicity and has its certificate."""
    product = str(document["id"])
    reg.add_product(registry, document, actor="Qian Er", theme="physics")
    reg.submit(registry, product, actor="Qian Er")
    reg.approve(registry, product, actor="Sun San")
    reg.publicize(registry, product, actor="Sun San", days=3, starts=date(2026, 1, 5))
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
