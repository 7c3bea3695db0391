"""JSON Schema of the entry document, for editors and for other programs."""

from typing import Any

from oceandata.entities import Entry

__all__ = ["entry_schema"]


def entry_schema() -> dict[str, Any]:
    """
    JSON Schema of the form that entries have now.

    ``catalogs/schema/entry-1.json`` is this, written out; a test keeps the two in step.

    Returns
    -------
    dict
        A schema of draft 2020-12.
    """
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **Entry.model_json_schema()}
