"""
Leases: who is writing to a repository now, so that garbage collection spares what is not committed yet.

A lease is a small JSON file in the folder ``leases`` of a local repository. Its writer renews it every minute; it is
over when ten minutes pass without that, or when the process is gone from the system that it ran on. A repository in an
object store has no leases: `oceandata.storage.history.collect_garbage` spares young objects there.
"""

import dataclasses
import json
import os
import platform
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from oceandata.atomic import write_text
from oceandata.errors import OceanDataError
from oceandata.storage.stores import local_path

__all__ = [
    "HEARTBEAT_S",
    "STALE_S",
    "HeldLease",
    "Lease",
    "drop_stale_leases",
    "find_leases",
    "has_leases",
    "writer_lease",
]

#: A writer renews its lease this often.
HEARTBEAT_S = 60.0

#: A lease that was not renewed for so long is over.
STALE_S = 600.0


@dataclasses.dataclass(frozen=True)
class Lease:
    """
    What a writer says of itself.

    Attributes
    ----------
    id : str
        Name of the lease.
    host : str
        Name of the computer.
    system : str
        What tells one running system from another, so that a process number means something; empty if unknown.
    pid : int
        Number of the process.
    started_at, renewed_at, expires_at : datetime
        UTC.
    """

    id: str
    host: str
    system: str
    pid: int
    started_at: datetime
    renewed_at: datetime
    expires_at: datetime

    def to_json(self) -> dict[str, Any]:
        """
        JSON form.

        Returns
        -------
        dict
            Instants in ISO 8601.
        """
        instants = {name: getattr(self, name).isoformat() for name in ("started_at", "renewed_at", "expires_at")}
        return dataclasses.asdict(self) | instants

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> Self:
        """
        Lease from its JSON form.

        Parameters
        ----------
        document : dict
            From `to_json`.

        Returns
        -------
        Lease
            The same lease.
        """
        instants = {name: datetime.fromisoformat(document[name]) for name in ("started_at", "renewed_at", "expires_at")}
        return cls(**(document | instants))

    def is_live(self, now: datetime) -> bool:
        """
        Tell whether the writer may still be writing.

        A process is only known to be gone on the system that it runs on; elsewhere the lease has to run out.

        Parameters
        ----------
        now : datetime
            UTC.

        Returns
        -------
        bool
            False if the lease ran out or its process is gone.
        """
        if now >= self.expires_at:
            return False
        return self.system == "" or self.system != _system() or _is_running(self.pid)

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}, writing since {self.started_at:%Y-%m-%d %H:%M:%S} UTC"


def _system() -> str:
    """Boot and process namespace of this system; empty where they cannot be read."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
        return f"{boot} {os.readlink('/proc/self/ns/pid')}"  # noqa: PTH115 - no path, but a name
    except OSError:
        return ""


def _is_running(pid: int) -> bool:
    """Whether a process of this system is there; one of another user is."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def has_leases(url: str | os.PathLike[str]) -> bool:
    """
    Tell whether writers of a repository can be seen.

    Parameters
    ----------
    url : str or path
        The repository.

    Returns
    -------
    bool
        True for a local repository, False for one in an object store.
    """
    return urlsplit(os.fspath(url)).scheme in ("", "file")


def _folder(url: str | os.PathLike[str]) -> Path:
    return local_path(url) / "leases"


def find_leases(url: str | os.PathLike[str]) -> list[Lease]:
    """
    Leases of the writers of a local repository that may still be writing.

    A file that is no lease is taken as one that began when the file was made, until it is ten minutes old: what is
    not understood holds rather than lets go.

    Parameters
    ----------
    url : str or path
        The repository.

    Returns
    -------
    list of Lease
        By start, the oldest first; empty if nobody writes, or the repository is in an object store.
    """
    if not has_leases(url) or not _folder(url).is_dir():
        return []
    now = datetime.now(UTC)
    found = [lease for path in sorted(_folder(url).glob("*.json")) if (lease := _read(path)) is not None]
    return sorted((lease for lease in found if lease.is_live(now)), key=lambda lease: lease.started_at)


def drop_stale_leases(url: str | os.PathLike[str]) -> None:
    """
    Remove the files of leases that are over.

    Parameters
    ----------
    url : str or path
        The repository.
    """
    live = {lease.id for lease in find_leases(url)}
    if has_leases(url) and _folder(url).is_dir():
        for path in _folder(url).glob("*.json"):
            lease = _read(path) if path.stem not in live else None
            if lease is not None and not lease.is_live(datetime.now(UTC)):
                path.unlink(missing_ok=True)


def _read(path: Path) -> Lease | None:
    """Lease of a file, None if it went away meanwhile."""
    try:
        return Lease.from_json(json.loads(path.read_text("utf-8")))
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError):
        with suppress(FileNotFoundError):
            made = datetime.fromtimestamp(path.stat().st_mtime, UTC)
            return Lease(path.stem, "unknown", "", 0, made, made, made + timedelta(seconds=STALE_S))
        return None


class HeldLease:
    """
    A lease that this process holds and renews in a thread.

    Parameters
    ----------
    url : str or path
        The repository; one in an object store holds nothing.

    Attributes
    ----------
    lease : Lease
        As it was last renewed.
    """

    def __init__(self, url: str | os.PathLike[str]) -> None:
        now = datetime.now(UTC)
        expires = now + timedelta(seconds=STALE_S)
        self.lease = Lease(uuid.uuid4().hex, platform.node(), _system(), os.getpid(), now, now, expires)
        self._path = _folder(url) / f"{self.lease.id}.json" if has_leases(url) else None
        self._released = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="writer-lease", daemon=True)

    def _beat(self) -> None:
        while not self._released.wait(HEARTBEAT_S):
            with suppress(OSError):  # a full disk may pass; `check_held` tells if it did not in time
                self._renew()

    def _renew(self) -> None:
        if self._path is None or datetime.now(UTC) >= self.lease.expires_at:
            return
        now = datetime.now(UTC)
        self._write(dataclasses.replace(self.lease, renewed_at=now, expires_at=now + timedelta(seconds=STALE_S)))

    def _write(self, lease: Lease) -> None:
        """Put the file in place whole."""
        assert self._path is not None
        write_text(self._path, json.dumps(lease.to_json()))
        self.lease = lease

    def begin(self) -> None:
        """Write the lease and begin to renew it."""
        if self._path is not None:
            self._path.parent.mkdir(exist_ok=True)
            self._write(self.lease)
            self._thread.start()

    def release(self) -> None:
        """Stop renewing and remove the lease."""
        self._released.set()
        if self._path is not None:
            if self._thread.is_alive():
                self._thread.join()
            self._path.unlink(missing_ok=True)

    def check_held(self) -> None:
        """
        Refuse to go on after the lease ran out, because what was written may have been collected.

        Raises
        ------
        OceanDataError
            If the lease was not renewed in time: the process was stopped, or the disk was full, for ten minutes.
        """
        if self._path is not None and datetime.now(UTC) >= self.lease.expires_at:
            msg = (
                f"this writer was halted for more than {STALE_S / 60:.0f} minutes and lost its lease: garbage "
                "collection may have removed what was not committed. Nothing was published: run again."
            )
            raise OceanDataError(msg)


@contextmanager
def writer_lease(url: str | os.PathLike[str]) -> Iterator[HeldLease]:
    """
    Hold a lease while writing to a repository.

    Parameters
    ----------
    url : str or path
        The repository, which exists.

    Yields
    ------
    HeldLease
        Ask it `HeldLease.check_held` before each commit.
    """
    held = HeldLease(url)
    held.begin()
    try:
        yield held
    finally:
        held.release()
