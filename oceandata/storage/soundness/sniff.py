"""What a file is by its first bytes; its name is not asked."""

from pathlib import Path

__all__ = ["NETCDF3_FORMATS", "NETCDF4_FORMAT", "file_format"]

NETCDF4_FORMAT = "netCDF-4/HDF5"
NETCDF3_FORMATS = {b"CDF\x01": "netCDF-3 classic", b"CDF\x02": "netCDF-3 64-bit offset", b"CDF\x05": "netCDF-3 CDF-5"}

_HDF5 = b"\x89HDF\r\n\x1a\n"
_BEGINNINGS = (
    (b"\x1f\x8b", "gzip"),
    (b"PK\x03\x04", "zip"),
    (b"PK\x05\x06", "zip"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"GRIB", "GRIB"),
    (b"\x0e\x03\x13\x01", "HDF4"),
    (b"%PDF", "PDF"),
    (b"netcdf ", "CDL text"),
    (b"II*\x00", "TIFF"),
    (b"MM\x00*", "TIFF"),
    (b"MATLAB 5.0", "MATLAB"),
)


def file_format(path: str) -> str:
    """
    Name of the format a file is in.

    HDF5 may begin with a block of the user's own, so its signature is also looked for at 512, 1024, 2048 bytes and
    so on, as the format asks.

    Parameters
    ----------
    path : str
        An existing file.

    Returns
    -------
    str
        ``netCDF-3 classic``, ``netCDF-4/HDF5``, ``HTML``, ``gzip``, ``text``, ``empty``, ``unknown`` and so on.
    """
    with Path(path).open("rb") as stream:
        first = stream.read(4096)
        if not first:
            return "empty"
        if first[:4] in NETCDF3_FORMATS:
            return NETCDF3_FORMATS[first[:4]]
        if first.startswith(_HDF5):
            return NETCDF4_FORMAT
        for beginning, name in _BEGINNINGS:
            if first.startswith(beginning):
                return name
        for power in range(9, 16):
            stream.seek(2**power)
            if stream.read(8) == _HDF5:
                return NETCDF4_FORMAT
    return _text_format(first)


def _text_format(first: bytes) -> str:
    """Format of a file that begins with none of the known signatures."""
    if first[257:262] == b"ustar":
        return "tar"
    if not first.strip(b"\0"):
        return "zeros"
    start = first.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith((b"<!doctype html", b"<html", b"<head", b"<body")):
        return "HTML"
    if start.startswith((b"<?xml", b"<")):
        return "HTML" if b"<html" in start else "XML"
    if start.startswith((b"{", b"[")):
        return "JSON"
    controls = sum(byte < 9 or 13 < byte < 32 for byte in first)
    return "text" if controls == 0 else "unknown"
