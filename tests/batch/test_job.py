"""The job document: every fault at once with its line, and a digest that only the work changes."""

from pathlib import Path

import pytest
import yaml

from oceandata.batch import Job, load_job
from oceandata.batch.job import differences
from oceandata.errors import DocumentError, NotFoundError
from tests.batch.conftest import Holding, Make, Write


def test_the_order_of_keys_comments_and_resources_do_not_change_the_digest(write_job: Write, tmp_path: Path) -> None:
    path = write_job()
    job = load_job(path)
    document = yaml.safe_load(path.read_text())
    turned = {key: document[key] for key in reversed(document)}
    turned["resources"] = {"workers": 7, "memory": "8 GB"}
    turned["run"] = "elsewhere"
    other = tmp_path / "other.yaml"
    other.write_text("# a comment\n" + yaml.safe_dump(turned, sort_keys=False))
    assert load_job(other).digest == job.digest
    assert load_job(other).run_folder == tmp_path / "elsewhere"


def test_one_routine_and_a_chain_of_one_are_the_same_work(make_job: Make) -> None:
    one = make_job(routine="trend", arguments={"harmonics": [1.0]})
    chain = make_job(routine=None, steps=[{"routine": "trend", "arguments": {"harmonics": [1]}}])
    assert one.digest == chain.digest


@pytest.mark.parametrize(
    "changes",
    [
        {"routine": "mean"},
        {"arguments": {"harmonics": [1]}},
        {"output": "other.nc"},
        {"purpose": "research"},
        {"entitlement": "e-1"},
    ],
)
def test_the_work_changes_the_digest(make_job: Make, changes: dict[str, object]) -> None:
    assert make_job(**changes).digest != make_job().digest


def test_the_period_and_the_region_are_work(make_job: Make, holding: Holding) -> None:
    given = {"catalog": str(holding.catalog), "entry": "sst"}
    digests = {make_job(input=given | more).digest for more in ({}, {"time": 1980}, {"region": [0, -20, 90, 20]})}
    assert len(digests) == 3


def test_all_faults_are_told_at_once_with_their_lines(tmp_path: Path) -> None:
    path = tmp_path / "job.yaml"
    path.write_text(
        "schema: oceandata.job/2\n"
        "name: Bad Name\n"
        "input:\n"
        "  catalog: c.yaml\n"
        "  entri: sst\n"
        "routine: climatolgy\n"
        "output: out.nc\n"
        "resources:\n"
        "  workers: 0\n"
    )
    with pytest.raises(DocumentError) as caught:
        load_job(path)
    message = str(caught.value)
    assert "has 6 faults" in message
    for line, part in (
        (1, "oceandata.job/1"),
        (2, "name"),
        (3, "input.entry: Field required"),
        (5, "unknown key 'entri'. Close: 'entry'"),
        (6, "there is no routine 'climatolgy'. Close: 'climatology'"),
        (9, "greater than or equal to 1"),
    ):
        assert any(f":{line}:" in one and part in one for one in message.splitlines()), (line, part, message)


def test_what_a_job_names_is_looked_for(write_job: Write, holding: Holding) -> None:
    with pytest.raises(DocumentError) as caught:
        load_job(
            write_job(
                input={"catalog": str(holding.catalog), "entry": "sts"},
                routine=None,
                steps=[
                    {"routine": "climatology", "arguments": {"freqency": "month"}},
                    {"routine": "anomaly", "of": "inptu", "arguments": {"clim": {"result": "climatolgy"}}},
                ],
                output="out.tif",
            )
        )
    message = str(caught.value)
    assert "has 5 faults" in message
    for part in (
        "no entry 'sts'",
        "climatology has no argument 'freqency'",
        "no earlier step 'inptu'. Close: 'input'",
        "no earlier step 'climatolgy'. Close: 'climatology'",
        "ends in '.tif'",
    ):
        assert part in message


def test_missing_arguments_tables_and_places_are_told(write_job: Write) -> None:
    with pytest.raises(DocumentError, match="quantile needs the argument 'q'"):
        load_job(write_job(routine="quantile"))
    with pytest.raises(DocumentError, match="makes a table of events"):
        load_job(write_job(routine="detect_heatwaves"))
    with pytest.raises(DocumentError, match="does not exist"):
        load_job(write_job(output="nowhere/out.nc"))
    with pytest.raises(DocumentError, match="makes no lazy result"):
        load_job(write_job(routine="plan"))


def test_a_job_has_a_routine_or_steps(write_job: Write) -> None:
    with pytest.raises(DocumentError, match="got neither"):
        load_job(write_job(routine=None))
    with pytest.raises(DocumentError, match="got both"):
        load_job(write_job(steps=[{"routine": "mean"}]))
    with pytest.raises(DocumentError, match="two steps are called 'mean'"):
        load_job(write_job(routine=None, steps=[{"routine": "mean"}, {"routine": "mean"}]))


def test_a_file_that_is_no_job(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="no job at"):
        load_job(tmp_path / "none.yaml")
    path = tmp_path / "job.yaml"
    path.write_text("- a\n- b\n")
    with pytest.raises(DocumentError, match="need the keys of a job"):
        load_job(path)
    path.write_text("name: a\nname: b\n")
    with pytest.raises(DocumentError, match="stands twice"):
        load_job(path)


def test_a_job_survives_its_json_form(make_job: Make) -> None:
    job = make_job(arguments={"harmonics": [1, 2]}, purpose="海洋热浪")
    again = Job.from_json(job.to_json()).placed(job.folder)
    assert again == job
    assert again.digest == job.digest


def test_memory_is_bytes_or_a_size(make_job: Make) -> None:
    sizes = [
        make_job(resources={"memory": given}).resources.memory for given in (8_000_000_000, "8 GB", "8GB", "8e9 B")[:3]
    ]
    assert sizes == [8_000_000_000] * 3


def test_differences_name_the_place() -> None:
    before = {"steps": [{"routine": "mean"}, {"routine": "trend"}], "output": "a"}
    after = {"steps": [{"routine": "mean"}, {"routine": "eof"}], "output": "a", "purpose": "x"}
    assert differences(before, after) == [
        'purpose was not given and is "x"',
        'steps.1.routine was "trend" and is "eof"',
    ]
