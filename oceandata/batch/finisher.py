"""
The end of a run: partitions in their order become one result, with what it was made of and what was served for it.

A file appears whole or not at all. A repository is read back and compared with what was written before it is published;
its ``main`` moves once.
"""

import dataclasses
import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
import zarr

import oceandata
from oceandata import trade
from oceandata.batch.files import remove_parts, write_json
from oceandata.batch.ledger import Ledger
from oceandata.batch.outputs import (
    GROUP,
    block_file,
    branch_of,
    check_target,
    fork_file,
    fork_of,
    made_file,
    open_writer,
    published_revision,
    read_block,
)
from oceandata.batch.owed import run_id
from oceandata.batch.plan import RunPlan, lineage_of
from oceandata.batch.work import Family, Work
from oceandata.storage.layout import check_read_back, layout_root, read_layout, write_leaves
from oceandata.storage.leases import writer_lease
from oceandata.storage.revisions import describe_revision
from oceandata.storage.stores import open_repository
from oceandata.storage.writing import CONCURRENCY, BranchWriter, next_revision, publish, release_whole
from oceandata.trade.lineage import Lineage
from oceandata.trade.meter import Usage, usage_of
from oceandata.trade.stamp import STAMP, stamp_attributes

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["Finished", "finish_run", "published_attributes", "report_file"]

# Partitions merged into one commit.
_MERGED = 500

Progress = Callable[[int, int], None]


@dataclasses.dataclass(frozen=True)
class Finished:
    """
    A result that is whole.

    Attributes
    ----------
    target : str
        The file or repository.
    digest : str
        ``sha256:`` and the digest of the file, or the content root of the revision.
    revision, snapshot : str
        Of a repository; empty for a file.
    lineage : Lineage
        What it was made of.
    usage : Usage
        What was served for it, in all runs together.
    reused : tuple of dict
        Inputs that were read by earlier runs, whose states were taken over; `oceandata.batch.Update.reused`.
    """

    target: str
    digest: str
    revision: str
    snapshot: str
    lineage: Lineage
    usage: Usage
    reused: tuple[dict[str, Any], ...] = ()


def report_file(folder: Path) -> Path:
    """File that tells of a finished run."""
    return folder / "report.json"


def published_attributes(work: Work, lineage: Lineage) -> dict[str, Any]:
    """
    Global attributes of the repository of a result, but for its lineage, which is added when it is whole.

    Parameters
    ----------
    work : Work
        Of the job.
    lineage : Lineage
        What it is made of.

    Returns
    -------
    dict
        JSON types.
    """
    own = {
        str(key): value if isinstance(value, int | float) else str(value) for key, value in work.result.attrs.items()
    }
    known = {key: value for key, value in stamp_attributes(lineage, Usage()).items() if key != STAMP}
    return own | known


def _block(work: Work, ledger: Ledger, family: Family, number: int) -> "dict[str, npt.NDArray[Any]]":
    """What a partition left, if it is what the ledger says."""
    _, digest = ledger.files.get((len(work.stages) + family.number, number), (0, ""))
    return read_block(block_file(work, family, number), digest)


def _assembled(work: Work, ledger: Ledger, on_progress: Progress | None) -> xr.Dataset:
    """The result in memory, from the files of its partitions in their order."""
    total, done = sum(family.grid.count for family in work.families), 0
    result = work.result.copy()
    for family in work.families:
        values = {name: np.empty(family.result[name].shape, family.result[name].dtype) for name in family.names}
        for number in range(family.grid.count):
            for name, part in _block(work, ledger, family, number).items():
                values[name][family.box(name, number)] = part
            done += 1
            if on_progress is not None:
                on_progress(done, total)
        for name, array in values.items():
            result[name] = result[name].copy(data=array)
    return result.load()


def _write_file(work: Work, ledger: Ledger, attributes: dict[str, str], on_progress: Progress | None) -> str:
    """Write the NetCDF file; its digest."""
    path = Path(work.job.target)
    draft = path.with_name(f".{path.stem}.{os.getpid()}.nc")
    try:
        _assembled(work, ledger, on_progress).assign_attrs(attributes).to_netcdf(draft, engine="netcdf4")
        with draft.open("r+b") as file:
            os.fsync(file.fileno())
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        check_target(work)
        write_json(made_file(work), {"digest": digest})
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    return f"sha256:{digest}"


def _merge(work: Work, ledger: Ledger, writer: BranchWriter, family: Family, numbers: range) -> None:
    """Take the forks of some partitions into the session, in order, with the leaves of their chunks."""
    found = [fork_of(_block(work, ledger, family, number)) for number in numbers]
    writer.session.merge(*(fork for fork, _ in found))
    for number, (_, leaves) in zip(numbers, found, strict=True):
        for name in family.names:
            write_leaves(writer.session.store, GROUP, writer.arrays[name], family.box(name, number), leaves)


def _committed(repository: Any, branch: str) -> int:
    """Steps that the branch holds: the labels, and the partitions merged."""
    tip = next(iter(repository.ancestry(branch=branch)))
    return int(dict(tip.metadata).get("oceandata.steps", 0))


def _publish_repository(
    work: Work, ledger: Ledger, lineage: Lineage, usage: Usage, on_progress: Progress | None
) -> tuple[str, str, str]:
    """Merge, read back and publish; revision, snapshot and content root."""
    url, branch, digest = work.job.target, branch_of(work), work.digest
    repository = open_repository(url)
    revision = release_whole(repository, url, branch, digest) or published_revision(work, repository)
    if not revision:
        tags = sorted(repository.list_tags())
        revision, base = next_revision(tags), repository.lookup_branch("main")
        total = 1 + sum(family.grid.count for family in work.families)
        with writer_lease(url) as lease, zarr.config.set({"async.concurrency": CONCURRENCY}):
            writer = open_writer(work, repository, total, lease)
            merged, step = _committed(repository, branch), 1
            for family in work.families:
                for start in range(0, family.grid.count, _MERGED):
                    numbers = range(start, min(start + _MERGED, family.grid.count))
                    step += len(numbers)
                    if step > merged:
                        _merge(work, ledger, writer, family, numbers)
                        if step < total:  # the last are committed when they are published
                            writer.commit(step)
                    if on_progress is not None:
                        on_progress(step, total)
            # the same whatever was killed and tried again: usage is told in the report
            stamp = json.dumps(lineage.to_json(), ensure_ascii=False)
            zarr.open_group(writer.session.store, path=GROUP, mode="r+").attrs[STAMP] = stamp
            layout = read_layout(writer.session.store, GROUP)
            check_read_back(writer.session.store, layout)
            facts = _facts(work, layout_root(layout), lineage, usage, total)
            publish(writer, f"revision {revision}: job {work.job.name}", facts, base=base, tags=tags, revision=revision)
    found = describe_revision(url, revision=revision)
    return revision, found.snapshot, found.content_root


def _facts(work: Work, root: str, lineage: Lineage, usage: Usage, steps: int) -> dict[str, Any]:
    """What the commit of the result records."""
    inputs = [[one.origin.to_json(), one.variable, len(one.chunks)] for one in lineage.planned]
    return {
        "oceandata.version": oceandata.__version__,
        "oceandata.group": GROUP,
        "oceandata.access": GROUP,
        "oceandata.content_root": root,
        "oceandata.layouts": {GROUP: {"access": GROUP, "content_root": root}},
        "oceandata.sources": [],
        "oceandata.inputs": json.loads(json.dumps(inputs)),
        "oceandata.unique_bytes": usage.unique_bytes,
        "oceandata.purpose": work.job.purpose,
        "oceandata.entitlement": work.job.entitlement,
        "oceandata.job": work.digest,
        "oceandata.steps": steps,
        "xarray.version": xr.__version__,
    }


def finish_run(plan: RunPlan, work: Work, ledger: Ledger, on_progress: Progress | None = None) -> Finished:
    """
    Make the result of a run of which all partitions are done.

    Parameters
    ----------
    plan : RunPlan
        Of the run.
    work : Work
        Of the plan.
    ledger : Ledger
        Whole.
    on_progress : callable, optional
        Called with the partitions put together and all of them.

    Returns
    -------
    Finished
        The result, which is also told in ``report.json``.

    Raises
    ------
    CorruptionError
        If what a partition left is damaged, or what was read back is not what was written; nothing is published.
    """
    lineage = lineage_of(work, taken=True)
    usage = usage_of(_read(work, ledger) if ledger.taken else lineage, ledger.reads)
    if work.job.is_file:
        revision, snapshot = "", ""
        run = {"id": run_id(work.job.run_folder, work.job.digest), "purpose": work.job.purpose}
        digest = _write_file(work, ledger, stamp_attributes(lineage, usage, run), on_progress)
    else:
        revision, snapshot, digest = _publish_repository(work, ledger, lineage, usage, on_progress)
        write_json(made_file(work), {"job": work.job.stem, "snapshot": snapshot})
    reused = plan.update.reused(ledger.taken.values()) if plan.update else []
    finished = Finished(work.job.target, digest, revision, snapshot, lineage, usage, tuple(reused))
    write_json(report_file(work.job.run_folder), _report(plan, ledger, finished))
    _tidy(work, ledger)
    return finished


def _read(work: Work, ledger: Ledger) -> Lineage:
    """What was to read for a result of which some states were taken over."""
    arrays = [family.result[name].data for family in work.families for name in family.names]
    for stage in work.stages:
        left = [number for number in range(stage.grid.count) if (stage.number, number) not in ledger.taken]
        arrays += [stage.array[stage.recipe.region(stage.grid.box(number))] for number in left]
    return trade.lineage(*arrays)


def _report(plan: RunPlan, ledger: Ledger, finished: Finished) -> dict[str, Any]:
    """What is told of a finished run."""
    return {
        "job": plan.job.digest,
        "run": run_id(plan.job.run_folder, plan.job.digest),
        "name": plan.job.name,
        "work": plan.job.work(),
        "code": plan.code,
        "target": finished.target,
        "digest": finished.digest,
        "revision": finished.revision,
        "snapshot": finished.snapshot,
        "partitions": plan.partitions,
        "runs": len(ledger.begun),
        "core_seconds": round(sum(ledger.seconds), 1),
        "peak_bytes": ledger.peak_bytes,
        "purpose": plan.job.purpose,
        "entitlement": plan.job.entitlement,
        "lineage": finished.lineage.to_json(),
        "usage": finished.usage.to_json(),
        "reused": list(finished.reused),
    }


def _tidy(work: Work, ledger: Ledger) -> None:
    """Remove what is in the result now, but for states that an update can take over."""
    kept = {f"states-{phase}" for (phase, _), covers in ledger.covers.items() if covers}
    remove_parts(work.job.run_folder, kept=kept)
    fork_file(work).unlink(missing_ok=True)
