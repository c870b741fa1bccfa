/* SPDX-License-Identifier: Apache-2.0
 * Following a story: as server-sent events, or until it has ended. A follower who goes away changes
 * nothing. Both wait. */
#ifndef SOCLE_LIFETALES_STORY_STREAM_H
#define SOCLE_LIFETALES_STORY_STREAM_H

#include "api/route.h"
#include "products/lifetales/story.h"

/* The message_id that the client names as the last it has (Last-Event-ID); -1: none. BAD_REQUEST. */
MUST_USE Err *story_since(Ctx *c, const Call *k, int64_t *since);
/* Answers the call: the story's events behind `since` (-1: all), then what comes, until it has ended or
 * a quarter of an hour is over; the client then asks again with Last-Event-ID. */
MUST_USE Err *story_stream(Ctx *c, Call *k, const Story *story, int64_t since);
/* Until it has ended, or ms are over; *story is what it is then. NOT_FOUND when it went with its space. */
MUST_USE Err *story_await(Ctx *c, Story *story, int64_t ms);

#endif
