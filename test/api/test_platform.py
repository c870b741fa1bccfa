"""What every route inherits: paths, methods, media types, problems, security headers, CORS, rate limits,
Idempotency-Key, lists, settings; and that the OpenAPI document says what the server does."""

import concurrent.futures
import json
import os
import re
import socket
import struct
import time
import urllib.parse
import uuid

import jsonschema
import pytest
from harness import PATIENCE, clean_environment, make_key, make_user, redis_make, run_cli

ORGANISATIONS = "/api/v1/organisations"


@pytest.fixture(scope="module")
def key_client(server):
    """By API key, as an administrator who may everything."""
    user = make_user(server, "admin")
    with server.client(make_key(server, user["email"])) as client:
        yield client


def check_problem(answer, status, code=None):
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == status
    assert problem["type"] == f"urn:socle:problem:{problem['code']}"
    assert problem["title"] and problem["detail"]
    assert problem["request_id"] == answer.headers["X-Request-ID"]
    assert problem["instance"] == urllib.parse.unquote(urllib.parse.urlsplit(answer.url).path)
    if code:
        assert problem["code"] == code
    return problem


# -- paths and methods -------------------------------------------------------------------------------


@pytest.mark.smoke
def test_unknown_paths_are_problems(client):
    for path in ("/nothing", "/api", "/api/v1/nothing/at/all", "/ping/more", "/api//v1", "/p%C3%A9"):
        check_problem(client.get(path), 404, "not_found")


def test_a_slash_at_the_end_changes_nothing(client, key_client):
    assert client.get("/ping").status_code == client.get("/ping/").status_code == 200
    assert key_client.get(ORGANISATIONS).json() == key_client.get(ORGANISATIONS + "/").json()
    check_problem(key_client.get(f"{ORGANISATIONS}/999999/"), 404)


def test_a_method_that_is_not_there_is_405_with_what_is(client):
    answer = client.delete(ORGANISATIONS)
    check_problem(answer, 405, "method_not_allowed")
    assert answer.headers["Allow"] == "GET, HEAD, POST, OPTIONS"
    check_problem(client.request("BREW", "/ping"), 405)


def test_options_answers_by_itself(client):
    answer = client.options(f"{ORGANISATIONS}/1")
    assert answer.status_code == 204 and answer.content == b""
    assert answer.headers["Allow"] == "GET, HEAD, PATCH, DELETE, OPTIONS"


def test_head_is_get_without_its_body(client):
    get, head = client.get("/openapi.json", headers={"Accept-Encoding": "identity"}), \
        client.head("/openapi.json", headers={"Accept-Encoding": "identity"})
    assert head.status_code == 200 and head.content == b""
    for name in ("Content-Type", "Content-Length", "ETag"):
        assert head.headers[name] == get.headers[name]


# -- what every answer carries -----------------------------------------------------------------------


@pytest.mark.smoke
def test_security_headers_are_on_every_answer(client, server):
    for path in ("/ping", "/nothing", ORGANISATIONS, "/docs", "/%FF"):
        headers = client.get(path).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["X-Frame-Options"] == "DENY"
        for name in ("Referrer-Policy", "Content-Security-Policy", "Permissions-Policy"):
            assert headers[name]
        assert re.fullmatch(r"[0-9a-f]{32}", headers["X-Request-ID"])
        assert "Strict-Transport-Security" not in headers


def test_hsts_only_for_https_from_a_trusted_proxy(make_server, client):
    https = {"X-Forwarded-Proto": "https"}
    assert "Strict-Transport-Security" not in client.get("/ping", headers=https).headers
    trusting = make_server(TRUSTED_PROXIES="127.0.0.1").client()
    assert trusting.get("/ping", headers=https).headers["Strict-Transport-Security"].startswith("max-age=")
    assert "Strict-Transport-Security" not in trusting.get("/ping").headers


def test_where_https_is_required_nothing_is_done_in_the_clear(make_server):
    server = make_server(REQUIRE_HTTPS="on", TRUSTED_PROXIES="127.0.0.1")
    clear, tls = server.client(), server.client()
    tls.headers["X-Forwarded-Proto"] = "https"
    account = {"email": "ada@example.org", "password": "un mot de passe", "name": "Ada"}
    for headers in ({}, {"X-Forwarded-Proto": "http"}, {"X-Forwarded-Proto": "https, http"}):
        check_problem(clear.post("/api/v1/auth/register", json=account, headers=headers), 403, "https_required")
    check_problem(clear.get("/ws", headers={"Upgrade": "websocket"}), 403, "https_required")
    assert tls.post("/api/v1/auth/register", json=account).status_code == 200, "and nothing had been made before"
    host = server.url.removeprefix("http://").partition(":")[0]
    for path in ("/docs?x=%2F%0A&y=//evil.example", "/nothing", "//evil.example/x", ORGANISATIONS):
        led = clear.request("GET", path)
        assert led.status_code == 307 and led.headers["Location"] == f"https://{host}{path}" and not led.content
        assert led.headers["Cache-Control"] == "no-store" and "Strict-Transport-Security" not in led.headers
        assert clear.head(path).status_code == 307
    for path in ("/ping", "/healthz", "/livez", "/readyz", "/metrics"):
        assert clear.get(path).status_code == 200, "probes ask from within"


def test_where_https_is_required_people_are_led_to_the_public_address(make_server):
    server = make_server(REQUIRE_HTTPS="on", TRUSTED_PROXIES="127.0.0.1", PUBLIC_URL="https://tales.example:8443/x")
    led = server.client().request("GET", "/docs", headers={"Host": "evil.example"})
    assert led.headers["Location"] == "https://tales.example:8443/docs"


@pytest.mark.parametrize("env, says", [
    ({"REQUIRE_HTTPS": "on"}, "TRUSTED_PROXIES"), ({"REQUIRE_HTTPS": "perhaps"}, "REQUIRE_HTTPS"),
    ({"REQUIRE_HTTPS": "on", "TRUSTED_PROXIES": "127.0.0.1", "PUBLIC_URL": "http://tales.example"}, "PUBLIC_URL"),
    ({"PUBLIC_URL": "tales.example"}, "https://HOST"), ({"PUBLIC_URL": "javascript:alert(1)"}, "https://HOST")])
def test_https_that_cannot_be_had_stops_the_start(tmp_path, env, says):
    done = run_cli("serve", env=clean_environment() | {"DATA_DIR": str(tmp_path), "LISTEN": "127.0.0.1:0"} | env, code=1)
    assert says in done.stderr and next(iter(env)) in done.stderr, done.stderr


def test_a_sane_request_id_is_kept(client):
    for given, kept in (("abc-1.2_Z", True), ("x" * 128, True), ("x" * 129, False), ("a b", False),
                        ("a\tb", False), ("<script>", False)):
        got = client.get("/nothing", headers={"X-Request-ID": given}).headers["X-Request-ID"]
        assert (got == given) is kept


def test_who_is_not_signed_in_is_told_how(client):
    answer = client.get(ORGANISATIONS)
    assert check_problem(answer, 401, "unauthenticated")["detail"] == "Token manquant"
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    for header in ("Bearer nonsense", "Bearer", "Basic dTpw", "Bearer sk_" + "x" * 40, "Bearer a.b.c"):
        answer = client.get(ORGANISATIONS, headers={"Authorization": header})
        assert check_problem(answer, 401)["detail"] == "Token invalide"
        assert "invalid_token" in answer.headers["WWW-Authenticate"]


def test_a_bad_token_does_not_matter_where_none_is_needed(client):
    assert client.get("/ping", headers={"Authorization": "Bearer nonsense"}).status_code == 200
    assert client.get("/openapi.json", headers={"Authorization": "Basic x"}).status_code == 200


def test_a_key_does_only_what_its_scopes_say(server):
    user = make_user(server)
    reader = server.client(make_key(server, user["email"], "organisations:read"))
    assert reader.get(ORGANISATIONS).status_code == 200
    problem = check_problem(reader.post(ORGANISATIONS, json={"name": "x"}), 403, "forbidden")
    assert "organisations:write" in problem["detail"]
    check_problem(server.client(make_key(server, user["email"], "*")).get("/api/jobs"), 403)


# -- bodies ------------------------------------------------------------------------------------------


def post(client, body, content_type="application/json", **headers):
    return client.post(ORGANISATIONS, data=body, headers={"Content-Type": content_type} | headers)


def test_a_body_must_be_json(key_client):
    for content_type in ("text/plain", "application/x-www-form-urlencoded", "application/json; charset=iso-8859-1",
                         "application/jsonx", "json", "multipart/form-data; boundary=x"):
        check_problem(post(key_client, b'{"name":"x"}', content_type), 415, "unsupported_media_type")
    for content_type in ("application/json", "application/vnd.api+json", "Application/JSON; charset=UTF-8"):
        assert post(key_client, b'{"name":"x"}', content_type).status_code == 201


def test_json_that_is_none_is_400_with_its_place(key_client):
    for body in (b"{", b'{"name": }', b"[1,2", b'{"name":"a","name":"b"}', b'{"name":"\xff"}', b'{"name":"\xed\xa0\x80"}',
                 b"\x00", b"nul", b'{"name":"a"} x', b"\xef\xbb\xbf{}", '{"name":"a"}'.encode("utf-16")):
        problem = check_problem(post(key_client, body), 400, "bad_request")
        assert re.search(r"line \d+, column \d+", problem["detail"]), problem


def test_a_million_brackets_are_refused(key_client, client):
    for body in (b"[" * 1_000_000, b'{"a":' * 1_000_000, b"[" * 300 + b"]" * 300):
        check_problem(post(key_client, body), 400)
    assert client.get("/ping").status_code == 200


def test_bad_fields_are_named_all_at_once(key_client):
    problem = check_problem(post(key_client, json.dumps({"name": 7, "colour": "red", "taste": None})), 422,
                            "validation_error")
    assert {(e["field"], e["code"]) for e in problem["errors"]} == \
        {("name", "type"), ("colour", "unknown"), ("taste", "unknown")}
    assert all(e["message"] for e in problem["errors"])
    for body, field in ((b"", ""), (b"{}", "name"), (b"[]", ""), (b'{"name":null}', "name"), (b'{"name":""}', "name"),
                        (b'{"name":"a\\u0000b"}', None)):
        answer = post(key_client, body)
        if field is None:
            assert answer.status_code in (400, 422)
        else:
            assert check_problem(answer, 422)["errors"][0]["field"] == field


def test_a_body_over_the_limit_is_413(key_client):
    check_problem(post(key_client, b'{"name":"' + b"x" * (11 << 20) + b'"}'), 413, "too_large")


def test_accept_that_leaves_json_out_is_406(key_client):
    for accept, status in (("application/json", 200), ("*/*", 200), ("text/html, */*;q=0.1", 200), ("application/*", 200),
                           ("text/html", 406), ("application/json;q=0", 406), ("image/*", 406)):
        answer = key_client.get(ORGANISATIONS, headers={"Accept": accept})
        assert answer.status_code == status
        if status == 406:
            check_problem(answer, 406, "not_acceptable")


def test_malformed_queries_are_refused(key_client):
    for query in ("limit=%FF", "x=%C3", "limit=%00"):
        assert key_client.get(f"{ORGANISATIONS}?{query}").status_code == 400
    for query in ("limit=0", "limit=-1", "limit=abc", "limit=1e3", "limit=99999999999999999999", "limit=", "offset=-1"):
        problem = check_problem(key_client.get(f"{ORGANISATIONS}?{query}"), 422)
        assert problem["errors"][0]["field"] == query.split("=")[0]


# -- lists -------------------------------------------------------------------------------------------


def test_lists_say_how_many_there_are(server):
    client = server.client(make_key(server, make_user(server)["email"]))
    for i in range(5):
        assert client.post(ORGANISATIONS, json={"name": f"o{i}"}).status_code == 201
    answer = client.get(ORGANISATIONS, params={"limit": 2, "offset": 1})
    assert len(answer.json()) == 2 and answer.headers["X-Total-Count"] == "5"


def test_conditional_reads(key_client):
    made = key_client.post(ORGANISATIONS, json={"name": "tagged"}).json()
    path = f"{ORGANISATIONS}/{made['id']}"
    etag = key_client.get(path).headers["ETag"]
    assert re.fullmatch(r'"[^"]+"', etag)
    answer = key_client.get(path, headers={"If-None-Match": etag})
    assert answer.status_code == 304 and answer.content == b""
    assert answer.headers["X-Request-ID"] and answer.headers["ETag"] == etag
    assert key_client.patch(path, json={"name": "other"}).status_code == 200
    assert key_client.get(path, headers={"If-None-Match": etag}).status_code == 200


# -- CORS --------------------------------------------------------------------------------------------


def test_cors_follows_the_list(make_server):
    client = make_server(CORS_ORIGINS="https://app.example, https://admin.example").client()
    for origin in ("https://app.example", "https://admin.example"):
        headers = client.get("/ping", headers={"Origin": origin}).headers
        assert headers["Access-Control-Allow-Origin"] == origin
        assert headers["Access-Control-Allow-Credentials"] == "true"
        assert "Origin" in headers["Vary"]
    for origin in ("https://evil.example", "https://app.example.evil.example", "http://app.example", "null"):
        answer = client.get("/ping", headers={"Origin": origin})
        assert answer.status_code == 200
        assert "Access-Control-Allow-Origin" not in answer.headers and "Origin" in answer.headers["Vary"]


def test_preflight_is_answered_without_the_handler(make_server):
    client = make_server(CORS_ORIGINS="https://app.example").client()
    asked = {"Origin": "https://app.example", "Access-Control-Request-Method": "POST",
             "Access-Control-Request-Headers": "authorization, content-type, idempotency-key"}
    answer = client.options(ORGANISATIONS, headers=asked)
    assert answer.status_code == 204
    assert "POST" in answer.headers["Access-Control-Allow-Methods"]
    allowed = answer.headers["Access-Control-Allow-Headers"].lower()
    assert all(name in allowed for name in ("authorization", "content-type", "idempotency-key", "if-match"))
    assert int(answer.headers["Access-Control-Max-Age"]) > 0
    refused = client.options(ORGANISATIONS, headers=asked | {"Origin": "https://evil.example"})
    assert "Access-Control-Allow-Origin" not in refused.headers
    assert "Access-Control-Allow-Methods" not in refused.headers


def test_never_any_origin_with_credentials(make_server):
    headers = make_server(CORS_ORIGINS="*").client().get("/ping", headers={"Origin": "https://x.example"}).headers
    assert headers["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Credentials" not in headers


# -- rate limits -------------------------------------------------------------------------------------

FIGURES = ("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")


def burst(client, count, path="/nothing-such", **options):
    return [client.get(path, **options) for _ in range(count)]


@pytest.mark.smoke
def test_who_comes_too_often_is_told_when_to_come_back(make_server):
    server = make_server(RATE_LIMITS="on", RATE_LIMIT_DEFAULT=5, REDIS_URL="")
    client = server.client(make_key(server, make_user(server)["email"]))
    answers = burst(client, 6, ORGANISATIONS)
    assert [a.status_code for a in answers] == [200] * 5 + [429]
    assert [int(a.headers["RateLimit-Remaining"]) for a in answers] == [4, 3, 2, 1, 0, 0]
    for answer in answers:
        for name in FIGURES:
            assert answer.headers[name] == answer.headers["X-" + name]
        assert answer.headers["RateLimit-Limit"] == "5" and 0 < int(answer.headers["RateLimit-Reset"]) <= 60
    check_problem(answers[-1], 429, "rate_limited")
    assert 0 < int(answers[-1].headers["Retry-After"]) <= 12
    assert "RateLimit-Limit" not in client.get("/ping").headers
    other = server.client(make_key(server, make_user(server)["email"]))
    assert other.get(ORGANISATIONS).status_code == 200


@pytest.mark.skipif("SOCLE_TEST_REDIS" not in os.environ, reason="no Redis here")
def test_nodes_count_together_by_redis_and_alone_without(make_server):
    redis = redis_make()
    first = make_server(RATE_LIMITS="on", RATE_LIMIT_DEFAULT=6, redis=redis)
    second = make_server(RATE_LIMITS="on", RATE_LIMIT_DEFAULT=6, redis=redis, database=first.database or None)
    email = make_user(first)["email"]
    key = make_key(first, email)
    clients = [first.client(key), second.client(key)] if first.database else [first.client(key)] * 2
    statuses = [clients[i % 2].get(ORGANISATIONS).status_code for i in range(8)]
    assert statuses == [200] * 6 + [429] * 2

    with socket.socket() as nobody:  # a Redis that is not there
        nobody.bind(("127.0.0.1", 0))
        away = make_server(RATE_LIMITS="on", RATE_LIMIT_DEFAULT=4, redis=f"redis://127.0.0.1:{nobody.getsockname()[1]}/0")
        client = away.client(make_key(away, make_user(away)["email"]))
        assert [a.status_code for a in burst(client, 5, ORGANISATIONS)] == [200] * 4 + [429]


# -- Idempotency-Key ---------------------------------------------------------------------------------


def keyed(client, key, name, path=ORGANISATIONS):
    return client.post(path, json={"name": name}, headers={"Idempotency-Key": key})


def names(client):
    return [o["name"] for o in client.get(ORGANISATIONS, params={"limit": 200}).json()]


@pytest.mark.smoke
def test_the_same_request_again_has_one_effect(key_client):
    key = str(uuid.uuid4())
    first, again = keyed(key_client, key, key), keyed(key_client, key, key)
    assert first.status_code == again.status_code == 201
    assert again.json() == first.json() and again.headers["Idempotency-Replayed"] == "true"
    assert "Idempotency-Replayed" not in first.headers
    assert names(key_client).count(key) == 1
    check_problem(keyed(key_client, key, key + "x"), 422)
    check_problem(keyed(key_client, "with space", "x"), 400)


def test_many_at_once_have_one_effect(server):
    user, key = make_user(server), str(uuid.uuid4())
    token = make_key(server, user["email"])
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: keyed(server.client(token), key, key), range(48)))
    assert {a.status_code for a in answers} <= {201, 409}
    made = [a for a in answers if a.status_code == 201]
    assert sum("Idempotency-Replayed" not in a.headers for a in made) == 1
    assert len({a.text for a in made}) == 1
    for answer in answers:
        if answer.status_code == 409:
            assert int(answer.headers["Retry-After"]) >= 1
    assert names(server.client(token)) == [key]


def test_clients_that_vanish_before_their_answer_have_one_effect(server):
    """The request is whole, then the connection is reset: its transaction happens or does not, and the next
    try with the same key finds out which."""
    key = make_key(server, make_user(server)["email"])
    names_sent = [f"vanished {uuid.uuid4()}" for _ in range(60)]
    for i, name in enumerate(names_sent):
        body = json.dumps({"name": name}).encode()
        head = (f"POST {ORGANISATIONS} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {key}\r\nIdempotency-Key: {name[9:]}\r\n"
                f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n")
        host, port = server.url[7:].split(":")
        with socket.create_connection((host, int(port))) as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            s.sendall(head.encode() + body)
            time.sleep(i % 6 * 0.001)
    client = server.client(key)
    for name in names_sent:
        until = time.monotonic() + 10 * PATIENCE
        while (answer := keyed(client, name[9:], name)).status_code == 409:
            assert time.monotonic() < until, "the key was never let go"
            time.sleep(0.02)
        assert answer.status_code == 201, answer.text
    assert sorted(names(client)) == sorted(names_sent)


def test_a_stored_answer_outlives_a_restart_and_is_its_callers_own(make_server):
    server = make_server()
    ada, bob = (make_key(server, make_user(server)["email"]) for _ in range(2))
    first = keyed(server.client(ada), "k", "one")
    server.kill()
    server.start()
    again = keyed(server.client(ada), "k", "one")
    assert again.json() == first.json() and again.headers["Idempotency-Replayed"] == "true"
    other = keyed(server.client(bob), "k", "one")
    assert other.status_code == 201 and "Idempotency-Replayed" not in other.headers
    assert other.json()["id"] != first.json()["id"]


# -- the document ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def document(server):
    answer = server.client().get("/openapi.json")
    assert answer.status_code == 200 and answer.headers["Content-Type"] == "application/json"
    return answer.json()


OTHER_ERRORS = "meilisearch"  # the tag of operations whose errors are not RFC 9457's


def operations(document):
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield path, method, operation


def resolve(document, node):
    while "$ref" in node:
        target = document
        for name in node["$ref"].removeprefix("#/").split("/"):
            target = target[name]
        node = target
    return node


def test_the_document_is_openapi(document):
    assert document["openapi"] == "3.1.0" and document["info"]["title"] and document["info"]["version"]
    assert document["servers"] == [{"url": "/"}]
    ids, tags = set(), {tag["name"] for tag in document["tags"]}
    for path, method, operation in operations(document):
        where = f"{method} {path}"
        assert path.startswith("/") and method in ("get", "put", "post", "patch", "delete"), where
        assert operation["operationId"] not in ids, where
        ids.add(operation["operationId"])
        assert operation["summary"] and set(operation["tags"]) <= tags, where
        parameters = [resolve(document, p) for p in operation.get("parameters", [])]
        named = {p["name"] for p in parameters if p["in"] == "path"}
        assert named == set(re.findall(r"{(\w+)}", path)), where
        assert len({(p["name"], p["in"]) for p in parameters}) == len(parameters), where
        assert all(p["required"] for p in parameters if p["in"] == "path"), where
        for scheme in operation["security"]:
            assert set(scheme) <= set(document["components"]["securitySchemes"]), where
        assert "default" in operation["responses"], where
        assert any(re.fullmatch("[23]..", status) for status in operation["responses"]), where
        for status, response in operation["responses"].items():
            response = resolve(document, response)
            assert response["description"], where
            refusal = "application/json" if OTHER_ERRORS in operation["tags"] else "application/problem+json"
            assert status[0] not in "45" or refusal in response["content"], where
    for name, schema in document["components"]["schemas"].items():
        jsonschema.Draft202012Validator.check_schema(schema)
        assert schema["type"] == "object", name


def check_answer(document, operation, answer, where):
    """The answer's status is documented, and its body is what the document says."""
    assert answer.status_code < 500 or str(answer.status_code) in operation["responses"], (where, answer.text)
    response = operation["responses"].get(str(answer.status_code))
    assert response, f"{where} answered {answer.status_code}, which is not documented: {answer.text[:300]}"
    response = resolve(document, response)
    if "content" not in response:
        assert answer.content == b"", where
        return
    content_type = answer.headers["Content-Type"].split(";")[0]
    assert content_type in response["content"], (where, content_type)
    if not content_type.endswith("json"):
        return
    resolver = jsonschema.RefResolver("", document)
    jsonschema.Draft202012Validator(response["content"][content_type]["schema"], resolver=resolver).validate(answer.json())


def call(client, path, method, operation, fill):
    path = re.sub(r"{\w+}", fill, path)
    body = operation.get("requestBody", {}).get("content", {})
    options = {"stream": True, "timeout": 30}
    if "application/json" in body:
        options["json"] = {}
    elif body:
        options |= {"data": b"x", "headers": {"Content-Type": next(iter(body)).replace("*/*", "text/plain")}}
    return client.request(method, path, **options)


def walk(document, client, fill, expect=lambda operation: None):
    """Every operation once; a stream is left after its head."""
    for path, method, operation in operations(document):
        where = f"{method} {path}"
        with call(client, path, method, operation, fill) as answer:
            if answer.headers.get("Content-Type", "").startswith("text/event-stream"):
                assert "200" in operation["responses"], where
                continue
            wanted = expect(operation)
            assert wanted is None or answer.status_code == wanted, (where, answer.status_code, answer.text)
            check_answer(document, operation, answer, where)


@pytest.mark.smoke
def test_without_a_token_every_operation_answers_as_documented(document, server):
    walk(document, server.client(), "999999999", lambda operation: 401 if operation["security"] else None)


def test_with_an_id_of_nothing_every_operation_answers_as_documented(document, key_client):
    walk(document, key_client, "999999999")
    walk(document, key_client, "no%20such%20thing")


def test_documented_bodies_are_what_is_taken(document, key_client):
    """A member that no schema knows is refused by every operation that documents its body as closed."""
    tried = 0
    for path, method, operation in operations(document):
        schema = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
        if not schema or resolve(document, schema).get("additionalProperties") is not False:
            continue
        answer = key_client.request(method, re.sub(r"{\w+}", "999999999", path), json={"no_such_member": 1})
        tried += 1
        if OTHER_ERRORS in operation["tags"]:
            assert answer.status_code == 400 and "`no_such_member`" in answer.json()["message"], answer.text
            continue
        restated = "422" not in operation["responses"]  # products whose contract has it as a 400
        problem = check_problem(answer, *((400, "VALIDATION_ERROR") if restated else (422, "validation_error")))
        assert ("no_such_member", "unknown") in {(e["field"], e["code"]) for e in problem["errors"]}
    assert tried >= 3


def test_pages_for_people(client):
    for path in ("/docs", "/docs/", "/redoc"):
        answer = client.get(path, headers={"Accept": "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"})
        assert answer.status_code == 200 and answer.headers["Content-Type"].startswith("text/html")
        assert "script-src 'self'" in answer.headers["Content-Security-Policy"]
        for link in re.findall(r'(?:src|href)="(/[^"]+)"', answer.text):
            assert client.get(link).status_code == 200, link


BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"


@pytest.mark.parametrize("accept, html", [
    ("text/html", True), (BROWSER, True), ("text/*", True), ("text/html, application/json;q=0.9", True),
    ("TEXT/HTML;level=1", True), ("application/json;q=0.5, text/html;q=0.6", True), ("text/html, application/json", True),
    ("application/json;q=0, */*", True),
    (None, False), ("*/*", False), ("application/json", False), ("application/json, text/html", False),
    ("application/json, text/plain, */*", False), ("text/html;q=0.5, application/json", False),
    ("text/html;q=0, */*", False), ("application/*", False)])
@pytest.mark.parametrize("encoding", ["gzip, deflate, br", "identity", "gzip;q=0", "br", None])
def test_the_root_is_a_page_for_people_and_json_for_programs(client, accept, html, encoding):
    answer = client.get("/", headers={"Accept": accept, "Accept-Encoding": encoding})
    assert answer.status_code == 200, answer.text
    assert {"accept", "accept-encoding"} <= {v.strip().lower() for v in answer.headers["Vary"].split(",")}
    if html:
        assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
        assert answer.headers.get("Content-Encoding") == "br" or "<html" in answer.text
    else:
        assert answer.headers["Content-Type"] == "application/json" and answer.json()["docs"] == "/docs"


def test_the_root_in_another_type_is_406(client):
    for accept in ("image/png", "text/plain", "text/html;q=0, application/json;q=0"):
        check_problem(client.get("/", headers={"Accept": accept}), 406, "not_acceptable")


@pytest.mark.parametrize("path, own", [("/", "text/html"), ("/console/console.js", "text/javascript"),
                                       ("/console/console.css", "text/css"), ("/search", "text/html"),
                                       ("/shared/page.js", "text/javascript"), ("/docs/start.js", "text/javascript"),
                                       ("/docs/swagger-ui.css", "text/css"),
                                       ("/docs/redoc.standalone.js", "text/javascript")])
def test_embedded_pages_come_to_who_takes_no_gzip_too(client, path, own):
    """The same bytes whatever the client unpacks, each encoding with its own ETag."""
    seen, tags = set(), {}
    if client.get(path).status_code == 404:
        pytest.skip("the build had no script for this page")
    for encoding, allowed in (("gzip", {"gzip"}), ("x-gzip", {"gzip"}), ("*", {"gzip", "br"}), ("br", {"br", None}),
                              ("gzip;q=0", {None}), ("gzip;q=0.000, identity", {None}), (None, {None}),
                              ("deflate", {None}), ("gzip;q=0.1, identity;q=1", {None})):
        headers = {"Accept": f"{own},*/*;q=0.1", "Accept-Encoding": encoding}
        answer = client.get(path, headers=headers)
        assert answer.status_code == 200, (encoding, answer.text)
        used = answer.headers.get("Content-Encoding")
        small = len(answer.content) <= 1024  # not worth packing
        assert used in allowed or (used is None and small), encoding
        assert answer.headers["Content-Type"].startswith(own)
        assert tags.setdefault(used, answer.headers["ETag"]) == answer.headers["ETag"]
        again = client.get(path, headers=headers | {"If-None-Match": answer.headers["ETag"]})
        assert again.status_code == 304 and again.content == b"", encoding
        if used != "br":  # requests has no brotli here
            seen.add(answer.content)
    assert len(seen) == 1
    assert len(set(tags.values())) == len(tags)


# -- settings ----------------------------------------------------------------------------------------


def refused(tmp_path, **env):
    done = run_cli("serve", env=clean_environment() | {"DATA_DIR": str(tmp_path), "LISTEN": "127.0.0.1:0"} | env,
                   cwd=tmp_path, code=1)
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    return lines[0]


@pytest.mark.smoke
def test_a_wrong_setting_stops_the_start_in_one_line(tmp_path):
    assert "VEYL_NO_SUCH: there is no such setting" in refused(tmp_path, VEYL_NO_SUCH="1")
    assert "did you mean RATE_LIMIT_DEFAULT?" in refused(tmp_path, RATE_LIMIT_DEFALT="1")
    assert "RATE_LIMIT_AUTH=many: expected a whole number from 1 to" in refused(tmp_path, RATE_LIMIT_AUTH="many")
    assert "LOG_LEVEL=loud: expected one of: debug, info, warn, error, off" in refused(tmp_path, LOG_LEVEL="loud")
    assert "AUTO_MIGRATE=maybe: expected on or off" in refused(tmp_path, AUTO_MIGRATE="maybe")
    assert "LISTEN: 127.0.0.1: expected HOST:PORT" in refused(tmp_path, LISTEN="127.0.0.1")
    assert "CORS_ORIGINS: app.example: expected origins" in refused(tmp_path, CORS_ORIGINS="app.example")
    said = refused(tmp_path, DATABASE_URL="mysql://me:hunter2@db/x")
    assert "DATABASE_URL: mysql…: expected" in said and "hunter2" not in said


def test_the_env_file_is_read_and_the_environment_wins(tmp_path):
    (tmp_path / ".env").write_text("# ours\nLOG_LEVEL=loud\n")
    assert "LOG_LEVEL=loud" in refused(tmp_path)
    assert "LOG_FORMAT=tall" in refused(tmp_path, LOG_LEVEL="info", LOG_FORMAT="tall")
    (tmp_path / ".env").write_text("what is this\n")
    assert ".env:1: the line is not NAME=value" in refused(tmp_path)


def test_settings_are_listed_without_secrets(tmp_path):
    env = clean_environment() | {"DATA_DIR": str(tmp_path), "SECRET_KEY": "hunter2" * 8, "RATE_LIMIT_BULK": "77"}
    out = run_cli("settings", env=env, cwd=tmp_path).stdout
    assert "| `RATE_LIMIT_BULK` | 1..6000000 requests a minute |" in out
    assert "hunter2" not in out
    for name in ("DATABASE_URL", "MEILI_HOST", "WHATSAPP_DRY_RUN", "CACHE_TTL_DEBATES", "ENABLE_AGENT_SCOUT", "GAMMA_API_KEY"):
        assert f"| `{name}` |" in out
