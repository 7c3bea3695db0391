"""The command that continues a repository, or replaces a period of it, as a new revision."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from oceandata.cli.output import echo_facts, echo_json, echo_table, json_option

if TYPE_CHECKING:
    from oceandata.storage.append import AppendPlan

__all__ = ["append"]


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--into", "url", required=True, help="The repository.")
@click.option("--replace", default="", help="time=FIRST/LAST: stored steps of this period may get other values.")
@click.option(
    "--change",
    type=click.Choice(("append", "correction", "reprocessing")),
    default="append",
    show_default=True,
    help="Kind of change that is recorded; what replaces anything is at least a correction.",
)
@click.option("--variables", default="", help="Data variables to take, comma-separated; all by default.")
@click.option("--revision", default="", help="Tag to give; the next free r<number> by default.")
@click.option("--allow-gap", is_flag=True, help="Accept new steps that break the regular step of the stored ones.")
@click.option("--dry-run", is_flag=True, help="Compare and print the plan, write nothing.")
@json_option
def append(
    files: tuple[Path, ...],
    *,
    url: str,
    replace: str,
    change: str,
    variables: str,
    revision: str,
    allow_gap: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """
    Add time steps to a repository, as a new revision.

    Units, packing, coordinates and times are compared first. Steps that are stored already with the same values are
    left alone; other values are refused unless --replace names their period, and so is a gap in a regular series unless
    --allow-gap is given. Earlier revisions never change. A killed
    run continues when the same command is given again.

    \b
    Examples:
      oceandata append sst_2026-11.nc --into holdings/sst
      oceandata append final_*.nc --into holdings/sst --replace time=2026-09/2026-10 --dry-run
    """
    from oceandata import progress, storage

    wanted = [part.strip() for part in variables.split(",") if part.strip()] or None
    plan = storage.plan_append(
        files, url, variables=wanted, replace=_period(replace), change=change, allow_gap=allow_gap
    )
    if dry_run:
        if as_json:
            echo_json(plan.to_json())
        else:
            _echo_plan(plan)
            click.echo("nothing was written")
        return
    with progress.byte_bar("append") as moved:
        summary = storage.write_append(plan, revision=revision, on_progress=moved)
    facts = {
        "repository": summary.url,
        "revision": summary.revision,
        "follows": "" if plan.is_empty else plan.base_revision,
        "snapshot": summary.snapshot,
        "content root": summary.content_root,
    }
    if as_json:
        echo_json(plan.to_json() | facts)
        return
    _echo_plan(plan)
    echo_facts([(name, value) for name, value in facts.items() if value])
    if not plan.is_empty:
        click.echo("if a catalogue has it: oceandata catalog update ENTRY --catalog FILE")


def _period(replace: str) -> tuple[str, str] | None:
    """Period of ``time=FIRST/LAST``, or of one date that stands for both."""
    if not replace:
        return None
    name, mark, period = replace.partition("=")
    first, _, last = period.partition("/")
    if name != "time" or not mark or not first:
        msg = f"--replace is {replace!r}, need time=FIRST/LAST, such as time=2026-09/2026-10."
        raise click.UsageError(msg)
    return first, last or first


def _echo_plan(plan: "AppendPlan") -> None:
    """What changes, for a person."""
    document = plan.to_json()
    if plan.differences:
        echo_table(
            [(d.variable, len(d.steps), d.values, _largest(d.largest, d.units)) for d in plan.differences],
            ["replaced", "steps", "values", "largest difference"],
        )
    for note in plan.notes:
        click.echo(f"note: {note}")
    if plan.is_empty:
        click.echo(
            f"all {plan.equal} steps are stored in {plan.base_revision} already, with equal values: no new revision"
        )
        return
    chunks = ", ".join(f"{count} chunks of {layout}" for layout, count in document["chunks_written"].items())
    click.echo(
        f"{plan.change} to {plan.base_revision}: {document['steps_added']} steps added, {document['steps_replaced']} "
        f"replaced, {plan.equal} stored already; {chunks}"
    )


def _largest(largest: float | None, units: str) -> str:
    return "between values and missing values only" if largest is None else f"{largest:g} {units}".strip()
