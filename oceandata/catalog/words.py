"""
Words of people, in Chinese and English, and where an entry has them.

Chinese has no spaces, so a run of Chinese characters hits if the entry has it as it stands, or if it can be cut into
pieces of two characters or more that the entry has. English words hit from their beginning (*temperature* finds
*temperatures*); below three letters they must be the whole word.
"""

import dataclasses
import re
import unicodedata
from collections.abc import Sequence
from difflib import get_close_matches
from functools import cache

from oceandata.cf import Term, canonical_names, vocabulary
from oceandata.entities import Entry, Variable
from oceandata.errors import InputError

__all__ = [
    "EntryWords",
    "entry_words",
    "fold",
    "names_of_word",
    "nearest_word",
    "quantities",
    "query_words",
    "variable_names",
]

_CJK = "\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
_WORD = re.compile(rf"[{_CJK}]+|(?:(?![{_CJK}])[^\W_])+")
_IS_CJK = re.compile(rf"[{_CJK}]")
_EMPTY_WORDS = frozenset(["a", "an", "and", "at", "by", "for", "from", "in", "of", "on", "or", "the", "to", "with"])
_EMPTY_CHARACTERS = frozenset("的和与及之")

#: What a hit is worth, by where it is: title, keywords, variables, the rest.
_WEIGHTS = (8, 4, 3, 1)


def fold(text: str) -> str:
    """
    Text without differences that do not matter: width, compatibility forms, case.

    Parameters
    ----------
    text : str
        Any text.

    Returns
    -------
    str
        NFKC form, case folded, without white space at the ends.

    Examples
    --------
    >>> fold(" ＳＳＴ ")
    'sst'
    """
    return unicodedata.normalize("NFKC", text).casefold().strip()


def query_words(text: str) -> tuple[str, ...]:
    """
    Words of a question, each of which must hit.

    Parameters
    ----------
    text : str
        What a person typed.

    Returns
    -------
    tuple of str
        Folded words and runs of Chinese characters, each once; words such as *of* are left out unless there are no
        others.

    Raises
    ------
    InputError
        If there is text but no word in it.

    Examples
    --------
    >>> query_words("SST of the 太平洋, sst")
    ('sst', '太平洋')
    """
    words = tuple(dict.fromkeys(_WORD.findall(fold(text))))
    if text.strip() and not words:
        msg = f"text {text!r:.80} holds no word. Give letters, digits or Chinese characters."
        raise InputError(msg)
    return tuple(word for word in words if word not in _EMPTY_WORDS) or words


@dataclasses.dataclass(frozen=True)
class EntryWords:
    """
    Words of an entry, by how much a hit is worth.

    Attributes
    ----------
    latin : tuple of frozenset
        Folded words: of the titles, the keywords, the variables, the rest.
    chinese : tuple of str
        Runs of Chinese characters of the same four, one a line.
    """

    latin: tuple[frozenset[str], ...]
    chinese: tuple[str, ...]

    def score(self, words: tuple[str, ...]) -> int:
        """
        How well the entry fits the words.

        Parameters
        ----------
        words : tuple of str
            What `query_words` gave.

        Returns
        -------
        int
            Sum over the words of what their best hit is worth; 0 if one of them does not hit.
        """
        scores = [self._chinese(word) if _IS_CJK.match(word) else self._latin(word) for word in words]
        return sum(scores) if all(scores) else 0

    def _latin(self, word: str) -> int:
        for weight, words in zip(_WEIGHTS, self.latin, strict=True):
            if word in words or (len(word) > 2 and any(other.startswith(word) for other in words)):
                return weight
        return 0

    def _chinese(self, word: str) -> int:
        for weight, text in zip(_WEIGHTS, self.chinese, strict=True):
            if word in text:
                return weight
        return 1 if _cut(word, "\n".join(self.chinese)) else 0


def _cut(word: str, text: str) -> bool:
    """Whether a run of characters can be cut into pieces of two or more that the text has."""
    reached = [True] + [False] * len(word)
    pieces = 0
    for end in range(1, len(word) + 1):
        if word[end - 1] in _EMPTY_CHARACTERS and reached[end - 1]:
            reached[end] = True
            continue
        reached[end] = any(reached[begin] and word[begin:end] in text for begin in range(end - 1))
        pieces += reached[end]
    return reached[-1] and pieces > 0


@cache
def _terms() -> dict[str, Term]:
    """Vocabulary by folded canonical name."""
    return {fold(term.canonical_name): term for term in vocabulary()}


def quantities(name: str, variable: Variable) -> tuple[str, ...]:
    """
    Canonical names of what a variable is.

    Parameters
    ----------
    name : str
        Native name.
    variable : Variable
        The variable.

    Returns
    -------
    tuple of str
        The most exact first, wider quantities after it; the native name alone if it is not recognised.
    """
    said = {"canonical_name": variable.canonical_name, "standard_name": variable.standard_name}
    return canonical_names(name, {key: value for key, value in said.items() if value}) or (name,)


def variable_names(name: str, variable: Variable) -> frozenset[str]:
    """
    Every name a variable answers to.

    Parameters
    ----------
    name : str
        Native name.
    variable : Variable
        The variable.

    Returns
    -------
    frozenset of str
        Folded: native, standard, canonical and Chinese names.
    """
    names = (name, variable.standard_name, variable.canonical_name, variable.long_name_zh)
    return frozenset(fold(one) for one in (*names, *quantities(name, variable)) if one)


def names_of_word(word: str) -> frozenset[str]:
    """
    The word itself and the canonical names it stands for, as a whole.

    Parameters
    ----------
    word : str
        A native, standard or canonical name, an alias of a convention (``tos``) or a word (海表温度).

    Returns
    -------
    frozenset of str
        Folded names; a canonical name stands for itself only.

    Examples
    --------
    >>> sorted(names_of_word("votemper"))
    ['sea_water_potential_temperature', 'votemper']
    """
    asked = fold(word)
    if asked in _terms():
        return frozenset([asked])
    called = (name for name, term in _terms().items() if asked in map(fold, (*term.names, *term.zh, *term.words)))
    return frozenset([asked, *called])


def entry_words(entry: Entry) -> EntryWords:
    """
    Words of an entry and of the vocabulary of its variables.

    Parameters
    ----------
    entry : Entry
        The dataset.

    Returns
    -------
    EntryWords
        Ready to be asked.
    """
    variables: list[str] = []
    for name, variable in entry.variables.items():
        variables += [name, variable.long_name, variable.long_name_zh]
        for canonical in variable_names(name, variable):
            term = _terms().get(canonical)
            variables += [canonical, *((*term.names, *term.zh, *term.words) if term else ())]
    people = [text for provider in entry.providers for text in (provider.name, provider.name_zh)]
    fields = (
        [entry.title, entry.title_zh, entry.id],
        [*entry.keywords, *entry.keywords_zh],
        variables,
        [entry.summary, entry.summary_zh, entry.processing_level, *people],
    )
    found = [_WORD.findall(fold(" \n ".join(texts))) for texts in fields]
    return EntryWords(
        latin=tuple(frozenset(word for word in words if not _IS_CJK.match(word)) for words in found),
        chinese=tuple("\n".join(word for word in words if _IS_CJK.match(word)) for words in found),
    )


def nearest_word(entries: Sequence[EntryWords], text: str) -> str:
    """
    What to try when no entry fits a question.

    Parameters
    ----------
    entries : sequence of EntryWords
        What the entries have.
    text : str
        What a person typed.

    Returns
    -------
    str
        The first word that no entry has, with the nearest that one has; if every word is somewhere or none is near,
        the advice to ask for less.
    """
    known = {
        word for one in entries for words in (*one.latin, *(text.split() for text in one.chinese)) for word in words
    }
    for word in dict.fromkeys(_WORD.findall(fold(text))):
        if word in _EMPTY_WORDS or any(one.score((word,)) for one in entries):
            continue
        near = get_close_matches(word, sorted(known), n=1)
        if near:
            return f"no entry has the word {word!r}. Close: {near[0]!r}."
    return "nothing fits all that was asked: try fewer words, or a wider box, period or depth."
