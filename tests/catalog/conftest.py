"""A revision of the real OSTIA file, described by hand from the file itself, and the catalogue made of it."""

import hashlib
from datetime import UTC, datetime
from pathlib import Path

import pytest

from oceandata.catalog import Overlay, draft_entry, load_overlay, register_entry
from oceandata.entities import Entry, Extent, SourceFile, TradeLink, Variable
from oceandata.storage.revisions import RevisionSummary

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def overlay() -> Overlay:
    return load_overlay(ROOT / "catalogs" / "overlays" / "ostia_sst_monthly.yaml")


@pytest.fixture(scope="session")
def ostia_summary(ostia_file: Path) -> RevisionSummary:
    """What a repository with the real file in it would say; sizes, names, period and place are read from the file."""
    import netCDF4

    with netCDF4.Dataset(ostia_file) as file:
        stored = file["surface_temperature"]
        times = netCDF4.num2date(file["time"][[0, -1]], file["time"].units, file["time"].calendar)
        lon, lat = file["longitude"][:], file["latitude"][:]
        variable = Variable(
            dimensions=stored.dimensions,
            shape=stored.shape,
            chunks=tuple(stored.chunking()),
            dtype=str(stored.dtype),
            units=stored.units,
            standard_name=stored.standard_name,
            cell_methods=stored.cell_methods,
            nbytes=stored.size * stored.dtype.itemsize,
        )
        half = float(lon[1] - lon[0]) / 2
        extent = Extent(
            bbox=(float(lon[0]) - half, float(lat[0]), float(lon[-1]) + half, float(lat[-1])),
            time=tuple(datetime(t.year, t.month, t.day, t.hour, tzinfo=UTC) for t in times),
            time_resolution="P1M",
        )
        attributes = {name: file.getncattr(name) for name in file.ncattrs()}
    content = ostia_file.read_bytes()
    return RevisionSummary(
        url="/data/holdings/ostia_sst_monthly",
        group="maps",
        access="maps",
        revision="r1",
        snapshot="1CECHNKREP0F1RSTCMT0",
        content_root="sha256:" + "ab" * 32,
        stored_bytes=len(content),
        decoded_bytes=variable.nbytes,
        chunks=54,
        variables={"surface_temperature": variable},
        extent=extent,
        attributes=attributes,
        sources=(SourceFile(name=ostia_file.name, nbytes=len(content), sha256=hashlib.sha256(content).hexdigest()),),
        created=datetime(2026, 11, 23, tzinfo=UTC),
    )


@pytest.fixture(scope="session")
def ostia(ostia_summary: RevisionSummary, overlay: Overlay) -> Entry:
    trade = TradeLink(product="EXAMPLE-OSTIA-SST", revision=1, example=True)
    return draft_entry(ostia_summary, overlay, name="ostia_sst_monthly", trade=trade)


@pytest.fixture
def ostia_catalog(tmp_path: Path, ostia: Entry) -> Path:
    """Catalogue file with the one entry."""
    path = tmp_path / "sst.yaml"
    register_entry(path, ostia)
    return path
