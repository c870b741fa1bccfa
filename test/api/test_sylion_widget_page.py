"""The chat window in a real browser, on a website of another origin with a strict policy and styles of its
own: what a visitor sees, types and hears."""

import http.server
import os
import pathlib
import shutil
import sys
import threading

import pytest
from harness import DATABASE, VARIANT, Server, token
from sylion import good

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "fake"))
from models import FakeModels  # noqa: E402
from test_sylion_widget import ASKED, Shop  # noqa: E402

webdriver = pytest.importorskip("selenium.webdriver", reason="no python3-selenium")
from selenium.webdriver.common.action_chains import ActionChains  # noqa: E402
from selenium.webdriver.common.keys import Keys  # noqa: E402
from selenium.webdriver.support.ui import WebDriverWait  # noqa: E402
from test_search_page import start_browser  # noqa: E402

pytestmark = [
    pytest.mark.skipif(not (shutil.which("chromium") and shutil.which("chromedriver")), reason="no chromium with chromedriver"),
    pytest.mark.skipif(VARIANT != "plain" or DATABASE != "sqlite", reason="the page is the same; once is enough"),
]
HOSTILE = "<img src=x onerror=\"document.title='pwned'\"><script>document.title='pwned'</script> & <b>gras</b>"
PATIENCE_S = 60
SITE = """<!doctype html><html lang="fr"><head><meta charset="utf-8"><title>shop</title>
<link rel="stylesheet" href="/site.css"><script src="{server}/widget.js" data-channel="{channel}" {more} async></script></head>
<body><h1>La boutique</h1><p id="text">Bienvenue.</p></body></html>"""
STYLES = "* { color: rgb(255, 0, 0) !important; font-size: 30px !important } div, section { display: none !important }"


class Website:
    """A website of its own origin, whose policy allows our address and nothing inline."""

    def __init__(self, server):
        self.pages = {}
        website = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                body = STYLES if self.path == "/site.css" else website.pages.get(self.path)
                self.send_response(200 if body else 404)
                self.send_header("Content-Type", "text/css" if self.path.endswith(".css") else "text/html; charset=utf-8")
                self.send_header("Content-Security-Policy", f"default-src 'none'; style-src 'self'; script-src {server.url}; "
                                                            f"connect-src {server.url}")
                self.end_headers()
                self.wfile.write((body or "").encode())

            def log_message(self, *_):
                pass

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    with FakeModels() as models:
        server = Server(tmp_path_factory.mktemp("data"), AI_CHAT_PROVIDER="openai", AI_TRIES=1, SYLION_DEBOUNCE_MS=0, **models.env())
        try:
            server.start()
            website, other = Website(server), Website(server)
            shop = Shop(server, server.client(token(server, "admin")), allowedOrigins=[website.url])
            page = SITE.format(server=server.url, channel=shop.channel, more='data-title="Une question ?"')
            website.pages["/"] = other.pages["/"] = page
            website.pages["/en"] = SITE.format(server=server.url, channel=shop.make_channel(allowedOrigins=[website.url]),
                                               more='data-language="en"')
            yield server, website, other, shop
        finally:
            server.close()


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    browser = start_browser(tmp_path_factory.mktemp("browser"))
    yield browser
    browser.quit()


class Window:
    def __init__(self, browser):
        self.browser = browser

    def open(self, url):
        self.browser.get(url)
        self.until(lambda: self.js("return Boolean(root)"), "no widget")
        return self

    def js(self, code, *args):
        return self.browser.execute_script(
            "const root = document.querySelector('socle-widget')?.shadowRoot;" + code, *args)

    def until(self, check, what=""):
        WebDriverWait(self.browser, PATIENCE_S, 0.05).until(lambda _: check(), what)

    def one(self, selector):
        return self.js("return root.querySelector(arguments[0])", selector)

    def is_open(self):
        return self.js("return !root.querySelector('.panel').hidden")

    def said(self, who):
        return self.js("return [...root.querySelectorAll(`.message.${arguments[0]} .text`)].map((e) => e.textContent)", who)

    def write(self, text):
        self.one("textarea").send_keys(text, Keys.ENTER)

    def focused(self):
        return self.js("return root.activeElement?.tagName + '.' + root.activeElement?.className")

    def keys(self, *keys):
        ActionChains(self.browser).send_keys(*keys).perform()

    def complaints(self):
        return [line["message"] for line in self.browser.get_log("browser")]


@pytest.fixture
def window(browser):
    browser.get("about:blank")
    browser.get_log("browser")
    return Window(browser)


def test_a_visitor_asks_and_goes_on_after_a_reload(window, world):
    server, website, _, shop = world
    window.open(website.url + "/")
    assert not window.is_open()
    window.one(".launch").click()
    assert window.is_open() and window.focused().startswith("TEXTAREA")
    window.write(ASKED)
    window.until(lambda: window.said("assistant"), "no answer")
    assert window.said("visitor") == [ASKED] and "neuf heures" in window.said("assistant")[0]
    assert window.js("return root.querySelector('details li').textContent").startswith("Règlement.md")
    if os.environ.get("SOCLE_SHOTS"):
        window.js("root.querySelector('details').open = true")
        window.browser.save_screenshot(os.environ["SOCLE_SHOTS"] + "/widget.png")
    window.open(website.url + "/")
    window.until(lambda: len(window.said("assistant")) == 1, "the session is lost")
    window.one(".launch").click()
    window.write("Et le lundi ?")
    window.until(lambda: len(window.said("assistant")) == 2, "no answer")
    assert window.said("visitor") == [ASKED, "Et le lundi ?"]
    found = [v for v in good(shop.owner.get("/api/v1/conversations")) if v["channelId"] == shop.channel]
    assert len(found) == 1
    assert window.complaints() == []


def test_hostile_text_stays_text(window, world):
    _, website, _, shop = world
    window.open(website.url + "/")
    window.one(".launch").click()
    window.write(HOSTILE)
    window.until(lambda: HOSTILE in window.said("visitor"))
    conversation, = [v for v in good(shop.owner.get("/api/v1/conversations")) if v["channelId"] == shop.channel]
    good(shop.owner.post(f"/api/v1/conversations/{conversation['id']}/reply", json={"content": HOSTILE}), 201)
    window.until(lambda: window.said("person") == [HOSTILE], "no reply")
    assert window.browser.title == "shop"
    assert window.js("return root.querySelectorAll('img, script, b').length") == 0


def test_the_sites_styles_and_ours_do_not_mix(window, world):
    _, website, _, _ = world
    window.open(website.url + "/")
    window.one(".launch").click()
    color, size = window.js("const s = getComputedStyle(root.querySelector('h2')); return [s.color, s.fontSize]")
    assert color != "rgb(255, 0, 0)" and size == "17px" and window.js("return getComputedStyle(root.querySelector('.launch')).width") == "56px"
    assert window.js("return root.querySelector('.panel').checkVisibility()")
    assert window.js("return getComputedStyle(document.querySelector('#text')).fontSize") == "30px"


def test_it_is_used_by_keyboard_and_heard(window, world):
    _, website, _, _ = world
    window.open(website.url + "/")
    window.js("root.querySelector('.launch').focus()")
    window.keys(Keys.ENTER)
    assert window.is_open() and window.focused().startswith("TEXTAREA")
    seen = set()
    for _ in range(12):
        window.keys(Keys.TAB)
        seen.add(window.focused())
        assert window.js("return root.querySelector('.panel').contains(root.activeElement)"), "the focus has left"
    assert {"BUTTON.", "TEXTAREA."} <= seen
    window.keys(Keys.ESCAPE)
    assert not window.is_open() and window.focused() == "BUTTON.launch"
    assert window.one(".log").get_attribute("aria-live") == "polite"
    assert window.one(".panel").get_attribute("role") == "dialog"
    assert window.one(".launch").get_attribute("aria-expanded") == "false"


def test_it_speaks_the_language_that_it_is_told(window, world):
    _, website, _, _ = world
    window.open(website.url + "/en")
    assert window.one(".launch").get_attribute("aria-label") == "Open the chat"
    window.open(website.url + "/")
    assert window.one(".launch").get_attribute("aria-label") == "Ouvrir la discussion"


def test_a_website_that_is_not_on_the_list_gets_nothing(window, world):
    _, _, other, shop = world
    before = len(good(shop.owner.get("/api/v1/conversations")))
    window.open(other.url + "/")
    window.one(".launch").click()
    window.write(ASKED)
    window.until(lambda: window.js("return root.querySelector('.note')?.textContent"), "no word of it")
    assert window.said("assistant") == []
    assert len(good(shop.owner.get("/api/v1/conversations"))) == before


def test_the_demo_page_shows_it_or_says_what_to_do(window, world):
    server, _, _, shop = world
    window.browser.get(f"{server.url}/widget/demo")
    lacks = "return [...document.querySelectorAll('main:not([hidden]) .lacks')].some((e) => e.checkVisibility())"
    window.until(lambda: window.js(lacks), "it does not say that there is nothing")
    assert "socle demo" in window.js("return document.querySelector('main:not([hidden])').innerText")
    window.open(f"{server.url}/widget/demo?channel={shop.channel}")
    assert not window.js(lacks)
    window.one(".launch").click()
    if os.environ.get("SOCLE_SHOTS"):
        window.browser.save_screenshot(os.environ["SOCLE_SHOTS"] + "/demo.png")
    window.write(ASKED)
    window.until(lambda: window.said("assistant"), "no answer")
    assert window.complaints() == []
