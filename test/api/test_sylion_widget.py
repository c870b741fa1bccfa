"""The widget: visitors of websites have sessions, write, and hear the answers as they come; nobody else's
token, channel, tenant or website sees anything."""

import contextlib
import json
import pathlib
import sys
import threading
import time
import uuid

import pytest
from harness import PATIENCE, Server, database, token
from sylion import TIME, UUID, admin, blurred, good, make_base, make_tenant, nobody, refused

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "fake"))
from models import FakeModels  # noqa: E402

SHOP = "https://www.shop.example"
RULES = """# Règlement

## Horaires

La boutique ouvre à neuf heures du mardi au samedi. Elle ferme le dimanche et le lundi.
"""
ASKED = "À quelle heure ouvre la boutique ?"


@pytest.fixture(scope="module")
def models():
    with FakeModels() as fake:
        yield fake


@pytest.fixture(scope="module")
def server(tmp_path_factory, models):
    made = Server(tmp_path_factory.mktemp("data"), AI_CHAT_PROVIDER="openai", AI_TRIES=1, SYLION_DEBOUNCE_MS=0,
                  RATE_LIMITS="off", **models.env())
    try:
        yield made.start()
    finally:
        made.close()


class Shop:
    """A tenant with a website, an assistant and what it knows."""

    def __init__(self, server, admin, **config):
        self.server, self.tenant = server, make_tenant(server, admin)
        self.owner = self.tenant.owner
        base = make_base(self.owner, "Règles", "Règlement.md", RULES)
        good(self.owner.post("/api/v1/assistants", json={
            "name": "Ada", "isDefault": True, "ragThreshold": 0.2, "knowledgeBaseIds": [base]}), 201)
        self.channel = self.make_channel(**config)

    def make_channel(self, type="web", **config):
        return good(self.owner.post("/api/v1/channels", json={
            "name": "Site", "type": type, "config": {"allowedOrigins": [SHOP]} | config}), 201)["id"]

    def visit(self, channel=None, server=None, **members):
        return Visitor(server or self.server, channel or self.channel, **members)

    def reached(self, answer):
        """Wait until it is known that the visitor has it: until then a stream may tell it again."""
        until = time.monotonic() + 20 * PATIENCE
        while good(self.owner.get(f"/api/v1/messages/{answer['id']}"))["status"] != "delivered":
            assert time.monotonic() < until
            time.sleep(0.02)

    def conversation(self, visitor):
        found, = [v for v in good(self.owner.get("/api/v1/conversations"))
                  if v["userIdentifier"] == f"session:{visitor.session}"]
        return found


class Visitor:
    def __init__(self, server, channel, origin=SHOP, status=201, **members):
        self.server, self.channel, self.origin = server, channel, origin
        made = good(server.client().post(f"/api/v1/widget/{channel}/sessions", json=members,
                                         headers={"Origin": origin} if origin else {}), status)
        assert set(made) == {"sessionId", "token", "expiresAt", "resumed"}
        assert UUID.match(made["sessionId"]) and TIME.match(made["expiresAt"])
        self.made, self.session, self.token = made, made["sessionId"], made["token"]
        self.client = server.client(self.token)
        if origin:
            self.client.headers["Origin"] = origin
        self.path = f"/api/v1/widget/{channel}/sessions/{self.session}"

    def say(self, content, client_id=None, status=201):
        return good(self.client.post(f"{self.path}/messages", json={
            "content": content, "clientId": client_id or uuid.uuid4().hex}), status)

    def history(self, **params):
        return good(self.client.get(f"{self.path}/messages", params=params))

    def stream(self, last=None, server=None):
        return Stream(self, last, server)


class Stream:
    """The events of a session, read one by one."""

    def __init__(self, visitor, last=None, server=None):
        headers = dict(visitor.client.headers) | ({"Last-Event-ID": last} if last else {})
        self.client = (server or visitor.server).client()
        self.answer = self.client.get(f"{visitor.path}/events", headers=headers, stream=True, timeout=30 * PATIENCE)
        assert self.answer.status_code == 200, self.answer.text
        assert self.answer.headers["Content-Type"] == "text/event-stream"
        self.answer.encoding = "utf-8"
        self.lines = self.answer.iter_lines(chunk_size=1, decode_unicode=True)

    def next(self):
        """The next event (name, id, data); None when the stream has ended."""
        event = {}
        for line in self.lines:
            if line.startswith(":") or line.startswith("retry:"):
                continue
            if line:
                name, value = line.split(": ", 1)
                event[name] = value
            elif event:
                return event["event"], event.get("id"), json.loads(event["data"])
        return None

    def message(self):
        name, last, data = self.next()
        assert name == "message", data
        assert last in (None, data["id"])
        return data

    def until(self, author):
        while True:
            message = self.message()
            if message["author"] == author:
                return message

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.answer.close()


@pytest.fixture(scope="module")
def shop(server, admin):
    return Shop(server, admin)


# -- asking and hearing --------------------------------------------------------------------------------


def test_a_visitor_asks_and_hears_the_answer(shop):
    visitor = shop.visit(name="Zoé", language="fr")
    assert visitor.made["resumed"] is False
    with visitor.stream() as stream:
        taken = visitor.say(ASKED, "first")
        assert taken["clientId"] == "first" and taken["known"] is False and taken["answering"] is True
        mine = stream.message()
        assert mine == {"id": taken["id"], "clientId": "first", "author": "visitor", "type": "text", "content": ASKED,
                        "status": mine["status"], "citations": [], "createdAt": mine["createdAt"]}
        answer = stream.message()
    assert answer["author"] == "assistant" and "neuf heures" in answer["content"], answer
    assert answer["clientId"] is None
    cited, = answer["citations"]
    assert set(cited) == {"number", "documentName", "heading", "sentence", "page"}
    assert cited["documentName"] == "Règlement.md" and f"[{cited['number']}]" in answer["content"]
    assert "Règlement.md" not in answer["content"]  # its sources stand beside it, not below
    assert [m["id"] for m in visitor.history()] == [mine["id"], answer["id"]]
    conversation = shop.conversation(visitor)
    assert conversation["userName"] == "Zoé" and conversation["channelId"] == shop.channel


def test_an_answer_that_reached_the_visitor_is_delivered(shop):
    visitor = shop.visit()
    with visitor.stream() as stream:
        visitor.say(ASKED)
        shop.reached(stream.until("assistant"))


def test_a_message_is_one_however_often_it_is_sent(shop):
    visitor, other = shop.visit(), shop.visit()
    first = visitor.say(ASKED, "same")
    answers = []

    def again():
        answers.append(good(visitor.server.client(visitor.token).post(
            f"{visitor.path}/messages", json={"content": "otherwise", "clientId": "same"})))

    threads = [threading.Thread(target=again) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [(a["id"], a["known"]) for a in answers] == [(first["id"], True)] * 5
    assert other.say("Bonjour", "same")["known"] is False  # names are a session's own
    assert [m["content"] for m in visitor.history() if m["author"] == "visitor"] == [ASKED]


def test_a_stream_goes_on_where_the_last_one_broke(shop):
    visitor = shop.visit()
    with visitor.stream() as stream:
        visitor.say(ASKED)
        first = stream.message()
        stream.until("assistant")
    with visitor.stream(first["id"]) as stream:
        answer = stream.message()
        assert answer["author"] == "assistant"
        shop.reached(answer)
    visitor.say("Et le lundi ?", "while away")
    with visitor.stream(answer["id"]) as stream:
        missed = stream.message()
        assert (missed["clientId"], missed["content"]) == ("while away", "Et le lundi ?")
        assert stream.message()["author"] == "assistant"
    for unknown in ("nonsense", nobody()):
        with visitor.stream(unknown) as stream:
            assert stream.message()["id"] == first["id"]


def test_a_person_who_takes_over_is_heard_and_the_assistant_is_not(shop):
    visitor = shop.visit()
    with visitor.stream() as stream:
        visitor.say(ASKED)
        stream.until("assistant")
        conversation = shop.conversation(visitor)["id"]
        good(shop.owner.post(f"/api/v1/conversations/{conversation}/handoff", json={"reason": "mine"}))
        assert visitor.say("Il y a quelqu'un ?")["answering"] is False
        assert stream.message()["author"] == "visitor"
        good(shop.owner.post(f"/api/v1/conversations/{conversation}/reply", json={"content": "Oui, moi."}), 201)
        said = stream.message()
        assert (said["author"], said["content"]) == ("person", "Oui, moi.")


def test_history_is_paged_backwards(shop):
    visitor = shop.visit()
    with visitor.stream() as stream:
        for i in range(3):
            visitor.say(f"Bonjour {i}", f"m{i}")
            stream.until("assistant")
    everything = [m["id"] for m in visitor.history()]
    assert len(everything) == 6
    last = [m["id"] for m in visitor.history(limit=2)]
    assert last == everything[4:]
    assert [m["id"] for m in visitor.history(limit=2, before=last[0])] == everything[2:4]
    refused(visitor.client.get(f"{visitor.path}/messages", params={"before": nobody()}), 404, "MESSAGE_NOT_FOUND")
    refused(visitor.client.get(f"{visitor.path}/messages", params={"limit": 101}), 400, "VALIDATION_ERROR", "limit")


@pytest.mark.parametrize("body, fields", [
    ({}, ["content", "clientId"]), ({"content": "", "clientId": "a"}, ["content"]),
    ({"content": "   ", "clientId": "a"}, ["content"]), ({"content": "x" * 4097, "clientId": "a"}, ["content"]),
    ({"content": 7, "clientId": "a"}, ["content"]), ({"content": "x", "clientId": "a" * 101}, ["clientId"]),
])
def test_bad_messages_change_nothing(shop, body, fields):
    visitor = shop.visit()
    refused(visitor.client.post(f"{visitor.path}/messages", json=body), 400, "VALIDATION_ERROR", *fields)
    assert visitor.history() == []


def test_text_of_the_greatest_length_is_taken_whole(shop):
    visitor = shop.visit()
    visitor.say("é" * 4096)
    assert visitor.history()[0]["content"] == "é" * 4096


# -- sessions ------------------------------------------------------------------------------------------


def test_a_session_is_gone_on_with_by_its_token(shop):
    visitor = shop.visit()
    visitor.say("Bonjour", "before")
    again = shop.visit(token=visitor.token, status=200)
    assert again.made["resumed"] is True and again.session == visitor.session and again.token == visitor.token
    assert again.made["expiresAt"] >= visitor.made["expiresAt"]
    assert again.history()[0]["clientId"] == "before"
    for unknown in ("wgt_unknown", "", "x" * 100):
        other = shop.visit(token=unknown)
        assert other.made["resumed"] is False and other.session != visitor.session


def test_the_database_knows_no_token(shop):
    visitor = shop.visit()
    rows = database(shop.server, "SELECT * FROM widget_sessions")
    assert rows and visitor.token not in str(rows) and visitor.token.removeprefix("wgt_") not in str(rows)


def expire(server, visitor, when="0"):
    database(server, f"UPDATE widget_sessions SET expires_at = "
                     + ("'1970-01-01'" if server.database else "0") + f" WHERE id = '{visitor.session}'")


def test_an_expired_session_is_like_none_and_goes(shop, server, admin):
    visitor, quiet = shop.visit(), shop.visit()
    visitor.say("Bonjour")
    for one in (visitor, quiet):
        expire(server, one)
    for method, path in (("GET", "messages"), ("GET", "events"), ("POST", "messages")):
        refused(visitor.client.request(method, f"{visitor.path}/{path}", json={"content": "x", "clientId": "y"}),
                404, "SESSION_NOT_FOUND")
    assert shop.visit(token=visitor.token).session != visitor.session


def test_a_stream_ends_with_its_session(server, admin, models, tmp_path):
    with contextlib.closing(Server(tmp_path, AI_CHAT_PROVIDER="openai", SYLION_WIDGET_SESSION_S=4, RATE_LIMITS="off",
                                   **models.env())) as own:
        own.start()
        shop = Shop(own, own.client(token(own, "admin")))
        began = time.monotonic()
        with shop.visit().stream() as stream:
            assert stream.next() == ("end", None, {"reason": "gone"})
            assert stream.next() is None
        assert 1 < time.monotonic() - began < 14 * PATIENCE  # by itself, not at the next beat


# -- whose it is -----------------------------------------------------------------------------------------


def test_what_does_not_fit_together_is_like_what_was_never_there(shop, server, admin):
    visitor, other = shop.visit(), shop.visit()
    neighbour = Shop(server, admin)
    second = shop.make_channel()
    whatsapp = good(shop.owner.post("/api/v1/channels", json={"name": "W", "type": "whatsapp"}), 201)["id"]
    body = {"content": "Bonjour", "clientId": "x"}
    for method, part in (("GET", "messages"), ("GET", "events"), ("POST", "messages")):
        def ask(channel, session, bearer):
            return server.client(bearer).request(method, f"/api/v1/widget/{channel}/sessions/{session}/{part}", json=body)
        absent = ask(shop.channel, nobody(), visitor.token)
        refused(absent, 404, "SESSION_NOT_FOUND")
        for channel, session, bearer in ((shop.channel, visitor.session, other.token),
                                         (second, visitor.session, visitor.token),
                                         (neighbour.channel, visitor.session, visitor.token),
                                         (shop.channel, visitor.session, neighbour.visit().token),
                                         (shop.channel, visitor.session, "wgt_nonsense")):
            answer = ask(channel, session, bearer)
            refused(answer, 404, "SESSION_NOT_FOUND")
            instance = f"{channel}/sessions/{session}", f"{shop.channel}/sessions/{absent.json()['instance'].split('/')[-2]}"
            status, text, headers = blurred(answer)
            assert (status, text.replace(*instance), headers) == blurred(absent)
        for channel in (nobody(), whatsapp, "nonsense"):
            refused(ask(channel, visitor.session, visitor.token), 404, "CHANNEL_NOT_FOUND")
        refused(server.client().request(method, f"{visitor.path}/{part}", json=body), 401, "UNAUTHORIZED")
    for channel in (nobody(), whatsapp, "nonsense"):
        refused(server.client().post(f"/api/v1/widget/{channel}/sessions", json={}), 404, "CHANNEL_NOT_FOUND")
    assert visitor.history() == []
    refused(visitor.client.get("/api/v1/conversations"), 401, "UNAUTHORIZED")  # a token is good for the widget alone


def test_a_stream_tells_nothing_of_others(shop):
    visitor, other = shop.visit(), shop.visit()
    with visitor.stream() as stream:
        other.say("Ceci est à moi")
        visitor.say("Bonjour", "mine")
        assert stream.message()["clientId"] == "mine"
        assert stream.message()["author"] == "assistant"
    assert all("à moi" not in m["content"] for m in visitor.history())


def test_a_channel_or_tenant_that_is_switched_off_or_deleted_is_like_none(server, admin):
    shop = Shop(server, admin)
    visitor = shop.visit()

    def gone():
        refused(server.client().post(f"/api/v1/widget/{shop.channel}/sessions", json={}), 404, "CHANNEL_NOT_FOUND")
        refused(visitor.client.get(f"{visitor.path}/messages"), 404, "CHANNEL_NOT_FOUND")

    good(shop.owner.put(f"/api/v1/channels/{shop.channel}", json={"isActive": False}))
    gone()
    good(shop.owner.put(f"/api/v1/channels/{shop.channel}", json={"isActive": True}))
    assert visitor.history() == []
    good(admin.patch(f"/api/v1/tenants/{shop.tenant.id}/status", json={"isActive": False}))
    gone()
    good(admin.patch(f"/api/v1/tenants/{shop.tenant.id}/status", json={"isActive": True}))
    good(shop.owner.delete(f"/api/v1/channels/{shop.channel}"))
    gone()


# -- websites --------------------------------------------------------------------------------------------

CORS = "Access-Control-Allow-Origin"


@pytest.fixture(scope="module")
def listed(shop):
    return shop.make_channel(allowedOrigins=[SHOP, "https://*.other.example"])


@pytest.mark.parametrize("origin, good_one", [
    (SHOP, True), ("https://WWW.shop.example", True), ("https://www.shop.example:443", True),
    ("https://a.other.example", True), ("https://a.b.other.example", True),
    ("https://other.example", False), ("https://evilother.example", False), ("http://a.other.example", False),
    ("https://a.other.example.evil.example", False), ("https://a.other.example:8443", False),
    ("http://www.shop.example", False), ("https://shop.example", False), ("https://www.shop.example.evil.example", False),
    ("https://www.shop.example:8443", False), ("null", False), ("https://evil.example", False), ("", False),
])
def test_only_the_channels_websites_may_ask(listed, server, origin, good_one):
    path = f"/api/v1/widget/{listed}/sessions"
    preflight = server.client().options(path, headers={
        "Origin": origin, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"})
    asked = server.client().post(path, json={}, headers={"Origin": origin})
    assert preflight.headers.get("Vary") == asked.headers.get("Vary") == "Origin"
    if good_one:
        good(asked, 201)
        assert preflight.headers[CORS] == asked.headers[CORS] == origin
        assert "POST" in preflight.headers["Access-Control-Allow-Methods"]
        assert {"Authorization", "Content-Type", "Last-Event-ID"} <= set(
            preflight.headers["Access-Control-Allow-Headers"].split(", "))
        assert "Access-Control-Allow-Credentials" not in asked.headers
    else:
        refused(asked, 403, "FORBIDDEN")
        assert CORS not in preflight.headers and CORS not in asked.headers
        assert "Access-Control-Allow-Methods" not in preflight.headers


def test_a_website_may_read_what_went_wrong(shop):
    visitor = shop.visit()
    answer = visitor.client.get(f"/api/v1/widget/{shop.channel}/sessions/{nobody()}/messages")
    refused(answer, 404, "SESSION_NOT_FOUND")
    assert answer.headers[CORS] == SHOP


def test_its_permission_is_good_for_the_widget_alone(shop, server):
    for method, path in (("GET", "/api/v1/channels"), ("GET", f"/api/v1/channels/{shop.channel}"), ("POST", "/api/v1/auth/login"),
                         ("GET", "/"), ("GET", "/api/v1/plans"), ("GET", "/widget/demo")):
        answer = server.client().request(method, path, headers={"Origin": SHOP})
        assert CORS not in answer.headers, path
        answer = server.client().options(path, headers={"Origin": SHOP, "Access-Control-Request-Method": method})
        assert CORS not in answer.headers, path


def test_the_servers_own_list_is_not_the_channels(shop, models, tmp_path):
    """CORS_ORIGINS lets pages use the API; which may show a channel's widget is the channel's word."""
    with contextlib.closing(Server(tmp_path, CORS_ORIGINS="https://app.example", RATE_LIMITS="off", **models.env())) as own:
        own.start()
        shop = Shop(own, own.client(token(own, "admin")))
        answer = own.client().post(f"/api/v1/widget/{shop.channel}/sessions", json={}, headers={"Origin": "https://app.example"})
        refused(answer, 403, "FORBIDDEN")
        assert CORS not in answer.headers


def test_our_own_pages_and_programs_may_always(shop, server):
    good(server.client().post(f"/api/v1/widget/{shop.channel}/sessions", json={}, headers={"Origin": server.url}), 201)
    shop.visit(origin=None)


def test_a_website_that_is_taken_off_the_list_is_out(shop, server):
    channel = shop.make_channel()
    visitor = shop.visit(channel)
    assert visitor.history() == []
    good(shop.owner.put(f"/api/v1/channels/{channel}", json={"config": {"allowedOrigins": []}}))
    refused(visitor.client.get(f"{visitor.path}/messages"), 403, "FORBIDDEN")


# -- limits ----------------------------------------------------------------------------------------------


def test_visitors_addresses_and_channels_have_limits(models, tmp_path):
    with contextlib.closing(Server(tmp_path, AI_CHAT_PROVIDER="openai", SYLION_WIDGET_PER_MINUTE=3, RATE_LIMITS="on",
                                   SYLION_WIDGET_SESSIONS_PER_MINUTE=4, **models.env())) as own:
        own.start()
        shop = Shop(own, own.client(token(own, "admin")))
        narrow = shop.make_channel(limits={"perMinute": 2})
        visitor, other, third = shop.visit(), shop.visit(), shop.visit(narrow)
        for one, most in ((visitor, 3), (other, 3), (third, 2)):
            for i in range(most):
                one.say(f"Bonjour {i}")
            answer = one.client.post(f"{one.path}/messages", json={"content": "x", "clientId": "more"})
            refused(answer, 429, "TOO_MANY_REQUESTS")
            assert int(answer.headers["Retry-After"]) > 0 and answer.headers[CORS] == SHOP
        good(own.client().post(f"/api/v1/widget/{narrow}/sessions", json={}), 201)
        refused(own.client().post(f"/api/v1/widget/{narrow}/sessions", json={}), 429, "TOO_MANY_REQUESTS")
        for _ in range(2):
            shop.visit()
        refused(own.client().post(f"/api/v1/widget/{shop.channel}/sessions", json={}), 429, "TOO_MANY_REQUESTS")


# -- what is served --------------------------------------------------------------------------------------


def test_the_script_is_served_to_every_website(server):
    answer = server.client().get("/widget.js")
    assert answer.status_code == 200 and answer.headers["Content-Type"].startswith("text/javascript")
    assert answer.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert answer.headers["Cache-Control"] == "public, max-age=600"
    again = server.client().get("/widget.js", headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 304 and not again.content


def test_the_demo_page_says_when_there_is_nothing_to_show(server, shop):
    page = server.client().get("/widget/demo")
    assert page.status_code == 200 and '<meta name="channel" content="">' in page.text
    page = server.client().get("/widget/demo", params={"channel": shop.channel})
    assert f'<meta name="channel" content="{shop.channel}">' in page.text
    page = server.client().get("/widget/demo", params={"channel": '"><script>alert(1)</script>'})
    assert "alert(1)" not in page.text


# -- two servers -------------------------------------------------------------------------------------------


def test_what_one_node_takes_another_tells(server, shop, models, tmp_path):
    if not server.database:
        pytest.skip("two servers share a PostgreSQL database")
    with contextlib.closing(Server(tmp_path, database=server.database, AI_CHAT_PROVIDER="openai", SYLION_DEBOUNCE_MS=0,
                                   RATE_LIMITS="off", **models.env())) as second:
        second.start()
        visitor = shop.visit()
        with visitor.stream(server=second) as there, visitor.stream() as here:
            visitor.say(ASKED, "one")
            for stream in (here, there):
                assert stream.message()["clientId"] == "one"
                assert stream.message()["author"] == "assistant"
