"""What a subset will be, told before a byte of data is read."""

import dataclasses
import math
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from oceandata._html import human_bytes
from oceandata.entities import Entry, Extent
from oceandata.errors import InputError, NotFoundError, RepositoryExistsError
from oceandata.storage.revisions import extent_of
from oceandata.trade.delivered import with_taken
from oceandata.trade.lineage import Lineage, lineage
from oceandata.trade.stamp import check_parquet
from oceandata.trade.subset.description import FORMATS
from oceandata.trade.subset.fetching import streamed_names
from oceandata.trade.subset.selection import Request, open_request
from oceandata.trade.subset.staging import Staging, work_digest
from oceandata.trade.subset.tables import check_table, table_columns

if TYPE_CHECKING:
    import xarray as xr

    from oceandata.catalog import Catalog

__all__ = ["SubsetPlan", "check_free", "plan_subset"]

_WORDS = {"nc": "NetCDF-4", "zarr": "Zarr 3", "csv": "CSV", "parquet": "Parquet"}

# Characters of a cell of a CSV file, with the comma.
_TIME_CHARACTERS = 20
_NUMBER_CHARACTERS = 10


@dataclasses.dataclass(frozen=True)
class SubsetPlan:
    """
    A subset that can be written; nothing was written to make it.

    Attributes
    ----------
    request : Request
        What was asked.
    entry : Entry
        Of which dataset.
    target : pathlib.Path
        File or folder that will be made.
    dataset : xarray.Dataset
        The selection, lazy.
    extent : Extent
        Where, when and how deep the selected cells lie.
    lineage : Lineage
        What will be read.
    decoded_bytes : int
        Bytes of the values of the selection, which also lie on the disk until the file is whole.
    estimated_bytes : int
        About what the file will take; for tables at most, because cells without a value are left out.
    free_bytes : int
        Free on the disk of the target.
    overwrite : bool
        Replace what is at the target.
    digest : str
        Of the work: equal plans continue each other.
    """

    request: Request
    entry: Entry
    target: Path
    dataset: "xr.Dataset"
    extent: Extent
    lineage: Lineage
    decoded_bytes: int
    estimated_bytes: int
    free_bytes: int
    overwrite: bool
    digest: str

    @property
    def values(self) -> int:
        """Number of values of all data variables."""
        return sum(int(array.size) for array in self.dataset.data_vars.values())

    @property
    def chunks(self) -> int:
        """Stored chunks that will be read; those of inputs of unknown source are not known."""
        return sum(len(one.chunks) for one in self.lineage.planned)

    @property
    def resumed_pieces(self) -> int:
        """Blocks that an interrupted run of the same work has read already."""
        staging = Staging(self.target)
        return len(staging.done) if staging.load() == self.digest else 0

    @property
    def pieces(self) -> int:
        """Blocks in which the selection is read."""
        return sum(math.prod(map(len, self.dataset[name].chunks or ())) for name in streamed_names(self.dataset))

    def to_json(self) -> dict[str, Any]:
        """JSON form, with what is asked and what is got."""
        arrays = {
            str(name): {"dimensions": list(map(str, one.dims)), "shape": list(one.shape), "dtype": str(one.dtype)}
            | {"units": str(one.attrs.get("units", ""))}
            for name, one in self.dataset.data_vars.items()
        }
        trade = self.entry.trade
        return {
            "entry": self.entry.id,
            "title": self.entry.title,
            "target": str(self.target),
            "format": self.target.suffix[1:],
            "asked": dataclasses.asdict(self.request),
            "got": self.extent.to_json(),
            "variables": arrays,
            "values": self.values,
            "decoded_bytes": self.decoded_bytes,
            "chunks": self.chunks,
            "stored_bytes": self.lineage.stored_bytes,
            "unattributed": list(self.lineage.unattributed),
            "estimated_bytes": self.estimated_bytes,
            "free_bytes": self.free_bytes,
            "pieces": self.pieces,
            "resumed_pieces": self.resumed_pieces,
            "licence": self.entry.license,
            "attribution": self.entry.attribution,
            "citation": self.entry.citation,
            "product": trade.product if trade else "",
            "product_status": trade.status if trade else "not traded",
        }

    def facts(self) -> list[tuple[str, str]]:
        """
        Names and values for people.

        Returns
        -------
        list of (str, str)
            The same facts in terminals and notebooks.
        """
        revisions = sorted({one.origin.revision or one.origin.snapshot for one in self.lineage.planned})
        facts = [
            ("entry", f"{self.entry.id}: {self.entry.title}"),
            ("revision", ", ".join(revisions) or "none recorded"),
        ]
        for name, one in self.dataset.data_vars.items():
            sizes = ", ".join(f"{dim} {size}" for dim, size in one.sizes.items())
            facts.append((f"variable {name}", f"{sizes} [{one.attrs.get('units', 'no unit')}]"))
        facts += self._place_facts()
        stored = f"{self.chunks} stored chunks, {human_bytes(self.lineage.stored_bytes)}"
        facts += [
            ("values", f"{self.values}, {human_bytes(self.decoded_bytes)} decoded"),
            ("to read", stored if self.lineage.planned else "unknown: the source records no chunks"),
            ("to write", f"about {human_bytes(self.estimated_bytes)} to {self.target}"),
            ("free disk", f"{human_bytes(self.free_bytes)}, need {human_bytes(self.needed_bytes)} on the way"),
        ]
        if self.resumed_pieces:
            facts.append(("resumes", f"{self.resumed_pieces} of {self.pieces} blocks were read before"))
        return facts + [(name, value or "unknown") for name, value in self._terms()]

    @property
    def needed_bytes(self) -> int:
        """Disk that the work takes at its most: the values as they are read, and the file."""
        return self.decoded_bytes + self.estimated_bytes

    def _place_facts(self) -> list[tuple[str, str]]:
        asked, got = self.request, self.extent
        facts = []
        if asked.bbox is not None:
            facts.append(("box asked", "W {:g} S {:g} E {:g} N {:g}".format(*asked.bbox)))
        if got.bbox is not None:
            facts.append(("box of cells", "W {:.6g} S {:.6g} E {:.6g} N {:.6g}".format(*got.bbox)))
        if got.time is not None:
            steps = f", {got.time_resolution}" if got.time_resolution else ""
            facts.append(("period", f"{got.time[0]:%Y-%m-%d %H:%M} to {got.time[1]:%Y-%m-%d %H:%M} UTC{steps}"))
        if got.depth_m is not None:
            facts.append(("depth", f"{got.depth_m[0]:g} to {got.depth_m[1]:g} m"))
        return facts

    def _terms(self) -> list[tuple[str, str]]:
        trade = self.entry.trade
        licence = "" if self.entry.license == "NOASSERTION" else self.entry.license
        terms = [("licence", licence), ("attribution", self.entry.attribution), ("citation", self.entry.citation)]
        return [*terms, ("product", f"{trade.product}, {trade.status}" if trade else "not traded")]

    def __str__(self) -> str:
        facts = self.facts()
        width = max(len(name) for name, _ in facts) + 2
        return "\n".join(f"{name:<{width}}{value}" for name, value in facts)

    def _repr_html_(self) -> str:
        from oceandata import _html

        return _html.facts(self.facts(), title=f"Subset of {self.entry.id}")


def _checked_target(target: str | os.PathLike[str]) -> Path:
    """Place of the file to make; refused before anything is opened."""
    path = Path(target)
    if path.suffix not in FORMATS:
        msg = f"the ending of {path} is {path.suffix!r}, need one of {', '.join(FORMATS)}."
        raise InputError(msg)
    path = path.absolute()
    if not path.parent.is_dir():
        msg = f"folder {path.parent} does not exist. Create it first."
        raise NotFoundError(msg)
    if path.suffix == ".parquet":
        check_parquet()
    return path


def check_free(path: Path, *, overwrite: bool) -> None:
    """
    Refuse what is there, unless it may be replaced and is of the kind that is made.

    Parameters
    ----------
    path : pathlib.Path
        What will be made.
    overwrite : bool
        Whether it may be replaced.

    Raises
    ------
    RepositoryExistsError
        If something is there that is not to be replaced.
    """
    if not (path.exists() or path.is_symlink()):
        return
    if not overwrite:
        msg = f"{path} exists already. Choose another name, or replace it: overwrite=True (--overwrite)."
        raise RepositoryExistsError(msg)
    own = (path / "zarr.json").is_file() if path.suffix == ".zarr" else path.is_file()
    if not own:
        msg = f"{path} is no {_WORDS[path.suffix[1:]]} and is not replaced. Choose another name, or remove it first."
        raise RepositoryExistsError(msg)


def _stored_ratio(ds: "xr.Dataset", plan: Lineage) -> float | None:
    """Part of the values in the chunks to be read that the selection takes; None if the source is unknown."""
    held = 0
    for one in plan.planned:
        chunk = ds[one.variable].encoding.get("chunks") if one.variable in ds.variables else None
        if not chunk:
            return None
        held += len(one.chunks) * math.prod(chunk)
    return min(1.0, sum(int(one.size) for one in ds.data_vars.values()) / held) if held else None


def _estimated_bytes(ds: "xr.Dataset", plan: Lineage, suffix: str) -> int:
    """About what the file will take."""
    rows = max((int(one.size) for one in ds.data_vars.values()), default=0)
    if suffix == ".csv":
        columns = [one.dims and one.name for one in table_columns(ds)]
        times = sum(ds[name].dtype.kind in "MO" for name in columns if name in ds.variables)
        return rows * (times * _TIME_CHARACTERS + (len(columns) - times) * _NUMBER_CHARACTERS)
    whole = sum(int(one.nbytes) for one in ds.data_vars.values())
    ratio = None if plan.unattributed or suffix == ".parquet" else _stored_ratio(ds, plan)
    return whole if ratio is None else math.ceil(plan.stored_bytes * ratio)


def _fingerprint(entry: Entry, catalog: "Catalog") -> list[Any]:
    """Sizes and times of the local files of an entry that has no revisions, so that a changed one is another work."""
    found: list[Any] = []
    for asset in entry.assets.values():
        for name in asset.files or ("",):
            path = Path(catalog.located(asset.href)) / name if name else Path(catalog.located(asset.href))
            if not asset.snapshot and path.is_file():
                found.append([str(path), path.stat().st_size, path.stat().st_mtime_ns])
    return found


def _work(ds: "xr.Dataset", plan: Lineage, path: Path, sources: list[Any]) -> dict[str, Any]:
    """Everything that decides which values lie in which block, for `work_digest`."""
    import hashlib

    held = {
        str(name): hashlib.sha256(repr(one.to_numpy().tolist()).encode()).hexdigest()
        for name, one in ds.variables.items()
        if one.chunks is None and one.dtype.kind in "biufcmMOUS"
    }
    blocks = {name: [list(lengths) for lengths in ds[name].chunks or ()] for name in streamed_names(ds)}
    origins = sorted(
        (one.variable, one.origin.repository, one.origin.snapshot, one.origin.group, len(one.chunks))
        for one in plan.inputs
    )
    return {"name": path.name, "held": held, "blocks": blocks, "origins": origins, "sources": sources}


def plan_subset(
    catalog: "Catalog",
    entry: str,
    target: str | os.PathLike[str],
    *,
    bbox: Sequence[float] | None = None,
    time: str | None = None,
    depth: Sequence[float] | None = None,
    variables: Sequence[str] | str = (),
    revision: str = "",
    nearest: bool = False,
    overwrite: bool = False,
) -> SubsetPlan:
    """
    Tell what a subset of an entry will be, without reading data or writing anything.

    Parameters
    ----------
    catalog : Catalog
        The catalogue.
    entry : str
        Name or alias of the dataset.
    target : str or path
        File or folder to make; its ending says which kind: ``.nc``, ``.zarr``, ``.csv`` or ``.parquet``.
    bbox : sequence of float, optional
        West, south, east, north in degrees, as -180 to 180 or 0 to 360; cells whose centres lie inside, west to east,
        also across the date line. The longitudes stay as the dataset has them, unless the box crosses its seam.
    time : str, optional
        Period, both ends included: ``"2009"``, ``"2009-06/2010-05"``, ``"../2010"``.
    depth : sequence of float, optional
        Top and bottom in m, positive down.
    variables : sequence of str or str
        By native name, CF standard name, alias or Chinese word; all by default.
    revision : str
        Tag of the repository; the entry's own by default.
    nearest : bool
        Take the nearest cell or level where the box or the depths hold none, if it is not farther than a grid step.
    overwrite : bool
        Replace what is at the target.

    Returns
    -------
    SubsetPlan
        For `write_subset`.

    Raises
    ------
    NotFoundError
        If there is no such entry, variable, revision or folder, or nothing lies in the period or the depths.
    RegionError
        If the box holds no cell; the nearest one is named.
    InputError
        If an argument cannot be used, or the variables do not fit one table.
    RepositoryExistsError
        If the target exists.
    MissingExtraError
        If it is Parquet, and pyarrow is not installed.

    Notes
    -----
    Memory: some hundred bytes for each stored chunk that will be read.
    """
    path = _checked_target(target)
    names = (variables,) if isinstance(variables, str) else tuple(variables)
    request = Request(
        entry=entry,
        bbox=None if bbox is None else tuple(bbox),
        time=time,
        depth=None if depth is None else tuple(depth),
        variables=names,
        revision=revision,
        nearest=nearest,
    )
    described = catalog[entry]
    ds = open_request(catalog, request)
    if path.suffix not in (".nc", ".zarr"):
        check_table(ds)
    made_of = with_taken(lineage(ds), ds)
    plan = SubsetPlan(
        request=request,
        entry=described,
        target=path,
        dataset=ds,
        extent=extent_of(ds),
        lineage=made_of,
        decoded_bytes=sum(int(one.nbytes) for one in ds.variables.values()),
        estimated_bytes=_estimated_bytes(ds, made_of, path.suffix),
        free_bytes=shutil.disk_usage(path.parent).free,
        overwrite=overwrite,
        digest=work_digest(_work(ds, made_of, path, _fingerprint(described, catalog))),
    )
    staging = Staging(path)
    if not (staging.load() == plan.digest and staging.published):
        check_free(path, overwrite=overwrite)
    return plan
