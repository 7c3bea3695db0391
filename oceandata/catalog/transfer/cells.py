"""
What people write into cells: text, numbers, sizes and lists; and what a spreadsheet must not take for a formula.

Full-width digits and punctuation count as their plain forms. Nothing is guessed: what can mean two things is an error
that says how to write it.
"""

import math
import re
import unicodedata
from collections.abc import Sequence
from datetime import date

from oceandata.errors import InputError

__all__ = [
    "NUMBER",
    "Cell",
    "guard_formula",
    "is_blank",
    "join_inner",
    "join_list",
    "parse_bytes",
    "parse_count",
    "parse_number",
    "plain",
    "split_inner",
    "split_list",
    "unguard_formula",
]

#: What a cell may hold as it was read.
Cell = str | int | float | bool | date | None

_SIGNS = str.maketrans(
    {
        **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212", "-"),
        **dict.fromkeys("″”“＂", '"'),
        **dict.fromkeys("′’‘＇", "'"),
        **dict.fromkeys("º˚", "°"),
    }
)

#: What staff write where they know nothing, in cells of numbers and dates.
_NOTHING = frozenset({"", "-", "--", "/", "n/a", "na", "none", "null", "unknown", "无", "未知", "空", "待定", "缺"})

_FORMULA = re.compile(r"'*[=+\-@\t\r\n＝＋－＠]")
#: A plain number, such as -1,234.5e3; it also fits a text without digits.
NUMBER = re.compile(r"[+-]?(\d{1,3}(,\d{3})+|\d+)?(\.\d*)?([eE][+-]?\d+)?")

_SIZE_UNITS = {"": 1, "b": 1, "byte": 1, "bytes": 1, "字节": 1}
_SIZE_UNITS |= {f"{letter}{end}": 1000 ** (i + 1) for i, letter in enumerate("kmgtp") for end in ("", "b")}
_SIZE_UNITS |= {f"{letter}ib": 1024 ** (i + 1) for i, letter in enumerate("kmgtp")}


def plain(cell: Cell) -> str:
    """
    Text of a cell for reading numbers, dates and names: compatibility forms, one kind of dash and quote, no ends.

    Parameters
    ----------
    cell : str, int, float, bool, date or None
        What the cell holds.

    Returns
    -------
    str
        Empty for an empty cell; a whole number without decimals.

    Examples
    --------
    >>> plain("　１２０．５°Ｅ "), plain(2009.0)
    ('120.5°E', '2009')
    """
    if cell is None:
        return ""
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 1e15:
        return str(int(cell))
    return unicodedata.normalize("NFKC", str(cell).translate(_SIGNS)).translate(_SIGNS).strip()


def is_blank(cell: Cell) -> bool:
    """Whether a cell of a number, date or choice says nothing: empty, a dash, 无, n/a and the like."""
    return plain(cell).casefold() in _NOTHING


def guard_formula(text: str) -> str:
    """
    Text that no spreadsheet takes for a formula.

    Parameters
    ----------
    text : str
        What a cell shall show.

    Returns
    -------
    str
        With an apostrophe before it if it begins like a formula; plain numbers stay. `unguard_formula` takes exactly
        that away again.

    Examples
    --------
    >>> guard_formula("=HYPERLINK(1)"), guard_formula("-1.8"), guard_formula("sst")
    ("'=HYPERLINK(1)", '-1.8', 'sst')
    """
    if _FORMULA.match(text) and not (text[0] in "+-" and len(text) > 1 and NUMBER.fullmatch(text)):
        return f"'{text}"
    return text


def unguard_formula(text: str) -> str:
    """Text without the apostrophe that `guard_formula` sets."""
    return text[1:] if text.startswith("'") and _FORMULA.match(text[1:]) else text


def parse_number(cell: Cell, *, unit: str = "") -> float:
    """
    Number in a cell.

    Parameters
    ----------
    cell : str, int, float, bool, date or None
        ``120.5``, ``"１２０．５"``, ``"1,234"``.
    unit : str
        Regular expression of a unit that may follow.

    Returns
    -------
    float
        A finite number.

    Raises
    ------
    InputError
        If it is none.
    """
    if isinstance(cell, int | float) and not isinstance(cell, bool) and math.isfinite(cell):
        return float(cell)
    text = re.sub(rf"\s*(?:{unit})$", "", plain(cell), flags=re.IGNORECASE) if unit else plain(cell)
    if NUMBER.fullmatch(text) and any(map(str.isdigit, text)):
        number = float(text.replace(",", ""))
        if math.isfinite(number):
            return number
    msg = f"{plain(cell)!r:.60} is no number. Write digits only, such as 120.5."
    raise InputError(msg)


def parse_count(cell: Cell) -> int:
    """
    Whole number of zero or more in a cell.

    Parameters
    ----------
    cell : str, int, float, bool, date or None
        What the cell holds.

    Returns
    -------
    int
        The number.

    Raises
    ------
    InputError
        If it is none.
    """
    text = plain(cell).replace(",", "")
    if not re.fullmatch(r"\d+", text, re.ASCII):
        msg = f"{plain(cell)!r:.60} is no whole number. Write digits only, such as 12."
        raise InputError(msg)
    return int(text)


def parse_bytes(cell: Cell) -> int:
    """
    Size in bytes in a cell.

    Parameters
    ----------
    cell : str, int, float, bool, date or None
        Bytes, or a number with a unit: ``"1.5 GB"`` (1,000s), ``"1.5 GiB"`` (1,024s).

    Returns
    -------
    int
        Bytes.

    Raises
    ------
    InputError
        If it is no size.

    Examples
    --------
    >>> parse_bytes("１．５ＧＢ"), parse_bytes(1024)
    (1500000000, 1024)
    """
    text = plain(cell).replace(",", "")
    if re.fullmatch(r"\d+", text, re.ASCII):
        return int(text)
    found = re.fullmatch(r"(\d+(?:\.\d*)?)\s*([a-z]*|字节)", text.casefold(), re.ASCII)
    factor = _SIZE_UNITS.get(found[2]) if found else None
    if found is None or factor is None:
        msg = f"{text!r:.60} is no size. Write bytes, or a number with KB, MB, GB, TB or PB."
        raise InputError(msg)
    return round(float(found[1]) * factor)


def _parts(text: str, separators: str) -> list[str]:
    r"""Parts of a text; after an odd number of ``\`` a separator belongs to its part."""
    parts, current, begin = [], "", 0
    for found in re.finditer(rf"(\\*)([{separators}])", text):
        current += text[begin : found.start()] + "\\" * (len(found[1]) // 2)
        if len(found[1]) % 2:
            current += found[2]
        else:
            parts.append(current.strip())
            current = ""
        begin = found.end()
    return [*parts, (current + text[begin:]).strip()]


def split_list(cell: Cell, *, count: int | None = None) -> list[str]:
    r"""
    Several values of one cell.

    Semicolons part them; where there is none, so do commas, 、 and line ends. ``\;`` is a semicolon inside a value.

    Parameters
    ----------
    cell : str, int, float, bool, date or None
        What the cell holds.
    count : int or None
        How many there must be; None for any number, of which empty ones are left out.

    Returns
    -------
    list of str
        The values, without blanks at their ends.

    Raises
    ------
    InputError
        If there are not `count` of them.

    Examples
    --------
    >>> split_list("水温、盐度"), split_list("a, b; c"), split_list("a, b;")
    (['水温', '盐度'], ['a, b', 'c'], ['a, b'])
    """
    text = plain(cell) if isinstance(cell, float) else str("" if cell is None else cell).strip()
    values = _parts(text, ";；")
    parted = len(values) > 1
    if parted and not values[-1] and (count is None or len(values) == count + 1):
        values = values[:-1]
    if not parted and len(values) != count:
        values = [value.strip() for value in re.split(r"[,，、\n]", values[0])]
    if count is None:
        return [value for value in values if value]
    if len(values) != count:
        msg = f"{text!r:.80} is {len(values)} of {count}: write one value for each, with semicolons between."
        raise InputError(msg)
    return values


def join_list(values: Sequence[str]) -> str:
    r"""
    One cell of several values; `split_list` parts them again.

    Parameters
    ----------
    values : sequence of str
        The values.

    Returns
    -------
    str
        With semicolons between; after a single value that holds a comma or a line end too.

    Examples
    --------
    >>> join_list(["sst", "sss"]), join_list(["a, b"]), join_list(["a;b", "c"])
    ('sst; sss', 'a, b;', 'a\\;b; c')
    """
    alone = len(values) == 1 and re.search(r"[,，、\n]", values[0]) is not None
    closed = alone or (len(values) > 1 and not values[-1])
    return "; ".join(_escaped(values, ";；", closed=closed)) + (";" if closed else "")


def _escaped(values: Sequence[str], separators: str, *, closed: bool) -> list[str]:
    r"""Values in which separators, and any ``\`` before one, are content; closed if a separator ends the last."""
    if not any("\\" in value or any(sign in value for sign in separators) for value in values):
        return list(values)
    inside = [re.sub(rf"(\\*)([{separators}])", r"\1\1\\\2", value) for value in values]
    ends = [re.sub(r"(\\+)$", r"\1\1", value) for value in inside]
    return ends if closed or not inside else [*ends[:-1], inside[-1]]


def split_inner(text: str) -> list[str]:
    r"""
    Names or numbers of one value of a list: parted by commas, ``\,`` is a comma inside; empty for ``()``.

    Parameters
    ----------
    text : str
        One value of `split_list`.

    Returns
    -------
    list of str
        The parts.
    """
    return [] if text.strip() == "()" else _parts(text, ",，")


def join_inner(values: Sequence[str]) -> str:
    """One value of several names or numbers; `split_inner` parts them again."""
    return ", ".join(_escaped(values, ",，", closed=False)) if values else "()"
