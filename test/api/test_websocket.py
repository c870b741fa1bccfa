"""WebSocket as a protocol (RFC 6455) at /ws: the handshake and the rules about frames. What the
messages mean is in test_events.py."""

import json
import os
import socket
import struct
import urllib.parse

import pytest
import websocket
from harness import PATIENCE

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
TEXT, BINARY, CLOSE, PING, PONG = 0x1, 0x2, 0x8, 0x9, 0xA


def frame(first, payload=b"", mask=b"\x37\xfa\x21\x3d"):
    size = len(payload)
    head = bytes([first, 0x80 * bool(mask) | min(size, 126 if size < 65536 else 127) if size > 125 else 0x80 * bool(mask) | size])
    if size > 125:
        head += struct.pack(">H" if size < 65536 else ">Q", size)
    return head + mask + (bytes(b ^ mask[i % 4] for i, b in enumerate(payload)) if mask else payload)


class Raw:
    """A session of raw frames."""

    def __init__(self, server, **headers):
        address = urllib.parse.urlsplit(server.url)
        self.s = socket.create_connection((address.hostname, address.port), 20 * PATIENCE)
        self.s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.file = self.s.makefile("rb")
        fields = {"Host": "a", "Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Key": KEY,
                  "Sec-WebSocket-Version": "13"} | {k.replace("_", "-"): v for k, v in headers.items()}
        lines = ["GET /ws HTTP/1.1"] + [f"{k}: {v}" for k, v in fields.items() if v is not None]
        self.s.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        self.status = int(self.file.readline().split()[1])
        self.headers = {}
        while line := self.file.readline().strip():
            name, value = line.decode().split(": ", 1)
            self.headers[name.lower()] = value

    def say(self, *frames):
        for f in frames:
            self.s.sendall(f)

    def read(self):
        """(opcode, payload), or None at the end."""
        head = self.file.read(2)
        if len(head) < 2:
            return None
        assert head[0] & 0x70 == 0 and head[1] < 128  # nothing reserved, never masked
        size = head[1]
        if size > 125:
            size = struct.unpack(">H" if size == 126 else ">Q", self.file.read(2 if size == 126 else 8))[0]
        return head[0] & 0xF, self.file.read(size)

    def message(self):
        opcode, payload = self.read()
        assert opcode == TEXT, (opcode, payload)
        return json.loads(payload)

    def closed_with(self):
        """Read on to the close frame: its code; then the connection ends."""
        while True:
            opcode, payload = self.read()
            if opcode == CLOSE:
                break
        self.s.shutdown(socket.SHUT_WR)
        assert self.read() is None
        return int.from_bytes(payload[:2], "big") if payload else None

    def __enter__(self):
        assert self.status == 101, self.status
        assert self.message()["type"] == "connected"
        return self

    def __exit__(self, *_):
        self.s.close()


ASK = b'{"type":"ping"}'


@pytest.mark.smoke
def test_the_handshake(server):
    raw = Raw(server)
    assert raw.status == 101 and raw.headers["sec-websocket-accept"] == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
    assert raw.headers["upgrade"].lower() == "websocket" and raw.headers["connection"].lower() == "upgrade"
    assert "x-request-id" in raw.headers
    raw.s.close()
    for wrong, status in [({"Upgrade": None}, 426), ({"Connection": "keep-alive"}, 426), ({"Sec_WebSocket_Version": "8"}, 426),
                          ({"Sec_WebSocket_Key": None}, 400), ({"Sec_WebSocket_Key": "short"}, 400)]:
        raw = Raw(server, **wrong)
        assert raw.status == status, wrong
        if status == 426:
            assert raw.headers["upgrade"].lower() == "websocket"
        raw.s.close()


def test_a_client_library_gets_along(server):
    ws = websocket.create_connection("ws" + server.url[4:] + "/ws", timeout=15 * PATIENCE)
    assert json.loads(ws.recv())["type"] == "connected"
    for _ in range(5):  # not so many that it talks too fast
        ws.send(ASK.decode())
        assert json.loads(ws.recv())["type"] == "pong"
    ws.ping("payload")
    assert ws.recv_data(control_frame=True) == (PONG, b"payload")
    ws.close(status=1000)
    assert not ws.connected


def test_fragments_with_control_frames_between_them(server):
    with Raw(server) as raw:
        raw.say(frame(0x01, ASK[:3]), frame(0x89, b"p"), frame(0x00, ASK[3:9]), frame(0x8A, b"unasked"), frame(0x00), frame(0x80, ASK[9:]))
        assert raw.read() == (PONG, b"p")
        assert raw.message()["type"] == "pong"


def test_frames_cut_at_every_byte(server):
    with Raw(server) as raw:
        text = frame(0x89, b"cut")
        for cut in range(1, len(text)):
            raw.say(text[:cut], text[cut:])
            assert raw.read() == (PONG, b"cut")


OFFENCES = {
    "unmasked": (1002, [frame(0x81, b"x", b"")]),
    "reserved bit": (1002, [frame(0xC1, b"x")]),
    "reserved opcode": (1002, [frame(0x83, b"x")]),
    "reserved control": (1002, [frame(0x8B)]),
    "continues nothing": (1002, [frame(0x80, b"x")]),
    "interrupts": (1002, [frame(0x01, b"x"), frame(0x81, b"y")]),
    "fragmented ping": (1002, [frame(0x09)]),
    "long ping": (1002, [b"\x89\xfe\x00\x7e\x00\x00\x00\x00"]),
    "wasteful length": (1002, [b"\x81\xfe\x00\x01\x00\x00\x00\x00x"]),
    "negative length": (1002, [b"\x81\xff\x80\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"]),
    "not UTF-8": (1007, [frame(0x81, b"\xff")]),
    "cut UTF-8": (1007, [frame(0x01, b"\xe2\x82"), frame(0x80)]),
    "surrogate": (1007, [frame(0x81, b"\xed\xa0\x80")]),
    "too large": (1009, [b"\x81\xff\x00\x00\x00\x7f\x00\x00\x00\x00\x00\x00\x00\x00x"]),
    "one byte of code": (1002, [frame(0x88, b"\x03")]),
    "no such code": (1002, [frame(0x88, b"\x03\xed")]),
    "reason not UTF-8": (1007, [frame(0x88, b"\x03\xe8\xff")]),
}


@pytest.mark.parametrize("what", OFFENCES)
def test_an_offence_is_closed_with_its_code(server, what):
    code, frames = OFFENCES[what]
    with Raw(server) as raw:
        raw.say(*frames)
        assert raw.closed_with() == code


@pytest.mark.parametrize("payload, code", [(b"", None), (b"\x03\xe8", 1000), (b"\x0f\xa0ciao", 4000)])
def test_a_close_is_answered_with_its_own_code(server, payload, code):
    with Raw(server) as raw:
        raw.say(frame(0x88, payload))
        assert raw.closed_with() == code


def test_noise_leaves_the_server_standing(server):
    for _ in range(40):
        with Raw(server) as raw:
            try:
                raw.say(os.urandom(2000))
                raw.s.shutdown(socket.SHUT_WR)
                while raw.read():
                    pass
            except (OSError, AssertionError):
                pass
    with Raw(server) as raw:
        raw.say(frame(0x81, ASK))
        assert raw.message()["type"] == "pong"
