"""Profiles: found by name, faults told without a value, keys only in the environment."""

import pytest

from oceandata.errors import AccessError, DocumentError, NotFoundError
from oceandata.storage.credentials import Keys, Profile, read_profile, require_keys
from tests.storage.object_server import profiles

__all__ = ["profiles"]

SECRET = "not-for-anyones-eyes"


def test_profiles_are_found_by_name_or_default(profiles):
    assert read_profile("s3://ocean/a") == Profile()
    profiles.write_text("qdex: {endpoint_url: https://oss.example.org, region: cn-qingdao}", encoding="utf-8")
    found = read_profile("s3://ocean/a?profile=qdex")
    assert (found.name, found.server, found.signing_region) == ("qdex", "https://oss.example.org", "cn-qingdao")
    assert found.has_bucket_in_path
    assert read_profile("s3://ocean/a") == Profile()
    with pytest.raises(NotFoundError, match=r"no profile 'qdxe'.*Close: 'qdex'"):
        read_profile("s3://ocean/a?profile=qdxe")
    profiles.write_text("default: {anonymous: true}", encoding="utf-8")
    assert read_profile("s3://ocean/a") == Profile(name="default", anonymous=True)


def test_without_a_profile_the_usual_server_is_asked(profiles, monkeypatch):
    assert Profile().server == "https://s3.us-east-1.amazonaws.com"
    assert Profile(region="cn-north-1").server == "https://s3.cn-north-1.amazonaws.com.cn"
    assert Profile().is_aws
    assert not Profile().has_bucket_in_path
    monkeypatch.setenv("AWS_REGION", "eu-west-2")
    assert Profile().server == "https://s3.eu-west-2.amazonaws.com"
    monkeypatch.setenv("AWS_ENDPOINT_URL", "https://store.example.org/")
    assert Profile().server == "https://store.example.org"
    assert Profile().has_bucket_in_path


@pytest.mark.parametrize(
    ("settings", "fault"),
    [
        (f"secret_access_key: {SECRET}", "secret_access_key"),
        (f"endpoint_url: 'https://me:{SECRET}@example.org'", "keys belong in environment variables"),
        ("endpoint_url: http://example.org", "allow_http"),
        ("endpoint_url: example.org", "https://host"),
        ("access_key_env: A", "belong together"),
        ("{anonymous: true, access_key_env: A, secret_key_env: B}", "cannot be given"),
        ("{timeout_s: 0}", "timeout_s"),
    ],
)
def test_faults_of_a_profile_are_named_and_no_value_repeated(profiles, settings, fault):
    profiles.write_text(f"bad: {settings}" if settings[0] == "{" else f"bad:\n  {settings}", encoding="utf-8")
    with pytest.raises(DocumentError, match="profile 'bad'") as caught:
        read_profile("s3://ocean/a?profile=bad")
    assert fault in str(caught.value)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("text", [f"- {SECRET}", f"a: {SECRET}", f"a: [{SECRET}"])
def test_a_file_of_another_form_is_refused(profiles, text):
    profiles.write_text(text, encoding="utf-8")
    with pytest.raises(DocumentError) as caught:
        read_profile("s3://ocean/a")
    assert SECRET not in str(caught.value)


def test_a_file_that_is_named_has_to_be_there(profiles):
    profiles.unlink()
    with pytest.raises(NotFoundError, match="no file of profiles"):
        read_profile("s3://ocean/a")


def test_keys_come_from_the_environment_and_do_not_print(profiles, monkeypatch):
    profile = Profile(name="p", access_key_env="OD_TEST_KEY", secret_key_env="OD_TEST_SECRET")
    monkeypatch.setenv("OD_TEST_KEY", "AK")
    monkeypatch.delenv("OD_TEST_SECRET", raising=False)
    with pytest.raises(AccessError, match="OD_TEST_SECRET is not set"):
        require_keys(profile)
    monkeypatch.setenv("OD_TEST_SECRET", SECRET)
    keys = require_keys(profile)
    assert keys == Keys("AK", SECRET)
    assert SECRET not in repr(keys) + str(keys) + f"{keys}"
    assert require_keys(Profile()) is None
