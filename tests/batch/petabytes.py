"""Plan a job on fifty petabytes of which only the metadata exist; prints time, memory and partitions as JSON."""

import json
import sys
import time
from pathlib import Path

import numpy as np
import yaml
import zarr

from oceandata.batch import load_job, plan_job
from oceandata.batch.canary import peak_memory, reset_peak

SHAPE = (39_000, 500, 18_000, 36_000)
CHUNKS = (10, 25, 500, 500)


def make(folder: Path) -> Path:
    """Plain Zarr and its catalogue."""
    top = zarr.open_group(folder / "big.zarr", mode="w")
    names = ("time", "depth", "lat", "lon")
    field = top.create_array("thetao", shape=SHAPE, chunks=CHUNKS, dtype="f4", fill_value=np.nan, dimension_names=names)
    field.attrs.update({"units": "degC", "standard_name": "sea_water_potential_temperature"})
    units = {"time": "days since 1900-01-01", "depth": "m", "lat": "degrees_north", "lon": "degrees_east"}
    steps = {"time": (0.0, 1.0), "depth": (0.0, 10.0), "lat": (-89.995, 0.01), "lon": (0.005, 0.01)}
    standard = {"time": "time", "depth": "depth", "lat": "latitude", "lon": "longitude"}
    for name, size in zip(names, SHAPE, strict=True):
        first, step = steps[name]
        label = top.create_array(name, shape=(size,), chunks=(size,), dtype="f8", dimension_names=(name,))
        label[:] = first + step * np.arange(size)
        label.attrs.update({"units": units[name], "standard_name": standard[name]})
    top["depth"].attrs["positive"] = "down"
    variable = {"dimensions": names, "shape": SHAPE, "chunks": CHUNKS, "dtype": "float32", "units": "degC"}
    entry = {
        "id": "big",
        "title": "fifty petabytes",
        "license": "CC0-1.0",
        "extent": {},
        "variables": {"thetao": json.loads(json.dumps(variable))},
        "assets": {"maps": {"href": str(folder / "big.zarr"), "type": "application/vnd+zarr", "group": ""}},
    }
    from oceandata import catalog
    from oceandata.entities import Entry

    catalog.register_entry(folder / "catalog.yaml", Entry.from_json(entry))
    job = {
        "schema": "oceandata.job/1",
        "name": "big",
        "input": {
            "catalog": "catalog.yaml",
            "entry": "big",
            "blocks": dict(zip(names, (20, 50, 500, 500), strict=True)),
        },
        "routine": "mean",
        "arguments": {"dim": "time"},
        "output": "big.nc",
    }
    path = folder / "big.yaml"
    path.write_text(yaml.safe_dump(job))
    return path


def main(folder: Path) -> None:
    """Time the plan alone; libraries are imported before."""
    import dask.array  # noqa: F401

    from oceandata import analysis

    assert analysis.mean is not None
    path = make(folder)
    reset_peak()
    before, begun = peak_memory(), time.perf_counter()
    plan = plan_job(load_job(path), canary=False)
    seconds = time.perf_counter() - begun
    document = plan.to_json()
    told = {
        name: document[name] for name in ("unique_bytes", "gross_bytes", "partitions", "peak_bytes", "needed_bytes")
    }
    print(json.dumps(told | {"seconds": seconds, "grown_bytes": peak_memory() - before}))  # noqa: T201


if __name__ == "__main__":
    main(Path(sys.argv[1]))
