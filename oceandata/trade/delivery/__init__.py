"""
Deliveries that a buyer can verify: what an entitlement allows, copied byte for byte, listed, proven and signed.

`read_grant` checks the entitlement, `plan_delivery` (whole chunks, proven) or `plan_clipped` (just the cells, attested)
tells what would be delivered, `write_delivery` makes the package; `verify_delivery` is the buyer's, and `open_delivery`
opens it.
"""

from oceandata.trade.delivery.grants import Grant, read_grant
from oceandata.trade.delivery.keys import KeyFile, PublicKey, load_key_file, load_private_key, new_key
from oceandata.trade.delivery.manifest import Manifest, read_manifest
from oceandata.trade.delivery.opening import open_delivery
from oceandata.trade.delivery.plan import DeliveryPlan, plan_clipped, plan_delivery
from oceandata.trade.delivery.reporting import DeliveryReport
from oceandata.trade.delivery.verification import verify_delivery
from oceandata.trade.delivery.writing import write_delivery

__all__ = [
    "DeliveryPlan",
    "DeliveryReport",
    "Grant",
    "KeyFile",
    "Manifest",
    "PublicKey",
    "load_key_file",
    "load_private_key",
    "new_key",
    "open_delivery",
    "plan_clipped",
    "plan_delivery",
    "read_grant",
    "read_manifest",
    "verify_delivery",
    "write_delivery",
]
