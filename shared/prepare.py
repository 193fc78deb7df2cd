"""Makes an installation ready to start: `python -P -m shared.prepare` brings the ledger's tables up to date and makes
the bucket, if there is none. Safe to run again, and before every start."""

from __future__ import annotations

import logging

from shared import log
from shared.ledger import open_ledger
from shared.settings import Settings, settings
from shared.store import open_store

logger = logging.getLogger("viscera.prepare")


def prepare(chosen: Settings) -> None:
    """Migrates the ledger and prepares the store that the settings name."""
    ledger = open_ledger(chosen.ledger_url)
    ledger.migrate()
    ledger.close()
    open_store(chosen.store_url).prepare()


if __name__ == "__main__":
    log.configure(settings().log_level)
    prepare(settings())
    logger.info("ledger and store are ready")
