"""
Content root of a folder laid out like a Zarr v3 group: ``python content_root_vectors.py FOLDER``.

Written from the text of content-root.md alone, with the standard library, to check the library against.
"""

import hashlib
import itertools
import json
import sys
from pathlib import Path


def digest(*parts: bytes) -> bytes:
    """SHA-256 of joined bytes."""
    return hashlib.sha256(b"".join(parts)).digest()


def tree(leaves: list[bytes]) -> bytes:
    """Tree hash of RFC 6962 over leaves that are digests already, in its recursive form."""
    if len(leaves) < 2:
        return leaves[0] if leaves else digest()
    split = 1 << ((len(leaves) - 1).bit_length() - 1)
    return digest(b"\x01", tree(leaves[:split]), tree(leaves[split:]))


def chunks(folder: Path, path: str, document: dict) -> list[bytes]:
    """Leaves of an array's chunks, last dimension fastest; a file that is not there is an absent chunk."""
    shape, sizes = document["shape"], document["chunk_grid"]["configuration"]["chunk_shape"]
    leaves = []
    for position in itertools.product(*(range(-(-n // size)) for n, size in zip(shape, sizes, strict=True))):
        key = "/".join([path, "c", *map(str, position)])
        stored = folder / key
        leaves.append(digest(b"\x00", key.encode(), b"\n", digest(stored.read_bytes()) if stored.is_file() else b""))
    return leaves


def root(folder: Path) -> str:
    """Content root of the group in a folder."""
    nodes = {}
    for found in folder.glob("**/zarr.json"):
        path = found.parent.relative_to(folder).as_posix().removeprefix(".")
        document = json.loads(found.read_bytes())
        document.pop("consolidated_metadata", None)
        text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
        leaves = chunks(folder, path, document) if document["node_type"] == "array" else []
        nodes[path] = digest(b"\x00", path.encode(), b"\n", digest(text), tree(leaves))
    return "sha256:" + tree([nodes[path] for path in sorted(nodes)]).hex()


if __name__ == "__main__":
    print(root(Path(sys.argv[1])))  # noqa: T201
