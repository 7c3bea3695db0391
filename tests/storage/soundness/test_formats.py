"""Headers of the formats: declared sizes of compressed chunks, superblocks, spellings of units."""

import gzip
from pathlib import Path

import netCDF4
import numpy as np
import pytest

from oceandata.storage.soundness import inspect_file
from oceandata.storage.soundness.hdf5 import superblock_fault
from oceandata.storage.soundness.netcdf3 import read_netcdf3_header
from oceandata.storage.soundness.quantities import FAMILIES, PLAUSIBLE, families_of, normal_unit
from oceandata.storage.soundness.sniff import file_format
from oceandata.storage.soundness.zarr_store import frame_bytes


def _write_records(path, file_format, names):
    """Records of three 16-bit numbers: padded to 8 bytes, except if there is only one variable."""
    with netCDF4.Dataset(path, "w", format=file_format) as dataset:
        dataset.createDimension("record", None)
        dataset.createDimension("three", 3)
        for shift, name in enumerate(names):
            dataset.createVariable(name, "i2", ("record", "three"))[:] = np.arange(21).reshape(7, 3) + 100 * shift


@pytest.mark.parametrize("file_format", ["NETCDF3_CLASSIC", "NETCDF3_64BIT_OFFSET", "NETCDF3_64BIT_DATA"])
@pytest.mark.parametrize("names", ["a", "ab"])
def test_records_are_found_and_the_last_byte_is_missed(file_format, names, tmp_path):
    path = tmp_path / "records.nc"
    _write_records(path, file_format, names)
    header = read_netcdf3_header(str(path))
    assert header.faults == []
    for shift, name in enumerate(names):
        read = header.variables[name].read((slice(2, 7), slice(1, 3)))
        assert (read == np.arange(21).reshape(7, 3)[2:, 1:] + 100 * shift).all()
    padding = 2 if len(names) == 2 else 0
    path.write_bytes(path.read_bytes()[: path.stat().st_size - padding])
    assert inspect_file(path).findings == (), "some writers omit the padding at the end"
    path.write_bytes(path.read_bytes()[:-1])
    assert [one.code for one in inspect_file(path).findings] == ["truncated"]


@pytest.mark.parametrize("n_values", [1, 100, 300, 70_000, 1_000_000])
def test_decoded_size_is_read_off_a_zstd_frame(n_values):
    from numcodecs import Zstd

    assert frame_bytes(bytes(Zstd(level=1).encode(b"\1" * n_values))[:32]) == n_values


def test_decoded_size_is_read_off_a_blosc_chunk():
    from numcodecs import Blosc

    assert frame_bytes(bytes(Blosc().encode(b"\1" * 70_000))[:32], blosc=True) == 70_000


def test_other_chunks_say_nothing():
    assert frame_bytes(gzip.compress(b"\1" * 70_000)[:32]) is None
    assert frame_bytes(b"\x28\xb5\x2f\xfd") is None


@pytest.mark.parametrize(("version", "place"), [(0, 40), (1, 44), (2, 28), (3, 28)])
def test_end_of_file_of_each_superblock(version, place, tmp_path):
    block = bytearray(96)
    block[:9] = b"\x89HDF\r\n\x1a\n" + bytes([version])
    block[9 if version > 1 else 13] = 8
    for end, sound in ((96, True), (97, False)):
        block[place : place + 8] = end.to_bytes(8, "little")
        (tmp_path / "a.nc").write_bytes(block)
        assert (superblock_fault(str(tmp_path / "a.nc")) is None) == sound


def test_signature_after_a_user_block(tmp_path):
    path = Path(tmp_path / "a.nc")
    path.write_bytes(b"user".ljust(512, b"\1") + b"\x89HDF\r\n\x1a\n" + bytes(100))
    assert file_format(str(path)) == "netCDF-4/HDF5"


def test_table_of_quantities_is_consistent():
    for units in FAMILIES.values():
        assert all(unit == normal_unit(unit) for unit in units)
        assert (1.0, 0.0) in units.values()
    for allowed in PLAUSIBLE.values():
        assert allowed.family in FAMILIES
        assert allowed.low < allowed.high


def test_siemens_are_not_seconds_and_unknown_units_say_nothing():
    assert list(families_of("S m-1")) == ["conductivity"]
    assert families_of("furlong") == {}
    assert set(families_of("1")) == {"salinity", "fraction"}
