"""An entry with everything a public one can have."""

from datetime import UTC, date, datetime

import pytest

from oceandata.entities import Asset, Entry, Extent, Provider, TradeLink, Variable


@pytest.fixture
def entry() -> Entry:
    """Two variables, three layouts of which one is internal, a box over the date line; texts full of separators."""
    public = "https://data.example.org/pacific"
    return Entry(
        id="pacific_heat",
        title="Heat content; Pacific, upper 700 m",
        title_zh="太平洋热含量（0—700 米）；月平均",
        summary="=2+2 is no formula here.\nSecond line, with ; and , and \\; signs.",
        summary_zh="上层海洋热含量。",
        keywords=("heat, ocean", "Pacific"),
        keywords_zh=("热含量、海洋",),
        license="CC-BY-4.0",
        attribution="© Ocean Institute",
        citation="Li, S. (2020): Heat; content. doi:10.1234/abc",
        providers=(
            Provider(
                name="Institute A, B", name_zh="甲所", roles=("producer", "licensor"), url="https://a.example.org"
            ),
            Provider(name="Host"),
        ),
        processing_level="L4",
        extent=Extent(
            bbox=(120.1, -10.0, -70.30000000000001, 60.25),
            time=(datetime(1993, 1, 16, 12, tzinfo=UTC), datetime(2020, 12, 16, 12, 0, 0, 123456, tzinfo=UTC)),
            depth_m=(0.0, 700.0),
            time_resolution="P1M",
        ),
        variables={
            "ohc": Variable(
                dimensions=("time", "lat", "lon"),
                shape=(336, 180, 360),
                chunks=(12, 180, 360),
                dtype="float32",
                units="J m-2",
                standard_name="ocean_heat_content",
                long_name="Heat content, upper ocean",
                long_name_zh="热含量",
                cell_methods="time: mean",
                nbytes=87091200,
            ),
            "area": Variable(dimensions=(), shape=(), chunks=(), dtype="float64", units="m2"),
            "flag; odd": Variable(),
        },
        assets={
            "maps": Asset(
                href=f"{public}.zarr",
                type="application/vnd+zarr",
                group="",
                content_root="sha256:" + "ab" * 32,
                stored_bytes=12_345_678_901_234_567,
                decoded_bytes=87091200,
                chunks=28,
                chunk_shapes={"ohc": (12, 180, 360), "area": ()},
            ),
            "inside": Asset(href="/data/holdings/heat", revision="r3", snapshot="SNAP"),
            "files": Asset(href=public, type="application/x-netcdf", group="", files=("1993, a.nc", "1994;b.nc")),
            "repository": Asset(href="s3://ocean-public/heat", revision="r3", snapshot="1CECHN", access="series"),
        },
        created=datetime(2026, 11, 23, tzinfo=UTC),
        doi="10.1234/abc",
        grade="general",
        status="not verified",
        source_page="https://data.example.org/page",
        source_page_read=date(2026, 11, 1),
        trade=TradeLink(product="EXAMPLE-HEAT", revision=2, example=True),
    )
