# moonrig: one page of make.  `make help` lists the targets.
#
# Sources are found by folder: a new core/*/NAME.c, lua/moonrig/NAME.lua or
# scripts/NAME.lua needs no line here.  What a target needs from Debian is
# installed when root, else named (scripts/deps.sh).

LUA     ?= lua5.4
LUAC    ?= luac5.4
BUILD   ?= build
PREFIX  ?= /usr/local
seconds ?= 60
rounds  ?= 300
ifeq ($(MAKELEVEL),0)
MAKEFLAGS += --jobs=$(shell nproc)
endif

WARN    = -Wall -Wextra -Wshadow -Wconversion -Wno-sign-conversion -Wstrict-prototypes -Werror
OPT    ?= -O2
CPPFLAGS += -std=c11 -D_GNU_SOURCE -Icore $(shell pkg-config --cflags lua5.4)
CFLAGS += -g $(OPT) $(WARN) $(SAN)
LDFLAGS += $(SAN) -Wl,--export-dynamic-symbol='lua*'
# Linked statically: Lua (C rocks find its symbols in the program), libevent,
# SQLite and PCRE2, so that the start takes no dynamic loading of them.
LIBS    = -l:liblua5.4.a -l:libevent_core.a -l:libsqlite3.a -l:libpcre2-8.a -lm -ldl -lpthread

SRC  = $(wildcard core/*.c core/*/*.c)
OBJ  = $(SRC:%.c=$(BUILD)/%.o)
LUAS = $(shell find lua scripts -name '*.lua' ! -path lua/moonrig/meta.lua)
FUZZ = $(patsubst spec/fuzz/%_fuzz.c,$(BUILD)/fuzz/%,$(wildcard spec/fuzz/*_fuzz.c))

all: $(BUILD)/moonrig  ## the program, build/moonrig

demo: all        ## simulated instruments and a final test against them; record and reports in out/
	@scripts/demo.sh

test:            ## every spec, plain and with sanitizers, and luacheck; some: SPECS=spec/main_spec.lua
	@scripts/deps.sh build test
	@$(MAKE) --no-print-directory all
	@$(MAKE) --no-print-directory all BUILD=build/asan OPT=-O1 SAN="-fsanitize=address,undefined \
		-fno-sanitize-recover=undefined -fno-omit-frame-pointer"
	@SPECS="$(SPECS)" scripts/specs.sh build build/asan

test-vm: all     ## the ports on real tty drivers, in a VM (spec/vm/README.md)
	@spec/vm/run.sh '$(BUILD)/moonrig spec/run.lua spec/vm/ports.lua spec/vm/device.lua spec/vm/bridge.lua \
		spec/vm/cp2110.lua'; r=$$?; \
		[ $$r != 77 ] || { echo "test-vm: skipped"; exit 0; }; exit $$r

test-kill: all   ## stations are killed at random moments, disks get full (spec/campaign/README.md); short: rounds=20
	@for c in kill full writers; do MOONRIG=$(BUILD)/moonrig $(BUILD)/moonrig spec/campaign/$$c.lua \
		--rounds $$([ $$c = kill ] && echo $(rounds) || echo $$(($(rounds) / 5 + 1))) $(if $(seed),--seed $(seed)) || exit 1; done

lint: deps-lint  ## luacheck and clang-tidy
	luacheck -q .
	@echo clang-tidy; printf '%s\n' $(SRC) | xargs -P $$(nproc) -n 1 sh -c \
		'clang-tidy --quiet "$$@" -- $(CPPFLAGS) 2>/dev/null' clang-tidy

fuzz: $(FUZZ)    ## libFuzzer on the pure code, each spec/fuzz/NAME_fuzz.c in turn; short: seconds=10
	@for f in $^; do mkdir -p $$f.corpus; echo "$$(basename $$f): fuzzing for $(seconds) s"; \
		$$f -max_total_time=$(seconds) -timeout=10 -detect_leaks=0 -print_final_stats=1 -artifact_prefix=$$f. \
			$$f.corpus spec/fuzz/corpus/$$(basename $$f) 2> $$f.log || { tail -40 $$f.log; exit 1; }; \
		grep number_of_executed $$f.log; done

bench: all       ## against raw C and the peers that are installed, in alternating rounds; short: ROUNDS=1
	@scripts/deps.sh bench || echo 'the peers that are missing are left out'
	@MOONRIG=$(abspath $(BUILD)/moonrig) spec/bench/all.sh

instructions: all deps-test  ## write down what five small jobs cost; a spec fails when one grows by 5 %
	$(BUILD)/moonrig spec/bench/instructions.lua > $(BUILD)/instructions && mv $(BUILD)/instructions spec/bench/instructions.txt

docs: docs/api.md  ## the API reference, from the annotations in lua/moonrig/meta.lua
docs/api.md: lua/moonrig/meta.lua docs/api.lua docs/luacats.lua
	$(LUA) docs/api.lua > $@.tmp && mv $@.tmp $@

SHARE = $(DESTDIR)$(PREFIX)/share
install: all     ## program, man page, unit, udev rule, examples and annotations below PREFIX=/usr/local (DESTDIR= for packages)
	install -D -s $(BUILD)/moonrig $(DESTDIR)$(PREFIX)/bin/moonrig
	install -D -m 644 packaging/moonrig.1 $(SHARE)/man/man1/moonrig.1
	install -D -m 644 lua/moonrig/meta.lua $(SHARE)/moonrig/library/moonrig/meta.lua
	install -D -m 644 packaging/moonrig-bridge.service $(DESTDIR)$(PREFIX)/lib/systemd/system/moonrig-bridge.service
	sed -i 's,/usr/local/bin,$(PREFIX)/bin,' $(DESTDIR)$(PREFIX)/lib/systemd/system/moonrig-bridge.service
	install -D -m 644 packaging/60-cp2110.rules $(DESTDIR)$(PREFIX)/lib/udev/rules.d/60-cp2110.rules
	install -D -m 644 packaging/bridge.lua $(SHARE)/doc/moonrig/bridge.lua
	cd examples && find . -type f -exec install -D -m 644 '{}' '$(abspath $(SHARE))/doc/moonrig/examples/{}' ';'

clean:           ## remove what was built
	rm -rf build

help:
	@sed -n 's/^\([a-z-]*\):.*  *## /\1\t/p' $(firstword $(MAKEFILE_LIST)) | expand -t 16

$(BUILD)/moonrig: $(OBJ) $(BUILD)/embed.o
	@echo '  LD  $@'; $(CC) $(LDFLAGS) -o $@ $^ $(LIBS)

$(BUILD)/core/%.o: core/%.c | deps-build
	@mkdir -p $(@D); echo '  CC  $<'; $(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

# The Lua library and the commands, as bytecode with line numbers, inside the program.
# The folders stand there for files that go away.
$(BUILD)/embed.c: core/embed.lua $(LUAS) $(shell find lua scripts -type d) | deps-build
	@mkdir -p $(@D); echo '  EMBED'; $(LUA) core/embed.lua $(LUAC) $(BUILD) $(LUAS) > $@.tmp && mv $@.tmp $@

$(BUILD)/embed.o: $(BUILD)/embed.c
	@$(CC) $(CPPFLAGS) $(OPT) -c -o $@ $<

deps:            ## install every Debian package that is used here (root), or name what is missing
	@scripts/deps.sh build test fuzz lint bench vm

# What it learns stays in build/fuzz/NAME.corpus; spec/fuzz/corpus/NAME is where it starts.
$(BUILD)/fuzz/%: spec/fuzz/%_fuzz.c $(wildcard core/base/*.[ch] core/proto/*.[ch]) | deps-fuzz
	@mkdir -p $(@D); echo '  CC  $<'; clang $(CPPFLAGS) -g -O1 -fsanitize=fuzzer,address,undefined \
		-fno-sanitize-recover=all -o $@ $(filter %.c,$^) -l:liblua5.4.a -lm -ldl

deps-%:
	@scripts/deps.sh build $*

.PHONY: all deps demo test test-vm test-kill lint fuzz bench instructions docs install clean help
-include $(OBJ:.o=.d)
