"""Faults of a document: what is wrong, in which file and line."""

import dataclasses
from pathlib import Path
from typing import Literal

from oceandata.errors import NotFoundError, closest

__all__ = ["Fault", "fault_report", "require_file"]


@dataclasses.dataclass(frozen=True, order=True)
class Fault:
    """
    One thing that is wrong, or owed, in a file.

    Attributes
    ----------
    file : str
        Path of the file, as it was given.
    line : int
        Line of the value, or of the nearest value around it that is there; the first line is 1.
    message : str
        What is wrong and what to do.
    severity : str
        ``"error"`` if the file cannot be opened because of it, ``"warning"`` if it can.
    """

    file: str
    line: int
    message: str
    severity: Literal["error", "warning"] = "error"

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.severity}: {self.message}"


def fault_report(file: str, faults: list[Fault]) -> str:
    """
    Message of an error that lists every fault of a file.

    Parameters
    ----------
    file : str
        Path of the file, as it was given.
    faults : list of Fault
        What is wrong in it.

    Returns
    -------
    str
        One line with the count, then one line for each fault with file and line.

    Examples
    --------
    >>> print(fault_report("sst.yaml", [Fault("sst.yaml", 3, "version is 1, need 2.")]))
    sst.yaml has 1 fault:
      sst.yaml:3: version is 1, need 2.
    """
    count = f"{len(faults)} fault{'s' if len(faults) > 1 else ''}"
    lines = [f"  {fault.file}:{fault.line}: {fault.message}" for fault in faults]
    return "\n".join([f"{file} has {count}:", *lines])


def require_file(path: Path, *, kind: str) -> None:
    """
    Refuse a path that is not a file, naming the nearest files of its folder.

    Parameters
    ----------
    path : pathlib.Path
        Where the file should be.
    kind : str
        What the file should be, for the message: ``"catalogue"``, ``"overlay"``.

    Raises
    ------
    NotFoundError
        If there is no file at `path`.
    """
    if path.is_file():
        return
    if path.is_dir():
        near = sorted(file.name for file in path.iterdir() if file.suffix in (".yaml", ".yml"))
        there = closest(path.name, near) or "There is no YAML file in it."
        msg = f"{path} is a folder, need the YAML file of the {kind}. {there}"
    elif path.parent.is_dir():
        near = sorted(file.name for file in path.parent.iterdir() if file.suffix in (".yaml", ".yml"))
        there = closest(path.name, near) or "There is no YAML file in its folder."
        msg = f"no {kind} at {path}. {there}"
    else:
        msg = f"no {kind} at {path}: its folder {path.parent} does not exist. Check the path."
    raise NotFoundError(msg)
