"""Fixtures shared by all tests: where the real files are."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real ocean files beside the checkout; a user's clone does not have it."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the folder of real ocean files is not beside this checkout")
    return folder


@pytest.fixture(scope="session")
def ostia_file() -> Path:
    """OSTIA monthly sea-surface temperature, 54 months of the tropical belt, from the package iris-sample-data."""
    import iris_sample_data

    return Path(iris_sample_data.path) / "ostia_monthly.nc"
