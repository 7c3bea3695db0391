"""Holdings: declared beside measured, unknown stays unknown, shared data count once, units are never added up."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from oceandata.trade import registry as reg
from oceandata.trade.holdings import holdings
from oceandata.trade.registry.registry import Registry
from tests.trade.registry.steps import root_of

DECLARED = {
    "number": 1,
    "repository": "r",
    "group": "maps",
    "tag": "r1",
    "snapshot": "S1",
    "content_root": "sha256:01",
    "stored_bytes": 6_000,
    "chunks": 6,
}


def _document(product: str, provider: str, unit: str = "daily grid", **more: Any) -> dict[str, Any]:
    return {
        "id": product,
        "title": {"en": product},
        "provider": {"en": provider},
        "licence": "CC-BY-4.0",
        "attribution": {"en": provider},
        "record_unit": unit,
        "entry": "sst",
        **more,
    }


def _pin(registry: Registry, product: str, root: str, *, stored: int, records: int | None, unit: str) -> None:
    pinned = {
        "repository": "r",
        "layout": "maps",
        "tag": "r1",
        "snapshot": f"S{root}",
        "content_root": root_of(root),
        "stored_bytes": stored,
        "chunks": stored // 1000,
        "records": records,
        "record_unit": unit,
        "change": "",
    }
    reg.pin_revision(registry, product, pinned, actor="Qian Er")


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    """Two providers, three themes; one product only declared, one not even that, two that share their data."""
    with reg.create_registry(tmp_path / "registry.sqlite", actor="Zhao Yi") as made:
        for product, provider, theme in (("a", "One", "waves"), ("b", "One", "physics"), ("c", "Two", "physics")):
            reg.add_product(made, _document(product, provider), actor="Qian Er", theme=theme)
        reg.add_product(made, _document("d", "Two", revisions=[DECLARED]), actor="Qian Er")
        reg.add_product(made, _document("e", "Two", unit="profile"), actor="Qian Er", theme="waves")
        _pin(made, "a", "A", stored=10_000, records=None, unit="daily grid")
        _pin(made, "a", "A2", stored=20_000, records=30, unit="daily grid")
        _pin(made, "b", "B", stored=50_000, records=365, unit="daily grid")
        _pin(made, "c", "B", stored=50_000, records=365, unit="daily grid")
        _pin(made, "e", "E", stored=7_000, records=9_000, unit="profile")
        yield made


def test_by_provider(registry: Registry) -> None:
    found = holdings(registry)
    one, two = found.groups
    assert (one.name, one.products, one.measured_bytes, one.measured_chunks) == ("One", 2, 70_000, 70)
    assert (one.declared_bytes, one.undeclared, one.unmeasured) == (None, 2, 0)
    assert one.measured_records == {"daily grid": 395}
    assert (two.name, two.products, two.measured_bytes) == ("Two", 3, 57_000)
    assert (two.declared_bytes, two.declared_chunks, two.undeclared, two.unmeasured) == (6_000, 6, 2, 1)
    assert two.measured_records == {"daily grid": 365, "profile": 9_000}
    assert (found.total.products, found.total.measured_bytes) == (5, 77_000)
    assert found.total.measured_records == {"daily grid": 395, "profile": 9_000}


def test_by_theme_and_one_by_one(registry: Registry) -> None:
    themes = {one.name: one for one in holdings(registry, by="theme").groups}
    assert set(themes) == {"physics", "unknown", "waves"}
    assert themes["physics"].measured_bytes == 50_000
    assert themes["unknown"].measured_bytes is None
    products = {one.name: one for one in holdings(registry, by="product").groups}
    assert [products[name].measured_bytes for name in "abcde"] == [20_000, 50_000, 50_000, None, 7_000]
    assert products["d"].declared_bytes == 6_000


def test_unknown_is_said(registry: Registry) -> None:
    found = holdings(registry)
    rows = [dict(zip(found.headers, row, strict=True)) for row in found.rows()]
    assert rows[0]["bytes declared"] == "unknown"
    assert rows[1]["bytes measured"] == "57.0 kB (without 1 unknown)"
    assert rows[1]["records"] == "365 daily grid, 9,000 profile"
    products = holdings(registry, by="product")
    assert products.rows()[3] == ("d", 1, "6.0 kB", "unknown", "6", "unknown", "unknown")
    assert products.to_json()["groups"][3]["measured_bytes"] is None
    assert "total" in str(found)
    assert "57.0 kB" in found._repr_html_()


def test_a_revoked_revision_does_not_count(registry: Registry) -> None:
    reg.revoke_revision(registry, "a", 2, actor="Li Si", reason="a sensor was broken")
    (product,) = [one for one in holdings(registry, by="product").groups if one.name == "a"]
    assert (product.measured_bytes, product.measured_records, product.unmeasured) == (10_000, {}, 0)
    reg.revoke_revision(registry, "a", 1, actor="Li Si", reason="a sensor was broken")
    (product,) = [one for one in holdings(registry, by="product").groups if one.name == "a"]
    assert (product.measured_bytes, product.unmeasured) == (None, 1)


def test_an_empty_registry(tmp_path: Path) -> None:
    with reg.create_registry(tmp_path / "empty.sqlite", actor="Zhao Yi") as empty:
        found = holdings(empty)
    assert found.groups == ()
    assert (found.total.products, found.total.measured_bytes) == (0, None)
