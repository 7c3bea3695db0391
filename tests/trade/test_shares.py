"""Shares of receipts: exact to the minor unit for any table, each stretch at its own band."""

import random
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from oceandata.errors import DocumentError, InputError
from oceandata.trade.shares import ShareTable, share_out


def _table(*bands: tuple[str, dict[str, str]], currency: str = "CNY") -> ShareTable:
    rows = [
        {"up_to": end, "shares": [{"party": party, "share": share} for party, share in shares.items()]}
        for end, shares in bands
    ]
    return ShareTable.from_json({"version": 1, "currency": currency, "bands": rows})


def _random_table(chance: random.Random) -> ShareTable:
    """Any number of bands and parties; shares with up to nine decimals that add up to one."""
    parties = [f"party {number}" for number in range(chance.randint(1, 6))]
    ends = sorted({chance.randint(1, 10**7) for _ in range(chance.randint(0, 4))})
    bands = []
    for end in [*ends, None]:
        named = chance.sample(parties, chance.randint(1, len(parties)))
        cuts = sorted(chance.randint(0, 10**9) for _ in named[1:])
        parts = [high - low for low, high in zip([0, *cuts], [*cuts, 10**9], strict=True)]
        shares = {party: str(Decimal(part).scaleb(-9)) for party, part in zip(named, parts, strict=True)}
        shares = {party: f"{Decimal(share):f}" for party, share in shares.items()}
        bands.append(("" if end is None else f"{Decimal(end).scaleb(-2):f}", shares))
    return _table(*bands, currency=chance.choice(["CNY", "CNY", "JPY", "KWD"]))


def _expected(table: ShareTable, amount: Decimal, party: str) -> Fraction:
    """What a party gets, one band after the other, from the definition."""
    got, low = Fraction(0), Fraction(0)
    for band in table.bands:
        high = Fraction(band.up_to) if band.up_to else None
        inside = max(Fraction(0), (Fraction(amount) if high is None else min(Fraction(amount), high)) - low)
        got += inside * sum(Fraction(one.share) for one in band.shares if one.party == party)
        low = high if high is not None else low
    return got


def test_ten_thousand_random_tables_sum_to_the_minor_unit() -> None:
    chance = random.Random(20261123)
    for number in range(10_000):
        table = _random_table(chance)
        digits = {"CNY": 2, "JPY": 0, "KWD": 3}[table.currency]
        amount = Decimal(chance.randint(0, 10**10)).scaleb(-digits)
        parts = share_out(table, amount)
        assert sum(parts.values()) == amount
        assert all(part >= 0 for part in parts.values())
        if number % 10 == 0:
            unit = Fraction(1, 10**digits)
            assert all(abs(Fraction(part) - _expected(table, amount, party)) < unit for party, part in parts.items())


def test_each_stretch_has_its_own_shares() -> None:
    table = _table(("100", {"owner": "0.8", "operator": "0.2"}), ("", {"owner": "0.5", "treasury": "0.5"}))
    parts = share_out(table, Decimal("250.00"))
    assert parts == {"owner": Decimal("155.00"), "operator": Decimal("20.00"), "treasury": Decimal("75.00")}
    assert share_out(table, Decimal("100")) == {"owner": 80, "operator": 20, "treasury": 0}
    assert set(share_out(table, Decimal(0)).values()) == {Decimal(0)}


def test_what_is_left_goes_to_the_largest_remainder() -> None:
    table = _table(("", {"a": "0.334", "b": "0.333", "c": "0.333"}))
    assert share_out(table, Decimal("0.02")) == {"a": Decimal("0.01"), "b": Decimal("0.01"), "c": Decimal("0.00")}


@pytest.mark.parametrize("amount", ["0.001", "-1", "NaN", "Infinity"])
def test_a_receipt_that_cannot_be_shared(amount: str) -> None:
    with pytest.raises(InputError, match="the receipt is"):
        share_out(_table(("", {"a": "1"})), Decimal(amount))


@pytest.mark.parametrize(
    ("bands", "said"),
    [
        ([("", {"a": "0.5", "b": "0.4"})], "add up to 0.9, need 1"),
        ([("10", {"a": "1"})], "none for the last"),
        ([("10", {"a": "1"}), ("5", {"a": "1"}), ("", {"a": "1"})], "rising ends"),
        ([("0", {"a": "1"}), ("", {"a": "1"})], "above zero"),
        ([], "bands end at nowhere"),
    ],
)
def test_tables_with_faults(bands: list[Any], said: str) -> None:
    with pytest.raises(DocumentError, match=said):
        _table(*bands)


def test_shares_are_text_not_numbers() -> None:
    rows = [{"shares": [{"party": "a", "share": 1.0}]}]
    with pytest.raises(DocumentError, match="need decimal text"):
        ShareTable.from_json({"version": 1, "currency": "CNY", "bands": rows})
