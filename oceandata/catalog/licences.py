"""Licence expressions: the identifiers they are made of, and which of them are known."""

import re

__all__ = ["KNOWN_LICENCES", "licence_alternatives", "licence_identifiers", "unknown_licences"]

#: SPDX identifiers that ocean holdings carry; others are written ``LicenseRef-NAME``, an unknown one ``NOASSERTION``.
KNOWN_LICENCES = frozenset(
    {"CC0-1.0", "CC-BY-3.0", "CC-BY-4.0", "CC-BY-SA-4.0", "CC-BY-NC-4.0", "CC-BY-NC-SA-4.0", "CC-BY-NC-ND-4.0"}
    | {"CC-BY-ND-4.0", "CDLA-Permissive-2.0", "ODbL-1.0", "ODC-By-1.0", "PDDL-1.0", "DL-DE-BY-2.0", "DL-DE-ZERO-2.0"}
    | {"OGL-UK-1.0", "OGL-UK-2.0", "OGL-UK-3.0", "OGL-Canada-2.0", "etalab-2.0", "NLOD-2.0", "MulanPSL-2.0"}
    | {"NCGL-UK-2.0", "NOASSERTION"}
    | {"Apache-2.0", "MIT", "BSD-3-Clause", "ISC"}
)


_LARGEST_EXPRESSION, _LARGEST_WAYS = 200, 1000


def licence_identifiers(expression: str) -> tuple[str, ...]:
    """
    Identifiers in an SPDX expression, in order.

    Parameters
    ----------
    expression : str
        One identifier, or several joined by ``AND``, ``OR``, ``WITH`` and brackets.

    Returns
    -------
    tuple of str
        The identifiers as written.

    Examples
    --------
    >>> licence_identifiers("CC-BY-4.0 OR (MIT AND LicenseRef-Ours)")
    ('CC-BY-4.0', 'MIT', 'LicenseRef-Ours')
    """
    words = re.split(r"[\s()]+", expression)
    return tuple(word for word in words if word and word not in ("AND", "OR", "WITH"))


def licence_alternatives(expression: str) -> tuple[frozenset[str], ...] | None:
    """
    Ways to satisfy an SPDX expression: of each, the licences that all have to be kept.

    Parameters
    ----------
    expression : str
        Identifiers joined by ``AND``, ``OR``, ``WITH`` and brackets; ``AND`` binds closer than ``OR``.

    Returns
    -------
    tuple of frozenset of str, or None
        One set for each way; an exception that follows ``WITH`` stands in the set too. None if the expression is
        malformed, or has more than 1000 ways.

    Examples
    --------
    >>> [sorted(way) for way in licence_alternatives("MIT AND (ISC OR CC0-1.0)")]
    [['ISC', 'MIT'], ['CC0-1.0', 'MIT']]
    >>> licence_alternatives("MIT OR") is None
    True
    """
    words = re.findall(r"[()]|[^\s()]+", expression)
    if len(words) > _LARGEST_EXPRESSION:
        return None
    try:
        ways = _either(words)
    except (IndexError, ValueError):
        return None
    return tuple(dict.fromkeys(ways)) if not words else None


def _either(words: list[str]) -> list[frozenset[str]]:
    """Ways of what ``OR`` joins; takes the words off."""
    ways = _both(words)
    while words and words[0] == "OR":
        del words[0]
        ways = ways + _both(words)
    return ways


def _both(words: list[str]) -> list[frozenset[str]]:
    """Ways of what ``AND`` joins; takes the words off."""
    ways = _single(words)
    while words and words[0] == "AND":
        del words[0]
        ways = list(dict.fromkeys(one | other for other in _single(words) for one in ways))
        if len(ways) > _LARGEST_WAYS:
            msg = f"more than {_LARGEST_WAYS} ways"
            raise ValueError(msg)
    return ways


def _single(words: list[str]) -> list[frozenset[str]]:
    """Ways of one identifier, with its exception, or of what stands in brackets; takes the words off."""
    word = words.pop(0)
    if word == "(":
        ways = _either(words)
        if words.pop(0) != ")":
            msg = "a bracket is not closed"
            raise ValueError(msg)
        return ways
    names = [word]
    if words and words[0] == "WITH":
        names.append(words[1])
        del words[:2]
    if any(name in ("AND", "OR", "WITH", "(", ")") for name in names):
        msg = f"a licence is missing at {word!r}"
        raise ValueError(msg)
    return [frozenset(names)]


def unknown_licences(expression: str) -> tuple[str, ...]:
    """
    Identifiers of an expression that are neither known nor of the form ``LicenseRef-NAME``.

    Parameters
    ----------
    expression : str
        A licence expression.

    Returns
    -------
    tuple of str
        The unknown ones, in order; all words of free text such as ``"freely available"``.

    Examples
    --------
    >>> unknown_licences("CC-BY-4.0 AND freely")
    ('freely',)
    """
    return tuple(
        word
        for word in licence_identifiers(expression)
        if word not in KNOWN_LICENCES and not re.fullmatch(r"LicenseRef-[A-Za-z0-9.-]+", word)
    )
