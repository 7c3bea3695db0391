"""
The exchange: products, what a result was made of, and what was read for it.

`lineage` before a byte is read, `metering` while it is read, `write_result`, `write_subset` and `read_stamp` for files
that carry both.
"""

from oceandata.trade.lineage import Input, Lineage, lineage
from oceandata.trade.meter import Usage, metering
from oceandata.trade.product import Product, ProductRevision, draft_revision, load_product, write_product
from oceandata.trade.stamp import Stamped, read_stamp, write_result
from oceandata.trade.subset import SubsetPlan, SubsetReport, plan_subset, write_subset

__all__ = [
    "Input",
    "Lineage",
    "Product",
    "ProductRevision",
    "Stamped",
    "SubsetPlan",
    "SubsetReport",
    "Usage",
    "draft_revision",
    "lineage",
    "load_product",
    "metering",
    "plan_subset",
    "read_stamp",
    "write_product",
    "write_result",
    "write_subset",
]
