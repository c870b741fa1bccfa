"""What operators watch: figures that count what was committed, once, and go into no test but this one."""

import pathlib
import re
import sys
import time

import pytest
from harness import PATIENCE, Server, token
from sylion import good, make_tenant, refused

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "fake"))
from whatsapp import FakeWhatsapp, payload, text  # noqa: E402

SECRET, DOOR = "the app's secret, which signs", "/api/v1/whatsapp/webhook"


@pytest.fixture(scope="module")
def wa():
    with FakeWhatsapp() as fake:
        fake.app_secret = SECRET
        yield fake


@pytest.fixture(scope="module")
def server(tmp_path_factory, wa):
    server = Server(tmp_path_factory.mktemp("data"), META_APP_SECRET=SECRET, WHATSAPP_CLOUD_URL=wa.cloud_url,
                    SYLION_ALLOW_PRIVATE_SOURCES="true", JOB_WORKERS=1)
    try:
        yield server.start()
    finally:
        server.close()


@pytest.fixture(scope="module")
def tenant(server, wa):
    tenant = make_tenant(server, server.client(token(server, "admin")))
    good(tenant.owner.post("/api/v1/channels", json={
        "name": "Ligne", "type": "whatsapp", "provider": "cloud", "whatsappPhoneNumber": "+33123456789",
        "phoneNumberId": wa.number_id, "whatsappApiKey": wa.key, "config": {"debounceMs": 0}}), 201)
    good(tenant.owner.post("/api/v1/assistants", json={"name": "Ada", "isDefault": True}), 201)
    return tenant


def figure(server, name):
    """Of one series, 0 when it is not there."""
    found = re.search(re.escape(name) + r" (\S+)$", server.client().get("/metrics").text, re.M)
    return float(found[1]) if found else 0


class Grown:
    """with Grown(server, {series: by}): how far each has grown at the end, waited for."""

    def __init__(self, server, by):
        self.server, self.by = server, by

    def __enter__(self):
        self.before = {name: figure(self.server, name) for name in self.by}

    def __exit__(self, *failed):
        if failed[0]:
            return
        until = time.monotonic() + 20 * PATIENCE
        while True:
            grown = {name: figure(self.server, name) - self.before[name] for name in self.by}
            if grown == self.by:
                return
            assert time.monotonic() < until, grown
            time.sleep(0.1)


def test_webhooks_are_counted_by_what_became_of_them(server, tenant, wa):
    one = payload([text("33613000001", "Je veux parler à un humain")], number_id=wa.number_id, phone="33123456789")
    door = server.url + DOOR
    with Grown(server, {'socle_sylion_webhooks_total{result="stored"}': 3,
                        'socle_sylion_webhooks_total{result="refused"}': 1,
                        'socle_sylion_inbound_messages_total{kind="new"}': 1,
                        'socle_sylion_inbound_messages_total{kind="again"}': 1,
                        'socle_sylion_strays_total{reason="unknown_number"}': 1,
                        'socle_sylion_sends_total{result="sent"}': 1}):
        assert wa.deliver(door, one).status_code == 200
        assert wa.deliver(door, one).status_code == 200
        assert wa.deliver(door, one, secret="another").status_code == 401
        strange = payload([text("33613000002", "Bonjour")], number_id="777", phone="33999999999")
        assert wa.deliver(door, strange).status_code == 200


def test_what_a_quota_refuses_is_counted_by_its_kind(server, tenant):
    small = make_tenant(server, tenant.admin, plan="starter")
    small.quotas(quotaAssistants=0)
    with Grown(server, {'socle_sylion_quota_refusals_total{kind="assistants"}': 1}):
        refused(small.owner.post("/api/v1/assistants", json={"name": "Ada"}), 429, "QUOTA_EXCEEDED")


def test_a_queue_that_is_not_kept_up_with_is_seen_by_its_name(tmp_path):
    server = Server(tmp_path, args=["--workers", "off"])
    try:
        server.start()
        tenant = make_tenant(server, server.client(token(server, "admin")))
        base = good(tenant.owner.post("/api/v1/knowledge-bases", json={"name": "Base"}), 201)["id"]
        waiting, oldest = 'socle_job_queue_waiting{queue="rag_indexing"}', \
            'socle_job_queue_oldest_seconds{queue="rag_indexing"}'
        with Grown(server, {waiting: 1}):
            good(tenant.owner.post(f"/api/v1/knowledge-bases/{base}/documents", json={"text": "Un texte"}), 201)
        first, until = figure(server, oldest), time.monotonic() + 20 * PATIENCE
        while figure(server, oldest) <= first:
            assert time.monotonic() < until
            time.sleep(0.2)
    finally:
        server.close()
