"""Series to find heatwaves in."""

import numpy as np
import xarray as xr


def closed_form_series() -> xr.DataArray:
    """Thirty years of one cell with three large heatwaves, 1982 to 2011, as a formula of the day number."""
    time = np.arange("1982-01-01", "2012-01-01", dtype="M8[D]")
    days = np.arange(len(time))
    values = 15 + 5 * np.sin(2 * np.pi * (days - 100) / 365.25) + 0.8 * np.sin(2 * np.pi * days / 173)
    values += 0.5 * np.sin(2 * np.pi * days / 37.7) + 0.3 * np.cos(2 * np.pi * days / 11.3)
    for peak, height, width in (("2011-02-15", 6, 20), ("2003-08-01", 3, 15), ("1998-05-01", 2, 10)):
        centre = (np.datetime64(peak) - time[0]).astype(int)
        values += height * np.exp(-(((days - centre) / width) ** 2) / 2)
    attrs = {"units": "degC", "standard_name": "sea_surface_temperature"}
    return xr.DataArray(values, {"time": time.astype("M8[ns]")}, ["time"], name="sst", attrs=attrs)


def cells(years: int = 4, shape: tuple[int, int] = (2, 3), calendar: str = "standard", seed: int = 1) -> xr.DataArray:
    """A few years of a few cells: a season, and noise that lasts for days."""
    time = xr.date_range("2001-01-01", f"{2001 + years}-01-01", inclusive="left", calendar=calendar, unit="s")
    noise = np.random.default_rng(seed).normal(size=(len(time) + 10, *shape))
    slow = np.sum([noise[lag : lag + len(time)] for lag in range(11)], axis=0) / 2
    season = 4 * np.sin(2 * np.pi * np.arange(len(time)) / 365.25)[:, None, None]
    coords = {
        "time": time,
        "lat": ("lat", np.linspace(-10, 10, shape[0]), {"units": "degrees_north"}),
        "lon": ("lon", 100 + np.arange(shape[1]), {"units": "degrees_east"}),
    }
    values = np.round(20 + season + slow, 2)
    return xr.DataArray(values, coords, ["time", "lat", "lon"], name="sst", attrs={"units": "degC"})
