"""Finding product documents: what is named, folders, catalogues; nothing is passed over in silence."""

from pathlib import Path
from typing import Any

import pytest

from oceandata.catalog import Catalog, open_catalog
from oceandata.errors import DocumentError, InputError, NotFoundError
from oceandata.trade import Product, write_product
from oceandata.trade.shelf import find_products


def _product(name: str, **changes: Any) -> Product:
    document = {
        "id": name,
        "title": {"en": name},
        "provider": {"en": "Institute"},
        "licence": "CC-BY-4.0",
        "attribution": {"en": "Institute"},
        "record_unit": "daily grid",
        "entry": "sst",
    }
    return Product.from_json(document | changes)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "products").mkdir()
    write_product(_product("P1"), tmp_path / "one.yaml")
    write_product(_product("P2"), tmp_path / "products" / "two.yml")
    (tmp_path / "notes.yaml").write_text("P1: [", encoding="utf-8")
    (tmp_path / "picture.png").write_bytes(b"\x89PNG")
    return tmp_path


def test_everywhere_a_product_can_be(folder: Path) -> None:
    one, two = _product("P1"), _product("P2")
    wanted = {"P1": one, "P2": two}
    for places in (folder, str(folder), [folder / "one.yaml", two], {"a": one, "b": two}, (folder, one)):
        assert find_products(places, ["P1", "P2", "P3", ""]) == wanted
    assert find_products(Catalog({}, path=folder / "catalog.yaml"), ["P1"]) == {"P1": one}
    assert find_products(None, ["P1"]) == {}
    assert find_products(folder, []) == {}
    assert find_products(one, ["P2"]) == {}


def test_the_folder_of_a_catalogue(demo: Any) -> None:
    found = find_products(open_catalog(demo.catalog), ["example:ostia-sst-monthly"])
    assert list(found) == ["example:ostia-sst-monthly"]


def test_a_faulty_document_of_a_wanted_product_is_told(folder: Path) -> None:
    text = (folder / "one.yaml").read_text("utf-8")
    (folder / "one.yaml").write_text(text.replace("daily grid", "''"), encoding="utf-8")
    assert list(find_products(folder, ["P2"])) == ["P2"]
    with pytest.raises(DocumentError, match=r"one\.yaml has 1 fault"):
        find_products(folder, ["P1"])


def test_two_different_documents_of_one_product_are_refused(folder: Path) -> None:
    write_product(_product("P1"), folder / "products" / "same.yaml")
    assert list(find_products(folder, ["P1"])) == ["P1"]
    write_product(_product("P1", licence="MIT"), folder / "products" / "other.yaml")
    with pytest.raises(InputError, match=r"'P1' has two different documents: .*one\.yaml and .*other\.yaml"):
        find_products(folder, ["P1"])


def test_places_that_are_none(folder: Path) -> None:
    with pytest.raises(NotFoundError, match="no product document and no folder"):
        find_products(folder / "nowhere", ["P1"])
    with pytest.raises(InputError, match="products is a int"):
        find_products(5, ["P1"])
