"""Health, metrics, the access log and errors to Sentry, through the front door."""

import json
import re
import shutil
import sqlite3
import subprocess
import sys
import time

import jsonschema
import pytest
from harness import (DATABASE, PATIENCE, ROOT, make_key, make_user, postgres_drop, postgres_make, problem, psql,
                     run_cli, token)

sys.path.insert(0, str(ROOT / "test/fake"))
from sentry import FakeSentry  # noqa: E402

TEXT = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"


def soon(check, seconds=20):
    """check() until it is true."""
    until = time.monotonic() + seconds * PATIENCE
    while True:
        found = check()
        if found:
            return found
        assert time.monotonic() < until, "it did not happen"
        time.sleep(0.05)


# -- a strict reader of both text formats ---------------------------------------------------------

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
SAMPLE = re.compile(rf"({NAME})(?:\{{(.*)\}})? (\S+)\Z")
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(?:,|\Z)')
SUFFIXES = {"counter": ("_total",), "gauge": ("",), "histogram": ("_bucket", "_sum", "_count")}


def labels_of(text):
    labels, at = {}, 0
    while text and at < len(text):
        found = LABEL.match(text, at)
        assert found, text
        assert found[1] not in labels, text
        labels[found[1]] = found[2]
        at = found.end()
    return labels


def check_histogram(name, samples):
    series = {}
    for sample, labels, value in samples:
        key = tuple(sorted((k, v) for k, v in labels.items() if k != "le"))
        series.setdefault(key, []).append((sample, labels.get("le"), value))
    for key, rows in series.items():
        buckets = [(float(le), value) for sample, le, value in rows if sample == name + "_bucket"]
        assert buckets == sorted(buckets), (name, key)
        assert [v for _, v in buckets] == sorted(v for _, v in buckets), (name, key)
        assert buckets[-1][0] == float("inf"), (name, key)
        rest = {sample: value for sample, le, value in rows if le is None}
        assert rest.keys() == {name + "_sum", name + "_count"}, (name, key)
        assert rest[name + "_count"] == buckets[-1][1], (name, key)
        for _, le, _ in rows:
            assert le is None or le == "+Inf" or "." in le or "e" in le, le


def read_metrics(text, openmetrics=False):
    """{(name, labels…): value}; fails on anything that the format forbids."""
    assert text.endswith("\n")
    lines = text[:-1].split("\n")
    if openmetrics:
        assert lines.pop() == "# EOF"
    families, values, family, kind = {}, {}, None, None
    for number, line in enumerate(lines):
        assert line and line == line.strip(), f"line {number}: {line!r}"
        if line.startswith("# HELP "):
            family = line.split(" ")[2]
            assert family not in families, f"{family} comes twice"
            families[family] = []
            kind = None
            continue
        if line.startswith("# TYPE "):
            _, _, named, kind = line.split(" ")
            assert named == family and not families[family]
            continue
        assert not line.startswith("#"), line
        found = SAMPLE.match(line)
        assert found, line
        base = family if openmetrics or kind != "counter" else family.removesuffix("_total")
        assert found[1] in [base + suffix for suffix in SUFFIXES[kind]], (line, family, kind)
        labels = labels_of(found[2])
        key = (found[1], *sorted(labels.items()))
        assert key not in values, f"twice: {line}"
        values[key] = float(found[3])
        families[family].append((found[1], labels, values[key]))
        if kind == "histogram" and (number + 1 == len(lines) or lines[number + 1].startswith("#")):
            check_histogram(family, families[family])
    return values


def metric(server, name, **labels):
    answer = server.client().get("/metrics")
    assert answer.status_code == 200
    return read_metrics(answer.text).get((name, *sorted(labels.items())), 0)


# -- is anybody there? --------------------------------------------------------------------------------


@pytest.mark.smoke
def test_ping_and_healthz_answer(client):
    before = time.time()
    body = client.get("/ping").json()
    assert body.keys() == {"pong", "timestamp"}
    assert body["pong"] is True
    assert before - 2 < body["timestamp"] < time.time() + 2
    for path in ("/healthz", "/api/healthz", "/healthz/"):
        body = client.get(path).json()
        assert body.keys() == {"status", "message"}
        assert body["status"] == "ok"
    head = client.head("/ping")
    assert head.status_code == 200 and head.text == ""
    answer = client.post("/ping")
    problem(answer, 405)
    assert "GET" in answer.headers["Allow"]


def test_probes_need_neither_a_token_nor_mind_a_bad_one(client):
    for path in ("/ping", "/healthz", "/livez", "/readyz", "/health", "/health/", "/health/detailed", "/metrics"):
        assert client.get(path).status_code == 200, path
        assert client.get(path, headers={"Authorization": "Bearer nonsense"}).status_code == 200, path


# -- health -------------------------------------------------------------------------------------------


def test_health_says_that_all_is_well(client):
    for path in ("/livez", "/readyz", "/health", "/health/"):
        answer = client.get(path)
        body = answer.json()
        assert (answer.status_code, body["status"], body["service"]) == (200, "ok", "socle"), path
        assert answer.headers["Cache-Control"] == "no-store"
        assert body["uptime_s"] >= 0 and body["timestamp"].endswith("Z")


def test_detailed_health_times_every_dependency(client):
    body = client.get("/health/detailed").json()
    checks = {check["name"]: check for check in body["checks"]}
    assert {"database", "migrations", "disk"} <= checks.keys()
    assert checks["database"]["note"] == ("postgresql" if DATABASE == "postgres" else "sqlite")
    assert checks["database"]["needed"] is True
    assert all(check["latency_ms"] >= 0 for check in checks.values())
    assert re.fullmatch(r"\d+ MiB free", checks["disk"]["note"])


def test_a_lost_redis_is_no_failure(make_server):
    server = make_server(redis="redis://127.0.0.1:1/0")
    with server.client() as client:
        answer = client.get("/health/detailed")
        redis = next(check for check in answer.json()["checks"] if check["name"] == "redis")
        assert (answer.status_code, answer.json()["status"]) == (200, "degraded")
        assert (redis["status"], redis["needed"]) == ("down", False)
        assert "127.0.0.1" not in answer.text
        assert client.get("/readyz").status_code == 200
        assert metric(server, "socle_redis_up") == 0


def test_a_schema_behind_the_program_is_not_ready(make_server):
    server = make_server()
    with server.client() as client:
        assert server.cli("migrate", "down").returncode == 0
        answer = client.get("/readyz")
        checks = {check["name"]: check for check in answer.json()["checks"]}
        assert (answer.status_code, answer.json()["status"]) == (503, "down")
        assert checks["migrations"]["note"] == "1 not applied"
        assert checks["database"]["status"] == "ok"
        assert client.get("/livez").status_code == 200
        document = client.get("/openapi.json").json()
        for path in ("/readyz", "/health", "/health/detailed"):
            answer = client.get(path)
            assert answer.status_code == 503, path
            documented = document["paths"][path]["get"]["responses"]["503"]["content"]
            schema = documented[answer.headers["Content-Type"]]["schema"]
            jsonschema.Draft202012Validator(schema, resolver=jsonschema.RefResolver("", document)).validate(answer.json())
            assert "application/problem+json" in documented  # should it fail before it can say so


@pytest.mark.skipif(DATABASE != "postgres", reason="SQLite is part of the process")
def test_a_lost_database_is_not_ready_but_alive(make_server):
    database = postgres_make()
    server = make_server(database=database)
    with server.client() as client:
        assert client.get("/readyz").status_code == 200
        postgres_drop(database)
        soon(lambda: client.get("/readyz").status_code == 503)
        answer = client.get("/readyz")
        checks = {check["name"]: check for check in answer.json()["checks"]}
        assert checks["database"]["status"] == "down"
        assert database.rsplit("/", 1)[1] not in answer.text
        for path in ("/livez", "/ping", "/healthz", "/metrics"):
            assert client.get(path).status_code == 200, path


# -- metrics ------------------------------------------------------------------------------------------


@pytest.mark.smoke
def test_metrics_are_prometheus_text(client):
    answer = client.get("/metrics")
    assert answer.headers["Content-Type"] == TEXT
    values = read_metrics(answer.text)
    names = {key[0] for key in values}
    for name in ("process_resident_memory_bytes", "process_open_fds", "process_cpu_seconds_total",
                 "process_start_time_seconds", "socle_http_connections", "socle_jobs",
                 "socle_jobs_oldest_waiting_seconds", "socle_cache_bytes", "socle_loop_lag_seconds_count",
                 "socle_coroutines", "socle_log_lines_dropped_total"):
        assert name in names, name
    assert values[("socle_http_connections",)] >= 1
    assert abs(values[("process_start_time_seconds",)] - time.time()) < 600
    assert 1e6 < values[("process_resident_memory_bytes",)] < 4e9


@pytest.mark.parametrize("accept, wanted", [
    (None, TEXT),
    ("*/*", TEXT),
    ("text/plain;version=0.0.4", TEXT),
    ("text/plain;version=1.0.0;escaping=allow-utf-8", TEXT),
    ("application/openmetrics-text", OPENMETRICS),
    ("application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
     "application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
     "text/plain;version=0.0.4;q=0.3,*/*;q=0.2", OPENMETRICS),
    ("Application/OpenMetrics-Text; version=1.0.0", OPENMETRICS),
])
def test_metrics_follow_accept(client, accept, wanted):
    answer = client.get("/metrics", headers={"Accept": accept})
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == wanted
    assert read_metrics(answer.text, openmetrics=wanted == OPENMETRICS)


def test_requests_are_counted_by_route_pattern_method_and_status(server, client):
    labels = {"method": "GET", "path": "/ping", "status": "200"}
    before = metric(server, "http_requests_total", **labels)
    for _ in range(7):
        client.get("/ping")
    soon(lambda: metric(server, "http_requests_total", **labels) == before + 7)
    times = {"method": "GET", "path": "/ping"}
    assert metric(server, "http_request_duration_seconds_count", **times) == \
        metric(server, "http_request_duration_seconds_bucket", le="+Inf", **times)


def test_raw_paths_never_become_labels(server, client):
    for i in range(30):
        assert client.get(f"/no-such-thing-{i}/{i}?q={i}").status_code == 404
        client.request("BREW", f"/pot-{i}")
    text = client.get("/metrics").text
    assert "no-such-thing" not in text and "pot-" not in text and "BREW" not in text
    assert metric(server, "http_requests_total", method="GET", path="(unmatched)", status="404") >= 30
    patterns = {label[1] for key in read_metrics(text) for label in key[1:] if label[0] == "path"}
    routes = {line.split()[1] for line in server.cli("routes").stdout.splitlines()}
    assert patterns <= routes | {"(unmatched)"}, patterns - routes


def test_what_the_database_does_is_counted(server):
    client = server.client(token(server))
    names = ["socle_db_transactions_total", "socle_db_write_seconds_count", "socle_db_commit_seconds_count"]
    before = {n: metric(server, n, **({"result": "committed"} if "transactions" in n else {})) for n in names}
    for i in range(5):
        assert client.post("/api/v1/organisations", json={"name": f"counted {i}"}).status_code == 201
    # Durable when it is answered, so counted by then.
    for n in names:
        assert metric(server, n, **({"result": "committed"} if "transactions" in n else {})) >= before[n] + 5, n
    values = read_metrics(server.client().get("/metrics").text)
    assert 1 <= values[("socle_db_connections",)] <= values[("socle_db_connections_max",)]
    for kind in ("read", "write"):  # the house is kept in the background
        soon(lambda: read_metrics(server.client().get("/metrics").text)[("socle_db_waiting", ("kind", kind))] == 0)
    assert ("socle_db_busy_connections",) in values and ("socle_db_repeated_runs_total",) in values
    if DATABASE == "sqlite":
        assert values[("socle_db_group_size_count",)] >= 5
        assert values[("socle_db_group_size_sum",)] >= values[("socle_db_group_size_count",)]
        assert values[("socle_db_log_bytes",)] > 0 and values[("socle_db_log_pages_pending",)] >= 0
        assert ("socle_db_connects_total",) not in values
    else:
        assert values[("socle_db_connects_total",)] >= 1 and values[("socle_db_away_loops",)] == 0
        assert ("socle_db_log_bytes",) not in values


def test_a_failed_transaction_is_counted(server):
    client, failed = server.client(token(server, "admin")), {"result": "failed"}
    before = metric(server, "socle_db_transactions_total", **failed)
    problem(client.post("/api/jobs/999999999/retry"), 404)  # looked for in the transaction that would change it
    assert metric(server, "socle_db_transactions_total", **failed) == before + 1


def test_followers_events_and_jobs_are_counted(server):
    admin = server.client(token(server, "admin"))
    def deliveries():
        return metric(server, "socle_event_deliveries_total")
    delivered, emitted = deliveries(), metric(server, "socle_events_emitted_total")
    with admin.get("/events?channels=counted:1", stream=True, headers={"Accept": "text/event-stream"}) as stream:
        soon(lambda: metric(server, "socle_event_subscribers") == 1)
        for _ in range(3):
            assert admin.post("/api/v1/events", json={"channel": "counted:1", "type": "t"}).status_code == 201
        soon(lambda: deliveries() == delivered + 3)
        assert metric(server, "socle_events_emitted_total") == emitted + 3
        assert stream.status_code == 200
    # Who closes is gone at once, not at the next beat.
    began = time.monotonic()
    soon(lambda: metric(server, "socle_event_subscribers") == 0)
    assert time.monotonic() - began < 10 * PATIENCE
    assert metric(server, "socle_event_slow_consumers_total") == 0
    assert {r for (n, *labels) in read_metrics(admin.get("/metrics").text) if n == "socle_job_runs_total"
            for (_, r) in labels} == {"done", "again", "dead", "cancelled", "given_back", "lost"}


@pytest.mark.skipif(not shutil.which("promtool"), reason="promtool is not installed")
def test_promtool_finds_nothing_wrong(client):
    done = subprocess.run(["promtool", "check", "metrics"], input=client.get("/metrics").text,
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


# -- what operators are given -----------------------------------------------------------------------


def documented_metrics():
    text = run_cli("settings", "--metrics").stdout
    names = set(re.findall(r"^\| `([a-z_]+)` \|", text, re.M))
    kinds = dict(re.findall(r"^\| `([a-z_]+)` \| (\w+) \|", text, re.M))
    return names | {n + s for n in names if kinds[n] == "histogram" for s in ("_bucket", "_sum", "_count")}


def test_every_metric_has_its_row_in_the_page(client):
    answer = client.get("/metrics")
    assert {key[0] for key in read_metrics(answer.text)} <= documented_metrics()


def test_alerts_and_dashboard_name_only_what_there_is():
    known = documented_metrics()
    rules = (ROOT / "deploy/prometheus/socle.rules.yml").read_text()
    board = json.loads((ROOT / "deploy/grafana/socle.json").read_text())
    expressions = re.findall(r"expr: (?:\|\n((?: {10,}.*\n)+)|(.*))", rules)
    texts = ["".join(e) for e in expressions] + [t["expr"] for p in board["panels"] for t in p["targets"]]
    assert len(texts) > 20
    for text in texts:
        used = set(re.findall(r"(?<![:\w])(?:http|socle|process)_[a-z_]+", text))
        assert used or "up{" in text or "socle:" in text, text
        assert used <= known, (text, used - known)


@pytest.mark.skipif(not shutil.which("promtool"), reason="promtool is not installed")
def test_alert_rules_fire_when_they_must():
    folder = ROOT / "deploy/prometheus"
    for command in (["check", "rules", "socle.rules.yml"], ["test", "rules", "socle.rules.test.yml"]):
        done = subprocess.run(["promtool", *command], cwd=folder, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr


# -- the access log -----------------------------------------------------------------------------------


def test_every_request_is_one_line_of_the_log(server, client):
    answer = client.get("/ping?secret=xyzzy", headers={"X-Request-ID": "the-one", "Cookie": "sid=xyzzy"})
    assert answer.headers["X-Request-ID"] == "the-one"
    line, = soon(lambda: server.log_lines(request_id="the-one"))
    assert (line["level"], line["message"]) == ("info", "request")
    assert (line["route"], line["method"], line["status"]) == ("/ping", "GET", 200)
    assert line["duration_ms"] >= 0 and line["bytes"] > 0 and line["ip"] == "127.0.0.1"
    assert "xyzzy" not in server.log()


def test_the_log_says_who_asked(server):
    user = make_user(server)
    key = make_key(server, user["email"])
    with server.client(key) as client:
        assert client.get("/api/v1/organisations", headers={"X-Request-ID": "mine"}).status_code == 200
    line, = soon(lambda: server.log_lines(request_id="mine"))
    assert (line["user_id"], line["route"]) == (user["id"], "/api/v1/organisations")
    assert key not in server.log() and user["email"] not in server.log()


# -- Sentry -------------------------------------------------------------------------------------------


@pytest.fixture
def make_broken(make_server):
    """make_broken(**settings): a server whose table of organisations went away behind its back, so that
    asking for them is an error of our own; and a signed-in client of it."""
    clients = []

    def make(**settings):
        server = make_server(**settings)
        key = make_key(server, make_user(server)["email"])
        statement = "ALTER TABLE organisations RENAME TO organisations_gone"
        if DATABASE == "postgres":
            psql(statement, server.database)
        else:
            with sqlite3.connect(server.folder / "socle.db", timeout=10) as db:
                db.execute(statement)
        clients.append(server.client(key))
        return server, clients[-1], key

    yield make
    for client in clients:
        client.close()


def fail_once(client, request_id):
    answer = client.get("/api/v1/organisations?note=hunter2", headers={"X-Request-ID": request_id})
    assert answer.status_code == 500, answer.text
    return answer


def test_errors_reach_sentry_without_secrets(make_broken):
    with FakeSentry() as sentry:
        server, client, key = make_broken(SENTRY_DSN=sentry.dsn)
        body = fail_once(client, "broken-1").json()
        event = sentry.event()
        assert event["tags"]["request_id"] == "broken-1" == body["request_id"]
        assert event["tags"]["status"] == "500"
        assert event["transaction"] == "/api/v1/organisations"
        assert event["environment"] == "development"
        assert event["release"].startswith("socle@")
        assert "organisations" in event["exception"]["values"][0]["value"]
        assert "organisations" not in body["detail"]
        text = json.dumps(event)
        assert "hunter2" not in text and key not in text and "127.0.0.1" not in text
        soon(lambda: metric(server, "socle_sentry_events_total", result="sent") == 1)


def test_sentry_is_left_alone_when_it_says_so(make_broken):
    with FakeSentry() as sentry:
        sentry.answer(429, {"Retry-After": "600"})
        server, client, _ = make_broken(SENTRY_DSN=sentry.dsn)
        for i in range(10):
            fail_once(client, f"broken-{i}")
            soon(lambda: metric(server, "socle_sentry_events_total", result="limited") == i + 1)
        assert sentry.requests == 1
        assert not sentry.faults


def test_what_waits_is_sent_before_the_end(make_broken):
    with FakeSentry() as sentry:
        server, client, _ = make_broken(SENTRY_DSN=sentry.dsn)
        for i in range(5):
            fail_once(client, f"broken-{i}")
        client.close()
        server.stop()
        assert {sentry.event()["tags"]["request_id"] for _ in range(5)} == {f"broken-{i}" for i in range(5)}


def test_a_dead_sentry_holds_nothing_up(make_broken):
    server, client, _ = make_broken(SENTRY_DSN="http://0123@127.0.0.1:1/1")
    began = time.monotonic()
    for i in range(20):
        fail_once(client, f"broken-{i}")
    assert time.monotonic() - began < 10 * PATIENCE
    soon(lambda: metric(server, "socle_sentry_events_total", result="failed") >= 1)
    client.close()
    began = time.monotonic()
    server.stop()
    assert time.monotonic() - began < 15 * PATIENCE


@pytest.mark.parametrize("dsn", ["nonsense", "https://h/1", "https://key-of-mine@h"])
def test_a_malformed_dsn_stops_the_start(tmp_path, dsn):
    done = run_cli("serve", code=1, cwd=tmp_path,
                   env={"PATH": "/usr/bin", "DATA_DIR": str(tmp_path / "data"), "LISTEN": "127.0.0.1:0", "SENTRY_DSN": dsn})
    assert "SENTRY_DSN" in done.stderr and "https://KEY@HOST/PROJECT" in done.stderr
    assert "key-of-mine" not in done.stderr
