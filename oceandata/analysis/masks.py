"""Masks: land from the coastline that ships, and oceans and seas after the limits of IHO S-23."""

import dataclasses
import json
from collections.abc import Iterable, Sequence
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

import oceandata
from oceandata._html import Ring, read_land_rings
from oceandata.analysis.grids import Grid, target_grid
from oceandata.errors import InputError, NotFoundError, closest

if TYPE_CHECKING:
    import numpy.typing as npt

    FloatArray = npt.NDArray[np.float64]

__all__ = ["Basin", "basin_mask", "land_mask", "read_basins"]

# A centre exactly on a meridian that is a limit counts to the east of it.
_EAST_DEGREES = 1e-7

_NOT_OFFICIAL = "not an official map; it says nothing about boundaries"
_NOT_OFFICIAL_ZH = "非官方地图，不表示任何边界"


@dataclasses.dataclass(frozen=True)
class Basin:
    """
    An ocean or sea, drawn as a polygon.

    Attributes
    ----------
    id : str
        Short name, as in ``flag_meanings``.
    flag : int
        Number in a mask.
    name, name_zh : str
        Names.
    paragraph : str or None
        Paragraph of IHO S-23 whose limits the polygon follows; None where that edition has none.
    limit : str
        Where the limits run, in a line.
    part_of : str or None
        The ocean or sea that holds it.
    ring : Ring
        Points (longitude, latitude); the last meets the first.
    """

    id: str
    flag: int
    name: str
    name_zh: str
    paragraph: str | None
    limit: str
    part_of: str | None
    ring: Ring


@cache
def read_basins() -> tuple[Basin, ...]:
    """
    The oceans and seas that ship, the wider ones before those that lie in them.

    Returns
    -------
    tuple of Basin
        Read once.
    """
    text = (files("oceandata._catalogs") / "geo/basins-1953.json").read_text("utf-8")
    return tuple(
        Basin(
            one["id"],
            one["flag"],
            one["name"],
            one["name_zh"],
            one["paragraph"],
            one["limit"],
            one["part_of"],
            tuple((float(lon), float(lat)) for lon, lat in one["ring"]),
        )
        for one in json.loads(text)["basins"]
    )


def _edges(rings: Iterable[Ring]) -> "FloatArray":
    """Sides of all rings, shape (n, 4): longitude and latitude of the western and of the eastern end."""
    sides = [np.hstack([points[:-1], points[1:]]) for points in map(np.asarray, rings)]
    edges = np.concatenate(sides).astype(np.float64)
    edges = edges[edges[:, 0] != edges[:, 2]]
    backwards = edges[:, 0] > edges[:, 2]
    edges[backwards] = edges[backwards][:, [2, 3, 0, 1]]
    return np.asarray(edges, np.float64)


def _crossings(edges: "FloatArray", meridians: "FloatArray") -> "tuple[npt.NDArray[np.int64], FloatArray]":
    """Where edges cross meridians: number of the meridian, and latitude, one for each crossing."""
    turned = (meridians + _EAST_DEGREES) % 360
    order = np.argsort(turned)
    ordered = np.concatenate([turned[order], turned[order] + 360, turned[order] + 720])
    numbers = np.concatenate([order, order, order])
    west = edges[:, 0] % 360
    first = np.searchsorted(ordered, west, side="left")
    last = np.searchsorted(ordered, west + (edges[:, 2] - edges[:, 0]), side="left")
    lengths = last - first
    row = np.repeat(np.arange(len(edges)), lengths)
    place = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths) + np.repeat(first, lengths)
    share = (ordered[place] - west[row]) / (edges[row, 2] - edges[row, 0])
    return numbers[place], edges[row, 1] + share * (edges[row, 3] - edges[row, 1])


def _inside(rings: Iterable[Ring], grid: Grid, *, from_south: bool = False) -> "npt.NDArray[np.bool_]":
    """
    Which centres of a grid lie in rings, by the number of sides between them and a pole outside.

    Going along the meridian, neither the date line nor the pole inside needs a rule of its own. Sides are straight on
    the map of longitude and latitude.
    """
    edges = _edges(rings)
    if grid.rectilinear:
        column, lat = _crossings(edges, grid.lon)
        touched, place = np.unique(column, return_inverse=True)
        order = np.argsort(grid.lat)
        row = np.searchsorted(grid.lat[order], lat, side="left")  # centres south of the crossing
        counts = np.zeros((grid.lat.size + 1, touched.size), np.uint8)  # only whether they are odd matters
        np.add.at(counts, (row, place), 1)
        crossed = np.cumsum(counts, axis=0, dtype=np.uint8)[:-1]
        if not from_south:
            crossed = counts.sum(axis=0, dtype=np.uint8) - crossed
        inside = np.zeros(grid.shape, bool)
        inside[np.ix_(order, touched)] = crossed % 2 == 1
        return inside
    lat, lon = grid.lat.ravel(), np.where(np.isfinite(grid.lon), grid.lon, 0.0).ravel()
    crossed = np.zeros(lat.size, np.int64)
    for some in np.array_split(edges, max(1, len(edges) // 500)):
        point, height = _crossings(some, lon)
        beyond = height <= lat[point] if from_south else height > lat[point]
        crossed += np.bincount(point[beyond], minlength=lat.size)
    return np.asarray(((crossed % 2 == 1) & np.isfinite(lat)).reshape(grid.shape))


def _field(grid: Grid, values: Any, name: str, **attributes: Any) -> xr.DataArray:
    """Values on a grid with its coordinates."""
    attributes["history"] = f"oceandata {oceandata.__version__}: {name}"
    return xr.DataArray(values, grid.coordinates(), list(grid.dims), name=name, attrs=attributes)


def _grid(grid: Any) -> Grid:
    """The grid a user names; global ones begin at Greenwich."""
    nowhere = Grid((), np.zeros(1), np.zeros(1), None, None, {}, True, 0.0)
    return target_grid(grid, nowhere)


def land_mask(grid: Any) -> xr.DataArray:
    """
    Which cells of a grid have their centre on land.

    From the coastline that ships with the catalogues, Natural Earth at 1:110 million. It shows what a world map shows:
    islands and bays smaller than about a degree are missing, coasts are off by up to some tens of kilometres, and lakes
    but the Caspian Sea count as land. For data with a mask of their own that is the better one.

    Parameters
    ----------
    grid : xarray.DataArray, xarray.Dataset, tuple or str
        Anything with latitude and longitude, curvilinear too; ``(dlon, dlat)`` or text such as ``"1x1"`` for a global
        grid in degrees.

    Returns
    -------
    xarray.DataArray of bool, shape of the grid
        True on land, in memory; attributes state the source and its resolution.

    Raises
    ------
    InputError
        If it is no grid.

    Notes
    -----
    A centre is on land if an odd number of coast lines lies between it and the North Pole along its meridian.

    Examples
    --------
    >>> import xarray as xr
    >>> points = xr.Dataset({}, {"lat": [0.0, 40.0], "lon": [-140.0, 80.0]})
    >>> land_mask(points).values.tolist()
    [[False, False], [False, True]]
    """
    found = _grid(grid)
    return _field(
        found,
        _inside(read_land_rings(), found),
        "land_mask",
        long_name="land",
        long_name_zh="陆地",
        source="Natural Earth, land, 1:110 million (public domain)",
        resolution="1:110 million, about one degree",
        comment=_NOT_OFFICIAL,
        comment_zh=_NOT_OFFICIAL_ZH,
    )


def _chosen(basins: Sequence[str] | None) -> list[Basin]:
    known = {basin.id: basin for basin in read_basins()}
    if isinstance(basins, str):
        basins = [basins]
    for name in basins or ():
        if name not in known:
            msg = f"there is no basin {name!r}. {closest(str(name), sorted(known))}"
            raise NotFoundError(msg)
    if basins is not None and not basins:
        msg = "basins is empty, need at least one name; None stands for all."
        raise InputError(msg)
    return [basin for basin in known.values() if basins is None or basin.id in basins]


def basin_mask(grid: Any, basins: Sequence[str] | None = None) -> xr.DataArray:
    """
    Number of the ocean or sea in which each cell of a grid has its centre.

    Polygons drawn by us after the limits described in IHO S-23, simplified to about a quarter of a degree; they run on
    over land, so combine them with the data's own mask or ``~land_mask(grid)``. A cell gets the smallest chosen sea
    that holds it: with all chosen, the Bohai Sea is not the Yellow Sea; with ``["yellow_sea"]`` alone it is part of it.
    Likewise an ocean chosen without its seas includes them.

    Parameters
    ----------
    grid : xarray.DataArray, xarray.Dataset, tuple or str
        Anything with latitude and longitude, curvilinear too; ``(dlon, dlat)`` or text such as ``"1x1"`` for a global
        grid in degrees.
    basins : sequence of str, optional
        Names as in `read_basins`; all by default.

    Returns
    -------
    xarray.DataArray of int8, shape of the grid
        Numbers, 0 in none of the basins; ``flag_values`` and ``flag_meanings`` tell which is which, ``flag_names_zh``
        and ``flag_paragraphs`` give the Chinese name and the paragraph of S-23.

    Raises
    ------
    NotFoundError
        If a name is unknown.
    InputError
        If it is no grid, or no name is given.

    Notes
    -----
    Sides of the polygons are straight on the map of longitude and latitude. The Southern Ocean (south of 50 S, as in
    the World Ocean Atlas), the Bohai Sea and the Beibu Gulf have no paragraph of their own in the edition of 1953.

    References
    ----------
    International Hydrographic Organization 1953, Limits of Oceans and Seas, Special Publication 23, 3rd edition.

    Examples
    --------
    >>> import xarray as xr
    >>> qingdao = xr.Dataset({}, {"lat": [35.0], "lon": [121.0]})
    >>> mask = basin_mask(qingdao, ["yellow_sea", "bohai_sea"])
    >>> dict(zip(mask.flag_values, mask.flag_meanings.split()))[int(mask.squeeze())]
    'yellow_sea'
    """
    chosen, found = _chosen(basins), _grid(grid)
    numbers = np.zeros(found.shape, np.int8)
    for basin in chosen:
        ring = basin.ring
        polar = abs(ring[-1][0] - ring[0][0]) >= 360
        closed = ring if polar else (*ring, ring[0])
        numbers[_inside([closed], found, from_south=polar and sum(lat for _, lat in ring) > 0)] = basin.flag
    return _field(
        found,
        numbers,
        "basin_mask",
        long_name="ocean or sea",
        long_name_zh="海区",
        flag_values=[np.int8(basin.flag) for basin in chosen],
        flag_meanings=" ".join(basin.id for basin in chosen),
        flag_names_zh=" ".join(basin.name_zh for basin in chosen),
        flag_paragraphs=" ".join(basin.paragraph or "-" for basin in chosen),
        source="polygons of oceandata after IHO S-23, 3rd edition 1953",
        references="IHO 1953, Limits of Oceans and Seas, Special Publication 23, 3rd edition",
        comment=_NOT_OFFICIAL,
        comment_zh=_NOT_OFFICIAL_ZH,
    )
