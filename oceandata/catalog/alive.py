"""Whether the places of a catalogue still answer; what was found out is written into the entries."""

import concurrent.futures
import dataclasses
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from oceandata.catalog.catalog import Catalog, open_catalog
from oceandata.catalog.loader import read_catalog
from oceandata.catalog.write import put_entries
from oceandata.entities import Asset, Entry
from oceandata.errors import NotFoundError, OceanDataError

__all__ = ["Answer", "check_alive"]

Status = Literal["alive", "dead", "not verified"]

#: Places asked at once; each waits for its server at most as long as its profile says.
_AT_ONCE = 8


@dataclasses.dataclass(frozen=True)
class Answer:
    """
    What became of asking one place.

    Attributes
    ----------
    entry, layout : str
        Which place.
    line : int
        Line of its ``href`` in the file.
    place : str
        Path or URL.
    status : str
        ``"alive"`` if data are there, ``"dead"`` if the place answers and none are there, ``"not verified"`` if it
        cannot be told from here.
    reason : str
        Why not alive; empty if it is.
    """

    entry: str
    layout: str
    line: int
    place: str
    status: Status
    reason: str = ""


def check_alive(
    path: str | Path, *, dry_run: bool = False, on_answer: Callable[[Answer], None] | None = None
) -> list[Answer]:
    """
    Ask every place of a catalogue whether its data are there, and write the findings into the entries.

    Only the first document of each place is read. A dead place does not keep the others from being asked. An entry is
    alive if all its places are, and dead if one is; what cannot be told from here (no network, a server that is silent
    or refuses access) leaves status and date as they were, or ``not verified`` if there were none.

    Parameters
    ----------
    path : str or pathlib.Path
        The catalogue file.
    dry_run : bool
        Ask, but write nothing.
    on_answer : callable, optional
        Called with each `Answer` as it comes.

    Returns
    -------
    list of Answer
        One for each place, by line.

    Raises
    ------
    NotFoundError
        If there is no such file.
    DocumentError
        If the file has faults: then nothing is asked.
    """
    catalog = open_catalog(path)
    located = read_catalog(path)[0].located
    asked = [
        (name, layout, located.line(("entries", name, "metadata", "entry", "assets", layout, "href")), asset)
        for name, entry in catalog.items()
        for layout, asset in entry.assets.items()
    ]
    answers: list[Answer] = []
    with concurrent.futures.ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
        waiting = [pool.submit(_ask, catalog, *one) for one in asked]
        for done in concurrent.futures.as_completed(waiting):
            answers.append(done.result())
            if on_answer is not None:
                on_answer(answers[-1])
    answers.sort(key=lambda one: (one.line, one.layout))
    if not dry_run:
        _record(Path(path), catalog, answers)
    return answers


def _ask(catalog: Catalog, name: str, layout: str, line: int, asset: Asset) -> Answer:
    """Answer of one place."""
    place = catalog.located(asset.href)
    try:
        _require_data(asset, place)
    except (NotFoundError, FileNotFoundError) as error:
        return Answer(name, layout, line, place, "dead", str(error).splitlines()[0])
    except (OceanDataError, OSError, ValueError, ImportError) as error:
        return Answer(name, layout, line, place, "not verified", str(error).splitlines()[0])
    return Answer(name, layout, line, place, "alive")


def _require_data(asset: Asset, place: str) -> None:
    """Raise unless the first document of the data can be read."""
    from oceandata.storage.plain import open_zarr_store
    from oceandata.storage.stores import lookup_revision, open_repository
    from oceandata.storage.urls import local_path

    if asset.type == "application/vnd+icechunk":
        lookup_revision(open_repository(place), asset.revision, asset.snapshot)
    elif asset.type == "application/vnd+zarr":
        open_zarr_store(place, group=asset.group)
    else:
        top = local_path(place)
        missing = [path for path in ([top / name for name in asset.files] or [top]) if not path.is_file()]
        if missing:
            msg = f"{len(missing)} of {max(1, len(asset.files))} files are not there, the first is {missing[0]}."
            raise NotFoundError(msg)


def _record(path: Path, catalog: Catalog, answers: list[Answer]) -> None:
    """Write status and date of each entry that something was found out about."""
    now = datetime.now(UTC).replace(microsecond=0)
    found = {
        name: _verified(entry, [one.status for one in answers if one.entry == name], now)
        for name, entry in catalog.items()
    }
    changed = [entry for name, entry in found.items() if entry != catalog[name]]
    if changed:
        put_entries(path, changed)


def _verified(entry: Entry, statuses: list[Status], now: datetime) -> Entry:
    """Entry with what was found out."""
    if "dead" in statuses:
        return entry.model_copy(update={"status": "dead", "verified": now})
    if "not verified" not in statuses:
        return entry.model_copy(update={"status": "alive", "verified": now})
    return entry if entry.status else entry.model_copy(update={"status": "not verified"})
