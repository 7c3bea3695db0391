"""
What there is: catalogue files, searched by place, time, depth, variable and words in Chinese and English.

A catalogue file has the form of Intake 2, so that ``intake.open_catalog`` opens it too; here it is read strictly,
with every fault at its line, and nothing in it can run.

Each name is imported when it is first used: finding an entry needs little of what curating one does.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from oceandata.catalog.alive import Answer, check_alive
    from oceandata.catalog.bulk import index_catalog, move_entries, register_entries
    from oceandata.catalog.catalog import Catalog, open_catalog
    from oceandata.catalog.check import check_catalog
    from oceandata.catalog.curation import decide, new_draft, require_draft
    from oceandata.catalog.entries import Overlay, draft_entry, gaps, load_overlay, overlay_of, overlay_template
    from oceandata.catalog.faults import Fault
    from oceandata.catalog.publishing import publish_draft
    from oceandata.catalog.repositories import register_repository, update_entry
    from oceandata.catalog.schema import entry_schema
    from oceandata.catalog.write import register_entry

__all__ = [
    "Answer",
    "Catalog",
    "Fault",
    "Overlay",
    "check_alive",
    "check_catalog",
    "decide",
    "draft_entry",
    "entry_schema",
    "gaps",
    "index_catalog",
    "load_overlay",
    "move_entries",
    "new_draft",
    "open_catalog",
    "overlay_of",
    "overlay_template",
    "publish_draft",
    "register_entries",
    "register_entry",
    "register_repository",
    "require_draft",
    "update_entry",
]

#: Module of each name.
_HOME = {
    "Answer": "alive",
    "Catalog": "catalog",
    "Fault": "faults",
    "Overlay": "entries",
    "check_alive": "alive",
    "check_catalog": "check",
    "decide": "curation",
    "draft_entry": "entries",
    "entry_schema": "schema",
    "gaps": "entries",
    "index_catalog": "bulk",
    "load_overlay": "entries",
    "move_entries": "bulk",
    "new_draft": "curation",
    "open_catalog": "catalog",
    "overlay_of": "entries",
    "overlay_template": "entries",
    "publish_draft": "publishing",
    "register_entries": "bulk",
    "register_entry": "write",
    "register_repository": "repositories",
    "require_draft": "curation",
    "update_entry": "repositories",
}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"oceandata.catalog.{_HOME[name]}"), name)
    msg = f"module 'oceandata.catalog' has no attribute {name!r}"
    raise AttributeError(msg)


def __dir__() -> list[str]:
    return sorted(__all__)
