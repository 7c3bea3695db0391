"""
Packed numbers whose scale, offset or missing value change from file to file, decoded rightly.

Scheme ``per-step-1``: the stored numbers are kept as ``<name>_packed`` without units or standard name, beside
``<name>_scale_factor``, ``<name>_add_offset`` and ``<name>_fill_value`` along time. A reader that does not know the
scheme finds no ``<name>``, rather than one that is wrong.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from xarray.backends import BackendArray
from xarray.core import indexing

from oceandata.errors import SchemaMismatch

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["PACKING", "PerStepArray", "decode_packed", "decoded_document", "packed_attributes", "step_values"]

#: Attributes that tell how stored numbers become values; they may differ from file to file.
PACKING = ("scale_factor", "add_offset", "_FillValue", "missing_value")

_SCHEME = "per-step-1"
_PARTS = ("scale_factor", "add_offset", "fill_value")

# Attributes that xarray and others need on the array itself, and those that hold for the numbers of one file.
_STRUCTURE = ("coordinates", "grid_mapping", "cell_measures", "ancillary_variables")
_KEPT_ENCODING = ("chunks", "preferred_chunks", "shards", "grid_mapping")
_NUMBERS = (*PACKING, "valid_min", "valid_max", "valid_range", "actual_range")


def packed_attributes(name: str, attributes: Mapping[str, Any], dtype: "np.dtype[Any]") -> dict[str, Any]:
    """
    Attributes of ``<name>_packed``.

    Parameters
    ----------
    name : str
        Variable that is packed.
    attributes : mapping
        Its attributes.
    dtype : numpy.dtype
        Type of its decoded values.

    Returns
    -------
    dict
        JSON types; what describes the values is kept below ``oceandata_decoded``, away from the stored numbers.
    """
    kept = {key: value for key, value in attributes.items() if key in _STRUCTURE}
    own = " ".join(f"{name}_{part}" for part in _PARTS)
    described = {key: value for key, value in attributes.items() if key not in (*_STRUCTURE, *_NUMBERS)}
    return kept | {
        "coordinates": f"{kept.get('coordinates', '')} {own}".strip(),
        "oceandata_packing": _SCHEME,
        "oceandata_decoded": {"name": name, "dtype": np.dtype(dtype).name, "attributes": described},
        "comment": (
            f"stored numbers of {name}: where one equals {name}_fill_value of its time the value is missing, "
            f"else it is number * {name}_scale_factor + {name}_add_offset of its time"
        ),
    }


def step_values(packings: Sequence[Mapping[str, Any]], steps: Sequence[int]) -> dict[str, "npt.NDArray[np.float64]"]:
    """
    Scale, offset and missing value of each time step.

    Parameters
    ----------
    packings : sequence of mapping
        Attributes among `PACKING` of each file.
    steps : sequence of int
        Number of time steps of each file.

    Returns
    -------
    dict of str to numpy.ndarray, shape (time,)
        By part. A file without a scale has 1, without an offset 0; NaN stands where no number means missing.
    """
    rows = {
        "scale_factor": [one.get("scale_factor", 1.0) for one in packings],
        "add_offset": [one.get("add_offset", 0.0) for one in packings],
        "fill_value": [one.get("_FillValue", one.get("missing_value", np.nan)) for one in packings],
    }
    return {part: np.repeat(np.asarray(values, np.float64), steps) for part, values in rows.items()}


class PerStepArray(BackendArray):
    """
    Lazy decoded values of an array packed step by step.

    Parameters
    ----------
    packed : xarray.Variable
        The stored numbers, lazy; the first dimension is time.
    parts : mapping of str to numpy.ndarray
        Scale, offset and missing value along time.
    dtype : numpy.dtype
        Type of the values.
    """

    def __init__(
        self, packed: xr.Variable, parts: "Mapping[str, npt.NDArray[np.float64]]", dtype: "np.dtype[Any]"
    ) -> None:
        self.packed, self.parts, self.dtype = packed, dict(parts), np.dtype(dtype)
        self.shape = packed.shape

    @property
    def array(self) -> Any:
        """What is wrapped, for those who ask where the bytes come from."""
        return self.packed._data

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
        return indexing.explicit_indexing_adapter(key, self.shape, indexing.IndexingSupport.OUTER, self._decoded)

    def _decoded(self, key: tuple[Any, ...]) -> "npt.NDArray[Any]":
        """Values of an orthogonal index, in the order of steps in which xarray decodes one file."""
        numbers = self.packed[key].to_numpy()
        rest = sum(not isinstance(part, int | np.integer) for part in key[1:])
        steps = [np.asarray(self.parts[name][key[0]]) for name in _PARTS]
        scale, offset, fill = (step.reshape(step.shape + (1,) * rest) for step in steps)
        values = numbers.astype(self.dtype)
        missing = numbers == fill
        values *= scale.astype(self.dtype)
        values += offset.astype(self.dtype)
        return np.where(missing, self.dtype.type(np.nan), values)


def _decoded(ds: xr.Dataset, stored: str) -> tuple[str, xr.Variable]:
    """Name and lazy values of a packed variable."""
    packed = ds[stored].variable
    scheme, target = packed.attrs["oceandata_packing"], packed.attrs["oceandata_decoded"]
    name = str(target["name"])
    absent = [f"{name}_{part}" for part in _PARTS if f"{name}_{part}" not in ds.variables]
    if scheme != _SCHEME or absent:
        found = f"lacks {absent[0]!r}" if absent else f"is packed by the scheme {scheme!r}, need {_SCHEME!r}"
        msg = f"variable {stored!r} {found}. Open the repository with a newer oceandata, or verify it."
        raise SchemaMismatch(msg)
    parts = {part: ds[f"{name}_{part}"].to_numpy() for part in _PARTS}
    lazy = indexing.LazilyIndexedArray(PerStepArray(packed, parts, np.dtype(target["dtype"])))
    encoding = {key: value for key, value in packed.encoding.items() if key in _KEPT_ENCODING}
    return name, xr.Variable(packed.dims, lazy, dict(target["attributes"]), encoding)


def decode_packed(ds: xr.Dataset) -> xr.Dataset:
    """
    Dataset in which what is packed step by step is decoded.

    Parameters
    ----------
    ds : xarray.Dataset
        As xarray opens it, not in Dask blocks.

    Returns
    -------
    xarray.Dataset
        With ``<name>`` in place of ``<name>_packed`` and its parts; lazy. Unchanged if nothing is packed.

    Raises
    ------
    SchemaMismatch
        If a variable is packed by a scheme that is not known.
    """
    packed = [str(name) for name, array in ds.variables.items() if "oceandata_packing" in array.attrs]
    for stored in packed:
        name, values = _decoded(ds, stored)
        ds = ds.drop_vars([stored, *(f"{name}_{part}" for part in _PARTS)]).assign({name: values})
    return ds


def decoded_document(name: str, document: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """
    Name and metadata under which an array is known once it is decoded.

    Parameters
    ----------
    name : str
        Name of the stored array.
    document : dict
        Its ``zarr.json``.

    Returns
    -------
    tuple of str and dict
        As given, unless the array is packed step by step.
    """
    target = document.get("attributes", {}).get("oceandata_decoded")
    if target is None:
        return name, document
    return str(target["name"]), document | {"attributes": dict(target["attributes"])}
