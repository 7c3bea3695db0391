"""Results on disk: whole or not at all, with a lineage that is read back equal."""

import dataclasses
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import netCDF4
import numpy as np
import pytest
import xarray as xr

from oceandata.errors import DocumentError, InputError, MissingExtraError, NotFoundError
from oceandata.trade import lineage, read_stamp, write_result
from oceandata.trade.stamp import STAMP


def test_a_result_with_its_lineage(sst: xr.DataArray, other: xr.DataArray, tmp_path: Path) -> None:
    result = (sst - other).mean("time").rename("difference")
    planned = lineage(result)
    path = tmp_path / "difference.nc"
    stamped = write_result(result, path)
    assert stamped.path == path
    assert [dataclasses.replace(one, taken=None) for one in stamped.lineage.inputs] == list(planned.inputs)
    assert stamped.usage.matches
    found, usage = read_stamp(path)
    assert found == stamped.lineage.published()
    assert [one.chunks for one in found.inputs] == [one.chunks for one in planned.inputs]
    run = usage.pop("run")
    assert usage == json.loads(json.dumps(stamped.usage.to_json()))
    assert run["id"]
    assert run["purpose"] == ""
    assert run["software"]["xarray"] == xr.__version__
    with xr.open_dataset(path) as ds:
        np.testing.assert_array_equal(ds["difference"], stamped.result["difference"])
        assert ds.attrs["license"] == "CC-BY-NC-4.0; LicenseRef-OGL-UK"
        assert ds.attrs["acknowledgement"] == "Crown copyright\nSecond Institute"
        assert ds.attrs["Conventions"].startswith("CF-1.")


def test_an_existing_file_is_replaced_whole(sst: xr.DataArray, tmp_path: Path) -> None:
    path = tmp_path / "mean.nc"
    path.write_text("something older")
    write_result(sst.isel(time=0), path)
    write_result(sst.isel(time=[1, 2]), path)
    with xr.open_dataset(path) as ds:
        assert ds.sizes["time"] == 2
    assert [one.name for one in tmp_path.iterdir()] == ["mean.nc"]


def test_a_failure_leaves_the_old_file_and_nothing_else(
    sst: xr.DataArray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "mean.nc"
    path.write_text("something older")

    def broken(block: np.ndarray) -> np.ndarray:
        raise ZeroDivisionError

    failing = sst.copy(data=sst.data.map_blocks(broken, meta=sst.data._meta))
    with pytest.raises(ZeroDivisionError):
        write_result(failing, path)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space"):
        write_result(sst.isel(time=0), path)
    assert path.read_text() == "something older"
    assert [one.name for one in tmp_path.iterdir()] == ["mean.nc"]


@pytest.mark.parametrize("name", ["mean.png", "mean", "none/mean.nc", "folder.nc"])
def test_bad_names_are_refused_before_anything_is_computed(sst: xr.DataArray, tmp_path: Path, name: str) -> None:
    (tmp_path / "folder.nc").mkdir()
    from oceandata.storage import counted_reads

    with counted_reads() as reads, pytest.raises(InputError, match=r"ending in \.nc in a folder that exists"):
        write_result(sst, tmp_path / name)
    assert reads.counts == {}
    assert [one.name for one in tmp_path.iterdir()] == ["folder.nc"]


def test_missing_values_and_text_survive(sst: xr.DataArray, tmp_path: Path) -> None:
    result = sst.isel(time=0).where(sst.isel(time=0) > 1e6).assign_attrs(long_name_zh="海表温度")
    write_result(result, tmp_path / "empty.nc")
    with xr.open_dataset(tmp_path / "empty.nc") as ds:
        assert ds["surface_temperature"].isnull().all()
        assert ds["surface_temperature"].attrs["long_name_zh"] == "海表温度"
        document = json.loads(ds.attrs[STAMP], parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))
    assert document["scheme"] == "oceandata-lineage-1"


def test_a_nameless_array_and_a_computed_one(sst: xr.DataArray, tmp_path: Path) -> None:
    computed = sst.mean(["latitude", "longitude"]).isel(time=slice(0, 3)).compute().rename(None)
    write_result(computed, tmp_path / "computed.nc")
    found, usage = read_stamp(tmp_path / "computed.nc")
    assert found.inputs == ()
    assert found.unattributed
    assert usage["unique_bytes"] == 0
    with xr.open_dataset(tmp_path / "computed.nc") as ds:
        assert ds["result"].sizes == {"time": 3}
        assert "license" not in ds.attrs


def test_the_progress_is_around_the_computation(sst: xr.DataArray, tmp_path: Path) -> None:
    from oceandata.storage import counted_reads

    served: list[int] = []

    @contextmanager
    def progress() -> Iterator[None]:
        with counted_reads() as reads:
            yield
        served.append(len(reads.counts))

    write_result(sst.isel(time=slice(0, 22)), tmp_path / "x.nc", progress=progress)
    assert served == [2]


def _foreign(path: Path, **attributes: str) -> Path:
    with netCDF4.Dataset(path, "w") as file:
        file.setncatts(attributes)
    return path


def test_files_of_others_carry_no_lineage(ostia_file: Path, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="carries no lineage: it was not written by oceandata"):
        read_stamp(ostia_file)
    with pytest.raises(NotFoundError, match="there is no file"):
        read_stamp(tmp_path / "none.nc")
    (tmp_path / "page.nc").write_text("<html>404</html>")
    with pytest.raises(InputError, match="is no NetCDF file"):
        read_stamp(tmp_path / "page.nc")


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        "{}",
        '"text"',
        '{"scheme": "oceandata-lineage-9"}',
        '{"scheme": "oceandata-lineage-1"}',
        '{"scheme": "oceandata-lineage-1", "inputs": [{"origin": 3}], "unattributed": []}',
    ],
)
def test_a_lineage_that_was_changed_is_refused(tmp_path: Path, text: str) -> None:
    path = _foreign(tmp_path / "changed.nc", **{STAMP: text})
    with pytest.raises(DocumentError, match="cannot be read"):
        read_stamp(path)


@pytest.mark.parametrize(
    ("name", "kind"), [("a.zarr", "folder"), ("a.csv", "file"), ("a.parquet", "file"), ("a.nc", "file")]
)
def test_what_is_not_there_has_no_lineage(tmp_path: Path, name: str, kind: str) -> None:
    with pytest.raises(NotFoundError, match=f"there is no {kind}"):
        read_stamp(tmp_path / name)


def test_tables_and_folders_of_others_carry_no_lineage(tmp_path: Path) -> None:
    import pandas as pd

    frame = pd.DataFrame({"a": [1, 2]})
    frame.to_parquet(tmp_path / "a.parquet")
    frame.to_csv(tmp_path / "a.csv")
    xr.Dataset({"a": ("x", [1.0])}).to_zarr(tmp_path / "a.zarr", zarr_format=3, consolidated=False)
    for name in ("a.parquet", "a.csv", "a.zarr"):
        with pytest.raises(NotFoundError, match="carries no lineage"):
            read_stamp(tmp_path / name)


def test_what_is_not_what_its_ending_says(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_text("a,b")
    (tmp_path / "a.csv").write_text("a,b")
    (tmp_path / "a.csv-metadata.json").write_text("{")
    (tmp_path / "a.zarr").mkdir()
    for name, kind in (("a.parquet", "Parquet"), ("a.csv", "CSV"), ("a.zarr", "Zarr")):
        with pytest.raises(InputError, match=f"is no {kind} file"):
            read_stamp(tmp_path / name)


def test_parquet_without_pyarrow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.parquet").write_text("")
    monkeypatch.setattr("oceandata.trade.reopened.find_spec", lambda _: None)
    with pytest.raises(MissingExtraError, match=r"pip install 'oceandata-exchange\[table\]'"):
        read_stamp(tmp_path / "a.parquet")
