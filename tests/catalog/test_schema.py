"""The schema file that ships is the form that the code reads."""

import json
from pathlib import Path

from oceandata.catalog import entry_schema

SCHEMA = Path(__file__).parents[2] / "catalogs" / "schema" / "entry-1.json"


def test_the_file_is_in_step_with_the_model() -> None:
    written = json.loads(SCHEMA.read_text("utf-8"))
    again = json.dumps(entry_schema(), indent=2, ensure_ascii=False) + "\n"
    assert written == json.loads(again), (
        f"{SCHEMA.name} is out of step: write json.dumps(entry_schema(), indent=2) to it"
    )


def test_it_demands_what_an_entry_cannot_do_without() -> None:
    assert set(entry_schema()["required"]) == {"id", "title", "license", "extent", "variables", "assets"}
    assert entry_schema()["additionalProperties"] is False
