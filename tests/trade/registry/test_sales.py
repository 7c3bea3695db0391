"""Parties, orders and entitlements as they are imported: nothing is merged in silence."""

from typing import Any

import pytest

from oceandata.errors import DocumentError, InputError, NotFoundError, RepositoryExistsError
from oceandata.trade import registry as reg
from oceandata.trade.registry.registry import Registry
from tests.trade.registry.steps import Raw, listed

ORDER = {
    "id": "O-1",
    "product": "qd:sst",
    "offer": 1,
    "listing": 1,
    "buyer": {"id": "farm", "zh": "一号养殖场", "uscc": "91350100M000100Y43"},
    "amount": "180300.00",
    "currency": "CNY",
    "state": "agreed",
}
ENTITLEMENT = {
    "id": "E-1",
    "order": "O-1",
    "mode": "deliver",
    "scope": {"first_revision": 1, "bbox": [118, 30, 125, 40], "time": ["2020-01-01", "2021-01-01"]},
    "purposes": ["research"],
    "limits": {"bytes": 10**12},
    "starts": "2026-02-01T08:00:00+08:00",
}


@pytest.fixture
def sold(registry: Registry, document: dict[str, Any]) -> Registry:
    listed(registry, document)
    reg.import_order(registry, ORDER, actor="Wu Wu")
    return registry


def test_an_order_and_its_buyer(sold: Registry, raw: Raw) -> None:
    (order,) = sold.orders("qd:sst")
    assert (order.amount_minor, order.currency, order.buyer, order.version) == (18_030_000, "CNY", "farm", 1)
    assert order.document == ORDER
    assert len(order.source_sha256) == 64
    assert raw("SELECT id, name_zh, uscc FROM parties") == [("farm", "一号养殖场", "91350100M000100Y43")]
    with pytest.raises(RepositoryExistsError, match="known as it is"):
        reg.import_order(sold, ORDER, actor="Wu Wu")
    reg.import_order(sold, ORDER | {"state": "finalized", "buyer": "farm", "contract": "C-9"}, actor="Wu Wu")
    (order,) = sold.orders()
    assert (order.state, order.contract, order.version) == ("finalized", "C-9", 2)
    with pytest.raises(RepositoryExistsError, match="was finalized and cannot be agreed"):
        reg.import_order(sold, ORDER, actor="Wu Wu")
    assert sold.orders(after="O-1") == []
    assert reg.audit_registry(sold).is_whole


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"amount": "180300.01"}, "amount_minor was 18030000, is 18030001"),
        ({"currency": "USD"}, "currency was CNY, is USD"),
        ({"listing": None}, "listing was 1, is None"),
        ({"buyer": {"id": "other", "en": "Other"}}, "buyer was farm, is other"),
    ],
)
def test_an_order_never_says_something_else(sold: Registry, changes: dict[str, Any], words: str) -> None:
    with pytest.raises(RepositoryExistsError, match=words):
        reg.import_order(sold, ORDER | {"state": "finalized"} | changes, actor="Wu Wu")
    assert sold.orders()[0].state == "agreed"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"product": "qd:none"}, "no product 'qd:none'"),
        ({"offer": 2}, "of offer 2 of product 'qd:sst', which there is not"),
        ({"listing": 2}, "of listing 2 of product 'qd:sst', which there is not"),
        ({"buyer": "stranger"}, "'stranger', whom the registry does not know"),
    ],
)
def test_an_order_of_what_there_is_not(sold: Registry, changes: dict[str, Any], words: str) -> None:
    with pytest.raises(NotFoundError, match=words):
        reg.import_order(sold, ORDER | {"id": "O-2"} | changes, actor="Wu Wu")
    assert len(sold.orders()) == 1


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"amount": "1.005"}, "more than 2 decimals"),
        ({"amount": 5}, "put it in quotes"),
        ({"amount": ""}, "need both or neither"),
        ({"state": "paid"}, "state"),
        ({"buyer": {"id": "x", "en": "X", "uscc": "91350100M000100Y44"}}, "check character"),
        ({"price": "1"}, "unknown key 'price'"),
    ],
)
def test_faulty_orders(sold: Registry, changes: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        reg.import_order(sold, ORDER | {"id": "O-2"} | changes, actor="Wu Wu")


def test_an_entitlement(sold: Registry) -> None:
    event = reg.import_entitlement(sold, ENTITLEMENT, actor="Wu Wu")
    assert (event.product, event.detail) == ("qd:sst", {"entitlement": "E-1", "order": "O-1"})
    found = sold.entitlement("E-1")
    assert (found.product, found.mode, found.ends, found.revoked_at) == ("qd:sst", "deliver", None, None)
    assert found.starts == "2026-02-01T00:00:00Z"
    assert reg.Entitlement.from_json(found.document).scope.bbox == (118, 30, 125, 40)
    with pytest.raises(RepositoryExistsError, match="an entitlement 'E-1' already"):
        reg.import_entitlement(sold, ENTITLEMENT, actor="Wu Wu")
    with pytest.raises(NotFoundError, match="Close: 'E-1'"):
        sold.entitlement("E-2")
    reg.revoke_entitlement(sold, "E-1", actor="Wu Wu", reason="the contract was broken")
    assert sold.entitlements("qd:sst")[0].reason == "the contract was broken"
    with pytest.raises(InputError, match=r"revoked on .* already"):
        reg.revoke_entitlement(sold, "E-1", actor="Wu Wu", reason="once more")
    with pytest.raises(NotFoundError, match="no entitlement 'E-2'"):
        reg.revoke_entitlement(sold, "E-2", actor="Wu Wu", reason="which one")
    assert reg.audit_registry(sold).is_whole


def test_an_entitlement_needs_an_order_that_holds(sold: Registry) -> None:
    with pytest.raises(NotFoundError, match="of order 'O-2', which there is not"):
        reg.import_entitlement(sold, ENTITLEMENT | {"order": "O-2"}, actor="Wu Wu")
    reg.import_order(sold, ORDER | {"state": "terminated"}, actor="Wu Wu")
    with pytest.raises(InputError, match="which was terminated"):
        reg.import_entitlement(sold, ENTITLEMENT, actor="Wu Wu")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"ends": "2026-01-01"}, "not after starts"),
        ({"scope": {"time": ["2021-01-01", "2020-01-01"]}}, "need the first not after the last"),
        ({"scope": {"depth_m": [10, 5]}}, "need the first not after the last"),
        ({"scope": {"bbox": [0, 40, 10, 30]}}, "south not above north"),
        ({"limits": {"bytes": -1}}, "greater than or equal to 0"),
        ({"mode": "borrow"}, "mode"),
    ],
)
def test_faulty_entitlements(sold: Registry, changes: dict[str, Any], words: str) -> None:
    with pytest.raises(DocumentError, match=words):
        reg.import_entitlement(sold, ENTITLEMENT | changes, actor="Wu Wu")


def test_a_party_is_brought_up_to_date(sold: Registry, raw: Raw) -> None:
    reg.import_party(sold, {"id": "farm", "zh": "一号养殖场", "en": "Farm No. 1"}, actor="Wu Wu")
    assert raw("SELECT name, version FROM parties") == [("Farm No. 1", 2)]
    reg.import_party(sold, {"id": "farm", "zh": "一号养殖场", "en": "Farm No. 1"}, actor="Wu Wu")
    assert raw("SELECT version FROM parties") == [(2,)]
    assert reg.audit_registry(sold).is_whole
