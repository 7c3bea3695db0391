"""Some entries, and the catalogue file beside which they stand in bulk files."""

from collections.abc import Callable
from pathlib import Path

import pytest

from oceandata.catalog import register_entries
from oceandata.entities import Asset, Entry, Extent, Variable


def _make(number: int, **changes: object) -> Entry:
    fields: dict[str, object] = {
        "id": f"e{number:03d}",
        "title": f"Entry {number}",
        "license": "CC-BY-4.0",
        "extent": Extent(bbox=(number % 300, 0, number % 300 + 1, 1)),
        "variables": {"thetao": Variable()},
        "assets": {"maps": Asset(href=f"s3://b/{number}", type="application/vnd+zarr")},
    }
    return Entry.model_validate(fields | changes)


@pytest.fixture(scope="session")
def make() -> Callable[..., Entry]:
    """An entry by number, with some fields changed."""
    return _make


@pytest.fixture
def bulk(tmp_path: Path) -> Path:
    """Catalogue file with a hundred bulk entries, indexed."""
    register_entries(tmp_path / "catalog.yaml", map(_make, range(100)))
    return tmp_path / "catalog.yaml"
