"""Health of one part, and figures of cache and followers."""

import pytest
import websocket
from harness import SECRET_KEY, problem
from test_ops import soon

CACHE = {"status", "backend", "redis_connected", "timestamp", "hits", "misses", "hit_rate", "evictions", "entries",
         "bytes", "bytes_max"}


def read(client, path):
    answer = client.get(path)
    assert answer.status_code == 200, answer.text
    assert answer.headers["Cache-Control"] == "no-store" and "ETag" not in answer.headers
    return answer.json()


@pytest.mark.parametrize("path, same", [("/health/liveness", "/livez"), ("/health/readiness", "/readyz")])
def test_probes_have_other_names(client, path, same):
    body, other = read(client, path), read(client, same)
    assert body.keys() == other.keys() and body["status"] == other["status"] == "ok"
    assert [c["name"] for c in body.get("checks", [])] == [c["name"] for c in other.get("checks", [])]


def test_the_database_has_a_health_of_its_own(client):
    body = read(client, "/health/database")
    assert body["status"] == "ok" and [c["name"] for c in body["checks"]] == ["database", "migrations"]


def test_the_cache_tells_its_figures(server, client):
    before = read(client, "/health/cache")
    assert set(before) == CACHE and before["status"] == "ok"
    redis = bool(server.env["REDIS_URL"])
    assert before["backend"] == ("redis" if redis else "memory")
    assert before["redis_connected"] is (True if redis else None)
    for _ in range(3):
        client.get("/api/programme", params={"date": "2026-01-01"})
    after = read(client, "/api/cache/stats")
    assert set(after) == CACHE
    assert after["hits"] - before["hits"] >= 2 and after["misses"] - before["misses"] >= 1
    assert after["entries"] > before["entries"] and 0 < after["hit_rate"] < 1
    assert after["bytes"] <= after["bytes_max"]


def test_a_cache_without_its_redis_is_degraded_and_serves(make_server):
    server = make_server(redis="redis://127.0.0.1:1/0")
    with server.client() as client:
        body = read(client, "/health/cache")
        assert body["status"] == "degraded" and body["redis_connected"] is False
        assert client.get("/api/debates/").status_code == 200


def test_followers_are_counted(server, client):
    def connections():
        return read(client, "/health/websockets")["connections"]

    before = read(client, "/health/websockets")
    assert {"debates", "extractions", "system", "user"} <= set(before["channels"])
    ws = websocket.create_connection(server.url.replace("http", "ws") + "/ws", timeout=10)
    soon(lambda: connections() == before["connections"] + 1)
    ws.close()
    soon(lambda: connections() == before["connections"])


def test_figures_of_the_cache_are_not_shown_in_production(make_server):
    server = make_server(ENVIRONMENT="production", SECRET_KEY=SECRET_KEY)
    with server.client() as client:
        problem(client.get("/api/cache/stats"), 404)
        assert client.get("/health/cache").status_code == 200
