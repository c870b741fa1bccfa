"""The security checklist of lifetales' architecture, point by point, on its own routes and with its own data. Each
heading is a point; src/products/lifetales/README.md maps them to these tests. What needs every route takes them from
the OpenAPI document, so that one that is added later is tried too; a place for an id or a token that is not known here
fails the test: teach it in FOLDERS or PLACES."""

import collections
import concurrent.futures
import functools
import hashlib
import html.parser
import http.client
import http.server
import io
import json
import pathlib
import queue
import re
import secrets
import socket
import struct
import sys
import threading
import urllib.parse
import xml.etree.ElementTree as xml
import zipfile
import zlib

import pytest
from harness import PATIENCE, Server, database, make_key, make_user, token
from tales import (b64, chunk, good, make_note, make_space, nobody, person, png, refused, tone, wait)

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "fake"))
from cloudinary import Cloudinary  # noqa: E402
from models import KEYS, FakeModels  # noqa: E402
from sentry import FakeSentry  # noqa: E402

STREAM = {"Accept": "text/event-stream"}
FOLDERS = {"spaces": "space", "notes": "note", "media": "media", "chapters": "chapter", "stories": "story",
           "share": "share"}  # {id} behind this segment of a path
PLACES = {"noteId": "note", "chapterId": "chapter", "operationId": "operation", "spaceId": "space",
          "storyId": "story", "mediaId": "media", "audioFileIds": "media", "imageFileIds": "media",
          "videoFileIds": "media", "userImageIds": "media", "chapterIds": "chapter", "noteIds": "note"}
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
TABLES = ("spaces", "notes", "note_media", "media", "chapters", "chapter_notes", "stories", "shares", "voice_links",
          "books", "narrations", "user_settings", "illustrations", "transcriptions")


def words(kind):
    """A word that is nowhere else, and looks like one: what takes out secrets by their look must not be what helps."""
    return f"{kind}quetsche" + "".join(secrets.choice("aeioubdfglmnprst") for _ in range(9))


# -- who is not well ------------------------------------------------------------------------------------------------


class Hostile:
    """In a provider's place: `echo` says back what it was sent, keys and words, as an error; `silent` takes all and
    says nothing; `drip` gives a byte now and then, for ever; `endless` as many as are taken; `redirect` leads
    elsewhere. `ended`: the paths whose connection the other side has closed."""

    def __init__(self, mode="echo"):
        self.mode, self.status, self.ended, self.calls = mode, 400, queue.Queue(), collections.Counter()
        self.closing = threading.Event()
        store = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_POST(self):
                store.give(self, self.rfile.read(int(self.headers.get("Content-Length") or 0)))

            do_GET = do_PUT = do_HEAD = do_POST

        class Listener(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 128

            def handle_error(self, *_):
                pass

        self.server = Listener(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.closing.set()
        self.server.shutdown()
        self.server.server_close()

    def env(self):
        return {"GEMINI_API_KEY": KEYS["gemini"], "GEMINI_BASE_URL": f"{self.url}/gemini",
                "OPENAI_API_KEY": KEYS["openai"], "OPENAI_BASE_URL": f"{self.url}/openai/v1",
                "CLOUDINARY_URL": f"cloudinary://12345:abcdSECRET-efgh@tales?upload_prefix={self.url}/cloudinary"}

    def give(self, handler, data):
        self.calls[handler.path] += 1
        handler.close_connection = True
        try:
            getattr(self, self.mode)(handler, data)
        except OSError:
            pass
        if self.mode != "echo":
            self.ended.put(handler.path)

    def head(self, handler, status, kind, **more):
        handler.send_response(status)
        handler.send_header("Content-Type", kind)
        for name, value in more.items():
            handler.send_header(name, value)
        handler.end_headers()

    def echo(self, handler, data):
        said = f"{dict(handler.headers)} {handler.path} {data.decode('utf-8', 'replace')}"
        text = json.dumps({"error": {"code": self.status, "message": said, "status": said[:9000], "type": said[:9000]}})
        self.head(handler, self.status, "application/json", **{"Content-Length": len(text.encode())})
        handler.wfile.write(text.encode())

    def silent(self, handler, _):
        handler.connection.settimeout(120 * PATIENCE)
        handler.connection.recv(1)

    def drip(self, handler, _):
        self.head(handler, 200, "text/event-stream" if "stream" in handler.path else "application/json")
        while not self.closing.wait(0.05):
            handler.wfile.write(b"\n")
            handler.wfile.flush()

    def endless(self, handler, _):
        self.head(handler, 200, "text/event-stream" if "stream" in handler.path else "application/json")
        while not self.closing.is_set():
            handler.wfile.write(b" " * 65536)

    def redirect(self, handler, _):
        self.head(handler, 302, "text/plain", Location=self.elsewhere, **{"Content-Length": "0"})


def audio(*said):
    """A recording in which the fake hears these words, among its samples; no two are equal."""
    sound = tone(0.2, pitch=200 + secrets.randbelow(4000))
    heard = b"says:" + " ".join(said).encode() if said else b""
    samples = sound[44:] + heard + b" " * (len(heard) % 2)
    return sound[:4] + struct.pack("<I", 36 + len(samples)) + sound[8:40] + struct.pack("<I", len(samples)) + samples


def ask_transcription(client, *said):
    return client.post("/api/transcribe", json={"audioData": b64(audio(*said)), "mimeType": "audio/wav"},
                       timeout=60 * PATIENCE)


def ask_story(client, *said):
    return client.post("/api/stories/generate", timeout=60 * PATIENCE, json={
        "spaceTitle": "Rien", "settings": {"imagesPerChapter": 0},
        "notes": [{"type": "TEXT", "textContent": " ".join(said) or words("note") + " chantait.", "timestamp": 1700000000000}]})


def ask_illustration(client, *said):
    return client.post("/api/illustrations", json={"prompt": " ".join(said) or words("la mer")}, timeout=60 * PATIENCE)


def ask_tts(client, *said):
    return client.post("/api/tts", json={"text": " ".join(said) or words("voix"), "voice": "calm"}, timeout=60 * PATIENCE)


def ask_narrator(client, *said):
    body = {"photoBase64": b64(png(40, 30)), "script": " ".join(said) or words("film")}
    return client.post("/api/generate-narrator", json=body, timeout=60 * PATIENCE)


AGENTS = {"transcription": ask_transcription, "story": ask_story, "illustration": ask_illustration, "tts": ask_tts,
          "narrator": ask_narrator}
EVERYTHING = {f"AI_{kind}_PROVIDER": "gemini" for kind in ("CHAT", "TRANSCRIBE", "SPEAK", "IMAGE", "VIDEO")} | {
    "GEMINI_SPEAK_MODEL": "gemini-2.5-flash-preview-tts"}


# -- a world with one of everything -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def models():
    with FakeModels() as models:
        models.film = None
        yield models


@pytest.fixture(scope="module")
def server(tmp_path_factory, models):
    """Local, but for videos, which nobody makes here."""
    server = Server(tmp_path_factory.mktemp("data"), **models.env(), AI_VIDEO_PROVIDER="gemini", LIFETALES_STORIES_PER_HOUR=50,
                    TRUSTED_PROXIES="127.0.0.1", CORS_ORIGINS="https://tales.example")
    try:
        yield server.start()
    finally:
        server.close()


def furnish(server, client):
    """One of everything, by the routes: {kind: id}."""
    def post(path, status=201, **body):
        return good(client.post(path, json=body, timeout=60 * PATIENCE), status)
    cover = good(client.post("/api/media", data=png(4, 4, (secrets.randbelow(255), 5, 5))), 201)["id"]
    space = post("/api/spaces", title=words("titre"), coverImage=cover)["id"]
    note = post(f"/api/spaces/{space}/notes", type="AUDIO", audioData=b64(audio()), transcription=words("dit") + " partait.")
    story = post("/api/stories/generate", 200, spaceId=space, settings={"storyMode": "transcription", "imagesPerChapter": 0})
    chapter = story[0]["id"] if isinstance(story, list) else story["chapters"][0]["id"]
    share = post(f"/api/spaces/{space}/share")
    voice = post(f"/api/media/{note['audioFileIds'][0]}/voice", 200)
    operation = post("/api/generate-narrator", 200, photoBase64=b64(png(30, 30)), script=words("script"))["operationId"]
    story_id = database(server, f"SELECT t.id FROM stories t JOIN spaces s ON s.n = t.space_n WHERE s.id = '{space}'")
    return {"space": space, "note": note["id"], "media": note["audioFileIds"][0], "chapter": chapter, "story": story_id,
            "share": share["id"], "token": share["token"], "voice": voice["url"].rpartition("/")[2], "operation": operation}


@pytest.fixture(scope="module")
def ada(server):
    client = person(server)
    client.ids = furnish(server, client)
    return client


@pytest.fixture(scope="module")
def bob(server):
    client = person(server)
    client.ids = furnish(server, client)
    return client


@pytest.fixture(scope="module")
def document(server):
    return server.client().get("/openapi.json").json()


class Way:
    """A route of lifetales, with what the document says of it."""

    def __init__(self, document, method, path, operation):
        self.document, self.method, self.path, self.operation = document, method.upper(), path, operation
        self.names = re.findall(r"{(\w+)}", path)
        self.content = operation.get("requestBody", {}).get("content", {})
        self.open = any(not need for need in operation.get("security", [{}])) or not operation.get("security", [{}])

    def __repr__(self):
        return f"{self.method} {self.path}"

    def resolve(self, schema):
        while "$ref" in schema:
            schema = functools.reduce(lambda at, name: at[name], schema["$ref"][2:].split("/"), self.document)
        return schema

    @property
    def schema(self):
        return self.resolve(self.content.get("application/json", {}).get("schema", {}))

    @property
    def properties(self):
        all_of_them = {name: self.resolve(one) for name, one in self.schema.get("properties", {}).items()}
        return {name: one for name, one in all_of_them.items() if not one.get("readOnly")}

    @property
    def queries(self):
        named = [self.resolve(one) for one in self.operation.get("parameters", [])]
        return [one["name"] for one in named if one["in"] == "query"]

    def kind(self, name):
        """What the path's {name} is."""
        if name == "token":
            return "voice" if self.path.startswith("/v/") else "token"
        if name == "id":
            return FOLDERS.get(self.path.split("/{id}")[0].rpartition("/")[2])
        return PLACES.get(name)

    def address(self, ids):
        """With each place filled from ids."""
        at = self.path
        for name in self.names:
            assert self.kind(name), f"{self}: teach what {{{name}}} is in FOLDERS or PLACES"
            at = at.replace(f"{{{name}}}", ids[self.kind(name)], 1)
        return at

    def body(self):
        """Something that it takes, by its schema."""
        known = {"/api/illustrations": {"prompt": "La mer"}, "/api/tts": {"text": "Oui."},
                 "/api/generate-narrator": {"photoBase64": b64(png(30, 30)), "script": "Oui."},
                 "/api/notes": {"spaceId": nobody(), "note": {"type": "TEXT", "content": "Oui."}},
                 "/api/stories/generate": {"spaceId": nobody(), "settings": {"imagesPerChapter": 0}}}
        if self.path in known:
            return dict(known[self.path])
        return {name: self.sample(self.properties[name]) for name in self.schema.get("required", [])}

    def sample(self, schema):
        schema = self.resolve(schema)
        kind = schema.get("type", "object")
        kind = kind[0] if isinstance(kind, list) else kind
        if schema.get("enum"):
            return schema["enum"][0]
        if kind == "object":
            return {name: self.sample(schema["properties"][name]) for name in schema.get("required", [])}
        return {"string": "Oui.", "integer": max(1, schema.get("minimum", 1)), "number": 1, "boolean": True, "array": []}[kind]


@pytest.fixture(scope="module")
def ways(document):
    found = [Way(document, method, path, operation) for path, methods in document["paths"].items()
             for method, operation in methods.items()
             if isinstance(operation, dict) and "lifetales" in operation.get("tags", [])]
    assert len(found) > 35, "the document tells which routes are lifetales'"
    return found


def state(server, client):
    """All that a person has, and how many rows there are of anything."""
    rows = [int(database(server, f"SELECT count(*) FROM {table}")) for table in TABLES]
    seen = [client.get(path).text for path in ("/api/spaces", "/api/settings")]
    seen += [client.get(f"/api/spaces/{client.ids['space']}/{part}").text for part in ("share", "voices", "story", "notes")]
    seen.append(client.get(f"/api/stories/{client.ids['story']}").text)
    return rows, [re.sub(r"(expires|signature)=[\w%-]+", "…", text) for text in seen]


# -- another's things ------------------------------------------------------------------------------------------------


def blurred(answer, id):
    text = answer.text.replace(id, "{id}")
    text = re.sub(r'("request_id":|"instance":)"[^"]*"', "…", text)
    return answer.status_code, text


def alike(send, foreign, what):
    """Another's id is answered as one that is nowhere."""
    absent = secrets.token_urlsafe(24) if len(foreign) != 36 else nobody()
    got, nothing = blurred(send(foreign), foreign), blurred(send(absent), absent)
    assert got == nothing and 400 <= got[0] < 500 and got[0] not in (400, 401, 405, 415), (what, got, nothing)


def test_another_persons_ids_are_absent_ones_on_every_route(server, ada, bob, ways):
    before, tried = state(server, ada), 0
    for way in ways:
        way.address(ada.ids)  # fails for what is not known here
        for name in way.names if not way.open else []:
            for others in ({}, bob.ids):  # all the other's, and his thing in a house of one's own
                def send(id, name=name, others=others, way=way):
                    ids = ada.ids | others | {way.kind(name): id}
                    return bob.request(way.method, way.address(ids), json=way.body() if way.content else None)
                alike(send, ada.ids[way.kind(name)], (way, name))
                tried += 1
    assert tried > 40
    assert state(server, ada) == before


def test_another_persons_ids_in_bodies_and_queries_are_absent_ones(server, ada, bob, ways):
    before, tried = state(server, ada), []
    for way in ways:
        for name in [n for n in way.properties if re.search(r"Ids?$", n)]:
            assert name in PLACES, f"{way}: teach what {name} is in PLACES"

            def send(id, name=name, way=way):
                many = name.endswith("s")
                body = (way.body() or {}) | {name: [id] if many else id}
                return bob.request(way.method, way.address(bob.ids), json=body)
            if name == "userImageIds":  # any id may stand there; that it shows nothing is tested below
                continue
            alike(send, ada.ids[PLACES[name]], (way, name))
            tried.append(name)
        if "id" in way.queries:
            path = way.address(bob.ids)
            alike(lambda id, path=path, way=way: bob.request(way.method, f"{path}?id={id}"), ada.ids["share"], way)
    assert {"spaceId", "audioFileIds", "imageFileIds", "videoFileIds"} <= set(tried)
    note = {"type": "IMAGE", "imageFileIds": [ada.ids["media"]]}
    alike(lambda id: bob.post("/api/notes", json={"spaceId": bob.ids["space"], "note": note | {"imageFileIds": [id]}}),
          ada.ids["media"], "a note within")
    notes = [note]
    alike(lambda id: bob.post("/api/stories/generate", json={"notes": [note | {"imageFileIds": [id]}]}),
          ada.ids["media"], "notes of a story")
    assert notes and state(server, ada) == before


def test_a_picture_of_another_is_shown_in_no_chapter_share_or_book(server, ada, bob):
    data = png(11, 13, (secrets.randbelow(255), 99, 7))
    foreign = good(ada.post("/api/media", data=data), 201)["id"]
    path = f"/api/spaces/{bob.ids['space']}"
    answer = bob.put(f"{path}/chapters/{bob.ids['chapter']}", json={"userImageIds": [foreign]})
    assert answer.status_code in (200, 404, 422), answer.text
    assert "signature=" not in json.dumps(answer.json().get("data", {}).get("userImageIds", []))
    reader, link = server.client(), f"/api/shared/{bob.ids['token']}"
    good(reader.get(link))
    refused(reader.get(f"{link}/media/{foreign}"), 404)
    refused(bob.get(f"/api/media/{foreign}"), 404)
    book = bob.get(f"{path}/book", params={"format": "html"}, timeout=60 * PATIENCE)
    assert book.status_code == 200 and b64(data)[40:100] not in book.text and foreign not in book.text
    refused(bob.put(path, json={"coverImage": foreign}), 422, "coverImage")


def test_who_is_not_signed_in_or_may_not_sees_nothing(server, ada, ways):
    nobody_known, user = server.client(), make_user(server)
    key = server.client(make_key(server, user["email"], "veyl:read"))
    reader = server.client(make_key(server, user["email"], "lifetales:read"))
    forged = server.client(ada.headers["Authorization"].split()[1][:-3] + "AAA")
    before = state(server, ada)
    for way in ways:
        if way.open:
            continue
        path, body = way.address(ada.ids), way.body() if way.content else None
        refused(nobody_known.request(way.method, path, json=body), 401)
        refused(forged.request(way.method, path, json=body), 401)
        refused(key.request(way.method, path, json=body), 403)
        if way.method != "GET":
            refused(reader.request(way.method, path, json=body), 403)
    assert state(server, ada) == before
    assert [repr(way) for way in ways if way.open and way.method != "GET"] == []


def test_events_of_a_story_are_its_owners(server, ada, bob):
    channel = f"story:{ada.ids['story']}"
    for client in (bob, server.client()):
        answer = client.get("/events", params={"channels": channel})
        assert answer.status_code in (401, 403, 404), answer.text
    refused(bob.get(f"/api/stories/{ada.ids['story']}/events", headers=STREAM | {"Last-Event-ID": "1"}), 404)


def test_lists_are_of_ones_own(ada, bob, ways):
    for way in ways:
        if way.method == "GET" and not way.names:
            said = bob.get(way.path).text
            for kind, id in ada.ids.items():
                assert id not in said, (way, kind)


# -- signatures, tokens ----------------------------------------------------------------------------------------------


def test_signed_addresses_cannot_be_forged_moved_or_stretched(server, ada, bob):
    reader = server.client()
    def address(client):
        [note] = [n for n in good(client.get(f"/api/spaces/{client.ids['space']}/notes")) if n["media"]]
        return urllib.parse.urlsplit(note["media"][0]["url"])
    mine, other = address(ada), address(bob)
    assert reader.get(f"{mine.path}?{mine.query}").status_code == 200
    query = dict(urllib.parse.parse_qsl(mine.query))
    expires, signature = int(query["expires"]), query["signature"]
    flipped = ("B" if signature[0] == "A" else "A") + signature[1:]
    for path, expires_at, sign in (
            (other.path, expires, signature), (mine.path, expires + 1, signature), (mine.path, expires, flipped),
            (mine.path, expires, signature[:-1]), (mine.path, expires, signature + "A"), (mine.path, -expires, signature),
            (mine.path, 2**63 - 1, signature), (mine.path, expires, signature.swapcase()), (mine.path, expires, "A" * 64),
            (mine.path, 0, hashlib.sha256(f"{mine.path}{expires}".encode()).hexdigest())):
        answer = reader.get(path, params={"expires": expires_at, "signature": sign})
        assert answer.status_code in (404, 422), (path, expires_at, sign, answer.status_code)
    for query in (f"expires={expires}", f"signature={signature}", f"expires=&signature={signature}",
                  f"expires={expires}&expires=1&signature={signature}x", f"expires={expires}%00&signature={signature}",
                  f"expires={expires}&signature=%ff"):
        assert 400 <= reader.get(f"{mine.path}?{query}").status_code < 500, query


def test_tokens_of_links_open_one_thing_each(server, ada, bob):
    reader, mine, voice = server.client(), ada.ids["token"], ada.ids["voice"]
    good(reader.get(f"/api/shared/{mine}"))
    assert reader.get(f"/v/{voice}").status_code == 200
    refused(reader.get(f"/api/shared/{mine}/media/{bob.ids['media']}"), 404)
    for path in (f"/api/shared/{voice}", f"/v/{mine}", f"/v/{mine}/voice", f"/api/shared/{mine.swapcase()}",
                 f"/api/shared/{mine[:-1]}", f"/v/{voice[:-1]}", f"/api/shared/{hashlib.sha256(mine.encode()).hexdigest()}",
                 f"/api/shared/{ada.ids['share']}", f"/v/{ada.ids['media']}", f"/v/{voice}%00", "/v/%27%20OR%201=1"):
        assert reader.get(path).status_code in (400, 404), path


# -- validation of inputs ----------------------------------------------------------------------------------------------

DEEP = "[" * 5000 + "]" * 5000
VALUES = ["null", "true", "-1", "1e308", "99999999999999999999999", '""', '"\\u0000"', '"\\ud800"',
          '"' + "x" * 30000 + '"', '[null,1,"x",[]]', '{"a":{"b":[]}}', '["' + "y" * 3000 + '"]',
          '"data:image/png;base64,AAAA"', '"2024-13-45T99:99:99Z"', "[" * 40 + "]" * 40]
BODIES = [b"", b"null", b"[]", b'"x"', b"0", b"{", b"{}}", b'{"a":1,}', b"{'a':1}", b"nul", b"\xff\xfe{\0}\0",
          '{"title":"é"}'.encode("latin-1"), b'{"title":"\xed\xa0\x80"}', b'{"title":"\xc0\x80"}', b"\xef\xbb\xbf{}",
          b'{"\\u0000":1}', DEEP.encode(), b'{"a":' * 3000 + b"1" + b"}" * 3000, b'{"__proto__":{"x":1},"constructor":1}',
          b'{"title":"a","title":{}}', b"\0" * 100, b"PK\3\4" + b"\0" * 50, b"<?xml version='1.0'?><x/>"]


class Wire:
    """A connection without a library's manners: bodies and paths go as they are."""

    def __init__(self, server, client):
        self.host = urllib.parse.urlsplit(server.url).netloc
        self.auth = {"Authorization": client.headers["Authorization"]}
        self.conn = http.client.HTTPConnection(self.host, timeout=60 * PATIENCE)

    def ask(self, method, path, body=None, kind="application/json", **more):
        headers = self.auth | more | ({"Content-Type": kind} if body is not None and kind else {})
        try:
            self.conn.request(method, path, body=body, headers=headers)
            answer = self.conn.getresponse()
            return answer.status, answer.read()
        except (http.client.HTTPException, ConnectionError):
            self.conn.close()
            self.conn.request(method, path, body=body, headers=headers)
            answer = self.conn.getresponse()
            return answer.status, answer.read()


def bad_bodies(way):
    """What is not taken, or need not be; each as bytes."""
    yield from BODIES
    base = json.dumps(way.body())
    inner = base[1:-1]
    yield (base[:-1] + ("," if inner else "") + '"unknownMember":{"x":[1]}}').encode()
    for name in way.properties:
        rest = {key: value for key, value in way.body().items() if key != name}
        for value in VALUES:
            yield ("{" + json.dumps(name) + ":" + value + "".join(f",{json.dumps(k)}:{json.dumps(v)}" for k, v in rest.items())
                   + "}").encode()
    if "note" in way.properties or "notes" in way.properties:
        for name in ("type", "content", "timestamp", "audioData", "imageData", "location", "audioFileIds"):
            for value in VALUES:
                note = '{"type":"TEXT",' + json.dumps(name) + ":" + value + "}"
                yield b'{"spaceId":"x","note":%s,"notes":[%s]}' % (note.encode(), note.encode())


def test_no_body_breaks_the_server_or_changes_anything(server, models, ways):
    """Wrong types, huge, wrong encodings, unknown members, NUL, lone surrogates, deep nesting: each is refused in our
    words, or taken; what was refused is sent once more, and has changed nothing."""
    carl = person(server)
    carl.ids = furnish(server, carl)
    wire, again, taken = Wire(server, carl), [], 0
    for way in ways:
        if not way.content or "application/json" not in way.content:
            continue
        path = way.address(carl.ids)
        for body in bad_bodies(way):
            status, text = wire.ask(way.method, path, body)
            assert status < 500, (way, body[:300], status, text[:500])
            if status >= 400:
                problem = json.loads(text)
                assert problem["success"] is False and problem["statusCode"] == status and problem["error"], (way, text)
                again.append((way, path, body, status))
            taken += status < 300
        for kind in ("text/plain", "application/json; charset=utf-16", "multipart/form-data", "x", None):
            status, text = wire.ask(way.method, path, b'{"a":"b"}', kind=kind)
            assert 400 <= status < 500, (way, kind, status)
        status, _ = wire.ask(way.method, path, zlib.compress(b"{}"), **{"Content-Encoding": "deflate"})
        assert 400 <= status < 500, (way, "deflate", status)
    assert len(again) > 700 and taken > 30
    before = state(server, carl)
    for way, path, body, status in again[::3]:
        now, _ = wire.ask(way.method, path, body)
        assert now == status or now == 429, (way, body[:300], status, now)
    assert state(server, carl) == before
    assert not models.refused


PARTS = ["x", "0", "-1", "%00", "..%2f..%2fetc%2fpasswd", "%2e%2e", "%C3%A9", "%ff", "'%20OR%201=1--", "%F0%9F%90%99",
         "a" * 3000, "${7*7}", "%3Cscript%3E", "00000000-0000-0000-0000-000000000000", "*", "%20", "null"]


def test_no_path_or_query_breaks_the_server(server, bob, ways):
    wire = Wire(server, bob)
    before = state(server, bob)
    for way in ways:
        body = json.dumps(way.body()).encode() if way.content else None
        for name in way.names:
            for part in PARTS:
                path = way.address(bob.ids | {way.kind(name): part})
                status, text = wire.ask(way.method, path, body)
                assert 400 <= status < 500, (way, part, status, text[:300])
        for name in way.queries if way.method == "GET" else []:
            for part in PARTS:
                status, text = wire.ask(way.method, f"{way.address(bob.ids)}?{name}={part}")
                assert status < 500, (way, name, part, status, text[:300])
    assert state(server, bob) == before


def test_more_than_a_route_takes_is_refused_before_it_is_read(server, ada, ways):
    """By its announced length: nothing of 60 MB is sent."""
    host = urllib.parse.urlsplit(server.url)
    for way in [w for w in ways if w.content]:
        limit = 2 << 30 if "/api/media" == way.path or "transcribe" in way.path else 60 << 20
        kind = "application/octet-stream" if way.path == "/api/media" else "application/json"
        with socket.create_connection((host.hostname, host.port), 30 * PATIENCE) as line:
            line.sendall(f"{way.method} {way.address(ada.ids)} HTTP/1.1\r\nHost: x\r\nContent-Type: {kind}\r\n"
                         f"Authorization: {ada.headers['Authorization']}\r\nContent-Length: {limit}\r\n\r\n".encode())
            head = b""
            while b"\r\n" not in head and (piece := line.recv(4096)):
                head += piece
            assert head.startswith(b"HTTP/1.1 413"), (way, head[:200])


def test_forms_with_paths_for_names_store_no_file_by_them(server, ada):
    for name in ("../../../etc/cron.d/x", "C:\\x\\..\\..\\y.wav", "a\0b.wav", "\u202egnp.wav", "x" * 3000 + ".wav", ".."):
        form = {"file": (name, audio(), "audio/wav")}
        answer = ada.post("/api/media", files=form)
        if answer.status_code == 201:
            kept = good(answer, 201)["name"]
            assert kept is None or not re.search(r"[/\\\0\u0000-\u001f]", kept) and len(kept.encode()) <= 255, kept
        else:
            refused(answer, answer.status_code)
            assert answer.status_code in (400, 422), answer.text
    strange = [p for p in server.folder.rglob("*") if re.search(r"cron|passwd|abs|gnp|\.wav", p.name)]
    assert strange == []


def test_bombs_are_refused_before_they_go_off(server, ada):
    """Pictures of 100 megapixels in a few kilobytes, chunks that unpack to gigabytes, containers that are others."""
    def bomb(width, height, data):
        return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)) + data
                + chunk(b"IEND", b""))
    zeros = zlib.compress(bytes(64 << 20), 9)
    text = chunk(b"zTXt", b"a\0\0" + zeros) + chunk(b"iCCP", b"a\0\0" + zeros)
    before = state(server, ada)
    for data, statuses in ((bomb(30000, 30000, chunk(b"IDAT", zeros)), (413, 422)),
                           (bomb(2**31 - 1, 2**31 - 1, chunk(b"IDAT", zeros)), (413, 422)),
                           (bomb(0, 9, b""), (415, 422)), (bomb(9, 9, b""), (422,)),
                           (b"PK\3\4" + zeros, (415, 422)), (b"\x1f\x8b\x08" + zeros, (415, 422)),
                           (b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", (415,)),
                           (b"#EXTM3U\nfile:///etc/passwd\n", (415, 422)),
                           (b"ffconcat version 1.0\nfile /etc/passwd\n", (415, 422)),
                           (b"<!DOCTYPE html><script>alert(1)</script>", (415,))):
        answer = ada.post("/api/media", data=data)
        assert answer.status_code in statuses, (data[:40], answer.status_code, answer.text)
        answer = ada.post(f"/api/spaces/{ada.ids['space']}/notes", json={"type": "IMAGE", "imageData": b64(data)})
        assert answer.status_code in statuses, (data[:40], answer.status_code, answer.text)
    assert state(server, ada) == before
    pixels = chunk(b"IDAT", zlib.compress(b"\0" * 252))
    packed = good(ada.post("/api/media", data=bomb(9, 9, text + pixels)), 201)
    assert packed["size"] < 4000, "what unpacks to more than it could be is left out"
    plain = chunk(b"iCCP", b"sRGB\0\0" + zlib.compress(b"profile" * 90))
    assert b"iCCP" in ada.get(good(ada.post("/api/media", data=bomb(9, 9, plain + pixels)), 201)["url"]).content


# -- sanitising --------------------------------------------------------------------------------------------------------

EVIL = ("<script>alert('evil')</script><img src=x onerror=alert(2)>\"'><svg/onload=alert(3)> ]]><!--<b>--> &lt;i&gt; "
        "{{7*7}} ${7*7} <a href=\"javascript:alert(4)\">x</a> \u202e \u2028 </title></style></text> \r\nSet-Cookie: a=b")
GOOD_TAGS = {"html", "head", "meta", "title", "style", "link", "body", "main", "section", "article", "header", "footer", "nav",
             "h1", "h2", "h3", "h4", "p", "div", "span", "figure", "figcaption", "img", "ol", "ul", "li", "a", "em", "hr",
             "time", "audio", "source", "br", "svg", "image", "text", "rect", "path", "g", "aside", "blockquote", "details",
             "summary", "strong", "i", "b", "small", "tspan", "desc", "line", "circle", "use", "defs"}


class Tags(html.parser.HTMLParser):
    """What a browser would make of it."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.tags, self.attributes, self.text = collections.Counter(), [], []

    def handle_starttag(self, tag, attrs):
        self.tags[tag] += 1
        self.attributes += [(tag, name.lower(), value or "") for name, value in attrs]

    def handle_data(self, data):
        self.text.append(data)


def inert(page):
    """No script, no handler of an event, no address that runs; what was written stands there as text."""
    seen = Tags()
    seen.feed(page)
    assert set(seen.tags) <= GOOD_TAGS, set(seen.tags) - GOOD_TAGS
    for tag, name, value in seen.attributes:
        assert not name.startswith("on"), (tag, name, value)
        scheme = re.match(r"\s*([\w+.-]+):", value) if name in ("href", "src", "xlink:href", "action", "data") else None
        assert not scheme or scheme[1] in ("https", "http", "data") and not value.startswith("data:text"), (tag, name, value)
    assert "onerror=alert(2)" in "".join(seen.text), "it is there, as words"
    return seen


def test_html_and_scripts_in_titles_notes_and_chapters_come_out_inert(server):
    eve = person(server)
    for space_body in ({"coverImage": "javascript:alert(1)"}, {"coverImage": "data:text/html,<script>alert(1)</script>"},
                       {"coverImage": "data:image/svg+xml;base64," + b64(b"<svg xmlns='http://www.w3.org/2000/svg'/>")}):
        answer = eve.post("/api/spaces", json={"title": "x"} | space_body)
        assert answer.status_code in (415, 422), (space_body, answer.text)
    space = make_space(eve, title=EVIL, description=EVIL, language="en")
    note = make_note(eve, space, type="TEXT", title=EVIL, description=EVIL, textContent=EVIL + " Marie came.",
                     location={"name": EVIL})
    story = eve.post("/api/stories/generate", json={"spaceId": space["id"], "settings": {
        "storyMode": "transcription", "imagesPerChapter": 0}}, timeout=60 * PATIENCE)
    chapter = good(story)
    chapter = (chapter if isinstance(chapter, list) else chapter["chapters"])[0]
    good(eve.put(f"/api/spaces/{space['id']}/chapters/{chapter['id']}", json={"title": EVIL, "content": EVIL}))
    for path in (f"/api/spaces/{space['id']}", f"/api/spaces/{space['id']}/notes/{note['id']}",
                 f"/api/spaces/{space['id']}/story", "/api/spaces"):
        answer = eve.get(path)
        assert answer.headers["Content-Type"].startswith("application/json"), path
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"
        assert "Set-Cookie" not in answer.headers
    link = good(eve.post(f"/api/spaces/{space['id']}/share", json={}), 201)["url"]
    shared = server.client().get(link)
    assert shared.headers["Content-Type"].startswith("application/json") and shared.headers["Cache-Control"] == "no-store"
    books = {kind: eve.get(f"/api/spaces/{space['id']}/book", params={"format": kind}, timeout=60 * PATIENCE)
             for kind in ("html", "epub", "pdf")}
    for kind, answer in books.items():
        assert answer.status_code == 200, (kind, answer.text[:300])
        assert "Set-Cookie" not in answer.headers and answer.headers["X-Content-Type-Options"] == "nosniff"
        assert re.fullmatch(r"[\x20-\x7e]*", answer.headers["Content-Disposition"])
    page = books["html"]
    policy = page.headers["Content-Security-Policy"]
    assert "script-src" not in policy and "default-src 'none'" in policy, "nor would a script run"
    assert inert(page.text).tags["script"] == 0
    with zipfile.ZipFile(io.BytesIO(books["epub"].content)) as epub:
        names = epub.namelist()
        assert all(not name.startswith("/") and ".." not in name for name in names)
        found = 0
        for name in [n for n in names if n.endswith((".xhtml", ".html", ".opf", ".ncx", ".svg", ".xml"))]:
            root = xml.fromstring(epub.read(name))
            for element in root.iter():
                assert not element.tag.endswith("}script") and not any(a.lower().startswith("on") for a in element.attrib)
                assert not any(re.match(r"\s*(javascript|data:text)", value, re.I) for value in element.attrib.values())
                found += "onerror=alert(2)" in (element.text or "")
        assert found, "it is there, as words"
    for mark in (b"/JavaScript", b"/JS ", b"/Launch", b"/SubmitForm", b"/EmbeddedFile", b"javascript:"):
        assert mark not in books["pdf"].content, mark


def test_what_is_uploaded_is_shown_as_what_it_is(server, ada):
    """Bytes decide, not names: nobody puts a page of his own on this address."""
    for data, name, kind in ((b"<!DOCTYPE html><script>1</script>", "a.png", "image/png"),
                             (b"GIF89a=1;alert(1)//", "a.gif", "text/html"), (b"\xef\xbb\xbf<svg onload=alert(1)>", "a.svg", "image/svg+xml")):
        answer = ada.post("/api/media", files={"file": (name, data, kind)})
        assert answer.status_code in (415, 422), (name, answer.text)
    tail = b"<script>alert('behind')</script>"
    made = good(ada.post("/api/media", files={"file": ("x.html", png(5, 5) + tail, "text/html")}), 201)
    answer = server.client().get(made["url"])
    assert answer.headers["Content-Type"] == "image/png" and answer.headers["X-Content-Type-Options"] == "nosniff"
    assert tail not in answer.content and "default-src 'none'" in answer.headers["Content-Security-Policy"]


# -- addresses of others -------------------------------------------------------------------------------------------------


def test_no_address_that_is_sent_is_ever_fetched(server):
    """SSRF: what stands in coverImage, audioUrl, content and the rest is text. Nobody knocks at the bait."""
    with Hostile("silent") as bait:
        fay = person(server)
        urls = [f"{bait.url}/cover.png", f"{bait.url.replace('http:', 'https:')}/x", f"//{bait.url[7:]}/x",
                "file:///etc/passwd", "http://169.254.169.254/latest/meta-data/", "gopher://127.0.0.1:1/x"]
        space = make_space(fay)
        for url in urls:
            answer = fay.put(f"/api/spaces/{space['id']}", json={"coverImage": url})
            assert answer.status_code in (200, 422), answer.text
            answer = fay.post(f"/api/spaces/{space['id']}/notes", json={
                "type": "IMAGE", "content": url, "audioUrl": url, "imageUrl": url, "textContent": f"Regarde {url} !",
                "title": url, "description": f"![x]({url}) <img src='{url}'>"})
            assert answer.status_code in (201, 422), answer.text
            for member in ("audioData", "imageData"):
                assert 400 <= fay.post(f"/api/spaces/{space['id']}/notes", json={
                    "type": "AUDIO", member: url}).status_code < 500
            assert 400 <= fay.post("/api/transcribe", json={"audioData": url}).status_code < 500
            assert 400 <= fay.post("/api/generate-narrator", json={"photoBase64": url, "script": "x"}).status_code < 500
        make_note(fay, space, textContent=" ".join(f"{url} est là." for url in urls))
        good(fay.post("/api/stories/generate", json={"spaceId": space["id"], "settings": {"imagesPerChapter": 0}},
                      timeout=60 * PATIENCE))
        for kind in ("html", "epub", "pdf"):
            book = fay.get(f"/api/spaces/{space['id']}/book", params={"format": kind}, timeout=60 * PATIENCE)
            assert book.status_code == 200 and b"root:x:0" not in book.content
        good(server.client().get(good(fay.post(f"/api/spaces/{space['id']}/share", json={}), 201)["url"]))
        page = fay.get(f"/api/spaces/{space['id']}/book", params={"format": "html"}).text
        seen = Tags()
        seen.feed(page)
        for tag, name, value in seen.attributes:
            assert not (name in ("src", "poster", "data") and bait.url in value), (tag, value)
        assert bait.calls == {}, "somebody knocked"


# -- the provider's key -------------------------------------------------------------------------------------------------


class House:
    """A server whose agents all ask `provider`, and one person in it."""

    def __init__(self, folder, *envs, **more):
        env = {name: value for one in envs for name, value in one.items()}
        self.server = Server(folder, **(EVERYTHING | env | {
            "AI_TRIES": 1, "LOG_LEVEL": "debug", "LIFETALES_STORIES_PER_HOUR": 100,
            "LIFETALES_TRANSCRIPTIONS_PER_MINUTE": 100, "AI_KEEP_DAYS": 0} | more)).start()
        self.client = person(self.server)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.close()

    def everything_said(self, sentry=None):
        """What operators, others and strangers can read of this server: {where: text}."""
        admin = self.server.client(token(self.server, "admin"))
        said = {path: admin.get(path).text for path in (
            "/metrics", "/health/detailed", "/api/jobs?limit=100", "/api/stats", "/openapi.json", "/api/health")}
        assert "socle_ai_calls" in said["/metrics"]
        for job in (json.loads(said["/api/jobs?limit=100"]).get("items") or [])[:60]:
            said[f"job {job['id']}"] = admin.get(f"/api/jobs/{job['id']}").text
        for command in (("doctor",), ("doctor", "--json"), ("settings", "--values")):
            done = self.server.cli(*command)
            said[command] = done.stdout + done.stderr
        if sentry:
            said["sentry"] = "".join(json.dumps(event) for event in list(sentry.events.queue))
        said["log"] = self.server.log()
        return said


def nowhere(said, *never):
    for where, text in said.items():
        for word in never:
            at = text.find(word)
            assert at < 0, f"{word!r} in {where}: …{text[max(0, at - 200):at + 100]}…"


SECRETS = (KEYS["gemini"], KEYS["openai"], "abcdSECRET-efgh")


def cancel_stories(house):
    """What goes on behind an answer ends."""
    rows = "SELECT coalesce(string_agg(id, ' '), '') FROM stories WHERE state NOT IN ('done', 'failed', 'cancelled')"
    if not house.server.database:
        rows = rows.replace("string_agg(id, ' ')", "group_concat(id, ' ')")
    for id in str(database(house.server, rows) or "").split():
        house.client.post(f"/api/stories/{id}/cancel")


@pytest.mark.parametrize("provider", ["gemini", "openai"])
def test_the_providers_key_is_told_to_nobody_though_the_provider_says_it_back(tmp_path, provider):
    """API key in the environment. A provider that quotes key, prompt, recording and photograph in its errors: neither
    answers nor log, metrics, jobs, doctor or settings have any of it."""
    asked = {f"AI_{kind}_PROVIDER": provider for kind in ("CHAT", "TRANSCRIBE", "SPEAK", "IMAGE")}
    with Hostile("echo") as hostile, House(tmp_path, hostile.env(), asked) as house:
        spoken = {name: words(name) for name in AGENTS}
        answers = {}
        bearer = house.client.headers["Authorization"].split()[1]

        def asked_once(name, status):
            client = house.server.client(bearer)
            if name != "story":
                return name, status, AGENTS[name](client, spoken[name])
            before = sum(hostile.calls.values())
            with client.post("/api/stories/generate", headers=STREAM, stream=True, json={
                    "notes": [{"type": "TEXT", "textContent": spoken[name] + " chantait.", "timestamp": 1}],
                    "settings": {"imagesPerChapter": 0}}) as answer:
                wait(lambda: sum(hostile.calls.values()) > before, "a call")
                wait(lambda: any("enerate" in path or "chat" in path for path in hostile.calls), "the story's call")
                cancel_stories(house)
                assert answer.text
                return name, status, answer
        for status in (400, 403, 500):
            hostile.status = status
            with concurrent.futures.ThreadPoolExecutor(len(AGENTS)) as pool:
                for name, status, answer in pool.map(lambda name: asked_once(name, hostile.status), AGENTS):
                    answers[name, status] = answer.text
                    if name == "story" or name == "illustration" and answer.status_code == 200:  # drawn instead
                        continue
                    assert answer.json()["success"] is False, (name, status, answer.text)
                    assert answer.status_code in (402, 422, 429, 501, 502, 503, 504), (name, status, answer.text)
        paths = " ".join(hostile.calls)
        assert ("gemini" in paths if provider == "gemini" else "audio/transcriptions" in paths), paths
        said = house.everything_said() | {f"answer {key}": text for key, text in answers.items()}
        nowhere(said, *SECRETS, *spoken.values(), b64(png(40, 30))[:60])
        assert house.server.log_lines(), "there is a log"


# -- time-outs on all outside calls ------------------------------------------------------------------------------------


MODES = ("silent", "drip", "endless")


def test_no_agent_waits_for_ever(tmp_path):
    """A provider that never answers, that gives a byte now and then, that does not stop: each agent hangs up by
    itself and says so. The limits, else 30, 60 and 45 s, are made short by their settings."""
    limit = 400 if PATIENCE == 1 else 900  # less than what opens a circuit: each is to be asked
    short = {"AI_TIMEOUT_MS": limit, "LIFETALES_TRANSCRIPTION_MS": limit, "LIFETALES_STORY_MS": limit,
             "LIFETALES_ILLUSTRATION_MS": limit}
    with Hostile() as hostile, House(tmp_path, hostile.env(), short) as house:
        bearer = house.client.headers["Authorization"].split()[1]
        for hostile.mode in MODES:
            gone = []
            hostile.ended.queue.clear()

            def hung_up(gone=gone):
                while not hostile.ended.empty():
                    gone.append(hostile.ended.get())
                return gone

            def story(hung_up=hung_up):
                with house.server.client(bearer).post("/api/stories/generate", headers=STREAM, stream=True, json={
                        "notes": [{"type": "TEXT", "textContent": words("note") + " chantait.", "timestamp": 1}],
                        "settings": {"imagesPerChapter": 0}}, timeout=60 * PATIENCE) as answer:
                    wait(lambda: any("enerateContent" in path and "image" not in path for path in hung_up()), "the call", 60)
                    return answer.status_code
            with concurrent.futures.ThreadPoolExecutor(5) as pool:
                asked = {name: pool.submit(ask, house.server.client(bearer)) for name, ask in AGENTS.items() if name != "story"}
                told = pool.submit(story)
                for name, one in asked.items():
                    answer = one.result()
                    assert answer.status_code in (502, 503, 504), (hostile.mode, name, answer.status_code, answer.text)
                    assert answer.json()["success"] is False and answer.json()["error"]
                assert told.result() == 200
            cancel_stories(house)
        assert sum(hostile.calls.values()) >= 12, hostile.calls
        with open(f"/proc/{house.server.process.pid}/status") as status:
            peak = int(re.search(r"VmHWM:\s+(\d+) kB", status.read())[1])
        assert peak < 700 * 1024 * PATIENCE, "what does not end is not kept"


def test_a_picture_is_shown_from_here_while_cloudinary_does_not_answer(tmp_path):
    with Hostile() as hostile, House(tmp_path, hostile.env(), AI_IMAGE_PROVIDER="",
                                     LIFETALES_ILLUSTRATION_MS=400 * PATIENCE) as house:
        for hostile.mode in (*MODES, "echo"):
            before = sum(hostile.calls.values())
            made = good(ask_illustration(house.client))
            assert made["imageUrl"].startswith("/api/media/")
            wait(lambda: sum(hostile.calls.values()) > before, "the call, which is counted in a thread of its own")
        nowhere({"log": house.server.log()}, *SECRETS)


def test_an_address_that_a_provider_names_leads_to_no_machine_of_ours(tmp_path, models):
    """A video's address is the provider's: it is fetched from the open internet or the provider, never from within,
    and the key goes to the provider alone; nor does a call follow where it is led."""
    with Hostile("silent") as within, Hostile("redirect") as hostile, House(tmp_path, hostile.env()) as house:
        hostile.elsewhere = f"{within.url}/inside"
        for name, ask in AGENTS.items():
            if name != "story":
                assert ask(house.client).status_code in (501, 502, 503, 504), name
        assert within.calls == {}


# -- errors -----------------------------------------------------------------------------------------------------------


def test_whatever_a_provider_does_the_error_is_ours(tmp_path, models):
    """Graceful errors: every fault of the provider's, for every agent, is a problem document in our words, and the
    note that was being heard is still there."""
    with House(tmp_path, models.env(), LIFETALES_STORY_MS=2000 * PATIENCE) as house:
        space = make_space(house.client)
        bearer = house.client.headers["Authorization"].split()[1]
        for fault in ("401", "404", "429", "503", "quota", "json", "empty", "cut=20"):
            models.heal()
            models.fault(fault, times=None, provider="gemini")
            names = ["illustration", "tts", "narrator"] + ["transcription"] * (fault in ("401", "503", "json"))
            with concurrent.futures.ThreadPoolExecutor(4) as pool:
                answers = list(pool.map(lambda name: AGENTS[name](house.server.client(bearer)), names))
            for name, answer in zip(names, answers):
                if answer.status_code == 200:  # a picture that is refused is drawn
                    assert name == "illustration" or fault == "empty", (name, fault, answer.text)
                    continue
                body = answer.json()
                assert answer.status_code in (402, 422, 429, 501, 502, 503, 504), (name, fault, answer.text)
                assert answer.headers["Content-Type"].startswith("application/problem+json")
                assert body["success"] is False and body["error"] == body["detail"] and body["request_id"]
                assert "fake" not in answer.text, "the provider's words are not"
        models.heal()
        models.fault("500", times=None, provider="gemini")
        note = make_note(house.client, space, type="AUDIO", audioData=b64(audio("Bonjour")))
        kept = good(house.client.get(f"/api/spaces/{space['id']}/notes/{note['id']}"))
        assert kept["transcription"] is None and kept["transcription_status"] in ("waiting", "running")
        models.heal()


# -- logs without sensitive data -----------------------------------------------------------------------------------


def test_words_pictures_tokens_and_signatures_are_in_no_log(tmp_path, models):
    """On the way that works: at the finest level of the log, in metrics, jobs, what Sentry gets and what commands
    print, there is nothing that a person has said, and nothing that opens anything."""
    with FakeSentry() as sentry, Cloudinary() as cloud, House(
            tmp_path, models.env(), cloud.env(), SENTRY_DSN=sentry.dsn, LIFETALES_STORIES_PER_HOUR=100) as house:
        models.heal()
        me, secret = house.client, {}

        def say(kind):
            secret[kind] = words(kind)
            return secret[kind]
        heard = say("entendu")
        picture = png(7, 9, (1, 2, 3))
        cover = good(me.post("/api/media", files={"file": (say("nom") + ".png", picture)}), 201)
        space = make_space(me, title=say("titre"), description=say("sur"), coverImage=cover["id"])
        sound = audio(heard + " chantait.")
        note = make_note(me, space, type="AUDIO", audioData=b64(sound), title=say("note"), description=say("propos"),
                         location={"name": say("lieu")})
        make_note(me, space, textContent=say("texte") + " dansait.", timestamp=1600000000000)
        make_note(me, space, transcription=say("propre") + " riait.", timestamp=1500000000000)
        wait(lambda: good(me.get(f"/api/spaces/{space['id']}/notes/{note['id']}"))["transcription_status"] == "done", "hearing")
        told = good(me.post("/api/stories/generate", json={"spaceId": space["id"], "settings": {"storyMode": "transcription"}},
                            timeout=60 * PATIENCE))
        assert heard in json.dumps(told)
        for name, ask in AGENTS.items():
            good(ask(me, say(f"agent{name[:4]}")))
        chapter = (told if isinstance(told, list) else told["chapters"])[0]["id"]
        good(me.put(f"/api/spaces/{space['id']}/chapters/{chapter}", json={"title": say("chapitre"), "content": say("page")}))
        share = good(me.post(f"/api/spaces/{space['id']}/share", json={}), 201)
        voice = good(me.post(f"/api/media/{note['audioFileIds'][0]}/voice"))
        reader = house.server.client()
        signed = good(me.get(f"/api/spaces/{space['id']}/notes/{note['id']}"))["media"][0]["url"]
        assert reader.get(signed).content == sound and reader.get(f"/v/{voice['url'].rpartition('/')[2]}").status_code == 200
        good(reader.get(share["url"]))
        for kind in ("html", "epub"):
            me.get(f"/api/spaces/{space['id']}/book", params={"format": kind}, timeout=60 * PATIENCE)
        for bad in ({"type": say("faux")}, {"type": "TEXT", "timestamp": say("temps")}, {"type": "AUDIO", "audioData": say("base")}):
            assert me.post(f"/api/spaces/{space['id']}/notes", json=bad).status_code == 422
        reader.get(f"/api/shared/{say('jeton')}")
        reader.get(f"/v/{say('voix')}")
        reader.get("/api/spaces", headers={"Authorization": f"Bearer {say('porteur')}"})
        me.get(f"/api/spaces/{say('chemin')}?q={say('question')}", headers={"Referer": f"http://x/{say('venu')}"})
        said = house.everything_said(sentry)
        opens = [share["token"], voice["url"].rpartition("/")[2], signed.partition("signature=")[2],
                 me.headers["Authorization"].split()[1], me.headers["Authorization"].split(".")[-1],
                 b64(sound)[:80], b64(picture)[:60], cloud.secret, *KEYS.values()]
        nowhere(said, *secret.values(), *opens)
        assert re.search(r'"route":"/api/spaces/\{id\}', said["log"]), "what is logged of a request is its pattern"
        stranger = person(house.server)
        for way in ("/api/spaces", "/api/settings", "/api/tts/voices", "/api/limits", "/api/jobs"):
            text = stranger.get(way).text
            nowhere({way: text}, *secret.values(), *opens)


# -- CORS ---------------------------------------------------------------------------------------------------------------


def test_pages_of_other_origins_read_nothing_but_those_that_are_named(server, ada, ways):
    allowed, evil = "https://tales.example", ("https://evil.example", "https://tales.example.evil", "http://tales.example",
                                              "https://tales.example:8443", "null", "https://xtales.example")
    for way in ways:
        path = way.address(ada.ids)
        ask = {"Origin": allowed, "Access-Control-Request-Method": way.method,
               "Access-Control-Request-Headers": "authorization, content-type, idempotency-key, last-event-id"}
        answer = server.client().options(path, headers=ask)
        assert answer.status_code == 204 and answer.headers["Access-Control-Allow-Origin"] == allowed, way
        assert answer.headers["Access-Control-Allow-Credentials"] == "true" and "Origin" in answer.headers["Vary"]
        assert way.method in answer.headers["Access-Control-Allow-Methods"]
        named = answer.headers["Access-Control-Allow-Headers"].lower()
        assert all(name in named for name in ("authorization", "content-type", "idempotency-key", "last-event-id"))
        for origin in evil:
            for answer in (server.client().options(path, headers=ask | {"Origin": origin}),
                           *([ada.get(path, headers={"Origin": origin})] if way.method == "GET" and not way.names else [])):
                assert not [name for name in answer.headers if name.startswith("Access-Control")], (way, origin)
    answer = ada.get("/api/spaces", headers={"Origin": allowed})
    assert answer.headers["Access-Control-Allow-Origin"] == allowed


# -- limits per address and per person ---------------------------------------------------------------------------------


def limited(answer):
    refused(answer, 429)
    assert int(answer.headers["Retry-After"]) >= 1
    return answer


def test_who_asks_too_often_is_told_when_to_come_back(make_server):
    server = make_server(RATE_LIMITS="on", RATE_LIMIT_WRITE=6, RATE_LIMIT_DEFAULT=30, RATE_LIMIT_AUTH=600,
                         TRUSTED_PROXIES="127.0.0.1", LIFETALES_AI_CALLS_PER_HOUR=2, LIFETALES_STORIES_PER_HOUR=1)
    ada, bob = person(server), person(server)
    numbers = iter(range(5000))

    def until_refused(send):
        """Buckets fill again while a slow machine asks."""
        answers = 0
        while (answer := send(next(numbers))).status_code != 429:
            answers += 1
            assert answers < 1000
        return answers, limited(answer)

    def write(i):
        return ada.post("/api/spaces", json={"title": "x"}, headers={"X-Forwarded-For": f"192.0.2.{i % 250}"})
    answers, refusal = until_refused(write)
    assert answers >= 6, "a person is one, from wherever"
    for name in ("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset", "X-RateLimit-Limit", "X-RateLimit-Remaining"):
        assert refusal.headers[name].isdigit(), name
    space = make_space(bob)
    assert good(bob.get("/api/spaces")), "others are not held up, nor reading by writing"
    reader = server.client()
    reader.headers["X-Forwarded-For"] = "198.51.100.7"
    answers, _ = until_refused(lambda _: reader.get(f"/api/shared/{nobody()}"))
    assert answers >= 30, "guessing tokens is slow"
    until_refused(lambda _: reader.get(f"/v/{nobody()}"))
    reader.headers["X-Forwarded-For"] = "198.51.100.8"
    assert reader.get(f"/api/shared/{nobody()}").status_code == 404, "another address is another"
    assert reader.get("/api/health").status_code == 200
    carl = person(server)
    notes = {"notes": [{"type": "TEXT", "textContent": "Marie chantait.", "timestamp": 1}], "settings": {"imagesPerChapter": 0}}
    good(carl.post("/api/stories/generate", json=notes, timeout=60 * PATIENCE))
    again = limited(carl.post("/api/stories/generate", json=notes, timeout=60 * PATIENCE))
    assert int(again.headers["Retry-After"]) > 60 and "1 stories an hour" in again.json()["error"] and space


# -- HTTPS obligatory ---------------------------------------------------------------------------------------------------


def test_where_https_is_required_no_word_is_served_in_the_clear(make_server):
    server = make_server(REQUIRE_HTTPS="on", TRUSTED_PROXIES="127.0.0.1", PUBLIC_URL="https://tales.example")
    who = make_user(server)
    tls = server.client()
    tls.headers["X-Forwarded-Proto"] = "https"
    login = tls.post("/api/v1/auth/login", json={"email": who["email"], "password": who["password"]})
    tls.headers["Authorization"] = "Bearer " + login.json()["access_token"]
    clear = server.client(login.json()["access_token"])
    space = make_space(tls)
    note = make_note(tls, space, type="AUDIO", audioData=b64(audio()), transcription="Marie chantait.")
    share = good(tls.post(f"/api/spaces/{space['id']}/share", json={}), 201)
    for path in ("/api/spaces", note["media"][0]["url"], share["url"], f"/api/spaces/{space['id']}/book?format=html"):
        led = clear.request("GET", path)
        assert led.status_code == 307 and led.headers["Location"] == "https://tales.example" + path and not led.content
        secure = tls.request("GET", path)
        assert secure.status_code in (200, 409) and secure.headers["Strict-Transport-Security"], path
        assert "Set-Cookie" not in secure.headers
    for method, path in (("POST", "/api/spaces"), ("POST", "/api/transcribe"), ("DELETE", f"/api/spaces/{space['id']}"),
                         ("PUT", "/api/settings"), ("POST", "/api/media")):
        answer = clear.request(method, path, json={"title": "x", "audioData": b64(audio())})
        refused(answer, 403)
        assert answer.json()["code"] == "https_required"
    assert len(good(tls.get("/api/spaces"))) == 1
    assert clear.request("GET", "/api/health").status_code == 307 and clear.get("/readyz").status_code == 200
    link = good(tls.post(f"/api/media/{note['audioFileIds'][0]}/voice"))
    assert link["url"].startswith("https://tales.example/v/"), "what is printed leads to HTTPS"
