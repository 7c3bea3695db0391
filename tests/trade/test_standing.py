"""Quotes and rights by a registry: what is on sale now, under which offer, and what was revoked."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import xarray as xr

from oceandata.entities import Origin
from oceandata.storage import describe_revision, open_dataset
from oceandata.trade import Product
from oceandata.trade import registry as reg
from oceandata.trade.quote import quote
from oceandata.trade.registry.registry import Registry
from oceandata.trade.rights import can_relist
from oceandata.trade.standing import read_standings
from tests.trade.registry.steps import PINNED, PLACE, offer, registered

DAY = date(2026, 6, 1)
NAME = "qd:sst"
PERMITS = [{"action": action, "allowed": "yes"} for action in ("relist-derived", "distribute", "sell")]
DOCUMENT = {
    "id": NAME,
    "title": {"en": "Monthly temperature", "zh": "月平均海表温度"},
    "provider": {"en": "Second Institute", "zh": "第二研究所"},
    "licence": "CC-BY-4.0",
    "attribution": {"en": "Second Institute"},
    "record_unit": "monthly grid",
    "record_dimensions": ["time"],
    "entry": "sst",
    "grade": "general",
    "grade_decision": {"by": "Li Si", "on": "2026-01-01"},
    "permits": PERMITS,
}


@pytest.fixture
def registry(ostia_repository: Path, tmp_path: Path) -> Iterator[Registry]:
    """A product with two final revisions of the same data, two offers, and a listing under the first offer."""
    summary = describe_revision(ostia_repository)
    with reg.create_registry(tmp_path / "registry.sqlite", actor="Zhao Yi") as made:
        registered(made, DOCUMENT)
        pinned = PINNED | {"snapshot": summary.snapshot, "content_root": summary.content_root}
        reg.pin_revision(made, NAME, pinned, actor="Qian Er")
        for amount in ("2", "3"):
            reg.add_offer(made, NAME, offer("per-record", amount=amount, currency="CNY"), actor="Qian Er")
        reg.list_product(made, NAME, PLACE, actor="Qian Er", offer=1)
        yield made


@pytest.fixture
def lazy(ostia_repository: Path) -> xr.DataArray:
    """A year of revision 1."""
    origin = Origin(repository="", product=NAME, product_revision=1)
    array: xr.DataArray = open_dataset(ostia_repository, origin=origin, chunks={})["surface_temperature"]
    return array[:12]


def test_the_listed_offer_of_the_registry_is_quoted(registry: Registry, lazy: xr.DataArray) -> None:
    own = Product.from_json(DOCUMENT | {"offers": [offer("per-record", amount="9", currency="CNY") | {"version": 1}]})
    by_document = quote(lazy, products=own, at=DAY)
    assert (by_document.totals, by_document.lines[0].source) == ({"CNY": Decimal("108.00")}, "product document")
    found = quote(lazy, products=own, registry=registry, at=DAY)
    assert (found.totals, found.complete, found.lines[0].offer) == ({"CNY": Decimal("24.00")}, True, 1)
    source = f"registry {registry.url}, listed on First Exchange (MD-1) under offer 1"
    assert found.lines[0].source == found.to_json()["lines"][0]["source"] == source
    assert f"The offer of qd:sst is that of its {source}." in str(found)
    assert "is that of its product document." in str(by_document)
    reg.list_product(registry, NAME, PLACE, actor="Qian Er", offer=2)
    assert quote(lazy, registry=registry, at=DAY).totals == {"CNY": Decimal("36.00")}


def test_what_is_not_on_sale_has_no_price(registry: Registry, lazy: xr.DataArray) -> None:
    reg.suspend_listing(registry, NAME, actor="Qian Er", reason="a sensor drifted")
    found = quote(lazy, registry=registry, at=DAY)
    (line,) = found.lines
    assert (line.amount, line.reason, found.complete) == (
        None,
        "it is not on sale, suspended: a sensor drifted",
        False,
    )
    assert [price for _, price in line.others] == ["CNY 36.00"]
    assert "if it were: per-record: CNY 3 a record" in str(found)
    assert found.totals == {}
    reg.delist(registry, NAME, actor="Qian Er", reason="the contract ended")
    assert quote(lazy, registry=registry, at=DAY).lines[0].reason == "it is not on sale, delisted: the contract ended"
    assert "no offer is valid on 2025-06-01" in str(quote(lazy, registry=registry, at=date(2025, 6, 1)))


def test_a_revoked_revision_has_no_price_and_is_not_listed_again(
    registry: Registry, lazy: xr.DataArray, ostia_repository: Path
) -> None:
    assert can_relist(lazy, registry=registry, at=DAY)
    second = PINNED | {"tag": "r2", "snapshot": "S2", "content_root": "sha256:" + "2" * 64, "change": "the second"}
    reg.pin_revision(registry, NAME, second, actor="Qian Er")
    reg.list_product(registry, NAME, PLACE, actor="Qian Er", offer=1, revision=2)
    reg.revoke_revision(registry, NAME, 1, actor="Qian Er", reason="a sensor was broken in May")
    (line,) = quote(lazy, registry=registry, at=DAY).lines
    assert line.amount is None
    assert line.reason.startswith("revision 1 was revoked on ")
    assert line.reason.endswith(": a sensor was broken in May")
    decided = can_relist(lazy, registry=registry, at=DAY)
    assert (decided.answer, decided.inputs[0].reasons) == ("undetermined", (line.reason,))
    newer = open_dataset(ostia_repository, origin=Origin(repository="", product=NAME, product_revision=2), chunks={})[
        "surface_temperature"
    ]
    assert quote(newer, registry=registry, at=DAY).complete


@pytest.mark.parametrize("state", ["suspended", "delisted"])
def test_rights_of_what_was_taken_off_sale_are_undetermined(registry: Registry, lazy: xr.DataArray, state: str) -> None:
    step = reg.suspend_listing if state == "suspended" else reg.delist
    step(registry, NAME, actor="Qian Er", reason="a sensor drifted")
    decided = can_relist(lazy, registry=registry, at=DAY)
    assert (decided.answer, decided.source) == ("undetermined", f"registry {registry.url}")
    assert decided.inputs[0].reasons == (f"it is not on sale, {state}: a sensor drifted",)
    assert f"registry {registry.url}" in str(decided)
    assert "product documents" in str(can_relist(lazy, at=DAY))


def test_what_the_registry_does_not_hold(registry: Registry, lazy: xr.DataArray, ostia_repository: Path) -> None:
    origin = Origin(repository="", product="qd:other")
    other = open_dataset(ostia_repository, origin=origin, chunks={})["surface_temperature"]
    assert quote(other, registry=registry, at=DAY).lines[0].reason == "the registry does not hold it"
    assert can_relist(other, registry=registry, at=DAY).inputs[0].reasons == ("the registry does not hold it",)
    plain = open_dataset(ostia_repository, chunks={})["surface_temperature"]
    assert quote(plain, registry=registry, at=DAY).lines[0].reason == "it belongs to no product"
    assert read_standings(registry, ["qd:other", ""]) == {}


def test_two_listings_and_the_day(registry: Registry, lazy: xr.DataArray) -> None:
    later = offer("per-record", amount="5", currency="CNY", valid_from="2026-07-01")
    reg.add_offer(registry, NAME, later, actor="Qian Er")
    zone: dict[str, Any] = {"exchange": "Second Exchange", "code": "B-2"}
    reg.list_product(registry, NAME, zone, actor="Qian Er", offer=3)
    (standing,) = read_standings(registry, [NAME]).values()
    assert standing.source.endswith(
        "listed on First Exchange (MD-1) under offer 1, Second Exchange (B-2) under offer 3"
    )
    assert quote(lazy, registry=registry, at=DAY).lines[0].offer == 1
    assert quote(lazy, registry=registry, at=date(2026, 8, 1)).lines[0].offer == 3
