"""Commands for work beyond a laptop: plan a job, run it, tell how far it is."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from oceandata.cli.output import echo_facts, echo_json, echo_table, json_option

if TYPE_CHECKING:
    from oceandata.batch.ledger import Share
    from oceandata.batch.running import RunReport
    from oceandata.batch.window import Stop

__all__ = ["coded", "plan", "run", "status"]

_JOB = click.Path(path_type=Path, dir_okay=False)


@contextmanager
def coded(*, as_json: bool) -> Iterator[None]:
    """Exit with the code that tells a script what is wrong."""
    from oceandata.batch.running import code_of
    from oceandata.errors import OceanDataError

    try:
        yield
    except OceanDataError as error:
        code = code_of(error)
        if as_json:
            echo_json({"code": code, "error": type(error).__name__, "message": str(error)})
        click.echo(f"{type(error).__name__}: {error}", err=True)
        sys.exit(code)


@click.command()
@click.argument("job", type=_JOB)
@click.option("--no-canary", is_flag=True, help="Try nothing: assume speed and memory, read metadata only.")
@click.option("--update", is_flag=True, help="As oceandata run --update: what is unchanged, and what is read.")
@json_option
def plan(job: Path, *, no_canary: bool, update: bool, as_json: bool) -> None:
    """
    Tell what a job will read, write, need and owe, before it is run.

    Some blocks are tried in a process of their own to learn speed and memory. The exit code is 2 if the job has
    faults, and 3 if it does not fit; the output then says what would.

    \b
    A job says what is read, what is done, and where the result goes (docs/exchange.md has one in full):
      schema: oceandata.job/1
      name: trend
      input: {catalog: catalog.yaml, entry: sst_daily, time: 1993/2022}
      routine: trend
      output: trend.nc

    \b
    Examples:
      oceandata plan trend.yaml
      oceandata plan trend.yaml --no-canary --json
      oceandata plan trend.yaml --update
    """
    from oceandata import batch

    with coded(as_json=as_json):
        plan_it = batch.plan_update if update else batch.plan_job
        planned = plan_it(batch.load_job(job), canary=not no_canary)
    faults = planned.faults()
    if as_json:
        echo_json(planned.to_json() | {"faults": faults})
    else:
        echo_facts([*planned.facts(), *(("refused", fault) for fault in faults)])
    sys.exit(3 if faults else 0)


def _share(ctx: click.Context, param: click.Parameter, value: str) -> "Share | None":  # noqa: ARG001
    """Share written as ``3/16``: the third of sixteen."""
    from oceandata.batch.ledger import Share

    if not value:
        return None
    first, slash, of = value.partition("/")
    if not (slash and first.isdigit() and of.isdigit() and 1 <= int(first) <= int(of)):
        msg = f"{value!r} is no share, need such as 3/16 (the third of sixteen)"
        raise click.BadParameter(msg)
    return Share(int(first) - 1, int(of))


@contextmanager
def _signals(stop: "Stop") -> Iterator[None]:
    """End in order when the system asks to: SIGTERM and SIGUSR1 drain, Ctrl-C drains and, a second time, ends."""

    def drain(*_: Any) -> None:
        stop.drain()

    def interrupt(*_: Any) -> None:
        stop.interrupt()

    asked = {signal.SIGTERM: drain, signal.SIGUSR1: drain, signal.SIGINT: interrupt}
    before = {number: signal.signal(number, function) for number, function in asked.items()}
    try:
        yield
    finally:
        for number, function in before.items():
            signal.signal(number, function)


@click.command()
@click.argument("job", type=_JOB)
@click.option(
    "--scheduler",
    default="threads",
    show_default=True,
    metavar="WHERE",
    help="threads, local (processes of this machine) or the address of a Dask scheduler, such as tcp://host:8786.",
)
@click.option("--workers", type=click.IntRange(min=1), help="Threads or processes; as the job says by default.")
@click.option("--share", callback=_share, default="", metavar="I/N", help="Work on one of N shares of the partitions.")
@click.option("--finish", is_flag=True, help="After shares: do what is left and make the result.")
@click.option("--walltime", type=click.FloatRange(min=0), metavar="S", help="Begin no partition that would end later.")
@click.option("--no-canary", is_flag=True, help="Try nothing before: assume speed and memory.")
@click.option("--discard", is_flag=True, help="Throw away what an earlier run did, and begin anew.")
@click.option("--update", is_flag=True, help="Bring a finished result up to date with its input.")
@json_option
def run(
    job: Path,
    *,
    scheduler: str,
    workers: int | None,
    share: "Share | None",
    finish: bool,
    walltime: float | None,
    no_canary: bool,
    discard: bool,
    update: bool,
    as_json: bool,
) -> None:
    """
    Run a job, or go on with it: what was done is not done again.

    A killed, stopped or failed run continues with the same command. SIGTERM, SIGUSR1 and Ctrl-C let the partitions
    end that were begun. Exit codes: 0 done; 1 partitions failed; 2 the job has faults; 3 it does not fit; 4 the cluster
    is lost; 5 the disk takes no more; 6 another runner holds the run, or the job changed; 75 stopped in order, run it
    again; 130 interrupted.

    With --update a result follows its input to a newer revision: what was merged of chunks, labels and encoding that
    did not change is taken over from the run before, only the rest is read, and the output says which revision it is
    of. A job that has no result yet is run whole, and one that is up to date is left alone: the same command every
    night. Where the code is another, or nothing of the job merges, everything is computed anew, and told.

    \b
    Examples:
      oceandata run trend.yaml
      oceandata run trend.yaml --scheduler local --workers 8
      oceandata run trend.yaml --share 3/16
      oceandata run trend.yaml --finish
      oceandata run trend.yaml --update
    """
    from oceandata import batch, progress
    from oceandata.batch.window import Stop

    if finish and share is not None:
        msg = "--finish does what is left of all shares: leave --share out."
        raise click.UsageError(msg)
    if discard and update:
        msg = "--update takes over what --discard throws away: leave one of them out."
        raise click.UsageError(msg)
    stop = Stop()
    with coded(as_json=as_json), _signals(stop), progress.count_bar("partitions") as moved:
        document = batch.load_job(job)
        changes = {key: value for key, value in (("workers", workers), ("walltime_s", walltime)) if value is not None}
        report = batch.run_job(
            document.with_resources(**changes),
            scheduler=scheduler,
            share=share,
            canary=not no_canary,
            discard=discard,
            update=update,
            stop=stop,
            on_progress=moved,
        )
    _echo_report(report, as_json=as_json)
    sys.exit(report.code)


def _echo_report(report: "RunReport", *, as_json: bool) -> None:
    if as_json:
        echo_json(report.to_json())
        return
    echo_facts(report.facts())
    if report.finished is not None:
        click.echo(f"\n{report.finished.lineage}\n")
        echo_table(report.finished.usage.rows(), ["input", "chunks", "unique", "gross"])


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--verify", is_flag=True, help="Read what waits, and compare it with what was recorded.")
@json_option
def status(run: Path, *, verify: bool, as_json: bool) -> None:
    """
    Tell how far a run is: partitions done, time left, pace, failures by cause.

    RUN is the job's file or the folder of its run. The exit code is 1 if partitions failed or are damaged.

    \b
    Examples:
      oceandata status trend.yaml
      oceandata status runs/trend --verify --json
    """
    from oceandata import batch

    with coded(as_json=as_json):
        folder = batch.load_job(run).run_folder if run.is_file() else run
        found = batch.read_status(folder, verify=verify)
    echo_json(found.to_json()) if as_json else echo_facts(found.facts())
    sys.exit(1 if found.failures or found.damaged else 0)
