"""The benchmarks of analysis on small inputs: our programs give what NumPy gives, and what differs writes no row."""

import json
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from benchmarks import agreement, everyday, fields, modes
from oceandata.errors import OceanDataError
from oceandata.storage import open_store


@pytest.fixture(scope="module")
def field(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two years of the field with clouds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fields, "_DAYS", 730)
        patch.setattr(fields, "_CHUNKS", (366, 90, 90))
        place = tmp_path_factory.mktemp("bench") / "field"
        fields.write_field(place, clouds=True)
    return place


@pytest.fixture(scope="module")
def sst(field: Path) -> xr.DataArray:
    with xr.open_dataset(open_store(field), engine="zarr", group="maps", consolidated=False) as ds:  # type: ignore[arg-type]
        return ds["sst"].load().astype("f8")


def found(work: str, field: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, np.ndarray]:
    out = tmp_path / "found.npz"
    everyday.main("ours", work, str(field), str(out), "1")
    assert set(json.loads(capsys.readouterr().out)) == {"cpu_s", "wall_s"}
    return dict(np.load(out))


def test_clouds_take_a_tenth_of_the_sea(sst: xr.DataArray) -> None:
    missing = np.isnan(sst.to_numpy())
    land = missing.all(axis=0)
    assert 0.3 < land.mean() < 0.34
    assert 0.08 < missing[:, ~land].mean() < 0.12


@pytest.mark.filterwarnings("ignore:Degrees of freedom:RuntimeWarning")  # land
@pytest.mark.filterwarnings("ignore:Mean of empty slice:RuntimeWarning")
def test_everyday_statistics_are_those_of_xarray(
    field: Path, sst: xr.DataArray, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fused = found("five fused", field, tmp_path, capsys)
    months = sst.groupby("time.month")
    np.testing.assert_allclose(fused["time mean"], sst.mean("time"), atol=1e-12)
    np.testing.assert_allclose(fused["climatology"], months.mean(), atol=1e-12)
    valid = sst.to_numpy()[~np.isnan(sst.to_numpy())]
    expected = np.histogram(valid, np.arange(-2.0, 40.0, 0.1))[0]
    assert fused["histogram"].tolist() == expected.tolist()
    weights = np.sin(np.radians(sst["lat"] + 0.5)) - np.sin(np.radians(sst["lat"] - 0.5))
    np.testing.assert_allclose(fused["area mean"], sst.weighted(weights).mean(("lat", "lon")), atol=1e-12)
    spread = found("climatology", field, tmp_path, capsys)["spread"]
    np.testing.assert_allclose(spread, months.std(ddof=1), rtol=1e-8)
    first = found("bare read", field, tmp_path, capsys)["bare read"]
    np.testing.assert_array_equal(first, sst.to_numpy()[::366, ::90, ::90])


def test_the_trend_is_that_of_the_normal_equations(
    field: Path, sst: xr.DataArray, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    slope = found("trend", field, tmp_path, capsys)["trend"]
    part = sst[:, 60:63, 100:104]
    expected = everyday._normal_equations(part.chunk(time=-1)).compute()
    np.testing.assert_allclose(slope[60:63, 100:104], expected, rtol=1e-4, atol=1e-9)


def test_operators_are_compared(field: Path, sst: xr.DataArray, tmp_path: Path) -> None:
    mean = sst.mean("time")
    np.savez(tmp_path / "ours.npz", mean=mean.to_numpy())
    for shift, wrong in ((0.0, False), (2e-4, True)):
        path = tmp_path / f"cdo{shift}.nc"
        (mean.expand_dims("time") + shift).to_dataset(name="sst").to_netcdf(path)
        if wrong:
            with pytest.raises(OceanDataError, match="No row was written"):
                agreement.check_operator(tmp_path / "ours.npz", path)
        else:
            assert agreement.check_operator(tmp_path / "ours.npz", path).endswith(" K")
    fields.write_netcdf(field, tmp_path / "whole.nc")
    with xr.open_dataset(tmp_path / "whole.nc") as ds:
        np.testing.assert_array_equal(ds["sst"], sst)


def test_modes_agree_with_singular_values(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(modes, "_DAYS", 60)
    modes.write_fields(tmp_path / "field")
    modes.main("ours", str(tmp_path / "field"), str(tmp_path / "ours.npz"), "1")
    assert set(json.loads(capsys.readouterr().out)) == {"cpu_s", "wall_s"}
    with xr.open_dataset(tmp_path / "field" / "sst.nc") as ds:
        values = ds["sst"].astype("f8") * np.sqrt(np.cos(np.radians(ds["lat"])))
    flat = values.to_numpy().reshape(60, -1)
    flat = flat[:, ~np.isnan(flat[0])]
    left, sizes, _ = np.linalg.svd(flat - flat.mean(axis=0), full_matrices=False)
    share, series = sizes**2 / (sizes**2).sum(), left.T * np.sqrt(59)
    np.savez(tmp_path / "svd.npz", share=share[:5], series=series[:5])
    assert "series correlate by 1.0" in modes.check_modes(tmp_path / "ours.npz", tmp_path / "svd.npz")
    np.savez(tmp_path / "other.npz", share=share[:5] * 1.01, series=series[:5])
    with pytest.raises(OceanDataError, match="No row was written"):
        modes.check_modes(tmp_path / "ours.npz", tmp_path / "other.npz")
