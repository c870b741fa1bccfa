/* SPDX-License-Identifier: Apache-2.0
 * Tables of the records of chapters and stories. */
#include "products/lifetales/records.h"

#define HIDDEN .flags = F_SECRET | F_READONLY

static const Field sentence_fields[] = {
    FIELD(StorySentence, start, .doc = "Of the chapter's content, in code points"),
    FIELD(StorySentence, end),
    FIELD(StorySentence, note_ids, .doc = "What it rests on, the nearest first"),
};
const Record sentence_record = RECORD(StorySentence, sentence_fields, .camel = true, .open = true);

static const Field picture_fields[] = {
    FIELD(ChapterPicture, media_n, HIDDEN),
    FIELD(ChapterPicture, media_id, .format = "uuid"),
    FIELD(ChapterPicture, url, .doc = "The CDN's address where there is one, else a signed one"),
    FIELD(ChapterPicture, prompt, .flags = F_NULLABLE, .doc = "What is to be seen"),
    FIELD(ChapterPicture, style, .flags = F_NULLABLE),
    FIELD(ChapterPicture, position, .doc = "0: illustrationUrl; the others show parts of the text"),
};
const Record chapter_picture_record =
    RECORD(ChapterPicture, picture_fields, .camel = true, .open = true);

static const Field chapter_fields[] = {
    FIELD(Chapter, n, HIDDEN),
    FIELD(Chapter, space_n, HIDDEN),
    FIELD(Chapter, user_id, HIDDEN),
    FIELD(Chapter, story_n, HIDDEN),
    FIELD(Chapter, illustration_n, HIDDEN),
    FIELD(Chapter, id, .flags = F_READONLY),
    FIELD(Chapter, space_id, .flags = F_READONLY),
    FIELD(Chapter, title, .max = 500),
    FIELD(Chapter, content, .max = 200000),
    FIELD_LIST(Chapter, sentences, &sentence_record, .flags = F_READONLY | F_NO_COLUMN),
    FIELD(Chapter, key, HIDDEN),
    FIELD(Chapter, edited, .flags = F_READONLY),
    FIELD(Chapter, provider, .flags = F_READONLY | F_NULLABLE),
    FIELD(Chapter, model, .flags = F_READONLY | F_NULLABLE),
    FIELD(Chapter, illustration_prompt, .max = 4000, .flags = F_NULLABLE),
    FIELD(Chapter, illustration_key, HIDDEN),
    FIELD(Chapter, illustration_status, .flags = F_READONLY, .doc = "none, waiting, done, failed"),
    FIELD(Chapter, illustration_url, .flags = F_READONLY | F_NULLABLE | F_NO_COLUMN),
    FIELD(Chapter, generated_image_url, .flags = F_READONLY | F_NULLABLE | F_NO_COLUMN,
          .doc = "The same as illustrationUrl"),
    FIELD_LIST(Chapter, illustrations, &chapter_picture_record, .flags = F_READONLY | F_NO_COLUMN,
               .doc = "All that are there, as many as imagesPerChapter says"),
    FIELD(Chapter, source_note_id, .flags = F_READONLY | F_NULLABLE | F_NO_COLUMN),
    FIELD(Chapter, source_note_ids, .flags = F_READONLY | F_NO_COLUMN),
    FIELD(Chapter, user_image_ids),
    FIELD(Chapter, position, .flags = F_READONLY),
    FIELD(Chapter, created_at, .flags = F_READONLY | F_SNAKE),
    FIELD(Chapter, updated_at, .flags = F_READONLY | F_SNAKE),
};
const Record chapter_record = RECORD(Chapter, chapter_fields, .camel = true, .open = true,
                                     .doc = "A chapter, with the notes it rests on");

static const Field story_fields[] = {
    FIELD(Story, n, HIDDEN),
    FIELD(Story, space_n, HIDDEN),
    FIELD(Story, user_id, HIDDEN),
    FIELD(Story, job_id, HIDDEN),
    FIELD(Story, id),
    FIELD(Story, space_id, .flags = F_NO_COLUMN),
    FIELD(Story, state, .doc = "waiting, running, done, failed, cancelled"),
    FIELD(Story, settings),
    FIELD(Story, plan, HIDDEN),
    FIELD(Story, figures, .doc = "Of each agent: calls, errors, tokens, money, time"),
    FIELD(Story, planned, .doc = "Chapters"),
    FIELD(Story, written),
    FIELD(Story, kept, .doc = "As they were: nothing they are made from has changed"),
    FIELD(Story, error_code, .flags = F_NULLABLE),
    FIELD(Story, error, .flags = F_NULLABLE),
    FIELD(Story, created_at),
    FIELD(Story, started_at, .flags = F_NULLABLE),
    FIELD(Story, finished_at, .flags = F_NULLABLE),
};
const Record story_record =
    RECORD(Story, story_fields, .camel = true, .doc = "A story being written, or that was");
