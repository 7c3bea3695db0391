"""Quality: six dimensions, always all of them, and unknown where nothing was measured."""

import pytest

from oceandata.errors import DocumentError
from oceandata.trade.quality import DIMENSIONS, Quality, QualityMeasure


def test_all_six_are_told_and_unknown_stays_unknown() -> None:
    measured = QualityMeasure(score=0, metric="share of sea cells with a value", method="coverage 1.2", assessor="self")
    rows = list(Quality(completeness=measured, accuracy=QualityMeasure(metric="bias")).rows())
    assert [row[0] for row in rows] == list(DIMENSIONS)
    told = {row[0]: row[2:] for row in rows}
    assert told["completeness"] == ("0", "share of sea cells with a value (coverage 1.2, self)")
    assert told["accuracy"] == ("unknown", "bias")
    assert {told[name] for name in ("normativity", "consistency", "timeliness", "accessibility")} == {("unknown", "")}


@pytest.mark.parametrize(
    ("measure", "words"),
    [
        ({"score": 1.01, "metric": "m", "method": "n"}, "less than or equal to 1"),
        ({"score": float("nan"), "metric": "m", "method": "n"}, "finite number"),
        ({"score": 0.5}, "say what was measured, and how"),
        ({"evidence": "sha256:12"}, "should match pattern"),
    ],
)
def test_a_score_is_explained_and_between_zero_and_one(measure: dict[str, object], words: str) -> None:
    with pytest.raises(DocumentError, match=words):
        Quality.from_json({"timeliness": measure})


def test_there_is_no_overall_grade() -> None:
    assert set(Quality.model_fields) == set(DIMENSIONS)
    with pytest.raises(DocumentError, match="unknown key 'grade'"):
        Quality.from_json({"grade": "A"})
