"""Models, as an operator meets them: settings that are wrong stop the start with a line that names them,
what is missing is said, figures and health show what is asked."""

import pytest
from harness import clean_environment, run_cli


@pytest.mark.parametrize("name, value, expected", [
    ("AI_CHAT_PROVIDER", "opnai", "one of local, openai"),
    ("AI_CHAT_PROVIDER", "", None),  # empty: the default
    ("AI_CHAT_FALLBACK", "nobody", "one of local, openai"),
    ("EMBED_PROVIDER", "anthropic", "was expected"),
    ("EMBED_DIMENSIONS", "8", "EMBED_DIMENSIONS"),
    ("AI_TRANSCRIBE_PROVIDER", "local", "was expected"),
    ("AI_PRICES", '{"m": {"inn": 1}}', "m.inn"),
    ("AI_PRICES", "[", "AI_PRICES"),
    ("AI_RECORD", "play", "AI_RECORDINGS"),
    ("AI_RECORD", "perhaps", "off, play, record"),
    ("AI_KEEPDAYS", "3", "AI_KEEP_DAYS"),
])
def test_a_setting_that_is_wrong_stops_the_start(tmp_path, name, value, expected):
    env = clean_environment() | {name: value, "DATA_DIR": str(tmp_path)}
    if expected is None:
        run_cli("routes", env=env)
    else:
        done = run_cli("routes", env=env, code=1)
        assert name in done.stderr and expected in done.stderr, done.stderr
        assert len(done.stderr.strip().splitlines()) == 1


def test_a_key_alone_switches_nothing_and_is_never_printed(tmp_path):
    env = clean_environment() | {"OPENAI_API_KEY": "sk-very-secret", "DATA_DIR": str(tmp_path)}
    rows = run_cli("settings", "--values", env=env).stdout.splitlines()
    said = {row.split("`")[1]: row for row in rows if row.startswith("| `")}
    assert "very-secret" not in "\n".join(rows)
    assert "| `local` |" in said["AI_CHAT_PROVIDER"] and "A key alone switches nothing" in said["AI_CHAT_PROVIDER"]


def test_what_a_named_provider_lacks_is_said_by_doctor(server, make_server):
    lacking = make_server(start=False, AI_CHAT_PROVIDER="openai")
    said = lacking.cli("doctor")
    assert "OPENAI_API_KEY" in said.stdout + said.stderr
    said = server.cli("doctor")
    assert "OPENAI_API_KEY" not in said.stdout + said.stderr


def test_health_shows_models_where_one_is_named(server, client, make_server):
    names = [check["name"] for check in client.get("/health/detailed").json()["checks"]]
    assert "models" not in names
    named = make_server(AI_CHAT_PROVIDER="openai", OPENAI_API_KEY="sk-x", OPENAI_BASE_URL="http://127.0.0.1:9/v1/")
    with named.client() as other:
        checks = {check["name"]: check for check in other.get("/health/detailed").json()["checks"]}
        assert checks["models"]["status"] == "ok" and not checks["models"]["needed"]


def test_figures_of_what_is_asked_are_served(client):
    lines = client.get("/metrics").text.splitlines()
    for name in ("calls_total", "kept_total", "retries_total", "circuit_open", "seconds_count"):
        assert f'socle_ai_{name}{{provider="local",kind="chat"}} 0' in lines, name
    assert not [line for line in lines if line.startswith("socle_ai_") and 'provider="openai"' in line]


def test_what_nobody_asked_for_again_is_purged_by_a_schedule(admin_client):
    schedules = {one["name"]: one for one in admin_client.get("/api/schedules").json()}
    assert schedules["ai.purge"]["job"] == "ai.purge" and schedules["ai.purge"]["next_tick"]
