"""What staff write into the cells of an export: amounts in 元 and 万元, volumes in 万条 and 亿条, dates, revisions."""

import re
from collections.abc import Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import NamedTuple

from oceandata.catalog.transfer.cells import Cell, is_blank, parse_bytes, plain
from oceandata.catalog.transfer.spans import parse_moment
from oceandata.errors import InputError, closest
from oceandata.trade.exchange.columns import folded
from oceandata.trade.parties import check_uscc

__all__ = [
    "Money",
    "Volume",
    "parse_amount",
    "parse_day",
    "parse_records",
    "parse_revision",
    "parse_uscc",
    "parse_volume",
    "parse_word",
]

_POWERS = {"": 0, "百": 2, "千": 3, "万": 4, "十万": 5, "百万": 6, "千万": 7, "亿": 8, "十亿": 9, "百亿": 10}
_POWERS |= {"k": 3, "thousand": 3, "million": 6, "billion": 9}
_POWER = "|".join(sorted((re.escape(word) for word in _POWERS if word), key=len, reverse=True))
_DIGITS = r"(?P<digits>\d[\d,]*(?:\.\d+)?)"

#: An amount: currency before or after it, a power of ten, and what it is for after a slash.
_AMOUNT = re.compile(
    rf"(?P<before>[^\d\s+-]*?)\s*{_DIGITS}\s*(?P<power>{_POWER})?\s*(?P<after>[^\d/每]*?)\s*(?:[/每].*)?",
    re.IGNORECASE,
)
_COUNT = re.compile(
    rf"(?:约|共)?\s*{_DIGITS}\s*(?P<power>{_POWER})?\s*(?P<unit>条|records?|行|个|幅|景|份)?", re.IGNORECASE
)
_UNIT = re.compile(rf"(?P<power>{_POWER})?\s*(?P<name>[^\d/]*?)\s*(?:/.*)?", re.IGNORECASE)
_REVISION = re.compile(r"(?:第|版本|v|r|rev\.?|revision)?\s*(\d{1,6})(?:\.0)?\s*版?", re.IGNORECASE)

#: What stands in cells of dates that never come.
_NEVER = frozenset({"长期", "永久", "长期有效", "无固定期限", "unlimited", "permanent"})


class Money(NamedTuple):
    """An amount in major units as decimal text, its currency, and what was converted."""

    amount: str
    currency: str
    note: str = ""


class Volume(NamedTuple):
    """How much there is; None for what is not said. The error is half a unit of the last digit that is written."""

    nbytes: int | None = None
    records: int | None = None
    note: str = ""


def _number(digits: str, power: str) -> Decimal:
    """Exact number of digits and a power of ten in words."""
    try:
        return Decimal(digits.replace(",", "")).scaleb(_POWERS[power.casefold()])
    except InvalidOperation as error:
        msg = f"{digits!r} is no number. Write digits only, such as 120.5."
        raise InputError(msg) from error


def _decimal_text(number: Decimal) -> str:
    """Decimal text without an exponent and without zeros at its end."""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def parse_amount(cell: Cell, currencies: Mapping[str, str], *, unit: str = "", currency: str = "") -> Money:
    """
    Amount of money in a cell, exact, in major units.

    The cell's own unit wins over that of the column; without any unit and without a currency there is no amount.

    Parameters
    ----------
    cell : str, int, float, bool, date or None
        ``"0.80元/GB"``, ``"１．２万元"``, ``1.2``.
    currencies : mapping of str to str
        Code of each word, folded.
    unit : str
        Unit of the column: ``元``, ``万元``.
    currency : str
        Code that a column of currencies says; the amount is then in its major unit unless `unit` says more.

    Returns
    -------
    Money
        With a note if a power of ten was applied.

    Raises
    ------
    InputError
        If it is no amount, or its unit or currency is unknown.

    Examples
    --------
    >>> parse_amount("１．２万元／年", {"元": "CNY"})
    Money(amount='12000', currency='CNY', note="'1.2万元/年' is 12000 CNY")
    """
    text = repr(cell) if isinstance(cell, float) else plain(cell)
    found = _AMOUNT.fullmatch(text)
    if found is None:
        msg = f"{text!r:.60} is no amount. Write digits with 元 or 万元, such as 0.80元."
        raise InputError(msg)
    named, power = found["before"] or found["after"] or "", found["power"] or ""
    of_column = _UNIT.fullmatch(plain(unit))
    if not named and of_column is not None:
        if power and of_column["power"]:
            msg = f"{text!r:.60} stands in a column of {plain(unit)}: times {power} too? Write the unit in the cell."
            raise InputError(msg)
        named, power = of_column["name"], power or of_column["power"] or ""
    code = currencies.get(folded(named), "") if named else currency
    if not code and named:
        msg = (
            f"{text!r:.60} is no amount: the unit {named!r} is unknown. Write 元 or 万元, or add it to the currencies."
        )
        raise InputError(msg)
    if not code:
        msg = f"{text!r:.60} has no unit: neither the cell nor the column says one. Write 元 or 万元 into one of them."
        raise InputError(msg)
    if named and currency and code != currency:
        msg = f"{text!r:.60} is in {code}, but the column of currencies says {currency}. Correct one of them."
        raise InputError(msg)
    amount = _decimal_text(_number(found["digits"], power))
    shown = text if found["power"] else f"{text} {plain(unit)}"
    return Money(amount, code, f"{shown!r} is {amount} {code}" if power else "")


def parse_records(cell: Cell, *, unit: str = "") -> Volume:
    """
    Number of records in a cell.

    Parameters
    ----------
    cell : str, int, float, bool, date or None
        ``"95亿条"``, ``"1,200"``, ``2.5``.
    unit : str
        Unit of the column: ``万条``.

    Returns
    -------
    Volume
        With a note if a power of ten was applied.

    Raises
    ------
    InputError
        If it is no whole number of zero or more.

    Examples
    --------
    >>> parse_records("９５亿条").records, parse_records(2.5, unit="万条").records
    (9500000000, 25000)
    """
    text = repr(cell) if isinstance(cell, float) and not cell.is_integer() else plain(cell)
    found = _COUNT.fullmatch(text)
    power = (found["power"] or "") if found else ""
    if found is not None and not power and not found["unit"]:
        said = _UNIT.fullmatch(plain(unit))
        power = (said["power"] or "") if said else ""
    number = _number(found["digits"], power) if found else Decimal("0.5")
    if number != number.to_integral_value():
        msg = f"{text!r:.60} is no number of records. Write digits with 条, 万条 or 亿条, such as 1.2万条."
        raise InputError(msg)
    return Volume(records=int(number), note=f"{text!r} is {int(number):,} records" if power else "")


def parse_volume(cell: Cell, *, unit: str = "") -> Volume:
    """
    Bytes, records, or both in a cell.

    Parameters
    ----------
    cell : str, int, float, bool, date or None
        ``"1.5 TB"``, ``"95亿条"``, ``"49亿条/1.2TB"``.
    unit : str
        Unit of the column: ``GB``, ``亿条``; not read if it names several.

    Returns
    -------
    Volume
        What is said.

    Raises
    ------
    InputError
        If a part is neither, or there is no unit.

    Examples
    --------
    >>> parse_volume("49亿条／1.2TB")[:2], parse_volume(3, unit="GB").nbytes
    ((1200000000000, 4900000000), 3000000000)
    """
    text = repr(cell) if isinstance(cell, float) and not cell.is_integer() else plain(cell)
    found = Volume()
    for part in filter(None, re.split(r"\s*[/、;]\s*|,\s+", text)):
        one = _one_volume(part, "" if "/" in plain(unit) else plain(unit))
        found = Volume(
            one.nbytes if found.nbytes is None else found.nbytes,
            one.records if found.records is None else found.records,
            "; ".join(filter(None, (found.note, one.note))),
        )
    return found


def _one_volume(text: str, unit: str) -> Volume:
    """Bytes or records, by the unit in the cell, else by that of the column."""
    bare = re.fullmatch(r"[\d,.]+", text) is not None
    said = unit if bare else text
    if re.search(r"条|records?|行|幅|景", said, re.IGNORECASE):
        return parse_records(text, unit=unit)
    if bare and not unit:
        msg = f"{text!r:.60} has no unit: neither the cell nor the column says one. Write GB, 万条 or the like."
        raise InputError(msg)
    return Volume(nbytes=parse_bytes(f"{text} {unit}" if bare else text))


def parse_day(cell: Cell) -> date | None:
    """
    Day in a cell.

    Parameters
    ----------
    cell : str, int, float, bool, date or None
        ``"2024年8月1日"``, ``"2024/8/1"``, ``20240801``, or a day that a spreadsheet knows as such.

    Returns
    -------
    date or None
        None for 长期 and the like, which never ends.

    Raises
    ------
    InputError
        If it is no day, or a month only.

    Examples
    --------
    >>> parse_day("２０２４年８月１日"), parse_day("2024/8/1"), parse_day("长期")
    (datetime.date(2024, 8, 1), datetime.date(2024, 8, 1), None)
    """
    if folded(cell) in _NEVER:
        return None
    first, last = parse_moment(cell)[:10], parse_moment(cell, last=True)[:10]
    if first != last:
        msg = f"{plain(cell)!r:.60} is no day but a longer time. Write the day too, such as 2024-08-01."
        raise InputError(msg)
    return date.fromisoformat(first)


def parse_revision(cell: Cell) -> int | None:
    """
    Number of a revision in a cell.

    Parameters
    ----------
    cell : str, int, float, bool, date or None
        ``2``, ``"V2.0"``, ``"第2版"``, ``"r2"``.

    Returns
    -------
    int or None
        None if it is another kind of name.

    Examples
    --------
    >>> parse_revision("Ｖ２．０"), parse_revision("第３版"), parse_revision("2024.1")
    (2, 3, None)
    """
    found = _REVISION.fullmatch(plain(cell))
    return int(found[1]) if found else None


def parse_word(cell: Cell, words: Mapping[str, str], what: str) -> str:
    """
    Value that a word of a cell stands for.

    Parameters
    ----------
    cell : str, int, float, bool, date or None
        The word.
    words : mapping of str to str
        Value of each word, folded.
    what : str
        Part of the column map in which more words can be added.

    Returns
    -------
    str
        Empty for an empty cell.

    Raises
    ------
    InputError
        If the word is not known.
    """
    if is_blank(cell):
        return ""
    if folded(cell) not in words:
        near = closest(plain(cell), sorted(set(words.values())))
        msg = f"{plain(cell)!r:.60} is not known. {near} Add the word under {what} of the column map."
        raise InputError(msg)
    return words[folded(cell)]


def parse_uscc(cell: Cell) -> str:
    """
    Unified social credit code in a cell, its check character included.

    Parameters
    ----------
    cell : str, int, float, bool, date or None
        The code.

    Returns
    -------
    str
        In capitals and plain width.

    Raises
    ------
    InputError
        If it is none.
    """
    text = re.sub(r"\s", "", plain(cell)).upper()
    check_uscc(text)
    return text
