"""Worlds in which faults are planted: one that is copied for each test, one of its own data."""

import copy
import shutil
from pathlib import Path

import pytest
import xarray as xr

from oceandata import storage
from tests.trade.exchange.world import World, build


@pytest.fixture(scope="module")
def _built(ostia_repository: Path, tmp_path_factory: pytest.TempPathFactory) -> World:
    return build(tmp_path_factory.mktemp("world"), ostia_repository)


@pytest.fixture
def world(_built: World, tmp_path: Path) -> World:
    """A copy in which registry, catalogue and export may be changed; the repository is shared and read only."""
    for name in ("registry.sqlite", "catalog.yaml"):
        shutil.copy(_built.folder / name, tmp_path / name)
    return World(tmp_path, copy.deepcopy(_built.rows))


@pytest.fixture
def own_world(ostia_file: Path, tmp_path: Path) -> World:
    """One of three years whose repository may be changed too; ``later.nc`` beside it continues it."""
    with xr.open_dataset(ostia_file, decode_times=False) as ds:
        for name, part in (("first", slice(0, 36)), ("later", slice(36, None))):
            ds.isel(time=part).to_netcdf(tmp_path / f"{name}.nc")
    storage.write_repository(storage.plan_ingest([tmp_path / "first.nc"], tmp_path / "made", chunk_bytes=400_000))
    return build(tmp_path, tmp_path / "made", records=36)
