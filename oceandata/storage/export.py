"""
A revision as plain Zarr v3: the same stored bytes in a folder that any Zarr reader opens.

The folder is staged beside its place, read again, and renamed when its content root is that of the revision. Nothing is
encoded anew, and consolidated metadata, which the content root leaves out, is added for readers that want one request.
"""

import dataclasses
import itertools
import json
import os
import shutil
import uuid
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from zarr.core.buffer import default_buffer_prototype
from zarr.core.sync import sync

from oceandata._html import human_bytes
from oceandata.errors import CorruptionError, InputError, NotFoundError, RepositoryExistsError, closest
from oceandata.storage.chunks import chunk_count
from oceandata.storage.damages import name_undecodable, name_unreadable
from oceandata.storage.integrity import ABSENT, INTEGRITY_GROUP, chunk_key, chunk_leaf, content_root
from oceandata.storage.layout import Layout, read_layout
from oceandata.storage.revisions import commit_facts, layouts_of, require_layout
from oceandata.storage.stores import local_path, lookup_revision, open_repository
from oceandata.storage.virtual_access import read_session

if TYPE_CHECKING:
    from zarr.abc.store import Store

__all__ = ["ExportPlan", "ExportReport", "export_revision", "plan_export", "verify_export"]

# Chunks that one task copies.
_BATCH = 64

Progress = Callable[[int, int], None]


@dataclasses.dataclass(frozen=True)
class ExportPlan:
    """
    What an export will write; nothing was written to make it.

    Attributes
    ----------
    repository, revision, snapshot, layout : str
        What will be exported.
    target : str
        Folder that will be made.
    content_root : str
        Root of the layout, which the folder will have.
    chunks, stored_bytes : int
        Files of chunks and their bytes; metadata is some kB more.
    free_bytes : int
        Free on the disk of the target.
    """

    repository: str
    revision: str
    snapshot: str
    layout: str
    target: str
    content_root: str
    chunks: int
    stored_bytes: int
    free_bytes: int

    def to_json(self) -> dict[str, Any]:
        """JSON form."""
        return dataclasses.asdict(self)

    def __str__(self) -> str:
        return (
            f"would write {human_bytes(self.stored_bytes)} in {self.chunks} chunks of {self.repository} "
            f"{self.revision}, layout {self.layout!r}, to {self.target}; {human_bytes(self.free_bytes)} are free there"
        )


@dataclasses.dataclass(frozen=True)
class ExportReport:
    """
    A folder of plain Zarr v3 and whether it holds what it should.

    Attributes
    ----------
    path : str
        The folder.
    content_root, recomputed_root : str
        Root that it should have, and that of the files found in it.
    chunks, stored_bytes : int
        Files of chunks and their bytes.
    """

    path: str
    content_root: str
    recomputed_root: str
    chunks: int
    stored_bytes: int

    @property
    def is_sound(self) -> bool:
        """True if the folder has the root it should have."""
        return self.content_root == self.recomputed_root

    def to_json(self) -> dict[str, Any]:
        """JSON form."""
        return dataclasses.asdict(self) | {"is_sound": self.is_sound}

    def __str__(self) -> str:
        verdict = "sound" if self.is_sound else f"DIFFERS, need {self.content_root}"
        return f"{self.path}: {self.chunks} chunks, {human_bytes(self.stored_bytes)}, {self.recomputed_root}, {verdict}"


def _target(target: str | os.PathLike[str]) -> Path:
    """Folder to make; refused if anything is there."""
    path = local_path(target)
    if path.exists() or path.is_symlink():
        msg = f"{path} exists already. Choose another place, or remove it first."
        raise RepositoryExistsError(msg)
    if not path.parent.is_dir():
        msg = f"folder {path.parent} of the export does not exist. Create it first."
        raise NotFoundError(msg)
    return path


def _read_plan(
    url: str | os.PathLike[str], target: str | os.PathLike[str], revision: str, layout: str
) -> "tuple[ExportPlan, Store, Layout]":
    path = _target(target)
    repository = open_repository(url)
    tag, snapshot = lookup_revision(repository, revision)
    facts = commit_facts(repository, snapshot)
    group = require_layout(facts, layout, f"{os.fspath(url)} {tag}".strip())
    store = read_session(repository, snapshot, url).store
    with name_unreadable(f"{INTEGRITY_GROUP}/{group}", os.fspath(url)), name_undecodable([os.fspath(url)]):
        recorded = read_layout(store, group)
    sizes = [leaves.stored_bytes[leaves.stored_bytes != ABSENT] for leaves in recorded.leaves.values()]
    plan = ExportPlan(
        repository=os.fspath(url),
        revision=tag,
        snapshot=snapshot,
        layout=group,
        target=str(path),
        content_root=layouts_of(facts)[group]["content_root"],
        chunks=sum(one.size for one in sizes),
        stored_bytes=sum(int(one.sum()) for one in sizes),
        free_bytes=shutil.disk_usage(path.parent).free,
    )
    return plan, store, recorded


def plan_export(
    url: str | os.PathLike[str], target: str | os.PathLike[str], *, revision: str = "", layout: str = ""
) -> ExportPlan:
    """
    Tell what an export would write, without writing anything.

    Parameters
    ----------
    url : str or path
        The repository.
    target : str or path
        Folder to make, where nothing is yet.
    revision : str
        A tag; the newest by default.
    layout : str
        Name of a layout; the primary by default.

    Returns
    -------
    ExportPlan
        Bytes, chunks and free disk.

    Raises
    ------
    NotFoundError
        If there is no such repository, revision, layout or parent folder.
    RepositoryExistsError
        If the target exists.
    """
    return _read_plan(url, target, revision, layout)[0]


def _stored_positions(layout: Layout) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Arrays and positions of all chunks that are stored."""
    for name, leaves in layout.leaves.items():
        for position in np.argwhere(leaves.stored_bytes != ABSENT):
            yield name, tuple(int(at) for at in position)


def _copy_batch(
    store: "Store", layout: Layout, folder: Path, url: str, batch: tuple[tuple[str, tuple[int, ...]], ...]
) -> int:
    """Copy some chunks as they are stored, each checked against its leaf; returns their bytes."""
    copied = 0
    for name, position in batch:
        key = chunk_key(name, position)
        with name_unreadable(f"{layout.group}/{key}", url):
            buffer = sync(store.get(f"{layout.group}/{key}", default_buffer_prototype()))
        stored = None if buffer is None else buffer.to_bytes()
        if stored is None or chunk_leaf(key, stored) != layout.leaves[name].digests[position].tobytes():
            what = "is missing" if stored is None else "differs from what was written"
            msg = f"chunk {layout.group}/{key} of {url} {what}. Nothing was exported: run 'oceandata verify {url}'."
            raise CorruptionError(msg)
        place = folder / key
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(stored)
        copied += len(stored)
    return copied


def _write_documents(layout: Layout, folder: Path) -> None:
    """Metadata of the arrays and of the group, the latter with all of them consolidated."""
    arrays = {name: document for name, document in layout.documents.items() if name}
    for name, document in arrays.items():
        (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / name / "zarr.json").write_text(json.dumps(document, indent=2), "utf-8")
    consolidated = {"kind": "inline", "must_understand": False, "metadata": arrays}
    group = layout.documents[""] | {"consolidated_metadata": consolidated}
    (folder / "zarr.json").write_text(json.dumps(group, indent=2), "utf-8")


def _make_folder(folder: Path) -> None:
    """Folder to stage in, or one sentence why not."""
    try:
        folder.mkdir()
    except OSError as error:
        msg = f"cannot write to {folder.parent}: {error.strerror}. Choose another place."
        raise InputError(msg) from error


def _copy(store: "Store", layout: Layout, folder: Path, plan: ExportPlan, on_progress: Progress | None) -> None:
    """All chunks and metadata into a folder, with two threads and a bounded number of batches ahead."""
    _make_folder(folder)
    _write_documents(layout, folder)
    done = 0
    positions = _stored_positions(layout)
    with ThreadPoolExecutor(2, thread_name_prefix="export") as threads:
        while window := list(itertools.islice(iter(lambda: tuple(itertools.islice(positions, _BATCH)), ()), 16)):
            for copied in threads.map(lambda batch: _copy_batch(store, layout, folder, plan.repository, batch), window):
                done += copied
                if on_progress is not None:
                    on_progress(done, plan.stored_bytes)


def _checked(folder: Path, plan: ExportPlan) -> ExportReport:
    """What was written, read again; refused if it is not the revision."""
    report = verify_export(folder, plan.content_root)
    if not report.is_sound:
        msg = (
            f"what was written for {plan.target} has the root {report.recomputed_root}, need {plan.content_root}. "
            "Nothing was exported: verify the repository, and check the disk."
        )
        raise CorruptionError(msg)
    return report


def export_revision(
    url: str | os.PathLike[str],
    target: str | os.PathLike[str],
    *,
    revision: str = "",
    layout: str = "",
    on_progress: Progress | None = None,
) -> ExportReport:
    """
    Write one layout of a revision as a folder of plain Zarr v3, with the same stored bytes.

    The folder appears whole or not at all: it is staged beside the target, read again, and renamed. Chunks that are
    not stored because every value is missing stay so.

    Parameters
    ----------
    url : str or path
        The repository.
    target : str or path
        Folder to make, where nothing is yet.
    revision : str
        A tag; the newest by default.
    layout : str
        Name of a layout; the primary by default.
    on_progress : callable, optional
        Called with bytes copied and bytes in all.

    Returns
    -------
    ExportReport
        With the content root, equal to the revision's.

    Raises
    ------
    NotFoundError
        If there is no such repository, revision, layout or parent folder.
    RepositoryExistsError
        If the target exists.
    InputError
        If the disk has not enough room, or nothing can be written there.
    CorruptionError
        If the repository or what was written is damaged; nothing is left behind.

    Notes
    -----
    Every stored byte is read once and written once, and the copy is read once. Memory: about 100 bytes a chunk.
    """
    plan, store, recorded = _read_plan(url, target, revision, layout)
    if plan.stored_bytes > plan.free_bytes:
        msg = (
            f"the export takes {human_bytes(plan.stored_bytes)}, but {human_bytes(plan.free_bytes)} are free at "
            f"{Path(plan.target).parent}. Free disk space, or choose another place."
        )
        raise InputError(msg)
    place = Path(plan.target)
    partial = place.with_name(f".{place.name}.{uuid.uuid4().hex[:8]}.partial")
    try:
        _copy(store, recorded, partial, plan, on_progress)
        report = _checked(partial, plan)
        _target(place)
        partial.rename(place)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    return dataclasses.replace(report, path=str(place))


def _document(path: Path) -> dict[str, Any]:
    """Content of a ``zarr.json``."""
    try:
        document: dict[str, Any] = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        msg = f"{path} is no JSON ({error}). Export the revision again."
        raise CorruptionError(msg) from error
    return document


def _file_leaves(folder: Path, name: str, document: dict[str, Any], sizes: list[int]) -> Iterator[bytes]:
    """Leaves of an array's chunks in grid order, from its files; their sizes are added to a list."""
    grid = chunk_count(document["shape"], document["chunk_grid"]["configuration"]["chunk_shape"])
    for position in np.ndindex(*grid):
        key = chunk_key(name, position)
        path = folder / key
        stored = path.read_bytes() if path.exists() else None
        if stored is not None:
            sizes.append(len(stored))
        yield chunk_leaf(key, stored)


def verify_export(path: str | os.PathLike[str], root: str) -> ExportReport:
    """
    Compute the content root of a folder of plain Zarr v3 again and compare it with the one it should have.

    Works from the files alone: no repository is needed. Consolidated metadata does not count.

    Parameters
    ----------
    path : str or path
        The folder.
    root : str
        ``"sha256:"`` and 64 hexadecimal digits, from the catalogue, the product or `describe_revision`.

    Returns
    -------
    ExportReport
        Both roots; one changed bit or one missing chunk makes them differ.

    Raises
    ------
    NotFoundError
        If there is no Zarr group.
    CorruptionError
        If metadata cannot be read.

    Notes
    -----
    Reads every file once. Memory: 32 bytes a chunk of the largest array.
    """
    folder = local_path(path)
    if not (folder / "zarr.json").is_file():
        near = [entry.name for entry in folder.parent.iterdir()] if folder.parent.is_dir() else []
        msg = f"there is no Zarr group at {folder}. {closest(folder.name, sorted(near))}".rstrip()
        raise NotFoundError(msg)
    documents = {"": _document(folder / "zarr.json")}
    for array in sorted(folder.glob("*/zarr.json")):
        documents[array.parent.name] = _document(array)
    sizes: list[int] = []
    leaves: dict[str, Iterable[bytes]] = {
        name: _file_leaves(folder, name, document, sizes) for name, document in documents.items() if name
    }
    found = content_root(documents, leaves)
    return ExportReport(str(folder), root, found, len(sizes), sum(sizes))
