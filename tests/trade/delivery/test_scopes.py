"""The scope of an entitlement: what the product does not have is told before the entitlement is put down."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from oceandata import storage
from oceandata.entities import Extent
from oceandata.errors import InputError
from oceandata.trade import registry as reg
from oceandata.trade.delivery.scopes import _Held, _outside_box, check_scope
from oceandata.trade.registry.registry import Registry
from tests.trade.delivery.conftest import entitlement
from tests.trade.registry.steps import PINNED, offer

NAME = "qd:sst"


@pytest.fixture
def sold(ostia_repository: Path, tmp_path: Path) -> Iterator[Registry]:
    """The OSTIA file on sale, pinned: 18 rows of 0.56 degrees about the equator, months of 2006 to 2010."""
    summary = storage.describe_revision(ostia_repository)
    document = {
        "id": NAME,
        "title": {"en": "SST"},
        "provider": {"en": "Second Institute"},
        "licence": "CC-BY-4.0",
        "attribution": {"en": "Second Institute"},
        "record_unit": "monthly grid",
        "entry": "sst",
    }
    pinned = PINNED | {"repository": str(ostia_repository), "layout": summary.group, "tag": summary.revision}
    pinned |= {"snapshot": summary.snapshot, "content_root": summary.content_root}
    with reg.create_registry(tmp_path / "registry.sqlite", actor="Zhao Yi") as registry:
        reg.add_product(registry, document, actor="Qian Er")
        reg.pin_revision(registry, NAME, pinned, actor="Qian Er")
        reg.add_offer(registry, NAME, offer(), actor="Qian Er")
        order = {"id": "O-1", "product": NAME, "offer": 1, "buyer": {"id": "B-1", "en": "A buyer"}, "state": "agreed"}
        reg.import_order(registry, order, actor="Qian Er")
        yield registry


def _check(registry: Registry, **scope: Any) -> tuple[str, ...]:
    return check_scope(registry, reg.Entitlement.from_json(entitlement(scope=scope)))


@pytest.mark.parametrize(
    "scope",
    [
        {},
        {"variables": ["surface_temperature"], "bbox": [120, -5, 160, 5], "time": ["2009-01-01", "2010-06-01"]},
        {"bbox": [-180, -5, 180, 4]},
        {"bbox": [350, -5, 10, 4]},
        {"first_revision": 1, "last_revision": 1},
        {"time": ["2006-04-01", "2010-09-30"], "last_revision": 1},
    ],
    ids=["all", "a part", "around the globe", "across Greenwich", "one revision", "whole months"],
)
def test_a_scope_that_fits(sold: Registry, scope: dict[str, Any]) -> None:
    assert _check(sold, **scope) == ()


@pytest.mark.parametrize(
    ("scope", "sentence"),
    [
        ({"variables": ["salinity"]}, "variable 'salinity' is not in revision 1"),
        ({"bbox": [0, -5, 10, 45]}, "bbox reaches 40.3 degrees too far north: revision 1 ends at 4.7"),
        ({"bbox": [0, -50, 10, 4]}, "bbox reaches 44.7 degrees too far south: revision 1 ends at -5.2"),
        ({"time": ["1999-01-01", "2009-01-01"]}, "time begins on 1999-01-01: revision 1 begins on 2006-04-16"),
        (
            {"time": ["2009-01-01", "2030-01-01"], "last_revision": 1},
            "time ends on 2030-01-01: revision 1 ends on 2010-09-16",
        ),
        ({"depth_m": [0, 10]}, "depth_m limits revision 1, which has no depths"),
        ({"first_revision": 2, "last_revision": 3}, "has no final revision 2 to 3; there is: 1"),
    ],
)
def test_a_scope_that_does_not_fit(sold: Registry, scope: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError, match="the scope of entitlement 'E-1' does not fit product 'qd:sst'") as caught:
        _check(sold, **scope)
    lines = str(caught.value).splitlines()
    assert len(lines) == 2
    assert sentence in lines[1]


@pytest.mark.parametrize("bbox", [[1e308, 0, 2, 3], [1000, -5, 1040, 4], [-180, -5, 900, 4], [-361, -5, -2, 4]])
def test_longitudes_that_are_none(sold: Registry, bbox: list[float]) -> None:
    with pytest.raises(InputError, match="need longitudes that span 360 degrees at most"):
        _check(sold, bbox=bbox)


def test_every_fault_is_one_line(sold: Registry) -> None:
    with pytest.raises(InputError) as caught:
        _check(sold, variables=["x", "y"], bbox=[0, -50, 10, 45], time=["1999-01-01", "2001-01-01"])
    assert len(str(caught.value).splitlines()) == 6


def test_what_later_revisions_may_hold_is_told_only(sold: Registry) -> None:
    (note,) = _check(sold, time=["2010-01-01", "2030-01-01"])
    assert note.startswith("time ends on 2030-01-01, revision 1 on 2010-09-16")
    (note,) = _check(sold, first_revision=2)
    assert "no final revision from 2 on" in note


def test_what_cannot_be_looked_at_is_told(sold: Registry) -> None:
    gone = PINNED | {"repository": "gone", "snapshot": "S2", "tag": "r2", "content_root": "sha256:" + "2" * 64}
    reg.pin_revision(sold, NAME, gone, actor="Qian Er")
    (note,) = _check(sold, variables=["salinity"])
    assert note.startswith("the scope was not held against the data, which cannot be read:")
    with pytest.raises(InputError, match="salinity"):
        _check(sold, variables=["salinity"], last_revision=1)


def test_an_order_that_nobody_knows_is_told_by_the_import(sold: Registry) -> None:
    unknown = reg.Entitlement.from_json(entitlement(order="O-0", scope={"variables": ["salinity"]}))
    assert check_scope(sold, unknown) == ()
    assert check_scope(sold, unknown.model_copy(update={"order": "O-9"})) == ()


@pytest.mark.parametrize(
    ("west", "east", "said"),
    [
        (150, 200, ""),
        (150, -160, ""),
        (140, 200, "9.5 degrees too far west"),
        (160, -150, "9.5 degrees too far east"),
        (-180, 180, "too far"),
        (10, 20, "too far west"),
    ],
)
def test_a_product_across_the_date_line(west: float, east: float, said: str) -> None:
    held = _Held(1, ("sst",), Extent(bbox=(149.5, -5, -159.5, 5)), (1.0, 1.0), timedelta(0))
    scope = reg.Scope(bbox=(west, -5, east, 5))
    found = list(_outside_box(scope, held))
    assert said in "".join(found)
    assert bool(found) == bool(said)
