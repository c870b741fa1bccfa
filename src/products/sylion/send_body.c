/* SPDX-License-Identifier: Apache-2.0
 * A message as the JSON that both providers take, and long texts as parts of what they take. */
#include "core/json.h"
#include "products/sylion/whatsapp_door.h"

/* -- long texts -------------------------------------------------------------------------------- */

ptrdiff_t whatsapp_length(Str text) {
    ptrdiff_t count = 0;
    for (ptrdiff_t pos = 0; pos < text.len;) count += str_utf8_next(text, &pos) > 0xFFFF ? 2 : 1;
    return count;
}

/* Bytes of the longest beginning that fits. */
static ptrdiff_t window_of(Str text) {
    ptrdiff_t pos = 0, count = 0;
    while (pos < text.len) {
        ptrdiff_t next = pos;
        count += str_utf8_next(text, &next) > 0xFFFF ? 2 : 1;
        if (count > WHATSAPP_TEXT_MAX) break;
        pos = next;
    }
    return pos;
}

/* Behind the last of `marks` in the second half of the window, or 0. */
static ptrdiff_t cut_at(Str window, const Str *marks, ptrdiff_t count) {
    ptrdiff_t best = 0;
    for (ptrdiff_t i = 0; i < count; i++)
        for (ptrdiff_t at = window.len - marks[i].len;
             at > window.len / 2 && at + marks[i].len > best; at--)
            if (str_eq(str_slice(window, at, at + marks[i].len), marks[i]))
                best = at + marks[i].len;
    return best;
}

static ptrdiff_t cut_find(Str window) {
    static const Str paragraphs[] = {S_INIT("\n\n")}, lines[] = {S_INIT("\n")},
                     sentences[] = {S_INIT(". "), S_INIT("! "), S_INIT("? "), S_INIT("… "),
                                    S_INIT("؟ ")},
                     words[] = {S_INIT(" ")};
    ptrdiff_t at = cut_at(window, paragraphs, COUNT(paragraphs));
    if (!at) at = cut_at(window, lines, COUNT(lines));
    if (!at) at = cut_at(window, sentences, COUNT(sentences));
    if (!at) at = cut_at(window, words, COUNT(words));
    return at ? at : window.len;
}

Err *whatsapp_text_cut(Ctx *c, Str text, StrList *out) {
    *out = (StrList){.items = arena_array(c->arena, Str, WHATSAPP_TEXT_PARTS_MAX)};
    for (Str rest = str_trim(text); rest.len > 0;) {
        if (out->count == WHATSAPP_TEXT_PARTS_MAX) {
            Err *err = err_new(c, ERR_INVALID, __func__,
                               "A text of more than %d times %d characters is not sent.",
                               WHATSAPP_TEXT_PARTS_MAX, WHATSAPP_TEXT_MAX);
            err->code = S("too_long");
            return err;
        }
        ptrdiff_t fits = window_of(rest);
        ptrdiff_t at = fits == rest.len ? fits : cut_find(str_slice(rest, 0, fits));
        out->items[out->count++] = str_trim(str_slice(rest, 0, at));
        rest = str_trim(str_slice(rest, at, rest.len));
    }
    return NULL;
}

/* -- JSON -------------------------------------------------------------------------------------- */

static void pair(JsonOut *o, const char *name, Str value) {
    json_key(o, str_c(name));
    json_put_str(o, value);
}

/* A number goes into `to`; who has none is named by the user id, for which the Cloud API has a
 * member of its own. */
static Err *recipient_put(Ctx *c, JsonOut *o, const SendPart *part) {
    const Contact *to = part->to;
    pair(o, "recipient_type", S("individual"));
    if (to->phone.len > 1)
        pair(o, "to", str_slice(to->phone, 1, to->phone.len));
    else if (to->user_key.len > 0)
        pair(o, part->door->cloud ? "recipient" : "to", to->user_key);
    else
        FAIL(c, INVALID, "The contact has neither a number nor a user id.");
    return NULL;
}

static void component_put(JsonOut *o, const json_t *parameters) {
    size_t i;
    const json_t *one;
    json_begin(o, '[');
    json_begin(o, '{');
    pair(o, "type", S("body"));
    json_key(o, S("parameters"));
    json_begin(o, '[');
    json_array_foreach(parameters, i, one) {
        json_begin(o, '{');
        pair(o, "type", S("text"));
        pair(o, "text", json_str(one));
        json_end(o, '}');
    }
    json_end(o, ']');
    json_end(o, '}');
    json_end(o, ']');
}

static bool all_texts(const json_t *list) {
    size_t i;
    const json_t *one;
    json_array_foreach(list, i, one) if (json_str(one).len == 0) return false;
    return !list || json_is_array(list);
}

static Err *template_put(Ctx *c, JsonOut *o, const Message *m) {
    json_t *metadata, *parameters, *components;
    TRY(json_parse(c, m->metadata.text.len ? m->metadata.text : S("{}"), &metadata));
    const json_t *t =
        json_is_object(json_at(metadata, "template")) ? json_at(metadata, "template") : metadata;
    Str name = json_str(json_at(t, "name")), language = json_str(json_at(t, "language"));
    if (language.len == 0) language = json_str(json_path(t, "language.code"));
    parameters = json_at(t, "parameters");
    components = json_at(t, "components");
    if (name.len == 0 || language.len == 0)
        FAIL(c, INVALID, "A template needs a name and a language.");
    if (!all_texts(parameters))
        FAIL(c, INVALID, "A template's parameters are texts, none of them empty.");
    json_key(o, S("template"));
    json_begin(o, '{');
    pair(o, "name", name);
    json_key(o, S("language"));
    json_begin(o, '{');
    pair(o, "code", language);
    json_end(o, '}');
    if (json_is_array(components) || json_array_size(parameters) > 0) json_key(o, S("components"));
    if (json_is_array(components)) {
        buf_json_value(o->buf, components);
        o->comma = true;
    } else if (json_array_size(parameters) > 0) {
        component_put(o, parameters);
    }
    json_end(o, '}');
    return NULL;
}

static Err *media_put(Ctx *c, JsonOut *o, const SendPart *part) {
    const Message *m = part->message;
    json_t *media;
    if (whatsapp_length(m->content) > WHATSAPP_CAPTION_MAX && !str_eq(m->type, S("audio")))
        FAIL(c, INVALID, "A caption has at most %d characters.", WHATSAPP_CAPTION_MAX);
    TRY(json_parse(c, m->media.text, &media));
    json_key(o, m->type);
    json_begin(o, '{');
    pair(o, "id", part->media_id);
    if (m->content.len > 0 && !str_eq(m->type, S("audio"))) pair(o, "caption", m->content);
    Str filename = json_str(json_at(media, "filename"));
    if (filename.len > 0 && str_eq(m->type, S("document"))) pair(o, "filename", filename);
    json_end(o, '}');
    return NULL;
}

static Err *content_put(Ctx *c, JsonOut *o, const SendPart *part) {
    const Message *m = part->message;
    pair(o, "type", m->type);
    if (str_eq(m->type, S("template"))) return template_put(c, o, m);
    if (!str_eq(m->type, S("text"))) return media_put(c, o, part);
    if (part->text.len == 0) FAIL(c, INVALID, "An empty text is not sent.");
    json_key(o, S("text"));
    json_begin(o, '{');
    json_key(o, S("preview_url"));
    json_put_bool(o, false);
    pair(o, "body", part->text);
    json_end(o, '}');
    return NULL;
}

Err *send_body(Ctx *c, const SendPart *part, Str *out) {
    Buf b = buf_new(c->arena, 512 + part->text.len);
    JsonOut o = json_out(&b);
    json_begin(&o, '{');
    pair(&o, "messaging_product", S("whatsapp"));
    TRY(recipient_put(c, &o, part));
    if (part->first && part->message->reply_to.len > 0) {
        json_key(&o, S("context"));
        json_begin(&o, '{');
        pair(&o, "message_id", part->message->reply_to);
        json_end(&o, '}');
    }
    TRY(content_put(c, &o, part));
    json_end(&o, '}');
    *out = buf_str(&b);
    return NULL;
}
