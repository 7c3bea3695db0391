"""Lineage: no way of computing loses an obligation, nothing of unknown source is left out, sizes are those recorded."""

import functools
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dask
import dask.array
import numpy as np
import pytest
import xarray as xr
import zarr

from oceandata import analysis
from oceandata.entities import Extent, Origin
from oceandata.errors import DocumentError
from oceandata.storage import open_dataset, open_store
from oceandata.storage.layout import read_layout
from oceandata.trade import Input, Lineage, lineage

Pair = Callable[[xr.DataArray, xr.DataArray], Any]

BOTH: dict[str, Pair] = {
    "added": lambda a, b: a + b,
    "merged": lambda a, b: xr.merge([a, b], join="exact", compat="override"),
    "merged and added": lambda a, b: (
        xr.merge([a, b], join="exact", compat="override").to_array("product").sum("product")
    ),
    "concatenated": lambda a, b: xr.concat([a.rename("x"), b.rename("x")], "product", join="exact"),
    "where": lambda a, b: a.where(b > 300),
    "xr.where": lambda a, b: xr.where(b > 300, a, 0.0),
    "apply_ufunc": lambda a, b: xr.apply_ufunc(np.hypot, a, b, dask="parallelized", output_dtypes=["f4"]),
    "groupby": lambda a, b: a.groupby("time.month") - b.groupby("time.month").mean(),
    "fillna": lambda a, b: a.where(a > 300).fillna(b),
    "polyfit": lambda a, b: (a - b).polyfit("time", 1),
    "dot": lambda a, b: xr.dot(a, b, dim="time"),
    "correlation": lambda a, b: xr.corr(a, b, "time"),
    "map_blocks": lambda a, b: a.copy(data=dask.array.map_blocks(np.add, a.data, b.data, dtype="f4")),
    "rechunked": lambda a, b: a.chunk(time=7, longitude=100) * b.chunk(time=-1, longitude=50),
    "streamed area mean": lambda a, b: analysis.area_mean(a - b, region=(200, -3, 240, 3)),
    "streamed climatology": lambda a, b: analysis.climatology(a + b),
    "streamed anomaly": lambda a, b: analysis.anomaly(a, analysis.climatology(b)),
    "index": lambda a, b: analysis.index(xr.where(b > 0, a, a).assign_coords(a.coords).assign_attrs(a.attrs), "nino34"),
    "two results in one": lambda a, b: xr.Dataset({"x": a.mean("time"), "y": b.max("time")}),
    "without attributes": lambda a, b: (a.drop_attrs() + b.drop_attrs()).rename("secret"),
}


def _products(found: Lineage) -> set[str]:
    return {one.origin.product for one in found.planned}


@pytest.mark.filterwarnings("ignore::oceandata.errors.OceanDataWarning")
@pytest.mark.parametrize("how", BOTH)
def test_two_products_are_both_kept(sst: xr.DataArray, other: xr.DataArray, how: str) -> None:
    found = lineage(BOTH[how](sst, other))
    assert _products(found) == {"example:first", "example:second"}
    assert {one.origin.licence for one in found.planned} == {"LicenseRef-OGL-UK", "CC-BY-NC-4.0"}
    assert {one.origin.attribution for one in found.planned} == {"Crown copyright", "Second Institute"}
    # the powers of time that a fit works with are an array in memory, whose source cannot be known
    assert bool(found.unattributed) == (how == "polyfit")


def test_objects_computed_together_are_one_lineage(sst: xr.DataArray, other: xr.DataArray) -> None:
    assert _products(lineage(sst.mean(), other.max())) == {"example:first", "example:second"}
    assert _products(lineage(sst)) == {"example:first"}
    assert lineage().inputs == ()
    assert str(lineage()) == "no inputs"


def test_one_repository_of_two_products_keeps_both(ostia_repository: Path, sst: xr.DataArray) -> None:
    """The same bytes, once opened through a product and once without: the obligation stays."""
    plain = open_dataset(ostia_repository, chunks={})["surface_temperature"]
    for found in (lineage(plain + sst), lineage(sst + plain), lineage(plain, sst)):
        assert _products(found) == {"example:first"}
    (one,) = lineage(sst.isel(time=slice(20, 22)), plain.isel(time=slice(0, 5), longitude=slice(3, 9))).planned
    assert (one.origin.product, one.shape) == ("example:first", (22, 18, 432))
    assert one.chunks == ((0, 0, 0), (1, 0, 0))
    assert _products(lineage(plain)) == {""}
    resold = Origin(repository="", product="example:resold", licence="other")
    again = open_dataset(ostia_repository, origin=resold, chunks={})["surface_temperature"]
    assert _products(lineage(plain + sst - again)) == {"example:first", "example:resold"}


@pytest.mark.parametrize(
    "make",
    [
        lambda sst: sst.compute(),
        lambda sst: sst.persist(scheduler="synchronous"),
        lambda sst: sst.mean().compute(),
        lambda sst: sst.mean(["latitude", "longitude"]).isel(time=slice(0, 5)).compute(),
        lambda sst: sst.to_dataset().compute(),
        lambda sst: sst.isel(time=0).compute() + 1,
    ],
    ids=["computed", "persisted", "one number", "five numbers", "a dataset", "computed and more"],
)
def test_what_was_computed_before_is_unattributed(sst: xr.DataArray, make: Any) -> None:
    found = lineage(make(sst))
    assert found.unattributed
    assert found.planned == ()


def _made(shape: tuple[int, ...]) -> Any:
    return np.zeros(shape, "f4")


HIDDEN: dict[str, Callable[[xr.DataArray, Any], xr.DataArray]] = {
    "coordinate of three dimensions": lambda a, b: a.assign_coords(q=(a.dims, b)),
    "coordinate of one dimension": lambda a, b: a.assign_coords(q=("time", b[:, 0, 0])),
    "delayed": lambda a, _: a + dask.array.from_delayed(dask.delayed(_made)(a.shape), a.shape, "f4"),
    "closure": lambda a, b: a.copy(data=a.data.map_blocks(lambda x: x + b.mean(), dtype="f4")),
    "default": lambda a, b: a.copy(data=a.data.map_blocks(lambda x, y=b: x + y.mean(), dtype="f4")),
    "partial": lambda a, b: a.copy(data=a.data.map_blocks(functools.partial(_plus, other=[b]), dtype="f4")),
    "keywords": lambda a, b: xr.apply_ufunc(_plus, a, kwargs={"other": [b]}, dask="parallelized", output_dtypes=["f4"]),
    "list": lambda a, b: a.copy(data=dask.array.map_blocks(_plus, a.data, other=[b], dtype="f4")),
    "dict": lambda a, b: a.copy(data=dask.array.map_blocks(_plus, a.data, other={"x": b}, dtype="f4")),
    "array": lambda a, b: a.copy(data=dask.array.map_blocks(_plus, a.data, other=b, dtype="f4")),
    "blocks from nothing": lambda a, b: a.copy(
        data=dask.array.map_blocks(lambda: b, chunks=tuple((n,) for n in a.shape), dtype="f4")
    ),
    "small pieces": lambda a, b: (
        a.isel(time=0, latitude=0)
        + dask.array.concatenate([dask.array.from_array(b[0, 0, at : at + 16]) for at in range(0, 432, 16)])
    ),
}


def _plus(block: Any, other: Any) -> Any:
    return block


@pytest.mark.parametrize("how", HIDDEN)
def test_what_is_hidden_in_a_result_is_unattributed(sst: xr.DataArray, other: xr.DataArray, how: str) -> None:
    result = HIDDEN[how](sst, other.values)
    assert lineage(result).unattributed
    assert lineage(result.to_dataset(name="x")).unattributed
    assert lineage(result[:20] * 2).unattributed


def test_blocks_of_one_number_are_no_input(sst: xr.DataArray) -> None:
    assert lineage(sst * dask.array.ones(sst.shape) + 0.5).unattributed == ()


def test_computed_and_lazy_together(sst: xr.DataArray, other: xr.DataArray) -> None:
    for computed in (other.compute(), other.persist(scheduler="synchronous")):
        found = lineage(sst - computed)
        assert _products(found) == {"example:first"}
        assert found.unattributed
        assert "unattributed" in str(found)


def test_another_store_is_unattributed(tmp_path: Path, sst: xr.DataArray) -> None:
    array = zarr.create_array(tmp_path / "plain.zarr", shape=(54, 18, 432), chunks=(9, 18, 432), dtype="f4")
    array[:] = 1
    foreign = sst.copy(data=dask.array.from_zarr(array))
    for result in (foreign, sst + foreign, analysis.climatology(sst + foreign)):
        assert lineage(result).unattributed
    sst.coords.to_dataset().assign(sst=(sst.dims, np.ones(sst.shape, "f4"))).to_zarr(
        tmp_path / "xarray.zarr", consolidated=False
    )
    found = lineage(xr.open_zarr(tmp_path / "xarray.zarr", consolidated=False)["sst"]).unattributed
    assert "array 'sst' of a store that was not opened through oceandata" in found


def test_a_grid_mapping_is_no_input(sst: xr.DataArray) -> None:
    found = lineage(sst.to_dataset().assign(crs=np.int32(0)))
    assert found.unattributed == ()


@pytest.mark.parametrize(
    ("take", "chunks"),
    [
        ({}, {0, 1, 2, 3, 4}),
        ({"time": slice(0, 11)}, {0}),
        ({"time": slice(10, 12)}, {0, 1}),
        ({"time": [0, 53]}, {0, 4}),
        ({"time": -1}, {4}),
        ({"time": slice(None, None, 22)}, {0, 2, 4}),
        ({"longitude": 7}, {0, 1, 2, 3, 4}),
    ],
)
def test_bytes_are_those_of_the_leaves(
    ostia_repository: Path, sst: xr.DataArray, take: dict[str, Any], chunks: set[int]
) -> None:
    (one,) = lineage(sst.isel(take)).planned
    assert one.chunks == tuple((number, 0, 0) for number in sorted(chunks))
    leaves = read_layout(open_store(ostia_repository), "maps").leaves["surface_temperature"].stored_bytes
    assert one.stored_bytes == sum(int(leaves[number, 0, 0]) for number in chunks)
    assert one.keys == {f"maps/surface_temperature/c/{number}/0/0" for number in chunks}


def test_labels_of_what_is_taken(sst: xr.DataArray) -> None:
    chosen = sst.sel(time=slice("2009-06", "2010-02"), longitude=slice(190, 240))
    (one,) = lineage(chosen.mean()).planned
    assert one.shape == (9, 18, chosen.sizes["longitude"])
    assert one.extent.time == (datetime(2009, 6, 16, tzinfo=UTC), datetime(2010, 2, 15, tzinfo=UTC))
    step = float(sst.longitude[1] - sst.longitude[0])
    west, east = (float(chosen.longitude[n]) for n in (0, -1))
    assert one.extent.bbox == pytest.approx((west - step / 2 - 360, -5.278, east + step / 2 - 360, 4.722), abs=1e-3)
    text = str(lineage(chosen))
    assert "time        2009-06-16 to 2010-02-15" in text
    assert "9 x 18 x 61 values" in text
    assert "example:first, revision 1 (example, not listed on any exchange)" in text
    assert "Crown copyright" in text


def test_nothing_taken_is_nothing_owed(sst: xr.DataArray) -> None:
    found = lineage(sst.isel(time=slice(0, 0)))
    assert found.stored_bytes == 0


def test_lineage_reads_no_data(sst: xr.DataArray) -> None:
    from oceandata.storage import counted_reads

    with counted_reads() as reads:
        lineage(analysis.climatology(sst))
    assert not [read for read in reads.counts if "/surface_temperature/c" in read.key]


def test_json_round_trip(sst: xr.DataArray, other: xr.DataArray) -> None:
    found = lineage(sst.isel(time=slice(3, 20)) + other.isel(time=slice(3, 20)), sst.isel(time=0).compute())
    assert found.unattributed
    again = Lineage.from_json(json.loads(json.dumps(found.to_json(), allow_nan=False)))
    assert again == found
    assert str(again) == str(found)
    scalar = Input(Origin(repository="r"), "x", ((),), 4, Extent(), ())
    assert Input.from_json(scalar.to_json()) == scalar


def test_a_lineage_of_another_scheme_is_refused() -> None:
    with pytest.raises(DocumentError, match=r"oceandata-lineage-9.*need 'oceandata-lineage-1'"):
        Lineage.from_json(Lineage(()).to_json() | {"scheme": "oceandata-lineage-9"})


def test_the_view_is_escaped() -> None:
    bad = "<script>alert(1)</script>"
    origin = Origin(repository=bad, product=bad, licence=bad, attribution=bad, snapshot=bad, entry=bad)
    view = Lineage((Input(origin, bad, ((0,),), 1, Extent(), (1,)),), (bad,))._repr_html_()
    assert "<script" not in view
    assert view.count("&lt;script&gt;") >= 6
    assert Lineage(())._repr_html_() == "<em>no inputs</em>"


def test_plain_zarr_opened_through_us_has_no_revision_and_is_unattributed(tmp_path: Path) -> None:
    from oceandata.storage.plain import open_zarr_store

    values = xr.DataArray(np.arange(40.0), {"x": np.arange(40)}, ["x"], name="sst").chunk(x=10)
    values.to_dataset().to_zarr(tmp_path / "plain.zarr", zarr_format=3, consolidated=False)
    store = open_zarr_store(tmp_path / "plain.zarr")
    ds = xr.open_dataset(store, engine="zarr", chunks={}, consolidated=False)
    found = lineage(ds["sst"] + 1)
    assert not found.inputs
    assert "plain Zarr" in found.unattributed[0]
