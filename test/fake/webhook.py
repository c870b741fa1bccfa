#!/usr/bin/python3
"""A strict receiver of robian's webhooks for tests: it takes what is signed by the secret that it was
told, fresh and whole, and refuses everything else.

    with FakeWebhook() as receiver:
        ... webhook_url = receiver.url ...
        receiver.secret = "whsec_…"
        body = receiver.delivery()        # the next good one, or AssertionError after a while
        receiver.answers = [500, 503]     # what the next requests are answered, before 204

What is wrong with a request is answered 400 and kept in `receiver.faults`."""

import datetime
import hashlib
import hmac
import http.server
import json
import queue
import threading

FRESH_S = 300


class Fault(Exception):
    pass


def need(condition, fault):
    if not condition:
        raise Fault(fault)


class FakeWebhook:
    def __init__(self, prefix="X-Robian", event="alert.match"):
        self.prefix, self.event = prefix, event
        self.secret, self.answers, self.faults = None, [], []
        self.requests = []  # (delivery, status, timestamp) of all good requests, in order
        self.taken = queue.Queue()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                self.close_connection = True
                status = outer.judge(self, body)
                self.send_response(status)
                if 300 <= status < 400:
                    self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/hook?to=me"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def check(self, request, body):
        headers = request.headers
        need(request.path == "/hook?to=me", "another path")
        need(headers["Content-Type"] == "application/json", "no JSON")
        need(headers[f"{self.prefix}-Event"] == self.event, "no event")
        need(self.secret, "the secret is not known yet")
        mac = hmac.new(self.secret.encode(), body, hashlib.sha256).hexdigest()
        need(hmac.compare_digest(headers[f"{self.prefix}-Signature"] or "", "sha256=" + mac), "bad signature")
        told = json.loads(body)
        need(set(told) == {"type", "id", "timestamp", "data"} and told["type"] == self.event, "other members")
        need(told["id"] == headers[f"{self.prefix}-Delivery"], "another delivery than its header says")
        at = datetime.datetime.fromisoformat(told["timestamp"].replace("Z", "+00:00"))
        age = (datetime.datetime.now(datetime.timezone.utc) - at).total_seconds()
        need(abs(age) < FRESH_S, "too old")
        return told

    def judge(self, request, body):
        try:
            told = self.check(request, body)
        except (Fault, ValueError, KeyError) as fault:
            self.faults.append(str(fault))
            return 400
        status = self.answers.pop(0) if self.answers else 204
        self.requests.append((told["id"], status, told["timestamp"]))
        if status < 300:
            self.taken.put(told)
        return status

    def delivery(self, timeout=20):
        try:
            return self.taken.get(timeout=timeout)
        except queue.Empty:
            raise AssertionError(f"nothing was delivered; refused: {self.faults}, seen: {self.requests}") from None

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
