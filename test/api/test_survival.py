"""What was acknowledged stays: killed at any moment, disks that fill, databases that go and come back.

Every write here is a POST of a post with an id of its own; a 2xx answer is an acknowledgement. After
the trouble each acknowledged post must be there, each figure must agree with the rows, and the server
must have come back by itself."""

import os
import pathlib
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time

import pytest
import requests
from harness import DATABASE, PATIENCE, ROOT, is_alive, make_user, postgres_drop, postgres_make, psql, redis_make, token

sys.path.insert(0, str(ROOT / "tools"))
sys.path.insert(0, str(ROOT / "test/fake"))
import peers  # noqa: E402
from gate import Gate  # noqa: E402
from meilisearch import FakeMeilisearch  # noqa: E402

sqlite_only = pytest.mark.skipif(DATABASE != "sqlite", reason="about the embedded database")
postgres_only = pytest.mark.skipif(DATABASE != "postgres", reason="about PostgreSQL and Redis")


class Writers:
    """Threads that post until told to stop, and remember what was acknowledged and what was refused."""

    def __init__(self, server, access, name, count=8):
        self.server, self.access, self.name = server, access, name
        self.acknowledged, self.refused = set(), []
        self.going = True
        self.lock = threading.Lock()
        self.progress = threading.Condition(self.lock)
        self.threads = [threading.Thread(target=self.run, args=(i,), daemon=True) for i in range(count)]
        for thread in self.threads:
            thread.start()

    def run(self, number):
        client = self.server.client(self.access)
        serial = 0
        while self.going:
            serial += 1
            post_id = f"instagram_{self.name}_{number}_{serial}"
            try:
                answer = client.post("/api/v1/posts/", json={
                    "id": post_id, "platform": "instagram", "author": f"author{number}",
                    "caption": f"post {serial} #survive", "metrics": {"likes": serial},
                    "posted_at": "2026-11-01T10:00:00Z"})
            except requests.RequestException:
                client.close()
                time.sleep(0.02)  # nobody is there: do not spin
                continue
            with self.lock:
                if answer.status_code in (200, 201):
                    self.acknowledged.add(post_id)
                else:
                    self.refused.append(answer)
                self.progress.notify_all()

    def wait(self, acknowledged=0, refused=0, timeout=30):
        with self.lock:
            good = self.progress.wait_for(
                lambda: len(self.acknowledged) >= acknowledged and len(self.refused) >= refused,
                timeout * PATIENCE)
        assert good, (f"{len(self.acknowledged)} acknowledged, {len(self.refused)} refused\n"
                      + self.server.log()[-4000:])

    def stop(self):
        self.going = False
        for thread in self.threads:
            thread.join(60 * PATIENCE)
            assert not thread.is_alive()


def check_all_there(server, access, acknowledged):
    """Each acknowledged post by its own address, and the figures against the rows."""
    client = server.client(access)
    missing = [p for p in acknowledged if client.get(f"/api/v1/posts/{p}").status_code != 200]
    assert not missing, f"{len(missing)} of {len(acknowledged)} lost: {sorted(missing)[:5]}"
    listed, cursor = [], None
    while True:
        page = client.get("/api/v1/posts/", params={"limit": 1000} | ({"cursor": cursor} if cursor else {}))
        assert page.status_code == 200, page.text
        listed += page.json()
        following = page.links.get("next")
        if not following:
            break
        cursor = requests.utils.unquote(following["url"].split("cursor=")[1].split("&")[0])
    ids = [p["id"] for p in listed]
    assert len(ids) == len(set(ids)) and set(ids) >= acknowledged
    assert int(page.headers["X-Total-Count"]) == len(ids)
    tagged = [p for p in listed if "survive" in p["hashtags"]]
    hashtags = client.get("/api/v1/hashtags/", params={"q": "survive"}).json()
    stats = client.get(f"/api/v1/hashtags/stats/{hashtags[0]['id']}").json()
    assert stats["total_posts"] == len(tagged)
    assert stats["avg_engagement"] == pytest.approx(sum(p["score"] for p in tagged) / len(tagged))
    project = client.post("/api/v1/projects", json={"name": "after", "hashtag_names": ["survive"],
                                                    "platforms": ["instagram"]}).json()
    assert project["posts_count"] == len(tagged)


def test_kill_9_under_write_load(make_server):
    server = make_server()
    user = make_user(server)
    access = token(server, user=user)
    seed = random.Random(20261121)
    acknowledged = set()
    project = server.client(access).post("/api/v1/projects", json={
        "name": "during", "hashtag_names": ["survive"], "platforms": ["instagram"]}).json()["id"]
    for round_number in range(3):
        writers = Writers(server, access, f"k{round_number}")
        writers.wait(acknowledged=seed.randrange(50, 300))
        server.kill()
        writers.stop()
        acknowledged |= writers.acknowledged
        server.start()
        access = token(server, user=user)
    check_all_there(server, access, acknowledged)
    client = server.client(access)
    total = int(client.get("/api/v1/posts/", params={"limit": 1}).headers["X-Total-Count"])
    assert client.get(f"/api/v1/projects/{project}").json()["posts_count"] == total


@sqlite_only
def test_locked_database_is_503_and_heals(make_server):
    server = make_server()
    access = token(server)
    client = server.client(access)
    body = {"id": "instagram_locked", "platform": "instagram", "caption": "x"}
    other = sqlite3.connect(server.folder / "socle.db", isolation_level=None, timeout=20)
    other.execute("BEGIN IMMEDIATE")
    try:
        answer = client.post("/api/v1/posts/", json=body)
        assert answer.status_code == 503 and int(answer.headers["Retry-After"]) >= 1, answer.text
        assert client.get("/api/v1/posts/").status_code == 200  # readers go on
    finally:
        other.execute("ROLLBACK")
        other.close()
    assert client.post("/api/v1/posts/", json=body).status_code in (200, 201)


@sqlite_only
@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk needs root")
def test_full_disk_is_507_and_heals(make_server, tmp_path):
    small = tmp_path / "small"
    small.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=12m", "none", small], capture_output=True).returncode:
        pytest.skip("no small disk can be mounted here")
    try:
        server = make_server(folder=small)
        access = token(server)
        ballast = small / "ballast"
        acknowledged = set()
        client = server.client(access)
        assert client.post("/api/v1/posts/", json={"id": "instagram_first", "platform": "instagram",
                                                   "caption": "#survive"}).status_code in (200, 201)
        acknowledged.add("instagram_first")
        free = os.statvfs(small)
        ballast.write_bytes(b"x" * max(0, free.f_bavail * free.f_bsize - 256 * 1024))
        refused = None
        for i in range(2000):
            answer = client.post("/api/v1/posts/", json={
                "id": f"instagram_full_{i}", "platform": "instagram", "caption": "#survive " + "y" * 4000})
            if answer.status_code in (200, 201):
                acknowledged.add(f"instagram_full_{i}")
                continue
            refused = answer
            break
        assert refused is not None and refused.status_code in (503, 507), refused
        assert "Retry-After" in refused.headers and "SQLITE" not in refused.text
        assert client.get("/api/v1/posts/instagram_first").status_code == 200
        ballast.unlink()
        answer = client.post("/api/v1/posts/", json={"id": "instagram_after", "platform": "instagram",
                                                     "caption": "#survive"})
        assert answer.status_code in (200, 201), answer.text
        acknowledged.add("instagram_after")
        check_all_there(server, access, acknowledged)
        server.stop()
    finally:
        subprocess.run(["umount", "-l", small], check=True)


# -- PostgreSQL and Redis of the test's own, to be stopped and started ------------------------------


class OwnPostgres:
    """Stopped at once (as a crash) and started again on the same port."""

    def __init__(self, folder):
        self.url = peers.start_postgres(folder)
        self.child = peers.children[-1]
        psql("ALTER DATABASE postgres SET synchronous_commit = on", self.url)  # it is to survive a crash

    def crash(self):
        self.backends = pathlib.Path(f"/proc/{self.child.pid}/task/{self.child.pid}/children").read_text().split()
        peers.stop_group(self.child, signal.SIGKILL)
        self.child.wait()

    def start(self):
        """The last backends of the former one may outlive it for a moment: it does not begin beside them."""
        until = time.monotonic() + 30 * PATIENCE
        while any(is_alive(backend) for backend in self.backends):
            assert time.monotonic() < until, self.backends
            time.sleep(0.02)
        args = self.child.args
        stat = os.stat(pathlib.Path(args[2]))
        who = {"cwd": "/"}
        if os.geteuid() == 0:
            who.update(user=stat.st_uid, group=stat.st_gid, extra_groups=[])
        pid_file = pathlib.Path(args[2]) / "postmaster.pid"
        if pid_file.exists():
            pid_file.unlink()
        self.child = peers.start(args, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **who)


@pytest.fixture
def own_postgres(tmp_path):
    folder = tmp_path / "pg"
    folder.mkdir()
    for parent in [folder, *folder.parents]:
        if parent == pathlib.Path("/"):
            break
        try:
            os.chmod(parent, os.stat(parent).st_mode | 0o011)
        except PermissionError:
            pass
    postgres = OwnPostgres(folder)
    yield postgres
    peers.stop_group(postgres.child, signal.SIGINT)
    postgres.child.wait(20)


@postgres_only
def test_postgres_gone_under_load_is_503_and_heals(make_server, own_postgres):
    server = make_server(database=own_postgres.url, redis="")
    access = token(server)
    writers = Writers(server, access, "pg")
    writers.wait(acknowledged=100)
    own_postgres.crash()
    writers.wait(refused=20)
    until = time.monotonic() + 20 * PATIENCE  # its last backends may outlive it for a moment
    while server.client().get("/readyz").status_code != 503:
        assert time.monotonic() < until, server.log()[-4000:]
    own_postgres.start()
    before = len(writers.acknowledged)
    writers.wait(acknowledged=before + 100, timeout=60)
    writers.stop()
    for answer in writers.refused:
        assert answer.status_code == 503 and int(answer.headers["Retry-After"]) >= 1, answer.text
    check_all_there(server, access, writers.acknowledged)


@postgres_only
def test_redis_gone_costs_no_request(make_server, tmp_path):
    folder = tmp_path / "redis"
    folder.mkdir()
    url = peers.start_redis(folder)
    child = peers.children[-1]
    server = make_server(redis=url)
    access = token(server)
    writers = Writers(server, access, "redis", count=4)
    writers.wait(acknowledged=50)
    peers.stop_group(child, signal.SIGKILL)
    child.wait()
    before = len(writers.acknowledged)
    writers.wait(acknowledged=before + 100)
    again = peers.start(child.args, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    before = len(writers.acknowledged)
    writers.wait(acknowledged=before + 50)
    writers.stop()
    assert not writers.refused, writers.refused[0].text
    check_all_there(server, access, writers.acknowledged)
    server.stop()
    peers.stop_group(again, signal.SIGKILL)
    again.wait()


@postgres_only
def test_two_nodes_agree_on_counts(make_server):
    """Two servers on one database: links raced from both are made once, counts are exact on both."""
    first = make_server()
    second = make_server(database=first.database, redis=first.env["REDIS_URL"])
    access = token(first)
    project = first.client(access).post("/api/v1/projects", json={"name": "two", "platforms": ["instagram"],
                                                                  "hashtag_names": ["survive"]}).json()
    a, b = Writers(first, access, "a", 4), Writers(second, access, "b", 4)
    a.wait(acknowledged=200)
    b.wait(acknowledged=200)
    a.stop()
    b.stop()
    assert not a.refused and not b.refused
    for node in (first, second):
        seen = node.client(access).get(f"/api/v1/projects/{project['id']}").json()
        assert seen["posts_count"] == len(a.acknowledged) + len(b.acknowledged)
    codes = []

    def link(node):
        answer = node.client(access).post(f"/api/v1/projects/{project['id']}/creators", json={"username": "author1"})
        codes.append(answer.status_code)

    threads = [threading.Thread(target=link, args=(node,)) for node in (first, second) * 25]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(set(codes)) in ([200, 409], [201, 409]) and codes.count(409) == 49
    check_all_there(second, access, a.acknowledged | b.acknowledged)


# -- what is there and does not answer ----------------------------------------------------------------


@postgres_only
@pytest.mark.parametrize("command", ["serve", "worker"])
def test_stopping_has_its_limit_though_nothing_answers_any_more(make_server, command):
    """Database, Redis and the search accept what they are sent and say nothing; requests and jobs are in flight."""
    url = postgres_make()
    with FakeMeilisearch() as meili, Gate(url) as database, Gate(redis_make()) as redis, Gate(meili.host) as search:
        server = make_server(database=database.url, redis=redis.url, MEILI_HOST=search.url, STOP_SECONDS=4,
                             command=command)
        asked = []
        if command == "serve":
            access = token(server)
            client = server.client(access)
            assert client.get("/api/v1/posts/").status_code == 200
        for gate in (database, redis, search):
            gate.hang()

        def ask(number):
            try:
                server.client(access).post("/api/v1/posts/", json={"id": f"instagram_{number}",
                                                                   "platform": "instagram"})
            except requests.RequestException:
                pass  # cut, as it may be
            asked.append(number)

        threads = [threading.Thread(target=ask, args=(i,)) for i in range(8 if command == "serve" else 0)]
        for thread in threads:
            thread.start()
        assert database.held.wait(20 * PATIENCE)  # somebody waits for an answer
        process = server.process
        server.process = None
        process.send_signal(signal.SIGTERM)
        try:
            assert process.wait(20 * PATIENCE) == 0
        finally:
            process.kill()
            for thread in threads:
                thread.join()
        assert sorted(asked) == list(range(len(threads)))
    postgres_drop(url)


@postgres_only
def test_a_silent_postgres_takes_no_thread_of_the_pool(make_server):
    """Statements that nobody waits for are called off, and that is not answered either. What has nothing to do
    with the database goes on meanwhile; all of it does once it is back."""
    url = postgres_make()
    with Gate(url) as database:
        server = make_server(database=database.url, redis="", STOP_SECONDS=4)
        user = make_user(server)
        access = token(server, user=user)
        database.hang()

        def ask():
            try:
                server.client(access).get("/api/v1/posts/", timeout=1)
            except requests.RequestException:
                pass  # has gone away

        threads = [threading.Thread(target=ask) for _ in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert database.called_off.wait(60 * PATIENCE), server.log()[-4000:]
        assert server.client().get("/openapi.json").status_code == 200  # pressed on the pool
        database.heal()
        until = time.monotonic() + 60 * PATIENCE
        while server.client().get("/readyz").status_code != 200:
            assert time.monotonic() < until, server.log()[-4000:]
            time.sleep(0.1)
        assert token(server, user=user)
        server.stop()
    postgres_drop(url)
