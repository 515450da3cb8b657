# moonrig: one page of make.  `make help` lists the targets.
#
# Sources are found by folder: a new core/*/NAME.c, lua/moonrig/NAME.lua or
# scripts/NAME.lua needs no line here.

CC      ?= cc
LUA     ?= lua5.4
LUAC    ?= luac5.4
BUILD   ?= build
PREFIX  ?= /usr/local
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

$(BUILD)/moonrig: $(OBJ) $(BUILD)/embed.o
	$(CC) $(LDFLAGS) -o $@ $^ $(LIBS)

$(BUILD)/core/%.o: core/%.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -c -o $@ $<

# The Lua library and the commands, as bytecode with line numbers, inside the program.
$(BUILD)/embed.c: core/embed.lua $(LUAS)
	@mkdir -p $(@D)
	$(LUA) core/embed.lua $(LUAC) $(BUILD) $(LUAS) > $@.tmp && mv $@.tmp $@

$(BUILD)/embed.o: $(BUILD)/embed.c
	$(CC) -std=c11 $(OPT) -Icore -c -o $@ $<

clean:
	rm -rf build

.PHONY: all clean
-include $(OBJ:.o=.d)
