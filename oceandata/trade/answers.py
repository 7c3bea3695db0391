"""
The words of quotes, rights, lineage, usage, drift and checked deliveries in English and Chinese.

Answers are made in English; a table holds each sentence or word with its names and numbers as ``{x}``, and the Chinese
one. What stands for ``{reason}`` or ``{near}`` is looked up too. What people and exchanges wrote themselves stays.
"""

from oceandata.catalog.messages import in_language

__all__ = ["said", "said_each"]

_Rows = tuple[tuple[str, str], ...]

_WORDS: _Rows = (
    ("unknown", "未知"),
    ("unknown: {reason}", "未知：{reason}"),
    ("yes", "是"),
    ("no", "否"),
    ("none", "无"),
    ("product", "产品"),
    ("permitted", "允许"),
    ("denied", "不允许"),
    ("undetermined", "无法判定"),
    ("general", "一般"),
    ("important", "重要"),
    ("core", "核心"),
    ("draft", "草稿"),
    ("in_review", "审核中"),
    ("publicity", "公示中"),
    ("registered", "已登记"),
    ("listed", "已上架"),
    ("suspended", "已暂停"),
    ("delisted", "已下架"),
    ("archived", "已归档"),
    ("requested", "已申请"),
    ("offered", "已报价"),
    ("accepted", "已接受"),
    ("agreed", "已签约"),
    ("verified", "已验收"),
    ("finalized", "已完成"),
    ("terminated", "已终止"),
    ("free", "免费"),
    ("on-request", "面议"),
    ("tiers", "阶梯价"),
    ("per-gb {reason}", "按流量 {reason}"),
    ("per-query {reason}", "按次 {reason}"),
    ("per-record {reason}", "按条 {reason}"),
    ("one-off {reason}", "一次性 {reason}"),
    ("subscription {reason}", "订阅 {reason}"),
    ("tiers {x}", "阶梯价 {x}"),
)

_QUOTE: _Rows = (
    ("{x}, offer {n}", "{x}，第 {n} 版报价"),
    ("unknown source: {reason}", "来源不明：{reason}"),
    ("total", "合计"),
    ("total of what is known", "已知部分合计"),
    ("nothing to pay", "无需付费"),
    ("values unknown", "数值个数未知"),
    ("{x} values of {t}, of no fixed size", "{x} 个 {t} 值，大小不固定"),
    ("{x} values x {t} = {b} bytes", "{x} 个值 × {t} = {b} 字节"),
    ("  {x}, revision {n}", "  {x}，版本 {n}"),
    ("{x} stored", "存储 {x}"),
    (
        "On {day}: each product's price is rounded once, half up, to the minor unit of its currency; 1 GB is "
        "1,000,000,000 bytes delivered, values x itemsize of the published type.",
        "{day}：每个产品的价格只舍入一次，四舍五入到币种的最小单位；1 GB 为交付的 1,000,000,000 字节，"
        "即数值个数 × 发布类型的字节数。",
    ),
    ("The offer of {x} is that of its {reason}.", "{x} 的报价取自{reason}。"),
    ("product document", "产品文档"),
    ("registry {x}, listed on {near}", "登记簿 {x}，已上架：{near}"),
    ("registry {x}, {reason}", "登记簿 {x}，{reason}"),
    ("registry {x}", "登记簿 {x}"),
    ("{x} ({y}) under offer {n}, {near}", "{x}（{y}，第 {n} 版报价）、{near}"),
    ("{x} ({y}) under offer {n}", "{x}（{y}，第 {n} 版报价）"),
    (
        "Of {x} whole blocks count, because it is computed before it is selected: select first.",
        "{x} 按整块计，因为先计算后选取：请先选取。",
    ),
    (
        "The total is not complete: a price that is not known is not zero.",
        "合计不完整：未知的价格不等于零。",
    ),
    ("no product document was found", "未找到产品文档"),
    ("the registry does not hold it", "登记簿中没有该产品"),
    ("it belongs to no product", "不属于任何产品"),
    ("no offer is valid on {day}", "{day} 没有有效的报价"),
    ("it is not on sale, {reason}: {why}", "不在售，{reason}：{why}"),
    ("it is not on sale, {reason}", "不在售，{reason}"),
    ("ask {x}", "请询问{x}"),
    ("the product has no rule to count its records", "产品没有记录计数规则"),
    ("how much is taken cannot be told from the graph", "从计算图无法得知取用了多少"),
    (
        "its lineage does not say how many values were taken: they were not counted when it was written",
        "其来源记录未说明取用了多少数值：写入时没有计数",
    ),
)

_RIGHTS: _Rows = (
    ("may be listed", "可否上架"),
    ("grade", "级别"),
    ("on", "日期"),
    ("as told by", "依据"),
    ("product documents", "产品文档"),
    ("duty: {reason}", "义务：{reason}"),
    ("attribute", "署名"),
    ("compensate", "付酬"),
    ("inform", "告知"),
    ("delete-after", "到期删除"),
    ("share-terms", "沿用同一条款"),
    ("read", "读取"),
    ("derive", "加工"),
    ("aggregate", "汇总"),
    ("present", "展示"),
    ("reproduce", "复制"),
    ("distribute", "分发"),
    ("relist-derived", "衍生成果再上架"),
    ("train-model", "训练模型"),
    ("archive", "存档"),
    ("sell", "销售"),
    ("{reason} is not named, so it is not permitted", "“{reason}”未列明，因此不被允许"),
    ("{reason} is prohibited", "禁止“{reason}”"),
    ("the right to {reason} expired on {day}", "“{reason}”的权利已于 {day} 到期"),
    ("{reason} is permitted for {x} only, not for {y}", "“{reason}”仅允许用于 {x}，不得用于 {y}"),
    ("{reason} is permitted for {x} only: say what for", "“{reason}”仅允许用于 {x}：请说明用途"),
    ("the provider must be asked to {reason}", "“{reason}”须征得数据提供方同意"),
    (
        "its source is unknown: open it by its entry, or open and compute inside trade.recording",
        "来源不明：请按目录条目打开，或在 trade.recording 中打开并计算",
    ),
    ("its grade is core, which is never listed", "级别为核心，绝不上架"),
    ("the licence {x} forbids {reason}", "许可 {x} 禁止{reason}"),
    ("commercial use", "商业使用"),
    ("what is derived from it", "衍生成果"),
    ("the licence {x} is not understood", "许可 {x} 无法识别"),
    ("the data say licence {x}, the product {y}", "数据写明许可为 {x}，产品为 {y}"),
    ("nobody has decided on its grade", "尚未定级"),
    ("revision {n} is not in its document", "产品文档中没有版本 {n}"),
    ("the data are no revision of it", "数据不是该产品的任何版本"),
    ("the data are snapshot {x}, but revision {n} is {y}", "数据为快照 {x}，而版本 {n} 为 {y}"),
    ("both want their own terms kept: {x} and {y}", "双方都要求沿用各自的条款：{x} 与 {y}"),
    ("revision {n} was revoked on {day}: {why}", "版本 {n} 已于 {day} 撤销：{why}"),
)

_LINEAGE: _Rows = (
    ("no inputs", "没有输入"),
    ("Unknown source", "来源不明"),
    ("Values in memory", "内存中的值"),
    ("entry", "目录条目"),
    ("revision", "版本"),
    ("variable", "变量"),
    ("region", "范围"),
    ("time", "时间"),
    ("depth", "深度"),
    ("through", "经由"),
    ("chunks", "数据块"),
    ("licence", "许可"),
    ("attribution", "署名"),
    ("unattributed", "来源不明"),
    ("recorded", "已记录"),
    ("{reason} (example, not listed on any exchange)", "{reason}（示例，未在任何交易所上架）"),
    ("{x}, revision {n}", "{x}，版本 {n}"),
    ("untagged, snapshot {x}", "无标签，快照 {x}"),
    ("{x}, snapshot {y}", "{x}，快照 {y}"),
    ("{x}, {n} values", "{x}，{n} 个值"),
    ("{a} to {b} E, {c} to {d} N", "东经 {a} 至 {b}，北纬 {c} 至 {d}"),
    ("{a} to {b} m", "{a} 至 {b} 米"),
    ("{n}, {x} stored ({y} bytes)", "{n} 个，存储 {x}（{y} 字节）"),
    ("{reason}: made of what was read in run {x}", "{reason}：由运行 {x} 中读取的数据得出"),
    ("array in memory, in small pieces of more than {n} values together", "内存中的零散数组，合计超过 {n} 个值"),
    ("array in memory {x}, coordinate {y}", "内存数组 {x}，坐标 {y}"),
    ("array in memory {x}", "内存数组 {x}"),
    ("{n} blocks in the memory of a cluster", "集群内存中的 {n} 个块"),
    ("array {x} of a store that was not opened through oceandata", "数组 {x}，其存储未经 oceandata 打开"),
    ("array {x} of the plain Zarr {y}, which records no revision", "数组 {x}，属于未记录版本的 Zarr {y}"),
    ("an array that is known only when it runs", "运行时才确定的数组"),
    ("what the function {x} makes by itself", "函数 {x} 自行生成的数据"),
    ("what was written into {x} beside its lineage: {y}", "写入 {x} 而其来源记录未涵盖的数据：{y}"),
    ("a streaming task whose recipe is not in the graph", "配方不在计算图中的流式任务"),
    ("served", "已提供"),
    ("{x} bytes unique, {y} gross", "去重 {x} 字节，累计 {y} 字节"),
    ("not told here", "此处未记录"),
)

_USAGE: _Rows = (
    ("unique", "去重"),
    ("gross", "累计"),
    ("purpose", "用途"),
    ("period", "时段"),
    ("complete", "是否完整"),
    ("in all", "总计"),
    ("missing", "缺失"),
    ("written", "已写入"),
    ("nothing is missing", "无缺失"),
    ("process {x} died: what it was served last may be missing", "进程 {x} 已终止：其最后读取的数据可能缺失"),
    (
        "process {x} died: what it was served last may be missing ({y})",
        "进程 {x} 已终止：其最后读取的数据可能缺失（{y}）",
    ),
    ("process {x} goes on ({y})", "进程 {x} 仍在运行（{y}）"),
    ("records are missing from the log of process {x} ({y})", "进程 {x} 的日志缺少记录（{y}）"),
    ("records are missing from the log of process {x}", "进程 {x} 的日志缺少记录"),
    ("the log of process {x} is damaged: {y}", "进程 {x} 的日志已损坏：{y}"),
    ("{x} is no log of reads as this version writes it ({y}", "{x} 不是本版本的读取日志（{y}"),
    ("the run {x} is not finished: what it was served is told at its end", "运行 {x} 尚未完成：结束时才记录其读取量"),
    ("{a} to {b}", "{a} 至 {b}"),
)

_TABLE = (*_WORDS, *_QUOTE, *_RIGHTS, *_LINEAGE, *_USAGE)


def said(text: str, language: str, *, rows: _Rows = ()) -> str:
    """
    A word or sentence of an answer in a language.

    Parameters
    ----------
    text : str
        As it was made, in English.
    language : {"en", "zh"}
        The language.
    rows : tuple of (str, str)
        Further sentences in English and Chinese, which count before the common ones.

    Returns
    -------
    str
        With the same names and numbers; as it was if no row fits.

    Examples
    --------
    >>> said("unknown: no offer is valid on 2026-06-01", "zh")
    '未知：2026-06-01 没有有效的报价'
    """
    return in_language(text, language, messages=(*rows, *_TABLE)) if text else text


def said_each(texts: tuple[str, ...], language: str, *, rows: _Rows = ()) -> str:
    """
    Clauses of an answer, one after the other.

    Parameters
    ----------
    texts : tuple of str
        As they were made, in English.
    language : {"en", "zh"}
        The language.
    rows : tuple of (str, str)
        Further sentences in English and Chinese.

    Returns
    -------
    str
        Parted by semicolons.
    """
    return ("；" if language == "zh" else "; ").join(said(one, language, rows=rows) for one in texts)
