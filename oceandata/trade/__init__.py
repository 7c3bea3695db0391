"""
The exchange: products, what a result was made of, what it owes, and what was read for it.

`lineage`, `quote`, `attribution` and `can_relist` before a byte is read, `metering` and `recording` while it is read,
`write_result`, `write_subset` and `read_stamp` for files that carry both. `oceandata.trade.registry` keeps what staff
decided, `oceandata.trade.delivery` hands over what was bought.
"""

from oceandata.trade.holdings import Holding, Holdings, holdings
from oceandata.trade.lineage import Input, Lineage, lineage
from oceandata.trade.meter import Usage, metering
from oceandata.trade.offers import Offer, PricePlan
from oceandata.trade.parties import Party
from oceandata.trade.permits import Permit
from oceandata.trade.product import (
    Product,
    ProductRevision,
    draft_revision,
    load_product,
    product_schema,
    write_product,
)
from oceandata.trade.product_check import check_product, draft_product
from oceandata.trade.quality import Quality
from oceandata.trade.quote import Quote, QuoteLine, QuotePart, quote
from oceandata.trade.recording import Recording, current_recording, recording
from oceandata.trade.revise import RevisionPlan, RevisionReport, find_pins, plan_product_revision, revise_product
from oceandata.trade.rights import Decision, attribution, can_relist
from oceandata.trade.stamp import Stamped, read_stamp, write_result
from oceandata.trade.subset import SubsetPlan, SubsetReport, plan_subset, write_subset
from oceandata.trade.usage import UsageReport, UsageRow, usage_report
from oceandata.trade.usage_sheets import write_usage

__all__ = [
    "Decision",
    "Holding",
    "Holdings",
    "Input",
    "Lineage",
    "Offer",
    "Party",
    "Permit",
    "PricePlan",
    "Product",
    "ProductRevision",
    "Quality",
    "Quote",
    "QuoteLine",
    "QuotePart",
    "Recording",
    "RevisionPlan",
    "RevisionReport",
    "Stamped",
    "SubsetPlan",
    "SubsetReport",
    "Usage",
    "UsageReport",
    "UsageRow",
    "attribution",
    "can_relist",
    "check_product",
    "current_recording",
    "draft_product",
    "draft_revision",
    "find_pins",
    "holdings",
    "lineage",
    "load_product",
    "metering",
    "plan_product_revision",
    "plan_subset",
    "product_schema",
    "quote",
    "read_stamp",
    "recording",
    "revise_product",
    "usage_report",
    "write_product",
    "write_result",
    "write_subset",
    "write_usage",
]
