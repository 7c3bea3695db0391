"""Header of a Zarr store in a local folder; chunks that declare too large a decoded size are never decoded."""

import base64
import json
import struct
from itertools import islice, product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oceandata.storage.soundness.header import Attribute, FileHeader, OversizedChunkError, VariableHeader, fault
from oceandata.storage.soundness.netcdf3 import HEADER_LIMIT_BYTES

__all__ = ["frame_bytes", "is_zarr_store", "read_zarr_header"]

_METADATA_NAMES = ("zarr.json", ".zgroup", ".zarray", ".zmetadata")
#: Chunks of one reading whose frames are looked at.
_FRAMES_CHECKED = 64


def is_zarr_store(folder: Path) -> bool:
    """
    Whether a folder claims to be a Zarr store, by its metadata or by its name.

    Parameters
    ----------
    folder : Path
        An existing folder.

    Returns
    -------
    bool
        True also for a folder ``*.zarr`` that lacks its metadata.
    """
    return folder.suffix == ".zarr" or any((folder / name).is_file() for name in _METADATA_NAMES)


def read_zarr_header(path: str) -> FileHeader:
    """
    Header of a Zarr store, version 2 or 3, all groups.

    Parameters
    ----------
    path : str
        A folder for which `is_zarr_store` is true.

    Returns
    -------
    FileHeader
        Dimensions, attributes, variables and faults; ``nbytes`` counts the metadata of the root only.
    """
    root = Path(path)
    metadata = [root / name for name in _METADATA_NAMES if (root / name).is_file()]
    header = FileHeader({}, {}, {}, sum(file.stat().st_size for file in metadata))
    if not metadata:
        message = "The folder is named as a Zarr store but has no metadata at its root. Fetch it again, all of it."
        header.faults.append(fault("error", "metadata-missing", "", message))
    elif header.nbytes > HEADER_LIMIT_BYTES:
        message = f"The metadata of the store are {header.nbytes:,} bytes, need at most {HEADER_LIMIT_BYTES:,}."
        header.faults.append(fault("error", "metadata-oversized", "", f"{message} Ask who wrote it."))
    else:
        _collect_root(root, header)
    return header


def _collect_root(root: Path, header: FileHeader) -> None:
    """Put what the root holds into the header, or the fault that it cannot be read."""
    import zarr

    try:
        opened = zarr.open(root, mode="r")
        header.attributes.update(_attributes(dict(opened.attrs)))
        if isinstance(opened, zarr.Group):
            _collect(opened, "", root, header)
        else:
            message = "The store holds one array without a group, which xarray cannot open. Put it into a group."
            header.faults.append(fault("error", "not-a-group", "", message))
    except (OSError, RuntimeError, ValueError, TypeError, KeyError, RecursionError) as error:
        message = f"Zarr cannot read the metadata ({type(error).__name__}: {str(error)[:200]}). Fetch the store again."
        header.faults.append(fault("error", "unreadable", "", message))


def _collect(group: Any, prefix: str, root: Path, header: FileHeader) -> None:
    """Put the arrays of a group, and of those below it, into the header."""
    for name, array in group.arrays():
        variable = _variable(name, array, prefix, root)
        header.variables[variable.name] = variable
        header.dimensions.update(
            {prefix + dimension: length for dimension, length in zip(variable.dimensions, variable.shape, strict=True)}
        )
    for name, child in group.groups():
        message = f"The store has a group {prefix + name!r}, which opening the store leaves out. Open it by its name."
        header.faults.append(fault("note", "group", prefix + name, message))
        _collect(child, f"{prefix}{name}/", root, header)


def _variable(name: str, array: Any, prefix: str, root: Path) -> VariableHeader:
    """Header of one array."""
    attributes = dict(array.attrs)
    names = attributes.pop("_ARRAY_DIMENSIONS", None)
    names = names or getattr(array.metadata, "dimension_names", None) or [f"dim_{i}" for i in range(array.ndim)]
    found = _attributes(attributes)
    dtype = array.dtype if array.dtype.kind in "iufS" else None
    fill = _fill_value(array, attributes, dtype)
    found.pop("_FillValue", None)
    if fill is not None:
        found["_FillValue"] = fill

    def read(slices: tuple[slice, ...]) -> NDArray[Any]:
        _check_frames(array, slices, root)
        return np.asarray(array[slices])

    return VariableHeader(
        name=prefix + name,
        dimensions=tuple(str(one) for one in names),
        shape=tuple(array.shape),
        dtype=dtype,
        type_name=str(array.dtype),
        attributes=found,
        chunks=tuple(array.chunks),
        compressed=bool(array.compressors),
        read=read,
        group=prefix.rstrip("/"),
    )


def _fill_value(array: Any, attributes: dict[str, Any], dtype: np.dtype[Any] | None) -> Attribute | None:
    """Fill value as xarray understands it: the array's own in version 2, an attribute in version 3."""
    value = array.fill_value if array.metadata.zarr_format == 2 else attributes.get("_FillValue")
    if value is None or dtype is None or dtype.kind == "S":
        return None
    if isinstance(value, str):
        try:
            value = struct.unpack("<d", base64.standard_b64decode(value))[0]
        except (ValueError, struct.error):
            return Attribute(value, None, len(value))
    values = np.atleast_1d(np.asarray(value, dtype=dtype))
    return Attribute(values, None, values.nbytes)


def _attributes(values: dict[str, Any]) -> dict[str, Attribute]:
    """Attributes from their JSON form."""
    found = {}
    for name, value in values.items():
        nbytes = len(json.dumps(value, ensure_ascii=False, default=str))
        if isinstance(value, str):
            found[name] = Attribute(value, None, nbytes)
        elif isinstance(value, bool | int | float):
            found[name] = Attribute(np.atleast_1d(np.asarray(value)), None, nbytes)
        elif isinstance(value, list) and value and all(isinstance(one, int | float) for one in value):
            found[name] = Attribute(np.asarray(value), None, nbytes)
        else:
            found[name] = Attribute([json.dumps(value, ensure_ascii=False, default=str)], None, nbytes)
    return found


def _check_frames(array: Any, slices: tuple[slice, ...], root: Path) -> None:
    """Refuse the chunks of a reading that declare a decoded size above that of their array's chunks."""
    limit = int(np.prod(array.chunks, dtype=np.int64)) * array.dtype.itemsize
    places = [range(s.start // step, -(-s.stop // step)) for s, step in zip(slices, array.chunks, strict=True)]
    for place in islice(product(*places), _FRAMES_CHECKED):
        file = root / array.path / array.metadata.encode_chunk_key(place)
        if not file.is_file():
            continue
        with file.open("rb") as stream:
            declared = frame_bytes(stream.read(32), blosc="blosc" in str(array.compressors).lower())
        if declared is not None and declared > 2 * limit + 4096:
            msg = f"chunk {'.'.join(map(str, place))} decodes to {declared:,} bytes, its array has room for {limit:,}"
            raise OversizedChunkError(msg)


def frame_bytes(beginning: bytes, *, blosc: bool = False) -> int | None:
    """
    Decoded size that a compressed chunk declares.

    Parameters
    ----------
    beginning : bytes
        Its first 32 bytes.
    blosc : bool
        Whether it is known to be Blosc, which has no signature.

    Returns
    -------
    int or None
        Bytes; None if the chunk is not Zstandard or Blosc, or does not say.

    References
    ----------
    RFC 8878, section 3.1.1.1 (Zstandard frame header); Blosc1 chunk format.
    """
    if blosc and len(beginning) >= 16:
        return int.from_bytes(beginning[4:8], "little")
    if not beginning.startswith(b"\x28\xb5\x2f\xfd") or len(beginning) < 6:
        return None
    descriptor = beginning[4]
    single = bool(descriptor & 0x20)
    width = (1 if single else 0, 2, 4, 8)[descriptor >> 6]
    if not width:
        return None
    start = 5 + (0 if single else 1) + (0, 1, 2, 4)[descriptor & 3]
    return int.from_bytes(beginning[start : start + width], "little") + (256 if width == 2 else 0)
