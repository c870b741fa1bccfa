"""robian: devices, collections, favourites and activities, and to whom they belong."""

import concurrent.futures

import pytest
from harness import database, make_key, make_user, problem, register_user, token
from robian import analyst, count, make_debate, make_device, run_job

COLLECTIONS = "/api/collections/"
FAVORITES = "/api/favorites/"


@pytest.fixture(scope="module")
def maker(server):
    return analyst(server)


@pytest.fixture
def debate(maker):
    return make_debate(maker)["id"]


@pytest.fixture
def device(server):
    return make_device(server)


@pytest.fixture
def other(server):
    return make_device(server)


@pytest.fixture(params=["user", "device"])
def listener(request, server):
    """Whoever collections may belong to: a signed-in user or a device."""
    if request.param == "device":
        return make_device(server)
    return server.client(register_user(server)["access_token"])


def make_collection(client, name="À écouter", **members):
    answer = client.post(COLLECTIONS, json={"name": name} | members)
    assert answer.status_code == 200, answer.text
    return answer.json()


def at_once(clients, act):
    """Everybody does the same at the same time: the statuses, in order."""
    with concurrent.futures.ThreadPoolExecutor(len(clients)) as pool:
        return sorted(pool.map(lambda client: act(client).status_code, clients))


# -- devices ------------------------------------------------------------------------------------------


def test_a_device_gets_an_id_and_a_secret_once(server):
    answer = server.client().post("/api/devices")
    assert answer.status_code == 200 and answer.headers["Cache-Control"] == "no-store"
    made = answer.json()
    assert set(made) == {"user_id", "secret"}
    assert 16 <= len(made["user_id"]) <= 64 and len(made["secret"]) >= 40
    assert server.client().post("/api/devices").json()["user_id"] != made["user_id"]
    stored = database(server, f"SELECT secret_hash FROM devices WHERE user_id = '{made['user_id']}'")
    assert stored and made["secret"] not in stored
    assert made["secret"] not in server.log()


def test_a_device_proves_itself_by_its_secret(server, device):
    make_collection(device)
    who = device.params
    for headers in ({}, {"X-Device-Secret": "ds_" + "A" * 43}, {"X-Device-Secret": ""}):
        answer = server.client().get(FAVORITES, params=who, headers=headers)
        problem(answer, 401, "Appareil inconnu ou secret incorrect", "unauthenticated")
    unknown = server.client().get(FAVORITES, params={"user_id": "x" * 24}, headers=device.headers)
    problem(unknown, 401, "Appareil inconnu ou secret incorrect")
    body = problem(server.client().get(FAVORITES, params={"user_id": "short"}), 422)
    assert body["errors"][0]["field"] == "user_id"
    problem(server.client().get(FAVORITES, params={"user_id": "x" * 65}), 422)
    problem(server.client().get(FAVORITES), 401)
    assert device.get(COLLECTIONS).headers["X-Total-Count"] == "1"


def test_a_bare_user_id_is_enough_where_devices_are_open(make_server):
    server = make_server(ROBIAN_OPEN_DEVICES="on")
    client = server.client()
    client.params = {"user_id": "téléphone-d'Ana"}
    problem(client.get(COLLECTIONS), 422)
    client.params = {"user_id": "téléphone-d'Ana-2"}
    assert client.get(COLLECTIONS).json() == []
    assert database(server, "SELECT count(*) FROM devices") in (0, "0")  # who only reads leaves nothing
    made = make_collection(client)
    assert made["user_id"] == "téléphone-d'Ana-2"
    assert [c["id"] for c in client.get(COLLECTIONS).json()] == [made["id"]]
    # The body may name the device too, as the query of older clients does.
    answer = server.client().post(COLLECTIONS, json={"name": "B", "user_id": "téléphone-d'Ana-2"})
    assert answer.status_code == 200 and len(client.get(COLLECTIONS).json()) == 2
    # One that a secret was given for needs it here as well.
    device = make_device(server)
    make_collection(device)
    problem(server.client().get(COLLECTIONS, params=device.params), 401)
    # And what is public does not say whose it is: that would be the key to it.
    shown = make_collection(client, "Publique", is_public=True)["id"]
    assert server.client().get(COLLECTIONS + shown).json()["user_id"] is None
    assert client.get(COLLECTIONS + shown).json()["user_id"] == "téléphone-d'Ana-2"


def test_an_open_device_is_nobody_once_devices_are_closed(make_server, tmp_path):
    server = make_server(ROBIAN_OPEN_DEVICES="on")
    client = server.client()
    client.params = {"user_id": "0123456789abcdef"}
    make_collection(client)
    server.stop()
    server.env["ROBIAN_OPEN_DEVICES"] = "off"
    server.start()
    problem(server.client().get(COLLECTIONS, params=client.params), 401)


def test_nobody_makes_so_many_devices_at_once(make_server):
    server = make_server(redis="", RATE_LIMITS="on", RATE_LIMIT_AUTH=3)  # no other counts, should Redis be slow
    statuses = [server.client().post("/api/devices").status_code for _ in range(5)]
    assert statuses == [200, 200, 200, 429, 429] and count(server, "devices") == 3


def test_who_is_signed_in_needs_no_device(server, debate):
    user = server.client(register_user(server)["access_token"])
    assert user.post(FAVORITES + debate).status_code == 200
    assert len(user.get(FAVORITES, params={"user_id": "x" * 20}).json()) == 1
    problem(server.client("not.a.token").get(FAVORITES), 401)


def test_a_key_acts_within_its_scopes_and_never_for_an_organisation(server, debate):
    user = make_user(server)
    mine = server.client(token(server, user=user))
    make_collection(mine)
    reader = server.client(make_key(server, user["email"], "listening:read"))
    assert len(reader.get(COLLECTIONS).json()) == 1
    problem(reader.post(COLLECTIONS, json={"name": "B"}), 403)
    problem(server.client(make_key(server, user["email"], "posts:read")).get(COLLECTIONS), 403)
    house = mine.post("/api/v1/organisations", json={"name": "Une maison"}).json()["id"]
    key = mine.post("/api/v1/keys", json={"name": "k", "scopes": ["*"], "organisation_id": house})
    if key.status_code == 201:
        problem(server.client(key.json()["key"]).get(COLLECTIONS), 403)


# -- collections --------------------------------------------------------------------------------------


def test_a_collection_from_its_making_to_its_end(listener, maker):
    made = make_collection(listener, "Budget", description="Lois de finances", color="#1a2b3c", icon="book",
                           sort_order=3)
    assert set(made) == {"id", "name", "description", "user_id", "is_public", "is_default", "color", "icon",
                         "sort_order", "debate_count", "view_count", "metadata", "created_at", "updated_at"}
    assert (made["name"], made["description"], made["color"], made["icon"], made["sort_order"]) == \
        ("Budget", "Lois de finances", "#1a2b3c", "book", 3)
    assert (made["is_public"], made["is_default"], made["debate_count"], made["metadata"]) == (False, False, 0, {})
    path = COLLECTIONS + made["id"]

    first, second = (make_debate(maker)["id"] for _ in range(2))
    for one in (first, second):
        answer = listener.post(f"{path}/debates/{one}")
        assert answer.status_code == 200 and answer.json() == {"message": "Débat ajouté à la collection"}
    problem(listener.post(f"{path}/debates/{first}"), 409, "Ce débat est déjà dans la collection")
    detail = listener.get(path).json()
    assert [d["id"] for d in detail["debates"]] == [first, second]
    assert detail["debate_count"] == detail["actual_debate_count"] == 2
    assert detail["debates"][0]["display_duration"] and "audio_files" in detail["debates"][0]

    changed = listener.put(path, json={"name": "Budget 2027", "description": None, "metadata": {"a": 1}})
    assert changed.status_code == 200, changed.text
    changed = changed.json()
    assert (changed["name"], changed["description"], changed["color"], changed["metadata"], changed["debate_count"]) \
        == ("Budget 2027", None, "#1a2b3c", {"a": 1}, 2)
    assert changed["updated_at"] > made["updated_at"]

    assert listener.delete(f"{path}/debates/{first}").json() == {"message": "Débat retiré de la collection"}
    problem(listener.delete(f"{path}/debates/{first}"), 404)
    assert listener.get(path).json()["debate_count"] == 1
    assert listener.delete(path).json() == {"message": "Collection supprimée"}
    problem(listener.get(path), 404, f"Collection {made['id']} non trouvée")
    problem(listener.delete(path), 404)
    assert maker.get(f"/api/debates/{second}").status_code == 200


def test_older_clients_say_it_in_the_query(listener):
    answer = listener.post(COLLECTIONS, params={"name": "Été", "description": "d", "is_public": "true",
                                                "color": "red", "icon": "sun", "sort_order": "-2"})
    assert answer.status_code == 200, answer.text
    made = answer.json()
    assert (made["name"], made["description"], made["is_public"], made["color"], made["icon"], made["sort_order"]) \
        == ("Été", "d", True, "red", "sun", -2)
    changed = listener.put(COLLECTIONS + made["id"], params={"name": "Hiver", "is_public": "false"}).json()
    assert (changed["name"], changed["is_public"], changed["description"]) == ("Hiver", False, "d")
    both = listener.put(COLLECTIONS + made["id"], params={"name": "Query"}, json={"name": "Body"}).json()
    assert both["name"] == "Body"
    # What was read may be sent back as a whole.
    assert listener.put(COLLECTIONS + made["id"], json=both).status_code == 200


@pytest.mark.parametrize("body, field", [
    ({}, "name"), ({"name": ""}, "name"), ({"name": "   "}, "name"), ({"name": "x" * 201}, "name"),
    ({"name": 7}, "name"), ({"name": None}, "name"), ({"name": "a", "is_public": "oui"}, "is_public"),
    ({"name": "a", "sort_order": 10**9}, "sort_order"), ({"name": "a", "color": "x" * 33}, "color"),
    ({"name": "a", "metadata": [1]}, "metadata"), ({"name": "a", "description": "x" * 2001}, "description"),
])
def test_a_bad_collection_names_its_field_and_changes_nothing(device, body, field):
    refused = problem(device.post(COLLECTIONS, json=body), 422)
    assert [e["field"] for e in refused["errors"]] == [field]
    made = make_collection(device, "Bonne")
    if body:
        assert problem(device.put(COLLECTIONS + made["id"], json=body), 422)["errors"][0]["field"] == field
    assert device.get(COLLECTIONS + made["id"]).json()["name"] == "Bonne"
    assert len(device.get(COLLECTIONS).json()) == 1


def test_a_body_that_is_too_large_or_not_json_is_refused(device):
    problem(device.post(COLLECTIONS, json={"name": "a", "metadata": {"a": "x" * 70000}}), 413)
    problem(device.post(COLLECTIONS, data=b'{"name": "\xff"}', headers={"Content-Type": "application/json"}), 400)
    problem(device.post(COLLECTIONS, data=b'{"name": "a"', headers={"Content-Type": "application/json"}), 400)
    problem(device.post(COLLECTIONS, data="name=a", headers={"Content-Type": "application/x-www-form-urlencoded"}), 415)
    problem(device.post(COLLECTIONS + "?name=%FF"), 400)
    problem(device.post(COLLECTIONS + "?name=a&sort_order=many"), 422)
    assert device.get(COLLECTIONS).json() == []


def test_a_key_of_a_device_is_nothing_to_another(server, device):
    """Behind one address, the same Idempotency-Key and user_id, but not the secret."""
    key = {"Idempotency-Key": "listener-1"}
    made = device.post(COLLECTIONS, json={"name": "Une"}, headers=key)
    again = device.post(COLLECTIONS, json={"name": "Une"}, headers=key)
    assert again.json() == made.json() and again.headers["Idempotency-Replayed"] == "true"
    for secret in ({}, {"X-Device-Secret": "ds_guessed"}):
        answer = server.client().post(COLLECTIONS, json={"name": "Une"}, params=device.params, headers=key | secret)
        assert answer.status_code in (401, 422) and made.json()["id"] not in answer.text
    assert len(device.get(COLLECTIONS).json()) == 1


def test_to_others_a_private_collection_is_not_there(listener, other, client, debate):
    path = COLLECTIONS + make_collection(listener)["id"]
    listener.post(f"{path}/debates/{debate}")
    for stranger in (other, client):
        problem(stranger.get(path), 404)
    for method, address in (("PUT", path), ("DELETE", path), ("POST", f"{path}/debates/{debate}"),
                            ("DELETE", f"{path}/debates/{debate}")):
        body = {"json": {"name": "à moi"}} if method == "PUT" else {}
        problem(other.request(method, address, **body), 404)
        problem(client.request(method, address, **body), 401)
    detail = listener.get(path).json()
    assert detail["name"] == "À écouter" and detail["debate_count"] == 1
    assert other.get(COLLECTIONS).json() == []


def test_a_public_collection_is_read_by_anybody_and_changed_by_nobody_else(listener, other, client, debate):
    made = make_collection(listener, "Publique", is_public=True)
    path = COLLECTIONS + made["id"]
    listener.post(f"{path}/debates/{debate}")
    for stranger in (other, client):
        seen = stranger.get(path).json()
        assert seen["name"] == "Publique" and seen["debates"][0]["id"] == debate and seen["user_id"] is None
    problem(other.put(path, json={"name": "à moi"}), 404)
    problem(other.delete(path), 404)
    found = {c["id"]: c for c in client.get(COLLECTIONS).json()}
    assert found[made["id"]]["user_id"] is None
    assert made["id"] in {c["id"] for c in other.get(COLLECTIONS, params={"public": "true"}).json()}
    assert listener.get(path).json()["user_id"] == made["user_id"]
    listener.put(path, json={"is_public": False})
    problem(client.get(path), 404)
    assert made["id"] not in {c["id"] for c in client.get(COLLECTIONS).json()}


def test_views_are_counted(device, client):
    path = COLLECTIONS + make_collection(device, is_public=True)["id"]
    assert device.get(path).json()["view_count"] == 1
    assert client.head(path).status_code == 200
    assert at_once([client] * 8, lambda c: c.get(path)) == [200] * 8
    assert client.get(path).json()["view_count"] == 10


def test_the_usual_collection_is_one(server, device):
    ids = [make_collection(device, f"n{i}", is_default=True)["id"] for i in range(3)]
    shown = {c["id"]: c["is_default"] for c in device.get(COLLECTIONS).json()}
    assert shown == {ids[0]: False, ids[1]: False, ids[2]: True}
    clients = [device] * 6
    assert at_once(clients, lambda c: c.post(COLLECTIONS, json={"name": "x", "is_default": True})) == [200] * 6
    device.put(COLLECTIONS + ids[0], json={"is_default": True})
    assert [c["id"] for c in device.get(COLLECTIONS).json() if c["is_default"]] == [ids[0]]


def test_lists_come_in_order_and_in_pages(device):
    names = [make_collection(device, f"c{i}", sort_order=-i)["name"] for i in range(7)]
    whole = device.get(COLLECTIONS)
    assert [c["name"] for c in whole.json()] == names[::-1] and whole.headers["X-Total-Count"] == "7"
    pages = [device.get(COLLECTIONS, params={"per_page": 3, "page": p}).json() for p in (1, 2, 3, 4)]
    assert [c["name"] for page in pages for c in page] == names[::-1] and [len(p) for p in pages] == [3, 3, 1, 0]
    answer = device.get(COLLECTIONS, params={"per_page": 3})
    seen = [c["name"] for c in answer.json()]
    while "next" in answer.links:
        answer = device.get(answer.links["next"]["url"])
        seen += [c["name"] for c in answer.json()]
    assert seen == names[::-1]
    for bad in ({"page": 0}, {"per_page": 201}, {"per_page": "x"}):
        problem(device.get(COLLECTIONS, params=bad), 422)
    problem(device.get(COLLECTIONS, params={"cursor": "forged"}), 400)


def test_what_is_missing_is_said(device, debate):
    missing = "00000000-0000-4000-8000-000000000000"
    path = COLLECTIONS + make_collection(device)["id"]
    problem(device.get(COLLECTIONS + missing), 404, f"Collection {missing} non trouvée")
    problem(device.post(f"{COLLECTIONS}{missing}/debates/{debate}"), 404, f"Collection {missing} non trouvée")
    problem(device.post(f"{path}/debates/{missing}"), 404, f"Débat {missing} non trouvé")
    problem(device.delete(f"{path}/debates/{debate}"), 404, "Ce débat n'est pas dans la collection")


def test_the_number_of_debates_is_right_whatever_happens(server, device, maker):
    """Added and taken away by many at once, debates erased: debate_count is what counting finds."""
    path = COLLECTIONS + make_collection(device)["id"]
    ids = [make_debate(maker)["id"] for _ in range(6)]
    acts = [(method, one) for one in ids for method in ("POST", "POST", "POST", "DELETE")]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(lambda a: device.request(a[0], f"{path}/debates/{a[1]}").status_code, acts))
    assert set(statuses) <= {200, 404, 409}
    added = sum(s == 200 and a[0] == "POST" for s, a in zip(statuses, acts))
    taken = sum(s == 200 and a[0] == "DELETE" for s, a in zip(statuses, acts))
    detail = device.get(path).json()
    rows = count(server, "collection_debates WHERE collection_n = "
                         f"(SELECT n FROM collections WHERE id = '{path.split('/')[-1]}')")
    assert detail["debate_count"] == detail["actual_debate_count"] == len(detail["debates"]) == rows == added - taken
    gone = detail["debates"][0]["id"] if detail["debates"] else None
    if gone:
        assert maker.delete(f"/api/debates/{gone}").status_code == 200
        detail = device.get(path).json()
        assert detail["debate_count"] == detail["actual_debate_count"] == len(detail["debates"]) == rows - 1
        assert device.get(COLLECTIONS).json()[0]["debate_count"] == rows - 1


def test_a_listener_may_have_so_many_collections(server, device):
    make_collection(device)
    fill = "INSERT INTO collections (id, owner, user_id, name, created_at, updated_at) " \
           "SELECT 'f' || x.i, c.owner, c.user_id, 'n', c.created_at, c.updated_at FROM collections c, {} x " \
           f"WHERE c.user_id = '{device.params['user_id']}'"
    numbers = "(SELECT generate_series(1, 198) AS i)" if server.database else \
        "(WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < 198) SELECT i FROM s)"
    database(server, fill.format(numbers))
    statuses = at_once([device] * 5, lambda c: c.post(COLLECTIONS, json={"name": "x"}))
    assert statuses == [200, 409, 409, 409, 409]
    problem(device.post(COLLECTIONS, json={"name": "x"}), 409, "Au plus 200 collections")


# -- favourites ---------------------------------------------------------------------------------------


def test_a_favourite_from_its_making_to_its_end(listener, maker):
    debate = make_debate(maker)["id"]
    answer = listener.post(FAVORITES + debate, json={"note": "à finir", "tags": ["budget"],
                                                     "last_position_seconds": 61, "progress_percentage": 12.5})
    assert answer.status_code == 200, answer.text
    made = answer.json()
    assert made["message"] == "Débat ajouté aux favoris"
    problem(listener.post(FAVORITES + debate), 409, "Ce débat est déjà dans les favoris")
    (shown,) = listener.get(FAVORITES).json()
    assert set(shown) == {"id", "user_id", "debate_id", "note", "tags", "last_position_seconds",
                          "progress_percentage", "watch_count", "created_at", "updated_at", "debate"}
    assert (shown["id"], shown["debate_id"], shown["note"], shown["tags"], shown["last_position_seconds"],
            shown["progress_percentage"], shown["watch_count"]) == \
        (made["id"], debate, "à finir", ["budget"], 61, 12.5, 0)
    assert shown["debate"]["id"] == debate and shown["debate"]["display_duration"]

    moved = listener.put(FAVORITES + debate, json={"last_position_seconds": 700}).json()
    assert (moved["last_position_seconds"], moved["progress_percentage"], moved["note"]) == (700, 12.5, "à finir")
    assert listener.put(FAVORITES + debate, json={"note": None, "tags": []}).json()["note"] is None
    assert listener.get(FAVORITES + debate).json()["tags"] == []
    assert listener.delete(FAVORITES + debate).json() == {"message": "Débat retiré des favoris"}
    problem(listener.delete(FAVORITES + debate), 404, "Ce débat n'est pas dans les favoris")
    problem(listener.put(FAVORITES + debate, json={}), 404)
    assert listener.get(FAVORITES).json() == []


def test_older_clients_mark_by_the_query(device, debate):
    made = device.post(FAVORITES + debate, params={"note": "n", "last_position_seconds": "5",
                                                   "progress_percentage": "1.5", "tags": "a,b"}).json()
    assert (made["note"], made["last_position_seconds"], made["progress_percentage"], made["tags"]) == \
        ("n", 5, 1.5, ["a", "b"])


def test_it_counts_how_often_a_debate_was_heard_to_its_end(device, debate):
    device.post(FAVORITES + debate)
    heard = [device.put(FAVORITES + debate, json={"progress_percentage": p}).json()["watch_count"]
             for p in (50, 94.9, 95, 99, 100, 3, 96)]
    assert heard == [0, 0, 1, 1, 1, 1, 2]
    device.delete(FAVORITES + debate)
    assert device.post(FAVORITES + debate, json={"progress_percentage": 100}).json()["watch_count"] == 1


def test_two_who_mark_at_once_make_one_row(server, listener, maker):
    for _ in range(5):
        debate = make_debate(maker)["id"]
        assert at_once([listener] * 4, lambda c: c.post(FAVORITES + debate)) == [200, 409, 409, 409]
        assert count(server, f"favorites f JOIN debates d ON d.n = f.debate_n WHERE d.id = '{debate}'") == 1
        assert at_once([listener] * 4, lambda c: c.delete(FAVORITES + debate)) == [200, 404, 404, 404]


@pytest.mark.parametrize("body, field", [
    ({"last_position_seconds": -1}, "last_position_seconds"), ({"last_position_seconds": 1.5}, "last_position_seconds"),
    ({"last_position_seconds": 604801}, "last_position_seconds"), ({"progress_percentage": 100.5}, "progress_percentage"),
    ({"progress_percentage": "half"}, "progress_percentage"), ({"note": "x" * 2001}, "note"), ({"tags": "a"}, "tags"),
    ({"tags": ["x"] * 21}, "tags"), ({"tags": ["x" * 51]}, "tags.0"),
])
def test_a_bad_favourite_names_its_field_and_changes_nothing(device, debate, body, field):
    assert [e["field"] for e in problem(device.post(FAVORITES + debate, json=body), 422)["errors"]] == [field]
    assert device.get(FAVORITES).json() == []
    device.post(FAVORITES + debate, json={"note": "n"})
    problem(device.put(FAVORITES + debate, json=body), 422)
    kept = device.get(FAVORITES + debate).json()
    assert (kept["note"], kept["tags"], kept["last_position_seconds"], kept["progress_percentage"]) == ("n", [], 0, 0)


def test_favourites_are_their_listeners_own(device, other, client, debate):
    device.post(FAVORITES + debate)
    assert other.get(FAVORITES).json() == []
    problem(other.get(FAVORITES + debate), 404)
    problem(other.put(FAVORITES + debate, json={"note": "x"}), 404)
    problem(other.delete(FAVORITES + debate), 404)
    for method in ("GET", "POST", "PUT", "DELETE"):
        problem(client.request(method, FAVORITES + debate, **({"json": {}} if method in ("POST", "PUT") else {})), 401)
    missing = "00000000-0000-4000-8000-000000000000"
    problem(device.post(FAVORITES + missing), 404, f"Débat {missing} non trouvé")
    assert len(device.get(FAVORITES).json()) == 1


def test_favourites_go_with_their_debate_and_come_in_pages(device, maker):
    ids = [make_debate(maker)["id"] for _ in range(5)]
    for one in ids:
        device.post(FAVORITES + one)
    assert [f["debate_id"] for f in device.get(FAVORITES).json()] == ids[::-1]
    answer = device.get(FAVORITES, params={"per_page": 2})
    assert answer.headers["X-Total-Count"] == "5"
    seen = [f["debate_id"] for f in answer.json()]
    newer = make_debate(maker)["id"]
    device.post(FAVORITES + newer)  # does not shift what follows
    while "next" in answer.links:
        answer = device.get(answer.links["next"]["url"])
        seen += [f["debate_id"] for f in answer.json()]
    assert seen == ids[::-1]
    assert maker.delete(f"/api/debates/{ids[2]}").status_code == 200
    assert [f["debate_id"] for f in device.get(FAVORITES).json()] == [newer, ids[4], ids[3], ids[1], ids[0]]


# -- activities and erasure ---------------------------------------------------------------------------


def test_what_a_listener_did_is_kept_once_of_each(device, other, maker):
    first, second = (make_debate(maker) for _ in range(2))
    device.post(FAVORITES + first["id"])
    for one, at in ((first, 10), (second, 20), (first, 30)):
        answer = device.post("/api/activities", json={"kind": "play", "debate_id": one["id"], "position_seconds": at})
        assert answer.status_code == 200 and answer.json() == {"message": "Activité notée"}
    done = device.get("/api/activities").json()
    assert [(a["kind"], a["debate_id"]) for a in done] == \
        [("play", first["id"]), ("play", second["id"]), ("favorite_add", first["id"])]
    assert done[0]["data"] == {"position_seconds": 30} and done[0]["debate_title"] == first["title"]
    assert [a["kind"] for a in device.get("/api/activities", params={"kind": "favorite_add"}).json()] == ["favorite_add"]
    assert other.get("/api/activities").json() == []
    problem(device.post("/api/activities", json={"kind": "sing", "debate_id": first["id"]}), 422)
    problem(device.post("/api/activities", json={"kind": "play", "debate_id": "x"}), 404)
    assert device.delete("/api/activities").json() == {"message": "Historique effacé"}
    assert device.get("/api/activities").json() == []


def test_only_the_latest_activities_stay(server, device, debate):
    device.post(FAVORITES + debate)
    fill = "INSERT INTO user_activities (owner, kind, created_at) SELECT a.owner, 'old', a.created_at " \
           "FROM user_activities a, {} x WHERE a.owner = " \
           f"(SELECT 'd:' || id FROM devices WHERE user_id = '{device.params['user_id']}')"
    database(server, fill.format(
        "(SELECT generate_series(1, 250) AS i)" if server.database else
        "(WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < 250) SELECT i FROM s)"))
    device.post("/api/activities", json={"kind": "play", "debate_id": debate})
    answer = device.get("/api/activities", params={"per_page": 200})
    assert answer.headers["X-Total-Count"] == "200" and answer.json()[0]["kind"] == "play"


def test_a_listener_erases_what_is_kept(server, listener, other, debate):
    make_collection(listener)
    listener.post(FAVORITES + debate)
    other.post(FAVORITES + debate)
    kept = listener.get("/api/devices/me").json()
    assert (kept["collections"], kept["favorites"], kept["activities"], kept["alerts"]) == (1, 1, 2, 0)
    assert listener.delete("/api/devices/me").json() == {"message": "Données effacées"}
    if "user_id" in listener.params:
        problem(listener.get(FAVORITES), 401)  # the device is no more
        assert count(server, f"devices WHERE user_id = '{listener.params['user_id']}'") == 0
    else:
        assert listener.get("/api/devices/me").json()["favorites"] == 0
    assert count(server, f"favorites WHERE user_id = '{kept['user_id']}'") == 0
    assert count(server, f"collections WHERE user_id = '{kept['user_id']}'") == 0
    assert len(other.get(FAVORITES).json()) == 1


def test_what_nobody_owns_any_more_is_cleaned_up(server, admin_client, debate):
    old = "now() - interval '31 days'" if server.database else "0"
    kept, unused, fresh = (make_device(server) for _ in range(3))
    kept.post(FAVORITES + debate)
    person = register_user(server)
    user = server.client(person["access_token"])
    user.post(FAVORITES + debate)
    make_collection(user)
    names = ", ".join(f"'{d.params['user_id']}'" for d in (kept, unused))
    database(server, f"UPDATE devices SET seen_at = {old} WHERE user_id IN ({names})")
    uid = user.get("/api/devices/me").json()["user_id"]
    erased = user.post("/api/v1/users/delete-account", json={"email": person["email"]})
    assert erased.status_code in (200, 204), erased.text
    run_job(server, admin_client, "robian.listeners_purge")
    assert len(kept.get(FAVORITES).json()) == 1
    problem(unused.get(FAVORITES), 401)
    assert fresh.get(FAVORITES).json() == []
    assert count(server, f"favorites WHERE user_id = '{uid}'") == 0
    assert count(server, f"collections WHERE user_id = '{uid}'") == 0
