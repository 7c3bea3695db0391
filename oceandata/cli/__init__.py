"""
The command ``oceandata``: each command parses, makes one library call, and prints.

Commands are found by name and loaded when they are called, so that ``oceandata --help`` loads neither xarray nor Dask.
"""

from oceandata.cli.main import cli, main

__all__ = ["cli", "main"]
