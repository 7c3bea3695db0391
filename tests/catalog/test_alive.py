"""Places are asked; what is known is written down, what is not known is not guessed."""

import functools
import http.server
import shutil
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import xarray as xr

from oceandata.catalog import Answer, check_alive, open_catalog, register_entry
from oceandata.entities import Entry

NAME = "surface_temperature"


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, ostia_file: Path) -> Iterator[str]:
    """A web server on this machine that serves one Zarr store."""
    folder = tmp_path_factory.mktemp("site")
    with xr.open_dataset(ostia_file) as ds:
        ds.drop_encoding().to_zarr(folder / "sst.zarr", zarr_format=2, consolidated=True)
    handler = functools.partial(_Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@pytest.fixture
def silent() -> Iterator[str]:
    """A port of this machine where nobody listens; it is held, so that nobody can."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{held.getsockname()[1]}"


def _entry(ostia: Entry, name: str, href: str, **asset: Any) -> Entry:
    document = ostia.to_json()
    del document["trade"]
    plain = {"href": href, "type": "application/vnd+zarr", "group": ""}
    return Entry.from_json(document | {"id": name, "assets": {"zarr": plain | asset}})


def _statuses(answers: list[Answer]) -> dict[str, str]:
    return {one.entry: one.status for one in answers}


def test_one_dead_entry_does_not_block_the_rest(tmp_path: Path, ostia: Entry, site: str, silent: str) -> None:
    path = tmp_path / "c.yaml"
    for name, href in {"a": f"{site}/gone.zarr", "b": f"{silent}/sst.zarr", "c": f"{site}/sst.zarr"}.items():
        register_entry(path, _entry(ostia, name, href))
    seen: list[Answer] = []
    answers = check_alive(path, on_answer=seen.append)
    assert _statuses(answers) == {"a": "dead", "b": "not verified", "c": "alive"}
    assert sorted(seen, key=lambda one: one.line) == answers
    lines = path.read_text("utf-8").splitlines()
    for one in answers:
        assert bool(one.reason) == (one.status != "alive")
    catalog = open_catalog(path)
    assert {name: catalog[name].status for name in catalog} == _statuses(answers)
    assert catalog["a"].verified is not None
    assert catalog["c"].verified is not None
    assert catalog["b"].verified is None
    assert lines


def test_the_line_is_that_of_the_address(tmp_path: Path, ostia: Entry, site: str) -> None:
    path = tmp_path / "c.yaml"
    register_entry(path, _entry(ostia, "a", f"{site}/gone.zarr"))
    (answer,) = check_alive(path, dry_run=True)
    assert path.read_text("utf-8").splitlines()[answer.line - 1].strip() == f"href: {site}/gone.zarr"
    assert open_catalog(path)["a"].status == ""


def test_what_was_known_stays_when_nothing_answers(tmp_path: Path, ostia: Entry, silent: str) -> None:
    path = tmp_path / "c.yaml"
    known = _entry(ostia, "a", f"{silent}/sst.zarr").model_copy(update={"status": "alive", "verified": ostia.created})
    register_entry(path, known)
    before = path.read_text("utf-8")
    assert _statuses(check_alive(path)) == {"a": "not verified"}
    assert path.read_text("utf-8") == before


def test_local_places(tmp_path: Path, ostia: Entry, ostia_file: Path, ostia_repository: Path) -> None:
    path = tmp_path / "c.yaml"
    shutil.copy(ostia_file, tmp_path / "a.nc")
    netcdf = {"type": "application/x-netcdf"}
    register_entry(path, _entry(ostia, "file", str(tmp_path / "a.nc"), **netcdf))
    register_entry(path, _entry(ostia, "files", str(tmp_path), files=["a.nc", "b.nc"], **netcdf))
    register_entry(path, _entry(ostia, "zarr", str(tmp_path / "none.zarr")))
    icechunk = {"type": "application/vnd+icechunk", "revision": "r1", "snapshot": "1CECHNKREP0F1RSTCMT0"}
    register_entry(path, _entry(ostia, "other_state", str(ostia_repository), **icechunk))
    found = check_alive(path)
    assert _statuses(found) == {"file": "alive", "files": "dead", "other_state": "dead", "zarr": "dead"}
    reasons = {one.entry: one.reason for one in found}
    assert "1 of 2 files are not there" in reasons["files"]
    assert "do not belong together" in reasons["other_state"]


def test_an_entry_is_dead_if_one_of_its_layouts_is(tmp_path: Path, ostia: Entry, site: str) -> None:
    path = tmp_path / "c.yaml"
    one = _entry(ostia, "a", f"{site}/sst.zarr")
    assets = one.assets | {"second": one.assets["zarr"].model_copy(update={"href": f"{site}/gone.zarr"})}
    register_entry(path, one.model_copy(update={"assets": assets}))
    assert [answer.status for answer in check_alive(path)] == ["alive", "dead"]
    assert open_catalog(path)["a"].status == "dead"
