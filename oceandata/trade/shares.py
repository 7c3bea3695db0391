"""Shares of a receipt: progressive bands between several parties, which sum exactly to the receipt."""

from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from oceandata.documents import Document, Text
from oceandata.errors import InputError
from oceandata.trade.money import Amount, OptionalAmount, minor_units

__all__ = ["PartyShare", "ShareBand", "ShareTable", "share_out"]

_Party = Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]


class PartyShare(Document):
    """
    What one party gets of a stretch.

    Attributes
    ----------
    party : str
        Its identifier.
    share : str
        Between 0 and 1 as decimal text, such as ``"0.35"``.
    """

    party: _Party
    share: Amount


class ShareBand(Document):
    """
    A stretch of a receipt and how it is shared.

    Attributes
    ----------
    up_to : str
        Where it ends, in major units; empty for the last, which does not end.
    shares : tuple of PartyShare
        They add up to 1 exactly.
    """

    up_to: OptionalAmount = ""
    shares: tuple[PartyShare, ...] = Field(json_schema_extra={"minItems": 1})

    @model_validator(mode="after")
    def _whole(self) -> Self:
        parties = [one.party for one in self.shares]
        if len(set(parties)) < len(parties):
            msg = f"the band names {', '.join(parties)}, need every party once"
            raise ValueError(msg)
        total = sum((Fraction(one.share) for one in self.shares), Fraction(0))
        if total != 1:
            msg = f"the shares of {', '.join(parties) or 'nobody'} add up to {float(total):.12g}, need 1"
            raise ValueError(msg)
        return self


class ShareTable(Document):
    """
    How receipts are shared; a table that was used is not changed, a new version takes its place.

    Attributes
    ----------
    version : int
        1, 2, 3 and so on.
    currency : str
        ISO 4217 code.
    bands : tuple of ShareBand
        Rising ends; each stretch of a single receipt is shared as its own band says.
    note : str
        Where it was agreed.
    """

    version: int = Field(ge=1)
    currency: Text
    bands: tuple[ShareBand, ...] = Field(json_schema_extra={"minItems": 1})
    note: str = ""

    @model_validator(mode="after")
    def _rising(self) -> Self:
        minor_units(self.currency)
        ends = [band.up_to for band in self.bands]
        known = [Decimal(end) for end in ends[:-1] if end]
        rising = all(low < high for low, high in pairwise([Decimal(0), *known]))
        if not ends or ends[-1] or len(known) < len(ends) - 1 or not rising:
            shown = ", ".join(end or "no end" for end in ends) or "nowhere"
            msg = f"bands end at {shown}; need rising ends above zero, and none for the last"
            raise ValueError(msg)
        return self

    @property
    def parties(self) -> tuple[str, ...]:
        """Every party once, in the order in which the bands name them."""
        return tuple(dict.fromkeys(one.party for band in self.bands for one in band.shares))


def _exact_shares(table: ShareTable, amount: Fraction) -> dict[str, Fraction]:
    """What each party gets before anything is rounded."""
    exact, start = dict.fromkeys(table.parties, Fraction(0)), Fraction(0)
    for band in table.bands:
        end = min(amount, Fraction(band.up_to)) if band.up_to else amount
        for one in band.shares if end > start else ():
            exact[one.party] += (end - start) * Fraction(one.share)
        start = max(start, end)
    return exact


def share_out(table: ShareTable, amount: Decimal) -> dict[str, Decimal]:
    """
    Share a single receipt; the parts add up to it, to the last minor unit.

    A party that a band does not name gets nothing of that stretch. A receipt of zero gives everybody zero.

    Parameters
    ----------
    table : ShareTable
        Bands and shares.
    amount : decimal.Decimal
        The receipt in major units of the table's currency, exact in its minor unit.

    Returns
    -------
    dict of str to decimal.Decimal
        Part of each party, in the order of `ShareTable.parties`, with the decimals of the minor unit.

    Raises
    ------
    InputError
        If the receipt is negative, not finite, or finer than the minor unit.

    Notes
    -----
    Each stretch of the receipt is shared as its own band says, exactly; each party's sum is cut to whole minor units,
    and the units that are left go to the largest remainders, of equal ones to the party that is named first.

    Examples
    --------
    >>> shares = [{"party": "owner", "share": "0.5"}, {"party": "operator", "share": "0.5"}]
    >>> table = ShareTable(version=1, currency="CNY", bands=[{"shares": shares}])
    >>> share_out(table, Decimal("0.03"))
    {'owner': Decimal('0.02'), 'operator': Decimal('0.01')}
    """
    digits = minor_units(table.currency)
    units = Fraction(amount) * 10**digits if amount.is_finite() else Fraction(-1)
    if units < 0 or units.denominator != 1:
        msg = f"the receipt is {amount} {table.currency}, need zero or more with at most {digits} decimals."
        raise InputError(msg)
    exact = {party: part * 10**digits for party, part in _exact_shares(table, Fraction(amount)).items()}
    whole = {party: part.numerator // part.denominator for party, part in exact.items()}
    left = int(units) - sum(whole.values())
    order = sorted(exact, key=lambda party: whole[party] - exact[party])
    for party in order[:left]:
        whole[party] += 1
    return {party: Decimal(number).scaleb(-digits) for party, number in whole.items()}
