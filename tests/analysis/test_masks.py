"""Masks against the World Ocean Atlas, a finer land mask, places everybody knows, and published areas."""

import itertools
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from oceandata._html import read_land_rings
from oceandata.analysis import basin_mask, cell_areas, land_mask
from oceandata.analysis.masks import read_basins
from oceandata.errors import InputError, NotFoundError

#: Longitude and latitude of places at sea, and the sea they are in.
PLACES = {
    "off Qinhuangdao": (119.8, 39.5, "bohai_sea"),
    "off Qingdao": (121.0, 35.5, "yellow_sea"),
    "off Zhoushan": (123.5, 30.0, "east_china_sea"),
    "Taiwan Strait": (118.9, 23.8, "south_china_sea"),
    "Xisha": (112.3, 16.5, "south_china_sea"),
    "Nansha": (114.3, 10.4, "south_china_sea"),
    "off Beihai": (108.8, 20.8, "beibu_gulf"),
    "east of Taiwan Island": (123.0, 23.0, "philippine_sea"),
    "off Vladivostok": (133.0, 41.0, "japan_sea"),
    "off Magadan": (150.0, 57.0, "sea_of_okhotsk"),
    "date line, Bering": (180.0, 58.0, "bering_sea"),
    "Hawaii": (-155.0, 22.0, "north_pacific_ocean"),
    "Tahiti": (210.0, -17.5, "south_pacific_ocean"),
    "off Panama, Pacific": (-79.5, 7.5, "north_pacific_ocean"),
    "off Panama, Atlantic": (-79.9, 9.9, "caribbean_sea"),
    "Azores": (-28.0, 38.0, "north_atlantic_ocean"),
    "St Helena": (-5.7, -15.9, "south_atlantic_ocean"),
    "Chagos": (72.0, -6.0, "indian_ocean"),
    "off Chennai": (82.0, 13.0, "bay_of_bengal"),
    "off Mumbai": (71.0, 18.5, "arabian_sea"),
    "Bahrain": (51.5, 26.3, "persian_gulf"),
    "North Pole": (33.0, 90.0, "arctic_ocean"),
    "East Siberian, across 180": (178.0, 70.5, "east_siberian_sea"),
    "South Pole side": (0.0, -65.0, "southern_ocean"),
    "Naples": (13.0, 40.0, "western_mediterranean"),
    "Venice": (12.9, 45.0, "adriatic_sea"),
    "Java Sea": (111.0, -5.0, "java_sea"),
}

#: Areas in 1000 km2 as encyclopaedias give them; polygons, coast and definitions differ by a tenth or two.
AREAS = {
    "bohai_sea": 78,
    "yellow_sea": 380,
    "east_china_sea": 770,
    "south_china_sea": 3500,
    "beibu_gulf": 128,
    "japan_sea": 1010,
    "sea_of_okhotsk": 1580,
    "bering_sea": 2300,
    "gulf_of_mexico": 1550,
    "caribbean_sea": 2750,
    "black_sea": 440,
    "red_sea": 440,
    "baltic_sea": 390,
    "barents_sea": 1420,
    "bay_of_bengal": 2170,
}


def _grid(lat: list[float], lon: list[float]) -> xr.Dataset:
    return xr.Dataset(coords={"lat": ("lat", lat), "lon": ("lon", lon)})


@pytest.mark.parametrize("place", PLACES)
def test_known_places(place: str) -> None:
    lon, lat, sea = PLACES[place]
    mask = basin_mask(_grid([lat], [lon]))
    names = dict(zip(mask.attrs["flag_values"], mask.attrs["flag_meanings"].split(), strict=True))
    assert names[int(mask.squeeze())] == sea
    curved = xr.Dataset(coords={"lat": (("y", "x"), [[lat]]), "lon": (("y", "x"), [[lon + 360]])})
    assert int(basin_mask(curved).squeeze()) == int(mask.squeeze())


def test_areas_of_seas() -> None:
    land, mask = land_mask("0.25x0.25"), basin_mask("0.25x0.25")
    areas = cell_areas(land)
    for basin in read_basins():
        if basin.id in AREAS:
            found = float(areas.where(~land & (mask == basin.flag)).sum()) / 1e9
            assert found == pytest.approx(AREAS[basin.id], rel=0.16), basin.id


def test_every_cell_of_the_sea_has_a_basin() -> None:
    land, mask = land_mask("1x1"), basin_mask("1x1")
    assert int((~land & (mask == 0)).sum()) == 0


def test_the_world_ocean_atlas_agrees(shared_data: Path) -> None:
    """At least 95 % of cells farther than two degrees from a border of the atlas; our basins stand for its codes."""
    names = {
        1: "north_atlantic_ocean south_atlantic_ocean",
        2: "north_pacific_ocean south_pacific_ocean east_indian_archipelago",
        3: "indian_ocean savu_sea timor_sea",
        4: "western_mediterranean eastern_mediterranean",
        5: "baltic_sea",
        6: "black_sea sea_of_azov sea_of_marmara",
        7: "red_sea",
        8: "persian_gulf",
        9: "hudson_bay hudson_strait",
        10: "southern_ocean",
        11: "arctic_ocean",
        12: "japan_sea",
        53: "caspian_sea",
        56: "bay_of_bengal",
    }
    codes = {name: code for code, listed in names.items() for name in listed.split()}
    basins = {basin.id: basin for basin in read_basins()}
    of_flag = np.zeros(128, int)
    for basin in basins.values():
        holder = basin
        while holder.id not in codes:
            assert holder.part_of is not None
            holder = basins[holder.part_of]
        of_flag[basin.flag] = codes[holder.id]
    with xr.open_dataset(shared_data / "woa-basin" / "basin_mask.nc") as dataset:
        atlas = dataset["basin"].isel(Z=0).fillna(0).astype(int).to_numpy()
    ours = of_flag[basin_mask("1x1").to_numpy()]
    border = np.zeros(atlas.shape, bool)
    for north, east in itertools.product(range(-2, 3), repeat=2):
        moved = np.roll(np.pad(atlas, ((2, 2), (0, 0)))[2 + north : 182 + north], east, axis=1)
        border |= (moved != atlas) & (moved > 0)
    inside = (atlas > 0) & ~border
    assert inside.sum() > 39_000
    assert (ours == atlas)[inside].mean() > 0.995
    assert (ours == atlas)[atlas > 0].mean() > 0.99
    assert (land_mask("1x1").to_numpy() == (atlas == 0)).mean() > 0.96
    for code in names:
        here = inside & (atlas == code)
        assert (ours == atlas)[here].mean() > 0.8, code


def test_basins_chosen_without_their_seas_include_them() -> None:
    grid = _grid([39.0], [119.5])
    flags = {basin.id: basin.flag for basin in read_basins()}
    for names in (
        ["bohai_sea", "yellow_sea", "north_pacific_ocean"],
        ["yellow_sea", "north_pacific_ocean"],
        ["north_pacific_ocean"],
    ):
        mask = basin_mask(grid, names)
        assert int(mask.squeeze()) == flags[names[0]]
        assert set(mask.attrs["flag_meanings"].split()) == set(names)
    assert int(basin_mask(grid, ["coral_sea"]).squeeze()) == 0


def test_attributes_of_masks() -> None:
    mask = basin_mask("10x10", ["south_china_sea", "beibu_gulf"])
    assert mask.dtype == np.int8
    assert mask.attrs["flag_meanings"] == "south_china_sea beibu_gulf"
    assert mask.attrs["flag_names_zh"] == "南海 北部湾"
    assert mask.attrs["flag_paragraphs"] == "49 -"
    assert [value.dtype for value in mask.attrs["flag_values"]] == [np.int8, np.int8]
    assert "not an official map" in mask.attrs["comment"]
    land = land_mask("10x10")
    assert land.dtype == bool
    assert "1:110 million" in land.attrs["resolution"]
    assert "not an official map" in land.attrs["comment"]
    assert "非官方地图" in land.attrs["comment_zh"]
    with pytest.raises(NotFoundError, match="no basin 'bohai'"):
        basin_mask("10x10", ["bohai"])
    with pytest.raises(InputError, match="basins is empty"):
        basin_mask("10x10", [])
    with pytest.raises(InputError, match="target is 'world'"):
        land_mask("world")


def test_basins_as_they_ship() -> None:
    basins = read_basins()
    flags = [basin.flag for basin in basins]
    assert flags == list(range(1, len(basins) + 1))
    names = [basin.id for basin in basins]
    assert len(set(names)) == len(names)
    for number, basin in enumerate(basins):
        assert basin.part_of is None or basin.part_of in names[:number]
        assert basin.name_zh
        assert " " not in basin.name_zh
        assert basin.limit.endswith(".")
        assert all(-90 <= lat <= 90 for _, lat in basin.ring)
        assert (basin.paragraph is None) == (basin.id in ("southern_ocean", "caspian_sea", "beibu_gulf", "bohai_sea"))


def _turn(a: tuple[float, float], b: tuple[float, float], c: tuple[float, float]) -> float:
    return float(np.sign((b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])))


@pytest.mark.parametrize("basin", read_basins(), ids=lambda basin: basin.id)
def test_no_outline_crosses_itself(basin) -> None:  # type: ignore[no-untyped-def]
    ring = basin.ring if abs(basin.ring[-1][0] - basin.ring[0][0]) >= 360 else (*basin.ring, basin.ring[0])
    for (p, q), (r, s) in itertools.combinations(itertools.pairwise(ring), 2):
        assert not (_turn(p, q, r) * _turn(p, q, s) < 0 and _turn(r, s, p) * _turn(r, s, q) < 0)


def test_land_is_what_a_polygon_says_point_by_point() -> None:
    """The same by the slow rule, a ray to the east in a plane, at random points away from the poles."""
    rng = np.random.default_rng(1)
    lat, lon = rng.uniform(-55, 80, 60), rng.uniform(-180, 180, 60)
    coords = {"lat": (("n",), lat), "lon": (("n",), lon)}
    found = land_mask(xr.Dataset(coords=coords)).to_numpy()
    expected = []
    for x, y in zip(lon, lat, strict=True):
        crossed = 0
        for ring in read_land_rings():
            for turn in (-360, 0, 360):
                for (x0, y0), (x1, y1) in itertools.pairwise(ring):
                    if (y0 <= y) != (y1 <= y):
                        crossed += x < x0 + turn + (y - y0) * (x1 - x0) / (y1 - y0)
        expected.append(crossed % 2 == 1)
    np.testing.assert_array_equal(found, expected)
    assert 10 < sum(expected) < 40


def test_land_in_any_order_and_on_any_turn() -> None:
    plain = land_mask("2x2")
    other = _grid(plain.lat.to_numpy()[::-1].tolist(), ((plain.lon.to_numpy() + 180) % 360 - 180).tolist())
    np.testing.assert_array_equal(land_mask(other), plain.to_numpy()[::-1])
    lat, lon = np.meshgrid(plain.lat, plain.lon, indexing="ij")
    curved = xr.Dataset(coords={"lat": (("y", "x"), lat), "lon": (("y", "x"), lon)})
    np.testing.assert_array_equal(land_mask(curved), plain)
    np.testing.assert_array_equal(basin_mask(curved), basin_mask("2x2"))


def test_share_of_the_sea() -> None:
    land = land_mask("0.5x0.5")
    areas = cell_areas(land)
    assert float(areas.where(~land).sum() / areas.sum()) == pytest.approx(0.71, abs=0.005)  # 0.708 to 0.711
