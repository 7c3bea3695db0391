"""What URLs say, the one form they are recorded in, and what is refused without repeating a secret."""

import pytest

from oceandata.errors import InputError
from oceandata.storage.urls import bucket_place, canonical_url, local_path, web_url

SECRET = "not-for-anyones-eyes"


@pytest.mark.parametrize(
    ("url", "canonical"),
    [
        ("s3://ocean/sst/daily/", "s3://ocean/sst/daily"),
        ("S3://ocean/sst", "s3://ocean/sst"),
        ("s3://ocean", "s3://ocean"),
        ("s3://ocean/海温?profile=qdex", "s3://ocean/海温?profile=qdex"),
        ("https://example.org/sst/", "https://example.org/sst"),
        ("http://127.0.0.1:80/sst", "http://127.0.0.1:80/sst"),
        ("file:///a/b", "/a/b"),
        ("/a/b?c", "/a/b?c"),
    ],
)
def test_canonical_urls(url, canonical):
    assert canonical_url(url) == canonical_url(canonical) == canonical


@pytest.mark.parametrize(
    "url",
    [
        f"s3://AK:{SECRET}@ocean/sst",
        f"s3://ocean/sst?secret={SECRET}",
        f"s3://ocean/sst?profile=a&profile={SECRET}",
        f"s3://ocean/sst?profile={SECRET}/",
        "s3://ocean/sst?profile=",
        "s3:///sst",
        "s3://OCEAN/sst",
        "s3://ocean/../other",
        "s3://ocean/a//b",
        f"https://me:{SECRET}@example.org/sst",
        f"https://example.org/sst?X-Signature={SECRET}",
        "http://example.org/sst",
        "https:///sst",
        f"ftp://me:{SECRET}@example.org/sst",
    ],
)
def test_addresses_that_cannot_be_used_are_refused_without_repeating_a_secret(url):
    with pytest.raises(InputError) as caught:
        canonical_url(url)
    assert "need" in str(caught.value)
    assert SECRET not in str(caught.value)


def test_parts_of_a_bucket_url():
    assert bucket_place("s3://ocean/a/b?profile=q") == ("ocean", "a/b", "q")
    assert bucket_place("s3://ocean") == ("ocean", "", "")
    with pytest.raises(InputError, match="need a local path"):
        local_path("s3://ocean/a")
    with pytest.raises(InputError, match="https://host/path"):
        web_url("s3://ocean/a")


def test_a_key_in_an_address_is_called_by_its_name():
    with pytest.raises(InputError, match="with a user or key in it"):
        canonical_url(f"s3://AK:{SECRET}@ocean/sst")
    with pytest.raises(InputError, match=r"\['secret'\] in its query"):
        canonical_url(f"s3://ocean/sst?secret={SECRET}")
