"""Entitlements: each reason not to deliver, in one sentence."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
import yaml

from oceandata.errors import DocumentError, InputError, NotFoundError
from oceandata.trade import registry as reg
from oceandata.trade.delivery import plan_delivery, read_grant
from tests.trade.delivery.conftest import entitlement
from tests.trade.registry.steps import offer, root_of

NOW = datetime(2026, 6, 1, tzinfo=UTC)
BEIJING = timezone(timedelta(hours=8))
MOMENT = timedelta(microseconds=1)


def test_an_entitlement_that_holds(product):
    grant = read_grant(entitlement(purposes=["research"]), product=product, purpose="research", at=NOW)
    assert (grant.entitlement.id, grant.revision.number) == ("E-1", 1)


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"mode": "read-in-place"}, "is to read-in-place, not to deliver"),
        ({"starts": "2026-07-01"}, "starts on 2026-07-01 00:00 UTC, which is not yet"),
        ({"ends": "2026-06-01T00:00:00Z"}, "ended on 2026-06-01 00:00 UTC"),
        ({"purposes": ["fishery", "research"]}, "is for 'fishery' or 'research', not for 'resale'"),
        ({"scope": {"first_revision": 2}}, "no revision 2 to the newest to deliver"),
    ],
)
def test_an_entitlement_that_does_not_hold(product, fields, sentence):
    with pytest.raises((InputError, NotFoundError), match=sentence) as caught:
        read_grant(entitlement(**fields), product=product, purpose="resale", at=NOW)
    assert "\n" not in str(caught.value)


def test_a_purpose_must_be_named(product):
    with pytest.raises(InputError, match="and no purpose was named"):
        read_grant(entitlement(purposes=["research"]), product=product, at=NOW)


def test_a_revision_must_be_allowed_and_there(product):
    with pytest.raises(InputError, match="allows revisions 2 to 3, not 1"):
        read_grant(entitlement(scope={"first_revision": 2, "last_revision": 3}), product=product, revision=1, at=NOW)
    with pytest.raises(NotFoundError, match="has no final revision 7"):
        read_grant(entitlement(), product=product, revision=7, at=NOW)


def test_documents_with_faults(product):
    with pytest.raises(DocumentError, match="mode"):
        read_grant(entitlement(mode="steal"), product=product)
    with pytest.raises(InputError, match="got neither"):
        read_grant("E-1")
    with pytest.raises(InputError, match="got neither"):
        read_grant(entitlement())


@pytest.fixture
def sold(product, tmp_path):
    """A registry with the product, two final revisions, an order, and an entitlement."""
    document = product.model_copy(update={"revisions": (), "offers": (), "example": False})
    one = product.revisions[0]
    pinned = {
        "repository": one.repository,
        "layout": one.group,
        "tag": one.tag,
        "snapshot": one.snapshot,
        "content_root": one.content_root,
        "stored_bytes": one.stored_bytes,
        "chunks": one.chunks,
        "record_unit": "monthly grid",
        "change": "the first",
    }
    with reg.create_registry(tmp_path / "registry.sqlite", actor="Zhao Yi") as registry:
        reg.add_product(registry, document, actor="Qian Er")
        reg.pin_revision(registry, product.id, pinned, actor="Qian Er")
        second = pinned | {"snapshot": "S2", "content_root": root_of("02"), "tag": "r2", "change": "the second"}
        reg.pin_revision(registry, product.id, second, actor="Qian Er")
        reg.add_offer(registry, product.id, offer(), actor="Qian Er")
        order = {"id": "O-1", "product": product.id, "offer": 1, "buyer": {"id": "B-1", "en": "A buyer"}}
        reg.import_order(registry, order | {"state": "agreed"}, actor="Qian Er")
        reg.import_entitlement(registry, entitlement(), actor="Qian Er")
        yield registry, order


def test_the_newest_final_revision_of_the_registry(sold, product, tmp_path):
    registry, _ = sold
    grant = read_grant("E-1", registry=registry, at=NOW)
    assert (grant.product.id, grant.revision.number, grant.revision.tag) == (product.id, 2, "r2")
    reason = {"actor": "Qian Er", "reason": "a sensor had drifted"}
    reg.revoke_revision(registry, product.id, 2, **reason)
    assert read_grant("E-1", registry=registry, at=NOW).revision.number == 1
    with pytest.raises(InputError, match=r"revision 2 was revoked on .*a sensor had drifted"):
        read_grant("E-1", registry=registry, revision=2, at=NOW)
    reg.revoke_revision(registry, product.id, 1, **reason)
    with pytest.raises(NotFoundError, match="all were revoked"):
        read_grant("E-1", registry=registry, at=NOW)


def test_a_revoked_entitlement(sold):
    registry, _ = sold
    reg.revoke_entitlement(registry, "E-1", actor="Qian Er", reason="the contract was broken")
    with pytest.raises(InputError, match=r"was revoked on .*: the contract was broken\. Nothing is delivered"):
        read_grant("E-1", registry=registry, at=NOW)


def test_a_terminated_order(sold):
    registry, order = sold
    reg.import_order(registry, order | {"state": "terminated"}, actor="Qian Er")
    with pytest.raises(InputError, match="is of order 'O-1', which was terminated"):
        read_grant("E-1", registry=registry, at=NOW)


def test_an_unknown_entitlement(sold):
    with pytest.raises(NotFoundError, match="no entitlement 'E-2'"):
        read_grant("E-2", registry=sold[0])


@pytest.mark.parametrize(
    ("scope", "asked", "sentence"),
    [
        ({"variables": ["salinity"]}, {"variables": ["surface_temperature"]}, "not surface_temperature"),
        (
            {"bbox": [0, -2, 20, 2]},
            {"bbox": [0, -4, 20, 4]},
            r"the selection reaches beyond entitlement 'E-1': 1.8\d* degrees south \(to -3.8\d*, allowed is -2\) and "
            r"1.8\d* degrees north \(to 3.8\d*, allowed is 2\)\. Ask for less, or import an entitlement whose scope "
            r"has bbox \[0.0, -3.8\d*, 20.0, 3.8\d*\]",
        ),
        (
            {"bbox": [0, -2, 20, 2]},
            {},
            r"the chunks that hold the selection reach beyond entitlement 'E-1': 3 degrees south \(to -4.9\d*, allowed "
            r"is -2\) and 2.44 degrees north .* and 30.8 degrees east \(to 50.8333, allowed is 20\)\. Deliver just the "
            r"cells, which only the signature vouches for: clip=True \(--clip\); or import an entitlement whose scope "
            r"has bbox \[0.0, -5.0, 50.8334, 4.4445\]",
        ),
        (
            {"bbox": [-10, -5, 52, 5]},
            {},
            r": 40 degrees west \(to -50, allowed is -10\) and 50.5 degrees east \(to 102.5, allowed is 52\)\. Deliver",
        ),
        (
            {"time": ["2009-01-01", "2009-12-31"]},
            {"time": "2009"},
            r"15.5 days earlier \(2008-12-16T12:00:00, allowed is 2009-01-01T00:00:00\) and 75.5 days later "
            r"\(2010-03-16T12:00:00, allowed is 2009-12-31T00:00:00\)\. Deliver just .* time "
            r"\['2008-12-16T12:00:00Z', '2010-03-16T12:00:00Z'\]",
        ),
        ({"depth_m": [0, 10]}, {}, "no vertical axis"),
    ],
)
def test_what_lies_outside_is_named(product, tmp_path, scope, asked, sentence):
    grant = read_grant(entitlement(scope=scope), product=product, at=NOW)
    with pytest.raises((InputError, NotFoundError), match=sentence) as caught:
        plan_delivery(grant, tmp_path / "package", **asked)
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("scope", "asked"),
    [
        ({"bbox": [0, -2, 20, 2]}, {}),
        ({"bbox": [-10, -5, 52, 5]}, {}),
        ({"time": ["2009-01-01", "2009-12-31"]}, {"time": "2009"}),
        ({"bbox": [0, -2, 20, 2], "time": ["2009-01-01", "2009-12-31"]}, {}),
    ],
)
def test_the_scope_that_is_named_holds_the_chunks(product, tmp_path, scope, asked):
    with pytest.raises(InputError) as caught:
        plan_delivery(read_grant(entitlement(scope=scope), product=product, at=NOW), tmp_path / "package", **asked)
    said = str(caught.value).rpartition("whose scope has ")[2].rstrip(".")
    wide = yaml.safe_load("{" + said.replace("bbox ", "bbox: ").replace("time ", "time: ") + "}")
    bounds = {"bbox": scope["bbox"]} if "bbox" in scope else {}
    grant = read_grant(entitlement(scope=scope | wide), product=product, at=NOW)
    assert plan_delivery(grant, tmp_path / "package", **bounds, **asked).chunks


@pytest.mark.parametrize(
    ("fields", "moment", "holds"),
    [
        ({"ends": "2026-06-01T00:00:00Z"}, datetime(2026, 6, 1, tzinfo=UTC), False),
        ({"ends": "2026-06-01T00:00:00Z"}, datetime(2026, 6, 1, tzinfo=UTC) - MOMENT, True),
        ({"ends": "2026-06-01T00:00:00Z"}, datetime(2026, 6, 1, 8, tzinfo=BEIJING), False),
        ({"ends": "2026-06-01T00:00:00Z"}, datetime(2026, 6, 1, 7, 59, 59, tzinfo=BEIJING), True),
        ({"ends": "2026-06-01T00:00:00+08:00"}, datetime(2026, 5, 31, 16, tzinfo=UTC), False),
        ({"ends": "2026-06-01T00:00:00+08:00"}, datetime(2026, 5, 31, 16, tzinfo=UTC) - MOMENT, True),
        ({"ends": "2026-06-01"}, datetime(2026, 6, 1, tzinfo=UTC), False),
        ({"starts": "2026-06-01T00:00:00+08:00"}, datetime(2026, 5, 31, 16, tzinfo=UTC), True),
        ({"starts": "2026-06-01T00:00:00+08:00"}, datetime(2026, 5, 31, 16, tzinfo=UTC) - MOMENT, False),
        ({"starts": "2026-06-01T00:00:00Z"}, datetime(2026, 6, 1, 8, tzinfo=BEIJING), True),
        ({"starts": "2026-06-01T00:00:00Z"}, datetime(2026, 6, 1, 0, tzinfo=BEIJING), False),
    ],
)
def test_the_moment_at_which_it_starts_and_ends(product, fields, moment, holds):
    """It holds from its start on, and no more at its end, wherever the clock that tells the moment stands."""
    if holds:
        assert read_grant(entitlement(**fields), product=product, at=moment).entitlement.id == "E-1"
    else:
        with pytest.raises(InputError, match=r"ended on 2026-0\d-\d\d \d\d:00 UTC|which is not yet"):
            read_grant(entitlement(**fields), product=product, at=moment)


def test_the_moment_is_now_by_default(product):
    now = datetime.now(UTC)
    begun = (now - timedelta(days=1)).isoformat()
    assert read_grant(entitlement(starts=begun, ends=(now + timedelta(days=1)).isoformat()), product=product)
    with pytest.raises(InputError, match="ended on"):
        read_grant(entitlement(ends=begun), product=product)
    with pytest.raises(InputError, match="which is not yet"):
        read_grant(entitlement(starts=(now + timedelta(days=1)).isoformat()), product=product)


@pytest.mark.parametrize("moment", [datetime(2026, 6, 1), "2026-06-01", 5])
def test_a_moment_without_a_time_zone_is_refused(product, moment):
    with pytest.raises(InputError, match="need a datetime with a time zone"):
        read_grant(entitlement(), product=product, at=moment)


@pytest.mark.parametrize("west", [-180, 0, 170, 340])
def test_a_scope_around_the_globe_holds_every_longitude(product, tmp_path, west):
    grant = read_grant(entitlement(scope={"bbox": [west, -90, west + 360, 90]}), product=product, at=NOW)
    assert plan_delivery(grant, tmp_path / "package", bbox=(-20, -5, 20, 5)).chunks


def test_a_scope_across_the_seam(product, tmp_path):
    """Chunks of 62 longitudes, 0.83 degrees each: 340 to 51.7 E holds the last and the first of them."""
    grant = read_grant(entitlement(scope={"bbox": [305, -90, 52, 90]}), product=product, at=NOW)
    assert plan_delivery(grant, tmp_path / "package", bbox=(-20, -5, 20, 5)).chunks
    grant = read_grant(entitlement(scope={"bbox": [345, -90, 52, 90]}), product=product, at=NOW)
    with pytest.raises(InputError, match=r"degrees west \(to .*--clip"):
        plan_delivery(grant, tmp_path / "package", bbox=(-10, -5, 20, 5))
