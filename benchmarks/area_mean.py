"""
The programs of the row "area mean": ours and plain xarray, the same store and the same result.

Run as a script by either environment, so nothing but the standard library is imported at the top::

    python -P benchmarks/area_mean.py ours|peer STORE OUT.npy CALLS

Prints the CPU and wall seconds of the last call as JSON; with two calls that is the warm one. A call opens the store,
builds the graph and computes.
"""

import json
import sys
import time
from typing import Any

__all__ = ["main", "ours", "peer"]


def ours(store: str) -> Any:
    """
    Area mean by oceandata.

    Parameters
    ----------
    store : str
        Path of the repository.

    Returns
    -------
    numpy.ndarray, shape (time,)
        Mean of each day, degC.
    """
    from oceandata.analysis import area_mean
    from oceandata.storage import open_dataset

    return area_mean(open_dataset(store, group="maps", chunks={})["sst"]).compute().to_numpy()


def peer(store: str) -> Any:
    """
    Area mean by plain icechunk, xarray and Dask's threads.

    Parameters
    ----------
    store : str
        Path of the repository.

    Returns
    -------
    numpy.ndarray, shape (time,)
        Mean of each day, degC.
    """
    import icechunk
    import numpy as np
    import xarray as xr

    icechunk.set_logs_filter("error")
    repository = icechunk.Repository.open(icechunk.local_filesystem_storage(store))
    session = repository.readonly_session("main")
    ds = xr.open_dataset(session.store, engine="zarr", group="maps", consolidated=False, chunks={})  # type: ignore[arg-type]
    weights: xr.DataArray = np.cos(np.radians(ds["lat"]))  # type: ignore[assignment]
    return ds["sst"].weighted(weights).mean(("lat", "lon")).compute().to_numpy()


def main(side: str, store: str, out: str, calls: str) -> None:
    """
    Run one side, save its result and print the time of its last call.

    Parameters
    ----------
    side : {"ours", "peer"}
        Which program.
    store : str
        Path of the repository.
    out : str
        Where the result goes, a ``.npy`` file.
    calls : str
        How often to call, a whole number above zero.
    """
    for _ in range(int(calls)):
        cpu, wall = time.process_time(), time.perf_counter()
        values = {"ours": ours, "peer": peer}[side](store)
        used = {"cpu_s": time.process_time() - cpu, "wall_s": time.perf_counter() - wall}
    import numpy as np

    np.save(out, values)
    print(json.dumps(used))


if __name__ == "__main__":
    main(*sys.argv[1:])
