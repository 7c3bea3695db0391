"""A registry of 2,000 products and a million events: what was promised of its pages, and its audit."""

import contextlib
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from unittest import mock

from benchmarks.limits import Limits, Trial
from benchmarks.work import Program

__all__ = ["ask", "audit", "step", "works", "write_registry"]

_HERE = Path(__file__).parent
_PRODUCTS = 2_000
_EVENTS = 1_000_000
_PROVIDERS = 20
_ASKED = 200
_BATCH = 20_000

#: Limit of a page, seconds.
_PAGE_S = 0.1

#: What a call tells, and the seconds that count if they are not those of the whole call.
Told = tuple[str, float]

#: Row, question, what is read.
_PAGES = (
    ("products", "50 products from anywhere"),
    ("products of a state", "50 products that are listed, from anywhere"),
    ("products of a provider", "50 products of a provider, from anywhere"),
    ("one product", "a product with its document, revisions, offers, certificates and listings"),
    ("events", "50 events from anywhere"),
    ("events of a product", "50 events of a product, from anywhere"),
    ("listings", "50 listings from anywhere"),
    ("orders", "50 orders from anywhere"),
    ("holdings", "all products rolled up by provider"),
)


def _document(number: int) -> dict[str, object]:
    return {
        "id": f"qd:{number:05}",
        "title": {"en": f"Product {number} of sea-surface temperature", "zh": f"第{number}号海表温度产品"},
        "provider": {"en": f"Institute {number % _PROVIDERS:02}"},
        "licence": "CC-BY-4.0",
        "attribution": {"en": f"Institute {number % _PROVIDERS:02}"},
        "record_unit": "daily grid",
        "entry": f"sst_{number}",
        "grade": "general",
        "grade_decision": {"by": "Li Si", "on": "2026-01-01"},
        "summary": {"zh": "日平均海表温度，含质量标志。" * 20},
    }


@contextlib.contextmanager
def _on(day: str) -> Iterator[None]:
    """The registry's clock stands on a day: nobody waits until a publicity is over."""
    with mock.patch("oceandata.trade.registry.acts.utc_now", return_value=f"{day}T09:00:00.000000Z"):
        yield


def _publicize_products(place: Path) -> None:
    """Every product as a draft; three of four through review and into publicity."""
    from oceandata.trade import registry as reg

    with _on("2026-01-05"), reg.create_registry(place, actor="Zhao Yi") as registry:
        for number in range(_PRODUCTS):
            document = _document(number)
            product = str(document["id"])
            reg.add_product(registry, document, actor="Qian Er", theme=("physics", "waves")[number % 2])
            if number % 4:
                reg.submit(registry, product, actor="Qian Er")
                reg.approve(registry, product, actor="Sun San")
                reg.publicize(registry, product, actor="Sun San", days=3)


def _list_products(place: Path) -> None:
    """Every product in publicity through the steps of the registry itself, to its listing and one order."""
    from oceandata.trade import registry as reg

    pinned = {"repository": "r", "layout": "maps", "tag": "r1", "record_unit": "daily grid", "change": ""}
    with _on("2026-01-12"), reg.open_registry(place) as registry:
        for number in filter(lambda number: number % 4, range(_PRODUCTS)):
            product = str(_document(number)["id"])
            certificate = {"scheme": "exchange-product", "number": product, "authority": "Centre"}
            reg.register_certificate(registry, product, certificate | {"issued_on": "2026-01-10"}, actor="Qian Er")
            root = {"snapshot": f"S{number}", "content_root": f"sha256:{number:064x}"}
            sizes = {"stored_bytes": 10**12, "chunks": 10**6, "records": 3_650}
            reg.pin_revision(registry, product, pinned | root | sizes, actor="Qian Er")
            terms = {"valid_from": "2026-01-01", "plans": [{"model": "free"}]}
            reg.add_offer(registry, product, terms, actor="Qian Er")
            reg.list_product(registry, product, {"exchange": "First", "code": product}, actor="Qian Er")
            buyer = {"id": f"buyer-{number % 100}", "en": f"Buyer {number % 100}"}
            order = {"id": f"O-{number:06}", "product": product, "offer": 1, "buyer": buyer, "state": "agreed"}
            reg.import_order(registry, order, actor="Wu Wu")


def _append_events(place: Path) -> None:
    """Remarks on all products in turn, in the chain, until there are enough events; no row changes."""
    import json

    import sqlalchemy as sa

    from oceandata.trade import registry as reg
    from oceandata.trade.registry.canonical import digest
    from oceandata.trade.registry.chain import event_hash
    from oceandata.trade.registry.engines import writing
    from oceandata.trade.registry.tables import TABLES, read_head

    nothing = digest({})
    with reg.open_registry(place) as registry:
        head = registry.head()
        while head.seq < _EVENTS:
            rows, before = [], head.hash
            for seq in range(head.seq + 1, min(head.seq + _BATCH, _EVENTS) + 1):
                detail = json.dumps({"remark": f"checked {seq}"}, separators=(",", ":"))
                row = {"seq": seq, "at": head.at, "actor": "Zheng Liu", "act": "remark", "detail": detail, "rows": "{}"}
                row |= {"product": f"qd:{seq * 7 % _PRODUCTS:05}", "before_hash": nothing, "after_hash": nothing}
                row |= {"prev_hash": before}
                before = event_hash(registry.id, row)
                rows.append(row | {"hash": before})
            with writing(registry.engine) as connection:
                connection.execute(sa.insert(TABLES["events"]), rows)
                head = read_head(connection)


def write_registry(place: Path) -> None:
    """
    Write the registry that is asked, if it is not there yet.

    Parameters
    ----------
    place : pathlib.Path
        The file.

    Notes
    -----
    Three of four products are listed, with a revision, an offer, a certificate and an order each; the other events are
    remarks in the same chain, so that the audit computes every one of them. Takes about two minutes and 410 MB.
    """
    if place.exists():
        return
    draft = place.with_name(f"{place.name}.{os.getpid()}")
    draft.parent.mkdir(parents=True, exist_ok=True)
    _publicize_products(draft)
    _list_products(draft)
    _append_events(draft)
    draft.rename(place)


def _questions(kind: str) -> Callable[[object, int], object]:
    """How a page of a kind is read; the number says where it begins."""
    from typing import Any

    from oceandata.trade.holdings import holdings

    def whole(registry: Any, number: int) -> object:
        product = f"qd:{number % _PRODUCTS:05}"
        parts = (registry.revisions, registry.offers, registry.registrations, registry.listings)
        return [registry.product(product), *(part(product) for part in parts)]

    def start(number: int) -> str:
        return f"qd:{number % _PRODUCTS:05}"

    asked: dict[str, Callable[[Any, int], object]] = {
        "products": lambda registry, number: registry.products(after=start(number)),
        "products of a state": lambda registry, number: registry.products(state="listed", after=start(number)),
        "products of a provider": lambda registry, number: registry.products(
            provider=f"Institute {number % _PROVIDERS:02}", after=start(number)
        ),
        "one product": whole,
        "events": lambda registry, number: registry.events(before=number * 4_999 % _EVENTS + 2),
        "events of a product": lambda registry, number: registry.events(
            start(number), before=number * 4_999 % _EVENTS + 2
        ),
        "listings": lambda registry, number: registry.listings(after=(start(number), 1)),
        "orders": lambda registry, number: registry.orders(after=f"O-{number % _PRODUCTS:06}"),
        "holdings": lambda registry, number: holdings(registry),  # noqa: ARG005 - all of it each time
    }
    return asked[kind]


@contextlib.contextmanager
def ask(place: str, kind: str) -> Iterator[Callable[[], Told]]:
    """
    Ask for pages of one kind.

    Parameters
    ----------
    place : str
        From `write_registry`.
    kind : str
        Name of a row.

    Yields
    ------
    callable
        Asks, and tells percentiles; the slowest page is what counts.
    """
    from oceandata.trade.registry import open_registry

    question = _questions(kind)
    with open_registry(place) as registry:

        def asked() -> Told:
            seconds, rows = [], 0
            for number in range(_ASKED if kind != "holdings" else 20):
                begin = time.perf_counter()
                found = question(registry, number * 37 + 1)
                seconds.append(time.perf_counter() - begin)
                rows += len(found) if isinstance(found, list) else 1
            seconds.sort()
            told = f"50% {1000 * statistics.median(seconds):,.1f} ms, 100% {1000 * seconds[-1]:,.1f} ms; {rows:,} rows"
            return told, seconds[-1]

        yield asked


@contextlib.contextmanager
def audit(place: str) -> Iterator[Callable[[], str]]:
    """
    Compute the whole chain again.

    Parameters
    ----------
    place : str
        From `write_registry`.

    Yields
    ------
    callable
        Does it, and tells what was found.
    """
    from oceandata.trade.registry import audit_registry, open_registry

    with open_registry(place) as registry:

        def done() -> str:
            report = audit_registry(registry)
            assert report.is_whole
            return f"{report.events:,} events and {report.rows:,} rows are whole"

        yield done


@contextlib.contextmanager
def step(place: str) -> Iterator[Callable[[], Told]]:
    """
    Make steps, each of which waits for the disk, and undo them.

    Parameters
    ----------
    place : str
        From `write_registry`.

    Yields
    ------
    callable
        Makes them as dry runs, and tells percentiles.
    """
    from oceandata.trade.registry import open_registry, submit

    with open_registry(place, dry_run=True) as registry:

        def done() -> Told:
            seconds = []
            for number in range(0, 4 * _ASKED, 4):
                begin = time.perf_counter()
                submit(registry, f"qd:{number:05}", actor="Qian Er")
                seconds.append(time.perf_counter() - begin)
            seconds.sort()
            told = f"50% {1000 * statistics.median(seconds):,.1f} ms, 100% {1000 * seconds[-1]:,.1f} ms"
            return told, seconds[-1]

        yield done


def _alone(function: str, *arguments: object) -> Program:
    words = (str(_HERE / "alone.py"), "registry", function, *map(str, arguments))
    return Program("oceandata", (sys.executable, "-P", *words))


def works(peer_python: Path, folder: Path) -> Sequence[Trial]:  # noqa: ARG001 - there is no peer
    """
    Rows of the registry.

    Parameters
    ----------
    peer_python : pathlib.Path
        Not used: no other program keeps such a registry.
    folder : pathlib.Path
        Cache folder.

    Returns
    -------
    sequence of Trial
        Nothing is prepared or run.
    """
    place = folder / f"registry-{_PRODUCTS}-{_EVENTS}.sqlite"

    def prepare() -> None:
        write_registry(place)

    size = f"{_PRODUCTS:,} products, {_EVENTS:,} events, SQLite"
    limits = Limits(wall_s=_PAGE_S)
    rows = [
        Trial(f"registry: {kind}", f"{text}; {size}: the slowest", _alone("ask", place, kind), limits, prepare)
        for kind, text in _PAGES
    ]
    rows.append(
        Trial("registry: step", f"submit, undone; {size}: the slowest", _alone("step", place), Limits(), prepare)
    )
    rows.append(Trial("registry: audit", f"the whole chain; {size}", _alone("audit", place), Limits(), prepare))
    return rows
