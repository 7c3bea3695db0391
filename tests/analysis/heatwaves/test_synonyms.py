"""Arguments of the reference code do what they did there."""

import pytest
import xarray as xr

from oceandata.analysis import detect_heatwaves, heatwave_climatology
from oceandata.analysis.heatwaves import heatwave_arguments
from oceandata.errors import InputError


@pytest.mark.parametrize(
    ("reference", "own"),
    [
        ({}, ({}, {})),
        ({"climatologyPeriod": [None, None], "pctile": 95}, ({"period": None, "pctile": 95}, {})),
        ({"windowHalfWidth": 3, "smoothPercentile": False}, ({"window_half_width": 3, "smooth_width": 1}, {})),
        ({"smoothPercentileWidth": 21, "minDuration": 3}, ({"smooth_width": 21}, {"min_duration": 3})),
        ({"maxGap": 4, "joinAcrossGaps": True}, ({}, {"max_gap": 4})),
        ({"maxGap": 4, "joinAcrossGaps": False}, ({}, {"max_gap": 0})),
        ({"maxPadLength": False}, ({}, {})),
        ({"maxPadLength": 3}, ({"max_pad": 3}, {"max_pad": 3})),
        ({"coldSpells": True, "pctile": 95}, ({"pctile": 5}, {"cold": True})),
    ],
)
def test_each_argument(reference: dict[str, object], own: tuple[dict[str, object], dict[str, object]]) -> None:
    assert heatwave_arguments(**reference) == own


def test_cold_spells_of_the_closed_form(closed_form: xr.DataArray) -> None:
    clim, detection = heatwave_arguments(climatologyPeriod=[1983, 2010], coldSpells=True)
    table = detect_heatwaves(closed_form, heatwave_climatology(closed_form, **clim), **detection).compute()
    assert (table.sizes["obs"], int(table["duration"].sum())) == (99, 813)


def test_an_unknown_argument_is_named() -> None:
    with pytest.raises(InputError, match=r"there is no argument 'minduration'\. Close: 'minDuration'"):
        heatwave_arguments(minduration=5)
