"""The programs of the area "regrid" on a small field, and what makes their results agree."""

import json
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from benchmarks import fields, regrid
from oceandata.errors import OceanDataError


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Five days of the field."""
    monkeypatch.setattr(fields, "_DAYS", 5)
    monkeypatch.setattr(fields, "_CHUNKS", (2, 90, 90))
    fields.write_field(tmp_path / "field")
    return tmp_path / "field"


def test_both_programs_agree_with_one_cell_by_hand(
    store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    outputs = {side: tmp_path / f"{side}.npy" for side in ("ours", "peer")}
    for side, out in outputs.items():
        regrid.main(side, str(store), str(out), "2")
        assert set(json.loads(capsys.readouterr().out)) == {"cpu_s", "wall_s"}
    assert regrid.check_maps(outputs["ours"], outputs["peer"]).endswith(" K")
    maps = np.load(outputs["ours"])
    assert maps.shape == (5, 45, 90)
    values = regrid._open(str(store)).to_numpy().astype(np.float64)
    edges = np.sin(np.radians(np.arange(-90, 91)))
    weights = np.diff(edges)[:, None] * ~np.isnan(values[3])
    block = slice(20 * 4, 21 * 4), slice(30 * 4, 31 * 4)
    by_hand = np.nansum(values[3][block] * weights[block]) / weights[block].sum()
    np.testing.assert_allclose(maps[3, 20, 30], by_hand, rtol=1e-12)


def test_the_file_for_cdo_holds_the_same_values(store: Path, tmp_path: Path) -> None:
    for _ in range(2):
        regrid.write_netcdf(store, tmp_path / "maps.nc")
    with xr.open_dataset(tmp_path / "maps.nc") as dataset:
        np.testing.assert_array_equal(dataset["sst"], regrid._open(str(store)))
        assert dataset["lat"].attrs["units"] == "degrees_north"
    assert "xsize = 90\nysize = 45\nxfirst = 2.0\n" in (tmp_path / "maps.grid").read_text()


def test_maps_that_differ(tmp_path: Path) -> None:
    one = np.array([[1.0, np.nan]])
    for name, other in {"a": one, "b": one + 2e-9, "c": np.ones((1, 2)), "d": np.ones(2)}.items():
        np.save(tmp_path / f"{name}.npy", other)
    assert regrid.check_maps(tmp_path / "a.npy", tmp_path / "a.npy") == "0.0e+00 K"
    for name in "bcd":
        with pytest.raises(OceanDataError, match="No row was written"):
            regrid.check_maps(tmp_path / "a.npy", tmp_path / f"{name}.npy")


def test_rows(tmp_path: Path) -> None:
    xarray_row, cdo_row = regrid.works(Path("peer-python"), tmp_path)
    assert xarray_row.goal.warm == 0.25
    assert cdo_row.peer.argv[0] == "cdo"
    assert not cdo_row.peer.warm_argv
    assert cdo_row.ours == xarray_row.ours
