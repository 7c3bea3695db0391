"""Which files are one dataset."""

import dataclasses
from collections.abc import Callable
from pathlib import Path, PurePath

import pytest

from oceandata.catalog.scan.facts import PlaceFacts, TimeSpan, describe_dataset
from oceandata.catalog.scan.grouping import group_files
from oceandata.entities import Extent, Variable
from oceandata.storage.files import open_file

DAY = 86400.0


def _facts(path: str, first: float, last: float | None = None, **changes: object) -> PlaceFacts:
    """A grid of one variable; times in days."""
    last = first if last is None else last
    span = TimeSpan(
        name="time",
        dimension="time",
        kind="standard",
        first=first * DAY,
        last=last * DAY,
        count=int(last - first) + 1,
        step=DAY if last > first else 0.0,
        is_axis=True,
    )
    fields: dict[str, object] = {
        "path": path,
        "ends": path,
        "sizes": {"time": span.count, "lat": 3},
        "variables": {"sst": Variable(dimensions=("time", "lat"), shape=(span.count, 3))},
        "extent": Extent(),
        "time": span,
        "schema_digest": "schema",
        "grid_digest": "grid",
    }
    return PlaceFacts(**(fields | changes))  # type: ignore[arg-type]


def _names(*files: PlaceFacts) -> list[list[str]]:
    return [[PurePath(facts.path).name for facts in grouped.files] for grouped in group_files(files)]


def test_one_period_a_file() -> None:
    files = [
        _facts(f"/d/sst_{year}.nc", 365.0 * (year - 2000), 365.0 * (year - 2000) + 364) for year in (2001, 2000, 2002)
    ]
    assert _names(*files) == [["sst_2000.nc", "sst_2001.nc", "sst_2002.nc"]]
    (grouped,) = group_files(files)
    assert grouped.notes == ()


def test_folders_that_are_dates_do_not_part_a_series() -> None:
    files = [
        _facts(f"/d/{year}/{month:02}/sst.nc", 365.0 * (year - 2000) + 31 * month)
        for year in (2000, 2001)
        for month in (1, 2)
    ]
    assert len(group_files(files)) == 1
    floats = [_facts(f"/dac/{name}/profile.nc", number) for number, name in enumerate(("13857", "13858"))]
    assert len(group_files(floats)) == 2


def test_a_gap_is_told() -> None:
    (grouped,) = group_files([_facts("/d/a1.nc", 0, 9), _facts("/d/a2.nc", 20, 29)])
    assert grouped.notes == ("time steps are missing between a1.nc and a2.nc: 11 steps apart.",)


@pytest.mark.parametrize(
    "changes",
    [
        {"schema_digest": "other"},
        {"grid_digest": "other"},
        {"sizes": {"time": 1, "lat": 4}},
        {"time": None},
        {"path": "/d/b2.nc"},
        {"path": "/e/a2.nc"},
        {"path": "/d/a2.cdf"},
    ],
    ids=["schema", "grid", "sizes", "no time", "name", "folder", "suffix"],
)
def test_files_that_differ_are_not_joined(changes: dict[str, object]) -> None:
    one = _facts("/d/a1.nc", 0)
    assert len(group_files([one, _facts("/d/a2.nc", 1)])) == 1
    assert len(group_files([one, _facts(**({"path": "/d/a2.nc", "first": 1} | changes))])) == 2  # type: ignore[arg-type]


def test_files_that_overlap_in_time_stay_apart_with_a_note() -> None:
    first, second = group_files([_facts("/d/ens1.nc", 0, 9), _facts("/d/ens2.nc", 5, 14)])
    assert first.notes == ("2 files of one pattern are not joined: ens1.nc and ens2.nc overlap in time.",)
    assert second.notes == ()


def test_profiles_may_differ_in_length_grids_may_not() -> None:
    def profile(number: int) -> PlaceFacts:
        facts = _facts(f"/p/D1_{number:03}.nc", number)
        span = facts.time
        assert span is not None
        return facts.model_copy(
            update={"time": span.model_copy(update={"is_axis": False}), "sizes": {"time": 1, "lat": 100 + number}}
        )

    assert len(group_files([profile(1), profile(2)])) == 1


def test_times_without_any_units_are_not_compared() -> None:
    def numbered(number: int) -> PlaceFacts:
        facts = _facts(f"/d/a{number}.nc", number)
        assert facts.time is not None
        return facts.model_copy(update={"time": facts.time.model_copy(update={"kind": "numbers {}"})})

    assert len(group_files([numbered(1), numbered(2)])) == 2


def test_one_variable_a_file_also_in_periods() -> None:
    def of(name: str, year: int) -> PlaceFacts:
        variable = Variable(dimensions=("time", "lat"), shape=(1, 3))
        return _facts(f"/run/{name}_{year}.nc", float(year), variables={name: variable}, schema_digest=name)

    files = [of(name, year) for name in ("thetao", "so") for year in (1, 2)]
    assert _names(*files) == [["so_1.nc", "so_2.nc", "thetao_1.nc", "thetao_2.nc"]]
    assert _names(*files, of("uo", 1)) == [["so_1.nc", "so_2.nc", "thetao_1.nc", "thetao_2.nc"], ["uo_1.nc"]]
    doubled = of("so", 1).model_copy(update={"path": "/run/thetao_1.nc"})
    assert all(len(names) == 1 for names in _names(of("so", 1), doubled))


def test_every_file_is_in_one_dataset(shared_data: Path, write_file: Callable[..., Path]) -> None:
    folder = shared_data / "iris-sample-data"
    paths = sorted(folder.rglob("*.nc"))
    files = []
    for path in paths:
        with open_file(path) as ds:
            files.append(describe_dataset(ds, str(path), ends=path.name))
    grouped = group_files(files)
    assert sorted(facts.path for one in grouped for facts in one.files) == [str(path) for path in paths]
    assert max(len(one.files) for one in grouped) == 2, "NEMO, January and February"
    assert dataclasses.is_dataclass(grouped[0])
