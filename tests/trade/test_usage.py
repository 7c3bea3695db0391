"""Usage reports: what was served, once, whoever tells it; what is missing is named; sheets that Excel opens rightly."""

import csv
import json
import subprocess
import sys
import textwrap
from datetime import datetime
from pathlib import Path

import openpyxl
import pytest
import xarray as xr
from click.testing import CliRunner

from oceandata.cli.trade_usage import usage as command
from oceandata.entities import Origin
from oceandata.errors import DocumentError, InputError, NotFoundError
from oceandata.storage import open_dataset
from oceandata.trade import lineage, write_result
from oceandata.trade.recording import recording
from oceandata.trade.usage import UsageReport, UsageRow, usage_report
from oceandata.trade.usage_sheets import write_usage


@pytest.fixture
def runs(sst: xr.DataArray, other: xr.DataArray, tmp_path: Path) -> Path:
    """A folder with one run that read two products, some of it twice, and wrote a file."""
    with recording(purpose="research", folder=tmp_path, run="run-1"):
        first = sst[:20].to_numpy().mean(0)
        sst[0].compute()
        write_result(xr.DataArray(first + other[50].to_numpy(), dims=("y", "x"), name="x"), tmp_path / "x.nc")
    return tmp_path


def _rows(report: UsageReport) -> dict[str, UsageRow]:
    return {row.origin.product: row for row in report.rows}


def test_a_run_by_product_revision_and_variable(runs: Path, sst: xr.DataArray, other: xr.DataArray) -> None:
    report = usage_report(runs)
    rows = _rows(report)
    assert set(rows) == {"example:first", "example:second"}
    one = rows["example:first"]
    planned = lineage(sst[:20]).stored_bytes
    (chunk,) = lineage(sst[0]).planned
    assert (one.unique_bytes, one.gross_bytes) == (planned, planned + chunk.stored_bytes)
    assert (one.unique_chunks, one.gross_chunks) == (2, 3)
    assert rows["example:second"].unique_bytes == lineage(other[50]).stored_bytes
    assert (one.run, one.purpose, one.variable, one.origin.product_revision) == (
        "run-1",
        "research",
        "surface_temperature",
        1,
    )
    assert one.origin.repository == ""
    assert one.records is None
    assert one.started is not None
    assert one.ended is not None
    assert one.ended >= one.started
    assert report.complete
    assert report.unique_bytes == sum(row.unique_bytes for row in report.rows)


def test_the_same_usage_told_thrice_counts_once(runs: Path) -> None:
    report = usage_report(runs, runs / "x.nc", runs)
    assert report == usage_report(runs)
    assert {row.id for row in usage_report(runs / "x.nc").rows} == {row.id for row in report.rows}
    assert len({row.id for row in report.rows}) == 2


def test_a_recording_tells_what_its_folder_tells(sst: xr.DataArray, tmp_path: Path) -> None:
    with recording(purpose="research", folder=tmp_path) as run:
        sst[:20].compute()
        (live,) = usage_report(run).rows
        assert live.ended is None
    assert usage_report(run) == usage_report(tmp_path) == usage_report(run, tmp_path)
    assert usage_report(run).rows[0].id == live.id


def test_two_runs_are_two_usages_and_two_processes_of_one_run_are_one(sst: xr.DataArray, tmp_path: Path) -> None:
    for run, steps in (("a", slice(0, 20)), ("a", slice(11, 30)), ("b", slice(0, 11))):
        with recording(purpose="research", folder=tmp_path, run=run):
            sst[steps].compute()
    first, second = usage_report(tmp_path).rows
    assert [(row.run, row.unique_chunks, row.gross_chunks) for row in (first, second)] == [("a", 3, 4), ("b", 1, 1)]
    assert first.id != second.id


def test_files_without_a_recording_are_told_apart(sst: xr.DataArray, tmp_path: Path) -> None:
    for name in ("a.nc", "b.nc"):
        write_result(sst[:5].mean("time"), tmp_path / name)
    report = usage_report(tmp_path / "a.nc", tmp_path / "b.nc", tmp_path / "a.nc")
    assert len(report.rows) == 2
    assert {row.purpose for row in report.rows} == {""}
    assert report.table()[0][6] == "unknown"


def test_the_same_bytes_with_and_without_a_product_are_one_usage(ostia_repository: Path, sst: xr.DataArray) -> None:
    with recording(purpose="research") as run:
        sst[:20].compute()
        open_dataset(ostia_repository, chunks={})["surface_temperature"][11:30].compute()
    (row,) = usage_report(run).rows
    assert (row.origin.product, row.unique_chunks, row.gross_chunks) == ("example:first", 3, 4)


KILLED = """
    import os, signal, sys
    from oceandata.entities import Origin
    from oceandata.storage import open_dataset
    from oceandata.trade.recording import recording
    sst = open_dataset(sys.argv[1], origin=Origin(repository="", product="example:first"), chunks={})
    with recording(purpose="research", folder=sys.argv[2], run="job-9"):
        sst["surface_temperature"][:20].compute(scheduler="synchronous")
        os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_killed_process_is_named_and_what_it_recorded_counts(ostia_repository: Path, tmp_path: Path) -> None:
    command_line = [sys.executable, "-c", textwrap.dedent(KILLED), str(ostia_repository), str(tmp_path)]
    process = subprocess.Popen(command_line)
    assert process.wait(120) == -9
    report = usage_report(tmp_path)
    (row,) = report.rows
    assert (row.run, row.unique_chunks, row.complete, row.ended) == ("job-9", 2, False, None)
    assert row.variable == "surface_temperature"
    assert not report.complete
    (fault,) = report.missing
    assert f":{process.pid} died" in fault
    said = CliRunner().invoke(command, [str(tmp_path)])
    assert said.exit_code == 3
    assert "died" in said.output


def test_a_damaged_and_a_shortened_record_are_named(runs: Path) -> None:
    (segment,) = runs.glob("*.reads")
    lines = segment.read_bytes().splitlines(keepends=True)
    segment.write_bytes(b"".join(lines[:3] + lines[4:]))
    report = usage_report(runs)
    assert not report.complete
    assert "records are missing from the log of process" in report.missing[0]
    segment.write_bytes(b"".join([*lines[:3], b"something else\n", *lines[3:]]))
    assert "is damaged" in usage_report(runs).missing[0]
    segment.write_bytes(lines[1] + lines[2])
    assert "is no log of reads" in usage_report(runs).missing[0]


def test_refused(tmp_path: Path, runs: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(NotFoundError, match="holds no record of a run"):
        usage_report(tmp_path / "empty")
    with pytest.raises(NotFoundError, match="there is no file"):
        usage_report(tmp_path / "none.nc")
    (document,) = runs.glob("*.run.json")
    document.write_text('{"id": 3}', encoding="utf-8")
    with pytest.raises(DocumentError, match="cannot be read"):
        usage_report(runs)


def _told(**changes: object) -> UsageRow:
    """A row that would be a formula wherever it can be."""
    facts: dict[str, object] = {"id": "1", "run": "=1+1", "purpose": "@SUM(A1)", "variable": "+sst"}
    facts |= {"origin": Origin(repository="", product='=HYPERLINK("x")', entry="-a", snapshot="S")}
    facts |= {"unique_bytes": 5, "gross_bytes": 10**12, "unique_chunks": None, "gross_chunks": 2, "records": None}
    facts |= {"started": datetime.fromisoformat("2026-11-01T08:30:00+08:00"), "ended": None, "complete": False}
    return UsageRow(**(facts | changes))  # type: ignore[arg-type]


def test_csv_for_excel(tmp_path: Path) -> None:
    path = write_usage(UsageReport((_told(),), ("process a died",)), tmp_path / "用量.csv", language="zh")
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")
    header, row = csv.reader(path.read_text("utf-8-sig").splitlines())
    told = dict(zip(header, row, strict=True))
    assert told["产品编号"] == '\'=HYPERLINK("x")'
    assert (told["运行编号"], told["用途"], told["变量"], told["目录条目"]) == ("'=1+1", "'@SUM(A1)", "'+sst", "'-a")
    assert (told["去重字节数"], told["累计字节数"], told["去重数据块数"]) == ("5", "1000000000000", "未知")
    assert (told["开始时间（UTC）"], told["结束时间（UTC）"]) == ("2026-11-01 00:30:00", "未知")
    assert (told["记录条数"], told["是否完整"]) == ("未知", "否")


@pytest.mark.parametrize(("language", "header"), [("zh", "去重字节数"), ("en", "unique bytes")])
def test_workbook_with_numbers_times_and_no_formula(tmp_path: Path, language: str, header: str) -> None:
    report = UsageReport((_told(), _told(id="2", unique_chunks=7)), ("process a died",))
    book = openpyxl.load_workbook(write_usage(report, tmp_path / "u.xlsx", language=language))
    sheet = book.worksheets[0]
    names = [cell.value for cell in sheet[1]]
    row = dict(zip(names, sheet[2], strict=True))
    assert row[header].value == 5
    assert row[header].data_type == "n"
    started = sheet[2][names.index("开始时间（UTC）" if language == "zh" else "started (UTC)")]
    assert started.is_date
    assert started.value == datetime(2026, 11, 1, 0, 30)
    assert not [cell for line in sheet for cell in line if cell.data_type == "f"]
    assert sheet[3][names.index("去重数据块数" if language == "zh" else "unique chunks")].value == 7
    assert any("process a died" in str(cell.value) for line in book.worksheets[1] for cell in line)
    with pytest.raises(InputError, match=r"need \.csv or \.xlsx"):
        write_usage(report, tmp_path / "u.pdf")


def test_command(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(runs)
    said = CliRunner().invoke(command, ["--json", "--to", "u.xlsx", "--lang", "zh"])
    assert said.exit_code == 0
    document = json.loads(said.output)
    assert document["complete"] is True
    assert [row["origin"]["product"] for row in document["rows"]] == ["example:first", "example:second"]
    assert document["rows"][0]["records"] is None
    assert "去重字节数" in [cell.value for cell in openpyxl.load_workbook("u.xlsx").worksheets[0][1]]
    said = CliRunner().invoke(command, ["x.nc", "."])
    assert said.exit_code == 0
    assert "example:second" in said.output
    assert "in all" in said.output


def test_views(runs: Path) -> None:
    report = usage_report(runs)
    assert "example:first" in str(report)
    assert "research" in report._repr_html_()
    assert "<script" not in UsageReport((_told(purpose="<script>"),))._repr_html_()
    assert "missing: process a died" in str(UsageReport((), ("process a died",)))
