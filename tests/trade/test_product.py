"""Product documents: every fault at once, revisions in order, and no listing that nobody has read."""

from pathlib import Path

import pytest
import yaml

from oceandata.errors import DocumentError, NotFoundError
from oceandata.storage import describe_revision
from oceandata.trade import Product, ProductRevision, draft_revision, load_product, write_product
from oceandata.trade.product import Words

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
        assert f"\n  {field}" in message


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
        (b"id: [", "is no YAML"),
        (b"- a\n- b\n", "holds list"),
        (b"", "holds NoneType"),
        (b"\x89HDF\r\n\xff\xfe", "is no YAML"),
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
