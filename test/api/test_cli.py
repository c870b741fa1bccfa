"""The command line: help, exit codes, settings that are wrong, starting, stopping, backup, restore."""

import concurrent.futures
import hashlib
import io
import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import tarfile
import threading
import time

import pytest
from harness import (BINARY, DATABASE, PATIENCE, SECRET_KEY, make_user, register_user,
                     run_cli, token)

sqlite_only = pytest.mark.skipif(DATABASE != "sqlite", reason="about the embedded database")
COMMANDS = ("serve worker migrate demo user key import export backup restore doctor openapi settings "
            "routes tenant channel assistant kb conversation replay").split()


@pytest.fixture
def quiet(make_server):
    """A server that is not started: its data and settings, for commands."""
    return make_server(start=False, migrated=False)


# -- use --------------------------------------------------------------------------------------------


@pytest.mark.smoke
def test_help_everywhere():
    overview = run_cli("--help").stdout
    for command in COMMANDS:
        assert f"\n  {command} " in overview
        said = run_cli(command, "--help").stdout
        assert said.startswith(f"usage: socle {command}") and "--help" in said and "--data DIR" in said
    assert re.fullmatch(r"socle \d+\.\d+\.\d+\n", run_cli("--version").stdout)


@pytest.mark.parametrize("args", [
    (), ("nonsense",), ("serve", "--nonsense"), ("serve", "too", "much"), ("serve", "--listen"),
    ("serve", "--workers", "perhaps"), ("migrate",), ("migrate", "sideways"), ("migrate", "down", "--steps", "x"),
    ("user",), ("user", "nonsense"), ("user", "create"), ("user", "role", "x@example.org"), ("key", "create"),
    ("key", "revoke", "x"), ("key", "create", "x@example.org"), ("import",), ("import", "nonsense", "-"),
    ("export", "nonsense"), ("backup",), ("restore",), ("serve", "--products", "nonsense"), ("serve", "-x"),
    ("settings", "--values=yes"),
])
def test_wrong_use_is_exit_code_2(quiet, args):
    if args[:2] in (("user", "role"), ("key", "create")) and len(args) == 2 + (args[0] == "user"):
        make_user(quiet, email="x@example.org")
    done = quiet.cli(*args, code=2)
    assert done.stdout == "" and "socle" in done.stderr


@pytest.mark.parametrize("name, value", [
    ("ENVIRONMENT", "staging"), ("LISTEN", "nonsense"), ("PORT", "http"), ("ACCESS_TOKEN_EXPIRE_MINUTES", "soon"),
    ("DATABASE_URL", "mysql://x"), ("LOG_LEVEL", "loud"), ("SECRET_KEYS", "x"),
])
def test_a_wrong_setting_stops_the_start_with_one_line(quiet, name, value):
    quiet.env[name] = value
    done = quiet.cli("serve", code=1)
    assert len(done.stderr.splitlines()) == 1 and name in done.stderr, done.stderr


@pytest.mark.parametrize("key", ["", "short", "change-me-change-me-change-me-change-me", "x" * 40, "secret" * 8])
def test_production_refuses_a_short_or_default_secret(quiet, key):
    quiet.env |= {"ENVIRONMENT": "production", "SECRET_KEY": key}
    done = quiet.cli("serve", code=1)
    assert "SECRET_KEY" in done.stderr and len(done.stderr.splitlines()) == 1
    if key:
        assert key not in done.stderr


def test_development_makes_a_secret_once(make_server):
    server = make_server(SECRET_KEY="")
    user = register_user(server)
    path = server.folder / "secret.key"
    kept = path.read_text()
    assert len(kept.strip()) >= 32 and path.stat().st_mode & 0o777 == 0o600
    server.stop()
    server.start()
    assert path.read_text() == kept
    assert server.client(user["access_token"]).get("/api/v1/auth/me").status_code == 200


def test_an_env_file_is_read_and_the_environment_wins(quiet):
    (quiet.folder / ".env").write_text("LOG_LEVEL=loud\n")
    del quiet.env["LOG_LEVEL"]
    assert "LOG_LEVEL" in quiet.cli("settings", "--values", code=1).stderr
    quiet.env["LOG_LEVEL"] = "warn"
    quiet.cli("settings", "--values")


def test_settings_are_printed_with_secrets_masked(quiet):
    quiet.env["REDIS_URL"] = "redis://:hunter2@127.0.0.1:1/0"
    said = quiet.cli("settings", "--values").stdout
    assert "ACCESS_TOKEN_EXPIRE_MINUTES" in said and "hunter2" not in said and SECRET_KEY not in said


def test_routes_and_openapi_are_printed(quiet):
    routes = quiet.cli("routes").stdout
    assert re.search(r"^POST +/api/v1/keys +user", routes, re.M)
    document = json.loads(quiet.cli("openapi").stdout)
    assert document["openapi"].startswith("3.1") and "/api/v1/organisations" in document["paths"]


def test_output_that_cannot_be_written_is_a_failure(quiet):
    with open("/dev/full", "w") as full:
        done = subprocess.run([BINARY, "routes"], env=quiet.env, stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 1 and "standard output" in done.stderr


# -- people -----------------------------------------------------------------------------------------


def test_users_by_the_command_line(quiet):
    made = json.loads(quiet.cli("user", "create", "Root@Example.org", "--role", "admin", "--name", "Root", "--json",
                                input="a password\n").stdout)
    assert made["email"] == "root@example.org" and made["role"] == "admin" and "password_hash" not in made
    assert "Email" in quiet.cli("user", "create", "root@example.org", input="a password\n", code=1).stderr
    assert "at least" in quiet.cli("user", "create", "b@example.org", input="short\n", code=1).stderr
    assert "no password" in quiet.cli("user", "create", "b@example.org", code=1).stderr
    quiet.cli("user", "create", "nonsense", input="a password\n", code=1)
    quiet.cli("user", "create", "b@example.org", "--role", "king", input="a password\n", code=1)
    quiet.cli("user", "role", "root@example.org", "analyst")
    assert quiet.cli("user", "list").stdout.split("\t")[2] == "analyst"
    assert "introuvable" in quiet.cli("user", "role", "nobody@example.org", "admin", code=1).stderr
    quiet.cli("user", "delete", "root@example.org")
    assert quiet.cli("user", "list").stdout == ""


def test_keys_by_the_command_line(server):
    user = make_user(server)
    number, key = server.cli("key", "create", user["email"], "--scopes", "*", "--days", "1").stdout.split()
    assert server.client(key).get("/api/v1/organisations").status_code == 200
    server.cli("key", "revoke", number)
    assert server.client(key).get("/api/v1/organisations").status_code == 401
    assert "not found" in server.cli("key", "revoke", number, code=1).stderr


def test_demo_data_is_loaded_once_and_not_in_production(quiet):
    first = quiet.cli("demo", timeout=300).stdout
    email = re.search(r"(\S+@\S+)", first).group(1)
    password = re.search(r"password (\S+)\)", first).group(1)
    users = quiet.cli("user", "list").stdout
    assert quiet.cli("demo", timeout=300).stdout == first
    assert quiet.cli("user", "list").stdout == users
    quiet.start()
    assert token(quiet, user={"email": email, "password": password})
    quiet.stop()
    quiet.env["ENVIRONMENT"] = "production"
    assert "production" in quiet.cli("demo", code=1).stderr


# -- the schema -------------------------------------------------------------------------------------


def test_migrations_go_up_and_down(quiet):
    assert quiet.cli("migrate", "status", code=1).stdout.count("waiting") >= 2
    quiet.cli("migrate", "up")
    assert quiet.cli("migrate", "up").stdout == "0 applied\n"
    before = quiet.cli("migrate", "status").stdout
    assert "waiting" not in before
    count = len(before.splitlines())
    assert quiet.cli("migrate", "down", "--steps", count).stdout == f"{count} taken back\n"
    assert quiet.cli("migrate", "status", code=1).stdout.count("waiting") == count
    quiet.cli("migrate", "up")
    make_user(quiet)


def test_a_server_without_auto_migrate_leaves_the_schema_alone(quiet):
    quiet.env["AUTO_MIGRATE"] = "off"
    quiet.cli("user", "list", code=1)
    quiet.cli("migrate", "up")
    quiet.cli("user", "list")


# -- starting and stopping ----------------------------------------------------------------------------


@pytest.mark.smoke
def test_starts_fast_and_small(make_server):
    server = make_server()
    assert server.client().get("/ping").status_code == 200
    ready = int(server.wait_log(r"ready after (\d+) ms").group(1))
    process = f"/proc/{server.process.pid}"
    resident = int(re.search(r"VmRSS:\s+(\d+) kB", open(f"{process}/status").read()).group(1))
    ticks = open(f"{process}/stat").read().rsplit(")", 1)[1].split()[11:13]
    busy = sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")
    if PATIENCE == 1:  # the goals are 50 ms and 25 MB on a quiet machine; this one runs tests, and others have it too
        assert busy < 0.5 and ready < 15_000, (busy, ready)
        assert resident < 40_000, resident


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_with_exit_code_0(make_server, number):
    server = make_server()
    began = time.monotonic()
    server.stop(number)
    assert time.monotonic() - began < 20 * PATIENCE  # a drain to its end is longer


def test_what_is_in_flight_is_finished(make_server):
    """A request whose body is still arriving when the signal comes is answered; new ones are refused."""
    server = make_server()
    host, port = server.url.removeprefix("http://").split(":")
    body = json.dumps({"email": "ada@example.org", "password": "un mot de passe", "name": "Ada"}).encode()
    with socket.create_connection((host, int(port)), 10) as s:
        s.sendall(f"POST /api/v1/auth/register HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                  f"Content-Length: {len(body)}\r\nExpect: 100-continue\r\n\r\n".encode())
        s.settimeout(20 * PATIENCE)
        assert s.recv(100).startswith(b"HTTP/1.1 100")
        s.sendall(body[:10])
        server.process.send_signal(signal.SIGTERM)
        until = time.monotonic() + 20 * PATIENCE
        while True:  # until the listener is gone
            try:
                socket.create_connection((host, int(port)), 1).close()
            except OSError:
                break
            assert time.monotonic() < until
        s.sendall(body[10:])
        answer = b""
        while b"access_token" not in answer:
            part = s.recv(65536)
            assert part, answer
            answer += part
        assert answer.startswith(b"HTTP/1.1 200")
    server.stop()


def test_a_taken_port_is_said_plainly(make_server, quiet):
    server = make_server()
    quiet.env["LISTEN"] = server.url.removeprefix("http://")
    done = quiet.cli("serve", code=1)
    assert server.url.rsplit(":", 1)[1] in done.stderr


def test_systemd_is_told(make_server, tmp_path):
    path = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.bind(path)
        s.settimeout(20 * PATIENCE)
        server = make_server(NOTIFY_SOCKET=path)
        assert s.recv(100) == b"READY=1"
        server.stop()
        assert s.recv(100) == b"STOPPING=1"


def test_sighup_opens_the_log_again(make_server, tmp_path):
    log = tmp_path / "socle.log"
    server = make_server(LOG_FILE=log)
    server.client().get("/ping")
    log.rename(tmp_path / "socle.log.1")
    server.process.send_signal(signal.SIGHUP)
    until = time.monotonic() + 20 * PATIENCE
    while not (log.exists() and "SIGHUP" in log.read_text()):
        assert time.monotonic() < until
        time.sleep(0.02)


def test_a_unix_socket_will_do(make_server, tmp_path):
    path = tmp_path / "socle.sock"
    server = make_server(LISTEN=f"unix:{path}")
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(20 * PATIENCE)
        s.connect(str(path))
        s.sendall(b"GET /ping HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert s.recv(1000).startswith(b"HTTP/1.1 200")
    assert server.url == f"unix:{path}"


def test_nothing_acknowledged_is_lost_when_killed(make_server):
    server = make_server()
    users = [register_user(server) for _ in range(5)]
    server.kill()
    server.start()
    for user in users:
        assert token(server, user=user)


def test_a_worker_runs_alone(make_server):
    worker = make_server(command="worker")
    assert worker.process.poll() is None
    worker.stop()


# -- backup and restore -----------------------------------------------------------------------------


def backup_of(server, name="backup.tar"):
    path = server.folder.parent / name
    server.cli("backup", path)
    return path


def rewritten(archive, to, change):
    """A copy of an archive with change(name, bytes) → bytes, or None to leave the member out."""
    with tarfile.open(archive) as old, tarfile.open(to, "w") as new:
        for member in old:
            data = change(member.name, old.extractfile(member).read())
            if data is not None:
                member.size = len(data)
                new.addfile(member, io.BytesIO(data))
    return to


@sqlite_only
@pytest.mark.smoke
def test_a_backup_of_a_running_server_comes_back(make_server, tmp_path):
    server = make_server()
    user = register_user(server)
    archive = backup_of(server, "backup.tar.gz")
    later = register_user(server)
    with tarfile.open(archive) as tar:
        names = tar.getnames()
        manifest = json.load(tar.extractfile("manifest.json"))
        database = tar.extractfile("socle.db").read()
    assert names[0] == "socle.db" and names[-1] == "manifest.json"
    assert manifest["database"] == {"size": len(database), "sha256": hashlib.sha256(database).hexdigest()}
    fresh = make_server(start=False)
    fresh.cli("restore", archive)
    fresh.start()
    assert token(fresh, user=user)
    assert fresh.client().post("/api/v1/auth/login", json={
        "email": later["email"], "password": later["password"]}).status_code == 401


@sqlite_only
def test_backups_while_writing_are_whole(make_server):
    server = make_server()
    user = make_user(server)
    value = token(server, user=user)
    stop = threading.Event()

    def write():
        with server.client(value) as client:
            while not stop.is_set():
                assert client.post("/api/v1/organisations", json={"name": "x"}).status_code == 201

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        writers = [pool.submit(write) for _ in range(2)]
        archives = [backup_of(server, f"backup{i}.tar") for i in range(3)]
        stop.set()
        for writer in writers:
            writer.result(30)
    for archive in archives:
        fresh = make_server(start=False)
        fresh.cli("restore", archive)
        with sqlite3.connect(fresh.folder / "socle.db") as db:
            made, members = (db.execute(f"SELECT count(*) FROM {t}").fetchone()[0]
                             for t in ("organisations", "organisation_members"))
        assert made == members


@sqlite_only
def test_restore_replaces_nothing_unless_forced(make_server):
    server = make_server()
    old = register_user(server)
    archive = backup_of(server)
    new = register_user(server)
    assert "stop it first" in server.cli("restore", archive, "--force", code=1).stderr
    server.stop()
    assert "--force" in server.cli("restore", archive, code=1).stderr
    said = server.cli("restore", archive, "--force").stdout
    kept = re.search(r"former database is (\S+)", said).group(1)
    with sqlite3.connect(kept) as db:
        assert db.execute("SELECT count(*) FROM users WHERE email = ?", (new["email"],)).fetchone() == (1,)
    server.start()
    assert token(server, user=old)
    assert server.client().post("/api/v1/auth/login", json={
        "email": new["email"], "password": new["password"]}).status_code == 401


@sqlite_only
def test_a_damaged_archive_changes_nothing(make_server, tmp_path):
    server = make_server()
    user = register_user(server)
    archive = backup_of(server)
    server.stop()
    whole = archive.read_bytes()
    before = {p.name for p in server.folder.iterdir()}
    blob = b"not what its name says"
    bad = {
        "empty": b"", "nonsense": b"nonsense" * 1000, "cut": whole[:len(whole) // 2],
        "no end": rewritten(archive, tmp_path / "a", lambda n, d: None if n == "manifest.json" else d).read_bytes(),
        "database": rewritten(archive, tmp_path / "b",
                              lambda n, d: d[:5000] + b"X" + d[5001:] if n == "socle.db" else d).read_bytes(),
        "no database": rewritten(archive, tmp_path / "c", lambda n, d: None if n == "socle.db" else d).read_bytes(),
        "version": rewritten(archive, tmp_path / "d", lambda n, d: d.replace(b'"version":1', b'"version":2')
                             if n == "manifest.json" else d).read_bytes(),
    }
    with tarfile.open(tmp_path / "e", "w") as tar:
        for name in ("../../evil", "blobs/" + "0" * 64):
            member = tarfile.TarInfo(name)
            member.size = len(blob)
            tar.addfile(member, io.BytesIO(blob))
            bad[name] = None
    bad = {k: v for k, v in bad.items() if v is not None} | {"foreign": (tmp_path / "e").read_bytes()}
    for what, data in bad.items():
        path = tmp_path / "bad.tar"
        path.write_bytes(data)
        done = server.cli("restore", path, "--force", code=1)
        assert done.stdout == "" and done.stderr.startswith("socle restore: "), what
        assert {p.name for p in server.folder.iterdir()} == before, what
    assert not (tmp_path.parent / "evil").exists()
    server.start()
    assert token(server, user=user)


def with_blobs(archive, to, blobs):
    """A copy of an archive that also holds these bytes, each under the name given, and counts them."""
    with tarfile.open(archive) as old, tarfile.open(to, "w") as new:
        for member in old:
            data = old.extractfile(member).read()
            if member.name == "manifest.json":
                for name, blob in blobs.items():
                    info = tarfile.TarInfo(f"blobs/{name}")
                    info.size = len(blob)
                    new.addfile(info, io.BytesIO(blob))
                manifest = json.loads(data)
                manifest["blobs"] = {"count": len(blobs), "bytes": sum(map(len, blobs.values()))}
                data = json.dumps(manifest).encode()
                member.size = len(data)
            new.addfile(member, io.BytesIO(data))
    return to


@sqlite_only
def test_blobs_travel_with_the_database(make_server, tmp_path):
    one, two = make_server(start=False), make_server(start=False)
    one.cli("migrate", "up")
    blobs = {hashlib.sha256(b).hexdigest(): b for b in (b"", b"a blob", os.urandom(3_000_000))}
    archive = with_blobs(backup_of(one), tmp_path / "with.tar", blobs)
    assert "3 blobs" in two.cli("restore", archive).stdout
    again = backup_of(two, "again.tar.gz")
    with tarfile.open(again) as tar:
        held = {m.name.removeprefix("blobs/"): tar.extractfile(m).read() for m in tar if m.name.startswith("blobs/")}
    assert held == blobs
    assert "3 blobs" in two.cli("restore", again, "--force").stdout
    name = next(iter(blobs))
    wrong = with_blobs(backup_of(one), tmp_path / "wrong.tar", {name: b"something else"})
    three = make_server(start=False)
    assert name in three.cli("restore", wrong, code=1).stderr
    assert not (three.folder / "socle.db").exists()


@sqlite_only
def test_a_backup_of_a_newer_version_is_refused(make_server):
    server = make_server(start=False)
    server.cli("migrate", "up")
    with sqlite3.connect(server.folder / "socle.db") as db:
        db.execute("INSERT INTO schema_migrations SELECT 9999, 'later', checksum, applied_at "
                   "FROM schema_migrations LIMIT 1")
    archive = backup_of(server)
    fresh = make_server(start=False)
    assert "9999_later" in fresh.cli("restore", archive, code=1).stderr
    assert not (fresh.folder / "socle.db").exists()


@sqlite_only
def test_a_backup_that_cannot_be_written_leaves_nothing(quiet, tmp_path):
    quiet.cli("migrate", "up")
    quiet.cli("backup", tmp_path / "no/such/folder/x.tar", code=1)
    quiet.cli("backup", "/dev/full", code=1)
    assert not [p for p in quiet.folder.iterdir() if p.name.startswith("backup")]


@pytest.mark.skipif(DATABASE == "sqlite", reason="about PostgreSQL")
def test_backup_of_postgres_names_the_right_tool(quiet, tmp_path):
    assert "pg_dump" in quiet.cli("backup", tmp_path / "x.tar", code=1).stderr
    assert "pg_restore" in quiet.cli("restore", tmp_path / "x.tar", code=1).stderr


# -- doctor -----------------------------------------------------------------------------------------


def findings(done):
    return {line["check"]: line for line in map(json.loads, done.stdout.splitlines())}


@pytest.mark.smoke
def test_doctor_finds_a_sound_house_sound(quiet):
    quiet.cli("migrate", "up")
    found = findings(quiet.cli("doctor", "--json"))
    for check in ("data folder", "secret key", "database", "schema", "blobs"):
        assert found[check]["health"] == "ok", found[check]
    assert "ok" in quiet.cli("doctor").stdout


def test_doctor_says_what_is_wrong_and_how_to_mend_it(quiet):
    found = findings(quiet.cli("doctor", "--json"))
    assert found["schema"]["health"] == "warn" and "migrate up" in found["schema"]["mend"]
    quiet.env["REDIS_URL"] = "redis://127.0.0.1:1/0"
    found = findings(quiet.cli("doctor", "--json", code=1))
    assert found["redis"]["health"] == "fail" and "REDIS_URL" in found["redis"]["mend"]
    quiet.env |= {"REDIS_URL": "", "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"}
    found = findings(quiet.cli("doctor", "--json", code=1))
    assert found["database"]["health"] == "fail" and "DATABASE_URL" in found["database"]["mend"]
    assert found["schema"]["health"] == "skipped"


def test_doctor_tells_of_production_in_the_clear(quiet):
    assert findings(quiet.cli("doctor", "--json"))["https"]["health"] == "skipped"
    quiet.env["ENVIRONMENT"] = "production"
    found = findings(quiet.cli("doctor", "--json"))["https"]
    assert found["health"] == "warn" and "REQUIRE_HTTPS" in found["mend"]
    quiet.env["PUBLIC_URL"] = "http://tales.example"
    found = findings(quiet.cli("doctor", "--json"))["https"]
    assert found["health"] == "warn" and "PUBLIC_URL" in found["detail"]
    quiet.env |= {"PUBLIC_URL": "https://tales.example", "REQUIRE_HTTPS": "on", "TRUSTED_PROXIES": "127.0.0.1"}
    assert findings(quiet.cli("doctor", "--json"))["https"]["health"] == "ok"


@sqlite_only
def test_doctor_finds_a_damaged_database(quiet):
    quiet.cli("migrate", "up")
    path = quiet.folder / "socle.db"
    data = bytearray(path.read_bytes())
    for page in range(2, len(data) // 4096):
        data[page * 4096:page * 4096 + 16] = b"\xff" * 16
    path.write_bytes(data)
    done = quiet.cli("doctor", "--json", code=1)
    assert "restore" in done.stdout


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_data_folder_that_cannot_be_made(quiet):
    quiet.env["DATA_DIR"] = "/proc/nowhere"
    assert "DATA_DIR" in quiet.cli("user", "list", code=1).stderr
    assert "DATA_DIR" in quiet.cli("doctor", code=1).stdout
