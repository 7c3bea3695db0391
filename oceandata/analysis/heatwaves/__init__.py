"""
Marine heatwaves and cold spells after Hobday et al. (2016, 2018).

- `heatwave_climatology`: what is usual on each day of the year, and the threshold
- `detect_heatwaves`: the events, one row an event; `heatwave_categories`: a daily map
- `yearly_heatwaves`: counts, days and intensities by year on the grid
- `write_heatwaves`: the table as Parquet or Zarr, part by part
- `heatwave_arguments`: arguments as the reference code spells them, in our words
"""

from oceandata.analysis.heatwaves.climatology import heatwave_climatology
from oceandata.analysis.heatwaves.detection import detect_heatwaves, heatwave_categories
from oceandata.analysis.heatwaves.events import HeatwaveEvents
from oceandata.analysis.heatwaves.synonyms import heatwave_arguments
from oceandata.analysis.heatwaves.writing import write_heatwaves
from oceandata.analysis.heatwaves.yearly import yearly_heatwaves

__all__ = [
    "HeatwaveEvents",
    "detect_heatwaves",
    "heatwave_arguments",
    "heatwave_categories",
    "heatwave_climatology",
    "write_heatwaves",
    "yearly_heatwaves",
]
