/* SPDX-License-Identifier: Apache-2.0
 * See tenant_call.h. */
#include "cli/tenant_call.h"

#include <stdlib.h>

#include "products/sylion/tenants.h"
#include "rt/io.h"

enum { PAGE = 100, FILE_MAX = 256 * 1024, SECRET_MAX = 4096, ID_MAX = 64 };

/* -- what was given ---------------------------------------------------------------------------- */

static bool option_listed(const char *names, const char *name) {
    for (Str rest = str_c(names), one; rest.len > 0;) {
        rest = str_cut(rest, ' ', &one);
        if (str_eq(one, str_c(name))) return true;
    }
    return false;
}

Err *verb_check(Ctx *c, const Cli *cli, const ShellVerb *verbs, ptrdiff_t count,
                const char *usage) {
    const ShellVerb *verb = NULL;
    for (ptrdiff_t i = 0; i < count; i++)
        if (str_eq(cli->words[0], str_c(verbs[i].name))) verb = &verbs[i];
    if (!verb || cli->word_count < verb->words_min || cli->word_count > verb->words_max)
        return cli_usage(c, "%s", usage);
    for (ptrdiff_t i = 0; i < cli->command->option_count; i++)
        if (cli->values[i] && !option_listed(verb->options, cli->command->options[i].name))
            return cli_usage(c, "--%s is not of %s %s", cli->command->options[i].name,
                             cli->command->name, verb->name);
    return NULL;
}

/* -- the tenant -------------------------------------------------------------------------------- */

Err *tenant_enter(Ctx *c, const Cli *cli, Str tenant, Scope *out) {
    TRY(modules_register(c, cli->modules, cli->module_count));
    bool there = false;
    for (ptrdiff_t i = 0; i < cli->module_count; i++)
        there |= strcmp(cli->modules[i]->name, "sylion") == 0;
    if (!there) FAIL(c, NOT_CONFIGURED, "PRODUCTS leaves sylion out");
    return tenant_named(c, tenant, out);
}

/* -- asking ------------------------------------------------------------------------------------ */

Err *tenant_call(Ctx *c, const Scope *s, Method method, Str path, Str query, Str body,
                 json_t **data) {
    Str answer;
    json_t *json;
    assert(s->tenant_id.len > 0 && data);
    Str named = strf(c->arena, "tenantId=%.*s%s%.*s", S_ARG(s->tenant_id), query.len ? "&" : "",
                     S_ARG(query));
    Account former = c->account;
    c->account = (Account){.role = ROLE_ADMIN};
    Err *err = router_call(c, method, path, named, body, &answer);
    c->account = former;
    TRY(err);
    TRY(json_parse(c, answer, &json));
    *data = json_at(json, "data");
    return NULL;
}

Err *tenant_call_each(Ctx *c, const Scope *s, Str path, Str query,
                      Err *(*fn)(Ctx *c, json_t *item, void *arg), void *arg) {
    size_t count = PAGE;
    for (int page = 1; count == PAGE; page++) {
        CtxMark mark = ctx_mark(c);
        json_t *items;
        Str paged = strf(c->arena, "limit=%d&page=%d%s%.*s", PAGE, page, query.len ? "&" : "",
                         S_ARG(query));
        TRY(tenant_call(c, s, METHOD_GET, path, paged, (Str){0}, &items));
        count = json_array_size(items);
        for (size_t i = 0; i < count; i++) TRY(fn(c, json_array_get(items, i), arg));
        ctx_release(c, mark);
    }
    return NULL;
}

/* -- finding ----------------------------------------------------------------------------------- */

typedef struct Finding {
    Str name;
    char id[ID_MAX]; /* of the first: pages are given back while others are looked at */
    ptrdiff_t id_len;
    int64_t count;
} Finding;

static Err *finding_look(Ctx *c, json_t *item, void *arg) {
    Finding *f = arg;
    (void)c;
    Str id = json_str(json_at(item, "id"));
    if (!str_eq(json_str(json_at(item, "name")), f->name)) return NULL;
    if (f->count++ > 0) return NULL;
    f->id_len = min_size(id.len, ID_MAX);
    memcpy(f->id, id.data, (size_t)f->id_len);
    return NULL;
}

Err *thing_find(Ctx *c, const Scope *s, const ThingKind *kind, Str named, Str *id) {
    Finding f = {.name = named};
    *id = str_lower(c->arena, named);
    if (uuid_valid(named)) return NULL; /* whose it is says who is asked for it */
    TRY(tenant_call_each(c, s, str_c(kind->path), (Str){0}, finding_look, &f));
    if (f.count == 0) FAIL(c, NOT_FOUND, "the tenant has no %s `%.*s`", kind->called, S_ARG(named));
    if (f.count > 1)
        FAIL(c, CONFLICT, "the tenant has %lld of the name `%.*s`: say which by its id",
             (long long)f.count, S_ARG(named));
    *id = str_copy(c->arena, str_of(f.id, f.id_len));
    return NULL;
}

Err *thing_absent(Ctx *c, const Scope *s, const ThingKind *kind, Str name) {
    Finding f = {.name = str_trim(name)};
    TRY(tenant_call_each(c, s, str_c(kind->path), (Str){0}, finding_look, &f));
    if (f.count > 0)
        FAIL(c, CONFLICT, "the tenant has the %s `%.*s` already: %.*s", kind->called, S_ARG(f.name),
             (int)f.id_len, f.id);
    return NULL;
}

Str thing_path(Ctx *c, const ThingKind *kind, Str id, const char *more) {
    return strf(c->arena, "%s/%.*s%s", kind->path, S_ARG(id), more);
}

/* -- bodies ------------------------------------------------------------------------------------ */

/* "@FILE": what is in it. */
static Err *text_or_file(Ctx *c, Str value, Str *out) {
    *out = value;
    if (!str_starts(value, S("@"))) return NULL;
    return file_read_all(c, str_slice(value, 1, value.len), FILE_MAX, out);
}

/* Never of the command line, which every process of the machine can read; so `from` is not quoted. */
static Err *secret_read(Ctx *c, const char *option, Str from, Str *out) {
    if (str_eq(from, S("-"))) {
        if (cli_read_secret(c, str_cstr(c->arena, strf(c->arena, "%s: ", option)), out))
            *out = (Str){0};
    } else if (str_starts(from, S("file:"))) {
        TRY(file_read_all(c, str_slice(from, 5, from.len), SECRET_MAX, out));
    } else if (str_starts(from, S("env:"))) {
        *out = str_c(getenv(str_cstr(c->arena, str_slice(from, 4, from.len))));
    } else {
        return cli_usage(c,
                         "--%s says where the secret is: - (a line of standard input), "
                         "file:PATH, env:NAME, or none; never the secret itself",
                         option);
    }
    *out = str_trim(*out);
    if (out->len == 0) FAIL(c, INVALID, "--%s: there is no secret", option);
    return NULL;
}

static Err *number_put(Ctx *c, const char *option, Str value, JsonOut *o) {
    int64_t whole;
    double real;
    if (str_to_i64(value, &whole))
        json_put_i64(o, whole);
    else if (str_to_f64(value, &real))
        json_put_f64(o, real);
    else
        return cli_usage(c, "--%s is a number", option);
    return NULL;
}

static void texts_put(JsonOut *o, Str value) {
    json_begin(o, '[');
    for (Str rest = value, one; rest.len > 0;) {
        rest = str_cut(rest, ',', &one);
        one = str_trim(one);
        if (one.len > 0) json_put_str(o, one);
    }
    json_end(o, ']');
}

static Err *member_put(Ctx *c, const BodyMember *m, Str value, JsonOut *o) {
    Str text = value;
    json_t *json;
    bool yes = str_eq(value, S("yes")), no = str_eq(value, S("no"));
    bool none = value.len == 0 || (m->kind == MEMBER_SECRET && str_eq(value, S("none")));
    if (m->kind == MEMBER_SWITCH && !yes && !no)
        return cli_usage(c, "--%s is yes or no", m->option);
    if (m->kind == MEMBER_SECRET && !none) TRY(secret_read(c, m->option, value, &text));
    if (m->kind == MEMBER_LONG || m->kind == MEMBER_JSON) TRY(text_or_file(c, value, &text));
    if (m->kind == MEMBER_JSON && json_parse(c, text, &json))
        return cli_usage(c, "--%s is JSON, or @ and a file with JSON in it", m->option);
    json_key(o, str_c(m->name));
    switch (m->kind) {
    case MEMBER_NUMBER: return number_put(c, m->option, value, o);
    case MEMBER_SWITCH: json_put_bool(o, yes); return NULL;
    case MEMBER_LIST: texts_put(o, value); return NULL;
    case MEMBER_JSON: json_put_raw(o, text); return NULL;
    case MEMBER_TEXT:
    case MEMBER_LONG:
    case MEMBER_SECRET: break;
    }
    if (none)
        json_put_null(o);
    else
        json_put_str(o, text);
    return NULL;
}

Err *members_put(Ctx *c, const Cli *cli, const BodyMember *members, ptrdiff_t count, JsonOut *o) {
    for (ptrdiff_t i = 0; i < count; i++) {
        Str value = cli_value(cli, members[i].option);
        if (!str_is_null(value)) TRY(member_put(c, &members[i], value, o));
    }
    return NULL;
}

/* -- printing ---------------------------------------------------------------------------------- */

/* Names come from tenants and end up on the operator's terminal. */
static void shown_text(Buf *b, Str text) {
    for (ptrdiff_t i = 0; i < text.len; i++) {
        unsigned char byte = (unsigned char)text.data[i];
        buf_byte(b, byte < ' ' || byte == 0x7F ? ' ' : text.data[i]);
    }
}

static void shown(Buf *b, const json_t *value, const ThingColumn *column) {
    if (!value || json_is_null(value))
        buf_byte(b, '-');
    else if (json_is_string(value))
        shown_text(b, json_str(value));
    else if (json_is_boolean(value) && column && column->yes)
        buf_add(b, str_c(json_is_true(value) ? column->yes : column->no));
    else
        buf_json_value(b, value);
}

static bool as_json(Ctx *c, const Cli *cli, const json_t *thing) {
    if (!cli_flag(cli, "json")) return false;
    Buf b = buf_new(c->arena, 512);
    buf_json_value(&b, thing);
    buf_byte(&b, '\n');
    cli_print(buf_str(&b));
    return true;
}

void thing_print(Ctx *c, const Cli *cli, const json_t *thing, const ThingColumn *columns,
                 ptrdiff_t count) {
    if (as_json(c, cli, thing)) return;
    Buf b = buf_new(c->arena, 256);
    for (ptrdiff_t i = 0; i < count; i++) {
        if (i > 0) buf_byte(&b, '\t');
        shown(&b, json_at(thing, columns[i].member), &columns[i]);
    }
    buf_byte(&b, '\n');
    cli_print(buf_str(&b));
}

void thing_show(Ctx *c, const Cli *cli, const json_t *thing) {
    const char *name;
    json_t *value;
    if (as_json(c, cli, thing)) return;
    Buf b = buf_new(c->arena, 1024);
    json_object_foreach((json_t *)(uintptr_t)thing, name, value) {
        buf_f(&b, "%-24s ", name);
        shown(&b, value, NULL);
        buf_byte(&b, '\n');
    }
    cli_print(buf_str(&b));
}
