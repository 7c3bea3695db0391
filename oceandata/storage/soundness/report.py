"""What an inspection says of one file: findings, and the header they were read from."""

import dataclasses
import os
from typing import Any, Literal

__all__ = ["SEVERITIES", "Finding", "Severity", "SoundnessReport", "VariableSummary"]

Severity = Literal["note", "warning", "error"]

#: From harmless to harmful.
SEVERITIES: tuple[Severity, ...] = ("note", "warning", "error")


@dataclasses.dataclass(frozen=True)
class Finding:
    """
    One thing that is not as it should be.

    Attributes
    ----------
    severity : {"note", "warning", "error"}
        A note is worth knowing, a warning makes results doubtful, an error makes the file unusable as it is.
    code : str
        Stable word for programs, such as ``truncated``.
    where : str
        Variable (``time``) or attribute (``time:units``, ``:title``); empty for the whole file.
    message : str
        One sentence on what is wrong and one on what to do.
    repair : str
        How `open_sound` mends it; empty if it does not.
    """

    severity: Severity
    code: str
    where: str
    message: str
    repair: str = ""


@dataclasses.dataclass(frozen=True)
class VariableSummary:
    """
    A variable as the header declares it.

    Attributes
    ----------
    dimensions : tuple of str
        Names of its dimensions.
    shape : tuple of int
        Size along each of them.
    dtype : str
        Stored NumPy type, or the name of a user-defined type.
    units, standard_name : str
        Attributes; empty if the file does not have them.
    """

    dimensions: tuple[str, ...]
    shape: tuple[int, ...]
    dtype: str
    units: str = ""
    standard_name: str = ""


@dataclasses.dataclass(frozen=True)
class SoundnessReport:
    """
    What one file is, and what is wrong with it.

    Attributes
    ----------
    path : str
        The file as it was given; bytes of its name that are not UTF-8 are surrogates, as `os.fsdecode` gives them.
    nbytes : int
        Size in the file system; of a Zarr store the sum over its metadata files only.
    file_format : str
        Found from the first bytes, never from the name: ``netCDF-3 classic``, ``netCDF-4/HDF5``, ``HTML`` and so on.
    dimensions : dict of str to int
        Sizes, of the root group and, with their path in front, of the groups below it.
    variables : dict of str to VariableSummary
        Variables by name; those in groups with their path in front.
    findings : tuple of Finding
        Worst first.
    deep : bool
        Whether values were sampled.
    """

    path: str
    nbytes: int
    file_format: str
    dimensions: dict[str, int]
    variables: dict[str, VariableSummary]
    findings: tuple[Finding, ...]
    deep: bool = False

    @property
    def severity(self) -> str:
        """Worst severity of the findings; empty if there are none."""
        return max((finding.severity for finding in self.findings), key=SEVERITIES.index, default="")

    def to_json(self) -> dict[str, Any]:
        """
        JSON form.

        Returns
        -------
        dict
            Only JSON types; bytes of the path that are not UTF-8 are written as ``\\xNN``.
        """
        document = dataclasses.asdict(self)
        document["path"] = os.fsencode(self.path).decode("utf-8", "backslashreplace")
        document["findings"] = [dataclasses.asdict(finding) for finding in self.findings]
        for variable in document["variables"].values():
            variable.update(dimensions=list(variable["dimensions"]), shape=list(variable["shape"]))
        return {**document, "severity": self.severity}
