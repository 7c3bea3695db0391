"""Modes: a closed form, reference arrays of another library, any chunking, both methods."""

from pathlib import Path
from typing import Any

import dask
import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from oceandata import trade
from oceandata.analysis import eof
from oceandata.errors import InputError
from oceandata.storage import open_dataset


def _field(steps: int = 60, lat: int = 6, lon: int = 9, seed: int = 0) -> xr.DataArray:
    random = np.random.default_rng(seed)
    waves = np.stack([np.sin(2 * np.pi * (k + 1) * np.arange(steps) / steps) for k in range(3)], 1)
    patterns = random.normal(size=(3, lat, lon)) * np.array([5, 2, 1])[:, None, None]
    values = np.tensordot(waves, patterns, 1) + 0.1 * random.normal(size=(steps, lat, lon)) + 20
    values[:, 0, :2] = np.nan
    coords = {
        "time": np.datetime64("2000-01-01", "ns") + np.arange(steps).astype("timedelta64[D]"),
        "lat": ("lat", np.linspace(-50.0, 50, lat), {"units": "degrees_north"}),
        "lon": ("lon", np.arange(lon) * 360.0 / lon, {"units": "degrees_east"}),
    }
    return xr.DataArray(values, coords, ["time", "lat", "lon"], name="sst", attrs={"units": "degC"})


def test_two_waves_explain_what_their_patterns_hold() -> None:
    steps, a, b = 48, 3.0, 2.0
    turn = 2 * np.pi * np.arange(steps) / steps
    one, other = np.array([1.0, 1.0, 0.0]), np.array([1.0, -1.0, 2.0])
    values = a * np.cos(turn)[:, None] * one + b * np.cos(2 * turn)[:, None] * other
    time = np.datetime64("2000-01-01", "ns") + np.arange(steps).astype("timedelta64[D]")
    found = eof(xr.DataArray(values, {"time": time}, ["time", "x"], name="y"), 2, weights=None)
    shares = np.array([b**2 * 6, a**2 * 2])
    np.testing.assert_allclose(found.explained_variance, shares / shares.sum(), rtol=1e-12)
    np.testing.assert_allclose(found.pc.var("time", ddof=1), 1, rtol=1e-12)
    rebuilt = (found.pc * found.eof).sum("mode")
    np.testing.assert_allclose(rebuilt.transpose("time", "x"), values, atol=1e-12)


@pytest.mark.parametrize("kind", ["equal", "latitude", "area"])
def test_reference_arrays(shared_data: Path, kind: str) -> None:
    folder = shared_data / "eofs"
    load = {name: np.load(folder / f"{name}.npy") for name in ("sst", "latitude", "longitude")}
    time = np.datetime64("1990-01-01", "ns") + (np.arange(len(load["sst"])) * 365).astype("timedelta64[D]")
    coords = {
        "time": time,
        "lat": ("lat", load["latitude"], {"units": "degrees_north"}),
        "lon": ("lon", load["longitude"], {"units": "degrees_east"}),
    }
    sst = xr.DataArray(load["sst"], coords, ["time", "lat", "lon"], name="sst", attrs={"units": "K"})
    weights: Any = None
    if kind == "area":
        own = np.load(folder / "weights.area.npy") ** 2
        weights = xr.DataArray(own, dims=["lat", "lon"])
    found = eof(sst.chunk(time=4, lon=5), 5, weights="coslat" if kind == "latitude" else weights).compute()
    reference = {
        name: np.load(folder / f"{name}.{kind}.npy")[:5] for name in ("eigenvalues", "errors", "variance", "eofscov")
    }
    np.testing.assert_allclose(found.eigenvalue, reference["eigenvalues"], rtol=1e-6)
    np.testing.assert_allclose(found.north_error, reference["errors"], rtol=1e-6)
    np.testing.assert_allclose(100 * found.explained_variance, reference["variance"], rtol=1e-6)
    series = np.load(folder / f"pcs.{kind}.npy")[:, :5]
    for mode in range(5):
        own = series[:, mode] / series[:, mode].std(ddof=1)
        np.testing.assert_allclose(np.abs(own @ found.pc[mode].values) / (len(own) - 1), 1, rtol=1e-6)


@settings(max_examples=10, deadline=None)
@given(cuts=st.tuples(st.integers(1, 60), st.integers(1, 6), st.integers(1, 9)), standardize=st.booleans())
def test_any_chunking_gives_the_same(cuts: tuple[int, ...], standardize: bool) -> None:
    field = _field()
    whole = eof(field, 3, standardize=standardize)
    parts = eof(field.chunk(dict(zip(field.dims, cuts, strict=True))), 3, standardize=standardize)
    xr.testing.assert_allclose(parts.compute(scheduler="sync"), whole, rtol=1e-8, atol=1e-8)


def test_random_directions_find_the_same_modes() -> None:
    field = _field(steps=200)
    exact, quick = eof(field, 3), eof(field.chunk(lon=4), 3, method="randomized").compute()
    xr.testing.assert_allclose(quick, exact, rtol=1e-6, atol=1e-6)
    again = eof(field.chunk(lon=4), 3, method="randomized").compute()
    np.testing.assert_array_equal(quick.pc, again.pc)


def test_land_is_left_out_and_gaps_count_as_no_anomaly() -> None:
    field = _field()
    field[5, 3, 3] = np.nan
    assert np.isnan(eof(field, 2).eof[:, 3, 3]).all()
    assert np.isnan(eof(field, 2).eof[:, 0, 0]).all()
    found = eof(field, 2, min_valid=0.9)
    assert not np.isnan(found.eof[:, 3, 3]).any()
    filled = field.copy()
    filled[5, 3, 3] = field[:, 3, 3].mean()
    assert float(found.eigenvalue[0]) == pytest.approx(float(eof(filled, 2).eigenvalue[0]), rel=1e-12)


def test_the_sign_makes_the_largest_value_positive() -> None:
    for seed in range(4):
        found = eof(_field(seed=seed).chunk(lon=3), 3).compute()
        for mode in found.eof:
            assert float(mode.max()) == pytest.approx(float(abs(mode).max()))


def test_it_is_lazy_and_its_lineage_sees_every_chunk(ostia_repository: Path) -> None:
    sst = open_dataset(ostia_repository)["surface_temperature"]
    found = eof(sst, 2)
    assert all(dask.is_dask_collection(found[name].data) for name in found.data_vars)
    assert len(trade.lineage(found).planned[0].chunks) == len(trade.lineage(sst.mean()).planned[0].chunks)
    assert found.eof.attrs["units"] == "K"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"n_modes": 60}, "need 1 to 59"),
        ({"method": "svd"}, "need 'auto'"),
        ({"weights": "areas"}, "weights is 'areas'"),
        ({"min_valid": 0}, "need a share"),
    ],
)
def test_what_cannot_be_is_refused(arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        eof(_field(), **arguments)


def test_a_field_without_values_is_refused() -> None:
    with pytest.raises(InputError, match="no cell has values"):
        eof(_field() * np.nan, 2)
    with pytest.raises(InputError, match="no cell varies"):
        eof(xr.zeros_like(_field()).fillna(0), 2)


def test_dask_may_compute_the_whole_dataset() -> None:
    lazy = eof(_field().chunk(lon=4), 2)
    xr.testing.assert_allclose(dask.compute(lazy)[0], lazy.compute())
