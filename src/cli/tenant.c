/* SPDX-License-Identifier: Apache-2.0
 * socle tenant: sylion's tenants from the shell. */
#include "cli/cli.h"
#include "products/sylion/tenants.h"

enum { LIST_PAGE = 100 };

static const Option tenant_options[] = {
    {"slug", "SLUG", NULL, "of create: small letters, digits and - (needed)"},
    {"owner", "EMAIL", NULL, "of create: the account that owns it (needed)"},
    {"plan", "PLAN", NULL, "of create: free, starter, pro, business, enterprise (starter)"},
    {"time-zone", "ZONE", NULL, "of create: whose months its periods are (Europe/Paris)"},
    {"messages", "N", NULL, "of quota: a number, none (no limit) or plan, as all of these"},
    {"ai-requests", "N", NULL, "of quota"},
    {"tokens", "N", NULL, "of quota"},
    {"storage-mb", "N", NULL, "of quota"},
    {"channels", "N", NULL, "of quota"},
    {"assistants", "N", NULL, "of quota"},
    {"name", "NAME", NULL, "of key: what it is for (command line)"},
    {"scopes", "A,B", NULL, "of key: what it may do (sylion:read,sylion:write)"},
};
static const char *const quota_options[QUOTA_KINDS] = {
    [QUOTA_MESSAGES] = "messages", [QUOTA_AI_REQUESTS] = "ai-requests",
    [QUOTA_TOKENS] = "tokens",     [QUOTA_STORAGE] = "storage-mb",
    [QUOTA_CHANNELS] = "channels", [QUOTA_ASSISTANTS] = "assistants",
};
static_assert(COUNT(tenant_options) <= CLI_OPTIONS_MAX, "each has a place");

static void tenant_print(const Tenant *t) {
    cli_printf("%.*s\t%.*s\t%.*s\t%s\t%.*s\n", S_ARG(t->id), S_ARG(t->slug), S_ARG(t->plan),
               t->is_active ? "active" : "inactive", S_ARG(t->name));
}

/* As the API takes it, with all its checks. */
static Err *tenant_in_read(Ctx *c, const Cli *cli, Str name, TenantIn *out) {
    static const struct {
        const char *option, *member;
    } members[] = {{"slug", "slug"}, {"plan", "plan"}, {"time-zone", "timeZone"}};
    Buf b = buf_new(c->arena, 256);
    JsonOut o = json_out(&b);
    json_t *json;
    json_begin(&o, '{');
    json_key(&o, S("name"));
    json_put_str(&o, name);
    for (int i = 0; i < COUNT(members); i++) {
        Str value = cli_value(cli, members[i].option);
        if (str_is_null(value)) continue;
        json_key(&o, str_c(members[i].member));
        json_put_str(&o, value);
    }
    json_end(&o, '}');
    TRY(json_parse(c, buf_str(&b), &json));
    return record_read(c, &tenant_in_record, json, READ_CREATE, out, NULL);
}

typedef struct Making {
    TenantIn in;
    Id owner;
    Tenant made;
} Making;

static Err *making(Ctx *c, void *arg) {
    Making *m = arg;
    return tenant_create(c, &m->in, m->owner, &m->made);
}

static Err *create(Ctx *c, const Cli *cli) {
    Making m = {0};
    User owner;
    Str email = cli_value(cli, "owner");
    if (str_is_null(cli_value(cli, "slug")) || str_is_null(email))
        return cli_usage(c, "tenant create needs --slug and --owner");
    TRY(tenant_in_read(c, cli, cli->words[1], &m.in));
    TRY(user_by_email(c, email, &owner));
    m.owner = owner.id;
    TRY(db_transaction(c, making, &m));
    tenant_print(&m.made);
    return NULL;
}

static Err *list(Ctx *c) {
    Id after = {0};
    for (;;) {
        CtxMark mark = ctx_mark(c);
        Rows rows;
        TRY(tenants_after(c, after, LIST_PAGE, &rows));
        const Tenant *tenants = rows.items;
        for (ptrdiff_t i = 0; i < rows.count; i++) tenant_print(&tenants[i]);
        if (rows.count < LIST_PAGE) return NULL;
        after = tenants[rows.count - 1].n;
        ctx_release(c, mark);
    }
}

static void use_print(const char *name, const QuotaUse *use) {
    if (use->limit < 0)
        cli_printf("  %-12s %lld, no limit\n", name, (long long)use->used);
    else
        cli_printf("  %-12s %lld of %lld\n", name, (long long)use->used, (long long)use->limit);
}

static Err *show(Ctx *c, const Scope *s) {
    Tenant t;
    TRY(tenant_load(c, s, &t));
    TRY(tenant_show(c, &t));
    tenant_print(&t);
    cli_printf("  %-12s %.*s\n", "time zone", S_ARG(t.time_zone));
    use_print("messages", &t.usage.messages);
    use_print("ai-requests", &t.usage.ai_requests);
    use_print("tokens", &t.usage.tokens);
    use_print("storage-mb", &t.usage.storage_mb);
    use_print("channels", &t.usage.channels);
    use_print("assistants", &t.usage.assistants);
    return NULL;
}

static Err *quota(Ctx *c, const Cli *cli, const Scope *s) {
    QuotasChange change = {0};
    Tenant t;
    bool any = false;
    for (QuotaKind kind = 0; kind < QUOTA_KINDS; kind++) {
        Str text = cli_value(cli, quota_options[kind]);
        if (str_is_null(text)) continue;
        any = change.given[kind] = true;
        if (str_eq(text, S("plan"))) continue;
        OptInt value = {-1, true};
        bool number =
            str_to_i64(text, &value.value) && value.value >= 0 && value.value <= TENANT_QUOTA_MAX;
        if (!number && !str_eq(text, S("none")))
            return cli_usage(c, "--%s is a number, none or plan", quota_options[kind]);
        change.value[kind] = value;
    }
    if (any) TRY(tenant_set_quotas(c, s, &change, &t));
    return show(c, s);
}

static Err *key(Ctx *c, const Cli *cli, const Scope *s) {
    Str name = cli_value(cli, "name"), given = cli_value(cli, "scopes"), made;
    char *scopes = str_cstr(c->arena, str_is_null(given) ? S("sylion:read,sylion:write") : given);
    for (char *byte = scopes; *byte; byte++)
        if (*byte == ',') *byte = ' ';
    Id owner, id;
    TRY(organisation_owner(c, s->organisation, &owner));
    TRY(api_key_create_in(c, owner, s->organisation, str_is_null(name) ? S("command line") : name,
                          str_c(scopes), TIME_NULL, &made, &id));
    cli_printf("%lld\t%.*s\n", (long long)id.value, S_ARG(made));
    return NULL;
}

static Err *tenant_run(Ctx *c, Cli *cli) {
    Str verb = cli->words[0];
    Scope s;
    if (str_eq(verb, S("list")) && cli->word_count == 1) return list(c);
    bool known = str_eq(verb, S("create")) || str_eq(verb, S("show")) || str_eq(verb, S("quota")) ||
                 str_eq(verb, S("key")) || str_eq(verb, S("activate")) ||
                 str_eq(verb, S("deactivate"));
    if (!known || cli->word_count != 2)
        return cli_usage(c,
                         "tenant takes create NAME, list, show TENANT, quota TENANT, key TENANT, "
                         "activate TENANT or deactivate TENANT");
    if (str_eq(verb, S("create"))) return create(c, cli);
    TRY(tenant_named(c, cli->words[1], &s));
    if (str_eq(verb, S("show"))) return show(c, &s);
    if (str_eq(verb, S("quota"))) return quota(c, cli, &s);
    if (str_eq(verb, S("key"))) return key(c, cli, &s);
    Tenant t;
    return tenant_set_active(c, &s, str_eq(verb, S("activate")), &t);
}

const Command tenant_command = {
    .name = "tenant",
    .words = "create|list|show|quota|key|activate|deactivate [NAME|TENANT]",
    .words_min = 1,
    .words_max = 2,
    .options = tenant_options,
    .option_count = COUNT(tenant_options),
    .need = NEED_SCHEMA,
    .doc = "Sylion's tenants",
    .more =
        "A TENANT is named by its slug or its id. key prints the id and the key: it is shown this\n"
        "once. quota without options says what is used, as show does.",
    .run = tenant_run,
};
