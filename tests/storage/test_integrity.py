"""The content root: equal to an independent reading of its text, and different when anything stored is."""

import hashlib
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import zarr
from hypothesis import given
from hypothesis import strategies as st
from zarr.core.buffer import default_buffer_prototype
from zarr.core.sync import sync
from zarr.storage import MemoryStore

from oceandata.storage import open_repository, open_store
from oceandata.storage.integrity import (
    HashingStore,
    array_leaf,
    canonical_metadata,
    chunk_key,
    chunk_leaf,
    content_root,
    merkle_root,
)

DOCS = Path(__file__).parents[2] / "docs"
TEXT = (DOCS / "content-root.md").read_text(encoding="utf-8")


def _script_root(folder: Path) -> str:
    """Root by the script that shares nothing with the package."""
    command = [sys.executable, "-I", str(DOCS / "content_root_vectors.py"), str(folder)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def _naive(leaves: list[bytes]) -> bytes:
    """RFC 6962, section 2.1, word by word: k is the largest power of two smaller than n."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while 2 * k < len(leaves):
        k *= 2
    return hashlib.sha256(b"\x01" + _naive(leaves[:k]) + _naive(leaves[k:])).digest()


@pytest.mark.parametrize("count", range(41))
def test_tree_is_that_of_the_rfc(count):
    leaves = [hashlib.sha256(bytes([number])).digest() for number in range(count)]
    assert merkle_root(iter(leaves)) == _naive(leaves)


def test_tree_agrees_with_published_vectors():
    """The known test vectors of RFC 6962 trees, from Certificate Transparency's own tests (0, 1, 2, 3, 8 inputs)."""
    inputs = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
    leaves = [hashlib.sha256(b"\x00" + bytes.fromhex(one)).digest() for one in inputs]
    known = {
        1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        2: "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        3: "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    }
    assert {count: merkle_root(leaves[:count]).hex() for count in known} == known


def test_vectors_of_the_text():
    roots = dict(re.findall(r"^\| (\d) \| `([0-9a-f]{64})` \|$", TEXT, re.MULTILINE))
    leaves = [hashlib.sha256(bytes([0, number])).digest() for number in range(8)]
    assert len(roots) == 5
    assert {count: merkle_root(leaves[: int(count)]).hex() for count in roots} == roots
    chunks = re.findall(r"^\| `(\S+)` \| (?:`([0-9a-f]+)`|absent) \| `([0-9a-f]{64})` \|$", TEXT, re.MULTILINE)
    assert len(chunks) == 2
    for key, stored, leaf in chunks:
        assert chunk_leaf(key, bytes.fromhex(stored) if stored else None).hex() == leaf


def test_group_of_the_text(tmp_path):
    documents = dict(re.findall(r"```json ?(\w*)\n(.+)\n```", TEXT))
    assert list(documents) == ["", "crs", "sst"]
    cases = re.findall(r"^\| ((?:`\S+`=`\S+` ?)+) \| `(sha256:\S+)` \|$", TEXT, re.MULTILINE)
    assert len(cases) == 2
    for number, (stored, root) in enumerate(cases):
        folder = tmp_path / str(number)
        chunks = {key: bytes.fromhex(text) for key, text in re.findall(r"`(\S+)`=`(\S+)`", stored)}
        for path, text in documents.items():
            (folder / path).mkdir(parents=True)
            (folder / path / "zarr.json").write_text(json.dumps(json.loads(text), indent=2), encoding="utf-8")
            assert canonical_metadata(json.loads(text)).decode() == text
        for key, content in chunks.items():
            (folder / key).parent.mkdir(parents=True, exist_ok=True)
            (folder / key).write_bytes(content)
        grid = {"crs": ["crs/c"], "sst": ["sst/c/0/0", "sst/c/1/0"]}
        leaves = {path: [chunk_leaf(key, chunks.get(key)) for key in keys] for path, keys in grid.items()}
        parsed = {path: json.loads(text) for path, text in documents.items()}
        assert content_root(parsed, leaves) == root == _script_root(folder)


@pytest.fixture(scope="module")
def plain_copy(ostia_revision, tmp_path_factory) -> Path:
    """All keys under ``maps/`` of the ingested real file, as a plain folder."""
    folder = tmp_path_factory.mktemp("copy") / "maps"
    store = open_repository(ostia_revision.url).readonly_session(snapshot_id=ostia_revision.snapshot).store

    async def keys() -> list[str]:
        return [key async for key in store.list_prefix("maps/")]

    for key in sync(keys()):
        target = folder / key.removeprefix("maps/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(sync(store.get(key, default_buffer_prototype())).to_bytes())
    return folder


def test_independent_script_finds_the_root_of_a_plain_copy(plain_copy, ostia_revision):
    assert _script_root(plain_copy) == ostia_revision.content_root
    assert zarr.open_group(plain_copy, mode="r")["surface_temperature"].shape == (54, 18, 432)


def test_consolidated_metadata_changes_nothing(plain_copy, ostia_revision, tmp_path):
    folder = tmp_path / "maps"
    shutil.copytree(plain_copy, folder)
    with pytest.warns(match="Consolidated metadata"):
        zarr.consolidate_metadata(folder)
    assert "consolidated_metadata" in json.loads((folder / "zarr.json").read_bytes())
    assert _script_root(folder) == ostia_revision.content_root


def _script():
    """The script as a module, so that many folders need not start many processes."""
    import importlib.util

    spec = importlib.util.spec_from_file_location("content_root_vectors", DOCS / "content_root_vectors.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_any_change_of_a_file_changes_the_root(plain_copy, ostia_revision, tmp_path, monkeypatch):
    """One bit of every chunk, one attribute and one structural member of every document, every chunk removed."""
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    root = _script().root
    folder = tmp_path / "maps"
    shutil.copytree(plain_copy, folder)
    seen = {ostia_revision.content_root}
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    changes = 0
    for path in files:
        content = path.read_bytes()
        if path.name == "zarr.json":
            document = json.loads(content)
            document["attributes"]["colour"] = "red"
            versions = [json.dumps(document).encode()]
        else:
            versions = [bytes([*content[:-1], content[-1] ^ 0x80]), content + b"\0", None]
        for version in versions:
            path.unlink() if version is None else path.write_bytes(version)
            seen.add(root(folder))
            changes += 1
            path.write_bytes(content)
    assert changes > 40
    assert len(seen) == changes + 1
    assert root(folder) == ostia_revision.content_root


def test_a_chunk_under_another_key_changes_the_root(plain_copy, ostia_revision, tmp_path):
    folder = tmp_path / "maps"
    shutil.copytree(plain_copy, folder)
    first, second = (folder / f"surface_temperature/c/{number}/0/0" for number in (0, 1))
    swapped = first.read_bytes(), second.read_bytes()
    first.write_bytes(swapped[1])
    second.write_bytes(swapped[0])
    assert _script_root(folder) != ostia_revision.content_root


def test_absent_and_filled_chunks_differ():
    assert chunk_leaf("a/c/0", None) != chunk_leaf("a/c/0", b"")
    assert len({chunk_leaf(key, stored) for key in ("a/c/0", "a/c/1") for stored in (None, b"", b"x")}) == 6


def test_group_and_array_are_told_apart_by_path():
    assert array_leaf("", {}, ()) != array_leaf("a", {}, ())
    assert array_leaf("a", {}, ()) != array_leaf("a", {}, [chunk_leaf("a/c", None)])


@given(
    st.dictionaries(
        st.text(st.characters(exclude_categories=["Cs"])),
        st.integers() | st.text(max_size=3).filter(str.isascii),
        max_size=5,
    )
)
def test_canonical_metadata_does_not_depend_on_order(document):
    turned = dict(reversed(document.items()))
    assert canonical_metadata(document) == canonical_metadata(turned)
    kept = {key: value for key, value in document.items() if key != "consolidated_metadata"}
    assert json.loads(canonical_metadata(document)) == kept


def test_documents_may_come_in_any_order():
    documents = {"b": {"x": 1}, "": {}, "a": {"x": 2}}
    assert content_root(documents, {}) == content_root(dict(reversed(documents.items())), {})


def test_chunk_key_of_a_scalar():
    assert chunk_key("crs", ()) == "crs/c"


def test_hashing_store_hashes_what_it_stores():
    below = MemoryStore()
    store = HashingStore(below, "maps")
    group = zarr.open_group(store, mode="a").create_group("maps")
    group.create_array("sst", shape=(4, 6), chunks=(2, 3), dtype="f4")[...] = 1.5
    other = zarr.open_group(store, mode="a").create_group("series")
    other.create_array("sst", shape=(4,), chunks=(2,), dtype="f4")[...] = 1.5
    keys = {f"sst/c/{row}/{column}" for row in range(2) for column in range(2)}
    assert set(store.written) == keys
    for key in keys:
        stored = below._store_dict[f"maps/{key}"].to_bytes()
        assert store.written[key] == (chunk_leaf(key, stored), len(stored))


def test_root_of_the_opened_revision_is_the_recorded_one(ostia_revision):
    store = open_store(ostia_revision.url, revision="r1")
    assert store.origin.snapshot == ostia_revision.snapshot
    assert re.fullmatch(r"sha256:[0-9a-f]{64}", ostia_revision.content_root)
