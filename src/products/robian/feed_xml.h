/* SPDX-License-Identifier: Apache-2.0
 * A feed as text: RSS 2.0 with the names of iTunes, of Podcasting 2.0
 * (https://podcastindex.org/namespace/1.0) and of paged feeds (RFC 5005).
 *
 * Written by libxml2, so that no text can break it; characters that XML cannot hold are left out. */
#ifndef SOCLE_ROBIAN_FEED_XML_H
#define SOCLE_ROBIAN_FEED_XML_H

#include "products/robian/debate_search.h"

typedef struct FeedChannel {
    Str base;               /* scheme and host: what links begin with */
    Str url;                /* of the feed's first page: its identity */
    Str title, description; /* plain text */
    Str next, previous;     /* pages; null: there is none */
    Time changed;
} FeedChannel;

typedef struct FeedItem {
    const Debate *debate;
    const AudioFile *audio; /* NULL: there is none */
    Str guid;
    Time published;
    bool transcript, chapters;
    const Passage *passages; /* the item is about these; the first is what its link opens */
    ptrdiff_t passage_count;
} FeedItem;

/* INTERNAL when there is no memory left for it. */
MUST_USE Err *feed_xml(Ctx *c, const FeedChannel *channel, const FeedItem *items, ptrdiff_t count,
                       Str *out);

/* The UUID (version 5) of the feed with this address, as the podcast namespace makes it. */
Str feed_guid(Arena *arena, Str url);

/* seance_publique: Séance publique. */
Str debate_type_label(Str type);

#endif
