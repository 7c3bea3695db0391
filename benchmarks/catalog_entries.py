"""
Entries of a catalogue that never was: as many as asked for, the same ones for the same seed.

What searches feel is drawn as holdings have it: boxes and periods whose sizes are log-normal, one entry in a hundred
global, words in both languages by Zipf's law, two hundred variables of which few are common.
"""

import itertools
import json
from collections.abc import Iterator
from typing import Any

import numpy as np

from oceandata.cf import vocabulary

__all__ = ["COLLECTION", "Draw", "documents", "line"]

#: Entries of one collection, whose ids stand together.
COLLECTION = 10_000

_VARIABLES = 200
_WORDS = 4000
_ZIPF = 1.05
_ENGLISH = [
    "sea",
    "ocean",
    "temperature",
    "salinity",
    "current",
    "wave",
    "level",
    "daily",
    "monthly",
    "hourly",
    "surface",
    "bottom",
    "analysis",
    "reanalysis",
    "model",
    "satellite",
    "buoy",
    "float",
    "glider",
    "coastal",
    "shelf",
    "pacific",
    "atlantic",
    "indian",
    "arctic",
    "bohai",
    "yellow",
    "east",
    "south",
    "china",
    "strait",
    "gulf",
    "bay",
    "estuary",
    "climate",
    "forecast",
    "hindcast",
    "observation",
    "quality",
    "mean",
    "anomaly",
    "gridded",
    "profile",
    "mooring",
    "section",
    "cruise",
    "ice",
    "chlorophyll",
    "oxygen",
    "nitrate",
    "wind",
    "heat",
    "flux",
    "mixed",
    "layer",
    "tide",
    "storm",
    "surge",
    "typhoon",
    "fishery",
    "aquaculture",
]
_CHINESE = [
    "渤海",
    "黄海",
    "东海",
    "南海",
    "太平洋",
    "印度洋",
    "北极",
    "海峡",
    "海湾",
    "河口",
    "近岸",
    "陆架",
    "水温",
    "盐度",
    "海流",
    "海浪",
    "海冰",
    "海平面",
    "潮汐",
    "风暴潮",
    "台风",
    "叶绿素",
    "溶解氧",
    "营养盐",
    "再分析",
    "预报",
    "观测",
    "浮标",
    "卫星",
    "潜标",
    "断面",
    "剖面",
    "格点",
    "数据集",
    "日平均",
    "月平均",
    "逐时",
    "表层",
    "底层",
    "混合层",
    "热含量",
]
_SYLLABLES = ("ka", "lo", "mi", "ren", "tas", "vo", "que", "dor", "sil", "pha", "nor", "tek")
_CHARACTERS = "沧浪澜汐渚屿礁潮泽源深远平广清明澄碧蓝青白长短高低新旧东西南北中外内上下左右前后春夏秋冬"
_LICENCES = ("CC-BY-4.0", "CC0-1.0", "NOASSERTION", "CC-BY-NC-4.0", "LicenseRef-Internal", "ODbL-1.0", "OGL-UK-3.0")
_LEVELS = ("L4", "L3", "L2", "L1B", "")
_EPOCH = np.datetime64("1950-01-01T00:00:00")


def line(document: dict[str, Any]) -> str:
    """Document as one line of JSON, as bulk files hold it."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))


def _shares(count: int) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    """Zipf's law for so many ranks."""
    share = np.arange(1, count + 1) ** -_ZIPF
    return share / share.sum()


def _invented(parts: str | tuple[str, ...], length: int) -> Iterator[str]:
    """Words that nobody says, shortest first."""
    for size in itertools.count(length):
        yield from map("".join, itertools.product(parts, repeat=size))


class Draw:
    """
    What entries are drawn from, and the state of the drawing.

    Parameters
    ----------
    seed : int
        The same seed draws the same.
    """

    def __init__(self, seed: int) -> None:
        self.random = np.random.default_rng(seed)
        self.english = [*_ENGLISH, *itertools.islice(_invented(_SYLLABLES, 3), _WORDS - len(_ENGLISH))]
        self.chinese = [*_CHINESE, *itertools.islice(_invented(_CHARACTERS, 2), _WORDS - len(_CHINESE))]
        self.word_shares, self.variable_shares = _shares(_WORDS), _shares(_VARIABLES)
        self.variables = list(itertools.islice(_variables(), _VARIABLES))

    def words(self, count: int, each: int) -> list[list[int]]:
        """Ranks of words, a list an entry."""
        drawn = self.random.choice(_WORDS, p=self.word_shares, size=(count, each))
        found: list[list[int]] = drawn.tolist()
        return found

    def boxes(self, count: int) -> list[list[float]]:
        """West, south, east, north; one in a hundred is the whole ocean."""
        width = np.clip(self.random.lognormal(2.0, 1.0, count), 0.05, 359)
        height = np.clip(width * self.random.lognormal(-0.4, 0.4, count), 0.05, 170)
        west = self.random.uniform(-180, 180, count)
        middle = np.degrees(np.arcsin(self.random.uniform(-0.98, 0.98, count)))
        south, north = np.clip(middle - height / 2, -90, 90), np.clip(middle + height / 2, -90, 90)
        east = np.where(west + width > 180, west + width - 360, west + width)
        world = self.random.uniform(size=count) < 0.01
        pairs = zip((-180, -90, 180, 90), (west, south, east, north), strict=True)
        sides = [np.where(world, whole, side) for whole, side in pairs]
        found: list[list[float]] = np.stack(sides, axis=1).round(3).tolist()
        return found

    def periods(self, count: int) -> list[list[str]]:
        """First and last instant."""
        begin = self.random.integers(0, 76 * 365 * 24, count)
        hours = np.minimum(self.random.lognormal(7.5, 1.6, count), 60 * 365 * 24).astype("int64")
        ends = [_EPOCH + np.asarray(each).astype("timedelta64[h]") for each in (begin, begin + hours)]
        return [[f"{one}Z" for one in pair] for pair in zip(*(np.datetime_as_string(end) for end in ends), strict=True)]

    def depths(self, count: int) -> list[list[float] | None]:
        """Top and bottom in m; four in ten have no depth."""
        bottom = np.clip(self.random.lognormal(5.5, 1.3, count), 1, 11_000).round(1).tolist()
        known = (self.random.uniform(size=count) > 0.4).tolist()
        return [[0.0, one] if there else None for one, there in zip(bottom, known, strict=True)]


def _variables() -> Iterator[tuple[str, dict[str, Any]]]:
    """Native names with what a file says of each: those of the vocabulary, then tracers."""
    for rank in itertools.count():
        for term in vocabulary():
            if rank < len(term.names):
                said = {"units": term.units, "standard_name": term.canonical_name if term.is_standard else ""}
                said |= {
                    "long_name": term.words[0] if term.words else "",
                    "long_name_zh": term.zh[0] if term.zh else "",
                }
                yield term.names[rank], {key: value for key, value in said.items() if value}
        if rank >= 3:
            break
    for number in itertools.count(1):
        said = {"units": "mol m-3", "standard_name": f"mole_concentration_of_tracer_{number}_in_sea_water"}
        yield f"trc{number:03d}", said | {"long_name": f"tracer {number}", "long_name_zh": f"示踪物{number}"}


def documents(draw: Draw, first: int, count: int, *, title: str = "") -> Iterator[dict[str, Any]]:
    """
    Draw entries.

    Parameters
    ----------
    draw : Draw
        What they are drawn from; its state moves on.
    first : int
        Number of the first entry; ids follow from the numbers.
    count : int
        How many.
    title : str
        What the English title begins with.

    Yields
    ------
    dict
        JSON form of an entry, as ``Entry.to_json`` writes it.
    """
    english, chinese = draw.words(count, 14), draw.words(count, 14)
    boxes, periods, depths = draw.boxes(count), draw.periods(count), draw.depths(count)
    chosen = draw.random.choice(_VARIABLES, p=draw.variable_shares, size=(count, 4)).tolist()
    many = draw.random.integers(1, 5, count).tolist()
    facts = draw.random.choice(1000, p=_shares(1000), size=(count, 3)).tolist()
    sizes = draw.random.lognormal(21, 2, count).astype("int64").tolist()
    for index in range(count):
        number = first + index
        names = dict.fromkeys(chosen[index][: many[index]])
        en, zh = [draw.english[rank] for rank in english[index]], [draw.chinese[rank] for rank in chinese[index]]
        label = draw.variables[chosen[index][0]][1]
        variables = {native: _stored(said) for native, said in (draw.variables[rank] for rank in names)}
        extent = {"bbox": boxes[index], "time": periods[index], "depth_m": depths[index], "time_resolution": "P1D"}
        provider, licence, level = facts[index]
        document = {
            "id": f"c{number // COLLECTION:04d}_{number % COLLECTION:04d}_{en[0]}",
            "title": " ".join(filter(None, [title, *en[:4], label.get("long_name", "")])),
            "title_zh": "".join([*zh[:3], label.get("long_name_zh", "")]),
            "summary": " ".join(en[4:11]),
            "summary_zh": "".join(zh[3:8]),
            "keywords": list(dict.fromkeys(en[11:])),
            "keywords_zh": list(dict.fromkeys(zh[11:])),
            "license": _LICENCES[licence % len(_LICENCES)],
            "providers": [{"name": f"Centre {provider % 50}", "name_zh": f"第{provider % 50}中心", "roles": ["host"]}],
            "processing_level": _LEVELS[level % len(_LEVELS)],
            "extent": {key: value for key, value in extent.items() if value is not None},
            "variables": variables,
            "assets": {"maps": _asset(number, sizes[index])},
        }
        if number % 10 == 0:
            document["trade"] = {"product": f"P-{number:07d}", "revision": 1, "example": False}
        yield {"schema_version": 1} | {key: value for key, value in document.items() if value}


def _stored(said: dict[str, Any]) -> dict[str, Any]:
    """Variable of a grid."""
    shape = {"dimensions": ["time", "lat", "lon"], "shape": [3652, 180, 360], "chunks": [30, 180, 360]}
    return shape | {"dtype": "float32"} | said | {"nbytes": 946_598_400}


def _asset(number: int, nbytes: int) -> dict[str, Any]:
    """One layout of a repository."""
    place = f"s3://holdings/{number // COLLECTION:04d}/{number % COLLECTION:04d}"
    return {
        "href": place,
        "type": "application/vnd+icechunk",
        "group": "maps",
        "access": "maps",
        "revision": "r1",
        "snapshot": f"{number:020d}",
        "content_root": f"sha256:{number * 2654435761 % 2**64:016x}" + "0" * 48,
        "stored_bytes": nbytes,
        "decoded_bytes": nbytes * 3,
        "chunks": 1 + nbytes // 5_000_000,
    }
