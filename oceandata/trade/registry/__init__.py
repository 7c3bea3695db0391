"""
The registry of the exchange: what staff decided on products, every step an event in a chain of hashes.

`create_registry` and `open_registry` give a registry; every step is a function that takes it, checks what the state of
the product allows, writes all or nothing, and returns the event that tells of it.
"""

from oceandata.trade.registry.auditing import Anchor, AuditReport, anchor_of, audit_registry
from oceandata.trade.registry.current import product_document
from oceandata.trade.registry.documents import (
    CertificateDocument,
    Entitlement,
    ExchangeProfile,
    KnownParty,
    Order,
    Place,
    Scope,
)
from oceandata.trade.registry.lifecycle import STATES, STEPS
from oceandata.trade.registry.listings import archive, delist, list_product, resume_listing, suspend_listing
from oceandata.trade.registry.offers import add_offer, register_certificate
from oceandata.trade.registry.opening import create_registry, open_registry
from oceandata.trade.registry.pinning import pin_revision, revoke_revision
from oceandata.trade.registry.records import Event, Listing, PinnedRevision, ProductRecord
from oceandata.trade.registry.review import (
    add_product,
    approve,
    object_to,
    publicize,
    replace_product,
    return_product,
    settle_objection,
    submit,
)
from oceandata.trade.registry.sales import import_entitlement, import_order, import_party, revoke_entitlement

__all__ = [
    "STATES",
    "STEPS",
    "Anchor",
    "AuditReport",
    "CertificateDocument",
    "Entitlement",
    "Event",
    "ExchangeProfile",
    "KnownParty",
    "Listing",
    "Order",
    "PinnedRevision",
    "Place",
    "ProductRecord",
    "Scope",
    "add_offer",
    "add_product",
    "anchor_of",
    "approve",
    "archive",
    "audit_registry",
    "create_registry",
    "delist",
    "import_entitlement",
    "import_order",
    "import_party",
    "list_product",
    "object_to",
    "open_registry",
    "pin_revision",
    "product_document",
    "publicize",
    "register_certificate",
    "replace_product",
    "resume_listing",
    "return_product",
    "revoke_entitlement",
    "revoke_revision",
    "settle_objection",
    "submit",
    "suspend_listing",
]
