"""Quotes: the price of what is selected, before it is read, whatever the chunks, the layout or the codec."""

import json
import shutil
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from zarr.codecs import GzipCodec

from oceandata import storage
from oceandata.entities import Origin
from oceandata.errors import DocumentError, InputError
from oceandata.storage import counted_reads, layout, open_dataset
from oceandata.trade import Lineage, Product, lineage, write_product, write_result
from oceandata.trade.made_of import made_of
from oceandata.trade.quote import quote
from oceandata.trade.taken import Taken

DAY = date(2026, 6, 1)
#: One yuan a byte: the price is the number of bytes.
BYTES = {"model": "per-gb", "currency": "CNY", "amount": "1000000000"}
_ROWS, _COLUMNS = 18, 432


def make_product(name: str = "first", *plans: dict[str, Any], **changes: Any) -> Product:
    """A product with an offer of these plans."""
    offers = [{"version": 1, "valid_from": "2026-01-01", "plans": list(plans or (BYTES,))}]
    document = {
        "id": f"example:{name}",
        "title": {"en": name},
        "provider": {"en": f"{name} institute"},
        "licence": "CC-BY-4.0",
        "attribution": {"en": name},
        "record_unit": "monthly grid",
        "record_dimensions": ["time"],
        "entry": "sst",
        "offers": offers,
    }
    return Product.from_json(document | changes)


@pytest.fixture(scope="session")
def copies(
    ostia_file: Path, ostia_repository: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, tuple[Path, str]]:
    """The same values in two layouts, and in another codec."""
    folder = tmp_path_factory.mktemp("copies")
    two = shutil.copytree(ostia_repository, folder / "two")
    storage.write_layout(storage.plan_layout(two, access="series", chunk_bytes=100_000))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(layout, "ZstdCodec", lambda **_: GzipCodec(level=1))
        storage.write_repository(storage.plan_ingest([ostia_file], folder / "gzip", chunk_bytes=150_000))
    return {"maps": (two, "maps"), "series": (two, "series"), "gzip": (folder / "gzip", "maps")}


def _open(place: Path, group: str = "maps", product: str = "first", **selection: Any) -> xr.DataArray:
    origin = Origin(repository="", product=f"example:{product}", product_revision=1)
    array: xr.DataArray = open_dataset(place, group=group, origin=origin, **selection)["surface_temperature"]
    return array


def _total(thing: Any, *products: Product) -> Decimal:
    """Price of the values; coordinates that were chunked from memory may be of unknown source."""
    found = quote(thing, products=products or (make_product(),), at=DAY)
    assert all(line.amount is not None for line in found.lines)
    assert not any(part.rounded for line in found.lines for part in line.parts)
    return found.totals["CNY"]


def test_the_copies_are_stored_differently(copies: dict[str, tuple[Path, str]]) -> None:
    opened = {name: _open(*place, chunks={}) for name, place in copies.items()}
    assert len({array.encoding["chunks"] for array in opened.values()}) == 3
    codecs = {name: str(array.encoding["compressors"]) for name, array in opened.items()}
    assert "Gzip" in codecs["gzip"]
    assert "Zstd" in codecs["maps"]
    for array in opened.values():
        np.testing.assert_array_equal(array.isel(time=3), opened["maps"].isel(time=3))


ranges = st.tuples(st.integers(0, 50), st.integers(1, 54)).map(lambda pair: slice(pair[0], sum(pair)))
indexers = st.fixed_dictionaries(
    {},
    optional={
        "time": ranges | st.lists(st.integers(0, 53), min_size=1, max_size=5),
        "latitude": st.just(slice(3, 9)) | st.lists(st.integers(0, 17), min_size=1, max_size=3),
        "longitude": st.just(slice(431, 100, -3)) | st.just(slice(7, 222)),
    },
)
blocks = st.fixed_dictionaries(
    {}, optional={"time": st.integers(7, 54), "latitude": st.integers(9, 18), "longitude": st.integers(150, 432)}
)
uses: dict[str, Callable[[xr.DataArray], Any]] = {
    "selected": lambda array: array,
    "mean": lambda array: array.mean("time"),
    "anomaly": lambda array: array - array.mean(),
    "with its mirror": lambda array: array.copy(data=array.data[::-1] + array.data),
    "scaled": lambda array: (array - 273.15).astype("f8") * 1.8,
}


@settings(max_examples=20)
@given(
    name=st.sampled_from(["maps", "series", "gzip"]),
    taken=indexers,
    chunks=blocks,
    use=st.sampled_from(sorted(uses)),
    late=st.booleans(),
)
def test_the_price_does_not_depend_on_how_it_is_stored_or_computed(
    copies: dict[str, tuple[Path, str]], name: str, taken: dict[str, Any], chunks: dict[str, int], use: str, late: bool
) -> None:
    """The same labels cost the same under any chunking, in both layouts, and in another codec: what NumPy counts."""
    sizes = {"time": 54, "latitude": _ROWS, "longitude": _COLUMNS}
    values = np.prod([len(np.unique(np.arange(size)[taken.get(dim, slice(None))])) for dim, size in sizes.items()])
    array = _open(*copies[name], chunks={} if late else chunks)
    array = array.chunk(chunks) if late else array
    assert _total(uses[use](array.isel(taken))) == int(values) * 4


def test_selecting_after_elementwise_computing_costs_the_same(copies: dict[str, tuple[Path, str]]) -> None:
    for place, group in copies.values():
        array = _open(place, group, chunks={})
        assert _total((array * 2 + 1).isel(time=slice(3, 20))) == 17 * _ROWS * _COLUMNS * 4


def test_both_layouts_of_one_variable_are_paid_once(copies: dict[str, tuple[Path, str]]) -> None:
    maps, series = (_open(*copies[name], chunks={}) for name in ("maps", "series"))
    result = maps.isel(time=slice(0, 10)).mean() + series.isel(time=slice(5, 15)).mean()
    assert _total(result) == 15 * _ROWS * _COLUMNS * 4


def test_nothing_is_read(ostia_repository: Path) -> None:
    array = _open(ostia_repository, chunks={}).isel(time=slice(0, 5))
    with counted_reads() as reads:
        quote(array.mean(), products=make_product(), at=DAY)
    assert not [read for read in reads.counts if "/surface_temperature/c" in read.key]


def test_two_products_with_their_currencies(ostia_repository: Path, other_repository: Path) -> None:
    first = _open(ostia_repository, chunks={}).isel(time=slice(0, 12)).mean("time")
    second = _open(other_repository, product="second", chunks={}).isel(time=slice(0, 12)).mean("time")
    plans = [{"model": "per-record", "currency": "USD", "amount": "0.125"}, {"model": "on-request"}]
    found = quote(first - second, products=[make_product(), make_product("second", *plans)], at=DAY)
    one, two = found.lines
    assert (one.quantity, one.unit, one.amount) == (Decimal("0.000373248"), "GB", Decimal("373248.00"))
    assert (two.quantity, two.unit, two.amount) == (Decimal(12), "record", Decimal("1.50"))
    assert [(str(plan), price) for plan, price in two.others] == [("on-request", "unknown: ask second institute")]
    assert found.totals == {"CNY": Decimal("373248.00"), "USD": Decimal("1.50")}
    (part,) = one.parts
    assert (part.values, part.dtype, part.delivered_bytes, part.rounded) == (93312, "float32", 373248, False)
    assert found.stored_bytes == lineage(first - second).stored_bytes
    document = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert document["totals"] == {"CNY": "373248.00", "USD": "1.50"}
    assert document["lines"][0]["quantity"] == "0.000373248"
    assert "rounded once, half up" in document["rounding"]
    assert "CNY 373248.00" in str(found)


@pytest.mark.parametrize(
    ("plan", "amount"),
    [
        ({"model": "free"}, "0"),
        ({"model": "one-off", "currency": "CNY", "amount": "99.995"}, "100.00"),
        ({"model": "subscription", "currency": "CNY", "amount": "12", "period": "P1M"}, "12.00"),
        ({"model": "per-query", "currency": "CNY", "amount": "3"}, "3.00"),
        ({"model": "per-record", "currency": "JPY", "amount": "0.5"}, "27"),
        ({"model": "per-gb", "currency": "CNY", "amount": "1"}, "0.00"),
        ({"model": "per-gb", "currency": "CNY", "amount": "1", "minimum": "2"}, "2.00"),
    ],
    ids=["free", "one-off", "subscription", "per query", "per record", "per GB", "at least"],
)
def test_every_way_to_pay(ostia_repository: Path, plan: dict[str, Any], amount: str) -> None:
    found = quote(_open(ostia_repository, chunks={}), products=make_product("first", plan), at=DAY)
    assert str(found.lines[0].amount) == amount
    assert found.complete
    assert "free" in str(found) or amount in str(found)


@pytest.mark.parametrize(
    ("products", "reason"),
    [
        ((), "no product document was found"),
        ((make_product("second"),), "no product document was found"),
        ((make_product("first", {"model": "on-request"}),), "ask first institute"),
        ((make_product("first", offers=[]),), "no offer is valid on 2026-06-01"),
        (
            (make_product("first", BYTES | {"model": "per-record"}, record_dimensions=[]),),
            "the product has no rule to count its records",
        ),
        (
            (make_product("first", BYTES | {"model": "per-record"}, record_dimensions=["profile"]),),
            "how much is taken cannot be told",
        ),
    ],
    ids=["none given", "of another product", "on request", "no offer", "no rule", "no such dimension"],
)
def test_an_unknown_price_is_not_zero(ostia_repository: Path, products: Any, reason: str) -> None:
    found = quote(_open(ostia_repository, chunks={}), products=products, at=DAY)
    assert (found.lines[0].amount, found.complete, found.totals) == (None, False, {})
    assert reason in found.lines[0].reason
    assert f"unknown: {found.lines[0].reason}" in found._repr_html_()
    assert found.to_json()["lines"][0]["amount"] is None


def test_an_unknown_source_leaves_the_total_open(ostia_repository: Path) -> None:
    array = _open(ostia_repository, chunks={})
    found = quote(array - np.ones(array.shape, "f4"), products=make_product(), at=DAY)
    assert not found.complete
    assert found.totals == {"CNY": Decimal(array.size * 4)}
    assert "total of what is known" in str(found)
    assert not quote(array.compute(), products=make_product(), at=DAY).complete
    plain = open_dataset(ostia_repository, chunks={})["surface_temperature"]
    assert quote(plain, at=DAY).lines[0].reason == "it belongs to no product"
    nothing = quote(Lineage(()), at=DAY)
    assert (nothing.complete, nothing.totals) == (False, {})
    assert "not complete" in str(nothing)


def test_a_selection_that_cannot_be_followed_says_that_blocks_count(ostia_repository: Path) -> None:
    array = _open(ostia_repository, chunks={})
    late = xr.apply_ufunc(np.sort, array, dask="parallelized", output_dtypes=["f4"]).isel(time=slice(0, 3))
    found = quote(late, products=make_product(), at=DAY)
    assert found.lines[0].parts[0].rounded
    assert "Of surface_temperature whole blocks count" in str(found)
    assert "whole blocks" not in str(quote(array.isel(time=slice(0, 3)), products=make_product(), at=DAY))


@pytest.mark.parametrize("thing", [5, None, [], {}])
def test_what_has_no_price_is_refused(thing: Any) -> None:
    with pytest.raises(InputError, match="has no price"):
        quote(thing)


def test_nothing_to_price_is_not_complete() -> None:
    assert not quote(xr.Dataset()).complete


@pytest.mark.parametrize(
    "changes",
    [
        {"values": -1},
        {"values": 1.5},
        {"values": 7},
        {"dtype": "S"},
        {"dtype": None},
        {"runs": {"time": [[1]]}},
        {"runs": []},
    ],
)
def test_taken_values_that_cannot_be_are_refused(changes: dict[str, Any]) -> None:
    document = {"values": 6, "dtype": "float32", "runs": {"time": [[0, 2]], "latitude": [[1, 4]]}}
    assert Taken.from_json(document).delivered_bytes == 24
    with pytest.raises(DocumentError):
        Taken.from_json(document | changes)


def test_values_that_were_struck_out_of_a_lineage_are_refused(ostia_repository: Path) -> None:
    document = quoted_lineage(ostia_repository).to_json()
    assert Lineage.from_json(document).planned
    for one in document["inputs"]:
        one["taken"]["values"] = 0
    with pytest.raises(DocumentError, match="values taken is 0"):
        Lineage.from_json(document)


@pytest.mark.parametrize("struck", [(0, 1), (0,)], ids=["both", "the first"])
def test_values_that_were_struck_out_of_two_layouts_are_refused(
    copies: dict[str, tuple[Path, str]], struck: tuple[int, ...]
) -> None:
    """The second layout counts what the first does not have: nothing of it, of equal selections."""
    maps, series = (_open(*copies[name], chunks={}) for name in ("maps", "series"))
    document = made_of(maps.mean() + series.mean(), taken=True).to_json()
    both = [one for one in document["inputs"] if one["variable"] == "surface_temperature"]
    assert sorted(one["taken"]["values"] for one in both) == [0, maps.size]
    assert sum(one.taken.values for one in Lineage.from_json(document).planned if one.taken) == maps.size
    for number in struck:
        both[number]["taken"]["values"] = 0
    with pytest.raises(DocumentError, match="values taken is 0, but there are 432 positions at least"):
        Lineage.from_json(document)


def test_values_that_the_second_layout_adds_cannot_be_moved(copies: dict[str, tuple[Path, str]]) -> None:
    maps, series = (_open(*copies[name], chunks={}) for name in ("maps", "series"))
    document = made_of(maps[:1, :1, :5].mean() + series.mean(), taken=True).to_json()
    both = [one for one in document["inputs"] if one["variable"] == "surface_temperature"]
    assert [one["taken"]["values"] for one in both] == [5, maps.size - 5]
    both[1]["taken"]["values"] = 0
    with pytest.raises(DocumentError, match="values taken is 5, but there are 432 positions at least"):
        Lineage.from_json(document)
    both[0]["taken"]["values"], both[1]["taken"]["values"] = 0, maps.size
    with pytest.raises(DocumentError, match="values taken is 0, but there are 5 positions at least"):
        Lineage.from_json(document)


def quoted_lineage(place: Path) -> Lineage:
    """Lineage with the values that are taken."""
    return made_of(_open(place, chunks={}), taken=True)


def test_a_written_result_costs_what_the_lazy_one_does(ostia_repository: Path, tmp_path: Path) -> None:
    write_product(make_product(), tmp_path / "first.yaml")
    lazy = _open(ostia_repository, chunks={}).isel(time=[1, 5, 7]).mean("time")
    stamped = write_result(lazy, tmp_path / "result.nc")
    for thing in (lazy, stamped, tmp_path / "result.nc", stamped.lineage):
        found = quote(thing, products=tmp_path, at=DAY)
        assert found.totals == {"CNY": Decimal(3 * _ROWS * _COLUMNS * 4)}
        assert found.lines[0].parts[0].values == 3 * _ROWS * _COLUMNS


def test_a_file_of_before_the_values_were_counted_has_no_price(ostia_repository: Path) -> None:
    plan = lineage(_open(ostia_repository, chunks={}))
    found = quote(plan, products=make_product(), at=DAY)
    assert found.lines[0].amount is None
    assert "values unknown" in str(found)


def test_an_old_day_has_its_own_offer(ostia_repository: Path) -> None:
    offers = [
        {"version": 1, "valid_from": "2025-01-01", "valid_to": "2025-12-31", "plans": [{"model": "free"}]},
        {"version": 2, "valid_from": "2026-01-01", "plans": [BYTES]},
    ]
    array, product = _open(ostia_repository, chunks={}), make_product(offers=offers)
    assert quote(array, products=product, at=date(2025, 6, 1)).lines[0].price == "free"
    assert quote(array, products=product, at=DAY).lines[0].offer == 2
    assert quote(array, products=product, at=date(2024, 6, 1)).lines[0].amount is None


def test_the_view_is_escaped(ostia_repository: Path) -> None:
    bad = "<script>alert(1)</script>"
    origin = Origin(repository="", product=bad)
    array = open_dataset(ostia_repository, origin=origin, chunks={})["surface_temperature"]
    view = quote(array, products=make_product(id=bad, title={"en": bad}), at=DAY)._repr_html_()
    assert "<script" not in view
    assert "&lt;script" in view
