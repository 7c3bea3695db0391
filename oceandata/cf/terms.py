"""
Which variable is meant: CF standard names, names of other conventions, Chinese and English words.

The vocabulary is a table, ``catalogs/vocab/variables.yaml``.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from oceandata.cf._tables import fold, load_table
from oceandata.errors import InputError, NotFoundError, closest

if TYPE_CHECKING:
    import xarray as xr

__all__ = [
    "Term",
    "canonical_names",
    "find_variables",
    "match_words",
    "require_variable",
    "vocabulary",
]

_SHORT = 2  # aliases this short (so, to, u) are also words of a sentence


@dataclass(frozen=True)
class Term:
    """
    One quantity, and everything it is called.

    Attributes
    ----------
    canonical_name : str
        Its CF standard name, or a name of the same form if CF has none.
    units : str
        Unit that oceandata prefers for it, as `parse_units` writes it.
    names : tuple of str
        Names of variables in files of other conventions.
    zh, words : tuple of str
        Chinese and English words for it.
    broader : str
        Canonical name of a wider quantity that this one also answers to, or empty.
    is_standard : bool
        Whether the canonical name is in the CF standard name table.
    """

    canonical_name: str
    units: str
    names: tuple[str, ...] = ()
    zh: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    broader: str = ""
    is_standard: bool = True


@cache
def vocabulary() -> tuple[Term, ...]:
    """
    All terms, in the order of the table.

    Returns
    -------
    tuple of Term
        Read once and kept.
    """
    return tuple(
        Term(
            canonical_name=row["canonical_name"],
            units=row["units"],
            names=tuple(row.get("names", ())),
            zh=tuple(row.get("zh", ())),
            words=tuple(row.get("words", ())),
            broader=row.get("broader", ""),
            is_standard=row.get("standard", True),
        )
        for row in load_table("variables.yaml")
    )


@cache
def _broader() -> dict[str, str]:
    """Wider canonical name of each canonical name, or empty."""
    return {term.canonical_name: term.broader for term in vocabulary()}


def _collected(pairs: list[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    """Canonical names by folded key, in order, without repeats."""
    found: dict[str, dict[str, None]] = {}
    for key, canonical_name in pairs:
        found.setdefault(key, {})[canonical_name] = None
    return {key: tuple(names) for key, names in found.items()}


@cache
def _by_alias() -> dict[str, tuple[str, ...]]:
    """Canonical names by the names variables have in files."""
    return _collected(
        [(fold(name), term.canonical_name) for term in vocabulary() for name in (term.canonical_name, *term.names)]
    )


@cache
def _by_word() -> dict[str, tuple[str, ...]]:
    """Canonical names by Chinese and English words."""
    return _collected([(fold(word), term.canonical_name) for term in vocabulary() for word in (*term.zh, *term.words)])


def _spoken(text: str) -> str:
    """Folded text with hyphens and underscores as blanks, single blanks between words."""
    return re.sub(r"[\s_-]+", " ", fold(text)).strip()


@cache
def _phrases() -> tuple[tuple[str, re.Pattern[str], tuple[str, ...]], ...]:
    """Whatever may occur in a sentence, the longest first: the phrase, where it counts, its canonical names."""
    pairs = [
        (_spoken(phrase), canonical_name)
        for table in (_by_alias(), _by_word())
        for phrase, names in table.items()
        for canonical_name in names
    ]
    phrases = sorted(_collected(pairs).items(), key=lambda pair: (-len(pair[0]), pair[0]))
    return tuple((phrase, _occurrence(phrase), names) for phrase, names in phrases)


def _occurrence(phrase: str) -> re.Pattern[str]:
    """Where a phrase counts: anywhere if it is Chinese, as whole words otherwise."""
    bare = re.escape(phrase)
    return re.compile(bare if not phrase.isascii() else rf"(?<![a-z0-9]){bare}(?![a-z0-9])")


def _widened(names: tuple[str, ...]) -> tuple[str, ...]:
    """Canonical names followed by the wider ones they answer to as well."""
    found = dict.fromkeys(names)
    for name in names:
        wider = _broader().get(name, "")
        while wider:
            found[wider] = None
            wider = _broader().get(wider, "")
    return tuple(found)


def canonical_names(name: str, attrs: Mapping[str, Any]) -> tuple[str, ...]:
    """
    Canonical names that a stored variable answers to.

    What a curator decided (``canonical_name``) comes first, then the file's ``standard_name``, then the alias table
    and the words. A standard name, even one the vocabulary does not have, says enough: the alias is then not asked,
    unless the standard name is itself an alias (``standard_name = "sst"``). A standard name with a modifier
    (``status_flag``) is about another variable, and gives none.

    Parameters
    ----------
    name : str
        Native name of the variable.
    attrs : mapping
        Its attributes.

    Returns
    -------
    tuple of str
        The names, the most exact first, wider quantities last; empty if the variable is not recognised.

    Examples
    --------
    >>> canonical_names("votemper", {})
    ('sea_water_potential_temperature', 'sea_water_temperature')
    >>> canonical_names("t2", {"standard_name": "sea_water_temperature status_flag"})
    ()
    """
    for key in ("canonical_name", "standard_name"):
        stated = fold(str(attrs.get(key, "")))
        if " " in stated:
            return ()
        if stated:
            return _widened(_by_alias().get(stated, (stated,)))
    key = fold(name)
    return _widened(_by_alias().get(key) or _by_word().get(key, ()))


def match_words(text: str) -> set[str]:
    """
    Canonical names that a free text speaks of.

    Chinese words count wherever they stand, English words and native names only whole; case and full-width forms do
    not matter. A longer phrase takes its words with it: ``sea surface temperature`` does not also speak of
    ``temperature``. Native names of one or two letters count only if they are the whole text.

    Parameters
    ----------
    text : str
        A search text or a title, Chinese, English or both.

    Returns
    -------
    set of str
        Canonical names, several for an ambiguous word; empty if nothing is recognised.

    Examples
    --------
    >>> sorted(match_words("黄海海表温度 and mixed-layer depth"))
    ['ocean_mixed_layer_thickness', 'sea_surface_temperature']
    """
    rest = _spoken(text)
    if len(rest) <= _SHORT:
        return set(_by_alias().get(rest, _by_word().get(rest, ())))
    found: set[str] = set()
    for phrase, occurrence, names in _phrases():
        if len(phrase) <= _SHORT and phrase.isascii() and phrase not in _by_word():
            continue
        if phrase in rest and occurrence.search(rest):
            found.update(names)
            rest = occurrence.sub("\0", rest)
    return found


def _targets(name: str) -> set[str]:
    """Canonical names that a name given by a person may stand for."""
    key = fold(name)
    return {key, *_by_alias().get(key, ()), *_by_word().get(key, ())}


def find_variables(ds: "xr.Dataset", name: str) -> list[str]:
    """
    Variables of a dataset that a name stands for.

    The first of these that finds anything decides: the exact native name; the curator's ``canonical_name``; the
    ``standard_name``; the alias table; a narrower quantity of the alias table (``thetao`` for
    ``sea_water_temperature``). Coordinates are asked only if no data variable answers.

    Parameters
    ----------
    ds : xarray.Dataset
        What to look in. Only metadata is read.
    name : str
        Native name, CF standard name, name in another convention (``tos``), or a Chinese or English word
        (``海表温度``).

    Returns
    -------
    list of str
        Native names, in the order of the dataset; may be empty.

    Examples
    --------
    >>> import xarray as xr
    >>> find_variables(xr.Dataset({"votemper": 10.0}), "水温")
    ['votemper']
    """
    if name in ds.variables:
        return [name]
    targets = _targets(name)
    for pool in (ds.data_vars, ds.coords):
        answers = {str(native): canonical_names(str(native), array.attrs) for native, array in pool.items()}
        stages = (
            [
                str(native)
                for native, array in pool.items()
                if fold(str(array.attrs.get("canonical_name", ""))) in targets
            ],
            [
                str(native)
                for native, array in pool.items()
                if fold(str(array.attrs.get("standard_name", ""))) in targets
            ],
            [native for native, names in answers.items() if names[:1] and names[0] in targets],
            [native for native, names in answers.items() if not targets.isdisjoint(names)],
        )
        for found in stages:
            if found:
                return found
    return []


def require_variable(ds: "xr.Dataset", name: str) -> str:
    """
    The variable of a dataset that a name stands for.

    Parameters
    ----------
    ds : xarray.Dataset
        What to look in. Only metadata is read.
    name : str
        Any name that `find_variables` takes.

    Returns
    -------
    str
        Native name.

    Raises
    ------
    InputError
        If several variables answer to the name.
    NotFoundError
        If none does; the message names the nearest ones.
    """
    found = find_variables(ds, name)
    if len(found) > 1:
        msg = f"{name!r} may be any of {', '.join(map(repr, found))}, need one. Name the variable itself."
        raise InputError(msg)
    if not found:
        candidates = dict.fromkeys(str(native) for native in ds.data_vars)
        candidates |= dict.fromkeys(
            str(array.attrs["standard_name"]) for array in ds.data_vars.values() if "standard_name" in array.attrs
        )
        near = closest(name, list(candidates)) or "There are no data variables."
        msg = f"no variable answers to {name!r}, need a native name, a standard name or a known alias. {near}"
        raise NotFoundError(msg)
    return found[0]
