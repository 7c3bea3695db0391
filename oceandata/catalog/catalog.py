"""The catalogue a person holds: find entries by place, time, depth, variable and words, and open them."""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from oceandata.catalog.envelope import CATALOG_DIR, reader_arguments
from oceandata.catalog.faults import fault_report
from oceandata.catalog.loader import read_catalog
from oceandata.catalog.search import matching, question
from oceandata.catalog.views import count_facets, entries_frame, entries_html, entries_text
from oceandata.catalog.words import EntryWords, entry_words, nearest_word
from oceandata.entities import Entry
from oceandata.errors import DocumentError, InputError, NotFoundError, closest

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

__all__ = ["Catalog", "open_catalog"]


class Catalog(Mapping[str, Entry]):
    """
    Entries by name, searchable; a result of a search is a catalogue again.

    Parameters
    ----------
    entries : mapping of str to Entry
        The datasets by id.
    path : pathlib.Path or None
        The file they came from; ``{CATALOG_DIR}`` in an entry stands for its folder.
    aliases : mapping of str to str
        Further names of entries.
    metadata : mapping
        What the file says of itself.

    Examples
    --------
    >>> len(Catalog({}))
    0
    """

    def __init__(
        self,
        entries: Mapping[str, Entry],
        *,
        path: Path | None = None,
        aliases: Mapping[str, str] | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        self._entries = dict(entries)
        self._aliases = {name: target for name, target in (aliases or {}).items() if name != target}
        self._words: dict[str, EntryWords] = {}
        self.path = None if path is None else path.resolve()
        self.metadata = dict(metadata or {})

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __contains__(self, name: object) -> bool:
        return name in self._entries or name in self._aliases

    def __getitem__(self, name: str) -> Entry:
        found = self._entries.get(self._aliases.get(name, name))
        if found is None:
            near = closest(str(name), [*self._entries, *self._aliases])
            msg = f"no entry {name!r} in {self._where()} ({len(self)} entries). {near}".rstrip()
            raise NotFoundError(msg)
        return found

    def get(self, name: str, default: Any = None) -> Any:
        """
        Entry by name, or something else if there is none.

        Parameters
        ----------
        name : str
            Id or alias.
        default : object
            What to give if there is no such entry.

        Returns
        -------
        Entry or object
            The entry, or `default`.
        """
        try:
            return self[name]
        except NotFoundError:
            return default

    def open(self, name: str, *, layout: str = "", **selection: Any) -> "xr.Dataset":
        """
        Open an entry as a lazy dataset; only metadata is read.

        Parameters
        ----------
        name : str
            Id or alias.
        layout : str
            Name of the layout; empty for the one in which the selection costs least, the first if nothing is selected.
            The attribute ``layout`` of the dataset names it.
        **selection : object
            What to open of it: ``region=(west, south, east, north)``, ``time=(first, last)``, ``depth=(top, bottom)``,
            ``variables=[...]``, ``chunks=...``, ``revision=...``, as `oceandata.readers.OceanZarr` takes them.

        Returns
        -------
        xarray.Dataset
            Backed by Dask, in whole storage chunks.

        Raises
        ------
        NotFoundError
            If there is no such entry or layout.
        InputError
            If the entry stands relative to a file and the catalogue has none.
        """
        from oceandata.readers import OceanZarr

        entry = self[name]
        arguments = reader_arguments(entry, layout or self._cheaper(entry, selection))
        arguments["url"] = self.located(arguments["url"])
        dataset: xr.Dataset = OceanZarr(**arguments, metadata={"entry": entry.to_json()}).read(**selection)
        return dataset

    def located(self, href: str) -> str:
        """
        Place of a repository, with the folder of the catalogue filled in.

        Parameters
        ----------
        href : str
            ``href`` of a layout of an entry (`oceandata.entities.Asset`).

        Returns
        -------
        str
            Path or URL that can be opened.

        Raises
        ------
        InputError
            If the place stands relative to a file and the catalogue has none.
        """
        if not href.startswith(CATALOG_DIR):
            return href
        if self.path is None:
            msg = f"the repository is at {href!r}, but this catalogue has no file. Give Catalog(path=...)."
            raise InputError(msg)
        return str(self.path.parent) + href.removeprefix(CATALOG_DIR)

    def hint(self, *, text: str = "", variable: str = "") -> str:
        """
        What to try when a search found nothing.

        Parameters
        ----------
        text, variable : str
            As they were searched for.

        Returns
        -------
        str
            The first word that no entry has, with the nearest that one has; else the advice to ask for less.
        """
        return nearest_word([self._words_of(entry) for entry in self._entries.values()], f"{text} {variable}")

    def search(  # noqa: PLR0913 - each field one can ask for is one argument
        self,
        *,
        text: str = "",
        bbox: Sequence[float] | None = None,
        time: object = None,
        depth: float | Sequence[float] | None = None,
        variable: str | None = None,
        standard_name: str | None = None,
        keyword: str | None = None,
        licence: str | None = None,
        provider: str | None = None,
        processing_level: str | None = None,
        traded: bool | None = None,
        limit: int | None = None,
        sort: str = "relevance",
    ) -> "Catalog":
        """
        Entries that meet everything that is asked.

        An entry that does not know its box, period or depth is not found by a question about it. Case, width and
        compatibility forms of text do not matter.

        Parameters
        ----------
        text : str
            Words in English or Chinese, all of which must be in the title, the keywords, the summary, the providers,
            the variables or the vocabulary's words for these. Chinese needs no spaces.
        bbox : sequence of float or None
            West, south, east, north in degrees, as -180 to 180 or 0 to 360; west above east crosses the date line.
        time : str, date, datetime or pair of these, or None
            ``"2009"`` (the whole year), ``"2009/2010-06"``, ``"../2010"``, ``("2009-01-15", None)``; UTC.
        depth : float, sequence of float or None
            One depth, or top and bottom, in m, positive down.
        variable : str or None
            Native, standard or canonical name, an alias of a convention (``tos``) or a Chinese word (海表温度).
        standard_name : str or None
            CF standard name, the file's own or the curated one.
        keyword, licence, provider, processing_level : str or None
            Exactly that one, in English or Chinese; a licence is found inside an expression too.
        traded : bool or None
            True for entries that link to a product on the exchange (one that serves as an example included), False
            for the others.
        limit : int or None
            Number of entries at most.
        sort : str
            ``"relevance"`` to the words, ``"name"``, ``"title"``, ``"size"`` (largest first) or ``"period"`` (latest
            first).

        Returns
        -------
        Catalog
            The entries found, in order; may be empty.

        Raises
        ------
        RegionError
            If a box, period or depth range cannot be used as given.
        InputError
            If another argument cannot be used.

        Notes
        -----
        Every entry is looked at: some thousand take milliseconds once their words are collected, which the first
        search with words does.
        """
        asked = question(
            text=text,
            bbox=bbox,
            time=time,
            depth=depth,
            variable=variable,
            standard_name=standard_name,
            keyword=keyword,
            licence=licence,
            provider=provider,
            processing_level=processing_level,
            traded=traded,
        )
        found = matching(self._entries.values(), asked, words=self._words_of, limit=limit, sort=sort)
        return self._part({entry.id: entry for entry in found})

    def facets(self) -> dict[str, dict[str | bool, int]]:
        """
        How many entries there are of each kind.

        Returns
        -------
        dict of str to dict
            For ``variable``, ``standard_name``, ``keyword``, ``licence``, ``provider``, ``processing_level`` and
            ``traded``: number of entries by value, most frequent first. Each is an argument of `search` that finds
            as many.
        """
        return count_facets(self._entries.values())

    def to_frame(self) -> "pd.DataFrame":
        """
        Entries as a table.

        Returns
        -------
        pandas.DataFrame
            One row an entry, by id; what an entry does not know is missing (None, NaT).
        """
        return entries_frame(self._entries)

    def __repr__(self) -> str:
        return entries_text(self._entries, self._where())

    def _repr_html_(self) -> str:
        return entries_html(self._entries, self._where())

    def _ipython_key_completions_(self) -> list[str]:
        return sorted([*self._entries, *self._aliases])

    def _where(self) -> str:
        """The file, or what stands for it."""
        return str(self.path) if self.path is not None else "the catalogue"

    def _cheaper(self, entry: Entry, selection: Mapping[str, Any]) -> str:
        """Layout in which a selection costs least; the first if nothing, or another state, is asked for."""
        asked = {key: selection[key] for key in ("region", "time", "depth") if selection.get(key) is not None}
        elsewhere = {"revision", "snapshot", "group", "as_of"} & set(selection)
        if len(entry.assets) == 1 or not asked or elsewhere:
            return ""
        from oceandata.storage.layouts import cheaper_layout
        from oceandata.storage.opening import stored_ranges

        first = next(iter(entry.assets.values()))
        place: dict[str, Any] = {"revision": first.revision, "snapshot": first.snapshot, "group": first.group}
        ranges = stored_ranges(self.located(first.href), **place, **asked)
        wanted = selection.get("variables")
        names = [wanted] if isinstance(wanted, str) else wanted
        chosen = {name: variable for name, variable in entry.variables.items() if names is None or name in names}
        return cheaper_layout(entry.assets, chosen or entry.variables, ranges).name

    def _words_of(self, entry: Entry) -> EntryWords:
        """Words of an entry, collected once."""
        if entry.id not in self._words:
            self._words[entry.id] = entry_words(entry)
        return self._words[entry.id]

    def _part(self, entries: Mapping[str, Entry]) -> "Catalog":
        """Catalogue of some of the entries; their words are shared, not collected again."""
        aliases = {name: target for name, target in self._aliases.items() if target in entries}
        part = Catalog(entries, path=self.path, aliases=aliases, metadata=self.metadata)
        part._words = self._words
        return part


def open_catalog(path: str | Path) -> Catalog:
    """
    Open a catalogue file, strictly.

    A file in the form of Intake 2 whose entries are ours; it opens with ``intake.open_catalog`` too. Unlike Intake it
    is safe to open a file of unknown origin: entries may name only our own reader, and no template but
    ``{CATALOG_DIR}`` is filled in.

    Parameters
    ----------
    path : str or pathlib.Path
        The YAML file.

    Returns
    -------
    Catalog
        Its entries; no dataset is opened.

    Raises
    ------
    NotFoundError
        If there is no such file.
    DocumentError
        If anything is wrong with it; every fault is listed with its line.
    """
    file, faults = read_catalog(path)
    if faults:
        command = f"oceandata catalog check --catalog {shlex.quote(str(path))}"
        msg = f"{fault_report(str(path), faults)}\nMend them; '{command}' lists them again."
        raise DocumentError(msg)
    return Catalog(file.entries, path=file.path, aliases=file.aliases, metadata=file.metadata)
