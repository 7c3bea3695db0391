"""What changed between two revisions: variables, periods, chunks and bytes, from the recorded leaves alone."""

import dataclasses
import os
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from oceandata import _html, cf
from oceandata.storage.chunks import chunk_count
from oceandata.storage.integrity import ABSENT
from oceandata.storage.layout import Layout, Leaves, read_layout
from oceandata.storage.revisions import commit_facts, layouts_of, open_layout, require_layout
from oceandata.storage.stores import lookup_revision, open_repository
from oceandata.storage.virtual_access import read_session

if TYPE_CHECKING:
    import numpy.typing as npt
    from zarr.abc.store import Store

__all__ = ["RevisionDiff", "VariableDiff", "diff_revisions"]

_HEADERS = ("variable", "change", "period", "chunks +", "chunks ~", "chunks -", "bytes +", "bytes ~", "bytes -")


@dataclasses.dataclass(frozen=True)
class VariableDiff:
    """
    What changed in one variable or coordinate.

    Attributes
    ----------
    name : str
        The array.
    kind : str
        ``added``, ``removed``, ``changed`` or ``rechunked``; all chunks of the last count as removed and added.
    shapes : tuple of tuple of int
        Before and after; empty where the variable is not there.
    attributes : tuple of str
        Names of the attributes, and of other metadata, that were added, removed or changed.
    chunks_added, chunks_changed, chunks_removed : int
        Stored chunks that are new, that hold other bytes, and that are gone.
    bytes_added, bytes_changed, bytes_removed : int
        Their stored bytes; of changed chunks those after the change.
    period : tuple of str
        First and last time label of the chunks concerned; empty if the variable has no time, or no chunk changed.
    """

    name: str
    kind: str
    shapes: tuple[tuple[int, ...], tuple[int, ...]]
    attributes: tuple[str, ...] = ()
    chunks_added: int = 0
    chunks_changed: int = 0
    chunks_removed: int = 0
    bytes_added: int = 0
    bytes_changed: int = 0
    bytes_removed: int = 0
    period: tuple[str, ...] = ()

    @property
    def summary(self) -> str:
        """The change in words."""
        words = [self.kind]
        if self.shapes[0] != self.shapes[1] and self.shapes[0] and self.shapes[1]:
            words.append(f"shape {self.shapes[0]} to {self.shapes[1]}")
        if self.attributes:
            words.append(f"attributes {', '.join(self.attributes)}")
        return "; ".join(words)

    def row(self) -> tuple[object, ...]:
        """
        Cells of the difference in a table.

        Returns
        -------
        tuple
            As many as the table has columns.
        """
        numbers = (self.chunks_added, self.chunks_changed, self.chunks_removed)
        sizes = (self.bytes_added, self.bytes_changed, self.bytes_removed)
        return (self.name, self.summary, " to ".join(self.period), *numbers, *map(_html.human_bytes, sizes))


@dataclasses.dataclass(frozen=True)
class RevisionDiff:
    """
    What changed between two revisions of a repository.

    Attributes
    ----------
    url : str
        The repository.
    before, after : str
        The revisions.
    layout : str
        Layout that was compared.
    layouts_added, layouts_removed : tuple of str
        Layouts that only one of the revisions has.
    attributes : tuple of str
        Names of global attributes that were added, removed or changed.
    variables : tuple of VariableDiff
        Those that changed.
    """

    url: str
    before: str
    after: str
    layout: str
    layouts_added: tuple[str, ...]
    layouts_removed: tuple[str, ...]
    attributes: tuple[str, ...]
    variables: tuple[VariableDiff, ...]

    @property
    def is_same(self) -> bool:
        """True if both revisions hold the same in the same layouts."""
        return not (self.variables or self.attributes or self.layouts_added or self.layouts_removed)

    def to_json(self) -> dict[str, Any]:
        """JSON form."""
        return dataclasses.asdict(self) | {"is_same": self.is_same}

    @property
    def notes(self) -> list[str]:
        """What changed beside variables, one sentence each."""
        notes = [f"layout {name!r} was added" for name in self.layouts_added]
        notes += [f"layout {name!r} was removed" for name in self.layouts_removed]
        if self.attributes:
            notes.append(f"global attributes changed: {', '.join(self.attributes)}")
        return notes

    @property
    def headers(self) -> tuple[str, ...]:
        """Names of the columns of the rows."""
        return _HEADERS

    def rows(self) -> list[tuple[object, ...]]:
        """
        Variables as rows of a table.

        Returns
        -------
        list of tuple
            One for each variable that changed.
        """
        return [variable.row() for variable in self.variables]

    def __str__(self) -> str:
        head = f"{self.url}, layout {self.layout!r}: {self.before} to {self.after}"
        if self.is_same:
            return f"{head}: no difference"
        lines = [f"{one.name}: {_sentence(one)}" for one in self.variables]
        return "\n".join([head, *(f"  {line}" for line in [*self.notes, *lines])])

    def _repr_html_(self) -> str:
        caption = f"{self.url}, layout {self.layout}: {self.before} to {self.after}"
        if self.is_same:
            return _html.facts([("difference", "none")], title=caption)
        return _html.table(self.rows(), headers=_HEADERS, caption="; ".join([caption, *self.notes]))


def _sentence(one: VariableDiff) -> str:
    counts = [
        f"{number} chunk{'s' if number != 1 else ''} {word} ({_html.human_bytes(nbytes)})"
        for word, number, nbytes in (
            ("added", one.chunks_added, one.bytes_added),
            ("changed", one.chunks_changed, one.bytes_changed),
            ("removed", one.chunks_removed, one.bytes_removed),
        )
        if number
    ]
    return ", ".join([one.summary, *counts, *([" to ".join(one.period)] if one.period else [])])


def _names_of_changes(before: dict[str, Any], after: dict[str, Any]) -> tuple[str, ...]:
    return tuple(sorted(key for key in before.keys() | after.keys() if before.get(key) != after.get(key)))


def _metadata_changes(before: dict[str, Any], after: dict[str, Any]) -> tuple[str, ...]:
    """Attributes and other metadata that differ, but for the shape and the chunks, which are told apart."""
    told = ("attributes", "shape", "chunk_grid", "consolidated_metadata")
    rest = ({key: value for key, value in document.items() if key not in told} for document in (before, after))
    return _names_of_changes(before.get("attributes", {}), after.get("attributes", {})) + _names_of_changes(*rest)


def _chunks(document: dict[str, Any]) -> tuple[int, ...]:
    return tuple(document["chunk_grid"]["configuration"]["chunk_shape"])


def _padded(leaves: Leaves, grid: tuple[int, ...]) -> Leaves:
    """Leaves on a larger grid; what lies outside is absent."""
    digests, sizes = np.zeros((*grid, 32), np.uint8), np.full(grid, ABSENT, np.int64)
    had = tuple(slice(0, size) for size in leaves.stored_bytes.shape)
    digests[had], sizes[had] = leaves.digests, leaves.stored_bytes
    return Leaves(digests, sizes)


class _Times:
    """Labels of the time axis of one revision."""

    def __init__(self, store: "Store", group: str) -> None:
        with warnings.catch_warnings(), open_layout(store, group) as ds:
            warnings.simplefilter("ignore")
            name = cf.find_axis(ds, "T")
            usable = name is not None and ds[name].ndim == 1
            self.dim = str(ds[name].dims[0]) if usable else ""
            self.labels = [str(value)[:19] for value in ds[name].to_numpy()] if usable else []

    def period(self, document: dict[str, Any], touched: "npt.NDArray[np.bool_]") -> tuple[str, ...]:
        """First and last label of the chunks that are marked on the grid of an array."""
        dims = list(document.get("dimension_names") or ())
        if not self.dim or self.dim not in dims or not touched.any():
            return ()
        along = dims.index(self.dim)
        rows = np.flatnonzero(touched.any(axis=tuple(dim for dim in range(touched.ndim) if dim != along)))
        chunk = _chunks(document)[along]
        last = min((int(rows[-1]) + 1) * chunk, len(self.labels)) - 1
        return self.labels[int(rows[0]) * chunk], self.labels[last]


def _counts(leaves: Leaves, where: "npt.NDArray[np.bool_]") -> tuple[int, int]:
    """Number of chunks that are marked, and their stored bytes."""
    return int(where.sum()), int(leaves.stored_bytes[where].sum())


def _one_sided(name: str, kind: str, layout: Layout, times: _Times) -> VariableDiff:
    """A variable that only one of the revisions has."""
    document, leaves = layout.documents[name], layout.leaves[name]
    stored = leaves.stored_bytes != ABSENT
    chunks, nbytes = _counts(leaves, stored)
    shape = tuple(document["shape"])
    period = times.period(document, stored)
    if kind == "added":
        return VariableDiff(name, kind, ((), shape), chunks_added=chunks, bytes_added=nbytes, period=period)
    return VariableDiff(name, kind, (shape, ()), chunks_removed=chunks, bytes_removed=nbytes, period=period)


def _compared(name: str, old: Layout, new: Layout, times: tuple[_Times, _Times]) -> VariableDiff | None:
    """What changed in a variable that both revisions have, None if nothing did."""
    before, after = old.documents[name], new.documents[name]
    shapes = (tuple(before["shape"]), tuple(after["shape"]))
    attributes = _metadata_changes(before, after)
    if _chunks(before) != _chunks(after) or len(shapes[0]) != len(shapes[1]):
        gone, come = _one_sided(name, "removed", old, times[0]), _one_sided(name, "added", new, times[1])
        return dataclasses.replace(
            come, kind="rechunked", shapes=shapes, attributes=attributes,
            chunks_removed=gone.chunks_removed, bytes_removed=gone.bytes_removed,
        )  # fmt: skip
    grid = tuple(map(max, chunk_count(shapes[0], _chunks(before)), chunk_count(shapes[1], _chunks(after))))
    one, two = _padded(old.leaves[name], grid), _padded(new.leaves[name], grid)
    had, has = one.stored_bytes != ABSENT, two.stored_bytes != ABSENT
    changed = had & has & (one.digests != two.digests).any(axis=-1)
    added, removed = has & ~had, had & ~has
    touched = changed | added | removed
    if not touched.any() and not attributes and shapes[0] == shapes[1]:
        return None
    longer = times[0] if len(times[0].labels) > len(times[1].labels) else times[1]
    (n_added, b_added), (n_changed, b_changed) = _counts(two, added), _counts(two, changed)
    n_removed, b_removed = _counts(one, removed)
    period = longer.period(after, touched)
    return VariableDiff(
        name, "changed", shapes, attributes, n_added, n_changed, n_removed, b_added, b_changed, b_removed, period
    )


def diff_revisions(url: str | os.PathLike[str], before: str, after: str, *, layout: str = "") -> RevisionDiff:
    """
    Tell what changed between two revisions.

    Two chunks are the same if their stored bytes are. A chunk that holds only missing values is not stored, so that
    data that vanish count as removed.

    Parameters
    ----------
    url : str or path
        The repository.
    before, after : str
        Tags; empty for the newest.
    layout : str
        Name of a layout that both have; the primary of each by default.

    Returns
    -------
    RevisionDiff
        Variables added, removed and changed, with chunks, stored bytes and period of what changed.

    Raises
    ------
    NotFoundError
        If there is no such repository, revision or layout.

    Notes
    -----
    Reads metadata, time axes and leaves; no data. Memory: about 160 bytes a chunk.
    """
    repository = open_repository(url)
    tags, layouts, groups, times, names = [], [], [], [], []
    for revision in (before, after):
        tag, snapshot = lookup_revision(repository, revision)
        facts = commit_facts(repository, snapshot)
        group = require_layout(facts, layout, f"{os.fspath(url)} {tag}".strip())
        store = read_session(repository, snapshot, url).store
        tags.append(tag or snapshot)
        names.append(group)
        groups.append(set(layouts_of(facts)))
        layouts.append(read_layout(store, group))
        times.append(_Times(store, group))
    old, new = layouts
    changes: list[VariableDiff | None] = []
    for name in sorted(old.leaves.keys() | new.leaves.keys()):
        if name not in old.leaves:
            changes.append(_one_sided(name, "added", new, times[1]))
        elif name not in new.leaves:
            changes.append(_one_sided(name, "removed", old, times[0]))
        else:
            changes.append(_compared(name, old, new, (times[0], times[1])))
    return RevisionDiff(
        url=os.fspath(url),
        before=tags[0],
        after=tags[1],
        layout=names[1],
        layouts_added=tuple(sorted(groups[1] - groups[0])),
        layouts_removed=tuple(sorted(groups[0] - groups[1])),
        attributes=_names_of_changes(old.documents[""].get("attributes", {}), new.documents[""].get("attributes", {})),
        variables=tuple(change for change in changes if change is not None),
    )
