"""API keys and organisations over HTTP."""

import datetime

import pytest
from harness import make_user, problem, token


@pytest.fixture(scope="module")
def people(server):
    """Four signed-in people: (client, user) by name."""
    made = {}
    for name in ("ada", "bob", "eve", "mallory"):
        user = make_user(server)
        made[name] = (server.client(token(server, user=user)), user)
    yield made
    for client, _ in made.values():
        client.close()


@pytest.fixture
def organisation(people):
    answer = people["ada"][0].post("/api/v1/organisations", json={"name": "  Analytical Engines "})
    assert answer.status_code == 201, answer.text
    return f"/api/v1/organisations/{answer.json()['id']}"


def add(people, organisation, name, role="member", by="ada"):
    return people[by][0].post(f"{organisation}/members", json={"email": people[name][1]["email"], "role": role})


# -- keys -------------------------------------------------------------------------------------------


@pytest.mark.smoke
def test_a_key_is_shown_once_and_revoked_at_once(server, people):
    ada = people["ada"][0]
    made = ada.post("/api/v1/keys", json={"name": " ci ", "scopes": ["organisations:read", "search"]})
    assert made.status_code == 201, made.text
    key = made.json()
    assert key["key"].startswith("sk_") and key["key"].startswith(key["hint"]) and len(key["hint"]) < 12
    assert key["name"] == "ci" and key["scopes"] == ["organisations:read", "search"] and key["expires_at"] is None
    assert made.headers["Cache-Control"] == "no-store"
    listed = ada.get("/api/v1/keys")
    assert listed.status_code == 200 and listed.headers["X-Total-Count"] == str(len(listed.json()))
    assert key["id"] in [k["id"] for k in listed.json()] and key["key"] not in listed.text
    assert server.client(key["key"]).get("/api/v1/organisations").status_code == 200
    assert ada.delete(f"/api/v1/keys/{key['id']}").status_code == 204
    problem(server.client(key["key"]).get("/api/v1/organisations"), 401, "Token invalide")
    problem(ada.delete(f"/api/v1/keys/{key['id']}"), 404)


def test_a_key_can_expire(server, people):
    ada = people["ada"][0]
    soon = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=1)
    made = ada.post("/api/v1/keys", json={"name": "x", "scopes": ["*"], "expires_at": soon.isoformat()})
    assert made.status_code == 201 and made.json()["expires_at"].startswith(soon.strftime("%Y-%m-%dT%H:%M"))
    past = problem(ada.post("/api/v1/keys", json={"name": "x", "scopes": ["*"],
                                                  "expires_at": "2020-01-01T00:00:00Z"}), 422)
    assert past["errors"][0]["field"] == "expires_at"


@pytest.mark.parametrize("body, field", [
    ({"scopes": ["*"]}, "name"),
    ({"name": "x"}, "scopes"),
    ({"name": "x", "scopes": []}, "scopes"),
    ({"name": "x", "scopes": ["no such thing"]}, "scopes"),
    ({"name": "x", "scopes": "posts:read"}, "scopes"),
    ({"name": "x", "scopes": ["*"], "expires_at": "soon"}, "expires_at"),
])
def test_a_bad_key_names_its_field(people, body, field):
    answer = problem(people["ada"][0].post("/api/v1/keys", json=body), 422)
    assert field in answer["errors"][0]["field"]


def test_keys_are_their_owners_alone_and_keys_make_no_keys(server, people):
    ada, mallory = people["ada"][0], people["mallory"][0]
    key = ada.post("/api/v1/keys", json={"name": "x", "scopes": ["*"]}).json()
    problem(mallory.delete(f"/api/v1/keys/{key['id']}"), 404)
    assert key["id"] not in [k["id"] for k in mallory.get("/api/v1/keys").json()]
    by_key = server.client(key["key"])
    problem(by_key.post("/api/v1/keys", json={"name": "y", "scopes": ["*"]}), 403)
    problem(by_key.get("/api/v1/keys"), 403)
    problem(by_key.delete(f"/api/v1/keys/{key['id']}"), 403)
    problem(server.client().get("/api/v1/keys"), 401, "Token manquant")


# -- organisations ----------------------------------------------------------------------------------


@pytest.mark.smoke
def test_who_founds_an_organisation_owns_it(people, organisation):
    ada = people["ada"][0]
    one = ada.get(organisation)
    assert one.status_code == 200
    assert one.json()["name"] == "Analytical Engines" and one.json()["role"] == "owner"
    assert one.json()["id"] in [o["id"] for o in ada.get("/api/v1/organisations?limit=200").json()]
    renamed = ada.patch(organisation, json={"name": "Difference Engines"})
    assert renamed.status_code == 200 and renamed.json()["name"] == "Difference Engines"
    problem(ada.patch(organisation, json={"name": "  "}), 422)
    assert ada.delete(organisation).status_code == 204
    problem(ada.get(organisation), 404)


def test_a_foreign_organisation_answers_like_an_absent_one(people, organisation):
    mallory = people["mallory"][0]
    absent = "/api/v1/organisations/999999"
    for method, path, body in (("GET", "", None), ("PATCH", "", {"name": "x"}), ("DELETE", "", None),
                               ("GET", "/members", None), ("DELETE", "/members/1", None),
                               ("POST", "/members", {"email": people["mallory"][1]["email"], "role": "owner"})):
        answers = [problem(mallory.request(method, root + path, json=body), 404) for root in (organisation, absent)]
        assert answers[0]["detail"] == answers[1]["detail"]
    assert mallory.get("/api/v1/organisations").json() == []


def test_roles_say_who_may_do_what(people, organisation):
    assert add(people, organisation, "bob").status_code == 201
    assert add(people, organisation, "eve", "admin").status_code == 201
    bob, eve, ada = people["bob"][0], people["eve"][0], people["ada"][0]
    ids = {m["email"]: m["user_id"] for m in bob.get(f"{organisation}/members").json()}
    assert len(ids) == 3
    problem(bob.patch(organisation, json={"name": "x"}), 403)
    problem(add(people, organisation, "mallory", by="bob"), 403)
    assert eve.patch(organisation, json={"name": "Engines"}).status_code == 200
    problem(add(people, organisation, "mallory", "owner", by="eve"), 403)
    problem(eve.delete(f"{organisation}/members/{ids[people['ada'][1]['email']]}"), 403)
    problem(eve.patch(f"{organisation}/members/{ids[people['ada'][1]['email']]}", json={"role": "member"}), 403)
    problem(eve.delete(organisation), 403)
    assert eve.delete(f"{organisation}/members/{ids[people['bob'][1]['email']]}").status_code == 204
    problem(bob.get(organisation), 404)
    changed = ada.patch(f"{organisation}/members/{ids[people['eve'][1]['email']]}", json={"role": "owner"})
    assert changed.status_code == 200 and changed.json()["role"] == "owner"


def test_members_are_added_once_and_must_exist(people, organisation):
    assert add(people, organisation, "bob").status_code == 201
    problem(add(people, organisation, "bob"), 409)
    ada = people["ada"][0]
    problem(ada.post(f"{organisation}/members", json={"email": "nobody@example.org"}), 404, "Utilisateur introuvable")
    problem(ada.post(f"{organisation}/members", json={"email": people["eve"][1]["email"], "role": "king"}), 422)
    problem(ada.post(f"{organisation}/members", json={}), 422)


def test_the_last_owner_stays(people, organisation):
    ada = people["ada"][0]
    me = f"{organisation}/members/{people['ada'][1]['id']}"
    problem(ada.delete(me), 409)
    problem(ada.patch(me, json={"role": "member"}), 409)
    assert add(people, organisation, "bob", "owner").status_code == 201
    assert ada.delete(me).status_code == 204
    problem(ada.get(organisation), 404)


def test_a_member_may_leave(people, organisation):
    assert add(people, organisation, "bob").status_code == 201
    bob, user = people["bob"]
    assert bob.delete(f"{organisation}/members/{user['id']}").status_code == 204
    problem(bob.get(organisation), 404)


def test_lists_are_paged_with_their_total(people):
    eve = people["eve"][0]
    for i in range(3):
        assert eve.post("/api/v1/organisations", json={"name": f"Paged {i}"}).status_code == 201
    page = eve.get("/api/v1/organisations?limit=2&offset=1")
    total = int(page.headers["X-Total-Count"])
    assert len(page.json()) == 2 and total >= 3
    everything = eve.get("/api/v1/organisations?limit=200").json()
    assert len(everything) == total and page.json() == everything[1:3]
    for query in ("limit=0", "limit=201", "offset=-1", "limit=x"):
        problem(eve.get(f"/api/v1/organisations?{query}"), 422)


def test_a_key_of_an_organisation_stays_within_it(server, people, organisation):
    ada = people["ada"][0]
    other = ada.post("/api/v1/organisations", json={"name": "Other"}).json()["id"]
    key = ada.post("/api/v1/keys", json={"name": "x", "scopes": ["organisations:*"],
                                         "organisation_id": int(organisation.rsplit("/", 1)[1])})
    assert key.status_code == 201, key.text
    by_key = server.client(key.json()["key"])
    assert by_key.get(organisation).status_code == 200
    problem(by_key.get(f"/api/v1/organisations/{other}"), 404)
    assert [o["id"] for o in by_key.get("/api/v1/organisations").json()] == [int(organisation.rsplit("/", 1)[1])]
    problem(by_key.post("/api/v1/organisations", json={"name": "x"}), 403)
    problem(people["mallory"][0].post("/api/v1/keys", json={
        "name": "x", "scopes": ["*"], "organisation_id": int(organisation.rsplit("/", 1)[1])}), 404)


def test_a_key_of_an_organisation_does_not_touch_its_users_account(server, people, organisation):
    ada, user = people["ada"]
    key = ada.post("/api/v1/keys", json={"name": "x", "scopes": ["*"],
                                         "organisation_id": int(organisation.rsplit("/", 1)[1])}).json()["key"]
    by_key = server.client(key)
    for answer in (by_key.post("/api/v1/users/delete-account", json={"email": user["email"]}),
                   by_key.post("/api/v1/auth/logout", json={"everywhere": True}),
                   by_key.get("/api/v1/auth/accounts/connected"), by_key.delete("/api/v1/auth/accounts/1")):
        problem(answer, 403, "This key belongs to an organisation")
    assert ada.get("/api/v1/auth/me").json()["email"] == user["email"]
