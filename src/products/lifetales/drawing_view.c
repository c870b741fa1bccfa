/* SPDX-License-Identifier: Apache-2.0
 * Views out of doors: each place is composed from far to near, as a painter would: the sky, what fades at
 * the horizon, the middle with its buildings and water, the ground at our feet with who is there, and
 * something dark in a near corner that makes the rest deep. */
#include <math.h>

#include "products/lifetales/drawing_paint.h"

static bool has(const Painting *p, Thing thing) { return p->scene->has[thing] > 0; }
static double golden(Painting *p) {
    return PAINT_W * (p->light.sun_x > 0.5 ? 0.36 : 0.64) + chance_in(p, -40, 40);
}

static Rgb far_hills(const Painting *p) { return rgb_mix(land_green(p), RGB(0x6f86a8), 0.45); }

/* What stands on a hill or at a shore in the middle distance. */
static void middle_things(Painting *p, double foot, double size) {
    double x = golden(p), step = 210, way = x < PAINT_W / 2.0 ? 1 : -1;
    const struct {
        Thing thing;
        void (*draw)(Painting *p, double x, double foot, double h, double depth);
        double h;
    } built[] = {
        {THING_CASTLE, build_castle, 1.9}, {THING_CHURCH, build_church, 1.7},
        {THING_MILL, build_mill, 1.8},     {THING_TOWER, build_tower, 3.2},
        {THING_TENT, build_tent, 0.75},
    };
    for (int i = 0; i < COUNT(built); i++) {
        if (!has(p, built[i].thing) ||
            (built[i].thing == THING_TOWER && p->scene->place != PLACE_CITY))
            continue;
        built[i].draw(p, x, foot + 4, size * built[i].h, 0.32);
        x += way * step;
    }
    if (has(p, THING_HOUSE)) {
        tree_any(p, x - size * 0.9, foot + 4, size * 1.15, 0.34);
        house_paint(p, x, foot + 6, size * 1.15, size * 0.72, 0.28);
        tree_any(p, x + size * 0.85, foot + 8, size * 0.85, 0.3);
    }
}

static void animals(Painting *p, double foot, double size) {
    static const Rgb coats[] = {{0.5, 0.32, 0.2}, {0.28, 0.2, 0.17}, {0.85, 0.8, 0.74}};
    double x = PAINT_W * (p->light.sun_x > 0.5 ? 0.72 : 0.26);
    if (has(p, THING_HORSE))
        figure_horse(p, x + (has(p, THING_COW) ? 230 : 0) * (x > PAINT_W / 2.0 ? -1 : 1), foot,
                     size * 1.5, x > PAINT_W / 2.0 ? -1 : 1, 0.1,
                     coats[p->scene->look % COUNT(coats)]);
    if (has(p, THING_COW))
        for (int i = 0; i < 3; i++)
            figure_cow(p, x - 220 + 190 * i, foot - 46 + 22 * (i % 2), size * 0.85, i % 2 ? 1 : -1,
                       0.2, i % 2 ? RGB(0xf0e8dc) : RGB(0x8a5638));
    if (has(p, THING_SHEEP))
        for (int i = 0; i < 9; i++)
            figure_sheep(p, PAINT_W * 0.15 + 105 * i + chance_in(p, -40, 40),
                         foot - 70 + chance_in(p, -30, 60), size * 0.42, 0.22);
}

static void people(Painting *p, double foot, double h) {
    double x = golden(p);
    if (p->scene->place == PLACE_RIVER) x = x < PAINT_W / 2.0 ? 180 : PAINT_W - 180; /* on a bank */
    bool anybody =
        has(p, THING_WOMAN) || has(p, THING_MAN) || has(p, THING_CHILD) || has(p, THING_CROWD);
    if (has(p, THING_BENCH) || (anybody && p->scene->place == PLACE_GARDEN)) {
        double bx = x + (x < PAINT_W / 2.0 ? 240 : -240);
        thing_bench(p, bx, foot, h * 0.42, 0.08);
    }
    if (anybody) figure_group(p, x, foot, h, 0.05);
    if (!anybody && (has(p, THING_UMBRELLA) || (has(p, THING_KITE))))
        figure_person(p, x, foot, h * 0.9, 0.05, has(p, THING_KITE) ? 2 : 1);
    if (has(p, THING_DOG))
        figure_dog(p, x + (x < PAINT_W / 2.0 ? 1 : -1) * h * 0.62 + (anybody ? h * 0.2 : 0),
                   foot + h * 0.04, h * (anybody ? 0.34 : 0.55), x < PAINT_W / 2.0 ? -1 : 1, 0.03);
    if (has(p, THING_CAT))
        figure_cat(p, x - h * 0.7, foot + h * 0.05, h * (anybody ? 0.26 : 0.5), 0.03);
    if (has(p, THING_BICYCLE))
        thing_bicycle(p, x + (x < PAINT_W / 2.0 ? 1 : -1) * h * 0.95, foot + h * 0.03, h * 0.62,
                      0.03);
    if (has(p, THING_KITE))
        thing_kite(p, x + (x < PAINT_W / 2.0 ? 300 : -300), PAINT_H * 0.2, x + h * 0.1,
                   foot - h * 0.5);
    if (has(p, THING_SNOWMAN))
        thing_snowman(p, x + (x < PAINT_W / 2.0 ? 1 : -1) * 270, foot + 24, h * 1.05);
    if (has(p, THING_BONFIRE))
        thing_bonfire(p, x + (x < PAINT_W / 2.0 ? 1 : -1) * h * 0.9, foot + 14, h * 0.45);
    if (has(p, THING_BALL)) {
        path_oval(p, x + h * 0.5, foot - h * 0.06, h * 0.075, h * 0.075);
        paint_fill(p, p->hand.accent, 0);
    }
    if (has(p, THING_SUITCASE)) {
        path_round_box(p, x - h * 0.62, foot - h * 0.26, h * 0.3, h * 0.26, h * 0.03);
        paint_fill(p, RGB(0x9a5f3a), 0);
    }
}

static void air_things(Painting *p) {
    if (has(p, THING_BALLOON)) {
        thing_balloon(p, PAINT_W * (p->light.sun_x > 0.5 ? 0.3 : 0.68), PAINT_H * 0.2, 84, 0.12);
        thing_balloon(p, PAINT_W * (p->light.sun_x > 0.5 ? 0.55 : 0.42), PAINT_H * 0.3, 34, 0.5);
    }
    if (has(p, THING_PLANE)) thing_plane(p, PAINT_W * 0.6, PAINT_H * 0.15, 44);
    if (has(p, THING_FIREWORKS)) thing_fireworks(p);
    if (has(p, THING_BIRD))
        sky_birds(p, PAINT_H * 0.12, PAINT_H * 0.32, 15);
    else if (p->scene->hour != HOUR_NIGHT && p->scene->weather != WEATHER_STORM && chance(p) < 0.7)
        sky_birds(p, PAINT_H * 0.14, PAINT_H * 0.34, 5);
}

static void near_corner(Painting *p, double foot) {
    double x = p->light.sun_x > 0.5 ? PAINT_W * 0.07 : PAINT_W * 0.93;
    if (p->scene->place != PLACE_COAST && chance(p) < 0.75)
        tree_any(p, x, foot, chance_in(p, 470, 620), 0.02);
}

static void hills(Painting *p) {
    double y = p->horizon;
    Rgb green = land_green(p),
        field = rgb_mix(green, p->scene->season == SEASON_WINTER ? green : p->hand.field,
                        has(p, THING_WHEAT) ? 0.95 : 0.5);
    if (chance(p) < 0.5) land_mountains(p, y, 170, 0.86);
    land_ridge(p, y + 6, 110, 420, 4, far_hills(p), 0.78);
    land_ridge(p, y + 50, 110, 520, 3, far_hills(p), 0.56);
    tree_row(p, 0, PAINT_W, y + 46, 24, 0.56, 46);
    land_ridge(p, y + 120, 130, 640, 2, field, 0.36);
    land_fields(p, y + 106, y + 300, 0.3);
    tree_row(p, PAINT_W * 0.05, PAINT_W * 0.95, y + 92, 40, 0.4, 120);
    if (has(p, THING_TRAIN)) {
        build_bridge(p, -40, PAINT_W + 40, y + 130, 84, 0.34);
        thing_train(p, PAINT_W * 0.68, y + 38, 44, 0.3);
    } else if (!has(p, THING_HOUSE) && chance(p) < 0.6) {
        town_hill(p, golden(p) - 150, golden(p) + 150, y + 96, 60, 0.42);
    }
    middle_things(p, y + 96, 92);
    land_ridge(p, y + 205, 120, 760, 2, green, 0.2);
    tree_row(p, -20, PAINT_W * 0.3, y + 190, 84, 0.24, 74);
    animals(p, y + 250, 74);
    land_ground(p, y + 262, 34, rgb_mix(green, field, has(p, THING_WHEAT) ? 0.9 : 0.15), 0.1, 0);
    if (has(p, THING_ROAD) || has(p, THING_CAR) || has(p, THING_BICYCLE) || chance(p) < 0.55)
        land_road(p, golden(p) + 60, y + 236, PAINT_W * 0.45, 150,
                  p->scene->season == SEASON_WINTER ? RGB(0xdfe4ee) : RGB(0xd9c29a));
    if (has(p, THING_CAR)) thing_car(p, PAINT_W * 0.47, PAINT_H - 92, 82, 0.02);
    if (has(p, THING_FENCE)) thing_fence(p, -20, PAINT_W + 20, y + 300, 66, 0.06);
    land_grass(p, y + 270, PAINT_H + 10, 260, has(p, THING_WHEAT) ? 86 : 40,
               has(p, THING_WHEAT) ? p->hand.field : green);
    if (p->scene->season != SEASON_WINTER && p->scene->season != SEASON_AUTUMN)
        land_flowers(p, 0, PAINT_W, y + 290, PAINT_H - 10, has(p, THING_FLOWERS) ? 120 : 26, 12);
    near_corner(p, PAINT_H - 30);
}

/* Grass above, a cliff below, running out into the sea on the shaded side. */
static void headland(Painting *p, double cape, double side, double y, Rgb green) {
    uint64_t seed = chance_mix(p->scene->seed, 67);
    for (int pass = 0; pass < 3; pass++) {
        cairo_move_to(p->cr, cape + side * 30, y + 8);
        for (int i = 0; i <= 48; i++) {
            double t = i / 48.0, n = noise_at(seed, t * 5, 3, 0.5),
                   fine = noise_at(seed + 1, t * 26, 3, 0.6);
            double h = 128 * (1 - pow(t, 2.6)) * (1 + 0.16 * n) + 5 * fine;
            if (pass == 1) h = h * 0.52 + 9 * fine;
            if (pass == 2) h = h * 0.2 + 7 * fine;
            cairo_line_to(p->cr, cape - side * (470 * t), y + 6 - fmax(0, h));
        }
        cairo_line_to(p->cr, cape - side * 470, y + 8);
        cairo_close_path(p->cr);
        if (pass == 0)
            paint_fill(p, green, 0.42);
        else
            paint_fill_lit(p, rgb_scale(p->hand.rock, pass == 1 ? 1.05 : 0.85),
                           pass == 1 ? 0.6 : 0.1, 0.42);
    }
}

static void coast(Painting *p) {
    double y = p->horizon, side = p->light.sun_x > 0.5 ? -1 : 1, cape = side < 0 ? 0 : PAINT_W;
    Rgb green = land_green(p);
    if (chance(p) < 0.6) land_ridge(p, y + 2, 56, 300, 4, far_hills(p), 0.82);
    headland(p, cape, side, y, green);
    if (has(p, THING_LIGHTHOUSE))
        build_lighthouse(p, cape - side * 270, y - 96, 210, 0.3);
    else if (has(p, THING_CASTLE))
        build_castle(p, cape - side * 170, y - 110, 120, 0.36);
    else
        town_hill(p, fmin(cape - side * 20, cape - side * 240),
                  fmax(cape - side * 20, cape - side * 240), y - 58, 60, 0.42);
    water_paint(p, y, PAINT_H * 0.86, 0.5);
    if (has(p, THING_SHIP)) thing_ship(p, PAINT_W * (side < 0 ? 0.7 : 0.32), y + 34, 84, 0.42);
    thing_sailboat(p, PAINT_W * (0.5 + side * -0.06), y + 22, 58, 0.5);
    if (has(p, THING_BOAT) || chance(p) < 0.5)
        thing_sailboat(p, PAINT_W * (side < 0 ? 0.78 : 0.24), y + 92,
                       has(p, THING_BOAT) ? 210 : 130, 0.22);
    cairo_move_to(p->cr, -20, PAINT_H + 20); /* the beach, its wet edge and the foam */
    double shore = PAINT_H * 0.8;
    for (int pass = 0; pass < 3; pass++) {
        double up = pass == 0 ? 16 : pass == 1 ? 8 : 0;
        cairo_move_to(p->cr, -20, PAINT_H + 20);
        for (double x = -20; x <= PAINT_W + 20; x += 10)
            cairo_line_to(p->cr, x,
                          shore - up + side * (x - PAINT_W / 2.0) * 0.09 +
                              16 * noise_at(p->scene->seed + 8, x / 170, 3, 0.5));
        cairo_line_to(p->cr, PAINT_W + 20, PAINT_H + 20);
        cairo_close_path(p->cr);
        Rgb sand = p->scene->season == SEASON_WINTER && p->scene->weather == WEATHER_SNOW
                       ? RGB(0xf0f3f8)
                       : RGB(0xe9d3a4);
        if (pass == 0)
            paint_plain(p, rgb_mix(p->light.low, RGB(0xffffff), 0.6 * p->light.bright), 0.75);
        else if (pass == 1)
            paint_plain(p, paint_shade(p, rgb_scale(sand, 0.72), 0.5, 0.05), 1);
        else
            paint_fill(p, sand, 0.03);
    }
    for (int i = 0; i < 60; i++) {
        path_oval(p, chance_in(p, 0, PAINT_W), PAINT_H * chance_in(p, 0.88, 1), chance_in(p, 2, 5),
                  1.6);
        paint_plain(p, paint_shade(p, RGB(0xb79c72), 0.4, 0), 0.6);
    }
    if (has(p, THING_PALM))
        tree_palm(p, side < 0 ? 120 : PAINT_W - 120, PAINT_H - 60, 560, 0.02);
    else
        land_grass(p, PAINT_H * 0.95, PAINT_H + 30, 90, 90,
                   p->scene->season == SEASON_WINTER ? RGB(0xb8ab86)
                                                     : rgb_mix(green, p->hand.field, 0.4));
}

static void lake(Painting *p) {
    double y = p->horizon;
    land_mountains(p, y, 330, 0.74);
    land_ridge(p, y + 6, 110, 300, 4, far_hills(p), 0.56);
    land_ridge(p, y + 8, 44, 420, 3, land_green(p), 0.38);
    for (double x = -10; x < PAINT_W; x += chance_in(p, 16, 46))
        tree_pine(p, x, y + 4, chance_in(p, 26, 62), 0.38);
    if (has(p, THING_HOUSE) || p->light.lamps)
        house_paint(p, golden(p), y + 6, 84, 46, 0.3);
    else
        middle_things(p, y - 2, 74);
    water_paint(p, y + 2, PAINT_H * 0.9, 0.78);
    if (has(p, THING_BOAT) || chance(p) < 0.4) thing_sailboat(p, golden(p), y + 120, 150, 0.22);
    double side = p->light.sun_x > 0.5 ? 0 : PAINT_W, way = side == 0 ? 1 : -1;
    cairo_move_to(p->cr, side, PAINT_H * 0.76);
    cairo_curve_to(p->cr, side + way * 300, PAINT_H * 0.8, side + way * 520, PAINT_H * 0.9,
                   side + way * PAINT_W * 1.1, PAINT_H * 0.92);
    cairo_line_to(p->cr, side + way * PAINT_W * 1.1, PAINT_H + 20);
    cairo_line_to(p->cr, side, PAINT_H + 20);
    cairo_close_path(p->cr);
    paint_fill(p, rgb_mix(land_green(p), p->hand.earth, 0.25), 0.06);
    for (int i = 0; i < 5; i++)
        tree_pine(p, side + way * (20 + 74 * i), PAINT_H * (0.8 + 0.026 * i),
                  chance_in(p, 210, 400) - 34 * i, 0.1);
    land_grass(p, PAINT_H * 0.9, PAINT_H + 10, 120, 40, land_green(p));
}

static void river(Painting *p) {
    double y = p->horizon;
    land_ridge(p, y + 4, 140, 460, 4, far_hills(p), 0.76);
    land_ridge(p, y + 20, 70, 520, 3, land_green(p), 0.52);
    town_hill(p, golden(p) - 190, golden(p) + 190, y + 26, 80, 0.44);
    middle_things(p, y + 20, 84);
    tree_row(p, -10, PAINT_W * 0.35, y + 34, 74, 0.38, 60);
    tree_row(p, PAINT_W * 0.68, PAINT_W + 20, y + 34, 84, 0.36, 60);
    if (has(p, THING_BRIDGE) || chance(p) < 0.7) {
        build_bridge(p, PAINT_W * 0.16, PAINT_W * 0.86, y + 50, 78, 0.3);
        if (has(p, THING_TRAIN)) thing_train(p, PAINT_W * 0.62, y - 42, 40, 0.28);
    }
    water_paint(p, y + 46, PAINT_H + 40, 0.62);
    if (has(p, THING_BOAT) || chance(p) < 0.5)
        thing_sailboat(p, PAINT_W * 0.56, y + 190, 170, 0.16);
    for (int side = 0; side < 2; side++) { /* the banks */
        double x = side ? PAINT_W + 10 : -10, way = side ? -1 : 1, reach = side ? 330 : 420;
        cairo_move_to(p->cr, x, y + 36);
        cairo_curve_to(p->cr, x + way * 250, y + 40, x + way * 160, y + 170, x + way * reach * 0.9,
                       PAINT_H * 0.86);
        cairo_curve_to(p->cr, x + way * reach, PAINT_H * 0.93, x + way * reach * 1.2, PAINT_H,
                       x + way * reach * 1.3, PAINT_H + 20);
        cairo_line_to(p->cr, x, PAINT_H + 20);
        cairo_close_path(p->cr);
        paint_fill(p, land_green(p), 0.12);
        for (int i = 0; i < 4; i++)
            tree_any(p, x + way * (30 + 50 * i), y + 70 + 62 * i, 150 + 58 * i, 0.22 - 0.05 * i);
    }
    land_flowers(p, 0, 420, PAINT_H * 0.86, PAINT_H - 6, p->scene->season == SEASON_WINTER ? 0 : 26,
                 12);
}

static void mountains(Painting *p) {
    double y = p->horizon;
    Rgb green = land_green(p);
    land_mountains(p, y - 30, 300, 0.84);
    land_mountains(p, y + 30, 370, 0.56);
    land_ridge(p, y + 60, 120, 300, 5, rgb_mix(green, p->hand.leaf, 0.6), 0.4);
    for (double x = -10; x < PAINT_W; x += chance_in(p, 13, 40))
        tree_pine(p, x, y + 62 + chance_in(p, -30, 16), chance_in(p, 24, 58), 0.4);
    land_ridge(p, y + 150, 120, 600, 3, green, 0.22);
    if (!has(p, THING_TENT) && !has(p, THING_CASTLE))
        house_paint(p, golden(p), y + 134, 150, 88, 0.2);
    middle_things(p, y + 140, 84);
    for (int i = 0; i < 8; i++)
        tree_pine(p, p->light.sun_x > 0.5 ? 30 + 60 * i : PAINT_W - 30 - 60 * i,
                  y + 170 + chance_in(p, -16, 20), chance_in(p, 90, 165), 0.2);
    animals(p, y + 220, 66);
    land_ground(p, y + 214, 30, green, 0.08, 0);
    if (has(p, THING_ROAD) || chance(p) < 0.6)
        land_road(p, golden(p), y + 200, PAINT_W * 0.52, 120,
                  p->scene->season == SEASON_WINTER ? RGB(0xd9dfea) : RGB(0xcdb894));
    if (has(p, THING_CAR)) thing_car(p, PAINT_W * 0.5, PAINT_H - 70, 74, 0.02);
    land_grass(p, y + 230, PAINT_H + 8, 170, 32, green);
    if (p->scene->season != SEASON_WINTER && p->scene->weather != WEATHER_SNOW)
        land_flowers(p, 0, PAINT_W, y + 240, PAINT_H - 6, 36, 11);
    double x = p->light.sun_x > 0.5 ? 60 : PAINT_W - 60;
    tree_pine(p, x, PAINT_H - 10, 620, 0.03);
    tree_pine(p, x + (x < 600 ? 120 : -120), PAINT_H + 20, 420, 0.03);
}

/* The wood behind the wood, up to where light comes through. */
static void forest_back(Painting *p, Rgb leaf) {
    double lx = p->light.sun_x * PAINT_W;
    for (int i = 0; i < 130; i++) {
        double x = chance_in(p, -40, PAINT_W + 40), y = p->horizon * chance_in(p, -0.05, 1.05),
               r = chance_in(p, 40, 120);
        double clear = exp(-((x - lx) * (x - lx) / 60000 + (y - 150) * (y - 150) / 50000));
        path_oval(p, x, y, r, r * 0.8);
        paint_plain(p, paint_shade(p, leaf, chance_in(p, 0.3, 1), 0.72), 0.62 * (1 - clear));
    }
}

/* Leaves overhead, down to y. */
static void canopy(Painting *p, Rgb leaf, double depth, double y) {
    for (int i = 0; i < 190; i++) {
        double x = chance_in(p, -20, PAINT_W + 20), open = fabs(x - p->light.sun_x * PAINT_W) / 600;
        double ly = chance_in(p, -30, y) * fmin(1, 0.35 + open), r = chance_in(p, 9, 24);
        path_oval(p, x, ly, r, r * 0.62);
        paint_plain(p,
                    paint_shade(p, rgb_mix(leaf, p->hand.leaf2, 0.4 * chance(p)),
                                chance_in(p, 0.15, 1), depth),
                    0.9);
    }
}

static void forest(Painting *p) {
    double y = p->horizon;
    Rgb green = land_green(p);
    bool cold = p->scene->weather == WEATHER_SNOW || p->scene->season == SEASON_WINTER;
    bool pines = has(p, THING_PINE) || (p->hand.crown == 1 && p->scene->season != SEASON_AUTUMN);
    Rgb leaf = p->scene->season == SEASON_AUTUMN ? RGB(0xc9822f) : p->hand.leaf;
    forest_back(p, cold || pines ? p->hand.leaf : leaf);
    paint_glow(p, p->light.sun_x * PAINT_W, y - 120, 600, p->light.low, 0.5);
    for (int layer = 0; layer < 5;
         layer++) { /* trunks, from what is lost in the light to what is dark */
        double depth = 0.84 - 0.19 * layer, foot = y + 10 + 52 * layer, gap = 34 + 34 * layer;
        path_box(p, -10, foot - 8, PAINT_W + 20, PAINT_H);
        paint_plain(p, paint_shade(p, green, 0.6, depth), 1);
        for (double x = -40; x < PAINT_W + 60; x += gap * chance_in(p, 0.6, 1.7)) {
            if (fabs(x - p->light.sun_x * PAINT_W) < 30 + 26 * layer) continue;
            if (pines) {
                tree_pine(p, x, foot + chance_in(p, -10, 14), chance_in(p, 170, 270) + 75 * layer,
                          depth);
            } else if (layer < 3 || cold) {
                double w = 4 + 5 * layer;
                path_box(p, x - w / 2, -20, w, foot + 20 + chance_in(p, -8, 14));
                paint_fill(p, RGB(0x66503f), depth);
            } else {
                tree_any(p, x, foot + chance_in(p, -8, 20), chance_in(p, 260, 380) + 50 * layer,
                         depth);
            }
        }
        if (!cold && !pines && layer >= 1) canopy(p, leaf, depth, 170 - 22 * layer);
    }
    if (!cold && p->scene->weather != WEATHER_RAIN && p->scene->hour != HOUR_NIGHT)
        for (int i = 0; i < 6; i++) { /* shafts of light */
            double x = p->light.sun_x * PAINT_W + 90 * (i - 2.5), w = chance_in(p, 16, 46),
                   slant = (p->light.sun_x > 0.5 ? -1 : 1) * 330.0;
            const double shaft[] = {x,       -10,           x + w,  -10, x + w * 2 + slant,
                                    PAINT_H, x - w + slant, PAINT_H};
            path_poly(p, shaft, 4);
            paint_down(p, 0, PAINT_H * 0.9, p->light.low, 0.2, p->light.low, 0);
        }
    land_ground(p, y + 236, 24, cold ? green : rgb_mix(green, p->hand.earth, 0.3), 0.12, 0);
    land_road(p, p->light.sun_x * PAINT_W, y + 40, PAINT_W * 0.5, 170,
              cold ? RGB(0xe3e8f2) : RGB(0xc9ab7c));
    if (has(p, THING_HOUSE)) house_paint(p, golden(p), y + 150, 150, 96, 0.25);
    if (has(p, THING_TENT)) build_tent(p, golden(p), y + 230, 90, 0.1);
    animals(p, y + 262, 80);
    land_grass(p, y + 250, PAINT_H + 10, 200, 44, green);
    if (p->scene->season == SEASON_AUTUMN)
        for (int i = 0; i < 170; i++) {
            path_oval(p, chance_in(p, 0, PAINT_W), PAINT_H * chance_in(p, 0.8, 1),
                      chance_in(p, 4, 9), 3);
            paint_plain(p, paint_shade(p, i % 3 ? RGB(0xd07a2a) : RGB(0xa83f22), chance(p), 0),
                        0.95);
        }
}

static void town(Painting *p) {
    double y = p->horizon;
    bool far =
        !has(p, THING_MARKET) && !has(p, THING_LAMPPOST) && chance_mix(p->scene->seed, 66) % 3 == 0;
    if (far) { /* the village from the fields */
        Rgb green = land_green(p);
        land_ridge(p, y, 150, 460, 4, far_hills(p), 0.78);
        land_ridge(p, y + 40, 90, 520, 3, far_hills(p), 0.56);
        town_hill(p, PAINT_W * 0.16, PAINT_W * 0.86, y + 110, 170, 0.3);
        tree_row(p, -20, PAINT_W + 20, y + 124, 56, 0.28, 90);
        land_ground(p, y + 132, 26, green, 0.22, 0);
        land_road(p, PAINT_W * 0.5, y + 118, PAINT_W * 0.42, 140,
                  p->scene->season == SEASON_WINTER ? RGB(0xdfe4ee) : RGB(0xd9c29a));
        if (has(p, THING_CAR)) thing_car(p, PAINT_W * 0.46, PAINT_H - 110, 76, 0.02);
        land_grass(p, y + 190, PAINT_H + 10, 220, 44, green);
        near_corner(p, PAINT_H - 20);
        return;
    }
    land_ridge(p, y + 10, 130, 400, 4, far_hills(p), 0.74);
    town_street(p);
    if (has(p, THING_MARKET)) {
        build_stall(p, PAINT_W * 0.27, PAINT_H * 0.78, 150, 0.12);
        build_stall(p, PAINT_W * 0.75, PAINT_H * 0.8, 165, 0.1);
        build_stall(p, PAINT_W * 0.36, PAINT_H * 0.69, 92, 0.28);
        figure_person(p, PAINT_W * 0.6, PAINT_H * 0.76, 118, 0.2, 1);
        figure_person(p, PAINT_W * 0.645, PAINT_H * 0.765, 124, 0.2, 0);
    }
    thing_lamppost(p, PAINT_W * 0.34, PAINT_H * 0.76, 250, 0.15);
    thing_lamppost(p, PAINT_W * 0.63, PAINT_H * 0.68, 150, 0.32);
    if (has(p, THING_CAR)) thing_car(p, PAINT_W * 0.62, PAINT_H - 120, 74, 0.05);
}

static void city(Painting *p) {
    double y = p->horizon;
    town_blocks(p, y, 210, 0.8);
    if (has(p, THING_TOWER))
        build_tower(p, golden(p), y + 4, 420, 0.4);
    else
        town_blocks(p, y, 300, 0.62);
    town_blocks(p, y + 6, has(p, THING_TOWER) ? 96 : 170, 0.42);
    if (has(p, THING_CHURCH)) build_church(p, PAINT_W * 0.2, y, 190, 0.4);
    tree_row(p, -10, PAINT_W + 10, y + 10, 40, 0.36, 52);
    path_box(p, -10, y + 8, PAINT_W + 20, 26);
    paint_fill(p, rgb_mix(p->hand.wall2, p->hand.rock, 0.4), 0.3);
    build_bridge(p, -60, PAINT_W + 60, y + 58, 58, 0.24);
    water_paint(p, y + 56, PAINT_H * 0.92, 0.72);
    if (has(p, THING_BOAT) || chance(p) < 0.5) thing_sailboat(p, PAINT_W * 0.6, y + 150, 110, 0.15);
    land_ground(p, PAINT_H * 0.885, 0,
                p->scene->weather == WEATHER_SNOW ? RGB(0xe9eef6) : RGB(0xb5aa9b), 0.05, 0);
    path_box(p, -10, PAINT_H * 0.845, PAINT_W + 20, 24);
    paint_fill(p, RGB(0xc9bdaa), 0.04);
    thing_lamppost(p, PAINT_W * 0.13, PAINT_H * 0.94, 330, 0.03);
    thing_lamppost(p, PAINT_W * 0.87, PAINT_H * 0.94, 330, 0.03);
    if (has(p, THING_CAR)) thing_car(p, PAINT_W * 0.66, PAINT_H - 22, 70, 0.02);
}

static void garden(Painting *p) {
    double y = p->horizon, hx = golden(p);
    Rgb green = land_green(p);
    bool cold = p->scene->season == SEASON_WINTER || p->scene->weather == WEATHER_SNOW;
    land_ridge(p, y + 10, 120, 460, 4, far_hills(p), 0.72);
    tree_row(p, -20, PAINT_W + 20, y + 62, 130, 0.46, 62);
    house_paint(p, hx, y + 112, 290, 170, 0.24);
    for (double x = -20; x < PAINT_W + 20; x += 44) { /* the hedge */
        if (fabs(x - hx) < 140) continue;
        path_oval(p, x, y + 92, 38, 30 + 6 * chance(p));
        paint_fill(p, cold ? RGB(0xe9eef4) : rgb_scale(p->hand.leaf, 0.85), 0.28);
    }
    land_ground(p, y + 106, 12, green, 0.22, 0);
    land_road(p, hx - 40, y + 108, PAINT_W * 0.5, 110, cold ? RGB(0xdfe4ee) : RGB(0xdcc8a4));
    for (int bed = 0; bed < 2 && !cold; bed++) {
        double x0 = bed ? PAINT_W * 0.66 : 20, x1 = bed ? PAINT_W - 20 : PAINT_W * 0.34;
        for (int i = 0; i < 26; i++) {
            path_oval(p, chance_in(p, x0, x1), y + 190 + 8 * i, 30 + i, 15 + i * 0.4);
            paint_plain(p, paint_shade(p, p->hand.leaf, chance_in(p, 0.2, 0.7), 0.18 - 0.006 * i),
                        1);
        }
        land_flowers(p, x0, x1, y + 190, y + 380, has(p, THING_FLOWERS) ? 90 : 50, 14);
    }
    tree_any(p, p->light.sun_x > 0.5 ? PAINT_W * 0.16 : PAINT_W * 0.84, y + 200, 400, 0.12);
    if (has(p, THING_FENCE)) thing_fence(p, -20, PAINT_W + 20, y + 150, 54, 0.2);
    animals(p, y + 260, 66);
    land_grass(p, y + 200, PAINT_H + 8, 150, 30, green);
    if (!cold) land_flowers(p, 0, PAINT_W, PAINT_H * 0.93, PAINT_H + 40, 34, 22);
}

static void desert(Painting *p) {
    double y = p->horizon;
    Rgb sand = RGB(0xe2b877);
    land_ridge(p, y + 10, 130, 280, 2, rgb_mix(sand, p->hand.rock, 0.4), 0.8);
    for (int i = 0; i < 4; i++) {
        double base = y + 40 + 76 * i;
        land_ridge(p, base, 90 + 20 * i, 380 + 130 * i, 1, i % 2 ? rgb_scale(sand, 0.94) : sand,
                   0.6 - 0.16 * i);
        if (i == 1)
            for (int k = 0; k < 5; k++)
                tree_palm(p, golden(p) + 40 * k, base - 18, chance_in(p, 90, 150), 0.42);
    }
    animals(p, y + 250, 84);
    land_ground(p, y + 290, 30, sand, 0.06, 0);
    for (int i = 0; i < 26; i++) { /* ripples that the wind has made */
        double ry = y + 310 + i * i * 0.2 + 4 * i;
        cairo_move_to(p->cr, chance_in(p, -50, 700), ry);
        cairo_rel_curve_to(p->cr, 140, -10, 260, 10, chance_in(p, 300, 500), 0);
    }
    cairo_set_line_width(p->cr, 1.6);
    paint_rgb(p, paint_shade(p, rgb_scale(sand, 0.75), 0.3, 0), 0.5);
    cairo_stroke(p->cr);
}

void outdoors_paint(Painting *p) {
    static void (*const places[PLACES])(Painting * p) = {
        [PLACE_HILLS] = hills,   [PLACE_COAST] = coast,         [PLACE_LAKE] = lake,
        [PLACE_RIVER] = river,   [PLACE_MOUNTAINS] = mountains, [PLACE_FOREST] = forest,
        [PLACE_TOWN] = town,     [PLACE_CITY] = city,           [PLACE_GARDEN] = garden,
        [PLACE_DESERT] = desert,
    };
    Place place = p->scene->place;
    assert(place != PLACE_ROOM && places[place]);
    sky_paint(p);
    if (place != PLACE_FOREST) air_things(p);
    places[place](p);
    static const double feet[PLACES] = {
        [PLACE_HILLS] = 0.9,      [PLACE_COAST] = 0.93, [PLACE_LAKE] = 0.95, [PLACE_RIVER] = 0.96,
        [PLACE_MOUNTAINS] = 0.94, [PLACE_FOREST] = 0.9, [PLACE_TOWN] = 0.9,  [PLACE_CITY] = 0.965,
        [PLACE_GARDEN] = 0.87,    [PLACE_DESERT] = 0.9,
    };
    people(p, PAINT_H * feet[place],
           PAINT_H * (place == PLACE_TOWN || place == PLACE_GARDEN ? 0.27 : 0.23));
    if (place == PLACE_COAST || place == PLACE_RIVER) {
        if (p->light.sun_x > 0.5 ? chance(p) < 0.3 : chance(p) < 0.3) tree_branch(p);
    }
    weather_paint(p);
}
