"""What is measured alone: an index built and updated, a catalogue opened and asked."""

import contextlib
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.catalog_questions import questions
from oceandata.catalog import Catalog, index_catalog, open_catalog

__all__ = ["ask", "build", "first_hit", "open_catalogs", "update"]

_FIRST = 50
_ASKED = 500
_CHANGED = 1000

#: What a call tells, and the seconds that count if they are not those of the whole call.
Told = tuple[str, float]


def _percentile(seconds: list[float], share: float = 0.95) -> float:
    return sorted(seconds)[int(share * (len(seconds) - 1))]


def _spread(seconds: list[float], found: int) -> Told:
    """Percentiles in words, and the one that was promised."""
    told = ", ".join(f"{share:.0%} {1000 * _percentile(seconds, share):,.1f} ms" for share in (0.5, 0.95, 1.0))
    return f"{told}; {found:,} found", _percentile(seconds)


def _linked(folder: Path, scratch: Path, *, index: bool) -> Path:
    """A copy of a catalogue that shares its files, none of which is ever changed in place."""
    shutil.copytree(folder / "entries", scratch / "entries", copy_function=os.link)
    shutil.copyfile(folder / "catalog.yaml", scratch / "catalog.yaml")
    if index:
        os.link(folder / "index.sqlite", scratch / "index.sqlite")
    return scratch / "catalog.yaml"


@contextlib.contextmanager
def build(folder: str) -> Iterator[Callable[[], str]]:
    """
    Build the index of a catalogue from its bulk files.

    Parameters
    ----------
    folder : str
        From `benchmarks.catalog_files.write_million`.

    Yields
    ------
    callable
        Does it, and tells the size of the index.
    """
    with tempfile.TemporaryDirectory(dir=Path(folder).parent) as scratch:
        path = _linked(Path(folder), Path(scratch), index=False)

        def call() -> str:
            report = index_catalog(path)
            return f"{report.entries:,} entries, {(path.parent / 'index.sqlite').stat().st_size / 1e6:,.0f} MB"

        yield call


@contextlib.contextmanager
def update(folder: str) -> Iterator[Callable[[], str]]:
    """
    Bring an index up to date with a bulk file of which a thousand entries changed.

    Parameters
    ----------
    folder : str
        From `benchmarks.catalog_files.write_million`.

    Yields
    ------
    callable
        Does it, and tells how many changed.

    Raises
    ------
    ValueError
        By the call, if not all of them are found.
    """
    from oceandata.catalog.index.files import read_lines, write_lines

    with tempfile.TemporaryDirectory(dir=Path(folder).parent) as scratch:
        path = _linked(Path(folder), Path(scratch), index=True)
        file = sorted((path.parent / "entries").iterdir())[40]
        lines = list(read_lines(file))
        changed = [one.replace(b'"title":"', b'"title":"freshly changed ') for one in lines[:_CHANGED]]
        write_lines(file, [*changed, *lines[_CHANGED:]])

        def call() -> str:
            report = index_catalog(path)
            return f"{report.changed:,} of {report.entries:,} changed"

        yield call
        found = len(open_catalog(path).search(text="freshly changed"))
        if found != _CHANGED:
            msg = f"{found} of the {_CHANGED} changed entries are found."
            raise ValueError(msg)


@contextlib.contextmanager
def open_catalogs(folder: str) -> Iterator[Callable[[], Told]]:
    """
    Open a catalogue again and again.

    Parameters
    ----------
    folder : str
        From `benchmarks.catalog_files.write_million`.

    Yields
    ------
    callable
        Does it, and tells how long it took.
    """

    def call() -> Told:
        seconds = []
        for _ in range(50):
            start = time.perf_counter()
            count = len(open_catalog(Path(folder) / "catalog.yaml"))
            seconds.append(time.perf_counter() - start)
        return _spread(seconds, count)

    yield call


def _names(catalog: Catalog) -> list[str]:
    """Names all over a catalogue."""
    found = [catalog.names(f"c{number % 100:04d}_{97 * number % 9000:04d}", limit=1) for number in range(_ASKED)]
    return [name for names in found for name in names]


@contextlib.contextmanager
def ask(folder: str, kind: str) -> Iterator[Callable[[], Told]]:
    """
    Ask a catalogue five hundred questions.

    Parameters
    ----------
    folder : str
        From `benchmarks.catalog_files.write_million`.
    kind : {"name", "place", "chinese", "entries", "facets"}
        One entry by name; names of the first fifty by place, time and variable, or with a Chinese word; the entries
        themselves; or number and facets of all that any filters leave.

    Yields
    ------
    callable
        Asks, and tells how long an answer took and how much was found.
    """
    catalog = open_catalog(Path(folder) / "catalog.yaml")
    asked = questions("place" if kind == "entries" else kind, _ASKED) if kind != "name" else []
    names = _names(catalog) if kind == "name" else []
    list(catalog.search(text="渤海", time="2000", limit=1))  # the vocabulary is read at the first search
    answers: dict[str, Callable[[int], int]] = {
        "name": lambda number: len(catalog[names[number]].id) > 0,
        "place": lambda number: len(list(catalog.search(**asked[number], limit=_FIRST))),
        "chinese": lambda number: len(list(catalog.search(**asked[number], limit=_FIRST))),
        "entries": lambda number: len(list(catalog.search(**asked[number], limit=_FIRST).values())),
        "facets": lambda number: _facets(catalog.search(**asked[number])),
    }

    def call() -> Told:
        seconds, found = [], 0
        for number in range(len(names or asked)):
            start = time.perf_counter()
            found += answers[kind](number)
            seconds.append(time.perf_counter() - start)
        return _spread(seconds, found)

    yield call


def _facets(catalog: Catalog) -> int:
    """Number of entries, which the facets say too."""
    count, facets = len(catalog), catalog.facets()
    if sum(facets.get("traded", {}).values()) != count:
        msg = f"{count} entries, but the facets count {facets.get('traded')}"
        raise ValueError(msg)
    return count


@contextlib.contextmanager
def first_hit(folder: str) -> Iterator[Callable[[], Told]]:
    """
    Start Python, open a catalogue and find one entry, five times.

    Parameters
    ----------
    folder : str
        From `benchmarks.catalog_files.write_million`.

    Yields
    ------
    callable
        Does it, and tells how long it took.
    """
    code = (
        "import sys\nfrom oceandata.catalog import open_catalog\n"
        "print(next(iter(open_catalog(sys.argv[1]).search(text='渤海 水温', limit=1))))"
    )

    def call() -> Told:
        seconds = []
        for _ in range(5):
            start = time.perf_counter()
            command = [sys.executable, "-c", code, f"{folder}/catalog.yaml"]
            found = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
            seconds.append(time.perf_counter() - start)
        return f"{found}; {', '.join(f'{1000 * one:,.0f}' for one in seconds)} ms", statistics.median(seconds)

    yield call
