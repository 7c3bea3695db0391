"""The main job: from the file to a result that names its product, rerun, and never over what is not its own."""

import shutil
import struct
import sys
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

from oceandata import demo as demonstration
from oceandata.catalog import check_catalog, open_catalog
from oceandata.errors import InputError, MissingExtraError
from oceandata.storage import describe_revision, verify_revision
from oceandata.trade import load_product, read_stamp


def test_what_is_written(demo: Any) -> None:
    assert set(demo.written) == {"catalogue", "product", "series", "anomaly", "map picture", "series picture"}
    for path in demo.written.values():
        assert path.is_file()
        assert path.is_relative_to(demo.folder)
    assert sorted(path.name for path in demo.folder.iterdir()) == [
        ".oceandata-demo",
        "catalog.yaml",
        "ostia_sst_monthly",
        "product.yaml",
        "results",
    ]
    assert sorted(path.name for path in (demo.folder / "results").iterdir()) == [
        "anomaly_2009-12.nc",
        "map.png",
        "nino34.nc",
        "series.png",
    ]


def test_the_peaks_are_those_of_the_real_sea(demo: Any) -> None:
    said = "\n".join(demo.said)
    assert "La Niña: -1.66 K in 2007-12 (three-month mean)" in said
    assert "El Niño: +1.61 K in 2010-01 (three-month mean)" in said
    with xr.open_dataset(demo.written["series"]) as ds:
        smooth = ds["nino34_3m"]
        assert float(smooth.min()) == pytest.approx(-1.66, abs=0.005)
        assert float(smooth.max()) == pytest.approx(1.61, abs=0.005)


def test_the_index_against_plain_numpy(demo: Any, ostia_file: Path) -> None:
    """Area means by the sine of the cells' edges, months from the calendar: nothing of ours."""
    with xr.open_dataset(ostia_file) as raw, xr.open_dataset(demo.written["series"]) as ds:
        lat, lon = (raw[name].to_numpy().astype("f8") for name in ("latitude", "longitude"))
        cells, halves = [], [abs(axis[1] - axis[0]) / 2 for axis in (lat, lon)]
        for axis, half, (lo, hi) in ((lat, halves[0], (-5, 5)), (lon, halves[1], (190, 240))):
            edges = np.clip(axis - half, lo, hi), np.clip(axis + half, lo, hi)
            function = (lambda degrees: np.sin(np.radians(degrees))) if axis is lat else (lambda degrees: degrees)
            cells.append(function(edges[1]) - function(edges[0]))
        weights = np.outer(*cells)
        values = raw["surface_temperature"].to_numpy().astype("f8")
        valid = np.isfinite(values)
        mean = np.where(valid, values * weights, 0).sum((1, 2)) / (valid * weights).sum((1, 2))
        months = raw.time.dt.month.to_numpy()
        expected = mean - np.array([mean[months == month].mean() for month in months])
        np.testing.assert_allclose(ds["nino34"], expected, atol=2e-5)


def test_the_repository_is_sound_and_the_catalogue_has_no_faults(demo: Any) -> None:
    assert verify_revision(demo.folder / "ostia_sst_monthly").is_sound
    assert [fault for fault in check_catalog(demo.catalog) if fault.severity == "error"] == []
    entry = open_catalog(demo.catalog)["ostia_sst_monthly"]
    product = load_product(demo.written["product"])
    summary = describe_revision(demo.folder / "ostia_sst_monthly")
    assert entry.trade == product.link
    assert product.revisions[0].content_root == summary.content_root == entry.assets["maps"].content_root


def test_results_name_their_product(demo: Any) -> None:
    for name in ("series", "anomaly"):
        found, usage = read_stamp(demo.written[name])
        (one,) = found.planned
        assert (one.origin.product, one.origin.product_revision) == ("example:ostia-sst-monthly", 1)
        assert one.origin.example
        assert found.unattributed == ()
        assert usage["matches_plan"]
        assert usage["unique_bytes"] == one.stored_bytes


def test_the_folder_can_be_moved(demo: Any, tmp_path: Path) -> None:
    shutil.copytree(demo.folder, tmp_path / "moved")
    ds = open_catalog(tmp_path / "moved" / "catalog.yaml").open("ostia_sst_monthly")
    assert ds["surface_temperature"].isel(time=0).mean().compute() > 290


def _pixels(path: Path) -> np.ndarray:
    import matplotlib.image

    return np.asarray(matplotlib.image.imread(path))[..., :3]


@pytest.mark.parametrize("name", ["map picture", "series picture"])
def test_pictures_show_something(demo: Any, name: str) -> None:
    content = demo.written[name].read_bytes()
    assert content[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", content[16:24])
    assert width > 600
    assert height > 200
    pixels = _pixels(demo.written[name])
    colours = np.unique((pixels * 255).astype("u1").reshape(-1, 3), axis=0)
    assert len(colours) > 100
    white = (pixels > 0.99).all(axis=2).mean()
    assert 0.05 < white < 0.95
    assert len(zlib.compress(pixels.tobytes())) > 10_000


def test_every_word_about_the_exchange_says_example(demo: Any) -> None:
    lines = [line for line in demo.said if "product" in line.lower() and "example" not in line.lower()]
    assert [line for line in lines if not line.startswith("product: ") or "product.yaml" not in line] == []
    assert "example, not listed on any exchange" in "\n".join(demo.said)
    assert not [line for line in demo.said if "listed at" in line or "http" in line]
    assert "listing_url" not in demo.written["product"].read_text(encoding="utf-8")
    assert "listing_url" not in demo.catalog.read_text(encoding="utf-8")


def test_a_rerun_replaces(demo: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = Path(shutil.copytree(demo.folder, tmp_path / "again"))
    (folder / "results" / "old.nc").touch()
    monkeypatch.chdir(tmp_path)
    said: list[str] = []
    written = demonstration.run_demo(Path("again"), lambda text, **_: said.append(text))
    assert written["series"] == folder / "results" / "nino34.nc"
    assert not (folder / "results" / "old.nc").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["again"]
    first, second = (
        [line for line in lines if line.startswith(("La Niña", "El Niño", "climatology"))]
        for lines in (demo.said, said)
    )
    assert first == second
    assert len(first) == 3


def test_an_empty_folder_is_taken(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    demonstration._fresh_folder(tmp_path / "empty")
    assert sorted(path.name for path in (tmp_path / "empty").iterdir()) == [".oceandata-demo", "results"]


@pytest.mark.parametrize("kind", ["folder", "file"])
def test_what_is_not_its_own_is_refused_and_untouched(tmp_path: Path, kind: str) -> None:
    place = tmp_path / "precious"
    if kind == "folder":
        (place / "results").mkdir(parents=True)
        (place / "results" / "thesis.nc").write_text("ten years of work")
    else:
        place.write_text("ten years of work")
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    with pytest.raises(InputError, match="was not made by the demonstration"):
        demonstration.run_demo(place, lambda *_, **__: None)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


def test_without_the_sample_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "iris_sample_data", None)
    with pytest.raises(MissingExtraError, match=r"oceandata-exchange\[demo,plot\]"):
        demonstration.run_demo(tmp_path / "demo", lambda *_, **__: None)
    assert list(tmp_path.iterdir()) == []
