"""The quality dossier of a revision: six dimensions of GB/T 36344, each of checks that anybody can run again."""

import dataclasses
import html
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from oceandata import __version__, _html
from oceandata.atomic import write_text
from oceandata.catalog.transfer.columns import Language
from oceandata.catalog.transfer.tables import write_table
from oceandata.options import get_options
from oceandata.trade.exchange.pages import html_page
from oceandata.trade.quality import DIMENSIONS, Quality, QualityMeasure
from oceandata.trade.registry.canonical import digest

__all__ = ["Check", "Dossier", "write_dossier"]

_HEADERS = {
    "en": ("dimension", "check", "variable", "score", "what was measured", "sample", "method", "evidence"),
    "zh": ("维度", "检查项", "变量", "得分", "测量内容", "抽样", "方法", "证据摘要"),
}
_UNKNOWN = {"en": "unknown", "zh": "未知"}


@dataclasses.dataclass(frozen=True)
class Check:
    """
    One check and what it found.

    Attributes
    ----------
    dimension : str
        A key of `oceandata.trade.quality.DIMENSIONS`.
    method : str
        Identifier of the method and its version: ``gaps/1``.
    score : float or None
        0 to 1; None if it cannot be told.
    metric : str
        What was counted.
    reason : str
        Why there is no score; empty if there is one.
    variable : str
        Variable or coordinate; empty for the dataset.
    sample : str
        Which part was looked at; ``all`` for all of it.
    found : dict
        The numbers; only what anybody finds again in the same data.
    """

    dimension: str
    method: str
    score: float | None
    metric: str
    reason: str = ""
    variable: str = ""
    sample: str = "all"
    found: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def evidence(self) -> str:
        """Digest of everything above."""
        return "sha256:" + digest(dataclasses.asdict(self))

    def to_json(self) -> dict[str, Any]:
        """JSON form."""
        return dataclasses.asdict(self) | {"evidence": self.evidence}


@dataclasses.dataclass(frozen=True)
class Dossier:
    """
    What was measured of a revision; there is no overall grade, which would hide what is unknown.

    Attributes
    ----------
    product : str
        Identifier; empty for a repository without one.
    revision : int or None
        Number of the product's revision.
    repository, layout, tag, snapshot, content_root : str
        What was looked at.
    settings : dict
        Fraction, seed, promised lag and day, with which the same numbers are found again.
    checks : tuple of Check
        In the order of the dimensions.
    """

    product: str
    revision: int | None
    repository: str
    layout: str
    tag: str
    snapshot: str
    content_root: str
    settings: Mapping[str, Any]
    checks: tuple[Check, ...]

    @property
    def evidence(self) -> str:
        """Digest of what was looked at and found; the same for the same data, wherever they lie."""
        document = {"content_root": self.content_root, "settings": dict(self.settings)}
        return "sha256:" + digest(document | {"checks": [one.to_json() for one in self.checks]})

    def of(self, dimension: str) -> tuple[Check, ...]:
        """Checks of a dimension."""
        return tuple(one for one in self.checks if one.dimension == dimension)

    def measure(self, dimension: str) -> QualityMeasure | None:
        """
        A dimension as product documents keep it.

        Parameters
        ----------
        dimension : str
            A key of `oceandata.trade.quality.DIMENSIONS`.

        Returns
        -------
        QualityMeasure or None
            The lowest score of its checks; no score as soon as one of them cannot be told, with the reasons. None if
            it has no checks.
        """
        checks = self.of(dimension)
        if not checks:
            return None
        unknown = [one for one in checks if one.score is None]
        scores = [one.score for one in checks if one.score is not None]
        lowest = min((one for one in checks if one.score is not None), key=lambda one: one.score or 0, default=None)
        told = "; ".join(dict.fromkeys(one.reason for one in unknown))
        return QualityMeasure(
            score=None if unknown else min(scores),
            metric=told if unknown or lowest is None else f"lowest of {len(checks)} checks: {lowest.metric}",
            method=f"oceandata {__version__}, {', '.join(dict.fromkeys(one.method for one in checks))}",
            sample="; ".join(dict.fromkeys(one.sample for one in checks if one.sample != "all")),
            assessor="self",
            evidence=self.evidence,
        )

    def to_quality(self) -> Quality:
        """The six dimensions as a revision of a product document keeps them."""
        return Quality(**{dimension: self.measure(dimension) for dimension in DIMENSIONS})

    def facts(self) -> list[tuple[str, object]]:
        """What was looked at."""
        named: list[tuple[str, object]] = (
            [("product", self.product), ("revision", self.revision)] if self.product else []
        )
        pinned = f"{self.tag}, snapshot {self.snapshot}, layout {self.layout}"
        settings = ", ".join(f"{name} {value}" for name, value in self.settings.items() if value is not None)
        return [
            *named,
            ("repository", self.repository),
            ("data", pinned),
            ("content root", self.content_root),
            ("settings", settings),
            ("evidence", self.evidence),
        ]

    def rows(self, language: str = "en") -> list[tuple[str, ...]]:
        """
        Rows for a table.

        Parameters
        ----------
        language : {"en", "zh"}
            Of dimensions and of what is unknown.

        Returns
        -------
        list of tuple of str
            One for each check, under `headers`.
        """
        rows: list[tuple[str, ...]] = []
        for one in self.checks:
            dimension = DIMENSIONS[one.dimension] if language == "zh" else one.dimension
            unknown = _UNKNOWN["zh" if language == "zh" else "en"]
            score = unknown if one.score is None else _shown(one.score)
            name, _, version = one.method.partition("/")
            rows.append((dimension, name, one.variable, score, one.metric if one.score is not None else one.reason,
                         one.sample, f"{name} version {version}", one.evidence))  # fmt: skip
        return rows

    @staticmethod
    def headers(language: str = "en") -> tuple[str, ...]:
        """
        Names of the columns of `rows`.

        Parameters
        ----------
        language : {"en", "zh"}
            Of the names.

        Returns
        -------
        tuple of str
            Eight.
        """
        return _HEADERS["zh" if language == "zh" else "en"]

    def to_json(self) -> dict[str, Any]:
        """JSON form."""
        document = dataclasses.asdict(self) | {"checks": [one.to_json() for one in self.checks]}
        return document | {"quality": self.to_quality().to_json(), "program": __version__, "evidence": self.evidence}

    def to_markdown(self, language: str = "en") -> str:
        """
        The dossier as Markdown.

        Parameters
        ----------
        language : {"en", "zh"}
            Of the words.

        Returns
        -------
        str
            Facts and a table.
        """
        title = "质量档案" if language == "zh" else "Quality dossier"
        lines = [f"# {title}", "", *(f"- **{name}**: {_plain(value)}" for name, value in self.facts()), ""]
        headers = self.headers(language)
        lines += ["| " + " | ".join(headers) + " |", "|" + " --- |" * len(headers)]
        lines += ["| " + " | ".join(map(_plain, row)) + " |" for row in self.rows(language)]
        return "\n".join([*lines, ""])

    def to_html(self, language: str = "en") -> str:
        """
        The dossier for a page.

        Parameters
        ----------
        language : {"en", "zh"}
            Of the words.

        Returns
        -------
        str
            An HTML fragment; every text in it is escaped.
        """
        title = "质量档案" if language == "zh" else "Quality dossier"
        return _html.facts(self.facts(), title=title) + _html.table(self.rows(language), headers=self.headers(language))

    def _repr_html_(self) -> str:
        return self.to_html(get_options().language)


def _shown(score: float) -> str:
    """Score with four digits; what is not quite 1 or 0 does not look so."""
    text = f"{score:.4f}"
    if float(text) in (0.0, 1.0) and score != float(text):
        return "> 0.9999" if score > 0.5 else "< 0.0001"
    return text.rstrip("0").rstrip(".")


def _plain(value: object) -> str:
    """Text in one cell of Markdown."""
    return html.escape(str(value), quote=False).replace("|", "\\|").replace("\n", " ")


def write_dossier(path: str | Path, dossier: Dossier, *, language: Language = "en") -> Path:
    """
    Write a dossier.

    Parameters
    ----------
    path : str or pathlib.Path
        A ``.json``, ``.html``, ``.md``, ``.xlsx`` or ``.csv`` file; one that is there is replaced. No cell can be
        taken for a formula.
    dossier : Dossier
        From `assess`.
    language : {"en", "zh"}
        Of the words; JSON has none.

    Returns
    -------
    pathlib.Path
        The file.

    Raises
    ------
    InputError
        If the suffix is another.
    MissingExtraError
        If a workbook is asked for and openpyxl is not installed.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in (".json", ".html", ".md"):
        return write_table(path, dossier.headers(language), dossier.rows(language))
    if suffix == ".json":
        text = json.dumps(dossier.to_json(), ensure_ascii=False, indent=1) + "\n"
    elif suffix == ".md":
        text = dossier.to_markdown(language)
    else:
        text = html_page(dossier.to_html(language), language)
    return write_text(path, text)
