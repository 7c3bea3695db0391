"""
What an exchange hands out, read through an editable column map, and compared with catalogue, registry and data.

No exchange publishes an interface: staff exchange files. `read_export` reads one, `find_drift` compares; nothing is
ever merged.
"""

from oceandata.trade.exchange.columns import ColumnMap, load_column_map
from oceandata.trade.exchange.differences import KINDS, Difference, Stated
from oceandata.trade.exchange.drift import DriftReport, find_drift, write_drift
from oceandata.trade.exchange.reading import ExchangeExport, changes_of, read_export, write_export, write_refused
from oceandata.trade.exchange.rows import ExchangeRow

__all__ = [
    "KINDS",
    "ColumnMap",
    "Difference",
    "DriftReport",
    "ExchangeExport",
    "ExchangeRow",
    "Stated",
    "changes_of",
    "find_drift",
    "load_column_map",
    "read_export",
    "write_drift",
    "write_export",
    "write_refused",
]
