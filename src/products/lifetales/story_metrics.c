/* SPDX-License-Identifier: Apache-2.0
 * What stories count, for operators. What a single story took is on its row. */
#include "ops/metrics.h"
#include "products/lifetales/story_room.h"

static MetricCells story_cells, call_cells, error_cells, token_cells, cost_cells, time_cells,
    chapter_cells, repaired_cells;
static const char *const ends[] = {"done", "failed", "cancelled", NULL};
static const char *const agents[] = {"story", "illustration", NULL};
static_assert(COUNT(agents) == AGENTS + 1, "a name for each agent");
static const char *const chapters[] = {"written", "kept", NULL};
static const int64_t call_ms[] = {100, 500, 1000, 2000, 5000, 10000, 20000, 30000, 60000};
enum { STORIES, CALLS, ERRORS, TOKENS, COST, TIMES, CHAPTERS, REPAIRED };
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
    [TIMES] = {"socle_tales_agent_seconds", METRIC_HISTOGRAM,
               "How long a chapter's text, or a picture, was waited for.", .labels = "agent",
               .values = agents, .cells = &time_cells, .bounds = call_ms,
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
    if (calls > 0) metric_observe(&metrics[TIMES], agent, latency_ms);
}

void story_counted_chapter(bool kept, int64_t repaired) {
    metric_add(&metrics[CHAPTERS], kept, 1);
    if (repaired > 0) metric_add(&metrics[REPAIRED], 0, repaired);
}
