"""Subsets on disk, read back by other tools and compared bit for bit with what the catalogue opens."""

import dataclasses
import json
import shutil
from pathlib import Path

import netCDF4
import numpy as np
import pandas as pd
import pytest
import xarray as xr
import zarr

from oceandata.errors import CorruptionError, InputError, RepositoryExistsError
from oceandata.storage import counted_reads
from oceandata.trade import plan_subset, read_stamp, write_subset
from oceandata.trade.subset import fetching, writing

BOX = {"bbox": (-40, -30, 40, 30), "time": "2020-01-02/2020-01-09", "depth": (5, 200)}


def _opened(path: Path) -> xr.Dataset:
    return (
        xr.open_zarr(path, decode_coords="all")
        if path.suffix == ".zarr"
        else xr.open_dataset(path, decode_coords="all")
    )


def _same_bits(ours: np.ndarray, theirs: np.ndarray) -> bool:
    """Whether two arrays have one type and, but for the kind of NaN, the same bits."""
    if ours.dtype != theirs.dtype or ours.shape != theirs.shape:
        return False
    if ours.dtype.kind != "f":
        return bool((ours == theirs).all())
    missing = np.isnan(theirs)
    return bool((np.isnan(ours) == missing).all()) and ours[~missing].tobytes() == theirs[~missing].tobytes()


@pytest.mark.parametrize("name", ["out.nc", "out.zarr"])
@pytest.mark.parametrize(
    "asked", [{}, BOX, {"bbox": (-170, -5, -120, 5), "variables": "zos"}], ids=["all", "box", "one"]
)
def test_values_are_those_that_the_catalogue_opens(ocean, planned, tmp_path, name, asked):
    report = write_subset(planned(name, **asked))
    selection = {key: asked[key] for key in ("time", "depth", "variables") if key in asked}
    theirs = ocean.open("ocean", chunks=None, region=asked.get("bbox"), **selection)
    with _opened(tmp_path / name) as ours:
        for one in theirs.variables:
            if not str(one).endswith("_bnds"):
                assert _same_bits(ours[one].values, theirs[one].values), one
        assert set(ours.data_vars) == set(theirs.data_vars)
        assert "lon_bnds" in ours.coords
        edges = ours["lon"].values[:, None] + [-5.0, 5.0]
        np.testing.assert_array_equal(ours["lon_bnds"], edges)
    assert report.usage.matches
    assert report.unpacked == ()
    assert [one.name for one in tmp_path.iterdir()] == [name]


def test_netcdf_as_its_own_library_sees_it(ocean_file, planned, tmp_path):
    write_subset(planned(**BOX))
    with netCDF4.Dataset(tmp_path / "out.nc") as ours, netCDF4.Dataset(ocean_file) as source:
        for file in (ours, source):
            file.set_auto_maskandscale(False)
        thetao = ours["thetao"]
        columns = [32, 33, 34, 35, 0, 1, 2, 3]
        np.testing.assert_array_equal(thetao[:], source["thetao"][1:9, 1:3, 5:12][..., columns])
        assert thetao.dtype == np.int16
        assert thetao.filters()["zlib"]
        assert thetao.chunking() != "contiguous"
        assert (thetao.scale_factor, thetao.add_offset, thetao._FillValue) == (0.001, 12.0, -32768)
        assert thetao.valid_range.dtype == np.int16
        assert "actual_range" not in thetao.ncattrs()
        assert ours["zos"]._FillValue == np.float32(1e20)
        assert ours["mask"].flag_values.dtype == np.int8
        assert ours["time"].dtype == np.int64
        assert (ours["time"].units, ours["time"].calendar) == ("seconds since 1970-01-01", "proleptic_gregorian")
        assert ours["lon"].bounds == "lon_bnds"
        for axis in ("time", "lat", "lon", "depth", "lon_bnds"):
            assert "_FillValue" not in ours[axis].ncattrs()


def test_zarr_as_its_own_library_sees_it(planned, tmp_path):
    write_subset(planned("out.zarr", **BOX))
    group = zarr.open_group(tmp_path / "out.zarr", mode="r")
    assert group.metadata.zarr_format == 3
    assert group.metadata.consolidated_metadata is not None
    assert group["thetao"].dtype == np.int16
    assert dict(group["zos"].attrs)["units"] == "m"
    assert group.attrs["license"] == "CC-BY-4.0"


def test_what_a_file_says_of_itself(planned, tmp_path):
    plan = planned(**BOX)
    write_subset(plan)
    with xr.open_dataset(tmp_path / "out.nc") as ds:
        said = ds.attrs
    assert said["Conventions"] == "CF-1.11, ACDD-1.3"
    assert (said["title"], said["title_zh"], said["license"]) == ("Ocean", "海洋", "CC-BY-4.0")
    assert (said["acknowledgement"], said["citation"]) == ("An institute", "Someone (2020)")
    assert (said["source"], said["product_version"], said["id"]) == ("a test", "r1", "ocean")
    assert (said["geospatial_lon_min"], said["geospatial_lon_max"]) == (-40.0, 40.0)
    assert (said["geospatial_lat_min"], said["geospatial_lat_max"]) == (-35.0, 35.0)
    assert (said["geospatial_vertical_min"], said["geospatial_vertical_max"]) == (10.0, 100.0)
    assert (said["time_coverage_start"], said["time_coverage_end"]) == ("2020-01-02T12:00:00Z", "2020-01-09T12:00:00Z")
    assert said["time_coverage_resolution"] == "P1D"
    assert "subset of ocean, revision r1" in said["history"]
    assert "tracking_id" not in said


@pytest.mark.parametrize("name", ["out.nc", "out.zarr", "out.csv", "out.parquet"])
def test_the_lineage_is_read_from_every_kind_of_file(planned, tmp_path, name):
    plan = planned(name, **BOX, variables=["thetao"])
    report = write_subset(plan)
    found, usage = read_stamp(tmp_path / name)
    assert found == plan.lineage.published()
    assert report.lineage == plan.lineage
    assert usage == json.loads(json.dumps(report.usage.to_json()))
    assert usage["matches_plan"] is True
    assert usage["unique_bytes"] == plan.lineage.stored_bytes > 0


def _table(planned_dataset: xr.Dataset) -> pd.DataFrame:
    """The long table as pandas makes it of the same selection."""
    frame = planned_dataset.to_dataframe().reset_index()
    return frame.dropna(subset=list(planned_dataset.data_vars), how="all").reset_index(drop=True)


@pytest.mark.parametrize("rows", [50, 100_000])
def test_parquet_holds_each_cell_with_a_value(ocean, planned, tmp_path, monkeypatch, rows):
    monkeypatch.setattr("oceandata.trade.subset.tables._ROWS", rows)
    report = write_subset(planned("out.parquet", **BOX, variables=["thetao"]))
    wanted = _table(ocean.open("ocean", region=BOX["bbox"], time=BOX["time"], depth=BOX["depth"], variables=["thetao"]))
    found = pd.read_parquet(tmp_path / "out.parquet")
    assert list(found) == ["time", "depth", "lat", "lon", "thetao"]
    np.testing.assert_array_equal(found["time"].dt.tz_localize(None), wanted["time"])
    for column in ("depth", "lat", "lon", "thetao"):
        assert _same_bits(found[column].to_numpy(), wanted[column].to_numpy())
    assert (report.rows, report.rows_left_out) == (len(wanted), 0)


def test_parquet_says_units_and_terms(planned, tmp_path):
    pq = pytest.importorskip("pyarrow.parquet")
    write_subset(planned("out.parquet", variables=["zos"]))
    schema = pq.read_schema(tmp_path / "out.parquet")
    assert schema.field("zos").metadata[b"units"] == b"m"
    assert schema.metadata[b"license"] == b"CC-BY-4.0"
    assert str(schema.field("time").type) == "timestamp[us, tz=UTC]"


@pytest.mark.parametrize("rows", [70, 100_000])
def test_csv_holds_each_cell_with_a_value(ocean, planned, tmp_path, monkeypatch, rows):
    monkeypatch.setattr("oceandata.trade.subset.tables._ROWS", rows)
    report = write_subset(planned("out.csv", variables=["zos"]))
    wanted = _table(ocean.open("ocean", variables=["zos"]))
    found = pd.read_csv(tmp_path / "out.csv", dtype={"zos (m)": "float32"})
    assert list(found) == ["time", "lat (degrees_north)", "lon (degrees_east)", "zos (m)"]
    assert _same_bits(found["zos (m)"].to_numpy(), wanted["zos"].to_numpy())
    assert found["time"].tolist() == wanted["time"].dt.strftime("%Y-%m-%d %H:%M:%S").tolist()
    np.testing.assert_array_equal(found["lon (degrees_east)"], wanted["lon"])
    assert report.rows == len(wanted) == 12 * 14 * 36
    assert report.rows_left_out == 12 * 3 * 36
    assert sorted(one.name for one in tmp_path.iterdir()) == ["out.csv", "out.csv-metadata.json"]


def test_csv_opens_in_a_spreadsheet_on_chinese_windows(planned, tmp_path):
    write_subset(planned("out.csv", variables=["zos"]))
    content = (tmp_path / "out.csv").read_bytes()
    assert content.startswith(b"\xef\xbb\xbftime,")
    assert content.count(b"\r\n") == content.count(b"\n")
    described = json.loads((tmp_path / "out.csv-metadata.json").read_text(encoding="utf-8"))
    assert described["url"] == "out.csv"
    assert [one["name"] for one in described["tableSchema"]["columns"]] == ["time", "lat", "lon", "zos"]
    assert described["notes"][0]["title_zh"] == "海洋"


def test_only_land_is_an_empty_table(planned, tmp_path):
    report = write_subset(planned("out.csv", bbox=(0, 70, 20, 80), variables=["zos"]))
    assert (report.rows, report.rows_left_out) == (0, 12 * 2 * 2)
    assert len((tmp_path / "out.csv").read_text(encoding="utf-8-sig").splitlines()) == 1


@pytest.mark.parametrize("name", ["out.nc", "out.zarr", "out.csv", "out.parquet"])
def test_another_calendar(ocean, planned, tmp_path, name):
    write_subset(planned(name, entry="noleap", variables=["zos"], time="2020-01-03/2020-01-04"))
    if name in ("out.nc", "out.zarr"):
        with _opened(tmp_path / name) as ours:
            assert ours["time"].dt.calendar == "noleap"
            assert ours["time"].encoding["dtype"] == np.int64
            assert [str(one) for one in ours["time"].values] == ["2020-01-03 12:00:00", "2020-01-04 12:00:00"]
    else:
        found = pd.read_csv(tmp_path / name) if name == "out.csv" else pd.read_parquet(tmp_path / name)
        assert sorted(set(found["time"])) == ["2020-01-03 12:00:00", "2020-01-04 12:00:00"]


def test_packing_that_would_round_is_left(planned, tmp_path, monkeypatch):
    """As of a source whose values its packing cannot hold."""
    plan = planned(variables=["thetao"])
    shifted = plan.dataset["thetao"] + np.where(plan.dataset["lat"] == 0, 1e-7, 0.0).reshape(17, 1)
    shifted.encoding = plan.dataset["thetao"].encoding
    odd = dataclasses.replace(plan, dataset=plan.dataset.assign(thetao=shifted))
    report = write_subset(odd)
    assert report.unpacked == ("thetao",)
    with xr.open_dataset(tmp_path / "out.nc") as ds:
        assert _same_bits(ds["thetao"].values, shifted.values)
        assert "scale_factor" not in ds["thetao"].encoding
        assert "valid_range" not in ds["thetao"].attrs


def test_progress_tells_bytes_of_reading_and_of_writing(planned):
    from contextlib import contextmanager

    told: dict[str, list[tuple[int, int]]] = {}

    @contextmanager
    def bar(label):
        told[label] = []
        yield lambda done, whole: told[label].append((done, whole))

    plan = planned(**BOX)
    write_subset(plan, progress=bar)
    whole = sum(one.nbytes for one in plan.dataset.data_vars.values())
    for label in ("read", "write"):
        done = [one for one, _ in told[label]]
        assert done == sorted(done)
        assert told[label][-1] == (whole, whole)
    assert len(told["read"]) > 2


class _Killed(BaseException):
    """Ends a run as abruptly as a test can in its own process."""


def _interrupt(monkeypatch, after: int) -> None:
    """Die when so many blocks were recorded."""
    monkeypatch.setattr(fetching, "_CHECKPOINT_S", 0)
    append = fetching.Staging.append

    def dying(self, *arguments):
        append(self, *arguments)
        if len(self.done) >= after:
            raise _Killed

    monkeypatch.setattr(fetching.Staging, "append", dying)


def _interrupted(monkeypatch, after: int, plan) -> None:
    """Begin to write, and die when so many blocks were recorded."""
    with monkeypatch.context() as patch:
        _interrupt(patch, after)
        with pytest.raises(_Killed):
            write_subset(plan)


@pytest.mark.parametrize("name", ["out.nc", "out.zarr", "out.csv", "out.parquet"])
def test_an_interrupted_run_continues(planned, tmp_path, monkeypatch, name):
    plan = planned(name, variables=["zos"])
    assert plan.pieces > 8
    _interrupted(monkeypatch, 4, plan)
    assert not (tmp_path / name).exists()
    again = planned(name, variables=["zos"])
    known = again.resumed_pieces
    assert 4 <= known < plan.pieces
    with counted_reads() as reads:
        report = write_subset(again)
    assert report.resumed_pieces == known
    data = [read for read in reads.counts if "zos/c" in read.key]
    assert len(data) < len(report.usage.inputs[0].served) == len(plan.lineage.planned[0].chunks)
    assert report.usage.matches
    assert report.usage.gross_bytes == report.usage.unique_bytes
    assert report.usage.processes == 2
    straight = write_subset(planned(f"straight{Path(name).suffix}", variables=["zos"]))
    assert straight.usage.unique_bytes == report.usage.unique_bytes
    if name == "out.nc":
        with xr.open_dataset(tmp_path / name) as one, xr.open_dataset(straight.path) as other:
            assert _same_bits(one["zos"].values, other["zos"].values)
    elif name == "out.csv":
        assert (tmp_path / name).read_bytes() == straight.path.read_bytes()
    assert not list(tmp_path.glob(".*"))


def test_another_request_is_refused_and_may_discard(planned, tmp_path, monkeypatch):
    _interrupted(monkeypatch, 1, planned(variables=["zos"]))
    other = planned(variables=["zos"], time="2020-01-02")
    assert other.resumed_pieces == 0
    with pytest.raises(RepositoryExistsError, match=r"another request for .*out.nc was left unfinished in .*--discard"):
        write_subset(other)
    assert planned(variables=["zos"]).resumed_pieces > 0
    report = write_subset(other, discard=True)
    assert report.resumed_pieces == 0
    with xr.open_dataset(tmp_path / "out.nc") as ds:
        assert ds.sizes["time"] == 1
    assert [one.name for one in tmp_path.iterdir()] == ["out.nc"]


def test_a_block_that_vanished_is_read_again(planned, tmp_path, monkeypatch):
    _interrupted(monkeypatch, 4, planned(variables=["zos"]))
    first, second = sorted(tmp_path.glob(".out.nc.partial/*.npy"))[:2]
    first.unlink()
    second.write_bytes(second.read_bytes()[:-3])
    write_subset(planned(variables=["zos"]))
    straight = write_subset(planned("straight.nc", variables=["zos"]))
    with xr.open_dataset(tmp_path / "out.nc") as one, xr.open_dataset(straight.path) as other:
        assert _same_bits(one["zos"].values, other["zos"].values)


@pytest.mark.parametrize("name", ["out.nc", "out.zarr", "out.csv"])
def test_a_run_that_died_before_it_tidied_up_is_finished(planned, tmp_path, monkeypatch, name):
    plan = planned(name, variables=["zos"])
    with monkeypatch.context() as patch:
        patch.setattr(writing, "_size", lambda path: _die() if path == plan.target else 0)
        with pytest.raises(_Killed):
            write_subset(plan)
    assert (tmp_path / name).exists()
    report = write_subset(planned(name, variables=["zos"]))
    assert report.usage.matches
    assert (report.rows is not None) == (name == "out.csv")
    assert not list(tmp_path.glob(".*"))


def _die() -> int:
    raise _Killed


@pytest.mark.parametrize("name", ["out.nc", "out.zarr"])
def test_what_exists_is_replaced_only_if_asked(planned, tmp_path, name):
    write_subset(planned(name, variables=["zos"]))
    with pytest.raises(RepositoryExistsError, match=r"exists already. Choose another name, .*--overwrite"):
        planned(name, variables=["zos"])
    write_subset(planned(name, variables=["zos"], time="2020-01-02", overwrite=True))
    with _opened(tmp_path / name) as ds:
        assert ds.sizes["time"] == 1
    assert [one.name for one in tmp_path.iterdir()] == [name]


def test_what_is_something_else_is_never_replaced(planned, tmp_path):
    (tmp_path / "out.zarr").mkdir()
    (tmp_path / "out.zarr" / "thesis.txt").write_text("years of work")
    with pytest.raises(RepositoryExistsError, match="is no Zarr 3 and is not replaced"):
        planned("out.zarr", overwrite=True)


def test_what_appeared_meanwhile_is_kept(planned, tmp_path):
    plan = planned(variables=["zos"])
    (tmp_path / "out.nc").write_text("of somebody else")
    with pytest.raises(RepositoryExistsError, match="exists already"):
        write_subset(plan)
    assert (tmp_path / "out.nc").read_text() == "of somebody else"


def test_a_full_disk_is_told_before_and_on_the_way(planned, tmp_path, monkeypatch):
    plan = planned(variables=["zos"])
    with monkeypatch.context() as patch:
        patch.setattr(writing.shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10, 10, 10))
        with pytest.raises(InputError, match="but 10 B are free"):
            write_subset(plan)
    assert list(tmp_path.iterdir()) == []

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(np, "save", full)
        with pytest.raises(InputError, match="No space left on device"):
            write_subset(plan)
    assert list(tmp_path.iterdir()) == []
    with monkeypatch.context() as patch:
        patch.setattr(writing, "write_netcdf", full)
        with pytest.raises(InputError, match="What was read is kept: the same request continues"):
            write_subset(plan)
    assert write_subset(planned(variables=["zos"])).resumed_pieces == plan.pieces


def test_damage_is_named_and_no_file_is_made(ocean, tmp_path):
    from oceandata.catalog import open_catalog

    folder = shutil.copytree(Path(str(ocean.path)).parent, tmp_path / "copy")
    for chunk in (folder / "ocean" / "chunks").iterdir():
        content = bytearray(chunk.read_bytes())
        content[len(content) // 2 :] = b"\0" * (len(content) - len(content) // 2)
        chunk.write_bytes(content)
    (tmp_path / "results").mkdir()
    with pytest.raises(CorruptionError):
        write_subset(plan_subset(open_catalog(folder / "catalog.yaml"), "ocean", tmp_path / "results" / "out.nc"))
    assert not (tmp_path / "results" / "out.nc").exists()


def test_two_runs_for_one_file_do_not_meet(planned, tmp_path):
    plan = planned(variables=["zos"])
    seen = []
    from contextlib import contextmanager

    @contextmanager
    def bar(label):
        if label == "read":
            with pytest.raises(RepositoryExistsError, match=r"another process writes .*out\.nc now"):
                write_subset(plan)
            seen.append(label)
        yield lambda *_: None

    write_subset(plan, progress=bar)
    assert seen == ["read"]
    assert [one.name for one in tmp_path.iterdir()] == ["out.nc"]
