"""Recordings too long or too large for one call of a provider's: heard in parts that begin and end where it is quiet,
put together in order, gone on with after a kill where it was, each part asked for and paid once."""

import array
import io
import math
import pathlib
import subprocess
import sys
import threading
import wave

import pytest
from harness import PATIENCE, database
from tales import ffmpeg, good, make_note, make_space, person, wait

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "fake"))
from models import FakeModels  # noqa: E402

MINUTES = 25


class Ear:
    """Says of each different part which one it is, in the order in which they come; can be held at one."""

    def __init__(self, models):
        self.came, self.parts, self.hold_at = [], [], 0
        self.gate, self.entered, self.lock = threading.Event(), threading.Event(), threading.Lock()
        self.gate.set()
        models.listen(self)

    def __call__(self, audio):
        with self.lock:
            self.came.append(audio)
            if audio not in self.parts:
                self.parts.append(audio)
            number = self.parts.index(audio) + 1
        if number == self.hold_at:
            self.entered.set()
            self.gate.wait(60 * PATIENCE)
        return f"Partie {number}."


@pytest.fixture
def models():
    with FakeModels() as models:
        yield models


@pytest.fixture
def ear(models):
    ear = Ear(models)
    yield ear
    ear.gate.set()


@pytest.fixture(scope="session")
def long_one():
    """Of each minute 55 s of a tone, then silence: the frames of one minute, again and again."""
    samples = array.array("h", (int(9000 * math.sin(2 * math.pi * 440 * i / 16000)) if i < 55 * 16000 else 0
                                for i in range(60 * 16000)))
    minute = ffmpeg(wav(samples.tobytes(), 16000, 1), "-c:a", "libmp3lame", "-b:a", "16k", "-write_xing", "0",
                    "-id3v2_version", "0", "-f", "mp3")
    return minute * MINUTES


def wav(data, rate, channels):
    out = io.BytesIO()
    with wave.open(out, "wb") as w:
        w.setnchannels(channels)
        w.setsampwidth(2)
        w.setframerate(rate)
        w.writeframes(data)
    return out.getvalue()


def settled(client, note, status="done"):
    def found():
        now = good(client.get(f"/api/spaces/{note['spaceId']}/notes/{note['id']}"))
        assert now["transcription_status"] != "failed" or status == "failed", now["media"]
        return now if now["transcription_status"] == status else None
    return wait(found, status, 120)


def spoken(client, sound):
    media = good(client.post("/api/media", data=sound, timeout=120 * PATIENCE), 201)
    return make_note(client, make_space(client), type="AUDIO", audioFileIds=[media["id"]])


def samples_of(part):
    return array.array("h", ffmpeg(part, "-ac", "1", "-ar", "8000", "-f", "s16le"))


def frames_of(data):
    done = subprocess.run(["ffmpeg", "-v", "error", "-f", "mp3", "-i", "pipe:0", "-c", "copy", "-f", "framehash", "-"],
                          input=data, capture_output=True, check=True, timeout=120 * PATIENCE).stdout.decode()
    return [line.split(",")[5].strip() for line in done.splitlines() if not line.startswith("#")]


def hearing(models, provider="gemini", **more):
    return models.env() | {"AI_TRANSCRIBE_PROVIDER": provider} | more


def test_a_long_recording_is_heard_in_parts_that_end_where_it_is_quiet(make_server, models, ear, long_one):
    world = make_server(**hearing(models))
    ada, bob = person(world), person(world)
    note = spoken(ada, long_one)
    heard = settled(ada, note)
    assert heard["transcription"] == "Partie 1.\nPartie 2.\nPartie 3."
    assert len(ear.came) == len(ear.parts) == 3
    for part in ear.parts[:2]:
        samples = samples_of(part)
        assert 9 * 60 * 8000 <= len(samples) <= 10.1 * 60 * 8000
        assert max(map(abs, samples[-4000:])) < 500, "a part ends in the middle of a tone"
    assert sum(map(frames_of, ear.parts), []) == frames_of(long_one)  # nothing lost, nothing twice, nothing coded anew
    assert settled(bob, spoken(bob, long_one))["transcription"] == heard["transcription"]
    assert len(ear.came) == 3  # the whole is known by its content
    lines = "SELECT count(*) FROM ledger_lines WHERE unit = 'lifetales.transcriptions'"
    assert int(database(world, lines)) == 1  # and is one recording of the person's, however many parts it has


def test_killed_in_the_middle_it_goes_on_with_the_part_that_it_was_at(make_server, models, ear, long_one):
    server = make_server(**hearing(models, JOB_LEASE_SECONDS=2 * PATIENCE))
    ada = person(server)
    access = ada.headers["Authorization"].split()[1]
    ear.hold_at = 2
    ear.gate.clear()
    note = spoken(ada, long_one)
    assert ear.entered.wait(60 * PATIENCE)
    server.kill()
    ear.gate.set()
    server.start()
    heard = settled(server.client(access), note)
    assert heard["transcription"] == "Partie 1.\nPartie 2.\nPartie 3."
    assert [ear.came.count(part) for part in ear.parts] == [1, 2, 1]


def test_what_the_person_may_ask_for_holds_for_parts_and_none_is_lost(make_server, models, ear, long_one):
    server = make_server(**hearing(models, LIFETALES_AI_CALLS_PER_HOUR=2))
    ada = person(server)
    note = spoken(ada, long_one)
    put_off = "SELECT count(*) FROM jobs WHERE kind = 'lifetales.transcribe' AND state = 'waiting' AND attempts = 0"
    wait(lambda: len(ear.came) == 2 and int(database(server, put_off)) == 1, "the third part is put off", 120)
    now = good(ada.get(f"/api/spaces/{note['spaceId']}/notes/{note['id']}"))
    assert now["transcription_status"] == "waiting" and now["transcription"] is None


@pytest.mark.parametrize("provider", ["gemini", "openai"])
def test_sound_as_from_a_microphone_too_large_for_one_call_is_sent_without_loss_and_smaller(make_server, models, ear, provider):
    """30 MB of WAV: the limit is the provider's, so it is FLAC at the rate at which speech is listened to."""
    second = array.array("h", (int(9000 * math.sin(2 * math.pi * 440 * (i // 2) / 48000)) for i in range(2 * 48000)))
    sound = wav(second.tobytes() * 160, 48000, 2)
    ada = person(make_server(**hearing(models, provider)))
    answer = ada.post("/api/transcribe", files={"file": ("a.wav", sound, "audio/wav")}, timeout=120 * PATIENCE).json()
    assert answer["success"] is True and answer["transcription"] == "Partie 1.", answer
    came, = ear.came
    assert came.startswith(b"fLaC") and len(came) < 24 << 20
    assert abs(len(samples_of(came)) - 160 * 8000) <= 8
