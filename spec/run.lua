-- run.lua: runs the specs inside a moonrig task, so that they may wait in straight lines:
--   build/moonrig spec/run.lua [FILE or folder...] [busted options]
-- The last line is "N passed, N failed".
local function dirname(path) return path:match("^(.*)/[^/]*$") or "." end
package.path = dirname(arg[0]) .. "/?.lua;" .. package.path
if #arg == 0 then arg[1] = dirname(arg[0]) end
arg = table.move(arg, 1, #arg, 3, { [0] = arg[0], "--output", "support.counts" }) -- luacheck: ignore arg
require "busted.runner" { standalone = false }
