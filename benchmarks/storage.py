"""The area ``storage``: ingest and reading against plain xarray, and what has absolute limits."""

import functools
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from benchmarks.agreement import check_means
from benchmarks.harness import measure
from benchmarks.limits import Limits, Trial
from benchmarks.moving import write_ingested, write_years
from benchmarks.references import write_references
from benchmarks.soundness import write_files
from benchmarks.work import Goal, Program, Work
from oceandata.errors import OceanDataError
from oceandata.storage import open_dataset

__all__ = ["check_equal", "prepare_read", "works"]

_HERE = Path(__file__).parent
_PEERS = ("xarray", "dask", "zarr", "netCDF4")
_DAYS = 6 * 365

# Days of the fields on which memory is measured: 20 MB, 200 MB and 2 GB decoded.
_MEMORY_DAYS = (77, 770, 7700)

# What ingest may hold beside the libraries, as `write_repository` states.
_INGEST_MB = 256.0

# What a layout may hold: the smallest round budget that the chunks of 4 MB leave room in.
_LAYOUT_BYTES = 200_000_000

# Maps of 100 chunks: a million references and ten millions.
_REFERENCE_STEPS = (10_000, 100_000)


def _ours(script: str, *arguments: object) -> Program:
    argv = (sys.executable, "-P", str(_HERE / script), *map(str, arguments))
    return Program("oceandata", argv, (), ("oceandata-exchange",))


def check_equal(repository: Path, plain: Path) -> str:
    """
    Compare what both ingests wrote.

    Parameters
    ----------
    repository : pathlib.Path
        Ours.
    plain : pathlib.Path
        The peer's Zarr store.

    Returns
    -------
    str
        That they are equal, for the row.

    Raises
    ------
    OceanDataError
        If names, sizes, coordinates or any value differ; two missing values are equal.
    """
    with open_dataset(repository, chunks=None) as one, xr.open_zarr(plain, chunks=None) as two:
        if set(one.variables) != set(two.variables) or dict(one.sizes) != dict(two.sizes):
            msg = f"both sides wrote different datasets: ours {dict(one.sizes)}, peer {dict(two.sizes)}."
            raise OceanDataError(msg)
        for name in map(str, one.variables):
            if not _equal(one[name], two[name]):
                msg = f"the values of {name!r} differ between ours and the peer. No row was written."
                raise OceanDataError(msg)
    return "equal"


def _equal(one: xr.DataArray, two: xr.DataArray) -> bool:
    """Whether two variables have equal values, compared a hundred steps at a time."""
    dim = one.dims[0]
    floating = one.dtype.kind == "f"
    for start in range(0, one.sizes[dim], 100):
        part = {dim: slice(start, start + 100)}
        if not np.array_equal(one.isel(part).to_numpy(), two.isel(part).to_numpy(), equal_nan=floating):
            return False
    return True


def _remove(*places: Path) -> None:
    for place in places:
        shutil.rmtree(place, ignore_errors=True)


def _ingest(peer_python: Path, folder: Path) -> Work:
    """Six yearly files, ours and plain xarray."""
    years = folder / f"years-{_DAYS}"
    outs = {side: folder / f"ingest-{side}" for side in ("ours", "peer")}
    peer_argv = (str(peer_python), "-P", str(_HERE / "ingest.py"), "peer", str(years), str(outs["peer"]))
    return Work(
        name="ingest",
        text="six yearly NetCDF files of 365 x 180 x 360 float32, 568 MB, written in chunks of 15 maps",
        ours=_ours("ingest.py", "ours", years, outs["ours"]),
        peer=Program("plain xarray, to_zarr", peer_argv, (), _PEERS),
        goal=Goal(whole=1.6),
        prepare=lambda: write_years(years, _DAYS),
        agree=lambda: check_equal(outs["ours"], outs["peer"]),
        clear=lambda: _remove(*outs.values()),
    )


def prepare_read(stores: dict[str, Path], years: Path, peer_python: Path) -> None:
    """
    Make the same values in a repository and in plain Zarr, where they are not there yet.

    Parameters
    ----------
    stores : dict of str to pathlib.Path
        The repository ``ours``, and the plain store ``peer``.
    years : pathlib.Path
        Folder of the files.
    peer_python : pathlib.Path
        Interpreter of the peers, which writes the plain store.
    """
    write_years(years, _DAYS)
    write_ingested(stores["ours"], years)
    if not stores["peer"].exists():
        unfinished = stores["peer"].with_name(f"{stores['peer'].name}.unfinished")
        _remove(unfinished)
        measure((str(peer_python), "-P", str(_HERE / "ingest.py"), "peer", str(years), str(unfinished)))
        unfinished.rename(stores["peer"])


def _full_reads(peer_python: Path, folder: Path) -> list[Work]:
    """Mean of everything, from a repository and from a plain store."""
    years = folder / f"years-{_DAYS}"
    stores = {"ours": folder / f"repository-{_DAYS}", "peer": folder / f"plain-{_DAYS}"}
    results = {side: folder / f"full-read-{side}.npy" for side in ("ours", "defaults", "peer")}

    def program(side: str, python: Path, name: str, packages: tuple[str, ...]) -> Program:
        store = stores["peer" if side == "peer" else "ours"]
        argv = (str(python), "-P", str(_HERE / "full_read.py"), side, str(store), str(results[side]))
        return Program(name, (*argv, "1"), (*argv, "2"), packages)

    def work(name: str, text: str, side: str) -> Work:
        return Work(
            name=name,
            text=f"xarray's mean of everything, 2190 x 180 x 360 float32 in chunks of 15 maps, {text}",
            ours=program(side, Path(sys.executable), "oceandata", ("oceandata-exchange",)),
            peer=program("peer", peer_python, "plain xarray, open_zarr", _PEERS[:-1]),
            goal=Goal(whole=1.25, warm=1.25),
            prepare=lambda: prepare_read(stores, years, peer_python),
            agree=lambda: check_means(results[side], results["peer"]),
        )

    return [
        work("full read", "the same blocks on both sides", "ours"),
        work("full read by default", "in the blocks that each side makes unless told otherwise", "defaults"),
    ]


def _inspections(folder: Path) -> list[Trial]:
    """A thousand small files."""
    files = folder / "inspect-1000"
    read = {"headers": "headers and coordinates", "values": "with a sample of the values"}
    return [
        Trial(
            name=f"inspect {depth}",
            text=f"1000 small files of 12 kinds, a third of them broken, {what}",
            program=_ours("alone.py", "soundness", "inspect_all", files, depth),
            limits=Limits(wall_s=30),
            prepare=lambda: write_files(files, 1000),
        )
        for depth, what in read.items()
    ]


def _references(folder: Path, steps: int) -> list[Trial]:
    """What is done with a repository of many references."""
    place = folder / f"references-{steps}"
    count = f"{steps * 100:,}"
    kinds: list[tuple[str, tuple[object, ...], str, Limits]] = [
        ("open", ("open_step", place, steps), "open and read one map of 100 chunks", Limits(wall_s=2, peak_mb=300)),
        ("append", ("append_step", place, steps), "append one map, as a new revision", Limits()),
        ("verify", ("verify_leaves", place, steps), "read the leaf list, compute the content root, compare", Limits()),
        ("collect", ("collect", place), "collect the garbage of the commits that made it", Limits()),
    ]
    return [
        Trial(
            name=f"{name} {count} references",
            text=text,
            program=_ours("alone.py", "references", *arguments),
            limits=limits,
            prepare=lambda: write_references(place, steps),
        )
        for name, arguments, text, limits in kinds
    ]


def _prepare_layout(place: Path, files: Path, days: int) -> None:
    write_years(files, days)
    write_ingested(place, files)


def _memory(folder: Path, days: int) -> list[Trial]:
    """Ingest and rechunking of one size."""
    files, place = folder / f"years-{days}", folder / f"repository-{days}"
    size = f"{days * 259_200 / 1e6:,.0f} MB"
    prepare: Any = functools.partial(_prepare_layout, place, files, days)
    return [
        Trial(
            name=f"ingest memory {size}",
            text=f"{days} maps from yearly files into a repository",
            program=_ours("alone.py", "moving", "ingest_files", files),
            limits=Limits(growth_mb=_INGEST_MB),
            prepare=lambda: write_years(files, days),
        ),
        Trial(
            name=f"layout memory {size}",
            text=f"{days} maps from chunks for maps into chunks for series, memory_bytes={_LAYOUT_BYTES:,}",
            program=_ours("alone.py", "moving", "rechunk", place, _LAYOUT_BYTES),
            limits=Limits(growth_mb=_LAYOUT_BYTES / 1e6),
            prepare=prepare,
        ),
    ]


def works(peer_python: Path, folder: Path) -> list[Work | Trial]:
    """
    The rows of this area; nothing is run or written.

    Parameters
    ----------
    peer_python : pathlib.Path
        Interpreter of the peers' environment.
    folder : pathlib.Path
        Cache folder for files, repositories and results; about 6 GB.

    Returns
    -------
    list of Work or Trial
        One for each row.
    """
    return [
        _ingest(peer_python, folder),
        *_full_reads(peer_python, folder),
        *_inspections(folder),
        *(trial for steps in _REFERENCE_STEPS for trial in _references(folder, steps)),
        *(trial for days in _MEMORY_DAYS for trial in _memory(folder, days)),
    ]
