"""The only code that touches the internals of Dask and of xarray's lazy arrays."""

from oceandata.graph.recipe import Box, Fold, Recipe, cut, positions, stream, stream_task
from oceandata.graph.sources import ArrayRead, Reading, Streamed, box_reads, read_plan, zarr_array_of
from oceandata.graph.threads import one_blas_thread

__all__ = [
    "ArrayRead",
    "Box",
    "Fold",
    "Reading",
    "Recipe",
    "Streamed",
    "box_reads",
    "cut",
    "one_blas_thread",
    "positions",
    "read_plan",
    "stream",
    "stream_task",
    "zarr_array_of",
]
