/* SPDX-License-Identifier: Apache-2.0
 * Who the client is. What X-Forwarded-For and -Proto say counts only when the peer is a trusted
 * proxy: the list is read from its right end, past further trusted proxies, and the first other
 * address is the client. Whatever stands left of it the client may have made up. */
#include <arpa/inet.h>

#include "net/server.h"

static bool address_parse(Str text, uint8_t out[16], bool *is_v4) {
    char name[INET6_ADDRSTRLEN];
    if (text.len == 0 || text.len >= (ptrdiff_t)sizeof name ||
        memchr(text.data, 0, (size_t)text.len))
        return false;
    memcpy(name, text.data, (size_t)text.len);
    name[text.len] = 0;
    static const uint8_t mapped[12] = {[10] = 0xFF, [11] = 0xFF};
    *is_v4 = inet_pton(AF_INET, name, out + 12) == 1;
    if (*is_v4) memcpy(out, mapped, sizeof mapped);
    return *is_v4 || inet_pton(AF_INET6, name, out) == 1;
}

static bool network_parse(Str text, Network *out) {
    Str address;
    Str bits = str_cut(text, '/', &address);
    bool is_v4;
    if (!address_parse(address, out->bytes, &is_v4)) return false;
    int64_t n = is_v4 ? 32 : 128;
    if (bits.data && (!str_to_i64(bits, &n) || n < 0 || n > (is_v4 ? 32 : 128))) return false;
    out->bits = (int)n + (is_v4 ? 96 : 0);
    return true;
}

bool networks_parse(Arena *arena, Str list, Networks *out) {
    *out = (Networks){0};
    if (list.len == 0) return true;
    ptrdiff_t room = 1;
    for (ptrdiff_t i = 0; i < list.len; i++) room += list.data[i] == ',';
    out->items = arena_array(arena, Network, room);
    while (list.data) {
        Str item;
        list = str_cut(list, ',', &item);
        item = str_trim(item);
        if (item.len == 0) continue;
        if (str_eq(item, S("unix")))
            out->unix_socket = true;
        else if (!network_parse(item, &out->items[out->count++]))
            return false;
    }
    return true;
}

static bool network_has(const Network *n, const uint8_t address[16]) {
    int whole = n->bits / 8, rest = n->bits % 8;
    if (memcmp(n->bytes, address, (size_t)whole) != 0) return false;
    return rest == 0 || ((n->bytes[whole] ^ address[whole]) >> (8 - rest)) == 0;
}

bool networks_have(const Networks *networks, Str address) {
    uint8_t bytes[16];
    bool is_v4;
    if (str_eq(address, S("unix"))) return networks->unix_socket;
    if (networks->count == 0 || !address_parse(address, bytes, &is_v4)) return false;
    for (ptrdiff_t i = 0; i < networks->count; i++)
        if (network_has(&networks->items[i], bytes)) return true;
    return false;
}

/* `1.2.3.4`, `1.2.3.4:5`, `::1`, `[::1]`, `[::1]:5`; null for anything else. */
static Str forwarded_address(Str item) {
    uint8_t bytes[16];
    bool is_v4;
    item = str_trim(item);
    if (str_starts(item, S("["))) {
        item = str_slice(item, 1, str_find_byte(item, ']'));
    } else {
        ptrdiff_t colon = str_find_byte(item, ':');
        bool one_colon = colon >= 0 && str_find_byte(str_slice(item, colon + 1, item.len), ':') < 0;
        if (one_colon) item = str_slice(item, 0, colon);
    }
    return address_parse(item, bytes, &is_v4) ? item : (Str){0};
}

/* The part after the last comma; *rest is what comes before it (null: nothing). */
static Str last_of(Str list, Str *rest) {
    ptrdiff_t comma = list.len - 1;
    while (comma >= 0 && list.data[comma] != ',') comma--;
    *rest = comma < 0 ? (Str){0} : str_slice(list, 0, comma);
    return str_slice(list, comma + 1, list.len);
}

static Str client_find(const HttpConn *conn, const Req *q) {
    Str client = conn->peer;
    for (ptrdiff_t i = q->header_count; i-- > 0;) {
        if (!str_eq_nocase(q->headers[i].name, S("x-forwarded-for"))) continue;
        for (Str rest = q->headers[i].value; rest.data;) {
            Str address = forwarded_address(last_of(rest, &rest));
            if (!address.data) return client; /* nothing left of a malformed one can be believed */
            client = address;
            if (!networks_have(&conn->server->trusted, address)) return client;
        }
    }
    return client;
}

void proxy_apply(const HttpConn *conn, Req *q) {
    q->client_ip = conn->peer;
    if (!conn->peer_trusted) return;
    q->client_ip = client_find(conn, q);
    for (ptrdiff_t i = q->header_count; i-- > 0;) {
        if (!str_eq_nocase(q->headers[i].name, S("x-forwarded-proto"))) continue;
        Str rest;
        q->https = str_eq_nocase(str_trim(last_of(q->headers[i].value, &rest)), S("https"));
        return;
    }
}
