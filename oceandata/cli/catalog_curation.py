"""Commands of those who look after a catalogue: new, edit, publish."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from oceandata.cli.catalogs import path_option
from oceandata.cli.output import echo_facts, echo_json, json_option

if TYPE_CHECKING:
    from oceandata.catalog.drafts import Draft

__all__ = ["complete_draft", "edit", "new", "publish"]


def complete_draft(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:  # noqa: ARG001
    """Names of the drafts beside the catalogue that was given, for the shell."""
    folder = Path(ctx.params.get("path") or "catalog.yaml").parent / "drafts"
    return sorted(file.stem for file in folder.glob("*.yaml") if file.stem.startswith(incomplete))


_lang_option = click.option(
    "--lang", type=click.Choice(("en", "zh")), help="Language of the faults; the session's by default."
)


def _report(draft: "Draft", *, lang: str | None, as_json: bool) -> None:
    """Faults of a draft and what is left to decide; the exit code is 1 if there is an error."""
    import dataclasses

    from oceandata.catalog import check_catalog
    from oceandata.catalog.messages import SEVERITIES, translated
    from oceandata.options import get_options

    language = lang or get_options().language
    faults = [translated(fault, language) for fault in check_catalog(draft.path)]
    if as_json:
        echo_json({"draft": str(draft.path), "faults": [dataclasses.asdict(fault) for fault in faults]})
    else:
        for fault in faults:
            click.echo(f"{fault.file}:{fault.line}: {SEVERITIES[language][fault.severity]}: {fault.message}")
        click.echo(f"draft {draft.path}: {len(draft.marks)} left to decide")
    sys.exit(1 if any(fault.severity == "error" for fault in faults) else 0)


@click.command()
@click.argument("places", nargs=-1, required=True, metavar="URL|FILES...")
@click.option("--entry", "name", required=True, help="Name of the entry (lower case, digits, underscores).")
@path_option
@click.option("--replace", is_flag=True, help="Take the place of a draft of the same name.")
@click.option("--dry-run", is_flag=True, help="Print what the data say, write nothing.")
@json_option
def new(places: tuple[str, ...], *, name: str, path: Path, replace: bool, dry_run: bool, as_json: bool) -> None:
    """
    Draft an entry from a repository, plain Zarr or NetCDF files.

    The draft lies in the folder 'drafts' beside the catalogue. Lines that begin with '# decide:' name what a person
    must decide about the field below them.

    \b
    Examples:
      oceandata catalog new holdings/sst --entry sst_daily --catalog catalog.yaml
      oceandata catalog new 2009.nc 2010.nc --entry sst_files --catalog catalog.yaml
    """
    from oceandata import catalog as catalogs

    if dry_run:
        from oceandata.catalog.contents import read_contents

        contents = read_contents(places)
        facts = {
            "variables": ", ".join(contents.variables),
            "layouts": ", ".join(f"{layout} ({one.type})" for layout, one in contents.assets.items()),
            "extent": contents.extent.to_json(),
        }
        echo_json(facts) if as_json else echo_facts([*facts.items(), ("written", "nothing")])
        return
    draft = catalogs.new_draft(places, name=name, catalog_path=path, replace=replace)
    if as_json:
        marks = {".".join(map(str, place)): what for place, what in draft.marks.items()}
        echo_json({"draft": str(draft.path), "decide": marks})
        return
    for place, what in draft.marks.items():
        click.echo(f"{draft.path}:{draft.lines[place]}: decide: {'.'.join(map(str, place))}: {what}")
    click.echo(f"draft {draft.path}: {len(draft.marks)} left to decide")


@click.command()
@click.argument("name", shell_complete=complete_draft)
@path_option
@click.option(
    "--set",
    "decisions",
    multiple=True,
    metavar="FIELD=VALUE",
    help="Decide on a field, such as license=CC-BY-4.0; opens no editor. May be given several times.",
)
@_lang_option
@json_option
def edit(name: str, *, path: Path, decisions: tuple[str, ...], lang: str | None, as_json: bool) -> None:
    """
    Edit a draft, then see every fault with its line.

    Opens the editor that VISUAL or EDITOR names; with --set it opens none. An entry of the catalogue that has no
    draft gets one. The exit code is 1 if the draft has an error.

    \b
    Examples:
      oceandata catalog edit sst_daily --catalog catalog.yaml
      oceandata catalog edit sst_daily --set license=CC-BY-4.0 --set title_zh=日平均海表温度
    """
    from oceandata.catalog import decide
    from oceandata.catalog.curation import require_draft
    from oceandata.catalog.drafts import read_draft

    wrong = [one for one in decisions if not one.partition("=")[1] or not one.partition("=")[0].strip()]
    if wrong:
        raise click.BadParameter(f"got {wrong[0]!r}, need FIELD=VALUE.", param_hint="--set")  # noqa: EM102
    draft = require_draft(path, name)
    if decisions:
        pairs = (one.partition("=") for one in decisions)
        draft = decide(draft.path, {field.strip(): value for field, _, value in pairs})
    else:
        click.edit(filename=str(draft.path), require_save=False)
        draft = read_draft(draft.path)
    _report(draft, lang=lang, as_json=as_json)


@click.command()
@click.argument("name", shell_complete=complete_draft)
@path_option
@click.option("--to", required=True, type=click.Path(path_type=Path, dir_okay=False), help="Catalogue to publish into.")
@click.option(
    "--grade",
    required=True,
    type=click.Choice(("general", "important", "core")),
    help="Classification after GB/T 43697-2024.",
)
@click.option("--decided-by", required=True, help="The person who decided that it may be published so, by name.")
@click.option("--note", default="", help="Why, or the document in which it stands.")
@click.option("--replace", is_flag=True, help="Take the place of an entry of the same name.")
@json_option
def publish(
    name: str, *, path: Path, to: Path, grade: str, decided_by: str, note: str, replace: bool, as_json: bool
) -> None:
    """
    Put a draft into a catalogue that others read.

    Refused unless its data open and are what it says, nothing is left to decide, and no value is doubtful. Only public
    fields go out: no internal address, path or e-mail. The decision on the grade stays in the draft.

    \b
    Example:
      oceandata catalog publish sst_daily --to public/catalog.yaml --grade general --decided-by "Li Si" --note "No. 12"
    """
    from oceandata import catalog as catalogs

    entry = catalogs.publish_draft(
        name,
        catalog_path=path,
        to=to,
        grade=grade,  # type: ignore[arg-type]  # one of the choices
        decided_by=decided_by,
        note=note,
        replace=replace,
    )
    if as_json:
        echo_json(entry.to_json())
        return
    echo_facts(
        [("entry", f"{entry.id} in {to}"), ("title", entry.title), ("grade", entry.grade), ("licence", entry.license)]
    )
