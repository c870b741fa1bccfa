"""Knowledge bases and their documents: taken in every form, read in every format, refused with a
reason; counted, deleted, read again; and nobody's but their tenant's."""

import concurrent.futures
import http.server
import json
import threading
import time

import pytest

from harness import PATIENCE, Server, database, hasten, token
from sylion import admin, good, make_tenant, nobody, other, page, refused, same_as_absent, tenant
from sylion_files import bomb, docx, odt, pdf, zipped

BASES = "/api/v1/knowledge-bases"
MAX = 2 << 20


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("documents"), SYLION_ALLOW_PRIVATE_SOURCES="on",
                    SYLION_DOCUMENT_MAX_BYTES=MAX)
    try:
        yield server.start()
    finally:
        server.close()


@pytest.fixture
def base(tenant):
    return make_base(tenant.owner)


def make_base(client, name="Base"):
    return good(client.post(BASES, json={"name": name}), 201)["id"]


def upload(client, base, content, filename="notes.txt", status=201, **form):
    return good(client.post(f"{BASES}/{base}/documents", files={"file": (filename, content)}, data=form), status)


def settled(client, document, seconds=30):
    """The document when its job has ended."""
    until = time.monotonic() + seconds * PATIENCE
    while True:
        now = good(client.get(f"/api/v1/documents/{document['id']}"))
        if now["status"] in ("indexed", "failed"):
            return now
        assert time.monotonic() < until, now
        time.sleep(0.05)


def taken(client, base, content, filename="notes.txt"):
    return settled(client, upload(client, base, content, filename))


def chunks(client, document):
    return page(client.get(f"/api/v1/documents/{document['id']}/chunks?limit=100"))[0]


def found(client, base, query, **ask):
    return good(client.post(f"{BASES}/{base}/search", json={"query": query} | ask))["results"]


# -- bases ------------------------------------------------------------------------------------------


def test_a_base_is_made_read_changed_and_deleted(tenant):
    client = tenant.owner
    made = good(client.post(BASES, json={"name": "  École  ", "description": "Horaires"}), 201)
    assert made["name"] == "École" and made["tenantId"] == tenant.id
    assert (made["documentCount"], made["chunkCount"], made["sizeBytes"]) == (0, 0, 0)
    assert good(client.get(f"{BASES}/{made['id']}")) == made
    changed = good(client.put(f"{BASES}/{made['id']}", json={"description": None}))
    assert changed["name"] == "École" and changed["description"] is None
    listed, paging = page(client.get(f"{BASES}?search=COLE"))
    assert [one["id"] for one in listed] == [made["id"]] and paging["total"] == 1
    assert good(client.delete(f"{BASES}/{made['id']}")) == {"id": made["id"], "deleted": True}
    refused(client.get(f"{BASES}/{made['id']}"), 404, "KNOWLEDGE_BASE_NOT_FOUND")
    refused(client.delete(f"{BASES}/{made['id']}"), 404, "KNOWLEDGE_BASE_NOT_FOUND")


def test_what_is_wrong_with_a_base_is_named(tenant):
    refused(tenant.owner.post(BASES, json={"description": "x"}), 400, "VALIDATION_ERROR", "name")
    refused(tenant.owner.post(BASES, json={"name": " ", "description": 3}), 400, "VALIDATION_ERROR", "name",
            "description")
    refused(tenant.owner.get(f"{BASES}?limit=101"), 400, "VALIDATION_ERROR", "limit")


def test_a_base_goes_with_its_documents(tenant, base):
    client = tenant.owner
    document = taken(client, base, "Les girafes dorment debout.")
    assert good(client.get(f"{BASES}/{base}"))["chunkCount"] == 1
    good(client.delete(f"{BASES}/{base}"))
    refused(client.get(f"/api/v1/documents/{document['id']}"), 404, "DOCUMENT_NOT_FOUND")
    refused(client.post(f"{BASES}/{base}/search", json={"query": "girafes"}), 404, "KNOWLEDGE_BASE_NOT_FOUND")
    refused(client.post(f"{BASES}/{base}/documents", json={"text": "x"}), 404, "KNOWLEDGE_BASE_NOT_FOUND")


# -- formats ----------------------------------------------------------------------------------------

CSV = "Produit;Prix\nThé vert;4,50\nCafé;3\n"
FORMATS = {
    "a.md": ("# Guide\n\n## Tarifs\n\nLe thé *vert* coûte 4 euros.\n", "text/markdown", "Guide › Tarifs",
             "Le thé vert coûte 4 euros."),
    "a.html": ("<html><nav>Menu</nav><h1>Guide</h1><p>Le th&eacute; vert.</p><script>x()</script>", "text/html", "Guide",
               "Le thé vert."),
    "a.txt": ("Le thé vert.".encode("utf-16"), "text/plain", None, "Le thé vert."),
    "latin.txt": ("Le thé vert.".encode("latin-1"), "text/plain", None, "Le thé vert."),
    "a.csv": (CSV, "text/csv", None, "Produit: Thé vert\nPrix: 4,50"),
    "a.docx": (docx("# Guide", "Le thé vert."),
               "application/vnd.openxmlformats-officedocument.wordprocessingml.document", "Guide", "Le thé vert."),
    "a.odt": (odt("# Guide", "Le thé vert."), "application/vnd.oasis.opendocument.text", "Guide", "Le thé vert."),
    "a.pdf": (pdf("Le thé vert."), "application/pdf", None, "Le thé vert."),
}


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_is_read(tenant, base, name):
    content, mime, heading, text = FORMATS[name]
    document = taken(tenant.owner, base, content, name)
    assert (document["status"], document["reason"], document["mimeType"]) == ("indexed", None, mime)
    passages = chunks(tenant.owner, document)
    assert passages[0]["text"] == text and passages[0]["heading"] == heading
    assert document["chunkCount"] == len(passages) and document["tokenCount"] > 0
    assert found(tenant.owner, base, "thé vert")[0]["documentId"] == document["id"]


def test_pages_of_a_pdf_are_kept(tenant, base):
    lines = ["\n".join(f"{'mot' * (i + k)} de la ligne qui parle du sujet {k}." for k in range(40)) for i in range(1, 5)]
    document = taken(tenant.owner, base, pdf(*lines), "long.pdf")
    assert document["pageCount"] == 4
    pages = [one["page"] for one in chunks(tenant.owner, document)]
    assert pages == sorted(pages) and pages[0] == 1 and len(set(pages)) > 1


def test_a_wrong_ending_is_told_and_the_content_read(tenant, base):
    document = taken(tenant.owner, base, pdf("Le thé vert."), "rapport.docx")
    assert document["status"] == "indexed" and document["mimeType"] == "application/pdf"
    assert document["reason"] == "Its name says a Word document, but it is a PDF and was read so."


BAD = {
    "encrypted.pdf": (pdf("Secret.", password="geheim"), "encrypted"),
    "broken.pdf": (b"%PDF-1.4\n" + b"nothing of a PDF follows\n" * 20, "damaged"),
    "cut.pdf": (pdf("Le texte.")[:200], "damaged"),
    "scanned.pdf": (pdf(None, None), "no text layer"),
    "bomb.docx": (bomb(), "very much larger"),
    "entities.docx": (docx("&x;", head='<!DOCTYPE d [<!ENTITY x "y">]>'), "entities"),
    "cut.docx": (docx("Le texte. " * 300)[:220], "damaged"),
    "sheet.xlsx": (zipped(xl__workbook_dot_xml="<x/>"), "Excel"),
    "archive.zip": (zipped(a_dot_txt="x"), "zip archive"),
    "picture.pdf": (b"\x89PNG\r\n\x1a\n" + bytes(100), "a picture"),
    "old.doc": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "old Office file"),
    "binary.txt": (bytes(range(256)) * 8, "not text"),
    "quote.csv": ('a,b\n"c,d\n', "row 2"),
    "blank.txt": (" \n\n \t\n", "no text"),
    "empty.html": ("<html><body><script>x</script></body></html>", "no text"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_read_fails_with_its_reason(tenant, base, name):
    content, reason = BAD[name]
    document = taken(tenant.owner, base, content, name)
    assert document["status"] == "failed" and reason in document["reason"], document
    assert chunks(tenant.owner, document) == [] and document["chunkCount"] == 0


# -- ways in ----------------------------------------------------------------------------------------


def test_a_text_is_a_document(tenant, base):
    made = good(tenant.owner.post(f"{BASES}/{base}/documents", json={"text": "# Prix\n\nUn euro.", "name": "prix.md"}), 201)
    assert (made["source"], made["name"], made["status"]) == ("text", "prix.md", "uploaded")
    document = settled(tenant.owner, made)
    assert document["mimeType"] == "text/markdown" and chunks(tenant.owner, document)[0]["heading"] == "Prix"


def test_what_is_wrong_with_a_document_is_named(tenant, base):
    client, path = tenant.owner, f"{BASES}/{base}/documents"
    refused(client.post(path, json={}), 400, "VALIDATION_ERROR", "url")
    refused(client.post(path, json={"text": "x", "url": "http://example.org/"}), 400, "VALIDATION_ERROR", "text")
    refused(client.post(path, json={"text": "  "}), 400, "VALIDATION_ERROR", "text")
    refused(client.post(path, json={"text": 3, "colour": "red"}), 400, "VALIDATION_ERROR", "text", "colour")
    refused(client.post(path, json={"url": "file:///etc/passwd"}), 400, "VALIDATION_ERROR", "url")
    refused(client.post(path, files={"file": ("a.txt", b"")}), 400, "VALIDATION_ERROR", "file")
    refused(client.post(path, files={"name": (None, "x")}), 400, "VALIDATION_ERROR", "file")
    refused(client.post(path, files=[("file", ("a.txt", b"a")), ("file", ("b.txt", b"b"))]), 400, "VALIDATION_ERROR", "file")
    refused(client.post(path, data=b"x", headers={"Content-Type": "text/plain"}), 415, "UNSUPPORTED_MEDIA_TYPE")
    refused(client.post(path, data=b"{", headers={"Content-Type": "application/json"}), 400, "BAD_REQUEST")
    assert page(client.get(path))[1]["total"] == 0


def test_too_large_is_refused(tenant, base):
    client, path = tenant.owner, f"{BASES}/{base}/documents"
    refused(client.post(path, files={"file": ("a.txt", b"x" * (MAX + 1))}), 413, "TOO_LARGE")
    refused(client.post(path, json={"text": "x" * (MAX + 1)}), 413, "TOO_LARGE")
    assert page(client.get(path))[1]["total"] == 0


def test_names_are_names_and_nothing_else(tenant, base):
    assert upload(tenant.owner, base, "a", "../../etc/passwd")["name"] == "passwd"
    assert upload(tenant.owner, base, "b", "C:\\Docs\\b.txt")["name"] == "b.txt"
    assert upload(tenant.owner, base, "c", "c.txt", name="Un beau nom.txt")["name"] == "Un beau nom.txt"
    assert len(upload(tenant.owner, base, "d", "é" * 400 + ".txt")["name"].encode()) <= 255


def test_the_same_content_is_one_document(tenant, base):
    client = tenant.owner
    first = upload(client, base, "Le même texte.", "a.txt")
    again = upload(client, base, "Le même texte.", "b.txt", status=200)
    assert again["id"] == first["id"] and again["name"] == "a.txt"
    assert page(client.get(f"{BASES}/{base}/documents"))[1]["total"] == 1
    assert upload(client, make_base(client), "Le même texte.", "a.txt")["id"] != first["id"]


def test_the_same_content_at_once_is_one_document(tenant, base):
    def send(i):
        answer = tenant.owner.post(f"{BASES}/{base}/documents", files={"file": (f"{i}.txt", b"Un seul texte." * 1000)})
        return answer.status_code, answer.json()["data"]["id"]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(send, range(16)))
    assert sorted(status for status, _ in answers) == [200] * 15 + [201]
    assert len({id for _, id in answers}) == 1
    document = settled(tenant.owner, {"id": answers[0][1]})
    listed = chunks(tenant.owner, document)
    assert [one["position"] for one in listed] == list(range(document["chunkCount"]))


def test_an_idempotency_key_makes_one(tenant, base):
    name = {"Idempotency-Key": "document-" + base}
    answers = [tenant.owner.post(f"{BASES}/{base}/documents", json={"text": "Une fois."}, headers=name) for _ in range(2)]
    assert [a.status_code for a in answers] == [201, 201] and answers[0].json() == answers[1].json()


# -- from an address --------------------------------------------------------------------------------


class Pages(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body, status, headers = b"<html><h1>Page</h1><p>Les loutres nagent.</p></html>", 200, {"Content-Type": "text/html"}
        if self.path == "/moved":
            status, headers["Location"] = 302, "/guide.html"
        elif self.path == "/out":
            status, headers["Location"] = 302, "ftp://example.org/x"
        elif self.path == "/missing":
            status = 404
        elif self.path == "/empty":
            body = b""
        elif self.path == "/large":
            body = b"x" * (MAX + 10)
        elif self.path == "/report":
            body, headers = pdf("Les castors."), {"Content-Type": "application/octet-stream"}
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", len(body) + (1000 if self.path == "/cut" else 0))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def site():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Pages) as site:
        threading.Thread(target=site.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{site.server_port}"
        site.shutdown()


def test_an_address_is_fetched(tenant, base, site):
    made = good(tenant.owner.post(f"{BASES}/{base}/documents", json={"url": site + "/moved"}), 201)
    assert (made["source"], made["url"], made["name"]) == ("url", site + "/moved", "guide.html")
    assert chunks(tenant.owner, settled(tenant.owner, made))[0]["text"] == "Les loutres nagent."
    report = good(tenant.owner.post(f"{BASES}/{base}/documents", json={"url": site + "/report"}), 201)
    assert report["mimeType"] == "application/pdf" and settled(tenant.owner, report)["status"] == "indexed"


@pytest.mark.parametrize("path, why", [("/missing", "404"), ("/empty", "empty"), ("/large", "at most"),
                                       ("/cut", "breaks off"), ("/out", "")])
def test_an_address_that_gives_nothing_is_refused(tenant, base, site, path, why):
    error = refused(tenant.owner.post(f"{BASES}/{base}/documents", json={"url": site + path}), 400, "VALIDATION_ERROR",
                    "url")
    assert why in error["details"]["validationErrors"][0]["message"], error
    assert page(tenant.owner.get(f"{BASES}/{base}/documents"))[1]["total"] == 0


def test_addresses_that_are_not_public_are_refused(tmp_path, site):
    server = Server(tmp_path).start()
    try:
        client = make_tenant(server, server.client(token(server, "admin"))).owner
        base = make_base(client)
        for url in (site + "/", "http://localhost:1/", "http://169.254.169.254/latest/meta-data/", "http://[::1]/",
                    "http://10.0.0.1/", "http://[::ffff:127.0.0.1]/"):
            error = refused(client.post(f"{BASES}/{base}/documents", json={"url": url}), 400, "VALIDATION_ERROR", "url")
            assert "public" in error["details"]["validationErrors"][0]["message"], (url, error)
    finally:
        server.close()


# -- life -------------------------------------------------------------------------------------------


def storage(server, tenant):
    """Bytes that count in the tenant's quota now."""
    return int(database(server, "SELECT u.used FROM quota_usage u JOIN tenants t ON t.n = u.tenant_n "
                                f"WHERE u.kind = 'storage_bytes' AND t.id = '{tenant.id}'"))


def test_storage_is_counted_and_given_back(server, admin):
    tenant = make_tenant(server, admin)
    tenant.quotas(quotaStorageMb=3)
    client, base = tenant.owner, make_base(tenant.owner)
    first = taken(client, base, b"mot " * 300000)
    assert storage(server, tenant) == first["sizeBytes"] == 1200000
    good(client.post(f"{BASES}/{base}/documents", files={"file": ("b.txt", b"mot " * 300000)}))
    assert storage(server, tenant) == 1200000  # the same content is not counted twice
    second = taken(client, base, b"cri " * 300000)
    refused(client.post(f"{BASES}/{base}/documents", files={"file": ("c.txt", b"bol " * 300000)}), 429, "QUOTA_EXCEEDED")
    assert storage(server, tenant) == 2400000
    good(client.delete(f"/api/v1/documents/{first['id']}"))
    assert storage(server, tenant) == second["sizeBytes"]
    good(client.delete(f"{BASES}/{base}"))
    assert storage(server, tenant) == 0


def test_a_deleted_document_is_not_found(tenant, base):
    client = tenant.owner
    document = taken(client, base, "Les marmottes dorment.")
    assert found(client, base, "marmottes")
    assert good(client.delete(f"/api/v1/documents/{document['id']}")) == {"id": document["id"], "deleted": True}
    assert found(client, base, "marmottes") == []
    for method, path in (("GET", ""), ("GET", "/chunks"), ("DELETE", ""), ("POST", "/retry")):
        refused(client.request(method, f"/api/v1/documents/{document['id']}{path}"), 404, "DOCUMENT_NOT_FOUND")
    assert taken(client, base, "Les marmottes dorment.")["id"] != document["id"]
    assert found(client, base, "marmottes")


def test_a_document_is_read_again(tenant, base):
    client = tenant.owner
    document = taken(client, base, "Les marmottes dorment tout l'hiver.")
    before = chunks(client, document)
    assert good(client.post(f"/api/v1/documents/{document['id']}/retry"), 202)["status"] == "uploaded"
    again = settled(client, document)
    after = chunks(client, document)
    assert again["status"] == "indexed" and again["chunkCount"] == 1
    assert [one["text"] for one in after] == [one["text"] for one in before]
    assert [one["id"] for one in after] != [one["id"] for one in before]
    assert [one["chunkId"] for one in found(client, base, "marmottes")] == [after[0]["id"]]


def test_bytes_go_when_nobody_has_them(server, admin, tenant, other):
    mine, theirs = make_base(tenant.owner), make_base(other.owner)
    first = taken(tenant.owner, mine, "Les mêmes octets pour deux.")
    second = taken(other.owner, theirs, "Les mêmes octets pour deux.")
    blob = server.folder / "blobs" / first["sha256"][:2] / first["sha256"][2:]
    assert first["sha256"] == second["sha256"] and blob.is_file()
    for client, document, stays in ((tenant.owner, first, True), (other.owner, second, False)):
        good(client.delete(f"/api/v1/documents/{document['id']}"))
        done = "SELECT count(*) FROM jobs WHERE kind = 'sylion.document_blob' AND state = 'done' " \
               f"AND CAST(payload AS text) LIKE '%{first['sha256']}%'"
        before = int(database(server, done))
        until = time.monotonic() + 20 * PATIENCE
        while int(database(server, done)) == before:
            hasten(server, "sylion.document_blob")
            assert time.monotonic() < until
            time.sleep(0.1)
        assert blob.is_file() == stays


def test_deleting_while_it_is_indexed_leaves_nothing(tenant, base):
    client = tenant.owner
    text = "\n\n".join(f"Le paragraphe {i} parle du sujet {i * 7}." for i in range(20000))
    document = upload(client, base, text)
    good(client.delete(f"/api/v1/documents/{document['id']}"))
    assert good(client.get(f"{BASES}/{base}"))["documentCount"] == 0
    assert taken(client, base, "Autre chose.")["status"] == "indexed"
    assert found(client, base, "paragraphe sujet", mode="keyword") == []


def test_what_a_killed_server_was_indexing_is_indexed_once(tmp_path):
    server = Server(tmp_path, JOB_LEASE_MS=1000).start()
    try:
        tenant = make_tenant(server, server.client(token(server, "admin")))
        base = make_base(tenant.owner)
        texts = ["\n\n".join(f"Texte {n}, paragraphe {i} du sujet {i * 7}." for i in range(6000)) for n in range(4)]
        documents = [upload(tenant.owner, base, text, f"{n}.txt") for n, text in enumerate(texts)]
        for _ in range(2):
            server.kill()
            server.start()
            tenant.owner.url = server.url
        for document in documents:
            ended = settled(tenant.owner, document, 90)
            assert ended["status"] == "indexed", ended
            listed, paging = page(tenant.owner.get(f"/api/v1/documents/{document['id']}/chunks?limit=100"))
            assert paging["total"] == ended["chunkCount"] > 10
            assert [one["position"] for one in listed] == list(range(len(listed)))
        assert found(tenant.owner, base, "texte 3")[0]["documentName"]
    finally:
        server.close()


def test_a_document_that_no_job_is_about_is_marked(tmp_path):
    server = Server(tmp_path).start()
    try:
        tenant = make_tenant(server, server.client(token(server, "admin")))
        document = taken(tenant.owner, make_base(tenant.owner), "Les loutres nagent.")
        server.stop()
        database(server, "UPDATE knowledge_documents SET status = 'indexing'")
        server.start()
        tenant.owner.url = server.url
        marked = settled(tenant.owner, document)
        assert (marked["status"], marked["reason"]) == ("failed", "Indexing it was broken off. Try again.")
        good(tenant.owner.post(f"/api/v1/documents/{document['id']}/retry"), 202)
        assert settled(tenant.owner, document)["reason"] is None
    finally:
        server.close()


def test_a_failed_document_given_again_is_tried_again(server, tenant, base):
    document = taken(tenant.owner, base, "Les loutres nagent encore.")
    database(server, f"UPDATE knowledge_documents SET status = 'failed', reason = 'x' WHERE id = '{document['id']}'")
    again = upload(tenant.owner, base, "Les loutres nagent encore.", status=200)
    assert again["id"] == document["id"] and again["status"] == "uploaded" and again["reason"] is None
    assert settled(tenant.owner, again)["status"] == "indexed"


def test_a_tenant_gone_while_its_document_is_indexed(server, admin):
    tenant = make_tenant(server, admin)
    text = "\n\n".join(f"Le paragraphe {i} parle du sujet {i * 7}." for i in range(20000))
    upload(tenant.owner, make_base(tenant.owner), text)
    good(admin.delete(f"/api/v1/tenants/{tenant.id}"))
    until = time.monotonic() + 30 * PATIENCE
    while True:
        jobs = admin.get("/api/jobs?kind=sylion.index&limit=20").json()
        states = {job["state"] for job in jobs["items"]}
        if not states & {"waiting", "running"}:
            break
        assert time.monotonic() < until, jobs
        time.sleep(0.1)
    assert states <= {"done"}, jobs


def test_lists_are_paged_and_filtered(tenant, base):
    client = tenant.owner
    for i in range(3):
        taken(client, base, f"Texte numéro {i}.", f"{i}.txt")
    taken(client, base, " ", "blank.txt")
    listed, paging = page(client.get(f"{BASES}/{base}/documents?limit=2&page=2"))
    assert [one["name"] for one in listed] == ["1.txt", "0.txt"]
    assert paging == {"page": 2, "limit": 2, "total": 4, "pages": 2}
    assert [one["name"] for one in page(client.get(f"{BASES}/{base}/documents?status=failed"))[0]] == ["blank.txt"]
    refused(client.get(f"{BASES}/{base}/documents?status=lost"), 400, "VALIDATION_ERROR", "status")


# -- whose ------------------------------------------------------------------------------------------


def test_foreign_ids_answer_as_absent_ones(tenant, other, base):
    document = taken(tenant.owner, base, "Rien que pour nous.")
    files = {"files": {"file": ("a.txt", b"x")}}
    for client in (other.owner, other.make_key(), other.make_member()):
        for method, path, options in (
                ("GET", "", {}), ("PUT", "", {"json": {"name": "x"}}),
                ("GET", "/documents", {}), ("POST", "/documents", {"json": {"text": "x"}}), ("POST", "/documents", files),
                ("POST", "/search", {"json": {"query": "rien"}})):
            same_as_absent(client, method, f"{BASES}/{{id}}{path}", base, **options)
        for method, path in (("GET", ""), ("GET", "/chunks"), ("DELETE", ""), ("POST", "/retry")):
            same_as_absent(client, method, f"/api/v1/documents/{{id}}{path}", document["id"])
    same_as_absent(other.owner, "DELETE", f"{BASES}/{{id}}", base)
    assert good(tenant.owner.get(f"/api/v1/documents/{document['id']}"))["status"] == "indexed"
    assert good(tenant.owner.get(f"{BASES}/{base}"))["documentCount"] == 1


def test_lists_have_only_the_tenants_own(tenant, other):
    mine, theirs = make_base(tenant.owner), make_base(other.owner)
    listed = {one["id"] for one in page(other.owner.get(f"{BASES}?limit=100"))[0]}
    assert theirs in listed and mine not in listed


def test_a_platform_admin_names_the_tenant(tenant, admin, base):
    assert good(tenant.as_admin().get(f"{BASES}/{base}"))["id"] == base
    refused(admin.get(f"{BASES}/{base}"), 400, "BAD_REQUEST")
    refused(admin.post(BASES, json={"name": "x", "tenantId": nobody()}), 404, "TENANT_NOT_FOUND")


def test_nobody_gets_anything(server, base):
    client = server.client()
    for method, path in (("GET", BASES), ("POST", BASES), ("GET", f"{BASES}/{base}"), ("GET", f"{BASES}/{base}/documents"),
                         ("POST", f"{BASES}/{base}/search"), ("GET", f"/api/v1/documents/{nobody()}")):
        refused(client.request(method, path), 401, "UNAUTHORIZED")


def test_a_switched_off_tenant_reads_and_changes_nothing(server, admin):
    tenant = make_tenant(server, admin)
    base = make_base(tenant.owner)
    good(admin.patch(f"/api/v1/tenants/{tenant.id}/status", json={"isActive": False}))
    assert good(tenant.owner.get(f"{BASES}/{base}"))["id"] == base
    refused(tenant.owner.post(f"{BASES}/{base}/documents", json={"text": "x"}), 403, "TENANT_INACTIVE")


def test_followers_hear_how_far_a_document_is(server, tenant, base):
    document = taken(tenant.owner, base, "Les hérissons se promènent.")
    with server.client(token(server, user=tenant.user)) as client:
        client.headers["Accept"] = "text/event-stream"
        with client.get(f"/events?channels=tenant:{tenant.id}&since=0", stream=True) as stream:
            if stream.status_code != 200:
                pytest.fail(stream.text)
            states = []
            for line in stream.iter_lines():
                if line.startswith(b"data:"):
                    event = json.loads(line[5:])
                    data = event["data"]
                    if event["type"] == "document.updated" and data["id"] == document["id"]:
                        states.append(data["status"])
                if states[-1:] == ["indexed"]:
                    break
    assert states == ["uploaded", "extracting", "indexing", "indexed"]
