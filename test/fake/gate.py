#!/usr/bin/python3
"""A gate before a server, for tests of what becomes of its clients when it falls silent: connections are
accepted, what is sent is taken, and nothing comes back.

    with Gate("postgresql://user@127.0.0.1:5432/x") as gate:
        ... use gate.url, the same address with the gate's port ...
        gate.hang()          # gate.held: set as soon as somebody has sent something that is held
        gate.heal()          # what was held goes through

    gate.called_off: set when PostgreSQL was asked in vain, as often as a small machine has threads, to cancel"""

import socket
import struct
import threading
import urllib.parse

CANCEL, CANCELS = 80877102, 2


class Gate:
    def __init__(self, url):
        parts = urllib.parse.urlsplit(url)
        self.target = parts.hostname, parts.port
        self.server = socket.create_server(("127.0.0.1", 0), backlog=128)
        who = parts.netloc.rsplit("@", 1)[0] + "@" if "@" in parts.netloc else ""
        port = self.server.getsockname()[1]
        self.url = parts._replace(netloc=f"{who}127.0.0.1:{port}").geturl()
        self.open, self.held, self.closing = threading.Event(), threading.Event(), False
        self.open.set()
        self.cancels, self.called_off = 0, threading.Event()
        self.sockets = []
        self.lock = threading.Lock()

    def hang(self):
        self.held.clear()
        self.open.clear()

    def heal(self):
        self.open.set()

    def keep(self, one):
        with self.lock:
            self.sockets.append(one)
        return one

    def accept(self):
        while not self.closing:
            try:
                client = self.keep(self.server.accept()[0])
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def look(self, client):
        """PostgreSQL's clients say with their first bytes that they come to cancel only."""
        head = client.recv(8, socket.MSG_PEEK)
        if len(head) == 8 and struct.unpack("!II", head) == (16, CANCEL):
            self.cancels += 1
            if self.cancels >= CANCELS:
                self.called_off.set()

    def serve(self, client):
        if not self.open.is_set():
            self.look(client)
        self.open.wait()
        if self.closing:
            return
        try:
            target = self.keep(socket.create_connection(self.target, 10))
            target.settimeout(None)
        except OSError:
            client.close()
            return
        threading.Thread(target=self.pump, args=(target, client), daemon=True).start()
        self.pump(client, target)

    def pump(self, source, to):
        try:
            while data := source.recv(65536):
                if not self.open.is_set():
                    self.held.set()
                    self.open.wait()
                if self.closing:
                    return
                to.sendall(data)
            to.shutdown(socket.SHUT_WR)
        except OSError:
            for one in (source, to):
                try:
                    one.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def __enter__(self):
        threading.Thread(target=self.accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.closing = True
        self.open.set()
        self.server.close()
        with self.lock:
            for one in self.sockets:
                one.close()
