"""Gemini and Vertex AI for models.py: generateContent, embeddings, and the endpoint that gives tokens
for a service account's signed claim. Strict as the real ones are where socle could get it wrong."""

import base64
import hashlib
import json
import pathlib
import re
import subprocess
import time

from models import KEYS, Refused, serve
from models_calls import heard, picture, vector
from models_chat import Asked, NAME, check_fault, compose, count, pieces, unknown

STATUS = {400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND",
          429: "RESOURCE_EXHAUSTED", 500: "INTERNAL", 502: "UNAVAILABLE", 503: "UNAVAILABLE", 504: "DEADLINE_EXCEEDED"}
QUOTA = "You exceeded your current quota, please check your plan and billing details."
SCOPE = "https://www.googleapis.com/auth/cloud-platform"
AUDIENCE = "https://oauth2.googleapis.com/token"
SIGNED = {"skip_thought_signature_validator"}  # and those that were given
TASKS = {"RETRIEVAL_DOCUMENT", "RETRIEVAL_QUERY", "SEMANTIC_SIMILARITY", "CLASSIFICATION", "CLUSTERING",
         "QUESTION_ANSWERING", "FACT_VERIFICATION", "CODE_RETRIEVAL_QUERY"}


def google_error(status, message=""):
    error = {"code": status, "message": message or f"The fake was told to answer {status}",
             "status": STATUS.get(status, "UNKNOWN")}
    if not message and status in (402, 429):
        day = "Day" if status == 402 else "Minute"
        error.update(code=429, status="RESOURCE_EXHAUSTED", message=QUOTA, details=[
            {"@type": "type.googleapis.com/google.rpc.QuotaFailure",
             "violations": [{"quotaId": f"GenerateRequestsPer{day}PerProjectPerModel-FreeTier"}]}])
    return {"error": error}


def retry_error(seconds):
    """Too many a minute: come back after so many seconds."""
    error = google_error(429)
    error["error"]["details"].append({"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": f"{seconds}s"})
    return error


def need(condition, message, status=400):
    if not condition:
        raise Refused(status, google_error(status, message))


def known(value, names, where=""):
    need(isinstance(value, dict), f"Invalid value at '{where}'")
    extra = unknown(value, names)
    need(extra is None, f"Invalid JSON payload received. Unknown name \"{extra}\"{where}: Cannot find field.")


def thinks(model):
    found = re.match(r"gemini-(\d+)", model)
    return bool(found) and int(found[1]) >= 3


# -- tokens ---------------------------------------------------------------------------------------------


class Account:
    """A service account: its key file, and the tokens that were given for claims it signed."""

    def __init__(self):
        self.pem = subprocess.run(["openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
                                  capture_output=True, check=True).stdout.decode()
        modulus = subprocess.run(["openssl", "rsa", "-noout", "-modulus"], input=self.pem.encode(),
                                 capture_output=True, check=True).stdout.decode()
        self.modulus = int(modulus.partition("=")[2], 16)
        self.tokens, self.given = set(), 0

    def file(self):
        return {"type": "service_account", "project_id": "tests", "private_key_id": "key-of-tests",
                "private_key": self.pem, "client_email": "socle@tests.iam.gserviceaccount.com", "token_uri": AUDIENCE}

    def signed(self, text, signature):
        """RSASSA-PKCS1-v1_5 with SHA-256, exponent 65537."""
        size = (self.modulus.bit_length() + 7) // 8
        digest = bytes.fromhex("3031300d060960864801650304020105000420") + hashlib.sha256(text).digest()
        want = b"\x00\x01" + b"\xff" * (size - len(digest) - 3) + b"\x00" + digest
        number = int.from_bytes(signature, "big")
        return len(signature) == size and pow(number, 65537, self.modulus).to_bytes(size, "big") == want


def account(models):
    with models.lock:
        if models.account is None:
            models.account = Account()
        return models.account


def decode(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def need_grant(condition, message):
    if not condition:
        raise Refused(400, {"error": "invalid_grant", "error_description": message})


@serve("google", "/token")
def token(call):
    fault = call.take_fault()
    if fault and fault.isdigit():
        raise Refused(int(fault), {"error": "internal_failure"})
    mine, form = account(call.models), dict(re.findall(r"([^&=]+)=([^&]*)", call.data.decode()))
    need_grant(call.headers.get("Content-Type") == "application/x-www-form-urlencoded", "Bad request")
    need_grant(form.get("grant_type") == "urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer", "Bad grant_type")
    parts = form.get("assertion", "").split(".")
    need_grant(len(parts) == 3, "Invalid JWT")
    head, claims = json.loads(decode(parts[0])), json.loads(decode(parts[1]))
    need_grant(head == {"alg": "RS256", "typ": "JWT", "kid": "key-of-tests"}, "Invalid JWT header")
    need_grant(mine.signed(".".join(parts[:2]).encode(), decode(parts[2])), "Invalid JWT Signature.")
    need_grant(claims.get("iss") == mine.file()["client_email"], "Invalid grant: account not found")
    need_grant(claims.get("scope") == SCOPE and claims.get("aud") == AUDIENCE, "Invalid JWT: scope or audience")
    now = time.time()
    need_grant(claims["iat"] <= now + 60 and now < claims["exp"] <= claims["iat"] + 3600,
               "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe.")
    mine.given += 1
    given = f"ya29.fake-{mine.given}"
    mine.tokens.add(given)
    life = int(call.fault_value) if fault == "life" else 3599
    call.answer(200, {"access_token": given, "expires_in": life, "token_type": "Bearer"})


def check_access(call):
    if call.provider == "gemini":
        need("key=" not in call.query, "The key is in the address, which is logged.")
        need(call.headers.get("x-goog-api-key") == KEYS["gemini"], "API key not valid. Please pass a valid API key.", 401)
        return
    given = (call.headers.get("Authorization") or "").partition("Bearer ")[2]
    need(given in account(call.models).tokens, "Request had invalid authentication credentials.", 401)
    need(call.params.get("project") == "tests", f"Permission denied on resource project {call.params.get('project')}.", 403)


# -- generateContent: the request ------------------------------------------------------------------------

BODY = {"contents", "systemInstruction", "tools", "toolConfig", "safetySettings", "generationConfig", "cachedContent"}
CONFIG = {"temperature", "topP", "topK", "maxOutputTokens", "stopSequences", "responseMimeType", "responseSchema",
          "responseJsonSchema", "responseModalities", "imageConfig", "speechConfig", "thinkingConfig", "candidateCount",
          "seed", "presencePenalty", "frequencyPenalty", "mediaResolution"}
DATA = {"text", "inlineData", "fileData", "functionCall", "functionResponse"}


def check_part(call, part, where):
    known(part, DATA | {"thought", "thoughtSignature", "videoMetadata"}, where)
    kinds = [name for name in DATA if name in part]
    need(len(kinds) == 1, f"{where}: required oneof field 'data' must have one initialized field")
    kind = kinds[0]
    if kind == "text":
        need(part["text"].strip(), "Unable to submit request because it must have a text parameter.")
    if kind == "inlineData":
        known(part[kind], {"mimeType", "data"}, where)
        need(re.fullmatch(r"\w+/[\w.+-]+", part[kind]["mimeType"]), f"Unsupported MIME type: {part[kind]['mimeType']}")
        need(base64.b64decode(part[kind]["data"], validate=True), f"Base64 decoding failed at {where}")
    if kind in ("functionCall", "functionResponse"):
        ids = {"id"} if call.provider == "gemini" else set()
        member = {"functionCall": "args", "functionResponse": "response"}[kind]
        known(part[kind], {"name", member} | ids, where)
        need(isinstance(part[kind].get(member), dict) and NAME.match(part[kind].get("name", "")), f"Invalid {where}.{kind}")
    return kind


def check_contents(call, model, contents):
    need(isinstance(contents, list) and contents, "* GenerateContentRequest.contents: contents is not specified")
    turns, open_calls = [], 0
    for i, content in enumerate(contents):
        where = f" at 'contents[{i}]'"
        known(content, {"role", "parts"}, where)
        role = content.get("role", "user" if call.provider == "gemini" else None)
        need(role in ("user", "model"), "Please use a valid role: user, model.")
        need(isinstance(content.get("parts"), list) and content["parts"], f"contents.parts must not be empty{where}")
        kinds = [check_part(call, part, where) for part in content["parts"]]
        need(role == "user" or not {"functionResponse", "inlineData"} & set(kinds), f"Bad part for role model{where}")
        need(role == "model" or "functionCall" not in kinds, f"Bad part for role user{where}")
        need(kinds.count("functionResponse") == open_calls, "Please ensure that the number of function response parts "
             "is equal to the number of function call parts of the function call turn.")
        open_calls = kinds.count("functionCall")
        need(not open_calls or (turns and turns[-1][0] == "user"), "Please ensure that function call turn comes "
             "immediately after a user turn or after a function response turn.")
        signatures = [p.get("thoughtSignature") for p in content["parts"] if "functionCall" in p]
        need(not thinks(model) or not signatures or signatures[0], "Function call is missing a thought_signature in "
             "functionCall parts.")
        need(all(s in SIGNED for s in signatures if s), "Corrupted thought signature.")
        turns.append((role, "".join(p.get("text", "") for p in content["parts"])))
    need(turns[0][0] == "user" and turns[-1][0] == "user", "Please ensure that multiturn requests alternate and end "
         "with a user role.")
    return [("assistant" if role == "model" else "user", text) for role, text in turns]


def check_config(model, config):
    known(config, CONFIG, " at 'generation_config'")
    need(0 <= config.get("temperature", 1) <= 2, "temperature must be in the range [0.0, 2.0].")
    need(isinstance(config.get("maxOutputTokens", 1), int) and config.get("maxOutputTokens", 1) >= 1, "max_output_tokens")
    need("thinkingLevel" not in config.get("thinkingConfig", {}) or thinks(model), "Thinking level is not supported for "
         "this model.")
    schema = config.get("responseJsonSchema")
    need(schema is None or config.get("responseMimeType") == "application/json", "response_mime_type must be "
         "application/json when a response schema is given")
    modalities = config.get("responseModalities", ["TEXT"])
    need("IMAGE" not in modalities or "image" in model, "Model does not support the requested response modalities: image")
    need("AUDIO" not in modalities or "tts" in model, "Model does not support the requested response modalities: audio")
    need("imageConfig" not in config or config["imageConfig"].get("aspectRatio") in
         ("1:1", "2:3", "3:2", "3:4", "4:3", "4:5", "5:4", "9:16", "16:9", "21:9"), "aspect_ratio must be one of ...")
    return schema


def check_functions(body, asked):
    for tool in body.get("tools", []):
        known(tool, {"functionDeclarations"}, " at 'tools[0]'")
        for function in tool["functionDeclarations"]:
            known(function, {"name", "description", "parameters", "parametersJsonSchema"}, " at 'tools[0]'")
            need(re.fullmatch(r"[a-zA-Z_][\w.:-]{0,63}", function.get("name", "")), "Invalid function name.")
            need(isinstance(function["parametersJsonSchema"], dict), "Invalid parameters schema")
            asked.tools[function["name"]] = function["parametersJsonSchema"]
    config = body.get("toolConfig", {}).get("functionCallingConfig", {"mode": "AUTO"})
    known(config, {"mode", "allowedFunctionNames"}, " at 'tool_config'")
    allowed = config.get("allowedFunctionNames", [])
    need(config["mode"] in ("AUTO", "ANY", "NONE"), "Invalid function calling mode")
    need(not allowed or (config["mode"] == "ANY" and set(allowed) <= set(asked.tools)),
         "allowed_function_names should only be set when mode is ANY and name declared functions")
    need("toolConfig" not in body or asked.tools, "Function calling config is set without function_declarations.")
    asked.choice = allowed[0] if allowed else config["mode"].lower()


def check_body(call):
    check_access(call)
    body = call.json()
    need(body is not None and call.headers.get("Content-Type") == "application/json", "Invalid JSON payload received.")
    model = call.params["model"]
    need(not model.startswith("unknown"), f"models/{model} is not found for API version v1beta, or is not supported for "
         "generateContent. Call ListModels to see the list of available models.", 404)
    return body, model


def google_asked(call):
    body, model = check_body(call)
    known(body, BODY)
    turns = check_contents(call, model, body.get("contents"))
    schema = check_config(model, body.get("generationConfig", {}))
    system = body.get("systemInstruction", {"parts": []})
    known(system, {"parts", "role"}, " at 'system_instruction'")
    asked = Asked(call.provider, {**body, "model": model}, "".join(p["text"] for p in system["parts"]), turns, schema)
    check_functions(body, asked)
    return asked


# -- generateContent: the answer -------------------------------------------------------------------------


def audio_of(asked):
    for content in asked.body["contents"]:
        for part in content["parts"]:
            if part.get("inlineData", {}).get("mimeType", "").startswith("audio/"):
                return base64.b64decode(part["inlineData"]["data"])
    return None


def google_parts(call, asked, answer):
    modalities = asked.body.get("generationConfig", {}).get("responseModalities", [])
    if answer["thinking"]:
        yield {"text": answer["thinking"], "thought": True}
    if "IMAGE" in modalities and not answer["refusal"]:
        yield {"inlineData": {"mimeType": "image/png", "data": base64.b64encode(picture()).decode()}}
        return
    if "AUDIO" in modalities and not answer["refusal"]:
        samples = base64.b64encode(b"\x01\x02" * 100).decode()
        yield {"inlineData": {"mimeType": "audio/L16;codec=pcm;rate=24000", "data": samples}}
        return
    if answer["text"]:
        yield {"text": answer["text"]}
    for i, tool in enumerate(answer["tools"]):
        number = next(call.models.numbers)
        made = {"functionCall": {"name": tool["name"], "args": tool["arguments"]}}
        if call.provider == "gemini":
            made["functionCall"]["id"] = f"fc_{number}"
        if i == 0:
            made["thoughtSignature"] = base64.b64encode(b"signed %d" % number).decode()
            SIGNED.add(made["thoughtSignature"])
        yield made


def google_finish(answer):
    if answer["refusal"]:
        return "SAFETY"
    return {"length": "MAX_TOKENS", None: "STOP"}.get(answer["end"], answer["end"])


def google_usage(asked, answer):
    used = {"promptTokenCount": count(asked.system + "".join(t for _, t in asked.turns)),
            "candidatesTokenCount": count(answer["text"])}
    if answer["thinking"]:
        used["thoughtsTokenCount"] = count(answer["thinking"])
    return {**used, "totalTokenCount": sum(used.values())}


def chunk(asked, parts, finish=None, usage=None):
    candidate = {"content": {"role": "model", **({"parts": parts} if parts else {})}, "index": 0}
    if finish:
        candidate["finishReason"] = finish
    made = {"candidates": [candidate], "modelVersion": asked.model, "responseId": "fake"}
    return {**made, "usageMetadata": usage} if usage else made


def google_events(asked, answer, parts):
    for part in parts:
        if "text" in part:
            for i, piece in enumerate(pieces(part["text"])):
                if answer["pace"]:
                    answer["pace"](i)
                yield chunk(asked, [{**part, "text": piece}])
        else:
            yield chunk(asked, [part])
    yield chunk(asked, [{"text": ""}], google_finish(answer), google_usage(asked, answer))


def recorded(call, path):
    """What the real service once said, byte for byte."""
    data = pathlib.Path(path).read_bytes()
    call.fault = None
    if data.startswith(b"data:"):
        return call.answer(200, data, kind="text/event-stream")
    body = json.loads(data)
    status = body.get("error", {}).get("code", 200) if isinstance(body, dict) else 200
    return call.answer(status, data)


def generate(call):
    asked = google_asked(call)
    if check_fault(call, asked.model, google_error):
        return
    if call.fault == "recorded":
        return recorded(call, call.fault_value)
    if call.fault == "retry":
        raise Refused(429, retry_error(call.fault_value or 1))
    audio = audio_of(asked)
    answer = compose(call, asked)
    if audio is not None and asked.schema and "json" in answer and call.fault != "wrong-json":
        said = heard(call, audio)
        answer["text"] = json.dumps({"text": said, "language": "fr" if said else ""}, ensure_ascii=False)
    parts = list(google_parts(call, asked, answer))
    if call.fault == "refuse":
        call.answer(200, {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}, "modelVersion": asked.model,
                          "usageMetadata": {"promptTokenCount": 3, "totalTokenCount": 3}})
    elif call.params["verb"] == "generateContent":
        call.answer(200, chunk(asked, parts, google_finish(answer), google_usage(asked, answer)))
    elif call.query == "alt=sse":
        call.stream(((None, event) for event in google_events(asked, answer, parts)), line="\r\n")
    else:
        call.answer(200, list(google_events(asked, answer, parts)))


PLACE = "/v1/projects/{project}/locations/{region}/publishers/google/models/{model}"
for verb in ("generateContent", "streamGenerateContent"):
    serve("gemini", "/v1beta/models/{model}:{verb=%s}" % verb)(generate)
    serve("vertex", PLACE + ":{verb=%s}" % verb)(generate)


# -- vectors ---------------------------------------------------------------------------------------------


def numbers(call, text, wanted, usual):
    size = wanted if wanted is not None else usual
    return [3.0 * x for x in vector(text, size + (call.fault == "size"))]  # not of length one


@serve("gemini", "/v1beta/models/{model}:batchEmbedContents")
def gemini_embed(call):
    body, model = check_body(call)
    known(body, {"requests"})
    need(0 < len(body["requests"]) <= 100, "at most 100 requests can be in one batch")
    for request in body["requests"]:
        known(request, {"model", "content", "taskType", "title", "outputDimensionality"}, " at 'requests[0]'")
        need(request["model"] == f"models/{model}", "The model of each request must match the model in the path")
        need(request["content"]["parts"][0]["text"], "content is empty")
        need(request.get("taskType") in TASKS, "Invalid value at 'requests[0].task_type'")
    if check_fault(call, model, google_error):
        return
    call.answer(200, {"embeddings": [{"values": numbers(call, r["content"]["parts"][0]["text"],
                                                        r.get("outputDimensionality"), 3072)}
                                     for r in body["requests"]]})


@serve("vertex", PLACE + ":predict")
def vertex_embed(call):
    body, model = check_body(call)
    known(body, {"instances", "parameters"})
    most = 1 if model.startswith("gemini-embedding") else 250
    need(0 < len(body["instances"]) <= most, f"The number of instances must be between 1 and {most}")
    for instance in body["instances"]:
        known(instance, {"content", "task_type", "title"}, " at 'instances[0]'")
        need(instance["content"] and instance["task_type"] in TASKS, "Invalid instance")
    need(sum(len(i["content"].split()) for i in body["instances"]) <= 20000, "The input token count exceeds the maximum "
         "number of tokens allowed 20000.")
    parameters = body.get("parameters", {})
    known(parameters, {"autoTruncate", "outputDimensionality"}, " at 'parameters'")
    wanted = parameters.get("outputDimensionality")
    need(wanted is None or wanted <= (3072 if most == 1 else 768), "Invalid output dimensionality")
    if check_fault(call, model, google_error):
        return
    call.answer(200, {"predictions": [{"embeddings": {
        "values": numbers(call, i["content"], wanted, 3072 if most == 1 else 768),
        "statistics": {"token_count": len(i["content"].split()), "truncated": False}}} for i in body["instances"]],
        "metadata": {"billableCharacterCount": 1}})
