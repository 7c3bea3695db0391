"""Work beyond a laptop: jobs that are planned before they run, survive while they run, and resume after."""

from oceandata.batch.begun import RunChangedError
from oceandata.batch.job import Job, JobInput, Resources, Step, load_job
from oceandata.batch.ledger import RunHeldError, Share
from oceandata.batch.plan import PlanRefusedError, RunPlan, plan_job
from oceandata.batch.running import RunReport, run_job
from oceandata.batch.status import RunStatus, read_status
from oceandata.batch.taken import Update
from oceandata.batch.updates import plan_update
from oceandata.batch.window import Stop

__all__ = [
    "Job",
    "JobInput",
    "PlanRefusedError",
    "Resources",
    "RunChangedError",
    "RunHeldError",
    "RunPlan",
    "RunReport",
    "RunStatus",
    "Share",
    "Step",
    "Stop",
    "Update",
    "load_job",
    "plan_job",
    "plan_update",
    "read_status",
    "run_job",
]
