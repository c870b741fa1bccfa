"""The page at /inbox in a real browser: conversations as they arrive, a person's part in them, the telephone on
which the contact is played."""

import itertools
import re

import pytest
from harness import DATABASE, VARIANT, Server
from sylion import good

pytest.importorskip("selenium.webdriver", reason="no python3-selenium")
from selenium.webdriver.common.action_chains import ActionChains  # noqa: E402
from selenium.webdriver.common.keys import Keys  # noqa: E402
from test_search_page import CHROMIUM, DRIVER, HOSTILE, Page, start_browser  # noqa: E402
from test_sylion_demo import Demo  # noqa: E402

pytestmark = [
    pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="no chromium with chromedriver"),
    pytest.mark.skipif(VARIANT != "plain" or DATABASE != "sqlite", reason="the page is the same; once is enough"),
]
numbers = itertools.count(639_980_701)
ASKED = "À quelle heure ouvre la garderie du matin ?"


def number():
    return f"+33{next(numbers)}"


class Inbox(Page):
    def enter(self, query="?tenant=ecole-des-tilleuls"):
        self.open(query, "/inbox")
        self.until(lambda: self.one("#demo") or self.one("#conversations a"), "neither form nor list")
        if self.one("#demo"):
            self.js("document.querySelector('#demo').click()")
        self.until(lambda: self.js("return document.querySelector('#conversations')?.ariaBusy") == "false" and self.one("#conversations a"), "no list")
        return self

    def names(self):
        return self.texts("#conversations b")

    def choose(self, name):
        self.until(lambda: name in self.names(), f"no {name} in {self.names()}")
        self.js("""[...document.querySelectorAll('#conversations a')]
            .find((a) => a.querySelector('b').innerText === arguments[0]).click()""", name)
        self.until(lambda: self.text("#head h2") == name and self.js("return document.querySelector('#messages').ariaBusy") == "false", name)
        return self

    def said(self):
        return self.texts("#messages .message:not(.typing) > p")

    def until_said(self, words):
        self.until(lambda: any(words in text for text in self.said()), f"no {words}")

    def click(self, selector):
        self.until(lambda: self.visible(selector), f"no {selector}")
        self.js("document.querySelector(arguments[0]).click()", selector)

    def keys(self, *keys):
        ActionChains(self.browser).send_keys(*keys).perform()

    def focused(self):
        return self.js("const e = document.activeElement; return e.id || e.dataset.id || e.closest('[data-id]')?.dataset.id || e.innerText")

    def yes(self):
        self.browser.switch_to.alert.accept()

    def play(self):
        """The telephone, as somebody new."""
        self.js("sessionStorage.setItem(`phone:${arguments[0]}`, arguments[1])", self.school.id, number())
        if not self.one("#phone"):
            self.click("#phone-open")
        self.until(lambda: self.one("#phone-say"), "no telephone")
        return self

    def type_on_phone(self, text):
        self.one("#phone-say").send_keys(text, Keys.ENTER)

    def phone_says(self):
        return self.texts("#phone li:not(.typing) > p")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("data"))
    try:
        server.cli("demo", "--products", "sylion", timeout=120)
        server.start()
        server.env["LISTEN"] = server.url.removeprefix("http://")  # for a restart at the same address
        yield server
    finally:
        server.close()


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    browser = start_browser(tmp_path_factory.mktemp("browser"))
    yield browser
    browser.quit()


@pytest.fixture
def school(server):
    return Demo(server, "ecole-des-tilleuls")


@pytest.fixture
def inbox(browser, server, school):
    inbox = Inbox(browser, server)
    inbox.school = school
    inbox.open("", "/inbox/api.js")
    inbox.js("localStorage.clear(); sessionStorage.clear()")
    browser.get_log("browser")
    yield inbox
    assert inbox.complaints() == []


# -- the whole way -----------------------------------------------------------------------------------


def test_what_is_typed_on_the_telephone_is_answered_with_a_citation_that_opens(inbox):
    inbox.enter().play()
    inbox.type_on_phone(ASKED)
    inbox.until(lambda: len(inbox.phone_says()) == 2, "no answer on the telephone")
    assert inbox.phone_says()[0] == ASKED and "dès 7 h 30" in inbox.phone_says()[1]
    inbox.until(lambda: inbox.text("#head h2") == "Alex Visitor", "it is not opened")
    inbox.until_said("dès 7 h 30")
    assert inbox.names()[0] == "Alex Visitor"
    inbox.until(lambda: inbox.one("#messages .assistant .ticks.read"), "the telephone reports nothing")
    inbox.until(lambda: inbox.one("#phone .mine .ticks.read"), "the contact does not see that it was read")
    assert '"messaging_product": "whatsapp"' in inbox.js("return document.querySelector('#wire pre').textContent")
    inbox.click("#messages .cite")
    inbox.until(lambda: inbox.text("#aside mark"), "no passage")
    assert inbox.text("#aside mark") == "La garderie du matin accueille les enfants dès 7 h 30."
    assert "Horaires et garderie.md" in inbox.text("#aside h2") and "Garderie" in inbox.text("#aside .where")
    inbox.click("#messages .why")
    inbox.until(lambda: inbox.one("#aside .steps"), "no reasons")
    assert len(inbox.texts(".steps .done")) == 8 and not inbox.texts(".steps .bad")
    why = inbox.text("#aside")
    assert "local" in why and "Tokens" in why and re.search(r"\d+ ms", why) and ASKED in why and "%" in why
    assert inbox.texts(".passages h4")


def test_a_question_to_try_is_one_click(inbox):
    inbox.enter("?tenant=maison-aubrac").play()
    assert len(inbox.texts("#phone .quick button")) == 4
    inbox.js("document.querySelector('#phone .quick button').click()")
    inbox.until(lambda: len(inbox.phone_says()) == 2, "no answer")
    assert "seven to ten working days" in inbox.phone_says()[1]


def test_a_person_takes_over_answers_and_hands_back(inbox, school):
    phone = number()
    school.say(ASKED, phone, "Jeanne Roux")
    school.answered(phone, 2)
    inbox.enter().choose("Jeanne Roux")
    inbox.click("#takeOver")
    inbox.until(lambda: inbox.visible("#handBack") and "Yours" in inbox.text("#head"), "not taken over")
    inbox.one("#say").send_keys("Ici Camille,", Keys.SHIFT, Keys.ENTER, Keys.NULL, "je regarde.", Keys.ENTER)
    inbox.until_said("Ici Camille,\nje regarde.")
    assert inbox.js("return document.querySelector('#say').value") == ""
    assert [m["author"] for m in school.answered(phone, 3)] == ["contact", "assistant", "person"]
    school.say("Merci, et la cantine ?", phone, "Jeanne Roux")
    inbox.until_said("et la cantine ?")
    inbox.click("#handBack")
    inbox.until(lambda: inbox.visible("#takeOver"), "not handed back")
    school.say("Combien coûte un repas à la cantine ?", phone, "Jeanne Roux")
    inbox.until_said("3,80")
    assert [m["author"] for m in school.answered(phone, 6)][2:] == ["person", "contact", "contact", "assistant"]
    inbox.click("#end")
    inbox.yes()
    inbox.until(lambda: "Ended" in inbox.text("#head") and not inbox.visible("#answer"), "not ended")
    assert school.conversation(phone)["status"] == "ended"


def test_what_arrives_is_told_and_counted_until_it_is_read(inbox, school):
    phone = number()
    inbox.enter()
    inbox.choose("Karim Haddad")
    school.say("Y a-t-il un menu végétarien ?", phone, "Mia Laurent")
    inbox.until(lambda: inbox.names()[0] == "Mia Laurent", "it does not arrive")
    inbox.until(lambda: "Mia Laurent" in inbox.text("#status") or "somebody" in inbox.text("#status"), "nobody is told")
    inbox.until(lambda: inbox.texts("#conversations li:first-child .unread"), "not counted")
    inbox.choose("Mia Laurent")
    inbox.until(lambda: not inbox.texts("#conversations li:first-child .unread"), "still unread")
    inbox.until(lambda: school.conversation(phone)["unreadCount"] == 0, "still unread for others")
    assert inbox.js("return document.querySelector('#messages').getAttribute('role')") == "log"


def test_filter_and_search(inbox):
    inbox.enter()
    inbox.js("[...document.querySelectorAll('#statuses button')].find((b) => b.innerText === 'Yours').click()")
    inbox.until(lambda: "Nadia Benali" not in inbox.names() and "Sofia Marques" in inbox.names(), "not filtered")
    assert "status=handoff" in inbox.browser.current_url
    inbox.js("document.querySelector('#statuses button').click()")
    inbox.until(lambda: "Nadia Benali" in inbox.names(), "still filtered")
    inbox.one("#q").send_keys("benali")
    inbox.until(lambda: inbox.names() == ["Nadia Benali"], "not found")
    inbox.one("#q").clear()
    inbox.one("#q").send_keys("zzzz nobody")
    inbox.until(lambda: "No conversations" in inbox.text("#conversations"), "something was found")


# -- what goes wrong ----------------------------------------------------------------------------------


def test_what_failed_says_why_and_is_sent_again(inbox, school, server):
    phone = number()
    school.say(ASKED, phone, "Paul Perdu")
    answer = school.answered(phone, 2)[1]
    school.report(phone, answer["externalId"], "failed")
    inbox.enter().choose("Paul Perdu")
    inbox.until(lambda: "131026" in inbox.text("#messages .assistant .error"), "no reason")
    inbox.click("#messages .resend")
    inbox.until(lambda: not inbox.one("#messages .assistant .error"), "not sent again")
    assert school.answered(phone, 2)[1]["status"] in ("sent", "delivered")


def test_a_failed_turn_is_replayed(inbox, school, server):
    phone = number()
    channel = school.channel["id"]
    good(school.client.put(f"/api/v1/channels/{channel}", json={"isActive": False}))
    school.say(ASKED, phone, "Rita Rejoue")
    inbox.enter().choose("Rita Rejoue")
    inbox.until(lambda: inbox.one("#messages .contact .error"), f"no failure {inbox.text('#messages')}")
    assert "channel" in inbox.text("#messages .contact .error")
    good(school.client.put(f"/api/v1/channels/{channel}", json={"isActive": True}))
    inbox.click("#messages .contact .why")
    inbox.until(lambda: inbox.one("#replay"), "no replay")
    inbox.click("#replay")
    inbox.until_said("dès 7 h 30")


def test_hostile_names_and_messages_are_text(inbox, school):
    phone, name = number(), HOSTILE[:100]
    school.say(HOSTILE, phone, name)
    school.answered(phone, 2)
    inbox.enter().choose(" ".join(name.split()))
    assert inbox.said()[0] == HOSTILE.replace("  ", " ")
    assert not inbox.one("#page img") and not inbox.one("#page svg") and not inbox.one("#page em") and inbox.browser.title != "pwned"
    inbox.js("[...document.querySelectorAll('#messages .why')].forEach((b) => b.click())")
    inbox.until(lambda: inbox.one("#aside .steps"), "no reasons")
    assert not inbox.one("#aside img") and inbox.browser.title != "pwned"
    inbox.play()
    assert not inbox.one("#phone img") and inbox.browser.title != "pwned"


def test_the_stream_goes_on_after_a_reload_and_a_restart(inbox, school, server):
    phone = number()
    school.say(ASKED, phone, "Rémi Reste")
    school.answered(phone, 2)
    inbox.enter().choose("Rémi Reste")
    inbox.browser.refresh()
    inbox.until(lambda: inbox.text("#head h2") == "Rémi Reste", "the address does not say which")
    school.say("Combien coûte un repas à la cantine ?", phone, "Rémi Reste")
    inbox.until_said("3,80")
    server.stop()
    server.start()
    school.say("Y a-t-il un menu végétarien ?", phone, "Rémi Reste")
    inbox.until_said("menu végétarien est proposé")
    assert len(inbox.said()) == 6
    inbox.browser.get_log("browser")  # that the server was away is said there


def test_messages_are_there_once_and_the_earlier_ones_on_demand(inbox, school, server):
    phone = number()
    school.say("Bonjour", phone, "Léa Longue")
    conversation = school.answered(phone, 2)[0]["conversationId"]
    for i in range(60):
        good(school.client.post("/api/v1/messages", json={"conversationId": conversation, "type": "system", "direction": "outbound", "content": f"note {i}"}), 201)
    inbox.enter().choose("Léa Longue")
    assert len(inbox.said()) == 50
    inbox.click("#messages li:first-child button")
    inbox.until(lambda: len(inbox.said()) == 62, "not all")
    assert inbox.said()[0] == "Bonjour" and len(set(inbox.said())) == 62


# -- the frame -----------------------------------------------------------------------------------------


def test_the_plan_and_what_is_used_of_it(inbox, server, school):
    admin = server.client(server.client().post("/api/v1/auth/login", json={"email": "admin@socle.test", "password": "socle-demo"}).json()["access_token"])
    good(admin.patch(f"/api/v1/tenants/{school.id}/quotas", json={"quotaChannels": 2, "quotaAssistants": None}))
    inbox.enter()
    inbox.click("#view-usage")
    inbox.until(lambda: len(inbox.texts("#quotas li")) == 6, "no quotas")
    assert "Pro plan" in inbox.text("#plan") and "€99.00 a month" in inbox.text("#plan")
    full = inbox.text("#quotas li[data-kind=channels]")
    assert "2 of 2" in full and "all of it is used" in full
    assert inbox.texts("#quotas .warning") == ["all of it is used"]
    assert inbox.js("return document.querySelector('#quotas [role=meter][aria-label=Channels]').ariaValueNow") == "100"
    used = good(school.client.get(f"/api/v1/tenants/{school.id}"))["usage"]["messages"]["used"]
    assert f"{used} of 20,000" in inbox.text("#quotas li[data-kind=messages]")


def test_another_tenant_shows_nothing_of_this_one(inbox):
    inbox.enter()
    inbox.choose("Nadia Benali")
    inbox.js("""const s = document.querySelector('#tenant'); s.value = 'maison-aubrac'; s.dispatchEvent(new Event('change'));""")
    inbox.until(lambda: "Emma Wilson" in inbox.names(), "the other one does not come")
    assert "Nadia Benali" not in inbox.names() and not inbox.text("#head")
    inbox.open("?tenant=maison-aubrac", "/inbox")
    inbox.until(lambda: "Emma Wilson" in inbox.names(), "not by its address")


def test_french_and_english(inbox):
    inbox.enter()
    assert inbox.text("#view-usage") == "Usage" and inbox.text("#phone-open") == "Play a contact"
    inbox.click("#language")
    inbox.until(lambda: inbox.text("#phone-open") == "Jouer un contact", "not French")
    assert inbox.js("return document.documentElement.lang") == "fr"
    inbox.until(lambda: "Sofia Marques" in inbox.names(), "no list")
    inbox.choose("Sofia Marques")
    assert "Le contact a demandé une personne." in inbox.text("#hint")
    french, english = (set(inbox.browser.execute_async_script(
        "import(`/inbox/texts.${arguments[0]}.js`).then((m) => arguments[1](Object.keys(m.default)))", one)) for one in ("fr", "en"))
    assert english <= french and all(name.startswith("reason_") for name in french - english)  # reasons are English as they come


def test_by_keyboard_alone(inbox, school):
    phone = number()
    school.say(ASKED, phone, "Clara Clavier")
    school.answered(phone, 2)
    inbox.enter()
    inbox.until(lambda: inbox.names()[0] == "Clara Clavier", "not there")
    inbox.keys("/")
    assert inbox.focused() == "q"
    inbox.keys("clavier")
    inbox.until(lambda: inbox.names() == ["Clara Clavier"], "not found")
    for _ in range(8):
        inbox.keys(Keys.TAB)
        if inbox.js("return document.activeElement.closest('#conversations') !== null"):
            break
    inbox.keys(Keys.ARROW_DOWN, Keys.ENTER)
    inbox.until(lambda: inbox.text("#head h2") == "Clara Clavier", "not opened")
    assert inbox.focused() == "conversation"
    inbox.until(lambda: inbox.one("#messages .cite"), "no citation")
    reached = []
    for _ in range(12):
        inbox.keys(Keys.TAB)
        reached.append(inbox.js("const e = document.activeElement; return e.id || e.className"))
        if reached[-1] == "cite":
            break
    assert reached[-1] == "cite", reached
    inbox.keys(Keys.ENTER)
    inbox.until(lambda: inbox.text("#aside mark"), "no passage")
    assert inbox.focused() == "aside-title"
    inbox.keys(Keys.ESCAPE)
    inbox.until(lambda: not inbox.visible("#aside"), "still there")
    assert inbox.js("return document.activeElement.className") == "cite"
    for _ in range(12):
        inbox.keys(Keys.TAB)
        if inbox.focused() == "say":
            break
    inbox.keys("Tout au clavier", Keys.ENTER)
    inbox.until_said("Tout au clavier")
    inbox.until(lambda: "Yours" in inbox.text("#head"), "not taken over")


def test_on_a_telephone_there_is_one_thing_at_a_time(inbox, browser):
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {"width": 360, "height": 740, "deviceScaleFactor": 1, "mobile": True})
    try:
        inbox.enter()
        assert inbox.visible("#list") and not inbox.visible("#conversation")
        inbox.choose("Nadia Benali")
        assert inbox.visible("#say") and not inbox.visible("#list")
        assert inbox.js("return document.documentElement.scrollWidth") <= 360
        inbox.click("#back")
        inbox.until(lambda: inbox.visible("#list"), "no way back")
        inbox.play()
        assert inbox.visible("#phone-say") and inbox.js("return document.documentElement.scrollWidth") <= 360
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_the_page_is_strict_and_linked_from_the_front_page(inbox, server):
    answer = server.client().get("/inbox")
    policy = answer.headers["Content-Security-Policy"]
    assert "unsafe-inline" not in policy and "unsafe-eval" not in policy, policy
    assert not re.search(r"<script(?![^>]*\bsrc=)|\son\w+=|\sstyle=|<style", answer.text)
    assert server.client().get("/").json()["links"]["inbox"] == "/inbox"
    inbox.open("", "/")
    inbox.until(lambda: inbox.one("a[href='/inbox']"), "no link")
    assert server.client().get("/inbox/nothing.js").status_code == 404


def test_who_is_not_signed_in_is_asked_to(inbox, server, school):
    inbox.enter().choose("Nadia Benali")
    inbox.click("#leave")
    inbox.until(lambda: inbox.one("#login form"), "no form")
    assert not inbox.visible("#page") and "Nadia" not in inbox.js("return document.body.innerText")
    inbox.open("", "/inbox")
    assert inbox.until(lambda: inbox.one("#login form"), "no form")
