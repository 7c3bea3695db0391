"""Amounts of money in tables: whole minor units, exactly what the decimal text of a document says."""

from decimal import Decimal

from oceandata.errors import InputError
from oceandata.trade import money

__all__ = ["amount_text", "to_minor_units"]

_LARGEST = 2**63 - 1


def to_minor_units(amount: str, currency: str, *, unit_price: bool = False) -> tuple[int, int]:
    """
    Amount as a whole number of minor units.

    Parameters
    ----------
    amount : str
        Major units as decimal text, as `oceandata.trade.money.Amount` allows it: ``"0.80"``.
    currency : str
        ISO 4217.
    unit_price : bool
        Allow a price that is finer than the minor unit, such as 0.001 yuan a record.

    Returns
    -------
    tuple of int
        Number and scale: the amount is ``number / 10**scale`` minor units. The scale is 0 unless `unit_price`.

    Raises
    ------
    InputError
        If there is no such currency, or the amount is finer than its minor unit, or too large.

    Examples
    --------
    >>> to_minor_units("180300", "CNY"), to_minor_units("0.0050", "CNY", unit_price=True)
    ((18030000, 0), (5, 1))
    """
    digits = money.minor_units(currency)
    value = Decimal(amount).normalize()
    scale = max(0, -int(value.as_tuple().exponent) - digits)
    if scale and not unit_price:
        msg = f"the amount is {amount} {currency}, which has more than {digits} decimals. Round it first."
        raise InputError(msg)
    number = int(value.scaleb(digits + scale))
    if number > _LARGEST:
        msg = f"the amount is {amount} {currency}, which is more than the registry can hold."
        raise InputError(msg)
    return number, scale


def amount_text(number: int, currency: str, *, scale: int = 0) -> str:
    """
    Amount for people, exact.

    Parameters
    ----------
    number : int
        Minor units, times ``10**scale``.
    currency : str
        ISO 4217.
    scale : int
        See `to_minor_units`.

    Returns
    -------
    str
        Such as ``"180300.00 CNY"``.

    Examples
    --------
    >>> amount_text(80, "CNY"), amount_text(5, "CNY", scale=1)
    ('0.80 CNY', '0.005 CNY')
    """
    return f"{Decimal(number).scaleb(-money.minor_units(currency) - scale):f} {currency}"
