"""Where a registry lives: one SQLite file by default, or a PostgreSQL database by its URL."""

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from oceandata.errors import AccessError, CorruptionError, InputError, OceanDataError, UnreachableError

__all__ = ["engine_of", "file_of", "reading", "shown_url", "writing"]

#: How long a writer waits for another.
_WAIT_S = 30


def file_of(url: str | os.PathLike[str]) -> Path | None:
    """
    File of a registry; None if it is a database of a server.

    Parameters
    ----------
    url : str or path
        A path, ``sqlite:///PATH`` or ``postgresql+psycopg://…``.

    Returns
    -------
    pathlib.Path or None
        As it was given, not resolved.

    Raises
    ------
    InputError
        If it is neither.

    Examples
    --------
    >>> file_of("registry.sqlite").name
    'registry.sqlite'
    >>> file_of("postgresql://localhost/exchange") is None
    True
    """
    text = os.fspath(url)
    scheme, separator, rest = text.partition("://")
    if not separator:
        if not text or text == ":memory:":
            msg = f"the registry is {text!r}, need a file or a URL such as postgresql+psycopg://HOST/DATABASE."
            raise InputError(msg)
        return Path(text)
    if scheme in ("sqlite", "sqlite+pysqlite") and rest.startswith("/") and len(rest) > 1:
        return Path(rest[1:])
    if scheme in ("postgresql", "postgresql+psycopg"):
        return None
    msg = f"the registry is at {scheme}://…, need a file, sqlite:///PATH or postgresql+psycopg://HOST/DATABASE."
    raise InputError(msg)


def shown_url(url: str | os.PathLike[str]) -> str:
    """
    Name of a registry for people, without a password.

    Parameters
    ----------
    url : str or path
        See `file_of`.

    Returns
    -------
    str
        The path, or the URL with ``***`` in place of a password.
    """
    path = file_of(url)
    return str(path) if path is not None else _server_url(url).render_as_string(hide_password=True)


def _server_url(url: str | os.PathLike[str]) -> sa.URL:
    try:
        return sa.make_url(os.fspath(url)).set(drivername="postgresql+psycopg")
    except (sa.exc.ArgumentError, ValueError) as error:
        msg = "the URL of the registry cannot be read, need postgresql+psycopg://USER@HOST:PORT/DATABASE."
        raise InputError(msg) from error


def engine_of(url: str | os.PathLike[str]) -> sa.Engine:
    """
    Engine of a registry; nothing is connected yet.

    Parameters
    ----------
    url : str or path
        See `file_of`.

    Returns
    -------
    sqlalchemy.Engine
        Dispose of it when done.
    """
    path = file_of(url)
    if path is None:
        return sa.create_engine(_server_url(url), hide_parameters=True)
    engine = sa.create_engine(
        sa.URL.create("sqlite+pysqlite", database=str(path)), connect_args={"timeout": _WAIT_S}, hide_parameters=True
    )
    sa.event.listen(engine, "connect", _prepare_sqlite)
    sa.event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: sqlite3.Connection, record: object) -> None:  # noqa: ARG001
    """Transactions are begun by us, foreign keys are checked, a commit waits for the disk."""
    connection.isolation_level = None
    for pragma in ("foreign_keys = ON", "journal_mode = WAL", "synchronous = FULL"):
        connection.execute(f"PRAGMA {pragma}").close()


def _begin_sqlite(connection: sa.Connection) -> None:
    """A writer takes its turn before it reads, so that nothing it read has changed when it writes."""
    writes = connection.get_execution_options().get("oceandata_writes")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


@contextlib.contextmanager
def writing(engine: sa.Engine) -> Iterator[sa.Connection]:
    """
    Transaction of the only writer; another one waits until it ends.

    Parameters
    ----------
    engine : sqlalchemy.Engine
        From `engine_of`.

    Yields
    ------
    sqlalchemy.Connection
        Committed at the end of the block, rolled back on an error.
    """
    with _translated(engine), engine.connect() as opened:
        connection = opened.execution_options(oceandata_writes=True)
        with connection.begin():
            if engine.dialect.name == "postgresql" and sa.inspect(connection).has_table("events"):
                connection.exec_driver_sql("LOCK TABLE events IN EXCLUSIVE MODE")
            yield connection


@contextlib.contextmanager
def reading(engine: sa.Engine) -> Iterator[sa.Connection]:
    """
    Transaction that sees one state of the registry, whatever others write meanwhile.

    Parameters
    ----------
    engine : sqlalchemy.Engine
        From `engine_of`.

    Yields
    ------
    sqlalchemy.Connection
        For reading.
    """
    with _translated(engine), engine.connect() as opened:
        one_state = {"isolation_level": "REPEATABLE READ"} if engine.dialect.name == "postgresql" else {}
        connection = opened.execution_options(**one_state)
        with connection.begin():
            yield connection


@contextlib.contextmanager
def _translated(engine: sa.Engine) -> Iterator[None]:
    """Errors of the database as ours, without parameters and passwords in them."""
    try:
        yield
    except sa.exc.DBAPIError as error:
        where = shown_url(engine.url.render_as_string(hide_password=True))
        raise _error_of(error.orig, where) from error


def _error_of(cause: BaseException | None, where: str) -> OceanDataError:
    words = " ".join(str(cause).split())
    code: Any = getattr(cause, "sqlstate", None) or ""
    if "locked" in words or code in ("55P03", "40001", "40P01"):
        return UnreachableError(f"the registry {where} is busy: other writers did not finish. Try again. ({words})")
    if "readonly" in words or code in ("28P01", "28000", "42501", "25006"):
        return AccessError(f"the registry {where} may not be used so: {words}. Ask its owner for the right.")
    if "not a database" in words or "malformed" in words:
        return CorruptionError(f"{where} is no registry, or is damaged: {words}. Restore it from a copy.")
    if "refused: " in words:
        return InputError(f"the registry refused it: {words.partition('refused: ')[2]}. Nothing was changed.")
    if isinstance(cause, sqlite3.IntegrityError) or str(code).startswith("23"):
        return InputError(f"the registry refused it: {words}. Nothing was changed.")
    return UnreachableError(f"the registry {where} cannot be used now: {words}.")
