/* SPDX-License-Identifier: Apache-2.0
 * Drawings: always the same, of their size, of any text; and what the words name is seen in the pixels
 * (night is dark, snow white, the sea blue, autumn red). */
#include <cairo.h>

#include "products/lifetales/drawing_paint.h"
#include "t.h"

static const char *const style_names[] = {"illustration", "cinematic", "pastel", "realistic"};

static Str drawn(Arena *arena, Str words, const char *style, uint64_t look) {
    DrawingTask task = {.words = words, .style = str_c(style), .look = look};
    return drawing_make(arena, &task);
}

/* -- pixels ------------------------------------------------------------------------------------ */

typedef struct Source {
    Str bytes;
    ptrdiff_t at;
} Source;

static cairo_status_t source_read(void *arg, unsigned char *to, unsigned count) {
    Source *s = arg;
    if (s->bytes.len - s->at < (ptrdiff_t)count) return CAIRO_STATUS_READ_ERROR;
    memcpy(to, s->bytes.data + s->at, count);
    s->at += count;
    return CAIRO_STATUS_SUCCESS;
}

/* The mean colour of a part of the picture (shares of its sides), 0..1. */
typedef struct Part {
    double x0, y0, x1, y1;
} Part;
static const Part ALL = {0, 0, 1, 1}, SKY = {0.05, 0.03, 0.95, 0.3},
                  GROUND = {0.05, 0.85, 0.95, 0.97};

static Rgb mean_of(Str png, Part part) {
    Source source = {.bytes = png};
    cairo_surface_t *s = cairo_image_surface_create_from_png_stream(source_read, &source);
    Rgb sum = {0, 0, 0};
    if (!CHECK(cairo_surface_status(s) == CAIRO_STATUS_SUCCESS)) return sum;
    int w = cairo_image_surface_get_width(s), h = cairo_image_surface_get_height(s), count = 0;
    CHECK_INT(w, DRAWING_WIDTH);
    CHECK_INT(h, DRAWING_HEIGHT);
    const unsigned char *data = cairo_image_surface_get_data(s);
    for (int y = (int)(part.y0 * h); y < (int)(part.y1 * h); y++) {
        const uint32_t *row = (const uint32_t *)(const void *)(data + (ptrdiff_t)y * w * 4);
        for (int x = (int)(part.x0 * w); x < (int)(part.x1 * w); x++, count++) {
            sum.r += (row[x] >> 16 & 255) / 255.0;
            sum.g += (row[x] >> 8 & 255) / 255.0;
            sum.b += (row[x] & 255) / 255.0;
        }
    }
    cairo_surface_destroy(s);
    return rgb_scale(sum, 1.0 / count);
}

static Rgb seen(const char *words, const char *style, Part part) {
    Arena *arena = arena_new(64 * MIB);
    Rgb mean = mean_of(drawn(arena, str_c(words), style, 7), part);
    arena_free(arena);
    return mean;
}

static double greyness(Rgb c) {
    double top = c.r > c.g ? c.r : c.g, low = c.r < c.g ? c.r : c.g;
    top = top > c.b ? top : c.b;
    low = low < c.b ? low : c.b;
    return 1 - (top - low);
}

/* -- what every drawing is --------------------------------------------------------------------- */

TEST(equal_tasks_are_equal_bytes_and_others_are_not) {
    Arena *arena = arena_new(256 * MIB);
    Str words = S("Un village au bord de la mer, le soir"), first[4];
    for (int i = 0; i < 4; i++) {
        first[i] = drawn(arena, words, style_names[i], 3);
        CHECK(str_eq(first[i], drawn(arena, words, style_names[i], 3)));
        for (int k = 0; k < i; k++) CHECK(!str_eq(first[i], first[k]));
    }
    CHECK(!str_eq(first[0], drawn(arena, words, "illustration", 4)));
    CHECK(!str_eq(first[0],
                  drawn(arena, S("Un village au bord de la mer, le matin"), "illustration", 3)));
    arena_free(arena);
}

TEST(every_place_in_every_style_is_a_picture_that_a_book_can_hold) {
    static const char *const prompts[] = {
        "un marché sous la pluie",     "a forest in autumn, with a dog", "Paris la nuit",
        "Noël près de la cheminée",    "a lake in the mountains, boats", "le désert",
        "a castle above a river",      "la plage en été, un phare",      "jardin, banc, fleurs",
        "the wedding cake, champagne",
    };
    for (int i = 0; i < COUNT(prompts); i++) {
        Arena *arena = arena_new(64 * MIB);
        Str png = drawn(arena, str_c(prompts[i]), style_names[i % 4], (uint64_t)i);
        Rgb mean = mean_of(png, ALL);
        CHECK(png.len > 60 * KIB && png.len < 1100 * KIB);
        CHECK(rgb_bright(mean) > 0.03 && rgb_bright(mean) < 0.97);
        arena_free(arena);
    }
}

TEST(any_text_is_drawn) {
    static char huge[300000];
    memset(huge, 'm', sizeof huge);
    for (int i = 0; i < (int)sizeof huge; i += 7) huge[i] = ' ';
    const Str odd[] = {
        S(""),
        S("   \n\t "),
        S("😀"),
        S("\xff\xfe\x80 bad \xc3"),
        S("a\0b"),
        str_of(huge, sizeof huge),
        S("!?…«»"),
        S("ليل هادئ على البحر"),
        S("山上的雪，早晨"),
        {NULL, 0},
    };
    for (int i = 0; i < COUNT(odd); i++) {
        Arena *arena = arena_new(64 * MIB);
        Str png = drawn(arena, odd[i], style_names[i % 4], 1);
        CHECK(str_starts(png, S("\x89PNG\r\n\x1a\n")));
        mean_of(png, ALL);
        arena_free(arena);
    }
}

TEST(an_unknown_style_is_an_illustration) {
    Arena *arena = arena_new(64 * MIB);
    CHECK(str_eq(drawn(arena, S("la mer"), "cubist", 1),
                 drawn(arena, S("la mer"), "illustration", 1)));
    arena_free(arena);
}

/* -- what is read ------------------------------------------------------------------------------- */

static Scene scene_of(const char *words) {
    Arena *arena = arena_new(8 * MIB);
    DrawingTask task = {.words = str_c(words), .style = S("realistic")};
    Scene scene = scene_read(arena, &task);
    arena_free(arena);
    return scene;
}

TEST(words_name_place_hour_season_and_weather) {
    static const struct {
        const char *words;
        Place place;
        int hour, season, weather; /* -1: whatever */
    } rows[] = {
        {"Nous marchons sur la plage au coucher du soleil", PLACE_COAST, HOUR_DUSK, -1, -1},
        {"Mornings in the mountains", PLACE_MOUNTAINS, HOUR_MORNING, -1, -1},
        {"le lac gelé, en hiver, à midi", PLACE_LAKE, HOUR_NOON, SEASON_WINTER, -1},
        {"It was raining in the city that night", PLACE_CITY, HOUR_NIGHT, -1, WEATHER_RAIN},
        {"Une promenade en forêt, en octobre, dans le brouillard", PLACE_FOREST, -1, SEASON_AUTUMN,
         WEATHER_FOG},
        {"Cherry blossom in our garden in April", PLACE_GARDEN, -1, SEASON_SPRING, -1},
        {"dans la cuisine de ma grand-mère", PLACE_ROOM, -1, -1, -1},
        {"ma mère m'attendait à la maison", PLACE_HILLS, -1, -1, -1}, /* mère is not mer */
        {"lettre de ma mère, une tasse de café", PLACE_ROOM, -1, -1, -1},
        {"the storm over the harbour", PLACE_COAST, -1, -1, WEATHER_STORM},
        {"caravan in the desert at dawn", PLACE_DESERT, HOUR_DAWN, -1, -1},
        {"海边的日出", PLACE_COAST, HOUR_DAWN, -1, -1},
        {"ليل في الغابة غابة", PLACE_FOREST, HOUR_NIGHT, -1, -1},
    };
    for (int i = 0; i < COUNT(rows); i++) {
        Scene s = scene_of(rows[i].words);
        bool good = s.place == rows[i].place && (rows[i].hour < 0 || (int)s.hour == rows[i].hour) &&
                    (rows[i].season < 0 || (int)s.season == rows[i].season) &&
                    (rows[i].weather < 0 || (int)s.weather == rows[i].weather);
        t_check(good, rows[i].words, __FILE__, __LINE__);
    }
}

TEST(words_name_things_in_their_own_language_only) {
    CHECK(scene_of("je suis resté, car il pleuvait dans le jardin").has[THING_CAR] == 0);
    CHECK(scene_of("we drove the car to the coast").has[THING_CAR] > 0);
    CHECK(scene_of("le chat dort sur le lit").has[THING_CAT] > 0);
    CHECK(scene_of("we had a long chat with the neighbours").has[THING_CAT] == 0);
    CHECK(scene_of("the pain in my back and the long way").has[THING_BREAD] == 0);
    CHECK(scene_of("du pain et des pommes sur la table").has[THING_BREAD] > 0);
    CHECK(scene_of("deux chevaux et leurs poulains dans le pré").has[THING_HORSE] > 0);
    CHECK(scene_of("un cerf-volant sur la plage").has[THING_KITE] > 0);
    CHECK(scene_of("the cat and the dog").has[THING_CUP] == 0);
    CHECK(scene_of("nous buvons du thé à la menthe").has[THING_CUP] > 0);
    CHECK(scene_of("je suis en train de lire").has[THING_TRAIN] == 0);
    CHECK(scene_of("nous sommes partis en train").has[THING_TRAIN] > 0);
}

TEST(what_is_denied_is_not_there) {
    CHECK(scene_of("un hiver sans neige à la campagne").weather != WEATHER_SNOW);
    CHECK(scene_of("a day without the dog in the hills").has[THING_DOG] == 0);
    CHECK(scene_of("a day with the dog in the hills").has[THING_DOG] > 0);
}

/* -- what is seen ------------------------------------------------------------------------------- */

TEST(night_is_darker_than_noon_in_every_style) {
    for (int i = 0; i < 4; i++) {
        double noon = rgb_bright(seen("a village in the hills at noon, sun", style_names[i], ALL));
        double night =
            rgb_bright(seen("a village in the hills at night, sun", style_names[i], ALL));
        CHECK(night < noon - 0.2);
    }
}

TEST(snow_is_whiter_than_summer) {
    for (int i = 0; i < 4; i += 3) {
        Rgb summer = seen("the meadow in july at noon, sun", style_names[i], GROUND);
        Rgb snow = seen("the meadow in january at noon, snow", style_names[i], GROUND);
        CHECK(rgb_bright(snow) > rgb_bright(summer) + 0.1);
        CHECK(greyness(snow) > greyness(summer) + 0.1);
    }
}

TEST(a_rainy_sky_is_greyer_than_a_clear_one) {
    Rgb clear = seen("the lake at noon, sunny", "realistic", SKY);
    Rgb rain = seen("the lake at noon, rain", "realistic", SKY);
    CHECK(greyness(rain) > greyness(clear) + 0.15);
}

TEST(the_sea_is_blue_where_meadows_are_green) {
    static const Part middle = {0.1, 0.62, 0.9, 0.72};
    Rgb sea = seen("la mer à midi, soleil", "realistic", middle);
    Rgb meadow = seen("la prairie à midi en juillet, soleil", "realistic", middle);
    CHECK(sea.b > sea.r + 0.1);
    CHECK(meadow.g > meadow.b + 0.1);
}

TEST(an_autumn_wood_is_redder_than_a_summer_one) {
    Rgb summer = seen("a forest path at noon in july", "realistic", ALL);
    Rgb autumn = seen("a forest path at noon in october", "realistic", ALL);
    CHECK(autumn.r - autumn.g > summer.r - summer.g + 0.05);
}

TEST(dusk_is_warmer_than_morning) {
    static const Part low = {0.1, 0.3, 0.9, 0.48};
    Rgb morning = seen("la plage le matin, soleil", "realistic", low);
    Rgb dusk = seen("la plage au coucher du soleil", "realistic", low);
    CHECK(dusk.r - dusk.b > morning.r - morning.b + 0.2);
}

TEST(cinematic_corners_are_dark) {
    static const Part corner = {0, 0, 0.06, 0.06}, top = {0.44, 0, 0.56, 0.06};
    Rgb at = seen("the desert at noon, sun", "cinematic", corner),
        middle = seen("the desert at noon, sun", "cinematic", top);
    CHECK(rgb_bright(at) < rgb_bright(middle) * 0.9);
}

TEST(a_look_is_one_palette_and_another_look_another) {
    Hand a = hand_of(1), same = hand_of(1);
    CHECK(memcmp(&a, &same, sizeof a) == 0);
    int others = 0;
    for (uint64_t look = 2; look < 12; look++) {
        Hand b = hand_of(look);
        others += memcmp(&a.roof, &b.roof, sizeof a.roof) != 0;
    }
    CHECK(others > 4);
}

T_MAIN(T_ROW(equal_tasks_are_equal_bytes_and_others_are_not),
       T_ROW(every_place_in_every_style_is_a_picture_that_a_book_can_hold),
       T_ROW(any_text_is_drawn), T_ROW(an_unknown_style_is_an_illustration),
       T_ROW(words_name_place_hour_season_and_weather),
       T_ROW(words_name_things_in_their_own_language_only), T_ROW(what_is_denied_is_not_there),
       T_ROW(night_is_darker_than_noon_in_every_style), T_ROW(snow_is_whiter_than_summer),
       T_ROW(a_rainy_sky_is_greyer_than_a_clear_one),
       T_ROW(the_sea_is_blue_where_meadows_are_green),
       T_ROW(an_autumn_wood_is_redder_than_a_summer_one), T_ROW(dusk_is_warmer_than_morning),
       T_ROW(cinematic_corners_are_dark), T_ROW(a_look_is_one_palette_and_another_look_another))
