"""What the tests of robian share: people, devices, debates."""

import itertools
import time

from harness import PATIENCE, Client, database, token

counter = itertools.count(1)


def analyst(server):
    """Somebody who may write debates."""
    return server.client(token(server, "analyst"))


def debate_body(**members):
    """What makes a debate; each has a source of its own."""
    number = next(counter)
    return {"title": f"Séance {number}", "type": "seance_publique", "date": "2026-11-18T15:00:00Z",
            "source_url": f"https://videos.example.org/{number}.{time.monotonic_ns()}"} | members


def make_debate(client, **members):
    """A new debate by the public door; `client` may write them."""
    answer = client.post("/api/debates/", json=debate_body(**members))
    assert answer.status_code == 200, answer.text
    return answer.json()


def make_device(server):
    """A client that is a new device: its user_id in every query, its secret in every head."""
    made = server.client().post("/api/devices").json()
    client = Client(server.url)
    client.params = {"user_id": made["user_id"]}
    client.headers["X-Device-Secret"] = made["secret"]
    return client


def count(server, table_and_where):
    return int(database(server, f"SELECT count(*) FROM {table_and_where}"))


def run_job(server, admin, kind, payload="{}"):
    """Have a job of that kind run now, as its schedule would, and wait for its end."""
    now = "now()" if server.database else str(time.time_ns() // 1000)
    due = "true" if server.database else "1"
    queue = kind.split(".")[0]
    number = database(server, "INSERT INTO jobs (kind, queue, state, payload, max_attempts, due, run_at, created_at) "
                              f"VALUES ('{kind}', '{queue}', 'waiting', '{payload}', 1, {due}, {now}, {now}) RETURNING id")
    until = time.monotonic() + 20 * PATIENCE
    while True:
        job = admin.get(f"/api/jobs/{number}").json()
        if job["state"] in ("done", "dead"):
            assert job["state"] == "done", job
            return job
        assert time.monotonic() < until, job
        time.sleep(0.02)
