"""What jobs write has the price of the values they took; what they were for is in the report of usage."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
import zarr

from oceandata import analysis, storage, trade
from oceandata.batch import Job, load_job, run_job
from oceandata.catalog import draft_entry, open_catalog, register_entry
from oceandata.catalog.entries import Overlay
from oceandata.entities import TradeLink
from oceandata.errors import DocumentError, NotFoundError
from oceandata.trade.quote import quote
from oceandata.trade.reopened import STAMP
from oceandata.trade.usage import usage_report
from tests.batch.conftest import SMALL, write_months
from tests.trade.test_quote import DAY, make_product

NAME = "example:first"


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An entry of 36 maps of 18 by 24 values, linked to a product."""
    folder = tmp_path_factory.mktemp("priced")
    plan = storage.plan_ingest([write_months(folder / "sst.nc", 36)], folder / "sst", chunk_bytes=2000)
    summary = storage.write_repository(plan)
    entry = draft_entry(
        summary,
        Overlay(title="sea surface temperature", license="CC-BY-4.0"),
        name="sst",
        trade=TradeLink(product=NAME, revision=1, example=True),
    )
    register_entry(folder / "catalog.yaml", entry)
    return folder / "catalog.yaml"


def _job(catalog: Path, folder: Path, output: str, **changes: Any) -> Job:
    document: dict[str, Any] = {
        "schema": "oceandata.job/1",
        "name": "warm",
        "input": {"catalog": str(catalog), "entry": "sst", "blocks": {"time": 5, "lat": 7, "lon": 11}},
        "routine": "climatology",
        "output": output,
        "resources": SMALL,
        "purpose": "a lecture",
    }
    path = folder / "warm.yaml"
    path.write_text(yaml.safe_dump(document | changes))
    return load_job(path)


@pytest.mark.parametrize(
    ("output", "selection", "values", "routine"),
    [
        ("out.nc", {}, 36 * 18 * 24, "climatology"),
        ("out", {"time": "1980-03/1982-02"}, 24 * 18 * 24, "climatology"),
        ("out.nc", {"time": "1980-03/1982-02"}, 24 * 18 * 24, "anomaly"),
    ],
    ids=["all", "two years in a repository", "two streams"],
)
def test_a_result_of_a_job_costs_what_the_lazy_one_does(
    catalog: Path, tmp_path: Path, output: str, selection: dict[str, str], values: int, routine: str
) -> None:
    blocks = {"catalog": str(catalog), "entry": "sst", "blocks": {"time": 5, "lat": 7, "lon": 11}}
    job = _job(catalog, tmp_path, output, input=blocks | selection, routine=routine)
    assert run_job(job, canary=False).code == 0
    product = make_product()
    lazy = getattr(analysis, routine)(open_catalog(catalog).open("sst", **selection)["sst"])
    found = quote(job.target, products=product, at=DAY)
    assert found.complete
    assert found.totals == quote(lazy, products=product, at=DAY).totals == {"CNY": Decimal(values * 4)}
    assert not found.lines[0].parts[0].rounded


def test_a_repository_of_results_that_is_opened_again_continues_its_lineage(catalog: Path, tmp_path: Path) -> None:
    job = _job(catalog, tmp_path, "out")
    assert run_job(job, canary=False).code == 0
    again = storage.open_dataset(job.target, chunks={})["sst"].mean("month")
    product = make_product()
    found = trade.lineage(again)
    assert [(one.origin.product, bool(one.through)) for one in found.planned] == [("", False), (NAME, True)]
    assert found.unattributed == ()
    assert quote(again, products=product, at=DAY).totals == quote(job.target, products=product, at=DAY).totals
    owed, before = (trade.can_relist(one, products=product, at=DAY) for one in (again, job.target))
    assert owed.inputs == before.inputs
    assert trade.attribution(again, products=product) == trade.attribution(job.target, products=product)


def test_what_was_appended_to_a_result_is_of_unknown_source(catalog: Path, tmp_path: Path) -> None:
    job = _job(catalog, tmp_path, "out", routine="anomaly")
    assert run_job(job, canary=False).code == 0
    months = storage.open_dataset(job.target, chunks=None).isel(time=slice(0, 2)).load()
    later = np.array(["1983-01", "1983-02"], "M8[ns]")
    months.assign_coords(time=months["time"].copy(data=later)).drop_attrs(deep=False).to_netcdf(tmp_path / "others.nc")
    storage.write_append(storage.plan_append([tmp_path / "others.nc"], job.target))
    told = f"what was written into {job.target} beside its lineage: others.nc"
    again = storage.open_dataset(job.target, chunks={})["sst"]
    assert trade.lineage(again.mean()).unattributed == trade.read_stamp(job.target)[0].unattributed == (told,)
    for one in (again.mean(), job.target):
        assert not quote(one, products=make_product(), at=DAY).complete
        decided = trade.can_relist(one, products=make_product(), at=DAY).inputs
        assert [rights.answer for rights in decided if rights.product == told] == ["undetermined"]


def test_a_lineage_of_one_file_is_not_that_of_the_next(catalog: Path, tmp_path: Path) -> None:
    sst = open_catalog(catalog).open("sst")
    stamped = trade.write_result(sst.isel(time=slice(0, 12)), tmp_path / "a.nc").path
    others = write_months(tmp_path / "b.nc", 12, start=12)
    for files, unknown in (([stamped], 0), ([stamped, others], 1)):
        url = tmp_path / f"of-{len(files)}"
        storage.write_repository(storage.plan_ingest(files, url))
        found = trade.lineage(storage.open_dataset(url, chunks={})["sst"].mean())
        assert [one.origin.product for one in found.planned] == ["", NAME]
        assert len(found.unattributed) == len(trade.read_stamp(url)[0].unattributed) == unknown


def test_a_result_explains_no_other_of_its_name(catalog: Path, tmp_path: Path) -> None:
    stamped = trade.write_result(open_catalog(catalog).open("sst"), tmp_path / "a.nc").path
    opened = []
    for number, file in enumerate((stamped, catalog.parent / "sst.nc")):
        folder = tmp_path / str(number)
        summary = storage.write_repository(storage.plan_ingest([file], folder / "same"))
        entry = draft_entry(summary, Overlay(title="the same name", license="CC-BY-4.0"), name="same")
        register_entry(folder / "catalog.yaml", entry)
        opened.append(open_catalog(folder / "catalog.yaml").open("same")["sst"].mean())
    known, both = (quote(one, products=make_product(), at=DAY) for one in (opened[0], opened[0] + opened[1]))
    assert (known.complete, both.complete) == (True, False)
    assert {line.reason for line in both.lines} == {"", "it belongs to no product"}


def test_a_stamp_of_before_values_were_counted_says_so(catalog: Path, tmp_path: Path) -> None:
    job = _job(catalog, tmp_path, "out")
    assert run_job(job, canary=False).code == 0
    lineage, _ = trade.read_stamp(job.target)
    document = lineage.to_json()
    for one in document["inputs"]:
        one.pop("taken", None)
    session = storage.open_repository(job.target).writable_session("main")
    zarr.open_group(session.store, path="maps", mode="r+").attrs[STAMP] = json.dumps(document)
    facts = dict(next(iter(storage.open_repository(job.target).ancestry(branch="main"))).metadata)
    session.commit("an old stamp", metadata=facts)
    found = quote(job.target, products=make_product(), at=DAY)
    assert found.lines[0].reason == (
        "its lineage does not say how many values were taken: they were not counted when it was written"
    )
    assert not found.complete


def test_a_repository_without_a_lineage(catalog: Path) -> None:
    with pytest.raises(NotFoundError, match="carries no lineage"):
        quote(catalog.parent / "sst", at=DAY)


@pytest.mark.parametrize("output", ["out.nc", "out"])
def test_usage_of_a_job_names_its_purpose(catalog: Path, tmp_path: Path, output: str) -> None:
    job = _job(catalog, tmp_path, output)
    report = run_job(job, canary=False)
    assert report.finished is not None
    told = usage_report(job.run_folder)
    (row,) = told.rows
    assert (row.purpose, row.variable, row.origin.product, row.run) == ("a lecture", "sst", NAME, job.digest)
    assert row.unique_bytes == report.finished.usage.unique_bytes > 0
    assert told.complete
    assert usage_report(job.run_folder.parent) == told
    assert told.table()[0][6] == "a lecture"
    if output.endswith(".nc"):
        assert usage_report(job.target, job.run_folder).rows == told.rows
        assert usage_report(job.target).rows[0].purpose == "a lecture"
    else:
        with pytest.raises(NotFoundError, match="is a repository, which does not tell what was served"):
            usage_report(job.target)


def test_a_damaged_report_of_a_job(catalog: Path, tmp_path: Path) -> None:
    job = _job(catalog, tmp_path, "out.nc")
    assert run_job(job, canary=False).code == 0
    (job.run_folder / "report.json").write_text("{}")
    with pytest.raises(DocumentError, match=r"report\.json cannot be read"):
        usage_report(job.run_folder)
