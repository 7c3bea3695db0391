"""The states of a product, and which step leads from which to which."""

from collections.abc import Iterable

from oceandata.errors import InputError

__all__ = ["LARGEST_PAGE", "STATES", "STEPS", "next_state", "require_words", "state_of_listings"]

#: Every state, in the order of the work.
STATES = ("draft", "in_review", "publicity", "registered", "listed", "suspended", "delisted", "archived")

#: Most rows of a page.
LARGEST_PAGE = 10_000

#: Fewest and most characters of a reason or an objection.
_WORDS = (2, 2000)

_ENDED = ("delisted", "archived")

#: For each act: the states it may be done in, and the state it leads to (empty: the same).
STEPS: dict[str, tuple[tuple[str, ...], str]] = {
    "replace": (("draft",), ""),
    "submit": (("draft",), "in_review"),
    "return": (("in_review", "publicity", "registered", "delisted"), "draft"),
    "approve": (("in_review",), ""),
    "publicize": (("in_review",), "publicity"),
    "object": (("publicity",), ""),
    "settle": (("publicity",), ""),
    "register": (("publicity", "registered", "listed", "suspended"), ""),
    "offer": (tuple(state for state in STATES if state != "archived"), ""),
    "revise": (tuple(state for state in STATES if state not in _ENDED), ""),
    "revoke-revision": (STATES, ""),
    "list": (("registered", "listed", "suspended"), "listed"),
    "suspend": (("listed",), ""),
    "resume": (("listed", "suspended"), "listed"),
    "delist": (("listed", "suspended"), ""),
    "archive": (("delisted",), "archived"),
}

#: What to do where a state does not allow a step.
_ADVICE = {
    "draft": "Submit it first.",
    "in_review": "Approve and publicize it, or return it to draft.",
    "publicity": "Register its certificate when the publicity is over, or return it to draft.",
    "registered": "List it, or return it to draft with a reason.",
    "listed": "Suspend or delist its listings first.",
    "suspended": "Resume or delist its listings first.",
    "delisted": "Return it to draft with a reason, or archive it.",
    "archived": "Nothing follows: add it as a new product.",
}


def next_state(product: str, state: str, act: str) -> str:
    """
    State of a product after a step.

    Parameters
    ----------
    product : str
        Identifier, for the message.
    state : str
        As it is now.
    act : str
        One of `STEPS`.

    Returns
    -------
    str
        The new state; the same if the step changes none.

    Raises
    ------
    InputError
        If the state does not allow the step.

    Examples
    --------
    >>> next_state("qd:sst", "draft", "submit")
    'in_review'
    """
    allowed, after = STEPS[act]
    if state not in allowed:
        msg = f"product {product!r} is {state}, {act} needs {' or '.join(allowed)}. {_ADVICE[state]}"
        raise InputError(msg)
    return after or state


def state_of_listings(states: Iterable[str]) -> str:
    """
    State of a product that has listings.

    Parameters
    ----------
    states : iterable of str
        Of all its listings.

    Returns
    -------
    str
        ``listed`` if one is, else ``suspended`` if one is, else ``delisted``.

    Examples
    --------
    >>> state_of_listings(["delisted", "suspended"])
    'suspended'
    """
    there = set(states)
    return next((state for state in ("listed", "suspended") if state in there), "delisted")


def require_words(text: str, what: str, *, limits: tuple[int, int] = _WORDS) -> str:
    """
    Text that somebody gives for what he does, without blanks around it.

    Parameters
    ----------
    text : str
        As it was given.
    what : str
        What it is, for the message.
    limits : tuple of int
        Fewest and most characters.

    Returns
    -------
    str
        The text.

    Raises
    ------
    InputError
        If it is too short or too long.
    """
    words = text.strip() if isinstance(text, str) else ""
    if not limits[0] <= len(words) <= limits[1]:
        msg = f"the {what} has {len(words)} characters, need {limits[0]} to {limits[1]}. Say why in one sentence."
        raise InputError(msg)
    return words
