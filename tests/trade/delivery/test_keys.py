"""Keys: who can read them, what is told of them, and when they are believed."""

import os
import stat
from datetime import UTC, datetime

import pytest
import yaml

from oceandata.errors import DocumentError, InputError, NotFoundError, RepositoryExistsError
from oceandata.trade.delivery.keys import (
    KeyFile,
    PublicKey,
    is_signed_by,
    load_key_file,
    load_private_key,
    new_key,
    public_text,
)


def test_only_the_owner_reads_a_new_key(tmp_path):
    before = os.umask(0)
    try:
        public = new_key(tmp_path / "provider.key", name="第二研究所")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "provider.key").stat().st_mode) == 0o600
    assert public.name == "provider.key.pub"
    held = load_key_file(public)
    assert held.keys[0].name == "第二研究所"
    assert held.keys[0].public == public_text(load_private_key(tmp_path / "provider.key"))
    assert "PRIVATE" not in public.read_text(encoding="utf-8")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_a_key_that_others_can_read_is_refused(tmp_path, mode):
    new_key(tmp_path / "k")
    (tmp_path / "k").chmod(mode)
    with pytest.raises(InputError, match=f"its mode is {mode:04o}, need 0600"):
        load_private_key(tmp_path / "k")


@pytest.mark.parametrize("there", ["k", "k.pub"])
def test_a_key_is_never_replaced(tmp_path, there):
    (tmp_path / there).write_text("mine")
    with pytest.raises(RepositoryExistsError, match="never replaced"):
        new_key(tmp_path / "k")
    assert [one.name for one in tmp_path.iterdir()] == [there]
    assert (tmp_path / there).read_text() == "mine"


def test_a_key_in_the_environment(tmp_path, monkeypatch):
    new_key(tmp_path / "k")
    monkeypatch.setenv("A_SIGNING_KEY", (tmp_path / "k").read_text())
    wanted = public_text(load_private_key(tmp_path / "k"))
    assert public_text(load_private_key("env:A_SIGNING_KEY")) == wanted
    assert public_text(load_private_key((tmp_path / "k").read_text())) == wanted
    monkeypatch.delenv("A_SIGNING_KEY")
    with pytest.raises(NotFoundError, match="A_SIGNING_KEY is not set"):
        load_private_key("env:A_SIGNING_KEY")


def test_no_message_quotes_a_key(tmp_path, monkeypatch):
    new_key(tmp_path / "k")
    secret = (tmp_path / "k").read_text().splitlines()[1]
    broken = (tmp_path / "k").read_text().replace(secret, secret[:-4])
    (tmp_path / "broken").write_text(broken)
    (tmp_path / "broken").chmod(0o600)
    monkeypatch.setenv("BROKEN", broken)
    for place in (tmp_path / "broken", "env:BROKEN", broken):
        with pytest.raises(InputError, match="holds no Ed25519 private key") as caught:
            load_private_key(place)
        error: BaseException | None = caught.value
        while error is not None:
            assert secret[:12] not in repr(error)
            error = error.__cause__ or error.__context__


def test_another_kind_of_key_is_refused(tmp_path):
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

    text = X25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    with pytest.raises(InputError, match="the text given holds no Ed25519"):
        load_private_key(text.decode())


def test_missing_files_are_named(tmp_path):
    for load, path in ((load_private_key, tmp_path / "k"), (load_key_file, tmp_path / "k.pub")):
        with pytest.raises(NotFoundError, match=path.name):
            load(path)
    with pytest.raises(NotFoundError, match="does not exist"):
        new_key(tmp_path / "no" / "k")


def test_a_private_key_is_no_key_file(tmp_path):
    new_key(tmp_path / "k")
    with pytest.raises(InputError, match=r"is a private key.*k\.pub"):
        load_key_file(tmp_path / "k")


def test_a_key_file_with_faults(tmp_path):
    (tmp_path / "keys").write_text("keys: [{public: short}]\n")
    with pytest.raises(DocumentError, match=r"keys\.0\.public"):
        load_key_file(tmp_path / "keys")


def test_rotation_and_revocation(tmp_path):
    """Two keys one after the other, and one that was lost."""
    texts = []
    for name in ("a", "b", "c"):
        new_key(tmp_path / name)
        texts.append(public_text(load_private_key(tmp_path / name)))
    document = {
        "keys": [
            {"public": texts[0], "valid_from": "2025-01-01", "valid_to": "2026-01-01"},
            {"public": texts[1], "valid_from": "2025-12-01"},
            {"public": texts[2], "revoked": "2026-03-01", "reason": "the disk was stolen"},
        ]
    }
    (tmp_path / "keys").write_text(yaml.safe_dump(document))
    keys = load_key_file(tmp_path / "keys")
    first, second, third = (keys.find(one.id) for one in keys.keys)
    early, late = datetime(2025, 6, 1, tzinfo=UTC), datetime(2026, 6, 1, tzinfo=UTC)
    assert first.refusal(early) == ""
    assert "was valid to 2026-01-01" in first.refusal(late)
    assert "is valid from 2025-12-01" in second.refusal(early)
    assert second.refusal(late) == ""
    for made in (early, late):
        assert "revoked on 2026-03-01 (the disk was stolen)" in third.refusal(made)
    assert keys.find("sha256:" + "0" * 64) is None


def test_times_in_order():
    with pytest.raises(ValueError, match="before valid_from"):
        PublicKey(public="A" * 43 + "=", valid_from=datetime(2026, 1, 1), valid_to=datetime(2025, 1, 1))


def test_signatures(keys):
    public, message = public_text(keys.private), b"message"
    signature = keys.private.sign(message)
    assert is_signed_by(public, signature, message)
    assert not is_signed_by(public, signature, b"another")
    assert not is_signed_by(public, signature[:-1], message)
    assert isinstance(keys.public, KeyFile)


def test_a_key_is_listed_once_and_a_revocation_holds(keys):
    (key,) = keys.public.keys
    revoked = key.model_copy(update={"revoked": datetime(2026, 1, 1, tzinfo=UTC)})
    for both in ((key, revoked), (revoked, key)):
        with pytest.raises(ValueError, match="is listed twice"):
            KeyFile(keys=both)
        assert KeyFile.model_construct(keys=both).find(key.id) is revoked
