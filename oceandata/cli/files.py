"""Commands on files and repositories: inspect, ingest, verify."""

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from oceandata.cli.output import COUNT, echo_facts, echo_json, echo_table, json_option
from oceandata.storage.chunks import ACCESS, DEFAULT_CHUNK_BYTES

if TYPE_CHECKING:
    from oceandata.catalog import Overlay
    from oceandata.storage import IngestPlan, RevisionSummary
    from oceandata.storage.soundness import Finding, SoundnessReport

__all__ = ["ingest", "inspect", "verify"]

_SEVERITY_EXIT = {"": 0, "note": 0, "warning": 0, "error": 1}


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--deep", is_flag=True, help="Also read samples of the data.")
@click.option("--strict", is_flag=True, help="Exit with 1 for warnings too.")
@json_option
def inspect(paths: tuple[Path, ...], *, deep: bool, strict: bool, as_json: bool) -> None:
    """
    Check files and folders: are they what they claim to be?

    Headers and coordinates are read, with --deep also samples of the data. The exit code is 1 if any file has an
    error, else 0.

    \b
    Examples:
      oceandata inspect sst.nc
      oceandata inspect --deep --json archive/ > report.json
    """
    from oceandata import progress, storage

    done: list[object] = []
    with progress.byte_bar("inspect") as moved:

        def count(report: "SoundnessReport") -> None:
            done.append(report.path)
            moved(len(done), len(done))

        reports = storage.inspect_paths(list(paths), deep=deep, on_done=count)
    if as_json:
        echo_json([report.to_json() for report in reports])
    else:
        rows = [
            (report.path, report.file_format, finding.severity, finding.code, _meaning(finding))
            for report in reports
            for finding in report.findings
        ]
        if rows:
            echo_table(rows, ["file", "format", "severity", "fault", "what it means"])
        clean = sum(not report.findings for report in reports)
        click.echo(f"{len(reports)} files, {clean} without any finding")
    worst = max((_SEVERITY_EXIT[report.severity or ""] for report in reports), default=0)
    warned = strict and any(report.severity == "warning" for report in reports)
    sys.exit(1 if worst or warned else 0)


def _meaning(finding: "Finding") -> str:
    return f"{finding.message} Repair: {finding.repair}" if finding.repair else finding.message


@click.command()
@click.argument("files", nargs=-1, type=click.Path(path_type=Path))
@click.option("--into", "url", required=True, help="Where the repository will be: a path or file:// URL.")
@click.option("--entry", "name", default="", help="Name under which to register it (lower case, digits, underscores).")
@click.option("--catalog", type=click.Path(path_type=Path, dir_okay=False), help="Catalogue file to register it in.")
@click.option(
    "--overlay",
    type=click.Path(path_type=Path, dir_okay=False),
    help="YAML with title, title_zh, license, attribution, keywords, variables …; see 'oceandata catalog template'.",
)
@click.option(
    "--access", type=click.Choice(ACCESS), default="maps", show_default=True, help="What chunks are made for."
)
@click.option(
    "--chunk-bytes", type=COUNT, default=DEFAULT_CHUNK_BYTES, show_default=True, help="Largest chunk, decoded."
)
@click.option("--variables", default="", help="Data variables to take, comma-separated; all by default.")
@click.option("--virtual", is_flag=True, help="Leave the files where they are, store references to their chunks.")
@click.option("--dry-run", is_flag=True, help="Print the plan, write nothing.")
@click.option("--abandon", is_flag=True, help="Drop what unfinished ingests wrote there; finished revisions stay.")
@json_option
def ingest(
    files: tuple[Path, ...],
    *,
    url: str,
    name: str,
    catalog: Path | None,
    overlay: Path | None,
    access: str,
    chunk_bytes: int,
    variables: str,
    virtual: bool,
    dry_run: bool,
    abandon: bool,
    as_json: bool,
) -> None:
    """
    Write files into a repository: checked, planned, atomic, read back.

    A killed run continues when the same command is given again. With --catalog, --overlay and --entry the dataset is
    registered too. With --virtual the files stay in place and keep their chunks; whoever reads the repository must
    allow their folder (OCEANDATA_VIRTUAL_PREFIXES) unless it lies beside the repository.

    \b
    Examples:
      oceandata ingest sst_*.nc --into holdings/sst --dry-run
      oceandata ingest sst_*.nc --into holdings/sst --entry sst_daily --catalog catalog.yaml --overlay sst.yaml
    """
    from oceandata import progress, storage

    if abandon:
        removed = storage.abandon_ingest(url)
        click.echo(f"abandoned: {', '.join(removed) or 'nothing was unfinished'}")
        return
    entry_overlay = _check_registration(name, catalog, overlay)
    wanted = [part.strip() for part in variables.split(",") if part.strip()] or None
    if virtual:
        _check_virtual()
        plan: IngestPlan = storage.plan_virtual(files, url, variables=wanted)
    else:
        plan = storage.plan_ingest(files, url, access=access, chunk_bytes=chunk_bytes, variables=wanted)
    summary = _written_before(plan) if entry_overlay is not None else None
    if dry_run:
        if summary is None:
            storage.check_place(plan)
        _echo_plan(plan.to_json(), as_json=as_json)
        return
    if summary is None:
        with progress.byte_bar("ingest") as moved:
            summary = storage.write_repository(plan, on_progress=moved)
    facts: list[tuple[str, object]] = [
        ("repository", summary.url),
        ("revision", summary.revision),
        ("snapshot", summary.snapshot),
        ("content root", summary.content_root),
        ("variables", ", ".join(summary.variables)),
        ("chunks", summary.chunks),
        ("stored bytes", summary.stored_bytes),
    ]
    if catalog is not None and entry_overlay is not None:
        from oceandata import catalog as catalogs

        entry = catalogs.register_entry(catalog, catalogs.draft_entry(summary, entry_overlay, name=name))
        facts.append(("entry", f"{entry.id} in {catalog}"))
    if as_json:
        echo_json(dict(facts))
    else:
        echo_facts(facts)


def _check_virtual() -> None:
    """Refuse settings of chunks that are those of the files."""
    source = click.get_current_context().get_parameter_source
    for option in ("access", "chunk_bytes"):
        if source(option) is not click.core.ParameterSource.DEFAULT:
            msg = f"--virtual keeps the chunks of the files, so --{option.replace('_', '-')} cannot be given with it."
            raise click.UsageError(msg)


def _check_registration(name: str, catalog: Path | None, overlay: Path | None) -> "Overlay | None":
    """What the curator says; refuses before a byte is written what registering would refuse after."""
    given = [bool(name), catalog is not None, overlay is not None]
    if any(given) and not all(given):
        msg = "registering needs all of --entry NAME, --catalog FILE and --overlay FILE (title, licence, keywords)."
        raise click.UsageError(msg)
    if catalog is None or overlay is None:
        return None
    from oceandata import catalog as catalogs
    from oceandata.errors import InputError

    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        msg = f"the entry's name is {name!r}, need lower case letters, digits and underscores, such as 'sst_daily'."
        raise InputError(msg)
    if catalog.exists():
        catalogs.open_catalog(catalog)
    elif not catalog.parent.is_dir():
        msg = f"folder {catalog.parent} of the catalogue does not exist. Create it first."
        raise InputError(msg)
    return catalogs.load_overlay(overlay)


def _written_before(plan: "IngestPlan") -> "RevisionSummary | None":
    """The revision, if an earlier run of the same command wrote it and died or failed before registering it."""
    from oceandata import storage
    from oceandata.storage.revisions import commit_facts
    from oceandata.storage.stores import lookup_revision, repository_exists

    if not repository_exists(plan.url):
        return None
    repository = storage.open_repository(plan.url)
    revision, snapshot = lookup_revision(repository)
    if not revision or commit_facts(repository, snapshot).get("job") != plan.job:
        return None
    return storage.describe_revision(plan.url, revision=revision)


def _echo_plan(plan: dict[str, object], *, as_json: bool) -> None:
    if as_json:
        echo_json(plan)
        return
    arrays = plan["arrays"]
    assert isinstance(arrays, list)
    echo_table(
        [(a["name"], a["dims"], a["shape"], a["chunks"], a["chunk_count"], a["dtype"], a["nbytes"]) for a in arrays],
        ["array", "dimensions", "shape", "chunks", "count", "type", "bytes"],
    )
    for note in plan["notes"] if isinstance(plan["notes"], list) else []:
        click.echo(f"note: {note}")
    verb = "refer to" if "virtual" in plan else "write"
    click.echo(
        f"would {verb} {plan['decoded_bytes']} decoded bytes in {plan['steps']} steps to {plan['url']}; "
        "nothing was written"
    )


@click.command()
@click.argument("url")
@click.option("--revision", default="", help="Tag to verify; the newest by default.")
@click.option("--sample", type=COUNT, help="Read only so many chunks, evenly spread, at least one of each array.")
@click.option("--root", default="", help="Content root (sha256:…) that an exported Zarr must have.")
@json_option
def verify(url: str, *, revision: str, sample: int | None, root: str, as_json: bool) -> None:
    """
    Read a repository again and compare it with what was recorded when it was written.

    Names chunk, variable and period of each damage. A folder of exported Zarr holds no record: give the content root
    that it should have, from the catalogue or the history of its repository. The exit code is 1 if anything differs.

    \b
    Examples:
      oceandata verify holdings/sst
      oceandata verify holdings/sst --sample 1000 --json
      oceandata verify sst-r1.zarr --root sha256:0f3a…
    """
    from oceandata import progress, storage
    from oceandata.storage.urls import local_path, url_scheme

    if root or (url_scheme(url) == "file" and (local_path(url) / "zarr.json").is_file()):
        _verify_export(url, root, others=bool(revision) or sample is not None, as_json=as_json)
        return
    with progress.byte_bar("verify (chunks)") as moved:
        report = storage.verify_revision(url, revision=revision, sample=sample, on_progress=moved)
    if as_json:
        echo_json(report.to_json())
    else:
        for damage in report.damages:
            click.echo(f"damaged: {damage}")
        for name, (recorded, found) in report.layouts.items():
            if found not in (None, recorded):
                click.echo(f"content root of layout {name} is {found}, need {recorded}")
        for note in report.notes:
            click.echo(f"note: {note}")
        verdict = "sound" if report.is_sound else "DAMAGED"
        click.echo(
            f"{report.checked_data} of {report.data_chunks} data chunks and {report.checked - report.checked_data} of "
            f"{report.chunks - report.data_chunks} coordinate chunks of {report.repository} {report.revision} read: "
            f"{verdict}"
        )
    sys.exit(0 if report.is_sound else 1)


def _verify_export(path: str, root: str, *, others: bool, as_json: bool) -> None:
    """Compare an exported folder with the root that it should have."""
    from oceandata import storage
    from oceandata.storage.stores import repository_exists

    if repository_exists(path):
        msg = f"{path} is a repository, which records its content roots: leave --root out."
        raise click.UsageError(msg)
    if not re.fullmatch(r"sha256:[0-9a-f]{64}", root):
        given = f"--root is {root!r}" if root else f"{path} is plain Zarr, which records no content root"
        msg = f"{given}: need --root sha256:… (64 digits), from the catalogue or 'oceandata history REPOSITORY'."
        raise click.UsageError(msg)
    if others:
        msg = "an exported Zarr is read whole and has no revisions: --root goes without --revision and --sample."
        raise click.UsageError(msg)
    report = storage.verify_export(path, root)
    echo_json(report.to_json()) if as_json else click.echo(str(report))
    sys.exit(0 if report.is_sound else 1)
