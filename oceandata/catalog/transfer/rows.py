"""One row of a sheet as fields of an entry, with every fault of its cells; and an entry as a row."""

import dataclasses
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from oceandata.catalog.transfer.cells import (
    Cell,
    is_blank,
    join_inner,
    join_list,
    parse_bytes,
    parse_count,
    parse_number,
    plain,
    split_inner,
    split_list,
    unguard_formula,
)
from oceandata.catalog.transfer.columns import columns
from oceandata.catalog.transfer.fields import Field, Fields, flatten, number_of
from oceandata.catalog.transfer.spans import (
    parse_box_text,
    parse_degrees,
    parse_depth_text,
    parse_moment,
    parse_period_text,
    parse_resolution,
)
from oceandata.errors import InputError

__all__ = ["CellFault", "RowFields", "entry_cells", "read_cells"]

_FORMATS = {
    "zarr": "application/vnd+zarr",
    "icechunk": "application/vnd+icechunk",
    "netcdf": "application/x-netcdf",
}
_FORMAT_WORDS = {"nc": "netcdf", "nc4": "netcdf", "netcdf3": "netcdf", "netcdf4": "netcdf", "zarr2": "zarr"}
_FORMAT_WORDS |= {"zarr3": "zarr", "zarrv2": "zarr", "zarrv3": "zarr"}
_GRADES = {"一般": "general", "一般数据": "general", "重要": "important", "重要数据": "important"}
_GRADES |= {"核心": "core", "核心数据": "core", "general": "general", "important": "important", "core": "core"}
_YES = {"yes": True, "true": True, "1": True, "是": True, "no": False, "false": False, "0": False, "否": False}
_ERRORS = frozenset({"#N/A", "#REF!", "#VALUE!", "#DIV/0!", "#NAME?", "#NULL!", "#NUM!", "#GETTING_DATA"})

#: Chinese words with slashes between: several variables, unless a semicolon says that they are one.
_SLASHED = re.compile(r"[^\x00-\x7f]+(/[^\x00-\x7f]+)+")

#: Kinds whose cells are free text, in which a dash is content.
_FREE = frozenset({"text", "names", "inner names", "group"})


@dataclasses.dataclass(frozen=True)
class CellFault:
    """
    What is wrong with one field of a row.

    Attributes
    ----------
    field : str
        Field of the column; empty for the row as a whole.
    message : str
        What is wrong and what to do.
    """

    field: str
    message: str


@dataclasses.dataclass
class RowFields:
    """
    What a row says.

    Attributes
    ----------
    fields : dict of tuple to object
        Values by place in the entry's document.
    faults : list of CellFault
        What could not be read.
    """

    fields: Fields
    faults: list[CellFault]


def _text(cell: Cell) -> str:
    """Free text as it is written."""
    text = plain(cell) if isinstance(cell, float) else str(cell)
    return text.replace("\r\n", "\n").replace("\r", "\n").strip()


def _choice(what: str, words: Mapping[str, Any]) -> Callable[[Cell], Any]:
    """Reader of a cell with one of several words."""

    def read(cell: Cell) -> Any:
        word = re.sub(r"[\s_.-]", "", plain(cell).casefold())
        if word in words:
            return words[word]
        msg = f"{plain(cell)!r:.60} is no {what}. Write one of {', '.join(words)}."
        raise InputError(msg)

    return read


def _identifier(cell: Cell) -> str:
    """Name of an entry; anything but its form is refused later, with a name that would do."""
    return plain(cell)


def _doi(cell: Cell) -> str:
    """Digital object identifier without a resolver."""
    return re.sub(r"^(doi\s*:\s*|https?://(dx\.)?doi\.org/)", "", plain(cell), flags=re.IGNORECASE)


def _day(cell: Cell) -> str:
    return parse_moment(cell)[:10]


def _roles(cell: Cell) -> list[str]:
    return [part.casefold() for part in split_inner(plain(cell))]


def _numbers(cell: Cell) -> list[int]:
    parts = split_inner(re.sub(r"[×xX*]", ",", plain(cell).strip("()")))
    return [parse_count(part) for part in parts if part]


def _chunk_shapes(cell: Cell) -> dict[str, list[int]]:
    """Shapes by variable: ``sst=1,18,432 | sss=1,18,432``."""
    shapes = {}
    for part in re.split(r"\s*\|\s*", plain(cell)):
        name, mark, numbers = part.rpartition("=")
        if not mark:
            msg = f"{part!r:.60} is no shape of chunks. Write name=1,180,360, with | between variables."
            raise InputError(msg)
        shapes[name.strip()] = _numbers(numbers)
    return shapes


_READERS: dict[str, Callable[[Cell], Any]] = {
    "identifier": _identifier,
    "text": _text,
    "names": split_list,
    "licence": _text,
    "doi": _doi,
    "roles": _roles,
    "longitude": lambda cell: parse_degrees(cell, marks="EW"),
    "latitude": lambda cell: parse_degrees(cell, marks="NS"),
    "box": parse_box_text,
    "first instant": parse_moment,
    "last instant": lambda cell: parse_moment(cell, last=True),
    "period": parse_period_text,
    "resolution": parse_resolution,
    "depth": lambda cell: parse_number(cell, unit="m|米"),
    "depths": parse_depth_text,
    "inner names": lambda cell: split_inner(_text(cell)),
    "inner numbers": _numbers,
    "chunk shapes": _chunk_shapes,
    "bytes": parse_bytes,
    "count": parse_count,
    "day": _day,
    "format": _choice("format", _FORMATS | {word: _FORMATS[name] for word, name in _FORMAT_WORDS.items()}),
    "group": lambda cell: "" if plain(cell) == "/" else _text(cell),
    "grade": _choice("grade", _GRADES),
    "yes or no": _choice("yes or no", _YES),
}


def read_cells(cells: Mapping[str, Cell]) -> RowFields:
    """
    What the cells of a row say.

    Parameters
    ----------
    cells : mapping of str to object
        Cells by the field of their column.

    Returns
    -------
    RowFields
        Fields that could be read, and a fault for each cell that could not.
    """
    row = RowFields({}, [])
    given = {field: _plain_cell(cell, field, row) for field, cell in cells.items() if field in columns()}
    given = {field: cell for field, cell in given.items() if not _says_nothing(columns()[field].kind, cell)}
    names = _variable_names(given, row)
    row.fields |= {("variables", name): True for name in names}
    counts = {
        "variables": len(names),
        "assets": _count(given, "assets.*.href", r"\n"),
        "providers": _count(given, "providers.*.name", r"[、\n]"),
    }
    for field, cell in given.items():
        if field == "variables":
            continue
        start, star, last = field.partition(".*.")
        try:
            if not star:
                _put(row.fields, field, _READERS[columns()[field].kind](cell))
                continue
            kind = columns()[field].kind
            for i, value in enumerate(_aligned(cell, counts[start], start)):
                if not _says_nothing(kind, value):
                    place: Field = (start, names[i] if start == "variables" else i, last)
                    row.fields[place] = _READERS[kind](value)
        except InputError as error:
            row.faults.append(CellFault(field, str(error)))
    return row


def _plain_cell(cell: Cell, field: str, row: RowFields) -> Cell:
    """Cell without the sign against formulas; an error of the spreadsheet is a fault."""
    if isinstance(cell, str):
        if cell.strip() in _ERRORS:
            row.faults.append(CellFault(field, f"{cell.strip()} is an error of the spreadsheet. Mend the formula."))
            return None
        return unguard_formula(cell)
    return cell


def _says_nothing(kind: str, cell: Cell) -> bool:
    """Whether a cell is empty, for its kind."""
    if kind == "ignored" or cell is None:
        return True
    return not str(cell).strip() if kind in _FREE else is_blank(cell)


def _variable_names(given: Mapping[str, Cell], row: RowFields) -> list[str]:
    """Names of the variables of a row."""
    cell = given.get("variables")
    names = split_list(cell) if cell is not None else []
    if len(names) == 1 and _SLASHED.fullmatch(names[0]) and not re.search("[;；]", str(cell)):
        names = names[0].split("/")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        row.faults.append(CellFault("variables", f"{', '.join(twice)} stands twice. Name each variable once."))
    return list(dict.fromkeys(names))


def _count(given: Mapping[str, Cell], field: str, separators: str) -> int:
    """How many layouts or providers a row has: semicolons part them, or else the separators."""
    cell = given.get(field)
    if not isinstance(cell, str):
        return int(cell is not None)
    try:
        split_list(cell, count=1)
    except InputError:
        return len(split_list(cell))
    closed = re.search(r"[;；]\s*$", cell) is not None
    return 1 if closed else len([part for part in re.split(separators, cell) if part.strip()])


def _aligned(cell: Cell, count: int, start: str) -> Sequence[Cell]:
    """One value for each variable, layout or provider."""
    if not count:
        needed = {"variables": "variables", "assets": "address", "providers": "provider"}[start]
        msg = f"{plain(cell)!r:.60} is given, but the column {needed!r} is empty. Fill it."
        raise InputError(msg)
    if count == 1 and not isinstance(cell, str):
        return [cell]
    return split_list(cell, count=count)


def _put(fields: Fields, field: str, value: Any) -> None:
    """Set a value that has one place, or the parts of a box, period or depth range."""
    parts = field.split(".")
    place: Field = tuple(int(part) if part.isdigit() else part for part in parts)
    if field in ("extent.bbox", "extent.time", "extent.depth_m"):
        for i, inner in enumerate(value):
            fields[(*place, i)] = inner
    else:
        fields[place] = value


def _written(kind: str, value: Any) -> Cell:
    """Cell of one value."""
    if kind == "group":
        return value or "/"
    if kind == "format":
        return next((name for name, media in _FORMATS.items() if media == value), str(value))
    if kind == "names":
        return join_list(value)
    if kind in ("inner names", "inner numbers", "roles"):
        return join_inner([str(part) for part in value])
    if kind == "chunk shapes":
        return " | ".join(f"{name}={','.join(map(str, shape))}" for name, shape in value.items())
    if kind == "yes or no":
        return "yes" if value else "no"
    return value if isinstance(value, int | float) else str(value)


def entry_cells(document: Mapping[str, Any]) -> dict[str, Cell]:
    """
    Cells of an entry.

    Parameters
    ----------
    document : mapping
        Entry in the form of `Entry.to_json`, whole or in part; what no column shows is left out.

    Returns
    -------
    dict of str to object
        By the field of their column; `read_cells` gives the fields again.
    """
    fields = flatten(document)
    names = list(document.get("variables", {}))
    keys: dict[str, Sequence[str | int]] = {
        "variables": names,
        "assets": range(number_of(fields, "assets")),
        "providers": range(number_of(fields, "providers")),
    }
    cells: dict[str, Cell] = {"variables": join_list(names)} if names else {}
    if len(names) == 1 and _SLASHED.fullmatch(names[0]) and ";" not in str(cells["variables"]):
        cells["variables"] = f"{names[0]};"
    for field, column in columns().items():
        start, star, last = field.partition(".*.")
        if not star:
            place: Field = tuple(int(part) if part.isdigit() else part for part in field.split("."))
            value = fields.get(place)
            if value is not None and field != "variables":
                cells[field] = _written(column.kind, value)
            continue
        values = [fields.get((start, key, last)) for key in keys[start]]
        if any(value is not None for value in values):
            written = [None if value is None else _written(column.kind, value) for value in values]
            alone = len(written) == 1 and not isinstance(written[0], str)
            cells[field] = written[0] if alone else join_list(["" if one is None else str(one) for one in written])
    return cells
