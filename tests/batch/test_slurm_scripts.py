"""What is written for Slurm: nothing but plain words, and a script that drains by whichever clock."""

import os
import re
import signal
import subprocess
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from click.testing import CliRunner

from oceandata.batch import load_job, read_status
from oceandata.batch.slurm import submit_job
from oceandata.batch.slurm_scripts import Allocation, walltime_seconds
from oceandata.cli import cli
from oceandata.errors import InputError
from tests.batch.conftest import Write
from tests.batch.slurm_node import ONE, SMALL, done_in, submit, wait_until


class Script(NamedTuple):
    """Script of a share beside what stands for Slurm's commands, and the run that it works on."""

    path: Path
    asked: Path
    run: Path

    def start(self) -> "subprocess.Popen[str]":
        environment = os.environ | {"PATH": f"{self.path.parent}:{os.environ['PATH']}", "CHAOS_SLEEP": "0.4"}
        environment |= {"SLURM_ARRAY_JOB_ID": "7", "SLURM_ARRAY_TASK_ID": "1"}
        command = ["bash", str(self.path)]
        return subprocess.Popen(command, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


@pytest.fixture
def script(write_job: Write, chaos: Path) -> Script:
    """To be run by bash alone: Slurm notes what it is asked and answers nothing."""
    path = write_job(routine="mean", resources=ONE)
    planned = submit_job(path, Allocation(**SMALL, requeue=True), scheduler="threads", dry_run=True)
    share = chaos / "share.sh"
    share.write_text(next(iter(planned.scripts.values())))
    for name in ("squeue", "scontrol"):
        (chaos / name).write_text(f"#!/bin/sh\necho {name} \"$@\" >> '{chaos}/asked'\nexit 1\n")
        (chaos / name).chmod(0o755)
    return Script(share, chaos / "asked", load_job(path).run_folder)


def test_a_script_drains_with_75_and_asks_for_one_task(script: Script) -> None:
    process = script.start()
    wait_until(lambda: done_in(script.run / "ledger-all.log") >= 1 or process.poll() is not None, "something is done")
    process.send_signal(signal.SIGUSR1)
    said, _ = process.communicate()
    assert process.returncode == 75, said
    assert script.asked.read_text().splitlines()[-1] == "scontrol requeue 7_1"
    assert read_status(script.run).how == "drained"


def test_a_share_that_got_nowhere_is_not_requeued(script: Script) -> None:
    process = script.start()
    wait_until(script.asked.exists, "the script asks for its end")
    process.send_signal(signal.SIGUSR1)
    said, _ = process.communicate()
    assert process.returncode == 75, said
    if not done_in(script.run / "ledger-all.log"):
        assert "not requeued" in said
        assert "requeue" not in script.asked.read_text()


def test_the_end_that_slurm_tells_counts_too(script: Script) -> None:
    squeue = script.path.parent / "squeue"
    squeue.write_text("#!/bin/sh\ndate -d '+5 seconds' +%FT%T\n")
    script.path.write_text(script.path.read_text().replace("drain_s=300", "drain_s=2"))
    process = script.start()
    said, _ = process.communicate()
    assert process.returncode == 75, said
    assert read_status(script.run).done < 32 if (script.run / "plan.json").exists() else "not requeued" in said


def test_a_dry_run_prints_and_leaves_nothing(write_job: Write, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    path = write_job(routine="climatology", run="a run")
    given = ["--shares", "64", "--queue", "night", "--account", "ocean", "--constraint", "[a|b]&c", "--cpus", "2"]
    done = submit(path, *given, "--directive", "qos=long", "--requeue", "--dry-run")
    assert done.exit_code == 0, done.output
    directives = dict(re.findall(r"^#SBATCH --([a-z-]+)=\"(.*)\"$", done.output.partition("finisher.sh")[0], re.M))
    assert directives == {
        "job-name": "oceandata-job",
        "array": "1-4",  # no more than there are partitions
        "partition": "night",
        "account": "ocean",
        "constraint": "[a|b]&c",
        "time": "00:30:00",
        "nodes": "1",
        "ntasks": "1",
        "cpus-per-task": "2",
        "mem": "953M",
        "signal": "B:USR1@300",
        "open-mode": "append",
        "qos": "long",
        "output": f"{tmp_path}/a run/slurm/share-%A_%a.log",
    }
    assert "\n#SBATCH --requeue\n" in done.output
    assert not (tmp_path / "a run").exists()
    assert submit(path, "--dry-run", "--json").output.count('"finisher": ""') == 1


@pytest.mark.parametrize("bad", ["a\nb", "$(id)", "`id`", "a b", 'a"b', "a'b", "a\u2028b", "$HOME", "a#b", "a;\\"])
@pytest.mark.parametrize("key", ["queue", "account", "constraint", "qos"])
def test_a_value_that_is_more_than_a_word_is_refused(key: str, bad: str) -> None:
    with pytest.raises(InputError, match=re.escape(f"{key} is {bad!r}, need")):
        Allocation(**SMALL, directives={key: bad}) if key == "qos" else Allocation(**SMALL, **{key: bad})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"walltime": "90"}, "need HH:MM:SS"),
        ({"walltime": "00:00:59"}, "need a minute or more"),
        ({"memory": "much"}, "need a size such as 8GB"),
        ({"shares": 0}, "need 1 or more"),
        ({"drain_s": 1800}, "need fewer seconds than the walltime"),
        ({"directives": {"wrap": "id"}}, "'wrap' is no directive that may be given"),
        ({"directives": {"output": "x"}}, "'output' is no directive that may be given"),
    ],
)
def test_what_cannot_be_asked_for_is_named(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        Allocation(**SMALL | changes)


def test_walltimes_may_hold_days() -> None:
    assert walltime_seconds("2-03:04:05") == 2 * 86400 + 3 * 3600 + 4 * 60 + 5
    assert walltime_seconds("100:00:00") == 360_000


@pytest.mark.parametrize("folder", ["a\nb", "$(touch here)", "`touch here`"])
def test_a_folder_that_a_script_must_not_name_is_refused(folder: str, write_job: Write, tmp_path: Path) -> None:
    path = write_job(run=folder)
    with pytest.raises(InputError, match=r"without line breaks|no path may hold"):
        submit_job(path, Allocation(**SMALL), dry_run=True)


def test_without_slurm_one_sentence_says_so(write_job: Write, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    path = write_job()
    done = submit(path)
    assert done.exit_code == 4
    assert done.output.startswith("UnreachableError: there is no sbatch here.")
    assert not load_job(path).run_folder.exists()
    assert CliRunner().invoke(cli, ["submit", str(path), "--walltime", "1:0:0", "--memory", "1GB"]).exit_code == 2


def test_a_job_that_does_not_fit_is_not_submitted(write_job: Write) -> None:
    path = write_job(routine="climatology")
    done = submit(path, "--dry-run", "--memory", "1MB")
    assert done.exit_code == 3
    assert "PlanRefusedError" in done.output
