"""
Which cells of a grid surround a point: nearest centres, and four centres with the weights of a bilinear interpolation.

Distances are straight lines between points of the unit sphere, so that the date line, the poles and the folds of
tripolar grids need no rule of their own.
"""

import dataclasses
import itertools
from typing import TYPE_CHECKING, Any

import numpy as np

from oceandata.errors import InputError

if TYPE_CHECKING:
    import numpy.typing as npt

    from oceandata.analysis.grids import Grid

    FloatArray = npt.NDArray[np.float64]
    IntArray = npt.NDArray[np.int64]

__all__ = ["Points", "bilinear_points", "grid_points", "nearest_points"]

# Nearest centres whose cells are searched for the one that holds a point: enough where rows meet at a steep angle.
_CANDIDATES = 6

# Steps of Newton's method for the place in a quadrilateral; it converges quadratically from its middle.
_STEPS = 12

# Places this little outside a quadrilateral are inside, in units of its sides.
_MARGIN = 1e-6


@dataclasses.dataclass(frozen=True, eq=False)
class Points:
    """
    Cells of a source for each target.

    Attributes
    ----------
    sources : numpy.ndarray of int64, shape (targets, k)
        Numbers of cells, the source flattened.
    weights : numpy.ndarray of float64, shape (targets, k)
        Their weights; all zero for a target that lies outside.
    """

    sources: "IntArray"
    weights: "FloatArray"


def grid_points(grid: "Grid") -> "FloatArray":
    """
    Centres of a grid on the unit sphere.

    Parameters
    ----------
    grid : Grid
        Any grid.

    Returns
    -------
    numpy.ndarray, shape (cells, 3)
        In the order of the flattened grid; NaN where a centre is missing.
    """
    lat, lon = np.radians(grid.lat), np.radians(grid.lon)
    if grid.rectilinear:
        lat, lon = np.repeat(lat, lon.size), np.tile(lon, lat.size)
    lat, lon = lat.ravel(), lon.ravel()
    return np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], axis=1)


def _tree(points: "FloatArray") -> "tuple[Any, IntArray]":
    """Search tree of the centres that are there, and their numbers."""
    from scipy.spatial import cKDTree

    known = np.flatnonzero(np.isfinite(points).all(axis=1))
    if not known.size:
        msg = "the source has no cell with a longitude and latitude, need some."
        raise InputError(msg)
    return cKDTree(points[known]), known


def _spacing(points: "FloatArray", shape: tuple[int, ...]) -> "FloatArray":
    """Largest distance of each centre from its neighbours along the grid's dimensions, at most five times the usual."""
    shaped = points.reshape(*shape, 3)
    largest = np.zeros(shape)
    for axis in range(len(shape)):
        steps = np.nan_to_num(np.linalg.norm(np.diff(shaped, axis=axis), axis=-1))
        for side in ((1, 0), (0, 1)):
            width = [(0, 0)] * len(shape)
            width[axis] = side
            largest = np.maximum(largest, np.pad(steps, width))
    positive = largest[largest > 0]
    usual = float(np.median(positive)) if positive.size else 0.0
    return np.minimum(largest, 5 * usual).ravel()


def nearest_points(source: "Grid", target: "Grid") -> Points:
    """
    The nearest centre for each target, if it is not farther away than the next centre of the source.

    Parameters
    ----------
    source, target : Grid
        Any grids.

    Returns
    -------
    Points
        One cell a target. Of equally near centres the first is not assured.
    """
    points, wanted = grid_points(source), grid_points(target)
    tree, known = _tree(points)
    there = np.isfinite(wanted).all(axis=1)
    found = np.zeros(len(wanted), np.int64)
    weights = np.zeros((len(wanted), 1))
    distance, place = tree.query(wanted[there])
    found[there] = known[place]
    limit = _spacing(points, source.shape)[found[there]]
    weights[there, 0] = distance <= np.maximum(limit, 1e-9)
    return Points(found[:, None], weights)


def _tangents(centre: "FloatArray") -> "tuple[FloatArray, FloatArray]":
    """Two unit vectors at right angles to each point of the sphere and to each other."""
    helper = np.zeros_like(centre)
    helper[np.arange(len(centre)), np.argmin(np.abs(centre), axis=1)] = 1.0
    first = np.cross(centre, helper)
    first /= np.linalg.norm(first, axis=1, keepdims=True)
    return first, np.cross(centre, first)


def _flattened(corners: "FloatArray", centre: "FloatArray") -> "FloatArray":
    """Corners of quadrilaterals on the plane that touches the sphere at a point, its origin; shape (n, 4, 2)."""
    first, second = _tangents(centre)
    height = np.einsum("nkc,nc->nk", corners, centre)
    with np.errstate(invalid="ignore", divide="ignore"):
        scale = np.where(height > 0.1, 1 / height, np.nan)  # beyond 84 degrees away no plane will do
    flat = np.stack([np.einsum("nkc,nc->nk", corners, axis) for axis in (first, second)], axis=-1)
    return np.asarray(flat * scale[..., None], np.float64)


def _places(flat: "FloatArray") -> "FloatArray":
    """
    Place of the origin in quadrilaterals, shape (n, 2): 0 to 1 along both sides where it lies inside, else NaN.

    Newton's method on ``a + b s + c t + d s t = 0``.
    """
    a, b, c = flat[:, 0], flat[:, 1] - flat[:, 0], flat[:, 3] - flat[:, 0]
    d = flat[:, 0] - flat[:, 1] + flat[:, 2] - flat[:, 3]
    s, t = np.full(len(flat), 0.5), np.full(len(flat), 0.5)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        for _ in range(_STEPS):
            miss = a + b * s[:, None] + c * t[:, None] + d * (s * t)[:, None]
            ds, dt = b + d * t[:, None], c + d * s[:, None]
            size = ds[:, 0] * dt[:, 1] - ds[:, 1] * dt[:, 0]
            s = s - (miss[:, 0] * dt[:, 1] - miss[:, 1] * dt[:, 0]) / size
            t = t - (ds[:, 0] * miss[:, 1] - ds[:, 1] * miss[:, 0]) / size
        miss = a + b * s[:, None] + c * t[:, None] + d * (s * t)[:, None]
        extent = np.abs(flat).max(axis=(1, 2))
        inside = (np.abs(s - 0.5) <= 0.5 + _MARGIN) & (np.abs(t - 0.5) <= 0.5 + _MARGIN)
        solved = np.abs(miss).max(axis=1) <= 1e-9 * extent
    places = np.stack([np.clip(s, 0, 1), np.clip(t, 0, 1)], axis=1)
    places[~(inside & solved)] = np.nan
    return places


def _joined_columns(shaped: "FloatArray") -> bool:
    """Whether the last column of a grid is followed by its first, as on a globe that repeats no column."""
    with np.errstate(invalid="ignore"):
        across = np.linalg.norm(shaped[:, 0] - shaped[:, -1], axis=-1)
        along = np.linalg.norm(shaped[:, 1] - shaped[:, 0], axis=-1)
        close = (across > 1e-9) & (across < 2 * along)
    known = np.isfinite(across) & np.isfinite(along)
    return bool(known.any() and close[known].mean() > 0.5)


def _fold(shaped: "FloatArray") -> "IntArray | None":
    """
    Column in the last row that lies beyond each of its columns, on a tripolar grid that does not repeat its fold.

    The row is folded about one of its points, or between two.
    """
    row, count = shaped[-1], shaped.shape[1]
    columns = np.arange(count)
    best: tuple[float, IntArray | None] = (np.inf, None)
    with np.errstate(invalid="ignore"):
        usual = float(np.nanmedian(np.linalg.norm(shaped[-1] - shaped[-2], axis=-1)))
    for pivot in range(count - 3, count + 2):
        beyond = (pivot - columns) % count
        gaps = np.linalg.norm(row - row[beyond], axis=-1)
        middle = float(np.median(gaps[np.isfinite(gaps)])) if np.isfinite(gaps).any() else np.inf
        if 1e-9 < middle < min(best[0], 2 * usual):
            best = middle, beyond
    return best[1]


def _padded_numbers(points: "FloatArray", shape: tuple[int, int], joined: bool) -> "IntArray":
    """Numbers of the cells with what lies beyond each side of the grid, -1 where nothing does."""
    shaped = points.reshape(*shape, 3)
    numbers = np.arange(shape[0] * shape[1]).reshape(shape)
    padded = np.full((shape[0] + 2, shape[1] + 2), -1)
    padded[1:-1, 1:-1] = numbers
    fold = _fold(shaped) if joined else None
    if fold is not None:
        padded[-1, 1:-1] = numbers[-1, fold]
    if joined:
        padded[:, 0], padded[:, -1] = padded[:, -2], padded[:, 1]
    return padded


def bilinear_points(source: "Grid", target: "Grid", *, periodic: bool | None = None) -> Points:
    """
    Four centres around each target, with the weights of the place it has in their quadrilateral.

    A target inside no quadrilateral of neighbouring centres has no source. A globe is closed where its last column
    meets the first, and where the last row of a tripolar grid is folded onto itself.

    Parameters
    ----------
    source : Grid
        Two-dimensional.
    target : Grid
        Any grid.
    periodic : bool or None
        Whether the last column is followed by the first; told from their distance by default.

    Returns
    -------
    Points
        Four cells a target.

    Raises
    ------
    InputError
        If the source is not two-dimensional, or has a single row or column.

    Notes
    -----
    The quadrilaterals at the nearest centres are laid on the plane that touches the sphere at the target, where the
    bilinear map is inverted by Newton's method: exact for a grid of great circles, and within the curvature of a cell
    otherwise.
    """
    shape = source.shape
    if len(shape) != 2 or min(shape) < 2:
        msg = f"bilinear needs a source of rows and columns, got shape {shape}. Use method='nearest'."
        raise InputError(msg)
    points, wanted = grid_points(source), grid_points(target)
    tree, known = _tree(points)
    joined = _joined_columns(points.reshape(*shape, 3)) if periodic is None else periodic
    numbers = _padded_numbers(points, (shape[0], shape[1]), joined)
    found = np.zeros((len(wanted), 4), np.int64)
    weights = np.zeros((len(wanted), 4))
    left = np.flatnonzero(np.isfinite(wanted).all(axis=1))
    _, near = tree.query(wanted[left], k=min(_CANDIDATES, known.size))
    near = known[near.reshape(len(left), -1)]
    for rank, step in itertools.product(range(near.shape[1]), itertools.product((1, -1), (1, -1))):
        if not left.size:
            break
        row, column = np.divmod(near[:, rank], shape[1])
        rows, columns = row + 1 + step[0], column + 1 + step[1]
        around = [numbers[row + 1, column + 1], numbers[row + 1, columns], numbers[rows, columns]]
        corners = np.stack([*around, numbers[rows, column + 1]], axis=1)
        places = _places(_flattened(points[corners], wanted[left]))
        hit = (corners >= 0).all(axis=1) & np.isfinite(places[:, 0])
        found[left[hit]], weights[left[hit]] = corners[hit], _shares(places[hit])
        left, near = left[~hit], near[~hit]
    return Points(found, weights)


def _shares(places: "FloatArray") -> "FloatArray":
    """Weights of the four corners, those of rounding dropped."""
    s, t = places[:, 0], places[:, 1]
    shares = np.stack([(1 - s) * (1 - t), s * (1 - t), s * t, (1 - s) * t], axis=1)
    shares[shares < _MARGIN] = 0.0
    return np.asarray(shares / shares.sum(axis=1, keepdims=True), np.float64)
