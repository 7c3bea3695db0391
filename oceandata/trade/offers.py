"""Offers: price plans with a version and a validity, and what a quantity costs under one."""

import re
from datetime import date
from decimal import Decimal, localcontext
from typing import Literal, Self

from pydantic import Field, model_validator

from oceandata.documents import Document
from oceandata.errors import InputError
from oceandata.trade.money import Amount, OptionalAmount, OptionalCurrency, rounded
from oceandata.trade.permits import day_of

__all__ = ["METERED", "UNITS", "Offer", "PricePlan", "Tier", "exact_price", "offer_at", "price_of"]

#: Models that price a quantity, and its unit.
UNITS = {"per-gb": "GB", "per-query": "query", "per-record": "record"}
METERED = tuple(UNITS)

#: The same units in Chinese.
_UNITS_ZH = {"per-gb": "GB", "per-query": "次", "per-record": "条"}

_MODELS_ZH = {"free": "免费", "one-off": "一次性", "subscription": "订阅", "on-request": "面议"} | {
    "per-gb": "按流量",
    "per-query": "按次",
    "per-record": "按条",
}

_FIXED = ("one-off", "subscription")
_DURATION = re.compile(r"P(?=\d)(\d+Y)?(\d+M)?(\d+W)?(\d+D)?")
_DIGITS = 60


class Tier(Document):
    """
    A stretch of the quantity with a price of its own.

    Attributes
    ----------
    up_to : str
        Where it ends, in the unit of the plan, counted beyond the free quota; empty for the last, which does not end.
    amount : str
        Price of one unit in this stretch.
    """

    up_to: OptionalAmount = ""
    amount: Amount


class PricePlan(Document):
    """
    One way to pay.

    Attributes
    ----------
    model : str
        ``free``, ``one-off``, ``subscription``, ``per-gb`` (1e9 bytes delivered), ``per-query``, ``per-record``, or
        ``on-request``.
    name : str
        What the plan is called.
    currency : str
        ISO 4217 code; empty for plans without a price.
    amount : str
        Price, or price of one unit, as decimal text; empty if tiers say it.
    tiers : tuple of Tier
        Prices of the unit by stretches of the quantity; each stretch at its own price.
    free_quota : str
        Quantity that costs nothing, taken off first.
    minimum, cap : str
        Least and greatest price of one quote, if anything beyond the free quota is taken.
    period : str
        ISO 8601 duration that a subscription pays for.
    tax : str
        Whether value-added tax is ``included`` or ``excluded``; empty if unknown.
    note : str
        What else holds.
    """

    model: Literal["free", "one-off", "subscription", "per-gb", "per-query", "per-record", "on-request"]
    name: str = ""
    currency: OptionalCurrency = ""
    amount: OptionalAmount = ""
    tiers: tuple[Tier, ...] = ()
    free_quota: OptionalAmount = ""
    minimum: OptionalAmount = ""
    cap: OptionalAmount = ""
    period: str = ""
    tax: Literal["", "included", "excluded"] = ""
    note: str = ""

    @model_validator(mode="after")
    def _complete(self) -> Self:
        priced = self.model in (*METERED, *_FIXED)
        if priced != bool(self.currency):
            msg = f"currency is {self.currency!r}, but a plan {self.model} needs {'one' if priced else 'none'}"
            raise ValueError(msg)
        ways = bool(self.amount) + bool(self.tiers)
        if ways != priced:
            need = "an amount or tiers, one of them" if priced else "neither amount nor tiers"
            msg = f"a plan {self.model} needs {need}"
            raise ValueError(msg)
        extras = [name for name in ("tiers", "free_quota", "minimum", "cap") if getattr(self, name)]
        if extras and self.model not in METERED:
            msg = f"a plan {self.model} has no {extras[0]}: that is for {', '.join(METERED)}"
            raise ValueError(msg)
        if bool(self.period) != (self.model == "subscription") or (
            self.period and not _DURATION.fullmatch(self.period)
        ):
            need = (
                "an ISO 8601 duration such as P1Y"
                if self.model == "subscription"
                else "none: that is for a subscription"
            )
            msg = f"period is {self.period!r}, need {need}"
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _rising(self) -> Self:
        if self.tiers:
            ends = [Decimal(tier.up_to) if tier.up_to else None for tier in self.tiers]
            known = [end for end in ends[:-1] if end is not None]
            if ends[-1] is not None or len(known) < len(ends) - 1 or known != sorted(set(known)) or 0 in known:
                shown = ", ".join(tier.up_to or "no end" for tier in self.tiers)
                msg = f"tiers end at {shown}; need rising ends, and none for the last"
                raise ValueError(msg)
        if self.minimum and self.cap and Decimal(self.minimum) > Decimal(self.cap):
            msg = f"minimum {self.minimum} is above cap {self.cap}"
            raise ValueError(msg)
        return self

    def __str__(self) -> str:
        if self.model in ("free", "on-request"):
            return self.model
        unit = f" a {UNITS[self.model]}" if self.model in UNITS else f" for {self.period}" if self.period else ""
        price = self.amount or f"{self.tiers[0].amount} to {self.tiers[-1].amount}"
        words = [f"{self.model}: {self.currency} {price}{unit}"]
        words += [f"{self.free_quota} free"] if self.free_quota else []
        words += [f"at least {self.minimum}"] if self.minimum else []
        words += [f"at most {self.cap}"] if self.cap else []
        words += [f"tax {self.tax or 'unknown'}"]
        return ", ".join(words)

    def unit(self, language: str = "en") -> str:
        """
        Unit of the quantity that is priced.

        Parameters
        ----------
        language : {"en", "zh"}
            Of the word.

        Returns
        -------
        str
            Empty if the plan prices none.
        """
        return (_UNITS_ZH if language == "zh" else UNITS).get(self.model, "")

    def said(self, language: str = "en") -> str:
        """
        The plan in one line for people.

        Parameters
        ----------
        language : {"en", "zh"}
            Of the words.

        Returns
        -------
        str
            In English as `str` gives it.
        """
        if language != "zh":
            return str(self)
        if self.model in ("free", "on-request"):
            return _MODELS_ZH[self.model]
        per = self.unit("zh") or self.period
        price = self.amount or f"{self.tiers[0].amount} 至 {self.tiers[-1].amount}"
        words = [f"{_MODELS_ZH[self.model]}：{self.currency} {price}{f'/{per}' if per else ''}"]
        words += [f"免费额度 {self.free_quota}"] if self.free_quota else []
        words += [f"最低 {self.minimum}"] if self.minimum else []
        words += [f"最高 {self.cap}"] if self.cap else []
        return "，".join([*words, {"included": "含税", "excluded": "不含税", "": "是否含税未知"}[self.tax]])


class Offer(Document):
    """
    What is asked for a product, for a time. An offer that was made is not changed: a new version takes its place.

    Attributes
    ----------
    version : int
        1, 2, 3 and so on.
    valid_from : date
        First day.
    valid_to : date or None
        Last day; None if it is open.
    plans : tuple of PricePlan
        Ways to pay; the first is quoted, the others are named beside it.
    """

    version: int = Field(ge=1)
    valid_from: date
    valid_to: date | None = None
    plans: tuple[PricePlan, ...] = Field(json_schema_extra={"minItems": 1})
    note: str = ""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.valid_to is not None and self.valid_to < self.valid_from:
            msg = f"offer {self.version} is valid to {self.valid_to}, before it begins on {self.valid_from}"
            raise ValueError(msg)
        if not self.plans:
            msg = f"offer {self.version} has no plans, need one way to pay at least"
            raise ValueError(msg)
        return self


def offer_at(offers: tuple[Offer, ...], at: date) -> Offer | None:
    """
    Newest offer that is valid on a day.

    Parameters
    ----------
    offers : tuple of Offer
        All that were made.
    at : date
        The day.

    Returns
    -------
    Offer or None
        None if none is valid.

    Raises
    ------
    InputError
        If `at` is no day.
    """
    at = day_of(at)
    valid = [one for one in offers if one.valid_from <= at and (one.valid_to is None or at <= one.valid_to)]
    return max(valid, key=lambda one: one.version, default=None)


def exact_price(plan: PricePlan, quantity: Decimal | None) -> Decimal | None:
    """
    Price before it is rounded.

    Parameters
    ----------
    plan : PricePlan
        The way to pay.
    quantity : decimal.Decimal or None
        In the unit of the plan (GB of 1e9 bytes, queries, records); None if it is unknown.

    Returns
    -------
    decimal.Decimal or None
        Zero for a free plan; None if the plan is on request, or the quantity that it prices is unknown.

    Raises
    ------
    InputError
        If the quantity is negative, or no finite decimal number.

    Notes
    -----
    ``beyond = max(quantity - free_quota, 0)``; each stretch of it at the price of its tier; then at least `minimum` and
    at most `cap`, if anything is beyond the quota. Exact to 60 digits.
    """
    if isinstance(quantity, int) and not isinstance(quantity, bool):
        quantity = Decimal(quantity)
    if quantity is not None and not (isinstance(quantity, Decimal) and quantity.is_finite()):
        msg = f"quantity is {quantity!r}, need a finite decimal.Decimal, a whole number, or None if it is unknown."
        raise InputError(msg)
    if quantity is not None and quantity < 0:
        msg = f"quantity is {quantity}, need zero or more."
        raise InputError(msg)
    if plan.model == "on-request":
        return None
    if plan.model == "free":
        return Decimal(0)
    if plan.model in _FIXED:
        return Decimal(plan.amount)
    if quantity is None:
        return None
    with localcontext(prec=_DIGITS):
        beyond = max(quantity - Decimal(plan.free_quota or 0), Decimal(0))
        return _bounded(plan, _tiered(plan, beyond)) if beyond else Decimal(0)


def _tiered(plan: PricePlan, beyond: Decimal) -> Decimal:
    """Each stretch of a quantity at its own price."""
    price = start = Decimal(0)
    for tier in plan.tiers or (Tier(amount=plan.amount),):
        end = min(beyond, Decimal(tier.up_to)) if tier.up_to else beyond
        if end > start:
            price += (end - start) * Decimal(tier.amount)
            start = end
    return price


def _bounded(plan: PricePlan, price: Decimal) -> Decimal:
    price = max(price, Decimal(plan.minimum or 0))
    return min(price, Decimal(plan.cap)) if plan.cap else price


def price_of(plan: PricePlan, quantity: Decimal | None) -> Decimal | None:
    """
    Price of a quantity, rounded once, half up, to the minor unit of the currency.

    Parameters
    ----------
    plan : PricePlan
        The way to pay.
    quantity : decimal.Decimal or None
        In the unit of the plan (GB of 1e9 bytes, queries, records); None if it is unknown.

    Returns
    -------
    decimal.Decimal or None
        None if the price is not known; that is not zero.

    Raises
    ------
    InputError
        If the quantity is negative.

    Examples
    --------
    >>> plan = PricePlan(model="per-gb", currency="CNY", amount="0.80", free_quota="1")
    >>> price_of(plan, Decimal("2.50625"))
    Decimal('1.21')
    """
    exact = exact_price(plan, quantity)
    return exact if exact is None or not plan.currency else rounded(exact, plan.currency)
