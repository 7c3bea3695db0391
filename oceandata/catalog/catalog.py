"""The catalogue a person holds: find entries by place, time, depth, variable and words, and open them."""

from collections.abc import ItemsView, Iterator, Mapping, Sequence, ValuesView
from pathlib import Path
from typing import TYPE_CHECKING, Any

from oceandata.catalog.envelope import CATALOG_DIR, reader_arguments
from oceandata.catalog.found import Found
from oceandata.catalog.hints import hint
from oceandata.catalog.index.parts import BulkPart, MemoryPart, Part
from oceandata.catalog.loader import require_catalog
from oceandata.catalog.search import check_order, question
from oceandata.catalog.trust import require_safe_places
from oceandata.catalog.views import SHOWN, entries_frame, entries_html, entries_text
from oceandata.entities import Entry
from oceandata.errors import DocumentError, InputError, NotFoundError, closest

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

__all__ = ["Catalog", "open_catalog"]

#: Names that are offered where a name is typed.
_OFFERED = 1000


class _Items(ItemsView[str, Entry]):
    """Names and entries, read in the order in which they stand."""

    _mapping: "Catalog"

    def __iter__(self) -> Iterator[tuple[str, Entry]]:
        return self._mapping._pairs()


class _Values(ValuesView[Entry]):
    """Entries, read in the order in which they stand."""

    _mapping: "Catalog"

    def __iter__(self) -> Iterator[Entry]:
        return (entry for _, entry in self._mapping._pairs())


class Catalog(Mapping[str, Entry]):
    """
    Entries by name, searchable; a result of a search is a catalogue again.

    Nothing is read before it is needed: neither opening nor searching nor showing a catalogue reads all its entries.

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
        self._aliases = {name: target for name, target in (aliases or {}).items() if name != target}
        self._parts: tuple[Part, ...] = (MemoryPart(entries),)
        self._found = Found(self._parts)
        self.path = None if path is None else path.resolve()
        self.metadata = dict(metadata or {})

    def __len__(self) -> int:
        return len(self._found)

    def __bool__(self) -> bool:
        return bool(self._found)

    def __iter__(self) -> Iterator[str]:
        return (place.name for place in self._found)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self._found.has(self._aliases.get(name, name))

    def __getitem__(self, name: str) -> Entry:
        found = self._found.find(self._aliases.get(name, name)) if isinstance(name, str) else None
        if found is None:
            near = closest(str(name), [*self._found.near(str(name)), *self._known_aliases()])
            msg = f"no entry {name!r} in {self._where()} ({len(self)} entries). {near}".rstrip()
            raise NotFoundError(msg)
        return found

    def items(self) -> ItemsView[str, Entry]:
        """Names and entries, in order; entries are read as one goes along."""
        return _Items(self)

    def values(self) -> ValuesView[Entry]:
        """Entries in order, read as one goes along."""
        return _Values(self)

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
        if self.path is not None:
            require_safe_places(entry, self.path.parent)
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
        return hint(self._found.parts, f"{text} {variable}")

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
            ``"relevance"`` to the words (all of them in the title first, then all as they stand, then runs of Chinese
            characters in pieces), ``"name"``, ``"title"``, ``"size"`` (largest first) or ``"period"`` (latest first);
            equals by name, what is unknown last.

        Returns
        -------
        Catalog
            The entries found, in order; may be empty. They are looked for when they are needed.

        Raises
        ------
        RegionError
            If a box, period or depth range cannot be used as given.
        InputError
            If another argument cannot be used.

        Notes
        -----
        Places are compared to a millionth of a degree, times to the minute, depths to the centimetre. A run of Chinese
        characters hits where each two that stand together in it do. Entries of a file are indexed at the first search,
        those of bulk files when they are registered.
        """
        check_order(limit, sort)
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
        return self._part(self._found.search(asked, limit=limit, sort=sort))

    def head(self, limit: int) -> "Catalog":
        """
        The first entries, in the order in which they stand.

        Parameters
        ----------
        limit : int
            How many at most.

        Returns
        -------
        Catalog
            As many, or all that there are.

        Raises
        ------
        InputError
            If `limit` is no number above zero.
        """
        check_order(limit, self._found.sort)
        return self._part(self._found.head(limit))

    def names(self, beginning: str = "", *, limit: int = _OFFERED) -> list[str]:
        """
        Some names of entries, as a person who types one is offered them.

        Parameters
        ----------
        beginning : str
            What they begin with.
        limit : int
            How many at most.

        Returns
        -------
        list of str
            In order; aliases are among them.
        """
        aliases = [name for name in self._known_aliases() if name.startswith(beginning)]
        return sorted({*self._found.names(beginning, limit), *aliases})[:limit]

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
        return self._found.facets()

    def to_frame(self) -> "pd.DataFrame":
        """
        Entries as a table.

        Returns
        -------
        pandas.DataFrame
            One row an entry, by id; what an entry does not know is missing (None, NaT).
        """
        return entries_frame(self.items())

    def __repr__(self) -> str:
        return entries_text(self._shown(), len(self), self._where())

    def _repr_html_(self) -> str:
        return entries_html(self._shown(), len(self), self._where())

    def _ipython_key_completions_(self) -> list[str]:
        return self.names()

    def _shown(self) -> list[tuple[str, Entry]]:
        """The first entries."""
        return [(place.name, self._found.entry(place)) for place in self._found.first(SHOWN)]

    def _pairs(self) -> Iterator[tuple[str, Entry]]:
        """Every name with its entry."""
        return ((place.name, self._found.entry(place)) for place in self._found)

    def _known_aliases(self) -> list[str]:
        """Aliases of entries that are here."""
        return [name for name, target in self._aliases.items() if self._found.has(target)]

    def _where(self) -> str:
        """The file, or what stands for it."""
        return str(self.path) if self.path is not None else "the catalogue"

    def _cheaper(self, entry: Entry, selection: Mapping[str, Any]) -> str:
        """Layout in which a selection costs least; the first if nothing, or another state, is asked for."""
        asked = {key: selection[key] for key in ("region", "time", "depth") if selection.get(key) is not None}
        elsewhere = {"revision", "snapshot", "group", "as_of"} & set(selection)
        others = any(asset.type != "application/vnd+icechunk" for asset in entry.assets.values())
        if len(entry.assets) == 1 or not asked or elsewhere or others:
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

    def _add(self, bulk: BulkPart) -> None:
        """Take the entries of bulk files, none of which may have a name that is taken."""
        both = [name for name in (*self._parts[0].names(limit=_OFFERED), *self._aliases) if bulk.locate(name)]
        if both:
            msg = f"entry {both[0]!r} is in {self._where()} and in a bulk file beside it. Remove one of them."
            raise DocumentError(msg)
        self._parts = (*self._parts, bulk)
        self._found = Found(self._parts)

    def _part(self, found: Found) -> "Catalog":
        """Catalogue of some of the entries."""
        part = Catalog({}, path=self.path, aliases=self._aliases, metadata=self.metadata)
        part._parts, part._found = self._parts, found
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
        Its entries, those of bulk files beside it among them if the file says so (an entry ``all``); no dataset is
        opened.

    Raises
    ------
    NotFoundError
        If there is no such file, or no index of its bulk entries.
    DocumentError
        If anything is wrong with it; every fault is listed with its line. Also if the index of its bulk entries is
        older than these.
    """
    file = require_catalog(path)
    catalog = Catalog(file.entries, path=file.path, aliases=file.aliases, metadata=file.metadata)
    if file.bulk:
        catalog._add(BulkPart(file.path.resolve().parent, catalog=file.path.name))
    return catalog
