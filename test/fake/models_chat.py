"""The chat APIs of models.py: what each service refuses, and how it says what it answers.

Read in this order: Asked (a request, the same for all), compose (what is answered), then for each
service its check, its whole answer and its stream."""

import base64
import json
import re

from models import HUGE, KEYS, Refused, serve
from models_tales import chapter, is_chapter

NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}\Z")
THINKING = re.compile(r"(.*/)?(o\d+(-|$)|gpt-([5-9]|\d\d)(?!.*-chat))")
NEW_CLAUDE = re.compile(r"claude-(opus-4-[7-9]|(opus|sonnet|haiku|fable)-[5-9])")
SENTENCE = re.compile(r"[^.!?\n]+[.!?]?")
WORD = re.compile(r"\w{3,}")


class Asked:
    """A request as all three services understand it."""

    def __init__(self, provider, body, system, turns, schema=None):
        self.provider, self.body, self.model = provider, body, body["model"].partition("!")[0]
        self.system, self.turns, self.schema = system, turns, schema  # turns: (role, text) each
        self.text = next((t for role, t in reversed(turns) if role == "user" and t), "")
        self.tools, self.choice = {}, "auto"

    def sources(self):
        """The numbered passages quoted in the system text."""
        found = re.findall(r"^BEGIN ([0-9a-f]{32}) \[(\d+)\] ([^\n]*)\n(.*?)\nEND \1$", self.system, re.M | re.S)
        return [(int(number), title, text) for _, number, title, text in found]


# -- what is answered ---------------------------------------------------------------------------------


def words(text):
    return {w.lower() for w in WORD.findall(text)}


def from_sources(asked):
    wanted, best, said = words(asked.text), 0, None
    for number, _, text in asked.sources():
        for sentence in SENTENCE.findall(text):
            score = len(wanted & words(sentence))
            if score > best:
                best, said = score, f"{sentence.strip()} [{number}]"
    return said or "The sources do not say."


def least(schema):
    """The smallest value of a schema."""
    if "enum" in schema:
        return schema["enum"][0]
    kind = schema.get("type", "object")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "object":
        return {name: least(inner) for name, inner in schema.get("properties", {}).items()
                if name in schema.get("required", [])}
    if kind == "array":
        return [least(schema.get("items", {})) for _ in range(schema.get("minItems", 0))]
    if kind == "string":
        return "x" * schema.get("minLength", 1)
    return {"integer": schema.get("minimum", 0), "number": schema.get("minimum", 0), "boolean": False}.get(kind)


def compose(call, asked):
    """{"text", "tools", "refusal", "end", "thinking", "pace"} for a request."""
    answer = call.models.next_answer()
    if callable(answer):
        answer = answer(asked)
    if isinstance(answer, str):
        answer = {"text": answer}
    if answer is None:
        called = re.search(r"\bcall (\w+)", asked.text) if asked.turns[-1][0] == "user" else None
        name = called.group(1) if called else asked.choice
        if asked.choice == "any":
            name = next(iter(asked.tools))
        if asked.choice != "none" and name in asked.tools:
            answer = {"tools": [{"name": name, "arguments": least(asked.tools[name])}]}
        elif is_chapter(asked.schema):
            answer = chapter(call.models, asked)
        elif asked.schema:
            answer = {"json": least(asked.schema)}
        else:
            answer = {"text": from_sources(asked) if asked.sources() else f"You said: {asked.text}"}
    answer = {"text": "", "tools": [], "refusal": None, "end": None, "thinking": None, "pace": None, **answer}
    if "json" in answer:
        answer["text"] = json.dumps(answer["json"], ensure_ascii=False)
    fault = {"huge": {"text": "x" * HUGE}, "empty": {"text": "", "tools": []}, "length": {"end": "length"},
             "refuse": {"refusal": "I cannot help with that.", "text": "", "tools": []},
             "wrong-json": {"text": '{"unexpected": true}', "tools": []},
             "thoughts": {"text": "", "tools": [], "thinking": "Let me think about this."},
             "half": {"text": answer["text"][:int(len(answer["text"]) * float(call.fault_value or 0.5))]},
             }.get(call.fault, {})
    return {**answer, **fault}


def pieces(text):
    return re.findall(r"\s*\S+\s*\Z|\s*\S+", text) or ([text] if text else [])


def count(text):
    return max(1, len(text) // 4)


# -- checks that they share -----------------------------------------------------------------------------


def check_fault(call, model, error):
    """The status that the call is to fail with, if any; error(status, kind) gives the body."""
    fault = call.take_fault(model)
    if fault == "quota":
        raise Refused(402 if call.provider == "anthropic" else 429, error(402), call.fault_headers)
    if fault and fault.isdigit():
        raise Refused(int(fault), error(int(fault)), call.fault_headers)
    if fault == "html":
        call.fault = None
        call.answer(200, b"<html><body>It works!</body></html>", kind="text/html")
        return True
    if fault == "json":
        call.fault = None
        call.answer(200, b'{"choices": [{"message": {"content": "half')
        return True
    return False


def unknown(body, known):
    return next((name for name in body if name not in known), None)


# -- chat/completions: OpenAI and Mistral ---------------------------------------------------------------

COMMON = {"model", "messages", "max_tokens", "temperature", "top_p", "stream", "stop", "response_format", "tools",
          "tool_choice", "presence_penalty", "frequency_penalty", "n", "parallel_tool_calls", "metadata"}
OPENAI = COMMON | {"max_completion_tokens", "stream_options", "seed", "user", "store", "reasoning_effort", "logprobs",
                   "top_logprobs", "logit_bias", "service_tier", "moderation", "verbosity", "prompt_cache_key",
                   "safety_identifier", "modalities"}
MISTRAL = COMMON | {"random_seed", "safe_prompt", "prompt_mode", "prediction", "guardrails"}


def openai_error(status, message="", kind="invalid_request_error", code=None, param=None):
    usual = {401: ("invalid_request_error", "invalid_api_key"), 402: ("insufficient_quota", "insufficient_quota"),
             429: ("requests", "rate_limit_exceeded"), 503: ("service_unavailable_error", "server_is_overloaded")}
    if not message:
        kind, code = usual.get(status, ("server_error", None))
        message = f"The fake was told to answer {status}"
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


def need_openai(condition, message, code=None, param=None, status=400):
    if not condition:
        raise Refused(status, openai_error(status, message, code=code, param=param))


def mistral_error(status, message="", kind="invalid_request_error", code=None):
    if status == 401:
        return {"message": "Unauthorized", "request_id": "fake"}
    usual = {429: ("rate_limited", "1300"), 402: ("insufficient_quota", "1301")}
    if not message:
        kind, code = usual.get(status, ("internal_server_error", "1000"))
        message = f"The fake was told to answer {status}"
    return {"object": "error", "message": message, "type": kind, "param": None, "code": code}


def need_mistral(condition, message, kind="invalid_request_error", code=None, status=400):
    if not condition:
        raise Refused(status, mistral_error(status, message, kind, code))


def need_mistral_field(condition, where, message, kind):
    if not condition:
        raise Refused(422, {"detail": [{"type": kind, "loc": ["body", *where], "msg": message}]})


def content_text(content, need):
    """The text of a message's content; what is no part of a message is refused."""
    if isinstance(content, str) or content is None:
        return content or ""
    need(isinstance(content, list) and content, "Invalid type for 'messages.content'")
    texts = []
    for part in content:
        kind = part.get("type") if isinstance(part, dict) else None
        need(kind in ("text", "image_url", "input_audio", "file", "thinking", "refusal"), f"Invalid value: '{kind}'.")
        if kind == "text":
            need(isinstance(part.get("text"), str), "Missing required parameter: 'messages.content.text'.")
            texts.append(part["text"])
        if kind == "image_url":
            url = part["image_url"]["url"] if isinstance(part["image_url"], dict) else part["image_url"]
            need(url.startswith("https://") or base64.b64decode(url.partition(";base64,")[2], validate=True),
                 "Invalid image.")
    return "".join(texts)


def check_tools(body, need):
    tools = body.get("tools", [])
    need(isinstance(tools, list) and ("tools" not in body or tools), "[] is too short - 'tools'")
    named = {}
    for tool in tools:
        function = tool.get("function", {})
        need(tool.get("type") == "function" and NAME.match(function.get("name", "")), "Invalid 'tools.function.name'")
        need(isinstance(function.get("parameters", {}), dict), "Invalid 'tools.function.parameters'")
        named[function["name"]] = function.get("parameters", {})
    choice = body.get("tool_choice", "auto")
    need("tool_choice" not in body or tools, "'tool_choice' is only allowed when 'tools' are specified.")
    if isinstance(choice, dict):
        choice = choice.get("function", {}).get("name")
        need(choice in named, "Tool choice 'function' not found in 'tools' parameter.")
    return named, choice


def check_calls(message, need):
    """The ids of the calls of an assistant's message."""
    ids = []
    for called in message.get("tool_calls") or []:
        function = called.get("function", {})
        need(called.get("type", "function") == "function" and called.get("id") and NAME.match(function.get("name", "")),
             "Invalid 'messages.tool_calls'")
        arguments = function.get("arguments")
        need(isinstance(arguments, dict) or isinstance(json.loads(arguments), dict), "Invalid function arguments")
        ids.append(called["id"])
    return ids


def check_order(messages, need):
    """Every call of a tool has its answer, right after it, and no answer is without a call."""
    open_ids = []
    for message in messages:
        role = message["role"]
        if role == "tool":
            need(message.get("tool_call_id") in open_ids, "messages with role 'tool' must be a response to a "
                 "preceeding message with 'tool_calls'.")
            open_ids.remove(message["tool_call_id"])
            continue
        need(not open_ids, "An assistant message with 'tool_calls' must be followed by tool messages responding to "
             "each 'tool_call_id'.")
        open_ids = check_calls(message, need) if role == "assistant" else []
    need(not open_ids, "An assistant message with 'tool_calls' must be followed by tool messages responding to each "
         "'tool_call_id'.")


def check_strict(schema, need, without=(), all_required=True):
    if not isinstance(schema, dict):
        return
    bad = next((word for word in without if word in schema), None)
    need(bad is None, f"Invalid schema for response_format: '{bad}' is not permitted.")
    if schema.get("type") == "object" or "properties" in schema:
        need(schema.get("additionalProperties") is False, "Invalid schema for response_format: "
             "'additionalProperties' is required to be supplied and to be false.")
        need(not all_required or set(schema.get("required", [])) == set(schema.get("properties", {})),
             "Invalid schema for response_format: 'required' is required to be supplied and to be an array including "
             "every key in properties.")
    for inner in [*schema.get("properties", {}).values(), schema.get("items")]:
        check_strict(inner, need, without, all_required)


def check_format(body, need):
    form = body.get("response_format")
    if form is None:
        return None
    need(isinstance(form, dict) and form.get("type") in ("text", "json_object", "json_schema"), "Invalid response_format")
    if form["type"] != "json_schema":
        return None
    schema = form.get("json_schema", {})
    need(NAME.match(schema.get("name", "")), "Invalid 'response_format.json_schema.name'")
    need(isinstance(schema.get("schema"), dict), "Missing required parameter: 'response_format.json_schema.schema'.")
    if schema.get("strict"):
        check_strict(schema["schema"], need, ("minLength", "maxLength"))
    return schema["schema"]


def completions_asked(provider, body, need):
    turns = [(m["role"], content_text(m.get("content"), need)) for m in body["messages"]]
    system = "\n".join(text for role, text in turns if role in ("system", "developer"))
    asked = Asked(provider, body, system, turns, check_format(body, need))
    asked.tools, asked.choice = check_tools(body, need)
    asked.choice = "any" if asked.choice == "required" else asked.choice
    return asked


def check_openai(call):
    given = call.headers.get("Authorization")
    need_openai(given, "You didn't provide an API key.", status=401)
    need_openai(given == f"Bearer {KEYS['openai']}", "Incorrect API key provided.", "invalid_api_key", status=401)
    body = call.json()
    need_openai(body is not None and call.headers.get("Content-Type", "").startswith("application/json"),
                "We could not parse the JSON body of your request.")
    extra = unknown(body, OPENAI)
    need_openai(extra is None, f"Unknown parameter: '{extra}'.", "unknown_parameter", extra)
    model = body.get("model")
    need_openai(isinstance(model, str) and model, "you must provide a model parameter")
    need_openai(not model.startswith("unknown"), f"The model `{model}` does not exist or you do not have access to it.",
                "model_not_found", status=404)
    need_openai(isinstance(body.get("messages"), list) and body["messages"], "Missing required parameter: 'messages'.")
    for i, message in enumerate(body["messages"]):
        role = message.get("role")
        need_openai(role in ("system", "developer", "user", "assistant", "tool"),
                    f"Invalid value: '{role}'.", "invalid_value", f"messages[{i}].role")
        need_openai(message.get("content") is not None or (role == "assistant" and message.get("tool_calls")),
                    f"Invalid value for 'content': expected a string, got null. messages[{i}]")
    check_order(body["messages"], need_openai)
    temperature, thinking = body.get("temperature", 1), THINKING.match(model)
    need_openai(0 <= temperature <= 2, "Invalid 'temperature'", "decimal_above_max_value", "temperature")
    need_openai(not thinking or temperature == 1, "Unsupported value: 'temperature' does not support this value with "
                "this model. Only the default (1) value is supported.", "unsupported_value", "temperature")
    need_openai(not thinking or "max_tokens" not in body, "Unsupported parameter: 'max_tokens' is not supported with "
                "this model. Use 'max_completion_tokens' instead.", "unsupported_parameter", "max_tokens")
    need_openai("stream_options" not in body or body.get("stream"), "The 'stream_options' parameter is only allowed "
                "when 'stream' is enabled.")
    return body


def check_mistral(call):
    need_mistral(call.headers.get("Authorization") == f"Bearer {KEYS['mistral']}", "", status=401)
    body = call.json()
    need_mistral_field(body is not None, [], "JSON decode error", "json_invalid")
    extra = unknown(body, MISTRAL)
    need_mistral_field(extra is None, [extra], "Extra inputs are not permitted", "extra_forbidden")
    model = body.get("model")
    need_mistral_field(isinstance(model, str) and model, ["model"], "Field required", "missing")
    need_mistral(not model.startswith("unknown"), f"Invalid model: {model}", "invalid_model", "1500")
    messages = body.get("messages")
    need_mistral_field(isinstance(messages, list) and messages, ["messages"], "Field required", "missing")
    before = None
    for message in messages:
        role = message.get("role")
        need_mistral_field(role in ("system", "user", "assistant", "tool"), ["messages"], "Invalid role", "union_tag_invalid")
        need_mistral((before, role) not in {("tool", "user"), ("user", "tool"), ("system", "tool"), (None, "tool")},
                     f"Unexpected role '{role}' after role '{before}'", "invalid_request_message_order", "3230")
        need_mistral(role != "assistant" or message.get("content") or message.get("tool_calls"),
                     "Assistant message must have either content or tool_calls, but not none.", code="3240")
        ids = [called.get("id") for called in message.get("tool_calls") or []] + [message.get("tool_call_id")]
        for name in filter(None, ids):
            need_mistral(re.fullmatch(r"[a-zA-Z0-9]{9}", name), f"Tool call id was {name} but must be a-z, A-Z, 0-9, "
                         "with a length of 9.", "invalid_function_call", "3280")
        before = role
    need_mistral(before in ("user", "tool"), "Expected last role User or Tool (or Assistant with prefix True) for "
                 "serving but got assistant", "invalid_request_message_order", "3230")
    need_mistral_field(0 <= body.get("temperature", 0) <= 1.5, ["temperature"],
                       "Input should be less than or equal to 1.5", "less_than_equal")
    check_order(messages, need_mistral)
    return body


def completions_finish(asked, answer):
    if answer["end"] == "length":
        return "length"
    if answer["end"]:
        return answer["end"]
    return "tool_calls" if answer["tools"] else "stop"


def completions_usage(asked, answer):
    used = {"prompt_tokens": count(asked.system + "".join(t for _, t in asked.turns)),
            "completion_tokens": count(answer["text"])}
    return {**used, "total_tokens": sum(used.values()), "prompt_tokens_details": {"cached_tokens": 0}}


def completions_calls(call, answer):
    made = []
    for i, tool in enumerate(answer["tools"]):
        number = next(call.models.numbers)
        name = f"{number:09d}" if call.provider == "mistral" else f"call_{number:024d}"
        made.append({"index": i, "id": name, "type": "function",
                     "function": {"name": tool["name"], "arguments": json.dumps(tool["arguments"])}})
    return made


def completions_content(call, answer):
    if answer["thinking"] and call.provider == "mistral":
        return [{"type": "thinking", "thinking": [{"type": "text", "text": answer["thinking"]}]},
                {"type": "text", "text": answer["text"]}]
    return answer["text"] if answer["text"] or not answer["tools"] else None


def completions_whole(call, asked, answer):
    message = {"role": "assistant", "content": completions_content(call, answer)}
    if answer["refusal"] and call.provider == "openai":
        message.update(content=None, refusal=answer["refusal"])
    elif answer["refusal"]:
        message["content"] = answer["refusal"]
    if answer["tools"]:
        message["tool_calls"] = [{k: v for k, v in c.items() if k != "index"} for c in completions_calls(call, answer)]
    call.answer(200, {"id": "chatcmpl-fake", "object": "chat.completion", "created": 1790000000, "model": asked.model,
                      "choices": [{"index": 0, "message": message, "logprobs": None,
                                   "finish_reason": completions_finish(asked, answer)}],
                      "usage": completions_usage(asked, answer)})


def completions_deltas(call, answer):
    yield {"role": "assistant", "content": ""}
    if answer["thinking"] and call.provider == "mistral":
        for piece in pieces(answer["thinking"]):
            yield {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": piece}]}]}
    if answer["refusal"]:
        name = "refusal" if call.provider == "openai" else "content"
        yield from ({name: piece} for piece in pieces(answer["refusal"]))
    yield from ({"content": piece} for piece in pieces(answer["text"]))
    for made in completions_calls(call, answer):
        if call.provider == "mistral":
            yield {"tool_calls": [made]}
            continue
        arguments = made["function"].pop("arguments")
        yield {"tool_calls": [{**made, "function": {**made["function"], "arguments": ""}}]}
        for at in range(0, len(arguments), 7):
            yield {"tool_calls": [{"index": made["index"], "function": {"arguments": arguments[at:at + 7]}}]}


def completions_stream(call, asked, answer):
    base = {"id": "chatcmpl-fake", "object": "chat.completion.chunk", "created": 1790000000, "model": asked.model}
    usage, mistral = completions_usage(asked, answer), call.provider == "mistral"

    def events():
        for delta in completions_deltas(call, answer):
            yield None, {**base, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]}
        last = {**base, "choices": [{"index": 0, "delta": {}, "finish_reason": completions_finish(asked, answer)}]}
        yield None, {**last, "usage": usage} if mistral else last
        if not mistral and asked.body.get("stream_options", {}).get("include_usage"):
            yield None, {**base, "choices": [], "usage": usage}
        yield None, "[DONE]"

    call.stream(events())


def completions(call, check, need, error):
    body = check(call)
    asked = completions_asked(call.provider, body, need)
    if check_fault(call, body["model"], error):
        return
    answer = compose(call, asked)
    (completions_stream if body.get("stream") else completions_whole)(call, asked, answer)


@serve("openai", "/v1/chat/completions")
def openai_chat(call):
    completions(call, check_openai, need_openai, openai_error)


@serve("mistral", "/v1/chat/completions")
def mistral_chat(call):
    completions(call, check_mistral, need_mistral, mistral_error)


# -- Anthropic's messages -------------------------------------------------------------------------------

ANTHROPIC = {"model", "messages", "max_tokens", "system", "temperature", "top_p", "top_k", "stream", "stop_sequences",
             "tools", "tool_choice", "output_config", "thinking", "metadata", "service_tier", "container"}
ANTHROPIC_TYPES = {400: "invalid_request_error", 401: "authentication_error", 402: "billing_error",
                   403: "permission_error", 404: "not_found_error", 413: "request_too_large", 429: "rate_limit_error",
                   500: "api_error", 504: "timeout_error", 529: "overloaded_error"}


def anthropic_error(status, message=""):
    kind = ANTHROPIC_TYPES.get(status, "api_error")
    return {"type": "error", "error": {"type": kind, "message": message or kind}, "request_id": "req_fake"}


def need_anthropic(condition, message, status=400):
    if not condition:
        raise Refused(status, anthropic_error(status, message))


def check_blocks(i, role, content):
    """The blocks of a turn as (text, ids called, ids answered)."""
    where = f"messages.{i}"
    if isinstance(content, str):
        need_anthropic(content.strip(), f"{where}: text content blocks must contain non-whitespace text")
        return content, [], []
    need_anthropic(isinstance(content, list) and content, f"{where}: all messages must have non-empty content")
    texts, called, answered = [], [], []
    for k, block in enumerate(content):
        kind = block.get("type")
        allowed = {"user": ("text", "image", "document", "tool_result"),
                   "assistant": ("text", "tool_use", "thinking", "redacted_thinking")}[role]
        need_anthropic(kind in allowed, f"{where}.content.{k}: Input tag '{kind}' does not match any expected tags")
        if kind == "text":
            need_anthropic(block.get("text", "").strip(), f"{where}: text content blocks must be non-empty")
            texts.append(block["text"])
        elif kind in ("image", "document"):
            source = block.get("source", {})
            need_anthropic(source.get("type") == "base64" and "media_type" in source
                           and base64.b64decode(source.get("data", ""), validate=True), f"{where}: bad source")
        elif kind == "tool_use":
            need_anthropic(isinstance(block.get("input"), dict) and NAME.match(block.get("name", "")) and block.get("id"),
                           f"{where}.content.{k}.tool_use.input: Input should be a valid dictionary")
            called.append(block["id"])
        elif kind == "tool_result":
            need_anthropic(len(answered) == k, f"{where}: tool_result blocks must come first")
            answered.append(block.get("tool_use_id"))
        elif kind == "thinking":
            need_anthropic("signature" in block and "thinking" in block, f"{where}.content.{k}.thinking.signature: "
                           "Field required")
    return "".join(texts), called, answered


def check_turns(messages):
    turns, open_ids = [], []
    need_anthropic(isinstance(messages, list) and messages, "messages: at least one message is required")
    need_anthropic(messages[0].get("role") == "user", 'messages: first message must use the "user" role')
    for i, message in enumerate(messages):
        role = message.get("role")
        need_anthropic(role in ("user", "assistant"), f'messages: Unexpected role "{role}". The Messages API accepts a '
                       'top-level `system` parameter, not "system" as an input message role.')
        text, called, answered = check_blocks(i, role, message.get("content"))
        need_anthropic(sorted(open_ids) == sorted(answered), f"messages.{i}: `tool_use` ids were found without "
                       "`tool_result` blocks immediately after, or `tool_result` without its `tool_use`")
        open_ids = called
        turns.append((role, text))
    need_anthropic(turns[-1][0] == "user", "This model does not support assistant message prefill. The conversation "
                   "must end with a user message.")
    return turns


def check_anthropic(call):
    need_anthropic(call.headers.get("x-api-key") == KEYS["anthropic"], "invalid x-api-key", 401)
    need_anthropic(call.headers.get("anthropic-version") == "2023-06-01", "anthropic-version: header is required")
    body = call.json()
    need_anthropic(body is not None and call.headers.get("Content-Type") == "application/json",
                   "The request body is not valid JSON")
    extra = unknown(body, ANTHROPIC)
    need_anthropic(extra is None, f"{extra}: Extra inputs are not permitted")
    model = body.get("model")
    need_anthropic(isinstance(model, str) and model, "model: Field required")
    need_anthropic(not model.startswith("unknown"), f"model: {model}", 404)
    most = body.get("max_tokens")
    need_anthropic(isinstance(most, int) and most >= 1, "max_tokens: Field required")
    need_anthropic(isinstance(body.get("system", ""), (str, list)), "system: Input should be a valid string")
    need_anthropic("temperature" not in body or not NEW_CLAUDE.match(model),
                   "`temperature` is deprecated for this model.")
    need_anthropic(0 <= body.get("temperature", 1) <= 1, "temperature: range: 0..1")
    return body


def anthropic_asked(body):
    form = body.get("output_config", {}).get("format")
    schema = None
    if form is not None:
        need_anthropic(form.get("type") == "json_schema" and isinstance(form.get("schema"), dict),
                       "output_config.format.schema: Field required")
        schema = form["schema"]
        check_strict(schema, need_anthropic, ("minimum", "maximum", "minLength", "maxLength", "maxItems", "multipleOf"),
                     all_required=False)
    asked = Asked("anthropic", body, body.get("system", ""), check_turns(body.get("messages")), schema)
    for tool in body.get("tools", []):
        need_anthropic(NAME.match(tool.get("name", "")) and tool.get("input_schema", {}).get("type") == "object",
                       "tools.0.custom.input_schema.type: Field required")
        asked.tools[tool["name"]] = tool["input_schema"]
    choice = body.get("tool_choice", {"type": "auto"})
    need_anthropic("tool_choice" not in body or asked.tools, "tool_choice may only be specified while providing tools.")
    need_anthropic(choice.get("type") in ("auto", "any", "tool", "none"), "tool_choice: Input tag")
    asked.choice = choice.get("name") if choice["type"] == "tool" else choice["type"]
    need_anthropic(choice["type"] != "tool" or asked.choice in asked.tools, "Tool not found in provided tools")
    return asked


def anthropic_blocks(call, answer):
    if answer["thinking"]:
        yield {"type": "thinking", "thinking": answer["thinking"], "signature": "c2lnbmVkIGJ5IHRoZSBmYWtl"}
    if answer["text"]:
        yield {"type": "text", "text": answer["text"]}
    for tool in answer["tools"]:
        yield {"type": "tool_use", "id": f"toolu_{next(call.models.numbers):024d}", "name": tool["name"],
               "input": tool["arguments"]}


def anthropic_stop(answer):
    if answer["refusal"]:
        return "refusal"
    if answer["end"]:
        return {"length": "max_tokens"}.get(answer["end"], answer["end"])
    return "tool_use" if answer["tools"] else "end_turn"


def anthropic_message(asked, answer):
    used = {"input_tokens": count(asked.system + "".join(t for _, t in asked.turns)),
            "output_tokens": count(answer["text"]), "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0}
    return {"id": "msg_fake", "type": "message", "role": "assistant", "model": asked.model, "content": [],
            "stop_reason": anthropic_stop(answer), "stop_sequence": None, "usage": used}


def anthropic_events(call, asked, answer):
    message = anthropic_message(asked, answer)
    used = message["usage"]
    start = {**message, "stop_reason": None, "usage": {**used, "output_tokens": 1}}
    yield {"type": "message_start", "message": start}
    for index, block in enumerate(anthropic_blocks(call, answer)):
        kind = block["type"]
        empty = {"text": {"text": ""}, "thinking": {"thinking": "", "signature": ""}, "tool_use": {"input": {}}}[kind]
        yield {"type": "content_block_start", "index": index, "content_block": {**block, **empty}}
        if index == 0:
            yield {"type": "ping"}
        if kind == "tool_use":
            deltas = [("input_json_delta", "partial_json", p) for p in ["", *pieces(json.dumps(block["input"]))]]
        else:
            deltas = [(f"{kind}_delta", kind, p) for p in pieces(block[kind])]
        if kind == "thinking":
            deltas.append(("signature_delta", "signature", block["signature"]))
        for name, member, piece in deltas:
            yield {"type": "content_block_delta", "index": index, "delta": {"type": name, member: piece}}
        yield {"type": "content_block_stop", "index": index}
    yield {"type": "message_delta", "delta": {"stop_reason": message["stop_reason"], "stop_sequence": None},
           "usage": used}
    yield {"type": "message_stop"}


@serve("anthropic", "/v1/messages")
def anthropic_messages(call):
    body = check_anthropic(call)
    asked = anthropic_asked(body)
    if check_fault(call, body["model"], anthropic_error):
        return
    answer = compose(call, asked)
    if body.get("stream"):
        call.stream((event["type"], event) for event in anthropic_events(call, asked, answer))
    else:
        call.answer(200, {**anthropic_message(asked, answer), "content": list(anthropic_blocks(call, answer))})
