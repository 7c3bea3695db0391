"""What the registry says that does not fit together any more: listings that lag, certificates, orphans."""

from collections.abc import Iterator
from datetime import date, timedelta

from oceandata.trade.exchange.differences import Difference, Severity, Stated, command
from oceandata.trade.exchange.listing_rules import price_text
from oceandata.trade.exchange.sides import KnownProduct, RegistrySide
from oceandata.trade.registry.records import Listing, OfferVersion

__all__ = ["certificate_differences", "entitlement_differences", "listing_lags"]


def _place(listing: Listing) -> tuple[str, ...]:
    zone = ("--zone", listing.zone) if listing.zone else ()
    return ("--exchange", listing.exchange, *zone, "--code", listing.code)


def listing_lags(known: KnownProduct, registry: RegistrySide, today: date) -> Iterator[Difference]:
    """
    Listings of a revision or an offer that is not the newest.

    Parameters
    ----------
    known : KnownProduct
        The product.
    registry : RegistrySide
        Where.
    today : date
        The day on which offers must be valid.

    Yields
    ------
    Difference
        An error where the listed revision was revoked.
    """
    newest, offer = known.newest, _current_offer(known, today)
    for listing in known.active:
        name, product = listing.code, known.record.id
        mend = ("trade", "list", product, *_place(listing))
        listed = known.revision(listing.revision)
        revoked = listed is not None and listed.revoked_at is not None
        if revoked or (newest is not None and listing.revision < newest.number):
            said = registry.says(f"listed: {listing.revision}{' (revoked)' if revoked else ''}")
            other = registry.says(None if newest is None else f"newest final: {newest.number}")
            line = command("trade", "revise", product, "--repository", "REPOSITORY", "--actor", "NAME")
            if newest is not None:
                line = command(*mend, "--revision", newest.number, "--actor", "NAME")
            severity: Severity = "error" if revoked else "warning"
            yield Difference("revision-behind", product, name, "revision", said, other, severity, line)
        before = known.offer(listing.offer)
        if offer is not None and before is not None and before.version < offer.version:
            said = registry.says(f"listed: offer {before.version}, {price_text(before)}")
            other = registry.says(f"newest valid: offer {offer.version}, {price_text(offer)}")
            line = command(*mend, "--offer", offer.version, "--actor", "NAME")
            yield Difference("price-differs", product, name, "offer", said, other, "warning", line)


def _current_offer(known: KnownProduct, today: date) -> OfferVersion | None:
    """Newest offer that is valid on a day."""
    day = today.isoformat()
    valid = [one for one in known.offers if (one.valid_from or "") <= day <= (one.valid_to or "9999")]
    return valid[-1] if valid else None


def certificate_differences(
    known: KnownProduct, registry: RegistrySide, today: date, expiring_days: int
) -> Iterator[Difference]:
    """
    Certificates of products on sale that have expired, or soon will.

    One that another of the same scheme outlives is not told.

    Parameters
    ----------
    known : KnownProduct
        The product.
    registry : RegistrySide
        Where.
    today : date
        The day; a certificate is valid on its last day.
    expiring_days : int
        How many days ahead to look.

    Yields
    ------
    Difference
        An error if it has expired.
    """
    if not known.active:
        return
    soon = (today + timedelta(days=expiring_days)).isoformat()
    for one in known.certificates:
        ends = one.expires_on
        if ends is None or ends > soon:
            continue
        others = (other.expires_on or "9999" for other in known.certificates if other.scheme == one.scheme)
        if max(others) > ends:
            continue
        expired = ends < today.isoformat()
        kind = "certificate-expired" if expired else "certificate-expiring"
        severity: Severity = "error" if expired else "warning"
        issued = ("--authority", one.authority, "--issued-on", "YYYY-MM-DD", "--actor", "NAME")
        line = command("trade", "register", one.product, "--scheme", one.scheme, "--number", "NUMBER", *issued)
        now = Stated("calendar", today.isoformat(), "the day of the comparison", today.isoformat())
        said = registry.says(ends)
        yield Difference(kind, one.product, one.number, "expires_on", said, now, severity, line)


def entitlement_differences(registry: RegistrySide, now: str) -> Iterator[Difference]:
    """
    Entitlements in force whose order was terminated, or is not there.

    Parameters
    ----------
    registry : RegistrySide
        All of them.
    now : str
        The day, ISO 8601.

    Yields
    ------
    Difference
        One for each.
    """
    for one in registry.entitlements:
        if one.revoked_at is not None or (one.ends is not None and one.ends[:10] < now):
            continue
        order = registry.orders.get(one.order_id)
        if order is None or order.state == "terminated":
            said = registry.says(f"in force until {one.ends[:10]}" if one.ends else "in force")
            other = registry.says(None if order is None else f"order {order.id}: {order.state}")
            line = command("trade", "revoke-entitlement", one.id, "--reason", "REASON", "--actor", "NAME")
            yield Difference("orphan-entitlement", one.product, one.id, "order", said, other, "error", line)
