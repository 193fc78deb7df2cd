"""Prints the OpenAPI document of the interface: `python -P -m services.api.document`."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from services.api.app import create_app
from shared.settings import Settings


def document() -> str:
    """Return the document as JSON; neither a ledger nor a broker is needed."""
    with tempfile.TemporaryDirectory(prefix="viscera-") as folder:
        ledger, store = f"sqlite:///{Path(folder) / 'ledger.db'}", f"file://{Path(folder) / 'store'}"
        app = create_app(Settings(ledger_url=ledger, store_url=store))
        return json.dumps(app.openapi(), ensure_ascii=False)


if __name__ == "__main__":
    sys.stdout.write(document())
