"""
The text of scripts for Slurm: every value checked and quoted, and a drain before the time is over.

A script watches two clocks: the signal that Slurm sends before the end, and the end that `squeue` tells. At the first
of them it lets the partitions end that were begun.
"""

import dataclasses
import re
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path

from oceandata.batch.job import Job, Resources
from oceandata.batch.ledger import Share
from oceandata.errors import InputError, closest

__all__ = ["DIRECTIVES", "Allocation", "finisher_script", "job_name", "share_script", "walltime_seconds"]

#: Further options of sbatch that may be given.
DIRECTIVES = [
    "exclude",
    "gres",
    "licenses",
    "mail-type",
    "mail-user",
    "nodelist",
    "qos",
    "reservation",
    "tmp",
]

# Seconds before the end at which to begin no more partitions, where nothing else is said.
_DRAIN_S = 300

# Slurm's clock of jobs ticks once a minute.
_SHORTEST_S = 60

_WALLTIME = re.compile(r"(?:(\d+)-)?(\d{1,3}):([0-5]\d):([0-5]\d)")
_WORD = re.compile(r"[\w.,:;=@%+&|*()\[\]!/-]+")
_NEVER = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029`]|\$\(")

_COMMAND = "from oceandata.cli import main; main()"

_BODY = r"""
set -u
drain_s={drain_s} requeue={requeue}
me={me}
ledger={ledger}
oceandata() {{ {python} -c {command} "$@"; }}
done_here() {{ local count; count=$(grep -c '"done":' "$ledger" 2>/dev/null); echo "${{count:-0}}"; }}
before=$(done_here) asked=0 ended=0 drain_at= kill_at=

# What must not outlive the walltime: no more partitions, and nothing at all shortly before the end.
drain() {{
  [ "$asked" = 1 ] && return
  asked=1 kill_at=$((SECONDS + drain_s * 3 / 4))
  kill -USR1 "$runner" 2>/dev/null
}}
trap 'asked=1' USR1
trap 'ended=1' TERM
{first}
{python} -c {command} {arguments} &
runner=$!
trap drain USR1
trap 'ended=1; kill -TERM "$runner" 2>/dev/null' TERM
[ "$asked" = 1 ] && asked=0 && drain
[ "$ended" = 1 ] && kill -TERM "$runner" 2>/dev/null

# The end as Slurm tells it, if the signal should not come.
end=$(squeue -h -j "$me" -o %e 2>/dev/null)
if [ -n "$end" ] && end=$(date -d "$end" +%s 2>/dev/null); then
  drain_at=$((SECONDS + end - $(date +%s) - drain_s))
fi
while kill -0 "$runner" 2>/dev/null; do
  [ -n "$drain_at" ] && [ "$SECONDS" -ge "$drain_at" ] && drain
  [ -n "$kill_at" ] && [ "$SECONDS" -ge "$kill_at" ] && kill -KILL "$runner" 2>/dev/null
  sleep 1 &
  wait "$!"
done
wait "$runner"
code=$?

# 137 and 138: it was killed at last, or asked before it could hear.
if [ "$asked" = 1 ] && {{ [ "$code" = 75 ] || [ "$code" = 137 ] || [ "$code" = 138 ]; }}; then
  if [ "$requeue" = 1 ] && [ "$(done_here)" -gt "$before" ]; then
    echo "stopped in order before the walltime; goes on when Slurm runs it again"
    scontrol requeue "$me"
  elif [ "$requeue" = 1 ]; then
    echo "not requeued, because no partition was done in this walltime: ask for more, or set resources.partition_s" >&2
  fi
  exit 75
fi
{last}
exit "$code"
"""

# What a share says when the rest of the work is that of others.
_SHARE_LAST = """# Its part is done as far as it can be: a later array, or the finisher, does what waited for others.
[ "$code" = 75 ] && [ "$ended" = 0 ] && exit 0"""


def walltime_seconds(walltime: str) -> int:
    """
    Seconds of a walltime.

    Parameters
    ----------
    walltime : str
        ``HH:MM:SS``, or ``D-HH:MM:SS``.

    Returns
    -------
    int
        At least a minute, the shortest that Slurm knows.

    Raises
    ------
    InputError
        If it is written otherwise, or shorter.

    Examples
    --------
    >>> walltime_seconds("1-00:00:30")
    86430
    """
    found = _WALLTIME.fullmatch(walltime)
    if found is None:
        msg = f"walltime is {walltime!r}, need HH:MM:SS or D-HH:MM:SS, such as 04:00:00."
        raise InputError(msg)
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    total = ((days * 24 + hours) * 60 + minutes) * 60 + seconds
    if total < _SHORTEST_S:
        msg = f"walltime is {walltime!r}, need a minute or more: Slurm counts in minutes."
        raise InputError(msg)
    return total


def _check_text(name: str, value: str) -> None:
    """Refuse what would end a line of a script, or run in it."""
    if _NEVER.search(value):
        msg = f"{name} is {value!r}, need text without line breaks, $( and backticks. Nothing was written."
        raise InputError(msg)


def _check_word(name: str, value: str) -> None:
    """Refuse what is not one plain word."""
    _check_text(name, value)
    if not _WORD.fullmatch(value):
        msg = f"{name} is {value!r}, need letters, digits and .,:;=@%+&|*()[]!/- only. Nothing was written."
        raise InputError(msg)


@dataclasses.dataclass(frozen=True)
class Allocation:
    """
    What to ask Slurm for; all values are checked.

    Attributes
    ----------
    walltime : str
        Of a task, ``HH:MM:SS`` or ``D-HH:MM:SS``.
    memory : str
        Of a task, such as ``8GB``.
    shares : int
        Tasks of an array.
    cpus : int
        Of a task; so many partitions are worked on at a time.
    queue, account, constraint : str
        Slurm's ``--partition``, ``--account`` and ``--constraint``; empty for those of the site.
    requeue : bool
        Whether a task that was stopped before its walltime queues again.
    drain_s : int
        Seconds before the end at which to begin no more partitions; 0 for five minutes, or a quarter of a short
        walltime.
    directives : mapping of str to str
        Further options, named in `DIRECTIVES`.

    Raises
    ------
    InputError
        If a value cannot be asked for.
    """

    walltime: str
    memory: str
    shares: int = 1
    cpus: int = 1
    queue: str = ""
    account: str = ""
    constraint: str = ""
    requeue: bool = False
    drain_s: int = 0
    directives: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        limit = walltime_seconds(self.walltime)
        if self.drain_s < 0 or self.drain_s >= limit:
            msg = f"drain_s is {self.drain_s}, need fewer seconds than the walltime of {limit} s."
            raise InputError(msg)
        for name in ("shares", "cpus"):
            if getattr(self, name) < 1:
                msg = f"{name} is {getattr(self, name)}, need 1 or more."
                raise InputError(msg)
        for key, value in self.directives.items():
            if key not in DIRECTIVES:
                msg = f"{key!r} is no directive that may be given. {closest(key, DIRECTIVES)}"
                raise InputError(msg)
            _check_word(key, value)
        for name in ("queue", "account", "constraint"):
            if getattr(self, name):
                _check_word(name, getattr(self, name))
        _ = self.memory_bytes

    @property
    def memory_bytes(self) -> int:
        """Bytes of a task."""
        try:
            found = Resources.model_validate({"memory": self.memory}).memory
        except ValueError:
            found = None
        if not found:
            msg = f"memory is {self.memory!r}, need a size such as 8GB."
            raise InputError(msg)
        return found

    @property
    def lead_s(self) -> int:
        """Seconds before the end at which to begin no more partitions."""
        return self.drain_s or min(_DRAIN_S, walltime_seconds(self.walltime) // 4)


def job_name(name: str) -> str:
    """Name of a job in Slurm's queue."""
    return f"oceandata-{name}"


def _header(job: Job, allocation: Allocation, *, log: str, array: bool) -> str:
    """Directives of a script."""
    folder = str(job.run_folder / "slurm")
    _check_text("the folder of the run", folder)
    place = f"{folder.replace('%', '%%')}/{log}".replace("\\", "\\\\").replace('"', '\\"')
    given = {
        "job-name": job_name(job.name),
        "array": f"1-{allocation.shares}" if array else "",
        "partition": allocation.queue,
        "account": allocation.account,
        "constraint": allocation.constraint,
        "time": allocation.walltime,
        "nodes": "1",
        "ntasks": "1",
        "cpus-per-task": str(allocation.cpus),
        "mem": f"{max(1, allocation.memory_bytes // 2**20)}M",
        "signal": f"B:USR1@{allocation.lead_s}",
        "open-mode": "append",
        **allocation.directives,
    }
    lines = [f'#SBATCH --{key}="{value}"' for key, value in given.items() if value]
    lines.append("#SBATCH --requeue" if allocation.requeue else "#SBATCH --no-requeue")
    lines.append(f'#SBATCH --output="{place}"')
    return "#!/bin/bash\n" + "\n".join(lines) + "\n"


def _arguments(path: Path, allocation: Allocation, scheduler: str, *more: str) -> str:
    """The run of a share, or of what is left, as words of a shell; the last may hold variables."""
    words = ["run", str(path), "--scheduler", scheduler, "--workers", str(allocation.cpus), "--no-canary"]
    return " ".join([*map(shlex.quote, words), *more])


def _script(path: Path, allocation: Allocation, header: str, **parts: str) -> str:
    """A script of its parts, which are quoted already."""
    _check_text("the path of the job", str(path))
    return header + _BODY.format(
        drain_s=allocation.lead_s,
        requeue=int(allocation.requeue),
        python=shlex.quote(sys.executable),
        command=shlex.quote(_COMMAND),
        **parts,
    )


def share_script(path: Path, job: Job, allocation: Allocation, *, scheduler: str) -> str:
    """
    Script of an array whose tasks each work on their share.

    Parameters
    ----------
    path : pathlib.Path
        The document of the job.
    job : Job
        The same, read.
    allocation : Allocation
        What to ask for.
    scheduler : str
        What a task works with.

    Returns
    -------
    str
        For bash.
    """
    of = allocation.shares
    label = Share().label if of == 1 else f"$((SLURM_ARRAY_TASK_ID - 1))-{of}"
    return _script(
        path,
        allocation,
        _header(job, allocation, log="share-%A_%a.log", array=True),
        # the last task of an array has the number of the whole: only this form names one task
        me='"${SLURM_ARRAY_JOB_ID}_${SLURM_ARRAY_TASK_ID}"',
        ledger=f'{shlex.quote(str(job.run_folder))}/"ledger-{label}.log"',
        first="",
        arguments=_arguments(path, allocation, scheduler, "--share", f'"$SLURM_ARRAY_TASK_ID/{of}"'),
        last=_SHARE_LAST,
    )


def finisher_script(path: Path, job: Job, allocation: Allocation, *, scheduler: str) -> str:
    """
    Script of the job that tells what the shares left, does it, and makes the result.

    Parameters
    ----------
    path : pathlib.Path
        The document of the job.
    job : Job
        The same, read.
    allocation : Allocation
        What to ask for.
    scheduler : str
        What it works with.

    Returns
    -------
    str
        For bash.
    """
    return _script(
        path,
        allocation,
        _header(job, allocation, log="finisher-%j.log", array=False),
        me='"$SLURM_JOB_ID"',
        ledger=shlex.quote(str(job.run_folder / f"ledger-{Share().label}.log")),
        first=f"oceandata status {shlex.quote(str(path))}",
        arguments=_arguments(path, allocation, scheduler, "--finish"),
        last="",
    )
