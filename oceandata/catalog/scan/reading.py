"""What a file or store holds, or why it holds nothing of use; a bad one never stops a scan."""

from collections.abc import Iterator
from typing import Any

from oceandata.catalog.scan.facts import PlaceFacts, describe_dataset
from oceandata.catalog.scan.memory import Seen
from oceandata.catalog.scan.walking import Place, Reject, ends_digest, shown_path
from oceandata.errors import MissingExtraError, OceanDataError

__all__ = ["read_place"]

# How deep groups of a Zarr store are looked for.
_DEEPEST = 4


def read_place(place: Place) -> Seen:
    """
    Read what a NetCDF file or a Zarr store says of itself.

    Parameters
    ----------
    place : Place
        The file or store.

    Returns
    -------
    Seen
        Facts of the file, or of each group of the store that holds arrays; or the reason why there are none.

    Raises
    ------
    MissingExtraError
        If the place cannot be read without a part that is not installed.
    """
    from oceandata.storage.soundness.header import quiet

    try:
        with quiet():  # what xarray warns of is for those who open it
            facts = (_read_file(place),) if place.kind == "netcdf" else tuple(_read_store(place))
        usable = tuple(one for one in facts if one is not None)
    except MissingExtraError:
        raise
    except OceanDataError as error:
        return Seen((), _reject(place, "unsound", str(error)))
    except Exception as error:  # whatever a broken file makes a library do, the scan goes on
        return Seen((), _reject(place, "unreadable", f"It cannot be read ({type(error).__name__}: {error})."))
    if not usable:
        return Seen((), _reject(place, "no-variables", "It holds no variable where it is opened, at its root."))
    return Seen(usable, None)


def _reject(place: Place, code: str, reason: str) -> Reject:
    return Reject(shown_path(place.path), code, " ".join(reason.split())[:400])


def _read_file(place: Place) -> PlaceFacts | None:
    """Facts of a NetCDF file; None if its root is empty."""
    from oceandata.storage.files import open_file

    with open_file(place.path) as ds:
        if not ds.variables:
            return None
        return describe_dataset(ds, place.path, nbytes=place.nbytes, ends=ends_digest(place.path))


def _read_store(place: Place) -> Iterator[PlaceFacts]:
    """Facts of each group of a Zarr store that holds arrays."""
    from oceandata.storage import open_dataset, open_store
    from oceandata.storage.urls import canonical_url

    url = canonical_url(place.path)
    for group in _groups(open_store(url, plain=True).uncounted):
        with open_dataset(url, group=group, chunks=None, plain=True) as ds:
            yield describe_dataset(ds, url, group=group)


def _groups(store: Any) -> list[str]:
    """Groups that hold arrays themselves, in order of names."""
    import zarr

    found: list[str] = []

    def collect(group: Any, name: str, depth: int) -> None:
        """Look into a group, and those below it."""
        if next(iter(group.array_keys()), None) is not None:
            found.append(name)
        if depth < _DEEPEST:
            for key in sorted(group.group_keys()):
                collect(group[key], f"{name}/{key}".strip("/"), depth + 1)

    collect(zarr.open_group(store, mode="r"), "", 0)
    return found
