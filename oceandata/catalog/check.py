"""Offline lint of catalogue files, for people and for continuous integration."""

from pathlib import Path

from oceandata import cf
from oceandata.catalog.entries import located_gaps
from oceandata.catalog.faults import Fault
from oceandata.catalog.loader import read_catalog
from oceandata.catalog.write import MOST_ENTRIES
from oceandata.entities import Entry
from oceandata.errors import UnitsError

__all__ = ["check_catalog"]


def check_catalog(path: str | Path) -> list[Fault]:
    """
    Everything that is wrong with a catalogue file, and what its curator still owes.

    No repository is opened. Errors are what `open_catalog` refuses; warnings are gaps of the entries (a missing
    Chinese title, no attribution), licences that are no known SPDX identifier, units that CF does not know, and a
    file that has grown too large for Intake.

    Parameters
    ----------
    path : str or pathlib.Path
        The YAML file.

    Returns
    -------
    list of Fault
        By line; empty if nothing is to be done.

    Raises
    ------
    NotFoundError
        If there is no such file.
    """
    file, faults = read_catalog(path)
    for name, entry in file.entries.items():
        for place, message in [*located_gaps(entry), *_unit_gaps(entry)]:
            line = file.located.line(("entries", name, "metadata", "entry", *place))
            faults.append(Fault(str(path), line, f"{name}: {message}", "warning"))
    if len(file.entries) > MOST_ENTRIES:
        message = f"{len(file.entries)} entries in one file, need {MOST_ENTRIES} at most. Split it."
        faults.append(Fault(str(path), file.located.line(("entries",)), message, "warning"))
    return sorted(faults)


def _unit_gaps(entry: Entry) -> list[tuple[tuple[str, ...], str]]:
    """Units that are not of CF."""
    found: list[tuple[tuple[str, ...], str]] = []
    for name, variable in entry.variables.items():
        if not variable.units:
            continue
        try:
            cf.parse_units(variable.units)
        except UnitsError as error:
            found.append((("variables", name, "units"), f"variables.{name}: {error}"))
    return found
