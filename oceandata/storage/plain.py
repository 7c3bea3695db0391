"""Plain Zarr, version 2 or 3, read only: a local folder, one in an object store, or one that a web server serves."""

import functools
import importlib.util
import json
import os
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from oceandata.entities import Origin
from oceandata.errors import InputError, MissingExtraError, NotFoundError
from oceandata.storage.counting import CountingStore
from oceandata.storage.credentials import Profile, read_profile, require_keys
from oceandata.storage.remote import PATIENCE, RemoteStore, Server, check_answers
from oceandata.storage.urls import bucket_place, canonical_url, url_scheme, web_url

if TYPE_CHECKING:
    from zarr.abc.store import Store

__all__ = ["has_consolidated", "is_plain_zarr", "object_folder", "open_zarr_store", "web_server"]

# Names of the documents that make a folder a group of Zarr, version 3 and version 2.
_GROUPS = ("zarr.json", ".zgroup", ".zmetadata")


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


def is_plain_zarr(folder: str | os.PathLike[str]) -> bool:
    """
    Tell whether a local folder is the root of plain Zarr.

    Parameters
    ----------
    folder : path
        Any path.

    Returns
    -------
    bool
        True if it holds the metadata of a Zarr group, version 2 or 3.
    """
    return any((Path(folder) / name).is_file() for name in _GROUPS)


def _require_obstore(what: str) -> None:
    """Refuse what needs obstore where it is not installed."""
    if importlib.util.find_spec("obstore") is None:
        msg = f"{what} needs obstore. Install the extra: pip install 'oceandata-exchange[s3]'."
        raise MissingExtraError(msg)


def _limits(profile: Profile, timeout_s: float) -> dict[str, Any]:
    """Patience of a client, and how often it tries."""
    whole = timedelta(seconds=PATIENCE * timeout_s)
    options: dict[str, Any] = {"connect_timeout": timedelta(seconds=timeout_s), "timeout": whole}
    return {"client_options": options, "retry_config": {"max_retries": profile.tries - 1, "retry_timeout": whole}}


@functools.lru_cache(maxsize=64)
def _open_web(url: str) -> "tuple[Store, Server]":
    """Zarr store on a web server."""
    _require_obstore("reading Zarr over https://")
    from obstore.store import HTTPStore
    from zarr.storage import ObjectStore

    server = web_server(url)
    limits: Any = _limits(Profile(), server.timeout_s)
    if server.url.startswith("http://"):
        limits["client_options"]["allow_http"] = True
    return ObjectStore(HTTPStore.from_url(server.url, **limits), read_only=True), server


def object_folder(url: str | os.PathLike[str]) -> "tuple[Any, Server]":
    """
    Folder of an object store, to list and to read.

    Parameters
    ----------
    url : str
        ``s3://bucket/prefix``, with ``?profile=name`` or without.

    Returns
    -------
    tuple of obstore.store.S3Store and Server
        The folder, and the server to wait for. Without a profile the keys are those of the ``AWS_*`` variables or of
        the machine; ``~/.aws`` is not read.

    Raises
    ------
    MissingExtraError
        If obstore is not installed.
    NotFoundError, DocumentError, AccessError
        If the profile cannot be used.
    """
    _require_obstore("reading plain Zarr over s3://")
    from obstore.store import S3Store

    place, profile = bucket_place(url), read_profile(url)
    keys = require_keys(profile)
    config: Any = {"region": profile.signing_region}
    if not profile.is_aws:
        config["endpoint"] = profile.server
    if profile.anonymous:
        config["skip_signature"] = True
    elif keys is not None:
        config |= {"access_key_id": keys.access, "secret_access_key": keys.secret}
    config["virtual_hosted_style_request"] = not profile.has_bucket_in_path
    limits: Any = _limits(profile, profile.timeout_s)
    if profile.server.startswith("http://"):
        limits["client_options"]["allow_http"] = True
    store = S3Store(place.bucket, prefix=place.prefix or None, config=config, **limits)
    sign = f"{profile.server}/{place.bucket}"
    return store, Server(canonical_url(url), sign, profile.advice, profile.timeout_s)


@functools.lru_cache(maxsize=64)
def _open_objects(url: str) -> "tuple[Store, Server]":
    """Zarr store in an object store."""
    from zarr.storage import ObjectStore

    folder, server = object_folder(url)
    return ObjectStore(folder, read_only=True), server


def _open_remote(url: str) -> "tuple[Store, Server]":
    return _open_objects(url) if url_scheme(url) == "s3" else _open_web(url)


def _reopened(url: str, _snapshot: str) -> "tuple[Store, Server]":
    """Store that another process had open."""
    return _open_remote(url)


def _json(store: "Store", key: str) -> dict[str, Any] | None:
    """JSON object of a store, None if there is none or something else is served in its place."""
    from zarr.core.buffer import default_buffer_prototype
    from zarr.core.sync import sync

    buffer = sync(store.get(key.lstrip("/"), default_buffer_prototype()))
    try:
        document = {} if buffer is None else json.loads(buffer.to_bytes())
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def _group(store: "Store", group: str) -> dict[str, Any] | None:
    """What a group of plain Zarr says of itself, with ``consolidated_metadata`` if it has; None if there is none."""
    third = _json(store, f"{group}/zarr.json")
    if third and third.get("zarr_format") == 3 and third.get("node_type", "group") == "group":
        return third
    second = _json(store, f"{group}/.zmetadata")
    if second and isinstance(second.get("metadata"), dict):
        return {"zarr_format": 2, "consolidated_metadata": second["metadata"]}
    second = _json(store, f"{group}/.zgroup")
    return second if second and second.get("zarr_format") == 2 else None


def open_zarr_store(url: str | os.PathLike[str], *, group: str = "", origin: Origin | None = None) -> CountingStore:
    """
    Open plain Zarr as a read-only store that counts what it serves.

    Plain Zarr has no revisions: its origin names the URL, and no snapshot. Nothing tells whether it is whole.

    Parameters
    ----------
    url : str or path
        A local folder, ``s3://`` or ``https://`` (both need the extra ``s3``).
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
        If there is no group of Zarr version 2 or 3.
    InputError
        If it is on the web and its metadata are not consolidated, because a web server lists nothing.
    UnreachableError, AccessError
        If a server does not answer, or refuses access.
    MissingExtraError
        If it is on the web or in an object store, and obstore is not installed.
    """
    place = canonical_url(url)
    scheme = url_scheme(url)
    store: Store
    if scheme == "file":
        from zarr.storage import LocalStore

        store = LocalStore(place, read_only=True)
    else:
        opened = _open_remote(place)
        check_answers(opened[1])
        store = RemoteStore(place, "", _reopened, opened=opened)
    top = _group(store, "")
    if top is None:
        later = _REPOSITORIES_ON_THE_WEB if scheme in ("http", "https") else ""
        msg = (
            f"there is no group of Zarr version 2 or 3 at {place} (no zarr.json, .zmetadata or .zgroup). "
            f"Check the address.{later}"
        )
        raise NotFoundError(msg)
    if scheme in ("http", "https") and not top.get("consolidated_metadata"):
        msg = (
            f"the Zarr at {place} has no consolidated metadata, which reading over the web needs. Consolidate it first."
        )
        raise InputError(msg)
    has_group = bool(group) and _group(store, group) is not None
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
        True for plain Zarr on the web, which cannot be listed, and for plain Zarr in an object store that has them,
        because each other document would be a request; on a disk consolidated metadata may be out of date.
    """
    below = store.uncounted
    if not isinstance(below, RemoteStore) or store.origin.snapshot:
        return False
    if url_scheme(below.url) != "s3":
        return True
    group = _group(below, store.origin.group)
    return bool(group and group.get("consolidated_metadata"))
