"""
The programs of the rows on everyday statistics: ours and plain xarray, the same store and the same results.

Run as a script by either environment, so nothing but the standard library is imported at the top::

    python -P benchmarks/everyday.py ours|peer WORK STORE OUT.npz CALLS

Prints the CPU and wall seconds of the last call as JSON; with two calls that is the warm one. A call opens the store,
builds the graph and computes.
"""

import json
import sys
import time
from typing import Any

__all__ = ["WORKS", "main", "ours", "peer"]

#: What is computed, by the name of the row.
WORKS = {
    "bare read": "every chunk read and decoded, nothing computed",
    "time mean": "mean of all days in each cell",
    "climatology": "monthly climatology and spread in each cell",
    "trend": "linear trend with annual and semi-annual harmonics in each cell",
    "histogram": "histogram of all values in bins of 0.1 K",
    "five fused": "these four and the area mean of each day, computed together",
}

_EDGES = (-2.0, 40.0, 0.1)


def ours(work: str, store: str) -> dict[str, Any]:
    """
    One work by oceandata.

    Parameters
    ----------
    work : str
        One of `WORKS`.
    store : str
        Path of the repository.

    Returns
    -------
    dict of str to numpy.ndarray
        Results by name.
    """
    import dask
    import numpy as np

    from oceandata.analysis import statistics
    from oceandata.storage import open_dataset

    sst = open_dataset(store, group="maps", chunks={})["sst"]
    if work == "bare read":
        return {work: _touched(sst)}
    asked: dict[str, dict[str, Any]] = {
        "time mean": {"routine": "mean", "dim": "time"},
        "climatology": {},
        "spread": {"routine": "climatology", "spread": True},
        "trend": {"harmonics": (1, 2), "per": "year"},
        "histogram": {"bins": np.arange(*_EDGES)},
        "area mean": {"routine": "area_mean"},
    }
    if work == "five fused":
        asked.pop("spread")
    else:
        asked = {name: asked[name] for name in ([work, "spread"] if work == "climatology" else [work])}
    (found,) = dask.compute(statistics(sst, asked), scheduler="threads")  # type: ignore[attr-defined]
    return {name: (one["slope"] if name == "trend" else one).to_numpy() for name, one in found.items()}


def peer(work: str, store: str) -> dict[str, Any]:
    """
    The same by plain icechunk, xarray and Dask's threads, as its users write it.

    Parameters
    ----------
    work : str
        One of `WORKS`.
    store : str
        Path of the repository.

    Returns
    -------
    dict of str to numpy.ndarray
        Results by name.
    """
    import icechunk
    import numpy as np
    import xarray as xr

    icechunk.set_logs_filter("error")
    repository = icechunk.Repository.open(icechunk.local_filesystem_storage(store))
    session = repository.readonly_session("main")
    sst = xr.open_dataset(session.store, engine="zarr", group="maps", consolidated=False, chunks={})["sst"]  # type: ignore[arg-type]
    if work == "bare read":
        return {work: _touched(sst)}
    from xhistogram.xarray import histogram  # type: ignore[import-not-found]

    edges = np.arange(*_EDGES)
    weights: Any = np.cos(np.radians(sst["lat"]))
    months = sst.astype("f8").groupby("time.month")
    lazy = {
        "time mean": lambda: sst.astype("f8").mean("time"),
        "climatology": lambda: months.mean(),
        "spread": lambda: months.std(ddof=1),
        "trend": lambda: _normal_equations(sst),
        "histogram": lambda: histogram(sst, bins=[edges]),
        "area mean": lambda: sst.astype("f8").weighted(weights).mean(("lat", "lon")),
    }
    names = (
        [name for name in lazy if name != "spread"]
        if work == "five fused"
        else [work, "spread"]
        if work == "climatology"
        else [work]
    )
    # each alone: all at once holds every chunk for every result, and is killed where memory is short
    return {name: np.asarray(lazy[name]().compute()) for name in names}


def _touched(sst: Any) -> Any:
    """First value of each chunk: each is read and decoded for it."""
    first = sst.data.map_blocks(lambda block: block[:1, :1, :1], chunks=(1, 1, 1), dtype=sst.dtype)
    return first.compute(scheduler="threads")


def _normal_equations(sst: Any) -> Any:
    """Slope of each cell from its own valid days: products of regressors, then one small solution a cell."""
    import numpy as np
    import xarray as xr

    days = (sst["time"] - sst["time"][0]) / np.timedelta64(1, "D")
    years = (days / 365.2425 - 10).to_numpy()
    turn = 2 * np.pi * years
    columns = [np.ones_like(years), years, np.cos(turn), np.sin(turn), np.cos(2 * turn), np.sin(2 * turn)]
    design = xr.DataArray(np.stack(columns), dims=["k", "time"], coords={"time": sst["time"]})
    valid = sst.notnull().astype("f8")
    pairs = xr.DataArray(np.einsum("it,jt->ijt", design, design), dims=["k", "j", "time"], coords={"time": sst["time"]})
    products = xr.dot(pairs, valid, dim="time")
    moments = xr.dot(design, sst.fillna(0).astype("f8"), dim="time")

    def solved(a: Any, b: Any) -> Any:
        usable = np.linalg.det(a) > 0
        slope = np.full(a.shape[:-2], np.nan)
        slope[usable] = np.linalg.solve(a[usable], b[usable][..., None])[..., 1, 0]
        return slope

    return xr.apply_ufunc(
        solved,
        products.chunk(k=-1, j=-1),
        moments.chunk(k=-1),
        input_core_dims=[["k", "j"], ["k"]],
        dask="parallelized",
        output_dtypes=["f8"],
    )


def main(side: str, work: str, store: str, out: str, calls: str) -> None:
    """
    Run one side, save its results and print the time of its last call.

    Parameters
    ----------
    side : {"ours", "peer"}
        Which program.
    work : str
        One of `WORKS`.
    store : str
        Path of the repository.
    out : str
        Where the results go, a ``.npz`` file.
    calls : str
        How often to call, a whole number above zero.
    """
    for _ in range(int(calls)):
        cpu, wall = time.process_time(), time.perf_counter()
        values = {"ours": ours, "peer": peer}[side](work, store)
        used = {"cpu_s": time.process_time() - cpu, "wall_s": time.perf_counter() - wall}
    import numpy as np

    np.savez(out, **values)
    print(json.dumps(used))


if __name__ == "__main__":
    main(*sys.argv[1:])
