"""Maps of what is counted in kinds and not in amounts: categories of heatwaves, basins, quality flags."""

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from oceandata.errors import InputError
from oceandata.options import get_options
from oceandata.plot.heatwaves import _CATEGORIES
from oceandata.plot.maps import _cells, _draw_colorbar, _draw_ground, _figure_size
from oceandata.plot.style import check_drawable, drawable_text, figure_style, quantity_text, require_pyplot

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes

__all__ = ["plot_categories"]

Array = npt.NDArray[Any]

_HEATWAVES = "none moderate strong severe extreme"
_NO_EVENT = "#f3f1ec"
_MOST_KINDS = 18


@figure_style()
def plot_categories(field: "xr.DataArray", *, ax: "Axes | None" = None, title: str = "") -> "Axes":
    """
    Map of flags: a colour for each, its meaning beside it.

    Categories of marine heatwaves and cold spells have the colours of `plot_heatwave`, and all of them are in the
    legend, so that maps of several days compare; of other flags only those that occur. A value that is no flag, as on
    land, is grey.

    Parameters
    ----------
    field : xarray.DataArray, shape (lat, lon) or (lon, lat)
        Flags with the CF attributes ``flag_values`` and ``flag_meanings``, such as one day of
        `oceandata.analysis.heatwave_categories` or `oceandata.analysis.basin_mask`; all of it is read.
    ax : matplotlib.axes.Axes or None
        Where to draw; None makes a figure.
    title : str
        Text above; empty takes ``long_name``, ``standard_name`` or the name.

    Returns
    -------
    matplotlib.axes.Axes
        The axes, as `oceandata.plot.plot_map` gives them.

    Raises
    ------
    InputError
        If `field` has no flags with meanings, is no map, is too large for a picture, or more than 18 flags occur.
    MissingExtraError
        If matplotlib is not installed.

    Notes
    -----
    Meanings are Chinese with ``set_options(language="zh")`` for heatwaves, and where ``flag_names_zh`` gives them.

    References
    ----------
    CF conventions 1.11, section 3.5, flags.
    """
    plt = require_pyplot()
    from matplotlib.colors import ListedColormap

    check_drawable(field, 2)
    flags, names = _flags_of(field)
    x_edges, y_edges, values = _cells(field)
    is_heatwave = field.attrs.get("flag_meanings") == _HEATWAVES
    drawn = flags if is_heatwave else flags[np.isin(flags, values.compressed())]
    _check_kinds(field, flags, drawn)
    places = np.searchsorted(drawn, values.filled(drawn[0])).clip(max=drawn.size - 1)
    kinds = np.ma.masked_where(np.ma.getmaskarray(values) | (drawn[places] != values.data), places)
    if ax is None:
        _, ax = plt.subplots(figsize=_figure_size(x_edges, y_edges, with_bar=True), layout="constrained")
    colours = _heatwave_colours(field) if is_heatwave else list(_colours(drawn.size))
    limits: dict[str, Any] = {"cmap": ListedColormap(colours), "vmin": -0.5, "vmax": drawn.size - 0.5}
    mesh = ax.pcolormesh(x_edges, y_edges, kinds, rasterized=True, **limits)
    _draw_ground(ax, x_edges, y_edges)
    _draw_colorbar(ax, mesh, "")
    bar: Any = mesh.colorbar
    bar.set_ticks(np.arange(drawn.size), labels=[names[flag] for flag in drawn.tolist()])
    bar.ax.tick_params(length=0)
    ax.set_title(drawable_text(title) or quantity_text(field))
    return ax


def _flags_of(field: "xr.DataArray") -> tuple[Array, dict[Any, str]]:
    """Values of the flags in order, and what each means."""
    values = np.atleast_1d(np.asarray(field.attrs.get("flag_values", [])))
    meanings = str(field.attrs.get("flag_meanings", "")).split()
    if not meanings or len(meanings) != values.size:
        msg = (
            f"{field.name or 'field'} has {values.size} flag_values and {len(meanings)} flag_meanings, need as many of "
            "one as of the other. Amounts are drawn with plot_map."
        )
        raise InputError(msg)
    chinese = str(field.attrs.get("flag_names_zh", "")).split()
    if field.attrs["flag_meanings"] == _HEATWAVES:
        chinese = ["无", *(one[1] for one in _CATEGORIES)]
    use_chinese = get_options().language == "zh" and len(chinese) == len(meanings)
    english = [meaning.replace("_", " ") for meaning in meanings]
    texts = [drawable_text(chinese[n] if use_chinese else "", one) for n, one in enumerate(english)]
    return np.sort(values), dict(zip(values.tolist(), texts, strict=True))


def _check_kinds(field: "xr.DataArray", flags: Array, drawn: Array) -> None:
    """Refuse a map without flags, or with more than can be told apart."""
    if not drawn.size:
        msg = (
            f"{field.name or 'field'} has none of its {flags.size} flags in {field.shape} cells. Choose another region."
        )
        raise InputError(msg)
    if drawn.size > _MOST_KINDS:
        msg = f"{drawn.size} flags occur, {_MOST_KINDS} can be told apart. Select a region, or fewer of them."
        raise InputError(msg)


def _heatwave_colours(field: "xr.DataArray") -> list[str]:
    """Colours of no event and of the four categories."""
    is_cold = "cold" in str(field.attrs.get("long_name", ""))
    return [_NO_EVENT, *(one[3 if is_cold else 2] for one in _CATEGORIES)]


def _colours(count: int) -> Array:
    """Colours that are told apart, without the greys that missing cells might be taken for."""
    import matplotlib as mpl

    table = mpl.colormaps["tab20"](np.arange(20))[:, :3]
    soft = 1 - 0.8 * (1 - table[np.ptp(table, axis=1) > 0.1])
    return np.concatenate([soft[::2], soft[1::2]])[:count]
