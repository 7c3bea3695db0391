"""The lint says everything at once: what keeps a file from opening, and what is owed."""

from pathlib import Path

from oceandata.catalog import check_catalog, register_entry
from oceandata.entities import Entry

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
    catalogues = sorted((ROOT / "catalogs").glob("*.yaml"))
    assert catalogues
    for path in catalogues:
        assert check_catalog(path) == []


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
