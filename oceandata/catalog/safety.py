"""
What a document from a stranger must not hold: templates, secrets, signs that steer a terminal, places out of bounds.

Nothing here opens anything: texts are looked at, and of local places only where their symbolic links lead.
"""

import ipaddress
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from oceandata.catalog.envelope import CATALOG_DIR
from oceandata.catalog.faults import Fault
from oceandata.catalog.positions import Located, Location
from oceandata.entities import Entry

__all__ = ["SCHEMES", "brace_faults", "place_faults", "strings_of", "text_faults"]

#: Schemes of places that may be opened; a plain path has none. ``http`` serves this machine only.
SCHEMES = ("file", "s3", "https", "http")

_TEMPLATE = re.compile(r"\{\{|\{%|\{\w+\s*\(|^\{?data\(|\{CATALOG_PATH|\{STORAGE_OPTIONS")
_SECRET_KEY = re.compile(
    r"(?i)(^|[_-])(secret|passw(or)?d|passphrase|token|credentials?|api_?key|(access|private|account)_?key|auth)($|[_-])"
)
_SECRET_VALUE = re.compile(
    r"\b(AKIA|ASIA)[0-9A-Z]{16}\b|-----BEGIN [A-Z ]*PRIVATE KEY|[a-z0-9+]://[^/\s@]+:[^/\s@]+@"
    r"|(?i:[?&](x-amz-signature|sig|signature|token|access_token|password)=)"
)
#: Signs that move the cursor, colour or reorder what a terminal shows; tab and line feed are text.
_STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):(?://|:|[a-z][a-z0-9+.-]*:)")


def strings_of(value: Any, place: Location = ()) -> Iterator[tuple[Location, str, bool]]:
    """
    Every key and text of a plain value.

    Parameters
    ----------
    value : object
        Dicts, lists and plain values.
    place : tuple of str or int
        Where the value stands.

    Yields
    ------
    tuple
        Location, text, and True for a key.
    """
    if isinstance(value, dict):
        for key, inner in value.items():
            yield (*place, key), key, True
            yield from strings_of(inner, (*place, key))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from strings_of(inner, (*place, number))
    elif isinstance(value, str):
        yield place, value, False


def text_faults(located: Located) -> list[Fault]:
    """
    Templates, secrets and signs that steer a terminal, anywhere in a document.

    Parameters
    ----------
    located : Located
        The document with its lines.

    Returns
    -------
    list of Fault
        One for each text.
    """
    faults = []
    for place, text, is_key in strings_of(located.value):
        where = ".".join(map(str, place))
        if _TEMPLATE.search(text):
            message = f"{where} holds a template, {text!r:.60}: only {CATALOG_DIR} is filled in. Write the value out."
            faults.append(located.fault(place, message))
        if (is_key and _SECRET_KEY.search(text) and not _names_entry(place)) or _SECRET_VALUE.search(text):
            message = f"{where} looks like a secret, which a catalogue must not hold. Remove it, and change it."
            faults.append(located.fault(place, message))
        if _STEERING.search(text):
            message = f"{where!a} holds a sign that steers a terminal, {text!a:.60}. Take it out."
            faults.append(located.fault(place, message))
    return faults


def _names_entry(place: Location) -> bool:
    """Whether a key is the name of an entry or of an alias."""
    return len(place) == 2 and place[0] in ("entries", "aliases")


def brace_faults(located: Located, place: Location, text: str, *, url: bool = True) -> list[Fault]:
    """
    Braces other than the folder of the catalogue at the beginning of a URL.

    Parameters
    ----------
    located : Located
        The document with its lines.
    place : tuple of str or int
        Where the text stands.
    text : str
        The text.
    url : bool
        Whether it is a URL, which may begin with ``{CATALOG_DIR}/``.

    Returns
    -------
    list of Fault
        One or none.
    """
    rest = text.removeprefix(f"{CATALOG_DIR}/") if url else text
    if "{" not in rest and "}" not in rest:
        return []
    where = ".".join(map(str, place[1:]))
    message = f"{where} is {text!r:.80}: braces are accepted only as '{CATALOG_DIR}/' at the start of a URL."
    return [located.fault(place, message)]


def place_faults(located: Located, place: Location, entry: Entry, folder: Path) -> list[Fault]:
    """
    Places of an entry that may not be opened.

    A place relative to the catalogue stays below the catalogue's folder, whatever ``..`` and symbolic links say; any
    other place has a scheme that is listed, and unencrypted HTTP serves this machine only. Files of an entry are
    below its place.

    Parameters
    ----------
    located : Located
        The document with its lines.
    place : tuple of str or int
        Where the entry's document stands.
    entry : Entry
        The dataset.
    folder : pathlib.Path
        The folder that ``{CATALOG_DIR}`` stands for.

    Returns
    -------
    list of Fault
        One or more for each place that is refused.
    """
    faults: list[Fault] = []
    for layout, asset in entry.assets.items():
        here: Location = (*place, "assets", layout, "href")
        found = brace_faults(located, here, asset.href)
        reason = "" if found else _out_of_bounds(asset.href, folder)
        if reason:
            found = [located.fault(here, f"{'.'.join(map(str, here[1:]))} is {_shown(asset.href)}: {reason}")]
        faults += found
    return faults


def _shown(href: str) -> str:
    """Place for a message, short and without a user, password or query."""
    scheme, mark, rest = href.partition("://")
    if mark:
        rest = rest.partition("?")[0]
        host, slash, path = rest.partition("/")
        href = f"{scheme}://{host.rpartition('@')[2]}{slash}{path}"
    return f"{href!r:.80}"


def _out_of_bounds(href: str, folder: Path) -> str:
    """Why a place may not be opened; empty if it may."""
    if href.startswith(f"{CATALOG_DIR}/"):
        return _leaves_folder(href.removeprefix(f"{CATALOG_DIR}/"), folder)
    found = _SCHEME.match(href)
    scheme = found[1].lower() if found else ""
    if not scheme or re.match(r"[A-Za-z]:\\", href):
        return ""
    if scheme not in SCHEMES or not href[len(scheme) :].startswith("://"):
        return f"the scheme {scheme!r} is not accepted, need one of {', '.join(SCHEMES)}, or a path."
    parts = urlsplit(href)
    if scheme == "http" and not _is_this_machine(parts.hostname or ""):
        return "http:// serves this machine only, need https://."
    if "@" in parts.netloc:
        return "a user or password has no place in a URL. Name a profile instead."
    if scheme in ("http", "https") and (parts.query or parts.fragment):
        return "a query has no place in the address of a store. Give the address alone."
    return ""


def _leaves_folder(rest: str, folder: Path) -> str:
    """Why a place relative to the catalogue is refused; empty if it stays below the folder."""
    if ".." in PurePosixPath(rest.replace("\\", "/")).parts:
        return "'..' leads out of the folder of the catalogue. Put the data below it, or write the whole path."
    nowhere = "its symbolic links lead nowhere. Write the place itself."
    try:
        real, top = (folder / rest).resolve(), folder.resolve()
    except (OSError, RuntimeError, ValueError):
        return nowhere
    if any(part.is_symlink() for part in (real, *real.parents)):  # a loop, which Python 3.13 leaves unresolved
        return nowhere
    if not real.is_relative_to(top):
        return "a symbolic link leads out of the folder of the catalogue. Write the place itself."
    return ""


def _is_this_machine(host: str) -> bool:
    """Whether a host is this machine."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
