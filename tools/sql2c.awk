# sql2c: turns a file of named SQL statements into a C header of string literals.
#
#   -- name: project_load
#   -- $1 project id, $2 owner; columns of project_record.
#   SELECT id, name FROM projects WHERE id = $1 AND user_id = $2;
#
# becomes
#
#   /* $1 project id, $2 owner; columns of project_record. */
#   #define SQL_PROJECT_LOAD \
#       "SELECT id, name FROM projects WHERE id = $1 AND user_id = $2"
#
# and the header closes with an X-list, so that a test can prepare every statement:
#
#   #define VEYL_QUERIES(X) \
#       X(project_load, SQL_PROJECT_LOAD)
#
# The list is named after the file: src/products/veyl/queries.sql VEYL_QUERIES, src/work/jobs.sql
# WORK_JOBS. Where the engines need different texts, name two blocks x_sqlite and x_postgres.
# A semicolon at a block's end is dropped, lines of comment only move to the C comment. Text before
# the first name, a name given twice or an empty block stops the build.
#
# In a room's meson.build (sql2c comes from src/meson.build):
#
#   veyl_queries = custom_target('veyl_queries', input: 'queries.sql', output: 'queries.h',
#     command: sql2c, capture: true)
#   lib_veyl = static_library('socle_veyl', veyl_sources, veyl_queries,
#     include_directories: inc, dependencies: deps)
#
# and in C:   #include "products/veyl/queries.h"

function die(why) {
    printf "%s:%d: %s\n", FILENAME, FNR, why > "/dev/stderr"
    failed = 1
    exit 1
}

function finish(   i, text) {
    if (name == "") return
    while (count > 0 && line[count] ~ /^[ \t]*$/) count--
    if (count == 0) die("empty statement " name)
    sub(/;[ \t]*$/, "", line[count])
    if (comment != "") printf "\n/*%s */\n", comment
    else printf "\n"
    printf "#define SQL_%s", toupper(name)
    for (i = 1; i <= count; i++) {
        text = line[i]
        gsub(/\\/, "&&", text)
        gsub(/"/, "\\\"", text)
        gsub(/\?\?/, "?\\?", text)
        printf " \\\n    \"%s%s\"", text, i < count ? "\\n" : ""
    }
    printf "\n"
    names[++total] = name
}

FNR == 1 {
    list = FILENAME
    sub(/\.sql$/, "", list)
    n = split(list, part, "/")
    list = toupper(n > 1 ? part[n - 1] "_" part[n] : part[n])
    gsub(/[^A-Z0-9]/, "_", list)
    printf "/* Made from %s/%s.sql by tools/sql2c.awk. */\n#pragma once\n", part[n - 1], part[n]
}

{ sub(/[ \t\r]+$/, "") }

/^-- *name:/ {
    finish()
    name = $0
    sub(/^-- *name: */, "", name)
    if (name !~ /^[a-z][a-z0-9_]*$/) die("a name is lower case letters, digits and _: " name)
    if (name in seen) die("named twice: " name)
    seen[name] = 1
    count = 0
    comment = ""
    next
}

/^[ \t]*--/ {
    if (name == "") next
    sub(/^[ \t]*--[ \t]*/, "")
    gsub(/\*\//, "* /")
    gsub(/\/\*/, "/ *")
    comment = comment (comment == "" ? " " : "\n * ") $0
    next
}

/^$/ && count == 0 { next }

{
    if (name == "") die("SQL before the first '-- name:'")
    line[++count] = $0
}

END {
    if (failed) exit 1
    finish()
    if (failed) exit 1
    printf "\n#define %s(X)", list
    for (i = 1; i <= total; i++) printf " \\\n    X(%s, SQL_%s)", names[i], toupper(names[i])
    printf "\n"
}
