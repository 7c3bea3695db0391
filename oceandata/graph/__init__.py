"""The only code that touches the internals of Dask and of xarray's lazy arrays."""

from oceandata.graph.collector import ArrayRead, FileRead, zarr_array_of
from oceandata.graph.internals import check_internals
from oceandata.graph.recipe import Box, Fold, Recipe, cut, positions, stream, stream_task
from oceandata.graph.sources import Reading, box_reads, find_reads, read_plan
from oceandata.graph.threads import one_blas_thread
from oceandata.graph.walker import Streamed

__all__ = [
    "ArrayRead",
    "Box",
    "FileRead",
    "Fold",
    "Reading",
    "Recipe",
    "Streamed",
    "box_reads",
    "check_internals",
    "cut",
    "find_reads",
    "one_blas_thread",
    "positions",
    "read_plan",
    "stream",
    "stream_task",
    "zarr_array_of",
]
