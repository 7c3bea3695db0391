"""Reading in blocks: names in one order, packing judged by value, memory that does not grow."""

import dataclasses
import tracemalloc

import dask.array as da
import numpy as np
import pytest
import xarray as xr

from oceandata.trade import write_subset
from oceandata.trade.subset.fetching import is_packable, staged_arrays, streamed_names
from oceandata.trade.subset.staging import Staging


def test_the_files_of_a_variable_do_not_depend_on_the_order_of_the_variables(tmp_path):
    lazy = {name: ("x", da.zeros(4, chunks=2)) for name in ("b", "a", "c")}
    one, other = xr.Dataset(lazy), xr.Dataset(dict(reversed(lazy.items())))
    assert streamed_names(one) == streamed_names(other) == ["a", "b", "c"]
    staging = Staging(tmp_path / "out.nc")
    for name, array in staged_arrays(one, staging).items():
        assert array.path(1) == staged_arrays(other, staging)[name].path(1)


def test_what_is_small_or_text_is_not_streamed():
    ds = xr.Dataset({"a": ("x", da.zeros(4)), "crs": ((), 0), "held": ("x", np.zeros(4))})
    assert streamed_names(ds.assign(text=("x", da.from_array(np.array(list("abcd"), object), chunks=4)))) == ["a"]


PACKED = {"dtype": "int16", "scale_factor": 0.01, "add_offset": 5.0, "_FillValue": np.int16(-1)}


@pytest.mark.parametrize(
    ("change", "encoding", "expected"),
    [
        (lambda values: values, PACKED, True),
        (lambda values: np.where(values == 5.0, np.nan, values), PACKED, True),
        (lambda values: np.nextafter(values, 99), PACKED, False),
        (lambda values: values.astype("f4"), PACKED, False),
        (lambda values: values + 1e6, PACKED, False),
        (lambda values: np.where(values == 5.0, np.nan, values), {**PACKED, "_FillValue": np.int16(9)}, False),
        (lambda values: np.where(values == 5.0, np.inf, values), PACKED, False),
    ],
    ids=["kept", "missing", "one bit", "type", "range", "fill value taken", "infinite"],
)
@pytest.mark.filterwarnings("error")
def test_packing_is_kept_only_if_it_gives_back_every_value(change, encoding, expected):
    numbers = np.arange(0, 200, dtype="i2")
    values = xr.conventions.decode_cf_variable(
        "v", xr.Variable("x", numbers, {key: value for key, value in PACKED.items() if key != "dtype"})
    ).to_numpy()
    assert is_packable(change(values), encoding) is expected


def _peak(plan, steps: int, target) -> int:
    """Most bytes that Python and NumPy held while a dataset of so many steps was written."""
    numbers = da.random.default_rng(1).random((steps, 100, 100), chunks=(1, 100, 100)).astype("f4")
    ds = xr.Dataset({"zos": (("time", "lat", "lon"), numbers)}, {"time": np.arange(steps)})
    part = dataclasses.replace(plan, dataset=ds, target=target, digest=str(steps), overwrite=True)
    tracemalloc.start(1)
    try:
        write_subset(part)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(("suffix", "steps"), [(".nc", 200), (".zarr", 200), (".csv", 40), (".parquet", 100)])
def test_memory_does_not_grow_with_the_request(planned, tmp_path, monkeypatch, suffix, steps):
    monkeypatch.setattr("oceandata.trade.subset.arrays._BOX_BYTES", 400_000)
    monkeypatch.setattr("oceandata.trade.subset.tables._ROWS", 10_000)
    plan = planned(f"out{suffix}", variables=["zos"])
    _peak(plan, steps // 10, tmp_path / f"imports{suffix}")
    sizes = (steps // 10, steps)
    small, large = (_peak(plan, size, tmp_path / f"{size}{suffix}") for size in sizes)
    assert large < 2 * small + 2_000_000  # ten times as much was written
