"""
Where the values of a result go, partition by partition, before it is whole.

For a NetCDF file they wait in files of the run. A repository is made with its labels and empty arrays first; partitions
then write their chunks into it side by side, each in a fork of one session, and the fork waits in a file of the run
until all are there. Nothing is published before.
"""

import hashlib
import json
import math
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
import zarr

from oceandata.batch.files import file_digest, numbered_file, write_arrays
from oceandata.batch.work import Family, Work
from oceandata.errors import CorruptionError, InputError, RepositoryExistsError
from oceandata.storage.integrity import INTEGRITY_GROUP, HashingStore
from oceandata.storage.layout import ArrayPlan, open_written
from oceandata.storage.leases import HeldLease, writer_lease
from oceandata.storage.manifests import with_split_manifests
from oceandata.storage.stores import create_repository, open_repository, repository_exists
from oceandata.storage.writing import CONCURRENCY, BranchWriter, Step

if TYPE_CHECKING:
    import icechunk
    import numpy.typing as npt

__all__ = [
    "GROUP",
    "array_plans",
    "begin_repository",
    "block_file",
    "branch_of",
    "check_target",
    "fork_file",
    "fork_of",
    "made_file",
    "open_writer",
    "published_revision",
    "read_block",
    "result_bytes",
    "write_block",
]

#: Layout of the repository of a result.
GROUP = "maps"


def branch_of(work: Work) -> str:
    """Branch on which the result of a job waits until it is whole."""
    return f"run-{work.digest}"


def check_target(work: Work) -> None:
    """
    Check that the result can be put where it shall.

    Parameters
    ----------
    work : Work
        Of the job.

    Raises
    ------
    RepositoryExistsError
        If something else is there.
    InputError
        If the result has labels that a repository cannot hold.
    """
    target = work.job.target
    if work.job.is_file:
        if Path(target).is_dir():
            msg = f"{target} is a folder, need the name of a file. Choose another output."
            raise RepositoryExistsError(msg)
        if Path(target).exists() and not _is_own(work):
            msg = f"{target} exists and is not what this run made. Choose another output, or remove it first."
            raise RepositoryExistsError(msg)
        return
    array_plans(work)
    if not repository_exists(target):
        if "://" not in target and Path(target).exists() and (not Path(target).is_dir() or any(Path(target).iterdir())):
            msg = f"{target} holds something that is not a repository. Choose another output, or remove it first."
            raise RepositoryExistsError(msg)
        return
    repository = open_repository(target)
    tags = sorted(repository.list_tags())
    if tags and not published_revision(work, repository) and not _is_newest(work, repository):
        msg = f"{target} holds a dataset already (revision {tags[-1]}). Choose another output for the result."
        raise RepositoryExistsError(msg)


def made_file(work: Work) -> Path:
    """File that holds the digest of the NetCDF file, or names the revision, that a run made last."""
    return work.job.run_folder / "result.json"


def _made(work: Work) -> Any:
    """What a run made last; None if that is not known."""
    try:
        return json.loads(made_file(work).read_text("utf-8"))
    except (OSError, ValueError):
        return None


def _is_own(work: Work) -> bool:
    """Whether the file that is there is, to the last bit, one that this run made."""
    return bool(_made(work) == {"digest": file_digest(Path(work.job.target))})


def _is_newest(work: Work, repository: "icechunk.Repository") -> bool:
    """Whether the newest revision is what this job made of an earlier state of its input, so that one may follow."""
    snapshot = repository.lookup_branch("main")
    return bool(_made(work) == {"job": work.job.stem, "snapshot": snapshot})


def published_revision(work: Work, repository: "icechunk.Repository") -> str:
    """Revision that is the result of this job, on this input, already; empty if there is none."""
    for tag in sorted(repository.list_tags()):
        facts = dict(repository.lookup_snapshot(repository.lookup_tag(tag)).metadata)
        if facts.get("oceandata.job") == work.digest:
            return tag
    return ""


def _encoded(name: str, variable: xr.Variable) -> xr.Variable:
    """A variable in the numbers that are stored."""
    encoded: xr.Variable = xr.conventions.encode_cf_variable(variable, name=name)
    if encoded.dtype.kind not in "biuf":
        msg = (
            f"{name!r} holds {encoded.dtype} values, which a repository cannot hold. Choose an output that ends in .nc."
        )
        raise InputError(msg)
    return encoded


def _variables(work: Work) -> dict[str, xr.Variable]:
    """All variables of the result, with the attributes that tie labels to data."""
    variables, _ = xr.conventions.encode_dataset_coordinates(work.result)
    return {str(name): variable for name, variable in variables.items()}


def array_plans(work: Work) -> tuple[ArrayPlan, ...]:
    """
    How each variable of the result is stored.

    Parameters
    ----------
    work : Work
        Of the job.

    Returns
    -------
    tuple of ArrayPlan
        Labels first.

    Raises
    ------
    InputError
        If one cannot be stored.
    """
    chunks = {name: own for family in work.families for name, own in family.chunks.items()}
    plans = []
    for name, variable in _variables(work).items():
        is_coordinate = name in work.result.coords
        plans.append(_array_plan(name, variable, chunks.get(name), is_coordinate=is_coordinate))
    return tuple(sorted(plans, key=lambda plan: (not plan.is_coordinate, plan.name)))


def _array_plan(name: str, variable: xr.Variable, chunks: tuple[int, ...] | None, *, is_coordinate: bool) -> ArrayPlan:
    """How one variable is stored; a lazy one has chunks."""
    empty = xr.Variable(variable.dims, np.zeros((0,) * variable.ndim, variable.dtype), variable.attrs)
    sample = variable.load() if chunks is None else empty
    encoded = _encoded(name, sample)
    attributes = {key: _plain(value) for key, value in encoded.attrs.items()}
    return ArrayPlan(
        name=name,
        dims=tuple(map(str, variable.dims)),
        shape=tuple(variable.shape),
        chunks=chunks or tuple(max(1, size) for size in variable.shape),
        dtype=str(encoded.dtype),
        fill_value=attributes.get("_FillValue"),
        attributes=attributes,
        is_coordinate=is_coordinate,
    )


def _plain(value: Any) -> Any:
    """An attribute as JSON."""
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    return value if isinstance(value, str | int | float | bool | list) else str(value)


def open_writer(work: Work, repository: "icechunk.Repository", total: int, lease: HeldLease) -> BranchWriter:
    """Writer on the branch of a job."""
    return BranchWriter(
        repository,
        work.job.target,
        branch_of(work),
        group=GROUP,
        arrays=array_plans(work),
        job=work.digest,
        total=total,
        lease=lease,
    )


def fork_file(work: Work) -> Path:
    """File of the session that partitions fork."""
    return work.job.run_folder / "session.fork"


def begin_repository(work: Work, attributes: dict[str, Any]) -> None:
    """
    Make the repository of a result, with its labels and empty arrays, on a branch of its own.

    What an earlier run began stays. What it published, of an earlier state of the input, is replaced on the branch.

    Parameters
    ----------
    work : Work
        Of the job.
    attributes : dict
        Global attributes.
    """
    target, branch = work.job.target, branch_of(work)
    repository = open_repository(target) if repository_exists(target) else create_repository(target)
    if published_revision(work, repository) or (fork_file(work).exists() and branch in repository.list_branches()):
        return
    with writer_lease(target) as lease, zarr.config.set({"async.concurrency": CONCURRENCY}):
        if branch not in repository.list_branches():
            repository = with_split_manifests(repository, target, GROUP, array_plans(work))
            repository.create_branch(branch, repository.lookup_branch("main"))
        writer = open_writer(work, repository, 1 + sum(family.grid.count for family in work.families), lease)
        if dict(next(iter(repository.ancestry(branch=branch))).metadata).get("oceandata.job") != work.digest:
            top = zarr.open_group(writer.session.store, mode="a")
            for path in (GROUP, f"{INTEGRITY_GROUP}/{GROUP}"):
                if path in top:
                    del top[path]
            writer.create(attributes)
        _write_labels(work, writer)
        writer.commit(1)
        beside = fork_file(work).with_suffix(".new")
        beside.write_bytes(_fork_bytes(writer.session.fork()))
        beside.replace(fork_file(work))


def _write_labels(work: Work, writer: BranchWriter) -> None:
    """Write what is no lazy variable."""
    lazy = {name for family in work.families for name in family.names}
    for name, variable in _variables(work).items():
        if name not in lazy:
            values = _encoded(name, variable.load()).values
            box = tuple(slice(0, size) for size in values.shape)
            writer.write(Step(name, box, values.nbytes), values)


def block_file(work: Work, family: Family, number: int) -> Path:
    """File in which a partition waits."""
    return numbered_file(work.job.run_folder / f"result-{family.number}", number, ".npz")


def write_block(work: Work, family: Family, number: int) -> tuple[int, str]:
    """
    Compute a partition of the result and put it where it waits.

    Parameters
    ----------
    work : Work
        Of the job.
    family : Family
        One of its families.
    number : int
        Of the partition.

    Returns
    -------
    tuple
        Bytes and SHA-256 of the file in which it, or what tells of it, waits.
    """
    values = family.compute(number)
    if not work.job.is_file:
        values = _write_fork(work, family, number, values)
    return write_arrays(block_file(work, family, number), values)


def _fork_bytes(fork: "icechunk.ForkSession") -> bytes:
    """A fork in the form of Icechunk itself: bytes that run no code when they are read, as a pickle would."""
    state = fork.__getstate__()
    assert isinstance(state, dict)
    return bytes(state["_session"])


def _fork_from(content: bytes) -> "icechunk.ForkSession":
    """The fork of `_fork_bytes`."""
    import icechunk

    if b"CredentialsFetcher" in content:
        # a pickled function, which Icechunk would call; no session of ours has one
        msg = "a fork of the session of a run would run code. Throw away what was done: discard=True (--discard)."
        raise CorruptionError(msg)
    fork = icechunk.ForkSession.__new__(icechunk.ForkSession)
    try:
        fork.__setstate__({"_session": content})
    except Exception as error:
        msg = "a fork of the session of a run cannot be read. Throw away what was done: discard=True (--discard)."
        raise CorruptionError(msg) from error
    return fork


def _write_fork(
    work: Work, family: Family, number: int, values: "dict[str, npt.NDArray[Any]]"
) -> "dict[str, npt.NDArray[Any]]":
    """Write chunks into a fork of the session; the fork and the leaves of the chunks."""
    fork = _fork_from(fork_file(work).read_bytes())
    store = HashingStore(fork.store, GROUP)
    plans = {
        name: _array_plan(name, family.result[name].variable, family.chunks[name], is_coordinate=False)
        for name in values
    }
    with zarr.config.set({"async.concurrency": CONCURRENCY}):
        for name, found in values.items():
            variable = xr.Variable(family.result[name].dims, found)
            stored = _encoded(name, variable).values.astype(plans[name].dtype, copy=False)
            open_written(store, GROUP, plans[name])[family.box(name, number)] = stored
    leaves = {key: [leaf.hex(), nbytes] for key, (leaf, nbytes) in sorted(store.written.items())}
    return {
        "fork": np.frombuffer(_fork_bytes(fork), np.uint8),
        "leaves": np.frombuffer(json.dumps(leaves).encode(), np.uint8),
    }


def read_block(path: Path, digest: str) -> "dict[str, npt.NDArray[Any]]":
    """
    What a partition left in its file.

    Parameters
    ----------
    path : pathlib.Path
        From `block_file`.
    digest : str
        SHA-256 of the file that the ledger holds.

    Returns
    -------
    dict of str to numpy.ndarray
        Values by variable, or the fork and its leaves.

    Raises
    ------
    CorruptionError
        If the file is missing or damaged, or another.
    """
    try:
        with path.open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() == digest:
                file.seek(0)
                with np.load(file, allow_pickle=False) as stored:
                    return {name: stored[name] for name in stored.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        msg = f"what a partition left in {path} cannot be read ({error}). Run the job again: it is redone."
        raise CorruptionError(msg) from error
    msg = f"{path} is not what a partition left: its SHA-256 is not the one in the ledger. Run the job again."
    raise CorruptionError(msg)


def fork_of(block: "dict[str, npt.NDArray[Any]]") -> "tuple[Any, dict[str, tuple[bytes, int]]]":
    """Fork of a partition, and the leaves of its chunks."""
    leaves = json.loads(block["leaves"].tobytes())
    found = {key: (bytes.fromhex(leaf), int(nbytes)) for key, (leaf, nbytes) in leaves.items()}
    return _fork_from(block["fork"].tobytes()), found


def result_bytes(work: Work) -> int:
    """Decoded bytes of the result."""
    arrays = [family.result[name] for family in work.families for name in family.names]
    return sum(math.prod(array.shape) * array.dtype.itemsize for array in arrays)
