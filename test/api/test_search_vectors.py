"""Vectors in a store outside: Qdrant (a strict stand-in) and pgvector (in pglite, where npm has it). What is
found is the same as with the engine within; words go on being found while the store is away."""

import contextlib
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import threading
import time

import pytest
from harness import DATABASE, PATIENCE, ROOT, Server, postgres_drop, postgres_make, token
from sylion import good, make_tenant, page, refused
from test_sylion_retrieval import BASES, found, make_base, search, wait_indexed

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "fake"))
from qdrant import KEY, FakeQdrant  # noqa: E402

WORDS = "livraison Lyon euros gratuite boutique horaires ouvre ferme cinq dix-neuf cinquante retour colis client".split()
QUESTIONS = ["Combien coûte la livraison ?", "boutique horaires", "colis retour client", "Lyon", "gratuite cinquante"]


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


def told(results):
    return [(one["documentName"], one["text"], one["keywordRank"], one["vectorRank"]) for one in results]


def similarities(results):
    return [one["similarity"] for one in results]


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
