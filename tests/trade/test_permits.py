"""Permitted uses: what is not named is refused, and what is not sure is undetermined."""

from datetime import date
from typing import Any

import pytest
import yaml

from oceandata.errors import DocumentError
from oceandata.trade.permits import Permit, permission_of

TODAY = date(2026, 6, 1)


def _answer(at: date = TODAY, purpose: str = "", **row: Any) -> tuple[str, str]:
    found = permission_of((Permit.from_json({"action": "sell", **row}),), "sell", at=at, purpose=purpose)
    return found.answer, found.reason


def test_what_is_not_named_is_not_permitted() -> None:
    found = permission_of((Permit(action="read", allowed="yes"),), "train-model", at=TODAY)
    assert (found.answer, found.reason) == ("denied", "train-model is not named, so it is not permitted")
    assert found.permit is None
    assert permission_of((), "read", at=TODAY).answer == "denied"


def test_yes_no_and_ask() -> None:
    assert _answer(allowed="yes") == ("permitted", "")
    assert _answer(allowed="no") == ("denied", "sell is prohibited")
    assert _answer(allowed="ask") == ("undetermined", "the provider must be asked to sell")


def test_a_right_ends_after_its_last_day() -> None:
    assert _answer(allowed="yes", until="2026-06-01") == ("permitted", "")
    assert _answer(allowed="yes", until="2026-05-31") == (
        "undetermined",
        "the right to sell expired on 2026-05-31",
    )
    assert _answer(allowed="no", until="2026-05-31")[0] == "denied"


def test_purposes() -> None:
    row = {"allowed": "yes", "purposes": ["research", "teaching"]}
    assert _answer(purpose="research", **row)[0] == "permitted"
    assert _answer(purpose="trade", **row) == (
        "denied",
        "sell is permitted for research or teaching only, not for trade",
    )
    assert _answer(**row)[0] == "undetermined"


def test_an_unknown_action_is_a_mistake_not_an_answer() -> None:
    with pytest.raises(ValueError, match="action is 'resell', need one of read"):
        permission_of((), "resell", at=TODAY)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"allowed": "maybe"}, "should be 'yes', 'no' or 'ask'"),
        ({"allowed": "yes", "duties": ["delete-after"]}, "delete_after is '', but the duties are delete-after"),
        ({"allowed": "yes", "delete_after": "P1Y"}, "but the duties are none"),
        ({"allowed": "yes", "duties": ["delete-after"], "delete_after": "a year"}, "need an ISO 8601 duration"),
        ({"allowed": "yes", "duties": ["delete-after"], "delete_after": "P"}, "need an ISO 8601 duration"),
        ({"allowed": "no", "duties": ["attribute"]}, "not allowed, but has purposes or duties"),
        ({"allowed": "yes", "duties": ["pray"]}, "should be 'attribute'"),
        ({"allowed": "yes", "action": "resell"}, "should be 'read'"),
    ],
)
def test_a_row_that_does_not_hold_together_is_refused(row: dict[str, Any], words: str) -> None:
    with pytest.raises(DocumentError, match=words):
        Permit.from_json({"action": "sell", **row})


def test_bare_words_of_yaml_mean_what_they_say() -> None:
    rows = yaml.safe_load(
        "[{action: read, allowed: yes}, {action: sell, allowed: no}, {action: archive, allowed: ask}]"
    )
    assert [Permit.from_json(row).allowed for row in rows] == ["yes", "no", "ask"]
    kept = Permit.from_json({"action": "read", "allowed": "yes", "duties": ["delete-after"], "delete_after": "P30D"})
    assert Permit.from_json(yaml.safe_load(yaml.safe_dump(kept.to_json()))) == kept
