"""What data say of themselves, whichever form they are stored in."""

import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from oceandata.catalog.contents import asset_contents, read_contents
from oceandata.errors import InputError, NotFoundError, OceanDataError

SHAPE = (54, 18, 432)
NAME = "surface_temperature"


@pytest.fixture
def parts(tmp_path: Path, ostia_file: Path) -> list[Path]:
    """The real file cut in three along time; by name the last comes first."""
    paths = [tmp_path / "sst" / f"{letter}.nc" for letter in "cba"]
    paths[0].parent.mkdir()
    with xr.open_dataset(ostia_file) as ds:
        for number, path in enumerate(paths):
            ds.isel(time=slice(18 * number, 18 * number + 18)).to_netcdf(path)
    return paths


@pytest.fixture
def plain(tmp_path: Path, ostia_file: Path) -> Path:
    path = tmp_path / "sst.zarr"
    with xr.open_dataset(ostia_file) as ds:
        array = ds.drop_encoding()
        array.to_zarr(path, zarr_format=2, consolidated=True, encoding={NAME: {"chunks": (27, 18, 216)}})
    return path


def test_a_file(ostia_file: Path) -> None:
    found = read_contents([ostia_file])
    (asset,) = found.assets.values()
    assert (asset.type, asset.files, asset.href) == ("application/x-netcdf", (), ostia_file.as_posix())
    assert asset.stored_bytes == ostia_file.stat().st_size
    variable = found.variables[NAME]
    assert (variable.shape, variable.chunks, variable.dtype) == (SHAPE, (1, 18, 432), "float32")
    assert (variable.units, variable.standard_name) == ("K", "surface_temperature")
    assert variable.nbytes == asset.decoded_bytes == 4 * np.prod(SHAPE)
    assert found.extent.time is not None
    assert [f"{moment:%Y-%m-%d}" for moment in found.extent.time] == ["2006-04-16", "2010-09-16"]
    assert list(found.variables) == [NAME]


def test_files_are_put_into_the_order_of_their_times(parts: list[Path], ostia_file: Path) -> None:
    whole = read_contents([ostia_file])
    for places in (sorted(parts), parts, [parts[0].parent]):
        found = read_contents(places)
        (asset,) = found.assets.values()
        assert asset.href == parts[0].parent.as_posix()
        assert asset.files == ("c.nc", "b.nc", "a.nc")
        assert found.variables[NAME].shape == SHAPE
        assert found.variables[NAME].chunks is None
        assert found.extent == whole.extent
        assert asset.stored_bytes == sum(part.stat().st_size for part in parts)


def test_plain_zarr(plain: Path, ostia_file: Path) -> None:
    found = read_contents([plain])
    (asset,) = found.assets.values()
    assert (asset.type, asset.group, asset.chunks) == ("application/vnd+zarr", "", 4)
    assert asset.chunk_shapes == {NAME: (27, 18, 216)}
    assert found.variables[NAME].chunks == (27, 18, 216)
    assert found.extent == read_contents([ostia_file]).extent


def test_a_repository(ostia_repository: Path) -> None:
    found = read_contents([ostia_repository])
    asset = found.assets["maps"]
    assert asset.revision == "r1"
    assert asset.content_root.startswith("sha256:")
    assert found.sources[0].name == "ostia_monthly.nc"
    assert found.created


def test_an_asset_is_described_as_it_was(parts: list[Path], plain: Path, ostia_repository: Path) -> None:
    for place in (parts[0].parent, plain, ostia_repository):
        found = read_contents([place])
        (asset,) = found.assets.values()
        again = asset_contents(asset, asset.href)
        assert again.assets == found.assets
        assert again.variables == found.variables


def test_places_that_cannot_be_used(tmp_path: Path, parts: list[Path]) -> None:
    with pytest.raises(InputError, match="no data were named"):
        read_contents([])
    with pytest.raises(NotFoundError, match=r"Close: 'a\.nc'"):
        read_contents([parts[0].parent / "aa.nc"])
    with pytest.raises(InputError, match="is a folder among 2 places"):
        read_contents([parts[0], parts[0].parent])
    with pytest.raises(InputError, match="need one URL"):
        read_contents(["https://example.org/a", "https://example.org/b"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(NotFoundError):
        read_contents([tmp_path / "empty"])
    (tmp_path / "text.nc").write_text("no data")
    with pytest.raises(OceanDataError, match=re.escape("text.nc")):
        read_contents([tmp_path / "text.nc"])


def test_files_of_two_datasets_are_refused(parts: list[Path]) -> None:
    shutil.copy(parts[0], parts[0].with_name("d.nc"))
    with pytest.raises(OceanDataError, match="overlap in time"):
        read_contents([parts[0].parent])
