"""
The programs of the rows "job beside …": the mean over time of a plain Zarr store as a job, as one Dask graph, by Cubed.

Run as a script by either environment, so nothing but the standard library is imported at the top::

    python -P benchmarks/job_peers.py ours|graph|cubed STORE OUT.npy

Each takes two processes. What is saved are the means of the cells that have one, in the order of the map.
"""

import sys
import tempfile
from pathlib import Path
from typing import Any

__all__ = ["by_cubed", "by_graph", "by_job", "main"]

_WORKERS = 2


def by_job(store: str) -> Any:
    """
    Mean over time as a job, with its ledger and its report.

    Parameters
    ----------
    store : str
        Path of the store.

    Returns
    -------
    numpy.ndarray, shape (lat, lon)
        Mean, degC.
    """
    import xarray as xr
    import yaml

    from oceandata import catalog
    from oceandata.batch import load_job, run_job
    from oceandata.entities import Entry

    with tempfile.TemporaryDirectory() as folder:
        asset = {"href": store, "type": "application/vnd+zarr", "group": ""}
        entry = {"id": "maps", "title": "maps", "license": "CC0-1.0", "extent": {}, "variables": {}}
        catalog.register_entry(Path(folder) / "catalog.yaml", Entry.model_validate(entry | {"assets": {"maps": asset}}))
        document = {
            "schema": "oceandata.job/1",
            "name": "mean",
            "input": {"catalog": "catalog.yaml", "entry": "maps", "variable": "sst"},
            "routine": "mean",
            "arguments": {"dim": "time"},
            "output": "mean.nc",
            "resources": {"workers": _WORKERS},
        }
        path = Path(folder) / "mean.yaml"
        path.write_text(yaml.safe_dump(document), "utf-8")
        job = load_job(path)
        report = run_job(job, scheduler="local", canary=False)
        if report.code:
            raise RuntimeError(report.message)
        with xr.open_dataset(job.target) as ds:
            return ds["sst"].to_numpy()


def by_graph(store: str) -> Any:
    """
    Mean over time as one graph of plain xarray on Dask's processes.

    Parameters
    ----------
    store : str
        Path of the store.

    Returns
    -------
    numpy.ndarray, shape (lat, lon)
        Mean, degC.
    """
    import distributed
    import xarray as xr

    with (
        distributed.LocalCluster(n_workers=_WORKERS, threads_per_worker=1, dashboard_address="127.0.0.1:0") as cluster,  # type: ignore[no-untyped-call]
        distributed.Client(cluster),  # type: ignore[no-untyped-call]
    ):
        return xr.open_zarr(store)["sst"].mean("time", dtype="float64").compute().to_numpy()


def by_cubed(store: str) -> Any:
    """
    Mean over time by Cubed on processes.

    Parameters
    ----------
    store : str
        Path of the store.

    Returns
    -------
    numpy.ndarray, shape (lat, lon)
        Mean, degC.
    """
    import cubed  # type: ignore[import-not-found]
    import cubed.array_api as xp  # type: ignore[import-not-found]

    with tempfile.TemporaryDirectory() as folder:
        options = {"max_workers": _WORKERS}
        spec = cubed.Spec(
            work_dir=folder,
            allowed_mem="1GB",
            reserved_mem="200MB",
            executor_name="processes",
            executor_options=options,
        )
        maps = cubed.from_zarr(store, path="sst", spec=spec)
        return xp.mean(xp.astype(maps, xp.float64), axis=0).compute()


def main(side: str, store: str, out: str) -> None:
    """
    Run one side and save its result.

    Parameters
    ----------
    side : {"ours", "graph", "cubed"}
        Which program.
    store : str
        Path of the store.
    out : str
        Where the result goes, a ``.npy`` file.
    """
    values = {"ours": by_job, "graph": by_graph, "cubed": by_cubed}[side](store)
    import numpy as np

    np.save(out, values[np.isfinite(values)])


if __name__ == "__main__":
    if sys.argv[1] == "ours":
        sys.path.insert(0, str(Path(__file__).parents[1]))
    main(*sys.argv[1:])
