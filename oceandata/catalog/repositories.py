"""Entries of repositories as they are now: registered for the first time, or brought up to the newest revision."""

from pathlib import Path
from typing import TYPE_CHECKING

from oceandata.catalog.catalog import open_catalog
from oceandata.catalog.entries import Overlay, draft_entry, overlay_of
from oceandata.catalog.write import register_entry
from oceandata.entities import Entry, TradeLink
from oceandata.errors import InputError

if TYPE_CHECKING:
    from oceandata.storage.revisions import RevisionSummary

__all__ = ["described_layouts", "register_repository", "update_entry"]


def register_repository(
    catalog_path: str | Path, url: str | Path, overlay: Overlay, *, name: str, replace: bool = False
) -> Entry:
    """
    Put the newest revision of a repository, with all its layouts, into a catalogue file.

    An entry that is replaced keeps its link to a product under the rule of `update_entry`.

    Parameters
    ----------
    catalog_path : str or pathlib.Path
        The YAML file, created if need be; its folder must exist.
    url : str or pathlib.Path
        The repository.
    overlay : Overlay
        What the curator says.
    name : str
        Id of the entry: lower case, digits and underscores.
    replace : bool
        Take the place of an entry of the same id.

    Returns
    -------
    Entry
        The entry as written.

    Raises
    ------
    NotFoundError
        If there is no repository, or nothing was published in it yet.
    DocumentError
        If the entry cannot be drafted, or the file has faults; all are listed.
    InputError
        If an entry of that name is there and `replace` is not set, or it stands for a product of other values.
    """
    first, *others = described_layouts(url)
    before = open_catalog(catalog_path).get(name) if Path(catalog_path).exists() else None
    kept = None
    if replace and before is not None and before.id == name:
        kept = _kept_link(before, [first, *others])
    entry = draft_entry(first, overlay, name=name, trade=kept, layouts=others)
    return register_entry(catalog_path, entry, replace=replace)


def update_entry(catalog_path: str | Path, name: str) -> Entry:
    """
    Bring an entry up to the newest revision of its repository and all its layouts.

    What a curator can say (`Overlay`) stays as the entry has it; period, sizes, layouts and sources are described
    anew. An entry that is up to date leaves the file as it is.

    Parameters
    ----------
    catalog_path : str or pathlib.Path
        The YAML file.
    name : str
        Id or alias of the entry.

    Returns
    -------
    Entry
        The entry as written.

    Raises
    ------
    NotFoundError
        If there is no such file, entry or repository.
    DocumentError
        If the file has faults; all are listed.
    InputError
        If the layouts of the entry are in several repositories, or the entry stands for a product of other values.

    Notes
    -----
    A revision of a product pins the content root of what was sold. The link to it stays only while every layout of
    the entry is there with the content root it had, as it is when only layouts were added. Otherwise the update is
    refused: a product's revision never comes to stand for other values.
    """
    catalog = open_catalog(catalog_path)
    before = catalog[name]
    places = sorted({asset.href for asset in before.assets.values()})
    if len(places) > 1:
        msg = (
            f"entry {before.id!r} has layouts in {len(places)} repositories ({', '.join(places)}), need one. "
            "Draft it anew with draft_entry()."
        )
        raise InputError(msg)
    first, *others = described = described_layouts(catalog.located(places[0]))
    kept = _kept_link(before, described)
    entry = draft_entry(first, overlay_of(before), name=before.id, href=places[0], trade=kept, layouts=others)
    return register_entry(catalog_path, entry, replace=True)


def described_layouts(url: str | Path) -> "list[RevisionSummary]":
    """
    Every layout of the newest revision of a repository.

    Parameters
    ----------
    url : str or pathlib.Path
        The repository.

    Returns
    -------
    list of RevisionSummary
        The primary first.

    Raises
    ------
    NotFoundError
        If there is no repository, or nothing was published in it yet.
    """
    from oceandata.storage import describe_revision, open_repository
    from oceandata.storage.revisions import commit_facts, layouts_of
    from oceandata.storage.stores import lookup_revision

    first = describe_revision(url)
    repository = open_repository(url)
    _, snapshot = lookup_revision(repository, first.revision)
    names = [name for name in layouts_of(commit_facts(repository, snapshot)) if name != first.group]
    return [first, *(describe_revision(url, revision=first.revision, layout=name) for name in names)]


def _kept_link(before: Entry, described: "list[RevisionSummary]") -> TradeLink | None:
    """Link of an entry to its product; refused where it would come to stand for other values."""
    if before.trade is None:
        return None
    roots = {layout.group: layout.content_root for layout in described}
    for name, asset in before.assets.items():
        if not asset.content_root or roots.get(asset.group) != asset.content_root:
            msg = (
                f"entry {before.id!r} stands for revision {before.trade.revision} of product "
                f"{before.trade.product!r}, which pins tag {asset.revision!r}; the newest tag "
                f"{described[0].revision!r} holds other values (content root of layout {name!r}). Add a revision to "
                "the product (oceandata.trade.draft_revision) and register an entry with its link (draft_entry, "
                "register_entry), or register the new data under another name (oceandata catalog register)."
            )
            raise InputError(msg)
    return before.trade
