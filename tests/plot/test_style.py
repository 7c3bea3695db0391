"""Fonts and words: Chinese where a font has it, English where none has, units always."""

import contextlib
import dataclasses
from collections.abc import Iterator
from pathlib import Path

import matplotlib as mpl
import pytest
import xarray as xr
from matplotlib.font_manager import fontManager

from oceandata.errors import OceanDataWarning
from oceandata.options import set_options
from oceandata.plot import figure_style, has_cjk_font, plot_map, plot_series
from oceandata.plot.style import quantity_text, units_text, words

TITLE = "海表温度"


@pytest.fixture
def no_cjk_font(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the fonts that come with matplotlib are installed."""
    own = [font for font in fontManager.ttflist if str(mpl.get_data_path()) in font.fname]
    monkeypatch.setattr(fontManager, "ttflist", own)


@pytest.fixture
def cjk_font(no_cjk_font: None, tmp_path: Path) -> Iterator[str]:
    """A font of a known family with the four characters of the title, and nothing else."""
    from fontTools.fontBuilder import FontBuilder
    from fontTools.pens.ttGlyphPen import TTGlyphPen

    pen = TTGlyphPen(None)
    pen.moveTo((0, 0))
    for corner in ((0, 800), (800, 800), (800, 0)):
        pen.lineTo(corner)
    pen.closePath()
    names = [".notdef", *(f"uni{ord(character):04X}" for character in TITLE)]
    builder = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder(names)
    builder.setupCharacterMap({ord(character): f"uni{ord(character):04X}" for character in TITLE})
    builder.setupGlyf(dict.fromkeys(names, pen.glyph()))
    builder.setupHorizontalMetrics(dict.fromkeys(names, (1000, 0)))
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": "Noto Sans SC", "styleName": "Regular"})
    builder.setupOS2(sTypoAscender=800)
    builder.setupPost()
    builder.save(tmp_path / "chinese.ttf")
    fontManager.addfont(tmp_path / "chinese.ttf")
    fontManager._findfont_cached.cache_clear()
    yield "Noto Sans SC"
    fontManager._findfont_cached.cache_clear()


def test_without_a_chinese_font_titles_are_english(no_cjk_font: None, sst: xr.DataArray) -> None:
    assert not has_cjk_font()
    field = sst.isel(time=0).assign_attrs(long_name="monthly temperature")
    for ax in (plot_map(field, title=TITLE), plot_series(sst.isel(latitude=9, longitude=220), title=TITLE)):
        assert ax.get_title() in ("monthly temperature", "surface temperature")
        ax.figure.canvas.draw()  # a missing glyph would warn, and a warning is an error here


def test_chinese_long_name_falls_back_to_the_standard_name(no_cjk_font: None, sst: xr.DataArray) -> None:
    ax = plot_map(sst.isel(time=0).assign_attrs(long_name=TITLE))
    assert ax.get_title() == "surface temperature"
    ax.figure.canvas.draw()


def test_without_a_chinese_font_labels_are_left_out_with_a_warning(no_cjk_font: None, sst: xr.DataArray) -> None:
    with pytest.warns(OceanDataWarning, match="label '赤道' is not drawn") as caught:
        ax = plot_map(sst.isel(time=0), boxes={"赤道": (-170, -4, -120, 4)})
    assert caught[0].filename == __file__
    assert [text.get_text() for text in ax.texts] == [""]
    assert len(ax.patches) == 1


def test_with_a_chinese_font_titles_are_chinese(cjk_font: str, sst: xr.DataArray) -> None:
    assert has_cjk_font()
    for ax in (
        plot_map(sst.isel(time=0), title=TITLE, boxes={"温度": (-170, -4, -120, 4)}),
        plot_series(sst.isel(latitude=9, longitude=220), title=TITLE, events=[("2007-01-01", "2007-06-01", "温度")]),
    ):
        assert ax.get_title() == TITLE
        assert [text.get_text() for text in ax.texts] == ["温度"]
        ax.figure.canvas.draw()  # a missing glyph would warn, and a warning is an error here


def test_chinese_names_with_the_language_and_a_font(cjk_font: str, sst: xr.DataArray) -> None:
    field = sst.isel(time=0).assign_attrs(long_name="monthly temperature", long_name_zh=TITLE)
    assert quantity_text(field) == "monthly temperature"
    assert words("warm", TITLE) == "warm"
    with set_options(language="zh"):
        assert quantity_text(field) == TITLE
        assert words("warm", TITLE) == TITLE


def test_english_with_the_language_and_no_font(no_cjk_font: None, sst: xr.DataArray) -> None:
    field = sst.isel(time=0).assign_attrs(long_name="monthly temperature", long_name_zh=TITLE)
    with set_options(language="zh"):
        assert quantity_text(field) == "monthly temperature"
        assert words("warm", TITLE) == "warm"
        plot_map(field).figure.canvas.draw()


def test_a_font_of_the_right_name_without_the_characters_does_not_count(
    no_cjk_font: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    latin = next(font for font in fontManager.ttflist if font.name == "DejaVu Sans")
    monkeypatch.setattr(fontManager, "ttflist", [dataclasses.replace(latin, name="SimHei")])
    assert not has_cjk_font()


def test_style_ends_with_its_block() -> None:
    before = mpl.rcParams["figure.dpi"], mpl.rcParams["font.family"]
    with figure_style():
        assert mpl.rcParams["figure.dpi"] == 150
    assert (mpl.rcParams["figure.dpi"], mpl.rcParams["font.family"]) == before


def test_a_backend_that_shows_figures_goes_on_showing_them() -> None:
    was = mpl.is_interactive()
    try:
        mpl.interactive(False)
        with figure_style():
            mpl.interactive(True)  # as the backend of a notebook does when the first figure loads it
        assert mpl.is_interactive()
        with figure_style():
            mpl.interactive(False)
        assert not mpl.is_interactive()
        with contextlib.suppress(ValueError), figure_style():
            mpl.interactive(True)
            raise ValueError
        assert mpl.is_interactive()
    finally:
        mpl.interactive(was)


@pytest.mark.parametrize(
    ("units", "text"),
    [
        ("degrees_C", "°C"),
        ("Celsius", "°C"),
        ("K", "K"),
        ("m s-1", "m s⁻¹"),
        ("kg m-2 s-1", "kg m⁻² s⁻¹"),
        ("m^2", "m²"),
        ("1e-3", "1e-3"),
        ("1", "1"),
        ("%", "%"),
        ("", "units not given"),
    ],
)
def test_units_as_people_write_them(units: str, text: str) -> None:
    assert units_text(xr.DataArray(0.0, attrs={"units": units})) == text
