"""Importing: a source into a catalogue file, all faults at once, the faulty rows given back."""

import dataclasses
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from oceandata.catalog.catalog import Catalog, open_catalog
from oceandata.catalog.placement import place_entries
from oceandata.catalog.transfer.candidates import Candidate, Outcome, judge
from oceandata.catalog.transfer.cells import Cell, unguard_formula
from oceandata.catalog.transfer.columns import FAULTS, columns, find_fields, load_column_map
from oceandata.catalog.transfer.fields import unflatten
from oceandata.catalog.transfer.intake_esm import read_esm
from oceandata.catalog.transfer.rows import CellFault, entry_cells, read_cells
from oceandata.catalog.transfer.stac_reading import read_stac
from oceandata.catalog.transfer.tables import Table, read_table, require_sheet_path, write_table
from oceandata.entities import Entry
from oceandata.errors import DocumentError, InputError, NotFoundError, closest

__all__ = ["ImportReport", "import_entries"]


@dataclasses.dataclass(frozen=True)
class ImportReport:
    """
    What an import did, or would do.

    Attributes
    ----------
    source : str
        The file.
    form : str
        What was understood of it: ``CSV, GB18030``.
    outcomes : tuple of Outcome
        One for each dataset of the source, in its order.
    notes : tuple of str
        What holds for the source as a whole.
    written : bool
        Whether the catalogue was written.
    faults_path : str
        Where the faulty rows were given back; empty if nowhere.
    headers : dict of str to str
        Names of the columns in the source, by field.
    """

    source: str
    form: str
    outcomes: tuple[Outcome, ...]
    notes: tuple[str, ...] = ()
    written: bool = False
    faults_path: str = ""
    headers: Mapping[str, str] = dataclasses.field(default_factory=dict)

    @property
    def counts(self) -> dict[str, int]:
        """Number of datasets by what became of them."""
        found = Counter(outcome.action for outcome in self.outcomes)
        return {action: found[action] for action in ("created", "updated", "unchanged", "refused")}

    def to_json(self) -> dict[str, Any]:
        """JSON form; entries by their id only."""
        outcomes = [
            {
                "place": outcome.place,
                "entry": outcome.name,
                "action": outcome.action,
                "faults": [
                    {"field": fault.field, "column": self.headers.get(fault.field, ""), "message": fault.message}
                    for fault in outcome.faults
                ],
                "differences": [dataclasses.asdict(difference) for difference in outcome.differences],
                "notes": list(outcome.notes),
            }
            for outcome in self.outcomes
        ]
        return {
            "source": self.source,
            "form": self.form,
            "counts": self.counts,
            "notes": list(self.notes),
            "written": self.written,
            "faults_path": self.faults_path,
            "outcomes": outcomes,
        }


@dataclasses.dataclass(frozen=True)
class _Source:
    """What was read of a source."""

    form: str
    candidates: list[Candidate]
    notes: tuple[str, ...]
    table: Table | None = None
    fields: tuple[str, ...] = ()


def import_entries(
    catalog_path: str | Path,
    source: str | Path,
    *,
    column_map: str | Path | None = None,
    replace: bool = False,
    dry_run: bool = False,
    faults_path: str | Path | None = None,
) -> ImportReport:
    """
    Import what staff already have into a catalogue.

    Sound datasets are imported, whatever is wrong with others. Of an entry that is there already, fields that are
    empty are filled, and fields that differ are kept and reported; an empty cell takes nothing away. New entries that
    the YAML file has no room for go into the bulk files beside it (`register_entries`).

    Parameters
    ----------
    catalog_path : str or pathlib.Path
        The catalogue file; it is made if need be.
    source : str or pathlib.Path
        A sheet (``.csv``, ``.xlsx``), a STAC catalogue, collection or item, or the ``.json`` of an intake-esm
        datastore.
    column_map : str or pathlib.Path or None
        YAML with the names of columns that one's own sheets use (`load_column_map`).
    replace : bool
        Let the source win where an entry differs.
    dry_run : bool
        Do everything but write the catalogue.
    faults_path : str or pathlib.Path or None
        Where to give back the faulty rows, with the reasons, in a sheet to be mended and imported again.

    Returns
    -------
    ImportReport
        What became of each dataset.

    Raises
    ------
    NotFoundError
        If the source is not there.
    DocumentError
        If the source cannot be read at all, or the catalogue has faults.
    InputError
        If the faulty rows would be written over the source.
    MissingExtraError
        If a workbook is given and openpyxl is not installed.
    """
    catalog_path, source = Path(catalog_path), Path(source)
    if faults_path is not None and require_sheet_path(faults_path).resolve() == source.resolve():
        msg = f"the faulty rows would be written over the source {source}. Choose another file."
        raise InputError(msg)
    catalog = open_catalog(catalog_path) if catalog_path.exists() else Catalog({}, path=catalog_path)
    read = _read(source, column_map)
    outcomes = _judged(read.candidates, catalog, catalog_path, source, replace=replace)
    changed = [one.entry for one in outcomes if one.action in ("created", "updated") and one.entry is not None]
    if changed and not dry_run:
        place_entries(catalog_path, changed)
    given_back = ""
    if faults_path is not None and any(outcome.faults for outcome in outcomes):
        given_back = str(_give_back(Path(faults_path), read, outcomes))
    headers = dict(zip(read.fields, read.table.headers, strict=True)) if read.table else {}
    return ImportReport(
        source=str(source),
        form=read.form,
        outcomes=tuple(outcomes),
        notes=read.notes,
        written=bool(changed) and not dry_run,
        faults_path=given_back,
        headers={field: header for field, header in headers.items() if field},
    )


def _read(source: Path, column_map: str | Path | None) -> _Source:
    """Candidates of a source, whatever its form."""
    if source.suffix.lower() != ".json":
        return _read_sheet(source, load_column_map(column_map) if column_map else None)
    if not source.is_file():
        there = sorted(file.name for file in source.parent.glob("*.json")) if source.parent.is_dir() else []
        msg = f"no file at {source}. {closest(source.name, there)}".rstrip()
        raise NotFoundError(msg)
    try:
        document = json.loads(source.read_text(encoding="utf-8-sig"))
    except (UnicodeDecodeError, ValueError, RecursionError) as error:
        msg = f"{source} is no JSON: {error}. Check the file."
        raise DocumentError(msg) from error
    if isinstance(document, dict) and "esmcat_version" in document:
        candidates, notes = read_esm(source, document)
        return _Source("intake-esm", candidates, tuple(notes))
    if isinstance(document, dict) and "stac_version" in document:
        candidates, notes = read_stac(source, document)
        return _Source(f"STAC {document['stac_version']}", candidates, tuple(notes))
    msg = f"{source} is neither STAC (stac_version) nor intake-esm (esmcat_version). Give one of them, or a sheet."
    raise DocumentError(msg)


def _read_sheet(source: Path, own: Mapping[str, str] | None) -> _Source:
    """Candidates of a sheet, one a row."""

    def known(texts: Sequence[str]) -> int:
        try:
            return sum(bool(field) for field in find_fields(texts, own))
        except InputError:  # a field twice: told when this row is taken
            return sum(bool(field) for text in texts for field in find_fields([text], own))

    table = read_table(source, known)
    fields = find_fields(table.headers, own)
    candidates = []
    for i, row in enumerate(table.rows):
        found = read_cells({field: cell for field, cell in zip(fields, row.cells, strict=True) if field})
        candidates.append(Candidate(f"row {row.number}", found.fields, found.faults, row=i))
    notes = list(table.notes)
    unknown = [header for header, field in zip(table.headers, fields, strict=True) if not field and header]
    if unknown:
        notes.append(
            f"columns that are not understood are not imported: {', '.join(unknown)}. --columns can name them."
        )
    return _Source(table.form, candidates, tuple(notes), table, tuple(fields))


def _judged(
    candidates: Sequence[Candidate], catalog: Catalog, catalog_path: Path, source: Path, *, replace: bool
) -> list[Outcome]:
    """What becomes of each candidate; a name that stands twice is a fault of the later one."""
    folder = catalog_path.absolute().parent
    located: Callable[[str], str] = Catalog({}, path=catalog_path).located
    first: dict[str, str] = {}
    outcomes = []
    for candidate in candidates:
        if candidate.name and candidate.name in first:
            message = f"id {candidate.name!r} stands in {first[candidate.name]} already. Give each dataset its own."
            candidate.faults.append(CellFault("id", message))
        first.setdefault(candidate.name, candidate.place)
        present: Entry | None = catalog.get(candidate.name)
        if present is not None and present.id != candidate.name:
            message = f"id {candidate.name!r} is another name of the entry {present.id!r}. Choose another, or that one."
            candidate.faults.append(CellFault("id", message))
            present = None
        outcomes.append(judge(candidate, present, replace=replace, source=source, folder=folder, located=located))
    return outcomes


def _give_back(path: Path, read: _Source, outcomes: Sequence[Outcome]) -> Path:
    """Write the faulty rows with the reasons: as they came, or, from another form, as a sheet."""
    faulty = [(outcome, i) for i, outcome in enumerate(outcomes) if outcome.faults]
    if read.table is not None:
        fields = [field for field in read.fields if field != FAULTS]
        headers = [header for header, field in zip(read.table.headers, read.fields, strict=True) if field != FAULTS]
        cells: list[list[Cell]] = [
            [
                unguard_formula(cell) if isinstance(cell, str) else cell
                for cell, field in zip(read.table.rows[outcome.row or 0].cells, read.fields, strict=True)
                if field != FAULTS
            ]
            for outcome, _ in faulty
        ]
    else:
        rows = [entry_cells(unflatten(read.candidates[i].fields)) for _, i in faulty]
        fields = [field for field in columns() if any(field in row for row in rows)]
        headers = [columns()[field].header("en") for field in fields]
        cells = [[row.get(field) for field in fields] for row in rows]
    marked: dict[tuple[int, int], str] = {}
    for number, (outcome, _) in enumerate(faulty):
        for fault in outcome.faults:
            at = _column_at(fault.field, fields)
            if at is not None:
                marked[number, at] = "\n".join(filter(None, [marked.get((number, at), ""), fault.message]))
    reasons = ["\n".join(fault.message for fault in outcome.faults) for outcome, _ in faulty]
    header = columns()[FAULTS]
    return write_table(
        path,
        [*headers, f"{header.zh[0]} {header.en[0]}" if any(not text.isascii() for text in headers) else header.en[0]],
        [[*row, reason] for row, reason in zip(cells, reasons, strict=True)],
        marked=marked,
    )


def _column_at(field: str, fields: Sequence[str]) -> int | None:
    """Position of the column that a fault belongs to: its own, or one that holds the field with others."""
    for i, one in enumerate(fields):
        if field and one and (one == field or field.startswith(f"{one}.") or one.startswith(f"{field}.")):
            return i
    return None
