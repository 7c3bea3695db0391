"""Revisions of a product on the real OSTIA file: what changed, what is pinned, and the way back from the data."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import xarray as xr
import yaml

from oceandata import storage
from oceandata.errors import InputError, NotFoundError, OceanDataError, OceanDataWarning, RepositoryExistsError
from oceandata.trade import load_product, revise
from oceandata.trade import registry as reg
from oceandata.trade.registry.registry import Registry
from oceandata.trade.revise import find_pins, plan_product_revision, revise_product

SHIPPED = Path(__file__).parents[2] / "catalogs" / "products" / "example_ostia_sst.yaml"
ID = "example:ostia-sst-monthly"


@pytest.fixture(scope="module")
def grown(ostia_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Repository of three years (r1), then of four and a half (r2); read only."""
    folder = tmp_path_factory.mktemp("grown")
    with xr.open_dataset(ostia_file, decode_times=False) as ds:
        for name, part in (("first", slice(0, 36)), ("second", slice(36, None))):
            ds.isel(time=part).to_netcdf(folder / f"{name}.nc")
    url = folder / "repository"
    storage.write_repository(storage.plan_ingest([folder / "first.nc"], url, chunk_bytes=400_000))
    storage.write_append(storage.plan_append([folder / "second.nc"], url))
    return url


@pytest.fixture
def repository(grown: Path, tmp_path: Path) -> Path:
    """A copy that may be written."""
    return Path(shutil.copytree(grown, tmp_path / "repository"))


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    """A registry with the shipped example as a draft."""
    document = yaml.safe_load(SHIPPED.read_text(encoding="utf-8")) | {"record_dimensions": ["time"]}
    with reg.create_registry(tmp_path / "registry.sqlite", actor="Zhao Yi") as made:
        reg.add_product(made, document, actor="Qian Er")
        yield made


def _revised(registry: Registry, repository: Path, tag: str, **more: Any) -> revise.RevisionReport:
    return revise_product(
        registry, plan_product_revision(registry, ID, repository, revision=tag, **more), actor="Qian Er"
    )


def test_two_revisions_and_what_changed(registry: Registry, repository: Path) -> None:
    first = _revised(registry, repository, "r1", change="three years")
    assert (first.plan.number, first.plan.previous, first.linked) == (1, None, True)
    assert "the first revision" in str(first)
    second = _revised(registry, repository, "r2")
    assert (second.plan.number, second.plan.previous) == (2, 1)
    summary = storage.describe_revision(repository, revision="r2")
    newest, oldest = registry.revisions(ID)
    assert (newest.snapshot, newest.content_root, newest.tag) == (summary.snapshot, summary.content_root, "r2")
    assert (newest.stored_bytes, newest.chunks) == (summary.stored_bytes, summary.chunks)
    assert newest.decoded_bytes == summary.decoded_bytes
    assert (oldest.records, newest.records, newest.record_unit) == (36, 54, "monthly grid")
    assert oldest.change == "three years"
    assert newest.difference is not None
    assert newest.difference == json.loads(json.dumps(storage.diff_revisions(repository, "r1", "r2").to_json()))
    (temperature,) = [one for one in newest.difference["variables"] if one["name"] == "surface_temperature"]
    assert temperature["shapes"][0][0] == 36
    assert temperature["shapes"][1][0] == 54
    assert temperature["chunks_added"] > 0
    assert any("surface_temperature" in line for line in str(second).splitlines() if line.startswith("since 1"))
    assert reg.audit_registry(registry).is_whole


def test_the_data_name_their_product(registry: Registry, repository: Path) -> None:
    before = storage.list_revisions(repository)
    _revised(registry, repository, "r1")
    _revised(registry, repository, "r2")
    one, two = find_pins(repository)
    assert (one["product"], one["revision"], one["tag"], one["snapshot"]) == (ID, 1, "r1", before[0].snapshot)
    assert two["content_root"] == before[1].content_root
    assert find_pins(repository, snapshot=before[1].snapshot) == [two]
    assert storage.list_revisions(repository) == before
    assert storage.describe_revision(repository).revision == "r2"
    opened = storage.open_repository(repository)
    metadata = dict(opened.lookup_snapshot(opened.lookup_branch("trade")).metadata)
    assert metadata["oceandata.product"] == ID
    assert metadata["oceandata.revision"] == 2
    assert metadata["oceandata.snapshot"] == before[1].snapshot
    for tag in ("r1", "r2"):
        assert not storage.verify_revision(repository, revision=tag).damages
    storage.collect_garbage(repository, older_than="0d")
    assert find_pins(repository) == [one, two]


def test_nothing_is_pinned_twice_or_unchanged(registry: Registry, repository: Path) -> None:
    _revised(registry, repository, "r2")
    with pytest.raises(RepositoryExistsError, match=r"snapshot \w+ is revision 1 of product"):
        plan_product_revision(registry, ID, repository, revision="r2")
    storage.write_layout(storage.plan_layout(repository, access="series", chunk_bytes=2_000_000))
    with pytest.raises(RepositoryExistsError, match="nothing changed since revision 1 of product"):
        plan_product_revision(registry, ID, repository, revision="r3")
    plan = plan_product_revision(registry, ID, repository, revision="r3", layout="series")
    assert (plan.number, plan.difference) == (2, None)
    assert "cannot be compared with revision 1" in str(plan)
    assert len(registry.revisions(ID)) == 1


def test_what_was_revoked_does_not_come_back(registry: Registry, repository: Path, tmp_path: Path) -> None:
    _revised(registry, repository, "r1")
    reg.revoke_revision(registry, ID, 1, actor="Li Si", reason="a sensor was broken")
    copy = Path(shutil.copytree(repository, tmp_path / "copy"))
    with pytest.raises(RepositoryExistsError, match="revoked: a sensor was broken"):
        plan_product_revision(registry, ID, copy, revision="r1")
    report = _revised(registry, repository, "r2")
    assert (report.plan.number, report.plan.previous) == (2, None)


def test_a_revision_that_the_document_brought_is_made_final(registry: Registry, repository: Path) -> None:
    product = load_product(SHIPPED)
    from oceandata.trade import draft_revision

    drafted = draft_revision(product, storage.describe_revision(repository, revision="r1"), change="as drafted")
    reg.replace_product(registry, drafted, actor="Qian Er", version=1)
    assert not registry.revisions(ID)[0].is_final
    with pytest.raises(InputError, match="is not final and pins something else: tag r1, found r2"):
        plan_product_revision(registry, ID, repository, revision="r2")
    report = _revised(registry, repository, "r1")
    (revision,) = registry.revisions(ID)
    assert (report.plan.number, revision.is_final, revision.change) == (1, True, "as drafted")


def test_another_revision_that_came_first(registry: Registry, repository: Path) -> None:
    plan = plan_product_revision(registry, ID, repository, revision="r1")
    _revised(registry, repository, "r2")
    report = revise_product(registry, plan, actor="Qian Er")
    assert report.plan.number == 2
    assert [pin["revision"] for pin in find_pins(repository)] == [1, 2]


def test_a_repository_that_cannot_be_told(
    registry: Registry, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        msg = "the disk is full."
        raise OceanDataError(msg)

    plan = plan_product_revision(registry, ID, repository, revision="r1")
    with monkeypatch.context() as patched:
        patched.setattr(revise, "_write_pin", refused)
        with pytest.warns(OceanDataWarning, match="is pinned, but .* could not be told: the disk is full"):
            report = revise_product(registry, plan, actor="Qian Er")
    assert not report.linked
    assert "NO: run the same command again" in str(report)
    assert find_pins(repository) == []
    head = registry.head()
    again = _revised(registry, repository, "r1")
    assert (again.event, again.linked, again.plan.number) == (None, True, 1)
    assert registry.head() == head
    assert [pin["revision"] for pin in find_pins(repository)] == [1]


def test_a_dry_run_writes_nothing(registry: Registry, repository: Path) -> None:
    with reg.open_registry(registry.url, dry_run=True) as dry:
        plan = plan_product_revision(dry, ID, repository, revision="r1")
        assert not revise_product(dry, plan, actor="Qian Er").linked
    assert registry.revisions(ID) == []
    assert find_pins(repository) == []


def test_records_are_counted_only_by_a_rule(registry: Registry, grown: Path) -> None:
    document = registry.product(ID).document
    assert document is not None
    assert plan_product_revision(registry, ID, grown).records == 54
    for dimensions, records in ((["time", "latitude"], 54 * 18), (["station"], None), ([], None)):
        version = registry.product(ID).version
        changed = document | {"record_dimensions": dimensions}
        reg.replace_product(registry, changed, actor="Qian Er", version=version)
        plan = plan_product_revision(registry, ID, grown)
        assert plan.records == records
        assert ("unknown" in dict(plan.facts())["records"]) == (records is None)  # type: ignore[operator]


def test_names_that_are_not_there(registry: Registry, grown: Path) -> None:
    with pytest.raises(NotFoundError, match=f"no product 'example:x'. Close: '{ID}'|no product"):
        plan_product_revision(registry, "example:x", grown)
    with pytest.raises(NotFoundError, match="no revision 'r9'"):
        plan_product_revision(registry, ID, grown, revision="r9")
    assert find_pins(grown) == []
