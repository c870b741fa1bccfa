# The front door. Every verb is a line or two; the work is in tools/ and test/run.
#   make run     install what is missing, build, load demo data, serve on http://127.0.0.1:8000
#   make test    everything, on SQLite and on PostgreSQL + Redis, plain and with sanitizers
#   make check   the short round, all day long
.PHONY: run build install-deps test check asan tsan fuzz bench fmt docs clean

run:
	@tools/run

build:
	@tools/bootstrap build
	@tools/build plain

install-deps:
	@tools/bootstrap build run test fuzz fmt bench

test:
	@tools/bootstrap build run test
	@tools/check_includes
	@tools/check_migrations
	@tools/check_tenants
	@tools/check_owners
	@test/run --variants plain,asan

check:
	@tools/bootstrap build run test
	@tools/check_includes
	@tools/check_migrations
	@tools/check_tenants
	@tools/check_owners
	@test/run --db sqlite --smoke

asan tsan:
	@tools/bootstrap build run test
	@test/run --variants $@ --db sqlite

fuzz:
	@tools/bootstrap build fuzz
	@tools/fuzz

bench:
	@tools/bootstrap build bench
	@tools/build plain
	@bench/run --write
	@bench/audio
	@bench/search --write
	@bench/search --http --write
	@bench/search --growth --write
	@bench/vectors --write

fmt:
	@tools/bootstrap fmt
	@tools/fmt

docs: build
	@tools/docs

clean:
	rm -rf build build-asan build-tsan build-fuzz
