"""The base without any product: accounts are there for whatever product comes, and no product's own
routes are. What accounts do in detail is in test_auth.py and test_accounts.py."""

import pytest
from harness import Server, make_key, problem, register_user, run_cli, token

ME = "/api/v1/auth/me"


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("base"), PRODUCTS="none")
    try:
        yield server.start()
    finally:
        server.close()


def test_no_product_answers(base):
    problem(base.client(token(base)).get("/api/v1/posts"), 404)
    problem(base.client().get("/"), 404)


@pytest.mark.smoke
def test_signs_up_in_and_out(base):
    user = register_user(base)
    client = base.client()
    again = client.post("/api/v1/auth/login", json={"email": user["email"], "password": user["password"]})
    assert again.status_code == 200 and set(again.json()) == {
        "access_token", "refresh_token", "token_type", "expires_in", "user"}
    fresh = client.post("/api/v1/auth/refresh", json={"refresh_token": again.json()["refresh_token"]})
    assert fresh.status_code == 200
    client = base.client(fresh.json()["access_token"])
    assert client.get(ME).json()["email"] == user["email"]
    out = client.post("/api/v1/auth/logout", json={"refresh_token": fresh.json()["refresh_token"]})
    assert out.status_code == 204
    problem(client.get(ME), 401, "Token invalide")


def test_keys_and_organisations(base):
    user = register_user(base)
    client = base.client(user["access_token"])
    made = client.post("/api/v1/keys", json={"name": "x", "scopes": ["organisations:*"]})
    assert made.status_code == 201
    assert base.client(made.json()["key"]).post("/api/v1/organisations", json={"name": "y"}).status_code == 201
    assert base.client(make_key(base, user["email"])).get("/api/v1/organisations").json()[0]["name"] == "y"


def test_other_services_say_what_to_set(base):
    for provider, setting in (("google", "GOOGLE_CLIENT_ID"), ("instagram", "IG_APP_ID"),
                              ("facebook", "FB_APP_ID"), ("tiktok", "TIKTOK_CLIENT_KEY")):
        for end in ("start", "callback"):
            answer = problem(base.client().get(f"/api/v1/auth/{provider}/{end}"), 501)
            assert setting in answer["detail"]


def test_an_account_is_erased(base):
    user = register_user(base)
    client = base.client(user["access_token"])
    assert client.get("/api/v1/auth/accounts/connected").json() == {"accounts": []}
    problem(client.delete("/api/v1/auth/accounts/1"), 404, "Compte non trouvé")
    problem(client.post("/api/v1/users/delete-account", json={"email": "another@example.org"}), 403)
    assert client.post("/api/v1/users/delete-account", json={"email": user["email"]}).status_code == 200
    problem(client.get(ME), 401, "Utilisateur introuvable")


def test_an_organisation_outlives_its_owner_or_goes_with_the_last_member(base):
    ada, bob = register_user(base), register_user(base)
    by_ada, by_bob = base.client(ada["access_token"]), base.client(bob["access_token"])
    shared = by_ada.post("/api/v1/organisations", json={"name": "shared"}).json()["id"]
    by_ada.post(f"/api/v1/organisations/{shared}/members", json={"email": bob["email"]})
    assert by_ada.post("/api/v1/users/delete-account", json={"email": ada["email"]}).status_code == 200
    assert by_bob.get(f"/api/v1/organisations/{shared}").json()["role"] == "owner"


def test_none_is_no_product_beside_others():
    assert "`none`" in run_cli("routes", "--products", "none,veyl", code=2).stderr
