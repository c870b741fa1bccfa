"""Robian's "Real time": every sentence of the contract about WS /ws, the same events by SSE, and clients
that mean no good."""

import json
import os
import socket
import time
import uuid

import pytest
import websocket
from harness import PATIENCE, make_user, problem, token
from robian import make_debate
from test_events import Socket, Stream, publish


@pytest.fixture(scope="module")
def analyst(server):
    with server.client(token(server, "analyst")) as client:
        yield client


def refused(server, path):
    """The status of a handshake that fails."""
    with pytest.raises(websocket.WebSocketBadStatusException) as failed:
        Socket(server, path)
    return failed.value.status_code


# -- the session ---------------------------------------------------------------------------------------


@pytest.mark.smoke
def test_connected_says_who_when_and_what(server):
    with Socket(server, "/ws?client_id=t%C3%A9l%C3%A9phone-7%22") as s:
        data = s.hello["data"]
        assert data["client_id"] == 'téléphone-7"'
        assert set(data) == {"client_id", "server_time", "available_channels"}
        assert abs(time.time() - time.mktime(time.strptime(data["server_time"][:19], "%Y-%m-%dT%H:%M:%S"))
                   + time.timezone) < 60
    for path in ("/ws", "/ws?client_id=", "/ws/"):
        with Socket(server, path) as s:
            assert uuid.UUID(s.hello["data"]["client_id"])


def test_a_server_of_robian_alone_has_just_its_channels(make_server):
    server = make_server(args=["--products", "robian"])
    with Socket(server) as s:
        assert s.hello["data"]["available_channels"] == ["debates", "extractions", "system", "user"]


def test_a_client_id_that_is_none_is_refused_before_the_upgrade(server):
    assert refused(server, "/ws?client_id=" + "x" * 129) == 422
    assert refused(server, "/ws?client_id=%ff") == 400


def test_ping_is_answered(server):
    with Socket(server) as s:
        assert "server_time" in s.ask("ping", "pong")["data"]
        s.say("ping", channel="system", data={}, timestamp="2026-11-21T10:00:00Z", message_id=None)
        s.read("pong")


def test_every_channel_can_be_followed_and_left(server):
    user = make_user(server)
    with Socket(server, token=token(server, user=user)) as s:
        for name in ("debates", "extractions", "system", "user", f"debate:{uuid.uuid4()}"):
            assert s.ask("subscribe", "subscribed", channel=name)["data"] == {"subscribed_to": name}
            assert s.ask("unsubscribe", "unsubscribed", channel=name)["data"] == {"unsubscribed_from": name}


@pytest.mark.parametrize("name", ["x", "", "Debates", "debates ", "debate:", "debate:7", "debate:../x", "debates:7",
                                  "extraction", "user", "user:1", "jobs", "é" * 100])
def test_any_other_channel_is_invalid(server, name):
    with Socket(server) as s:
        assert s.ask("subscribe", "error", channel=name)["data"] == {"error": f"Invalid channel: {name}"}
        s.ask("ping", "pong")


def test_the_name_of_an_invalid_channel_is_given_back_in_part(server):
    with Socket(server) as s:
        s.say("subscribe", channel="é" * 2000)
        assert s.read("error")["data"] == {"error": "Invalid channel: " + "é" * 100}
        s.say("subscribe", channel="a\0b")
        assert s.read("error")["data"]["error"].startswith("Invalid ")
        for channel in (None, 7, ["debates"], {"a": 1}):
            assert s.ask("subscribe", "error", channel=channel)["data"] == {"error": "subscribe needs a channel"}


@pytest.mark.parametrize("text", ["", "x", "{", '{"type": "ping"', "[]", '"ping"', "7", "null", '{"type":"ping"}{}',
                                  "\ufeff{}", "{" * 5000, '{"type":"ping","type":"ping"}', "'ping'"])
def test_what_is_no_json_object_is_told_so(server, text):
    with Socket(server) as s:
        s.ws.send(text)
        assert s.read("error")["data"] == {"error": "Invalid JSON format"}
        s.ask("ping", "pong")


def test_a_user_hears_what_is_theirs_and_nobody_else(server, admin_client):
    one, two = make_user(server), make_user(server)
    with Socket(server, token=token(server, user=one)) as s:
        s.ask("subscribe", "subscribed", channel="user")
        publish(admin_client, f"user:{two['id']}", {"n": 0})
        publish(admin_client, f"user:{one['id']}", {"n": 1})
        assert s.read("test")["data"] == {"n": 1}
        assert s.ask("subscribe", "error", channel=f"user:{two['id']}")["data"]["error"].startswith("Invalid channel")


# -- what is told ---------------------------------------------------------------------------------------


def test_the_life_of_a_debate_is_told_on_both_of_its_channels(server, analyst, admin_client):
    with Socket(server) as everything, Socket(server) as one:
        everything.ask("subscribe", "subscribed", channel="debates", since=publish(admin_client, "debates"))
        debate = make_debate(analyst, title="Loi de finances")
        path = f"/api/debates/{debate['id']}"
        one.ask("subscribe", "subscribed", channel=f"debate:{debate['id']}")
        for status in ("en_cours", "termine"):
            assert analyst.put(path, json={"status": status}).status_code == 200
        assert analyst.put(path, json={"title": "Autre"}).status_code == 200
        told = ["debate_created", "debate_started", "debate_ended", "debate_updated"]
        for s, channel in ((everything, "debates"), (one, f"debate:{debate['id']}")):
            numbers = []
            for type in told:
                message = s.read(type)
                assert message["channel"] == channel and message["data"]["debate_id"] == debate["id"]
                assert message["timestamp"].endswith("Z")
                numbers.append(int(message["message_id"]))
            assert numbers == sorted(set(numbers))


def test_who_reads_a_debate_is_told_to_its_followers(server, analyst, client):
    debate = make_debate(analyst)
    with Socket(server) as s:
        s.ask("subscribe", "subscribed", channel=f"debate:{debate['id']}")
        s.read("debate_created")
        client.get(f"/api/debates/{debate['id']}")
        assert s.read()["data"]["view_count"] == 1


def test_the_last_ten_come_again_though_nobody_listened(server, admin_client):
    channel = f"debate:{uuid.uuid4()}"
    numbers = [publish(admin_client, channel, {"n": n}) for n in range(14)]
    with Socket(server) as s:
        s.ask("subscribe", "subscribed", channel=channel)
        again = [s.read("test") for _ in range(10)]
        assert [m["data"]["n"] for m in again] == list(range(4, 14))
        assert [m["message_id"] for m in again] == numbers[4:]
        publish(admin_client, channel, {"n": 14})
        assert s.read("test")["data"]["n"] == 14
        s.ask("subscribe", "subscribed", channel=channel)  # who follows already hears nothing twice
        assert s.silent()


def test_the_last_ten_come_again_by_stream_too(server, admin_client):
    channels = [f"debate:{uuid.uuid4()}" for _ in range(2)]
    for n in range(12):
        for channel in channels:
            publish(admin_client, channel, {"n": n})
    stream = Stream(server, "channels=" + ",".join(channels))
    heard = [stream.event()[1] for _ in range(20)]
    for channel in channels:
        assert [e["data"]["n"] for e in heard if e["channel"] == channel] == list(range(2, 12))
    publish(admin_client, channels[0], {"n": 12})
    assert stream.event()[1]["data"]["n"] == 12
    stream.close()


def test_a_hundred_messages_and_more_can_be_had_again(server, admin_client):
    channel = f"debate:{uuid.uuid4()}"
    numbers = [publish(admin_client, channel, {"n": n}) for n in range(120)]
    with Socket(server) as s:
        s.ask("resume", "resumed", since=numbers[9])
        s.ask("subscribe", "subscribed", channel=channel)
        assert [s.read("test")["data"]["n"] for _ in range(110)] == list(range(10, 120))
        assert s.silent()


def test_a_session_that_broke_goes_on_without_loss_or_double(server, admin_client):
    channel = f"debate:{uuid.uuid4()}"
    with Socket(server) as s:
        s.ask("subscribe", "subscribed", channel=channel)
        publish(admin_client, channel, {"n": 0})
        seen = s.read("test")["message_id"]
        s.ws.sock.close()  # no goodbye
    for n in (1, 2, 3):
        publish(admin_client, channel, {"n": n})
    with Socket(server) as s:
        s.ask("resume", "resumed", since=seen)
        s.ask("subscribe", "subscribed", channel=channel)
        assert [s.read("test")["data"]["n"] for _ in range(3)] == [1, 2, 3]
        assert s.silent()


def test_both_ways_tell_the_same(server, admin_client):
    channel = f"debate:{uuid.uuid4()}"
    stream = Stream(server, f"channels={channel}")
    with Socket(server) as s:
        s.ask("subscribe", "subscribed", channel=channel)
        number = publish(admin_client, channel, {"été": [1, None, "\u2028"]}, type="extraction_progress")
        by_socket, (id, by_stream) = s.read("extraction_progress"), stream.event()
        assert by_socket == by_stream and id == number == by_socket["message_id"]
    stream.close()


# -- silence ---------------------------------------------------------------------------------------------


def test_who_is_idle_is_closed_and_who_pings_is_not(make_server):
    server = make_server(EVENTS_IDLE_SECONDS=6)
    silent, says, pings = (Socket(server).__enter__() for _ in range(3))
    began = time.monotonic()
    while time.monotonic() - began < 10:
        says.ask("ping", "pong")
        pings.ws.ping("alive")
        time.sleep(0.4)
    assert silent.close_code() == (1000, "idle")
    says.ask("ping", "pong")
    pings.ask("ping", "pong")
    for s in (says, pings):
        s.ws.close()


# -- clients that mean no good ---------------------------------------------------------------------------


def rss(server):
    with open(f"/proc/{server.process.pid}/status") as status:
        return int(next(line for line in status if line.startswith("VmRSS")).split()[1])


class Raw:
    """A session of frames made by hand."""

    def __init__(self, server):
        host, port = server.url[7:].split(":")
        self.socket = socket.create_connection((host, int(port)), 15 * PATIENCE)
        self.socket.sendall(b"GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n")
        self.file = self.socket.makefile("rb")
        assert self.file.readline().startswith(b"HTTP/1.1 101")
        while self.file.readline() != b"\r\n":
            pass
        self.frame()

    def frame(self):
        first, second = self.file.read(2)
        length = second & 127
        if length == 126:
            length = int.from_bytes(self.file.read(2), "big")
        return first & 15, self.file.read(length)

    def say(self, opcode, payload=b"", last=True, masked=True, length=None):
        length = len(payload) if length is None else length
        head = bytes([(128 if last else 0) | opcode])
        mark = 128 if masked else 0
        head += (bytes([mark | length]) if length < 126 else bytes([mark | 126]) + length.to_bytes(2, "big")
                 if length < 65536 else bytes([mark | 127]) + length.to_bytes(8, "big"))
        self.socket.sendall(head + (b"\0\0\0\0" if masked else b"") + payload)

    def close_code(self):
        while True:
            opcode, payload = self.frame()
            if opcode == 8:
                return int.from_bytes(payload[:2], "big")


def alive(server):
    with Socket(server) as s:
        s.ask("ping", "pong")
    assert server.client().get("/ping").status_code == 200


@pytest.mark.parametrize("length", [16 * 1024 + 1, 1 << 20, (1 << 63) - 1])
def test_a_frame_that_is_too_large_is_refused_at_its_head(server, length):
    raw = Raw(server)
    raw.say(1, b"x", length=length)
    assert raw.close_code() == 1009
    alive(server)


def test_a_frame_without_a_mask_is_refused(server):
    raw = Raw(server)
    raw.say(1, b'{"type":"ping"}', masked=False)
    assert raw.close_code() == 1002
    alive(server)


def test_fragments_without_end_are_cut_at_the_limit(server):
    raw, before = Raw(server), rss(server)
    raw.say(1, b"x" * 1000, last=False)
    with pytest.raises(OSError):
        for _ in range(100_000):
            raw.say(0, b"x" * 1000, last=False)
    assert rss(server) - before < 16 * 1024
    alive(server)


def test_empty_fragments_without_end_cost_nothing(server):
    """They never fill a message; that it is not whole in time ends them (see the unit test)."""
    raw, before = Raw(server), rss(server)
    raw.say(1, b"", last=False)
    flood = bytes([0, 128, 0, 0, 0, 0]) * 10_000
    for _ in range(50):
        raw.socket.sendall(flood)
    raw.say(0, b'{"type":"ping"}')
    assert json.loads(raw.frame()[1])["type"] == "pong"
    assert rss(server) - before < 16 * 1024
    alive(server)


def test_a_hundred_thousand_subscriptions_end_the_session(server):
    raw, before = Raw(server), rss(server)
    body = json.dumps({"type": "subscribe", "channel": f"debate:{uuid.uuid4()}"}).encode()
    one = bytes([0x81, 0x80 | len(body)]) + bytes(4) + body if len(body) < 126 else None
    try:
        for _ in range(1000):
            raw.socket.sendall(one * 100)
    except OSError:
        pass  # it has been closed
    try:
        assert raw.close_code() == 1008
    except (OSError, ValueError):
        pass  # a reset overtook the reason
    assert rss(server) - before < 32 * 1024
    alive(server)


def test_a_session_follows_a_hundred_channels_at_most(server):
    with Socket(server) as s:
        for n in range(120):
            s.say("subscribe", channel=f"debate:{uuid.UUID(int=n)}")
            assert s.read()["type"] == ("subscribed" if n < 100 else "error")
            time.sleep(0.006)
        assert s.ask("subscribe", "error", channel="debates")["data"] == {"error": "Too many subscriptions"}
        s.ask("unsubscribe", "unsubscribed", channel=f"debate:{uuid.UUID(int=5)}")
        s.ask("subscribe", "subscribed", channel="extractions")


def test_many_channels_at_once_by_stream_are_refused(client):
    names = ",".join(f"debate:{uuid.UUID(int=n)}" for n in range(101))
    problem(client.get("/events", params={"channels": names}), 400, "At most 100 channels at once.")
    problem(client.get("/events", params={"channels": "debates,nowhere"}), 403, "Invalid channel: nowhere")
