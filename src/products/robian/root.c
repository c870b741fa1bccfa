/* SPDX-License-Identifier: Apache-2.0
 * What `/` says of robian. */
#include "products/robian/root.h"

#include "api/base_settings.h"

/* Features that clients may look for, and where each thing begins. */
static const char features[] =
    "[\"debates\",\"audio_extraction\",\"audio_streaming\",\"hls\",\"transcripts\",\"chapters\","
    "\"search\",\"suggestions\",\"collections\",\"favorites\",\"alerts\",\"feeds\",\"programme\","
    "\"websocket\",\"server_sent_events\"]";
static const char endpoints[] =
    "{\"debates\":\"/api/debates/\",\"streaming\":\"/api/streaming/{id}/info\","
    "\"programme\":\"/api/programme\",\"collections\":\"/api/collections/\","
    "\"favorites\":\"/api/favorites/\",\"search\":\"/api/search/debates\","
    "\"suggestions\":\"/api/search/suggestions\",\"speakers\":\"/api/speakers\","
    "\"alerts\":\"/api/alerts\",\"stats\":\"/api/stats/global\",\"feeds\":\"/feeds/all.xml\","
    "\"websocket\":\"/ws\",\"events\":\"/events\",\"health\":\"/health\"}";
static const char links[] =
    "{\"docs\":\"/docs\",\"redoc\":\"/redoc\",\"openapi\":\"/openapi.json\",\"health\":\"/health\","
    "\"feed\":\"/feeds/all.xml\"}";

void robian_root(Ctx *c, RootDocument *d) {
    (void)c;
    if (!d->message.data) d->message = S("RobianAPI - Audio des débats de l'Assemblée nationale");
    if (!d->status.data) d->status = S("operational");
    d->environment = settings.environment;
    d->features = (JsonText){str_c(features)};
    d->endpoints = (JsonText){str_c(endpoints)};
    d->links = (JsonText){str_c(links)};
}
