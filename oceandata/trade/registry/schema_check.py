"""Are the tables, indexes and triggers of a registry those that this program made? Compared with those of a new one."""

import sqlite3
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

from oceandata.trade.registry.migrations import SCHEMA_VERSION, statements
from oceandata.trade.registry.tables import TABLES

if TYPE_CHECKING:
    import sqlalchemy as sa

__all__ = ["schema_faults"]


class _Part(NamedTuple):
    """A table, index, trigger, function, constraint, rule or policy, and the table that it belongs to."""

    kind: str
    name: str
    table: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name}" + (f" on {self.table}" if self.table not in ("", self.name) else "")


_SQLITE = "SELECT type, name, tbl_name, sql FROM sqlite_master"

# Triggers and constraints that were switched off count as altered. A function is compared only if a trigger calls it: a
# trigger that calls none of ours, or is gone, tells of itself.
_POSTGRESQL = """
WITH ours AS (
    SELECT name, to_regclass(%(schema)s || name)::oid AS id FROM unnest(%(tables)s::text[]) AS name
), columns AS (
    SELECT name, string_agg(concat_ws(' ', attname, format_type(atttypid, atttypmod), collname, attnotnull,
        attgenerated, attidentity, pg_get_expr(adbin, adrelid)), ', ' ORDER BY attnum) AS told
    FROM ours JOIN pg_attribute ON attrelid = id AND attnum > 0 AND NOT attisdropped
    LEFT JOIN pg_collation ON pg_collation.oid = attcollation
    LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum GROUP BY name
)
SELECT 'table', name, name, concat_ws(' ', relkind, relrowsecurity, told)
FROM ours JOIN columns USING (name) JOIN pg_class ON pg_class.oid = id
UNION ALL
SELECT 'constraint', conname, name, concat_ws(' ', pg_get_constraintdef(pg_constraint.oid, true), convalidated,
    (SELECT bool_and(tgenabled = 'O') FROM pg_trigger WHERE tgconstraint = pg_constraint.oid))
FROM ours JOIN pg_constraint ON conrelid = id
UNION ALL
SELECT 'index', relname, name, concat_ws(' ', pg_get_indexdef(indexrelid, 0, true), indisvalid)
FROM ours JOIN pg_index ON indrelid = id JOIN pg_class ON pg_class.oid = indexrelid
UNION ALL
SELECT 'trigger', tgname, name, concat_ws(' ', pg_get_triggerdef(pg_trigger.oid, true), tgenabled)
FROM ours JOIN pg_trigger ON tgrelid = id AND NOT tgisinternal
UNION ALL
SELECT 'rule', rulename, name, pg_get_ruledef(pg_rewrite.oid, true) FROM ours JOIN pg_rewrite ON ev_class = id
UNION ALL
SELECT 'policy', polname, name, '' FROM ours JOIN pg_policy ON polrelid = id
UNION ALL
SELECT DISTINCT 'function', proname, '', substr(told, strpos(told, '('))
FROM ours JOIN pg_trigger ON tgrelid = id AND NOT tgisinternal JOIN pg_proc ON pg_proc.oid = tgfoid,
    pg_get_functiondef(pg_proc.oid) AS told
"""


def schema_faults(connection: "sa.Connection") -> list[str]:
    """
    What in the schema of a registry is not as this program made it.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        In a transaction; nothing is left behind in it.

    Returns
    -------
    list of str
        A sentence for each table, index, constraint, trigger or function that is gone, altered, switched off, or not of
        this program, and for a wrong number of the version; empty if all is as in a new registry. Tables of others
        beside ours are none of our business.

    Raises
    ------
    AccessError
        If PostgreSQL does not let this user make temporary tables.

    Notes
    -----
    SQLite keeps the text of each statement: it is compared with that of a new registry in memory. PostgreSQL keeps none
    and writes a text from its catalogue: it is compared with what the same server writes of a new registry, which is
    made of temporary tables and undone.
    """
    if connection.dialect.name == "sqlite":
        found, wanted = _parts(connection.exec_driver_sql(_SQLITE).all()), _new_sqlite()
    else:
        found, wanted = _postgresql(connection, ""), _new_postgresql(connection)
    faults = [*_lost(found, wanted), *_foreign(found, wanted)]
    settings = _Part("table", "settings", "settings")
    if found.get(settings) == wanted[settings]:
        faults += _version_faults(connection)
    return faults


def _parts(rows: Iterable[Any]) -> dict[_Part, str]:
    return {_Part(kind, name, table): definition for kind, name, table, definition in rows}


def _new_sqlite() -> dict[_Part, str]:
    """What a new registry in a file holds."""
    made = sqlite3.connect(":memory:")
    try:
        for statement in _all_statements("sqlite"):
            made.execute(statement)
        return _parts(made.execute(_SQLITE).fetchall())
    finally:
        made.close()


def _all_statements(dialect: str) -> list[str]:
    return [one for version in range(1, SCHEMA_VERSION + 1) for one in statements(dialect, version)]


def _postgresql(connection: "sa.Connection", schema: str) -> dict[_Part, str]:
    """What the tables of a schema of PostgreSQL hold; those that a query finds if it is empty."""
    rows = connection.exec_driver_sql(_POSTGRESQL, {"schema": schema, "tables": list(TABLES)}).all()
    return {part: (text or "").replace("pg_temp.", "") for part, text in _parts(rows).items()}


def _new_postgresql(connection: "sa.Connection") -> dict[_Part, str]:
    """What a new registry on this server holds; functions of temporary schemas must be called by their full name."""
    nested = connection.begin_nested()
    try:
        connection.exec_driver_sql("SET LOCAL search_path TO pg_temp")
        for statement in _all_statements("postgresql"):
            connection.exec_driver_sql(statement.replace("EXECUTE FUNCTION ", "EXECUTE FUNCTION pg_temp."))
        return _postgresql(connection, "pg_temp.")
    finally:
        nested.rollback()


def _lost(found: dict[_Part, str], wanted: dict[_Part, str]) -> list[str]:
    """Sentences on what is gone or altered; only the table if it is gone with all that belongs to it."""
    lost = [part for part in wanted if found.get(part) != wanted[part]]
    tables = {part.name for part in lost if part.kind == "table" and part not in found}
    told = [part for part in lost if part.kind == "table" or part.table not in tables]
    again = "make it again as a new registry has it (oceandata trade init)"
    return [
        f"{part} is missing: find out who removed it, and {again}"
        if part not in found
        else f"{part} is not as this program made it: find out who altered it or switched it off, and {again}"
        for part in told
        if part in found or part.kind != "function"
    ]


def _foreign(found: dict[_Part, str], wanted: dict[_Part, str]) -> list[str]:
    """Sentences on what others added to our tables, and on triggers of others anywhere in a file of ours."""
    added = [part for part in found if part not in wanted and (part.kind == "trigger" or part.table in TABLES)]
    return [f"{part} is not of this program: find out who added it and what for, and remove it" for part in added]


def _version_faults(connection: "sa.Connection") -> list[str]:
    """A sentence if the settings name another version than that of the schema."""
    said = connection.exec_driver_sql("SELECT value FROM settings WHERE name = 'schema'").scalar()
    if said == str(SCHEMA_VERSION):
        return []
    return [
        f"the settings say schema version {said!r:.80}, and it is {SCHEMA_VERSION}: find out who altered it, "
        f"and write {SCHEMA_VERSION} there again"
    ]
