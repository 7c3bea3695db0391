"""The map from an exchange's export to fields: names of columns and words of cells, in a file that anybody can edit."""

import dataclasses
import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from oceandata.catalog.faults import Fault, fault_report, require_file
from oceandata.catalog.positions import Located, read_yaml
from oceandata.catalog.transfer.cells import unguard_formula
from oceandata.errors import DocumentError, InputError, closest

__all__ = ["FAULTS", "ColumnMap", "folded", "load_column_map", "shipped_column_map"]

#: The column that is added where faulty rows are given back.
FAULTS = "faults"

#: Parts of the file that hold words for values.
_WORDS = ("states", "models", "order_states", "currencies")

_DEFAULTS = ("exchange", "zone", "amount_unit", "currency")


def folded(name: object) -> str:
    """
    Text as names and words are compared: no case, width, blanks, underscores or hyphens.

    Parameters
    ----------
    name : object
        Any cell.

    Returns
    -------
    str
        Empty if it is None.

    Examples
    --------
    >>> folded("ＰＥＲ- gb")
    'pergb'
    """
    return re.sub(r"[\s_*:\-]+", "", unicodedata.normalize("NFKC", "" if name is None else str(name)).casefold())


def _parted(header: str) -> tuple[str, str]:
    """Name of a column and what stands in its brackets."""
    text = unicodedata.normalize("NFKC", unguard_formula(header))
    inside = re.findall(r"[(\[【<](.*?)[)\]】>]", text)
    return re.sub(r"[(\[【<].*?[)\]】>]", "", text), " ".join(inside).strip()


@dataclasses.dataclass(frozen=True)
class ColumnMap:
    """
    What the columns of an export are, and what the words in them mean.

    Attributes
    ----------
    names : dict of str to str
        Field of each name of a column, folded.
    labels : dict of str to tuple of str
        English and Chinese name that is written for each field.
    words : dict of str to dict
        For states, models, order_states and currencies: value of each word, folded.
    defaults : dict of str to str
        What holds where a sheet says nothing.
    """

    names: Mapping[str, str]
    labels: Mapping[str, tuple[str, str]]
    words: Mapping[str, Mapping[str, str]]
    defaults: Mapping[str, str]

    def field(self, header: str) -> str:
        """
        Field of a column.

        Parameters
        ----------
        header : str
            Its name as it is written.

        Returns
        -------
        str
            Empty if it is not understood.
        """
        for form in (unguard_formula(header), _parted(header)[0]):
            if folded(form) in self.names:
                return self.names[folded(form)]
        return ""

    def unit(self, header: str) -> str:
        """
        What stands in the brackets of a column's name.

        Parameters
        ----------
        header : str
            Its name as it is written.

        Returns
        -------
        str
            Such as ``万元``; empty if there are no brackets.
        """
        return "" if folded(unguard_formula(header)) in self.names else _parted(header)[1]

    def fields(self, headers: Sequence[str]) -> list[str]:
        """
        Field of each column.

        Parameters
        ----------
        headers : sequence of str
            Names of the columns.

        Returns
        -------
        list of str
            Empty texts for columns that are not understood.

        Raises
        ------
        InputError
            If two columns are of one field.
        """
        found = [self.field(header) for header in headers]
        counts = Counter(field for field in found if field not in ("", FAULTS))
        twice = [field for field, count in counts.items() if count > 1]
        if twice:
            shown = ", ".join(repr(one) for one, field in zip(headers, found, strict=True) if field == twice[0])
            msg = f"two columns are of the field {twice[0]!r}: {shown}. Leave one out, or rename it."
            raise InputError(msg)
        return found

    def count(self, texts: Sequence[str]) -> int:
        """
        How many texts of a row are names of columns.

        Parameters
        ----------
        texts : sequence of str
            The row.

        Returns
        -------
        int
            Zero or more.
        """
        return sum(bool(text) and bool(self.field(text)) for text in texts)


def _shipped() -> dict[str, Any]:
    import yaml

    text = (files("oceandata._catalogs") / "exchange" / "columns.yaml").read_text(encoding="utf-8")
    document: dict[str, Any] = yaml.safe_load(text)
    return document


@cache
def shipped_column_map() -> ColumnMap:
    """
    The map that ships.

    Returns
    -------
    ColumnMap
        Read once and kept.
    """
    return _column_map(_shipped(), {})


def _words(rows: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Value of each word."""
    return {folded(word): value for value, words in rows.items() for word in (value, *words)}


def _label(names: Sequence[str], field: str) -> tuple[str, str]:
    english = next((name for name in names if name.isascii()), field)
    return english, next((name for name in names if not name.isascii()), english)


def _column_map(shipped: Mapping[str, Any], own: Mapping[str, Any]) -> ColumnMap:
    """Map of the file that ships and of one's own, which wins."""
    columns = shipped["columns"]
    words = {part: _words(shipped[part]) | _words(own.get(part) or {}) for part in _WORDS}
    return ColumnMap(
        names=_words(columns) | _words(own.get("columns") or {}),
        labels={field: _label(names, field) for field, names in columns.items()},
        words=words,
        defaults={**(shipped.get("defaults") or {}), **(own.get("defaults") or {})},
    )


def load_column_map(path: str | Path) -> ColumnMap:
    """
    Read one's own map; what it does not say is as in the one that ships.

    Parameters
    ----------
    path : str or pathlib.Path
        YAML in the form of ``catalogs/exchange/columns.yaml``.

    Returns
    -------
    ColumnMap
        Both together; one's own names and words win.

    Raises
    ------
    NotFoundError
        If there is no such file.
    DocumentError
        If anything is wrong with it; every fault is listed with its line.
    """
    path, shipped = Path(path), _shipped()
    require_file(path, kind="column map")
    located = read_yaml(path)
    faults = list(located.faults) or _faults(located, shipped)
    if faults:
        raise DocumentError(fault_report(str(path), sorted(set(faults))))
    return _column_map(shipped, located.value)


def _faults(located: Located, shipped: Mapping[str, Any]) -> list[Fault]:
    """What is wrong with one's own map."""
    if not isinstance(located.value, dict) or not located.value:
        return [located.fault((), "the file holds no parts, need columns, states, models or defaults.")]
    faults = []
    for part, rows in located.value.items():
        if part not in ("columns", "defaults", *_WORDS):
            faults.append(located.fault((part,), f"there is no part {part!r}. {closest(str(part), [*shipped])}"))
        elif rows is not None and not isinstance(rows, dict):
            faults.append(located.fault((part,), f"{part} is a {type(rows).__name__}, need fields with their names."))
        else:
            faults += _part_faults(located, part, rows or {}, shipped)
    return faults


def _part_faults(located: Located, part: str, rows: Mapping[Any, Any], shipped: Mapping[str, Any]) -> list[Fault]:
    """What is wrong with one part: unknown fields, names that are no text, a name for two fields."""
    faults, seen = [], dict[str, str]()
    known = list(_DEFAULTS) if part == "defaults" else list(shipped[part])
    for field, given in rows.items():
        if field not in known and part != "currencies":
            faults.append(located.fault((part, field), f"{part} has no {field!r}. {closest(str(field), known)}"))
        for name in given if isinstance(given, list) else [given]:
            if not isinstance(name, str) or not folded(name):
                faults.append(located.fault((part, field), f"{field} has the name {name!r:.60}, need text in quotes."))
            elif part != "defaults" and seen.setdefault(folded(name), str(field)) != str(field):
                message = f"{name!r} stands for {seen[folded(name)]!r} and {field!r}, need one of them."
                faults.append(located.fault((part, field), message))
    return faults
