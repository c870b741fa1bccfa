"""The front page, as the products that are served make it together."""

import pytest
from harness import problem

VEYL = {"message", "version", "status", "docs"}
ROBIAN = {"message", "version", "environment", "status", "docs", "features", "endpoints", "links"}


def root(server, **headers):
    answer = server.client().get("/", headers=headers)
    assert answer.status_code == 200, answer.text
    return answer


def test_all_products_say_what_they_are(server):
    body = root(server).json()
    assert set(body) == ROBIAN and body["status"] == "healthy" and body["message"] == "veyl.io API"
    assert body["environment"] == "development" and "debates" in body["features"]


def test_a_product_alone_has_the_front_page(make_server):
    veyl, robian = make_server(PRODUCTS="veyl"), make_server(PRODUCTS="robian")
    body = root(veyl).json()
    assert set(body) == VEYL and body["status"] == "healthy"
    body = root(robian).json()
    assert set(body) == ROBIAN and body["status"] == "operational" and "Robian" in body["message"]
    assert body["docs"] == "/docs"
    for server in (veyl, robian):
        with server.client() as client:
            assert "css" in client.get("/shared/page.css").headers["Content-Type"]
            first = client.get("/")
            assert client.get("/", headers={"If-None-Match": first.headers["ETag"]}).status_code == 304
            head = client.head("/")
            assert head.headers["ETag"] == first.headers["ETag"] and head.text == ""
            problem(client.get("/shared/nothing.css"), 404)
            problem(client.get("/shared/search.js"), 404)
            problem(client.post("/"), 405)
    assert "<h1>veyl</h1>" in root(veyl, Accept="text/html").text
    page = root(robian, Accept="text/html")
    assert page.headers["Content-Type"].startswith("text/html") and "/listen/" in page.text
    with robian.client() as client:
        problem(client.get("/console/console.js"), 404)
        problem(client.get("/search"), 404)


@pytest.mark.parametrize("name", ["debates", "programme", "collections", "favorites", "search", "suggestions",
                                  "speakers", "alerts", "stats", "feeds", "events", "websocket", "health"])
def test_what_the_front_page_leads_to_is_there(server, name):
    path = root(server).json()["endpoints"][name]
    answer = server.client().get(path)
    assert answer.status_code != 404, path
