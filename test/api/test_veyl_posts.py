"""Posts, hashtags and platforms of veyl."""

import concurrent.futures
import json
import random

import pytest
from harness import make_user, problem, token
from veyl import all_posts, bulk, close, iso, make_posts, next_cursor, now, score, score_trend, trend_means

POSTS = "/api/v1/posts"


def post(**members):
    return {"id": f"instagram_{random.getrandbits(60)}", "platform": "instagram", "author": "ana",
            "caption": "Une belle journée à #Paris", "metrics": {"likes": 5, "comments": 2},
            "posted_at": iso(now())} | members


@pytest.mark.smoke
def test_a_post_is_stored_read_changed_and_deleted(user_client):
    sent = post(hashtags=["#Mode", "mode", " ÉTÉ "], author="@Ana.B")
    made = user_client.post(POSTS, json=sent)
    assert made.status_code == 200, made.text
    body = made.json()
    assert body["id"] == sent["id"] and body["platform"] == "instagram" and body["platform_id"] > 0
    assert body["hashtags"] == ["mode", "été"] and body["author"] == "ana.b"
    assert body["metrics"] == {"likes": 5, "comments": 2, "shares": None, "views": None}
    assert body["score"] == 7 and body["language"] == "fr" and body["sentiment"] > 0
    for member in ("posted_at", "fetched_at", "external_id", "permalink", "media_url", "score_trend"):
        assert member in body
    path = f"{POSTS}/{sent['id']}"
    assert user_client.get(path).json() == body
    changed = user_client.put(path, json={"metrics": {"likes": 50}, "caption": "Worst service, I hate this"})
    assert changed.status_code == 200, changed.text
    assert changed.json()["score"] == 50 and changed.json()["metrics"]["comments"] is None
    assert changed.json()["language"] == "en" and changed.json()["sentiment"] < 0 and changed.json()["hashtags"] == []
    assert changed.json()["author"] == "ana.b"
    gone = user_client.delete(path)
    assert gone.status_code == 200 and gone.json() == {"message": "Post supprimé"}
    problem(user_client.get(path), 404, "Post non trouvé")
    problem(user_client.put(path, json={}), 404, "Post non trouvé")
    problem(user_client.delete(path), 404, "Post non trouvé")


def test_the_same_id_again_is_a_conflict(user_client):
    sent = post()
    assert user_client.post(POSTS, json=sent).status_code == 200
    problem(user_client.post(POSTS, json=sent), 409)
    with concurrent.futures.ThreadPoolExecutor(10) as pool:
        again = post()
        codes = list(pool.map(lambda _: user_client.post(POSTS, json=again).status_code, range(10)))
    assert sorted(codes) == [200] + [409] * 9


def test_posts_stored_at_the_same_moment_count_each_once(user_client):
    """They may be written as one: every answer is still its own, and every figure exact."""
    tag, other = (f"t{random.getrandbits(40)}" for _ in range(2))
    sent = [post(hashtags=[tag, other] if i % 3 else [tag], author=f"a{i % 7}", platform="mastodon",
                 id=f"mastodon_{random.getrandbits(60)}", metrics={"likes": i}) for i in range(120)]
    with concurrent.futures.ThreadPoolExecutor(24) as pool:
        made = list(pool.map(lambda p: user_client.post(POSTS, json=p), sent + sent[:30]))
    assert sorted(m.status_code for m in made) == [200] * 120 + [409] * 30
    by_id = {m.json()["id"]: m.json() for m in made if m.status_code == 200}
    assert len(by_id) == 120
    for p in sent:
        read = user_client.get(f"{POSTS}/{p['id']}").json()
        answer = by_id[p["id"]]
        assert answer["score_trend"] > 0 or p["metrics"]["likes"] == 0
        assert read | {"score_trend": 0} == answer | {"score_trend": 0}
    found = {h["name"]: h["id"] for h in user_client.get("/api/v1/hashtags", params={"platform": "mastodon", "limit": 500}).json()}
    for name, posts, likes in ((tag, 120, sum(range(120))), (other, 80, sum(i for i in range(120) if i % 3))):
        stats = user_client.get(f"/api/v1/hashtags/stats/{found[name]}").json()
        assert stats["total_posts"] == posts and round(stats["avg_engagement"] * posts) == likes


def test_platforms_are_known_ones(user_client):
    problem(user_client.post(POSTS, json=post(platform="myspace2")), 400, "Plateforme non trouvée")
    problem(user_client.post(POSTS, json=post(platform=None, platform_id=99999)), 400, "Plateforme non trouvée")
    problem(user_client.post(POSTS, json=post(platform=None)), 400, "Plateforme non trouvée")
    assert user_client.post(POSTS, json=post(platform="reddit")).json()["platform"] == "reddit"
    problem(user_client.get(POSTS, params={"platform": "nowhere"}), 400, "Plateforme non trouvée")
    assert user_client.get(POSTS, params={"platform": "pinterest"}).json() == []


@pytest.mark.parametrize("members, field", [
    ({"metrics": {"likes": -1}}, "metrics.likes"), ({"metrics": {"likes": 1.5}}, "metrics.likes"),
    ({"metrics": {"likes": "many"}}, "metrics.likes"), ({"metrics": {"loves": 1}}, "metrics.loves"),
    ({"hashtags": "mode"}, "hashtags"), ({"hashtags": [1]}, "hashtags.0"), ({"caption": 7}, "caption"),
    ({"posted_at": "yesterday"}, "posted_at"), ({"unknown": 1}, "unknown"), ({"id": ""}, "id"),
    ({"id": "x" * 256}, "id"), ({"sentiment": 2}, "sentiment"), ({"caption": "x" * 65537}, "caption"),
    ({"hashtags": ["x"] * 101}, "hashtags"),
])
def test_bad_fields_are_named(user_client, members, field):
    answer = user_client.post(POSTS, json=post(**members))
    body = problem(answer, 422)
    assert any(e["field"].replace("[", ".").replace("]", "").startswith(field) for e in body["errors"]), body


def test_a_post_without_a_time_says_so(user_client):
    sent = post()
    del sent["posted_at"]
    assert user_client.post(POSTS, json=sent).json()["posted_at"] is None
    assert user_client.get(f"{POSTS}/{sent['id']}").json()["posted_at"] is None
    problem(user_client.post(POSTS, json=post(posted_at="1969-12-31T00:00:00Z")), 422)


def test_reading_needs_signing_in(client):
    for path in ("", "/trending", "/trending/global", "/trending/tiktok", "/instagram_1"):
        problem(client.get(POSTS + path), 401)
    problem(client.post(POSTS, json=post()), 401)


@pytest.fixture(scope="module")
def filled(make_filled):
    return make_filled


@pytest.fixture(scope="module")
def make_filled(tmp_path_factory):
    from harness import Server
    server = Server(tmp_path_factory.mktemp("filled")).start()
    client = server.client(token(server))
    posts = make_posts(900, seed=5)
    said = bulk(client, posts)
    assert (said["created"], said["updated"], said["rejected"]) == (900, 0, [])
    yield client, posts
    client.close()
    server.close()


def by_time(posts):
    return sorted(posts, key=lambda p: p["posted_at"], reverse=True)


def test_lists_come_newest_first_whole_by_every_way(filled):
    client, posts = filled
    want = [p["posted_at"] for p in by_time(posts)]
    listed = all_posts(client)
    assert [p["posted_at"] for p in listed] == want and len({p["id"] for p in listed}) == len(posts)
    by_skip = []
    for skip in range(0, 900, 250):
        by_skip += client.get(POSTS, params={"skip": skip, "limit": 250}).json()
    assert [p["id"] for p in by_skip] == [p["id"] for p in listed]
    for platform in ("instagram", "tiktok"):
        some = all_posts(client, platform=platform, limit=70)
        assert [p["id"] for p in some] == [p["id"] for p in listed if p["platform"] == platform]
    answer = client.get(POSTS + "/", params={"limit": 5, "platform": "tiktok"})
    assert answer.headers["X-Total-Count"] == str(sum(p["platform"] == "tiktok" for p in posts))


def test_a_far_skip_lands_where_walking_would(filled):
    client, posts = filled
    more = make_posts(1500, seed=6, prefix="far")
    assert bulk(client, more)["created"] == 1500
    posts += more
    listed = [p["id"] for p in all_posts(client, limit=1000)]
    for skip in (999, 1000, 1001, 1500, 2399, 2400, 5000):
        page = client.get(POSTS, params={"skip": skip, "limit": 7}).json()
        assert [p["id"] for p in page] == listed[skip:skip + 7], skip
    tiktok = [p["id"] for p in all_posts(client, platform="tiktok", limit=1000)]
    page = client.get(POSTS, params={"skip": len(tiktok) - 3, "limit": 7, "platform": "tiktok"}).json()
    assert [p["id"] for p in page] == tiktok[-3:]


def test_trends_are_engagement_over_the_weeks_mean(filled):
    client, posts = filled
    means = trend_means(posts)
    listed = all_posts(client, limit=1000)
    by_id = {p["id"]: p for p in posts}
    for p in listed:
        assert p["score"] == score(by_id[p["id"]])
        assert close(p["score_trend"], score_trend(by_id[p["id"]], means)), p
    want = sorted((score_trend(p, means) for p in posts if score(p)), reverse=True)
    for path, params in (("/trending", {"limit": 100}), ("/trending/global", {"limit": 100}), ("", {"limit": 100, "trending": "true"})):
        got = [p["score_trend"] for p in client.get(POSTS + path, params=params).json()]
        assert len(got) == 100 and all(close(a, b) for a, b in zip(got, want))
    got = [p["score"] for p in client.get(POSTS + "/trending/facebook").json()]
    assert got == sorted((score(p) for p in posts if p["platform"] == "facebook"), reverse=True)[:50]
    page = client.get(POSTS, params={"trending": "true", "skip": 90, "limit": 20}).json()
    assert all(close(a["score_trend"], b) for a, b in zip(page, want[90:110]))


@pytest.mark.parametrize("params", [{"limit": 0}, {"limit": 1001}, {"skip": -1}, {"limit": "x"}, {"trending": "perhaps"},
                                    {"trending": "true", "skip": 10001}])
def test_bad_list_parameters_are_refused(filled, params):
    assert filled[0].get(POSTS, params=params).status_code == 422


def test_a_forged_cursor_is_refused(filled):
    client, _ = filled
    cursor = next_cursor(client.get(POSTS, params={"limit": 3}))
    assert client.get(POSTS, params={"cursor": cursor, "limit": 3}).status_code == 200
    problem(client.get(POSTS, params={"cursor": cursor[:-2] + "AA"}), 400)
    problem(client.get(POSTS, params={"cursor": "x"}), 400)


# -- bulk --------------------------------------------------------------------------------------------


def test_bulk_keeps_the_good_lines(user_client):
    good = make_posts(5, seed=9, prefix="bulk")
    lines = [json.dumps(good[0]), "", "{broken", json.dumps(good[1]), json.dumps(good[2] | {"metrics": {"likes": -4}, "nope": 1}),
             json.dumps(good[3] | {"platform": "atlantis"}), "7", json.dumps(good[4])]
    answer = user_client.post(POSTS + "/bulk", data="\r\n".join(lines).encode(), headers={"Content-Type": "application/x-ndjson"})
    body = answer.json()
    assert answer.status_code == 200 and (body["created"], body["updated"]) == (3, 0)
    assert [r["line"] for r in body["rejected"]] == [3, 5, 6, 7] and body["rejected_count"] == 4
    assert {e["field"] for e in body["rejected"][1]["errors"]} == {"metrics.likes", "nope"}
    assert body["rejected"][2]["errors"][0]["message"] == "Plateforme non trouvée"


def test_bulk_takes_an_array_and_is_idempotent(user_client):
    posts = make_posts(30, seed=10, prefix="array")
    send = lambda what: user_client.post(POSTS + "/bulk", json=what).json()
    assert send(posts)["created"] == 30
    again = send(posts)
    assert (again["created"], again["updated"], again["unchanged"]) == (0, 0, 30)
    posts[7]["metrics"] = {"likes": 123456}
    again = send(posts)
    assert (again["created"], again["updated"], again["unchanged"]) == (0, 1, 29)
    assert user_client.get(f"{POSTS}/{posts[7]['id']}").json()["metrics"]["likes"] == 123456
    assert send([]) == {"created": 0, "updated": 0, "unchanged": 0, "rejected_count": 0, "rejected": []}


def test_bulk_reads_a_stream(user_client):
    posts = make_posts(3000, seed=11, prefix="stream")

    def chunks():
        for p in posts:
            line = json.dumps(p) + "\n"
            yield line[:17].encode()
            yield line[17:].encode()
    answer = user_client.post(POSTS + "/bulk", data=chunks(), headers={"Content-Type": "application/x-ndjson"})
    assert answer.status_code == 200 and answer.json()["created"] == 3000


def test_bulk_tells_what_it_cannot_read(user_client):
    problem(user_client.post(POSTS + "/bulk", data=b"[{\"id\": ", headers={"Content-Type": "application/json"}), 400)
    problem(user_client.post(POSTS + "/bulk", data=b"a,b", headers={"Content-Type": "text/csv"}), 415)
    endless = b'{"data": "' + b"x" * 3_000_000 + b'"}'
    problem(user_client.post(POSTS + "/bulk", data=endless, headers={"Content-Type": "application/json"}), 400)
    deep = b"[" * 100000
    answer = user_client.post(POSTS + "/bulk", data=deep, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400


# -- hashtags ----------------------------------------------------------------------------------------

HASHTAGS = "/api/v1/hashtags"


def test_a_hashtag_is_made_read_changed_and_deleted(user_client):
    made = user_client.post(HASHTAGS, json={"name": " #NuitBlanche ", "platform": "tiktok"})
    assert made.status_code == 200, made.text
    tag = made.json()
    assert tag["name"] == "nuitblanche" and tag["platform"] == "tiktok"
    assert set(tag) == {"id", "name", "platform_id", "platform", "last_scraped", "updated_at"}
    problem(user_client.post(HASHTAGS, json={"name": "nuitblanche", "platform_id": tag["platform_id"]}), 400, "Hashtag déjà existant")
    assert user_client.post(HASHTAGS, json={"name": "nuitblanche", "platform": "facebook"}).status_code == 200
    path = f"{HASHTAGS}/{tag['id']}"
    assert user_client.get(path + "/").json() == tag
    changed = user_client.put(path, json={"name": "nuitnoire", "last_scraped": "2026-01-01T00:00:00Z"})
    assert changed.json()["name"] == "nuitnoire" and changed.json()["last_scraped"] == "2026-01-01T00:00:00Z"
    listed = user_client.get(HASHTAGS + "/", params={"platform": "tiktok", "q": "NUITN"})
    assert [t["id"] for t in listed.json()] == [tag["id"]] and listed.headers["X-Total-Count"] == "1"
    assert user_client.delete(path).json() == {"message": "Hashtag supprimé"}
    for answer in (user_client.get(path), user_client.delete(path), user_client.put(path, json={}),
                   user_client.get(f"{HASHTAGS}/stats/{tag['id']}")):
        problem(answer, 404, "Hashtag non trouvé")
    problem(user_client.post(HASHTAGS, json={"name": "x", "platform": "nowhere"}), 400, "Plateforme non trouvée")
    assert user_client.post(HASHTAGS, json={"name": " # "}).status_code == 422


def test_a_deleted_hashtag_comes_back_with_its_posts(user_client):
    for i in range(3):
        assert user_client.post(POSTS, json=post(hashtags=["revient"], metrics={"likes": 10 * i})).status_code == 200
    tag = user_client.get(HASHTAGS, params={"q": "revient"}).json()[0]
    stats = user_client.get(f"{HASHTAGS}/stats/{tag['id']}").json()
    assert stats["total_posts"] == 3 and stats["avg_engagement"] == 10
    problem(user_client.put(f"{HASHTAGS}/{tag['id']}", json={"name": "autrement"}), 409)
    user_client.delete(f"{HASHTAGS}/{tag['id']}")
    assert user_client.get(HASHTAGS, params={"q": "revient"}).json() == []
    assert user_client.post(POSTS, json=post(hashtags=["revient"], metrics={"likes": 50})).status_code == 200
    again = user_client.post(HASHTAGS, json={"name": "revient", "platform": "instagram"}).json()
    stats = user_client.get(f"{HASHTAGS}/stats/{again['id']}").json()
    assert stats["total_posts"] == 4 and stats["avg_engagement"] == 20


def test_hashtag_statistics_equal_a_count_of_the_posts(filled):
    client, posts = filled
    tags = client.get(HASHTAGS, params={"limit": 1000}).json()
    assert tags
    for tag in tags:
        carried = [p for p in posts if p["platform"] == tag["platform"] and tag["name"] in p["hashtags"]]
        stats = client.get(f"{HASHTAGS}/stats/{tag['id']}").json()
        assert stats["total_posts"] == len(carried)
        assert close(stats["avg_engagement"], sum(map(score, carried)) / len(carried) if carried else 0)


# -- platforms ---------------------------------------------------------------------------------------

PLATFORMS = "/api/v1/platforms"


def test_platforms_are_written_by_admins(server, user_client, admin_client):
    problem(user_client.post(PLATFORMS, json={"name": "threads"}), 403)
    made = admin_client.post(PLATFORMS + "/", json={"name": " Vimeo ", "api_key": "secret-key"})
    assert made.status_code == 200, made.text
    assert set(made.json()) == {"id", "name", "created_at"} and made.json()["name"] == "vimeo"
    problem(admin_client.post(PLATFORMS, json={"name": "vimeo"}), 400, "Plateforme déjà existante")
    path = f"{PLATFORMS}/{made.json()['id']}"
    assert user_client.get(path).json() == made.json()
    assert made.json() in user_client.get(PLATFORMS, params={"limit": 1000}).json()
    assert user_client.post(POSTS, json=post(platform="vimeo")).status_code == 200
    problem(admin_client.delete(path), 409)
    other = admin_client.post(PLATFORMS, json={"name": "dailymotion"}).json()
    problem(admin_client.put(f"{PLATFORMS}/{other['id']}", json={"name": "vimeo"}), 400, "Plateforme déjà existante")
    assert admin_client.put(f"{PLATFORMS}/{other['id']}", json={"name": "dm"}).json()["name"] == "dm"
    assert admin_client.delete(f"{PLATFORMS}/{other['id']}").json() == {"message": "Plateforme supprimée"}
    problem(user_client.get(f"{PLATFORMS}/{other['id']}"), 404, "Plateforme non trouvée")
    assert "secret-key" not in user_client.get(PLATFORMS).text
    for file in server.folder.glob("socle.db*"):
        assert b"secret-key" not in file.read_bytes()


# -- leaving -----------------------------------------------------------------------------------------


def test_an_erased_account_is_gone(server):
    user = make_user(server)
    with server.client(token(server, user=user)) as client:
        made = client.post("/api/v1/projects", json={"name": "Mine", "hashtag_names": ["mode"]})
        assert made.status_code == 201
        problem(client.post("/api/v1/users/delete-account", json={"email": "other@example.org"}), 403)
        problem(client.post("/api/v1/users/delete-account", json={"email": user["email"], "user_id": user["id"] + 1}), 403)
        gone = client.post("/api/v1/users/delete-account", json={"email": user["email"].upper(), "reason": "because"})
        assert gone.status_code == 200 and "message" in gone.json()
        assert client.get("/api/v1/auth/me").status_code == 401
    answer = server.client().post("/api/v1/auth/login", json={"email": user["email"], "password": user["password"]})
    problem(answer, 401, "Email ou mot de passe incorrect")


def test_other_sign_ins_say_what_to_set(client):
    for provider, name in (("google", "GOOGLE_CLIENT_ID"), ("instagram", "IG_"), ("facebook", "FB_"), ("tiktok", "TIKTOK_CLIENT_KEY")):
        for step in ("start", "callback"):
            body = problem(client.get(f"/api/v1/auth/{provider}/{step}"), 501)
            assert name in body["detail"]


def test_connected_accounts(user_client):
    assert user_client.get("/api/v1/auth/accounts/connected").json() == {"accounts": []}
    problem(user_client.delete("/api/v1/auth/accounts/12345"), 404, "Compte non trouvé")


def test_the_front_door_speaks_json_and_html(client):
    body = client.get("/").json()
    assert set(body) >= {"message", "version", "status", "docs"} and body["status"] == "healthy" and body["docs"] == "/docs"
    page = client.get("/", headers={"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
    assert page.headers["Content-Type"].startswith("text/html") and "<h1>veyl</h1>" in page.text
    for name, kind in (("console.js", "javascript"), ("console.css", "css")):
        part = client.get(f"/console/{name}")
        assert part.status_code == 200 and kind in part.headers["Content-Type"]
    assert client.get("/console/nothing.js").status_code == 404
