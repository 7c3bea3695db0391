"""Commands on results: compute a routine, show the lineage of a file."""

import inspect as introspection
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from oceandata.cli.catalogs import complete_entry, path_option
from oceandata.cli.output import echo_facts, echo_json, echo_table, json_option

if TYPE_CHECKING:
    from oceandata.trade import Stamped

__all__ = ["complete_routine", "compute", "lineage"]


def _routines() -> list[str]:
    """Names of the functions of `oceandata.analysis` that make one array or dataset of one variable."""
    import xarray as xr

    from oceandata import analysis
    from oceandata.analysis.routines import result_types

    lazy = {xr.DataArray, xr.Dataset}
    return [name for name in analysis.__all__ if result_types(getattr(analysis, name)) <= lazy]


def complete_routine(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:  # noqa: ARG001
    """Names of the routines, for the shell."""
    return [name for name in _routines() if name.startswith(incomplete)]


def _routine(name: str) -> Any:
    from oceandata import analysis
    from oceandata.errors import NotFoundError, closest

    if name not in _routines():
        msg = f"there is no routine {name!r}. {closest(name, _routines())}"
        raise NotFoundError(msg)
    return getattr(analysis, name)


def _arguments(routine: Any, given: tuple[str, ...]) -> dict[str, Any]:
    """Arguments written as name=value, values in YAML."""
    import yaml

    from oceandata.errors import InputError, closest

    parameters = [p for p in introspection.signature(routine).parameters.values() if p.kind != p.VAR_KEYWORD][1:]
    known = [p.name for p in parameters]
    arguments: dict[str, Any] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals or name not in known:
            msg = f"{routine.__name__} has no argument {text!r}, need name=value. {closest(name, known)}"
            raise InputError(msg)
        try:
            arguments[name] = yaml.safe_load(value)
        except yaml.YAMLError as error:
            msg = f"the value of {text!r} is no YAML. Write a number, a word or a list such as [-170, -5, -120, 5]."
            raise InputError(msg) from error
    missing = [p.name for p in parameters if p.default is p.empty and p.name not in arguments]
    if missing:
        msg = f"{routine.__name__} needs {', '.join(missing)}. Give --arg {missing[0]}=VALUE."
        raise InputError(msg)
    return arguments


class _WithRoutines(click.Command):
    """Help that lists the routines with their first line; they are imported for it."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """The routines, after the options."""
        from oceandata import analysis

        rows = [(name, str(getattr(analysis, name).__doc__).strip().partition("\n")[0]) for name in _routines()]
        with formatter.section("Routines (arguments: --arg; see the docstrings of oceandata.analysis)"):
            formatter.write_dl(rows)


@click.command(cls=_WithRoutines)
@click.argument("routine", shell_complete=complete_routine)
@click.argument("entry", shell_complete=complete_entry)
@path_option
@click.option("--variable", default="", help="Variable; may be left out if the entry has one.")
@click.option("--region", nargs=4, type=float, metavar="W S E N", help="Open only the cells in a box.")
@click.option("--time", help="Open only a period, such as 2009/2010.")
@click.option(
    "--select", "chosen", multiple=True, metavar="DIM=LABEL", help="Keep this of the result: time=2015-12, month=12."
)
@click.option("--arg", "given", multiple=True, metavar="NAME=VALUE", help="Argument of the routine; repeat for more.")
@click.option("--to", "target", type=click.Path(path_type=Path, dir_okay=False), help="NetCDF file (.nc) to write.")
@click.option(
    "--plot",
    "picture",
    type=click.Path(path_type=Path, dir_okay=False),
    help="PNG of the result; the NetCDF goes beside it.",
)
@click.option("--dry-run", is_flag=True, help="Print the lineage, read no data.")
@json_option
def compute(
    routine: str,
    entry: str,
    *,
    path: Path,
    variable: str,
    region: tuple[float, ...] | None,
    time: str | None,
    chosen: tuple[str, ...],
    given: tuple[str, ...],
    target: Path | None,
    picture: Path | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    """
    Compute a routine of oceandata.analysis on an entry, and save the result with its lineage.

    \b
    Examples:
      oceandata compute index ostia_sst_monthly --catalog catalog.yaml --to nino34.nc
      oceandata compute area_mean ostia_sst_monthly --arg 'region=[-170, -5, -120, 4.7]' --to box.nc
      oceandata compute anomaly ostia_sst_monthly --select time=2009-12 --plot december.png
      oceandata compute climatology ostia_sst_monthly --dry-run
    """
    from oceandata import cf, progress, trade
    from oceandata.catalog import open_catalog

    function = _routine(routine)
    arguments = _arguments(function, given)
    if target is None and picture is None and not dry_run:
        msg = "nowhere to put the result: give --to FILE.nc, --plot FILE.png or --dry-run."
        raise click.UsageError(msg)
    selection: dict[str, Any] = {
        name: value for name, value in {"region": region, "time": time}.items() if value is not None
    }
    ds = open_catalog(path).open(entry, **selection)
    names = list(ds.data_vars)
    taken = cf.require_variable(ds, variable) if variable or len(names) != 1 else names[0]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = _selected(function(ds[taken], **arguments), chosen)
    for warning in caught:
        click.echo(f"warning: {warning.message}", err=True)
    plan = trade.lineage(result)
    if dry_run:
        echo_json(plan.to_json()) if as_json else click.echo(str(plan))
        return
    if picture is not None:
        _check_picture(result, picture)
        target = target or picture.with_suffix(".nc")
    assert target is not None
    stamped = trade.write_result(result, target, progress=progress.task_bar)
    if picture is not None:
        _draw(stamped, picture)
    _echo_result(stamped, picture, as_json=as_json)


def _selected(result: Any, chosen: tuple[str, ...]) -> Any:
    """Part of a result by labels; a partial date takes all its steps."""
    import yaml

    from oceandata.errors import InputError, NotFoundError, closest

    for text in chosen:
        name, equals, label = text.partition("=")
        if not equals or name not in result.dims:
            msg = (
                f"the result has no dimension {name!r}, need DIM=LABEL. {closest(name, [str(d) for d in result.dims])}"
            )
            raise InputError(msg)
        value = label if result[name].dtype.kind in "MO" else yaml.safe_load(label)
        try:
            result = result.sel({name: value})
        except (KeyError, ValueError, TypeError) as error:
            first, last = (str(end)[:10] for end in result[name].to_numpy()[[0, -1]])
            msg = f"the result has no {name} {label!r}; it runs from {first} to {last}."
            raise NotFoundError(msg) from error
    return result


def _pictured(result: Any) -> Any:
    """What a picture shows: the first variable, without dimensions of one step."""
    first = next(iter(result.data_vars.values())) if hasattr(result, "data_vars") else result
    return first.squeeze()


def _check_picture(result: Any, picture: Path) -> None:
    """Refuse before anything is computed what cannot be drawn."""
    from oceandata.errors import InputError

    dims = _pictured(result).dims
    if len(dims) not in (1, 2):
        msg = f"no picture of {dims}: need a series or a map. Keep one step with --select, or leave --plot out."
        raise InputError(msg)
    if picture.suffix != ".png" or not picture.parent.is_dir():
        msg = f"cannot draw {picture}: need a file name ending in .png in a folder that exists."
        raise InputError(msg)


def _draw(stamped: "Stamped", picture: Path) -> None:
    from oceandata import plot

    field = _pictured(stamped.result)
    if field.ndim == 1:
        difference = "difference" in str(field.attrs.get("units_metadata", ""))
        ax = plot.plot_series(field, fill_anomaly=difference)
    else:
        ax = plot.plot_map(field)
    plot.write_picture(ax, picture)


def _echo_result(stamped: "Stamped", picture: Path | None, *, as_json: bool) -> None:
    if as_json:
        document = {"path": str(stamped.path), "lineage": stamped.lineage.to_json(), "usage": stamped.usage.to_json()}
        echo_json(document)
    else:
        click.echo(str(stamped.lineage))
        echo_table(stamped.usage.rows(), ["input", "chunks", "unique", "gross"])
        echo_facts([("written", stamped.path), *([("picture", picture)] if picture else [])])


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--lang", type=click.Choice(("en", "zh")), help="Language; that of the session by default (OCEANDATA_LANGUAGE)."
)
@json_option
def lineage(file: Path, *, lang: str | None, as_json: bool) -> None:
    """
    Show what a result was made of: products, revisions, regions, chunks, licences and attribution.

    FILE is what 'compute', 'subset' or a job wrote, a repository too. The exit code is 3 if an input of the result is
    of unknown source.

    \b
    Examples:
      oceandata lineage nino34.nc
      oceandata lineage nino34.nc --lang zh
    """
    from oceandata import trade
    from oceandata.options import get_options
    from oceandata.trade.answers import said

    found, usage = trade.read_stamp(file)
    if as_json:
        echo_json(found.to_json() | {"usage": usage})
    else:
        language = lang or get_options().language
        click.echo(found.told(language))
        served = (
            f"{usage.get('unique_bytes', 0)} bytes unique, {usage.get('gross_bytes', 0)} gross"
            if usage
            else "not told here"
        )
        click.echo(f"\n{said('served', language)}: {said(served, language)}")
    sys.exit(3 if found.unattributed else 0)
