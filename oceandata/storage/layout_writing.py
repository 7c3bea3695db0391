"""
Writing a planned layout: step by step on a work branch, compared with the old one, published as a new revision.

Steps are committed now and then, so that a killed run continues. Before the revision is published both layouts are
read once and their values compared, bit for bit.
"""

import math
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import zarr
from zarr.codecs import ZstdCodec

import oceandata
from oceandata.errors import CorruptionError, RepositoryExistsError
from oceandata.journal import Journal
from oceandata.storage.layout import ArrayPlan, check_read_back, layout_root, read_layout
from oceandata.storage.layouts import LayoutPlan
from oceandata.storage.leases import writer_lease
from oceandata.storage.manifests import with_split_manifests
from oceandata.storage.rechunk import boxes, grown
from oceandata.storage.revisions import RevisionSummary, commit_facts, describe_revision, layouts_of
from oceandata.storage.stores import open_repository
from oceandata.storage.virtual_access import read_session
from oceandata.storage.writing import (
    CONCURRENCY,
    BranchWriter,
    next_revision,
    publish,
    release_whole,
    scratch_folder,
)

if TYPE_CHECKING:
    import icechunk
    import numpy.typing as npt
    from zarr.abc.store import Store

__all__ = ["value_digest", "write_layout"]

# A commit is made after this many decoded bytes were written.
_COMMIT_BYTES = 1_000_000_000

# Values whose digest is taken at once.
_DIGEST_VALUES = 65_536

Progress = Callable[[int, int], None]


class _Meter:
    """Tells how many of the bytes to move were moved."""

    def __init__(self, plan: LayoutPlan, on_progress: Progress | None) -> None:
        self.total = 3 * plan.decoded_bytes + plan.between_bytes
        self.done = 0
        self.on_progress = on_progress

    def add(self, nbytes: int) -> None:
        self.done += nbytes
        if self.on_progress is not None:
            self.on_progress(self.done, self.total)


def _opened(store: "Store", group: str, name: str) -> "zarr.Array[Any]":
    return zarr.open_array(store, path=f"{group}/{name}", mode="r")


def _filled_between(
    plan: LayoutPlan, array: ArrayPlan, source: "zarr.Array[Any]", folder: Path, meter: _Meter
) -> "zarr.Array[Any]":
    """The array in the chunks of the intermediate store, whatever of it a killed run had made."""
    passes = plan.passes[array.name]
    place = folder / array.name
    between = zarr.open_array(place, mode="r+") if (place / "zarr.json").exists() else None
    if between is None:
        codec = ZstdCodec(level=1, checksum=True)
        between = zarr.create_array(
            place, shape=array.shape, chunks=passes.between, dtype=array.dtype, fill_value=0, compressors=[codec]
        )
    between = between.with_config({"write_empty_chunks": True})
    with Journal(folder / f"{array.name}.journal") as journal:
        made = {record["slab"] for record in journal}
        for number, box in enumerate(boxes(array.shape, passes.slab)):
            if number not in made:
                between[box] = np.asarray(source[box])
                journal.append({"slab": number})
            meter.add(math.prod(part.stop - part.start for part in box) * between.dtype.itemsize)
    return between


def _write_steps(writer: BranchWriter, plan: LayoutPlan, source: "Store", done: int, meter: _Meter) -> None:
    """Write the steps that are left."""
    folder = scratch_folder(plan.url, plan.job)
    steps = plan.steps
    first = {step.name: number for number, step in reversed(list(enumerate(steps)))}
    read_from: dict[str, zarr.Array[Any]] = {}
    for number, step in enumerate(steps):
        array = writer.arrays[step.name]
        if number == first[step.name] and plan.passes[step.name].between:
            last = number + sum(other.name == step.name for other in steps)
            if done < last:
                folder.mkdir(parents=True, exist_ok=True)
                stored = _opened(source, plan.source, step.name)
                read_from[step.name] = _filled_between(plan, array, stored, folder, meter)
            else:
                meter.add(array.nbytes)
        if number >= done:
            old = read_from[step.name] if step.name in read_from else _opened(source, plan.source, step.name)
            writer.write(step, np.asarray(old[step.box]))  # kept by no name: the next box would come on top of it
            if writer.pending >= _COMMIT_BYTES and number + 1 < len(steps):
                writer.commit(number + 1)
        meter.add(step.nbytes)
    shutil.rmtree(folder, ignore_errors=True)


def _pieces(box: tuple[slice, ...]) -> Iterator[tuple[slice, ...]]:
    """A box cut along its longest dimensions into pieces small enough for the digest."""
    sizes = [part.stop - part.start for part in box]
    if math.prod(sizes) <= _DIGEST_VALUES:
        yield box
        return
    dim = sizes.index(max(sizes))
    middle = box[dim].start + sizes[dim] // 2
    for half in (slice(box[dim].start, middle), slice(middle, box[dim].stop)):
        yield from _pieces((*box[:dim], half, *box[dim + 1 :]))


def _bits(values: "npt.NDArray[Any]") -> "npt.NDArray[np.uint64]":
    """Bits of values that are equal if and only if the values are; every NaN is the same."""
    values = np.ascontiguousarray(values)
    if values.dtype.kind == "f":
        values = values + values.dtype.type(0)  # minus zero
        values[np.isnan(values)] = np.nan
    return values.view(f"u{values.dtype.itemsize}").astype(np.uint64)


def value_digest(values: "npt.NDArray[Any]", box: tuple[slice, ...], shape: Sequence[int]) -> int:
    """
    Digest of the values of a box of an array, which adds up over boxes in whatever order and size.

    Parameters
    ----------
    values : numpy.ndarray
        Shaped like the box.
    box : tuple of slice
        Where they stand.
    shape : sequence of int
        Size of the array.

    Returns
    -------
    int
        Sum modulo 2**64 of a mixed hash of each value and its place.

    Notes
    -----
    It tells an error from none with odds of 2**64 to one; it is no protection against intent, which the content root
    is.

    References
    ----------
    Steele, Lea and Flood 2014, Fast splittable pseudorandom number generators, OOPSLA (the finaliser of SplitMix64).
    """
    total = 0
    for piece in _pieces(box):
        within = tuple(slice(p.start - b.start, p.stop - b.start) for p, b in zip(piece, box, strict=True))
        place = np.zeros((), np.uint64)
        for part, size in zip(piece, shape, strict=True):
            place = place[..., np.newaxis] * np.uint64(size) + np.arange(part.start, part.stop, dtype=np.uint64)
        mixed = _bits(values[within]) + (place + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
        for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
            mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
        total += int((mixed ^ (mixed >> np.uint64(31))).sum(dtype=np.uint64))
    return total % 2**64


def _array_digest(array: "zarr.Array[Any]", chunks: tuple[int, ...], room: int, meter: _Meter) -> int:
    """Digest of all values of an array, read in boxes of whole chunks."""
    shape = tuple(array.shape)
    box_size = grown(shape, chunks, chunks, room, list(reversed(range(len(shape)))))
    total = 0
    for box in boxes(shape, box_size):
        total += value_digest(np.asarray(array[box]), box, shape)
        meter.add(math.prod(part.stop - part.start for part in box) * array.dtype.itemsize)
    return total % 2**64


def _check_equal(plan: LayoutPlan, source: "Store", written: "Store", meter: _Meter) -> None:
    """Refuse to publish a layout that does not hold the values of the old one."""
    for array in plan.arrays:
        room = math.prod(plan.passes[array.name].box)
        old = _array_digest(_opened(source, plan.source, array.name), plan.stored_chunks[array.name], room, meter)
        new = _array_digest(_opened(written, plan.name, array.name), array.chunks, room, meter)
        if old != new:
            msg = (
                f"the values of {array.name!r} differ between the layouts {plan.source!r} and {plan.name!r}. Nothing "
                "was published: check memory and disk, abandon this layout, then write it again."
            )
            raise CorruptionError(msg)


def _begun(repository: "icechunk.Repository", plan: LayoutPlan, branch: str) -> int:
    """Number of steps already committed on the work branch, -1 if it was just made."""
    tip = repository.lookup_branch("main")
    if tip != plan.snapshot:
        msg = f"{plan.url} was published by another process since the plan was made. Plan the layout again."
        raise RepositoryExistsError(msg)
    if branch not in repository.list_branches():
        repository.create_branch(branch, plan.snapshot)
        return -1
    metadata = dict(next(iter(repository.ancestry(branch=branch))).metadata)
    return int(metadata["oceandata.steps"]) if metadata.get("oceandata.job") == plan.job else -1


def _facts(repository: "icechunk.Repository", plan: LayoutPlan, root: str) -> dict[str, Any]:
    """Facts of the revision that the layout is of, with the layout added."""
    before = dict(repository.lookup_snapshot(plan.snapshot).metadata)
    layouts = layouts_of(commit_facts(repository, plan.snapshot))
    return before | {
        "oceandata.version": oceandata.__version__,
        "oceandata.layouts": layouts | {plan.name: {"access": plan.access, "content_root": root}},
        "oceandata.job": plan.job,
        "oceandata.steps": len(plan.steps),
    }


def write_layout(plan: LayoutPlan, *, on_progress: Progress | None = None) -> RevisionSummary:
    """
    Write a planned layout and publish it as a new revision of the repository.

    The other layouts stay as they are, with their content roots. A run that was killed continues when the layout is
    planned and written again with the same settings.

    Parameters
    ----------
    plan : LayoutPlan
        From `plan_layout`.
    on_progress : callable, optional
        Called with decoded bytes moved and bytes in all: writing, and reading both layouts to compare them.

    Returns
    -------
    RevisionSummary
        The new layout, for the catalogue.

    Raises
    ------
    RepositoryExistsError
        If another revision was published since the plan was made.
    CorruptionError
        If what was read back is not what was written, or the values of the layouts differ; nothing is published.

    Notes
    -----
    Memory is `LayoutPlan.peak_bytes` beside the libraries, and 40 bytes a chunk. Before publishing every stored chunk
    is read and hashed, and both layouts are decoded once to compare a digest of their values, about 100 MB/s.
    """
    repository = open_repository(plan.url)
    branch = f"layout-{plan.job}"
    released = release_whole(repository, plan.url, branch, plan.job)
    if released:
        return describe_revision(plan.url, revision=released, layout=plan.name)
    tags = sorted(repository.list_tags())
    revision = next_revision(tags)
    with writer_lease(plan.url) as lease, zarr.config.set({"async.concurrency": CONCURRENCY}):
        done = _begun(repository, plan, branch)
        source = read_session(repository, plan.snapshot, plan.url).store
        total = len(plan.steps)
        if done < 0:
            repository = with_split_manifests(repository, plan.url, plan.name, plan.arrays)
        writer = BranchWriter(
            repository, plan.url, branch, group=plan.name, arrays=plan.arrays, job=plan.job, total=total, lease=lease
        )
        if done < 0:
            writer.create(dict(zarr.open_group(source, path=plan.source, mode="r").attrs))
            done = 0
        meter = _Meter(plan, on_progress)
        _write_steps(writer, plan, source, done, meter)
        layout = read_layout(writer.session.store, plan.name)
        check_read_back(writer.session.store, layout)
        _check_equal(plan, source, writer.session.store, meter)
        facts = _facts(repository, plan, layout_root(layout))
        message = f"revision {revision}: layout {plan.name} from {plan.source}"
        publish(writer, message, facts, base=plan.snapshot, tags=tags, revision=revision)
    return describe_revision(plan.url, revision=revision, layout=plan.name)
