"""What the page at /tales asks of chapters beyond the contract: changed by two at once, which story is being written,
what a link to a story opens."""

from harness import database
from tales_story import Space, data, made, person, refused, sourced


def test_a_chapter_is_not_written_over_unseen(server):
    space = Space(person(server), made(2))
    first = space.story(storyMode="chapter")["chapters"][0]
    path = f"/api/spaces/{space.id}/chapters/{first['id']}"
    seen = first["updated_at"]
    one = data(space.client.put(path, json={"content": "Autrement.", "ifUpdatedAt": seen}))
    assert one["content"] == "Autrement." and one["updated_at"] != seen
    refused(space.client.put(path, json={"content": "Encore autrement.", "ifUpdatedAt": seen}), 409, "chapter_changed")
    assert space.chapters()[0]["content"] == "Autrement."
    data(space.client.put(path, json={"title": "Un", "ifUpdatedAt": one["updated_at"]}))
    assert data(space.client.put(path, json={"title": "Deux", "ifUpdatedAt": None}))["title"] == "Deux"
    refused(space.client.put(path, json={"title": "Trois", "ifUpdatedAt": "hier"}), 422)


def test_a_space_names_the_story_that_is_being_written(server):
    space = Space(person(server), made(1))
    story = space.story(storyMode="chapter")["storyId"]

    def named(state):
        database(server, f"UPDATE stories SET state = '{state}' WHERE id = '{story}' RETURNING id")
        one, [listed] = data(space.client.get(f"/api/spaces/{space.id}")), data(space.client.get("/api/spaces"))
        assert listed["generatingStoryId"] == one["generatingStoryId"]
        assert one["isGenerating"] is (one["generatingStoryId"] is not None)
        return one["generatingStoryId"]
    assert named("running") == story
    assert named("done") is None


def test_a_link_to_a_story_opens_a_page_and_its_sentences_name_notes(server):
    space = Space(person(server), made(2))
    chapters = space.story(storyMode="chapter")["chapters"]
    share = data(space.client.post(f"/api/spaces/{space.id}/share", json={}), 201)
    reader, page = server.client(), f"/tales/s/{share['token']}"
    answer = reader.get(page)
    assert answer.status_code == 200 and answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-store" and "/tales/shared.js" in answer.text
    shown = data(reader.get(share["url"]))["chapters"]
    assert [one["sentences"] for one in shown] == [one["sentences"] for one in chapters]
    assert [one["illustrationPrompt"] for one in shown] == [one["illustrationPrompt"] for one in chapters]
    sourced(space, chapters)
    data(space.client.delete(f"/api/spaces/{space.id}/share", params={"id": share["id"]}))
    assert reader.get(page).status_code == 410 and "/tales/shared.js" in reader.get(page).text
    assert reader.get("/tales/s/nothing").status_code == 410
