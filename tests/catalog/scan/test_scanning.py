"""The scan: entries that open, what a person said stays, a rescan reads only what changed, a killed one goes on."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from oceandata.catalog import Overlay, check_catalog, open_catalog, register_entry, register_repository
from oceandata.catalog.scan import run_scan, scanning
from oceandata.catalog.scan.memory import memory_path
from oceandata.entities import Entry, TradeLink
from oceandata.errors import InputError, NotFoundError

Write = Callable[..., Path]


@pytest.fixture
def catalog(tmp_path: Path) -> Path:
    return tmp_path / "catalog.yaml"


def test_a_folder_becomes_a_catalogue_that_opens(holdings: Path, catalog: Path) -> None:
    report = run_scan([holdings], catalog)
    assert [entry.id for entry in report.entries] == ["run", "sst", "temp"]
    assert report.added == ("run", "sst", "temp")
    assert [reject.code for reject in report.rejects] == ["not-netcdf-text"]
    assert len(report.files) == 6
    found = open_catalog(catalog)
    assert not [fault for fault in check_catalog(catalog) if fault.severity == "error"]
    sst = found["sst"]
    assert (sst.title, sst.license, sst.keywords) == (
        "Daily sea surface temperature",
        "CC-BY-4.0",
        ("temperature", "surface"),
    )
    assert sst.extent.bbox == (-5.0, -15.0, 25.0, 15.0)
    assert sst.extent.time_resolution == "P1D"
    (asset,) = sst.assets.values()
    assert (asset.href, asset.files) == ("{CATALOG_DIR}/holdings/sst/2000", ("sst_0.nc", "sst_1.nc", "sst_2.nc"))
    ds = found.open("sst", time="2000-01-02/2000-01-05")
    assert ds["sst"].to_numpy()[:, 0, 0].tolist() == [9, 0, 9, 0]
    both = found.open("run")
    assert set(both.data_vars) == {"thetao", "so"}


def test_the_same_files_through_intake_after_a_move(holdings: Path, catalog: Path, tmp_path: Path) -> None:
    import intake

    run_scan([holdings], catalog)
    moved = tmp_path / "moved"
    moved.mkdir()
    shutil.move(holdings, moved / "holdings")
    shutil.move(catalog, moved / catalog.name)
    ds = intake.open_catalog(str(moved / catalog.name))["sst"].read(variables="sea_surface_temperature", time="2000")
    assert ds["sst"].shape == (6, 3, 3)
    assert ds.attrs["license"] == "CC-BY-4.0"


def test_a_dry_run_writes_nothing(holdings: Path, catalog: Path) -> None:
    report = run_scan([holdings], catalog, dry_run=True)
    assert len(report.entries) == 3
    assert report.into == ""
    assert sorted(path.name for path in catalog.parent.iterdir()) == ["holdings"]


def test_a_rescan_reads_only_what_changed(holdings: Path, catalog: Path, write_file: Write) -> None:
    first = run_scan([holdings], catalog)
    text = catalog.read_bytes()
    again = run_scan([holdings], catalog)
    assert (first.read, again.read, again.recalled) == (6, 0, 6)
    assert again.entries == first.entries
    assert catalog.read_bytes() == text
    write_file("sst/2000/sst_3.nc", days=(6.0, 7.0), title="Daily sea surface temperature", license="CC-BY-4.0")
    os.utime(holdings / "odd" / "TEMP.nc", ns=(1, 1))
    third = run_scan([holdings], catalog)
    assert (third.read, third.recalled) == (2, 5)
    assert third.changed == ("sst",)
    assert open_catalog(catalog).open("sst").sizes["time"] == 8


def test_a_scan_that_was_killed_goes_on(holdings: Path, catalog: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, count = scanning.read_place, [0]

    def dying(place: object) -> object:
        count[0] += 1
        if count[0] == 4:
            raise KeyboardInterrupt
        return real(place)  # type: ignore[arg-type]

    monkeypatch.setattr(scanning, "read_place", dying)
    with pytest.raises(KeyboardInterrupt):
        run_scan([holdings], catalog)
    assert not catalog.exists()
    monkeypatch.setattr(scanning, "read_place", real)
    report = run_scan([holdings], catalog)
    assert (report.read, report.recalled, len(report.entries)) == (3, 3, 3)


def test_what_a_person_wrote_stays(holdings: Path, catalog: Path, write_file: Write) -> None:
    run_scan([holdings], catalog)
    form = yaml.safe_load(catalog.read_text(encoding="utf-8"))
    entry = form["entries"]["sst"]["metadata"]["entry"]
    entry |= {"title_zh": "海表温度", "license": "LicenseRef-Ours", "doi": "10.1234/abc", "keywords": ["SST"]}
    entry["variables"]["sst"]["long_name_zh"] = "海表温度"
    Entry.from_json(entry)
    register_entry(catalog, Entry.from_json(entry), replace=True)
    write_file("sst/2000/sst_3.nc", days=(6.0, 7.0), title="A new title", license="CC-BY-4.0")
    write_file("sst/2000/sst_0.nc", title="A new title", license="CC0-1.0", keywords="other")
    report = run_scan([holdings], catalog)
    now = open_catalog(catalog)["sst"]
    assert report.changed == ("sst",)
    assert (now.title_zh, now.license, now.doi, now.keywords) == (
        "海表温度",
        "LicenseRef-Ours",
        "10.1234/abc",
        ("SST",),
    )
    assert now.variables["sst"].long_name_zh == "海表温度"
    assert now.title == "A new title", "a title that nobody changed follows the files"
    assert len(now.assets["netcdf"].files) == 4
    assert "license" not in {gap.field for gap in report.gaps if gap.entry == "sst"}


def test_a_new_name_stays_and_what_was_taken_out_stays_out(holdings: Path, catalog: Path) -> None:
    run_scan([holdings], catalog)
    form = yaml.safe_load(catalog.read_text(encoding="utf-8"))
    for table in (form["entries"], form["aliases"]):
        table["daily_sst"] = table.pop("sst")
        del table["temp"]
    form["aliases"]["daily_sst"] = "daily_sst"
    form["entries"]["daily_sst"]["metadata"]["entry"]["id"] = "daily_sst"
    form["entries"]["daily_sst"]["kwargs"]["origin"]["entry"] = "daily_sst"
    catalog.write_text(yaml.safe_dump(form, allow_unicode=True), encoding="utf-8")
    report = run_scan([holdings], catalog)
    assert sorted(open_catalog(catalog)) == ["daily_sst", "run"]
    assert report.left_out == ("temp",)
    assert [reject.code for reject in report.rejects] == ["not-netcdf-text", "taken-out"]


def test_an_entry_that_stands_for_a_product_is_not_touched(holdings: Path, catalog: Path, write_file: Write) -> None:
    run_scan([holdings], catalog)
    traded = open_catalog(catalog)["sst"].model_copy(
        update={"trade": TradeLink(product="EXAMPLE", revision=1, example=True)}
    )
    register_entry(catalog, traded, replace=True)
    write_file("sst/2000/sst_3.nc", days=(6.0, 7.0), title="Daily sea surface temperature", license="CC-BY-4.0")
    assert run_scan([holdings], catalog).changed == ()
    assert open_catalog(catalog)["sst"] == traded


def test_files_that_are_gone_are_told(holdings: Path, catalog: Path) -> None:
    run_scan([holdings], catalog)
    shutil.rmtree(holdings / "odd")
    report = run_scan([holdings], catalog)
    assert report.missing == ("temp",)
    assert "temp" in open_catalog(catalog)


def test_copies_are_told(holdings: Path, catalog: Path) -> None:
    shutil.copy2(holdings / "odd" / "TEMP.nc", holdings / "copy.nc")
    report = run_scan([holdings], catalog)
    assert [[Path(path).name for path in paths] for paths in report.duplicates] == [["copy.nc", "TEMP.nc"]]
    assert {"copy", "temp"} <= {entry.id for entry in report.entries}


def test_many_entries_go_into_bulk_files(
    holdings: Path, catalog: Path, monkeypatch: pytest.MonkeyPatch, write_file: Write
) -> None:
    report = run_scan([holdings.parent], catalog, into="bulk")
    assert report.into == "bulk"
    assert "\n  sst:" not in catalog.read_text(encoding="utf-8")
    found = open_catalog(catalog)
    assert [found[name] for name in ("run", "sst", "temp")] == list(report.entries)
    assert found.open("sst").sizes["time"] == 6
    monkeypatch.setattr("oceandata.catalog.placement.MOST_ENTRIES", 0)
    write_file("new/late.nc")
    again = run_scan([holdings.parent], catalog)
    assert (again.added, again.changed, again.into) == (("late",), (), "bulk")
    assert sorted(open_catalog(catalog)) == ["late", "run", "sst", "temp"]
    assert [Path(reject.path).name for reject in again.rejects] == ["notes.txt"], "the catalogue is no find of its own"


def test_a_repository_gives_the_entry_that_registering_gives(ostia_repository: Path, tmp_path: Path) -> None:
    folder = tmp_path / "holdings"
    shutil.copytree(ostia_repository, folder / "ostia")
    report = run_scan([folder], tmp_path / "scanned.yaml")
    (found,) = report.entries
    overlay = Overlay(title=found.title, license=found.license)
    registered = register_repository(tmp_path / "registered.yaml", folder / "ostia", overlay, name=found.id)
    assert found == registered
    assert found.assets["maps"].content_root.startswith("sha256:")
    assert found.assets["maps"].snapshot
    assert found.license == "NOASSERTION"
    assert open_catalog(tmp_path / "scanned.yaml").open(found.id).sizes["time"] == 54


@pytest.mark.parametrize("version", [2, 3])
def test_plain_zarr_and_its_groups(ostia_file: Path, tmp_path: Path, version: int) -> None:
    import xarray as xr

    store = tmp_path / "holdings" / "ostia.zarr"
    with xr.open_dataset(ostia_file) as ds:
        part = (
            ds[["surface_temperature"]].isel(time=slice(0, 6)).drop_vars(["forecast_period", "forecast_reference_time"])
        )
        part = part.load()
        for variable in part.variables.values():
            variable.encoding = {}
            for key in ("bounds", "grid_mapping"):
                variable.attrs.pop(key, None)
        part.attrs = {"title": "OSTIA", "license": "CC-BY-4.0"}
        for group in (None, "coarse"):
            part.isel(time=slice(0, 2) if group else slice(None)).to_zarr(
                store, group=group, zarr_format=version, consolidated=False
            )
    report = run_scan([tmp_path / "holdings"], tmp_path / "c.yaml")
    assert {entry.id: entry.assets["zarr"].group for entry in report.entries} == {"ostia": "", "ostia_coarse": "coarse"}
    found = open_catalog(tmp_path / "c.yaml")
    assert found.open("ostia", region=(170, -3, -170, 3))["surface_temperature"].chunks is not None
    assert found.open("ostia_coarse").sizes["time"] == 2
    assert found.open("ostia").sizes["time"] == 6
    with pytest.raises(InputError, match="has no revisions"):
        found.open("ostia", revision="r1")
    assert run_scan([tmp_path / "holdings"], tmp_path / "c.yaml").recalled == 1


def test_one_bad_file_stops_nothing(holdings: Path, catalog: Path) -> None:
    whole = (holdings / "odd" / "TEMP.nc").read_bytes()
    (holdings / "torn.nc").write_bytes(whole[: len(whole) // 2])
    (holdings / "empty.nc").write_bytes(b"")
    (holdings / "page.nc").write_text("<html>please log in</html>", encoding="utf-8")
    (holdings / "lost.zarr").mkdir()
    report = run_scan([holdings], catalog)
    reasons = {Path(reject.path).name: reject.reason for reject in report.rejects}
    assert "truncated" in reasons["torn.nc"]
    assert "empty" in reasons["empty.nc"]
    assert "HTML page" in reasons["page.nc"]
    assert "no metadata" in reasons["lost.zarr"]
    assert len(report.entries) == 3


def test_text_that_a_catalogue_refuses_is_left_out(write_file: Write, tmp_path: Path, catalog: Path) -> None:
    write_file("a.nc", title="T\x1b[31mred", summary="{{ cycler }}", acknowledgement="ask {someone}", license="free")
    (entry,) = run_scan([tmp_path / "holdings"], catalog).entries
    assert (entry.title, entry.summary, entry.attribution, entry.license) == ("T [31mred", "", "", "NOASSERTION")
    assert open_catalog(catalog)["a"] == entry


def test_what_cannot_be_scanned(tmp_path: Path, holdings: Path) -> None:
    with pytest.raises(NotFoundError, match=r"Close: 'holdings'"):
        run_scan([tmp_path / "holding"], tmp_path / "c.yaml")
    with pytest.raises(InputError, match=r"folder .* does not exist"):
        run_scan([holdings], tmp_path / "nowhere" / "c.yaml")
    with pytest.raises(InputError, match="into is 'sqlite'"):
        run_scan([holdings], tmp_path / "c.yaml", into="sqlite")


def test_the_order_of_the_folders_does_not_matter(holdings: Path, tmp_path: Path) -> None:
    parts = [holdings / name for name in ("sst", "run", "odd")]
    one = run_scan(parts, tmp_path / "one.yaml")
    other = run_scan(parts[::-1], tmp_path / "other.yaml")
    assert one.entries == other.entries
    assert (tmp_path / "one.yaml").read_bytes() == (tmp_path / "other.yaml").read_bytes()


def test_progress_reaches_its_end(holdings: Path, catalog: Path) -> None:
    told: list[tuple[int, int]] = []
    run_scan([holdings], catalog, on_progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (7, 7)


def test_a_memory_of_another_version_is_not_believed(holdings: Path, catalog: Path) -> None:
    run_scan([holdings], catalog)
    path = memory_path(catalog)
    from oceandata.journal import Journal, read_journal

    records = [{**record, "form": 0} for record in read_journal(path)]
    path.unlink()
    with Journal(path) as journal:
        for record in records:
            journal.append(record)
    assert run_scan([holdings], catalog).read == 6
