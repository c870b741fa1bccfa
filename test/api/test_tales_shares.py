"""Links to a story: made, listed, expiring, taken back; what whoever has one sees, and what he does not."""

import concurrent.futures
import json
import pathlib
import stat
import subprocess
import time
import uuid

import pytest
from harness import ROOT, database
from tales import UUID, b64, good, make_note, make_space, nobody, person, png, refused, tone


@pytest.fixture(scope="module")
def ada(server):
    return person(server)


def chapter(server, space, notes=(), picture=None, own=(), title="Le départ", position=0):
    """A chapter as a story's run leaves it, by the operator's hand: that there is a story is not what is tested."""
    at = "now()" if server.database else str(int(time.time() * 1e6))
    made = str(uuid.uuid4())
    of = f"FROM spaces s WHERE s.id = '{space['id']}'"
    picture = f"(SELECT n FROM media WHERE id = '{picture}')" if picture else "NULL"
    database(server, "INSERT INTO chapters (id, space_n, user_id, position, title, content, key, illustration_n, "
                     f"user_image_ids, created_at, updated_at) SELECT '{made}', s.n, s.user_id, {position}, '{title}', "
                     f"'Nous partons.', 'k', {picture}, '{json.dumps(list(own))}', {at}, {at} {of}",
             *[f"INSERT INTO chapter_notes (chapter_n, note_n, position) SELECT h.n, x.n, {i} FROM chapters h, notes x "
               f"WHERE h.id = '{made}' AND x.id = '{note['id']}'" for i, note in enumerate(notes)])
    return made


def share(client, space, status=201, **body):
    return good(client.post(f"/api/spaces/{space['id']}/share", json=body), status)


@pytest.fixture
def told(server, ada):
    """A space with a chapter of one note; another note that no chapter rests on."""
    cover, drawn, own = (good(ada.post("/api/media", data=png(4, 4, (i, 5, 5))), 201)["id"] for i in (1, 2, 3))
    space = make_space(ada, coverImage=cover, startDate=1700000000000)
    note = make_note(ada, space, type="AUDIO", audioData=b64(tone(0.3, pitch=510)), timestamp=1700000001000)
    secret = make_note(ada, space, type="MOMENT", audioData=b64(tone(0.3, pitch=620)), content="Rien que pour moi")
    made = chapter(server, space, [note], drawn, [own])
    return {"space": space, "note": note, "secret": secret, "chapter": made, "media": (cover, drawn, own)}


@pytest.mark.smoke
def test_whoever_has_the_link_reads_the_story_and_nothing_else(server, ada, told):
    made = share(ada, told["space"])
    assert UUID.match(made["id"]) and len(made["token"]) >= 32 and made["url"] == f"/api/shared/{made['token']}"
    reader = server.client()
    answer = reader.get(made["url"])
    story = good(answer)
    assert story["title"] == "Les vacances" and story["startDate"] == 1700000000000
    assert answer.headers["Cache-Control"] == "no-store"
    [one] = story["chapters"]
    assert one["id"] == told["chapter"] and one["content"] == "Nous partons." and one["date"] == 1700000001000
    assert one["illustrationUrl"] == one["generatedImageUrl"]
    [voice] = story["voices"]
    assert voice["chapterId"] == told["chapter"] and voice["noteId"] == told["note"]["id"]
    assert 200 <= voice["durationMs"] <= 400
    for url in (story["coverImage"], one["illustrationUrl"], *one["userImageIds"]):
        assert reader.get(url).content.startswith(b"\x89PNG"), url
    part = reader.get(voice["url"], headers={"Range": "bytes=0-3"})
    assert part.status_code == 206 and part.content == b"RIFF"
    assert "Rien que pour moi" not in answer.text and told["secret"]["id"] not in answer.text
    refused(reader.get(f"{made['url']}/media/{told['secret']['audioFileIds'][0]}"), 404)
    refused(reader.get(f"{made['url']}/media/{nobody()}"), 404)
    refused(reader.get(f"/api/spaces/{told['space']['id']}"), 401)
    for method in ("PUT", "POST", "DELETE"):
        assert reader.request(method, made["url"]).status_code == 405


def test_a_link_is_taken_back_at_once_with_what_it_shows(server, ada, told):
    one, other = share(ada, told["space"]), share(ada, told["space"])
    reader = server.client()
    picture = good(reader.get(one["url"]))["coverImage"]
    assert reader.get(picture).status_code == 200
    path = f"/api/spaces/{told['space']['id']}/share"
    assert good(ada.delete(path, params={"id": one["id"]})) == {"success": True}
    assert "taken back" in refused(reader.get(one["url"]), 410)
    refused(reader.get(picture), 410)
    assert reader.get(other["url"]).status_code == 200
    good(ada.delete(path))
    refused(reader.get(other["url"]), 410)
    good(ada.delete(path))
    refused(ada.delete(path, params={"id": nobody()}), 404)


def test_links_are_listed_without_their_tokens_and_count_their_readers(server, ada, told):
    made = share(ada, told["space"], expiresInSeconds=3600)
    for _ in range(3):
        good(server.client().get(made["url"]))
    answer = ada.get(f"/api/spaces/{told['space']['id']}/share")
    [one] = good(answer)
    assert one["id"] == made["id"] and one["views"] == 3 and one["revokedAt"] is None
    assert made["token"] not in answer.text and "token" not in one
    stored = database(server, f"SELECT token_sha256 FROM shares WHERE id = '{made['id']}'")
    assert stored != made["token"] and len(stored) == 64


def test_a_link_expires(server, ada, told):
    made = share(ada, told["space"], expiresInSeconds=1)
    reader = server.client()
    until = time.monotonic() + 1.2
    while time.monotonic() < until:
        time.sleep(0.1)
    assert "expired" in refused(reader.get(made["url"]), 410)
    refused(reader.get(f"{made['url']}/media/{told['media'][0]}"), 410)


@pytest.mark.parametrize("body, field", [
    ({"expiresInSeconds": 0}, "expiresInSeconds"), ({"expiresInSeconds": 10**12}, "expiresInSeconds"),
    ({"expiresInSeconds": "1"}, "expiresInSeconds"), ({"expiresAt": "2001-01-01T00:00:00Z"}, "expiresAt"),
    ({"expiresAt": "9999-01-01T00:00:00Z"}, "expiresAt"), ({"expiresAt": "bald"}, "expiresAt")])
def test_times_that_cannot_be_are_refused(ada, told, body, field):
    refused(ada.post(f"/api/spaces/{told['space']['id']}/share", json=body), 422, field)
    assert good(ada.get(f"/api/spaces/{told['space']['id']}/share")) == []


def test_tokens_that_were_never_given_open_nothing(server, ada, told):
    made = share(ada, told["space"])
    reader = server.client()
    flipped = made["token"][:-2] + ("AA" if made["token"][-2:] != "AA" else "BB")
    for guess in (flipped, made["token"] + "x", made["id"], "x", "é" * 40, "a" * 4000):
        refused(reader.get(f"/api/shared/{guess}"), 404)


def test_a_link_goes_with_its_space(server, ada, told):
    made = share(ada, told["space"])
    good(ada.delete(f"/api/spaces/{told['space']['id']}"))
    refused(server.client().get(made["url"]), 404)


def test_a_hundred_links_are_enough(ada):
    space = make_space(ada)
    path = f"/api/spaces/{space['id']}/share"
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        codes = list(pool.map(lambda _: ada.post(path, json={}).status_code, range(130)))
    assert sorted(codes) == [201] * 100 + [409] * 30
    assert "at most 100" in refused(ada.post(path, json={}), 409)
    good(ada.delete(path, params={"id": good(ada.get(path))[0]["id"]}))
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        codes = list(pool.map(lambda _: ada.post(path, json={}).status_code, range(4)))
    assert sorted(codes) == [201, 409, 409, 409]


def test_the_build_fails_for_statements_without_a_person(tmp_path):
    tool = ROOT / "tools/check_owners"
    good_sql = """-- name: joined
SELECT x.* FROM notes x JOIN spaces s ON s.n = x.space_n WHERE s.user_id = $1;
-- name: hanging
DELETE FROM note_media WHERE note_n = (SELECT x.n FROM notes x WHERE x.user_id = $1 AND x.n = $2);
-- name: nested
UPDATE chapters SET title = 'x' WHERE user_id = $1 AND space_n IN (SELECT n FROM spaces WHERE user_id = $1 AND id = $2);
-- name: content
SELECT text FROM transcriptions WHERE sha256 = $1;
"""
    bad = [
        "SELECT * FROM notes WHERE n = $1", "SELECT * FROM notes WHERE user_id = $2",
        "SELECT * FROM notes x, spaces s WHERE s.user_id = $1", "SELECT * FROM notes WHERE user_id = $1 OR n = $2",
        "SELECT 1 FROM notes WHERE user_id = $1 AND space_n IN (SELECT n FROM spaces WHERE id = $2)",
        "SELECT n FROM media WHERE user_id = $1 UNION ALL SELECT n FROM media", "DELETE FROM note_media WHERE note_n = $1",
        "INSERT INTO spaces (id, title) VALUES ($1, $2)", "INSERT INTO spaces (id, user_id) VALUES ($1, $2)",
        "INSERT INTO note_media (note_n, media_n, position) VALUES ($1, $2, $3)", "UPDATE shares SET views = 0",
    ]

    def run(sql, code=""):
        (tmp_path / "some.sql").write_text(sql)
        (tmp_path / "some.c").write_text(code)
        return subprocess.run([tool, tmp_path], capture_output=True, text=True, timeout=60)

    said = run(good_sql)
    assert said.returncode == 0, said.stderr
    for sql in bad:
        assert run(f"{good_sql}-- name: bad\n{sql};\n").returncode == 1, sql
    assert run("-- name: system_x\nSELECT n FROM media WHERE sha256 = $1;\n").returncode == 1, "no reason"
    assert run("-- name: system_x\n-- $1 hash: whose it ever is.\nSELECT n FROM media WHERE sha256 = $1;\n").returncode == 0
    for code in ('#define X "SELECT n FROM notes"', "f() { db_int(c, SQL(SQL_JOINED), ARGS(V(n)), &x); }",
                 "f() { db_exec(c, SQL(SQL_NESTED), ARGS(V(space->n), V(user)), NULL); }"):
        assert run(good_sql, code).returncode == 1, code
    for code in ("f() { db_int(c, SQL(SQL_JOINED), ARGS(V(w->user), V(n)), &x); }",
                 "f() { db_exec(c, SQL(SQL_NESTED), ARGS(V(space->user_id), V(id)), NULL); }",
                 "f() { db_one(c, SQL(SQL_CONTENT), ARGS(V(sha256)), &r, &x); }"):
        assert run(good_sql, code).returncode == 0, code
    assert run("").returncode == 1, "nothing checked is no success"
    assert subprocess.run([tool], timeout=60).returncode == 0, "what is built"
    assert pathlib.Path(tool).stat().st_mode & stat.S_IXUSR
