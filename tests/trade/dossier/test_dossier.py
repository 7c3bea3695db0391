"""The quality dossier on a real repository with planted faults: each is counted exactly, and unknown stays unknown."""

import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pytest
import xarray as xr

from oceandata import storage
from oceandata.errors import InputError, NotFoundError
from oceandata.trade import registry as reg
from oceandata.trade.dossier import Check, Dossier, assess, assess_product, write_dossier
from oceandata.trade.dossier.metadata_checks import coordinate_order, time_gaps
from oceandata.trade.quality import DIMENSIONS, Quality
from oceandata.trade.revise import plan_product_revision, revise_product

NAME = "surface_temperature"
SST = {NAME: "sea_surface_temperature"}
CELLS, STEPS = 5_721, 54


def _one(dossier: Dossier, method: str, variable: str = "") -> Check:
    (found,) = [one for one in dossier.checks if one.method.startswith(f"{method}/") and variable in ("", one.variable)]
    return found


@pytest.fixture(scope="module")
def sound(ostia_repository: Path) -> Dossier:
    return assess(ostia_repository, standard_names=SST)


@pytest.fixture
def planted(ostia_file: Path, tmp_path: Path) -> Callable[..., Dossier]:
    """Repository of the file after somebody changed it, assessed."""

    def made(change: Callable[[xr.Dataset], xr.Dataset], **settings: Any) -> Dossier:
        with xr.open_dataset(ostia_file, decode_times=False) as ds:
            change(ds.load()).to_netcdf(tmp_path / "changed.nc")
        url = tmp_path / "changed"
        storage.write_repository(storage.plan_ingest([tmp_path / "changed.nc"], url, chunk_bytes=400_000))
        return assess(url, standard_names=SST, **settings)

    return made


def test_a_sound_revision(sound: Dossier) -> None:
    assert [one.score for one in sound.checks if one.method != "reference/1"].count(None) == 1
    assert _one(sound, "newest-step").score is None
    missing = _one(sound, "non-missing")
    assert (missing.score, missing.found["valid"], missing.found["cells"]) == (1, CELLS * STEPS, CELLS)
    assert _one(sound, "gaps").found == {"present": 54, "expected": 54, "gaps": 0, "step": "P1M"}
    plausible = _one(sound, "plausible-range")
    assert plausible.score == 1
    assert plausible.found["range"] == pytest.approx([268.15, 323.15])
    assert _one(sound, "stored-chunks").score == 1
    assert _one(sound, "content-root").found["recomputed"] == sound.content_root


def test_unknown_stays_unknown_and_there_is_no_overall_grade(sound: Dossier) -> None:
    quality = sound.to_quality()
    assert quality.accuracy is not None
    assert quality.accuracy.score is None
    assert "no reference" in quality.accuracy.metric
    assert quality.timeliness is not None
    assert quality.timeliness.score is None
    assert "nobody promised" in quality.timeliness.metric
    known = {name: getattr(quality, name).score for name in DIMENSIONS}
    assert known == dict.fromkeys(DIMENSIONS, 1.0) | {"accuracy": None, "timeliness": None}
    assert Quality.from_json(quality.to_json()) == quality
    assert "grade" not in json.dumps(sound.to_json())
    assert all(one.evidence.startswith("sha256:") for one in sound.checks)


def test_the_same_is_found_again_elsewhere(sound: Dossier, ostia_repository: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(ostia_repository, tmp_path / "copy")
    again = assess(copy, standard_names=SST)
    assert again.evidence == sound.evidence
    assert [one.evidence for one in again.checks] == [one.evidence for one in sound.checks]
    assert assess(copy).evidence != sound.evidence


def test_missing_values_are_counted_over_the_sea(planted: Callable[..., Dossier]) -> None:
    def change(ds: xr.Dataset) -> xr.Dataset:
        values = ds[NAME].values
        sea = np.argwhere(np.isfinite(values[5]))[:300]
        values[5, sea[:, 0], sea[:, 1]] = np.nan
        return ds

    found = planted(change)
    check = _one(found, "non-missing")
    assert check.found["valid"] == CELLS * STEPS - 300
    assert check.score == 1 - 300 / (CELLS * STEPS)
    completeness = found.to_quality().completeness
    assert completeness is not None
    assert completeness.score == check.score
    assert all(one.score == 1 for one in found.checks if one.score is not None and one is not check)


def test_a_step_that_is_missing(planted: Callable[..., Dossier]) -> None:
    found = planted(lambda ds: ds.isel(time=[step for step in range(STEPS) if step not in (7, 8, 30)]))
    check = _one(found, "gaps")
    assert check.found == {"present": 51, "expected": 54, "gaps": 2, "step": "P1M"}
    assert check.score == 51 / 54
    assert _one(found, "non-missing").score == 1


def test_values_that_cannot_be(planted: Callable[..., Dossier]) -> None:
    def change(ds: xr.Dataset) -> xr.Dataset:
        values = ds[NAME].values
        sea = np.argwhere(np.isfinite(values))[:7]
        values[tuple(sea.T)] = 340.0
        return ds

    check = _one(planted(change), "plausible-range")
    assert check.score == 1 - 7 / (CELLS * STEPS)
    assert check.found["above"] == 7
    assert check.found["high"] == pytest.approx(340)


def test_units_that_nobody_knows(planted: Callable[..., Dossier]) -> None:
    def change(ds: xr.Dataset) -> xr.Dataset:
        ds[NAME].attrs["units"] = "smoots"
        return ds

    found = planted(change)
    check = _one(found, "cf-facts")
    assert check.score == 3 / 4
    assert "not: units are known" in check.metric
    assert _one(found, "plausible-range").score is None


def test_a_damaged_chunk(ostia_repository: Path, tmp_path: Path) -> None:
    url = Path(shutil.copytree(ostia_repository, tmp_path / "copy"))
    file = max((url / "chunks").iterdir(), key=lambda path: path.stat().st_size)
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    found = assess(url, standard_names=SST)
    stored = _one(found, "stored-chunks")
    assert stored.score == 1 - 1 / stored.found["checked"]
    assert len(stored.found["damaged"]) == 1
    assert _one(found, "content-root").score == 0
    quality = found.to_quality()
    assert quality.accessibility is not None
    assert quality.accessibility.score is not None
    assert quality.accessibility.score < 1


def test_chunks_that_cannot_be_decoded(ostia_repository: Path, tmp_path: Path) -> None:
    url = Path(shutil.copytree(ostia_repository, tmp_path / "copy"))
    files = [path for path in (url / "chunks").iterdir() if path.stat().st_size > 20_000]
    for file in files:
        file.write_bytes(b"\0" * file.stat().st_size)
    found = assess(url, standard_names=SST)
    for method in ("non-missing", "plausible-range"):
        check = _one(found, method)
        assert check.score is None
        assert "cannot be read" in check.reason
    assert _one(found, "first-chunk").score == 0
    assert _one(found, "stored-chunks").found["checked"] > len(files)
    assert len(_one(found, "stored-chunks").found["damaged"]) == len(files)


@pytest.mark.parametrize(
    ("lag", "at", "score"),
    [
        ("P60D", datetime(2010, 11, 1, tzinfo=UTC), 1.0),
        ("P23D", datetime(2010, 11, 1, tzinfo=UTC), 0.5),
        ("P3W2D", datetime(2010, 11, 1, tzinfo=UTC), 0.5),
    ],
)
def test_the_newest_step_and_what_was_promised(ostia_repository: Path, lag: str, at: datetime, score: float) -> None:
    check = _one(assess(ostia_repository, lag=lag, at=at), "newest-step")
    assert check.found["newest"] == "2010-09-16T00:00:00+00:00"
    assert check.score == score


def test_a_sample_can_be_drawn_again(ostia_repository: Path) -> None:
    first, again, other = (assess(ostia_repository, fraction=0.4, seed=seed) for seed in (3, 3, 5))
    assert first.evidence == again.evidence
    assert first.evidence != other.evidence
    check = _one(first, "non-missing")
    assert check.sample == "2 of 5 chunks along time, seed 3"
    assert check.found["steps"] < STEPS
    assert check.found["valid"] == CELLS * check.found["steps"]
    completeness = first.to_quality().completeness
    assert completeness is not None
    assert completeness.sample == check.sample


@pytest.mark.parametrize("settings", [{"fraction": 0.0}, {"fraction": 1.1}, {"seed": -1}, {"lag": "soon"}])
def test_settings_that_make_no_sense(ostia_repository: Path, settings: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="need"):
        assess(ostia_repository, **settings)


def test_names_of_nothing(ostia_repository: Path, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        assess(tmp_path / "missing")
    with pytest.raises(NotFoundError, match="no variable 'sst'"):
        assess(ostia_repository, standard_names={"sst": "sea_surface_temperature"})


def _times(*days: int) -> xr.Dataset:
    origin = np.datetime64("2020-01-01", "ns")
    values = np.array([origin + np.timedelta64(day, "D") for day in days])
    return xr.Dataset(coords={"time": ("time", values, {"standard_name": "time"})})


@pytest.mark.parametrize(
    ("days", "score", "twice"), [((0, 1, 2, 3), 1, 0), ((0, 1, 1, 2), 2 / 3, 1), ((0, 2, 1, 3, 4), 3 / 4, 0)]
)
def test_order_of_coordinates(days: tuple[int, ...], score: float, twice: int) -> None:
    (check,) = coordinate_order(_times(*days))
    assert check.score == pytest.approx(score)
    assert check.found["twice"] == twice


@pytest.mark.parametrize(
    ("days", "score"), [((0, 1, 2, 3), 1), ((0, 1, 2, 5, 6), 5 / 7), ((0, 1, 1, 2, 3), 1), ((0, 1, 7, 9), None)]
)
def test_gaps_in_time(days: tuple[int, ...], score: float | None) -> None:
    (check,) = time_gaps(_times(*days))
    assert check.score == score
    assert bool(check.reason) == (score is None)


def test_of_a_product(ostia_repository: Path, tmp_path: Path) -> None:
    url = shutil.copytree(ostia_repository, tmp_path / "copy")
    document = {
        "id": "qd:sst",
        "title": {"en": "Monthly sst"},
        "provider": {"en": "Second Institute"},
        "licence": "CC-BY-4.0",
        "attribution": {"en": "Second Institute"},
        "record_unit": "monthly grid",
        "entry": "sst",
    }
    with reg.create_registry(tmp_path / "registry.sqlite", actor="Zhao Yi") as registry:
        reg.add_product(registry, document, actor="Qian Er")
        with pytest.raises(NotFoundError, match="no final revision"):
            assess_product(registry, "qd:sst")
        revise_product(registry, plan_product_revision(registry, "qd:sst", url), actor="Qian Er")
        found = assess_product(registry, "qd:sst", lag="P2D", at=datetime(2010, 9, 17, tzinfo=UTC))
        assert (found.product, found.revision, found.tag) == ("qd:sst", 1, "r1")
        assert _one(found, "content-root").found["pinned"] == found.content_root
        with pytest.raises(NotFoundError, match="no revision 2"):
            assess_product(registry, "qd:sst", number=2)
    other = assess(url, content_root="sha256:" + "0" * 64)
    assert _one(other, "content-root").score == 0


def test_every_form(sound: Dossier, tmp_path: Path) -> None:
    document = json.loads(write_dossier(tmp_path / "d.json", sound).read_text(encoding="utf-8"))
    assert document["evidence"] == sound.evidence
    assert {one["dimension"] for one in document["checks"]} == set(DIMENSIONS)
    for language, word, unknown in (("en", "accuracy", "unknown"), ("zh", "准确性", "未知")):
        for suffix in ("html", "md"):
            path = write_dossier(tmp_path / f"d.{suffix}", sound, language=language)  # type: ignore[arg-type]
            text = path.read_text(encoding="utf-8")
            assert word in text
            assert unknown in text
        sheet = openpyxl.load_workbook(
            write_dossier(tmp_path / "d.xlsx", sound, language=language)  # type: ignore[arg-type]
        ).active
        assert sheet.max_row == len(sound.checks) + 1
        assert word in {cell.value for cell in sheet["A"]}
    assert "accuracy" in sound._repr_html_()


def test_a_score_that_is_not_quite_one_does_not_look_so() -> None:
    checks = tuple(Check("accuracy", "a/1", score, "m") for score in (1.0, 0.999999, 0.00001, 0.5))
    dossier = Dossier("", None, "r", "maps", "r1", "S", "sha256:0", {}, checks)
    assert [row[3] for row in dossier.rows()] == ["1", "> 0.9999", "< 0.0001", "0.5"]
