-- SPDX-License-Identifier: MIT
-- pair.lua: `moonrig pair [LINK-A LINK-B]`: two pseudo-terminals, each the far end of the other: what a program
-- writes to one, another reads from the other. When nobody reads, the writer waits: nothing is lost.
local rig = require "moonrig"
local cli = require "moonrig.cli"

local function copy(from, to)
  while true do to:write(from:read_some(nil, math.huge), math.huge) end
end

local function tell(port, link) print(link and ("%s (%s)"):format(port.name, link) or port.name) end

return function(args)
  local parser = cli.parser("pair", "Makes two virtual serial ports that are joined, prints their names and runs until "
    .. "Ctrl-C. With LINK-A and LINK-B they get these names too.", "moonrig pair /tmp/psu /tmp/psu-host")
  parser:argument("link_a", "name for the first port"):args "?"
  parser:argument("link_b", "name for the second port"):args "?"
  local options = parser:parse(args)
  if options.link_a and not options.link_b then parser:error "one link is given; give two, or none" end
  local a <close> = rig.open("pty:" .. (options.link_a or ""))
  local b <close> = rig.open("pty:" .. (options.link_b or ""))
  tell(a, options.link_a)
  tell(b, options.link_b)
  io.stdout:flush()
  rig.group(function(group)
    group:spawn(copy, a, b)
    group:spawn(copy, b, a)
  end)
end
