"""The sentences of faults of product documents in English and Chinese; those of all documents come after them."""

from oceandata.catalog.faults import Fault
from oceandata.catalog.messages import MESSAGES, translated

__all__ = ["PRODUCT_MESSAGES", "translated_fault"]

#: English and Chinese sentences; the first row that fits counts.
PRODUCT_MESSAGES: tuple[tuple[str, str], ...] = (
    ("the file holds a {kind}, need the fields of a product.", "文件内容为 {kind}，需要产品的字段。"),
    ("{where}: left to decide: {reason}.", "{where}：待定：{reason}。"),
    ("{where}: left to decide.", "{where}：待定。"),
    ("{where}: the text is empty, need en or zh.", "{where}：文字为空，需要 en 或 zh。"),
    (
        "{where}: got the number {x}, need decimal text: put it in quotes, {y}.",
        "{where}：得到数字 {x}，需要十进制文本：请加引号，{y}。",
    ),
    (
        "{where}: currency is {x}, need a code of ISO 4217 such as CNY.",
        "{where}：币种为 {x}，需要 ISO 4217 代码，如 CNY。",
    ),
    ("{where}: uscc {x} has {n} characters, need {m}.", "{where}：统一社会信用代码 {x} 有 {n} 位，需要 {m} 位。"),
    (
        "{where}: uscc {x} has the character {y}, need digits and capitals without I, O, S, V, Z.",
        "{where}：统一社会信用代码 {x} 含字符 {y}，只能用数字和除 I、O、S、V、Z 外的大写字母。",
    ),
    (
        "{where}: uscc {x} ends in {y}, but its check character is {z}: a character is mistyped.",
        "{where}：统一社会信用代码 {x} 末位为 {y}，而校验码应为 {z}：有字符录入错误。",
    ),
    ("{where}: delete_after is {x}, but the duties are {list}.", "{where}：delete_after 为 {x}，但义务为 {list}。"),
    (
        "{where}: delete_after is {x}, need an ISO 8601 duration such as P30D or P1Y.",
        "{where}：delete_after 为 {x}，需要 ISO 8601 时段，如 P30D、P1Y。",
    ),
    (
        "{where}: action {x} is not allowed, but has purposes or duties.",
        "{where}：行为 {x} 不被允许，却写有用途或义务。",
    ),
    (
        "{where}: permits name the action {x} twice, need one row an action.",
        "{where}：permits 中行为 {x} 出现两次，每种行为只能有一行。",
    ),
    ("{where}: currency is {x}, but a plan {y} needs one.", "{where}：币种为 {x}，但计价方式 {y} 需要币种。"),
    ("{where}: currency is {x}, but a plan {y} needs none.", "{where}：币种为 {x}，但计价方式 {y} 不需要币种。"),
    (
        "{where}: a plan {x} needs an amount or tiers, one of them.",
        "{where}：计价方式 {x} 需要 amount 或 tiers，二者取一。",
    ),
    ("{where}: a plan {x} needs neither amount nor tiers.", "{where}：计价方式 {x} 不需要 amount，也不需要 tiers。"),
    ("{where}: a plan {x} has no {y}: that is for {list}.", "{where}：计价方式 {x} 没有 {y}：它只用于 {list}。"),
    (
        "{where}: period is {x}, need an ISO 8601 duration such as P1Y.",
        "{where}：period 为 {x}，需要 ISO 8601 时段，如 P1Y。",
    ),
    ("{where}: period is {x}, need none: that is for a subscription.", "{where}：period 为 {x}，只有订阅才需要。"),
    (
        "{where}: tiers end at {list}; need rising ends, and none for the last.",
        "{where}：分档上限为 {list}；上限须递增，最后一档不设上限。",
    ),
    ("{where}: minimum {x} is above cap {y}.", "{where}：最低价 {x} 高于封顶价 {y}。"),
    (
        "{where}: offer {n} is valid to {a}, before it begins on {b}.",
        "{where}：报价 {n} 的截止日 {a} 早于起始日 {b}。",
    ),
    (
        "{where}: offers have the versions {list}, need 1, 2, 3 and so on.",
        "{where}：offers 的版本为 {list}，须为 1、2、3……",
    ),
    (
        "{where}: revisions are numbered {list}, need 1, 2, 3 and so on.",
        "{where}：revisions 的编号为 {list}，须为 1、2、3……",
    ),
    (
        "{where}: grade is {x}, but who decided is missing: a grade is decided by a person, by name.",
        "{where}：级别为 {x}，但缺少定级人：级别须由具名人员确定。",
    ),
    (
        "{where}: grade is {x}, but the grade is missing: a grade is decided by a person, by name.",
        "{where}：级别为 {x}，有定级人却没有级别：级别须由具名人员确定。",
    ),
    (
        "{where}: score is {x}, but metric or method is missing: say what was measured, and how.",
        "{where}：评分为 {x}，但缺少 metric 或 method：请说明测了什么、怎样测的。",
    ),
    (
        "{where}: offer {n} has no plans, need one way to pay at least.",
        "{where}：报价 {n} 没有计价方式，至少需要一种。",
    ),
    ("{where} is missing: give {reason}.", "缺少 {where}：请给出{reason}。"),
    ("a title in Chinese", "中文标题"),
    ("the permitted uses; without any, nothing is permitted", "许可用途；没有则一概不许可"),
    ("an offer; without any, it has no price", "报价；没有则没有价格"),
    ("a grade, decided by a person", "由具名人员确定的级别"),
    ("the revision that is sold", "所售的版本"),
    (
        "the dimensions that are counted as records, because a plan is per-record",
        "记录的计数维度，因为有按条计价",
    ),
    # marks of drafts
    ("the identifier of the product", "产品编号"),
    ("the provider, by name", "提供方名称"),
    ("the text that a user must show", "使用者须标注的署名"),
    ("what one record is, such as a daily grid, a profile, a value", "一条记录是什么，如逐日网格、剖面、数值"),
    ("yes, no or ask", "yes、no 或 ask"),
    ("who decided on the grade", "定级人"),
    ("general, important or core", "general（一般）、important（重要）或 core（核心）"),
    ("the day of the decision", "定级日期"),
    ("the first day of the offer", "报价起始日"),
    (
        "free, one-off, subscription, per-gb, per-query, per-record or on-request",
        "free、one-off、subscription、per-gb、per-query、per-record 或 on-request",
    ),
    ("the licence, as an SPDX expression or LicenseRef-NAME", "许可，写作 SPDX 表达式或 LicenseRef-名称"),
    *MESSAGES,
)


def translated_fault(fault: Fault, language: str) -> Fault:
    """
    Fault of a product document in a language.

    Parameters
    ----------
    fault : Fault
        As it was found.
    language : {"en", "zh"}
        The language.

    Returns
    -------
    Fault
        With the same file, line and severity; English if there is no sentence for it.

    Raises
    ------
    InputError
        If there is no such language.
    """
    return translated(fault, language, messages=PRODUCT_MESSAGES)
