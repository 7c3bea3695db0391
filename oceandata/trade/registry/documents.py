"""Documents that come from outside: certificates, listings, orders, entitlements, and what an exchange asks for."""

from datetime import date
from typing import Annotated, Any, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from oceandata.documents import Document, Instant, Text
from oceandata.trade.money import OptionalAmount, OptionalCurrency
from oceandata.trade.parties import Party

__all__ = [
    "CertificateDocument",
    "Entitlement",
    "ExchangeProfile",
    "KnownParty",
    "Order",
    "PinnedState",
    "Place",
    "Scope",
]

#: A page on the web.
Url = Annotated[str, StringConstraints(pattern=r"^(https?://[^\s]+)?$", max_length=2000)]

# Degrees or metres; a limit that is no number would limit nothing.
_Finite = Annotated[float, Field(allow_inf_nan=False)]

#: What a content root looks like (docs/content-root.md).
_Root = Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$")]

# No text, truth value or fraction is taken for a number of bytes.
_Count = Annotated[int, Field(strict=True, ge=0)]

_Key = Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]


class KnownParty(Party):
    """A firm, an institute or a person that the registry knows by an identifier of its own."""

    id: _Key


class PinnedState(Document):
    """
    The state of the data that a revision pins, as it was found in the repository.

    Attributes
    ----------
    repository, layout, tag, snapshot : str
        Where it is.
    content_root : str
        ``sha256:`` and 64 hexadecimal digits.
    stored_bytes, chunks : int
        Its size.
    decoded_bytes, records : int or None
        None if unknown.
    record_unit : str
        What one record is; empty if the product does not say.
    change : str
        What is new, in words.
    difference : dict or None
        What changed since the revision before; None if there is none to compare with.
    """

    repository: Text
    layout: Text
    tag: Text
    snapshot: Text
    content_root: _Root
    stored_bytes: _Count
    chunks: _Count
    decoded_bytes: _Count | None = None
    records: _Count | None = None
    record_unit: str
    change: str
    difference: dict[str, Any] | None = None


class CertificateDocument(Document):
    """
    A registration certificate.

    Attributes
    ----------
    scheme : str
        ``exchange-product``, ``public-data-resource``, ``data-ip``, ``data-property`` or ``other``.
    number, authority : str
        As they are printed on it.
    issued_on, expires_on : date
        Its dates; None if it does not expire.
    verify_url : str
        Page on which it can be looked up; only one that somebody has read.
    scan_sha256 : str
        Digest of its scan.
    covers_revision : int or None
        First revision that it covers; None if it says nothing of that.
    """

    scheme: Literal["exchange-product", "public-data-resource", "data-ip", "data-property", "other"]
    number: _Key
    authority: _Key
    issued_on: date
    expires_on: date | None = None
    verify_url: Url = ""
    scan_sha256: Annotated[str, StringConstraints(pattern=r"^([0-9a-f]{64})?$")] = ""
    covers_revision: int | None = Field(default=None, ge=1)

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.expires_on is not None and self.expires_on < self.issued_on:
            msg = f"expires_on is {self.expires_on}, before issued_on {self.issued_on}"
            raise ValueError(msg)
        return self


class Place(Document):
    """
    Where a product is listed.

    Attributes
    ----------
    exchange, code : str
        The exchange, and what it calls the product.
    zone : str
        Part of the exchange; empty if it has none.
    url : str
        The product's page there; empty unless a person has read it.
    url_verified_by : str
        That person.
    url_verified_at : datetime or None
        When; now if it is not said.
    """

    exchange: _Key
    code: _Key
    zone: str = ""
    url: Url = ""
    url_verified_by: str = ""
    url_verified_at: Instant | None = None

    @model_validator(mode="after")
    def _read_by_somebody(self) -> Self:
        if self.url and not self.url_verified_by.strip():
            msg = f"nobody is named who has read {self.url}. A page is never made up: open it, and say who did"
            raise ValueError(msg)
        if not self.url and (self.url_verified_by or self.url_verified_at):
            msg = "somebody read a page, but url is empty"
            raise ValueError(msg)
        return self


class ExchangeProfile(Document):
    """
    What an exchange asks for before it lists a product.

    Attributes
    ----------
    requires : tuple of str
        Of ``certificate``, ``sample``, ``dictionary`` and ``url``.
    schemes : tuple of str
        Kinds of certificate that count; any if empty.
    """

    requires: tuple[Literal["certificate", "sample", "dictionary", "url"], ...] = ("certificate",)
    schemes: tuple[str, ...] = ()


class Order(Document):
    """
    An order as the exchange tells of it.

    Attributes
    ----------
    id : str
        Its number on the exchange.
    product : str
        Identifier of the product.
    offer : int
        Version of the offer that it was made under; it stays so for ever.
    buyer : KnownParty or str
        The buyer, or the identifier of one that is known.
    listing : int or None
        Number of the product's listing.
    contract : str
        Number of the contract.
    amount : str
        Major units as a decimal text; empty if unknown.
    currency : str
        ISO 4217.
    state : str
        A state of the Dataspace Protocol.
    extra : dict of str to str
        What else the exchange said.
    """

    id: _Key
    product: _Key
    offer: int = Field(ge=1)
    buyer: KnownParty | _Key
    listing: int | None = Field(default=None, ge=1)
    contract: str = ""
    amount: OptionalAmount = ""
    currency: OptionalCurrency = ""
    state: Literal["requested", "offered", "accepted", "agreed", "verified", "finalized", "terminated"]
    extra: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _whole_amount(self) -> Self:
        if bool(self.amount) != bool(self.currency):
            msg = f"amount is {self.amount!r} and currency {self.currency!r}, need both or neither"
            raise ValueError(msg)
        return self


class Scope(Document):
    """
    Part of a product that an entitlement is for; empty and None mean all.

    Attributes
    ----------
    first_revision, last_revision : int or None
        Revisions of the product.
    variables : tuple of str
        Their native names.
    bbox : tuple of float or None
        West, south, east, north in degrees.
    time : tuple of datetime or None
        First and last instant.
    depth_m : tuple of float or None
        Shallowest and deepest, m.
    """

    first_revision: int | None = Field(default=None, ge=1)
    last_revision: int | None = Field(default=None, ge=1)
    variables: tuple[Text, ...] = ()
    bbox: tuple[_Finite, _Finite, _Finite, _Finite] | None = None
    time: tuple[Instant, Instant] | None = None
    depth_m: tuple[_Finite, _Finite] | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        for name in ("time", "depth_m"):
            pair = getattr(self, name)
            if pair is not None and not pair[0] <= pair[1]:
                msg = f"{name} is {pair[0]} to {pair[1]}, need the first not after the last"
                raise ValueError(msg)
        if self.bbox is not None and not -90 <= self.bbox[1] <= self.bbox[3] <= 90:
            msg = f"bbox is {self.bbox}, need west, south, east, north with south not above north"
            raise ValueError(msg)
        return self


class Entitlement(Document):
    """
    What a buyer may do with a product.

    Attributes
    ----------
    id, order : str
        Its identifier, and the order it comes from.
    mode : str
        ``deliver``, ``read-in-place`` or ``compute-only``.
    scope : Scope
        Which part of the product.
    purposes : tuple of str
        What for; any if empty.
    limits : dict of str to int
        ``bytes``: the most that one delivery takes. Another limit is refused, as nothing would keep it.
    starts, ends : datetime
        From when until when; None for no end.
    recipients : tuple of str
        Who may receive it besides the buyer.
    """

    id: _Key
    order: _Key
    mode: Literal["deliver", "read-in-place", "compute-only"]
    scope: Scope = Field(default_factory=Scope)
    purposes: tuple[Text, ...] = ()
    limits: dict[Literal["bytes"], Annotated[int, Field(ge=0)]] = Field(default_factory=dict)
    starts: Instant
    ends: Instant | None = None
    recipients: tuple[Text, ...] = ()

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.ends is not None and self.ends <= self.starts:
            msg = f"ends is {self.ends}, not after starts {self.starts}"
            raise ValueError(msg)
        return self
