-- instructions.lua: prints spec/bench/instructions.txt anew: make instructions
package.path = "spec/?.lua;" .. package.path
local instructions = require "support.instructions"
print [[
# Instructions of the jobs in jobs.lua (callgrind, gcc 12 -O2, Debian 12). A spec fails when one grows by
# more than 5 %; `make instructions` writes this file: say in the commit why it grew.]]
for _, job in ipairs(instructions.jobs) do print(("%-8s %d"):format(job, instructions.count(job))) end
