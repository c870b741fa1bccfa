"""Robian on two nodes: events and fresh answers everywhere, and audio that the other node extracted."""

import hashlib
import os
import uuid

import pytest
from harness import DATABASE, database, postgres_drop, postgres_make, problem, redis_make, token
from robian import make_debate
from test_events import Socket, Stream
from test_robian_streaming import (blob_path, give_audio, hls_of, info_of, needs_ffmpeg, music, some_bytes, stream_of,
                                   wait_until)

pytestmark = pytest.mark.skipif(DATABASE != "postgres", reason="several nodes need PostgreSQL")
assert music  # a fixture


@pytest.fixture(params=["redis", "postgres"])
def nodes(request, make_server, tmp_path):
    """make(shared): two nodes on one database, their news by Redis or by PostgreSQL alone."""
    if request.param == "redis" and "SOCLE_TEST_REDIS" not in os.environ:
        pytest.skip("no Redis")
    url, made = postgres_make(), []
    redis = redis_make() if request.param == "redis" else ""

    def make(shared=True):
        for n in range(2):
            folder = tmp_path / ("shared" if shared else f"node{n}")
            made.append(make_server(folder=folder, database=url, redis=redis))
        return made

    yield make
    for server in made:
        server.stop()
    postgres_drop(url)


def test_what_one_node_does_to_a_debate_is_heard_on_the_other(nodes):
    one, two = nodes()
    analyst = one.client(token(one, "analyst"))
    with Socket(two) as ws:
        ws.ask("subscribe", "subscribed", channel="debates")
        stream = Stream(two, "channels=debates")
        debate = make_debate(analyst)
        analyst.put(f"/api/debates/{debate['id']}", json={"status": "en_cours"})
        analyst.delete(f"/api/debates/{debate['id']}")
        for type in ("debate_created", "debate_started", "debate_deleted"):
            heard = ws.read(type)
            assert heard["data"]["debate_id"] == debate["id"]
            assert stream.event()[1] == heard
        stream.close()


def test_what_one_node_has_cached_follows_what_the_other_writes(nodes):
    one, two = nodes()
    analyst, reader = one.client(token(one, "analyst")), two.client()
    debate = make_debate(analyst)
    wait_until(lambda: any(d["id"] == debate["id"] for d in reader.get("/api/debates/").json()["debates"]), "a list")
    assert info_of(reader, debate)["audio_available"] is False
    give_audio(one, debate["id"], some_bytes("nodes", 500))
    analyst.put(f"/api/debates/{debate['id']}", json={"title": "Nouveau titre"})
    wait_until(lambda: info_of(reader, debate)["audio_available"], "the other node's info stays old")
    wait_until(lambda: reader.get("/api/debates/").json()["debates"][0]["title"] == "Nouveau titre", "an old list")
    analyst.delete(f"/api/debates/{debate['id']}")
    wait_until(lambda: reader.get(f"/api/streaming/{debate['id']}/info").status_code == 404, "the deleted one stays")


@needs_ffmpeg
def test_audio_of_one_node_plays_on_the_other_from_a_shared_folder(nodes, music):
    one, two = nodes()
    analyst = one.client(token(one, "analyst"))
    debate = make_debate(analyst)
    give_audio(one, debate["id"], music["mp3"])
    assert two.client().get(stream_of(debate)).content == music["mp3"]
    playlist = one.client().get(hls_of(debate)).text  # made by one, its segments given by the other
    name = playlist.splitlines()[-2]
    assert two.client().get(f"/api/streaming/{debate['id']}/hls/{name}").status_code == 200
    assert two.client().get(hls_of(debate)).text == playlist
    assert int(database(one, f"SELECT stream_count FROM debates WHERE id = '{debate['id']}'")) == 3


def test_audio_of_a_node_with_a_folder_of_its_own_is_said_to_be_missing(nodes):
    one, two = nodes(shared=False)
    debate = make_debate(one.client(token(one, "analyst")))
    whole = some_bytes(str(uuid.uuid4()), 500)
    give_audio(one, debate["id"], whole)
    assert one.client().get(stream_of(debate)).content == whole
    problem(two.client().get(stream_of(debate)), 410)
    two.wait_log(f"blob {hashlib.sha256(whole).hexdigest()} is not under DATA_DIR .do all nodes share that folder")
    assert blob_path(one, hashlib.sha256(whole).hexdigest()).exists()
