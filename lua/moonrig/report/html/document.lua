-- SPDX-License-Identifier: MIT
-- report/html/document.lua: the frame of an HTML file.  The policy in its head lets nothing run or load but its own
-- style sheet (by hash) and images within the file.

local core = require "moonrig.core"
local escape = require "moonrig.report.escape"
local tag = require "moonrig.report.markup"

local function hash_of(css)
  local bytes = core.store.sha256(css):gsub("%x%x", function(hex) return string.char(tonumber(hex, 16)) end)
  return "sha256-" .. escape.base64(bytes)
end

local function head(title, css)
  return tag.head {
    tag.meta { charset = "utf-8" },
    tag.meta { ["http-equiv"] = "Content-Security-Policy", content = ("default-src 'none'; img-src data:; "
      .. "style-src '%s'; base-uri 'none'; form-action 'none'"):format(hash_of(css)) },
    tag.meta { name = "viewport", content = "width=device-width, initial-scale=1" },
    tag.meta { name = "referrer", content = "no-referrer" },
    tag.meta { name = "generator", content = "moonrig " .. core.version },
    tag.title { title }, tag.style(css) }
end

--- A whole document.
---@param title string
---@param css string
---@param content table   of the main element
---@return string
return function(title, css, content)
  return "<!DOCTYPE html>\n" .. tostring(tag.html { lang = "en", head(title, css), tag.body { tag.main(content) } })
end
