"""
One side of a comparison: the same questions asked of our index, DuckDB on Parquet, intake-esm and Intake.

Run as a script in the environment of its side; only ours has oceandata. The documents are read from the bulk files,
and the questions from a file beside them::

    python -P benchmarks/catalog_peers.py SIDE FOLDER ANSWERS [twice]
"""

import gzip
import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

__all__ = ["main"]

_FIRST = 50

Answers = list[list[str]]


def _documents(folder: Path) -> Iterator[dict[str, Any]]:
    """Every entry of the bulk files."""
    for path in sorted((folder / "entries").iterdir()):
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            yield from map(json.loads, lines)


def _pieces(box: list[float]) -> list[float | None]:
    """Longitudes of a box cut at the date line."""
    west, _, east, _ = box
    return [west, east, None, None] if west <= east else [west, 180.0, -180.0, east]


def _rows(folder: Path, fields: tuple[str, ...]) -> Iterator[list[dict[str, Any]]]:
    """Rows of a table, some ten thousand at a time."""
    rows: list[dict[str, Any]] = []
    for document in _documents(folder):
        extent, variables = document["extent"], document["variables"]
        west, east, west_2, east_2 = _pieces(extent["bbox"])
        row = {
            "id": document["id"],
            "west": west,
            "east": east,
            "west_2": west_2,
            "east_2": east_2,
            "south": extent["bbox"][1],
            "north": extent["bbox"][3],
            "begin": extent["time"][0],
            "ending": extent["time"][1],
            "standard_name": [said.get("standard_name", name) for name, said in variables.items()],
            "licence": document["license"],
            "provider": document["providers"][0]["name"],
            "path": document["assets"]["maps"]["href"],
            "document": json.dumps(document, ensure_ascii=False),
        }
        rows.append({name: row[name] for name in fields})
        if len(rows) == 20_000:
            yield rows
            rows = []
    if rows:
        yield rows


def _write_parquet(folder: Path, target: Path, fields: tuple[str, ...]) -> None:
    """Table as Parquet, in row groups, the columns a search needs apart from the documents."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    if target.exists():
        return
    unfinished, writer = target.with_suffix(".unfinished"), None
    for rows in _rows(folder, fields):
        batch = pa.Table.from_pylist(rows)
        writer = writer or pq.ParquetWriter(unfinished, batch.schema, compression="zstd")
        writer.write_table(batch)
    assert writer is not None
    writer.close()
    unfinished.rename(target)


def _write_duckdb(folder: Path) -> None:
    fields = (
        "id",
        "west",
        "east",
        "west_2",
        "east_2",
        "south",
        "north",
        "begin",
        "ending",
        "standard_name",
        "document",
    )
    _write_parquet(folder, folder / "entries.parquet", fields)


def _write_esm(folder: Path) -> None:
    _write_parquet(folder, folder / "esm.parquet", ("id", "licence", "provider", "path"))
    described = {
        "esmcat_version": "0.1.0",
        "id": "drawn",
        "description": "drawn entries",
        "catalog_file": str(folder / "esm.parquet"),
        "attributes": [{"column_name": name} for name in ("id", "licence", "provider")],
        "assets": {"column_name": "path", "format": "zarr"},
    }
    (folder / "esm.json").write_text(json.dumps(described), encoding="utf-8")


def _write_intake(folder: Path) -> None:
    import yaml

    target = folder / "intake.yaml"
    if target.exists():
        return
    entries = {
        document["id"]: {
            "reader": "intake.readers.readers:YAMLCatalogReader",
            "kwargs": {"data": document["assets"]["maps"]["href"]},
            "output_instance": "xarray:Dataset",
            "metadata": {"entry": document},
            "user_parameters": {},
        }
        for document in _documents(folder)
    }
    top = {"version": 2, "metadata": {}, "aliases": {name: name for name in entries}, "user_parameters": {}, "data": {}}
    target.write_text(yaml.safe_dump(top | {"entries": entries}, allow_unicode=True), encoding="utf-8")


def _ask_duckdb(folder: Path, asked: dict[str, Any]) -> Answers:
    import duckdb

    connection = duckdb.connect()
    table = f"read_parquet('{folder / 'entries.parquet'}')"
    answers = []
    for question in asked["place"]:
        west, east, west_2, east_2 = _pieces(question["bbox"])
        pieces = [(west, east)] if west_2 is None else [(west, east), (west_2, east_2)]
        meets = " OR ".join(
            f"(west <= {last} AND east >= {first}) OR (west_2 <= {last} AND east_2 >= {first})"
            for first, last in pieces
        )
        begin, end = question["time"].split("/")
        query = (
            f"SELECT id FROM {table} WHERE south <= {question['bbox'][3]} AND north >= {question['bbox'][1]} "
            f"AND ({meets}) AND begin <= '{end}' AND ending >= '{begin}' "
            f"AND list_contains(standard_name, '{question['standard_name']}') ORDER BY id LIMIT {_FIRST}"
        )
        answers.append([name for (name,) in connection.execute(query).fetchall()])
    return answers


def _ask_esm(folder: Path, asked: dict[str, Any]) -> Answers:
    import intake

    catalog = intake.open_esm_datastore(str(folder / "esm.json"))
    return [sorted(catalog.search(**question).df["id"])[:_FIRST] for question in asked["terms"]]


def _ask_intake(folder: Path, asked: dict[str, Any]) -> Answers:
    import intake

    catalog = intake.open_catalog(str(folder / "intake.yaml"))
    return [[catalog.entries[name].metadata["entry"]["id"]] for name in asked["names"]]


def _ours(folder: Path) -> Any:
    from oceandata.catalog import open_catalog

    return open_catalog(folder / "catalog.yaml")


def _ask_ours(folder: Path, questions: list[dict[str, Any]]) -> Answers:
    catalog = _ours(folder)
    return [list(catalog.search(**question, limit=_FIRST)) for question in questions]


#: What each side does with the folder and the questions.
_SIDES: dict[str, Callable[[Path, dict[str, Any]], Answers]] = {
    "duckdb": _ask_duckdb,
    "intake-esm": _ask_esm,
    "intake": _ask_intake,
    "oceandata-duckdb": lambda folder, asked: _ask_ours(folder, asked["place"]),
    "oceandata-intake-esm": lambda folder, asked: _ask_ours(folder, asked["terms"]),
    "oceandata-intake": lambda folder, asked: [[_ours(folder)[name].id] for name in asked["names"]],
}
_WRITERS = {"write-duckdb": _write_duckdb, "write-intake-esm": _write_esm, "write-intake": _write_intake}


def main(side: str, place: str, answers: str = "", twice: str = "") -> None:
    """
    Answer the questions of a folder, or write what a side reads.

    Parameters
    ----------
    side : str
        One of the sides, or ``write-`` and one of the peers.
    place : str
        Folder from `benchmarks.catalog_files.write_million`.
    answers : str
        File for the answers.
    twice : str
        Whether to answer twice and print what the second time took.
    """
    folder = Path(place)
    if side in _WRITERS:
        _WRITERS[side](folder)
        return
    asked = json.loads((folder / "questions.json").read_text(encoding="utf-8"))
    found = _SIDES[side](folder, asked)
    if twice:
        cpu, wall = time.process_time(), time.perf_counter()
        found = _SIDES[side](folder, asked)
        print(json.dumps({"cpu_s": time.process_time() - cpu, "wall_s": time.perf_counter() - wall}))
    Path(answers).parent.mkdir(parents=True, exist_ok=True)
    Path(answers).write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))
    main(*sys.argv[1:])
