"""No door leads from one tenant into another's. Every route of the served OpenAPI document is tried, so
that one that is added later is tried too: each place for an id (path, query, body at any depth) gets, one after
the other, every kind of id of another tenant's and an absent id of the same form, from a member, a key and a
platform's admin who names the wrong tenant. Both must be answered alike, byte for byte but for ids,
times and request ids, and nothing of the other tenant's may have changed. A place whose kind is not known
here fails the test: teach it below."""

import hashlib
import json
import re
import sqlite3
import time
import uuid

import pytest
from harness import PATIENCE, Server, database, psql, token
from sylion import good, make_tenant, nobody

TEXT = "The {name} library opens at nine o'clock and closes at {number}. The word is {word}."
# What the operator of a route may leave without a credential, and why; the last part is any number of segments.
PUBLIC = {
    "/api/v1/plans": "a price list",
    "/api/v1/whatsapp/webhook": "signed by WhatsApp",
    "/whatsapp/webhook": "signed by WhatsApp",
    "/api/v1/widget": "for anybody on a tenant's site; sessions have tests of their own",
    "/widget": "the same",
}
# Of a place's name without Id or Ids.
KINDS = {"channel": "channel", "assistant": "assistant", "conversation": "conversation", "tenant": "tenant",
         "knowledgeBase": "base", "document": "document", "message": "message", "turn": "turn", "binding": "binding",
         "contact": "contact", "chunk": "chunk", "external": "external", "phoneNumber": None, "session": "session"}
# {id} behind this segment of a path.
FOLDERS = {"channels": "channel", "assistants": "assistant", "conversations": "conversation", "tenants": "tenant",
           "channel-bindings": "binding", "messages": "message", "conversation": "conversation", "turns": "turn",
           "knowledge-bases": "base", "documents": "document", "tenant": "tenant", "slug": "slug",
           "webhook-strays": None, "media": "media"}
PLACES = {"replyTo": "external", "userIdentifier": "phone", "media": "media", "sha256": "media", "blob": "media"}
# Answered with something made or found, and not refused: what is named lives in the caller's own world.
NAMES_ONLY = {"external", "phone"}
SAMPLES = {"name": "Probe", "userIdentifier": "+33600000001", "content": "Bonjour", "question": "What opens?",
           "query": "library", "direction": "outbound", "plan": "starter", "email": "a@example.org"}
IDS = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
TIMES = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z")


def wait(found, what, timeout=20):
    until = time.monotonic() + timeout * PATIENCE
    while not (value := found()):
        assert time.monotonic() < until, f"waited for {what}"
        time.sleep(0.05)
    return value


class Furnished:
    """A tenant with one of everything."""

    def __init__(self, server, admin, number):
        self.server, self.tenant = server, make_tenant(server, admin, plan="enterprise")
        tenant, post = self.tenant, self.post
        self.key = tenant.make_key()
        self.word = f"kumquat{number}"
        self.phone = f"+336110000{number}"
        self.ids = ids = {"tenant": tenant.id, "slug": tenant.data["slug"], "phone": self.phone,
                          "external": f"wamid.OF{number}"}
        ids["base"] = post("knowledge-bases", name="Rules")["id"]
        document = post(f"knowledge-bases/{ids['base']}/documents", name="Rules.md",
                        text=TEXT.format(name=self.word, number=number, word=self.word))
        ids["document"], ids["media"] = document["id"], document["sha256"]
        ids["channel"] = post("channels", name="Site", type="web")["id"]
        self.line = post("channels", name="Line", type="whatsapp", provider="cloud", phoneNumberId=f"10000{number}",
                         whatsappPhoneNumber=f"+3312345670{number}", whatsappApiKey="k")["id"]
        ids["assistant"] = post("assistants", name="Ada", isDefault=True, ragThreshold=0.1,
                                knowledgeBaseIds=[ids["base"]])["id"]
        ids["binding"] = post("channel-bindings", channelId=ids["channel"], assistantId=ids["assistant"])["id"]
        ids["conversation"] = post("conversations", channelId=ids["channel"], userIdentifier=self.phone)["id"]
        wait(lambda: self.get(f"documents/{ids['document']}")["status"] == "indexed", "the document")
        ids["chunk"] = self.get(f"documents/{ids['document']}/chunks")[0]["id"]
        ids["message"] = post("messages", conversationId=ids["conversation"], direction="inbound",
                              content=f"When does the {self.word} library open?", externalId=ids["external"])["id"]
        self.turn = wait(lambda: [t for t in self.get(f"conversations/{ids['conversation']}/turns") if t["finishedAt"]],
                         "the turn")[0]
        ids["turn"] = self.turn["id"]
        ids["contact"] = database(server, "SELECT w.id FROM contacts w JOIN conversations v ON v.contact_n = w.n "
                                           f"WHERE v.id = '{ids['conversation']}'")
        self.n = int(database(server, f"SELECT n FROM tenants WHERE id = '{tenant.id}'"))
        ids["session"] = nobody()

    def post(self, path, **members):
        answer = self.tenant.owner.post(f"/api/v1/{path}", json=members)
        assert answer.status_code in (200, 201), answer.text
        return answer.json()["data"]

    def get(self, path):
        return good(self.tenant.owner.get(f"/api/v1/{path}"))

    def clients(self):
        return {"member": self.tenant.owner, "key": self.key, "platform": self.tenant.as_admin()}

    def rows(self):
        """A hash of each table that has rows of this tenant, and of what was told and is to be done for it."""
        if self.server.database:
            tables = psql("SELECT table_name FROM information_schema.columns WHERE column_name = 'tenant_n' AND "
                          "table_schema = 'public' ORDER BY 1", self.server.database).split()
            def ask(table, where):
                return psql(f"SELECT count(*), md5(coalesce(string_agg(t::text, '|' ORDER BY t::text), '')) "
                            f"FROM {table} t WHERE {where}", self.server.database)
            return self.hashes(tables, ask)
        with sqlite3.connect(self.server.folder / "socle.db", timeout=20) as db:
            tables = [name for name, in db.execute("SELECT m.name FROM sqlite_master m, pragma_table_info(m.name) p "
                                                   "WHERE p.name = 'tenant_n' ORDER BY 1")]
            def ask(table, where):
                rows = sorted(map(repr, db.execute(f"SELECT * FROM {table} t WHERE {where}")))
                return f"{len(rows)}|{hashlib.sha256('|'.join(rows).encode()).hexdigest()}"
            found = self.hashes(tables, ask)
        db.close()
        return found

    def hashes(self, tables, ask):
        found = {table: ask(table, f"tenant_n = {self.n}") for table in tables}
        found["tenants"] = ask("tenants", f"n = {self.n}")
        found["events"] = ask("events", f"channel = 'tenant:{self.tenant.id}'")
        found["ledger"] = ask("ledger_balances", f"owner = 'tenant:{self.n}'")
        found["jobs"] = ask("jobs", f"CAST(payload AS text) LIKE '%\"tenant\":%{self.n},%'")
        found["organisations"] = ask("organisation_members", f"organisation_id = {self.tenant.organisation}")
        return found


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Filled with workers, tried without them: nothing happens by itself then."""
    server = Server(tmp_path_factory.mktemp("data"), SYLION_DEBOUNCE_MS=0)
    try:
        server.start()
        admin = server.client(token(server, "admin"))
        mine, other = Furnished(server, admin, 1), Furnished(server, admin, 2)
        server.stop()
        server.args = ["--workers", "off"]
        server.start()
        for client in (admin, mine.tenant.owner, mine.key, other.tenant.owner, other.key):
            client.url = server.url
        yield server, admin, mine, other
    finally:
        server.close()


# -- routes and their places -------------------------------------------------------------------------------------


class Place:
    def __init__(self, where, path, kind, many=False):
        self.where, self.path, self.kind, self.many = where, path, kind, many

    def __repr__(self):
        return f"{self.where} {'.'.join(self.path)}"


def kind_of(name, where):
    if name in PLACES:
        return PLACES[name]
    found = re.fullmatch(r"(\w+?)Ids?", name)
    if not found:
        return None
    assert found[1] in KINDS, f"{where}: what is a {name}? Say so in KINDS"
    return KINDS[found[1]]


class Route:
    def __init__(self, document, path, method, operation):
        self.document, self.path, self.method = document, path, method
        self.public = not operation.get("security")
        given = [p for p in operation.get("parameters", []) if "$ref" not in p]
        self.query = [p for p in given if p["in"] == "query"]
        self.schema = self.look(operation.get("requestBody", {}).get("content", {}).get("application/json", {})
                                .get("schema", {}))

    def __str__(self):
        return f"{self.method} {self.path}"

    def look(self, schema):
        return self.document["components"]["schemas"][schema["$ref"].split("/")[-1]] if "$ref" in schema else schema

    def folders(self):
        """(name of the parameter, kind) of the path."""
        parts = self.path.split("/")
        for before, part in zip(parts, parts[1:]):
            if part.startswith("{"):
                name = part.strip("{}").split(":")[0]
                assert before in FOLDERS or name != "id", f"{self}: whose is {part}? Say so in FOLDERS"
                yield name, FOLDERS[before] if before in FOLDERS else kind_of(name, self)

    def places(self):
        for name, kind in self.folders():
            yield Place("path", (name,), kind)
        for parameter in self.query:
            if kind := kind_of(parameter["name"], self):
                yield Place("query", (parameter["name"],), kind)
        yield from self.body_places(self.schema, ())

    def body_places(self, schema, path):
        for name, member in self.look(schema).get("properties", {}).items():
            member = self.look(member)
            if kind := kind_of(name, self):
                yield Place("body", path + (name,), kind, member.get("type") == "array")
            elif member.get("properties"):
                yield from self.body_places(member, path + (name,))

    def sample(self, name, schema, own):
        schema = self.look(schema)
        kind = kind_of(name, self)
        if name in SAMPLES and schema.get("enum", [SAMPLES[name]]).count(SAMPLES[name]):
            return SAMPLES[name]
        if kind:
            return own[kind]
        if "enum" in schema:
            return schema["enum"][0]
        if schema.get("type") == "integer":
            return max(1, schema.get("minimum", 1))
        if schema.get("type") == "boolean":
            return True
        return f"probe-{uuid.uuid4().hex[:8]}"

    def fill(self, own, place=None, value=None):
        """A request of ours, with `value` in `place`."""
        path, query, body = self.path, {}, None
        for name, kind in self.folders():
            mine = own[kind] if kind else "999999"
            if place and place.where == "path" and place.path[0] == name:
                mine = value
            path = re.sub(r"\{%s(:\w+)?\}" % name, mine, path)
        for parameter in self.query:
            if parameter.get("required"):
                query[parameter["name"]] = self.sample(parameter["name"], parameter.get("schema", {}), own)
        properties = self.schema.get("properties", {})
        if self.method in ("POST", "PUT", "PATCH") and self.schema:
            body = {name: self.sample(name, properties.get(name, {}), own) for name in self.schema.get("required", [])}
            if "/documents" in path:
                body = {"text": "A text of ours"}
            if path.endswith("/reply"):
                body = {"content": "Bonjour"}
        if place and place.where == "query":
            query[place.path[0]] = value
        if place and place.where == "body":
            at = body
            for name in place.path[:-1]:
                at = at.setdefault(name, {})
            if place.kind == "media" and place.path[-1] == "media":
                body["type"] = "document"
                value = {"blob": value, "mimeType": "text/plain", "filename": "a.txt"}
            at[place.path[-1]] = [value] if place.many else value
        return path, {"params": query} | ({"json": body} if body is not None else {})


def routes(server):
    document = server.client().get("/openapi.json").json()
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if "sylion" in operation.get("tags", []):
                yield Route(document, path, method.upper(), operation)


# -- answers -----------------------------------------------------------------------------------------------------


def seen(answer, named):
    """What is to be the same of two answers."""
    text = answer.text.replace(named, "NAMED")
    headers = {k.lower(): v.replace(named, "NAMED") for k, v in answer.headers.items()}
    for name in ("date", "x-request-id", "server-timing", "x-process-time", "etag"):
        headers.pop(name, None)
    if answer.content:
        made = answer.json()
        for secret in (made.get("request_id"), (made.get("error") or {}).get("requestId")):
            text = text.replace(secret, "REQUEST") if secret else text
    text = TIMES.sub("TIME", IDS.sub("ID", text))
    headers = {k: IDS.sub("ID", v) for k, v in headers.items() if k != "content-length" or answer.status_code >= 400}
    return answer.status_code, text, headers


def absent_like(value):
    if re.fullmatch(IDS, value):
        return nobody()
    if re.fullmatch(r"[0-9a-f]{64}", value):
        return hashlib.sha256(uuid.uuid4().bytes).hexdigest()
    if value.startswith("+"):
        return value[:-3] + "777"
    return value[:-2] + "zz"


def foreign_values(place, other):
    """Those of the place's kind first; in a path every other UUID, too: it may be looked up as anything."""
    if place.kind is None:
        return []
    rest = [v for k, v in other.ids.items() if place.where == "path" and place.kind != "slug" and k != place.kind
            and re.fullmatch(IDS, v)]
    return [other.ids[place.kind], *rest]


# -- the tests ---------------------------------------------------------------------------------------------------


def test_the_ids_that_are_tried_are_real(world):
    """Each GET of one thing answers its owner: without this the next test could be about nothing."""
    server, _, _, other = world
    tried = 0
    for route in routes(server):
        if route.method != "GET" or not any(kind for _, kind in route.folders()) or route.public:
            continue
        path, options = route.fill(other.ids)
        answer = other.tenant.owner.get(path, **options)
        assert answer.status_code == 200, f"{route}: {answer.text}"
        tried += 1
    assert tried >= 15


def test_what_lists_and_searches_answer_has_no_word_of_another_tenant(world):
    """All that can be read without naming anything of another's."""
    server, admin, mine, other = world
    words = [other.word, other.phone, other.phone[1:], other.ids["slug"], *other.ids.values()]
    for route in routes(server):
        if route.public or route.path.startswith("/api/v1/admin/"):
            continue
        reads = route.method == "GET" or route.path.endswith("/search")
        for who, client in mine.clients().items():
            if not reads or (who == "platform" and route.path == "/api/v1/tenants"):
                continue
            path, options = route.fill(mine.ids)
            answer = client.request(route.method, path, **options)
            told = [word for word in words if word in answer.text]
            assert not told, f"{route}, {who}: {told}"


def test_no_route_tells_a_foreign_id_from_an_absent_one_or_changes_what_is_not_the_callers(world):
    server, admin, mine, other = world
    clients = mine.clients()
    before, tried, faults = other.rows(), 0, []
    for route in routes(server):
        if route.public:
            assert any(route.path.startswith(p) for p in PUBLIC), f"{route} needs no credential: say why in PUBLIC"
            continue
        for place in route.places():
            for value in foreign_values(place, other):
                for who, client in clients.items():
                    if who == "platform" and route.path.startswith("/api/v1/admin/"):
                        continue
                    absent = absent_like(value)
                    path, options = route.fill(mine.ids, place, value)
                    foreign = client.request(route.method, path, **options)
                    path, options = route.fill(mine.ids, place, absent)
                    nowhere = client.request(route.method, path, **options)
                    tried += 1
                    if seen(foreign, value) != seen(nowhere, absent):
                        faults.append(f"{route}, {place}, {who}:\n  {foreign.status_code} {foreign.text[:300]}\n"
                                      f"  {nowhere.status_code} {nowhere.text[:300]}")
                    elif place.where != "query" and place.kind not in NAMES_ONLY and foreign.status_code < 400:
                        faults.append(f"{route}, {place}, {who}: taken, {foreign.text[:300]}")
                    assert foreign.status_code < 500, f"{route}, {place}, {who}: {foreign.text}"
        after = other.rows()
        if after != before:
            faults.append(f"{route} changed {[t for t in after if after[t] != before[t]]} of another tenant")
            before = after
    assert tried > 500 and not faults, "\n".join(faults)
