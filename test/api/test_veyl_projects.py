"""Projects of veyl: links, the posts they bring, who may see and change them, exports."""

import concurrent.futures
import csv
import io
import itertools
import json
import random

import pytest
from harness import Server, make_user, problem, token
from veyl import PLATFORMS, PEOPLE, WORDS, bulk, close, make_posts, next_cursor, score

PROJECTS = "/api/v1/projects"


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A server with 800 posts, and somebody signed in."""
    server = Server(tmp_path_factory.mktemp("projects")).start()
    client = server.client(token(server))
    posts = make_posts(800, seed=21)
    assert bulk(client, posts)["created"] == 800
    yield server, client, posts
    client.close()
    server.close()


def create(client, **body):
    answer = client.post(PROJECTS, json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()


def expected(project, posts):
    """The contract's definition of a project's posts."""
    tags = {(h["name"], h["platform"]) for h in project["hashtags"]}
    creators = {(c["creator_username"], c["platform"]) for c in project["creators"]}
    return {p["id"] for p in posts if (p["author"], p["platform"]) in creators
            or any((h, p["platform"]) in tags for h in p["hashtags"])}


def listed(client, project, **params):
    found, params = [], {"limit": 60} | params
    while True:
        answer = client.get(f"{PROJECTS}/{project}/posts", params=params)
        assert answer.status_code == 200, answer.text
        found += answer.json()
        if not next_cursor(answer):
            return found
        params["cursor"] = next_cursor(answer)


def check(client, project, posts):
    want = expected(project, posts)
    assert project["posts_count"] == len(want)
    assert {p["id"] for p in listed(client, project["id"])} == want
    creators, hashtags = len(project["creators"]), len(project["hashtags"])
    assert project["creators_count"] == creators
    scope = "both" if creators and hashtags else "creators" if creators else "hashtags" if hashtags else None
    assert project["scope_type"] == scope
    if scope:
        assert set(project["platforms"]) == {x["platform"] for x in project["hashtags"] + project["creators"]}
        assert project["scope_query"]


@pytest.mark.smoke
def test_a_project_is_made_with_its_links(world):
    _, client, posts = world
    p = create(client, name="  Été  ", description="d", platforms=["instagram"], hashtag_names=["#Mode", "PARIS "],
               creator_usernames=["@Ana"])
    assert p["name"] == "Été" and p["status"] == "draft" and p["platforms"] == ["instagram"]
    assert [h["name"] for h in p["hashtags"]] == ["mode", "paris"]
    assert [c["creator_username"] for c in p["creators"]] == ["ana"]
    assert set(p["hashtags"][0]) == {"link_id", "id", "name", "platform_id", "platform", "added_at"}
    assert set(p["creators"][0]) == {"id", "creator_username", "platform_id", "platform", "added_at"}
    assert p["posts_count"] > 0 and p["signals_count"] == 0 and p["last_run_at"] is None
    check(client, p, posts)
    assert client.get(f"{PROJECTS}/{p['id']}").json() == p
    flat = client.get(PROJECTS).json()
    assert flat[0]["id"] == p["id"] and "hashtags" not in flat[0]
    assert create(client)["name"] == "Untitled project"


def test_links_come_and_go_and_everything_follows(world):
    _, client, posts = world
    p = create(client, name="Links")
    path = f"{PROJECTS}/{p['id']}"
    assert p["platforms"] == [] and p["scope_type"] is None and p["posts_count"] == 0
    for platform in PLATFORMS:
        p = client.post(f"{path}/hashtags", json={"hashtag": "#Été", "platform": platform}).json()
        check(client, p, posts)
    p = client.post(f"{path}/hashtags/", json={"hashtag": "paris"}).json()
    assert p["hashtags"][-1]["platform"] == "instagram"
    check(client, p, posts)
    p = client.post(f"{path}/creators", json={"username": "chloé", "platform": "tiktok"}).json()
    p = client.post(f"{path}/creators", json={"username": "@BOB"}).json()
    check(client, p, posts)
    problem(client.post(f"{path}/hashtags", json={"hashtag": "PARIS"}), 409, "Hashtag already linked to project")
    problem(client.post(f"{path}/creators", json={"username": "bob"}), 409, "Creator already linked to project")
    problem(client.post(f"{path}/hashtags", json={"hashtag": "x", "platform": "nowhere"}), 400, "Plateforme non trouvée")
    while p["hashtags"] or p["creators"]:
        links = [f"hashtags/{h['link_id']}" for h in p["hashtags"]] + [f"creators/{c['id']}" for c in p["creators"]]
        link = random.Random(len(links)).choice(links)
        assert client.delete(f"{path}/{link}").status_code == 204
        p = client.get(path).json()
        check(client, p, posts)
    assert p["platforms"] == [] and p["scope_query"] is None
    problem(client.delete(f"{path}/hashtags/99999"), 404, "Hashtag not found")
    problem(client.delete(f"{path}/creators/99999"), 404, "Creator not found")


def test_sets_are_replaced_when_given(world):
    _, client, posts = world
    p = create(client, name="Sets", platforms=["instagram", "tiktok"], hashtag_names=["mode", "food"], creator_usernames=["ana"])
    path = f"{PROJECTS}/{p['id']}"
    assert len(p["hashtags"]) == 4 and len(p["creators"]) == 2
    kept = {h["link_id"] for h in p["hashtags"] if h["name"] == "food"}
    p = client.put(path, json={"hashtag_names": ["food", "#Art"], "name": "Other"}).json()
    assert {h["name"] for h in p["hashtags"]} == {"food", "art"} and p["name"] == "Other" and len(p["creators"]) == 2
    assert kept <= {h["link_id"] for h in p["hashtags"]}
    check(client, p, posts)
    p = client.put(path, json={"creator_usernames": [], "status": "active", "description": None}).json()
    assert p["creators"] == [] and p["status"] == "active" and p["scope_type"] == "hashtags"
    check(client, p, posts)
    again = client.put(path, json=client.get(path).json() | {"hashtags": None, "creators": None})
    assert again.status_code == 422  # relations are changed by their names
    flat = {k: v for k, v in p.items() if k not in ("hashtags", "creators", "platforms")}
    assert client.put(path, json=flat).status_code == 200
    problem(client.put(path, json={"status": "dead"}), 422)
    problem(client.put(path, json={"name": " "}), 422)
    assert client.get(path).json()["name"] == "Other"


def test_a_project_that_is_not_there(world):
    _, client, _ = world
    for method, path in itertools.product(("get", "put", "delete"), ("999999",)):
        options = {"json": {}} if method == "put" else {}
        problem(getattr(client, method)(f"{PROJECTS}/{path}", **options), 404, "Project not found")
    for path in ("abc", "1x", "99999999999999999999"):
        problem(client.get(f"{PROJECTS}/{path}"), 400, "Project ID invalide")
        problem(client.get(f"{PROJECTS}/{path}/posts"), 400, "Project ID invalide")


def test_others_see_nothing(world):
    server, client, _ = world
    p = create(client, name="Private", hashtag_names=["mode"])
    path = f"{PROJECTS}/{p['id']}"
    with server.client(token(server)) as other:
        assert other.get(PROJECTS).json() == []
        for answer in (other.get(path), other.put(path, json={"name": "x"}), other.delete(path), other.get(f"{path}/posts"),
                       other.get(f"{path}/export"), other.post(f"{path}/hashtags", json={"hashtag": "x"}),
                       other.delete(f"{path}/hashtags/{p['hashtags'][0]['link_id']}"),
                       other.post(f"{path}/creators", json={"username": "x"}),
                       other.post(f"{path}/hashtags/{p['hashtags'][0]['link_id']}/link-posts"),
                       other.get("/api/v1/analytics/share-of-voice", params={"project": p["id"]}),
                       other.get("/api/v1/analytics/top-creators", params={"project": p["id"]}),
                       other.get("/api/v1/analytics/timeseries", params={"project": p["id"]})):
            problem(answer, 404, "Project not found")
        # Nor may a stranger delete a hashtag that it follows.
        problem(other.delete(f"/api/v1/hashtags/{p['hashtags'][0]['id']}"), 403)
    with server.client() as nobody:
        problem(nobody.get(path), 401)
    assert client.get(path).json() == p


def test_a_key_of_an_organisation_stays_within_it(server_and_keys):
    client, by_key, org = server_and_keys
    own, other = create(client, name="Own"), client.post("/api/v1/organisations", json={"name": "Other"}).json()
    theirs = create(client, name="Theirs", organisation_id=other["id"])
    shared = create(client, name="Shared", organisation_id=org)
    assert [p["id"] for p in by_key.get(PROJECTS).json()] == [shared["id"]]
    for p in (own, theirs):
        path = f"{PROJECTS}/{p['id']}"
        problem(by_key.get(path), 404, "Project not found")
        problem(by_key.get(f"{path}/posts"), 404)
        problem(by_key.put(path, json={"name": "x"}), 404)
        problem(by_key.post(f"{path}/hashtags", json={"hashtag": "x"}), 404)
        problem(by_key.delete(path), 404)
        problem(by_key.get("/api/v1/analytics/share-of-voice", params={"project": p["id"]}), 404)
    made = create(by_key, name="Made")
    assert made["organisation_id"] == org
    problem(by_key.post(PROJECTS, json={"name": "x", "organisation_id": other["id"]}), 404)
    problem(by_key.put(f"{PROJECTS}/{made['id']}", json={"organisation_id": None}), 403)
    problem(by_key.put(f"{PROJECTS}/{made['id']}", json={"organisation_id": other["id"]}), 404)
    assert by_key.put(f"{PROJECTS}/{made['id']}", json={"name": "Kept"}).json()["organisation_id"] == org
    assert client.get(f"{PROJECTS}/{own['id']}").json() == own


@pytest.fixture
def server_and_keys(world):
    """Somebody signed in, a client with the key of an organisation of theirs, its id."""
    server = world[0]
    client = server.client(token(server))
    org = client.post("/api/v1/organisations", json={"name": "Agence"}).json()["id"]
    key = client.post("/api/v1/keys", json={"name": "k", "scopes": ["*"], "organisation_id": org}).json()["key"]
    by_key = server.client(key)
    yield client, by_key, org
    client.close(), by_key.close()


def test_an_organisation_shares_by_role(world):
    server, client, _ = world
    org = client.post("/api/v1/organisations", json={"name": "Agence"}).json()
    p = create(client, name="Shared", organisation_id=org["id"], hashtag_names=["mode"])
    people = {}
    for role in ("member", "admin"):
        user = make_user(server)
        made = client.post(f"/api/v1/organisations/{org['id']}/members", json={"email": user["email"], "role": role})
        assert made.status_code == 201, made.text
        people[role] = server.client(token(server, user=user))
    path = f"{PROJECTS}/{p['id']}"
    assert people["member"].get(path).json()["name"] == "Shared"
    assert [x["id"] for x in people["member"].get(PROJECTS).json()] == [p["id"]]
    problem(people["member"].put(path, json={"name": "x"}), 403)
    problem(people["member"].post(f"{path}/hashtags", json={"hashtag": "art"}), 403)
    problem(people["member"].delete(path), 403)
    assert people["admin"].put(path, json={"name": "Renamed"}).status_code == 200
    with server.client(token(server)) as outsider:
        problem(outsider.get(path), 404, "Project not found")
        problem(outsider.post(PROJECTS, json={"name": "x", "organisation_id": org["id"]}), 404)
    assert people["admin"].delete(path).status_code == 204
    for c in people.values():
        c.close()


@pytest.mark.parametrize("kind, body, detail", [
    ("hashtags", {"hashtag": "raced"}, "Hashtag already linked to project"),
    ("creators", {"username": "raced"}, "Creator already linked to project"),
])
def test_of_fifty_at_once_one_link_is_made(world, kind, body, detail):
    server, client, _ = world
    p = create(client, name="Race")
    access = client.headers["Authorization"].split()[1]

    def ask(_):
        with server.client(access) as c:
            return c.post(f"{PROJECTS}/{p['id']}/{kind}", json=body)
    with concurrent.futures.ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(ask, range(50)))
    good = [a for a in answers if a.status_code == 200]
    assert len(good) == 1 and len(good[0].json()[kind]) == 1
    for a in answers:
        if a is not good[0]:
            problem(a, 409, detail)
    assert len(client.get(f"{PROJECTS}/{p['id']}").json()[kind]) == 1


def test_counts_stay_exact_while_posts_and_links_race(world):
    server, client, posts = world
    projects = [create(client, name=f"Busy {i}", hashtag_names=[WORDS[i]], creator_usernames=[PEOPLE[i]]) for i in range(3)]
    access = client.headers["Authorization"].split()[1]
    batches = [make_posts(150, seed=100 + i, prefix=f"busy{i}_") for i in range(6)]

    def store(batch):
        with server.client(access) as c:
            return bulk(c, batch)["created"]

    def link(i):
        chance = random.Random(i)
        with server.client(access) as c:
            for _ in range(12):
                p = chance.choice(projects)["id"]
                made = c.post(f"{PROJECTS}/{p}/hashtags", json={"hashtag": chance.choice(WORDS), "platform": chance.choice(PLATFORMS)})
                if made.status_code == 200 and chance.random() < 0.5:
                    c.delete(f"{PROJECTS}/{p}/hashtags/{made.json()['hashtags'][0]['link_id']}")
    with concurrent.futures.ThreadPoolExecutor(9) as pool:
        linking = [pool.submit(link, i) for i in range(3)]
        assert sum(pool.map(store, batches)) == 900
        for work in linking:
            work.result()
    everything = posts + [p for batch in batches for p in batch]
    for p in projects:
        check(client, client.get(f"{PROJECTS}/{p['id']}").json(), everything)
    posts.extend(everything[len(posts):])


def test_pages_sort_and_filter(world):
    _, client, posts = world
    p = create(client, name="Pages", platforms=PLATFORMS, hashtag_names=["mode", "sport"])
    want = [x for x in posts if x["id"] in expected(p, posts)]
    newest = listed(client, p["id"], limit=33)
    assert [x["posted_at"] for x in newest] == sorted((x["posted_at"] for x in want), reverse=True)
    assert [x["id"] for x in listed(client, p["id"], limit=50, sort="posted_at")] == [x["id"] for x in newest][::-1]
    top = listed(client, p["id"], limit=40, sort="-score")
    assert [x["score"] for x in top] == sorted(map(score, want), reverse=True) and len({x["id"] for x in top}) == len(want)
    meta = listed(client, p["id"], platform="meta")
    assert {x["id"] for x in meta} == {x["id"] for x in want if x["platform"] != "tiktok"}
    assert {x["id"] for x in listed(client, p["id"], platform="tiktok")} == {x["id"] for x in want if x["platform"] == "tiktok"}
    one, stored = newest[0], {x["id"]: x for x in posts}
    for name in ("like", "comment", "share", "view"):
        assert one[f"{name}_count"] == stored[one["id"]]["metrics"][f"{name}s"]
    assert one["username"] == one["author"] and {"mentions", "media_type", "thumbnail_url"} <= set(one)
    problem(client.get(f"{PROJECTS}/{p['id']}/posts", params={"platform": "nowhere"}), 400)
    problem(client.get(f"{PROJECTS}/{p['id']}/posts", params={"sort": "colour"}), 422)
    foreign = client.get("/api/v1/posts", params={"limit": 5})
    problem(client.get(f"{PROJECTS}/{p['id']}/posts", params={"cursor": next_cursor(foreign)}), 400)


def test_link_posts_says_what_is_linked(world):
    _, client, posts = world
    p = create(client, name="Linked", hashtag_names=["mode"])
    carried = sum("mode" in x["hashtags"] and x["platform"] == "instagram" for x in posts)
    path = f"{PROJECTS}/{p['id']}/hashtags/{p['hashtags'][0]['link_id']}/link-posts"
    said = client.post(path, params={"limit": 200}).json()
    assert said["hashtag"] == "mode" and said["platforms"] == ["instagram"] and said["newly_linked"] == 0
    assert said["total_posts_found"] == said["already_linked"] == min(carried, 200)
    assert client.post(path).json()["total_posts_found"] == 50
    problem(client.post(path, params={"limit": 201}), 422)
    problem(client.post(path.replace(str(p["hashtags"][0]["link_id"]), "99999")), 404, "Hashtag not found")


def test_creators_are_found_by_their_beginning(world):
    _, client, posts = world
    found = client.get(f"{PROJECTS}/creators/search", params={"q": "@CH"}).json()
    assert found == {"creators": [{"username": "chloé"}], "count": 1}
    assert client.get(f"{PROJECTS}/creators/search", params={"q": "zzz"}).json() == {"creators": [], "count": 0}
    many = make_posts(60, seed=30, prefix="creators")
    for i, p in enumerate(many):
        p["author"] = f"kreator{i % 30:02}"
    bulk(client, many)
    posts.extend(many)
    found = client.get(f"{PROJECTS}/creators/search", params={"q": "krea"}).json()
    assert [c["username"] for c in found["creators"]] == [f"kreator{i:02}" for i in range(10)] and found["count"] == 10
    assert client.get(f"{PROJECTS}/creators/search", params={"q": "krea", "limit": 50}).json()["count"] == 30
    problem(client.get(f"{PROJECTS}/creators/search", params={"q": "a", "limit": 51}), 422)
    problem(client.get(f"{PROJECTS}/creators/search"), 422)


def test_exports_hold_every_post(world):
    _, client, posts = world
    tricky = make_posts(1, seed=40, prefix="tricky")[0] | {
        "caption": "=1+1, \"quoted\"\nnew line; é 😍", "hashtags": ["tricky"], "platform": "instagram", "id": "instagram_tricky"}
    bulk(client, [tricky])
    posts.append(tricky)
    p = create(client, name="Export", hashtag_names=["mode", "tricky"])
    want = expected(p, posts)
    path = f"{PROJECTS}/{p['id']}/export"
    as_json = client.get(path, params={"format": "json"})
    assert "attachment" in as_json.headers["Content-Disposition"]
    lines = [json.loads(line) for line in client.get(path, params={"format": "ndjson"}).content.decode().split("\n")[:-1]]
    rows = list(csv.DictReader(io.StringIO(client.get(path, params={"format": "csv"}).content.decode(), newline="")))
    assert {x["id"] for x in as_json.json()} == {x["id"] for x in lines} == {x["id"] for x in rows} == want
    assert as_json.json() == lines == listed(client, p["id"])
    row = next(r for r in rows if r["id"] == "instagram_tricky")
    assert row["caption"] == "'" + tricky["caption"] and json.loads(row["hashtags"]) == ["tricky"]
    assert client.get(path).headers["Content-Type"].startswith("application/json")
    problem(client.get(path, params={"format": "xml"}), 422)
    empty = create(client, name="Empty")
    assert client.get(f"{PROJECTS}/{empty['id']}/export").json() == []


def test_deleting_posts_and_projects_leaves_the_rest_exact(world):
    _, client, posts = world
    p = create(client, name="Shrinks", hashtag_names=["art"])
    for gone in sorted(expected(p, posts))[:5]:
        assert client.delete(f"/api/v1/posts/{gone}").status_code == 200
        posts[:] = [x for x in posts if x["id"] != gone]
    p = client.get(f"{PROJECTS}/{p['id']}").json()
    check(client, p, posts)
    moved = next(x for x in posts if x["id"] in expected(p, posts))
    changed = client.put(f"/api/v1/posts/{moved['id']}", json={"hashtags": [], "author": "nobody", "posted_at": "2026-01-01T00:00:00Z"})
    assert changed.status_code == 200
    moved.update(hashtags=[], author="nobody", posted_at="2026-01-01T00:00:00Z")
    check(client, client.get(f"{PROJECTS}/{p['id']}").json(), posts)
    assert client.delete(f"{PROJECTS}/{p['id']}").status_code == 204
    problem(client.get(f"{PROJECTS}/{p['id']}"), 404)
    assert client.get(f"/api/v1/posts/{moved['id']}").status_code == 200


def test_an_idempotency_key_makes_one_project(world):
    _, client, _ = world
    before = len(client.get(PROJECTS).json())
    answers = [client.post(PROJECTS, json={"name": "Once"}, headers={"Idempotency-Key": "once-only"}) for _ in range(3)]
    assert len({a.json()["id"] for a in answers}) == 1 and all(a.status_code == 201 for a in answers)
    assert len(client.get(PROJECTS).json()) == before + 1
