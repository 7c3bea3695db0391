"""Files of a run: whole or not there, on the disk before anything says so."""

import hashlib
import json
import os
import re
import stat
import uuid
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from oceandata.errors import RepositoryExistsError

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = [
    "file_digest",
    "numbered_file",
    "remove_parts",
    "remove_run",
    "require_own_folder",
    "write_arrays",
    "write_json",
]

# Files of a folder: more make many file systems slow.
_FILES = 1000

# Files of a run, but for those of partitions and runners; the plan goes last.
_OWN = ("report.json", "session.fork", "session.new", "plan.json")


def numbered_file(folder: Path, number: int, suffix: str) -> Path:
    """
    File of a partition.

    Parameters
    ----------
    folder : pathlib.Path
        Of all partitions of a phase.
    number : int
        Of the partition.
    suffix : str
        Ending of the name.

    Returns
    -------
    pathlib.Path
        In a folder of a thousand.
    """
    return folder / f"{number // _FILES:05d}" / f"{number}{suffix}"


def _placed(beside: Path, path: Path) -> None:
    """Give a whole file its name, and wait until the folder is on the disk."""
    beside.replace(path)
    descriptor = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_arrays(path: Path, arrays: "Mapping[str, npt.NDArray[Any]]") -> tuple[int, str]:
    """
    Write arrays into one file, whole or not at all, and wait for the disk.

    Parameters
    ----------
    path : pathlib.Path
        The ``.npz`` file; its folder is made.
    arrays : mapping of str to numpy.ndarray
        By name. Each is protected by the checksum of the file.

    Returns
    -------
    tuple
        Bytes and SHA-256 of the file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
    try:
        with beside.open("w+b") as file:
            np.savez(file, **arrays)  # type: ignore[arg-type]
            file.flush()
            os.fsync(file.fileno())
            file.seek(0)
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            nbytes = os.fstat(file.fileno()).st_size
        _placed(beside, path)
    finally:
        beside.unlink(missing_ok=True)
    return nbytes, digest


def write_json(path: Path, document: Any) -> None:
    """
    Write a JSON document, whole or not at all, and wait for the disk.

    Parameters
    ----------
    path : pathlib.Path
        The file; its folder is made.
    document : object
        JSON types.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
    try:
        with beside.open("w", encoding="utf-8") as file:
            json.dump(document, file, ensure_ascii=False, indent=1)
            file.flush()
            os.fsync(file.fileno())
        _placed(beside, path)
    finally:
        beside.unlink(missing_ok=True)


def file_digest(path: Path) -> str:
    """
    SHA-256 of a file.

    Parameters
    ----------
    path : pathlib.Path
        The file.

    Returns
    -------
    str
        64 hexadecimal digits; empty if there is no such file.
    """
    if not path.is_file():
        return ""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def remove_parts(folder: Path, *, kept: Collection[str] = ()) -> None:
    """
    Remove what partitions left in the folder of a run, and nothing else that lies there.

    Parameters
    ----------
    folder : pathlib.Path
        Of the run. Links are not followed, files of other names stay.
    kept : collection of str
        Names of folders of phases to leave, such as ``states-0``.
    """
    for top in folder.iterdir():
        if not re.fullmatch(r"(states|result)-\d+", top.name) or top.is_symlink() or not top.is_dir():
            continue
        if top.name in kept:
            continue
        for below in top.iterdir():
            if re.fullmatch(r"\d{5,}", below.name) and below.is_dir() and not below.is_symlink():
                _remove_numbered(below)
        if not any(top.iterdir()):
            top.rmdir()


def remove_run(folder: Path) -> None:
    """
    Remove what a run makes itself, and nothing else that lies in its folder; the plan goes last.

    Parameters
    ----------
    folder : pathlib.Path
        Of the run. What tells which result it made stays.
    """
    remove_parts(folder)
    for path in [*folder.glob("ledger-*.log"), *(folder / name for name in _OWN)]:
        if path.is_file():
            path.unlink()


def _remove_numbered(folder: Path) -> None:
    """Remove the files of partitions from a folder, and the folder if nothing else is in it."""
    for path in folder.iterdir():
        if re.fullmatch(r"\d+\.npz|\.\d+\.npz\.[0-9a-f]{8}", path.name):
            path.unlink()
    if not any(folder.iterdir()):
        folder.rmdir()


def require_own_folder(folder: Path) -> None:
    """
    Refuse the folder of a run that somebody else made, or that everybody may write into.

    Parameters
    ----------
    folder : pathlib.Path
        There or not.

    Raises
    ------
    RepositoryExistsError
        If it, or a file in it, belongs to another user.
    """
    names = ("*.json", "session.fork", "ledger-*.log", "states-*", "result-*", ".oceandata-update")
    for path in [folder, *(one for name in names for one in folder.glob(name))]:
        try:
            found = path.lstat()
        except FileNotFoundError:
            continue
        is_open = stat.S_ISDIR(found.st_mode) and found.st_mode & stat.S_IWOTH and not found.st_mode & stat.S_ISVTX
        if found.st_uid != os.geteuid() or is_open:
            why = "may be written by everybody" if is_open else f"belongs to user {found.st_uid}"
            msg = f"{path} {why}, need a folder of a run that is your own. Choose another folder: run."
            raise RepositoryExistsError(msg)
