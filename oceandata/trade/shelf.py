"""Where product documents are found: given ones, files, folders, and those beside a catalogue."""

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from oceandata.errors import InputError, NotFoundError
from oceandata.trade.product import Product, load_product

__all__ = ["find_products", "locate_products"]

_ENDINGS = (".yaml", ".yml")

#: Keys that tell a product document from other YAML files of a folder.
_MARKS = ("record_unit:", "provider:")


def find_products(products: Any, ids: Iterable[str]) -> dict[str, Product]:
    """
    Product documents by their identifiers.

    Parameters
    ----------
    products : Product, Catalog, path, mapping of str to Product, iterable of these, or None
        Where to look. Of a folder the YAML files in it and in its folder ``products``; of a catalogue the folder of its
        file; None is nowhere.
    ids : iterable of str
        Which products.

    Returns
    -------
    dict of str to Product
        Those that were found; files that do not name one of the products are not read any further.

    Raises
    ------
    NotFoundError
        If there is no such file or folder.
    DocumentError
        If the document of one of the products has faults; all are listed.
    InputError
        If two different documents have the same identifier, or `products` is nothing of the above.
    """
    return {name: product for name, (product, _) in locate_products(products, ids).items()}


def locate_products(products: Any, ids: Iterable[str]) -> dict[str, tuple[Product, str]]:
    """
    Product documents by their identifiers, and where each was found.

    Parameters
    ----------
    products : object
        Where to look, as `find_products` takes it.
    ids : iterable of str
        Which products.

    Returns
    -------
    dict of str to (Product, str)
        The document and its file.

    Raises
    ------
    NotFoundError, DocumentError, InputError
        As `find_products` does.
    """
    wanted = {one for one in ids if one}
    found: dict[str, tuple[Product, str]] = {}
    for product, where in _documents(products, wanted):
        if product.id not in wanted:
            continue
        known, before = found.setdefault(product.id, (product, where))
        if known != product:
            msg = f"product {product.id!r} has two different documents: {before} and {where}. Remove one of them."
            raise InputError(msg)
    return found


def _documents(products: Any, wanted: set[str]) -> Iterator[tuple[Product, str]]:
    if products is None:
        return
    if isinstance(products, Product):
        yield products, "one that was given"
    elif isinstance(products, str | os.PathLike):
        yield from _documents_at(Path(products), wanted)
    elif isinstance(getattr(products, "path", None), Path):
        yield from _documents_at(products.path.parent, wanted)
    elif isinstance(products, Mapping | Iterable):
        for one in products.values() if isinstance(products, Mapping) else products:
            yield from _documents(one, wanted)
    else:
        msg = f"products is a {type(products).__name__}, need products, paths or a catalogue."
        raise InputError(msg)


def _documents_at(path: Path, wanted: set[str]) -> Iterator[tuple[Product, str]]:
    if path.is_file():
        yield load_product(path), str(path)
    elif path.is_dir():
        for folder in (path, path / "products"):
            for file in sorted(folder.glob("*")) if folder.is_dir() else ():
                if file.suffix in _ENDINGS and file.is_file() and _may_be(file, wanted):
                    yield load_product(file), str(file)
    else:
        msg = f"there is no product document and no folder {path}."
        raise NotFoundError(msg)


def _may_be(path: Path, wanted: set[str]) -> bool:
    """Whether a file looks like the document of one of the products, without reading it as YAML."""
    text = "\n" + path.read_text(encoding="utf-8", errors="replace")
    return all(f"\n{mark}" in text for mark in _MARKS) and any(name in text for name in wanted)
