"""
A store of fifty petabytes in which every chunk can be read, on some hundred megabytes of disk.

The array is a plain Zarr one in a folder. Below ``c`` each level of the chunk keys is one folder of links that all lead
to the same few folders below, and the last to the same few files: real chunks of real temperatures, compressed as ours
are. Nothing of it is special to us, any Zarr library reads it. Blocks that lie apart by `Extent.kinds` chunks hold the
same values, which is why the means of the whole are known.
"""

import dataclasses
import itertools
import math
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
import yaml
import zarr
from numpy.typing import NDArray
from zarr.codecs import ZstdCodec

from oceandata import catalog
from oceandata.demo import require_sample_file
from oceandata.entities import Entry

__all__ = ["CENTURY", "Extent", "chunk_values", "write_job", "write_store"]

_NAME = "thetao"
_DIMS = ("time", "depth", "lat", "lon")


@dataclasses.dataclass(frozen=True)
class Extent:
    """
    Size of the store.

    Attributes
    ----------
    shape, chunks : tuple of int
        Along time, depth, latitude and longitude; whole chunks.
    kinds : tuple of int
        Different chunks along each dimension, after which they come again.
    together : int
        Chunks of a partition along longitude.
    """

    shape: tuple[int, int, int, int]
    chunks: tuple[int, int, int, int]
    kinds: tuple[int, int, int, int] = (2, 1, 1, 4)
    together: int = 4

    @property
    def counts(self) -> tuple[int, ...]:
        """Chunks along each dimension."""
        return tuple(size // chunk for size, chunk in zip(self.shape, self.chunks, strict=True))

    @property
    def nbytes(self) -> int:
        """Decoded bytes."""
        return 4 * math.prod(self.shape)

    @property
    def chunk_bytes(self) -> int:
        """Decoded bytes of a chunk."""
        return 4 * math.prod(self.chunks)


#: 110 years of days, 480 depths, a hundredth of a degree: 50 PB in 756 million chunks of 66 MB.
CENTURY = Extent((40_320, 480, 18_000, 36_000), (8, 16, 360, 360))


def chunk_values(extent: Extent, kind: tuple[int, ...]) -> NDArray[np.float32]:
    """
    Values of a chunk: monthly maps of the tropical oceans laid side by side, each with an offset of its own.

    Parameters
    ----------
    extent : Extent
        Of the store.
    kind : tuple of int
        Which of the different chunks.

    Returns
    -------
    numpy.ndarray, shape of a chunk
        degC, to a thousandth; land is NaN.
    """
    with xr.open_dataset(require_sample_file()) as ds:
        months = ds["surface_temperature"].to_numpy() - np.float32(273.15)
    steps, depths, rows, columns = extent.chunks
    bands, height = -(-rows // months.shape[1]), months.shape[1]
    values = np.empty(extent.chunks, np.float32)
    for step, depth in np.ndindex(steps, depths):
        first = 101 * kind[0] + 37 * kind[3] + step * depths + depth
        chosen = months[(first + np.arange(bands)) % len(months)]
        turned = np.take(chosen, np.arange(columns) + 29 * first, axis=2, mode="wrap")
        offsets = np.arange(bands, dtype=np.float32)[:, None, None] / 17 - np.float32(0.41) * depth
        values[step, depth] = np.round(turned + offsets, 3).reshape(bands * height, columns)[:rows]
    return values


def _link_levels(extent: Extent, top: Path, kinds: Path) -> None:
    """Folders of links: below ``top`` by time, then by depth, latitude and longitude to the files."""
    counts, (times, _, _, lons) = extent.counts, extent.kinds
    top.mkdir()
    for step in range(counts[0]):
        (top / str(step)).symlink_to(Path("../../../kinds") / f"depths-{step % times}")
    for time in range(times):
        for level, below, count in (("depths", "lats", counts[1]), ("lats", "lons", counts[2])):
            folder = kinds / f"{level}-{time}"
            folder.mkdir()
            for at in range(count):
                (folder / str(at)).symlink_to(Path("..") / f"{below}-{time}")
        (kinds / f"lons-{time}").mkdir()
        for at in range(counts[3]):
            (kinds / f"lons-{time}" / str(at)).symlink_to(Path("..") / f"chunk-{time}-{at % lons}")


def _write_chunks(extent: Extent, kinds: Path) -> None:
    """The different chunks, written by Zarr."""
    times, _, _, lons = extent.kinds
    place = kinds / "made.zarr"
    for time, lon in itertools.product(range(times), range(lons)):
        made = zarr.create_array(
            place, overwrite=True, config={"write_empty_chunks": True}, **_array(extent.chunks, extent.chunks)
        )
        made[...] = chunk_values(extent, (time, 0, 0, lon))
        (place / "c" / "0" / "0" / "0" / "0").rename(kinds / f"chunk-{time}-{lon}")
    shutil.rmtree(place)


def _array(shape: tuple[int, ...], chunks: tuple[int, ...]) -> dict[str, Any]:
    """How the values are stored, as our ingest stores them."""
    codecs = [ZstdCodec(level=3, checksum=True)]
    return {"shape": shape, "chunks": chunks, "dtype": "f4", "fill_value": np.nan, "compressors": codecs}


def _write_labels(extent: Extent, group: zarr.Group) -> None:
    units = {"time": "days since 1900-01-01", "depth": "m", "lat": "degrees_north", "lon": "degrees_east"}
    names = {"time": "time", "depth": "depth", "lat": "latitude", "lon": "longitude"}
    steps = {"time": 1.0, "depth": 10.0, "lat": 180 / extent.shape[2], "lon": 360 / extent.shape[3]}
    firsts = {"time": 0.0, "depth": 5.0, "lat": steps["lat"] / 2 - 90, "lon": steps["lon"] / 2}
    for name, size in zip(_DIMS, extent.shape, strict=True):
        label = group.create_array(name, shape=(size,), chunks=(size,), dtype="f8", dimension_names=(name,))
        label[:] = firsts[name] + steps[name] * np.arange(size)
        label.attrs.update({"units": units[name], "standard_name": names[name]})
    group["depth"].attrs["positive"] = "down"


def write_store(folder: Path, extent: Extent) -> None:
    """
    Write the store ``big.zarr`` and a catalogue with the entry ``big``, if they are not there yet.

    Parameters
    ----------
    folder : pathlib.Path
        Where both appear when they are complete.
    extent : Extent
        Size of the store.
    """
    if folder.exists():
        return
    unfinished = folder.with_name(f"{folder.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)  # of a run that was killed
    unfinished.mkdir(parents=True)
    group = zarr.open_group(unfinished / "big.zarr", mode="w")
    field = group.create_array(_NAME, dimension_names=_DIMS, **_array(extent.shape, extent.chunks))
    field.attrs.update({"units": "degC", "standard_name": "sea_water_potential_temperature"})
    _write_labels(extent, group)
    (unfinished / "kinds").mkdir()
    _write_chunks(extent, unfinished / "kinds")
    _link_levels(extent, unfinished / "big.zarr" / _NAME / "c", unfinished / "kinds")
    unfinished.rename(folder)
    variable = {
        "dimensions": _DIMS,
        "shape": extent.shape,
        "chunks": extent.chunks,
        "dtype": "float32",
        "units": "degC",
    }
    entry = {
        "id": "big",
        "title": "temperatures of a century, in a few real chunks",
        "license": "OGL-UK-3.0",
        "extent": {},
        "variables": {_NAME: variable},
        "assets": {"maps": {"href": str(folder / "big.zarr"), "type": "application/vnd+zarr", "group": ""}},
    }
    catalog.register_entry(folder / "catalog.yaml", Entry.model_validate(entry))


def write_job(folder: Path, store: Path, extent: Extent, routine: str = "mean", **chosen: object) -> Path:
    """
    Write the document of a job.

    Parameters
    ----------
    folder : pathlib.Path
        Where it is written, and where it runs.
    store : pathlib.Path
        From `write_store`.
    extent : Extent
        Size of the store.
    routine : str
        ``mean``, of everything, weighted by volume: one number; ``area_mean``: one for each map.
    **chosen : object
        What of it is read, as in the document of a job.

    Returns
    -------
    pathlib.Path
        The document.
    """
    blocks = dict(zip(_DIMS, extent.chunks, strict=True))
    document = {
        "schema": "oceandata.job/1",
        "name": routine.replace("_", "-"),
        "input": {"catalog": str(store / "catalog.yaml"), "entry": "big", "blocks": blocks, **chosen},
        "routine": routine,
        "output": f"{routine}.nc",
        # at the 100 MB/s that are assumed where nothing was tried
        "resources": {"partition_s": (extent.together + 0.5) * extent.chunk_bytes / 1e8, "workers": 2},
    }
    path = folder / f"{routine}.yaml"
    path.write_text(yaml.safe_dump(document), "utf-8")
    return path
