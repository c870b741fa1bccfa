/* SPDX-License-Identifier: Apache-2.0
 * Signing in by other services: until their keys are set, the routes say which variables to set. */
#include "products/veyl/routes.h"

typedef struct Provider {
    const char *name, *needs;
} Provider;

static const Provider providers[] = {
    {"google", "GOOGLE_CLIENT_ID, GOOGLE_CLIENT_SECRET and GOOGLE_REDIRECT_URI"},
    {"instagram", "IG_APP_ID, IG_APP_SECRET and IG_REDIRECT_URI"},
    {"facebook", "FB_APP_ID, FB_APP_SECRET and FB_REDIRECT_URI"},
    {"tiktok", "TIKTOK_CLIENT_KEY, TIKTOK_CLIENT_SECRET and TIKTOK_REDIRECT_URI"},
};

static Err *provider_missing(Ctx *c, Call *k) {
    Str path = str_c(k->route->path);
    for (ptrdiff_t i = 0; i < COUNT(providers); i++)
        if (str_find(path, strf(c->arena, "/auth/%s/", providers[i].name)) >= 0)
            FAIL(c, NOT_CONFIGURED, "Signing in by %s is not configured: set %s", providers[i].name,
                 providers[i].needs);
    FAIL(c, NOT_FOUND, "There is nothing at this address.");
}

#define START(name)                                                                   \
    {                                                                                 \
        GET, "/api/v1/auth/" name "/start", provider_missing,                         \
            .access = ACCESS_OPEN, .rate = RATE_AUTH, .status = 307, .errors = "501", \
            .tag = "auth", .doc = "Go to " name " to sign in"                         \
    }
#define CALLBACK(name)                                                                \
    {                                                                                 \
        GET, "/api/v1/auth/" name "/callback", provider_missing,                      \
            .access = ACCESS_OPEN, .rate = RATE_AUTH, .status = 307, .errors = "501", \
            .tag = "auth", .doc = "Come back from " name                              \
    }

const Route oauth_routes[] = {
    START("google"),       CALLBACK("google"), START("instagram"),
    CALLBACK("instagram"), START("facebook"),  CALLBACK("facebook"),
    START("tiktok"),       CALLBACK("tiktok"), {0},
};
