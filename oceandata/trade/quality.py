"""Quality of a revision on the six dimensions of GB/T 36344; what was not measured stays unknown."""

from collections.abc import Iterator
from typing import Annotated, Literal, Self

from pydantic import Field, FiniteFloat, StringConstraints, model_validator

from oceandata.documents import Document

__all__ = ["DIMENSIONS", "Quality", "QualityMeasure"]

#: The six dimensions, in the order of the standard, with their names in Chinese.
DIMENSIONS = {
    "normativity": "规范性",
    "completeness": "完整性",
    "accuracy": "准确性",
    "consistency": "一致性",
    "timeliness": "时效性",
    "accessibility": "可访问性",
}


class QualityMeasure(Document):
    """
    One dimension as it was measured.

    Attributes
    ----------
    score : float or None
        0 to 1; None if it was looked at and cannot be told.
    metric : str
        What was counted, such as the share of sea cells with a value.
    method : str
        Program or procedure, with its version.
    sample : str
        Which part was looked at; empty for all of it.
    assessor : str
        ``self`` for the provider, ``third-party``; empty if unknown.
    evidence : str
        ``sha256:`` and the digest of the report.
    """

    score: FiniteFloat | None = Field(default=None, ge=0, le=1)
    metric: str = ""
    method: str = ""
    sample: str = ""
    assessor: Literal["", "self", "third-party"] = ""
    evidence: Annotated[str, StringConstraints(pattern=r"^(sha256:[0-9a-f]{64})?$")] = ""

    @model_validator(mode="after")
    def _explained(self) -> Self:
        if self.score is not None and not (self.metric and self.method):
            msg = f"score is {self.score}, but metric or method is missing: say what was measured, and how"
            raise ValueError(msg)
        return self


class Quality(Document):
    """
    Quality of a revision, by dimension; None is unknown. There is no overall grade: it would hide the unknown.

    Attributes
    ----------
    normativity, completeness, accuracy, consistency, timeliness, accessibility : QualityMeasure or None
        规范性, 完整性, 准确性, 一致性, 时效性, 可访问性.
    """

    normativity: QualityMeasure | None = None
    completeness: QualityMeasure | None = None
    accuracy: QualityMeasure | None = None
    consistency: QualityMeasure | None = None
    timeliness: QualityMeasure | None = None
    accessibility: QualityMeasure | None = None

    def rows(self) -> Iterator[tuple[str, str, str, str]]:
        """
        Rows for a table: dimension, its name in Chinese, score, and how it was measured.

        Yields
        ------
        tuple of str
            One for each of the six; ``unknown`` where there is no score.
        """
        for name, chinese in DIMENSIONS.items():
            one: QualityMeasure | None = getattr(self, name)
            if one is None or one.score is None:
                yield name, chinese, "unknown", one.metric if one else ""
            else:
                by = f", {one.assessor}" if one.assessor else ""
                yield name, chinese, f"{one.score:g}", f"{one.metric} ({one.method}{by})"
