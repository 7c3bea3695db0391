"""Files of a package, in the order of their paths, read in small blocks; nothing outside of the folder is touched."""

import hashlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from oceandata.errors import InputError

__all__ = ["BLOCK_BYTES", "check_path", "chunk_leaf_of", "file_digest", "found_files"]

#: Bytes that are held of a file at once.
BLOCK_BYTES = 1 << 20

_LONGEST_PATH = 4_000

# A package of Zarr has few folders in each other: an array, c, and one for each dimension.
_DEEPEST = 100


def check_path(path: str) -> None:
    """
    Refuse a name that could lead out of the package.

    Parameters
    ----------
    path : str
        As the list of files has it.

    Raises
    ------
    InputError
        If it is absolute, has ``..``, an empty part, a backslash, a colon or a control character.

    Examples
    --------
    >>> check_path("data.zarr/sst/c/0/0")
    >>> check_path("../key")
    Traceback (most recent call last):
    oceandata.errors.InputError: the name '../key' leads out of the package
    """
    parts = path.split("/")
    odd = any(letter in "\\:" or ord(letter) < 32 or ord(letter) == 127 for letter in path)
    if odd or len(path) > _LONGEST_PATH or any(part in ("", ".", "..") for part in parts):
        msg = f"the name {path[:200]!r} leads out of the package"
        raise InputError(msg)


def found_files(folder: Path) -> Iterator[tuple[str, str]]:
    """
    Everything in a folder that is no folder itself.

    Parameters
    ----------
    folder : pathlib.Path
        The package.

    Yields
    ------
    tuple of (str, str)
        Path below the folder, sorted, and what is wrong with it: a link, a device or another special file is never
        followed or opened.

    Notes
    -----
    Memory: the names in the largest folder.
    """
    yield from _below(folder, "")


def _below(folder: Path, prefix: str) -> Iterator[tuple[str, str]]:
    """Names in the order in which whole paths sort: that of a folder ends with a slash."""
    if prefix.count("/") > _DEEPEST:
        yield prefix, f"lies in more than {_DEEPEST} folders, so it is not read"
        return
    try:
        with os.scandir(folder) as entries:
            named = sorted(
                ((f"{one.name}/" if one.is_dir(follow_symlinks=False) else one.name, one) for one in entries),
                key=lambda pair: pair[0],
            )
    except OSError as error:
        yield prefix, f"cannot be read ({error.strerror or error})"
        return
    for name, entry in named:
        if name.endswith("/"):
            yield from _below(folder / entry.name, f"{prefix}{name}")
        elif entry.is_symlink():
            yield prefix + name, "is a link, which is not followed"
        else:
            yield prefix + name, "" if entry.is_file(follow_symlinks=False) else "is a special file, which is not read"


def file_digest(path: Path, *, limit: int | None = None) -> tuple[str, int]:
    """
    SHA-256 of a file and its size, read in blocks.

    Parameters
    ----------
    path : pathlib.Path
        A file; a link is refused.
    limit : int, optional
        Stop reading after so many bytes.

    Returns
    -------
    tuple of (str, int)
        Hexadecimal digest, and the number of bytes.

    Raises
    ------
    OSError
        If it cannot be read, is a link, or is no file.
    """
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    digest, size = hashlib.sha256(), 0
    with os.fdopen(os.open(path, flags), "rb", buffering=0) as file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode):
            msg = f"{path} is no file"
            raise OSError(msg)
        block = memoryview(bytearray(max(1, min(BLOCK_BYTES, found.st_size))))
        while count := file.readinto(block):
            digest.update(block[:count])
            size += count
            if limit is not None and size > limit:
                break
    return digest.hexdigest(), size


def chunk_leaf_of(key: str, sha256: str) -> bytes:
    """
    Leaf of a stored chunk in the content root, from the digest of its bytes.

    Parameters
    ----------
    key : str
        Key relative to the layout's group.
    sha256 : str
        Hexadecimal digest.

    Returns
    -------
    bytes
        As `oceandata.storage.integrity.chunk_leaf` gives it of the bytes themselves.
    """
    return hashlib.sha256(b"\x00" + key.encode() + b"\n" + bytes.fromhex(sha256)).digest()
