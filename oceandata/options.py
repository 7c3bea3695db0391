"""
Settings of a session: one frozen record, changed by `set_options`.

The only reader of ``OCEANDATA_*`` environment variables. Worker processes do not inherit what `set_options` changed
in another process; whatever runs elsewhere receives its settings as arguments.
"""

import dataclasses
import os
from collections.abc import Iterator
from contextlib import contextmanager

from oceandata.errors import InputError, closest

__all__ = ["Options", "get_options", "set_options"]


@dataclasses.dataclass(frozen=True)
class Options:
    """
    The settings and their defaults.

    Attributes
    ----------
    block_bytes : int
        Decoded size of a Dask block when a dataset is opened: whole storage chunks are merged up to it.
    memory_bytes : int
        Memory that the accumulators of one routine may take, over all partitions.
    progress : bool
        Show progress bars on long work.
    language : str
        ``"en"`` or ``"zh"``: the language of titles in lists and views.
    profiles : str
        File of the profiles that object stores are reached with; empty for ``~/.config/oceandata/profiles.yaml``.
        Workers of a cluster take it from the variable ``OCEANDATA_PROFILES``.
    virtual_prefixes : tuple of str
        Folders that virtual repositories may read files from, with all that is below them; in the environment
        separated as in ``PATH``. Empty for the folder that contains the repository.
    """

    block_bytes: int = 16_000_000
    memory_bytes: int = 4_000_000_000
    progress: bool = True
    language: str = "en"
    profiles: str = ""
    virtual_prefixes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in ("block_bytes", "memory_bytes"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                msg = f"option {name} is {value!r}, need a whole number of bytes above zero."
                raise InputError(msg)
        if not isinstance(self.progress, bool):
            msg = f"option progress is {self.progress!r}, need True or False."
            raise InputError(msg)
        if self.language not in ("en", "zh"):
            msg = f"option language is {self.language!r}, need 'en' or 'zh'."
            raise InputError(msg)
        prefixes = self.virtual_prefixes
        if not isinstance(prefixes, tuple) or not all(isinstance(one, str) and one for one in prefixes):
            msg = f"option virtual_prefixes is {prefixes!r}, need a tuple of folders such as ('/archive/sst',)."
            raise InputError(msg)


def _from_environment() -> Options:
    """Defaults, overridden by ``OCEANDATA_<NAME>`` variables."""
    changes: dict[str, int | bool | str | tuple[str, ...]] = {}
    for field in dataclasses.fields(Options):
        variable = f"OCEANDATA_{field.name.upper()}"
        text = os.environ.get(variable)
        if text is None:
            continue
        if field.type is bool:
            changes[field.name] = text.strip().lower() not in ("0", "false", "no", "off", "")
        elif field.type is int:
            try:
                changes[field.name] = int(float(text))
            except (ValueError, OverflowError):
                msg = f"environment variable {variable} is {text!r}, need a whole number."
                raise InputError(msg) from None
        elif field.name == "virtual_prefixes":
            changes[field.name] = tuple(part for part in text.split(os.pathsep) if part)
        else:
            changes[field.name] = text
    return Options(**changes)  # type: ignore[arg-type]


_current: list[Options] = []


def get_options() -> Options:
    """
    Settings in force now.

    Returns
    -------
    Options
        The defaults, changed by ``OCEANDATA_*`` variables and `set_options`.
    """
    if not _current:
        _current.append(_from_environment())
    return _current[-1]


@contextmanager
def _restored(previous: Options) -> Iterator[Options]:
    try:
        yield _current[-1]
    finally:
        _current[-1] = previous


def set_options(**changes: int | bool | str | tuple[str, ...]):  # type: ignore[no-untyped-def]
    """
    Change settings, for good or for the length of a ``with`` block.

    Parameters
    ----------
    **changes : int, bool, str or tuple of str
        Fields of `Options` with their new values.

    Returns
    -------
    context manager
        Restores the earlier settings when used in a ``with`` statement; otherwise ignore it.

    Raises
    ------
    InputError
        If a name is unknown or a value impossible.

    Examples
    --------
    >>> with set_options(block_bytes=1_000_000):
    ...     get_options().block_bytes
    1000000
    >>> get_options().block_bytes
    16000000
    """
    previous = get_options()
    names = [field.name for field in dataclasses.fields(Options)]
    for name in changes:
        if name not in names:
            msg = f"there is no option {name!r}. {closest(name, names)}"
            raise InputError(msg)
    _current[-1] = dataclasses.replace(previous, **changes)  # type: ignore[arg-type]
    return _restored(previous)
