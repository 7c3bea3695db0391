"""
Where bytes live: files checked and ingested into repositories, opened again, verified.

A repository is an Icechunk repository that holds one dataset as Zarr arrays; its groups are the layouts of that
dataset, a tag is a revision of it.
"""

from oceandata.storage.append import AppendPlan, plan_append
from oceandata.storage.append_writing import write_append
from oceandata.storage.chunks import plan_chunks
from oceandata.storage.counting import CountingStore, counted_reads
from oceandata.storage.differences import RevisionDiff, diff_revisions
from oceandata.storage.export import ExportPlan, ExportReport, export_revision, plan_export, verify_export
from oceandata.storage.files import open_files
from oceandata.storage.history import GarbageReport, RevisionRecord, collect_garbage, list_revisions
from oceandata.storage.ingest import IngestPlan, abandon_ingest, check_place, plan_ingest, write_repository
from oceandata.storage.layout_writing import write_layout
from oceandata.storage.layouts import LayoutChoice, LayoutPlan, cheaper_layout, plan_layout
from oceandata.storage.opening import open_dataset
from oceandata.storage.revisions import RevisionSummary, describe_revision
from oceandata.storage.soundness import inspect_file, inspect_paths, open_sound
from oceandata.storage.stores import open_repository, open_store
from oceandata.storage.verification import VerifyReport, verify_revision
from oceandata.storage.virtual import VirtualPlan, plan_virtual, write_virtual

__all__ = [
    "AppendPlan",
    "CountingStore",
    "ExportPlan",
    "ExportReport",
    "GarbageReport",
    "IngestPlan",
    "LayoutChoice",
    "LayoutPlan",
    "RevisionDiff",
    "RevisionRecord",
    "RevisionSummary",
    "VerifyReport",
    "VirtualPlan",
    "abandon_ingest",
    "cheaper_layout",
    "check_place",
    "collect_garbage",
    "counted_reads",
    "describe_revision",
    "diff_revisions",
    "export_revision",
    "inspect_file",
    "inspect_paths",
    "list_revisions",
    "open_dataset",
    "open_files",
    "open_repository",
    "open_sound",
    "open_store",
    "plan_append",
    "plan_chunks",
    "plan_export",
    "plan_ingest",
    "plan_layout",
    "plan_virtual",
    "verify_export",
    "verify_revision",
    "write_append",
    "write_layout",
    "write_repository",
    "write_virtual",
]
