"""
The programs of the rows "full read": a repository of ours and a plain Zarr store of the same values and chunks.

Run as a script by either environment, so nothing but the standard library is imported at the top::

    python -P benchmarks/full_read.py ours|defaults|peer STORE OUT.npy CALLS

Prints the CPU and wall seconds of the last call as JSON; with two calls that is the warm one. A call opens the store,
builds the graph and takes xarray's own mean of everything on Dask's threads. ``ours`` has the peer's blocks, one chunk
each, so that only the store differs; ``defaults`` has the larger blocks of `open_dataset` unless told otherwise.
"""

import json
import sys
import time
from typing import Any

__all__ = ["defaults", "main", "ours", "peer"]


def defaults(store: str) -> Any:
    """
    Mean of everything in a repository, in blocks of `options.block_bytes`.

    Parameters
    ----------
    store : str
        Path of the repository.

    Returns
    -------
    numpy.ndarray, shape ()
        Mean, degC.
    """
    from oceandata.storage import open_dataset

    return open_dataset(store)["sst"].mean(dtype="float64").compute().to_numpy()


def ours(store: str) -> Any:
    """
    Mean of everything in a repository, in blocks of one chunk.

    Parameters
    ----------
    store : str
        Path of the repository.

    Returns
    -------
    numpy.ndarray, shape ()
        Mean, degC.
    """
    from oceandata.storage import open_dataset

    return open_dataset(store, chunks={})["sst"].mean(dtype="float64").compute().to_numpy()


def peer(store: str) -> Any:
    """
    Mean of everything in a plain Zarr store.

    Parameters
    ----------
    store : str
        Path of the store.

    Returns
    -------
    numpy.ndarray, shape ()
        Mean, degC.
    """
    import xarray as xr

    return xr.open_zarr(store)["sst"].mean(dtype="float64").compute().to_numpy()


def main(side: str, store: str, out: str, calls: str) -> None:
    """
    Run one side, save its result and print the time of its last call.

    Parameters
    ----------
    side : {"ours", "defaults", "peer"}
        Which program.
    store : str
        Path of its store.
    out : str
        Where the result goes, a ``.npy`` file.
    calls : str
        How often to call, a whole number above zero.
    """
    for _ in range(int(calls)):
        cpu, wall = time.process_time(), time.perf_counter()
        values = {"ours": ours, "defaults": defaults, "peer": peer}[side](store)
        used = {"cpu_s": time.process_time() - cpu, "wall_s": time.perf_counter() - wall}
    import numpy as np

    np.save(out, values)
    print(json.dumps(used))


if __name__ == "__main__":
    main(*sys.argv[1:])
