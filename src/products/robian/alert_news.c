/* SPDX-License-Identifier: Apache-2.0
 * What is told of a match of an alert. */
#include "core/json.h"
#include "products/robian/alerts.h"

static const Field news_fields[] = {
    FIELD(AlertNews, alert_id),
    FIELD(AlertNews, q),
    FIELD(AlertNews, debate_id),
    FIELD(AlertNews, title, .doc = "The debate's"),
    FIELD(AlertNews, type),
    FIELD(AlertNews, date),
    FIELD(AlertNews, commission, .flags = F_NULLABLE),
    FIELD(AlertNews, has_audio),
    FIELD_RECORD(AlertNews, passage, &passage_record),
};
const Record alert_news_record =
    RECORD(AlertNews, news_fields, .doc = "A new transcript in which an alert's words are");

Err *alert_passage(Ctx *c, JsonText payload, FeedItem *item) {
    json_t *news;
    Passage *p = arena_new_of(c->arena, Passage);
    TRY(json_parse(c, payload.text, &news));
    TRY(record_read(c, &passage_record, json_at(news, "passage"), READ_CHANGE, p, NULL));
    item->passages = p;
    item->passage_count = 1;
    return NULL;
}
