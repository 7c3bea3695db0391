"""
From folders of files to entries: recognised by their bytes, grouped into datasets, described by their metadata.

A scan reads headers and coordinates, never data; it proposes what the files do not say, and never changes what a person
said.
"""

from oceandata.catalog.scan.proposing import Gap, Proposal
from oceandata.catalog.scan.reporting import ScanReport
from oceandata.catalog.scan.scanning import run_scan
from oceandata.catalog.scan.walking import Reject

__all__ = ["Gap", "Proposal", "Reject", "ScanReport", "run_scan"]
