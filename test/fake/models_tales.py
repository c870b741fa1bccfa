"""What models.py answers when it is asked for a chapter of a story (lifetales): strict JSON of the schema,
made of the sentences of the notes in the question, each with the id of its note. Tests that want another
chapter give `models.storyteller`, a function of the request and the notes that gives the JSON, or a script."""

import json
import re

SENTENCE = re.compile(r".+?(?:[.!?…]+(?=\s|$)|$)", re.S)


def is_chapter(schema):
    return isinstance(schema, dict) and "noteIds" in json.dumps(schema) and "sentences" in schema.get("properties", {})


def question(asked):
    """The JSON in the user's turn."""
    return json.loads(asked.text)


def sentences_of(text, most=6):
    return [" ".join(s.split()) for s in SENTENCE.findall(text or "") if s.strip()][:most]


def tell(asked, notes):
    sentences = []
    for note in notes:
        for i, sentence in enumerate(sentences_of(note.get("text") or note.get("title"))):
            sentences.append({"paragraph": i == 0 and bool(sentences), "text": sentence, "noteIds": [note["id"]]})
    first = sentences[0]["text"] if sentences else "Untitled"
    return {"title": " ".join(first.split()[:5]).rstrip(".,;:!?"), "sentences": sentences,
            "illustrationPrompt": f"A quiet scene: {first}"[:300], "characters": []}


def chapter(models, asked):
    told = (models.storyteller or tell)(asked, question(asked)["notes"])
    return told if isinstance(told, dict) and ({"json", "text", "refusal"} & set(told)) else {"json": told}
