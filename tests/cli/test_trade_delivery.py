"""Deliveries from the shell: from a registry to a package that the buyer verifies; refusals in one sentence."""

import json
import stat
from pathlib import Path
from typing import Any

import pytest
import yaml

from oceandata import catalog, storage
from oceandata.entities import Entry
from oceandata.trade import Product, draft_revision, load_product, write_product
from oceandata.trade import registry as reg

ROOT = Path(__file__).parents[2]
ENTITLEMENT = {"id": "E-1", "order": "O-1", "mode": "deliver", "starts": "2026-01-01"}
BOX = ("--bbox", -20, -5, 20, 5, "--time", 2009)


@pytest.fixture
def product(ostia_repository: Path, tmp_path: Path) -> Product:
    """The example product, its document in the current folder."""
    shipped = load_product(ROOT / "catalogs" / "products" / "example_ostia_sst.yaml")
    made = draft_revision(shipped, storage.describe_revision(ostia_repository))
    write_product(made, tmp_path / "product.yaml")
    (tmp_path / "entitlement.yaml").write_text(yaml.safe_dump(ENTITLEMENT))
    return made


@pytest.fixture
def sold(product: Product, tmp_path: Path) -> str:
    """A registry in the current folder with an entitlement to the product."""
    one = product.revisions[0]
    pinned = {name: getattr(one, name) for name in ("repository", "tag", "snapshot", "content_root", "stored_bytes")}
    pinned |= {"layout": one.group, "chunks": one.chunks, "record_unit": "monthly grid", "change": "the first"}
    offer = {"valid_from": "2026-01-01", "plans": [{"model": "free"}]}
    order = {"id": "O-1", "product": product.id, "offer": 1, "buyer": {"id": "B-1", "en": "A buyer"}}
    with reg.create_registry(tmp_path / "oceandata-registry.sqlite", actor="Li Si") as registry:
        draft = product.model_copy(update={"revisions": (), "offers": (), "example": False})
        reg.add_product(registry, draft, actor="Li Si")
        reg.pin_revision(registry, product.id, pinned, actor="Li Si")
        reg.add_offer(registry, product.id, offer, actor="Li Si")
        reg.import_order(registry, order | {"state": "agreed"}, actor="Li Si")
        reg.import_entitlement(registry, ENTITLEMENT, actor="Li Si")
    return "E-1"


@pytest.fixture
def trade(run: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Call a command in the current folder."""
    for name in ("OCEANDATA_REGISTRY", "OCEANDATA_SIGNING_KEY"):
        monkeypatch.delenv(name, raising=False)

    def called(*words: object, code: int = 0) -> str:
        done = run("trade", *words)
        assert done.returncode == code, done.stdout + done.stderr
        return str(done.stdout if code != 1 else done.stdout + done.stderr)

    return called


def test_from_the_registry_to_a_proved_package(trade, sold, product, tmp_path):
    told = trade("key", "new", "provider.key", "--name", "第二研究所")
    assert "provider.key.pub" in told
    assert stat.S_IMODE((tmp_path / "provider.key").stat().st_mode) == 0o600
    assert "whole chunks, proven" in trade("deliver", sold, *BOX, "--to", "package", "--dry-run")
    assert not (tmp_path / "package").exists()
    told = trade("deliver", sold, *BOX, "--to", "package", "--key", "provider.key")
    assert "signed by" in told
    root = product.revisions[0].content_root
    told = trade("verify-delivery", "package", "--key", "provider.key.pub", "--root", root)
    assert "proved       " in told
    assert "not proved   that the data are right" in told
    assert "intact, signer unknown" in trade("verify-delivery", "package", code=2)
    next((tmp_path / "package").rglob("c/0/0")).write_bytes(b"spoilt")
    told = trade("verify-delivery", "package", "--key", "provider.key.pub", code=1)
    assert "differs from what was signed" in told


def test_json_for_scripts(trade, sold, product):
    trade("key", "new", "k", "--json")
    plan = json.loads(trade("deliver", sold, *BOX, "--to", "package", "--dry-run", "--json"))
    manifest = json.loads(trade("deliver", sold, *BOX, "--to", "package", "--key", "k", "--json"))
    assert plan["chunks"] == manifest["counts"]["chunks"]
    assert plan["content_root"] == manifest["content_root"] == product.revisions[0].content_root
    report = json.loads(trade("verify-delivery", "package", "--json", code=2))
    assert (report["verdict"], report["exit_code"]) == ("intact, signer unknown", 2)


def test_a_document_and_a_key_in_the_environment(trade, product, tmp_path, monkeypatch):
    trade("key", "new", "k")
    monkeypatch.setenv("MY_KEY", (tmp_path / "k").read_text())
    monkeypatch.setenv("OCEANDATA_SIGNING_KEY", "env:MY_KEY")
    given = ("deliver", "entitlement.yaml", "--product", "product.yaml", *BOX)
    trade(*given, "--to", "one")
    monkeypatch.setenv("OCEANDATA_SIGNING_KEY", (tmp_path / "k").read_text())
    trade(*given, "--to", "two")
    for package in ("one", "two"):
        trade("verify-delivery", package, "--key", "k.pub")


@pytest.mark.parametrize(("form", "name"), [("netcdf", "data.nc"), ("zarr", "data.zarr/zarr.json")])
def test_clipped(trade, product, ostia_repository, tmp_path, form, name):
    trade("key", "new", "k")
    (tmp_path / "overlay.yaml").write_text("title: SST\nlicense: LicenseRef-OGL-UK\nattribution: Met Office\n")
    overlay = catalog.load_overlay(tmp_path / "overlay.yaml")
    entry = catalog.draft_entry(storage.describe_revision(ostia_repository), overlay, name=product.entry)
    catalog.register_entry(tmp_path / "catalog.yaml", entry)
    given = ("deliver", "entitlement.yaml", "--product", "product.yaml", *BOX, "--format", form, "--clip")
    trade(*given, "--to", "package", "--key", "k")
    assert (tmp_path / "package" / name).is_file()
    assert "encoded anew" in trade("verify-delivery", "package", "--key", "k.pub")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ((*BOX,), "a delivery is signed: name the private key with --key FILE"),
        ((*BOX, "--key", "nowhere"), "there is no private key nowhere"),
        ((*BOX, "--dry-run", "--revision", 2), "has no final revision 2"),
        (("--time", "1999", "--dry-run"), "no time step"),
        (("--depth", "a/b", "--dry-run"), "--depth is 'a/b'"),
        (("--variables", "salinity", "--dry-run"), "salinity"),
    ],
)
def test_refusals(trade, sold, words, sentence):
    told = trade("deliver", sold, "--to", "package", *words, code=1)
    assert sentence in told
    assert "Traceback" not in told


def test_a_document_needs_its_product(trade, product):
    told = trade("deliver", "entitlement.yaml", "--to", "package", "--dry-run", code=1)
    assert "its product is needed too: --product FILE" in told


def test_exports(trade, product, open_sst_result, tmp_path):
    trade("export", "policy", "product.yaml", "--to", "policy.jsonld")
    policy = json.loads((tmp_path / "policy.jsonld").read_text(encoding="utf-8"))
    assert policy["@type"] == "odrl:Offer"
    assert {one["odrl:action"]["@id"] for one in policy["odrl:prohibition"]} == {"od:trainModel"}
    event = json.loads(trade("export", "lineage", open_sst_result, "--job", "mean"))
    assert (event["eventType"], event["job"]["name"]) == ("COMPLETE", "mean")


@pytest.fixture
def open_sst_result(ostia_repository: Path, tmp_path: Path) -> Path:
    """A result with its lineage."""
    from oceandata.trade import write_result

    sst = storage.open_dataset(ostia_repository)["surface_temperature"]
    return write_result(sst.isel(time=0).mean("longitude"), tmp_path / "mean.nc").path


@pytest.mark.filterwarnings("ignore:ConjunctiveGraph is deprecated:DeprecationWarning")
def test_a_catalogue_with_its_offers(trade, product, tmp_path):
    entry = {
        "id": product.entry,
        "title": "SST",
        "license": product.licence,
        "extent": {},
        "variables": {},
        "assets": {"maps": {"href": "https://data.example.org/sst.zarr", "type": "application/vnd+zarr", "group": ""}},
        "trade": product.link.to_json(),
        "grade": "general",
        "grade_decision": {"by": "Li Si", "on": "2026-01-01"},
    }
    catalog.register_entry(tmp_path / "catalog.yaml", Entry.from_json(entry))
    told = trade("export", "dcat", "--all", "--to", "catalog.jsonld", "--at", "2026-06-01")
    assert "1 written to catalog.jsonld" in told
    node = json.loads((tmp_path / "catalog.jsonld").read_text(encoding="utf-8"))["dcat:dataset"][0]
    assert node["odrl:hasPolicy"]["odrl:conflict"] == {"@id": "odrl:prohibit"}
    assert node["schema:offers"][0]["od:priceModel"] == "free"


def test_a_scope_that_does_not_fit_is_not_put_down(trade, sold, tmp_path):
    wrong = ENTITLEMENT | {"id": "E-2", "scope": {"variables": ["salinity"], "bbox": [0, -5, 10, 45]}}
    (tmp_path / "wrong.yaml").write_text(yaml.safe_dump(wrong))
    words = ("import-entitlement", "wrong.yaml", "--actor", "Wu Wu")
    for more in ((), ("--dry-run",)):
        told = trade(*words, *more, code=1)
        assert "the scope of entitlement 'E-2' does not fit product" in told
        assert len(told.splitlines()) == 3
    later = wrong | {"scope": {"time": ["2009-01-01", "2040-01-01"]}}
    (tmp_path / "wrong.yaml").write_text(yaml.safe_dump(later))
    assert "import-entitlement" in trade(*words)
    (tmp_path / "wrong.yaml").write_text(yaml.safe_dump(wrong | {"id": "E-3", "order": "O-9"}))
    told = trade(*words, code=1)
    assert told == ("NotFoundError: entitlement 'E-3' is of order 'O-9', which there is not. Import it first.\n")
    order = {"id": "O-9", "product": "qd:none", "offer": 1, "buyer": {"id": "B-1", "en": "A buyer"}, "state": "agreed"}
    (tmp_path / "order.yaml").write_text(yaml.safe_dump(order))
    told = trade("import-order", "order.yaml", "--actor", "Wu Wu", code=1)
    assert told.startswith("NotFoundError: the registry has no product 'qd:none'.")
    assert len(told.splitlines()) == 1
    with reg.open_registry(tmp_path / "oceandata-registry.sqlite") as registry:
        assert [one.id for one in registry.entitlements()] == ["E-1", "E-2"]


def test_chunks_that_reach_too_far_are_told_with_what_to_do(trade, sold, tmp_path):
    narrow = ENTITLEMENT | {"id": "E-2", "scope": {"bbox": [0, -2, 20, 2]}}
    (tmp_path / "narrow.yaml").write_text(yaml.safe_dump(narrow))
    trade("import-entitlement", "narrow.yaml", "--actor", "Wu Wu")
    told = trade("deliver", "E-2", "--to", "package", "--dry-run", code=1)
    for said in ("degrees south (to -", "degrees north (to ", "--clip", "import an entitlement whose scope has bbox ["):
        assert said in told
    assert len(told.splitlines()) == 1
