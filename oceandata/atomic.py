"""Files that appear whole or not at all."""

import contextlib
import os
import uuid
from collections.abc import Iterator
from pathlib import Path

__all__ = ["replacing", "write_text"]


@contextlib.contextmanager
def replacing(path: Path, *, sync: bool = False) -> Iterator[Path]:
    """
    File to write beside a path, whose place it takes at the end of the ``with`` block.

    After an error in the block the file is gone and the path holds what it held. Writers at the same time use
    different files; the last one stays.

    Parameters
    ----------
    path : pathlib.Path
        Where the file shall appear; its folder exists, an existing file is replaced.
    sync : bool
        Whether to wait until the file and its name are on the disk.

    Yields
    ------
    pathlib.Path
        A hidden name in the same folder, whose ending ``.new`` no search for files of the path's kind finds.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with replacing(Path(folder, "depths.txt")) as beside:
    ...         _ = beside.write_text("10 20 30")
    ...     [file.name for file in Path(folder).iterdir()]
    ['depths.txt']
    """
    beside = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.new")
    try:
        yield beside
        if sync:
            _sync(beside, os.O_RDWR)
        beside.replace(path)
    finally:
        with contextlib.suppress(OSError):  # a folder that is gone or no longer writable hides no other error
            beside.unlink(missing_ok=True)
    if sync:
        with contextlib.suppress(OSError):  # a folder cannot be synced on every system
            _sync(path.parent, os.O_RDONLY)


def _sync(path: Path, flags: int) -> None:
    """Wait until a file or the names of a folder are on the disk."""
    handle = os.open(path, flags)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_text(path: Path, text: str, *, sync: bool = False) -> Path:
    """
    Write a text file in UTF-8 with line feeds, whole or not at all.

    Parameters
    ----------
    path : pathlib.Path
        Where; an existing file is replaced.
    text : str
        Its content.
    sync : bool
        Whether to wait until it is on the disk.

    Returns
    -------
    pathlib.Path
        The file.
    """
    with replacing(path, sync=sync) as beside:
        beside.write_text(text, encoding="utf-8", newline="\n")
    return path
