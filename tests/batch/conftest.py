"""A dataset of 48 maps, one a chunk, in a catalogue; jobs on it; and what plain lazy xarray makes of it."""

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import xarray as xr
import yaml

from oceandata import analysis, catalog, storage
from oceandata.batch import Job, load_job
from tests.batch.chaos import SITE


class Holding(NamedTuple):
    """A catalogue of one entry, ``sst``, and its repository."""

    catalog: Path
    repository: Path

    def open(self) -> xr.DataArray:
        return catalog.open_catalog(self.catalog).open("sst")["sst"]


def write_months(path: Path, steps: int, *, start: int = 0) -> Path:
    """Months of a field with land and gaps, in a file."""
    random = np.random.default_rng(7)
    values = random.normal(293, 3, (600, 18, 24)).astype("f4")[start : start + steps]
    values[:, :2, :2] = np.nan
    values[random.random(values.shape) < 0.1 * (np.arange(24) > 18)] = np.nan
    coords = {
        "time": (np.datetime64("1980-01", "M") + np.arange(start, start + steps)).astype("datetime64[ns]"),
        "lat": ("lat", np.arange(-26.0, 28, 3), {"units": "degrees_north", "standard_name": "latitude"}),
        "lon": ("lon", np.arange(5.0, 245, 10), {"units": "degrees_east", "standard_name": "longitude"}),
    }
    attributes = {"units": "K", "standard_name": "sea_surface_temperature"}
    field = xr.DataArray(values, coords, ["time", "lat", "lon"], attrs=attributes)
    field.to_dataset(name="sst").to_netcdf(path, encoding={"time": {"units": "days since 1970-01-01"}})
    return path


def make_holding(folder: Path, steps: int = 48) -> Holding:
    """A repository in a catalogue."""
    file, url = write_months(folder / "sst.nc", steps), folder / "sst"
    summary = storage.write_repository(storage.plan_ingest([file], url, chunk_bytes=2000))
    overlay = catalog.Overlay(title="sea surface temperature", license="CC-BY-4.0")
    catalog.register_entry(folder / "catalog.yaml", catalog.draft_entry(summary, overlay, name="sst"))
    return Holding(folder / "catalog.yaml", url)


@pytest.fixture(scope="session")
def holding(tmp_path_factory: pytest.TempPathFactory) -> Holding:
    """Read only; whoever changes it makes one of their own."""
    return make_holding(tmp_path_factory.mktemp("holding"))


#: Blocks of six maps, cut in space too, and partitions as small as they can be.
BLOCKS = {"time": 6, "lat": 9, "lon": 12}
SMALL = {"partition_s": 1e-6, "workers": 2}

Write = Callable[..., Path]
Make = Callable[..., Job]


@pytest.fixture
def write_job(holding: Holding, tmp_path: Path) -> Write:
    """Write the document of a job into an empty folder."""

    def written(name: str = "job", *, of: Holding = holding, **changes: Any) -> Path:
        document: dict[str, Any] = {
            "schema": "oceandata.job/1",
            "name": name,
            "input": {"catalog": str(of.catalog), "entry": "sst", "blocks": BLOCKS},
            "routine": "trend",
            "output": f"{name}.nc",
            "resources": SMALL,
        }
        document |= changes
        path = tmp_path / f"{name}.yaml"
        path.write_text(yaml.safe_dump({key: value for key, value in document.items() if value is not None}))
        return path

    return written


@pytest.fixture
def make_job(write_job: Write) -> Make:
    """A job, read from its document."""
    return lambda *args, **changes: load_job(write_job(*args, **changes))


@pytest.fixture
def chaos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Folder that tells partitions in whatever process what to do, and in which they count themselves."""
    folder = tmp_path / "chaos"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(SITE)
    monkeypatch.setenv("PYTHONPATH", str(folder))
    monkeypatch.setenv("CHAOS", str(folder))
    return folder


def plain(job: Job, source: xr.DataArray) -> xr.Dataset:
    """What the routine of a job makes in a notebook."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = getattr(analysis, job.routine)(source, **job.arguments)
    dataset = result if isinstance(result, xr.Dataset) else result.to_dataset(name=result.name or job.routine)
    return dataset.compute()


def opened(job: Job) -> xr.Dataset:
    """The result of a job, in memory."""
    if job.is_file:
        with xr.open_dataset(job.target, decode_timedelta=False) as ds:
            return ds.load()
    return storage.open_dataset(job.target).compute()


def same_bits(one: xr.Dataset, other: xr.Dataset) -> bool:
    """Whether two results hold the same values to the last bit."""
    return set(one.variables) == set(other.variables) and all(
        one[name].dtype == other[name].dtype and one[name].values.tobytes() == other[name].values.tobytes()
        for name in one.variables
    )
