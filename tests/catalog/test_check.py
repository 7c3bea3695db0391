"""The lint says everything at once: what keeps a file from opening, and what is owed."""

import shutil
from pathlib import Path

import pytest

from oceandata.catalog import Overlay, check_catalog, draft_entry, new_draft, register_entry
from oceandata.entities import Entry
from oceandata.errors import InputError
from oceandata.storage import describe_revision

ROOT = Path(__file__).parents[2]


def _changed(path: Path, **changes: str) -> list[str]:
    """Replace values by key, once each; give the severity of each fault at its own line."""
    lines = path.read_text("utf-8").splitlines()
    where = {}
    for key, value in changes.items():
        number = next(number for number, line in enumerate(lines) if line.strip().startswith(f"{key}:"))
        lines[number] = lines[number].split(f"{key}:")[0] + f"{key}: {value}"
        where[number + 1] = key
    path.write_text("\n".join(lines), "utf-8")
    return [f"{fault.severity} {where.get(fault.line)}" for fault in check_catalog(path)]


def test_a_complete_entry_has_nothing_to_mend(ostia_catalog: Path) -> None:
    assert check_catalog(ostia_catalog) == []


def test_the_catalogues_that_ship_have_nothing_to_mend() -> None:
    """What the pages of public data do not say is left out there: gaps, as `test_public` holds, but no errors."""
    catalogues = sorted((ROOT / "catalogs").glob("*.yaml"))
    assert catalogues
    for path in catalogues:
        assert [fault for fault in check_catalog(path) if fault.severity == "error"] == []
    assert check_catalog(ROOT / "catalogs" / "oceandata.yaml") == []


def test_gaps_are_warnings_at_their_lines(ostia_catalog: Path) -> None:
    changes = {"title_zh": "''", "processing_level": "''", "units": "degrees_elsius"}
    found = _changed(ostia_catalog, **changes)
    assert sorted(found) == sorted(f"warning {key}" for key in changes)


def test_a_licence_nobody_knows_and_no_attribution(tmp_path: Path, ostia: Entry) -> None:
    register_entry(tmp_path / "c.yaml", ostia.model_copy(update={"license": "OGL-UK", "attribution": ""}))
    faults = check_catalog(tmp_path / "c.yaml")
    lines = (tmp_path / "c.yaml").read_text("utf-8").splitlines()
    found = {fault.message.split(": ")[1].split()[0]: lines[fault.line - 1].strip() for fault in faults}
    assert found == {"attribution": "entry:", "license": "license: OGL-UK"}


def test_errors_and_warnings_come_together(ostia_catalog: Path) -> None:
    found = _changed(ostia_catalog, version="1", title_zh="''")
    assert found == ["error version", "warning title_zh"]


def test_a_fault_prints_as_an_editor_can_jump_to(ostia_catalog: Path) -> None:
    _changed(ostia_catalog, version="1")
    assert [str(fault) for fault in check_catalog(ostia_catalog)] == [
        f"{ostia_catalog}:2: error: version is 1, need 2 (the form of Intake 2)."
    ]


def test_a_file_that_grew_too_large_is_warned_of(ostia_catalog: Path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    from oceandata.catalog import check

    monkeypatch.setattr(check, "MOST_ENTRIES", 0)
    assert [fault.message for fault in check_catalog(ostia_catalog)] == [
        "1 entries in one file, need 0 at most. Split it."
    ]


def test_each_level_finds_what_the_one_before_does_not(
    tmp_path: Path, ostia_repository: Path, overlay: Overlay
) -> None:
    shutil.copytree(ostia_repository, tmp_path / "sst")
    entry = draft_entry(describe_revision(tmp_path / "sst"), overlay, name="sst")
    path = tmp_path / "c.yaml"
    register_entry(path, entry)
    assert [check_catalog(path, level=level) for level in (1, 2, 3)] == [[], [], []]
    path.write_text(path.read_text("utf-8").replace("units: K", "units: degC"), "utf-8")
    assert [len(check_catalog(path, level=level)) for level in (1, 2, 3)] == [0, 0, 1]
    (fault,) = check_catalog(path, level=3)
    assert fault.severity == "error"
    assert fault.message == "sst: variables.surface_temperature.units is degC, but the data have K."
    assert path.read_text("utf-8").splitlines()[fault.line - 1].strip() == "units: degC"
    path.write_text(path.read_text("utf-8").replace("units: degC", "units: m"), "utf-8")
    assert [len(check_catalog(path, level=level)) for level in (1, 2, 3)] == [0, 1, 2]
    with pytest.raises(InputError, match="need 1"):
        check_catalog(path, level=4)


def test_one_entry_that_does_not_open_keeps_no_other_from_being_compared(
    tmp_path: Path, ostia: Entry, ostia_repository: Path, overlay: Overlay
) -> None:
    path = tmp_path / "c.yaml"
    register_entry(path, ostia)
    good = draft_entry(describe_revision(ostia_repository), overlay, name="zz_last")
    register_entry(path, good.model_copy(update={"extent": good.extent.model_copy(update={"time_resolution": "P1D"})}))
    found = [fault.message.split(" ")[0:3] for fault in check_catalog(path, level=3) if fault.severity == "error"]
    assert found == [
        ["ostia_sst_monthly:", "assets.maps", "cannot"],
        ["zz_last:", "extent.time_resolution", "is"],
    ]


def test_a_draft_is_checked_too(tmp_path: Path, ostia_repository: Path) -> None:
    draft = new_draft([ostia_repository], name="sst", catalog_path=tmp_path / "c.yaml")
    assert [fault.severity for fault in check_catalog(draft.path, level=1)] == ["error"]
    found = check_catalog(draft.path)
    left = {fault.line for fault in found if fault.message.startswith("left to decide")}
    assert left == set(draft.lines.values())
    assert [fault.line for fault in found] == sorted(fault.line for fault in found)
