"""
The area ``heatwaves``: marine heatwaves with their table of events, against heatwave3 (C++).

The peer reads NetCDF whose chunks are whole columns, which it is best at; ours the same values in our layout for
series. Also the programs of both sides, so nothing but the standard library is imported at the top::

    python -P benchmarks/heatwaves.py ours|peer FOLDER OUT CALLS

Prints the CPU and wall seconds of the last call as JSON. A call opens the data, makes climatology and threshold of the
whole record, finds the events with their categories, and writes climatology and events.
"""

import json
import shutil
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import xarray as xr

    from benchmarks.work import Work

__all__ = ["check_events", "main", "ours", "peer", "works", "write_fields"]

_DAYS, _LATS, _LONS = 7305, slice(60, 120), slice(150, 225)

#: Part of the events that may differ: the peer rounds climatology and threshold to 4 decimals.
_TOLERANCE = 2e-3


def write_fields(folder: Path) -> None:
    """
    Write the field the row is measured on in both formats, if it is not there yet.

    A part of the tropics with about 3,000 cells of sea, twenty years of `benchmarks.analysis.daily_maps`, with gaps: on
    each day one of 300 strips of the map is missing, as under clouds.

    Parameters
    ----------
    folder : pathlib.Path
        Appears when both are complete.
    """
    import numpy as np
    import xarray as xr

    from benchmarks.fields import daily_maps
    from oceandata import storage

    if folder.exists():
        return
    unfinished = folder.with_name(f"{folder.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    maps = np.concatenate([block[:, _LATS, _LONS] for _, block in daily_maps(_DAYS, 366)])
    rng = np.random.default_rng(7)
    for day in range(_DAYS):
        row, column = rng.integers(0, maps.shape[1]), rng.integers(0, maps.shape[2] - 15)
        maps[day, row, column : column + 15] = np.nan
    coords = {
        "time": np.datetime64("2000-01-01", "ns") + np.arange(_DAYS).astype("m8[D]"),
        "lat": ("lat", np.arange(180)[_LATS] - 89.5, {"units": "degrees_north", "standard_name": "latitude"}),
        "lon": ("lon", np.arange(360)[_LONS] + 0.5, {"units": "degrees_east", "standard_name": "longitude"}),
    }
    attrs = {"units": "degC", "standard_name": "sea_surface_temperature"}
    sst = xr.Dataset({"sst": xr.DataArray(maps, coords, ["time", "lat", "lon"], attrs=attrs)})
    packed = {"zlib": True, "complevel": 1, "shuffle": True, "chunksizes": (_DAYS, 10, 15)}
    sst.to_netcdf(unfinished / "sst.nc", encoding={"sst": packed, "time": {"units": "days since 1970-01-01"}})
    plan = storage.plan_ingest([unfinished / "sst.nc"], unfinished / "sst", access="series")
    storage.write_repository(plan)
    unfinished.rename(folder)


def ours(folder: Path, out: Path) -> None:
    """
    Heatwaves by oceandata.

    Parameters
    ----------
    folder : pathlib.Path
        From `write_fields`.
    out : pathlib.Path
        Folder for the results.
    """
    import dask

    from oceandata.analysis import detect_heatwaves, heatwave_climatology, write_heatwaves
    from oceandata.storage import open_dataset

    sst = open_dataset(folder / "sst", chunks={})["sst"]
    lazy = heatwave_climatology(sst)
    events = detect_heatwaves(sst, lazy)
    clim, kept = dask.persist(lazy, events)
    clim.to_netcdf(out / "clim.nc")
    write_heatwaves(kept, out / "events.parquet")


def peer(folder: Path, out: Path) -> None:
    """
    Heatwaves by heatwave3 with as many threads as there are processors.

    Parameters
    ----------
    folder : pathlib.Path
        From `write_fields`.
    out : pathlib.Path
        Folder for the results.
    """
    import os

    import heatwave3  # type: ignore[import-not-found]

    period = ("2000-01-01", "2019-12-31")
    options: dict[str, Any] = {"category": True, "n_threads": os.cpu_count(), "quiet": True}
    heatwave3.detect3(str(folder / "sst.nc"), str(out / "peer"), period, var_name="sst", **options)


def _peer_table(out: Path) -> "xr.Dataset":
    import xarray as xr

    return xr.open_dataset(next(out.glob("peer_events*.nc")))


def check_events(first: Path, second: Path) -> str:
    """
    Compare the events of both sides.

    Parameters
    ----------
    first, second : pathlib.Path
        Folders of ours and the peer.

    Returns
    -------
    str
        Numbers of events and days of both, for the row.

    Raises
    ------
    OceanDataError
        If they differ by more than two in a thousand.
    """
    import pyarrow.parquet

    from oceandata.errors import OceanDataError

    own = pyarrow.parquet.read_table(first / "events.parquet")["duration"].to_numpy()
    with _peer_table(second) as table:
        theirs = table["duration"].to_numpy()
    text = f"{len(own)} events, {own.sum()} days; peer {len(theirs)}, {theirs.sum():.0f}"
    if abs(len(own) - len(theirs)) > _TOLERANCE * len(own) or abs(own.sum() - theirs.sum()) > _TOLERANCE * own.sum():
        msg = f"the events differ: {text}. No row was written."
        raise OceanDataError(msg)
    return text


def works(peer_python: Path, folder: Path) -> "list[Work]":
    """
    The row of this area; nothing is run or written.

    Parameters
    ----------
    peer_python : pathlib.Path
        Interpreter of the peers' environment.
    folder : pathlib.Path
        Cache folder for fields and results.

    Returns
    -------
    list of Work
        One.
    """
    from benchmarks.work import Goal, Program, Work

    field = folder / "heatwaves-1"
    results = {side: folder / f"heatwaves-{side}" for side in ("ours", "peer")}

    def program(side: str, python: Path, name: str, packages: tuple[str, ...]) -> Program:
        argv = (str(python), "-P", str(Path(__file__)), side, str(field), str(results[side]))
        return Program(name, (*argv, "1"), (*argv, "2"), packages)

    return [
        Work(
            name="heatwaves",
            text="climatology, threshold and table of events, 3,000 cells of sea, 20 years of days with gaps",
            ours=program("ours", Path(sys.executable), "oceandata", ("oceandata-exchange",)),
            peer=program("peer", peer_python, "heatwave3", ("heatwave3",)),
            goal=Goal(whole=0.3, warm=0.3),
            prepare=lambda: write_fields(field),
            agree=lambda: check_events(results["ours"], results["peer"]),
        )
    ]


def main(side: str, folder: str, out: str, calls: str) -> None:
    """
    Run one side and print the time of its last call.

    Parameters
    ----------
    side : {"ours", "peer"}
        Which program.
    folder : str
        From `write_fields`.
    out : str
        Folder for the results, emptied before each call.
    calls : str
        How often to call, a whole number above zero.
    """
    for _ in range(int(calls)):
        shutil.rmtree(out, ignore_errors=True)
        Path(out).mkdir(parents=True)
        cpu, wall = time.process_time(), time.perf_counter()
        {"ours": ours, "peer": peer}[side](Path(folder), Path(out))
        used = {"cpu_s": time.process_time() - cpu, "wall_s": time.perf_counter() - wall}
    print(json.dumps(used))


if __name__ == "__main__":
    main(*sys.argv[1:])
