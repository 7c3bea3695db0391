"""What stands in the way of listing a product, each in one sentence."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from oceandata.trade.registry.documents import ExchangeProfile
from oceandata.trade.registry.facts import grade_of

__all__ = ["listing_faults"]

Row = Mapping[str, Any]


def listing_faults(
    document: Mapping[str, Any],
    *,
    profile: ExchangeProfile,
    revision: Row | None,
    offer: Row | None,
    certificates: Sequence[Row],
    url: str,
    today: str,
) -> list[str]:
    """
    Every reason why a product may not be listed.

    Parameters
    ----------
    document : mapping
        The product document.
    profile : ExchangeProfile
        What the exchange asks for.
    revision, offer : mapping or None
        Rows of what shall be listed; None if there is none.
    certificates : sequence of mapping
        Rows of the product's certificates.
    url : str
        Page of the listing, empty if unknown.
    today : str
        ISO 8601 date.

    Returns
    -------
    list of str
        Sentences; empty if it may be listed.
    """
    return [
        *_grade_faults(document),
        *_revision_faults(revision),
        *_offer_faults(offer, today),
        *_certificate_faults(profile, certificates, revision, today),
        *_page_faults(document, profile, url),
    ]


def _grade_faults(document: Mapping[str, Any]) -> Iterator[str]:
    grade = grade_of(document)
    if document.get("example"):
        yield "it is an example, which no exchange lists"
    if not grade.name:
        yield "it has no classification grade (GB/T 43697-2024): have somebody decide on it"
        return
    if grade.name == "core":
        yield "its grade is core, and core data are never listed"
    if not grade.decided_by:
        yield f"nobody is named who decided on its grade {grade.name}: software never decides"
    if grade.name == "important" and not grade.note:
        yield "its grade is important, and the decision names no document of an assessment (note)"


def _revision_faults(revision: Row | None) -> Iterator[str]:
    if revision is None:
        yield "it has no revision: pin one with 'oceandata trade revise'"
    elif revision["revoked_at"] is not None:
        yield f"revision {revision['number']} was revoked: {revision['reason']}"
    elif revision["finalized_at"] is None:
        yield f"revision {revision['number']} is not final: compare it with its repository by 'oceandata trade revise'"


def _offer_faults(offer: Row | None, today: str) -> Iterator[str]:
    if offer is None:
        yield "it has no offer: add one with 'oceandata trade offer'"
    elif offer["valid_from"] is not None and offer["valid_from"] > today:
        yield f"offer {offer['version']} is valid from {offer['valid_from']}"
    elif offer["valid_to"] is not None and offer["valid_to"] < today:
        yield f"offer {offer['version']} was valid until {offer['valid_to']}"


def _certificate_faults(
    profile: ExchangeProfile, certificates: Sequence[Row], revision: Row | None, today: str
) -> Iterator[str]:
    if "certificate" not in profile.requires:
        return
    counting = [one for one in certificates if not profile.schemes or one["scheme"] in profile.schemes]
    if not counting:
        kinds = f" of scheme {' or '.join(profile.schemes)}" if profile.schemes else ""
        yield f"it has no registration certificate{kinds}, and the exchange asks for one"
        return
    issued = [one for one in counting if one["issued_on"] <= today]
    if not issued:
        first = min(counting, key=lambda one: str(one["issued_on"]))
        yield f"its certificate {first['number']} is issued on {first['issued_on']}, which is yet to come"
        return
    valid = [one for one in issued if one["expires_on"] is None or one["expires_on"] >= today]
    if not valid:
        last = max(issued, key=lambda one: str(one["expires_on"]))
        yield f"its certificate {last['number']} expired on {last['expires_on']}"
    elif revision is not None and all((one["covers_revision"] or 1) > revision["number"] for one in valid):
        first = min(one["covers_revision"] for one in valid)
        yield f"its certificates cover revisions from {first} on, not revision {revision['number']}"


def _page_faults(document: Mapping[str, Any], profile: ExchangeProfile, url: str) -> Iterator[str]:
    if "sample" in profile.requires and not document.get("sample"):
        yield "it has no sample, and the exchange asks for one"
    if "dictionary" in profile.requires and not (document.get("dictionary") or document.get("variables")):
        yield "it has no dictionary of its variables, and the exchange asks for one"
    if "url" in profile.requires and not url:
        yield "the exchange asks for the page of the listing: give url, and who has read it"
