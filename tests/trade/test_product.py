"""Product documents: every fault at once, revisions in order, and no listing that nobody has read."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from oceandata.errors import DocumentError, NotFoundError
from oceandata.storage import describe_revision
from oceandata.trade import Product, ProductRevision, draft_revision, load_product, write_product
from oceandata.trade.product import Words, product_schema, read_product

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "catalogs" / "products" / "example_ostia_sst.yaml"


@pytest.fixture
def document() -> dict[str, object]:
    loaded: dict[str, object] = yaml.safe_load(SHIPPED.read_text(encoding="utf-8"))
    return loaded


@pytest.fixture
def product() -> Product:
    return load_product(SHIPPED)


def _revision(number: int) -> ProductRevision:
    pinned = {"repository": "sst", "group": "maps", "tag": f"r{number}", "snapshot": f"S{number}"}
    return ProductRevision(number=number, content_root="sha256:0", stored_bytes=1, chunks=1, **pinned)


def test_the_shipped_product_is_an_example(product: Product) -> None:
    assert product.example
    assert not product.listing_url
    assert product.title.zh
    assert product.revisions == ()


def test_a_revision_is_pinned_to_what_was_written(product: Product, ostia_repository: Path) -> None:
    summary = describe_revision(ostia_repository)
    drafted = draft_revision(product, summary, change="first")
    (revision,) = drafted.revisions
    assert (revision.number, revision.tag, revision.change) == (1, "r1", "first")
    assert (revision.snapshot, revision.content_root) == (summary.snapshot, summary.content_root)
    assert (revision.stored_bytes, revision.chunks) == (summary.stored_bytes, 5)
    assert product.revisions == ()
    again = draft_revision(drafted, summary)
    assert [one.number for one in again.revisions] == [1, 2]
    assert again.link.revision == 2
    assert again.link.status == "example, not listed on any exchange"


def test_a_product_without_revisions_has_no_link(product: Product) -> None:
    with pytest.raises(DocumentError, match="no revision"):
        _ = product.link


def test_all_faults_are_told_at_once(document: dict[str, object], tmp_path: Path) -> None:
    document |= {"id": " ", "title": {}, "licence": "", "price": 3, "listing_url": ""}
    del document["record_unit"]
    path = tmp_path / "product.yaml"
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    with pytest.raises(DocumentError) as caught:
        load_product(path)
    message = str(caught.value)
    assert message.startswith(f"{path} has 5 faults:\n")
    for field in ("id:", "title:", "licence:", "price:", "record_unit:"):
        assert re.search(rf"\n  {re.escape(str(path))}:\d+: {field}", message)


@pytest.mark.parametrize("numbers", [[2], [1, 3], [2, 1], [1, 1], [0]])
def test_revisions_are_numbered_in_order(document: dict[str, object], numbers: list[int]) -> None:
    document["revisions"] = [_revision(max(1, number)).to_json() | {"number": number} for number in numbers]
    with pytest.raises(DocumentError, match=r"need 1, 2, 3|greater than or equal to 1"):
        Product.from_json(document)
    document["revisions"] = [_revision(number).to_json() for number in (1, 2, 3)]
    assert len(Product.from_json(document).revisions) == 3


def test_an_example_has_no_listing(document: dict[str, object]) -> None:
    document["listing_url"] = "https://exchange.example/products/1"
    with pytest.raises(DocumentError, match="an example product has no listing"):
        Product.from_json(document)
    document["example"] = False
    document["revisions"] = [_revision(1).to_json()]
    link = Product.from_json(document).link
    assert link.status == "listed at https://exchange.example/products/1"


def test_a_text_is_said_in_one_language_at_least() -> None:
    assert Words(zh="渤海").en == ""
    with pytest.raises(DocumentError, match="need en or zh"):
        Words.from_json({"en": ""})


def test_written_and_read_again(product: Product, ostia_repository: Path, tmp_path: Path) -> None:
    drafted = draft_revision(product, describe_revision(ostia_repository), change="第一版")
    path = tmp_path / "product.yaml"
    path.write_text("something older", encoding="utf-8")
    write_product(drafted, path)
    assert load_product(path) == drafted
    assert "第一版" in path.read_text(encoding="utf-8")
    assert [one.name for one in tmp_path.iterdir()] == ["product.yaml"]


def test_a_product_that_cannot_be_written_leaves_the_old_one(
    product: Product, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "product.yaml"
    path.write_text("something older", encoding="utf-8")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space"):
        write_product(product, path)
    assert path.read_text(encoding="utf-8") == "something older"
    assert [one.name for one in tmp_path.iterdir()] == ["product.yaml"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"id: [", "not YAML"),
        (b"- a\n- b\n", "holds a list"),
        (b"", "the file is empty"),
        (b"\x89HDF\r\n\xff\xfe", "is not UTF-8"),
        (b"id: a\nid: b\n", "stands twice, first in line 1"),
        (b"id: !!python/object/apply:os.getcwd []", "tags are not accepted"),
    ],
)
def test_files_that_are_no_product(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "product.yaml"
    path.write_bytes(content)
    with pytest.raises(DocumentError, match=words):
        load_product(path)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"no product document .*product\.yaml"):
        load_product(tmp_path / "product.yaml")


# As documents were written before uses, offers and grades were part of them.
OLD_FORM = """
id: P1
title: {en: Sea-surface temperature, zh: 海表温度}
provider: {en: Institute, zh: 研究所}
licence: CC-BY-4.0
attribution: {en: Institute}
record_unit: daily grid
entry: sst
revisions:
- {number: 1, repository: sst, group: maps, tag: r1, snapshot: S1, content_root: 'sha256:0', stored_bytes: 1, chunks: 1}
listing_url: https://exchange.example/products/1
"""


def test_documents_of_the_old_form_still_load(tmp_path: Path) -> None:
    path = tmp_path / "product.yaml"
    path.write_text(OLD_FORM, encoding="utf-8")
    product = load_product(path)
    assert (product.permits, product.offers, product.grade, product.record_dimensions) == ((), (), "", ())
    assert product.revisions[0].quality is None
    assert product.link.revision == 1
    write_product(product, path)
    assert load_product(path) == product


def whole(**changes: Any) -> dict[str, Any]:
    """Document with every part."""
    revision = _revision(1).to_json()
    revision["quality"] = {"completeness": {"score": 0.98, "metric": "share", "method": "coverage 1.2"}}
    return {
        "id": "qdmdx:MD-2024-000123",
        "title": {"en": "Daily SST", "zh": "海表温度日产品"},
        "provider": {"en": "Institute", "zh": "研究所", "uscc": "91350100M000100Y43"},
        "licence": "LicenseRef-House-1",
        "attribution": {"en": "Institute", "zh": "研究所"},
        "permits": [
            {
                "action": "read",
                "allowed": "yes",
                "purposes": ["research"],
                "duties": ["attribute"],
                "until": "2030-01-01",
            },
            {"action": "sell", "allowed": "ask"},
        ],
        "offers": [
            {
                "version": 1,
                "valid_from": "2026-01-01",
                "plans": [
                    {"model": "per-gb", "currency": "CNY", "amount": "0.80", "cap": "5000", "tax": "included"},
                    {"model": "subscription", "currency": "CNY", "amount": "20000", "period": "P1Y"},
                ],
            }
        ],
        "grade": "general",
        "grade_decision": {"by": "李四", "on": "2026-01-01"},
        "record_unit": "daily grid",
        "record_dimensions": ["time"],
        "entry": "sst",
        "revisions": [revision],
    } | changes


def test_a_whole_document_says_everything() -> None:
    product = Product.from_json(whole())
    assert Product.from_json(json.loads(json.dumps(product.to_json()))) == product
    told = dict(product.facts())
    assert told["grade"] == "general, decided by 李四 on 2026-01-01"
    assert told["may read"] == "yes, for research, duty: attribute, until 2030-01-01"
    assert told["may sell"] == "ask the provider"
    assert told["other uses"] == "not permitted"
    assert told["offer 1"].startswith("2026-01-01 to further notice: per-gb: CNY 0.80 a GB, at most 5000, tax included")
    assert told["completeness 完整性"] == "0.98 share (coverage 1.2)"
    assert [value for name, value in told.items() if name.startswith("accuracy")] == ["unknown"]
    assert "海表温度日产品" in str(product)


def test_the_view_is_escaped() -> None:
    bad = "<script>alert(1)</script>"
    view = Product.from_json(whole(title={"en": bad}, entry=bad, licence="CC0-1.0"))._repr_html_()
    assert "<script" not in view
    assert "&lt;script" in view


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"grade_decision": None}, "grade is 'general', but who decided is missing"),
        ({"grade": ""}, "but the grade is missing"),
        ({"grade": "secret"}, "should be '', 'general'"),
        ({"permits": [{"action": "read", "allowed": "yes"}] * 2}, "permits name the action 'read' twice"),
        ({"offers": [whole()["offers"][0] | {"version": 2}]}, r"offers have the versions \[2\]"),
        ({"schema_version": 2}, "Input should be 1"),
    ],
)
def test_documents_that_do_not_hold_together(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(DocumentError, match=words):
        Product.from_json(whole(**changes))


def test_faults_have_lines(tmp_path: Path) -> None:
    text = yaml.safe_dump(whole(), allow_unicode=True, sort_keys=False)
    lines = text.splitlines()
    wrong = {"  uscc: 91350100M000100Y43": "  uscc: 91350100M000100Y44", "    amount: '0.80'": "    amount: 0.80"}
    path = tmp_path / "product.yaml"
    path.write_text("\n".join(wrong.get(line, line) for line in lines), encoding="utf-8")
    product, faults = read_product(path)
    assert product is None
    assert [fault.line for fault in faults] == [lines.index(line) + 1 for line in wrong]
    assert "put it in quotes, '0.8'" in faults[1].message


def test_the_schema_file_is_in_step_with_the_model() -> None:
    path = ROOT / "catalogs" / "schema" / "product-1.json"
    again = json.dumps(product_schema(), indent=2, ensure_ascii=False) + "\n"
    assert path.read_text("utf-8") == again, f"{path.name} is out of step: write product_schema() to it"


def test_the_schema_accepts_what_the_model_accepts_and_refuses_numbers_as_money() -> None:
    import jsonschema

    checker = jsonschema.Draft202012Validator(product_schema())
    assert list(checker.iter_errors(whole())) == []
    assert list(checker.iter_errors(Product.from_json(whole()).to_json())) == []
    for place in ("id", "licence", "provider", "record_unit"):
        assert list(checker.iter_errors({key: value for key, value in whole().items() if key != place}))
    plan = whole()["offers"][0]["plans"][0]
    for changes in ({"amount": 0.8}, {"amount": "-1"}, {"colour": "red"}, {"model": "per-minute"}):
        offer = whole()["offers"][0] | {"plans": [plan | changes]}
        assert list(checker.iter_errors(whole(offers=[offer])))
    assert list(checker.iter_errors(whole(offers=[whole()["offers"][0] | {"plans": []}])))
