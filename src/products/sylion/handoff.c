/* SPDX-License-Identifier: Apache-2.0
 * An assistant's words for when it has no answer, how a contact asks for a person, and which of the
 * three languages it writes. Texts are compared as folded words (search/text.h), so that accents,
 * case and punctuation do not matter. */
#include "products/sylion/handoff.h"

#include "core/json.h"
#include "search/text.h"

enum { LANGUAGES = 3, TALK_WORDS_MAX = 6, TEXT_MAX = 8192 };

static const char *const languages[LANGUAGES] = {"fr", "en", "ar"};

static const char *const usual[SAY_TEXTS][LANGUAGES] = {
    [SAY_UNSUPPORTED] = {"Je ne trouve pas la réponse à cette question dans mes documents.",
                         "I cannot find the answer to this question in my documents.",
                         "لا أجد جواباً عن هذا السؤال في وثائقي."},
    [SAY_HANDOFF] = {"Je transmets votre message à une personne de l'équipe, qui vous répondra ici.",
                     "I am passing your message on to a member of the team, who will answer you here.",
                     "سأحيل رسالتك إلى أحد أفراد الفريق وسيجيبك هنا."},
    [SAY_MEDIA] = {"Je ne peux pas lire ce message. Pouvez-vous l'écrire en texte ?",
                   "I cannot read this message. Could you write it as text?",
                   "لا أستطيع قراءة هذه الرسالة. هل يمكنك كتابتها نصاً؟"},
    [SAY_GREETING] = {"Bonjour ! Comment puis-je vous aider ?", "Hello! How can I help you?",
                      "مرحباً! كيف يمكنني مساعدتك؟"},
    [SAY_REFUSED] = {"Je ne peux pas répondre à cette demande.", "I cannot answer this request.",
                     "لا أستطيع الإجابة عن هذا الطلب."},
};

static const char *const members[SAY_TEXTS] = {
    [SAY_UNSUPPORTED] = "unsupported", [SAY_HANDOFF] = "handoff",   [SAY_MEDIA] = "media",
    [SAY_GREETING] = "greeting",       [SAY_REFUSED] = "refused",
};

/* Folded; looked for as whole words. */
static const char *const asking[] = {
    "parler a un humain", "parler avec un humain", "parler a une personne",
    "parler avec une personne", "parler a quelqu un", "parler avec quelqu un", "un vrai humain",
    "une vraie personne", "parler a un conseiller", "parler avec un conseiller",
    "joindre un conseiller", "parler a un agent", "parler a un operateur",
    "parler a un responsable", "etre rappele", "etre rappelee", "un etre humain",
    "talk to a human", "speak to a human", "talk to a person", "speak to a person",
    "talk to someone", "speak to someone", "speak with someone", "talk with someone", "real person",
    "real human", "human agent", "human being", "talk to an agent", "speak to an agent",
    "speak with an agent", "talk to a representative", "speak to a representative", "call me back",
    "التحدث مع شخص", "التحدث الى شخص", "اتحدث مع شخص", "شخص حقيقي", "التحدث مع موظف",
    "اتحدث مع موظف", "التحدث الى موظف",
};

static const char *const greetings[] = {
    "bonjour", "bonsoir", "salut", "coucou", "hello", "hi", "hey", "good", "morning", "evening",
    "afternoon", "merci", "beaucoup", "bien", "thanks", "thank", "you", "very", "much", "a", "vous",
    "tous", "monsieur", "madame", "salam", "السلام", "عليكم", "مرحبا", "اهلا", "شكرا", "صباح",
    "مساء", "الخير",
};
/* One of these is among them: "beaucoup" alone is no greeting. */
static const char *const greeting_heads[] = {
    "bonjour", "bonsoir", "salut", "coucou", "hello", "hi", "hey", "morning", "evening", "afternoon",
    "merci", "thanks", "thank", "salam", "السلام", "مرحبا", "اهلا", "شكرا", "صباح", "مساء",
};

/* Common words that the other language does not have. */
static Words words_of(Ctx *c, Str text) {
    Words words = {.arena = c->arena};
    words_add(&words, str_utf8_cut(text, TEXT_MAX));
    return words;
}

Str text_folded(Ctx *c, Str text) {
    Words words = words_of(c, text);
    Buf b = buf_new(c->arena, text.len + 2);
    buf_byte(&b, ' ');
    for (ptrdiff_t i = 0; i < words.count; i++) {
        buf_add(&b, words.items[i].text);
        buf_byte(&b, ' ');
    }
    return buf_str(&b);
}

/* -- reading ----------------------------------------------------------------------------------- */

static void texts_read(Handoff *h, const json_t *given, Ctx *c) {
    for (int what = 0; what < SAY_TEXTS; what++) {
        json_t *one = json_at(given, members[what]);
        for (int i = 0; i < LANGUAGES; i++) {
            Str text = json_is_object(one) ? json_str(json_at(one, languages[i])) : json_str(one);
            if (str_trim(text).len > 0) h->texts[what][i] = str_copy(c->arena, str_trim(text));
        }
    }
}

static void phrases_read(Handoff *h, const json_t *given, Ctx *c) {
    size_t count = json_array_size(given);
    h->phrases.items = arena_array(c->arena, Str, (ptrdiff_t)count + 1);
    for (size_t i = 0; i < count; i++) {
        Str folded = text_folded(c, json_str(json_array_get(given, i)));
        if (folded.len > 2) h->phrases.items[h->phrases.count++] = folded;
    }
}

Handoff handoff_read(Ctx *c, JsonText config) {
    Handoff h = {.enabled = true};
    json_t *json;
    if (str_is_empty(config.text) || json_parse(c, config.text, &json) || !json_is_object(json))
        return h;
    json_t *enabled = json_at(json, "enabled");
    h.enabled = !json_is_false(enabled);
    h.on_unsupported = h.enabled && str_eq(json_str(json_at(json, "onUnsupported")), S("handoff"));
    h.on_media = h.enabled && str_eq(json_str(json_at(json, "onMedia")), S("handoff"));
    h.on_failure = h.enabled && str_eq(json_str(json_at(json, "onFailure")), S("handoff"));
    phrases_read(&h, json_at(json, "phrases"), c);
    texts_read(&h, json_at(json, "messages"), c);
    return h;
}

Str handoff_text(const Handoff *h, HandoffText what, Str language) {
    int chosen = 0;
    for (int i = 0; i < LANGUAGES; i++)
        if (str_eq(language, str_c(languages[i]))) chosen = i;
    Str own = h->texts[what][chosen];
    return str_is_empty(own) ? str_c(usual[what][chosen]) : own;
}

/* -- listening --------------------------------------------------------------------------------- */

bool handoff_asked(Ctx *c, const Handoff *h, Str question) {
    if (!h->enabled) return false;
    Str folded = text_folded(c, question);
    for (ptrdiff_t i = 0; i < h->phrases.count; i++)
        if (str_find(folded, h->phrases.items[i]) >= 0) return true;
    for (ptrdiff_t i = 0; i < COUNT(asking); i++)
        if (str_find(folded, strf(c->arena, " %s ", asking[i])) >= 0) return true;
    return false;
}

static bool is_one_of(Str word, const char *const *list, ptrdiff_t count) {
    for (ptrdiff_t i = 0; i < count; i++)
        if (str_eq(word, str_c(list[i]))) return true;
    return false;
}

bool handoff_is_greeting(Ctx *c, Str question) {
    Words words = words_of(c, question);
    bool head = false;
    if (words.count == 0 || words.count > TALK_WORDS_MAX) return false;
    for (ptrdiff_t i = 0; i < words.count; i++) {
        if (!is_one_of(words.items[i].text, greetings, COUNT(greetings))) return false;
        head |= is_one_of(words.items[i].text, greeting_heads, COUNT(greeting_heads));
    }
    return head;
}

