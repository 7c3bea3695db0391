"""Price plans: money is exact text, a plan says all it needs and nothing else, and a price is rounded once."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oceandata.errors import DocumentError, InputError
from oceandata.trade.offers import Offer, PricePlan, exact_price, offer_at, price_of

PER_GB: dict[str, Any] = {"model": "per-gb", "currency": "CNY", "amount": "0.80"}
TIERS = [{"up_to": "10", "amount": "2"}, {"up_to": "100", "amount": "1"}, {"amount": "0.5"}]


def _plan(**changes: Any) -> PricePlan:
    return PricePlan.from_json({**PER_GB, **changes})


@pytest.mark.parametrize(
    ("quantity", "price"),
    [("0", "0.00"), ("1", "0.80"), ("0.00625", "0.01"), ("0.0062", "0.00"), ("1000000", "800000.00")],
)
def test_a_price_by_the_gigabyte(quantity: str, price: str) -> None:
    assert str(price_of(_plan(), Decimal(quantity))) == price


@pytest.mark.parametrize(
    ("quantity", "price"),
    [("0", "0"), ("5", "10"), ("10", "20"), ("10.5", "20.5"), ("100", "110"), ("300", "210")],
)
def test_each_stretch_has_its_own_price(quantity: str, price: str) -> None:
    assert exact_price(_plan(amount="", tiers=TIERS), Decimal(quantity)) == Decimal(price)


@pytest.mark.parametrize(
    ("quantity", "price"), [("0.5", "0"), ("1", "0"), ("1.1", "3"), ("11", "8"), ("101", "50"), ("1e6", "50")]
)
def test_quota_minimum_and_cap(quantity: str, price: str) -> None:
    plan = _plan(free_quota="1", minimum="3", cap="50")
    assert exact_price(plan, Decimal(quantity)) == Decimal(price)


@pytest.mark.parametrize("quantity", [Decimal("NaN"), Decimal("Infinity"), 2.5, "3", True])
def test_a_quantity_that_is_no_number_is_refused(quantity: Any) -> None:
    with pytest.raises(InputError, match="finite"):
        price_of(_plan(), quantity)


def test_a_price_too_large_to_round_is_refused() -> None:
    with pytest.raises(InputError, match="at most 60 digits"):
        price_of(_plan(), Decimal("1e70"))
    assert price_of(_plan(), Decimal("1e40")) is not None


def test_a_time_counts_by_its_date_and_text_is_no_day() -> None:
    offers = (_offer(1, "2026-01-01", "2026-06-01"),)
    assert offer_at(offers, datetime(2026, 6, 1, 23, 0)) is offers[0]
    with pytest.raises(InputError, match="need a date"):
        offer_at(offers, "2026-06-01")  # type: ignore[arg-type]


def test_what_is_not_known_is_not_zero() -> None:
    assert price_of(_plan(), None) is None
    assert price_of(PricePlan(model="on-request"), Decimal(1)) is None
    assert price_of(PricePlan(model="free"), None) == 0
    fixed = PricePlan(model="one-off", currency="JPY", amount="1200.5")
    assert str(price_of(fixed, None)) == "1201"
    yearly = PricePlan(model="subscription", currency="KWD", amount="9.9995", period="P1Y")
    assert str(price_of(yearly, Decimal(7))) == "10.000"
    with pytest.raises(InputError, match="quantity is -1"):
        price_of(_plan(), Decimal(-1))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"amount": 0.8}, r"got the number 0\.8, need decimal text: put it in quotes, '0\.8'"),
        ({"amount": 1}, "got the number 1, need decimal text"),
        ({"amount": "-1"}, "should match pattern"),
        ({"amount": "1e3"}, "should match pattern"),
        ({"amount": "0,80"}, "should match pattern"),
        ({"amount": "NaN"}, "should match pattern"),
        ({"currency": "RMB"}, "currency is 'RMB', need a code of ISO 4217"),
        ({"currency": ""}, "a plan per-gb needs one"),
        ({"amount": ""}, "needs an amount or tiers, one of them"),
        ({"tiers": TIERS}, "needs an amount or tiers, one of them"),
        ({"amount": "", "tiers": TIERS[:2]}, "need rising ends, and none for the last"),
        ({"amount": "", "tiers": [TIERS[1], TIERS[0], TIERS[2]]}, "need rising ends"),
        ({"amount": "", "tiers": [TIERS[2], TIERS[2]]}, "need rising ends"),
        ({"amount": "", "tiers": [{"up_to": "0", "amount": "1"}, TIERS[2]]}, "need rising ends"),
        ({"minimum": "10", "cap": "9.99"}, r"minimum 10 is above cap 9\.99"),
        ({"period": "P1Y"}, "period is 'P1Y', need none"),
        ({"model": "free"}, "currency is 'CNY', but a plan free needs none"),
        ({"model": "subscription"}, "period is '', need an ISO 8601 duration"),
        ({"model": "subscription", "period": "1 year"}, "need an ISO 8601 duration"),
        ({"model": "one-off", "cap": "5"}, "a plan one-off has no cap"),
        ({"model": "per-minute"}, "Input should be 'free'"),
        ({"colour": "red"}, "unknown key 'colour'"),
    ],
)
def test_a_plan_that_does_not_hold_together_is_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(DocumentError, match=words):
        _plan(**changes)


def _offer(version: int, first: str, last: str | None = None) -> Offer:
    return Offer.from_json({"version": version, "valid_from": first, "valid_to": last, "plans": [PER_GB]})


def test_the_newest_offer_that_is_valid_holds() -> None:
    offers = (_offer(1, "2025-01-01"), _offer(2, "2026-01-01", "2026-06-30"), _offer(3, "2027-01-01"))
    held = {
        day: getattr(offer_at(offers, date.fromisoformat(day)), "version", None)
        for day in ("2024-12-31", "2025-01-01", "2026-01-01", "2026-06-30", "2026-07-01", "2027-01-01")
    }
    assert list(held.values()) == [None, 1, 2, 2, 1, 3]


def test_an_offer_ends_after_it_begins_and_has_a_plan() -> None:
    with pytest.raises(DocumentError, match="before it begins on 2026-01-02"):
        _offer(1, "2026-01-02", "2026-01-01")
    with pytest.raises(DocumentError, match="offer 1 has no plans"):
        Offer.from_json({"version": 1, "valid_from": "2026-01-01", "plans": []})


amounts = st.decimals(0, 10**6, places=4).map(lambda one: f"{one:f}")


@given(
    ends=st.lists(st.integers(1, 1000), max_size=4, unique=True).map(sorted),
    prices=st.lists(amounts, min_size=5, max_size=5),
    quota=st.integers(0, 50),
    quantity=st.integers(0, 2000),
)
def test_tiers_are_the_sum_over_units(ends: list[int], prices: list[str], quota: int, quantity: int) -> None:
    """The price is what one gets by paying for each unit alone."""
    tiers = [{"up_to": str(end), "amount": price} for end, price in zip(ends, prices, strict=False)]
    plan = _plan(amount="", tiers=[*tiers, {"amount": prices[-1]}], free_quota=str(quota))
    by_unit = Decimal(0)
    for unit in range(max(0, quantity - quota)):
        by_unit += Decimal(next((price for end, price in zip(ends, prices, strict=False) if unit < end), prices[-1]))
    assert exact_price(plan, Decimal(quantity)) == by_unit


@given(plan=st.builds(_plan, amount=amounts, free_quota=amounts), quantity=amounts)
def test_plans_survive_json_and_rounding_is_to_the_nearest_fen(plan: PricePlan, quantity: str) -> None:
    assert PricePlan.from_json(plan.to_json()) == plan
    exact, rounded = exact_price(plan, Decimal(quantity)), price_of(plan, Decimal(quantity))
    assert exact is not None
    assert rounded is not None
    assert abs(exact - rounded) <= Decimal("0.005")
    assert rounded.as_tuple().exponent == -2
