"""Entries of repositories: registered with all layouts, brought up to date, and never other values for a product."""

import shutil
from pathlib import Path

import pytest

from oceandata import storage
from oceandata.catalog import Overlay, draft_entry, open_catalog, register_entry, register_repository, update_entry
from oceandata.entities import Entry, TradeLink
from oceandata.errors import InputError, NotFoundError

LINK = TradeLink(product="EXAMPLE-OSTIA-SST", revision=1, example=True)


@pytest.fixture
def sst(ostia_repository: Path, tmp_path: Path) -> Path:
    return shutil.copytree(ostia_repository, tmp_path / "sst")


def _append(url: Path, ostia_file: Path, folder: Path) -> None:
    """One more month: the last of the file, a month later."""
    import xarray as xr

    with xr.open_dataset(ostia_file, decode_times=False) as ds:
        step = ds.isel(time=[-1]).load()
    month = 31 * (24 if "hour" in step["time"].attrs["units"] else 1)
    step = step.assign_coords(time=step["time"].copy(data=step["time"].values + month))
    for name in step["time"].attrs.get("bounds", "").split():
        step[name] = step[name].copy(data=step[name].values + month)
    for variable in step.variables.values():
        variable.encoding.setdefault("_FillValue", None)
    step.to_netcdf(folder / "more.nc")
    storage.write_append(storage.plan_append([folder / "more.nc"], url))


def _curated(entry: Entry) -> dict[str, object]:
    return {field: getattr(entry, field) for field in Overlay.model_fields if field != "variables"}


def test_every_layout_is_registered(sst: Path, overlay: Overlay, tmp_path: Path) -> None:
    storage.write_layout(storage.plan_layout(sst, access="series", chunk_bytes=50_000))
    entry = register_repository(tmp_path / "c.yaml", sst, overlay, name="sst")
    assert list(entry.assets) == ["maps", "series"]
    series = storage.describe_revision(sst, layout="series")
    assert entry.assets["series"].content_root == series.content_root
    assert entry.assets["series"].chunks == series.chunks
    assert open_catalog(tmp_path / "c.yaml").open("sst", layout="series").sizes["time"] == 54
    with pytest.raises(NotFoundError, match="no repository"):
        register_repository(tmp_path / "c.yaml", tmp_path / "none", overlay, name="none")


def test_update_describes_anew_and_keeps_what_is_curated(
    sst: Path, ostia_file: Path, overlay: Overlay, tmp_path: Path
) -> None:
    path = tmp_path / "c.yaml"
    before = register_entry(path, draft_entry(storage.describe_revision(sst), overlay, name="sst"))
    written = path.read_bytes()
    assert update_entry(path, "sst") == before
    assert path.read_bytes() == written
    storage.write_layout(storage.plan_layout(sst, access="series", chunk_bytes=50_000))
    _append(sst, ostia_file, tmp_path)
    after = update_entry(path, "sst")
    assert open_catalog(path)["sst"] == after
    assert {name: (asset.href, asset.revision) for name, asset in after.assets.items()} == {
        "maps": ("{CATALOG_DIR}/sst", "r3"),
        "series": ("{CATALOG_DIR}/sst", "r3"),
    }
    assert after.extent.time is not None
    assert before.extent.time is not None
    assert after.extent.time[1] > before.extent.time[1]
    assert after.variables["surface_temperature"].shape[0] == 55
    assert after.variables["surface_temperature"].long_name_zh == "海表温度"
    assert _curated(after) == _curated(before)
    assert open_catalog(path).open("sst").sizes["time"] == 55
    with pytest.raises(NotFoundError, match="Close: 'sst'"):
        update_entry(path, "ssst")


def test_a_product_never_comes_to_stand_for_other_values(
    sst: Path, ostia_file: Path, overlay: Overlay, tmp_path: Path
) -> None:
    path = tmp_path / "c.yaml"
    register_entry(path, draft_entry(storage.describe_revision(sst), overlay, name="sst", trade=LINK))
    storage.write_layout(storage.plan_layout(sst, access="series", chunk_bytes=50_000))
    after = update_entry(path, "sst")  # the same values, in one more layout
    assert after.trade == LINK
    assert list(after.assets) == ["maps", "series"]
    assert register_repository(path, sst, overlay, name="sst", replace=True).trade == LINK
    written = path.read_bytes()
    _append(sst, ostia_file, tmp_path)
    for change in (
        lambda: update_entry(path, "sst"),
        lambda: register_repository(path, sst, overlay, name="sst", replace=True),
    ):
        with pytest.raises(InputError, match=r"pins tag 'r2'; the newest tag 'r3' holds other values.*draft_revision"):
            change()
    assert path.read_bytes() == written
    assert register_repository(path, sst, overlay, name="sst_newer").trade is None


def test_layouts_in_several_repositories_are_not_updated(sst: Path, overlay: Overlay, tmp_path: Path) -> None:
    entry = draft_entry(storage.describe_revision(sst), overlay, name="sst")
    elsewhere = entry.assets["maps"].model_copy(update={"href": "s3://ocean/sst"})
    register_entry(tmp_path / "c.yaml", entry.model_copy(update={"assets": {**entry.assets, "series": elsewhere}}))
    with pytest.raises(InputError, match="layouts in 2 repositories"):
        update_entry(tmp_path / "c.yaml", "sst")
