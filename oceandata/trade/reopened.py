"""Files that carry a lineage, read again: NetCDF, Zarr, Parquet, and CSV with its description beside it."""

import dataclasses
import json
import os
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from oceandata.errors import DocumentError, InputError, MissingExtraError, NotFoundError
from oceandata.trade.inputs import Lineage

__all__ = ["STAMP", "check_parquet", "csv_description", "parse_stamp", "read_stamp", "stamp_of_revision"]

#: Global attribute that holds the lineage.
STAMP = "oceandata_lineage"


def _netcdf_attribute(path: Path) -> str:
    """Lineage among the attributes of a NetCDF file, empty if there is none."""
    import netCDF4

    with netCDF4.Dataset(path) as file:
        return str(getattr(file, STAMP, ""))


def _repository_stamp(path: Path) -> tuple[Lineage, dict[str, Any]]:
    """Lineage and usage that the newest revision of a repository carries."""
    import zarr

    from oceandata.storage.revisions import commit_facts, require_layout
    from oceandata.storage.stores import lookup_revision, open_repository

    try:
        repository = open_repository(path)
        _, snapshot = lookup_revision(repository)
        facts = commit_facts(repository, snapshot)
        store = repository.readonly_session(snapshot_id=snapshot).store
        group = zarr.open_group(store, path=require_layout(facts, "", str(path)), mode="r")
    except (OSError, ValueError) as error:
        msg = f"{path} is no repository: {error}"
        raise InputError(msg) from error
    return stamp_of_revision(str(group.attrs.get(STAMP, "")), facts, str(path))


def stamp_of_revision(text: str, facts: dict[str, Any], name: str) -> tuple[Lineage, dict[str, Any]]:
    """
    Lineage and usage of a revision, from the text stamped on it and what was recorded when it was committed.

    The stamp is that of the job, or of the one file, that the repository began with. What other files brought into it
    keeps the attributes, and is of unknown source.

    Parameters
    ----------
    text : str
        The attribute.
    facts : dict
        As `oceandata.storage.revisions.commit_facts` gives it.
    name : str
        What to call the revision.

    Returns
    -------
    tuple
        The lineage, and the usage in its JSON form.

    Raises
    ------
    NotFoundError
        If the text is empty.
    InputError
        If the lineage cannot be read.
    """
    found, usage = parse_stamp(text, name)
    sources = facts.get("sources")
    if sources is None:
        others = ["not told by its commit"]
    else:
        others = [str(one.get("name", "")) for one in sources[0 if "inputs" in facts else 1 :]]
    if not others:
        return found, usage
    told = f"what was written into {name} beside its lineage: {', '.join(others[:5])}{', …' if others[5:] else ''}"
    return dataclasses.replace(found, unattributed=tuple(sorted({*found.unattributed, told}))), usage


def _zarr_attribute(path: Path) -> str:
    """Lineage among the attributes of a folder of plain Zarr."""
    top = json.loads((path / "zarr.json").read_text("utf-8"))
    return str(top.get("attributes", {}).get(STAMP, ""))


def _csv_attribute(path: Path) -> str:
    """Lineage in the description beside a CSV file."""
    beside = csv_description(path)
    notes = json.loads(beside.read_text("utf-8")).get("notes", []) if beside.is_file() else []
    return str(next((note[STAMP] for note in notes if STAMP in note), ""))


def _parquet_attribute(path: Path) -> str:
    """Lineage in the metadata of a Parquet file."""
    check_parquet()
    import pyarrow.parquet

    try:
        found = pyarrow.parquet.read_schema(path).metadata or {}
    except pyarrow.ArrowInvalid as error:
        raise OSError(str(error)) from error
    return bytes(found.get(STAMP.encode(), b"")).decode()


#: How the lineage is found in each kind of file, by its ending.
_READERS: dict[str, tuple[str, Callable[[Path], str]]] = {
    ".zarr": ("Zarr", _zarr_attribute),
    ".csv": ("CSV", _csv_attribute),
    ".parquet": ("Parquet", _parquet_attribute),
}

# Kinds that are folders.
_FOLDERS = ("Zarr",)


def _is_repository(path: Path) -> bool:
    """Whether a folder is a repository."""
    from oceandata.storage.stores import repository_exists

    return repository_exists(path)


def csv_description(path: str | os.PathLike[str]) -> Path:
    """
    File that describes a CSV file, named as the W3C's recommendation on tabular data wants it.

    Parameters
    ----------
    path : path
        The CSV file.

    Returns
    -------
    pathlib.Path
        Beside it.
    """
    return Path(path).with_name(f"{Path(path).name}-metadata.json")


def check_parquet() -> None:
    """
    Check that Parquet can be read and written.

    Raises
    ------
    MissingExtraError
        If pyarrow is not installed.
    """
    if find_spec("pyarrow") is None:
        msg = "Parquet needs pyarrow. Install the extra: pip install 'oceandata-exchange[table]'."
        raise MissingExtraError(msg)


def read_stamp(path: str | os.PathLike[str]) -> tuple[Lineage, dict[str, Any]]:
    """
    Lineage and usage stamped on a file.

    Parameters
    ----------
    path : path
        What `write_result`, `write_subset` or a job made: NetCDF, a folder of Zarr, Parquet, CSV with its description
        beside it, or a local repository, whose newest revision counts.

    Returns
    -------
    tuple
        The lineage, and the usage in its JSON form.

    Raises
    ------
    NotFoundError
        If there is no such file, or it carries no lineage.
    InputError
        If the file is not what its ending says, or its lineage cannot be read: it was changed, or a later version
        wrote it.
    MissingExtraError
        If it is Parquet, and pyarrow is not installed.
    """
    path = Path(path)
    if path.is_dir() and _is_repository(path):
        return _repository_stamp(path)
    kind, reader = _READERS.get(path.suffix, ("NetCDF", _netcdf_attribute))
    if not (path.is_dir() if kind in _FOLDERS else path.is_file()):
        msg = f"there is no {'folder' if kind in _FOLDERS else 'file'} {path}."
        raise NotFoundError(msg)
    try:
        text = reader(path)
    except (OSError, ValueError) as error:
        msg = f"{path} is no {kind} file: {error}"
        raise InputError(msg) from error
    return parse_stamp(text, str(path))


def parse_stamp(text: str, path: str) -> tuple[Lineage, dict[str, Any]]:
    """
    Lineage and usage from the text in which they are stamped.

    Parameters
    ----------
    text : str
        The attribute.
    path : str
        Where it stands.

    Returns
    -------
    tuple
        The lineage, and the usage in its JSON form.

    Raises
    ------
    NotFoundError
        If the text is empty.
    InputError
        If the lineage cannot be read: it was changed, or a later version wrote it.
    """
    if not text:
        msg = f"{path} carries no lineage: it was not written by oceandata (attribute {STAMP} is missing)."
        raise NotFoundError(msg)
    try:
        document = json.loads(text)
        return Lineage.from_json(document), document.get("usage", {})
    except DocumentError as error:
        msg = f"the lineage in {path} (attribute {STAMP}) cannot be read: {error} Compute the result again."
        raise DocumentError(msg) from error
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        msg = f"the lineage in {path} (attribute {STAMP}) cannot be read: {error!r}. Compute the result again."
        raise DocumentError(msg) from error
