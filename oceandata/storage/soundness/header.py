"""One form for the header of every format, so that each check is written once; and bounded reading of values."""

import dataclasses
import math
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from oceandata.storage.soundness.report import Finding, Severity

if TYPE_CHECKING:
    import xarray

__all__ = [
    "READ_CHUNK_BYTES",
    "SAMPLED_CHUNKS",
    "SAMPLED_VALUES",
    "Attribute",
    "Fault",
    "FileHeader",
    "Mend",
    "OversizedChunkError",
    "VariableHeader",
    "fault",
    "numeric",
    "quiet",
]

#: Chunks of a variable that a deep inspection reads: the first, the last and two between them.
SAMPLED_CHUNKS = 4
#: Values read at most of one coordinate, or of one sampled piece of an unchunked variable.
SAMPLED_VALUES = 1_000_000
#: A stored chunk that decodes to more is not read, to keep the memory of an inspection bounded.
READ_CHUNK_BYTES = 256 * 2**20

Slices = tuple[slice, ...]
Mend = Callable[["xarray.Dataset"], "xarray.Dataset"]


class OversizedChunkError(Exception):
    """A stored chunk declares that it decodes to more than its array can hold."""


@dataclasses.dataclass(frozen=True)
class Fault:
    """
    A finding with the function that mends it.

    Attributes
    ----------
    finding : Finding
        What the report says.
    mend : callable or None
        Takes the undecoded dataset and returns it mended; None exactly if the finding states no repair.
    """

    finding: Finding
    mend: Mend | None = None


def fault(
    severity: Severity, code: str, where: str, message: str, *, repair: str = "", mend: Mend | None = None
) -> Fault:
    """
    Fault from its parts.

    Parameters
    ----------
    severity : {"note", "warning", "error"}
        How bad it is.
    code, where, message, repair : str
        As in `Finding`.
    mend : callable, optional
        What does the repair.

    Returns
    -------
    Fault
        The fault.

    Raises
    ------
    ValueError
        If a repair is stated that nothing does, or one is done that is not stated.
    """
    if bool(repair) != (mend is not None):
        msg = f"fault {code!r} states repair {repair!r} and mends with {mend!r}, need both or none."
        raise ValueError(msg)
    return Fault(Finding(severity, code, where, message, repair), mend)


_WARNINGS_LOCK = threading.RLock()


@contextmanager
def quiet() -> Iterator[None]:
    """
    Silence warnings of the libraries for the length of a ``with`` block, one thread at a time.

    Yields
    ------
    None
        Filters of warnings belong to the whole interpreter, so two threads that change them must not overlap.
    """
    with _WARNINGS_LOCK, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@dataclasses.dataclass(frozen=True)
class Attribute:
    """
    One attribute.

    Attributes
    ----------
    value : str, numpy.ndarray or list of str
        Text is decoded as UTF-8 with U+FFFD where that fails; numbers keep their stored type, one-dimensional.
    raw : bytes or None
        Bytes of a single text as stored, None for numbers and for lists of texts.
    nbytes : int
        Stored size.
    """

    value: Any
    raw: bytes | None
    nbytes: int

    @property
    def text(self) -> str:
        """The value if it is a text, otherwise an empty string."""
        return self.value if isinstance(self.value, str) else ""


@dataclasses.dataclass(frozen=True)
class VariableHeader:
    """
    One variable as the header declares it, and how to read a piece of it.

    Attributes
    ----------
    name : str
        Name, with the path of its group in front if it is not in the root group.
    dimensions, shape : tuple
        Names and sizes.
    dtype : numpy.dtype or None
        None for user-defined types and strings.
    type_name : str
        Type as the report shows it.
    attributes : dict of str to Attribute
        Attributes by name.
    chunks : tuple of int or None
        Shape of a stored chunk, None if the values are stored in one piece.
    compressed : bool
        Whether stored and decoded sizes differ.
    read : callable
        Takes a tuple of slices, one for each dimension, and returns the values as stored (packed, not masked).
    group : str
        Path of the group, empty for the root group.
    begin, record_step : int or None
        First byte of the values of a netCDF-3 variable, and bytes from one record to the next; None where the format
        says otherwise, or the variable has no records.
    """

    name: str
    dimensions: tuple[str, ...]
    shape: tuple[int, ...]
    dtype: np.dtype[Any] | None
    type_name: str
    attributes: dict[str, Attribute]
    chunks: tuple[int, ...] | None
    compressed: bool
    read: Callable[[Slices], NDArray[Any]]
    group: str = ""
    begin: int | None = None
    record_step: int | None = None

    @property
    def size(self) -> int:
        """Number of values."""
        return math.prod(self.shape)

    @property
    def chunk_bytes(self) -> int:
        """Decoded bytes of one stored chunk; of an unchunked variable one value, because any piece can be read."""
        itemsize = self.dtype.itemsize if self.dtype is not None else 8
        return math.prod(self.chunks or ()) * itemsize

    @property
    def is_numeric(self) -> bool:
        """Whether the values are integers or floating-point numbers."""
        return self.dtype is not None and self.dtype.kind in "iuf"

    @property
    def is_axis(self) -> bool:
        """Whether this is the coordinate variable of a dimension: one-dimensional and of its name."""
        return self.dimensions == (self.name.rpartition("/")[2],)

    @property
    def readable(self) -> bool:
        """Whether a piece can be read within bounded memory."""
        return self.chunk_bytes <= READ_CHUNK_BYTES

    def text(self, name: str) -> str:
        """
        Text of an attribute.

        Parameters
        ----------
        name : str
            Name of the attribute.

        Returns
        -------
        str
            Empty if there is none or it is not a text.
        """
        attribute = self.attributes.get(name)
        return attribute.text.strip() if attribute else ""

    def leading(self, limit: int = SAMPLED_VALUES) -> NDArray[Any] | None:
        """
        Values at the beginning.

        Parameters
        ----------
        limit : int
            Number of values to read at most.

        Returns
        -------
        numpy.ndarray or None
            Values as stored; None if there are none or reading them would take unbounded memory.
        """
        if not self.size or not self.is_numeric or not self.readable:
            return None
        return self.read(tuple(slice(0, length) for length in _piece(self.shape, limit)))

    def samples(self) -> Iterator[NDArray[Any]]:
        """
        Values of a few chunks spread evenly over the variable, the first and the last among them.

        Yields
        ------
        numpy.ndarray
            Values of one chunk (at most `SAMPLED_CHUNKS` of them) as stored.
        """
        if not self.size or not self.is_numeric or not self.readable:
            return
        piece = self.chunks if self.compressed and self.chunks else _piece(self.shape, SAMPLED_VALUES)
        counts = tuple(-(-length // step) for length, step in zip(self.shape, piece, strict=True))
        last = math.prod(counts) - 1
        places = sorted({last * i // (SAMPLED_CHUNKS - 1) for i in range(SAMPLED_CHUNKS)})
        for place in islice(places, SAMPLED_CHUNKS):
            index = np.unravel_index(place, counts) if counts else ()
            starts = [int(one) * step for one, step in zip(index, piece, strict=True)]
            ends = [min(start + step, length) for start, step, length in zip(starts, piece, self.shape, strict=True)]
            yield self.read(tuple(map(slice, starts, ends)))


@dataclasses.dataclass(frozen=True)
class FileHeader:
    """
    What a file declares.

    Attributes
    ----------
    dimensions : dict of str to int
        Sizes; those of groups with their path in front.
    attributes : dict of str to Attribute
        Attributes of the root group.
    variables : dict of str to VariableHeader
        Variables by name.
    nbytes : int
        Size of the file.
    faults : list of Fault
        What was wrong with the header itself.
    """

    dimensions: dict[str, int]
    attributes: dict[str, Attribute]
    variables: dict[str, VariableHeader]
    nbytes: int
    faults: list[Fault] = dataclasses.field(default_factory=list)

    def all_attributes(self) -> Iterator[tuple[str, str, Attribute]]:
        """
        Every attribute of the file.

        Yields
        ------
        tuple of str, str, Attribute
            Name of the variable (empty for the file), name of the attribute, and the attribute.
        """
        for name, attribute in self.attributes.items():
            yield "", name, attribute
        for variable in self.variables.values():
            for name, attribute in variable.attributes.items():
                yield variable.name, name, attribute


def numeric(variable: VariableHeader, values: NDArray[Any]) -> NDArray[np.float64]:
    """
    Physical values: declared missing ones are NaN, packed ones unpacked, unsigned ones read as such.

    A fill value or scale that is a text is left out of account.

    Parameters
    ----------
    variable : VariableHeader
        The variable that the values are from.
    values : numpy.ndarray
        Values as stored.

    Returns
    -------
    numpy.ndarray of float64
        Of the same shape.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        return _physical(variable, values)


def _physical(variable: VariableHeader, values: NDArray[Any]) -> NDArray[np.float64]:
    """Values unsigned, masked and unpacked, in this order."""
    if variable.text("_Unsigned").lower() == "true" and values.dtype.kind == "i":
        values = values.view(values.dtype.str.replace("i", "u"))
    physical: NDArray[np.float64] = values.astype(np.float64)
    for name in ("_FillValue", "missing_value"):
        attribute = variable.attributes.get(name)
        if attribute is not None and isinstance(attribute.value, np.ndarray) and attribute.value.dtype.kind in "iuf":
            physical[np.isin(values, attribute.value.astype(values.dtype))] = np.nan
    for name, operation in (("scale_factor", np.multiply), ("add_offset", np.add)):
        attribute = variable.attributes.get(name)
        if attribute is not None and isinstance(attribute.value, np.ndarray) and attribute.value.size == 1:
            physical = operation(physical, float(attribute.value.reshape(-1)[0]))
    return physical


def _piece(shape: tuple[int, ...], limit: int) -> tuple[int, ...]:
    """Shape of a leading piece of at most ``limit`` values, whole in the last dimensions as far as it goes."""
    lengths: list[int] = []
    left = limit
    for length in reversed(shape):
        lengths.append(max(1, min(length, left)))
        left //= lengths[-1]
    return tuple(reversed(lengths))
