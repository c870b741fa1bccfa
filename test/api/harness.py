"""The black-box harness: server processes of the binary under test, each with data of its own.

    server = Server(folder).start()          # SQLite in `folder`, or a new PostgreSQL database
    server.url, server.client()              # a requests session that takes paths
    server.stop()                            # SIGTERM; fails unless exit code 0 and no sanitizer report

By the environment (set by test/run): SOCLE_BIN, SOCLE_TEST_DB (sqlite, postgres), SOCLE_TEST_PG,
SOCLE_TEST_REDIS, SOCLE_VARIANT (plain, asan, tsan), SOCLE_TEST_STALL. Readiness is the line the server prints, never
a sleep."""

import functools
import itertools
import json
import os
import pathlib
import queue
import re
import signal
import socket
import sqlite3
import subprocess
import tempfile
import threading
import time
import urllib.parse

import pytest
import requests

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BINARY = os.environ.get("SOCLE_BIN", str(ROOT / "build/socle"))
DATABASE = os.environ.get("SOCLE_TEST_DB", "sqlite")
VARIANT = os.environ.get("SOCLE_VARIANT", "plain")
PATIENCE = 1 if VARIANT == "plain" else 5  # how much slower everything may be
SECRET_KEY = "a-secret-key-of-the-tests-32-bytes-or-more"
REPORT = re.compile(r"ERROR: \w+Sanitizer|WARNING: ThreadSanitizer|runtime error:|Assertion .* failed")
SLOWNESS = re.compile(r"coroutine .* kept its loop for \d+ ms|a transaction kept the writer for \d+ ms")

counter = itertools.count(1)


def shared_data():
    """Real test data, or a plain word why the test is left out."""
    folder = pathlib.Path(os.environ.get("SOCLE_SHARED_DATA", ROOT.parent / "shared/data"))
    if not folder.is_dir():
        pytest.skip(f"no shared data in {folder}")
    return folder


# -- PostgreSQL and Redis: something of one's own in servers that others use too ------------------


def psql(sql, url=None):
    done = subprocess.run(["psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-c", sql,
                           url or os.environ["SOCLE_TEST_PG"]],
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def postgres_make(migrated=True):
    """Migrated by a copy of one that was: a tenth of the work of migrating each anew."""
    name = f"socle_api_{os.getpid()}_{next(counter)}"
    psql(f"CREATE DATABASE {name}" + (f" TEMPLATE {postgres_template()}" if migrated else ""))
    return os.environ["SOCLE_TEST_PG"].rsplit("/", 1)[0] + "/" + name


@functools.cache
def postgres_template():
    url = postgres_make(migrated=False)
    with tempfile.TemporaryDirectory() as folder:
        run_cli("migrate", "up", env=clean_environment() | {
            "DATABASE_URL": url, "DATA_DIR": folder, "SECRET_KEY": SECRET_KEY})
    return url.rsplit("/", 1)[1]


def postgres_drop(url):
    psql(f"DROP DATABASE IF EXISTS {url.rsplit('/', 1)[1]} WITH (FORCE)")


def redis_make():
    """One of Redis's sixteen databases, emptied."""
    url = urllib.parse.urlsplit(os.environ["SOCLE_TEST_REDIS"])
    number = 1 + next(counter) % 15
    with socket.create_connection((url.hostname, url.port), 10) as s:
        s.sendall(f"SELECT {number}\r\nFLUSHDB\r\n".encode())
        answer = b""
        while answer.count(b"\r\n") < 2:
            answer += s.recv(100)
    assert answer == b"+OK\r\n+OK\r\n", answer
    return f"redis://{url.hostname}:{url.port}/{number}"


# -- processes --------------------------------------------------------------------------------------


def clean_environment():
    """What a process of ours starts with: nothing of the caller's settings."""
    kept = ("PATH", "HOME", "TMPDIR", "LANG", "ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS", "STALL")
    slow = {"LD_PRELOAD": os.environ["SOCLE_TEST_STALL"]} if "SOCLE_TEST_STALL" in os.environ else {}
    return slow | {name: os.environ[name] for name in kept if name in os.environ}


class Client(requests.Session):
    """A requests session that takes paths, and a token for all further requests."""

    def __init__(self, url, token=None):
        super().__init__()
        self.url = url
        self.trust_env = False
        if token:
            self.headers["Authorization"] = f"Bearer {token}"

    def request(self, method, path, **options):
        options.setdefault("timeout", 30 * PATIENCE)
        options.setdefault("allow_redirects", False)
        return super().request(method, self.url + path, **options)


class Server:
    def __init__(self, folder, database=None, redis=None, args=(), command="serve", migrated=True, **env):
        """database, redis: URLs to share with another server; "" for none. migrated: one's own database may
        begin with the tables in it, which is quicker. env: further settings."""
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.args, self.command = list(args), command
        self.own_database = database is None and DATABASE == "postgres"
        if database is None:
            database = postgres_make(migrated) if DATABASE == "postgres" else ""
        if redis is None:
            redis = redis_make() if DATABASE == "postgres" and "SOCLE_TEST_REDIS" in os.environ else ""
        self.database = database
        self.env = clean_environment() | {
            "ENVIRONMENT": "development", "LISTEN": "127.0.0.1:0", "DATA_DIR": str(self.folder),
            "DATABASE_URL": database, "REDIS_URL": redis, "SECRET_KEY": SECRET_KEY,
            # Addresses of media stay the same for half of that: what is read twice is then equal at noon too.
            "LIFETALES_MEDIA_URL_SECONDS": "31536000",
            "RATE_LIMITS": "off", "LOG_LEVEL": "info"} | {k: str(v) for k, v in env.items()}
        self.process = None
        self.lines = queue.Queue()
        self.errors = self.folder / "stderr.log"

    def start(self):
        assert self.process is None
        with self.errors.open("a") as errors:
            self.process = subprocess.Popen([BINARY, self.command] + self.args, env=self.env, cwd=self.folder,
                                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                            stderr=errors, text=True)
        self.lines = queue.Queue()
        threading.Thread(target=self._read, args=(self.process, self.lines), daemon=True).start()
        said = self.line(r"^socle \S+ (?:listens on (\S+)|works)$")
        self.url = said.group(1)
        return self

    @staticmethod
    def _read(process, lines):
        for line in process.stdout:
            lines.put(line.rstrip("\n"))
        lines.put(None)

    def line(self, pattern, timeout=20):
        """Wait for a line of standard output."""
        until = time.monotonic() + timeout * PATIENCE
        while True:
            try:
                line = self.lines.get(timeout=max(0.01, until - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f"no line like {pattern}\n{self.log()}") from None
            assert line is not None, f"the process ended with {self.process.wait(10)}\n{self.log()}"
            found = re.search(pattern, line)
            if found:
                return found

    def log(self):
        return self.errors.read_text(errors="replace")

    def wait_log(self, pattern, timeout=10):
        """Wait until the log has it: lines are written a moment after they are made."""
        until = time.monotonic() + timeout * PATIENCE
        while True:
            found = re.search(pattern, self.log())
            if found:
                return found
            assert time.monotonic() < until, f"no {pattern} in the log\n{self.log()}"
            time.sleep(0.02)

    def log_lines(self, **members):
        """The JSON log lines that have these members."""
        found = []
        for text in self.log().splitlines():
            try:
                line = json.loads(text)
            except ValueError:
                continue
            if all(line.get(k) == v for k, v in members.items()):
                found.append(line)
        return found

    def client(self, token=None):
        return Client(self.url, token)

    def cli(self, *args, **options):
        """Another command on the same data."""
        return run_cli(*args, env=self.env, cwd=self.folder, **options)

    def kill(self):
        """As a power cut would."""
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None

    def stop(self, number=signal.SIGTERM):
        process, self.process = self.process, None
        if process is None:
            return
        if process.poll() is None:
            process.send_signal(number)
        try:
            code = process.wait(40 * PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise AssertionError(f"the server did not stop\n{self.log()}") from None
        report = REPORT.search(self.log())
        assert not report and code == 0, f"exit code {code}\n{self.log()}"

    def close(self):
        """Stop, and give back what was made for it."""
        try:
            self.stop()
        finally:
            if self.own_database:
                postgres_drop(self.database)


def run_cli(*args, env=None, cwd=None, input="", code=0, timeout=60):
    """Run a command to its end; the exit code must be `code`."""
    done = subprocess.run([BINARY, *map(str, args)], env=env or clean_environment(), cwd=cwd, input=input,
                          capture_output=True, text=True, timeout=timeout * PATIENCE)
    said = f"socle {' '.join(map(str, args))}: exit code {done.returncode}\n{done.stdout}\n{done.stderr}"
    assert done.returncode == code, said
    assert not REPORT.search(done.stderr), said
    # What a busy machine is slow at is told of in the log, whatever the command: it is not what that says.
    done.stderr = "".join(line for line in done.stderr.splitlines(True) if not SLOWNESS.search(line))
    return done


def is_alive(number):
    """The process with this number runs: it is there, and no zombie."""
    try:
        return pathlib.Path(f"/proc/{number}/stat").read_text().rsplit(") ", 1)[1][0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def database(server, *statements):
    """Run statements as the database's operator would; the first value that the last one gives."""
    if server.database:
        return psql(";\n".join(statements), server.database)
    with sqlite3.connect(server.folder / "socle.db", timeout=20) as db:
        rows = [db.execute(statement).fetchone() for statement in statements]
    db.close()
    return rows[-1] and rows[-1][0]


def hasten(server, kind):
    """Delayed jobs of this kind are due now: a worker takes them within a second."""
    now = "now()" if server.database else "1"
    database(server, f"UPDATE jobs SET due = true, run_at = {now} WHERE kind = '{kind}' AND state = 'waiting' RETURNING id")


# -- people -----------------------------------------------------------------------------------------


def register_user(server, email=None, password="un mot de passe", name="Ada Lovelace"):
    """A new user by the public door: the answer of /register with `email` and `password` beside it."""
    email = email or f"user{next(counter)}@example.org"
    answer = server.client().post("/api/v1/auth/register",
                                  json={"email": email, "password": password, "name": name})
    assert answer.status_code == 200, answer.text
    return answer.json() | {"email": email, "password": password}


def make_user(server, role="user", email=None, password="un mot de passe"):
    """A user of any role by the command line: {id, email, password}."""
    email = email or f"{role}{next(counter)}@example.org"
    done = server.cli("user", "create", email, "--role", role, input=password + "\n")
    return {"id": int(done.stdout.split("\t")[0]), "email": email, "password": password, "role": role}


def token(server, role="user", user=None):
    """An access token of a new user of that role, or of the given one."""
    user = user or make_user(server, role)
    answer = server.client().post("/api/v1/auth/login",
                                  json={"email": user["email"], "password": user["password"]})
    assert answer.status_code == 200, answer.text
    return answer.json()["access_token"]


def make_key(server, email, scopes="*"):
    """An API key by the command line."""
    return server.cli("key", "create", email, "--scopes", scopes).stdout.split("\t")[1].strip()


def problem(answer, status, detail=None, code=None):
    """Check that an answer is RFC 9457 with that status (and detail, and code); its body."""
    assert answer.status_code == status, f"{answer.status_code} instead of {status}: {answer.text}"
    assert answer.headers["Content-Type"].startswith("application/problem+json"), answer.headers
    body = answer.json()
    assert body["status"] == status
    for member in ("type", "title", "detail", "code", "request_id"):
        assert member in body, body
    if detail is not None:
        assert body["detail"] == detail
    if code is not None:
        assert body["code"] == code
    return body
