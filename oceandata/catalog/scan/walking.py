"""What there is below a folder or a URL, recognised by its bytes: repositories, Zarr stores, NetCDF files, others."""

import dataclasses
import functools
import hashlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

from oceandata.errors import NotFoundError, closest

__all__ = ["Place", "Reject", "ends_digest", "shown_path", "walk"]

Kind = Literal["netcdf", "zarr", "icechunk"]

_ZARR = ("zarr.json", ".zgroup", ".zmetadata", ".zarray")
_ENDS_BYTES = 4096


@dataclasses.dataclass(frozen=True)
class Place:
    """
    A file or store that may be a dataset.

    Attributes
    ----------
    path : str
        Absolute path, or URL.
    kind : {"netcdf", "zarr", "icechunk"}
        What its first bytes, or the documents in it, say.
    stamp : str
        Changes when the file, or the metadata of the store, does.
    nbytes : int or None
        Size of a file; None for a store.
    """

    path: str
    kind: Kind
    stamp: str
    nbytes: int | None = None


@dataclasses.dataclass(frozen=True)
class Reject:
    """
    A file or folder that is in no entry, and why.

    Attributes
    ----------
    path : str
        Absolute path, or URL; of a folder it stands for all that is in it.
    code : str
        Stable word for programs, such as ``truncated``.
    reason : str
        One sentence for people.
    """

    path: str
    code: str
    reason: str


def shown_path(path: str) -> str:
    """
    Path as text that can be written anywhere.

    Parameters
    ----------
    path : str
        A path, in which bytes that are not UTF-8 may be surrogates.

    Returns
    -------
    str
        Bytes that are not UTF-8 stand as ``\\xNN``.
    """
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def walk(roots: Sequence[str | os.PathLike[str]], *, ignored: Sequence[Path] = ()) -> Iterator[Place | Reject]:
    """
    Go through folders once, in order of names.

    A store is one place: what is in it is not looked at. Links to folders are not followed.

    Parameters
    ----------
    roots : sequence of str or path
        Folders, files, ``https://`` addresses of Zarr stores, or ``s3://`` prefixes.
    ignored : sequence of pathlib.Path
        Files and folders to pass over: the catalogue itself.

    Yields
    ------
    Place or Reject
        Each file and store once, even where roots overlap.

    Raises
    ------
    NotFoundError
        If a root is not there.
    """
    seen: set[str] = set()
    passed = {str(path) for path in ignored}
    for root in roots:
        for found in _walk_root(root, passed):
            if found.path not in seen:
                seen.add(found.path)
                yield found


def _walk_root(root: str | os.PathLike[str], passed: set[str]) -> Iterator[Place | Reject]:
    from oceandata.storage.urls import local_path, url_scheme

    scheme = url_scheme(root)
    if scheme in ("http", "https"):
        yield Place(os.fspath(root).rstrip("/"), "zarr", "")
        return
    if scheme == "s3":
        yield from _walk_objects(os.fspath(root))
        return
    path = local_path(root)
    if not os.path.lexists(path):
        near = [one.name for one in path.parent.iterdir()] if path.parent.is_dir() else []
        msg = f"there is no file or folder {path}. {closest(path.name, sorted(near))}".rstrip()
        raise NotFoundError(msg)
    if path.is_dir():
        yield from _walk_folder(os.path.realpath(path), passed)
    else:
        yield _file(os.path.realpath(path))


def _walk_folder(folder: str, passed: set[str]) -> Iterator[Place | Reject]:
    """A store, or the files and folders in a folder."""
    try:
        with os.scandir(folder) as listing:
            inside = sorted((one for one in listing if one.path not in passed), key=lambda one: one.name)
    except OSError as error:
        yield Reject(shown_path(folder), "no-permission", f"The folder cannot be read ({error.strerror}).")
        return
    store = _store(folder, {one.name: one for one in inside})
    if store is not None:
        yield store
        return
    for one in inside:
        if not one.is_dir():
            yield _file(one.path)
        elif one.is_symlink():
            yield Reject(shown_path(one.path), "link", "A link to a folder is not followed. Name the folder itself.")
        elif one.name.startswith("."):
            yield Reject(shown_path(one.path), "hidden", "A hidden folder is not looked into. Name it to scan it.")
        else:
            yield from _walk_folder(one.path, passed)


def _store(folder: str, inside: "dict[str, os.DirEntry[str]]") -> Place | Reject | None:
    """The store that a folder is, from the names in it."""
    documents = [inside[name] for name in _ZARR if name in inside]
    if documents:
        stamp = " ".join(f"{one.name}:{one.stat().st_size}:{one.stat().st_mtime_ns}" for one in documents)
        return Place(folder, "zarr", stamp)
    if "snapshots" in inside and ("refs" in inside or "repo" in inside):
        return Place(folder, "icechunk", "")
    if folder.endswith(".zarr"):
        reason = "The folder is named as a Zarr store but has no metadata at its root. Fetch it again, all of it."
        return Reject(shown_path(folder), "metadata-missing", reason)
    return None


def _file(path: str) -> Place | Reject:
    """A file by its first bytes."""
    from oceandata.storage.soundness.sniff import file_format

    try:
        Path(path).name.encode("utf-8")
        if "{" in path or "}" in path:
            return Reject(path, "name-braces", "Braces in a path mean a template in a catalogue. Rename the file.")
        found = file_format(path)
        if found.startswith("netCDF"):
            state = Path(path).stat()
            return Place(path, "netcdf", f"{state.st_size}:{state.st_mtime_ns}", state.st_size)
    except UnicodeEncodeError:
        return Reject(shown_path(path), "name-not-utf8", "The name of the file is not UTF-8. Rename it.")
    except OSError as error:
        return Reject(shown_path(path), "unreadable", f"The file cannot be read ({error.strerror}).")
    return _other(path, found)


def _other(path: str, found: str) -> Reject:
    """A file that is no dataset, with the reason that an inspection gives."""
    from oceandata.storage.soundness import inspect_file

    if found == "zip" and (inner := _zarr_in_zip(path)):
        reason = f"A Zarr store in a zip archive ({inner}). Unpack it first: archives are not opened in place."
        return Reject(path, "zipped-zarr", reason)
    report = inspect_file(path)
    return Reject(path, report.findings[0].code, report.findings[0].message)


def _zarr_in_zip(path: str) -> str:
    """First document of Zarr in an archive; empty if there is none."""
    import zipfile

    try:
        with zipfile.ZipFile(path) as archive:
            return next((name for name in archive.namelist() if name.rpartition("/")[2] in _ZARR), "")
    except (zipfile.BadZipFile, OSError):
        return ""


def _walk_objects(url: str) -> Iterator[Place | Reject]:
    """Stores below a prefix of an object store; single files are not opened there."""
    from oceandata.storage.plain import object_folder
    from oceandata.storage.remote import run_bounded

    folder, server = object_folder(url)
    place, mark, query = url.partition("?")
    queue = [""]
    while queue:
        prefix = queue.pop(0)
        listed: Any = run_bounded(server, functools.partial(folder.list_with_delimiter, prefix or None))
        names = {str(one["path"]).removeprefix(prefix).lstrip("/"): one for one in listed["objects"]}
        below = [str(one).removeprefix(prefix).strip("/") for one in listed["common_prefixes"]]
        here = "/".join(part for part in (place.rstrip("/"), prefix.strip("/")) if part) + mark + query
        documents = [names[name] for name in _ZARR if name in names]
        if documents:
            yield Place(here, "zarr", " ".join(f"{one['path']}:{one.get('e_tag')}" for one in documents))
        elif "snapshots" in below and ("refs" in below or "repo" in names):
            yield Place(here, "icechunk", "")
        else:
            for name in sorted(names):
                reason = "Single files are not opened in an object store. Fetch the file, or convert it to Zarr."
                whole = "/".join(part for part in (place.rstrip("/"), prefix.strip("/"), name) if part)
                yield Reject(whole, "not-opened-here", reason)
            queue += [f"{prefix}{name}/" if prefix else f"{name}/" for name in sorted(below)]


def ends_digest(path: str) -> str:
    """
    Digest of the size and of the first and last bytes of a file, to tell copies.

    Parameters
    ----------
    path : str
        A file.

    Returns
    -------
    str
        Hexadecimal; equal for copies, and by far most often only for them.
    """
    found = hashlib.sha256()
    with Path(path).open("rb") as stream:
        nbytes = stream.seek(0, os.SEEK_END)
        found.update(str(nbytes).encode())
        for start in (0, max(0, nbytes - _ENDS_BYTES)):
            stream.seek(start)
            found.update(stream.read(_ENDS_BYTES))
    return found.hexdigest()[:24]
