"""What the registry itself reads in a product document; the rest is kept as it is."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from oceandata.errors import InputError
from oceandata.trade.product import Product

__all__ = ["Grade", "columns_of", "grade_of"]

#: The longest id and theme: they stand in tags, file names and keys.
_LONGEST = 200


@dataclasses.dataclass(frozen=True)
class Grade:
    """
    Classification of a product (GB/T 43697-2024), and who decided on it.

    Attributes
    ----------
    name : str
        ``core``, ``important`` or ``general``; empty if nobody decided.
    decided_by : str
        The person; empty if nobody is named.
    note : str
        Why, or the document in which it stands; important data need one.
    """

    name: str = ""
    decided_by: str = ""
    note: str = ""


def columns_of(product: Product, theme: str) -> dict[str, str | int | None]:
    """
    Columns by which products are listed.

    Parameters
    ----------
    product : Product
        The document.
    theme : str
        Under which the institution counts it; empty if unknown.

    Returns
    -------
    dict
        ``id``, ``title``, ``title_zh``, ``provider``, ``theme`` and ``grade``, empty if unknown; ``declared_bytes`` and
        ``declared_chunks`` of the newest revision in the document, None if it has none.

    Raises
    ------
    InputError
        If the identifier or the theme is too long, or has signs that cannot be printed.
    """
    for what, text in (("id", product.id), ("theme", theme)):
        if len(text) > _LONGEST or not text.isprintable() or text != text.strip():
            msg = f"the {what} of the product is {text!r:.220}, need up to {_LONGEST} printable characters."
            raise InputError(msg)
    newest = product.revisions[-1] if product.revisions else None
    return {
        "id": product.id,
        "title": product.title.said("en"),
        "title_zh": product.title.zh,
        "provider": product.provider.said("en"),
        "theme": theme,
        "grade": product.grade,
        "declared_bytes": newest.stored_bytes if newest else None,
        "declared_chunks": newest.chunks if newest else None,
    }


def grade_of(document: Mapping[str, Any]) -> Grade:
    """
    Grade of a product document, as it is stored.

    Parameters
    ----------
    document : mapping
        JSON form.

    Returns
    -------
    Grade
        Empty fields for what it does not say; nothing is guessed.

    Examples
    --------
    >>> grade_of({"grade": "general", "grade_decision": {"by": "Li Si", "on": "2026-01-01"}}).decided_by
    'Li Si'
    """
    decision = document.get("grade_decision") or {}
    return Grade(document.get("grade") or "", decision.get("by") or "", decision.get("note") or "")
