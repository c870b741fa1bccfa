"""Events: WebSocket and server-sent events, with resume, on one node and across two."""

import json
import os
import socket
import threading
import time

import pytest
import websocket
from harness import (DATABASE, PATIENCE, Server, database, make_key, make_user, postgres_drop, postgres_make, problem,
                     redis_make, token)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """Without products: they may have channels say again what they said last."""
    server = Server(tmp_path_factory.mktemp("events"), PRODUCTS="none")
    try:
        yield server.start()
    finally:
        server.close()


class Socket:
    """A WebSocket session that reads JSON."""

    def __init__(self, server, path="/ws", token=None, **options):
        headers = [f"Authorization: Bearer {token}"] if token else []
        self.ws = websocket.create_connection("ws" + server.url[4:] + path, timeout=15 * PATIENCE,
                                              header=headers, **options)

    def say(self, type, **members):
        self.ws.send(json.dumps({"type": type} | members))

    def read(self, type=None):
        message = json.loads(self.ws.recv())
        assert set(message) == {"type", "channel", "data", "timestamp", "message_id"}, message
        assert type is None or message["type"] == type, message
        return message

    def ask(self, type, answer, **members):
        self.say(type, **members)
        return self.read(answer)

    def silent(self, seconds=0.3):
        self.ws.settimeout(seconds)
        try:
            message = self.ws.recv()
        except websocket.WebSocketTimeoutException:
            return True
        finally:
            self.ws.settimeout(15 * PATIENCE)
        raise AssertionError(f"not silent: {message}")

    def close_code(self):
        """Read on until the server closes: its code and reason."""
        while True:
            opcode, data = self.ws.recv_data(control_frame=True)
            if opcode == websocket.ABNF.OPCODE_CLOSE:
                return int.from_bytes(data[:2], "big"), data[2:].decode()

    def __enter__(self):
        self.hello = self.read("connected")
        return self

    def __exit__(self, *_):
        self.ws.close()


def publish(admin, channel, data=None, type="test"):
    answer = admin.post("/api/v1/events", json={"channel": channel, "type": type, "data": data})
    assert answer.status_code == 201, answer.text
    return answer.json()["message_id"]


def token_of(client):
    return client.headers["Authorization"].split()[1]


class Stream:
    """Server-sent events, read from a plain socket so that nothing is held back."""

    def __init__(self, server, query, headers=None):
        host, port = server.url[7:].split(":")
        self.sock = socket.create_connection((host, int(port)), 10)
        self.sock.settimeout(25 * PATIENCE)
        lines = [f"GET /events?{query} HTTP/1.1", f"Host: {host}", "Accept: text/event-stream"]
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        self.sock.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        self.file = self.sock.makefile("rb")
        self.status = int(self.file.readline().split()[1])
        self.headers = {}
        while (line := self.file.readline().strip()):
            name, value = line.decode().split(":", 1)
            self.headers[name.lower()] = value.strip()
        self.rest = b""

    def chunk(self):
        size = int(self.file.readline().strip() or b"0", 16)
        data = self.file.read(size)
        self.file.readline()
        return data

    def block(self):
        """The next block of lines; None at the end of the stream."""
        while b"\n\n" not in self.rest:
            data = self.chunk()
            if not data:
                return None
            self.rest += data
        block, self.rest = self.rest.split(b"\n\n", 1)
        return block.decode()

    def event(self):
        """The next event as (id, JSON); comments and retry hints are passed over."""
        while True:
            block = self.block()
            if block is None:
                return None
            fields = dict(line.split(": ", 1) for line in block.split("\n") if not line.startswith(":"))
            if "data" in fields:
                return int(fields["id"]) if "id" in fields else None, json.loads(fields["data"])

    def close(self):
        self.sock.close()


# -- WebSocket -------------------------------------------------------------------------------------------


@pytest.mark.smoke
def test_an_event_reaches_a_subscriber(server, admin_client):
    with Socket(server) as ws:
        assert ws.hello["data"]["client_id"] and "system" in ws.hello["data"]["available_channels"]
        assert ws.ask("subscribe", "subscribed", channel="system")["data"] == {"subscribed_to": "system"}
        sent = publish(admin_client, "system", {"text": "à bientôt ☀", "n": [1, None]})
        event = ws.read("test")
        assert event["message_id"] == sent and event["channel"] == "system"
        assert event["data"] == {"text": "à bientôt ☀", "n": [1, None]} and event["timestamp"].endswith("Z")
        assert ws.ask("unsubscribe", "unsubscribed", channel="system")["data"] == {"unsubscribed_from": "system"}
        publish(admin_client, "system")
        assert ws.silent()
        assert ws.ask("ping", "pong")["message_id"] is None


def test_what_a_client_says_may_stand_in_data(server, admin_client):
    with Socket(server, token=token_of(admin_client)) as ws:  # what the test before said may still come by `system`
        ws.ask("subscribe", "subscribed", data={"channel": "said:1"})
        publish(admin_client, "said:1", 7)
        assert ws.read("test")["data"] == 7


def test_mistakes_are_answered_and_the_session_goes_on(server):
    with Socket(server) as ws:
        for text in ("{", "[]", '"x"', "", '{"type":"subscribe","channel":"a","channel":"b"}'):
            ws.ws.send(text)
            assert ws.read("error")["data"] == {"error": "Invalid JSON format"}
        ws.ws.send_binary(b"\x00\x01")
        assert ws.read("error")["data"] == {"error": "Invalid JSON format"}
        assert ws.ask("shout", "error")["data"] == {"error": "Unknown message type: shout"}
        assert ws.ask("subscribe", "error")["data"] == {"error": "subscribe needs a channel"}
        for channel in ("jobs", "user:1", "user", "nothing", "", "x" * 300):
            error = ws.ask("subscribe", "error", channel=channel)["data"]["error"]
            assert error.startswith("Invalid channel: " + channel[:200])
        for since in (-1, "x", 1.5, {}, True):
            assert "since" in ws.ask("subscribe", "error", channel="system", since=since)["data"]["error"]
        ws.ask("subscribe", "subscribed", channel="system")
        ws.ask("subscribe", "subscribed", channel="system")  # twice is once
        ws.ask("unsubscribe", "unsubscribed", channel="never")
        ws.ask("ping", "pong")


def test_rights_come_by_header_by_address_and_by_message(server, admin_client):
    user = make_user(server)
    good = token(server, user=user)
    mine, path = f"user:{user['id']}", f"/ws?token={good}"
    for ws in (Socket(server, token=good), Socket(server, path=path)):
        with ws:
            ws.ask("subscribe", "subscribed", channel="user")
            ws.ask("subscribe", "error", channel="jobs")
            sent = publish(admin_client, mine)
            assert ws.read("test")["message_id"] == sent
    with Socket(server) as ws:
        ws.ask("subscribe", "error", channel=mine)
        assert ws.ask("auth", "error", token="nonsense")["data"]["error"]
        assert ws.ask("auth", "authenticated", token=good)["data"] == {"user_id": user["id"]}
        ws.ask("subscribe", "subscribed", channel=mine)
        ws.ask("subscribe", "error", channel=f"user:{user['id'] + 1}")
        publish(admin_client, mine)
        assert ws.read("test")["channel"] == mine


def test_another_user_opens_another_session(server):
    ada, bob = token(server), token(server)
    with Socket(server, token=ada) as ws:
        ws.ask("subscribe", "subscribed", channel="user")
        assert ws.ask("auth", "error", token=bob)["data"] == {"error": "Another user is signed in here"}
        assert ws.ask("auth", "error", token="nonsense")["data"]["error"]
        ws.ask("auth", "authenticated", token=ada)


def test_what_a_log_in_gave_ends_with_it(make_server):
    server = make_server(EVENTS_RECHECK_SECONDS=1)
    user, admin = make_user(server), server.client(token(server, "admin"))
    ended, lasting, key = token(server, user=user), token(server, user=user), make_key(server, user["email"])
    stream = Stream(server, f"channels=user&token={ended}")
    with Socket(server, token=ended) as a, Socket(server, path=f"/ws?token={key}") as b, \
            Socket(server) as c, Socket(server, token=lasting) as d, Socket(server) as nobody:
        c.ask("auth", "authenticated", token=ended)
        nobody.ask("subscribe", "subscribed", channel="system")
        for ws in (a, b, c, d):
            ws.ask("subscribe", "subscribed", channel="user")
        assert server.client(ended).post("/api/v1/auth/logout").status_code == 204
        server.cli("key", "revoke", database(server, f"SELECT id FROM api_keys WHERE user_id = {user['id']}"))
        for ws in (a, b, c):
            assert ws.close_code() == (1008, "signed_out")
        while (block := stream.block()) is not None:
            last = block
        assert last == ": signed_out"
        publish(admin, f"user:{user['id']}")
        publish(admin, "system")
        assert d.read("test") and nobody.read("test")


def test_a_bad_token_is_refused_before_the_upgrade(server):
    for path, bad in (("/ws?token=nonsense", None), ("/ws", "nonsense")):
        with pytest.raises(websocket.WebSocketBadStatusException) as refused:
            Socket(server, path=path, token=bad)
        assert refused.value.status_code == 401


def test_a_plain_request_is_told_to_upgrade(client):
    problem(client.get("/ws"), 426)


def test_resume_gives_what_was_missed_once(server, admin_client):
    with Socket(server) as ws:
        ws.ask("subscribe", "subscribed", channel="system")
        first = publish(admin_client, "system", 0)
        assert ws.read("test")["message_id"] == first
    missed = [publish(admin_client, "system", i) for i in range(200)]
    with Socket(server) as ws:
        ws.ask("subscribe", "subscribed", channel="system", since=str(first))
        assert [ws.read("test")["message_id"] for _ in missed] == missed
        live = publish(admin_client, "system")
        assert ws.read("test")["message_id"] == live
        assert ws.silent()
        ws.ask("resume", "resumed", since=missed[-2])  # of all channels, from a place of one's choice
        assert [ws.read()["message_id"] for _ in range(2)] == [missed[-1], live]
        assert ws.silent()


def test_an_id_that_was_never_given_out_resets(server, admin_client):
    with Socket(server) as ws:
        ws.ask("subscribe", "subscribed", channel="system", since=10 ** 12)
        assert ws.read("reset")["message_id"] is None
        sent = publish(admin_client, "system")
        assert ws.read("test")["message_id"] == sent


def test_subscriptions_have_a_limit(server):
    with Socket(server, token=token(server, "admin")) as ws:
        for i in range(100):
            ws.ask("subscribe", "subscribed", channel=f"room:{i}")
        assert ws.ask("subscribe", "error", channel="room:100")["data"] == {"error": "Too many subscriptions"}
        ws.ask("unsubscribe", "unsubscribed", channel="room:0")
        ws.ask("subscribe", "subscribed", channel="room:100")


def test_a_client_that_talks_too_fast_is_closed(server):
    ws = Socket(server)
    try:
        for _ in range(1000):
            ws.say("ping")
    except (BrokenPipeError, ConnectionResetError, websocket.WebSocketException):
        pass
    assert ws.close_code() == (1008, "too many messages")


def test_a_slow_consumer_is_closed_with_a_reason(server, admin_client):
    """It never reads: its queue is full long before the memory is."""
    slow = Socket(server, sockopt=[(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)])
    slow.read("connected")
    slow.ask("subscribe", "subscribed", channel="system")
    text = "x" * 30000
    for i in range(400):
        publish(admin_client, "system", text)
        # Then it is to be told: a writer waits for half a minute, and 400 may take longer.
        if i % 10 == 9 and admin_client.get("/health/websockets").json()["dropped"]:
            break
    code, reason = slow.close_code()
    assert (code, reason) == (1008, "slow_consumer")


def test_stopping_says_goodbye(make_server):
    server = make_server()
    ws, sse = Socket(server), Stream(server, "channels=system")
    ws.read("connected")
    assert sse.status == 200 and sse.block() == "retry: 2000"
    began = time.monotonic()
    server.stop()
    assert time.monotonic() - began < 10 * PATIENCE
    assert ws.close_code()[0] == 1001
    while sse.block() is not None:
        pass


# -- server-sent events -----------------------------------------------------------------------------------


@pytest.mark.smoke
def test_events_come_as_a_stream(server, admin_client):
    stream = Stream(server, "channels=system")
    assert stream.status == 200 and stream.headers["content-type"].startswith("text/event-stream")
    assert stream.headers["cache-control"] == "no-cache"
    assert stream.block() == "retry: 2000"
    sent = publish(admin_client, "system", {"a": "ligne\nsuivante"})
    at, event = stream.event()
    assert at == sent == event["message_id"] and event["data"] == {"a": "ligne\nsuivante"}
    stream.close()


def test_a_stream_goes_on_where_it_was_cut(server):
    bearer = {"Authorization": "Bearer " + token(server, "admin")}
    admin = server.client(bearer["Authorization"].split()[1])
    first = publish(admin, "a:1")
    sent = [publish(admin, f"a:{i % 2}") for i in range(150)]
    for headers, query in (({"Last-Event-ID": str(first)}, ""), ({}, f"&last_event_id={first}"), ({}, f"&since={first}")):
        stream = Stream(server, "channels=a:0,a:1" + query, bearer | headers)
        assert [stream.event()[0] for _ in sent] == sent  # both channels in one order
        live = publish(admin, "a:0")
        assert stream.event()[0] == live
        sent.append(live)
        stream.close()


def test_what_may_not_be_followed_is_refused(server, client, user_client):
    problem(client.get("/events"), 422)
    problem(client.get("/events?channels=jobs"), 403)
    problem(client.get("/events?channels=system,user:1"), 403)
    problem(client.get("/events?channels="), 422)
    problem(client.get("/events?channels=system,,system"), 403)
    problem(user_client.get("/events?channels=jobs"), 403)
    problem(client.get("/events?channels=system&token=nonsense"), 401)
    problem(client.get("/events?channels=system", headers={"Last-Event-ID": "x"}), 400)
    problem(client.get("/events?channels=system&since=-1"), 400)
    problem(client.get("/events?channels=" + ",".join(["system"] * 101)), 400)
    assert client.head("/events?channels=system").status_code == 200


def test_a_token_in_the_address_gives_rights(server, admin_client):
    user = make_user(server)
    stream = Stream(server, f"channels=user&token={token(server, user=user)}")
    assert stream.status == 200 and stream.block() == "retry: 2000"
    sent = publish(admin_client, f"user:{user['id']}")
    assert stream.event()[0] == sent
    stream.close()


# -- publishing --------------------------------------------------------------------------------------------


def test_only_administrators_publish(client, user_client, admin_client):
    body = {"channel": "system", "type": "x"}
    problem(client.post("/api/v1/events", json=body), 401)
    problem(user_client.post("/api/v1/events", json=body), 403)
    for bad in ({}, {"channel": "", "type": "x"}, {"channel": "c" * 101, "type": "x"}, {"channel": "c", "type": 1}):
        problem(admin_client.post("/api/v1/events", json=bad), 422)
    problem(admin_client.post("/api/v1/events", json=body | {"data": "x" * 40000}), 413)
    key = {"Idempotency-Key": "once"}
    one = admin_client.post("/api/v1/events", json=body, headers=key).json()
    assert admin_client.post("/api/v1/events", json=body, headers=key).json() == one


# -- many at once, and several nodes -------------------------------------------------------------------------


def test_many_subscribers_all_get_everything_in_order(server, admin_client):
    sockets = [Socket(server, token=token_of(admin_client)) for _ in range(40)]
    for ws in sockets:
        ws.read("connected")
        ws.ask("subscribe", "subscribed", channel="many:1")  # not one by which an earlier event may still come
    got = {}

    def listen(number, ws):
        ids = []
        while True:
            event = ws.read()
            if event["type"] == "end":
                break
            ids.append(event["message_id"])
        got[number] = ids

    threads = [threading.Thread(target=listen, args=pair) for pair in enumerate(sockets)]
    for thread in threads:
        thread.start()
    sent = [publish(admin_client, "many:1", i) for i in range(100)]
    publish(admin_client, "many:1", type="end")
    for thread in threads:
        thread.join(30 * PATIENCE)
    assert [got.get(i) for i in range(40)] == [sent] * 40
    for ws in sockets:
        ws.ws.close()


@pytest.fixture(params=["redis", "notify"])
def pair(request, make_server):
    """Two nodes on one database: news travel by Redis, or by PostgreSQL alone."""
    if DATABASE != "postgres":
        pytest.skip("several nodes need PostgreSQL")
    if request.param == "redis" and "SOCLE_TEST_REDIS" not in os.environ:
        pytest.skip("no Redis")
    database = postgres_make()
    redis = redis_make() if request.param == "redis" else ""
    servers = [make_server(database=database, redis=redis) for _ in range(2)]
    yield servers
    for server in servers:
        server.stop()
    postgres_drop(database)


def test_an_event_of_one_node_reaches_the_other(pair):
    one, two = pair
    admin = one.client(token(one, "admin"))
    with Socket(two) as ws:
        ws.ask("subscribe", "subscribed", channel="system")
        stream = Stream(two, "channels=system")
        assert stream.block() == "retry: 2000"
        took = []
        for i in range(20):
            began = time.monotonic()
            sent = publish(admin, "system", i)
            assert ws.read("test")["message_id"] == sent
            took.append(time.monotonic() - began)
            assert stream.event()[0] == sent
        # Told, not found by looking once a second.
        assert sorted(took)[len(took) // 2] < 0.3 * PATIENCE
        stream.close()


def test_events_of_both_nodes_have_one_order_everywhere(pair):
    one, two = pair
    bearer = token(one, "admin")
    clients = [one.client(bearer), two.client(bearer)]
    sockets = [Socket(server) for server in pair]
    for ws in sockets:
        ws.read("connected")
        ws.ask("subscribe", "subscribed", channel="system")
    sent = []

    def emit(client):
        for i in range(50):
            sent.append(publish(client, "system", i))

    threads = [threading.Thread(target=emit, args=(client,)) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for ws in sockets:
        assert [ws.read("test")["message_id"] for _ in range(100)] == sorted(sent)
        ws.ws.close()
