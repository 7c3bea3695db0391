"""The same file works with plain Intake."""

import shutil
from pathlib import Path

import pytest

from oceandata.catalog import Overlay, draft_entry, open_catalog, register_entry
from oceandata.entities import Entry, Origin
from oceandata.storage import describe_revision

ORIGIN = {
    "entry": "ostia_sst_monthly",
    "product": "EXAMPLE-OSTIA-SST",
    "product_revision": 1,
    "licence": "LicenseRef-OGL-UK",
    "attribution": "Contains public sector information licensed under the Open Government Licence; "
    "© Crown copyright, Met Office",
    "example": True,
}


def test_intake_lists_the_entries(ostia_catalog: Path) -> None:
    import intake

    catalog = intake.open_catalog(str(ostia_catalog))
    assert list(catalog) == ["ostia_sst_monthly"]
    description = catalog.entries["ostia_sst_monthly"]
    assert description.reader == "oceandata.readers:OceanZarr"
    assert description.kwargs == {
        "url": "/data/holdings/ostia_sst_monthly",
        "group": "maps",
        "revision": "r1",
        "snapshot": "1CECHNKREP0F1RSTCMT0",
        "origin": ORIGIN,
    }
    assert Entry.from_json(description.metadata["entry"]) == open_catalog(ostia_catalog)["ostia_sst_monthly"]


def test_intake_fills_in_the_folder(tmp_path: Path, ostia: Entry) -> None:
    """What the reader is given by Intake and by our own catalogue is one place."""
    import intake

    assets = {"maps": ostia.assets["maps"].model_copy(update={"href": str(tmp_path / "sst")})}
    register_entry(tmp_path / "c.yaml", ostia.model_copy(update={"assets": assets}))
    catalog = intake.open_catalog(str(tmp_path / "c.yaml"))
    arguments = catalog.entries["ostia_sst_monthly"].get_kwargs(user_parameters=dict(catalog.user_parameters))
    assert arguments["origin"] == ORIGIN
    assert arguments["url"] == f"file://{tmp_path.resolve()}/sst"
    assert open_catalog(tmp_path / "c.yaml").located("{CATALOG_DIR}/sst") == f"{tmp_path.resolve()}/sst"


def test_a_real_repository_opens_through_intake_and_through_ours(
    tmp_path: Path, ostia_file: Path, overlay: Overlay
) -> None:
    """The whole way: real file, repository, entry, catalogue file, dataset; moved to another folder in between."""
    import intake
    import netCDF4
    import numpy as np

    from oceandata.storage import plan_ingest, write_repository

    before, after = tmp_path / "before", tmp_path / "after"
    before.mkdir()
    summary = write_repository(plan_ingest([ostia_file], before / "sst"))
    entry = register_entry(before / "c.yaml", draft_entry(summary, overlay, name="ostia_sst_monthly"))
    assert entry.assets["maps"].href == "{CATALOG_DIR}/sst"
    before.rename(after)

    with netCDF4.Dataset(ostia_file) as file:
        expected = np.ma.filled(file["surface_temperature"][:], np.nan)
    catalog = open_catalog(after / "c.yaml")
    through_intake = intake.open_catalog(str(after / "c.yaml"))["ostia_sst_monthly"].to_dask()
    ours = catalog.search(variable="海表温度", time="2009").open("ostia_sst_monthly")
    assert ours.attrs == through_intake.attrs
    assert ours["surface_temperature"].attrs == through_intake["surface_temperature"].attrs
    assert ours["surface_temperature"].attrs["canonical_name"] == "sea_surface_temperature"
    assert ours.attrs["attribution"] == overlay.attribution
    for dataset in (through_intake, ours):
        assert dataset["surface_temperature"].chunks is not None
        np.testing.assert_array_equal(dataset["surface_temperature"].to_numpy(), expected)
    box = catalog.open("ostia_sst_monthly", region=(190, -5, 240, 5), time=("2009-01", "2009-12"))
    assert box.sizes["time"] == 12
    assert 59 <= box.sizes["longitude"] <= 61


@pytest.mark.parametrize("name", ["a#b", "100%", "水 温", "a?b", "a%20b"])
def test_folders_of_any_name_open_through_intake_and_through_ours(
    tmp_path: Path, ostia_repository: Path, overlay: Overlay, name: str
) -> None:
    """Intake makes a URL of the folder without encoding it; a special character may be in any part of the path."""
    import intake

    folder = tmp_path / name
    url = shutil.copytree(ostia_repository, folder / name)
    register_entry(folder / "c.yaml", draft_entry(describe_revision(url), overlay, name="sst"))
    ours = open_catalog(folder / "c.yaml").open("sst")
    through_intake = intake.open_catalog(str(folder / "c.yaml"))["sst"].to_dask()
    assert through_intake.attrs == ours.attrs
    assert through_intake.sizes["time"] == 54
    register_entry(folder / "c.yaml", draft_entry(describe_revision(url), overlay, name="encoded", href=url.as_uri()))
    assert open_catalog(folder / "c.yaml")["encoded"].assets["maps"].href == f"{{CATALOG_DIR}}/{name}"


def test_the_origin_is_what_the_store_takes(ostia_catalog: Path) -> None:
    import intake

    arguments = intake.open_catalog(str(ostia_catalog)).entries["ostia_sst_monthly"].kwargs
    origin = Origin.from_json({"repository": arguments["url"], **arguments["origin"]})
    assert (origin.product, origin.product_revision, origin.example) == ("EXAMPLE-OSTIA-SST", 1, True)
