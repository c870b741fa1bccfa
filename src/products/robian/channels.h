/* SPDX-License-Identifier: Apache-2.0
 * Who may follow which of robian's events. */
#ifndef SOCLE_ROBIAN_CHANNELS_H
#define SOCLE_ROBIAN_CHANNELS_H

#include "work/events.h"

enum { ROBIAN_CHANNEL_COUNT = 6 };
extern const ChannelRule robian_channels[ROBIAN_CHANNEL_COUNT];

#endif
