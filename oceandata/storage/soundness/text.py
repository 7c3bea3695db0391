"""Texts whose bytes are not UTF-8, or were read once in the wrong encoding."""

import re

__all__ = ["decode_bytes", "undo_double_encoding"]

_HIGH_RUNS = re.compile(rb"[\x80-\xff]+")


def decode_bytes(raw: bytes) -> tuple[str, str]:
    """
    Text of bytes in an unknown encoding, and the encoding it was taken to be in.

    UTF-8 is tried first, because Chinese in UTF-8 often also decodes as GB18030, to other characters. Bytes above
    127 that all stand alone among ASCII, as in ``\\xb0C``, are Western (Windows-1252); GB18030 would eat the letter
    after them. Everything else is GB18030, which holds GBK and GB 2312.

    Parameters
    ----------
    raw : bytes
        The stored bytes.

    Returns
    -------
    tuple of str, str
        The text, and ``"utf-8"``, ``"windows-1252"`` or ``"gb18030"``; the encoding is empty, and the text has
        U+FFFD in it, if none fits.

    Examples
    --------
    >>> decode_bytes("海表温度".encode("gb18030"))
    ('海表温度', 'gb18030')
    >>> decode_bytes(b"temperature in \\xb0C")
    ('temperature in °C', 'windows-1252')
    """
    try:
        return raw.decode("utf-8"), "utf-8"
    except UnicodeDecodeError:
        pass
    alone = all(len(run) == 1 for run in _HIGH_RUNS.findall(raw))
    for encoding, name in (("cp1252", "windows-1252"),) if alone else (("gb18030", "gb18030"),):
        try:
            return raw.decode(encoding), name
        except UnicodeDecodeError:
            continue
    return raw.decode("utf-8", "replace"), ""


def undo_double_encoding(text: str) -> str:
    """
    Text before its UTF-8 bytes were taken for Windows-1252 and encoded again.

    Parameters
    ----------
    text : str
        Text that may read like ``Â°C``.

    Returns
    -------
    str
        The text as it was meant; empty if it was not encoded twice.

    Examples
    --------
    >>> undo_double_encoding("20 Â°C")
    '20 °C'
    >>> undo_double_encoding("20 °C")
    ''
    """
    if text.isascii():
        return ""
    try:
        return text.encode("cp1252").decode("utf-8")
    except UnicodeError:
        return ""
