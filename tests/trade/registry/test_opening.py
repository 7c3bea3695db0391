"""Registries are made once, opened in every version of the schema, and refused in words when they cannot be."""

import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from oceandata.errors import (
    AccessError,
    CorruptionError,
    InputError,
    MissingExtraError,
    NotFoundError,
    OceanDataError,
    RepositoryExistsError,
    UnreachableError,
)
from oceandata.trade import registry as reg
from oceandata.trade.registry import engines
from oceandata.trade.registry.migrations import SCHEMA_VERSION, migrate, statements
from oceandata.trade.registry.registry import Registry
from oceandata.trade.registry.tables import TABLES
from tests.trade.registry.make_schemas import FOLDER
from tests.trade.registry.steps import Raw

OLD = sorted(FOLDER.glob("version_*.sql"))


def _columns(registry: Registry) -> dict[str, dict[str, str]]:
    with engines.reading(registry.engine) as connection:
        looked = sa.inspect(connection)
        return {
            table: {one["name"]: str(one["type"]).split()[0] for one in looked.get_columns(table)}
            for table in looked.get_table_names()
        }


def test_tables_are_as_the_queries_take_them(registry: Registry) -> None:
    found = _columns(registry)
    wanted = {
        name: {column.name: "integer" if isinstance(column.type, sa.BigInteger) else "text" for column in table.columns}
        for name, table in TABLES.items()
    }
    kinds = {"BIGINT": "integer", "INTEGER": "integer", "TEXT": "text"}
    assert {
        name: {column: kinds[kind] for column, kind in columns.items()} for name, columns in found.items()
    } == wanted


def test_a_registry_is_made_once(url: str, registry: Registry) -> None:
    with pytest.raises(RepositoryExistsError, match="holds tables already"):
        reg.create_registry(url, actor="Zhao Yi")
    with reg.open_registry(url) as again:
        assert again.id == registry.id
        assert again.head() == registry.head()
        assert "***" not in again.url


def test_there_is_none(url: str) -> None:
    with pytest.raises(NotFoundError, match="there is no registry at"):
        reg.open_registry(url)


def test_who_makes_it_is_named(url: str) -> None:
    with pytest.raises(InputError, match="need the name of the person"):
        reg.create_registry(url, actor=" ")
    with pytest.raises(NotFoundError):
        reg.open_registry(url)


def test_every_version_has_its_file() -> None:
    assert [path.stem for path in OLD] == [f"version_{number}" for number in range(1, SCHEMA_VERSION + 1)]


@pytest.mark.parametrize("path", OLD, ids=lambda path: path.stem)
def test_old_files_open(path: Path, tmp_path: Path, document: dict[str, Any]) -> None:
    old = tmp_path / "registry.sqlite"
    connection = sqlite3.connect(old)
    connection.executescript(path.read_text(encoding="utf-8"))
    connection.close()
    with reg.open_registry(old) as registry:
        assert registry.product("qd:old").state == "in_review"
        assert reg.audit_registry(registry).is_whole
        reg.approve(registry, "qd:old", actor="Sun San")
        reg.add_product(registry, document, actor="Qian Er")
        reg.import_party(registry, {"id": "farm", "en": "Farm"}, actor="Wu Wu")
        assert reg.audit_registry(registry).is_whole
        with reg.create_registry(tmp_path / "new.sqlite", actor="Zhao Yi") as new:
            assert _columns(registry) == _columns(new)
            assert _triggers(old) == _triggers(tmp_path / "new.sqlite")


def _triggers(path: Path) -> list[Any]:
    connection = sqlite3.connect(path)
    found = list(connection.execute("SELECT type, name, sql FROM sqlite_master ORDER BY name"))
    connection.close()
    return found


@pytest.mark.parametrize("version", range(1, SCHEMA_VERSION))
def test_an_older_schema_is_brought_up(url: str, version: int, document: dict[str, Any]) -> None:
    """On either engine, from each version there was."""
    with reg.create_registry(url, actor="Zhao Yi") as made:
        with engines.writing(made.engine) as connection:
            for statement in reversed(statements(connection.dialect.name, SCHEMA_VERSION)):
                what, name = statement.split()[1:3]
                if what == "TABLE":
                    connection.exec_driver_sql(f"DROP TABLE {name}")
            connection.exec_driver_sql(f"UPDATE settings SET value = '{version}' WHERE name = 'schema'")
        assert "parties" not in _columns(made)
    with reg.open_registry(url) as registry:
        assert "parties" in _columns(registry)
        reg.import_party(registry, {"id": "farm", "en": "Farm"}, actor="Wu Wu")
        assert reg.audit_registry(registry).is_whole


def test_a_newer_schema_is_refused(url: str, registry: Registry, raw: Raw) -> None:
    raw("UPDATE settings SET value = '99' WHERE name = 'schema'")
    with pytest.raises(InputError, match="has schema version 99, this program knows up to"):
        reg.open_registry(url)
    assert raw("SELECT value FROM settings WHERE name = 'schema'") == [("99",)]


def test_nothing_is_done_to_the_newest() -> None:
    assert migrate(None, SCHEMA_VERSION) == SCHEMA_VERSION  # type: ignore[arg-type]  # nothing is asked of it


def test_a_file_that_is_no_registry(tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("nothing but notes, and enough of them to be no empty file\n" * 20)
    for call in (lambda: reg.open_registry(text), lambda: reg.create_registry(text, actor="Zhao Yi")):
        with pytest.raises(CorruptionError, match="is no registry, or is damaged"):
            call()
    assert text.read_text().startswith("nothing but notes")
    other = tmp_path / "other.sqlite"
    connection = sqlite3.connect(other)
    connection.execute("CREATE TABLE fish (name TEXT)")
    connection.close()
    with pytest.raises(NotFoundError, match="there is no registry at"):
        reg.open_registry(other)
    with pytest.raises(RepositoryExistsError, match="holds tables already"):
        reg.create_registry(other, actor="Zhao Yi")


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("", "need a file or a URL"),
        (":memory:", "need a file or a URL"),
        ("mysql://host/db", "is at mysql://…, need a file"),
        ("sqlite://", "is at sqlite://…, need a file"),
    ],
)
def test_places_that_are_none(place: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        reg.open_registry(place)


def test_a_url_of_sqlite_is_its_file(tmp_path: Path) -> None:
    reg.create_registry(f"sqlite:///{tmp_path}/registry.sqlite", actor="Zhao Yi").close()
    with reg.open_registry(tmp_path / "registry.sqlite") as registry:
        assert registry.url == str(tmp_path / "registry.sqlite")


def test_a_server_that_does_not_answer(tmp_path: Path) -> None:
    with pytest.raises(UnreachableError, match="cannot be used now") as caught:
        reg.open_registry(f"postgresql+psycopg://keeper:secret@/db?host={tmp_path}")
    assert "secret" not in str(caught.value)
    assert "keeper:***@" in str(caught.value)


@pytest.mark.parametrize(
    ("cause", "kind"),
    [
        (sqlite3.OperationalError("database is locked"), UnreachableError),
        (sqlite3.OperationalError("attempt to write a readonly database"), AccessError),
        (sqlite3.DatabaseError("database disk image is malformed"), CorruptionError),
        (sqlite3.IntegrityError("FOREIGN KEY constraint failed"), InputError),
        (sqlite3.OperationalError("disk I/O error"), UnreachableError),
    ],
)
def test_errors_of_the_database_are_ours(tmp_path: Path, cause: Exception, kind: type[OceanDataError]) -> None:
    engine = engines.engine_of(tmp_path / "registry.sqlite")
    with pytest.raises(kind) as caught, engines.reading(engine):
        raise sa.exc.DBAPIError("SELECT 1", {}, cause)
    assert caught.value.__cause__ is not None
    engine.dispose()


def test_no_row_without_its_product(registry: Registry, document: dict[str, Any]) -> None:
    """A step that would leave half of something behind is undone whole."""
    row = {"product": "qd:none", "version": 1, "model": "free", "terms": "{}"} | _MADE
    with (
        pytest.raises(InputError, match="the registry refused it"),
        registry.act("offer", actor="Qian Er", product="qd:none") as act,
    ):
        act.put("offers", row)
    assert registry.head().seq == 1
    assert registry.offers("qd:none") == []


_MADE = {"recorded_at": "2026-01-01", "recorded_by": "Qian Er", "valid_from": "2026-01-01"}


@pytest.mark.parametrize("missing", ["sqlalchemy", "psycopg"])
def test_a_missing_library_is_named(missing: str, tmp_path: Path) -> None:
    """In a process of its own: the package imports without it, and says which extra has it."""
    code = f"""
import sys
sys.modules[{missing!r}] = None
from oceandata.errors import MissingExtraError
from oceandata.trade import registry
try:
    registry.open_registry("postgresql://nowhere/db")
except MissingExtraError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert f"needs {missing}, which is not installed" in done.stdout
    assert "oceandata-exchange[exchange]" in done.stdout
    assert issubclass(MissingExtraError, ImportError)


def test_a_copy_of_the_file_is_a_backup(tmp_path: Path, document: dict[str, Any]) -> None:
    place = tmp_path / "registry.sqlite"
    with reg.create_registry(place, actor="Zhao Yi") as registry:
        reg.add_product(registry, document, actor="Qian Er")
    shutil.copy(place, tmp_path / "copy.sqlite")
    with reg.open_registry(tmp_path / "copy.sqlite") as copy:
        assert copy.product("qd:sst").document is not None
        assert reg.audit_registry(copy).is_whole
