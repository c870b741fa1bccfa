"""Meilisearch's routes: its answers and errors over the posts, and its own client against them."""

import datetime
import fcntl
import json
import shutil
import subprocess
import urllib.parse

import pytest
import requests
from harness import PATIENCE, ROOT, token
from veyl import bulk, iso, now

SEARCH = "/indexes/posts/search"
PLATFORMS = ["tiktok", "instagram", "facebook"]
# The client and the adapter, as of 2026; fetched once into .cache.
PACKAGES = ["meilisearch@0.62.0", "@meilisearch/instant-meilisearch@0.30.0"]
FETCH_LIMIT_S = 120


def make(i):
    """Half of the posts have a phone, the others a tram; a platform has every third."""
    platform = PLATFORMS[i % 3]
    return {"id": f"{platform}_m{i}", "platform": platform, "author": ["ana", "Zoé"][i % 2],
            "caption": f"{'Un téléphone, a phone' if i % 2 == 0 else 'Le tramway de Lyon'} numéro {i} <b>&",
            "hashtags": ["été", f"tag{i % 4}"], "metrics": {"likes": i, "comments": None, "shares": 1, "views": None},
            "posted_at": iso(now() - datetime.timedelta(minutes=i))}


POSTS = [make(i) for i in range(60)]


@pytest.fixture(scope="module")
def writer(server):
    """A signed-in user, and the posts."""
    with server.client(token(server)) as client:
        assert bulk(client, POSTS)["created"] == 60
        yield client


@pytest.fixture(scope="module")
def key(writer):
    made = writer.post("/api/v1/keys", json={"name": "front end", "scopes": ["search"]})
    assert made.status_code in (200, 201), made.text
    return made.json()["key"]


@pytest.fixture(scope="module")
def meili(server, key):
    """With an API key of scope search."""
    with server.client(key) as client:
        yield client


def search(client, **ask):
    answer = client.post(SEARCH, json=ask)
    assert answer.status_code == 200, answer.text
    return answer.json()


def refusal(answer, status, code):
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"].startswith("application/json")
    body = answer.json()
    assert set(body) == {"message", "code", "type", "link"}
    assert body["code"] == code, body
    assert body["type"] == ("auth" if status in (401, 403) else "invalid_request")
    assert body["link"].endswith("#" + code) and body["message"]
    return body


# -- answers ------------------------------------------------------------------------------------------


def test_a_search_has_every_member_and_no_other(meili):
    answer = search(meili, q="phone", limit=3)
    assert set(answer) == {"hits", "query", "processingTimeMs", "limit", "offset", "estimatedTotalHits", "requestUid"}
    assert (answer["query"], answer["limit"], answer["offset"], answer["estimatedTotalHits"]) == ("phone", 3, 0, 30)
    document = meili.get(f"/indexes/posts/documents/{answer['hits'][0]['id']}").json()
    assert answer["hits"][0] == document and document["metrics"]["shares"] == 1


@pytest.mark.parametrize("ask, told", [
    ({"page": 1, "hitsPerPage": 7}, (7, 1, 9, 60)), ({"page": 9, "hitsPerPage": 7}, (7, 9, 9, 60)),
    ({"page": 10, "hitsPerPage": 7}, (7, 10, 9, 60)), ({"hitsPerPage": 0}, (0, 1, 0, 60)),
    ({"page": 0}, (20, 0, 3, 60)), ({"page": 2}, (20, 2, 3, 60)),
    ({"page": 1000000000, "hitsPerPage": 1000}, (1000, 1000000000, 1, 60))])
def test_pages_replace_offset_and_limit(meili, ask, told):
    answer = search(meili, attributesToRetrieve=["id"], **ask)
    assert tuple(answer[m] for m in ("hitsPerPage", "page", "totalPages", "totalHits")) == told
    assert not {"limit", "offset", "estimatedTotalHits"} & set(answer)
    size, page = told[0], told[1]
    everything = [p["id"] for p in POSTS]
    assert [h["id"] for h in answer["hits"]] == (everything[(page - 1) * size:page * size] if page else [])


def test_only_what_is_asked_for_comes(meili):
    assert search(meili, limit=1, attributesToRetrieve=[])["hits"] == [{}]
    assert search(meili, limit=1, attributesToRetrieve=["nothing"])["hits"] == [{}]
    hit, = search(meili, limit=1, attributesToRetrieve=["id", "metrics.likes"])["hits"]
    assert hit == {"id": POSTS[0]["id"], "metrics": {"likes": 0}}
    everything, = search(meili, limit=1, attributesToRetrieve=["*"])["hits"]
    assert everything == search(meili, limit=1, attributesToRetrieve=None)["hits"][0] == search(meili, limit=1)["hits"][0]
    assert search(meili, limit=0)["hits"] == [] and search(meili, limit=0)["estimatedTotalHits"] == 60


def test_texts_are_marked_and_cut_and_nothing_is_changed_in_them(meili):
    answer = search(meili, q="telephone", limit=1, attributesToHighlight=["caption"], attributesToRetrieve=["id", "score"])
    hit, = answer["hits"]
    assert hit["_formatted"]["caption"] == "Un <em>téléphone</em>, a phone numéro 0 <b>&"
    assert set(hit) == {"id", "score", "_formatted"} and set(hit["_formatted"]) == {"id", "score", "caption"}
    assert hit["_formatted"]["score"] == str(hit["score"])  # numbers are texts there
    hit, = search(meili, q="telephone", limit=1, attributesToHighlight=["*"], highlightPreTag="[", highlightPostTag="]",
                  attributesToCrop=["caption:3"], cropMarker="~")["hits"]
    assert hit["_formatted"]["caption"] == "Un [téléphone], a~"
    assert hit["_formatted"]["metrics"] == {"likes": "0", "comments": None, "shares": "1", "views": None}
    assert hit["caption"] == POSTS[0]["caption"]
    hit, = search(meili, q="telephone", limit=1, attributesToCrop=["caption"], cropLength=2, cropMarker=None,
                  highlightPreTag=None)["hits"]
    assert "téléphone" in hit["_formatted"]["caption"] and "…" not in hit["_formatted"]["caption"]
    assert len(hit["_formatted"]["caption"].split()) == 2


def test_matches_are_told_in_bytes(meili):
    hit, = search(meili, q="phone tag0", limit=1, showMatchesPosition=True)["hits"]
    for place in hit["_matchesPosition"]["caption"]:
        part = hit["caption"].encode()[place["start"]:place["start"] + place["length"]].decode()
        assert part == "phone"
    (place,) = hit["_matchesPosition"]["hashtags"]
    assert hit["hashtags"][place["indices"][0]] == "tag0" and (place["start"], place["length"]) == (0, 4)
    assert search(meili, q="", limit=1, showMatchesPosition=True)["hits"][0]["_matchesPosition"] == {}


def test_scores_and_their_reasons(meili):
    answer = search(meili, q="phone nmuéro", showRankingScore=True, showRankingScoreDetails=True)
    scores = [h["_rankingScore"] for h in answer["hits"]]
    assert scores == sorted(scores, reverse=True) and all(0 < s <= 1 for s in scores)
    details = answer["hits"][0]["_rankingScoreDetails"]
    assert [d for d, _ in sorted(details.items(), key=lambda d: d[1]["order"])] == \
        ["words", "typo", "proximity", "attributeRank", "exactness"]
    assert details["words"] == {"order": 0, "matchingWords": 2, "maxMatchingWords": 2, "score": 1}
    assert details["typo"]["typoCount"] == 1 and 0 < details["typo"]["score"] < 1
    assert details["proximity"]["score"] < 1 and details["attributeRank"]["score"] == 1
    assert details["exactness"]["matchType"] == "noExactMatch" and details["exactness"]["matchingWords"] == 1
    limit = scores[0] + 1e-9
    assert search(meili, q="phone nmuéro", rankingScoreThreshold=min(limit, 1))["estimatedTotalHits"] == 0


FILTERS = [  # as Meilisearch's clients write them; what they mean
    ("platform = tiktok", lambda p: p["platform"] == "tiktok"),
    ("platform = TikTok AND likes > 30", lambda p: p["platform"] == "tiktok" and p["metrics"]["likes"] > 30),
    (['"platform"="tiktok"', '"likes">=30'], lambda p: p["platform"] == "tiktok" and p["metrics"]["likes"] >= 30),
    ([['"platform"="tiktok"', '"platform"="facebook"'], '"likes" 10 TO 20'],
     lambda p: p["platform"] != "instagram" and 10 <= p["metrics"]["likes"] <= 20),
    ([["hashtags = tag1", "author = zoe"]], lambda p: "tag1" in p["hashtags"] or p["author"] == "Zoé"),
    ("NOT (hashtags IN [tag1, 'tag2']) AND views NOT EXISTS", lambda p: not {"tag1", "tag2"} & set(p["hashtags"])),
    ("comments IS NULL OR likes = 1", lambda p: True), ([], lambda p: True), ("", lambda p: True), (None, lambda p: True),
    ([[]], lambda p: True), ([[f"likes = {i}" for i in range(0, 60, 7)]], lambda p: p["metrics"]["likes"] % 7 == 0),
]


@pytest.mark.parametrize("filter_, meant", FILTERS, ids=[json.dumps(f)[:40] for f, _ in FILTERS])
def test_filters(meili, filter_, meant):
    want = [p["id"] for p in POSTS if meant(p)]
    answer = search(meili, filter=filter_, limit=100)
    assert [h["id"] for h in answer["hits"]] == want and answer["estimatedTotalHits"] == len(want)
    text = filter_ if isinstance(filter_, str) else json.dumps(filter_)
    if filter_ is not None:
        by_get = meili.get(SEARCH, params={"filter": text, "limit": 100})
        assert [h["id"] for h in by_get.json()["hits"]] == want
    listed = meili.post("/indexes/posts/documents/fetch", json={"filter": filter_, "limit": 100}).json()
    assert [d["id"] for d in listed["results"]] == want and listed["total"] == len(want)


def test_facets_are_counted(meili):
    answer = search(meili, filter="likes >= 20", facets=["platform", "hashtags", "likes"], limit=1)
    some = [p for p in POSTS if p["metrics"]["likes"] >= 20]
    counts = answer["facetDistribution"]
    assert counts["platform"] == {name: sum(p["platform"] == name for p in some) for name in PLATFORMS}
    assert counts["hashtags"] == {"été": 40} | {f"tag{i}": 10 for i in range(4)}
    assert list(counts["hashtags"])[0] == "été"  # most frequent first
    assert counts["likes"] == {str(i): 1 for i in range(20, 60)}
    assert answer["facetStats"] == {"likes": {"min": 20, "max": 59}}
    everything = search(meili, facets=["*"], limit=0)
    filterable = meili.get("/indexes/posts/settings/filterable-attributes").json()
    assert set(everything["facetDistribution"]) == set(filterable)
    assert set(search(meili, facets=["l*"], limit=0)["facetDistribution"]) == {"language", "likes"}
    assert search(meili, facets=[], limit=0)["facetDistribution"] == {}
    when = next(iter(everything["facetDistribution"]["posted_at"]))
    assert search(meili, filter=f"posted_at = '{when}'")["estimatedTotalHits"] >= 1


def test_a_value_is_found_by_its_beginning(meili):
    def values(**ask):
        answer = meili.post("/indexes/posts/facet-search", json=ask)
        assert answer.status_code == 200, answer.text
        assert set(answer.json()) == {"facetHits", "facetQuery", "processingTimeMs"}
        return {h["value"]: h["count"] for h in answer.json()["facetHits"]}

    assert values(facetName="hashtags", facetQuery="tag") == {f"tag{i}": 15 for i in range(4)}
    assert values(facetName="hashtags", facetQuery="ete") == {"été": 60}
    assert values(facetName="platform", facetQuery="insta", q="phone", filter="likes < 30") == \
        {"instagram": sum(p["platform"] == "instagram" and "phone" in p["caption"] for p in POSTS[:30])}
    assert values(facetName="platform", limit=1, sort=["likes:asc"], nothing=True) == dict.fromkeys(PLATFORMS, 20)


def test_get_answers_as_post_does(meili):
    ask = {"q": "phone", "limit": 4, "offset": 1, "sort": ["likes:desc"], "facets": ["platform"], "distinct": "platform",
           "attributesToRetrieve": ["id", "caption"], "attributesToHighlight": ["caption"], "showRankingScore": True,
           "attributesToSearchOn": ["caption"], "matchingStrategy": "all"}
    query = {k: ",".join(v) if isinstance(v, list) else str(v).lower() if isinstance(v, bool) else v
             for k, v in ask.items()}
    by_get, by_post = meili.get(SEARCH, params=query).json(), search(meili, **ask)
    for answer in (by_get, by_post):
        del answer["processingTimeMs"], answer["requestUid"]
    assert by_get == by_post and len(by_post["hits"]) == 2  # of three platforms, the second and third


def test_distinct_sort_and_strategy(meili):
    hits = search(meili, distinct="platform", sort=["likes:desc"])["hits"]
    assert [h["metrics"]["likes"] for h in hits] == [59, 58, 57]
    assert search(meili, q="phone zzzunknown", matchingStrategy="all")["estimatedTotalHits"] == 0
    assert search(meili, q="phone zzzunknown", matchingStrategy="last")["estimatedTotalHits"] == 30
    assert search(meili, q="zoe", attributesToSearchOn=["caption"])["estimatedTotalHits"] == 0
    assert search(meili, q="zoe", attributesToSearchOn=["author"])["estimatedTotalHits"] == 30


def test_a_write_is_in_the_next_answer(meili, writer):
    post = make(3) | {"id": "tiktok_new", "platform": "tiktok", "caption": "zyxwv"}
    assert writer.post("/api/v1/posts", json=post).status_code == 200
    try:
        assert [h["id"] for h in search(meili, q="zyxwv")["hits"]] == ["tiktok_new"]
        assert meili.get("/indexes/posts/stats").json()["numberOfDocuments"] == 61
    finally:
        assert writer.delete("/api/v1/posts/tiktok_new").status_code == 200
    assert search(meili, q="zyxwv")["hits"] == []
    refusal(meili.get("/indexes/posts/documents/tiktok_new"), 404, "document_not_found")


def test_a_thousand_hits_with_everything_shown(make_server):
    server = make_server()
    client = server.client(token(server))
    caption = "une phone parmi d'autres mots, " * 30
    bulk(client, [make(i) | {"id": f"tiktok_k{i}", "platform": "tiktok", "caption": caption} for i in range(1100)])
    answer = search(client, q="phone", limit=100000, attributesToHighlight=["*"], showMatchesPosition=True,
                    showRankingScoreDetails=True, facets=["*"])
    assert (len(answer["hits"]), answer["limit"], answer["estimatedTotalHits"]) == (1000, 100000, 1100)
    for hit in answer["hits"]:
        assert hit["_formatted"]["caption"].count("<em>phone</em>") == len(hit["_matchesPosition"]["caption"]) == 30
    query = {"indexUid": "posts", "limit": 1000, "attributesToHighlight": ["*"]}
    too_much = client.post("/multi-search", json={"queries": [query] * 100})
    assert (too_much.status_code, too_much.json()["code"]) == (503, "over_budget")
    rest = search(client, q="phone", offset=1000, limit=1000, attributesToRetrieve=["id"])["hits"]
    assert len({h["id"] for h in answer["hits"] + rest}) == 1100


# -- several searches ---------------------------------------------------------------------------------


def multi(client, **ask):
    answer = client.post("/multi-search", json=ask)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_each_query_has_its_answer(meili):
    queries = [{"q": "phone", "limit": 2}, {"q": "tram", "page": 1, "facets": ["platform"]}, {"q": "zzznothing"}]
    answer = multi(meili, queries=[q | {"indexUid": "posts"} for q in queries])
    assert set(answer) == {"results"}
    for query, result in zip(queries, answer["results"], strict=True):
        alone = search(meili, **query)
        assert result.pop("indexUid") == "posts"
        for members in (result, alone):
            del members["processingTimeMs"], members["requestUid"]
        assert result == alone
    assert multi(meili, queries=[]) == {"results": []}
    refusal(meili.post("/multi-search", json={"queries": [{"indexUid": "posts"}] * 257}), 400, "bad_request")


def test_one_list_of_all_queries(meili):
    phone = {"indexUid": "posts", "q": "phone", "attributesToRetrieve": ["id"]}
    tram = {"indexUid": "posts", "q": "tarmway", "attributesToRetrieve": ["id"], "showRankingScore": True}
    answer = multi(meili, federation={"limit": 100}, queries=[phone, tram])
    assert set(answer) == {"hits", "processingTimeMs", "limit", "offset", "estimatedTotalHits", "requestUid"}
    assert answer["estimatedTotalHits"] == len(answer["hits"]) == 60
    federation = [h["_federation"] for h in answer["hits"]]
    assert [f["queriesPosition"] for f in federation] == [0] * 30 + [1] * 30  # a typing error costs
    scores = [f["weightedRankingScore"] for f in federation]
    assert scores == sorted(scores, reverse=True)
    for position, query in enumerate((phone, tram)):  # each query's own order is kept
        alone = [h["id"] for h in search(meili, q=query["q"], limit=100)["hits"]]
        assert [h["id"] for h in answer["hits"] if h["_federation"]["queriesPosition"] == position] == alone
    assert all(("_rankingScore" in h) == (h["_federation"]["queriesPosition"] == 1) for h in answer["hits"])
    heavy = multi(meili, federation={"limit": 3, "offset": 1}, queries=[phone, tram | {"federationOptions": {"weight": 9}}])
    assert [h["_federation"]["queriesPosition"] for h in heavy["hits"]] == [1, 1, 1]
    assert heavy["hits"][0]["_federation"]["weightedRankingScore"] == pytest.approx(9 * heavy["hits"][0]["_rankingScore"])
    assert (heavy["limit"], heavy["offset"], heavy["estimatedTotalHits"]) == (3, 1, 60)
    pages = [multi(meili, federation={"page": p, "hitsPerPage": 25}, queries=[phone, tram]) for p in (1, 2, 3, 4)]
    assert [h["id"] for p in pages for h in p["hits"]] == [h["id"] for h in answer["hits"]]
    assert (pages[1]["totalHits"], pages[1]["totalPages"], pages[1]["page"]) == (60, 3, 2)


def test_what_two_queries_find_is_told_once(meili):
    one = {"indexUid": "posts", "q": "phone"}
    answer = multi(meili, federation={"limit": 100}, queries=[one, one, {"indexUid": "posts", "q": "", "filter": "likes < 10"}])
    found = [h["id"] for h in answer["hits"]]
    want = {p["id"] for p in POSTS if p["metrics"]["likes"] < 10 or "phone" in p["caption"]}
    assert len(found) == len(set(found)) == answer["estimatedTotalHits"] and set(found) == want


def test_facets_of_one_list(meili):
    queries = [{"indexUid": "posts", "q": "phone"}]
    alone = search(meili, q="phone", facets=["platform", "likes"])
    by_index = multi(meili, federation={"facetsByIndex": {"posts": ["platform", "likes"]}}, queries=queries)
    assert by_index["facetsByIndex"] == {"posts": {"distribution": alone["facetDistribution"], "stats": alone["facetStats"]}}
    merged = multi(meili, federation={"facetsByIndex": {"posts": ["platform", "likes"]}, "mergeFacets": {"maxValuesPerFacet": 2}},
                   queries=queries)
    assert merged["facetStats"] == alone["facetStats"]
    assert len(merged["facetDistribution"]["likes"]) == len(merged["facetDistribution"]["platform"]) == 2
    assert merged["facetDistribution"]["platform"].items() <= alone["facetDistribution"]["platform"].items()


POSTS_QUERY = {"indexUid": "posts"}


@pytest.mark.parametrize("body, code, place", [
    ({}, "bad_request", "queries"), ({"queries": {}}, "bad_request", ".queries"),
    ({"queries": [{}]}, "missing_index_uid", ".queries[0]"), ({"queries": [5]}, "bad_request", ".queries[0]"),
    ({"queries": [POSTS_QUERY, {"indexUid": "x"}]}, "index_not_found", "Inside `.queries[1]`"),
    ({"queries": [POSTS_QUERY, {"indexUid": "posts", "limit": "x"}]}, "invalid_search_limit", ".queries[1].limit"),
    ({"queries": [{"indexUid": "posts", "filter": "x ="}]}, "invalid_search_filter", "Inside `.queries[0]`"),
    ({"queries": [{"indexUid": "posts", "nothing": 1}]}, "bad_request", "nothing"),
    ({"queries": [{"indexUid": "posts", "federationOptions": {"weight": 1}}]}, "invalid_multi_search_federation_options", "[0]"),
    ({"federation": {}, "queries": [{"indexUid": "posts", "limit": 1}]}, "invalid_multi_search_query_pagination", "limit"),
    ({"federation": {}, "queries": [{"indexUid": "posts", "facets": ["likes"]}]}, "invalid_multi_search_query_facets", "[0]"),
    ({"federation": {}, "queries": [POSTS_QUERY, {"indexUid": "posts", "sort": ["likes:asc"]}]},
     "invalid_multi_search_query_ranking_rules", "[1]"),
    ({"federation": {}, "queries": [{"indexUid": "posts", "federationOptions": {"weight": -1}}]}, "invalid_multi_search_weight",
     ".queries[0].federationOptions.weight"),
    ({"federation": {"limit": "x"}, "queries": []}, "invalid_search_limit", ".federation.limit"),
    ({"federation": {"offset": 999999}, "queries": []}, "invalid_search_offset", ""),
    ({"federation": 5, "queries": []}, "bad_request", ".federation"),
    ({"federation": {"facetsByIndex": {"posts": ["caption"]}}, "queries": [POSTS_QUERY]}, "invalid_search_facets", "caption"),
    ({"federation": {"facetsByIndex": {"posts": ["likes"]}}, "queries": [POSTS_QUERY] * 2},
     "invalid_multi_search_facets_by_index", "posts"),
    ({"federation": {"facetsByIndex": {"x": ["likes"]}}, "queries": [POSTS_QUERY]}, "index_not_found", "x"),
    ({"federation": {"facetsByIndex": {"posts": [5]}}, "queries": [POSTS_QUERY]}, "invalid_multi_search_facets_by_index", "posts"),
    ({"federation": {"facetsByIndex": 5}, "queries": [POSTS_QUERY]}, "invalid_multi_search_facets_by_index", "facetsByIndex"),
    ({"federation": {"facetsByIndex": {"posts": ["likes"]}, "mergeFacets": {"maxValuesPerFacet": "x"}}, "queries": [POSTS_QUERY]},
     "invalid_multi_search_max_values_per_facet", "maxValuesPerFacet"),
])
def test_a_bad_query_among_several_is_named(meili, body, code, place):
    assert place in refusal(meili.post("/multi-search", json=body), 400, code)["message"]


# -- documents, settings ------------------------------------------------------------------------------


def test_documents_by_page_by_id_and_by_ids(meili):
    page = meili.get("/indexes/posts/documents", params={"offset": 58, "limit": 5, "fields": "id,metrics.likes"}).json()
    assert page == {"results": [{"id": p["id"], "metrics": {"likes": p["metrics"]["likes"]}} for p in POSTS[58:]],
                    "offset": 58, "limit": 5, "total": 60}
    some = [POSTS[5]["id"], "nobody", POSTS[2]["id"]]
    for answer in (meili.get("/indexes/posts/documents", params={"ids": ",".join(some), "fields": "id"}),
                   meili.post("/indexes/posts/documents/fetch", json={"ids": some, "fields": ["id"]})):
        assert answer.json()["results"] == [{"id": some[0]}, {"id": some[2]}] and answer.json()["total"] == 2
    assert [d["id"] for d in meili.get("/indexes/posts/documents", params={"sort": "likes:desc", "limit": 2}).json()["results"]] \
        == [POSTS[59]["id"], POSTS[58]["id"]]
    name = urllib.parse.quote("a b?ü%")
    refusal(meili.get(f"/indexes/posts/documents/{name}"), 404, "document_not_found")


def test_settings_tell_the_truth(meili):
    settings = meili.get("/indexes/posts/settings").json()
    assert settings["searchableAttributes"][0] == "caption" and "caption" not in settings["filterableAttributes"]
    for name in settings["sortableAttributes"]:
        assert search(meili, sort=[f"{name}:asc"], limit=1)["hits"]
    for name in settings["filterableAttributes"]:
        assert search(meili, filter=f"{name} EXISTS", facets=[name], limit=0)["facetDistribution"].keys() == {name}
    assert settings["rankingRules"] == ["words", "typo", "proximity", "attributeRank", "sort", "exactness"]
    assert settings["typoTolerance"]["minWordSizeForTypos"] == {"oneTypo": 5, "twoTypos": 9}
    for name, value in settings.items():
        kebab = "".join("-" + c.lower() if c.isupper() else c for c in name)
        assert meili.get(f"/indexes/posts/settings/{kebab}").json() == value
    refusal(meili.get("/indexes/posts/settings/nothing"), 404, "not_found")


def test_what_there_is(meili):
    listed = meili.get("/indexes").json()
    assert {"uid": "posts", "primaryKey": "id", "createdAt": None, "updatedAt": None} in listed["results"]
    assert listed | {"results": None} == {"offset": 0, "limit": 20, "total": len(listed["results"]), "results": None}
    assert meili.get("/indexes", params={"offset": listed["total"]}).json()["results"] == []
    assert meili.get("/indexes/posts").json()["uid"] == "posts"
    stats = meili.get("/indexes/posts/stats").json()
    assert stats["numberOfDocuments"] == 60 and not stats["isIndexing"] and stats["fieldDistribution"]["likes"] == 60
    assert meili.get("/stats").json()["indexes"]["posts"]["numberOfDocuments"] == 60
    assert set(meili.get("/version").json()) == {"commitSha", "commitDate", "pkgVersion"}
    assert meili.get("/tasks").json() == {"results": [], "total": 0, "limit": 20, "from": None, "next": None}
    refusal(meili.get("/tasks/1"), 404, "task_not_found")
    assert meili.get("/health").json()["status"] == "ok"
    assert meili.get("/health", headers={"X-Meilisearch-Client": "a client"}).json()["status"] == "available"


# -- errors -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ask, code", [
    ({"q": 5}, "invalid_search_q"), ({"q": "x" * 70000}, "invalid_search_q"), ({"limit": "1"}, "invalid_search_limit"),
    ({"limit": -1}, "invalid_search_limit"), ({"limit": 1.5}, "invalid_search_limit"), ({"offset": -1}, "invalid_search_offset"),
    ({"offset": 2**60}, "invalid_search_offset"), ({"page": -1}, "invalid_search_page"),
    ({"hitsPerPage": "x"}, "invalid_search_hits_per_page"), ({"hitsPerPage": 1001}, "invalid_search_hits_per_page"),
    ({"filter": "nothing = 1"}, "invalid_search_filter"), ({"filter": 5}, "invalid_search_filter"),
    ({"filter": [[["likes = 1"]]]}, "invalid_search_filter"), ({"filter": {"a": 1}}, "invalid_search_filter"),
    ({"filter": [5]}, "invalid_search_filter"), ({"filter": ["likes = 1"] * 10001}, "invalid_search_filter"),
    ({"filter": "(" * 300 + "likes = 1" + ")" * 300}, "invalid_search_filter"),
    ({"sort": "likes:asc"}, "invalid_search_sort"), ({"sort": ["likes"]}, "invalid_search_sort"),
    ({"sort": ["caption:asc"]}, "invalid_search_sort"), ({"sort": [5]}, "invalid_search_sort"),
    ({"sort": ["_geoPoint(1,2):asc"]}, "invalid_search_sort"), ({"facets": ["caption"]}, "invalid_search_facets"),
    ({"facets": "likes"}, "invalid_search_facets"), ({"distinct": "caption"}, "invalid_search_distinct"),
    ({"distinct": ["likes"]}, "invalid_search_distinct"), ({"matchingStrategy": "some"}, "invalid_search_matching_strategy"),
    ({"attributesToRetrieve": "id"}, "invalid_search_attributes_to_retrieve"),
    ({"attributesToHighlight": 1}, "invalid_search_attributes_to_highlight"),
    ({"attributesToCrop": [1]}, "invalid_search_attributes_to_crop"), ({"cropLength": -1}, "invalid_search_crop_length"),
    ({"cropMarker": 1}, "invalid_search_crop_marker"), ({"highlightPreTag": []}, "invalid_search_highlight_pre_tag"),
    ({"highlightPostTag": 1}, "invalid_search_highlight_post_tag"),
    ({"attributesToSearchOn": ["likes"]}, "invalid_search_attributes_to_search_on"),
    ({"showRankingScore": 1}, "invalid_search_show_ranking_score"),
    ({"showMatchesPosition": "yes"}, "invalid_search_show_matches_position"),
    ({"rankingScoreThreshold": 1.1}, "invalid_search_ranking_score_threshold"),
    ({"hybrid": {"embedder": "x"}}, "invalid_search_embedder"), ({"vector": [1]}, "missing_search_hybrid"),
    ({"personalize": {"userContext": "x"}}, "feature_not_enabled"), ({"useNetwork": True}, "feature_not_enabled"),
    ({"nothing": 1}, "bad_request"), ([], "bad_request"), (5, "bad_request"), (None, "bad_request"),
])
def test_bad_parameters_have_meilisearchs_codes(meili, ask, code):
    refusal(meili.post(SEARCH, data=json.dumps(ask), headers={"Content-Type": "application/json"}), 400, code)


@pytest.mark.parametrize("query, code", [
    ("limit=x", "invalid_search_limit"), ("limit=", "invalid_search_limit"), ("showRankingScore=maybe", "invalid_search_show_ranking_score"),
    ("filter=nothing%20%3D%201", "invalid_search_filter"), ("filter=%5B5%5D", "invalid_search_filter"), ("sort=likes", "invalid_search_sort"),
    ("nothing=1", "bad_request"), ("q=%ff", "bad_request"), ("hybridEmbedder=x", "invalid_search_embedder"),
    ("vector=1,2", "missing_search_hybrid"), ("matchingStrategy=x", "invalid_search_matching_strategy")])
def test_bad_query_strings(meili, query, code):
    refusal(meili.get(f"{SEARCH}?{query}"), 400, code)


@pytest.mark.parametrize("path, body, code", [
    ("documents/fetch", {"limit": "x"}, "invalid_document_limit"), ("documents/fetch", {"filter": "nothing = 1"}, "invalid_document_filter"),
    ("documents/fetch", {"sort": ["likes"]}, "invalid_document_sort"), ("documents/fetch", {"ids": 5}, "invalid_document_ids"),
    ("documents/fetch", {"ids": [[]]}, "invalid_document_ids"), ("documents/fetch", {"ids": ["x"] * 1001}, "invalid_document_ids"),
    ("documents/fetch", {"ids": ["x"], "filter": "likes = 1"}, "invalid_document_ids"),
    ("documents/fetch", {"nothing": 1}, "bad_request"), ("facet-search", {}, "missing_facet_search_facet_name"),
    ("facet-search", {"facetName": 5}, "invalid_facet_search_facet_name"), ("facet-search", {"facetName": "likes"}, "invalid_facet_search_facet_name"),
    ("facet-search", {"facetName": "platform", "facetQuery": 5}, "invalid_facet_search_query"),
    ("facet-search", {"facetName": "platform", "filter": "x"}, "invalid_search_filter")])
def test_bad_bodies_of_other_routes(meili, path, body, code):
    refusal(meili.post(f"/indexes/posts/{path}", json=body), 400, code)


def test_bodies_that_are_none(meili):
    as_json = {"Content-Type": "application/json"}
    refusal(meili.post(SEARCH, data=b'{"q":', headers=as_json), 400, "malformed_payload")
    refusal(meili.post(SEARCH, data=b'{"q":"\xff"}', headers=as_json), 400, "malformed_payload")
    refusal(meili.post(SEARCH, data=b"[" * 5000, headers=as_json), 400, "malformed_payload")
    refusal(meili.post(SEARCH, data=b"{}", headers={"Content-Type": "text/plain"}), 415, "invalid_content_type")
    refusal(meili.post(SEARCH, data=b"{}"), 415, "missing_content_type")
    refusal(meili.post("/multi-search", headers=as_json), 400, "missing_payload")
    refusal(meili.post(SEARCH, data=b'"' + b"x" * (11 << 20) + b'"', headers=as_json), 413, "payload_too_large")
    assert meili.post(SEARCH, headers=as_json).json()["estimatedTotalHits"] == 60


ROUTES = [("GET", SEARCH), ("POST", SEARCH), ("POST", "/multi-search"), ("POST", "/indexes/posts/facet-search"),
          ("GET", "/indexes/posts/documents"), ("POST", "/indexes/posts/documents/fetch"),
          ("GET", "/indexes/posts/documents/x"), ("GET", "/indexes"), ("GET", "/indexes/posts"),
          ("GET", "/indexes/posts/stats"), ("GET", "/indexes/posts/settings"),
          ("GET", "/indexes/posts/settings/synonyms"), ("GET", "/stats"), ("GET", "/version"), ("GET", "/tasks"), ("GET", "/tasks/1")]


def test_who_may(server, writer, client):
    def made(scopes):
        return writer.post("/api/v1/keys", json={"name": "k", "scopes": scopes}).json()

    other, revoked = made(["posts:read"]), made(["search"])
    assert writer.delete(f"/api/v1/keys/{revoked['id']}").status_code in (200, 204)
    for method, path in ROUTES:
        refusal(client.request(method, path, json={}), 401, "missing_authorization_header")
        for token_ in ("sk_wrong", "nonsense", other["key"], revoked["key"]):
            answer = client.request(method, path, json={}, headers={"Authorization": f"Bearer {token_}"})
            refusal(answer, 403, "invalid_api_key")
    refusal(client.post(SEARCH, json={}, headers={"Authorization": "Basic eDp5"}), 403, "invalid_api_key")
    assert writer.post(SEARCH, json={}).status_code == 200  # a signed-in user


@pytest.mark.parametrize("method, path", [
    ("POST", "/indexes"), ("PATCH", "/indexes/posts"), ("DELETE", "/indexes/posts"), ("PUT", "/indexes/posts/documents"),
    ("POST", "/indexes/posts/documents"), ("DELETE", "/indexes/posts/documents"), ("DELETE", "/indexes/posts/documents/tiktok_m0"),
    ("POST", "/indexes/posts/documents/delete-batch"), ("POST", "/indexes/posts/documents/delete"),
    ("PATCH", "/indexes/posts/settings"), ("DELETE", "/indexes/posts/settings"), ("PUT", "/indexes/posts/settings/synonyms"),
    ("DELETE", "/tasks"), ("GET", "/multi-search")])
def test_nothing_is_written_here(meili, method, path):
    answer = meili.request(method, path, json=[{"id": "tiktok_m0"}])
    assert "database" in refusal(answer, 405, "method_not_allowed")["message"]
    assert method not in answer.headers["Allow"].split(", ")
    assert search(meili, limit=0)["estimatedTotalHits"] == 60


def test_other_routes_keep_their_own_errors(client):
    answer = client.get("/indexes/posts/nothing")
    assert answer.status_code == 404 and answer.headers["Content-Type"] == "application/problem+json"
    answer = client.put("/ping")
    assert answer.status_code == 405 and answer.headers["Content-Type"] == "application/problem+json"


def test_browsers_may_send_the_clients_headers(make_server):
    server = make_server(CORS_ORIGINS="https://front.example.org")
    answer = requests.options(server.url + SEARCH, timeout=30, headers={
        "Origin": "https://front.example.org", "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type,x-meilisearch-client"})
    allowed = answer.headers["Access-Control-Allow-Headers"].lower().split(", ")
    assert {"authorization", "content-type", "x-meilisearch-client", "meili-include-metadata"} <= set(allowed)
    assert "POST" in answer.headers["Access-Control-Allow-Methods"]


def test_metadata_for_whoever_wants_it(meili):
    wanted = {"Meili-Include-Metadata": "true"}
    metadata = meili.post(SEARCH, json={}, headers=wanted).json()["metadata"]
    assert (metadata["indexUid"], metadata["primaryKey"]) == ("posts", "id") and metadata["queryUid"]
    listed = meili.post("/multi-search", json={"queries": [POSTS_QUERY], "federation": {}}, headers=wanted).json()
    assert [m["indexUid"] for m in listed["metadata"]] == ["posts"]


def test_the_document_describes_these_errors(client):
    paths = client.get("/openapi.json").json()["paths"]
    responses = paths["/indexes/{uid}/search"]["post"]["responses"]
    assert set(responses) >= {"200", "400", "401", "403", "404", "413", "415", "429", "503", "default"}
    assert "422" not in responses
    for status, response in responses.items():
        schema = response["content"]["application/json"]["schema"]
        assert schema == {"$ref": "#/components/schemas/" + ("MeiliFound" if status == "200" else "MeiliError")}


# -- Meilisearch's own client ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def packages():
    """A folder with the client's packages, or a plain word why the test is left out."""
    folder = ROOT / ".cache/meilisearch-client"
    if not shutil.which("node") or not shutil.which("npm"):
        pytest.skip("no node, or no npm")
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        have = folder / "packages.json"
        if not have.exists() or json.loads(have.read_text()) != PACKAGES:
            (folder / "package.json").write_text('{"private": true}')
            try:
                done = subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--fetch-retries=0", *PACKAGES], cwd=folder,
                                      capture_output=True, text=True, timeout=FETCH_LIMIT_S)
            except subprocess.TimeoutExpired:
                pytest.skip("the package registry does not answer")
            if done.returncode:
                pytest.skip(f"the client's packages cannot be fetched: {done.stderr.strip()[-200:]}")
            have.write_text(json.dumps(PACKAGES))
    return folder


def test_its_own_client_and_adapter_work_unchanged(server, meili, key, packages):
    assert search(meili, limit=0)["estimatedTotalHits"] == 60
    script = shutil.copy(ROOT / "test/api/meilisearch_client.mjs", packages)
    done = subprocess.run(["node", script, server.url, key],
                          capture_output=True, text=True, timeout=60 * PATIENCE)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.strip() == "10 passed", done.stdout + done.stderr
