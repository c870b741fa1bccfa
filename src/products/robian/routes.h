/* SPDX-License-Identifier: Apache-2.0
 * The tables of routes of this room, each closed by a row without a path; module.c lists them. */
#ifndef SOCLE_ROBIAN_ROUTES_H
#define SOCLE_ROBIAN_ROUTES_H

#include "api/route.h"

extern const Route device_routes[], activity_routes[], collection_routes[], favorite_routes[],
    stats_routes[], listen_routes[];

extern const Route debate_routes[], first_generation_routes[], programme_routes[];

extern const Route extraction_routes[], demo_routes[];
extern const Route debate_search_routes[];
extern const Route streaming_routes[], segment_routes[];
extern const Route transcript_routes[], speaker_routes[];

extern const Route feed_routes[];
extern const Route alert_routes[];
extern const Route open_data_routes[];

#endif
