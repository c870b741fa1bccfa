"""A narrator's video: begun once, looked after by a job, fetched and kept; and what is said where nobody makes any."""

import pytest
from harness import database
from tales import b64, film, good, jpeg, models, nobody, person, png, refused, same_as_absent, tone, wait

SCRIPT = "Bonjour, je vous raconte notre été."


@pytest.fixture
def server(make_server, models):
    return make_server(**models.env(), AI_VIDEO_PROVIDER="gemini")


def begin(client, **body):
    answer = client.post("/api/generate-narrator", json={"photoBase64": b64(png(40, 30)), "script": SCRIPT} | body)
    data = good(answer)
    assert data["status"] == "started" and answer.json()["operationId"] == data["operationId"]
    return data["operationId"]


def status(client, operation):
    return good(client.get(f"/api/narrator-status/{operation}"))


def ended(client, operation):
    return wait(lambda: (lambda s: s if s["status"] != "processing" else None)(status(client, operation)), "an end", 60)


@pytest.mark.smoke
def test_without_a_provider_it_is_said_what_to_set(make_server):
    ada = person(make_server())
    body = {"photoBase64": b64(png()), "script": SCRIPT}
    assert "AI_VIDEO_PROVIDER" in refused(ada.post("/api/generate-narrator", json=body), 501)
    keyless = person(make_server(AI_VIDEO_PROVIDER="gemini"))
    assert "GEMINI_API_KEY" in refused(keyless.post("/api/generate-narrator", json=body), 501)


def test_a_video_is_begun_looked_after_and_shown(server, models, film):
    models.film_looks = 2
    ada = person(server)
    operation = begin(ada, photoBase64="data:image/jpeg;base64," + b64(jpeg(width=30, height=40)), durationSeconds=5)
    asked = next(body for _, path, body in models.calls if path.endswith(":predictLongRunning"))
    assert asked["parameters"] == {"aspectRatio": "9:16", "durationSeconds": 6}
    assert SCRIPT in asked["instances"][0]["prompt"] and asked["instances"][0]["image"]["mimeType"] == "image/jpeg"
    made = ended(ada, operation)
    assert made["status"] == "complete" and made["operationId"] == operation
    shown = server.client().get(made["videoUrl"]).content
    moov = film.index(b"moov")  # behind the pictures; what programs write about themselves is taken out there
    assert shown[:moov] == film[:moov] and len(shown) == len(film) and b"Lavf" not in shown
    assert not models.refused


def test_the_same_again_while_it_is_made_is_that_one(server, models):
    models.film_looks = 3
    ada, bob = person(server), person(server)
    one = begin(ada)
    assert begin(ada) == one and begin(bob) != one
    assert sum(path.endswith(":predictLongRunning") for _, path, _ in models.calls) == 2
    assert ended(ada, one)["status"] == "complete"
    assert begin(ada) != one  # it is made: this is another
    same_as_absent(bob, "GET", "/api/narrator-status/{id}", one)


@pytest.mark.parametrize("film", [None, RuntimeError("The words of the service."), b"ceci n'est pas un film" * 9])
def test_what_is_not_made_is_an_error_in_our_words(server, models, film):
    models.film = film
    ada = person(server)
    failed = ended(ada, begin(ada))
    assert failed["status"] == "error" and failed["videoUrl"] is None and "words" not in failed["error"]
    assert int(database(server, "SELECT count(*) FROM media WHERE made = 'video'")) == 0


def test_a_provider_that_refuses_or_is_away_makes_no_operation(server, models):
    models.fault("400", provider="gemini")
    ada = person(server)
    body = {"photoBase64": b64(png(40, 30)), "script": SCRIPT}
    assert ada.post("/api/generate-narrator", json=body).status_code in (422, 502)
    models.fault("503", provider="gemini")
    assert ada.post("/api/generate-narrator", json=body).status_code in (502, 503)
    assert int(database(server, "SELECT count(*) FROM narrations WHERE state = 'processing'")) == 0
    operation = begin(ada)
    models.fault("500", times=2, provider="gemini")
    assert ended(ada, operation)["status"] == "complete"


@pytest.mark.parametrize("body, code, field", [
    ({"photoBase64": None}, 422, "photoBase64"), ({"photoBase64": "§"}, 422, "photoBase64"),
    ({"photoBase64": b64(tone(0.2))}, 422, "photoBase64"), ({"script": " "}, 422, "script"),
    ({"script": "x" * 2001}, 422, "script"), ({"durationSeconds": 9}, 422, "durationSeconds"),
    ({"durationSeconds": 0}, 422, "durationSeconds")])
def test_what_cannot_be_asked_is_refused(server, models, body, code, field):
    ada = person(server)
    refused(ada.post("/api/generate-narrator", json={"photoBase64": b64(png()), "script": SCRIPT} | body), code, field)
    refused(ada.get(f"/api/narrator-status/{nobody()}"), 404)
    assert not models.calls


def test_what_died_while_it_was_asked_is_not_asked_again(server, models):
    models.film_looks = 1000
    ada = person(server)
    operation = begin(ada)
    long_ago = ("created_at - interval '1 hour'" if server.database else "created_at - 3600 * 1000000")
    database(server, f"UPDATE narrations SET operation = NULL, created_at = {long_ago}")
    failed = status(ada, operation)
    assert failed["status"] == "error" and failed["error"]
    assert sum(path.endswith(":predictLongRunning") for _, path, _ in models.calls) == 1
