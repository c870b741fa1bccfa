"""Search over HTTP: what is found, in which order, counted how; one's own writes; saved searches."""

import collections
import datetime
import json
import random
import time
import unicodedata

import pytest
import requests
from harness import DATABASE, PATIENCE, Server, problem, token
from veyl import SEARCH, bulk, found, ids, iso, make_posts, now, post, write


@pytest.fixture
def word():
    """A word that no other test has in its posts. Letters 3 and 4 differ: exchanging them is an error."""
    letters = [random.choice("bcdfghjklm") for _ in range(9)]
    letters[3] = random.choice([c for c in "bcdfghjklm" if c != letters[2]])
    return "w" + "".join(letters) + "z"


# -- what is found ----------------------------------------------------------------------------------

TABLE = [  # query, caption, found?
    ("phnoe", "my new phone", True),
    ("sevem", "seven days", True),
    ("caturday", "saturday night", False),
    ("tow", "two of us", False),
    ("iphoe", "an iphone case", True),
    ("any way", "anyway we go", True),
    ("newspaper", "the news paper", True),
    ("newspaper", "the paper news", False),
    ("ecole", "L'École du soir", True),
    ("École", "ecole", True),
    ("oeuvre", "une œuvre d'art", True),
    ("œuvre", "oeuvre", True),
    ("l eau", "l'eau vive", True),
    ("l'eau", "l’eau vive", True),
    ("loi elan", "#LoiELAN", True),
    ("loielan", "#LoiELAN", True),
    ("chevaux", "un cheval", True),
    ("bijoux", "un bijou", True),
    ("jeu", "des jeux", True),
    ("saint denis", "Saint-Denis", True),
    ('"quick brown"', "the quick brown fox", True),
    ('"quick brown"', "the brown quick fox", False),
    ('"quick brown"', "the quick and brown fox", False),
    ("quick NEAR/3 fox", "the quick red brown fox", True),
    ("quick NEAR/3 fox", "the quick very red brown fox", False),
    ("fox NEAR/3 quick", "the quick red brown fox", True),
    ("fox -brown", "the quick brown fox", False),
    ("fox -red", "the quick brown fox", True),
    ("fox AND (red OR brown)", "the quick brown fox", True),
    ("fox AND (red OR green)", "the quick brown fox", False),
    ("fox NOT brown", "the quick brown fox", False),
    ("qui*", "the quick brown fox", True),
    ("*ick", "the quick brown fox", True),
    ("qu?ck", "the quick brown fox", True),
    ("q?ck", "the quick brown fox", False),
    ("caption:fox", "the quick brown fox", True),
    ("author:fox", "the quick brown fox", False),
    ("👍", "well done 👍🏽", True),
    ("東京", "東京タワー", True),
    ("naïve", unicodedata.normalize("NFD", "naïve"), True),
]


@pytest.mark.smoke
def test_words_are_found_as_people_write_them(user_client, word):
    for q, caption, expected in TABLE:
        one = post(f"{caption}", author=f"{word}{random.getrandbits(30)}")
        write(user_client, one)
        got = ids(user_client, q, author=one["author"])
        assert (one["id"] in got) == expected, (q, caption, got)


def test_a_post_is_found_in_the_answer_to_its_own_write(user_client, word):
    for i in range(30):
        one = post(f"{word} number{i}")
        write(user_client, one)
        assert ids(user_client, f"{word} number{i}", limit=1) == [one["id"]]
    one["caption"] = "something else"
    changed = user_client.put(f"/api/v1/posts/{one['id']}", json={"caption": f"{word}changed"})
    assert changed.status_code == 200
    assert ids(user_client, f"{word}changed ") == [one["id"]]
    assert one["id"] not in ids(user_client, f'"{word} number29"')
    assert user_client.delete(f"/api/v1/posts/{one['id']}").status_code == 200
    assert ids(user_client, f"{word}changed ") == []


def test_hits_are_posts_best_first(user_client, word):
    texts = [f"a b c d {word} far far away brown", f"{word} brown", f"brown {word}", f"{word}x brown",
             f"x {word} brown y"]
    posts = [post(text, id=f"instagram_{random.getrandbits(60)}") for text in texts]
    write(user_client, *posts)
    hits = found(user_client, f"{word} brown ").json()
    order = [texts.index(hit["caption"]) for hit in hits]
    assert order[:2] == [1, 4] and order[2:] == [2, 0, 3]
    whole = user_client.get(f"/api/v1/posts/{hits[0]['id']}").json()
    whole.pop("score_trend"), hits[0].pop("score_trend")
    assert hits[0] == whole


def test_pages_neither_repeat_nor_skip(user_client, word):
    posts = [post(f"{word} {'x ' * (i % 5)}same", posted_at=iso(now() - datetime.timedelta(minutes=i))) for i in range(57)]
    write(user_client, *posts)
    whole = ids(user_client, f"{word} same ")
    assert len(whole) == 57 and len(set(whole)) == 57
    paged = []
    for offset in range(0, 70, 10):
        answer = found(user_client, f"{word} same ", limit=10, offset=offset)
        assert answer.headers["X-Total-Count"] == "57"
        paged += [hit["id"] for hit in answer.json()]
    assert paged == whole
    assert ids(user_client, f"{word} same ", offset=1000000) == []


def test_filters_and_sorts(user_client, word):
    posts = [post(f"{word} {i}", platform=random.choice(["instagram", "tiktok", "facebook"]),
                  author=f"a{i % 3}", language=random.choice(["fr", "en"]), hashtags=[f"t{i % 4}", "all"],
                  metrics={"likes": i * 10, "comments": i % 7}, posted_at=iso(now() - datetime.timedelta(days=i)))
             for i in range(40)]
    for i, one in enumerate(posts):
        one["id"] = f"{one['platform']}_{random.getrandbits(60)}"
    write(user_client, *posts)

    def expect(keep, **query):
        assert sorted(ids(user_client, word + " ", **query)) == sorted(p["id"] for p in posts if keep(p)), query

    expect(lambda p: p["platform"] == "tiktok", platform="tiktok")
    expect(lambda p: p["platform"] != "facebook", platform="tiktok,instagram")
    expect(lambda p: "t1" in p["hashtags"], hashtag="#T1")
    expect(lambda p: p["author"] == "a2" and p["language"] == "fr", author="@A2", language="fr")
    expect(lambda p: p["metrics"]["likes"] + p["metrics"]["comments"] >= 200, min_score=200)
    expect(lambda p: p["posted_at"] >= posts[10]["posted_at"], **{"from": posts[10]["posted_at"]})
    expect(lambda p: p["posted_at"] < posts[10]["posted_at"], to=posts[10]["posted_at"])
    expect(lambda p: p["metrics"]["likes"] > 100 and p["author"] != "a1" or "t0" in p["hashtags"],
           filter="(likes > 100 AND author != a1) OR hashtags = t0")
    expect(lambda p: False, platform="mastodon")
    by_likes = sorted(posts, key=lambda p: -p["metrics"]["likes"])
    assert ids(user_client, word + " ", sort="-likes") == [p["id"] for p in by_likes]
    assert ids(user_client, word + " ", sort="likes:asc", limit=5) == [p["id"] for p in by_likes[::-1][:5]]
    newest = sorted(posts, key=lambda p: p["posted_at"], reverse=True)
    assert ids(user_client, word + " ") == [p["id"] for p in newest]  # equals: newest first


def test_a_strict_sort_goes_by_date_alone(user_client, word):
    captions = [f"{word} pie", f"{word} and then some pie", f"{word} tart", f"a pie and {word}"]
    posts = [post(caption, id=f"tiktok_{random.getrandbits(60)}", platform="tiktok", hashtags=["t"],
                  posted_at=iso(now() - datetime.timedelta(days=len(captions) - i)))
             for i, caption in enumerate(captions)]
    write(user_client, *posts)
    q, every = word + " pie ", [p["id"] for p in posts if "pie" in p["caption"]]
    assert ids(user_client, q, sort="-posted_at")[0] == posts[0]["id"]  # the best match, the oldest
    assert ids(user_client, q, sort="-posted_at", strict="true") == every[::-1]
    assert ids(user_client, q, sort="posted_at", strict="true") == every


def test_the_envelope(user_client, word):
    posts = [post(f"Une {word} à Paris, c'est l'été {i}", hashtags=[f"t{i % 3}"], language="fr",
                  posted_at=f"2025-03-{1 + i % 4:02}T12:00:00Z", metrics={"likes": i}) for i in range(20)]
    write(user_client, *posts)
    typo = word[:3] + word[4] + word[3] + word[5:]
    answer = found(user_client, f"{typo} ", envelope="true", details="true", limit=5, crop=3,
                   facets="platform,hashtags,language,day,likes").json()
    assert answer["estimatedTotalHits"] == 20 and answer["limit"] == 5 and answer["offset"] == 0
    assert answer["query"] == f"{typo} " and answer["processingTimeMs"] >= 0
    counts = collections.Counter(p["posted_at"][:10] for p in posts)
    assert answer["facetDistribution"]["platform"] == {"instagram": 20}
    assert answer["facetDistribution"]["hashtags"] == {"t0": 7, "t1": 7, "t2": 6}
    assert answer["facetDistribution"]["language"] == {"fr": 20}
    assert answer["facetDistribution"]["day"] == dict(counts)
    assert answer["facetStats"]["likes"] == {"min": 0, "max": 19, "sum": 190}
    assert len(answer["hits"]) == 5
    for hit in answer["hits"]:
        assert f"<em>{word}</em>" in hit["_formatted"]["caption"]
        assert len(hit["_formatted"]["caption"]) < len(hit["caption"]) + 9
        assert 0 < hit["_rankingScore"] < 1
        assert hit["_rankingScoreDetails"]["typos"]["value"] == 1
    exact = found(user_client, f"{word} ", envelope="true").json()
    assert exact["hits"][0]["_rankingScore"] > answer["hits"][0]["_rankingScore"]
    assert "_rankingScoreDetails" not in exact["hits"][0]


def test_counts_equal_a_count_by_hand(user_client, word):
    """Random posts and queries against counting in Python over the same rows."""
    words = [word + end for end in ("aa", "bbbb", "cccccc")]
    chosen = random.Random(5)
    posts = [post(" ".join(chosen.choices(words + ["x", "y"], k=chosen.randint(1, 6))),
                  platform=chosen.choice(["instagram", "tiktok"]), hashtags=chosen.sample(["p", "q", "r"], 2),
                  metrics={"likes": chosen.randint(0, 50)}) for _ in range(300)]
    for one in posts:
        one["id"] = f"{one['platform']}_{random.getrandbits(60)}"
    assert bulk(user_client, posts)["created"] == 300
    for _ in range(60):
        a, b = chosen.sample(words, 2)
        low = chosen.randint(0, 50)
        kept = [p for p in posts if p["metrics"]["likes"] >= low and
                (a in p["caption"].split() or b in p["caption"].split())]
        answer = found(user_client, f'"{a}" OR "{b}"', filter=f"likes >= {low}", envelope="true", limit=1,
                       facets="platform,hashtags").json()
        assert answer["estimatedTotalHits"] == len(kept)
        for name, values in (("platform", [[p["platform"]] for p in kept]), ("hashtags", [p["hashtags"] for p in kept])):
            assert answer["facetDistribution"][name] == dict(collections.Counter(v for list_ in values for v in list_))


def test_what_is_wrong_is_said(user_client):
    problem(user_client.get(SEARCH), 422)
    for query, where in [({"limit": 0}, "limit"), ({"limit": 101}, "limit"), ({"offset": -1}, "offset"),
                         ({"sort": "colour"}, "sort"), ({"facets": "caption", "envelope": "true"}, "facets"),
                         ({"mode": "magic"}, "mode"), ({"from": "yesterday"}, "from"), ({"min_score": "x"}, "min_score")]:
        answer = user_client.get(SEARCH, params={"q": "a"} | query)
        assert answer.status_code == 422 and where in answer.text, (query, answer.text)
    for filter_, said in [("colour = red", "not filterable"), ("likes = many", "needs a number"), ("platform = 'a", "not closed")]:
        answer = user_client.get(SEARCH, params={"q": "a", "filter": filter_})
        assert answer.status_code == 422 and said in answer.json()["detail"] and answer.json()["code"] == "invalid_search_filter"
    answer = user_client.get(SEARCH, params={"q": "((" * 101 + "a"})
    assert answer.status_code == 422 and answer.json()["code"] == "invalid_search_q"
    problem(user_client.get(SEARCH, params={"q": "a", "mode": "semantic"}), 501)


ODD = ["", " ", "!!!", '"', '""', "(", ")", "-", "*", "?", "AND", "NOT", "NEAR/3", "a" * 3900, "\u0301" * 1000,
       "e" + "\u0301" * 1000, "👩‍👩‍👧‍👦", "\u202e\u200f", "word " * 750, "a* b* c* d*", "'; DROP TABLE posts; --", "%", "_"]


@pytest.mark.parametrize("place", range(len(ODD)))
def test_odd_queries_are_answered(user_client, place):
    answer = user_client.get(SEARCH, params={"q": ODD[place], "envelope": "true", "facets": "platform,hashtags,day"})
    assert answer.status_code == 200 or answer.json()["code"] == "invalid_search_q", answer.text
    if answer.status_code == 200:
        assert len(answer.json()["hits"]) <= 20


def test_queries_that_are_no_text_or_too_long_are_refused(user_client):
    assert user_client.get(SEARCH + "?q=a%00b").status_code == 400
    problem(user_client.get(SEARCH, params={"q": "a" * 4001}), 422)
    assert user_client.get(SEARCH, params={"q": "a" * 2000000}).status_code in (414, 431)


def test_invalid_utf8_is_refused_or_read_as_nothing(server, user_client):
    answer = requests.get(server.url + SEARCH + "?q=%ff%fe", headers=user_client.headers, timeout=30)
    assert answer.status_code in (200, 400, 422)


def test_only_the_signed_in_search(server, client):
    problem(client.get(SEARCH, params={"q": "a"}), 401)


# -- many ---------------------------------------------------------------------------------------------


def test_imported_posts_are_found(user_client):
    posts = make_posts(2000, seed=9, prefix=f"s{random.getrandbits(40)}_")
    assert bulk(user_client, posts)["created"] == 2000
    sample = random.Random(3).sample(posts, 40)
    for one in sample:
        q = '"' + " ".join(one["caption"].replace('"', " ").split()[:4]) + '"'
        answer = found(user_client, q, author=one["author"], platform=one["platform"])
        assert one["id"] in [hit["id"] for hit in answer.json()], (q, one)


def test_the_index_outlives_a_restart(tmp_path):
    server = Server(tmp_path / "s").start()
    client = server.client(token(server))
    write(client, *[post(f"persistence {i}") for i in range(25)])
    before = ids(client, "persistence")
    assert len(before) == 25
    server.stop()
    server.start()
    client = server.client(client.headers["Authorization"].split()[1])
    assert ids(client, "persistence") == before
    write(client, post("persistence again"))
    assert len(ids(client, "persistence")) == 26
    server.stop()


def eventually(look, wanted):
    """What follows a change of another process: there is no event to wait for from outside."""
    until = time.monotonic() + 20 * PATIENCE
    while (got := look()) != wanted and time.monotonic() < until:
        time.sleep(0.01)
    assert got == wanted


def built(client):
    """The index is there: while it is being built for longer than a moment, who searches is told so."""
    eventually(lambda: client.get(SEARCH, params={"q": "x"}).status_code, 200)
    return client


@pytest.mark.skipif(DATABASE != "postgres", reason="nodes share a PostgreSQL database")
def test_what_one_node_writes_is_found_on_the_other(tmp_path):
    first = Server(tmp_path / "a").start()
    second = Server(tmp_path / "b", database=first.database, redis=first.env["REDIS_URL"]).start()
    access = token(first)
    writer, reader = first.client(access), second.client(access)
    assert ids(reader, "crossing") == []
    posts = [post(f"crossing {i}") for i in range(10)]
    write(writer, *posts)
    eventually(lambda: set(ids(reader, "crossing")), {p["id"] for p in posts})
    assert writer.delete(f"/api/v1/posts/{posts[0]['id']}").status_code == 200
    eventually(lambda: set(ids(reader, "crossing")), {p["id"] for p in posts[1:]})
    second.stop()
    first.stop()


def test_what_a_command_imports_is_found_by_the_server(server, user_client, tmp_path, word):
    posts = [post(f"{word} imported {i}") for i in range(50)]
    file = tmp_path / "posts.ndjson"
    file.write_text("\n".join(json.dumps(p) for p in posts))
    server.cli("import", "veyl", "posts", str(file))
    assert set(ids(user_client, f"{word} ")) == {p["id"] for p in posts}  # a search looks first


@pytest.mark.parametrize("damage", ["flip", "cut", "manifest", "remove"])
def test_a_damaged_snapshot_is_healed(tmp_path, damage):
    server = Server(tmp_path / "s").start()
    client = server.client(token(server))
    write(client, *[post(f"healing {i}") for i in range(30)])
    before = ids(client, "healing")
    server.stop()
    folder = server.folder / "search/posts"
    segments = sorted(folder.glob("*.seg"))
    assert segments and (folder / "manifest").exists()
    if damage == "flip":
        content = bytearray(segments[0].read_bytes())
        content[len(content) // 2] ^= 1
        segments[0].write_bytes(content)
    elif damage == "cut":
        segments[0].write_bytes(segments[0].read_bytes()[:-9])
    elif damage == "manifest":
        (folder / "manifest").write_text("nonsense")
    else:
        segments[0].unlink()
    server.start()
    client = built(server.client(client.headers["Authorization"].split()[1]))
    assert ids(client, "healing") == before
    server.stop()


def test_killed_at_any_moment_the_index_equals_the_table(tmp_path):
    server = Server(tmp_path / "s").start()
    access, chosen = token(server), random.Random(8)
    client = server.client(access)
    known = {}
    for round_ in range(5):
        for _ in range(20):
            one = post(f"survivor {round_}")
            write(client, one)
            known[one["id"]] = one
        gone = chosen.choice(list(known))
        assert client.delete(f"/api/v1/posts/{gone}").status_code == 200
        del known[gone]
        server.kill()
        server.start()
        client = built(server.client(access))
        assert set(ids(client, "survivor", limit=100)) == set(known)
    order = ids(client, "survivor", limit=100)
    server.stop()
    assert server.cli("reindex", "posts").stdout.startswith(f"posts: {len(known)} documents")
    server.start()
    assert ids(server.client(access), "survivor", limit=100) == order
    server.stop()


# -- saved searches -----------------------------------------------------------------------------------


def project_of(client):
    made = client.post("/api/v1/projects", json={"name": "Watch"})
    assert made.status_code == 201, made.text
    return made.json()["id"]


def test_a_saved_search_turns_new_posts_into_signals(user_client, word):
    project = project_of(user_client)
    path = f"/api/v1/projects/{project}/searches"
    write(user_client, post(f"{word} before"))
    made = user_client.post(path, json={"name": "Mine", "q": f"{word} AND (new OR fresh)", "filter": "likes >= 3"})
    assert made.status_code == 201, made.text
    saved = made.json()
    assert saved["enabled"] is True and saved["signals_count"] == 0 and saved["last_signal_at"] is None
    assert user_client.get(path).json() == [saved]
    hit = post(f"a {word} that is new", metrics={"likes": 3})
    write(user_client, post(f"{word} new", metrics={"likes": 2}), hit, post("new", metrics={"likes": 9}))
    signals = wait_signals(user_client, project, 1)
    assert [(s["kind"], s["post_id"], s["saved_search_id"], s["title"]) for s in signals] == \
        [("saved_search", hit["id"], saved["id"], "Mine")]
    body = user_client.get(f"/api/v1/projects/{project}").json()
    assert body["signals_count"] == 1 and body["last_signal_at"]
    again = user_client.put(f"/api/v1/posts/{hit['id']}", json={"metrics": {"likes": 30}})
    assert again.status_code == 200
    write(user_client, post(f"{word} fresh", metrics={"likes": 30}))
    assert len(wait_signals(user_client, project, 2)) == 2  # a post tells once
    assert user_client.put(f"{path}/{saved['id']}", json={"enabled": False}).status_code == 200
    write(user_client, post(f"{word} new", metrics={"likes": 30}))
    assert user_client.delete(f"{path}/{saved['id']}").status_code == 204
    problem(user_client.get(f"{path}/{saved['id']}"), 404, "Saved search not found")
    assert len(user_client.get(f"/api/v1/projects/{project}/signals").json()) == 2


def wait_signals(client, project, count):
    until = time.monotonic() + 20
    while True:
        signals = client.get(f"/api/v1/projects/{project}/signals").json()
        if len(signals) >= count or time.monotonic() > until:
            return signals
        time.sleep(0.02)


def test_saved_searches_are_checked_and_belong_to_the_project(server, user_client):
    project = project_of(user_client)
    path = f"/api/v1/projects/{project}/searches"
    assert user_client.post(path, json={"name": "x", "q": "a", "filter": "colour = red"}).status_code == 422
    assert user_client.post(path, json={"name": "", "q": "a"}).status_code == 422
    assert user_client.post(path, json={"name": "x"}).status_code == 422
    assert user_client.post(path, json={"name": "x", "q": "a"}).status_code == 201
    problem(user_client.post(path, json={"name": "x", "q": "b"}), 409)
    stranger = server.client(token(server))
    problem(stranger.get(path), 404, "Project not found")
    problem(stranger.post(path, json={"name": "y", "q": "b"}), 404, "Project not found")
    problem(stranger.get(f"/api/v1/projects/{project}/signals"), 404, "Project not found")
