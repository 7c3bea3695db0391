"""Virtual references: equal to what xarray reads from each file, refused where they would not be, changes noticed."""

import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import pytest
import xarray as xr
import zarr
from click.testing import CliRunner

from oceandata import storage
from oceandata.errors import CorruptionError, InputError, MissingExtraError, NotFoundError, SchemaMismatch
from oceandata.options import set_options
from oceandata.storage import plan_virtual, verify_revision, virtual_arrays, write_virtual
from oceandata.storage.revisions import commit_facts
from oceandata.storage.stores import lookup_revision, open_repository

pytestmark = [
    # the chunks of netCDF-4 files are compressed as HDF5 does it, which Zarr finds worth a warning each time
    pytest.mark.filterwarnings("ignore:Numcodecs codecs are not in the Zarr:zarr.errors.ZarrUserWarning"),
    pytest.mark.filterwarnings("ignore:Variable.s. referenced in cell_measures:UserWarning"),
]

STEPS, LAT, LON = 12, 6, 8


@pytest.fixture
def extra() -> None:
    """Skips where the extra 'virtual' is not installed; netCDF-3 needs none."""
    pytest.importorskip("virtualizarr", reason="the extra 'virtual' is not installed")


@pytest.fixture
def allowed(shared_data):
    """Allows the folder of real files, as a user would who trusts the repository."""
    with set_options(virtual_prefixes=(str(shared_data),)):
        yield shared_data


@pytest.fixture
def series(tmp_path: Path) -> Callable[..., Path]:
    """Writer of one file of ``sst`` (time, lat, lon) whose steps begin on a given day."""

    def write(
        name: str, first: int = 0, steps: int = STEPS, *, dtype: str = "f4", kind: str = "NETCDF4", **changes: Any
    ) -> Path:
        dims = changes.pop("dims", ("time", "lat", "lon"))
        attributes = {key: changes.pop(key) for key in ("scale_factor", "add_offset", "_Unsigned") if key in changes}
        coordinates = changes.pop("lat_values", np.arange(LAT, dtype="f8"))
        unlimited = changes.pop("unlimited", True)
        folder = changes.pop("folder", tmp_path)
        path = folder / name
        with netCDF4.Dataset(path, "w", format=kind) as ds:
            for dim, size in (("time", None if unlimited else steps), ("lat", LAT), ("lon", LON)):
                ds.createDimension(dim, size)
            for dim, unit, numbers in (
                ("time", "days since 2000-01-01", np.arange(first, first + steps, dtype="f8")),
                ("lat", "degrees_north", coordinates),
                ("lon", "degrees_east", np.arange(LON, dtype="f8")),
            ):
                axis = ds.createVariable(dim, "f8", (dim,))
                axis.units = unit
                axis[:] = numbers
            sst = ds.createVariable("sst", dtype, dims, **changes)
            sst.set_auto_maskandscale(False)
            sst.setncatts({"units": "degC", "standard_name": "sea_surface_temperature"} | attributes)
            shape = [{"time": steps, "lat": LAT, "lon": LON}[dim] for dim in dims]
            sst[:] = np.arange(np.prod(shape)).reshape(shape) % 100 + first
        return path

    return write


def each_alone(paths: list[Path], name: str) -> np.ndarray:
    """Values as xarray decodes each file by itself, put together."""
    parts = []
    for path in paths:
        with xr.open_dataset(path) as ds:
            parts.append(ds[name].to_numpy())
    return np.concatenate(parts)


def same(found: Any, need: np.ndarray) -> bool:
    return np.array_equal(np.asarray(found), need, equal_nan=need.dtype.kind == "f")


def write(paths: list[Path], url: Path, **settings: Any) -> storage.RevisionSummary:
    return write_virtual(plan_virtual(paths, url, **settings))


def facts_of(url: Path) -> dict[str, Any]:
    repository = open_repository(url)
    return commit_facts(repository, lookup_revision(repository)[1])


# --- real archives -----------------------------------------------------------------------------------------------


def test_daily_files_with_records_equal_xarray(allowed, tmp_path):
    files = sorted((allowed / "parcels-data" / "GlobCurrent_example_data").glob("*.nc"))
    url = tmp_path / "currents"
    summary = write(files, url)
    assert len(summary.sources) == 59
    ds = storage.open_dataset(url)
    for name in ("eastward_eulerian_current_velocity", "northward_eulerian_current_velocity"):
        need = each_alone(files, name)
        assert need.shape == (59, 41, 81)
        assert same(ds[name], need)
    assert verify_revision(url).is_sound
    copied = sum(file.stat().st_size for file in (url / "chunks").iterdir())
    assert copied < 0.05 * sum(file.stat().st_size for file in files)


@pytest.mark.usefixtures("extra")
def test_sea_ice_in_33_files(allowed, tmp_path):
    pattern = "mini-esgf-data/badc/cmip6/data/CMIP6/CMIP/MPI-M/**/SImon/siconc/**/*.nc"
    files = sorted(allowed.glob(pattern))
    assert len(files) == 33
    url = tmp_path / "ice"
    summary = write(files, url, variables=["siconc"])
    need = each_alone(files, "siconc")
    ds = storage.open_dataset(url)
    assert same(ds.siconc, need)
    assert np.isfinite(need).any()
    assert ds.time.size == 1980
    assert summary.variables["siconc"].units == "%"
    with storage.counted_reads() as reads:
        storage.open_dataset(url).siconc.isel(time=slice(100, 103)).compute()
    keys = {read.key for read in reads.counts if read.key.startswith("maps/siconc/c/")}
    assert keys == {f"maps/siconc/c/{step}/0/0" for step in (100, 101, 102)}


@pytest.fixture
def repacked(ostia_parts, tmp_path) -> list[Path]:
    """The real temperatures, packed into 16 bits with another scale, offset and missing value in each file."""
    found = []
    for number, part in enumerate(ostia_parts):
        path = tmp_path / f"packed-{number}.nc"
        with xr.open_dataset(part) as ds:
            sst = ds["surface_temperature"].load()
            low, high = float(sst.min()), float(sst.max())
            encoding = {
                "dtype": "i2",
                "scale_factor": (high - low) / (50_000 + 1000 * number),
                "add_offset": (high + low) / 2 + number,
                "_FillValue": -32768 + number,
                "zlib": True,
                "shuffle": True,
                "complevel": 1 + number,
                "chunksizes": (1, 18, 432),
            }
            ds.to_netcdf(path, encoding={"surface_temperature": encoding})
        found.append(path)
    return found


@pytest.mark.usefixtures("extra")
class TestPackingThatDiffers:
    """Scale, offset and missing value of each file its own."""

    def test_every_value_is_that_of_its_own_file(self, repacked, tmp_path):
        url = tmp_path / "repository"
        write(repacked, url)
        need = each_alone(repacked, "surface_temperature")
        assert np.isnan(need).any()
        for chunks in ("auto", {}, {"time": 7, "longitude": 100}, None):
            found = storage.open_dataset(url, chunks=chunks).surface_temperature
            assert found.dtype == need.dtype
            assert same(found, need)

    def test_any_selection(self, repacked, tmp_path):
        url = tmp_path / "repository"
        write(repacked, url)
        need = each_alone(repacked, "surface_temperature")
        for chunks in ("auto", None):
            found = storage.open_dataset(url, chunks=chunks).surface_temperature
            assert same(found.isel(time=13), need[13])
            assert same(found.isel(time=13, latitude=2, longitude=200), need[13, 2, 200])
            assert same(found.isel(time=[40, 2, 11], longitude=slice(10, 90, 7)), need[[40, 2, 11]][:, :, 10:90:7])
            assert same(found[::-5, 3], need[::-5, 3])
            points = xr.DataArray([3, 50]), xr.DataArray([1, 2]), xr.DataArray([100, 7])
            assert same(found[points], need[[3, 50], [1, 2], [100, 7]])

    def test_a_reader_that_does_not_know_finds_nothing_wrong(self, repacked, tmp_path):
        url = tmp_path / "repository"
        summary = write(repacked, url)
        store = storage.open_store(url)
        plain = xr.open_zarr(store, group="maps", consolidated=False, chunks=None)
        assert "surface_temperature" not in plain.variables
        packed = plain["surface_temperature_packed"]
        assert packed.dtype == np.int16
        assert not {"units", "standard_name", "scale_factor", "add_offset"} & {*packed.attrs, *packed.encoding}
        known = summary.variables["surface_temperature"]
        assert (known.units, known.standard_name) == ("K", "surface_temperature")
        assert list(summary.variables) == ["surface_temperature"]
        opened = storage.open_dataset(url)
        assert opened.surface_temperature.attrs["units"] == "K"
        assert list(opened.data_vars) == ["surface_temperature"]
        assert not [name for name in opened.coords if "packed" in str(name) or "scale" in str(name)]

    def test_recipes_stream_and_lineage_knows_the_chunks(self, repacked, tmp_path):
        from oceandata.analysis import climatology
        from oceandata.graph.sources import read_plan

        url = tmp_path / "repository"
        write(repacked, url)
        need = each_alone(repacked, "surface_temperature")
        sst = storage.open_dataset(url, chunks={}).surface_temperature
        result = climatology(sst)
        reading = read_plan(result)
        assert not reading.unattributed
        paths = {read.path: len(read.chunks) for read in reading.arrays}
        assert paths == {"maps/surface_temperature_packed": 54}
        months = sst.time.dt.month.to_numpy()
        march = xr.DataArray(need[months == 3]).mean("dim_0")
        np.testing.assert_allclose(result.sel(month=3), march, rtol=1e-12)

    def test_single_precision_scales_give_what_xarray_gives(self, series, tmp_path):
        files = [
            series("a.nc", 0, dtype="i2", scale_factor=np.float32(0.01), add_offset=np.float32(273.15)),
            series("b.nc", STEPS, dtype="i2", scale_factor=np.float32(0.1), add_offset=np.float32(20)),
        ]
        url = tmp_path / "repository"
        write(files, url)
        need = each_alone(files, "sst")
        found = storage.open_dataset(url).sst
        assert found.dtype == need.dtype == np.float32
        assert same(found, need)

    def test_only_the_missing_value_differs(self, series, tmp_path):
        files = [series("a.nc", 0, fill_value=5.0), series("b.nc", STEPS, fill_value=17.0), series("c.nc", 2 * STEPS)]
        url = tmp_path / "repository"
        write(files, url)
        need = each_alone(files, "sst")
        assert np.isnan(need[:STEPS]).any()
        assert np.isnan(need[STEPS : 2 * STEPS]).any()
        assert not np.isnan(need[2 * STEPS :]).any()
        assert same(storage.open_dataset(url).sst, need)

    def test_what_cannot_be_told_step_by_step_is_refused(self, series, tmp_path):
        files = [
            series("a.nc", 0, dtype="i1", scale_factor=0.5, _Unsigned="true"),
            series("b.nc", STEPS, dtype="i1", scale_factor=0.25, _Unsigned="true"),
        ]
        with pytest.raises(SchemaMismatch, match=r"a\.nc: 'sst': it is stored as signed numbers"):
            plan_virtual(files, tmp_path / "repository")

    def test_small_variables_are_not_joined_across_packings(self, series, tmp_path):
        files = [series("a.nc"), series("b.nc", STEPS)]
        for number, path in enumerate(files):
            with netCDF4.Dataset(path, "a") as ds:
                quality = ds.createVariable("quality", "i2", ("time",))
                quality.scale_factor = 1.0 + number
        with pytest.raises(SchemaMismatch, match=r"b\.nc: 'quality': it is packed otherwise"):
            plan_virtual(files, tmp_path / "repository")


@pytest.mark.usefixtures("extra")
def test_files_packed_alike_keep_plain_cf_form(series, tmp_path):
    files = [
        series(f"{n}.nc", n * STEPS, dtype="i2", scale_factor=0.01, add_offset=20.0, fill_value=-9) for n in (0, 1)
    ]
    url = tmp_path / "repository"
    write(files, url)
    plain = xr.open_zarr(storage.open_store(url), group="maps", consolidated=False, chunks=None)
    assert same(plain.sst, each_alone(files, "sst"))
    assert plain.sst.encoding["scale_factor"] == 0.01


# --- formats ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["NETCDF3_CLASSIC", "NETCDF3_64BIT_OFFSET", "NETCDF3_64BIT_DATA"])
@pytest.mark.parametrize("unlimited", [True, False], ids=["records", "one piece"])
@pytest.mark.parametrize("dtype", ["f4", "f8", "i2", "i1"])
def test_netcdf3_needs_no_extra(series, tmp_path, monkeypatch, kind, unlimited, dtype):
    monkeypatch.setitem(sys.modules, "virtualizarr", None)
    lengths = (31, 28)  # of no common length, as months are
    files = [series("a.nc", 0, lengths[0], dtype=dtype, kind=kind, unlimited=unlimited)]
    files.append(series("b.nc", 31, lengths[1], dtype=dtype, kind=kind, unlimited=unlimited))
    url = tmp_path / "repository"
    write(files, url)
    need = each_alone(files, "sst")
    found = storage.open_dataset(url).sst
    assert found.dtype == need.dtype
    assert same(found, need)


def test_netcdf4_without_the_extra_names_it(series, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "virtualizarr", None)
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(MissingExtraError, match=r"oceandata-exchange\[virtual\]"):
        plan_virtual([series("a.nc")], tmp_path / "repository")


@pytest.mark.usefixtures("extra")
@pytest.mark.parametrize(
    "storage_of",
    [
        {"zlib": True, "shuffle": True, "chunksizes": (1, LAT, LON)},
        {"zlib": True, "shuffle": False, "fletcher32": True, "chunksizes": (4, 4, 5)},
        {"contiguous": True, "unlimited": False},
        {"dtype": ">f4", "endian": "big", "chunksizes": (3, LAT, LON)},
        {"compression": "zstd", "chunksizes": (1, LAT, LON)},
        {"compression": "blosc_zstd", "chunksizes": (1, LAT, LON)},
    ],
    ids=["zlib", "fletcher32", "one piece", "big-endian", "zstd", "blosc"],
)
def test_hdf5_storage(series, tmp_path, storage_of):
    files = [series(f"{n}.nc", n * STEPS, **storage_of) for n in range(3)]
    url = tmp_path / "repository"
    write(files, url)
    assert same(storage.open_dataset(url).sst, each_alone(files, "sst"))
    assert verify_revision(url).is_sound


@pytest.mark.usefixtures("extra")
def test_the_level_of_a_compression_may_differ(series, tmp_path):
    files = [series(f"{n}.nc", n * STEPS, zlib=True, complevel=1 + n, chunksizes=(1, LAT, LON)) for n in range(3)]
    url = tmp_path / "repository"
    write(files, url)
    assert same(storage.open_dataset(url).sst, each_alone(files, "sst"))


@pytest.mark.usefixtures("extra")
def test_chunks_that_were_never_written(series, tmp_path):
    path = series("a.nc", chunksizes=(1, LAT, LON), fill_value=-1.0)
    with netCDF4.Dataset(path, "a") as ds:
        ds["time"][STEPS + 3] = STEPS + 3.0
        ds["time"][STEPS : STEPS + 3] = np.arange(STEPS, STEPS + 3)
    url = tmp_path / "repository"
    write([path], url)
    need = each_alone([path], "sst")
    assert np.isnan(need[STEPS:]).all()
    assert same(storage.open_dataset(url).sst, need)
    assert verify_revision(url).is_sound


# --- what cannot be referenced ---------------------------------------------------------------------------------


@pytest.mark.usefixtures("extra")
@pytest.mark.parametrize(
    ("first", "other", "reason"),
    [
        ({"chunksizes": (1, LAT, LON)}, {"chunksizes": (1, 3, LON)}, r"its chunks are \(1, 3, 8\), need \(1, 6, 8\)"),
        (
            {"zlib": True, "shuffle": True, "chunksizes": (1, LAT, LON)},
            {"zlib": True, "shuffle": False, "chunksizes": (1, LAT, LON)},
            "it is encoded otherwise than in the first file",
        ),
        ({"chunksizes": (4, LAT, LON)}, {"chunksizes": (4, LAT, LON), "zlib": True}, "encoded otherwise"),
        (
            {"chunksizes": (1, LAT, LON)},
            {"chunksizes": (1, LAT, LON), "compression": "szip"},
            "its encoding cannot be translated",
        ),
    ],
    ids=["chunks", "shuffle", "codec", "szip"],
)
def test_one_file_that_does_not_fit_is_named_with_the_way_out(series, tmp_path, first, other, reason):
    files = [series("a.nc", 0, **first), series("b.nc", STEPS, **other)]
    with pytest.raises(SchemaMismatch, match=reason) as caught:
        plan_virtual(files, tmp_path / "repository")
    text = str(caught.value)
    assert text.startswith("1 of 2 files cannot be referenced in place:\nb.nc: 'sst':")
    assert "without --virtual" in text
    assert "nccopy" in text
    assert not (tmp_path / "repository").exists()


@pytest.mark.usefixtures("extra")
def test_values_that_lie_in_the_header(tmp_path):
    import h5py

    from oceandata.storage.virtual_references import read_stored

    with h5py.File(tmp_path / "a.nc", "w") as file:
        settings = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        settings.set_layout(h5py.h5d.COMPACT)
        h5py.h5d.create(file.id, b"sst", h5py.h5t.NATIVE_FLOAT, h5py.h5s.create_simple((2, 3)), settings)
    found = read_stored(tmp_path / "a.nc", ["sst", "ssh"])
    assert found["sst"].obstacle == "its values lie in the header or in other files (HDF5 compact or virtual layout)"
    assert found["ssh"].obstacle == "it has another name in the file"


@pytest.mark.usefixtures("extra")
def test_chunks_that_do_not_end_with_the_file(series, tmp_path):
    files = [series(f"{n}.nc", 31 * n, 31, chunksizes=(10, LAT, LON)) for n in range(2)]
    with pytest.raises(SchemaMismatch, match=r"0\.nc: 'sst': its 31 steps are no whole number of chunks of 10"):
        plan_virtual(files, tmp_path / "repository")
    write(files[:1], tmp_path / "repository")  # the last file may end inside a chunk
    assert same(storage.open_dataset(tmp_path / "repository").sst, each_alone(files[:1], "sst"))


def test_time_has_to_come_first(series, tmp_path):
    path = series("a.nc", dims=("lat", "time", "lon"), kind="NETCDF3_CLASSIC", unlimited=False)
    with pytest.raises(SchemaMismatch, match=r"dimensions are \('lat', 'time', 'lon'\), need .*: time first"):
        plan_virtual([path], tmp_path / "repository")


@pytest.mark.usefixtures("extra")
def test_chunks_that_skip_a_filter(series, tmp_path):
    import h5py

    path = series("a.nc", zlib=True, shuffle=False, chunksizes=(1, LAT, LON))
    with h5py.File(path, "a") as file:
        values = np.full((1, LAT, LON), 7, "f4")
        file["sst"].id.write_direct_chunk((2, 0, 0), values.tobytes(), filter_mask=1)
    assert each_alone([path], "sst")[2, 0, 0] == 7  # the library reads it
    with pytest.raises(SchemaMismatch, match="1 of its chunks skip a filter"):
        plan_virtual([path], tmp_path / "repository")


def test_nothing_along_time(ocean_file, tmp_path):
    path = tmp_path / "grid.nc"
    xr.Dataset({"depth": (("y", "x"), np.ones((3, 4)))}).to_netcdf(path)
    with pytest.raises(SchemaMismatch, match="no variable runs along time"):
        plan_virtual([path], tmp_path / "repository")


def test_differences_of_meaning_are_refused_as_in_an_ingest(series, tmp_path):
    files = [series("a.nc", kind="NETCDF3_CLASSIC"), series("b.nc", STEPS, kind="NETCDF3_CLASSIC")]
    with netCDF4.Dataset(files[1], "a") as ds:
        ds["sst"].units = "K"
    with pytest.raises(SchemaMismatch, match="attribute units of 'sst' is 'K', need 'degC'"):
        plan_virtual(files, tmp_path / "repository")
    with pytest.raises(InputError, match="group is 'map'"):
        plan_virtual(files[:1], tmp_path / "repository", group="map")


# --- trust -----------------------------------------------------------------------------------------------------


@pytest.fixture
def archive(series, tmp_path) -> tuple[Path, list[Path]]:
    """A repository of three netCDF-3 files in a folder beside it, written a minute ago."""
    folder = tmp_path / "files"
    folder.mkdir()
    files = [series(f"{n}.nc", n * STEPS, kind="NETCDF3_CLASSIC", folder=folder) for n in range(3)]
    for file in files:
        os.utime(file, (file.stat().st_mtime - 60,) * 2)
    write(files, tmp_path / "repository")
    return tmp_path / "repository", files


def _same_size(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-100] ^= 1
    path.write_bytes(content)


def _kept_time(path: Path) -> None:
    before = path.stat()
    _same_size(path)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_same_size, "has changed: its SHA-256 is"),
        (_kept_time, "has changed: its SHA-256 is"),
        (lambda path: path.write_bytes(path.read_bytes()[:-50]), "has changed: it is"),
        (lambda path: path.unlink(), "is gone"),
    ],
    ids=["rewritten", "rewritten with its old time", "truncated", "deleted"],
)
def test_a_changed_source_is_named(archive, change, said):
    url, files = archive
    assert verify_revision(url).is_sound
    change(files[1])
    report = verify_revision(url)
    assert not report.is_sound
    source = report.damages[0]
    assert (source.key, source.where) == (str(files[1]), "source file of virtual references")
    assert said in str(source)
    assert any(damage.key.startswith("maps/sst/c/") and "2000-01" in damage.where for damage in report.damages[1:])
    assert {damage.key for damage in report.damages if not damage.variable} == {str(files[1])}
    quick = verify_revision(url, sample=1)
    if "SHA" not in said:
        assert str(files[1]) in {damage.key for damage in quick.damages}


def test_a_changed_source_is_never_read_as_if_it_were_not(archive):
    url, files = archive
    _same_size(files[1])
    with pytest.raises(Exception, match="has changed"):
        storage.open_dataset(url).sst.compute()
    assert storage.open_dataset(url).sst[0].compute().shape == (LAT, LON)  # the other files are read


def test_only_the_folder_beside_the_repository_is_read_unless_allowed(archive, tmp_path):
    url, files = archive
    elsewhere = tmp_path / "downloads"
    elsewhere.mkdir()
    shutil.move(url, elsewhere / "repository")
    moved = elsewhere / "repository"
    need = each_alone(files, "sst")
    for act in (storage.open_dataset, verify_revision, storage.open_store):
        with pytest.raises(InputError, match=r"which this session does not allow") as caught:
            act(moved)
        assert f"'file://{files[0].parent}/'" in str(caught.value)
        assert "OCEANDATA_VIRTUAL_PREFIXES" in str(caught.value)
    with set_options(virtual_prefixes=(str(files[0].parent) + "x",)), pytest.raises(InputError, match="not allow"):
        storage.open_dataset(moved)
    assert storage.describe_revision(moved).variables["sst"].units == "degC"  # needs no file
    with set_options(virtual_prefixes=(str(files[0].parent),)):
        assert same(storage.open_dataset(moved).sst, need)


def test_prefixes_from_the_environment(monkeypatch):
    from oceandata.options import _from_environment

    monkeypatch.setenv("OCEANDATA_VIRTUAL_PREFIXES", os.pathsep.join(["/archive/sst", "/archive/ssh"]))
    assert _from_environment().virtual_prefixes == ("/archive/sst", "/archive/ssh")
    with pytest.raises(InputError, match="virtual_prefixes is '/archive', need a tuple"):
        set_options(virtual_prefixes="/archive")


@pytest.mark.parametrize("location", ["file://{folder}/../secret", "file://{folder}/%2e%2e/secret", "file://{secret}"])
def test_a_forged_reference_reads_nothing_outside_its_folder(archive, tmp_path, location):
    import icechunk

    url, files = archive
    (tmp_path / "secret").write_bytes(b"secret" * 1000)
    repository = open_repository(url)
    session = repository.writable_session("main")
    target = location.format(folder=files[0].parent, secret=tmp_path / "secret")
    spec = icechunk.VirtualChunkSpec(index=[0, 0, 0], location=target, offset=0, length=4 * LAT * LON)
    session.store.set_virtual_refs("/maps/sst", [spec], validate_containers=False)
    old = dict(repository.lookup_snapshot(repository.lookup_branch("main")).metadata)
    snapshot = session.commit("forged", metadata=old)
    ds = storage.open_dataset(url, snapshot=snapshot)
    with pytest.raises(icechunk.IcechunkError):
        ds.sst[0].compute()
    assert same(ds.sst[1], each_alone(files, "sst")[1])


def test_what_is_recorded(archive):
    url, files = archive
    facts = facts_of(url)
    assert facts["virtual"] is True
    assert [source["name"] for source in facts["sources"]] == ["0.nc", "1.nc", "2.nc"]
    assert {source["prefix"] for source in facts["sources"]} == {f"file://{files[0].parent}/"}
    assert facts["group"] == facts["access"] == "maps"
    assert facts["content_root"].startswith("sha256:")
    time = zarr.open_array(storage.open_store(url), path="maps/time", mode="r")
    assert time.dtype == np.int64
    assert dict(time.attrs)["units"] == "seconds since 1970-01-01"


def test_names_of_files_and_folders_may_hold_anything(series, tmp_path):
    folder = tmp_path / "海 温#1%20?"
    folder.mkdir()
    path = series("a b#%41é.nc", kind="NETCDF3_CLASSIC", folder=folder)
    (folder / "link.nc").symlink_to(path)
    for number, name in enumerate((path, folder / "link.nc")):
        url = tmp_path / f"repository {number}"
        write([name], url)
        assert same(storage.open_dataset(url).sst, each_alone([path], "sst"))
        assert verify_revision(url).is_sound


def test_a_cluster_reads_what_this_session_allowed(archive, tmp_path):
    from distributed import Client, LocalCluster

    url, files = archive
    moved = tmp_path / "away" / "repository"
    moved.parent.mkdir()
    shutil.move(url, moved)
    with set_options(virtual_prefixes=(str(files[0].parent),)):
        sst = storage.open_dataset(moved, chunks={"time": 4}).sst
    with (
        LocalCluster(n_workers=1, threads_per_worker=2, dashboard_address="127.0.0.1:0") as cluster,
        Client(cluster),
        storage.counted_reads() as reads,
    ):
        assert same(sst.compute(), each_alone(files, "sst"))
    assert sum(read.key.startswith("maps/sst/c/") for read in reads.counts) == 3 * STEPS


# --- writing ---------------------------------------------------------------------------------------------------


class _Killed(Exception):
    pass


def test_a_killed_run_continues_with_the_same_root(archive, tmp_path, monkeypatch):
    from oceandata.storage import ingest

    whole, files = archive
    url = tmp_path / "again"
    monkeypatch.setattr(ingest, "_COMMIT_BYTES", 1)
    plan = plan_virtual(files, url)
    seen: list[int] = []

    def stop(done: int, total: int) -> None:
        seen.append(done)
        if len(seen) == len(plan.steps) - 1:
            raise _Killed

    with pytest.raises(_Killed):
        write_virtual(plan, on_progress=stop)
    with pytest.raises(NotFoundError):
        storage.describe_revision(url)
    rest: list[int] = []
    summary = write_virtual(plan_virtual(files, url), on_progress=lambda done, _: rest.append(done))
    assert len(rest) < len(plan.steps)
    assert summary.content_root == storage.describe_revision(whole).content_root
    assert same(storage.open_dataset(url).sst, each_alone(files, "sst"))


def test_a_file_that_changes_before_it_is_published(archive, tmp_path):
    _, files = archive
    plan = plan_virtual(files, tmp_path / "again")
    os.utime(files[2])
    with pytest.raises(InputError, match=r"2\.nc changed while it was ingested"):
        write_virtual(plan)
    with pytest.raises(NotFoundError):
        storage.describe_revision(tmp_path / "again")


def test_references_that_decode_to_other_numbers_are_not_published(archive, tmp_path, monkeypatch):
    _, files = archive
    read = virtual_arrays.read_stored

    def shifted(path, names):
        found = read(path, names)
        found["sst"].places[:, -2] -= 4
        return found

    monkeypatch.setattr(virtual_arrays, "read_stored", shifted)
    with pytest.raises(CorruptionError, match="decodes to other numbers through its reference"):
        write(files, tmp_path / "again")
    assert not open_repository(tmp_path / "again").list_tags()


def test_values_and_leaves_are_those_of_an_ingest_where_both_store_them(archive, tmp_path):
    url, files = archive
    copied = tmp_path / "copied"
    storage.write_repository(storage.plan_ingest(files, copied))
    one, two = storage.open_dataset(url), storage.open_dataset(copied)
    xr.testing.assert_identical(one.compute(), two.compute())


# --- command ---------------------------------------------------------------------------------------------------


def test_command(archive, tmp_path):
    from oceandata.cli.files import ingest, verify

    _, files = archive
    url = tmp_path / "by-command"
    given = [*map(str, files), "--into", str(url), "--virtual"]
    planned = CliRunner().invoke(ingest, [*given, "--dry-run"])
    assert planned.exit_code == 0, planned.output
    assert "would refer to" in planned.output
    assert "readers must allow" in planned.output
    assert not url.exists()
    refused = CliRunner().invoke(ingest, [*given, "--chunk-bytes", "1000"])
    assert refused.exit_code == 2
    assert "--virtual keeps the chunks of the files" in refused.output
    done = CliRunner().invoke(ingest, [*given, "--json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["variables"] == "sst"
    files[0].unlink()
    checked = CliRunner().invoke(verify, [str(url)])
    assert checked.exit_code == 1
    assert f"damaged: {files[0]}: is gone" in checked.output
