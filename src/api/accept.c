/* SPDX-License-Identifier: Apache-2.0
 * Media types: what a body says it is (RFC 9110 §8.3), what a client takes (§12.5.1). */
#include "api/router_room.h"

static Str essence_of(Str type, Str *parameters) {
    Str essence;
    *parameters = str_cut(type, ';', &essence);
    return str_trim(essence);
}

/* Value of a parameter without its quotes; null if absent. */
static Str parameter(Str parameters, Str name) {
    while (parameters.data) {
        Str one, key;
        parameters = str_cut(parameters, ';', &one);
        Str value = str_trim(str_cut(one, '=', &key));
        if (!str_eq_nocase(str_trim(key), name)) continue;
        bool is_quoted = value.len >= 2 && value.data[0] == '"' && value.data[value.len - 1] == '"';
        return is_quoted ? str_slice(value, 1, value.len - 1) : value;
    }
    return (Str){0};
}

bool type_is(Str content_type, Str essence) {
    Str parameters;
    return str_eq_nocase(essence_of(content_type, &parameters), essence);
}

bool type_is_json(Str content_type) {
    if (str_eq(content_type, S("application/json"))) return true;
    Str parameters, essence = essence_of(content_type, &parameters);
    Str charset = parameter(parameters, S("charset"));
    if (charset.data && !str_eq_nocase(charset, S("utf-8")) && !str_eq_nocase(charset, S("utf8")))
        return false;
    if (str_eq_nocase(essence, S("application/json"))) return true;
    ptrdiff_t plus = essence.len - 5;
    return plus > 0 && str_find_byte(essence, '/') > 0 &&
           str_eq_nocase(str_slice(essence, plus, essence.len), S("+json"));
}

/* How closely a range of Accept names the type: 0 not at all, 1 any, 2 its kind, 3 itself. */
static int closeness(Str range, Str type) {
    if (str_eq(range, S("*/*")) || str_eq(range, S("*"))) return 1;
    if (str_eq_nocase(range, type)) return 3;
    ptrdiff_t slash = str_find_byte(range, '/');
    if (slash < 0 || !str_eq(str_slice(range, slash, range.len), S("/*"))) return 0;
    return str_eq_nocase(str_slice(range, 0, slash + 1), str_slice(type, 0, slash + 1)) ? 2 : 0;
}

static double quality_of(Str parameters) {
    double quality;
    Str q = parameter(parameters, S("q"));
    return q.data && str_to_f64(q, &quality) ? quality : 1;
}

/* How much a client likes a type: what the range that names it most closely says. */
typedef struct Liking {
    double quality;   /* <= 0: not at all */
    int close, place; /* of that range in the header */
} Liking;

static Liking liking_of(Str accept, Str type) {
    Liking best = {0};
    for (int place = 0; accept.data; place++) {
        Str range, parameters;
        accept = str_cut(accept, ',', &range);
        range = essence_of(range, &parameters);
        int close = closeness(range, type);
        if (close > best.close) best = (Liking){quality_of(parameters), close, place};
    }
    return best;
}

/* Of equal quality, what is named is meant more than what is merely let through; of two that are
 * named, what comes first. */
static bool likes_more(Liking a, Liking b) {
    if (a.quality != b.quality) return a.quality > b.quality;
    if (a.close != b.close) return a.close > b.close;
    return a.place < b.place;
}

Str accept_choose(Str accept, Str types) {
    Str best = {0}, one, parameters;
    Liking most = {0};
    if (str_trim(accept).len == 0) accept = S("*/*");
    while (types.data) {
        types = str_cut(types, ',', &one);
        one = essence_of(one, &parameters);
        Liking liking = liking_of(accept, one);
        if (liking.quality <= 0 || !likes_more(liking, most)) continue;
        best = one;
        most = liking;
    }
    return best;
}

Str call_type(const Call *k) {
    assert(k->route->out_type);
    return accept_choose(req_header(k->q, S("Accept")), str_c(k->route->out_type));
}

bool accept_allows(Str accept, Str types) {
    return str_eq(accept, S("*/*")) || accept_choose(accept, types).data;
}

Err *call_negotiate(Ctx *c, const Call *k) {
    const Route *route = k->route;
    if (!route->out && !route->out_type) return NULL; /* the handler knows what it answers */
    Str types = route->out_type ? str_c(route->out_type) : S("application/json");
    Str accept = req_header(k->q, S("Accept"));
    if (!accept.data || accept_allows(accept, types)) return NULL;
    FAIL(c, NOT_ACCEPTABLE, "The answer is %.*s, which the Accept header leaves out.",
         S_ARG(types));
}
