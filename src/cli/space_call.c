/* SPDX-License-Identifier: Apache-2.0
 * See space_call.h. */
#include "cli/space_call.h"

#include "api/accounts.h"
#include "api/router.h"

enum { PAGE = 100, ID_MAX = 64 };

Err *person_enter(Ctx *c, const Cli *cli, Id *user) {
    Str email = cli_value(cli, "user");
    User who;
    bool there = false;
    if (str_is_null(email)) return cli_usage(c, "%s needs --user", cli->command->name);
    for (ptrdiff_t i = 0; i < cli->module_count; i++)
        there |= strcmp(cli->modules[i]->name, "lifetales") == 0;
    if (!there) FAIL(c, NOT_CONFIGURED, "PRODUCTS leaves lifetales out");
    TRY(modules_register(c, cli->modules, cli->module_count));
    Err *err = user_by_email(c, email, &who);
    if (err && err->kind == ERR_NOT_FOUND)
        FAIL(c, NOT_FOUND, "there is no account %.*s", S_ARG(email));
    TRY(err);
    c->account = (Account){.user = who.id, .role = ROLE_USER, .email = who.email};
    *user = who.id;
    return NULL;
}

Err *person_call(Ctx *c, Method method, Str path, Str query, Str body, json_t **data) {
    Str answer;
    json_t *json;
    assert(!id_is_none(c->account.user) && data);
    TRY(router_call(c, method, path, query, body, &answer));
    TRY(json_parse(c, answer, &json));
    *data = json_at(json, "data");
    return NULL;
}

Err *spaces_each(Ctx *c, Err *(*fn)(Ctx *c, json_t *space, void *arg), void *arg) {
    size_t count = PAGE;
    for (int64_t offset = 0; count == PAGE; offset += PAGE) {
        CtxMark mark = ctx_mark(c);
        json_t *spaces;
        Str query = strf(c->arena, "brief=true&limit=%d&offset=%lld", PAGE, (long long)offset);
        TRY(person_call(c, METHOD_GET, S("/api/spaces"), query, (Str){0}, &spaces));
        count = json_array_size(spaces);
        for (size_t i = 0; i < count; i++) TRY(fn(c, json_array_get(spaces, i), arg));
        ctx_release(c, mark);
    }
    return NULL;
}

typedef struct Looking {
    Str title;
    char id[ID_MAX]; /* of the first: pages are given back while others are looked at */
    ptrdiff_t id_len;
    int64_t count;
} Looking;

static Err *looking_at(Ctx *c, json_t *space, void *arg) {
    Looking *l = arg;
    (void)c;
    Str id = json_str(json_at(space, "id"));
    if (!str_eq(json_str(json_at(space, "title")), l->title)) return NULL;
    if (l->count++ > 0) return NULL;
    l->id_len = min_size(id.len, ID_MAX);
    memcpy(l->id, id.data, (size_t)l->id_len);
    return NULL;
}

Err *space_find(Ctx *c, Str named, Str *id) {
    Looking l = {.title = str_trim(named)};
    *id = str_lower(c->arena, named);
    if (uuid_valid(named)) return NULL; /* whose it is says who is asked for it */
    TRY(spaces_each(c, looking_at, &l));
    if (l.count == 0) FAIL(c, NOT_FOUND, "there is no space `%.*s`", S_ARG(l.title));
    if (l.count > 1)
        FAIL(c, CONFLICT, "%lld spaces have the title `%.*s`: say which by its id (socle spaces)",
             (long long)l.count, S_ARG(l.title));
    *id = str_copy(c->arena, str_of(l.id, l.id_len));
    return NULL;
}
