-- instructions.lua: counts the instructions of the jobs in spec/bench/jobs.lua with callgrind. The counts of a
-- build vary by less than 0.5 % (hash seeds); glibc is told to use its plain x86-64 functions, so that they are
-- the same on another processor. As a script it prints the file that is kept: make instructions
local program = require "support.program"

local instructions = { jobs = { "start", "query", "lines", "expect", "record" }, path = "spec/bench/instructions.txt" }

--- Instructions of one job.
function instructions.count(job)
  local command = ("GLIBC_TUNABLES=glibc.cpu.hwcaps=-AVX,-AVX2,-BMI2,-ERMS,-FSRM valgrind --tool=callgrind"
    .. " --callgrind-out-file=/dev/null %s spec/bench/jobs.lua %s 2>&1"):format(program.quote(program.path), job)
  local pipe <close> = assert(io.popen(command))
  local text = pipe:read "a"
  return assert(tonumber(text:match "Collected : (%d+)"), text)
end

--- The counts that are kept: job -> instructions.
function instructions.kept()
  local kept = {}
  for line in io.lines(instructions.path) do
    local job, count = line:match "^(%w+)%s+(%d+)$"
    if job then kept[job] = tonumber(count) end
  end
  return kept
end

return instructions
