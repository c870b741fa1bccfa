/* SPDX-License-Identifier: Apache-2.0
 * socle channel: where a tenant's contacts write, from the shell. Secrets come from standard input,
 * a file or the environment; none is printed but the one that we make and that 360dialog is to be
 * told. */
#include "cli/tenant_call.h"

static const Option channel_options[] = {
    {"type", "TYPE", NULL, "of add: whatsapp, web or voice (needed)"},
    {"name", "NAME", NULL, "of change"},
    {"provider", "NAME", NULL, "of whatsapp: 360dialog or cloud (360dialog)"},
    {"number", "PHONE", NULL, "of whatsapp: with its country's code"},
    {"number-id", "ID", NULL, "the Cloud API's name for the number"},
    {"api-key", "FROM", NULL, "360dialog's key or the Cloud API's token"},
    {"verify-token", "FROM", NULL, "of the webhook's handshake"},
    {"app-secret", "FROM", NULL, "signs the Cloud API's webhooks"},
    {"config", "JSON|@FILE", NULL,
     "{\"allowedOrigins\": [\"https://www.example.org\"], …}, as over HTTP"},
    {"json", NULL, NULL, "of add, change, list and show: one JSON object a line"},
};
static_assert(COUNT(channel_options) <= CLI_OPTIONS_MAX, "each has a place");

static const BodyMember members[] = {
    {"type", "type", MEMBER_TEXT},
    {"name", "name", MEMBER_TEXT},
    {"provider", "provider", MEMBER_TEXT},
    {"number", "whatsappPhoneNumber", MEMBER_TEXT},
    {"number-id", "phoneNumberId", MEMBER_TEXT},
    {"api-key", "whatsappApiKey", MEMBER_SECRET},
    {"verify-token", "whatsappVerifyToken", MEMBER_SECRET},
    {"app-secret", "appSecret", MEMBER_SECRET},
    {"config", "config", MEMBER_JSON},
};

static const ThingColumn columns[] = {
    {"id", NULL, NULL},
    {"type", NULL, NULL},
    {"isActive", "active", "inactive"},
    {"whatsappPhoneNumber", NULL, NULL},
    {"name", NULL, NULL},
};

static const ThingKind channels = {"/api/v1/channels", "channel"};

static void channel_print(Ctx *c, const Cli *cli, json_t *channel) {
    json_object_del(channel, "webhookSecret"); /* webhook-secret is how one asks for it */
    thing_print(c, cli, channel, columns, COUNT(columns));
}

static Err *channel_line(Ctx *c, json_t *channel, void *arg) {
    channel_print(c, arg, channel);
    return NULL;
}

/* name: of a new one, null: as the options say. */
static Err *channel_body(Ctx *c, const Cli *cli, Str name, Str *out) {
    Buf b = buf_new(c->arena, 512);
    JsonOut o = json_out(&b);
    json_begin(&o, '{');
    if (!str_is_null(name)) {
        json_key(&o, S("name"));
        json_put_str(&o, name);
    }
    TRY(members_put(c, cli, members, COUNT(members), &o));
    json_end(&o, '}');
    *out = buf_str(&b);
    return NULL;
}

static Err *channel_add(Ctx *c, const Cli *cli, const Scope *s) {
    Str body, name = cli->words[2];
    json_t *made;
    if (str_is_null(cli_value(cli, "type"))) return cli_usage(c, "channel add needs --type");
    TRY(channel_body(c, cli, name, &body));
    TRY(thing_absent(c, s, &channels, name));
    TRY(tenant_call(c, s, METHOD_POST, str_c(channels.path), (Str){0}, body, &made));
    channel_print(c, cli, made);
    return NULL;
}

static Err *channel_alter(Ctx *c, const Cli *cli, const Scope *s, Str id, Str body) {
    json_t *changed;
    TRY(tenant_call(c, s, METHOD_PUT, thing_path(c, &channels, id, ""), (Str){0}, body, &changed));
    channel_print(c, cli, changed);
    return NULL;
}

static Err *channel_of(Ctx *c, const Cli *cli, const Scope *s, Str verb) {
    Str id, body;
    json_t *channel;
    TRY(thing_find(c, s, &channels, cli->words[2], &id));
    if (str_eq(verb, S("change"))) {
        TRY(channel_body(c, cli, (Str){0}, &body));
        return channel_alter(c, cli, s, id, body);
    }
    if (str_eq(verb, S("enable"))) return channel_alter(c, cli, s, id, S("{\"isActive\":true}"));
    if (str_eq(verb, S("disable"))) return channel_alter(c, cli, s, id, S("{\"isActive\":false}"));
    if (str_eq(verb, S("webhook-secret"))) {
        TRY(tenant_call(c, s, METHOD_POST, thing_path(c, &channels, id, "/webhook-secret"),
                        (Str){0}, (Str){0}, &channel));
        cli_printf("%.*s\n", S_ARG(json_str(json_at(channel, "webhookSecret"))));
        return NULL;
    }
    TRY(tenant_call(c, s, METHOD_GET, thing_path(c, &channels, id, ""), (Str){0}, (Str){0},
                    &channel));
    thing_show(c, cli, channel);
    return NULL;
}

#define WRITTEN "provider number number-id api-key verify-token app-secret config json "
static const ShellVerb verbs[] = {
    {"list", 2, 2, "json"},       {"add", 3, 3, WRITTEN "type"},    {"show", 3, 3, "json"},
    {"enable", 3, 3, "json"},     {"change", 3, 3, WRITTEN "name"}, {"disable", 3, 3, "json"},
    {"webhook-secret", 3, 3, ""},
};

static Err *channel_run(Ctx *c, Cli *cli) {
    Str verb = cli->words[0];
    Scope s;
    TRY(verb_check(c, cli, verbs, COUNT(verbs),
                   "channel takes list TENANT, add TENANT NAME, or show, change, enable, disable, "
                   "webhook-secret with TENANT CHANNEL"));
    TRY(tenant_enter(c, cli, cli->words[1], &s));
    if (str_eq(verb, S("list")))
        return tenant_call_each(c, &s, str_c(channels.path), (Str){0}, channel_line, cli);
    if (str_eq(verb, S("add"))) return channel_add(c, cli, &s);
    return channel_of(c, cli, &s, verb);
}

const Command channel_command = {
    .name = "channel",
    .words = "list|add|show|change|enable|disable|webhook-secret TENANT [NAME|CHANNEL]",
    .words_min = 2,
    .words_max = 3,
    .options = channel_options,
    .option_count = COUNT(channel_options),
    .need = NEED_SCHEMA,
    .doc = "Where a tenant's contacts write",
    .more =
        "A TENANT is named by its slug or id, a CHANNEL by its id or its name. FROM says where a "
        "secret\n"
        "is: - for a line of standard input (several: one line each, in the order below), "
        "file:PATH,\n"
        "env:NAME; none takes it away. Secrets are kept sealed and never shown. What 360dialog's\n"
        "webhooks are to show is made anew and printed by webhook-secret; a former one ends.",
    .run = channel_run,
};
