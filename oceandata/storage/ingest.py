"""
Files into a repository: planned in the open, written on a branch, read back, published at once.

The work is a fixed list of steps (boxes of whole chunks), so that a killed ingest continues where its last commit
ended. ``main`` and the tag move once, when everything is written and what the store returns is what was hashed on the
way in. A reader sees the whole revision or none of it.
"""

import dataclasses
import hashlib
import itertools
import json
import math
import os
import re
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray
import zarr

import oceandata
from oceandata.errors import InputError, RepositoryExistsError
from oceandata.storage.chunks import DEFAULT_CHUNK_BYTES, plan_chunks
from oceandata.storage.layout import ArrayPlan, Layout, check_read_back, layout_root, read_layout
from oceandata.storage.leases import HeldLease, find_leases, writer_lease
from oceandata.storage.manifests import with_split_manifests
from oceandata.storage.revisions import RevisionSummary, describe_revision
from oceandata.storage.sources import FileSpan, Sources, SourceVariable, open_sources
from oceandata.storage.stores import (
    canonical_url,
    check_free,
    commit_lock,
    create_repository,
    open_repository,
    repository_exists,
)
from oceandata.storage.writing import (
    CONCURRENCY,
    BranchWriter,
    Step,
    publish,
    release_branch,
    release_whole,
    scratch_folder,
    whole_commit,
)

if TYPE_CHECKING:
    import icechunk
    from zarr.abc.store import Store

__all__ = [
    "IngestPlan",
    "abandon_ingest",
    "array_steps",
    "check_place",
    "file_sha256",
    "plan_arrays",
    "plan_ingest",
    "write_repository",
]

# A step holds about this many decoded bytes at once; a commit is made after this many were written.
_STEP_BYTES = 48_000_000
_COMMIT_BYTES = 1_000_000_000

# A chunk that holds all steps there are is made for up to so many: appends fill it.
_ROOM_STEPS = 4096

Progress = Callable[[int, int], None]


@dataclasses.dataclass(frozen=True)
class IngestPlan:
    """
    What an ingest will do; nothing was written to make it.

    Attributes
    ----------
    url : str
        Where the repository will be.
    group, access : str
        Layout and what its chunks are made for.
    sources : Sources
        The files.
    arrays : tuple of ArrayPlan
        What will be stored, coordinates first.
    metadata : dict of str to str
        Kept in the commit: the product and revision of the exchange, for instance.
    """

    url: str
    group: str
    access: str
    sources: Sources
    arrays: tuple[ArrayPlan, ...]
    metadata: dict[str, str]

    @property
    def decoded_bytes(self) -> int:
        """Decoded bytes of everything that will be stored."""
        return sum(array.nbytes for array in self.arrays)

    @property
    def steps(self) -> tuple[Step, ...]:
        """The work, in order."""
        return tuple(itertools.chain.from_iterable(array_steps(array) for array in self.arrays))

    @property
    def job(self) -> str:
        """Digest of files and settings: equal for a rerun with the same inputs."""
        files = [[file.path.name, file.nbytes, file.modified_ns] for file in self.sources.files]
        arrays = [dataclasses.asdict(array) for array in self.arrays]
        settings = [self.group, self.metadata, _STEP_BYTES]
        text = json.dumps([files, arrays, *settings], sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def open_writer(self, repository: "icechunk.Repository", branch: str, lease: HeldLease) -> BranchWriter:
        """Writer on the work branch."""
        total = len(self.steps)
        return BranchWriter(
            repository, self.url, branch, group=self.group, arrays=self.arrays, job=self.job, total=total, lease=lease
        )

    def read(self, step: Step) -> Any:
        """What a step writes, from the files."""
        return self.sources.read(step.name, step.box)

    def check_written(self, store: "Store", layout: Layout) -> None:
        """Read back every chunk; `CorruptionError` if any differs from what was written."""
        check_read_back(store, layout)

    def facts(self) -> dict[str, Any]:
        """What is recorded of the files in the commit; they are read for it."""
        files = self.sources.files
        return {
            "oceandata.sources": [{"name": f.path.name, "nbytes": f.nbytes, "sha256": file_sha256(f)} for f in files]
        }

    def to_json(self) -> dict[str, Any]:
        """
        The plan for a person or a script.

        Returns
        -------
        dict
            Only JSON types.
        """
        return {
            "url": self.url,
            "group": self.group,
            "access": self.access,
            "job": self.job,
            "files": [{"path": str(file.path), "nbytes": file.nbytes} for file in self.sources.files],
            "decoded_bytes": self.decoded_bytes,
            "steps": len(self.steps),
            "arrays": [
                {"name": a.name, "dims": a.dims, "shape": a.shape, "chunks": a.chunks, "dtype": a.dtype}
                | {
                    "chunk_count": math.prod(a.grid),
                    "nbytes": a.nbytes,
                    "fill_value": None if a.fill_value is None else str(a.fill_value),
                }
                for a in self.arrays
            ],
            "notes": list(self.sources.notes),
        }


def _declared(variable: SourceVariable, value: float | int | str) -> int | float | None:
    """Missing value in the variable's own type, None if the type cannot hold it, so that no value means missing."""
    if variable.dtype.kind == "f":
        return float(np.asarray(value, "float64").astype(variable.dtype))
    if isinstance(value, str) or not float(value).is_integer():
        return None
    limits = np.iinfo(variable.dtype) if variable.dtype.kind in "iu" else None
    return int(value) if limits is None or limits.min <= int(value) <= limits.max else None


def _fill_value(variable: SourceVariable) -> int | float | None:
    """Declared missing value in the variable's own type; None where none is declared (booleans and whole numbers)."""
    for key in ("_FillValue", "missing_value"):
        if key in variable.attributes:
            value = variable.attributes[key]
            return _declared(variable, value[0] if isinstance(value, list) else value)
    return float("nan") if variable.dtype.kind == "f" else None


def _with_room(variable: SourceVariable, chunks: tuple[int, ...], target_bytes: int) -> tuple[int, ...]:
    """Chunks that leave room for steps to come: what begins with one day must not have a chunk a day for ever."""
    if not variable.appended or chunks[0] < variable.shape[0]:
        return chunks
    step_bytes = math.prod(chunks[1:]) * variable.dtype.itemsize
    return (max(chunks[0], min(target_bytes // step_bytes, _ROOM_STEPS)), *chunks[1:])


def _array_plan(variable: SourceVariable, access: str, target_bytes: int) -> ArrayPlan:
    small = variable.is_coordinate
    size = max(target_bytes, 4_000_000) if small else target_bytes
    chunks = plan_chunks(variable.shape, variable.roles, variable.dtype.itemsize, access=access, target_bytes=size)
    chunks = _with_room(variable, chunks, size)
    fill = _fill_value(variable)
    return ArrayPlan(
        name=variable.name,
        dims=variable.dims,
        shape=variable.shape,
        chunks=chunks,
        dtype=variable.dtype.newbyteorder("=").str,
        fill_value=fill,
        attributes=variable.attributes,
        is_coordinate=variable.is_coordinate,
    )


def plan_arrays(variables: Iterable[SourceVariable], access: str, target_bytes: int) -> tuple[ArrayPlan, ...]:
    """How variables are stored, coordinates first."""
    arrays = [_array_plan(variable, access, target_bytes) for variable in variables]
    return tuple(sorted(arrays, key=lambda array: (not array.is_coordinate, array.name)))


def plan_ingest(
    paths: Sequence[str | os.PathLike[str]],
    url: str | os.PathLike[str],
    *,
    access: str = "maps",
    chunk_bytes: int = DEFAULT_CHUNK_BYTES,
    variables: Sequence[str] | None = None,
    metadata: dict[str, str] | None = None,
) -> IngestPlan:
    """
    Decide how files become a repository, without writing anything.

    Parameters
    ----------
    paths : sequence of path
        NetCDF files that together make one dataset.
    url : str or path
        Where the repository will be.
    access : {"maps", "series", "balanced"}
        What the chunks are made for; also the name of the layout's group.
    chunk_bytes : int
        Decoded size of a chunk not to exceed.
    variables : sequence of str, optional
        Data variables to take; everything by default.
    metadata : dict of str to str, optional
        Kept in the commit, such as the exchange's product and revision.

    Returns
    -------
    IngestPlan
        For `write_repository`, or to print.

    Raises
    ------
    NotFoundError, UnsoundFileError, SchemaMismatch
        If a file is missing, broken, or does not fit the others.
    InputError
        If `access` or `chunk_bytes` cannot be used.
    """
    sources = open_sources(paths, variables=variables)
    arrays = plan_arrays(sources.variables.values(), access, chunk_bytes)
    return IngestPlan(canonical_url(url), access, access, sources, arrays, dict(metadata or {}))


def array_steps(array: ArrayPlan) -> Iterator[Step]:
    """Boxes of whole chunks, each about as large as a step may be, in storage order."""
    itemsize = np.dtype(array.dtype).itemsize
    sizes = list(array.chunks)
    room = max(1.0, _STEP_BYTES / max(1, math.prod(sizes) * itemsize))
    for dim in reversed(range(len(sizes))):
        count = array.grid[dim]
        merged = max(1, min(count, int(room)))
        sizes[dim] = min(array.shape[dim], sizes[dim] * merged)
        room = room / merged if merged == count else 1.0
    ranges = [range(0, size, step) for size, step in zip(array.shape, sizes, strict=True)]
    for starts in itertools.product(*ranges):
        box = tuple(
            slice(start, min(start + step, size)) for start, step, size in zip(starts, sizes, array.shape, strict=True)
        )
        yield Step(array.name, box, math.prod(part.stop - part.start for part in box) * itemsize)


def _branch(job: str) -> str:
    return f"ingest-{job}"


def _unfinished(repository: "icechunk.Repository") -> list[str]:
    """Work branches of ingests, layouts and appends."""
    return sorted(name for name in repository.list_branches() if name.startswith(("ingest-", "layout-", "append-")))


def _check_unoccupied(repository: "icechunk.Repository", plan: IngestPlan) -> None:
    """Refuse a repository that holds a dataset or other unfinished work."""
    tags = sorted(repository.list_tags())
    if tags:
        msg = f"{plan.url} holds a dataset already (revision {tags[-1]}). Choose another place for a new dataset."
        raise RepositoryExistsError(msg)
    others = [name for name in _unfinished(repository) if name != _branch(plan.job)]
    if others:
        msg = (
            f"{plan.url} holds an unfinished ingest of other files or settings ({others[0]}). "
            "Run that one again to finish it, or abandon it first (oceandata ingest --abandon)."
        )
        raise RepositoryExistsError(msg)


def check_place(plan: IngestPlan) -> None:
    """
    Check that `write_repository` would be let in where a plan leads, without writing anything.

    Parameters
    ----------
    plan : IngestPlan
        From `plan_ingest`; its own unfinished work is no hindrance.

    Raises
    ------
    RepositoryExistsError
        If the place holds a dataset, an unfinished ingest of other files, or something that is no repository.
    """
    if not repository_exists(plan.url):
        check_free(plan.url)
        return
    repository = open_repository(plan.url)
    if not whole_commit(repository, _branch(plan.job), plan.job):
        _check_unoccupied(repository, plan)


def _branch_of(repository: "icechunk.Repository", plan: IngestPlan) -> tuple[str, int]:
    """Branch to write on and the number of steps already committed there."""
    _check_unoccupied(repository, plan)
    branch = _branch(plan.job)
    if branch not in repository.list_branches():
        repository.create_branch(branch, repository.lookup_branch("main"))
        return branch, -1
    info = next(iter(repository.ancestry(branch=branch)))
    return branch, int(dict(info.metadata).get("oceandata.steps", -1))


def _write_steps(writer: BranchWriter, plan: IngestPlan, done: int, on_progress: Progress | None) -> None:
    """Write the steps that are left, reading the next while one is written."""
    steps = plan.steps
    total = sum(step.nbytes for step in steps)
    written = sum(step.nbytes for step in steps[:done])
    with ThreadPoolExecutor(1, thread_name_prefix="ingest-read") as reader:
        ahead = reader.submit(plan.read, steps[done]) if done < len(steps) else None
        for number in range(done, len(steps)):
            assert ahead is not None
            values = ahead.result()
            if number + 1 < len(steps):
                ahead = reader.submit(plan.read, steps[number + 1])
            writer.write(steps[number], values)
            del values  # or it would be held until the next step is read
            written += steps[number].nbytes
            if writer.pending >= _COMMIT_BYTES and number + 1 < len(steps):  # the last is committed when published
                writer.commit(number + 1)
            if on_progress is not None:
                on_progress(written, total)


def file_sha256(file: FileSpan) -> str:
    """SHA-256 of a source file, as hexadecimal digits."""
    with Path(file.path).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _check_unchanged(plan: IngestPlan) -> None:
    """Refuse to publish if a file changed since the plan was made."""
    for file in plan.sources.files:
        file.check_unchanged()


def _publish(writer: BranchWriter, plan: IngestPlan, base: str, revision: str) -> None:
    """Read back, commit with the content root, move main and tag, drop the work branch."""
    _check_unchanged(plan)
    layout = read_layout(writer.session.store, plan.group)
    plan.check_written(writer.session.store, layout)
    root = layout_root(layout)
    facts = {
        **{f"oceandata.{key}": value for key, value in plan.metadata.items()},
        "oceandata.version": oceandata.__version__,
        "oceandata.group": plan.group,
        "oceandata.access": plan.access,
        "oceandata.content_root": root,
        "oceandata.layouts": {plan.group: {"access": plan.access, "content_root": root}},
        **plan.facts(),
        "oceandata.job": plan.job,
        "oceandata.steps": len(plan.steps),
        "xarray.version": xarray.__version__,
    }
    message = f"revision {revision}: {len(plan.sources.files)} files into {plan.group}"
    publish(writer, message, facts, base=base, tags=(), revision=revision)


def write_repository(plan: IngestPlan, *, revision: str = "r1", on_progress: Progress | None = None) -> RevisionSummary:
    """
    Write a planned repository and publish it as its first revision.

    A run that was killed continues when it is called again with the same files and settings; one that was killed after
    its last commit keeps the tag that it may have given. Memory beside the libraries is two steps and some chunks, 256
    MB in all with chunks of 4 MB, and the leaves (40 bytes a chunk), whatever the size of the dataset.

    Parameters
    ----------
    plan : IngestPlan
        From `plan_ingest`.
    revision : str
        Tag to give.
    on_progress : callable, optional
        Called with bytes written and bytes in all after each step.

    Returns
    -------
    RevisionSummary
        What was written, for the catalogue.

    Raises
    ------
    InputError
        If `revision` is no name for a tag, or a file changed since the plan was made; nothing is published.
    RepositoryExistsError
        If the place holds a dataset, or an unfinished ingest of other files.
    CorruptionError
        If what was read back is not what was written; nothing is published.
    """
    if not re.fullmatch(r"\w[\w.-]*", revision):
        msg = f"revision is {revision!r}, need letters, digits, '.', '_' and '-', such as 'r1'."
        raise InputError(msg)
    fresh = not repository_exists(plan.url)
    repository = create_repository(plan.url) if fresh else open_repository(plan.url)
    released = release_whole(repository, plan.url, _branch(plan.job), plan.job, revision)
    if released:
        return describe_revision(plan.url, revision=released)
    with writer_lease(plan.url) as lease, zarr.config.set({"async.concurrency": CONCURRENCY}):
        base = repository.lookup_branch("main")
        branch, done = _branch_of(repository, plan)
        if done < 0:
            repository = with_split_manifests(repository, plan.url, plan.group, plan.arrays)
        writer = plan.open_writer(repository, branch, lease)
        if done < 0:
            writer.create(dict(plan.sources.attributes))
            done = 0
        _write_steps(writer, plan, done, on_progress)
        _publish(writer, plan, base, revision)
    return describe_revision(plan.url, revision=revision)


def abandon_ingest(url: str | os.PathLike[str]) -> list[str]:
    """
    Drop what unfinished ingests, layouts and appends wrote; finished revisions are untouched.

    One that was killed after it gave its tag is finished, not dropped. The space is free after `collect_garbage`.

    Parameters
    ----------
    url : str or path
        The repository.

    Returns
    -------
    list of str
        Names of the branches that were removed.

    Raises
    ------
    RepositoryExistsError
        If another process is writing.
    """
    repository = open_repository(url)
    writers = find_leases(url)
    if writers:
        msg = f"{url} is being written by {writers[0]}. Stop that process first."
        raise RepositoryExistsError(msg)
    dropped = []
    with commit_lock(url):
        tagged = {repository.lookup_tag(tag): tag for tag in repository.list_tags()}
        for branch in _unfinished(repository):
            tip = repository.lookup_branch(branch)
            if tip in tagged:
                release_branch(repository, branch, tip, tagged[tip])
                continue
            repository.delete_branch(branch)
            shutil.rmtree(scratch_folder(url, branch.partition("-")[2]), ignore_errors=True)
            dropped.append(branch)
    return dropped
