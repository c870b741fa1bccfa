"""socle reindex: indexes built anew from the database, by the command or by the server that keeps them."""

import re
import shutil
import threading

from harness import Server, token
from veyl import bulk, make_posts

SEARCH = "/api/v1/posts/search"


def filled(tmp_path, count=300):
    server = Server(tmp_path / "node").start()
    client = server.client(token(server))
    posts = make_posts(count)
    bulk(client, posts)
    return server, posts


def total(server, q=""):
    answer = server.client(token(server)).get(SEARCH, params={"q": q, "limit": 1})
    assert answer.status_code == 200, answer.text
    return int(answer.headers["X-Total-Count"])


def test_the_command_builds_what_the_server_opens(tmp_path):
    server, posts = filled(tmp_path)
    try:
        server.stop()
        shutil.rmtree(server.folder / "search")
        done = server.cli("reindex")
        assert re.search(rf"^posts: {len(posts)} documents in [0-9.]+ s$", done.stdout, re.M), done.stdout
        assert "posts: " in done.stderr
        assert server.cli("reindex", "posts", "--quiet").stdout == ""
        server.errors.write_text("")
        server.start()
        assert total(server) == len(posts)
        server.wait_log(r"search index posts is open up to change [1-9]")
        assert "built anew" not in server.log()
    finally:
        server.close()


def test_an_unknown_index_is_named_with_those_that_are(tmp_path):
    server, _ = filled(tmp_path, 3)
    try:
        server.stop()
        done = server.cli("reindex", "pots", code=2)
        assert "there is no index `pots`; there is posts" in done.stderr
    finally:
        server.close()


def test_a_running_server_is_asked_and_serves_meanwhile(tmp_path):
    server, posts = filled(tmp_path)
    try:
        assert total(server) == len(posts)
        over, seen = threading.Event(), []

        def search():
            while not over.is_set():
                seen.append(total(server))

        searcher = threading.Thread(target=search)
        searcher.start()
        done = server.cli("reindex", code=1)
        assert "was asked to build it anew" in done.stderr
        server.wait_log(r"search index posts is built: %d documents" % len(posts))
        over.set()
        searcher.join()
        assert set(seen) == {len(posts)}
        assert not (server.folder / "search/posts/rebuild").exists()
    finally:
        server.close()
