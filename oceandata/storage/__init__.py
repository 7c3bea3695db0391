"""
Where bytes live: files checked and ingested into repositories, opened again, verified.

A repository is an Icechunk repository that holds one dataset as Zarr arrays; its groups are the layouts of that
dataset, a tag is a revision of it.
"""

from oceandata.storage.chunks import plan_chunks
from oceandata.storage.counting import CountingStore, counted_reads
from oceandata.storage.ingest import IngestPlan, abandon_ingest, plan_ingest, write_repository
from oceandata.storage.opening import open_dataset
from oceandata.storage.revisions import RevisionSummary, describe_revision
from oceandata.storage.soundness import inspect_file, inspect_paths, open_sound
from oceandata.storage.stores import open_repository, open_store
from oceandata.storage.verification import VerifyReport, verify_revision

__all__ = [
    "CountingStore",
    "IngestPlan",
    "RevisionSummary",
    "VerifyReport",
    "abandon_ingest",
    "counted_reads",
    "describe_revision",
    "inspect_file",
    "inspect_paths",
    "open_dataset",
    "open_repository",
    "open_sound",
    "open_store",
    "plan_chunks",
    "plan_ingest",
    "verify_revision",
    "write_repository",
]
