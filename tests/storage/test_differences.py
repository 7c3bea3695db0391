"""What changed between two revisions: changes made on purpose are told exactly, from the leaves alone."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr

from oceandata import storage
from oceandata.errors import NotFoundError
from oceandata.storage.integrity import INTEGRITY_GROUP
from oceandata.storage.layout import ArrayPlan, create_layout, layout_root, read_layout
from oceandata.storage.leases import writer_lease
from oceandata.storage.revisions import commit_facts
from oceandata.storage.writing import BranchWriter, Step, publish

SST = "surface_temperature"

Change = Callable[[BranchWriter], None]


@pytest.fixture
def sst(ostia_revision: storage.RevisionSummary, tmp_path: Path) -> Path:
    """The real repository, to write to: 18 chunks of three months."""
    return shutil.copytree(ostia_revision.url, tmp_path / "sst")


def _plan(url: Path, name: str) -> ArrayPlan:
    """An array as it is stored now."""
    array: Any = zarr.open_array(storage.open_store(url), path=f"maps/{name}", mode="r")
    fill = np.asarray(array.fill_value).item()
    dims = tuple(array.metadata.dimension_names)
    return ArrayPlan(name, dims, array.shape, array.chunks, str(array.dtype), fill, dict(array.attrs), False)


def _revised(url: Path, change: Change, *names: str) -> str:
    """A further revision in which something was changed by hand; returns its tag."""
    repository = storage.open_repository(url)
    base = repository.lookup_branch("main")
    tags = sorted(repository.list_tags())
    repository.create_branch("ingest-byhand", base)
    plans = [_plan(url, name) for name in names]
    with writer_lease(url) as lease:
        writer = BranchWriter(
            repository, url, "ingest-byhand", group="maps", arrays=plans, job="byhand", total=1, lease=lease
        )
        change(writer)
        facts = dict(repository.lookup_snapshot(base).metadata)
        root = layout_root(read_layout(writer.session.store, "maps"))
        facts |= {
            "oceandata.content_root": root,
            "oceandata.layouts": {"maps": {"access": "maps", "content_root": root}},
        }
        publish(writer, "by hand", facts, base=base, tags=tags, revision=f"r{len(tags) + 1}")
    return f"r{len(tags) + 1}"


def _written(start: int, stop: int, value: float) -> Change:
    """Some months set to one value, in whole chunks."""

    def change(writer: BranchWriter) -> None:
        box = (slice(start, stop), slice(0, 18), slice(0, 432))
        values = np.full((stop - start, 18, 432), value, "f4")
        writer.write(Step(SST, box, values.nbytes), values)

    return change


def test_nothing_changed(sst: Path) -> None:
    found = storage.diff_revisions(sst, "r1", "r1")
    assert found.is_same
    assert str(found).endswith("no difference")
    storage.write_layout(storage.plan_layout(sst, access="series"))
    found = storage.diff_revisions(sst, "r1", "r2")
    assert (found.variables, found.layouts_added) == ((), ("series",))
    assert not found.is_same
    assert storage.diff_revisions(sst, "r2", "").is_same


def test_changed_chunks_their_bytes_and_their_period(sst: Path) -> None:
    before = read_layout(storage.open_store(sst), "maps").leaves[SST]
    _revised(sst, _written(6, 12, 290.5), SST)
    after = read_layout(storage.open_store(sst), "maps").leaves[SST]
    (change,) = storage.diff_revisions(sst, "r1", "r2").variables
    assert (change.name, change.kind, change.attributes) == (SST, "changed", ())
    assert (change.chunks_added, change.chunks_changed, change.chunks_removed) == (0, 2, 0)
    assert change.bytes_changed == int(after.stored_bytes[2:4].sum())
    assert change.bytes_changed != int(before.stored_bytes[2:4].sum())
    times = storage.open_dataset(sst)["time"].to_numpy()
    assert change.period == (str(times[6])[:19], str(times[11])[:19])
    (back,) = storage.diff_revisions(sst, "r2", "r1").variables
    assert back.bytes_changed == int(before.stored_bytes[2:4].sum())


def test_data_that_vanish_are_removed(sst: Path) -> None:
    before = read_layout(storage.open_store(sst), "maps").leaves[SST]
    fill = _plan(sst, SST).fill_value
    assert fill is not None
    _revised(sst, _written(51, 54, fill), SST)
    (change,) = storage.diff_revisions(sst, "r1", "r2").variables
    assert (change.chunks_added, change.chunks_changed, change.chunks_removed) == (0, 0, 1)
    assert change.bytes_removed == int(before.stored_bytes[17].sum())
    assert change.period[1][:7] == "2010-09"
    (back,) = storage.diff_revisions(sst, "r2", "r1").variables
    assert (back.chunks_added, back.bytes_added) == (1, change.bytes_removed)


def test_an_attribute_and_a_global_attribute(sst: Path) -> None:
    def change(writer: BranchWriter) -> None:
        group: Any = zarr.open_group(writer.session.store, path="maps", mode="r+")
        group.attrs["title"] = "Changed"
        group[SST].attrs["units"] = "kelvin"

    _revised(sst, change, SST)
    found = storage.diff_revisions(sst, "r1", "r2")
    assert found.attributes == ("title",)
    (variable,) = found.variables
    assert (variable.name, variable.attributes, variable.period) == (SST, ("units",), ())
    assert "global attributes changed: title" in str(found)
    assert "attributes units" in str(found)


def test_variables_added_removed_and_rechunked(sst: Path) -> None:
    def change(writer: BranchWriter) -> None:
        store = writer.session.store
        top: Any = zarr.open_group(store, mode="r+")
        del top[f"maps/{SST}"], top[f"{INTEGRITY_GROUP}/maps/{SST}"]
        old = writer.arrays[SST]
        anew = ArrayPlan("anew", old.dims, old.shape, old.chunks, old.dtype, old.fill_value, {}, False)
        create_layout(store, "other", [anew], {})
        for place in ("", f"{INTEGRITY_GROUP}/"):
            _moved(top, f"{place}other/anew", f"{place}maps/anew")
            del top[f"{place}other"]
        writer.arrays["anew"] = anew
        values = np.full((3, 18, 432), 1.5, "f4")
        writer.write(Step("anew", (slice(3, 6), slice(0, 18), slice(0, 432)), values.nbytes), values)

    def _moved(top: Any, source: str, target: str) -> None:
        found = top[source]
        if isinstance(found, zarr.Array):
            names = found.metadata.dimension_names
            made = top.create_array(
                target, shape=found.shape, chunks=found.chunks, dtype=found.dtype, fill_value=found.fill_value,
                dimension_names=names, compressors=found.compressors,
            )  # fmt: skip
            made.attrs.update(dict(found.attrs))
            return
        top.create_group(target)
        for name in found:
            _moved(top, f"{source}/{name}", f"{target}/{name}")

    _revised(sst, change, SST)
    added, removed = storage.diff_revisions(sst, "r1", "r2").variables
    assert (added.name, added.kind, added.chunks_added) == ("anew", "added", 1)
    assert added.bytes_added > 0
    times = storage.open_dataset(sst)["time"].to_numpy()
    assert added.period == (str(times[3])[:19], str(times[5])[:19])
    assert (removed.name, removed.kind, removed.chunks_removed) == (SST, "removed", 18)
    assert removed.shapes == ((54, 18, 432), ())


def test_steps_that_were_appended(sst: Path, ostia_parts: list[Path], tmp_path: Path) -> None:
    """Two revisions of one repository that grew: the old chunks are the same, the last part is new."""
    url = tmp_path / "growing"
    storage.write_repository(storage.plan_ingest(ostia_parts[:5], url, chunk_bytes=100_000))
    storage.write_append(storage.plan_append(ostia_parts[5:], url))
    found = storage.diff_revisions(url, "r1", "r2")
    changes = {change.name: change for change in found.variables}
    grown = changes[SST]
    assert grown.shapes == ((45, 18, 432), (54, 18, 432))
    assert (grown.chunks_added, grown.chunks_changed, grown.chunks_removed) == (3, 0, 0)
    times = storage.open_dataset(url)["time"].to_numpy()
    assert grown.period == (str(times[45])[:19], str(times[53])[:19])
    assert changes["time"].shapes == ((45,), (54,))
    assert "longitude" not in changes
    (back,) = (change for change in storage.diff_revisions(url, "r2", "r1").variables if change.name == SST)
    assert (back.chunks_removed, back.bytes_removed, back.period) == (3, grown.bytes_added, grown.period)


def test_no_data_are_read(sst: Path) -> None:
    _revised(sst, _written(6, 12, 290.5), SST)
    expected = storage.diff_revisions(sst, "r1", "r2")
    for path in (sst / "chunks").iterdir():
        if path.stat().st_size > 20_000:  # the chunks of the data; coordinates and leaves are smaller
            path.unlink()
    assert storage.diff_revisions(sst, "r1", "r2") == expected
    assert not storage.verify_revision(sst).is_sound


def test_views_and_json(sst: Path) -> None:
    _revised(sst, _written(6, 9, 290.5), SST)
    found = storage.diff_revisions(sst, "r1", "r2")
    assert json.loads(json.dumps(found.to_json()))["variables"][0]["chunks_changed"] == 1
    assert len(found.headers) == len(found.rows()[0])
    assert "1 chunk changed" in str(found)
    assert SST in found._repr_html_()
    assert "none" in storage.diff_revisions(sst, "r1", "r1")._repr_html_()
    assert "&lt;" in storage.differences.RevisionDiff("<b>", "r1", "r2", "maps", (), (), ("a",), ())._repr_html_()


def test_what_is_not_there(sst: Path) -> None:
    with pytest.raises(NotFoundError, match="there is no revision 'r2'"):
        storage.diff_revisions(sst, "r1", "r2")
    with pytest.raises(NotFoundError, match="no layout 'series' in this revision"):
        storage.diff_revisions(sst, "r1", "r1", layout="series")
    assert commit_facts(storage.open_repository(sst), storage.list_revisions(sst)[0].snapshot)["group"] == "maps"
