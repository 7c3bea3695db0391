"""The benchmark harness on programs whose cost is known, and the first row's programs on a small field."""

import json
import platform
import sys
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from benchmarks import __main__ as command
from benchmarks import agreement, area_mean, fields
from benchmarks.harness import Pairs, measure, run_pairs
from benchmarks.report import BEGIN, END, row_from_pairs, table, write_row, write_table
from benchmarks.work import Goal, Program, Work
from oceandata.errors import InputError, OceanDataError

ROOT = Path(__file__).parents[1]
# Stays until its memory is sampled.
LIGHT = "import time; time.sleep(0.5)"
# Holds 200 MB and does not end before it has used 0.3 s of CPU.
HEAVY = "import time\nheld = b'x' * 200_000_000\nwhile time.process_time() < 0.3: pass"
# The same in a child of the program, which itself does nothing.
PARENT = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {HEAVY!r}], check=True)"
WARM = "print('words first')\nprint('{\"cpu_s\": 2.5, \"wall_s\": 3.5}')"


def program(code: str, warm: str = "", name: str = "program", packages: tuple[str, ...] = ()) -> Program:
    warm_argv = (sys.executable, "-c", warm) if warm else ()
    return Program(name, (sys.executable, "-c", code), warm_argv, packages)


def work(ours: Program, peer: Program, **changes) -> Work:
    fields = {"name": "a", "text": "b", "goal": Goal(1.0), "prepare": lambda: None, "agree": lambda: "0 K"}
    return Work(ours=ours, peer=peer, **(fields | changes))


def pairs(ours: list[float], peer: list[float], warm: tuple[list[float], list[float]] | None = None) -> Pairs:
    sides = [[{"cpu_s": value, "wall_s": 2 * value, "peak_mb": 100 * value} for value in side] for side in (ours, peer)]
    for side, values in zip(sides, warm or (), strict=False):
        for run, value in zip(side, values, strict=True):
            run["warm_cpu_s"] = value
    return Pairs(*sides, "ours 1", "peer 2", "1e-13 K", 0.25)


@pytest.mark.parametrize("code", [HEAVY, PARENT], ids=["program", "child"])
def test_cpu_and_memory_of_the_tree_are_counted(code: str) -> None:
    light, heavy = measure([sys.executable, "-c", LIGHT]), measure([sys.executable, "-c", code])
    assert heavy.cpu_s >= 0.3 > light.cpu_s
    assert heavy.peak_mb >= 200 > light.peak_mb > 1
    assert heavy.wall_s > 0


def test_one_measurement_does_not_count_in_the_next() -> None:
    measure([sys.executable, "-c", HEAVY])
    assert measure([sys.executable, "-c", LIGHT]).cpu_s < 0.3


def test_failing_program_is_an_error_with_what_it_wrote() -> None:
    with pytest.raises(OceanDataError, match=r"status 3.*\n(.*\n)*out of ink"):
        measure([sys.executable, "-c", "import sys; print('out of ink', file=sys.stderr); sys.exit(3)"])


def test_row_of_two_programs() -> None:
    one = work(program(HEAVY, WARM), program(LIGHT))
    row = row_from_pairs(one, run_pairs(one, 2))
    assert row["runs"] == 2
    assert row["spread"][0] <= row["ratio"] <= row["spread"][1]
    assert row["ratio"] > 1
    assert row["met"] is False
    assert row["ours"]["peak_mb"]["min"] > row["peer"]["peak_mb"]["max"]
    assert row["ours"]["warm_cpu_s"] == {"median": 2.5, "min": 2.5, "max": 2.5}
    assert "warm_cpu_s" not in row["peer"]
    assert row["warm_ratio"] is None
    json.dumps(row)


def test_sides_take_turns(tmp_path: Path) -> None:
    log = tmp_path / "log"

    def writes(letter: str) -> str:
        return f"open({str(log)!r}, 'a').write({letter!r})\n"

    ours = program(writes("a"), writes("A") + WARM)
    peer = program(writes("b"), writes("B") + WARM)
    one = work(ours, peer, prepare=lambda: log.write_text("p"), agree=log.read_text)
    assert run_pairs(one, 2).difference == "pab"
    assert log.read_text() == "pab" + "abab" + "ABAB"


def test_disagreement_stops_before_anything_is_measured() -> None:
    def disagree() -> str:
        msg = "the means differ"
        raise OceanDataError(msg)

    with pytest.raises(OceanDataError, match="the means differ"):
        run_pairs(work(program(LIGHT), program(LIGHT), agree=disagree), 1)


@pytest.mark.parametrize("code", ["print('no JSON')", "print('{\"cpu_s\": 1}')", "pass", "print('[1]')"])
def test_second_call_without_its_time_is_an_error(code: str) -> None:
    with pytest.raises(OceanDataError, match="need JSON with cpu_s and wall_s"):
        run_pairs(work(program(LIGHT, code), program(LIGHT)), 1)


def test_versions_come_from_the_environment_of_the_program() -> None:
    taken = run_pairs(work(program(LIGHT, packages=("numpy",)), program(LIGHT)), 1)
    assert taken.ours_version == f"numpy {np.__version__}"
    assert taken.peer_version == ""


def test_ratio_is_the_median_of_the_pairs() -> None:
    row = row_from_pairs(work(program(LIGHT), program(LIGHT)), pairs([1.0, 4.0, 3.0], [2.0, 2.0, 4.0]))
    assert (row["ratio"], row["spread"]) == (0.75, [0.5, 2.0])
    assert row["ours"]["cpu_s"] == {"median": 3.0, "min": 1.0, "max": 4.0}
    assert row["met"] is True


@pytest.mark.parametrize(
    ("goal", "warm", "met"),
    [
        (Goal(1.0, 0.9), ([0.8], [1.0]), True),
        (Goal(1.0, 0.9), ([0.95], [1.0]), False),
        (Goal(1.0, 0.9), None, False),
        (Goal(0.4, 0.9), ([0.8], [1.0]), False),
        (Goal(1.0), ([5.0], [1.0]), True),
    ],
)
def test_goals_are_met_together(goal: Goal, warm: tuple[list[float], list[float]] | None, met: bool) -> None:
    assert row_from_pairs(work(program(LIGHT), program(LIGHT), goal=goal), pairs([1.0], [2.0], warm))["met"] is met


def test_table_is_written_anew_between_its_markers(tmp_path: Path) -> None:
    document, results = tmp_path / "performance.md", tmp_path / "results"
    document.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    first = row_from_pairs(work(program(LIGHT), program(LIGHT), name="one"), pairs([1.0], [2.0], ([3.0], [4.0])))
    write_row(first, results / "area.json")
    write_row(first | {"work": "two", "ratio": 1.25, "met": False}, results / "area.json")
    write_row(first | {"ratio": 0.625}, results / "area.json")
    assert [row["work"] for row in json.loads((results / "area.json").read_text())] == ["one", "two"]
    write_table(results, document)
    text = document.read_text()
    assert text == f"before\n{BEGIN}\n{table(results)}\n{END}\nafter\n"
    assert "| 1.00 / 2.00 | 0.62 (0.50–0.50, goal 1) | 3.00 / 4.00 | 0.75 (0.75–0.75) | 100 / 200 | yes |" in text
    assert "| 1.25 (0.50–0.50, goal 1) | 3.00 / 4.00 | 0.75 (0.75–0.75) | 100 / 200 | **no** |" in text
    write_table(results, document)
    assert document.read_text() == text


@pytest.mark.parametrize("text", ["", f"{BEGIN}\n", f"{END}\n{BEGIN}\n", f"{BEGIN}{END}{BEGIN}{END}"])
def test_document_without_a_place_for_the_table(tmp_path: Path, text: str) -> None:
    (tmp_path / "doc.md").write_text(text)
    with pytest.raises(OceanDataError, match="no place for the table"):
        write_table(tmp_path, tmp_path / "doc.md")
    assert (tmp_path / "doc.md").read_text() == text


def test_committed_table_is_that_of_the_committed_results() -> None:
    results = ROOT / "benchmarks" / "results"
    assert f"{BEGIN}\n{table(results)}\n{END}" in (ROOT / "docs" / "performance.md").read_text(encoding="utf-8")
    for file in results.glob("*.json"):
        text = file.read_text(encoding="utf-8")
        assert str(Path.home()) not in text
        assert str(ROOT) not in text
        assert f'"{platform.node()}"' not in text
        assert {row["work"] for row in json.loads(text)} <= {
            row.name for _, row in command.chosen([file.stem], "", ROOT)
        }


def test_command_lists_its_rows(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["--list"]) == 0
    assert "analysis: area mean against plain xarray" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("argv", "fault"),
    [
        (["analysys"], "no area 'analysys'. Close: 'analysis'"),
        (["--work", "area men"], "no row 'area men'. Close: 'area mean'"),
        (["--runs", "0"], "--runs is 0, need at least 1"),
    ],
)
def test_command_refuses(argv: list[str], fault: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(argv) == 2
    assert fault in capsys.readouterr().err
    with pytest.raises(InputError, match="no area"):
        command.chosen(["plankton"], "", ROOT)


@pytest.fixture
def small_field(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The field of the first row, five days of it."""
    monkeypatch.setattr(fields, "_DAYS", 5)
    monkeypatch.setattr(fields, "_CHUNKS", (2, 90, 90))
    fields.write_field(tmp_path / "field")
    return tmp_path / "field"


def test_both_programs_agree_with_a_mean_by_hand(
    small_field: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    outputs = {side: tmp_path / f"{side}.npy" for side in ("ours", "peer")}
    for side, out in outputs.items():
        area_mean.main(side, str(small_field), str(out), "2")
        assert set(json.loads(capsys.readouterr().out)) == {"cpu_s", "wall_s"}
    assert agreement.check_means(outputs["ours"], outputs["peer"]).endswith(" K")
    from oceandata.storage import open_store

    sst = xr.open_dataset(open_store(small_field), engine="zarr", group="maps", consolidated=False)["sst"]
    values, lat = sst.to_numpy().astype(np.float64), sst["lat"].to_numpy()
    land = np.isnan(values[0])
    assert (np.isnan(values) == land).all()
    assert 0.3 < land.mean() < 0.34
    assert np.nanmax(np.abs(values * 100 - np.round(values * 100))) < 1e-3
    areas = (np.sin(np.radians(lat + 0.5)) - np.sin(np.radians(lat - 0.5)))[:, None] * ~land
    by_hand = (np.where(land, 0.0, values) * areas).sum(axis=(1, 2)) / areas.sum()
    np.testing.assert_allclose(np.load(outputs["ours"]), by_hand, rtol=0, atol=1e-10)


def test_field_is_the_same_again_and_not_rewritten(small_field: Path, tmp_path: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in small_field.rglob("*")}
    fields.write_field(small_field)
    assert {path: path.stat().st_mtime_ns for path in small_field.rglob("*")} == before
    (tmp_path / "again.unfinished").mkdir()
    (tmp_path / "again.unfinished" / "left by a killed run").touch()
    fields.write_field(tmp_path / "again")
    assert not (tmp_path / "again.unfinished").exists()
    np.testing.assert_array_equal(area_mean.ours(str(small_field)), area_mean.ours(str(tmp_path / "again")))


@pytest.mark.parametrize("other", [[1.0, 2.0 + 2e-9], [1.0, np.nan], [1.0], [[1.0, 2.0]]])
def test_means_that_differ(tmp_path: Path, other: list[float]) -> None:
    np.save(tmp_path / "a.npy", np.array([1.0, 2.0]))
    np.save(tmp_path / "b.npy", np.array(other))
    assert agreement.check_means(tmp_path / "a.npy", tmp_path / "a.npy") == "0.0e+00 K"
    with pytest.raises(OceanDataError, match="No row was written"):
        agreement.check_means(tmp_path / "a.npy", tmp_path / "b.npy")
