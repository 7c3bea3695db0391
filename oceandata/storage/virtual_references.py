"""
Where the chunks of a variable lie in its file and how they are encoded, read from headers alone.

HDF5 files are read by VirtualiZarr, which translates their filters into Zarr codecs; netCDF-3 files, whose values lie
in one piece or record by record, by the header reader that checks them. What would decode wrongly, or not at all, is an
obstacle stated in words.
"""

import dataclasses
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from zarr.abc.codec import ArrayBytesCodec, Codec
from zarr.codecs import BytesCodec

from oceandata.errors import MissingExtraError
from oceandata.storage.soundness.netcdf3 import read_netcdf3_header
from oceandata.storage.soundness.sniff import NETCDF4_FORMAT, file_format

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["StoredArray", "cut_steps", "essential_codecs", "read_stored"]


@dataclasses.dataclass(frozen=True)
class StoredArray:
    """
    How one file stores one variable.

    Attributes
    ----------
    shape : tuple of int
        Size along each dimension.
    chunks : tuple of int or None
        Shape of a chunk; None for values that lie in one piece, unencoded, which may be cut between steps.
    codecs : tuple of zarr.abc.codec.Codec
        How a chunk is encoded.
    fill_value : object
        Value of chunks that are not stored.
    places : numpy.ndarray, shape (chunks stored, dimensions + 2)
        Position in the file's chunk grid, first byte, number of bytes.
    obstacle : str
        Why the variable cannot be referenced; empty if it can.
    """

    shape: tuple[int, ...] = ()
    chunks: tuple[int, ...] | None = None
    codecs: tuple[Codec, ...] = ()
    fill_value: Any = 0
    places: "npt.NDArray[np.int64]" = dataclasses.field(default_factory=lambda: np.zeros((0, 0), np.int64))
    obstacle: str = ""

    @property
    def is_whole(self) -> bool:
        """Whether every chunk is stored."""
        grid = (1,) if self.chunks is None else map(math.ceil, np.divide(self.shape, self.chunks))
        return len(self.places) == math.prod(grid)


def essential_codecs(codecs: Sequence[Codec]) -> list[dict[str, Any]]:
    """
    What decoding needs to know of codecs.

    The level of a compression is left out: it tells how hard the writer tried.

    Parameters
    ----------
    codecs : sequence of zarr.abc.codec.Codec
        In the order of encoding.

    Returns
    -------
    list of dict
        Equal for codecs that decode alike.
    """
    found = []
    for codec in codecs:
        document: dict[str, Any] = dict(codec.to_dict())
        settings = dict(document.get("configuration") or {})
        found.append(document | {"configuration": {k: v for k, v in settings.items() if k not in ("level", "clevel")}})
    return found


def cut_steps(stored: StoredArray, steps: int) -> StoredArray:
    """
    Values that lie in one piece, as chunks of so many steps along the first dimension.

    Parameters
    ----------
    stored : StoredArray
        Without chunks.
    steps : int
        Length of a chunk; divides the first dimension.

    Returns
    -------
    StoredArray
        With chunks; as it is if it has chunks already.
    """
    if stored.chunks is not None:
        return stored
    chunks = (steps, *stored.shape[1:])
    if not len(stored.places):
        return dataclasses.replace(stored, chunks=chunks)
    begin, nbytes = stored.places[0, -2:]
    count = stored.shape[0] // steps
    places = np.zeros((count, len(chunks) + 2), np.int64)
    places[:, 0] = np.arange(count)
    places[:, -1] = nbytes // count
    places[:, -2] = begin + places[:, 0] * places[:, -1]
    return dataclasses.replace(stored, chunks=chunks, places=places)


def read_stored(path: Path, names: Sequence[str]) -> dict[str, StoredArray]:
    """
    How a file stores some of its variables.

    Parameters
    ----------
    path : pathlib.Path
        A netCDF file.
    names : sequence of str
        Variables of its root group.

    Returns
    -------
    dict of str to StoredArray
        One for each name; what cannot be referenced has an obstacle.

    Raises
    ------
    MissingExtraError
        If the file is HDF5 and VirtualiZarr is not installed.

    Notes
    -----
    40 bytes a chunk of three dimensions; no values are read.
    """
    kind = "Zarr store" if path.is_dir() else file_format(str(path))
    if kind == NETCDF4_FORMAT:
        return _hdf5(path, names)
    if kind.startswith("netCDF-3"):
        return _netcdf3(path, names)
    return dict.fromkeys(names, StoredArray(obstacle=f"the file is a {kind}"))


def _netcdf3(path: Path, names: Sequence[str]) -> dict[str, StoredArray]:
    """Variables of a netCDF-3 file: in one piece, or one record a step; always big-endian."""
    variables = read_netcdf3_header(str(path)).variables
    found = {}
    for name in names:
        variable = variables.get(name)
        if variable is None or variable.dtype is None or variable.begin is None:
            found[name] = StoredArray(obstacle="it has another name in the file")
            continue
        steps = 1 if variable.record_step is None else variable.shape[0]
        record = variable.size // max(1, steps) * variable.dtype.itemsize
        places = np.zeros((steps, len(variable.shape) + 2), np.int64)
        places[:, 0] = np.arange(steps)
        places[:, -2] = variable.begin + places[:, 0] * (variable.record_step or 0)
        places[:, -1] = record
        chunks = None if variable.record_step is None else (1, *variable.shape[1:])
        codecs = (BytesCodec(endian="big"),)
        found[name] = StoredArray(variable.shape, chunks, codecs, variable.dtype.type(0).item(), places)
    return found


def _require_extra() -> None:
    """Refuse without VirtualiZarr and what it reads HDF5 with."""
    try:
        import h5py  # noqa: F401
        import hdf5plugin  # noqa: F401  # makes HDF5 know blosc, zstd and others
        import obstore  # noqa: F401
        import virtualizarr  # noqa: F401
    except ImportError as error:
        msg = (
            f"referring to netCDF-4 files needs the extra 'virtual' ({error.name} is not installed). "
            "Install it: pip install 'oceandata-exchange[virtual]'."
        )
        raise MissingExtraError(msg) from error


def _hdf5(path: Path, names: Sequence[str]) -> dict[str, StoredArray]:
    """Variables of a netCDF-4 file."""
    _require_extra()
    import h5py

    with h5py.File(path, "r") as file:
        members = set(file)
        obstacles = {name: _unusual(file, name) for name in names}
    wanted = [name for name in names if not obstacles[name]]
    manifests: dict[str, Any] = {}
    try:
        manifests.update(_manifests(path, members, wanted))
    except Exception:  # a filter that cannot be translated; which variable it is, is found one by one
        for name in wanted:
            try:
                manifests.update(_manifests(path, members, [name]))
            except Exception as error:
                reason = str(error).partition("\n")[0] or type(error).__name__
                obstacles[name] = f"its encoding cannot be translated ({reason})"
    return {
        name: StoredArray(obstacle=reason) if reason else _stored(manifests[name]) for name, reason in obstacles.items()
    }


def _unusual(file: Any, name: str) -> str:
    """Storage of HDF5 that references cannot express, in words; empty if there is none."""
    import h5py

    if name not in file or not isinstance(file[name], h5py.Dataset):
        return "it has another name in the file"
    dataset = file[name]
    layout = dataset.id.get_create_plist().get_layout()
    if layout not in (h5py.h5d.CHUNKED, h5py.h5d.CONTIGUOUS):
        return "its values lie in the header or in other files (HDF5 compact or virtual layout)"
    if dataset.external:
        return "its values lie in other files (HDF5 external storage)"
    skipped: list[int] = []
    if layout == h5py.h5d.CHUNKED and dataset._filters:
        dataset.id.chunk_iter(lambda chunk: skipped.append(chunk.filter_mask) if chunk.filter_mask else None)
    if skipped:
        return f"{len(skipped)} of its chunks skip a filter, because compressing them did not pay"
    return ""


def _manifests(path: Path, members: set[str], names: Sequence[str]) -> dict[str, Any]:
    """Variables of an HDF5 file as VirtualiZarr's manifest arrays."""
    from obspec_utils.registry import ObjectStoreRegistry
    from obstore.store import LocalStore
    from virtualizarr.parsers import HDFParser

    if not names:
        return {}
    with path.open("rb") as stream:
        parser = HDFParser(drop_variables=sorted(members - set(names)), reader_factory=lambda *_: stream)
        manifests = parser("file:///file", ObjectStoreRegistry({"file://": LocalStore()}))
    virtual = manifests.to_virtual_dataset(loadable_variables=[], decode_times=False)
    return {name: virtual.variables[name].data for name in names}


def _stored(array: Any) -> StoredArray:
    """Stored array of a manifest array."""
    metadata = array.metadata
    shape = tuple(metadata.shape)
    chunks: tuple[int, ...] | None = tuple(metadata.to_dict()["chunk_grid"]["configuration"]["chunk_shape"])
    rows = [(*position, entry["offset"], entry["length"]) for position, entry in array.manifest.iter_refs()]
    places = np.asarray(rows, np.int64).reshape(len(rows), len(shape) + 2)
    codecs = tuple(metadata.codecs)
    if chunks == shape and all(isinstance(codec, ArrayBytesCodec) for codec in codecs):
        chunks = None
    return StoredArray(shape, chunks, codecs, metadata.fill_value, places)
