/* SPDX-License-Identifier: Apache-2.0
 * The single shapes, for the list in shapes.c. */
#ifndef SOCLE_VEYL_SHAPES_ROOM_H
#define SOCLE_VEYL_SHAPES_ROOM_H

#include "products/veyl/shapes.h"

extern const Shape shape_posts, shape_tiktok_api, shape_tiktok_web, shape_tiktok_scraper,
    shape_instagram_graph, shape_instagram_apify, shape_instagram_web, shape_facebook_graph;
extern const CsvShape csv_posts, csv_tiktok, csv_tiktok_apify, csv_facebook;

#endif
