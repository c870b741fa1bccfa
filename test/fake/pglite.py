#!/usr/bin/python3
"""PostgreSQL with pgvector for tests, where npm can be had: pglite, and before it a gate, for pglite is one
backend for all who connect. Whoever begins to talk has it alone until his answer is complete and his
transaction over. Named statements would be everybody's: DB_PREPARED=off.

    with Pglite(folder) as pglite:      # None instead where npm or its packages are missing: see pglite_packages
        ... DATABASE_URL=pglite.url, DB_PREPARED=off"""

import pathlib
import shutil
import signal
import socket
import struct
import subprocess
import threading
import time

PACKAGES = ["@electric-sql/pglite@0.5", "@electric-sql/pglite-socket@0.2", "@electric-sql/pglite-pgvector"]
SERVER = "node_modules/.bin/pglite-server"
STARTUP_CANCEL, STARTUP_SSL = 80877102, 80877103
BEGIN_S = 60


def pglite_packages(folder):
    """The folder with the packages in it, fetched once; a word why not."""
    folder = pathlib.Path(folder)
    if (folder / SERVER).exists():
        return None
    if not shutil.which("npm"):
        return "npm is not here"
    folder.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--prefix", folder, *PACKAGES],
                          capture_output=True, text=True, timeout=300)
    return None if done.returncode == 0 else f"npm has no {' '.join(PACKAGES)}"


def exactly(s, count):
    data = b""
    while len(data) < count:
        more = s.recv(count - len(data))
        if not more:
            raise ConnectionError("closed")
        data += more
    return data


def message(s):
    head = exactly(s, 5)
    return head + exactly(s, struct.unpack("!I", head[1:])[0] - 4)


class Client:
    """One who connected."""

    def __init__(self, gate, client):
        self.gate, self.client = gate, client
        self.lock, self.holds, self.asked, self.state = threading.Lock(), False, 0, b"I"
        self.begun = False  # a group of messages of which the end was not sent yet
        self.upstream = None

    def take(self):
        if not self.holds:
            self.gate.turn.acquire()
            self.holds = True

    def run(self):
        try:
            size = struct.unpack("!I", exactly(self.client, 4))[0]
            start = exactly(self.client, size - 4)
            code = struct.unpack("!I", start[:4])[0]
            if code == STARTUP_CANCEL:
                return
            if code == STARTUP_SSL:
                self.client.sendall(b"N")
                size = struct.unpack("!I", exactly(self.client, 4))[0]
                start = exactly(self.client, size - 4)
            with self.lock:
                self.take()
                self.asked = 1
            self.upstream = socket.create_connection(("127.0.0.1", self.gate.behind))
            self.upstream.sendall(struct.pack("!I", size) + start)
            answers = threading.Thread(target=self.answers, daemon=True)
            answers.start()
            self.questions()
        except OSError:
            pass
        finally:
            self.end()

    def questions(self):
        while True:
            data = message(self.client)
            if data[:1] == b"X":
                return
            with self.lock:
                self.take()
                self.asked += data[:1] in (b"Q", b"S")
                self.begun = data[:1] not in (b"Q", b"S")
            self.upstream.sendall(data)

    def answers(self):
        try:
            while True:
                data = message(self.upstream)
                with self.lock:
                    if data[:1] == b"Z":
                        self.asked -= 1
                        self.state = data[5:6]
                        if self.holds and not self.asked and not self.begun and self.state == b"I":
                            self.holds = False
                            self.gate.turn.release()
                try:
                    self.client.sendall(data)
                except OSError:
                    pass  # he is gone: his answers are read to their end all the same
        except OSError:
            pass

    def end(self):
        """Nothing that he began stays open."""
        self.client.close()
        if not self.upstream:
            return
        until = time.monotonic() + 10
        while self.asked and time.monotonic() < until:
            time.sleep(0.005)
        if self.holds:
            text = b"ROLLBACK\0"
            with self.lock:
                self.asked += 2
                self.begun = False
            self.upstream.sendall(b"S" + struct.pack("!I", 4) + b"Q" + struct.pack("!I", 4 + len(text)) + text)
            while self.holds and time.monotonic() < until:
                time.sleep(0.005)
        self.upstream.close()
        with self.lock:
            if self.holds:
                self.holds = False
                self.gate.turn.release()


class Pglite:
    def __init__(self, packages):
        self.packages, self.turn = pathlib.Path(packages), threading.Semaphore()
        self.process = self.listener = None

    @property
    def url(self):
        return f"postgresql://postgres:any@127.0.0.1:{self.port}/postgres?sslmode=disable"

    def __enter__(self):
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.behind = s.getsockname()[1]
        self.process = subprocess.Popen(
            [self.packages / SERVER, "--db=memory://", f"--port={self.behind}", "--host=127.0.0.1", "-m", "60",
             "--extensions=@electric-sql/pglite-pgvector:vector"], cwd=self.packages, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        until = time.monotonic() + BEGIN_S
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.behind), 1).close()
                break
            except OSError:
                assert time.monotonic() < until and self.process.poll() is None, "pglite does not begin"
                time.sleep(0.1)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()
        return self

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=Client(self, client).run, daemon=True).start()

    def __exit__(self, *_):
        self.listener.close()
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
