"""Accounts of other services that sign in here: listed, disconnected, never the last way in."""

import concurrent.futures

import pytest
from harness import database, make_user, problem, token

CONNECTED = "/api/v1/auth/accounts/connected"


def connect(server, user, provider):
    """As a callback would, were the service configured."""
    now = "now()" if server.database else "1700000000000000"
    name = f"{provider}-{user['id']}"
    database(server, "INSERT INTO oauth_accounts (user_id, provider, provider_user_id, access_token, connected_at, "
                     f"updated_at) VALUES ({user['id']}, '{provider}', '{name}', 'sealed', {now}, {now})")
    return int(database(server, f"SELECT id FROM oauth_accounts WHERE provider_user_id = '{name}'"))


@pytest.fixture
def person(server):
    user = make_user(server)
    return user, server.client(token(server, user=user))


def test_they_are_listed_without_their_tokens(server, person):
    user, client = person
    ids = [connect(server, user, provider) for provider in ("google", "tiktok")]
    accounts = client.get(CONNECTED).json()["accounts"]
    assert [a["id"] for a in accounts] == ids and [a["provider"] for a in accounts] == ["google", "tiktok"]
    assert set(accounts[0]) == {"id", "provider", "provider_user_id", "connected_at", "has_token"}
    assert accounts[0]["has_token"] is True


def test_one_is_disconnected_by_its_owner_alone(server, person):
    user, client = person
    account = connect(server, user, "google")
    problem(server.client(token(server)).delete(f"/api/v1/auth/accounts/{account}"), 404, "Compte non trouvé")
    gone = client.delete(f"/api/v1/auth/accounts/{account}")
    assert gone.status_code == 200 and gone.json() == {"message": "Compte déconnecté", "provider": "google"}
    problem(client.delete(f"/api/v1/auth/accounts/{account}"), 404, "Compte non trouvé")
    assert client.get(CONNECTED).json() == {"accounts": []}


def test_the_last_way_in_stays_whoever_is_quick(server, person):
    user, client = person
    database(server, f"UPDATE users SET password_hash = NULL WHERE id = {user['id']}")
    for _ in range(10):
        ids = [connect(server, user, provider) for provider in ("google", "facebook", "instagram", "tiktok")]
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            answers = list(pool.map(lambda i: server.client(client.headers["Authorization"].split()[1])
                                    .delete(f"/api/v1/auth/accounts/{i}"), ids))
        assert sorted(a.status_code for a in answers) == [200, 200, 200, 409]
        assert len(client.get(CONNECTED).json()["accounts"]) == 1
        database(server, f"DELETE FROM oauth_accounts WHERE user_id = {user['id']}")
