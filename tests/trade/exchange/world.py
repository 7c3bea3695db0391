"""Catalogue, registry, export and a real repository that agree in everything: faults are planted in copies of them."""

import dataclasses
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

from oceandata import storage
from oceandata.catalog import open_catalog
from oceandata.catalog.entries import Overlay, draft_entry
from oceandata.catalog.write import register_entry
from oceandata.entities import Entry, TradeLink
from oceandata.trade import registry as reg
from oceandata.trade.exchange import DriftReport, find_drift, read_export
from oceandata.trade.registry.registry import Registry
from oceandata.trade.revise import plan_product_revision, revise_product
from tests.trade.registry.steps import BEGUN, on

TODAY = date(2026, 11, 23)
USCC = "91350100M000100Y43"
EXCHANGE = "第一交易所"
PAGE = "https://exchange.example/goods/1"


def product(name: str, title: str) -> dict[str, Any]:
    """A product document."""
    return {
        "id": f"qd:{name}",
        "title": {"en": f"Monthly {name}", "zh": title},
        "provider": {"en": "Second Institute", "zh": "第二研究所", "uscc": USCC},
        "licence": "CC-BY-4.0",
        "attribution": {"en": "Second Institute"},
        "record_unit": "monthly grid",
        "record_dimensions": ["time"],
        "entry": name,
        "grade": "general",
        "grade_decision": {"by": "Li Si", "on": "2026-01-01"},
    }


OFFER = {"valid_from": "2026-01-01", "plans": [{"model": "per-gb", "currency": "CNY", "amount": "0.80"}]}


def _publicize(registry: Registry, document: dict[str, Any]) -> None:
    name = str(document["id"])
    reg.add_product(registry, document, actor="Qian Er")
    reg.submit(registry, name, actor="Qian Er")
    reg.approve(registry, name, actor="Sun San")
    reg.publicize(registry, name, actor="Sun San", days=3)


def _put_on_sale(registry: Registry, name: str, repository: Path, code: str) -> None:
    certificate = {"scheme": "exchange-product", "number": f"P-{code}", "authority": "Centre"}
    dates = {"issued_on": "2026-01-10", "expires_on": "2098-01-10"}
    reg.register_certificate(registry, name, certificate | dates, actor="Qian Er")
    revise_product(registry, plan_product_revision(registry, name, repository), actor="Qian Er")
    reg.add_offer(registry, name, OFFER, actor="Qian Er")
    place = {"exchange": EXCHANGE, "zone": "海洋", "code": code, "url": PAGE, "url_verified_by": "Qian Er"}
    reg.list_product(registry, name, place, actor="Qian Er")


@dataclasses.dataclass
class World:
    """A folder with everything; `rows` is what the exchange says."""

    folder: Path
    rows: list[dict[str, Any]]

    @property
    def repository(self) -> Path:
        return self.folder / "sst"

    @property
    def catalog(self) -> Path:
        return self.folder / "catalog.yaml"

    @contextmanager
    def registry(self) -> Iterator[Registry]:
        with reg.open_registry(self.folder / "registry.sqlite") as opened:
            yield opened

    def write_rows(self) -> Path:
        """The export as a file."""
        path = self.folder / "export.json"
        path.write_text(json.dumps({"as_of": "2026-11-20", "rows": self.rows}, ensure_ascii=False), encoding="utf-8")
        return path

    def edit_entry(self, name: str, **fields: Any) -> None:
        """Change fields of an entry of the catalogue; None takes one away."""
        document = open_catalog(self.catalog)[name].to_json()
        for field, value in fields.items():
            document[field] = document[field] | value if isinstance(value, dict) else value
        register_entry(self.catalog, Entry.from_json(document), replace=True)

    def drift(self, **given: Any) -> DriftReport:
        """Compare everything."""
        given.setdefault("catalog", open_catalog(self.catalog))
        given.setdefault("exports", [read_export(self.write_rows())])
        with self.registry() as registry:
            return find_drift(registry, today=given.pop("today", TODAY), **given)


def build(folder: Path, repository: Path, *, records: int = 54) -> World:
    """Two products that are on sale, an order, an entitlement, and an export that says just that."""
    world = World(folder, [])
    shutil.copytree(repository, world.repository)
    products = (("sst", "月平均海表温度", "MD-1"), ("ice", "月平均海冰", "MD-2"))
    with on(BEGUN), reg.create_registry(folder / "registry.sqlite", actor="Zhao Yi") as registry:
        for name, title, _ in products:
            _publicize(registry, product(name, title))
    with on(date(2026, 1, 12)), reg.open_registry(folder / "registry.sqlite") as registry:
        for name, _, code in products:
            _put_on_sale(registry, f"qd:{name}", world.repository, code)
        order = {"id": "O-1", "product": "qd:sst", "offer": 1, "listing": 1, "contract": "C-1", "state": "agreed"}
        buyer = {"buyer": {"id": "farm", "en": "Farm No. 1"}, "amount": "12.50", "currency": "CNY"}
        reg.import_order(registry, order | buyer, actor="Qian Er")
        granted = {"id": "E-1", "order": "O-1", "mode": "deliver", "starts": "2026-02-01"}
        reg.import_entitlement(registry, granted, actor="Qian Er")
    summary = storage.describe_revision(world.repository)
    for name in ("sst", "ice"):
        link = TradeLink(product=f"qd:{name}", revision=1, listing_url=PAGE)
        overlay = Overlay(title=f"Monthly {name}", license="CC-BY-4.0")
        register_entry(world.catalog, draft_entry(summary, overlay, name=name, trade=link))
    for name, title, code in products:
        row = {"交易所": EXCHANGE, "专区": "海洋", "产品编号": code, "产品名称": title, "提供方": "第二研究所"}
        row |= {"统一社会信用代码": USCC, "登记证书编号": f"P-{code}", "证书有效期至": "2098年1月10日"}
        row |= {"计费方式": "按流量", "单价": "0.80元/GB", "状态": "在售", "版本": "第1版", "上架网址": PAGE}
        row |= {"数据规模": f"{summary.stored_bytes} B", "记录数": f"{records}", "内容根": summary.content_root}
        world.rows.append(row | {"记录单位": "monthly grid", "备注": name})
    told = {"订单编号": "O-1", "订单状态": "已签约", "单价": "12.50元", "合同编号": "C-1"}
    world.rows.append({"交易所": EXCHANGE} | told)
    return world
