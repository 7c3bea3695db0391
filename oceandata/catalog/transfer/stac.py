"""STAC: an entry as a collection, a catalogue as a tree of files, and their check by pystac."""

import importlib.util
from collections.abc import Mapping, Sequence
from typing import Any

from oceandata.catalog.licences import KNOWN_LICENCES
from oceandata.catalog.release import public_fields
from oceandata.entities import Entry
from oceandata.errors import DocumentError, InputError, MissingExtraError

__all__ = ["STAC_VERSION", "catalog_to_stac", "check_stac", "entry_to_stac"]

STAC_VERSION = "1.1.0"

_EXTENSIONS = {
    "cube:": "https://stac-extensions.github.io/datacube/v2.2.0/schema.json",
    "sci:": "https://stac-extensions.github.io/scientific/v1.0.0/schema.json",
    "version": "https://stac-extensions.github.io/version/v1.2.0/schema.json",
    "file:": "https://stac-extensions.github.io/file/v2.1.0/schema.json",
    "processing:": "https://stac-extensions.github.io/processing/v1.1.0/schema.json",
    "xarray:": "https://stac-extensions.github.io/xarray-assets/v1.0.0/schema.json",
}

#: Names that coordinates of longitude, latitude, time and depth have; a dimension of another name is of no known kind.
_LONGITUDES = frozenset({"lon", "longitude", "long", "nav_lon"})
_LATITUDES = frozenset({"lat", "latitude", "nav_lat"})
_TIMES = frozenset({"time", "t", "time_counter"})
_DEPTHS = frozenset({"depth", "deptht", "lev", "depth_m", "st_ocean"})

_LAYOUT = (
    "group",
    "access",
    "revision",
    "snapshot",
    "content_root",
    "decoded_bytes",
    "chunks",
    "chunk_shapes",
    "files",
)


def entry_to_stac(entry: Entry) -> dict[str, Any]:
    """
    STAC collection of an entry.

    Only public fields go in (`oceandata.catalog.release.public_fields`). What STAC has no word for stands under names
    that begin with ``oceandata:``; variables whose dimensions are unknown stand there too, because a datacube needs
    them. The collection has no links to other files: `catalog_to_stac` adds these.

    Parameters
    ----------
    entry : Entry
        The dataset.

    Returns
    -------
    dict
        JSON types; a new dict that the caller may extend.

    Raises
    ------
    DocumentError
        If the entry may not be released.
    InputError
        If its box is unknown, without which there is no STAC collection.
    """
    public = public_fields(entry)
    extent = public["extent"]
    if "bbox" not in extent:
        msg = f"entry {entry.id!r} has no box, which a STAC collection needs. Give extent.bbox."
        raise InputError(msg)
    collection: dict[str, Any] = {
        "type": "Collection",
        "stac_version": STAC_VERSION,
        "stac_extensions": [],
        "id": public["id"],
        "title": public["title"],
        "description": public.get("summary") or public["title"],
        "license": _licence(public["license"]),
        "extent": {
            "spatial": {"bbox": [_geographic_box(extent["bbox"])]},
            "temporal": {"interval": [_interval(extent)]},
        },
        "links": _links(public),
        **_common(public),
        **_datacube(public),
    }
    assets = {name: _asset(name, asset) for name, asset in public["assets"].items()}
    if assets:
        collection["assets"] = assets
    collection["stac_extensions"] = _extensions_of(collection)
    return collection


def _licence(expression: str) -> str:
    """Licence as STAC accepts it: one SPDX identifier, or other."""
    single = expression in KNOWN_LICENCES and expression != "NOASSERTION"
    return expression if single else "other"


def _geographic_box(bbox: Sequence[float]) -> list[float]:
    """Box in longitudes from -180 to 180; west above east crosses the date line."""
    west, south, east, north = bbox
    if east - west >= 360:
        return [-180.0, south, 180.0, north]
    return [_wrapped(west), south, _wrapped(east) if east != 180 else 180.0, north]


def _wrapped(longitude: float) -> float:
    """Longitude from -180 to 180."""
    return longitude if -180 <= longitude <= 180 else (longitude + 180) % 360 - 180


def _interval(extent: Mapping[str, Any]) -> list[str | None]:
    """Period as STAC writes it; unknown ends are null."""
    return list(extent["time"]) if "time" in extent else [None, None]


def _links(public: Mapping[str, Any]) -> list[dict[str, str]]:
    """Links to pages about the dataset."""
    links = []
    if "doi" in public:
        links.append({"rel": "cite-as", "href": f"https://doi.org/{public['doi']}"})
    if "source_page" in public:
        links.append({"rel": "about", "href": public["source_page"], "type": "text/html"})
    return links


def _common(public: Mapping[str, Any]) -> dict[str, Any]:
    """Common metadata, citation, version, and what STAC has no word for."""
    revisions = [asset["revision"] for asset in public["assets"].values() if asset.get("revision")]
    texts = {
        "keywords": public.get("keywords"),
        "providers": [_provider(one, public.get("processing_level", "")) for one in public.get("providers", [])],
        "attribution": public.get("attribution"),
        "created": public.get("created"),
        "sci:doi": public.get("doi"),
        "sci:citation": public.get("citation"),
        "version": revisions[0] if revisions else None,
        "oceandata:processing_level": public.get("processing_level"),
        "oceandata:title_zh": public.get("title_zh"),
        "oceandata:summary_zh": public.get("summary_zh"),
        "oceandata:keywords_zh": public.get("keywords_zh"),
        "oceandata:license": public["license"] if _licence(public["license"]) == "other" else None,
    }
    return {key: value for key, value in texts.items() if value}


def _provider(provider: Mapping[str, Any], level: str) -> dict[str, Any]:
    """Provider with the Chinese name under our own prefix; who made the dataset bears its processing level."""
    made = {"producer", "processor"} & set(provider.get("roles", ()))
    named = {"oceandata:name_zh" if key == "name_zh" else key: value for key, value in provider.items()}
    return {**named, "processing:level": level} if made and level else named


def _datacube(public: Mapping[str, Any]) -> dict[str, Any]:
    """Dimensions and variables."""
    cube: dict[str, Any] = {}
    other: dict[str, Any] = {}
    dimensions: dict[str, Any] = {}
    for name, variable in public["variables"].items():
        described = {
            "type": "data",
            "unit" if "units" in variable else "": variable.get("units"),
            "data_type" if "dtype" in variable else "": variable.get("dtype"),
            **{key: value for key, value in variable.items() if key not in ("units", "dtype")},
        }
        described.pop("", None)
        known = "dimensions" in variable
        (cube if known else other)[name] = described
        for place, dimension in enumerate(variable.get("dimensions", ())):
            size = variable["shape"][place] if "shape" in variable else None
            dimensions.setdefault(dimension, _dimension(dimension, size, public["extent"]))
    found: dict[str, Any] = {"cube:dimensions": dimensions, "cube:variables": cube} if dimensions else {}
    if cube and not dimensions:  # scalars alone are no datacube
        other |= cube
    return {**found, **({"oceandata:variables": other} if other else {})}


def _dimension(name: str, size: int | None, extent: Mapping[str, Any]) -> dict[str, Any]:
    """One dimension; its kind is known by its name, and its ends by the extent of the dataset."""
    plain = name.casefold()
    west, south, east, north = extent["bbox"]
    dimension: dict[str, Any]
    if plain in _LONGITUDES:
        ends = [west, east if east >= west else east + 360]
        dimension = {"type": "spatial", "axis": "x", "extent": ends, "reference_system": 4326}
    elif plain in _LATITUDES:
        dimension = {"type": "spatial", "axis": "y", "extent": [south, north], "reference_system": 4326}
    elif plain in _DEPTHS and "depth_m" in extent:
        dimension = {"type": "spatial", "axis": "z", "extent": list(extent["depth_m"]), "unit": "m"}
    elif plain in _TIMES:
        dimension = {"type": "temporal", "extent": _interval(extent)}
        if "time_resolution" in extent:
            dimension["step"] = extent["time_resolution"]
    else:
        dimension = {"type": "other", "extent": [None, None]}
    return dimension if size is None else {**dimension, "oceandata:size": size}


def _asset(name: str, asset: Mapping[str, Any]) -> dict[str, Any]:
    """One layout as an asset."""
    kind = asset["type"]
    described: dict[str, Any] = {"href": asset["href"], "type": kind, "title": name, "roles": ["data"]}
    if kind != "application/vnd+icechunk":
        engine = "zarr" if kind == "application/vnd+zarr" else "netcdf4"
        group = {"group": asset["group"]} if asset.get("group") else {}
        described["xarray:open_kwargs"] = {"engine": engine, "chunks": {}, **group}
    if "stored_bytes" in asset:
        described["file:size"] = asset["stored_bytes"]
    layout = {key: asset[key] for key in _LAYOUT if key in asset}
    return {**described, "oceandata:layout": layout} if layout else described


def _extensions_of(collection: Mapping[str, Any]) -> list[str]:
    """Extensions whose names a collection or its assets use."""
    inner = [*collection.get("assets", {}).values(), *collection.get("providers", ())]
    names = [*collection, *(key for one in inner for key in one)]
    return [schema for prefix, schema in _EXTENSIONS.items() if any(name.startswith(prefix) for name in names)]


def catalog_to_stac(
    collections: Sequence[Mapping[str, Any]], *, name: str, title: str, description: str = ""
) -> dict[str, dict[str, Any]]:
    """
    Tree of files of collections: a catalogue at the root, each collection in a folder of its id.

    Parameters
    ----------
    collections : sequence of mapping
        As `entry_to_stac` gives them, perhaps extended.
    name, title, description : str
        What the catalogue says of itself; without a description the title stands in.

    Returns
    -------
    dict of str to dict
        Documents by their path relative to the root, with relative links between them.
    """
    links = [{"rel": "root", "href": "./catalog.json", "type": "application/json"}]
    files: dict[str, dict[str, Any]] = {}
    for collection in collections:
        place = f"{collection['id']}/collection.json"
        child = {"rel": "child", "href": f"./{place}", "type": "application/json", "title": collection["title"]}
        links.append(child)
        up = [{"rel": rel, "href": "../catalog.json", "type": "application/json"} for rel in ("root", "parent")]
        files[place] = {**collection, "links": [*up, *collection["links"]]}
    root = {
        "type": "Catalog",
        "stac_version": STAC_VERSION,
        "id": name,
        "title": title,
        "description": description or title,
        "links": links,
    }
    return {"catalog.json": root, **files}


def check_stac(document: Mapping[str, Any]) -> None:
    """
    Check a STAC catalogue or collection with pystac against the core schemas, which it brings with it.

    Schemas of extensions lie on the web and are not fetched; of their fields only the form that pystac reads is
    checked.

    Parameters
    ----------
    document : mapping
        The document.

    Raises
    ------
    DocumentError
        If it is not valid.
    MissingExtraError
        If pystac or jsonschema is not installed.
    """
    if importlib.util.find_spec("pystac") is None or importlib.util.find_spec("jsonschema") is None:
        msg = "checking STAC needs pystac, which is not installed. Run pip install 'oceandata-exchange[share]'."
        raise MissingExtraError(msg)
    from pystac import STACObjectType, STACTypeError
    from pystac.errors import STACValidationError
    from pystac.validation import RegisteredValidator

    kind = STACObjectType.COLLECTION if document.get("type") == "Collection" else STACObjectType.CATALOG
    try:
        RegisteredValidator.get_validator().validate_core(dict(document), kind, STAC_VERSION, None)
    except (STACValidationError, STACTypeError) as error:
        msg = f"{document.get('id', 'the document')!r} is no valid STAC: {error}. Check what was added to it."
        raise DocumentError(msg) from error
