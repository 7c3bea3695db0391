"""Checking a product document lists all at once, in two languages; a draft says what a person must decide."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from oceandata.catalog import open_catalog
from oceandata.catalog.faults import Fault
from oceandata.trade.permits import Permit
from oceandata.trade.product import Product, load_product
from oceandata.trade.product_check import check_product, draft_product
from oceandata.trade.product_messages import translated_fault

CHINESE = re.compile("[\u4e00-\u9fff]")

PLAIN: dict[str, Any] = {
    "id": "P1",
    "title": {"en": "SST"},
    "provider": {"en": "Institute"},
    "licence": "CC-BY-4.0",
    "attribution": {"en": "Institute"},
    "record_unit": "daily grid",
    "entry": "sst",
}
PLAN = {"model": "per-record", "currency": "CNY", "amount": "1"}
OFFER = {"version": 1, "valid_from": "2026-01-01", "plans": [PLAN]}


def _checked(folder: Path, document: dict[str, Any]) -> list[Fault]:
    path = folder / "product.yaml"
    path.write_text(yaml.safe_dump(document, allow_unicode=True, sort_keys=False), encoding="utf-8")
    return check_product(path)


def _places(faults: list[Fault]) -> list[str]:
    return [re.split(r"[ :]", fault.message)[0] for fault in faults]


def test_what_a_sound_document_lacks_is_a_warning(tmp_path: Path) -> None:
    found = _checked(tmp_path, PLAIN)
    assert {fault.severity for fault in found} == {"warning"}
    assert sorted(_places(found)) == ["grade", "offers", "permits", "revisions", "title"]
    load_product(tmp_path / "product.yaml")
    odd = _checked(tmp_path, PLAIN | {"licence": "freely available AND NOASSERTION", "offers": [OFFER]})
    assert sorted(_places(odd)) == ["grade", "licence", "licence", "permits", "record_dimensions", "revisions", "title"]
    assert {fault.line for fault in odd if fault.message.startswith("licence")} == {6}


def test_a_whole_document_has_no_faults(demo: Any, tmp_path: Path) -> None:
    product = load_product(demo.folder / "product.yaml")
    decided = product.to_json() | {"grade": "general", "grade_decision": {"by": "Li Si", "on": "2026-01-01"}}
    assert _checked(tmp_path, decided) == []


def test_a_draft_names_what_a_person_must_decide(demo: Any, tmp_path: Path) -> None:
    entry = open_catalog(demo.catalog)["ostia_sst_monthly"]
    path = tmp_path / "draft.yaml"
    path.write_text(draft_product(entry, located={"maps": str(demo.folder / "data")}), encoding="utf-8")
    found = check_product(path)
    assert all(fault.severity == "error" and "left to decide: " in fault.message for fault in found)
    lines = path.read_text("utf-8").splitlines()
    assert [fault.line for fault in found] == [number for number, line in enumerate(lines, 1) if "TODO:" in line]
    assert len(found) == 17

    document = yaml.safe_load("\n".join(lines))
    assert document["revisions"][0]["snapshot"] == next(iter(entry.assets.values())).snapshot
    assert document["revisions"][0]["repository"] == str(demo.folder / "data")
    assert document["licence"] == entry.license
    document |= {"id": "P1", "record_unit": "monthly grid", "grade": "general", "offers": [OFFER]}
    document["grade_decision"] = {"by": "Li Si", "on": "2026-01-01"}
    document["permits"] = [row | {"allowed": "ask"} for row in document["permits"]]
    assert [fault.severity for fault in _checked(tmp_path, document)] == ["warning"]  # how to count records
    assert {one.action for one in Product.from_json(document).permits} == set(_actions())


def _actions() -> tuple[str, ...]:
    from typing import get_args

    from oceandata.trade.permits import Action

    assert Permit.model_fields["action"].annotation == Action
    return get_args(Action)


def test_a_draft_of_an_entry_that_says_little(demo: Any) -> None:
    entry = open_catalog(demo.catalog)["ostia_sst_monthly"]
    bare = entry.model_copy(
        update={
            "providers": (),
            "license": "NOASSERTION",
            "attribution": "",
            "title_zh": "",
            "summary": "",
            "summary_zh": "",
        }
    )
    text = draft_product(bare)
    document = yaml.safe_load(text)
    assert document["licence"].startswith("TODO: the licence")
    assert document["provider"] == {"en": "TODO: the provider, by name"}
    assert "summary" not in document


@pytest.mark.parametrize(
    "changes",
    [
        {"id": "TODO"},
        {"id": 5},
        {"title": {}},
        {"provider": {"en": "x", "uscc": "1"}},
        {"provider": {"en": "x", "uscc": "91350100M000100Y44"}},
        {"provider": {"en": "x", "uscc": "91350100M000100Y4I"}},
        {"grade": "general"},
        {"grade_decision": {"by": "Li Si", "on": "2026-01-01"}},
        {"grade": "secret"},
        {"permits": [{"action": "read", "allowed": "ask"}] * 2},
        {"permits": [{"action": "read", "allowed": "maybe"}]},
        {"permits": [{"action": "read", "allowed": False, "duties": ["inform"]}]},
        {"permits": [{"action": "read", "allowed": True, "duties": ["delete-after"]}]},
        {"permits": [{"action": "read", "allowed": True, "duties": ["delete-after"], "delete_after": "x"}]},
        {"offers": [OFFER | {"version": 2}]},
        {"offers": [OFFER | {"plans": []}]},
        {"offers": [OFFER | {"valid_to": "2025-01-01"}]},
        {"offers": [OFFER | {"valid_from": "soon"}]},
        {"offers": [OFFER | {"plans": [PLAN | {"amount": 0.1}]}]},
        {"offers": [OFFER | {"plans": [PLAN | {"amount": ""}]}]},
        {"offers": [OFFER | {"plans": [PLAN | {"currency": "RMB"}]}]},
        {"offers": [OFFER | {"plans": [PLAN | {"currency": ""}]}]},
        {"offers": [OFFER | {"plans": [PLAN | {"period": "P1Y"}]}]},
        {"offers": [OFFER | {"plans": [PLAN | {"model": "free"}]}]},
        {"offers": [OFFER | {"plans": [{"model": "free", "amount": "1"}]}]},
        {"offers": [OFFER | {"plans": [PLAN | {"model": "subscription"}]}]},
        {"offers": [OFFER | {"plans": [PLAN | {"model": "one-off", "cap": "1"}]}]},
        {"offers": [OFFER | {"plans": [PLAN | {"cap": "1", "minimum": "2"}]}]},
        {"offers": [OFFER | {"plans": [PLAN | {"amount": "", "tiers": [{"amount": "1"}, {"amount": "2"}]}]}]},
        {"revisions": [{"number": 2}]},
        {"licence": "none"},
        {"example": True, "listing_url": "https://x.example"},
        {},
    ],
    ids=str,
)
def test_every_fault_is_told_in_chinese(tmp_path: Path, changes: dict[str, Any]) -> None:
    found = _checked(tmp_path, PLAIN | changes)
    assert found
    for fault in found:
        said = translated_fault(fault, "zh")
        assert CHINESE.search(said.message), fault.message
        assert (said.file, said.line, said.severity) == (fault.file, fault.line, fault.severity)
        assert translated_fault(fault, "en") == fault


def test_files_that_are_no_document_are_told_in_chinese(tmp_path: Path) -> None:
    path = tmp_path / "product.yaml"
    for text in ("", "- a", "a: {", "a: 1\na: 2"):
        path.write_text(text, encoding="utf-8")
        found = check_product(path)
        assert found
        assert all(CHINESE.search(translated_fault(fault, "zh").message) for fault in found)
