"""The publicity of a product: when it is open to objections, and which of them nobody settled."""

import json
from collections.abc import Mapping
from typing import Any

__all__ = ["open_objections", "publicity_of"]


def publicity_of(row: Mapping[str, Any]) -> dict[str, Any]:
    """
    Publicity of a product's row.

    Parameters
    ----------
    row : mapping
        With a column ``publicity`` that is not empty.

    Returns
    -------
    dict
        ``from``, ``to`` and ``objections``.
    """
    loaded: dict[str, Any] = json.loads(row["publicity"])
    return loaded


def open_objections(publicity: Mapping[str, Any]) -> list[int]:
    """
    Numbers of the objections that nobody settled.

    Parameters
    ----------
    publicity : mapping
        As the product holds it.

    Returns
    -------
    list of int
        In order; may be empty.
    """
    return [one["number"] for one in publicity["objections"] if "settled_by" not in one]
