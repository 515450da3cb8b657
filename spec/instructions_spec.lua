-- Fixed small jobs must not take more instructions than is written down in spec/bench/instructions.txt.
local instructions = require "support.instructions"
local program = require "support.program"

if program.sanitized then return end

describe("instructions of", function()
  local kept = instructions.kept()
  for _, job in ipairs(instructions.jobs) do
    it(job .. " have not grown by more than 5 %", function()
      local count = instructions.count(job)
      local growth = (count / kept[job] - 1) * 100
      assert.is_true(growth < 5, ("%d, were %d: %+.1f %%. If it is worth it: make instructions, and say why")
        :format(count, kept[job], growth))
    end)
  end
end)
