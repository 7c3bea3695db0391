"""
Bulk files: one entry a line of JSON, in the order of names, gzip in small members so that one entry is quickly read.

``gzip -dc`` prints them, and the same entries give the same bytes.
"""

import dataclasses
import os
import struct
import zlib
from collections.abc import Iterable, Iterator, Sequence
from hashlib import blake2b, sha256
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from oceandata.atomic import replacing
from oceandata.entities import Entry
from oceandata.errors import CorruptionError

__all__ = [
    "FOLDER",
    "SUFFIX",
    "FileState",
    "Member",
    "bulk_files",
    "digest_of",
    "file_state",
    "line_of",
    "read_lines",
    "read_member",
    "read_members",
    "write_lines",
]

#: Folder of the bulk files, beside the catalogue file.
FOLDER = "entries"

#: What their names end in.
SUFFIX = ".jsonl.gz"

_MEMBER_LINES = 32
#: gzip: deflate, no flags, no time, no hint on the compression, unknown system.
_HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
_READ_BYTES = 1 << 20


@dataclasses.dataclass(frozen=True)
class Member:
    """Where one member stands in a bulk file, and its lines."""

    begin: int
    nbytes: int
    lines: list[bytes]


@dataclasses.dataclass(frozen=True)
class FileState:
    """
    What tells one state of a bulk file from another.

    Attributes
    ----------
    name : str
        Name in the folder.
    nbytes, modified_ns : int
        Size, and time of the last change.
    sha256 : str
        Of its bytes.
    """

    name: str
    nbytes: int
    modified_ns: int
    sha256: str


def bulk_files(folder: Path) -> list[Path]:
    """
    Bulk files of a catalogue.

    Parameters
    ----------
    folder : pathlib.Path
        Folder of the catalogue file.

    Returns
    -------
    list of pathlib.Path
        By name; may be empty.
    """
    return sorted((folder / FOLDER).glob(f"*{SUFFIX}"))


def file_state(path: Path) -> FileState:
    """
    State of a bulk file; all of it is read.

    Parameters
    ----------
    path : pathlib.Path
        The file.

    Returns
    -------
    FileState
        As it is now.
    """
    digest = sha256()
    with path.open("rb") as stream:
        there = os.fstat(stream.fileno())
        while part := stream.read(_READ_BYTES):
            digest.update(part)
    return FileState(path.name, there.st_size, there.st_mtime_ns, digest.hexdigest())


def line_of(entry: Entry) -> bytes:
    """
    Entry as a line of a bulk file.

    Parameters
    ----------
    entry : Entry
        The dataset.

    Returns
    -------
    bytes
        JSON in UTF-8 without blanks, without the line's end.
    """
    import json

    return json.dumps(entry.to_json(), ensure_ascii=False, separators=(",", ":")).encode()


def digest_of(line: bytes) -> int:
    """
    Number that tells lines apart: 48 bits of a hash.

    Parameters
    ----------
    line : bytes
        From `line_of`.

    Returns
    -------
    int
        Below 2 to the 48th.
    """
    return int.from_bytes(blake2b(line, digest_size=6).digest(), "big")


def _member(lines: Sequence[bytes]) -> bytes:
    """One member of a gzip file."""
    content = b"".join(line + b"\n" for line in lines)
    deflate = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)
    trailer = struct.pack("<II", zlib.crc32(content), len(content) & 0xFFFFFFFF)
    return _HEADER + deflate.compress(content) + deflate.flush() + trailer


def write_lines(path: Path, lines: Iterable[bytes]) -> None:
    """
    Write a bulk file, whole or not at all.

    Parameters
    ----------
    path : pathlib.Path
        The file; its folder exists.
    lines : iterable of bytes
        From `line_of`, in the order of names.
    """
    with replacing(path, sync=True) as beside, beside.open("wb") as stream:
        remaining = iter(lines)
        while batch := list(islice(remaining, _MEMBER_LINES)):
            stream.write(_member(batch))


def read_members(path: Path) -> Iterator[Member]:
    """
    Members of a bulk file, one after the other.

    Parameters
    ----------
    path : pathlib.Path
        The file; any gzip of lines will do.

    Yields
    ------
    Member
        Lines without their ends.

    Raises
    ------
    CorruptionError
        If it is no whole gzip file, or a line begins in one member and ends in another.
    """
    begin, cut = 0, False
    for nbytes, content in _inflated(path):
        if cut:
            msg = f"{path} has a line in two members of gzip, before byte {begin}. Compress it anew with gzip."
            raise CorruptionError(msg)
        cut = not content.endswith(b"\n")
        yield Member(begin, nbytes, content.removesuffix(b"\n").split(b"\n"))
        begin += nbytes


def _inflated(path: Path) -> Iterator[tuple[int, bytes]]:
    """Stored bytes and content of each member."""
    with path.open("rb") as stream:
        waiting = stream.read(_READ_BYTES)
        while waiting:
            inflate = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
            content, nbytes = bytearray(), 0
            while not inflate.eof:
                if not waiting and not (waiting := stream.read(_READ_BYTES)):
                    msg = f"{path} ends in the middle of its content. Write it again, or fetch it again."
                    raise CorruptionError(msg)
                try:
                    content += inflate.decompress(waiting)
                except zlib.error as error:
                    msg = f"{path} is no gzip file: {error}. Write it again, or fetch it again."
                    raise CorruptionError(msg) from error
                nbytes += len(waiting) - len(inflate.unused_data)
                waiting = inflate.unused_data
            yield nbytes, bytes(content)
            waiting = waiting or stream.read(_READ_BYTES)


def read_lines(path: Path) -> Iterator[bytes]:
    """
    Lines of a bulk file.

    Parameters
    ----------
    path : pathlib.Path
        The file.

    Yields
    ------
    bytes
        One entry, without the line's end.

    Raises
    ------
    CorruptionError
        If it is no whole gzip file.
    """
    for member in read_members(path):
        yield from filter(None, member.lines)


def read_member(stream: BinaryIO, begin: int, nbytes: int) -> list[bytes]:
    """
    Lines of one member.

    Parameters
    ----------
    stream : binary file
        The bulk file, open.
    begin, nbytes : int
        Where the member stands.

    Returns
    -------
    list of bytes
        Lines without their ends; empty if there is no such member there.
    """
    stream.seek(begin)
    try:
        return zlib.decompress(stream.read(nbytes), wbits=16 + zlib.MAX_WBITS).removesuffix(b"\n").split(b"\n")
    except zlib.error:
        return []
