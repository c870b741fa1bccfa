"""Retrieval: what is found for a question, what is refused, and that it is the tenant's own. With the real
documents of shared/data/kb, and small ones."""

import json
import pathlib
import sys
import time

import pytest

from harness import DATABASE, PATIENCE, Server, database, shared_data, token
from sylion import admin, good, make_tenant, nobody, page, refused, tenant

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "fake"))
from meilisearch import KEY, FakeMeilisearch  # noqa: E402

BASES = "/api/v1/knowledge-bases"
SHOP = "# Boutique\n\n## Horaires\n\nLa boutique ouvre à neuf heures. Elle ferme à dix-neuf heures.\n\n" \
       "## Livraison\n\nLa livraison à Lyon coûte cinq euros. Elle est gratuite au-dessus de cinquante euros.\n"


def make_base(client, *documents):
    """A base with these (name, content), indexed."""
    base = good(client.post(BASES, json={"name": "Base"}), 201)["id"]
    for name, content in documents:
        good(client.post(f"{BASES}/{base}/documents", files={"file": (name, content)}), 201)
    wait_indexed(client, base)
    return base


def wait_indexed(client, base, seconds=60):
    until = time.monotonic() + seconds * PATIENCE
    while True:
        listed = page(client.get(f"{BASES}/{base}/documents?limit=100"))[0]
        if all(one["status"] in ("indexed", "failed") for one in listed):
            assert all(one["status"] == "indexed" for one in listed), listed
            return listed
        assert time.monotonic() < until, listed
        time.sleep(0.05)


def search(client, base, query, **ask):
    return good(client.post(f"{BASES}/{base}/search", json={"query": query} | ask))


def found(client, base, query, **ask):
    return search(client, base, query, **ask)["results"]


@pytest.fixture(scope="module")
def shop(tenant):
    return make_base(tenant.owner, ("boutique.md", SHOP))


@pytest.fixture(scope="module")
def law(server, admin):
    """(client, base) with the real documents."""
    folder = shared_data() / "kb"
    client = make_tenant(server, admin).owner
    return client, make_base(client, *[(path.name, path.read_bytes()) for path in sorted(folder.iterdir())
                                       if path.suffix != ".jsonl"])


@pytest.mark.parametrize("mode", ["keyword", "vector", "hybrid"])
def test_a_passage_says_where_it_stands(tenant, shop, mode):
    best = found(tenant.owner, shop, "Combien coûte la livraison ?", mode=mode)[0]
    assert best["documentName"] == "boutique.md" and best["knowledgeBaseId"] == shop
    assert best["heading"] == "Boutique › Livraison" and best["sentence"] == "La livraison à Lyon coûte cinq euros."
    assert best["sentence"] in best["text"] and best["support"] >= 0.7 and best["position"] == 1
    assert (best["keywordRank"] == 1) == (mode != "vector") and (best["vectorRank"] == 1) == (mode != "keyword")
    assert (best["similarity"] is None) == (mode == "keyword")
    chunks = page(tenant.owner.get(f"/api/v1/documents/{best['documentId']}/chunks"))[0]
    assert best["chunkId"] in [one["id"] for one in chunks]


def test_what_nothing_bears_on_is_left_out_by_the_threshold(tenant, shop):
    assert found(tenant.owner, shop, "Comment cuire un risotto aux cèpes ?", threshold=0.7) == []
    assert found(tenant.owner, shop, "Qui est le maire de Lyon depuis 1987 ?", threshold=0.7) == []
    assert [one["heading"] for one in found(tenant.owner, shop, "Quand ouvre la boutique ?", threshold=0.7)][0] == \
        "Boutique › Horaires"


def test_results_are_as_many_as_asked_and_fit_the_budget(tenant):
    text = "\n\n".join(f"# Partie {i}\n\n" + "Le chat dort sur le canapé du salon. " * 20 for i in range(12))
    base = make_base(tenant.owner, ("chats.md", text))
    assert len(found(tenant.owner, base, "chat canapé", maxResults=3)) == 3
    assert len(found(tenant.owner, base, "chat canapé", maxResults=20, maxTokens=100000)) == 12
    few = found(tenant.owner, base, "chat canapé", maxResults=20, maxTokens=500)
    assert 1 < len(few) < 5
    one = found(tenant.owner, base, "chat canapé", maxTokens=20)
    assert len(one) == 1 and 0 < len(one[0]["text"]) < 200


def test_what_is_wrong_with_a_search_is_named(tenant, shop):
    path = f"{BASES}/{shop}/search"
    refused(tenant.owner.post(path, json={}), 400, "VALIDATION_ERROR", "query")
    refused(tenant.owner.post(path, json={"query": " ", "mode": "magic", "threshold": 2, "maxResults": 21}), 400,
            "VALIDATION_ERROR", "query", "mode", "threshold", "maxResults")


@pytest.mark.parametrize("query", ["?!", "le la les", "x" * 2000, "AND OR NOT (", '"', "tenant:*", "a OR b AND (c",
                                   "livraison) OR (tenant = 'x'", "مرحبا", "🦆", "-livraison", "livr*"])
def test_any_question_is_answered(tenant, shop, query):
    for mode in ("keyword", "vector", "hybrid"):
        assert isinstance(found(tenant.owner, shop, query, mode=mode), list)


def test_a_base_is_searched_alone(tenant, shop):
    empty = make_base(tenant.owner)
    assert found(tenant.owner, empty, "livraison") == []
    other = make_base(tenant.owner, ("autre.md", "La livraison à Paris coûte dix euros."))
    assert {one["documentName"] for one in found(tenant.owner, other, "livraison", maxResults=20)} == {"autre.md"}
    assert {one["documentName"] for one in found(tenant.owner, shop, "livraison", maxResults=20)} == {"boutique.md"}


def test_tenants_find_their_own_only(server, admin, tenant, shop):
    stranger = make_tenant(server, admin)
    base = make_base(stranger.owner, ("boutique.md", SHOP.replace("cinq euros", "neuf euros")))
    for mode in ("keyword", "vector", "hybrid"):
        mine = found(tenant.owner, shop, "Combien coûte la livraison ?", mode=mode, maxResults=20)
        theirs = found(stranger.owner, base, "Combien coûte la livraison ?", mode=mode, maxResults=20)
        assert "cinq euros" in mine[0]["text"] and "neuf euros" in theirs[0]["text"]
        assert not {one["documentId"] for one in mine} & {one["documentId"] for one in theirs}
    refused(stranger.owner.post(f"{BASES}/{shop}/search", json={"query": "livraison"}), 404, "KNOWLEDGE_BASE_NOT_FOUND")
    refused(tenant.owner.post(f"{BASES}/{nobody()}/search", json={"query": "x"}), 404, "KNOWLEDGE_BASE_NOT_FOUND")


def test_meilisearchs_routes_give_a_key_its_tenants_passages(server, admin, tenant, shop):
    stranger = make_tenant(server, admin)
    make_base(stranger.owner, ("boutique.md", SHOP.replace("cinq euros", "neuf euros")))
    for one, words, foreign in ((tenant, "cinq euros", "neuf euros"), (stranger, "neuf euros", "cinq euros")):
        answer = one.make_key("search").post("/indexes/chunks/search", json={"q": "livraison"})
        assert answer.status_code == 200, answer.text
        assert answer.json()["hits"] and words in answer.text and foreign not in answer.text
    answer = server.client(token(server)).post("/indexes/chunks/search", json={"q": "livraison"})
    assert answer.status_code in (401, 403), answer.text


# -- the real documents -----------------------------------------------------------------------------


def test_the_given_questions_find_their_documents(law):
    client, base = law
    questions = [json.loads(line) for line in (shared_data() / "kb/questions.jsonl").read_text().splitlines()]
    first = within = refused_rightly = 0
    for one in questions:
        results = found(client, base, one["question"], maxResults=20, maxTokens=100000)
        names = list(dict.fromkeys(result["documentName"] for result in results))
        if one["document"]:
            first += names[:1] == [one["document"]]
            within += one["document"] in names[:5]
        else:
            refused_rightly += all(result["support"] < 0.7 for result in results)
    # What bench/retrieval measures, with a little room: 10 and 11 of 12, 2 of 2.
    assert first >= 9 and within >= 10 and refused_rightly == 2, (first, within, refused_rightly)


def test_an_answer_stands_in_the_passage_and_its_sentence(law):
    client, base = law
    best = found(client, base, "Combien de temps a-t-on pour revendiquer un objet volé ?")[0]
    assert best["documentName"] == "code-civil-article-2276.md" and "trois ans" in best["sentence"].replace("\n", " ")
    for mode in ("keyword", "hybrid"):
        results = found(client, base, "handicap enquête de l'INSEE pourcentage de la population", mode=mode)
        pages = {one["page"] for one in results if one["documentName"].endswith(".pdf")}
        assert pages & {3, 4} or results[0]["documentName"].endswith(".odt"), results


def test_every_real_document_is_whole(law):
    client, base = law
    for document in wait_indexed(client, base):
        assert document["reason"] is None and document["language"] == "fr", document
        chunks = page(client.get(f"/api/v1/documents/{document['id']}/chunks?limit=100"))[0]
        assert len(chunks) == document["chunkCount"] > 0
        assert all(0 < one["tokens"] <= 560 for one in chunks)


# -- embeddings away, and others --------------------------------------------------------------------


def test_while_the_provider_is_away_words_find_and_documents_wait(tmp_path):
    server = Server(tmp_path).start()
    try:
        tenant = make_tenant(server, server.client(token(server, "admin")))
        base = make_base(tenant.owner, ("boutique.md", SHOP))
        server.stop()
        local = dict(server.env)
        server.env |= {"EMBED_PROVIDER": "openai", "OPENAI_API_KEY": "sk-test", "OPENAI_BASE_URL": "http://127.0.0.1:9/v1"}
        server.start()
        tenant.owner.url = server.url
        answer = search(tenant.owner, base, "Combien coûte la livraison ?")
        assert answer["degraded"] and answer["results"][0]["heading"] == "Boutique › Livraison"
        made = good(tenant.owner.post(f"{BASES}/{base}/documents", json={"text": "Les loutres nagent."}), 201)
        until = time.monotonic() + 30 * PATIENCE
        while True:
            now = good(tenant.owner.get(f"/api/v1/documents/{made['id']}"))
            if now["reason"]:
                break
            assert time.monotonic() < until, now
            time.sleep(0.05)
        assert now["status"] == "indexing" and "tried again" in now["reason"], now
        server.stop()
        server.env = local
        server.start()
        tenant.owner.url = server.url
        good(tenant.owner.post(f"/api/v1/documents/{made['id']}/retry"), 202)
        documents = wait_indexed(tenant.owner, base)
        assert {one["embeddingModel"] for one in documents} == {documents[0]["embeddingModel"]}
        assert found(tenant.owner, base, "loutres")[0]["documentId"] == made["id"]
    finally:
        server.close()


def test_another_model_has_documents_indexed_anew(tmp_path):
    server = Server(tmp_path).start()
    try:
        tenant = make_tenant(server, server.client(token(server, "admin")))
        base = make_base(tenant.owner, ("boutique.md", SHOP))
        server.stop()
        server.env["EMBED_DIMENSIONS"] = "256"
        server.start()
        tenant.owner.url = server.url
        until = time.monotonic() + 30 * PATIENCE
        while True:
            best = found(tenant.owner, base, "Combien coûte la livraison ?")  # found all the time
            assert best[0]["heading"] == "Boutique › Livraison"
            document = page(tenant.owner.get(f"{BASES}/{base}/documents"))[0][0]
            if document["embeddingModel"].endswith("/256") and document["status"] == "indexed":
                break
            assert time.monotonic() < until, document
        best = found(tenant.owner, base, "Combien coûte la livraison ?", mode="vector")
        assert best[0]["vectorRank"] == 1 and len(best) == 2
        size = "length(vector)" if DATABASE == "sqlite" else "octet_length(vector)"
        assert int(database(server, f"SELECT max({size}) FROM chunk_vectors")) == 4 * 256
    finally:
        server.close()


def test_where_meilisearch_is_the_search_words_find_and_that_is_said(make_server):
    """It is asked for words only, and knows no OR: a question's words are, one by one."""
    with FakeMeilisearch() as meili:
        server = make_server(MEILI_HOST=meili.host, MEILI_MASTER_KEY=KEY)
        admin = server.client(token(server, "admin"))
        tenant, stranger = make_tenant(server, admin), make_tenant(server, admin)
        base = make_base(tenant.owner, ("boutique.md", SHOP), ("autre.md", "# Combien\n\nCombien de loutres nagent ?\n"))
        make_base(stranger.owner, ("boutique.md", SHOP.replace("cinq euros", "neuf euros")))
        for mode in ("hybrid", "vector", "keyword"):
            answer = search(tenant.owner, base, "Combien coûte la livraison à Lyon ?", mode=mode)
            assert answer["degraded"] == (mode != "keyword")
            best = answer["results"][0]
            assert best["heading"] == "Boutique › Livraison" and best["support"] >= 0.7 and best["keywordRank"] == 1
            assert best["similarity"] is None and best["vectorRank"] is None
            assert "neuf" not in json.dumps(answer)
        assert search(tenant.owner, base, "Qui est le maire de Bordeaux depuis 1987 ?", threshold=0.7)["results"] == []
        assert search(tenant.owner, base, "?!")["degraded"]
        assistant = good(tenant.owner.post("/api/v1/assistants", json={
            "name": "Ada", "ragThreshold": 0.5, "knowledgeBaseIds": [base]}), 201)["id"]
        said = good(tenant.owner.post(f"/api/v1/assistants/{assistant}/ask", json={
            "question": "Combien coûte la livraison à Lyon ?"}))
        assert said["kind"] == "answered" and said["degraded"] and "cinq euros" in said["answer"], said
        server.stop()
    assert meili.refused == []
