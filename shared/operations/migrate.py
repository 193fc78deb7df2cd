"""Prepares an installation: `python -P -m shared.operations.migrate` migrates the ledger and creates the bucket.

With `--wait` it changes nothing and exits once the schema is there. It is safe to run again, before every start.
"""

from __future__ import annotations

import logging
import sys
import time
from contextlib import suppress

from shared.errors import Unavailable
from shared.ledger import open_ledger
from shared.settings import Settings, settings
from shared.storage.connect import open_store
from shared.telemetry import log

logger = logging.getLogger("viscera.prepare")


def prepare(chosen: Settings) -> None:
    """Migrate the ledger and prepare the configured store."""
    ledger = open_ledger(chosen.ledger_url)
    ledger.migrate()
    ledger.close()
    open_store(chosen.store_url).prepare()


def wait(chosen: Settings) -> None:
    """Return once the ledger is available and its tables belong to this code or to newer code."""
    ledger = open_ledger(chosen.ledger_url)
    while True:
        with suppress(Unavailable):
            if ledger.is_ready():
                break
        time.sleep(1.0)
    ledger.close()


if __name__ == "__main__":
    log.configure(settings().log_level)
    (wait if "--wait" in sys.argv else prepare)(settings())
    logger.info("ledger and store are ready")
