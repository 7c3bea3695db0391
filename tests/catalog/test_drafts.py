"""A draft reads back as it was written, marks included; and it is read strictly."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oceandata.catalog.drafts import draft_path, is_draft, read_draft, render_draft
from oceandata.catalog.positions import read_yaml
from oceandata.entities import Entry
from oceandata.errors import InputError, NotFoundError

NAME = "ostia_sst_monthly"


def _written(folder: Path, text: str) -> Path:
    path = folder / "drafts" / f"{NAME}.yaml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, "utf-8")
    return path


def test_a_draft_lies_beside_its_catalogue(tmp_path: Path) -> None:
    assert draft_path(tmp_path / "c.yaml", NAME) == tmp_path / "drafts" / f"{NAME}.yaml"
    for wrong in ("", "Sst", "../x", "a b", "9x"):
        with pytest.raises(InputError, match="need lower case"):
            draft_path(tmp_path / "c.yaml", wrong)


def test_document_and_marks_come_back(tmp_path: Path, ostia: Entry) -> None:
    marks = {
        ("license",): "licence; the data say 'free: ask us' # or not",
        ("title",): "title",
        ("variables", "surface_temperature", "units"): "unit",
        ("extent",): "place",
    }
    path = _written(tmp_path, render_draft(ostia.to_json(), marks))
    draft = read_draft(path)
    assert draft.faults == ()
    assert draft.entry == ostia
    assert draft.marks == marks
    lines = path.read_text("utf-8").splitlines()
    for place, number in draft.lines.items():
        assert lines[number - 1].strip() == f"# decide: {marks[place]}"
        assert lines[number].strip().startswith(f"{place[-1]}:")


@given(text=st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Cf"], exclude_characters="{}%")))
def test_any_text_comes_back(text: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = _written(tmp_path_factory.mktemp("any"), render_draft({"id": NAME, "history": text, "title": "x"}, {}))
    located = read_yaml(path)
    assert located.value["history"] == text or located.faults


def test_a_mark_is_about_the_field_below_it(tmp_path: Path) -> None:
    text = "id: x\n\n# decide: two lines above\n# another comment\n\nlicense: CC-BY-4.0\n"
    assert read_draft(_written(tmp_path, text)).marks == {("license",): "two lines above"}


def test_a_draft_is_told_from_a_catalogue(tmp_path: Path, ostia_catalog: Path, ostia: Entry) -> None:
    assert not is_draft(read_yaml(ostia_catalog))
    assert is_draft(read_yaml(_written(tmp_path, render_draft(ostia.to_json(), {}))))
    assert not is_draft(read_yaml(_written(tmp_path, "- a\n")))


@pytest.mark.parametrize(
    ("text", "words", "line"),
    [
        ("id: other\n", "title: Field required", 1),
        ("- a\n", "need the fields of an entry", 1),
        ("id: x\ntittle: y\n", "unknown key 'tittle'. Close: 'title'", 2),
        ("id: x\nid: y\n", "stands twice", 2),
    ],
)
def test_faults_have_their_lines(tmp_path: Path, text: str, words: str, line: int) -> None:
    faults = read_draft(_written(tmp_path, text)).faults
    assert [fault.line for fault in faults if words in fault.message] == [line]


def test_the_id_is_the_name_of_the_file(tmp_path: Path, ostia: Entry) -> None:
    path = _written(tmp_path, render_draft(ostia.to_json() | {"id": "other"}, {}))
    assert [fault.message for fault in read_draft(path).faults] == [f"id is 'other', but the draft is called '{NAME}'."]


def test_the_folder_is_that_of_the_catalogue(tmp_path: Path, ostia: Entry) -> None:
    draft = read_draft(_written(tmp_path, render_draft(ostia.to_json(), {})))
    assert draft.place("{CATALOG_DIR}/sst") == f"{tmp_path.resolve()}/sst"
    assert draft.place("s3://bucket/sst") == "s3://bucket/sst"


def test_a_draft_that_is_not_there(tmp_path: Path, ostia: Entry) -> None:
    _written(tmp_path, render_draft(ostia.to_json(), {}))
    with pytest.raises(NotFoundError, match=f"Close: '{NAME}.yaml'"):
        read_draft(tmp_path / "drafts" / "ostia_sst.yaml")
