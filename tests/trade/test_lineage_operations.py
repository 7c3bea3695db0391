"""Two products through the operations that people do with xarray: both are owed, and the chunks are the right ones."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import dask.array as da
import numpy as np
import pytest
import xarray as xr

from oceandata import analysis
from oceandata.entities import Origin
from oceandata.storage import counted_reads, open_dataset, plan_ingest, write_repository
from oceandata.trade import lineage

Pair = Callable[[xr.DataArray, xr.DataArray], Any]


@pytest.fixture(scope="module")
def heights(tmp_path_factory: pytest.TempPathFactory, ostia_file: Path) -> Path:
    """A second dataset on the same grid: other values, other chunks."""
    folder = tmp_path_factory.mktemp("heights")
    with xr.open_dataset(ostia_file) as ds:
        sst = ds["surface_temperature"].load()
    numbers = np.random.default_rng(5).normal(0.0, 0.1, sst.shape).astype("f4")
    level = xr.DataArray(numbers, sst.drop_vars(set(sst.coords) - set(sst.dims)).coords, sst.dims, "zos")
    level.attrs = {"standard_name": "sea_surface_height_above_geoid", "units": "m"}
    level.to_dataset().to_netcdf(folder / "zos.nc")
    write_repository(plan_ingest([folder / "zos.nc"], folder / "repository", chunk_bytes=600_000))
    return folder / "repository"


@pytest.fixture
def temperature(ostia_repository: Path) -> xr.DataArray:
    origin = Origin(repository="", product="example:sst", licence="LicenseRef-OGL-UK", attribution="Crown copyright")
    ds = open_dataset(ostia_repository, origin=origin, chunks={})
    sst = ds["surface_temperature"]
    return sst.drop_vars(set(sst.coords) - set(sst.dims))


@pytest.fixture
def level(heights: Path) -> xr.DataArray:
    origin = Origin(repository="", product="example:zos", licence="CC-BY-NC-4.0", attribution="Second Institute")
    return open_dataset(heights, origin=origin, chunks={})["zos"]


def _scaled(block: Any, other: Any) -> Any:
    return np.hypot(block, other)


def _alternating(obj: xr.DataArray) -> xr.DataArray:
    """Every other column is 1, the others are 0; more positions in a block than are let through as arguments."""
    return xr.DataArray(np.arange(obj.sizes["longitude"]) % 2, dims="longitude", name="column")


def _diagonal(obj: xr.DataArray, dim: str) -> xr.DataArray:
    """Positions of points on a diagonal of the map."""
    return xr.DataArray(np.arange(obj.sizes["longitude"]) % obj.sizes[dim], dims="point")


#: Each with what it takes of the time axis of either product.
ALL = (slice(None), slice(None))
OPERATIONS: dict[str, tuple[Pair, tuple[slice, slice]]] = {
    "arithmetic": (lambda a, b: (a - 273.15) / (1 + b * b), ALL),
    "comparison": (lambda a, b: (a > 300) & (b < 0), ALL),
    "merge": (lambda a, b: xr.merge([a, b], join="exact"), ALL),
    "assign": (lambda a, b: a.to_dataset().assign(zos=b)[["zos", "surface_temperature"]], ALL),
    "concat in time": (lambda a, b: xr.concat([a[:11], b[30:]], "time"), (slice(0, 11), slice(30, 54))),
    "concat in a new dimension": (lambda a, b: xr.concat([a, b], "member", join="exact").max("member"), ALL),
    "to_array": (lambda a, b: xr.Dataset({"a": a, "b": b}).to_array().mean("variable"), ALL),
    "combine_first": (lambda a, b: a.combine_first(b), ALL),
    "fillna": (lambda a, b: a.where(a > 299).fillna(b), ALL),
    "where": (lambda a, b: a.where(b > 0), ALL),
    "xr.where": (lambda a, b: xr.where(b > 0, a, np.nan), ALL),
    "clip": (lambda a, b: a.clip(min=b), ALL),
    "mean of a product": (lambda a, b: (a * b).mean(["latitude", "longitude"]), ALL),
    "weighted": (lambda a, b: a.weighted(abs(b.isel(time=0)).fillna(0)).mean("time"), (slice(None), slice(0, 1))),
    "std and quantile": (
        lambda a, b: xr.Dataset({"a": a.std("time"), "b": b.chunk(time=-1).quantile(0.9, "time")}),
        ALL,
    ),
    "groupby mean": (lambda a, b: (a + b).groupby("time.month").mean(), ALL),
    "groupby of alternating columns": (lambda a, b: (a + b).groupby(_alternating(a)).mean(), ALL),
    "points": (lambda a, b: (a + b).isel(latitude=_diagonal(a, "latitude"), longitude=_diagonal(a, "longitude")), ALL),
    "columns by a mask": (lambda a, b: (a + b).sel(longitude=_alternating(a) == 1), ALL),
    "groupby anomaly": (lambda a, b: a.groupby("time.season") - b.groupby("time.season").mean(), ALL),
    "resample": (lambda a, b: (a + b).resample(time="YS").mean(), ALL),
    "rolling": (lambda a, b: (a - b).rolling(time=3, center=True).mean(), ALL),
    "coarsen": (lambda a, b: (a - b).coarsen(time=6, longitude=4).max(), ALL),
    "cumsum and diff": (lambda a, b: a.cumsum("time") + b.diff("time"), ALL),
    "shift": (lambda a, b: a - b.shift(time=1), ALL),
    "interp": (lambda a, b: a + b.interp(longitude=a.longitude + 0.1), ALL),
    "reindex": (lambda a, b: a - b.reindex(time=a.time[:11], method="nearest"), (slice(0, 11), slice(0, 11))),
    "sortby and stack": (lambda a, b: (a * b).sortby("latitude").stack(cell=("latitude", "longitude")), ALL),
    "isel and sel": (
        lambda a, b: a.isel(time=slice(12, 20)) - b.sel(time=a.time[12:20]),
        (slice(12, 20), slice(12, 20)),
    ),
    "rechunk": (lambda a, b: a.chunk(time=7, longitude=100) * b.chunk(time=-1, longitude=50), ALL),
    "dot": (lambda a, b: xr.dot(a.fillna(0), b, dim="time"), ALL),
    "corr and cov": (lambda a, b: xr.corr(a, b, "time") + xr.cov(a, b, "time"), ALL),
    "apply_ufunc": (
        lambda a, b: xr.apply_ufunc(_scaled, a, b, dask="parallelized", output_dtypes=["f4"]),
        ALL,
    ),
    "map_blocks": (lambda a, b: xr.map_blocks(lambda x, y: x + y, a, [b.chunk(a.chunksizes)], template=a), ALL),
    "map_overlap": (
        lambda a, b: a.copy(data=da.map_overlap(_scaled, a.data, b.data, depth=1, boundary="reflect", dtype="f4")),
        ALL,
    ),
    "differentiate": (lambda a, b: (a + b).differentiate("longitude"), ALL),
    "streamed climatology": (lambda a, b: analysis.climatology(a + b), ALL),
    "streamed anomaly": (lambda a, b: analysis.anomaly(a, analysis.climatology(a - b)), ALL),
    "streamed area mean": (lambda a, b: analysis.area_mean(a - b), ALL),
    "renamed, bare": (lambda a, b: (a.drop_attrs().rename("x") - b.drop_attrs().rename("y")).rename("secret"), ALL),
}


#: These compute with labels (longitudes), which are in memory: nobody can tell where they came from.
WITH_LABELS = ("interp", "differentiate")


def test_there_are_thirty() -> None:
    assert len(OPERATIONS) >= 30


#: xarray leaves these to flox where it is installed.
GROUPED = [how for how in OPERATIONS if how.startswith(("groupby", "resample"))]
CASES = [*((how, False) for how in OPERATIONS), *((how, True) for how in GROUPED)]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("how", "use_flox"), CASES)
def test_both_products_and_the_right_chunks(
    temperature: xr.DataArray, level: xr.DataArray, how: str, use_flox: bool
) -> None:
    operation, taken = OPERATIONS[how]
    with xr.set_options(use_flox=use_flox):
        result = operation(temperature, level)
    found = lineage(result)
    by_product = {one.origin.product: one for one in found.planned}
    assert set(by_product) == {"example:sst", "example:zos"}
    assert {one.origin.licence for one in found.planned} == {"LicenseRef-OGL-UK", "CC-BY-NC-4.0"}
    assert bool(found.unattributed) == (how in WITH_LABELS)
    for name, array, part in zip(("example:sst", "example:zos"), (temperature, level), taken, strict=True):
        (wanted,) = lineage(array[part]).planned
        assert by_product[name].chunks == wanted.chunks
        assert by_product[name].stored_bytes == wanted.stored_bytes > 0
        assert by_product[name].variable == array.name


@pytest.mark.parametrize("use_flox", [False, True])
@pytest.mark.parametrize("what", ["values", "weights"])
def test_whole_numbers_that_are_grouped_are_an_input(temperature: xr.DataArray, what: str, use_flox: bool) -> None:
    counts = xr.DataArray(np.arange(temperature.sizes["longitude"]), dims="longitude", name="counts")
    with xr.set_options(use_flox=use_flox):
        if what == "values":
            result = counts.chunk().groupby(_alternating(temperature)).sum()
        else:
            result = (temperature * counts.chunk()).groupby(_alternating(temperature)).sum()
    assert f"array in memory {counts.shape} int64" in lineage(result).unattributed


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("how", "use_flox"), CASES)
def test_what_is_served_is_what_was_told(
    temperature: xr.DataArray, level: xr.DataArray, how: str, use_flox: bool
) -> None:
    with xr.set_options(use_flox=use_flox):
        result = OPERATIONS[how][0](temperature, level)
    planned = {(one.origin.snapshot, key) for one in lineage(result).planned for key in one.keys}
    with counted_reads() as reads:
        result.compute(scheduler="synchronous")
    names = ("/surface_temperature/c/", "/zos/c/")
    assert {(read.snapshot, read.key) for read in reads.counts if any(name in read.key for name in names)} == planned
