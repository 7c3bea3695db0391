"""
What a delivery says of itself: the manifest, and the list of its files.

The manifest is one JSON document of a bounded size; the list has a line for each file, so that a delivery of a million
chunks is verified line by line. Both are in canonical JSON, and the manifest holds the digest of the list.
"""

import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Annotated, Any, Literal

from pydantic import Field, StringConstraints

from oceandata.documents import Document, Instant, Text
from oceandata.errors import DocumentError, NotFoundError
from oceandata.storage.integrity import canonical_metadata
from oceandata.trade.delivery.keys import PublicText
from oceandata.trade.delivery.walking import chunk_leaf_of
from oceandata.trade.parties import Words
from oceandata.trade.permits import Permit

__all__ = [
    "ENVELOPE_NAME",
    "FILES_NAME",
    "MANIFEST_NAME",
    "SCHEME",
    "SEALS",
    "STORE_NAME",
    "ArrayProof",
    "Counts",
    "FileList",
    "FileRecord",
    "Manifest",
    "Selection",
    "Signer",
    "delivered_leaf",
    "manifest_bytes",
    "manifest_from_bytes",
    "read_manifest",
    "read_records",
    "read_seal",
    "require_package",
    "write_records",
]

#: Version of the form of a delivery.
SCHEME = "oceandata-delivery-1"

MANIFEST_NAME, ENVELOPE_NAME, FILES_NAME = "od-manifest.json", "od-manifest.dsse.json", "od-files.jsonl"

#: Files that are not in the list: they vouch for it.
SEALS = frozenset({MANIFEST_NAME, ENVELOPE_NAME, FILES_NAME})

#: Folder of plain Zarr in a delivery of whole chunks.
STORE_NAME = "data.zarr"

# A manifest and its envelope are read whole; their size does not grow with the files.
_LARGEST_SEAL = 32_000_000

# A line holds a path and at most 64 digests.
_LONGEST_LINE = 20_000

Hex = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Root = Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$")]
Range = tuple[Annotated[int, Field(ge=0)], Annotated[int, Field(ge=0)]]


class Selection(Document):
    """
    What was asked, and what was resolved from it.

    Attributes
    ----------
    asked : dict of str to JSON value
        ``bbox``, ``time``, ``depth`` and ``variables``, as they were given or as the entitlement has them.
    variables : tuple of str
        Native names.
    cells : dict of str to tuple of Range
        Positions that meet the selection, by dimension of the stored arrays; empty for a clipped delivery.
    """

    asked: dict[str, Any] = Field(default_factory=dict)
    variables: tuple[Text, ...]
    cells: dict[str, tuple[Range, ...]] = Field(default_factory=dict)


class ArrayProof(Document):
    """
    An array, the chunks of it that are delivered, and its way up to the content root.

    Attributes
    ----------
    chunks : tuple of tuple of Range
        Ranges of the chunk grid along each dimension; the group, under the empty name, has none.
    tree : str
        Root of its chunks.
    index : int
        Its place among the arrays of the layout, sorted by path.
    audit : tuple of str
        Audit path from the array to the content root.
    is_coordinate : bool
        True for what says where the values lie.
    """

    chunks: tuple[tuple[Range, ...], ...] = ()
    tree: Hex
    index: int = Field(ge=0)
    audit: tuple[Hex, ...] = ()
    is_coordinate: bool = False


class FileList(Document):
    """The list of files: its name, digest and size, and how many lines it has."""

    path: Literal["od-files.jsonl"] = "od-files.jsonl"
    sha256: Hex
    bytes: int = Field(ge=0)
    lines: int = Field(ge=0)


class Counts(Document):
    """Files and their bytes; chunks that are stored, and chunks that are not because every value is missing."""

    files: int = Field(ge=0)
    bytes: int = Field(ge=0)
    chunks: int = Field(ge=0)
    chunks_absent: int = Field(ge=0)


class Signer(Document):
    """Public key of whoever signed, as the package itself says it."""

    keyid: Root
    public: PublicText


class Manifest(Document):
    """
    What was delivered, of which revision, under which entitlement.

    Attributes
    ----------
    scheme : str
        Version of this document's form.
    product, revision, tag, snapshot, layout : str, int, str, str, str
        The product, the number of its revision, and the state of the data that it pins.
    content_root : str
        Of the revision, as it was published.
    entitlement, order, purpose : str
        Under which it was delivered.
    mode : str
        ``whole-chunk``: each file is proven by its audit path; ``clipped``: attested by the signature alone.
    selection : Selection
        What was asked and resolved.
    arrays : dict of str to ArrayProof
        Delivered arrays by name, the group under the empty name; empty for a clipped delivery.
    arrays_total : int
        Leaves of the tree of the layout.
    files : FileList
        The list of files.
    delivered_root : str
        Root over all files.
    counts : Counts
        How much it is.
    attribution : Words
        Text to show.
    licence : str
        SPDX expression.
    permits : tuple of Permit
        What may be done with it; what is not named is not permitted.
    generator : dict of str to str
        Versions of what made it.
    created : datetime
        When.
    signer : Signer
        Whose signature the envelope has.
    """

    scheme: Literal["oceandata-delivery-1"] = "oceandata-delivery-1"
    product: Text
    revision: int = Field(ge=1)
    tag: Text
    snapshot: Text
    layout: Text
    content_root: Root
    entitlement: Text
    order: Text
    purpose: str = ""
    mode: Literal["whole-chunk", "clipped"]
    selection: Selection
    arrays: dict[str, ArrayProof] = Field(default_factory=dict)
    arrays_total: int = Field(default=0, ge=0)
    files: FileList
    delivered_root: Root
    counts: Counts
    attribution: Words
    licence: Text
    permits: tuple[Permit, ...] = ()
    generator: dict[str, str] = Field(default_factory=dict)
    created: Instant
    signer: Signer


class FileRecord(Document):
    """
    One line of the list.

    Attributes
    ----------
    path : str
        In the package, with ``/`` between parts.
    bytes : int or None
        Its size; None for a chunk that is not stored, so that there is no file.
    sha256 : str
        Of the file; empty where there is none.
    leaf : str
        Key of the chunk in the revision; empty for what is no chunk.
    audit : tuple of str
        Audit path from the chunk to the root of its array.
    """

    path: Annotated[str, StringConstraints(min_length=1)]
    bytes: int | None = Field(default=None, ge=0)
    sha256: Annotated[str, StringConstraints(pattern=r"^([0-9a-f]{64})?$")] = ""
    leaf: str = ""
    audit: tuple[Hex, ...] = ()


def manifest_bytes(manifest: Manifest) -> bytes:
    """
    Manifest in its one written form.

    Parameters
    ----------
    manifest : Manifest
        The document.

    Returns
    -------
    bytes
        Canonical JSON, as `docs/content-root.md` has it for metadata.
    """
    return canonical_metadata(manifest.to_json())


def read_seal(folder: Path, name: str) -> bytes:
    """
    Read a manifest or an envelope whole.

    Parameters
    ----------
    folder : pathlib.Path
        The package.
    name : str
        `MANIFEST_NAME` or `ENVELOPE_NAME`.

    Returns
    -------
    bytes
        The content.

    Raises
    ------
    DocumentError
        If it is missing, a link, or too large to be one.
    """
    path = folder / name
    if path.is_symlink() or not path.is_file():
        msg = f"{name} is missing"
        raise DocumentError(msg)
    if path.stat().st_size > _LARGEST_SEAL:
        msg = f"{name} is larger than {_LARGEST_SEAL} bytes"
        raise DocumentError(msg)
    return path.read_bytes()


def read_manifest(path: str | os.PathLike[str]) -> Manifest:
    """
    Read what a package says of itself, without believing it.

    Parameters
    ----------
    path : path
        The package.

    Returns
    -------
    Manifest
        The document.

    Raises
    ------
    NotFoundError
        If there is no such folder.
    DocumentError
        If it holds no manifest, or one that cannot be read.
    """
    return manifest_from_bytes(read_seal(require_package(path), MANIFEST_NAME))


def require_package(path: str | os.PathLike[str]) -> Path:
    """
    Folder of a package.

    Parameters
    ----------
    path : path
        Where it should be.

    Returns
    -------
    pathlib.Path
        The folder.

    Raises
    ------
    NotFoundError
        If there is none.
    """
    folder = Path(path)
    if not folder.is_dir():
        msg = f"there is no package {folder}."
        raise NotFoundError(msg)
    return folder


def manifest_from_bytes(content: bytes) -> Manifest:
    """
    Manifest from its written form.

    Parameters
    ----------
    content : bytes
        Canonical JSON.

    Returns
    -------
    Manifest
        The document.

    Raises
    ------
    DocumentError
        If it has faults, or is written in another form.
    """
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as error:
        msg = f"{MANIFEST_NAME} is no JSON"
        raise DocumentError(msg) from error
    if not isinstance(document, dict):
        msg = f"{MANIFEST_NAME} is no JSON object"
        raise DocumentError(msg)
    manifest = Manifest.from_json(document, where=MANIFEST_NAME)
    if manifest_bytes(manifest) != content:
        msg = f"{MANIFEST_NAME} is not in canonical form"
        raise DocumentError(msg)
    return manifest


def delivered_leaf(record: FileRecord) -> bytes:
    """
    Leaf of a file in the tree of the delivery.

    Parameters
    ----------
    record : FileRecord
        Path and digest.

    Returns
    -------
    bytes
        ``H(00 ‖ path ‖ 0A ‖ digest)``, as of a chunk of the content root.
    """
    return chunk_leaf_of(record.path, record.sha256)


def write_records(path: Path, records: Iterable[FileRecord]) -> Iterator[FileRecord]:
    """
    Write the list of files while it is passed on.

    Parameters
    ----------
    path : pathlib.Path
        The list.
    records : iterable of FileRecord
        Sorted by path.

    Yields
    ------
    FileRecord
        Each of them, after it was written.
    """
    with path.open("wb") as file:
        for record in records:
            file.write(canonical_metadata(record.to_json()) + b"\n")
            yield record


def read_records(file: IO[bytes]) -> Iterator[FileRecord]:
    """
    Read the list of files, a line at a time.

    Parameters
    ----------
    file : binary file
        The list.

    Yields
    ------
    FileRecord
        Each line.

    Raises
    ------
    DocumentError
        If a line is none, or the lines are not sorted by path.
    """
    before, number = "", 0
    while line := file.readline(_LONGEST_LINE):
        number += 1
        try:
            content = json.loads(line) if line.endswith(b"\n") else None
        except (ValueError, RecursionError):
            content = None
        if not isinstance(content, dict):
            msg = f"line {number} of the list of files cannot be read"
            raise DocumentError(msg)
        record = FileRecord.from_json(content, where=f"line {number} of the list of files")
        if record.path <= before:
            msg = f"line {number} of the list of files is out of order: {record.path!r} after {before!r}"
            raise DocumentError(msg)
        before = record.path
        yield record
