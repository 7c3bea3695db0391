"""
Header of a netCDF-3 file (classic, 64-bit offset and CDF-5), read without the C library.

The C library fills a missing end with zeros and says nothing, and it replaces bytes of texts that are not UTF-8;
both are seen only by reading the header oneself.

References
----------
NetCDF classic format specification, Unidata; CDF-5 by PnetCDF.
"""

import dataclasses
import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oceandata.storage.soundness.header import Attribute, Fault, FileHeader, VariableHeader, fault

__all__ = ["HEADER_LIMIT_BYTES", "read_netcdf3_header"]

#: A header that goes on for longer is not read.
HEADER_LIMIT_BYTES = 64 * 2**20

_TYPES = {1: "i1", 2: "S1", 3: ">i2", 4: ">i4", 5: ">f4", 6: ">f8", 7: "u1", 8: ">u2", 9: ">u4", 10: ">i8", 11: ">u8"}
_STREAMING = {4: 0xFFFFFFFF, 8: 0xFFFFFFFFFFFFFFFF}


class _HeaderEnd(Exception):
    """The file ends, or the limit is reached, inside the header."""


class _HeaderFault(Exception):
    """The header breaks the rules of the format."""


class _Cursor:
    """Reads the header forward, number by number."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.place = 4
        self.count_bytes = 8 if content[3] == 5 else 4
        self.offset_bytes = 4 if content[3] == 1 else 8

    def take(self, nbytes: int) -> bytes:
        if nbytes < 0 or self.place + nbytes > len(self.content):
            raise _HeaderEnd
        piece = self.content[self.place : self.place + nbytes]
        self.place += nbytes
        return piece

    def number(self, nbytes: int) -> int:
        return int.from_bytes(self.take(nbytes), "big")

    def count(self) -> int:
        return self.number(self.count_bytes)

    def padded(self, nbytes: int) -> bytes:
        piece = self.take(nbytes)
        self.take(-nbytes % 4)
        return piece

    def name(self) -> str:
        return self.padded(self.count()).decode("utf-8", "backslashreplace")

    def elements(self, tag: int) -> int:
        """Number of elements of the list that begins here."""
        found, count = self.number(4), self.count()
        if found not in (0, tag) or (found == 0 and count):
            msg = f"list tag is {found} with {count} elements, need {tag}"
            raise _HeaderFault(msg)
        return count

    def attributes(self) -> dict[str, Attribute]:
        found = {}
        for _ in range(self.elements(0x0C)):
            name, code, count = self.name(), self.number(4), self.count()
            if code not in _TYPES:
                msg = f"attribute {name!r} is of type {code}"
                raise _HeaderFault(msg)
            dtype = np.dtype(_TYPES[code])
            raw = self.padded(count * dtype.itemsize)
            if code == 2:
                raw = raw.rstrip(b"\0")
                found[name] = Attribute(raw.decode("utf-8", "replace"), raw, len(raw))
            else:
                values = np.frombuffer(raw, dtype).astype(dtype.newbyteorder("="))
                found[name] = Attribute(values, None, len(raw))
        return found


@dataclasses.dataclass(frozen=True)
class _Declared:
    """A variable as the header declares it."""

    name: str
    dimension_ids: list[int]
    attributes: dict[str, Attribute]
    dtype: np.dtype[Any]
    begin: int


def read_netcdf3_header(path: str) -> FileHeader:
    """
    Header of a netCDF-3 file.

    A file that ends too early, or whose header cannot be understood, gives a header with that fault and, in the
    second case, without variables. The values of a file that ends too early are never read.

    Parameters
    ----------
    path : str
        A file that begins with ``CDF``.

    Returns
    -------
    FileHeader
        Dimensions, attributes, variables and faults.
    """
    nbytes = Path(path).stat().st_size
    length = 2**16
    with Path(path).open("rb") as stream:
        while True:
            stream.seek(0)
            content = stream.read(length)
            try:
                return _parsed(_Cursor(content), path, nbytes)
            except _HeaderFault as error:
                return FileHeader({}, {}, {}, nbytes, [_corrupt(str(error))])
            except _HeaderEnd:
                if len(content) < length:
                    return FileHeader({}, {}, {}, nbytes, [_cut_in_header(nbytes)])
                if length >= HEADER_LIMIT_BYTES:
                    return FileHeader({}, {}, {}, nbytes, [_oversized(nbytes)])
            length *= 4


def _cut_in_header(nbytes: int) -> Fault:
    message = f"The file is truncated: it ends inside its header, after {nbytes:,} bytes. Fetch it again."
    return fault("error", "truncated", "", message)


def _corrupt(reason: str) -> Fault:
    message = f"The netCDF-3 header is damaged: {reason}. Fetch the file again."
    return fault("error", "header-damaged", "", message)


def _oversized(nbytes: int) -> Fault:
    message = (
        f"The header is longer than {HEADER_LIMIT_BYTES // 2**20} MiB (file of {nbytes:,} bytes), which no ocean file"
        " needs. Do not open it before you know where it comes from."
    )
    return fault("error", "metadata-oversized", "", message)


def _parsed(cursor: _Cursor, path: str, nbytes: int) -> FileHeader:
    """Header from the bytes of the cursor."""
    records = stated = cursor.count()
    dimensions = [(cursor.name(), cursor.count()) for _ in range(cursor.elements(0x0A))]
    attributes = cursor.attributes()
    declared = [_variable(cursor, len(dimensions)) for _ in range(cursor.elements(0x0B))]
    unlimited = {index for index, (_, length) in enumerate(dimensions) if length == 0}
    step = _record_step(declared, dimensions, unlimited)
    if records == _STREAMING[cursor.count_bytes]:
        begin = min((one.begin for one in declared if unlimited & set(one.dimension_ids[:1])), default=nbytes)
        records = (nbytes - begin) // step if step else 0
    sizes = [(name, records if index in unlimited else length) for index, (name, length) in enumerate(dimensions)]
    header = FileHeader(dict(sizes), attributes, {}, nbytes)
    if records != stated:
        header.faults.append(_records_unknown(records))
    needed = cursor.place
    for one in declared:
        stride = step if unlimited & set(one.dimension_ids[:1]) else None
        variable = _header_of(one, sizes, path, stride)
        header.variables[one.name] = variable
        needed = max(needed, _end(one, variable, stride))
        if one.begin < cursor.place and variable.size:
            header.faults.append(_corrupt(f"the values of {one.name!r} begin inside the header"))
    if needed > nbytes:
        header.faults.append(_truncated(nbytes, needed))
    return header


def _records_unknown(records: int) -> Fault:
    message = f"The number of records is left open, as while a file is written (by its length {records:,})."
    return fault(
        "error", "records-unknown", "", f"{message} Close it in the program that writes it, or fetch it again."
    )


def _truncated(nbytes: int, needed: int) -> Fault:
    message = f"The file is truncated: {nbytes:,} bytes, need {needed:,}. Fetch it again; what is missing reads as 0."
    return fault("error", "truncated", "", message)


def _variable(cursor: _Cursor, n_dimensions: int) -> _Declared:
    """The variable that is declared at the place of the cursor."""
    name = cursor.name()
    ids = [cursor.count() for _ in range(cursor.count())]
    attributes = cursor.attributes()
    code = cursor.number(4)
    cursor.take(cursor.count_bytes)  # size, which overflows for large variables and follows from the shape
    begin = cursor.number(cursor.offset_bytes)
    if code not in _TYPES or any(index >= n_dimensions for index in ids):
        msg = f"variable {name!r} is of type {code} with dimensions {ids[:8]} of {n_dimensions}"
        raise _HeaderFault(msg)
    return _Declared(name, ids, attributes, np.dtype(_TYPES[code]), begin)


def _record_step(declared: list[_Declared], dimensions: list[tuple[str, int]], unlimited: set[int]) -> int:
    """Bytes from one record to the next: each variable padded to 4 bytes, save when there is only one."""
    sizes = []
    for one in declared:
        if unlimited & set(one.dimension_ids[:1]):
            lengths = [dimensions[index][1] for index in one.dimension_ids[1:]]
            sizes.append(math.prod(lengths) * one.dtype.itemsize)
    return sizes[0] if len(sizes) == 1 else sum(size + -size % 4 for size in sizes)


def _end(one: _Declared, variable: VariableHeader, stride: int | None) -> int:
    """First byte after the values of a variable, padding left out because some writers omit it at the end."""
    if not variable.size:
        return 0
    if stride is None:
        return one.begin + variable.size * one.dtype.itemsize
    one_record = math.prod(variable.shape[1:]) * one.dtype.itemsize
    return one.begin + (variable.shape[0] - 1) * stride + one_record


def _header_of(one: _Declared, sizes: list[tuple[str, int]], path: str, stride: int | None) -> VariableHeader:
    """Header of a variable that reads its values through a memory map."""
    dimensions = tuple(sizes[index][0] for index in one.dimension_ids)
    shape = tuple(sizes[index][1] for index in one.dimension_ids)

    def read(slices: tuple[slice, ...]) -> NDArray[Any]:
        mapped = np.memmap(path, dtype=np.uint8, mode="r")
        strides = [one.dtype.itemsize * math.prod(shape[place + 1 :]) for place in range(len(shape))]
        if stride is not None:
            strides[0] = stride
        values: NDArray[Any] = np.ndarray(shape, one.dtype, mapped, one.begin, tuple(strides))
        return np.array(values[slices], dtype=one.dtype.newbyteorder("="))

    return VariableHeader(
        name=one.name,
        dimensions=dimensions,
        shape=shape,
        dtype=one.dtype.newbyteorder("="),
        type_name="char" if one.dtype.kind == "S" else str(one.dtype.newbyteorder("=")),
        attributes=one.attributes,
        chunks=None,
        compressed=False,
        read=read,
        begin=one.begin,
        record_step=stride,
    )
