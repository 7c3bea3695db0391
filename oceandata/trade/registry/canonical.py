"""One form of JSON and its digests: what the registry hashes, so that anyone can compute it again."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from oceandata.errors import InputError

__all__ = ["canonical_json", "digest", "sm3_digest"]


def canonical_json(document: Any) -> str:
    """
    Text of a JSON document of which there is only one.

    Keys are sorted by code point, there are no blanks, and characters beyond ASCII stay as they are.

    Parameters
    ----------
    document : JSON value
        Dicts with text keys, lists, texts, whole numbers, numbers, True, False and None.

    Returns
    -------
    str
        The text; its UTF-8 bytes are what is hashed.

    Raises
    ------
    InputError
        If it holds NaN or infinity, another type than JSON has, or half a surrogate pair.

    Examples
    --------
    >>> canonical_json({"b": [1, None], "a": "海"})
    '{"a":"海","b":[1,null]}'
    """
    try:
        _check_keys(document)
        text = json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)
        text.encode()
    except (TypeError, ValueError, RecursionError) as error:
        msg = f"the document has no canonical JSON: {error}. Use texts, finite numbers, lists and texts as keys."
        raise InputError(msg) from error
    return text


def _check_keys(document: Any) -> None:
    """Refuse keys that are no texts: JSON would write 1 and "1" alike."""
    if isinstance(document, Mapping):
        for key, value in document.items():
            if not isinstance(key, str):
                msg = f"the key {key!r} is no text"
                raise TypeError(msg)
            _check_keys(value)
    elif isinstance(document, list | tuple):
        for value in document:
            _check_keys(value)


def digest(document: Any) -> str:
    """
    SHA-256 of the canonical JSON of a document.

    Parameters
    ----------
    document : JSON value
        See `canonical_json`.

    Returns
    -------
    str
        64 hexadecimal digits.

    Examples
    --------
    >>> digest({"b": 1, "a": 2}) == digest({"a": 2, "b": 1})
    True
    """
    return hashlib.sha256(canonical_json(document).encode()).hexdigest()


def sm3_digest(text: str) -> str:
    """
    SM3 digest (GB/T 32905-2016) of a text; empty where neither OpenSSL nor cryptography has it.

    Parameters
    ----------
    text : str
        Its UTF-8 bytes are hashed.

    Returns
    -------
    str
        64 hexadecimal digits, or an empty text.
    """
    content = text.encode()
    try:
        return hashlib.new("sm3", content).hexdigest()
    except ValueError:  # this OpenSSL was built without it
        pass
    try:
        from cryptography.hazmat.primitives import hashes
    except ImportError:
        return ""
    computed = hashes.Hash(hashes.SM3())
    computed.update(content)
    return computed.finalize().hex()
