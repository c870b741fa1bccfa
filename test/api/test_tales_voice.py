"""Texts read aloud: by espeak-ng without a key, by a provider in whose place stands test/fake."""

import base64
import pathlib
import shutil
import subprocess
import sys
import tempfile

import pytest
from harness import PATIENCE
from tales import good, person, refused

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "fake"))
from models import FakeModels  # noqa: E402

TEXT = "Nous sommes partis de bonne heure, et la mer était calme."
STYLES = ["serious", "calm", "warm", "storyteller"]


def spoken(client, **body):
    """(format, bytes) of an answer, whose members stand twice."""
    answer = client.post("/api/tts", json={"text": TEXT} | body)
    data = good(answer)
    assert set(data) == {"audioContent", "format"}
    assert {"success": True, "data": data} | data == answer.json()
    return data["format"], base64.b64decode(data["audioContent"], validate=True)


def seconds(sound):
    with tempfile.NamedTemporaryFile() as file:
        file.write(sound)
        file.flush()
        done = subprocess.run(["ffmpeg", "-v", "error", "-i", file.name, "-f", "s16le", "-ac", "1", "-ar", "8000",
                               "pipe:1"], capture_output=True, check=True, timeout=60 * PATIENCE)
    assert max(done.stdout) > 0
    return len(done.stdout) / 16000


@pytest.fixture(scope="module")
def ada(server):
    return person(server)


local = pytest.mark.skipif(not shutil.which("espeak-ng"), reason="no espeak-ng here")


@local
@pytest.mark.smoke
def test_without_a_key_espeak_reads_and_it_is_mp3(ada):
    kind, sound = spoken(ada)
    assert kind == "mp3" and 2 < seconds(sound) < 8


@local
def test_tempo_and_pitch_are_what_was_asked_for(ada):
    usual = seconds(spoken(ada, voice="storyteller")[1])
    for rate in (0.25, 0.5, 2, 4):
        assert seconds(spoken(ada, voice="storyteller", speakingRate=rate)[1]) == pytest.approx(usual / rate, rel=0.15)
    for pitch in (-20, 7.5, 20):
        kind, sound = spoken(ada, voice="storyteller", pitch=pitch)
        assert kind == "mp3" and seconds(sound) == pytest.approx(usual, rel=0.15)
    assert spoken(ada, pitch=5)[1] != spoken(ada, pitch=-5)[1]


@local
def test_the_four_voices_differ_and_the_persons_own_is_the_usual_one(ada):
    voices = good(ada.get("/api/tts/voices"))
    assert [v["name"] for v in voices] == STYLES and {v["provider"] for v in voices} == {"local"}
    assert [v["name"] for v in voices if v["chosen"]] == ["storyteller"]
    sounds = {style: spoken(ada, voice=style)[1] for style in STYLES}
    assert len(set(sounds.values())) == 4
    good(ada.put("/api/settings", json={"voiceStyle": "calm"}))
    assert [v["name"] for v in good(ada.get("/api/tts/voices")) if v["chosen"]] == ["calm"]
    assert spoken(ada)[1] == sounds["calm"]
    good(ada.put("/api/settings", json={"voiceStyle": "storyteller"}))


@local
def test_a_language_is_found_or_given_and_a_voice_may_be_espeaks(ada):
    english = {"text": "The morning was bright, and we walked to the harbour together."}
    assert spoken(ada, **english)[1] == spoken(ada, **english, languageCode="en")[1]
    assert spoken(ada, **english)[1] != spoken(ada, **english, languageCode="fr-FR")[1]
    assert seconds(spoken(ada, voice="de+m2", text="Guten Morgen zusammen")[1]) > 0.5
    refused(ada.post("/api/tts", json={"text": "x", "voice": "/etc/passwd"}), 422)
    refused(ada.post("/api/tts", json={"text": "x", "voice": "--help"}), 422)
    refused(ada.post("/api/tts", json={"text": "x", "voice": "keine"}), 422)


@pytest.mark.parametrize("body, field", [
    ({}, "text"), ({"text": ""}, "text"), ({"text": "  \n"}, "text"), ({"text": "x" * 4097}, "text"),
    ({"text": 5}, "text"), ({"text": "x", "speakingRate": 0.2}, "speakingRate"),
    ({"text": "x", "speakingRate": 4.1}, "speakingRate"), ({"text": "x", "pitch": 21}, "pitch"),
    ({"text": "x", "languageCode": "-v/etc"}, "languageCode"), ({"text": "x", "languageCode": "fr FR"}, "languageCode"),
    ({"text": "x", "voice": "v" * 65}, "voice")])
def test_what_cannot_be_said_is_refused(ada, body, field):
    refused(ada.post("/api/tts", json=body), 422, field)


def test_nobody_speaks_for_a_stranger(server):
    refused(server.client().post("/api/tts", json={"text": "x"}), 401)
    refused(server.client().get("/api/tts/voices"), 401)


def test_a_provider_speaks_with_its_own_voices(make_server):
    with FakeModels() as models:
        server = make_server(**models.env(), AI_SPEAK_PROVIDER="openai", LIFETALES_AI_CALLS_PER_HOUR=2)
        ada = person(server)
        assert [v["voice"] for v in good(ada.get("/api/tts/voices"))] == ["onyx", "sage", "coral", "fable"]
        kind, sound = spoken(ada, voice="storyteller")
        assert kind == "mp3" and sound.endswith(TEXT.encode())
        assert models.last("openai")["voice"] == "fable"
        refused(ada.post("/api/tts", json={"text": "x", "voice": "nobody"}), 422)
        answer = ada.post("/api/tts", json={"text": "x", "voice": "storyteller"})
        refused(answer, 429)
        assert int(answer.headers["Retry-After"]) > 0
        assert models.count() == 2


def test_a_provider_that_is_away_is_said_to_be(make_server):
    with FakeModels() as models:
        server = make_server(**models.env(), AI_SPEAK_PROVIDER="openai")
        models.fault("500", times=None)
        ada = person(server)
        refused(ada.post("/api/tts", json={"text": "x", "voice": "storyteller"}), 502)
    lacking = make_server(AI_SPEAK_PROVIDER="openai")
    assert "OPENAI_API_KEY" in refused(person(lacking).post("/api/tts", json={"text": "x"}), 501)
