#!/usr/bin/python3
"""A strict Sentry for tests: takes envelopes as the real one does and refuses everything else.

    with FakeSentry() as sentry:
        ... SENTRY_DSN=sentry.dsn ...
        event = sentry.event()            # the next one, or AssertionError after a while
        sentry.answer(429, {"Retry-After": "60"})

What is wrong with a request is answered 400 with X-Sentry-Error and kept in `sentry.faults`.
Run by itself it prints a DSN, then every event."""

import http.server
import json
import queue
import re
import sys
import threading
from datetime import datetime

KEY, PROJECT = "0123456789abcdef0123456789abcdef", "42"
HEX32 = re.compile(r"[0-9a-f]{32}\Z")
LEVELS = {"fatal", "error", "warning", "info", "debug"}


class Fault(Exception):
    pass


def need(condition, fault):
    if not condition:
        raise Fault(fault)


def check_auth(header):
    need(header and header.startswith("Sentry "), "X-Sentry-Auth is missing")
    parts = dict(part.strip().split("=", 1) for part in header[len("Sentry "):].split(","))
    need(parts.get("sentry_version") == "7", "sentry_version is not 7")
    need(parts.get("sentry_key") == KEY, "unknown sentry_key")
    need(re.fullmatch(r"[a-z]+/\d+\.\d+\.\d+", parts.get("sentry_client", "")), "sentry_client is no NAME/VERSION")


def read_line(data, at):
    end = data.find(b"\n", at)
    need(end >= 0, "a header line without its end")
    line = json.loads(data[at:end])
    need(isinstance(line, dict), "a header is no object")
    return line, end + 1


def moment(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def read_envelope(data):
    """The events of an envelope, each checked."""
    head, at = read_line(data, 0)
    need(HEX32.match(head.get("event_id", "")), "event_id of the envelope")
    moment(head["sent_at"])
    events = []
    while at < len(data):
        item, at = read_line(data, at)
        need(item.get("type") == "event", "an item that is no event")
        length = item.get("length")
        need(isinstance(length, int) and at + length < len(data) + 1, "length of an item")
        payload = json.loads(data[at:at + length])
        at += length
        need(data[at:at + 1] in (b"\n", b""), "an item longer than its length")
        at += 1
        check_event(payload, head)
        events.append(payload)
    need(len(events) == 1, "not exactly one event")
    return events[0]


def check_event(event, head):
    need(event.get("event_id") == head["event_id"], "event_id of the event")
    need(event.get("platform") in ("c", "native", "other"), "platform")
    need(event.get("level") in LEVELS, "level")
    need(abs((moment(event["timestamp"]) - moment(head["sent_at"])).total_seconds()) < 600, "timestamp")
    need(isinstance(event.get("message", {}).get("formatted"), str), "message.formatted")
    for name in ("tags", "extra"):
        need(all(isinstance(v, str) for v in event.get(name, {}).values()), f"{name} has values that are no text")
    for value in event.get("exception", {}).get("values", []):
        need(value.get("type") and value.get("value"), "an exception without type or value")
    need(event.get("sdk", {}).get("name"), "sdk.name")


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def reply(self, status, headers, body):
        data = json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": len(data), **headers}.items():
            self.send_header(name, str(value))
        self.end_headers()
        self.wfile.write(data)

    def do_POST(self):
        sentry = self.server.sentry
        data = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        sentry.requests += 1
        try:
            need(self.path == f"/api/{PROJECT}/envelope/", f"no such path: {self.path}")
            need(self.headers.get("Content-Type") == "application/x-sentry-envelope", "Content-Type")
            check_auth(self.headers.get("X-Sentry-Auth"))
            event = read_envelope(data)
        except (Fault, ValueError, KeyError) as fault:
            sentry.faults.append(repr(fault))
            self.reply(400, {"X-Sentry-Error": str(fault)}, {"detail": str(fault)})
            return
        status, headers = sentry.next_answer
        if status == 200:
            sentry.events.put(event)
        self.reply(status, headers, {"id": event["event_id"]})


class FakeSentry:
    def __init__(self):
        self.events, self.faults, self.requests = queue.Queue(), [], 0
        self.next_answer = (200, {})
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.sentry = self
        self.dsn = f"http://{KEY}@127.0.0.1:{self.server.server_port}/{PROJECT}"

    def answer(self, status, headers=None):
        """How every request is answered from now on."""
        self.next_answer = (status, headers or {})

    def event(self, timeout=20):
        try:
            event = self.events.get(timeout=timeout)
        except queue.Empty:
            raise AssertionError(f"no event came; faults: {self.faults}") from None
        assert not self.faults, self.faults
        return event

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


if __name__ == "__main__":
    with FakeSentry() as fake:
        print(f"SENTRY_DSN={fake.dsn}", flush=True)
        while True:
            print(json.dumps(fake.event(timeout=None)), flush=True)
            sys.stdout.flush()
