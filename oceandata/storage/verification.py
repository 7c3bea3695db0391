"""Verification: what a store returns now, against what was recorded when it was written."""

import dataclasses
import functools
import math
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, ParamSpec

import numpy as np

from oceandata import cf
from oceandata.errors import CorruptionError, InputError, OceanDataError
from oceandata.storage.integrity import chunk_key
from oceandata.storage.layout import Layout, damaged_chunks, layout_root, read_layout
from oceandata.storage.opening import open_dataset
from oceandata.storage.refs import find_tag_gaps, find_unreadable_refs
from oceandata.storage.revisions import commit_facts, data_names, layouts_of, require_layout
from oceandata.storage.stores import canonical_url, lookup_revision, open_repository
from oceandata.storage.virtual_access import read_session, source_damages

if TYPE_CHECKING:
    import icechunk
    import xarray as xr

__all__ = ["Damage", "VerifyReport", "verify_revision"]

_Given = ParamSpec("_Given")


@dataclasses.dataclass(frozen=True)
class Damage:
    """A chunk whose stored bytes are not those that were recorded, and what it held."""

    variable: str
    key: str
    kind: str
    where: str

    def __str__(self) -> str:
        return f"{self.key}: {self.kind}; {self.where}"


@dataclasses.dataclass(frozen=True)
class VerifyReport:
    """
    Outcome of a verification.

    Attributes
    ----------
    repository, revision, snapshot : str
        What was verified.
    content_root : str
        Root recorded at the commit.
    recomputed_root : str or None
        That of the metadata and leaves found now, with which every chunk read agrees; None if any chunk read differs
        or is missing, because the stored bytes then have another root than the leaves.
    checked, chunks : int
        Chunks read, and chunks in all: coordinates, bounds and grid mappings count.
    checked_data, data_chunks : int
        Those of them that belong to data variables.
    damages : tuple of Damage
        Every chunk that differs or is missing, and every damaged file of a tag or branch.
    layouts : dict of str to (str, str or None)
        Both roots of every layout; the two roots above are those of the primary.
    notes : tuple of str
        What is odd and may still be sound: revision numbers that are missing.
    """

    repository: str
    revision: str
    snapshot: str
    content_root: str
    recomputed_root: str | None
    checked: int
    chunks: int
    damages: tuple[Damage, ...]
    layouts: dict[str, tuple[str, str | None]] = dataclasses.field(default_factory=dict)
    checked_data: int = 0
    data_chunks: int = 0
    notes: tuple[str, ...] = ()

    @property
    def is_sound(self) -> bool:
        """True if nothing read differs."""
        roots = [(self.content_root, self.recomputed_root), *self.layouts.values()]
        return not self.damages and all(recorded == found for recorded, found in roots)

    def to_json(self) -> dict[str, Any]:
        """JSON form."""
        return dataclasses.asdict(self) | {"is_sound": self.is_sound}


def _chosen(count: int, share: int, total: int) -> list[int]:
    """Numbers of the chunks of one array that a sample takes: evenly spread, in proportion, at least one."""
    wanted = min(count, max(1, round(share * count / total)))
    return sorted({int(number) for number in np.linspace(0, count - 1, wanted)})


def _positions(layout: Layout, name: str, sample: int | None) -> list[tuple[int, ...]]:
    grid = layout.leaves[name].stored_bytes.shape
    count = math.prod(grid)
    if count == 0:
        return []
    total = sum(leaves.stored_bytes.size for leaves in layout.leaves.values())
    numbers = range(count) if sample is None else _chosen(count, sample, total)
    return [tuple(int(i) for i in np.unravel_index(number, grid)) if grid else () for number in numbers]


def _where(ds: "xr.Dataset", layout: Layout, name: str, position: tuple[int, ...]) -> str:
    """What a chunk held, in labels if its coordinates can be read."""
    document = layout.documents[name]
    dims = document["dimension_names"]
    chunk = document["chunk_grid"]["configuration"]["chunk_shape"]
    ranges = {
        dim: (at * size, min((at + 1) * size, length) - 1)
        for dim, at, size, length in zip(dims, position, chunk, document["shape"], strict=True)
    }
    parts = [f"{dim} {lo} to {hi}" for dim, (lo, hi) in ranges.items()]
    time = cf.find_axis(ds, "T")
    if time is not None and ds[time].ndim == 1 and ds[time].dims[0] in ranges:
        lo, hi = ranges[str(ds[time].dims[0])]
        values = ds[time].to_numpy()
        parts[0] = f"{ds[time].dims[0]} {str(values[lo])[:10]} to {str(values[hi])[:10]}"
    return f"{name}, {', '.join(parts)}" if parts else name


def _labels(url: str, revision: str, snapshot: str, group: str) -> "xr.Dataset":
    """Coordinates for naming what is damaged; an empty dataset if they are damaged themselves."""
    import xarray as xr

    try:
        return open_dataset(url, revision=revision, snapshot=snapshot, group=group)
    except Exception:  # a damaged coordinate may fail in any codec; damage is then named by position
        return xr.Dataset()


def _checked(
    store: Any, layout: Layout, work: dict[str, list[tuple[int, ...]]], on_progress: Callable[[int, int], None] | None
) -> Iterator[tuple[str, tuple[int, ...], str]]:
    """Damaged chunks, read by two threads."""
    total, done = sum(len(positions) for positions in work.values()), 0
    batches = [
        (name, positions[start : start + 64])
        for name, positions in work.items()
        for start in range(0, len(positions), 64)
    ]
    with ThreadPoolExecutor(2) as threads:
        results = threads.map(lambda batch: list(damaged_chunks(store, layout, batch[0], iter(batch[1]))), batches)
        for (name, positions), damaged in zip(batches, results, strict=True):
            done += len(positions)
            if on_progress is not None:
                on_progress(done, total)
            for position, kind in damaged:
                yield name, position, kind


def _chunks(layout: Layout) -> int:
    """Number of chunks of a layout."""
    return sum(leaves.stored_bytes.size for leaves in layout.leaves.values())


def _work(layout: Layout, sample: int | None) -> dict[str, list[tuple[int, ...]]]:
    """Chunks to read of each array."""
    return {name: _positions(layout, name, sample) for name in layout.leaves}


def _count_data(work: "list[tuple[Layout, dict[str, list[tuple[int, ...]]]]]") -> tuple[int, int]:
    """Chunks of data variables that are read, and all of them."""
    checked = chunks = 0
    for layout, by_name in work:
        for name in data_names(layout.documents):
            checked += len(by_name[name])
            chunks += layout.leaves[name].stored_bytes.size
    return checked, chunks


def _report(on_progress: Callable[[int, int], None], before: int, total: int, done: int, _: int) -> None:
    """Progress in one layout as progress in all."""
    on_progress(before + done, total)


def _damage_named(verify: Callable[_Given, VerifyReport]) -> Callable[_Given, VerifyReport]:
    """The same verification, that says of metadata that cannot be read at all that they are damaged."""

    @functools.wraps(verify)
    def checked(*args: _Given.args, **kwargs: _Given.kwargs) -> VerifyReport:
        import icechunk

        try:
            return verify(*args, **kwargs)
        except OceanDataError:
            raise
        except (
            icechunk.IcechunkError,
            KeyError,
            TypeError,
            ValueError,
            RuntimeError,
        ) as error:  # codecs raise the last
            msg = (
                f"the metadata of {args[0] if args else kwargs['url']} cannot be read: {str(error).strip()[:200]!r}. "
                "They are damaged: restore the repository from a copy, or verify an earlier revision."
            )
            raise CorruptionError(msg) from error

    return checked


def _tag_notes(repository: "icechunk.Repository", refs: Iterable[str]) -> tuple[str, ...]:
    """Revision numbers that are missing."""
    if getattr(repository, "is_on_the_web", False):
        return ()
    gaps = find_tag_gaps(repository.list_tags(), damaged=refs)
    return tuple(f"revision {tag} is missing among the tags" for tag in gaps)


@_damage_named
def verify_revision(
    url: str | os.PathLike[str],
    *,
    revision: str = "",
    sample: int | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> VerifyReport:
    """
    Read a revision's stored bytes again and compare them with its recorded leaves and content root.

    Every single changed bit and every missing chunk among those read is found. Metadata and leaves are always checked
    whole, against the content root of the commit; the files that virtual references lie in by their size, and by their
    SHA-256 unless `sample` is given. All layouts of the revision are verified. In a local repository files of tags and
    branches that cannot be read are damages too; revision numbers that are missing are notes.

    Parameters
    ----------
    url : str or path
        The repository.
    revision : str
        A tag; the newest by default.
    sample : int, optional
        Number of chunks to read, spread evenly; all by default.
    on_progress : callable, optional
        Called with chunks read and chunks to read.

    Returns
    -------
    VerifyReport
        With chunk, variable and period of each damage.

    Raises
    ------
    NotFoundError
        If there is no such repository or revision, or nothing was published yet.
    InputError
        If `sample` is not positive, or the revision refers to files that this session does not allow.
    CorruptionError
        If the metadata cannot be read at all, so that nothing can be compared.

    Notes
    -----
    Reads stored bytes, decodes nothing: limited by SHA-256 (about 2 GB/s a core) or the disk. Memory: 40 bytes a chunk.
    """
    if sample is not None and sample < 1:
        msg = f"sample is {sample}, need at least 1 chunk."
        raise InputError(msg)
    repository = open_repository(url)
    tag, snapshot = lookup_revision(repository, revision)
    facts = commit_facts(repository, snapshot)
    store = read_session(repository, snapshot, url).store
    primary = require_layout(facts, "", f"{canonical_url(url)} {tag}".strip())
    roots = {name: layout["content_root"] for name, layout in layouts_of(facts).items()}
    layouts = [read_layout(store, name) for name in roots]
    share = sum(_chunks(layout) for layout in layouts)
    work = [
        (layout, _work(layout, None if sample is None else max(1, round(sample * _chunks(layout) / share))))
        for layout in layouts
    ]
    to_read = sum(len(positions) for _, by_name in work for positions in by_name.values())
    refs = find_unreadable_refs(url)
    changed = source_damages(facts, hashed=sample is None)
    broken: set[str] = {primary} if changed else set()
    damages = [Damage("", ref, kind, "a tag or branch") for ref, kind in refs.items()]
    damages += [Damage("", path, kind, "source file of virtual references") for path, kind in changed]
    done = 0
    for layout, by_name in work:
        count = None if on_progress is None else functools.partial(_report, on_progress, done, to_read)
        found = list(_checked(store, layout, by_name, count))
        done += sum(len(positions) for positions in by_name.values())
        if not found:
            continue
        broken.add(layout.group)
        ds = _labels(str(url), tag, snapshot, layout.group)
        damages += [
            Damage(name, f"{layout.group}/{chunk_key(name, position)}", kind, _where(ds, layout, name, position))
            for name, position, kind in found
        ]
    recomputed = {one.group: None if one.group in broken else layout_root(one) for one in layouts}
    checked_data, data_chunks = _count_data(work)
    return VerifyReport(
        repository=canonical_url(url),
        revision=tag,
        snapshot=snapshot,
        content_root=roots[primary],
        recomputed_root=recomputed[primary],
        checked=to_read,
        chunks=share,
        damages=tuple(damages),
        layouts={name: (root, recomputed[name]) for name, root in roots.items()},
        checked_data=checked_data,
        data_chunks=data_chunks,
        notes=_tag_notes(repository, refs),
    )
