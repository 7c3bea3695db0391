"""The drawn catalogue is one that our readers take, the same for the same seed; both sides of a comparison agree."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from benchmarks import catalog, catalog_calls, catalog_files, catalog_peers
from benchmarks.catalog_entries import Draw, documents, line
from benchmarks.catalog_questions import questions
from benchmarks.limits import Trial
from oceandata.catalog import open_catalog
from oceandata.catalog.index.files import line_of
from oceandata.entities import Entry
from oceandata.errors import OceanDataError

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve hundred entries with their index, and what the peers read of them."""
    folder = tmp_path_factory.mktemp("catalog") / "catalog-1200"
    catalog_files.write_million(folder, 1200)
    return folder


def test_entries_are_those_of_our_own_writer() -> None:
    for document in documents(Draw(1), 0, 200):
        assert line_of(Entry.from_json(document)).decode() == line(document)


def test_the_same_seed_draws_the_same() -> None:
    one, other, third = (list(documents(Draw(seed), 0, 50)) for seed in (1, 1, 2))
    assert one == other != third
    for kind in ("place", "chinese", "facets"):
        assert questions(kind, 20) == questions(kind, 20)
        assert all(questions(kind, 20))


def test_what_is_drawn_is_what_was_promised() -> None:
    many = list(documents(Draw(1), 0, 5000))
    assert 20 < sum(one["extent"]["bbox"] == [-180, -90, 180, 90] for one in many) < 90
    native = Counter(name for one in many for name in one["variables"])
    assert 150 < len(native) <= 200
    words = Counter(word for one in many for word in one["summary"].split())
    (_, first), (_, second) = words.most_common(2)
    assert 1.5 < first / second < 2.5
    assert [one["id"] for one in many] == sorted(one["id"] for one in many)


@pytest.mark.parametrize("kind", ["name", "place", "chinese", "entries", "facets"])
def test_every_kind_of_question_finds_something(drawn: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalog_calls, "_ASKED", 300)
    with catalog_calls.ask(str(drawn), kind) as call:
        told, seconds = call()
    assert seconds > 0
    assert not told.endswith("; 0 found")


def test_calls_that_are_measured(drawn: Path) -> None:
    with catalog_calls.build(str(drawn)) as call:
        assert call().startswith("1,200 entries, ")
    with catalog_calls.open_catalogs(str(drawn)) as opened:
        assert opened()[0].endswith("1,200 found")


def test_a_call_says_which_seconds_count(drawn: Path) -> None:
    command = [
        sys.executable,
        "-P",
        str(ROOT / "benchmarks" / "alone.py"),
        "catalog_calls",
        "open_catalogs",
        str(drawn),
    ]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["found"].startswith("50% ")
    assert f"95% {1000 * told['wall_s']:,.1f} ms" in told["found"]


def test_our_side_answers_what_the_peers_are_asked(drawn: Path, tmp_path: Path) -> None:
    asked = catalog_files._questions(drawn)
    (drawn / "questions.json").write_text(json.dumps(asked), encoding="utf-8")
    ours = tmp_path / "ours.json"
    for side, kind in (("duckdb", "place"), ("intake-esm", "terms"), ("intake", "names")):
        catalog_peers.main(f"oceandata-{side}", str(drawn), str(ours), "twice")
        answers = json.loads(ours.read_text(encoding="utf-8"))
        assert len(answers) == len(asked[kind])
        assert any(answers)
    whole = open_catalog(drawn / "catalog.yaml")
    assert asked["names"] == [name for (name,) in answers]
    assert all(name in whole for name in asked["names"])


def test_answers_that_differ_are_an_error(tmp_path: Path) -> None:
    for name, answers in (("a", [["x"], ["y"]]), ("b", [["x"], ["z"]])):
        (tmp_path / name).write_text(json.dumps(answers), encoding="utf-8")
    assert catalog_files.compare_answers(tmp_path / "a", tmp_path / "a") == "equal (2 names)"
    with pytest.raises(OceanDataError, match="1 of 2 answers differ"):
        catalog_files.compare_answers(tmp_path / "a", tmp_path / "b")


def test_rows_promise_what_was_promised(tmp_path: Path) -> None:
    rows = {row.name: row for row in catalog.works(tmp_path / "python", tmp_path)}
    limits = {name: row.limits for name, row in rows.items() if isinstance(row, Trial)}
    assert {name: limit.wall_s for name, limit in limits.items()} == {
        "index 1,000,000 entries": 120,
        "index 1,000 changed entries": 1,
        "first hit, cold": 0.5,
        "search: open": 0.05,
        "search: one entry": 0.005,
        "search: place, time, variable": 0.02,
        "search: Chinese word": 0.2,
        "search: counts and facets": 0.5,
        "search: first 50 entries": None,
    }
    assert {limit.peak_mb for name, limit in limits.items() if name.startswith("search")} == {100}
