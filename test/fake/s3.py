"""An object store that speaks S3, in memory, on loopback: as strict as the real one about signatures.

    with S3(access_key="AK", secret_key="SK", region="eu-west-3", buckets=("media",)) as s3:
        s3.url, s3.objects["media"], s3.calls, s3.fail(status, code, times), s3.cut(bytes)

Path-style addresses: /bucket and /bucket/key. Every request is checked by AWS Signature Version 4: the
canonical form is made anew from what came, the payload's hash is compared with the body, and the date may
be 15 minutes off. ListObjectsV2 gives pages of `page` keys."""

import collections
import datetime
import hashlib
import hmac
import http.server
import threading
import time
import urllib.parse
from xml.sax.saxutils import escape

SKEW_S = 900


def digest(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


class Refusal(Exception):
    def __init__(self, status, code):
        super().__init__(code)
        self.status, self.code = status, code


class S3:
    def __init__(self, access_key="AK", secret_key="SK", region="us-east-1", buckets=("media",), token=None,
                 page=3):
        self.access_key, self.secret_key, self.region, self.token = access_key, secret_key, region, token
        self.objects = {bucket: {} for bucket in buckets}
        self.page = page
        self.calls = collections.Counter()
        self.failures = []      # (status, code), one for each call to come
        self.cut_at = None      # answers of GET end after so many bytes
        self.lock = threading.Lock()

    def __enter__(self):
        store = self

        class Handler(Conversation):
            s3 = store

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    def fail(self, status, code, times=1):
        self.failures += [(status, code)] * times

    def settings(self, bucket="media", prefix=""):
        """What a socle needs to use it."""
        return {"BLOB_URL": f"s3://{bucket}" + (f"/{prefix}" if prefix else ""), "AWS_ENDPOINT_URL": self.url,
                "AWS_ACCESS_KEY_ID": self.access_key, "AWS_SECRET_ACCESS_KEY": self.secret_key,
                "AWS_REGION": self.region} | ({"AWS_SESSION_TOKEN": self.token} if self.token else {})


class Conversation(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def check(self, path, query, body):
        s3, said = self.s3, self.headers.get("Authorization", "")
        if not said.startswith("AWS4-HMAC-SHA256 "):
            raise Refusal(403, "AccessDenied")
        parts = dict(part.strip().split("=", 1) for part in said[17:].split(","))
        key, day, region, service, last = parts["Credential"].split("/")
        if key != s3.access_key:
            raise Refusal(403, "InvalidAccessKeyId")
        if (region, service, last) != (s3.region, "s3", "aws4_request"):
            raise Refusal(400, "AuthorizationHeaderMalformed")
        date, payload = self.headers.get("x-amz-date", ""), self.headers.get("x-amz-content-sha256")
        if not payload:
            raise Refusal(400, "InvalidRequest")
        at = datetime.datetime.strptime(date, "%Y%m%dT%H%M%SZ").replace(tzinfo=datetime.timezone.utc)
        if abs(at.timestamp() - time.time()) > SKEW_S or day != date[:8]:
            raise Refusal(403, "RequestTimeTooSkewed")
        if hashlib.sha256(body).hexdigest() != payload:
            raise Refusal(400, "XAmzContentSHA256Mismatch")
        if s3.token and self.headers.get("x-amz-security-token") != s3.token:
            raise Refusal(403, "InvalidToken")
        names = parts["SignedHeaders"].split(";")
        must = {"host", "x-amz-date", "x-amz-content-sha256"} | ({"x-amz-security-token"} if s3.token else set())
        if names != sorted(names) or not must <= set(names):
            raise Refusal(403, "AccessDenied")
        canonical = "\n".join(
            [self.command, path,
             "&".join(sorted(f"{urllib.parse.quote(k, '-_.~')}={urllib.parse.quote(v, '-_.~')}"
                             for k, v in urllib.parse.parse_qsl(query, keep_blank_values=True)))]
            + [f"{n}:{self.headers[n].strip()}" for n in names] + ["", ";".join(names), payload])
        text = f"AWS4-HMAC-SHA256\n{date}\n{day}/{region}/s3/aws4_request\n" \
               + hashlib.sha256(canonical.encode()).hexdigest()
        secret = digest(digest(digest(digest(f"AWS4{s3.secret_key}".encode(), day), region), "s3"), "aws4_request")
        if not hmac.compare_digest(hmac.new(secret, text.encode(), hashlib.sha256).hexdigest(), parts["Signature"]):
            raise Refusal(403, "SignatureDoesNotMatch")

    def answer(self, status, body=b"", type="application/xml", length=None):
        self.send_response(status)
        self.send_header("Content-Type", type)
        if status != 204:
            self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def serve(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path, _, query = self.path.partition("?")
        try:
            with self.s3.lock:
                self.s3.calls[self.command] += 1
                failure = self.s3.failures.pop(0) if self.s3.failures else None
            if failure:
                raise Refusal(*failure)
            self.check(path, query, body)
            _, bucket, *key = urllib.parse.unquote(path).split("/", 2)
            if bucket not in self.s3.objects:
                raise Refusal(404, "NoSuchBucket")
            with self.s3.lock:
                self.act(self.s3.objects[bucket], key[0] if key else "", query, body)
        except Refusal as no:
            self.answer(no.status, f"<?xml version='1.0'?><Error><Code>{no.code}</Code><Message>no</Message>"
                                   "<RequestId>1</RequestId></Error>".encode())

    do_GET = do_PUT = do_HEAD = do_DELETE = serve

    def act(self, objects, key, query, body):
        if self.command == "PUT":
            objects[key] = body
            return self.answer(200)
        if self.command == "DELETE":
            objects.pop(key, None)
            return self.answer(204)
        if not key:
            return self.list(objects, dict(urllib.parse.parse_qsl(query, keep_blank_values=True)))
        if key not in objects:
            raise Refusal(404, "NoSuchKey")
        data = objects[key]
        if self.command == "GET" and self.s3.cut_at is not None:
            self.answer(200, data[:self.s3.cut_at], "binary/octet-stream", len(data))
            self.close_connection = True
            return None
        return self.answer(200, data, "binary/octet-stream")

    def list(self, objects, query):
        if query.get("list-type") != "2":
            raise Refusal(400, "InvalidArgument")
        after = query.get("continuation-token", "").removeprefix("after+/ ")
        keys = [k for k in sorted(objects) if k.startswith(query.get("prefix", "")) and k > after]
        page, more = keys[:self.s3.page], len(keys) > self.s3.page
        items = "".join(f"<Contents><Key>{escape(k)}</Key><Size>{len(objects[k])}</Size></Contents>" for k in page)
        token = f"<NextContinuationToken>{escape('after+/ ' + page[-1])}</NextContinuationToken>" if more else ""
        self.answer(200, ('<?xml version="1.0"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
                          f"<IsTruncated>{str(more).lower()}</IsTruncated>{items}{token}</ListBucketResult>").encode())
