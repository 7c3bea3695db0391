"""Chunks that are not stored because every value is missing, several variables, and depths."""

from pathlib import Path

import netCDF4
import numpy as np
import pytest

from oceandata import storage
from oceandata.errors import InputError, NotFoundError
from oceandata.trade import Product, draft_revision
from oceandata.trade.delivery import open_delivery, plan_delivery, read_grant, verify_delivery, write_delivery
from tests.trade.delivery.conftest import entitlement


@pytest.fixture(scope="module")
def ocean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Temperature on four levels, empty in the first times, and a sea level."""
    folder = tmp_path_factory.mktemp("ocean")
    with netCDF4.Dataset(folder / "ocean.nc", "w") as file:
        axes = {
            "time": (np.arange(6.0), {"units": "days since 2020-01-01", "axis": "T"}),
            "depth": (np.array([0.5, 10.0, 100.0, 900.0]), {"units": "m", "positive": "down", "axis": "Z"}),
            "lat": (np.arange(-40.0, 41.0, 10.0), {"units": "degrees_north"}),
            "lon": (np.arange(5.0, 360.0, 10.0), {"units": "degrees_east"}),
        }
        for name, (values, attributes) in axes.items():
            file.createDimension(name, len(values))
            axis = file.createVariable(name, "f8", (name,))
            axis.setncatts(attributes)
            axis[:] = values
        thetao = file.createVariable("thetao", "f4", ("time", "depth", "lat", "lon"), fill_value=np.float32(1e20))
        thetao.units = "degC"
        values = np.random.default_rng(5).normal(10, 3, thetao.shape).astype("f4")
        values[:4] = 1e20
        thetao[:] = values
        level = file.createVariable("zos", "f4", ("time", "lat", "lon"), fill_value=np.float32(1e20))
        level.units = "m"
        level[:] = 1.0
    storage.write_repository(
        storage.plan_ingest([folder / "ocean.nc"], folder / "repository", chunk_bytes=700, access="balanced")
    )
    return folder / "repository"


@pytest.fixture
def sold(ocean: Path, product: Product) -> Product:
    """A product on that ocean."""
    return draft_revision(product.model_copy(update={"revisions": ()}), storage.describe_revision(ocean))


def test_an_absent_chunk_is_proved_to_be_absent(sold, keys, ocean, tmp_path):
    plan = plan_delivery(read_grant(entitlement(), product=sold), tmp_path / "package", variables="thetao")
    manifest = write_delivery(plan, keys.private)
    assert manifest.counts.chunks_absent == plan.chunks_absent > 0
    report = verify_delivery(tmp_path / "package", keys=keys.public, root=sold.revisions[0].content_root)
    assert report.exit_code == 0, str(report)
    assert any(f"that {manifest.counts.chunks_absent} are not stored" in one for one in report.proved)
    wanted = storage.open_dataset(ocean)["thetao"].to_numpy()
    assert np.isnan(wanted).any()
    np.testing.assert_array_equal(open_delivery(tmp_path / "package")["thetao"].to_numpy(), wanted)
    absent = next(
        at
        for box in plan.boxes
        if box.name == "thetao"
        for at in box.positions()
        if plan.layout.leaves["thetao"].stored_bytes[at] == -1
    )
    path = "/".join(("data.zarr/thetao/c", *map(str, absent)))
    (tmp_path / "package" / path).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / "package" / path).write_bytes(b"invented")
    report = verify_delivery(tmp_path / "package", keys=keys.public)
    assert (report.exit_code, report.faults) == (1, (f"{path} was added: this chunk is not stored",))


def test_only_the_variables_that_are_asked_for(sold, keys, tmp_path):
    scope = {"variables": ["zos"]}
    grant = read_grant(entitlement(scope=scope), product=sold)
    write_delivery(plan_delivery(grant, tmp_path / "package"), keys.private)
    names = {one.name for one in (tmp_path / "package" / "data.zarr").iterdir()}
    assert names == {"zos", "time", "lat", "lon", "zarr.json"}
    assert verify_delivery(tmp_path / "package", keys=keys.public).exit_code == 0
    with pytest.raises(InputError, match="allows the variables zos, not thetao"):
        plan_delivery(grant, tmp_path / "other", variables=["zos", "thetao"])


def test_all_variables_of_different_grids(sold, keys, ocean, tmp_path):
    grant = read_grant(entitlement(), product=sold)
    where = {"bbox": (100, -20, 200, 20), "time": "2020-01-02/2020-01-04", "depth": (5, 200)}
    write_delivery(plan_delivery(grant, tmp_path / "package", **where), keys.private)
    report = verify_delivery(tmp_path / "package", keys=keys.public)
    assert report.exit_code == 0, str(report)
    limits = {"region": where["bbox"], "time": where["time"], "depth": where["depth"]}
    wanted, found = storage.open_dataset(ocean, **limits), open_delivery(tmp_path / "package")
    for name in ("thetao", "zos"):
        np.testing.assert_array_equal(found[name].to_numpy(), wanted[name].to_numpy())


def test_depths_are_limited(sold, tmp_path):
    grant = read_grant(entitlement(scope={"depth_m": [0, 50]}), product=sold)
    assert storage.describe_revision(sold.revisions[0].repository).variables["thetao"].chunks[1] == 4
    with pytest.raises(InputError, match=r"850 m below \(to 900 m, allowed is 50 m\).*--clip"):
        plan_delivery(grant, tmp_path / "package", variables="thetao")
    with pytest.raises(NotFoundError, match="no vertical axis"):  # what cannot be judged is not delivered
        plan_delivery(grant, tmp_path / "package", variables="zos")
    with pytest.raises(InputError, match=r"allowed is 50 m\)\. Ask for less, or import .* depth_m \[0\.0, "):
        plan_delivery(grant, tmp_path / "package", variables="thetao", depth=(0, 200))
