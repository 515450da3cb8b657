-- run.lua: runs specs inside a moonrig task, so that they may wait in straight lines:
--   build/moonrig spec/run.lua [FILE or folder...] [busted options]
-- The last line is "N passed, N failed". Temporary files are made in $TMPDIR. `make test` runs
-- all specs, each file in a process of its own (scripts/specs.sh).
local here = arg[0]:match("^(.*)/[^/]*$") or "."
package.path = here .. "/?.lua;" .. package.path
if #arg == 0 then arg[1] = here end
arg = table.move(arg, 1, #arg, 3, { [-1] = arg[-1], [0] = arg[0], "--output", "support.counts" })

local prefix = ("%s/spec%s-"):format(os.getenv "TMPDIR" or "/tmp", tostring({}):match "0x(%x+)")
local count = 0
function os.tmpname()
  count = count + 1
  local name = prefix .. count
  assert(io.open(name, "w")):close()
  return name
end

require "busted.runner" { standalone = false }
