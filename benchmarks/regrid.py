"""
The area ``regrid``: daily maps from one degree to four by area, against xarray's coarsen and CDO's remapcon.

Twenty years of `benchmarks.analysis.daily_maps`. Ours and xarray read our layout for maps; CDO reads the same values in
an uncompressed NetCDF file, which it is best at. Also the programs of ours and xarray, so nothing but the standard
library is imported at the top::

    python -P benchmarks/regrid.py ours|peer STORE OUT CALLS

Prints the CPU and wall seconds of the last call as JSON. A call opens the data, takes the area-weighted mean of the
valid cells in each coarse cell, and computes all maps.
"""

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from benchmarks.work import Work

__all__ = ["check_maps", "main", "ours", "peer", "works", "write_netcdf"]

_FACTOR = 4

#: Folder of the field that the area ``analysis`` is measured on.


#: Largest difference allowed between two maps, K: sums of sixteen values of some 20 degC in float64.
_TOLERANCE_K = 1e-9

_TARGET = """gridtype = lonlat
xsize = {columns}
ysize = {rows}
xfirst = {half}
xinc = {step}
yfirst = {south}
yinc = {step}
"""


def _open(store: str) -> Any:
    """The field, lazy, without oceandata."""
    import icechunk
    import xarray as xr

    icechunk.set_logs_filter("error")
    session = icechunk.Repository.open(icechunk.local_filesystem_storage(store)).readonly_session("main")
    return xr.open_dataset(session.store, engine="zarr", group="maps", consolidated=False, chunks={})["sst"]  # type: ignore[arg-type]


def ours(store: str) -> Any:
    """
    Coarse maps by oceandata.

    Parameters
    ----------
    store : str
        Path of the repository.

    Returns
    -------
    numpy.ndarray, shape (time, 45, 90)
        Degrees Celsius.
    """
    from oceandata.analysis import regrid
    from oceandata.storage import open_dataset

    ds = open_dataset(store, group="maps", chunks={})
    return regrid(ds["sst"], (_FACTOR, _FACTOR), "conservative", skipna=True).compute().to_numpy()


def peer(store: str) -> Any:
    """
    Coarse maps by plain xarray and Dask's threads.

    Parameters
    ----------
    store : str
        Path of the repository.

    Returns
    -------
    numpy.ndarray, shape (time, 45, 90)
        Degrees Celsius.
    """
    import numpy as np

    sst = _open(store)
    half = (sst["lat"][1] - sst["lat"][0]) / 2
    heights = np.sin(np.radians(sst["lat"] + half)) - np.sin(np.radians(sst["lat"] - half))
    blocks = {"lat": _FACTOR, "lon": _FACTOR}
    sums = (sst * heights).coarsen(blocks).sum()
    weights = (sst.notnull() * heights).coarsen(blocks).sum()
    return (sums / weights.where(weights > 0)).compute().to_numpy()


def write_netcdf(store: Path, place: Path) -> None:
    """
    Write the field as CDO reads it best, with the description of the coarse grid beside it, if it is not there yet.

    Parameters
    ----------
    store : pathlib.Path
        The repository.
    place : pathlib.Path
        Of the file.
    """
    sst = _open(str(store))
    rows, columns = (sst.sizes[dim] // _FACTOR for dim in ("lat", "lon"))
    step = 360 / columns
    text = _TARGET.format(columns=columns, rows=rows, step=step, half=step / 2, south=-90 + step / 2)
    place.with_suffix(".grid").write_text(text, encoding="utf-8")
    if place.exists():
        return
    unfinished = place.with_name(f"{place.name}.unfinished")
    dataset = sst.drop_attrs(deep=False).to_dataset()
    for variable in dataset.variables.values():
        variable.encoding.clear()
    dataset.to_netcdf(unfinished, format="NETCDF3_64BIT")
    unfinished.rename(place)


def _maps(path: Path) -> Any:
    """Result of a program: a ``.npy`` file, or the NetCDF file of CDO."""
    import numpy as np
    import xarray as xr

    if path.suffix == ".npy":
        return np.load(path)
    with xr.open_dataset(path) as dataset:
        return dataset["sst"].to_numpy()


def check_maps(first: Path, second: Path) -> str:
    """
    Compare the results of both sides.

    Parameters
    ----------
    first, second : pathlib.Path
        The files of ours and the peer.

    Returns
    -------
    str
        The largest difference, for the row.

    Raises
    ------
    OceanDataError
        If they differ by more than 1e-9 K anywhere, or in shape, or in what is missing.
    """
    import numpy as np

    from oceandata.errors import OceanDataError

    one, two = _maps(first), _maps(second)
    if one.shape != two.shape or not (np.isnan(one) == np.isnan(two)).all():
        msg = f"the maps differ in shape or in what is missing: ours {one.shape}, peer {two.shape}. No row was written."
        raise OceanDataError(msg)
    largest = float(np.nanmax(np.abs(one - two)))
    if not largest <= _TOLERANCE_K:
        msg = f"the maps differ by {largest:.3g} K, need {_TOLERANCE_K:g} K at most. No row was written."
        raise OceanDataError(msg)
    return f"{largest:.1e} K"


def works(peer_python: Path, folder: Path) -> "list[Work]":
    """
    The rows of this area; nothing is run or written.

    Parameters
    ----------
    peer_python : pathlib.Path
        Interpreter of the peers' environment.
    folder : pathlib.Path
        Cache folder for fields and results.

    Returns
    -------
    list of Work
        One for each peer.
    """
    from benchmarks.fields import FIELD, write_field
    from benchmarks.work import Goal, Program, Work

    store, file = folder / FIELD, folder / "sst-maps.nc"
    results = {side: folder / f"regrid-{side}.npy" for side in ("ours", "peer")} | {"cdo": folder / "regrid-cdo.nc"}

    def program(side: str, python: Path, name: str, packages: tuple[str, ...]) -> Program:
        argv = (str(python), "-P", str(Path(__file__)), side, str(store), str(results[side]))
        return Program(name, (*argv, "1"), (*argv, "2"), packages)

    mine = program("ours", Path(sys.executable), "oceandata", ("oceandata-exchange",))
    plain = program("peer", peer_python, "plain xarray", ("xarray", "dask", "zarr", "icechunk"))
    grid = f"remapcon,{file.with_suffix('.grid')}"
    remapcon = Program("CDO remapcon", ("cdo", "-s", "-b", "F64", grid, str(file), str(results["cdo"])))

    def prepare() -> None:
        write_field(store)
        write_netcdf(store, file)

    return [
        Work(
            name="conservative to 4 degrees",
            text="area-weighted maps of 4 degrees, 7305 x 180 x 360 float32, 0.7 GB of compressed maps for both",
            ours=mine,
            peer=plain,
            goal=Goal(whole=0.25, warm=0.25),
            prepare=lambda: write_field(store),
            agree=lambda: check_maps(results["ours"], results["peer"]),
        ),
        Work(
            name="conservative to 4 degrees, CDO",
            text="the same; 0.7 GB of compressed maps for ours, 1.9 GB of NetCDF without compression for CDO",
            ours=mine,
            peer=remapcon,
            goal=Goal(whole=0.25),
            prepare=prepare,
            agree=lambda: check_maps(results["ours"], results["cdo"]),
        ),
    ]


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
