"""Command on usage: what was served by product, revision and variable, as a table, JSON or a sheet."""

import sys
from pathlib import Path
from typing import Any

import click

from oceandata.cli.output import echo_facts, echo_json, echo_table, json_option

__all__ = ["usage"]


@click.command()
@click.argument("sources", nargs=-1, type=click.Path(path_type=Path), metavar="[RUN_DIR|FILE]...")
@click.option("--to", "target", type=click.Path(path_type=Path, dir_okay=False), help="Sheet (.csv or .xlsx) to write.")
@click.option(
    "--lang", type=click.Choice(("en", "zh")), help="Language; that of the session by default (OCEANDATA_LANGUAGE)."
)
@json_option
def usage(sources: tuple[Path, ...], *, target: Path | None, lang: Any, as_json: bool) -> None:
    """
    Report what was served by product, revision and variable: unique and gross bytes and chunks.

    Sources are folders that recordings were kept in, folders of runs of jobs (RUN_DIR is runs/NAME, or runs for all of
    them), and files with a lineage; the current folder by default. What is told twice counts once. The purpose is that
    of the recording or of the job. The exit code is 3 if anything may be missing; it is named.

    \b
    Examples:
      oceandata run climatology.yaml && oceandata trade usage runs/climatology
      oceandata trade usage nino34.nc box.nc --json
      oceandata trade usage runs --to usage.xlsx --lang zh
    """
    from oceandata.options import get_options
    from oceandata.trade.answers import said
    from oceandata.trade.usage import usage_report
    from oceandata.trade.usage_sheets import write_usage

    report, language = usage_report(*(sources or (Path(),))), lang or get_options().language
    if target is not None:
        write_usage(report, target, language=language)
    if as_json:
        echo_json(report.to_json())
    else:
        echo_table(report.table(language), report.headers(language))
        echo_facts([(said("missing", language), said(text, language)) for text in report.missing])
        echo_facts([(said("written", language), target)] if target else [])
    sys.exit(0 if report.complete else 3)
