"""Answers with ``--lang zh``: every word that a person reads is Chinese, but for names, units, licences, commands."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from oceandata import set_options
from oceandata.catalog import open_catalog
from oceandata.trade import registry as reg
from oceandata.trade import write_result
from tests.cli.conftest import Run
from tests.trade.exchange.world import World, build

PLACES = ("--registry", "registry.sqlite")
NAMES = ("qd:sst", "qd:ice", "surface_temperature", "registry.sqlite", "catalog.yaml", "mean.nc", "float32")
NAMES += ("CC-BY-4.0", "export.json", "provider.key", "kept.json")


@pytest.fixture(scope="module")
def built(ostia_repository: Path, tmp_path_factory: pytest.TempPathFactory) -> World:
    """Two products on sale, an order, an entitlement, and an export."""
    return build(tmp_path_factory.mktemp("world"), ostia_repository)


@pytest.fixture
def world(built: World, run: Run, tmp_path: Path) -> World:
    """A copy in the current folder, with a result of the first product."""
    for name in ("registry.sqlite", "catalog.yaml"):
        shutil.copy(built.folder / name, tmp_path / name)
    shutil.copytree(built.repository, tmp_path / "sst")
    lazy = open_catalog(tmp_path / "catalog.yaml").open("sst", time="2009")["surface_temperature"]
    write_result(lazy.mean("time"), tmp_path / "mean.nc")
    return World(tmp_path, json.loads(json.dumps(built.rows)))


def english(text: str, *names: str) -> list[str]:
    """Words of four letters and more that are neither names nor a command to paste."""
    text = re.sub(r"\boceandata (trade|catalog) .*", " ", text)
    text = re.sub(r"sha256:[0-9a-f]+|\b[0-9A-Z]{20}\b|\b[0-9a-f]{32}\b|\S*/\S*|--[a-z]+", " ", text)
    for name in sorted((*NAMES, *names), key=len, reverse=True):
        text = text.replace(name, " ")
    return re.findall(r"[A-Za-z]{4,}", text)


def test_what_counts_as_english() -> None:
    assert english("价格 unknown: qd:sst CNY 1.2 MB --root") == ["unknown"]
    assert english("  oceandata trade list qd:sst --actor NAME\n未知 total") == ["total"]


def test_quotes(run: Run, world: World) -> None:
    shown = run("trade", "quote", "mean.nc", *PLACES, "--lang", "zh")
    assert shown.returncode == 0, shown.stderr
    for said in (
        "第 1 版报价",
        "按流量：CNY 0.80/GB",
        "登记簿 registry.sqlite，已上架：第一交易所",
        "四舍五入",
        "合计",
        "个值",
    ):
        assert said in shown.stdout
    assert english(shown.stdout) == []
    with world.registry() as registry:
        reg.add_offer(
            registry,
            "qd:sst",
            {"valid_from": "2026-01-01", "plans": [{"model": "on-request"}, {"model": "free"}]},
            actor="Qian Er",
        )
        reg.list_product(
            registry, "qd:sst", {"exchange": "第一交易所", "zone": "海洋", "code": "MD-1"}, actor="Qian Er"
        )
    asked = run("trade", "quote", "mean.nc", *PLACES, "--lang", "zh")
    assert asked.returncode == 3
    assert "未知：请询问第二研究所" in asked.stdout
    assert "合计不完整" in asked.stdout
    assert english(asked.stdout) == []
    with world.registry() as registry:
        reg.suspend_listing(registry, "qd:sst", actor="Qian Er", reason="传感器漂移")
    stopped = run("trade", "quote", "mean.nc", *PLACES, "--lang", "zh")
    assert "不在售，已暂停：传感器漂移" in stopped.stdout
    assert "若在售：面议" in stopped.stdout
    missing = run("trade", "quote", "mean.nc", "--lang", "zh")
    assert "未知：未找到产品文档" in missing.stdout
    assert english(stopped.stdout + missing.stdout) == []


def test_rights(run: Run, world: World) -> None:
    denied = run("trade", "relist", "mean.nc", *PLACES, "--lang", "zh")
    assert denied.returncode == 1
    for said in ("可否上架", "不允许", "一般", "“销售”未列明，因此不被允许", "登记簿"):
        assert said in denied.stdout
    assert "可否上架  不允许" in denied.stdout  # a Chinese character takes two columns
    unknown = run("trade", "relist", "mean.nc", "--lang", "zh")
    assert unknown.returncode == 3
    assert "无法判定；未找到产品文档" in unknown.stdout
    with world.registry() as registry:
        reg.suspend_listing(registry, "qd:sst", actor="Qian Er", reason="传感器漂移")
        reg.revoke_revision(registry, "qd:sst", 1, actor="Qian Er", reason="五月份传感器损坏，数据不可用")
    revoked = run("trade", "relist", "mean.nc", *PLACES, "--lang", "zh")
    assert "撤销：五月份传感器损坏" in revoked.stdout
    assert english(denied.stdout + unknown.stdout + revoked.stdout) == []


def test_lineage_and_usage(run: Run, world: World) -> None:
    shown = run("lineage", "mean.nc", "--lang", "zh")
    assert shown.returncode == 0, shown.stderr
    for said in ("产品", "qd:sst，版本 1", "范围", "北纬", "数据块", "署名", "已提供: 去重"):
        assert said in shown.stdout
    columns = ("产品        qd:sst", "目录条目    sst", "数据块      ")
    assert all(f"\n{one}" in f"\n{shown.stdout}" for one in columns)
    assert english(shown.stdout) == []
    used = run("trade", "usage", "mean.nc", "--lang", "zh", "--to", "用量.csv")
    assert used.returncode == 0, used.stderr
    for said in ("去重", "累计", "总计", "未知", "是否完整", "已写入"):
        assert said in used.stdout
    assert english(used.stdout) == []


def _drifted(world: World) -> None:
    """Something of every side and of every form of a value."""
    world.rows[0] |= {"单价": "0.81元/GB", "状态": "暂停", "数据规模": "5 GB", "记录数": "1万条", "内容根": "0" * 64}
    world.rows[0] |= {"证书有效期至": "2027-01-10"}
    world.rows[2] |= {"订单状态": "已完成", "单价": "12.51元"}
    world.rows += [{"交易所": "第一交易所", "产品编号": "MD-9", "产品名称": "别的产品", "状态": "在售"}]
    world.rows += [{"交易所": "第一交易所", "产品编号": "MD-8", "状态": "神秘"}]
    del world.rows[1]
    world.edit_entry("sst", license="CC0-1.0", grade="important", trade={"listing_url": ""})
    world.edit_entry("ice", trade=None)
    dearer = {"valid_from": "2026-01-01", "plans": [{"model": "per-query", "currency": "CNY", "amount": "2"}]}
    with world.registry() as registry:
        reg.add_offer(registry, "qd:sst", dearer, actor="Qian Er")
        old = registry.orders()[0].document
        reg.import_order(registry, old | {"id": "O-2", "state": "terminated"}, actor="Qian Er")
        granted = {"id": "E-2", "order": "O-1", "mode": "deliver", "starts": "2026-02-01", "ends": "2090-01-01"}
        reg.import_entitlement(registry, granted, actor="Qian Er")
        reg.import_order(registry, old | {"state": "terminated"}, actor="Qian Er")


def test_drift(run: Run, world: World) -> None:
    _drifted(world)
    words = ("--catalog", "catalog.yaml", "--export", world.write_rows().name, *PLACES, "--lang", "zh")
    shown = run("trade", "drift", *words)
    assert shown.returncode == 1, shown.stderr
    told = (
        "价格不一致",
        "按流量 0.81 CNY",
        "按次 2 CNY",
        "已上架",
        "已暂停",
        "字节",
        "授权无有效订单",
        "第 4 行",
        "登记簿",
        "重要",
    )
    for said in told:
        assert said in shown.stdout, said
    own = ("CC0-1.0", "sst", "monthly grid", "'delisted', 'listed', 'suspended'", "states")
    assert english(shown.stdout, *own) == []
    for row in world.rows:
        del row["交易所"]
    words = ("--export", world.write_rows().name, *PLACES, "--lang", "zh", "--no-data")
    unnamed = run("trade", "drift", *words)
    assert "未查找其中缺少的上架产品" in unnamed.stdout
    assert english(unnamed.stdout, *own) == []


def _package(run: Run) -> Path:
    assert run("trade", "key", "new", "provider.key").returncode == 0
    words = ("--bbox", 120, -5, 125, 0, "--time", "2009-03", "--to", "package", "--key", "provider.key")
    done = run("trade", "deliver", "E-1", *words, *PLACES)
    assert done.returncode == 0, done.stderr
    return Path("package")


def test_verified_deliveries(run: Run, world: World) -> None:
    package = _package(run)
    names = (*(path.name for path in package.rglob("*")), "bbox", "time", "package")
    unknown = run("trade", "verify-delivery", package, "--lang", "zh")
    assert unknown.returncode == 2
    assert "完整，但签署人未知" in unknown.stdout
    proved = run("trade", "verify-delivery", package, "--key", "provider.key.pub", "--lang", "zh")
    assert proved.returncode == 0
    for said in ("结论", "已证实", "未证实", "由您信任的密钥", "数据是否正确"):
        assert said in proved.stdout
    chunks = sorted((package / "data.zarr" / "surface_temperature" / "c").rglob("*"))
    first = next(path for path in chunks if path.is_file())
    first.write_bytes(first.read_bytes()[:-1] + b"\0")
    (package / "added").write_text("x")
    (package / "linked").symlink_to("added")
    (package / "README.txt").unlink()
    broken = run("trade", "verify-delivery", package, "--key", "provider.key.pub", "--lang", "zh")
    assert broken.returncode == 1
    for said in ("与签署内容不符：4 处问题", "系增添", "是链接，不予跟随", "缺失", "见所列问题"):
        assert said in broken.stdout
    assert run("trade", "key", "new", "other.key").returncode == 0
    strange = run("trade", "verify-delivery", package, "--key", "other.key.pub", "--lang", "zh")
    assert "不在所给密钥之中" in strange.stdout
    (package / "od-manifest.json").write_text("{")
    torn = run("trade", "verify-delivery", package, "--key", "provider.key.pub", "--lang", "zh")
    assert "不是 JSON" in torn.stdout
    names += ("added", "linked", "JSON")
    for shown in (unknown, proved, broken, strange, torn):
        assert english(shown.stdout, *names) == []


def test_links(run: Run, world: World) -> None:
    world.edit_entry("sst", trade={"listing_url": ""})
    shown: Any = run("trade", "relink", "qd:sst", "--catalog", "catalog.yaml", *PLACES, "--dry-run", "--lang", "zh")
    assert "原值" in shown.stdout
    assert "未写入" in shown.stdout
    assert english(shown.stdout, "trade.listing_url") == []


def test_the_session_speaks_chinese_too(run: Run, world: World) -> None:
    with set_options(language="zh"):
        assert english(run("trade", "quote", "mean.nc", *PLACES).stdout) == []
        assert english(run("lineage", "mean.nc").stdout) == []
