"""The page at /search in a real browser: what a person sees, types and clicks."""

import collections
import datetime
import pathlib
import shutil
import sys
import urllib.parse

import pytest
from harness import DATABASE, VARIANT, register_user
from veyl import bulk

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "fake"))
from place import place_keep  # noqa: E402

webdriver = pytest.importorskip("selenium.webdriver", reason="no python3-selenium")
from selenium.webdriver.chrome.service import Service  # noqa: E402
from selenium.webdriver.common.action_chains import ActionChains  # noqa: E402
from selenium.webdriver.common.keys import Keys  # noqa: E402
from selenium.webdriver.support.ui import WebDriverWait  # noqa: E402

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
pytestmark = [
    pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="no chromium with chromedriver"),
    pytest.mark.skipif(VARIANT != "plain" or DATABASE != "sqlite", reason="the page is the same; once is enough"),
]
ARGUMENTS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
             "--disable-background-networking", "--disable-component-update", "--disable-sync",
             "--disable-dev-shm-usage", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"]
HOSTILE = ("<img src=x onerror=\"document.title='pwned'\"> <em>hostile</em> <script>document.title='pwned'</script> "
           "&lt;b&gt; </em></p><svg onload=alert(1)>")
PATIENCE_S = 30


def some_posts():
    """120 posts over a year, three of them special."""
    posts = []
    for i in range(120):
        platform = ["instagram", "tiktok", "facebook"][i % 3]
        posts.append({
            "id": f"{platform}_page{i}", "platform": platform, "author": f"author{i % 7}", "language": ["fr", "en"][i % 2],
            "caption": f"{'montagne' if i % 2 else 'cathedral'} number {i}", "hashtags": [f"tag{i % 9}", "all"],
            "metrics": {"likes": i * 37 % 1000 * 10, "comments": i % 4}, "permalink": f"https://example.org/{i}",
            "posted_at": (datetime.datetime(2025, 1, 3, 12) + datetime.timedelta(days=3 * i)).isoformat() + "Z"})
    posts[5]["caption"] = "Quelle belle lumière ce matin"
    posts[6]["caption"] = "L'infini " + "et encore des mots " * 60 + "jusqu'au zanzibar " + "puis la suite " * 60
    posts[7] |= {"caption": HOSTILE, "hashtags": ["__proto__", "all"], "author": "mallory,<b>", "permalink": "javascript://example.org/%0Aalert(1)"}
    return posts


POSTS = some_posts()


class Page:
    def __init__(self, browser, server):
        self.browser, self.server = browser, server

    def open(self, query="", path="/search"):
        self.browser.get(f"{self.server.url}{path}{query}")
        return self

    def search(self, **state):
        self.open("?" + urllib.parse.urlencode(state, doseq=True) if state else "")
        return self.settled()

    def js(self, code, *args):
        return self.browser.execute_script(code, *args)

    def one(self, selector):
        return self.js("return document.querySelector(arguments[0])", selector)

    def text(self, selector):
        return self.js("return document.querySelector(arguments[0])?.innerText ?? ''", selector)

    def visible(self, selector):
        return self.js("return Boolean(document.querySelector(arguments[0])?.checkVisibility())", selector)

    def texts(self, selector):
        return self.js("return [...document.querySelectorAll(arguments[0])].map((e) => e.innerText)", selector)

    def ids(self):
        return self.js("return [...document.querySelectorAll('#hits > li[data-id]')].map((e) => e.dataset.id)")

    def until(self, check, what=""):
        """Wait until it holds; what it gave."""
        WebDriverWait(self.browser, PATIENCE_S, 0.02).until(lambda _: check(), what)
        return check()

    def settled(self):
        self.until(lambda: self.js("return document.querySelector('main')?.ariaBusy") == "false", "no answer")
        return self

    def total(self):
        digits = "".join(c for c in self.text("#total strong") if c.isdigit())
        return int(digits) if digits else None

    def shows(self, total):
        self.until(lambda: self.total() == total, f"not {total} posts but {self.text('#total')} {self.text('#trouble')}")
        return self.settled()

    def type(self, text):
        self.one("#q").send_keys(text)
        return self

    def counts(self, field):
        return dict(self.js("""return [...document.querySelectorAll(`#facets input[data-field=${arguments[0]}]`)]
            .map((e) => [e.dataset.value, Number(e.parentElement.querySelector('.count').innerText.replace(/\\D/g, ''))])""", field))

    def tick(self, field, value):
        self.js("""[...document.querySelectorAll(`#facets input[data-field=${arguments[0]}]`)]
            .find((e) => e.dataset.value === arguments[1]).click()""", field, value)
        return self.settled()

    def state(self):
        return urllib.parse.parse_qs(urllib.parse.urlsplit(self.browser.current_url).query)

    def complaints(self):
        """What the browser's console says, but for answers that were meant to be errors."""
        return [line["message"] for line in self.browser.get_log("browser") if "Failed to load resource" not in line["message"]]


def start_browser(folder, language="en-US", *more):
    options = webdriver.ChromeOptions()
    for argument in [*ARGUMENTS, f"--user-data-dir={folder}", "--window-size=1280,900", f"--lang={language}", *more]:
        options.add_argument(argument)
    options.add_experimental_option("prefs", {"intl.accept_languages": language})
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    options.binary_location = CHROMIUM
    return webdriver.Chrome(service=Service(DRIVER), options=options)


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    browser = start_browser(tmp_path_factory.mktemp("browser"))
    yield browser
    browser.quit()


@pytest.fixture(scope="module")
def person(server, user_client):
    assert bulk(user_client, POSTS)["created"] == len(POSTS)
    return register_user(server)


def sign_in(page, person, path="/search"):
    page.open(path=path)
    page.until(lambda: page.one("#login [name=email]"))
    page.one("#login [name=email]").send_keys(person["email"])
    page.one("#login [name=password]").send_keys(person["password"], Keys.ENTER)


@pytest.fixture
def page(browser, server, person):
    """Signed in, at the search page."""
    page = Page(browser, server).open()
    if not page.js("return sessionStorage.access"):
        sign_in(page, person)
    page.settled()
    page.complaints()
    yield page
    assert page.complaints() == []


# -- finding ------------------------------------------------------------------------------------------


def test_one_signs_in_first_and_comes_back_to_the_same_search(browser, server, person):
    page = Page(browser, server).open("?q=cathedral")
    page.js("sessionStorage.clear()")
    page.open("?q=cathedral")
    page.until(lambda: page.one("#login [name=email]"))
    assert not page.visible("#page")
    page.one("#login [name=email]").send_keys(person["email"])
    page.one("#login [name=password]").send_keys("a wrong one", Keys.ENTER)
    page.until(lambda: page.text("#login [role=alert]"))
    page.one("#login [name=password]").clear()
    page.one("#login [name=password]").send_keys(person["password"], Keys.ENTER)
    page.shows(len([p for p in POSTS if "cathedral" in p["caption"]]))


def test_each_letter_is_answered_and_errors_are_forgiven(page):
    page.search()
    assert page.total() == len(POSTS)
    for end in range(1, 10):
        page.type("cathedarl"[end - 1])
        page.until(lambda: page.state().get("q") == ["cathedarl"[:end]])
        page.settled()
        assert page.text("#trouble") == ""
    page.shows(len([p for p in POSTS if "cathedral" in p["caption"]]))
    assert page.texts("#hits mark")[:2] == ["cathedral", "cathedral"]
    assert " ms" in page.text("#total")


def test_a_stale_answer_is_thrown_away(page):
    """The answer to the first question comes last, and even pays no heed to being cancelled."""
    page.search()
    page.js("""const real = window.fetch;
        window.fetch = (address, options) => {
          if (!String(address).includes('q=montagn')) return real(address, options);
          return new Promise((done) => { window.release = () => real(address, { ...options, signal: undefined }).then(done); });
        };""")
    page.type("montagn")
    page.until(lambda: page.js("return Boolean(window.release)"))
    page.one("#q").clear()
    page.type("lumiere")
    page.until(lambda: page.ids() == [POSTS[5]["id"]])
    page.settled()
    page.js("window.release()")
    page.js("return fetch('/ping').then((answer) => answer.text())")
    page.js("return new Promise((done) => setTimeout(done, 300))")
    assert page.ids() == [POSTS[5]["id"]] and page.total() == 1


def test_captions_are_text_whatever_they_hold(page):
    page.search(q="hostile")
    assert page.ids() == [POSTS[7]["id"]]
    assert page.js("return document.querySelector('#hits .text').textContent") == HOSTILE
    assert page.js("return document.querySelectorAll('#hits :is(img, script, svg, em, b)').length") == 0
    assert page.texts("#hits .text mark") == ["hostile"]
    assert page.one("#hits .open") is None, "a link to javascript:"
    assert "pwned" not in page.browser.title
    assert page.text("#hits .author") == "mallory,<b>"
    page.one("#hits .author").click()
    page.settled()
    assert page.total() == 1 and page.state()["author"] == ["mallory,<b>"]
    assert page.counts("hashtags") == {"__proto__": 1, "all": 1}


def test_long_captions_are_cut_around_what_was_found(page):
    page.search(q="zanzibar")
    shown = page.text("#hits .text")
    assert "zanzibar" in shown and len(shown) < 400 and shown.startswith("…")
    page.one("#hits .text button").click()
    assert page.js("return document.querySelector('#hits .text').textContent") == POSTS[6]["caption"]


def test_nothing_found_is_said(page):
    page.search(q='"no such words"', platform="tiktok")
    assert page.text("#total").startswith("0 posts") and page.texts("#hits > li")[0].startswith("No post matches.")
    page.one("#hits button").click()
    page.settled()
    assert "platform" not in page.state()


# -- narrowing ----------------------------------------------------------------------------------------


def test_facets_are_ticked_and_count_without_their_own_filter(page):
    page.search(q="number")
    found = [p for p in POSTS if "number" in p["caption"]]
    count = lambda key, keep: dict(collections.Counter(p[key] for p in found if keep(p)))  # noqa: E731
    assert page.counts("platform") == count("platform", lambda p: True)
    page.tick("platform", "tiktok")
    page.tick("language", "fr")
    both = [p for p in found if p["platform"] == "tiktok" and p["language"] == "fr"]
    assert page.total() == len(both)
    assert page.counts("platform") == count("platform", lambda p: p["language"] == "fr")
    assert page.counts("language") == count("language", lambda p: p["platform"] == "tiktok")
    assert page.counts("author").items() <= count("author", lambda p: p in both).items()
    page.tick("platform", "facebook")
    assert page.total() == len([p for p in found if p["platform"] != "instagram" and p["language"] == "fr"])
    assert page.state() == {"q": ["number"], "platform": ["tiktok", "facebook"], "language": ["fr"]}
    assert len(page.texts("#chips li")) == 4
    page.one("#chips button").click()
    page.settled()
    assert page.state()["platform"] == ["facebook"]


def test_the_address_holds_everything_and_back_goes_back(page):
    page.search(q="number")
    everything = page.total()
    page.tick("platform", "tiktok")
    page.js("const s = document.querySelector('#sort'); s.value = 'engagement'; s.onchange()")
    page.settled()
    first = page.ids()
    page.browser.back()
    page.until(lambda: "sort" not in page.state())
    page.settled()
    assert page.ids() != first and page.js("return document.querySelector('#sort').value") == "best"
    page.browser.back()
    page.shows(everything)
    assert page.js("return document.querySelector('#q').value") == "number" and page.texts("#chips li") == []
    page.search(q="number", platform="tiktok", sort="engagement")
    assert page.ids() == first and page.js("return document.querySelector('#sort').value") == "engagement"
    page.search(q="number", sort="__proto__", by="hour", **{"from": "2025-02-31", "to": "never"})
    assert page.total() == everything


def test_typing_a_word_is_one_step_back(page):
    page.search()
    page.js("for (const letter of 'montagne') document.execCommand('insertText', false, letter)")  # without a rest
    page.shows(len([p for p in POSTS if "montagne" in p["caption"]]))
    page.browser.back()
    page.shows(len(POSTS))
    assert page.js("return document.querySelector('#q').value") == ""


def bar_at(page, share):
    """Where in the window that share of the chart's width is."""
    box = page.js("const b = document.querySelector('#chart svg').getBoundingClientRect(); return [b.left, b.top, b.width, b.height]")
    return int(box[0] + share * box[2]), int(box[1] + box[3] / 2)


def drag(page, start, end):
    for kind, (x, y) in (("mousePressed", start), ("mouseMoved", end), ("mouseReleased", end)):
        page.browser.execute_cdp_cmd("Input.dispatchMouseEvent", {"type": kind, "x": x, "y": y, "button": "left", "buttons": 1, "clickCount": 1})


def chosen(page):
    low, high = page.state()["from"][0], page.state()["to"][0]
    return [p for p in POSTS if low <= p["posted_at"][:10] < high]


def test_days_are_chosen_on_the_chart(page):
    page.search(by="month")
    drag(page, bar_at(page, 0.3), bar_at(page, 0.3))
    page.until(lambda: "from" in page.state())
    page.settled()
    assert page.texts("#chips li")[0].startswith("From ") and "2025" in page.texts("#chips li")[0]
    assert page.state()["from"][0].endswith("-01") and page.state()["to"][0].endswith("-01")
    assert page.total() == len(chosen(page)) > 0
    drag(page, bar_at(page, 0.75), bar_at(page, 0.45))
    page.until(lambda: page.total() == len(chosen(page)) > 30)
    page.settled()
    assert page.js("return document.querySelectorAll('#chart svg .out').length") == 1
    page.js("[...document.querySelectorAll('#chart button')].find((b) => b.innerText === 'Any time').click()")
    page.shows(len(POSTS))


def test_days_are_chosen_by_typing(page):
    page.search()
    page.js("const e = document.querySelector('#to'); e.value = '2025-01-31'; e.dispatchEvent(new Event('change'))")
    page.until(lambda: page.state().get("to") == ["2025-02-01"])
    page.shows(len([p for p in POSTS if p["posted_at"] < "2025-02-01"]))


def test_the_unit_of_the_chart_suits_what_was_found(page):
    pressed = "#chart [aria-pressed=true]"
    page.search()
    assert page.text(pressed) == "Week"
    page.type('"number 9"').settled()
    page.until(lambda: page.text(pressed) == "Day")
    page.one("#q").clear()
    page.type(Keys.SPACE)
    page.until(lambda: page.text(pressed) == "Week")


def test_sorts(page):
    page.search(sort="engagement")
    assert page.ids()[:3] == [p["id"] for p in sorted(POSTS, key=lambda p: -p["metrics"]["likes"] - p["metrics"]["comments"])[:3]]
    page.search(sort="newest")
    assert page.ids()[:3] == [p["id"] for p in sorted(POSTS, key=lambda p: p["posted_at"], reverse=True)[:3]]


def test_scrolling_brings_all_once(page):
    page.search()
    assert len(page.ids()) < len(POSTS)
    def scrolled():
        page.js("scrollTo(0, document.body.scrollHeight)")
        return len(page.ids()) >= len(POSTS)
    page.until(scrolled)
    assert sorted(page.ids()) == sorted(p["id"] for p in POSTS)
    assert not page.visible("#more")


# -- saying -------------------------------------------------------------------------------------------


def test_a_mistake_is_a_sentence_and_what_was_found_stays(page):
    page.search(q="cathedral")
    before = page.ids()
    # At once: half of it is a word, which nobody said.
    page.js("document.querySelector('#q').select(); document.execCommand('insertText', false, 'likes:many')")
    page.until(lambda: page.text("#trouble") == "`likes` needs a number, not `many`")
    page.settled()
    assert page.js("return document.querySelector('main').classList.contains('stale')")
    assert page.ids(), "the hits went away"
    page.one("#q").clear()
    page.type("cathedral")
    page.until(lambda: page.ids() == before and page.text("#trouble") == "")


def test_too_many_searches_go_on_by_themselves(page):
    page.search()
    page.js("""const real = window.fetch;
        window.fetch = (address, options) => {
          if (window.refused || !String(address).includes('q=lumi')) return real(address, options);
          window.refused = true;
          return Promise.resolve(new Response('{"detail": "slow down"}', { status: 429, headers: { 'Retry-After': '1' } }));
        };
        window.told = [];
        new MutationObserver(() => window.told.push(document.querySelector('#trouble').textContent))
          .observe(document.querySelector('#trouble'), { childList: true });""")
    page.type("l").type("u").type("m").type("i")
    page.until(lambda: any("1 s" in text for text in page.js("return window.told")))  # it stands there for a second
    page.until(lambda: page.ids() == [POSTS[5]["id"]] and not page.text("#trouble"))


def test_a_server_that_went_away_is_found_again(make_server, tmp_path):
    place = place_keep(0)
    server = make_server(LISTEN=f"127.0.0.1:{place.getsockname()[1]}")
    browser = start_browser(tmp_path / "profile")
    try:
        page = Page(browser, server)
        sign_in(page, register_user(server))
        page.settled()
        server.stop()
        page.type("anything")
        page.until(lambda: page.text("#trouble") == "The server does not answer.")
        server.start()
        page.until(lambda: page.text("#trouble") == "" and page.total() == 0)
    finally:
        browser.quit()
        place.close()


def test_an_expired_session_is_renewed_unseen(page):
    page.search()
    page.js("sessionStorage.access = 'not.a.token'")
    page.type("lumiere").shows(1)
    assert page.js("return sessionStorage.access") != "not.a.token"


def test_why_a_hit_is_here(page):
    page.search(q="belle lumeire ")
    page.one("#hits .why").click()
    page.until(lambda: page.one(".reasons"))
    rows = dict(zip(page.texts(".reasons dt"), page.texts(".reasons dd")))
    assert rows["Words found"] == "2 of 2" and rows["Typing errors forgiven"] == "1" and rows["Where"] == "in the caption"
    assert page.js("return document.querySelector('#hits .why').ariaExpanded") == "true"
    page.one("#hits .why").click()
    assert page.one(".reasons") is None


def test_keys(page):
    page.search(q="cathedral")
    active = lambda: page.js("return document.activeElement.id || document.activeElement.dataset.place")  # noqa: E731
    press = lambda *keys: ActionChains(page.browser).send_keys(*keys).perform()  # noqa: E731
    assert active() == "q"
    press(Keys.ARROW_DOWN)
    assert active() == "0"
    press(Keys.ARROW_DOWN, Keys.ARROW_DOWN, Keys.ARROW_UP)
    assert active() == "1"
    press(Keys.ARROW_RIGHT)
    page.until(lambda: page.one("#hits > li:nth-child(2) .reasons"))
    press(Keys.ARROW_LEFT)
    page.until(lambda: not page.one(".reasons"))
    press(Keys.ARROW_UP, Keys.ARROW_UP)
    assert active() == "q"
    press(Keys.ARROW_DOWN, "/")
    assert active() == "q" and page.js("return document.querySelector('#q').value") == "cathedral"
    press(Keys.ESCAPE)
    page.shows(len(POSTS))
    assert page.js("return document.querySelector('#q').value") == ""


def test_the_help_has_examples_that_work(page):
    page.search()
    page.one("#help-open").click()
    page.until(lambda: page.one("#help dt button"))
    for i, example in enumerate(page.texts("#help dt button")):
        page.js("document.querySelectorAll('#help dt button')[arguments[0]].click()", i)
        page.until(lambda: page.state().get("q") == [example])
        page.settled()
        assert page.text("#trouble") == "", example


def test_a_search_is_saved_in_a_project(browser, server, page, person):
    assert not page.visible("#save-open")
    client = server.client(person["access_token"])
    project = client.post("/api/v1/projects", json={"name": "<i>Mine</i>"}).json()["id"]
    page.search(q="cathedral", platform="tiktok", author='mallory,<b>')
    page.until(lambda: page.visible("#save-open"))
    page.one("#save-open").click()
    page.until(lambda: page.visible("#save [name=name]"))
    page.one("#save [name=name]").clear()
    page.one("#save [name=name]").send_keys("Mallory's", Keys.ENTER)
    page.until(lambda: "<i>Mine</i>" in page.text("#total"))
    saved = client.get(f"/api/v1/projects/{project}/searches").json()
    assert [(s["name"], s["q"], s["filter"]) for s in saved] == \
        [("Mallory's", "cathedral", 'platform IN ["tiktok"] AND author IN ["mallory,<b>"]')]
    page.one("#save-open").click()
    page.until(lambda: page.visible("#save [name=name]"))
    page.one("#save [name=name]").clear()
    page.one("#save [name=name]").send_keys("Mallory's", Keys.ENTER)
    page.until(lambda: page.text("#save [role=alert]") == "The project has a saved search of this name")
    page.one("#save [type=button]").click()


# -- for everybody ------------------------------------------------------------------------------------


def test_french_and_english(page):
    page.search(q="likes:many")
    assert page.js("return document.documentElement.lang") == "en"
    page.one("#language").click()
    page.until(lambda: page.text("#trouble") == "« likes » attend un nombre, et non « many ».")
    assert page.js("return document.documentElement.lang") == "fr" and "Recherche" in page.browser.title
    page.one("#q").clear()
    page.type("cathedral").shows(len([p for p in POSTS if "cathedral" in p["caption"]]))
    assert "posts" in page.text("#total") and page.texts("legend")[0] == "Plateforme"
    page.one("#language").click()
    page.until(lambda: page.js("return document.documentElement.lang") == "en")
    page.settled()


def test_everything_one_can_use_has_a_name(page):
    page.search(q="cathedral")
    page.one("#help-open").click()
    page.until(lambda: page.one("#help dt button"))
    nodes = page.browser.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
    usable = [n for n in nodes if not n.get("ignored") and n["role"]["value"] in
              ("button", "link", "checkbox", "combobox", "searchbox", "textbox", "Date", "img", "list", "group")]
    assert len(usable) > 40
    nameless = [n["role"]["value"] for n in usable if n["role"]["value"] not in ("list", "group") and not n.get("name", {}).get("value")]
    assert nameless == []
    page.until(lambda: page.text("#status").startswith(str(page.total())) or page.js("return document.querySelector('#status').textContent").startswith(str(page.total())))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_stand_out_from_their_ground(page, scheme):
    """Contrast of at least 4.5 to 1 (WCAG 2.1, 1.4.3)."""
    page.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]})
    page.search(q="cathedral", platform="tiktok")
    poor = page.js("""
        const light = ([r, g, b]) => [r, g, b].map((v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
          .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
        const colour = (text) => text.match(/[\\d.]+/g).map(Number);
        const ground = (e) => { for (; e; e = e.parentElement) { const c = colour(getComputedStyle(e).backgroundColor); if (c.length < 4 || c[3] > 0) return c; } return [255, 255, 255]; };
        const poor = [];
        for (const e of document.querySelectorAll('body *')) {
          if (![...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim()) || !e.checkVisibility() || e.matches('option, :disabled')) continue;
          const [a, b] = [light(colour(getComputedStyle(e).color)), light(ground(e))].sort((x, y) => y - x);
          if ((a + 0.05) / (b + 0.05) < 4.5) poor.push([e.outerHTML.slice(0, 80), (a + 0.05) / (b + 0.05)]);
        }
        return poor;""")
    page.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    assert poor == []


def test_a_phone_shows_it_without_scrolling_sideways(page):
    page.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {"width": 360, "height": 740, "deviceScaleFactor": 2, "mobile": True})
    try:
        page.search(q="number")
        assert page.js("return document.documentElement.scrollWidth") <= 360
        assert not page.visible("#facets")
        page.one("#filters-open").click()
        assert page.visible("#facets") and page.js("return document.documentElement.scrollWidth") <= 360
    finally:
        page.browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_the_page_is_small_and_strict(page):
    page.browser.execute_cdp_cmd("Network.clearBrowserCache", {})
    page.search(q="cathedral")
    loaded = page.js("""return performance.getEntries().filter((e) => e.decodedBodySize && !e.name.includes('/api/'))
        .map((e) => [new URL(e.name).pathname, e.decodedBodySize])""")
    assert len(loaded) >= 8 and sum(size for _, size in loaded) < 50_000, loaded
    answer = page.server.client().get("/search")
    assert answer.headers["Content-Type"].startswith("text/html") and "script-src 'self'" in answer.headers["Content-Security-Policy"]
    assert "'unsafe" not in answer.headers["Content-Security-Policy"]
    assert answer.text.count("<script") == 1 and "style=" not in answer.text


def test_the_parts_are_the_embedded_ones_only(server):
    client = server.client()
    for path in ("/search/search.js", "/search/search.css", "/shared/page.js", "/shared/page.css", "/console/console.js"):
        assert client.get(path).status_code == 200, path
    for path in ("/search/nothing.js", "/search/..%2Fconsole%2Fconsole.js", "/shared/", "/shared/console.js"):
        assert client.get(path).status_code in (400, 404), path


def test_the_demo_and_the_console_are_a_click_away(make_server, tmp_path):
    server = make_server(start=False)
    server.cli("demo", "--products", "veyl")
    server.start()
    browser = start_browser(tmp_path / "profile", "fr-FR")
    try:
        page = Page(browser, server).open("?q=lumi%C3%A8re")
        page.until(lambda: page.one("#demo"))
        page.one("#demo").click()
        page.until(lambda: (page.total() or 0) > 0)
        page.settled()
        assert page.texts("legend")[0] == "Plateforme" and "lumière" in page.texts("#hits mark")
        page.until(lambda: page.visible("#save-open"))
        page.one(".brand").click()
        page.until(lambda: "Projets" in page.texts("nav button"))
        page.until(lambda: "Paris, à table" in page.text("#view"))
        page.js("document.querySelector('nav a[href=\"/search\"]').click()")
        page.until(lambda: page.total() == 600)
        assert page.complaints() == []
    finally:
        browser.quit()
