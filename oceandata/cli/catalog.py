"""The group of commands on catalogues; each is imported when it is called."""

import click

from oceandata.cli.lazy import LazyGroup

__all__ = ["COMMANDS", "catalog"]

#: Where each command lives, and its one line of help.
COMMANDS = {
    "list": ("oceandata.cli.catalog_search:list_entries", "List the entries of a catalogue."),
    "show": ("oceandata.cli.catalogs:show", "Show one entry."),
    "search": (
        "oceandata.cli.catalog_search:search",
        "Search by words in two languages, place, time, depth and variable.",
    ),
    "index": ("oceandata.cli.catalog_search:index", "Index bulk entries, or bring their index up to date."),
    "scan": ("oceandata.cli.catalog_scan:scan", "Find the datasets below folders, and catalogue them."),
    "new": ("oceandata.cli.catalog_curation:new", "Draft an entry from the data, with marks where you must decide."),
    "edit": ("oceandata.cli.catalog_curation:edit", "Edit a draft, then see every fault with its line."),
    "check": ("oceandata.cli.catalogs:check", "Check a catalogue file or a draft: every fault with its line."),
    "publish": ("oceandata.cli.catalog_curation:publish", "Put a draft into a catalogue that others read."),
    "register": ("oceandata.cli.catalogs:register", "Put an existing repository into a catalogue."),
    "update": ("oceandata.cli.catalogs:update", "Bring an entry up to the newest revision of its repository."),
    "template": ("oceandata.cli.catalogs:template", "Print an overlay, or write a sheet, to fill in."),
    "import": ("oceandata.cli.catalog_transfer:import_entries", "Import a sheet, STAC or intake-esm into a catalogue."),
    "export": ("oceandata.cli.catalog_transfer:export_entries", "Export entries as STAC, DCAT or a sheet."),
}


@click.group(cls=LazyGroup, commands_at=COMMANDS)
def catalog() -> None:
    """
    List, show, search, check and extend catalogues.

    \b
    Examples:
      oceandata catalog list --catalog catalog.yaml
      oceandata catalog search 渤海 水温 --time 2009/2010
    """
