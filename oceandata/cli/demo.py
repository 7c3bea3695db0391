"""The command that runs the main job."""

import shlex
import shutil
import sys
from pathlib import Path

import click

__all__ = ["demo", "say"]


def say(sentence: str, *, heading: bool = False, lines: str = "") -> None:
    """Print a sentence, a heading or a block."""
    if heading:
        click.secho(f"\n{sentence}", bold=True)
    else:
        click.echo(f"   {sentence}")
    for line in lines.splitlines():
        click.echo(f"      {line}")


@click.command()
@click.option(
    "--to",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("oceandata-demo"),
    show_default=True,
    help="Folder to write into; an earlier demonstration there is replaced.",
)
def demo(folder: Path) -> None:
    """
    Run the main job on real data, start to end.

    A NetCDF file of sea-surface temperatures is checked, written into a verified repository, described, found, opened,
    analysed (climatology, anomaly, Niño 3.4) and accounted for: product, revision, licence and bytes of every result.

    \b
    Example:
      oceandata demo --to first-look
    """
    from oceandata.demo import run_demo

    written = run_demo(folder, say)
    click.secho("\nWhat to type next", bold=True)
    catalogue, series, repository = (
        shlex.quote(str(path))
        for path in (written["catalogue"], written["series"], written["catalogue"].parent / "ostia_sst_monthly")
    )
    command = "oceandata" if shutil.which("oceandata") else shlex.quote(sys.argv[0])
    for line in (
        f"{command} catalog show ostia_sst_monthly --catalog {catalogue}",
        f"{command} compute area_mean ostia_sst_monthly --catalog {catalogue} --to mean.nc --plot mean.png",
        f"{command} lineage {series}",
        f"{command} verify {repository}",
    ):
        click.echo(f"   {line}")
