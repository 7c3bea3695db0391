"""
Pictures, drawn with matplotlib as it is: every function returns the axes it drew on, `plot_eof` the figure.

matplotlib is imported when something is drawn. Axes are found by their CF metadata; a map joins at the date line
whatever convention its longitudes follow. What is missing is grey, never a colour of the scale. Words are Chinese with
``set_options(language="zh")``, if a font has the characters.

- `plot_map`: a field on latitude and longitude, with coastlines and regions
- `plot_series`: a time series, with anomalies, events and thresholds
- `plot_hovmoeller`: a field on time and longitude, or on time and latitude
- `plot_trend`: the map of a trend, with dots where it is not significant
- `plot_eof`: patterns of variability with the variance they explain, and their series
- `plot_index`: a climate index with its events
- `plot_climatology`: the mean of each month, season or day, with its spread
- `plot_histogram`, `plot_quantiles`: how values are distributed
- `plot_categories`: a map of flags, such as categories of heatwaves or basins
- `plot_heatwave`: temperature with climatology, threshold and categories of marine heatwaves
- `write_picture`: the drawing as a picture file
- `figure_style`: the defaults all are drawn with
"""

from oceandata.plot.categories import plot_categories
from oceandata.plot.distributions import plot_climatology, plot_histogram, plot_quantiles
from oceandata.plot.heatwaves import plot_heatwave
from oceandata.plot.hovmoeller import plot_hovmoeller
from oceandata.plot.maps import plot_map
from oceandata.plot.modes import plot_eof, plot_index
from oceandata.plot.series import plot_series
from oceandata.plot.style import figure_style, has_cjk_font, write_picture
from oceandata.plot.trends import plot_trend

__all__ = [
    "figure_style",
    "has_cjk_font",
    "plot_categories",
    "plot_climatology",
    "plot_eof",
    "plot_heatwave",
    "plot_histogram",
    "plot_hovmoeller",
    "plot_index",
    "plot_map",
    "plot_quantiles",
    "plot_series",
    "plot_trend",
    "write_picture",
]
