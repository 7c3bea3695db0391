"""
Calls to a server that end: bounded in time, with errors that say what to do, and nothing secret in a pickle.

Neither Icechunk nor HTTP below it gives up on a server that accepts a connection and then stays silent. So every call
is watched from outside: when it takes longer than the profile's ``timeout_s``, the server is asked for a sign of life,
and only one that gives none ends the call. A slow transfer from a living server goes on.
"""

import asyncio
import concurrent.futures
import http.client
import re
import ssl
import threading
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar
from urllib.parse import urlsplit

from zarr.storage import WrapperStore

from oceandata.errors import AccessError, InputError, NotFoundError, OceanDataError, UnreachableError
from oceandata.storage.urls import is_loopback

if TYPE_CHECKING:
    from zarr.abc.store import ByteRequest, Store
    from zarr.core.buffer import Buffer, BufferPrototype

__all__ = ["PATIENCE", "Guarded", "RemoteStore", "Server", "check_answers", "run_bounded", "translated"]

T = TypeVar("T")

#: One object may take this many times `timeout_s` even from a server that gives signs of life.
PATIENCE = 30

_REFUSED = re.compile(
    r"SignatureDoesNotMatch|InvalidAccessKeyId|InvalidAccessKey\b|AccessDenied|ExpiredToken|InvalidToken|Unauthorized"
    r"|AuthorizationHeaderMalformed|PermissionDenied|Unauthenticated|status(?: code)?:? 40[13]|necessary privileges"
    r"|no providers in chain|credentials? provider|CredentialsNotLoaded|failed to load credentials"
)
_NO_BUCKET = re.compile(r"NoSuchBucket|specified bucket does not exist")
_NO_PARTS = re.compile(r"[Rr]ange request not supported")
_NOT_REACHED = re.compile(
    r"dispatch failure|tcp connect error|dns error|error sending request|[Tt]imed? out|(?<!_)timeout"
    r"|[Cc]onnection (?:refused|reset|closed|error|aborted)"
)


class Server(NamedTuple):
    """
    A server as it is spoken of, asked for a sign of life, and waited for.

    Attributes
    ----------
    url : str
        What is being opened, without secrets.
    sign : str
        Address that any answer of which shows that the server lives.
    advice : str
        Where to look when access is refused.
    timeout_s : float
        How long it may be silent.
    """

    url: str
    sign: str
    advice: str
    timeout_s: float

    @property
    def host(self) -> str:
        """Host and port."""
        return urlsplit(self.sign).netloc


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirection is an answer."""

    def redirect_request(self, *_: Any) -> None:
        return None


def _reason(error: BaseException) -> str:
    cause = getattr(error, "reason", error)
    if isinstance(cause, TimeoutError) or "timed out" in str(cause):
        return "it does not answer"
    if isinstance(cause, ConnectionRefusedError):
        return "it refuses connections"
    if type(cause).__name__ == "gaierror":
        return "the name is unknown"
    return str(cause) or type(cause).__name__


def _unreachable(server: Server, reason: str) -> UnreachableError:
    msg = (
        f"{server.host} cannot be reached for {server.url}: {reason}. Check that the server runs, the network, and the "
        "address; then run again, what was finished is kept."
    )
    return UnreachableError(msg)


def check_answers(server: Server) -> None:
    """
    Ask a server for a sign of life: any answer will do, also a refusal.

    Parameters
    ----------
    server : Server
        The server; it is sent no key.

    Raises
    ------
    UnreachableError
        If there is no answer within the server's `timeout_s`.
    """
    handlers: list[Any] = [_NoRedirect]
    if is_loopback(urlsplit(server.sign).hostname or ""):
        handlers.append(urllib.request.ProxyHandler({}))
    request = urllib.request.Request(server.sign, method="HEAD")
    try:
        urllib.request.build_opener(*handlers).open(request, timeout=server.timeout_s).close()
    except urllib.error.HTTPError as answer:
        answer.close()
    except (OSError, http.client.HTTPException) as error:
        if isinstance(getattr(error, "reason", error), ssl.SSLCertVerificationError):
            return  # it answers; whether it can be trusted, the client itself decides
        raise _unreachable(server, _reason(error)) from error


def translated(error: Exception, server: Server) -> Exception:
    """An error in words that say what to do, or the error itself."""
    if isinstance(error, OceanDataError):
        return error
    text = f"{type(error).__name__}: {error}"
    if _NO_BUCKET.search(text):
        bucket = urlsplit(server.url).netloc
        msg = f"there is no bucket {bucket!r} at {server.host}. Check the URL {server.url}, or make the bucket first."
        return NotFoundError(msg)
    refused = _REFUSED.search(text)
    if refused:
        msg = f"{server.host} refuses access to {server.url} ({refused[0].strip()}): {server.advice}."
        return AccessError(msg)
    if _NO_PARTS.search(text):
        msg = (
            f"{server.host} serves no parts of files (HTTP range requests), which reading {server.url} needs. Serve it "
            "by another web server, or copy it first."
        )
        return InputError(msg)
    if _NOT_REACHED.search(text):
        try:
            check_answers(server)
        except UnreachableError as unreachable:
            return unreachable
        return _unreachable(server, "the connection broke off, although the server answers now")
    return error


def run_bounded(server: Server, call: Callable[[], T]) -> T:
    """
    Result of a blocking call, waited for as long as its server gives signs of life.

    Parameters
    ----------
    server : Server
        Whom the call waits for.
    call : callable
        Without arguments. A call that is given up stays behind in a thread of its own.

    Returns
    -------
    object
        What the call returned.

    Raises
    ------
    UnreachableError
        If the server does not answer.
    AccessError, NotFoundError
        If it refuses the keys, or has no such bucket.
    """
    future: concurrent.futures.Future[T] = concurrent.futures.Future()

    def run() -> None:
        """Run the call and keep what came of it."""
        try:
            future.set_result(call())
        except BaseException as error:
            future.set_exception(error)

    # Not a pool: a pool is joined when Python ends, and would hang with the call.
    threading.Thread(target=run, name="oceandata-remote", daemon=True).start()
    while not concurrent.futures.wait([future], timeout=server.timeout_s).done:
        check_answers(server)
    try:
        return future.result()
    except Exception as error:
        better = translated(error, server)
        if better is error:
            raise
        raise better from error


def _check_alive(server: Server, deadline: float) -> None:
    check_answers(server)
    if time.monotonic() > deadline:
        raise _unreachable(server, f"one object took longer than {PATIENCE * server.timeout_s:g} s")


async def _bounded(server: Server, call: Awaitable[T]) -> T:
    """The same for a call of a store, which moves one object and is not waited for without end."""
    task = asyncio.ensure_future(call)
    deadline = time.monotonic() + PATIENCE * server.timeout_s
    try:
        while not (await asyncio.wait({task}, timeout=server.timeout_s))[0]:
            await asyncio.to_thread(_check_alive, server, deadline)
        return task.result()
    except Exception as error:
        better = await asyncio.to_thread(translated, error, server)
        if better is error:
            raise
        raise better from error
    finally:
        task.cancel()


class Guarded:
    """
    Stands for an Icechunk repository or session on a server: every call is bounded, its errors are put in words.

    It cannot be pickled, because the keys would go along: send the URL, or an open store.

    Parameters
    ----------
    guarded : icechunk.Repository or icechunk.Session
        What does the work.
    server : Server
        Where it is.
    reopen : callable
        Opens a store again in another process, by URL and snapshot.
    """

    def __init__(self, guarded: Any, server: Server, reopen: "Reopen") -> None:
        self._guarded, self._server, self._reopen = guarded, server, reopen

    @property
    def is_on_the_web(self) -> bool:
        """Whether a web server serves it, which lists nothing."""
        return self._server.url.startswith(("http://", "https://"))

    def __repr__(self) -> str:
        return f"<{type(self._guarded).__name__} at {self._server.url}>"

    def __reduce__(self) -> Any:
        msg = f"what is open at {self._server.url} cannot be sent elsewhere: its keys would go along. Send the URL."
        raise InputError(msg)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        found = getattr(self._guarded, name)
        if name == "store":
            session = self._guarded
            snapshot = session.snapshot_id if session.read_only else ""
            return RemoteStore(self._server.url, snapshot, self._reopen, opened=(found, self._server))
        return self._bounded(found) if callable(found) else found

    def _bounded(self, method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            result = run_bounded(self._server, lambda: method(*args, **kwargs))
            if type(result).__name__ in ("Repository", "Session"):
                return Guarded(result, self._server, self._reopen)
            return self._bounded_steps(result) if isinstance(result, Iterator) else result

        return call

    def _bounded_steps(self, steps: Iterator[Any]) -> Iterator[Any]:
        end = object()
        while (step := run_bounded(self._server, lambda: next(steps, end))) is not end:
            yield step


Reopen = Callable[[str, str], "tuple[Store, Server]"]


class RemoteStore(WrapperStore["Store"]):
    """
    A Zarr store on a server: bounded calls, errors in words, and a pickle that holds names only.

    Another process opens it again by its URL and snapshot, with the keys it finds there, when the first object is
    asked for.

    Parameters
    ----------
    url : str
        What was opened, without secrets.
    snapshot : str
        Which state; empty for plain Zarr and for a session that writes.
    reopen : callable
        Opens the store again, by URL and snapshot.
    opened : tuple of zarr.abc.store.Store and Server, optional
        The open store.
    """

    def __init__(
        self, url: str, snapshot: str, reopen: Reopen, *, opened: "tuple[Store, Server] | None" = None
    ) -> None:
        self.url, self.snapshot = url, snapshot
        self._reopen, self._opened = reopen, opened

    @property
    def opened(self) -> "tuple[Store, Server]":
        """The store below and its server, opened now if they were not yet."""
        if self._opened is None:
            self._opened = self._reopen(self.url, self.snapshot)
        return self._opened

    @property
    def _store(self) -> "Store":  # type: ignore[override]
        return self.opened[0]

    def _with_store(self, store: "Store") -> "RemoteStore":
        return type(self)(self.url, self.snapshot, self._reopen, opened=(store, self.opened[1]))

    def __reduce__(self) -> Any:
        if self._opened is not None and not self._opened[0].read_only:
            msg = f"a store open for writing at {self.url} cannot be sent elsewhere. Write from the process it is in."
            raise InputError(msg)
        return type(self), (self.url, self.snapshot, self._reopen)

    def __eq__(self, value: object) -> bool:
        if not isinstance(value, RemoteStore):
            return False
        if self._opened is not None and not self._opened[0].read_only:
            return self is value
        return (self.url, self.snapshot) == (value.url, value.snapshot)

    __hash__ = None  # type: ignore[assignment]

    def __str__(self) -> str:
        return f"{self.url}@{self.snapshot}" if self.snapshot else self.url

    def __repr__(self) -> str:
        return f"RemoteStore({self})"

    async def _soon_opened(self) -> "tuple[Store, Server]":
        return self._opened if self._opened is not None else await asyncio.to_thread(lambda: self.opened)

    async def _ask(self, call: "Callable[[Store], Awaitable[T]]") -> T:
        store, server = await self._soon_opened()
        return await _bounded(server, call(store))

    async def get(
        self, key: str, prototype: "BufferPrototype", byte_range: "ByteRequest | None" = None
    ) -> "Buffer | None":
        """Bytes of an object."""
        return await self._ask(lambda store: store.get(key, prototype, byte_range))

    async def get_partial_values(
        self, prototype: "BufferPrototype", key_ranges: "Iterable[tuple[str, ByteRequest | None]]"
    ) -> "list[Buffer | None]":
        """Bytes of several ranges."""
        wanted = list(key_ranges)
        return await self._ask(lambda store: store.get_partial_values(prototype, wanted))

    async def exists(self, key: str) -> bool:
        """Whether an object is there."""
        return await self._ask(lambda store: store.exists(key))

    async def is_empty(self, prefix: str) -> bool:
        """Whether nothing is below a prefix."""
        return await self._ask(lambda store: store.is_empty(prefix))

    async def set(self, key: str, value: "Buffer") -> None:
        """Write an object."""
        await self._ask(lambda store: store.set(key, value))

    async def set_if_not_exists(self, key: str, value: "Buffer") -> None:
        """Write an object that is not there yet."""
        await self._ask(lambda store: store.set_if_not_exists(key, value))

    async def delete(self, key: str) -> None:
        """Remove an object."""
        await self._ask(lambda store: store.delete(key))

    async def delete_dir(self, prefix: str) -> None:
        """Remove everything below a prefix."""
        await self._ask(lambda store: store.delete_dir(prefix))

    async def _each(self, names: "Callable[[Store], AsyncIterator[str]]") -> AsyncIterator[str]:
        store, server = await self._soon_opened()
        steps = names(store)
        while True:
            try:
                yield await _bounded(server, anext(steps))
            except StopAsyncIteration:
                return

    def list(self) -> AsyncIterator[str]:
        """All keys."""
        return self._each(lambda store: store.list())

    def list_prefix(self, prefix: str) -> AsyncIterator[str]:
        """Keys below a prefix."""
        return self._each(lambda store: store.list_prefix(prefix))

    def list_dir(self, prefix: str) -> AsyncIterator[str]:
        """Names directly below a prefix."""
        return self._each(lambda store: store.list_dir(prefix))
