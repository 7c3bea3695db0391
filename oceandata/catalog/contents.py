"""What data say of themselves: a repository, plain Zarr or NetCDF files; metadata and coordinates are read, no more."""

import dataclasses
import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from oceandata.entities import Asset, Extent, SourceFile, Variable
from oceandata.errors import InputError, NotFoundError, closest

if TYPE_CHECKING:
    import xarray as xr

    from oceandata.storage import RevisionSummary

__all__ = ["Contents", "asset_contents", "read_contents", "stored_variables"]

_ICECHUNK, _ZARR, _NETCDF = "application/vnd+icechunk", "application/vnd+zarr", "application/x-netcdf"
_NETCDF_SUFFIXES = (".nc", ".nc4", ".cdf", ".netcdf")


@dataclasses.dataclass(frozen=True)
class Contents:
    """
    What data say of themselves.

    Attributes
    ----------
    assets : dict of str to Asset
        Where they are, by name; the one that opens by default first.
    variables : dict of str to Variable
        Data variables by native name, as stored.
    extent : Extent
        Where, when and how deep.
    attributes : dict
        Global attributes.
    sources : tuple of SourceFile
        Files they were made from, as far as recorded.
    created : str
        When, ISO 8601; empty if unknown.
    """

    assets: dict[str, Asset]
    variables: dict[str, Variable]
    extent: Extent
    attributes: dict[str, Any]
    sources: tuple[SourceFile, ...] = ()
    created: str = ""


def read_contents(places: Sequence[str | os.PathLike[str]]) -> Contents:
    """
    Describe the data at a place.

    Parameters
    ----------
    places : sequence of str or path
        One repository, plain Zarr store, NetCDF file or folder of NetCDF files; or several NetCDF files of one
        dataset.

    Returns
    -------
    Contents
        Of the newest revision with all its layouts, where it is a repository.

    Raises
    ------
    NotFoundError
        If there are no data.
    InputError
        If several places are given and one is no NetCDF file.
    OceanDataError
        If the data cannot be opened.
    """
    if not places:
        msg = "no data were named, need a repository, a Zarr store or NetCDF files."
        raise InputError(msg)
    files = _netcdf_files(places)
    if files:
        ordered = _in_time_order(files)
        return _of_files(_common_place(ordered), _below(ordered))
    (place,) = places
    return _of_repository(place) if _is_repository(place) else _of_zarr(os.fspath(place))


def asset_contents(asset: Asset, url: str) -> Contents:
    """
    Describe the data of one layout of an entry.

    Parameters
    ----------
    asset : Asset
        The layout.
    url : str
        Its place, with the folder of the catalogue filled in.

    Returns
    -------
    Contents
        With one asset.

    Raises
    ------
    OceanDataError
        If the data cannot be opened.
    """
    if asset.type == _NETCDF:
        from oceandata.storage.urls import local_path

        return _of_files(local_path(url), asset.files)
    if asset.type == _ZARR:
        return _of_zarr(url, group=asset.group)
    from oceandata.storage import describe_revision

    return _of_summaries([describe_revision(url, revision=asset.revision, layout=asset.group)])


def _netcdf_files(places: Sequence[str | os.PathLike[str]]) -> list[Path]:
    """The NetCDF files that were named, or those of the one folder that was; none if it is something else."""
    if any("://" in os.fspath(place) for place in places):
        if len(places) > 1:
            msg = f"{len(places)} places were named, need one URL, or several NetCDF files on this machine."
            raise InputError(msg)
        return []
    paths = [Path(place) for place in places]
    for path in paths:
        if not path.exists():
            near = sorted(one.name for one in path.parent.iterdir()) if path.parent.is_dir() else []
            msg = f"there is nothing at {path}. {closest(path.name, near)}".rstrip()
            raise NotFoundError(msg)
    if len(paths) == 1 and paths[0].is_dir():
        return sorted(one for one in paths[0].iterdir() if one.suffix.lower() in _NETCDF_SUFFIXES)
    folders = [path for path in paths if path.is_dir()]
    if folders:
        msg = f"{folders[0]} is a folder among {len(paths)} places, need files only, or one place."
        raise InputError(msg)
    return paths


def _is_repository(place: str | os.PathLike[str]) -> bool:
    """Whether there is a repository; on the web, whatever can be read as one."""
    from oceandata.errors import MissingExtraError
    from oceandata.storage.stores import repository_exists

    try:
        return repository_exists(place)
    except MissingExtraError:  # this Icechunk reads no repositories from the web
        return False


def _of_repository(url: str | os.PathLike[str]) -> Contents:
    """Newest revision with all its layouts."""
    from oceandata.catalog.repositories import described_layouts

    return _of_summaries(described_layouts(os.fspath(url)))


def _of_summaries(summaries: "Sequence[RevisionSummary]") -> Contents:
    """Layouts of one revision."""
    from oceandata.catalog.entries import layout_assets

    first = summaries[0]
    return Contents(
        assets=layout_assets(first, summaries[1:]),
        variables=first.variables,
        extent=first.extent,
        attributes=first.attributes,
        sources=first.sources,
        created=first.created.isoformat(),
    )


def _of_zarr(url: str, *, group: str = "") -> Contents:
    """Plain Zarr, as its users open it."""
    from oceandata.storage import open_dataset
    from oceandata.storage.revisions import extent_of
    from oceandata.storage.urls import canonical_url

    ds = open_dataset(url, group=group, chunks=None, plain=True)
    variables = stored_variables(ds)
    asset = Asset(
        href=canonical_url(url),
        type="application/vnd+zarr",
        group=group,
        decoded_bytes=_decoded_bytes(variables),
        chunks=_chunk_count(variables),
        chunk_shapes={name: one.chunks for name, one in variables.items() if one.chunks},
    )
    return Contents({"zarr": asset}, variables, extent_of(ds), dict(ds.attrs))


def _in_time_order(files: list[Path]) -> list[Path]:
    """Files by their first instant, then by name."""
    from oceandata import cf
    from oceandata.storage.files import open_file

    ranked = []
    for path in files:
        with open_file(path) as ds:
            try:
                name = cf.find_axis(ds, "T")
            except InputError:
                name = None
            first = str(ds[name].to_numpy().ravel()[0]) if name is not None and ds[name].size else ""
        ranked.append((first, path.name, path.absolute()))
    return [path for _, _, path in sorted(ranked)]


def _of_files(place: Path, files: tuple[str, ...]) -> Contents:
    """NetCDF files that together are one dataset, as their users open them."""
    from oceandata.storage import open_files
    from oceandata.storage.revisions import extent_of

    with open_files(place, files, chunks=None) as ds:
        variables, extent, attributes = stored_variables(ds, whole=not files), extent_of(ds), dict(ds.attrs)
    paths = [place / name for name in files] or [place]
    asset = Asset(
        href=place.as_posix(),
        type="application/x-netcdf",
        files=files,
        group="",
        stored_bytes=sum(path.stat().st_size for path in paths),
        decoded_bytes=_decoded_bytes(variables),
        chunk_shapes={name: one.chunks for name, one in variables.items() if one.chunks},
    )
    return Contents({"netcdf": asset}, variables, extent, attributes)


def stored_variables(ds: "xr.Dataset", *, whole: bool = True) -> dict[str, Variable]:
    """
    Data variables with what is stored of them.

    Parameters
    ----------
    ds : xarray.Dataset
        Lazy; nothing is read.
    whole : bool
        Whether its arrays are stored whole, not in pieces in several files; chunks are named only then.

    Returns
    -------
    dict of str to Variable
        By native name.
    """
    import numpy as np

    found = {}
    for key, array in ds.data_vars.items():
        dtype = np.dtype(array.encoding.get("dtype") or array.dtype)
        chunks = array.encoding.get("shards") or array.encoding.get("chunks") or array.encoding.get("chunksizes")
        attributes = {**array.encoding, **array.attrs}
        words = {
            field: str(attributes.get(field, "") or "")
            for field in ("units", "standard_name", "long_name", "long_name_zh", "cell_methods")
        }
        found[str(key)] = Variable(
            dimensions=tuple(str(dim) for dim in array.dims),
            shape=array.shape,
            chunks=tuple(map(int, chunks)) if chunks and whole and len(chunks) == array.ndim else None,
            dtype=str(dtype),
            nbytes=math.prod(array.shape) * dtype.itemsize,
            **words,
        )
    return found


def _decoded_bytes(variables: dict[str, Variable]) -> int:
    """Bytes of all variables."""
    return sum(one.nbytes or 0 for one in variables.values())


def _chunk_count(variables: dict[str, Variable]) -> int | None:
    """Number of chunks of all variables; None if one is not known."""
    total = 0
    for one in variables.values():
        if one.shape is None or one.chunks is None:
            return None
        total += math.prod(math.ceil(size / max(1, chunk)) for size, chunk in zip(one.shape, one.chunks, strict=True))
    return total


def _common_place(files: list[Path]) -> Path:
    """The file, or the deepest folder that holds all files."""
    return files[0] if len(files) == 1 else Path(os.path.commonpath([file.parent for file in files]))


def _below(files: list[Path]) -> tuple[str, ...]:
    """Files relative to their common folder; none for a single one."""
    top = _common_place(files)
    return () if len(files) == 1 else tuple(file.relative_to(top).as_posix() for file in files)
