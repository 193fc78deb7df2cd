"""A classifier that only waits: what is left is the cost of queue, ledger and store."""

import os
import time

from shared.worker.lifecycle import main
from shared.worker.stage import stage
from shared.worker.work import Work


@stage("classifier")
def classifier(work: Work) -> None:
    """Waits, and writes one small file."""
    time.sleep(float(os.environ.get("BENCH_SECONDS", "0.2")))
    work.output("scores.npz").write_bytes(b"nothing")


if __name__ == "__main__":
    main(classifier)
