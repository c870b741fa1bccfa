"""WhatsApp's webhooks: who is believed, what is stored before 200 is said, and that nothing that was
believed goes without a trace."""

import concurrent.futures
import itertools
import json
import pathlib
import sys
import time
import uuid

import pytest
from harness import DATABASE, Server, database, shared_data, token
from sylion import admin, good, make_tenant, other, page, refused

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "fake"))
from whatsapp import FakeWhatsapp, message, payload, sign, status, text, value, wamid, wrap  # noqa: E402

SECRET = "the app's secret, which signs"
numbers = itertools.count(33_100_000_001)
ids = itertools.count(700_100)
DOOR = "/api/v1/whatsapp/webhook"
JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """Nobody works on what comes in: only what is stored is looked at."""
    made = Server(tmp_path_factory.mktemp("data"), args=["--workers", "off"], META_APP_SECRET=SECRET,
                  WHATSAPP_VERIFY_TOKEN="the server's own token")
    try:
        yield made.start()
    finally:
        made.close()


@pytest.fixture(scope="module")
def tenant(server, admin):
    made = make_tenant(server, admin)
    made.quotas(quotaChannels=-1)
    return made


@pytest.fixture
def wa():
    with FakeWhatsapp() as fake:
        fake.app_secret = SECRET
        yield fake


@pytest.fixture(autouse=True)
def no_strays_yet(admin):
    good(admin.delete("/api/v1/admin/webhook-strays"))


class Number:
    """A WhatsApp channel of a tenant, and what was stored of it."""

    def __init__(self, tenant, provider="cloud", **members):
        self.server, self.tenant = tenant.server, tenant
        self.phone, self.number_id = f"+{next(numbers)}", str(next(ids))
        self.data = good(tenant.owner.post("/api/v1/channels", json={
            "name": "Line", "type": "whatsapp", "provider": provider, "whatsappPhoneNumber": self.phone,
            "phoneNumberId": self.number_id} | members), 201)
        self.id = self.data["id"]

    def payload(self, messages=(), statuses=()):
        return wrap(self.value(messages, statuses))

    def value(self, messages=(), statuses=()):
        return value(messages, statuses, number_id=self.number_id, phone=self.phone[1:])

    def ask(self, columns, where="TRUE", table="messages"):
        return database(self.server, f"SELECT {columns} FROM {table} m WHERE {where} AND channel_n = "
                                     f"(SELECT n FROM channels WHERE id = '{self.id}')")

    def count(self, where="TRUE", table="messages"):
        return int(self.ask("count(*)", where, table))


@pytest.fixture(scope="module")
def number(tenant):
    return Number(tenant)


def strays(admin, **members):
    found, _ = page(admin.get("/api/v1/admin/webhook-strays?limit=100"))
    return [one for one in found if all(one[k] == v for k, v in members.items())]


def took(answer, source="cloud"):
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert set(body) == {"status", "source", "requestId"} and body["status"] == "ok", body
    assert body["source"] == source and body["requestId"] == answer.headers["X-Request-ID"]
    return body


# -- the handshake --------------------------------------------------------------------------------------


def handshake(server, path, **query):
    return server.client().get(path, params={f"hub.{name}": value for name, value in query.items()})


@pytest.mark.parametrize("path", ["/whatsapp/webhook", "/api/v1/whatsapp/webhook"])
def test_the_handshake_echoes_the_challenge_for_the_token_alone(server, path):
    asked = {"mode": "subscribe", "verify_token": "the server's own token", "challenge": "1158201444"}
    answer = handshake(server, path, **asked)
    assert answer.status_code == 200 and answer.text == "1158201444"
    assert answer.headers["Content-Type"].startswith("text/plain")
    refused(handshake(server, path, **asked | {"verify_token": "the server's own tokem"}), 401, "UNAUTHORIZED")
    refused(handshake(server, path, **asked | {"verify_token": "the server's own token2"}), 401, "UNAUTHORIZED")
    for missing in asked:
        rest = {name: value for name, value in asked.items() if name != missing}
        refused(handshake(server, path, **rest), 400, "BAD_REQUEST")
    refused(handshake(server, path, **asked | {"mode": "unsubscribe"}), 400, "BAD_REQUEST")
    refused(handshake(server, path, **asked | {"challenge": "9" * 1025}), 400, "BAD_REQUEST")


def test_a_channel_has_a_token_of_its_own(server, tenant, number):
    line = Number(tenant, whatsappVerifyToken="only this line's")
    asked = {"mode": "subscribe", "challenge": "<b>7</b>"}
    answer = handshake(server, f"{DOOR}/{line.id}", **asked, verify_token="only this line's")
    assert answer.status_code == 200 and answer.text == "<b>7</b>"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    wrong = [(line.id, "the server's own token"), (str(uuid.uuid4()), "only this line's"), ("no-uuid", "x"),
             (number.id, "only this line's")]
    for channel, verify_token in wrong:
        refused(handshake(server, f"{DOOR}/{channel}", **asked, verify_token=verify_token), 401, "UNAUTHORIZED")
    assert handshake(server, f"{DOOR}/{number.id}", **asked, verify_token="the server's own token").status_code == 200


# -- who is believed ----------------------------------------------------------------------------------


def test_the_signature_is_of_the_bytes_as_they_came(server, wa, number):
    told = number.payload([text("33612345678", "Ça marche ? 😀 </script>")])
    spellings = [json.dumps(told).encode(), json.dumps(told, ensure_ascii=False, indent=3).encode(),
                 json.dumps(told, separators=(",", ":"), sort_keys=True).encode() + b"\n"]
    for body in spellings:
        took(wa.deliver(server.url + DOOR, body))
    assert number.count() == 1
    resigned = sign(SECRET, spellings[0])
    for body in spellings[1:]:
        answer = server.client().post(DOOR, data=body, headers={"X-Hub-Signature-256": resigned} | JSON)
        refused(answer, 401, "UNAUTHORIZED")


@pytest.mark.parametrize("header", [None, "", "sha256=", "sha256=" + "0" * 64, "sha256=" + "é" * 32, "sha1=" + "0" * 40,
                                    "sha256=" + "0" * 63, "sha256=" + "0" * 65, "SHA256", "wrong secret", "cut body"])
def test_what_is_not_signed_stores_nothing(server, admin, number, header):
    body = json.dumps(number.payload([text("33612345678", "no")])).encode()
    before = number.count()
    made = {"wrong secret": sign("another secret", body), "cut body": sign(SECRET, body[:-1])}.get(header, header)
    headers = dict(JSON)
    if made is not None:
        headers["X-Hub-Signature-256"] = made.encode()
    for path in (DOOR, f"/whatsapp/webhook/{number.id}"):
        refused(server.client().post(path, data=body, headers=headers), 401, "UNAUTHORIZED")
    assert number.count() == before and not strays(admin)


def test_an_apps_secret_proves_nothing_for_another_channel(server, admin, wa, tenant, other):
    mine, theirs = Number(tenant, appSecret="mine alone"), Number(other, appSecret="theirs alone")
    told = wrap(mine.value([text("33612345678", "good")]), theirs.value([text("33612345678", "forged")]))
    for path in (DOOR, f"{DOOR}/{mine.id}"):
        took(wa.deliver(server.url + path, told, secret="mine alone"))
    assert (mine.count(), theirs.count()) == (1, 0)
    assert strays(admin, reason="not_proven", number=theirs.number_id)[0]["count"] == 2
    refused(wa.deliver(f"{server.url}{DOOR}/{theirs.id}", theirs.payload([text("33612345678", "x")]),
                       secret="mine alone"), 401, "UNAUTHORIZED")
    refused(wa.deliver(f"{server.url}{DOOR}/{mine.id}", mine.payload([text("33612345678", "x")])), 401, "UNAUTHORIZED")


def test_360dialog_shows_a_secret_in_a_header_or_in_the_address(server, wa, tenant):
    line = Number(tenant, provider="360dialog")
    secret = line.data["webhookSecret"]
    wa.app_secret = None
    url = f"{server.url}{DOOR}/{line.id}"
    took(wa.deliver(url, line.payload([text("33612345678", "1")]), **{"X-Webhook-Secret": secret}), "360dialog")
    took(wa.deliver(url, line.payload([text("33612345678", "2")]), Authorization=f"Bearer {secret}"), "360dialog")
    took(wa.deliver(f"{url}/{secret}", line.payload([text("33612345678", "3")])), "360dialog")
    took(wa.deliver(server.url + DOOR, line.payload([text("33612345678", "4")]), **{"X-Webhook-Secret": secret}),
         "360dialog")
    assert line.count() == 4
    for headers in ({}, {"X-Webhook-Secret": secret + "x"}, {"X-Webhook-Secret": line.id}, {"Authorization": "Bearer x"}):
        refused(wa.deliver(url, line.payload([text("33612345678", "5")]), **headers), 401, "UNAUTHORIZED")
    refused(wa.deliver(url + "/wrong", line.payload([text("33612345678", "5")])), 401, "UNAUTHORIZED")
    assert line.count() == 4
    theirs = Number(tenant, provider="360dialog")
    refused(wa.deliver(f"{server.url}{DOOR}/{theirs.id}/{secret}", theirs.payload([text("33612345678", "6")])),
            401, "UNAUTHORIZED")
    assert secret not in server.log()


def test_production_believes_nobody_without_a_proof(make_server):
    made = make_server(args=["--workers", "off"], ENVIRONMENT="production")
    admin = made.client(token(made, "admin"))
    tenant = make_tenant(made, admin)
    with FakeWhatsapp() as wa:
        for line in (Number(tenant), Number(tenant, provider="360dialog")):
            told = line.payload([text("33612345678", "x")])
            for path in (DOOR, f"{DOOR}/{line.id}"):
                refused(wa.deliver(made.url + path, told), 401, "UNAUTHORIZED")
            assert line.count() == 0
        signed = Number(tenant, appSecret="of this app")
        took(wa.deliver(made.url + DOOR, signed.payload([text("33612345678", "x")]), secret="of this app"))


# -- what is stored -----------------------------------------------------------------------------------------


def test_any_number_of_deliveries_is_one_message(server, wa, number):
    told = number.payload([text("33612300001", "once")])
    body = json.dumps(told).encode()
    before = number.count()
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: wa.deliver(server.url + DOOR, body), range(64)))
    for answer in answers:
        took(answer)
    assert number.count() == before + 1
    assert number.count("user_identifier = '+33612300001'", "conversations") == 1


def test_every_type_of_message_is_stored_as_what_it_is(server, wa, number):
    own = {"text": {"body": "bonjour"}, "image": {"id": "1", "mime_type": "image/jpeg", "caption": "look"},
           "audio": {"id": "2", "mime_type": "audio/ogg; codecs=opus", "voice": True, "sha256": "x"},
           "video": {"id": "3"}, "document": {"id": "4", "filename": "a.pdf"}, "sticker": {"id": "5", "animated": False},
           "location": {"latitude": 48.85, "longitude": 2.35, "name": "Paris"},
           "contacts": [{"name": {"formatted_name": "Ada"}, "phones": [{"phone": "+1 555"}]}],
           "interactive": {"type": "button_reply", "button_reply": {"id": "b", "title": "Oui"}},
           "button": {"text": "Non", "payload": "n"}, "reaction": {"message_id": "wamid.x", "emoji": "👍"},
           "order": {"catalog_id": "c", "product_items": [{"product_retailer_id": "P", "quantity": 2}]},
           "system": {"body": "changed number", "type": "user_changed_number"}, "unsupported": {"type": "poll"}}
    sent = [message("33612300002", kind, what) for kind, what in own.items()]
    took(wa.deliver(server.url + DOOR, number.payload(sent)))
    for one in sent:
        assert number.ask("type", f"external_id = '{one['id']}'") == one["type"]
    assert number.ask("content", f"external_id = '{sent[7]['id']}'") == "Ada +1 555"
    assert json.loads(str(number.ask("media", f"external_id = '{sent[2]['id']}'"))) == {
        "id": "2", "mimeType": "audio/ogg; codecs=opus", "sha256": "x", "voice": True}
    raw = number.ask("raw", f"external_id = '{sent[0]['id']}'")
    assert json.loads(raw) == sent[0]


def test_a_batch_goes_to_many_tenants_and_its_broken_pieces_cost_no_other(server, admin, wa, tenant, other):
    mine, theirs = Number(tenant), Number(other)
    pieces = [7, {"id": 5}, {"from": "33612300003"}, text("33612300003", "a"), None, text("33612300003", "b")]
    told = wrap(mine.value(), theirs.value([text("33612300003", "c")]), mine.value(statuses=["?", {"id": "w"}]))
    told["entry"][0]["changes"] = [{"field": "messages", "value": mine.value() | {"messages": pieces}}, "?", {}]
    told["entry"] += ["?", {"id": "8"}]
    took(wa.deliver(server.url + DOOR, json.dumps(told).encode()))
    assert (mine.count(), theirs.count()) == (2, 1)
    broken = strays(admin, reason="broken")
    assert sum(one["count"] for one in broken) == 4 + 2 + 2 + 2, broken
    assert all(one["detail"] and one["payload"] for one in broken)


def test_order_within_a_delivery_is_order_in_the_conversation(server, wa, number):
    sent = [text("33612300004", f"part {i}", timestamp="1700000000") for i in range(40)]
    took(wa.deliver(server.url + DOOR, number.payload(sent)))
    before = 0
    for one in sent:
        at = int(number.ask("n", f"external_id = '{one['id']}'"))
        assert at > before
        before = at


def test_somebody_without_a_number_is_one_contact(server, wa, number):
    took(wa.deliver(server.url + DOOR, number.payload([text("FR.13491208655302741918", "hello")])))
    took(wa.deliver(server.url + DOOR, number.payload([text("FR.13491208655302741918", "again")])))
    assert number.count("user_key = 'FR.13491208655302741918' AND phone IS NULL", "contacts") == 1


def test_times_of_every_kind_are_taken(server, wa, number):
    spellings = [str(int(time.time()) + 86400 * 365), "0", "-1", "soon", None, 1669233778, 1669233778000, "1e400", [], 10 ** 18]
    sent = [text("33612300005", str(i), timestamp=at) for i, at in enumerate(spellings)]
    took(wa.deliver(server.url + DOOR, number.payload(sent)))
    late = "now() + interval '1 minute'" if DATABASE == "postgres" else str((time.time_ns() // 1000) + 60_000_000)
    here = "external_id IN (" + ",".join(f"'{one['id']}'" for one in sent) + ")"
    assert number.count(here) == len(sent)
    assert number.count(f"{here} AND provider_at > {late}") == 0


def test_what_phones_send_and_databases_refuse_is_mended(server, wa, number):
    one = text("33612300006", "MARK")
    body = json.dumps(number.payload([one])).replace("MARK", r"a\u0000b\ud83dc").encode()
    took(wa.deliver(server.url + DOOR, body))
    assert number.ask("content", f"external_id = '{one['id']}'") == "a�b�c"


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"null", b"{\"entry\": [\xff]}", b"[" * 100_000,
                                  b'{"a":' * 100_000, b'{"object":1,"object":2}'])
def test_what_is_no_json_object_is_refused(server, admin, wa, body):
    refused(wa.deliver(server.url + DOOR, body), 400, "BAD_REQUEST")
    assert not strays(admin)


def test_bodies_have_a_limit(server, wa, number):
    one = text("33612300007", "x" * (3 * 1024 * 1024))
    assert wa.deliver(server.url + DOOR, number.payload([one])).status_code == 413
    many = [0] * 100_000
    assert wa.deliver(server.url + DOOR, {"messages": many}).status_code == 413
    fits = text("33612300007", "é" * 1_000_000)
    took(wa.deliver(server.url + DOOR, number.payload([fits])))
    assert number.count(f"external_id = '{fits['id']}'") == 1


def test_strangers_are_not_read_at_length(server):
    """Reading JSON costs many times its size."""
    body = json.dumps({"messages": [{}] * 2000, "pad": "x" * 1_000_000}).encode()
    answer = server.client().post(DOOR, data=body, headers={"X-Hub-Signature-256": "sha256=" + "0" * 64} | JSON)
    refused(answer, 401, "UNAUTHORIZED")


@pytest.mark.parametrize("told", [{"entry": 7}, {"entry": []}, {"object": "page", "entry": [{}]}, {}, {"messages": {}},
                                  {"entry": [[[[]]]]}, {"entry": [{"changes": [{"field": [], "value": {"messages": [[]]}}]}]}])
def test_other_shapes_leave_a_trace(server, admin, wa, told):
    took(wa.deliver(server.url + DOOR, json.dumps(told).encode()), "360dialog" if told in ({}, {"messages": {}}) else "cloud")
    assert strays(admin)


# -- nobody's ------------------------------------------------------------------------------------------------


def test_unknown_numbers_are_counted_shown_and_masked_in_the_log(server, admin, wa):
    told = payload([text("33612345678", "hello?")], number_id="999000111222", phone="15550001111")
    for _ in range(3):
        took(wa.deliver(server.url + DOOR, told))
    found = strays(admin, reason="unknown_number")
    assert len(found) == 1 and found[0]["number"] == "999000111222" and found[0]["count"] == 3
    assert "hello?" in found[0]["payload"] and found[0]["firstAt"] <= found[0]["lastAt"]
    server.wait_log(r"unknown_number, \*{10}22")
    assert "999000111222" not in server.log() and "hello?" not in server.log()
    assert good(admin.delete(f"/api/v1/admin/webhook-strays/{found[0]['id']}")) == {
        "id": str(found[0]["id"]), "deleted": True}
    refused(admin.delete(f"/api/v1/admin/webhook-strays/{found[0]['id']}"), 404, "STRAY_NOT_FOUND")
    assert not strays(admin)


def test_strays_are_the_platforms(server, tenant):
    for client in (tenant.owner, tenant.make_key()):
        refused(client.get("/api/v1/admin/webhook-strays"), 403, "FORBIDDEN")
        refused(client.delete("/api/v1/admin/webhook-strays"), 403, "FORBIDDEN")
        refused(client.delete("/api/v1/admin/webhook-strays/1"), 403, "FORBIDDEN")
    refused(server.client().get("/api/v1/admin/webhook-strays"), 401, "UNAUTHORIZED")


def test_the_number_is_found_by_id_else_as_it_is_displayed(server, admin, wa, tenant):
    line = Number(tenant, phoneNumberId=None)
    shown = f"{line.phone[:3]} ({line.phone[3:5]}) {line.phone[5:8]}-{line.phone[8:]}"
    took(wa.deliver(server.url + DOOR, payload([text("33612345678", "1")], number_id="424242", phone=shown)))
    assert line.count() == 1
    flat = {"messages": [text("33612345678", "2") | {"to": line.phone}]}
    took(wa.deliver(server.url + DOOR, flat))
    assert line.count() == 2


def test_the_flat_form_belongs_to_the_channel_of_the_address(server, admin, wa, tenant):
    line = Number(tenant, provider="360dialog")
    secret = line.data["webhookSecret"]
    wa.app_secret = None
    flat = {"contacts": [{"profile": {"name": "Bo"}, "wa_id": "33612345678"}], "messages": [text("33612345678", "flat")]}
    took(wa.deliver(f"{server.url}{DOOR}/{line.id}/{secret}", flat), "360dialog")
    assert line.count() == 1 and line.ask("name", table="contacts") == "Bo"
    refused(wa.deliver(f"{server.url}{DOOR}/{uuid.uuid4()}/{secret}", flat), 401, "UNAUTHORIZED")


def test_deleted_channels_and_tenants_are_told(server, admin, wa, tenant):
    line = Number(tenant)
    gone = make_tenant(server, admin)
    theirs = Number(gone)
    good(tenant.owner.delete(f"/api/v1/channels/{line.id}"))
    good(admin.delete(f"/api/v1/tenants/{gone.id}"))
    for one in (line, theirs):
        took(wa.deliver(server.url + DOOR, one.payload([text("33612345678", "?")])))
        took(wa.deliver(f"{server.url}{DOOR}/{one.id}", one.payload([text("33612345678", "?")])))
        assert strays(admin, reason="channel_deleted", number=one.number_id)[0]["count"] == 2
        assert one.count() == 0


def test_what_is_switched_off_still_takes_messages(server, admin, wa, tenant):
    line, off = Number(tenant), make_tenant(server, admin)
    theirs = Number(off)
    good(tenant.owner.put(f"/api/v1/channels/{line.id}", json={"isActive": False}))
    good(admin.patch(f"/api/v1/tenants/{off.id}/status", json={"isActive": False}))
    for one in (line, theirs):
        took(wa.deliver(server.url + DOOR, one.payload([text("33612345678", "still here")])))
        assert one.count() == 1


def test_a_channel_takes_no_more_than_its_limit(make_server, tmp_path):
    made = make_server(args=["--workers", "off"], META_APP_SECRET=SECRET, RATE_LIMITS="on", RATE_LIMIT_AUTH=1000)
    admin = made.client(token(made, "admin"))
    tenant = make_tenant(made, admin)
    tight, wide = Number(tenant, config={"limits": {"perMinute": 3}}), Number(tenant)
    with FakeWhatsapp() as wa:
        wa.app_secret = SECRET
        for i in range(3):
            took(wa.deliver(made.url + DOOR, tight.payload([text("33612345678", str(i))])))
        late = tight.payload([text("33612345678", "late")])
        answer = wa.deliver(made.url + DOOR, late)
        refused(answer, 429, "TOO_MANY_REQUESTS")
        assert 1 <= int(answer.headers["Retry-After"]) <= 60
        both = wrap(wide.value([text("33612345678", "x")]), tight.value([text("33612345678", "y")]))
        refused(wa.deliver(made.url + DOOR, both), 429, "TOO_MANY_REQUESTS")
        assert (tight.count(), wide.count()) == (3, 0)
        took(wa.deliver(made.url + DOOR, wide.payload([text("33612345678", "x")])))


# -- statuses -------------------------------------------------------------------------------------------


def test_statuses_for_unknown_messages_are_kept(server, wa, number):
    unknown = wamid()
    errors = [{"code": 131047, "title": "Re-engagement message"}]
    told = [status(unknown, "read"), status(unknown, "sent"), status(unknown, "delivered"), status(unknown, "sent"),
            status(unknown, "failed", errors=errors), status(unknown, "warning")]
    took(wa.deliver(server.url + DOOR, number.payload(statuses=told)))
    here = f"external_id = '{unknown}'"
    assert number.count(here, "message_statuses") == 4
    kept = number.ask("errors", here + " AND status = 'failed'", "message_statuses")
    assert json.loads(kept) == errors


# -- real payloads ----------------------------------------------------------------------------------------


def real_payloads():
    """Every payload of the shared data, by name: whole webhooks, at whatever depth they lie."""
    def find(at, name):
        if isinstance(at, dict) and "entry" in at and "object" in at:
            yield name, {"object": at["object"], "entry": at["entry"]}
            at = {k: v for k, v in at.items() if k not in ("object", "entry")}
        for key, below in (at.items() if isinstance(at, dict) else enumerate(at) if isinstance(at, list) else ()):
            yield from find(below, f"{name}.{key}")

    for file in sorted(shared_data().joinpath("whatsapp").rglob("*.json")):
        yield from find(json.loads(file.read_text()), file.stem)


def expected(told):
    """What a payload holds, counted without our reader: messages, statuses, other fields."""
    messages, statuses, unused = [], [], 0
    for entry in told["entry"]:
        for change in entry["changes"]:
            if change["field"] != "messages":
                unused += 1
                continue
            messages += change["value"].get("messages", [])
            known = ("sent", "delivered", "read", "played", "failed")
            statuses += [s for s in change["value"].get("statuses", []) if s["status"] in known]
            unused += not change["value"].get("messages") and bool(change["value"].get("errors"))
    return messages, statuses, unused


def test_real_payloads_are_read_as_they_are(server, admin, wa, tenant):
    seen, types = 0, set()
    for name, told in real_payloads():
        line = Number(tenant, phoneNumberId=None, whatsappPhoneNumber=None)
        good(admin.delete("/api/v1/admin/webhook-strays"))
        messages, statuses, unused = expected(told)
        for i, one in enumerate(messages):
            one["id"] = f"{one['id']}.{seen}.{i}"  # the examples repeat theirs
        took(wa.deliver(f"{server.url}{DOOR}/{line.id}", json.dumps(told).encode()))
        said = strays(admin)
        assert line.count() == len(messages), (name, said)
        assert line.count(table="message_statuses") == len({(s["id"], s["status"]) for s in statuses}), name
        assert sum(s["count"] for s in said if s["reason"].startswith("unused.")) == unused, (name, said)
        assert not [s for s in said if not s["reason"].startswith("unused.")], (name, said)
        for one in messages:
            stored = line.ask("type", f"external_id = '{one['id']}'")
            types.add(stored)
            want = {"edit": "system", "revoke": "system"}.get(one["type"], one["type"])
            whole = want in ("unsupported", "system") or want in one
            assert stored == (want if whole else "unsupported"), (name, one)
            body = one.get("text", {}).get("body")
            if body is not None:
                assert line.ask("content", f"external_id = '{one['id']}'") == body
        seen += 1
    assert seen > 60, seen
    assert types >= {"text", "image", "audio", "video", "document", "sticker", "location", "contacts", "interactive",
                     "button", "reaction", "order", "system", "unsupported"}, types
