-- SPDX-License-Identifier: MIT
-- A client for rfc2217_client.py to judge: does what it reads, and prints one line for each: "ok VALUE" or
-- "error CODE MESSAGE".
local rig = require "moonrig"

local port
local function unhex(s) return (s:gsub("%x%x", function(byte) return string.char(tonumber(byte, 16)) end)) end
local function hex(s) return (s:gsub(".", function(byte) return ("%02x"):format(byte:byte()) end)) end
local function value(word)
  if word == "true" or word == "false" then return word == "true" end
  return tonumber(word) or word
end
local function options(words)
  local t = {}
  for key, word in words:gmatch "(%w+)=(%S+)" do t[key] = value(word) end
  return t
end

local steps = {
  open = function(words)
    local url, rest = words:match "^(%S+)(.*)$"
    port = rig.open(url, options(rest))
  end,
  write = function(word) port:write(unhex(word)) end,
  fill = function(word) while true do port:write(("x"):rep(word)) end end,
  read = function(word) return hex(port:read(tonumber(word))) end,
  get = function(word) return tostring(port[word]) end,
  set = function(words) port:set(options(words)) end,
  send_break = function(word) port:send_break(tonumber(word)) end,
  flush_input = function() port:flush_input() end,
  flush_output = function() port:flush_output() end,
  drain = function() port:drain() end,
  sleep = function(word) rig.sleep(tonumber(word)) end,
  close = function() port:close() end,
}

io.stdout:setvbuf "line"
for line in io.lines() do
  local step, rest = line:match "^(%S+) ?(.*)$"
  local ok, result = pcall(steps[step], rest)
  if ok then
    print("ok " .. (result or ""))
  else
    print(("error %s %s"):format(result.code, result.message:gsub("\n", " ")))
  end
end
