"""Plain Zarr version 3, read only: a local folder, or one that a web server serves."""

import functools
import importlib.util
import json
import os
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from oceandata.entities import Origin
from oceandata.errors import InputError, MissingExtraError, NotFoundError
from oceandata.storage.counting import CountingStore
from oceandata.storage.credentials import Profile
from oceandata.storage.remote import PATIENCE, RemoteStore, Server, check_answers
from oceandata.storage.urls import canonical_url, url_scheme, web_url

if TYPE_CHECKING:
    from zarr.abc.store import Store

__all__ = ["has_consolidated", "open_zarr_store", "web_server"]


def web_server(url: str | os.PathLike[str]) -> Server:
    """
    Server of a web address, as it is waited for.

    Parameters
    ----------
    url : str
        ``https://host/path``.

    Returns
    -------
    Server
        With the patience of a profile that sets none.

    Raises
    ------
    InputError
        If the address cannot be used.
    """
    address = web_url(url)
    return Server(address, address, "it is read without keys, so it has to be public", Profile().timeout_s)


_REPOSITORIES_ON_THE_WEB = " If it is a repository: reading one from the web needs Icechunk 2 (Python 3.12 or later)."


@functools.lru_cache(maxsize=64)
def _open_web(url: str) -> "tuple[Store, Server]":
    """Zarr store on a web server."""
    if importlib.util.find_spec("obstore") is None:
        msg = "reading Zarr over https:// needs obstore. Install the extra: pip install 'oceandata-exchange[s3]'."
        raise MissingExtraError(msg)
    from obstore.store import HTTPStore
    from zarr.storage import ObjectStore

    server = web_server(url)
    limits = timedelta(seconds=PATIENCE * server.timeout_s)
    options: Any = {"connect_timeout": timedelta(seconds=server.timeout_s), "timeout": limits}
    if server.url.startswith("http://"):
        options["allow_http"] = True
    retries: Any = {"max_retries": Profile().tries - 1, "retry_timeout": limits}
    web = HTTPStore.from_url(server.url, client_options=options, retry_config=retries)
    return ObjectStore(web, read_only=True), server


def _reopened(url: str, _snapshot: str) -> "tuple[Store, Server]":
    """Store that another process had open."""
    return _open_web(url)


def _document(store: "Store", group: str) -> dict[str, Any] | None:
    """The ``zarr.json`` of a group of plain Zarr, None if there is none or something else is served in its place."""
    from zarr.core.buffer import default_buffer_prototype
    from zarr.core.sync import sync

    buffer = sync(store.get(f"{group}/zarr.json".lstrip("/"), default_buffer_prototype()))
    try:
        document = {} if buffer is None else json.loads(buffer.to_bytes())
    except ValueError:
        return None
    return document if isinstance(document, dict) and document.get("zarr_format") == 3 else None


def open_zarr_store(url: str | os.PathLike[str], *, group: str = "", origin: Origin | None = None) -> CountingStore:
    """
    Open plain Zarr version 3 as a read-only store that counts what it serves.

    Plain Zarr has no revisions: its origin names the URL, and no snapshot. Nothing tells whether it is whole.

    Parameters
    ----------
    url : str or path
        A local folder, or ``https://`` (needs the extra ``s3``).
    group : str
        Group that will be read; the top one if there is none of this name. Recorded in the origin.
    origin : Origin, optional
        What is known of the product; the repository is filled in here.

    Returns
    -------
    CountingStore
        Read-only.

    Raises
    ------
    NotFoundError
        If there is no Zarr version 3.
    InputError
        If it is on the web and its metadata are not consolidated, because a web server lists nothing.
    UnreachableError, AccessError
        If a server does not answer, or refuses access.
    MissingExtraError
        If it is on the web, and obstore is not installed.
    """
    place = canonical_url(url)
    store: Store
    if url_scheme(url) == "file":
        from zarr.storage import LocalStore

        store = LocalStore(place, read_only=True)
    else:
        opened = _open_web(place)
        check_answers(opened[1])
        store = RemoteStore(place, "", _reopened, opened=opened)
    top = _document(store, "")
    if top is None:
        later = _REPOSITORIES_ON_THE_WEB if isinstance(store, RemoteStore) else ""
        msg = f"there is no Zarr version 3 at {place} (no zarr.json). Check the address.{later}"
        raise NotFoundError(msg)
    if isinstance(store, RemoteStore) and not top.get("consolidated_metadata"):
        msg = (
            f"the Zarr at {place} has no consolidated metadata, which reading over the web needs. Consolidate it first."
        )
        raise InputError(msg)
    has_group = bool(group) and _document(store, group) is not None
    known = origin or Origin(repository="")
    named = {"repository": place, "group": group if has_group else "", "revision": "", "snapshot": ""}
    return CountingStore(store, known.model_copy(update=named))


def has_consolidated(store: CountingStore) -> bool:
    """
    Tell whether a store is read by its consolidated metadata.

    Parameters
    ----------
    store : CountingStore
        From `open_store`.

    Returns
    -------
    bool
        True for plain Zarr on the web, which cannot be listed; elsewhere consolidated metadata may be out of date.
    """
    return isinstance(store.uncounted, RemoteStore) and not store.origin.snapshot
