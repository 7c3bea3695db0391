"""Where chunks lie in files of every kind, and which files are refused with which words."""

import sys

import netCDF4
import numpy as np
import pytest

from oceandata import storage
from oceandata.errors import MissingExtraError
from oceandata.storage import plan_virtual, verify_revision
from tests.storage.virtual_files import LAT, LON, STEPS, each_alone, fixture_extra, fixture_series, same, write

__all__ = ["fixture_extra", "fixture_series"]  # fixtures

pytestmark = [
    # the chunks of netCDF-4 files are compressed as HDF5 does it, which Zarr finds worth a warning each time
    pytest.mark.filterwarnings("ignore:Numcodecs codecs are not in the Zarr:zarr.errors.ZarrUserWarning"),
]


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
