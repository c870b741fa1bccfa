/* SPDX-License-Identifier: Apache-2.0
 * What stories count, for operators. What a single story took is on its row. */
#include "ops/metrics.h"
#include "products/lifetales/story_room.h"

static MetricCells story_cells, call_cells, error_cells, token_cells, cost_cells, time_cells,
    chapter_cells, repaired_cells, picture_cells, media_cells;
static const char *const ends[] = {"done", "failed", "cancelled", NULL};
static const char *const agents[] = {[AGENT_STORY] = "story",
                                     [AGENT_ILLUSTRATION] = "illustration",
                                     [AGENT_TRANSCRIPTION] = "transcription",
                                     [AGENT_VOICE] = "voice",
                                     [AGENT_NARRATOR] = "narrator",
                                     [AGENTS] = NULL};
static_assert(COUNT(agents) == AGENTS + 1, "a name for each agent");
static const char *const chapters[] = {"written", "kept", NULL};
static const int64_t call_ms[] = {100, 500, 1000, 2000, 5000, 10000, 20000, 30000, 60000};
enum { STORIES, CALLS, ERRORS, TOKENS, COST, PICTURES, MEDIA, TIMES, CHAPTERS, REPAIRED };
static const Metric metrics[] = {
    [STORIES] = {"socle_tales_stories", METRIC_COUNTER, "Stories that have ended, by state.",
                 .labels = "state", .values = ends, .cells = &story_cells},
    [CALLS] = {"socle_tales_calls", METRIC_COUNTER, "Calls of models, by the agent that made them.",
               .labels = "agent", .values = agents, .cells = &call_cells},
    [ERRORS] = {"socle_tales_call_errors", METRIC_COUNTER,
                "Calls of models that failed, or whose answer was of no use, by agent.",
                .labels = "agent", .values = agents, .cells = &error_cells},
    [TOKENS] = {"socle_tales_tokens", METRIC_COUNTER, "Tokens in and out, by agent.",
                .labels = "agent", .values = agents, .cells = &token_cells},
    [COST] = {"socle_tales_cost_micros", METRIC_COUNTER,
              "Money spent, in millionths of the price list's currency, by agent.",
              .labels = "agent", .values = agents, .cells = &cost_cells},
    [PICTURES] = {"socle_tales_pictures", METRIC_COUNTER, "Pictures that models made.",
                  .cells = &picture_cells},
    [MEDIA] =
        {"socle_tales_media_seconds", METRIC_COUNTER,
         "Seconds of sound that models heard or spoke, and of video that they made, by agent.",
         .labels = "agent", .values = agents, .cells = &media_cells, .per_unit = 1000},
    [TIMES] = {"socle_tales_agent_seconds", METRIC_HISTOGRAM,
               "How long a chapter's text, a picture, a transcript or a voice was waited for; of a "
               "video, "
               "until it was begun.",
               .labels = "agent", .values = agents, .cells = &time_cells, .bounds = call_ms,
               .bound_count = COUNT(call_ms), .per_unit = 1000},
    [CHAPTERS] = {"socle_tales_chapters", METRIC_COUNTER,
                  "Chapters of stories: written, or kept because nothing had changed.",
                  .labels = "kind", .values = chapters, .cells = &chapter_cells},
    [REPAIRED] = {"socle_tales_sentences_repaired", METRIC_COUNTER,
                  "Sentences of models that were put right from the notes.",
                  .cells = &repaired_cells},
};
static const MetricTable table = {.metrics = metrics, .count = COUNT(metrics)};

void story_metrics(void) { metrics_declare(&table); }

void story_counted_end(const char *state) {
    for (ptrdiff_t i = 0; ends[i]; i++)
        if (strcmp(ends[i], state) == 0) metric_add(&metrics[STORIES], i, 1);
}

void story_counted_calls(StoryAgent agent, int64_t calls, int64_t errors, const AiUsage *usage,
                         int64_t latency_ms) {
    metric_add(&metrics[CALLS], agent, calls);
    metric_add(&metrics[ERRORS], agent, errors);
    metric_add(&metrics[TOKENS], agent, usage->tokens_in + usage->tokens_out);
    metric_add(&metrics[COST], agent, usage->cost_micros);
    metric_add(&metrics[PICTURES], 0, usage->images);
    metric_add(&metrics[MEDIA], agent, usage->millis_audio + usage->millis_video);
    if (calls > 0) metric_observe(&metrics[TIMES], agent, latency_ms);
}

void agent_asked(StoryAgent agent, const Err *err, const AiOrigin *origin, const AiUsage *usage,
                 int64_t began_us) {
    int64_t calls = origin->tries;
    if (origin->kept || str_eq(origin->provider, S("local"))) return;
    if (err && err->kind == ERR_NOT_CONFIGURED && calls == 0) return;
    if (calls == 0) calls = 1; /* its circuit is open, or it was not reached */
    story_counted_calls(agent, calls, err ? calls : calls - 1, usage,
                        (mono_us() - began_us) / US_PER_MS);
}

void story_counted_chapter(bool kept, int64_t repaired) {
    metric_add(&metrics[CHAPTERS], kept, 1);
    if (repaired > 0) metric_add(&metrics[REPAIRED], 0, repaired);
}
