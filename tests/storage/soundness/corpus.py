"""Files that are broken in one known way each, and clean ones beside them, written into a folder of the test."""

import gzip
import io
import json
import os
import struct
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import netCDF4
import numpy as np

__all__ = ["CLEAN", "DEEP_FAULTS", "FAULTS", "write_clean3", "write_clean4"]

Writer = Callable[[Path], Path]
Change = Callable[[netCDF4.Dataset], None]


def _base(dataset: netCDF4.Dataset, *, compressed: bool) -> None:
    """A small, sound dataset: five days of temperature on a grid."""
    dataset.title = "sea surface temperature 海表温度"
    dataset.createDimension("time", None)
    dataset.createDimension("lat", 4)
    dataset.createDimension("lon", 6)
    time = dataset.createVariable("time", "f8", ("time",))
    time.units, time.calendar, time.standard_name = "days since 2000-01-01", "standard", "time"
    lat = dataset.createVariable("lat", "f4", ("lat",))
    lat.units, lat.standard_name = "degrees_north", "latitude"
    lon = dataset.createVariable("lon", "f4", ("lon",))
    lon.units, lon.standard_name = "degrees_east", "longitude"
    sst = dataset.createVariable("sst", "f4", ("time", "lat", "lon"), zlib=compressed, fill_value=np.float32(-9999))
    sst.units, sst.standard_name, sst.long_name = "degC", "sea_surface_temperature", "temperature of the sea surface"
    time[:] = np.arange(5.0)
    lat[:] = [-30, -10, 10, 30]
    lon[:] = np.arange(6) * 60.0
    sst[:] = 15 + np.random.default_rng(0).random((5, 4, 6), dtype=np.float32)
    sst[0, 0, 0] = -9999


def _written(path: Path, file_format: str, change: Change | None = None) -> Path:
    with netCDF4.Dataset(path, "w", format=file_format) as dataset:
        _base(dataset, compressed=file_format.startswith("NETCDF4"))
        if change is not None:
            change(dataset)
    return path


def write_clean3(folder: Path, change: Change | None = None, *, name: str = "clean3.nc") -> Path:
    """Write a sound netCDF-3 file, changed by a function before it is closed."""
    return _written(folder / name, "NETCDF3_CLASSIC", change)


def write_clean4(folder: Path, change: Change | None = None, *, name: str = "clean4.nc") -> Path:
    """Write a sound netCDF-4 file, changed by a function before it is closed."""
    return _written(folder / name, "NETCDF4", change)


def _changed(change: Change) -> Writer:
    return lambda folder: write_clean3(folder, change, name="changed.nc")


def _changed4(change: Change) -> Writer:
    return lambda folder: write_clean4(folder, change, name="changed.nc")


def _patched(old: bytes, new: bytes, change: Change | None = None) -> Writer:
    """Writer of a netCDF-3 file in which bytes of the header are replaced by as many others."""

    def write(folder: Path) -> Path:
        path = write_clean3(folder, change, name="patched.nc")
        content = path.read_bytes()
        assert content.count(old) == 1
        assert len(old) == len(new)
        path.write_bytes(content.replace(old, new))
        return path

    return write


def _content(content: bytes) -> Writer:
    def write(folder: Path) -> Path:
        (folder / "file.nc").write_bytes(content)
        return folder / "file.nc"

    return write


def _cut(write: Callable[..., Path], share: float) -> Writer:
    def cut(folder: Path) -> Path:
        path = write(folder)
        content = path.read_bytes()
        path.write_bytes(content[: int(len(content) * share)])
        return path

    return cut


def _packed(wrap: Callable[[bytes], bytes]) -> Writer:
    def write(folder: Path) -> Path:
        (folder / "packed.nc").write_bytes(wrap(write_clean3(folder).read_bytes()))
        return folder / "packed.nc"

    return write


def _zip(content: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("a.nc", content)
    return stream.getvalue()


def _tar(content: bytes) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        member = tarfile.TarInfo("a.nc")
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return stream.getvalue()


def _set(variable: str, **attributes: object) -> Change:
    def change(dataset: netCDF4.Dataset) -> None:
        for name, value in attributes.items():
            dataset[variable].setncattr(name, value)

    return change


def _without_units(variable: str, **attributes: object) -> Change:
    """Change that takes the units away, sets other attributes, and takes away those that are None."""

    def change(dataset: netCDF4.Dataset) -> None:
        dataset[variable].delncattr("units")
        for name, value in attributes.items():
            if value is None:
                dataset[variable].delncattr(name)
            else:
                dataset[variable].setncattr(name, value)

    return change


def _renamed_time(dataset: netCDF4.Dataset) -> None:
    """Times that only their misspelt units tell."""
    _without_units("time", Unit="days since 2000-01-01", standard_name=None, calendar=None)(dataset)
    dataset.renameVariable("time", "when")


def _unitless(dataset: netCDF4.Dataset) -> None:
    """What needs no units: a field that is a pure number, salinity, an index, and a text."""
    for name, standard_name in (("mask", ""), ("salt", "sea_water_practical_salinity"), ("anomaly_index", "")):
        variable = dataset.createVariable(name, "f4", ("lat", "lon"))
        variable[:] = 1
        if standard_name:
            variable.standard_name = standard_name
    other = dataset.createVariable("time_counter", "f8", ("time",))  # the steps have dates already
    other.axis = "T"
    other[:] = np.arange(5.0)
    dataset.createDimension("member", 3)
    dataset.createVariable("member", "i4", ("member",))[:] = [1, 2, 3]


def _values(variable: str, values: object) -> Change:
    def change(dataset: netCDF4.Dataset) -> None:
        dataset[variable].set_auto_mask(False)
        dataset[variable][:] = np.asarray(values)

    return change


def _both(*changes: Change) -> Change:
    def change(dataset: netCDF4.Dataset) -> None:
        for one in changes:
            one(dataset)

    return change


def _without_fill(*, value: float, dtype: str = "f4") -> Change:
    """A variable in which some values stand for missing and nothing says so."""

    def change(dataset: netCDF4.Dataset) -> None:
        salt = dataset.createVariable("salt", dtype, ("time", "lat", "lon"), fill_value=False)
        salt.units, salt.standard_name = "1", "sea_water_practical_salinity"
        values = np.full((5, 4, 6), 35, dtype=dtype)
        values[:, 0, 0] = value
        salt[:] = values

    return change


def _clash(dataset: netCDF4.Dataset) -> None:
    dataset.createDimension("depth", 3)
    depth = dataset.createVariable("depth", "f4", ("lat", "depth"))
    depth.units, depth.standard_name = "m", "depth"
    depth[:] = np.arange(12).reshape(4, 3)


def _points(longitudes: list[float]) -> Change:
    def change(dataset: netCDF4.Dataset) -> None:
        dataset.createDimension("obs", len(longitudes))
        where = dataset.createVariable("x", "f4", ("obs",))
        where.units, where.standard_name = "degrees_east", "longitude"
        where[:] = longitudes

    return change


def _compound(dataset: netCDF4.Dataset) -> None:
    pair = dataset.createCompoundType(np.dtype([("u", "f4"), ("v", "f4")]), "pair")
    dataset.createVariable("current", pair, ("lat",))


def _long_ago(dataset: netCDF4.Dataset) -> None:
    dataset.createVariable("long_ago", "f4", ("lat",))[:] = [1, 2, 3, 4]


def _unsigned(dataset: netCDF4.Dataset) -> None:
    dataset.createVariable("flag", "i1", ("lat",), fill_value=False).setncattr("_Unsigned", "true")


def _strings(dataset: netCDF4.Dataset) -> None:
    dataset.createVariable("station", str, ("lat",))[:] = np.array(["a", "b", "c", "d"], dtype=object)


def _bomb(dataset: netCDF4.Dataset) -> None:
    dataset.createDimension("big", 2**29 + 2**10)
    dataset.createVariable("bomb", "f8", ("big",), zlib=True, chunksizes=(2**28 + 2**10,))


def _empty_giant(dataset: netCDF4.Dataset) -> None:
    dataset.createDimension("big", 2**28)
    dataset.createVariable("giant", "f8", ("big",), zlib=True, chunksizes=(2**16,))


def _group(dataset: netCDF4.Dataset) -> None:
    group = dataset.createGroup("inner")
    time = group.createVariable("start", "f8", ("time",))
    time.units = "days since 1990-01-01"
    time[:] = np.arange(5.0)


def _latin_name(folder: Path) -> Path:
    path = write_clean4(folder)
    other = os.fsdecode(os.fsencode(folder) + b"/" + "海温.nc".encode("gb18030"))
    path.rename(other)
    return Path(other)


def _damaged_chunk(folder: Path) -> Path:
    path = write_clean4(folder, name="damaged.nc")
    with netCDF4.Dataset(path, "a") as dataset:
        noise = dataset.createVariable("noise", "i4", ("lat", "lon"), zlib=True, shuffle=False, complevel=1)
        noise[:] = np.arange(24).reshape(4, 6) + 0x01020304
    content = bytearray(path.read_bytes())
    place = content.rindex(b"\x78\x01")  # the zlib stream of the chunk that was written last
    content[place + 2 : place + 12] = b"\xff" * 10
    path.write_bytes(bytes(content))
    return path


def _zarr_bomb(folder: Path) -> Path:
    """A Zarr store whose one chunk declares 1.5 GB in an array of 4 kB."""
    root = folder / "bomb.zarr"
    (root / "x").mkdir(parents=True)
    (root / ".zgroup").write_text(json.dumps({"zarr_format": 2}))
    array = {"zarr_format": 2, "shape": [1000], "chunks": [1000], "dtype": "<f4", "order": "C", "fill_value": None}
    array |= {"filters": None, "compressor": {"id": "zstd", "level": 1, "checksum": False}}
    (root / "x" / ".zarray").write_text(json.dumps(array))
    (root / "x" / ".zattrs").write_text(json.dumps({"_ARRAY_DIMENSIONS": ["obs"]}))
    # single segment, content size in 4 bytes
    (root / "x" / "0").write_bytes(b"\x28\xb5\x2f\xfd\xa0" + struct.pack("<I", 1_500_000_000) + b"\0" * 40)
    return root


def _streamed(folder: Path) -> Path:
    """A netCDF-3 file whose number of records is left to its length, as the format allows while it is written."""
    path = write_clean3(folder, name="streamed.nc")
    content = bytearray(path.read_bytes())
    content[4:8] = b"\xff\xff\xff\xff"
    path.write_bytes(bytes(content))
    return path


def _bare_zarr(folder: Path) -> Path:
    (folder / "bare.zarr" / "x").mkdir(parents=True)
    return folder / "bare.zarr"


_GBK = "观测资料"
_LONG_AGO = "days since 0000-01-01 00:00:00"
_MONTHS = "months since 1955-01-01 00:00:00"

#: Name -> writer and the one code that an inspection must give.
FAULTS: dict[str, tuple[Writer, str]] = {
    "empty": (_content(b""), "not-netcdf-empty"),
    "zeros": (_content(bytes(5000)), "not-netcdf-zeros"),
    "html": (_content(b"\n<!DOCTYPE html><html><body>Please log in</body></html>"), "not-netcdf-html"),
    "xml": (_content(b"<?xml version='1.0'?><ExceptionReport/>"), "not-netcdf-xml"),
    "json": (_content(b'{"detail": "not authorised"}'), "not-netcdf-json"),
    "text": (_content(b"503 Service Unavailable\n"), "not-netcdf-text"),
    "cdl": (_content(b"netcdf a {\n}\n"), "not-netcdf-cdl-text"),
    "noise": (_content(bytes(range(256)) * 20), "not-netcdf-unknown"),
    "gzip": (_packed(gzip.compress), "not-netcdf-gzip"),
    "zip": (_packed(_zip), "not-netcdf-zip"),
    "tar": (_packed(_tar), "not-netcdf-tar"),
    "cut3-end": (_cut(write_clean3, 0.99), "truncated"),
    "cut3-half": (_cut(write_clean3, 0.5), "truncated"),
    "cut3-header": (_cut(write_clean3, 0.05), "truncated"),
    "cut4-end": (_cut(write_clean4, 0.99), "truncated"),
    "cut4-half": (_cut(write_clean4, 0.5), "truncated"),
    "cut4-superblock": (_cut(write_clean4, 0.001), "truncated"),
    "header3": (_patched(b"\0\0\0\x0b\0\0\0\x04", b"\0\0\0\x77\0\0\0\x04"), "header-damaged"),
    "streamed": (_streamed, "records-unknown"),
    "months": (_changed(_set("time", units=_MONTHS)), "time-months-since"),
    "months-odd": (
        _changed(_both(_set("time", units=_MONTHS), _values("time", [0, 0.3, 0.6, 0.9, 1.2]))),
        "time-months-since",
    ),
    "years": (_changed(_set("time", units="years since 1950-01-01")), "time-years-since"),
    "year-zero": (_changed(_set("time", units=_LONG_AGO)), "time-year-zero"),
    "calendar": (_changed(_set("time", calendar="badname")), "time-calendar-unknown"),
    "unit": (_changed(_set("time", units="eays since 1970-01-01")), "time-undecodable"),
    "origin": (_changed(_set("time", units="msec since 0:00 GMT")), "time-undecodable"),
    "zero-day": (_changed(_set("time", units="days since 2000-00-00")), "time-undecodable"),
    "time-fill": (_changed(_values("time", [0, 1, 2, 3, 9.969209968386869e36])), "time-fill-value"),
    "time-huge": (_changed(_values("time", [0, 1, 2, 3, 4e25])), "time-out-of-range"),
    "time-nan": (_changed(_values("time", [0, 1, np.nan, 3, 4])), "time-missing"),
    "time-year": (_changed(_set("time", units="days since 5000-01-01")), "time-implausible"),
    "time-twice": (_changed(_values("time", [0, 1, 1, 2, 3])), "time-duplicates"),
    "time-back": (_changed(_values("time", [0, 2, 1, 3, 4])), "time-unsorted"),
    "time-no-units": (_changed(_without_units("time", standard_name=None)), "time-units-missing"),
    "time-unit": (_changed(_without_units("time", Unit="days since 2000-01-01")), "time-units-missing"),
    "time-other-name": (_changed(_renamed_time), "time-units-missing"),
    "latitude": (_changed(_values("lat", [-30, -10, 10, 130])), "latitude-range"),
    "lat-order": (_changed(_values("lat", [-30, 10, -10, 30])), "coordinate-unsorted"),
    "lat-twice": (_changed(_values("lat", [-30, 10, 10, 30])), "coordinate-duplicates"),
    "lon-nan": (_changed(_values("lon", [0, 60, np.nan, 180, 240, 300])), "coordinate-missing"),
    "lon-points": (_changed(_points([-170.0, 20.0, 190.0])), "longitude-mixed"),
    "lon-wide": (_changed(_values("lon", [-180, -90, 0, 90, 180, 270])), "longitude-mixed"),
    "lon-beyond": (_changed(_values("lon", [60, 120, 180, 240, 300, 380])), "longitude-beyond"),
    "lon-fill": (_changed(_points([1e20, 20.0, 30.0])), "longitude-range"),
    "no-units": (_changed(_without_units("sst")), "units-missing"),
    "unit-of-lat": (_changed(_without_units("lat", UNITS="degrees_north")), "units-missing"),
    "units": (_changed(_set("sst", units="m")), "units-implausible"),
    "fill-type": (_changed(_set("sst", missing_value=np.float64(1e20))), "fill-type"),
    "fill-int": (_patched(b"_FillValue\0\0\0\0\0\5", b"_FillValue\0\0\0\0\0\4"), "fill-type"),
    "scale-text": (_changed(_set("sst", scale_factor="0.01")), "scale-text"),
    "scale-word": (_changed(_set("sst", scale_factor="none")), "scale-text"),
    "scale-nan": (_changed(_set("sst", scale_factor=np.float32(np.nan))), "scale-unusable"),
    "gbk": (_patched(b"xxxxxxxx", _GBK.encode("gb18030"), _set("sst", source="xxxxxxxx")), "attribute-mojibake"),
    "latin": (_patched(b"in yC yy", b"in \xb0C yy", _set("sst", note="in yC yy")), "attribute-mojibake"),
    "twice": (_changed(_set("sst", note="20 Â°C")), "attribute-mojibake"),
    "lost": (_changed(_set("sst", note="20 \ufffdC")), "attribute-mojibake"),
    "slash": (_patched(b"long_ago", b"long/ago", _long_ago), "name-slash"),
    "clash": (_changed(_clash), "name-clash"),
    "file-name": (_latin_name, "name-not-utf8"),
    "unsigned": (_changed(_unsigned), "type-unsigned"),
    "attribute": (_changed4(_set("sst", comment="x" * 1_100_000)), "metadata-oversized"),
    "compound": (_changed4(_compound), "type-user-defined"),
    "strings": (_changed4(_strings), "type-string"),
    "group": (_changed4(_group), "group"),
    "bomb": (_changed4(_bomb), "decompression-bomb"),
    "giant": (_changed4(_empty_giant), "decompression-bomb"),
    "zarr-bare": (_bare_zarr, "metadata-missing"),
}

#: The same for faults that only values show.
DEEP_FAULTS: dict[str, tuple[Writer, str]] = {
    "fill-9999": (_changed(_without_fill(value=-9999)), "fill-missing"),
    "fill-1e20": (_changed(_without_fill(value=1e20)), "fill-missing"),
    "fill-default": (_changed4(_without_fill(value=9.969209968386869e36)), "fill-missing"),
    "fill-int16": (_changed4(_without_fill(value=-32768, dtype="i2")), "fill-missing"),
    "kelvin": (_changed(_set("sst", units="K")), "values-implausible"),
    "hot": (_changed(_values("sst", np.full((5, 4, 6), 60.0))), "values-implausible"),
    "chunk": (_damaged_chunk, "chunk-unreadable"),
    "zarr-bomb": (_zarr_bomb, "decompression-bomb"),
}


def _clean_zarr(version: int) -> Writer:
    def write(folder: Path) -> Path:
        import xarray

        with xarray.open_dataset(write_clean4(folder)) as dataset:
            for variable in dataset.variables.values():
                variable.encoding = {key: value for key, value in variable.encoding.items() if key == "_FillValue"}
            dataset.to_zarr(folder / f"clean{version}.zarr", zarr_format=version, consolidated=False)
        return folder / f"clean{version}.zarr"

    return write


def _bathymetry(dataset: netCDF4.Dataset) -> None:
    """Heights among which -9999 is one like any other."""
    height = dataset.createVariable("height", "i2", ("lat", "lon"), fill_value=False)
    height[:] = np.linspace(-10900, 8000, 24).reshape(4, 6).astype("i2")
    height[1, 1] = -9999


#: Sound files, in which an inspection must find nothing.
CLEAN: dict[str, Writer] = {
    "netcdf3": write_clean3,
    "netcdf4": write_clean4,
    "64-bit": lambda folder: _written(folder / "b.nc", "NETCDF3_64BIT_OFFSET"),
    "cdf-5": lambda folder: _written(folder / "c.nc", "NETCDF3_64BIT_DATA"),
    "zarr-2": _clean_zarr(2),
    "zarr-3": _clean_zarr(3),
    "bathymetry": _changed(_bathymetry),
    "unitless": _changed(_unitless),
    "noleap": _changed(_set("time", calendar="noleap", units="days since 0001-01-01")),
    "degrees-360": _changed(_values("lon", [0, 60, 120, 180, 240, 360])),
    "falling-latitude": _changed(_values("lat", [30, 10, -10, -30])),
}
