"""Stories as server-sent events: text as it comes, chapters as they are committed, cut and resumed anywhere,
clients that go away, clients that are slow."""

import json
import pathlib
import socket
import sys
import threading
import time
import urllib.parse

import pytest
from harness import PATIENCE, Server, database
from tales_story import STREAM, Events, Space, data, made, person, refused, state_wait

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "fake"))
import models_tales  # noqa: E402
from models import FakeModels  # noqa: E402

MANY = {"LIFETALES_STORIES_PER_HOUR": 10000, "LIFETALES_AI_CALLS_PER_HOUR": 100000}


@pytest.fixture(scope="module")
def models():
    with FakeModels() as fake:
        yield fake


@pytest.fixture(autouse=True)
def calm(models):
    models.reset()
    models.storyteller = None
    yield


@pytest.fixture(scope="module")
def server(tmp_path_factory, models):
    made_here = Server(tmp_path_factory.mktemp("data"), AI_CHAT_PROVIDER="gemini", AI_TRIES=1, AI_CONCURRENCY=200,
                       WORKERS_PER_LOOP=200, **MANY, **models.env())
    try:
        yield made_here.start()
    finally:
        made_here.close()


def told_text(seen, chapter_id):
    """What the deltas of a chapter say together; each says where it begins."""
    text = ""
    for _, kind, event in seen:
        if kind != "delta" or event["chapterId"] != chapter_id:
            continue
        if event.get("reset"):
            text = ""
        assert event["at"] == len(text), event
        text += event["text"]
    return text


def test_text_comes_as_it_is_written_then_each_chapter_then_the_whole(server, models):
    space = Space(person(server), made(3))
    with space.follow(storyMode="chapter") as events:
        seen = events.rest()
    kinds = [kind for _, kind, _ in seen]
    assert kinds[0] == "status" and kinds[-1] == "complete" and kinds.count("chapter") == 3
    chapters = space.chapters()
    assert seen[-1][2]["chapters"] == chapters
    assert seen[-1][2]["figures"]["story"]["calls"] == 3
    for chapter in chapters:
        assert told_text(seen, chapter["id"]) == chapter["content"]
        at = next(i for i, (_, kind, e) in enumerate(seen) if kind == "chapter" and e["chapterId"] == chapter["id"])
        assert not any(e[1] == "delta" and e[2]["chapterId"] == chapter["id"] for e in seen[at:])
        assert seen[at][2]["chapter"]["content"] == chapter["content"]
    ids = [i for i, _, _ in seen if i]
    assert ids == sorted(ids) and len(set(ids)) == len(ids)


def test_a_piece_is_heard_before_the_model_says_the_next(server, models):
    """The model says no more until what it said has been heard."""
    space = Space(person(server), [("Une", "Paul ferme la porte du jardin. Marie rentre avec le pain du matin.")])
    heard = threading.Event()

    def pace(i):
        if i == 12:  # well within the first sentence
            assert heard.wait(30 * PATIENCE)
    models.storyteller = lambda asked, notes: {"json": models_tales.tell(asked, notes), "pace": pace}
    with space.follow(storyMode="chapter") as events:
        first = events.until("delta")
        heard.set()
        seen = events.rest()
    assert first[2]["at"] == 0 and seen[-1][1] == "complete"
    assert told_text(seen, space.chapters()[0]["id"]) == space.chapters()[0]["content"]


def test_a_model_that_goes_on_is_listened_to_and_one_that_hangs_is_not(tmp_path, models):
    """The limit is one of silence, while somebody listens: a slow stream outlasts it."""
    limit = 1.2 * PATIENCE
    server = Server(tmp_path, AI_CHAT_PROVIDER="gemini", AI_TRIES=1, LIFETALES_STORIES_PER_HOUR=1000,
                    LIFETALES_STORY_MS=int(limit * 1000), **models.env()).start()
    ended = threading.Event()
    try:
        space = Space(person(server), [("Une", "Paul ferme la porte du jardin. Marie rentre avec le pain du matin.")])
        pieces = []

        def slow(i):
            pieces.append(i)
            if i < 10:
                time.sleep(limit / 4)
        models.storyteller = lambda asked, notes: {"json": models_tales.tell(asked, notes), "pace": slow}
        assert space.story(storyMode="chapter")["state"] == "done" and len(pieces) >= 10
        models.storyteller = lambda asked, notes: {"json": models_tales.tell(asked, notes),
                                                   "pace": lambda i: i == 12 and ended.wait(60 * PATIENCE)}
        space.edit(0, "Paul ouvre la porte du jardin. Marie rentre avec le pain du matin.")
        with space.follow(storyMode="chapter") as events:
            while "retryAfter" not in (event := events.next())[2]:
                pass
        assert event[2]["state"] == "waiting" and not ended.is_set()  # given up by us: the model still hangs
    finally:
        ended.set()
        server.close()


def test_cut_after_every_event_it_is_resumed_without_loss_or_double(server, models):
    space = Space(person(server), made(4))
    with space.follow(storyMode="chapter") as events:
        whole = [e for e in events.rest() if e[0]]
    assert len(whole) >= 6
    for last, _, _ in whole:
        rest = [e for e in whole if e[0] > last]
        with Events(space.client.get(f"/api/stories/{events.story_id}/events", stream=True,
                                     headers={"Last-Event-ID": str(last)}, timeout=30 * PATIENCE)) as again:
            got = again.rest()
        assert [e[:2] for e in got if e[0]] == [e[:2] for e in rest]
        assert got[-1][1] == "complete"
        with space.follow(last, storyMode="chapter") as same:  # on the same POST, with the same body
            assert same.story_id == events.story_id
            assert [e[:2] for e in same.rest() if e[0]] == [e[:2] for e in rest]
    assert models.count("gemini") == 4


def test_cut_while_it_is_written_and_resumed_at_every_event(server, models):
    space = Space(person(server), made(6))
    seen, last, story = [], None, None
    for _ in range(100):
        with space.follow(last, storyMode="chapter") as events:
            assert story in (None, events.story_id)
            story = events.story_id
            # The end may be told before its event is there: then by the story's row, without an id.
            while (event := events.next()) is not None and not event[0] and event[1] != "complete":
                pass
        if event is None:
            break
        seen.append(event)
        last = event[0]
        if event[1] == "complete":
            break
    assert [k for _, k, _ in seen].count("chapter") == 6 and seen[-1][1] == "complete"
    assert len({i for i, _, _ in seen}) == len(seen)


def test_a_client_that_goes_away_does_not_stop_the_story(server, models):
    space = Space(person(server), made(5))
    with space.follow(storyMode="chapter") as events:
        events.until("delta")
    assert state_wait(space.client, events.story_id, "done")["written"] == 5
    assert len(space.chapters()) == 5


def test_a_try_that_comes_to_nothing_takes_its_text_back(server, models):
    space = Space(person(server), made(1))
    models.fault("half=0.8")
    with space.follow(storyMode="chapter") as events:
        seen = events.rest()
    assert any(kind == "delta" and e.get("reset") for _, kind, e in seen)
    chapter = space.chapters()[0]
    assert told_text(seen, chapter["id"]) == chapter["content"]


@pytest.mark.parametrize("fault", ["cut=600", "cut=1500", "retry=1", "500"])
def test_a_stream_broken_off_by_the_provider_is_a_pause_then_the_chapter(server, models, fault):
    space = Space(person(server), made(1))
    models.fault(fault)
    with space.follow(storyMode="chapter") as events:
        seen = events.rest()
    waits = [e for _, kind, e in seen if kind == "status" and e["state"] == "waiting" and "code" in e]
    assert waits and waits[0]["retryAfter"] >= 1 and waits[0]["message"]
    assert seen[-1][1] == "complete" and len(seen[-1][2]["chapters"]) == 1


def test_every_byte_to_cut_at_gives_the_chapter_or_a_pause(server, models):
    """A sample of the places here; all of them, in the reader, are the unit test's."""
    for cut in range(50, 2000, 390):
        space = Space(person(server), [("Une", f"Karim compte les bateaux du port {cut}.")])
        models.fault(f"cut={cut}")
        with space.follow(storyMode="chapter") as events:
            seen = events.rest()
        assert seen[-1][1] == "complete", (cut, seen[-1])
        assert f"bateaux du port {cut}" in space.chapters()[0]["content"]


def test_a_refused_story_ends_with_an_error_that_says_so(server, models):
    space = Space(person(server), made(2))
    models.storyteller = lambda asked, notes: {"refusal": "no", "text": ""}
    with space.follow(storyMode="chapter") as events:
        seen = events.rest()
    assert seen[-1][1] == "error" and seen[-1][2]["code"] == "story_refused" and seen[-1][2]["message"]
    with Events(space.client.get(f"/api/stories/{events.story_id}/events", stream=True, timeout=30)) as again:
        assert again.rest()[-1][2]["code"] == "story_refused"


def test_a_story_whose_events_are_gone_still_says_how_it_ended(server, models):
    space = Space(person(server), made(2))
    with space.follow(storyMode="chapter") as events:
        events.rest()
    database(server, f"DELETE FROM events WHERE channel = 'story:{events.story_id}'", "SELECT 1")
    with Events(space.client.get(f"/api/stories/{events.story_id}/events", stream=True, timeout=30)) as again:
        seen = again.rest()
    assert seen[-1][1] == "complete" and len(seen[-1][2]["chapters"]) == 2


def test_another_persons_events_are_not_there(server, models):
    space, other = Space(person(server), made(1)), Space(person(server), made(1))
    with space.follow(storyMode="chapter") as events:
        seen = events.rest()
    last = seen[0][0]
    with other.follow(last, storyMode="chapter") as mine:  # a foreign id is as good as none
        assert mine.story_id != events.story_id
        assert mine.rest()[-1][1] == "complete"
    answer = other.client.get("/events", params={"channels": f"story:{events.story_id}"})
    assert answer.status_code == 403
    refused(space.client.post("/api/stories/generate", json=space.body(), headers=STREAM | {"Last-Event-ID": "x"}), 400)


def test_a_long_chapter_is_told_whole(server, models):
    text = " ".join(f"La barque numéro {i} passe devant la digue." for i in range(1500))
    space = Space(person(server), [("Longue", text)])
    with space.follow(storyMode="transcription") as events:
        seen = events.rest()
    told = next(e for _, kind, e in seen if kind == "chapter")
    assert len(told["chapter"]["content"]) > 40000
    assert told["chapter"] == space.chapters()[0]


def test_a_client_that_reads_nothing_costs_no_more_than_its_bounds(server, models):
    """Its text pieces are left out beyond a limit; the run and the other follower go on."""
    text = " ".join(f"La barque numéro {i} passe devant la digue du port." for i in range(250))
    space = Space(person(server), [(f"Note {i}", text) for i in range(4)])
    models.storyteller = lambda asked, notes: {
        "title": "Barques", "illustrationPrompt": "Boats", "characters": [],
        "sentences": [{"paragraph": False, "text": s, "noteIds": ["n1"]}
                      for note in notes for s in models_tales.sentences_of(note["text"], 250)]}
    where = urllib.parse.urlsplit(server.url)
    body = json.dumps(space.body(storyMode="chapter")).encode()
    head = (f"POST /api/stories/generate HTTP/1.1\r\nHost: {where.netloc}\r\nAccept: text/event-stream\r\n"
            f"Authorization: {space.client.headers['Authorization']}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n").encode()
    with socket.create_connection((where.hostname, where.port)) as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.sendall(head + body)
        assert slow.recv(15) == b"HTTP/1.1 200 OK"
        with space.follow(storyMode="chapter") as events:
            assert events.rest()[-1][1] == "complete"
    assert len(space.chapters()) == 4


def test_many_stories_stream_at_once(server, models):
    """The small version of bench/stories."""
    spaces = [Space(person(server), made(1)) for _ in range(5)]
    for space in list(spaces):
        spaces += [Space(space.client, made(1)) for _ in range(5)]
    ends = []

    def run(space):
        with space.follow(storyMode="chapter") as events:
            seen = events.rest()
        ends.append(seen[-1][1])
        assert told_text(seen, seen[-1][2]["chapters"][0]["id"]) == seen[-1][2]["chapters"][0]["content"]
    threads = [threading.Thread(target=run, args=(space,)) for space in spaces]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120 * PATIENCE)
    assert ends == ["complete"] * len(spaces)


def test_stopping_the_server_ends_streams_and_the_story_goes_on_after(tmp_path, models):
    server = Server(tmp_path, AI_CHAT_PROVIDER="gemini", **MANY, **models.env()).start()
    try:
        space = Space(person(server), made(4))
        release, reached = threading.Event(), threading.Event()

        def pace(i):
            if i == 5:
                reached.set()
                release.wait(60 * PATIENCE)
        models.storyteller = lambda asked, notes: {"json": models_tales.tell(asked, notes), "pace": pace}
        with space.follow(storyMode="chapter") as events:
            assert reached.wait(30 * PATIENCE)
            began = time.monotonic()
            server.stop()
            release.set()
            assert time.monotonic() - began < 30 * PATIENCE
        models.storyteller = None
        server.start()
        space.client.url = server.url
        assert state_wait(space.client, events.story_id, "done")["written"] == 4
        assert data(space.client.get(f"/api/spaces/{space.id}/story"))
    finally:
        server.close()
