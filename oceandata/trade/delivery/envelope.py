"""
The signed envelope of a delivery manifest, in the form of DSSE.

What is signed is ``DSSEv1 <length> <type> <length> <payload>``: a payload of one type is never taken for another.
"""

import base64
import json
from typing import TYPE_CHECKING, Any, NamedTuple

from oceandata.errors import DocumentError
from oceandata.trade.delivery.keys import key_id, public_text

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

__all__ = ["PAYLOAD_TYPE", "Envelope", "open_envelope", "sealed", "signed_message"]

#: Type of what is signed.
PAYLOAD_TYPE = "application/vnd.oceandata.delivery+json"


class Envelope(NamedTuple):
    """What was signed, and the signatures by the identifiers of their keys."""

    payload: bytes
    signatures: tuple[tuple[str, bytes], ...]


def signed_message(payload: bytes) -> bytes:
    """
    Bytes that the signature is of.

    Parameters
    ----------
    payload : bytes
        The manifest.

    Returns
    -------
    bytes
        DSSE's pre-authentication encoding.

    References
    ----------
    DSSE protocol, version 1.0.2, "Signature definition".

    Examples
    --------
    >>> signed_message(b"{}")
    b'DSSEv1 39 application/vnd.oceandata.delivery+json 2 {}'
    """
    return b"DSSEv1 %d %s %d %s" % (len(PAYLOAD_TYPE), PAYLOAD_TYPE.encode(), len(payload), payload)


def sealed(payload: bytes, private: "Ed25519PrivateKey") -> bytes:
    """
    Envelope of a manifest.

    Parameters
    ----------
    payload : bytes
        The manifest.
    private : Ed25519PrivateKey
        Signs it.

    Returns
    -------
    bytes
        JSON.
    """
    signature = base64.b64encode(private.sign(signed_message(payload))).decode()
    document = {
        "payloadType": PAYLOAD_TYPE,
        "payload": base64.b64encode(payload).decode(),
        "signatures": [{"keyid": key_id(public_text(private)), "sig": signature}],
    }
    return json.dumps(document, indent=1).encode()


def open_envelope(content: bytes) -> Envelope:
    """
    Read an envelope, without believing it.

    Parameters
    ----------
    content : bytes
        JSON.

    Returns
    -------
    Envelope
        Payload and signatures.

    Raises
    ------
    DocumentError
        If it is none, or of another type.
    """
    try:
        document: dict[str, Any] = json.loads(content)
        if document["payloadType"] != PAYLOAD_TYPE:
            msg = f"the envelope holds {document['payloadType']!r}, need {PAYLOAD_TYPE!r}"
            raise DocumentError(msg)
        payload = base64.b64decode(document["payload"], validate=True)
        signatures = tuple(
            (str(one["keyid"]), base64.b64decode(one["sig"], validate=True)) for one in document["signatures"]
        )
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        if isinstance(error, DocumentError):
            raise
        msg = f"the envelope cannot be read ({type(error).__name__})"
        raise DocumentError(msg) from error
    return Envelope(payload, signatures)
