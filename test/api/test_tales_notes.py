"""Notes: every kind, with and without bytes, in any script and order, by both ways the web app has."""

import concurrent.futures

import pytest
from harness import Server, database, token
from tales import (TIME, UUID, b64, good, make_note, make_space, nobody, person, png, refused, tone, wait, webm)

ARABIC = "في الصيف ذهبنا إلى البحر مع الجدة، ورأينا القوارب البيضاء."
CHINESE = "夏天我们和奶奶一起去了海边，看到了白色的小船。"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("data"), LIFETALES_SPACE_MAX_NOTES=40)
    try:
        yield server.start()
    finally:
        server.close()


@pytest.fixture(scope="module")
def ada(server):
    return person(server)


@pytest.fixture
def space(ada):
    return make_space(ada)


@pytest.mark.smoke
def test_a_text_note_has_the_contracts_members(ada, space):
    note = make_note(ada, space, content="Bonjour", title="Un titre", description="Un mot",
                     timestamp=1700000000123, location={"lat": 48.85, "lng": 2.35}, textContent="Autre")
    assert UUID.match(note["id"]) and note["spaceId"] == space["id"]
    for member, value in {
            "type": "TEXT", "content": "Bonjour", "title": "Un titre", "description": "Un mot",
            "timestamp": 1700000000123, "location": {"lat": 48.85, "lng": 2.35}, "textContent": "Autre",
            "audioUrl": None, "transcription": None, "transcription_status": "none", "transcriptions": [],
            "audioFileIds": [], "imageFileIds": [], "videoFileIds": [], "media": []}.items():
        assert note[member] == value, member
    assert TIME.match(note["created_at"])
    assert not {"n", "space_n", "spaceN", "userId", "transcriptionOwn"} & set(note)
    assert good(ada.get(f"/api/spaces/{space['id']}/notes")) == [note]
    assert good(ada.get(f"/api/spaces/{space['id']}/notes/{note['id']}")) == note
    assert good(ada.get(f"/api/spaces/{space['id']}"))["notes"] == [note]


def test_a_recording_in_the_body_is_stored_heard_later_and_played(server, ada, space):
    sound = webm(0.4)
    note = make_note(ada, space, type="AUDIO", audioData=b64(sound), mimeType="audio/webm;codecs=opus")
    assert note["transcription_status"] == "waiting" and note["transcription"] is None
    assert len(note["audioFileIds"]) == 1 and note["transcriptions"] == [""]
    media = note["media"][0]
    assert media["id"] == note["audioFileIds"][0] and media["mimeType"] == "audio/webm" and media["kind"] == "audio"
    assert 300 <= media["durationMs"] <= 500 and media["size"] == len(sound)
    assert note["audioUrl"] == media["url"]
    played = server.client().get(note["audioUrl"])
    assert played.content == sound and played.headers["Content-Type"] == "audio/webm"


def test_a_data_url_is_read_wherever_it_stands(ada, space):
    sound, picture = tone(0.3, pitch=250), png(4, 4)
    by_url = make_note(ada, space, type="AUDIO", audioData="data:audio/wav;base64," + b64(sound))
    inside = make_note(ada, space, type="AUDIO", content="data:audio/wav;base64," + b64(sound))
    assert inside["content"] is None and inside["audioFileIds"] == by_url["audioFileIds"]
    shown = make_note(ada, space, type="IMAGE", content="data:image/png;base64," + b64(picture))
    assert shown["content"] is None and len(shown["imageFileIds"]) == 1
    both = make_note(ada, space, type="MOMENT", audioData=b64(sound), imageData=b64(picture), content="À la plage")
    assert both["content"] == "À la plage" and len(both["media"]) == 2
    broken = "\r\n".join(b64(picture)[at:at + 76] for at in range(0, len(b64(picture)), 76))
    assert make_note(ada, space, type="IMAGE", imageData=broken)["imageFileIds"] == shown["imageFileIds"]


def test_the_web_apps_other_way_in_and_its_change_by_id(ada, space):
    note = good(ada.post("/api/notes", json={"spaceId": space["id"], "note": {
        "type": "AUDIO", "audioData": b64(tone(0.2)), "transcription": "Bonjour à tous", "id": "local-1"}}), 201)
    assert note["transcription"] == "Bonjour à tous" and note["transcription_status"] == "done"
    changed = good(ada.put(f"/api/notes/{note['id']}", json={"title": "Bonjour", "timestamp": "2024-02-29T12:00:00Z"}))
    assert changed["title"] == "Bonjour" and changed["timestamp"] == 1709208000000
    assert changed["transcription"] == "Bonjour à tous" and changed["audioFileIds"] == note["audioFileIds"]
    refused(ada.post("/api/notes", json={"spaceId": nobody(), "note": {"type": "TEXT"}}), 404)
    refused(ada.post("/api/notes", json={"note": {"type": "TEXT"}}), 422, "spaceId")
    refused(ada.post("/api/notes", json={"spaceId": space["id"]}), 422, "note")
    refused(ada.post("/api/notes", json={"spaceId": space["id"], "note": {"type": "SMELL"}}), 422, "note.type")


def test_what_a_client_read_it_may_send_back_and_nothing_becomes_its_own(ada, space):
    note = make_note(ada, space, type="AUDIO", audioData=b64(tone(0.25)), content="x")
    again = good(ada.put(f"/api/spaces/{space['id']}/notes/{note['id']}", json=note))
    assert again | {"updated_at": 0} == note | {"updated_at": 0}
    assert again["transcription_status"] == "waiting"
    own = good(ada.put(f"/api/notes/{note['id']}", json={"transcription": "Ce que je dis"}))
    assert own["transcription"] == "Ce que je dis" and own["transcription_status"] == "done"
    given_up = good(ada.put(f"/api/notes/{note['id']}", json={"transcription": None}))
    assert given_up["transcription"] is None and given_up["transcription_status"] == "waiting"


def test_what_is_changed_at_once_is_all_kept(ada, space):
    path = f"/api/spaces/{space['id']}"
    note = f"{path}/notes/{make_note(ada, space)['id']}"
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        for i in range(8):
            for at, members in ((note, ("title", "content", "description")), (path, ("title", "description", "language"))):
                wanted = {name: ("fr", "en")[i % 2] for name in members}
                list(pool.map(lambda one, at=at: good(ada.put(at, json=dict([one]))), wanted.items()))
                read = good(ada.get(at))
                assert {name: read[name] for name in members} == wanted, at


def test_files_are_named_added_and_taken_off(ada, space):
    one, two = (good(ada.post("/api/media", data=png(3, 3, (i, i, i))), 201)["id"] for i in (1, 2))
    sound = good(ada.post("/api/media", data=tone(0.2, pitch=111)), 201)["id"]
    note = make_note(ada, space, type="MOMENT", imageFileIds=[two, one], audioFileIds=[sound])
    assert note["imageFileIds"] == [two, one] and note["audioFileIds"] == [sound]
    path = f"/api/spaces/{space['id']}/notes/{note['id']}"
    assert good(ada.put(path, json={"imageFileIds": [one]}))["audioFileIds"] == [sound]
    assert good(ada.get(path))["imageFileIds"] == [one]
    more = good(ada.put(path, json={"imageData": b64(png(3, 3, (9, 9, 9)))}))
    assert more["imageFileIds"][0] == one and len(more["imageFileIds"]) == 2
    refused(ada.put(path, json={"imageFileIds": [one, sound, nobody()]}), 422, "imageFileIds.1", "imageFileIds.2")
    assert good(ada.get(path)) | {"updated_at": 0} == more | {"updated_at": 0}


def test_another_persons_files_are_absent(server, ada, space):
    bob = person(server)
    hers = good(ada.post("/api/media", data=png(3, 3, (77, 0, 0))), 201)["id"]
    own = make_space(bob)
    refused(bob.post(f"/api/spaces/{own['id']}/notes", json={"type": "IMAGE", "imageFileIds": [hers]}),
            422, "imageFileIds.0")
    assert good(bob.get(f"/api/spaces/{own['id']}/notes")) == []


# -- texts ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["", "🙂", ARABIC, CHINESE, "e\u0301" * 3, "\u202eabc", "a" * 100_000, "é🙂" * 50_000,
                                  "ligne\nligne\r\n\tfin"], ids=lambda text: text[:6] + str(len(text)))
def test_any_text_comes_back_as_it_was(ada, space, text):
    note = make_note(ada, space, content=text, title=text[:100], transcription=text or None)
    assert note["content"] == text
    assert good(ada.get(f"/api/spaces/{space['id']}/notes"))[0]["content"] == text


@pytest.mark.parametrize("body, fields", [
    ({}, ["type"]), ({"type": "text"}, ["type"]), ({"type": "TEXT", "content": 7}, ["content"]),
    ({"type": "TEXT", "content": "x" * 200_001}, ["content"]), ({"type": "TEXT", "title": "x" * 501}, ["title"]),
    ({"type": "TEXT", "transcription": "x" * 200_001}, ["transcription"]),
    ({"type": "TEXT", "timestamp": "demain"}, ["timestamp"]), ({"type": "TEXT", "timestamp": 1e300}, ["timestamp"]),
    ({"type": "TEXT", "location": {"place": "x" * 5000}}, ["location"]),
    ({"type": "IMAGE", "imageFileIds": [nobody()] * 101}, ["imageFileIds"]),
    ({"type": "IMAGE", "imageFileIds": "one"}, ["imageFileIds"]),
    ({"type": "AUDIO", "audioData": "!!!!"}, ["audioData"]), ({"type": "AUDIO", "audioData": "AAAAA"}, ["audioData"]),
    ({"type": "AUDIO", "audioData": "data:audio/webm,AAAA"}, ["audioData"]),
    ({"type": "IMAGE", "imageData": "AA=A"}, ["imageData"])])
def test_notes_refuse_what_cannot_be(ada, space, body, fields):
    refused(ada.post(f"/api/spaces/{space['id']}/notes", json=body), 422, *fields)
    assert good(ada.get(f"/api/spaces/{space['id']}/notes")) == []


def test_bytes_that_are_no_recording_or_picture_make_no_note(server, ada, space):
    path = f"/api/spaces/{space['id']}/notes"
    refused(ada.post(path, json={"type": "AUDIO", "audioData": b64(b"ceci n'est pas un son" * 50)}), 415)
    refused(ada.post(path, json={"type": "IMAGE", "imageData": b64(b"<svg xmlns='http://www.w3.org/2000/svg'/>")}), 415)
    refused(ada.post(path, json={"type": "AUDIO", "audioData": b64(webm(1)[:150])}), 422, "audioData")
    assert good(ada.get(path)) == []


# -- order, limits ------------------------------------------------------------------------------------------


def test_notes_are_in_the_order_in_which_things_happened(ada, space):
    times = [1700000300000, 1700000100000, 4102444800000, 1700000200000, 1700000100000, -1000]
    made = [make_note(ada, space, content=str(i), timestamp=at) for i, at in enumerate(times)]
    assert [note["timestamp"] for note in made] == times
    read = good(ada.get(f"/api/spaces/{space['id']}/notes"))
    assert [note["content"] for note in read] == ["5", "1", "4", "3", "0", "2"]


def test_a_note_without_a_time_is_of_now(ada, space):
    before = make_note(ada, space, timestamp=None)["timestamp"]
    assert before <= make_note(ada, space)["timestamp"] < before + 60_000


def test_a_space_holds_no_more_than_it_may(ada, space):
    path = f"/api/spaces/{space['id']}/notes"
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda i: ada.post(path, json={"type": "TEXT", "content": str(i)}), range(44)))
    assert sorted(answer.status_code for answer in answers) == [201] * 40 + [409] * 4
    assert len(good(ada.get(path))) == 40


def test_a_body_over_the_limit_is_refused_and_one_below_is_taken(ada, space):
    path = f"/api/spaces/{space['id']}/notes"
    sound = tone(300, rate=44100, pitch=0)
    assert len(b64(sound)) > 33 << 20
    note = good(ada.post(path, json={"type": "AUDIO", "audioData": b64(sound)}, timeout=200), 201)
    assert note["media"][0]["size"] == len(sound) and note["media"][0]["durationMs"] == 300_000
    answer = ada.post(path, json={"type": "AUDIO", "audioData": "A" * (53 << 20)}, timeout=200)
    refused(answer, 413)


def test_a_note_goes_and_what_only_it_shows_goes_with_it(server, ada, space):
    picture = good(ada.post("/api/media", data=png(3, 3, (5, 5, 5))), 201)["id"]
    one = make_note(ada, space, type="IMAGE", imageFileIds=[picture], audioData=b64(tone(0.2, pitch=222)))
    other = make_note(ada, space, type="IMAGE", imageFileIds=[picture])
    assert good(ada.delete(f"/api/spaces/{space['id']}/notes/{one['id']}")) == {"success": True}
    refused(ada.delete(f"/api/spaces/{space['id']}/notes/{one['id']}"), 404)
    assert [note["id"] for note in good(ada.get(f"/api/spaces/{space['id']}/notes"))] == [other["id"]]
    assert ada.get(f"/api/media/{picture}").status_code == 200
    refused(ada.get(f"/api/media/{one['audioFileIds'][0]}"), 404)
    assert int(database(server, "SELECT count(*) FROM jobs WHERE kind = 'lifetales.blob' "
                                f"AND CAST(payload AS text) LIKE '%{one['media'][1]['sha256']}%'")) == 1


def test_the_same_key_makes_one_note(ada, space):
    path, headers = f"/api/spaces/{space['id']}/notes", {"Idempotency-Key": nobody()}
    body = {"type": "AUDIO", "audioData": b64(tone(0.2, pitch=333))}
    first = ada.post(path, json=body, headers=headers)
    assert ada.post(path, json=body, headers=headers).json() == first.json()
    refused(ada.post(path, json=body | {"content": "x"}, headers=headers), 422)
    assert len(good(ada.get(path))) == 1


def test_killed_in_the_middle_of_an_upload_nothing_is_left(make_server):
    """kill -9 while the body comes, and again at any moment after it is in: a note is whole or absent."""
    server = make_server()
    ada = person(server)
    user_token = ada.headers["Authorization"]
    space = make_space(ada)
    path = f"/api/spaces/{space['id']}/notes"
    body = b'{"type":"AUDIO","audioData":"' + b64(tone(20, rate=44100)).encode() + b'"}'

    def slowly():
        yield body[:len(body) // 2]
        server.kill()
        yield body[len(body) // 2:]
    with pytest.raises(Exception):
        ada.post(path, data=slowly(), headers={"Content-Type": "application/json"})
    server.start()
    ada = server.client()
    ada.headers["Authorization"] = user_token
    assert good(ada.get(path)) == []
    assert int(database(server, "SELECT count(*) FROM media")) == 0
    assert [file for file in server.folder.rglob("*") if file.is_file() and "onway" in file.name] == []
    assert [file for file in (server.folder / "blobs").rglob("*") if file.is_file() and file.stat().st_size > 1000] == []
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        def attempt():
            try:
                return ada.post(path, data=body, headers={"Content-Type": "application/json"}).status_code
            except Exception:
                return 0
        for _ in range(3):
            sent = pool.submit(attempt)
            wait(lambda: sent.done() or any((server.folder / "blobs").rglob("*")), "the upload to be under way")
            server.kill()
            sent.result()
            server.start()
            ada.url = server.url
            for note in good(ada.get(path)):
                assert server.client().get(note["audioUrl"]).status_code == 200


def test_who_is_signed_out_writes_nothing(server, client, space):
    refused(client.post(f"/api/spaces/{space['id']}/notes", json={"type": "TEXT"}), 401)
    expired = server.client(token(server) + "x")
    refused(expired.post("/api/notes", json={"spaceId": space["id"], "note": {"type": "TEXT"}}), 401)
