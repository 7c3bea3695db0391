"""Differences between catalogue, registry, exchange and data: their kinds, and the sentences that tell of them."""

import dataclasses
import shlex
from typing import Any, Literal

from oceandata.errors import InputError
from oceandata.trade.exchange.words import field_name, value_text

__all__ = ["KINDS", "SEVERITIES", "SOURCES", "Difference", "Severity", "Stated", "command"]

Severity = Literal["error", "warning"]

#: Every kind of difference, in English and Chinese.
KINDS: dict[str, tuple[str, str]] = {
    "only-in-catalogue": ("only in the catalogue", "仅在目录中"),
    "only-in-registry": ("only in the registry", "仅在登记簿中"),
    "only-on-exchange": ("only on the exchange", "仅在交易所"),
    "field-differs": ("a field differs", "字段不一致"),
    "price-differs": ("the price differs", "价格不一致"),
    "state-differs": ("the state differs", "状态不一致"),
    "revision-behind": ("the revision is behind", "版本落后"),
    "data-changed": ("the data changed", "数据已变化"),
    "certificate-expired": ("the certificate has expired", "登记证书已过期"),
    "certificate-expiring": ("the certificate expires soon", "登记证书即将到期"),
    "volume-drift": ("the volume drifted", "数据规模不符"),
    "orphan-order": ("an order without its counterpart", "订单无对应记录"),
    "orphan-entitlement": ("an entitlement without a valid order", "授权无有效订单"),
}

SEVERITIES: dict[str, tuple[str, str]] = {"error": ("error", "错误"), "warning": ("warning", "警告")}

#: Who says something.
SOURCES: dict[str, tuple[str, str]] = {
    "catalogue": ("catalogue", "目录"),
    "registry": ("registry", "登记簿"),
    "exchange": ("exchange", "交易所"),
    "data": ("data", "数据"),
    "calendar": ("calendar", "日历"),
}


def command(*words: object) -> str:
    """
    Command line that a person can paste into a shell.

    Parameters
    ----------
    *words : object
        What follows ``oceandata``; words in capitals are left to fill in.

    Returns
    -------
    str
        Quoted where a shell needs it.

    Examples
    --------
    >>> command("trade", "list", "qd:sst", "--exchange", "First Exchange")
    "oceandata trade list qd:sst --exchange 'First Exchange'"
    """
    return shlex.join(["oceandata", *map(str, words)])


@dataclasses.dataclass(frozen=True)
class Stated:
    """
    What one source says.

    Attributes
    ----------
    source : str
        A key of `SOURCES`.
    value : str or None
        The value as text; None if the source has nothing there.
    where : str
        File, registry or repository.
    as_of : str
        Day it tells of, ISO 8601.
    """

    source: str
    value: str | None
    where: str
    as_of: str


@dataclasses.dataclass(frozen=True)
class Difference:
    """
    One thing that two sources do not agree on.

    Attributes
    ----------
    kind : str
        A key of `KINDS`.
    product : str
        Identifier of the product; empty if none is known.
    name : str
        What it is about: a listing's code, a certificate, an order, an entry.
    field : str
        Which field.
    first, second : Stated
        What the two say.
    severity : str
        ``error`` if something is sold that must not be sold so, else ``warning``.
    command : str
        What brings the registry or the catalogue into line, if the other side is right; ``trade status`` where only the
        exchange can mend it, or where the product must first come off sale.
    suggestion : str
        Product that it may belong to, found by name only; nothing is taken from it.
    """

    kind: str
    product: str
    name: str
    field: str
    first: Stated
    second: Stated
    severity: Severity
    command: str
    suggestion: str = ""

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            msg = f"there is no kind {self.kind!r} of difference."
            raise InputError(msg)

    def to_json(self) -> dict[str, Any]:
        """JSON form."""
        return dataclasses.asdict(self)

    def row(self, language: str = "en") -> tuple[str, ...]:
        """
        Cells for a table.

        Parameters
        ----------
        language : {"en", "zh"}
            Of the words.

        Returns
        -------
        tuple of str
            Severity, kind, product, name, field, both values with source and day, command.
        """
        at = 1 if language == "zh" else 0
        sides = (f"{SOURCES[one.source][at]} ({one.as_of})" for one in (self.first, self.second))
        first, second = sides
        nothing = ("nothing", "无")[at]
        maybe = ("perhaps ", "可能为 ")[at] + self.suggestion if self.suggestion else ""
        return (
            SEVERITIES[self.severity][at],
            KINDS[self.kind][at],
            self.product or maybe,
            self.name,
            field_name(self.field, language),
            first,
            nothing if self.first.value is None else value_text(self.field, self.first.value, language),
            second,
            nothing if self.second.value is None else value_text(self.field, self.second.value, language),
            self.command,
        )
