"""Which ledger and store an operator's command means: the option `--data DIR`, or the settings."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from shared.errors import VisceraError

if TYPE_CHECKING:
    from shared.ledger import Ledger
    from shared.storage.base import Store


def add_option(parser: argparse.ArgumentParser) -> None:
    """Add the option `--data` to a command."""
    text = "data folder of `viscera serve` (default: the ledger of VISCERA_LEDGER_URL)"
    parser.add_argument("--data", type=Path, metavar="DIR", help=text)


def ledger_of(data: Path | None) -> Ledger:
    """Open the ledger of a data folder, or that of the settings.

    Raises VisceraError where there is none.
    """
    from sqlalchemy.engine import make_url  # these take a while to load, and not every command needs them

    from shared.ledger import open_ledger
    from shared.settings import Settings

    url = make_url(Settings().ledger_url if data is None else f"sqlite:///{data / 'ledger.db'}")
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").is_file():
        raise VisceraError(f"There is no ledger in {Path(url.database or '').parent}.", "no_ledger")
    return open_ledger(url.render_as_string(hide_password=False))


def store_of(data: Path | None) -> Store:
    """Open the file store of a data folder, or that of the settings."""
    from shared.settings import Settings
    from shared.storage.connect import open_store

    return open_store(Settings().store_url if data is None else f"file://{(data / 'store').resolve()}")
