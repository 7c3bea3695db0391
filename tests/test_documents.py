"""The documents that docs/exchange.md shows can be used as they stand."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from oceandata.batch import load_job
from oceandata.trade import Offer
from oceandata.trade.registry import Entitlement, Order

ROOT = Path(__file__).parents[1]
BLOCKS = dict(
    re.findall(r"```yaml\n# (\w+)\n(.*?)```", (ROOT / "docs" / "exchange.md").read_text(encoding="utf-8"), re.DOTALL)
)


@pytest.mark.parametrize(("name", "kind"), [("order", Order), ("entitlement", Entitlement)])
def test_examples_of_documents_are_valid(name: str, kind: type[Order | Entitlement]) -> None:
    document = yaml.safe_load(BLOCKS[name])
    assert kind.from_json(document, where=name).id == document["id"]


def test_the_example_of_an_offer_is_valid() -> None:
    offer = Offer.from_json({"version": 1, **yaml.safe_load(BLOCKS["offer"])}, where="offer")
    assert [plan.model for plan in offer.plans] == ["per-gb", "subscription"]


def test_the_example_of_a_job_is_valid(demo: Any, tmp_path: Path) -> None:
    (tmp_path / "oceandata-demo").symlink_to(demo.folder)
    (tmp_path / "job.yaml").write_text(BLOCKS["job"], encoding="utf-8")
    assert load_job(tmp_path / "job.yaml").name == "climatology"
