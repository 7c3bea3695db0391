"""Fixtures shared by all tests: where the real files are, one repository, one demonstration; and the count of skips."""

import os
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, settings

# How long examples take says something about the machine, not about the code: timing is never a test here.
# CI judges a change, not luck: there the examples are the same at each run, elsewhere they vary.
settings.register_profile(
    "untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=bool(os.environ.get("CI"))
)
settings.load_profile("untimed")

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real ocean files beside the checkout; a user's clone does not have it."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the folder of real ocean files is not beside this checkout")
    return folder


@pytest.fixture(scope="session")
def ostia_file() -> Path:
    """OSTIA monthly sea-surface temperature, 54 months of the tropical belt, from the package iris-sample-data."""
    import iris_sample_data

    return Path(iris_sample_data.path) / "ostia_monthly.nc"


@pytest.fixture(scope="session")
def ostia_repository(ostia_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Repository of the OSTIA file, five chunks in time; read only, whoever writes makes one of their own."""
    from oceandata import storage

    url = tmp_path_factory.mktemp("ostia") / "repository"
    storage.write_repository(storage.plan_ingest([ostia_file], url, chunk_bytes=400_000))
    return url


class Demo(NamedTuple):
    """A demonstration that was run: its folder, what it returned, and what it said."""

    folder: Path
    written: dict[str, Path]
    said: list[str]

    @property
    def catalog(self) -> Path:
        return self.folder / "catalog.yaml"


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    """The demonstration, run once: catalogue, repository, product and results; read only."""
    from oceandata.demo import run_demo

    folder = tmp_path_factory.mktemp("demo") / "oceandata-demo"
    said: list[str] = []

    def say(sentence: str, *, heading: bool = False, lines: str = "") -> None:
        said.extend([sentence, *lines.splitlines()])

    return Demo(folder, run_demo(folder, say), said)


def _skips(config: pytest.Config) -> tuple[int, int] | None:
    """Number of skipped tests and how many may be, in the process that knows all results."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or hasattr(config, "workerinput"):
        return None
    allowed = int((Path(__file__).parent / "allowed_skips.txt").read_text(encoding="utf-8").split()[0])
    return len(reporter.stats.get("skipped", [])), allowed


def pytest_sessionfinish(session: pytest.Session) -> None:
    """In CI more skipped tests than the committed number fail the run."""
    skips = _skips(session.config)
    if skips is not None and skips[0] > skips[1] and os.environ.get("CI") == "true":
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Tell the number of skipped tests."""
    skips = _skips(config)
    if skips is not None:
        terminalreporter.write_line(f"{skips[0]} tests skipped, {skips[1]} may be (tests/allowed_skips.txt)")
