"""Figures of veyl: each equals one computed in Python from the same posts."""

import collections
import datetime
import time

import pytest
from harness import PATIENCE, Server, problem, token
from veyl import UTC, bulk, close, iso, make_posts, now, read_time, score, trend_means

ANALYTICS = "/api/v1/analytics"


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("figures")).start()
    client = server.client(token(server))
    posts = make_posts(1500, seed=31, days=40)
    assert bulk(client, posts)["created"] == 1500
    stored = {}
    for p in posts:
        stored[p["id"]] = client.get(f"/api/v1/posts/{p['id']}").json()
    project = client.post("/api/v1/projects", json={
        "name": "Figures", "platforms": ["instagram", "tiktok"], "hashtag_names": ["mode", "été"], "creator_usernames": ["bob"]}).json()
    yield server, client, list(stored.values()), project
    client.close()
    server.close()


def in_project(project, posts):
    tags = {(h["name"], h["platform"]) for h in project["hashtags"]}
    creators = {(c["creator_username"], c["platform"]) for c in project["creators"]}
    return [p for p in posts if (p["author"], p["platform"]) in creators or any((h, p["platform"]) in tags for h in p["hashtags"])]


def bucket_start(when, interval):
    when = when.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    if interval == "hour":
        return when
    when = when.replace(hour=0)
    return when - datetime.timedelta(days=when.weekday()) if interval == "week" else when


def series_of(posts, metric, interval, since, until):
    groups = collections.defaultdict(list)
    for p in posts:
        at = read_time(p["posted_at"])
        if since <= at < until:
            groups[bucket_start(at, interval)].append(p)
    if metric == "posts":
        return {k: len(v) for k, v in groups.items()}
    if metric == "engagement":
        return {k: sum(p["score"] for p in v) for k, v in groups.items()}
    felt = {k: [p["sentiment"] for p in v if p["sentiment"] is not None] for k, v in groups.items()}
    return {k: sum(v) / len(v) for k, v in felt.items() if v}


FILTERS = [{}, {"platform": "tiktok"}, {"hashtag": "#Mode"}, {"hashtag": "été", "platform": "instagram"}, {"author": "bob"},
           {"author": "@Chloé", "platform": "facebook"}, {"hashtag": "mode", "author": "ana"}, {"project": True},
           {"project": True, "platform": "tiktok"}, {"project": True, "hashtag": "mode"}, {"project": True, "author": "bob", "hashtag": "été"}]


def chosen(world, filters):
    _, _, posts, project = world
    if filters.get("project"):
        posts = in_project(project, posts)
    if "platform" in filters:
        posts = [p for p in posts if p["platform"] == filters["platform"]]
    if "hashtag" in filters:
        posts = [p for p in posts if filters["hashtag"].lower().lstrip("#") in p["hashtags"]]
    if "author" in filters:
        posts = [p for p in posts if p["author"] == filters["author"].lower().lstrip("@")]
    return posts


@pytest.mark.parametrize("filters", FILTERS, ids=str)
@pytest.mark.parametrize("metric", ["posts", "engagement", "sentiment"])
@pytest.mark.parametrize("interval", ["hour", "day", "week"])
def test_time_series_equal_python(world, filters, metric, interval):
    _, client, _, project = world
    until = now() - datetime.timedelta(hours=7, minutes=13, seconds=5)
    since = until - datetime.timedelta(days=30, minutes=41)
    since, until = since.replace(microsecond=0), until.replace(microsecond=0)
    params = filters | {"metric": metric, "interval": interval, "from": iso(since), "to": iso(until)}
    if "project" in params:
        params["project"] = project["id"]
    answer = client.get(f"{ANALYTICS}/timeseries", params=params)
    assert answer.status_code == 200, answer.text
    body = answer.json()
    want = series_of(chosen(world, filters), metric, interval, since, until)
    got = {read_time(p["at"]): p["value"] for p in body["points"]}
    steps = {"hour": 1, "day": 24, "week": 168}
    at, whole = bucket_start(since, interval), []
    while at < until:
        whole.append(at)
        at += datetime.timedelta(hours=steps[interval])
    assert sorted(got) == whole
    for at in whole:
        default = None if metric == "sentiment" else 0
        value = want.get(at, default)
        assert got[at] == value or close(got[at], value), at


def test_a_short_range_within_one_hour(world):
    _, client, posts, _ = world
    middle = read_time(sorted(p["posted_at"] for p in posts)[700])
    since, until = middle - datetime.timedelta(minutes=3), middle + datetime.timedelta(minutes=2)
    body = client.get(f"{ANALYTICS}/timeseries", params={"interval": "hour", "from": iso(since), "to": iso(until)}).json()
    assert sum(p["value"] for p in body["points"]) == sum(since <= read_time(p["posted_at"]) < until for p in posts) > 0


def test_the_usual_range_is_the_last_thirty_days(world):
    _, client, posts, _ = world
    body = client.get(f"{ANALYTICS}/timeseries").json()
    since, until = read_time(body["from"]), read_time(body["to"])
    assert abs((until - since).days) == 30 and abs((now() - until).total_seconds()) < 60
    assert sum(p["value"] for p in body["points"]) == sum(since <= read_time(p["posted_at"]) < until for p in posts)


@pytest.mark.parametrize("params, status", [
    ({"metric": "colour"}, 422), ({"interval": "year"}, 422), ({"from": "x"}, 422),
    ({"from": "2026-01-02T00:00:00Z", "to": "2026-01-01T00:00:00Z"}, 422),
    ({"from": "1990-01-01T00:00:00Z", "interval": "hour"}, 422), ({"platform": "nowhere"}, 400), ({"project": 99999}, 404),
])
def test_bad_series_are_refused(world, params, status):
    problem(world[1].get(f"{ANALYTICS}/timeseries", params=params), status)


@pytest.mark.parametrize("days", [1, 7, 30])
@pytest.mark.parametrize("platform", [None, "instagram"])
def test_engagement_equals_python(world, days, platform):
    _, client, posts, _ = world
    params = {"days": days} | ({"platform": platform} if platform else {})
    body = client.get(f"{ANALYTICS}/posts/engagement", params=params).json()
    since, means = now() - datetime.timedelta(days=days), trend_means(posts)
    some = [p for p in posts if read_time(p["posted_at"]) >= since and platform in (None, p["platform"])]
    trends = [score(p) / means[p["platform"]] for p in some]
    assert body["total_posts"] == len(some) and body["period_days"] == days and body["platform"] == platform
    assert close(body["avg_score"], sum(map(score, some)) / len(some)) and body["max_score"] == max(map(score, some))
    assert close(body["avg_trend_score"], sum(trends) / len(trends)) and close(body["max_trend_score"], max(trends))


def test_engagement_of_nothing_is_zero(world):
    body = world[1].get(f"{ANALYTICS}/posts/engagement", params={"platform": "snapchat"}).json()
    assert body["total_posts"] == body["avg_score"] == body["max_score"] == body["max_trend_score"] == 0
    for days in (0, 31, "x"):
        assert world[1].get(f"{ANALYTICS}/posts/engagement", params={"days": days}).status_code == 422


def test_trending_is_that_of_posts(world):
    _, client, _, _ = world
    assert client.get(f"{ANALYTICS}/trending", params={"limit": 10}).json() == client.get("/api/v1/posts/trending", params={"limit": 10}).json()
    assert {p["platform"] for p in client.get(f"{ANALYTICS}/trending", params={"platform": "tiktok"}).json()} == {"tiktok"}


def test_hashtag_view_holds_the_figures_once_refreshed(world):
    server, client, posts, _ = world
    assert server.cli("import", "veyl", "posts", "/dev/null", "--quiet").returncode == 0  # asks for a refresh
    carried = collections.defaultdict(list)
    for p in posts:
        for h in p["hashtags"]:
            carried[h, p["platform"]].append(p["score"])
    want = {key: (len(v), sum(v) / len(v)) for key, v in carried.items()}

    def view():
        rows = client.get(f"{ANALYTICS}/hashtags/stats", params={"limit": 1000}).json()
        return {(r["name"], r["platform"]): (r["total_posts"], r["avg_engagement"]) for r in rows if r["total_posts"]}
    def same(got):
        return got.keys() == want.keys() and all(got[k][0] == want[k][0] and close(got[k][1], want[k][1]) for k in want)
    until = time.monotonic() + 60 * PATIENCE
    while not same(got := view()):  # it may hold what was there while the posts came
        assert time.monotonic() < until, got
        time.sleep(0.1)
    for sort, key in (("total_posts", lambda r: -r["total_posts"]), ("avg_engagement", lambda r: -r["avg_engagement"]), ("name", lambda r: r["name"])):
        rows = client.get(f"{ANALYTICS}/hashtags/stats", params={"sort": sort, "platform": "tiktok"}).json()
        assert rows and [key(r) for r in rows] == sorted(map(key, rows)) and {r["platform"] for r in rows} == {"tiktok"}
    assert len(client.get(f"{ANALYTICS}/hashtags/stats", params={"limit": 2}).json()) == 2


def test_share_of_voice_equals_python(world):
    _, client, posts, project = world
    body = client.get(f"{ANALYTICS}/share-of-voice", params={"project": project["id"]}).json()
    mine = in_project(project, posts)
    assert body["total_posts"] == len(mine) and body["total_engagement"] == sum(map(score, mine))
    for voice in body["hashtags"]:
        its = [p for p in mine if p["platform"] == voice["platform"] and voice["name"] in p["hashtags"]]
        assert (voice["posts"], voice["engagement"]) == (len(its), sum(map(score, its))) and close(voice["share"], len(its) / len(mine))
    for voice in body["creators"]:
        its = [p for p in mine if p["platform"] == voice["platform"] and p["author"] == voice["name"]]
        assert (voice["posts"], voice["engagement"]) == (len(its), sum(map(score, its)))
    since = now() - datetime.timedelta(days=10)
    part = client.get(f"{ANALYTICS}/share-of-voice", params={"project": project["id"], "from": iso(since)}).json()
    assert part["total_posts"] == sum(read_time(p["posted_at"]) >= since.replace(microsecond=0) for p in mine)


@pytest.mark.parametrize("params", [{}, {"platform": "tiktok", "days": 12}, {"project": True, "days": 40}, {"project": True, "platform": "instagram"}], ids=str)
def test_top_creators_equal_python(world, params):
    _, client, posts, project = world
    since = now() - datetime.timedelta(days=params.get("days", 30))
    some = in_project(project, posts) if "project" in params else posts
    groups = collections.defaultdict(list)
    for p in some:
        if read_time(p["posted_at"]) >= since and params.get("platform") in (None, p["platform"]):
            groups[p["author"], p["platform"]].append(score(p))
    want = sorted(((-sum(v), k[0], k[1], len(v), max(v)) for k, v in groups.items()))[:20]
    ask = params | ({"project": project["id"]} if "project" in params else {})
    got = client.get(f"{ANALYTICS}/top-creators", params=ask).json()
    assert [(-r["engagement"], r["username"], r["platform"], r["posts"], r["best_score"]) for r in got] == want


def test_figures_need_signing_in(world):
    with world[0].client() as nobody:
        for path in ("trending", "hashtags/stats", "posts/engagement", "timeseries", "share-of-voice?project=1", "top-creators"):
            problem(nobody.get(f"{ANALYTICS}/{path}"), 401)
