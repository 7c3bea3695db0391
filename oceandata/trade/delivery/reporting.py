"""What a check of a package found, for people and for scripts."""

import dataclasses
from typing import Any

from oceandata.options import get_options
from oceandata.trade.answers import said, said_each
from oceandata.trade.delivery.manifest import FileRecord, Manifest
from oceandata.trade.delivery.words import WORDS

__all__ = ["DeliveryReport", "Faults", "shown"]

# Faults that are named; of more only the number is told.
_NAMED_FAULTS = 200
_SHOWN = 12


def shown(text: str) -> str:
    """
    Text of somebody else as it is safe to print: what could move the cursor of a terminal is spelt out.

    Parameters
    ----------
    text : str
        A name, or a sentence with one in it.

    Returns
    -------
    str
        Printable characters only.

    Examples
    --------
    >>> shown("a\\x1b[2Jb")
    'a\\\\x1b[2Jb'
    """
    return "".join(one if one.isprintable() else ascii(one)[1:-1] for one in text)


@dataclasses.dataclass
class Faults:
    """
    Faults by the file they are in; of differing files what was expected and found, so that a swap is seen.

    Attributes
    ----------
    named : list of str
        What is wrong, in the order it was found.
    count : int
        How many faults there are.
    differing : list of (str, str, str)
        Path, digest that was expected, and digest that was found.
    """

    named: list[str] = dataclasses.field(default_factory=list)
    count: int = 0
    differing: list[tuple[str, str, str]] = dataclasses.field(default_factory=list)

    def add(self, fault: str) -> None:
        """Name a fault, or count it."""
        self.count += 1
        if len(self.named) < _NAMED_FAULTS:
            self.named.append(fault)

    def differs(self, record: FileRecord, sha256: str, nbytes: int) -> None:
        """A file whose bytes are others than listed."""
        self.count += 1
        if len(self.differing) < _NAMED_FAULTS:
            size = "" if nbytes == record.bytes else f", it has {nbytes} bytes or more, need {record.bytes}"
            self.differing.append((record.path, record.sha256, sha256))
            self.named.append(f"{record.path} differs from what was signed{size}")

    def told(self) -> tuple[str, ...]:
        """All that are named; two files that changed places are told as such."""
        found = {(need, got): path for path, need, got in self.differing}
        swapped = {path: found[got, need] for path, need, got in self.differing if (got, need) in found and got != need}
        lines = []
        for fault in self.named:
            path = fault.partition(" differs from ")[0]
            if path not in swapped:
                lines.append(fault)
            elif path < swapped[path]:
                lines.append(f"{path} and {swapped[path]} have changed places")
        return tuple(lines)


@dataclasses.dataclass(frozen=True)
class DeliveryReport:
    """
    What a package was shown to be.

    Attributes
    ----------
    path : str
        The package.
    manifest : Manifest or None
        What it says of itself; None if that cannot be read.
    signature : str
        ``pinned`` if a key that was given signed it; ``packaged`` if only the key in the package is known; ``none``.
    faults : tuple of str
        Everything that is wrong, by file.
    fault_count : int
        How many there are; more than are named, if there are very many.
    proved, unproved : tuple of str
        In words.
    files, nbytes : int
        Read.
    root : str
        Content root that the buyer gave; empty if none was given.
    """

    path: str
    manifest: Manifest | None
    signature: str
    faults: tuple[str, ...]
    fault_count: int
    proved: tuple[str, ...]
    unproved: tuple[str, ...]
    files: int
    nbytes: int
    root: str = ""

    @property
    def exit_code(self) -> int:
        """
        0 if a pinned key proves or, of a clipped package, attests it; 1 if anything is wrong; else 2.

        It is 2 for a package that is intact, but of an unknown signer, or clipped though a root was given: nothing
        links a clipped package to a root.

        Returns
        -------
        int
            The code.
        """
        if self.faults:
            return 1
        return 0 if self.signature == "pinned" and not (self.is_clipped and self.root) else 2

    @property
    def is_clipped(self) -> bool:
        """True if the data were encoded anew, so that the signature alone attests them."""
        return self.manifest is not None and self.manifest.mode == "clipped"

    @property
    def verdict(self) -> str:
        """One clause."""
        if self.faults:
            return f"NOT what was signed: {self.fault_count} fault{'s' if self.fault_count > 1 else ''}"
        if self.signature != "pinned":
            return "intact, signer unknown"
        if not self.is_clipped:
            return "proved"
        return "attested, not proven" + (": nothing links it to the root that you gave" if self.root else "")

    def to_json(self) -> dict[str, Any]:
        """JSON form."""
        plain = dataclasses.asdict(self) | {"manifest": self.manifest.to_json() if self.manifest else None}
        return plain | {"verdict": self.verdict, "exit_code": self.exit_code}

    def facts(self, language: str = "en") -> list[tuple[str, str]]:
        """
        Names and values for people.

        Parameters
        ----------
        language : {"en", "zh"}
            Of the words.

        Returns
        -------
        list of (str, str)
            The same facts in terminals and notebooks.
        """
        facts = [("package", self.path), ("verdict", self.verdict)]
        if self.manifest is not None:
            doubt = "" if self.signature == "pinned" and not self.faults else ", as it says itself"
            facts.append(("product", f"{self.manifest.product}, revision {self.manifest.revision}{doubt}"))
            facts.append(("entitlement", f"{self.manifest.entitlement}{doubt}"))
        facts += [("fault", one) for one in self.faults[:_SHOWN]]
        if self.fault_count > _SHOWN:
            facts.append(("fault", f"… {self.fault_count} in all"))
        facts += [("proved", one) for one in self.proved]
        facts += [("not proved", one) for one in self.unproved]
        return [
            (said(name, language, rows=WORDS), shown(value if name == "package" else _said(value, language)))
            for name, value in facts
        ]

    def __str__(self) -> str:
        return "\n".join(f"{name:<13}{value}" for name, value in self.facts())

    def _repr_html_(self) -> str:
        from oceandata import _html

        language = get_options().language
        title = "交付核验" if language == "zh" else "Verified delivery"
        return _html.facts(self.facts(language), title=title)


def _said(value: str, language: str) -> str:
    """A fact in a language; of several clauses each."""
    whole = said(value, language, rows=WORDS)
    return whole if whole != value else said_each(tuple(value.split("; ")), language, rows=WORDS)
