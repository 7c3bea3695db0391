"""What a scan found, for people and for programs."""

import dataclasses
from collections import Counter
from pathlib import Path
from typing import Any

from oceandata import _html
from oceandata.catalog.scan.proposing import Gap, Proposal
from oceandata.catalog.scan.walking import Reject
from oceandata.entities import Entry

__all__ = ["ScanReport"]

_SHOWN = 20


@dataclasses.dataclass(frozen=True)
class ScanReport:
    """
    What a scan found.

    Attributes
    ----------
    catalog : pathlib.Path
        The catalogue file.
    entries : tuple of Entry
        Every dataset found, as the catalogue has it now (or would have it, after a dry run), by id.
    added, changed, left_out, missing : tuple of str
        Ids of new entries; of entries that changed; of entries that a person took out of the catalogue, which are not
        put back; and of entries whose files are gone, which stay.
    proposals : tuple of Proposal
        What a person may take over.
    gaps : tuple of Gap
        What a person should find out.
    rejects : tuple of Reject
        Every file that is in no entry, with the reason.
    duplicates : tuple of tuple of str
        Files that look like copies of each other: same size, first and last bytes.
    notes : tuple of (str, str)
        Id of an entry, and what a person should know of how its files were put together.
    files : dict of str to str
        Id of the entry that holds each file or store.
    read, recalled : int
        Files and stores that were read now, and those known from an earlier scan.
    into : str
        Where new entries went: ``"yaml"``, ``"bulk"``, or empty if nothing was written.
    """

    catalog: Path
    entries: tuple[Entry, ...]
    added: tuple[str, ...]
    changed: tuple[str, ...]
    left_out: tuple[str, ...]
    missing: tuple[str, ...]
    proposals: tuple[Proposal, ...]
    gaps: tuple[Gap, ...]
    rejects: tuple[Reject, ...]
    duplicates: tuple[tuple[str, ...], ...]
    notes: tuple[tuple[str, str], ...]
    files: dict[str, str]
    read: int
    recalled: int
    into: str

    def to_json(self) -> dict[str, Any]:
        """
        JSON form.

        Returns
        -------
        dict
            Only JSON types.
        """
        document = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        for name in ("proposals", "gaps", "rejects"):
            document[name] = [dataclasses.asdict(one) for one in document[name]]
        document["catalog"] = str(self.catalog)
        document["entries"] = [entry.to_json() for entry in self.entries]
        document["duplicates"] = [list(paths) for paths in self.duplicates]
        document["notes"] = [{"entry": name, "note": note} for name, note in self.notes]
        return {name: list(value) if isinstance(value, tuple) else value for name, value in document.items()}

    def summary(self) -> list[tuple[str, str]]:
        """
        Names and numbers for people.

        Returns
        -------
        list of (str, str)
            What was found, how much of it is new, and what is left to a person.
        """
        kinds = Counter(gap.field.rpartition(".")[2] for gap in self.gaps)
        owed = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
        changes = f"{len(self.added)} new, {len(self.changed)} changed"
        facts = [
            ("entries", f"{len(self.entries)} ({changes})"),
            ("files and stores", f"{len(self.files)} in entries, {len(self.rejects)} not"),
            ("read", f"{self.read} now, {self.recalled} known from an earlier scan"),
            ("missing", owed or "nothing"),
            ("proposals", str(len(self.proposals))),
            ("copies", f"{len(self.duplicates)} files have copies" if self.duplicates else ""),
            ("left out", ", ".join(self.left_out)),
            ("files gone", ", ".join(self.missing)),
            (
                "written",
                {"yaml": str(self.catalog), "bulk": "bulk files beside it (entries/*.jsonl.gz)"}.get(
                    self.into, "nothing"
                ),
            ),
        ]
        return [(name, value) for name, value in facts if value]

    def __str__(self) -> str:
        return "\n".join(f"{name:<18}{value}" for name, value in self.summary())

    def _repr_html_(self) -> str:
        rows = [
            (entry.id, entry.title[:60], ", ".join([*entry.variables][:6]), self._files_of(entry), entry.license)
            for entry in self.entries[:_SHOWN]
        ]
        more = f"{len(self.entries) - _SHOWN} more entries" if len(self.entries) > _SHOWN else ""
        parts = [
            _html.facts(self.summary(), title="Scan"),
            _html.table(rows, headers=["entry", "title", "variables", "files", "licence"], caption=more),
        ]
        if self.rejects:
            others = [(reject.path, reject.reason) for reject in self.rejects[:_SHOWN]]
            more = f"{len(self.rejects) - _SHOWN} more" if len(self.rejects) > _SHOWN else ""
            parts.append(_html.table(others, headers=["in no entry", "why"], caption=more))
        return "".join(parts)

    def _files_of(self, entry: Entry) -> int:
        """Number of files of an entry."""
        return sum(len(asset.files) or 1 for asset in entry.assets.values())
