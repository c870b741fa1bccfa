"""Veo by Gemini's API, for models.py: a video is begun, asked after, fetched. `models.film` is what is made: its
bytes (None: the filter holds it back; an Exception: it fails), `models.film_looks` how often it is not ready."""

import base64

from models import Refused, serve
from models_chat import check_fault
from models_google import check_access, google_error, known, need

VIDEO_URL = "/v1beta/files/film"


@serve("gemini", "/v1beta/models/{model}:{verb=predictLongRunning}")
def begin(call):
    check_access(call)
    body = call.json()
    known(body, {"instances", "parameters"})
    need(isinstance(body["instances"], list) and len(body["instances"]) == 1, "instances")
    known(body["instances"][0], {"prompt", "image", "lastFrame", "referenceImages", "video"}, " at 'instances[0]'")
    image = body["instances"][0]["image"]
    known(image, {"bytesBase64Encoded", "mimeType"}, " at 'instances[0].image'")
    need(image["mimeType"] in ("image/png", "image/jpeg", "image/webp"), "Unsupported mime type")
    need(base64.b64decode(image["bytesBase64Encoded"], validate=True), "empty image")
    known(body["parameters"], {"aspectRatio", "durationSeconds", "resolution", "negativePrompt", "personGeneration"})
    need(body["parameters"]["aspectRatio"] in ("16:9", "9:16"), "aspectRatio")
    need(body["parameters"]["durationSeconds"] in (4, 6, 8), "durationSeconds must be 4, 6 or 8")
    if check_fault(call, call.params["model"], google_error):
        return
    call.answer(200, {"name": f"models/{call.params['model']}/operations/op{next(call.models.numbers)}"})


@serve("gemini", "/v1beta/models/{model}/operations/{id}")
def look(call):
    check_access(call)
    if check_fault(call, call.params["model"], google_error):
        return
    models = call.models
    name = call.path.removeprefix("/v1beta/")
    with models.lock:
        models.film_looks -= 1
        ready = models.film_looks < 0
    if not ready:
        call.answer(200, {"name": name, "metadata": {"progressPercent": 50}})
    elif models.film is None:
        call.answer(200, {"name": name, "done": True, "response": {"generateVideoResponse": {
            "raiMediaFilteredCount": 1, "raiMediaFilteredReasons": ["The words of the filter."]}}})
    elif isinstance(models.film, Exception):
        call.answer(200, {"name": name, "done": True, "error": {"code": 13, "message": str(models.film)}})
    else:
        video = {"uri": f"{models.url}/gemini{VIDEO_URL}:download?alt=media"}
        call.answer(200, {"name": name, "done": True, "response": {
            "@type": "type.googleapis.com/google.ai.generativelanguage.v1beta.PredictLongRunningResponse",
            "generateVideoResponse": {"generatedSamples": [{"video": video}]}}})


@serve("gemini", VIDEO_URL + ":{verb=download}")
def download(call):
    check_access(call)
    if call.query != "alt=media" or not isinstance(call.models.film, bytes):
        raise Refused(404, google_error(404, "no such file"))
    call.answer(200, call.models.film, kind="video/mp4")
