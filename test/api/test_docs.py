"""The prose is true: the README's tour runs, CONTRIBUTING shows code that is built, links lead somewhere."""

import os
import re
import subprocess

import pytest
from harness import DATABASE, PATIENCE, ROOT, clean_environment, run_cli

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


def blocks(page, language):
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(), re.M | re.S)


@pytest.mark.skipif(DATABASE != "sqlite", reason="the tour is of what runs without anything beside it")
def test_the_tour_of_the_readme_works(make_server):
    """All of its lines, in order, in one shell that stops at the first failure."""
    tour = (ROOT / "README.md").read_text().split("## Ten minutes with it", 1)[1]
    lines = re.findall(r"^```sh\n(.*?)^```$", tour, re.M | re.S)
    assert len(lines) >= 4
    server = make_server(start=False)
    server.cli("demo", timeout=300)
    server.start()
    script = "set -eo pipefail\n" + "\n".join(lines)
    script = script.replace("http://127.0.0.1:8000", server.url)
    script = script.replace("curl -s ", "curl -sS --fail-with-body ").replace("curl -sN ", "curl -sSN --fail-with-body ")
    script = script.replace("DATA_DIR=var ", "").replace("build/socle", os.environ.get("SOCLE_BIN", str(ROOT / "build/socle")))
    done = subprocess.run(["bash", "-x", "-c", script], cwd=server.folder, env=clean_environment() | server.env,
                          capture_output=True, text=True, timeout=300 * PATIENCE)
    assert done.returncode == 0, done.stdout + done.stderr
    for said in ('"pong":true', '"email":"demo@socle.test"', '"id":"instagram_ten1"', '"id":"instagram_ten2"',
                 '"rejected_count":1', "ETag: ", '"key":"sk_', 'path="/api/v1/projects",status="201"',
                 "/api/v1/projects/{id}", "Calendrier.md", '"state":"answered"',
                 '"content":"Une personne prend la suite."', '"handedOver":', "1 added, 1 indexed", "Tilia",
                 "Une personne prend la suite.\n", "event: illustration", "event: complete", '"title":"Le marché"',
                 "Jeanne a compté 12 éclats.\n", "kerlann.pdf: La maison de Kerlann"):
        assert said in done.stdout, said
    assert (server.folder / "ten-minutes.tar").stat().st_size > 0
    for book in ("bretagne.pdf", "kerlann.pdf"):
        assert (server.folder / book).read_bytes().startswith(b"%PDF-")


def test_contributing_shows_the_example_that_is_built():
    built = (ROOT / "test/unit/api/notes_example.h").read_text()
    shown = blocks(ROOT / "CONTRIBUTING.md", "c")
    assert len(shown) == 2
    for block in shown:
        for part in block.strip().split("\n\n"):
            assert part in built, f"this is not in notes_example.h:\n{part}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", re.sub(r"`[^`]*`", "", page.read_text())):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        assert there.exists(), f"{page.name}: {target}"
        if anchor:
            headings = re.findall(r"^#+ (.*)$", there.read_text(), re.M)
            anchors = {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in headings}
            assert anchor in anchors, f"{page.name}: {target}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_paths_that_are_named_exist(page):
    """`src/…`, `test/…` and the like in back quotes, unless they stand for many (NAME, NNNN, …, *)."""
    for path in re.findall(r"`((?:src|test|tools|docs|deploy|bench|sql)/[\w./-]*)`", page.read_text()):
        if not re.search(r"[A-Z]{3,}", path.replace("README", "").replace("MAP", "")):
            assert (ROOT / path).exists(), f"{page.name}: {path}"


def test_every_decision_is_in_the_index():
    folder = ROOT / "docs/decisions"
    index = (folder / "0001-record-decisions.md").read_text()
    for page in folder.glob("*.md"):
        assert page.name == "0001-record-decisions.md" or f"({page.name})" in index, page.name


@pytest.mark.parametrize("page, command", [("metrics.md", ["settings", "--metrics"]), ("settings.md", ["settings"]),
                                           ("routes.txt", ["routes"]), ("openapi.json", ["openapi"])])
def test_generated_pages_are_what_the_binary_prints(page, command):
    """`make docs` writes them."""
    same = (ROOT / "docs" / page).read_text() == run_cli(*command).stdout
    assert same, f"docs/{page} is old: make docs"  # pytest takes minutes to compare such texts


def test_the_page_of_errors_names_every_kind():
    header = (ROOT / "src/core/err.h").read_text()
    kinds = re.findall(r'X\(\w+, (\d+), "(\w+)", "([^"]+)", (\w+)\)', header)
    assert len(kinds) > 20
    rows = re.findall(r"^\| (\d+) \| `(\w+)` \| ([^|]+) \| (yes|no) \|", (ROOT / "docs/errors.md").read_text(), re.M)
    assert sorted(rows) == sorted((s, c, t, "yes" if r == "true" else "no") for s, c, t, r in kinds)
