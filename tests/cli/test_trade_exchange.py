"""Exports, drift and dossiers from the shell: exit codes for cron, both languages, JSON, dry runs."""

import json
import shlex
from pathlib import Path
from typing import Any

import pytest

from tests.trade.exchange.world import World, build


@pytest.fixture
def world(ostia_repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """Registry, catalogue, export and repository that agree, in the current folder."""
    for name in ("OCEANDATA_REGISTRY", "OCEANDATA_CATALOG"):
        monkeypatch.delenv(name, raising=False)
    return build(tmp_path, ostia_repository)


def _drift(run: Any, world: World, *words: object) -> Any:
    places = ("--registry", "registry.sqlite", "--catalog", "catalog.yaml", "--export", world.write_rows().name)
    return run("trade", "drift", *places, *words)


def test_exit_codes_of_drift(run: Any, world: World) -> None:
    done = _drift(run, world)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith("drift     0\n")
    world.rows[0]["单价"] = "9.99元/GB"
    done = _drift(run, world, "--lang", "zh", "--to", "差异.xlsx")
    assert done.returncode == 1
    for said in ("错误: 价格不一致", "按流量 9.99 CNY", "按流量 0.80 CNY", "oceandata trade offer qd:sst", "差异.xlsx"):
        assert said in done.stdout
    assert (world.folder / "差异.xlsx").is_file()
    found = json.loads(_drift(run, world, "--json", "--no-data").stdout)
    assert found["counts"] == {"price-differs": 1}
    assert found["differences"][0]["second"]["as_of"] == "2026-11-20"


def test_what_cannot_be_compared_is_no_difference(run: Any, world: World) -> None:
    done = run("trade", "drift", "--registry", "missing.sqlite")
    assert done.returncode == 2
    assert "there is no registry at missing.sqlite" in done.stderr
    done = run("trade", "drift", "--registry", "registry.sqlite", "--export", "missing.csv")
    assert done.returncode == 2
    assert run("trade", "drift", "--what").returncode == 2
    world.rows[1]["状态"] = "神秘"
    done = _drift(run, world)
    assert done.returncode == 1
    assert "not checked  export.json, row 2" in done.stdout


def test_an_export_is_read_and_kept(run: Any, tmp_path: Path) -> None:
    source = tmp_path / "清单.csv"
    source.write_bytes("产品编号,单价（万元）,状态\nA,１．２,在售\nB,x,在售\n".encode("gb18030"))
    words = ("trade", "import-listings", "清单.csv", "--to", "kept.json", "--faults", "待修改.xlsx")
    dry = run(*words, "--dry-run")
    assert dry.returncode == 1
    assert "row 3: error: 单价（万元）: 'x' is no amount" in dry.stdout
    assert "nothing: a dry run" in dry.stdout
    assert sorted(path.name for path in tmp_path.iterdir()) == ["清单.csv"]
    done = run(*words, "--as-of", "2026-11-20")
    assert done.returncode == 1
    kept = json.loads((tmp_path / "kept.json").read_text(encoding="utf-8"))
    assert (kept["as_of"], kept["rows"]) == (
        "2026-11-20",
        [{"code": "A", "amount": "12000", "currency": "CNY", "state": "listed"}],
    )
    assert (tmp_path / "待修改.xlsx").is_file()
    source.write_bytes("产品编号,单价（万元）,状态\nA,１．３,在售\n".encode("gb18030"))
    again = json.loads(run("trade", "import-listings", "清单.csv", "--to", "kept.json", "--json").stdout)
    assert again["counts"] == {"created": 0, "updated": 1, "unchanged": 0, "gone": 0, "refused": 0}


def test_a_link_is_mended_by_the_command_that_drift_names(run: Any, world: World) -> None:
    world.edit_entry("sst", trade={"listing_url": ""})
    (one,) = json.loads(_drift(run, world, "--json", "--no-data").stdout)["differences"]
    words = [*shlex.split(one["command"])[1:], "--registry", "registry.sqlite"]
    before = world.catalog.read_bytes()
    dry = run(*words, "--dry-run")
    assert dry.returncode == 0, dry.stderr
    for said in ("trade.listing_url", "nothing", "https://exchange.example/goods/1", "nothing was written: a dry run"):
        assert said in dry.stdout
    assert world.catalog.read_bytes() == before
    done = run(*words, "--json")
    assert [one["field"] for one in json.loads(done.stdout)["changes"]] == ["trade.listing_url"]
    assert _drift(run, world, "--no-data").returncode == 0
    assert run(*words).stdout == "everything is linked already\n"
    assert run(*words, "--lang", "zh").stdout == "均已关联\n"


def test_listing_links_both_ways(run: Any, world: World) -> None:
    page = "https://second.example/7"
    words = (
        "trade",
        "list",
        "qd:sst",
        "--registry",
        "registry.sqlite",
        "--actor",
        "Qian Er",
        "--catalog",
        world.catalog,
    )
    place = ("--exchange", "Second", "--code", "B-1", "--url", page, "--url-verified-by", "Qian Er")
    world.edit_entry("sst", trade={"listing_url": ""})
    before = world.catalog.read_bytes()
    dry = run(*words, *place, "--dry-run")
    assert dry.returncode == 0, dry.stderr
    assert f", sst: trade.listing_url: nothing -> {page}" in dry.stderr
    assert world.catalog.read_bytes() == before
    world.edit_entry("sst", trade={"example": True})
    refused = run(*words, *place)
    assert refused.returncode == 1
    assert "entry 'sst' is marked as an example, which no exchange lists" in refused.stderr
    with world.registry() as registry:
        assert len(registry.listings("qd:sst")) == 1
    world.edit_entry("sst", trade={"example": False})
    done = run(*words, *place, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["act"] == "list"
    from oceandata.catalog import open_catalog

    link = open_catalog(world.catalog)["sst"].trade
    assert link is not None
    assert link.listing_url == page


def test_an_export_that_names_no_exchange(run: Any, world: World) -> None:
    for row in world.rows:
        del row["交易所"]
    del world.rows[1]
    done = _drift(run, world, "--no-data")
    assert done.returncode == 1
    assert "not checked  export.json does not say of which exchange it is" in done.stdout
    found = json.loads(_drift(run, world, "--no-data", "--json", "--exchange", "第一交易所").stdout)
    assert found["counts"] == {"only-in-registry": 1}
    kept = run("trade", "import-listings", "export.json", "--to", "kept.json", "--exchange", "第一交易所")
    assert kept.returncode == 0, kept.stdout
    words = ("--registry", "registry.sqlite", "--export", "kept.json", "--no-data", "--json")
    assert json.loads(run("trade", "drift", *words).stdout)["counts"] == {"only-in-registry": 1}


def test_dossiers(run: Any, world: World) -> None:
    done = run("trade", "dossier", "qd:sst", "--registry", "registry.sqlite", "--to", "d.html", "--lang", "zh")
    assert done.returncode == 0, done.stderr
    assert "准确性" in done.stdout
    assert "未知" in done.stdout
    assert "未知" in (world.folder / "d.html").read_text(encoding="utf-8")
    words = ("--standard-name", "surface_temperature=sea_surface_temperature", "--lag", "P60D", "--at", "2010-11-01")
    found = json.loads(run("trade", "dossier", "sst", *words, "--json").stdout)
    assert found["quality"]["timeliness"]["score"] == 1
    assert found["quality"]["accuracy"].get("score") is None
    assert found["settings"]["at"] == "2010-11-01T00:00:00+00:00"
    assert run("trade", "dossier", "sst", "--standard-name", "x").returncode == 2
    assert run("trade", "dossier", "qd:none", "--registry", "registry.sqlite").returncode == 1
