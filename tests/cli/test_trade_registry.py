"""The registry from the shell: the way of a product, refusals in one sentence, JSON, dry runs, audits."""

import json
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.trade.registry.steps import BEGUN, on

PRODUCT = {
    "id": "qd:sst",
    "title": {"en": "Monthly sea-surface temperature", "zh": "月平均海表温度"},
    "provider": {"en": "Second Institute"},
    "licence": "CC-BY-4.0",
    "attribution": {"en": "Second Institute"},
    "record_unit": "monthly grid",
    "record_dimensions": ["time"],
    "entry": "sst",
    "grade": "general",
    "grade_decision": {"by": "Li Si", "on": "2026-01-01"},
}
OFFER = {"valid_from": "2026-01-01", "plans": [{"model": "per-gb", "currency": "CNY", "amount": "0.80"}]}
ORDER = {
    "id": "O-1",
    "product": "qd:sst",
    "offer": 1,
    "buyer": {"id": "farm", "en": "Farm No. 1"},
    "amount": "12.50",
    "currency": "CNY",
    "state": "agreed",
}
ENTITLEMENT = {"id": "E-1", "order": "O-1", "mode": "deliver", "starts": "2026-02-01"}


@pytest.fixture
def trade(run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Call a command on the registry in the current folder."""
    monkeypatch.delenv("OCEANDATA_REGISTRY", raising=False)
    for name, document in (("product", PRODUCT), ("offer", OFFER), ("order", ORDER), ("entitlement", ENTITLEMENT)):
        (tmp_path / f"{name}.yaml").write_text(yaml.safe_dump(document, allow_unicode=True), encoding="utf-8")

    def called(*words: object, code: int = 0) -> str:
        done = run("trade", *words)
        assert done.returncode == code, done.stdout + done.stderr
        return str(done.stdout if code == 0 else done.stdout + done.stderr)

    return called


def _registered(trade: Any) -> None:
    with on(BEGUN):
        trade("init", "--actor", "Zhao Yi")
        trade("add", "product.yaml", "--theme", "physics", "--actor", "Qian Er")
        trade("submit", "qd:sst", "--actor", "Qian Er")
        trade("approve", "qd:sst", "--actor", "Sun San")
        told = trade("publicize", "qd:sst", "--days", 3, "--from", "2026-01-04", "--actor", "Sun San", code=1)
        assert told == (
            "InputError: the publicity of product 'qd:sst' begins on 2026-01-04, need today, 2026-01-05 (UTC), "
            "or a later day.\n"
        )
        trade("publicize", "qd:sst", "--days", 3, "--from", "2026-01-05", "--actor", "Sun San")
    words = ("--scheme", "data-ip", "--number", "P-1", "--authority", "Centre", "--issued-on", "2026-01-10")
    trade("register", "qd:sst", *words, "--scan", "product.yaml", "--actor", "Qian Er")


def test_the_way_of_a_product(trade: Any, ostia_repository: Path, tmp_path: Path) -> None:
    shutil.copytree(ostia_repository, tmp_path / "sst")
    _registered(trade)
    told = trade("list", "qd:sst", "--exchange", "First", "--code", "7", "--actor", "Qian Er", code=1)
    assert "it has no revision" in told
    assert "it has no offer" in told
    dry = trade("revise", "qd:sst", "--repository", "sst", "--actor", "Qian Er", "--dry-run")
    assert "54 (monthly grid)" in dry
    assert dry.endswith("Nothing was written.\n")
    report = json.loads(trade("revise", "qd:sst", "--repository", "sst", "--actor", "Qian Er", "--json"))
    assert (report["revision"], report["linked"], report["pinned"]["records"]) == (1, True, 54)
    trade("offer", "qd:sst", "offer.yaml", "--actor", "Qian Er")
    told = trade("list", "qd:sst", "--exchange", "First", "--code", "7", "--actor", "Qian Er")
    assert "registered -> listed" in told
    status = trade("status", "qd:sst")
    for words in (
        "listed, version 8",
        "per-gb 0.80 CNY",
        "First 7: listed, revision 1, offer 1",
        "data-ip P-1 of Centre",
    ):
        assert words in status
    told = trade("revise", "qd:sst", "--repository", "sst", "--actor", "Qian Er", code=1)
    assert "is revision 1 of product 'qd:sst' already" in told
    trade("import-order", "order.yaml", "--actor", "Wu Wu")
    trade("import-entitlement", "entitlement.yaml", "--actor", "Wu Wu")
    trade("revoke-entitlement", "E-1", "--reason", "the contract was broken", "--actor", "Wu Wu")
    trade("suspend", "qd:sst", "--reason", "a sensor drifted", "--actor", "Li Si")
    trade("revoke-revision", "qd:sst", 1, "--reason", "a sensor was broken", "--actor", "Li Si")
    assert "revoked: a sensor was broken" in trade("status", "qd:sst")
    trade("suspend", "qd:sst", "--lift", "--reason", "it was not", "--actor", "Li Si", code=1)
    trade("delist", "qd:sst", "--reason", "the contract ended", "--actor", "Li Si")
    trade("archive", "qd:sst", "--reason", "it is over", "--actor", "Li Si")
    assert trade("audit").splitlines()[-1].split() == ["verdict", "whole"]
    (product,) = json.loads(trade("products", "--state", "archived", "--json"))
    assert (product["id"], product["theme"], product["version"]) == ("qd:sst", "physics", 12)
    page = json.loads(trade("log", "qd:sst", "--limit", 2, "--json"))
    assert [one["act"] for one in page] == ["archive", "delist"]
    assert f"--before {page[-1]['seq']}" in trade("log", "qd:sst", "--limit", 2)
    assert "the registry has no product 'qd:ssh'. Close: 'qd:sst'" in trade("log", "qd:ssh", code=1)


def test_one_person_is_not_two(trade: Any) -> None:
    trade("init", "--actor", "Zhao Yi")
    trade("add", "product.yaml", "--actor", "Qian Er")
    trade("submit", "qd:sst", "--actor", "Qian Er")
    told = trade("approve", "qd:sst", "--actor", "qian er", code=1)
    assert told == (
        "InputError: qian er submitted product 'qd:sst', and a second person must approve it. Ask somebody else.\n"
    )
    assert "Missing option '--actor'" in trade("approve", "qd:sst", code=2)
    trade("return", "qd:sst", "--reason", "the period is wrong", "--actor", "Sun San")
    trade("submit", "qd:sst", "--actor", "Sun San")
    told = trade("approve", "qd:sst", "--actor", "Qian Er", code=1)
    assert told == (
        "InputError: Qian Er wrote on product 'qd:sst', and a second person must approve it. Ask somebody else.\n"
    )
    trade("return", "qd:sst", "--reason", "the period is wrong", "--actor", "Li Si")
    assert '"state": "draft"' in trade("status", "qd:sst", "--json")


def test_edits_by_version(trade: Any) -> None:
    trade("init", "--actor", "Zhao Yi")
    trade("add", "product.yaml", "--actor", "Qian Er", "--theme", "physics")
    Path("product.yaml").write_text(yaml.safe_dump(PRODUCT | {"entry": "other"}), encoding="utf-8")
    assert "has a product 'qd:sst' already" in trade("add", "product.yaml", "--actor", "Li Si", code=1)
    trade("add", "product.yaml", "--actor", "Li Si", "--version", 1)
    assert "somebody changed it meanwhile" in trade("add", "product.yaml", "--actor", "Li Si", "--version", 1, code=1)
    status = json.loads(trade("status", "qd:sst", "--json"))
    assert (status["document"]["entry"], status["theme"], status["version"]) == ("other", "physics", 2)


def test_a_dry_run_and_a_place_by_variable(trade: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("OCEANDATA_REGISTRY", str(tmp_path / "office" / "other.sqlite"))
    trade("init", "--actor", "Zhao Yi")
    assert (tmp_path / "office" / "other.sqlite").is_file()
    told = trade("add", "product.yaml", "--actor", "Qian Er", "--dry-run")
    assert "nothing: a dry run" in told
    event = json.loads(trade("add", "product.yaml", "--actor", "Qian Er", "--dry-run", "--json"))
    assert (event["dry_run"], event["act"], event["seq"]) == (True, "add", 2)
    assert json.loads(trade("products", "--json")) == []
    assert "holds tables already" in trade("init", "--actor", "Zhao Yi", code=1)
    assert "there is no registry at nowhere.sqlite" in trade("products", "--registry", "nowhere.sqlite", code=1)


def test_an_objection(trade: Any) -> None:
    trade("init", "--actor", "Zhao Yi")
    trade("add", "product.yaml", "--actor", "Qian Er")
    trade("submit", "qd:sst", "--actor", "Qian Er")
    trade("approve", "qd:sst", "--actor", "Sun San")
    trade("publicize", "qd:sst", "--days", 3, "--actor", "Sun San")
    told = trade("objection", "qd:sst", "--by", "A neighbour", "--text", "the buoys are ours", "--actor", "Sun San")
    assert "objection  1" in told
    assert "A neighbour: the buoys are ours (open)" in trade("status", "qd:sst")
    trade("objection", "qd:sst", "--settle", 1, "--reason", "they are not", "--actor", "Sun San")
    assert "(settled by Sun San)" in trade("status", "qd:sst")


def test_audit_and_anchor(trade: Any, tmp_path: Path) -> None:
    _registered(trade)
    anchor = trade("anchor", "--json")
    (tmp_path / "anchor.json").write_text(anchor, encoding="utf-8")
    assert json.loads(anchor)["sha256"] in trade("anchor")
    assert "the chain leads to it" in trade("audit", "--anchor", "anchor.json")
    connection = sqlite3.connect(tmp_path / "oceandata-registry.sqlite")
    connection.execute("DROP TRIGGER events_update")
    connection.execute("UPDATE events SET actor = 'Nobody' WHERE seq = 3")
    connection.commit()
    connection.close()
    told = trade("audit", code=1)
    assert "event 3: altered" in told
    assert "trigger events_update on events is missing: find out who removed it" in told
    assert told.splitlines()[-1].split() == ["verdict", "ALTERED"]
    report = json.loads(trade("audit", "--json", code=1))
    assert report["faults"][0]["seq"] == 3
    assert "this is no anchor" in trade("audit", "--anchor", "product.yaml", code=1)


def test_faulty_files_are_told(trade: Any, tmp_path: Path) -> None:
    _registered(trade)
    (tmp_path / "broken.yaml").write_text("id: [", encoding="utf-8")
    (tmp_path / "list.yaml").write_text("- a\n", encoding="utf-8")
    assert "broken.yaml:2: not YAML" in trade("offer", "qd:sst", "broken.yaml", "--actor", "Qian Er", code=1)
    assert "holds a list, need fields" in trade("import-order", "list.yaml", "--actor", "Wu Wu", code=1)
    assert "no document at none.yaml" in trade("import-order", "none.yaml", "--actor", "Wu Wu", code=1)
    (tmp_path / "profile.yaml").write_text("requires: [stamp]\n", encoding="utf-8")
    words = ("--exchange", "First", "--code", "7", "--profile", "profile.yaml", "--actor", "Qian Er")
    assert "profile.yaml has 1 fault" in trade("list", "qd:sst", *words, code=1)


def test_holdings(trade: Any) -> None:
    _registered(trade)
    for by in ("provider", "theme", "product"):
        told = trade("holdings", "--by", by)
        assert "total" in told
        assert "unknown" in told
    assert json.loads(trade("holdings", "--json"))["total"]["measured_bytes"] is None
