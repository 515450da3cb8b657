# moonrig: one page of make.  `make help` lists the targets.
#
# Sources are found by folder: a new core/*/NAME.c, lua/moonrig/NAME.lua or
# scripts/NAME.lua needs no line here.

CC      ?= cc
LUA     ?= lua5.4
LUAC    ?= luac5.4
BUILD   ?= build
PREFIX  ?= /usr/local
ifeq ($(MAKELEVEL),0)
MAKEFLAGS += --jobs=$(shell nproc)
endif
VERSION := $(shell sed -n 's/^\#define MOONRIG_VERSION "\(.*\)"/\1/p' core/base/version.h)

WARN    = -Wall -Wextra -Wshadow -Wconversion -Wno-sign-conversion -Wstrict-prototypes -Werror
OPT    ?= -O2
CFLAGS += -std=c11 -D_GNU_SOURCE -g $(OPT) $(WARN) $(SAN) -Icore -MMD -MP $(shell pkg-config --cflags lua5.4)
LDFLAGS += $(SAN) -Wl,-E
# Linked statically: Lua (C rocks find its symbols in the program), libevent,
# SQLite and PCRE2, so that the start takes no dynamic loading of them.
LIBS    = -l:liblua5.4.a -l:libevent_core.a -l:libsqlite3.a -l:libpcre2-8.a -lm -ldl -lpthread

SRC  = $(wildcard core/*.c core/*/*.c)
OBJ  = $(SRC:%.c=$(BUILD)/%.o)
LUAS = $(shell find lua scripts -name '*.lua' 2>/dev/null | grep -v 'lua/moonrig/meta.lua')

all: $(BUILD)/moonrig

# Installs missing packages when root, else names them (scripts/deps.sh).
deps:
	@scripts/deps.sh build

# Every spec, on the build and on one with sanitizers, and luacheck.  make test SPECS=spec/run_spec.lua
# runs some.
test:
	@scripts/deps.sh build test
	@$(MAKE) --no-print-directory all
	@$(MAKE) --no-print-directory all BUILD=build/asan OPT=-O1 SAN="-fsanitize=address,undefined \
		-fno-sanitize-recover=undefined -fno-omit-frame-pointer"
	@SPECS="$(SPECS)" scripts/specs.sh build build/asan

# The ports on real tty drivers, in a VM (spec/vm/README.md); skipped where QEMU cannot be had.
test-vm: all
	@spec/vm/run.sh '$(BUILD)/moonrig spec/run.lua spec/vm/ports.lua spec/vm/device.lua'; r=$$?; \
		[ $$r != 77 ] || { echo "test-vm: skipped"; exit 0; }; exit $$r

$(BUILD)/moonrig: $(OBJ) $(BUILD)/embed.o
	@echo '  LD  $@'; $(CC) $(LDFLAGS) -o $@ $^ $(LIBS)

$(BUILD)/core/%.o: core/%.c | deps
	@mkdir -p $(@D); echo '  CC  $<'; $(CC) $(CFLAGS) -c -o $@ $<

# The Lua library and the commands, as bytecode with line numbers, inside the program.
$(BUILD)/embed.c: core/embed.lua $(LUAS) | deps
	@mkdir -p $(@D); echo '  EMBED'; $(LUA) core/embed.lua $(LUAC) $(BUILD) $(LUAS) > $@.tmp && mv $@.tmp $@

$(BUILD)/embed.o: $(BUILD)/embed.c
	@$(CC) -std=c11 $(OPT) -Icore -c -o $@ $<

# libFuzzer on the pure code, each spec/fuzz/NAME_fuzz.c in turn: make fuzz [seconds=10]
# What it learns stays in build/fuzz/NAME.corpus; spec/fuzz/corpus/NAME is where it starts.
seconds ?= 60
FUZZ = $(patsubst spec/fuzz/%_fuzz.c,$(BUILD)/fuzz/%,$(wildcard spec/fuzz/*_fuzz.c))

$(BUILD)/fuzz/%: spec/fuzz/%_fuzz.c $(wildcard core/base/*.[ch] core/proto/*.[ch])
	@mkdir -p $(@D)
	clang -std=c11 -D_GNU_SOURCE -g -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all -Icore \
		$(shell pkg-config --cflags lua5.4) -o $@ $(filter %.c,$^) -l:liblua5.4.a -lm -ldl

fuzz: $(FUZZ)
	@for f in $^; do mkdir -p $$f.corpus; echo "$$(basename $$f): fuzzing for $(seconds) s"; \
		$$f -max_total_time=$(seconds) -timeout=10 -detect_leaks=0 -print_final_stats=1 -artifact_prefix=$$f. \
			$$f.corpus spec/fuzz/corpus/$$(basename $$f) 2> $$f.log || { tail -40 $$f.log; exit 1; }; \
		grep number_of_executed $$f.log; done

# The API reference, from the annotations.
docs: docs/api.md
docs/api.md: lua/moonrig/meta.lua docs/api.lua docs/luacats.lua
	$(LUA) docs/api.lua > $@.tmp && mv $@.tmp $@

# Against raw C and the peers that are installed, in alternating rounds: make bench [ROUNDS=1]
bench: all
	@MOONRIG=$(abspath $(BUILD)/moonrig) spec/bench/all.sh

# Writes down what five small jobs cost; a spec fails when one grows by more than 5 %.
instructions: all
	@scripts/deps.sh test
	$(BUILD)/moonrig spec/bench/instructions.lua > $(BUILD)/instructions && mv $(BUILD)/instructions spec/bench/instructions.txt

clean:
	rm -rf build

.PHONY: all deps test test-vm bench instructions fuzz clean
-include $(OBJ:.o=.d)
