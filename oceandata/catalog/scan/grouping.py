"""
Files that together are one dataset: one period a file, one variable a file, or both.

Files belong together if their names differ in digits only, their folders in a date only, and variables, units,
dimensions and fixed coordinates are the same; their periods must follow each other without overlap. Variables in
files of their own belong together if the names of the files differ in the name of the variable only.
"""

import dataclasses
import itertools
import re
from collections.abc import Iterable, Sequence
from pathlib import PurePath

from oceandata.catalog.scan.facts import PlaceFacts, TimeSpan

__all__ = ["Grouped", "group_files"]

_DATE_FOLDER = re.compile(r"(19|20)\d\d([01]\d([0-3]\d)?)?")
_PART_FOLDER = re.compile(r"\d{2,3}")
_SEPARATORS = re.compile(r"([_.\- ])")


@dataclasses.dataclass(frozen=True)
class Grouped:
    """
    One dataset as found: its files in the order of variables and time.

    Attributes
    ----------
    files : tuple of PlaceFacts
        The files; one for what stands alone.
    notes : tuple of str
        What a person should know of the grouping, such as a gap in time.
    """

    files: tuple[PlaceFacts, ...]
    notes: tuple[str, ...] = ()

    @property
    def first(self) -> PlaceFacts:
        """The first file."""
        return self.files[0]


def group_files(files: Iterable[PlaceFacts]) -> list[Grouped]:
    """
    Put files that together are one dataset together.

    Parameters
    ----------
    files : iterable of PlaceFacts
        What the files say of themselves.

    Returns
    -------
    list of Grouped
        Each file in exactly one, in the order of their first paths.
    """
    alike: dict[tuple[object, ...], list[PlaceFacts]] = {}
    for facts in sorted(files, key=lambda facts: facts.path):
        alike.setdefault(_series_key(facts), []).append(facts)
    joined = [grouped for members in alike.values() for grouped in _in_series(members)]
    beside: dict[tuple[object, ...], list[Grouped]] = {}
    for grouped in joined:
        beside.setdefault(_variables_key(grouped), []).append(grouped)
    merged = [grouped for members in beside.values() for grouped in _side_by_side(members)]
    return sorted(merged, key=lambda grouped: min(facts.path for facts in grouped.files))


def _folder_pattern(folder: PurePath) -> tuple[str, ...]:
    """Parts of a folder, those that are a date (``2009``, ``2009/06``, ``200906``) as a sign."""
    parts: list[str] = []
    for part in folder.parts:
        dated = _DATE_FOLDER.fullmatch(part) or (parts and parts[-1] == "#" and _PART_FOLDER.fullmatch(part))
        parts.append("#" if dated else part)
    return tuple(parts)


def _name_pattern(stem: str) -> str:
    return re.sub(r"\d+", "#", stem)


def _series_key(facts: PlaceFacts) -> tuple[object, ...]:
    """What files of one series have in common; a file that cannot be in a series has its path alone."""
    time = facts.time
    path = PurePath(facts.path)
    pattern, folders = _name_pattern(path.stem), _folder_pattern(path.parent)
    if time is None or time.kind == "numbers {}" or not ("#" in pattern or "#" in folders):
        return (facts.path,)
    fixed = {dim: size for dim, size in facts.sizes.items() if dim != time.dimension}
    sizes = tuple(sorted(fixed.items())) if time.is_axis else tuple(sorted(fixed))
    kind = (time.name, time.dimension, time.kind)
    return (folders, pattern, path.suffix, facts.schema_digest, facts.grid_digest, sizes, kind)


def _span(facts: PlaceFacts) -> TimeSpan:
    """Time axis of a file that is known to have one."""
    if facts.time is None:
        msg = f"{facts.path} has no time axis"
        raise ValueError(msg)
    return facts.time


def _in_series(members: list[PlaceFacts]) -> list[Grouped]:
    """Files of one pattern as one dataset, or each alone if their periods overlap."""
    if len(members) == 1:
        return [Grouped((members[0],))]
    ordered = sorted(members, key=lambda facts: (_span(facts).first, facts.path))
    for before, after in itertools.pairwise(ordered):
        if _span(after).first <= _span(before).last:
            names = f"{PurePath(before.path).name} and {PurePath(after.path).name}"
            note = f"{len(members)} files of one pattern are not joined: {names} overlap in time."
            return [Grouped((ordered[0],), (note,)), *(Grouped((facts,)) for facts in ordered[1:])]
    return [Grouped(tuple(ordered), tuple(_time_gaps(ordered)))]


def _time_gaps(ordered: Sequence[PlaceFacts]) -> list[str]:
    """Files between which time steps are missing, by the step within the files or, of single steps, between them."""
    spans = [_span(facts) for facts in ordered]
    if not all(span.is_axis for span in spans):
        return []
    steps = [span.step for span in spans if span.step > 0]
    between = [after.first - before.last for before, after in itertools.pairwise(spans)]
    usual = max(steps) if steps else sorted(between)[len(between) // 2]
    gaps = []
    for (before, after), distance in zip(itertools.pairwise(ordered), between, strict=True):
        if distance > 1.5 * usual:
            names = f"{PurePath(before.path).name} and {PurePath(after.path).name}"
            gaps.append(f"time steps are missing between {names}: {distance / usual:.0f} steps apart.")
    return gaps


def _without_variable(stem: str, names: Iterable[str]) -> str:
    """Name of a file with the name of its variable as a sign; empty if it does not name one."""
    parts = _SEPARATORS.split(stem)
    wanted = {name.casefold() for name in names}
    places = [place for place, part in enumerate(parts) if part.casefold() in wanted]
    if len(places) != 1:
        return ""
    parts[places[0]] = "%"
    return _name_pattern("".join(parts))


def _variables_key(grouped: Grouped) -> tuple[object, ...]:
    """What datasets of single variables on the same grid and period have in common; others have their path alone."""
    first = grouped.first
    path = PurePath(first.path)
    pattern = _without_variable(path.stem, first.variables)
    if not pattern or (first.time is not None and not first.time.is_axis):
        return (first.path,)
    spans = tuple((one.time.first, one.time.last, one.time.count) for one in grouped.files if one.time)
    sizes = tuple(sorted(first.sizes.items())) if len(grouped.files) == 1 else ()
    kind = first.time.kind if first.time else ""
    return (_folder_pattern(path.parent), pattern, path.suffix, first.grid_digest, spans, sizes, kind)


def _side_by_side(members: list[Grouped]) -> list[Grouped]:
    """Datasets of different variables as one, or each alone if they share one."""
    names = [name for grouped in members for name in grouped.first.variables]
    if len(members) == 1 or len(names) != len(set(names)):
        return members
    ordered = sorted(members, key=lambda grouped: tuple(grouped.first.variables))
    files = tuple(facts for grouped in ordered for facts in grouped.files)
    notes = tuple(dict.fromkeys(note for grouped in ordered for note in grouped.notes))
    return [Grouped(files, notes)]
