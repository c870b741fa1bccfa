"""What a person may take in a time, taken by many requests at once: as much as the limit, and not one more."""

import pathlib
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from harness import PATIENCE, Server
from tales import b64, good, make_note, make_space, person, tone

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "fake"))
from models import FakeModels  # noqa: E402

AT_ONCE = 50


def all_at_once(fn, count=AT_ONCE):
    """fn(0), …, begun together; what they answered."""
    line = threading.Barrier(count)

    def one(i):
        line.wait(60 * PATIENCE)
        return fn(i)
    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))


def counted(answers):
    codes = [answer.status_code for answer in answers]
    assert set(codes) <= {200, 429}, codes
    assert all(int(answer.headers["Retry-After"]) > 0 for answer in answers if answer.status_code == 429)
    return codes.count(200)


def test_three_stories_an_hour_pass_of_fifty_at_once(tmp_path):
    server = Server(tmp_path)
    try:
        server.start()
        me, other = person(server), person(server)
        spaces = [make_space(me) for _ in range(AT_ONCE)]
        for space in spaces:
            make_note(me, space, textContent="Un chat dormait.")

        def generate(i):
            return me.post("/api/stories/generate", timeout=130 * PATIENCE,
                           json={"spaceId": spaces[i]["id"], "settings": {"imagesPerChapter": 0}})
        answers = all_at_once(generate)
        assert counted(answers) == 3
        told = [len(good(me.get(f"/api/spaces/{space['id']}/story"))) for space in spaces]
        assert [bool(n) for n in told] == [a.status_code == 200 for a in answers]  # who was refused left nothing
        space = make_space(other)
        make_note(other, space, textContent="Un chat dormait.")
        good(other.post("/api/stories/generate", timeout=130 * PATIENCE,
                        json={"spaceId": space["id"], "settings": {"imagesPerChapter": 0}}))
    finally:
        server.close()


def test_ten_transcriptions_a_minute_pass_of_fifty_at_once(tmp_path):
    with FakeModels() as models:
        server = Server(tmp_path, AI_TRANSCRIBE_PROVIDER="gemini", **models.env())
        try:
            server.start()
            me = person(server)
            sounds = [b64(tone(0.2, pitch=200 + 10 * i)) for i in range(AT_ONCE)]
            began = time.monotonic()
            passed = counted(all_at_once(lambda i: me.post(
                "/api/notes/transcribe", json={"audioData": sounds[i], "mimeType": "audio/wav"}, timeout=130 * PATIENCE)))
            # On a machine that needs longer than the minute more may pass, one minute's after the other's.
            assert passed == 10 if time.monotonic() - began < 60 else passed >= 10
        finally:
            server.close()
