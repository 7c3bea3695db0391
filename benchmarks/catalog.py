"""Searching a million entries: what was promised, and beside what one would use instead."""

import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.catalog_files import write_million, write_peers
from benchmarks.limits import Limits, Trial
from benchmarks.work import Goal, Program, Work

__all__ = ["works"]

_HERE = Path(__file__).parent
_COUNT = 1_000_000
_SMALL = 1_000

#: Row, function of `benchmarks.catalog_calls`, kind of question, what is done, seconds promised.
_ASKED = (
    ("open", "open_catalogs", "", "open, 95th percentile of 50", 0.05),
    ("one entry", "ask", "name", "read one entry by name, 95th percentile of 500", 0.005),
    ("place, time, variable", "ask", "place", "names of the first 50, 95th percentile of 500 questions", 0.02),
    ("Chinese word", "ask", "chinese", "the same with a Chinese word, and place and time in half of them", 0.2),
    ("counts and facets", "ask", "facets", "number and facets of any filter, 95th percentile of 500", 0.5),
    ("first 50 entries", "ask", "entries", "place, time, variable, and the entries read: 95th percentile of 500", None),
)


def _alone(function: str, *arguments: object) -> Program:
    """Our program of a row without a peer."""
    words = (str(_HERE / "alone.py"), "catalog_calls", function, *map(str, arguments))
    return Program("oceandata", (sys.executable, "-P", *words))


def _side(name: str, python: Path | str, packages: tuple[str, ...], *arguments: object) -> Program:
    """One side of a comparison: a script that answers questions and writes the answers."""
    script = str(_HERE / "catalog_peers.py")
    argv = (str(python), "-P", script, *map(str, arguments))
    return Program(name, argv, (*argv, "twice"), packages)


def works(peer_python: Path, folder: Path) -> Sequence[Work | Trial]:
    """
    Rows of the catalogue.

    Parameters
    ----------
    peer_python : pathlib.Path
        Interpreter of the peers' environment.
    folder : pathlib.Path
        Cache folder.

    Returns
    -------
    sequence of Work or Trial
        Nothing is prepared or run.
    """
    many, few = folder / f"catalog-{_COUNT}", folder / f"catalog-{_SMALL}"

    def prepare() -> None:
        write_million(many, _COUNT)

    def prepare_peers() -> None:
        prepare()
        write_million(few, _SMALL)
        write_peers(peer_python, many, few)

    rows: list[Work | Trial] = [
        Trial(
            f"index {_COUNT:,} entries",
            "read the bulk files and build the index (500 MB promised)",
            _alone("build", many),
            Limits(wall_s=120, peak_mb=2000),
            prepare,
        ),
        Trial(
            "index 1,000 changed entries",
            f"of {_COUNT:,}, in one bulk file of 10,000",
            _alone("update", many),
            Limits(wall_s=1),
            prepare,
        ),
        Trial(
            "first hit, cold",
            "python -c, imports and all, to the first hit of 渤海 水温; median of 5",
            _alone("first_hit", many),
            Limits(wall_s=0.5),
            prepare,
        ),
    ]
    for name, function, kind, text, seconds in _ASKED:
        limits = Limits(wall_s=seconds, peak_mb=100)
        rows.append(Trial(f"search: {name}", text, _alone(function, many, *([kind] if kind else [])), limits, prepare))
    answers = folder / "catalog-answers"
    for peer, packages, place, text, goal in (
        ("duckdb", ("duckdb",), many, f"{_COUNT:,} entries, 100 questions of place, time and variable, first 50", 1.0),
        ("intake-esm", ("intake-esm",), many, f"{_COUNT:,} entries, 20 searches by provider and licence", 1.0),
        ("intake", ("intake",), few, f"{_SMALL:,} entries, open and read 20 by name", 1.0),
    ):
        ours, theirs = answers / f"{peer}-ours.json", answers / f"{peer}.json"

        def agree(ours: Path = ours, theirs: Path = theirs) -> str:
            from benchmarks.catalog_files import compare_answers

            return compare_answers(ours, theirs)

        rows.append(
            Work(
                f"beside {peer}",
                text,
                _side("oceandata", sys.executable, (), f"oceandata-{peer}", place, ours),
                _side(f"{peer} on Parquet" if peer == "duckdb" else peer, peer_python, packages, peer, place, theirs),
                Goal(goal, goal),
                prepare_peers,
                agree,
            )
        )
    return rows
