"""Whole chunks of a package, proven one by one up to the content root."""

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from oceandata.storage.integrity import array_leaf, chunk_leaf
from oceandata.trade.delivery.manifest import STORE_NAME, FileRecord, Manifest
from oceandata.trade.delivery.proofs import root_from_path
from oceandata.trade.delivery.selecting import ArrayBox, array_box
from oceandata.trade.delivery.walking import chunk_leaf_of

__all__ = ["ChunkProofs"]

# Metadata of an array is read whole.
_LARGEST_DOCUMENT = 16_000_000

# What metadata of a stranger's making can lead to; nothing else is wrong with them than that.
_UNUSABLE = (OSError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError)


class ChunkProofs:
    """
    Checks the lines of a list against the arrays of the manifest.

    Parameters
    ----------
    folder : pathlib.Path
        The package.
    manifest : Manifest
        What it says.
    """

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        self.folder, self.manifest = folder, manifest
        self.boxes: dict[str, ArrayBox] = {}
        self.seen: dict[str, int] = {}

    def begin(self) -> Iterator[str]:
        """
        Prove the metadata of the arrays.

        Yields
        ------
        str
            What is wrong.
        """
        documents: dict[str, Any] = {}
        if "" not in self.manifest.arrays:
            yield "the manifest proves no group, so the package is no dataset"
        name = ""
        try:
            for name in self.manifest.arrays:
                documents[name] = self._document(name)
                if name:
                    self._add(name, documents[name])
            for name, document in documents.items():
                yield from self._unproven(name, document)
            yield from self._contradictions(documents)
        except _UNUSABLE as error:
            yield f"the metadata of array {name!r} cannot be used ({str(error)[:500]})"

    def _document(self, name: str) -> dict[str, Any]:
        """Content of a ``zarr.json``, of a name that cannot lead anywhere else."""
        if name and (not name.isprintable() or set(name) & set("/\\:") or name in (".", "..")):
            msg = f"{name!r} is no name of an array"
            raise ValueError(msg)
        path = self.folder / STORE_NAME / name / "zarr.json"
        if path.is_symlink() or path.parent.is_symlink() or not path.is_file():
            msg = "zarr.json is missing"
            raise ValueError(msg)
        if path.stat().st_size > _LARGEST_DOCUMENT:
            msg = f"zarr.json is larger than {_LARGEST_DOCUMENT} bytes"
            raise ValueError(msg)
        document = json.loads(path.read_bytes(), object_pairs_hook=_unique)
        if not isinstance(document, dict):
            msg = "zarr.json is no object"
            raise TypeError(msg)
        return document

    def _add(self, name: str, document: dict[str, Any]) -> None:
        """Box of an array, from its metadata and the cells that were signed."""
        proof = self.manifest.arrays[name]
        _check_sizes(document)
        box = array_box(name, document, self.manifest.selection.cells, is_coordinate=proof.is_coordinate)
        ends = [(part[-1][1] if part else 0, count) for part, count in zip(box.ranges, box.grid, strict=True)]
        if proof.chunks != box.ranges or any(end > count for end, count in ends):
            msg = f"its chunks are {proof.chunks}, but the selection meets {box.ranges}"
            raise ValueError(msg)
        self.boxes[name], self.seen[name] = box, 0

    def _unproven(self, name: str, document: dict[str, Any]) -> Iterator[str]:
        """Metadata that do not lead up to the content root, or hold what the content root leaves out."""
        proof = self.manifest.arrays[name]
        leaf = array_leaf(name, document, [bytes.fromhex(proof.tree)])
        path = [bytes.fromhex(one) for one in proof.audit]
        root = root_from_path(leaf, proof.index, self.manifest.arrays_total, path)
        if f"sha256:{root.hex()}" != self.manifest.content_root:
            yield f"{STORE_NAME}/{name or '.'}: its metadata do not lead up to the content root"
        if name and "consolidated_metadata" in document:
            yield f"{STORE_NAME}/{name}: it has consolidated metadata, which only the group has"

    def _contradictions(self, documents: dict[str, Any]) -> Iterator[str]:
        """Copies of the metadata that are not just those of the arrays, and variables that are not there."""
        if "" in documents:
            held = documents[""].get("consolidated_metadata")
            copies = held.get("metadata") if isinstance(held, dict) else None
            if not isinstance(copies, dict):
                yield f"{STORE_NAME}/zarr.json: its consolidated metadata are no object with the metadata of each array"
                copies = {name: document for name, document in documents.items() if name}
            for name in sorted(copies.keys() | documents.keys() - {""}):
                if name not in copies:
                    yield f"{STORE_NAME}/zarr.json: its copy of the metadata of {name!r} is missing"
                elif name not in documents or _text(copies[name]) != _text(documents[name]):
                    yield (
                        f"{STORE_NAME}/zarr.json: its copy of the metadata of {name!r} is another than the array has"
                    )
        missing = [name for name in self.manifest.selection.variables if name not in self.boxes]
        if missing:
            yield f"the variables {', '.join(missing)} of the selection are not in the package"

    def check(self, record: FileRecord) -> str:
        """
        Prove one line of the list.

        Parameters
        ----------
        record : FileRecord
            Of a file whose bytes are those listed, or of a chunk that is not stored.

        Returns
        -------
        str
            What is wrong; empty if nothing is.
        """
        if not record.path.startswith(f"{STORE_NAME}/"):
            return "is no part of the dataset, and absent" if record.bytes is None else ""
        key = record.path.removeprefix(f"{STORE_NAME}/")
        name, _, rest = key.partition("/")
        if record.leaf == "":
            proven = key == "zarr.json" or (rest == "zarr.json" and name in self.boxes)
            return "" if proven and record.bytes is not None else "has no proof"
        box = self.boxes.get(name)
        if box is None or record.leaf != key:
            return f"is given as chunk {record.leaf!r}"
        try:
            position = _position(rest, box)
            if position is None:
                return "is no chunk of the selection"
            self.seen[name] += 1
            leaf = chunk_leaf(key, None) if record.bytes is None else chunk_leaf_of(key, record.sha256)
            index = 0
            for at, count in zip(position, box.grid, strict=True):
                index = index * count + at
            root = root_from_path(leaf, index, math.prod(box.grid), [bytes.fromhex(one) for one in record.audit])
        except _UNUSABLE as error:
            return f"cannot be proven ({str(error)[:500]})"
        return "" if root.hex() == self.manifest.arrays[name].tree else "does not lead up to the content root"

    def end(self) -> Iterator[str]:
        """
        Tell which arrays are not whole.

        Yields
        ------
        str
            What is wrong.
        """
        for name, box in self.boxes.items():
            if self.seen[name] != box.count:
                yield f"array {name!r} has {self.seen[name]} of the {box.count} chunks that meet the selection"


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Object of JSON; readers do not agree on one that names a member twice."""
    found = dict(pairs)
    if len(found) != len(pairs):
        msg = "zarr.json names a member twice"
        raise ValueError(msg)
    return found


def _text(document: Any) -> str:
    """One written form of metadata, with everything that is in it."""
    return json.dumps(document, sort_keys=True)


def _check_sizes(document: dict[str, Any]) -> None:
    """Refuse an array whose shape or chunks are no whole numbers."""
    shape, chunks = document["shape"], document["chunk_grid"]["configuration"]["chunk_shape"]
    for sizes, least in ((shape, 0), (chunks, 1)):
        if not isinstance(sizes, list) or any(type(size) is not int or size < least for size in sizes):
            msg = f"its shape is {str(shape)[:100]} and that of its chunks {str(chunks)[:100]}, need whole numbers"
            raise ValueError(msg)


def _position(rest: str, box: ArrayBox) -> tuple[int, ...] | None:
    """Place of a chunk in the grid, from its key below the array; None if it is not one of the box."""
    first, *numbers = rest.split("/")
    if first != "c" or len(numbers) != len(box.grid):
        return None
    if not all(number.isascii() and number.isdigit() and str(int(number)) == number for number in numbers):
        return None
    position = tuple(map(int, numbers))
    inside = all(any(a <= at < b for a, b in part) for at, part in zip(position, box.ranges, strict=True))
    return position if inside else None
