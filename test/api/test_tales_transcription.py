"""Recordings are written down: once for all who have them, by a provider in whose place stands test/fake, or later,
when there is one again. What a provider says of its failures is never what a person said."""

import concurrent.futures
import hashlib
import json
import pathlib
import subprocess
import sys
import threading

import pytest
from harness import PATIENCE, Server, database, shared_data, token
from tales import b64, ffmpeg, good, make_note, make_space, person, png, refused, tone, wait, webm

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "fake"))
from models import FakeModels  # noqa: E402

WHISPER = "/v1/audio/transcriptions"


class Ear:
    """What the fake hears: by content, else by a word for each recording. Keeps what came, and can be held."""

    def __init__(self, models):
        self.came, self.texts, self.usual = [], {}, "Bonjour à tous."
        self.gate, self.entered = threading.Event(), threading.Event()
        self.gate.set()
        models.listen(self)

    def __call__(self, audio):
        self.came.append(audio)
        self.entered.set()
        self.gate.wait(60 * PATIENCE)
        return self.texts.get(hashlib.sha256(audio).hexdigest(), self.usual)


@pytest.fixture
def models():
    with FakeModels() as models:
        yield models


@pytest.fixture
def ear(models):
    ear = Ear(models)
    yield ear
    ear.gate.set()


def hearing(models, provider="gemini", **more):
    return models.env() | {"AI_TRANSCRIBE_PROVIDER": provider} | more


@pytest.fixture
def world(make_server, models, ear):
    return make_server(**hearing(models))


def spoken(client, sound, **members):
    space = members.pop("space", None) or make_space(client)
    return make_note(client, space, type="AUDIO", audioData=b64(sound), **members)


def read(client, note):
    return good(client.get(f"/api/spaces/{note['spaceId']}/notes/{note['id']}"))


def settled(client, note, status="done"):
    return wait(lambda: (lambda n: n if n["transcription_status"] == status else None)(read(client, note)),
                f"{status}", 60)


def packets(data):
    """What the packets of a recording are, whatever holds them."""
    return ffmpeg(data, "-map", "0:a:0", "-c", "copy", "-f", "data")


# -- hearing ------------------------------------------------------------------------------------------


@pytest.mark.smoke
def test_real_recordings_become_what_their_notes_say(world, ear):
    folder = shared_data() / "audio"
    said = {name: row["transcript"] or "" for name, row in json.loads((folder / "transcripts.json").read_text()).items()}
    files = {name: (folder / name).read_bytes() for name in said}
    ada = person(world)
    space = make_space(ada)
    media = {name: good(ada.post("/api/media", data=data), 201) for name, data in files.items()}
    ear.texts = {one["sha256"]: said[name] for name, one in media.items()}  # of the bytes as they are stored
    notes = {name: make_note(ada, space, type="AUDIO", audioFileIds=[one["id"]]) for name, one in media.items()}
    for name, note in notes.items():
        heard = settled(ada, note)
        assert heard["transcription"] == (said[name] or None), name
        assert heard["transcriptions"] == [said[name]]
        one = heard["media"][0]
        assert one["transcriptionStatus"] == "done" and one["transcriptionError"] is None
        assert one["transcriptionLanguage"] == ("fr" if said[name] else None)
    assert sorted(map(len, ear.came)) == sorted(one["size"] for one in media.values())


def test_silence_is_heard_and_says_nothing(world, ear):
    ear.usual = ""
    ada = person(world)
    heard = settled(ada, spoken(ada, tone(0.5, pitch=0)))
    assert heard["transcription"] is None and heard["transcriptions"] == [""]
    answer = ada.post("/api/transcribe", json={"audioData": b64(tone(0.5, pitch=0))}).json()
    assert answer["success"] is True and answer["transcription"] == "" and answer["cached"] is True
    assert len(ear.came) == 1


def test_what_a_provider_tells_of_its_certainty_is_kept(make_server, models, ear):
    ada = person(make_server(**hearing(models, "openai")))
    data = good(ada.post("/api/notes/transcribe", json={"audioData": b64(tone(0.4)), "mimeType": "audio/wav"}))
    assert 0.5 < data["confidence"] < 1 and data["transcription"] == "Bonjour à tous." and data["cached"] is False
    again = good(ada.post("/api/notes/transcribe", json={"audioData": "data:audio/wav;base64," + b64(tone(0.4))}))
    assert again == data | {"cached": True}
    note = spoken(ada, tone(0.4))  # known before anybody asks
    assert note["transcription"] == "Bonjour à tous." and note["transcription_status"] == "done"
    assert note["media"][0]["transcriptionConfidence"] == data["confidence"]
    assert models.count("openai") == 1


def test_both_ways_of_asking_have_their_own_shape(world, models):
    ada = person(world)
    flat = ada.post("/api/transcribe", files={"file": ("a.wav", tone(0.3), "audio/wav")}).json()
    assert flat["success"] is True and flat["transcription"] == "Bonjour à tous." and flat["data"]["cached"] is False
    data = good(ada.post("/api/notes/transcribe", files={"audio": ("a.wav", tone(0.3), "audio/wav")}))
    assert set(data) == {"transcription", "confidence", "language", "cached"} and data["cached"] is True
    assert data["confidence"] is None
    refused(world.client().post("/api/transcribe", json={"audioData": b64(tone(0.3))}), 401)
    assert models.count() == 1


# -- once ---------------------------------------------------------------------------------------------------


def test_a_hundred_uploads_of_one_recording_are_one_call_and_one_file(world, models, ear):
    ada, sound = person(world), tone(1.0, pitch=333)
    space = make_space(ada)
    access = ada.headers["Authorization"].split()[1]

    def one(_):
        with world.client(access) as client:
            return spoken(client, sound, space=space)
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        notes = list(pool.map(one, range(100)))
    assert len({note["id"] for note in notes}) == 100
    assert len({note["audioFileIds"][0] for note in notes}) == 1
    for note in notes:
        assert settled(ada, note)["transcription"] == "Bonjour à tous."
    assert len(ear.came) == models.count() == 1
    assert len([f for f in (world.folder / "blobs").glob("??/*")]) == 1


def test_a_hundred_who_ask_at_once_are_one_call(make_server, models, ear):
    world = make_server(**hearing(models, LIFETALES_TRANSCRIPTIONS_PER_MINUTE=5))
    accesses = [token(world), token(world)]
    body = {"audioData": b64(tone(1.0, pitch=222))}
    ear.gate.clear()

    def one(i):
        with world.client(accesses[i % 2]) as client:
            return client.post("/api/transcribe", json=body, timeout=120 * PATIENCE)
    with concurrent.futures.ThreadPoolExecutor(100) as pool:
        asked = [pool.submit(one, i) for i in range(100)]
        assert ear.entered.wait(60 * PATIENCE)
        ear.gate.set()
        answers = [a.result() for a in asked]
    assert {a.status_code for a in answers} == {200}, {a.text for a in answers}
    assert {a.json()["transcription"] for a in answers} == {"Bonjour à tous."}
    assert sum(not a.json()["cached"] for a in answers) == 1
    assert models.count() == 1


def test_equal_recordings_of_two_people_are_heard_once_and_stay_apart(world, models):
    ada, bob = person(world), person(world)
    hers = settled(ada, spoken(ada, tone(0.6)))
    his = spoken(bob, tone(0.6))
    assert his["transcription_status"] == "done" and his["transcription"] == hers["transcription"]
    assert his["audioFileIds"] != hers["audioFileIds"]
    refused(bob.get(f"/api/spaces/{hers['spaceId']}/notes/{hers['id']}"), 404)
    assert models.count() == 1


# -- in which form ----------------------------------------------------------------------------------------


def test_what_a_browser_records_reaches_gemini_as_ogg_with_the_same_packets(world, ear):
    ada, sound = person(world), webm(1.5)
    heard = settled(ada, spoken(ada, sound, mimeType="audio/webm;codecs=opus"))
    assert heard["transcription"] == "Bonjour à tous."
    came, = ear.came
    assert came.startswith(b"OggS") and b"OpusHead" in came[:100]
    assert packets(came) == packets(sound)
    assert heard["media"][0]["mimeType"] == "audio/webm"
    assert world.client().get(heard["audioUrl"]).content == sound


def test_and_openai_as_it_is(make_server, models, ear):
    ada, sound = person(make_server(**hearing(models, "openai"))), webm(1.5)
    settled(ada, spoken(ada, sound))
    assert ear.came == [sound]


def test_what_a_telephone_records_keeps_its_packets_and_not_what_is_written_beside_them(world, ear):
    path = world.folder / "a.m4a"
    subprocess.run(["ffmpeg", "-v", "error", "-f", "wav", "-i", "pipe:0", "-c:a", "aac", "-metadata",
                    "location=+48.8566+002.3522/", "-metadata", "comment=chez moi", str(path)], input=tone(1.0),
                   check=True, timeout=60 * PATIENCE)
    ada = person(world)
    settled(ada, spoken(ada, path.read_bytes()))
    came, = ear.came
    assert came[:1] == b"\xff" and b"48.85" not in came and b"chez moi" not in came


def test_what_nobody_takes_is_decoded_without_loss(make_server, models, ear):
    server = make_server(**hearing(models, "openai"))
    ada, path = person(server), server.folder / "a.aiff"
    subprocess.run(["ffmpeg", "-v", "error", "-y", "-i", "pipe:0", str(path)], input=tone(1.0, rate=16000), check=True,
                   timeout=60 * PATIENCE)
    aiff = path.read_bytes()
    settled(ada, spoken(ada, aiff))
    came, = ear.came
    assert came.startswith(b"fLaC")
    assert ffmpeg(came, "-f", "s16le") == ffmpeg(aiff, "-f", "s16le")


# -- later ----------------------------------------------------------------------------------------------------


def test_without_a_provider_a_recording_waits_until_there_is_one(make_server, models, ear):
    server = make_server()
    ada = person(server)
    note = spoken(ada, tone(0.7))
    assert note["transcription_status"] == "waiting" and note["transcription"] is None
    said = refused(ada.post("/api/transcribe", json={"audioData": b64(tone(0.7))}), 501)
    assert "AI_TRANSCRIBE_PROVIDER" in said
    assert read(ada, note)["transcription_status"] == "waiting"
    access = ada.headers["Authorization"].split()[1]
    server.stop()
    server.env |= hearing(models)
    server.start()
    assert settled(server.client(access), note)["transcription"] == "Bonjour à tous."
    assert models.count() == 1


def test_a_provider_that_is_away_is_waited_for(world, models, ear):
    models.stop()
    ada = person(world)
    note = spoken(ada, tone(0.8))
    job = wait(lambda: database(world, "SELECT max(id) FROM jobs WHERE kind = 'lifetales.transcribe' AND "
                                       "payload LIKE '%\"round\":1%'" if not world.database else
                                "SELECT max(id) FROM jobs WHERE kind = 'lifetales.transcribe' AND "
                                "CAST(payload AS text) ~ '\"round\": *1'"), "a later round", 90)
    assert job
    waiting = read(ada, note)
    assert waiting["transcription_status"] in ("waiting", "running") and waiting["transcription"] is None
    assert waiting["media"][0]["transcription"] is None and waiting["media"][0]["transcriptionError"] is None
    models.start()
    assert wait(lambda: read(ada, note)["transcription"], "the provider is back", 120) == "Bonjour à tous."


def test_a_busy_provider_is_asked_again_when_it_says(world, models):
    models.fault("retry=1", times=1)
    ada = person(world)
    assert settled(ada, spoken(ada, tone(0.9)))["transcription"] == "Bonjour à tous."
    assert models.count() == 2 and len(models.refused) == 1


def test_what_is_over_the_persons_limit_is_late_and_not_lost(make_server, models):
    server = make_server(**hearing(models, LIFETALES_TRANSCRIPTIONS_PER_MINUTE=2))
    ada = person(server)
    space = make_space(ada)
    notes = [spoken(ada, tone(0.3, pitch=300 + 50 * i), space=space) for i in range(3)]
    done = wait(lambda: [n for n in map(lambda n: read(ada, n), notes) if n["transcription_status"] == "done"][1:],
                "two of three")
    assert len(done) == 1
    held = "SELECT count(*) FROM jobs WHERE kind = 'lifetales.transcribe' AND state = 'waiting' AND attempts = 0"
    assert wait(lambda: int(database(server, held)) == 1, "the third is put off")
    late = [n for n in map(lambda n: read(ada, n), notes) if n["transcription_status"] != "done"]
    assert [n["transcription_status"] for n in late] == ["waiting"]
    answer = ada.post("/api/transcribe", json={"audioData": b64(tone(0.35))})
    refused(answer, 429)
    assert 0 < int(answer.headers["Retry-After"]) <= 60
    assert good(ada.post("/api/notes/transcribe", json={"audioData": b64(tone(0.3, pitch=300))})
                if read(ada, notes[0])["transcription_status"] == "done" else
                ada.post("/api/notes/transcribe", json={"audioData": b64(tone(0.3, pitch=350))}))["cached"] is True
    assert models.count() == 2


# -- never ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["400", "refuse"])
def test_a_refusal_for_good_is_a_failure_and_never_a_transcript(world, models, fault):
    models.fault(fault, times=None)
    ada = person(world)
    note = settled(ada, spoken(ada, tone(0.5)), "failed")
    media = note["media"][0]
    assert note["transcription"] is None and note["transcriptions"] == [""] and media["transcription"] is None
    assert media["transcriptionError"] == "The provider will not write this recording down."
    assert database(world, "SELECT count(*) FROM transcriptions") in (0, "0")
    answer = ada.post("/api/transcribe", json={"audioData": b64(tone(0.5))})
    assert answer.status_code == 422 and answer.json()["success"] is False and "transcription" not in answer.json()
    models.heal()
    assert good(ada.post("/api/notes/transcribe", json={"audioData": b64(tone(0.5))}))["cached"] is False
    assert read(ada, note)["transcription"] == "Bonjour à tous."  # and the note that waited no more has it


def test_answers_that_are_none_are_asked_for_again(world, models):
    models.fault("wrong-json", times=1)
    models.fault("json", times=1)
    ada = person(world)
    assert settled(ada, spoken(ada, tone(0.45)))["transcription"] == "Bonjour à tous."


@pytest.mark.parametrize("body, status, fields", [
    ({}, 422, ["audioData"]), ({"audioData": ""}, 422, None), ({"audioData": "§§"}, 422, ["audioData"]),
    ({"audioData": 7}, 422, ["audioData"]), ({"audioData": b64(b"pas un son " * 99)}, 415, None),
    ({"audioData": b64(png()), "mimeType": "audio/wav"}, 422, ["audioData"]),
    ({"audioData": b64(tone(1)[:30])}, 422, None), ({"audioData": b64(webm(1)[:150])}, 422, None)])
def test_what_is_no_recording_is_refused_before_anybody_is_asked(world, models, body, status, fields):
    ada = person(world)
    for path in ("/api/transcribe", "/api/notes/transcribe"):
        refused(ada.post(path, json=body), status, *(fields or ()))
    assert models.count() == 0


def test_forms_and_types_that_are_wrong_are_refused(world, models):
    ada = person(world)
    refused(ada.post("/api/transcribe", files={"x": (None, "y")}), 422, "file")
    two = [("file", ("a", tone(0.2))), ("file", ("b", tone(0.2)))]
    refused(ada.post("/api/transcribe", files=two), 422, "file")
    refused(ada.post("/api/transcribe", data=b"{", headers={"Content-Type": "application/json"}), 400)
    refused(ada.post("/api/transcribe", data=tone(0.2), headers={"Content-Type": "text/plain"}), 415)
    refused(ada.post("/api/transcribe", files={"file": ("a", b"")}), 422)
    assert models.count() == 0


# -- meanwhile -------------------------------------------------------------------------------------------------


def test_what_the_person_wrote_stays(world, ear):
    ada = person(world)
    ear.gate.clear()
    note = spoken(ada, tone(0.55))
    assert ear.entered.wait(30 * PATIENCE)
    assert read(ada, note)["transcription_status"] == "running"
    good(ada.put(f"/api/notes/{note['id']}", json={"transcription": "Ce que j'ai dit"}))
    ear.gate.set()
    heard = wait(lambda: (lambda n: n if n["media"][0]["transcription"] else None)(read(ada, note)), "heard")
    assert heard["transcription"] == "Ce que j'ai dit" and heard["transcriptions"] == ["Bonjour à tous."]
    back = good(ada.put(f"/api/notes/{note['id']}", json={"transcription": None}))
    assert back["transcription"] == "Bonjour à tous."


def test_a_note_that_goes_while_it_is_heard_leaves_nothing_behind(world, ear):
    ada = person(world)
    ear.gate.clear()
    note = spoken(ada, tone(0.65))
    assert ear.entered.wait(30 * PATIENCE)
    good(ada.delete(f"/api/spaces/{note['spaceId']}/notes/{note['id']}"))
    ear.gate.set()
    ended = "SELECT count(*) FROM jobs WHERE kind = 'lifetales.transcribe' AND state = 'done'"
    assert wait(lambda: int(database(world, ended)), "the job ends")
    assert int(database(world, "SELECT count(*) FROM media")) == 0


def test_killed_while_it_hears_it_hears_again(make_server, models, ear):
    server = make_server(**hearing(models, JOB_LEASE_SECONDS=2 * PATIENCE))
    ada = person(server)
    access = ada.headers["Authorization"].split()[1]
    ear.gate.clear()
    note = spoken(ada, tone(0.75))
    assert ear.entered.wait(30 * PATIENCE)
    server.kill()
    ear.gate.set()
    server.start()
    ada = server.client(access)
    assert settled(ada, note)["transcription"] == "Bonjour à tous."
    assert int(database(server, "SELECT count(*) FROM transcriptions")) == 1
    dead = "SELECT count(*) FROM jobs WHERE kind = 'lifetales.transcribe' AND state = 'dead'"
    assert int(database(server, dead)) == 0
