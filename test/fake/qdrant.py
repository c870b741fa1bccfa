#!/usr/bin/python3
"""A strict Qdrant (REST 1.19) for tests: takes what the real one does, refuses what it refuses, in its
envelope. Searches compare all vectors, in floats.

    with FakeQdrant() as qdrant:
        ... QDRANT_URL=qdrant.url, QDRANT_API_KEY=qdrant.key ...
        qdrant.stop(); qdrant.start()     # away, and back with what it had
        qdrant.wipe()                     # it has nothing any more
        qdrant.hold(); qdrant.release()   # takes requests and answers none meanwhile
        qdrant.broken = 503               # everything is answered so, until it is None

`refused` has every answer of 400 and above but for 404, `writes` every change (collection, what, how many).
Run by itself it serves at a port and prints what it refuses."""

import http.server
import json
import operator
import re
import socket
import struct
import sys
import threading
import time
import urllib.parse
import uuid

from place import place_keep

KEY = "an-api-key-of-tests"
SCHEMAS = ("keyword", "integer", "float", "bool", "datetime", "uuid", "text", "geo")
DISTANCES = ("Cosine", "Euclid", "Dot", "Manhattan")
NAME = re.compile(r'[^/\\<>:"|?*\0\x1f]{1,255}')


class Refused(Exception):
    def __init__(self, status, error):
        super().__init__(error)
        self.status, self.error = status, error


def wrong(text):
    return Refused(400, f"Format error in JSON body: {text}")


def members(given, *, needed=(), allowed=()):
    if not isinstance(given, dict):
        raise wrong("expected an object")
    for name in needed:
        if name not in given:
            raise wrong(f"missing field `{name}`")
    for name in given:
        if name not in (*needed, *allowed):
            raise wrong(f"unknown field `{name}`")
    return given


def point_id(given):
    """An unsigned integer of 64 bits, or a UUID."""
    if isinstance(given, int) and not isinstance(given, bool) and 0 <= given < 2**64:
        return given
    if isinstance(given, str):
        try:
            return str(uuid.UUID(given))
        except ValueError:
            pass
    raise wrong(f"value {json.dumps(given)} is not a valid point ID, valid values are either an unsigned integer or a UUID")


def is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def floats(values):
    """Rounded to 32 bits."""
    form = f"{len(values)}f"
    return struct.unpack(form, struct.pack(form, *values))


def dot(a, b):
    return sum(map(operator.mul, a, b))


def unit(vector):
    length = dot(vector, vector) ** 0.5
    return floats([v / length for v in vector]) if length else vector


def vector_of(given, size):
    if not isinstance(given, list) or not all(is_number(v) for v in given):
        raise wrong("data did not match any variant of untagged enum VectorStruct")
    if len(given) != size:
        raise Refused(400, f"Wrong input: Vector dimension error: expected dim: {size}, got {len(given)}")
    return floats(given)


# -- filters ----------------------------------------------------------------------------------------


def values_at(payload, key):
    value = payload.get(key)
    return value if isinstance(value, list) else [] if value is None else [value]


def scalar(value):
    if not isinstance(value, (str, int, bool)):
        raise wrong("data did not match any variant of untagged enum Match")
    return value


def same(a, b):
    return type(a) is type(b) and a == b


def condition(given):
    """A function of (id, payload)."""
    if not isinstance(given, dict):
        raise wrong("data did not match any variant of untagged enum Condition")
    names = set(given)
    if names and names <= {"must", "should", "must_not", "min_should"}:
        return filter_of(given)
    if names == {"has_id"}:
        if not isinstance(given["has_id"], list):
            raise wrong("has_id takes a list")
        ids = {point_id(one) for one in given["has_id"]}
        return lambda at, payload: at in ids
    if names == {"is_empty"}:
        key = members(given["is_empty"], needed=("key",))["key"]
        return lambda at, payload: not values_at(payload, key)
    if names == {"key", "match"} and isinstance(given["key"], str):
        return match(given["key"], given["match"])
    if names == {"key", "range"} and isinstance(given["key"], str):
        return range_of(given["key"], members(given["range"], allowed=("gt", "gte", "lt", "lte")))
    raise wrong("data did not match any variant of untagged enum Condition")


def match(key, given):
    if not isinstance(given, dict) or len(given) != 1:
        raise wrong("data did not match any variant of untagged enum Match")
    (how, what), = given.items()
    if how == "value":
        wanted = [scalar(what)]
    elif how == "any" and isinstance(what, list):
        wanted = [scalar(one) for one in what]
    elif how == "text" and isinstance(what, str):
        return lambda at, payload: any(isinstance(v, str) and what in v for v in values_at(payload, key))
    else:
        raise wrong("data did not match any variant of untagged enum Match")
    return lambda at, payload: any(same(v, one) for v in values_at(payload, key) for one in wanted)


def range_of(key, given):
    for bound in given.values():
        if bound is not None and not is_number(bound):
            raise wrong("a bound is no number")
    tests = {"gt": float.__gt__, "gte": float.__ge__, "lt": float.__lt__, "lte": float.__le__}

    def test(at, payload):
        return any(is_number(v) and all(tests[how](float(v), float(bound)) for how, bound in given.items()
                                        if bound is not None) for v in values_at(payload, key))
    return test


def filter_of(given):
    if given is None:
        return lambda at, payload: True
    members(given, allowed=("must", "should", "must_not", "min_should"))
    if "min_should" in given:
        raise Refused(400, "this stand-in knows no min_should")
    parts = {}
    for name in ("must", "should", "must_not"):
        listed = given.get(name) or []
        parts[name] = [condition(one) for one in (listed if isinstance(listed, list) else [listed])]

    def test(at, payload):
        return (all(one(at, payload) for one in parts["must"])
                and (not parts["should"] or any(one(at, payload) for one in parts["should"]))
                and not any(one(at, payload) for one in parts["must_not"]))
    return test


# -- collections ------------------------------------------------------------------------------------


class Collection:
    def __init__(self, config):
        members(config, needed=("vectors",), allowed=("on_disk_payload", "hnsw_config", "shard_number"))
        vectors = members(config["vectors"], needed=("size", "distance"), allowed=("on_disk",))
        self.size, self.distance = vectors["size"], vectors["distance"]
        if not isinstance(self.size, int) or not 1 <= self.size <= 65536:
            raise Refused(422, "Validation error in JSON body: [vectors.size: value invalid, must be from 1 to 65536]")
        if self.distance not in DISTANCES:
            raise wrong(f"unknown variant `{self.distance}`, expected one of `Cosine`, `Euclid`, `Dot`, `Manhattan`")
        self.points, self.indexes, self.operations = {}, {}, 0

    def upsert(self, body):
        members(body, allowed=("points", "batch"))
        if "points" not in body or not isinstance(body["points"], list):
            raise wrong("this stand-in takes points as a list")
        new = {}
        for point in body["points"]:
            members(point, needed=("id", "vector"), allowed=("payload",))
            vector = vector_of(point["vector"], self.size)
            payload = point.get("payload") or {}
            if not isinstance(payload, dict):
                raise wrong("a payload is an object")
            new[point_id(point["id"])] = (unit(vector) if self.distance == "Cosine" else vector, payload)
        self.points.update(new)
        return len(new)

    def delete(self, body):
        members(body, allowed=("points", "filter"))
        if "points" in body:
            gone = [point_id(one) for one in body["points"]]
        elif "filter" in body:
            test = filter_of(body["filter"])
            gone = [at for at, (_, payload) in self.points.items() if test(at, payload)]
        else:
            raise wrong("data did not match any variant of untagged enum PointsSelector")
        for at in gone:
            self.points.pop(at, None)
        return len(gone)

    def index(self, body):
        members(body, needed=("field_name", "field_schema"))
        if body["field_schema"] not in SCHEMAS:
            raise wrong(f"unknown variant `{body['field_schema']}`")
        self.indexes[body["field_name"]] = body["field_schema"]
        return 1

    def matching(self, given):
        test = filter_of(given)
        return [at for at, (_, payload) in self.points.items() if test(at, payload)]

    def query(self, body):
        members(body, allowed=("query", "filter", "limit", "offset", "with_payload", "with_vector", "score_threshold",
                               "params"))
        members(body.get("params") or {}, allowed=("exact", "hnsw_ef", "indexed_only"))
        wanted = vector_of(body.get("query"), self.size)
        limit, offset = body.get("limit", 10), body.get("offset", 0)
        if not isinstance(limit, int) or limit < 1:
            raise Refused(422, "Validation error in JSON body: [limit: value 0 invalid, must be 1 or larger]")
        wanted = unit(wanted)
        ids = self.matching(body.get("filter"))
        scores = floats([dot(self.points[at][0], wanted) for at in ids])
        least = body.get("score_threshold")
        # of equals any order, here the greatest id first: who cares must sort
        order = sorted(range(len(ids)), key=lambda i: (-scores[i], [-ids[i] if isinstance(ids[i], int) else 0]))
        order = [i for i in order if least is None or scores[i] >= floats([least])[0]][offset:offset + limit]
        return {"points": [self.show(ids[i], body) | {"score": scores[i]} for i in order]}

    def show(self, at, body):
        vector, payload = self.points[at]
        shown = {"id": at, "version": 0}
        if body.get("with_payload"):
            shown["payload"] = payload
        if body.get("with_vector"):
            shown["vector"] = [float(v) for v in vector]
        return shown

    def retrieve(self, body):
        members(body, needed=("ids",), allowed=("with_payload", "with_vector"))
        return [self.show(at, {"with_payload": True} | body) for at in map(point_id, body["ids"]) if at in self.points]

    def count(self, body):
        members(body, allowed=("filter", "exact"))
        return {"count": len(self.matching(body.get("filter")))}


# -- HTTP -------------------------------------------------------------------------------------------


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def setup(self):
        super().setup()
        self.server.connections.add(self.connection)

    def finish(self):
        self.server.connections.discard(self.connection)
        super().finish()

    def log_message(self, *_):
        pass

    def reply(self, status, data, kind="application/json"):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def body(self):
        data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if (self.headers.get("Content-Type") or "").split(";")[0] != "application/json":
            raise Refused(415, "Content type error")
        try:
            return json.loads(data)
        except ValueError as error:
            raise wrong(str(error)) from None

    def handle_any(self):
        qdrant, began = self.server.qdrant, time.monotonic()
        url = urllib.parse.urlsplit(self.path)
        if url.path in ("/healthz", "/livez", "/readyz"):
            return self.reply(200, b"healthz check passed", "text/plain")
        qdrant.held.wait()
        given = self.headers.get("api-key") or (self.headers.get("Authorization") or "").removeprefix("Bearer ")
        if given != qdrant.key:
            text = "Invalid API key or JWT" if given else "Must provide an API key or an Authorization bearer token"
            qdrant.refused.append((self.command, self.path, 401, text))
            self.close_connection = True
            return self.reply(401, text.encode(), "text/plain")
        try:
            body = self.body() if self.command in ("POST", "PUT") else None
            if qdrant.broken:
                raise Refused(qdrant.broken, "Service internal error: told to")
            with qdrant.lock:
                result = qdrant.route(self.command, url.path.strip("/").split("/"),
                                      dict(urllib.parse.parse_qsl(url.query)), body)
            answer = {"result": result, "status": "ok", "time": time.monotonic() - began}
            status = 200
        except Refused as refused:
            status = refused.status
            answer = {"status": {"error": refused.error}, "time": time.monotonic() - began}
            if status != 404:
                qdrant.refused.append((self.command, self.path, status, refused.error))
        self.reply(status, json.dumps(answer).encode())

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = handle_any


class Listener(http.server.ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128

    def handle_error(self, *_):
        pass  # a connection that was cut


class FakeQdrant:
    def __init__(self, key=KEY, port=0):
        self.key, self.port, self.broken, self.unfinished = key, port, None, None
        self.lock, self.held = threading.RLock(), threading.Event()
        self.held.set()
        self.collections, self.refused, self.writes, self.queries = {}, [], [], []
        self.server = self.place = None

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def start(self):
        self.server = Listener(("127.0.0.1", self.port), Handler)
        self.port = self.server.server_port
        if self.place:
            self.place.close()
        self.server.qdrant, self.server.connections = self, set()
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def stop(self):
        if not self.server:
            return
        self.server.shutdown()
        self.server.server_close()
        self.place = place_keep(self.port)
        for connection in list(self.server.connections):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self.server = None

    def wipe(self):
        with self.lock:
            self.collections.clear()

    def hold(self):
        self.held.clear()

    def release(self):
        self.held.set()

    __enter__ = start

    def __exit__(self, *_):
        self.release()
        self.stop()
        self.place.close()

    # -- routes

    def route(self, method, parts, query, body):
        if parts[:1] != ["collections"] or len(parts) < 2:
            raise Refused(404, "")
        name, rest = urllib.parse.unquote(parts[1]), tuple(parts[2:])
        if not NAME.fullmatch(name):
            raise Refused(422, "Validation error: collection name cannot contain this")
        if (method, rest) == ("GET", ("exists",)):
            return {"exists": name in self.collections}
        if (method, rest) == ("DELETE", ()):
            return self.collections.pop(name, None) is not None
        if (method, rest) == ("PUT", ()):
            if name in self.collections:
                raise Refused(409, f"Wrong input: Collection `{name}` already exists!")
            self.collections[name] = Collection(body)
            self.writes.append((name, "make", 0))
            return True
        if name not in self.collections:
            raise Refused(404, f"Not found: Collection `{name}` doesn't exist!")
        at = self.collections[name]
        reads = {("POST", ("points", "query")): at.query, ("POST", ("points", "count")): at.count,
                 ("POST", ("points",)): at.retrieve}
        changes = {("PUT", ("points",)): at.upsert, ("POST", ("points", "delete")): at.delete,
                   ("PUT", ("index",)): at.index}
        if (method, rest) in reads:
            if rest == ("points", "query"):
                self.queries.append((name, body))
            return reads[method, rest](body)
        if (method, rest) not in changes:
            raise Refused(404, "")  # /points/search and its kin are gone since 1.19
        many = changes[method, rest](body)
        at.operations += 1
        self.writes.append((name, rest[-1], many))
        waited = query.get("wait") == "true"
        return {"operation_id": at.operations, "status": "completed" if waited else "acknowledged"}

    # -- what tests look at

    def data(self):
        """The collections of vectors, by name."""
        with self.lock:
            return {name: one for name, one in self.collections.items() if name != "socle_state"}


if __name__ == "__main__":
    fake = FakeQdrant(port=int(sys.argv[1]) if len(sys.argv) > 1 else 6333).start()
    print(f"Qdrant's stand-in at {fake.url}, key {fake.key}", flush=True)
    told = 0
    while True:
        time.sleep(1)
        for one in fake.refused[told:]:
            print(*one, flush=True)
        told = len(fake.refused)
