"""What a run takes over from the one before it, as it is told, with the inputs that were read for it."""

import dataclasses
from collections import Counter
from collections.abc import Collection, Iterable
from typing import Any

__all__ = ["Update", "reused_rows"]


@dataclasses.dataclass(frozen=True)
class Update:
    """
    What a run takes over from the one before it.

    Attributes
    ----------
    since : str
        Revision of the input that the earlier run was begun with.
    taken : tuple of int
        Partitions of each phase whose states are taken over.
    saved_bytes : int
        Decoded bytes that need not be read for it.
    why : str
        What kept states from being taken over; empty if nothing did but the change of the input.
    sources : tuple of dict
        Inputs, as a plan lists them, from which states that are taken over were read.
    """

    since: str
    taken: tuple[int, ...]
    saved_bytes: int
    why: str
    sources: tuple[dict[str, Any], ...]

    def to_json(self) -> dict[str, Any]:
        """JSON form."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> "Update":
        """Update from its JSON form."""
        return cls(**document | {"taken": tuple(document["taken"]), "sources": tuple(document["sources"])})

    def reused(self, taken: Collection[str]) -> list[dict[str, Any]]:
        """
        Inputs that states which were taken over were read from.

        Parameters
        ----------
        taken : collection of str
            Snapshot of each state.

        Returns
        -------
        list of dict
            Product, entry, repository, revision, snapshot and licence of each input, and its ``partitions``.
        """
        names = ("product", "product_revision", "entry", "repository", "revision", "snapshot", "licence", "attribution")
        counts = Counter(taken)
        return [
            {name: one.get(name) for name in names} | {"partitions": counts[one["snapshot"]]}
            for one in self.sources
            if counts[one["snapshot"]]
        ]


def reused_rows(reused: Iterable[dict[str, Any]]) -> list[tuple[str, str]]:
    """
    What was taken over, for people.

    Parameters
    ----------
    reused : iterable of dict
        From `Update.reused`.

    Returns
    -------
    list of (str, str)
        Names and values.
    """
    return [
        (
            "taken over",
            f"{one['partitions']} partitions as read from {one['product'] or one['entry'] or one['repository']} "
            f"{one['revision'] or one['snapshot']} ({one['licence'] or 'licence unknown'})",
        )
        for one in reused
    ]
