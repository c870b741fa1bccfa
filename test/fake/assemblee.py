#!/usr/bin/python3
"""A strict stand-in for data.assemblee-nationale.fr: serves archives, and takes only what the real server takes.

    with FakeAssembly() as assembly:
        assembly.put("/vp/reunions/Agenda.json.zip", zip_of({"json/a.json": {...}}))
        ... ROBIAN_OPEN_DATA_URL=assembly.url, ROBIAN_ALLOW_PRIVATE_SOURCES=on ...
        assembly.requests                      # [(path, status, headers)]

Like the real one it answers 404 to a client that does not look like a browser, whatever it asks for; GET and
HEAD only; 304 for a matching If-None-Match or, without one, an If-Modified-Since that is not before the file's
time. `faults` maps a path to what goes wrong there: a status, "cut" (the connection ends half-way), "endless"
(bytes without end), "redirect:URL", "untold" (no Content-Length). Run by itself it serves a folder."""

import email.utils
import hashlib
import http.server
import io
import json
import pathlib
import sys
import threading
import time
import zipfile

BROWSER = "Mozilla/5.0 ("


def zip_of(members, compression=zipfile.ZIP_DEFLATED):
    """A zip of {name: text, bytes or JSON value}."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", compression) as archive:
        for name, content in members.items():
            if not isinstance(content, (str, bytes)):
                content = json.dumps(content, ensure_ascii=False)
            archive.writestr(zipfile.ZipInfo(name, (2026, 10, 7, 4, 40, 0)), content, compression)
    return data.getvalue()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def finish_with(self, status, headers=(), body=b"", length=True):
        self.server.assembly.requests.append((self.path, status, dict(self.headers)))
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        if length:
            self.send_header("Content-Length", str(len(body)))
        else:
            self.send_header("Connection", "close")
            self.close_connection = True
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def unchanged(self, etag, modified):
        given = self.headers.get("If-None-Match")
        if given is not None and self.server.assembly.etags:
            return etag in [tag.strip() for tag in given.split(",")] or given.strip() == "*"
        since = self.headers.get("If-Modified-Since")
        moment = since and email.utils.parsedate_to_datetime(since)
        return bool(moment) and int(modified) <= moment.timestamp()

    def do_GET(self):
        assembly = self.server.assembly
        file = assembly.files.get(self.path)
        if not self.headers.get("User-Agent", "").startswith(BROWSER) or file is None:
            return self.finish_with(404, body=b"Not Found")
        data, modified = file
        fault = assembly.faults.get(self.path)
        if isinstance(fault, int):
            return self.finish_with(fault)
        if fault and fault.startswith("redirect:"):
            return self.finish_with(302, [("Location", fault.removeprefix("redirect:"))])
        headers = [("Content-Type", "application/zip"), ("Last-Modified", email.utils.formatdate(modified, usegmt=True))]
        etag = '"' + hashlib.sha1(data).hexdigest()[:16] + '"'
        if assembly.etags:
            headers.append(("ETag", etag))
        if assembly.conditional and self.unchanged(etag, modified):
            return self.not_modified(headers)
        if fault == "cut":
            headers.append(("Content-Length", str(len(data))))
            self.finish_with(200, headers, data[:len(data) // 2], length=False)
        elif fault == "endless":
            self.finish_with(200, headers, b"", length=False)
            self.pour()
        else:
            self.finish_with(200, headers, data, length=fault != "untold")

    do_HEAD = do_GET

    def not_modified(self, headers):
        self.server.assembly.requests.append((self.path, 304, dict(self.headers)))
        self.send_response(304)
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()

    def pour(self):
        try:
            while not self.server.assembly.closed.is_set():
                self.wfile.write(b"PK" * 32768)
                self.server.assembly.poured += 65536
        except OSError:
            pass


class FakeAssembly:
    def __init__(self, port=0):
        self.files, self.faults, self.requests = {}, {}, []
        self.etags = self.conditional = True
        self.poured = 0  # bytes of what has no end
        self.closed = threading.Event()
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.server.daemon_threads = True
        self.server.assembly = self
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def put(self, path, data, modified=None):
        self.files[path] = (data, int(modified or time.time()))

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.closed.set()
        self.server.shutdown()
        self.server.server_close()


def main():
    folder = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".")
    with FakeAssembly() as assembly:
        for path in folder.rglob("*.zip"):
            assembly.put("/" + str(path.relative_to(folder)), path.read_bytes(), path.stat().st_mtime)
        print(assembly.url, *assembly.files, sep="\n", flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()
