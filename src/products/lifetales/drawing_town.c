/* SPDX-License-Identifier: Apache-2.0
 * What people have built, in a drawing: houses alone, on a hill, along a street, blocks of a city;
 * churches, castles, lighthouses, mills, towers, bridges, tents, stalls. Windows are lit when it is dark. */
#include <math.h>

#include "products/lifetales/drawing_paint.h"

static bool white_roofs(const Painting *p) {
    return p->scene->weather == WEATHER_SNOW ||
           (p->scene->season == SEASON_WINTER && p->scene->weather != WEATHER_RAIN);
}

static Rgb wall_of(Painting *p) {
    static const Rgb others[] = {
        {0.95, 0.86, 0.68}, {0.86, 0.71, 0.6}, {0.8, 0.84, 0.84}, {0.95, 0.93, 0.88}};
    double at = chance(p);
    return at < 0.55 ? rgb_mix(p->hand.wall, p->hand.wall2, at / 0.55)
                     : others[chance_of(p, COUNT(others))];
}

static Rgb roof_of(Painting *p) { return rgb_mix(p->hand.roof, p->hand.roof2, chance(p)); }

static void pane(Painting *p, double x, double y, double w, double h, double depth) {
    bool lit = p->light.lamps && chance(p) < 0.62;
    path_box(p, x, y, w, h);
    if (lit) {
        Rgb lamp = rgb_mix(RGB(0xffd27a), RGB(0xffb45a), chance(p));
        paint_plain(p, rgb_mix(lamp, p->light.haze, depth * 0.35), 1);
        if (depth < 0.75)
            paint_glow(p, x + w / 2, y + h / 2, w * 3.2 + 5, RGB(0xffa640), 0.34 * (1 - depth));
    } else {
        paint_plain(p, paint_shade(p, rgb_mix(RGB(0x4d5a70), p->light.mid, 0.25), 0.4, depth), 1);
    }
    if (w < 9) return;
    path_box(p, x + w / 2 - 0.8, y, 1.6, h);
    path_box(p, x, y + h * 0.45, w, 1.6);
    paint_plain(p, paint_shade(p, RGB(0xf4efe4), 0.6, depth), 0.9);
    if (w < 12 || lit) return;
    path_box(p, x - w * 0.42, y - 1, w * 0.38, h + 2); /* shutters */
    path_box(p, x + w * 1.04, y - 1, w * 0.38, h + 2);
    paint_plain(p, paint_shade(p, p->hand.accent2, 0.5, depth), 0.9);
}

static void panes(Painting *p, double x, double y, double w, double h, double size, double depth) {
    int columns = (int)(w / (size * 2.3)), rows = (int)(h / (size * 2.2));
    columns = columns < 1 ? 1 : columns > 9 ? 9 : columns;
    rows = rows < 1 ? 1 : rows > 16 ? 16 : rows;
    for (int r = 0; r < rows; r++)
        for (int k = 0; k < columns; k++)
            pane(p, x + w * (k + 0.5) / columns - size / 2, y + h * (r + 0.5) / rows - size * 0.62,
                 size, size * 1.25, depth);
}

static void smoke(Painting *p, double x, double y, double s) {
    for (int i = 0; i < 6; i++)
        paint_spot(p, x + i * s * 0.5 + s * 0.3 * sin(i), y - i * s * 1.25, s * (0.7 + 0.3 * i),
                   rgb_mix(p->light.low, RGB(0xffffff), 0.3), 0.4 - 0.04 * i);
}

void house_paint(Painting *p, double x, double foot, double w, double h, double depth) {
    double rise = w * chance_in(p, 0.36, 0.5), top = foot - h, over = w * 0.07;
    Rgb wall = wall_of(p), roof = roof_of(p);
    bool front = chance(p) < 0.45; /* the gable looks at us */
    path_box(p, x - w / 2, top, w, h);
    const double gable[] = {x - w / 2, top, x, top - rise, x + w / 2, top};
    if (front) path_poly(p, gable, 3);
    paint_fill(p, wall, depth);
    double chimney = x + (chance(p) < 0.5 ? -1 : 1) * w * 0.24;
    path_box(p, chimney - w * 0.05, top - rise * 1.05, w * 0.1, rise * 0.9);
    paint_fill_lit(p, rgb_mix(roof, RGB(0x8a5a48), 0.5), 0.4, depth);
    if (front) {
        cairo_move_to(p->cr, x - w / 2 - over, top + over * 0.9);
        cairo_line_to(p->cr, x, top - rise - over * 0.2);
        cairo_line_to(p->cr, x + w / 2 + over, top + over * 0.9);
        cairo_line_to(p->cr, x + w / 2 + over, top - over * 0.3);
        cairo_line_to(p->cr, x, top - rise - over * 1.9);
        cairo_line_to(p->cr, x - w / 2 - over, top - over * 0.3);
    } else {
        cairo_move_to(p->cr, x - w / 2 - over, top + 1);
        cairo_line_to(p->cr, x - w / 2 + w * 0.1, top - rise);
        cairo_line_to(p->cr, x + w / 2 - w * 0.1, top - rise);
        cairo_line_to(p->cr, x + w / 2 + over, top + 1);
    }
    cairo_close_path(p->cr);
    paint_fill(p, white_roofs(p) ? RGB(0xf3f6fc) : roof, depth);
    double size = w < 60 ? w * 0.15 : w * 0.115;
    panes(p, x - w / 2, top + h * 0.08, w, h * (h > w ? 0.62 : 0.5), size, depth);
    if (w > 26) {
        path_box(p, x - w * (front ? 0.07 : 0.3), foot - h * 0.3 - 2, w * 0.14, h * 0.3 + 2);
        paint_fill_lit(p, p->hand.accent2, 0.35, depth);
    }
    if (depth < 0.5 && w > 60 &&
        (p->scene->season == SEASON_WINTER || p->scene->season == SEASON_AUTUMN))
        smoke(p, chimney, top - rise * 1.1, w * 0.07);
}

void town_hill(Painting *p, double x0, double x1, double foot, double height, double depth) {
    double middle = x0 + (x1 - x0) * chance_in(p, 0.35, 0.65), size = (x1 - x0) / 13;
    for (int row = 0; row < 4; row++) {
        double up = height * (3 - row) / 3.6, half = (x1 - x0) / 2 * (0.34 + 0.22 * row);
        if (row == 0) build_church(p, middle, foot - up + 8, height * 0.95, depth);
        for (double x = middle - half; x < middle + half; x += size * chance_in(p, 0.7, 1.05)) {
            double away = fabs(x - middle) / half, w = size * chance_in(p, 0.75, 1.1);
            if (row == 0 && away < 0.3) continue;
            house_paint(p, x, foot - up * (1 - 0.6 * away * away) + 6, w,
                        w * chance_in(p, 0.6, 1.15), depth * (1 - 0.08 * row));
            if (chance(p) < 0.16)
                tree_any(p, x + size * 0.5, foot - up * (1 - 0.6 * away * away) + 8, size * 0.9,
                         depth);
        }
    }
}

/* Two rows of houses that close up towards the end of the street. */
static void street_side(Painting *p, double vx, double vy, double side) {
    for (int i = 7; i >= 0; i--) {
        double t0 = pow(0.74, i), t1 = pow(0.74, i + 1), x0 = vx + side * 720 * t0,
               x1 = vx + side * 720 * t1;
        double h = chance_in(p, 560, 760), foot0 = vy + 330 * t0, foot1 = vy + 330 * t1;
        double top0 = foot0 - h * t0, top1 = foot1 - h * t1, depth = 0.09 * i;
        const double wall[] = {x0, foot0, x0, top0, x1, top1, x1, foot1};
        path_poly(p, wall, 4);
        Rgb of = wall_of(p);
        bool lit = (side > 0) == (p->light.sun_x < 0.5);
        paint_fill_lit(p, of, lit ? 0.95 : 0.25, depth);
        const double roof[] = {x0,
                               top0,
                               x1,
                               top1,
                               x1 + side * 6 * t1,
                               top1 - 90 * t1,
                               x0 + side * 20 * t0,
                               top0 - 120 * t0};
        path_poly(p, roof, 4);
        paint_fill_lit(p, white_roofs(p) ? RGB(0xf3f6fc) : roof_of(p), lit ? 0.8 : 0.3, depth);
        int floors = 3 + (int)chance_of(p, 2);
        for (int f = 0; f < floors; f++) {
            for (int k = 0; k < 2; k++) {
                double u = 0.24 + 0.42 * k, a = x0 + (x1 - x0) * u, b = x0 + (x1 - x0) * (u + 0.2);
                double ta = t0 + (t1 - t0) * u, v = (f + 0.38) / (floors + 0.5), wh = 62 * ta;
                double y = vy + 330 * ta - h * ta * (1 - v) + (h * ta) * 0.02;
                pane(p, fmin(a, b), y, fabs(b - a), wh, depth);
            }
        }
        double ta = (t0 + t1) / 2, mid = (x0 + x1) / 2; /* a shop's blind */
        const double blind[] = {x0,
                                foot0 - 150 * t0,
                                x1,
                                foot1 - 150 * t1,
                                x1 - side * 60 * t1,
                                foot1 - 105 * t1,
                                x0 - side * 60 * t0,
                                foot0 - 105 * t0};
        if (chance(p) < 0.5) {
            path_poly(p, blind, 4);
            paint_fill_lit(p, chance(p) < 0.5 ? p->hand.accent : p->hand.accent2, lit ? 0.9 : 0.4,
                           depth);
        } else if (p->light.lamps) {
            paint_glow(p, mid, vy + 330 * ta - 60 * ta, 130 * ta, RGB(0xffb050), 0.4);
        }
    }
}

void town_street(Painting *p) {
    double vx = PAINT_W * chance_in(p, 0.42, 0.58), vy = p->horizon + 20;
    town_hill(p, vx - 240, vx + 240, vy + 20, 90, 0.6);
    bool wet = p->scene->weather == WEATHER_RAIN || p->scene->weather == WEATHER_STORM;
    cairo_move_to(p->cr, vx - 16, vy);
    cairo_line_to(p->cr, vx + 16, vy);
    cairo_line_to(p->cr, PAINT_W * 1.4, PAINT_H + 220);
    cairo_line_to(p->cr, -PAINT_W * 0.4, PAINT_H + 220);
    cairo_close_path(p->cr);
    Rgb stone = white_roofs(p) ? RGB(0xe9eef6) : wet ? RGB(0x7f8591) : RGB(0xb8ab9b);
    paint_rgb(p, paint_shade(p, stone, 0.6, 0.12), 1);
    cairo_fill(p->cr);
    street_side(p, vx, vy, -1);
    street_side(p, vx, vy, 1);
    for (int i = 1; i < 14; i++) { /* stones */
        double t = pow(i / 14.0, 2), y = vy + (PAINT_H - vy) * t * 1.05;
        for (int k = -7; k <= 7; k++) {
            double x = vx + k * 105 * (0.12 + t) + (i % 2) * 50 * t;
            path_oval(p, x, y, 40 * t + 1, 5.5 * t + 0.3);
        }
    }
    paint_plain(p, paint_shade(p, rgb_scale(stone, 0.78), 0.5, 0.1), 0.35);
    if (wet || p->scene->hour == HOUR_NIGHT)
        for (int i = 0; i < 7; i++)
            paint_glow(p, vx + chance_in(p, -330, 330), PAINT_H * chance_in(p, 0.72, 0.98), 110,
                       RGB(0xffb35c), p->light.lamps ? 0.28 : 0.08);
}

void town_blocks(Painting *p, double foot, double height, double depth) {
    for (double x = -30; x < PAINT_W + 30;) {
        double w = chance_in(p, 34, 92),
               h = height * (0.35 + 0.65 * fabs(noise_at(p->scene->seed + 5, x / 170, 2, 0.6)) +
                             0.12 * chance(p));
        Rgb of = rgb_mix(wall_of(p), RGB(0x8b93a6), 0.35 + 0.4 * depth);
        path_box(p, x, foot - h, w + 1, h + 40);
        if (chance(p) < 0.3) path_box(p, x + w * 0.3, foot - h * 1.12, w * 0.4, h * 0.13);
        if (chance(p) < 0.2) path_box(p, x + w * 0.49, foot - h * 1.25, 2.5, h * 0.26);
        paint_fill(p, of, depth);
        if (depth < 0.75) panes(p, x + 3, foot - h + 6, w - 6, h - 8, depth < 0.45 ? 7 : 5, depth);
        x += w + (chance(p) < 0.2 ? chance_in(p, 4, 22) : 0);
    }
}

void build_church(Painting *p, double x, double foot, double h, double depth) {
    double w = h * 0.2;
    path_box(p, x - w * 0.2, foot - h * 0.36, w * 2.3, h * 0.36);
    paint_fill(p, p->hand.wall, depth);
    const double nave[] = {x - w * 0.3, foot - h * 0.35, x + w * 0.3,  foot - h * 0.52,
                           x + w * 1.8, foot - h * 0.52, x + w * 2.25, foot - h * 0.35};
    path_poly(p, nave, 4);
    paint_fill(p, white_roofs(p) ? RGB(0xf3f6fc) : p->hand.roof, depth);
    path_box(p, x - w / 2, foot - h * 0.6, w, h * 0.6);
    paint_fill(p, p->hand.wall, depth);
    const double spire[] = {x - w * 0.6, foot - h * 0.6, x, foot - h, x + w * 0.6, foot - h * 0.6};
    path_poly(p, spire, 3);
    paint_fill(p, p->hand.roof2, depth);
    path_line(p, x, foot - h, x, foot - h * 1.07);
    path_line(p, x - h * 0.018, foot - h * 1.045, x + h * 0.018, foot - h * 1.045);
    cairo_set_line_width(p->cr, fmax(1, h * 0.008));
    paint_rgb(p, paint_shade(p, RGB(0x3c3a40), 0.4, depth), 1);
    cairo_stroke(p->cr);
    pane(p, x - w * 0.12, foot - h * 0.52, w * 0.24, w * 0.5, depth);
    for (int i = 0; i < 3; i++)
        pane(p, x + w * (0.75 + 0.42 * i), foot - h * 0.26, w * 0.17, w * 0.55, depth);
}

void build_castle(Painting *p, double x, double foot, double h, double depth) {
    Rgb stone = rgb_mix(p->hand.rock, p->hand.wall2, 0.45);
    static const double towers[][3] = {
        {-0.62, 0.72, 0.2}, {0.58, 0.66, 0.22}, {-0.2, 1, 0.19}, {0.25, 0.85, 0.16}};
    path_box(p, x - h * 0.6, foot - h * 0.45, h * 1.2, h * 0.45);
    for (int i = 0; i < 12; i++)
        path_box(p, x - h * 0.6 + h * 0.1 * i, foot - h * 0.5, h * 0.055, h * 0.055);
    paint_fill(p, stone, depth);
    for (int i = 0; i < COUNT(towers); i++) {
        double tx = x + towers[i][0] * h, th = towers[i][1] * h, w = towers[i][2] * h;
        path_box(p, tx - w / 2, foot - th * 0.74, w, th * 0.74);
        paint_fill(p, stone, depth);
        const double roof[] = {tx - w * 0.66, foot - th * 0.73, tx,
                               foot - th,     tx + w * 0.66,    foot - th * 0.73};
        path_poly(p, roof, 3);
        paint_fill(p, p->hand.roof2, depth);
        pane(p, tx - w * 0.1, foot - th * 0.6, w * 0.2, w * 0.4, depth);
    }
    cairo_arc(p->cr, x, foot - h * 0.1, h * 0.09, M_PI, 0);
    cairo_line_to(p->cr, x + h * 0.09, foot);
    cairo_line_to(p->cr, x - h * 0.09, foot);
    cairo_close_path(p->cr);
    paint_fill_lit(p, RGB(0x4a3a34), 0.2, depth);
}

void build_lighthouse(Painting *p, double x, double foot, double h, double depth) {
    double w = h * 0.13;
    const double body[] = {x - w,        foot,           x - w * 0.62, foot - h * 0.8,
                           x + w * 0.62, foot - h * 0.8, x + w,        foot};
    path_poly(p, body, 4);
    paint_fill(p, RGB(0xf4efe6), depth);
    for (int i = 0; i < 2; i++) {
        double a = 0.22 + 0.32 * i, b = a + 0.16, wa = w * (1 - 0.475 * a),
               wb = w * (1 - 0.475 * b);
        const double band[] = {x - wa, foot - h * a, x - wb, foot - h * b,
                               x + wb, foot - h * b, x + wa, foot - h * a};
        path_poly(p, band, 4);
        paint_fill(p, p->hand.accent, depth);
    }
    path_box(p, x - w * 0.85, foot - h * 0.825, w * 1.7, h * 0.03);
    paint_fill(p, RGB(0x4a4a52), depth);
    path_box(p, x - w * 0.45, foot - h * 0.92, w * 0.9, h * 0.1);
    paint_plain(p, p->light.lamps ? RGB(0xffe9a8) : paint_shade(p, RGB(0xcfe0e8), 0.9, depth), 1);
    const double cap[] = {x - w * 0.6, foot - h * 0.915, x,
                          foot - h,    x + w * 0.6,      foot - h * 0.915};
    path_poly(p, cap, 3);
    paint_fill(p, p->hand.accent, depth);
    if (!p->light.lamps && p->scene->weather != WEATHER_FOG) return;
    double ly = foot - h * 0.87, way = x < PAINT_W / 2.0 ? 1 : -1;
    cairo_move_to(p->cr, x, ly);
    cairo_line_to(p->cr, x + way * 900, ly - 150);
    cairo_line_to(p->cr, x + way * 900, ly + 60);
    cairo_close_path(p->cr);
    cairo_pattern_t *g = cairo_pattern_create_linear(x, ly, x + way * 900, ly);
    cairo_pattern_add_color_stop_rgba(g, 0, 1, 0.93, 0.7, 0.5);
    cairo_pattern_add_color_stop_rgba(g, 1, 1, 0.93, 0.7, 0);
    cairo_set_source(p->cr, g);
    cairo_pattern_destroy(g);
    cairo_fill(p->cr);
    paint_glow(p, x, ly, h * 0.5, RGB(0xffe3a0), 0.7);
}

void build_mill(Painting *p, double x, double foot, double h, double depth) {
    double w = h * 0.2, hub = foot - h * 0.66;
    const double body[] = {x - w,           foot,  x - w * 0.6, foot - h * 0.66, x + w * 0.6,
                           foot - h * 0.66, x + w, foot};
    path_poly(p, body, 4);
    paint_fill(p, p->hand.wall, depth);
    const double cap[] = {x - w * 0.78,   foot - h * 0.65, x,
                          foot - h * 0.9, x + w * 0.78,    foot - h * 0.65};
    path_poly(p, cap, 3);
    paint_fill(p, p->hand.roof, depth);
    pane(p, x - w * 0.15, foot - h * 0.42, w * 0.3, w * 0.36, depth);
    double turn = chance_in(p, 0.2, 0.8);
    for (int i = 0; i < 4; i++) {
        double a = turn + i * M_PI / 2, ca = cos(a), sa = sin(a), r = h * 0.55, b = h * 0.075;
        const double sail[] = {x + ca * r * 0.2,
                               hub + sa * r * 0.2,
                               x + ca * r,
                               hub + sa * r,
                               x + ca * r - sa * b,
                               hub + sa * r + ca * b,
                               x + ca * r * 0.2 - sa * b,
                               hub + sa * r * 0.2 + ca * b};
        path_poly(p, sail, 4);
        paint_fill(p, RGB(0xf2ead8), depth);
        path_line(p, x, hub, x + ca * r, hub + sa * r);
        paint_stroke(p, RGB(0x5a4636), h * 0.012, depth);
    }
}

void build_tower(Painting *p, double x, double foot, double h, double depth) {
    Rgb iron = rgb_mix(RGB(0x6d5a4e), p->hand.roof2, 0.3); /* a lattice of iron, as in Paris */
    cairo_move_to(p->cr, x - h * 0.22, foot);
    cairo_curve_to(p->cr, x - h * 0.1, foot - h * 0.3, x - h * 0.045, foot - h * 0.6, x - h * 0.012,
                   foot - h);
    cairo_line_to(p->cr, x + h * 0.012, foot - h);
    cairo_curve_to(p->cr, x + h * 0.045, foot - h * 0.6, x + h * 0.1, foot - h * 0.3, x + h * 0.22,
                   foot);
    cairo_line_to(p->cr, x + h * 0.12, foot);
    cairo_curve_to(p->cr, x + h * 0.09, foot - h * 0.13, x - h * 0.09, foot - h * 0.13,
                   x - h * 0.12, foot);
    cairo_close_path(p->cr);
    paint_fill(p, iron, depth);
    static const double floors[][2] = {{0.2, 0.135}, {0.42, 0.075}, {0.9, 0.022}};
    for (int i = 0; i < COUNT(floors); i++)
        path_box(p, x - floors[i][1] * h, foot - floors[i][0] * h, floors[i][1] * 2 * h, h * 0.022);
    paint_fill_lit(p, iron, 0.2, depth);
    for (int i = 0; i < 9; i++) { /* the lattice, by what is seen through it */
        double y = foot - h * (0.25 + 0.065 * i), w = h * (0.1 - 0.0098 * i);
        path_line(p, x - w * 0.7, y, x + w * 0.5, y - h * 0.05);
        path_line(p, x + w * 0.7, y, x - w * 0.5, y - h * 0.05);
    }
    cairo_set_line_width(p->cr, fmax(1, h * 0.005));
    paint_rgb(p, p->light.lamps ? RGB(0xffc860) : p->light.low, 0.7);
    cairo_stroke(p->cr);
    if (p->light.lamps) paint_glow(p, x, foot - h * 0.4, h * 0.55, RGB(0xffb648), 0.4);
}

void build_bridge(Painting *p, double x0, double x1, double y, double rise, double depth) {
    int arches = (int)fmax(2, (x1 - x0) / (rise * 1.9));
    double gap = (x1 - x0) / arches, deck = rise * 0.22;
    Rgb stone = rgb_mix(p->hand.wall2, p->hand.rock, 0.5);
    cairo_set_fill_rule(p->cr, CAIRO_FILL_RULE_EVEN_ODD);
    path_box(p, x0, y - rise - deck, x1 - x0, rise + deck);
    for (int i = 0; i < arches; i++) {
        double cx = x0 + gap * (i + 0.5), r = gap * 0.4;
        cairo_move_to(p->cr, cx - r, y);
        cairo_line_to(p->cr, cx - r, y - rise * 0.42);
        cairo_curve_to(p->cr, cx - r, y - rise * 1.05, cx + r, y - rise * 1.05, cx + r,
                       y - rise * 0.42);
        cairo_line_to(p->cr, cx + r, y);
        cairo_close_path(p->cr);
    }
    paint_fill(p, stone, depth);
    cairo_set_fill_rule(p->cr, CAIRO_FILL_RULE_WINDING);
    path_box(p, x0, y - rise - deck * 1.25, x1 - x0, deck * 0.4);
    paint_fill_lit(p, stone, 0.95, depth);
}

void build_tent(Painting *p, double x, double foot, double h, double depth) {
    const double left[] = {x - h * 0.9, foot, x - h * 0.1, foot - h, x + h * 0.25, foot};
    const double right[] = {x - h * 0.1, foot - h, x + h * 0.25, foot, x + h, foot - h * 0.08};
    path_poly(p, left, 3);
    paint_fill_lit(p, p->hand.accent, 0.9, depth);
    path_poly(p, right, 3);
    paint_fill_lit(p, p->hand.accent, 0.3, depth);
    const double door[] = {x - h * 0.5, foot, x - h * 0.14, foot - h * 0.72, x - h * 0.12, foot};
    path_poly(p, door, 3);
    paint_plain(p, p->light.lamps ? RGB(0xffcf7a) : paint_shade(p, RGB(0x4b3d3a), 0.2, depth), 1);
    if (p->light.lamps) paint_glow(p, x - h * 0.2, foot - h * 0.3, h * 1.5, RGB(0xffa648), 0.5);
}

void build_stall(Painting *p, double x, double foot, double h, double depth) {
    double w = h * 1.25;
    for (int i = 0; i < 2; i++)
        path_box(p, x + (i ? 0.46 : -0.49) * w, foot - h * 0.8, h * 0.035, h * 0.8);
    paint_fill_lit(p, RGB(0x6d5443), 0.4, depth);
    path_box(p, x - w * 0.5, foot - h * 0.4, w, h * 0.4);
    paint_fill(p, RGB(0x9c7a58), depth);
    const Rgb wares[] = {RGB(0xd9502e), RGB(0xe9a23b), RGB(0x7fa046), RGB(0xc23a55), RGB(0xf0cf65)};
    for (int i = 0; i < 26; i++) {
        path_oval(p, x + w * (-0.45 + 0.9 * (i % 13) / 12.0), foot - h * (0.42 + 0.06 * (i / 13)),
                  h * 0.045, h * 0.042);
        paint_plain(p, paint_shade(p, wares[i / 3 % COUNT(wares)], 0.7, depth), 1);
    }
    for (int i = 0; i < 7; i++) {
        double a = x - w * 0.6 + w * 1.2 * i / 7, b = a + w * 1.2 / 7;
        const double stripe[] = {a + (x - a) * 0.14, foot - h, b + (x - b) * 0.14, foot - h, b,
                                 foot - h * 0.76,    a,        foot - h * 0.76};
        path_poly(p, stripe, 4);
        paint_fill_lit(p, i % 2 ? RGB(0xf6efe2) : p->hand.accent, 0.75, depth);
    }
    if (p->light.lamps) paint_glow(p, x, foot - h * 0.6, h, RGB(0xffb050), 0.5);
}
