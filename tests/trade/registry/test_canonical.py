"""One text for one document, and digests that published examples give."""

import hashlib
from typing import Any

import pytest

from oceandata.errors import InputError
from oceandata.trade.registry.canonical import canonical_json, digest, sm3_digest


def test_there_is_one_text() -> None:
    assert (
        canonical_json({"b": [1, True, None], "a": {"é": "海", "A": 1.5}})
        == '{"a":{"A":1.5,"é":"海"},"b":[1,true,null]}'
    )
    assert canonical_json({"a": 1, "b": 2}) == canonical_json({"b": 2, "a": 1})
    assert digest({"a": 1}) == hashlib.sha256(b'{"a":1}').hexdigest()


@pytest.mark.parametrize(
    "document",
    [float("nan"), {"a": float("inf")}, {1: "a"}, {"a": [{None: 1}]}, {"a": b"bytes"}, {"a": {1, 2}}, "\ud800"],
    ids=["nan", "infinity", "number as key", "none as key", "bytes", "set", "half a pair"],
)
def test_what_has_no_text_is_refused(document: Any) -> None:
    with pytest.raises(InputError, match="no canonical JSON"):
        canonical_json(document)


def _without_sm3(name: str, content: bytes) -> Any:
    raise ValueError(name, content)


@pytest.mark.parametrize("openssl", [True, False], ids=["hashlib", "cryptography"])
def test_sm3_of_the_example_of_the_standard(monkeypatch: pytest.MonkeyPatch, *, openssl: bool) -> None:
    """GB/T 32905-2016, annex A.1; from whichever library has it."""
    if openssl and "sm3" not in hashlib.algorithms_available:
        openssl = False
    if not openssl:
        monkeypatch.setattr(hashlib, "new", _without_sm3)
    assert sm3_digest("abc") == "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"


def test_sm3_is_empty_where_nobody_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setattr(hashlib, "new", _without_sm3)
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives", None)
    assert sm3_digest("abc") == ""
