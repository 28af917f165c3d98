"""Fixtures for tests against the hostile vendor."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing

import pytest
import trustme

from exporter.clock import SystemClock
from exporter.transport import Transport, TransportSettings
from tests.hostile import tls
from tests.hostile.accounts import VENDORS, account
from tests.hostile.server import Behaviour, HostileServer

StartVendor = Callable[..., HostileServer]


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> tls.Certificates:
    """Certificates with each defect, and the authority that signed them."""
    return tls.make(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(autouse=True, scope="session")
def authorities(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Let one authority that signs nothing stand for the usual ones, whose reading takes long."""
    file = tmp_path_factory.mktemp("authorities") / "ca.pem"
    trustme.CA().cert_pem.write_to_path(str(file))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REQUESTS_CA_BUNDLE", str(file))
        yield


@pytest.fixture
def hostile() -> Iterator[StartVendor]:
    """Start hostile vendors that end with the test."""
    with ExitStack() as servers:

        def start(behaviour: Behaviour, **options: str) -> HostileServer:
            return servers.enter_context(HostileServer(behaviour, **options))

        yield start


@pytest.fixture(scope="session")
def usual_settings() -> TransportSettings:
    """How an account that trusts the usual authorities is reached."""
    return account(VENDORS[0], "https://127.0.0.1").transport


@pytest.fixture(scope="session")
def trusting_settings(certificates: tls.Certificates) -> TransportSettings:
    """How an account that trusts the test's authority only is reached."""
    return account(
        VENDORS[0], "https://127.0.0.1", tls_config={"ca_file": str(certificates.ca_file)}
    ).transport


@pytest.fixture
def transport(usual_settings: TransportSettings) -> Iterator[Transport]:
    """A transport as the configuration makes it."""
    with closing(Transport(usual_settings, SystemClock())) as transport:
        yield transport


@pytest.fixture
def trusting(trusting_settings: TransportSettings) -> Iterator[Transport]:
    """A transport that trusts the test's authority only."""
    with closing(Transport(trusting_settings, SystemClock())) as transport:
        yield transport
