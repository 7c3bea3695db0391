"""Printing: tables and facts for people, JSON for scripts."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

import click

__all__ = ["COUNT", "echo_facts", "echo_json", "echo_table", "json_option"]

#: Type of options that count things or bytes.
COUNT = click.IntRange(min=1)

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for a script.")


def echo_json(document: Any) -> None:
    """Print a document as JSON; Chinese stays readable."""
    click.echo(json.dumps(document, ensure_ascii=False, indent=2, default=str))


def echo_table(rows: Iterable[Sequence[object]], headers: Sequence[str]) -> None:
    """Print a table that fits the terminal, or plain lines if there is none."""
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for header in headers:
        table.add_column(header, overflow="fold")
    for row in rows:
        table.add_row(*(str(cell) for cell in row))
    console = Console(width=None if Console().is_terminal else 160)
    console.print(table)


def echo_facts(pairs: Iterable[tuple[str, object]]) -> None:
    """Print names and values, one a line; Chinese characters take two columns."""
    from rich.cells import cell_len

    pairs = list(pairs)
    width = max((cell_len(name) for name, _ in pairs), default=0) + 2
    for name, value in pairs:
        click.echo(f"{name}{' ' * (width - cell_len(name))}{value}")
