"""
What a URL says: a local path, an object store's bucket and prefix, or a web address.

A URL never holds a secret. ``s3://bucket/prefix?profile=qdex`` names the profile to reach the bucket with
(`oceandata.storage.credentials`); whoever opens the URL resolves the name with the profiles of their own machine.
"""

import ipaddress
import os
import re
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

from oceandata.errors import InputError

__all__ = ["BucketPlace", "bucket_place", "canonical_url", "is_loopback", "local_path", "url_scheme", "web_url"]


class BucketPlace(NamedTuple):
    """Where in an object store: bucket, prefix without slashes at its ends, and the name of a profile or ``""``."""

    bucket: str
    prefix: str
    profile: str


def url_scheme(url: str | os.PathLike[str]) -> str:
    """
    Scheme of a URL.

    Parameters
    ----------
    url : str or path
        A plain path or a URL.

    Returns
    -------
    str
        Lower case; ``"file"`` for a plain path.

    Examples
    --------
    >>> url_scheme("data/sst"), url_scheme("S3://bucket/sst")
    ('file', 's3')
    """
    found = re.match(r"([A-Za-z][A-Za-z0-9+.-]*)://", os.fspath(url))
    return found[1].lower() if found else "file"


def _shown(text: str) -> str:
    """URL for a message: without its query and without a user and password, where secrets are put by mistake."""
    scheme, mark, rest = text.partition("://")
    if not mark:
        return repr(text)
    rest = rest.partition("?")[0]
    place, slash, path = rest.partition("/")
    return repr(f"{scheme}://{place.rpartition('@')[2]}{slash}{path}")


def local_path(url: str | os.PathLike[str]) -> Path:
    """
    Local path of a URL.

    A plain path is taken as it is written. After ``file://`` comes a path too: ``#`` and ``?`` belong to it, because a
    file has neither query nor fragment. ``%20`` and the like stand for the characters they encode, unless there is a
    file or folder of the name as it is written: Intake puts the folder of a catalogue into a URL without encoding it.

    Parameters
    ----------
    url : str or path
        A plain path, or a ``file://`` URL.

    Returns
    -------
    pathlib.Path
        Absolute path.

    Raises
    ------
    InputError
        If the URL has another scheme.

    Examples
    --------
    >>> local_path("file:///data/sst%20monthly").as_posix()
    '/data/sst monthly'
    """
    text = os.fspath(url)
    parts = urlsplit(text)
    if parts.scheme in ("", "file") and parts.netloc in ("", "localhost"):
        return (_file_path(text, parts.netloc) if parts.scheme else Path(text)).expanduser().absolute()
    msg = f"the store URL {_shown(text)} has the scheme {parts.scheme!r}, need a local path or file://."
    raise InputError(msg)


def _file_path(text: str, host: str) -> Path:
    """Path of a ``file:`` URL; as written if that exists, else decoded."""
    written = text.partition(":")[2].removeprefix(f"//{host}")
    decoded = unquote(written)
    return Path(written) if decoded != written and Path(written).exists() else Path(decoded)


def bucket_place(url: str | os.PathLike[str]) -> BucketPlace:
    """
    Bucket, prefix and profile of an ``s3://`` URL.

    Parameters
    ----------
    url : str
        ``s3://bucket/prefix`` or ``s3://bucket/prefix?profile=name``.

    Returns
    -------
    BucketPlace
        The profile is empty if the URL names none.

    Raises
    ------
    InputError
        If the URL has another form, such as one with an access key in it; the message does not repeat the key.

    Examples
    --------
    >>> bucket_place("s3://ocean/sst/daily/?profile=qdex")
    BucketPlace(bucket='ocean', prefix='sst/daily', profile='qdex')
    """
    text = os.fspath(url)
    place, _, query = text.partition("://")[2].partition("?")
    bucket, _, prefix = place.partition("/")
    if "@" in bucket:
        msg = (
            f"the store URL {_shown(text)} was given with a user or key in it, need none: URLs are kept in catalogues "
            "and logs. Name a profile instead: s3://bucket/prefix?profile=name."
        )
        raise InputError(msg)
    settings = parse_qsl(query, keep_blank_values=True)
    others = sorted({name for name, _ in settings} - {"profile"})
    if others or len(settings) > 1:
        msg = (
            f"the store URL {_shown(text)} has {others or 'two profiles'} in its query, need at most one "
            "profile=name. Put endpoint, region and the names of key variables into the profile."
        )
        raise InputError(msg)
    profile = settings[0][1] if settings else ""
    parts = prefix.strip("/").split("/") if prefix.strip("/") else []
    sound = re.fullmatch(r"[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]", bucket) and not {"", ".", ".."} & set(parts)
    if url_scheme(text) != "s3" or not sound or (settings and not re.fullmatch(r"[\w.-]+", profile)):
        msg = f"the store URL is {_shown(text)}, need s3://bucket/prefix or s3://bucket/prefix?profile=name."
        raise InputError(msg)
    return BucketPlace(bucket, "/".join(parts), profile)


def is_loopback(host: str) -> bool:
    """
    Tell whether a host is this machine.

    Parameters
    ----------
    host : str
        Name or address.

    Returns
    -------
    bool
        True for ``localhost`` and loopback addresses.

    Examples
    --------
    >>> is_loopback("127.0.0.1"), is_loopback("example.org")
    (True, False)
    """
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def web_url(url: str | os.PathLike[str]) -> str:
    """
    Address of something read over the web, in the one form that is recorded.

    Parameters
    ----------
    url : str
        ``https://host/path``; ``http://`` only on this machine, because bytes could be changed on their way.

    Returns
    -------
    str
        Without a slash at its end.

    Raises
    ------
    InputError
        If the URL has a user, password, query or fragment, no host, or an unencrypted way to another machine.

    Examples
    --------
    >>> web_url("https://example.org/sst/")
    'https://example.org/sst'
    """
    text = os.fspath(url)
    parts = urlsplit(text)
    host = parts.hostname or ""
    encrypted = parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host))
    if not encrypted or not host or "@" in parts.netloc or parts.query or parts.fragment:
        msg = (
            f"the store URL is {_shown(text)}, need https://host/path without a user, a password or a query, which "
            "would be kept in catalogues and logs; http:// serves this machine only."
        )
        raise InputError(msg)
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"


def canonical_url(url: str | os.PathLike[str]) -> str:
    """
    The one form of a URL that is recorded: in an origin, a plan, a catalogue.

    Parameters
    ----------
    url : str or path
        A plain path, ``file://``, ``s3://`` or ``https://``.

    Returns
    -------
    str
        An absolute local path, or a URL that names no secret.

    Raises
    ------
    InputError
        If the URL cannot be used.

    Examples
    --------
    >>> canonical_url("s3://ocean/sst/")
    's3://ocean/sst'
    """
    scheme = url_scheme(url)
    if scheme == "s3":
        place = bucket_place(url)
        path = f"{place.bucket}/{place.prefix}" if place.prefix else place.bucket
        return f"s3://{path}?profile={place.profile}" if place.profile else f"s3://{path}"
    if scheme in ("http", "https"):
        return web_url(url)
    return str(local_path(url))
