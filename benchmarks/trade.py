"""The area ``trade``: lineage of large graphs, and what metering costs."""

import contextlib
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import xarray as xr

from benchmarks.agreement import check_means
from benchmarks.fields import FIELD, write_field
from benchmarks.limits import Limits, Trial
from benchmarks.work import Goal, Program, Work
from oceandata.entities import Origin
from oceandata.errors import OceanDataError
from oceandata.storage import open_dataset, plan_ingest, write_repository

__all__ = ["trace", "works", "write_pair"]

_HERE = Path(__file__).parent

# Chunks of each of two products; arithmetic on both and a mean make nine tasks a chunk of the first.
_CHUNKS = 12_500

#: What is made of two products, by name of the row.
_RESULTS: dict[str, tuple[str, Callable[[xr.DataArray, xr.DataArray], xr.DataArray]]] = {
    "arithmetic": ("mean of arithmetic on both", lambda a, b: ((a - 273.15) * 1.8 - b.where(b > 0.1)).mean()),
    "slices": (
        "mean of arithmetic on slices of both, taken after opening",
        lambda a, b: (a.isel(lat=slice(1, 3)) - b.isel(lat=slice(1, 3)) + 273.15 - a[:, 0]).mean("time"),
    ),
    "anomaly": (
        "monthly anomaly of one from the other",
        lambda a, b: (a - b).groupby("time.month") - (a + b).groupby("time.month").mean(),
    ),
}


def write_pair(folder: Path, chunks: int) -> None:
    """
    Write two repositories of many tiny chunks, if they are not there yet.

    Parameters
    ----------
    folder : pathlib.Path
        Where they appear when both are complete.
    chunks : int
        Number of chunks of each.
    """
    if folder.exists():
        return
    unfinished = folder.with_name(f"{folder.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)  # of a run that was killed
    unfinished.mkdir(parents=True)
    numbers = np.random.default_rng(11)
    for name in ("first", "second"):
        coords = {"time": np.datetime64("1990-01-01", "ns") + np.arange(chunks) * np.timedelta64(1, "D")}
        ds = xr.Dataset(
            {"sst": (("time", "lat", "lon"), numbers.random((chunks, 4, 8), dtype="f4"))},
            coords | {"lat": np.arange(4.0), "lon": np.arange(8.0)},  # type: ignore[dict-item]
        )
        ds["sst"].attrs = {"units": "K", "standard_name": "sea_surface_temperature"}
        ds["lat"].attrs, ds["lon"].attrs = {"units": "degrees_north"}, {"units": "degrees_east"}
        ds.to_netcdf(unfinished / f"{name}.nc")
        write_repository(plan_ingest([unfinished / f"{name}.nc"], unfinished / name, chunk_bytes=4 * 8 * 4))
    unfinished.rename(folder)


@contextlib.contextmanager
def trace(folder: str, made: str) -> Iterator[Callable[[], str]]:
    """
    Lineage of a result of two products.

    Parameters
    ----------
    folder : str
        From `write_pair`.
    made : str
        Which result.

    Yields
    ------
    callable
        Finds it, and tells how many tasks the graph has and how many chunks were found.
    """
    from oceandata.trade import lineage

    pair = [
        open_dataset(Path(folder) / name, origin=Origin(repository="", product=f"benchmark:{name}"), chunks={})["sst"]
        for name in ("first", "second")
    ]
    result = _RESULTS[made][1](*pair)
    lineage(pair[0][:1])  # what is imported on the way does not count
    tasks = len(result.__dask_graph__())

    def call() -> str:
        found = lineage(result)
        products = {one.origin.product for one in found.planned}
        if len(products) != 2 or found.unattributed:
            msg = f"the lineage has the products {products} and {found.unattributed}, need both and nothing unknown."
            raise OceanDataError(msg)
        return f"{tasks:,} tasks, {sum(len(one.chunks) for one in found.planned):,} chunks"

    yield call


def _lineages(folder: Path) -> list[Trial]:
    """A hundred thousand tasks of each kind."""
    pair = folder / f"pair-{_CHUNKS}"
    return [
        Trial(
            name=f"lineage of {made}",
            text=f"{text}, two products of {_CHUNKS:,} chunks each",
            program=Program(
                "oceandata",
                (sys.executable, "-P", str(_HERE / "alone.py"), "trade", "trace", str(pair), made),
                packages=("oceandata-exchange",),
            ),
            limits=Limits(wall_s=2.0),
            prepare=lambda: write_pair(pair, _CHUNKS),
        )
        for made, (text, _) in _RESULTS.items()
    ]


def _metering(folder: Path) -> Work:
    """Counting on and off."""
    store = folder / FIELD
    results = {side: folder / f"metering-{side}.npy" for side in ("on", "off")}

    def program(side: str, name: str) -> Program:
        argv = (sys.executable, "-P", str(_HERE / "metering.py"), side, str(store), str(results[side]))
        return Program(name, (*argv, "1"), (*argv, "2"), ("oceandata-exchange",))

    return Work(
        name="metering",
        text="mean of everything, 7305 x 180 x 360 float32, with its lineage, metered",
        ours=program("on", "oceandata"),
        peer=program("off", "oceandata, nothing counted"),
        goal=Goal(whole=1.03, warm=1.03),
        prepare=lambda: write_field(store),
        agree=lambda: check_means(results["on"], results["off"]),
    )


def works(peer_python: Path, folder: Path) -> list[Work | Trial]:  # noqa: ARG001
    """
    Rows of this area.

    Parameters
    ----------
    peer_python : pathlib.Path
        Interpreter of the peers; not needed here.
    folder : pathlib.Path
        Cache folder.

    Returns
    -------
    list of Work or Trial
        Nothing was run.
    """
    return [*_lineages(folder), _metering(folder)]
