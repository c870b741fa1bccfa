"""socle import veyl posts and export, over files that people have (read again here by Python's own csv and
json), and over made-up ones that are cut, killed and sent twice."""

import contextlib
import csv
import io
import json
import subprocess
import threading
import time

import pytest
from harness import BINARY, PATIENCE, Server, database, shared_data, token
from veyl import all_posts, make_posts

csv.field_size_limit(10 ** 7)


@pytest.fixture
def server(tmp_path):
    server = Server(tmp_path)
    server.cli("migrate", "up")
    yield server
    server.close()


def run_import(server, *args, code=0, input=""):
    done = server.cli("import", "veyl", "posts", *args, "--json", code=code, input=input, timeout=120)
    events = [json.loads(line) for line in done.stderr.splitlines() if line.startswith("{")]
    counts = next((e for e in events if e.get("event") == "imported"), None)
    return counts, [e for e in events if e.get("event") == "rejected"]


def stored(server):
    text = server.cli("export", "veyl", "posts", "--quiet", timeout=120).stdout
    return {p["id"]: p for p in map(json.loads, text.split("\n")[:-1])}


def count(value):
    try:
        number = int(float(value))
    except (TypeError, ValueError):
        return None
    return number if number >= 0 else None


def rows_of(path):
    return list(csv.DictReader(io.StringIO(path.read_text("utf-8-sig"), newline="")))


# Each reader gives {id: (author, likes, comments, shares, views)}, later rows over earlier ones.


def read_tiktok_users(path):
    return {f"tiktok_{r['id']}": (r["user_name"], count(r["n_likes"]), count(r["n_comments"]), count(r["n_shares"]), count(r["n_plays"]))
            for r in rows_of(path)}


def read_tiktok_apify(path):
    return {"tiktok_" + r["webVideoUrl"].rsplit("/", 1)[1]:
            (r["authorMeta.name"], count(r["diggCount"]), count(r["commentCount"]), count(r["shareCount"]), count(r["playCount"]))
            for r in rows_of(path)}


def read_facebook_statuses(path):
    page = path.name.removesuffix("_facebook_statuses.csv")
    return {f"facebook_{r['status_id']}": (page, count(r["num_reactions"]), count(r["num_comments"]), count(r["num_shares"]), None)
            for r in rows_of(path)}


def read_instagram_apify(path):
    return {"instagram_" + p["url"].rstrip("/").rsplit("/", 1)[1]:
            (p["ownerUsername"], count(p["likesCount"]), count(p["commentsCount"]), None, None) for p in json.loads(path.read_text())}


def read_hashtag_feed(path):
    return {f"tiktok_{m['video_id']}": (m["author"]["uniqueId"], *(m["statistics"][k] for k in ("diggCount", "commentCount", "shareCount", "playCount")))
            for m in json.loads(path.read_text())["media"]}


def read_instagram_web(path):
    user = json.loads(path.read_text())["user"]
    return {f"instagram_{n['id']}": (user["username"], n["likes"]["count"], n["comments"]["count"], None, n.get("video_views")) for n in user["media"]["nodes"]}


def read_facebook_feed(path):
    return {f"facebook_{p['id']}": (p["from"]["name"].lower(), None, None, count(p.get("shares", {}).get("count")), None)
            for p in json.loads(path.read_text())["data"]}


READERS = [("tiktok/top_users_vids.csv", read_tiktok_users), ("tiktok/sug_users_vids1.csv", read_tiktok_users),
           ("tiktok/tiktok_luxury.csv", read_tiktok_apify), ("tiktok/HashtagFeed.json", read_hashtag_feed),
           ("instagram/instagram_posts_luxury.json", read_instagram_apify), ("feeds/instagram.json", read_instagram_web),
           ("feeds/facebook.json", read_facebook_feed)] + [
    (f"facebook/{page}_facebook_statuses.csv", read_facebook_statuses)
    for page in ("amrkhaled", "bbcworldnews", "celinedion", "cnn", "equipedefrance", "figc", "liverpoolfc", "mashable", "nasa",
                 "neymar", "realmadrid", "redeglobo", "starbucks", "veja", "whitehouse")]


@pytest.mark.parametrize("name, reader", READERS, ids=[name for name, _ in READERS])
def test_files_people_have(server, name, reader):
    path = shared_data() / "social" / name
    want = reader(path)
    counts, rejected = run_import(server, path)
    assert rejected == []
    assert counts["created"] == len(want)
    got = {i: (p["author"], *(p["metrics"][k] for k in ("likes", "comments", "shares", "views"))) for i, p in stored(server).items()}
    assert got.keys() == want.keys()
    for i in want:
        if reader is read_facebook_feed:
            assert got[i][0] == want[i][0] and got[i][3] == want[i][3]
        else:
            assert got[i] == (want[i][0].lower(), *want[i][1:]), i
    again, _ = run_import(server, path)
    assert again["created"] == 0 and again["unchanged"] + again["updated"] == counts["created"] + counts["updated"] + counts["unchanged"]
    assert len(stored(server)) == len(want)


def test_answers_of_the_graph_api(server):
    folder = shared_data() / "social" / "graph"
    posts = {"instagram": ["discovery/medias_p1", "hashtags/hashtag_recent_medias_p1", "hashtags/hashtag_top_medias_p1", "medias/media_default",
                           "medias/medias_fields", "users/medias_p1", "users/mentioned_media"],
             "facebook": ["posts/feed_fields_p1", "posts/multi_posts_data", "posts/single_post_data_fields", "videos/videos_p1", "groups/feed_p1"]}
    for platform, names in posts.items():
        files = [folder / platform / f"{name}.json" for name in names]
        counts, rejected = run_import(server, *files)
        assert rejected == [] and counts["created"] > 0
    everything = stored(server)
    recent = json.loads((folder / "instagram/hashtags/hashtag_recent_medias_p1.json").read_text())["data"]
    top = {m["id"]: m for m in json.loads((folder / "instagram/hashtags/hashtag_top_medias_p1.json").read_text())["data"]}
    for media in recent:
        post = everything[f"instagram_{media['id']}"]
        latest = top.get(media["id"], media)
        assert post["metrics"]["likes"] == latest["like_count"] and post["metrics"]["shares"] is None
        assert post["posted_at"] is None  # these answers have no time
    discovery = json.loads((folder / "instagram/discovery/medias_p1.json").read_text())["business_discovery"]
    for media in discovery["media"]["data"]:
        assert everything[f"instagram_{media['id']}"]["posted_at"] == media["timestamp"].replace("+0000", "Z")


def test_what_is_no_post_is_told(server):
    folder = shared_data() / "social" / "graph" / "instagram"
    counts, rejected = run_import(server, folder / "users/recently_searched_hashtags.json", folder / "comments/replies.json", code=1)
    assert counts["created"] == 0 and len(rejected) == 3
    assert {r["line"] for r in rejected} == {1, 2} and all(r["why"] for r in rejected)


def test_a_bad_line_among_many(server, tmp_path):
    lines = [json.dumps(p) for p in make_posts(2500, seed=3)]
    lines[1233] = lines[1233][:-20]
    path = tmp_path / "posts.ndjson"
    path.write_text("\n".join(lines))
    counts, rejected = run_import(server, path, "--batch", "700", code=1)
    assert counts["created"] == 2499 and [r["line"] for r in rejected] == [1234]
    counts, rejected = run_import(server, "-", code=1, input=path.read_text())
    assert counts["unchanged"] == 2499 and len(rejected) == 1


def test_wrong_use_is_told(server, tmp_path):
    path = tmp_path / "posts.ndjson"
    path.write_text("{}\n")
    assert "no-such" in server.cli("import", "veyl", "posts", tmp_path / "no-such", code=1).stderr
    assert "format" in server.cli("import", "veyl", "posts", path, "--format", "xml", code=1).stderr
    assert "batch" in server.cli("import", "veyl", "posts", path, "--batch", "0", code=1).stderr
    assert "format" in server.cli("export", "veyl", "posts", "--format", "xml", code=1).stderr
    (tmp_path / "cut.json").write_text('[{"id":"a","platform":"tiktok"},{"id":')
    assert "could not be read" in server.cli("import", "veyl", "posts", tmp_path / "cut.json", code=1).stderr
    assert list(stored(server)) == ["a"]


def strip(post):
    return {k: v for k, v in post.items() if k not in ("platform_id", "score_trend")}


@pytest.mark.parametrize("format", ["ndjson", "json", "csv"])
def test_an_export_reads_back_as_it_was(server, tmp_path, format):
    posts = make_posts(300, seed=4)
    posts[0] |= {"caption": "=cmd|' /C calc'!A0\n\"quoted\", é 😍 \u2028", "hashtags": ["a", "b,c", "d'e", 'f"g']}
    posts[1]["posted_at"] = None
    posts[2] |= {"author": "@-minus", "caption": "'already quoted", "mentions": ["x"], "media_type": "VIDEO"}
    path = tmp_path / "posts.ndjson"
    path.write_text("\n".join(map(json.dumps, posts)))
    run_import(server, path)
    before = stored(server)
    out = tmp_path / f"out.{format}"
    server.cli("export", "veyl", "posts", out, "--format", format)
    other = Server(tmp_path / "other")
    try:
        other.cli("migrate", "up")
        counts, rejected = run_import(other, out)
        assert rejected == [] and counts["created"] == 300
        after = stored(other)
        for i in before:
            assert strip(after[i]) == strip(before[i])
    finally:
        other.close()
    again, _ = run_import(server, out)
    assert (again["created"], again["updated"]) == (0, 0)


def connections(server):
    """Of others, to PostgreSQL."""
    others = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    return int(database(server, others)) if server.database else 0


def test_a_killed_import_is_simply_run_again(server, tmp_path):
    posts = make_posts(20000, seed=6)
    lines = [json.dumps(p) + "\n" for p in posts]
    path = tmp_path / "posts.ndjson"
    path.write_text("".join(lines))
    command = [BINARY, "import", "veyl", "posts", "-", "--batch", "500", "--json"]
    process = subprocess.Popen(command, env=server.env, cwd=server.folder, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def feed():
        """Not to the end: it is killed in the middle, however late."""
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write("".join(lines[:15000]))
            process.stdin.flush()
    feeder = threading.Thread(target=feed)
    feeder.start()
    for line in process.stderr:
        if '"progress"' in line and json.loads(line)["done"] >= 1000:
            break
    process.kill()
    process.wait()
    feeder.join()
    with contextlib.suppress(BrokenPipeError):
        process.stdin.close()
    process.stderr.close()
    until = time.monotonic() + 30 * PATIENCE
    while connections(server):  # what it had asked for is still done
        assert time.monotonic() < until
        time.sleep(0.02)
    half = stored(server)
    assert 1000 <= len(half) < 20000
    counts, _ = run_import(server, path)
    assert counts["created"] == 20000 - len(half) and counts["unchanged"] == len(half) and counts["updated"] == 0
    server.start()
    with server.client(token(server)) as client:
        project = client.post("/api/v1/projects", json={"hashtag_names": ["mode"], "platforms": ["tiktok"]}).json()
        assert project["posts_count"] == sum(p["platform"] == "tiktok" and "mode" in p["hashtags"] for p in posts)
        answer = client.get("/api/v1/posts", params={"limit": 1})
        assert answer.headers["X-Total-Count"] == "20000"


def test_a_running_server_sees_what_the_command_imports(server, tmp_path):
    server.start()
    path = tmp_path / "posts.ndjson"
    posts = make_posts(500, seed=8)
    path.write_text("\n".join(map(json.dumps, posts)))
    with server.client(token(server)) as client:
        project = client.post("/api/v1/projects", json={"hashtag_names": ["paris"], "creator_usernames": ["ana"]}).json()
        run_import(server, path)
        want = sum(p["platform"] == "instagram" and ("paris" in p["hashtags"] or p["author"] == "ana") for p in posts)
        assert client.get(f"/api/v1/projects/{project['id']}").json()["posts_count"] == want > 0
        assert len(all_posts(client, limit=200)) == 500


def test_the_demo_data_is_there_once(server):
    server.cli("demo", "--products", "veyl")
    first = stored(server)
    time.sleep(0.01)
    server.cli("demo", "--products", "veyl")
    assert stored(server) == first and len(first) >= 300
    server.start()
    from harness import Client
    with Client(server.url) as client:
        login = client.post("/api/v1/auth/login", json={"email": "demo@socle.test", "password": "socle-demo"})
        client.headers["Authorization"] = "Bearer " + login.json()["access_token"]
        projects = client.get("/api/v1/projects").json()
        assert len(projects) == 1 and projects[0]["posts_count"] > 50 and projects[0]["scope_type"] == "both"
        assert len({p["platform"] for p in first.values()}) == 3
        assert client.get("/api/v1/posts/trending").json()[0]["score_trend"] > 3
