"""
The main job, start to end, on real data: a file becomes a repository, an entry and a result that names its product.

The data are the OSTIA monthly sea-surface temperatures of the package ``iris-sample-data`` (Met Office, Open Government
Licence). Everything is written into one folder; nothing else is touched.
"""

import shutil
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from oceandata.errors import InputError, MissingExtraError

if TYPE_CHECKING:
    import xarray as xr

    from oceandata.catalog import Catalog
    from oceandata.storage import RevisionSummary
    from oceandata.trade import Usage

__all__ = ["require_sample_file", "run_demo"]

Say = Callable[..., None]

_MARK = ".oceandata-demo"
_NAME = "ostia_sst_monthly"

# The dataset is 1.7 MB: chunks of 0.4 MB instead of 4 MB, so that there is more than one to plan, count and verify.
_CHUNK_BYTES = 400_000

# What counts as an event here: so many months in a row beyond the threshold, in K.
_EVENT_MONTHS, _EVENT_K = 5, 0.5


def require_sample_file() -> Path:
    """
    Path of the real file that the demonstration works on.

    Returns
    -------
    pathlib.Path
        ``ostia_monthly.nc`` of the installed package.

    Raises
    ------
    MissingExtraError
        If the package is not installed.
    """
    try:
        import iris_sample_data
    except ImportError as error:
        msg = "the demonstration needs the package iris-sample-data: pip install 'oceandata-exchange[demo,plot]'."
        raise MissingExtraError(msg) from error
    return Path(iris_sample_data.path) / "ostia_monthly.nc"


def _fresh_folder(folder: Path) -> None:
    """Make the folder, or empty it if an earlier demonstration made it."""
    if folder.exists() and not (folder / _MARK).exists() and (not folder.is_dir() or any(folder.iterdir())):
        msg = f"{folder} exists and was not made by the demonstration. Name another folder with --to."
        raise InputError(msg)
    if folder.exists():
        shutil.rmtree(folder)
    (folder / "results").mkdir(parents=True)
    (folder / _MARK).touch()


def _ingest(folder: Path, say: Say) -> "RevisionSummary":
    from oceandata import progress, storage

    file = require_sample_file()
    report = storage.inspect_file(file)
    say(
        f"{file.name}: {report.file_format}, {len(report.variables)} variables, soundness: {report.severity or 'clean'}"
    )
    plan = storage.plan_ingest(
        [file], folder / _NAME, chunk_bytes=_CHUNK_BYTES, metadata={"product": "example:ostia-sst-monthly"}
    )
    array = next(one for one in plan.arrays if not one.is_coordinate and len(one.dims) == 3)
    grid = " x ".join(map(str, array.grid))
    say(f"{array.name} {array.dims}: shape {array.shape}, chunks {array.chunks}, grid {grid}; {plan.sources.notes[0]}")
    with progress.byte_bar("ingest") as moved:
        summary = storage.write_repository(plan, on_progress=moved)
    say(f"repository {summary.url}, revision {summary.revision}, snapshot {summary.snapshot}")
    say(f"read back before commit: {summary.chunks} chunks, {summary.stored_bytes} bytes, root {summary.content_root}")
    return summary


def _register(folder: Path, summary: "RevisionSummary", say: Say) -> None:
    from importlib.resources import as_file, files

    from oceandata import catalog, trade

    shipped = files("oceandata._catalogs")
    with as_file(shipped / "products" / "example_ostia_sst.yaml") as path:
        product = trade.draft_revision(trade.load_product(path), summary, change="first revision")
    with as_file(shipped / "overlays" / "ostia_sst_monthly.yaml") as path:
        overlay = catalog.load_overlay(path)
    entry = catalog.draft_entry(summary, overlay, name=_NAME, trade=product.link)
    entry = catalog.register_entry(folder / "catalog.yaml", entry)
    trade.write_product(product, folder / "product.yaml")
    variable = entry.variables["surface_temperature"]
    say(f"entry {entry.id!r} in {folder / 'catalog.yaml'}: {entry.title} / {entry.title_zh}")
    say(f"variable 'surface_temperature' ({variable.units}) is curated as {variable.canonical_name}; its name is kept")
    say(f"product {product.id}, revision {len(product.revisions)}: {product.link.status}")


def _find(folder: Path, say: Say) -> "Catalog":
    from oceandata import catalog

    opened = catalog.open_catalog(folder / "catalog.yaml")
    questions: tuple[dict[str, Any], ...] = (
        {"text": "sea surface temperature"},
        {"text": "海表温度 厄尔尼诺"},
        {"bbox": (-170, -5, -120, 5), "time": "2009/2010", "variable": "tos"},
        {"bbox": (-20, 70, 20, 80)},
    )
    for question in questions:
        words = ", ".join(f"{name}={value!r}" for name, value in question.items())
        say(f"search({words}): {', '.join(opened.search(**question)) or 'nothing'}")
    return opened


def _open(opened: "Catalog", folder: Path, say: Say) -> "xr.Dataset":
    import intake

    ours = opened.open(_NAME)
    plain = intake.open_catalog(str(folder / "catalog.yaml"))[_NAME].to_dask()
    for label, ds in (("oceandata.open_catalog", ours), ("intake.open_catalog", plain)):
        array = ds["surface_temperature"].data
        say(f"{label}: lazy {type(array).__name__} {array.shape}, blocks of {array.chunksize}")
    return ours


def _index(ds: "xr.Dataset", say: Say) -> "xr.Dataset":
    from oceandata import analysis

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        nino = analysis.index(ds["surface_temperature"], "nino34")
    for warning in caught:
        say(f"warning: {warning.message}")
    attributes = nino["nino34"].attrs
    covered = attributes["region_covered"]
    say(f"box asked {attributes['region_asked']}, covered {[round(edge, 2) for edge in covered]}")
    say(f"base period {attributes['base_period']}; {attributes['comment']}")
    return nino


def _report_usage(usage: "Usage", say: Say) -> None:
    for what, chunks, unique, gross in usage.rows():
        say(f"{what}: {chunks}; unique {unique}, gross {gross}")
    verdict = "equal, chunk by chunk" if usage.matches else "DIFFERENT"
    say(f"planned and served data chunks are {verdict}")


def _compute(opened: "Catalog", folder: Path, say: Say) -> dict[str, Path]:
    """Results with their lineage, written and drawn."""
    from oceandata import analysis, progress, trade

    with trade.metering() as usage:
        sst = _open(opened, folder, say)
        nino = _index(sst, say)
        usage.plan = trade.lineage(nino)
        say("lineage, before a byte of data is read:", lines=str(usage.plan))
        series = trade.write_result(nino, folder / "results" / "nino34.nc", progress=progress.task_bar)
    _report_usage(usage, say)
    smooth = series.result["nino34_3m"]
    low, high = smooth.isel(time=smooth.argmin("time")), smooth.isel(time=smooth.argmax("time"))
    for name, peak in (("La Niña", low), ("El Niño", high)):
        say(f"{name}: {float(peak):+.2f} K in {str(peak.time.values)[:7]} (three-month mean)")
    climatology = analysis.climatology(sst["surface_temperature"])
    field = analysis.anomaly(sst["surface_temperature"], climatology).sel(time="2009-12").squeeze("time")
    both = field.to_dataset(name="sst_anomaly").assign(sst_climatology=climatology)
    written = trade.write_result(both, folder / "results" / "anomaly_2009-12.nc", progress=progress.task_bar)
    say(f"climatology and anomaly of 2009-12: {float(written.result['sst_anomaly'].max()):+.2f} K at most")
    _report_usage(written.usage, say)
    return {"series": series.path, "anomaly": written.path} | _draw(series.result, written.result, folder)


def _events(series: "xr.DataArray") -> list[tuple[str, str, str]]:
    """Runs of at least five months of the three-month mean beyond half a degree, with their names."""
    months = [str(time)[:7] for time in series["time"].to_numpy()]
    events = []
    for sign, name in ((1, "El Niño"), (-1, "La Niña")):
        run: list[str] = []
        for month, value in zip([*months, ""], [*(sign * series).to_numpy(), 0.0], strict=True):
            if value >= _EVENT_K:
                run.append(month)
                continue
            if len(run) >= _EVENT_MONTHS:
                events.append((run[0], run[-1], name))
            run = []
    return sorted(events)


def _draw(nino: "xr.Dataset", field: "xr.Dataset", folder: Path) -> dict[str, Path]:
    from oceandata import plot

    paths = {"map picture": folder / "results" / "map.png", "series picture": folder / "results" / "series.png"}
    box = {"Niño 3.4": tuple(nino["nino34"].attrs["region_covered"])}
    ax = plot.plot_map(field["sst_anomaly"], title="Sea surface temperature anomaly, December 2009", boxes=box)
    plot.write_picture(ax, paths["map picture"])
    base = nino["nino34"].attrs["base_period"].replace("/", " to ")
    title = f"Niño 3.4 index, three-month mean\n(base {base}: not an ONI)"
    smooth = nino["nino34_3m"]
    ax = plot.plot_series(smooth, title=title, fill_anomaly=True, events=_events(smooth))
    plot.write_picture(ax, paths["series picture"])
    return paths


def run_demo(folder: Path, say: Say) -> dict[str, Path]:
    """
    Run the main job.

    Parameters
    ----------
    folder : pathlib.Path
        Where everything is written; emptied first if an earlier demonstration made it.
    say : callable
        Called with each sentence; ``heading=True`` marks a heading, ``lines=`` carries a block of text.

    Returns
    -------
    dict of str to pathlib.Path
        What was written.

    Raises
    ------
    InputError
        If the folder holds something else.
    MissingExtraError
        If the sample data or matplotlib are not installed.
    """
    require_sample_file()
    folder = folder.absolute()
    _fresh_folder(folder)
    say("1. Check, plan and ingest a real file", heading=True)
    summary = _ingest(folder, say)
    say("2. Describe and register", heading=True)
    _register(folder, summary, say)
    say("3. Find", heading=True)
    opened = _find(folder, say)
    say("4. Open, compute, and account for it", heading=True)
    written = _compute(opened, folder, say)
    say("5. Saved", heading=True)
    for label, path in written.items():
        say(f"{label}: {path}")
    return {"catalogue": folder / "catalog.yaml", "product": folder / "product.yaml"} | written
