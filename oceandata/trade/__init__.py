"""
The exchange: products, what a result was made of, and what was read for it.

`lineage` before a byte is read, `metering` while it is read, `write_result` and `read_stamp` for files that carry
both.
"""

from oceandata.trade.lineage import Input, Lineage, lineage
from oceandata.trade.meter import Usage, metering
from oceandata.trade.product import Product, ProductRevision, draft_revision, load_product, write_product
from oceandata.trade.stamp import Stamped, read_stamp, write_result

__all__ = [
    "Input",
    "Lineage",
    "Product",
    "ProductRevision",
    "Stamped",
    "Usage",
    "draft_revision",
    "lineage",
    "load_product",
    "metering",
    "read_stamp",
    "write_product",
    "write_result",
]
