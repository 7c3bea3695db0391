"""Links both ways: what drift names as the mend mends it, and nothing else changes."""

import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

from oceandata import storage
from oceandata.catalog import open_catalog
from oceandata.errors import DocumentError, InputError, NotFoundError
from oceandata.trade import load_product
from oceandata.trade import registry as reg
from oceandata.trade.exchange.relinking import RelinkPlan, plan_relink, write_relink
from oceandata.trade.revise import plan_product_revision, revise_product
from tests.trade.exchange.world import PAGE, World, product

S = "qd:sst"
OTHER = "https://exchange.example/3"


def _plan(world: World, name: str = S, **given: Any) -> RelinkPlan:
    with world.registry() as registry:
        return plan_relink(registry, name, open_catalog(world.catalog), **given)


def _write_document(world: World, **fields: Any) -> Path:
    """A product document beside the catalogue, with a comment of a person."""
    path = world.folder / "sst.yaml"
    text = yaml.safe_dump(product("sst", "月平均海表温度") | fields, allow_unicode=True, sort_keys=False)
    path.write_text(f"# kept by Li Si\n{text}", encoding="utf-8")
    return path


def _fields(plan: RelinkPlan) -> dict[str, tuple[str, str]]:
    return {one.field: (one.before, one.after) for one in plan.changes}


def test_what_is_linked_stays(world: World) -> None:
    before = world.catalog.read_bytes()
    plan = _plan(world)
    assert (plan.changes, plan.entries, plan.document) == ((), (), None)
    write_relink(plan)
    assert world.catalog.read_bytes() == before


@pytest.mark.parametrize(
    ("link", "changed"),
    [
        ({"listing_url": OTHER}, {"trade.listing_url": (OTHER, PAGE)}),
        ({"listing_url": ""}, {"trade.listing_url": ("", PAGE)}),
        (None, {"trade.product": ("", S), "trade.revision": ("", "1"), "trade.listing_url": ("", PAGE)}),
    ],
    ids=["another page", "no page", "no link"],
)
def test_the_mend_that_drift_names_mends_it(
    world: World, link: dict[str, Any] | None, changed: dict[str, tuple[str, str]]
) -> None:
    world.edit_entry("sst", trade=link)
    (one,) = world.drift().differences
    assert shlex.split(one.command) == ["oceandata", "trade", "relink", S, "--catalog", str(world.catalog)]
    before = world.catalog.read_bytes()
    others = {name: entry for name, entry in open_catalog(world.catalog).items() if name != "sst"}
    plan = _plan(world)
    assert _fields(plan) == changed
    assert world.catalog.read_bytes() == before
    write_relink(plan)
    assert world.drift().is_clean
    after = open_catalog(world.catalog)
    assert {name: entry for name, entry in after.items() if name != "sst"} == others
    assert after["sst"].title == "Monthly sst"


def test_a_page_of_a_product_that_is_delisted_goes(world: World) -> None:
    with world.registry() as registry:
        reg.delist(registry, S, actor="Qian Er", reason="the contract ended")
    world.rows[0]["状态"] = "已下架"
    (one,) = world.drift().differences
    assert (one.kind, one.field) == ("state-differs", "trade.listing_url")
    write_relink(_plan(world))
    assert world.drift().is_clean


def test_newer_data_are_opened_by_the_entry_that_names_them(own_world: World) -> None:
    storage.write_append(storage.plan_append([own_world.folder / "later.nc"], own_world.repository))
    with own_world.registry() as registry:
        revise_product(registry, plan_product_revision(registry, S, own_world.repository), actor="Qian Er")
    (behind,) = [one for one in own_world.drift().differences if one.field == "trade.revision"]
    assert shlex.split(behind.command)[2] == "relink"
    plan = _plan(own_world)
    assert _fields(plan) == {"trade.revision": ("1", "2"), "assets": ("r1", "r2")}
    write_relink(plan)
    entry = open_catalog(own_world.catalog)["sst"]
    assert entry.trade is not None
    assert (entry.trade.revision, entry.trade.listing_url, entry.title) == (2, PAGE, "Monthly sst")
    assert {one.revision for one in entry.assets.values()} == {"r2"}
    assert not [one for one in own_world.drift().differences if one.name == "sst"]


def test_a_link_never_comes_to_stand_for_other_values(own_world: World) -> None:
    other = own_world.folder / "other"
    plan = storage.plan_ingest([own_world.folder / "later.nc"], other, chunk_bytes=400_000)
    storage.write_repository(plan)
    assets = {name: one.to_json() for name, one in open_catalog(own_world.catalog)["sst"].assets.items()}
    summary = storage.describe_revision(other)
    told = {"href": str(other), "snapshot": summary.snapshot, "content_root": summary.content_root}
    own_world.edit_entry("sst", assets={name: one | told for name, one in assets.items()})
    with pytest.raises(InputError, match="A link never comes to stand for other values"):
        _plan(own_world)
    own_world.edit_entry("sst", assets={name: one | told | {"href": "gone"} for name, one in assets.items()})
    with pytest.raises(InputError, match="cannot be brought there from"):
        _plan(own_world)


@pytest.mark.parametrize("said", ["", OTHER], ids=["none", "another"])
def test_the_document_names_the_page_too(world: World, said: str) -> None:
    path = _write_document(world, **({"listing_url": said} if said else {}))
    (one,) = world.drift().differences
    assert (one.kind, one.field, one.second.value) == ("field-differs", "listing_url", PAGE)
    plan = _plan(world)
    assert _fields(plan) == {"trade.document": ("", "sst.yaml"), "listing_url": (said, PAGE)}
    before = path.read_text(encoding="utf-8")
    write_relink(plan)
    text = path.read_text(encoding="utf-8")
    line = f"listing_url: {PAGE}\n"
    assert text == (before.replace(f"listing_url: {said}\n", line) if said else before + line)
    assert text.startswith("# kept by Li Si\n")
    assert load_product(path).listing_url == PAGE
    assert world.drift().is_clean
    assert _plan(world).changes == ()


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
@pytest.mark.parametrize("comment", ["", "  # read by Li Si, 网页 #1"])
def test_comments_and_ends_of_lines_stay(world: World, end: bytes, comment: str) -> None:
    path = _write_document(world, listing_url=OTHER)
    old = path.read_bytes().replace(f"listing_url: {OTHER}".encode(), f"listing_url: {OTHER}{comment}".encode())
    path.write_bytes(old.replace(b"\n", end))
    write_relink(_plan(world))
    assert path.read_bytes() == old.replace(OTHER.encode(), PAGE.encode()).replace(b"\n", end)
    assert _plan(world).changes == ()


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_a_field_that_is_added_ends_as_the_others(world: World, end: bytes) -> None:
    path = _write_document(world)
    path.write_bytes(path.read_bytes().replace(b"\n", end))
    write_relink(_plan(world))
    assert path.read_bytes().count(b"\n") == path.read_bytes().count(end)
    assert path.read_bytes().endswith(f"listing_url: {PAGE}".encode() + end)


def test_a_document_that_cannot_be_edited_in_place(world: World) -> None:
    path = _write_document(world)
    path.write_text(path.read_text("utf-8").replace("entry: sst", "entry: >-\n  ice"), encoding="utf-8")
    with pytest.raises(DocumentError, match=f"Write this into it yourself: listing_url: {PAGE}, entry: sst"):
        _plan(world)


def test_examples_are_never_linked_to_a_listing(world: World) -> None:
    world.edit_entry("sst", trade={"example": True, "listing_url": ""})
    found = {(one.kind, one.field): one for one in world.drift().differences}
    assert set(found) == {("state-differs", "trade.example"), ("field-differs", "trade.listing_url")}
    assert found["state-differs", "trade.example"].severity == "error"
    assert "delist qd:sst --listing 1" in found["state-differs", "trade.example"].command
    with pytest.raises(InputError, match="'sst' is marked as an example, which no exchange lists"):
        _plan(world)
    with world.registry() as registry:
        reg.delist(registry, S, actor="Qian Er", reason="the contract ended")
    assert _plan(world).changes == ()
    with pytest.raises(InputError, match="marked as an example"):
        _plan(world, is_listed=True)


def test_entries_that_are_not_there_or_of_another_product(world: World) -> None:
    with pytest.raises(NotFoundError, match="the registry has no product 'qd:none'"):
        _plan(world, "qd:none")
    world.edit_entry("sst", trade={"product": "qd:other"})
    with pytest.raises(InputError, match="entry 'sst' is linked to product 'qd:other', not to 'qd:sst'"):
        _plan(world)
    text = world.catalog.read_text("utf-8")
    world.catalog.write_text(text.replace("sst", "sea"), encoding="utf-8")
    with pytest.raises(NotFoundError, match="has no entry of product 'qd:sst', which names 'sst'"):
        _plan(world)


def test_a_file_that_changed_meanwhile_is_left_alone(world: World) -> None:
    path = _write_document(world)
    plan = _plan(world)
    before = world.catalog.read_bytes()
    path.write_text(path.read_text("utf-8") + "# a remark\n", encoding="utf-8")
    with pytest.raises(InputError, match="was changed meanwhile"):
        write_relink(plan)
    assert world.catalog.read_bytes() == before
    plan = _plan(world)
    world.edit_entry("sst", title="Another title")
    with pytest.raises(InputError, match="was changed meanwhile"):
        write_relink(plan)
    assert "listing_url" not in path.read_text("utf-8")


def test_a_page_that_is_about_to_be_listed(world: World) -> None:
    with world.registry() as registry:
        reg.delist(registry, S, actor="Qian Er", reason="the contract ended")
    assert _fields(_plan(world, is_listed=True, page=OTHER)) == {"trade.listing_url": (PAGE, OTHER)}
    assert _fields(_plan(world, is_listed=True)) == {}
