"""Revisions are pinned, refused and revoked, the same on SQLite and on PostgreSQL."""

from typing import Any

import pytest

from oceandata.errors import DocumentError, InputError, NotFoundError, RepositoryExistsError
from oceandata.trade import registry as reg
from oceandata.trade.registry.documents import PinnedState
from oceandata.trade.registry.registry import Registry
from tests.trade.registry.steps import PINNED, listed, registered, root_of

_SIZES = ("stored_bytes", "chunks")


def test_revoking_a_revision(registry: Registry, document: dict[str, Any]) -> None:
    product = listed(registry, document)
    for reason in ("too short", "x" * 513):
        with pytest.raises(InputError, match="need 10 to 512"):
            reg.revoke_revision(registry, product, 1, actor="Li Si", reason=reason)
    with pytest.raises(InputError, match=r"revision 1 .* is on sale \(listing 1 on First Exchange\)"):
        reg.revoke_revision(registry, product, 1, actor="Li Si", reason="a sensor was broken")
    reg.suspend_listing(registry, product, actor="Li Si", reason="a sensor was broken")
    reg.revoke_revision(registry, product, 1, actor="Li Si", reason="a sensor was broken")
    (revision,) = registry.revisions(product)
    assert (revision.revoked_by, revision.reason, revision.is_final) == ("Li Si", "a sensor was broken", False)
    with pytest.raises(InputError, match="was revoked on"):
        reg.revoke_revision(registry, product, 1, actor="Li Si", reason="a sensor was broken")
    with pytest.raises(NotFoundError, match="no revision 2"):
        reg.revoke_revision(registry, product, 2, actor="Li Si", reason="a sensor was broken")
    with pytest.raises(InputError, match="revision 1 was revoked: a sensor was broken"):
        reg.resume_listing(registry, product, actor="Li Si", reason="it was not resolved")
    with pytest.raises(RepositoryExistsError, match="was revoked: a sensor was broken"):
        reg.pin_revision(registry, product, PINNED | {"snapshot": "S2"}, actor="Qian Er")
    assert reg.audit_registry(registry).is_whole


@pytest.mark.parametrize(
    ("wrong", "faults"),
    [
        ({"content_root": root}, ["content_root"])
        for root in ("", "sha256:01", "sha256:" + 64 * "g", "sha256:" + 64 * "A", 64 * "a", root_of("01") + "\n", None)
    ]
    + [
        ({"tag": "", "snapshot": " "}, ["tag", "snapshot"]),
        ({"repository": "", "layout": ""}, ["repository", "layout"]),
        ({"stored_bytes": -1, "chunks": -1, "decoded_bytes": -1, "records": -1}, [*_SIZES, "decoded_bytes", "records"]),
        ({"stored_bytes": None, "chunks": "5"}, [*_SIZES]),
        ({"stored_bytes": 5.0, "chunks": True}, [*_SIZES]),
        ({"revoked_at": "2026-01-01"}, ["revoked_at"]),
    ],
    ids=str,
)
def test_a_state_that_is_none_is_not_pinned(
    registry: Registry, document: dict[str, Any], wrong: dict[str, Any], faults: list[str]
) -> None:
    reg.add_product(registry, document, actor="Qian Er")
    with pytest.raises(DocumentError, match="the revision of product 'qd:sst' has") as caught:
        reg.pin_revision(registry, "qd:sst", PINNED | wrong, actor="Qian Er")
    assert sorted(line.split(":")[0].strip() for line in str(caught.value).splitlines()[1:]) == sorted(faults)
    assert not registry.revisions("qd:sst")


def test_nothing_of_a_state_is_left_out(registry: Registry, document: dict[str, Any]) -> None:
    reg.add_product(registry, document, actor="Qian Er")
    for name in ("repository", "layout", "tag", "snapshot", "content_root", *_SIZES, "record_unit", "change"):
        absent = {key: value for key, value in PINNED.items() if key != name}
        with pytest.raises(DocumentError, match=f"{name}: Field required"):
            reg.pin_revision(registry, "qd:sst", absent, actor="Qian Er")
    assert not registry.revisions("qd:sst")


def test_an_empty_state_is_pinned(registry: Registry, document: dict[str, Any]) -> None:
    """A size of zero is a size; the state may be a document, and says nothing of what it does not know."""
    reg.add_product(registry, document, actor="Qian Er")
    known = {name: value for name, value in PINNED.items() if name != "decoded_bytes"}
    empty = PinnedState.from_json(known | {"stored_bytes": 0, "chunks": 0, "record_unit": "", "change": ""})
    reg.pin_revision(registry, "qd:sst", empty, actor="Qian Er")
    (revision,) = registry.revisions("qd:sst")
    assert (revision.stored_bytes, revision.chunks, revision.decoded_bytes, revision.records) == (0, 0, None, None)
    assert (revision.record_unit, revision.change, revision.difference) == ("", "", None)


def test_what_is_pinned_or_unchanged_is_refused(registry: Registry, document: dict[str, Any]) -> None:
    product = registered(registry, document)
    reg.pin_revision(registry, product, PINNED, actor="Qian Er")
    with pytest.raises(RepositoryExistsError, match="snapshot S1 is revision 1 of product 'qd:sst' already"):
        reg.pin_revision(registry, product, PINNED, actor="Qian Er")
    with pytest.raises(RepositoryExistsError, match="nothing changed since revision 1"):
        reg.pin_revision(registry, product, PINNED | {"snapshot": "S2", "tag": "r2"}, actor="Qian Er")
    changed = PINNED | {"snapshot": "S3", "tag": "r3", "content_root": root_of("03"), "difference": {"variables": []}}
    assert reg.pin_revision(registry, product, changed, actor="Qian Er").detail["revision"] == 2
    assert [one.number for one in registry.revisions(product)] == [2, 1]
    assert [one.number for one in registry.revisions(product, before=2)] == [1]
    assert registry.revisions(product, limit=1)[0].difference == {"variables": []}
