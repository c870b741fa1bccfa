/* SPDX-License-Identifier: Apache-2.0
 * Colours of a drawing: chance that is always the same, the hand of a look, the light of an hour in a
 * weather, and how a thing of some colour looks in it from some distance. Pure. */
#include <math.h>

#include "products/lifetales/drawing_paint.h"

uint64_t chance_mix(uint64_t seed, uint64_t salt) {
    uint64_t z = seed + salt * 0x9e3779b97f4a7c15u + 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static double unit_of(uint64_t bits) { return (double)(bits >> 11) * 0x1p-53; }

double chance(Painting *p) {
    p->chance += 0x9e3779b97f4a7c15u;
    return unit_of(chance_mix(p->chance, 0));
}

double chance_in(Painting *p, double from, double to) { return from + (to - from) * chance(p); }

ptrdiff_t chance_of(Painting *p, ptrdiff_t count) {
    assert(count > 0);
    return min_size((ptrdiff_t)(chance(p) * (double)count), count - 1);
}

/* Value noise: random heights at whole numbers, joined smoothly; each octave is finer and weaker. */
double noise_at(uint64_t seed, double x, int octaves, double rough) {
    double sum = 0, strength = 1, all = 0;
    for (int i = 0; i < octaves; i++) {
        double cell = floor(x), t = x - cell;
        uint64_t at = (uint64_t)(int64_t)cell;
        double a = unit_of(chance_mix(seed + (uint64_t)i, at)) * 2 - 1;
        double b = unit_of(chance_mix(seed + (uint64_t)i, at + 1)) * 2 - 1;
        sum += strength * (a + (b - a) * t * t * (3 - 2 * t));
        all += strength;
        strength *= rough;
        x *= 2.03;
    }
    return sum / all;
}

Rgb rgb_mix(Rgb a, Rgb b, double t) {
    return (Rgb){a.r + (b.r - a.r) * t, a.g + (b.g - a.g) * t, a.b + (b.b - a.b) * t};
}
Rgb rgb_times(Rgb a, Rgb b) { return (Rgb){a.r * b.r, a.g * b.g, a.b * b.b}; }
Rgb rgb_scale(Rgb a, double by) { return (Rgb){a.r * by, a.g * by, a.b * by}; }
double rgb_bright(Rgb a) { return 0.3 * a.r + 0.59 * a.g + 0.11 * a.b; }
static Rgb rgb_plus(Rgb a, Rgb b) { return (Rgb){a.r + b.r, a.g + b.g, a.b + b.b}; }
static Rgb rgb_grey(Rgb a, double much) {
    double y = rgb_bright(a);
    return rgb_mix(a, (Rgb){y, y, y}, much);
}

Hand hand_of(uint64_t look) {
    static const Hand families[] = {
        /* Terracotta and olive. */
        {RGB_INIT(0x6f8f3f), RGB_INIT(0x8fa552), RGB_INIT(0x8aa653), RGB_INIT(0xd9bd6a),
         RGB_INIT(0xb98d5e), RGB_INIT(0x8d8a8c), RGB_INIT(0xf1e3c8), RGB_INIT(0xe6c9a0),
         RGB_INIT(0xc4623f), RGB_INIT(0xa94f36), RGB_INIT(0xd6453d), RGB_INIT(0x2f6f8f),
         RGB_INIT(0xe8d9bd)},
        /* Slate and deep green. */
        {RGB_INIT(0x3f7a55), RGB_INIT(0x6a9a5b), RGB_INIT(0x6fa05d), RGB_INIT(0xcdbb73),
         RGB_INIT(0x9c7c5c), RGB_INIT(0x7f8794), RGB_INIT(0xf0ece2), RGB_INIT(0xd8d5cf),
         RGB_INIT(0x55627a), RGB_INIT(0x6d5a5a), RGB_INIT(0xe2a03a), RGB_INIT(0xb5483f),
         RGB_INIT(0xd5dde2)},
        /* Rose and teal. */
        {RGB_INIT(0x4f8a73), RGB_INIT(0x83ab7f), RGB_INIT(0x8db083), RGB_INIT(0xe0c489),
         RGB_INIT(0xb58a74), RGB_INIT(0x938a98), RGB_INIT(0xf6e0d3), RGB_INIT(0xe7b9a8),
         RGB_INIT(0xb45a5c), RGB_INIT(0x7d5568), RGB_INIT(0xe0707a), RGB_INIT(0x2d8088),
         RGB_INIT(0xf0d4cb)},
        /* Ochre and blue. */
        {RGB_INIT(0x77893c), RGB_INIT(0xa9a04b), RGB_INIT(0x9fa652), RGB_INIT(0xe3b75a),
         RGB_INIT(0xb0824a), RGB_INIT(0x8a8478), RGB_INIT(0xf3dfb3), RGB_INIT(0xdfb878),
         RGB_INIT(0x8f4a32), RGB_INIT(0xb9773c), RGB_INIT(0x2d5d9b), RGB_INIT(0xd9622b),
         RGB_INIT(0xe9d8ad)},
        /* Moss and plum. */
        {RGB_INIT(0x5b7f4a), RGB_INIT(0x7d9a63), RGB_INIT(0x7f9c62), RGB_INIT(0xc9b26f),
         RGB_INIT(0x927359), RGB_INIT(0x858390), RGB_INIT(0xe9e4d6), RGB_INIT(0xcfc3b9),
         RGB_INIT(0x7a4a5e), RGB_INIT(0x5a5873), RGB_INIT(0xd08a2f), RGB_INIT(0x74518a),
         RGB_INIT(0xdcd3dd)},
    };
    Hand hand = families[chance_mix(look, 11) % (uint64_t)COUNT(families)];
    hand.line = 1.5 + 1.1 * unit_of(chance_mix(look, 12));
    hand.rough = 0.42 + 0.14 * unit_of(chance_mix(look, 13));
    hand.wobble = 1.6 + 1.6 * unit_of(chance_mix(look, 14));
    hand.crown = (int)(chance_mix(look, 15) % 3);
    return hand;
}

static const Light hours[HOURS] = {
    [HOUR_DAWN] = {.top = RGB_INIT(0x6484ba),
                   .mid = RGB_INIT(0xd9b4bf),
                   .low = RGB_INIT(0xffdcae),
                   .sun = RGB_INIT(0xffd9b4),
                   .air = RGB_INIT(0x8f93b4),
                   .haze = RGB_INIT(0xf0c6b6),
                   .haze_much = 0.86,
                   .sun_y = 0.44,
                   .bright = 0.8},
    [HOUR_MORNING] = {.top = RGB_INIT(0x5fa2d6),
                      .mid = RGB_INIT(0xa6d0e8),
                      .low = RGB_INIT(0xf6ecd2),
                      .sun = RGB_INIT(0xfff0d2),
                      .air = RGB_INIT(0x9fb6cd),
                      .haze = RGB_INIT(0xd7e8ea),
                      .haze_much = 0.8,
                      .sun_y = 0.2,
                      .bright = 0.95},
    [HOUR_NOON] = {.top = RGB_INIT(0x3487cd),
                   .mid = RGB_INIT(0x74b8e6),
                   .low = RGB_INIT(0xd4edf5),
                   .sun = RGB_INIT(0xfffaee),
                   .air = RGB_INIT(0xa7bdd3),
                   .haze = RGB_INIT(0xc6dfee),
                   .haze_much = 0.74,
                   .sun_y = 0.1,
                   .bright = 1},
    [HOUR_GOLDEN] = {.top = RGB_INIT(0x5c8db9),
                     .mid = RGB_INIT(0xedc88f),
                     .low = RGB_INIT(0xffe0a0),
                     .sun = RGB_INIT(0xffca82),
                     .air = RGB_INIT(0x9a8e9c),
                     .haze = RGB_INIT(0xf6cf9a),
                     .haze_much = 0.82,
                     .sun_y = 0.34,
                     .bright = 0.85},
    [HOUR_DUSK] = {.top = RGB_INIT(0x2b3769),
                   .mid = RGB_INIT(0xa3587f),
                   .low = RGB_INIT(0xff9b5e),
                   .sun = RGB_INIT(0xff9a5c),
                   .air = RGB_INIT(0x5a4f7c),
                   .haze = RGB_INIT(0xcf7c76),
                   .haze_much = 0.84,
                   .sun_y = 0.47,
                   .bright = 0.55,
                   .lamps = true},
    [HOUR_NIGHT] = {.top = RGB_INIT(0x091231),
                    .mid = RGB_INIT(0x182a58),
                    .low = RGB_INIT(0x3a5288),
                    .sun = RGB_INIT(0x7f92c8),
                    .air = RGB_INIT(0x2b3866),
                    .haze = RGB_INIT(0x3a5085),
                    .haze_much = 0.8,
                    .sun_y = 0.17,
                    .bright = 0.25,
                    .lamps = true},
};

/* Clouds take the sun's light and give it back from everywhere, greyer; fog and snow brighten the air. */
static void light_cloud(Light *l, double much, double darker) {
    double y = rgb_bright(l->mid) * (1 - darker);
    Rgb grey = {y * 0.97, y * 1.0, y * 1.05};
    l->top = rgb_mix(rgb_grey(l->top, much * 0.7), rgb_scale(grey, 0.85), much);
    l->mid = rgb_mix(rgb_grey(l->mid, much * 0.6), grey, much * 0.9);
    l->low = rgb_mix(rgb_grey(l->low, much * 0.4), rgb_scale(grey, 1.1), much * 0.75);
    l->haze = rgb_mix(rgb_grey(l->haze, much * 0.5), rgb_scale(grey, 1.03), much * 0.75);
    l->sun = rgb_mix(rgb_grey(l->sun, much * 0.6), l->air, much * 0.55);
    l->air = rgb_mix(rgb_grey(l->air, much * 0.5), rgb_scale(grey, 0.9), much * 0.4);
    l->bright *= 1 - darker;
}

Light light_of(const Scene *scene) {
    Light l = hours[scene->hour];
    uint64_t r = chance_mix(scene->seed, 21);
    l.sun_x = (r & 1 ? 0.68 : 0.3) + (unit_of(r) - 0.5) * 0.14;
    switch (scene->weather) {
    case WEATHER_CLOUDS: light_cloud(&l, 0.35, 0.03); break;
    case WEATHER_RAIN:
        light_cloud(&l, 0.72, 0.16);
        l.haze_much += 0.08;
        break;
    case WEATHER_STORM: light_cloud(&l, 0.85, 0.42); break;
    case WEATHER_SNOW:
        light_cloud(&l, 0.55, -0.1);
        l.haze_much += 0.1;
        break;
    case WEATHER_FOG:
        light_cloud(&l, 0.6, -0.04);
        l.haze_much = 0.98;
        break;
    default: break;
    }
    if (scene->mood < 0) light_cloud(&l, 0.22, 0.05);
    if (scene->season == SEASON_WINTER) l.air = rgb_mix(l.air, l.top, 0.2);
    if (scene->season == SEASON_AUTUMN) l.sun = rgb_times(l.sun, (Rgb){1, 0.97, 0.9});
    if (scene->weather >= WEATHER_RAIN && scene->weather <= WEATHER_STORM && l.bright < 0.8)
        l.lamps = true;
    /* A space's book leans a little to one side, all of it. */
    static const Rgb leans[] = {
        {1, 1, 1}, {1.03, 1, 0.96}, {0.97, 1, 1.03}, {1.02, 0.985, 1.01}, {0.985, 1.015, 0.99}};
    Rgb lean = leans[chance_mix(scene->look, 22) % (uint64_t)COUNT(leans)];
    l.top = rgb_times(l.top, lean);
    l.mid = rgb_times(l.mid, lean);
    l.low = rgb_times(l.low, lean);
    return l;
}

Light light_of_room(const Scene *scene) {
    Light out = light_of(scene), l = out;
    bool dark = out.bright < 0.6;
    l.sun = dark ? RGB(0xffca85) : rgb_mix(out.sun, RGB(0xfff2dc), 0.4);
    l.air = dark ? RGB(0x7d6670) : rgb_mix(out.air, RGB(0xd6c4ae), 0.68);
    if (scene->hour == HOUR_NIGHT) l.air = RGB(0x6a5460);
    l.haze = rgb_mix(l.air, l.sun, 0.4);
    l.haze_much = 0.25;
    return l;
}

Rgb paint_shade(const Painting *p, Rgb of, double lit, double depth) {
    const Light *l = &p->light;
    Rgb light = rgb_plus(rgb_scale(l->air, 0.72), rgb_scale(l->sun, 0.12 + 0.52 * lit));
    Rgb seen = rgb_times(of, light);
    /* What is in the shade is a little bluer than the light alone would have it. */
    seen = rgb_mix(seen, rgb_times(l->air, rgb_scale(of, 1.1)), (1 - lit) * 0.25);
    double fade = l->haze_much * depth;
    if (p->scene->weather == WEATHER_FOG && !p->inside)
        fade = 1 - (1 - fade) * (1 - 0.35 * sqrt(depth));
    return rgb_mix(seen, l->haze, fade > 0.97 ? 0.97 : fade);
}
