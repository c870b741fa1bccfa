/* SPDX-License-Identifier: Apache-2.0
 * The demo: two tenants of DEMO_EMAIL, a school and a shop, whose channels are simulated, with what
 * they know and what some people have asked. Texts and people are made up, and the numbers are those
 * that regulators keep free for fiction. */
#ifndef SOCLE_SYLION_DEMO_H
#define SOCLE_SYLION_DEMO_H

#include "core/ctx.h"
#include "core/err.h"

typedef struct DemoDocument {
    const char *name, *text;
} DemoDocument;

/* One after the other: what comes next is said when the former is answered. */
enum { DEMO_SAID_MAX = 3 };
typedef struct DemoPerson {
    const char *name, *phone;
    const char *said[DEMO_SAID_MAX]; /* NULL: no more */
    const char *reply; /* what a person of the tenant answers in the end; NULL: nothing */
} DemoPerson;

typedef struct DemoTenant {
    const char *name, *slug, *email, *phone, *line, *site; /* line, site: names of its channels */
    const char *base, *assistant, *description, *prompt, *handoff;
    const char *settings; /* exampleQuestions: what the inbox's telephone proposes to ask */
    const DemoDocument *documents;
    const DemoPerson *people;
    ptrdiff_t document_count, person_count;
} DemoTenant;
extern const DemoTenant demo_tenants[];
extern const ptrdiff_t demo_tenant_count;

/* What is there is left as it is. Runs the jobs that it asks for, within a limit of time; what is left
 * then is the server's. */
MUST_USE Err *sylion_demo(Ctx *c);

#endif
