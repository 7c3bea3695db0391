"""Policies and offers: parsed as JSON-LD, conforming to our shape, saying what the product says and nothing more."""

import copy
import json
from datetime import date
from typing import Any

import pytest

from oceandata.catalog.transfer import catalog_to_dcat, check_dcat, entry_to_dcat, export_entries
from oceandata.entities import Asset, Entry, Extent, GradeDecision, TradeLink
from oceandata.errors import DocumentError, InputError
from oceandata.trade import Product
from oceandata.trade.permits import permission_of
from oceandata.trade.policies import ODRL_ACTIONS, offer_nodes, policy_node, with_trade

rdflib = pytest.importorskip("rdflib")
pytestmark = pytest.mark.filterwarnings("ignore:ConjunctiveGraph is deprecated:DeprecationWarning")

ODRL = rdflib.Namespace("http://www.w3.org/ns/odrl/2/")
OD = rdflib.Namespace("urn:oceandata:terms:")
SCHEMA = rdflib.Namespace("https://schema.org/")
DATASET = "urn:oceandata:entry:sst"
DAY = date(2026, 6, 1)


@pytest.fixture
def product() -> Product:
    """A product with a permit of every kind, and a price of every kind."""
    return Product.from_json(
        {
            "id": "qd:海温 1",
            "title": {"en": "SST", "zh": "海温"},
            "provider": {"en": "Second Institute", "zh": "第二研究所", "contact": "sales@example.org"},
            "licence": "CC-BY-4.0",
            "attribution": {"en": "Second Institute", "zh": "第二研究所"},
            "record_unit": "daily grid",
            "entry": "sst",
            "permits": [
                {"action": "read", "allowed": "yes"},
                {"action": "derive", "allowed": "yes", "purposes": ["research", "fishery"], "duties": ["attribute"]},
                {"action": "distribute", "allowed": "yes", "until": "2026-12-31", "duties": ["share-terms"]},
                {"action": "archive", "allowed": "yes", "duties": ["delete-after"], "delete_after": "P1Y2W3D"},
                {"action": "train-model", "allowed": "ask", "purposes": ["research"]},
                {"action": "sell", "allowed": "no"},
            ],
            "offers": [
                {
                    "version": 1,
                    "valid_from": "2026-01-01",
                    "valid_to": "2026-12-31",
                    "plans": [
                        {"model": "per-gb", "currency": "CNY", "cap": "5000", "tax": "included", "free_quota": "1"}
                        | {"tiers": [{"up_to": "100", "amount": "0.80"}, {"amount": "0.50"}]},
                        {"model": "subscription", "currency": "CNY", "amount": "1200", "period": "P1Y"},
                        {"model": "free", "note": "for schools"},
                        {"model": "on-request"},
                    ],
                },
                {"version": 2, "valid_from": "2027-01-01", "plans": [{"model": "free"}]},
            ],
            "listing_url": "https://exchange.example.org/17",
        }
    )


@pytest.fixture
def entry(product: Product) -> Entry:
    """A public entry of the product."""
    return Entry(
        id="sst",
        title="SST",
        license="CC-BY-4.0",
        extent=Extent(),
        variables={},
        assets={"maps": Asset(href="https://data.example.org/sst.zarr", type="application/vnd+zarr", group="")},
        trade=TradeLink(product=product.id, revision=3, listing_url=product.listing_url),
        grade="general",
        grade_decision=GradeDecision(by="Li Si", on=date(2026, 1, 1)),
    )


def _graph(*nodes: dict[str, Any]) -> Any:
    document = catalog_to_dcat(nodes, name="ocean", title="Ocean")
    check_dcat(document)
    return rdflib.Graph().parse(data=json.dumps(document), format="json-ld")


def _rules(graph: Any, kind: Any) -> dict[str, Any]:
    """Rules of a policy by their actions."""
    return {str(graph.value(rule, ODRL.action)): rule for rule in graph.subjects(rdflib.RDF.type, kind)}


def test_a_dataset_with_policy_and_offers_conforms(product, entry):
    graph = _graph(with_trade(product, at=DAY)(entry, entry_to_dcat(entry)))
    dataset = rdflib.URIRef(DATASET)
    policy = graph.value(dataset, ODRL.hasPolicy)
    assert str(policy) == "urn:oceandata:policy:qd:%E6%B5%B7%E6%B8%A9%201"
    assert (policy, ODRL.conflict, ODRL.prohibit) in graph
    assert (policy, ODRL.profile, OD["odrl-profile"]) in graph
    assert str(graph.value(dataset, OD.product)) == product.id
    assert int(graph.value(dataset, OD.productRevision)) == 3
    assert len(list(graph.objects(dataset, SCHEMA.offers))) == 4
    assert {rdflib.URIRef(DATASET)} == set(graph.objects(None, ODRL.target)) - {policy}
    text = graph.serialize(format="turtle")
    assert "sales@example.org" not in text
    assert "第二研究所" in text


def test_every_action_is_permitted_or_prohibited_as_the_table_says(product, entry):
    graph = _graph(with_trade(product, at=DAY)(entry, entry_to_dcat(entry)))
    expand = {"odrl": str(ODRL), "od": str(OD)}
    permitted, prohibited = set(_rules(graph, ODRL.Permission)), set(_rules(graph, ODRL.Prohibition))
    for action, term in ODRL_ACTIONS.items():
        prefix, _, name = term.partition(":")
        answer = permission_of(product.permits, action, at=DAY, purpose="research").answer
        assert (expand[prefix] + name in permitted) == (answer != "denied"), action
        assert (expand[prefix] + name in prohibited) == (answer == "denied"), action
    # distribute is permitted: without a rule of its own, listing what was derived would be included in it
    assert str(OD.relistDerived) in prohibited


def test_constraints_and_duties(product, entry):
    graph = _graph(with_trade(product, at=DAY)(entry, entry_to_dcat(entry)))
    rules = _rules(graph, ODRL.Permission)

    def constraint(rule: Any) -> tuple[str, str, set[str]]:
        node = graph.value(rule, ODRL.constraint)
        operand, operator = (str(graph.value(node, term)) for term in (ODRL.leftOperand, ODRL.operator))
        return operand, operator, {str(one) for one in graph.objects(node, ODRL.rightOperand)}

    def duty(rule: Any) -> str:
        return str(graph.value(graph.value(rule, ODRL.duty), ODRL.action))

    derive, train = rules[str(ODRL.derive)], rules[str(OD.trainModel)]
    assert constraint(derive) == (str(ODRL.purpose), str(ODRL.isAnyOf), {"research", "fishery"})
    assert duty(derive) == str(ODRL.attribute)
    assert constraint(train) == (str(ODRL.purpose), str(ODRL.eq), {"research"})
    assert duty(train) == str(ODRL.obtainConsent)
    assert constraint(rules[str(ODRL.distribute)]) == (str(ODRL.dateTime), str(ODRL.lteq), {"2026-12-31"})
    assert duty(rules[str(ODRL.distribute)]) == str(ODRL.nextPolicy)
    delete = graph.value(rules[str(ODRL.archive)], ODRL.duty)
    after = graph.value(graph.value(delete, ODRL.constraint), ODRL.rightOperand)
    assert (str(after), after.datatype) == ("P1Y17D", rdflib.XSD.duration)
    assert graph.value(rules[str(ODRL.read)], ODRL.duty) is None


def test_prices(product):
    metered, subscription, free, request = offer_nodes(product.offers[0])
    first, last = metered["schema:priceSpecification"]
    assert (first["schema:price"]["@value"], first["od:upTo"]["@value"]) == ("0.80", "100")
    assert (last["schema:price"]["@value"], "od:upTo" in last) == ("0.50", False)
    assert first["schema:unitText"] == "GB"
    assert first["schema:valueAddedTaxIncluded"] is True
    assert first["schema:maxPrice"]["@value"] == "5000"
    assert subscription["schema:priceSpecification"][0]["schema:unitText"] == "P1Y"
    assert free["schema:price"]["@value"] == "0"
    assert not {"schema:price", "schema:priceSpecification"} & request.keys()  # unknown is not zero


@pytest.mark.parametrize(("day", "version"), [(date(2026, 6, 1), 1), (date(2027, 6, 1), 2), (date(2025, 1, 1), None)])
def test_the_offer_of_the_day(product, entry, day, version):
    node = with_trade(product, at=day)(entry, entry_to_dcat(entry))
    assert {one["od:offerVersion"] for one in node.get("schema:offers", [])} == ({version} if version else set())


@pytest.mark.parametrize(
    "spoil",
    [
        lambda policy: policy.pop("odrl:conflict"),
        lambda policy: policy.update({"odrl:conflict": {"@id": "odrl:perm"}}),
        lambda policy: policy["odrl:permission"][0].update({"odrl:action": {"@id": "od:stealAll"}}),
        lambda policy: policy["odrl:permission"][0].pop("odrl:target"),
        lambda policy: policy["odrl:prohibition"][0].pop("odrl:assigner"),
        lambda policy: policy["odrl:permission"][1]["odrl:constraint"][0].pop("odrl:operator"),
    ],
    ids=["no conflict", "another conflict", "an unknown action", "no target", "no assigner", "half a constraint"],
)
def test_the_shape_finds_faults(product, entry, spoil):
    node = copy.deepcopy(with_trade(product, at=DAY)(entry, entry_to_dcat(entry)))
    spoil(node["odrl:hasPolicy"])
    with pytest.raises(DocumentError, match="does not conform"):
        _graph(node)


def test_the_shape_finds_a_price_without_a_currency(product, entry):
    node = copy.deepcopy(with_trade(product, at=DAY)(entry, entry_to_dcat(entry)))
    node["schema:offers"][0]["schema:priceSpecification"][0].pop("schema:priceCurrency")
    with pytest.raises(DocumentError, match="amount and a currency"):
        _graph(node)


def test_the_profile_defines_its_two_actions():
    from importlib.resources import files

    text = (files("oceandata._catalogs") / "schema" / "odrl-profile.ttl").read_text(encoding="utf-8")
    graph = rdflib.Graph().parse(data=text, format="turtle")
    included = {(str(one), str(other)) for one, other in graph.subject_objects(ODRL.includedIn)}
    assert included == {
        (str(OD.trainModel), str(ODRL["use"])),
        (str(OD.relistDerived), str(ODRL.distribute)),
    }
    ours = {f"{OD}{term[3:]}" for term in ODRL_ACTIONS.values() if term.startswith("od:")}
    assert ours == {one for one, _ in included}


def test_what_is_not_published(product):
    decided = {"grade": "core", "grade_decision": GradeDecision(by="Li Si", on=date(2026, 1, 1))}
    with pytest.raises(DocumentError, match="graded core"):
        policy_node(product.model_copy(update=decided), target=DATASET)
    with pytest.raises(DocumentError, match="names no permitted use"):
        policy_node(product.model_copy(update={"permits": ()}), target=DATASET)


def test_a_product_that_does_not_fit_its_entry(product, entry):
    node = entry_to_dcat(entry)
    with pytest.raises(DocumentError, match="no document was found"):
        with_trade(None)(entry, node)
    with pytest.raises(DocumentError, match=r"has the licence CC-BY-4\.0, and its product .* CC0-1\.0"):
        with_trade(product.model_copy(update={"licence": "CC0-1.0"}))(entry, node)
    plain = entry.model_copy(update={"trade": None})
    assert with_trade(None)(plain, node) == node


def test_a_catalogue_is_exported_with_its_products(product, entry, tmp_path):
    target = tmp_path / "catalog.jsonld"
    report = export_entries([entry], target, vocabulary="dcat", extend=with_trade(product, at=DAY))
    assert (report.exported, report.checked_by) == (("sst",), "pyshacl")
    node = json.loads(target.read_text(encoding="utf-8"))["dcat:dataset"][0]
    assert node["odrl:hasPolicy"]["@type"] == "odrl:Offer"
    with pytest.raises(InputError, match="extend is for DCAT"):
        export_entries([entry], tmp_path / "a.json", vocabulary="stac", extend=with_trade(product))
