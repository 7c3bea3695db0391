"""
How the chunks of many files continue each other as one array, and why those of some files do not.

Nothing is guessed: a file whose chunks, encoding or order of dimensions differ is named with the reason, and so is the
way out.
"""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from zarr.abc.codec import Codec

from oceandata.errors import SchemaMismatch
from oceandata.storage.chunks import DEFAULT_CHUNK_BYTES
from oceandata.storage.layout import ArrayPlan
from oceandata.storage.soundness import open_sound
from oceandata.storage.sources import FileSpan, Sources, SourceVariable
from oceandata.storage.virtual_packing import PACKING, packed_attributes, step_values
from oceandata.storage.virtual_references import StoredArray, cut_steps, essential_codecs, read_stored

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["WAY_OUT", "VirtualArray", "plan_references"]

#: What to do with files that cannot be referenced.
WAY_OUT = (
    "Ingest the files without --virtual, which copies them whatever their chunks; or store them alike, "
    "for example with nccopy -k nc4 -d 4 -s -c DIMENSION/LENGTH,…"
)


@dataclasses.dataclass(frozen=True)
class VirtualArray:
    """
    Where the chunks of one array lie.

    Attributes
    ----------
    plan : ArrayPlan
        The array.
    source : str
        Name of the variable in the files.
    codecs : tuple of zarr.abc.codec.Codec
        How its chunks are encoded.
    places : tuple of numpy.ndarray, each of shape (chunks, dimensions + 2)
        For each file: position in the chunk grid of the whole array, first byte, number of bytes.
    """

    plan: ArrayPlan
    source: str
    codecs: tuple[Codec, ...]
    places: "tuple[npt.NDArray[np.int64], ...]"


def _packings(file: FileSpan, names: Sequence[str]) -> dict[str, tuple[tuple[str, ...], dict[str, Any]]]:
    """Dimensions and packing attributes of variables in one file, after its repairs."""
    with open_sound(file.path) as ds:
        return {
            name: (
                tuple(map(str, ds[name].dims)),
                {key: ds[name].attrs[key] for key in (*PACKING, "_Unsigned") if key in ds[name].attrs},
            )
            for name in names
        }


def _alike(packings: Sequence[Mapping[str, Any]]) -> bool:
    """Whether all files pack a variable in the same way."""
    texts = {str({key: np.asarray(value).tolist() for key, value in sorted(one.items())}) for one in packings}
    return len(texts) == 1


def _decoded_dtype(dtype: "np.dtype[Any]", packings: Sequence[Mapping[str, Any]]) -> "np.dtype[Any]":
    """Type that holds what CF decoding gives for any of the files."""
    found = []
    for packing in packings:
        raw = xr.Variable(("n",), np.zeros(1, dtype), dict(packing))
        found.append(xr.decode_cf(xr.Dataset({"v": raw}))["v"].dtype)
    return np.result_type(*found)


def _packing_obstacle(packing: Mapping[str, Any]) -> str:
    """Why one file's packing cannot be kept step by step."""
    if "_Unsigned" in packing:
        return "it is stored as signed numbers that mean unsigned ones, and packed differently from file to file"
    fills = {float(np.asarray(packing[key]).ravel()[0]) for key in ("_FillValue", "missing_value") if key in packing}
    if len(fills) > 1 or any(np.size(packing[key]) > 1 for key in packing):
        return "it has several missing values, and is packed differently from file to file"
    return ""


def _common_chunks(stored: Sequence[StoredArray], itemsize: int) -> tuple[int, ...]:
    """Chunks of the first file that has any, or steps that fit all files whose values lie in one piece."""
    given = next((one.chunks for one in stored if one.chunks is not None), None)
    if given is not None:
        return given
    row = math.prod(stored[0].shape[1:]) * itemsize
    common = math.gcd(*(one.shape[0] for one in stored))
    fitting = [n for n in range(1, common + 1) if common % n == 0 and n * row <= DEFAULT_CHUNK_BYTES]
    return (max(fitting, default=1), *stored[0].shape[1:])


def _chunk_obstacle(one: StoredArray, first: StoredArray, file: FileSpan, last: bool) -> str:
    """Why the chunks of one file do not continue those of the first."""
    assert one.chunks is not None
    if one.chunks != first.chunks:
        return f"its chunks are {one.chunks}, need {first.chunks} as in the first file"
    if essential_codecs(one.codecs) != essential_codecs(first.codecs):
        return "it is encoded otherwise than in the first file"
    if not one.is_whole and not np.array_equal(one.fill_value, first.fill_value, equal_nan=True):
        return "chunks were never written, and stand for another value than in the first file"
    if file.start % one.chunks[0] or ((file.stop - file.start) % one.chunks[0] and not last):
        return f"its {file.stop - file.start} steps are no whole number of chunks of {one.chunks[0]}"
    return ""


class _Faults:
    """Reasons why files cannot be referenced, by file."""

    def __init__(self) -> None:
        self.lines: dict[str, list[str]] = {}

    def add(self, file: FileSpan, name: str, reason: str) -> bool:
        """Note a reason, if there is one; tell whether there was."""
        if reason:
            self.lines.setdefault(file.path.name, []).append(f"{name!r}: {reason}")
        return bool(reason)

    def check_none(self, count: int) -> None:
        """Raise with all reasons, if there are any."""
        if not self.lines:
            return
        lines = [f"{file}: {reason}" for file, reasons in self.lines.items() for reason in reasons]
        msg = "\n".join([f"{len(self.lines)} of {count} files cannot be referenced in place:", *lines, WAY_OUT])
        raise SchemaMismatch(msg)


def _continued(
    variable: SourceVariable, files: Sequence[FileSpan], stored: Sequence[StoredArray], faults: _Faults
) -> "tuple[StoredArray, tuple[npt.NDArray[np.int64], ...]] | None":
    """How the first file stores a variable, and where the chunks of all files lie; None with the reasons noted."""
    if any([faults.add(file, variable.name, one.obstacle) for file, one in zip(files, stored, strict=True)]):  # noqa: C419
        return None
    chunks = _common_chunks(stored, variable.dtype.itemsize)
    fits = [one.shape[1:] == chunks[1:] and one.shape[0] % chunks[0] == 0 for one in stored]
    cut = [cut_steps(one, chunks[0] if fit else one.shape[0]) for one, fit in zip(stored, fits, strict=True)]
    reasons = [
        faults.add(file, variable.name, _chunk_obstacle(one, cut[0], file, file is files[-1]))
        for file, one in zip(files, cut, strict=True)
    ]
    if any(reasons):
        return None
    shift = np.zeros(len(chunks) + 2, np.int64)
    places = []
    for file, one in zip(files, cut, strict=True):
        shift[0] = file.start // chunks[0]
        places.append(one.places + shift)
    return cut[0], tuple(places)


def _with_parts(sources: Sources, name: str, values: "dict[str, npt.NDArray[np.float64]]") -> Sources:
    """Sources with the parts of a packing as further small variables."""
    variables, fixed = dict(sources.variables), dict(sources.fixed)
    for part, steps in values.items():
        own = f"{name}_{part}"
        if own in variables or f"{name}_packed" in variables:
            msg = f"the files hold a variable {own!r} or '{name}_packed', names that packing needs. {WAY_OUT}"
            raise SchemaMismatch(msg)
        attributes = {"long_name": f"{part.replace('_', ' ')} of the stored numbers of {name}"}
        dims, roles = (sources.time_dim,), ("T",)
        fixed[own] = steps
        variables[own] = SourceVariable(
            own, dims, steps.shape, steps.dtype, attributes, roles, appended=True, is_coordinate=True
        )
    return dataclasses.replace(sources, variables=variables, fixed=fixed)


def _virtual_array(
    variable: SourceVariable,
    first: StoredArray,
    places: "tuple[npt.NDArray[np.int64], ...]",
    packings: Sequence[Mapping[str, Any]],
) -> VirtualArray:
    """Array of a variable, packed step by step if its packings differ."""
    name, attributes = variable.name, variable.attributes
    if not _alike(packings):
        attributes = packed_attributes(name, attributes, _decoded_dtype(variable.dtype, packings))
        name = f"{name}_packed"
    assert first.chunks is not None
    plan = ArrayPlan(
        name=name,
        dims=variable.dims,
        shape=variable.shape,
        chunks=first.chunks,
        dtype=variable.dtype.newbyteorder("=").str,
        fill_value=first.fill_value,
        attributes=attributes,
        is_coordinate=False,
    )
    return VirtualArray(plan, variable.name, first.codecs, places)


def plan_references(sources: Sources, names: Sequence[str]) -> tuple[Sources, dict[str, VirtualArray]]:
    """
    Virtual arrays of some variables.

    Parameters
    ----------
    sources : Sources
        Files of one dataset; the packing of a variable may differ between them.
    names : sequence of str
        Variables that run along time, to refer to.

    Returns
    -------
    tuple of Sources and dict of str to VirtualArray
        The sources with what decoding needs to know of each step, and the arrays by their name in the repository.

    Raises
    ------
    SchemaMismatch
        If any file cannot be referenced; all are named, with the reasons.
    """
    faults, files = _Faults(), sources.files
    found = [_packings(file, list(sources.variables)) for file in files]
    stored = [read_stored(file.path, names) for file in files]
    references: dict[str, VirtualArray] = {}
    for name, variable in dict(sources.variables).items():
        packings = [one[name][1] for one in found]
        alike = _alike(packings) or name in _rewritten(sources)
        if name not in names:
            if not alike:
                other = next(at for at, packing in enumerate(packings) if not _alike([packings[0], packing]))
                faults.add(
                    files[other], name, "it is packed otherwise than in the first file, and too small to refer to"
                )
            continue
        bad = [
            faults.add(f, name, _order_obstacle(one[name][0], variable)) for f, one in zip(files, found, strict=True)
        ]
        if not alike:
            bad += [faults.add(file, name, _packing_obstacle(p)) for file, p in zip(files, packings, strict=True)]
        continued = None if any(bad) else _continued(variable, files, [one[name] for one in stored], faults)
        if continued is not None:
            array = _virtual_array(variable, *continued, packings)
            references[array.plan.name] = array
            if not alike:
                steps = [file.stop - file.start for file in files]
                sources = _with_parts(sources, name, step_values(packings, steps))
    faults.check_none(len(files))
    return sources, references


def _rewritten(sources: Sources) -> set[str]:
    """The time axis and its bounds, whose numbers are rewritten."""
    found = set()
    for name, variable in sources.variables.items():
        if variable.dtype == np.int64 and variable.attributes.get("units") == "seconds since 1970-01-01":
            found |= {name, *(str(variable.attributes.get(key, "")) for key in ("bounds", "climatology"))}
    return found


def _order_obstacle(dims: tuple[str, ...], variable: SourceVariable) -> str:
    return "" if dims == variable.dims else f"its dimensions are {dims}, need {variable.dims}: time first"
