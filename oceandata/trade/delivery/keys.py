"""
Signing keys (Ed25519): a private key that only its owner can read, and key files that buyers pin.

A private key is a PEM file of mode 0600, or the text of one in an environment variable that is named ``env:NAME``. It
is never written into a registry, a package, a log or a message. A key file lists public keys with the time in which
each may sign, and whether it was revoked; `docs/delivery.md` tells how keys are changed.
"""

import base64
import hashlib
import os
import stat
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import StringConstraints, model_validator

from oceandata.catalog.faults import fault_report
from oceandata.catalog.positions import read_yaml
from oceandata.documents import Document, Instant
from oceandata.errors import DocumentError, InputError, MissingExtraError, NotFoundError, RepositoryExistsError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

__all__ = [
    "KeyFile",
    "PublicKey",
    "is_signed_by",
    "key_id",
    "load_key_file",
    "load_private_key",
    "new_key",
    "public_text",
]

_FROM_ENVIRONMENT = "env:"
_PEM = "-----BEGIN"
_RAW_BYTES = 32

#: A public key: the 32 bytes of RFC 8032 in base64.
PublicText = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9+/]{43}=$")]


def _ed25519() -> Any:
    """The library's module, or the name of the extra."""
    try:
        from cryptography.hazmat.primitives.asymmetric import ed25519
    except ImportError as error:
        msg = "signing and its check need cryptography. Run pip install 'oceandata-exchange[exchange]'."
        raise MissingExtraError(msg) from error
    return ed25519


def key_id(public: str) -> str:
    """
    Identifier of a public key: the SHA-256 of its 32 bytes.

    Parameters
    ----------
    public : str
        Base64.

    Returns
    -------
    str
        ``"sha256:"`` and 64 hexadecimal digits.
    """
    return "sha256:" + hashlib.sha256(base64.b64decode(public)).hexdigest()


class PublicKey(Document):
    """
    A public key, and when it may sign.

    Attributes
    ----------
    public : str
        Base64 of its 32 bytes.
    name : str
        Whose it is.
    valid_from, valid_to : datetime or None
        Deliveries made outside of this time are not believed; None where there is no limit.
    revoked : datetime or None
        When it was revoked: nothing that it signed is believed any more, whenever it says it was made.
    reason : str
        Why it was revoked.
    """

    public: PublicText
    name: str = ""
    valid_from: Instant | None = None
    valid_to: Instant | None = None
    revoked: Instant | None = None
    reason: str = ""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.valid_from and self.valid_to and self.valid_to < self.valid_from:
            msg = f"valid_to is {self.valid_to}, before valid_from {self.valid_from}"
            raise ValueError(msg)
        return self

    @property
    def id(self) -> str:
        """Identifier of the key."""
        return key_id(self.public)

    def refusal(self, made: datetime) -> str:
        """
        Why what it signed is not believed.

        Parameters
        ----------
        made : datetime
            When the delivery says it was made.

        Returns
        -------
        str
            One clause; empty if it is believed.
        """
        if self.revoked is not None:
            why = f" ({self.reason})" if self.reason else ""
            return f"key {self.id} was revoked on {self.revoked:%Y-%m-%d}{why}"
        if self.valid_from is not None and made < self.valid_from:
            return f"key {self.id} is valid from {self.valid_from:%Y-%m-%d}, the delivery is of {made:%Y-%m-%d}"
        if self.valid_to is not None and made > self.valid_to:
            return f"key {self.id} was valid to {self.valid_to:%Y-%m-%d}, the delivery is of {made:%Y-%m-%d}"
        return ""


class KeyFile(Document):
    """The keys of a provider that a buyer trusts."""

    keys: tuple[PublicKey, ...]

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        there = [one.id for one in self.keys]
        twice = next((one for one in there if there.count(one) > 1), None)
        if twice is not None:
            msg = f"key {twice} is listed twice. Keep one entry of it, the revoked one if one is"
            raise ValueError(msg)
        return self

    def find(self, identifier: str) -> PublicKey | None:
        """Key of an identifier, one that was revoked before any other; None if it is not listed."""
        found = [one for one in self.keys if one.id == identifier]
        return min(found, key=lambda one: one.revoked is None, default=None)


def new_key(path: str | os.PathLike[str], *, name: str = "") -> Path:
    """
    Make a key pair: the private key in a file that only its owner can read, the public key beside it.

    Parameters
    ----------
    path : path
        File of the private key; ``.pub`` is added for the key file.
    name : str
        Whose key it is.

    Returns
    -------
    pathlib.Path
        The key file, for buyers.

    Raises
    ------
    RepositoryExistsError
        If one of the two is there: a key is never replaced.
    NotFoundError
        If the folder does not exist.
    MissingExtraError
        If cryptography is not installed.
    """
    from cryptography.hazmat.primitives import serialization

    private_path = Path(path)
    public_path = private_path.with_name(f"{private_path.name}.pub")
    if not private_path.absolute().parent.is_dir():
        msg = f"folder {private_path.absolute().parent} does not exist. Create it first."
        raise NotFoundError(msg)
    private = _ed25519().Ed25519PrivateKey.generate()
    text = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    key = PublicKey(public=public_text(private), name=name, valid_from=datetime.now(UTC).replace(microsecond=0))
    import yaml

    document = yaml.safe_dump(KeyFile(keys=(key,)).to_json(), allow_unicode=True, sort_keys=False)
    try:
        with public_path.open("x", encoding="utf-8") as public_file:
            descriptor = os.open(private_path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as private_file:
                private_file.write(text)
            public_file.write(document)
    except FileExistsError as error:
        if error.filename == str(private_path):
            public_path.unlink()
        msg = f"{error.filename} exists already, and a key is never replaced. Choose another name."
        raise RepositoryExistsError(msg) from error
    return public_path


def public_text(private: "Ed25519PrivateKey") -> str:
    """Public key of a private key, in base64."""
    return base64.b64encode(private.public_key().public_bytes_raw()).decode()


def load_private_key(place: str | os.PathLike[str]) -> "Ed25519PrivateKey":
    """
    Read a private key.

    Parameters
    ----------
    place : str or path
        File of mode 0600 or narrower; ``env:NAME`` for the environment variable that holds the text of one; or that
        text.

    Returns
    -------
    Ed25519PrivateKey
        Of the library cryptography.

    Raises
    ------
    NotFoundError
        If there is no such file or variable.
    InputError
        If others can read the file, or it holds no Ed25519 key. No message ever quotes what was read.
    MissingExtraError
        If cryptography is not installed.
    """
    ed25519 = _ed25519()
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    place = os.fspath(place)
    text = _private_text(place)
    key: Any = None
    try:
        key = load_pem_private_key(text, password=None)
    except Exception:  # whatever it says could quote the key
        key = None
    if not isinstance(key, ed25519.Ed25519PrivateKey):
        named = "the text given" if place.startswith(_PEM) else place
        msg = f"{named} holds no Ed25519 private key in PEM. Make one with 'oceandata trade key new FILE'."
        raise InputError(msg)
    private: Ed25519PrivateKey = key
    return private


def _private_text(place: str) -> bytes:
    """Text of a private key, from where only its owner can read it."""
    if place.startswith(_PEM):
        return place.encode()
    if place.startswith(_FROM_ENVIRONMENT):
        variable = place.removeprefix(_FROM_ENVIRONMENT)
        if not os.environ.get(variable):
            msg = f"the environment variable {variable} is not set, and should hold the private key."
            raise NotFoundError(msg)
        return os.environ[variable].encode()
    try:
        with Path(place).open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            if os.name != "nt" and mode & 0o077:
                msg = f"others can read the private key {place}: its mode is {mode:04o}, need 0600. Run chmod 600."
                raise InputError(msg)
            return file.read(65_536)
    except FileNotFoundError as error:
        msg = f"there is no private key {place}. Make one with 'oceandata trade key new {place}'."
        raise NotFoundError(msg) from error


def load_key_file(path: str | os.PathLike[str]) -> KeyFile:
    """
    Read a key file, YAML or JSON.

    Parameters
    ----------
    path : path
        What `new_key` made beside the private key, or a list of several keys.

    Returns
    -------
    KeyFile
        The keys.

    Raises
    ------
    NotFoundError
        If there is no such file.
    InputError
        If it is a private key, which a buyer never has.
    DocumentError
        If it has faults; all are listed.
    """
    path = Path(path)
    if not path.is_file():
        msg = f"there is no key file {path}."
        raise NotFoundError(msg)
    with path.open("rb") as file:
        if b"PRIVATE KEY" in file.read(1_000):
            msg = f"{path} is a private key. To verify, give the public one beside it, {path}.pub."
            raise InputError(msg)
    located = read_yaml(path)
    if located.faults:
        raise DocumentError(fault_report(str(path), list(located.faults)))
    return KeyFile.from_json(located.value, where=str(path))


def is_signed_by(public: str, signature: bytes, message: bytes) -> bool:
    """
    Whether a signature is that of a key.

    Parameters
    ----------
    public : str
        Base64.
    signature, message : bytes
        What was signed, and its signature.

    Returns
    -------
    bool
        False also if the key is none.
    """
    ed25519 = _ed25519()
    from cryptography.exceptions import InvalidSignature

    raw = base64.b64decode(public)
    if len(raw) != _RAW_BYTES:
        return False
    try:
        ed25519.Ed25519PublicKey.from_public_bytes(raw).verify(signature, message)
    except InvalidSignature:
        return False
    return True
