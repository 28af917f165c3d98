"""Fixtures for tests of what providers send: the real transport, with the wire replaced."""

from collections.abc import Iterator

import pytest
import responses

from exporter.clock import SystemClock
from exporter.providers.base import Call
from exporter.tls import TlsSettings, client_context
from exporter.transport import Transport, TransportSettings


@pytest.fixture
def vendor() -> Iterator[responses.RequestsMock]:
    """The wire: holds what vendors answer, records what they are sent, and refuses everything else."""
    with responses.RequestsMock() as wire:
        yield wire


@pytest.fixture
def call() -> Iterator[Call]:
    """Calls through the real transport."""
    transport = Transport(TransportSettings("account", client_context(TlsSettings())), SystemClock())
    transport.start(10)
    yield transport.call
    transport.close()
