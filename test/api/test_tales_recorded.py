"""Stories and recordings where the provider answers what Gemini really answered once (recorded streams and
errors): whatever came, nothing of another conversation gets into a story, and it ends whole or says why."""

import json
import pathlib
import sys

import pytest
from harness import PATIENCE, Server, shared_data
from tales_story import Space, data, made, person, sourced, state_of

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "fake"))
from models import FakeModels  # noqa: E402

STREAMS = ["streaming-success-basic-reply-long.txt", "streaming-success-basic-reply-short.txt",
           "streaming-success-citations.txt", "streaming-success-empty-parts.txt",
           "streaming-success-finish-message.txt", "streaming-success-no-content-parts.txt",
           "streaming-success-thinking-reply-thought-summary.txt", "streaming-success-url-context.txt"]
SPOKEN = ["unary-success-basic-reply-short.json", "unary-failure-with-message-no-content.json",
          "unary-success-thinking-reply-thought-summary.json"]


def folder():
    return shared_data() / "llm/gemini"


@pytest.fixture(scope="module")
def models():
    with FakeModels() as fake:
        yield fake


@pytest.fixture(scope="module")
def server(tmp_path_factory, models):
    made_here = Server(tmp_path_factory.mktemp("data"), AI_CHAT_PROVIDER="gemini", AI_TRIES=1,
                       LIFETALES_STORIES_PER_HOUR=10000, LIFETALES_AI_CALLS_PER_HOUR=100000, **models.env())
    try:
        yield made_here.start()
    finally:
        made_here.close()


@pytest.fixture(autouse=True)
def calm(models):
    models.reset()


def answered(models, name, times=1):
    models.fault(f"recorded={folder() / name}", times=times, provider="gemini")


def words_of(name):
    """What the recorded answer says, of five words and more."""
    texts = []
    for line in (folder() / name).read_text().splitlines():
        if line.startswith("data: "):
            for candidate in json.loads(line[6:]).get("candidates", []):
                texts += [p.get("text", "") for p in candidate.get("content", {}).get("parts", [])]
    return [t.strip() for t in texts if len(t.split()) >= 5]


@pytest.mark.parametrize("name", STREAMS)
def test_prose_where_a_chapter_was_asked_for_is_asked_again(server, models, name):
    space = Space(person(server), made(2))
    answered(models, name)
    with space.follow(storyMode="chapter") as events:
        seen = events.rest()
    assert seen[-1][1] == "complete", seen[-1]
    chapters = space.chapters()
    assert len(chapters) == 2 and models.count("gemini") == 3
    sourced(space, chapters)
    told = json.dumps(chapters, ensure_ascii=False) + json.dumps(seen, ensure_ascii=False)
    assert not [w for w in words_of(name) if w in told]


@pytest.mark.parametrize("name", ["streaming-failure-prompt-blocked-safety.txt",
                                  "unary-failure-finish-reason-safety.txt"])
def test_what_was_stopped_for_safety_is_said_and_the_rest_is_there(server, models, name):
    space = Space(person(server), made(3))
    answered(models, name)
    with space.follow(storyMode="chapter") as events:
        seen = events.rest()
    assert seen[-1][1] == "error" and seen[-1][2]["code"] == "story_refused"
    assert len(space.chapters()) == 2
    assert "Safety error incoming" not in json.dumps(seen)
    assert len(space.story(storyMode="chapter")["chapters"]) == 3  # and it can be gone on from
    assert models.count("gemini") == 4


@pytest.mark.parametrize("name, code", [("unary-failure-api-key.json", "ai_wrong_key"),
                                        ("unary-failure-generativelanguage-api-not-enabled.json", None),
                                        ("unary-failure-unknown-model.json", None),
                                        ("streaming-failure-image-rejected.txt", None)])
def test_a_refusal_for_good_ends_the_story_with_words(server, models, name, code):
    space = Space(person(server), made(2))
    answered(models, name, times=None)
    with space.follow(storyMode="chapter") as events:
        seen = events.rest()
    assert seen[-1][1] == "error" and seen[-1][2]["message"], seen[-1]
    assert code is None or seen[-1][2]["code"] == code, seen[-1]
    assert space.chapters() == [] and models.count("gemini") <= 2
    models.reset()
    assert len(space.story(storyMode="chapter")["chapters"]) == 2


@pytest.fixture
def busy(models, tmp_path):
    """The next answer is that recorded 429; the seconds that it asks for."""
    def put(name):
        said = json.loads((folder() / "errors_429_retryinfo.json").read_text())[name]
        said["error"].setdefault("code", 429)
        (tmp_path / "error.json").write_text(json.dumps(said))
        answered(models, tmp_path / "error.json")
        return next(float(d["retryDelay"][:-1]) for d in said["error"]["details"] if "retryDelay" in d)
    return put


@pytest.mark.parametrize("name", ["fractional_delay", "per_minute_retryinfo"])
def test_a_busy_service_is_waited_for_as_long_as_it_says(server, busy, name):
    space = Space(person(server), made(1))
    seconds = busy(name)
    with space.follow(storyMode="chapter") as events:
        waits = next(e for e in iter(events.next, None) if e[1] == "status" and "code" in e[2])[2]
        assert waits["state"] == "waiting" and waits["retryAfter"] >= seconds and waits["message"], waits
        if seconds < 10:
            assert events.rest()[-1][1] == "complete" and len(space.chapters()) == 1
        else:
            assert state_of(space.client, events.story_id)["state"] == "waiting"
            data(space.client.post(f"/api/stories/{events.story_id}/cancel"))


def test_a_days_quota_that_is_used_up_ends_the_story_and_it_can_be_gone_on_from(server, busy):
    space = Space(person(server), made(2))
    busy("daily_free_tier_terminal")
    with space.follow(storyMode="chapter") as events:
        last = events.rest()[-1]
    assert last[1] == "error" and last[2]["message"], last
    assert len(space.story(storyMode="chapter")["chapters"]) == 2


@pytest.mark.parametrize("name", SPOKEN)
def test_what_is_no_transcript_is_none(server, models, name, tmp_path):
    """Prose in place of the asked-for JSON is never taken for what was said."""
    sound = (shared_data() / "audio/voice.ogg").read_bytes()
    answered(models, name, times=None)
    answer = person(server).post("/api/transcribe", files={"file": ("voice.ogg", sound, "audio/ogg")},
                                 timeout=60 * PATIENCE)
    assert answer.status_code >= 500 and answer.json()["success"] is False, answer.text
    assert "Mountain View" not in answer.text
