"""
The chunk planner: shape, meaning of the dimensions and wanted access in, chunk shape out.

Pure: whole numbers in, whole numbers out, so that a plan can be tested, printed and argued about before a byte moves.
"""

import itertools
import math
from collections.abc import Iterator, Sequence

from oceandata.errors import InputError

__all__ = ["ACCESS", "DEFAULT_CHUNK_BYTES", "chunk_count", "cut_range", "even_chunk", "plan_chunks"]

#: What chunks can be made for.
ACCESS = ("maps", "series", "balanced")

#: Decoded size of a chunk to aim at. Through Icechunk plain chunks of 1 to 16 MB read best.
DEFAULT_CHUNK_BYTES = 4_000_000

# Dimensions in the order in which a chunk grows along them; a letter not named here counts as "other".
_GROWTH = {"maps": ("other", "XY", "Z", "T"), "series": ("other", "T", "Z", "XY")}


def even_chunk(size: int, limit: int) -> int:
    """
    Largest chunk within a limit that divides a dimension evenly, but for the last.

    Parameters
    ----------
    size : int
        Length of the dimension.
    limit : int
        Largest chunk allowed, at least 1.

    Returns
    -------
    int
        Chunk length: the same number of chunks as `limit` gives, as equal as whole numbers allow.

    Examples
    --------
    >>> even_chunk(54, 12)
    11
    >>> even_chunk(54, 100)
    54
    """
    if size <= 0:
        return 1
    return math.ceil(size / math.ceil(size / max(1, min(size, limit))))


def chunk_count(shape: Sequence[int], chunks: Sequence[int]) -> tuple[int, ...]:
    """
    Number of chunks along each dimension.

    Parameters
    ----------
    shape, chunks : sequence of int
        Size of the array and of one chunk along each dimension.

    Returns
    -------
    tuple of int
        The chunk grid; a scalar has the empty grid, which is one chunk.
    """
    return tuple(math.ceil(size / chunk) for size, chunk in zip(shape, chunks, strict=True))


def cut_range(start: int, stop: int, chunk: int, longest: int) -> Iterator[slice]:
    """
    Pieces of a range that cut no chunk, so that none is decoded twice.

    Parameters
    ----------
    start, stop : int
        The range.
    chunk : int
        Length of the chunks, counted from zero.
    longest : int
        Length of a piece not to exceed, but for one chunk, which is always taken whole.

    Yields
    ------
    slice
        In order; nothing of an empty range.

    Examples
    --------
    >>> list(cut_range(3, 12, 5, 6))
    [slice(3, 5, None), slice(5, 10, None), slice(10, 12, None)]
    """
    length = max(1, longest // chunk) * chunk
    edges = range((start // length + 1) * length, stop, length)
    for first, last in itertools.pairwise((start, *edges, stop) if start < stop else ()):
        yield slice(first, last)


def _grow(chunk: list[int], shape: Sequence[int], dims: list[int], room: float) -> float:
    """Grow a chunk evenly along some dimensions until the room is used; returns what is left."""
    open_dims = sorted(dims, key=lambda dim: shape[dim])
    while open_dims:
        share = room ** (1 / len(open_dims))
        dim = open_dims.pop(0)
        chunk[dim] = even_chunk(shape[dim], max(1, int(share * (1 + 1e-12))))
        room /= chunk[dim]
    return max(1.0, room)


def _balanced(chunk: list[int], shape: Sequence[int], by_role: dict[str, list[int]], room: float) -> None:
    """Cut time and space into about equally many chunks, so that a map and a series cost the same."""
    n_time = math.prod(shape[dim] for dim in by_role["T"])
    n_space = math.prod(shape[dim] for dim in by_role["XY"] + by_role["Z"])
    pieces = math.sqrt(max(1.0, n_time * n_space / room))
    time_room = max(1.0, n_time / pieces)
    left = _grow(chunk, shape, by_role["T"], min(time_room, room))
    time_size = math.prod(chunk[dim] for dim in by_role["T"])
    del left
    _grow(chunk, shape, by_role["XY"] + by_role["Z"], max(1.0, room / time_size))


def plan_chunks(
    shape: Sequence[int],
    roles: Sequence[str],
    itemsize: int,
    *,
    access: str = "maps",
    target_bytes: int = DEFAULT_CHUNK_BYTES,
) -> tuple[int, ...]:
    """
    Chunk shape for an array, from what will be read.

    ``maps`` keeps whole maps together and cuts time first; ``series`` keeps time together and cuts space first;
    ``balanced`` makes reading one map and reading one series touch about as many chunks. Dimensions that are neither
    space nor time (bounds, members) stay whole as far as the target allows. Along each dimension chunks are as equal
    as whole numbers allow. A dimension of length zero gets chunks of one.

    Parameters
    ----------
    shape : sequence of int
        Size of the array.
    roles : sequence of str
        Meaning of each dimension: ``"X"``, ``"Y"``, ``"Z"``, ``"T"`` or ``""``.
    itemsize : int
        Bytes of one stored value.
    access : {"maps", "series", "balanced"}
        What will be read.
    target_bytes : int
        Decoded size of a chunk not to exceed.

    Returns
    -------
    tuple of int
        Chunk length along each dimension; their product times `itemsize` is at most `target_bytes`, or one value.

    Raises
    ------
    InputError
        If `access` is unknown, a size is negative or the target is not positive.

    Examples
    --------
    >>> plan_chunks((7305, 180, 360), "TYX", 4, access="maps", target_bytes=4_000_000)
    (15, 180, 360)
    >>> plan_chunks((7305, 180, 360), "TYX", 4, access="series", target_bytes=4_000_000)
    (7305, 11, 12)
    """
    if access not in ACCESS:
        msg = f"access is {access!r}, need one of {', '.join(ACCESS)}."
        raise InputError(msg)
    if target_bytes < 1 or itemsize < 1 or any(size < 0 for size in shape) or len(roles) != len(shape):
        msg = (
            f"cannot plan chunks for shape {tuple(shape)}, roles {tuple(roles)}, {itemsize} B a value and a target of "
            f"{target_bytes} B: need sizes of zero or more, a role for each, and a target above zero."
        )
        raise InputError(msg)
    by_role: dict[str, list[int]] = {"XY": [], "Z": [], "T": [], "other": []}
    for dim, role in enumerate(roles):
        name = {"X": "XY", "Y": "XY", "Z": "Z", "T": "T"}.get(role, "other")
        by_role[name].append(dim)
    chunk = [1] * len(shape)
    room = max(1.0, target_bytes / itemsize)
    if access == "balanced":
        room = _grow(chunk, shape, by_role["other"], room)
        _balanced(chunk, shape, by_role, room)
        return tuple(chunk)
    for name in _GROWTH[access]:
        room = _grow(chunk, shape, by_role[name], room)
    return tuple(chunk)
