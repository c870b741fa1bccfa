"""Spaces and a person's settings: made, listed, changed, taken away with all that is in them; nobody's but the
person's own."""

import concurrent.futures
import datetime

import pytest
from harness import Server, database, make_key, make_user, problem, token
from tales import TIME, UUID, b64, good, make_note, make_space, nobody, person, png, refused, same_as_absent, tone, wait

DEFAULTS = {"narrativeTone": "cinematic", "storyMode": "chapter", "creativity": 1, "imageStyle": "illustration",
            "imagesPerChapter": 1, "voiceStyle": "storyteller", "backgroundMusic": True}


@pytest.fixture(scope="module")
def ada(server):
    return person(server)


@pytest.fixture(scope="module")
def bob(server):
    return person(server)


# -- health, settings -----------------------------------------------------------------------------------


@pytest.mark.smoke
def test_health_answers_flat_and_under_data(client):
    answer = client.get("/api/health")
    assert answer.status_code == 200
    body = answer.json()
    assert body["success"] is True and body["status"] == "ok" and body["service"] == "lifetales"
    assert TIME.match(body["timestamp"])
    assert body["data"]["status"] == "ok"


def test_settings_have_the_contracts_defaults_and_keep_what_is_set(server):
    someone, other = person(server), person(server)
    assert good(someone.get("/api/settings")) == DEFAULTS
    changed = good(someone.put("/api/settings", json={"narrativeTone": "poetic", "creativity": 0.5}))
    assert changed == DEFAULTS | {"narrativeTone": "poetic", "creativity": 0.5}
    assert good(someone.put("/api/settings", json={"backgroundMusic": False, "storyMode": "clean"})) == \
        changed | {"backgroundMusic": False, "storyMode": "clean"}
    assert good(someone.get("/api/settings")) == changed | {"backgroundMusic": False, "storyMode": "clean"}
    assert good(other.get("/api/settings")) == DEFAULTS


def test_settings_that_are_changed_at_once_are_all_kept(server):
    someone = person(server)
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        for i in range(12):
            wanted = {"narrativeTone": ("funny", "poetic")[i % 2], "creativity": (0.5, 1.5)[i % 2],
                      "voiceStyle": ("calm", "warm")[i % 2], "backgroundMusic": i % 2 == 0}
            list(pool.map(lambda one: good(someone.put("/api/settings", json=dict([one]))), wanted.items()))
            assert good(someone.get("/api/settings")) == DEFAULTS | wanted


@pytest.mark.parametrize("body, fields", [
    ({"narrativeTone": "angry"}, ["narrativeTone"]), ({"storyMode": ""}, ["storyMode"]),
    ({"creativity": 2.1}, ["creativity"]), ({"creativity": -0.1}, ["creativity"]),
    ({"creativity": "1"}, ["creativity"]), ({"imagesPerChapter": 5}, ["imagesPerChapter"]),
    ({"backgroundMusic": "yes", "voiceStyle": "loud"}, ["backgroundMusic", "voiceStyle"])])
def test_settings_refuse_what_is_none(ada, body, fields):
    before = good(ada.get("/api/settings"))
    refused(ada.put("/api/settings", json=body), 422, *fields)
    assert good(ada.get("/api/settings")) == before


# -- spaces ---------------------------------------------------------------------------------------------


@pytest.mark.smoke
def test_a_space_is_made_read_changed_and_taken_away(server):
    ada = person(server)
    made = make_space(ada, title="  L'été ", description="À la mer", startDate=1700000000123)
    assert UUID.match(made["id"]) and made["title"] == "L'été" and made["description"] == "À la mer"
    assert made["startDate"] == 1700000000123 and made["coverImage"] is None
    assert made["notes"] == [] and made["generatedStory"] == [] and made["isGenerating"] is False
    assert TIME.match(made["created_at"]) and made["timeZone"] == "Europe/Paris"
    assert not {"n", "userId", "scratch"} & set(made)
    assert good(ada.get(f"/api/spaces/{made['id']}")) == made
    assert good(ada.get("/api/spaces")) == [made]
    changed = good(ada.put(f"/api/spaces/{made['id']}", json={"title": "L'hiver", "timeZone": "America/New_York"}))
    assert changed == made | {"title": "L'hiver", "timeZone": "America/New_York", "updated_at": changed["updated_at"]}
    assert good(ada.put(f"/api/spaces/{made['id']}", json={"description": None, "startDate": None})) \
        | {"updated_at": 0} == changed | {"description": None, "startDate": None, "updated_at": 0}
    assert good(ada.delete(f"/api/spaces/{made['id']}")) == {"success": True}
    refused(ada.get(f"/api/spaces/{made['id']}"), 404)
    assert good(ada.get("/api/spaces")) == []


def test_what_a_client_read_it_may_send_back(ada):
    made = make_space(ada)
    make_note(ada, made, content="Bonjour")
    read = good(ada.get(f"/api/spaces/{made['id']}"))
    again = good(ada.put(f"/api/spaces/{made['id']}", json=read))
    assert again | {"updated_at": 0} == read | {"updated_at": 0}


@pytest.mark.parametrize("given, ms", [
    (0, 0), (-62135596800000, -62135596800000), (1700000000123.9, 1700000000123),
    ("2023-11-14T22:13:20.5Z", 1700000000500), ("2023-11-14T23:13:20+01:00", 1700000000000),
    ("2023-11-14", 1699920000000), (4102444800000, 4102444800000), (None, None)])
def test_dates_are_milliseconds_or_rfc_3339(ada, given, ms):
    made = make_space(ada, startDate=given)
    assert made["startDate"] == ms
    assert good(ada.get(f"/api/spaces/{made['id']}"))["startDate"] == ms


@pytest.mark.parametrize("body, fields", [
    ({}, ["title"]), ({"title": "  "}, ["title"]), ({"title": "x" * 301}, ["title"]), ({"title": 7}, ["title"]),
    ({"title": "x", "startDate": "gestern"}, ["startDate"]), ({"title": "x", "startDate": 1e18}, ["startDate"]),
    ({"title": "x", "timeZone": "Europe/Atlantis"}, ["timeZone"]),
    ({"title": "x", "timeZone": "../../etc/passwd"}, ["timeZone"]),
    ({"title": "x", "coverImage": "no picture!"}, ["coverImage"]),
    ({"title": "x", "coverImage": nobody()}, ["coverImage"]),
    ({"title": "x", "description": "y" * 20001}, ["description"])])
def test_spaces_refuse_what_cannot_be(ada, body, fields):
    before = len(good(ada.get("/api/spaces", params={"limit": 200, "brief": "true"})))
    refused(ada.post("/api/spaces", json=body), 422, *fields)
    assert len(good(ada.get("/api/spaces", params={"limit": 200, "brief": "true"}))) == before


def test_a_cover_is_a_picture_of_ones_own_an_address_or_bytes(server, ada, bob):
    mine = good(ada.post("/api/media", data=png(9, 9)), 201)
    made = make_space(ada, coverImage=mine["id"])
    assert made["coverImage"].startswith(f"/api/media/{mine['id']}?")
    assert server.client().get(made["coverImage"]).content.startswith(b"\x89PNG")
    assert make_space(ada, coverImage=made["coverImage"])["coverImage"] == made["coverImage"]
    assert make_space(ada, coverImage="https://example.org/a.jpg")["coverImage"] == "https://example.org/a.jpg"
    inside = make_space(ada, coverImage="data:image/png;base64," + b64(png(5, 5)))
    assert server.client().get(inside["coverImage"]).content.startswith(b"\x89PNG")
    refused(bob.post("/api/spaces", json={"title": "x", "coverImage": mine["id"]}), 422, "coverImage")
    sound = good(ada.post("/api/media", data=tone()), 201)
    refused(ada.post("/api/spaces", json={"title": "x", "coverImage": sound["id"]}), 422, "coverImage")
    refused(ada.put(f"/api/spaces/{made['id']}", json={"coverImage": b64(tone())}), 422, "coverImage")
    assert good(ada.put(f"/api/spaces/{made['id']}", json={"coverImage": None}))["coverImage"] is None


def test_the_list_is_paged_and_may_be_brief(server):
    ada = person(server)
    made = [make_space(ada, title=f"Espace {i}")["id"] for i in range(5)]
    make_note(ada, {"id": made[0]}, content="Bonjour")
    answer = ada.get("/api/spaces", params={"limit": 2, "offset": 3})
    assert [space["id"] for space in good(answer)] == [made[1], made[0]] and answer.headers["X-Total-Count"] == "5"
    assert len(good(answer)[1]["notes"]) == 1
    assert good(ada.get("/api/spaces", params={"limit": 2, "offset": 3, "brief": "true"}))[1]["notes"] == []
    refused(ada.get("/api/spaces", params={"limit": 201}), 422, "limit")


def test_a_space_goes_with_what_only_it_shows(server):
    ada = person(server)
    one, other = make_space(ada), make_space(ada)
    sound, picture = tone(0.5, pitch=300), png(7, 7, (1, 2, 3))
    note = make_note(ada, one, type="AUDIO", audioData=b64(sound))
    shown = make_note(ada, one, type="IMAGE", imageData=b64(picture))
    make_note(ada, other, type="IMAGE", imageFileIds=shown["imageFileIds"])
    good(ada.delete(f"/api/spaces/{one['id']}"))
    refused(ada.get(f"/api/media/{note['audioFileIds'][0]}"), 404)
    assert ada.get(f"/api/media/{shown['imageFileIds'][0]}").status_code == 200
    for table in ("notes", "note_media", "media"):
        assert int(database(server, f"SELECT count(*) FROM {table}" + (
            " WHERE note_n NOT IN (SELECT n FROM notes)" if table == "note_media" else
            " WHERE space_n NOT IN (SELECT n FROM spaces)" if table == "notes" else
            f" WHERE sha256 = '{note['media'][0]['sha256']}'"))) == 0
    # The bytes go by a job, a minute later.
    path = server.folder / "blobs" / note["media"][0]["sha256"][:2] / note["media"][0]["sha256"][2:]
    assert path.exists()
    database(server, "UPDATE jobs SET run_at = " + ("now()" if server.database else "0")
             + ", due = " + ("true" if server.database else "1") + " WHERE kind = 'lifetales.blob'")
    wait(lambda: not path.exists(), "the bytes to go", 30)


# -- whose ----------------------------------------------------------------------------------------------


def test_another_persons_space_is_absent(ada, bob):
    space = make_space(ada)["id"]
    note = make_note(ada, {"id": space}, content="Rien que pour moi")["id"]
    body = {"title": "x"}
    for method, path, options in [
            ("GET", "/api/spaces/{id}", {}), ("PUT", "/api/spaces/{id}", {"json": body}),
            ("DELETE", "/api/spaces/{id}", {}), ("GET", "/api/spaces/{id}/notes", {}),
            ("POST", "/api/spaces/{id}/notes", {"json": {"type": "TEXT", "content": "x"}}),
            ("GET", f"/api/spaces/{{id}}/notes/{note}", {}),
            ("PUT", f"/api/spaces/{{id}}/notes/{note}", {"json": body}),
            ("DELETE", f"/api/spaces/{{id}}/notes/{note}", {})]:
        same_as_absent(bob, method, path, space, **options)
    own = make_space(bob)["id"]
    for method, path, options in [
            ("PUT", "/api/notes/{id}", {"json": body}), ("GET", f"/api/spaces/{own}/notes/{{id}}", {}),
            ("PUT", f"/api/spaces/{own}/notes/{{id}}", {"json": body}),
            ("DELETE", f"/api/spaces/{own}/notes/{{id}}", {})]:
        same_as_absent(bob, method, path, note, **options)
    refused(bob.post("/api/notes", json={"spaceId": space, "note": {"type": "TEXT"}}), 404)
    assert good(ada.get(f"/api/spaces/{space}"))["notes"][0]["content"] == "Rien que pour moi"
    assert space not in [one["id"] for one in good(bob.get("/api/spaces"))]


def test_nobody_and_organisations_keys_open_nothing(server, client):
    for path in ("/api/spaces", "/api/settings", f"/api/spaces/{nobody()}"):
        refused(client.get(path), 401)
    user = make_user(server)
    owner = server.client(token(server, user=user))
    made = owner.post("/api/v1/organisations", json={"name": "Famille"}).json()
    key = owner.post("/api/v1/keys", json={"name": "k", "scopes": ["*"], "organisation_id": made["id"]}).json()["key"]
    refused(server.client(key).get("/api/spaces"), 403)
    own = server.client(make_key(server, user["email"], "lifetales:read"))
    assert good(own.get("/api/spaces")) == []
    refused(own.post("/api/spaces", json={"title": "x"}), 403)


def test_an_erased_account_takes_its_spaces_with_it(server):
    ada = person(server)
    space = make_space(ada)
    note = make_note(ada, space, type="IMAGE", imageData=b64(png(3, 3, (9, 8, 7))))
    answer = ada.post("/api/v1/users/delete-account", json={"email": ada.get("/api/v1/auth/me").json()["email"]})
    assert answer.status_code in (200, 204), answer.text
    assert int(database(server, f"SELECT count(*) FROM spaces WHERE id = '{space['id']}'")) == 0
    assert int(database(server, f"SELECT count(*) FROM media WHERE id = '{note['imageFileIds'][0]}'")) == 0


# -- at night ---------------------------------------------------------------------------------------------


def run_job(server, kind):
    """As its schedule would ask for it; waits until it is done."""
    due, now = ("true", "now()") if server.database else ("1", "0")
    number = database(server, "INSERT INTO jobs (kind, queue, state, max_attempts, due, run_at, created_at) VALUES "
                              f"('{kind}', 'lifetales', 'waiting', 1, {due}, {now}, {now}) RETURNING id")
    wait(lambda: database(server, f"SELECT state FROM jobs WHERE id = {number}") == "done", kind, 30)


def blobs_due(server):
    database(server, "UPDATE jobs SET run_at = " + ("now()" if server.database else "0")
             + ", due = " + ("true" if server.database else "1") + " WHERE kind = 'lifetales.blob'")


def test_spaces_of_one_story_go_after_a_day_and_no_others(server):
    ada = person(server)
    old, young, own = (make_space(ada, title=title)["id"] for title in ("alt", "jung", "mein"))
    note = make_note(ada, {"id": old}, type="IMAGE", imageData=b64(png(2, 9, (1, 1, 2))))
    at = "now() - interval '25 hours'" if server.database else "created_at - 25 * 3600 * 1000000"
    yes = "true" if server.database else "1"
    database(server, f"UPDATE spaces SET scratch = {yes} WHERE id IN ('{old}', '{young}')",
             f"UPDATE spaces SET created_at = {at} WHERE id IN ('{old}', '{own}')")
    assert [space["id"] for space in good(ada.get("/api/spaces"))] == [own], "they are never listed"
    run_job(server, "lifetales.scratch")
    refused(ada.get(f"/api/spaces/{old}"), 404)
    refused(ada.get(f"/api/media/{note['imageFileIds'][0]}"), 404)
    assert good(ada.get(f"/api/spaces/{young}")) and good(ada.get(f"/api/spaces/{own}"))


def test_bytes_that_nobody_names_go_and_named_ones_stay(server):
    gone, stays = person(server), person(server)
    hers = good(gone.post("/api/media", data=png(11, 3, (4, 4, 4))), 201)
    kept = good(stays.post("/api/media", data=png(11, 3, (5, 5, 5))), 201)
    shared = [good(one.post("/api/media", data=png(11, 3, (6, 6, 6))), 201) for one in (gone, stays)][0]

    def file(media):
        return server.folder / "blobs" / media["sha256"][:2] / media["sha256"][2:]
    gone.post("/api/v1/users/delete-account", json={"email": gone.get("/api/v1/auth/me").json()["email"]})
    run_job(server, "lifetales.blobs")
    assert file(hers).exists(), "whoever is about to name them has time"
    blobs_due(server)
    wait(lambda: not file(hers).exists(), "the bytes to go", 30)
    assert file(kept).exists() and file(shared).exists()


def test_the_times_of_a_space_are_now(ada):
    made = make_space(ada)
    at = datetime.datetime.fromisoformat(made["created_at"].replace("Z", "+00:00"))
    assert abs((datetime.datetime.now(datetime.timezone.utc) - at).total_seconds()) < 60


@pytest.mark.parametrize("path", ["/api/spaces", f"/api/spaces/{nobody()}/notes"])
def test_a_body_that_is_no_json_is_refused(ada, path):
    refused(ada.post(path, data=b"{", headers={"Content-Type": "application/json"}), 400)
    refused(ada.post(path, data=b"a=b", headers={"Content-Type": "application/x-www-form-urlencoded"}), 415)


def test_a_product_that_is_left_out_is_not_there(make_server):
    server = make_server(args=["--products", "veyl"])
    problem(server.client().get("/api/spaces"), 404)


def test_bad_limits_stop_the_start(tmp_path):
    server = Server(tmp_path / "data", LIFETALES_STORIES_PER_HOUR="many")
    try:
        with pytest.raises(AssertionError):
            server.start()
        assert "LIFETALES_STORIES_PER_HOUR" in server.log()
    finally:
        server.kill()
        server.close()
