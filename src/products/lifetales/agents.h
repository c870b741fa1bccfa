/* SPDX-License-Identifier: Apache-2.0
 * The agents: whoever asks a model for a person. What each asked for, failed in, used and cost is counted
 * for operators (story_metrics.c); what a person's calls cost is in the ledger, what a story took is on its
 * row. What is made here, without a model, is no call. */
#ifndef SOCLE_LIFETALES_AGENTS_H
#define SOCLE_LIFETALES_AGENTS_H

#include "ai/ai.h"

typedef enum StoryAgent {
    AGENT_STORY,
    AGENT_ILLUSTRATION,
    AGENT_TRANSCRIPTION,
    AGENT_VOICE,
    AGENT_NARRATOR,
    AGENTS
} StoryAgent;

/* calls: tries included; errors: of them, those that failed or whose answer was of no use; latency_ms: how
 * long it was waited for, all together. */
void story_counted_calls(StoryAgent agent, int64_t calls, int64_t errors, const AiUsage *usage,
                         int64_t latency_ms);
/* The same of one asking of the ai room: what origin and err say of it. */
void agent_asked(StoryAgent agent, const Err *err, const AiOrigin *origin, const AiUsage *usage,
                 int64_t began_us);

#endif
