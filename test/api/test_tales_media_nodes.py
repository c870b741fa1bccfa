"""Recordings on two nodes of one PostgreSQL: whichever is asked, one stored file and one call of the provider's."""

import concurrent.futures
import os
import pathlib
import sys

import pytest
from harness import DATABASE, PATIENCE, database, postgres_drop, postgres_make, redis_make, token
from tales import b64, good, make_note, make_space, person, tone, wait

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "fake"))
from models import FakeModels  # noqa: E402

pytestmark = pytest.mark.skipif(DATABASE != "postgres", reason="several nodes need PostgreSQL")


@pytest.fixture
def models():
    with FakeModels() as models:
        yield models


@pytest.fixture
def nodes(make_server, tmp_path, models):
    """Two of them, over one database and one folder of blobs."""
    url, redis = postgres_make(), redis_make() if "SOCLE_TEST_REDIS" in os.environ else ""
    env = models.env() | {"AI_TRANSCRIBE_PROVIDER": "gemini"}
    made = [make_server(folder=tmp_path / "shared", database=url, redis=redis, **env) for _ in range(2)]
    yield made
    for server in made:
        server.stop()
    postgres_drop(url)


def test_a_hundred_uploads_of_one_recording_on_two_nodes_are_one_call_and_one_file(nodes, models):
    ada = person(nodes[0])
    access, space, sound = ada.headers["Authorization"].split()[1], make_space(ada), b64(tone(1.0, pitch=555))

    def one(i):
        with nodes[i % 2].client(access) as client:
            return make_note(client, space, type="AUDIO", audioData=sound)
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        notes = list(pool.map(one, range(100)))
    assert len({note["id"] for note in notes}) == 100 and len({note["audioFileIds"][0] for note in notes}) == 1

    def all_heard():
        now = good(ada.get(f"/api/spaces/{space['id']}/notes"))
        return len(now) == 100 and all(note["transcription_status"] == "done" for note in now)
    wait(all_heard, "all are heard", 120)
    assert models.count() == 1
    assert int(database(nodes[0], "SELECT count(*) FROM media")) == 1
    assert len(list((nodes[0].folder / "blobs").glob("??/*"))) == 1


def test_those_who_ask_at_once_on_two_nodes_are_one_call(nodes, models):
    accesses, body = [token(nodes[0]), token(nodes[0])], {"audioData": b64(tone(1.0, pitch=222))}

    def one(i):
        with nodes[i % 2].client(accesses[i // 2 % 2]) as client:
            return client.post("/api/transcribe", json=body, timeout=120 * PATIENCE)
    with concurrent.futures.ThreadPoolExecutor(40) as pool:
        answers = list(pool.map(one, range(40)))
    assert {answer.status_code for answer in answers} == {200}, {answer.text for answer in answers}
    assert len({answer.json()["transcription"] for answer in answers}) == 1
    assert models.count() == 1
