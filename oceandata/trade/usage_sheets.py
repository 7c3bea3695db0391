"""Usage reports as sheets for staff: CSV and workbooks that Excel opens rightly, with headers in English or Chinese."""

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from oceandata.trade.usage import UsageReport, UsageRow

if TYPE_CHECKING:
    from oceandata.catalog.transfer.cells import Cell

__all__ = ["write_usage"]

_COLUMNS: dict[str, tuple[str, str]] = {
    "id": ("usage id", "用量编号"),
    "run": ("run", "运行编号"),
    "purpose": ("purpose", "用途"),
    "product": ("product", "产品编号"),
    "product_revision": ("product revision", "产品版次"),
    "entry": ("entry", "目录条目"),
    "revision": ("revision", "数据版本"),
    "snapshot": ("snapshot", "快照"),
    "layout": ("layout", "存储布局"),
    "variable": ("variable", "变量"),
    "unique_bytes": ("unique bytes", "去重字节数"),
    "gross_bytes": ("gross bytes", "累计字节数"),
    "unique_chunks": ("unique chunks", "去重数据块数"),
    "gross_chunks": ("gross chunks", "累计数据块数"),
    "records": ("records", "记录条数"),
    "started": ("started (UTC)", "开始时间（UTC）"),
    "ended": ("ended (UTC)", "结束时间（UTC）"),
    "complete": ("complete", "是否完整"),
}

_WORDS = {
    "en": {True: "yes", False: "no", None: "unknown"},
    "zh": {True: "是", False: "否", None: "未知"},
}

_GUIDE = {
    "en": {
        "bytes": "Stored bytes that stores served; unique counts each chunk of a run once, gross each time.",
        "usage id": "The same usage has the same number whenever it is reported: post it once.",
        "source": "Counted by whoever computed, not by the store's operator.",
        "missing": "May be missing",
    },
    "zh": {
        "bytes": "字节数为存储实际提供的字节；去重为每次运行中每个数据块计一次，累计为每次读取都计。",
        "usage id": "同一用量无论何时报告，编号相同：只登记一次。",
        "source": "由计算方自行计量，并非由存储运营方计量。",
        "missing": "可能缺失",
    },
}


def write_usage(report: UsageReport, path: str | os.PathLike[str], *, language: str = "en") -> Path:
    """
    Write a report as a sheet, whole or not at all.

    CSV is UTF-8 with the mark that Excel needs; a workbook has numbers and times as such. No cell is a formula. What is
    unknown says so.

    Parameters
    ----------
    report : UsageReport
        What to write.
    path : path
        A ``.csv`` or ``.xlsx`` file; one that is there is replaced.
    language : {"en", "zh"}
        Of the headers and of the words.

    Returns
    -------
    pathlib.Path
        The file.

    Raises
    ------
    InputError
        If the path ends otherwise.
    MissingExtraError
        If a workbook is asked for and openpyxl is not installed.
    """
    from oceandata.catalog.transfer.tables import write_table

    at = 0 if language == "en" else 1
    words = _GUIDE[language]
    guide = [[words["bytes"]], [words["usage id"]], [words["source"]]]
    guide += [[words["missing"], text] for text in report.missing]
    headers = [names[at] for names in _COLUMNS.values()]
    rows = [_cells(row, _WORDS[language]) for row in report.rows]
    return write_table(Path(path), headers, rows, guide=guide)


def _cells(row: UsageRow, words: dict[bool | None, str]) -> "list[Cell]":
    """Cells of a row in the order of the columns."""
    origin, unknown = row.origin, words[None]
    values: dict[str, Cell] = {
        "id": row.id,
        "run": row.run,
        "purpose": row.purpose or unknown,
        "product": origin.product or unknown,
        "product_revision": origin.product_revision,
        "entry": origin.entry or unknown,
        "revision": origin.revision or unknown,
        "snapshot": origin.snapshot or unknown,
        "layout": origin.group,
        "variable": row.variable,
        "unique_bytes": row.unique_bytes,
        "gross_bytes": row.gross_bytes,
        "unique_chunks": row.unique_chunks,
        "gross_chunks": row.gross_chunks,
        "records": row.records,
        "started": _utc(row.started),
        "ended": _utc(row.ended),
        "complete": words[row.complete],
    }
    return [unknown if values[name] is None else values[name] for name in _COLUMNS]


def _utc(instant: datetime | None) -> datetime | None:
    """Time as a spreadsheet knows it, without a zone."""
    return None if instant is None else instant.astimezone(UTC).replace(tzinfo=None, microsecond=0)
