"""
The job document: what to compute, of what, with what, and where to; every fault at once, with file and line.

Two documents that mean the same work have the same digest, whatever the order of their keys, their comments, their
resources and the folder they lie in.
"""

import hashlib
import json
import math
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BeforeValidator,
    Field,
    FiniteFloat,
    PrivateAttr,
    StringConstraints,
    ValidationError,
    model_validator,
)

from oceandata.catalog.faults import Fault, fault_report, require_file
from oceandata.catalog.positions import Located, Location, read_yaml
from oceandata.documents import Document, Text, fault_message
from oceandata.errors import DocumentError, OceanDataError, closest

__all__ = ["SCHEMA", "Job", "JobInput", "Resources", "Step", "differences", "job_faults", "load_job"]

#: Form of the document.
SCHEMA = "oceandata.job/1"

# Characters that no path may hold.
_CONTROL = frozenset(map(chr, (*range(32), 127)))

# What may stand for the dataset of the input among the arguments of a step.
_INPUT = "input"

_UNITS = {"": 1, "B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}


def _text(value: Any) -> Any:
    """A year or a day, which YAML reads as a number or a date, as the text that was written."""
    return value if isinstance(value, str | list | tuple | dict | None) else str(value)


def _bytes(value: Any) -> Any:
    """A size such as ``8 GB`` as a number of bytes."""
    found = re.fullmatch(r"(\d{1,15}(?:\.\d{1,15})?)\s*([kMGT]?B)", value.strip()) if isinstance(value, str) else None
    return int(float(found[1]) * _UNITS[found[2]]) if found else value


Bytes = Annotated[int, BeforeValidator(_bytes), Field(gt=0)]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=80)]
Period = Annotated[str, BeforeValidator(_text)]


class JobInput(Document):
    """
    What is read.

    Attributes
    ----------
    catalog : str
        Path of the catalogue file; relative ones begin at the folder of the job.
    entry : str
        Name of the dataset in it.
    variable : str
        By any of its names; may be left out if the entry has one.
    layout, revision : str
        Which chunks and which state; by default those in which the selection costs least, and the entry's.
    region, time, depth : object
        As `oceandata.catalog.Catalog.open` takes them.
    blocks : dict of str to int, optional
        Size of a block along each dimension; whole storage chunks by default.
    """

    catalog: Text
    entry: Text
    variable: str = ""
    layout: str = ""
    revision: str = ""
    region: tuple[FiniteFloat, FiniteFloat, FiniteFloat, FiniteFloat] | None = None
    time: Period = ""
    depth: tuple[FiniteFloat, FiniteFloat] | None = None
    blocks: dict[str, Annotated[int, Field(gt=0)]] | None = None

    def selection(self) -> dict[str, Any]:
        """Keyword arguments for opening."""
        given = {
            "layout": self.layout,
            "revision": self.revision,
            "region": self.region,
            "time": self.time,
            "depth": self.depth,
            "chunks": self.blocks,
        }
        return {key: value for key, value in given.items() if value not in ("", None)}


class Step(Document):
    """
    One routine of a chain.

    Attributes
    ----------
    routine : str
        Name in `oceandata.analysis`.
    arguments : dict
        Its arguments after the first; ``{result: NAME}`` stands for what an earlier step made.
    of : str
        What its first argument is: the name of an earlier step, or ``input``; by default the step before.
    name : str
        What later steps call its result; by default the routine.
    """

    routine: Text
    arguments: dict[str, Any] = Field(default_factory=dict)
    of: str = ""
    name: str = ""

    @property
    def label(self) -> str:
        """What later steps call its result."""
        return self.name or self.routine

    def references(self) -> Iterator[tuple[str, str]]:
        """Arguments that are results of earlier steps, and their names."""
        for key, value in self.arguments.items():
            if isinstance(value, Mapping) and set(value) == {"result"}:
                yield key, str(value["result"])


class Resources(Document):
    """
    With what; none of it changes the result.

    Attributes
    ----------
    workers : int
        Partitions worked on at a time, on this machine; on a cluster all its threads are used.
    memory : int or str
        Memory of one worker in bytes, or such as ``8 GB``; by default an equal share of that of this machine.
    in_flight : int
        Partitions handed out at most and not yet done; three for each worker by default.
    partition_s : float
        Work of a partition to aim at, in s.
    attempts : int
        How often a partition is tried.
    walltime_s : float
        Seconds after which no more partitions are begun; 0 for no limit.
    hang_s : float
        Seconds after which a worker of a cluster that is still at the same partition is started anew, if that is also
        20 times as long as any partition took; 0 for never. Threads cannot be freed.
    """

    workers: int = Field(default=2, ge=1)
    memory: Bytes | None = None
    in_flight: int = Field(default=0, ge=0)
    partition_s: FiniteFloat = Field(default=60.0, gt=0)
    attempts: int = Field(default=3, ge=1)
    walltime_s: FiniteFloat = Field(default=0.0, ge=0)
    hang_s: FiniteFloat = Field(default=900.0, ge=0)


class Job(Document):
    """
    A piece of work.

    Attributes
    ----------
    form : str
        Version of this document's form, written ``schema``.
    name : str
        Of the job, and of the folder of its run.
    input : JobInput
        What is read.
    routine, arguments : str, dict
        What is computed; or `steps`.
    steps : tuple of Step
        A chain, the last of which gives the result.
    output : str
        A NetCDF file (``.nc``), or the place of a new repository.
    run : str
        Folder of the run; ``runs/<name>`` by default.
    resources : Resources
        With what.
    purpose, entitlement : str
        What the result is for, and the right under which the data are used; kept in the record of the run.
    """

    form: Literal["oceandata.job/1"] = Field(alias="schema")
    name: Name
    input: JobInput
    routine: str = ""
    arguments: dict[str, Any] = Field(default_factory=dict)
    steps: tuple[Step, ...] = ()
    output: Text
    run: str = ""
    resources: Resources = Field(default_factory=Resources)
    purpose: str = ""
    entitlement: str = ""
    _folder: Path = PrivateAttr(default_factory=Path.cwd)

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if bool(self.routine) == bool(self.steps):
            given = "both" if self.routine else "neither"
            msg = f"a job has a routine or steps, got {given}. Write one of them"
            raise ValueError(msg)
        if self.steps and self.arguments:
            msg = "arguments belong to routine, but the job has steps. Write them into the steps"
            raise ValueError(msg)
        return self

    @property
    def chain(self) -> tuple[Step, ...]:
        """The steps, of a job with one routine too."""
        return self.steps or (Step(routine=self.routine, arguments=self.arguments),)

    @property
    def folder(self) -> Path:
        """Where relative paths begin."""
        return self._folder

    @property
    def catalog_path(self) -> Path:
        """The catalogue file."""
        return self.folder / self.input.catalog

    @property
    def target(self) -> str:
        """The file or repository that is written."""
        return self.output if "://" in self.output else str(self.folder / self.output)

    @property
    def is_file(self) -> bool:
        """True if a NetCDF file is written, not a repository."""
        return self.output.endswith(".nc")

    @property
    def run_folder(self) -> Path:
        """Folder of the run."""
        return self.folder / (self.run or f"runs/{self.name}")

    def work(self) -> dict[str, Any]:
        """What the result depends on, with all defaults."""
        document = self.model_copy(update={"routine": "", "arguments": {}, "steps": self.chain}).to_json()
        steps = [{"of": "", **step, "name": own.label} for step, own in zip(document["steps"], self.chain, strict=True)]
        kept = {key: value for key, value in document.items() if key not in ("resources", "run", "name")}
        return _plain(kept | {"steps": steps})  # type: ignore[no-any-return]

    @property
    def digest(self) -> str:
        """Sixteen hexadecimal digits, equal for equal work."""
        return _digest(self.work())

    @property
    def stem(self) -> str:
        """Sixteen hexadecimal digits, equal for equal work on whichever revision of its input."""
        work = self.work()
        return _digest(work | {"input": work["input"] | {"revision": ""}})

    def with_resources(self, **changes: Any) -> Self:
        """The same job with other resources, which do not change the result."""
        job = self.model_copy(update={"resources": self.resources.model_copy(update=changes)})
        job._folder = self._folder
        return job

    def placed(self, folder: Path) -> Self:
        """The same job with relative paths that begin at a folder."""
        job = self.model_copy()
        job._folder = folder.absolute()
        return job


def _digest(work: Mapping[str, Any]) -> str:
    text = json.dumps(work, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _plain(value: Any) -> Any:
    """Whole numbers without a decimal point, tuples as lists: what means the same looks the same."""
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, float) and math.isfinite(value) and value.is_integer():
        return int(value)
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def differences(before: Mapping[str, Any], after: Mapping[str, Any], *, at: str = "") -> list[str]:
    """
    What differs between two documents.

    Parameters
    ----------
    before, after : mapping
        JSON types.
    at : str
        Place of both in a larger document.

    Returns
    -------
    list of str
        One sentence a value.

    Examples
    --------
    >>> differences({"a": {"b": 1}}, {"a": {"b": 2}, "c": 3})
    ['a.b was 1 and is 2', 'c was not given and is 3']
    """
    found: list[str] = []
    for key in sorted({*before, *after}):
        place, old, new = f"{at}{key}", before.get(key), after.get(key)
        if isinstance(old, list) and isinstance(new, list) and any(isinstance(one, Mapping) for one in (*old, *new)):
            old, new = ({str(number): one for number, one in enumerate(many)} for many in (old, new))
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            found += differences(old, new, at=f"{place}.")
        elif old != new:
            texts = ("not given" if one is None else json.dumps(one, ensure_ascii=False) for one in (old, new))
            found.append("{} was {} and is {}".format(place, *texts))
    return found


def load_job(path: str | os.PathLike[str]) -> Job:
    """
    Read a job document.

    Parameters
    ----------
    path : path
        YAML file.

    Returns
    -------
    Job
        Its relative paths begin at the folder of the file.

    Raises
    ------
    NotFoundError
        If there is no such file.
    DocumentError
        If anything is wrong with it, or with what it names: routine, arguments, catalogue, entry, place of the result.
        Every fault is listed with file and line.
    """
    path = Path(path)
    require_file(path, kind="job")
    located = read_yaml(path)
    faults = list(located.faults)
    job: Job | None = None
    if not faults and not isinstance(located.value, dict):
        faults.append(located.fault((), f"the file holds {located.value!r}, need the keys of a job."))
    if not faults:
        try:
            job = Job.model_validate(located.value).placed(path.absolute().parent)
        except ValidationError as error:
            faults = [located.fault(_place(fault["loc"]), f"{_said(fault)}.") for fault in error.errors()]
            faults += _faults_of_names(located)
    if job is not None:
        faults = [located.fault(place, message) for place, message in job_faults(job)]
    if faults or job is None:
        raise DocumentError(fault_report(str(path), sorted(faults)))
    return job


def _place(location: tuple[Any, ...]) -> Location:
    """Place in the file of a fault in the document."""
    return tuple("schema" if part == "form" else part for part in location)


def _said(fault: Mapping[str, Any]) -> str:
    place = ".".join(map(str, fault["loc"]))
    text = fault_message(Job, fault)
    return f"{place}: {text}" if place and fault["type"] != "extra_forbidden" else text


def _faults_of_names(located: Located) -> list[Fault]:
    """Routines that do not exist, of a document that has other faults: all of them are told at once."""
    value = located.value
    given = [(("routine",), value.get("routine"))]
    steps = value.get("steps")
    for number, step in enumerate(steps if isinstance(steps, list) else []):
        given.append((("steps", number, "routine"), step.get("routine") if isinstance(step, dict) else None))  # type: ignore[arg-type]
    messages = [(place, _unknown_routine(name)) for place, name in given if isinstance(name, str) and name]
    return [located.fault(place, message) for place, message in messages if message]


def _unknown_routine(name: str) -> str:
    """What is wrong with the name of a routine; empty if there is one."""
    from oceandata import analysis
    from oceandata.batch.routines import job_routines

    if name in job_routines():
        return ""
    if name in analysis.__all__:
        return f"routine {name!r} makes no lazy result. {closest(name, job_routines())}"
    return f"there is no routine {name!r}. {closest(name, job_routines())}"


def job_faults(job: Job) -> list[tuple[Location, str]]:
    """
    What is wrong with what a job names.

    Parameters
    ----------
    job : Job
        Valid in itself.

    Returns
    -------
    list
        Place in the document, and message; empty if nothing is wrong.
    """
    return [*_chain_faults(job), *_input_faults(job), *_output_faults(job)]


def _chain_faults(job: Job) -> Iterator[tuple[Location, str]]:
    from oceandata.batch.routines import argument_faults, makes_table

    known = [_INPUT]
    for number, step in enumerate(job.chain):
        place: Location = ("steps", number) if job.steps else ()
        unknown = _unknown_routine(step.routine)
        if unknown:
            yield (*place, "routine"), unknown
        else:
            yield from (((*place, *at), message) for at, message in argument_faults(step.routine, step.arguments))
        asked = [((*place, "of"), step.of)] if step.of else []
        asked += [((*place, "arguments", key), name) for key, name in step.references()]
        for at, name in asked:
            if name not in known:
                yield at, f"there is no earlier step {name!r}. {closest(name, known)}"
        if step.label in known:
            yield (*place, "name"), f"two steps are called {step.label!r}. Give one of them another name."
        known.append(step.label)
    last = job.chain[-1]
    if not _unknown_routine(last.routine) and makes_table(last.routine):
        place = ("steps", len(job.steps) - 1, "routine") if job.steps else ("routine",)
        msg = f"{last.routine!r} makes a table of events, need an array at the end. Add the step yearly_heatwaves."
        yield place, msg


def _input_faults(job: Job) -> Iterator[tuple[Location, str]]:
    from oceandata.catalog import open_catalog

    try:
        catalog = open_catalog(job.catalog_path)
    except OceanDataError as error:
        yield ("input", "catalog"), str(error)
        return
    try:
        catalog[job.input.entry]
    except OceanDataError as error:
        yield ("input", "entry"), str(error)


def _output_faults(job: Job) -> Iterator[tuple[Location, str]]:
    strange = [key for key in ("output", "run") if not _CONTROL.isdisjoint(getattr(job, key))]
    yield from (((key,), f"{key} holds a character that no path may hold. Remove it.") for key in strange)
    if strange:
        return
    there = next(path for path in (job.run_folder, *job.run_folder.parents) if path.exists())
    if not there.is_dir():
        yield ("run",), f"{there} is a file, need a folder for the run. Choose another place."
    if "://" in job.output:
        return
    path = Path(job.target)
    if path.suffix not in ("", ".nc"):
        yield ("output",), f"output ends in {path.suffix!r}, need .nc for a file, or no ending for a repository."
    elif not path.parent.is_dir():
        yield ("output",), f"the folder {path.parent} does not exist. Make it, or choose another place."
