"""
The programs of the row "metering": the same analysis with what stores serve counted, and with nothing counted.

Run as a script, so nothing but the standard library is imported at the top::

    python -P benchmarks/metering.py on|off STORE OUT.npy CALLS

Prints the CPU and wall seconds of the last call as JSON; with two calls that is the warm one. A call opens the
repository in blocks of one chunk and takes xarray's mean of everything. ``on`` meters it against its lineage; ``off``
reads from the very same store with the counting taken out, and asks for no lineage.
"""

import json
import sys
import time
from typing import Any

__all__ = ["main", "off", "on"]


def on(store: str) -> Any:
    """
    Mean of everything in a repository, metered.

    Parameters
    ----------
    store : str
        Path of the repository.

    Returns
    -------
    numpy.ndarray, shape ()
        Mean, degC.

    Raises
    ------
    RuntimeError
        If what was served is not what the lineage says.
    """
    from oceandata.storage import open_dataset
    from oceandata.trade import lineage, metering

    result = open_dataset(store, chunks={})["sst"].mean(dtype="float64")
    with metering(lineage(result)) as usage:
        made = result.compute().to_numpy()
    if not usage.matches or not usage.unique_bytes:
        msg = f"metering is wrong: {usage}"
        raise RuntimeError(msg)
    return made


def off(store: str) -> Any:
    """
    Mean of everything in a repository, with no read counted.

    Parameters
    ----------
    store : str
        Path of the repository.

    Returns
    -------
    numpy.ndarray, shape ()
        Mean, degC.
    """
    from oceandata.storage import CountingStore, open_dataset

    counting = CountingStore._count
    CountingStore._count = lambda *_: None  # type: ignore[method-assign]
    try:
        return open_dataset(store, chunks={})["sst"].mean(dtype="float64").compute().to_numpy()
    finally:
        CountingStore._count = counting  # type: ignore[method-assign]


def main(side: str, store: str, out: str, calls: str) -> None:
    """
    Run one side, save its result and print the time of its last call.

    Parameters
    ----------
    side : {"on", "off"}
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
        values = {"on": on, "off": off}[side](store)
        used = {"cpu_s": time.process_time() - cpu, "wall_s": time.perf_counter() - wall}
    import numpy as np

    np.save(out, values)
    print(json.dumps(used))


if __name__ == "__main__":
    main(*sys.argv[1:])
