"""Rights: what a result owes, and that it is never listed unless everything is known and everything permits it."""

import dataclasses
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

from oceandata import set_options
from oceandata.entities import Origin
from oceandata.errors import InputError
from oceandata.storage import describe_revision, open_dataset
from oceandata.trade import Lineage, Product, draft_revision, lineage, write_product, write_result
from oceandata.trade.rights import attribution, can_relist

DAY = date(2026, 6, 1)
ALL = [{"action": action, "allowed": "yes"} for action in ("relist-derived", "distribute", "sell")]


def _row(action: str, allowed: str = "yes", **more: Any) -> list[dict[str, Any]]:
    """The whole table with one row changed."""
    return [row if row["action"] != action else row | {"allowed": allowed} | more for row in ALL]


@pytest.fixture(scope="session")
def make_product(ostia_repository: Path, other_repository: Path) -> Callable[..., Product]:
    """A product that permits everything, pinned to the first or the second repository."""

    pinned = {"first": describe_revision(ostia_repository), "second": describe_revision(other_repository)}

    def made(name: str = "first", **changes: Any) -> Product:
        document = {
            "id": f"example:{name}",
            "title": {"en": name},
            "provider": {"en": f"{name} institute"},
            "licence": "CC-BY-4.0",
            "attribution": {"en": f"{name} institute", "zh": f"{name}研究所"},
            "record_unit": "monthly grid",
            "entry": "sst",
            "permits": ALL,
            "grade": "general",
            "grade_decision": {"by": "Li Si", "on": "2026-01-01"},
        }
        return draft_revision(Product.from_json(document | changes), pinned[name])

    return made


@pytest.fixture
def opened(ostia_repository: Path, other_repository: Path) -> Callable[..., xr.DataArray]:
    """Open the first or the second product, as revision 1."""

    def made(name: str = "first", **changes: Any) -> xr.DataArray:
        fields = {"product": f"example:{name}", "product_revision": 1, "attribution": f"{name} institute"}
        origin = Origin(repository="", **(fields | changes))
        repository = ostia_repository if name == "first" else other_repository
        return open_dataset(repository, origin=origin, chunks={})["surface_temperature"]

    return made


def _decided(product: Product, array: xr.DataArray, **asked: Any) -> tuple[str, tuple[str, ...]]:
    decision = can_relist(array.mean("time"), products=product, at=DAY, **asked)
    (one,) = decision.inputs
    assert one.answer == decision.answer
    assert bool(decision) == (decision.answer == "permitted")
    return one.answer, one.reasons


def test_everything_permitted(make_product: Any, opened: Any) -> None:
    assert _decided(make_product(), opened()) == ("permitted", ())


@pytest.mark.parametrize(
    ("changes", "answer", "reason"),
    [
        *(({"permits": _row(row["action"], "no")}, "denied", f"{row['action']} is prohibited") for row in ALL),
        *(({"permits": [one for one in ALL if one != row]}, "denied", f"{row['action']} is not named") for row in ALL),
        *(({"permits": _row(row["action"], "ask")}, "undetermined", "must be asked") for row in ALL),
        ({"permits": _row("sell", until="2026-05-31")}, "undetermined", "expired on 2026-05-31"),
        ({"permits": _row("sell", purposes=["research"])}, "undetermined", "say what for"),
        ({"grade": "core"}, "denied", "its grade is core"),
        ({"grade": "", "grade_decision": None}, "undetermined", "nobody has decided on its grade"),
        ({"licence": "freely available"}, "undetermined", "licence 'freely available' is not understood"),
        ({"licence": "NOASSERTION"}, "undetermined", "is not understood"),
        ({"licence": "CC-BY-NC-4.0"}, "denied", "forbids commercial use"),
        ({"licence": "CC-BY-ND-4.0"}, "denied", "forbids what is derived from it"),
        ({"licence": "MIT AND CC-BY-NC-4.0"}, "denied", "forbids commercial use"),
        ({"licence": "CC-BY-4.0 OR CC-BY-NC-4.0"}, "permitted", ""),
        ({"licence": "LicenseRef-House-1"}, "permitted", ""),
    ],
    ids=str,
)
def test_each_reason(make_product: Any, opened: Any, changes: dict[str, Any], answer: str, reason: str) -> None:
    found, reasons = _decided(make_product(**changes), opened())
    assert found == answer
    assert any(reason in one for one in reasons) or not reason


@pytest.mark.parametrize(
    ("licence", "answer"),
    [
        ("(CC-BY-NC-4.0 AND MIT) OR (CC-BY-NC-4.0 AND Apache-2.0)", "denied"),
        ("CC-BY-NC-4.0 AND (MIT OR Apache-2.0)", "denied"),
        ("CC-BY-NC-4.0 OR CC-BY-ND-4.0", "denied"),
        ("NCGL-UK-2.0", "denied"),
        ("CC-BY-NC-4.0 OR (MIT AND CC-BY-4.0)", "permitted"),
        ("CC-BY-NC-4.0 AND MIT OR MIT", "permitted"),
        ("MIT OR", "undetermined"),
        ("MIT ISC", "undetermined"),
        ("(MIT", "undetermined"),
        ("MIT)", "undetermined"),
        ("AND MIT", "undetermined"),
        ("MIT WITH", "undetermined"),
    ],
)
def test_licence_expressions(make_product: Any, opened: Any, licence: str, answer: str) -> None:
    assert _decided(make_product(licence=licence), opened())[0] == answer


def test_a_denial_outweighs_what_is_not_known_and_all_reasons_are_told(make_product: Any, opened: Any) -> None:
    product = make_product(permits=_row("sell", "no"), grade="", grade_decision=None, licence="free")
    answer, reasons = _decided(product, opened())
    assert answer == "denied"
    assert len(reasons) == 3


def test_purposes(make_product: Any, opened: Any) -> None:
    product = make_product(permits=_row("sell", purposes=["research"]))
    assert _decided(product, opened(), purpose="research")[0] == "permitted"
    assert _decided(product, opened(), purpose="trade")[0] == "denied"


@pytest.mark.parametrize(
    ("origin", "reason"),
    [
        ({"product": "example:unheard"}, "no product document was found"),
        ({"product": "", "entry": "sst"}, "it belongs to no product"),
        ({"product_revision": 2}, "revision 2 is not in its document"),
        ({"product_revision": None}, "the data are no revision of it"),
        ({"licence": "MIT"}, "the data say licence MIT, the product CC-BY-4.0"),
    ],
)
def test_what_is_not_known_is_undetermined(make_product: Any, opened: Any, origin: Any, reason: str) -> None:
    assert _decided(make_product(), opened(**origin)) == ("undetermined", (reason,))


def test_bytes_of_another_snapshot_are_not_the_revision(make_product: Any, opened: Any) -> None:
    other = make_product("second")
    product = make_product().model_copy(update={"revisions": other.revisions})
    pinned = product.revisions[0].model_copy(update={"snapshot": "SOMEOTHER"})
    answer, reasons = _decided(product.model_copy(update={"revisions": (pinned,)}), opened())
    assert answer == "undetermined"
    assert "but revision 1 is SOMEOTHER" in reasons[0]


def test_two_products(make_product: Any, opened: Any) -> None:
    result = opened().mean("time") - opened("second").mean("time")
    duties = {"duties": ["attribute", "inform"]}
    first = make_product(permits=_row("distribute", **duties), grade="important")
    second = make_product("second", permits=_row("sell", duties=["compensate"]))
    both = can_relist(result, products=[first, second], at=DAY)
    assert both.answer == "permitted"
    assert both.grade == "important"
    assert [(one.duty, one.product, one.detail) for one in both.duties] == [
        ("attribute", "example:first", "first institute"),
        ("inform", "example:first", "first institute"),
        ("compensate", "example:second", "second institute"),
    ]
    one_missing = can_relist(result, products=[first], at=DAY)
    assert (one_missing.answer, one_missing.grade) == ("undetermined", "")
    denied = can_relist(result, products=[first, make_product("second", permits=[])], at=DAY)
    assert denied.answer == "denied"
    core = can_relist(result, products=[first, make_product("second", grade="core")], at=DAY)
    assert (core.answer, core.grade) == ("denied", "core")


def test_own_terms_of_two_products_do_not_go_together(make_product: Any, opened: Any) -> None:
    result = opened() + opened("second")
    shared = _row("distribute", duties=["share-terms"])
    same = [make_product(permits=shared), make_product("second", permits=shared)]
    assert can_relist(result, products=same, at=DAY).answer == "permitted"
    other = [same[0], make_product("second", permits=shared, licence="CC-BY-SA-4.0")]
    found = can_relist(result, products=other, at=DAY)
    assert found.answer == "undetermined"
    assert "both want their own terms kept: CC-BY-4.0 and CC-BY-SA-4.0" in str(found)


def test_an_unknown_source_is_never_listed(make_product: Any, opened: Any) -> None:
    array = opened()
    found = can_relist(array - np.ones(array.shape, "f4"), products=make_product(), at=DAY)
    assert (found.answer, found.grade) == ("undetermined", "")
    assert can_relist(array.compute(), products=make_product(), at=DAY).answer == "undetermined"
    assert can_relist(Lineage(()), products=make_product(), at=DAY).answer == "undetermined"


def test_a_coordinate_is_owed_too(make_product: Any, opened: Any) -> None:
    plan = lineage(opened())
    only = Lineage(tuple(dataclasses.replace(one, is_coordinate=True) for one in plan.inputs))
    assert can_relist(only, products=make_product(permits=[]), at=DAY).answer == "denied"
    assert "first institute" in attribution(only, lang="en")


def test_a_written_result_answers_as_the_lazy_one(make_product: Any, opened: Any, tmp_path: Path) -> None:
    product = make_product()
    (tmp_path / "products").mkdir()
    write_product(product, tmp_path / "products" / "first.yaml")
    lazy = opened().isel(time=0)
    stamped = write_result(lazy, tmp_path / "result.nc")
    answers = [can_relist(one, products=tmp_path, at=DAY) for one in (lazy, stamped, tmp_path / "result.nc")]
    assert answers[0] == answers[1] == answers[2]
    assert answers[0].answer == "permitted"
    document = answers[0].to_json()
    assert (document["answer"], document["at"]) == ("permitted", "2026-06-01")


def test_views_are_escaped_and_complete(make_product: Any, opened: Any) -> None:
    bad = "<script>alert(1)</script>"
    product = make_product(attribution={"en": bad}, permits=_row("sell", duties=["attribute"]))
    view = can_relist(opened(), products=product, at=DAY)._repr_html_()
    assert "<script" not in view
    assert "&lt;script" in view
    assert "permitted" in view


def test_attribution_in_both_languages_each_text_once(make_product: Any, opened: Any) -> None:
    result = opened() + opened("second") + opened().isel(time=0)
    products = [make_product(), make_product("second")]
    english = attribution(result, lang="en", products=products).splitlines()
    assert english == [
        "Made of:",
        "- first institute (example:first revision 1, licence CC-BY-4.0)",
        "- second institute (example:second revision 1, licence CC-BY-4.0)",
    ]
    chinese = attribution(result, lang="zh", products=products)
    assert chinese.splitlines()[1] == "- first研究所 (example:first 版本 1, 许可 CC-BY-4.0)"
    with set_options(language="zh"):
        assert attribution(result, products=products) == chinese
    same = [make_product(), make_product("second", attribution={"en": "First institute.".lower()})]
    merged = attribution(result, lang="en", products=same).splitlines()
    assert len(merged) == 2
    assert "example:first revision 1, licence CC-BY-4.0; example:second" in merged[1]


def test_attribution_without_documents_is_what_travelled_and_names_the_unknown(opened: Any) -> None:
    array = opened(attribution="") + opened("second", licence="MIT").compute()
    text = attribution(array, lang="en")
    assert "- attribution unknown: ask the provider (example:first revision 1, licence NOASSERTION)" in text
    assert "- Of unknown source: array in memory" in text
    assert attribution(Lineage(()), lang="zh") == "不知道本成果由何而来。"
    with pytest.raises(InputError, match="need 'en' or 'zh'"):
        attribution(array, lang="fr")  # type: ignore[arg-type]
