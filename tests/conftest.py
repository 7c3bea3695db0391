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


@pytest.fixture(scope="session")
def ostia_repository(ostia_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Repository of the OSTIA file, five chunks in time; read only, whoever writes makes one of their own."""
    from oceandata import storage

    url = tmp_path_factory.mktemp("ostia") / "repository"
    storage.write_repository(storage.plan_ingest([ostia_file], url, chunk_bytes=400_000))
    return url
