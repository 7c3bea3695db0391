"""
Header of a netCDF-4 file: its superblock read here, the rest through the C library under the lock that xarray uses.

References
----------
HDF5 File Format Specification 3.0, section II.A (superblock), The HDF Group.
"""

import math
import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oceandata.storage.soundness.header import Attribute, Fault, FileHeader, VariableHeader, fault, quiet

__all__ = ["read_hdf5_header", "superblock_fault"]

_SIGNATURE = b"\x89HDF\r\n\x1a\n"


def superblock_fault(path: str) -> Fault | None:
    """
    What the superblock of an HDF5 file says against the size of the file.

    Parameters
    ----------
    path : str
        A file with the signature of HDF5.

    Returns
    -------
    Fault or None
        ``truncated`` if the file is shorter than its recorded end, ``header-damaged`` if the superblock cannot be
        understood.
    """
    nbytes = Path(path).stat().st_size
    with Path(path).open("rb") as stream:
        for start in (0, *(2**power for power in range(9, 16))):
            stream.seek(start)
            block = stream.read(96)
            if block.startswith(_SIGNATURE):
                break
    end = _recorded_end(block)
    if end is None and len(block) < 96:
        message = f"The file is truncated: it ends inside its superblock, after {nbytes:,} bytes. Fetch it again."
        return fault("error", "truncated", "", message)
    if end is None:
        return fault("error", "header-damaged", "", "The HDF5 superblock is damaged. Fetch the file again.")
    if end > nbytes:
        message = f"The file is truncated: {nbytes:,} bytes, need {end:,}. Fetch it again."
        return fault("error", "truncated", "", message)
    return None


def _recorded_end(block: bytes) -> int | None:
    """End-of-file address in a superblock of version 0 to 3; None if it cannot be read."""
    if len(block) < 16:
        return None
    version = block[8]
    if version in (0, 1):
        width, first = block[13], 24 + 4 * version
    elif version in (2, 3):
        width, first = block[9], 12
    else:
        return None
    place = first + 2 * width
    if width not in (2, 4, 8) or len(block) < place + width:
        return None
    return int.from_bytes(block[place : place + width], "little")


def read_hdf5_header(path: str) -> FileHeader:
    """
    Header of a netCDF-4 file, all groups.

    A file that the library cannot open gives a header with the fault ``unreadable`` and without variables. Values
    are read by opening the file again, so that nothing stays open.

    Parameters
    ----------
    path : str
        A file with the signature of HDF5.

    Returns
    -------
    FileHeader
        Dimensions, attributes, variables and faults.
    """
    header = FileHeader({}, {}, {}, Path(path).stat().st_size)
    found = superblock_fault(path)
    if found is not None:
        header.faults.append(found)
        return header
    try:
        with _Opened(path) as dataset:
            _collect(dataset, "", path, header)
    except (OSError, RuntimeError) as error:
        message = f"The netCDF library cannot open the file ({error}). Fetch it again, or ask who wrote it."
        header.faults.append(fault("error", "unreadable", "", message))
    return header


class _Opened:
    """A netCDF4 dataset that gives values as stored, open under the lock of the C libraries."""

    def __init__(self, path: str) -> None:
        from xarray.backends.locks import HDF5_LOCK, NETCDFC_LOCK, combine_locks

        self.path = path
        self.lock: Any = combine_locks([NETCDFC_LOCK, HDF5_LOCK])
        self.dataset: Any = None

    def __enter__(self) -> Any:
        import netCDF4

        self.lock.__enter__()
        try:
            with quiet():  # it warns of each type that it does not know
                # a name that is not UTF-8 passes through as its bytes
                name = os.fsencode(self.path).decode("latin-1")
                self.dataset = netCDF4.Dataset(name, encoding="latin-1")
            self.dataset.set_auto_maskandscale(False)
            self.dataset.set_auto_chartostring(False)
        except BaseException:
            self.lock.__exit__(None, None, None)
            raise
        return self.dataset

    def __exit__(self, *exception: object) -> None:
        try:
            self.dataset.close()
        finally:
            self.lock.__exit__(None, None, None)


def _collect(group: Any, prefix: str, path: str, header: FileHeader) -> None:
    """Put the dimensions and variables of a group, and of those below it, into the header."""
    for name, dimension in group.dimensions.items():
        header.dimensions[prefix + name] = len(dimension)
    attributes = _attributes(group)
    if not prefix:
        header.attributes.update(attributes)
    for name, variable in group.variables.items():
        header.variables[prefix + name] = _variable(name, variable, prefix, path)
    for table in (group.cmptypes, group.vltypes, group.enumtypes):
        for name in table:
            message = f"The file defines its own type {name!r}, which most software cannot read."
            header.faults.append(fault("note", "type-user-defined", prefix + name, message))
    for name, child in group.groups.items():
        message = f"The file has a group {prefix + name!r}, which opening the file leaves out. Open it by its name."
        header.faults.append(fault("note", "group", prefix + name, message))
        _collect(child, f"{prefix}{name}/", path, header)


def _variable(name: str, variable: Any, prefix: str, path: str) -> VariableHeader:
    """Header of one variable."""
    datatype = variable.datatype
    dtype = datatype if isinstance(datatype, np.dtype) and datatype.kind in "iufS" else None
    chunks = variable.chunking()
    filters = variable.filters() or {}

    def read(slices: tuple[slice, ...]) -> NDArray[Any]:
        with _Opened(path) as dataset:
            place = dataset
            for part in filter(None, prefix.split("/")):
                place = place.groups[part]
            return np.asarray(place.variables[name][slices])

    return VariableHeader(
        name=prefix + name,
        dimensions=tuple(variable.dimensions),
        shape=tuple(int(length) for length in variable.shape),
        dtype=dtype,
        type_name="string" if variable.dtype is str else _type_name(datatype),
        attributes=_attributes(variable),
        chunks=tuple(chunks) if isinstance(chunks, list) else None,
        compressed=any(bool(on) for key, on in filters.items() if key not in ("shuffle", "complevel", "fletcher32")),
        read=read,
        group=prefix.rstrip("/"),
    )


def _type_name(datatype: Any) -> str:
    """Name of a type for the report."""
    if isinstance(datatype, np.dtype) and datatype.kind != "V":
        return "char" if datatype.kind == "S" else str(datatype)
    return type(datatype).__name__.removesuffix("Type").lower()


def _attributes(owner: Any) -> dict[str, Attribute]:
    """Attributes of a group or variable, texts with their bytes."""
    found = {}
    for name in owner.ncattrs():
        try:
            value = owner.getncattr(name, encoding="latin-1")
        except (KeyError, AttributeError, RuntimeError):  # a type that the binding does not know
            continue
        found[name] = _attribute(value)
    return found


def _attribute(value: Any) -> Attribute:
    """Attribute from what the binding returns when it reads each byte as one character."""
    if isinstance(value, str):
        raw = value.encode("latin-1")
        return Attribute(raw.decode("utf-8", "replace"), raw, len(raw))
    if isinstance(value, list):
        texts = [str(text).encode("latin-1", "replace").decode("utf-8", "replace") for text in value]
        return Attribute(texts, None, sum(map(len, texts)))
    values = np.atleast_1d(np.asarray(value))
    return Attribute(values, None, math.prod(values.shape) * values.dtype.itemsize)
