"""A clock that only the test moves, in the place of the database's."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import event

from shared.ledger import Ledger

NOW = {"sqlite": "((julianday('now') - 2440587.5) * 86400.0)",
       "postgresql": "extract(epoch from clock_timestamp())::double precision"}  # fmt: skip
"""How the ledger spells its clock, word for word: every statement that reads it is caught."""


class Clock:
    """Seconds since 1970, standing still until `advance` is called."""

    def __init__(self, start: float = 1_000_000_000.0) -> None:
        self.now = start

    def advance(self, seconds: float) -> None:
        self.now += seconds

    @contextmanager
    def drives(self, ledger: Ledger) -> Iterator[None]:
        """Puts this clock into every statement that asks the database for the time."""
        spelled = NOW[ledger.engine.dialect.name]

        def stand_still(_connection, _cursor, statement, parameters, _context, _many):
            return statement.replace(spelled, f"cast({self.now!r} AS double precision)"), parameters

        event.listen(ledger.engine, "before_cursor_execute", stand_still, retval=True)
        try:
            yield
        finally:
            event.remove(ledger.engine, "before_cursor_execute", stand_still)
