"""
Tell whether a file is what it claims to be.

- `inspect_file`, `inspect_paths`: a report with every finding, from the first bytes, the header and the coordinates
- `open_sound`: the file as a lazy, undecoded dataset after the stated repairs; refused if it cannot be mended
"""

from oceandata.storage.soundness.inspection import inspect_file, inspect_paths
from oceandata.storage.soundness.opening import open_sound
from oceandata.storage.soundness.report import Finding, SoundnessReport, VariableSummary

__all__ = ["Finding", "SoundnessReport", "VariableSummary", "inspect_file", "inspect_paths", "open_sound"]
