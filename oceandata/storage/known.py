"""What this session knows of files that record no revision: the catalogue's entries through which they were opened."""

import os
import threading
from collections.abc import Iterable
from pathlib import Path

from oceandata.entities import Origin

__all__ = ["known_origins", "remember_origin"]

_lock = threading.Lock()
_origins: dict[str, list[Origin]] = {}


def _canonical(path: str | os.PathLike[str]) -> str:
    return str(Path(path).absolute())


def remember_origin(paths: Iterable[str | os.PathLike[str]], origin: Origin) -> None:
    """
    Remember through which entry files were opened.

    Parameters
    ----------
    paths : iterable of path
        The files.
    origin : Origin
        Entry, product, licence and attribution.
    """
    with _lock:
        for path in paths:
            known = _origins.setdefault(_canonical(path), [])
            if origin not in known:
                known.append(origin)


def known_origins(path: str | os.PathLike[str]) -> list[Origin]:
    """
    Entries through which a file was opened in this session.

    Parameters
    ----------
    path : path
        The file.

    Returns
    -------
    list of Origin
        In the order in which it was opened; empty if it was opened by other means.
    """
    with _lock:
        return list(_origins.get(_canonical(path), []))
