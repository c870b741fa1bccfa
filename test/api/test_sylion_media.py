"""Files that a tenant sends: put here, named by a message, looked at, taken away. A hash opens nothing by itself,
and bytes that several have go with the last one only."""

import hashlib
import itertools
import json
import pathlib
import sys
import time

import pytest
from harness import PATIENCE, Server, database
from sylion import UUID, admin, good, make_tenant, refused

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "fake"))
from whatsapp import FakeWhatsapp, message, payload  # noqa: E402

MEDIA, SECRET = "/api/v1/media", "the app's secret, which signs"
PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(200)
people = itertools.count(33_612_000_001)


def wait(found, what, timeout=20):
    until = time.monotonic() + timeout * PATIENCE
    while not (value := found()):
        assert time.monotonic() < until, f"waited for {what}"
        time.sleep(0.05)
    return value


@pytest.fixture(scope="module")
def wa():
    with FakeWhatsapp() as fake:
        fake.app_secret = SECRET
        yield fake


@pytest.fixture(scope="module")
def server(tmp_path_factory, wa):
    server = Server(tmp_path_factory.mktemp("data"), META_APP_SECRET=SECRET, WHATSAPP_CLOUD_URL=wa.cloud_url,
                    SYLION_ALLOW_PRIVATE_SOURCES="true", SYLION_MEDIA_MAX_BYTES=200_000)
    try:
        yield server.start()
    finally:
        server.close()


@pytest.fixture(scope="module")
def tenant(server, admin, wa):
    tenant = make_tenant(server, admin)
    tenant.line = good(tenant.owner.post("/api/v1/channels", json={
        "name": "Ligne", "type": "whatsapp", "provider": "cloud", "whatsappPhoneNumber": "+33123456789",
        "phoneNumberId": wa.number_id, "whatsappApiKey": wa.key, "config": {"debounceMs": 0}}), 201)["id"]
    good(tenant.owner.post("/api/v1/assistants", json={"name": "Ada", "isDefault": True}), 201)
    return tenant


@pytest.fixture(scope="module")
def other(server, admin):
    other = make_tenant(server, admin)
    other.line = good(other.owner.post("/api/v1/channels", json={"name": "Site", "type": "web"}), 201)["id"]
    return other


def put(client, data=PICTURE, name="chat.png", kind="image/png", **options):
    return client.post(MEDIA, files={"file": (name, data, kind)}, **options)


def begin(tenant, person=None):
    return good(tenant.owner.post("/api/v1/conversations", json={
        "channelId": tenant.line, "userIdentifier": f"+{person or next(people)}"}), 201)["id"]


def send(tenant, conversation, blob, door="reply", **members):
    path = "/api/v1/messages" if door == "messages" else f"/api/v1/conversations/{conversation}/reply"
    body = {"type": "image", "content": "Voici", "media": {"blob": blob, "mimeType": "image/png"}} | members
    if door == "messages":
        body = {"conversationId": conversation, "direction": "outbound"} | body
    return tenant.owner.post(path, json=body)


def used(server, tenant):
    n = database(server, f"SELECT n FROM tenants WHERE id = '{tenant.id}'")
    return int(database(server, "SELECT coalesce(sum(used), 0) FROM ledger_balances WHERE unit = 'storage_bytes' "
                                f"AND owner = 'tenant:{n}'"))


def jobs_hasten(server, blob):
    """Have the bytes' jobs run now, and wait until they did."""
    now = "now()" if server.database else "1"
    where = "kind IN ('sylion.document_blob', 'robian.blob_remove')"
    database(server, f"UPDATE jobs SET due = true, run_at = {now} WHERE {where} AND state = 'waiting' RETURNING id")
    wait(lambda: int(database(server, f"SELECT count(*) FROM jobs WHERE {where} AND CAST(payload AS text) LIKE "
                                      f"'%{blob}%' AND state IN ('waiting', 'running')")) == 0, "the job")


def file_of(server, blob):
    return server.folder / "blobs" / blob[:2] / blob[2:]


@pytest.mark.smoke
def test_a_file_is_stored_once_counted_and_looked_at(server, tenant):
    before, data = used(server, tenant), PICTURE + b"once"
    made = good(put(tenant.owner, data, name="../../dir/chat é.png"), 201)
    assert UUID.match(made["id"]) and made["blob"] == hashlib.sha256(data).hexdigest()
    assert made["name"] == "chat é.png" and made["mimeType"] == "image/png" and made["sizeBytes"] == len(data)
    assert good(put(tenant.owner, data, name="again.png"), 200) == made
    assert used(server, tenant) == before + len(data)
    answer = tenant.owner.get(f"{MEDIA}/{made['blob']}")
    assert answer.status_code == 200 and answer.content == data and answer.headers["Content-Type"] == "image/png"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Disposition"].startswith("attachment")
    part = tenant.owner.get(f"{MEDIA}/{made['blob']}", headers={"Range": "bytes=1-3"})
    assert part.status_code == 206 and part.content == b"PNG"


def test_what_a_page_could_be_made_of_is_a_download_without_a_type(tenant):
    for kind in ("text/html", "image/svg+xml", "image/png, text/html", "", "x" * 300 + "/y", "nothing"):
        made = good(put(tenant.owner, b"<script>1</script>" + kind.encode(), "a.html", kind), 201)
        answer = tenant.owner.get(f"{MEDIA}/{made['blob']}")
        assert answer.headers["Content-Type"] == "application/octet-stream", kind


def test_what_is_no_file_is_refused(server, tenant):
    before = used(server, tenant)
    refused(tenant.owner.post(MEDIA, json={"text": "Bonjour"}), 415, "UNSUPPORTED_MEDIA_TYPE")
    refused(put(tenant.owner, b""), 400, "VALIDATION_ERROR", "file")
    refused(tenant.owner.post(MEDIA, files={"other": (None, b"x")}), 400, "VALIDATION_ERROR", "file")
    refused(put(tenant.owner, bytes(200_001)), 413, "TOO_LARGE")
    assert used(server, tenant) == before


def test_over_the_storage_nothing_is_kept(server, admin):
    small = make_tenant(server, admin, plan="starter")
    small.quotas(quotaStorageMb=0)
    refused(put(small.owner), 429, "QUOTA_EXCEEDED")
    assert used(server, small) == 0


def test_a_file_of_ones_own_is_sent(tenant, wa):
    person = str(next(people))
    wa_calls = len(wa.to(person))
    blob = good(put(tenant.owner, PICTURE + b"sent"), 201)["blob"]
    deliver = payload([message(person, "text", {"body": "Je veux parler à un humain"})], number_id=wa.number_id,
                      phone="33123456789")
    assert wa.deliver(f"{tenant.server.url}/api/v1/whatsapp/webhook", deliver).status_code == 200
    found = wait(lambda: good(tenant.owner.get(f"/api/v1/conversations?search={person}")), "the conversation")[0]
    wa.wait_sent(wa_calls + 1, to=person)
    good(send(tenant, found["id"], blob), 201)
    assert wa.wait_sent(wa_calls + 2, to=person)[-1]["type"] == "image"


@pytest.mark.parametrize("door", ["reply", "messages"])
def test_bytes_of_another_tenant_are_not_sent(server, tenant, other, door):
    """However one came to know the hash, and whatever names it first."""
    foreign = good(put(other.owner, PICTURE + b"foreign" + door.encode()), 201)["blob"]
    base = good(other.owner.post("/api/v1/knowledge-bases", json={"name": "Secrets"}), 201)["id"]
    secret = good(other.owner.post(f"/api/v1/knowledge-bases/{base}/documents", json={
        "text": f"The secret of {door}"}), 201)["sha256"]
    absent = hashlib.sha256(b"absent").hexdigest()
    conversation = begin(tenant)
    before = int(database(server, "SELECT count(*) FROM messages"))
    answers = []
    for blob in (foreign, secret, absent):
        answers.append(refused(send(tenant, conversation, blob, door), 400, "VALIDATION_ERROR", "media.blob")["message"])
        # not even as something that came in, to be sent on afterwards
        refused(send(tenant, conversation, blob, "messages", direction="inbound"), 400, "VALIDATION_ERROR", "media.blob")
        refused(send(tenant, conversation, blob, "messages", status="sent"), 400, "VALIDATION_ERROR", "media.blob")
        refused(tenant.owner.get(f"{MEDIA}/{blob}"), 404, "MEDIA_NOT_FOUND")
        refused(tenant.owner.delete(f"{MEDIA}/{blob}"), 404, "MEDIA_NOT_FOUND")
    assert len(set(answers)) == 1 and int(database(server, "SELECT count(*) FROM messages")) == before
    for bad in (7, ["x"], {"a": 1}, foreign.upper(), foreign + " ", f"../{foreign}", "%", ""):
        refused(send(tenant, conversation, bad, door), 400, "VALIDATION_ERROR", "media.blob")
    twice = json.dumps({"type": "image", "media": {"blob": 1}}).replace('"blob": 1', f'"blob": "{foreign}", "blob": null')
    answer = tenant.owner.post(f"/api/v1/conversations/{conversation}/reply", data=twice,
                               headers={"Content-Type": "application/json"})
    assert answer.status_code == 400, answer.text


def test_the_same_bytes_of_ones_own_are_ones_own(tenant, other):
    data = PICTURE + b"both"
    theirs = good(put(other.owner, data, name="theirs.png"), 201)
    refused(tenant.owner.get(f"{MEDIA}/{theirs['blob']}"), 404, "MEDIA_NOT_FOUND")
    mine = good(put(tenant.owner, data, name="mine.png"), 201)
    assert mine["blob"] == theirs["blob"] and mine["name"] == "mine.png" and mine["id"] != theirs["id"]
    assert "mine.png" in tenant.owner.get(f"{MEDIA}/{mine['blob']}").headers["Content-Disposition"]
    assert "theirs.png" in other.owner.get(f"{MEDIA}/{mine['blob']}").headers["Content-Disposition"]
    good(send(tenant, begin(tenant), mine["blob"]), 201)


def test_a_file_that_a_message_has_stays_and_another_gives_its_bytes_back(server, tenant):
    before = used(server, tenant)
    kept = good(put(tenant.owner, PICTURE + b"kept"), 201)
    gone = good(put(tenant.owner, PICTURE + b"gone"), 201)
    good(send(tenant, begin(tenant), kept["blob"]), 201)
    refused(tenant.owner.delete(f"{MEDIA}/{kept['blob']}"), 409, "MEDIA_IN_USE")
    assert good(tenant.owner.delete(f"{MEDIA}/{gone['blob']}")) == {"id": gone["id"], "deleted": True}
    refused(tenant.owner.delete(f"{MEDIA}/{gone['blob']}"), 404, "MEDIA_NOT_FOUND")
    assert used(server, tenant) == before + kept["sizeBytes"]
    assert good(put(tenant.owner, PICTURE + b"gone"), 201)["id"] != gone["id"]
    assert used(server, tenant) == before + kept["sizeBytes"] + gone["sizeBytes"]


def holder(server, product, blob, data, tenant, other):
    """Somebody else gets the same bytes; what frees them again."""
    if product == "robian":
        at = "now()" if server.database else "1"
        n = database(server, "INSERT INTO debates (n, id, title, type, date, source_url, change_seq, created_at, "
                             f"updated_at) VALUES (990001, 'd990001', 'x', 'autre', {at}, 'https://x.example', 1, {at}, "
                             f"{at}) RETURNING n")
        database(server, "INSERT INTO audio_files (id, debate_n, filename, format, quality, blob, created_at, "
                         f"updated_at) VALUES ('a990001', {n}, 'f', 'mp3', '192k', '{blob}', {at}, {at}) RETURNING id")
        return lambda: database(server, f"DELETE FROM audio_files WHERE blob = '{blob}' RETURNING id")
    if product == "file":
        good(put(other.owner, data), 201)
        return lambda: good(other.owner.delete(f"{MEDIA}/{blob}"))
    if product == "document":
        base = good(other.owner.post("/api/v1/knowledge-bases", json={"name": "Base"}), 201)["id"]
        document = good(other.owner.post(f"/api/v1/knowledge-bases/{base}/documents",
                                         files={"file": ("a.png", data, "image/png")}), 201)
        return lambda: good(other.owner.delete(f"/api/v1/documents/{document['id']}"))
    good(put(other.owner, data), 201)
    made = good(send(other, begin(other), blob, "messages", status="sent"), 201)
    return lambda: database(server, f"UPDATE messages SET media = NULL WHERE id = '{made['id']}' RETURNING id")


@pytest.mark.parametrize("product", ["robian", "file", "document", "message"])
def test_bytes_go_with_the_last_who_has_them_whatever_product(server, tenant, other, product):
    data = PICTURE + b"shared by " + product.encode()
    blob = good(put(tenant.owner, data), 201)["blob"]
    free = holder(server, product, blob, data, tenant, other)
    good(tenant.owner.delete(f"{MEDIA}/{blob}"))
    jobs_hasten(server, blob)
    assert file_of(server, blob).read_bytes() == data
    free()
    good(put(tenant.owner, data), 201)
    good(tenant.owner.delete(f"{MEDIA}/{blob}"))
    if product == "message":
        good(other.owner.delete(f"{MEDIA}/{blob}"))
    jobs_hasten(server, blob)
    assert not file_of(server, blob).exists()


def test_what_robian_gives_up_stays_while_a_tenant_has_it(server, tenant):
    """The other direction: robian's own job asks everybody, too."""
    data = PICTURE + b"from robian"
    blob = good(put(tenant.owner, data), 201)["blob"]
    due, now = ("true", "now()") if server.database else ("1", "1")
    database(server, "INSERT INTO jobs (kind, queue, state, payload, max_attempts, due, run_at, created_at) VALUES "
                     f"('robian.blob_remove', 'robian', 'waiting', '{{\"blob\":\"{blob}\"}}', 5, {due}, {now}, {now}) "
                     "RETURNING id")
    jobs_hasten(server, blob)
    assert file_of(server, blob).read_bytes() == data
