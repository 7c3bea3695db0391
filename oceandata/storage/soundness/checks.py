"""Checks of what the header declares: names, texts, types, fill values, scales, units and sizes."""

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from oceandata.storage.soundness.header import Attribute, Fault, FileHeader, Mend, VariableHeader, fault
from oceandata.storage.soundness.quantities import FAMILIES, PLAUSIBLE, families_of
from oceandata.storage.soundness.text import decode_bytes, undo_double_encoding
from oceandata.storage.soundness.times import lookalike_units

if TYPE_CHECKING:
    import xarray

__all__ = [
    "check_fill",
    "check_names",
    "check_scale",
    "check_sizes",
    "check_storage",
    "check_texts",
    "check_types",
    "check_units",
    "check_units_missing",
]

_ATTRIBUTE_LIMIT_BYTES = 10**6
_VARIABLES_LIMIT = 10_000
_CHUNK_LIMIT_BYTES = 2 * 2**30
_BOMB_BYTES, _BOMB_RATIO = 2**30, 1000
_NAMED = 6  # variables named in one message


def check_sizes(header: FileHeader) -> Iterator[Fault]:
    """
    Metadata too large for an ocean file.

    Parameters
    ----------
    header : FileHeader
        The file.

    Yields
    ------
    Fault
        For the number of variables and for each attribute too large.
    """
    if len(header.variables) > _VARIABLES_LIMIT:
        message = f"The file has {len(header.variables):,} variables, need at most {_VARIABLES_LIMIT:,}. Split it."
        yield fault("error", "metadata-oversized", "", message)
    for owner, name, attribute in header.all_attributes():
        if attribute.nbytes > _ATTRIBUTE_LIMIT_BYTES:
            message = (
                f"Attribute {owner}:{name} is {attribute.nbytes:,} bytes, need at most {_ATTRIBUTE_LIMIT_BYTES:,}."
            )
            yield fault("warning", "metadata-oversized", f"{owner}:{name}", f"{message} Store it as a variable.")


def check_texts(header: FileHeader) -> Iterator[Fault]:
    """
    Attributes whose text is not UTF-8, was encoded twice, or has lost characters.

    Parameters
    ----------
    header : FileHeader
        The file.

    Yields
    ------
    Fault
        One for each such attribute.
    """
    for owner, name, attribute in header.all_attributes():
        if not attribute.text or attribute.text.isascii():
            continue
        found = _text_fault(owner, name, attribute)
        if found is not None:
            yield found


def _text_fault(owner: str, name: str, attribute: Attribute) -> Fault | None:
    where = f"{owner}:{name}"
    text, encoding = decode_bytes(attribute.raw) if attribute.raw is not None else (attribute.text, "utf-8")
    if not encoding or (encoding == "utf-8" and "\ufffd" in text):
        message = f"Characters of attribute {where} are lost (U+FFFD). Take the text from its source again."
        return fault("warning", "attribute-mojibake", where, message)
    if encoding != "utf-8":
        raw = attribute.raw or b""
        message = f"Attribute {where} is not UTF-8 but {encoding}: {text[:60]!r}. Write it as UTF-8."
        repair = f"decoded as {encoding}; the bytes are kept in {name}_raw_hex"
        mend = _with_text(owner, name, text, raw)
        return fault("warning", "attribute-mojibake", where, message, repair=repair, mend=mend)
    single = undo_double_encoding(text)
    if not single:
        return None
    message = f"Attribute {where} was encoded twice: {text[:60]!r} means {single[:60]!r}. Write it as UTF-8 once."
    mend = _with_text(owner, name, single, None)
    return fault("warning", "attribute-mojibake", where, message, repair="decoded once more", mend=mend)


def _with_text(owner: str, name: str, text: str, raw: bytes | None) -> Mend:
    """Mend that replaces the text of an attribute."""

    def mend(dataset: "xarray.Dataset") -> "xarray.Dataset":
        attributes = dataset.variables[owner].attrs if owner else dataset.attrs
        attributes[name] = text
        if raw is not None:
            attributes[f"{name}_raw_hex"] = raw.hex()
        return dataset

    return mend


def check_names(header: FileHeader) -> Iterator[Fault]:
    """
    Names of variables that cannot be used as they are.

    Parameters
    ----------
    header : FileHeader
        The file.

    Yields
    ------
    Fault
        For a ``/`` in a name, which is lost when written again, and for an array that has the name of one of its
        own dimensions without being its axis.
    """
    for variable in header.variables.values():
        own = variable.name.removeprefix(f"{variable.group}/") if variable.group else variable.name
        if "/" in own:
            new = _free_name(own.replace("/", "_"), header)
            message = f"Variable {own!r} has a '/' in its name, which is lost when it is written again. Rename it."
            yield fault("warning", "name-slash", own, message, repair=f"renamed to {new!r}", mend=_renamed(own, new))
        if own in variable.dimensions and len(variable.dimensions) > 1 and variable.type_name != "char":
            new = _free_name(f"{own}_coordinate", header)
            message = f"Variable {own!r} is an array over {variable.dimensions} and has the name of one of them."
            message = f"{message} Rename it, or xarray cannot select by it."
            repair = f"renamed to {new!r}"
            yield fault("warning", "name-clash", variable.name, message, repair=repair, mend=_renamed(own, new))


def _free_name(name: str, header: FileHeader) -> str:
    """The name, with underscores until nothing else has it."""
    while name in header.variables or name in header.dimensions:
        name += "_"
    return name


def _renamed(old: str, new: str) -> Mend:
    """Mend that renames a variable but not the dimension of the same name."""

    def mend(dataset: "xarray.Dataset") -> "xarray.Dataset":
        variable = dataset.variables[old]
        mended = dataset.drop_vars(old).assign({new: variable})
        for other in mended.variables.values():
            for attribute in ("coordinates", "bounds", "ancillary_variables"):
                words = str(other.attrs.get(attribute, "")).split()
                if old in words:
                    other.attrs[attribute] = " ".join(new if word == old else word for word in words)
        return mended

    return mend


def check_types(variable: VariableHeader) -> Iterator[Fault]:
    """
    Types that need care.

    Parameters
    ----------
    variable : VariableHeader
        Any variable.

    Yields
    ------
    Fault
        A note on strings of varying length, on types of the user's own and on ``_Unsigned``.
    """
    if variable.type_name == "string":
        message = f"Variable {variable.name!r} holds strings of varying length, which are read in whole."
        yield fault("note", "type-string", variable.name, message)
    elif variable.dtype is None:
        message = f"Variable {variable.name!r} is of the type {variable.type_name}, which most software cannot read."
        yield fault("note", "type-user-defined", variable.name, message)
    if "_Unsigned" in variable.attributes and variable.is_numeric and variable.dtype is not None:
        message = f"Attribute _Unsigned = {variable.text('_Unsigned')!r} changes how {variable.type_name} is read."
        if variable.dtype.kind == "f":
            message = f"Attribute _Unsigned of {variable.name!r} has no meaning for {variable.type_name}. Remove it."
        yield fault("note", "type-unsigned", f"{variable.name}:_Unsigned", message)


def check_storage(variable: VariableHeader, header: FileHeader) -> Iterator[Fault]:
    """
    Chunks that decode to far more than the file holds.

    Parameters
    ----------
    variable : VariableHeader
        Any variable.
    header : FileHeader
        The file it is in.

    Yields
    ------
    Fault
        An error if a single chunk does not fit into memory, a warning if the whole variable is suspiciously large.
    """
    itemsize = variable.dtype.itemsize if variable.dtype is not None else 0
    decoded = math.prod(variable.shape) * itemsize
    if variable.compressed and variable.chunk_bytes > _CHUNK_LIMIT_BYTES:
        message = f"One chunk of {variable.name!r} decodes to {variable.chunk_bytes:,} bytes, need at most"
        message = f"{message} {_CHUNK_LIMIT_BYTES:,}. Do not read it before you know where the file comes from."
        yield fault("error", "decompression-bomb", variable.name, message)
    elif header.nbytes and variable.chunks and decoded > max(_BOMB_BYTES, _BOMB_RATIO * header.nbytes):
        message = f"Variable {variable.name!r} declares {decoded:,} bytes in a file of {header.nbytes:,}."
        message = f"{message} Read it in parts, after a look at whether it holds anything."
        yield fault("warning", "decompression-bomb", variable.name, message)


def check_fill(variable: VariableHeader) -> Iterator[Fault]:
    """
    Fill values of another type than the values, which therefore never match.

    Parameters
    ----------
    variable : VariableHeader
        Any variable.

    Yields
    ------
    Fault
        For ``_FillValue`` of any other type, for ``missing_value`` only if the comparison fails by it.
    """
    if not variable.is_numeric or variable.dtype is None:
        return
    for name in ("_FillValue", "missing_value"):
        attribute = variable.attributes.get(name)
        if attribute is None or not _has_other_type(attribute, name, variable.dtype):
            continue
        where = f"{variable.name}:{name}"
        kind = "text" if attribute.text else str(getattr(attribute.value, "dtype", "list"))
        message = f"Attribute {where} is {kind} but the values are {variable.type_name}, so that it may match none."
        message = f"{message} Write it in the type of the values."
        value = _as_type(attribute.value, variable.dtype)
        if value is None:
            new = f"original_{name.lstrip('_')}"
            repair, mend = f"moved to {new}, nothing is masked by it", _moved(variable.name, name, new)
        else:
            repair, mend = f"written as {variable.type_name} {value!s}", _with_value(variable.name, name, value)
        yield fault("warning", "fill-type", where, message, repair=repair, mend=mend)


def _has_other_type(attribute: Attribute, name: str, dtype: np.dtype[Any]) -> bool:
    """Whether a fill value is of a type that makes it fail."""
    if not isinstance(attribute.value, np.ndarray):
        return True
    if attribute.value.dtype == dtype or attribute.value.dtype.kind not in "iuf":
        return bool(attribute.value.dtype != dtype)
    if name == "_FillValue":
        return True
    with np.errstate(over="ignore", invalid="ignore"):
        stored = attribute.value.astype(dtype).astype(np.float64)
    wanted = attribute.value.astype(np.float64)
    return not bool(np.all((stored == wanted) | (np.isnan(stored) & np.isnan(wanted))))


def _as_type(value: Any, dtype: np.dtype[Any]) -> Any:
    """A fill value in the type of the variable, or None if that would be another value."""
    try:
        number = float(value) if isinstance(value, str) else float(np.asarray(value).reshape(-1)[0])
    except (TypeError, ValueError, IndexError):
        return None
    with np.errstate(over="ignore", invalid="ignore"):
        stored = np.array([number]).astype(dtype)[0]
    same = np.isclose(float(stored), number, rtol=1e-6, atol=0.0, equal_nan=True)
    return stored if same else None


def _with_value(owner: str, name: str, value: Any) -> Mend:
    """Mend that replaces the value of an attribute."""

    def mend(dataset: "xarray.Dataset") -> "xarray.Dataset":
        dataset.variables[owner].attrs[name] = value
        return dataset

    return mend


def _moved(owner: str, name: str, new: str) -> Mend:
    """Mend that puts an attribute out of the way of decoding."""

    def mend(dataset: "xarray.Dataset") -> "xarray.Dataset":
        attributes = dataset.variables[owner].attrs
        attributes[new] = attributes.pop(name)
        return dataset

    return mend


def check_scale(variable: VariableHeader) -> Iterator[Fault]:
    """
    Scale and offset that are not single numbers.

    Parameters
    ----------
    variable : VariableHeader
        Any variable.

    Yields
    ------
    Fault
        With a repair if the text is a number, without one otherwise.
    """
    for name in ("scale_factor", "add_offset"):
        attribute = variable.attributes.get(name)
        if attribute is None or not variable.is_numeric:
            continue
        where = f"{variable.name}:{name}"
        if not isinstance(attribute.value, np.ndarray):
            try:
                number = float(attribute.value)
            except (TypeError, ValueError):
                number = math.nan
            message = f"Attribute {where} is the text {attribute.value!r}, need a number. Correct it."
            if math.isfinite(number):
                mend = _with_value(variable.name, name, number)
                yield fault("error", "scale-text", where, message, repair=f"read as the number {number}", mend=mend)
            else:
                yield fault("error", "scale-text", where, message)
        elif attribute.value.size != 1 or not np.isfinite(attribute.value).all():
            message = f"Attribute {where} is {attribute.value.tolist()}, need one finite number. Correct it."
            yield fault("error", "scale-unusable", where, message)


def check_units(variable: VariableHeader) -> Iterator[Fault]:
    """
    Units of another quantity than the standard name.

    Parameters
    ----------
    variable : VariableHeader
        Any variable; one whose standard name or units are not in the table is passed over.

    Yields
    ------
    Fault
        At most one.
    """
    allowed = PLAUSIBLE.get(variable.text("standard_name"))
    found = families_of(variable.text("units"))
    if allowed is None or not found or allowed.family in found:
        return
    message = f"Units {variable.text('units')!r} of {variable.name!r} are of {' or '.join(found)}, but"
    message = f"{message} {variable.text('standard_name')} is of {allowed.family}. Correct one of them."
    yield fault("warning", "units-implausible", f"{variable.name}:units", message)


def check_units_missing(header: FileHeader) -> Iterator[Fault]:
    """
    Quantities without units that certainly have one.

    A quantity has one if it carries an attribute such as ``Unit``, or the standard name of a quantity that is no pure
    number. Other variables without units are passed over: indices, masks and pure numbers need none. Times are left to
    `check_time`.

    Parameters
    ----------
    header : FileHeader
        The file.

    Yields
    ------
    Fault
        At most one note for a file, so that many variables do not hide its other findings.
    """
    found = {}
    for variable in header.variables.values():
        name, text = lookalike_units(variable)
        allowed = PLAUSIBLE.get(variable.text("standard_name"))
        needed = allowed is not None and "1" not in FAMILIES[allowed.family]
        if variable.is_numeric and not variable.text("units") and (needed or name) and " since " not in text.lower():
            found[variable.name] = f"{variable.name!r} ({name} = {text!r})" if name else repr(variable.name)
    if found:
        shown = ", ".join(list(found.values())[:_NAMED]) + (", and more" if len(found) > _NAMED else "")
        message = f"Without the attribute units: {shown}. Write it, in lower case, as the unit is not guessed."
        yield fault("note", "units-missing", next(iter(found)) if len(found) == 1 else "", message)
