"""The command that tells what is here and what is wrong."""

import importlib.metadata as metadata
import os
import platform
import sys

import click

from oceandata.cli.output import echo_facts, echo_json, json_option

__all__ = ["doctor"]

_LIBRARIES = ("xarray", "dask", "distributed", "zarr", "icechunk", "intake", "netCDF4", "numpy", "scipy", "pydantic")
_EXTRAS = {"matplotlib": "plot", "cmocean": "plot", "iris-sample-data": "demo"}


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


def _memory_bytes() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else 0


def _faults() -> list[str]:
    """What is wrong, each with the way out."""
    faults = []
    if _version("oceandata"):
        faults.append(
            "another distribution called 'oceandata' is installed and shadows this package: pip uninstall oceandata, "
            "then pip install --force-reinstall oceandata-exchange."
        )
    faults += [f"{name} is not installed: pip install {name}." for name in _LIBRARIES if not _version(name)]
    if sys.platform == "win32":
        faults.append("repositories cannot be written on Windows (no file locks); reading and catalogues work.")
    return faults


@click.command()
@json_option
def doctor(*, as_json: bool) -> None:
    """
    Show versions, memory, fonts and options, and anything that is wrong with this installation.

    The exit code is 1 if something is wrong.

    \b
    Example:
      oceandata doctor --json
    """
    import dataclasses

    import oceandata
    from oceandata._html import human_bytes
    from oceandata.options import get_options

    fonts = "unknown: matplotlib is not installed"
    if _version("matplotlib"):
        from oceandata.plot import has_cjk_font

        fonts = "yes" if has_cjk_font() else "none: titles are drawn in English (apt-get install fonts-noto-cjk)"
    facts: list[tuple[str, object]] = [
        ("oceandata", oceandata.__version__),
        ("python", platform.python_version()),
        ("system", f"{platform.system()} {platform.machine()}"),
        ("threads", os.cpu_count() or 1),
        ("memory", human_bytes(_memory_bytes())),
        *((name, _version(name) or "MISSING") for name in _LIBRARIES),
        *((name, _version(name) or f"not installed (extra '{extra}')") for name, extra in _EXTRAS.items()),
        ("Chinese font", fonts),
        *((f"option {name}", value) for name, value in dataclasses.asdict(get_options()).items()),
    ]
    faults = _faults()
    if as_json:
        echo_json({**dict(facts), "faults": faults})
    else:
        echo_facts(facts)
        for fault in faults:
            click.echo(f"fault: {fault}", err=True)
    sys.exit(1 if faults else 0)
