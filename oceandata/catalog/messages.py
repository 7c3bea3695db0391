"""
The sentences of faults in English and Chinese, in one table.

Faults are written in English where they are found. A row of the table holds the English sentence with its names and
numbers as ``{x}``, and the Chinese one; what stands for ``{near}`` or ``{reason}`` is a sentence of its own and is
translated too. A sentence without a row stays English.
"""

import dataclasses
import re
from functools import cache

from oceandata.catalog.faults import Fault
from oceandata.errors import InputError

__all__ = ["LANGUAGES", "MESSAGES", "SEVERITIES", "in_language", "translated"]

#: Languages of faults.
LANGUAGES = ("en", "zh")

#: Severities by language.
SEVERITIES = {
    "en": {"error": "error", "warning": "warning"},
    "zh": {"error": "错误", "warning": "警告"},
}

# A longer sentence holds a stranger's text, on which the patterns could take long.
_LONGEST = 500

#: English and Chinese sentences; the first row that fits counts.
MESSAGES: tuple[tuple[str, str], ...] = (
    # YAML
    ("the file is empty.", "文件为空。"),
    (
        "a second document begins, need one document a file. Remove '---'.",
        "出现第二个文档；每个文件只能有一个文档。请删除“---”。",
    ),
    ("the document is nested deeper than {n} levels.", "文档嵌套超过 {n} 层。"),
    ("anchors and aliases are not accepted ({x}). Write the value out.", "不接受锚点和别名（{x}）。请直接写出数值。"),
    ("tags are not accepted: got {x}, need a plain value.", "不接受标签：得到 {x}，需要普通值。"),
    ("a key must be plain text.", "键必须是普通文本。"),
    (
        "key {x} is read as {kind}, need text. Put it in quotes.",
        "键 {x} 被读作 {kind}，需要文本。请加引号。",
    ),
    (
        "value {x} cannot be read ({why}). Put it in quotes if it is text.",
        "值 {x} 无法读取（{why}）。若为文本，请加引号。",
    ),
    (
        "key {x} stands twice, first in line {n}. Remove one of them.",
        "键 {x} 出现两次，第一次在第 {n} 行。请删除其中一个。",
    ),
    ("byte {x} is not UTF-8. Save the file as UTF-8.", "字节 {x} 不是 UTF-8。请将文件存为 UTF-8。"),
    ("not YAML: {why}.", "不是 YAML：{why}。"),
    # safety
    (
        "{where} holds a template, {x}: only {dir} is filled in. Write the value out.",
        "{where} 含有模板 {x}：只会填充 {dir}。请直接写出数值。",
    ),
    (
        "{where} looks like a secret, which a catalogue must not hold. Remove it, and change it.",
        "{where} 疑似密钥，目录中不得保存。请删除，并更换该密钥。",
    ),
    (
        "{where} holds a sign that steers a terminal, {x}. Take it out.",
        "{where} 含有控制终端的字符 {x}。请删除。",
    ),
    (
        "{where} is {x}: braces are accepted only as '{dir}' at the start of a URL.",
        "{where} 为 {x}：花括号只能以“{dir}”的形式出现在地址开头。",
    ),
    (
        "the scheme {x} is not accepted, need one of {list}, or a path.",
        "不接受协议 {x}，需要 {list} 之一，或路径。",
    ),
    ("http:// serves this machine only, need https://.", "http:// 只用于本机，需要 https://。"),
    (
        "a user or password has no place in a URL. Name a profile instead.",
        "地址中不得含用户名或密码。请改用配置名（profile）。",
    ),
    (
        "a query has no place in the address of a store. Give the address alone.",
        "数据地址中不得含查询参数。请只写地址。",
    ),
    (
        "'..' leads out of the folder of the catalogue. Put the data below it, or write the whole path.",
        "“..”会离开目录文件所在的文件夹。请把数据放在其下，或写完整路径。",
    ),
    ("its symbolic links lead nowhere. Write the place itself.", "其符号链接没有终点。请写实际位置。"),
    (
        "a symbolic link leads out of the folder of the catalogue. Write the place itself.",
        "符号链接指向目录文件所在文件夹之外。请写实际位置。",
    ),
    # form of the file
    ("the file holds a {kind}, need the keys {list}.", "文件内容为 {kind}，需要键 {list}。"),
    ("the file holds a {kind}, need the fields of an entry.", "文件内容为 {kind}，需要条目的字段。"),
    ("{where} lacks {list}; Intake needs all of its keys.", "{where} 缺少 {list}；Intake 需要全部的键。"),
    ("{where} has an unknown key {x}. {near}", "{where} 有未知的键 {x}。{near}"),
    ("version is {x}, need 2 (the form of Intake 2).", "version 为 {x}，需要 2（Intake 2 的格式）。"),
    ("{where} is {x}, need a mapping ({{}} if it is empty).", "{where} 为 {x}，需要映射（为空时写 {{}}）。"),
    (
        "{where} has content, need {{}}: parameters and data sections are not accepted.",
        "{where} 有内容，需要 {{}}：不接受参数和 data 部分。",
    ),
    ("{where} has content, need {{}}.", "{where} 有内容，需要 {{}}。"),
    (
        "alias {x} cannot be used: need a lower-case name that Intake does not use itself.",
        "别名 {x} 不可用：需要小写且 Intake 自身未使用的名称。",
    ),
    ("alias {x} stands for {y}, no entry. {near}", "别名 {x} 指向 {y}，但没有该条目。{near}"),
    ("alias {x} stands for {y}, but there is an entry of that name.", "别名 {x} 指向 {y}，但已有同名条目。"),
    (
        "entry {x} is not among the aliases, so Intake does not list it. Add '{y}'.",
        "条目 {x} 不在 aliases 中，Intake 不会列出它。请添加“{y}”。",
    ),
    ("{where} is {x}, need the keys {list}.", "{where} 为 {x}，需要键 {list}。"),
    ("{where} has {x}, need only 'entry'.", "{where} 有 {x}，只能有 'entry'。"),
    ("{where} lacks 'entry', the document of the dataset.", "{where} 缺少 'entry'，即数据集的文档。"),
    ("id is {x}, but the entry is called {y}.", "id 为 {x}，但条目名为 {y}。"),
    ("id is {x}, but the draft is called {y}.", "id 为 {x}，但草稿名为 {y}。"),
    (
        "{where} is {x}, need {y}: a catalogue cannot name other code.",
        "{where} 为 {x}，需要 {y}：目录不得指定其他代码。",
    ),
    ("{where} is {x}, need a mapping.", "{where} 为 {x}，需要映射。"),
    ("{where} has {x}, which the reader does not take. {near}", "{where} 有 {x}，读取器不接受。{near}"),
    ("{where} is {x}, but the entry says {y}.", "{where} 为 {x}，但条目写的是 {y}。"),
    # values
    (
        "{where} names {list}, no known SPDX identifier: correct it, or write LicenseRef-NAME.",
        "{where} 中的 {list} 不是已知的 SPDX 标识：请更正，或写作 LicenseRef-名称。",
    ),
    (
        "{where} is NOASSERTION: nobody knows what is allowed. Ask the provider.",
        "{where} 为 NOASSERTION：许可不明。请询问数据提供方。",
    ),
    (
        "{where}: unit {x} is not in the table of units. {near} Pass units= with a known one.",
        "{where}：单位 {x} 不在单位表中。{near}请改用已知单位。",
    ),
    (
        "{where} is {x}, but {y} is measured in {unit}. Correct one.",
        "{where} 为 {x}，但 {y} 的单位应为 {unit}。请更正其一。",
    ),
    (
        "{where} is {x}, which has no form of a CF standard name. Correct it.",
        "{where} 为 {x}，不符合 CF 标准名的形式。请更正。",
    ),
    ("{where} is {x}, which may be mistyped. {near}", "{where} 为 {x}，可能拼写有误。{near}"),
    (
        "{where} is the point 0° N 0° E: positions were missing. Correct it.",
        "{where} 为 0°N 0°E 一点：位置缺失所致。请更正。",
    ),
    (
        "{where} is {x}, need years {a} to {b}. Is the calendar or the unit wrong?",
        "{where} 为 {x}，年份应在 {a} 至 {b} 之间。日历或单位是否有误？",
    ),
    (
        "{where} is 1970-01-01 alone, where missing times end up. Correct it.",
        "{where} 只有 1970-01-01，缺失时间常落在此日。请更正。",
    ),
    (
        "{where} is {x}, need an ISO 8601 duration such as P1D, PT6H or P1M.",
        "{where} 为 {x}，需要 ISO 8601 时段，如 P1D、PT6H、P1M。",
    ),
    ("{where} is {x} m, need {a} to {b}. Is it in m?", "{where} 为 {x} 米，应在 {a} 至 {b} 之间。单位是米吗？"),
    (
        "{where} has chunks of {x}, which is no variable of the entry. Correct it.",
        "{where} 给出了 {x} 的分块，但条目没有该变量。请更正。",
    ),
    ("{n} entries in one file, need {m} at most. Split it.", "一个文件有 {n} 个条目，最多 {m} 个。请拆分。"),
    # gaps
    ("{where} is missing: give a title in Chinese.", "缺少 {where}：请给出中文标题。"),
    ("{where} is missing: give a summary.", "缺少 {where}：请给出英文摘要。"),
    ("{where} is missing: give a summary in Chinese.", "缺少 {where}：请给出中文摘要。"),
    ("{where} is missing: give keywords.", "缺少 {where}：请给出英文关键词。"),
    ("{where} is missing: give keywords in Chinese.", "缺少 {where}：请给出中文关键词。"),
    ("{where} is missing: give the attribution that a user must show.", "缺少 {where}：请给出使用者须标注的署名。"),
    ("{where} is missing: give how to cite it.", "缺少 {where}：请给出引用方式。"),
    ("{where} is missing: give who made it.", "缺少 {where}：请给出制作者。"),
    ("{where} is missing: give a processing level.", "缺少 {where}：请给出处理级别。"),
    ("{where} is unknown: the entry is not found by place.", "{where} 未知：无法按地点检索到该条目。"),
    ("{where} has no standard name: give canonical_name.", "{where} 没有标准名：请给出 canonical_name。"),
    (
        "{where} has no units: give units ('1' if it is a pure number).",
        "{where} 没有单位：请给出 units（纯数写“1”）。",
    ),
    ("{where} has no name in Chinese: give long_name_zh.", "{where} 没有中文名：请给出 long_name_zh。"),
    ("{where} has no content root: its bytes cannot be verified.", "{where} 没有内容根：无法核验其字节。"),
    # data
    ("{where} is not verified: {reason}", "{where} 未能核实：{reason}"),
    ("{where} cannot be opened: {reason}", "{where} 无法打开：{reason}"),
    ("{where} is dead: {reason}", "{where} 已失效：{reason}"),
    ("{where} is {x}, but the data have {y}.", "{where} 为 {x}，但数据为 {y}。"),
    ("{where} is not in layout {x} of the data. {near}", "数据的布局 {x} 中没有 {where}。{near}"),
    ("{where} is not in layout {x} of the data.", "数据的布局 {x} 中没有 {where}。"),
    (
        "{label}the data hold {x}, which the entry does not describe. Add it to variables.",
        "{label}数据中有 {x}，条目未描述。请加入 variables。",
    ),
    ("left to decide: {reason}", "待定：{reason}"),
    # documents
    ("{where}: unknown key {x}. {near}.", "{where}：未知的键 {x}。{near}"),
    ("{where}: Field required.", "{where}：缺少此字段。"),
    ("{where}: String should have at least 1 character, got {x}.", "{where}：不能为空，得到 {x}。"),
    ("{where}: Input should be a valid string, got {x}.", "{where}：需要文本，得到 {x}。"),
    ("{where}: Input should be a valid number{why}, got {x}.", "{where}：需要数字，得到 {x}。"),
    ("{where}: Input should be a valid integer{why}, got {x}.", "{where}：需要整数，得到 {x}。"),
    ("{where}: Input should be a valid tuple, got {x}.", "{where}：需要列表，得到 {x}。"),
    ("{where}: Input should be a valid dictionary{why}, got {x}.", "{where}：需要映射，得到 {x}。"),
    ("{where}: Input should be a valid date{why}, got {x}.", "{where}：需要日期，得到 {x}。"),
    ("{where}: Input should be greater than or equal to {n}, got {x}.", "{where}：不得小于 {n}，得到 {x}。"),
    ("{where}: Input should be {list}, got {x}.", "{where}：需要 {list}，得到 {x}。"),
    ("{where}: String should match pattern {p}, got {x}.", "{where}：需符合格式 {p}，得到 {x}。"),
    (
        "{where}: bbox latitudes are {a} to {b}, need -90 <= south <= north <= 90.",
        "{where}：bbox 的纬度为 {a} 至 {b}，需要 -90 <= 南 <= 北 <= 90。",
    ),
    (
        "{where}: bbox longitudes are {a} to {b}, need -180 to 360.",
        "{where}：bbox 的经度为 {a} 至 {b}，需在 -180 至 360。",
    ),
    ("{where}: time begins {a} after it ends {b}.", "{where}：时间起点 {a} 晚于终点 {b}。"),
    ("{where}: depth_m is {a} to {b}, need the top first.", "{where}：depth_m 为 {a} 至 {b}，应上界在前。"),
    (
        "{where}: dimensions, shape and chunks are {a}: need equal lengths.",
        "{where}：dimensions、shape 和 chunks 为 {a}：长度须一致。",
    ),
    (
        "{where}: a repository needs revision and snapshot, got {a} and {b}.",
        "{where}：数据仓库需要 revision 和 snapshot，得到 {a} 和 {b}。",
    ),
    ("{where}: files belong to NetCDF, but type is {x}.", "{where}：files 只用于 NetCDF，但 type 为 {x}。"),
    ("{where}: files lie below href, but one is {x}.", "{where}：files 须在 href 之下，但有 {x}。"),
    (
        "{where}: an example product has no listing, but listing_url is {x}.",
        "{where}：示例产品没有挂牌，但 listing_url 为 {x}。",
    ),
    (
        "{where}: id {x} is a name that Intake catalogues use themselves; choose another.",
        "{where}：id {x} 是 Intake 目录自用的名称，请另取。",
    ),
    (
        "{where}: assets is empty, need at least one place the dataset is stored.",
        "{where}：assets 为空，至少需要一处存放位置。",
    ),
    # near names
    ("Close: {list}.", "相近：{list}。"),
    ("Close: {list}", "相近：{list}。"),
    ("There is: {list}", "现有：{list}"),
    # marks of drafts
    ("title in English; the data have none", "英文标题；数据中没有"),
    ("title in Chinese (中文标题)", "中文标题"),
    (
        "grade after GB/T 43697-2024: general, important or core; 'catalog publish --grade' sets it",
        "按 GB/T 43697-2024 定级：general（一般）、important（重要）或 core（核心）；由“catalog publish --grade”写入",
    ),
    (
        "place: bbox [west, south, east, north]; it could not be read from the data",
        "范围：bbox [西, 南, 东, 北]；数据中读不出",
    ),
    (
        "licence, as an SPDX expression or LicenseRef-NAME; the data name none",
        "许可，写作 SPDX 表达式或 LicenseRef-名称；数据中没有",
    ),
    (
        "licence, as an SPDX expression or LicenseRef-NAME; the data say {x}",
        "许可，写作 SPDX 表达式或 LicenseRef-名称；数据中写的是 {x}",
    ),
    (
        "standard name, proposed with confidence {n}: {why}",
        "标准名，建议值的置信度为 {n}（{why}）",
    ),
    ("standard name", "标准名"),
    (
        "unit, '1' if it is a pure number; the data have none, proposed with confidence {n}: {why}",
        "单位，纯数写“1”；数据中没有，建议值的置信度为 {n}（{why}）",
    ),
    (
        "unit, '1' if it is a pure number; {x} is not known, proposed with confidence {n}: {why}",
        "单位，纯数写“1”；{x} 不是已知单位，建议值的置信度为 {n}（{why}）",
    ),
    ("unit, '1' if it is a pure number; the data have none", "单位，纯数写“1”；数据中没有"),
    ("unit, '1' if it is a pure number; {x} is not known", "单位，纯数写“1”；{x} 不是已知单位"),
    # whatever else is wrong with a value or a place
    ("{where} is {x}, need {y}.", "{where} 为 {x}，需要 {y}。"),
    ("{where} is {x}: {reason}", "{where} 为 {x}：{reason}"),
)


@cache
def _patterns(messages: tuple[tuple[str, str], ...]) -> tuple[tuple[re.Pattern[str], str], ...]:
    """Rows as patterns of the English sentence, and the Chinese one."""
    rows = []
    for english, chinese in messages:
        parts = re.split(r"\{(\w+)\}", english.replace("{{", "\0").replace("}}", "\1"))
        pattern = "".join(
            f"(?P<{part}>.*?)" if number % 2 else re.escape(part.replace("\0", "{").replace("\1", "}"))
            for number, part in enumerate(parts)
        )
        rows.append((re.compile(pattern, re.DOTALL), chinese))
    return tuple(rows)


def in_language(sentence: str, language: str, *, messages: tuple[tuple[str, str], ...] = MESSAGES) -> str:
    """
    Sentence of a fault in a language.

    Parameters
    ----------
    sentence : str
        As it was written where the fault was found, in English.
    language : {"en", "zh"}
        The language.
    messages : tuple of (str, str)
        Table of sentences in English and Chinese; the first row that fits counts.

    Returns
    -------
    str
        With the same names and numbers; English if the table has no row for it, or it is longer than any row.

    Raises
    ------
    InputError
        If there is no such language.

    Examples
    --------
    >>> in_language("version is 1, need 2 (the form of Intake 2).", "zh")
    'version 为 1，需要 2（Intake 2 的格式）。'
    """
    if language not in LANGUAGES:
        msg = f"language is {language!r}, need one of {', '.join(LANGUAGES)}."
        raise InputError(msg)
    if language == "en" or len(sentence) > _LONGEST:
        return sentence
    for pattern, chinese in _patterns(messages):
        found = pattern.fullmatch(sentence)
        if found is not None:
            values = found.groupdict()
            for name in ("near", "reason"):
                if values.get(name):
                    values[name] = in_language(values[name], language, messages=messages)
            return chinese.format(**values)
    return sentence


def translated(fault: Fault, language: str, *, messages: tuple[tuple[str, str], ...] = MESSAGES) -> Fault:
    """
    Fault in a language.

    Parameters
    ----------
    fault : Fault
        As it was found.
    language : {"en", "zh"}
        The language.
    messages : tuple of (str, str)
        Table of sentences in English and Chinese.

    Returns
    -------
    Fault
        With the same file, line and severity.

    Raises
    ------
    InputError
        If there is no such language.
    """
    return dataclasses.replace(fault, message=in_language(fault.message, language, messages=messages))
