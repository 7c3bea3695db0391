"""Errors of the libraries below, raised for damaged bytes, as `CorruptionError` with the repository's name."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from types import TracebackType

from oceandata.errors import CorruptionError, OceanDataError

__all__ = ["name_undecodable", "name_unreadable"]

# Modules that decode stored bytes.
_CODECS = ("zarr.codecs", "numcodecs")


def _first_line(error: BaseException) -> str:
    """What a library says, without its own stack and its bullet."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0].lstrip("x×| ").rstrip(" .")


@contextmanager
def name_unreadable(key: str, repository: str) -> Iterator[None]:
    """
    Say of an object that the repository's own store cannot serve that it is damaged.

    Parameters
    ----------
    key : str
        What is read in the block.
    repository : str
        Where.

    Yields
    ------
    None
        Read inside the block.

    Raises
    ------
    CorruptionError
        If Icechunk cannot serve it.
    """
    try:
        yield
    except Exception as error:
        import icechunk

        if not isinstance(error, icechunk.IcechunkError):
            raise
        kind = "metadata" if key.endswith("zarr.json") else "chunk"
        msg = f"{kind} {key} of {repository} cannot be read: {_first_line(error)}. Run 'oceandata verify {repository}'."
        raise CorruptionError(msg) from error


def _is_of_decoding(traceback: TracebackType | None) -> bool:
    """Whether an error came out of a codec's function that decodes."""
    while traceback is not None:
        frame = traceback.tb_frame
        module, function = str(frame.f_globals.get("__name__", "")), frame.f_code.co_name
        if module.startswith(_CODECS) and "decode" in function:
            return True
        traceback = traceback.tb_next
    return False


def _decoding_error(error: BaseException | None) -> BaseException | None:
    """Error of a codec among an error and its causes, None if no codec is to blame."""
    while error is not None:
        if _is_of_decoding(error.__traceback__):
            return error
        error = error.__cause__ or error.__context__
    return None


@contextmanager
def name_undecodable(repositories: Iterable[str]) -> Iterator[None]:
    """
    Say of stored bytes that a codec cannot decode that they are damaged.

    Any other error, also one of the caller's own arithmetic, passes as it is.

    Parameters
    ----------
    repositories : iterable of str
        What is read in the block.

    Yields
    ------
    None
        Decode inside the block.

    Raises
    ------
    CorruptionError
        If a codec fails; the codec does not know which chunk it was given, verification finds it.
    """
    try:
        yield
    except (OceanDataError, MemoryError):
        raise
    except Exception as error:
        cause = _decoding_error(error)
        places = sorted(set(repositories))
        if cause is None or not places:
            raise
        commands = " and ".join(f"'oceandata verify {place}'" for place in places)
        msg = (
            f"a chunk of {' or '.join(places)} cannot be decoded: {_first_line(cause)}. "
            f"Run {commands}, which names the chunk."
        )
        raise CorruptionError(msg) from error
