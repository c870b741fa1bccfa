/* SPDX-License-Identifier: Apache-2.0
 * Paint: what the parts of a drawing share (drawing*.c only). A Scene is what the words ask for; a Painting
 * is the paper with its light. Colours are those of things by white light (Rgb, 0..1): paint_shade gives
 * what is seen of them at this hour, in this weather, at this distance, so that every part agrees.
 *
 *   words ─▶ Scene ─▶ Light ─▶ sky, land, water, town, trees, people … by the distance ─▶ finish ─▶ PNG
 *
 * depth: 0 is at our feet, 1 is where the air has taken every colour. Sizes are pixels. */
#ifndef SOCLE_LIFETALES_DRAWING_PAINT_H
#define SOCLE_LIFETALES_DRAWING_PAINT_H

#include <cairo.h>

#include "products/lifetales/drawing.h"

enum { PAINT_W = DRAWING_WIDTH, PAINT_H = DRAWING_HEIGHT };

typedef enum PaintStyle {
    PAINT_ILLUSTRATION,
    PAINT_CINEMATIC,
    PAINT_PASTEL,
    PAINT_REALISTIC
} PaintStyle;
typedef enum Hour {
    HOUR_DAWN,
    HOUR_MORNING,
    HOUR_NOON,
    HOUR_GOLDEN,
    HOUR_DUSK,
    HOUR_NIGHT,
    HOURS
} Hour;
typedef enum Season { SEASON_SUMMER, SEASON_SPRING, SEASON_AUTUMN, SEASON_WINTER, SEASONS } Season;
typedef enum Weather {
    WEATHER_CLEAR,
    WEATHER_CLOUDS,
    WEATHER_RAIN,
    WEATHER_STORM,
    WEATHER_SNOW,
    WEATHER_FOG,
    WEATHER_WIND,
    WEATHERS
} Weather;
typedef enum Place {
    PLACE_HILLS,
    PLACE_COAST,
    PLACE_LAKE,
    PLACE_RIVER,
    PLACE_MOUNTAINS,
    PLACE_FOREST,
    PLACE_TOWN,
    PLACE_CITY,
    PLACE_GARDEN,
    PLACE_DESERT,
    PLACE_ROOM,
    PLACES
} Place;
/* Names of what can be there; the words for them stand in drawing_words.c. */
// clang-format off
#define THINGS(X)                                                                            \
    X(BOAT) X(SHIP) X(LIGHTHOUSE) X(TRAIN) X(CAR) X(BICYCLE) X(BRIDGE) X(ROAD) X(BALLOON)    \
    X(MILL) X(CHURCH) X(CASTLE) X(TOWER) X(TENT) X(HOUSE) X(BENCH) X(LAMPPOST) X(UMBRELLA)   \
    X(KITE) X(BIRD) X(DOG) X(CAT) X(HORSE) X(COW) X(SHEEP) X(TREE) X(PINE) X(PALM) X(FLOWERS) \
    X(BONFIRE) X(MARKET) X(FIREWORKS) X(RAINBOW) X(SUN) X(MOON) X(STARS) X(PLANE)            \
    X(WOMAN) X(MAN) X(OLD) X(CHILD) X(CROWD) X(SNOWMAN) X(FENCE) X(WHEAT) X(WINDOW)                 \
    X(TABLE) X(LAMP) X(HEARTH) X(STOVE) X(BED) X(SHELF) X(ARMCHAIR) X(PIANO) X(LETTER)       \
    X(BOOK) X(CAKE) X(BOUQUET) X(GUITAR) X(CUP) X(BREAD) X(FRUIT) X(BOTTLE) X(CANDLE)        \
    X(CAMERA) X(TELEPHONE) X(GIFT) X(CLOCK) X(TREE_LIT) X(SUITCASE) X(BALL) X(RADIO)
// clang-format on
typedef enum Thing {
#define THING_NAME(name) THING_##name,
    THINGS(THING_NAME)
#undef THING_NAME
        THING_COUNT
} Thing;

typedef struct Scene {
    PaintStyle style;
    Hour hour;
    Season season;
    Weather weather;
    Place place, view;              /* view: what a room's window shows */
    bool named;                     /* words of the prompt decided on the place, not chance */
    int mood;                       /* below 0: sad, above: glad */
    unsigned char has[THING_COUNT]; /* how often it is named, at most 9 */
    uint64_t seed, look;
} Scene;

/* Words of a prompt (any text, any length) to a scene. */
Scene scene_read(Arena *arena, const DrawingTask *task);

typedef struct Rgb {
    double r, g, b;
} Rgb;
#define RGB_INIT(hex) \
    { ((hex) >> 16 & 255) / 255.0, ((hex) >> 8 & 255) / 255.0, ((hex)&255) / 255.0 }
#define RGB(hex) ((Rgb)RGB_INIT(hex))

/* What a space's look decides, for all its pictures. */
typedef struct Hand {
    Rgb leaf, leaf2, grass, field, earth, rock, wall, wall2, roof, roof2, accent, accent2, cloth;
    double line;   /* width of the contour */
    double rough;  /* of hills */
    double wobble; /* of the hand, pixels */
    int crown;     /* shape of trees */
} Hand;

typedef struct Light {
    Rgb top, mid, low;  /* of the sky: above, between, at the horizon */
    Rgb sun, air, haze; /* light from the sun or moon, from everywhere; what distance fades to */
    double haze_much, sun_x, sun_y, bright;
    bool lamps; /* windows are lit */
} Light;

typedef struct Painting {
    cairo_t *cr;
    cairo_surface_t *surface;
    const Scene *scene;
    Hand hand;
    Light light;
    double horizon;
    uint64_t chance;
    bool inside; /* the light of a room, not of the sky */
} Painting;

/* -- drawing_colour.c: pure ------------------------------------------------------------------- */

uint64_t chance_mix(uint64_t seed, uint64_t salt);
double chance(Painting *p); /* 0..1 */
double chance_in(Painting *p, double from, double to);
ptrdiff_t chance_of(Painting *p, ptrdiff_t count);                   /* 0..count-1 */
double noise_at(uint64_t seed, double x, int octaves, double rough); /* about -1..1 */

Rgb rgb_mix(Rgb a, Rgb b, double t);
Rgb rgb_times(Rgb a, Rgb b);
Rgb rgb_scale(Rgb a, double by);
double rgb_bright(Rgb a);
Hand hand_of(uint64_t look);
Light light_of(const Scene *scene);
Light light_of_room(const Scene *scene);
/* lit: 0 in the shade … 1 towards the sun. */
Rgb paint_shade(const Painting *p, Rgb of, double lit, double depth);

/* -- drawing_brush.c: filling the path under way in the style's way, and shapes ---------------------- */

void paint_rgb(Painting *p, Rgb colour, double alpha);
/* Fill the path with a thing's colour, light from the sun's side, with a contour where the style has one.
 * The path is gone after. */
void paint_fill(Painting *p, Rgb of, double depth);
void paint_fill_lit(Painting *p, Rgb of, double lit, double depth); /* one face, evenly */
void paint_plain(Painting *p, Rgb colour, double alpha);            /* as it is, no contour */
void paint_stroke(Painting *p, Rgb of, double width, double depth); /* a rod */
void paint_contour(Painting *p, double depth);                      /* keeps the path */
void paint_glow(Painting *p, double x, double y, double radius, Rgb colour, double alpha);
/* A soft round spot, over what is there. */
void paint_spot(Painting *p, double x, double y, double radius, Rgb colour, double alpha);
void paint_down(Painting *p, double y0, double y1, Rgb a, double alpha_a, Rgb b, double alpha_b);

void path_box(Painting *p, double x, double y, double w, double h);
void path_oval(Painting *p, double x, double y, double rx, double ry);
void path_round_box(Painting *p, double x, double y, double w, double h, double r);
void path_poly(Painting *p, const double *xy, int points); /* closed */
void path_line(Painting *p, double x0, double y0, double x1, double y1);
/* Curves as text: M x y, L x y, C x1 y1 x2 y2 x y, Z; in units of `scale`, flipped where facing < 0. */
void path_text(Painting *p, const char *text, double x, double y, double scale, double facing);
/* A ridge from side to side: y = base - height × noise. Leaves the closed path. */
void path_ridge(Painting *p, uint64_t seed, double base, double height, double wave, int octaves,
                double rough);

/* -- the parts --------------------------------------------------------------------------------- */

void sky_paint(Painting *p);
void weather_paint(Painting *p); /* what falls between us and all of it */
void sky_birds(Painting *p, double y0, double y1, int count);

void land_ridge(Painting *p, double base, double height, double wave, int octaves, Rgb of,
                double depth);
void land_mountains(Painting *p, double base, double height, double depth);
void land_ground(Painting *p, double top, double sway, Rgb of, double depth, double depth_near);
void land_fields(Painting *p, double top, double bottom, double depth);
void land_road(Painting *p, double x_far, double y_far, double x_near, double half_near, Rgb of);
void land_grass(Painting *p, double top, double bottom, int count, double height, Rgb of);
void land_flowers(Painting *p, double x0, double x1, double y0, double y1, int count, double size);
Rgb land_green(const Painting *p); /* of meadows, by the season; snow */
void water_paint(Painting *p, double top, double bottom, double mirror);
void water_glitter(Painting *p, double top, double bottom);

void tree_paint(Painting *p, double x, double foot, double height, double depth);
void tree_pine(Painting *p, double x, double foot, double height, double depth);
void tree_palm(Painting *p, double x, double foot, double height, double depth);
void tree_poplar(Painting *p, double x, double foot, double height, double depth);
void tree_row(Painting *p, double x0, double x1, double foot, double height, double depth,
              double gap);
void tree_any(Painting *p, double x, double foot, double height, double depth);
void tree_branch(Painting *p); /* over an upper corner, before all else */

void house_paint(Painting *p, double x, double foot, double w, double h, double depth);
void town_hill(Painting *p, double x0, double x1, double foot, double height, double depth);
void town_street(Painting *p);
void town_blocks(Painting *p, double foot, double height, double depth);
void build_church(Painting *p, double x, double foot, double h, double depth);
void build_castle(Painting *p, double x, double foot, double h, double depth);
void build_lighthouse(Painting *p, double x, double foot, double h, double depth);
void build_mill(Painting *p, double x, double foot, double h, double depth);
void build_tower(Painting *p, double x, double foot, double h, double depth);
void build_bridge(Painting *p, double x0, double x1, double y, double rise, double depth);
void build_tent(Painting *p, double x, double foot, double h, double depth);
void build_stall(Painting *p, double x, double foot, double h, double depth);

void figure_person(Painting *p, double x, double foot, double h, double depth, int kind);
void figure_group(Painting *p, double x, double foot, double h, double depth);
void figure_seated(Painting *p, double x, double seat, double h, double facing);
void figure_dog(Painting *p, double x, double foot, double h, double facing, double depth);
void figure_cat(Painting *p, double x, double foot, double h, double depth);
void figure_horse(Painting *p, double x, double foot, double h, double facing, double depth,
                  Rgb of);
void figure_cow(Painting *p, double x, double foot, double h, double facing, double depth, Rgb of);
void figure_sheep(Painting *p, double x, double foot, double h, double depth);

void thing_sailboat(Painting *p, double x, double y, double h, double depth);
void thing_ship(Painting *p, double x, double y, double h, double depth);
void thing_train(Painting *p, double x, double y, double h, double depth);
void thing_car(Painting *p, double x, double foot, double h, double depth);
void thing_bicycle(Painting *p, double x, double foot, double h, double depth);
void thing_balloon(Painting *p, double x, double y, double r, double depth);
void thing_plane(Painting *p, double x, double y, double size);
void thing_lamppost(Painting *p, double x, double foot, double h, double depth);
void thing_bench(Painting *p, double x, double foot, double h, double depth);
void thing_bonfire(Painting *p, double x, double foot, double h);
void thing_fence(Painting *p, double x0, double x1, double foot, double h, double depth);
void thing_fireworks(Painting *p);
void thing_rainbow(Painting *p);
void thing_kite(Painting *p, double x, double y, double foot_x, double foot_y);
void thing_snowman(Painting *p, double x, double foot, double h);

void room_paint(Painting *p);
/* What lies on a table, from x0 to x1 at y. */
void still_paint(Painting *p, double x0, double x1, double y);
void still_guitar(Painting *p, double x, double foot, double h);
void still_candle(Painting *p, double x, double foot, double h);
void still_bouquet(Painting *p, double x, double foot, double h);
void still_book(Painting *p, double x, double foot, double w);

/* The whole view out of doors, over the whole paper; a room shows it in its window. */
void outdoors_paint(Painting *p);

/* -- drawing_finish.c --------------------------------------------------------------------------- */

/* Colours and grain of the style over the pixels of a cairo RGB24 surface. */
void finish_pixels(const Painting *p, uint32_t *pixels, uint32_t *spare);
/* PNG of it into `out` of at least finish_png_max() bytes; rows and packed are of the sizes it names. */
Str finish_png(Arena *arena, const uint32_t *pixels);

#endif
