"""What drift says, in English and Chinese; fields, names, codes and commands stay as they are."""

from oceandata.trade.answers import said

__all__ = ["field_name", "told", "value_text"]

#: English and Chinese sentences; the first row that fits counts.
_WORDS: tuple[tuple[str, str], ...] = (
    # what was compared, and what was not
    ("registry {x}, {n} products, as of {d}", "登记簿 {x}，{n} 个产品，截至 {d}"),
    ("catalogue {x}, {n} products, as of {d}", "目录 {x}，{n} 个产品，截至 {d}"),
    ("export {x}, {n} rows, as of {d}", "导出文件 {x}，{n} 行，截至 {d}"),
    ("the data were not looked at, as asked", "按要求未查看数据"),
    ("no catalogue was given", "未给出目录"),
    ("no export of an exchange was given", "未给出交易所的导出文件"),
    (
        "{x} does not say of which exchange it is, so listings that it lacks were not looked for: name it (--exchange)",
        "{x} 未说明属于哪个交易所，因此未查找其中缺少的上架产品：请用 --exchange 指明",
    ),
    ("{x}: revision {n} was not checked: {reason}", "{x}：版本 {n} 未检查：{reason}"),
    ("{x}, row {n}: {reason}", "{x}，第 {n} 行：{reason}"),
    # faults of rows
    (
        "the row names neither a code nor a certificate nor an order. Fill in one of them.",
        "该行没有编号、证书或订单。请填写其一。",
    ),
    ("{x} stands in {y} already. Keep one of the two rows.", "{x} 已在 {y} 中出现。请保留其中一行。"),
    ("{x} is no number. Write digits only, such as {y}", "{x} 不是数字。请只写数字，如 {y}"),
    ("{x} is no amount. Write digits with 元 or 万元, such as {y}", "{x} 不是金额。请写数字并加元或万元，如 {y}"),
    (
        "{x} stands in a column of {y}: times {z} too? Write the unit in the cell.",
        "{x} 所在列的单位为 {y}，是否再乘 {z}？请在单元格内写明单位。",
    ),
    (
        "{x} is no amount: the unit {y} is unknown. Write 元 or 万元, or add it to the currencies.",
        "{x} 不是金额：单位 {y} 未知。请写元或万元，或加入币种表。",
    ),
    (
        "{x} has no unit: neither the cell nor the column says one. Write 元 or 万元 into one of them.",
        "{x} 没有单位：单元格和列名均未说明。请在其一写明元或万元。",
    ),
    (
        "{x} has no unit: neither the cell nor the column says one. Write GB, 万条 or the like.",
        "{x} 没有单位：单元格和列名均未说明。请写明 GB、万条等。",
    ),
    (
        "{x} is in {y}, but the column of currencies says {z}. Correct one of them.",
        "{x} 的币种为 {y}，而币种列为 {z}。请更正其一。",
    ),
    (
        "{x} is no number of records. Write digits with 条, 万条 or 亿条, such as {y}",
        "{x} 不是记录数。请写数字并加条、万条或亿条，如 {y}",
    ),
    ("{x} is no day but a longer time. Write the day too, such as {y}", "{x} 不是具体日期。请写到日，如 {y}"),
    (
        "{x} is not known. {near} Add the word under {y} of the column map.",
        "{x} 无法识别。{near}请在列名表的 {y} 下加入该词。",
    ),
    ("{x} is no SHA-256 digest. Write its 64 hexadecimal digits.", "{x} 不是 SHA-256 摘要。请写 64 位十六进制数字。"),
    ("There is: {x}.", "现有：{x}。"),
    ("Close: {x}.", "相近：{x}。"),
    # values of both sides
    ("entry {x}, revision {n}", "条目 {x}，版本 {n}"),
    ("{reason}, entry {x}", "{reason}，条目 {x}"),
    ("snapshot {x}, no content root", "快照 {x}，无内容根"),
    ("snapshot {x}, {y}", "快照 {x}，{y}"),
    ("no tag, snapshot {x}, no such layout", "无标签，快照 {x}，无此布局"),
    ("no tag, snapshot {x}, {y}", "无标签，快照 {x}，{y}"),
    ("{t}, snapshot {x}, no such layout", "{t}，快照 {x}，无此布局"),
    ("{t}, snapshot {x}, {y}", "{t}，快照 {x}，{y}"),
    ("{n} bytes stored, {m} bytes decoded", "存储 {n} 字节，解码 {m} 字节"),
    ("{n} bytes stored", "存储 {n} 字节"),
    ("{n} bytes", "{n} 字节"),
    ("listed: {n} (revoked)", "已上架：{n}（已撤销）"),
    ("{n} (revoked)", "{n}（已撤销）"),
    ("listed: offer {n}, {reason}", "已上架：第 {n} 版报价，{reason}"),
    ("listed: {n}", "已上架：{n}"),
    ("newest valid: offer {n}, {reason}", "最新有效：第 {n} 版报价，{reason}"),
    ("newest final: {n}", "最新定版：{n}"),
    ("listed on {x}", "已上架于 {x}"),
    ("suspended on {x}", "已在 {x} 暂停"),
    ("an example, which no exchange lists", "示例，任何交易所都不上架"),
    ("in force until {d}", "有效期至 {d}"),
    ("in force", "有效"),
    ("order {x}: {reason}", "订单 {x}：{reason}"),
    ("there", "有"),
)

#: Names of fields in Chinese; of those of entries and documents the path itself stands in the command.
_FIELDS: dict[str, str] = {
    "product": "产品",
    "listing": "上架",
    "offer": "报价",
    "offers": "报价",
    "price": "价格",
    "amount": "金额",
    "state": "状态",
    "order": "订单",
    "order_state": "订单状态",
    "contract": "合同编号",
    "revision": "版本",
    "trade.revision": "目录条目的产品版本",
    "trade.listing_url": "目录条目的上架网址",
    "trade.example": "目录条目的示例标记",
    "listing_url": "产品文档的上架网址",
    "license": "许可",
    "licence": "许可",
    "grade": "级别",
    "entry": "目录条目",
    "snapshot": "快照",
    "stored_bytes": "存储字节数",
    "content_root": "内容根",
    "title": "名称",
    "provider": "提供方",
    "uscc": "统一社会信用代码",
    "record_unit": "记录单位",
    "code": "产品编号",
    "zone": "专区",
    "url": "上架网址",
    "certificate": "登记证书编号",
    "expires_on": "证书有效期至",
    "volume": "数据规模",
    "records": "记录数",
}


def told(text: str, language: str) -> str:
    """
    A sentence on what was compared, or could not be.

    Parameters
    ----------
    text : str
        In English.
    language : {"en", "zh"}
        The language.

    Returns
    -------
    str
        As it was if no row of the table fits.
    """
    return said(text, language, rows=_WORDS)


def field_name(field: str, language: str) -> str:
    """
    Name of a field.

    Parameters
    ----------
    field : str
        As differences have it.
    language : {"en", "zh"}
        The language.

    Returns
    -------
    str
        The field itself in English.
    """
    return _FIELDS.get(field, field) if language == "zh" else field


def value_text(field: str, value: str, language: str) -> str:
    """
    What one side says of a field; what people wrote themselves stays.

    Parameters
    ----------
    field : str
        Which field.
    value : str
        As it was found.
    language : {"en", "zh"}
        The language.

    Returns
    -------
    str
        Several plans of an offer one after the other.
    """
    if language != "zh" or field in ("title", "provider", "record_unit", "code", "zone", "url", "certificate"):
        return value
    parts = [said(part, language, rows=_WORDS) for part in value.split("; ")]
    return "；".join(parts)
