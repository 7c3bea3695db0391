"""The million entries as files: our bulk files and their index, and what the peers read."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

from benchmarks.catalog_entries import COLLECTION, Draw, documents, line
from benchmarks.catalog_questions import questions
from oceandata.catalog import index_catalog, open_catalog
from oceandata.catalog.index.files import write_lines
from oceandata.errors import OceanDataError

__all__ = ["compare_answers", "write_million", "write_peers"]

_SEED = 1


def write_million(folder: Path, count: int) -> None:
    """
    Write a catalogue of so many entries with its index, if it is not there yet.

    Parameters
    ----------
    folder : pathlib.Path
        Where it appears when it is complete.
    count : int
        Number of entries.
    """
    if not folder.exists():
        unfinished = folder.with_name(f"{folder.name}.unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)  # of a run that was killed
        (unfinished / "entries").mkdir(parents=True)
        draw = Draw(_SEED)
        for first in range(0, count, COLLECTION):
            drawn = documents(draw, first, min(COLLECTION, count - first))
            file = unfinished / "entries" / f"c{first // COLLECTION:04d}.jsonl.gz"
            write_lines(file, (line(document).encode() for document in drawn))
        unfinished.rename(folder)
    index_catalog(folder / "catalog.yaml")


def write_peers(python: Path, many: Path, few: Path) -> None:
    """
    Write what the peers read, if it is not there yet.

    Parameters
    ----------
    python : pathlib.Path
        Interpreter of the peers' environment.
    many, few : pathlib.Path
        Folders from `write_million`; Parquet for DuckDB and a table for intake-esm are made of the first, a YAML file
        for Intake of the second.

    Raises
    ------
    OceanDataError
        If a peer cannot write them.
    """
    for folder in (many, few):
        (folder / "questions.json").write_text(json.dumps(_questions(folder)), encoding="utf-8")
    script = Path(__file__).parent / "catalog_peers.py"
    for which, folder in (("duckdb", many), ("intake-esm", many), ("intake", few)):
        done = subprocess.run(
            [python, "-P", script, f"write-{which}", folder], check=False, capture_output=True, text=True
        )
        if done.returncode:
            msg = f"the files for {which} could not be written: {done.stderr[-300:]}"
            raise OceanDataError(msg)


def _questions(folder: Path) -> dict[str, Any]:
    """Questions that every side understands: exact standard names, terms, names of entries."""
    place = [{**one, "standard_name": one.pop("variable")} for one in questions("place", 200)]
    catalog = open_catalog(folder / "catalog.yaml")
    licences = list(catalog.facets()["licence"])
    return {
        "place": [one for one in place if "_" in one["standard_name"]][:100],
        "terms": [{"provider": f"Centre {number}", "licence": licences[number % 5]} for number in range(20)],
        "names": [catalog.names(f"c0000_{number:04d}", limit=1)[0] for number in range(0, 1000, 50)],
    }


def compare_answers(ours: Path, theirs: Path) -> str:
    """
    Compare the answers of both sides.

    Parameters
    ----------
    ours, theirs : pathlib.Path
        JSON lists, one item a question.

    Returns
    -------
    str
        In words.

    Raises
    ------
    OceanDataError
        If they are not equal.
    """
    one, other = (json.loads(path.read_text(encoding="utf-8")) for path in (ours, theirs))
    pairs = [(a, b) for a, b in zip(one, other, strict=True) if a != b]
    if pairs:
        msg = f"{len(pairs)} of {len(one)} answers differ, such as {pairs[0]}"
        raise OceanDataError(msg[:500])
    return f"equal ({sum(map(len, one)):,} names)"
