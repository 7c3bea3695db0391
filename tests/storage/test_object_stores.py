"""Object stores and the web: bounded, explained, safe with keys, and otherwise the same as a local path."""

import functools
import http.server
import importlib.util
import os
import pickle
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import icechunk
import numpy as np
import pytest
import xarray as xr
import yaml

from oceandata import storage
from oceandata.entities import Origin
from oceandata.errors import (
    AccessError,
    InputError,
    MissingExtraError,
    NotFoundError,
    RepositoryExistsError,
    UnreachableError,
)
from oceandata.storage import ingest, stores
from oceandata.storage.credentials import read_profile
from oceandata.storage.layout import damaged_chunks, read_layout
from oceandata.storage.plain import open_zarr_store
from oceandata.storage.remote import Server, check_answers, run_bounded
from tests.storage.object_server import ObjectServer, object_server, profiles

__all__ = ["object_server", "profiles"]

FIELD = "surface_temperature"


# Patience


def _server(port: int, timeout_s: float = 0.3) -> Server:
    return Server("s3://ocean/a", f"http://127.0.0.1:{port}/ocean", "check the keys", timeout_s)


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A server that accepts connections and never answers."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(64)
        yield listening.getsockname()[1]


@pytest.fixture
def closed_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


class _Files(http.server.SimpleHTTPRequestHandler):
    """A quiet web server of files; ``secret`` is forbidden."""

    def do_GET(self) -> None:
        if "/secret" in self.path:
            self.send_error(403)
        else:
            super().do_GET()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def web(tmp_path: Path) -> Iterator[str]:
    """Address of a web server of the folder ``web``."""
    (tmp_path / "web").mkdir()
    serving = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Files, directory=tmp_path / "web"))
    thread = threading.Thread(target=serving.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield f"http://127.0.0.1:{serving.server_port}"
    serving.shutdown()
    thread.join()
    serving.server_close()


def test_any_answer_is_a_sign_of_life(web, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    check_answers(_server(int(web.rpartition(":")[2])))


def test_a_slow_call_of_a_living_server_goes_on(web):
    server = _server(int(web.rpartition(":")[2]), timeout_s=0.1)
    assert run_bounded(server, lambda: time.sleep(0.5) or "done") == "done"


def test_a_call_of_a_silent_server_ends(silent_port):
    begun = time.monotonic()
    forever = threading.Event()
    with pytest.raises(UnreachableError, match=rf"127.0.0.1:{silent_port} cannot be reached.*does not answer"):
        run_bounded(_server(silent_port), lambda: forever.wait(30))
    assert time.monotonic() - begun < 20
    forever.set()


def test_an_error_of_a_call_is_kept(web):
    with pytest.raises(ZeroDivisionError):
        run_bounded(_server(int(web.rpartition(":")[2])), lambda: 1 / 0)


@pytest.mark.parametrize("port", ["silent_port", "closed_port"])
def test_opening_ends_soon_and_names_the_host(profiles, request, port):
    number = request.getfixturevalue(port)
    settings = {"endpoint_url": f"http://127.0.0.1:{number}", "allow_http": True, "anonymous": True, "timeout_s": 0.5}
    profiles.write_text(yaml.safe_dump({"p": settings}), encoding="utf-8")
    begun = time.monotonic()
    with pytest.raises(UnreachableError, match=f"127.0.0.1:{number} cannot be reached for s3://ocean/a"):
        stores.open_repository("s3://ocean/a?profile=p")
    assert time.monotonic() - begun < 20


def test_an_object_store_has_no_lock(profiles):
    with stores.commit_lock("s3://ocean/a"), stores.commit_lock("s3://ocean/a"):
        assert list(profiles.parent.iterdir()) == [profiles]


# Plain Zarr


@pytest.fixture
def exported(ostia_file: Path, tmp_path: Path, web: str) -> Path:
    """The real file as plain Zarr: at the top, in a group, and without consolidated metadata."""
    folder = tmp_path / "web"
    with xr.open_dataset(ostia_file) as ds:
        part = ds[[FIELD]].drop_vars([name for name in ds.coords if name not in ds.dims])
        for array in part.variables.values():
            array.attrs = {key: text for key, text in array.attrs.items() if key in ("units", "standard_name")}
            array.encoding = {}
        for name, group in (("top", None), ("grouped", "maps"), ("loose", None)):
            part.to_zarr(folder / name, group=group, zarr_format=3, consolidated=False)
    import warnings

    import zarr

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", zarr.errors.ZarrUserWarning)
        for name in ("top", "grouped"):
            zarr.consolidate_metadata(str(folder / name))
    return folder


@pytest.fixture
def on_the_web(web: str) -> str:
    pytest.importorskip("obstore", reason="obstore is not installed (extra s3)")
    return web


@pytest.mark.parametrize("name", ["top", "grouped", "loose"])
def test_plain_zarr_of_a_folder(exported, ostia_file, name):
    url = exported / name
    with storage.counted_reads() as reads:
        ds = storage.open_dataset(url, time="2007", origin=Origin(repository="", entry="ostia"))
        values = ds[FIELD].to_numpy()
    with xr.open_dataset(ostia_file) as ds:
        np.testing.assert_array_equal(values, ds[FIELD].sel(time="2007"))
    assert {(read.repository, read.snapshot) for read in reads.counts} == {(str(url), "")}
    origin = stores.open_store(url, origin=Origin(repository="", entry="ostia")).origin
    group = "maps" if name == "grouped" else ""
    assert origin == Origin(repository=str(url), group=group, entry="ostia")


@pytest.mark.parametrize("name", ["top", "grouped"])
def test_plain_zarr_of_the_web(exported, on_the_web, ostia_file, name):
    url = f"{on_the_web}/{name}"
    ds = storage.open_dataset(url, time="2007")
    again = pickle.loads(pickle.dumps(ds))
    with storage.counted_reads() as reads:
        values = again[FIELD].to_numpy()
    with xr.open_dataset(ostia_file) as whole:
        np.testing.assert_array_equal(values, whole[FIELD].sel(time="2007"))
    assert {(read.repository, read.snapshot) for read in reads.counts} == {(url, "")}
    assert sum(nbytes for _, nbytes in reads.counts.values()) > 100_000
    assert open_zarr_store(url, group="maps").read_only


def test_version_2_of_the_web(on_the_web, tmp_path, ostia_file):
    with xr.open_dataset(ostia_file) as ds:
        part = ds[[FIELD]].drop_vars([name for name in ds.coords if name not in ds.dims])
        for array in part.variables.values():
            array.attrs, array.encoding = {}, {}
        part.to_zarr(tmp_path / "web" / "v2", zarr_format=2, consolidated=True)
        ds = storage.open_dataset(f"{on_the_web}/v2", plain=True)
        np.testing.assert_array_equal(ds[FIELD], part[FIELD])
    again = pickle.loads(pickle.dumps(ds))
    assert again[FIELD].shape == (54, 18, 432)


def test_zarr_of_the_web_is_scanned(exported, on_the_web, tmp_path):
    from oceandata.catalog import open_catalog
    from oceandata.catalog.scan import run_scan

    places = [f"{on_the_web}/{name}" for name in ("top", "grouped", "loose", "nothing")]
    report = run_scan(places, tmp_path / "c.yaml")
    assert {entry.id: entry.assets["zarr"].group for entry in report.entries} == {"top": "", "grouped_maps": "maps"}
    assert {reject.path: reject.code for reject in report.rejects} == dict.fromkeys(places[2:], "unsound")
    assert open_catalog(tmp_path / "c.yaml").open("grouped_maps", time="2007")[FIELD].chunks is not None


def test_what_the_web_does_not_serve_is_said(exported, on_the_web, closed_port):
    (exported / "login").mkdir()
    (exported / "login" / "zarr.json").write_text("<html>please log in</html>", encoding="utf-8")
    with pytest.raises(InputError, match="no consolidated metadata"):
        storage.open_dataset(f"{on_the_web}/loose")
    for name in ("login", "nothing"):
        with pytest.raises(NotFoundError, match="no group of Zarr"):
            storage.open_dataset(f"{on_the_web}/{name}")
    with pytest.raises(AccessError, match="refuses access"):
        storage.open_dataset(f"{on_the_web}/secret")
    with pytest.raises(UnreachableError, match="refuses connections"):
        storage.open_dataset(f"http://127.0.0.1:{closed_port}/top")
    with pytest.raises(NotFoundError, match="plain Zarr, which has no revisions"):
        storage.open_dataset(f"{on_the_web}/top", revision="r1")


def test_nothing_is_written_to_the_web(web, ostia_file):
    with pytest.raises(InputError, match="can only be read"):
        stores.create_repository(f"{web}/new")


def test_a_missing_extra_is_named(exported, web, monkeypatch):
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *a: None if name == "obstore" else found(name, *a))
    with pytest.raises(MissingExtraError, match=r"oceandata-exchange\[s3\]"):
        storage.open_dataset(f"{web}/unseen")


def test_repositories_of_the_web_need_a_later_icechunk_and_a_server_of_parts(web, ostia_revision, tmp_path):
    (tmp_path / "web" / "sst").symlink_to(ostia_revision.url)
    if hasattr(icechunk, "http_storage"):
        with pytest.raises(InputError, match="no parts of files"):
            storage.open_dataset(f"{web}/sst", revision="r1")
    else:
        with pytest.raises(MissingExtraError, match="needs Icechunk 2"):
            stores.open_repository(f"{web}/sst")


# A real object store


@pytest.fixture
def at(object_server: ObjectServer, profiles: Path, monkeypatch: pytest.MonkeyPatch):
    """URL of a prefix in the private bucket; ``bucket`` and ``profile`` change the rest."""
    endpoint = {"endpoint_url": object_server.endpoint, "allow_http": True, "timeout_s": 2.0}
    keys = {"access_key_env": "OD_TEST_KEY", "secret_key_env": "OD_TEST_SECRET"}
    wrong = {"access_key_env": "OD_TEST_KEY", "secret_key_env": "OD_TEST_WRONG"}
    known = {"owner": endpoint | keys, "wrong": endpoint | wrong, "public": endpoint | {"anonymous": True}}
    profiles.write_text(yaml.safe_dump(known), encoding="utf-8")
    monkeypatch.setenv("OD_TEST_KEY", object_server.access)
    monkeypatch.setenv("OD_TEST_SECRET", object_server.secret)
    monkeypatch.setenv("OD_TEST_WRONG", "wrong")

    def url(prefix: str, *, bucket: str = "private", profile: str = "owner") -> str:
        return f"s3://{bucket}/{prefix}?profile={profile}"

    return url


def _ingest(ostia_file: Path, url: object, **more):
    return storage.write_repository(storage.plan_ingest([ostia_file], url, chunk_bytes=100_000), **more)


@pytest.fixture
def remote(object_server, at, ostia_file):
    """The real file in the public bucket, written once for all tests."""
    url = at("shared/sst", bucket="public")
    if not stores.repository_exists(url):
        _ingest(ostia_file, url)
    return url


@pytest.mark.hard
def test_the_same_dataset_as_on_a_disk(remote, at, ostia_revision, ostia_file):
    summary = storage.describe_revision(remote)
    assert summary.url == remote
    assert summary.content_root == ostia_revision.content_root
    assert (summary.stored_bytes, summary.chunks) == (ostia_revision.stored_bytes, ostia_revision.chunks)
    report = storage.verify_revision(remote)
    assert report.is_sound
    assert report.repository == remote
    assert report.checked == report.chunks > 18
    ds = storage.open_dataset(remote, revision="r1", snapshot=summary.snapshot)
    xr.testing.assert_identical(ds.compute(), storage.open_dataset(ostia_revision.url).compute())
    with pytest.raises(RepositoryExistsError, match="holds a"):
        _ingest(ostia_file, remote)
    with pytest.raises(RepositoryExistsError, match="holds a repository already"):
        stores.create_repository(remote)


@pytest.mark.hard
def test_something_else_is_not_written_over(remote, at):
    with pytest.raises(RepositoryExistsError, match="not a repository"):
        stores.create_repository(at("shared", bucket="public"))


@pytest.mark.hard
def test_workers_find_the_keys_themselves_and_reads_are_counted(remote, object_server):
    from distributed import Client, LocalCluster

    ds = storage.open_dataset(remote, chunks={})
    expected = storage.open_dataset(remote)[FIELD].astype("f8").mean().compute()
    chunks = {f"maps/{FIELD}/c/{number}/0/0" for number in range(18)}
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address="127.0.0.1:0") as cluster,
        Client(cluster) as client,
        storage.counted_reads() as reads,
    ):
        mean = client.compute(ds[FIELD].astype("f8").mean()).result(timeout=120)
    np.testing.assert_allclose(mean, expected)
    counted = {read.key: times for read, (times, _) in reads.counts.items() if read.key in chunks}
    assert counted == dict.fromkeys(chunks, 1)
    assert {read.repository for read in reads.counts} == {remote}
    assert reads.processes == 2


@pytest.mark.hard
def test_keys_that_are_refused(remote, at, ostia_file):
    with pytest.raises(AccessError, match=r"refuses access to s3://private/x.*SignatureDoesNotMatch.*OD_TEST_WRONG"):
        storage.open_dataset(at("x", profile="wrong"))
    with pytest.raises(AccessError, match=r"refuses access.*anonymous"):
        storage.open_dataset(at("x", profile="public"))
    with pytest.raises(AccessError, match="refuses access"):
        _ingest(ostia_file, at("new", bucket="public", profile="public"))
    with pytest.raises(PermissionError):
        stores.create_repository(at("x", profile="wrong"))


@pytest.mark.hard
def test_what_is_not_there(at):
    with pytest.raises(NotFoundError, match="no bucket 'absent'"):
        stores.create_repository(at("x", bucket="absent"))
    with pytest.raises(NotFoundError, match="no repository at s3://private/nothing"):
        storage.open_dataset(at("nothing"))
    assert not stores.repository_exists(at("nothing"))


@pytest.mark.hard
def test_a_public_bucket_is_read_without_keys(remote, at, ostia_revision, monkeypatch):
    monkeypatch.delenv("OD_TEST_SECRET")
    ds = storage.open_dataset(at("shared/sst", bucket="public", profile="public"))
    np.testing.assert_array_equal(ds[FIELD], storage.open_dataset(ostia_revision.url)[FIELD])


@pytest.mark.hard
def test_a_public_bucket_is_read_over_the_web(remote, object_server, ostia_revision):
    url = f"{object_server.endpoint}/public/shared/sst"
    if not hasattr(icechunk, "http_storage"):
        with pytest.raises(NotFoundError, match="needs Icechunk 2"):
            storage.open_dataset(url)
        return
    expected = storage.open_dataset(ostia_revision.url)[FIELD]
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(storage.open_dataset(url)))[FIELD], expected)
    assert storage.open_dataset(url, revision="r1")[FIELD].sizes == expected.sizes
    with pytest.raises(NotFoundError, match="no revision 'r2'"):
        storage.open_dataset(url, revision="r2")


@pytest.mark.hard
def test_the_later_of_two_commits_fails(at):
    repository = stores.create_repository(at("commits"))
    import zarr

    sessions = [repository.writable_session("main") for _ in range(2)]
    for number, session in enumerate(sessions):
        zarr.open_group(session.store, mode="a").attrs["writer"] = number
    sessions[0].commit("first")
    with pytest.raises(icechunk.ConflictError):
        sessions[1].commit("second")


@pytest.mark.hard
def test_a_server_that_stops_half_way(object_server, at, ostia_file, ostia_revision, monkeypatch):
    monkeypatch.setattr(ingest, "_STEP_BYTES", 300_000)
    monkeypatch.setattr(ingest, "_COMMIT_BYTES", 500_000)
    url, seen = at("stopped"), []

    def moved(done: int, total: int) -> None:
        seen.append(done)
        if done > total / 2 and object_server.answers():
            object_server.stop()

    begun = time.monotonic()
    with pytest.raises(UnreachableError, match="run again, what was finished is kept"):
        _ingest(ostia_file, url, on_progress=moved)
    assert time.monotonic() - begun < 30
    assert len(seen) > 2
    object_server.start()
    again = []
    summary = _ingest(ostia_file, url, on_progress=lambda done, _: again.append(done))
    assert again[0] > seen[0]
    assert summary.content_root == ostia_revision.content_root
    assert storage.verify_revision(url).is_sound


@pytest.mark.hard
def test_a_server_that_hangs(object_server, remote, at, ostia_file):
    ds = storage.open_dataset(remote)
    object_server.freeze()
    try:
        for call in (
            lambda: ds[FIELD].load(),
            lambda: storage.open_dataset(remote),
            lambda: storage.verify_revision(remote),
            lambda: _ingest(ostia_file, at("hung")),
        ):
            begun = time.monotonic()
            with pytest.raises(UnreachableError, match="does not answer"):
                call()
            assert time.monotonic() - begun < 20
    finally:
        object_server.thaw()
    assert storage.verify_revision(remote).is_sound


@pytest.mark.hard
def test_a_server_that_is_away_is_no_damage(object_server, remote):
    store = storage.open_store(remote).uncounted
    layout = read_layout(store, "maps")
    object_server.freeze()
    try:
        with pytest.raises(UnreachableError):
            list(damaged_chunks(store, layout, FIELD, iter([(0, 0, 0)])))
    finally:
        object_server.thaw()
    assert list(damaged_chunks(store, layout, FIELD, iter([(0, 0, 0)]))) == []


@pytest.mark.hard
def test_no_secret_leaves_this_process(remote, at, object_server, tmp_path, ostia_file, capfd):
    from oceandata.catalog import open_catalog

    secret, access = object_server.secret, object_server.access
    ds = storage.open_dataset(remote)
    store = storage.open_store(remote)
    repository = stores.open_repository(remote)
    pickles = [pickle.dumps(ds), pickle.dumps(store), pickle.dumps(ds[FIELD].mean())]
    assert pickle.loads(pickles[0])[FIELD].mean().compute() == ds[FIELD].mean().compute()
    for opened in (repository, repository.readonly_session("main")):
        with pytest.raises(InputError, match="keys would go along"):
            pickle.dumps(opened)
    with pytest.raises(InputError, match="open for writing"):
        pickle.dumps(repository.writable_session("main").store)
    texts = [repr(store), str(store), repr(store.uncounted), repr(repository), repr(storage.describe_revision(remote))]
    texts += [repr(ds), ds._repr_html_(), store.origin.model_dump_json(), str(read_profile(remote))]
    texts += [str(dict(one.metadata)) + one.message for one in repository.ancestry(branch="main")]
    texts += [str(storage.plan_ingest([ostia_file], at("x")).to_json()), str(storage.verify_revision(remote))]
    path = _catalog(tmp_path, remote)
    texts += [path.read_text(encoding="utf-8"), repr(open_catalog(path))]
    texts += _spoken_by_a_process(remote.replace("owner", "wrong")), _spoken_by_a_process(remote)
    texts += capfd.readouterr()
    stored = b"".join(file.read_bytes() for file in (object_server.folder / "files").rglob("*.dat"))
    assert len(stored) > 500_000
    for found in [*pickles, stored, *(text.encode() for text in texts)]:
        assert secret.encode() not in found
        assert access.encode() not in found


def _spoken_by_a_process(url: str) -> str:
    """Output, errors and log of a process that opens a URL with everything Icechunk would tell."""
    code = f"from oceandata import storage; storage.open_dataset({url!r}).mean().compute(); storage.open_dataset(None)"
    environment = os.environ | {"ICECHUNK_LOG": "debug", "RUST_BACKTRACE": "1"}
    ran = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert "Traceback" in ran.stderr
    return ran.stdout + ran.stderr


def _catalog(tmp_path: Path, url: str) -> Path:
    from oceandata.catalog import Overlay, draft_entry, register_entry

    overlay = Overlay(title="OSTIA", license="LicenseRef-OGL-UK")
    path = tmp_path / "catalog.yaml"
    register_entry(path, draft_entry(storage.describe_revision(url), overlay, name="ostia_remote"))
    return path


@pytest.mark.hard
def test_a_catalogue_opens_it_here_and_in_intake(remote, tmp_path, ostia_revision):
    import intake

    from oceandata.catalog import open_catalog

    path = _catalog(tmp_path, remote)
    expected = storage.open_dataset(ostia_revision.url)[FIELD].to_numpy()
    ours = open_catalog(path).open("ostia_remote")
    np.testing.assert_array_equal(ours[FIELD], expected)
    theirs = intake.open_catalog(str(path))["ostia_remote"].read()
    np.testing.assert_array_equal(theirs[FIELD], expected)


@pytest.mark.hard
def test_plain_zarr_of_an_object_store_is_opened_and_scanned(object_server, at, ostia_file, tmp_path, monkeypatch):
    pytest.importorskip("obstore", reason="obstore is not installed (extra s3)")
    from oceandata.catalog import open_catalog
    from oceandata.catalog.scan import run_scan
    from oceandata.storage.plain import object_folder

    with xr.open_dataset(ostia_file) as ds:
        part = ds[[FIELD]].drop_vars([name for name in ds.coords if name not in ds.dims]).load()
    for array in part.variables.values():
        array.attrs, array.encoding = {}, {}
    for version in (2, 3):
        part.to_zarr(tmp_path / f"v{version}", zarr_format=version, consolidated=version == 2)
    folder, _ = object_folder(at("plain"))
    for path in tmp_path.glob("v*/**/*"):
        if path.is_file():
            folder.put(path.relative_to(tmp_path).as_posix(), path.read_bytes())
    folder.put("notes.txt", b"words")
    report = run_scan([at("plain")], tmp_path / "c.yaml")
    assert [entry.id for entry in report.entries] == ["v2", "v3"]
    assert [reject.code for reject in report.rejects] == ["not-opened-here"]
    for name in ("v2", "v3"):
        found = open_catalog(tmp_path / "c.yaml").open(name, time=None)
        np.testing.assert_array_equal(found[FIELD], part[FIELD])
        again = pickle.dumps(found)
        assert object_server.secret.encode() not in again
        np.testing.assert_array_equal(pickle.loads(again)[FIELD][0], part[FIELD][0])
