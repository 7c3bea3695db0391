"""Make a registry, or open one; the database library is imported only here and below."""

import contextlib
import os
import uuid
from collections.abc import Iterator
from typing import TYPE_CHECKING

from oceandata.errors import CorruptionError, MissingExtraError, NotFoundError, RepositoryExistsError

if TYPE_CHECKING:
    import sqlalchemy as sa

    from oceandata.trade.registry.registry import Registry

__all__ = ["create_registry", "open_registry"]


def _require_libraries(url: str | os.PathLike[str]) -> None:
    """Refuse with the name of the extra where the database library is missing."""
    try:
        import sqlalchemy  # noqa: F401

        if os.fspath(url).startswith("postgresql"):
            import psycopg  # noqa: F401
    except ImportError as error:
        msg = f"a registry needs {error.name}, which is not installed. Run pip install 'oceandata-exchange[exchange]'."
        raise MissingExtraError(msg) from error


@contextlib.contextmanager
def _disposed_on_error(engine: "sa.Engine") -> Iterator[None]:
    """Close every connection if there will be no registry that could be closed."""
    try:
        yield
    except BaseException:
        engine.dispose()
        raise


def _missing(where: str) -> str:
    return f"there is no registry at {where}. Make one with create_registry() or 'oceandata trade init'."


def _require_version(connection: "sa.Connection", where: str) -> int:
    """Version of the schema."""
    import sqlalchemy as sa

    if not sa.inspect(connection).has_table("settings"):
        raise NotFoundError(_missing(where))
    value = str(connection.execute(sa.text("SELECT value FROM settings WHERE name = 'schema'")).scalar() or 0)
    if not (value.isascii() and value.isdigit() and len(value) < 10):
        msg = f"{where} was altered: its schema version is {value!r:.80}, need a whole number. Restore it from a copy."
        raise CorruptionError(msg)
    return int(value)


def _check_older(connection: "sa.Connection", version: int, where: str) -> None:
    """Refuse a registry whose settings name an older version of the schema than its tables are of."""
    import sqlalchemy as sa

    from oceandata.trade.registry.migrations import SCHEMA_VERSION, statements

    dialect, there = connection.dialect.name, sa.inspect(connection).get_table_names()
    later = [one for number in range(version + 1, SCHEMA_VERSION + 1) for one in statements(dialect, number)]
    known = [table for table in there if any(one.startswith(f"CREATE TABLE {table} ") for one in later)]
    if known:
        msg = (
            f"{where} was altered: its settings say schema version {version}, and it holds {', '.join(known)} of "
            "a later one. Find out who altered it, and restore it from a copy."
        )
        raise CorruptionError(msg)


def _check_empty(connection: "sa.Connection", where: str) -> None:
    """Refuse a database that holds something."""
    import sqlalchemy as sa

    if sa.inspect(connection).get_table_names():
        msg = f"{where} holds tables already. Open it with open_registry(), or choose another place."
        raise RepositoryExistsError(msg)


def create_registry(url: str | os.PathLike[str], *, actor: str) -> "Registry":
    """
    Make an empty registry.

    Parameters
    ----------
    url : str or path
        A file, which is made with its folder and must not be on a network file system where several machines write;
        or an empty PostgreSQL database, ``postgresql+psycopg://USER@HOST/DATABASE``.
    actor : str
        Who makes it: the first event.

    Returns
    -------
    Registry
        Open; close it, or use it in a ``with`` statement.

    Raises
    ------
    RepositoryExistsError
        If there is one already, or the database holds other tables.
    CorruptionError
        If there is a file that is no database.
    MissingExtraError
        If SQLAlchemy or psycopg is not installed.

    Notes
    -----
    A registry in a file needs no server and serves one office: writers take turns. SQLite files are opened in WAL
    mode, so that readers never wait.
    """
    _require_libraries(url)
    import sqlalchemy as sa

    from oceandata.trade.registry.acts import Act, check_actor
    from oceandata.trade.registry.engines import engine_of, file_of, shown_url, writing
    from oceandata.trade.registry.migrations import migrate
    from oceandata.trade.registry.registry import Registry

    actor, path = check_actor(actor), file_of(url)
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
    engine, identifier = engine_of(url), uuid.uuid4().hex
    with _disposed_on_error(engine), writing(engine) as connection:
        _check_empty(connection, shown_url(url))
        migrate(connection, 0)
        connection.execute(sa.text("INSERT INTO settings (name, value) VALUES ('id', :id)"), {"id": identifier})
        step = Act(connection, registry=identifier, act="create", actor=actor)
        step.detail = {"registry": identifier}
        step.finish()
    return Registry(engine, identifier)


def open_registry(url: str | os.PathLike[str], *, dry_run: bool = False) -> "Registry":
    """
    Open a registry; one of an older schema is brought to the newest.

    Parameters
    ----------
    url : str or path
        A file, or ``postgresql+psycopg://USER@HOST/DATABASE``. A password is better kept in a ``.pgpass`` file.
    dry_run : bool
        Steps are checked and told, and then undone.

    Returns
    -------
    Registry
        Open; close it, or use it in a ``with`` statement.

    Raises
    ------
    NotFoundError
        If there is none.
    InputError
        If it is of a newer schema than this program knows.
    CorruptionError
        If the file is no database, or its version of the schema was altered.
    UnreachableError
        If the server does not answer, or others write too long.
    MissingExtraError
        If SQLAlchemy or psycopg is not installed.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     create_registry(f"{folder}/registry.sqlite", actor="Li Si").close()
    ...     with open_registry(f"{folder}/registry.sqlite") as registry:
    ...         [(event.seq, event.actor, event.act) for event in registry.events()]
    [(1, 'Li Si', 'create')]
    """
    _require_libraries(url)
    import sqlalchemy as sa

    from oceandata.trade.registry.engines import engine_of, file_of, reading, shown_url, writing
    from oceandata.trade.registry.migrations import SCHEMA_VERSION, migrate
    from oceandata.trade.registry.registry import Registry

    path, where = file_of(url), shown_url(url)
    if path is not None and not path.is_file():
        raise NotFoundError(_missing(where))
    engine = engine_of(url)
    with _disposed_on_error(engine):
        with reading(engine) as connection:
            version = _require_version(connection, where)
        if version != SCHEMA_VERSION:
            with writing(engine) as connection:
                version = _require_version(connection, where)
                _check_older(connection, version, where)
                migrate(connection, version)
        with reading(engine) as connection:
            identifier = str(connection.execute(sa.text("SELECT value FROM settings WHERE name = 'id'")).scalar())
    return Registry(engine, identifier, dry_run=dry_run)
