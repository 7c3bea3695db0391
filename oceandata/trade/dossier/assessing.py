"""Assess a revision: every check of its dossier, run on the data as they are stored."""

import os
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from oceandata.errors import InputError, NotFoundError, closest
from oceandata.trade.dossier.metadata_checks import conventions, coordinate_order, parse_lag, time_gaps, timeliness
from oceandata.trade.dossier.report import Check, Dossier
from oceandata.trade.dossier.value_checks import Sample, check_values
from oceandata.trade.quality import DIMENSIONS

if TYPE_CHECKING:
    import xarray as xr

    from oceandata.storage import RevisionSummary
    from oceandata.trade.registry.registry import Registry

__all__ = ["assess", "assess_product"]

_NO_REFERENCE = "there is no reference to compare the values with"


def assess(
    repository: str | os.PathLike[str],
    *,
    revision: str = "",
    layout: str = "",
    product: str = "",
    number: int | None = None,
    content_root: str = "",
    fraction: float = 1.0,
    seed: int = 0,
    lag: str = "",
    at: datetime | None = None,
    standard_names: Mapping[str, str] | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> Dossier:
    """
    Measure the quality of a revision on the six dimensions of GB/T 36344.

    What cannot be told stays unknown, with the reason: accuracy above all, where there is no reference. There is no
    overall grade.

    Parameters
    ----------
    repository : str or path
        The data.
    revision : str
        A tag; the newest by default.
    layout : str
        Name of a layout; the primary by default.
    product : str
        Identifier of the product, for the report.
    number : int or None
        Number of the product's revision, for the report.
    content_root : str
        What the registry pinned; compared with what is stored if given.
    fraction : float
        Share of the stored chunks along time whose values are read, above 0 up to 1.
    seed : int
        Of the draw of these chunks.
    lag : str
        ISO 8601 duration within which new steps were promised: ``P2D``.
    at : datetime or None
        When the age of the newest step is taken; now by default. It plays no part without a lag.
    standard_names : mapping of str to str or None
        CF standard names that a curator decided on, by variable, where the file's own differ or are missing.
    on_progress : callable or None
        Called with variables done and of all.

    Returns
    -------
    Dossier
        The same for the same data and settings, wherever and whenever it is run.

    Raises
    ------
    NotFoundError
        If there is no such repository, revision or layout.
    InputError
        If fraction, seed or lag make no sense.
    CorruptionError
        If the metadata cannot be read at all.

    Notes
    -----
    Each byte of the sample is decoded once in a streamed pass, and stored bytes are read once more to compare them
    with their recorded digests. Memory does not grow with time.
    """
    from oceandata.storage import describe_revision, open_dataset

    sample = Sample(fraction, seed)
    if lag:
        parse_lag(lag)
    summary = describe_revision(repository, revision=revision, layout=layout)
    tag, names = summary.revision, sorted(summary.variables)
    ds = open_dataset(
        repository, snapshot=summary.snapshot, group=summary.group, chunks="auto" if fraction == 1 else {}
    )
    decided = dict(standard_names or {})
    stray = sorted(set(decided) - set(names))
    if stray:
        msg = f"there is no variable {stray[0]!r} to give a standard name. {closest(stray[0], names)}"
        raise NotFoundError(msg)
    moment = (at or datetime.now(UTC)).astimezone(UTC) if lag else None
    checks = [*conventions(ds, names), *coordinate_order(ds), *time_gaps(ds)]
    for done, name in enumerate(names, start=1):
        checks += check_values(_named(ds[name], decided), sample)
        if on_progress is not None:
            on_progress(done, len(names))
    checks.append(Check("accuracy", "reference/1", None, "agreement with a reference", _NO_REFERENCE))
    checks.append(timeliness(ds, lag, moment or datetime(1970, 1, 1, tzinfo=UTC)))
    checks += _first_chunks(ds, names)
    checks += _stored(repository, summary, content_root, fraction)
    order = {dimension: at for at, dimension in enumerate(DIMENSIONS)}
    return Dossier(
        product=product,
        revision=number,
        repository=summary.url,
        layout=summary.group,
        tag=tag,
        snapshot=summary.snapshot,
        content_root=summary.content_root,
        settings={
            "fraction": fraction,
            "seed": None if fraction == 1 else seed,
            "lag": lag or None,
            "at": None if moment is None else moment.isoformat(),
            "standard_names": decided or None,
        },
        checks=tuple(sorted(checks, key=lambda one: order[one.dimension])),
    )


def _named(da: "xr.DataArray", decided: Mapping[str, str]) -> "xr.DataArray":
    """Variable with what a curator decided on."""
    name = str(da.name)
    return da.assign_attrs(canonical_name=decided[name]) if name in decided else da


def _first_chunks(ds: "xr.Dataset", names: list[str]) -> Iterator[Check]:
    """Whether the first chunk of each variable can be read and decoded."""
    failed = {}
    for name in names:
        da = ds[name]
        first = {dim: slice(0, lengths[0]) for dim, lengths in zip(da.dims, da.chunks or (), strict=False)}
        try:
            da.isel(first).load()
        except Exception as error:  # damaged bytes may fail in any codec
            failed[name] = type(error).__name__
    good = len(names) - len(failed)
    metric = f"opened; the first chunk of {good} of {len(names)} variables could be read"
    if failed:
        metric += f"; not: {', '.join(failed)}"
    found = {"variables": len(names), "failed": failed}
    yield Check(
        "accessibility", "first-chunk/1", good / len(names) if names else None, metric, _none(names), found=found
    )


def _none(names: list[str]) -> str:
    return "" if names else "there are no data variables"


def _stored(
    repository: str | os.PathLike[str], summary: "RevisionSummary", pinned: str, fraction: float
) -> Iterator[Check]:
    """Stored chunks against their recorded digests, and the content root against the one that was pinned."""
    from oceandata.storage import verify_revision

    sample = None if fraction == 1 else max(1, round(fraction * summary.chunks))
    if not summary.revision:
        reason = "the snapshot has no tag, so that it cannot be verified"
        yield Check("accessibility", "stored-chunks/1", None, "stored chunks", reason)
        return
    report = verify_revision(repository, revision=summary.revision, sample=sample)
    said = "all" if sample is None else f"{report.checked} of {report.chunks} chunks, evenly spread"
    damaged = [one for one in report.damages if one.variable]
    score = 1 - len(damaged) / report.checked if report.checked else None
    metric = f"{len(damaged)} of {report.checked} stored chunks differ from what was recorded, or are missing"
    found: dict[str, Any] = {"checked": report.checked, "damaged": sorted(one.key for one in damaged)}
    reason = "" if report.checked else "no chunk is stored"
    yield Check("accessibility", "stored-chunks/1", score, metric, reason, sample=said, found=found)
    recorded, recomputed = report.layouts.get(summary.group, (report.content_root, report.recomputed_root))
    same = recomputed == recorded and pinned in ("", recorded)
    metric = f"content root {'as recorded' if recomputed == recorded else 'differs from what was recorded'}"
    if pinned:
        metric += f", {'as pinned' if pinned == recorded else f'not the pinned {pinned}'}"
    found = {"recorded": recorded, "recomputed": recomputed, "pinned": pinned or None}
    yield Check("consistency", "content-root/1", float(same), metric, sample=said, found=found)


def assess_product(registry: "Registry", product: str, *, number: int | None = None, **settings: Any) -> Dossier:
    """
    Measure the quality of a pinned revision of a product.

    Parameters
    ----------
    registry : Registry
        Where the product is.
    product : str
        Its identifier.
    number : int or None
        Number of the revision; the newest that is final and not revoked by default.
    **settings : object
        As `assess` takes them: ``fraction``, ``seed``, ``lag``, ``at``, ``standard_names``, ``on_progress``.

    Returns
    -------
    Dossier
        Of the data that the revision pins.

    Raises
    ------
    NotFoundError
        If there is no such product, revision or repository.
    InputError
        If the revision is not final.
    """
    registry.product(product)
    pages = registry.revisions(product, limit=10_000)
    chosen = [one for one in pages if (one.is_final if number is None else one.number == number)]
    if not chosen:
        which = "final revision" if number is None else f"revision {number}"
        msg = f"product {product!r} has no {which}. Pin one with 'oceandata trade revise'."
        raise NotFoundError(msg)
    one = chosen[0]
    if one.finalized_at is None:
        msg = f"revision {one.number} of product {product!r} is not final. Pin it with 'oceandata trade revise'."
        raise InputError(msg)
    settings |= {"revision": one.tag, "layout": one.layout, "content_root": one.content_root}
    return assess(one.repository, product=product, number=one.number, **settings)
