"""
The rows on empirical orthogonal functions: five modes of five years at two degrees, against xeofs and eofs.

The peers read NetCDF without compression, ours the same values in our layout for series. Also the programs of all
sides, so nothing but the standard library is imported at the top::

    python -P benchmarks/modes.py ours|xeofs|eofs FOLDER OUT.npz CALLS

Prints the CPU and wall seconds of the last call as JSON. A call opens the data and computes modes and series.
"""

import json
import shutil
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from benchmarks.work import Work

__all__ = ["check_modes", "eofs", "main", "ours", "works", "write_fields", "xeofs"]

_DAYS, _MODES = 1826, 5

#: Largest difference of an eigenvalue, relative.
_TOLERANCE = 1e-4


def write_fields(folder: Path) -> None:
    """
    Write five years of daily maps at two degrees in both formats, if they are not there yet; land but no gaps.

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
    maps = np.concatenate([block[:, ::2, ::2] for _, block in daily_maps(_DAYS, 366)])
    coords = {
        "time": np.datetime64("2000-01-01", "ns") + np.arange(_DAYS).astype("m8[D]"),
        "lat": ("lat", np.arange(0, 180, 2) - 89.5, {"units": "degrees_north", "standard_name": "latitude"}),
        "lon": ("lon", np.arange(0, 360, 2) + 0.5, {"units": "degrees_east", "standard_name": "longitude"}),
    }
    attrs = {"units": "degC", "standard_name": "sea_surface_temperature"}
    sst = xr.Dataset({"sst": xr.DataArray(maps, coords, ["time", "lat", "lon"], attrs=attrs)})
    sst.to_netcdf(unfinished / "sst.nc", format="NETCDF3_64BIT")
    storage.write_repository(storage.plan_ingest([unfinished / "sst.nc"], unfinished / "sst", access="series"))
    unfinished.rename(folder)


def ours(folder: Path) -> dict[str, Any]:
    """
    Modes by oceandata.

    Parameters
    ----------
    folder : pathlib.Path
        From `write_fields`.

    Returns
    -------
    dict of str to numpy.ndarray
        Shares of the variance, and series of unit variance, shape (5, time).
    """
    from oceandata.analysis import eof
    from oceandata.storage import open_dataset

    found = eof(open_dataset(folder / "sst", chunks={})["sst"], _MODES, weights="coslat").compute()
    return {"share": found["explained_variance"].to_numpy(), "series": found["pc"].to_numpy()}


def xeofs(folder: Path) -> dict[str, Any]:
    """
    The same by xeofs.

    Parameters
    ----------
    folder : pathlib.Path
        From `write_fields`.

    Returns
    -------
    dict of str to numpy.ndarray
        As `ours`.
    """
    import xarray as xr
    import xeofs as peer  # type: ignore[import-not-found]

    sst = xr.open_dataset(folder / "sst.nc")["sst"].astype("f8")
    model = peer.single.EOF(n_modes=_MODES, use_coslat=True)
    model.fit(sst, dim="time")
    series = model.scores(normalized=True).transpose("mode", "time").to_numpy()
    return {"share": model.explained_variance_ratio().to_numpy(), "series": series * (_DAYS - 1) ** 0.5}


def eofs(folder: Path) -> dict[str, Any]:
    """
    The same by eofs.

    Parameters
    ----------
    folder : pathlib.Path
        From `write_fields`.

    Returns
    -------
    dict of str to numpy.ndarray
        As `ours`.
    """
    import numpy as np
    import xarray as xr
    from eofs.xarray import Eof  # type: ignore[import-not-found]

    sst = xr.open_dataset(folder / "sst.nc")["sst"].astype("f8")
    weights = np.sqrt(np.cos(np.radians(sst["lat"].to_numpy())))[:, None]
    solver = Eof(sst, weights=weights)
    solver.eofs(neofs=_MODES)
    series = solver.pcs(npcs=_MODES, pcscaling=1).to_numpy().T
    return {"share": solver.varianceFraction(neigs=_MODES).to_numpy(), "series": series}


def check_modes(first: Path, second: Path) -> str:
    """
    Compare the modes of both sides.

    Parameters
    ----------
    first, second : pathlib.Path
        The ``.npz`` files.

    Returns
    -------
    str
        Largest relative difference of a share, and least correlation of two series.

    Raises
    ------
    OceanDataError
        If a share differs by more than 1e-4, or series are not the same but for the sign.
    """
    import numpy as np

    from oceandata.errors import OceanDataError

    one, two = np.load(first), np.load(second)
    apart = float(np.abs(one["share"] / two["share"] - 1).max())
    alike = min(abs(float(np.corrcoef(a, b)[0, 1])) for a, b in zip(one["series"], two["series"], strict=True))
    text = f"shares differ by {apart:.1e}, series correlate by {alike:.6f}"
    if not (apart <= _TOLERANCE and alike > 0.999):
        msg = f"the modes differ: {text}. No row was written."
        raise OceanDataError(msg)
    return text


def works(peer_python: Path, folder: Path) -> "list[Work]":
    """
    The rows on modes; nothing is run or written.

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
    from benchmarks.work import Goal, Program, Work

    field = folder / "modes-1"

    def program(side: str, python: Path, packages: tuple[str, ...]) -> Program:
        argv = (str(python), "-P", str(Path(__file__)), side, str(field), str(folder / f"modes-{side}.npz"))
        return Program("oceandata" if side == "ours" else side, (*argv, "1"), (*argv, "2"), packages)

    def row(side: str) -> Work:
        return Work(
            name=f"EOF, {side}",
            text="five modes of five years of days at two degrees, 1826 x 90 x 180 float32",
            ours=program("ours", Path(sys.executable), ("oceandata-exchange",)),
            peer=program(side, peer_python, (side, "xarray")),
            goal=Goal(whole=0.5, warm=0.3),
            prepare=lambda: write_fields(field),
            agree=lambda: check_modes(folder / "modes-ours.npz", folder / f"modes-{side}.npz"),
        )

    return [row("xeofs"), row("eofs")]


def main(side: str, folder: str, out: str, calls: str) -> None:
    """
    Run one side, save its results and print the time of its last call.

    Parameters
    ----------
    side : {"ours", "xeofs", "eofs"}
        Which program.
    folder : str
        From `write_fields`.
    out : str
        Where the results go, a ``.npz`` file.
    calls : str
        How often to call, a whole number above zero.
    """
    for _ in range(int(calls)):
        cpu, wall = time.process_time(), time.perf_counter()
        values = {"ours": ours, "xeofs": xeofs, "eofs": eofs}[side](Path(folder))
        used = {"cpu_s": time.process_time() - cpu, "wall_s": time.perf_counter() - wall}
    import numpy as np

    np.savez(out, **values)
    print(json.dumps(used))


if __name__ == "__main__":
    main(*sys.argv[1:])
