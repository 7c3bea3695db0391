"""
Manifests cut into pieces, so that finding a chunk among millions reads the places of some, not of all.

Icechunk lists the chunks of an array in one manifest unless told otherwise: opening a map would read it whole, and each
commit would write it anew. Here a manifest holds about 100,000 references, whole rows of the chunk grid along its first
dimension where they fit, the same as a chunk of the leaves.
"""

import os
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

from oceandata.storage.layout import ArrayPlan
from oceandata.storage.stores import commit_lock, open_repository

if TYPE_CHECKING:
    import icechunk

__all__ = ["manifest_lengths", "with_split_manifests"]

# References that one manifest holds at most: about 0.7 MB stored, some tens of MB in memory.
_REFERENCES = 100_000


def manifest_lengths(grid: Sequence[int]) -> dict[int, int]:
    """
    Where the manifests of an array are cut.

    The first dimension is always named, because an array may grow along it.

    Parameters
    ----------
    grid : sequence of int
        Number of chunks along each dimension.

    Returns
    -------
    dict of int to int
        Number of chunks that a manifest spans, by dimension; one that is not named is not cut.

    Examples
    --------
    >>> manifest_lengths((50_000, 10, 10))
    {0: 1000}
    >>> manifest_lengths((3, 1000, 1000))
    {1: 100, 0: 1}
    """
    lengths, room = {}, _REFERENCES
    for dim in reversed(range(len(grid))):
        length = max(1, min(grid[dim], room) if dim else room)
        if dim == 0 or length < grid[dim]:
            lengths[dim] = length
        room //= length
    return lengths


def with_split_manifests(
    repository: "icechunk.Repository", url: str | os.PathLike[str], group: str, arrays: Sequence[ArrayPlan]
) -> "icechunk.Repository":
    """
    Repository that cuts the manifests of a layout; its configuration remembers it for later writers.

    Parameters
    ----------
    repository : icechunk.Repository
        Opened for writing.
    url : str or path
        Where it is.
    group : str
        Name of the layout, which is not written yet.
    arrays : sequence of ArrayPlan
        Its arrays.

    Returns
    -------
    icechunk.Repository
        Opened anew if its configuration changed.
    """
    import icechunk

    condition, axis = icechunk.ManifestSplitCondition, icechunk.ManifestSplitDimCondition.Axis
    config = repository.config
    manifest = config.manifest or icechunk.ManifestConfig()
    lengths: dict[Any, dict[Any, int]] = dict(cast("Any", manifest.splitting).to_dict() if manifest.splitting else {})
    lengths |= {
        condition.path_matches(f"^/{group}/{re.escape(array.name)}$"): {
            axis(dim): length for dim, length in manifest_lengths(array.grid).items()
        }
        for array in arrays
        if array.grid
    }
    splitting = icechunk.ManifestSplittingConfig.from_dict(lengths)
    if str(splitting) == str(manifest.splitting):
        return repository
    manifest.splitting = splitting
    config.manifest = manifest
    with commit_lock(url):
        repository.reopen(config=config).save_config()
    return open_repository(url)
