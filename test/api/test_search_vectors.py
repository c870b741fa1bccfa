"""Vectors in a store outside: Qdrant (a strict stand-in) and pgvector (in pglite, where npm has it). What is
found is the same as with the engine within; words go on being found while the store is away."""

import os
import pathlib
import subprocess
import sys
import threading
import time

import pytest
from harness import BINARY, DATABASE, PATIENCE, ROOT, Server, postgres_drop, postgres_make, token
from sylion import good, make_tenant, page, refused
from test_sylion_retrieval import BASES, found, make_base, search, wait_indexed

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "fake"))
from pglite import Pglite, pglite_packages  # noqa: E402
from qdrant import KEY, FakeQdrant  # noqa: E402

WORDS = "livraison Lyon euros gratuite boutique horaires ouvre ferme cinq dix-neuf cinquante retour colis client".split()
QUESTIONS = ["Combien coûte la livraison ?", "boutique horaires", "colis retour client"]


def eventually(look, limit=20):
    until = time.monotonic() + limit * PATIENCE
    while not (got := look()) and time.monotonic() < until:
        time.sleep(0.02)
    assert got
    return got


@pytest.fixture
def qdrant():
    """A test that expects a refusal takes it out of the list."""
    with FakeQdrant() as qdrant:
        yield qdrant
    assert qdrant.refused == []


@pytest.fixture
def serve(tmp_path, qdrant):
    """serve(): a server whose vectors are in the stand-in; ended after the test."""
    made = []

    def begin(folder=None, **options):
        settings = {"QDRANT_URL": qdrant.url + "/", "QDRANT_API_KEY": KEY} | options
        server = Server(folder or tmp_path / f"s{len(made)}", **settings)
        made.append(server)
        return server.start()
    yield begin
    for server in made:
        server.close()


def text(n):
    """Few words in many orders: passages that are near each other, and some that are equal."""
    return f"# Partie {n % 5}\n\n" + " ".join(WORDS[(n * k) % len(WORDS)] for k in (1, 2, 3, 5, 7)) + ".\n"


def vectors(qdrant):
    return sum(len(one.points) for one in qdrant.data().values())


# -- the same answers -------------------------------------------------------------------------------


@pytest.mark.smoke
def test_ones_own_passages_are_found_by_meaning_at_once(serve, qdrant):
    server = serve()
    tenant = make_tenant(server, server.client(token(server, "admin"))).owner
    base = make_base(tenant, *[(f"{n}.md", text(n)) for n in range(8)])
    for mode in ("vector", "hybrid"):
        got = found(tenant, base, text(3).split("\n")[2], mode=mode, maxResults=20)
        assert got[0]["documentName"] == "3.md" and got[0]["vectorRank"] == 1, got
        assert all(one["similarity"] is not None for one in got)
    assert vectors(qdrant) == 8 and qdrant.queries
    (place, at), = qdrant.data().items()
    assert place.startswith("socle_chunks_v") and at.indexes == {
        "tenant": "keyword", "knowledge_base": "keyword", "document": "keyword", "language": "keyword", "page": "integer"}
    gone = page(tenant.get(f"{BASES}/{base}/documents?limit=100"))[0][0]["id"]
    assert tenant.delete(f"/api/v1/documents/{gone}").status_code in (200, 204)
    assert gone not in [one["documentId"] for one in found(tenant, base, "livraison", mode="vector", maxResults=20)]
    eventually(lambda: vectors(qdrant) == 7)


@pytest.fixture(scope="module")
def pglite(tmp_path_factory):
    """A PostgreSQL with pgvector."""
    folder = ROOT / ".cache/pglite"
    missing = pglite_packages(folder)
    if missing:
        pytest.skip(missing)
    with Pglite(folder) as pglite:
        yield pglite


def in_pglite(pglite, tmp_path, **options):
    return Server(tmp_path, database=pglite.url, redis="", VECTOR_STORE="pgvector", DB_PREPARED="off", LOOPS=1, **options)


def ask_all(tenants):
    """All answers to the questions, in both modes."""
    answers = [found(client, base, question, mode=mode, maxResults=20, maxTokens=100000)
               for client, base in tenants for question in QUESTIONS for mode in ("vector", "hybrid")]
    for listed in answers[::2]:  # by meaning alone: the nearest first
        assert [one["vectorRank"] for one in listed] == list(range(1, len(listed) + 1))
        assert [one["similarity"] for one in listed] == sorted((one["similarity"] for one in listed), reverse=True)
    return answers


def alike(got, expected):
    """Which of equals comes first goes by the order in which passages were made: not compared here."""
    for mine, theirs in zip(got, expected, strict=True):
        mine, theirs = ({(one["documentName"], one["text"]): one["similarity"] for one in listed} for listed in (mine, theirs))
        assert set(mine) == set(theirs)
        for one, similarity in mine.items():
            assert similarity == (theirs[one] and pytest.approx(theirs[one], abs=1e-5))


def live(server):
    """Two tenants write, change and delete; what is found after each of the steps."""
    admin = server.client(token(server, "admin"))
    clients = [make_tenant(server, admin).owner for _ in range(2)]
    steps, tenants = [], []
    for i, client in enumerate(clients):
        documents = [(f"{n}.md", text(n + i)) for n in range(8)] + [("same.md", text(3 + i) + "\n\n")]
        tenants.append((client, make_base(client, *documents)))
    steps.append(ask_all(tenants))
    client, base = tenants[0]
    for one in page(client.get(f"{BASES}/{base}/documents?limit=100"))[0]:
        if one["name"] in ("3.md", "7.md"):
            assert client.delete(f"/api/v1/documents/{one['id']}").status_code in (200, 204)
    good(client.post(f"{BASES}/{base}/documents", files={"file": ("new.md", text(40))}), 201)
    wait_indexed(client, base)
    steps.append(ask_all(tenants))
    return steps


@pytest.fixture(scope="module")
def engine_answers(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("engine"), VECTOR_STORE="engine", QDRANT_URL="http://127.0.0.1:9")
    try:
        return live(server.start())
    finally:
        server.close()


@pytest.mark.parametrize("search", ["exact", "approximate"])
def test_qdrant_answers_as_the_engine_does(serve, qdrant, engine_answers, search):
    for got, expected in zip(live(serve(VECTOR_SEARCH=search)), engine_answers, strict=True):
        alike(got, expected)
    assert {body["params"]["exact"] for _, body in qdrant.queries} == {search == "exact"}


@pytest.mark.slow
def test_pgvector_answers_as_the_engine_does(pglite, tmp_path, engine_answers):
    server = in_pglite(pglite, tmp_path)
    try:
        for got, expected in zip(live(server.start()), engine_answers, strict=True):
            alike(got, expected)
    finally:
        server.close()


@pytest.mark.slow
def test_every_filter_holds_in_pgvector_too(pglite):
    program = pathlib.Path(BINARY).parent / "test/search_store_test"
    if not program.exists():
        pytest.skip("the unit tests are not built")
    done = subprocess.run([program, "pgvector"], env=os.environ | {"SOCLE_TEST_PGVECTOR": pglite.url}, timeout=300 * PATIENCE,
                          capture_output=True, text=True)
    assert done.returncode == 0 and "skipped: SOCLE" not in done.stdout and "1 passed" in done.stdout, done.stdout


def test_no_question_goes_out_without_the_tenant(serve, qdrant):
    server = serve()
    admin = server.client(token(server, "admin"))
    mine, theirs = (make_tenant(server, admin) for _ in range(2))
    base = make_base(mine.owner, ("mine.md", text(1)))
    other = make_base(theirs.owner, ("theirs.md", text(1)))
    for mode in ("vector", "hybrid"):
        assert {one["documentName"] for one in found(mine.owner, base, text(1)[:500], mode=mode)} == {"mine.md"}
    for _, body in qdrant.queries:
        assert body["filter"]["must"][0]["key"] == "tenant" and body["filter"]["must"][0]["match"]["value"]
    # what lies in the store is not believed: a point that says it is mine is still theirs
    with qdrant.lock:
        (at,) = qdrant.data().values()
        one = next(payload for _, payload in at.points.values() if payload["knowledge_base"] == [base])
        for _, payload in at.points.values():
            payload |= {"tenant": one["tenant"], "knowledge_base": one["knowledge_base"]}
    for mode in ("vector", "hybrid"):
        assert {one["documentName"] for one in found(mine.owner, base, text(1)[:500], mode=mode)} == {"mine.md"}
    refused(mine.owner.post(f"{BASES}/{other}/search", json={"query": "x"}), 404, "KNOWLEDGE_BASE_NOT_FOUND")


# -- away -------------------------------------------------------------------------------------------


def test_words_are_found_while_the_store_is_away_and_nothing_is_lost(serve, qdrant):
    server = serve()
    client = make_tenant(server, server.client(token(server, "admin"))).owner
    base = make_base(client, ("before.md", text(1)))
    assert search(client, base, "livraison", mode="hybrid")["degraded"] is False
    qdrant.stop()
    good(client.post(f"{BASES}/{base}/documents", files={"file": ("meanwhile.md", text(2))}), 201)
    wait_indexed(client, base)
    got = search(client, base, "livraison Lyon euros", mode="hybrid")
    assert got["degraded"] is True and {one["documentName"] for one in got["results"]} == {"before.md", "meanwhile.md"}
    assert all(one["vectorRank"] is None for one in got["results"])
    answer = client.post(f"{BASES}/{base}/search", json={"query": "livraison", "mode": "vector"})
    assert answer.status_code == 503 and int(answer.headers["Retry-After"]) > 0
    assert found(client, base, "livraison", mode="keyword")
    began = time.monotonic()
    for _ in range(5):  # nobody waits for who is known to be away
        search(client, base, "livraison", mode="hybrid")
    assert time.monotonic() - began < 12 * PATIENCE
    qdrant.start()
    eventually(lambda: search(client, base, "livraison", mode="hybrid")["degraded"] is False)
    assert {one["documentName"] for one in found(client, base, "livraison", mode="vector")} == {"before.md", "meanwhile.md"}
    assert vectors(qdrant) == 2


def test_a_store_that_takes_requests_and_answers_none_keeps_nobody_for_long(serve, qdrant):
    server = serve()
    client = make_tenant(server, server.client(token(server, "admin"))).owner
    base = make_base(client, ("before.md", text(1)))
    assert found(client, base, "livraison", mode="vector")
    qdrant.hold()
    began = time.monotonic()
    got = search(client, base, "Lyon", mode="hybrid")
    assert got["degraded"] is True and got["results"] and time.monotonic() - began < 12 * PATIENCE
    qdrant.release()
    eventually(lambda: search(client, base, "livraison", mode="hybrid")["degraded"] is False)


def test_a_store_that_comes_and_goes_in_the_middle_of_writes_has_them_all(serve, qdrant):
    server = serve()
    client = make_tenant(server, server.client(token(server, "admin"))).owner
    base = make_base(client)
    over = threading.Event()

    def shake():
        while not over.wait(0.15):
            qdrant.stop()
            time.sleep(0.1)
            qdrant.start()
    shaker = threading.Thread(target=shake)
    shaker.start()
    try:
        for n in range(25):
            good(client.post(f"{BASES}/{base}/documents", files={"file": (f"{n}.md", text(n))}), 201)
        listed = wait_indexed(client, base)
        for one in listed[:5]:
            assert client.delete(f"/api/v1/documents/{one['id']}").status_code in (200, 204)
    finally:
        over.set()
        shaker.join()
    eventually(lambda: search(client, base, "livraison", mode="hybrid")["degraded"] is False)
    names = {one["documentName"] for one in found(client, base, "livraison", mode="vector", maxResults=20, maxTokens=100000)}
    assert names == {one["name"] for one in listed[5:]}
    eventually(lambda: vectors(qdrant) == 20)


def test_a_process_that_is_killed_goes_on_where_it_was(serve, qdrant, tmp_path):
    server = serve()
    client = make_tenant(server, server.client(token(server, "admin"))).owner
    base = make_base(client, ("a.md", text(1)), ("b.md", text(2)))
    assert len(found(client, base, "livraison", mode="vector")) == 2
    made = [one for one in qdrant.writes if one[1] == "make"]
    server.kill()
    server.start()
    client.url = server.url
    good(client.post(f"{BASES}/{base}/documents", files={"file": ("c.md", text(3))}), 201)
    wait_indexed(client, base)
    assert len(found(client, base, "livraison", mode="vector")) == 3
    assert [one for one in qdrant.writes if one[1] == "make"] == made  # nothing was built anew


def test_what_was_lost_over_there_is_built_anew(serve, qdrant):
    server = serve()
    client = make_tenant(server, server.client(token(server, "admin"))).owner
    base = make_base(client, ("a.md", text(1)), ("b.md", text(2)))
    assert len(found(client, base, "livraison", mode="vector")) == 2
    qdrant.wipe()
    search(client, base, "livraison", mode="hybrid")  # notices it
    eventually(lambda: vectors(qdrant) == 2)
    eventually(lambda: search(client, base, "livraison", mode="hybrid")["degraded"] is False)
    assert len(found(client, base, "livraison", mode="vector")) == 2


def test_a_rebuild_fills_another_collection_and_drops_the_former(serve, qdrant):
    server = serve()
    client = make_tenant(server, server.client(token(server, "admin"))).owner
    base = make_base(client, ("a.md", text(1)))
    assert found(client, base, "livraison", mode="vector")
    former = set(qdrant.data())
    server.stop()
    server.cli("reindex", "chunks")
    assert len(qdrant.data()) == 1 and not set(qdrant.data()) & former
    server.start()
    client.url = server.url
    assert [one["documentName"] for one in found(client, base, "livraison", mode="vector")] == ["a.md"]


def test_other_dimensions_are_another_collection(serve, qdrant, tmp_path):
    server = serve(tmp_path / "one")
    client = make_tenant(server, server.client(token(server, "admin"))).owner
    base = make_base(client, ("a.md", text(1)))
    assert found(client, base, "livraison", mode="vector")
    (former,) = qdrant.data()
    server.stop()
    server.env["EMBED_DIMENSIONS"] = "256"
    server.start()
    client.url = server.url
    eventually(lambda: [one.size for one in qdrant.data().values()] == [256])
    assert former not in qdrant.data()
    eventually(lambda: found(client, base, "livraison", mode="vector"))
    eventually(lambda: vectors(qdrant) == 1)


# -- what is wrong is said --------------------------------------------------------------------------


def test_a_wrong_key_is_said_and_words_are_found(serve, qdrant):
    server = serve(QDRANT_API_KEY="wrong")
    client = make_tenant(server, server.client(token(server, "admin"))).owner
    base = make_base(client, ("a.md", text(1)))
    got = search(client, base, "Lyon", mode="hybrid")
    assert got["degraded"] is True and got["results"]
    server.wait_log("Qdrant refuses the key")
    assert {status for _, _, status, _ in qdrant.refused} == {401}
    assert "wrong" not in server.log()
    server.stop()
    qdrant.refused.clear()
    server.env["QDRANT_API_KEY"] = KEY
    server.start()
    client.url = server.url
    eventually(lambda: search(client, base, "livraison", mode="hybrid")["degraded"] is False)


def test_settings_that_do_not_fit_are_refused(tmp_path):
    server = Server(tmp_path / "a", database="", VECTOR_STORE="qdrant")
    said = server.cli("doctor", code=1)
    assert "VECTOR_STORE=qdrant needs QDRANT_URL" in said.stdout + said.stderr
    server = Server(tmp_path / "b", database="", VECTOR_STORE="pinecone")
    said = server.cli("doctor", code=1)
    assert "VECTOR_STORE" in said.stdout + said.stderr


@pytest.mark.skipif(DATABASE != "postgres", reason="nodes share a PostgreSQL database")
def test_two_nodes_one_of_which_writes(serve, qdrant, tmp_path):
    database = postgres_make()
    for name in ("n1/blobs", "n2"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "n2/blobs").symlink_to(tmp_path / "n1/blobs")  # files are shared
    try:
        first, second = (serve(tmp_path / name, database=database) for name in ("n1", "n2"))
        tenant = make_tenant(first, first.client(token(first, "admin"))).owner
        base = make_base(tenant, ("a.md", text(1)))
        there = second.client(tenant.headers["Authorization"].removeprefix("Bearer "))
        there.headers.update(tenant.headers)
        for n in range(5):
            one = (there, tenant)[n % 2]
            good(one.post(f"{BASES}/{base}/documents", files={"file": (f"n{n}.md", text(n + 2))}), 201)
            wait_indexed(one, base)
            for client in (tenant, there):
                names = {hit["documentName"] for hit in found(client, base, "livraison", mode="vector", maxResults=20)}
                assert names == {"a.md"} | {f"n{i}.md" for i in range(n + 1)}
        assert [one[1] for one in qdrant.writes].count("make") == 2  # the state's, and one of vectors
        first.kill()
        good(there.post(f"{BASES}/{base}/documents", files={"file": ("last.md", text(9))}), 201)
        wait_indexed(there, base)
        assert found(there, base, "livraison", mode="keyword")
        eventually(lambda: "last.md" in {hit["documentName"] for hit in found(there, base, "livraison", mode="hybrid",
                                                                              maxResults=20)
                                         if hit["vectorRank"]}, limit=60)
    finally:
        for server in (first, second):
            server.close()
        postgres_drop(database)
