"""
Find, trust, analyse and trade very large ocean holdings.

The subsystems load when they are first used, so that importing the package costs nothing.

- `open_catalog`: open a catalogue file and search it
- `oceandata.storage`: files into repositories, soundness, integrity
- `oceandata.analysis`: means, climatologies, anomalies, indices; xarray in, lazy xarray out
- `oceandata.trade`: product, lineage and metering of a result
- `oceandata.plot`: maps and time series
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from oceandata import analysis, catalog, errors, plot, storage, trade
    from oceandata.catalog import open_catalog
    from oceandata.options import set_options

__version__ = "0.1.0"

__all__ = [
    "__version__",
    "analysis",
    "catalog",
    "errors",
    "open_catalog",
    "plot",
    "set_options",
    "storage",
    "trade",
]

_HOME = {"open_catalog": "oceandata.catalog", "set_options": "oceandata.options"}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    if name in __all__:
        return import_module(f"oceandata.{name}")
    msg = f"module 'oceandata' has no attribute {name!r}"
    raise AttributeError(msg)


def __dir__() -> list[str]:
    return sorted(__all__)
