"""The tables of an index, and connections to them that change nothing."""

import sqlite3
from pathlib import Path
from urllib.parse import quote

from oceandata.catalog.index.bounds import COLUMNS
from oceandata.errors import DocumentError, OceanDataError

__all__ = ["BLOCK_ROWS", "SAMPLE_ROWS", "VERSION", "connect_readonly", "create_tables", "open_index", "read_meta"]

#: Form of the tables and meaning of the words in them; another one is built anew.
VERSION = 1

#: Rows whose numbers stand together, to be compared at once.
BLOCK_ROWS = 8192

#: Of so many rows one is in the sample, by which it is estimated how many meet a condition.
SAMPLE_ROWS = 256

_PAGE_BYTES = 16_384
_CACHE_KB = 12_000

_TABLES = (
    "CREATE TABLE meta (name TEXT PRIMARY KEY, value) WITHOUT ROWID",
    "CREATE TABLE entry (row INTEGER PRIMARY KEY, id TEXT NOT NULL, "
    f"{', '.join(f'{name} INTEGER' for name in COLUMNS)}, nbytes INTEGER, file INTEGER, digest INTEGER)",
    "CREATE TABLE sample (bounds BLOB NOT NULL)",
    "CREATE TABLE member (file INTEGER, first TEXT, begin INTEGER, nbytes INTEGER, PRIMARY KEY (file, first))"
    " WITHOUT ROWID",
    "CREATE TABLE gone (row INTEGER PRIMARY KEY)",
    "CREATE VIRTUAL TABLE box USING rtree_i32(piece, west, east, south, north, begin, ending, top, bottom)",
    "CREATE VIRTUAL TABLE words USING fts5(tokens, content='', columnsize=0, detail=none, tokenize=ascii)",
    "CREATE TABLE facet (code INTEGER PRIMARY KEY, facet TEXT NOT NULL, key TEXT NOT NULL, shown TEXT NOT NULL)",
    "CREATE TABLE block (number INTEGER PRIMARY KEY, bounds BLOB, nbytes BLOB, counts BLOB, codes BLOB)",
    "CREATE TABLE title (number INTEGER PRIMARY KEY, ranks BLOB)",
)


def create_tables(connection: sqlite3.Connection) -> None:
    """
    Make the tables of an empty index.

    Parameters
    ----------
    connection : sqlite3.Connection
        To a new database.

    Raises
    ------
    OceanDataError
        If this SQLite was built without R*Tree or FTS5.
    """
    connection.execute(f"PRAGMA page_size = {_PAGE_BYTES}")
    try:
        for table in _TABLES:
            connection.execute(table)
    except sqlite3.OperationalError as error:
        msg = (
            f"the SQLite of this Python ({sqlite3.sqlite_version}) cannot hold the index: {error}. It needs the "
            "extensions R*Tree and FTS5, which the builds of python.org, conda and Debian have."
        )
        raise OceanDataError(msg) from error


def connect_readonly(path: Path) -> sqlite3.Connection:
    """
    Connection to an index file that nobody changes: no lock is taken, as network file systems like it.

    Parameters
    ----------
    path : pathlib.Path
        The file; it is only ever replaced whole.

    Returns
    -------
    sqlite3.Connection
        For all threads; views and triggers of a strange file cannot call functions.
    """
    uri = f"file:{quote(str(path.resolve()))}?mode=ro&immutable=1"
    connection = sqlite3.connect(uri, uri=True, check_same_thread=False)
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.execute(f"PRAGMA cache_size = -{_CACHE_KB}")
    connection.execute("PRAGMA temp_store = MEMORY")
    return connection


def read_meta(connection: sqlite3.Connection) -> dict[str, str]:
    """
    What an index says of itself.

    Parameters
    ----------
    connection : sqlite3.Connection
        To an index.

    Returns
    -------
    dict of str to str
        By name; empty for a file that is none of ours.
    """
    try:
        return {str(name): str(value) for name, value in connection.execute("SELECT name, value FROM meta")}
    except sqlite3.DatabaseError:
        return {}


def open_index(path: Path) -> tuple[sqlite3.Connection, dict[str, str]]:
    """
    Connection to an index file of this version, and what it says of itself.

    Parameters
    ----------
    path : pathlib.Path
        The file.

    Returns
    -------
    sqlite3.Connection
        Read only.
    dict of str to str
        Its `read_meta`.

    Raises
    ------
    DocumentError
        If the file is no index, or one of another version.
    """
    try:
        connection = connect_readonly(path)
    except sqlite3.DatabaseError:
        connection, meta = sqlite3.connect(":memory:"), dict[str, str]()
    else:
        meta = read_meta(connection)
    if meta.get("version") != str(VERSION):
        connection.close()
        found = f"of version {meta['version']}" if "version" in meta else "no index"
        msg = f"{path} is {found}, need an index of version {VERSION}. Build it with 'oceandata catalog index'."
        raise DocumentError(msg)
    return connection, meta
