"""Drift: a clean triple is silent, and a planted fault of every kind is found, and nothing else."""

import dataclasses
import shlex
import shutil
from collections.abc import Callable
from datetime import date
from typing import Any

import click
import openpyxl
import pytest
import yaml

from oceandata import storage
from oceandata.errors import InputError
from oceandata.trade import registry as reg
from oceandata.trade.exchange import KINDS, DriftReport, find_drift, read_export, write_drift, write_export
from oceandata.trade.registry.canonical import canonical_json
from oceandata.trade.revise import plan_product_revision, revise_product
from tests.trade.exchange.world import EXCHANGE, OFFER, World, product

Found = set[tuple[str, str, str, str]]


def _found(report: DriftReport) -> Found:
    return {(one.kind, one.product, one.name, one.field) for one in report.differences}


def _check_commands(report: DriftReport) -> None:
    """Every command is one that there is, with options that it takes."""
    from oceandata.cli.catalog import catalog
    from oceandata.cli.trade import trade

    groups = {"trade": trade, "catalog": catalog}
    for one in report.differences:
        program, group, name, *words = shlex.split(one.command)
        words = ["2026-01-01" if word == "YYYY-MM-DD" else word for word in words]
        found = groups[group].get_command(click.Context(groups[group]), name)
        assert program == "oceandata"
        assert found is not None, one.command
        found.make_context(name, words)


def test_all_agree(world: World) -> None:
    report = world.drift()
    assert report.differences == ()
    assert report.unchecked == ()
    assert report.is_clean
    assert [one.split()[0] for one in report.compared] == ["registry", "catalogue", "export"]
    assert report.kinds == {}


def _row(number: int, **cells: Any) -> Callable[[World], None]:
    def plant(world: World) -> None:
        world.rows[number] |= cells

    return plant


def _entry(name: str, **fields: Any) -> Callable[[World], None]:
    return lambda world: world.edit_entry(name, **fields)


def _without_row(world: World) -> None:
    del world.rows[1]


def _unknown_row(world: World) -> None:
    world.rows.append({"交易所": EXCHANGE, "产品编号": "MD-9", "产品名称": "别的产品", "状态": "在售"})


def _unlinked(world: World) -> None:
    world.edit_entry("ice", trade=None)


def _strange_link(world: World) -> None:
    world.edit_entry("ice", trade={"product": "qd:other"})


def _terminated(world: World) -> None:
    with world.registry() as registry:
        old = registry.orders()[0].document
        reg.import_order(registry, old | {"state": "terminated"}, actor="Qian Er")
    world.rows[2]["订单状态"] = "已终止"


def _newer_offer(world: World) -> None:
    dearer = OFFER | {"plans": [{"model": "per-gb", "currency": "CNY", "amount": "0.90"}]}
    with world.registry() as registry:
        reg.add_offer(registry, "qd:sst", dearer, actor="Qian Er")


def _suspended(world: World) -> None:
    with world.registry() as registry:
        reg.suspend_listing(registry, "qd:sst", actor="Qian Er", reason="a sensor drifted")


def _documents(world: World) -> None:
    folder = world.folder / "products"
    folder.mkdir()
    other = product("sst", "月平均海表温度") | {"record_unit": "grid", "offers": [OFFER | {"version": 1}]}
    other["offers"][0]["plans"] = [{"model": "free"}]
    (folder / "sst.yaml").write_text(yaml.safe_dump(other, allow_unicode=True), encoding="utf-8")


S, ICE = "qd:sst", "qd:ice"
PLANTED: dict[str, tuple[Callable[[World], None], Found]] = {
    "row is gone": (_without_row, {("only-in-registry", ICE, "MD-2", "listing")}),
    "row of nobody": (_unknown_row, {("only-on-exchange", "", "MD-9", "listing")}),
    "entry is gone": (_unlinked, {("only-in-registry", ICE, "ice", "product")}),
    "entry of another product": (
        _strange_link,
        {("only-in-catalogue", "qd:other", "ice", "product"), ("only-in-registry", ICE, "ice", "product")},
    ),
    "title": (_row(0, 产品名称="别的名称"), {("field-differs", S, "MD-1", "title")}),
    "provider": (_row(0, 提供方="第三研究所"), {("field-differs", S, "MD-1", "provider")}),
    "page": (_row(0, 上架网址="https://exchange.example/2"), {("field-differs", S, "MD-1", "url")}),
    "zone": (_row(0, 专区="气象"), {("field-differs", S, "MD-1", "zone")}),
    "code": (_row(0, 产品编号="MD-7"), {("field-differs", S, "MD-7", "code")}),
    "certificate": (_row(0, 登记证书编号="P-77"), {("field-differs", S, "MD-1", "certificate")}),
    "end of certificate": (_row(0, 证书有效期至="2027-01-10"), {("field-differs", S, "MD-1", "expires_on")}),
    "unit of records": (_row(0, 记录单位="profile"), {("field-differs", S, "MD-1", "record_unit")}),
    "price": (_row(0, 单价="0.81元/GB"), {("price-differs", S, "MD-1", "price")}),
    "way to pay": (_row(0, 计费方式="免费", 单价="0元"), {("price-differs", S, "MD-1", "price")}),
    "offer": (_newer_offer, {("price-differs", S, "MD-1", "offer")}),
    "amount of an order": (_row(2, 单价="12.51元"), {("price-differs", S, "O-1", "amount")}),
    "contract": (_row(2, 合同编号="C-2"), {("field-differs", S, "O-1", "contract")}),
    "suspended there": (_row(0, 状态="暂停"), {("state-differs", S, "MD-1", "state")}),
    "delisted there": (_row(0, 状态="已下架"), {("state-differs", S, "MD-1", "state")}),
    "suspended here": (_suspended, {("state-differs", S, "MD-1", "state")}),
    "state of an order": (_row(2, 订单状态="已完成"), {("state-differs", S, "O-1", "order_state")}),
    "revision there": (
        _row(0, 版本="V2", 内容根=""),
        {("revision-behind", S, "MD-1", "revision")},
    ),
    "digest there": (_row(0, 内容根="0" * 64), {("data-changed", S, "MD-1", "content_root")}),
    "bytes there": (_row(0, 数据规模="5 GB"), {("volume-drift", S, "MD-1", "volume")}),
    "records there": (_row(0, 记录数="1万条"), {("volume-drift", S, "MD-1", "records")}),
    "order of nobody": (
        _row(2, 订单编号="O-9"),
        {("orphan-order", "", "O-9", "order"), ("orphan-order", S, "O-1", "order")},
    ),
    "entitlement": (_terminated, {("orphan-entitlement", S, "E-1", "order")}),
    "licence": (_entry("sst", license="CC-BY-NC-4.0"), {("field-differs", S, "sst", "license")}),
    "page in the catalogue": (
        _entry("sst", trade={"listing_url": "https://exchange.example/3"}),
        {("field-differs", S, "sst", "trade.listing_url")},
    ),
    "no page in the catalogue": (
        _entry("sst", trade={"listing_url": ""}),
        {("field-differs", S, "sst", "trade.listing_url")},
    ),
    "an example": (
        _entry("sst", trade={"example": True, "listing_url": ""}),
        {("state-differs", S, "sst", "trade.example"), ("field-differs", S, "sst", "trade.listing_url")},
    ),
    "product document": (
        _documents,
        {
            ("field-differs", S, "sst", "record_unit"),
            ("field-differs", S, "sst", "listing_url"),
            ("price-differs", S, "sst", "offers"),
        },
    ),
}


@pytest.mark.parametrize("planted", PLANTED)
def test_a_planted_fault_is_found_and_nothing_else(world: World, planted: str) -> None:
    plant, expected = PLANTED[planted]
    plant(world)
    report = world.drift()
    assert _found(report) == expected
    assert len(report.differences) == len(expected)
    assert report.unchecked == ()
    _check_commands(report)
    for one in report.differences:
        assert one.first.value != one.second.value
        assert one.first.as_of
        assert one.second.as_of


@pytest.mark.parametrize(
    ("day", "kind"), [(date(2097, 12, 20), "certificate-expiring"), (date(2098, 1, 11), "certificate-expired")]
)
def test_certificates(world: World, day: date, kind: str) -> None:
    report = world.drift(today=day)
    assert _found(report) == {(kind, S, "P-MD-1", "expires_on"), (kind, ICE, "P-MD-2", "expires_on")}
    assert {one.severity for one in report.differences} == {"error" if kind.endswith("ed") else "warning"}
    _check_commands(report)
    assert world.drift(today=date(2097, 11, 1)).differences == ()
    assert world.drift(today=date(2098, 1, 10), expiring_days=0).kinds == {"certificate-expiring": 2}


def test_a_certificate_that_another_outlives(world: World) -> None:
    later = {"scheme": "exchange-product", "number": "P-3", "authority": "Centre", "issued_on": "2026-02-01"}
    with world.registry() as registry:
        reg.register_certificate(registry, S, later, actor="Qian Er")
    assert {one.product for one in world.drift(today=date(2098, 2, 1)).differences} == {ICE}


def test_newer_data_wait_and_then_the_listing_is_behind(own_world: World) -> None:
    storage.write_append(storage.plan_append([own_world.folder / "later.nc"], own_world.repository))
    report = own_world.drift()
    assert _found(report) == {("data-changed", name, "revision 1", "content_root") for name in (S, ICE)}
    assert {one.severity for one in report.differences} == {"warning"}
    _check_commands(report)
    with own_world.registry() as registry:
        plan = plan_product_revision(registry, S, own_world.repository)
        revise_product(registry, plan, actor="Qian Er")
    report = own_world.drift()
    assert _found(report) == {
        ("data-changed", ICE, "revision 1", "content_root"),
        ("revision-behind", S, "MD-1", "revision"),
        ("revision-behind", S, "sst", "trade.revision"),
    }
    _check_commands(report)
    with own_world.registry() as registry:
        reg.suspend_listing(registry, S, actor="Qian Er", reason="a sensor drifted")
        reg.revoke_revision(registry, S, 1, actor="Qian Er", reason="a sensor was broken in May")
    (behind,) = [one for one in own_world.drift().differences if (one.name, one.kind) == ("MD-1", "revision-behind")]
    assert behind.severity == "error"
    assert "revoked" in str(behind.first.value)


def test_a_tag_that_leads_to_other_data(own_world: World) -> None:
    shutil.rmtree(own_world.repository)
    storage.write_repository(storage.plan_ingest([own_world.folder / "later.nc"], own_world.repository))
    report = own_world.drift()
    assert _found(report) == {("data-changed", name, "revision 1", "content_root") for name in (S, ICE)}
    assert {one.severity for one in report.differences} == {"error"}
    _check_commands(report)


def test_data_that_cannot_be_read_are_not_called_right(own_world: World) -> None:
    shutil.rmtree(own_world.repository)
    report = own_world.drift()
    assert report.differences == ()
    assert [one.split(":")[0] for one in report.unchecked] == ["qd", "qd"]
    assert "was not checked" in report.unchecked[0]
    assert not report.is_clean
    unlooked = own_world.drift(check_data=False)
    assert unlooked.is_clean
    assert "the data were not looked at, as asked" in unlooked.compared


def test_a_damaged_repository_is_not_called_right(own_world: World) -> None:
    for file in (own_world.repository / "snapshots").iterdir():
        file.write_bytes(b"\0" * 40)
    report = own_world.drift()
    assert report.differences == ()
    assert len(report.unchecked) == 2


def test_names_are_only_a_suggestion(world: World) -> None:
    world.rows[0] |= {"产品编号": "MD-7", "登记证书编号": ""}
    report = world.drift()
    assert _found(report) == {("only-on-exchange", "", "MD-7", "listing"), ("only-in-registry", S, "MD-1", "listing")}
    one = next(one for one in report.differences if one.kind == "only-on-exchange")
    assert one.suggestion == S
    assert one.second.value is None
    _check_commands(report)


def test_a_second_row_of_one_certificate(world: World) -> None:
    world.rows.append(world.rows[0] | {"产品编号": "MD-7"})
    assert _found(world.drift()) == {("only-on-exchange", S, "MD-7", "listing")}


def test_only_exchanges_that_are_covered(world: World) -> None:
    world.rows = [{"交易所": "Second Exchange", "产品编号": "X-1", "状态": "下架"}]
    assert world.drift().differences == ()
    assert world.drift(exports=[]).differences == ()
    assert world.drift(exports=[], catalog=None).differences == ()


def _unnamed(world: World) -> None:
    """The export as an exchange writes it that does not name itself."""
    for row in world.rows:
        del row["交易所"]


def test_listings_that_are_gone_need_the_name_of_the_exchange(world: World) -> None:
    _unnamed(world)
    del world.rows[1]
    report = world.drift()
    assert report.differences == ()
    assert [one.split(" does not say")[0] for one in report.unchecked] == ["export.json"]
    assert "listings that it lacks were not looked for: name it (--exchange)" in report.unchecked[0]
    assert not report.is_clean
    report = world.drift(exports=[read_export(world.write_rows(), exchange=EXCHANGE)])
    assert _found(report) == {("only-in-registry", ICE, "MD-2", "listing")}
    assert report.unchecked == ()
    kept = write_export(world.folder / "kept.json", read_export(world.write_rows(), exchange=EXCHANGE))
    assert _found(world.drift(exports=[read_export(kept)])) == _found(report)


def test_an_export_without_a_row(world: World) -> None:
    path = world.folder / "empty.csv"
    path.write_text("产品编号,状态\n", encoding="utf-8")
    report = world.drift(exports=[read_export(path)])
    assert (report.differences, len(report.unchecked)) == ((), 1)
    gone = {("only-in-registry", S, "MD-1", "listing"), ("only-in-registry", ICE, "MD-2", "listing")}
    named = read_export(path, exchange=EXCHANGE)
    assert _found(world.drift(exports=[named])) == gone
    kept = write_export(world.folder / "kept.json", named)
    assert _found(world.drift(exports=[read_export(kept)])) == gone
    assert world.drift(exports=[read_export(path, exchange="Another")]).is_clean


def test_orders_alone_need_no_name(world: World) -> None:
    _unnamed(world)
    world.rows = world.rows[2:]
    assert world.drift().is_clean


def test_refused_rows_are_told(world: World) -> None:
    world.rows.append({"交易所": EXCHANGE, "产品编号": "MD-8", "状态": "神秘"})
    report = world.drift()
    assert report.differences == ()
    assert "row 4" in report.unchecked[0]


def test_what_a_refused_row_is_of_is_not_absent(world: World) -> None:
    world.rows[0] |= {"单价": "许多"}
    world.rows[2] |= {"订单状态": "神秘"}
    world.rows.append({"交易所": EXCHANGE, "订单编号": "O-2", "订单状态": "神秘"})
    report = world.drift()
    assert report.differences == ()
    assert len(report.unchecked) == 3


def test_a_revoked_revision_without_a_newer_one(world: World) -> None:
    with world.registry() as registry:
        reg.suspend_listing(registry, S, actor="Qian Er", reason="a sensor was broken in May")
        reg.revoke_revision(registry, S, 1, actor="Qian Er", reason="a sensor was broken in May")
    world.rows[0] |= {"状态": "暂停"}
    report = world.drift()
    assert _found(report) == {
        ("revision-behind", S, "MD-1", "revision"),
        ("revision-behind", S, "sst", "trade.revision"),
    }
    assert {one.severity for one in report.differences} == {"error"}
    assert all(" revise " in one.command for one in report.differences)
    assert "1（已撤销）" in report.to_html("zh")
    _check_commands(report)


def test_what_is_written(world: World) -> None:
    world.rows[0] |= {"产品名称": "=HYPERLINK(1)<script>"}
    report = world.drift()
    for language, word in (("en", "a field differs"), ("zh", "字段不一致")):
        sheet = openpyxl.load_workbook(
            write_drift(world.folder / "d.xlsx", report, language=language)  # type: ignore[arg-type]
        ).active
        assert sheet["B2"].value == word
        assert sheet["I2"].value.startswith("'=HYPERLINK")
        page = write_drift(world.folder / "d.html", report, language=language)  # type: ignore[arg-type]
        text = page.read_text(encoding="utf-8")
        assert word in text
        assert "<script>" not in text
    assert "'=HYPERLINK" in write_drift(world.folder / "d.csv", report).read_text(encoding="utf-8-sig")
    document = report.to_json()
    assert canonical_json(document)
    assert document["differences"][0]["first"]["source"] == "registry"
    assert document["counts"] == {"field-differs": 1}
    assert "月平均海表温度" in report._repr_html_()


def test_limits_that_make_no_sense(world: World) -> None:
    with world.registry() as registry, pytest.raises(InputError, match="need 0 <= tolerance"):
        find_drift(registry, tolerance=1.5)


def test_every_kind_is_planted_above() -> None:
    planted = {kind for _, expected in PLANTED.values() for kind, *_ in expected}
    assert planted | {"certificate-expired", "certificate-expiring"} == set(KINDS)


def test_nothing_is_changed(world: World) -> None:
    world.rows[0] |= {"状态": "暂停", "单价": "9元"}
    before = (world.folder / "registry.sqlite").read_bytes(), world.catalog.read_bytes()
    export = read_export(world.write_rows())
    world.drift(exports=[export])
    with world.registry() as registry:
        assert registry.head().seq == registry.events(limit=1)[0].seq
        assert reg.audit_registry(registry).is_whole
    assert world.catalog.read_bytes() == before[1]
    assert dataclasses.asdict(export)["rows"]
