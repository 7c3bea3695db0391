"""The vocabulary tables that ship with the package, read once and folded the same way everywhere."""

import unicodedata
from typing import Any

__all__ = ["fold", "load_table"]

_SIGNS = str.maketrans(dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212", "-"))


def fold(text: str) -> str:
    """
    Text as it is compared: NFKC, every dash a hyphen, no case, no blanks at its ends.

    Parameters
    ----------
    text : str
        Any text.

    Returns
    -------
    str
        The folded text.

    Examples
    --------
    >>> fold(" ＤＥＧ Ｃ ")
    'deg c'
    """
    return unicodedata.normalize("NFKC", text).translate(_SIGNS).casefold().strip()


def load_table(name: str) -> list[dict[str, Any]]:
    """
    Rows of a shipped vocabulary table.

    Parameters
    ----------
    name : str
        File name inside ``catalogs/vocab``.

    Returns
    -------
    list of dict
        The rows, in the order of the file.
    """
    from importlib.resources import files

    import yaml

    text = (files("oceandata._catalogs") / "vocab" / name).read_text(encoding="utf-8")
    rows: list[dict[str, Any]] = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    return rows
