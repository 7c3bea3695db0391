"""Is the registry what its events say? The chain is computed again; rows and the schema are compared."""

import dataclasses
import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from oceandata import _html
from oceandata.errors import DocumentError, OceanDataError
from oceandata.trade.registry.canonical import digest, sm3_digest
from oceandata.trade.registry.chain import GENESIS, event_hash, event_text, row_digest

if TYPE_CHECKING:
    import sqlalchemy as sa

    from oceandata.trade.registry.registry import Registry

__all__ = ["Anchor", "AuditFault", "AuditReport", "anchor_of", "audit_registry"]

#: Events that are held in memory at once.
_BATCH = 2_000

#: More faults than these are only counted: after the first one the chain is not to be believed.
_SHOWN = 20


@dataclasses.dataclass(frozen=True)
class AuditFault:
    """
    One thing that is not as it was recorded.

    Attributes
    ----------
    seq : int or None
        Number of the event; None for a row that no event explains.
    message : str
        What is wrong.
    """

    seq: int | None
    message: str

    def __str__(self) -> str:
        return self.message if self.seq is None else f"event {self.seq}: {self.message}"


@dataclasses.dataclass(frozen=True)
class AuditReport:
    """
    What an audit found.

    Attributes
    ----------
    registry : str
        Where it is.
    events, rows : int
        How many were computed again.
    head : str
        Hash of the newest event.
    anchored : bool
        True if an anchor was given and the chain leads to it.
    faults : tuple of AuditFault
        The first altered event first, then rows, then tables and triggers; the first twenty of either.
    more_faults : int
        How many there are besides.
    """

    registry: str
    events: int
    rows: int
    head: str
    anchored: bool = False
    faults: tuple[AuditFault, ...] = ()
    more_faults: int = 0

    @property
    def is_whole(self) -> bool:
        """True if nothing is wrong."""
        return not self.faults

    def to_json(self) -> dict[str, Any]:
        """JSON form."""
        return dataclasses.asdict(self) | {"is_whole": self.is_whole}

    def facts(self) -> list[tuple[str, object]]:
        """
        Names and values for people.

        Returns
        -------
        list of (str, object)
            The same in terminals and notebooks.
        """
        facts: list[tuple[str, object]] = [
            ("registry", self.registry),
            ("events", f"{self.events:,}"),
            ("rows", f"{self.rows:,}"),
            ("head", self.head),
            ("anchor", "the chain leads to it" if self.anchored else "none was given"),
            *(("fault", fault) for fault in self.faults),
        ]
        if self.more_faults:
            facts.append(("fault", f"and {self.more_faults:,} more"))
        return [*facts, ("verdict", "whole" if self.is_whole else "ALTERED")]

    def __str__(self) -> str:
        return "\n".join(f"{name:<10}{value}" for name, value in self.facts())

    def _repr_html_(self) -> str:
        return _html.facts(self.facts(), title="Audit")


@dataclasses.dataclass(frozen=True)
class Anchor:
    """
    Digest of the newest event, to be kept where the registry's keeper cannot change it.

    Attributes
    ----------
    registry : str
        Identifier of the registry.
    seq : int
        Number of the event.
    at : str
        When it was, UTC.
    sha256 : str
        Its hash, which every event before it goes into.
    sm3 : str
        SM3 of the same text; empty where SM3 cannot be computed.
    """

    registry: str
    seq: int
    at: str
    sha256: str
    sm3: str

    def to_json(self) -> dict[str, Any]:
        """JSON form."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "Anchor":
        """
        Anchor of its JSON form.

        Parameters
        ----------
        document : mapping
            As `to_json` gives it.

        Returns
        -------
        Anchor
            Equal to the one that was kept.

        Raises
        ------
        DocumentError
            If it is none.
        """
        fields = {field.name: field.type for field in dataclasses.fields(cls)}
        values = {name: document.get(name) for name in fields}
        if not all(isinstance(value, int if name == "seq" else str) for name, value in values.items()):
            msg = f"this is no anchor, need {', '.join(fields)} as 'oceandata trade anchor --json' prints them."
            raise DocumentError(msg)
        return cls(**values)  # type: ignore[arg-type]  # just checked


def anchor_of(registry: "Registry") -> Anchor:
    """
    Anchor of the newest event.

    Parameters
    ----------
    registry : Registry
        Which.

    Returns
    -------
    Anchor
        Keep it elsewhere: in a letter, with a notary, on another machine.
    """
    import sqlalchemy as sa

    from oceandata.trade.registry.engines import reading
    from oceandata.trade.registry.tables import TABLES

    events = TABLES["events"]
    with reading(registry.engine) as connection:
        row = dict(connection.execute(sa.select(events).order_by(events.c.seq.desc()).limit(1)).mappings().one())
    return Anchor(registry.id, row["seq"], row["at"], row["hash"], sm3_digest(event_text(registry.id, row)))


class _Auditor:
    """State of an audit: the hash that the next event must name, and the digest that each row must have."""

    def __init__(self, registry: str, anchor: Anchor | None) -> None:
        self.registry = registry
        self.anchor = anchor
        self.anchored = False
        self.events = 0
        self.hash = GENESIS
        self.rows: dict[str, str] = {}
        self.faults: list[AuditFault] = []
        self.count = 0

    def fault(self, seq: int | None, message: str) -> None:
        """Take down what is wrong."""
        self.count += 1
        if len(self.faults) < _SHOWN:
            self.faults.append(AuditFault(seq, message))

    def event(self, row: Mapping[str, Any]) -> None:
        """Compute one event again."""
        self.events += 1
        seq = row["seq"]
        if seq != self.events:
            self.fault(seq, f"event {self.events} is missing before it")
            self.events = seq
        if event_hash(self.registry, row) != row["hash"]:
            self.fault(
                seq, f"altered: its content does not have its hash {row['hash']} ({row['act']} by {row['actor']})"
            )
        elif row["prev_hash"] != self.hash:
            self.fault(seq, "altered, or the one before it: it follows an event of another hash")
        self._rows(row)
        if self.anchor is not None and seq == self.anchor.seq:
            self.anchored = row["hash"] == self.anchor.sha256
        self.hash = row["hash"]

    def _rows(self, row: Mapping[str, Any]) -> None:
        """Digests of the rows that the event wrote; after a first fault they are only taken down."""
        try:
            wrote = {str(name): str(found) for name, found in dict(json.loads(row["rows"])).items()}
        except (ValueError, TypeError):
            return  # altered, which its hash told
        before = {name: self.rows[name] for name in wrote if name in self.rows}
        if not self.count and (row["before_hash"] != digest(before) or row["after_hash"] != digest(wrote)):
            self.fault(row["seq"], "the rows that it says it changed are not as the events before it left them")
        self.rows.update(wrote)

    def row(self, table: str, row: Mapping[str, Any]) -> None:
        """Compare one row with the last event that wrote it."""
        from oceandata.trade.registry.tables import table_key

        name = table_key(table, row)
        recorded = self.rows.pop(name, None)
        if recorded is None:
            self.fault(None, f"{_named(name)} is there, but no event wrote it")
        elif recorded != row_digest(row):
            self.fault(None, f"{_named(name)} was changed without an event")


def _named(key: str) -> str:
    """Row in words."""
    try:
        table, *values = json.loads(key)
    except (ValueError, TypeError, RecursionError):
        return f"row {key!r:.200}"
    return f"row {'/'.join(map(str, values))} of {table}"


def _founded(detail: Any) -> Any:
    """Registry that the first event says it begins; None if it says none."""
    try:
        said = json.loads(detail)
    except (ValueError, TypeError, RecursionError):
        return None  # altered, which its hash tells
    return said.get("registry") if isinstance(said, dict) else None


def _stored(connection: "sa.Connection", table: str) -> Iterator[Mapping[str, Any]]:
    import sqlalchemy as sa

    from oceandata.trade.registry.tables import TABLES

    chosen = sa.select(TABLES[table])
    if table == "events":
        chosen = chosen.order_by(TABLES[table].c.seq)
    with connection.execution_options(yield_per=_BATCH).execute(chosen) as found:
        for row in found.mappings():
            yield dict(row)


def audit_registry(registry: "Registry", *, anchor: Anchor | None = None) -> AuditReport:
    """
    Compute the chain of events again, and compare every row with the last event that wrote it.

    Who may remove triggers may change events and rows; the chain then no longer fits, and the first altered event is
    named. Who computes the whole chain anew is found only by an anchor that was kept elsewhere. Tables, indexes,
    triggers and the version of the schema are compared with those of a new registry.

    Parameters
    ----------
    registry : Registry
        Which.
    anchor : Anchor or None
        One that was kept elsewhere.

    Returns
    -------
    AuditReport
        What is wrong, the first altered event first.

    Raises
    ------
    UnreachableError
        If the database cannot be read, for another reason than that its tables were altered.
    AccessError
        If PostgreSQL does not let this user make temporary tables, which tell what the schema should be.

    Notes
    -----
    Reads the registry once, in the order of events, as it is at one instant. Memory: about 300 bytes for each row of
    products, revisions, offers, listings, orders and entitlements; events are not held.
    """
    from oceandata.trade.registry.engines import reading
    from oceandata.trade.registry.schema_check import schema_faults

    with reading(registry.engine) as connection:
        altered = schema_faults(connection)
    work = _Auditor(registry.id, anchor)
    try:
        with reading(registry.engine) as connection:
            rows = _audit_rows(connection, work)
    except (OceanDataError, TypeError, ValueError) as error:
        if not altered:
            raise
        rows = 0
        work.fault(None, f"events and rows cannot be read as the tables are now: {error}")
    return AuditReport(
        registry=registry.url,
        events=work.events,
        rows=rows,
        head=work.hash,
        anchored=work.anchored,
        faults=(*work.faults, *(AuditFault(None, message) for message in altered[:_SHOWN])),
        more_faults=work.count - len(work.faults) + len(altered[_SHOWN:]),
    )


def _audit_rows(connection: "sa.Connection", work: _Auditor) -> int:
    """Compute every event again, and compare every row; how many rows there are."""
    import sqlalchemy as sa

    from oceandata.trade.registry.tables import TABLES

    first = connection.execute(sa.select(TABLES["events"].c.detail).filter_by(seq=1)).scalar()
    if _founded(first) != work.registry:
        work.fault(1, f"it does not begin the chain of registry {work.registry}")
    for row in _stored(connection, "events"):
        work.event(row)
    rows = 0
    for table in TABLES:
        if table not in ("events", "settings"):
            for row in _stored(connection, table):
                rows += 1
                work.row(table, row)
    for name in work.rows:
        work.fault(None, f"{_named(name)} was written by an event, but is gone")
    anchor = work.anchor
    if anchor is not None and not work.anchored:
        work.fault(anchor.seq, f"the chain does not lead to the anchor {anchor.sha256}: it was computed anew, or cut")
    return rows
