"""Pictures are drawn without a screen and closed after each test."""

from collections.abc import Iterator
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest
import xarray as xr


@pytest.fixture(autouse=True)
def _no_screen() -> Iterator[None]:
    mpl.use("Agg")
    yield
    plt.close("all")


@pytest.fixture(scope="session")
def sst(ostia_file: Path) -> xr.DataArray:
    """Surface temperature, K: 54 months, 5°S to 4.4°N, 0 to 359.2°E."""
    with xr.open_dataset(ostia_file) as ds:
        return ds["surface_temperature"].load()


@pytest.fixture(scope="session")
def anomaly(sst: xr.DataArray) -> xr.DataArray:
    """Departure from the mean of its month, K."""
    months = sst.groupby("time.month")
    departure = months - months.mean()
    return departure.assign_attrs(long_name="sea surface temperature anomaly", units="K")
