"""
In and out: sheets, STAC and intake-esm into a catalogue; entries as STAC, DCAT and sheets.

Exporters are pure functions on the entry that give plain dicts, and write only what
`oceandata.catalog.release.public_fields` lets through.
"""

from oceandata.catalog.transfer.columns import load_column_map
from oceandata.catalog.transfer.dcat import catalog_to_dcat, check_dcat, entry_to_dcat
from oceandata.catalog.transfer.exporting import ExportReport, export_entries
from oceandata.catalog.transfer.importing import ImportReport, import_entries
from oceandata.catalog.transfer.sheets import entry_to_cells, write_sheet, write_sheet_template
from oceandata.catalog.transfer.stac import catalog_to_stac, check_stac, entry_to_stac

__all__ = [
    "ExportReport",
    "ImportReport",
    "catalog_to_dcat",
    "catalog_to_stac",
    "check_dcat",
    "check_stac",
    "entry_to_cells",
    "entry_to_dcat",
    "entry_to_stac",
    "export_entries",
    "import_entries",
    "load_column_map",
    "write_sheet",
    "write_sheet_template",
]
