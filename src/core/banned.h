/* SPDX-License-Identifier: Apache-2.0
 * Calls that cut, overflow or guess are compile errors with a readable name (the habit is git's).
 * Include system headers before this one is in force: it is pulled in last by core/base.h. */
#ifndef SOCLE_CORE_BANNED_H
#define SOCLE_CORE_BANNED_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BANNED(call) use_of_##call##_is_banned

#undef strcpy
#define strcpy(to, from) BANNED(strcpy)
#undef strcat
#define strcat(to, from) BANNED(strcat)
#undef strncpy
#define strncpy(to, from, size) BANNED(strncpy)
#undef strncat
#define strncat(to, from, size) BANNED(strncat)
#undef sprintf
#define sprintf(...) BANNED(sprintf)
#undef vsprintf
#define vsprintf(to, format, args) BANNED(vsprintf)
#undef gets
#define gets(to) BANNED(gets)
#undef strtok
#define strtok(text, delimiters) BANNED(strtok)
#undef gmtime
#define gmtime(t) BANNED(gmtime)
#undef localtime
#define localtime(t) BANNED(localtime)
#undef ctime
#define ctime(t) BANNED(ctime)
#undef asctime
#define asctime(t) BANNED(asctime)
#undef atoi
#define atoi(text) BANNED(atoi)
#undef atof
#define atof(text) BANNED(atof)
#undef rand
#define rand() BANNED(rand)

#endif
