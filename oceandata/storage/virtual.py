"""
NetCDF files kept in place: a repository that refers to their chunks instead of holding copies.

What is small (coordinates, everything along time alone) is copied as an ingest copies it; of the large variables only
references are written: file, first byte, number of bytes. The leaves are of the bytes that are referred to, so content
root, verification, lineage and metering work as for copies. Files whose scale, offset or missing value differ are kept
packed and decoded step by step (`oceandata.storage.virtual_packing`).
"""

import dataclasses
import functools
import hashlib
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

import numpy as np
import zarr
from zarr.abc.codec import ArrayArrayCodec, ArrayBytesCodec, BytesBytesCodec

from oceandata.errors import CorruptionError, InputError, SchemaMismatch, closest
from oceandata.storage.chunks import ACCESS, DEFAULT_CHUNK_BYTES
from oceandata.storage.ingest import IngestPlan, Progress, array_steps, plan_arrays, write_repository
from oceandata.storage.integrity import chunk_key, chunk_leaf
from oceandata.storage.layout import Layout, create_layout, create_leaves, stored_attributes, write_leaves
from oceandata.storage.leases import HeldLease
from oceandata.storage.revisions import RevisionSummary
from oceandata.storage.sources import DECODING, FileSpan, Sources, open_sources
from oceandata.storage.stores import local_path
from oceandata.storage.virtual_access import folder_prefix, with_containers
from oceandata.storage.virtual_arrays import WAY_OUT, VirtualArray, plan_references
from oceandata.storage.virtual_packing import PACKING
from oceandata.storage.writing import BranchWriter, Step

if TYPE_CHECKING:
    import icechunk
    import numpy.typing as npt

__all__ = ["VirtualPlan", "plan_virtual", "write_virtual"]

# A step refers to about this many decoded bytes at once, so that leaves are not rewritten for each file.
_STEP_BYTES = 128_000_000


class _Reference(NamedTuple):
    """A chunk in a file, and its leaf."""

    position: tuple[int, ...]
    path: Path
    begin: int
    nbytes: int
    changed_at: datetime
    leaf: bytes


class _VirtualWriter(BranchWriter):
    """Writes references where others write values."""

    def __init__(self, references: Mapping[str, VirtualArray], *arguments: Any, **settings: Any) -> None:
        self.references = references
        super().__init__(*arguments, **settings)

    def create(self, attributes: dict[str, Any]) -> None:
        """Make the empty layout and commit it."""
        copied = [plan for name, plan in self.arrays.items() if name not in self.references]
        create_layout(self.session.store, self.group, copied, attributes)
        for array in self.references.values():
            _create_array(zarr.open_group(self.session.store, path=self.group, mode="a"), array)
            create_leaves(self.session.store, self.group, array.plan)
        self.commit(0)

    def write(self, step: Step, values: Any) -> None:
        """Write the references, or the values, of one step and their leaves."""
        if step.name not in self.references:
            super().write(step, values)
            return
        import icechunk

        # Containers are not checked here, where Icechunk mistakes a name with spaces: reading back checks them.
        self.session.store.set_virtual_refs(
            f"/{self.group}/{step.name}",
            [
                icechunk.VirtualChunkSpec(
                    index=list(one.position),
                    location=_location(one.path),
                    offset=one.begin,
                    length=one.nbytes,
                    last_updated_at_checksum=one.changed_at,
                )
                for one in values
            ],
            validate_containers=False,
        )
        written = {chunk_key(step.name, one.position): (one.leaf, one.nbytes) for one in values}
        write_leaves(self.session.store, self.group, self.arrays[step.name], step.box, written)
        self.pending += step.nbytes


def _location(path: Path) -> str:
    """URL of a file, percent-encoded as Icechunk decodes it."""
    return "file://" + quote(str(path))


def _create_array(group: zarr.Group, array: VirtualArray) -> None:
    """Array whose chunks are encoded as in the files."""
    plan = array.plan
    serializer = next(codec for codec in array.codecs if isinstance(codec, ArrayBytesCodec))
    group.create_array(
        plan.name,
        shape=plan.shape,
        chunks=plan.chunks,
        dtype=plan.dtype,
        fill_value=plan.fill_value,
        filters=[codec for codec in array.codecs if isinstance(codec, ArrayArrayCodec)],
        serializer=serializer,
        compressors=[codec for codec in array.codecs if isinstance(codec, BytesBytesCodec)],
        attributes=stored_attributes(plan),
        dimension_names=plan.dims,
    )


@dataclasses.dataclass(frozen=True)
class VirtualPlan(IngestPlan):
    """
    What a virtual ingest will do; nothing was written to make it.

    Attributes
    ----------
    references : dict of str to VirtualArray
        Arrays that will refer to the files; the other ones are copied.
    """

    references: dict[str, VirtualArray]

    @functools.cached_property
    def places(self) -> tuple[Path, ...]:
        """Where the files are, links resolved."""
        return tuple(file.path.resolve() for file in self.sources.files)

    @property
    def prefixes(self) -> tuple[str, ...]:
        """Folders that readers must be authorised for."""
        return tuple(sorted({folder_prefix(path.parent) for path in self.places}))

    @property
    def steps(self) -> tuple[Step, ...]:
        """The work, in order: what is copied, then boxes of whole files of each array, as large as a step may be."""
        found = [one for a in self.arrays if a.name not in self.references for one in array_steps(a)]
        for name, array in self.references.items():
            row = math.prod(array.plan.shape[1:]) * np.dtype(array.plan.dtype).itemsize
            rest = tuple(slice(0, size) for size in array.plan.shape[1:])
            start = 0
            for file in self.sources.files:
                nbytes = (file.stop - start) * row
                if nbytes >= _STEP_BYTES or file is self.sources.files[-1]:
                    found.append(Step(name, (slice(start, file.stop), *rest), nbytes))
                    start = file.stop
        return tuple(found)

    @property
    def job(self) -> str:
        """Digest of files and settings, not that of an ingest that copies the same files."""
        return hashlib.sha256(f"virtual {super().job}".encode()).hexdigest()[:16]

    def to_json(self) -> dict[str, Any]:
        """JSON form, with the prefixes that readers must allow."""
        return super().to_json() | {"virtual": sorted(self.references), "prefixes": list(self.prefixes)}

    def open_writer(self, repository: "icechunk.Repository", branch: str, lease: HeldLease) -> BranchWriter:
        """Writer on the work branch, of a repository that may refer to the folders of the files."""
        return _VirtualWriter(
            self.references,
            with_containers(repository, self.prefixes),
            self.url,
            branch,
            group=self.group,
            arrays=self.arrays,
            job=self.job,
            total=len(self.steps),
            lease=lease,
        )

    def read(self, step: Step) -> Any:
        """What a step writes: values, or hashed references."""
        if step.name not in self.references:
            return super().read(step)
        files = zip(self.sources.files, self.places, self.references[step.name].places, strict=True)
        within = [one for one in files if step.box[0].start <= one[0].start < step.box[0].stop]
        return [reference for one in within for reference in _hashed(step.name, *one)]

    def check_written(self, store: Any, layout: Layout) -> None:
        """Read back every chunk, and decode the first and last of each file as the netCDF library does."""
        super().check_written(store, layout)
        for name, array in self.references.items():
            opened = zarr.open_array(store, path=f"{self.group}/{name}", mode="r")
            for file in self.sources.files:
                for start in {file.start, max(file.start, file.stop - array.plan.chunks[0])}:
                    _check_decoded(self.sources, array, opened, file, slice(start, file.stop))

    def facts(self) -> dict[str, Any]:
        """What is recorded of the sources."""
        facts = super().facts()
        sources = zip(facts["oceandata.sources"], self.places, strict=True)
        placed = [source | {"name": path.name, "prefix": folder_prefix(path.parent)} for source, path in sources]
        return facts | {"oceandata.virtual": True, "oceandata.sources": placed}


def _hashed(name: str, file: FileSpan, path: Path, places: "npt.NDArray[np.int64]") -> Iterator[_Reference]:
    """References to the chunks of one file, their bytes hashed."""
    file.check_unchanged()
    # Icechunk compares whole seconds: rounded up, so that the file as it is now is never refused
    changed_at = datetime.fromtimestamp(math.ceil(file.modified_ns / 1e9), UTC)
    with path.open("rb") as stream:
        for *position, begin, nbytes in places.tolist():
            stream.seek(begin)
            leaf = chunk_leaf(chunk_key(name, position), stream.read(nbytes))
            yield _Reference(tuple(position), path, begin, nbytes, changed_at, leaf)


def _check_decoded(sources: Sources, array: VirtualArray, opened: Any, file: FileSpan, steps: slice) -> None:
    """Compare one chunk as Zarr decodes it with what the netCDF library reads."""
    steps = slice(steps.start, min(steps.stop, steps.start + array.plan.chunks[0]))
    box = (
        steps,
        *(slice(0, min(size, n)) for size, n in zip(array.plan.shape[1:], array.plan.chunks[1:], strict=True)),
    )
    found, need = opened[box], sources.read(array.source, box)
    if not np.array_equal(found, need, equal_nan=need.dtype.kind == "f"):
        msg = (
            f"{array.source!r} of {file.path.name} decodes to other numbers through its reference than through the "
            f"netCDF library. Nothing was published: ingest the files without --virtual, and report the file."
        )
        raise CorruptionError(msg)


def plan_virtual(
    paths: Sequence[str | os.PathLike[str]],
    url: str | os.PathLike[str],
    *,
    group: str = "maps",
    variables: Sequence[str] | None = None,
    metadata: dict[str, str] | None = None,
) -> VirtualPlan:
    """
    Decide how files that stay where they are become a repository, without writing anything.

    Parameters
    ----------
    paths : sequence of path
        NetCDF files that together make one dataset along time, on this machine.
    url : str or path
        Where the repository will be.
    group : {"maps", "series", "balanced"}
        Name of the layout: what the chunks of the files are good for.
    variables : sequence of str, optional
        Data variables to take; everything by default.
    metadata : dict of str to str, optional
        Kept in the commit, such as the exchange's product and revision.

    Returns
    -------
    VirtualPlan
        For `write_virtual`, or to print.

    Raises
    ------
    NotFoundError, UnsoundFileError
        If a file is missing or broken.
    SchemaMismatch
        If files do not fit together, or cannot be referenced; every file is named with the reason and the way out.
    InputError
        If `group` is no name of a layout.
    MissingExtraError
        If VirtualiZarr is not installed.

    Notes
    -----
    Headers and coordinates are read, data are not. About 0.1 s a file, and 40 bytes a chunk of three dimensions.
    """
    if group not in ACCESS:
        msg = f"group is {group!r}, need what the chunks of the files are good for. {closest(group, list(ACCESS))}"
        raise InputError(msg)
    sources = open_sources(paths, variables=variables, must_agree=[key for key in DECODING if key not in PACKING])
    names = [name for name, one in sources.variables.items() if one.appended and name not in sources.fixed]
    if not names:
        msg = f"no variable runs along time, so there is nothing to refer to: only small ones. {WAY_OUT}"
        raise SchemaMismatch(msg)
    sources, references = plan_references(sources, names)
    copied = [one for name, one in sources.variables.items() if name not in names]
    arrays = (*plan_arrays(copied, group, DEFAULT_CHUNK_BYTES), *(array.plan for array in references.values()))
    plan = VirtualPlan(str(local_path(url)), group, group, sources, arrays, dict(metadata or {}), references)
    note = f"the files stay where they are; readers must allow {', '.join(plan.prefixes)}"
    return dataclasses.replace(plan, sources=dataclasses.replace(sources, notes=(*sources.notes, note)))


def write_virtual(plan: VirtualPlan, *, revision: str = "r1", on_progress: Progress | None = None) -> RevisionSummary:
    """
    Write a repository of references and publish it as its first revision.

    The referenced bytes are hashed, then read back through the repository, and some of each file are decoded and
    compared. A run that was killed continues when it is called again with the same files and settings.

    Parameters
    ----------
    plan : VirtualPlan
        From `plan_virtual`.
    revision : str
        Tag to give.
    on_progress : callable, optional
        Called with bytes done and bytes in all after each step.

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
        If what was read back is not what the files hold; nothing is published.

    Notes
    -----
    Every file is read three times: its chunks, its chunks through the repository, and whole for its SHA-256.
    """
    return write_repository(plan, revision=revision, on_progress=on_progress)
