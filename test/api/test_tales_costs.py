"""What the agents cost: calls, errors, tokens, units, money and waiting of each as metrics, in the person's ledger, on
his story; and what `socle doctor` says is missing."""

import json
import os
import re
import shutil

import pytest
from harness import PATIENCE, database, make_user, token
from tales import b64, film, good, make_note, make_space, models, person, png, refused, tone, wait

AGENTS = ("story", "illustration", "transcription", "voice", "narrator")
PRICES = {"gemini-3.5-flash": {"in": 1, "out": 10, "minute": 0}, "gemini-3.1-flash-image": {"image": 0.04},
          "gemini-2.5-flash-preview-tts": {"in": 1, "out": 20}, "veo-3.1-generate-preview": {"second": 0.4}}


@pytest.fixture
def server(make_server, models):
    providers = {f"AI_{kind}_PROVIDER": "gemini" for kind in ("CHAT", "TRANSCRIBE", "SPEAK", "IMAGE", "VIDEO")}
    return make_server(**models.env(), **providers, AI_TRIES=1, AI_KEEP_DAYS=0, AI_PRICES=json.dumps(PRICES),
                       GEMINI_SPEAK_MODEL="gemini-2.5-flash-preview-tts")


def figures(server):
    """{family: {agent or "": value}} of lifetales."""
    found = {}
    for name, agent, value in re.findall(r'^socle_tales_(\w+)(?:{agent="(\w+)"})? ([\d.e+]+)$',
                                         server.client().get("/metrics").text, re.M):
        found.setdefault(name, {})[agent] = float(value)
    return found


def ledger(server, unit):
    """What the lines of one unit say, each with its owner and key."""
    glue = "string_agg(x, chr(10))" if server.database else "group_concat(x, char(10))"
    lines = f"SELECT amount || ' ' || owner || ' ' || key AS x FROM ledger_lines WHERE unit = '{unit}'"
    return sorted(str(database(server, f"SELECT coalesce({glue}, '') FROM ({lines}) AS t")).splitlines())


def narrate(client, script="Bonjour, je vous raconte notre été.", seconds=8):
    body = {"photoBase64": b64(png(40, 30)), "script": script, "durationSeconds": seconds}
    operation = good(client.post("/api/generate-narrator", json=body))["operationId"]

    def ended():
        status = good(client.get(f"/api/narrator-status/{operation}"))
        return status if status["status"] != "processing" else None
    return operation, wait(ended, "an end", 60)


def everything(client):
    """Each agent is asked once; the story."""
    space = make_space(client)
    make_note(client, space, textContent="Marie chantait. Paul riait.")
    story = client.post("/api/stories/generate", json={"spaceId": space["id"]}, timeout=60 * PATIENCE)
    good(story)
    good(client.post("/api/transcribe", json={"audioData": b64(tone(0.5) + b"says:Bonjour")}))
    good(client.post("/api/tts", json={"text": "Bonjour.", "voice": "storyteller"}))
    narrate(client)
    return space


@pytest.mark.smoke
def test_every_agent_is_counted(server):
    before = figures(server)
    assert all(before["calls_total"][agent] == 0 for agent in AGENTS), "there from the start, so that rates are right"
    everything(person(server))
    # The video is counted a moment after it is said to be there.
    wait(lambda: figures(server)["media_seconds_total"]["narrator"], "the video to be counted")
    after = figures(server)
    for agent in AGENTS:
        assert after["calls_total"][agent] >= 1 and after["call_errors_total"][agent] == 0, (agent, after)
        assert after["cost_micros_total"][agent] > 0, (agent, after["cost_micros_total"])
        assert after["agent_seconds_count"][agent] >= 1, (agent, after)
    for agent in ("story", "transcription", "voice"):
        assert after["tokens_total"][agent] > 0, (agent, after["tokens_total"])
    assert after["media_seconds_total"]["narrator"] == 8 and after["cost_micros_total"]["narrator"] == 3_200_000
    assert after["pictures_total"][""] == 1 and after["cost_micros_total"]["illustration"] == 40_000


def test_what_comes_to_nothing_is_an_error_of_its_agent_and_costs_nothing(server, models):
    ada = person(server)
    models.film = None
    assert narrate(ada)[1]["status"] == "error"
    models.fault("400", times=None, provider="gemini")
    assert ada.post("/api/tts", json={"text": "Bonjour."}).status_code >= 400
    assert ada.post("/api/transcribe", json={"audioData": b64(tone(0.5))}).status_code >= 400
    assert ada.post("/api/generate-narrator", json={"photoBase64": b64(png(9, 9)), "script": "Oui."}).status_code >= 400
    wait(lambda: figures(server)["call_errors_total"]["narrator"] == 2, "the video that failed to be counted")
    after = figures(server)
    assert after["call_errors_total"] == {"story": 0, "illustration": 0, "transcription": 1, "voice": 1, "narrator": 2}
    assert after["calls_total"]["narrator"] == 2 and sum(after["cost_micros_total"].values()) == 0
    assert ledger(server, "ai_money_micros") == [] and ledger(server, "ai_video_ms") == []


def test_a_video_is_one_line_of_its_persons_ledger(server, models):
    models.film_looks = 2
    user = make_user(server)
    ada = server.client(token(server, user=user))
    operation, made = narrate(ada, seconds=5)
    assert made["status"] == "complete"
    owner = f"user:{user['id']} narrator:{operation}"
    assert ledger(server, "ai_video_ms") == [f"6000 {owner}"], "providers make 4, 6 or 8 seconds"
    assert ledger(server, "ai_money_micros") == [f"2400000 {owner}"]
    assert ledger(server, "lifetales.ai_calls") == [f"1 {owner}"], "one of the calls that a person may have an hour"


def test_a_picture_that_is_asked_for_by_itself_is_in_the_ledger_once(server):
    ada = person(server)
    for _ in range(2):
        good(ada.post("/api/illustrations", json={"prompt": "La mer au matin"}))
    [line] = ledger(server, "ai_money_micros")
    assert line.startswith("40000 user:") and " picture:" in line
    assert figures(server)["pictures_total"][""] == 1


def test_a_story_says_what_it_took(server):
    ada = person(server)
    space = make_space(ada)
    make_note(ada, space, textContent="Marie chantait. Paul riait.")
    answer = ada.post("/api/stories/generate", json={"spaceId": space["id"]}, timeout=60 * PATIENCE)
    good(answer)
    id = database(server, "SELECT id FROM stories")
    took = good(ada.get(f"/api/stories/{id}"))["figures"]
    counted = figures(server)
    for agent in ("story", "illustration"):
        one = took[agent]
        assert one["calls"] == counted["calls_total"][agent] >= 1 and one["errors"] == 0, took
        assert one["costMicros"] == counted["cost_micros_total"][agent] > 0, took
        assert one["latencyMs"] >= 0, took
    assert took["story"]["tokensIn"] > 0 and took["story"]["tokensOut"] > 0 and took["illustration"]["images"] == 1
    refused(person(server).get(f"/api/stories/{id}"), 404)


# -- doctor -----------------------------------------------------------------------------------------------------------


def missing(server):
    lines = [json.loads(line) for line in server.cli("doctor", "--json").stdout.splitlines()]
    return [line for line in lines if line["check"] == "lifetales"]


def test_doctor_says_of_each_thing_that_is_missing_what_to_do(make_server, tmp_path):
    bare = tmp_path / "bare"
    bare.mkdir()
    fonts = tmp_path / "fonts.conf"
    fonts.write_text(f"<fontconfig><dir>{bare}</dir><cachedir>{bare}</cachedir></fontconfig>")
    server = make_server(start=False, FFMPEG_PATH="/nowhere/ffmpeg", FFPROBE_PATH="ffprobe-of-nobody", AI_VIDEO_PROVIDER="gemini",
                         CLOUDINARY_URL="https://not-this-form")
    server.env |= {"PATH": str(bare), "FONTCONFIG_FILE": str(fonts)}
    found = missing(server)
    assert {line["health"] for line in found} == {"warn"}
    said = [line["detail"] for line in found]
    for thing, mend in (("/nowhere/ffmpeg", "apt install ffmpeg"), ("ffprobe-of-nobody", "FFPROBE_PATH"),
                        ("espeak-ng", "apt install espeak-ng"), ("EB Garamond", "fonts-ebgaramond"),
                        ("Amiri", "fonts-hosny-amiri"), ("Symbola", "fonts-symbola"),
                        ("recordings", "AI_TRANSCRIBE_PROVIDER"), ("videos", "GEMINI_API_KEY"),
                        ("CLOUDINARY_URL", "cloudinary://KEY:SECRET@CLOUD"), ("PUBLIC_URL", "https://")):
        assert any(thing in line and mend in line for line in said), (thing, said)
    assert not any("not-this-form" in line for line in said), "it may hold a secret"
    server.env["PUBLIC_URL"] = "http://tales.example"
    assert any("http://tales.example" in line["detail"] and "in the clear" in line["detail"] for line in missing(server))


@pytest.mark.skipif(not (shutil.which("ffmpeg") and shutil.which("espeak-ng") and
                         os.path.exists("/usr/share/hyphen/hyph_fr.dic")), reason="not all of it is installed")
def test_doctor_finds_nothing_where_all_is_there(make_server, models):
    server = make_server(start=False, **models.env(), AI_TRANSCRIBE_PROVIDER="gemini", AI_VIDEO_PROVIDER="gemini",
                         CLOUDINARY_URL="cloudinary://1:2@tales", PUBLIC_URL="https://tales.example")
    found = missing(server)
    assert all("font" in line["detail"] for line in found if line["health"] != "ok"), found
