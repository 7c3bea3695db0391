"""Two products on two repositories: the real OSTIA file, and a copy of it that stands for another provider's."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import xarray as xr

from oceandata.entities import Origin
from oceandata.storage import open_dataset


@pytest.fixture(scope="session")
def other_repository(ostia_repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository of its own, with the same values."""
    return Path(shutil.copytree(ostia_repository, tmp_path_factory.mktemp("other") / "repository"))


@pytest.fixture
def open_sst(ostia_repository: Path) -> Callable[..., xr.DataArray]:
    """Open the first product, of a licence that wants to be named."""

    def opened(**selection: Any) -> xr.DataArray:
        origin = Origin(
            repository="",
            entry="ostia",
            product="example:first",
            product_revision=1,
            licence="LicenseRef-OGL-UK",
            attribution="Crown copyright",
            example=True,
        )
        return open_dataset(ostia_repository, origin=origin, **selection)["surface_temperature"]

    return opened


@pytest.fixture
def sst(open_sst: Callable[..., xr.DataArray]) -> xr.DataArray:
    """The first product in blocks of one chunk."""
    return open_sst(chunks={})


@pytest.fixture
def other(other_repository: Path) -> xr.DataArray:
    """The second product, of another licence."""
    origin = Origin(repository="", product="example:second", licence="CC-BY-NC-4.0", attribution="Second Institute")
    ds = open_dataset(other_repository, origin=origin, chunks={})
    return ds["surface_temperature"].rename("other")
