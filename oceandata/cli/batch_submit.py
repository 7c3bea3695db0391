"""The command that hands a job to a batch system."""

from pathlib import Path
from typing import Any

import click

from oceandata.cli.batch import coded
from oceandata.cli.output import echo_facts, echo_json, json_option

__all__ = ["submit"]


def _directives(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:  # noqa: ARG001
    """Options written as ``qos=long``."""
    found = {}
    for value in values:
        key, equals, text = value.partition("=")
        if not (equals and text):
            msg = f"{value!r} is no directive, need such as qos=long."
            raise click.BadParameter(msg)
        found[key] = text
    return found


@click.command()
@click.argument("job", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--slurm", is_flag=True, help="To Slurm, the batch system that is known.")
@click.option("--queue", default="", metavar="Q", help="Slurm's partition; that of the site by default.")
@click.option("--shares", type=click.IntRange(min=1), default=1, show_default=True, help="Tasks to share the work.")
@click.option("--walltime", required=True, metavar="HH:MM:SS", help="Time of a task.")
@click.option("--memory", required=True, metavar="SIZE", help="Memory of a task, such as 8GB.")
@click.option("--cpus", type=click.IntRange(min=1), default=1, show_default=True, help="Processors of a task.")
@click.option("--account", default="", metavar="A", help="Whom the time is counted for.")
@click.option("--constraint", default="", metavar="C", help="Features of the nodes.")
@click.option(
    "--directive",
    "directives",
    multiple=True,
    callback=_directives,
    metavar="KEY=VALUE",
    help="A further option of sbatch: exclude, gres, licenses, mail-type, mail-user, nodelist, qos, reservation, tmp.",
)
@click.option("--requeue", is_flag=True, help="A task that stops before its walltime queues again by itself.")
@click.option(
    "--drain",
    "drain_s",
    type=click.IntRange(min=0),
    default=0,
    metavar="S",
    help="Seconds before the end at which to begin no more partitions; five minutes, or a quarter of a short walltime.",
)
@click.option(
    "--scheduler",
    type=click.Choice(["local", "threads"]),
    default="local",
    show_default=True,
    help="What a task works with: processes or threads.",
)
@click.option("--no-canary", is_flag=True, help="Try nothing on this machine: assume speed and memory.")
@click.option("--update", is_flag=True, help="Bring a finished result up to date with its input; see oceandata run.")
@click.option("--again", is_flag=True, help="Also if the run is submitted already.")
@click.option("--dry-run", is_flag=True, help="Print the scripts, write and submit nothing.")
@json_option
def submit(
    job: Path,
    *,
    slurm: bool,
    scheduler: str,
    no_canary: bool,
    update: bool,
    again: bool,
    dry_run: bool,
    as_json: bool,
    **asked: Any,
) -> None:
    """
    Submit a job to Slurm: an array that shares the work, and a job after it that makes the result.

    What was done before is not done again, so the same command goes on with a run of which tasks were cancelled or
    failed. Exit codes are those of oceandata run: 2 the job or a value has faults; 3 it does not fit; 4 Slurm does not
    answer; 6 it is submitted already.

    \b
    Examples:
      oceandata submit trend.yaml --slurm --shares 16 --walltime 04:00:00 --memory 8GB --dry-run
      oceandata submit trend.yaml --slurm --queue long --shares 16 --walltime 04:00:00 --memory 8GB --cpus 4 --requeue
    """
    if not slurm:
        msg = "say where to: --slurm. Other batch systems start a Dask scheduler: oceandata run --scheduler ADDRESS."
        raise click.UsageError(msg)
    from oceandata.batch.slurm import submit_job
    from oceandata.batch.slurm_scripts import Allocation

    with coded(as_json=as_json):
        allocation = Allocation(**asked)
        submitted = submit_job(
            job, allocation, scheduler=scheduler, canary=not no_canary, update=update, again=again, dry_run=dry_run
        )
    if as_json:
        echo_json(submitted.to_json())
        return
    if dry_run:
        for path, text in submitted.scripts.items():
            click.echo(f"--- {path}\n{text}")
    echo_facts(submitted.facts())
