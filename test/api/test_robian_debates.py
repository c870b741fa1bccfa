"""Debates of robian: lists, one, writing, caches, events, bad input."""

import concurrent.futures
import datetime
import json
import random

import pytest
from harness import Server, database, make_key, make_user, problem, token
from robian import debate_body, make_debate

DEBATES = "/api/debates/"
MEMBERS = {"id", "title", "description", "type", "date", "source_url", "start_time", "end_time",
           "duration_minutes", "video_url", "thumbnail_url", "commission", "salle", "speakers",
           "ministers", "tags", "keywords", "metadata", "status", "display_duration", "is_live",
           "has_audio", "view_count", "download_count", "audio_files", "created_at", "updated_at"}


@pytest.fixture(scope="module")
def analyst(server):
    with server.client(token(server, "analyst")) as client:
        yield client


def listed(client, **params):
    answer = client.get(DEBATES, params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()


def ids(page):
    return [d["id"] for d in page["debates"]]


def missing(debate):
    return f"Débat {debate} non trouvé"


# -- making and reading -----------------------------------------------------------------------------


def test_a_debate_is_made_and_read_with_all_its_members(analyst, client):
    body = debate_body(
        description="Questions au Gouvernement", start_time="2026-11-18T14:00:00Z",
        end_time="2026-11-18T17:00:00+00:00", video_url="https://videos.example.org/v.mp4",
        thumbnail_url="https://videos.example.org/v.jpg", commission="Commission des finances",
        salle="Hémicycle", speakers=["Mme Élodie Martin", "M. Jean Œuf"], ministers=["M. X"],
        tags=["budget"], keywords=["PLF"], metadata={"législature": 17, "liste": [1, None]})
    made = analyst.post(DEBATES, json=body)
    assert made.status_code == 200, made.text
    debate = made.json()
    assert set(debate) == MEMBERS
    for name, value in body.items():
        if name != "end_time":
            assert debate[name] == value, name
    assert debate["end_time"] == "2026-11-18T17:00:00Z"
    assert debate["duration_minutes"] == 180 and debate["display_duration"] == "3h 0min"
    assert debate["status"] == "programme" and debate["is_live"] is False
    assert debate["has_audio"] is False and debate["audio_files"] == [] and debate["view_count"] == 0
    read = client.get(DEBATES + debate["id"])
    assert read.json() == debate | {"view_count": 1}
    assert client.get(DEBATES + debate["id"] + "/").json()["view_count"] == 2


@pytest.mark.parametrize("minutes, shown", [(None, "Durée inconnue"), (0, "Durée inconnue"),
                                            (45, "45min"), (60, "1h 0min"), (185, "3h 5min")])
def test_a_duration_is_shown_for_people(analyst, minutes, shown):
    assert make_debate(analyst, duration_minutes=minutes)["display_duration"] == shown


@pytest.mark.parametrize("given, stored", [
    ("2026-01-15", "2026-01-14T23:00:00Z"),  # winter
    ("2026-07-15", "2026-07-14T22:00:00Z"),  # summer
    ("2026-03-29", "2026-03-28T23:00:00Z"),  # the clocks go forward on that day
    ("2026-03-30", "2026-03-29T22:00:00Z"),
    ("2026-10-25", "2026-10-24T22:00:00Z"),  # and back
    ("2026-10-26", "2026-10-25T23:00:00Z"),
    ("2026-10-26T10:00:00+01:00", "2026-10-26T09:00:00Z"),
])
def test_a_day_is_one_of_paris(analyst, given, stored):
    assert make_debate(analyst, date=given)["date"] == stored


def test_what_is_not_there_is_404_in_the_words_of_the_contract(analyst, client):
    for name in ("nobody", "00000000-0000-4000-8000-000000000000", "é" * 50):
        for answer in (client.get(DEBATES + name), analyst.put(DEBATES + name, json={"title": "x"}),
                       analyst.delete(DEBATES + name)):
            problem(answer, 404, missing(name))


def test_views_are_counted_once_each_by_many_at_once(analyst, server):
    debate = make_debate(analyst)["id"]

    def view(_):
        with server.client() as client:
            return client.get(DEBATES + debate).json()["view_count"]

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        seen = list(pool.map(view, range(40)))
    assert max(seen) == 40
    with server.client() as client:
        assert client.head(DEBATES + debate).status_code == 200  # not a view
        assert client.get(DEBATES + debate).json()["view_count"] == 41
    n = database(server, f"SELECT n FROM debates WHERE id = '{debate}'")
    assert int(database(server, f"SELECT sum(views) FROM debate_days WHERE debate_n = {n}")) == 41


# -- writing ----------------------------------------------------------------------------------------


def test_who_may_write(server, client):
    user = make_user(server, "user")
    analyst = make_user(server, "analyst")
    clients = {
        401: [client, server.client("no token")],
        403: [server.client(token(server, user=user)), server.client(make_key(server, user["email"])),
              server.client(make_key(server, user["email"], "debates:*")),
              server.client(make_key(server, analyst["email"], "debates:read posts:write"))],
        200: [server.client(token(server, "admin")), server.client(token(server, user=analyst)),
              server.client(make_key(server, analyst["email"], "debates:write")),
              server.client(make_key(server, analyst["email"])),
              server.client(make_key(server, user["email"], "debates:write"))],  # the operator's doing
    }
    for status, those in clients.items():
        for one in those:
            answer = one.post(DEBATES, json=debate_body())
            assert answer.status_code == status, answer.text
            path = DEBATES + (answer.json()["id"] if status == 200 else "x")
            assert one.put(path, json={"title": "neu"}).status_code == status
            assert one.delete(path).status_code == status


def test_nobody_gives_a_key_more_than_the_own_role_may(server):
    for role, status in (("user", 403), ("analyst", 201), ("admin", 201)):
        with server.client(token(server, role)) as one:
            made = one.post("/api/v1/keys", json={"name": "x", "scopes": ["posts:read", "debates:write"]})
            assert made.status_code == status, made.text
            assert one.post("/api/v1/keys", json={"name": "x", "scopes": ["*", "posts:write"]}).status_code == 201


def test_a_change_keeps_what_it_does_not_give(analyst, client):
    debate = make_debate(analyst, description="avant", tags=["a", "b"], duration_minutes=30,
                         commission="Finances")
    changed = analyst.put(DEBATES + debate["id"], json={
        "title": "  Après  ", "description": None, "tags": [], "view_count": 77, "id": "x"}).json()
    want = debate | {"title": "Après", "description": None, "tags": [],
                     "updated_at": changed["updated_at"]}
    assert changed == want and changed["updated_at"] >= debate["updated_at"]
    assert client.get(DEBATES + debate["id"]).json() == want | {"view_count": 1}
    assert analyst.put(DEBATES + debate["id"], json={}).json()["title"] == "Après"


def test_a_second_debate_with_the_same_source_is_409(analyst, client):
    first, second = make_debate(analyst), make_debate(analyst)
    problem(analyst.post(DEBATES, json=debate_body(source_url=first["source_url"])), 409,
            "Un débat avec cette source existe déjà")
    problem(analyst.put(DEBATES + second["id"], json={"source_url": first["source_url"]}), 409)
    assert client.get(DEBATES + second["id"]).json()["source_url"] == second["source_url"]
    assert analyst.put(DEBATES + second["id"],
                       json={"source_url": second["source_url"], "title": "soi"}).status_code == 200


def test_of_many_with_the_same_source_at_once_one_is_made(analyst, server):
    body = debate_body()

    def post(_):
        with server.client(analyst.headers["Authorization"].split()[1]) as one:
            return one.post(DEBATES, json=body).status_code

    before = listed(analyst)["total"]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        codes = list(pool.map(post, range(16)))
    assert sorted(codes) == [200] + [409] * 15
    assert listed(analyst)["total"] == before + 1


def test_an_idempotency_key_makes_one_debate(analyst):
    body, key = debate_body(), {"Idempotency-Key": "debate-1"}
    first = analyst.post(DEBATES, json=body, headers=key)
    again = analyst.post(DEBATES, json=body, headers=key)
    assert first.status_code == again.status_code == 200 and first.json() == again.json()


def test_a_debate_goes_with_all_that_belongs_to_it(analyst, client, server):
    debate = make_debate(analyst)["id"]
    n = int(database(server, f"SELECT n FROM debates WHERE id = '{debate}'"))
    database(server, "INSERT INTO speeches (n, debate_n, position, kind, text) VALUES "
             f"({n}000001, {n}, 1, 'speech', 'un'), ({n}000002, {n}, 2, 'speech', 'deux')",
             "SELECT 1")
    client.get(DEBATES + debate)
    assert analyst.delete(DEBATES + debate).json() == {"message": f"Débat {debate} supprimé"}
    problem(client.get(DEBATES + debate), 404, missing(debate))
    problem(analyst.delete(DEBATES + debate), 404, missing(debate))
    for table in ("speeches", "debate_days"):
        assert int(database(server, f"SELECT count(*) FROM {table} WHERE debate_n = {n}")) == 0
    assert int(database(server, "SELECT count(DISTINCT change_seq) FROM debates_deleted WHERE n IN "
                        f"({n}, {n}000001, {n}000002)")) == 3


# -- conditions -------------------------------------------------------------------------------------


def test_etag_if_match_and_head(analyst, client):
    path = DEBATES + make_debate(analyst)["id"]
    first = client.get(path)
    etag = first.headers["ETag"]
    assert not etag.startswith("W/")
    assert client.get(path).headers["ETag"] == etag  # a view is no change
    head = client.head(path)
    assert head.status_code == 200 and head.headers["ETag"] == etag and head.text == ""
    same = client.get(path, headers={"If-None-Match": etag})
    assert same.status_code == 304 and same.text == ""
    problem(analyst.put(path, json={"title": "x"}, headers={"If-Match": '"other"'}), 412)
    problem(analyst.delete(path, headers={"If-Match": '"other"'}), 412)
    changed = analyst.put(path, json={"title": "neuf"}, headers={"If-Match": etag})
    assert changed.status_code == 200 and changed.headers["ETag"] != etag
    problem(analyst.put(path, json={"title": "x"}, headers={"If-Match": etag}), 412)
    assert client.get(path, headers={"If-None-Match": etag}).json()["title"] == "neuf"
    assert analyst.delete(path, headers={"If-Match": changed.headers["ETag"]}).status_code == 200


def test_of_two_changes_of_the_same_state_one_is_made(analyst, server):
    path = DEBATES + make_debate(analyst)["id"]
    etag = analyst.get(path).headers["ETag"]

    def put(i):
        with server.client(analyst.headers["Authorization"].split()[1]) as one:
            return one.put(path, json={"title": f"titre {i}"}, headers={"If-Match": etag}).status_code

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        codes = list(pool.map(put, range(8)))
    assert sorted(codes) == [200] + [412] * 7


def test_the_list_has_an_etag_too(analyst, client):
    make_debate(analyst)
    first = client.get(DEBATES)
    assert client.get(DEBATES, headers={"If-None-Match": first.headers["ETag"]}).status_code == 304
    head = client.head(DEBATES)
    assert head.headers["ETag"] == first.headers["ETag"] and head.text == ""
    make_debate(analyst)
    assert client.get(DEBATES, headers={"If-None-Match": first.headers["ETag"]}).status_code == 200


# -- lists ------------------------------------------------------------------------------------------

COMMISSIONS = [None, "Commission des finances", "Commission des affaires européennes",
               "Commission de la défense nationale"]
TYPES = ["seance_publique", "commission", "audition", "question_gouvernement", "autre"]


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A server with 130 debates of its own."""
    server = Server(tmp_path_factory.mktemp("debates")).start()
    client, chance, debates = server.client(token(server, "analyst")), random.Random(5), []
    for i in range(130):
        day = datetime.datetime(2026, 10, 20, tzinfo=datetime.timezone.utc) + datetime.timedelta(
            hours=chance.randrange(20) * 12)
        debates.append(make_debate(
            client, title=f"{chance.choice(['Énergie', 'école', 'Budget', 'ŒUVRES'])} {i % 7}",
            type=chance.choice(TYPES), date=day.isoformat(), commission=chance.choice(COMMISSIONS),
            duration_minutes=chance.choice([None, 30, 60, 90]),
            speakers=chance.sample(["Mme Élodie Martin", "M. Jean Lefèvre", "Mme Anne Dupont"],
                                   chance.randrange(3)),
            status=chance.choice(["programme", "en_cours", "termine"])))
    yield server, client, debates
    client.close()
    server.close()


def pages(client, **params):
    found, page = [], 1
    while True:
        answer = listed(client, page=page, **params)
        found += answer["debates"]
        assert answer["page"] == page and answer["has_prev"] == (page > 1)
        assert answer["has_next"] == (len(found) < answer["total"])
        if not answer["has_next"]:
            assert len(found) == answer["total"]
            return found
        assert len(answer["debates"]) == answer["per_page"]
        page += 1


@pytest.mark.parametrize("by", ["date", "title", "created_at", "updated_at", "duration_minutes",
                                "view_count", "start_time", "type", "status", "commission",
                                "download_count", "stream_count"])
@pytest.mark.parametrize("order", ["asc", "desc"])
def test_pages_to_the_end_repeat_nothing_and_leave_out_nothing(world, by, order):
    _, client, debates = world
    found = pages(client, per_page=17, sort_by=by, sort_order=order)
    assert sorted(d["id"] for d in found) == sorted(d["id"] for d in debates)
    if by in ("start_time", "stream_count"):
        return
    values = [d[by] for d in found]
    there = [v for v in values if v is not None]
    assert values == there + [None] * (len(values) - len(there))  # what has no value comes last
    if by == "title":
        there = [v.encode() for v in there]
    assert there == sorted(there, reverse=order == "desc")


def test_a_page_behind_the_end_is_empty(world):
    _, client, debates = world
    page = listed(client, page=1000)
    assert page == {"debates": [], "total": len(debates), "page": 1000, "per_page": 20,
                    "has_next": False, "has_prev": True}


@pytest.mark.parametrize("params, keep", [
    ({"type": "audition"}, lambda d: d["type"] == "audition"),
    ({"status": "en_cours"}, lambda d: d["status"] == "en_cours"),
    ({"commission": "EUROPEENNES"}, lambda d: d["commission"] == COMMISSIONS[2]),
    ({"commission": "defense"}, lambda d: d["commission"] == COMMISSIONS[3]),
    ({"commission": "commission des"}, lambda d: d["commission"] in COMMISSIONS[1:3]),
    ({"commission": "%"}, lambda d: False),
    ({"commission": ""}, lambda d: True),
    ({"has_audio": "true"}, lambda d: False),
    ({"has_audio": "false"}, lambda d: True),
    ({"date_start": "2026-10-25"}, lambda d: d["date"] >= "2026-10-24T22:00:00Z"),
    ({"date_end": "2026-10-25"}, lambda d: d["date"] < "2026-10-25T23:00:00Z"),
    ({"date_start": "2026-10-25", "date_end": "2026-10-25"},
     lambda d: "2026-10-24T22:00:00Z" <= d["date"] < "2026-10-25T23:00:00Z"),
    ({"date_start": "2026-10-22T12:00:00Z"}, lambda d: d["date"] >= "2026-10-22T12:00:00Z"),
    ({"date_end": "2026-10-22T12:00:00Z"}, lambda d: d["date"] <= "2026-10-22T12:00:00Z"),
    ({"date_start": "2026-10-27", "date_end": "2026-10-20"}, lambda d: False),
    ({"speaker": "elodie martin"}, lambda d: "Mme Élodie Martin" in d["speakers"]),
    ({"speaker": "LEFEVRE"}, lambda d: "M. Jean Lefèvre" in d["speakers"]),
    ({"speaker": "Personne"}, lambda d: False),
    ({"q": "energie"}, lambda d: d["title"].startswith("Énergie")),
    ({"q": "oeuvres", "type": "autre"},
     lambda d: d["title"].startswith("ŒUVRES") and d["type"] == "autre"),
    ({"q": "École", "speaker": "Dupont"},
     lambda d: d["title"].startswith("école") and "Mme Anne Dupont" in d["speakers"]),
])
def test_filters_have_exact_totals(world, params, keep):
    _, client, debates = world
    want = sorted(d["id"] for d in debates if keep(d))
    assert sorted(d["id"] for d in pages(client, per_page=50, **params)) == want
    assert listed(client, **params)["total"] == len(want)


@pytest.mark.parametrize("params, field", [
    ({"sort_by": "password"}, "sort_by"), ({"sort_by": "n"}, "sort_by"),
    ({"sort_by": "date; DROP TABLE debates"}, "sort_by"), ({"sort_order": "up"}, "sort_order"),
    ({"page": 0}, "page"), ({"page": -1}, "page"), ({"page": "x"}, "page"),
    ({"page": 10 ** 30}, "page"), ({"per_page": 0}, "per_page"), ({"per_page": 101}, "per_page"),
    ({"type": "fête"}, "type"), ({"status": "x"}, "status"), ({"has_audio": "peut-être"}, "has_audio"),
    ({"date_start": "hier"}, "date_start"), ({"date_end": "2026-02-30"}, "date_end"),
    ({"date_end": "2026-13-01"}, "date_end"), ({"q": "x" * 501}, "q"),
    ({"commission": "x" * 501}, "commission"),
])
def test_a_bad_parameter_is_named(world, params, field):
    _, client, _ = world
    body = problem(client.get(DEBATES, params=params), 422)
    assert [e["field"] for e in body["errors"]] == [field]


def test_a_query_that_is_not_utf8_is_400(world):
    server, client, _ = world
    problem(client.get("/api/debates/?q=%FF%FE"), 400)
    problem(client.get("/api/debates/?commission=%C3"), 400)
    problem(client.get("/api/debates/%FF"), 400)


# -- the cache --------------------------------------------------------------------------------------


def test_a_list_is_fresh_at_once_after_every_write(analyst, client):
    before = listed(client)
    debate = make_debate(analyst, date="2090-01-01")
    after = listed(client)
    assert after["total"] == before["total"] + 1 and after["debates"][0]["id"] == debate["id"]
    analyst.put(DEBATES + debate["id"], json={"title": "changé"})
    assert listed(client)["debates"][0]["title"] == "changé"
    analyst.delete(DEBATES + debate["id"])
    assert ids(listed(client)) == ids(before) and listed(client)["total"] == before["total"]


def test_a_list_is_answered_from_the_cache(analyst, client, server):
    debate = make_debate(analyst, date="2091-01-01")
    assert listed(client)["debates"][0]["id"] == debate["id"]
    database(server, f"UPDATE debates SET title = 'par derrière' WHERE id = '{debate['id']}'", "SELECT 1")
    assert listed(client)["debates"][0]["title"] == debate["title"]
    assert listed(client, per_page=99)["debates"][0]["title"] == "par derrière"
    analyst.delete(DEBATES + debate["id"])


def test_what_another_process_writes_is_seen_at_once(make_server):
    first = make_server()
    second = make_server(folder=first.folder, database=first.database, redis="")
    with first.client(token(first, "analyst")) as writer, second.client() as reader:
        assert listed(reader)["total"] == 0
        debate = make_debate(writer)
        assert ids(listed(reader)) == [debate["id"]]
        writer.put(DEBATES + debate["id"], json={"title": "autre"})
        assert listed(reader)["debates"][0]["title"] == "autre"
        writer.delete(DEBATES + debate["id"])
        assert listed(reader)["total"] == 0


def test_the_life_of_a_cached_list_is_a_setting(make_server):
    server = make_server(CACHE_TTL_DEBATES=0)
    with server.client(token(server, "analyst")) as client:
        debate = make_debate(client)
        assert listed(client)["debates"][0]["title"] == debate["title"]
        database(server, "UPDATE debates SET title = 'par derrière'", "SELECT 1")
        assert listed(client)["debates"][0]["title"] == "par derrière"


# -- events -----------------------------------------------------------------------------------------


def replayed(server, channel):
    """What SSE replays of a channel; a last event of our own closes it."""
    with server.client(token(server, "admin")) as admin:
        end = admin.post("/api/v1/events", json={"channel": channel, "type": "end"}).json()
        found = []
        with admin.get("/events", params={"channels": channel, "since": 0}, stream=True) as answer:
            for line in answer.iter_lines():
                if line.startswith(b"data: "):
                    found.append(json.loads(line[6:]))
                    if found[-1]["message_id"] == end["message_id"]:
                        return found[:-1]
    raise AssertionError("the stream ended")


def test_what_happens_to_a_debate_is_told(analyst, client, server):
    debate = make_debate(analyst)["id"]
    path = DEBATES + debate
    analyst.put(path, json={"title": "Nouveau titre"})
    analyst.put(path, json={"status": "en_cours"})
    client.get(path)
    analyst.put(path, json={"status": "termine"})
    problem(analyst.put(path, json={"title": ""}), 422)
    analyst.delete(path)
    own = replayed(server, f"debate:{debate}")
    assert [e["type"] for e in own] == [
        "debate_created", "debate_updated", "debate_started", "debate_viewed", "debate_ended",
        "debate_deleted"]
    assert own[1]["data"]["title"] == "Nouveau titre" and own[1]["data"]["debate_id"] == debate
    assert own[2]["data"]["is_live"] is True and own[4]["data"]["is_live"] is False
    assert own[3]["data"] == {"debate_id": debate, "view_count": 1}
    shared = [e["type"] for e in replayed(server, "debates") if e["data"]["debate_id"] == debate]
    assert shared == [e["type"] for e in own if e["type"] != "debate_viewed"]


# -- bad input --------------------------------------------------------------------------------------


@pytest.mark.parametrize("members, fields", [
    ({"title": None}, ["title"]), ({"title": ""}, ["title"]), ({"title": "   "}, ["title"]),
    ({"title": "x" * 501}, ["title"]), ({"title": 7}, ["title"]), ({"title": ["x"]}, ["title"]),
    ({"type": "Commission"}, ["type"]), ({"type": ""}, ["type"]), ({"status": "fini"}, ["status"]),
    ({"date": "demain"}, ["date"]), ({"date": 1700000000}, ["date"]), ({"date": "2026-02-30"}, ["date"]),
    ({"date": "2026-1-1"}, ["date"]), ({"date": ""}, ["date"]),
    ({"source_url": "ftp://x.org/a"}, ["source_url"]), ({"source_url": "x"}, ["source_url"]),
    ({"source_url": "http://"}, ["source_url"]), ({"source_url": "https://a b.org/"}, ["source_url"]),
    ({"source_url": "javascript:alert(1)"}, ["source_url"]),
    ({"source_url": "https://x.org/" + "y" * 2000}, ["source_url"]),
    ({"video_url": "file:///etc/passwd"}, ["video_url"]), ({"thumbnail_url": 1}, ["thumbnail_url"]),
    ({"start_time": "2026-01-01T10:00:00Z", "end_time": "2026-01-01T09:00:00Z"}, ["end_time"]),
    ({"start_time": "0001-01-01T10:00:00Z", "end_time": "2026-01-01T09:00:00Z"}, ["end_time"]),
    ({"start_time": "matin"}, ["start_time"]),
    ({"duration_minutes": -1}, ["duration_minutes"]), ({"duration_minutes": 1.5}, ["duration_minutes"]),
    ({"duration_minutes": "90"}, ["duration_minutes"]), ({"duration_minutes": 10 ** 9}, ["duration_minutes"]),
    ({"speakers": "Martin"}, ["speakers"]), ({"speakers": [1]}, ["speakers.0"]),
    ({"speakers": ["x", ""]}, ["speakers.1"]), ({"tags": ["x"] * 1001}, ["tags"]),
    ({"keywords": ["x" * 301]}, ["keywords.0"]), ({"ministers": {}}, ["ministers"]),
    ({"metadata": []}, ["metadata"]), ({"metadata": "x"}, ["metadata"]),
    ({"metadata": {"x": "y" * 70000}}, ["metadata"]),
    ({"is_live": "oui"}, ["is_live"]), ({"surprise": 1}, ["surprise"]),
    ({"title": "", "type": "x", "metadata": {}}, ["title", "type"]),
])
def test_a_bad_body_names_every_bad_field_and_changes_nothing(analyst, members, fields):
    debate = make_debate(analyst)
    before = listed(analyst)["total"]
    for answer in (analyst.post(DEBATES, json=debate_body(**members)),
                   analyst.put(DEBATES + debate["id"], json=members)):
        assert sorted(e["field"] for e in problem(answer, 422)["errors"]) == sorted(fields)
    assert listed(analyst)["total"] == before
    assert analyst.get(DEBATES + debate["id"]).json() == debate | {"view_count": 1}


def test_what_is_required_is_named(analyst):
    body = problem(analyst.post(DEBATES, json={}), 422)
    assert {e["field"]: e["code"] for e in body["errors"]} == dict.fromkeys(
        ["title", "type", "date", "source_url"], "required")


@pytest.mark.parametrize("body, status", [
    (b"", 422), (b"null", 422), (b"[]", 422), (b'"x"', 422), (b"{", 400), (b'{"title":"\xff"}', 400),
    (b'{"title":"a","title":"b"}', 400), (b'{"title":"a\\u0000"}', 400), (b"[" * 5000, 400),
    (b'{"title":"' + b"x" * 600000 + b'"}', 413),
])
def test_a_body_that_is_none_is_refused(analyst, body, status):
    answer = analyst.post(DEBATES, data=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in ((status, 400) if status == 422 else (status,)), answer.text
    problem(analyst.post(DEBATES, data="title=x", headers={"Content-Type": "text/plain"}), 415)


def test_texts_of_all_scripts_come_back_as_they_went(analyst, client):
    title = "Œuvre d’été — 🎤 \u202e«\t» العربية 日本語 e\u0301 %s ' \" \\ </script>"
    debate = make_debate(analyst, title=title, description=title * 3)
    assert debate["title"] == title
    assert client.get(DEBATES + debate["id"]).json()["description"] == title * 3


# -- alone ------------------------------------------------------------------------------------------


def test_robian_is_served_alone(make_server):
    server = make_server(PRODUCTS="robian")
    with server.client(token(server, "analyst")) as client:
        debate = make_debate(client)
        assert ids(listed(client)) == [debate["id"]]
        problem(client.get("/api/v1/projects"), 404)


def test_other_products_do_without_robian(make_server):
    server = make_server(PRODUCTS="veyl")
    with server.client() as client:
        problem(client.get(DEBATES), 404)
