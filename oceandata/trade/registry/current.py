"""The product document as it is now: what was written, with the revisions and offers that the registry holds."""

import json
from typing import TYPE_CHECKING

from oceandata.trade.product import Product

if TYPE_CHECKING:
    from oceandata.trade.registry.registry import Registry

__all__ = ["product_document"]

#: Fields that a revision has in a product document, and their columns.
_REVISION = {"group": "layout"} | {
    name: name
    for name in ("number", "repository", "tag", "snapshot", "content_root", "stored_bytes", "chunks", "change")
}


def product_document(registry: "Registry", product: str) -> Product:
    """
    Document of a product with every final revision and every offer of the registry.

    Parameters
    ----------
    registry : Registry
        Which.
    product : str
        Identifier of the product.

    Returns
    -------
    Product
        For quotes and files. A revoked revision is among its revisions; a revision that is not final is not. What was
        measured of its quality stays where the document says it.

    Raises
    ------
    NotFoundError
        If there is no such product.
    """
    import sqlalchemy as sa

    from oceandata.trade.registry.engines import reading
    from oceandata.trade.registry.tables import TABLES

    document = dict(registry.product(product).document or {})
    revisions, offers = TABLES["revisions"], TABLES["offers"]
    final = sa.select(revisions).where(revisions.c.product == product, revisions.c.finalized_at.is_not(None))
    made = sa.select(offers.c.terms).where(offers.c.product == product).order_by(offers.c.version)
    with reading(registry.engine) as connection:
        rows = [dict(row) for row in connection.execute(final.order_by(revisions.c.number)).mappings()]
        terms = [json.loads(text) for text in connection.execute(made).scalars()]
    quality = {one["number"]: one["quality"] for one in document.get("revisions", []) if "quality" in one}
    document["offers"] = terms
    document["revisions"] = [
        {field: row[column] for field, column in _REVISION.items()}
        | ({"quality": quality[row["number"]]} if row["number"] in quality else {})
        for row in rows
    ]
    return Product.from_json(document, where=f"product {product!r}")
