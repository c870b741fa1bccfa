"""What the tests of veyl share: posts to store, and the figures computed again in Python."""

import datetime
import math
import random

UTC = datetime.timezone.utc
WORDS = ["mode", "paris", "été", "food", "sport", "art"]
PEOPLE = ["ana", "bob", "chloé", "dan_9"]
PLATFORMS = ["instagram", "tiktok", "facebook"]


def iso(when):
    return when.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def read_time(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


def now():
    return datetime.datetime.now(UTC)


def make_posts(count, seed=1, days=20, prefix="p"):
    """Posts of the last `days` days; the same seed gives the same ones but for their times."""
    chance = random.Random(seed)
    until = now()
    posts = []
    for i in range(count):
        platform = chance.choice(PLATFORMS)
        metrics = {name: chance.choice([None, chance.randrange(1000)]) for name in ("likes", "comments", "shares", "views")}
        posts.append({
            "id": f"{platform}_{prefix}{i}", "platform": platform, "author": chance.choice(PEOPLE),
            "caption": chance.choice(["Une très belle journée", "Worst day ever, I hate it", "Rien à dire du tout"]),
            "hashtags": sorted(chance.sample(WORDS, chance.randrange(4))), "metrics": metrics,
            "posted_at": iso(until - datetime.timedelta(seconds=young(chance.randrange(60, days * 86400))))})
    return posts


def young(seconds):
    """An age that does not become a number of whole days within the hour: figures of the last days stay."""
    return seconds - 3600 if -seconds % 86400 < 3600 else seconds


def score(post):
    return sum(post["metrics"].get(name) or 0 for name in ("likes", "comments", "shares"))


def trend_means(posts, at=None):
    """platform -> mean score of its posts of the last 7 days."""
    at = at or now()
    means = {}
    for platform in {p["platform"] for p in posts}:
        week = [score(p) for p in posts if p["platform"] == platform and p["posted_at"]
                and at - datetime.timedelta(days=7) <= read_time(p["posted_at"]) <= at]
        means[platform] = sum(week) / len(week) if week else 0
    return means


def score_trend(post, means):
    mean = means[post["platform"]]
    return score(post) / mean if mean else 0


def bulk(client, posts):
    import json
    body = "\n".join(json.dumps(p) for p in posts)
    answer = client.post("/api/v1/posts/bulk", data=body.encode(), headers={"Content-Type": "application/x-ndjson"})
    assert answer.status_code == 200, answer.text
    return answer.json()


def all_posts(client, **params):
    """Every post of the list, page by page."""
    found, url = [], "/api/v1/posts"
    params = {"limit": 100} | params
    while True:
        answer = client.get(url, params=params)
        assert answer.status_code == 200, answer.text
        found += answer.json()
        cursor = next_cursor(answer)
        if not cursor:
            return found
        params["cursor"] = cursor


def next_cursor(answer):
    import urllib.parse
    link = answer.links.get("next")
    return urllib.parse.parse_qs(urllib.parse.urlsplit(link["url"]).query)["cursor"][0] if link else None


def close(a, b):
    return math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-12)


# -- searching --------------------------------------------------------------------------------------

SEARCH = "/api/v1/posts/search"


def post(caption, **members):
    return {"id": f"instagram_{random.getrandbits(60)}", "platform": "instagram", "author": "ana",
            "caption": caption, "posted_at": iso(now())} | members


def write(client, *posts):
    for one in posts:
        made = client.post("/api/v1/posts", json=one)
        assert made.status_code == 200, made.text


def found(client, q, **query):
    answer = client.get(SEARCH, params={"q": q, "limit": 100} | query)
    assert answer.status_code == 200, answer.text
    return answer


def ids(client, q, **query):
    return [hit["id"] for hit in found(client, q, **query).json()]
