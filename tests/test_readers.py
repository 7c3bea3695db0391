"""The Intake reader: its path and arguments stand in users' files, which open for ever."""

import shutil
from pathlib import Path
from typing import Any

import intake
import numpy as np
import pytest
import xarray as xr
import yaml

from oceandata.catalog import open_catalog
from oceandata.errors import InputError, NotFoundError
from oceandata.readers import OceanZarr
from oceandata.storage import describe_revision, open_repository
from oceandata.trade import lineage

NAME = "surface_temperature"

# Never change this text: it is what users have on their disks. A new form is a new text beside it.
VERSION_1 = """\
version: 2
metadata:
  title: Written by the first version
aliases:
  ostia: ostia
user_parameters: {}
data: {}
entries:
  ostia:
    reader: oceandata.readers:OceanZarr
    kwargs:
      url: '{CATALOG_DIR}/repository'
      group: maps
      revision: r1
      snapshot: SNAPSHOT
      origin:
        entry: ostia
        product: example:ostia
        product_revision: 1
        licence: LicenseRef-OGL-UK
        attribution: Crown copyright
        example: true
    output_instance: xarray:Dataset
    metadata:
      entry:
        schema_version: 1
        id: ostia
        title: Sea surface temperature
        title_zh: 海表温度
        license: LicenseRef-OGL-UK
        attribution: Crown copyright
        extent:
          bbox: [-180.0, -5.278, 180.0, 4.722]
          time: ['2006-04-16T00:00:00Z', '2010-09-16T00:00:00Z']
          time_resolution: P1M
        variables:
          surface_temperature:
            dimensions: [time, latitude, longitude]
            shape: [54, 18, 432]
            chunks: [11, 18, 432]
            dtype: float32
            units: K
            standard_name: surface_temperature
            canonical_name: sea_surface_temperature
            long_name_zh: 海表温度
            nbytes: 1679616
        assets:
          maps:
            href: '{CATALOG_DIR}/repository'
            group: maps
            access: maps
            revision: r1
            snapshot: SNAPSHOT
            stored_bytes: 1
            decoded_bytes: 1679616
            chunks: 5
        trade:
          product: example:ostia
          revision: 1
          example: true
    user_parameters: {}
"""


@pytest.fixture
def catalog(ostia_repository: Path, tmp_path: Path) -> Path:
    """The file of the first version beside a repository."""
    shutil.copytree(ostia_repository, tmp_path / "repository")
    path = tmp_path / "catalog.yaml"
    path.write_text(VERSION_1.replace("SNAPSHOT", describe_revision(ostia_repository).snapshot), encoding="utf-8")
    return path


@pytest.fixture
def reader(catalog: Path) -> OceanZarr:
    found: OceanZarr = intake.open_catalog(str(catalog))["ostia"]
    return found


def _second_revision(catalog: Path) -> str:
    """A later state of the repository, 1 K warmer, tagged r2; gives its snapshot."""
    import zarr

    repository = open_repository(catalog.parent / "repository")
    session = repository.writable_session("main")
    array: Any = zarr.open_group(session.store, mode="a")[f"maps/{NAME}"]
    array[...] = np.asarray(array[...]) + 1
    snapshot = session.commit("warmer")
    repository.create_tag("r2", snapshot)
    return str(snapshot)


def test_the_path_and_the_arguments_are_frozen() -> None:
    assert OceanZarr.__module__ == "oceandata.readers"
    assert OceanZarr.output_instance == "xarray:Dataset"
    kwargs = yaml.safe_load(VERSION_1)["entries"]["ostia"]["kwargs"]
    from oceandata.catalog.envelope import READER_ARGUMENTS, READERS

    assert READERS == ("oceandata.readers:OceanZarr",)
    assert tuple(kwargs) == READER_ARGUMENTS[:5] == ("url", "group", "revision", "snapshot", "origin")
    assert READER_ARGUMENTS[5:] == ("type", "files"), "new arguments are added, none is taken away"


def test_a_file_of_version_1_opens_in_intake_and_here(catalog: Path, ostia_file: Path) -> None:
    plain = intake.open_catalog(str(catalog))["ostia"].to_dask()
    ours = open_catalog(catalog).open("ostia")
    xr.testing.assert_identical(plain, ours)
    assert plain[NAME].chunks == ours[NAME].chunks
    assert plain[NAME].data.name == ours[NAME].data.name
    with xr.open_dataset(ostia_file) as raw:
        np.testing.assert_array_equal(ours[NAME], raw[NAME])
    (one,) = lineage(plain).planned
    assert one.origin.model_dump(exclude={"repository", "snapshot"}) == {
        "group": "maps",
        "revision": "r1",
        "entry": "ostia",
        "product": "example:ostia",
        "product_revision": 1,
        "licence": "LicenseRef-OGL-UK",
        "attribution": "Crown copyright",
        "example": True,
    }


def test_what_is_opened_carries_the_catalogues_words(reader: OceanZarr) -> None:
    ds = reader.read()
    assert ds.attrs["title_zh"] == "海表温度"
    assert ds.attrs["license"] == "LicenseRef-OGL-UK"
    assert ds.attrs["attribution"] == "Crown copyright"
    assert (ds.attrs["entry"], ds.attrs["product"]) == ("ostia", "example:ostia")
    assert ds[NAME].attrs["canonical_name"] == "sea_surface_temperature"
    assert ds[NAME].attrs["standard_name"] == "surface_temperature"
    assert ds[NAME].attrs["units"] == "K"


def test_reading_is_lazy_whatever_it_is_called(reader: OceanZarr) -> None:
    from oceandata.storage import counted_reads

    with counted_reads() as reads:
        opened = [reader.read(), reader.to_dask(), reader.discover()]
    assert not [read for read in reads.counts if f"/{NAME}/c" in read.key]
    for ds in opened:
        assert ds[NAME].chunks is not None
        xr.testing.assert_identical(ds.coords.to_dataset(), opened[0].coords.to_dataset())


def test_selections(reader: OceanZarr) -> None:
    ds = reader.read(region=(170, -5, -120, 5), time="2009", chunks={"time": 1})
    assert ds.sizes["time"] == 12
    assert ds[NAME].chunksizes["time"] == (1,) * 12
    assert 169 < float(ds.longitude.min()) < float(ds.longitude.max()) < 241
    assert reader.read(chunks=None)[NAME].chunks is None
    with pytest.raises(NotFoundError, match="vertical"):
        reader.read(depth=(0, 10))


@pytest.mark.parametrize("name", [NAME, "sst", "tos", "海表温度", "sea_surface_temperature"])
def test_variables_by_the_curators_words(reader: OceanZarr, name: str) -> None:
    assert list(reader.read(variables=[name]).data_vars) == [NAME]
    assert list(reader.read(variables=name).data_vars) == [NAME]


def test_unknown_names_are_refused(reader: OceanZarr) -> None:
    with pytest.raises(InputError, match=r"no argument 'regions'\. Close: 'region'"):
        reader.read(regions=(0, 0, 1, 1))
    with pytest.raises(InputError, match=r"no argument 'storage_options'"):
        reader.to_dask(storage_options={})
    with pytest.raises(NotFoundError, match="answers to 'salinity'"):
        reader.read(variables=["salinity"])
    with pytest.raises(NotFoundError, match="no layout 'series'"):
        reader.read(group="series")


@pytest.mark.parametrize("how", ["revision", "snapshot", "both"])
def test_another_revision(reader: OceanZarr, catalog: Path, how: str) -> None:
    """It is opened, and does not pass for the revision of the product that the entry names."""
    first = reader.read()
    snapshot = _second_revision(catalog)
    asked = {"revision": {"revision": "r2"}, "snapshot": {"snapshot": snapshot}}
    asked["both"] = asked["revision"] | asked["snapshot"]
    second = reader.read(**asked[how])
    np.testing.assert_allclose(second[NAME], first[NAME] + 1)
    (one,) = lineage(second).planned
    assert (one.origin.revision, one.origin.snapshot) == ("r2", snapshot)
    assert (one.origin.product, one.origin.product_revision) == ("example:ostia", None)
    assert one.origin.licence == "LicenseRef-OGL-UK"
    np.testing.assert_array_equal(reader.read()[NAME], first[NAME])
    (pinned,) = lineage(reader.read(revision="r1")).planned
    assert pinned.origin.product_revision == 1


def test_a_revision_and_a_snapshot_that_disagree(reader: OceanZarr, catalog: Path) -> None:
    first = reader.kwargs["snapshot"]
    _second_revision(catalog)
    with pytest.raises(NotFoundError, match="no revision 'r3'"):
        reader.read(revision="r3")
    forged = OceanZarr(**{**reader.kwargs, "revision": "r2", "snapshot": first})
    with pytest.raises(NotFoundError, match="do not belong together"):
        forged.read()


def test_a_repository_that_is_gone(reader: OceanZarr, catalog: Path) -> None:
    shutil.rmtree(catalog.parent / "repository")
    with pytest.raises(NotFoundError, match="there is no repository at"):
        reader.read()


def test_a_reader_without_an_entry(ostia_repository: Path) -> None:
    ds = OceanZarr(url=str(ostia_repository)).read(variables=[NAME])
    assert "product" not in ds.attrs
    (one,) = lineage(ds).planned
    assert (one.origin.product, one.origin.licence) == ("", "")


# A form that came later: added beside the first, which stays.
PLAIN = """\
version: 2
metadata: {}
aliases:
  file: file
  files: files
  store: store
user_parameters: {}
data: {}
entries:
  file:
    reader: oceandata.readers:OceanZarr
    kwargs:
      url: '{CATALOG_DIR}/ostia 2006.nc'
      type: application/x-netcdf
      origin: {entry: file, licence: CC-BY-4.0, attribution: Somebody, example: false}
    output_instance: xarray:Dataset
    metadata: {entry: {schema_version: 1, id: file, title: F, license: CC-BY-4.0, attribution: Somebody, extent: {},
      variables: {}, assets: {netcdf: {href: '{CATALOG_DIR}/ostia 2006.nc', type: application/x-netcdf, group: ''}}}}
    user_parameters: {}
  files:
    reader: oceandata.readers:OceanZarr
    kwargs:
      url: '{CATALOG_DIR}/.'
      type: application/x-netcdf
      files: [ostia 2006.nc, ostia 2007.nc]
      origin: {entry: files, licence: NOASSERTION, example: false}
    output_instance: xarray:Dataset
    metadata: {entry: {schema_version: 1, id: files, title: F, license: NOASSERTION, extent: {}, variables: {},
      assets: {netcdf: {href: '{CATALOG_DIR}/.', type: application/x-netcdf, group: '',
      files: [ostia 2006.nc, ostia 2007.nc]}}}}
    user_parameters: {}
  store:
    reader: oceandata.readers:OceanZarr
    kwargs:
      url: '{CATALOG_DIR}/store'
      type: application/vnd+zarr
      group: deep
      origin: {entry: store, licence: NOASSERTION, example: false}
    output_instance: xarray:Dataset
    metadata: {entry: {schema_version: 1, id: store, title: S, license: NOASSERTION, extent: {}, variables: {},
      assets: {zarr: {href: '{CATALOG_DIR}/store', type: application/vnd+zarr, group: deep}}}}
    user_parameters: {}
"""


@pytest.fixture(scope="module")
def plain(ostia_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two files and a Zarr store of the real field, and a catalogue of them."""
    folder = tmp_path_factory.mktemp("plain")
    with xr.open_dataset(ostia_file) as ds:
        part = ds[[NAME]].drop_vars([name for name in ds.coords if name not in ds.dims]).load()
    for variable in part.variables.values():
        variable.encoding = {}
        for key in ("bounds", "grid_mapping"):
            variable.attrs.pop(key, None)
    for year in ("2006", "2007"):
        part.sel(time=year).to_netcdf(folder / f"ostia {year}.nc")
    part.to_zarr(folder / "store", group="deep", zarr_format=2, consolidated=False)
    path = folder / "plain.yaml"
    path.write_text(PLAIN, encoding="utf-8")
    return path


@pytest.mark.parametrize(("name", "steps"), [("file", 9), ("files", 21), ("store", 54)])
def test_files_and_plain_zarr_open_in_intake_and_here(plain: Path, name: str, steps: int, ostia_file: Path) -> None:
    through_intake = intake.open_catalog(str(plain))[name].to_dask()
    ours = open_catalog(plain).open(name)
    xr.testing.assert_identical(through_intake, ours)
    assert ours[NAME].chunks is not None
    assert ours.sizes["time"] == steps
    with xr.open_dataset(ostia_file) as raw:
        np.testing.assert_array_equal(ours[NAME], raw[NAME][:steps])
    part = open_catalog(plain).open(name, region=(190, -5, 240, 5), time="2006-08/2006", variables=NAME)
    assert part.sizes["time"] == 5
    assert 59 <= part.sizes["longitude"] <= 61
    assert ours.attrs["entry"] == name
    assert ours.attrs["license"] == ("CC-BY-4.0" if name == "file" else "NOASSERTION")
    assert ours.attrs.get("attribution", "") == ("Somebody" if name == "file" else "")
    assert not lineage(ours).inputs
    assert len(lineage(ours).unattributed) == 1


@pytest.mark.parametrize("name", ["file", "store"])
@pytest.mark.parametrize("state", [{"revision": "r1"}, {"snapshot": "X"}, {"as_of": "2026-01-01"}], ids=str)
def test_what_has_no_revisions_says_so(plain: Path, name: str, state: dict[str, str]) -> None:
    with pytest.raises(InputError, match="which has no revisions"):
        open_catalog(plain).open(name, **state)


def test_a_type_that_is_none(plain: Path) -> None:
    with pytest.raises(InputError, match="Close: 'application/x-netcdf'"):
        OceanZarr(url=str(plain), type="application/netcdf").read()
    with pytest.raises(InputError, match="Close: 'region'"):
        open_catalog(plain).open("file", regoin=(0, 0, 1, 1))
