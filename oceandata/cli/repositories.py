"""Commands on repositories: layout, export, history, diff, gc."""

import sys
import warnings
from pathlib import Path

import click

from oceandata.cli.output import COUNT, echo_facts, echo_json, echo_table, json_option
from oceandata.storage.chunks import ACCESS, DEFAULT_CHUNK_BYTES

__all__ = ["diff", "export", "gc", "history", "layout"]


@click.command()
@click.argument("url")
@click.option("--access", type=click.Choice(ACCESS), default="series", show_default=True, help="What chunks are for.")
@click.option(
    "--chunk-bytes", type=COUNT, default=DEFAULT_CHUNK_BYTES, show_default=True, help="Largest chunk, decoded."
)
@click.option("--name", default="", help="Name of the layout; what it is made for by default.")
@click.option("--memory-bytes", type=COUNT, help="Budget for values in work; a quarter of the option by default.")
@click.option("--dry-run", is_flag=True, help="Print the plan, write nothing.")
@click.option("--abandon", is_flag=True, help="Drop what unfinished work wrote there; finished revisions stay.")
@json_option
def layout(
    url: str,
    *,
    access: str,
    chunk_bytes: int,
    name: str,
    memory_bytes: int | None,
    dry_run: bool,
    abandon: bool,
    as_json: bool,
) -> None:
    """
    Write the values of the newest revision in other chunks too, as a new revision.

    The plan says how often each byte is read. A killed run continues when the same command is given again.

    \b
    Examples:
      oceandata layout holdings/sst --access series --dry-run
      oceandata layout holdings/sst --access series --memory-bytes 2000000000
    """
    from oceandata import progress, storage

    if abandon:
        removed = storage.abandon_ingest(url)
        click.echo(f"abandoned: {', '.join(removed) or 'nothing was unfinished'}")
        return
    plan = storage.plan_layout(url, access=access, chunk_bytes=chunk_bytes, name=name, memory_bytes=memory_bytes)
    if dry_run:
        echo_json(plan.to_json()) if as_json else click.echo(f"{plan} Nothing was written.")
        return
    with progress.byte_bar("layout") as moved:
        summary = storage.write_layout(plan, on_progress=moved)
    facts: list[tuple[str, object]] = [
        ("repository", summary.url),
        ("revision", summary.revision),
        ("layout", summary.group),
        ("snapshot", summary.snapshot),
        ("content root", summary.content_root),
        ("chunks", summary.chunks),
        ("stored bytes", summary.stored_bytes),
        ("times read", round(plan.times_read, 2)),
    ]
    if as_json:
        echo_json(dict(facts))
        return
    echo_facts(facts)
    click.echo("if a catalogue has it: oceandata catalog update ENTRY --catalog FILE")


@click.command()
@click.argument("url")
@click.argument("target", type=click.Path(path_type=Path))
@click.option("--revision", default="", help="Tag to export; the newest by default.")
@click.option("--layout", "name", default="", help="Layout to export; the primary by default.")
@click.option("--dry-run", is_flag=True, help="Print bytes and free disk, write nothing.")
@json_option
def export(url: str, target: Path, *, revision: str, name: str, dry_run: bool, as_json: bool) -> None:
    """
    Write a revision as a folder of plain Zarr version 3 that any Zarr reader opens.

    Stored bytes are copied, not encoded anew; the folder has the content root of the revision, and appears whole or
    not at all.

    \b
    Examples:
      oceandata export holdings/sst sst-r1.zarr --revision r1
      oceandata export holdings/sst series.zarr --layout series --dry-run
    """
    from oceandata import progress, storage

    if dry_run:
        plan = storage.plan_export(url, target, revision=revision, layout=name)
        echo_json(plan.to_json()) if as_json else click.echo(f"{plan}; nothing was written")
        return
    with progress.byte_bar("export") as moved:
        report = storage.export_revision(url, target, revision=revision, layout=name, on_progress=moved)
    echo_json(report.to_json()) if as_json else click.echo(str(report))


@click.command()
@click.argument("url")
@json_option
def history(url: str, *, as_json: bool) -> None:
    """
    List the revisions of a repository, the oldest first.

    A file of a tag that cannot be read, and a number that is missing, are told as warnings.

    \b
    Examples:
      oceandata history holdings/sst
      oceandata history holdings/sst --json
    """
    from oceandata import storage

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        records = storage.list_revisions(url)
    for warning in caught:
        click.echo(f"warning: {warning.message}", err=True)
    if as_json:
        echo_json([record.to_json() for record in records])
        return
    rows = [
        (one.revision, f"{one.published_at:%Y-%m-%d %H:%M:%S}", ", ".join(one.layouts), one.message, one.content_root)
        for one in records
    ]
    echo_table(rows, ["revision", "published (UTC)", "layouts", "what", "content root"])
    click.echo(f"{len(records)} revisions")


@click.command()
@click.argument("url")
@click.argument("before")
@click.argument("after", default="")
@click.option("--layout", "name", default="", help="Layout to compare; the primary by default.")
@json_option
def diff(url: str, before: str, after: str, *, name: str, as_json: bool) -> None:
    """
    Tell what changed between two revisions: variables, periods, chunks and bytes. No data are read.

    AFTER is the newest revision if it is left out. The exit code is 0 if nothing changed and 3 if something did.

    \b
    Examples:
      oceandata diff holdings/sst r1 r2
      oceandata diff holdings/sst r1 --json
    """
    from oceandata import storage

    found = storage.diff_revisions(url, before, after, layout=name)
    if as_json:
        echo_json(found.to_json())
    elif found.is_same:
        click.echo(str(found))
    else:
        click.echo(f"{found.url}, layout {found.layout!r}: {found.before} to {found.after}")
        for note in found.notes:
            click.echo(note)
        if found.variables:
            echo_table(found.rows(), found.headers)
    sys.exit(0 if found.is_same else 3)


@click.command()
@click.argument("url")
@click.option("--older-than", required=True, help="Age, such as 7d, 12h: only what is older goes.")
@click.option("--dry-run", is_flag=True, help="Only tell what would go.")
@json_option
def gc(url: str, *, older_than: str, dry_run: bool, as_json: bool) -> None:
    """
    Remove what no revision and no unfinished work refers to.

    Revisions stay for ever, and so does what is younger than a running writer. Unfinished work has to be abandoned
    first (oceandata ingest --abandon, oceandata layout --abandon).

    \b
    Examples:
      oceandata gc holdings/sst --older-than 7d --dry-run
      oceandata gc holdings/sst --older-than 7d
    """
    from oceandata import storage

    report = storage.collect_garbage(url, older_than=older_than, dry_run=dry_run)
    echo_json(report.to_json()) if as_json else click.echo(str(report))
