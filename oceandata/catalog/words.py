"""
Words of people, in Chinese and English: how texts are cut into them, and what the vocabulary knows of them.

Chinese has no spaces, so a run of Chinese characters hits if the entry has it as it stands, or if it can be cut into
pieces of two characters or more that the entry has. English words hit from their beginning (*temperature* finds
*temperatures*); below three letters they must be the whole word.
"""

import re
import unicodedata
from collections.abc import Iterator
from functools import cache, lru_cache

from oceandata.cf import Term, canonical_names, vocabulary
from oceandata.entities import Variable
from oceandata.errors import InputError

__all__ = [
    "canonical_with",
    "fold",
    "is_chinese",
    "names_of_word",
    "pieces_of_run",
    "quantities",
    "query_words",
    "said_by_vocabulary",
    "text_words",
    "variable_names",
]

_CJK = "\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
_WORD = re.compile(rf"[{_CJK}]+|(?:(?![{_CJK}])[^\W_])+")
_IS_CJK = re.compile(rf"[{_CJK}]")
_EMPTY_WORDS = frozenset(["a", "an", "and", "at", "by", "for", "from", "in", "of", "on", "or", "the", "to", "with"])
_EMPTY_CHARACTERS = frozenset("的和与及之")

#: Ways of cutting a run that are tried at most; a run of sixteen characters has 37.
_MOST_CUTS = 64
#: Characters of a run beyond which one way is tried.
_LONGEST = 100


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


def text_words(*texts: str) -> list[str]:
    """
    Words of texts, in order.

    Parameters
    ----------
    *texts : str
        Any texts.

    Returns
    -------
    list of str
        Folded words and runs of Chinese characters.

    Examples
    --------
    >>> text_words("OSTIA海表温度", "of SST")
    ['ostia', '海表温度', 'of', 'sst']
    """
    return _WORD.findall(fold("\n".join(texts)))


def is_chinese(word: str) -> bool:
    """
    Whether a word of `query_words` or `text_words` is a run of Chinese characters.

    Parameters
    ----------
    word : str
        Not empty.

    Returns
    -------
    bool
        False for letters and digits.
    """
    return _IS_CJK.match(word) is not None


def pieces_of_run(run: str) -> list[tuple[str, ...]]:
    """
    Ways of cutting a run of Chinese characters into pieces that may hit one by one.

    Pieces have two or three characters: a text with a longer piece has its parts too. A character such as 的 may
    stand between two pieces without hitting.

    Parameters
    ----------
    run : str
        The characters.

    Returns
    -------
    list of tuple of str
        The pieces of each way, sixty-four ways at most, one for more than a hundred characters; empty if there is
        none, as for a single character.

    Examples
    --------
    >>> pieces_of_run("太平洋海温")
    [('太平', '洋海温'), ('太平洋', '海温')]
    >>> pieces_of_run("海的温度")
    [('海的', '温度')]
    """
    if len(run) > _LONGEST:
        last = len(run) - 2 - len(run) % 2
        return [(*(run[place : place + 2] for place in range(0, last, 2)), run[last:])]
    found: list[tuple[str, ...]] = []

    def cut(begin: int, pieces: tuple[str, ...]) -> None:
        """Find the ways to cut what follows."""
        if len(found) == _MOST_CUTS:
            return
        if begin == len(run) and pieces and pieces not in found:
            found.append(pieces)
        for length in (2, 3):
            if begin + length <= len(run):
                cut(begin + length, (*pieces, run[begin : begin + length]))
        if begin < len(run) and run[begin] in _EMPTY_CHARACTERS:
            cut(begin + 1, pieces)

    cut(0, ())
    return found


@cache
def _terms() -> dict[str, Term]:
    """Vocabulary by folded canonical name."""
    return {fold(term.canonical_name): term for term in vocabulary()}


def _term_words(term: Term) -> Iterator[str]:
    """Everything that is said of a quantity."""
    return iter(text_words(term.canonical_name, *term.names, *term.zh, *term.words))


@cache
def said_by_vocabulary(canonical_name: str) -> frozenset[str]:
    """
    Words by which the vocabulary knows a quantity.

    Parameters
    ----------
    canonical_name : str
        Folded canonical name.

    Returns
    -------
    frozenset of str
        Folded words and runs of Chinese characters; empty if the vocabulary does not have it.
    """
    term = _terms().get(canonical_name)
    return frozenset(_term_words(term)) if term else frozenset()


@lru_cache(maxsize=4096)
def canonical_with(word: str, *, part: bool) -> tuple[str, ...]:
    """
    Quantities whose words in the vocabulary have a word.

    Parameters
    ----------
    word : str
        A folded word, or a run of Chinese characters.
    part : bool
        Whether a word that begins with it, or a run that contains it, is a hit too.

    Returns
    -------
    tuple of str
        Folded canonical names, in the order of the vocabulary.

    Examples
    --------
    >>> canonical_with("表皮", part=True)
    ('sea_surface_skin_temperature',)
    """
    if is_chinese(word):
        return tuple(name for name in _terms() if any(word in said for said in said_by_vocabulary(name)))
    hits = (lambda said: said.startswith(word)) if part else (lambda said: said == word)
    return tuple(name for name in _terms() if any(map(hits, said_by_vocabulary(name))))


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
