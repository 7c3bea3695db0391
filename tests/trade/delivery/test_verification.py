"""The buyer's check: every fault is named, nothing is believed that is not shown, and memory does not grow."""

import base64
import hashlib
import itertools
import json
import os
import shutil
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from oceandata import storage
from oceandata.errors import InputError, NotFoundError
from oceandata.storage.integrity import canonical_metadata, merkle_root
from oceandata.trade.delivery import (
    KeyFile,
    PublicKey,
    load_key_file,
    load_private_key,
    new_key,
    plan_delivery,
    read_grant,
    verify_delivery,
    write_delivery,
)
from oceandata.trade.delivery.envelope import sealed
from oceandata.trade.delivery.keys import key_id, public_text
from oceandata.trade.delivery.manifest import FileRecord, delivered_leaf
from oceandata.trade.delivery.walking import check_path
from tests.trade.delivery.conftest import Keys, entitlement

_CHUNK = "data.zarr/surface_temperature/c/4/0/2"
_OTHER = "data.zarr/surface_temperature/c/5/0/2"


@pytest.fixture(scope="module")
def whole(product, keys, tmp_path_factory) -> Path:
    """A package of whole chunks; read only."""
    target = tmp_path_factory.mktemp("whole") / "package"
    plan = plan_delivery(read_grant(entitlement(), product=product), target, bbox=(100, -5, 200, 5), time="2009")
    write_delivery(plan, keys.private)
    return target


@pytest.fixture
def package(whole, tmp_path) -> Path:
    """A package that a test may spoil."""
    return Path(shutil.copytree(whole, tmp_path / "package"))


def _flip(path: Path, at: int = -1) -> None:
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)


def _signed_again(
    package: Path,
    keys: Keys,
    change_records: Any = lambda records: records,
    change: Any = lambda manifest: manifest,
) -> None:
    """A seller's own change: list, manifest and signature agree with each other, whatever they say."""
    lines = [json.loads(line) for line in (package / "od-files.jsonl").read_bytes().splitlines()]
    lines = sorted(change_records(lines), key=lambda one: one["path"])
    (package / "od-files.jsonl").write_bytes(b"".join(canonical_metadata(line) + b"\n" for line in lines))
    content = (package / "od-files.jsonl").read_bytes()
    manifest = json.loads((package / "od-manifest.json").read_bytes())
    manifest["files"] |= {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content), "lines": len(lines)}
    records = [FileRecord.from_json(line) for line in lines]
    manifest["delivered_root"] = "sha256:" + merkle_root(map(delivered_leaf, records)).hex()
    files = [one for one in records if one.bytes is not None]
    manifest["counts"] |= {"files": len(files), "bytes": sum(one.bytes or 0 for one in files)}
    public = public_text(keys.private)
    manifest["signer"] = {"keyid": key_id(public), "public": public}
    payload = canonical_metadata(change(manifest))
    (package / "od-manifest.json").write_bytes(payload)
    (package / "od-manifest.dsse.json").write_bytes(sealed(payload, keys.private))


def _replaced(package: Path, path: str, content: bytes, keys: Keys, change: Any = lambda manifest: manifest) -> None:
    """Other content for a file, signed by its seller."""
    (package / path).write_bytes(content)
    new = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    _signed_again(package, keys, lambda records: [one | new if one["path"] == path else one for one in records], change)


def test_a_sound_package_is_proved(whole, keys, product):
    report = verify_delivery(whole, keys=keys.public, root=product.revisions[0].content_root)
    assert (report.exit_code, report.verdict, report.faults) == (0, "proved", ())
    assert any("up to the published content root" in one for one in report.proved)
    assert report.unproved == ("that the data are right, or fit for a purpose",)
    assert report.files == sum(one.is_file() for one in whole.rglob("*")) - 3
    assert report.to_json()["manifest"]["product"] == product.id
    assert "proved" in report._repr_html_()


def test_without_a_key_the_signer_is_unknown(whole):
    report = verify_delivery(whole)
    assert (report.exit_code, report.verdict) == (2, "intact, signer unknown")
    assert any("only the key in the package is known" in one for one in report.unproved)
    assert not any("trust" in one for one in report.proved)
    assert "as it says itself" in str(report)


def test_without_the_published_root_that_is_said(whole, keys, product):
    report = verify_delivery(whole, keys=keys.public)
    assert report.exit_code == 0
    assert any(product.revisions[0].content_root in one and "--root" in one for one in report.unproved)


def test_another_published_root(whole, keys):
    report = verify_delivery(whole, keys=keys.public, root="sha256:" + "0" * 64)
    assert report.exit_code == 1
    assert "sha256:0000" in report.faults[0]
    with pytest.raises(InputError, match="need 'sha256:'"):
        verify_delivery(whole, root="0123")
    with pytest.raises(NotFoundError, match="no package"):
        verify_delivery(whole / "nowhere")


@pytest.mark.parametrize(
    "path", [_CHUNK, "README.txt", "data.zarr/zarr.json", "data.zarr/time/zarr.json", "data.zarr/time/c/0"]
)
@pytest.mark.parametrize("at", [0, -1])
def test_one_flipped_bit_is_named(package, keys, path, at):
    _flip(package / path, at)
    report = verify_delivery(package, keys=keys.public)
    assert report.exit_code == 1
    assert f"{path} differs from what was signed" in report.faults


def test_one_missing_file_is_named(package, keys):
    (package / _CHUNK).unlink()
    report = verify_delivery(package, keys=keys.public)
    assert (report.exit_code, report.faults) == (1, (f"{_CHUNK} is missing",))


@pytest.mark.parametrize("extra", ["a", "zz", "data.zarr/surface_temperature/c/0/0/0", "data.zarr/.hidden", "new/a"])
def test_one_extra_file_is_named(package, keys, extra):
    (package / extra).parent.mkdir(parents=True, exist_ok=True)
    (package / extra).write_bytes(b"more")
    report = verify_delivery(package, keys=keys.public)
    assert (report.exit_code, report.faults) == (1, (f"{extra} is not in the list of files: it was added",))


def test_two_swapped_files_are_named(package, keys):
    one, other = (package / _CHUNK).read_bytes(), (package / _OTHER).read_bytes()
    (package / _CHUNK).write_bytes(other)
    (package / _OTHER).write_bytes(one)
    report = verify_delivery(package, keys=keys.public)
    assert (report.exit_code, report.faults) == (1, (f"{_CHUNK} and {_OTHER} have changed places",))


@pytest.mark.parametrize("change", [b"", b"more"])
def test_a_cut_or_longer_file_is_named(package, keys, change):
    content = (package / _CHUNK).read_bytes()
    (package / _CHUNK).write_bytes(content + change if change else content[:-1])
    report = verify_delivery(package, keys=keys.public)
    assert report.exit_code == 1
    assert report.faults[0].startswith(f"{_CHUNK} differs from what was signed, it has ")


@pytest.mark.parametrize("name", ["od-manifest.json", "od-manifest.dsse.json", "od-files.jsonl"])
def test_spoilt_seals(package, keys, name):
    for spoil in (lambda path: _flip(path, len(path.read_bytes()) // 2), Path.unlink):
        spoil(package / name)
        report = verify_delivery(package, keys=keys.public)
        assert report.exit_code == 1
        assert any(name in fault or "envelope" in fault or "signature" in fault for fault in report.faults)


def test_a_stranger_who_signs_again_is_not_believed(package, keys, tmp_path):
    new_key(tmp_path / "stranger")
    stranger = Keys(load_private_key(tmp_path / "stranger"), tmp_path / "stranger", KeyFile(keys=()))
    _signed_again(package, stranger)
    report = verify_delivery(package, keys=keys.public)
    assert report.exit_code == 1
    assert "which is not among the keys given" in report.faults[0]
    assert verify_delivery(package).exit_code == 2  # nobody can tell without the provider's key
    theirs = PublicKey(public=public_text(stranger.private))
    assert verify_delivery(package, keys=KeyFile(keys=(theirs,))).exit_code == 0


def test_a_strangers_signature_under_the_name_of_the_provider(package, keys, tmp_path):
    new_key(tmp_path / "stranger")
    private = load_private_key(tmp_path / "stranger")
    envelope = json.loads((package / "od-manifest.dsse.json").read_bytes())
    signature = private.sign(b"DSSEv1 forged")
    envelope["signatures"][0]["sig"] = base64.b64encode(signature).decode()
    (package / "od-manifest.dsse.json").write_text(json.dumps(envelope))
    for pinned in (keys.public, None):
        report = verify_delivery(package, keys=pinned)
        assert report.exit_code == 1
        assert "signature" in report.faults[0]


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        ({"revoked": "2026-01-01", "reason": "lost"}, r"was revoked on 2026-01-01 (lost)"),
        ({"valid_to": "2020-01-01"}, "was valid to 2020-01-01"),
        ({"valid_from": "2100-01-01"}, "is valid from 2100-01-01"),
    ],
)
def test_a_key_that_must_not_sign_any_more(whole, keys, limits, said):
    public = PublicKey.model_validate({"public": keys.public.keys[0].public} | limits)
    report = verify_delivery(whole, keys=KeyFile(keys=(public,)))
    assert report.exit_code == 1
    assert said in report.faults[0]


def test_one_of_several_keys(whole, keys, tmp_path):
    new_key(tmp_path / "next")
    both = KeyFile(keys=(*load_key_file(tmp_path / "next.pub").keys, *keys.public.keys))
    assert verify_delivery(whole, keys=both).exit_code == 0


# What a seller signs, but cannot prove: the content root was published before.


def test_a_chunk_of_other_data_has_no_proof(package, keys):
    _replaced(package, _CHUNK, (package / _OTHER).read_bytes(), keys)
    report = verify_delivery(package, keys=keys.public)
    assert (report.exit_code, report.faults) == (1, (f"{_CHUNK} does not lead up to the content root",))


@pytest.mark.parametrize("name", ["", "surface_temperature/", "time/"])
def test_other_metadata_have_no_proof(package, keys, name):
    """Another scale of the values, or another time they are of."""
    path = f"data.zarr/{name}zarr.json"
    document = json.loads((package / path).read_bytes())
    document["attributes"]["scale_factor"] = 2.0
    _replaced(package, path, json.dumps(document).encode(), keys)
    report = verify_delivery(package, keys=keys.public)
    assert report.exit_code == 1
    assert any("do not lead up to the content root" in fault for fault in report.faults)


def test_consolidated_metadata_cannot_say_something_else(package, keys):
    """The content root leaves them out, but xarray reads them."""
    document = json.loads((package / "data.zarr/zarr.json").read_bytes())
    document["consolidated_metadata"]["metadata"]["surface_temperature"]["attributes"]["units"] = "degC"
    _replaced(package, "data.zarr/zarr.json", json.dumps(document).encode(), keys)
    report = verify_delivery(package, keys=keys.public)
    assert report.exit_code == 1
    assert "its copy of the metadata of 'surface_temperature' is another" in report.faults[0]


def test_a_chunk_that_was_kept_back_is_missed(package, keys):
    (package / _CHUNK).unlink()
    _signed_again(package, keys, lambda records: [one for one in records if one["path"] != _CHUNK])
    report = verify_delivery(package, keys=keys.public)
    assert report.exit_code == 1
    assert "array 'surface_temperature' has 5 of the 6 chunks that meet the selection" in report.faults


def test_a_chunk_that_is_stored_cannot_be_given_as_absent(package, keys):
    (package / _CHUNK).unlink()

    def absent(record: dict[str, Any]) -> dict[str, Any]:
        return {name: record[name] for name in ("path", "leaf", "audit")} if record["path"] == _CHUNK else record

    _signed_again(package, keys, lambda records: [absent(one) for one in records])
    report = verify_delivery(package, keys=keys.public)
    assert (report.exit_code, report.faults) == (1, (f"{_CHUNK} does not lead up to the content root",))


def test_a_smaller_box_than_the_selection_is_refused(package, keys):
    def smaller(manifest: dict[str, Any]) -> dict[str, Any]:
        manifest["arrays"]["surface_temperature"]["chunks"][0] = [[4, 5]]
        return manifest

    (package / _OTHER).unlink()
    _signed_again(package, keys, lambda records: [one for one in records if one["path"] != _OTHER], smaller)
    report = verify_delivery(package, keys=keys.public)
    assert report.exit_code == 1
    assert "the selection meets" in report.faults[0]


def test_a_file_inside_the_dataset_needs_a_proof(package, keys):
    path = "data.zarr/surface_temperature/c/0/0/0"
    (package / path).parent.mkdir(parents=True)
    (package / path).write_bytes(b"invented")
    record = {"path": path, "bytes": 8, "sha256": hashlib.sha256(b"invented").hexdigest()}
    for more in ({}, {"leaf": "surface_temperature/c/0/0/0"}):
        shutil.copy(package / "od-files.jsonl", package.parent / "list")
        _signed_again(package, keys, lambda records, more=more: [*records, record | more])
        report = verify_delivery(package, keys=keys.public)
        assert report.exit_code == 1
        assert any("has no proof" in one or "no chunk of the selection" in one for one in report.faults)
        shutil.copy(package.parent / "list", package / "od-files.jsonl")


# Names that lead elsewhere.


@pytest.mark.parametrize(
    "name", ["../outside", "/etc/passwd", "a/../../outside", "a//b", "./a", "a\\..\\b", "c:a", "a\x00b", "a/..", "~\n"]
)
def test_names_that_lead_out_are_refused(package, keys, tmp_path, name):
    (tmp_path / "outside").write_bytes(b"mine")
    record = {"path": name, "bytes": 4, "sha256": hashlib.sha256(b"mine").hexdigest()}
    _signed_again(package, keys, lambda records: [*records, record])
    report = verify_delivery(package, keys=keys.public)
    assert report.exit_code == 1
    assert any("leads out of the package" in one for one in report.faults)
    with pytest.raises(InputError, match="leads out"):
        check_path(name)


@pytest.mark.parametrize("name", ["..", "../..", "a/b", "/etc", "."])
def test_names_of_arrays_that_lead_out_are_refused(package, keys, name):
    def renamed(manifest: dict[str, Any]) -> dict[str, Any]:
        manifest["arrays"][name] = manifest["arrays"].pop("surface_temperature")
        return manifest

    _signed_again(package, keys, change=renamed)
    report = verify_delivery(package, keys=keys.public)
    assert report.exit_code == 1
    assert any("is no name of an array" in one for one in report.faults)


@pytest.mark.parametrize("what", [_CHUNK, "data.zarr/surface_temperature", "README.txt", "od-files.jsonl"])
def test_links_are_not_followed(package, keys, tmp_path, what):
    moved = tmp_path / "moved"
    (package / what).rename(moved)
    (package / what).symlink_to(moved)
    report = verify_delivery(package, keys=keys.public)
    assert report.exit_code == 1
    assert any(what in one for one in report.faults)


def test_special_files_are_not_opened(package, keys):
    os.mkfifo(package / "pipe")
    (package / _CHUNK).unlink()
    os.mkfifo(package / _CHUNK)
    report = verify_delivery(package, keys=keys.public)
    assert f"{_CHUNK} is a special file, which is not read" in report.faults
    assert "pipe is a special file, which is not read" in report.faults


def test_what_a_terminal_would_obey_is_spelt_out(package):
    (package / "a\x1b[2Jb").write_bytes(b"")
    report = verify_delivery(package)
    assert "\x1b" not in str(report)
    assert "a\\x1b[2Jb is not in the list of files" in str(report)


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"{}", b"[" * 100_000, b"\xff\xfe", b'{"scheme":"oceandata-delivery-2"}', b"1e999"]
)
def test_a_manifest_that_is_none(package, keys, content):
    (package / "od-manifest.json").write_bytes(content)
    report = verify_delivery(package, keys=keys.public)
    assert (report.exit_code, report.manifest) == (1, None)
    assert "od-manifest.json" in report.faults[0]


@pytest.mark.parametrize("line", [b"{}\n", b"no json\n", b"[1]\n", b'{"path":"a"', b"x" * 30_000 + b"\n"])
def test_a_list_that_is_none(package, keys, line):
    before = (package / "od-files.jsonl").read_bytes()
    (package / "od-files.jsonl").write_bytes(before + line)
    manifest = json.loads((package / "od-manifest.json").read_bytes())
    content = before + line
    manifest["files"] |= {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
    payload = canonical_metadata(manifest)
    (package / "od-manifest.json").write_bytes(payload)
    (package / "od-manifest.dsse.json").write_bytes(sealed(payload, keys.private))
    report = verify_delivery(package, keys=keys.public)
    assert report.exit_code == 1
    assert any(fault.startswith("od-files.jsonl: ") for fault in report.faults)


def test_very_many_faults_are_counted(package, keys):
    for number in range(500):
        (package / f"extra-{number}").write_bytes(b"")
    report = verify_delivery(package, keys=keys.public)
    assert (report.fault_count, len(report.faults)) == (500, 200)
    assert "… 500 in all" in str(report)


def test_memory_does_not_grow_with_the_files(package, keys):
    """A file of 200 MB (of zeros, which take no disk) is read in blocks of 1 MiB."""
    size = 200_000_000
    with (package / "large").open("wb") as file:
        file.truncate(size)
    digest = hashlib.sha256()
    for _ in range(size // 1_000_000):
        digest.update(bytes(1_000_000))
    record = {"path": "large", "bytes": size, "sha256": digest.hexdigest()}
    _signed_again(package, keys, lambda records: [*records, record])
    tracemalloc.start()
    try:
        report = verify_delivery(package, keys=keys.public)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert report.exit_code == 0
    assert report.nbytes > size
    assert peak < 6_000_000


def test_memory_does_not_grow_with_the_number_of_files(package, keys):
    """Ten thousand files in folders of a hundred: what is held are the names of one folder."""
    records = []
    for folder, file in itertools.product(range(100), range(100)):
        path = f"more/{folder:03}/{file:03}"
        (package / path).parent.mkdir(parents=True, exist_ok=True)
        (package / path).write_bytes(b"")
        records.append({"path": path, "bytes": 0, "sha256": hashlib.sha256(b"").hexdigest()})
    _signed_again(package, keys, lambda before: before + records)
    tracemalloc.start()
    try:
        report = verify_delivery(package, keys=keys.public)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert report.exit_code == 0
    assert report.files > 10_000
    assert peak < 6_000_000


# Any selection.


@given(
    west=st.floats(-180, 360),
    width=st.floats(1, 360),
    south=st.floats(-5, 4),
    height=st.floats(0.6, 9),
    first=st.integers(0, 53),
    months=st.integers(1, 54),
)
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_selection_holds_just_the_chunks_that_meet_it(
    product, keys, gridded, tmp_path_factory, west, width, south, height, first, months
):
    """The chunks of a package are those that hold a cell of the selection, found by looking at every cell."""
    whole = storage.open_dataset(gridded, chunks=None)
    times = whole["time"].to_numpy()[first : first + months]
    period = "/".join(str(one)[:19] for one in (times[0], times[-1]))
    bbox = (west, south, west + width if west + width <= 360 else west + width - 360, min(south + height, 90.0))
    lat, lon = whole["latitude"].to_numpy().astype("f8"), whole["longitude"].to_numpy().astype("f8")
    degrees = (bbox[2] - bbox[0]) % 360 or 360
    rows = np.flatnonzero((lat >= bbox[1]) & (lat <= bbox[3]))
    columns = np.flatnonzero((lon - bbox[0]) % 360 <= degrees)
    target = tmp_path_factory.mktemp("any") / "package"
    grant = read_grant(entitlement(), product=product)
    if not rows.size or not columns.size:
        with pytest.raises(InputError, match="no cell centre"):
            plan_delivery(grant, target, bbox=bbox, time=period)
        return
    write_delivery(plan_delivery(grant, target, bbox=bbox, time=period), keys.private)
    chunk = whole["surface_temperature"].encoding["chunks"]
    steps = range(first, min(first + months, 54))
    wanted = {
        f"{t // chunk[0]}/{y // chunk[1]}/{x // chunk[2]}"
        for t in {at // chunk[0] * chunk[0] for at in steps}
        for y in {at // chunk[1] * chunk[1] for at in rows.tolist()}
        for x in {at // chunk[2] * chunk[2] for at in columns.tolist()}
    }
    folder = target / "data.zarr" / "surface_temperature" / "c"
    assert {one.relative_to(folder).as_posix() for one in folder.rglob("*") if one.is_file()} == wanted
    report = verify_delivery(target, keys=keys.public, root=product.revisions[0].content_root)
    assert report.exit_code == 0, str(report)
    shutil.rmtree(target)


def test_cells_that_are_not_those_asked_for(package, keys):
    """A year that was asked for, and another one that was delivered: the coordinates in the package tell."""

    def another(manifest: dict[str, Any]) -> dict[str, Any]:
        manifest["selection"]["asked"]["time"] = "2008"
        return manifest

    _signed_again(package, keys, change=another)
    report = verify_delivery(package, keys=keys.public)
    assert report.exit_code == 1
    assert "but what was asked for are" in report.faults[0]


def _group(package: Path, held: Any) -> bytes:
    """Metadata of the group with other copies in them."""
    document = json.loads((package / "data.zarr/zarr.json").read_bytes())
    if callable(held):
        held(document["consolidated_metadata"]["metadata"])
    else:
        document["consolidated_metadata"] = held
    return json.dumps(document).encode()


@pytest.mark.parametrize(
    "held",
    [
        None,
        [],
        5,
        "metadata",
        {},
        {"metadata": {}},
        {"metadata": []},
        {"metadata": None},
        {"metadata": {"surface_temperature": {"a": float("nan")}}},
        {"metadata": {"surface_temperature": {"a": "\ud800"}}},
        pytest.param(lambda copies: copies.pop("time"), id="one less"),
        pytest.param(lambda copies: copies["time"].update(consolidated_metadata={"metadata": {}}), id="one inside"),
        pytest.param(lambda copies: copies.update(other=copies["time"]), id="one more"),
    ],
)
def test_copies_of_metadata_are_just_those_of_the_arrays(package, keys, product, held):
    _replaced(package, "data.zarr/zarr.json", _group(package, held), keys)
    report = verify_delivery(package, keys=keys.public, root=product.revisions[0].content_root)
    assert report.exit_code == 1
    assert any(fault.startswith("data.zarr/zarr.json: its co") for fault in report.faults)


@pytest.mark.parametrize(
    "text",
    [
        b'{"zarr_format": 3, "zarr_format": 3}',
        b'{"attributes": {"a": "\\ud800"}}',
        b'{"attributes": {"a": NaN}}',
        b"[" * 100_000,
    ],
)
def test_metadata_that_cannot_be_used_are_a_fault(package, keys, text):
    place = package / "data.zarr/surface_temperature/zarr.json"
    if text.startswith(b'{"attributes"'):
        text = json.dumps(json.loads(place.read_bytes()) | json.loads(text)).encode()
    place.write_bytes(text)
    faults = verify_delivery(package, keys=keys.public).faults
    assert any("the metadata of array" in fault and "cannot be used" in fault for fault in faults)


@pytest.mark.parametrize(
    ("shape", "chunks"), [(None, [0, 0, 0]), ([float("inf")] * 3, None), ("abc", None), (None, [True] * 3), (5, 5)]
)
def test_sizes_that_are_none_are_a_fault(package, keys, shape, chunks):
    place = package / "data.zarr/surface_temperature/zarr.json"
    document = json.loads(place.read_bytes())
    document["shape"] = document["shape"] if shape is None else shape
    if chunks is not None:
        document["chunk_grid"]["configuration"]["chunk_shape"] = chunks
    place.write_text(json.dumps(document).replace("Infinity", "1e400"), encoding="utf-8")
    faults = verify_delivery(package, keys=keys.public).faults
    assert any("need whole numbers" in fault for fault in faults)


def test_cells_that_no_array_can_have_are_a_fault(package, keys):
    def change(manifest: dict[str, Any]) -> dict[str, Any]:
        manifest["selection"]["cells"]["time"] = [[0, 10**4_000]]
        return manifest

    _signed_again(package, keys, change=change)
    assert "cannot be used" in verify_delivery(package, keys=keys.public).faults[0]


def test_a_place_in_the_grid_of_very_many_digits_is_a_fault(package, keys):
    path = f"data.zarr/surface_temperature/c/{'1' * 3_900}/0/0"

    def change(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [*records, {"path": path, "leaf": path.removeprefix("data.zarr/"), "audit": []}]

    _signed_again(package, keys, change)
    assert verify_delivery(package, keys=keys.public).exit_code == 1


def test_very_many_folders_in_each_other_are_a_fault(package, keys):
    folder = os.open(package, os.O_RDONLY)
    for _ in range(150):
        os.mkdir("deeper", dir_fd=folder)
        inner = os.open("deeper", os.O_RDONLY, dir_fd=folder)
        os.close(folder)
        folder = inner
    os.close(folder)
    report = verify_delivery(package, keys=keys.public)
    assert report.exit_code == 1
    assert any("folders, so it is not read" in fault for fault in report.faults)


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"quality": "all checked"}, "the selection asks for quality"),
        ({"variables": ["surface_temperature", "ice"]}, "does not open with what was asked for"),
        ({"variables": []}, "the variables are surface_temperature"),
    ],
)
def test_what_was_asked_agrees_with_what_is_there(package, keys, asked, words):
    def change(manifest: dict[str, Any]) -> dict[str, Any]:
        manifest["selection"]["asked"] |= asked
        return manifest

    _signed_again(package, keys, change=change)
    assert any(words in fault for fault in verify_delivery(package, keys=keys.public).faults)


@pytest.mark.parametrize(
    ("part", "names", "words"),
    [
        ("counts", {"chunks": 999, "chunks_absent": 7}, "999 and 7 were signed"),
        ("files", {"lines": 7}, "7 were signed"),
    ],
)
def test_numbers_that_do_not_match_are_faults(package, keys, part, names, words):
    def change(manifest: dict[str, Any]) -> dict[str, Any]:
        manifest[part] |= names
        return manifest

    _signed_again(package, keys, change=change)
    assert words in verify_delivery(package, keys=keys.public).faults[0]


def test_the_key_that_verified_is_named(package, keys, tmp_path):
    other = public_text(load_private_key(new_key(tmp_path / "other").with_suffix("")))

    def change(manifest: dict[str, Any]) -> dict[str, Any]:
        manifest["signer"] = {"keyid": key_id(other), "public": other}
        return manifest

    _signed_again(package, keys, change=change)
    report = verify_delivery(package, keys=keys.public)
    assert report.exit_code == 0
    assert keys.public.keys[0].id in report.proved[1]
    assert key_id(other) not in str(report)


def test_a_forged_chunk_that_is_called_clipped_is_not_proved(package, keys, product):
    def change(manifest: dict[str, Any]) -> dict[str, Any]:
        return manifest | {"mode": "clipped"}

    _replaced(package, _CHUNK, (package / _OTHER).read_bytes(), keys, change)
    report = verify_delivery(package, keys=keys.public)
    assert (report.exit_code, report.verdict) == (0, "attested, not proven")
    report = verify_delivery(package, keys=keys.public, root=product.revisions[0].content_root)
    assert report.exit_code == 2
    assert "nothing links it to the root" in report.verdict
    assert "nothing links a clipped package to a root" in " ".join(report.unproved)
