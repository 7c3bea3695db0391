"""Encodings of attributes."""

import pytest

from oceandata.storage.soundness.text import decode_bytes, undo_double_encoding

CHINESE = ["水温", "海表温度", "盐度（实用盐标）", "溶解氧", "㎡ ㎝ 〇 ₂", "南海北部"]


@pytest.mark.parametrize("text", CHINESE)
def test_chinese_in_both_encodings(text):
    assert decode_bytes(text.encode("utf-8")) == (text, "utf-8")
    assert decode_bytes(text.encode("gb18030")) == (text, "gb18030")


@pytest.mark.parametrize("text", ["sea °C", "Comité", "µmol/l", "temp in °C, ±2"])
def test_western(text):
    assert decode_bytes(text.encode("cp1252")) == (text, "windows-1252")


def test_nothing_fits():
    text, encoding = decode_bytes(b"\xff\xff\xff")
    assert encoding == ""
    assert "\ufffd" in text


def test_double_encoding_is_undone_only_if_there():
    assert undo_double_encoding("µmol".encode().decode("cp1252")) == "µmol"
    for text in ("µmol", "20 °C", "海温", "plain", "Comité"):
        assert undo_double_encoding(text) == ""
