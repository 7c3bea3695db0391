"""Inspection of files: the format, the header, then each check; a bad file gives findings, never an exception."""

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from oceandata.errors import NotFoundError, UnsoundFileError
from oceandata.storage.soundness import checks
from oceandata.storage.soundness.coordinates import check_coordinate
from oceandata.storage.soundness.hdf5 import read_hdf5_header
from oceandata.storage.soundness.header import Fault, FileHeader, OversizedChunkError, VariableHeader, fault
from oceandata.storage.soundness.netcdf3 import read_netcdf3_header
from oceandata.storage.soundness.report import SEVERITIES, Finding, SoundnessReport, VariableSummary
from oceandata.storage.soundness.sniff import NETCDF3_FORMATS, NETCDF4_FORMAT, file_format
from oceandata.storage.soundness.text import decode_bytes
from oceandata.storage.soundness.times import check_time
from oceandata.storage.soundness.values import check_values
from oceandata.storage.soundness.zarr_store import is_zarr_store, read_zarr_header

__all__ = ["examine", "inspect_file", "inspect_paths"]

_SUFFIXES = (".nc", ".nc4", ".cdf", ".h5", ".zarr")
_THREADS = 4
_VARIABLE_CHECKS: tuple[Callable[[VariableHeader], Iterator[Fault]], ...] = (
    checks.check_types,
    checks.check_fill,
    checks.check_scale,
    checks.check_units,
    check_coordinate,
)
_CONTEXT_CHECKS: tuple[Callable[[VariableHeader, FileHeader], Iterator[Fault]], ...] = (
    checks.check_storage,
    check_time,
)
#: Names are mended last, because every other repair goes by the name in the file.
_FILE_CHECKS: tuple[Callable[[FileHeader], Iterator[Fault]], ...] = (
    checks.check_sizes,
    checks.check_texts,
    checks.check_units_missing,
    checks.check_names,
)
_ADVICE = {
    "empty": "The file is empty. Fetch it again.",
    "zeros": "The file begins with zeros, as one does whose fetching was broken off. Fetch it again.",
    "HTML": "The file is an HTML page, perhaps of a login or of an error. Fetch it again, signed in.",
    "text": "The file is text, not netCDF. Look at it with an editor; it may be an error message.",
    "CDL text": "The file is the text form of netCDF. Turn it into netCDF with ncgen.",
}
_COMPRESSED = ("gzip", "bzip2", "xz", "zstd", "zip", "tar")


def inspect_file(path: str | os.PathLike[str], *, deep: bool = False) -> SoundnessReport:
    """
    Report on whether a file is what it claims to be.

    The format is found from the first bytes. Without `deep` the header and the coordinates are read; with it also up
    to four chunks of each variable: the first, the last and two between them.

    Parameters
    ----------
    path : str or path-like
        A file, or the folder of a Zarr store.
    deep : bool
        Also sample values.

    Returns
    -------
    SoundnessReport
        What the file is and every finding, worst first. A bad file gives findings, not an exception.

    Raises
    ------
    NotFoundError
        If there is no such file.
    UnsoundFileError
        If it is a folder that is no Zarr store.

    Notes
    -----
    At most one million values of a coordinate are read, and no chunk that decodes to more than 256 MiB, so that
    memory stays below about 1 GB whatever the file declares.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile(suffix=".nc") as file:
    ...     report = inspect_file(file.name)
    >>> report.severity, report.file_format, report.findings[0].code
    ('error', 'empty', 'not-netcdf-empty')
    """
    return examine(path, deep=deep)[0]


def examine(path: str | os.PathLike[str], *, deep: bool = False) -> tuple[SoundnessReport, list[Fault]]:
    """
    Report on a file, and the faults that it was made from, with their repairs.

    Parameters
    ----------
    path : str or path-like
        A file, or the folder of a Zarr store.
    deep : bool
        Also sample values.

    Returns
    -------
    tuple of SoundnessReport and list of Fault
        The report, and the faults in the order in which they are to be mended.

    Raises
    ------
    NotFoundError
        If there is no such file.
    UnsoundFileError
        If it is a folder that is no Zarr store.
    """
    name = os.fspath(path)
    file = Path(name)
    if not os.path.lexists(name):
        msg = f"there is no file {name!r}. Check the spelling and where it was fetched to."
        raise NotFoundError(msg)
    if file.is_dir() and not is_zarr_store(file):
        msg = f"{name!r} is a folder and no Zarr store, need a file. Give it to inspect_paths to look through it."
        raise UnsoundFileError(msg)
    found, header = "unknown", FileHeader({}, {}, {}, 0)
    faults = _name_faults(name)
    try:
        found, header = _header(name)
        faults += list(_all_faults(header, deep=deep))
    except PermissionError:
        message = f"The file may not be read by this user ({name}). Ask its owner for the right to read it."
        faults.append(fault("error", "no-permission", "", message))
    except Exception as error:  # whatever a broken file makes a parser do, the others are still inspected
        message = f"The file cannot be read ({type(error).__name__}: {str(error)[:200]}). Fetch it again."
        faults.append(fault("error", "unreadable", "", message))
    faults = [_without_repair_in_group(one, header) for one in faults]
    findings = sorted((one.finding for one in faults), key=lambda one: -SEVERITIES.index(one.severity))
    variables = {key: _summary(variable) for key, variable in header.variables.items()}
    report = SoundnessReport(name, header.nbytes, found, header.dimensions, variables, tuple(findings), deep)
    return report, faults


def inspect_paths(
    paths: Iterable[str | os.PathLike[str]],
    *,
    deep: bool = False,
    on_done: Callable[[SoundnessReport], None] | None = None,
) -> list[SoundnessReport]:
    """
    Reports on many files.

    Folders are looked through for ``*.nc``, ``*.nc4``, ``*.cdf``, ``*.h5`` and ``*.zarr``; links to folders are not
    followed. A file that is named itself is inspected whatever its ending.

    Parameters
    ----------
    paths : iterable of str or path-like
        Files, folders and Zarr stores.
    deep : bool
        Also sample values, as in `inspect_file`.
    on_done : callable, optional
        Called with each report as soon as it is there, in the order of the files.

    Returns
    -------
    list of SoundnessReport
        In the order given; those of a folder by name.

    Raises
    ------
    NotFoundError
        If one of the paths does not exist; nothing has been read then.
    """
    files: list[str] = []
    for path in paths:
        files.extend(_files(os.fspath(path)))
    reports = []
    with ThreadPoolExecutor(max_workers=_THREADS) as pool:
        for report in pool.map(lambda file: inspect_file(file, deep=deep), files):
            reports.append(report)
            if on_done is not None:
                on_done(report)
    return reports


def _files(path: str) -> list[str]:
    """The file itself, or those of a folder."""
    if not os.path.lexists(path):
        msg = f"there is no file or folder {path!r}. Check the spelling."
        raise NotFoundError(msg)
    if not Path(path).is_dir() or is_zarr_store(Path(path)):
        return [path]
    found = []
    for folder, subfolders, names in os.walk(path):
        stores = [name for name in subfolders if is_zarr_store(Path(folder, name))]
        subfolders[:] = [name for name in subfolders if name not in stores]
        chosen = [name for name in names if name.lower().endswith(_SUFFIXES)]
        found += [os.path.join(folder, name) for name in chosen + stores]  # noqa: PTH118
    return sorted(found)


def _header(path: str) -> tuple[str, FileHeader]:
    """Format and header of a file; one that is not netCDF gives a header with that fault only."""
    if Path(path).is_dir():
        return "zarr", read_zarr_header(path)
    found = file_format(path)
    if found in NETCDF3_FORMATS.values():
        return found, read_netcdf3_header(path)
    if found == NETCDF4_FORMAT:
        return found, read_hdf5_header(path)
    header = FileHeader({}, {}, {}, Path(path).stat().st_size)
    advice = _ADVICE.get(found, f"The file is not netCDF (found: {found}). Look for the netCDF form of it.")
    if found in _COMPRESSED:
        advice = f"The file is a {found} archive. Unpack it first."
    header.faults.append(fault("error", f"not-netcdf-{found.lower().replace(' ', '-')}", "", advice))
    return found, header


def _name_faults(path: str) -> list[Fault]:
    """Fault of a file name whose bytes are not UTF-8."""
    name = os.fsencode(Path(path).name)
    try:
        name.decode("utf-8")
    except UnicodeDecodeError:
        text, encoding = decode_bytes(name)
        meant = f" It reads as {text!r} in {encoding}." if encoding else ""
        message = f"The file name {name!r} is not UTF-8, so that most software cannot open it.{meant} Rename it."
        return [fault("error", "name-not-utf8", "", message)]
    return []


def _all_faults(header: FileHeader, *, deep: bool) -> Iterator[Fault]:
    """Faults of a header; values are read only of files that are whole."""
    yield from header.faults
    if any(one.finding.severity == "error" for one in header.faults):
        return
    for variable in header.variables.values():
        try:
            for check in _VARIABLE_CHECKS + ((check_values,) if deep else ()):
                yield from check(variable)
            for check_within in _CONTEXT_CHECKS:
                yield from check_within(variable, header)
        except OversizedChunkError as error:
            message = f"In {variable.name!r} {error}. Do not read it before you know where it comes from."
            yield fault("error", "decompression-bomb", variable.name, message)
        except (OSError, RuntimeError) as error:
            message = f"Values of {variable.name!r} cannot be read ({error}). Fetch the file again."
            yield fault("error", "chunk-unreadable", variable.name, message)
    for file_check in _FILE_CHECKS:
        yield from file_check(header)


def _without_repair_in_group(one: Fault, header: FileHeader) -> Fault:
    """The fault; if it is mended in a group, which `open_sound` does not open, as a warning without repair."""
    variable = header.variables.get(one.finding.where.rpartition(":")[0] or one.finding.where)
    if one.mend is None or variable is None or not variable.group:
        return one
    finding = one.finding
    return Fault(Finding("warning", finding.code, finding.where, finding.message))


def _summary(variable: VariableHeader) -> VariableSummary:
    return VariableSummary(
        variable.dimensions,
        variable.shape,
        variable.type_name,
        variable.text("units"),
        variable.text("standard_name"),
    )
