"""
Maps and time series, drawn with matplotlib as it is: every function returns the axes it drew on.

matplotlib is imported when something is drawn. Axes are found by their CF metadata; a map joins at the date line
whatever convention its longitudes follow. What is missing is grey, never a colour of the scale.

- `plot_map`: a field on latitude and longitude, with coastlines and regions
- `plot_series`: a time series, with anomalies, events and thresholds
- `plot_heatwave`: temperature with climatology, threshold and categories of marine heatwaves
- `write_picture`: the drawing as a PNG
- `figure_style`: the defaults both are drawn with
"""

from oceandata.plot.heatwaves import plot_heatwave
from oceandata.plot.maps import plot_map
from oceandata.plot.series import plot_series
from oceandata.plot.style import figure_style, has_cjk_font, write_picture

__all__ = ["figure_style", "has_cjk_font", "plot_heatwave", "plot_map", "plot_series", "write_picture"]
