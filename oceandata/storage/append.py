"""
More time steps for a repository, or better ones: compared with what is stored before anything is written.

Appending is where an archive is damaged without a word, so that every plan answers first: do the files have the same
variables, units, packing and coordinates; which of their steps are stored already, and with the same values?
`oceandata.storage.append_writing.write_append` carries a plan out.
"""

import dataclasses
import hashlib
import json
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import zarr

from oceandata import cf
from oceandata.errors import InputError, NotFoundError, RepositoryExistsError, SchemaMismatch
from oceandata.storage.guards import (
    Placement,
    StepDifferences,
    Tally,
    array_differences,
    find_break,
    place_times,
    schema_differences,
    stored_plan,
)
from oceandata.storage.ingest import array_steps
from oceandata.storage.layout import ArrayPlan
from oceandata.storage.revisions import commit_facts, layouts_of, open_layout, require_layout
from oceandata.storage.source_times import time_label
from oceandata.storage.sources import Sources, open_sources
from oceandata.storage.stores import canonical_url, lookup_revision, open_repository
from oceandata.storage.writing import Step

if TYPE_CHECKING:
    import numpy.typing as npt
    import xarray as xr
    from zarr.abc.store import Store

__all__ = ["CHANGES", "AppendPlan", "Move", "Run", "plan_append"]

#: Kinds of change that a revision can be: more steps, better values for some, or all made anew by another method.
CHANGES = ("append", "correction", "reprocessing")


@dataclasses.dataclass(frozen=True)
class Run:
    """Consecutive steps: the first in the files, the first in the repository, and how many."""

    source: int
    stored: int
    count: int


@dataclasses.dataclass(frozen=True)
class Move:
    """A box to write in one layout, and how much later its steps stand in the files."""

    group: str
    step: Step
    shift: int


@dataclasses.dataclass(frozen=True)
class AppendPlan:
    """
    What an append will do; nothing was written to make it.

    Attributes
    ----------
    url : str
        The repository.
    base, base_revision : str
        Snapshot and tag that the new revision will follow.
    change : str
        Kind of change: one of `CHANGES`.
    sources : Sources
        The files.
    time : str
        Name of the time coordinate.
    layouts : dict of str to tuple of ArrayPlan
        The arrays of each layout in their new shape.
    replaced : tuple of Run
        Stored steps that get other values.
    added : Run
        Steps that come after the last one; its count may be zero.
    equal : int
        Steps of the files that are stored already with equal values.
    differences : tuple of StepDifferences
        What the replaced steps change, by variable.
    times : numpy.ndarray
        The whole time axis afterwards, in stored numbers.
    notes : tuple of str
        What a person should know.
    """

    url: str
    base: str
    base_revision: str
    change: str
    sources: Sources
    time: str
    layouts: dict[str, tuple[ArrayPlan, ...]]
    replaced: tuple[Run, ...]
    added: Run
    equal: int
    differences: tuple[StepDifferences, ...]
    times: "npt.NDArray[Any]"
    notes: tuple[str, ...]

    @property
    def is_empty(self) -> bool:
        """True if everything is stored already."""
        return not self.added.count and not self.replaced

    @property
    def moves(self) -> tuple[Move, ...]:
        """The work, in order: layout by layout, array by array, replaced steps before new ones."""
        return tuple(
            Move(group, step, run.source - run.stored)
            for group, arrays in self.layouts.items()
            for array in self.growing(arrays)
            for run in (*self.replaced, self.added)
            for step in _run_steps(array, run)
        )

    def growing(self, arrays: Sequence[ArrayPlan]) -> list[ArrayPlan]:
        """Arrays that run along time."""
        return [array for array in arrays if array.dims[:1] == (self.sources.time_dim,)]

    def changed_chunks(self, array: ArrayPlan) -> Iterator[tuple[int, ...]]:
        """Positions of the chunks of an array that are written, each once."""
        length = array.chunks[0]
        rows = {
            row
            for run in (*self.replaced, self.added)
            if run.count
            for row in range(run.stored // length, math.ceil((run.stored + run.count) / length))
        }
        return ((row, *rest) for row in sorted(rows) for rest in np.ndindex(*array.grid[1:]))

    @property
    def job(self) -> str:
        """Digest of base, files and settings: equal for a rerun with the same inputs."""
        files = [[file.path.name, file.nbytes, file.modified_ns] for file in self.sources.files]
        layouts = {name: [dataclasses.asdict(array) for array in arrays] for name, arrays in self.layouts.items()}
        runs = [dataclasses.asdict(run) for run in (*self.replaced, self.added)]
        text = json.dumps([self.base, self.change, files, layouts, runs], sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def to_json(self) -> dict[str, Any]:
        """
        The plan for a person or a script.

        Returns
        -------
        dict
            Only JSON types.
        """
        chunks = {
            group: sum(len(list(self.changed_chunks(array))) for array in self.growing(arrays))
            for group, arrays in self.layouts.items()
        }
        return {
            "url": self.url,
            "follows": self.base_revision,
            "change": self.change,
            "job": self.job,
            "files": [{"path": str(file.path), "nbytes": file.nbytes} for file in self.sources.files],
            "steps_added": self.added.count,
            "steps_replaced": sum(run.count for run in self.replaced),
            "steps_equal": self.equal,
            "chunks_written": {} if self.is_empty else chunks,
            "decoded_bytes": sum(move.step.nbytes for move in self.moves),
            "differences": [
                {"variable": d.variable, "steps": len(d.steps), "values": d.values, "largest": d.largest}
                | {"units": d.units}
                for d in self.differences
            ],
            "notes": list(self.notes),
        }


def _run_steps(array: ArrayPlan, run: Run) -> Iterator[Step]:
    """Boxes of a run of an array, cut where its chunks end."""
    if not run.count:
        return
    start = run.stored // array.chunks[0] * array.chunks[0]
    part = dataclasses.replace(array, shape=(run.stored + run.count - start, *array.shape[1:]))
    itemsize = np.dtype(array.dtype).itemsize
    for step in array_steps(part):
        time, *rest = step.box
        box = (slice(max(run.stored, start + time.start), start + time.stop), *rest)
        yield Step(array.name, box, math.prod(side.stop - side.start for side in box) * itemsize)


def _stored_arrays(store: "Store", group: str) -> dict[str, ArrayPlan]:
    opened = zarr.open_group(store, path=group, mode="r")
    return {name: stored_plan(name, array) for name, array in sorted(opened.arrays())}


def _stored_values(store: "Store", group: str, name: str, box: Any = ...) -> "npt.NDArray[Any]":
    return np.asarray(zarr.open_array(store, path=f"{group}/{name}", mode="r")[box])


def _check_fits(store: "Store", group: str, stored: Mapping[str, ArrayPlan], sources: Sources, where: str) -> None:
    """Refuse files that do not continue the dataset, with every difference."""
    found = schema_differences(stored, sources.variables, sources.time_dim)
    for name, array in stored.items():
        offered = sources.variables.get(name)
        if offered is None or sources.time_dim in array.dims or offered.shape != array.shape:
            continue
        for step in array_steps(array):
            unlike = array_differences(name, _stored_values(store, group, name, step.box), sources.read(name, step.box))
            if unlike:
                found.append(unlike)
                break
    if found:
        many = any(line.endswith("is one too many") for line in found)
        hint = " Name the variables to take (--variables), and others in the files are left out." if many else ""
        lines = [f"the files do not continue {where}, {len(found)} differences:", *(f"  {line}" for line in found)]
        raise SchemaMismatch("\n".join([*lines, f"Nothing was written.{hint}"]))


def _time_of(store: "Store", group: str, where: str) -> tuple[str, "npt.NDArray[Any]"]:
    """Name and stored numbers of the time axis."""
    with open_layout(store, group) as ds:
        name = cf.find_axis(ds, "T")
        if name is None or ds[name].ndim != 1:
            msg = f"{where} has no time axis along which it could grow. Ingest the files into a new repository."
            raise SchemaMismatch(msg)
    return name, _stored_values(store, group, name)


def _decoded(numbers: "npt.NDArray[Any]", attributes: Mapping[str, Any]) -> "xr.DataArray":
    """Times of stored numbers; the numbers themselves where they are no calendar times."""
    import xarray as xr

    kept = {key: attributes[key] for key in ("units", "calendar") if key in attributes}
    axis = xr.Dataset({"time": ("time", numbers, kept)})
    return xr.decode_cf(axis, decode_times=xr.coders.CFDatetimeCoder(time_unit="us"))["time"]


def _in_period(times: "xr.DataArray", replace: Sequence[str]) -> "npt.NDArray[np.bool_]":
    """Which times lie in a period, both ends included; a date that is cut short means all of it."""
    import xarray as xr

    try:
        first, last = (str(part) for part in replace)
        numbered = xr.DataArray(np.arange(times.size), {"time": times.to_numpy()}, ["time"])
        taken = numbered.sel(time=slice(first, last)).to_numpy()
    except (ValueError, KeyError, TypeError) as error:
        msg = f"the period to replace is {replace!r}, need two dates such as '2009-06' and '2009-08-31'."
        raise InputError(msg) from error
    inside = np.zeros(times.size, bool)
    inside[taken] = True
    return inside


def _compared(
    store: "Store", group: str, stored: Mapping[str, ArrayPlan], sources: Sources, placement: Placement
) -> list[StepDifferences]:
    """How the steps that are stored already differ, by variable, read block by block."""
    found = []
    for name, array in stored.items():
        if array.dims[:1] != (sources.time_dim,):
            continue
        tally = Tally(array)
        for source, start, count in placement.runs:
            for step in _run_steps(array, Run(source, start, count)):
                time, *rest = step.box
                shifted = slice(time.start + source - start, time.stop + source - start)
                offered = sources.read(name, (shifted, *rest)).astype(array.dtype, copy=False)
                tally.add(time.start, _stored_values(store, group, name, step.box), offered)
        result = tally.result()
        found += [result] if result is not None else []
    return found


def _check_covered(
    differences: Sequence[StepDifferences], times: "xr.DataArray", allowed: "npt.NDArray[np.bool_]"
) -> None:
    """Refuse differing values outside of the period that may be replaced."""
    refused = [(step, one) for one in differences for step in one.steps if not allowed[step]]
    if not refused:
        return
    first, one = min(refused, key=lambda found: found[0])
    steps = sorted({step for step, _ in refused})
    count = f"{one.first_values} values" if first == one.steps[0] else "values"
    by = "" if one.largest is None else f" (by up to {one.largest:g} {one.units})".replace(" )", ")")
    labels = [time_label(times.values[step]) for step in (steps[0], steps[-1])]
    msg = (
        f"{one.variable!r} at {labels[0]} is stored already with other values: {count} differ{by}, and so do values of "
        f"{len(steps) - 1} more steps. Nothing was written. If the files are better, replace that period: "
        f"--replace time={labels[0][:10]}/{labels[1][:10]}."
    )
    raise RepositoryExistsError(msg)


def _runs(steps: Sequence[int], placement: Placement) -> tuple[Run, ...]:
    """Stored steps as runs that are contiguous in the files and in the repository."""
    source_of = {start + at: source + at for source, start, count in placement.runs for at in range(count)}
    runs: list[Run] = []
    for step in steps:
        last = runs[-1] if runs else None
        if last and step == last.stored + last.count and source_of[step] == last.source + last.count:
            runs[-1] = dataclasses.replace(last, count=last.count + 1)
        else:
            runs.append(Run(source_of[step], step, 1))
    return tuple(runs)


def _break_notes(before: "xr.DataArray", after: "xr.DataArray", *, allowed: bool) -> list[str]:
    """Refuse new steps that break the regular step of the stored ones; a note if that is allowed."""
    broken = find_break(before, after)
    if broken is None:
        return []
    usual, place = broken
    last, first = (time_label(time) for time in after.values[place - 1 : place + 1])
    if not allowed:
        msg = (
            f"stored times have a regular step of {usual}, but {first} would follow {last}. Nothing was written: a "
            "repository grows at its end only, so that steps left out could not be added later. Append the missing "
            "steps first or with these, or accept the break with allow_gap=True (--allow-gap)."
        )
        raise SchemaMismatch(msg)
    own = cf.infer_resolution(after[before.size :]) if cf.is_decoded_time(after) else ""
    following = f", steps of {own}," if own and own != usual else ""
    return [f"time: steps were {usual} throughout; the new ones{following} are not ({first} follows {last})"]


def _change_of(change: str, replace: Sequence[str] | None) -> str:
    if change not in CHANGES:
        msg = f"the kind of change is {change!r}, need one of {', '.join(CHANGES)}."
        raise InputError(msg)
    if change != "append" and replace is None:
        msg = f"a {change} replaces stored steps, but no period was given. Give replace=(first, last)."
        raise InputError(msg)
    return "correction" if replace is not None and change == "append" else change


def _grown(stored: Mapping[str, ArrayPlan], time_dim: str, length: int) -> tuple[ArrayPlan, ...]:
    """Arrays of a layout in their new shape, coordinates first."""
    arrays = [
        dataclasses.replace(array, shape=(length, *array.shape[1:])) if array.dims[:1] == (time_dim,) else array
        for array in stored.values()
    ]
    return tuple(sorted(arrays, key=lambda array: (len(array.dims), array.name)))


def _replaced_steps(
    differences: Sequence[StepDifferences],
    before: "xr.DataArray",
    placement: Placement,
    replace: Sequence[str] | None,
) -> tuple[list[int], list[str]]:
    """Stored steps to write anew, after the check that all of them may be; and notes."""
    allowed = np.zeros(before.size, bool)
    notes = []
    if replace is not None:
        allowed = _in_period(before, replace)
        given = np.zeros(before.size, bool)
        for _, start, count in placement.runs:
            given[start : start + count] = True
        if not (allowed & given).any():
            msg = (
                f"no step of the files is stored in the period to replace, {'/'.join(map(str, replace))}. The "
                f"repository runs from {time_label(before.values[0])} to {time_label(before.values[-1])}."
            )
            raise NotFoundError(msg)
        missing = int((allowed & ~given).sum())
        if missing:
            notes.append(f"{missing} stored steps of the period to replace are not in the files and stay as they are")
    _check_covered(differences, before, allowed)
    return sorted({step for one in differences for step in one.steps}), notes


def plan_append(
    paths: Sequence[str | os.PathLike[str]],
    url: str | os.PathLike[str],
    *,
    variables: Sequence[str] | None = None,
    replace: Sequence[str] | None = None,
    change: str = "append",
    allow_gap: bool = False,
) -> AppendPlan:
    """
    Decide how files continue a repository, without writing anything.

    Steps that are stored already are read and compared: equal ones are left alone, so that the same append again does
    nothing. Other values are refused unless their period is given in `replace`. The repository grows at its end only;
    its global attributes stay those of the first files.

    Parameters
    ----------
    paths : sequence of path
        NetCDF files with the variables of the repository.
    url : str or path
        The repository.
    variables : sequence of str, optional
        Data variables to take, as they were taken when the repository was made; everything by default.
    replace : pair of str, optional
        First and last date of the period whose stored values may be replaced, both included.
    change : {"append", "correction", "reprocessing"}
        Kind of change, kept with the revision. What replaces anything is a correction unless said otherwise.
    allow_gap : bool
        Whether new steps may break the regular step of the stored ones, which cannot be mended later.

    Returns
    -------
    AppendPlan
        For `write_append`, or to print.

    Raises
    ------
    SchemaMismatch
        If variables, dimensions, types, units, packing, calendar or fixed coordinates differ (every difference is
        named), or steps lie before the first or between stored ones, or break their regular step without `allow_gap`.
    RepositoryExistsError
        If steps are stored already with other values that `replace` does not cover.
    NotFoundError
        If a file or the repository is missing, or no step of the files is stored in the period to replace.
    InputError
        If `replace` or `change` cannot be used, or the repository refers to files in place.

    Notes
    -----
    Reads the stored values of the steps that the files share with the repository, in blocks of about 48 MB.
    """
    change = _change_of(change, replace)
    repository = open_repository(url)
    base_revision, base = lookup_revision(repository)
    facts = commit_facts(repository, base)
    where = f"{canonical_url(url)} {base_revision}".strip()
    group = require_layout(facts, "", where)
    if facts.get("virtual"):
        msg = f"{where} refers to files that stay in place, need a repository that holds its values. Scan them anew."
        raise InputError(msg)
    store = repository.readonly_session(snapshot_id=base).store
    stored = _stored_arrays(store, group)
    time, known = _time_of(store, group, where)
    sources = open_sources(paths, variables=variables)
    _check_fits(store, group, stored, sources, where)
    offered = sources.fixed[time]
    before, labels = (_decoded(numbers, stored[time].attributes) for numbers in (known, offered))
    placement = place_times(known, offered, [*map(time_label, labels.values), time_label(before.values[-1])])
    differences = _compared(store, group, stored, sources, placement)
    steps, notes = _replaced_steps(differences, before, placement, replace)
    times = np.concatenate([known, offered[placement.new :]])
    notes += _break_notes(before, _decoded(times, stored[time].attributes), allowed=allow_gap)
    names = layouts_of(facts)
    return AppendPlan(
        url=canonical_url(url),
        base=base,
        base_revision=base_revision,
        change=change,
        sources=sources,
        time=time,
        layouts={
            name: _grown(stored if name == group else _stored_arrays(store, name), sources.time_dim, times.size)
            for name in names
        },
        replaced=_runs(steps, placement),
        added=Run(placement.new, known.size, offered.size - placement.new),
        equal=placement.new - len(steps),
        differences=tuple(differences),
        times=times,
        notes=(*sources.notes, *notes),
    )
