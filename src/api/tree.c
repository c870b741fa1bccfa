/* SPDX-License-Identifier: Apache-2.0
 * Paths to routes: a tree of segments, walked without allocating. At each segment the written-out
 * child is tried first, then the parameter, then "all that is left"; a branch that turns out to
 * hold no route for the method is left again, so that `PUT /posts/{id}` also answers where `GET
 * /posts/trending` is. The walk is as deep as the tree at most, whatever the path. */
#include "api/router_room.h"

static int method_slot(Method method) { return __builtin_ctz((unsigned)method); }

/* The child of that text, or where it belongs. */
static ptrdiff_t literal_place(const Node *n, Str text, bool *found) {
    ptrdiff_t low = 0, high = n->literal_count;
    while (low < high) {
        ptrdiff_t middle = low + (high - low) / 2;
        int order = str_cmp(n->literals[middle]->text, text);
        if (order == 0) {
            *found = true;
            return middle;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *found = false;
    return low;
}

static Node *literal_child(Arena *arena, Node *n, Str text) {
    bool found;
    ptrdiff_t at = literal_place(n, text, &found), size = (ptrdiff_t)sizeof(Node *);
    if (found) return n->literals[at];
    if (n->literal_count == n->literal_cap) {
        ptrdiff_t cap = n->literal_cap ? n->literal_cap * 2 : 4;
        n->literals = arena_grow(arena, n->literals, n->literal_cap * size, cap * size);
        n->literal_cap = cap;
    }
    memmove(n->literals + at + 1, n->literals + at, (size_t)((n->literal_count - at) * size));
    Node *child = arena_new_of(arena, Node);
    child->text = text;
    n->literals[at] = child;
    n->literal_count++;
    return child;
}

static Node *param_child(Arena *arena, Entry *entry, Node **child, Str inside) {
    assert(entry->param_count < PATH_PARAMS_MAX);
    PathParam *p = &entry->params[entry->param_count++];
    Str kind = str_cut(inside, ':', &p->name);
    p->integer = kind.data != NULL;
    assert(!p->integer || str_eq(kind, S("int")));
    p->rest = str_ends(p->name, S("*"));
    if (p->rest) p->name = str_slice(p->name, 0, p->name.len - 1);
    assert(p->name.len > 0 && !(p->rest && p->integer));
    if (!*child) *child = arena_new_of(arena, Node);
    return *child;
}

void tree_add(Arena *arena, Node *root, Entry *entry) {
    Str path = str_c(entry->route->path);
    Buf pattern = buf_new(arena, path.len + 1);
    Node *n = root;
    assert(str_starts(path, S("/")));
    assert(path.len == 1 || !str_ends(path, S("/")));
    for (Str rest = path.len > 1 ? str_slice(path, 1, path.len) : (Str){0}, segment; rest.data;) {
        rest = str_cut(rest, '/', &segment);
        assert(segment.len > 0);
        bool is_param = segment.data[0] == '{';
        assert(is_param == str_ends(segment, S("}")));
        buf_byte(&pattern, '/');
        if (!is_param) {
            n = literal_child(arena, n, segment);
            buf_add(&pattern, segment);
            continue;
        }
        bool all = str_ends(segment, S("*}"));
        assert(!all || !rest.data);
        n = param_child(arena, entry, all ? &n->rest : &n->param,
                        str_slice(segment, 1, segment.len - 1));
        buf_byte(&pattern, '{');
        buf_add(&pattern, entry->params[entry->param_count - 1].name);
        buf_byte(&pattern, '}');
    }
    int slot = method_slot(entry->route->method);
    assert(slot < METHOD_SLOTS && entry->route->method != METHOD_HEAD);
    assert(!n->entries[slot]); /* two routes with the same method and path */
    n->entries[slot] = entry;
    n->allowed |= (unsigned)entry->route->method;
    entry->pattern = pattern.len ? buf_str(&pattern) : S("/");
}

static bool node_here(const Node *n, Method method, Match *m) {
    if (!n->allowed) return false;
    if (!m->allowed) m->other = n->entries[__builtin_ctz(n->allowed)];
    m->allowed |= n->allowed;
    int slot = method_slot(method);
    m->entry = slot < METHOD_SLOTS ? n->entries[slot] : NULL;
    return m->entry != NULL;
}

/* `rest` is null behind the last segment. */
static bool walk(const Node *n, Str rest, Method method, Match *m) {
    if (!rest.data) return node_here(n, method, m);
    Str segment, after = str_cut(rest, '/', &segment);
    bool found;
    ptrdiff_t at = literal_place(n, segment, &found);
    if (found && walk(n->literals[at], after, method, m)) return true;
    if (segment.len == 0) return false;
    if (n->param) {
        m->params[m->count++] = segment;
        if (walk(n->param, after, method, m)) return true;
        m->count--;
    }
    if (n->rest) {
        m->params[m->count++] = rest;
        if (node_here(n->rest, method, m)) return true;
        m->count--;
    }
    return false;
}

void tree_match(const Node *root, Str path, Method method, Match *m) {
    *m = (Match){0};
    if (method == METHOD_HEAD) method = METHOD_GET;
    if (!str_starts(path, S("/"))) return;
    path = str_slice(path, 1, path.len);
    if (str_ends(path, S("/"))) path.len--;
    if (path.len == 0) path.data = NULL;
    walk(root, path, method, m);
}
