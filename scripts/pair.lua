-- SPDX-License-Identifier: MIT
-- pair.lua: `moonrig pair [LINK-A LINK-B]`: two pseudo-terminals, each the far end of the other: what a program
-- writes to one, another reads from the other, and the baud rate that it sets is seen there too. When nobody reads,
-- the writer waits: nothing is lost.
local rig = require "moonrig"
local cli = require "moonrig.cli"

local function tell(name, link) print(link and ("%s (%s)"):format(name, link) or name) end

return function(args)
  local parser = cli.parser("pair", "Makes two virtual serial ports that are joined, prints their names and runs "
    .. "until Ctrl-C. With LINK-A and LINK-B they get these names too. Settings that a program changes at one end "
    .. "(baud rate, stop bits, flow control) are seen at the other.", "moonrig pair /tmp/psu /tmp/psu-host")
  parser:argument("link_a", "name for the first port"):args "?"
  parser:argument("link_b", "name for the second port"):args "?"
  local options = parser:parse(args)
  if options.link_a and not options.link_b then parser:error "one link is given; give two, or none" end
  local a <close> = rig.open("pty:" .. (options.link_a or ""))
  tell(a.name, options.link_a)
  local pair <close> = rig.bridge { port = a, listen = { "pty:" .. (options.link_b or "") }, hold = true, quiet = true }
  tell(pair:status().clients[1].name, options.link_b)
  io.stdout:flush()
  pair:join()
end
