"""Idempotency-Key on every route that takes one: effect and stored answer are committed together, so that
whatever cuts a request off, the same request again makes nothing twice and hears the same answer.

Two ways of cutting. One is exact: the database refuses to store the answer, and then the effect must not
be there either. The other is a crash: the process is killed under load."""

import contextlib
import http.client
import json
import pathlib
import select
import socket
import sys
import urllib.parse
import uuid

import pytest
from harness import PATIENCE, Server, database, make_user, register_user, run_cli, token
from robian import debate_body
from sylion import good, make_tenant

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "fake"))
from models import FakeModels  # noqa: E402

ORGANISATIONS = "/api/v1/organisations"

# Routes that POST and take no key, and why.
TAKES_NONE = {
    "/api/v1/auth/login", "/api/v1/auth/refresh", "/api/v1/auth/logout",  # nothing that lasts is made
    "/api/v1/users/delete-account", "/api/jobs/{id}/cancel",              # twice is once
    "/api/stories/generate", "/api/stories/{id}/cancel",                  # so is a story: one of a space at a time
    "/api/v1/posts/bulk",                                                 # each post brings its own id
    "/api/v1/projects/{id}/hashtags/{link_id}/link-posts",                # it only counts
    "/indexes/{uid}/search", "/indexes/{uid}/facet-search", "/multi-search",  # they only read
    "/indexes/{uid}/documents/fetch", "/api/search/debates", "/api/v1/knowledge-bases/{id}/search",
    "/api/devices",                                                       # whoever lost the secret makes another
    "/api/activities", "/api/favorites/{debate_id}",                      # twice is once
    "/api/v1/conversations/{id}/handoff", "/api/v1/conversations/{id}/resume",
    "/api/v1/media", "/api/media", "/api/media/{id}/voice",                # the same bytes are the same file
    "/api/v1/channels/{id}/webhook-secret",                               # whoever lost it makes another
    "/api/collections/{id}/debates/{debate_id}",
    *(f"{base}/whatsapp/webhook{rest}" for base in ("", "/api/v1")        # each message brings its own id
      for rest in ("", "/{channelId}", "/{channelId}/{secret}")),
    "/api/v1/widget/{channelId}/sessions",                                # whoever lost it makes another
    "/api/v1/widget/{channelId}/sessions/{sessionId}/messages",           # each message brings its own id
    "/api/open-data/fetch",                                               # one under way is the one
    "/api/illustrations", "/api/chapters/{id}/illustrate",                # the same prompt is the same picture
    "/api/transcribe", "/api/notes/transcribe",                           # the same recording is heard once
    "/api/generate-narrator",                                             # one under way is the one
    "/api/tts",                                                           # nothing that lasts is made
    "/api/v1/simulator/{channelId}/messages", "/api/v1/simulator/{channelId}/statuses",  # externalId names it
}


# -- cutting -----------------------------------------------------------------------------------------


def cut(server):
    """From now on no answer can be stored."""
    if server.database:
        database(server, "CREATE FUNCTION cut() RETURNS trigger LANGUAGE plpgsql AS "
                         "$$BEGIN RAISE EXCEPTION 'cut'; END$$",
                 "CREATE TRIGGER cut BEFORE UPDATE OF status ON idempotency_keys FOR EACH ROW EXECUTE FUNCTION cut()")
    else:
        database(server, "CREATE TRIGGER cut BEFORE UPDATE OF status ON idempotency_keys "
                         "BEGIN SELECT RAISE(ABORT, 'cut'); END")


def mend(server):
    database(server, "DROP FUNCTION cut() CASCADE" if server.database else "DROP TRIGGER cut")


def leases_end(server):
    """As time would do it: what was cut off may be taken over."""
    database(server, "UPDATE idempotency_keys SET lease_until = "
                     + ("now() - interval '1 second'" if server.database else "0"))


# -- every route: (client, path, body, how many there are) -------------------------------------------


class World:
    def __init__(self, server):
        self.server = server
        self.by_user = server.client(token(server))
        self.by_admin = server.client(token(server, "admin"))

    def total(self, path):
        return int(self.by_user.get(path).headers["X-Total-Count"])

    def project(self):
        return self.by_user.post("/api/v1/projects", json={"name": word()}).json()["id"]


def word():
    return "w" + uuid.uuid4().hex[:12]


def registration(w):
    body = {"email": f"{word()}@example.org", "password": "un mot de passe", "name": "Ada"}
    return w.server.client(), "/api/v1/auth/register", body, \
        lambda: run_cli("user", "list", env=w.server.env).stdout.count("@")


def key(w):
    return w.by_user, "/api/v1/keys", {"name": word(), "scopes": ["*"]}, lambda: w.total("/api/v1/keys")


def organisation(w):
    return w.by_user, ORGANISATIONS, {"name": word()}, lambda: w.total(ORGANISATIONS)


def member(w):
    founded = w.by_user.post(ORGANISATIONS, json={"name": word()}).json()["id"]
    path = f"{ORGANISATIONS}/{founded}/members"
    return w.by_user, path, {"email": register_user(w.server)["email"]}, lambda: w.total(path)


def event(w):
    return w.by_admin, "/api/v1/events", {"channel": "system", "type": word()}, \
        lambda: int(database(w.server, "SELECT count(*) FROM events"))


def probe(w):
    return w.by_admin, "/api/jobs/probe", {"seconds": 0}, \
        lambda: w.by_admin.get("/api/jobs", params={"kind": "work.probe"}).json()["total"]


def job_again(w):
    job = w.by_admin.post("/api/jobs/probe", json={}).json()["id"]
    w.by_admin.post(f"/api/jobs/{job}/cancel")
    return w.by_admin, f"/api/jobs/{job}/retry", None, \
        lambda: int(w.by_admin.get(f"/api/jobs/{job}").json()["state"] == "waiting")


def post(w):
    return w.by_user, "/api/v1/posts", {"id": f"instagram_{word()}", "platform": "instagram"}, \
        lambda: w.total("/api/v1/posts")


def hashtag(w):
    return w.by_user, "/api/v1/hashtags", {"name": word()}, lambda: w.total("/api/v1/hashtags")


def platform(w):
    return w.by_admin, "/api/v1/platforms", {"name": word()}, lambda: w.total("/api/v1/platforms")


def project(w):
    return w.by_user, "/api/v1/projects", {"name": word(), "hashtag_names": [word()]}, \
        lambda: len(w.by_user.get("/api/v1/projects").json())


def project_hashtag(w):
    path = f"/api/v1/projects/{w.project()}"
    return w.by_user, f"{path}/hashtags", {"hashtag": word()}, \
        lambda: len(w.by_user.get(path).json()["hashtags"])


def saved_search(w):
    path = f"/api/v1/projects/{w.project()}/searches"
    return w.by_user, path, {"name": word(), "q": "a"}, lambda: len(w.by_user.get(path).json())


def project_creator(w):
    path = f"/api/v1/projects/{w.project()}"
    return w.by_user, f"{path}/creators", {"username": word()}, \
        lambda: len(w.by_user.get(path).json()["creators"])


def extractions(w):
    return int(database(w.server, "SELECT count(*) FROM extractions"))


def extraction(w):
    made = w.by_admin.post("/api/debates", json=debate_body()).json()
    return w.by_admin, f"/api/streaming/{made['id']}/extract", {}, lambda: extractions(w)


def extraction_of_url(w):
    made = w.by_admin.post("/api/debates", json=debate_body()).json()
    return w.by_admin, "/api/extraction", {"url": made["source_url"]}, lambda: extractions(w)


def debate(w):
    return w.by_admin, "/api/debates", debate_body(), lambda: w.by_user.get("/api/debates").json()["total"]


def collection(w):
    return w.by_user, "/api/collections", {"name": word()}, lambda: w.total("/api/collections")


def alert(w):
    return w.by_user, "/api/alerts", {"q": word()}, lambda: w.total("/api/alerts")


def sylion_tenant(w):
    """One for all of sylion's routes."""
    if not hasattr(w, "tenant"):
        w.tenant = make_tenant(w.server, w.by_admin, plan="enterprise")
    return w.tenant


def sylion_turn(w):
    """A turn that failed with its answer written: (tenant, turn's id, message's id)."""
    tenant, names = sylion_tenant(w), [str(uuid.uuid4()) for _ in range(4)]
    now = "now()" if w.server.database else "1"
    owner = f"(SELECT n FROM tenants WHERE id = '{tenant.id}')"
    def insert(table, columns, values):
        return database(w.server, f"INSERT INTO {table} (tenant_n, id, {columns}, created_at, updated_at) "
                                  f"VALUES ({owner}, {values}, {now}, {now}) RETURNING n")
    channel = insert("channels", "name, type", f"'{names[0]}', 'c', 'web'")
    contact = insert("contacts", "channel_n, user_key", f"'{names[1]}', {channel}, '{word()}'")
    talk = insert("conversations", "channel_n, contact_n, user_identifier",
                  f"'{names[2]}', {channel}, {contact}, 'x'")
    turn = database(w.server, "INSERT INTO turns (tenant_n, id, conversation_n, state, step, started_at, updated_at, "
                              f"finished_at) VALUES ({owner}, '{names[3]}', {talk}, 'failed', 'send', {now}, {now}, "
                              f"{now}) RETURNING n")
    insert("messages", "channel_n, conversation_n, turn_n, type, direction, author, content, status",
           f"'{names[0]}', {channel}, {talk}, {turn}, 'text', 'outbound', 'assistant', 'x', 'failed'")
    return tenant, names[3], names[0]


def turn_again(w):
    tenant, turn, _ = sylion_turn(w)
    return tenant.owner, f"/api/v1/turns/{turn}/replay", None, \
        lambda: int(database(w.server, f"SELECT count(*) FROM turns WHERE id = '{turn}' AND state = 'open'"))


def message_again(w):
    tenant, _, sent = sylion_turn(w)
    return tenant.owner, f"/api/v1/messages/{sent}/resend", None, \
        lambda: int(database(w.server, f"SELECT count(*) FROM messages WHERE id = '{sent}' AND status = 'pending'"))


def assistant_asked(w):
    tenant = sylion_tenant(w)
    made = tenant.owner.post("/api/v1/assistants", json={"name": word(), "enableRag": False}).json()["data"]["id"]
    return tenant.owner, f"/api/v1/assistants/{made}/ask", {"question": "When do you open on Monday?"}, \
        lambda: int(database(w.server, "SELECT count(*) FROM usage_records WHERE kind = 'ai_requests'"))


def spoken(w):
    tenant = sylion_tenant(w)
    good(tenant.owner.post("/api/v1/assistants", json={"name": word(), "enableRag": False, "isDefault": True}), 201)
    made = good(tenant.owner.post("/api/v1/channels", json={"name": word(), "type": "voice"}), 201)["id"]
    recording = b"fLaC" + b"\0" * 60 + b"says:When do you open on Monday?"
    return tenant.owner, f"/api/v1/voice/{made}/turn", recording, sylion_rows(w, "messages WHERE type = 'audio'")


def knowledge(w):
    """(tenant, base's id, document's id)"""
    tenant = sylion_tenant(w)
    base = tenant.owner.post("/api/v1/knowledge-bases", json={"name": word()}).json()["data"]["id"]
    made = tenant.owner.post(f"/api/v1/knowledge-bases/{base}/documents", json={"text": word()})
    return tenant, base, made.json()["data"]["id"]


def knowledge_base(w):
    return sylion_tenant(w).owner, "/api/v1/knowledge-bases", {"name": word()}, \
        lambda: int(database(w.server, "SELECT count(*) FROM knowledge_bases"))


def knowledge_document(w):
    tenant, base, _ = knowledge(w)
    return tenant.owner, f"/api/v1/knowledge-bases/{base}/documents", {"text": word()}, \
        lambda: int(database(w.server, "SELECT count(*) FROM knowledge_documents"))


def document_again(w):
    tenant, _, document = knowledge(w)
    return tenant.owner, f"/api/v1/documents/{document}/retry", None, \
        lambda: int(database(w.server, f"SELECT revision FROM knowledge_documents WHERE id = '{document}'"))


def sylion_rows(w, table):
    return lambda: int(database(w.server, f"SELECT count(*) FROM {table}"))


def sylion_channel(w):
    return sylion_tenant(w).owner, "/api/v1/channels", {"name": word(), "type": "web"}, sylion_rows(w, "channels")


def sylion_assistant(w):
    return sylion_tenant(w).owner, "/api/v1/assistants", {"name": word()}, sylion_rows(w, "assistants")


def sylion_made(w, path, **body):
    return sylion_tenant(w).owner.post(path, json=body).json()["data"]["id"]


def sylion_binding(w):
    body = {"channelId": sylion_made(w, "/api/v1/channels", name=word(), type="web"),
            "assistantId": sylion_made(w, "/api/v1/assistants", name=word())}
    return sylion_tenant(w).owner, "/api/v1/channel-bindings", body, sylion_rows(w, "channel_bindings")


def sylion_conversation(w):
    channel = sylion_made(w, "/api/v1/channels", name=word(), type="web")
    return sylion_tenant(w).owner, "/api/v1/conversations", {"channelId": channel, "userIdentifier": word()}, \
        sylion_rows(w, "conversations")


def sylion_message(w):
    owner, path, body, _ = sylion_conversation(w)
    made = sylion_made(w, path, **body)
    return owner, "/api/v1/messages", {"conversationId": made, "direction": "outbound", "content": word()}, \
        sylion_rows(w, "messages")


def sylion_reply(w):
    owner, path, body, _ = sylion_conversation(w)
    return owner, f"{path}/{sylion_made(w, path, **body)}/reply", {"content": word()}, sylion_rows(w, "messages")


def tenant_made(w):
    body = {"name": word(), "slug": word(), "webhookUrl": "https://example.org/"}
    return w.by_admin, "/api/v1/tenants", body, lambda: int(database(w.server, "SELECT count(*) FROM tenants"))


def space(w):
    return w.by_user, "/api/spaces", {"title": word()}, lambda: w.total("/api/spaces")


def space_made(w):
    return w.by_user.post("/api/spaces", json={"title": word()}).json()["data"]["id"]


def space_note(w):
    path = f"/api/spaces/{space_made(w)}/notes"
    return w.by_user, path, {"type": "TEXT", "content": word()}, lambda: w.total(path)


def space_note_flat(w):
    made = space_made(w)
    return w.by_user, "/api/notes", {"spaceId": made, "note": {"type": "TEXT", "content": word()}}, \
        lambda: w.total(f"/api/spaces/{made}/notes")


def space_share(w):
    path = f"/api/spaces/{space_made(w)}/share"
    return w.by_user, path, {"expiresInSeconds": 60}, lambda: w.total(path)


ROUTES = {
    "/api/spaces": space, "/api/spaces/{id}/notes": space_note, "/api/notes": space_note_flat,
    "/api/spaces/{id}/share": space_share,
    "/api/v1/tenants": tenant_made, "/api/v1/channels": sylion_channel, "/api/v1/assistants": sylion_assistant,
    "/api/v1/channel-bindings": sylion_binding, "/api/v1/conversations": sylion_conversation,
    "/api/v1/messages": sylion_message, "/api/v1/conversations/{id}/reply": sylion_reply,
    "/api/v1/knowledge-bases": knowledge_base, "/api/v1/knowledge-bases/{id}/documents": knowledge_document,
    "/api/v1/documents/{id}/retry": document_again,
    "/api/v1/turns/{id}/replay": turn_again, "/api/v1/messages/{id}/resend": message_again,
    "/api/v1/assistants/{id}/ask": assistant_asked, "/api/v1/voice/{channelId}/turn": spoken,
    "/api/v1/auth/register": registration, "/api/v1/keys": key,
    ORGANISATIONS: organisation, ORGANISATIONS + "/{id}/members": member,
    "/api/v1/events": event, "/api/jobs/probe": probe, "/api/jobs/{id}/retry": job_again,
    "/api/v1/posts": post, "/api/v1/hashtags": hashtag, "/api/v1/platforms": platform,
    "/api/v1/projects": project, "/api/v1/projects/{id}/hashtags": project_hashtag,
    "/api/collections": collection, "/api/alerts": alert, "/api/streaming/{id}/extract": extraction, "/api/extraction": extraction_of_url, "/api/debates": debate,
    "/api/v1/projects/{id}/creators": project_creator, "/api/v1/projects/{id}/searches": saved_search,
}


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Without workers: a job stays as it was left. Only recordings need a provider."""
    with FakeModels() as models:
        server = Server(tmp_path_factory.mktemp("world"), args=["--workers", "off"], AI_CHAT_PROVIDER="local",
                        AI_EMBED_PROVIDER="local", AI_TRANSCRIBE_PROVIDER="openai", **models.env())
        try:
            yield World(server.start())
        finally:
            server.close()


def send(client, path, body, name):
    content = {"data": body} if isinstance(body, bytes) else {"json": body}
    return client.post(path, headers={"Idempotency-Key": name}, **content)


def same(answer, first):
    assert answer.status_code == first.status_code and answer.json() == first.json()
    assert answer.headers["Idempotency-Replayed"] == "true"


def test_every_route_that_creates_takes_a_key(world):
    paths = world.by_user.get("/openapi.json").json()["paths"]
    posts = {path: item["post"].get("parameters", []) for path, item in paths.items() if "post" in item}
    takes = {path for path, given in posts.items() if any("IdempotencyKey" in p.get("$ref", "") for p in given)}
    assert takes == set(ROUTES)
    assert set(posts) - takes == TAKES_NONE


@pytest.mark.parametrize("route", ROUTES.values(), ids=lambda r: r.__name__)
def test_the_effect_is_not_there_without_its_answer(world, route):
    client, path, body, count = route(world)
    name, before = word(), count()
    cut(world.server)
    try:
        assert send(client, path, body, name).status_code >= 400
    finally:
        mend(world.server)
    assert count() == before
    leases_end(world.server)
    first = send(client, path, body, name)
    assert first.status_code in (200, 201, 202), first.text
    assert count() == before + 1
    same(send(client, path, body, name), first)
    assert count() == before + 1


def test_kept_secrets_are_sealed(world):
    """What the database knows of a registration does not help who reads it."""
    client, path, body, _ = registration(world)
    tokens = send(client, path, body, word()).json()
    made = send(*key(world)[:3], word()).json()
    kept = database(world.server, "SELECT group_concat(body) FROM idempotency_keys" if not world.server.database
                    else "SELECT string_agg(body, ',') FROM idempotency_keys")
    assert kept
    for secret in (tokens["access_token"], tokens["refresh_token"], made["key"], body["email"]):
        assert secret not in kept


def test_what_was_kept_under_the_former_secret_key_is_still_told(make_server):
    server = make_server(SECRET_KEY="the first secret key, of 32 bytes or more")
    body = {"email": f"{word()}@example.org", "password": "un mot de passe", "name": "Ada"}
    first = send(server.client(), "/api/v1/auth/register", body, "k")
    server.stop()
    server.env |= {"SECRET_KEY": "the second secret key, of 32 bytes or more",
                   "SECRET_KEY_PREVIOUS": "the first secret key, of 32 bytes or more"}
    server.start()
    same(send(server.client(), "/api/v1/auth/register", body, "k"), first)
    assert send(server.client(), "/api/v1/auth/register", body | {"name": "Bob"}, "k").status_code == 422


# -- a crash -----------------------------------------------------------------------------------------


class Crowd:
    """Many requests at once, each on a connection and with a key of its own."""

    def __init__(self, server, access, count):
        self.sockets, self.heard = {}, {}
        at = urllib.parse.urlsplit(server.url)
        for _ in range(count):
            name = word()
            body = json.dumps({"name": name})
            self.sockets[name] = s = socket.create_connection((at.hostname, at.port), 20)
            s.sendall((f"POST {ORGANISATIONS} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {access}\r\n"
                       f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
                       f"Idempotency-Key: {name}\r\nConnection: close\r\n\r\n{body}").encode())

    def wait(self, answers):
        left = set(self.sockets.values())
        while len(self.sockets) - len(left) < answers:
            ready = select.select(left, [], [], 20 * PATIENCE)[0]
            assert ready
            left -= set(ready)

    def listen(self):
        """What had been answered in full: (status, JSON) by name."""
        for name, s in self.sockets.items():
            with s, contextlib.suppress(OSError, http.client.HTTPException):
                answer = http.client.HTTPResponse(s)
                answer.begin()
                self.heard[name] = answer.status, json.loads(answer.read())


def test_killed_between_commit_and_answer_nothing_is_made_twice(make_server):
    server = make_server()
    user = make_user(server)
    made, unheard = set(), 0
    for answers in (1, 20, 40, 60, 80):
        crowd = Crowd(server, token(server, user=user), 150)
        crowd.wait(answers)
        server.kill()
        crowd.listen()
        server.start()
        leases_end(server)
        client = server.client(token(server, user=user))
        for name in crowd.sockets:
            again = send(client, ORGANISATIONS, {"name": name}, name)
            assert again.status_code == 201, again.text
            assert crowd.heard.get(name, (201, again.json())) == (201, again.json())
            made.add(name)
        unheard += len(crowd.sockets) - len(crowd.heard)
    listed = [o["name"] for offset in range(0, 1000, 200)
              for o in client.get(ORGANISATIONS, params={"limit": 200, "offset": offset}).json()]
    assert sorted(listed) == sorted(made)
    assert unheard > 0
