"""A tenant set up and filled from the shell alone: socle kb, channel, assistant, conversation, replay."""

import concurrent.futures
import json
import os
import re
import subprocess
import time

import pytest
from harness import BINARY, PATIENCE, REPORT, Server, database, make_user, shared_data
from sylion import UUID, admin, good, make_tenant, nobody, other, refused, tenant
from sylion_files import bomb, docx, odt, pdf

OPENS = "# Horaires\n\nLa bibliothèque ouvre à neuf heures du mardi au samedi.\n"
MAX = 1 << 20


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("commands"), SYLION_DOCUMENT_MAX_BYTES=MAX)
    try:
        yield server.start()
    finally:
        server.close()


@pytest.fixture(scope="module")
def slug(tenant):
    return tenant.data["slug"]


@pytest.fixture
def base(server, tenant, slug, request):
    """The id of a knowledge base of its own for each test."""
    return server.cli("kb", "create", slug, f"Base of {request.node.name} {nobody()}").stdout.split("\t")[0]


def wait(found, what, timeout=20):
    until = time.monotonic() + timeout * PATIENCE
    while True:
        value = found()
        if value:
            return value
        assert time.monotonic() < until, f"waited for {what}"
        time.sleep(0.05)


def lines(done):
    return [json.loads(line) for line in done.stdout.splitlines()]


def words(done):
    """What a command said on standard error, without lines of the log (a machine that is slow is told of)."""
    return [line for line in done.stderr.splitlines() if not re.match(r"\d\d:\d\d:\d\d ", line)]


def bring(server, slug, base, *paths, code=0, wait=False):
    """socle kb import: the sum, and what was said of each file by its name, in order of saying."""
    done = server.cli("kb", "import", slug, base, *paths, "--json", *(["--wait"] if wait else []), code=code, timeout=120)
    said = {}
    for line in done.stderr.splitlines():
        if line.startswith("{"):
            told = json.loads(line)
            said.setdefault(os.path.basename(told["path"]), []).append((told["event"], told.get("reason")))
    return json.loads(done.stdout), said


def documents(tenant, base):
    return good(tenant.owner.get(f"/api/v1/knowledge-bases/{base}/documents", params={"limit": 100}))


def files(folder, **contents):
    """Files of these names (_ for .) in the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        (folder / name.replace("_", ".")).write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


# -- from nothing to an answer -----------------------------------------------------------------------


@pytest.mark.smoke
def test_a_tenant_set_up_from_the_shell_alone_answers_from_an_imported_document(server, tmp_path):
    kb = shared_data() / "kb"
    if not kb.is_dir():
        pytest.skip("no documents in the shared data")
    name = f"mairie-{nobody()[:8]}"
    owner = make_user(server)
    server.cli("tenant", "create", "Mairie", "--slug", name, "--owner", owner["email"], "--plan", "business")
    texts = server.cli("kb", "create", name, "Textes", "--description", "Lois et guides").stdout.split("\t")[0]
    (tmp_path / "key").write_text("the-key-of-the-tests\n")
    line = server.cli("channel", "add", name, "Ligne", "--type", "whatsapp", "--number", "+33 6 39 98 71 01", "--api-key",
                      f"file:{tmp_path / 'key'}", "--app-secret", "-", "--config", '{"simulated": true, "debounceMs": 0}',
                      input="the-app-secret\n").stdout.split("\t")[0]
    assistant = server.cli("assistant", "add", name, "Marianne", "--kb", "Textes", "--threshold", "0.3").stdout.split("\t")[0]
    server.cli("assistant", "bind", name, "Marianne", "Ligne", "--priority", "5")
    done = server.cli("kb", "import", name, "Textes", kb, "--wait", timeout=120)
    count = len([p for p in kb.iterdir() if p.suffix != ".jsonl"])
    assert done.stdout == f"{count} added, 1 left out, {count} indexed\n"
    assert "left out: " + str(kb / "questions.jsonl") in done.stderr

    asks = next(q for q in map(json.loads, (kb / "questions.jsonl").read_text().splitlines())
                if q["document"] == "code-civil-article-212.md")
    key = server.cli("tenant", "key", name).stdout.split()[1]
    client = server.client(key)

    def answered():  # documents come into the server's index one after the other
        said = good(client.post(f"/api/v1/assistants/{assistant}/ask", json={"question": asks["question"]}))
        return said if [c["documentName"] for c in said["citations"]][:1] == [asks["document"]] else None
    said = wait(answered, "the server to find what the command stored")
    assert asks["answer_contains"] in said["answer"], said

    # And the line works as one made over HTTP does.
    phone = "+33639987199"
    good(client.post(f"/api/v1/simulator/{line}/messages", json={"from": phone, "text": asks["question"]}))
    written = wait(lambda: (good(client.get("/api/v1/conversations", params={"search": phone[1:]})) or [None])[0], "a conversation")
    wait(lambda: [m for m in good(client.get(f"/api/v1/messages/conversation/{written['id']}")) if m["author"] == "assistant"
                  and m["status"] == "sent"], "an answer")
    told = lines(server.cli("conversation", "export", written["id"], "--tenant", name))
    assert [t["type"] for t in told] == ["conversation", "message", "message", "turn"]
    assert told[1]["data"]["content"] == asks["question"] and asks["answer_contains"] in told[2]["data"]["content"]
    assert json.loads(server.cli("kb", "show", name, texts, "--json").stdout)["documentCount"] == count
    assert "the-key-of-the-tests" not in server.log() and "the-app-secret" not in server.log()


# -- names and ids ------------------------------------------------------------------------------------


def test_who_or_what_is_not_there_is_said(server, tenant, slug, other, tmp_path):
    file = files(tmp_path, a_md=OPENS) / "a.md"
    for command in (("kb", "list"), ("kb", "import"), ("channel", "list"), ("assistant", "list")):
        more = ("Base", str(file)) if command[1] == "import" else ()
        for absent in ("nobody-at-all", nobody()):
            done = server.cli(*command, absent, *more, code=1)
            assert absent in done.stderr and done.stdout == ""
    theirs = other.data["slug"]
    foreign = {"kb": server.cli("kb", "create", theirs, "Their base").stdout.split("\t")[0],
               "channel": server.cli("channel", "add", theirs, "Their site", "--type", "web").stdout.split("\t")[0],
               "assistant": server.cli("assistant", "add", theirs, "Their Ada").stdout.split("\t")[0]}
    for command, identity in foreign.items():
        said = words(server.cli(command, "show", slug, identity, code=1))
        assert said == words(server.cli(command, "show", slug, nobody(), code=1)) and "not found" in said[0]
    assert "`Their base`" in server.cli("kb", "show", slug, "Their base", code=1).stderr
    assert "not found" in server.cli("kb", "import", slug, foreign["kb"], file, code=1).stderr
    assert "`Their base`" in server.cli("kb", "import", slug, "Their base", file, code=1).stderr
    assert documents(other, foreign["kb"]) == []
    server.cli("assistant", "add", slug, "With theirs", "--kb", foreign["kb"], code=1)
    server.cli("channel", "add", slug, "Bound site", "--type", "web")
    assert "Assistant not found" in server.cli("assistant", "bind", slug, foreign["assistant"], "Bound site", code=1).stderr
    server.cli("assistant", "add", slug, "Bound Ada")
    assert "Channel not found" in server.cli("assistant", "bind", slug, "Bound Ada", foreign["channel"], code=1).stderr


def test_a_name_that_several_have_is_no_name(server, tenant, slug):
    made = [good(tenant.owner.post("/api/v1/knowledge-bases", json={"name": "Twice"}), 201)["id"] for _ in range(2)]
    assert "by its id" in server.cli("kb", "show", slug, "Twice", code=1).stderr
    assert made[0] in server.cli("kb", "show", slug, made[0].upper()).stdout
    for command, more in (("kb", ()), ("channel", ("--type", "web")), ("assistant", ())):
        verb = "create" if command == "kb" else "add"
        server.cli(command, verb, slug, "Only one", *more)
        assert "already" in server.cli(command, verb, slug, "Only one", *more, code=1).stderr


def test_lists_go_on_over_pages(server, admin):
    mine = make_tenant(server, admin)
    for i in range(103):
        good(mine.owner.post("/api/v1/knowledge-bases", json={"name": f"Base {i}"}), 201)
    told = lines(server.cli("kb", "list", mine.id, "--json"))
    assert {base["name"] for base in told} == {f"Base {i}" for i in range(103)}
    assert "\tBase 0\n" in server.cli("kb", "show", mine.id, "Base 0").stdout.replace("name                     ", "\t")


# -- channels -----------------------------------------------------------------------------------------


def test_channels_are_made_changed_switched_and_shown(server, tenant, slug):
    made = json.loads(server.cli("channel", "add", slug, "Site", "--type", "web", "--config",
                                 '{"allowedOrigins": ["https://www.example.org"]}', "--json").stdout)
    assert made == good(tenant.owner.get(f"/api/v1/channels/{made['id']}"))
    assert made["config"]["allowedOrigins"] == ["https://www.example.org"]
    server.cli("channel", "change", slug, "Site", "--name", "Shop", "--config", "{}")
    server.cli("channel", "disable", slug, "Shop")
    now = good(tenant.owner.get(f"/api/v1/channels/{made['id']}"))
    assert (now["name"], now["isActive"], now["config"]) == ("Shop", False, {})
    assert f"{made['id']}\tweb\tinactive\t-\tShop\n" in server.cli("channel", "list", slug).stdout
    server.cli("channel", "enable", slug, "Shop")
    assert "isActive                 true" in server.cli("channel", "show", slug, "Shop").stdout


def test_secrets_come_from_elsewhere_and_go_nowhere(server, tenant, slug, tmp_path):
    (tmp_path / "token").write_text("verify-hush\r\n")
    server.env["KEY_OF_TESTS"] = "key-hush"
    try:
        added = server.cli("channel", "add", slug, "Hush", "--type", "whatsapp", "--number", "+33639987102", "--api-key",
                           "env:KEY_OF_TESTS", "--verify-token", f"file:{tmp_path / 'token'}", "--app-secret", "-",
                           "--json", input="app-hush\n")
        shown = server.cli("channel", "show", slug, "Hush")
        for name in ("hasWhatsappApiKey", "hasWhatsappVerifyToken", "hasAppSecret", "hasWebhookSecret"):
            assert json.loads(added.stdout)[name] is True
        made = json.loads(added.stdout)["id"]
        answer = server.client().get(f"/whatsapp/webhook/{made}", params={
            "hub.mode": "subscribe", "hub.verify_token": "verify-hush", "hub.challenge": "42"})
        assert (answer.status_code, answer.text) == (200, "42")
        said = server.cli("channel", "webhook-secret", slug, "Hush").stdout
        assert said.startswith("whs_") and len(said.split()) == 1
        gone = json.loads(server.cli("channel", "change", slug, "Hush", "--api-key", "none", "--json").stdout)
        assert gone["hasWhatsappApiKey"] is False and gone["hasAppSecret"] is True
        for done in (added, shown):
            assert "hush" not in (done.stdout + done.stderr).replace("Hush", "") and "whs_" not in done.stdout + done.stderr
        # The secret itself, where everybody can read it: refused, and not repeated.
        for wrong in ("sk-very-secret", "env", "@file"):
            done = server.cli("channel", "change", slug, "Hush", "--app-secret", wrong, code=2)
            assert "standard input" in done.stderr and "very" not in done.stderr
        server.cli("channel", "change", slug, "Hush", "--app-secret", "env:NOT_THERE", code=1)
        server.cli("channel", "change", slug, "Hush", "--app-secret", f"file:{tmp_path / 'absent'}", code=1)
        server.cli("channel", "change", slug, "Hush", "--app-secret", "-", code=1)
        assert json.loads(server.cli("channel", "show", slug, "Hush", "--json").stdout)["hasAppSecret"] is True
    finally:
        del server.env["KEY_OF_TESTS"]


@pytest.mark.parametrize("options, field", [
    (("--type", "pigeon"), "type"), (("--type", "whatsapp", "--number", "12"), "whatsappPhoneNumber"),
    (("--type", "web", "--number", "+33639987103"), "whatsappPhoneNumber"), (("--type", "web", "--provider", "cloud"), "provider"),
    (("--type", "whatsapp", "--provider", "letter"), "provider"),
    (("--type", "web", "--config", '{"allowedOrigins": ["www.example.org/x"]}'), "allowedOrigins"),
    (("--type", "web", "--config", '{"debounceMs": -1}'), "debounceMs"), (("--type", "web", "--config", "[]"), "config"),
])
def test_what_the_route_refuses_the_command_refuses(server, tenant, slug, options, field):
    before = server.cli("channel", "list", slug).stdout
    done = server.cli("channel", "add", slug, f"Wrong {nobody()}", *options, code=1)
    assert field in done.stderr and done.stdout == ""
    assert server.cli("channel", "list", slug).stdout == before


def test_a_number_has_one_channel_of_all_tenants(server, slug, other):
    server.cli("channel", "add", slug, "Mine", "--type", "whatsapp", "--number", "+33639987104")
    done = server.cli("channel", "add", other.id, "Mine too", "--type", "whatsapp", "--number", "0033 639 98 71 04", code=1)
    assert "whatsappPhoneNumber: belongs to another channel" in done.stderr


# -- assistants ---------------------------------------------------------------------------------------


def test_assistants_are_made_changed_bound_and_unbound(server, tenant, slug, base, tmp_path):
    (tmp_path / "prompt.txt").write_text("Tu es polie.\nTu es brève.\n")
    made = json.loads(server.cli(
        "assistant", "add", slug, "Zoé", "--prompt", f"@{tmp_path / 'prompt.txt'}", "--temperature", "0.2", "--max-tokens", "300",
        "--rag", "yes", "--threshold", "0.4", "--max-results", "3", "--kb", base, "--model", "m", "--provider", "openai",
        "--handoff", '{"enabled": true}', "--json").stdout)
    assert made == good(tenant.owner.get(f"/api/v1/assistants/{made['id']}"))
    assert made["systemPrompt"] == "Tu es polie.\nTu es brève.\n" and made["knowledgeBaseIds"] == [base]
    assert (made["temperature"], made["maxTokens"], made["ragThreshold"], made["ragMaxResults"]) == (0.2, 300, 0.4, 3)
    changed = json.loads(server.cli("assistant", "change", slug, "Zoé", "--kb", "", "--model", "", "--default", "yes",
                                    "--json").stdout)
    assert (changed["knowledgeBaseIds"], changed["model"], changed["isDefault"]) == ([], None, True)
    assert changed["systemPrompt"] == made["systemPrompt"]
    server.cli("assistant", "disable", slug, "Zoé")
    assert f"{made['id']}\tinactive\tdefault\tZoé\n" in server.cli("assistant", "list", slug).stdout
    server.cli("assistant", "enable", slug, "Zoé")

    site = server.cli("channel", "add", slug, "Zoé's site", "--type", "web").stdout.split("\t")[0]
    bound = json.loads(server.cli("assistant", "bind", slug, "Zoé", "Zoé's site", "--languages", "fr, en", "--priority", "-3",
                                  "--hours", '{"mon": [["09:00", "18:00"]]}', "--json").stdout)
    assert bound == good(tenant.owner.get(f"/api/v1/channel-bindings/{bound['id']}"))
    assert (bound["channelId"], bound["languages"], bound["priority"]) == (site, ["fr", "en"], -3)
    assert bound["id"] in server.cli("assistant", "show", slug, "Zoé").stdout
    assert "already" in server.cli("assistant", "bind", slug, "Zoé", site, code=1).stderr
    server.cli("assistant", "unbind", slug, "Zoé", site)
    refused(tenant.owner.get(f"/api/v1/channel-bindings/{bound['id']}"), 404, "BINDING_NOT_FOUND")
    assert "not bound" in server.cli("assistant", "unbind", slug, "Zoé", site, code=1).stderr


@pytest.mark.parametrize("options, said", [
    (("--temperature", "3"), "temperature"), (("--threshold", "2"), "ragThreshold"), (("--max-results", "0"), "ragMaxResults"),
    (("--handoff", '{"nonsense": 1}'), "handoff.nonsense"), (("--provider", "oracle"), "provider"),
    (("--kb", "No such base"), "No such base"), (("--kb", nobody()), "knowledgeBaseIds"), (("--prompt", "@/no/such/file"), "No such file"),
])
def test_what_an_assistant_cannot_be_is_said(server, slug, options, said):
    assert said in server.cli("assistant", "add", slug, f"Wrong {nobody()}", *options, code=1).stderr


@pytest.mark.parametrize("args", [
    ("kb",), ("kb", "list"), ("kb", "nonsense", "T"), ("kb", "import", "T", "K"), ("kb", "create", "T"), ("kb", "list", "T", "x"),
    ("kb", "import", "T", "K", "p", "--timeout", "1s"), ("channel", "add", "T"), ("channel", "add", "T", "N"),
    ("channel", "nonsense", "T", "N"), ("channel", "add", "T", "N", "--type", "web", "--config", "{"),
    ("channel", "add", "T", "N", "--type", "web", "--name", "M"), ("channel", "change", "T", "N", "--type", "web"),
    ("kb", "create", "T", "N", "--wait"), ("kb", "list", "T", "--status", "failed"), ("assistant", "add", "T", "N", "--languages", "fr"),
    ("assistant", "bind", "T", "A", "C", "--model", "m"), ("assistant", "unbind", "T", "A", "C", "--json"),
    ("assistant", "bind", "T", "A"), ("assistant", "add", "T", "N", "--rag", "perhaps"),
    ("assistant", "add", "T", "N", "--temperature", "warm"), ("assistant", "add", "T", "N", "--handoff", "{"),
])
def test_wrong_use_is_exit_code_2(server, slug, args):
    done = server.cli(*[slug if a == "T" else a for a in args], code=2)
    assert done.stdout == "" and f"socle {args[0]} --help" in done.stderr


def test_where_sylion_is_left_out_there_is_nothing_to_set_up(make_server):
    server = make_server(start=False, PRODUCTS="veyl")
    for command in ("kb", "channel", "assistant"):
        assert "PRODUCTS" in server.cli(command, "list", nobody(), code=1).stderr


def test_a_timeout_is_a_time(server, slug, base, tmp_path):
    server.cli("kb", "import", slug, base, tmp_path, "--wait", "--timeout", "soon", code=2)


# -- bringing documents ---------------------------------------------------------------------------------


def test_a_folder_comes_in_with_all_that_is_in_it(server, tenant, slug, base, tmp_path):
    files(tmp_path, opens_md=OPENS, picture_png=b"\x89PNG", README="no ending", list_zip=b"PK\3\4")
    files(tmp_path / "more" / "deep", letter_docx=docx("# Lettre", "Un mot."), text_odt=odt("Deux mots."), PAGE_PDF=pdf("Three words"))
    files(tmp_path / ".git", secret_md="not this")
    files(tmp_path, **{".hidden_md": "nor this"})
    (tmp_path / "more" / "circle").symlink_to(tmp_path)
    (tmp_path / "more" / "same.md").symlink_to(tmp_path / "opens.md")
    total, said = bring(server, slug, base, tmp_path, wait=True)
    assert total == {"added": 4, "there": 1, "refused": 0, "leftOut": 4, "indexed": 5, "failed": 0, "waiting": 0}
    left = {name for name, told in said.items() if told[0][0] == "leftOut"}
    assert left == {"picture.png", "README", "list.zip", "circle"}
    assert {d["name"] for d in documents(tenant, base)} in (
        {"opens.md", "letter.docx", "text.odt", "PAGE.PDF"}, {"same.md", "letter.docx", "text.odt", "PAGE.PDF"})
    found = good(tenant.owner.get(f"/api/v1/knowledge-bases/{base}"))
    assert found["documentCount"] == 4 and found["chunkCount"] == 4
    told = int(database(server, f"SELECT count(*) FROM events WHERE channel = 'tenant:{tenant.id}' AND type = 'document.updated' "
                                f"AND CAST(data AS text) LIKE '%{base}%' AND CAST(data AS text) LIKE '%\"uploaded\"%'"))
    assert told == 4  # as over HTTP: who follows the tenant hears of each
    told = server.cli("kb", "documents", slug, base, "--status", "indexed").stdout
    assert told.count("\tindexed\t1\t") == 4 and server.cli("kb", "documents", slug, base, "--status", "failed").stdout == ""
    server.cli("kb", "documents", slug, base, "--status", "eaten", code=1)


def test_names_are_what_this_machine_says_as_far_as_it_is_text(server, tenant, slug, base, tmp_path):
    (tmp_path / "deep").mkdir()
    with open(os.fsencode(tmp_path / "deep") + b"/caf\xe9\x1b[31m.md", "w") as file:
        file.write(OPENS)
    (tmp_path / "Été à l'école.md").write_text("# Été\n\nLe musée est fermé.\n")
    done = server.cli("kb", "import", slug, base, tmp_path)
    assert done.stdout == "2 added\n" and "\x1b" not in done.stderr
    assert {d["name"] for d in documents(tenant, base)} == {"caf[31m.md", "Été à l'école.md"}
    assert bring(server, slug, base, tmp_path)[0]["there"] == 2


def test_many_at_once_bring_each_file_once(server, tenant, slug, base, tmp_path):
    files(tmp_path, **{f"n{i}_md": f"# N {i}\n\nNumber {i}.\n" for i in range(8)})
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        totals = [t for t, _ in pool.map(lambda _: bring(server, slug, base, tmp_path), range(3))]
    assert sum(t["added"] for t in totals) == 8 and sum(t["there"] for t in totals) == 16, totals
    assert sorted(d["name"] for d in documents(tenant, base)) == [f"n{i}.md" for i in range(8)]


def test_what_is_there_is_not_brought_again(server, tenant, slug, base, tmp_path):
    files(tmp_path, a_md=OPENS, b_md="# B\n\nAutre chose.\n")
    assert bring(server, slug, base, tmp_path)[0]["added"] == 2
    before = database(server, "SELECT count(*) FROM jobs WHERE kind = 'sylion.index'")
    (tmp_path / "a.md").rename(tmp_path / "renamed.md")
    total, said = bring(server, slug, base, tmp_path, wait=True)
    assert (total["added"], total["there"], total["indexed"]) == (0, 2, 2) and said["renamed.md"][0] == ("there", None)
    assert {d["name"] for d in documents(tenant, base)} == {"a.md", "b.md"}
    assert database(server, "SELECT count(*) FROM jobs WHERE kind = 'sylion.index'") == before
    (tmp_path / "b.md").write_text("# B\n\nEncore autre chose.\n")
    assert bring(server, slug, base, tmp_path)[0]["added"] == 1


def test_what_cannot_come_in_is_named_and_the_rest_comes_in(server, tenant, slug, base, tmp_path):
    files(tmp_path, good_md=OPENS, empty_txt="", large_txt="x" * (MAX + 1), zz_last_txt="Le dernier.")
    os.mkfifo(tmp_path / "pipe.md")
    (tmp_path / "loop.md").symlink_to(tmp_path / "loop.md")
    (tmp_path / "memory.md").symlink_to("/proc/self/mem")  # opens, and gives an error when it is read
    total, said = bring(server, slug, base, tmp_path, tmp_path / "absent.md", tmp_path / "program.exe", "", code=1)
    assert total["added"] == 2 and total["refused"] == 8 and total["leftOut"] == 0
    reasons = {name: told[0][1] for name, told in said.items() if told[0][0] == "refused"}
    for name, reason in (("empty.txt", "empty"), ("large.txt", str(MAX)), ("pipe.md", "ordinary"), ("loop.md", "symbolic"),
                         ("memory.md", "cannot be read"), ("absent.md", "No such file"), ("program.exe", "No such file"), ("", "No such file")):
        assert reason in reasons[name], (name, reasons)
    assert {d["name"] for d in documents(tenant, base)} == {"good.md", "zz.last.txt"}
    deep = files(tmp_path / "down" / "/".join(["d"] * 65), deep_md="# Deep\n\nToo deep.\n")
    assert bring(server, slug, base, tmp_path / "down", code=1)[0]["refused"] == 1
    assert bring(server, slug, base, deep)[0]["added"] == 1
    (tmp_path / "program.exe").write_bytes(b"MZ")
    _, said = bring(server, slug, base, tmp_path / "program.exe", code=1)
    assert "ending" in said["program.exe"][0][1]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_what_may_not_be_read_is_named(server, slug, base, tmp_path):
    files(tmp_path / "closed", a_md=OPENS)
    files(tmp_path, b_md=OPENS).joinpath("b.md").chmod(0)
    (tmp_path / "closed").chmod(0)
    try:
        total, said = bring(server, slug, base, tmp_path, code=1)
    finally:
        (tmp_path / "closed").chmod(0o700)
    assert total["refused"] == 2 and "denied" in said["b.md"][0][1] and "denied" in said["closed"][0][1]


def test_waiting_names_what_could_not_be_indexed(server, tenant, slug, base, tmp_path):
    files(tmp_path, good_md=OPENS, broken_pdf=b"%PDF-1.4\n" + b"nonsense" * 40, bomb_docx=bomb(), other_csv="a;b\n1;2\n")
    done = server.cli("kb", "import", slug, base, tmp_path, "--wait", "--quiet", code=1, timeout=120)
    assert done.stdout == "4 added, 2 indexed, 2 failed\n"
    said = words(done)
    assert len(said) == 2 and "bomb.docx (" in said[0] and "broken.pdf (" in said[1]
    failed = [d for d in documents(tenant, base) if d["status"] == "failed"]
    assert {d["name"] for d in failed} == {"broken.pdf", "bomb.docx"} and all(d["reason"] in done.stderr for d in failed)
    revision = "SELECT revision FROM knowledge_documents WHERE name = 'broken.pdf'"
    before = int(database(server, revision))
    server.cli("kb", "import", slug, base, tmp_path / "broken.pdf", "--wait", code=1, timeout=120)  # what was wrong may have passed
    assert int(database(server, revision)) == before + 1


def test_the_quota_holds_and_what_still_fits_comes_in(server, admin, tmp_path):
    mine = make_tenant(server, admin)
    base = server.cli("kb", "create", mine.id, "Base").stdout.split("\t")[0]
    server.cli("tenant", "quota", mine.id, "--storage-mb", "1")
    files(tmp_path, a_txt="a" * (MAX // 2), b_txt="b" * (MAX // 2 + 1), c_txt="c" * 100)
    total, said = bring(server, mine.data["slug"], base, tmp_path, code=1)
    assert (total["added"], total["refused"]) == (2, 1) and said["b.txt"][0][0] == "refused" and "quota" in said["b.txt"][0][1].lower()
    assert good(mine.owner.get(f"/api/v1/knowledge-bases/{base}"))["sizeBytes"] == MAX // 2 + 100


def test_a_tenant_that_is_switched_off_can_be_filled_by_the_platform(server, admin, tmp_path):
    mine = make_tenant(server, admin)
    server.cli("tenant", "deactivate", mine.id)
    server.cli("kb", "create", mine.id, "Base")
    assert bring(server, mine.id, "Base", files(tmp_path, a_md=OPENS))[0]["added"] == 1


def test_without_a_server_it_waits_for_one_or_does_it_alone(make_server, tmp_path):
    server = make_server(start=False)
    owner = make_user(server)
    server.cli("tenant", "create", "Seul", "--slug", "seul", "--owner", owner["email"], "--plan", "business")
    base = server.cli("kb", "create", "seul", "Base").stdout.split("\t")[0]
    folder = files(tmp_path / "files", a_md=OPENS, b_md="# B\n\nAutre chose.\n")
    assert server.cli("kb", "import", "seul", "Base", folder / "a.md").stdout == "1 added\n"
    assert lines(server.cli("kb", "documents", "seul", base, "--json"))[0]["status"] == "uploaded"
    total, _ = bring(server, "seul", "Base", folder, wait=True)
    assert (total["added"], total["there"], total["indexed"]) == (1, 1, 2)
    (folder / "c.md").write_text("# C\n\nPour le serveur.\n")
    server.cli("kb", "import", "seul", "Base", folder, "--quiet")
    server.start()
    wait(lambda: all(d["status"] == "indexed" for d in lines(server.cli("kb", "documents", "seul", base, "--json"))), "the server's jobs")


def test_waiting_has_an_end(make_server, tmp_path):
    server = make_server(start=False, EMBED_PROVIDER="openai", OPENAI_API_KEY="k", OPENAI_BASE_URL="http://127.0.0.1:9/v1")
    owner = make_user(server)
    server.cli("tenant", "create", "Lent", "--slug", "lent", "--owner", owner["email"])
    server.cli("kb", "create", "lent", "Base")
    done = server.cli("kb", "import", "lent", "Base", files(tmp_path / "files", a_md=OPENS), "--wait", "--timeout", "1s", code=1)
    assert done.stdout == "1 added, 1 not yet indexed\n" and "a.md" in words(done)[-1]


def test_an_import_that_is_killed_is_simply_repeated(make_server, tmp_path):
    server = make_server(start=False, JOB_LEASE_SECONDS=2)  # what a killed process was indexing is soon another's
    owner = make_user(server)
    server.cli("tenant", "create", "Coupé", "--slug", "coupe", "--owner", owner["email"], "--plan", "business")
    server.cli("kb", "create", "coupe", "Base")
    count = 60
    folder = files(tmp_path / "files", **{f"part{i:03}_md": f"# Part {i}\n\nThis is part {i} of the whole.\n" for i in range(count)})
    for stop in (3, 20, count + 5):  # while it stores, stores, indexes
        process = subprocess.Popen([BINARY, "kb", "import", "coupe", "Base", folder, "--wait"], env=server.env, cwd=server.folder,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        said = 0
        while said < stop:
            line = process.stderr.readline()
            assert line
            said += line.startswith("[")
        process.kill()
        assert not REPORT.search(process.communicate()[1])
        assert len(lines(server.cli("kb", "documents", "coupe", "Base", "--json"))) >= min(stop, count)
    there = len(lines(server.cli("kb", "documents", "coupe", "Base", "--json")))
    assert there == count
    total, _ = bring(server, "coupe", "Base", folder, wait=True)
    assert total["added"] + total["there"] == count and total["there"] == there and total["indexed"] == count
    found = lines(server.cli("kb", "documents", "coupe", "Base", "--json"))
    assert sorted(d["name"] for d in found) == sorted(f"part{i:03}.md" for i in range(count))
    assert all(d["status"] == "indexed" and d["chunkCount"] == 1 for d in found)
    size = sum(f.stat().st_size for f in folder.iterdir())
    assert int(database(server, "SELECT sum(used) FROM ledger_balances WHERE unit = 'storage_bytes'")) == size


# -- conversations --------------------------------------------------------------------------------------


def test_only_the_tenants_own_conversations_are_exported(server, tenant, slug, other):
    site = server.cli("channel", "add", slug, "Exported", "--type", "web").stdout.split("\t")[0]
    made = [good(tenant.owner.post("/api/v1/conversations", json={"channelId": site, "userIdentifier": f"visitor-{i}"}), 201)["id"]
            for i in range(3)]
    good(tenant.owner.post("/api/v1/messages", json={"conversationId": made[0], "type": "text", "direction": "inbound",
                                                     "content": "Deux\nlignes"}), 201)
    every = lines(server.cli("conversation", "export", "--tenant", slug))
    assert set(made) <= {t["data"]["id"] for t in every if t["type"] == "conversation"}
    assert "Deux\n    lignes\n" in server.cli("conversation", "export", made[0], "--tenant", slug, "--text").stdout
    assert server.cli("conversation", "export", "--tenant", other.id).stdout == ""
    foreign = server.cli("conversation", "export", made[0], "--tenant", other.id, code=1)
    assert foreign.stdout == ""
    assert words(foreign) == words(server.cli("conversation", "export", nobody(), "--tenant", other.id, code=1))
    server.cli("conversation", "export", "nonsense", "--tenant", slug, code=1)
    assert UUID.match(every[0]["data"]["id"])


def test_what_was_over_the_quota_is_replayed(server, admin):
    mine = make_tenant(server, admin)
    line = server.cli("channel", "add", mine.id, "Line", "--type", "whatsapp", "--number", "+33639987105", "--app-secret", "-",
                      "--config", '{"simulated": true, "debounceMs": 0}', input="s\n").stdout.split("\t")[0]
    server.cli("assistant", "add", mine.id, "Ada", "--default", "yes")
    server.cli("tenant", "quota", mine.id, "--ai-requests", "0")
    good(mine.owner.post(f"/api/v1/simulator/{line}/messages", json={"from": "+33639987106", "text": "Une question ?"}))

    def turn(*states):
        talks = good(mine.owner.get("/api/v1/conversations"))
        turns = talks and good(mine.owner.get(f"/api/v1/conversations/{talks[0]['id']}/turns"))
        return turns and turns[0]["state"] in states and turns[0]
    over = wait(lambda: turn("over_quota"), "the quota to hold")
    replay = ("replay", "--tenant", mine.id, "--state", "over_quota", "--since", "1h")
    assert server.cli("replay", "--tenant", mine.id).stdout.startswith("0 replayed")
    assert server.cli("replay", "--tenant", mine.data["slug"], "--state", "over_quota", "--since",
                      "2999-01-01T00:00:00Z").stdout.startswith("0 replayed")
    server.cli("tenant", "quota", mine.id, "--ai-requests", "none")
    said = server.cli(*replay).stdout
    assert said.startswith(f"{over['id']}\treplayed\tquota_exceeded") and "\n1 replayed, 0 wait" in said
    assert wait(lambda: turn("answered", "handed_over", "refused"), "an answer")["id"] == over["id"]
    assert server.cli(*replay).stdout.startswith("0 replayed")


def test_a_replay_of_nothing_is_nothing(server, admin):
    slug = make_tenant(server, admin).data["slug"]
    for state in ("failed", "over_quota"):
        assert server.cli("replay", "--tenant", slug, "--state", state, "--since", "2020-01-01T00:00:00Z").stdout == (
            "0 replayed, 0 wait for another turn of their conversation\n")
    server.cli("replay", "--tenant", slug, "--since", "yesterday", code=2)
    server.cli("replay", code=2)
    server.cli("replay", "--tenant", nobody(), code=1)
