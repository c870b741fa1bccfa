"""What OpenAI and Mistral do beside chat, for models.py: vectors, recordings, speech, pictures.

A recording of tests is any container's first bytes and, somewhere, `says:` and what is heard in it;
without that it is silent. Vectors come in another order than they were asked for."""

import base64
import email.parser
import hashlib
import struct
import zlib

from models import KEYS, Refused, serve
from models_chat import check_fault, count, mistral_error, need_mistral, need_mistral_field, need_openai, openai_error, \
    unknown

AUDIO = ("flac", "mp3", "mp4", "mpeg", "mpga", "m4a", "ogg", "wav", "webm")
VOICES = {"alloy", "ash", "ballad", "coral", "echo", "fable", "nova", "onyx", "sage", "shimmer", "verse"}
SIZES = {"gpt-image": {"1024x1024", "1536x1024", "1024x1536", "auto"},
         "dall-e-3": {"1024x1024", "1792x1024", "1024x1792"},
         "dall-e-2": {"256x256", "512x512", "1024x1024"}}


def vector(text, size):
    """Numbers that follow from the text."""
    made, block = [], 0
    while len(made) < size:
        digest = hashlib.sha256(b"%d " % block + text.encode()).digest()
        made += [(b - 127.5) / 128 for b in digest]
        block += 1
    return made[:size]


def heard(call, audio):
    if call.models.listener:
        return call.models.listener(audio)
    return audio.partition(b"says:")[2].decode()


def picture():
    """A PNG of one pixel."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(b"\0\xff\0\0")) + chunk(b"IEND", b""))


def form(call, need):
    """The fields of a multipart body, and its files as (name, type, bytes)."""
    kind = call.headers.get("Content-Type", "")
    need(kind.startswith("multipart/form-data; boundary="), "Could not parse multipart form")
    message = email.parser.BytesParser().parsebytes(b"Content-Type: %s\r\n\r\n%s" % (kind.encode(), call.data))
    fields, files = {}, {}
    for part in message.get_payload():
        name = part.get_param("name", header="content-disposition")
        if part.get_filename():
            files[name] = (part.get_filename(), part.get_content_type(), part.get_payload(decode=True))
        else:
            fields.setdefault(name, part.get_payload(decode=True).decode())
    return fields, files


def check_key(call):
    good = call.headers.get("Authorization") == f"Bearer {KEYS[call.provider]}"
    if call.provider == "mistral":
        need_mistral(good, "", status=401)
    else:
        need_openai(good, "Incorrect API key provided.", "invalid_api_key", status=401)


def check_model(call, model):
    if call.provider == "mistral":
        need_mistral_field(isinstance(model, str) and model, ["model"], "Field required", "missing")
        need_mistral(not model.startswith("unknown"), f"Invalid model: {model}", "invalid_model", "1500")
    else:
        need_openai(isinstance(model, str) and model, "you must provide a model parameter")
        need_openai(not model.startswith("unknown"), f"The model `{model}` does not exist or you do not have access to it.",
                    "model_not_found", status=404)


# -- vectors ---------------------------------------------------------------------------------------------


def embed(call, need, error, names, dimensions, takes, usual):
    check_key(call)
    body = call.json()
    need(body is not None, "We could not parse the JSON body of your request.")
    extra = unknown(body, names)
    need(extra is None, f"Unknown parameter: '{extra}'.")
    model = body.get("model")
    check_model(call, model)
    name = model.partition("!")[0]
    texts = body.get("input")
    need(isinstance(texts, list) and 0 < len(texts) <= 2048 and all(isinstance(t, str) and t for t in texts),
         "'$.input' is invalid.")
    need(dimensions not in body or takes(name), "This model does not support specifying dimensions.")
    need(body.get("encoding_format", "float") == "float", "The fake gives floats only.")
    if check_fault(call, model, error):
        return
    size = body.get(dimensions, usual(name)) + (call.fault == "size")
    data = [{"object": "embedding", "index": i, "embedding": vector(t, size)} for i, t in enumerate(texts)]
    tokens = sum(count(t) for t in texts)
    call.answer(200, {"object": "list", "data": data[::-1], "model": name,
                      "usage": {"prompt_tokens": tokens, "total_tokens": tokens}})


@serve("openai", "/v1/embeddings")
def openai_embed(call):
    embed(call, need_openai, openai_error, {"model", "input", "dimensions", "encoding_format", "user"}, "dimensions",
          lambda m: m.startswith("text-embedding-3"), lambda m: 3072 if m.endswith("large") else 1536)


@serve("mistral", "/v1/embeddings")
def mistral_embed(call):
    embed(call, need_mistral, mistral_error,
          {"model", "input", "output_dimension", "output_dtype", "encoding_format", "metadata"}, "output_dimension",
          lambda m: m != "mistral-embed", lambda m: 1024)


# -- recordings ------------------------------------------------------------------------------------------


@serve("openai", "/v1/audio/transcriptions")
def openai_transcribe(call):
    check_key(call)
    fields, files = form(call, need_openai)
    extra = unknown(fields, {"model", "language", "prompt", "response_format", "temperature", "include[]", "stream"})
    need_openai(extra is None, f"Unknown parameter: '{extra}'.")
    model, kind = fields.get("model"), fields.get("response_format", "json")
    check_model(call, model)
    need_openai(set(files) == {"file"} and files["file"][0].rpartition(".")[2] in AUDIO,
                "Invalid file format. Supported formats: " + str(AUDIO))
    whisper = model.startswith("whisper")
    need_openai(whisper or kind in ("json", "text"), "response_format 'verbose_json' is not compatible with model")
    need_openai(not whisper or "include[]" not in fields, "include is not supported for this model")
    need_openai(len(fields.get("language", "fr")) == 2, "Invalid language. Language parameter must be ISO-639-1.")
    if check_fault(call, model, openai_error):
        return
    said = heard(call, files["file"][2])
    if whisper and kind == "verbose_json":
        made_up = said or "Sous-titres réalisés par la communauté d'Amara.org"
        call.answer(200, {"task": "transcribe", "language": "french", "duration": 2.5, "text": made_up, "segments": [
            {"id": 0, "start": 0.0, "end": 2.5, "text": made_up, "avg_logprob": -0.25,
             "no_speech_prob": 0.02 if said else 0.97}], "usage": {"type": "duration", "seconds": 3}})
        return
    answer = {"text": said, "usage": {"type": "tokens", "input_tokens": 25, "output_tokens": count(said)}}
    if fields.get("include[]") == "logprobs":
        answer["logprobs"] = [{"token": word, "logprob": -0.1} for word in said.split()]
    call.answer(200, answer)


@serve("mistral", "/v1/audio/transcriptions")
def mistral_transcribe(call):
    check_key(call)
    fields, files = form(call, need_mistral)
    extra = unknown(fields, {"model", "language", "temperature", "diarize", "timestamp_granularities", "context_bias"})
    need_mistral_field(extra is None, [extra], "Extra inputs are not permitted", "extra_forbidden")
    check_model(call, fields.get("model"))
    need_mistral_field(set(files) == {"file"}, ["file"], "Field required", "missing")
    if check_fault(call, fields["model"], mistral_error):
        return
    said = heard(call, files["file"][2])
    call.answer(200, {"model": fields["model"], "text": f" {said}", "language": fields.get("language"), "segments": [],
                      "usage": {"prompt_audio_seconds": 4, "prompt_tokens": 4, "completion_tokens": count(said),
                                "total_tokens": 4 + count(said)}})


# -- speech and pictures ---------------------------------------------------------------------------------


@serve("openai", "/v1/audio/speech")
def openai_speak(call):
    check_key(call)
    body = call.json()
    need_openai(body is not None, "We could not parse the JSON body of your request.")
    extra = unknown(body, {"model", "input", "voice", "instructions", "response_format", "speed", "stream_format"})
    need_openai(extra is None, f"Unknown parameter: '{extra}'.")
    check_model(call, body.get("model"))
    need_openai(body.get("voice") in VOICES, "Invalid voice")
    need_openai(0 < len(body.get("input", "")) <= 4096, "[{'type': 'string_too_long', 'loc': ('body', 'input')}]")
    need_openai(body.get("response_format", "mp3") == "mp3", "The fake speaks mp3 only.")
    if not check_fault(call, body["model"], openai_error):
        call.answer(200, b"ID3\x04\0\0\0\0\0\0says:" + body["input"].encode(), kind="audio/mpeg")


@serve("openai", "/v1/images/generations")
def openai_image(call):
    check_key(call)
    body = call.json()
    need_openai(body is not None, "We could not parse the JSON body of your request.")
    extra = unknown(body, {"model", "prompt", "n", "size", "quality", "background", "output_format", "output_compression",
                           "moderation", "response_format", "style", "user"})
    need_openai(extra is None, f"Unknown parameter: '{extra}'.")
    model = body.get("model")
    check_model(call, model)
    family = next((f for f in SIZES if model.startswith(f)), "gpt-image")
    need_openai(body.get("size", "1024x1024") in SIZES[family], f"Invalid value: '{body.get('size')}'.", "invalid_value")
    need_openai(family != "gpt-image" or "response_format" not in body, "Unknown parameter: 'response_format'.")
    need_openai(family == "gpt-image" or body.get("response_format") == "b64_json", "The fake keeps no files.")
    if check_fault(call, model, openai_error):
        return
    if "forbidden" in body["prompt"]:
        raise Refused(400, openai_error(400, "Your request was rejected by the safety system.", "image_generation_user_error",
                                        "moderation_blocked"))
    call.answer(200, {"created": 1790000000, "data": [{"b64_json": base64.b64encode(picture()).decode()}],
                      "usage": {"input_tokens": 10, "output_tokens": 100, "total_tokens": 110}})
