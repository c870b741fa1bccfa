/* SPDX-License-Identifier: Apache-2.0
 * WebSocket server side (RFC 6455) on wslay, over an HTTP connection that asked to upgrade. Written
 * as a loop: receive "a message or a wake-up, whichever first", send, until closed. */
#ifndef SOCLE_NET_WEBSOCKET_H
#define SOCLE_NET_WEBSOCKET_H

#include "net/http.h"

typedef struct WebSocket WebSocket;

/* Check the handshake and answer 101. UPGRADE_REQUIRED where no upgrade is asked for or the version
 * is not ours (the headers that belong to a 426 are set), BAD_REQUEST for a malformed key.
 * protocol: the subprotocol chosen, or null. max_bytes: longest message received. From here on c
 * has no deadline: every wait of a session has its own. */
MUST_USE Err *ws_accept(Ctx *c, Req *q, Reply *r, Str protocol, ptrdiff_t max_bytes,
                        WebSocket **out);

typedef enum WsGot { WS_TEXT, WS_BINARY, WS_CLOSED, WS_WOKEN, WS_IDLE } WsGot;
/* Wait for a message (WS_TEXT, WS_BINARY: *message is the session's, until the next call), the
 * peer's close (WS_CLOSED), ws_wake from another coroutine of this loop (WS_WOKEN), or idle_ms of
 * silence (WS_IDLE; the caller may ping). Pings are answered inside. Invalid UTF-8, unmasked frames
 * and protocol errors close with the right code and give WS_CLOSED, and so does the server's own
 * stop; a message that is not whole within the server's request_timeout_ms with 1008. */
MUST_USE Err *ws_receive(Ctx *c, WebSocket *ws, int64_t idle_ms, WsGot *got, Str *message);
void ws_wake(WebSocket *ws);
int64_t ws_pinged_us(const WebSocket *ws); /* when the peer last sent a ping (mono_us); 0: never */
MUST_USE Err *ws_send(Ctx *c, WebSocket *ws, Str text);
MUST_USE Err *ws_ping(Ctx *c, WebSocket *ws);
/* Send a close frame and wait (at most 2 s) for the peer's. */
void ws_close(Ctx *c, WebSocket *ws, int code, Str reason);

/* A text message framed once, to be written to many sockets: see work/events. In the arena. */
Str ws_frame_text(Arena *arena, Str text);
MUST_USE Err *ws_send_framed(Ctx *c, WebSocket *ws, Str frame);
/* Write such frames (at most STREAM_PUSH_MAX) from outside the session's coroutine, on its loop,
 * without waiting and without waking it: only while it waits in ws_receive and the client keeps up
 * (ws_may_push; else wake it). False when the client is gone. */
bool ws_may_push(const WebSocket *ws);
bool ws_push(WebSocket *ws, const Str *frames, ptrdiff_t count);

#endif
