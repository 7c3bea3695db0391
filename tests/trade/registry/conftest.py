"""Registries on both engines: a file, and a database of a real PostgreSQL that this fixture starts and stops."""

import os
import pwd
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from oceandata.trade import registry as reg
from oceandata.trade.registry.registry import Registry
from tests.trade.registry.steps import BEGUN, Raw, on

ENGINES = ("sqlite", "postgresql")
USER = "keeper"


def _programs() -> Path:
    """Folder of PostgreSQL's programs; the test is skipped where there is none."""
    found = shutil.which("initdb")
    there = [Path(found).resolve().parent] if found else sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not there:
        pytest.skip("PostgreSQL is not installed: initdb is missing")
    return there[-1]


def _as_user() -> list[str]:
    """What must stand before a program of the server, which refuses to run as root."""
    if os.geteuid() != 0:
        return []
    try:
        pwd.getpwnam("postgres")
    except KeyError:
        pytest.skip("PostgreSQL does not run as root, and there is no user 'postgres'")
    return ["runuser", "-u", "postgres", "--"]


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """URL of a PostgreSQL server without a database; it listens on a socket in a folder with a short name."""
    programs, prefix = _programs(), _as_user()
    folder = Path(tempfile.mkdtemp(prefix="pg"))
    if prefix:
        shutil.chown(folder, "postgres")
    made = folder / "cluster"

    def run(*words: str) -> None:
        done = subprocess.run([*prefix, *words], cwd=folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr

    initdb = ["--username", USER, "--auth", "trust", "--encoding", "UTF8", "--locale", "C", "--no-sync"]
    run(str(programs / "initdb"), *initdb, "--pgdata", str(made))
    settings = f"-c listen_addresses= -c unix_socket_directories={folder} -c fsync=off -c max_connections=40"
    log = ["-l", str(folder / "log"), "-o", settings]
    try:
        run(str(programs / "pg_ctl"), "--wait", "--timeout", "120", "--pgdata", str(made), *log, "start")
        try:
            yield f"postgresql+psycopg://{USER}@/{{}}?host={quote(str(folder))}"
        finally:
            run(str(programs / "pg_ctl"), "--wait", "--mode", "immediate", "--pgdata", str(made), "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(params=ENGINES)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Place of a registry that does not exist yet: a file, and an empty database."""
    if request.param == "sqlite":
        yield str(tmp_path / "registry.sqlite")
        return
    import psycopg

    server_url: str = request.getfixturevalue("server")
    name, connection = f"r{uuid.uuid4().hex[:12]}", server_url.replace("+psycopg", "")
    with psycopg.connect(connection.format("postgres"), autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}")
    yield server_url.format(name)
    with psycopg.connect(connection.format("postgres"), autocommit=True) as admin:
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def registry(url: str) -> Iterator[Registry]:
    """An empty registry on either engine."""
    with on(BEGUN):
        made = reg.create_registry(url, actor="Zhao Yi")
    with made:
        yield made


@pytest.fixture
def raw(url: str, registry: Registry) -> Iterator[Raw]:
    """Another client of the registry's database."""
    client = Raw(url)
    yield client
    client.connection.close()


@pytest.fixture
def document() -> dict[str, Any]:
    """A product of an institute that is not an example."""
    return {
        "id": "qd:sst",
        "title": {"en": "Daily sea-surface temperature", "zh": "日平均海表温度"},
        "provider": {"en": "Second Institute", "zh": "第二研究所"},
        "licence": "CC-BY-4.0",
        "attribution": {"en": "Second Institute"},
        "record_unit": "daily grid",
        "record_dimensions": ["time"],
        "entry": "sst_daily",
        "grade": "general",
        "grade_decision": {"by": "Li Si", "on": "2026-01-01"},
    }
