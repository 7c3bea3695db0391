"""The words of answers: the first row that fits counts, and every row can be reached."""

import re

import pytest

from oceandata.trade import answers
from oceandata.trade.answers import said, said_each
from oceandata.trade.exchange import words
from oceandata.trade.offers import PricePlan


@pytest.mark.parametrize("rows", [answers._TABLE, words._WORDS], ids=["answers", "drift"])
def test_no_row_comes_after_one_that_takes_its_place(rows: tuple[tuple[str, str], ...]) -> None:
    for number, (english, chinese) in enumerate(rows):
        filled, wanted = (re.sub(r"\{\w+\}", "7", text) for text in (english, chinese))
        assert said(filled, "zh", rows=rows) == wanted, (number, english)
        assert said(filled, "en", rows=rows) == filled


def test_what_has_no_row_stays() -> None:
    assert said("something of a stranger", "zh") == "something of a stranger"
    assert said("", "zh") == ""
    assert said_each(("permitted", "something"), "zh") == "允许；something"
    assert said_each(("permitted", "denied"), "en") == "permitted; denied"


@pytest.mark.parametrize(
    ("plan", "said_zh", "unit"),
    [
        ({"model": "free"}, "免费", ""),
        ({"model": "on-request"}, "面议", ""),
        ({"model": "one-off", "currency": "CNY", "amount": "9", "tax": "included"}, "一次性：CNY 9，含税", ""),
        (
            {"model": "subscription", "currency": "CNY", "amount": "9", "period": "P1Y"},
            "订阅：CNY 9/P1Y，是否含税未知",
            "",
        ),
        (
            {"model": "per-record", "currency": "CNY", "amount": "9", "free_quota": "2", "minimum": "5", "cap": "80"},
            "按条：CNY 9/条，免费额度 2，最低 5，最高 80，是否含税未知",
            "条",
        ),
        (
            {"model": "per-gb", "currency": "CNY", "tiers": [{"up_to": "5", "amount": "2"}, {"amount": "1"}]}
            | {"tax": "excluded"},
            "按流量：CNY 2 至 1/GB，不含税",
            "GB",
        ),
    ],
)
def test_plans(plan: dict[str, object], said_zh: str, unit: str) -> None:
    made = PricePlan.from_json(plan)
    assert (made.said("zh"), made.unit("zh")) == (said_zh, unit)
    assert made.said() == str(made)
