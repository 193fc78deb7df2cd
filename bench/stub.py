"""A stage that only waits: what is left is the cost of queue, ledger and store.

A worker serves the stage that BENCH_STAGE names, by default the classifier; each run lasts BENCH_SECONDS.
"""

import os
import time

from shared.worker.lifecycle import main
from shared.worker.stage import Stage
from shared.worker.work import Work


def wait(work: Work) -> None:
    """Wait, and write one small file."""
    time.sleep(float(os.environ.get("BENCH_SECONDS", "0.2")))
    work.output(f"{work.claim.stage}.txt").write_bytes(b"nothing")


if __name__ == "__main__":
    main(Stage(os.environ.get("BENCH_STAGE", "classifier"), wait))
