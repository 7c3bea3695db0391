"""
Part of a dataset as a file: planned before a byte is read, then written in memory that does not grow with the request.

The selection is read block by block into files beside the target, so that a killed run continues; when all is there,
NetCDF, Zarr, CSV or Parquet is written from them and put in its place whole.
"""

from oceandata.trade.subset.plan import SubsetPlan, plan_subset
from oceandata.trade.subset.selection import Request
from oceandata.trade.subset.writing import SubsetReport, write_subset

__all__ = ["Request", "SubsetPlan", "SubsetReport", "plan_subset", "write_subset"]
