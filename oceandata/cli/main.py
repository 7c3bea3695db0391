"""The command itself: lazy sub-commands, and every error as one clear sentence with a non-zero exit."""

import sys

import click

import oceandata
from oceandata.cli.lazy import LazyGroup
from oceandata.errors import OceanDataError

__all__ = ["COMMANDS", "cli", "main"]

#: Where each command lives, and its one line of help, so that listing them loads nothing.
COMMANDS = {
    "inspect": ("oceandata.cli.files:inspect", "Check files: are they what they claim to be?"),
    "ingest": ("oceandata.cli.files:ingest", "Write files into a repository, and register it in a catalogue."),
    "append": ("oceandata.cli.append:append", "Add time steps to a repository, or replace some, as a new revision."),
    "verify": ("oceandata.cli.files:verify", "Read a repository again and compare it with what was recorded."),
    "layout": (
        "oceandata.cli.repositories:layout",
        "Write a repository's values in other chunks, as a further layout.",
    ),
    "export": ("oceandata.cli.repositories:export", "Write a revision as plain Zarr, with the same stored bytes."),
    "history": ("oceandata.cli.repositories:history", "List the revisions of a repository."),
    "diff": ("oceandata.cli.repositories:diff", "Tell what changed between two revisions."),
    "gc": ("oceandata.cli.repositories:gc", "Remove what no revision and no unfinished work refers to."),
    "catalog": ("oceandata.cli.catalog:catalog", "List, show, search, check and extend catalogues."),
    "subset": ("oceandata.cli.subset:subset", "Write a part of a dataset as NetCDF, Zarr, CSV or Parquet."),
    "compute": (
        "oceandata.cli.results:compute",
        "Compute a routine on a dataset and save the result with its lineage.",
    ),
    "plan": ("oceandata.cli.batch:plan", "Tell what a job will read, write, need and owe."),
    "run": ("oceandata.cli.batch:run", "Run a job, or go on with it."),
    "status": ("oceandata.cli.batch:status", "Tell how far a run is."),
    "submit": ("oceandata.cli.batch_submit:submit", "Submit a job to Slurm, as an array that shares the work."),
    "lineage": ("oceandata.cli.results:lineage", "Show what a result was made of."),
    "trade": ("oceandata.cli.trade:trade", "Products, quotes, rights, usage, the registry and deliveries."),
    "doctor": ("oceandata.cli.doctor:doctor", "Show versions, memory, fonts and anything that is wrong here."),
    "demo": ("oceandata.cli.demo:demo", "Run the main job on real data, start to end."),
}


@click.group(
    cls=LazyGroup,
    commands_at=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
@click.version_option(oceandata.__version__, prog_name="oceandata")
def cli() -> None:
    """
    Find, trust, analyse and trade very large ocean holdings.

    \b
    First steps:
      oceandata demo                       the whole way on real data, two minutes
      oceandata inspect FILE.nc            is the file sound?
      oceandata ingest *.nc --into DIR     files into a verified repository
      oceandata catalog search 海表温度 --catalog catalog.yaml

    Tab completion for bash: eval "$(_OCEANDATA_COMPLETE=bash_source oceandata)"
    """


def main() -> None:
    """Run the command; errors made on purpose print one sentence and exit with 1."""
    try:
        cli.main(prog_name="oceandata", standalone_mode=False)
    except click.exceptions.Exit as leaving:
        sys.exit(leaving.exit_code)
    except click.Abort:
        click.echo("Stopped. What was committed is kept; the same command continues.", err=True)
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except OceanDataError as error:
        click.echo(f"{type(error).__name__}: {error}", err=True)
        sys.exit(1)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)
    except OSError as error:
        click.echo(f"{type(error).__name__}: {error}", err=True)
        sys.exit(1)
