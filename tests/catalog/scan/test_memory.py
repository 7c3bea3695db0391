"""What scans remember."""

from pathlib import Path

from oceandata.catalog.scan.memory import Memory, Seen, memory_path
from oceandata.catalog.scan.walking import Place, Reject
from oceandata.journal import read_journal

PLACE = Place("/d/a.nc", "netcdf", "5:1", 5)
REJECT = Reject("/d/a.nc", "unsound", "It is torn.")


def test_a_place_that_changed_is_not_recalled(tmp_path: Path) -> None:
    catalog = tmp_path / "c.yaml"
    with Memory(catalog, write=True) as memory:
        assert memory.recall(PLACE) is None
        memory.remember(PLACE, Seen((), REJECT))
        memory.remember_entry("a", {"id": "a"})
    with Memory(catalog, write=False) as memory:
        assert memory.recall(PLACE) == Seen((), REJECT)
        assert memory.recall(Place("/d/a.nc", "netcdf", "6:1", 6)) is None
        assert memory.recall(Place("/d/a.nc", "netcdf", "")) is None
        assert memory.scanned("a") == {"id": "a"}
        assert memory.scanned("b") is None


def test_a_dry_run_leaves_no_trace(tmp_path: Path) -> None:
    catalog = tmp_path / "c.yaml"
    with Memory(catalog, write=False) as memory:
        memory.remember(PLACE, Seen((), REJECT))
        assert memory.recall(PLACE) == Seen((), REJECT)
    assert list(tmp_path.iterdir()) == []


def test_old_records_are_cleared_away(tmp_path: Path) -> None:
    catalog = tmp_path / "c.yaml"
    with Memory(catalog, write=True) as memory:
        for size in range(120):
            memory.remember(Place("/d/a.nc", "netcdf", str(size), size), Seen((), REJECT))
    assert len(read_journal(memory_path(catalog))) == 1
    with Memory(catalog, write=False) as memory:
        assert memory.recall(Place("/d/a.nc", "netcdf", "119", 119)) == Seen((), REJECT)
