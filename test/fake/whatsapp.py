#!/usr/bin/python3
"""A strict stand-in for WhatsApp's two doors, Meta's Cloud API and 360dialog, for tests: it takes what
the real ones take, refuses with their errors what they refuse, and keeps what it took.

    with FakeWhatsapp() as wa:
        ... WHATSAPP_API_URL = wa.url, WHATSAPP_CLOUD_URL = wa.cloud_url, key = wa.key ...
        wa.sent                              # every message taken: {"to", "type", "text", "wamid", …}
        wa.wait_sent(2, to="33612345678")    # wait until so many were taken for somebody
        wa.fail(131056, to="33612345678")    # the next send (to them) is refused with this code
        wa.lose_answers = 1                  # the next message is taken, and the answer never comes
        wa.cut_requests = 1                  # the next connection is closed before anything is taken
        wa.latency = 0.5                     # every answer takes so long
        wa.window = True                     # free text only to who wrote within 24 hours (131047)
        wa.media_add(b"…", "audio/ogg")      # an attachment that can be fetched: its id
        wa.faults                            # what was wrong with requests that were malformed

It calls back too:

    wa.app_secret = "…"                      # deliveries are signed with it (Cloud API)
    wa.headers = {"X-Webhook-Secret": "…"}   # or show this (360dialog)
    wa.deliver(url, payload)                 # the answer (requests.Response)
    payload([text("33612345678", "bonjour")], number_id="100")
    wa.statuses(url, wamid, "sent", "delivered", "read", shuffle=True, copies=2)

By itself (`whatsapp.py PORT`) it listens there and prints what it takes, one JSON object a line."""

import base64
import hashlib
import hmac
import http.server
import itertools
import json
import random
import re
import sys
import threading
import time
import urllib.parse

import requests

API_VERSION = "v26.0"
PHONE = re.compile(r"^[1-9]\d{6,14}$")
USER_ID = re.compile(r"^[A-Z]{2}\.(ENT\.)?[A-Za-z0-9]{1,128}$")
MEMBERS = {"messaging_product", "recipient_type", "to", "recipient", "type", "context", "biz_opaque_callback_data"}
TYPES = ("text", "template", "image", "document", "audio", "video")
CAPTIONED = ("image", "document", "video")
WINDOW_S = 24 * 3600
WORDS = {130429: "Rate limit hit", 131000: "Something went wrong", 131016: "Service unavailable",
         131026: "Message undeliverable", 131030: "Recipient phone number not in allowed list",
         131047: "Re-engagement message", 131056: "(Business Account, Consumer Account) pair rate limit hit",
         132000: "Number of parameters does not match the expected number of params",
         132001: "Template name does not exist in the translation", 190: "Invalid OAuth access token"}
counter = itertools.count(1)


class Refused(Exception):
    def __init__(self, status, body):
        super().__init__(body)
        self.status, self.body = status, body


def graph_error(code, status=400, details=None, message=None):
    error = {"message": message or f"(#{code}) {WORDS.get(code, 'Refused')}", "type": "OAuthException", "code": code,
             "error_data": {"messaging_product": "whatsapp", "details": details or WORDS.get(code, "refused")},
             "fbtrace_id": "AbCdEf123"}
    return Refused(status, {"error": error})


def invalid(details):
    return graph_error(100, details=details, message="(#100) Invalid parameter")


def need(condition, details):
    if not condition:
        raise invalid(details)


# -- what comes in, as the providers spell it --------------------------------------------------------


def wamid():
    return "wamid." + base64.b64encode(f"HBgL{next(counter)}-{random.getrandbits(64)}".encode()).decode()


def message(sender, type, own, **members):
    """A message of `sender`: digits, or a user id (CC.…)."""
    who = {"from": sender} if PHONE.match(sender) else {"from_user_id": sender}
    return who | {"id": wamid(), "timestamp": str(int(time.time())), "type": type, type: own} | members


def text(sender, body, **members):
    return message(sender, "text", {"body": body}, **members)


def value(messages=(), statuses=(), number_id="100200300", phone="33123456789", name="Zoé"):
    """The `value` of one change, which 360dialog's first version sent alone."""
    made = {"messaging_product": "whatsapp",
            "metadata": {"display_phone_number": phone, "phone_number_id": number_id}}
    if messages:
        senders = dict.fromkeys((m.get("from"), m.get("from_user_id")) for m in messages)
        made["contacts"] = [{"profile": {"name": name}} | ({"wa_id": a} if a else {}) | ({"user_id": b} if b else {})
                            for a, b in senders]
        made["messages"] = list(messages)
    if statuses:
        made["statuses"] = list(statuses)
    return made


def wrap(*values, account="9001"):
    """Several values as one payload, each in an entry of its own."""
    return {"object": "whatsapp_business_account",
            "entry": [{"id": account, "changes": [{"field": "messages", "value": v}]} for v in values]}


def payload(messages=(), statuses=(), **members):
    return wrap(value(messages, statuses, **members))


def status(wamid, word, recipient="33612345678", errors=None, at=None):
    told = {"id": wamid, "status": word, "timestamp": str(int(at or time.time())), "recipient_id": recipient}
    return told | ({"errors": errors} if errors else {"pricing": {"billable": True, "pricing_model": "PMP",
                                                                  "category": "service"}})


def sign(secret, body):
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


# -- the doors -----------------------------------------------------------------------------------------


class FakeWhatsapp:
    def __init__(self, key="key-of-the-tests", number_id="100200300", port=0):
        self.key, self.number_id, self.number_ids = key, number_id, {number_id}  # of the account
        self.sent, self.seen, self.faults, self.uploads, self.fetched = [], [], [], {}, []
        self.refusals = []  # (code, status, to, body)
        self.lose_answers = self.cut_requests = 0
        self.latency, self.window, self.templates = 0, False, None
        self.heard = {}  # recipient → when it last wrote
        self.media = {}
        self.app_secret, self.headers = None, {}
        self.changed = threading.Condition()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self):
                outer.answer(self, self.rfile.read(int(self.headers.get("Content-Length", 0))))

            do_GET = do_DELETE = do_POST

            def log_message(self, *_):
                pass

        class Listener(http.server.ThreadingHTTPServer):
            request_queue_size = 256
            daemon_threads = True

        self.server = Listener(("127.0.0.1", port), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.cloud_url = f"{self.url}/{API_VERSION}"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    # requests ---------------------------------------------------------------------------------------

    def answer(self, request, body):
        if self.cut_requests > 0:
            self.cut_requests -= 1
            request.close_connection = True
            request.connection.close()
            return
        try:
            status, kind, text = self.serve(request, body)
        except Refused as refused:
            with self.changed:
                self.faults.append((request.path.split("?")[0], refused.body))
            status, kind, text = refused.status, "application/json", json.dumps(refused.body).encode()
        if self.latency:
            time.sleep(self.latency)
        if text is None:  # taken, and nobody will know
            request.close_connection = True
            request.connection.close()
            return
        request.send_response(status)
        request.send_header("Content-Type", kind)
        request.send_header("Content-Length", str(len(text)))
        request.end_headers()
        request.wfile.write(text)

    def serve(self, request, body):
        url = urllib.parse.urlsplit(request.path)
        path = url.path.strip("/").split("/")
        cloud = path[0] == API_VERSION
        if path[0] == "files" or url.path.startswith("/whatsapp_business/attachments"):
            return self.file(request, url)
        self.authorise(request, cloud)
        if cloud:
            path = path[1:]
            if len(path) == 2:
                if path[0] not in self.number_ids:
                    raise graph_error(100, details=f"Object with ID '{path[0]}' does not exist")
                path = path[1:]
        if path == ["v1", "configs", "webhook"]:
            return self.json({"url": "https://example.org/webhook"})
        if len(path) != 1:
            raise Refused(404, {"error": {"message": "Unknown path components", "code": 2500}})
        if request.command == "POST" and path[0] == "messages":
            return self.take(request, body, cloud)
        if request.command == "POST" and path[0] == "media":
            return self.upload(request, body)
        if request.command == "GET":
            return self.media_where(request, path[0], cloud)
        raise Refused(405, {"error": {"message": "Unsupported method", "code": 100}})

    def authorise(self, request, cloud):
        if cloud:
            if request.headers.get("Authorization") != f"Bearer {self.key}" or "D360-API-KEY" in request.headers:
                raise graph_error(190, 401)
        elif request.headers.get("D360-API-KEY") != self.key or "Authorization" in request.headers:
            raise Refused(401, {"meta": {"success": False, "http_code": 401,
                                         "developer_message": "Invalid api key"}})

    # messages ---------------------------------------------------------------------------------------

    def take(self, request, body, cloud):
        need(request.headers.get("Content-Type", "").split(";")[0] == "application/json", "not application/json")
        try:
            told = json.loads(body.decode())
        except ValueError:
            raise invalid("the body is not JSON") from None
        need(isinstance(told, dict) and told.get("messaging_product") == "whatsapp", "messaging_product")
        if "status" in told:
            return self.read(told)
        to = self.check(told, cloud)
        refusal = self.refusal_for(to)
        if refusal:
            raise refusal
        made = {"to": to, "type": told["type"], "own": told[told["type"]], "wamid": wamid(), "at": time.time(),
                "text": told.get("text", {}).get("body"), "context": told.get("context", {}).get("message_id"),
                "cloud": cloud}
        with self.changed:
            self.sent.append(made)
            lost = self.lose_answers > 0
            self.lose_answers -= lost
            self.changed.notify_all()
        if lost:
            return 200, "", None
        return self.json({"messaging_product": "whatsapp", "contacts": [{"input": to, "wa_id": to}],
                          "messages": [{"id": made["wamid"], "message_status": "accepted"}]})

    def check(self, told, cloud):
        kind = told.get("type")
        need(kind in TYPES, f"type: {kind}")
        need(set(told) <= MEMBERS | {kind}, f"unknown members: {set(told) - MEMBERS - {kind}}")
        need(told.get("recipient_type") == "individual", "recipient_type")
        if cloud and "recipient" in told:
            need("to" not in told and USER_ID.match(str(told["recipient"])), "recipient")
            to = told["recipient"]
        else:
            to = told.get("to")
            need(isinstance(to, str) and (PHONE.match(to) or (not cloud and USER_ID.match(to))), f"to: {to}")
        if "context" in told:
            need(set(told["context"]) == {"message_id"} and told["context"]["message_id"].startswith("wamid."), "context")
        need(isinstance(told.get(kind), dict), f"{kind} is missing")
        getattr(self, "check_" + (kind if kind in ("text", "template") else "attachment"))(kind, told[kind])
        if self.window and kind != "template" and time.time() - self.heard.get(to, 0) > WINDOW_S:
            raise graph_error(131047, details="Message failed to send because more than 24 hours have passed since "
                                              "the customer last replied to this number.")
        return to

    def check_text(self, _, own):
        need(set(own) <= {"body", "preview_url"}, "text has other members")
        need(isinstance(own.get("body"), str) and 1 <= len(own["body"]) <= 4096, "text.body has 1 to 4096 characters")

    def check_template(self, _, own):
        need(set(own) <= {"name", "language", "components"} and isinstance(own.get("name"), str), "template")
        need(set(own.get("language", {})) == {"code"}, "template.language.code")
        if self.templates is None:
            return
        if own["name"] not in self.templates:
            raise graph_error(132001)
        given = [p for c in own.get("components", []) if c.get("type") == "body" for p in c["parameters"]]
        if len(given) != self.templates[own["name"]]:
            raise graph_error(132000)

    def check_attachment(self, kind, own):
        allowed = {"id"} | ({"caption"} if kind in CAPTIONED else set()) | ({"filename"} if kind == "document" else set())
        need(set(own) <= allowed, f"{kind} has other members: {set(own) - allowed}")
        need(own.get("id") in self.uploads, f"{kind}.id was never uploaded")
        need(len(own.get("caption", "")) <= 1024, "caption over 1024 characters")

    def read(self, told):
        need(told["status"] == "read" and str(told.get("message_id", "")).startswith("wamid."), "status")
        need(set(told) <= {"messaging_product", "status", "message_id", "typing_indicator"}, "status has other members")
        need(told.get("typing_indicator") in (None, {"type": "text"}), "typing_indicator")
        with self.changed:
            self.seen.append({"wamid": told["message_id"], "typing": "typing_indicator" in told})
            self.changed.notify_all()
        return self.json({"success": True})

    def fail(self, code, status=400, to=None, times=1, body=None):
        """Refuse what comes next (for `to`); body: another shape than Meta's."""
        with self.changed:
            self.refusals += [(code, status, to, body)] * times

    def refusal_for(self, to):
        with self.changed:
            for at, (code, status, whom, body) in enumerate(self.refusals):
                if whom in (None, to):
                    del self.refusals[at]
                    return Refused(status, body) if body is not None else graph_error(code, status)
        return None

    # media ------------------------------------------------------------------------------------------

    def media_add(self, content, mime, sha256=None, size=None, lives=300, type_sent=None):
        """An attachment that somebody sent; lives: seconds that its address is good for."""
        media_id = str(1_000_000_000 + next(counter))
        self.media[media_id] = {"content": content, "mime": mime, "lives": lives, "type": type_sent or mime,
                                "size": len(content) if size is None else size,
                                "sha256": sha256 or hashlib.sha256(content).hexdigest()}
        return media_id

    def media_where(self, request, media_id, cloud):
        if cloud and media_id in self.number_ids:
            return self.json({"id": media_id})
        found = self.media.get(media_id)
        if not found:
            raise graph_error(100, details=f"Object with ID '{media_id}' does not exist")
        until = int((time.time() + found["lives"]) * 1000)
        mark = hashlib.sha256(f"{media_id}{until}{self.key}".encode()).hexdigest()[:20]
        base = f"{self.url}/files/" if cloud else "https://lookaside.fbsbx.com/whatsapp_business/attachments/"
        return self.json({"messaging_product": "whatsapp", "url": f"{base}?mid={media_id}&ext={until}&hash={mark}",
                          "mime_type": found["mime"], "sha256": found["sha256"], "file_size": found["size"],
                          "id": media_id})

    def file(self, request, url):
        query = dict(urllib.parse.parse_qsl(url.query))
        self.authorise(request, url.path.startswith("/files"))
        media_id, until = query.get("mid"), query.get("ext", "0")
        mark = hashlib.sha256(f"{media_id}{until}{self.key}".encode()).hexdigest()[:20]
        found = self.media.get(media_id)
        if not found or query.get("hash") != mark or int(until) < time.time() * 1000:
            raise Refused(404, {"error": {"message": "URL signature expired", "code": 100}})
        self.fetched.append(media_id)
        return 200, found["type"], found["content"]

    def upload(self, request, body):
        kind = request.headers.get("Content-Type", "")
        need(kind.startswith("multipart/form-data; boundary="), "not multipart/form-data")
        boundary = b"--" + kind.split("boundary=")[1].encode()
        need(body.startswith(boundary + b"\r\n") and body.endswith(b"\r\n" + boundary + b"--\r\n"), "boundaries")
        parts = {}
        for part in body.split(boundary)[1:-1]:
            head, _, content = part[2:-2].partition(b"\r\n\r\n")
            name = re.search(rb'name="([^"]*)"', head)
            need(name, "a part without a name")
            parts[name[1].decode()] = (head.decode(), content)
        need(set(parts) == {"messaging_product", "file", "type"}, f"parts: {set(parts)}")
        need(parts["messaging_product"][1] == b"whatsapp", "messaging_product")
        need('filename="' in parts["file"][0] and "Content-Type:" in parts["file"][0], "the file's head")
        need(len(parts["file"][1]) > 0, "an empty file")
        made = str(2_000_000_000 + next(counter))
        self.uploads[made] = {"content": parts["file"][1], "mime": parts["type"][1].decode()}
        return self.json({"id": made})

    @staticmethod
    def json(body):
        return 200, "application/json", json.dumps(body).encode()

    # for the test -----------------------------------------------------------------------------------

    def to(self, recipient):
        with self.changed:
            return [one for one in self.sent if one["to"] == recipient]

    def wait_sent(self, count, to=None, timeout=20):
        """Wait until at least so many messages were taken; all of them."""
        with self.changed:
            def found():
                return [one for one in self.sent if to in (None, one["to"])]
            good = self.changed.wait_for(lambda: len(found()) >= count, timeout)
            assert good, f"{len(found())} instead of {count} messages; refused: {self.faults[-3:]}"
            return found()

    def deliver(self, url, told, secret=None, session=requests, **headers):
        """POST a payload (bytes are sent as they are) as the provider would."""
        body = told if isinstance(told, bytes) else json.dumps(told, ensure_ascii=False).encode()
        if isinstance(told, dict):
            for entry in told.get("entry", []):
                for change in entry["changes"]:
                    for one in change["value"].get("messages", []):
                        self.heard[one.get("from") or one.get("from_user_id")] = time.time()
        headers = {"Content-Type": "application/json", "User-Agent": "facebookexternalua"} | self.headers | headers
        if secret or self.app_secret:
            headers["X-Hub-Signature-256"] = sign(secret or self.app_secret, body)
        return session.post(url, data=body, headers=headers, timeout=60)

    def statuses(self, url, wamid, *words, shuffle=False, copies=1, **members):
        """Tell what became of a message, each word in a delivery of its own; the last answer."""
        words = list(words) * copies
        if shuffle:
            random.shuffle(words)
        for word in words:
            answer = self.deliver(url, payload(statuses=[status(wamid, word)], **members))
        return answer

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


if __name__ == "__main__":
    with FakeWhatsapp(port=int(sys.argv[1]) if len(sys.argv) > 1 else 8360) as fake:
        print(json.dumps({"url": fake.url, "cloud_url": fake.cloud_url, "key": fake.key}), flush=True)
        shown = 0
        while True:
            with fake.changed:
                fake.changed.wait_for(lambda: len(fake.sent) > shown)
                for one in fake.sent[shown:]:
                    print(json.dumps(one, ensure_ascii=False), flush=True)
                shown = len(fake.sent)
