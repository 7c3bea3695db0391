"""
Which folders a virtual repository may read: those that its revision records and that this session allows.

A repository with virtual references reads other files than its own. A repository from elsewhere could name any file of
this machine, so only folders inside the option `virtual_prefixes` are authorised; by default the folder that contains
the repository, with all that is below it.
"""

import hashlib
import os
import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from oceandata.errors import InputError
from oceandata.options import get_options
from oceandata.storage.urls import local_path, url_scheme

if TYPE_CHECKING:
    import icechunk

__all__ = ["folder_prefix", "prefixes_of", "read_session", "source_damages", "with_containers"]

# Zarr warns of every array whose chunks are compressed as HDF5 compresses them. It is meant for writers, who could
# choose; files kept in place cannot.
warnings.filterwarnings("ignore", message="Numcodecs codecs are not in the Zarr version 3 specification")


def folder_prefix(folder: Path) -> str:
    """
    Prefix under which the files of a folder are authorised.

    Parameters
    ----------
    folder : pathlib.Path
        Absolute path.

    Returns
    -------
    str
        URL that ends in ``/``, not percent-encoded, as Icechunk compares it.

    Examples
    --------
    >>> folder_prefix(Path("/archive/sst daily"))
    'file:///archive/sst daily/'
    """
    return f"file://{folder.as_posix().rstrip('/')}/"


def prefixes_of(facts: Mapping[str, Any]) -> tuple[str, ...]:
    """
    Folders that the virtual references of a revision lie in.

    Parameters
    ----------
    facts : mapping
        Commit metadata, with or without the ``oceandata.`` prefix of its keys.

    Returns
    -------
    tuple of str
        Sorted prefixes; empty for a revision without virtual references.
    """
    sources = facts.get("sources", facts.get("oceandata.sources", ()))
    return tuple(sorted({str(source["prefix"]) for source in sources if "prefix" in source}))


def _folder(prefix: str) -> Path:
    """Folder of a prefix or of an entry of the option, links resolved."""
    return Path(prefix.removeprefix("file://")).expanduser().resolve()


def source_damages(facts: Mapping[str, Any], *, hashed: bool) -> list[tuple[str, str]]:
    """
    Files of virtual references that are not what they were.

    Parameters
    ----------
    facts : mapping
        Commit metadata.
    hashed : bool
        Read the files and compare their SHA-256; else only their size.

    Returns
    -------
    list of tuple of str
        Path, and what is wrong; empty for a revision without virtual references.
    """
    found = []
    for source in facts.get("sources", ()):
        if "prefix" in source:
            path = _folder(str(source["prefix"])) / str(source["name"])
            kind = _source_damage(path, int(source["nbytes"]), str(source["sha256"]) if hashed else "")
            found += [(str(path), kind)] if kind else []
    return found


def _source_damage(path: Path, nbytes: int, sha256: str) -> str:
    """What is wrong with a file, in words; empty if nothing is."""
    try:
        size = path.stat().st_size
        if size != nbytes:
            return f"has changed: it is {size} bytes, {nbytes} when it was referenced"
        if sha256:
            with path.open("rb") as stream:
                found = hashlib.file_digest(stream, "sha256").hexdigest()
            if found != sha256:
                return f"has changed: its SHA-256 is {found[:12]}…, {sha256[:12]}… when it was referenced"
    except FileNotFoundError:
        return "is gone"
    except OSError as error:
        return f"cannot be read ({error.strerror or type(error).__name__})"
    return ""


def _check_allowed(prefix: str, home: Path) -> None:
    """Refuse a folder that lies outside those this session allows."""
    allowed = [_folder(one) for one in get_options().virtual_prefixes] or [home.resolve()]
    folder = _folder(prefix)
    if prefix.startswith("file://") and any(folder.is_relative_to(one) for one in allowed):
        return
    shown = ", ".join(map(str, allowed))
    msg = (
        f"the repository refers to files in {prefix!r}, which this session does not allow (allowed: {shown}). "
        f"If you trust the repository, allow the folder: set_options(virtual_prefixes=({str(folder)!r},)), "
        "or the environment variable OCEANDATA_VIRTUAL_PREFIXES."
    )
    raise InputError(msg)


def _access(prefixes: Iterable[str]) -> dict[str, Any]:
    """Authorisation of prefixes in the form of the installed Icechunk."""
    import icechunk

    # what Icechunk 2 calls by its name is None in Icechunk 1
    access = getattr(icechunk.credentials, "LocalFileSystemAccess", None)
    return dict.fromkeys(prefixes, access)


def with_containers(repository: "icechunk.Repository", prefixes: Iterable[str]) -> "icechunk.Repository":
    """
    Repository that may refer to files in some folders; they are recorded in its configuration.

    Parameters
    ----------
    repository : icechunk.Repository
        Opened for writing.
    prefixes : iterable of str
        From `folder_prefix`: the user has named files in these folders.

    Returns
    -------
    icechunk.Repository
        Authorised to read them.
    """
    import icechunk

    wanted, config = sorted(set(prefixes)), repository.config
    known = set(config.virtual_chunk_containers or ())
    for prefix in wanted:
        store = icechunk.local_filesystem_store(prefix.removeprefix("file://").rstrip("/") or "/")
        config.set_virtual_chunk_container(icechunk.VirtualChunkContainer(prefix, store))
    opened = repository.reopen(config=config, authorize_virtual_chunk_access=_access(wanted))
    if not known.issuperset(wanted):
        opened.save_config()
    return opened


def read_session(repository: "icechunk.Repository", snapshot: str, url: str | os.PathLike[str]) -> "icechunk.Session":
    """
    Read-only session on a snapshot, authorised for the folders its revision records.

    Parameters
    ----------
    repository : icechunk.Repository
        The repository.
    snapshot : str
        Snapshot id.
    url : str or path
        Where the repository is; one that is not on this machine may read no files of it.

    Returns
    -------
    icechunk.Session
        Reads virtual chunks of the recorded folders and of no others.

    Raises
    ------
    InputError
        If a folder lies outside those this session allows.

    Notes
    -----
    Links inside an authorised folder are followed.
    """
    if url_scheme(url) == "file" and repository.config.virtual_chunk_containers:
        prefixes = prefixes_of(dict(repository.lookup_snapshot(snapshot).metadata))
        for prefix in prefixes:
            _check_allowed(prefix, local_path(url).parent)
        if prefixes:
            repository = repository.reopen(authorize_virtual_chunk_access=_access(prefixes))
    return repository.readonly_session(snapshot_id=snapshot)
