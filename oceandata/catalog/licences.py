"""Licence expressions: the identifiers they are made of, and which of them are known."""

import re

__all__ = ["KNOWN_LICENCES", "licence_identifiers", "unknown_licences"]

#: SPDX identifiers that ocean holdings carry; others are written ``LicenseRef-NAME``, an unknown one ``NOASSERTION``.
KNOWN_LICENCES = frozenset(
    {"CC0-1.0", "CC-BY-3.0", "CC-BY-4.0", "CC-BY-SA-4.0", "CC-BY-NC-4.0", "CC-BY-NC-SA-4.0", "CC-BY-NC-ND-4.0"}
    | {"CC-BY-ND-4.0", "CDLA-Permissive-2.0", "ODbL-1.0", "ODC-By-1.0", "PDDL-1.0", "DL-DE-BY-2.0", "DL-DE-ZERO-2.0"}
    | {"OGL-UK-1.0", "OGL-UK-2.0", "OGL-UK-3.0", "OGL-Canada-2.0", "etalab-2.0", "NLOD-2.0", "MulanPSL-2.0"}
    | {"NCGL-UK-2.0", "NOASSERTION"}
    | {"Apache-2.0", "MIT", "BSD-3-Clause", "ISC"}
)


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
