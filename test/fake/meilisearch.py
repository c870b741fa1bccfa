#!/usr/bin/python3
"""A strict Meilisearch 1.53 for tests: takes what the real one does, refuses what it refuses, and with
its codes. What it answers to words is plain: words as written, the last one as a beginning, no typing
errors forgiven; ranked by how many words match, then as asked, then by the rules "field:desc".

    with FakeMeilisearch() as meili:
        ... MEILI_HOST=meili.host, MEILI_MASTER_KEY=meili.key ...
        meili.delay = 0.2         # seconds that every task takes
        meili.hold()              # tasks stay enqueued until meili.release()
        meili.fail("documentAdditionOrUpdate")   # the next one of this type fails
        meili.stop(); meili.start()              # away, and back with what it had
        meili.wipe()                             # it has nothing any more

`refused` has every answer of 400 and above but for 404, `failed` every task that failed of itself, `writes`
every task (type, index, documents). Run by itself it serves at a port and prints what it refuses."""

import collections
import datetime
import http.server
import json
import socket
import sys
import threading
import time
import urllib.parse

from meilisearch_index import BOOL, STRING, TEXTS, UID, Index, Refused, check_members, check_settings
from place import place_keep

KEY = "a-master-key-of-tests"
PAYLOAD_MOST = 100 * 1000 * 1000


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

    def reply(self, status, body):
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def body(self):
        size = int(self.headers.get("Content-Length") or 0)
        data = self.rfile.read(size)
        kind = (self.headers.get("Content-Type") or "").split(";")[0].strip()
        if not kind:
            raise Refused("missing_content_type", "A Content-Type header is missing. Accepted values for the Content-Type "
                          "header are: `application/json`", 415)
        if kind != "application/json":
            raise Refused("invalid_content_type", f"The Content-Type `{kind}` is invalid.", 415)
        if size > PAYLOAD_MOST:
            raise Refused("payload_too_large", "The provided payload reached the size limit.", 413)
        if not data:
            raise Refused("missing_payload", "A json payload is missing.")
        try:
            return json.loads(data.decode())
        except ValueError as error:
            raise Refused("malformed_payload", f"The json payload provided is malformed. `{error}`.") from None

    def answer(self):
        meili = self.server.meili
        url = urllib.parse.urlsplit(self.path)
        parts = [urllib.parse.unquote(p) for p in url.path.strip("/").split("/")]
        query = dict(urllib.parse.parse_qsl(url.query))
        if (self.command, parts) == ("GET", ["health"]):
            return 200, {"status": "available"}
        given = self.headers.get("Authorization")
        if given is None:
            raise Refused("missing_authorization_header", "The Authorization header is missing. It must use the bearer "
                          "authorization method.", 401, "auth")
        if given != f"Bearer {meili.key}":
            raise Refused("invalid_api_key", "The provided API key is invalid.", 403, "auth")
        with meili.lock:
            return meili.route(self.command, parts, query, self.body)

    def handle_any(self):
        meili = self.server.meili
        meili.requests += 1
        try:
            status, body = self.answer()
        except Refused as refused:
            status, body = refused.status, refused.error
            if status != 404:
                meili.refused.append((self.command, self.path, body["code"], body["message"]))
            self.close_connection = True  # its body may be unread
        self.reply(status, body)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = handle_any


class Listener(http.server.ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128

    def handle_error(self, *_):
        pass  # a connection that was cut


def now():
    return datetime.datetime.now(datetime.timezone.utc).isoformat().replace("+00:00", "Z")


class FakeMeilisearch:
    def __init__(self, key=KEY, delay=0.0, port=0):
        self.key, self.delay, self.port = key, delay, port
        self.lock = threading.RLock()
        self.news = threading.Condition(self.lock)
        self.contains, self.held, self.running, self.requests = False, None, False, 0
        self.refused, self.failed, self.writes, self.fails, self.swaps = [], [], [], [], []
        self.indexes, self.tasks = {}, []
        self.server = self.place = None

    # -- its life

    @property
    def host(self):
        return f"http://127.0.0.1:{self.port}"

    def start(self):
        self.server = Listener(("127.0.0.1", self.port), Handler)
        self.port = self.server.server_port
        if self.place:
            self.place.close()
        self.server.meili, self.server.connections = self, set()
        self.running = True
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        self.worker = threading.Thread(target=self.work, daemon=True)
        self.worker.start()
        return self

    def stop(self):
        with self.lock:
            self.running = False
            self.news.notify_all()
        self.server.shutdown()
        self.server.server_close()
        self.place = place_keep(self.port)
        for one in list(self.server.connections):
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self.worker.join()

    __enter__ = start

    def __exit__(self, *_):
        self.release()
        if self.running:
            self.stop()
        self.place.close()

    def hold(self, which=lambda task: True):
        """Such tasks, and all that stand behind one."""
        with self.lock:
            self.held = which

    def is_held(self):
        """Is a task kept from beginning?"""
        with self.lock:
            task = self.next_task()
            return bool(self.held and task and self.held(task))

    def release(self):
        with self.lock:
            self.held = None
            self.news.notify_all()

    def fail(self, kind, uid=None):
        """The next task of that kind fails, of that index alone or of any."""
        with self.lock:
            self.fails.append((kind, uid))

    def wipe(self):
        with self.lock:
            self.indexes, self.tasks = {}, []

    def documents_written(self, uid=None):
        """How many documents were sent to the index, or to any of the product's."""
        with self.lock:
            return sum(n for kind, index, n in self.writes if kind.startswith("document") and
                       (index == uid if uid else index != "socle_state"))

    # -- tasks

    def enqueue(self, kind, uid, run, documents=0, details=None):
        task = {"uid": len(self.tasks), "batchUid": None, "indexUid": uid, "status": "enqueued", "type": kind,
                "canceledBy": None, "details": details, "error": None, "duration": None, "enqueuedAt": now(),
                "startedAt": None, "finishedAt": None}
        self.tasks.append(task | {"run": run})
        self.writes.append((kind, uid, documents))
        self.news.notify_all()
        return 202, {"taskUid": task["uid"], "indexUid": uid, "status": "enqueued", "type": kind,
                     "enqueuedAt": task["enqueuedAt"]}

    def next_task(self):
        return next((t for t in self.tasks if t["status"] in ("enqueued", "processing")), None)

    def work(self):
        while True:
            with self.lock:
                while self.running and (self.is_held() or not self.next_task()):
                    self.news.wait()
                if not self.running:
                    return
                task = self.next_task()
                task |= {"status": "processing", "startedAt": now(), "batchUid": task["uid"]}
            if self.delay:
                time.sleep(self.delay)
            with self.lock:
                if not self.running:
                    return  # it goes on when it comes back
                self.task_do(task)

    def task_do(self, task):
        try:
            wish = next((f for f in self.fails if f[0] == task["type"] and f[1] in (None, task["indexUid"])), None)
            if wish:
                self.fails.remove(wish)
                raise Refused("internal", "An internal error has occurred. `No space left on device`.", kind="internal")
            task["run"]()
            task["status"] = "succeeded"
        except Refused as refused:
            task |= {"status": "failed", "error": refused.error}
            self.failed.append((task["type"], task["indexUid"], refused.error["code"]))
        task |= {"finishedAt": now(), "duration": "PT0.001S"}

    # -- routes

    def index(self, uid):
        if not UID.match(uid):
            raise Refused("invalid_index_uid", f"`{uid}` is not a valid index uid.")
        if uid not in self.indexes:
            raise Refused("index_not_found", f"Index `{uid}` not found.", 404)
        return self.indexes[uid]

    def route(self, method, parts, query, body):
        if parts[0] == "indexes":
            if len(parts) == 1 and method == "POST":
                return self.index_create(body())
            return self.index_route(method, parts[1], parts[2:], query, body)
        if parts[0] == "tasks" and len(parts) == 2 and method == "GET":
            return self.task_get(parts[1])
        if (method, parts) == ("POST", ["swap-indexes"]):
            return self.swap(body())
        if (method, parts) == ("GET", ["version"]):
            return 200, {"commitSha": "0" * 40, "commitDate": now(), "pkgVersion": "1.53.0"}
        raise Refused("not_found", f"{method} /{'/'.join(parts)}", 404)

    def index_route(self, method, uid, rest, query, body):
        what = (method, *rest[:2]) if rest[:1] == ["documents"] and method == "POST" else (method, *rest[:1])
        if what == ("POST", "search"):
            return 200, self.index(uid).search(body(), self.contains)
        if what == ("POST", "facet-search"):
            return 200, self.index(uid).facet_search(body(), self.contains)
        if what == ("GET", "stats"):
            index = self.index(uid)
            names = collections.Counter(name for d in index.documents.values() for name in d)
            return 200, {"numberOfDocuments": len(index.documents), "isIndexing": self.next_task() is not None,
                         "indexSize": 0, "usedIndexSize": 0, "rawDocumentDbSize": 0, "avgDocumentSize": 0,
                         "numberOfEmbeddings": 0, "numberOfEmbeddedDocuments": 0, "fieldDistribution": dict(names)}
        if what in (("POST", "documents"), ("PUT", "documents")):
            return self.documents_add(uid, query, body(), method == "PUT")
        if what == ("POST", "documents", "delete-batch"):
            return self.documents_delete(uid, body())
        if what == ("GET", "documents") and len(rest) == 2:
            return self.document_get(uid, rest[1])
        if what == ("PATCH", "settings"):
            return self.settings_change(uid, body())
        if what == ("GET", "settings"):
            return 200, self.index(uid).settings
        if what == ("GET",):
            return 200, {"uid": uid, "primaryKey": self.index(uid).primary_key, "createdAt": now(), "updatedAt": now()}
        if what == ("DELETE",):
            return self.enqueue("indexDeletion", uid, lambda: (self.index(uid), self.indexes.pop(uid)))
        raise Refused("not_found", f"{method} /indexes/{uid}/{'/'.join(rest)}", 404)

    def index_create(self, body):
        check_members(body, {"uid": str, "primaryKey": STRING}, "invalid_index")
        if "uid" not in body:
            raise Refused("missing_index_uid", "Missing field `uid`")
        uid = body["uid"]
        if not UID.match(uid):
            raise Refused("invalid_index_uid", f"`{uid}` is not a valid index uid.")

        def run():
            if uid in self.indexes:
                raise Refused("index_already_exists", f"Index `{uid}` already exists.")
            self.indexes[uid] = Index(body.get("primaryKey"))
        return self.enqueue("indexCreation", uid, run)

    def settings_change(self, uid, body):
        check_settings(body)

        def run():
            index = self.indexes.setdefault(uid, Index())
            defaults = Index().settings
            for name, value in body.items():
                if name in ("faceting", "pagination") and value is not None:
                    index.settings[name] = index.settings[name] | value
                else:
                    index.settings[name] = defaults.get(name) if value is None else value
        return self.enqueue("settingsUpdate", uid, run)

    def documents_add(self, uid, query, body, merge):
        if set(query) - {"primaryKey", "csvDelimiter", "customMetadata", "skipCreation"}:
            raise Refused("bad_request", f"Unknown parameter in {sorted(query)}")
        documents = body if isinstance(body, list) else [body]
        if not all(isinstance(d, dict) for d in documents):
            raise Refused("malformed_payload", "The `json` payload provided is malformed: expected documents.")
        if not UID.match(uid):
            raise Refused("invalid_index_uid", f"`{uid}` is not a valid index uid.")
        return self.enqueue("documentAdditionOrUpdate", uid, lambda: self.indexes.setdefault(uid, Index()).add(
            documents, query.get("primaryKey"), merge), len(documents))

    def documents_delete(self, uid, body):
        if not isinstance(body, list) or not all(isinstance(v, (int, str)) for v in body):
            raise Refused("malformed_payload", "The json payload provided is malformed: expected a list of ids.")

        def run():
            index = self.index(uid)
            for key in body:
                index.documents.pop(str(key), None)
        return self.enqueue("documentDeletion", uid, run, len(body))

    def document_get(self, uid, key):
        index = self.index(uid)
        if key not in index.documents:
            raise Refused("document_not_found", f"Document `{key}` not found.", 404)
        return 200, index.documents[key]

    def task_get(self, uid):
        if not uid.isdigit():
            raise Refused("invalid_task_uids", f"`{uid}` is no task uid")
        if int(uid) >= len(self.tasks):
            raise Refused("task_not_found", f"Task `{uid}` not found.", 404)
        return 200, {k: v for k, v in self.tasks[int(uid)].items() if k != "run"}

    def swap(self, body):
        if not isinstance(body, list):
            raise Refused("bad_request", "Invalid value type: expected an array")
        named = []
        for one in body:
            check_members(one, {"indexes": TEXTS, "rename": BOOL}, "invalid_swap")
            if "indexes" not in one:
                raise Refused("missing_swap_indexes", "Missing field `indexes`")
            if len(one["indexes"]) != 2:
                raise Refused("invalid_swap_indexes", "Two indexes must be given for each swap.")
            named += one["indexes"]
        if len(set(named)) != len(named):
            raise Refused("invalid_swap_duplicate_index_found", "Indexes must be declared only once during a swap.")

        def run():
            missing = [uid for uid in named if uid not in self.indexes]
            if missing:
                raise Refused("index_not_found", f"Indexes `{'`, `'.join(missing)}` not found.")
            for one in body:
                a, b = one["indexes"]
                self.indexes[a], self.indexes[b] = self.indexes[b], self.indexes[a]
        details = {"swaps": [{"indexes": one["indexes"], "rename": one.get("rename", False)} for one in body]}
        answer = self.enqueue("indexSwap", None, run, details=details)
        self.swaps.append(named)
        return answer


if __name__ == "__main__":
    with FakeMeilisearch(port=int(sys.argv[1]) if len(sys.argv) > 1 else 7700) as fake:
        print(f"MEILI_HOST={fake.host} MEILI_MASTER_KEY={fake.key}", flush=True)
        told = 0
        while True:
            time.sleep(0.2)
            for line in fake.refused[told:]:
                print(*line, flush=True)
            told = len(fake.refused)
