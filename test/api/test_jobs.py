"""Jobs and schedules through the front door: one server, and several on one PostgreSQL."""

import os
import time

import pytest
from harness import DATABASE, PATIENCE, postgres_drop, postgres_make, problem, psql, redis_make, token
from test_ops import soon


def wait_for(client, job_id, state, seconds=20):
    until = time.monotonic() + seconds * PATIENCE
    while True:
        answer = client.get(f"/api/jobs/{job_id}")
        assert answer.status_code == 200, answer.text
        job = answer.json()
        if job["state"] == state:
            return job
        assert time.monotonic() < until, f"not {state}: {job}"
        time.sleep(0.02)


def probe(client, seconds=0):
    answer = client.post("/api/jobs/probe", json={"seconds": seconds})
    assert answer.status_code == 202, answer.text
    return answer.json()


@pytest.mark.smoke
def test_a_job_runs_and_shows_its_result(admin_client):
    asked = probe(admin_client)
    assert asked["state"] in ("waiting", "running", "done") and asked["kind"] == "work.probe"
    job = wait_for(admin_client, asked["id"], "done")
    assert job["result"] == {"reached": True} and job["attempts"] == 1 and job["error"] is None
    assert job["finished_at"].endswith("Z") and job["payload"] == {"seconds": 0}


def test_a_running_job_shows_progress_and_can_be_cancelled_and_tried_again(admin_client):
    asked = probe(admin_client, 60)
    until = time.monotonic() + 20 * PATIENCE
    while admin_client.get(f"/api/jobs/{asked['id']}").json()["progress_done"] < 3:
        assert time.monotonic() < until
        time.sleep(0.05)
    job = wait_for(admin_client, asked["id"], "running")
    assert job["progress_total"] == 600 and job["lease_until"]
    problem(admin_client.post(f"/api/jobs/{asked['id']}/retry"), 409)
    assert admin_client.post(f"/api/jobs/{asked['id']}/cancel").status_code == 200
    job = wait_for(admin_client, asked["id"], "cancelled")
    assert job["cancel_requested"] is True
    again = admin_client.post(f"/api/jobs/{asked['id']}/retry")
    assert again.status_code == 200 and again.json()["cancel_requested"] is False
    admin_client.post(f"/api/jobs/{asked['id']}/cancel")
    wait_for(admin_client, asked["id"], "cancelled")


def test_the_list_has_filters_and_exact_totals(admin_client):
    ids = [probe(admin_client)["id"] for _ in range(5)]
    for job_id in ids:
        wait_for(admin_client, job_id, "done")
    page = admin_client.get("/api/jobs", params={"state": "done", "kind": "work.probe", "limit": 2}).json()
    assert len(page["items"]) == 2 and page["total"] >= 5 and page["limit"] == 2
    assert page["items"][0]["id"] > page["items"][1]["id"]

    def agree():  # schedules have jobs of their own, and one may end between the list and the totals
        every = admin_client.get("/api/jobs", params={"state": "done", "limit": 1}).json()
        return every["totals"]["done"] == every["total"] >= page["total"]

    soon(agree)
    rest = admin_client.get("/api/jobs", params={"state": "done", "kind": "work.probe", "limit": 200, "offset": 2})
    assert len(rest.json()["items"]) == page["total"] - 2
    none = admin_client.get("/api/jobs", params={"queue": "nothing"}).json()
    assert none["items"] == [] and none["total"] == 0


def test_bad_requests_are_told_apart(admin_client):
    problem(admin_client.get("/api/jobs/999999999"), 404)
    problem(admin_client.post("/api/jobs/999999999/retry"), 404)
    problem(admin_client.post("/api/jobs/999999999/cancel"), 404)
    problem(admin_client.get("/api/jobs/x"), 404)
    for params in ({"state": "asleep"}, {"limit": 0}, {"limit": 201}, {"offset": -1}, {"limit": "many"}):
        problem(admin_client.get("/api/jobs", params=params), 422)
    for body in ({"seconds": 61}, {"seconds": -1}, {"seconds": "1x"}, {"minutes": 1}):
        problem(admin_client.post("/api/jobs/probe", json=body), 422)
    done = wait_for(admin_client, probe(admin_client)["id"], "done")
    problem(admin_client.post(f"/api/jobs/{done['id']}/cancel"), 409)


def test_only_administrators_see_jobs(client, user_client):
    for method, path in (("GET", "/api/jobs"), ("GET", "/api/jobs/1"), ("POST", "/api/jobs/1/retry"),
                         ("POST", "/api/jobs/1/cancel"), ("POST", "/api/jobs/probe"), ("GET", "/api/schedules")):
        problem(client.request(method, path, json={} if "probe" in path else None), 401)
        problem(user_client.request(method, path, json={} if "probe" in path else None), 403)


def test_schedules_show_their_next_tick(admin_client):
    schedules = admin_client.get("/api/schedules").json()
    assert schedules, "the base has some of its own"
    for schedule in schedules:
        assert schedule["next_tick"].endswith("Z") and schedule["job"] and schedule["zone"]


def test_a_killed_servers_job_runs_again(make_server):
    server = make_server(JOB_LEASE_SECONDS=2)
    admin = server.client(token(server, "admin"))
    asked = probe(admin, 3)
    wait_for(admin, asked["id"], "running")
    server.kill()
    server.start()
    admin.url = server.url
    job = wait_for(admin, asked["id"], "done", 30)
    assert job["attempts"] == 2 and job["result"] == {"reached": True}


def test_a_stopped_server_gives_its_job_back(make_server):
    server = make_server()
    admin = server.client(token(server, "admin"))
    asked = probe(admin, 2)
    wait_for(admin, asked["id"], "running")
    server.stop()  # waits for the job
    server.start()
    admin.url = server.url
    job = wait_for(admin, asked["id"], "done")
    assert job["attempts"] == 1


def test_without_workers_a_job_waits(make_server):
    server = make_server(args=["--workers", "off"])
    admin = server.client(token(server, "admin"))
    asked = probe(admin)
    time.sleep(0.5)
    assert admin.get(f"/api/jobs/{asked['id']}").json()["state"] == "waiting"
    stats = admin.get("/api/jobs").json()["totals"]
    assert stats["waiting"] >= 1 and stats["running"] == 0 and stats["oldest_waiting_ms"] >= 400


@pytest.mark.parametrize("limits", ["default", "default=0", "default=x", "=3"])
def test_malformed_queue_limits_stop_the_start(make_server, limits):
    server = make_server(start=False, JOB_QUEUE_LIMITS=limits)
    done = server.cli("serve", code=1)
    assert "JOB_QUEUE_LIMITS" in done.stderr


def test_a_limited_queue_runs_one_at_a_time(make_server):
    server = make_server(JOB_QUEUE_LIMITS="default=1")
    admin = server.client(token(server, "admin"))
    ids = [probe(admin, 1)["id"] for _ in range(3)]
    most = 0
    until = time.monotonic() + 30 * PATIENCE
    while True:
        page = admin.get("/api/jobs", params={"kind": "work.probe"}).json()
        most = max(most, sum(job["state"] == "running" for job in page["items"]))
        if all(job["state"] == "done" for job in page["items"]):
            break
        assert time.monotonic() < until
        time.sleep(0.02)
    assert most == 1 and len(ids) == 3


# -- several processes on one PostgreSQL ---------------------------------------------------------------


@pytest.fixture
def cluster(make_server):
    """cluster(command, **settings): further processes on one database and one Redis."""
    if DATABASE != "postgres":
        pytest.skip("several nodes need PostgreSQL")
    database = postgres_make()
    redis = redis_make() if "SOCLE_TEST_REDIS" in os.environ else ""
    made = []

    def add(**options):
        made.append(make_server(database=database, redis=redis, **options))
        return made[-1]

    yield add
    for server in made:
        server.stop()
    postgres_drop(database)


def test_two_servers_and_a_worker_run_each_job_once(cluster):
    one, two = cluster(), cluster()
    cluster(command="worker")
    admin = one.client(token(one, "admin"))
    other = two.client(admin.headers["Authorization"].split()[1])
    for i in range(150):
        probe(admin if i % 2 else other)
    until = time.monotonic() + 30 * PATIENCE
    while True:
        page = admin.get("/api/jobs", params={"kind": "work.probe", "limit": 200}).json()
        if all(job["state"] == "done" for job in page["items"]):
            break
        assert time.monotonic() < until, page["totals"]
        time.sleep(0.05)
    assert page["total"] == 150 and {job["attempts"] for job in page["items"]} == {1}
    assert psql("SELECT count(*) FROM events WHERE type = 'probe'", one.database) == "150"


def test_a_killed_workers_job_runs_once_more_elsewhere(cluster):
    front = cluster(args=["--workers", "off"])
    first = cluster(command="worker", JOB_LEASE_SECONDS=2)
    admin = front.client(token(front, "admin"))
    asked = probe(admin, 10)  # longer than another worker's start takes
    wait_for(admin, asked["id"], "running")
    cluster(command="worker", JOB_LEASE_SECONDS=2)
    first.kill()
    job = wait_for(admin, asked["id"], "done", 30)
    assert job["attempts"] == 2
    assert psql("SELECT count(*) FROM events WHERE type = 'probe'", front.database) == "1"
