"""Permitted uses: what a licensee may do with a product, in rows that staff can read. What is not named is refused."""

import dataclasses
import re
from datetime import date, datetime
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import BeforeValidator, Field, model_validator

from oceandata.documents import Document, Text
from oceandata.errors import InputError

__all__ = ["Action", "Answer", "Duty", "Permission", "Permit", "day_of", "permission_of"]

#: What can be done with a product.
Action = Literal[
    "read",
    "derive",
    "aggregate",
    "present",
    "reproduce",
    "distribute",
    "relist-derived",
    "train-model",
    "archive",
    "sell",
]

#: What must be done in return.
Duty = Literal["attribute", "compensate", "inform", "delete-after", "share-terms"]

#: What a question about rights is answered with.
Answer = Literal["permitted", "denied", "undetermined"]

_DURATION = re.compile(r"P(?=[0-9T])(\d+Y)?(\d+M)?(\d+W)?(\d+D)?(T(?=\d)(\d+H)?(\d+M)?(\d+S)?)?")


def _worded(value: Any) -> Any:
    """A bare ``yes`` or ``no`` in YAML is read as true or false."""
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else value


class Permit(Document):
    """
    One row of the table of permitted uses.

    Attributes
    ----------
    action : str
        What is done.
    allowed : str
        ``yes``, ``no``, or ``ask`` if the provider decides case by case.
    purposes : tuple of str
        For which purposes; empty for any.
    duties : tuple of str
        What must be done in return.
    delete_after : str
        ISO 8601 duration after which a copy must be deleted, with the duty ``delete-after``.
    until : date or None
        Last day of the right; None if it does not end.
    note : str
        The words of the contract, or where they stand.
    """

    action: Action
    allowed: Annotated[Literal["yes", "no", "ask"], BeforeValidator(_worded)]
    purposes: tuple[Text, ...] = ()
    duties: tuple[Duty, ...] = Field(default=())
    delete_after: str = ""
    until: date | None = None
    note: str = ""

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if ("delete-after" in self.duties) != bool(self.delete_after):
            msg = f"delete_after is {self.delete_after!r}, but the duties are {', '.join(self.duties) or 'none'}"
            raise ValueError(msg)
        if self.delete_after and not _DURATION.fullmatch(self.delete_after):
            msg = f"delete_after is {self.delete_after!r}, need an ISO 8601 duration such as P30D or P1Y"
            raise ValueError(msg)
        if self.allowed == "no" and (self.duties or self.purposes):
            msg = f"action {self.action!r} is not allowed, but has purposes or duties"
            raise ValueError(msg)
        return self


@dataclasses.dataclass(frozen=True)
class Permission:
    """
    Whether an action is permitted, and why.

    Attributes
    ----------
    action : str
        What is done.
    answer : str
        ``permitted``, ``denied`` or ``undetermined``.
    reason : str
        Why, in one clause; empty if it is permitted.
    permit : Permit or None
        The row that decided; None if no row names the action.
    """

    action: str
    answer: Answer
    reason: str = ""
    permit: Permit | None = None


def day_of(at: date | None) -> date:
    """
    Day for which something is asked.

    Parameters
    ----------
    at : date, datetime or None
        A day, a time whose date counts, or None for today.

    Returns
    -------
    date
        Without a time.

    Raises
    ------
    InputError
        If it is neither.

    Examples
    --------
    >>> day_of(datetime(2026, 6, 1, 12, 30))
    datetime.date(2026, 6, 1)
    """
    if at is None:
        return date.today()
    if isinstance(at, datetime):
        return at.date()
    if not isinstance(at, date):
        msg = f"at is {at!r}, need a date such as datetime.date(2026, 6, 1)."
        raise InputError(msg)
    return at


def permission_of(permits: tuple[Permit, ...], action: Action, *, at: date, purpose: str = "") -> Permission:
    """
    Whether an action is permitted.

    An action that no row names is not permitted. What the provider must be asked, what has expired, and what holds for
    some purposes when none is given, is undetermined.

    Parameters
    ----------
    permits : tuple of Permit
        The table of a product.
    action : str
        What is done.
    at : date
        The day.
    purpose : str
        What for; empty if unknown.

    Returns
    -------
    Permission
        The answer and its reason.

    Raises
    ------
    ValueError
        If there is no such action.
    InputError
        If `at` is no day.

    Examples
    --------
    >>> permission_of((Permit(action="read", allowed="yes"),), "sell", at=date(2026, 1, 1)).answer
    'denied'
    """
    if action not in get_args(Action):
        msg = f"action is {action!r}, need one of {', '.join(get_args(Action))}."
        raise ValueError(msg)
    at = day_of(at)
    row = next((one for one in permits if one.action == action), None)
    if row is None:
        return Permission(action, "denied", f"{action} is not named, so it is not permitted")
    if row.allowed == "no":
        return Permission(action, "denied", f"{action} is prohibited", row)
    if row.until is not None and row.until < at:
        return Permission(action, "undetermined", f"the right to {action} expired on {row.until}", row)
    if row.purposes and purpose and purpose not in row.purposes:
        return Permission(action, "denied", f"{action} is permitted for {_listed(row)} only, not for {purpose}", row)
    if row.allowed == "ask":
        return Permission(action, "undetermined", f"the provider must be asked to {action}", row)
    if row.purposes and not purpose:
        return Permission(action, "undetermined", f"{action} is permitted for {_listed(row)} only: say what for", row)
    return Permission(action, "permitted", "", row)


def _listed(row: Permit) -> str:
    return " or ".join(row.purposes)
