"""What could be said where the data say nothing: standard names, units and licences, each with how sure and why."""

import dataclasses
import re
from collections.abc import Iterator

from oceandata import cf
from oceandata.catalog.licences import unknown_licences
from oceandata.catalog.scan.drafting import NO_LICENCE
from oceandata.cf.units import Unit, find_unit
from oceandata.entities import Entry, Variable
from oceandata.errors import closest

__all__ = ["Gap", "Proposal", "find_gaps", "find_proposals"]

_CREATIVE = re.compile(
    r"(?:creativecommons\.org/licenses/|\bcc[ -])(by(?:-(?:nc|sa|nd))*)[ /-](?:v(?:ersion)? ?)?(\d\.\d)", re.IGNORECASE
)
_CREATIVE_WORDS = re.compile(
    r"creative commons attribution(?P<nc>[ -]*non-?commercial)?(?:(?P<sa>[ -]*share-?alike)|(?P<nd>[ -]*noderiv\w*))?"
    r"\s+(?P<version>\d\.\d)",
    re.IGNORECASE,
)
_NUMBERS = {"1", "1e-3"}


@dataclasses.dataclass(frozen=True)
class Proposal:
    """
    What a person may take over into an entry; nothing of it is in the entry.

    Attributes
    ----------
    entry, variable : str
        Id of the entry, and native name of the variable; empty if it is about the whole entry.
    field : str
        ``canonical_name``, ``units`` or ``license``.
    value : str
        What is proposed.
    confidence : float
        From 0 to 1: 0.9 and more where two independent signs agree, below 0.5 where one weak sign speaks.
    reason : str
        The signs, for people.
    """

    entry: str
    variable: str
    field: str
    value: str
    confidence: float
    reason: str


@dataclasses.dataclass(frozen=True)
class Gap:
    """
    What an entry does not know, and a person should find out.

    Attributes
    ----------
    entry : str
        Id of the entry.
    field : str
        Where it belongs: ``license``, ``variables.sst.units`` and so on.
    message : str
        One sentence.
    """

    entry: str
    field: str
    message: str


def find_proposals(entry: Entry, *, hints: dict[str, str], licence_text: str) -> list[Proposal]:
    """
    Proposals for what an entry lacks.

    A name is proposed only if the units fit it. The signs are the native name (the aliases of conventions), the words
    of the long name, and the units.

    Parameters
    ----------
    entry : Entry
        The entry as it will be written.
    hints : dict of str to str
        Misspelt units by variable.
    licence_text : str
        What the file says of its licence.

    Returns
    -------
    list of Proposal
        In the order of the variables, the licence first.
    """
    found = [*_licence(entry, licence_text)]
    for name, variable in entry.variables.items():
        names = [*_names(entry.id, name, variable)] if not _is_named(variable) else []
        found += names
        if not variable.units:
            meant = variable.canonical_name or variable.standard_name or (names[0].value if names else "")
            found += _units(entry.id, name, hints.get(name, ""), meant)
        elif find_unit(variable.units) is None and not _is_time_unit(variable.units):
            found += _mended_units(entry.id, name, variable.units)
    return found


def find_gaps(entry: Entry, *, licence_text: str, has_title: bool) -> list[Gap]:
    """
    What an entry does not know.

    Parameters
    ----------
    entry : Entry
        The entry as it will be written.
    licence_text : str
        What the file says of its licence.
    has_title : bool
        Whether the file, or a person, gave the title.

    Returns
    -------
    list of Gap
        Title and licence first, then place and time, then the variables.
    """
    gaps = []
    if not has_title:
        gaps.append(Gap(entry.id, "title", f"no title: it is called {entry.title!r} after its files."))
    if entry.license == NO_LICENCE:
        said = f": the file says {licence_text!r:.120}, which is no SPDX expression." if licence_text else "."
        gaps.append(Gap(entry.id, "license", f"no licence{said}"))
    for field, what in (("bbox", "where it lies"), ("time", "its period")):
        if getattr(entry.extent, field) is None:
            gaps.append(Gap(entry.id, f"extent.{field}", f"{what} is unknown: it is not found by it."))
    for name, variable in entry.variables.items():
        if not variable.units and _is_measured(variable):
            gaps.append(Gap(entry.id, f"variables.{name}.units", f"{name!r} has no units."))
        if not _is_named(variable) and _is_measured(variable):
            gaps.append(Gap(entry.id, f"variables.{name}.standard_name", f"{name!r} has no standard name."))
    return gaps


def _is_named(variable: Variable) -> bool:
    return bool(variable.standard_name or variable.canonical_name)


def _is_measured(variable: Variable) -> bool:
    """Whether a variable holds numbers that could have units: no text, no flags of one byte, no single values."""
    return (
        variable.dtype[:3] in ("flo", "int", "uin") and variable.dtype not in ("int8", "uint8") and variable.shape != ()
    )


def _is_time_unit(units: str) -> bool:
    return " since " in units.lower()


def _licence(entry: Entry, text: str) -> Iterator[Proposal]:
    """Licence of the family of Creative Commons in a free text."""
    short, long = _CREATIVE.search(text), _CREATIVE_WORDS.search(text)
    found = short or long
    if entry.license != NO_LICENCE or found is None:
        return
    if short:
        value = f"CC-{short[1].upper()}-{short[2]}"
    else:
        more = "".join(f"-{part.upper()}" for part in ("nc", "sa", "nd") if found[part])
        value = f"CC-BY{more}-{found['version']}"
    if not unknown_licences(value):
        yield Proposal(entry.id, "", "license", value, 0.9, f"the file says {found[0]!r}")


def _names(entry: str, name: str, variable: Variable) -> Iterator[Proposal]:
    """The best name of the vocabulary, if one fits."""
    by_name = cf.canonical_names(name, {})
    by_words = cf.match_words(variable.long_name) if variable.long_name else set()
    both = [candidate for candidate in by_name if candidate in by_words]
    candidates = both or [*by_name[:1], *(sorted(by_words) if len(by_words) == 1 else [])]
    terms = {term.canonical_name: term for term in cf.vocabulary()}
    ranked = []
    for candidate in candidates:
        fits = _fits(variable.units, terms[candidate].units) if candidate in terms else None
        if fits is False:
            continue
        signs = [f"the name {name!r}"] if candidate in by_name else []
        signs += [f"the long name {variable.long_name!r:.60}"] if candidate in by_words else []
        signs += [f"the units {variable.units!r}"] if fits else []
        alone = 0.5 if candidate in by_name else 0.4
        ranked.append((min(0.95, alone + 0.25 * (len(signs) - 1)), candidate, " and ".join(signs)))
    if ranked:
        confidence, candidate, reason = max(ranked, key=lambda one: (one[0], one[1]))
        yield Proposal(entry, name, "canonical_name", candidate, round(confidence, 2), reason)


def _fits(units: str, usual: str) -> bool | None:
    """Whether units are of the quantity that a name has; None if nothing can be said."""
    found, need = find_unit(units), find_unit(usual)
    if found is None or need is None:
        return None
    return _quantity(found) == _quantity(need)


def _quantity(unit: Unit) -> str:
    """Quantity of a unit; practical salinity is written as a ratio too."""
    return "ratio" if unit.symbol in _NUMBERS or unit.quantity == "practical salinity" else unit.quantity


def _units(entry: str, name: str, hint: str, meant: str) -> Iterator[Proposal]:
    """Units that a misspelt attribute gives, or that a quantity usually has."""
    unit = find_unit(hint) if hint else None
    if unit is not None:
        yield Proposal(entry, name, "units", unit.symbol, 0.9, f"another attribute says {hint!r}")
        return
    usual = {term.canonical_name: term.units for term in cf.vocabulary()}.get(meant, "")
    if usual:
        yield Proposal(entry, name, "units", usual, 0.3, f"the usual unit of {meant}; look at the values")


def _mended_units(entry: str, name: str, units: str) -> Iterator[Proposal]:
    """Known spelling that is nearest to one that is not known."""
    from oceandata.cf._tables import load_table

    spellings = [str(text) for row in load_table("units.yaml") for text in (row["symbol"], *row["names"])]
    near = closest(units, spellings, limit=1)
    if near.startswith("Close:"):
        spelling = near.removeprefix("Close: '").removesuffix("'.")
        unit = find_unit(spelling)
        if unit is not None:
            reason = f"{units!r} is no known unit, {spelling!r} is the nearest"
            yield Proposal(entry, name, "units", unit.symbol, 0.4, reason)
