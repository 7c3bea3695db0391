"""Files that do not continue each other are named, with the reason and the way out."""

import netCDF4
import numpy as np
import pytest
import xarray as xr

from oceandata import storage
from oceandata.errors import InputError, SchemaMismatch
from oceandata.storage import plan_virtual
from tests.storage.virtual_files import LAT, LON, STEPS, each_alone, fixture_extra, fixture_series, same, write

__all__ = ["fixture_extra", "fixture_series"]  # fixtures

pytestmark = [
    # the chunks of netCDF-4 files are compressed as HDF5 does it, which Zarr finds worth a warning each time
    pytest.mark.filterwarnings("ignore:Numcodecs codecs are not in the Zarr:zarr.errors.ZarrUserWarning"),
]


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
