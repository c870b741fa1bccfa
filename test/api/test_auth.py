"""Signing in: what clients see. The engine below is tested by test/unit/api/auth_test.c."""

import base64
import concurrent.futures
import hashlib
import hmac
import json
import time

import jwt
import pytest
from harness import SECRET_KEY, make_key, make_user, problem, register_user, token

ME = "/api/v1/auth/me"


def bearer(value):
    return {"Authorization": f"Bearer {value}"}


def claims(value):
    return jwt.decode(value, SECRET_KEY, algorithms=["HS256"])


@pytest.mark.smoke
def test_registers_logs_in_and_says_who_one_is(server, client):
    user = register_user(server, "Ada@Example.org")
    assert user["token_type"] == "bearer" and user["expires_in"] == 1800
    assert user["user"]["email"] == "ada@example.org" and "password_hash" not in user["user"]
    again = client.post("/api/v1/auth/login", json={"email": " ADA@example.org", "password": user["password"]})
    assert again.status_code == 200
    me = client.get(ME, headers=bearer(again.json()["access_token"]))
    assert me.status_code == 200
    assert me.json()["id"] == user["user"]["id"] and me.json()["role"] == "user" and me.json()["is_active"] is True


def test_the_access_token_is_a_plain_jwt(server):
    user = register_user(server)
    header = jwt.get_unverified_header(user["access_token"])
    assert header["alg"] == "HS256" and header["kid"]
    c = claims(user["access_token"])
    assert c["sub"] == str(user["user"]["id"]) and c["role"] == "user" and c["jti"]
    assert c["exp"] - c["iat"] == 1800 and abs(c["iat"] - time.time()) < 60


def test_a_taken_address_is_refused(server, client):
    user = register_user(server)
    answer = client.post("/api/v1/auth/register",
                         json={"email": user["email"].upper(), "password": "another one", "name": "X"})
    problem(answer, 400, "Email déjà utilisé")


@pytest.mark.parametrize("body, field", [
    ({"password": "long enough", "name": "X"}, "email"),
    ({"email": "nonsense", "password": "long enough", "name": "X"}, "email"),
    ({"email": "x@example.org", "password": "short", "name": "X"}, "password"),
    ({"email": "x@example.org", "password": "x" * 129, "name": "X"}, "password"),
    ({"email": "x@example.org", "password": "long enough", "name": "   "}, "name"),
    ({"email": "x@example.org", "password": "long enough", "name": "x" * 101}, "name"),
    ({"email": 7, "password": "long enough", "name": "X"}, "email"),
])
def test_a_bad_registration_names_its_field(client, body, field):
    answer = problem(client.post("/api/v1/auth/register", json=body), 422)
    assert [e["field"] for e in answer["errors"]] == [field]


def test_without_a_token_with_a_bad_one_and_without_the_user(server, client):
    problem(client.get(ME), 401, "Token manquant")
    assert "Bearer" in client.get(ME).headers["WWW-Authenticate"]
    for value in ("Bearer", "Bearer ", "Bearer x", "Bearer a.b.c", "Basic YTpi", "x", "Bearer sk_unknown",
                  "Bearer " + "x" * 5000):
        problem(client.get(ME, headers={"Authorization": value}), 401, "Token invalide")
    user = make_user(server)
    value = token(server, user=user)
    assert client.get(ME, headers=bearer(value)).status_code == 200
    server.cli("user", "delete", user["email"])
    problem(client.get(ME, headers=bearer(value)), 401, "Utilisateur introuvable")


def test_tokens_we_did_not_make_are_refused(server, client):
    good = register_user(server)["access_token"]
    head, body, _ = good.split(".")
    kid = jwt.get_unverified_header(good)["kid"]
    payload = claims(good)

    def sign(header, payload, key=SECRET_KEY, digest=hashlib.sha256):
        def part(value):
            return base64.urlsafe_b64encode(json.dumps(value, separators=(",", ":")).encode()).rstrip(b"=").decode()
        text = part(header) + "." + part(payload)
        mac = hmac.new(key.encode(), text.encode(), digest).digest()
        return text + "." + base64.urlsafe_b64encode(mac).rstrip(b"=").decode()

    header = {"alg": "HS256", "kid": kid, "typ": "JWT"}
    assert client.get(ME, headers=bearer(sign(header, payload))).status_code == 200
    for value in (
        sign(header, payload | {"exp": int(time.time()) - 1}),
        sign(header, {k: v for k, v in payload.items() if k != "exp"}),
        sign(header, payload | {"sub": "999999"}, key="another key"),
        sign(header | {"kid": "0123456789abcdef"}, payload),
        sign(header | {"alg": "none"}, payload).rsplit(".", 1)[0] + ".",
        sign(header | {"alg": "HS512"}, payload, digest=hashlib.sha512),
        sign(header | {"alg": "RS256"}, payload),
        head + "." + body + ".",
        good + "x",
    ):
        problem(client.get(ME, headers=bearer(value)), 401, "Token invalide")


def test_wrong_passwords_and_unknown_addresses_look_the_same(server, client):
    user = register_user(server)
    a = client.post("/api/v1/auth/login", json={"email": user["email"], "password": "not this one"})
    b = client.post("/api/v1/auth/login", json={"email": "nobody@example.org", "password": "not this one"})
    first, second = problem(a, 401, "Email ou mot de passe incorrect"), problem(b, 401)
    for body in (first, second):
        body.pop("request_id"), body.pop("instance", None)
    assert first == second


def test_guessing_is_slowed_down_and_locked(server, client):
    user = register_user(server)
    guess = {"email": user["email"], "password": "not this one"}
    for _ in range(5):
        problem(client.post("/api/v1/auth/login", json=guess), 401)
    locked = client.post("/api/v1/auth/login", json=guess | {"password": user["password"]})
    problem(locked, 429)
    assert 1 <= int(locked.headers["Retry-After"]) <= 900


def test_log_out_ends_the_log_in_at_once(server, client):
    user = register_user(server)
    access, refresh = user["access_token"], user["refresh_token"]
    assert client.get(ME, headers=bearer(access)).status_code == 200
    out = client.post("/api/v1/auth/logout", json={"refresh_token": refresh}, headers=bearer(access))
    assert out.status_code == 204 and out.content == b""
    problem(client.get(ME, headers=bearer(access)), 401, "Token invalide")
    problem(client.post("/api/v1/auth/refresh", json={"refresh_token": refresh}), 401, "Token invalide")


@pytest.mark.parametrize("body", [None, {}, {"refresh_token": None}])
def test_log_out_ends_the_log_in_of_its_token_alone(server, client, body):
    user = make_user(server)
    here, there = (client.post("/api/v1/auth/login", json={"email": user["email"], "password": user["password"]}).json()
                   for _ in range(2))
    assert client.post("/api/v1/auth/logout", json=body, headers=bearer(here["access_token"])).status_code == 204
    problem(client.get(ME, headers=bearer(here["access_token"])), 401, "Token invalide")
    problem(client.post("/api/v1/auth/refresh", json={"refresh_token": here["refresh_token"]}), 401)
    assert client.get(ME, headers=bearer(there["access_token"])).status_code == 200


def test_log_out_ends_another_log_in_by_its_refresh_token_or_all(server, client):
    user = make_user(server)
    a, b, c, d = (client.post("/api/v1/auth/login", json={"email": user["email"], "password": user["password"]}).json()
                  for _ in range(4))

    def out(access, body):
        return client.post("/api/v1/auth/logout", json=body, headers=bearer(access))

    assert out(a["access_token"], {"refresh_token": b["refresh_token"]}).status_code == 204
    for ended in (a, b):
        problem(client.get(ME, headers=bearer(ended["access_token"])), 401, "Token invalide")
    key = make_key(server, user["email"])
    assert "refresh_token" in problem(out(key, {}), 400)["detail"]
    assert client.get(ME, headers=bearer(c["access_token"])).status_code == 200
    problem(out(c["access_token"], {"everywhere": "yes"}), 422)
    assert out(c["access_token"], {"everywhere": True}).status_code == 204
    for ended in (c, d):
        problem(client.get(ME, headers=bearer(ended["access_token"])), 401, "Token invalide")
        problem(client.post("/api/v1/auth/refresh", json={"refresh_token": ended["refresh_token"]}), 401)
    assert client.get(ME, headers=bearer(key)).status_code == 200


def test_refresh_tokens_rotate_and_a_replay_ends_the_family(server, client):
    first = register_user(server)
    second = client.post("/api/v1/auth/refresh", json={"refresh_token": first["refresh_token"]})
    assert second.status_code == 200
    second = second.json()
    assert second["refresh_token"] != first["refresh_token"] and second["user"]["email"] == first["email"]
    assert client.get(ME, headers=bearer(second["access_token"])).status_code == 200
    problem(client.post("/api/v1/auth/refresh", json={"refresh_token": first["refresh_token"]}), 401)
    problem(client.get(ME, headers=bearer(second["access_token"])), 401)
    problem(client.post("/api/v1/auth/refresh", json={"refresh_token": second["refresh_token"]}), 401)


def test_of_fifty_refreshes_at_once_one_wins(server):
    user = register_user(server)

    def refresh(_):
        with server.client() as client:
            return client.post("/api/v1/auth/refresh", json={"refresh_token": user["refresh_token"]}).status_code

    with concurrent.futures.ThreadPoolExecutor(50) as pool:
        statuses = sorted(pool.map(refresh, range(50)))
    assert statuses == [200] + [401] * 49


def test_a_role_counts_from_the_next_request_on(server, client):
    user = make_user(server)
    value = token(server, user=user)
    assert client.get(ME, headers=bearer(value)).json()["role"] == "user"
    server.cli("user", "role", user["email"], "admin")
    assert client.get(ME, headers=bearer(value)).json()["role"] == "admin"
    server.cli("user", "disable", user["email"])
    problem(client.get(ME, headers=bearer(value)), 401, "Utilisateur introuvable")
    problem(client.post("/api/v1/auth/login", json={"email": user["email"], "password": user["password"]}), 401)


def test_a_new_password_ends_all_log_ins(server, client):
    user = make_user(server)
    value = token(server, user=user)
    server.cli("user", "password", user["email"], input="another password\n")
    problem(client.get(ME, headers=bearer(value)), 401)
    problem(client.post("/api/v1/auth/login", json={"email": user["email"], "password": user["password"]}), 401)
    token(server, user=user | {"password": "another password"})


def test_a_key_signs_in_within_its_scopes(server, client):
    user = make_user(server)
    everything, little = make_key(server, user["email"]), make_key(server, user["email"], "organisations:read")
    assert client.get(ME, headers=bearer(everything)).json()["email"] == user["email"]
    assert client.get("/api/v1/organisations", headers=bearer(little)).status_code == 200
    problem(client.post("/api/v1/organisations", json={"name": "x"}, headers=bearer(little)), 403)
    problem(client.get(ME, headers=bearer(little)), 403)


def test_secret_keys_rotate(make_server):
    one = make_server(SECRET_KEY="the first secret key, of 32 bytes or more")
    user = register_user(one)
    one.stop()
    one.env |= {"SECRET_KEY": "the second secret key, of 32 bytes or more",
                "SECRET_KEY_PREVIOUS": "the first secret key, of 32 bytes or more"}
    one.start()
    assert one.client(user["access_token"]).get(ME).status_code == 200
    fresh = one.client().post("/api/v1/auth/refresh", json={"refresh_token": user["refresh_token"]}).json()
    one.stop()
    one.env |= {"SECRET_KEY_PREVIOUS": ""}
    one.start()
    problem(one.client(user["access_token"]).get(ME), 401, "Token invalide")
    assert one.client(fresh["access_token"]).get(ME).status_code == 200


def test_no_secret_reaches_the_log(server):
    user = register_user(server, password="a very particular password")
    request = server.client(user["access_token"]).get(ME).headers["X-Request-ID"]
    server.wait_log(request)
    log = server.log()
    for secret in ("a very particular password", user["access_token"], user["refresh_token"]):
        assert secret not in log
