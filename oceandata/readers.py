"""
The Intake readers of oceandata's catalogues.

The paths ``oceandata.readers:OceanZarr`` and ``oceandata.readers:IndexReader`` are written into users' catalogue files:
they are frozen for ever, with their arguments. Importing this module loads neither xarray nor Dask.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from intake.readers.readers import BaseReader

from oceandata.errors import InputError, closest

if TYPE_CHECKING:
    import xarray as xr

    from oceandata.entities import Origin

__all__ = ["IndexReader", "OceanZarr"]

_ARGUMENTS = ("url", "group", "revision", "snapshot", "origin", "type", "files")
_SELECTIONS = ("region", "time", "depth", "variables", "chunks", "as_of")
_TYPES = ("application/vnd+icechunk", "application/vnd+zarr", "application/x-netcdf")


class OceanZarr(BaseReader):  # type: ignore[misc]
    """
    Opens one revision of a repository, plain Zarr or NetCDF files as a lazy, Dask-backed dataset.

    Made with ``url`` of the repository, ``group`` (layout), ``revision`` (tag), ``snapshot`` and ``origin`` (entry and
    product). ``type`` is the media type of plain Zarr (``application/vnd+zarr``, with its ``group``) and of NetCDF
    (``application/x-netcdf``: the file at ``url``, or the ``files`` below that folder); a repository needs none. Any
    argument of `read` may be given as a default, and ``metadata`` may hold the catalogue's entry.
    """

    imports: ClassVar[set[str]] = {"xarray", "zarr", "icechunk"}
    func = "oceandata.storage:open_dataset"
    output_instance = "xarray:Dataset"

    def _read(
        self,
        *,
        url: str,
        group: str = "maps",
        revision: str = "",
        snapshot: str = "",
        origin: Mapping[str, Any] | None = None,
        type: str = "",
        files: Sequence[str] = (),
        **selection: Any,
    ) -> "xr.Dataset":
        from oceandata.entities import Origin

        unknown = [name for name in selection if name not in _SELECTIONS]
        if unknown:
            known = [*_ARGUMENTS, *_SELECTIONS]
            msg = f"read() has no argument {unknown[0]!r}. {closest(unknown[0], known)}"
            raise InputError(msg)
        if type and type not in _TYPES:
            msg = f"type is {type!r}, need one of {', '.join(map(repr, _TYPES))}. {closest(type, list(_TYPES))}"
            raise InputError(msg)
        entry = self.metadata.get("entry") or {}
        if selection.get("variables") is not None:
            selection["variables"] = _native_names(entry, selection["variables"])
        known_origin = Origin.from_json({"repository": url, **(origin or {})})
        if type in _TYPES[1:]:
            state = {"revision": revision, "snapshot": snapshot, "as_of": selection.pop("as_of", "")}
            _check_no_state(state, url, type)
            ds = _open_plain(url, type, group if "group" in self.kwargs else "", files, known_origin, selection)
            return _labelled(ds, entry, known_origin)
        return self._open_revision(url, group, revision, snapshot, known_origin, selection)

    def _open_revision(
        self, url: str, group: str, revision: str, snapshot: str, origin: "Origin", selection: dict[str, Any]
    ) -> "xr.Dataset":
        """A revision of a repository; another state than the entry's is no known revision of its product."""
        from oceandata.storage import open_dataset

        pinned = {"revision": self.kwargs.get("revision", ""), "snapshot": self.kwargs.get("snapshot", "")}
        if {"revision": revision, "snapshot": snapshot} != pinned:
            # another state than the entry's: its number among the product's revisions is not known here
            origin = origin.model_copy(update={"product_revision": None})
            if snapshot == pinned["snapshot"]:
                snapshot = ""
            elif revision == pinned["revision"]:
                revision = ""
        if selection.get("as_of"):
            origin = origin.model_copy(update={"product_revision": None})
            revision, snapshot = "", ""
        ds = open_dataset(url, group=group, revision=revision, snapshot=snapshot, origin=origin, **selection)
        ds.attrs["layout"] = group
        return _labelled(ds, self.metadata.get("entry") or {}, origin)

    def read(
        self,
        *,
        region: Sequence[float] | None = None,
        time: "str | Sequence[str] | None" = None,
        depth: Sequence[float] | None = None,
        variables: Sequence[str] | str | None = None,
        chunks: "Mapping[str, int] | str | None" = "auto",
        **kwargs: Any,
    ) -> "xr.Dataset":
        """
        Open the dataset, or a part of it.

        Parameters
        ----------
        region : sequence of float, optional
            West, south, east, north in degrees; may cross the date line.
        time : str or pair of str, optional
            Period, such as ``"2009"`` or ``"2009-06/2010-05"``.
        depth : pair of float, optional
            Top and bottom in m, positive down.
        variables : sequence of str or str, optional
            By native name, CF standard name (the curator's first), alias or Chinese word.
        chunks : {"auto", None} or dict
            As `oceandata.storage.open_dataset` takes it.
        **kwargs : object
            ``revision``, ``snapshot`` or ``as_of`` to open another state, ``group`` for another layout.

        Returns
        -------
        xarray.Dataset
            Lazy; only metadata was read.
        """
        given: dict[str, Any] = {"region": region, "time": time, "depth": depth, "variables": variables}
        given = {name: value for name, value in given.items() if value is not None}
        if chunks != "auto":
            given["chunks"] = chunks
        ds: xr.Dataset = super().read(**given, **kwargs)
        return ds

    def to_dask(self, **kwargs: Any) -> "xr.Dataset":
        """The same as `read`: what is read is always lazy."""
        return self.read(**kwargs)

    def discover(self, **kwargs: Any) -> "xr.Dataset":
        """The same as `read`: opening reads metadata only."""
        return self.read(**kwargs)


class IndexReader(BaseReader):  # type: ignore[misc]
    """
    Opens the bulk entries of a catalogue, whatever their number, as a catalogue of Intake.

    Made with ``path`` of the index beside the catalogue file. Its entries are read one by one, when they are asked
    for: ``reader["sst_daily"].to_dask(region=...)``.
    """

    imports: ClassVar[set[str]] = set()
    func = "oceandata.catalog.intake_index:open_indexed"
    output_instance = "intake.readers.entry:Catalog"

    def _read(self, *, path: str) -> Any:
        return self._func(path)

    def __len__(self) -> int:
        return len(self.read())

    def __iter__(self) -> Iterator[str]:
        return iter(self.read())

    def __contains__(self, name: object) -> bool:
        return name in self.read()


def _check_no_state(state: Mapping[str, Any], url: str, kind: str) -> None:
    """Refuse to look for a revision where there are none."""
    asked = next((name for name, value in state.items() if value), "")
    if asked:
        what = "plain Zarr" if kind == _TYPES[1] else "NetCDF"
        msg = f"{url} is {what}, which has no revisions, but {asked}={state[asked]!r} was asked for. Leave it out."
        raise InputError(msg)


def _open_plain(
    url: str, kind: str, group: str, files: Sequence[str], origin: "Origin", selection: dict[str, Any]
) -> "xr.Dataset":
    """Plain Zarr, or NetCDF files."""
    from oceandata.storage import open_dataset, open_files
    from oceandata.storage.known import remember_origin
    from oceandata.storage.urls import local_path

    if kind == _TYPES[1]:
        return open_dataset(url, group=group, origin=origin, plain=True, **selection)
    remember_origin([local_path(url) / name for name in files] or [local_path(url)], origin)
    return open_files(url, files, **selection)


def _native_names(entry: Mapping[str, Any], names: Sequence[str] | str) -> list[str]:
    """Names with those that the curator's names answer to replaced by the native ones."""
    import xarray as xr

    from oceandata import cf

    described = xr.Dataset({name: ((), 0, variable) for name, variable in entry.get("variables", {}).items()})
    wanted = [names] if isinstance(names, str) else names
    return [cf.require_variable(described, name) if cf.find_variables(described, name) else name for name in wanted]


def _labelled(ds: "xr.Dataset", entry: Mapping[str, Any], origin: Any) -> "xr.Dataset":
    """Dataset with the catalogue's names for variables, its licence and its product among the attributes."""
    for name, variable in entry.get("variables", {}).items():
        if name in ds.variables:
            for key in ("canonical_name", "long_name", "long_name_zh"):
                if variable.get(key) and not ds[name].attrs.get(key):
                    ds[name].attrs[key] = variable[key]
    facts = {
        "title": entry.get("title", ""),
        "title_zh": entry.get("title_zh", ""),
        "license": origin.licence,
        "attribution": origin.attribution,
        "entry": origin.entry,
        "product": origin.product,
    }
    ds.attrs |= {key: value for key, value in facts.items() if value}
    return ds
