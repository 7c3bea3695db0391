"""Every sentence that a check of a package can say is there in Chinese."""

import ast
import inspect
import re
from collections.abc import Iterator
from types import ModuleType

import pytest

from oceandata.trade.answers import said
from oceandata.trade.delivery import chunk_proofs, opening, verification, walking
from oceandata.trade.delivery.words import WORDS


def _sentence(node: ast.expr) -> str:
    """Text of a string, x for what is filled in."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(one.value if isinstance(one, ast.Constant) else "x" for one in node.values)  # type: ignore[misc]
    return ""


def _said(module: ModuleType) -> Iterator[str]:
    """Sentences that a module tells as faults, as proved, or as not proved."""
    for node in ast.walk(ast.parse(inspect.getsource(module))):
        values: list[ast.expr | None] = []
        if isinstance(node, ast.Yield | ast.Return):
            values = list(node.value.elts) if isinstance(node.value, ast.Tuple) else [node.value]
        elif (
            isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ("add", "append")
        ):
            values = list(node.args)
        for value in values:
            branches = [value.body, value.orelse] if isinstance(value, ast.IfExp) else [value]
            yield from (_sentence(one) for one in branches if one is not None)


@pytest.mark.parametrize("module", [verification, chunk_proofs, walking, opening], ids=lambda one: one.__name__)
def test_every_sentence_has_its_chinese(module: ModuleType) -> None:
    sentences = [one for one in _said(module) if len(one.split()) > 2]
    assert sentences
    for sentence in sentences:
        found = [said(text, "zh", rows=WORDS) for text in (sentence, f"x {sentence}")]
        assert any(re.search("[\u4e00-\u9fff]", one) for one in found), sentence


def test_no_row_comes_after_one_that_takes_its_place() -> None:
    """A row that a more general one before it fits would never count."""
    for number, (english, chinese) in enumerate(WORDS):
        filled = re.sub(r"\{\w+\}", "7", english)
        assert said(filled, "zh", rows=WORDS) == re.sub(r"\{\w+\}", "7", chinese), (number, english)
