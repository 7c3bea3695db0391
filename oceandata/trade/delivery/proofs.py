"""
Audit paths: proof that a leaf is in a tree, from the leaf and a few digests beside it.

The tree is that of the content root (RFC 6962); a path holds the sibling of each node on the way up, from the leaf.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence

__all__ = ["DIGEST_BYTES", "Tree", "root_from_path"]

#: Bytes of a digest.
DIGEST_BYTES = 32


def _parent(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def _pairs(level: bytes) -> Iterator[bytes]:
    """Level above: two nodes become one, and the last of an odd number goes up as it is."""
    wide = 2 * DIGEST_BYTES
    for start in range(0, len(level), wide):
        pair = level[start : start + wide]
        yield _parent(pair[:DIGEST_BYTES], pair[DIGEST_BYTES:]) if len(pair) == wide else pair


class Tree:
    """
    All nodes of a tree, for audit paths of any of its leaves.

    Parameters
    ----------
    leaves : iterable of bytes
        Leaf digests in order.

    Notes
    -----
    Memory: 64 bytes a leaf.

    Examples
    --------
    >>> leaves = [bytes([n]) * 32 for n in range(5)]
    >>> tree = Tree(leaves)
    >>> root_from_path(leaves[3], 3, 5, tree.path(3)) == tree.root
    True
    """

    def __init__(self, leaves: Iterable[bytes]) -> None:
        self._levels = [b"".join(leaves)]
        while len(self._levels[-1]) > DIGEST_BYTES:
            self._levels.append(b"".join(_pairs(self._levels[-1])))

    @property
    def root(self) -> bytes:
        """Root; of no leaves, the digest of nothing."""
        return self._levels[-1] or hashlib.sha256().digest()

    def path(self, index: int) -> list[bytes]:
        """
        Audit path of a leaf.

        Parameters
        ----------
        index : int
            Place of the leaf, from zero.

        Returns
        -------
        list of bytes
            Siblings from the leaf up.
        """
        found = []
        for level in self._levels[:-1]:
            start = (index ^ 1) * DIGEST_BYTES
            if start < len(level):
                found.append(level[start : start + DIGEST_BYTES])
            index >>= 1
        return found


def root_from_path(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes:
    """
    Root of the tree that a leaf is in, if its audit path is right.

    Parameters
    ----------
    leaf : bytes
        Leaf digest.
    index, size : int
        Place of the leaf, and number of leaves.
    path : sequence of bytes
        From `Tree.path`.

    Returns
    -------
    bytes
        To be compared with the root; empty if a path of this length fits no leaf at this place.

    References
    ----------
    Laurie, Messeri and Stradling 2021, RFC 9162, section 2.1.3.2.
    """
    at, last, digest = index, size - 1, leaf
    if not 0 <= at <= last:
        return b""
    for sibling in path:
        while at == last and not at & 1 and last:  # the last of an odd number went up alone
            at, last = at >> 1, last >> 1
        if not last:
            return b""
        digest = _parent(sibling, digest) if at & 1 else _parent(digest, sibling)
        at, last = at >> 1, last >> 1
    while at == last and not at & 1 and last:
        at, last = at >> 1, last >> 1
    return b"" if last else digest
