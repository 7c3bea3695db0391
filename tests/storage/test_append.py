"""Appending and replacing: what fits continues the dataset, what does not is refused before a byte is written."""

import contextlib
import os
import shutil

import netCDF4
import numpy as np
import pytest
import zarr
from click.testing import CliRunner

from oceandata.errors import CorruptionError, InputError, NotFoundError, RepositoryExistsError, SchemaMismatch
from oceandata.storage import (
    abandon_ingest,
    describe_revision,
    open_dataset,
    open_repository,
    plan_append,
    plan_ingest,
    verify_revision,
    write_append,
    write_repository,
)
from oceandata.storage import append_writing as writing
from oceandata.storage.integrity import INTEGRITY_GROUP
from oceandata.storage.layout import layout_root, read_layout
from oceandata.storage.revisions import commit_facts


@pytest.fixture
def repository(ocean_file, tmp_path):
    """Four days, two a chunk."""
    write_repository(plan_ingest([ocean_file("first.nc")], tmp_path / "r", chunk_bytes=130))
    return tmp_path / "r"


def _state(url):
    repository = open_repository(url)
    tags = {tag: repository.lookup_tag(tag) for tag in repository.list_tags()}
    return tags, {branch: repository.lookup_branch(branch) for branch in repository.list_branches()}


def _values(count, start=0):
    return np.arange(start * 15, (start + count) * 15, dtype="f4").reshape(count, 3, 5)


def _appended(url, paths, **options):
    return write_append(plan_append(paths, url, **options))


@pytest.mark.parametrize("access", ["maps", "series"])
def test_the_real_file_in_parts_is_the_real_file(ostia_parts, ostia_file, tmp_path, access):
    url = tmp_path / "r"
    write_repository(plan_ingest(ostia_parts[:2], url, access=access, chunk_bytes=100_000))
    before = verify_revision(url)
    for part in ostia_parts[2:4]:
        _appended(url, [part])
    summary = _appended(url, ostia_parts[3:])
    assert summary.revision == "r4"
    assert summary.extent.time_resolution == "P1M"
    whole = write_repository(plan_ingest([ostia_file], tmp_path / "whole", access=access, chunk_bytes=100_000))
    one = open_dataset(url, group=access).load()
    other = open_dataset(whole.url, group=access).load()
    assert one.identical(other.assign_attrs(one.attrs))
    assert [source.name for source in summary.sources] == [part.name for part in ostia_parts]
    assert verify_revision(url).is_sound
    assert verify_revision(url, revision="r1") == before


def test_leaves_are_those_of_an_undisturbed_write(ocean_file, tmp_path):
    """Chunks that began half full end as if they had been written at once."""
    parts = [
        ocean_file("a.nc", times=[0, 1, 2], values=_values(3)),
        ocean_file("b.nc", times=[3], values=_values(1, 3)),
    ]
    write_repository(plan_ingest(parts[:1], tmp_path / "r", chunk_bytes=130))
    _appended(tmp_path / "r", parts[1:])
    write_repository(plan_ingest(parts, tmp_path / "whole", chunk_bytes=130))
    layouts = []
    for url in (tmp_path / "r", tmp_path / "whole"):
        store = open_repository(url).readonly_session("main").store
        layouts.append(read_layout(store, "maps"))
    for name in ("sst", "lat", "lon"):
        assert (layouts[0].leaves[name].digests == layouts[1].leaves[name].digests).all(), name
        assert layouts[0].documents[name] == layouts[1].documents[name]
    assert describe_revision(tmp_path / "r").content_root == layout_root(layouts[0])


def test_the_same_again_is_nothing(repository, ocean_file, tmp_path):
    path = ocean_file("more.nc", times=[4, 5], values=_values(2, 4))
    first = _appended(repository, [path])
    state = _state(repository)
    plan = plan_append([path], repository)
    assert plan.is_empty
    assert plan.equal == 2
    assert write_append(plan) == first
    assert _state(repository) == state


def test_equal_overlap_and_new_steps(repository, ocean_file):
    path = ocean_file("more.nc", times=[2, 3, 4], values=_values(3, 2))
    plan = plan_append([path], repository)
    assert (plan.equal, plan.added.count, plan.replaced) == (2, 1, ())
    write_append(plan)
    assert open_dataset(repository).sst.values.tolist() == _values(5).tolist()


@pytest.mark.parametrize("missing", [np.nan, -999.0])
def test_missing_values_are_equal(ocean_file, tmp_path, missing):
    values = _values(4)
    values[2, 1] = missing
    write_repository(plan_ingest([ocean_file("a.nc", values=values, fill=missing)], tmp_path / "r"))
    assert plan_append([ocean_file("b.nc", values=values, fill=missing)], tmp_path / "r").is_empty
    changed = values.copy()
    changed[2, 1, 0] = 7
    with pytest.raises(RepositoryExistsError, match=r"2000-01-03 .* 1 values differ, and so do values of 0"):
        plan_append([ocean_file("c.nc", values=changed, fill=missing)], tmp_path / "r")
    plan = plan_append([ocean_file("c.nc", values=changed, fill=missing)], tmp_path / "r", replace=("2000", "2000"))
    assert plan.differences[0].largest is None


def test_other_values_are_refused_with_the_first_label(repository, ocean_file):
    values = _values(4)
    values[1, 0, :2] += 0.5
    values[3] += 0.25
    with pytest.raises(
        RepositoryExistsError, match=r"'sst' at 2000-01-02 .* 2 values differ .by up to 0.5 degC.*1 more"
    ):
        plan_append([ocean_file("other.nc", values=values)], repository)
    with pytest.raises(RepositoryExistsError, match="'sst' at 2000-01-04"):
        plan_append([ocean_file("other.nc", values=values)], repository, replace=("2000-01-01", "2000-01-03"))


def test_replacing_rewrites_the_differing_steps_only(repository, ocean_file):
    values = _values(6)
    values[1, 0, :2] += 0.5
    plan = plan_append(
        [ocean_file("b.nc", times=list(range(6)), values=values)], repository, replace=("2000-01", "2000")
    )
    assert plan.change == "correction"
    assert [(run.stored, run.count) for run in plan.replaced] == [(1, 1)]
    difference = plan.differences[0]
    assert (difference.variable, difference.steps, difference.values, difference.largest) == ("sst", (1,), 2, 0.5)
    assert [chunk for array in plan.layouts["maps"] if array.name == "sst" for chunk in plan.changed_chunks(array)] == [
        (0, 0, 0),
        (2, 0, 0),
    ]
    summary = write_append(plan)
    assert open_dataset(repository).sst.values.tolist() == values.tolist()
    assert open_dataset(repository, revision="r1").sst.values.tolist() == _values(4).tolist()
    facts = commit_facts(open_repository(repository), summary.snapshot)
    assert (facts["change"], facts["previous"], facts["steps_replaced"], facts["steps_added"]) == (
        "correction",
        "r1",
        1,
        2,
    )
    assert facts["differences"][0]["largest"] == 0.5
    assert verify_revision(repository).is_sound
    assert verify_revision(repository, revision="r1").is_sound


def test_packed_differences_are_told_in_units(ocean_file, tmp_path):
    packing = {"dtype": "i2", "fill": -32768, "scale_factor": 0.01, "add_offset": 20.0}
    values = np.arange(60).reshape(4, 3, 5)
    write_repository(plan_ingest([ocean_file("a.nc", values=values, **packing)], tmp_path / "r"))
    values[2, 0, 0] += 150
    values[2, 0, 1] = -32768
    plan = plan_append([ocean_file("b.nc", values=values, **packing)], tmp_path / "r", replace=("2000", "2000"))
    assert plan.differences[0].largest == pytest.approx(1.5)
    assert plan.differences[0].values == 2
    write_append(plan)
    found = open_dataset(tmp_path / "r").sst.values
    assert np.isnan(found[2, 0, 1])
    assert found[2, 0, 0] == pytest.approx(20 + 0.01 * (30 + 150))


def _kelvin(ds):
    ds["sst"].units = "K"


def _extra(ds):
    ds.createVariable("ice", "f4", ("time",))[:] = 0


def _scalar(ds):
    ds.createVariable("crs", "i4", ())[:] = 0


@pytest.mark.parametrize(
    ("change", "difference"),
    [
        ({"change": _kelvin}, "attribute units of 'sst' is 'K', need 'degC'"),
        ({"change": _extra}, "variable 'ice' is one too many"),
        ({"change": _scalar}, "--variables"),
        ({"dtype": "f8"}, "'sst' is .* float64, need .* float32"),
        ({"dtype": "i2", "scale_factor": 0.1}, "'sst' is .* int16"),
        ({"fill": -1.0}, "attribute _FillValue of 'sst' is -1.0, need None"),
        ({"scale_factor": 0.1}, "attribute scale_factor of 'sst' is 0.1, need None"),
        ({"add_offset": 273.15}, "attribute add_offset of 'sst' is 273.15"),
        (
            {"lat": (-10, 0, 10.5)},
            r"3 values of 'lat' were compared, 1 differ, by up to 0.5; the first, at \[2\], is 10.5",
        ),
        ({"lat": (-10, 0, 10 + 2e-9)}, "of 'lat' were compared, 1 differ, by up to 2e-09"),
        ({"lat": (-10, 0), "values": 1}, "dimension 'lat' of 'lat' has 2, need 3"),
        ({"calendar": "noleap"}, "attribute calendar of 'time' is 'noleap'"),
    ],
)
def test_what_does_not_fit_is_refused(repository, ocean_file, change, difference):
    state = _state(repository)
    with pytest.raises(SchemaMismatch, match=difference):
        plan_append([ocean_file("b.nc", **({"times": [4, 5], "values": 1} | change))], repository)
    assert _state(repository) == state


def test_every_difference_is_named(repository, ocean_file):
    path = ocean_file("b.nc", times=[4], values=1, lat=(-10, 0, 11), change=_kelvin, scale_factor=2.0)
    with pytest.raises(SchemaMismatch, match="3 differences") as caught:
        plan_append([path], repository)
    assert all(word in str(caught.value) for word in ("units", "scale_factor", "'lat'"))


def test_missing_variables_are_named(ocean_file, tmp_path):
    write_repository(plan_ingest([ocean_file("a.nc", change=_extra)], tmp_path / "r"))
    path = ocean_file("b.nc", times=[4], values=1)
    with pytest.raises(SchemaMismatch, match="variable 'ice' is missing"):
        plan_append([path], tmp_path / "r")


def test_variables_are_taken_as_the_first_time(ocean_file, tmp_path):
    write_repository(plan_ingest([ocean_file("a.nc", change=_extra)], tmp_path / "r", variables=["sst"]))
    path = ocean_file("b.nc", times=[4], values=1, change=_extra)
    assert plan_append([path], tmp_path / "r", variables=["sst"]).added.count == 1


@pytest.mark.parametrize(("times", "where"), [([-2, -1], "before"), ([-1, 4], "before"), ([2, 2.5, 4], "between")])
def test_only_the_end_grows(repository, ocean_file, times, where):
    with pytest.raises(SchemaMismatch, match=f"{where} .*the first is (1999-12-3|2000-01-03 12)"):
        plan_append([ocean_file("b.nc", times=times, values=1)], repository)


def test_six_hourly_times_onto_days_keep_their_hours(repository, ocean_file):
    """Plain Zarr would store the hours as days."""
    path = ocean_file("b.nc", times=[96, 102, 108], time_units="hours since 2000-01-01", values=1)
    plan = plan_append([path], repository, allow_gap=True)
    assert "steps were P1D throughout; the new ones, steps of PT6H, are not" in plan.notes[-1]
    write_append(plan)
    assert str(open_dataset(repository).time.values[-1])[:16] == "2000-01-05T12:00"


@pytest.mark.parametrize(
    ("times", "where"),
    [
        ([6, 7], "2000-01-07 would follow 2000-01-04"),
        ([3, 6], "2000-01-07 would follow 2000-01-04"),
        ([4, 5, 9], "2000-01-10 would follow 2000-01-06"),
        ([3.25, 3.5], "2000-01-04 06:00 would follow 2000-01-04"),
    ],
)
def test_a_break_of_a_regular_series_is_refused_unless_allowed(repository, ocean_file, times, where):
    values = np.repeat(_values(1, 3), len(times), axis=0)
    path, state = ocean_file("b.nc", times=times, values=values), _state(repository)
    with pytest.raises(SchemaMismatch, match=rf"step of P1D, but {where}\. Nothing was written.*--allow-gap"):
        plan_append([path], repository)
    assert _state(repository) == state
    plan = plan_append([path], repository, allow_gap=True)
    assert f"({where.replace('would follow', 'follows')})" in plan.notes[-1]
    write_append(plan)
    assert open_dataset(repository).sizes["time"] == 4 + len([time for time in times if time > 3])
    again = ocean_file("c.nc", times=[40], values=1)  # what is irregular already has no step to break
    assert plan_append([again], repository).added.count == 1


def test_months_of_any_length_are_no_break(ocean_file, tmp_path):
    first, rest, late = (
        ocean_file(f"{n}.nc", times=times, values=1) for n, times in enumerate(([0, 31, 60], [91, 121], [121, 152]))
    )
    write_repository(plan_ingest([first], tmp_path / "r"))
    with pytest.raises(SchemaMismatch, match="step of P1M, but 2000-05-01 would follow 2000-03-01"):
        plan_append([late], tmp_path / "r")
    assert plan_append([rest], tmp_path / "r").added.count == 2


def test_a_break_of_times_without_dates(shared_data, tmp_path):
    """Days that only an attribute `Unit` tells: plain numbers, whose step must not break either."""
    files = sorted((shared_data / "parcels-data" / "GlobCurrent_example_data").glob("200201*.nc"))
    url = tmp_path / "r"
    plan = plan_ingest(files[:3], url, variables=["eastward_eulerian_current_velocity"])
    assert "time: no calendar units, stored as plain numbers; the entry will have no period" in plan.sources.notes
    assert write_repository(plan).extent.time is None
    with pytest.raises(SchemaMismatch, match=r"regular step of 1, but 37260\.0 would follow 37257\.0"):
        plan_append(files[5:6], url, variables=["eastward_eulerian_current_velocity"])
    assert plan_append(files[3:4], url, variables=["eastward_eulerian_current_velocity"]).added.count == 1


@pytest.mark.parametrize("options", [{"change": "improved"}, {"change": "reprocessing"}, {"replace": ("2000", "soon")}])
def test_settings_that_cannot_be_used(repository, ocean_file, options):
    with pytest.raises(InputError):
        plan_append([ocean_file("b.nc")], repository, **options)


def test_a_period_without_steps(repository, ocean_file):
    with pytest.raises(NotFoundError, match="runs from 2000-01-01 to 2000-01-04"):
        plan_append([ocean_file("b.nc")], repository, replace=("2001", "2002"))
    plan = plan_append([ocean_file("b.nc", times=[0], values=5)], repository, replace=("2000", "2000"))
    assert "3 stored steps of the period" in plan.notes[-1]


def test_no_time_axis(ocean_file, tmp_path):
    def still(path):
        with netCDF4.Dataset(path, "w") as ds:
            ds.createDimension("lat", 2)
            ds.createVariable("depth", "f4", ("lat",))[:] = 1
        return path

    write_repository(plan_ingest([still(tmp_path / "a.nc")], tmp_path / "r"))
    with pytest.raises(SchemaMismatch, match="no time axis"):
        plan_append([tmp_path / "a.nc"], tmp_path / "r")


def test_every_layout_grows(repository, ocean_file):
    from oceandata.storage.layout_writing import write_layout
    from oceandata.storage.layouts import plan_layout

    write_layout(plan_layout(repository, access="series", chunk_bytes=64))
    values = _values(7)
    values[0] += 1
    path = ocean_file("b.nc", times=list(range(7)), values=values)
    summary = _appended(repository, [path], replace=("2000-01-01", "2000-01-01"), change="reprocessing")
    assert summary.revision == "r3"
    for group in ("maps", "series"):
        assert open_dataset(repository, group=group).sst.values.tolist() == values.tolist()
    report = verify_revision(repository)
    assert report.is_sound
    assert set(report.layouts) == {"maps", "series"}


def test_a_writer_that_comes_second_is_told(repository, ocean_file):
    plans = [plan_append([ocean_file(f"{n}.nc", times=[4, 5], values=n)], repository) for n in (1, 2)]
    write_append(plans[0])
    state = _state(repository)
    with pytest.raises(RepositoryExistsError, match="moved on from r1 to r2"):
        write_append(plans[1])
    assert _state(repository) == state


def test_a_writer_that_is_overtaken_leaves_nothing(repository, ocean_file, monkeypatch):
    plans = [plan_append([ocean_file(f"{n}.nc", times=[4, 5], values=n)], repository) for n in (1, 2)]
    publish = writing.publish

    def overtaken(*args, **kwargs):
        monkeypatch.setattr(writing, "publish", publish)
        write_append(plans[1])
        publish(*args, **kwargs)

    monkeypatch.setattr(writing, "publish", overtaken)
    with pytest.raises(RepositoryExistsError, match="moved on from r1 to r2"):
        write_append(plans[0])
    assert (open_dataset(repository).sst.values[4:] == 2).all()
    assert set(_state(repository)[1]) == {"main"}


@pytest.mark.parametrize("after", ["create_tag", "reset_branch", "commit"])
def test_a_release_that_was_cut_short_is_finished(repository, ocean_file, monkeypatch, after):
    path, other = (ocean_file(f"{n}.nc", times=[4 + n], values=n) for n in (0, 1))

    def cut_short(repository, branch, snapshot, revision):
        if after != "commit":
            repository.create_tag(revision, snapshot)
        if after == "reset_branch":
            repository.reset_branch("main", snapshot)

    with monkeypatch.context() as patch:
        patch.setattr("oceandata.storage.writing.release_branch", cut_short)
        plan = plan_append([path], repository)
        branch = f"append-{plan.job}"
        with pytest.raises(NotFoundError) if after == "commit" else contextlib.nullcontext():
            write_append(plan)
    assert branch in _state(repository)[1]
    if after == "create_tag":  # another append finds the finished revision first
        with pytest.raises(RepositoryExistsError, match="moved on from r1 to r2"):
            _appended(repository, [other], allow_gap=True)
    assert _appended(repository, [path]).revision == "r2"
    assert set(_state(repository)[1]) == {"main"}
    assert _appended(repository, [other]).revision == "r3"
    assert open_dataset(repository).sizes["time"] == 6


def test_an_older_branch_does_not_turn_back_main(repository, ocean_file):
    opened = open_repository(repository)
    opened.create_branch("append-0123456789abcdef", opened.lookup_branch("main"))
    _appended(repository, [ocean_file("b.nc", times=[4], values=1)])
    state = _state(repository)
    abandon_ingest(repository)
    assert set(_state(repository)[1]) == {"main"}
    assert _state(repository)[1]["main"] == state[1]["main"]


def test_names_of_revisions(repository, ocean_file):
    plan = plan_append([ocean_file("b.nc", times=[4], values=1)], repository)
    for revision, error in (("r1", RepositoryExistsError), ("a b", InputError)):
        with pytest.raises(error, match="revision"):
            write_append(plan, revision=revision)
    assert write_append(plan, revision="final").revision == "final"


def test_damage_is_not_taken_over(ocean_file, tmp_path):
    url = tmp_path / "r"
    write_repository(plan_ingest([ocean_file("a.nc", times=[0, 1, 2], values=_values(3))], url, chunk_bytes=130))
    session = open_repository(url).writable_session("main")
    leaf = zarr.open_array(session.store, path=f"{INTEGRITY_GROUP}/maps/sst/leaf", mode="r+")
    leaf[1, 0, 0, 0] ^= 1
    metadata = dict(open_repository(url).lookup_snapshot(session.snapshot_id).metadata)
    session.commit("another leaf", metadata=metadata)
    plan = plan_append([ocean_file("b.nc", times=[3], values=1)], url)
    with pytest.raises(CorruptionError, match="sst/c/1/0/0 differs"):
        write_append(plan)


def test_what_is_read_back_is_compared(repository, ocean_file, monkeypatch):
    state = _state(repository)
    real = writing.BranchWriter.write

    def wrong(self, step, values):
        real(self, step, values)
        if step.name == "sst":
            leaf = zarr.open_array(self.session.store, path=f"{INTEGRITY_GROUP}/maps/sst/leaf", mode="r+")
            leaf[2, 0, 0, 0] ^= 1

    monkeypatch.setattr(writing.BranchWriter, "write", wrong)
    with pytest.raises(CorruptionError, match="sst/c/2/0/0 differs"):
        _appended(repository, [ocean_file("b.nc", times=[4], values=1)])
    assert _state(repository)[0] == state[0]
    assert _state(repository)[1]["main"] == state[1]["main"]


def test_a_file_that_changes_is_noticed(repository, ocean_file):
    plan = plan_append([ocean_file("b.nc", times=[4], values=1)], repository)
    ocean_file("b.nc", times=[4, 5], values=2)
    with pytest.raises(InputError, match="changed"):
        write_append(plan)
    assert set(_state(repository)[0]) == {"r1"}


def test_a_file_that_changes_while_it_is_written_is_noticed(repository, ocean_file):
    path = ocean_file("b.nc", times=[4], values=1)

    def touch(done, total):
        if done == total:
            os.utime(path, (0, 0))

    with pytest.raises(InputError, match="changed"):
        write_append(plan_append([path], repository), on_progress=touch)
    assert set(_state(repository)[0]) == {"r1"}


def test_a_time_axis_that_is_not_the_planned_one_is_not_published(repository, ocean_file, monkeypatch):
    real = writing.BranchWriter.write

    def late(self, step, values):
        real(self, step, values + 1 if step.name == "time" else values)

    monkeypatch.setattr(writing.BranchWriter, "write", late)
    with pytest.raises(CorruptionError, match="time axis"):
        _appended(repository, [ocean_file("b.nc", times=[4], values=1)])
    assert set(_state(repository)[0]) == {"r1"}


def test_a_long_append_is_committed_on_the_way_and_continued(repository, ocean_file, monkeypatch):
    monkeypatch.setattr("oceandata.storage.ingest._STEP_BYTES", 130)
    monkeypatch.setattr(writing, "_COMMIT_BYTES", 100)
    path = ocean_file("b.nc", times=list(range(4, 24)), values=_values(20, 4))
    plan = plan_append([path], repository)
    written, real = [], writing.BranchWriter.write

    def dying(self, step, values):
        if len(written) == 7:
            raise KeyboardInterrupt
        written.append(step)
        real(self, step, values)

    with monkeypatch.context() as patch:
        patch.setattr(writing.BranchWriter, "write", dying)
        with pytest.raises(KeyboardInterrupt):
            write_append(plan)
    assert open_dataset(repository).sizes["time"] == 4
    again = []
    monkeypatch.setattr(writing.BranchWriter, "write", lambda self, *step: [again.append(step[0]), real(self, *step)])
    _appended(repository, [path])
    assert 0 < len(again) < len(plan.moves)
    assert open_dataset(repository).sst.values.tolist() == _values(24).tolist()
    assert verify_revision(repository).is_sound


def test_the_command(repository, ocean_file):
    from oceandata.cli import cli

    def run(*words):
        return CliRunner().invoke(cli, ["append", *map(str, words), "--into", str(repository)])

    path = ocean_file("b.nc", times=[3, 4], values=np.full((2, 3, 5), 50.0))
    refused = run(path)
    assert isinstance(refused.exception, RepositoryExistsError)
    dry = run(path, "--replace", "time=2000-01-04", "--dry-run")
    assert dry.exit_code == 0, dry.output
    assert "nothing was written" in dry.output
    assert set(_state(repository)[0]) == {"r1"}
    done = run(path, "--replace", "time=2000-01-04/2000-01-04", "--change", "reprocessing")
    assert "reprocessing to r1: 1 steps added, 1 replaced, 0 stored already" in done.output
    assert "9 degC" in done.output
    assert "r2" in done.output
    assert "no new revision" in run(path).output
    assert run(path, "--replace", "lat=3").exit_code == 2
    assert '"steps_equal": 2' in run(path, "--json").output
    late = ocean_file("c.nc", times=[8], values=1)
    assert "--allow-gap" in str(run(late).exception)
    assert "1 steps added" in run(late, "--allow-gap").output


def test_a_copy_elsewhere_appends_to_the_same_root(repository, ocean_file, tmp_path):
    shutil.copytree(repository, tmp_path / "copy")
    path = ocean_file("b.nc", times=[4, 5], values=1)
    assert _appended(repository, [path]).content_root == _appended(tmp_path / "copy", [path]).content_root
