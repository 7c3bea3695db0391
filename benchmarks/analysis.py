"""The area ``analysis``: routines of oceandata.analysis against plain xarray."""

import dataclasses
import sys
from pathlib import Path

from benchmarks import lengths, modes
from benchmarks.agreement import check_means, check_operator, check_results
from benchmarks.everyday import WORKS
from benchmarks.fields import FIELD, write_field, write_netcdf
from benchmarks.limits import Trial
from benchmarks.work import Goal, Program, Work

__all__ = ["works"]

_PROGRAM = Path(__file__).with_name("area_mean.py")
_EVERYDAY = Path(__file__).with_name("everyday.py")
#: What was promised for each of them.
_GOALS = {
    "time mean": Goal(whole=0.8, warm=0.75),
    "climatology": Goal(whole=0.5, warm=0.3),
    "trend": Goal(whole=1.0, warm=0.45),
    "histogram": Goal(whole=1.0, warm=0.35),
    "bare read": Goal(whole=1.0, warm=0.8),
    "five fused": Goal(whole=1.0, warm=0.28),
}


def _everyday(peer_python: Path, folder: Path) -> list[Work]:
    """Rows of the everyday statistics, on the field with gaps."""
    field, file = folder / f"{FIELD}-clouds", folder / f"{FIELD}-clouds-filled.nc"
    packages = ("xarray", "dask", "flox", "xhistogram", "zarr", "icechunk")

    def results(name: str, side: str) -> Path:
        return folder / f"{name.replace(' ', '-')}-{side}.npz"

    def program(side: str, work: str, out: Path) -> Program:
        mine = side == "ours"
        python = sys.executable if mine else str(peer_python)
        argv = (python, "-P", str(_EVERYDAY), side, work, str(field), str(out))
        title = "oceandata" if mine else "plain xarray"
        return Program(title, (*argv, "1"), (*argv, "2"), ("oceandata-exchange",) if mine else packages)

    def row(work: str) -> Work:
        outs = {side: results(work, side) for side in ("ours", "peer")}
        return Work(
            name=work,
            text=f"{WORKS[work]}, 7305 x 180 x 360 float32 with clouds",
            ours=program("ours", work, outs["ours"]),
            peer=program("peer", work, outs["peer"]),
            goal=_GOALS[work],
            prepare=lambda: write_field(field, clouds=True),
            agree=lambda: check_results(outs["ours"], outs["peer"]),
        )

    def beside(work: str, base: str, goal: float) -> Work:
        return Work(
            name=f"{work} beside {base}",
            text=f"{WORKS[work]}; our own {base} for the peer",
            ours=program("ours", work, results(work, "ours")),
            peer=program("ours", base, results(base, "base")),
            goal=Goal(whole=goal, warm=goal),
            prepare=lambda: write_field(field, clouds=True),
            agree=lambda: "not compared",
        )

    def whole(work: str, name: str, argv: tuple[str, ...], out: Path, goal: float) -> Work:
        own = program("ours", work, results(work, "ours"))
        return Work(
            name=f"{work}, {name}",
            text=f"{WORKS[work]}, whole process; not compressed NetCDF (1.9 GB) for {name}",
            ours=dataclasses.replace(own, warm_argv=()),
            peer=Program(name, argv),
            goal=Goal(whole=goal),
            prepare=lambda: write_netcdf(field, file),
            agree=lambda: check_operator(results(work, "ours"), out),
        )

    out = folder / "operator.nc"
    cdo = ("cdo", "-s", "-O", "-b", "F64")
    return [
        *(row(work) for work in WORKS),
        beside("time mean", "bare read", 1.2),
        beside("climatology", "bare read", 1.2),
        beside("trend", "bare read", 1.4),
        beside("five fused", "trend", 1.25),
        whole("time mean", "CDO", (*cdo, "timmean", str(file), str(out)), out, 0.8),
        whole("climatology", "CDO", (*cdo, "ymonmean", str(file), str(out)), out, 0.5),
        whole("time mean", "NCO", ("ncra", "-O", "-v", "sst", "--dbl", str(file), str(out)), out, 0.8),
    ]


def works(peer_python: Path, folder: Path) -> list[Work | Trial]:
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
    list of Work or Trial
        One for each row.
    """
    field = folder / FIELD
    results = {side: folder / f"area-mean-{side}.npy" for side in ("ours", "peer")}

    def program(side: str, python: Path, name: str, packages: tuple[str, ...]) -> Program:
        argv = (str(python), "-P", str(_PROGRAM), side, str(field), str(results[side]))
        return Program(name, (*argv, "1"), (*argv, "2"), packages)

    return [
        Work(
            name="area mean",
            text="area-weighted mean of each day, 7305 x 180 x 360 float32",
            ours=program("ours", Path(sys.executable), "oceandata", ("oceandata-exchange",)),
            peer=program("peer", peer_python, "plain xarray", ("xarray", "dask", "zarr", "icechunk")),
            goal=Goal(whole=1.0, warm=0.9),
            prepare=lambda: write_field(field),
            agree=lambda: check_means(results["ours"], results["peer"]),
        ),
        *_everyday(peer_python, folder),
        *modes.works(peer_python, folder),
        *lengths.trials(sys.executable, folder),
    ]
