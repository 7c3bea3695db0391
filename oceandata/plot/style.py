"""What maps and series share: matplotlib itself, its defaults, fonts, and the words beside a picture."""

import math
import os
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import TYPE_CHECKING, Any

from oceandata.cf.units import find_unit
from oceandata.errors import InputError, MissingExtraError, OceanDataWarning
from oceandata.options import get_options

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "check_drawable",
    "drawable_label",
    "drawable_text",
    "figure_style",
    "has_cjk_font",
    "quantity_text",
    "require_pyplot",
    "scale_label",
    "units_text",
    "words",
    "write_picture",
]

#: More cells than the pixels of any screen; beyond it drawing takes gigabytes and minutes.
_LARGEST_CELLS = 8_000_000

_CJK = re.compile("[\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef]")
_CJK_FAMILIES = (
    *("Noto Sans CJK SC", "Noto Sans SC", "Source Han Sans SC", "Source Han Sans CN", "WenQuanYi Micro Hei"),
    *("WenQuanYi Zen Hei", "Droid Sans Fallback", "PingFang SC", "Hiragino Sans GB", "Heiti SC", "Heiti TC", "STHeiti"),
    *("Songti SC", "Microsoft YaHei", "SimHei", "SimSun", "Noto Serif CJK SC", "Noto Sans CJK JP", "Arial Unicode MS"),
)


def require_pyplot() -> ModuleType:
    """
    The drawing library, imported when it is needed.

    Returns
    -------
    module
        ``matplotlib.pyplot``.

    Raises
    ------
    MissingExtraError
        If matplotlib is not installed; the message names the extra.
    """
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        msg = "drawing needs matplotlib, which is not installed. Run: pip install 'oceandata-exchange[plot]'"
        raise MissingExtraError(msg) from error
    return plt


@contextmanager
def figure_style() -> Iterator[None]:
    """
    Modest defaults for what is drawn inside the ``with`` block: text readable at 150 dpi, Chinese if a font has it.

    `plot_map` and `plot_series` draw in it.

    Yields
    ------
    None
        The earlier settings come back when the block ends.

    Raises
    ------
    MissingExtraError
        If matplotlib is not installed.
    """
    plt = require_pyplot()
    import matplotlib as mpl

    settings: dict[str, Any] = {
        "figure.dpi": 150,
        "font.family": [*plt.rcParams["font.family"], *filter(None, [_cjk_family()])],
        "font.size": 9,
        "axes.titlesize": 10,
        "axes.titleweight": "bold",
        "axes.linewidth": 0.6,
        "xtick.labelsize": 8,
        "ytick.labelsize": 8,
    }
    # the first figure may load the backend of a notebook, which shows figures only while "interactive" stays on
    interactive = plt.isinteractive()
    try:
        with plt.rc_context(settings):
            try:
                yield
            finally:
                interactive = plt.isinteractive()
    finally:
        mpl.interactive(interactive)


def has_cjk_font() -> bool:
    """
    Whether a font with Chinese characters is installed where matplotlib looks for fonts.

    Returns
    -------
    bool
        False means that titles fall back to English instead of empty boxes.

    Raises
    ------
    MissingExtraError
        If matplotlib is not installed.
    """
    return bool(_cjk_family())


def _cjk_family() -> str:
    """Name of an installed family that has Chinese characters, empty if there is none."""
    require_pyplot()
    from matplotlib.font_manager import fontManager, get_font

    paths = {font.name: font.fname for font in fontManager.ttflist if font.name in _CJK_FAMILIES}
    for family in _CJK_FAMILIES:
        if family in paths and get_font(paths[family]).get_char_index(ord("海")):
            return family
    return ""


def drawable_text(*candidates: object) -> str:
    """
    First text that is not empty and that the installed fonts can show.

    Parameters
    ----------
    *candidates : object
        Texts, best first; None and empty ones are passed over.

    Returns
    -------
    str
        The text; empty if none can be shown.
    """
    texts = [str(candidate) for candidate in candidates if candidate]
    return next((text for text in texts if not _CJK.search(text) or has_cjk_font()), "")


def drawable_label(text: str) -> str:
    """
    Label as it can be drawn; one that no font can show is left out with a warning.

    Parameters
    ----------
    text : str
        Label of a box or an event.

    Returns
    -------
    str
        The label, or an empty text.
    """
    drawable = drawable_text(text)
    if text and not drawable:
        msg = f"label {text!r} is not drawn: no font with Chinese characters. Install one, for example Noto Sans CJK."
        warnings.warn(msg, OceanDataWarning, stacklevel=5)
    return drawable


def words(english: str, chinese: str) -> str:
    """
    Label in the language of the session.

    Parameters
    ----------
    english, chinese : str
        The label in both.

    Returns
    -------
    str
        Chinese with ``set_options(language="zh")`` if a font has the characters, else English.

    Examples
    --------
    >>> words("month", "月")
    'month'
    """
    return drawable_text(chinese if get_options().language == "zh" else "", english)


def quantity_text(array: "xr.DataArray") -> str:
    """
    What an array is, in words: ``long_name``, ``standard_name`` or its name, whichever can be drawn.

    ``long_name_zh`` comes first with ``set_options(language="zh")``.

    Parameters
    ----------
    array : xarray.DataArray
        Any array.

    Returns
    -------
    str
        The words; empty if the array has none.
    """
    standard_name = str(array.attrs.get("standard_name", "")).replace("_", " ")
    chinese = array.attrs.get("long_name_zh") if get_options().language == "zh" else ""
    return drawable_text(chinese, array.attrs.get("long_name"), standard_name, array.name)


def units_text(array: "xr.DataArray") -> str:
    """
    Units as people write them.

    Parameters
    ----------
    array : xarray.DataArray
        Any array.

    Returns
    -------
    str
        Units with raised exponents, or ``units not given``.

    Examples
    --------
    >>> import xarray as xr
    >>> units_text(xr.DataArray(0, attrs={"units": "W m-2"}))
    'W m⁻²'
    """
    units = str(array.attrs.get("units", "")).strip()
    if not units:
        return "units not given"
    unit = find_unit(units)
    if unit is not None and unit.symbol == "degC":
        return "°C"
    superscripts = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
    return re.sub(r"(?<=[a-zA-Z])(?<!\de)\^?(-?\d+)", lambda power: power[1].translate(superscripts), units)


def scale_label(array: "xr.DataArray", title: str) -> str:
    """
    Words beside a scale: quantity and units, the quantity only where the title does not say it.

    Parameters
    ----------
    array : xarray.DataArray
        What is drawn.
    title : str
        Title of the picture.

    Returns
    -------
    str
        The words.
    """
    quantity = quantity_text(array)
    return units_text(array) if quantity in ("", title) else f"{quantity} ({units_text(array)})"


def write_picture(ax: "Axes | Figure", path: "str | os.PathLike[str]") -> None:
    """
    Write the figure of some axes as a picture, and close it.

    Parameters
    ----------
    ax : matplotlib.axes.Axes or matplotlib.figure.Figure
        What was drawn.
    path : path
        File to write; its ending names the format.

    Raises
    ------
    InputError
        If the axes are on no figure any more.
    """
    figure = ax.get_figure(root=True)
    if figure is None:
        msg = "the axes were removed from their figure. Draw again."
        raise InputError(msg)
    figure.savefig(path, dpi=150)
    require_pyplot().close(figure)


def check_drawable(array: "xr.DataArray", ndim: int) -> None:
    """
    Refuse what cannot be drawn, before anything is read.

    Parameters
    ----------
    array : xarray.DataArray
        What is to be drawn.
    ndim : int
        Number of dimensions the picture has.

    Raises
    ------
    InputError
        If it is not an array of numbers with so many dimensions, or is too large for a picture.
    """
    import xarray as xr

    if not isinstance(array, xr.DataArray):
        msg = f"cannot draw a {type(array).__name__}: need a DataArray. Select a variable, for example ds['sst']."
        raise InputError(msg)
    if array.ndim != ndim:
        msg = (
            f"{array.name or 'the array'} has {array.ndim} dimensions {array.dims}, need {ndim}. "
            f"Select or average over the others, for example .isel({array.dims[0] if array.dims else 'time'}=0)."
        )
        raise InputError(msg)
    if array.dtype.kind not in "biuf":
        msg = f"{array.name or 'the array'} has type {array.dtype}, need numbers."
        raise InputError(msg)
    if array.size > _LARGEST_CELLS:
        step = math.ceil((array.size / _LARGEST_CELLS) ** (1 / ndim))
        sizes = ", ".join(f"{dimension}={step}" for dimension in array.dims)
        msg = (
            f"{array.name or 'the array'} has {array.size:,} values, a picture shows {_LARGEST_CELLS:,} at most. "
            f"Make it coarser first: .coarsen({sizes}, boundary='trim').mean()"
        )
        raise InputError(msg)
