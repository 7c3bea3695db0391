"""The scan itself: walk, read what changed, group, draft, keep what a person said, write."""

import dataclasses
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from oceandata.catalog.catalog import Catalog
from oceandata.catalog.entries import Overlay, draft_entry
from oceandata.catalog.index.files import FOLDER
from oceandata.catalog.index.state import CHANGES, INDEX
from oceandata.catalog.licences import unknown_licences
from oceandata.catalog.placement import place_entries
from oceandata.catalog.positions import Located
from oceandata.catalog.repositories import described_layouts
from oceandata.catalog.safety import text_faults
from oceandata.catalog.scan.drafting import NO_LICENCE, dataset_name, draft_found, licence_text, stated
from oceandata.catalog.scan.facts import PlaceFacts
from oceandata.catalog.scan.grouping import Grouped, group_files
from oceandata.catalog.scan.memory import Memory, Seen
from oceandata.catalog.scan.merging import merged_entry
from oceandata.catalog.scan.naming import entry_ids
from oceandata.catalog.scan.present import Present, read_present
from oceandata.catalog.scan.proposing import find_gaps, find_proposals
from oceandata.catalog.scan.reading import read_place
from oceandata.catalog.scan.reporting import ScanReport
from oceandata.catalog.scan.walking import Place, Reject, shown_path, walk
from oceandata.catalog.write import portable_entry
from oceandata.entities import Entry
from oceandata.errors import InputError, OceanDataError, closest

__all__ = ["run_scan"]

_INTO = ("auto", "bulk")

Progress = Callable[[int, int], None]


@dataclasses.dataclass(frozen=True)
class _Draft:
    """A dataset before it has an id: its name, its paths, how its entry is drafted, and what its files say."""

    name: str
    paths: tuple[str, ...]
    build: Callable[[str], Entry]
    attributes: Mapping[str, Any]
    hints: Mapping[str, str]
    notes: tuple[str, ...] = ()


def run_scan(
    roots: Sequence[str | os.PathLike[str]],
    catalog_path: str | os.PathLike[str],
    *,
    dry_run: bool = False,
    into: str = "auto",
    on_progress: Progress | None = None,
) -> ScanReport:
    """
    Find the datasets below folders, and put them into a catalogue.

    Files are recognised by their bytes; headers and coordinates are read, data are not. Files that together are one
    dataset make one entry. What a person said of an entry stays; an entry that is linked to a product is not changed
    at all, and one that a person took out is not put back. A second scan reads only what changed, and a scan that was
    killed goes on: what was read is remembered in a hidden file beside the catalogue.

    Parameters
    ----------
    roots : sequence of str or path
        Folders, files, ``https://`` addresses of Zarr stores, or ``s3://`` prefixes.
    catalog_path : str or path
        The YAML file, created if need be; its folder must exist.
    dry_run : bool
        Write nothing, not even what was read.
    into : {"auto", "bulk"}
        ``"bulk"`` puts new entries into the bulk files beside the catalogue (``entries/*.jsonl.gz``); ``"auto"`` does
        so where the YAML file would grow too large.
    on_progress : callable, optional
        Called with files done and files in all.

    Returns
    -------
    ScanReport
        Entries, proposals, gaps, and every file that is in no entry with its reason.

    Raises
    ------
    NotFoundError
        If a root, or the folder of the catalogue, is not there.
    DocumentError
        If the catalogue has faults, or its index is older than its bulk entries; it is left as it is.
    InputError
        If `into` is something else.
    MissingExtraError
        If a root cannot be read without a part that is not installed.

    Notes
    -----
    About 20 ms a file of a few variables. Some 5 kB of memory, and of the hidden file, a file of a few variables.
    """
    if into not in _INTO:
        msg = f"into is {into!r}, need one of {', '.join(map(repr, _INTO))}. {closest(into, list(_INTO))}"
        raise InputError(msg)
    path = Path(catalog_path).resolve()
    if not path.parent.is_dir():
        msg = f"folder {path.parent} of the catalogue does not exist. Create it first."
        raise InputError(msg)
    present = read_present(path)
    with Memory(path, write=not dry_run) as memory:
        own = (path, memory.path, *(path.parent / name for name in (FOLDER, INDEX, CHANGES)))
        found = list(walk(roots, ignored=own))
        run = _Scan(path, present, memory)
        run.read(found, on_progress)
        run.draft()
        changed = [*run.added, *run.changed]
        kind = ""
        if not dry_run and run.entries:
            written = [run.entries[name] for name in changed]
            if written:
                kind = place_entries(path, written, into=into)
            for name, document in run.scanned.items():
                memory.remember_entry(name, document)
    return run.report(roots, kind)


class _Scan:
    """One run: what was read, and the entries made of it."""

    def __init__(self, path: Path, present: Present, memory: Memory) -> None:
        self.path, self.memory = path, memory
        self.present = {**present.in_bulk, **present.in_yaml}
        self.aliases = present.aliases
        self.entries: dict[str, Entry] = {}
        self.scanned: dict[str, dict[str, Any]] = {}
        self.added: list[str] = []
        self.changed: list[str] = []
        self.left_out: list[str] = []
        self.rejects: list[Reject] = []
        self.files: dict[str, str] = {}
        self.drafts: list[_Draft] = []
        self.drafted: dict[str, _Draft] = {}
        self.copies: dict[str, list[str]] = {}
        self.counts = {"read": 0, "recalled": 0}
        self._known = {place: name for name, entry in self.present.items() for place in self._places(entry)}
        written = memory.written() if present.exists else {}
        gone = {name: document for name, document in written.items() if name not in self.present}
        self._gone = {
            place: name
            for name, document in gone.items()
            for place in self._places(Entry.from_json(dict(document), where=name))
        }

    def read(self, found: Sequence[Place | Reject], on_progress: Progress | None) -> None:
        """Read every place, or recall it; then put files together."""
        files: list[PlaceFacts] = []
        for number, one in enumerate(found, 1):
            if isinstance(one, Reject):
                self.rejects.append(one)
            elif one.kind == "icechunk":
                self._repository(one)
            else:
                seen = self._seen(one)
                if seen.reject is not None:
                    self.rejects.append(seen.reject)
                elif one.kind == "netcdf":
                    files += seen.facts
                else:
                    self.drafts += [_file_draft(Grouped((facts,))) for facts in seen.facts]
            if on_progress is not None:
                on_progress(number, len(found))
        for facts in files:
            self.copies.setdefault(facts.ends, []).append(facts.path)
        self.drafts += [_file_draft(grouped) for grouped in group_files(files)]
        self.drafts.sort(key=lambda draft: draft.paths)

    def _seen(self, place: Place) -> Seen:
        """What a place holds, from an earlier scan if it did not change since."""
        recalled = self.memory.recall(place)
        if recalled is not None:
            self.counts["recalled"] += 1
            return recalled
        self.counts["read"] += 1
        seen = read_place(place)
        self.memory.remember(place, seen)
        return seen

    def _repository(self, place: Place) -> None:
        """Newest revision of a repository with all its layouts."""
        self.counts["read"] += 1
        try:
            first, *others = described_layouts(place.path)
        except OceanDataError as error:
            self.rejects.append(Reject(place.path, "no-revision", str(error)))
            return
        name = Path(place.path.partition("?")[0]).name
        licence = stated(first.attributes, "license")
        overlay = Overlay(
            title="" if stated(first.attributes, "title") else name.replace("_", " "),
            license="" if licence and not unknown_licences(licence) else NO_LICENCE,
        )

        def build(entry_name: str) -> Entry:
            """Entry as `register_repository` drafts it."""
            return draft_entry(first, overlay, name=entry_name, layouts=others)

        self.drafts.append(_Draft(name, (place.path,), build, first.attributes, {}))

    def draft(self) -> None:
        """Give each dataset its id, and make its entry."""
        known = [_match(draft, self._known) for draft in self.drafts]
        gone = [_match(draft, self._gone) for draft in self.drafts]
        new = [draft for draft, name, lost in zip(self.drafts, known, gone, strict=True) if not (name or lost)]
        taken = {*self.present, *self.aliases, *self._gone.values()}
        names = iter(entry_ids([(draft.name, draft.paths) for draft in new], taken=taken))
        for draft, name, lost in zip(self.drafts, known, gone, strict=True):
            if not name and lost:
                self.left_out.append(lost)
                self.rejects += [Reject(path, "taken-out", f"A person took {lost!r} out.") for path in draft.paths]
                continue
            self._enter(draft, name or next(names))
        self.left_out = sorted(set(self.left_out))

    def _places(self, entry: Entry) -> Iterator[str]:
        """Files and stores of an entry, as drafts name them."""
        catalog = Catalog({}, path=self.path)
        for asset in entry.assets.values():
            place = _real(catalog.located(asset.href))
            if asset.files:
                yield from (_real(f"{place}/{name}") for name in asset.files)
            elif asset.type == "application/vnd+zarr" and asset.group:
                yield f"{place}::{asset.group}"
            else:
                yield place

    def _enter(self, draft: _Draft, name: str) -> None:
        """Entry of one dataset, joined with what the catalogue has."""
        if name in self.entries:  # an entry whose files are no longer one dataset: the first keeps its id
            taken = {*self.present, *self.aliases, *self.entries}
            (name,) = entry_ids([(draft.name, draft.paths)], taken=taken)
        try:
            fresh = portable_entry(draft.build(name), self.path.parent)
            before = self.present.get(name)
            entry = fresh
            if before is not None:
                entry = before if before.trade else merged_entry(fresh, before, self.memory.scanned(name))
            _check_safe(entry)
        except OceanDataError as error:
            reason = " ".join(str(error).split())[:400]
            self.rejects += [Reject(shown_path(path), "no-entry", reason) for path in draft.paths]
            return
        self.entries[name] = entry
        self.drafted[name] = draft
        self.scanned[name] = fresh.to_json()
        self.files |= {path.partition("::")[0]: name for path in draft.paths}
        if before is None:
            self.added.append(name)
        elif entry != before:
            self.changed.append(name)

    def report(self, roots: Sequence[str | os.PathLike[str]], into: str) -> ScanReport:
        """What was found, in one order."""
        ordered = sorted(self.entries)
        proposals, gaps, notes = [], [], []
        for name in ordered:
            entry, draft = self.entries[name], self.drafted[name]
            text = licence_text(draft.attributes)
            has_title = bool(stated(draft.attributes, "title")) or entry.title != self.scanned[name]["title"]
            proposals += find_proposals(entry, hints=dict(draft.hints), licence_text=text)
            gaps += find_gaps(entry, licence_text=text, has_title=has_title)
            notes += [(name, note) for note in draft.notes]
        return ScanReport(
            catalog=self.path,
            entries=tuple(self.entries[name] for name in ordered),
            added=tuple(sorted(self.added)),
            changed=tuple(sorted(self.changed)),
            left_out=tuple(self.left_out),
            missing=tuple(self._missing(roots)),
            proposals=tuple(proposals),
            gaps=tuple(gaps),
            rejects=tuple(sorted(self.rejects, key=lambda reject: reject.path)),
            duplicates=tuple(sorted(tuple(sorted(paths)) for paths in self.copies.values() if len(paths) > 1)),
            notes=tuple(notes),
            files=dict(sorted(self.files.items())),
            read=self.counts["read"],
            recalled=self.counts["recalled"],
            into=into,
        )

    def _missing(self, roots: Sequence[str | os.PathLike[str]]) -> list[str]:
        """Entries whose files were below the folders that were scanned, and are not there any more."""
        tops = [Path(_real(os.fspath(root))) for root in roots if "://" not in os.fspath(root)]
        gone = []
        for name, entry in self.present.items():
            places = [Path(place.partition("::")[0]) for place in self._places(entry) if "://" not in place]
            inside = places and all(any(place.is_relative_to(top) for top in tops) for place in places)
            if inside and name not in self.entries and not any(place.exists() for place in places):
                gone.append(name)
        return sorted(gone)


def _match(draft: _Draft, places: Mapping[str, str]) -> str:
    """Id of the entry that holds one of the files of a draft; empty if none does."""
    return next((places[path] for path in draft.paths if path in places), "")


def _real(place: str) -> str:
    """Place without links and signs of a URL, so that equal places are equal texts."""
    return place if "://" in place else os.path.realpath(place)


def _file_draft(grouped: Grouped) -> _Draft:
    """Draft of files, or of a group of a store."""
    first = grouped.first
    paths = tuple(f"{one.path}::{one.group}" if one.group else one.path for one in grouped.files)
    hints = {name: hint for one in grouped.files for name, hint in one.hints.items()}

    def build(name: str) -> Entry:
        """Entry of the files."""
        return draft_found(grouped, name)

    return _Draft(dataset_name(grouped), paths, build, first.attributes, hints, grouped.notes)


def _check_safe(entry: Entry) -> None:
    """Refuse an entry that a catalogue would refuse to open."""
    faults = text_faults(Located("", {"entry": entry.to_json()}, {}, ()))
    if faults:
        raise InputError(faults[0].message)
