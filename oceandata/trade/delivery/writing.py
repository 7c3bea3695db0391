"""A planned delivery as a package: copied or cut, listed, signed, and put in its place whole."""

import itertools
import json
import platform
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

import oceandata
from oceandata._html import human_bytes
from oceandata.errors import CorruptionError, InputError
from oceandata.journal import read_journal
from oceandata.storage.damages import name_undecodable, name_unreadable
from oceandata.storage.integrity import ABSENT, array_leaf, chunk_key, chunk_leaf, digest_rows, merkle_root
from oceandata.trade.delivery.envelope import sealed
from oceandata.trade.delivery.keys import key_id, public_text
from oceandata.trade.delivery.manifest import (
    ENVELOPE_NAME,
    FILES_NAME,
    MANIFEST_NAME,
    STORE_NAME,
    ArrayProof,
    Counts,
    FileList,
    FileRecord,
    Manifest,
    Selection,
    Signer,
    delivered_leaf,
    manifest_bytes,
    write_records,
)
from oceandata.trade.delivery.plan import DeliveryPlan, check_limit, planned_subset
from oceandata.trade.delivery.proofs import Tree
from oceandata.trade.delivery.walking import chunk_leaf_of, file_digest, found_files
from oceandata.trade.subset import write_subset
from oceandata.trade.subset.staging import Staging, open_staging

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from oceandata.storage.layout import Layout
    from oceandata.trade.delivery.selecting import ArrayBox

__all__ = ["write_delivery"]

Progress = Callable[[str], AbstractContextManager[Callable[[int, int], None]]]

# Chunks that one task copies.
_BATCH = 64
_READ_ME = "README.txt"

_WHOLE = """\
This package holds the stored chunks of revision {revision} of {product} that meet the selection, byte for byte.

    oceandata trade verify-delivery . --key KEYS.pub --root {root}

proves them, with the provider's key file and the content root from the exchange or the catalogue. To open it in Python:

    from oceandata.trade.delivery import open_delivery
    ds = open_delivery(".")

or, with xarray alone:

    import xarray as xr
    ds = xr.open_zarr("{store}").isel({cells})

The arrays keep the shape that they have in the whole product. Outside of the cells named above nothing was delivered:
there they read as missing or as the fill value. Do not use values from there.

Licence: {licence}
{attribution}
"""

_CLIPPED = """\
This package holds {name}, cut out of revision {revision} of {product} and encoded anew.

    oceandata trade verify-delivery . --key KEYS.pub

shows that it is what the provider signed. No audit path leads to the content root of the revision.

Licence: {licence}
{attribution}
"""


@contextmanager
def _silent(label: str) -> Iterator[Callable[[int, int], None]]:  # noqa: ARG001
    """No progress bar."""
    yield lambda done, whole: None  # noqa: ARG005


def write_delivery(
    plan: DeliveryPlan,
    private: "Ed25519PrivateKey",
    *,
    progress: Progress = _silent,
    discard: bool = False,
) -> Manifest:
    """
    Write a planned delivery.

    The package appears whole or not at all: it is made in a hidden folder ``.<name>.partial`` beside its place. A
    killed run continues when the same delivery is written again, and ends with the same package; what is there already
    is read and compared first.

    Parameters
    ----------
    plan : DeliveryPlan
        From `plan_delivery` or `plan_clipped`.
    private : Ed25519PrivateKey
        From `oceandata.trade.delivery.keys.load_private_key`.
    progress : callable
        Takes a label and gives a context manager such as `oceandata.progress.byte_bar`.
    discard : bool
        Remove what another, unfinished delivery left at the same place, and begin anew.

    Returns
    -------
    Manifest
        As it was signed.

    Raises
    ------
    InputError
        If the disk has not enough room, nothing can be written there, or it is more than the entitlement allows.
    RepositoryExistsError
        If the target exists by now, another process writes it, or another delivery was left unfinished there.
    CorruptionError
        If a stored chunk is not what was recorded; nothing is delivered.

    Notes
    -----
    Memory: about 400 bytes a chunk that is delivered and 64 bytes a chunk of the arrays they are from.
    """
    with open_staging(plan.target, plan.digest, discard=discard) as staging:
        if staging.published:
            content = (plan.target / MANIFEST_NAME).read_bytes()
            manifest = Manifest.from_json(json.loads(content), where=MANIFEST_NAME)
        else:
            _check_room(plan)
            try:
                manifest = _made(plan, private, staging, progress)
            except OSError as error:
                if error.errno is None:
                    raise
                msg = f"cannot write {plan.target}: {error.strerror}. What was copied is kept: the same call continues."
                raise InputError(msg) from error
        staging.remove()
    return manifest


def _check_room(plan: DeliveryPlan) -> None:
    """Refuse what the disk has no room for."""
    if plan.stored_bytes > plan.free_bytes:
        msg = (
            f"the delivery takes {human_bytes(plan.stored_bytes)}, but {human_bytes(plan.free_bytes)} are free at "
            f"{plan.target.parent}. Free disk space, choose another place, or ask for less."
        )
        raise InputError(msg)


def _begun(plan: DeliveryPlan, staging: Staging) -> datetime:
    """When this delivery was begun, by whichever run."""
    records = [one for one in read_journal(staging.log) if "created" in one]
    if not records:
        # a piece, so that the folder is kept when this run fails
        record = {"work": plan.digest, "created": datetime.now(UTC).replace(microsecond=0).isoformat()}
        staging.note(record | {"pieces": [["delivery", 0]]})
        records = [record]
    staging.done.add(("delivery", 0))
    return datetime.fromisoformat(records[0]["created"])


def _made(plan: DeliveryPlan, private: "Ed25519PrivateKey", staging: Staging, progress: Progress) -> Manifest:
    """Make the package, and put it in its place."""
    created = _begun(plan, staging)
    draft = staging.draft
    draft.mkdir(exist_ok=True)
    for name in (MANIFEST_NAME, ENVELOPE_NAME, FILES_NAME):
        (draft / name).unlink(missing_ok=True)
    _write_text(draft / _READ_ME, _read_me(plan))
    trees: dict[str, Tree] = {}
    if plan.layout is not None:
        trees = {box.name: Tree(digest_rows(plan.layout.leaves[box.name].digests)) for box in plan.boxes}
        with progress("copy") as moved:
            _copy(plan, plan.layout, draft / STORE_NAME, moved)
    else:
        _cut(plan, draft, progress)
    with progress("read again") as moved:
        manifest = _listed(plan, draft, trees, created, private, moved)
    check_limit(plan.grant, manifest.counts.bytes)
    payload = manifest_bytes(manifest)
    (draft / MANIFEST_NAME).write_bytes(payload)
    (draft / ENVELOPE_NAME).write_bytes(sealed(payload, private))
    staging.note({"assembled": None})
    draft.rename(plan.target)
    return manifest


def _write_text(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")


def _read_me(plan: DeliveryPlan) -> str:
    """What a person reads first."""
    product, revision = plan.grant.product, plan.grant.revision
    cells = ", ".join(f"{dim}={_indexer(parts)}" for dim, parts in plan.cells.items())
    return (_WHOLE if plan.mode == "whole-chunk" else _CLIPPED).format(
        product=product.id,
        revision=revision.number,
        root=revision.content_root,
        store=STORE_NAME,
        name=f"data{plan.suffix}",
        cells=cells,
        licence=product.licence,
        attribution="\n".join(filter(None, (product.attribution.en, product.attribution.zh))),
    )


def _indexer(parts: tuple[tuple[int, int], ...]) -> str:
    """Positions in the words of Python."""
    if len(parts) == 1:
        return f"slice({parts[0][0]}, {parts[0][1]})"
    return "[" + ", ".join(f"*range({start}, {stop})" for start, stop in parts) + "]"


def _copy(plan: DeliveryPlan, layout: "Layout", folder: Path, moved: Callable[[int, int], None]) -> None:
    """Metadata and chunks, with two threads and a bounded number of batches ahead."""
    names = [box.name for box in plan.boxes]
    _write_documents(layout, names, folder)
    positions = ((box, position) for box in plan.boxes for position in box.positions())
    stored = ((box.name, at) for box, at in positions if layout.leaves[box.name].stored_bytes[at] != ABSENT)
    done = 0
    with ThreadPoolExecutor(2, thread_name_prefix="deliver") as threads:
        batches = iter(lambda: tuple(itertools.islice(stored, _BATCH)), ())
        while window := list(itertools.islice(batches, 16)):
            for copied in threads.map(lambda batch: _copy_batch(plan, layout, folder, batch), window):
                done += copied
                moved(done, plan.stored_bytes)


def _write_documents(layout: "Layout", names: list[str], folder: Path) -> None:
    """Metadata of the arrays and of the group, the latter with all of them consolidated."""
    arrays = {name: layout.documents[name] for name in names}
    consolidated = {"kind": "inline", "must_understand": False, "metadata": arrays}
    for name, document in arrays.items():
        (folder / name).mkdir(parents=True, exist_ok=True)
        _write_text(folder / name / "zarr.json", json.dumps(document, indent=2))
    _write_text(
        folder / "zarr.json", json.dumps(layout.documents[""] | {"consolidated_metadata": consolidated}, indent=2)
    )


def _copy_batch(
    plan: DeliveryPlan, layout: "Layout", folder: Path, batch: tuple[tuple[str, tuple[int, ...]], ...]
) -> int:
    """Copy some chunks as they are stored, each checked against its leaf; returns their bytes."""
    return sum(_copy_chunk(plan, layout, folder, name, position) for name, position in batch)


def _copy_chunk(plan: DeliveryPlan, layout: "Layout", folder: Path, name: str, position: tuple[int, ...]) -> int:
    """Copy a chunk, unless it is there already; returns its bytes."""
    from zarr.core.buffer import default_buffer_prototype
    from zarr.core.sync import sync

    key = chunk_key(name, position)
    place, leaf = folder / key, layout.leaves[name].digests[position].tobytes()
    if _is_there(place, key, leaf):
        return place.stat().st_size
    assert plan.store is not None
    with name_unreadable(f"{layout.group}/{key}", plan.repository):
        buffer = sync(plan.store.get(f"{layout.group}/{key}", default_buffer_prototype()))
    stored = None if buffer is None else buffer.to_bytes()
    if stored is None or chunk_leaf(key, stored) != leaf:
        what = "is missing" if stored is None else "differs from what was written"
        msg = (
            f"chunk {layout.group}/{key} of {plan.repository} {what}. Nothing was delivered: run "
            f"'oceandata verify {plan.repository}'."
        )
        raise CorruptionError(msg)
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(stored)
    return len(stored)


def _is_there(place: Path, key: str, leaf: bytes) -> bool:
    """Whether an earlier run copied this chunk."""
    return place.is_file() and chunk_leaf_of(key, file_digest(place)[0]) == leaf


def _cut(plan: DeliveryPlan, draft: Path, progress: Progress) -> None:
    """Write the clipped file, or go on with it."""
    assert plan.catalog is not None
    target = draft / f"data{plan.suffix}"
    if target.exists() and not Staging(target).folder.exists():
        return
    subset = planned_subset(plan.grant, plan.catalog, target, plan.asked)
    places = {one.origin.repository for one in subset.lineage.planned}
    with name_undecodable(places):
        write_subset(subset, progress=progress)


def _listed(
    plan: DeliveryPlan,
    draft: Path,
    trees: dict[str, Tree],
    created: datetime,
    private: "Ed25519PrivateKey",
    moved: Callable[[int, int], None],
) -> Manifest:
    """Read every file again, list it with its proof, and make the manifest."""
    counts = {"files": 0, "bytes": 0, "chunks": 0, "chunks_absent": 0}

    def leaves() -> Iterator[bytes]:
        for record in write_records(draft / FILES_NAME, _records(plan, draft, trees)):
            counts["chunks" if record.bytes is not None else "chunks_absent"] += bool(record.leaf)
            counts["files"] += record.bytes is not None
            counts["bytes"] += record.bytes or 0
            moved(counts["bytes"], max(plan.stored_bytes, counts["bytes"]))
            yield delivered_leaf(record)

    root = "sha256:" + merkle_root(leaves()).hex()
    digest, nbytes = file_digest(draft / FILES_NAME)
    grant, public = plan.grant, public_text(private)
    return Manifest(
        product=grant.product.id,
        revision=grant.revision.number,
        tag=grant.revision.tag,
        snapshot=grant.revision.snapshot,
        layout=grant.revision.group,
        content_root=grant.revision.content_root,
        entitlement=grant.entitlement.id,
        order=grant.entitlement.order,
        purpose=grant.purpose,
        mode=plan.mode,
        selection=Selection(asked=plan.asked, variables=plan.variables, cells=plan.cells),
        arrays=_proofs(plan, trees),
        arrays_total=len(plan.layout.documents) if plan.layout else 0,
        files=FileList(sha256=digest, bytes=nbytes, lines=counts["files"] + counts["chunks_absent"]),
        delivered_root=root,
        counts=Counts(**counts),
        attribution=grant.product.attribution,
        licence=grant.product.licence,
        permits=grant.product.permits,
        generator=_generator(),
        created=created,
        signer=Signer(keyid=key_id(public), public=public),
    )


def _generator() -> dict[str, str]:
    """Versions of what made the package."""
    from importlib.metadata import version

    found = {name: version(name) for name in ("icechunk", "numpy", "xarray", "zarr")}
    return {"oceandata": oceandata.__version__, "python": platform.python_version()} | found


def _proofs(plan: DeliveryPlan, trees: dict[str, Tree]) -> dict[str, ArrayProof]:
    """Way of each delivered array, and of the group, up to the content root."""
    layout = plan.layout
    if layout is None:
        return {}
    paths = sorted(layout.documents)
    nodes = []
    for path in paths:
        leaves = layout.leaves[path].digests if path else np.zeros((0, 32), np.uint8)
        nodes.append(array_leaf(path, layout.documents[path], digest_rows(leaves)))
    top = Tree(nodes)
    boxes: dict[str, ArrayBox | None] = {"": None} | {box.name: box for box in plan.boxes}
    proofs = {}
    for path, box in boxes.items():
        index = paths.index(path)
        proofs[path] = ArrayProof(
            chunks=box.ranges if box else (),
            tree=(trees[path] if path else Tree(())).root.hex(),
            index=index,
            audit=tuple(one.hex() for one in top.path(index)),
            is_coordinate=bool(box and box.is_coordinate),
        )
    return proofs


def _records(plan: DeliveryPlan, draft: Path, trees: dict[str, Tree]) -> Iterator[FileRecord]:
    """Every file and every absent chunk, sorted by path."""
    chunks = {f"{STORE_NAME}/{chunk_key(box.name, at)}": (box.name, at) for box in plan.boxes for at in box.positions()}
    there = {path for path, _ in found_files(draft) if path != FILES_NAME}
    for path in sorted(there | chunks.keys()):
        name, position = chunks.get(path, ("", ()))
        if name:
            yield _chunk_record(plan, draft, path, trees[name], (name, position))
            continue
        if plan.boxes and path != _READ_ME and path.rpartition("/")[2] != "zarr.json":
            (draft / path).unlink()  # a part of a chunk, or what a run of an older program left
            continue
        sha256, nbytes = file_digest(draft / path)
        yield FileRecord(path=path, bytes=nbytes, sha256=sha256)


def _chunk_record(
    plan: DeliveryPlan, draft: Path, path: str, tree: Tree, chunk: tuple[str, tuple[int, ...]]
) -> FileRecord:
    """Record of a chunk, read again; of one that is not stored, proof of just that."""
    assert plan.layout is not None
    name, position = chunk
    leaves, key = plan.layout.leaves[name], chunk_key(name, position)
    grid = leaves.stored_bytes.shape
    audit = tuple(one.hex() for one in tree.path(int(np.ravel_multi_index(position, grid)) if grid else 0))
    if leaves.stored_bytes[position] == ABSENT:
        return FileRecord(path=path, leaf=key, audit=audit)
    sha256, nbytes = file_digest(draft / path)
    if chunk_leaf_of(key, sha256) != leaves.digests[position].tobytes():
        msg = f"{path} read back differs from what was copied. Nothing was delivered: check the disk, then run again."
        raise CorruptionError(msg)
    return FileRecord(path=path, bytes=nbytes, sha256=sha256, leaf=key, audit=audit)
