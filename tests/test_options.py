"""Settings: from the environment, for a block, and refused when impossible."""

import dataclasses
import os
import subprocess
import sys

import pytest

from oceandata import options
from oceandata.errors import InputError
from oceandata.options import Options, get_options, set_options


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    """A session without settings, whatever earlier tests and this shell have set."""
    monkeypatch.setattr(options, "_current", [])
    for name in list(os.environ):
        if name.startswith("OCEANDATA_"):
            monkeypatch.delenv(name)


def test_defaults():
    assert get_options() == Options()


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("block_bytes", "1e6", 1_000_000),
        ("memory_bytes", "250000000", 250_000_000),
        ("progress", "no", False),
        ("progress", "0", False),
        ("progress", "1", True),
        ("language", "zh", "zh"),
    ],
)
def test_environment_overrides_the_default(monkeypatch, name, text, value):
    monkeypatch.setenv(f"OCEANDATA_{name.upper()}", text)
    assert get_options() == dataclasses.replace(Options(), **{name: value})


@pytest.mark.parametrize("text", ["many", "", "inf", "nan", "-1", "0"])
def test_impossible_numbers_in_the_environment_are_refused(monkeypatch, text):
    monkeypatch.setenv("OCEANDATA_BLOCK_BYTES", text)
    with pytest.raises(InputError, match="whole number"):
        get_options()


def test_the_environment_reaches_a_new_process():
    code = "from oceandata.options import get_options; print(get_options().memory_bytes)"
    environment = os.environ | {"OCEANDATA_MEMORY_BYTES": "12345"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "12345\n"


def test_set_for_good_and_for_a_block():
    set_options(language="zh")
    with set_options(block_bytes=7, progress=False) as inside:
        assert inside == get_options() == Options(block_bytes=7, progress=False, language="zh")
        with set_options(block_bytes=8):
            assert get_options().block_bytes == 8
        assert get_options().block_bytes == 7
    assert get_options() == Options(language="zh")


def test_a_block_that_fails_restores():
    with pytest.raises(KeyError), set_options(block_bytes=7):
        raise KeyError
    assert get_options() == Options()


@pytest.mark.parametrize(
    "changes",
    [
        {"block_byte": 7},
        {"block_bytes": 0},
        {"block_bytes": 1.5},
        {"memory_bytes": True},
        {"language": "de"},
        {"progress": "no"},
    ],
)
def test_impossible_changes_are_refused_and_change_nothing(changes):
    with pytest.raises(InputError):
        set_options(**changes)
    assert get_options() == Options()


def test_an_unknown_name_is_answered_with_the_nearest():
    with pytest.raises(InputError, match="block_bytes"):
        set_options(block_byte=7)
