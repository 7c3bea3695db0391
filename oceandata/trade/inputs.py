"""What a result is made of, as a record: inputs by product and variable, and what cannot be attributed."""

import dataclasses
import unicodedata
from typing import Any

from oceandata import _html
from oceandata.entities import Extent, Origin
from oceandata.errors import DocumentError
from oceandata.options import get_options
from oceandata.storage.urls import url_scheme
from oceandata.trade.answers import said
from oceandata.trade.taken import Taken

__all__ = ["Input", "Lineage", "published_origin", "revision_name"]

_SCHEME = "oceandata-lineage-1"


@dataclasses.dataclass(frozen=True)
class Input:
    """
    What is taken of one variable of one revision.

    Attributes
    ----------
    origin : Origin
        Repository, revision, product and licence.
    variable : str
        Native name.
    chunks : tuple of tuple of int
        Positions in the chunk grid, sorted.
    stored_bytes : int
        Bytes these chunks take as stored; chunks that hold only fill values take none.
    extent : Extent
        Where, when and how deep the values lie.
    shape : tuple of int
        Size of the smallest box of values that holds everything taken.
    is_coordinate : bool
        True for coordinates, which are not part of what is metered as data.
    taken : Taken or None
        How many values of it are delivered; None if that was not counted.
    through : str
        Name of the stamped file, or of the stamped revision (`revision_name`), through which it came, which was made of
        it before; empty if it is read itself.
    """

    origin: Origin
    variable: str
    chunks: tuple[tuple[int, ...], ...]
    stored_bytes: int
    extent: Extent
    shape: tuple[int, ...]
    is_coordinate: bool = False
    taken: Taken | None = None
    through: str = ""

    @property
    def keys(self) -> set[str]:
        """Keys of the chunks in the store."""
        path = f"{self.origin.group}/{self.variable}/c"
        return {"/".join((path, *map(str, position))) for position in self.chunks}

    def to_json(self) -> dict[str, Any]:
        """JSON form; chunk positions as text such as ``"0/0/1"``."""
        document = {
            "origin": self.origin.to_json(),
            "variable": self.variable,
            "chunks": ["/".join(map(str, position)) for position in self.chunks],
            "stored_bytes": self.stored_bytes,
            "extent": self.extent.to_json(),
            "shape": list(self.shape),
            "is_coordinate": self.is_coordinate,
        }
        document |= {"taken": self.taken.to_json()} if self.taken else {}
        return document | ({"through": self.through} if self.through else {})

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> "Input":
        """Input from its JSON form."""
        positions = (tuple(int(n) for n in text.split("/") if n) for text in document["chunks"])
        return cls(
            origin=Origin.from_json(document["origin"]),
            variable=document["variable"],
            chunks=tuple(positions),
            stored_bytes=document["stored_bytes"],
            extent=Extent.from_json(document["extent"]),
            shape=tuple(document["shape"]),
            is_coordinate=document["is_coordinate"],
            taken=Taken.from_json(document["taken"]) if "taken" in document else None,
            through=document.get("through", ""),
        )


def published_origin(origin: Origin) -> Origin:
    """
    Origin without the local folder of a repository that a product or an entry identifies.

    Parameters
    ----------
    origin : Origin
        With the place that was opened.

    Returns
    -------
    Origin
        As it may be written into files that leave the house; a place that all can reach stays.
    """
    if url_scheme(origin.repository) != "file" or not (origin.product or origin.entry):
        return origin
    return origin.model_copy(update={"repository": ""})


def revision_name(origin: Origin) -> str:
    """
    Name of a layout of one revision, which no other has.

    Parameters
    ----------
    origin : Origin
        Of a repository.

    Returns
    -------
    str
        Two repositories may have the same entry name, and a repository revisions with a lineage and without.
    """
    return f"{origin.name}, snapshot {origin.snapshot}, {origin.group}".removesuffix(", ")


def _check_counted(inputs: tuple[Input, ...]) -> None:
    """Refuse fewer values than positions; a further layout of a variable counts only what the first does not have."""
    layouts: dict[tuple[str, ...], list[Taken]] = {}
    for one in inputs:
        if one.taken is not None:
            layouts.setdefault((one.variable, one.origin.name, one.origin.snapshot), []).append(one.taken)
    for counted in layouts.values():
        least = [max(one.sizes) if min(one.sizes, default=0) > 0 else 0 for one in counted]
        for values, positions in (
            (counted[0].values, least[0]),
            (sum(one.values for one in counted), max(least)),
        ):
            if values < positions:
                msg = f"number of values taken is {values}, but there are {positions} positions at least."
                raise DocumentError(msg)


@dataclasses.dataclass(frozen=True)
class Lineage:
    """
    All inputs of a result.

    Attributes
    ----------
    inputs : tuple of Input
        Data and coordinates, by product and variable.
    unattributed : tuple of str
        Inputs whose source is unknown, or of no known revision; with any of these, what the result owes is
        undetermined.
    unpinned : tuple of Origin
        What is known of those of them that a catalogue names: entry, product, licence and attribution.
    recorded : tuple of str
        Values in memory that a recording stands for: it had read what is among the inputs when they were there.
    """

    inputs: tuple[Input, ...]
    unattributed: tuple[str, ...] = ()
    unpinned: tuple[Origin, ...] = ()
    recorded: tuple[str, ...] = ()

    @property
    def planned(self) -> tuple[Input, ...]:
        """The inputs that are data, also those that came through stamped files."""
        return tuple(one for one in self.inputs if not one.is_coordinate)

    def explains(self, origin: Origin) -> bool:
        """Whether an origin is no product but a result, whose own lineage is among the inputs."""
        return not origin.product and revision_name(origin) in {one.through for one in self.inputs}

    @property
    def stored_bytes(self) -> int:
        """Stored bytes of all data chunks."""
        return sum(one.stored_bytes for one in self.planned)

    def to_json(self) -> dict[str, Any]:
        """JSON form, as it is stamped on files."""
        document: dict[str, Any] = {
            "scheme": _SCHEME,
            "inputs": [one.to_json() for one in self.inputs],
            "unattributed": list(self.unattributed),
        }
        document |= {"unpinned": [one.to_json() for one in self.unpinned]} if self.unpinned else {}
        return document | ({"recorded": list(self.recorded)} if self.recorded else {})

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> "Lineage":
        """Lineage from its JSON form; a `DocumentError` if it has another scheme."""
        if document.get("scheme") != _SCHEME:
            msg = f"the lineage has the scheme {document.get('scheme')!r}, need {_SCHEME!r}. Update oceandata."
            raise DocumentError(msg)
        inputs = tuple(Input.from_json(one) for one in document["inputs"])
        _check_counted(inputs)
        return cls(
            inputs=inputs,
            unattributed=tuple(document["unattributed"]),
            unpinned=tuple(Origin.from_json(one) for one in document.get("unpinned", [])),
            recorded=tuple(document.get("recorded", [])),
        )

    def published(self) -> "Lineage":
        """The same without the local folder of a repository that its product or its entry identifies."""
        inputs = tuple(dataclasses.replace(one, origin=published_origin(one.origin)) for one in self.inputs)
        unpinned = tuple(map(published_origin, self.unpinned))
        return dataclasses.replace(self, inputs=inputs, unpinned=unpinned)

    def facts(self, language: str = "en") -> list[list[tuple[str, str]]]:
        """
        Names and values for people, one list an input.

        Parameters
        ----------
        language : {"en", "zh"}
            Of the words.

        Returns
        -------
        list of list of (str, str)
            The same facts in terminals and notebooks.
        """
        return [
            [
                (said(name, language), value if name in _OWN_WORDS and value != "unknown" else said(value, language))
                for name, value in facts
            ]
            for facts in map(_facts, self.planned)
        ]

    def told(self, language: str = "en") -> str:
        """
        The facts as lines of text.

        Parameters
        ----------
        language : {"en", "zh"}
            Of the words.

        Returns
        -------
        str
            One fact a line, inputs parted by empty lines; then what is of unknown source, and values in memory.
        """
        lines = []
        for facts in self.facts(language):
            lines += [_padded(name) + value for name, value in facts] + [""]
        for name, texts in (("unattributed", self.unattributed), ("recorded", self.recorded)):
            lines += [f"{_padded(said(name, language))} {said(text, language)}" for text in texts]
        return "\n".join(lines).strip() or said("no inputs", language)

    def __str__(self) -> str:
        return self.told()

    def _repr_html_(self) -> str:
        language = get_options().language
        cards = [_html.facts(facts, title=facts[0][1]) for facts in self.facts(language)]
        for name, texts, title in (
            ("unattributed", self.unattributed, "Unknown source"),
            ("recorded", self.recorded, "Values in memory"),
        ):
            rows = [(said(name, language), said(text, language)) for text in texts]
            cards += [_html.facts(rows, title=said(title, language))] if rows else []
        return "".join(cards) or f"<em>{said('no inputs', language)}</em>"


def _padded(name: str) -> str:
    """A name in twelve columns; Chinese characters take two each."""
    return name + " " * (12 - len(name) - sum(unicodedata.east_asian_width(one) in "WF" for one in name))


#: Facts whose words are those of a provider or of a person.
_OWN_WORDS = ("entry", "through", "licence", "attribution")


def _facts(one: Input) -> list[tuple[str, str]]:
    origin, extent = one.origin, one.extent
    product = origin.product or "none"
    if origin.product and origin.product_revision:
        product += f", revision {origin.product_revision}"
    if origin.example:
        product += " (example, not listed on any exchange)"
    facts = [
        ("product", product),
        ("entry", origin.entry or "unknown"),
        ("revision", f"{origin.revision or 'untagged'}, snapshot {origin.snapshot}"),
        ("variable", f"{one.variable}, {' x '.join(map(str, one.shape))} values"),
    ]
    if extent.bbox is not None:
        west, south, east, north = extent.bbox
        facts.append(("region", f"{west:.2f} to {east:.2f} E, {south:.2f} to {north:.2f} N"))
    if extent.time is not None:
        facts.append(("time", f"{extent.time[0]:%Y-%m-%d} to {extent.time[1]:%Y-%m-%d}"))
    if extent.depth_m is not None:
        facts.append(("depth", f"{extent.depth_m[0]:g} to {extent.depth_m[1]:g} m"))
    if one.through:
        facts.append(("through", one.through))
    return [
        *facts,
        ("chunks", f"{len(one.chunks)}, {_html.human_bytes(one.stored_bytes)} stored ({one.stored_bytes} bytes)"),
        ("licence", origin.licence or "unknown"),
        ("attribution", origin.attribution or "unknown"),
    ]
