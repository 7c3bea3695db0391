"""Rows and columns of a long table."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from oceandata.errors import InputError
from oceandata.trade.subset.tables import check_table, csv_metadata, table_columns, write_csv, write_parquet


@pytest.fixture
def stations() -> xr.Dataset:
    """Profiles of three stations: positions along the station, a scalar depth of the sensor's head, no level axis."""
    values = np.array([[1.5, np.nan], [np.nan, np.nan], [0.1, -0.0]], "f4")
    return xr.Dataset(
        {"temp": (("station", "level"), values, {"units": "°C"}), "flag": (("station", "level"), values.round() > 0)},
        {
            "lon": ("station", [120.1, 120.2, 120.3], {"units": "degrees_east"}),
            "lat": ("station", [36.0, 36.1, 36.2], {"units": "degrees_north"}),
            "time": ("station", np.array(["2020-01-01", "2020-01-02", "NaT"], "M8[ns]")),
            "depth": ((), 2.0, {"units": "m", "positive": "down"}),
            "name": ("station", np.array(["a", "b, c", 'd"e'], object)),
            "crs": ((), 0),
            "edges": (("station", "two"), np.zeros((3, 2))),
        },
    )


def test_columns_say_where_first(stations):
    columns = table_columns(stations)
    assert [one.name for one in columns[:2]] == ["station", "level"]
    assert {one.name for one in columns[2:-2]} == {"lon", "lat", "time", "depth", "name"}
    assert [one.title for one in columns[-2:]] == ["temp (°C)", "flag"]


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_rows_are_the_cells_with_a_value(stations, tmp_path, kind):
    path = tmp_path / f"out.{kind}"
    part = stations[["temp"]]
    rows = write_csv(part, {}, path) if kind == "csv" else write_parquet(part, {}, path)
    assert rows == (3, 3)
    found = pd.read_csv(path) if kind == "csv" else pd.read_parquet(path)
    found = found.rename(columns=lambda name: name.partition(" ")[0])
    assert found["station"].tolist() == [0, 2, 2]
    assert found["level"].tolist() == [0, 0, 1]
    assert found["name"].tolist() == ["a", 'd"e', 'd"e']
    assert found["depth"].tolist() == [2.0] * 3
    assert found["time"].isna().tolist() == [False, True, True]
    assert found["temp"].astype("f4").tolist() == np.array([1.5, 0.1, -0.0], "f4").tolist()
    assert np.signbit(found["temp"].iloc[-1])


def test_a_row_stays_if_one_variable_has_a_value(stations, tmp_path):
    assert write_csv(stations, {}, tmp_path / "out.csv") == (6, 0)  # a flag is never missing
    lines = (tmp_path / "out.csv").read_text("utf-8-sig").splitlines()
    assert lines[2].split(",")[-2] == ""


def test_variables_of_other_dimensions_are_no_table(stations):
    check_table(stations)
    with pytest.raises(InputError, match=r"'temp' \('station', 'level'\) and 'extra' \('station',\) have different"):
        check_table(stations.assign(extra=("station", np.zeros(3))))


def test_the_description_names_types(stations):
    described = csv_metadata(stations, "out.csv")
    kinds = {one["name"]: one["datatype"] for one in described["tableSchema"]["columns"]}
    assert kinds["station"] == "integer"
    assert kinds["temp"] == "number"
    assert kinds["flag"] == "boolean"
    assert kinds["name"] == "string"
    assert kinds["time"]["base"] == "dateTime"
