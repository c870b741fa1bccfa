#!/usr/bin/python3
"""Strict stand-ins for the services of OpenAI, Anthropic, Mistral, Gemini and Vertex AI, on one port of
loopback: they refuse what the real ones refuse, in their words, and answer whole or streamed.

    with FakeModels() as models:
        ... Server(folder, **models.env(), AI_CHAT_PROVIDER="openai") ...
        models.script("Bonjour.", {"tools": [{"name": "f", "arguments": {}}]})   # the next answers
        models.fault("429", times=2, provider="openai", headers={"Retry-After": "1"})
        assert models.count("openai") == 3 and not models.refused

An answer is a text, or {"text", "tools", "json", "refusal", "end", "thinking", "pace"} (pace: of Google's
streams, called with its number before each piece), or a function of the request (models_chat.Asked) that
gives one. Without a script the answer follows from the question: the sentence of the numbered sources that
has most of its words, cited as [n]; without sources what was said is said back; with the schema of a
story's chapter, what models_tales tells; with another, the least JSON that fits it; "call NAME" calls that
tool.

Faults, for the next `times` calls (None: until reset), or of one request by its model's name, as in
"gpt-4o!cut=120": 429, 500, 502, 503, 529 and any other status, quota (money, never again), cut=N (the
connection breaks after N bytes of the body), slow=S (seconds before the answer), silent (no end),
huge (20 MB), json (broken JSON), html, refuse, empty, length, wrong-json (JSON that fits no schema),
thoughts (nothing but thoughts), half=F (that part of the text, as if it were all), retry=S (Google's 429 with
RetryInfo), size (vectors of one number more), life=S (of Google's token, seconds), recorded=FILE (Google's: what
the real service once answered, its bytes). Google's models have no such names
as "gemini!429": their faults are announced with `provider`.

Without Python the same by HTTP: POST /admin/fault {"fault", "times", "provider", "headers"},
POST /admin/script [answers], GET /admin/calls, GET /admin/account (the key file of Google's service
account), POST /admin/withdraw (its tokens are good no more), POST /admin/reset. Run by itself it prints its port.

More services of the same providers: a function in a module of its own, put into ROUTES by
`serve(provider, path)(function)`: it gets a Call and returns what `Call.answer` and `Call.stream` do. In a
path {name} stands for any word without a slash or a colon, {name=word} for that one."""

import http.server
import itertools
import json
import os
import re
import sys
import tempfile
import threading

from place import place_keep

KEYS = {"openai": "sk-openai-of-tests", "anthropic": "sk-anthropic-of-tests", "mistral": "sk-mistral-of-tests",
        "gemini": "key-gemini-of-tests"}
HUGE = 20 * 1000 * 1000
ROUTES = []  # (provider, pattern of a path, function of a Call)


def serve(provider, path):
    pattern = re.sub(r"\\{(\w+)=(\w+)\\}", r"(?P<\1>\2)", re.escape(path).replace("\\=", "="))
    pattern = re.compile(re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/:]+)", pattern))

    def put(function):
        ROUTES.append((provider, pattern, function))
        return function
    return put


def route(provider, path):
    """The function for a path, and what its names stand for."""
    for name, pattern, function in ROUTES:
        found = pattern.fullmatch(path) if name == provider else None
        if found:
            return function, found.groupdict()
    return None, {}


class Refused(Exception):
    """The service says no: status, and the body in its own shape."""

    def __init__(self, status, body, headers=None):
        super().__init__(status, body)
        self.status, self.body, self.headers = status, body, headers or {}


class Cut(Exception):
    """The connection is to break here."""


class Call:
    """One request, and the ways to answer it."""

    def __init__(self, models, handler, provider, path, data):
        self.models, self.handler, self.provider, self.data = models, handler, provider, data
        self.path, _, self.query = path.partition("?")
        self.params = {}
        self.headers = handler.headers
        self.fault, self.fault_value, self.fault_headers = None, "", {}
        self.written = 0
        self.request_id = f"req_fake_{next(models.numbers)}"

    def json(self):
        try:
            value = json.loads(self.data.decode())
        except ValueError:
            return None
        return value if isinstance(value, dict) else None

    def take_fault(self, model=""):
        """The fault that this call is to have; by its model's name before any that was announced."""
        name = model.partition("!")[2] if isinstance(model, str) else ""
        headers = {}
        if not name:
            name, headers = self.models.next_fault(self.provider)
        self.fault, _, self.fault_value = (name or "").partition("=")
        self.fault_headers = headers
        if self.fault == "slow":
            self.models.stopped.wait(float(self.fault_value or 1))
        return self.fault

    # -- writing

    def head(self, status, kind, headers=None):
        handler = self.handler
        handler.send_response(status)
        handler.send_header("Content-Type", kind)
        name = "request-id" if self.provider == "anthropic" else "x-request-id"
        for key, value in {name: self.request_id, **(headers or {})}.items():
            handler.send_header(key, str(value))
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()

    def write(self, data):
        if self.fault == "cut":
            data = data[:max(0, int(self.fault_value or 0) - self.written)]
        if data:
            self.handler.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
            self.handler.wfile.flush()
            self.written += len(data)
        if self.fault == "cut" and self.written >= int(self.fault_value or 0):
            raise Cut

    def end(self):
        if self.fault == "silent":
            self.models.stopped.wait(600)
            raise Cut
        self.handler.wfile.write(b"0\r\n\r\n")

    def answer(self, status, body, headers=None, kind="application/json"):
        data = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
        self.head(status, kind, headers)
        self.write(data)
        self.end()

    def stream(self, events, headers=None, line="\n"):
        """events: (name or None, data) each, where data is a text or something to write as JSON."""
        self.head(200, "text/event-stream; charset=utf-8", headers)
        for name, data in events:
            text = data if isinstance(data, str) else json.dumps(data, ensure_ascii=False)
            self.write(((f"event: {name}{line}" if name else "") + f"data: {text}{line}{line}").encode())
        self.end()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    def plain(self, status, body):
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self):
        if self.path == "/admin/calls":
            self.plain(200, self.server.models.report())
        elif self.path == "/admin/account":
            self.plain(200, models_google.account(self.server.models).file())
        else:
            self.give(b"")

    def do_POST(self):
        models = self.server.models
        data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path.startswith("/admin/"):
            self.plain(*models.admin(self.path[len("/admin/"):], json.loads(data or b"null")))
            return
        self.give(data)

    def give(self, data):
        models = self.server.models
        _, provider, path = (self.path.split("/", 2) + ["", ""])[:3]
        call = Call(models, self, provider, "/" + path, data)
        function, call.params = route(provider, call.path)
        models.note(call)
        try:
            if not function:
                raise Refused(404, {"error": {"message": f"Invalid URL (POST {call.path})",
                                              "type": "invalid_request_error", "param": None, "code": None}})
            function(call)
        except Refused as refused:
            self.refuse(call, refused)
        except (Cut, ConnectionError):
            self.close_connection = True
        except (ValueError, KeyError, TypeError, AttributeError) as error:  # of a shape that no check foresaw
            self.refuse(call, Refused(400, {"error": {"message": f"Invalid request: {error!r}", "param": None,
                                                      "type": "invalid_request_error", "code": None}}))

    def refuse(self, call, refused):
        self.server.models.note_refused(call, refused)
        call.fault = None
        call.answer(refused.status, refused.body, refused.headers)


class Listener(http.server.ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 256

    def handle_error(self, *_):
        pass  # a client that hung up


class FakeModels:
    def __init__(self, port=0):
        self.lock, self.stopped = threading.Lock(), threading.Event()
        self.numbers = itertools.count(1)
        self.port, self.server, self.place = port, None, None
        self.account, self.key_file = None, None
        self.storyteller = None  # of models_tales
        self.reset()

    def reset(self):
        self.calls, self.refused, self.scripted, self.faults = [], [], [], []
        self.listener = None
        self.film, self.film_looks = b"", 0  # of models_video

    # -- its life

    def start(self):
        self.stopped.clear()
        self.server = Listener(("127.0.0.1", self.port), Handler)
        self.server.models, self.port = self, self.server.server_port
        if self.place:
            self.place.close()
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def stop(self):
        self.stopped.set()
        self.server.shutdown()
        self.server.server_close()
        self.place = place_keep(self.port)
        if self.key_file:
            os.unlink(self.key_file)
            self.key_file = None

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()
        self.place.close()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def env(self):
        """Settings with which socle talks to us."""
        return {"OPENAI_API_KEY": KEYS["openai"], "OPENAI_BASE_URL": f"{self.url}/openai/v1",
                "ANTHROPIC_API_KEY": KEYS["anthropic"], "ANTHROPIC_BASE_URL": f"{self.url}/anthropic",
                "MISTRAL_API_KEY": KEYS["mistral"], "MISTRAL_BASE_URL": f"{self.url}/mistral/v1",
                "GEMINI_API_KEY": KEYS["gemini"], "GEMINI_BASE_URL": f"{self.url}/gemini"}

    def vertex_env(self):
        """The same for Vertex AI, with a key file that is there until we stop."""
        if not self.key_file:
            with tempfile.NamedTemporaryFile("w", suffix=".json", delete=False) as file:
                json.dump(models_google.account(self).file(), file)
            self.key_file = file.name
        return {"VERTEX_AI_PROJECT": "tests", "VERTEX_AI_BASE_URL": f"{self.url}/vertex",
                "GOOGLE_APPLICATION_CREDENTIALS": self.key_file, "GOOGLE_TOKEN_URL": f"{self.url}/google/token"}

    def withdraw(self):
        """Tokens that were given are good no more."""
        models_google.account(self).tokens.clear()

    # -- what it is to do

    def script(self, *answers):
        with self.lock:
            self.scripted.extend(answers)

    def fault(self, name, times=1, provider=None, headers=None):
        with self.lock:
            self.faults.append([str(name), times, provider, headers or {}])

    def listen(self, function):
        """What recordings say, from now on: a function of their bytes (models_calls.heard is what it is else)."""
        self.listener = function

    def heal(self):
        with self.lock:
            self.faults.clear()

    def next_answer(self):
        with self.lock:
            return self.scripted.pop(0) if self.scripted else None

    def next_fault(self, provider):
        with self.lock:
            for fault in self.faults:
                if fault[2] in (None, provider):
                    if fault[1] is not None:
                        fault[1] -= 1
                        if fault[1] <= 0:
                            self.faults.remove(fault)
                    return fault[0], fault[3]
        return None, {}

    # -- what it has seen

    def note(self, call):
        with self.lock:
            self.calls.append((call.provider, call.path, call.json()))

    def note_refused(self, call, refused):
        with self.lock:
            self.refused.append((call.provider, call.path, refused.status, refused.body))

    def count(self, provider=None, path=None):
        with self.lock:
            return sum(provider in (None, c[0]) and path in (None, c[1]) for c in self.calls)

    def last(self, provider=None):
        """The body of the last call; None before any."""
        with self.lock:
            return next((c[2] for c in reversed(self.calls) if provider in (None, c[0])), None)

    def report(self):
        with self.lock:
            counts = {}
            for provider, path, _ in self.calls:
                counts[provider + path] = counts.get(provider + path, 0) + 1
            return {"calls": counts, "total": len(self.calls),
                    "refused": [[*r[:3], json.dumps(r[3])] for r in self.refused]}

    def admin(self, verb, body):
        if verb == "fault":
            self.fault(body["fault"], body.get("times", 1), body.get("provider"), body.get("headers"))
        elif verb == "script":
            self.script(*body)
        elif verb == "withdraw":
            self.withdraw()
        elif verb == "reset":
            with self.lock:
                self.reset()
        else:
            return 404, {"error": "no such verb"}
        return 200, {"ok": True}


if __name__ == "__main__":
    sys.modules["models"] = sys.modules["__main__"]  # so that the services register here

import models_chat  # noqa: E402  (they need what is above)
import models_calls  # noqa: E402
import models_google  # noqa: E402
import models_video  # noqa: E402

assert models_chat and models_calls and models_video

if __name__ == "__main__":
    with FakeModels(int(sys.argv[1]) if len(sys.argv) > 1 else 0) as fake:
        print(f"models listen on {fake.url}", flush=True)
        threading.Event().wait()  # until we are killed
