"""A storage SCP that a test plays: it keeps what arrives, and answers as the test says."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from pydicom import dcmread
from pynetdicom import AE, evt
from pynetdicom.presentation import AllStoragePresentationContexts

SUCCESS, NO_RESOURCES = 0x0000, 0xA700
Answer = Callable[[Any], int]
"""What a C-STORE request is answered: a status, by a function that may do something else before."""


@dataclass
class Archive:
    """An application entity with the title PACS on a loopback port; `answers` are for the next requests, in order."""

    port: int
    arrived: list[tuple[str, str]] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    _server: Any = None

    def modalities(self) -> dict[str, str]:
        """Return the modality of each instance that arrived, by SOP Instance UID."""
        return dict(self.arrived)

    @contextmanager
    def running(self) -> Iterator[Archive]:
        """Listen for as long as the context lasts."""
        self._start()
        try:
            yield self
        finally:
            self._server.shutdown()

    @contextmanager
    def down(self) -> Iterator[None]:
        """Do not listen for as long as the context lasts."""
        self._server.shutdown()
        try:
            yield
        finally:
            self._start()

    def _start(self) -> None:
        entity = AE(ae_title="PACS")
        for context in AllStoragePresentationContexts:
            entity.add_supported_context(context.abstract_syntax)
        handlers = [(evt.EVT_C_STORE, self._store)]
        self._server = entity.start_server(("127.0.0.1", self.port), block=False, evt_handlers=handlers)

    def _store(self, event: Any) -> int:
        if self.answers:
            status = self.answers.pop(0)(event)
            if status != SUCCESS:
                return status
        dataset = dcmread(io.BytesIO(event.encoded_dataset()))
        self.arrived.append((str(dataset.SOPInstanceUID), str(dataset.Modality)))
        return SUCCESS
