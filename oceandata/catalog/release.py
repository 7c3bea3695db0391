"""
What may leave the house: which entries, and which of their fields.

Every export and every publication goes through this file. An entry leaves only if its grade allows it, and only with
the fields listed here: what is not listed stays, whatever is added to entries later.
"""

import ipaddress
import re
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from oceandata.entities import Entry
from oceandata.errors import DocumentError

__all__ = ["PUBLIC_FIELDS", "is_public_url", "public_fields", "release_faults", "require_releasable"]

#: Fields of an entry that anybody may read; of providers, assets and the trade link those below.
PUBLIC_FIELDS = (
    *("schema_version", "id", "title", "title_zh", "summary", "summary_zh", "keywords", "keywords_zh"),
    *("license", "attribution", "citation", "providers", "processing_level", "extent", "variables", "assets"),
    *("created", "trade", "doi", "grade", "status", "verified", "source_page", "source_page_read"),
)

#: The same for the documents inside an entry.
_PUBLIC_INSIDE: dict[str, tuple[str, ...]] = {
    "extent": ("bbox", "time", "depth_m", "time_resolution"),
    "variables": (
        *("dimensions", "shape", "chunks", "dtype", "units", "standard_name", "canonical_name"),
        *("long_name", "long_name_zh", "cell_methods", "nbytes"),
    ),
    "providers": ("name", "name_zh", "roles", "url"),
    "assets": (
        *("href", "type", "files", "group", "access", "revision", "snapshot", "content_root"),
        *("stored_bytes", "decoded_bytes", "chunks", "chunk_shapes"),
    ),
    "trade": ("product", "revision", "listing_url", "example"),
}

#: Schemes that lead to the same place from anywhere.
_PUBLIC_SCHEMES = frozenset({"http", "https", "s3", "gs", "ftp"})

#: Last parts of host names that no public name server knows.
_PRIVATE_ZONES = frozenset(
    {"local", "localdomain", "localhost", "internal", "intranet", "lan", "corp", "home", "private", "test", "invalid"}
)

#: Signs without which no address and no path is written.
_SUSPECT = re.compile(r"[@/\\.{]")
_EMAIL = re.compile(r"[\w.+-]+\s?@\s?[\w-]+(\.[\w-]+)+")
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:/{2,3}[^\s\"'<>,;，。；、（）()]*")
_FOLDER_ROOTS = "home|data\\d*|mnt|media|tmp|scratch|work|opt|srv|var|root|nfs|gpfs|lustre|usr|share|Users|Volumes"
_PATH = re.compile(
    r"(?:^|(?<=[\s\"'(=:;,，。；：、（“‘\[]))~?/[\w.-]+/[\w./-]+"  # /two/parts, after a blank or a sign
    rf"|(?<![\w./:-])/(?:{_FOLDER_ROOTS})/[\w.-]+"  # a root of file systems, after any other sign or Chinese text
    r"|(?<![A-Za-z0-9])[A-Za-z]:[\\][^\s]+"  # C:\folder
    r"|\\\\[\w.-]+\\[^\s]+"  # \\server\share
    r"|\{CATALOG_DIR\}",
    re.ASCII,
)
_ADDRESS = re.compile(r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?![\w.]*\d)", re.ASCII)


def is_public_url(url: str) -> bool:
    """
    Whether a URL leads to the same public place from anywhere.

    Plain paths, ``file://``, host names without a dot or of a private zone, private and loopback addresses, URLs with
    a user or with an internal ``profile=`` in them do not.

    Parameters
    ----------
    url : str
        A URL or a path.

    Returns
    -------
    bool
        False for whatever cannot be judged.

    Examples
    --------
    >>> is_public_url("https://data.example.org/sst.zarr"), is_public_url("http://10.0.0.7/sst"), is_public_url("/sst")
    (True, False, False)
    """
    try:
        parts = urlsplit(unicodedata.normalize("NFKC", url))
        host = (parts.hostname or "").rstrip(".").lower()
        _ = parts.port
    except ValueError:
        return False
    if parts.scheme.lower() not in _PUBLIC_SCHEMES or not host or "@" in parts.netloc:
        return False
    if parts.scheme.lower() in ("s3", "gs"):
        return not parts.query and re.fullmatch(r"[a-z0-9][a-z0-9._-]+", host) is not None
    return _is_public_host(host)


def _is_public_host(host: str) -> bool:
    """Whether a host has a public address, or a name that a public name server can know."""
    try:
        return ipaddress.ip_address(host).is_global
    except ValueError:
        pass
    last = host.rpartition(".")[2]
    return "." in host and last not in _PRIVATE_ZONES and not last.isdigit()


def _leak(text: str) -> str:
    """What of a text must not leave the house: an e-mail address, a path, an internal address; empty if nothing."""
    if text.isascii() and not _SUSPECT.search(text):
        return ""
    text = unicodedata.normalize("NFKC", text)
    found = _EMAIL.search(text)
    if found:
        return f"an e-mail address, {found[0]!r:.80}"
    for url in _URL.findall(text):
        if not is_public_url(url):
            return f"an internal address, {url!r:.80}"
    rest = _URL.sub(" ", text)
    found = _PATH.search(rest)
    if found:
        return f"a path, {found[0]!r:.80}"
    for address in _ADDRESS.findall(rest):
        try:
            if not ipaddress.ip_address(address).is_global:
                return f"an internal address, {address!r}"
        except ValueError:
            continue
    return ""


def _texts(value: Any, place: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Every key and text of a document with its place."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield (*place, key), str(key)
            yield from _texts(inner, (*place, key))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _texts(inner, (*place, number))
    elif isinstance(value, str):
        yield place, value


def _allowed(entry: Entry) -> dict[str, Any]:
    """Fields that are listed, without addresses that lead nowhere from outside."""
    document = entry.to_json()
    public = {field: document[field] for field in PUBLIC_FIELDS if field in document}
    for field in ("extent", "trade"):
        if field in public:
            public[field] = _listed(field, public[field])
    public["variables"] = {name: _listed("variables", one) for name, one in public["variables"].items()}
    public["assets"] = {
        name: _listed("assets", one) for name, one in public["assets"].items() if is_public_url(one["href"])
    }
    if "providers" in public:
        public["providers"] = [_public_link(_listed("providers", one), "url") for one in public["providers"]]
    if "trade" in public:
        public["trade"] = _public_link(public["trade"], "listing_url")
    return _public_link(public, "source_page")


def _listed(field: str, inner: Mapping[str, Any]) -> dict[str, Any]:
    """Listed fields of a document inside an entry."""
    return {key: inner[key] for key in _PUBLIC_INSIDE[field] if key in inner}


def _public_link(document: dict[str, Any], key: str) -> dict[str, Any]:
    """Document without a link that is not public."""
    return {name: value for name, value in document.items() if name != key or is_public_url(value)}


def release_faults(entry: Entry) -> list[tuple[tuple[str | int, ...], str]]:
    """
    Everything that keeps an entry in the house.

    Parameters
    ----------
    entry : Entry
        The dataset.

    Returns
    -------
    list of tuple
        Location inside the entry, and a sentence; empty if the entry may be released.
    """
    return _faults(entry, _allowed(entry))


def _faults(entry: Entry, public: Mapping[str, Any]) -> list[tuple[tuple[str | int, ...], str]]:
    """Faults of the grade, and of the public texts."""
    faults: list[tuple[tuple[str | int, ...], str]] = []
    if entry.grade != "general" and entry.grade_decision is None:
        grade = repr(entry.grade) if entry.grade else "absent"
        message = (
            f"grade is {grade}, need 'general', or a decision of a named person in grade_decision (by, on). "
            "Ask whoever decides on grades, and record the decision."
        )
        faults.append((("grade",), message))
    for place, text in _texts(public):
        leak = _leak(text)
        if leak:
            where = ".".join(map(str, place))
            faults.append((place, f"{where} holds {leak}, which must not be published. Take it out."))
    return faults


def require_releasable(entry: Entry) -> Entry:
    """
    Entry that may leave the house, or an error with every reason why not.

    The grade must be ``general``, or a named person's decision must be recorded; and no public text may hold an
    e-mail address, a path or an internal address.

    Parameters
    ----------
    entry : Entry
        The dataset.

    Returns
    -------
    Entry
        The same entry.

    Raises
    ------
    DocumentError
        If it may not; every reason is listed.
    """
    public_fields(entry)
    return entry


def public_fields(entry: Entry) -> dict[str, Any]:
    """
    What anybody may read of an entry.

    An allow-list: file names of sources, history, who decided on the grade and whatever the list does not name stay
    in the house; so do layouts, links and pages whose address is internal. ``assets`` is always there, and empty if
    every layout is internal.

    Parameters
    ----------
    entry : Entry
        The dataset.

    Returns
    -------
    dict
        JSON types, in the form of `Entry.to_json`.

    Raises
    ------
    DocumentError
        If the entry may not be released (`require_releasable`).
    """
    public = _allowed(entry)
    faults = _faults(entry, public)
    if faults:
        reasons = [f"  {message}" for _, message in faults]
        msg = "\n".join([f"entry {entry.id!r} may not be released:", *reasons])
        raise DocumentError(msg)
    return public
