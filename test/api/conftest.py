"""Fixtures of the API tests; the work is in harness.py, which tests import for its helpers."""

import pytest
from harness import Server, token


def pytest_configure(config):
    config.addinivalue_line("markers", "smoke: the short round of make check")
    config.addinivalue_line("markers", "slow: left out of make check")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A fresh server for the module's tests, with data of its own."""
    server = Server(tmp_path_factory.mktemp("data"))
    try:
        server.start()
        yield server
    finally:
        server.close()


@pytest.fixture
def client(server):
    """Not signed in."""
    with server.client() as client:
        yield client


@pytest.fixture(scope="module")
def user_client(server):
    """Signed in as an ordinary user."""
    with server.client(token(server)) as client:
        yield client


@pytest.fixture(scope="module")
def admin_client(server):
    with server.client(token(server, "admin")) as client:
        yield client


@pytest.fixture
def make_server(tmp_path):
    """make_server(**settings): further servers, started; ended after the test."""
    made = []

    def make(start=True, folder=None, **options):
        server = Server(folder or tmp_path / f"data{len(made)}", **options)
        made.append(server)
        return server.start() if start else server

    yield make
    failures = []
    for server in reversed(made):
        try:
            server.close()
        except AssertionError as failure:
            failures.append(str(failure))
    assert not failures, "\n".join(failures)
