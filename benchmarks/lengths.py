"""Memory of one-pass statistics at records of three lengths: what the plan said before is what the process took."""

import contextlib
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import dask
import numpy as np
import zarr

from benchmarks.limits import Limits, Trial
from benchmarks.work import Program
from oceandata.analysis import plan, statistics
from oceandata.storage import open_dataset
from oceandata.storage.layout import ArrayPlan, create_layout
from oceandata.storage.stores import create_repository

__all__ = ["compute_statistics", "trials", "write_record"]

_CELLS, _CHUNK = 90, 366

#: What is computed together.
_ASKED = {
    "mean": {"dim": "time"},
    "climatology": {},
    "trend": {"harmonics": (1, 2)},
    "histogram": {"bins": np.arange(-2.0, 40.0, 0.1)},
}

#: Largest share of the planned memory.
_SHARE = 1.2


def write_record(place: Path, days: int) -> None:
    """
    Write days of 90 x 90 cells of noise about 15 degC, if they are not there yet.

    Parameters
    ----------
    place : pathlib.Path
        Of the repository, which appears there when it is complete.
    days : int
        Steps; 32,400 bytes each, in chunks of 366.
    """
    if place.exists():
        return
    unfinished = place.with_name(f"{place.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)  # of a run that was killed
    session = create_repository(unfinished).writable_session("main")
    attributes = {
        "time": {"standard_name": "time", "units": "days since 1850-01-01", "calendar": "standard"},
        "lat": {"standard_name": "latitude", "units": "degrees_north"},
        "lon": {"standard_name": "longitude", "units": "degrees_east"},
    }
    coordinates = {"time": np.arange(days), "lat": np.arange(_CELLS) - 44.5, "lon": np.arange(_CELLS) + 0.5}
    plans = [
        ArrayPlan(name, (name,), values.shape, values.shape, values.dtype.str, None, attributes[name], True)
        for name, values in coordinates.items()
    ]
    shape, dims, chunks = (days, _CELLS, _CELLS), ("time", "lat", "lon"), (_CHUNK, _CELLS, _CELLS)
    sst = {"standard_name": "sea_surface_temperature", "units": "degC", "_FillValue": float("nan")}
    plans.append(ArrayPlan("sst", dims, shape, chunks, "<f4", float("nan"), sst, False))
    create_layout(session.store, "maps", plans, {"Conventions": "CF-1.11", "title": "Benchmark record"})
    for name, values in coordinates.items():
        zarr.open_array(session.store, path=f"maps/{name}", mode="r+")[...] = values
    array, rng = zarr.open_array(session.store, path="maps/sst", mode="r+"), np.random.default_rng(3)
    for start in range(0, days, _CHUNK):
        field = 15 + 5 * rng.standard_normal((min(_CHUNK, days - start), _CELLS, _CELLS), np.float32)
        array[start : start + len(field)] = np.round(field, 1)
    session.commit("benchmark record")
    unfinished.rename(place)


def _peak_bytes() -> int:
    """Largest resident memory of this process so far."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return 1024 * int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1])


@contextlib.contextmanager
def compute_statistics(place: str) -> Iterator[Callable[[], str]]:
    """
    Four statistics of a record in one pass.

    Parameters
    ----------
    place : str
        From `write_record`.

    Yields
    ------
    callable
        Computes them; tells the memory that was planned, and the share of it that was taken. A ValueError if that is
        more than 1.2.
    """
    found = statistics(open_dataset(place, group="maps")["sst"], _ASKED)
    planned = plan(*found.values()).peak_bytes

    def call() -> str:
        dask.compute(*found.values(), scheduler="threads")  # type: ignore[attr-defined]
        share = _peak_bytes() / planned
        if share > _SHARE:
            msg = f"{share:.2f} of the planned {planned / 1e6:.0f} MB were taken, need {_SHARE} at most."
            raise ValueError(msg)
        return f"{share:.2f} of the planned {planned / 1e6:.0f} MB"

    yield call


def trials(python: str, folder: Path) -> list[Trial]:
    """
    The rows; nothing is run or written.

    Parameters
    ----------
    python : str
        Our interpreter.
    folder : pathlib.Path
        Cache folder; the records take about 2 GB.

    Returns
    -------
    list of Trial
        One for each length.
    """
    script = str(Path(__file__).with_name("alone.py"))

    def trial(days: int) -> Trial:
        place = folder / f"record-{days}"
        argv = (python, "-P", script, "lengths", "compute_statistics", str(place))
        return Trial(
            name=f"memory of {days:,} days",
            text=f"mean, climatology, trend and histogram of {days:,} x 90 x 90 float32 in one pass",
            program=Program("oceandata", argv, packages=("oceandata-exchange",)),
            limits=Limits(),
            prepare=lambda: write_record(place, days),
        )

    return [trial(days) for days in (732, 7_320, 73_200)]
