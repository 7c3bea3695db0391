"""
Run one call of a benchmark that has no peer, and print what it took.

Run as a script, so that a measured process holds nothing else::

    python -P benchmarks/alone.py MODULE FUNCTION ARGUMENT ...

The function makes a context in which everything is ready, imports among it, and gives what is to be called. The last
line that is printed is a JSON object: CPU and wall seconds of the call, the resident memory before it in MB, and what
the call tells. A call that does many small things may tell the wall seconds that count as well (a percentile of them).
"""

import importlib
import json
import sys
import time
from pathlib import Path

import psutil  # type: ignore[import-untyped]

__all__ = ["main"]


def main(module: str, function: str, *arguments: str) -> None:
    """
    Run a call and print what it took.

    Parameters
    ----------
    module : str
        Module of this package.
    function : str
        Its context manager that yields the call.
    *arguments : str
        For the function.
    """
    with getattr(importlib.import_module(f"benchmarks.{module}"), function)(*arguments) as call:
        before_mb = psutil.Process().memory_info().rss / 1e6
        cpu, wall = time.process_time(), time.perf_counter()
        found = call()
        used = {"cpu_s": time.process_time() - cpu, "wall_s": time.perf_counter() - wall}
    if isinstance(found, tuple):  # of many small things: the call says which seconds count
        found, used["wall_s"] = found
    print(json.dumps(used | {"before_mb": before_mb, "found": found}, ensure_ascii=False))


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))
    main(*sys.argv[1:])
