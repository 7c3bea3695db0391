"""
The content root of a revision, scheme ``od-leaf-1``: what is stored, as one digest anyone can recompute.

- leaf of a chunk: ``H(0x00 ‖ key ‖ 0x0A ‖ H(stored bytes))``; of a chunk that is not stored because every value is
  the fill value: ``H(0x00 ‖ key ‖ 0x0A)``
- tree of an array: RFC 6962 over its leaves in the order of the chunk grid, last dimension fastest
- leaf of an array in the dataset: ``H(0x00 ‖ path ‖ 0x0A ‖ H(canonical metadata) ‖ root of the array)``
- content root: RFC 6962 over those, sorted by path; the group itself is the path ``""`` with the root of no leaves

H is SHA-256, keys and paths are UTF-8 and relative to the layout's group. The leaves and stored sizes are kept inside
the repository, in the same commit as the data, under ``_integrity/<layout>/<variable>``. `docs/content-root.md` has
the full text and test vectors.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from zarr.storage import WrapperStore

if TYPE_CHECKING:
    import numpy.typing as npt
    from zarr.abc.store import Store
    from zarr.core.buffer import Buffer

__all__ = [
    "ABSENT",
    "INTEGRITY_GROUP",
    "HashingStore",
    "array_leaf",
    "canonical_metadata",
    "chunk_key",
    "chunk_leaf",
    "content_root",
    "digest_rows",
    "grid_positions",
    "merkle_root",
]

#: Group of a repository that holds the leaves.
INTEGRITY_GROUP = "_integrity"

#: Stored size of a chunk that is not stored.
ABSENT = -1


def _hash(*parts: bytes) -> bytes:
    return hashlib.sha256(b"".join(parts)).digest()


def chunk_key(path: str, position: Sequence[int]) -> str:
    """
    Key of a chunk, relative to the layout's group (Zarr v3, default separator).

    Parameters
    ----------
    path : str
        Path of the array.
    position : sequence of int
        Place in the chunk grid.

    Returns
    -------
    str
        Such as ``"sst/c/0/0/1"``.

    Examples
    --------
    >>> chunk_key("sst", (0, 0, 1))
    'sst/c/0/0/1'
    """
    return "/".join((path, "c", *(str(int(number)) for number in position)))


def chunk_leaf(key: str, stored: bytes | None) -> bytes:
    """
    Leaf digest of one chunk.

    Parameters
    ----------
    key : str
        Key relative to the layout's group.
    stored : bytes or None
        Bytes as stored (compressed); None for a chunk that is not stored.

    Returns
    -------
    bytes
        32 bytes.
    """
    head = b"\x00" + key.encode() + b"\n"
    return _hash(head) if stored is None else _hash(head, _hash(stored))


def merkle_root(leaves: Iterable[bytes]) -> bytes:
    """
    Root of an RFC 6962 tree over digests that are leaves already.

    Parameters
    ----------
    leaves : iterable of bytes
        Leaf digests in order.

    Returns
    -------
    bytes
        32 bytes; of no leaves, the digest of nothing.

    References
    ----------
    Laurie, Langley and Kasper 2013, RFC 6962, section 2.1.

    Examples
    --------
    >>> merkle_root([]).hex()[:8]
    'e3b0c442'
    """
    stack: list[tuple[int, bytes]] = []  # complete subtrees, joined as they fill
    for leaf in leaves:
        size, digest = 1, leaf
        while stack and stack[-1][0] == size:
            digest = _hash(b"\x01", stack.pop()[1], digest)
            size *= 2
        stack.append((size, digest))
    digest = stack.pop()[1] if stack else _hash()
    while stack:
        digest = _hash(b"\x01", stack.pop()[1], digest)
    return digest


def canonical_metadata(document: dict[str, Any]) -> bytes:
    """
    Metadata document of an array or group in its one written form.

    Consolidated metadata is left out: it repeats other documents.

    Parameters
    ----------
    document : dict
        Content of ``zarr.json``.

    Returns
    -------
    bytes
        JSON in UTF-8 with sorted keys and no spaces.
    """
    kept = {key: value for key, value in document.items() if key != "consolidated_metadata"}
    return json.dumps(kept, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def array_leaf(path: str, document: dict[str, Any], leaves: Iterable[bytes]) -> bytes:
    """
    Leaf of one array (or of the group, path ``""``) in the tree of the dataset.

    Parameters
    ----------
    path : str
        Path relative to the layout's group.
    document : dict
        Content of its ``zarr.json``.
    leaves : iterable of bytes
        Leaf digests of its chunks in grid order; none for the group.

    Returns
    -------
    bytes
        32 bytes.
    """
    return _hash(b"\x00", path.encode(), b"\n", _hash(canonical_metadata(document)), merkle_root(leaves))


def content_root(documents: dict[str, dict[str, Any]], leaves: dict[str, Iterable[bytes]]) -> str:
    """
    Content root of a dataset.

    Parameters
    ----------
    documents : dict of str to dict
        ``zarr.json`` of the group (path ``""``) and of each array.
    leaves : dict of str to iterable of bytes
        Leaf digests of each array in grid order.

    Returns
    -------
    str
        ``"sha256:"`` and 64 hexadecimal digits.
    """
    nodes = [array_leaf(path, documents[path], leaves.get(path, ())) for path in sorted(documents)]
    return "sha256:" + merkle_root(nodes).hex()


def grid_positions(grid: Sequence[int]) -> Iterator[tuple[int, ...]]:
    """Positions of a chunk grid, last dimension fastest."""
    return iter(np.ndindex(*grid))


def digest_rows(digests: "npt.NDArray[np.uint8]") -> Iterator[bytes]:
    """Leaf digests of an array shaped (chunk grid, 32), in grid order."""
    flat = digests.reshape(-1, 32)
    return (row.tobytes() for row in flat)


class HashingStore(WrapperStore["Store"]):
    """
    A store that hashes every chunk as it is written.

    Parameters
    ----------
    store : zarr.abc.store.Store
        The writable store below.
    group : str
        Layout whose keys are hashed; leaves are relative to it.

    Attributes
    ----------
    written : dict of str to (bytes, int)
        Leaf digest and stored size by key of the chunks written since it was last emptied.
    """

    def __init__(self, store: "Store", group: str) -> None:
        super().__init__(store)
        self.group = group
        self.written: dict[str, tuple[bytes, int]] = {}

    def _with_store(self, store: "Store") -> "HashingStore":
        other = type(self)(store, self.group)
        other.written = self.written
        return other

    async def set(self, key: str, value: "Buffer") -> None:
        """Write an object and remember its leaf."""
        prefix = self.group + "/"
        if key.startswith(prefix) and not key.endswith("zarr.json"):
            stored = value.to_bytes()
            relative = key[len(prefix) :]
            self.written[relative] = (chunk_leaf(relative, stored), len(stored))
        await self._store.set(key, value)
