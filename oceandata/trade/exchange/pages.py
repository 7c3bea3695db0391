"""Pages for staff."""

__all__ = ["html_page"]


def html_page(fragment: str, language: str) -> str:
    """
    Page of its own of an HTML fragment.

    Parameters
    ----------
    fragment : str
        With every text escaped.
    language : {"en", "zh"}
        Of its words.

    Returns
    -------
    str
        A whole document.
    """
    return f'<!doctype html><html lang="{language}"><meta charset="utf-8">{fragment}</html>\n'
