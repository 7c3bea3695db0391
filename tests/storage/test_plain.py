"""Plain Zarr of version 2, and what is none."""

import pickle
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from oceandata import storage
from oceandata.errors import NotFoundError
from oceandata.storage.plain import is_plain_zarr, open_zarr_store

FIELD = "surface_temperature"


@pytest.fixture(params=[True, False], ids=["consolidated", "loose"])
def second(ostia_file: Path, tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """The real file as Zarr of version 2, packed, at the top and in a group."""
    with xr.open_dataset(ostia_file) as ds:
        part = ds[[FIELD]].drop_vars([name for name in ds.coords if name not in ds.dims])
        for array in part.variables.values():
            array.attrs = {key: text for key, text in array.attrs.items() if key in ("units", "standard_name")}
            array.encoding = {}
        packing = {
            "dtype": "int16",
            "scale_factor": 0.01,
            "add_offset": 290.0,
            "_FillValue": -32768,
            "chunks": (6, 18, 216),
        }
        for group in (None, "deep"):
            part.to_zarr(
                tmp_path / "v2", group=group, zarr_format=2, consolidated=request.param, encoding={FIELD: packing}
            )
    return tmp_path / "v2"


@pytest.mark.parametrize("group", ["", "deep"])
def test_version_2_opens_as_any_other(second: Path, ostia_file: Path, group: str) -> None:
    assert is_plain_zarr(second)
    ds = storage.open_dataset(second, group=group, time="2007", region=(170, -3, -170, 3), plain=bool(group))
    with xr.open_dataset(ostia_file) as whole:
        expected = storage.open_files(ostia_file, time="2007", region=(170, -3, -170, 3))[FIELD]
        assert ds[FIELD].sizes["time"] == int((whole["time"].dt.year == 2007).sum())
    np.testing.assert_allclose(ds[FIELD], expected, atol=0.006)
    assert ds[FIELD].chunks is not None
    again = pickle.loads(pickle.dumps(ds))
    np.testing.assert_array_equal(again[FIELD], ds[FIELD])
    assert open_zarr_store(second, group=group).origin.group == group


def test_one_array_is_no_dataset(tmp_path: Path) -> None:
    import zarr

    for version in (2, 3):
        zarr.save_array(tmp_path / str(version), np.zeros(3), zarr_format=version)
        with pytest.raises(NotFoundError, match="no group of Zarr version 2 or 3"):
            storage.open_dataset(tmp_path / str(version), plain=True)


def test_a_document_that_is_none(tmp_path: Path) -> None:
    for name, text in (
        (".zgroup", "[1]"),
        (".zmetadata", '{"metadata": 5}'),
        ("zarr.json", "{"),
        (".zgroup", "<html>"),
    ):
        folder = tmp_path / f"{len(text)}{name}"
        folder.mkdir()
        (folder / name).write_text(text, encoding="utf-8")
        with pytest.raises(NotFoundError, match="no group of Zarr"):
            storage.open_dataset(folder, plain=True)
