"""
The work of a job: its input opened, its routines called, what they stream and what is written, all of it lazy.

Nothing in it depends on the process: a worker builds the same work from the same document and the same plan.
"""

import dataclasses
import hashlib
import math
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import dask
import dask.array as da
import numpy as np
import xarray as xr
from dask.local import get_sync

from oceandata import analysis, cf
from oceandata.analysis.streaming import deferred_to
from oceandata.batch.job import Job
from oceandata.batch.partitions import Grid
from oceandata.batch.routines import joined
from oceandata.batch.states import Stage, Stages
from oceandata.catalog import open_catalog
from oceandata.errors import InputError
from oceandata.graph import box_reads, cut
from oceandata.storage import CountingStore

if TYPE_CHECKING:
    import numpy.typing as npt

    from oceandata.entities import Origin

__all__ = ["Family", "Phase", "Work", "open_input", "open_work", "source_origin"]

# Decoded bytes of a chunk of the result not to exceed, where its blocks divide.
_CHUNK_BYTES = 16_000_000


def open_input(job: Job) -> xr.DataArray:
    """
    The variable that a job reads, lazily.

    Parameters
    ----------
    job : Job
        The job.

    Returns
    -------
    xarray.DataArray
        As the catalogue opens it.

    Raises
    ------
    NotFoundError, RegionError, InputError
        If the entry, its variable, or the part that is asked for is not there.
    """
    ds = open_catalog(job.catalog_path).open(job.input.entry, **job.input.selection())
    names = list(ds.data_vars)
    asked = job.input.variable
    if not asked and len(names) != 1:
        msg = f"entry {job.input.entry!r} has the variables {', '.join(map(str, names))}. Choose one: input.variable."
        raise InputError(msg)
    return ds[cf.require_variable(ds, asked) if asked else names[0]]


def source_origin(source: xr.DataArray) -> "Origin | None":
    """
    Repository and revision that an input is read from.

    Parameters
    ----------
    source : xarray.DataArray
        From `open_input`.

    Returns
    -------
    Origin or None
        None if it is read from something else than a repository.
    """
    if not isinstance(source.variable._data, da.Array):
        return None
    reads = box_reads(cut(source.data), ((0, 1),) * source.ndim)
    return next((one.store.origin for one in reads if isinstance(one.store, CountingStore)), None)


@dataclasses.dataclass(frozen=True, eq=False)
class Family:
    """
    Variables of the result that are computed and written together, region by region.

    Attributes
    ----------
    number : int
        Place among the families.
    result : xarray.Dataset
        The variables, lazy; nothing else.
    dims : tuple of str
        The dimensions along which partitions are cut.
    unit : tuple of int
        Values along each of them in which a partition is counted: whole chunks.
    chunks : dict of str to tuple of int
        Chunks of each variable as stored.
    grid : Grid
        Partitions.
    """

    number: int
    result: xr.Dataset
    dims: tuple[str, ...]
    unit: tuple[int, ...]
    chunks: dict[str, tuple[int, ...]]
    grid: Grid

    @property
    def names(self) -> tuple[str, ...]:
        """The variables."""
        return tuple(map(str, self.result.data_vars))

    @property
    def label(self) -> str:
        """What the family is called in plans."""
        return f"result {', '.join(self.names)}"

    @property
    def unit_bytes(self) -> int:
        """Decoded bytes of a unit of all variables."""
        return sum(self._unit_values(name) * self.result[name].dtype.itemsize for name in self.names)

    def _unit_values(self, name: str) -> int:
        lengths = dict(zip(self.dims, self.unit, strict=True))
        array = self.result[name]
        return math.prod(lengths.get(str(dim), size) for dim, size in array.sizes.items())

    def box(self, name: str, number: int) -> tuple[slice, ...]:
        """Values of a variable that belong to a partition."""
        found = zip(self.dims, self.grid.box(number), self.unit, strict=True)
        region = {dim: (lo * unit, hi * unit) for dim, (lo, hi), unit in found}
        sizes = self.result[name].sizes.items()
        ranges = [(*region.get(str(dim), (0, size)), size) for dim, size in sizes]
        return tuple(slice(start, min(stop, size)) for start, stop, size in ranges)

    def lazy(self, number: int) -> "dict[str, da.Array]":
        """Lazy values of a partition by variable."""
        return {name: self.result[name].variable[self.box(name, number)].data for name in self.names}

    def compute(self, number: int) -> "dict[str, npt.NDArray[Any]]":
        """Values of a partition by variable, made in this thread."""
        (made,) = dask.base.compute(self.lazy(number), scheduler=get_sync)
        return {name: np.asarray(values) for name, values in made.items()}


#: What is done partition by partition: a stage, or a family.
Phase = Stage | Family


@dataclasses.dataclass(frozen=True, eq=False)
class Work:
    """
    Everything that a job does.

    Attributes
    ----------
    job : Job
        The document.
    source : xarray.DataArray
        What is read.
    result : xarray.Dataset
        What is written, as it will be opened; lazy where it is not a label.
    stages : tuple of Stage
        What is streamed before.
    families : tuple of Family
        What is written.
    """

    job: Job
    source: xr.DataArray
    result: xr.Dataset
    stages: tuple[Stage, ...]
    families: tuple[Family, ...]

    @property
    def phases(self) -> tuple[Phase, ...]:
        """Stages, then families: each needs those before it."""
        return (*self.stages, *self.families)

    @cached_property
    def digest(self) -> str:
        """Sixteen hexadecimal digits, equal for the same job on the same snapshot of its input."""
        origin = source_origin(self.source)
        text = f"{self.job.digest} {origin.snapshot if origin else ''}"
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def _called(job: Job, source: xr.DataArray) -> Any:
    """Result of the chain."""
    made: dict[str, Any] = {"input": source}
    last = "input"
    for step in job.chain:
        references = dict(step.references())
        arguments = {
            key: made[references[key]] if key in references else value for key, value in step.arguments.items()
        }
        routine: Callable[..., Any] = getattr(analysis, step.routine)
        try:
            found = routine(made[step.of or last], **arguments)
            made[step.label] = joined(found) if isinstance(found, dict) else found
        except TypeError as error:
            msg = f"step {step.label!r}: {error}. See help(oceandata.analysis.{step.routine})."
            raise InputError(msg) from error
        last = step.label
    result = made[last]
    return _freed(result if isinstance(result, xr.Dataset) else result.to_dataset(name=result.name or last))


def _freed(result: xr.Dataset) -> xr.Dataset:
    """A result that is not stored as its source was, but for the units of its dates."""
    freed = result.copy()
    for variable in freed.variables.values():
        kept = ("units", "calendar", "dtype") if variable.dtype.kind in "mM" else ()
        variable.encoding = {key: value for key, value in variable.encoding.items() if key in kept}
    return freed


def open_work(
    job: Job,
    *,
    choose_stage: Callable[[Stage], tuple[int, ...]],
    choose_family: Callable[[Family], tuple[int, ...]],
) -> Work:
    """
    Build the work of a job, without reading data.

    Parameters
    ----------
    job : Job
        The job.
    choose_stage, choose_family : callable
        Give the units of a partition along each dimension.

    Returns
    -------
    Work
        The same in every process for the same arguments.

    Raises
    ------
    InputError
        If an argument of a routine is wrong, or the result is nothing that can be written.
    """
    source = open_input(job)
    stages = Stages(job.run_folder, choose_stage)
    with deferred_to(stages):
        result = _called(job, source)
    families = _families(_lazy_variables(result), choose_family)
    return Work(job, source, result, tuple(stages.stages), tuple(families))


def _lazy_variables(result: xr.Dataset) -> xr.Dataset:
    """Variables and labels that are not yet values."""
    lazy = {name: one for name, one in result.variables.items() if isinstance(one._data, da.Array)}
    strange = [name for name, one in lazy.items() if one.dtype.kind not in "biuf"]
    if strange:
        msg = f"variable {strange[0]!r} of the result holds {lazy[strange[0]].dtype} values, need numbers."
        raise InputError(msg)
    return xr.Dataset({name: one for name, one in lazy.items() if name not in one.dims})


def _families(lazy: xr.Dataset, choose: Callable[[Family], tuple[int, ...]]) -> list[Family]:
    """Variables with the same dimensions together; all that are one partition each together too."""
    by_dims: dict[tuple[str, ...], list[str]] = {}
    for name, array in lazy.data_vars.items():
        by_dims.setdefault(tuple(map(str, array.dims)), []).append(str(name))
    families: list[Family] = []
    for names in by_dims.values():
        family = _family(len(families), lazy[names])
        families.append(dataclasses.replace(family, grid=Grid(family.grid.shape, choose(family))))
    whole = [name for family in families if family.grid.count == 1 for name in family.names]
    cut = [family for family in families if family.grid.count > 1]
    chunks = {name: family.chunks[name] for family in families for name in family.names}
    if whole:
        cut.append(Family(0, lazy[whole], (), (), {name: chunks[name] for name in whole}, Grid((), ())))
    return [dataclasses.replace(family, number=number) for number, family in enumerate(cut)]


def _family(number: int, result: xr.Dataset) -> Family:
    """Variables of the same dimensions, as one partition."""
    first = next(iter(result.data_vars.values()))
    itemsize = max(array.dtype.itemsize for array in result.data_vars.values())
    unit = tuple(_unit(sizes) for sizes in first.data.chunks)
    chunks = dict.fromkeys(map(str, result.data_vars), _chunks(unit, itemsize))
    counts = tuple(-(-size // length) if size else 1 for size, length in zip(first.shape, unit, strict=True))
    return Family(number, result, tuple(map(str, first.dims)), unit, chunks, Grid(counts, counts))


def _unit(sizes: Sequence[int]) -> int:
    """Length of blocks: that of all but the last, if they are equal, else of the largest."""
    lengths = {*sizes[:-1]} or {*sizes}
    return max(1, lengths.pop() if len(lengths) == 1 else max(sizes))


def _chunks(unit: Sequence[int], itemsize: int) -> tuple[int, ...]:
    """Chunks that divide a unit and are not too large."""
    chunks = list(unit)
    while math.prod(chunks) * itemsize > _CHUNK_BYTES:
        dim = max(range(len(chunks)), key=lambda at: chunks[at])
        parts = next((n for n in (2, 3, 5, 7) if chunks[dim] % n == 0), None)
        if parts is None:
            break
        chunks[dim] //= parts
    return tuple(chunks)
