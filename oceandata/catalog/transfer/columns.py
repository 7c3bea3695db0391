"""Which field of an entry a column of a sheet is: a table of names in English and Chinese that anybody can extend."""

import dataclasses
import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Literal

from oceandata.catalog.faults import Fault, fault_report, require_file
from oceandata.catalog.positions import read_yaml
from oceandata.catalog.transfer.cells import unguard_formula
from oceandata.errors import DocumentError, InputError, closest

__all__ = ["FAULTS", "Column", "Language", "column_names", "columns", "find_fields", "load_column_map"]

Language = Literal["en", "zh"]

#: The column that an import adds, with the reasons why a row was refused.
FAULTS = "faults"


@dataclasses.dataclass(frozen=True)
class Column:
    """
    One column of a sheet.

    Attributes
    ----------
    field : str
        Place in the entry's document; ``*`` stands for each variable, layout or provider.
    kind : str
        How its cells are read.
    en, zh : tuple of str
        Names in English and Chinese, the one that is written first.
    template : bool
        Whether the template has it.
    note, note_zh : str
        What the template says of it.
    """

    field: str
    kind: str
    en: tuple[str, ...]
    zh: tuple[str, ...]
    template: bool = False
    note: str = ""
    note_zh: str = ""

    def header(self, language: Language) -> str:
        """Name that is written in a language."""
        return (self.zh if language == "zh" else self.en)[0]


@cache
def columns() -> dict[str, Column]:
    """
    All columns by field, in the order in which they are written.

    Returns
    -------
    dict of str to Column
        Read once and kept.
    """
    from importlib.resources import files

    import yaml

    text = (files("oceandata._catalogs") / "vocab" / "columns.yaml").read_text(encoding="utf-8")
    rows: list[dict[str, Any]] = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    return {row["field"]: Column(**{**row, "en": tuple(row["en"]), "zh": tuple(row["zh"])}) for row in rows}


def _folded(name: str) -> str:
    """Name as it is compared: no case, width, blanks or underscores."""
    return re.sub(r"[\s_*:]+", "", unicodedata.normalize("NFKC", name).casefold())


def _without_brackets(name: str) -> str:
    """Name without what stands in brackets."""
    return re.sub(r"[(（\[【<].*?[)）\]】>]", "", unicodedata.normalize("NFKC", name))


@cache
def column_names() -> dict[str, str]:
    """
    Field of each name that ships, as names are compared.

    Returns
    -------
    dict of str to str
        Read once and kept.

    Raises
    ------
    InputError
        If a name stands for two fields.
    """
    names: dict[str, str] = {}
    for column in columns().values():
        for name in (column.field, *column.en, *column.zh):
            known = names.setdefault(_folded(name), column.field)
            if known != column.field:
                msg = f"columns.yaml: {name!r} stands for {known!r} and {column.field!r}, need one of them."
                raise InputError(msg)
    return names


def load_column_map(path: str | Path) -> dict[str, str]:
    """
    Read the names that one's own sheets use.

    Parameters
    ----------
    path : str or pathlib.Path
        YAML with fields and the names of their columns: ``title_zh: [作品名, 数据名]``.

    Returns
    -------
    dict of str to str
        Field of each name, as names are compared.

    Raises
    ------
    NotFoundError
        If there is no such file.
    DocumentError
        If anything is wrong with it; every fault is listed with its line.
    """
    path = Path(path)
    require_file(path, kind="column map")
    located = read_yaml(path)
    faults: list[Fault] = list(located.faults)
    names: dict[str, str] = {}
    rows = located.value if isinstance(located.value, dict) else {}
    if not faults and not rows:
        faults.append(located.fault((), "the file holds no mapping of fields to names of columns."))
    for field, given in rows.items():
        if field not in columns():
            faults.append(located.fault((field,), f"there is no field {field!r}. {closest(field, list(columns()))}"))
        for name in given if isinstance(given, list) else [given]:
            if not isinstance(name, str) or not _folded(name):
                message = f"{field} has the name {name!r:.60}, need text. Put it in quotes."
                faults.append(located.fault((field,), message))
            elif names.setdefault(_folded(name), field) != field:
                message = f"{name!r} stands for {names[_folded(name)]!r} and {field!r}, need one of them."
                faults.append(located.fault((field,), message))
    if faults:
        raise DocumentError(fault_report(str(path), sorted(set(faults))))
    return names


def _field(header: str, names: Mapping[str, str]) -> str:
    """Field of a header; empty if it is none."""
    header = unguard_formula(header)
    parts = re.split(r"[/|\n]", _without_brackets(header))
    for form in (header, _without_brackets(header), *parts):
        field = names.get(_folded(form))
        if field:
            return field
    return ""


def find_fields(headers: Sequence[str], own: Mapping[str, str] | None = None) -> list[str]:
    """
    Field of each header of a sheet.

    Parameters
    ----------
    headers : sequence of str
        Names of the columns, as written.
    own : mapping of str to str or None
        Further names (`load_column_map`), which win over those that ship.

    Returns
    -------
    list of str
        One field for each header; empty where it is not understood.

    Raises
    ------
    InputError
        If two columns are of one field.

    Examples
    --------
    >>> find_fields(["数据集名称", "西边界（°）", "Units", "颜色"])
    ['title_zh', 'extent.bbox.0', 'variables.*.units', '']
    """
    names = {**column_names(), **(own or {})}
    fields = [_field(header, names) for header in headers]
    counts = Counter(field for field in fields if field and field != FAULTS)
    twice = [field for field, count in counts.items() if count > 1]
    if twice:
        shown = "; ".join(
            f"{', '.join(repr(header) for header, field in zip(headers, fields, strict=True) if field == one)} ({one})"
            for one in twice
        )
        msg = f"two columns are of the same field: {shown}. Leave one out, or rename it."
        raise InputError(msg)
    return fields
