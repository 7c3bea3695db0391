"""Text files for staff, written whole or not at all: pages, JSON, Markdown."""

from pathlib import Path

__all__ = ["html_page", "write_text"]


def write_text(path: Path, text: str) -> Path:
    """
    Write a text file in UTF-8, whole or not at all.

    Parameters
    ----------
    path : pathlib.Path
        Where; an existing file is replaced.
    text : str
        Its content.

    Returns
    -------
    pathlib.Path
        The file.
    """
    beside = path.with_name(f".{path.name}.new")
    try:
        beside.write_text(text, encoding="utf-8")
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
    return path


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
