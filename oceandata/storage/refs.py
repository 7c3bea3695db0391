"""
Refs of a local repository: what Icechunk leaves out without a word when it lists tags.

A tag whose file is empty or cut short is to Icechunk a tag that is not there. The files are looked at here.
"""

import json
import os
import re
from collections.abc import Iterable
from pathlib import Path

from oceandata.storage.urls import local_path, url_scheme

__all__ = ["find_tag_gaps", "find_unreadable_refs", "tag_path"]

# File of the tag of a revision that was given its number.
_NUMBERED = re.compile(r"refs/tag\.r([1-9]\d{0,5})/ref\.json")


def _fault(repository: Path, ref: Path) -> str:
    """What is wrong with the file of a ref; empty if nothing is."""
    try:
        snapshot = json.loads(ref.read_bytes())["snapshot"]
    except FileNotFoundError:
        return ""  # a branch that was dropped meanwhile
    except OSError as error:
        return f"cannot be read ({error.strerror})"
    except (ValueError, KeyError, TypeError):
        return "cannot be read: it is empty, cut short or overwritten"
    if not isinstance(snapshot, str) or not (repository / "snapshots" / snapshot).is_file():
        return f"points to a snapshot that is not there ({snapshot!r})"
    return ""


def find_unreadable_refs(url: str | os.PathLike[str]) -> dict[str, str]:
    """
    Tags and branches of a local repository whose file is damaged.

    Parameters
    ----------
    url : str or path
        The repository; in an object store nothing is looked at, because it writes a file whole or not at all.

    Returns
    -------
    dict of str to str
        What is wrong, by the path of the file inside the repository.
    """
    if url_scheme(url) != "file":
        return {}
    repository = local_path(url)
    found = {}
    for ref in sorted(repository.glob("refs/*/ref.json")):
        fault = "" if ref.with_name("ref.json.deleted").exists() else _fault(repository, ref)
        if fault:
            found[ref.relative_to(repository).as_posix()] = fault
    return found


def tag_path(tag: str) -> str:
    """Path of a tag's file inside its repository."""
    return f"refs/tag.{tag}/ref.json"


def find_tag_gaps(tags: Iterable[str], *, damaged: Iterable[str] = ()) -> list[str]:
    """
    Revisions r1, r2, … that are missing among those there are.

    Parameters
    ----------
    tags : iterable of str
        Tags of a repository; those of another form than ``r`` and a number do not count.
    damaged : iterable of str
        From `find_unreadable_refs`: what is named there already is no gap.

    Returns
    -------
    list of str
        In order; empty if none is missing below the largest.

    Examples
    --------
    >>> find_tag_gaps(["r1", "r4", "final"])
    ['r2', 'r3']
    """
    matches = map(_NUMBERED.fullmatch, [*map(tag_path, tags), *damaged])
    numbers = {int(match[1]) for match in matches if match}
    return [f"r{number}" for number in range(1, max(numbers, default=0)) if number not in numbers]
