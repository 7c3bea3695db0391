"""Exporting entries: STAC, DCAT or a sheet, with what may not leave the house held back."""

import dataclasses
import importlib.util
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from oceandata.atomic import write_text
from oceandata.catalog.transfer.columns import Language
from oceandata.catalog.transfer.dcat import catalog_to_dcat, check_dcat, entry_to_dcat
from oceandata.catalog.transfer.sheets import entry_to_cells, write_sheet
from oceandata.catalog.transfer.stac import catalog_to_stac, check_stac, entry_to_stac
from oceandata.catalog.transfer.tables import require_sheet_path
from oceandata.entities import Entry
from oceandata.errors import DocumentError, InputError, NotFoundError, RepositoryExistsError

__all__ = ["ExportReport", "Vocabulary", "export_entries"]

Vocabulary = Literal["stac", "dcat", "sheet"]

#: Marks the root of a tree of files that we wrote, and may replace.
_MARK = "oceandata:export"


@dataclasses.dataclass(frozen=True)
class ExportReport:
    """
    What was exported.

    Attributes
    ----------
    vocabulary : str
        ``stac``, ``dcat`` or ``sheet``.
    path : str
        The file or folder.
    exported : tuple of str
        Ids of the entries.
    withheld : dict of str to str
        Reasons by id of each entry that was held back.
    checked_by : str
        What checked the result; empty if that is not installed.
    """

    vocabulary: Vocabulary
    path: str
    exported: tuple[str, ...]
    withheld: dict[str, str]
    checked_by: str = ""


def export_entries(
    entries: Sequence[Entry],
    path: str | Path,
    *,
    vocabulary: Vocabulary,
    name: str = "oceandata",
    title: str = "Ocean datasets",
    language: Language = "en",
    withhold: bool = False,
    replace: bool = False,
    dry_run: bool = False,
    extend: Callable[[Entry, Mapping[str, Any]], dict[str, Any]] | None = None,
) -> ExportReport:
    """
    Export entries.

    Only public fields are written, and only of entries that may be released (`oceandata.catalog.release`).

    Parameters
    ----------
    entries : sequence of Entry
        The datasets.
    path : str or pathlib.Path
        STAC: a folder, or for one entry a ``.json`` file. DCAT: a ``.jsonld`` or ``.json`` file. Sheet: a ``.csv`` or
        ``.xlsx`` file.
    vocabulary : str
        ``"stac"``, ``"dcat"`` or ``"sheet"``.
    name, title : str
        What the catalogue is called; letters, digits and hyphens for the name.
    language : str
        ``"en"`` or ``"zh"``, of the names of the columns of a sheet.
    withhold : bool
        Leave out entries that cannot be exported, and name them in the report; else they are an error.
    replace : bool
        Write over what an earlier export wrote there.
    dry_run : bool
        Do everything but write.
    extend : callable, optional
        Takes an entry and its DCAT node, and gives the node that is exported; for DCAT only.

    Returns
    -------
    ExportReport
        What was exported, and what was held back and why.

    Raises
    ------
    DocumentError
        If an entry may not be released, or cannot be said in the vocabulary; every reason is listed.
    InputError
        If there is nothing to export, or the path does not fit the vocabulary.
    NotFoundError
        If the folder of the path does not exist.
    RepositoryExistsError
        If there is something at the path, and `replace` is not set or it is no export.

    Notes
    -----
    STAC is checked by pystac, DCAT by pyshacl against ``catalogs/schema/dcat-shapes.ttl``, if these are installed.
    """
    path = Path(path)
    _check_target(path, vocabulary, len(entries), replace=replace)
    render: Callable[[Entry], dict[str, Any]] = {
        "stac": entry_to_stac,
        "dcat": entry_to_dcat,
        "sheet": entry_to_cells,
    }[vocabulary]
    if extend is not None:
        render = _extended(render, extend, vocabulary)
    rendered, withheld = _rendered(entries, render, withhold=withhold)
    if vocabulary == "sheet":
        checked_by = ""
        if not dry_run:
            write_sheet(path, list(rendered.values()), language=language)
    else:
        files = _stac_files(path, rendered, name, title) if vocabulary == "stac" else _dcat_file(rendered, name, title)
        checked_by = _checked(files, vocabulary)
        if not dry_run:
            _write_files(path, files, vocabulary)
    return ExportReport(vocabulary, str(path), tuple(rendered), withheld, checked_by)


def _extended(
    render: Callable[[Entry], dict[str, Any]],
    extend: Callable[[Entry, Mapping[str, Any]], dict[str, Any]],
    vocabulary: Vocabulary,
) -> Callable[[Entry], dict[str, Any]]:
    """What renders an entry, and puts more on it."""
    if vocabulary != "dcat":
        msg = f"extend is for DCAT, but the vocabulary is {vocabulary!r}. Leave it out."
        raise InputError(msg)
    return lambda entry: extend(entry, render(entry))


def _check_target(path: Path, vocabulary: Vocabulary, count: int, *, replace: bool) -> None:
    """Refuse a path that does not fit, or that holds something else."""
    if vocabulary == "sheet":
        require_sheet_path(path)
    if vocabulary == "dcat" and path.suffix.lower() not in (".jsonld", ".json"):
        msg = f"{path.name} ends in {path.suffix!r}, need .jsonld or .json for DCAT. Rename it."
        raise InputError(msg)
    if vocabulary == "stac" and path.suffix.lower() == ".json" and count != 1:
        msg = f"{path.name} is one file, but there are {count} entries: need a folder. Leave '.json' out."
        raise InputError(msg)
    if not path.absolute().parent.is_dir():
        msg = f"folder {path.absolute().parent} does not exist. Create it first."
        raise NotFoundError(msg)
    if not path.exists() or (path.is_dir() and not any(path.iterdir())):
        return
    if not replace:
        msg = f"there is something at {path} already. Give replace=True (--replace) to write over it."
        raise RepositoryExistsError(msg)
    tree = vocabulary == "stac" and path.suffix.lower() != ".json"
    if tree != path.is_dir() or (tree and not _children(path)[0]):
        msg = f"{path} is no export of this kind, so it is not replaced. Choose another place, or remove it."
        raise RepositoryExistsError(msg)


def _children(root: Path) -> tuple[bool, list[Path]]:
    """Whether a folder is the root of an export of ours, and the files of collections that it lists."""
    try:
        document = json.loads((root / "catalog.json").read_text(encoding="utf-8"))
        links = document["links"] if document.get(_MARK) == "stac" else None
    except (OSError, ValueError, KeyError, AttributeError):
        return False, []
    if not isinstance(links, list):
        return False, []
    hrefs = [str(link.get("href", "")) for link in links if isinstance(link, dict) and link.get("rel") == "child"]
    files = [root / href for href in hrefs]
    listed = [
        file for file in files if file.resolve().parent.parent == root.resolve() and file.name == "collection.json"
    ]
    return True, listed


def _rendered(
    entries: Sequence[Entry], render: Callable[[Entry], dict[str, Any]], *, withhold: bool
) -> tuple[dict[str, dict[str, Any]], dict[str, str]]:
    """Documents by id, and the reasons of those that are held back."""
    rendered, withheld = {}, {}
    for entry in entries:
        try:
            rendered[entry.id] = render(entry)
        except InputError as error:
            withheld[entry.id] = str(error)
    if withheld and not withhold:
        raise DocumentError("\n".join(withheld.values()))
    if not rendered:
        reasons = "\n".join(withheld.values())
        msg = f"nothing can be exported:\n{reasons}" if reasons else "there is no entry to export. Name one."
        raise DocumentError(msg) if reasons else InputError(msg)
    return rendered, withheld


def _stac_files(path: Path, collections: Mapping[str, dict[str, Any]], name: str, title: str) -> dict[str, Any]:
    """Files of a STAC export by their path below the folder; by an empty path if it is one file."""
    if path.suffix.lower() == ".json":
        return {"": next(iter(collections.values()))}
    files = catalog_to_stac(list(collections.values()), name=name, title=title)
    return {**files, "catalog.json": {**files["catalog.json"], _MARK: "stac"}}


def _dcat_file(datasets: Mapping[str, dict[str, Any]], name: str, title: str) -> dict[str, Any]:
    """The one file of a DCAT export."""
    return {"": catalog_to_dcat(list(datasets.values()), name=name, title=title)}


def _checked(files: Mapping[str, Any], vocabulary: Vocabulary) -> str:
    """Check documents if what checks them is installed; its name."""
    needed = ("pystac", "jsonschema") if vocabulary == "stac" else ("rdflib", "pyshacl")
    if any(importlib.util.find_spec(module) is None for module in needed):
        return ""
    for document in files.values():
        (check_stac if vocabulary == "stac" else check_dcat)(document)
    return "pystac" if vocabulary == "stac" else "pyshacl"


def _write_files(path: Path, files: Mapping[str, Any], vocabulary: Vocabulary) -> None:
    """Write documents, the root last; collections of an earlier export that are no longer in it are removed."""
    stale = _children(path)[1] if vocabulary == "stac" and path.is_dir() else []
    for place, document in sorted(files.items(), key=lambda pair: pair[0] == "catalog.json"):
        target = path / place if place else path
        target.parent.mkdir(parents=True, exist_ok=True)
        write_text(target, json.dumps(document, ensure_ascii=False, indent=2) + "\n")
    for file in stale:
        if f"{file.parent.name}/{file.name}" not in files:
            file.unlink(missing_ok=True)
            if file.parent.is_dir() and not any(file.parent.iterdir()):
                file.parent.rmdir()
