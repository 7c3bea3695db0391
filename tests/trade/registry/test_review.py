"""Review by a second person, publicity and objections, the same on SQLite and on PostgreSQL."""

from datetime import date, timedelta
from typing import Any

import pytest

from oceandata.errors import InputError
from oceandata.trade import registry as reg
from oceandata.trade.registry.registry import Registry
from tests.trade.registry.steps import BEGUN, CERTIFICATE, listed, on, publicized


def test_nobody_approves_what_he_submitted(registry: Registry, document: dict[str, Any]) -> None:
    reg.add_product(registry, document, actor="Qian Er")
    reg.submit(registry, "qd:sst", actor="Qian Er")
    for same in ("Qian Er", " qian  er", "Ｑian Er"):
        with pytest.raises(InputError, match="submitted product 'qd:sst', and a second person must approve it"):
            reg.approve(registry, "qd:sst", actor=same)
    reg.approve(registry, "qd:sst", actor="Sun San")
    with pytest.raises(InputError, match="was approved by Sun San already"):
        reg.approve(registry, "qd:sst", actor="Li Si")


def _refused(registry: Registry, *actors: str) -> None:
    for actor in actors:
        with pytest.raises(InputError, match=f"{actor} wrote on product 'qd:sst', and a second person must approve it"):
            reg.approve(registry, "qd:sst", actor=actor)


def test_nobody_approves_what_he_wrote(registry: Registry, document: dict[str, Any]) -> None:
    """Whoever added or replaced the draft, whoever submitted it, and also after it was returned."""
    reg.add_product(registry, document, actor="Qian Er")
    reg.replace_product(registry, document | {"entry": "waves"}, actor="Wu Wu", version=1)
    reg.submit(registry, "qd:sst", actor="Zheng Liu")
    _refused(registry, "Qian Er", "Wu Wu", "wu wu")
    reg.return_product(registry, "qd:sst", actor="Sun San", reason="the period is wrong")
    reg.replace_product(registry, document, actor="Li Si", version=4)
    reg.submit(registry, "qd:sst", actor="Zheng Liu")
    _refused(registry, "Qian Er", "Wu Wu", "Li Si")
    with pytest.raises(InputError, match="Zheng Liu submitted"):
        reg.approve(registry, "qd:sst", actor="Zheng Liu")
    reg.approve(registry, "qd:sst", actor="Sun San")


def test_who_wrote_what_was_registered_may_approve_what_others_wrote_since(
    registry: Registry, document: dict[str, Any]
) -> None:
    product = listed(registry, document)
    reg.delist(registry, product, actor="Li Si", reason="the contract ended")
    reg.return_product(registry, product, actor="Li Si", reason="a new contract is likely")
    version = reg.submit(registry, product, actor="Zheng Liu").detail["version"]
    _refused(registry, "Qian Er")  # nobody wrote since: it is still his document
    reg.return_product(registry, product, actor="Li Si", reason="the summary is missing")
    reg.replace_product(registry, document | {"entry": "waves"}, actor="Wu Wu", version=version + 1)
    reg.submit(registry, product, actor="Zheng Liu")
    _refused(registry, "Wu Wu")
    reg.approve(registry, product, actor="Qian Er")


@pytest.mark.parametrize("actor", ["", "  ", None, "Li\nSi", "x" * 201])
def test_every_step_names_a_person(registry: Registry, document: dict[str, Any], actor: Any) -> None:
    with pytest.raises(InputError, match="need the name of the person"):
        reg.add_product(registry, document, actor=actor)


def test_publicity_needs_approval_time_and_answers(registry: Registry, document: dict[str, Any]) -> None:
    reg.add_product(registry, document, actor="Qian Er")
    reg.submit(registry, "qd:sst", actor="Qian Er")
    with pytest.raises(InputError, match="nobody approved it"):
        reg.publicize(registry, "qd:sst", actor="Sun San", days=3)
    event = reg.approve(registry, "qd:sst", actor="Sun San")
    days_: tuple[Any, ...] = (0, -1, 366, True, 2.5, 3.0, "3", None)
    for days in days_:
        with pytest.raises(InputError, match="need a whole number from 1 to 365"):
            reg.publicize(registry, "qd:sst", actor="Sun San", days=days)
    first = date.fromisoformat(event.at[:10]) + timedelta(days=365)
    with on(first):
        reg.publicize(registry, "qd:sst", actor="Sun San", days=3)
    for day in (first, first + timedelta(days=2)):
        with on(day), pytest.raises(InputError, match=f"lasts until {first + timedelta(days=2)}"):
            reg.register_certificate(registry, "qd:sst", CERTIFICATE, actor="Qian Er")
    reg.object_to(registry, "qd:sst", actor="Sun San", by="A neighbour", text="the buoys are ours")
    reg.return_product(registry, "qd:sst", actor="Sun San", reason="look at the objection")
    assert registry.product("qd:sst").publicity is None


def test_a_publicity_is_not_over_when_it_is_put_down(registry: Registry, document: dict[str, Any]) -> None:
    """Its first day is that of its event or later: also if the newest event is later than the clock says."""
    tomorrow = BEGUN + timedelta(days=1)
    with pytest.raises(InputError, match="begins on 2026-01-04, need today, 2026-01-05"):
        publicized(registry, document, starts=BEGUN - timedelta(days=1))
    with on(BEGUN - timedelta(days=1)), pytest.raises(InputError, match=r"need today, 2026-01-05 \(UTC\), or a later"):
        reg.publicize(registry, "qd:sst", actor="Sun San", days=365, starts=BEGUN - timedelta(days=1))
    assert (registry.product("qd:sst").state, registry.product("qd:sst").publicity) == ("in_review", None)
    with on(BEGUN):
        reg.publicize(registry, "qd:sst", actor="Sun San", days=365, starts=tomorrow)
    assert registry.product("qd:sst").publicity == {"from": "2026-01-06", "to": "2027-01-05", "objections": []}
    other = document | {"id": "qd:other"}
    assert publicized(registry, other, days=1, starts=BEGUN) == tomorrow
    assert registry.product("qd:other").publicity == {"from": "2026-01-05", "to": "2026-01-05", "objections": []}


def test_an_open_objection_stands_in_the_way(registry: Registry, document: dict[str, Any]) -> None:
    publicized(registry, document, days=1)
    event = reg.object_to(registry, "qd:sst", actor="Sun San", by="A neighbour", text="the buoys are ours")
    assert event.detail["objection"] == 1
    reg.object_to(registry, "qd:sst", actor="Sun San", by="Another", text="so are mine")
    with pytest.raises(InputError, match="objections 1, 2 are open"):
        reg.register_certificate(registry, "qd:sst", CERTIFICATE, actor="Qian Er")
    reg.settle_objection(registry, "qd:sst", 1, actor="Sun San", reason="they are not, see letter 4")
    with pytest.raises(InputError, match=r"no open objection 1; open are: 2"):
        reg.settle_objection(registry, "qd:sst", 1, actor="Sun San", reason="again")
    with pytest.raises(InputError, match="objection 2 is open"):
        reg.register_certificate(registry, "qd:sst", CERTIFICATE, actor="Qian Er")
    reg.settle_objection(registry, "qd:sst", 2, actor="Sun San", reason="withdrawn")
    reg.register_certificate(registry, "qd:sst", CERTIFICATE, actor="Qian Er")
    publicity = registry.product("qd:sst").publicity
    assert publicity is not None
    assert [one["settlement"] for one in publicity["objections"]] == ["they are not, see letter 4", "withdrawn"]
