"""import, export and the template of a sheet on the command line."""

import csv
import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from oceandata.catalog import open_catalog, register_entry
from oceandata.catalog.transfer.tables import read_table, write_table

Run = Callable[..., subprocess.CompletedProcess[str]]

# rdflib's own parser of JSON-LD uses a class that rdflib has deprecated
pytestmark = pytest.mark.filterwarnings("ignore:ConjunctiveGraph is deprecated:DeprecationWarning")

HEADERS = ["数据集编号", "数据集名称", "要素", "空间范围", "数据地址", "安全级别"]
GOOD = ["bohai_sst", "渤海海表温度", "sst", "117°E～123°E，37°N～41°N", "https://data.example.org/bohai.zarr", "一般"]
BAD = ["bad", "坏", "sst", "渤海", "https://data.example.org/bad.zarr", ""]


def sheet(path: Path, *rows: list[str]) -> Path:
    with path.open("w", encoding="gb18030", newline="") as stream:
        csv.writer(stream).writerows([HEADERS, *rows])
    return path


def test_a_sheet_is_imported_and_its_faults_told(run: Run, tmp_path: Path) -> None:
    done = run("catalog", "import", sheet(tmp_path / "s.csv", GOOD, BAD), "--faults", "back.xlsx")
    assert done.returncode == 1
    assert "row 3, bad: error: 空间范围 (extent.bbox): '渤海' is no box." in done.stdout
    assert "1 created" in done.stdout
    assert "back.xlsx: mend the rows there" in done.stdout
    assert list(open_catalog(tmp_path / "catalog.yaml")) == ["bohai_sst"]
    assert len(read_table(tmp_path / "back.xlsx", len).rows) == 1


def test_a_sound_sheet_ends_with_0_and_a_dry_run_writes_nothing(run: Run, tmp_path: Path) -> None:
    path = sheet(tmp_path / "s.csv", GOOD)
    done = run("catalog", "import", path, "--dry-run")
    assert (done.returncode, "1 would be created" in done.stdout) == (0, True)
    assert not (tmp_path / "catalog.yaml").exists()
    report = json.loads(run("catalog", "import", path, "--json").stdout)
    assert report["counts"] == {"created": 1, "updated": 0, "unchanged": 0, "refused": 0}


def test_differences_are_told_and_replaced_on_demand(run: Run, tmp_path: Path) -> None:
    run("catalog", "import", sheet(tmp_path / "s.csv", GOOD))
    other = [*GOOD]
    other[1] = "新名称"
    done = run("catalog", "import", sheet(tmp_path / "s.csv", other))
    assert "title_zh is '渤海海表温度', kept; the source says '新名称'" in done.stdout
    assert "--replace lets the source win" in done.stdout
    assert open_catalog(tmp_path / "catalog.yaml")["bohai_sst"].title_zh == "渤海海表温度"
    assert "replaced by '新名称'" in run("catalog", "import", tmp_path / "s.csv", "--replace").stdout
    assert open_catalog(tmp_path / "catalog.yaml")["bohai_sst"].title_zh == "新名称"


def test_own_columns(run: Run, tmp_path: Path) -> None:
    (tmp_path / "map.yaml").write_text("title: 题目\n", encoding="utf-8")
    (tmp_path / "s.csv").write_text("id,题目,url\nsst,SST,https://a.example.org/x.zarr\n", encoding="utf-8")
    assert run("catalog", "import", "s.csv", "--columns", "map.yaml").returncode == 0
    assert open_catalog(tmp_path / "catalog.yaml")["sst"].title == "SST"


@pytest.mark.parametrize(
    ("vocabulary", "target", "checked"),
    [("stac", "tree", "by pystac"), ("dcat", "c.jsonld", "by pyshacl"), ("sheet", "目录.xlsx", "")],
)
def test_all_that_may_leave_is_exported(run: Run, tmp_path: Path, vocabulary: str, target: str, checked: str) -> None:
    kept = [*BAD]
    kept[3] = ""
    run("catalog", "import", sheet(tmp_path / "s.csv", GOOD, kept))
    words = ["catalog", "export", "--all", "--as", vocabulary, "--to", target]
    done = run(*words)
    assert done.returncode == 0, done.stderr
    assert "withheld: entry 'bad' may not be released" in done.stdout
    assert f"1 written to {target}" in done.stdout
    assert checked in done.stdout
    assert (tmp_path / target).exists()
    assert "--replace" in run(*words).stderr
    shown = json.loads(run(*words, "--replace", "--json").stdout)
    assert (shown["exported"], list(shown["withheld"])) == (["bohai_sst"], ["bad"])


def test_an_entry_that_is_named_and_may_not_leave_is_an_error(run: Run, tmp_path: Path) -> None:
    kept = [*GOOD]
    kept[5] = "核心"
    run("catalog", "import", sheet(tmp_path / "s.csv", kept))
    done = run("catalog", "export", "bohai_sst", "--as", "sheet", "--to", "x.csv")
    assert done.returncode == 1
    assert "grade is 'core', need 'general', or a decision of a named person" in done.stderr
    assert not (tmp_path / "x.csv").exists()


@pytest.mark.parametrize("names", [[], ["bohai_sst", "--all"]])
def test_names_or_all_not_both(run: Run, tmp_path: Path, names: list[str]) -> None:
    done = run("catalog", "export", *names, "--as", "stac", "--to", "tree")
    assert done.returncode == 2


def test_the_template_of_a_sheet_is_filled_in_and_imported(run: Run, tmp_path: Path) -> None:
    assert run("catalog", "template", "--for", "sheet").returncode == 2
    for name, lang in (("t.xlsx", "zh"), ("t.csv", "en")):
        assert run("catalog", "template", "--for", "sheet", "--to", name, "--lang", lang).returncode == 0
        table = read_table(tmp_path / name, len)
        row = {"数据集编号": "sst", "英文名称": "SST", "数据地址": "https://a.example.org/x.zarr"}
        row |= {"id": "sst", "title": "SST", "address": "https://a.example.org/x.zarr"}
        write_table(tmp_path / f"f{name}", table.headers, [[row.get(header) for header in table.headers]])
        assert run("catalog", "import", f"f{name}", "--catalog", f"{lang}.yaml").returncode == 0
    assert open_catalog(tmp_path / "zh.yaml")["sst"] == open_catalog(tmp_path / "en.yaml")["sst"]


def test_a_template_is_not_written_over_what_somebody_filled_in(run: Run, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("mine", encoding="utf-8")
    for purpose in ("sheet", "overlay"):
        done = run("catalog", "template", "--for", purpose, "--to", "t.csv")
        assert (done.returncode, "already" in done.stderr) == (1, True)
    assert (tmp_path / "t.csv").read_text(encoding="utf-8") == "mine"


def test_the_overlay_is_still_printed(run: Run, tmp_path: Path) -> None:
    printed = run("catalog", "template").stdout
    assert "title_zh" in printed
    run("catalog", "template", "--to", "overlay.yaml")
    assert (tmp_path / "overlay.yaml").read_text(encoding="utf-8") == printed


def test_a_real_entry_leaves_without_its_path(run: Run, tmp_path: Path, demo: object) -> None:
    """The demonstration's catalogue: a graded copy of its entry goes out as STAC, its local repository does not."""
    catalog = demo.catalog  # type: ignore[attr-defined]
    name, entry = next(iter(open_catalog(catalog).items()))
    refused = run("catalog", "export", name, "--catalog", catalog, "--as", "stac", "--to", "tree")
    assert "grade is absent" in refused.stderr
    register_entry(tmp_path / "graded.yaml", entry.model_copy(update={"grade": "general"}))
    done = run("catalog", "export", name, "--catalog", "graded.yaml", "--as", "stac", "--to", "tree")
    assert done.returncode == 0, done.stderr
    text = (tmp_path / "tree" / name / "collection.json").read_text(encoding="utf-8")
    assert "surface_temperature" in text
    assert "CATALOG_DIR" not in text
    assert str(tmp_path) not in text
    assert entry.assets["maps"].snapshot not in text
