"""Cloudinary's upload API on loopback, in memory, strict about its signature.

    with Cloudinary() as cloud:
        cloud.env()                 # settings with which socle uploads here
        cloud.pictures              # {public_id: bytes}
        cloud.calls, cloud.fail(status, times), cloud.hang()

POST /v1_1/{cloud}/image/destroy takes a picture away. POST /v1_1/{cloud}/image/upload, multipart/form-data: file, api_key, timestamp, signature and parameters. The
signature is the SHA-1 of the parameters but file, api_key, cloud_name, resource_type and signature, sorted by
name and joined as name=value with &, with the secret behind them; the timestamp may be an hour old. With
overwrite=false a public_id that is there stays as it is."""

import email.parser
import hashlib
import http.server
import json
import re
import threading
import time

UNSIGNED = {"file", "api_key", "cloud_name", "resource_type", "signature"}
KNOWN = UNSIGNED | {"public_id", "timestamp", "overwrite", "folder", "tags", "format"}
HOUR = 3600


class Refusal(Exception):
    def __init__(self, status, message):
        super().__init__(message)
        self.status, self.message = status, message


def need(condition, status, message):
    if not condition:
        raise Refusal(status, message)


class Cloudinary:
    def __init__(self, key="123456789012345", secret="abcdSECRET-efgh", cloud="tales"):
        self.key, self.secret, self.cloud = key, secret, cloud
        self.pictures, self.calls, self.refused, self.failures = {}, 0, [], []
        self.lock, self.free = threading.Lock(), threading.Event()
        self.free.set()

    def __enter__(self):
        store = self

        class Handler(Conversation):
            cloudinary = store

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.free.set()
        self.server.shutdown()
        self.server.server_close()

    def env(self, secret=None):
        return {"CLOUDINARY_URL": f"cloudinary://{self.key}:{secret or self.secret}@{self.cloud}?upload_prefix={self.url}"}

    def fail(self, status, times=1):
        self.failures.extend([status] * times)

    def hang(self):
        self.free.clear()

    def sign(self, fields):
        text = "&".join(f"{name}={fields[name]}" for name in sorted(set(fields) - UNSIGNED) if fields[name] != "")
        return text, hashlib.sha1((text + self.secret).encode()).hexdigest()

    def destroy(self, content_type, body):
        fields, file = form(content_type, body)
        need(set(fields) == {"api_key", "invalidate", "public_id", "signature", "timestamp"} and file is None, 400, "Parameters")
        need(fields["api_key"] == self.key, 401, f"Invalid api_key {fields['api_key']}")
        need(abs(time.time() - int(fields["timestamp"])) < HOUR, 400, "Stale request")
        need(fields["signature"] == self.sign(fields)[1], 401, "Invalid Signature")
        with self.lock:
            return {"result": "not found" if self.pictures.pop(fields["public_id"], None) is None else "ok"}

    def upload(self, path, content_type, body):
        found = re.fullmatch(r"/v1_1/([^/]+)/image/upload", path)
        need(found, 404, "Not found")
        need(found[1] == self.cloud, 401, f"Invalid cloud_name {found[1]}")
        fields, file = form(content_type, body)
        unknown = set(fields) - KNOWN
        need(not unknown, 400, f"Unknown parameters {sorted(unknown)}")
        need(file is not None, 400, "Missing required parameter - file")
        need(fields.get("api_key") == self.key, 401, f"Invalid api_key {fields.get('api_key')}")
        need(fields.get("timestamp", "").isdigit(), 400, "Missing required parameter - timestamp")
        need(abs(time.time() - int(fields["timestamp"])) < HOUR, 400, "Stale request")
        text, signature = self.sign(fields)
        need(fields.get("signature") == signature, 401, f"Invalid Signature {fields.get('signature')}. String to sign - '{text}'.")
        name = fields.get("public_id", "")
        need(name and not name.startswith("/") and not re.search(r"[?&#%<>\\]", name), 400, "public_id is invalid")
        kind = {b"\x89PNG": "png", b"\xff\xd8\xff": "jpg", b"RIFF": "webp"}
        format = next((v for k, v in kind.items() if file.startswith(k)), None)
        need(format, 400, "Invalid image file")
        with self.lock:
            existing = name in self.pictures
            if not existing or fields.get("overwrite") != "false":
                self.pictures[name] = file
            size = len(self.pictures[name])
        address = f"res.cloudinary.com/{self.cloud}/image/upload/v1790000000/{name}.{format}"
        return {"asset_id": "b5e6d2b39ba3e0869d67141ba7dba6cf", "public_id": name, "version": 1790000000, "format": format,
                "resource_type": "image", "type": "upload", "bytes": size, "existing": existing,
                "url": f"http://{address}", "secure_url": f"https://{address}"}


def form(content_type, body):
    """Text fields, and the file's bytes."""
    need((content_type or "").startswith("multipart/form-data; boundary="), 400, "Missing required parameter - file")
    message = email.parser.BytesParser().parsebytes(b"Content-Type: %s\r\n\r\n%s" % (content_type.encode(), body))
    fields, file = {}, None
    for part in message.get_payload():
        name = part.get_param("name", header="content-disposition")
        if name == "file":
            need(part.get_filename(), 400, "file has no name")
            file = part.get_payload(decode=True)
        else:
            need(name not in fields, 400, f"{name} is given twice")
            fields[name] = part.get_payload(decode=True).decode()
    return fields, file


class Conversation(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    cloudinary = None

    def log_message(self, *_):
        pass

    def do_POST(self):
        store, body = self.cloudinary, self.rfile.read(int(self.headers.get("Content-Length") or 0))
        store.calls += 1
        store.free.wait(60)
        try:
            if store.failures:
                raise Refusal(store.failures.pop(0), "The fake was told to fail")
            if self.path == f"/v1_1/{store.cloud}/image/destroy":
                status, answer = 200, store.destroy(self.headers.get("Content-Type"), body)
            else:
                status, answer = 200, store.upload(self.path, self.headers.get("Content-Type"), body)
        except Refusal as refusal:
            store.refused.append(refusal.message)
            status, answer = refusal.status, {"error": {"message": refusal.message}}
        data = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
