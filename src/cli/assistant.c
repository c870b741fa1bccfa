/* SPDX-License-Identifier: Apache-2.0
 * socle assistant: who answers a tenant's contacts, from what and where, from the shell. */
#include "cli/tenant_call.h"

static const Option assistant_options[] = {
    {"name", "NAME", NULL, "of change"},
    {"description", "TEXT", NULL, "what it is for"},
    {"default", "yes|no", NULL, "answers where no binding says who does; one a tenant (no)"},
    {"provider", "NAME", NULL, "openai, anthropic, mistral, gemini, vertex, local (the server's)"},
    {"model", "NAME", NULL, "the provider's usual one unless given"},
    {"prompt", "TEXT|@FILE", NULL, "how it is to speak"},
    {"temperature", "N", NULL, "0 to 2"},
    {"max-tokens", "N", NULL, "of an answer, 1 to 8192 (1024)"},
    {"rag", "yes|no", NULL, "answers rest on the knowledge bases (yes)"},
    {"threshold", "N", NULL, "passages whose support is below are left out, 0 to 1 (0.7)"},
    {"max-results", "N", NULL, "passages of an answer, 1 to 20 (5)"},
    {"kb", "A,B", NULL, "knowledge bases, by id or name; empty: all of the tenant's"},
    {"handoff", "JSON|@FILE", NULL, "what it says and does where it has no answer, as over HTTP"},
    {"languages", "A,B", NULL, "of bind: fr, en, ar (all)"},
    {"hours", "JSON|@FILE", NULL,
     "of bind: {\"mon\": [[\"09:00\", \"18:00\"]]}, local time (always)"},
    {"priority", "N", NULL, "of bind: the greatest that fits answers (0)"},
    {"json", NULL, NULL, "one JSON object a line"},
};
static_assert(COUNT(assistant_options) <= CLI_OPTIONS_MAX, "each has a place");

static const BodyMember members[] = {
    {"name", "name", MEMBER_TEXT},
    {"description", "description", MEMBER_TEXT},
    {"default", "isDefault", MEMBER_SWITCH},
    {"provider", "provider", MEMBER_TEXT},
    {"model", "model", MEMBER_TEXT},
    {"prompt", "systemPrompt", MEMBER_LONG},
    {"temperature", "temperature", MEMBER_NUMBER},
    {"max-tokens", "maxTokens", MEMBER_NUMBER},
    {"rag", "enableRag", MEMBER_SWITCH},
    {"threshold", "ragThreshold", MEMBER_NUMBER},
    {"max-results", "ragMaxResults", MEMBER_NUMBER},
    {"handoff", "handoff", MEMBER_JSON},
};
static const BodyMember binding_members[] = {
    {"languages", "languages", MEMBER_LIST},
    {"hours", "hours", MEMBER_JSON},
    {"priority", "priority", MEMBER_NUMBER},
};

static const ThingColumn columns[] = {
    {"id", NULL, NULL},
    {"isActive", "active", "inactive"},
    {"isDefault", "default", "-"},
    {"name", NULL, NULL},
};
static const ThingColumn binding_columns[] = {
    {"id", NULL, NULL},       {"channelId", NULL, NULL}, {"assistantId", NULL, NULL},
    {"priority", NULL, NULL}, {"languages", NULL, NULL}, {"hours", NULL, NULL},
};

static const ThingKind assistants = {"/api/v1/assistants", "assistant"};
static const ThingKind bindings = {"/api/v1/channel-bindings", "binding"};
static const ThingKind their_channels = {"/api/v1/channels", "channel"};
static const ThingKind their_bases = {"/api/v1/knowledge-bases", "knowledge base"};

static Err *assistant_line(Ctx *c, json_t *assistant, void *arg) {
    thing_print(c, arg, assistant, columns, COUNT(columns));
    return NULL;
}

static Err *binding_line(Ctx *c, json_t *binding, void *arg) {
    thing_print(c, arg, binding, binding_columns, COUNT(binding_columns));
    return NULL;
}

/* -- bodies ------------------------------------------------------------------------------------ */

static Err *bases_put(Ctx *c, const Cli *cli, const Scope *s, JsonOut *o) {
    Str given = cli_value(cli, "kb"), id;
    if (str_is_null(given)) return NULL;
    json_key(o, S("knowledgeBaseIds"));
    json_begin(o, '[');
    for (Str rest = given, one; rest.len > 0;) {
        rest = str_cut(rest, ',', &one);
        TRY(thing_find(c, s, &their_bases, str_trim(one), &id));
        json_put_str(o, id);
    }
    json_end(o, ']');
    return NULL;
}

static void text_put(JsonOut *o, const char *name, Str value) {
    json_key(o, str_c(name));
    json_put_str(o, value);
}

/* name: of a new one, null: as the options say. */
static Err *assistant_body(Ctx *c, const Cli *cli, const Scope *s, Str name, Str *out) {
    Buf b = buf_new(c->arena, 1024);
    JsonOut o = json_out(&b);
    json_begin(&o, '{');
    if (!str_is_null(name)) text_put(&o, "name", name);
    TRY(members_put(c, cli, members, COUNT(members), &o));
    TRY(bases_put(c, cli, s, &o));
    json_end(&o, '}');
    *out = buf_str(&b);
    return NULL;
}

/* -- verbs ------------------------------------------------------------------------------------- */

static Err *assistant_add(Ctx *c, const Cli *cli, const Scope *s) {
    Str body, name = cli->words[2];
    json_t *made;
    TRY(assistant_body(c, cli, s, name, &body));
    TRY(thing_absent(c, s, &assistants, name));
    TRY(tenant_call(c, s, METHOD_POST, str_c(assistants.path), (Str){0}, body, &made));
    return assistant_line(c, made, (void *)(uintptr_t)cli);
}

static Err *assistant_alter(Ctx *c, const Cli *cli, const Scope *s, Str id, Str body) {
    json_t *changed;
    TRY(tenant_call(c, s, METHOD_PUT, thing_path(c, &assistants, id, ""), (Str){0}, body,
                    &changed));
    return assistant_line(c, changed, (void *)(uintptr_t)cli);
}

static Err *assistant_show(Ctx *c, Cli *cli, const Scope *s, Str id) {
    json_t *assistant;
    TRY(tenant_call(c, s, METHOD_GET, thing_path(c, &assistants, id, ""), (Str){0}, (Str){0},
                    &assistant));
    thing_show(c, cli, assistant);
    if (cli_flag(cli, "json")) return NULL;
    cli_print(S("bound:\n"));
    return tenant_call_each(c, s, str_c(bindings.path),
                            strf(c->arena, "assistantId=%.*s", S_ARG(id)), binding_line, cli);
}

static Err *assistant_bind(Ctx *c, Cli *cli, const Scope *s, Str id) {
    Str channel;
    json_t *made;
    TRY(thing_find(c, s, &their_channels, cli->words[3], &channel));
    Buf b = buf_new(c->arena, 256);
    JsonOut o = json_out(&b);
    json_begin(&o, '{');
    text_put(&o, "channelId", channel);
    text_put(&o, "assistantId", id);
    TRY(members_put(c, cli, binding_members, COUNT(binding_members), &o));
    json_end(&o, '}');
    TRY(tenant_call(c, s, METHOD_POST, str_c(bindings.path), (Str){0}, buf_str(&b), &made));
    return binding_line(c, made, cli);
}

static Err *assistant_unbind(Ctx *c, const Cli *cli, const Scope *s, Str id) {
    Str channel;
    json_t *found, *gone;
    TRY(thing_find(c, s, &their_channels, cli->words[3], &channel));
    Str which = strf(c->arena, "assistantId=%.*s&channelId=%.*s", S_ARG(id), S_ARG(channel));
    TRY(tenant_call(c, s, METHOD_GET, str_c(bindings.path), which, (Str){0}, &found));
    Str binding = json_str(json_path(found, "0.id"));
    if (binding.len == 0) FAIL(c, NOT_FOUND, "this assistant is not bound to this channel");
    return tenant_call(c, s, METHOD_DELETE, thing_path(c, &bindings, binding, ""), (Str){0},
                       (Str){0}, &gone);
}

static Err *assistant_of(Ctx *c, Cli *cli, const Scope *s, Str verb) {
    Str id, body;
    TRY(thing_find(c, s, &assistants, cli->words[2], &id));
    if (str_eq(verb, S("show"))) return assistant_show(c, cli, s, id);
    if (str_eq(verb, S("bind"))) return assistant_bind(c, cli, s, id);
    if (str_eq(verb, S("unbind"))) return assistant_unbind(c, cli, s, id);
    if (str_eq(verb, S("enable"))) return assistant_alter(c, cli, s, id, S("{\"isActive\":true}"));
    if (str_eq(verb, S("disable")))
        return assistant_alter(c, cli, s, id, S("{\"isActive\":false}"));
    TRY(assistant_body(c, cli, s, (Str){0}, &body));
    return assistant_alter(c, cli, s, id, body);
}

#define WRITTEN                                                                                   \
    "description default provider model prompt temperature max-tokens rag threshold max-results " \
    "kb "                                                                                         \
    "handoff json "
static const ShellVerb verbs[] = {
    {"list", 2, 2, "json"},   {"add", 3, 3, WRITTEN},
    {"show", 3, 3, "json"},   {"change", 3, 3, WRITTEN "name"},
    {"enable", 3, 3, "json"}, {"disable", 3, 3, "json"},
    {"unbind", 4, 4, ""},     {"bind", 4, 4, "languages hours priority json"},
};

static Err *assistant_run(Ctx *c, Cli *cli) {
    Str verb = cli->words[0];
    Scope s;
    TRY(verb_check(c, cli, verbs, COUNT(verbs),
                   "assistant takes list TENANT, add TENANT NAME, show, change, enable or disable "
                   "with TENANT ASSISTANT, bind or unbind with TENANT ASSISTANT CHANNEL"));
    TRY(tenant_enter(c, cli, cli->words[1], &s));
    if (str_eq(verb, S("list")))
        return tenant_call_each(c, &s, str_c(assistants.path), (Str){0}, assistant_line, cli);
    if (str_eq(verb, S("add"))) return assistant_add(c, cli, &s);
    return assistant_of(c, cli, &s, verb);
}

const Command assistant_command = {
    .name = "assistant",
    .words = "list|add|show|change|enable|disable|bind|unbind TENANT [NAME|ASSISTANT [CHANNEL]]",
    .words_min = 2,
    .words_max = 4,
    .options = assistant_options,
    .option_count = COUNT(assistant_options),
    .need = NEED_SCHEMA,
    .doc = "Who answers a tenant's contacts, from what and where",
    .more =
        "A TENANT is named by its slug or id, an ASSISTANT, a CHANNEL and knowledge bases by id "
        "or\n"
        "name. change changes what is given; an empty text takes away. bind lets the assistant\n"
        "answer on the channel.",
    .run = assistant_run,
};
