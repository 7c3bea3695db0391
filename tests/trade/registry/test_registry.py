"""What a registry does, the same on SQLite and on PostgreSQL: steps, refusals, pages, guards, writers at once."""

from typing import Any

import pytest

from oceandata.errors import DocumentError, InputError, NotFoundError, RepositoryExistsError
from oceandata.trade import registry as reg
from oceandata.trade.registry.registry import Registry
from tests.trade.registry.steps import CERTIFICATE, PINNED, PLACE, listed, offer, registered, root_of

_DRAFTED = {
    **{name: PINNED[name] for name in ("repository", "tag", "snapshot", "content_root", "stored_bytes", "chunks")},
    "group": "maps",
    "number": 1,
}


def _state(registry: Registry, product: str) -> str:
    return registry.product(product).state


def _document(registry: Registry) -> dict[str, Any]:
    document = registry.product("qd:sst").document
    assert document is not None
    return document


def test_the_way_of_a_product(registry: Registry, document: dict[str, Any]) -> None:
    product = listed(registry, document)
    assert _state(registry, product) == "listed"
    reg.suspend_listing(registry, product, actor="Li Si", reason="a sensor drifted")
    assert _state(registry, product) == "suspended"
    reg.resume_listing(registry, product, actor="Li Si", reason="it was recalibrated")
    assert _state(registry, product) == "listed"
    reg.delist(registry, product, actor="Li Si", reason="the contract ended")
    assert _state(registry, product) == "delisted"
    reg.archive(registry, product, actor="Li Si", reason="nobody asked for it")
    record = registry.product(product)
    assert record.state == "archived"
    acts = [event.act for event in reversed(registry.events())]
    assert acts == [
        *("create", "add", "submit", "approve", "publicize", "register", "revise", "offer", "list"),
        *("suspend", "resume", "delist", "archive"),
    ]
    assert record.version == len(acts) - 1
    assert [event.seq for event in registry.events(product)] == list(range(len(acts), 1, -1))
    assert registry.events(product)[0].detail == {
        "reason": "nobody asked for it",
        "state": ["delisted", "archived"],
        "version": 12,
    }
    assert reg.audit_registry(registry).is_whole


def test_what_is_stored_comes_back(registry: Registry, document: dict[str, Any]) -> None:
    product = listed(registry, document)
    record = registry.product(product)
    assert record.document == document | {"example": False, "schema_version": 1}
    assert (record.title, record.title_zh) == ("Daily sea-surface temperature", "日平均海表温度")
    assert (record.provider, record.theme, record.grade) == ("Second Institute", "physics", "general")
    assert (record.submitted_by, record.reviewed_by) == ("Qian Er", "Sun San")
    assert record.publicity == {"from": "2026-01-05", "to": "2026-01-07", "objections": []}
    (revision,) = registry.revisions(product)
    assert revision.is_final
    assert {name: getattr(revision, name) for name in PINNED} == PINNED
    assert (revision.number, revision.finalized_by, revision.records) == (1, "Qian Er", None)
    (made,) = registry.offers(product)
    assert (made.amount_minor, made.amount_scale, made.currency, made.model) == (80, 0, "CNY", "per-gb")
    assert made.terms == offer("per-gb", amount="0.80", currency="CNY") | {"version": 1}
    (listing,) = registry.listings(product)
    assert (listing.exchange, listing.zone, listing.code) == ("First Exchange", "ocean", "MD-qd:sst")
    assert (listing.offer, listing.revision, listing.url) == (1, 1, None)
    (certificate,) = registry.registrations(product)
    assert certificate.publicity == record.publicity
    assert certificate.issued_on == "2026-01-10"


_WRONG_STEPS: dict[str, list[Any]] = {
    "draft": [
        lambda r, p: reg.approve(r, p, actor="Sun San"),
        lambda r, p: reg.return_product(r, p, actor="Sun San", reason="not yet"),
        lambda r, p: reg.publicize(r, p, actor="Sun San", days=3),
        lambda r, p: reg.register_certificate(r, p, CERTIFICATE, actor="Sun San"),
        lambda r, p: reg.list_product(r, p, PLACE, actor="Sun San"),
    ],
    "registered": [
        lambda r, p: reg.submit(r, p, actor="Sun San"),
        lambda r, p: reg.object_to(r, p, actor="Sun San", by="Somebody", text="too late"),
        lambda r, p: reg.suspend_listing(r, p, actor="Sun San", reason="none is there"),
        lambda r, p: reg.archive(r, p, actor="Sun San", reason="not delisted"),
    ],
    "listed": [
        lambda r, p: reg.return_product(r, p, actor="Sun San", reason="on sale"),
        lambda r, p: reg.resume_listing(r, p, actor="Sun San", reason="not suspended"),
        lambda r, p: reg.archive(r, p, actor="Sun San", reason="on sale"),
    ],
}


@pytest.mark.parametrize("state", list(_WRONG_STEPS))
def test_a_state_allows_only_its_steps(registry: Registry, document: dict[str, Any], state: str) -> None:
    if state == "draft":
        reg.add_product(registry, document, actor="Qian Er")
    else:
        {"registered": registered, "listed": listed}[state](registry, document)
    before, product = registry.head(), str(document["id"])
    for step in _WRONG_STEPS[state]:
        with pytest.raises(InputError, match=rf"product '{product}' (is {state}|has no listing)"):
            step(registry, product)
    assert registry.head() == before
    assert _state(registry, product) == state


def test_a_certificate_is_registered_once(registry: Registry, document: dict[str, Any]) -> None:
    product = registered(registry, document)
    reg.register_certificate(registry, product, CERTIFICATE | {"scheme": "data-ip", "number": "IP-7"}, actor="Qian Er")
    assert [one.scheme for one in registry.registrations(product)] == ["data-ip", "exchange-product"]
    other = registered(registry, document | {"id": "qd:other"})
    with pytest.raises(RepositoryExistsError, match="certificate IP-7 of Centre is registered for 'qd:sst' already"):
        reg.register_certificate(
            registry, other, CERTIFICATE | {"scheme": "data-ip", "number": "IP-7"}, actor="Qian Er"
        )
    with pytest.raises(DocumentError, match="2 faults"):
        reg.register_certificate(registry, product, CERTIFICATE | {"scheme": "x", "issued_on": "no"}, actor="Qian Er")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"grade": "core"}, "its grade is core, and core data are never listed"),
        ({"grade": "", "grade_decision": None}, "it has no classification grade"),
        ({"grade": "important"}, "names no document of an assessment"),
        ({"example": True}, "it is an example, which no exchange lists"),
    ],
)
def test_what_must_not_be_listed_is_not(
    registry: Registry, document: dict[str, Any], changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(InputError, match=words):
        listed(registry, document | changes)
    assert _state(registry, "qd:sst") == "registered"
    assert not registry.listings()


def test_every_reason_is_told_at_once(registry: Registry, document: dict[str, Any]) -> None:
    product = registered(registry, document | {"grade": "core"})
    profile = reg.ExchangeProfile(requires=("certificate", "sample", "dictionary", "url"), schemes=("data-ip",))
    with pytest.raises(InputError) as caught:
        reg.list_product(registry, product, PLACE, actor="Qian Er", profile=profile)
    lines = str(caught.value).splitlines()
    assert lines[0] == "product 'qd:sst' may not be listed on First Exchange:"
    for number, words in enumerate(
        ("grade is core", "no revision", "no offer", "of scheme data-ip", "no sample", "no dictionary", "the page"), 1
    ):
        assert words in lines[number]
    assert len(lines) == 8


def test_certificates_that_do_not_count(registry: Registry, document: dict[str, Any]) -> None:
    product = registered(registry, document)
    reg.pin_revision(registry, product, PINNED, actor="Qian Er")
    reg.add_offer(registry, product, offer(), actor="Qian Er")
    ip = CERTIFICATE | {"scheme": "data-ip", "number": "IP-1", "expires_on": "2026-02-01"}
    reg.register_certificate(registry, product, ip, actor="Qian Er")
    asks = reg.ExchangeProfile(schemes=("data-ip",))
    with pytest.raises(InputError, match="its certificate IP-1 expired on 2026-02-01"):
        reg.list_product(registry, product, PLACE, actor="Qian Er", profile=asks)
    later = CERTIFICATE | {"scheme": "data-ip", "number": "IP-2", "covers_revision": 2}
    reg.register_certificate(registry, product, later, actor="Qian Er")
    with pytest.raises(InputError, match="cover revisions from 2 on, not revision 1"):
        reg.list_product(registry, product, PLACE, actor="Qian Er", profile=asks)
    reg.list_product(registry, product, PLACE, actor="Qian Er", profile=reg.ExchangeProfile(requires=()))


def test_a_revision_that_is_not_final_is_not_listed(registry: Registry, document: dict[str, Any]) -> None:
    product = registered(registry, document | {"revisions": [_DRAFTED]})
    reg.add_offer(registry, product, offer(), actor="Qian Er")
    with pytest.raises(InputError, match="revision 1 is not final"):
        reg.list_product(registry, product, PLACE, actor="Qian Er")
    with pytest.raises(InputError, match="pins something else: snapshot S1, found S2"):
        reg.pin_revision(registry, product, PINNED | {"snapshot": "S2"}, actor="Qian Er")
    reg.pin_revision(registry, product, PINNED, actor="Qian Er")
    (revision,) = registry.revisions(product)
    assert (revision.number, revision.is_final, revision.decoded_bytes) == (1, True, 9000)
    reg.list_product(registry, product, PLACE, actor="Qian Er")
    with pytest.raises(NotFoundError, match="no revision 2"):
        reg.list_product(registry, product, PLACE | {"code": "B"}, revision=2, actor="Qian Er")


def test_a_page_is_never_made_up(registry: Registry, document: dict[str, Any]) -> None:
    product = listed(registry, document)
    page = {"url": "https://exchange.example/products/7"}
    with pytest.raises(DocumentError, match="nobody is named who has read https://exchange"):
        reg.list_product(registry, product, PLACE | page, actor="Qian Er")
    with pytest.raises(DocumentError, match="url"):
        reg.list_product(registry, product, PLACE | {"url": "file:x", "url_verified_by": "Li Si"}, actor="Qian Er")
    place = PLACE | {"code": "MD-qd:sst", "url_verified_by": "Li Si"}
    reg.list_product(registry, product, place | page, actor="Qian Er")
    (listing,) = registry.listings(product)
    assert (listing.url, listing.url_verified_by) == (page["url"], "Li Si")
    assert listing.url_verified_at == listing.changed_at == registry.events()[0].at


def test_several_exchanges_and_a_newer_revision(registry: Registry, document: dict[str, Any]) -> None:
    product = listed(registry, document)
    reg.list_product(registry, product, {"exchange": "Second Exchange", "code": "7"}, actor="Qian Er")
    with pytest.raises(RepositoryExistsError, match=r"is listed so already \(listing 2\)"):
        reg.list_product(registry, product, {"exchange": "Second Exchange", "code": "7"}, actor="Qian Er")
    second = PINNED | {"snapshot": "S2", "tag": "r2", "content_root": root_of("02")}
    reg.pin_revision(registry, product, second, actor="Qian Er")
    reg.list_product(registry, product, {"exchange": "Second Exchange", "code": "7"}, actor="Qian Er")
    assert [(one.number, one.revision) for one in registry.listings(product)] == [(1, 1), (2, 2)]
    with pytest.raises(InputError, match=r"several listings, name the one to suspend: 1 .*, 2 "):
        reg.suspend_listing(registry, product, actor="Li Si", reason="which one?")
    reg.suspend_listing(registry, product, actor="Li Si", reason="this one", listing=2)
    assert _state(registry, product) == "listed"
    with pytest.raises(InputError, match="listing 2 of product 'qd:sst' is suspended"):
        reg.list_product(registry, product, {"exchange": "Second Exchange", "code": "7"}, actor="Qian Er")
    reg.delist(registry, product, actor="Li Si", reason="the contract ended", listing=1)
    assert _state(registry, product) == "suspended"
    reg.delist(registry, product, actor="Li Si", reason="the contract ended")
    assert _state(registry, product) == "delisted"
    reg.return_product(registry, product, actor="Li Si", reason="a new contract is likely")
    assert _state(registry, product) == "draft"
    assert reg.audit_registry(registry).is_whole


def test_a_code_belongs_to_one_product(registry: Registry, document: dict[str, Any]) -> None:
    product = listed(registry, document)
    other = registered(registry, document | {"id": "qd:other"})
    reg.pin_revision(registry, other, PINNED, actor="Qian Er")
    reg.add_offer(registry, other, offer(), actor="Qian Er")
    with pytest.raises(RepositoryExistsError, match="code 'MD-qd:sst' on First Exchange belongs to product 'qd:sst'"):
        reg.list_product(registry, other, PLACE | {"code": "MD-qd:sst"}, actor="Qian Er")
    reg.delist(registry, product, actor="Li Si", reason="the code is given back")
    reg.list_product(registry, other, PLACE | {"code": "MD-qd:sst"}, actor="Qian Er")


def test_offers_are_versions(registry: Registry, document: dict[str, Any]) -> None:
    product = registered(registry, document)
    terms = offer("per-record", amount="0.0005", currency="CNY")
    reg.add_offer(registry, product, terms, actor="Qian Er")
    with pytest.raises(InputError, match="the terms are those of offer 1"):
        reg.add_offer(registry, product, terms, actor="Li Si")
    with pytest.raises(InputError, match="the offer has version 3, but the next of product 'qd:sst' is 2"):
        reg.add_offer(registry, product, offer() | {"version": 3}, actor="Qian Er")
    event = reg.add_offer(registry, product, offer(valid_to="2026-02-01"), actor="Qian Er")
    assert event.detail["offer"] == 2
    assert [(one.version, one.amount_minor, one.amount_scale) for one in registry.offers(product)] == [
        (2, None, None),
        (1, 5, 2),
    ]
    assert [one.version for one in registry.offers(product, before=2)] == [1]
    reg.pin_revision(registry, product, PINNED, actor="Qian Er")
    with pytest.raises(InputError, match="offer 2 was valid until 2026-02-01"):
        reg.list_product(registry, product, PLACE, actor="Qian Er")
    reg.list_product(registry, product, PLACE, offer=1, actor="Qian Er")
    with pytest.raises(NotFoundError, match="no offer 9"):
        reg.list_product(registry, product, PLACE, offer=9, actor="Qian Er")


def test_faulty_terms_are_told_at_once(registry: Registry, document: dict[str, Any]) -> None:
    reg.add_product(registry, document, actor="Qian Er")
    with pytest.raises(DocumentError, match=r"the offer has 2 faults(.|\n)*valid_from(.|\n)*put it in quotes"):
        reg.add_offer(registry, "qd:sst", {"plans": [{"model": "per-gb", "amount": 0.8, "currency": "CNY"}]}, actor="X")
    assert not registry.offers("qd:sst")


def test_the_document_brings_offers_and_revisions(registry: Registry, document: dict[str, Any]) -> None:
    brought = document | {"offers": [offer() | {"version": 1}], "revisions": [_DRAFTED]}
    reg.add_product(registry, brought, actor="Qian Er")
    assert [one.version for one in registry.offers("qd:sst")] == [1]
    (revision,) = registry.revisions("qd:sst")
    assert (revision.is_final, revision.snapshot, revision.record_unit) == (False, "S1", "daily grid")
    assert reg.product_document(registry, "qd:sst").revisions == ()
    other = brought | {"offers": [offer("on-request") | {"version": 1}]}
    with pytest.raises(InputError, match="offer 1 of product 'qd:sst' was made and is never changed"):
        reg.replace_product(registry, other, actor="Qian Er", version=1)
    assert registry.product("qd:sst").version == 1
    reg.pin_revision(registry, "qd:sst", PINNED, actor="Qian Er")
    with pytest.raises(InputError, match="revision 1 of product 'qd:sst' is final and pins snapshot S1, not S9"):
        reg.replace_product(
            registry, brought | {"revisions": [_DRAFTED | {"snapshot": "S9"}]}, actor="Qian Er", version=2
        )
    second = [offer() | {"version": 1}, offer("on-request") | {"version": 2}]
    reg.replace_product(registry, brought | {"offers": second}, actor="Qian Er", version=2)
    current = reg.product_document(registry, "qd:sst")
    assert [one.version for one in current.offers] == [1, 2]
    assert [one.to_json() for one in current.revisions] == [_DRAFTED | {"change": "the first"}]
    assert reg.audit_registry(registry).is_whole


def test_documents_are_replaced_by_version(registry: Registry, document: dict[str, Any]) -> None:
    reg.add_product(registry, document, actor="Qian Er")
    with pytest.raises(RepositoryExistsError, match="has a product 'qd:sst' already"):
        reg.add_product(registry, document, actor="Qian Er")
    reg.replace_product(registry, document | {"entry": "waves"}, actor="Sun San", version=1)
    with pytest.raises(RepositoryExistsError, match="is at version 2, but you saw version 1") as caught:
        reg.replace_product(registry, document | {"entry": "tides"}, actor="Qian Er", version=1)
    assert str(caught.value).count(". ") == 0
    assert _document(registry)["entry"] == "waves"
    with pytest.raises(RepositoryExistsError, match="you saw version 1"):
        reg.submit(registry, "qd:sst", actor="Qian Er", version=1)
    reg.submit(registry, "qd:sst", actor="Qian Er", version=2)
    with pytest.raises(InputError, match="is in_review, replace needs draft"):
        reg.replace_product(registry, document, actor="Qian Er", version=3)
    with pytest.raises(NotFoundError, match=r"no product 'qd:sts'. Close: 'qd:sst'."):
        reg.submit(registry, "qd:sts", actor="Qian Er")
    with pytest.raises(NotFoundError, match=r"no product 'qd:sts'. Close: 'qd:sst'."):
        registry.product("qd:sts")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"id": ""}, "has 1 fault"),
        ({"id": 7}, "has 1 fault"),
        ({"title": {}, "provider": None}, "has 2 faults"),
        ({"id": "a\nb"}, "printable"),
        ({"id": "x" * 201}, "printable"),
        ({"revisions": [_DRAFTED | {"number": 2}]}, "numbered \\[2\\]"),
        ({"offers": [offer("per-gb", amount="9" * 15 + ".1", currency="CNY") | {"version": 1}] * 2}, "versions"),
    ],
)
def test_documents_of_no_product(
    registry: Registry, document: dict[str, Any], changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(InputError, match=words):
        reg.add_product(registry, document | changes, actor="Qian Er")
    assert registry.head().seq == 1
