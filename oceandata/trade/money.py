"""Money: decimal text and ISO 4217 currencies; rounded once, half up, to the currency's minor unit."""

from decimal import ROUND_HALF_UP, Decimal, InvalidOperation, localcontext
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, StringConstraints

from oceandata.errors import InputError

__all__ = ["CURRENCIES", "Amount", "OptionalAmount", "OptionalCurrency", "minor_units", "rounded"]

# Codes by the number of decimals of the minor unit.
_NONE = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
_THREE = "BHD IQD JOD KWD LYD OMR TND"
_FOUR = "CLF UYW"
_TWO = (
    "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF CHW CNY "
    "COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS "
    "INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR "
    "MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP "
    "STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XCD YER ZAR ZMW ZWG"
)

#: Currencies of ISO 4217 and the number of decimals of their minor unit.
CURRENCIES = {
    code: units for units, codes in {0: _NONE, 2: _TWO, 3: _THREE, 4: _FOUR}.items() for code in codes.split()
}


_DIGITS = 60


def _text_only(value: Any) -> Any:
    """Refuse numbers: 0.1 as a number is another amount than the one written."""
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        msg = f"got the number {value}, need decimal text: put it in quotes, '{value}'"
        raise ValueError(msg)  # noqa: TRY004 - pydantic collects ValueErrors
    return value


def _known(code: str) -> str:
    if code:
        minor_units(code)
    return code


#: An amount of money or of a quantity as decimal text, such as ``"0.80"``; never negative.
Amount = Annotated[str, StringConstraints(pattern=r"^\d{1,15}(\.\d{1,9})?$"), BeforeValidator(_text_only)]

#: The same, or an empty text where there is none.
OptionalAmount = Annotated[str, StringConstraints(pattern=r"^(\d{1,15}(\.\d{1,9})?)?$"), BeforeValidator(_text_only)]

#: A currency by its code, or an empty text where there is none.
OptionalCurrency = Annotated[str, AfterValidator(_known)]


def minor_units(currency: str) -> int:
    """
    Decimals of a currency's minor unit.

    Parameters
    ----------
    currency : str
        ISO 4217 code.

    Returns
    -------
    int
        2 for CNY (fen), 0 for JPY.

    Raises
    ------
    InputError
        If there is no such currency.
    """
    if currency not in CURRENCIES:
        msg = f"currency is {currency!r}, need a code of ISO 4217 such as CNY"
        raise InputError(msg)
    return CURRENCIES[currency]


def rounded(amount: Decimal, currency: str) -> Decimal:
    """
    Amount rounded half up to the minor unit.

    Parameters
    ----------
    amount : decimal.Decimal
        Exact.
    currency : str
        ISO 4217 code.

    Returns
    -------
    decimal.Decimal
        With as many decimals as the minor unit has.

    Raises
    ------
    InputError
        If there is no such currency, or the amount is not finite or too large.

    Examples
    --------
    >>> rounded(Decimal("0.125"), "CNY"), rounded(Decimal("2.5"), "JPY")
    (Decimal('0.13'), Decimal('3'))
    """
    unit = Decimal(1).scaleb(-minor_units(currency))
    try:
        with localcontext(prec=_DIGITS):
            return amount.quantize(unit, rounding=ROUND_HALF_UP)
    except InvalidOperation as error:
        msg = f"amount is {amount} {currency}, need a finite one of at most {_DIGITS} digits."
        raise InputError(msg) from error
