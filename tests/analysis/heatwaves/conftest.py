"""What the tests of marine heatwaves share."""

import pytest
import xarray as xr

from tests.analysis.heatwaves.series import closed_form_series


@pytest.fixture
def closed_form() -> xr.DataArray:
    """Thirty years of one cell whose heatwaves are known."""
    return closed_form_series()
