"""
Frozen documents that cross subsystems, and their JSON form.

The names are the field's own: ACDD for discovery, STAC and its datacube extension for extent, variables and assets,
DataCite for people. Unknown keys are refused, and all faults of a document are reported at once.
"""

from datetime import date
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import Field, FiniteFloat, StringConstraints, model_validator

from oceandata.documents import Document, Identifier, Instant, Text

__all__ = [
    "RESERVED_NAMES",
    "Asset",
    "Entry",
    "Extent",
    "GradeDecision",
    "Origin",
    "Provider",
    "SourceFile",
    "TradeLink",
    "Variable",
]

#: Attributes of an Intake catalogue; an entry of such a name could not be reached.
RESERVED_NAMES = frozenset(
    {"aliases", "all", "data", "entries", "facets", "items", "keys", "metadata", "name", "search", "token", "values"}
    | {"version", "user_parameters", "open", "get", "read", "to_dask", "to_frame", "discover"}
)

#: What people ask of an entry when they mean the dataset.
_READER_VERBS = frozenset({"to_dask", "open", "read", "discover"})

#: Variables that the short form of an entry names.
_SHOWN_VARIABLES = 8


class Extent(Document):
    """
    Where, when and how deep.

    Attributes
    ----------
    bbox : tuple of float
        West, south, east, north in degrees; west above east means the box crosses the date line.
    time : tuple of datetime or None
        First and last instant (UTC), None if the dataset has no time axis.
    depth_m : tuple of float or None
        Top and bottom in m, positive down, None if the dataset has no vertical axis.
    time_resolution : str
        ISO 8601 duration between steps (``P1M``), empty if irregular or unknown.
    """

    bbox: tuple[float, float, float, float] | None = None
    time: tuple[Instant, Instant] | None = None
    depth_m: tuple[FiniteFloat, FiniteFloat] | None = None
    time_resolution: str = ""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.bbox is not None:
            west, south, east, north = self.bbox
            if not (-90 <= south <= north <= 90):
                msg = f"bbox latitudes are {south} to {north}, need -90 <= south <= north <= 90"
                raise ValueError(msg)
            if not (-180 <= west <= 360 and -180 <= east <= 360):
                msg = f"bbox longitudes are {west} to {east}, need -180 to 360"
                raise ValueError(msg)
        if self.time is not None and self.time[0] > self.time[1]:
            msg = f"time begins {self.time[0]} after it ends {self.time[1]}"
            raise ValueError(msg)
        if self.depth_m is not None and self.depth_m[0] > self.depth_m[1]:
            msg = f"depth_m is {self.depth_m[0]} to {self.depth_m[1]}, need the top first"
            raise ValueError(msg)
        return self


class Variable(Document):
    """
    One variable of a dataset, as stored.

    Attributes
    ----------
    dimensions : tuple of str or None
        Names of its dimensions, in stored order; None if unknown.
    shape, chunks : tuple of int or None
        Size along each dimension, of the array and of one stored chunk; None if unknown.
    dtype : str
        Stored NumPy type; empty if unknown.
    units, standard_name, long_name, long_name_zh, cell_methods : str
        CF attributes; empty if the file does not have them.
    canonical_name : str
        CF standard name that a curator decided on, where the file's own differs or is missing.
    nbytes : int or None
        Decoded bytes of the whole array as stored type; None if unknown.
    """

    dimensions: tuple[str, ...] | None = None
    shape: tuple[int, ...] | None = None
    chunks: tuple[int, ...] | None = None
    dtype: str = ""
    units: str = ""
    standard_name: str = ""
    canonical_name: str = ""
    long_name: str = ""
    long_name_zh: str = ""
    cell_methods: str = ""
    nbytes: int | None = Field(default=None, ge=0)

    @model_validator(mode="after")
    def _one_rank(self) -> Self:
        ranks = {len(each) for each in (self.dimensions, self.shape, self.chunks) if each is not None}
        if len(ranks) > 1:
            msg = f"dimensions, shape and chunks are {self.dimensions}, {self.shape}, {self.chunks}: need equal lengths"
            raise ValueError(msg)
        return self


class Asset(Document):
    """
    One place a dataset is stored: a layout of a repository, a plain Zarr store, or NetCDF files.

    Attributes
    ----------
    href : str
        URL or path of the repository, the store, the file, or the folder of the files; ``{CATALOG_DIR}`` stands for
        the folder of the catalogue file.
    type : str
        Media type: an Icechunk repository, plain Zarr, or NetCDF.
    files : tuple of str
        NetCDF files that together are the dataset, in time order, relative to the folder `href`; empty if `href` is
        the file.
    group : str
        Group of the layout inside the repository, or of a plain Zarr store (empty for its top).
    access : str
        What the chunks were made for: ``maps``, ``series`` or ``balanced``.
    revision : str
        Tag of the repository that is opened; only repositories have one.
    snapshot : str
        Snapshot the tag points to; only repositories have one.
    content_root : str
        ``sha256:`` and the root digest of the revision (docs/content-root.md).
    stored_bytes, decoded_bytes, chunks : int or None
        Size of the data as stored, as decoded, and the number of stored chunks; None if unknown.
    chunk_shapes : dict of str to tuple of int
        Chunks of each data variable; empty if unknown.
    """

    href: Text
    type: Literal["application/vnd+icechunk", "application/vnd+zarr", "application/x-netcdf"] = (
        "application/vnd+icechunk"
    )
    files: tuple[str, ...] = ()
    group: str = "maps"
    access: Literal["maps", "series", "balanced"] = "maps"
    revision: str = ""
    snapshot: str = ""
    content_root: str = ""
    stored_bytes: int | None = Field(default=None, ge=0)
    decoded_bytes: int | None = Field(default=None, ge=0)
    chunks: int | None = Field(default=None, ge=0)
    chunk_shapes: dict[str, tuple[int, ...]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _pinned(self) -> Self:
        pinned = bool(self.revision and self.snapshot)
        if self.type == "application/vnd+icechunk" and not pinned:
            msg = f"a repository needs revision and snapshot, got {self.revision!r} and {self.snapshot!r}"
            raise ValueError(msg)
        if self.files and self.type != "application/x-netcdf":
            msg = f"files belong to NetCDF, but type is {self.type!r}"
            raise ValueError(msg)
        outside = [name for name in self.files if name.startswith(("/", "\\")) or ".." in name.split("/")]
        if outside:
            msg = f"files lie below href, but one is {outside[0]!r}"
            raise ValueError(msg)
        return self


class Provider(Document):
    """Who made, hosts or licenses a dataset (STAC provider)."""

    name: Text
    name_zh: str = ""
    roles: tuple[Literal["producer", "licensor", "processor", "host"], ...] = ()
    url: str = ""


class SourceFile(Document):
    """A file that a dataset was made from."""

    name: Text
    nbytes: int = Field(ge=0)
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class TradeLink(Document):
    """
    Link from an entry to its product on the exchange; the truth is the product document.

    Attributes
    ----------
    product : str
        Identifier of the product.
    revision : int
        Number of the product's revision that the entry opens.
    document : str
        Path of the product document, relative to the catalogue file.
    listing_url : str
        Page of the product on the exchange; only ever one that a person has read there.
    example : bool
        True for a product that serves as an example and is not listed on any exchange.
    """

    product: Text
    revision: int = Field(ge=1)
    document: str = ""
    listing_url: str = ""
    example: bool = False

    @model_validator(mode="after")
    def _no_invented_listing(self) -> Self:
        if self.example and self.listing_url:
            msg = f"an example product has no listing, but listing_url is {self.listing_url!r}"
            raise ValueError(msg)
        return self

    @property
    def status(self) -> str:
        """One sentence on where the product stands."""
        if self.example:
            return "example, not listed on any exchange"
        return f"listed at {self.listing_url}" if self.listing_url else "not listed"


class Origin(Document):
    """
    Where bytes come from: the names that travel with an open store into lineage and metering.

    Attributes
    ----------
    repository : str
        URL of the repository.
    group, revision, snapshot : str
        Layout, tag (empty if a snapshot was opened without one) and snapshot id.
    entry : str
        Name in the catalogue, empty if opened without one.
    product : str
        Product identifier, empty if the dataset has none.
    product_revision : int or None
        Number of the product's revision.
    licence, attribution : str
        Licence expression and the text to show; empty means unknown.
    example : bool
        True if the product is an example that no exchange lists.
    """

    repository: str
    group: str = "maps"
    revision: str = ""
    snapshot: str = ""
    entry: str = ""
    product: str = ""
    product_revision: int | None = None
    licence: str = ""
    attribution: str = ""
    example: bool = False

    @property
    def name(self) -> str:
        """The shortest name that tells datasets apart: the product, else the entry, else the repository."""
        return self.product or self.entry or self.repository


class GradeDecision(Document):
    """
    Who decided that a dataset may be shown as it is graded, and when.

    Attributes
    ----------
    by : str
        The person, by name.
    on : date
        The day of the decision.
    note : str
        Why, or the document in which it stands.
    """

    by: Text
    on: date
    note: str = ""


class Entry(Document):
    """
    One dataset in a catalogue.

    Attributes
    ----------
    schema_version : int
        Version of this document's form.
    id : str
        Name in the catalogue: lower case, digits and underscores.
    title, summary, keywords : str, str, tuple of str
        For people, in English; ``title_zh``, ``summary_zh`` and ``keywords_zh`` the same in Chinese.
    license : str
        SPDX expression (ACDD spells it so).
    attribution, citation : str
        Text a user must show, and how to cite the dataset.
    extent : Extent
        Where, when and how deep.
    variables : dict of str to Variable
        Data variables by their native name.
    assets : dict of str to Asset
        Layouts by name.
    derived_from : tuple of SourceFile
        Files the dataset was made from.
    trade : TradeLink or None
        Link to the product on the exchange.
    doi : str
        Digital object identifier, without a resolver before it.
    grade : str
        Classification after GB/T 43697-2024: ``general``, ``important`` or ``core``; empty if nobody decided.
    grade_decision : GradeDecision or None
        Who decided that it may be published.
    status : str
        Whether it could be opened when last tried: ``alive``, ``dead``; ``not verified`` if never tried.
    verified : datetime or None
        When that was.
    source_page : str
        Page on which the address of the data was read.
    source_page_read : date or None
        When it was read there.
    """

    schema_version: Literal[1] = 1
    id: Identifier
    title: Text
    title_zh: str = ""
    summary: str = ""
    summary_zh: str = ""
    keywords: tuple[str, ...] = ()
    keywords_zh: tuple[str, ...] = ()
    license: Text
    attribution: str = ""
    citation: str = ""
    providers: tuple[Provider, ...] = ()
    processing_level: str = ""
    extent: Extent
    variables: dict[str, Variable]
    assets: dict[str, Asset]
    derived_from: tuple[SourceFile, ...] = ()
    history: str = ""
    created: Instant | None = None
    trade: TradeLink | None = None
    doi: Annotated[str, StringConstraints(pattern=r"^(10\.\d{4,9}/\S+)?$")] = ""
    grade: Literal["", "general", "important", "core"] = ""
    grade_decision: GradeDecision | None = None
    status: Literal["", "alive", "dead", "not verified"] = ""
    verified: Instant | None = None
    source_page: str = ""
    source_page_read: date | None = None

    @model_validator(mode="after")
    def _reachable(self) -> Self:
        if self.id in RESERVED_NAMES:
            msg = f"id {self.id!r} is a name that Intake catalogues use themselves; choose another"
            raise ValueError(msg)
        if not self.assets:
            msg = "assets is empty, need at least one place the dataset is stored"
            raise ValueError(msg)
        return self

    @property
    def stored_bytes(self) -> int | None:
        """Bytes as stored, of all layouts; None if that of one is unknown."""
        sizes = [asset.stored_bytes for asset in self.assets.values()]
        return None if None in sizes else sum(size for size in sizes if size is not None)

    @property
    def decoded_bytes(self) -> int | None:
        """Bytes as decoded, of all layouts; None if that of one is unknown."""
        sizes = [asset.decoded_bytes for asset in self.assets.values()]
        return None if None in sizes else sum(size for size in sizes if size is not None)

    def __repr__(self) -> str:
        period = f", {self.extent.time[0]:%Y-%m-%d} to {self.extent.time[1]:%Y-%m-%d}" if self.extent.time else ""
        names = [*self.variables][:_SHOWN_VARIABLES]
        more = len(self.variables) - len(names)
        shown = ", ".join(names) + (f", … and {more} more" if more else "")
        return f"<Entry {self.id}: {self.title:.80}{period}; variables: {shown}>"

    __str__ = __repr__

    if not TYPE_CHECKING:  # a declared __getattr__ would make every misspelt attribute of an entry pass the type check

        def __getattr__(self, name: str) -> Any:
            """Say how to open the dataset where a reader's verbs are asked of its description."""
            if name in _READER_VERBS:
                msg = f"an entry describes a dataset and has no {name!r}; open it with catalog.open({self.id!r})."
                raise AttributeError(msg)
            return super().__getattr__(name)
