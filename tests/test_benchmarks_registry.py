"""The benchmark of the registry on a small one: every row asks what it says, and the chain is whole."""

import json
from pathlib import Path

import pytest

from benchmarks import alone, registry


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty products and six hundred events."""
    path = tmp_path_factory.mktemp("bench") / "registry.sqlite"
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (("_PRODUCTS", 40), ("_EVENTS", 600), ("_BATCH", 100)):
            patch.setattr(registry, name, value)
        registry.write_registry(path)
    return path


@pytest.mark.parametrize("kind", ["products", "one product", "events of a product", "holdings"])
def test_pages_are_asked(
    kind: str, place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(registry, "_PRODUCTS", 40)
    monkeypatch.setattr(registry, "_EVENTS", 600)
    alone.main("registry", "ask", str(place), kind)
    told = json.loads(capsys.readouterr().out)
    found = int(told["found"].split("; ")[1].split()[0].replace(",", ""))
    assert 0 < found <= 50 * registry._ASKED
    assert told["wall_s"] > 0


def test_the_chain_is_whole_and_steps_are_undone(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(registry, "_ASKED", 5)
    for function in ("step", "audit"):
        alone.main("registry", function, str(place))
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["found"].startswith("600 events and ")
    assert {row.name.split(": ")[0] for row in registry.works(Path("python"), place.parent)} == {"registry"}
