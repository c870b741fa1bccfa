"""Answers that are given again are never old: not after one's own write on another connection, nor after
that of another process, and nobody gets one who may not ask any more."""

import threading

import pytest
from harness import Server, database, make_user, problem, register_user, token

PROJECTS = "/api/v1/projects"
AGAIN = 4  # an answer is kept from its second time on, on each loop


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("kept"), LOOPS="2").start()
    yield server
    server.close()


def project(client, **body):
    answer = client.post(PROJECTS, json={"name": "Kept"} | body)
    assert answer.status_code == 201, answer.text
    return f"{PROJECTS}/{answer.json()['id']}"


def warm(clients, path):
    """Asked on every connection, hence on every loop, so often that it is kept."""
    for _ in range(AGAIN):
        answers = [client.get(path) for client in clients]
    assert {a.status_code for a in answers} == {200}
    assert len({a.text for a in answers}) == 1 and len({a.headers["ETag"] for a in answers}) == 1
    return answers[0]


def connections(server, access, count=6):
    return [server.client(access) for _ in range(count)]


@pytest.mark.smoke
def test_everybody_reads_what_was_acknowledged(world):
    access = token(world)

    def one(number):
        clients = connections(world, access, 3)
        path = project(clients[0], name=f"{number} 0", hashtag_names=["mode"])
        for i in range(1, 60):
            name = f"{number} {i}"
            answer = clients[i % 3].put(path, json={"name": name})
            assert answer.status_code == 200, answer.text
            for client in clients + clients:
                if (got := client.get(path).json()["name"]) != name:
                    wrong.append((got, name))
        done.append(number)

    wrong, done = [], []
    threads = [threading.Thread(target=one, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong and len(done) == 4


def test_a_list_has_the_post_just_stored_first_and_counted(world):
    clients = connections(world, token(world))
    for i in range(20):
        before = warm(clients, "/api/v1/posts?limit=5")
        stored = clients[i % 6].post("/api/v1/posts/", json={
            "id": f"instagram_kept{i}", "platform": "instagram", "caption": f"n° {i}", "metrics": {"likes": i},
            "posted_at": f"2026-11-01T10:{i:02}:00Z"})
        assert stored.status_code in (200, 201), stored.text
        for client in clients:
            after = client.get("/api/v1/posts?limit=5")
            assert after.json()[0]["id"] == f"instagram_kept{i}"
            assert int(after.headers["X-Total-Count"]) == int(before.headers["X-Total-Count"]) + 1
            assert after.headers["ETag"] != before.headers["ETag"]


def test_unchanged_is_304_and_changed_is_not(world):
    clients = connections(world, token(world))
    path = project(clients[0])
    tag = warm(clients, path).headers["ETag"]
    for client in clients:
        assert client.get(path, headers={"If-None-Match": tag}).status_code == 304
    clients[0].put(path, json={"status": "paused"})
    for client in clients:
        assert client.get(path, headers={"If-None-Match": tag}).json()["status"] == "paused"
    warm(clients, path)
    plain = clients[0].get(path, headers={"Accept-Encoding": "identity"})
    packed = clients[0].get(path, headers={"Accept-Encoding": "gzip"})
    assert plain.json() == packed.json()


def test_who_left_the_organisation_gets_nothing(world):
    owner, user = world.client(token(world)), make_user(world)
    org = owner.post("/api/v1/organisations", json={"name": "Agence"}).json()["id"]
    member = owner.post(f"/api/v1/organisations/{org}/members", json={"email": user["email"], "role": "member"})
    assert member.status_code in (200, 201), member.text
    path = project(owner, organisation_id=org)
    clients = connections(world, token(world, user=user))
    warm(clients, path)
    gone = owner.delete(f"/api/v1/organisations/{org}/members/{user['id']}")
    assert gone.status_code == 204, gone.text
    for client in clients:
        problem(client.get(path), 404)
    problem(clients[0].get(path.rsplit("/", 1)[0] + "/999999999"), 404)


def test_after_the_log_in_has_ended_nothing_is_given(world):
    user = register_user(world)
    clients = connections(world, user["access_token"])
    path = project(clients[0])
    warm(clients, path)
    other = connections(world, token(world))
    for client in other:
        problem(client.get(path), 404)
    assert clients[0].post("/api/v1/auth/logout", json={}).status_code == 204
    for client in clients:
        problem(client.get(path), 401)


def test_the_command_line_beside_the_server_is_heard(world):
    """Another process: it shares the database with the server, and nothing else."""
    user = make_user(world)
    clients = connections(world, token(world, user=user))
    path = project(clients[0])
    warm(clients, path)
    database(world, f"UPDATE projects SET name = 'By hand' WHERE id = {path.rsplit('/', 1)[1]}")
    for client in clients:
        assert client.get(path).json()["name"] == "By hand"
    warm(clients, path)
    world.cli("user", "disable", user["email"])
    for client in clients:
        problem(client.get(path), 401)
    world.cli("user", "enable", user["email"])
    clients = connections(world, token(world, user=user))
    warm(clients, path)
    world.cli("user", "delete", user["email"])
    for client in clients:
        problem(client.get(path), 401)
