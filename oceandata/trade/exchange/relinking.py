"""Links both ways: the catalogue's entry and the product document name what the registry has listed."""

import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from oceandata.atomic import write_text
from oceandata.entities import Entry, TradeLink
from oceandata.errors import DocumentError, InputError, NotFoundError, OceanDataError
from oceandata.trade.product import Product
from oceandata.trade.registry.lifecycle import LARGEST_PAGE
from oceandata.trade.shelf import locate_products

if TYPE_CHECKING:
    from oceandata.catalog import Catalog
    from oceandata.storage import RevisionSummary
    from oceandata.trade.registry.records import PinnedRevision
    from oceandata.trade.registry.registry import Registry

__all__ = ["LinkChange", "RelinkPlan", "plan_relink", "write_relink"]


_HEADERS = {"en": ("file", "of", "field", "was", "becomes"), "zh": ("文件", "对象", "字段", "原值", "新值")}


@dataclasses.dataclass(frozen=True)
class LinkChange:
    """One field that names something else than the registry: its file, what it is of, and both values."""

    file: str
    name: str
    field: str
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.file}, {self.name}: {self.field}: {self.before or 'nothing'} -> {self.after or 'nothing'}"


@dataclasses.dataclass(frozen=True)
class RelinkPlan:
    """
    What must change so that entries and product document name what the registry has.

    Attributes
    ----------
    product : str
        Its identifier.
    catalog : pathlib.Path
        The catalogue file.
    changes : tuple of LinkChange
        Empty if everything is linked already.
    entries : tuple of (Entry, Entry)
        Before and after, of those that change.
    document : pathlib.Path or None
        The product document; None if there is none beside the catalogue, or nothing in it changes.
    texts : tuple of (str, str)
        The document before and after.
    """

    product: str
    catalog: Path
    changes: tuple[LinkChange, ...]
    entries: tuple[tuple[Entry, Entry], ...]
    document: Path | None = None
    texts: tuple[str, str] = ("", "")

    def to_json(self) -> dict[str, Any]:
        """JSON form."""
        return {
            "product": self.product,
            "catalog": str(self.catalog),
            "changes": [dataclasses.asdict(one) for one in self.changes],
        }

    def rows(self, language: str = "en") -> list[tuple[str, ...]]:
        """
        Rows for a table, under `headers`.

        Parameters
        ----------
        language : {"en", "zh"}
            Of the words.

        Returns
        -------
        list of tuple of str
            One for each field that changes.
        """
        nothing = "无" if language == "zh" else "nothing"
        return [(one.file, one.name, one.field, one.before or nothing, one.after or nothing) for one in self.changes]

    @staticmethod
    def headers(language: str = "en") -> tuple[str, ...]:
        """
        Names of the columns of `rows`.

        Parameters
        ----------
        language : {"en", "zh"}
            Of the names.

        Returns
        -------
        tuple of str
            Five.
        """
        return _HEADERS["zh" if language == "zh" else "en"]


def plan_relink(
    registry: "Registry", product: str, catalog: "Catalog", *, is_listed: bool = False, page: str = ""
) -> RelinkPlan:
    """
    Plan the links between a product of the registry, its entries, and its product document.

    An entry comes to name the newest final revision, with the layouts of that revision, and the page of the product
    on an exchange, if somebody has read one; the product document comes to name that page and the entry. Everything
    else in both stays as it is.

    Parameters
    ----------
    registry : Registry
        Open.
    product : str
        Identifier of the product.
    catalog : Catalog
        Opened from a file.
    is_listed : bool
        True if a listing is about to be made.
    page : str
        Page of that listing, if somebody has read it.

    Returns
    -------
    RelinkPlan
        For `write_relink`; nothing was changed.

    Raises
    ------
    NotFoundError
        If the registry has no such product, or the catalogue no entry of it.
    InputError
        If the entry is marked as an example, is linked to another product, or its repository does not hold the
        revision; or the product has no final revision.
    DocumentError
        If the product document has faults, or cannot be edited in place.

    Notes
    -----
    Reads metadata of the repository if the entry is not at the newest revision.
    """
    record = registry.product(product)
    pinned = next((one for one in registry.revisions(product, limit=LARGEST_PAGE) if one.is_final), None)
    if pinned is None:
        msg = f"product {product!r} has no final revision to link to. Pin one: oceandata trade revise."
        raise InputError(msg)
    listings = [one for one in registry.listings(product, limit=LARGEST_PAGE) if one.state in ("listed", "suspended")]
    urls = [*filter(None, [page]), *(one.url for one in listings if one.url)]
    pages = urls if is_listed or listings else None
    wanted = str((record.document or {}).get("entry", ""))
    entries = _entries(catalog, product, wanted)
    _check_examples(entries, product, on_sale=pages is not None)
    path = _path(catalog)
    document, place = locate_products(catalog, [product]).get(product, (None, ""))
    after = [(one, _linked(one, pinned, pages, catalog, place)) for one in entries]
    changes = [change for before, linked in after for change in _entry_changes(path, before, linked)]
    changed = tuple(pair for pair in after if pair[0] != pair[1])
    if document is None:
        return RelinkPlan(product, path, tuple(changes), changed)
    new = _document(document, after[0][1])
    old_text = _text(Path(place))
    differing = [name for name in ("listing_url", "entry") if getattr(document, name) != getattr(new, name)]
    changes += [LinkChange(place, product, name, getattr(document, name), getattr(new, name)) for name in differing]
    if not differing:
        return RelinkPlan(product, path, tuple(changes), changed)
    text = _edited(old_text, {name: getattr(new, name) for name in differing}, new, place)
    return RelinkPlan(product, path, tuple(changes), changed, Path(place), (old_text, text))


def write_relink(plan: RelinkPlan) -> None:
    """
    Write what was planned; each file changes whole or not at all, the product document first.

    Parameters
    ----------
    plan : RelinkPlan
        From `plan_relink`.

    Raises
    ------
    InputError
        If a file was changed since; what was written before is right by itself: plan again.
    """
    from oceandata.catalog import open_catalog
    from oceandata.catalog.write import register_entry

    catalog = open_catalog(plan.catalog)
    if any(catalog[before.id] != before for before, _ in plan.entries) or (
        plan.document is not None and _text(plan.document) != plan.texts[0]
    ):
        msg = f"{plan.catalog} or {plan.document} was changed meanwhile, and nothing was written. Do it again."
        raise InputError(msg)
    if plan.document is not None:
        write_text(plan.document, plan.texts[1], sync=True)
    for _, after in plan.entries:
        register_entry(plan.catalog, after, replace=True)


def _text(path: Path) -> str:
    """Text of a file with the ends of its lines as they are."""
    return path.read_bytes().decode("utf-8")


def _path(catalog: "Catalog") -> Path:
    """File of a catalogue."""
    if catalog.path is None:
        msg = "the catalogue is in memory, need one that was opened from a file: open_catalog(path)."
        raise InputError(msg)
    return Path(catalog.path)


def _entries(catalog: "Catalog", product: str, wanted: str) -> list[Entry]:
    """Entries that are linked to a product, else the one that the product names."""
    traded = catalog.search(traded=True, sort="name")
    linked = [entry for entry in traded.values() if entry.trade is not None and entry.trade.product == product]
    if linked:
        return linked
    if not wanted or wanted not in catalog:
        msg = (
            f"{catalog.path} has no entry of product {product!r}, which names {wanted!r}. Register the data first: "
            "oceandata catalog register."
        )
        raise NotFoundError(msg)
    entry = catalog[wanted]
    if entry.trade is not None:
        msg = (
            f"entry {entry.id!r} is linked to product {entry.trade.product!r}, not to {product!r}. Correct one of them."
        )
        raise InputError(msg)
    return [entry]


def _check_examples(entries: list[Entry], product: str, *, on_sale: bool) -> None:
    """Refuse to link a product that is sold to an entry that is marked as an example."""
    for entry in entries:
        if on_sale and entry.trade is not None and entry.trade.example:
            msg = (
                f"entry {entry.id!r} is marked as an example, which no exchange lists, so product {product!r} must not "
                "be listed. Take the mark out of the entry (trade.example), or delist the product."
            )
            raise InputError(msg)


def _linked(entry: Entry, pinned: "PinnedRevision", pages: list[str] | None, catalog: "Catalog", place: str) -> Entry:
    """An entry with its link, at the revision that it names; `pages` are None if the product is on no exchange."""
    before = entry.trade
    url = before.listing_url if before else ""
    if pages is None:
        url = ""
    elif pages and url not in pages:
        url = pages[0]
    document, folder = before.document if before else "", _path(catalog).absolute().parent
    if not document and place and Path(place).absolute().is_relative_to(folder):
        document = Path(place).absolute().relative_to(folder).as_posix()
    example = bool(before and before.example)
    link = TradeLink(
        product=pinned.product, revision=pinned.number, document=document, listing_url=url, example=example
    )
    asset = next((one for one in entry.assets.values() if one.group == pinned.layout), None)
    if asset is not None and asset.content_root == pinned.content_root:
        return entry.model_copy(update={"trade": link})
    return _at_revision(entry, pinned, link, catalog)


def _at_revision(entry: Entry, pinned: "PinnedRevision", link: TradeLink, catalog: "Catalog") -> Entry:
    """An entry described anew, at the tag that a revision pins; what a curator says stays."""
    from oceandata.catalog.entries import draft_entry, overlay_of

    places = sorted({asset.href for asset in entry.assets.values()})
    url = catalog.located(places[0])
    try:
        described = _described(url, pinned)
    except OceanDataError as error:
        msg = (
            f"entry {entry.id!r} is not at revision {pinned.number} of {pinned.product!r}, and cannot be brought there "
            f"from {url}: {error}"
        )
        raise InputError(msg) from error
    found = {one.group: one.content_root for one in described}.get(pinned.layout, "no such layout")
    if found != pinned.content_root or len(places) > 1:
        msg = (
            f"entry {entry.id!r} opens {', '.join(places)}, whose tag {pinned.tag!r} has the content root {found}, but "
            f"revision {pinned.number} of {pinned.product!r} pins {pinned.content_root}. A link never comes to stand "
            "for other values."
        )
        raise InputError(msg)
    primary = next(iter(entry.assets.values())).group
    first, *others = sorted(described, key=lambda one: one.group != primary)
    return draft_entry(first, overlay_of(entry), name=entry.id, href=places[0], trade=link, layouts=others)


def _described(url: str, pinned: "PinnedRevision") -> "list[RevisionSummary]":
    """Every layout of the tag that a revision pins, the primary first."""
    from oceandata.storage import describe_revision, open_repository
    from oceandata.storage.revisions import commit_facts, layouts_of
    from oceandata.storage.stores import lookup_revision

    repository = open_repository(url)
    _, snapshot = lookup_revision(repository, pinned.tag)
    names = layouts_of(commit_facts(repository, snapshot))
    return [describe_revision(url, revision=pinned.tag, layout=name) for name in names]


def _entry_changes(path: Path, before: Entry, after: Entry) -> Iterator[LinkChange]:
    """Fields of the link that change, and the data if they do."""
    old = before.trade.to_json() if before.trade else {}
    new = after.trade.to_json() if after.trade else {}
    for name in dict.fromkeys([*new, *old]):
        was, becomes = (str(side.get(name) or "") for side in (old, new))
        if was != becomes:
            yield LinkChange(str(path), before.id, f"trade.{name}", was, becomes)
    if before.assets != after.assets:
        tags = [", ".join(sorted({one.revision for one in entry.assets.values()})) for entry in (before, after)]
        yield LinkChange(str(path), before.id, "assets", tags[0], tags[1])


def _document(document: Product, entry: Entry) -> Product:
    """A product document that names its page and its entry."""
    url = entry.trade.listing_url if entry.trade else ""
    return document.model_copy(update={"listing_url": url, "entry": entry.id})


def _edited(text: str, fields: dict[str, str], expected: Product, place: str) -> str:
    """Text of a document with some fields set; all else, comments too, stays as it is."""
    for name, value in fields.items():
        line = yaml.safe_dump({name: value}, allow_unicode=True, width=1_000_000).strip()
        found = re.search(rf"^{name}:.*?(?P<comment>[ \t]+#[^'\"\r\n]*)?(?=\r?$)", text, re.MULTILINE)
        end = "\r\n" if "\r\n" in text else "\n"
        line += (found["comment"] or "") if found else ""
        text = text[: found.start()] + line + text[found.end() :] if found else f"{text.rstrip()}{end}{line}{end}"
    wanted = ", ".join(f"{name}: {value}" for name, value in fields.items())
    msg = f"{place} cannot be edited in place. Write this into it yourself: {wanted}"
    try:
        read = Product.from_json(yaml.safe_load(text), where=place)
    except (yaml.YAMLError, DocumentError) as error:
        raise DocumentError(msg) from error
    if read != expected:
        raise DocumentError(msg)
    return text
