"""Whole minor units, exactly what the decimal text says."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oceandata.errors import InputError
from oceandata.trade.registry.money import amount_text, to_minor_units


@pytest.mark.parametrize(
    ("amount", "currency", "found"),
    [("0.80", "CNY", 80), ("0", "CNY", 0), ("500", "JPY", 500), ("1.5", "KWD", 1500), ("1.50", "USD", 150)],
)
def test_amounts(amount: str, currency: str, found: int) -> None:
    assert to_minor_units(amount, currency) == (found, 0)


@pytest.mark.parametrize(("amount", "currency"), [("0.001", "CNY"), ("0.5", "JPY")])
def test_what_is_finer_than_the_currency(amount: str, currency: str) -> None:
    with pytest.raises(InputError, match=r"decimals\. Round it first"):
        to_minor_units(amount, currency)
    number, scale = to_minor_units(amount, currency, unit_price=True)
    assert Decimal(amount_text(number, currency, scale=scale).split()[0]) == Decimal(amount)


def test_what_does_not_fit() -> None:
    with pytest.raises(InputError, match="more than the registry can hold"):
        to_minor_units("999999999999999.123456789", "CNY", unit_price=True)
    with pytest.raises(InputError, match="ISO 4217"):
        to_minor_units("1", "XXX")


@given(st.from_regex(r"\d{1,9}(\.\d{1,9})?", fullmatch=True), st.sampled_from(["CNY", "JPY", "KWD", "CLF"]))
def test_nothing_is_lost(amount: str, currency: str) -> None:
    number, scale = to_minor_units(amount, currency, unit_price=True)
    assert Decimal(amount_text(number, currency, scale=scale).split()[0]) == Decimal(amount)
