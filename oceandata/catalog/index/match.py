"""A question in the language of the text index: one expression that says what must hit, and one for each rank."""

import dataclasses

from oceandata.catalog.index.bounds import Conditions, conditions
from oceandata.catalog.index.terms import chinese_pairs, in_title, mark
from oceandata.catalog.search import Question
from oceandata.catalog.words import canonical_with, is_chinese, pieces_of_run

__all__ = ["Plan", "plan_search"]

_SHORT = 2


@dataclasses.dataclass(frozen=True)
class Plan:
    """
    What a search asks of an index.

    Attributes
    ----------
    match : str
        What must hit, as an expression of FTS5; empty if nothing is asked of the texts.
    ranks : tuple of str
        What must hit for the first rank, the second, …; the last is `match`. One if there are no words.
    asked : Conditions
        Comparisons of place, period and depth.
    """

    match: str
    ranks: tuple[str, ...]
    asked: Conditions


def _any(parts: list[str]) -> str:
    """Any of the expressions."""
    return parts[0] if len(parts) == 1 else f"({' OR '.join(parts)})"


def _all(parts: list[str]) -> str:
    """All of the expressions."""
    return parts[0] if len(parts) == 1 else f"({' AND '.join(parts)})"


def _said(word: str, *, part: bool) -> list[str]:
    """Marks of the quantities that the vocabulary knows by a word."""
    return [f'"{mark("variable", name)}"' for name in canonical_with(word, part=part)]


def _titled(word: str) -> str:
    """A word in the title."""
    if not is_chinese(word):
        return f'"{in_title(word)}"{_beginning(word)}'
    pairs = chinese_pairs(word)
    return _all([f'"{in_title(pair)}"' for pair in pairs[:-1]] or [f'"{in_title(word)}" *'])


def _anywhere(word: str) -> str:
    """A word, or a run of Chinese characters by its pairs, in a text or as the vocabulary has it."""
    if is_chinese(word):
        found = _all([f'"{pair}"' for pair in chinese_pairs(word)[:-1]] or [f'"{word}" *'])
        return _any([found, *_said(word, part=True)])
    return _any([f'"{word}"{_beginning(word)}', *_said(word, part=bool(_beginning(word)))])


def _beginning(word: str) -> str:
    """Sign that a beginning is enough, as it is for three letters or more."""
    return " *" if len(word) > _SHORT else ""


def _in_pieces(word: str) -> str:
    """A word anywhere; a run of Chinese characters also cut into pieces."""
    ways = pieces_of_run(word) if is_chinese(word) else []
    if not ways:
        return _anywhere(word)
    return _any([_all([_anywhere(piece) for piece in way]) for way in ways])


def _rank_expressions(words: tuple[str, ...]) -> list[str]:
    """All words in the title; all of them anywhere, as they stand; runs of Chinese characters cut."""
    ranks = [_all([hit(word) for word in words]) for hit in (_titled, _anywhere, _in_pieces)]
    return ranks[:2] if ranks[1] == ranks[2] else ranks


def _filter_expressions(asked: Question) -> list[str]:
    """What must hit exactly."""
    found = []
    if asked.names:
        found.append(_any([f'"{mark("variable", name)}"' for name in sorted(asked.names)]))
    for kind in ("standard_name", "keyword", "licence", "provider", "processing_level"):
        value = getattr(asked, kind)
        if value:
            found.append(f'"{mark(kind, value)}"')
    if asked.traded is not None:
        found.append(f'"{mark("traded", str(asked.traded))}"')
    return found


def plan_search(questions: tuple[Question, ...]) -> Plan:
    """
    What the questions ask of an index; all of them must be met.

    Parameters
    ----------
    questions : tuple of Question
        The last one decides on the ranks.

    Returns
    -------
    Plan
        Nothing was searched.
    """
    strict: list[str] = []
    asked: Conditions = ()
    ranked: list[str] = []
    for question in questions:
        asked += conditions(question.bbox, question.period, question.depth_m)
        strict += _filter_expressions(question)
        if question.words:
            ranked = _rank_expressions(question.words)
            strict.append(ranked[-1])
    if questions and questions[-1].words:
        strict.pop()
        ranks = tuple(_all([*strict, rank]) for rank in ranked)
    else:
        ranks = (_all(strict),) if strict else ("",)
    return Plan(ranks[-1], ranks, asked)
