"""Ids of entries: from the names of the files, the same at each scan, never one that is taken."""

import hashlib
import itertools
import os
import re
from collections.abc import Collection, Sequence
from pathlib import PurePath

from oceandata.entities import RESERVED_NAMES

__all__ = ["common_stem", "entry_ids"]

_LONGEST = 100


def common_stem(paths: Sequence[str]) -> str:
    """
    What the names of files have in common, without numbers at the end; of one file its name.

    Parameters
    ----------
    paths : sequence of str
        At least one path.

    Returns
    -------
    str
        Without suffix; the name of the folder if the files have nothing in common.

    Examples
    --------
    >>> common_stem(["a/tos_185001-194912.nc", "a/tos_195001-201412.nc"])
    'tos'
    >>> common_stem(["holdings/sst/20240101.nc", "holdings/sst/20240102.nc"])
    'sst'
    """
    stems = [PurePath(path).name.removesuffix(PurePath(path).suffix) for path in paths]
    if len(stems) == 1:
        return stems[0]
    parts = [[part for part in re.split(r"[_.\- ]+", stem) if part] for stem in stems]
    shared = [words[0] for words in zip(*parts, strict=False) if len(set(words)) == 1]
    stem = "_".join(shared) or re.sub(r"[_\W\d]+$", "", _beginning(stems))
    return stem if re.search(r"[^\W\d_]", stem) else _folder_name(paths)


def _beginning(texts: Sequence[str]) -> str:
    """Signs that all texts begin with."""
    same = itertools.takewhile(lambda signs: len(set(signs)) == 1, zip(*texts, strict=False))
    return "".join(signs[0] for signs in same)


def _folder_name(paths: Sequence[str]) -> str:
    return PurePath(os.path.commonpath([PurePath(path).parent for path in paths])).name or "dataset"


def _slug(text: str) -> str:
    """Text as an id; empty if nothing of it can be in one."""
    words = re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")
    if words and not words[0].isalpha():
        words = f"d_{words}"
    return words[:_LONGEST].rstrip("_")


def entry_ids(datasets: Sequence[tuple[str, Sequence[str]]], *, taken: Collection[str] = ()) -> list[str]:
    """
    One id for each dataset.

    Datasets of the same name take the names of their folders before it, as many as it needs; what still is the same,
    or cannot be written in Latin letters, ends in a digest of its paths.

    Parameters
    ----------
    datasets : sequence of (str, sequence of str)
        Name of each dataset, and its paths.
    taken : collection of str
        Ids that cannot be given.

    Returns
    -------
    list of str
        In the order of the datasets; the same whatever the order.

    Examples
    --------
    >>> entry_ids([("tos", ["a/x/tos.nc"]), ("tos", ["a/y/tos.nc"]), ("SSH 2", ["a/ssh.nc"])])
    ['x_tos', 'y_tos', 'ssh_2']
    """
    ids: dict[int, str] = {}
    left = list(range(len(datasets)))
    used = set(taken) | RESERVED_NAMES
    deepest = max((len(PurePath(paths[0]).parts) for _, paths in datasets), default=0)
    for depth in range(min(deepest, 4)):
        wanted: dict[str, list[int]] = {}
        for number in left:
            wanted.setdefault(_candidate(*datasets[number], depth), []).append(number)
        for name, numbers in wanted.items():
            if name and len(numbers) == 1 and name not in used:
                ids[numbers[0]] = name
        used |= set(ids.values()) | set(wanted)
        left = [number for number in left if number not in ids]
    for number in left:
        name, paths = datasets[number]
        digest = hashlib.sha256("\n".join(paths).encode("utf-8", "backslashreplace")).hexdigest()
        ids[number] = f"{_slug(name) or 'dataset'}_{digest[:8]}"
    return [ids[number] for number in range(len(datasets))]


def _candidate(name: str, paths: Sequence[str], depth: int) -> str:
    """Id with the names of some folders before it."""
    slug = _slug(name)
    if not slug:
        return ""
    folders = PurePath(paths[0]).parent.parts[1:]
    before = [_slug(folder) for folder in folders[len(folders) - depth :]] if depth else []
    return _slug("_".join([*filter(None, before), slug]))
