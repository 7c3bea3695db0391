"""Programs for other processes: partitions that count themselves, sleep, hang, or kill the process they run in."""

CHAOS = """
import os, signal, sys, time
from pathlib import Path


def install():
    from oceandata.batch import runners, worker

    run, folder = worker.run_unit, Path(os.environ["CHAOS"])

    def run_unit(run_folder, unit):
        name = f"{unit[0]}-{unit[1]}"
        with (folder / f"count-{name}").open("ab") as file:
            file.write(b".")
        time.sleep(float(os.environ.get("CHAOS_SLEEP", "0")))
        once = folder / f"kill-{name}"
        if (folder / f"always-{name}").exists():
            os.kill(os.getpid(), signal.SIGKILL)
        hangs = folder / f"hang-{name}"
        if hangs.exists():
            if "always" not in hangs.read_text():
                hangs.unlink()
            time.sleep(3600)
        if once.exists():
            once.unlink()
            os.kill(os.getpid(), signal.SIGKILL)
        return run(run_folder, unit)

    run_unit.__module__, run_unit.__qualname__ = worker.__name__, "run_unit"
    worker.run_unit = runners.run_unit = run_unit
"""

#: The same in a worker that Dask starts: it imports this module first.
SITE = CHAOS + "\n\nif os.environ.get('CHAOS'):\n    install()\n"

DRIVER = (
    CHAOS
    + """

install()
from oceandata.batch import load_job, run_job

print("ready", flush=True)
report = run_job(load_job(sys.argv[1]), scheduler=sys.argv[2], canary=False)
print(report.message, flush=True)
sys.exit(report.code)
"""
)
