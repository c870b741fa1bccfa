"""A spoken turn: a recording is written down, answered and kept; what cannot be heard is refused and costs
nothing."""

import base64
import contextlib
import pathlib
import shutil
import struct
import sys
import time
import uuid

import pytest
from harness import PATIENCE, Server, token
from sylion import admin, good, make_tenant, nobody, refused

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "fake"))
from models import FakeModels  # noqa: E402

RULES = """# Règlement

## Horaires

La boutique ouvre à neuf heures du mardi au samedi. Elle ferme le dimanche et le lundi.
"""
ASKED = "À quelle heure ouvre la boutique ?"


def wav(said=""):
    """A recording in which the stand-in hears this."""
    samples = b"\0\0" * 400 + (b"says:" + said.encode() if said else b"")
    samples += b"\0" * (len(samples) % 2) if not said else b""
    head = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, 8000, 16000, 2, 16) + struct.pack("<4sI", b"data", len(samples))
    return struct.pack("<4sI4s", b"RIFF", 4 + len(head) + len(samples), b"WAVE") + head + samples


@pytest.fixture(scope="module")
def models():
    with FakeModels() as fake:
        yield fake


@pytest.fixture(scope="module")
def server(tmp_path_factory, models):
    made = Server(tmp_path_factory.mktemp("data"), AI_CHAT_PROVIDER="openai", AI_TRANSCRIBE_PROVIDER="openai", AI_TRIES=1,
                  SYLION_DEBOUNCE_MS=0, **models.env())
    try:
        yield made.start()
    finally:
        made.close()


class Desk:
    def __init__(self, server, admin):
        self.server, self.tenant = server, make_tenant(server, admin)
        self.owner = self.tenant.owner
        base = good(self.owner.post("/api/v1/knowledge-bases", json={"name": "Règles"}), 201)
        document = good(self.owner.post(f"/api/v1/knowledge-bases/{base['id']}/documents",
                                        json={"name": "Règlement.md", "text": RULES}), 201)["id"]
        until = time.monotonic() + 60 * PATIENCE
        while good(self.owner.get(f"/api/v1/documents/{document}"))["status"] != "indexed":
            assert time.monotonic() < until
            time.sleep(0.05)
        self.assistant = good(self.owner.post("/api/v1/assistants", json={
            "name": "Ada", "isDefault": True, "ragThreshold": 0.2, "knowledgeBaseIds": [base["id"]]}), 201)["id"]
        self.channel = good(self.owner.post("/api/v1/channels", json={
            "name": "Téléphone", "type": "voice", "config": {"allowedOrigins": ["https://www.shop.example"]}}), 201)["id"]
        self.path = f"/api/v1/voice/{self.channel}/turn"

    def turn(self, recording, client=None, headers=None, **params):
        return (client or self.owner).post(self.path, data=recording, params=params,
                                           headers={"Content-Type": "audio/wav"} | (headers or {}))

    def used(self):
        usage = good(self.owner.get(f"/api/v1/tenants/{self.tenant.id}/stats"))["usage"]
        return [usage[kind] for kind in ("messages", "aiRequests", "tokens")]


@pytest.fixture(scope="module")
def desk(server, admin):
    return Desk(server, admin)


def test_a_question_is_heard_and_answered_and_kept(desk):
    before = desk.used()
    told = good(desk.turn(wav(ASKED), user="Zoé"))
    assert told["transcript"] == ASKED and told["kind"] == "answered"
    assert "neuf heures" in told["answer"] and told["audio"] == [] and told["audioReason"] is None
    assert told["citations"][0]["documentName"] == "Règlement.md"
    messages = good(desk.owner.get(f"/api/v1/messages/conversation/{told['conversationId']}"))
    heard, answer = messages
    assert (heard["id"], heard["type"], heard["content"], heard["status"]) == (told["messageId"], "audio", ASKED, "processed")
    assert heard["media"]["mimeType"] == "audio/wav" and heard["media"]["transcript"] == ASKED
    assert (answer["id"], answer["content"]) == (told["answerId"], told["answer"])
    kept = desk.owner.get(f"/api/v1/media/{heard['media']['blob']}")
    assert kept.status_code == 200 and kept.content == wav(ASKED)
    messages, requests, tokens = (now - then for now, then in zip(desk.used(), before))
    assert (messages, requests) == (1, 1) and tokens > 0
    again = good(desk.turn(wav("Et le dimanche ?"), user="Zoé"))
    assert again["conversationId"] == told["conversationId"]
    assert good(desk.turn(wav(ASKED), user="Max"))["conversationId"] != told["conversationId"]


def test_a_form_brings_a_recording_as_well(desk):
    told = good(desk.owner.post(desk.path, files={"audio": ("voice.wav", wav(ASKED), "audio/wav")}))
    assert told["transcript"] == ASKED
    refused(desk.owner.post(desk.path, files={"other": ("voice.wav", wav(ASKED), "audio/wav")}), 400, "VALIDATION_ERROR", "audio")


@pytest.mark.skipif(not shutil.which("espeak-ng"), reason="no espeak-ng")
def test_the_answer_is_spoken(desk):
    told = good(desk.turn(wav(ASKED), speak="true"))
    audio, = told["audio"]
    assert audio["mimeType"] == "audio/wav"
    spoken = desk.owner.get(audio["address"]).content
    assert spoken.startswith(b"RIFF") and len(spoken) == audio["sizeBytes"] > 1000
    if audio["base64"]:
        assert base64.b64decode(audio["base64"]) == spoken


def test_a_turn_happens_once_for_its_key(desk):
    before, name = desk.used(), uuid.uuid4().hex
    first = desk.turn(wav(ASKED), headers={"Idempotency-Key": name}, user="once")
    again = desk.turn(wav(ASKED), headers={"Idempotency-Key": name}, user="once")
    assert good(first) == good(again) and again.headers["Idempotency-Replayed"] == "true"
    assert len(good(desk.owner.get(f"/api/v1/messages/conversation/{good(first)['conversationId']}"))) == 2
    assert [now - then for now, then in zip(desk.used(), before)][:2] == [1, 1]


@pytest.mark.parametrize("recording", [
    b"", b"hello", b"<html></html>" * 10, b"\x89PNG\r\n\x1a\n" + b"x" * 100, wav()[:30], wav()[:44], b"OggS" + b"\0" * 60,
    b"\0\0\0\x20ftyp", b"RIFF\xff\xff\xff\xffWAVE" + b"data\xff\xff\xff\xff" * 4,
], ids=["empty", "text", "page", "picture", "cut", "head only", "broken ogg", "cut mp4", "broken wav"])
def test_what_is_no_recording_is_refused_and_costs_nothing(desk, models, recording):
    before, calls = desk.used(), models.count("openai", "/v1/audio/transcriptions")
    refused(desk.turn(recording), 400, "VALIDATION_ERROR", "audio")
    assert desk.used() == before and models.count("openai", "/v1/audio/transcriptions") == calls


def test_a_recording_in_which_nobody_speaks_costs_nothing(desk):
    before = desk.used()
    error = refused(desk.turn(wav()), 400, "VALIDATION_ERROR", "audio")
    assert error["details"]["validationErrors"][0]["code"] == "silent"
    assert desk.used() == before


def test_25_mib_and_more_are_too_much(desk):
    before = desk.used()
    refused(desk.turn(wav() + b"\0" * (25 * 1024 * 1024)), 413, "TOO_LARGE")
    assert desk.used() == before


def test_a_provider_that_is_away_costs_nothing(desk, models):
    before = desk.used()
    models.fault("503", times=10, provider="openai")
    answer = desk.turn(wav(f"{ASKED} {uuid.uuid4().hex}"))
    models.heal()
    assert answer.status_code in (502, 503), answer.text
    assert desk.used() == before


def test_an_answer_that_cannot_be_made_costs_nothing(server, admin):
    desk = Desk(server, admin)
    good(desk.owner.put(f"/api/v1/assistants/{desk.assistant}", json={"model": "unknown-model"}))
    answer = desk.turn(wav(ASKED))
    assert answer.status_code >= 400, answer.text
    assert desk.used() == [0, 0, 0] and good(desk.owner.get("/api/v1/conversations")) == []


def test_without_a_transcriber_it_is_said_what_to_set(models, tmp_path):
    with contextlib.closing(Server(tmp_path)) as own:
        own.start()
        tenant = make_tenant(own, own.client(token(own, "admin")))
        channel = good(tenant.owner.post("/api/v1/channels", json={"name": "V", "type": "voice"}), 201)["id"]
        error = refused(tenant.owner.post(f"/api/v1/voice/{channel}/turn", data=wav(ASKED)), 501, "NOT_CONFIGURED")
        assert "AI_TRANSCRIBE_PROVIDER" in error["message"] or "_API_KEY" in error["message"], error


def test_over_the_quota_nothing_is_asked(server, admin, models):
    desk = Desk(server, admin)
    desk.tenant.quotas(quotaAiRequests=0)
    calls = models.count("openai", "/v1/audio/transcriptions")
    refused(desk.turn(wav(ASKED)), 429, "QUOTA_EXCEEDED")
    assert models.count("openai", "/v1/audio/transcriptions") == calls and desk.used() == [0, 0, 0]


def test_a_person_who_has_taken_over_is_not_talked_over(desk):
    told = good(desk.turn(wav(ASKED), user="taken"))
    good(desk.owner.post(f"/api/v1/conversations/{told['conversationId']}/handoff", json={"reason": "mine"}))
    silent = good(desk.turn(wav("Il y a quelqu'un ?"), user="taken"))
    assert silent["kind"] == "person" and silent["answer"] is None and silent["answerId"] is None
    last = good(desk.owner.get(f"/api/v1/messages/conversation/{told['conversationId']}"))[-1]
    assert last["id"] == silent["messageId"] and last["content"] == "Il y a quelqu'un ?"


def test_a_visitor_may_speak_in_a_session_of_the_channel(desk, server):
    made = good(server.client().post(f"/api/v1/widget/{desk.channel}/sessions", json={}), 201)
    told = good(desk.turn(wav(ASKED), client=server.client(made["token"])))
    assert told["transcript"] == ASKED and told["audio"] == []
    refused(desk.turn(wav(ASKED), client=server.client("wgt_nonsense")), 404, "SESSION_NOT_FOUND")
    refused(desk.turn(wav(ASKED), client=server.client()), 401, "UNAUTHORIZED")
    refused(desk.turn(wav(ASKED), client=server.client(made["token"]), headers={"Origin": "https://evil.example"}), 403, "FORBIDDEN")


def test_another_tenants_channel_is_like_none(desk, server, admin):
    neighbour = make_tenant(server, admin)
    reader = desk.tenant.make_key("sylion:read")
    for client, channel in ((neighbour.owner, desk.channel), (desk.owner, nobody())):
        refused(client.post(f"/api/v1/voice/{channel}/turn", data=wav(ASKED)), 404, "CHANNEL_NOT_FOUND")
    web = good(desk.owner.post("/api/v1/channels", json={"name": "Site", "type": "web"}), 201)["id"]
    refused(desk.owner.post(f"/api/v1/voice/{web}/turn", data=wav(ASKED)), 404, "CHANNEL_NOT_FOUND")
    refused(desk.turn(wav(ASKED), client=reader), 403, "FORBIDDEN")
