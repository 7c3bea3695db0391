"""
Every error of oceandata, grouped by what a caller can do about it.

::

    OceanDataError
    ├── InputError (ValueError)        the call or a document is wrong: change it
    │   ├── UnitsError                 a unit is missing, unknown or of another quantity
    │   ├── RegionError                a box, period or depth range cannot be used as given
    │   ├── DocumentError              a YAML or JSON document has faults (all of them are listed)
    │   └── SchemaMismatch             files, or a file and a repository, do not fit together
    ├── NotFoundError (LookupError)    a name, file or revision is not there: look at the candidates
    ├── UnsoundFileError (OSError)     a file is not what it claims: mend or fetch it again
    ├── CorruptionError (OSError)      stored bytes differ from what was recorded
    ├── AccessError (PermissionError)  a store refuses the keys it was given: change them
    ├── UnreachableError (ConnectionError)        a server does not answer: try again when it does
    ├── RepositoryExistsError (FileExistsError)   writing would change what is there
    ├── MemoryBudgetError (MemoryError)           the work does not fit: another chunking would
    └── MissingExtraError (ImportError)           an optional part is not installed

A message says what is wrong, what was given and what is needed, and what to do next. Every class also is a builtin,
pickles across Dask workers, and prints its line breaks (a plain ``KeyError`` would not).
"""

__all__ = [
    "AccessError",
    "CorruptionError",
    "DocumentError",
    "InputError",
    "MemoryBudgetError",
    "MissingExtraError",
    "NotFoundError",
    "OceanDataError",
    "OceanDataWarning",
    "RegionError",
    "RepositoryExistsError",
    "SchemaMismatch",
    "UnitsError",
    "UnreachableError",
    "UnsoundFileError",
    "closest",
]


class OceanDataError(Exception):
    """Base of every error raised on purpose by oceandata."""

    def __str__(self) -> str:
        return "\n".join(str(arg) for arg in self.args)

    def __reduce__(self) -> tuple[type, tuple[object, ...], dict[str, object]]:
        """Class, arguments and attributes: Dask's own way of pickling errors cannot rebuild a kind of MemoryError."""
        return type(self), self.args, self.__dict__


class InputError(OceanDataError, ValueError):
    """The call, or a document, is wrong as given."""


class UnitsError(InputError):
    """A unit is missing, unknown, or belongs to another quantity."""


class RegionError(InputError):
    """A box, period or depth range cannot be used as given."""


class DocumentError(InputError):
    """A document has faults; the message lists all of them with file and line."""


class SchemaMismatch(InputError):
    """Files, or a file and a repository, do not fit together; the message names the differences."""


class NotFoundError(OceanDataError, LookupError):
    """A name, file or revision is not there; the message names the nearest ones."""


class UnsoundFileError(OceanDataError, OSError):
    """A file is not what it claims to be."""


class CorruptionError(OceanDataError, OSError):
    """Stored bytes differ from what was recorded when they were written."""


class AccessError(OceanDataError, PermissionError):
    """A store refuses access with the keys it was given, or keys are missing."""


class UnreachableError(OceanDataError, ConnectionError):
    """A server cannot be reached, or does not answer in time; what was finished before stays finished."""


class RepositoryExistsError(OceanDataError, FileExistsError):
    """Writing would change what is already there."""


class MemoryBudgetError(OceanDataError, MemoryError):
    """The work does not fit the memory budget; the message names a chunking that does."""


class MissingExtraError(OceanDataError, ImportError):
    """An optional part of oceandata is not installed; the message names the extra."""


class OceanDataWarning(UserWarning):
    """A result is right but not all of what was asked for; the message says what is missing."""


def closest(name: str, candidates: list[str], *, limit: int = 3) -> str:
    """
    Sentence with the candidates most like a name that was not found.

    Case is ignored. When nothing is alike, the first candidates are listed instead; no candidates give an empty
    string.

    Parameters
    ----------
    name : str
        What was asked for.
    candidates : list of str
        What there is.
    limit : int
        Number of candidates to name at most.

    Returns
    -------
    str
        ``"Close: 'a', 'b'."``, ``"There is: 'a', 'b', … (214 in all)."`` or ``""``.

    Examples
    --------
    >>> closest("sts", ["sst", "salinity"])
    "Close: 'sst'."
    """
    from difflib import get_close_matches

    folded = {candidate.casefold(): candidate for candidate in candidates}
    near = [folded[match] for match in get_close_matches(name.casefold(), list(folded), n=limit, cutoff=0.6)]
    if near:
        return "Close: " + ", ".join(repr(candidate) for candidate in near) + "."
    if not candidates:
        return ""
    shown = ", ".join(repr(candidate) for candidate in candidates[: 2 * limit])
    rest = f", … ({len(candidates)} in all)" if len(candidates) > 2 * limit else ""
    return f"There is: {shown}{rest}."
