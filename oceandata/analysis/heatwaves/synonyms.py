"""Arguments as the reference code spells them, in our words."""

from typing import Any

from oceandata.errors import InputError, closest

__all__ = ["heatwave_arguments"]

#: Ours for each of theirs, and whether it is the climatology's.
_SYNONYMS = {
    "climatologyPeriod": ("period", True),
    "pctile": ("pctile", True),
    "windowHalfWidth": ("window_half_width", True),
    "smoothPercentileWidth": ("smooth_width", True),
    "minDuration": ("min_duration", False),
    "maxGap": ("max_gap", False),
    "coldSpells": ("cold", False),
}

_SWITCHES = ("smoothPercentile", "joinAcrossGaps", "maxPadLength")


def heatwave_arguments(**reference: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """
    Our arguments for those of marineHeatWaves, xmhw and heatwave3.

    Parameters
    ----------
    **reference : object
        Such as ``windowHalfWidth=5`` or ``coldSpells=True``. With cold spells their `pctile` counts from the cold end,
        ours from the warm one: 90 becomes 10.

    Returns
    -------
    tuple of dict
        Arguments of `heatwave_climatology`, and of `detect_heatwaves`.

    Raises
    ------
    InputError
        If there is no such argument.

    Examples
    --------
    >>> heatwave_arguments(climatologyPeriod=[1983, 2012], joinAcrossGaps=False, coldSpells=True)
    ({'period': (1983, 2012), 'pctile': 10}, {'cold': True, 'max_gap': 0})
    """
    found: tuple[dict[str, Any], dict[str, Any]] = ({}, {})
    for name, value in reference.items():
        if name in _SYNONYMS:
            own, of_climatology = _SYNONYMS[name]
            found[0 if of_climatology else 1][own] = value
        elif name not in _SWITCHES:
            msg = f"there is no argument {name!r}. {closest(name, [*_SYNONYMS, *_SWITCHES])}"
            raise InputError(msg)
    clim, detection = found
    if "period" in clim:
        clim["period"] = tuple(clim["period"]) if any(clim["period"]) else None
    if not reference.get("smoothPercentile", True):
        clim["smooth_width"] = 1
    if not reference.get("joinAcrossGaps", True):
        detection["max_gap"] = 0
    if reference.get("maxPadLength"):
        clim["max_pad"] = detection["max_pad"] = reference["maxPadLength"]
    if detection.get("cold"):
        clim["pctile"] = 100 - clim.get("pctile", 90)
    return clim, detection
