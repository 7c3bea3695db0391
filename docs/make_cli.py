"""Write docs/cli.md from the commands themselves: ``python docs/make_cli.py``."""

import textwrap
from collections.abc import Iterator
from pathlib import Path

import click

from oceandata.cli import cli

TARGET = Path(__file__).with_name("cli.md")

_HEADER = """\
# The command `oceandata`

Written by `docs/make_cli.py` from the commands' own help; a test keeps the two in step. Every error is one sentence on
the error output; the exit code is then 1, and 2 if the command line itself cannot be understood.
"""


def commands(command: click.Command, name: str) -> Iterator[tuple[str, click.Command]]:
    """
    Every command below one, and itself, with the words that call it.

    Parameters
    ----------
    command : click.Command
        Where to begin.
    name : str
        The words that call it.

    Yields
    ------
    tuple of str and click.Command
        In the order of the help.
    """
    yield name, command
    if isinstance(command, click.Group):
        context = click.Context(command, info_name=name)
        for one in command.list_commands(context):
            found = command.get_command(context, one)
            assert found is not None
            yield from commands(found, f"{name} {one}")


def _prose(text: str) -> Iterator[str]:
    """Paragraphs; those that click keeps as they are become code."""
    for paragraph in textwrap.dedent(text).strip().split("\n\n"):
        if not paragraph.startswith("\b"):
            yield " ".join(paragraph.split())
            continue
        title, *lines = paragraph.removeprefix("\b").strip("\n").splitlines()
        yield title
        yield "\n".join(["```bash", *textwrap.dedent("\n".join(lines)).splitlines(), "```"])


def _usage(name: str, command: click.Command) -> str:
    words = [name, "[OPTIONS]"]
    for param in command.params:
        if isinstance(param, click.Argument):
            word = param.name or ""
            words.append(("[{}]" if not param.required else "{}").format(word.upper()) + "..." * (param.nargs == -1))
    if isinstance(command, click.Group):
        words.append("COMMAND")
    return "`" + " ".join(words) + "`"


def _option(option: click.Option) -> str:
    flags = ", ".join(option.opts) + "".join(f" / {flag}" for flag in option.secondary_opts)
    value = ""
    if not option.is_flag:
        choices = getattr(option.type, "choices", None)
        value = " " + (option.metavar or ("|".join(choices) if choices else option.type.name.upper()))
    shown = f" Default: {option.default}." if option.show_default and option.default is not None else ""
    return f"- `{flags}{value}`: {option.help}{' Needed.' if option.required else ''}{shown}"


def _section(name: str, command: click.Command) -> Iterator[str]:
    yield f"## {name}"
    yield _usage(name, command)
    yield from _prose(command.help or "")
    options = [_option(param) for param in command.params if isinstance(param, click.Option) and param.help]
    if options:
        yield "\n".join(options)


def reference() -> str:
    """
    The whole reference.

    Returns
    -------
    str
        Markdown.
    """
    parts = [_HEADER.strip()]
    for name, command in commands(cli, "oceandata"):
        parts += _section(name, command)
    return "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    TARGET.write_text(reference(), encoding="utf-8")
