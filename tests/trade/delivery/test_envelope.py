"""The envelope in the form of DSSE."""

import base64
import json

import pytest

from oceandata.errors import DocumentError
from oceandata.trade.delivery.envelope import PAYLOAD_TYPE, open_envelope, sealed, signed_message
from oceandata.trade.delivery.keys import is_signed_by, key_id, public_text


def test_an_envelope_is_what_dsse_says(keys):
    payload = '{"a":"海"}'.encode()
    document = json.loads(sealed(payload, keys.private))
    assert set(document) == {"payloadType", "payload", "signatures"}
    assert document["payloadType"] == "application/vnd.oceandata.delivery+json"
    assert base64.b64decode(document["payload"]) == payload
    signed = b"DSSEv1 39 application/vnd.oceandata.delivery+json 11 " + payload
    assert signed_message(payload) == signed
    assert is_signed_by(public_text(keys.private), base64.b64decode(document["signatures"][0]["sig"]), signed)


def test_round_trip(keys):
    envelope = open_envelope(sealed(b"{}", keys.private))
    assert envelope.payload == b"{}"
    assert [identifier for identifier, _ in envelope.signatures] == [key_id(public_text(keys.private))]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{}",
        b"\xff",
        b"[" * 100_000,
        json.dumps({"payloadType": PAYLOAD_TYPE, "payload": "!", "signatures": []}).encode(),
        json.dumps({"payloadType": PAYLOAD_TYPE, "payload": "e30=", "signatures": [1]}).encode(),
        json.dumps({"payloadType": "text/plain", "payload": "e30=", "signatures": []}).encode(),
    ],
)
def test_anything_else_is_refused(content):
    with pytest.raises(DocumentError, match="envelope"):
        open_envelope(content)
