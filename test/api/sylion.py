"""What the tests of sylion share: the platform's admin, tenants with their members and keys, and how
answers and errors look. Each topic adds its own helpers below; a test file imports the fixtures that it
wants, and those that they want."""

import itertools
import re
import time
import uuid

import pytest
from harness import PATIENCE, make_user, token

counter = itertools.count(1)
UUID = re.compile(r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$")
TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")


def good(answer, status=200):
    """Check an answer's envelope; its data."""
    assert answer.status_code == status, f"{answer.status_code} instead of {status}: {answer.text}"
    body = answer.json()
    assert body["success"] is True, body
    assert TIME.match(body["metadata"]["timestamp"]), body
    return body["data"]


def page(answer):
    """The data of a list and its metadata.pagination."""
    data = good(answer)
    return data, answer.json()["metadata"]["pagination"]


def refused(answer, status, code, *fields):
    """Check an error: the contract's members beside RFC 9457's; the names in validationErrors are
    `fields`, when some are given. The contract's part."""
    assert answer.status_code == status, f"{answer.status_code} instead of {status}: {answer.text}"
    assert answer.headers["Content-Type"].startswith("application/problem+json"), answer.headers
    body = answer.json()
    assert body["status"] == status and body["success"] is False, body
    for member in ("type", "title", "detail", "instance", "code", "request_id"):
        assert member in body, body
    error = body["error"]
    assert set(error) == {"code", "message", "details", "requestId", "timestamp"}, error
    assert error["code"] == code, error
    assert error["message"] == body["detail"] and error["requestId"] == body["request_id"], body
    assert TIME.match(error["timestamp"]), error
    if fields:
        said = [bad["field"] for bad in error["details"]["validationErrors"]]
        assert sorted(said) == sorted(fields), error
    return error


def nobody():
    """An id that is nowhere."""
    return str(uuid.uuid4())


def blurred(answer):
    """An answer without what may differ between two that must be the same: request id and time."""
    text = answer.text
    body = answer.json()
    for secret in {body.get("request_id"), body.get("error", {}).get("requestId"),
                   body.get("error", {}).get("timestamp")} - {None}:
        text = text.replace(secret, "…")
    headers = {name: value for name, value in answer.headers.items()
               if name.lower() not in ("date", "x-request-id", "server-timing", "x-process-time")}
    return answer.status_code, text, headers


def same_as_absent(client, method, path, foreign_id, **options):
    """A foreign id answers as an absent one, byte for byte but for request id and time (and the id in
    `instance`). `path` has {id} where it goes."""
    absent_id = nobody()
    foreign = client.request(method, path.replace("{id}", foreign_id), **options)
    absent = client.request(method, path.replace("{id}", absent_id), **options)
    status, text, headers = blurred(foreign)
    assert (status, text.replace(foreign_id, absent_id), headers) == blurred(absent), (
        foreign.text, absent.text)
    assert status in (400, 403, 404), foreign.text
    return foreign


class Tenant:
    """A tenant with clients that act in it: `owner` (a token), `key` (an organisation's API key)."""

    def __init__(self, server, admin, **members):
        number = next(counter)
        self.server, self.admin = server, admin
        self.user = make_user(server)
        self.data = good(admin.post("/api/v1/tenants", json={
            "name": f"Tenant {number}", "slug": f"tenant-{number}", "plan": "business",
            "ownerEmail": self.user["email"]} | members), 201)
        self.id = self.data["id"]
        self.organisation = self.data["organisationId"]
        self.owner = server.client(token(server, user=self.user))

    def make_key(self, *scopes):
        """An API key of the tenant's, as a client."""
        answer = self.owner.post("/api/v1/keys", json={
            "name": "tests", "scopes": list(scopes or ["*"]), "organisation_id": self.organisation})
        assert answer.status_code in (200, 201), answer.text
        return self.server.client(answer.json()["key"])

    def make_member(self, role="member", user=None):
        """A further person who belongs to it, as a client."""
        user = user or make_user(self.server)
        answer = self.owner.post(f"/api/v1/organisations/{self.organisation}/members",
                                 json={"email": user["email"], "role": role})
        assert answer.status_code in (200, 201), answer.text
        return self.server.client(token(self.server, user=user))

    def as_admin(self):
        """The platform's admin, who names this tenant."""
        client = self.server.client()
        client.headers.update(self.admin.headers)
        client.headers["X-Tenant-ID"] = self.id
        return client

    def quotas(self, **quotas):
        """Set quotas of its own: quotaMessages=10; None: the plan's."""
        return good(self.admin.patch(f"/api/v1/tenants/{self.id}/quotas", json=quotas))


def make_tenant(server, admin, **members):
    return Tenant(server, admin, **members)


@pytest.fixture(scope="module")
def admin(server):
    """The platform's admin, as a client."""
    return server.client(token(server, "admin"))


@pytest.fixture(scope="module")
def tenant(server, admin):
    return make_tenant(server, admin)


@pytest.fixture(scope="module")
def other(server, admin):
    """Another tenant, for what must not be seen of the one or by it."""
    return make_tenant(server, admin)


def make_base(owner, name, document, text):
    """The id of a knowledge base with one document, which is found from now on."""
    base = good(owner.post("/api/v1/knowledge-bases", json={"name": name}), 201)["id"]
    made = good(owner.post(f"/api/v1/knowledge-bases/{base}/documents", json={"name": document, "text": text}), 201)
    until = time.monotonic() + 20 * PATIENCE
    while good(owner.get(f"/api/v1/documents/{made['id']}"))["status"] != "indexed":
        assert time.monotonic() < until
        time.sleep(0.05)
    return base
