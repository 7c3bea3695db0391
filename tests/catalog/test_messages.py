"""Every fault the checks can find has its sentence in Chinese, with the same names and numbers."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from oceandata.catalog import check_catalog
from oceandata.catalog.doubts import find_doubts
from oceandata.catalog.entries import located_gaps
from oceandata.catalog.faults import Fault
from oceandata.catalog.messages import LANGUAGES, MESSAGES, SEVERITIES, in_language, translated
from oceandata.entities import Entry
from oceandata.errors import InputError

CHINESE = re.compile("[\u4e00-\u9fff]")


def _fields(sentence: str) -> set[str]:
    return set(re.findall(r"\{(\w+)\}", sentence.replace("{{", "").replace("}}", "")))


def test_a_row_says_the_same_in_both_languages() -> None:
    for english, chinese in MESSAGES:
        assert CHINESE.search(chinese), english
        assert _fields(chinese) <= _fields(english), english
        left_out = _fields(english) - _fields(chinese)
        assert left_out <= {"why"}, (english, left_out)
    assert len({english for english, _ in MESSAGES}) == len(MESSAGES)


def test_names_and_numbers_stay() -> None:
    said = in_language("sst: variables.uo.shape is (54, 18), but the data have (54, 19).", "zh")
    assert said == "sst: variables.uo.shape 为 (54, 18)，但数据为 (54, 19)。"
    said = in_language("the file has an unknown key 'sources'. Close: 'source', 'sauce'.", "zh")
    assert said == "the file 有未知的键 'sources'。相近：'source', 'sauce'。"
    assert in_language("data has content, need {}.", "zh") == "data 有内容，需要 {}。"
    braces = in_language("x is '{HOME}/x': braces are accepted only as '{CATALOG_DIR}/' at the start of a URL.", "zh")
    assert "'{HOME}/x'" in braces
    assert "{CATALOG_DIR}/" in braces


def test_what_the_table_does_not_know_stays_english() -> None:
    assert in_language("a server is on fire", "zh") == "a server is on fire"
    assert (
        in_language("assets.maps cannot be opened: a server is on fire", "zh")
        == "assets.maps 无法打开：a server is on fire"
    )


def test_english_stays_english() -> None:
    assert in_language("version is 1, need 2 (the form of Intake 2).", "en").startswith("version is 1")


def test_another_language_is_refused() -> None:
    with pytest.raises(InputError, match="need one of en, zh"):
        in_language("x", "fr")
    assert set(SEVERITIES) == set(LANGUAGES)


def test_a_fault_keeps_its_place() -> None:
    fault = Fault("c.yaml", 7, "the file is empty.", "warning")
    assert translated(fault, "zh") == Fault("c.yaml", 7, "文件为空。", "warning")


def _require_chinese(messages: list[str]) -> None:
    english = [one for one in messages if not CHINESE.search(in_language(one, "zh").partition(" 无法")[0])]
    assert not english


def test_all_attacks_are_told_in_chinese(tmp_path: Path, ostia_catalog: Path) -> None:
    from tests.catalog import test_attacks  # type: ignore[import-not-found]

    sound = ostia_catalog.read_text("utf-8")
    for attack, _ in test_attacks.ATTACKS.values():
        document = yaml.safe_load(sound)
        attack(document, tmp_path / "ran")
        path = tmp_path / "hostile.yaml"
        path.write_text(yaml.safe_dump(document, allow_unicode=True), "utf-8")
        _require_chinese([fault.message for fault in check_catalog(path)])


@pytest.mark.parametrize(
    "text",
    ["", "a: 1\n---\nb: 2\n", "a: &b 1", "a: !!x 1", "[1]: 2", "a: {", "1: 2", "a: 1\na: 2", "a: 2009-13-45", "- x"],
)
def test_faults_of_yaml_are_told_in_chinese(tmp_path: Path, text: str) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(text, "utf-8")
    found = check_catalog(path)
    assert found
    _require_chinese([fault.message for fault in found])
    path.write_bytes(b"a: \xff")
    _require_chinese([fault.message for fault in check_catalog(path)])


def test_gaps_and_doubts_are_told_in_chinese(ostia: Entry) -> None:
    bare: dict[str, Any] = {
        "id": "bare",
        "title": "x",
        "license": "free",
        "extent": {"time": ["0001-01-01", "0001-01-01"], "depth_m": [0, 1e6], "time_resolution": "x"},
        "variables": {
            "a": {},
            "b": {"units": "degC", "standard_name": "sea_surface_temprature"},
            "c": {"units": "furlong", "standard_name": "Sea Temp"},
            "d": {"units": "m", "standard_name": "sea_water_temperature"},
        },
        "assets": {"maps": {"href": "/x", "revision": "r1", "snapshot": "S", "chunk_shapes": {"x": [1]}}},
    }
    for changes in ({}, {"license": "NOASSERTION"}, {"extent": {"bbox": [0, 0, 0, 0], "time": ["1970-01-01"] * 2}}):
        entry = Entry.from_json(bare | changes)
        found = [message for _, message in [*located_gaps(entry), *find_doubts(entry)]]
        assert len(found) > 10
        _require_chinese(found)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("title: Monthly", "tittle: Monthly"),
        ("license: LicenseRef-OGL-UK\n        attribution", "attribution"),
        ("nbytes: 1679616", "nbytes: -1"),
        ("nbytes: 1679616", "nbytes: many"),
        ("revision: r1", "revision: ''"),
        ("license: LicenseRef-OGL-UK\n        attribution", "license: ''\n        attribution"),
        ("version: 2", "version: 1"),
    ],
)
def test_faults_of_documents_are_told_in_chinese(ostia_catalog: Path, old: str, new: str) -> None:
    text = ostia_catalog.read_text("utf-8")
    assert old in text
    ostia_catalog.write_text(text.replace(old, new), "utf-8")
    found = [fault for fault in check_catalog(ostia_catalog) if fault.severity == "error"]
    assert found
    _require_chinese([fault.message for fault in found])
