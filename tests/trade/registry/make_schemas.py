"""
Write what a registry of each schema version looks like, as SQL: once a version was released its file never changes.

Run from the top of the checkout, when a version was added: ``python -m tests.trade.registry.make_schemas``
"""

import sqlite3
import sys
import tempfile
from pathlib import Path

__all__ = ["FOLDER", "main"]

FOLDER = Path(__file__).parent / "schemas"

#: Steps that every version knows.
_DOCUMENT = {
    "id": "qd:old",
    "title": {"en": "An old product", "zh": "旧产品"},
    "provider": {"en": "Second Institute"},
    "licence": "CC-BY-4.0",
    "attribution": {"en": "Second Institute"},
    "record_unit": "daily grid",
    "entry": "old",
}


def main() -> None:
    """Write the file of every version that has none."""
    from oceandata.trade import registry as reg
    from oceandata.trade.registry import engines, migrations, opening
    from oceandata.trade.registry.acts import Act
    from oceandata.trade.registry.registry import Registry

    assert opening
    FOLDER.mkdir(exist_ok=True)
    for version in range(1, migrations.SCHEMA_VERSION + 1):
        target = FOLDER / f"version_{version}.sql"
        if target.exists():
            continue
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "registry.sqlite"
            engine = engines.engine_of(path)
            with engines.writing(engine) as connection:
                migrations.migrate(connection, 0, to=version)
                connection.exec_driver_sql("INSERT INTO settings VALUES ('id', 'feedfacefeedfacefeedfacefeedface')")
                step = Act(connection, registry="feedfacefeedfacefeedfacefeedface", act="create", actor="Zhao Yi")
                step.detail = {"registry": "feedfacefeedfacefeedfacefeedface"}
                step.finish()
            with Registry(engine, "feedfacefeedfacefeedfacefeedface") as registry:
                reg.add_product(registry, _DOCUMENT, actor="Qian Er")
                reg.add_offer(registry, "qd:old", {"valid_from": "2026-01-01", "plans": [{"model": "free"}]}, actor="A")
                reg.submit(registry, "qd:old", actor="Qian Er")
            connection_ = sqlite3.connect(path)
            target.write_text("\n".join(connection_.iterdump()) + "\n", encoding="utf-8")
            connection_.close()
        sys.stdout.write(f"{target}\n")


if __name__ == "__main__":
    main()
