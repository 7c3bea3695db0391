"""How an array is cut into boxes: the blocks it is read in, the chunks it is written in, and rows of a table."""

import itertools
import math
from collections.abc import Iterator, Sequence

__all__ = ["Box", "blocks_of_boxes", "cut_boxes", "merged_chunks", "output_chunks", "row_blocks"]

Box = tuple[slice, ...]

# An output chunk is merged up to the first size, and halved down to the second.
_SMALL_CHUNK_BYTES = 1_000_000
_LARGE_CHUNK_BYTES = 4_000_000


def cut_boxes(blocks: Sequence[Sequence[int]]) -> Iterator[Box]:
    """
    Boxes of a grid of blocks, the last dimension fastest.

    Parameters
    ----------
    blocks : sequence of sequence of int
        Lengths of the blocks along each dimension.

    Yields
    ------
    tuple of slice
        Start and stop along each dimension.

    Examples
    --------
    >>> [(box[0].start, box[0].stop) for box in cut_boxes([[2, 3, 1]])]
    [(0, 2), (2, 5), (5, 6)]
    """
    edges = [[0, *itertools.accumulate(lengths)] for lengths in blocks]
    yield from itertools.product(*([slice(lo, hi) for lo, hi in itertools.pairwise(one)] for one in edges))


def blocks_of_boxes(shape: Sequence[int], lengths: Sequence[int]) -> tuple[tuple[int, ...], ...]:
    """
    Lengths of equal blocks along each dimension, the last one what is left.

    Parameters
    ----------
    shape, lengths : sequence of int
        Size, and length of a block, along each dimension.

    Returns
    -------
    tuple of tuple of int
        As `cut_boxes` and Dask take them.

    Examples
    --------
    >>> blocks_of_boxes([7, 2], [3, 2])
    ((3, 3, 1), (2,))
    """
    return tuple(
        (length,) * (size // length) + ((size % length,) if size % length else ())
        for size, length in zip(shape, lengths, strict=True)
    )


def merged_chunks(shape: Sequence[int], chunks: Sequence[int], itemsize: int, budget_bytes: int) -> tuple[int, ...]:
    """
    Lengths of a block of whole chunks, merged up to a size, last dimension first.

    Parameters
    ----------
    shape, chunks : sequence of int
        Size, and length of a chunk, along each dimension.
    itemsize, budget_bytes : int
        Bytes of a value, and of a block; a chunk above it is left as it is.

    Returns
    -------
    tuple of int
        Multiples of `chunks`, or the whole dimension.

    Examples
    --------
    >>> merged_chunks([100, 20, 20], [1, 10, 10], 4, 16_000)
    (10, 20, 20)
    """
    block = [min(chunk, size) for chunk, size in zip(chunks, shape, strict=True)]
    room = budget_bytes // max(1, math.prod(block) * itemsize)
    for dim in reversed(range(len(block))):
        if room < 2:
            break
        count = math.ceil(shape[dim] / block[dim])
        merged = min(count, room)
        block[dim] = min(block[dim] * merged, shape[dim])
        room = room // merged if merged == count else 1
    return tuple(block)


def output_chunks(shape: Sequence[int], stored: Sequence[int], itemsize: int) -> tuple[int, ...]:
    """
    Chunks to write: those of the source, cut to the selection, neither tiny nor large.

    Parameters
    ----------
    shape, stored : sequence of int
        Size of the selection, and length of a chunk of the source, along each dimension.
    itemsize : int
        Bytes of a value.

    Returns
    -------
    tuple of int
        Lengths; about 1 to 4 MB decoded unless the array is smaller.

    Examples
    --------
    >>> output_chunks([54, 18, 432], [12, 18, 432], 4)
    (24, 18, 432)
    """
    chunk = [min(length, size) for length, size in zip(stored, shape, strict=True)]
    while math.prod(chunk) * itemsize > _LARGE_CHUNK_BYTES:
        first = next(dim for dim, length in enumerate(chunk) if length > 1)
        chunk[first] = math.ceil(chunk[first] / 2)
    return merged_chunks(shape, chunk, itemsize, _SMALL_CHUNK_BYTES)


def row_blocks(shape: Sequence[int], rows: int) -> tuple[tuple[int, ...], ...]:
    """
    Blocks that follow each other in the order of the rows of a long table.

    Parameters
    ----------
    shape : sequence of int
        Size along each dimension.
    rows : int
        Most rows of a block.

    Returns
    -------
    tuple of tuple of int
        Single steps of the first dimensions, parts of one, and the others whole.

    Examples
    --------
    >>> row_blocks([2, 5, 4], 8)
    ((1, 1), (2, 2, 1), (4,))
    """
    lengths = []
    room = rows
    for size in reversed(shape):
        lengths.append(max(1, min(size, room)))
        room = room // size if lengths[-1] == size else 1
    return blocks_of_boxes(shape, lengths[::-1])
