"""Search where MEILI_HOST names a Meilisearch instead of the engine within: against a strict fake of it."""

import collections
import datetime
import pathlib
import random
import re
import sys
import threading
import time

import pytest
from harness import DATABASE, PATIENCE, Server, problem, token
from veyl import SEARCH, bulk, found, ids, iso, make_posts, now, post, write

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "fake"))
from meilisearch import KEY, FakeMeilisearch  # noqa: E402


def failures(meili):
    """Codes of tasks that failed, but for those that a build asks for to be sure."""
    return [code for _, _, code in meili.failed if code not in ("index_not_found", "index_already_exists")]


@pytest.fixture
def meili():
    """A test that expects a refusal or a failed task takes it out of the lists."""
    with FakeMeilisearch() as meili:
        yield meili
    assert meili.refused == [] and failures(meili) == []


@pytest.fixture
def serve(tmp_path, meili):
    """serve(): a server that uses the fake; ended after the test."""
    made = []

    def begin(**options):
        server = Server(tmp_path / f"s{len(made)}", MEILI_HOST=meili.host + "/",
                        **{"MEILI_MASTER_KEY": KEY} | options)
        made.append(server)
        return server.start()
    yield begin
    for server in made:
        server.close()


def sign_in(server):
    return server.client(token(server))


def eventually(look, limit=20):
    until = time.monotonic() + limit * PATIENCE
    while not (got := look()) and time.monotonic() < until:
        time.sleep(0.02)
    assert got


def swaps(meili):
    """How often the index of posts was built: other indexes come and go beside it."""
    return sum("posts" in uids for uids in meili.swaps)


def settled(meili):
    """Every task is done: a server that ends does not wait for the one that tells how far it was."""
    eventually(lambda: not meili.next_task())


def metric(server, name):
    text = server.client().get("/metrics").text
    return float(re.search(rf'^{name}{{index="posts".*}} (\S+)$', text, re.M).group(1))


# -- what is found ----------------------------------------------------------------------------------


@pytest.mark.smoke
def test_ones_own_writes_are_found_at_once(serve, meili):
    meili.delay = 0.01
    client = sign_in(serve())
    for i in range(10):
        one = post(f"reading number{i}")
        write(client, one)
        assert ids(client, f"reading number{i} ")[:1] == [one["id"]]
    assert client.put(f"/api/v1/posts/{one['id']}", json={"caption": "changed entirely"}).status_code == 200
    assert ids(client, "entirely") == [one["id"]] and one["id"] not in ids(client, '"reading number9"')
    assert client.delete(f"/api/v1/posts/{one['id']}").status_code == 200
    assert ids(client, "entirely") == []
    assert len(ids(client, "")) == 9
    assert swaps(meili) == 1  # built once, at the start


def test_words_phrases_and_what_must_not_be_there(serve):
    client = sign_in(serve())
    posts = [post("the quick brown fox"), post("the brown quick fox"), post("L'École du soir")]
    write(client, *posts)
    first, second, third = [p["id"] for p in posts]
    assert ids(client, '"quick brown"') == [first]
    assert ids(client, "fox -soir ") == [second, first]  # equals: newest first
    assert ids(client, "ecole ") == [third]
    assert ids(client, "eco") == [third]
    body = found(client, "brown", envelope="true").json()
    assert "<em>brown</em>" in body["hits"][0]["_formatted"]["caption"]
    assert body["estimatedTotalHits"] == 2 and 0 < body["hits"][0]["_rankingScore"] <= 1


def test_filters_and_sorts(serve, meili):
    client = sign_in(serve())
    posts = [post(f"filtering {i}", platform=random.choice(["instagram", "tiktok", "facebook"]),
                  author=f"a{i % 3}", language=random.choice(["fr", "en"]), hashtags=[f"t{i % 4}", "été"],
                  metrics={"likes": i * 10, "comments": i % 7}, posted_at=iso(now() - datetime.timedelta(days=i)))
             for i in range(40)]
    for one in posts:
        one["id"] = f"{one['platform']}_{random.getrandbits(60)}"
    assert bulk(client, posts)["created"] == 40

    def expect(keep, **query):
        assert sorted(ids(client, "filtering ", **query)) == sorted(p["id"] for p in posts if keep(p)), query

    expect(lambda p: p["platform"] == "tiktok", platform="tiktok")
    expect(lambda p: p["platform"] != "facebook", platform="tiktok,instagram")
    expect(lambda p: "t1" in p["hashtags"], hashtag="#T1")
    expect(lambda p: True, hashtag="ETE")
    expect(lambda p: p["author"] == "a2" and p["language"] == "fr", author="@A2", language="fr")
    expect(lambda p: p["metrics"]["likes"] + p["metrics"]["comments"] >= 200, min_score=200)
    expect(lambda p: p["posted_at"] >= posts[10]["posted_at"], **{"from": posts[10]["posted_at"]})
    expect(lambda p: p["posted_at"] < posts[10]["posted_at"], to=posts[10]["posted_at"])
    expect(lambda p: p["metrics"]["likes"] > 100 and p["author"] != "a1" or "t0" in p["hashtags"],
           filter="(likes > 100 AND author != a1) OR hashtags = t0")
    expect(lambda p: p["author"] == "a1" or p["metrics"]["likes"] == 0,
           filter="NOT (author != a1 AND NOT likes = 0)")
    expect(lambda p: "t1" in p["hashtags"] or "t3" in p["hashtags"], filter="hashtags STARTS WITH T AND hashtags IN [t1, T3]")
    expect(lambda p: 100 <= p["metrics"]["likes"] <= 200, filter="likes 100 TO 200")
    expect(lambda p: False, filter="views EXISTS")
    expect(lambda p: False, platform="mastodon")
    many = [f"a{i}" for i in range(0, 200, 2)]
    expect(lambda p: p["author"] in many, filter=f"author IN [{', '.join(many)}]")
    expect(lambda p: p["author"] in many, filter=" OR ".join(f"author = {name}" for name in many))
    by_likes = sorted(posts, key=lambda p: -p["metrics"]["likes"])
    assert ids(client, "filtering ", sort="-likes") == [p["id"] for p in by_likes]
    assert ids(client, "filtering ", sort="likes:asc", limit=5, offset=5) == [p["id"] for p in by_likes[::-1][5:10]]
    newest = sorted(posts, key=lambda p: p["posted_at"], reverse=True)
    assert ids(client, "filtering ") == [p["id"] for p in newest]


@pytest.mark.parametrize("name", ['a"b', "a\\b", 'a\\"', "back\\", "it's", "AND", "é" * 200, "é" * 199 + "e"])
def test_values_of_any_kind_are_told_apart(serve, name):
    client = sign_in(serve())
    near = name[:-1] + ("f" if name[-1] != "f" else "g")
    mine, other = post("odd", author=name), post("odd", author=near)
    write(client, mine, other)
    quoted = name.replace("\\", "\\\\").replace('"', '\\"')
    assert ids(client, "odd ", author=name) == [mine["id"]]
    assert ids(client, "odd ", filter=f'author != "{quoted}"') == [other["id"]]


def test_a_filter_deeper_than_meilisearch_reads_is_refused(serve, meili):
    client = sign_in(serve())
    text = "likes = 1"
    for i in range(100):
        text = f"({text} {'AND' if i % 2 else 'OR'} likes = {i})"
    answer = client.get(SEARCH, params={"q": "a", "filter": text})
    assert answer.status_code == 422 and answer.json()["code"] == "invalid_search_filter"
    assert [one[2] for one in meili.refused] == ["invalid_search_filter"]
    meili.refused.clear()


def test_facets_histograms_and_stats(serve):
    client = sign_in(serve())
    posts = [post(f"counting {i}", hashtags=[f"t{i % 3}"], language="fr", posted_at=f"2025-03-{1 + i % 4:02}T12:00:00Z",
                  metrics={"likes": i}) for i in range(20)]
    write(client, *posts)
    answer = found(client, "counting ", envelope="true", limit=5, facets="platform,hashtags,language,day,week,likes").json()
    assert len(answer["hits"]) == 5 and answer["estimatedTotalHits"] == 20
    facets = answer["facetDistribution"]
    assert facets["platform"] == {"instagram": 20} and facets["language"] == {"fr": 20}
    assert facets["hashtags"] == {"t0": 7, "t1": 7, "t2": 6}
    assert facets["day"] == dict(collections.Counter(p["posted_at"][:10] for p in posts))
    assert list(facets["day"]) == sorted(facets["day"])
    assert sum(facets["week"].values()) == 20
    assert answer["facetStats"]["likes"] == {"min": 0, "max": 19, "sum": 190}


def test_a_sum_over_too_many_values_is_left_out(serve):
    client = sign_in(serve())
    posts = make_posts(1200, seed=4)
    for i, one in enumerate(posts):
        one["metrics"] = {"likes": i, "comments": i % 10}
    assert bulk(client, posts)["created"] == 1200
    stats = found(client, "", envelope="true", facets="likes,comments").json()["facetStats"]
    assert stats == {"likes": {"min": 0, "max": 1199}, "comments": {"min": 0, "max": 9, "sum": 5400}}


def test_names_are_suggested(serve):
    client = sign_in(serve())
    write(client, *[post("x", hashtags=["paris", "parfum"] if i else ["paris"], author="chloé") for i in range(3)])
    suggested = client.get("/api/v1/hashtags/suggest", params={"q": "#PAR"}).text
    assert 0 < suggested.index('"paris"') < suggested.index('"parfum"')
    assert "chloé" in client.get("/api/v1/projects/creators/search", params={"q": "chl"}).text


def test_saved_searches_find_new_posts_with_operators_too(serve):
    client = sign_in(serve())
    project = client.post("/api/v1/projects", json={"name": "Watch"}).json()["id"]
    made = client.post(f"/api/v1/projects/{project}/searches",
                       json={"name": "Mine", "q": "storm AND (new OR fresh)", "filter": "likes >= 3"})
    assert made.status_code == 201, made.text
    hit = post("a storm that is new", metrics={"likes": 3})
    write(client, post("storm new", metrics={"likes": 2}), hit)
    signals = f"/api/v1/projects/{project}/signals"
    eventually(lambda: client.get(signals).json())
    assert [s["post_id"] for s in client.get(signals).json()] == [hit["id"]]


@pytest.mark.parametrize("q", ["fox AND hare", "fox OR hare", "fox NOT hare", "NOT fox", "fox NEAR/3 hare", "author:ana",
                               "fo*", "f?x", "(fox)"])
def test_what_meilisearch_cannot_do_is_said(serve, q):
    client = sign_in(serve())
    problem(client.get(SEARCH, params={"q": q}), 501,
            "Meilisearch knows no AND, OR, NOT, NEAR, field:value and wildcards in a query")


def test_contains_needs_what_meilisearch_calls_experimental(serve, meili):
    client = sign_in(serve())
    one = post("x", author="annabelle")
    write(client, one, post("x", author="bob"))
    problem(client.get(SEARCH, params={"q": "", "filter": "author CONTAINS Nab"}), 501,
            "Meilisearch knows CONTAINS only with its containsFilter enabled")
    assert [r[2] for r in meili.refused] == ["feature_not_enabled"]
    meili.refused.clear()
    meili.contains = True
    assert ids(client, "", filter="author CONTAINS Nab") == [one["id"]]


# -- keeping up ---------------------------------------------------------------------------------------


def test_many_posts_go_in_batches(serve, meili):
    client = sign_in(serve())
    posts = make_posts(2000, seed=9)
    assert bulk(client, posts)["created"] == 2000
    assert found(client, "", envelope="true").json()["estimatedTotalHits"] == 2000
    assert len(meili.indexes["posts"].documents) == 2000
    sent = sum(kind == "documentAdditionOrUpdate" for kind, uid, _ in meili.writes if uid == "posts")
    assert sent < 50, meili.writes


def test_a_restart_goes_on_from_where_it_was(serve, meili):
    server = serve()
    client = sign_in(server)
    write(client, *[post(f"resuming {i}") for i in range(10)])
    before = ids(client, "resuming ")
    server.stop()
    settled(meili)
    sent = meili.documents_written()
    server.start()
    client = server.client(client.headers["Authorization"].split()[1])
    assert ids(client, "resuming ") == before and len(before) == 10
    assert meili.documents_written() == sent and swaps(meili) == 1
    server.kill()
    server.start()
    client = server.client(client.headers["Authorization"].split()[1])
    assert ids(client, "resuming ") == before
    assert meili.documents_written() == sent
    write(client, post("resuming again"))
    assert len(ids(client, "resuming ")) == 11
    assert meili.documents_written() == sent + 1 and swaps(meili) == 1


@pytest.mark.parametrize("what", ["definition", "lost", "older database"])
def test_what_cannot_be_followed_from_is_built_anew(serve, meili, what):
    server = serve()
    client = sign_in(server)
    write(client, *[post(f"rebuilding {i}") for i in range(10)])
    before = ids(client, "rebuilding ")
    server.stop()
    settled(meili)
    state = meili.indexes["socle_state"].documents["posts"]
    if what == "definition":
        state["definition"] = "another"
    elif what == "lost":
        meili.wipe()
    else:
        state["covered"] += 1000
        meili.indexes["posts"].documents["77"] = {"key": 77, "caption": "rebuilding nothing"}
    server.start()
    client = server.client(client.headers["Authorization"].split()[1])
    eventually(lambda: client.get(SEARCH, params={"q": "rebuilding "}).status_code == 200)  # 503 while it takes long
    assert ids(client, "rebuilding ") == before
    assert swaps(meili) == 2
    eventually(lambda: "posts_building" not in meili.indexes)


def test_reindex_beside_a_server_builds_anew_while_it_answers(serve, meili):
    server = serve()
    client = sign_in(server)
    write(client, *[post(f"twice {i}") for i in range(10)])
    assert len(ids(client, "twice ")) == 10
    done = server.cli("reindex", "posts", code=1)
    assert "asked to build it anew" in done.stderr
    eventually(lambda: swaps(meili) == 2)
    assert len(ids(client, "twice ")) == 10
    server.stop()
    assert server.cli("reindex", "posts").stdout.startswith("posts: 10 documents")
    assert swaps(meili) == 3


# -- Meilisearch is away, slow, or does not want to -----------------------------------------------------


def test_away_at_the_start(tmp_path):
    meili = FakeMeilisearch().start()
    meili.stop()
    server = Server(tmp_path / "s", MEILI_HOST=meili.host, MEILI_MASTER_KEY=KEY).start()
    try:
        client = sign_in(server)
        one = post("patience")
        write(client, one)
        problem(client.get(SEARCH, params={"q": "patience"}), 503)
        server.wait_log("Meilisearch cannot be reached")
        meili.start()
        eventually(lambda: client.get(SEARCH, params={"q": "patience"}).status_code == 200)
        assert ids(client, "patience") == [one["id"]]
    finally:
        server.close()
        if meili.running:
            meili.stop()


def test_away_for_a_while(serve, meili):
    server = serve()
    client = sign_in(server)
    first, second = post("absence one"), post("absence two")
    write(client, first)
    assert ids(client, "absence ") == [first["id"]]
    meili.stop()
    answer = client.get(SEARCH, params={"q": "absence"})
    assert problem(answer, 503)["detail"] == "The service cannot do this right now. Please try again in a moment."
    write(client, second)
    problem(client.get(SEARCH, params={"q": "absence"}), 503)
    assert metric(server, "socle_search_documents") >= 0
    meili.start()
    eventually(lambda: client.get(SEARCH, params={"q": "absence"}).status_code == 200)
    assert ids(client, "absence ") == [second["id"], first["id"]]
    assert swaps(meili) == 1  # it went on, nothing was built anew


def test_one_that_comes_back_empty_is_filled_again(serve, meili):
    client = sign_in(serve())
    one = post("emptiness")
    write(client, one)
    assert ids(client, "emptiness") == [one["id"]]
    meili.stop()
    meili.wipe()
    meili.start()
    eventually(lambda: client.get(SEARCH, params={"q": "emptiness"}).status_code == 200)
    assert ids(client, "emptiness") == [one["id"]]
    assert meili.indexes["posts"].settings["sortableAttributes"]


def test_one_that_comes_back_empty_is_not_believed_until_it_is_filled(serve, meili):
    client = sign_in(serve())
    one = post("hollowness")
    write(client, one)
    assert ids(client, "hollowness") == [one["id"]]
    meili.stop()
    meili.wipe()
    meili.hold(lambda task: task["type"] == "indexSwap" and "posts" in task["details"]["swaps"][0]["indexes"])
    meili.start()

    def nearly_built():
        problem(client.get(SEARCH, params={"q": "hollowness"}), 503)
        return meili.is_held()
    eventually(nearly_built)
    assert "posts" in meili.indexes  # there, and empty
    problem(client.get(SEARCH, params={"q": "hollowness"}), 503)
    meili.release()
    eventually(lambda: client.get(SEARCH, params={"q": "hollowness"}).status_code == 200)
    assert ids(client, "hollowness") == [one["id"]]


def test_a_task_that_fails_is_tried_again(serve, meili):
    server = serve()
    client = sign_in(server)
    write(client, post("stubborn one"))
    assert len(ids(client, "stubborn ")) == 1
    meili.fail("documentAdditionOrUpdate", "posts")  # other indexes tell how far they are by such tasks, too
    write(client, post("stubborn two"))
    answer = client.get(SEARCH, params={"q": "stubborn"})
    assert answer.status_code in (200, 503)  # 503: told of the failure while it waited
    server.wait_log("No space left on device")
    eventually(lambda: client.get(SEARCH, params={"q": "stubborn"}).status_code == 200)
    assert len(ids(client, "stubborn ")) == 2
    assert failures(meili) == ["internal"]
    meili.failed.clear()


def test_a_build_that_fails_is_begun_again(serve, meili):
    meili.fail("settingsUpdate")
    server = serve()
    client = sign_in(server)
    write(client, post("beginnings"))
    eventually(lambda: client.get(SEARCH, params={"q": "beginnings"}).status_code == 200)
    assert len(ids(client, "beginnings")) == 1
    server.wait_log("cannot be built")
    assert failures(meili) == ["internal"]
    meili.failed.clear()


@pytest.mark.parametrize("key", ["wrong", ""])
def test_a_wrong_key(serve, meili, key):
    server = serve(MEILI_MASTER_KEY=key)
    client = sign_in(server)
    write(client, post("locked out"))
    problem(client.get(SEARCH, params={"q": "locked"}), 503)
    server.wait_log("Meilisearch refuses the key")
    assert {code for _, _, code, _ in meili.refused} == {"invalid_api_key" if key else "missing_authorization_header"}
    meili.refused.clear()
    server.stop()
    meili.refused.clear()


def test_what_is_no_meilisearch_is_told_so(tmp_path, serve):
    other = serve()
    server = Server(tmp_path / "mistaken", MEILI_HOST=other.url, MEILI_MASTER_KEY=KEY).start()
    try:
        problem(sign_in(server).get(SEARCH, params={"q": "a"}), 503)
        assert server.client().get("/livez").status_code == 200
    finally:
        server.close()


def test_who_waits_for_slow_tasks_is_answered_when_they_end(serve, meili):
    server = serve()
    client = sign_in(server)
    write(client, post("slowness one"))
    assert len(ids(client, "slowness ")) == 1
    meili.hold()
    write(client, post("slowness two"))
    answers = []
    waiting = threading.Thread(target=lambda: answers.append(ids(client, "slowness ")))
    waiting.start()
    eventually(lambda: any(t["status"] == "enqueued" for t in meili.tasks))
    began = time.monotonic()
    assert metric(server, "socle_search_documents") == 1
    assert time.monotonic() - began < 8 * PATIENCE  # what tells about it does not wait for it
    assert waiting.is_alive() and answers == []
    meili.release()
    waiting.join(20 * PATIENCE)
    assert len(answers[0]) == 2


def test_a_server_ends_though_a_task_does_not(serve, meili):
    server = serve()
    client = sign_in(server)
    write(client, post("ending one"))
    assert len(ids(client, "ending ")) == 1
    meili.hold()
    write(client, post("ending two"))
    eventually(lambda: any(t["status"] == "enqueued" for t in meili.tasks))
    server.stop()
    meili.release()
    server.start()
    client = server.client(client.headers["Authorization"].split()[1])
    assert len(ids(client, "ending ")) == 2


# -- nodes ------------------------------------------------------------------------------------------


@pytest.mark.skipif(DATABASE != "postgres", reason="nodes share a PostgreSQL database")
def test_of_two_nodes_one_writes_and_both_find(serve, meili):
    first = serve()
    second = serve(database=first.database, redis=first.env["REDIS_URL"])
    access = token(first)
    one, two = first.client(access), second.client(access)
    posts = [post(f"crossing {i}") for i in range(20)]
    for i, p in enumerate(posts):
        write(one if i % 2 else two, p)
        assert p["id"] in ids(two if i % 2 else one, "crossing ")  # the other's writes as well
    assert meili.documents_written("posts") == 20  # each once
    assert swaps(meili) == 1
    first.stop()
    settled(meili)
    write(two, post("crossing alone"))  # the lease was given back
    assert len(ids(two, "crossing ")) == 21
    first.start()
    one = first.client(access)
    write(one, post("crossing again"))
    assert len(ids(one, "crossing ")) == 22 and len(ids(two, "crossing ")) == 22
    assert meili.documents_written("posts") == 22
    second.kill()  # its lease is still there
    second.start()
    two = second.client(access)
    write(two, post("crossing once more"))
    assert len(ids(two, "crossing ")) == 23
    assert swaps(meili) == 1


@pytest.mark.slow
@pytest.mark.skipif(DATABASE != "postgres", reason="nodes share a PostgreSQL database")
def test_a_node_that_died_is_followed_by_the_other(serve, meili):
    first = serve()
    second = serve(database=first.database, redis=first.env["REDIS_URL"])
    access = token(first)
    write(first.client(access), post("widow one"))
    assert len(ids(second.client(access), "widow ")) == 1
    first.kill()
    two = second.client(access)
    write(two, post("widow two"))
    eventually(lambda: (a := two.get(SEARCH, params={"q": "widow "})).status_code == 200 and len(a.json()) == 2, 60)
