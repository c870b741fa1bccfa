"""The doors beside the product's own routes: events followed and replayed, searches as Meilisearch's clients
make them, jobs, what the shell exports, webhooks. Through none of them does a tenant see of another so much
as a count, and a foreign thing answers as an absent one. (The product's routes: test_sylion_isolation.py.)"""

import json
import uuid

import pytest
import requests
from harness import Server, make_user, problem, token
from sylion import admin, blurred, good, make_base, make_tenant, nobody, refused
from test_events import Socket, Stream

TEXT = "# Horaires\n\nLa boutique ouvre à neuf heures. Le mot est {word}.\n\n# Prix\n\nUn {word} coûte {price} euros.\n"
DOOR = "/api/v1/whatsapp/webhook"


def bearer(client):
    return client.headers["Authorization"].split()[1]


class Side:
    """A tenant with one document, one conversation, a member, a key, and words that are nobody else's."""

    def __init__(self, server, admin, word, price):
        self.server, self.word = server, word
        self.tenant = make_tenant(server, admin)
        self.owner, self.key = self.tenant.owner, self.tenant.make_key()
        self.base = make_base(self.owner, f"Base {word}", f"{word}.md", TEXT.format(word=word, price=price))
        listed = good(self.owner.get(f"/api/v1/knowledge-bases/{self.base}/documents"))
        self.document = listed[0]["id"]
        self.chunks = [one["id"] for one in good(self.owner.get(f"/api/v1/documents/{self.document}/chunks"))]
        self.site = good(self.owner.post("/api/v1/channels", json={"name": "Site", "type": "web"}), 201)["id"]
        self.conversation = self.begin(f"{word}@example.org")
        self.channel = f"tenant:{self.tenant.id}"

    def begin(self, who):
        return good(self.owner.post("/api/v1/conversations", json={
            "channelId": self.site, "userIdentifier": who}), 201)["id"]

    def marks(self):
        return [self.word, self.tenant.id, self.base, self.document, self.conversation, *self.chunks]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    made = Server(tmp_path_factory.mktemp("data"), SYLION_DEBOUNCE_MS=0, EVENTS_RECHECK_SECONDS=1)
    try:
        yield made.start()
    finally:
        made.close()


@pytest.fixture(scope="module")
def mine(server, admin):
    return Side(server, admin, "kumquat", 3)


@pytest.fixture(scope="module")
def other(server, admin):
    side = Side(server, admin, "bergamote", 7)
    for number in range(3):  # more than mine, so that no count is right by chance
        make_base(side.owner, f"More {number}", f"{number}.md", f"# Bergamote {number}\n\nUne bergamote, numéro {number}.\n")
    return side


# -- events -----------------------------------------------------------------------------------------------


def test_a_members_own_tenant_is_followed(mine):
    """Without this the next tests could be about nothing."""
    for client in (mine.owner, mine.key):
        with Socket(mine.server, token=bearer(client)) as ws:
            ws.ask("subscribe", "subscribed", channel=mine.channel, since=0)
            while mine.conversation not in json.dumps(ws.read()):
                pass


def test_a_foreign_tenants_events_are_refused_as_an_absent_ones(mine, other):
    absent = f"tenant:{nobody()}"
    for client in (mine.owner, mine.key, mine.server.client(token(mine.server)), None):
        credential = client and bearer(client)
        with Socket(mine.server, token=credential) as ws:
            ws.say("resume", since=0)
            ws.read("resumed")
            for since in ({}, {"since": 0}):
                said = [ws.ask("subscribe", "error", channel=channel, **since)["data"]["error"].replace(channel, "…")
                        for channel in (other.channel, absent, other.channel.upper().replace("TENANT", "tenant"))]
                assert said[0] == said[1], said
                assert said[2].lower() == said[0].lower() or "tenant:" in said[2], said
            other.begin(f"{uuid.uuid4()}@example.org")
            assert ws.ask("ping", "pong")  # and nothing before it
        client = client or mine.server.client()
        for asked in ({}, {"headers": {"Last-Event-ID": "0"}}, {"params": {"since": "0"}},
                      {"params": {"last_event_id": "1"}}):
            answers = []
            for channel in (other.channel, absent):
                answer = client.get("/events", **asked | {"params": {"channels": channel} | asked.get("params", {})})
                problem(answer, 403)
                answers.append((answer.text.replace(channel, "…").replace(answer.json()["request_id"], "…"),
                                {k for k in answer.headers}))
            assert answers[0] == answers[1]
            both = client.get("/events", **asked | {"params": {"channels": f"system,{other.channel}"}
                                                    | asked.get("params", {})})
            problem(both, 403)


def test_a_replay_over_ones_own_channel_has_nothing_of_another(mine, other):
    other.begin(f"{uuid.uuid4()}@example.org")
    mark = mine.begin(f"{uuid.uuid4()}@example.org")
    for client in (mine.owner, mine.key):
        stream = Stream(mine.server, f"channels={mine.channel}",
                        {"Authorization": f"Bearer {bearer(client)}", "Last-Event-ID": "0"})
        seen = 0
        while True:
            _, event = stream.event()
            seen += 1
            text = json.dumps(event)
            assert event["channel"] == mine.channel and not [w for w in other.marks() if w in text], event
            if mark in text:
                break
        assert seen > 1
        stream.close()


def test_who_leaves_a_tenant_follows_it_no_longer(mine, server):
    """The log-in stands; what it may see has become less."""
    user = make_user(server)
    member = mine.tenant.make_member(user=user)
    stays = mine.tenant.make_member()
    stream = Stream(server, f"channels={mine.channel}", {"Authorization": f"Bearer {bearer(member)}"})
    assert stream.block() == "retry: 2000"
    with Socket(server, token=bearer(member)) as ws, Socket(server, token=bearer(stays)) as still:
        for one in (ws, still):
            one.ask("subscribe", "subscribed", channel=mine.channel)
            one.ask("subscribe", "subscribed", channel="system")
        answer = mine.owner.delete(f"/api/v1/organisations/{mine.tenant.organisation}/members/{user['id']}")
        assert answer.status_code in (200, 204), answer.text
        told = ws.read("unsubscribed")
        assert told["channel"] == mine.channel and told["data"] == {"unsubscribed_from": mine.channel}
        while (block := stream.block()) is not None:
            last = block
        assert last == ": forbidden"
        after = mine.begin(f"{uuid.uuid4()}@example.org")
        assert after in json.dumps(still.read())
        assert ws.ask("ping", "pong")  # and nothing before it
        ws.ask("subscribe", "error", channel=mine.channel)


# -- as Meilisearch's clients ask -----------------------------------------------------------------------------


def searches(side):
    """Every way to ask, with what could open another's passages: (method, path, body)."""
    own = other_filter = side.tenant.id
    yield "GET", "/indexes/chunks/search?q=", None
    yield "GET", f"/indexes/chunks/search?q={side.word}&facets=*", None
    for body in ({"q": ""}, {"q": side.word}, {"q": "", "facets": ["*"], "limit": 1000},
                 {"q": "", "page": 1, "hitsPerPage": 1},
                 {"q": "", "filter": f"tenant = '{own}'", "facets": ["tenant", "document", "knowledge_base"]},
                 {"q": "", "filter": f"tenant = '{own}' OR tenant != '{own}'"}, {"q": "", "filter": "tenant EXISTS"},
                 {"q": "", "filter": f"NOT tenant = '{nobody()}'"}, {"q": "", "filter": f"document = '{side.document}'"},
                 {"q": "", "distinct": "tenant", "facets": ["tenant"]}, {"q": "boutique", "showRankingScore": True}):
        yield "POST", "/indexes/chunks/search", body
        yield "POST", "/multi-search", {"queries": [{"indexUid": "chunks"} | body]}
        if not {"page", "facets", "limit"} & set(body):
            yield "POST", "/multi-search", {"federation": {}, "queries": [{"indexUid": "chunks"} | body] * 2}
    yield "POST", "/multi-search", {"queries": [{"indexUid": "chunks", "q": ""}], "federation": {
        "facetsByIndex": {"chunks": ["tenant", "document"]}}}
    for name in ("tenant", "document", "knowledge_base", "language"):
        for query in (None, "", own[:4], other_filter):
            yield "POST", "/indexes/chunks/facet-search", {"facetName": name, "facetQuery": query}
    yield "GET", "/indexes/chunks/documents?limit=1000", None
    yield "GET", f"/indexes/chunks/documents?ids={','.join(side.chunks)}", None
    yield "GET", f"/indexes/chunks/documents?filter=tenant%20%3D%20'{own}'", None
    yield "POST", "/indexes/chunks/documents/fetch", {"ids": side.chunks, "limit": 1000}
    yield "POST", "/indexes/chunks/documents/fetch", {"filter": f"tenant != '{nobody()}'", "limit": 1000}
    yield "GET", f"/indexes/chunks/documents/{side.chunks[0]}", None
    yield "GET", "/indexes/chunks/stats", None
    yield "GET", "/stats", None
    yield "GET", "/indexes/chunks", None
    yield "GET", "/indexes/chunks/settings", None
    yield "GET", "/indexes", None


def test_searches_find_and_count_nothing_of_another_tenant(mine, other):
    """Asked with each tenant's own names, and with the other's: what comes is one's own, in words and in figures."""
    for side, foreign in ((mine, other), (other, mine)):
        for asker in (side, foreign):
            for method, path, body in searches(asker):
                answer = side.key.request(method, path, json=body)
                assert answer.status_code in (200, 404), f"{method} {path} {body}: {answer.text}"
                asked = path + json.dumps(body)
                told = [mark for mark in foreign.marks() if mark in answer.text and mark not in asked]
                assert not told, f"{method} {path} {body}: {told}"
                if asker is foreign and answer.status_code == 200 and "hits" in answer.json():
                    for hit in answer.json()["hits"]:
                        assert hit.get("document_id", hit.get("documentId")) not in (None, foreign.document), hit


def own_count(side):
    found = side.key.post("/indexes/chunks/search", json={"q": "", "hitsPerPage": 1, "page": 1}).json()
    return found["totalHits"]


def test_counts_are_of_the_askers_tenant(server, admin, mine, other):
    figures = {}
    for side in (mine, other):
        of_rows = sum(document["chunkCount"] for base in good(side.owner.get("/api/v1/knowledge-bases"))
                      for document in good(side.owner.get(f"/api/v1/knowledge-bases/{base['id']}/documents")))
        alone = side.key.get("/indexes/chunks/stats").json()
        among = side.key.get("/stats").json()
        assert alone["numberOfDocuments"] == own_count(side) == of_rows
        assert among["indexes"]["chunks"] == alone
        assert side.key.get("/indexes/chunks/documents?limit=0").json()["total"] == of_rows
        facets = side.key.post("/indexes/chunks/search", json={"q": "", "limit": 0, "facets": ["tenant"]}).json()
        assert facets["facetDistribution"] == {"tenant": {side.tenant.id: of_rows}}
        figures[side] = alone, among["databaseSize"]
    (before, size), _ = figures[mine], figures[other]
    assert figures[other][0]["numberOfDocuments"] > before["numberOfDocuments"]
    make_base(other.owner, "Again", "again.md", "# Encore\n\nEncore une bergamote.\n")
    assert mine.key.get("/indexes/chunks/stats").json() == before
    assert mine.key.get("/stats").json()["databaseSize"] == size
    stranger = server.client(token(server))
    assert stranger.get("/indexes/chunks/stats").status_code == 403
    assert "chunks" not in stranger.get("/stats").json()["indexes"]


# -- jobs -----------------------------------------------------------------------------------------------------


def test_jobs_and_their_payloads_are_the_platforms_alone(admin, mine, other):
    """Also for the key of a tenant that a platform's admin has made: it acts in that tenant."""
    jobs = admin.get("/api/jobs", params={"limit": 100}).json()["items"]
    theirs = [job["id"] for job in jobs if job["kind"].startswith("sylion.")]
    assert theirs
    person = make_user(mine.server, "admin")
    boss = mine.tenant.make_member("admin", person)
    answer = boss.post("/api/v1/keys", json={"name": "tests", "scopes": ["*"],
                                             "organisation_id": mine.tenant.organisation})
    assert answer.status_code in (200, 201), answer.text
    made_by_admin = mine.server.client(answer.json()["key"])
    assert good(made_by_admin.get("/api/v1/channels"))
    for client in (mine.owner, mine.key, made_by_admin):
        for method, path in (("GET", "/api/jobs/{}"), ("POST", "/api/jobs/{}/retry"), ("POST", "/api/jobs/{}/cancel")):
            told = client.request(method, path.format(theirs[0]))
            absent = client.request(method, path.format(10 ** 12))
            problem(told, 403)
            assert blurred(told)[1].replace(str(theirs[0]), "…") == blurred(absent)[1].replace(str(10 ** 12), "…")
        for path in ("/api/jobs", "/api/schedules", "/api/v1/admin/queues/stats", "/api/v1/admin/system/info",
                     "/api/v1/admin/webhook-strays"):
            assert client.get(path).status_code == 403, path
        problem(client.post("/api/v1/events", json={"channel": other.channel, "type": "x"}), 403)
        with Socket(mine.server, token=bearer(client)) as ws:
            for channel in ("jobs", other.channel, f"visitor:{nobody()}", f"room:{nobody()}"):
                ws.ask("subscribe", "error", channel=channel)
    assert boss.get("/api/jobs").status_code == 200  # the person himself is the platform's


# -- what the shell exports -----------------------------------------------------------------------------------


def test_the_shell_exports_a_foreign_conversation_as_an_absent_one(server, mine, other):
    slug = mine.tenant.data["slug"]
    said = {}
    for name, conversation in (("foreign", other.conversation), ("absent", nobody())):
        done = server.cli("conversation", "export", conversation, "--tenant", slug, code=1)
        assert done.stdout == ""
        said[name] = done.stderr.replace(conversation, "…")
    assert said["foreign"] == said["absent"]
    whole = server.cli("conversation", "export", "--tenant", slug).stdout
    assert mine.conversation in whole and not [mark for mark in other.marks() if mark in whole]


# -- webhooks -------------------------------------------------------------------------------------------------


BODIES = {"a payload": None, "another's number": "foreign", "no JSON": b"{", "empty": b"", "a list": b"[]",
          "no UTF-8": b"{\"entry\": [\xff]}"}


@pytest.mark.parametrize("environment", ["development", "production"])
def test_a_wrong_proof_is_answered_as_by_an_absent_channel_and_nothing_is_stored(make_server, environment):
    """Whatever else the body holds: a channel that is named by the address is believed or it is not there."""
    made = make_server(args=["--workers", "off"], ENVIRONMENT=environment, META_APP_SECRET="of the server's app")
    admin = made.client(token(made, "admin"))
    owner, stranger = make_tenant(made, admin), make_tenant(made, admin)

    def line(tenant, provider, number, **members):
        return good(tenant.owner.post("/api/v1/channels", json={
            "name": "Line", "type": "whatsapp", "provider": provider, "whatsappPhoneNumber": f"+3312345{number}",
            "phoneNumberId": str(number)} | members), 201)

    signed = line(owner, "cloud", 10001, appSecret="theirs alone")
    shown = line(owner, "360dialog", 10002)
    own = line(stranger, "360dialog", 10003)

    def payload(number, said="?"):
        message = {"id": f"wamid.{uuid.uuid4()}", "from": "33612345678", "timestamp": "1700000000", "type": "text",
                   "text": {"body": said}}
        value = {"messaging_product": "whatsapp", "messages": [message],
                 "metadata": {"display_phone_number": f"3312345{number}", "phone_number_id": str(number)}}
        return json.dumps({"object": "whatsapp_business_account", "entry": [
            {"id": "1", "changes": [{"field": "messages", "value": value}]}]}).encode()

    proofs = [{}, {"X-Webhook-Secret": "wrong"}, {"Authorization": "Bearer wrong"},
              {"X-Hub-Signature-256": "sha256=" + "0" * 64}, {"X-Webhook-Secret": own["webhookSecret"]}]
    for channel, number in ((signed["id"], 10001), (shown["id"], 10002)):
        for what, body in BODIES.items():
            body = payload(10003 if body == "foreign" else number) if body in (None, "foreign") else body
            for proof in proofs:
                for tail in ("", "/wrong") if not proof else ("",):
                    answers = []
                    for one in (channel, nobody()):
                        answer = requests.post(f"{made.url}{DOOR}/{one}{tail}", data=body, timeout=60,
                                               headers=proof | {"Content-Type": "application/json"})
                        refused(answer, 401, "UNAUTHORIZED")
                        status, text, headers = blurred(answer)
                        answers.append((status, text.replace(one, "…"), headers))
                    assert answers[0] == answers[1], (what, proof)
    assert good(admin.get("/api/v1/admin/webhook-strays")) == []
    for tenant in (owner, stranger):
        assert good(tenant.owner.get("/api/v1/conversations")) == []


def test_what_a_delivery_is_said_to_come_from_tells_nothing_of_foreign_channels(make_server):
    """`source` is that of a channel that the delivery is believed for."""
    made = make_server(args=["--workers", "off"])
    admin = made.client(token(made, "admin"))
    owner, stranger = make_tenant(made, admin), make_tenant(made, admin)
    for tenant, provider, number in ((owner, "360dialog", 20001), (stranger, "cloud", 20002)):
        good(tenant.owner.post("/api/v1/channels", json={
            "name": "Line", "type": "whatsapp", "provider": provider, "phoneNumberId": str(number)}), 201)

    def value(number):
        return {"field": "messages", "value": {
            "messaging_product": "whatsapp", "metadata": {"phone_number_id": str(number)}, "messages": [
                {"id": f"wamid.{uuid.uuid4()}", "from": "33612345678", "timestamp": "1700000000", "type": "text",
                 "text": {"body": "?"}}]}}

    sources = [made.client().post(DOOR, json={"object": "whatsapp_business_account", "entry": [
        {"id": "1", "changes": [value(first), value(20002)]}]}).json()["source"] for first in (20001, 29999)]
    assert sources == ["cloud", "cloud"]
