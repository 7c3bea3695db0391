"""
Metering: what stores really served for a result, beside what its lineage planned.

Unique counts each object once, however often it was served; gross counts every time (retries, recomputation). Data
chunks are told from coordinates and metadata, which are never charged.
"""

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from oceandata import _html
from oceandata.entities import Origin
from oceandata.storage import counted_reads
from oceandata.storage.counting import Reads
from oceandata.trade.inputs import Input, Lineage, published_origin

__all__ = ["MeteredInput", "Usage", "metering", "usage_of"]

# The index of a shard is read from its end: it is metadata, not data.
_INDEX_RANGE = "SuffixByteRequest"


@dataclasses.dataclass(frozen=True)
class MeteredInput:
    """
    What was served of one variable.

    Attributes
    ----------
    origin : Origin
        Repository, revision and product.
    variable : str
        Native name.
    planned, served : frozenset of str
        Keys of the data chunks, by plan and by count.
    absent : frozenset of str
        Planned chunks that are not stored, because every value is the fill value: used, but nothing to serve.
    unique_bytes, gross_bytes : int
        Stored bytes served, each chunk once, and in all.
    """

    origin: Origin
    variable: str
    planned: frozenset[str]
    served: frozenset[str]
    absent: frozenset[str]
    unique_bytes: int
    gross_bytes: int

    @property
    def missing(self) -> frozenset[str]:
        """Planned but not served."""
        return self.planned - self.served - self.absent

    @property
    def extra(self) -> frozenset[str]:
        """Served but not planned."""
        return self.served - self.planned


@dataclasses.dataclass
class Usage:
    """
    What was served inside a `metering` block; filled when the block ends.

    Attributes
    ----------
    plan : Lineage or None
        What will be computed is made of; may be set inside the block.
    inputs : tuple of MeteredInput
        Data, one for each variable of the lineage.
    overhead_objects, overhead_bytes : int
        Coordinates and metadata.
    processes : int
        Processes that served anything.
    missing : tuple of str
        What may be missing from the sums, in words that name the process.
    """

    plan: Lineage | None = None
    inputs: tuple[MeteredInput, ...] = ()
    overhead_objects: int = 0
    overhead_bytes: int = 0
    processes: int = 0
    missing: tuple[str, ...] = ()

    @property
    def complete(self) -> bool:
        """False if a process died, or its log is damaged, so that something it was served may be missing."""
        return not self.missing

    @property
    def unique_bytes(self) -> int:
        """Stored bytes of data, each chunk once."""
        return sum(one.unique_bytes for one in self.inputs)

    @property
    def gross_bytes(self) -> int:
        """Stored bytes of data, each time they were served."""
        return sum(one.gross_bytes for one in self.inputs)

    @property
    def matches(self) -> bool:
        """True if exactly the planned chunks were served."""
        return all(not one.missing and not one.extra for one in self.inputs)

    def to_json(self) -> dict[str, Any]:
        """JSON form, as it is stamped on files."""
        origins = [published_origin(one.origin) for one in self.inputs]
        return {
            "unique_bytes": self.unique_bytes,
            "gross_bytes": self.gross_bytes,
            "overhead_bytes": self.overhead_bytes,
            "overhead_objects": self.overhead_objects,
            "processes": self.processes,
            "matches_plan": self.matches,
            "complete": self.complete,
            "missing": list(self.missing),
            "inputs": [
                {"product": origin.product, "product_revision": origin.product_revision, "entry": origin.entry}
                | {"repository": origin.repository, "revision": origin.revision, "snapshot": origin.snapshot}
                | {
                    "group": origin.group,
                    "variable": one.variable,
                    "chunks_planned": len(one.planned),
                    "chunks_served": len(one.served),
                }
                | {"chunks_absent": len(one.absent), "missing": sorted(one.missing), "extra": sorted(one.extra)}
                | {"unique_bytes": one.unique_bytes, "gross_bytes": one.gross_bytes}
                for one, origin in zip(self.inputs, origins, strict=True)
            ],
        }

    def rows(self) -> list[tuple[str, str, str, str]]:
        """
        Rows for a table: what, chunks, unique, gross.

        Returns
        -------
        list of tuple of str
            One for each input, then one for coordinates and metadata.
        """
        rows = [
            (
                f"{one.origin.name}: {one.variable}",
                f"{len(one.served)} served, {len(one.planned)} planned"
                + (f", {len(one.absent)} empty" * bool(one.absent)),
                _html.human_bytes(one.unique_bytes),
                _html.human_bytes(one.gross_bytes),
            )
            for one in self.inputs
        ]
        overhead = _html.human_bytes(self.overhead_bytes)
        rows.append(("coordinates and metadata", f"{self.overhead_objects} objects", overhead, "not metered"))
        return rows + [("incomplete", fault, "", "") for fault in self.missing]

    def __str__(self) -> str:
        lines = [f"{what}: {chunks}; unique {unique}, gross {gross}" for what, chunks, unique, gross in self.rows()]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        verdict = "exactly the planned chunks were served" if self.matches else "served and planned chunks differ"
        return _html.table(self.rows(), headers=["input", "chunks", "unique", "gross"], caption=verdict)


def _absent(one: Input, served: set[str]) -> frozenset[str]:
    """Planned chunks that the revision does not store."""
    if one.keys <= served:
        return frozenset()
    from oceandata.storage import open_store
    from oceandata.storage.integrity import ABSENT
    from oceandata.storage.layout import read_layout

    store = open_store(one.origin.repository, snapshot=one.origin.snapshot).uncounted
    sizes = read_layout(store, one.origin.group, names=[one.variable]).leaves[one.variable].stored_bytes
    path = f"{one.origin.group}/{one.variable}/c"
    empty = {"/".join((path, *map(str, position))) for position in one.chunks if sizes[position] == ABSENT}
    return frozenset(empty)


def _metered(one: Input, reads: Reads) -> MeteredInput:
    prefix = f"{one.origin.group}/{one.variable}/c"
    place = (one.origin.repository, one.origin.snapshot)
    counts = {
        read: count
        for read, count in reads.counts.items()
        if read[:2] == place
        and (read.key == prefix or read.key.startswith(prefix + "/"))
        and not read.byte_range.startswith(_INDEX_RANGE)
    }
    served = {read.key for read in counts}
    return MeteredInput(
        origin=one.origin,
        variable=one.variable,
        planned=frozenset(one.keys),
        served=frozenset(served),
        absent=_absent(one, served),
        unique_bytes=sum(nbytes for _, nbytes in counts.values()),
        gross_bytes=sum(times * nbytes for times, nbytes in counts.values()),
    )


@contextmanager
def metering(plan: Lineage | None = None) -> Iterator[Usage]:
    """
    Meter what is read inside a ``with`` block, against a lineage taken before it is read.

    Parameters
    ----------
    plan : Lineage, optional
        What will be computed is made of; or set ``usage.plan`` inside the block, when opening is metered too.
        Without any, everything served counts as coordinates and metadata.

    Yields
    ------
    Usage
        Empty until the block ends.

    Examples
    --------
    >>> with metering(Lineage(())) as usage:
    ...     pass
    >>> usage.unique_bytes, usage.matches
    (0, True)
    """
    usage = Usage(plan)
    with counted_reads() as reads:
        yield usage
    found = usage_of(usage.plan, reads)
    for field in dataclasses.fields(Usage):
        setattr(usage, field.name, getattr(found, field.name))


def usage_of(plan: Lineage | None, reads: Reads) -> Usage:
    """
    What reads mean for a lineage.

    Parameters
    ----------
    plan : Lineage or None
        What was computed is made of; without any, everything served counts as coordinates and metadata.
    reads : Reads
        What was served, in one run or in several together.

    Returns
    -------
    Usage
        By input of the lineage.
    """
    inputs = tuple(_metered(one, reads) for one in plan.planned if not one.through) if plan else ()
    known = {(one.origin.repository, one.origin.snapshot, key) for one in inputs for key in one.served}
    rest = {
        read: count
        for read, count in reads.counts.items()
        if read[:3] not in known or read.byte_range.startswith(_INDEX_RANGE)
    }
    overhead = sum(nbytes for _, nbytes in rest.values())
    return Usage(plan, inputs, len(rest), overhead, reads.processes, reads.missing)
