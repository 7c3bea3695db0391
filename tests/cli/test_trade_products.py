"""Commands on products, quotes and rights: what they print, write and return."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

PRICED = {
    "grade": "general",
    "grade_decision": {"by": "Li Si", "on": "2026-01-01"},
    "offers": [
        {
            "version": 1,
            "valid_from": "2020-01-01",
            "plans": [{"model": "per-gb", "currency": "CNY", "amount": "1000000", "tax": "included"}],
        }
    ],
}


@pytest.fixture
def folder(demo: Any, tmp_path: Path) -> Path:
    """The demonstration, its product priced and graded."""
    copy = shutil.copytree(demo.folder, tmp_path / "demo")
    document = yaml.safe_load((copy / "product.yaml").read_text("utf-8"))
    (copy / "product.yaml").write_text(yaml.safe_dump(document | PRICED, allow_unicode=True), encoding="utf-8")
    return copy


def test_validate(run: Any, folder: Path) -> None:
    sound = run("trade", "validate", folder / "product.yaml")
    assert (sound.returncode, sound.stdout) == (0, "documents: 1, errors: 0, warnings: 0\n")
    path = folder / "product.yaml"
    path.write_text(path.read_text("utf-8").replace("amount: '1000000'", "amount: 0.1"), encoding="utf-8")
    english = run("trade", "validate", path)
    assert english.returncode == 1
    line = next(n for n, text in enumerate(path.read_text("utf-8").splitlines(), 1) if "amount: 0.1" in text)
    assert f"{path}:{line}: error: offers.0.plans.0.amount: got the number 0.1, need decimal text" in english.stdout
    chinese = run("trade", "validate", path, "--lang", "zh")
    assert f"{path}:{line}: 错误: offers.0.plans.0.amount：得到数字 0.1，需要十进制文本" in chinese.stdout
    document = json.loads(run("trade", "validate", path, "--json").stdout)
    assert [fault["line"] for fault in document["faults"]] == [line]
    assert run("trade", "validate", folder / "nothing.yaml").returncode == 1


def test_draft_and_show(run: Any, folder: Path) -> None:
    words = ("trade", "draft", "ostia_sst_monthly", "--catalog", folder / "catalog.yaml")
    printed = run(*words).stdout
    assert yaml.safe_load(printed)["entry"] == "ostia_sst_monthly"
    written = run(*words, "--to", folder / "draft.yaml")
    assert "17 left to decide" in written.stdout
    assert (folder / "draft.yaml").read_text("utf-8") == printed
    again = run(*words, "--to", folder / "draft.yaml")
    assert again.returncode == 1
    assert "exists already" in again.stderr
    assert "Create it first" in run(*words, "--to", folder / "nowhere" / "draft.yaml").stderr
    shown = run("trade", "show", folder / "product.yaml")
    assert "general, decided by Li Si on 2026-01-01" in shown.stdout
    assert "unknown" in shown.stdout
    assert json.loads(run("trade", "show", folder / "product.yaml", "--json").stdout)["grade"] == "general"


def test_quote_of_a_selection_and_of_its_file_are_the_same(run: Any, folder: Path) -> None:
    asked = ("--bbox", -170, -5, -120, 4, "--time", "2009")
    catalog = ("--catalog", folder / "catalog.yaml")
    first = run("trade", "quote", "--entry", "ostia_sst_monthly", *asked, *catalog, "--json")
    assert first.returncode == 0
    document = json.loads(first.stdout)
    (part,) = document["lines"][0]["parts"]
    run("subset", "ostia_sst_monthly", *asked, *catalog, "--to", folder / "part.nc")
    again = json.loads(run("trade", "quote", folder / "part.nc", *catalog, "--json").stdout)
    assert again["totals"] == document["totals"] == {"CNY": f"{part['values'] * 4 / 1000:.2f}"}
    told = run("trade", "quote", folder / "part.nc", "--products", folder / "product.yaml")
    assert f"CNY {document['totals']['CNY']}" in told.stdout
    assert "rounded once, half up" in told.stdout


def test_a_price_that_is_not_known_returns_3(run: Any, folder: Path) -> None:
    result = folder / "results" / "nino34.nc"
    missing = run("trade", "quote", result)
    assert missing.returncode == 3
    assert "no product document was found" in missing.stdout
    early = run("trade", "quote", result, "--products", folder, "--at", "2019-01-01")
    assert early.returncode == 3
    assert "no offer is valid on 2019-01-01" in early.stdout


@pytest.mark.parametrize(
    ("words", "said", "code"),
    [
        ((), "give a RESULT, or --entry ENTRY", 2),
        (("x.nc", "--entry", "sst"), "one of them", 2),
        (("x.nc", "--time", "2009"), "--time is for --entry", 2),
        (("x.nc",), "there is no file x.nc", 1),
    ],
    ids=["nothing", "both", "a selection of a result", "no file"],
)
def test_calls_of_quote_that_cannot_be(run: Any, words: tuple[str, ...], said: str, code: int) -> None:
    done = run("trade", "quote", *words)
    assert done.returncode == code
    assert said in done.stderr


def test_depths_that_are_none(run: Any, folder: Path) -> None:
    words = ("--entry", "ostia_sst_monthly", "--catalog", folder / "catalog.yaml", "--depth", "deep")
    done = run("trade", "quote", *words)
    assert done.returncode == 1
    assert "--depth is 'deep'" in done.stderr


def test_attribution_and_relist(run: Any, folder: Path) -> None:
    result = folder / "results" / "nino34.nc"
    chinese = run("trade", "attribution", result, "--catalog", folder / "catalog.yaml", "--lang", "zh")
    assert chinese.stdout.startswith("本成果使用了：\n- Contains public sector information")
    may = run("trade", "relist", result, "--products", folder)
    assert may.returncode == 0
    assert "permitted" in may.stdout
    assert "duty: attribute" in may.stdout
    unknown = run("trade", "relist", result, "--json")
    assert unknown.returncode == 3
    assert json.loads(unknown.stdout)["answer"] == "undetermined"
    path = folder / "product.yaml"
    document = yaml.safe_load(path.read_text("utf-8"))
    del document["permits"]
    path.write_text(yaml.safe_dump(document, allow_unicode=True), encoding="utf-8")
    denied = run("trade", "relist", result, "--products", path)
    assert denied.returncode == 1
    assert "sell is not named, so it is not permitted" in denied.stdout


def test_quotes_and_rights_by_a_registry(run: Any, folder: Path) -> None:
    from oceandata.trade import load_product
    from oceandata.trade import registry as reg

    product = load_product(folder / "product.yaml")
    with reg.create_registry(folder / "registry.sqlite", actor="Li Si") as registry:
        reg.add_product(registry, product.model_copy(update={"revisions": (), "example": False}), actor="Li Si")
    result, place = folder / "results" / "nino34.nc", ("--registry", folder / "registry.sqlite")
    quoted = run("trade", "quote", result, *place)
    assert quoted.returncode == 3
    assert "it is not on sale, draft" in quoted.stdout
    decided = json.loads(run("trade", "relist", result, *place, "--json").stdout)
    assert decided["answer"] == "undetermined"
    assert decided["source"] == f"registry {folder / 'registry.sqlite'}"
    assert "it is not on sale, draft" in decided["inputs"][0]["reasons"]
    for command in ("quote", "relist"):
        both = run("trade", command, result, *place, "--products", folder)
        assert both.returncode == 2
        assert "give --products or --registry" in both.stderr
        unset = run("trade", command, result, "--registry", "")
        assert unset.returncode == 2
        assert "--registry names no registry" in unset.stderr
    assert "that of its product document" in run("trade", "quote", result, "--products", folder).stdout
