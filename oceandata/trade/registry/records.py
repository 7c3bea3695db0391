"""What is read from a registry: one frozen record for each kind of row."""

import dataclasses
import json
from collections.abc import Mapping
from typing import Any, Self

__all__ = [
    "Certificate",
    "EntitlementRecord",
    "Event",
    "Listing",
    "OfferVersion",
    "OrderRecord",
    "PinnedRevision",
    "ProductRecord",
]

#: Columns that hold JSON.
_JSON = frozenset({"document", "publicity", "difference", "terms", "detail", "rows"})


@dataclasses.dataclass(frozen=True)
class _Record:
    """A row; columns that hold JSON are decoded."""

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Self:
        """Record of the columns of a row that it has fields for."""
        names = {field.name for field in dataclasses.fields(cls)} & row.keys()
        values = {name: row[name] for name in names}
        return cls(
            **{
                name: json.loads(value) if name in _JSON and value is not None else value
                for name, value in values.items()
            }
        )

    def to_json(self) -> dict[str, Any]:
        """JSON form, without what is unknown."""
        return {name: value for name, value in dataclasses.asdict(self).items() if value is not None}


@dataclasses.dataclass(frozen=True)
class ProductRecord(_Record):
    """
    A product as the registry holds it.

    Attributes
    ----------
    id, title, title_zh, provider, theme, grade : str
        From its document; empty where the document does not say.
    state : str
        One of `oceandata.trade.registry.STATES`.
    version : int
        Grows by one with each change of the product; an edit names the version that was read.
    declared_bytes, declared_chunks : int or None
        Size of the newest revision that its document names; None if it names none.
    document : dict or None
        The product document without its revisions; None in lists.
    submitted_by, reviewed_by : str or None
        Who submitted it, and who approved it.
    publicity : dict or None
        ``from``, ``to`` and ``objections``.
    created_at, updated_at : str
        UTC.
    """

    id: str
    state: str
    version: int
    title: str
    title_zh: str
    provider: str
    theme: str
    grade: str
    created_at: str
    updated_at: str
    declared_bytes: int | None = None
    declared_chunks: int | None = None
    document: dict[str, Any] | None = None
    submitted_by: str | None = None
    reviewed_by: str | None = None
    publicity: dict[str, Any] | None = None


@dataclasses.dataclass(frozen=True)
class PinnedRevision(_Record):
    """
    A revision of a product, and the state of the data that it pins.

    Attributes
    ----------
    product : str
        Whose.
    number : int
        1, 2, 3 and so on.
    repository, layout, tag, snapshot, content_root : str
        The pinned data.
    stored_bytes, chunks : int
        Their size.
    decoded_bytes, records : int or None
        None if unknown.
    record_unit : str
        What one record is; empty if the product does not say.
    change : str
        What is new, in words.
    difference : dict or None
        What changed since the revision before, from stored digests; None if there is none to compare with.
    recorded_at, recorded_by : str
        When it was put down, UTC, and by whom.
    finalized_at, finalized_by : str or None
        When it was compared with the repository and made unchangeable; None if it was not yet.
    revoked_at, revoked_by, reason : str or None
        None unless it was revoked.
    """

    product: str
    number: int
    repository: str
    layout: str
    tag: str
    snapshot: str
    content_root: str
    stored_bytes: int
    chunks: int
    record_unit: str
    change: str
    recorded_at: str
    recorded_by: str
    decoded_bytes: int | None = None
    records: int | None = None
    difference: dict[str, Any] | None = None
    finalized_at: str | None = None
    finalized_by: str | None = None
    revoked_at: str | None = None
    revoked_by: str | None = None
    reason: str | None = None

    @property
    def is_final(self) -> bool:
        """True if it was finalised and not revoked."""
        return self.finalized_at is not None and self.revoked_at is None


@dataclasses.dataclass(frozen=True)
class Certificate(_Record):
    """A registration certificate of a product; `covers_revision` is the first revision that it covers."""

    scheme: str
    authority: str
    number: str
    product: str
    issued_on: str
    recorded_at: str
    recorded_by: str
    expires_on: str | None = None
    verify_url: str | None = None
    scan_sha256: str | None = None
    covers_revision: int | None = None
    publicity: dict[str, Any] | None = None


@dataclasses.dataclass(frozen=True)
class OfferVersion(_Record):
    """A price and its terms, never changed; the amount is ``amount_minor / 10**amount_scale`` minor units."""

    product: str
    version: int
    model: str
    terms: dict[str, Any]
    recorded_at: str
    recorded_by: str
    currency: str | None = None
    amount_minor: int | None = None
    amount_scale: int | None = None
    valid_from: str | None = None
    valid_to: str | None = None


@dataclasses.dataclass(frozen=True)
class Listing(_Record):
    """The place of a product on an exchange; `url` only if somebody has read the page, and who and when."""

    product: str
    number: int
    exchange: str
    zone: str
    code: str
    offer: int
    revision: int
    state: str
    listed_at: str
    listed_by: str
    url: str | None = None
    url_verified_at: str | None = None
    url_verified_by: str | None = None
    changed_at: str | None = None
    changed_by: str | None = None
    reason: str | None = None


@dataclasses.dataclass(frozen=True)
class OrderRecord(_Record):
    """An order as it was imported; the offer that it was made under never changes."""

    id: str
    product: str
    offer: int
    buyer: str
    contract: str
    state: str
    document: dict[str, Any]
    source_sha256: str
    version: int
    recorded_at: str
    recorded_by: str
    listing: int | None = None
    currency: str | None = None
    amount_minor: int | None = None


@dataclasses.dataclass(frozen=True)
class EntitlementRecord(_Record):
    """What a buyer may do with a product, as it was imported."""

    id: str
    order_id: str
    product: str
    mode: str
    starts: str
    document: dict[str, Any]
    source_sha256: str
    recorded_at: str
    recorded_by: str
    ends: str | None = None
    revoked_at: str | None = None
    revoked_by: str | None = None
    reason: str | None = None


@dataclasses.dataclass(frozen=True)
class Event(_Record):
    """
    One step, and its place in the chain.

    Attributes
    ----------
    seq : int
        1, 2, 3 and so on, without gaps.
    at, actor, act : str
        When (UTC), who, what.
    product : str or None
        Which product it concerns.
    detail : dict
        What was said with it.
    rows : dict
        Digest of each row that it wrote, after it.
    before_hash, after_hash : str
        Digests of those rows before and after.
    prev_hash, hash : str
        Of the event before, and of this one.
    """

    seq: int
    at: str
    actor: str
    act: str
    product: str | None
    detail: dict[str, Any]
    rows: dict[str, str]
    before_hash: str
    after_hash: str
    prev_hash: str
    hash: str
