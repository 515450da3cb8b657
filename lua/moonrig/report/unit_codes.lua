-- SPDX-License-Identifier: MIT
-- report/unit_codes.lua: names and codes (UN/ECE Recommendation 20) of the usual units, by the sign a procedure gives.

local units = require "moonrig.units"

local codes = {
  V = "VLT volt", mV = "2Z millivolt", uV = "D82 microvolt", kV = "KVT kilovolt",
  A = "AMP ampere", mA = "4K milliampere", uA = "B84 microampere", nA = "C39 nanoampere", kA = "B22 kiloampere",
  Ohm = "OHM ohm", mOhm = "E45 milliohm", kOhm = "B49 kiloohm", MOhm = "B75 megaohm", GOhm = "A87 gigaohm",
  W = "WTT watt", mW = "C31 milliwatt", kW = "KWT kilowatt", J = "JOU joule",
  Hz = "HTZ hertz", kHz = "KHZ kilohertz", MHz = "MHZ megahertz", GHz = "A86 gigahertz",
  s = "SEC second", ms = "C26 millisecond", us = "B98 microsecond", ns = "C47 nanosecond", min = "MIN minute",
  h = "HUR hour", F = "FAR farad", uF = "4O microfarad", nF = "C41 nanofarad", pF = "4T picofarad",
  H = "81 henry", mH = "C14 millihenry", uH = "B90 microhenry", S = "SIE siemens", C = "COU coulomb", T = "D33 tesla",
  degC = "CEL degree Celsius", degF = "FAH degree Fahrenheit", K = "KEL kelvin", deg = "DD degree", rad = "C81 radian",
  ["%"] = "P1 percent", ppm = "59 part per million", dB = "2N decibel",
  m = "MTR metre", cm = "CMT centimetre", mm = "MMT millimetre", um = "4H micrometre",
  kg = "KGM kilogram", g = "GRM gram", mg = "MGM milligram", N = "NEW newton", Pa = "PAL pascal",
  kPa = "KPA kilopascal", bar = "BAR bar", mbar = "MBR millibar", l = "LTR litre", ml = "MLT millilitre",
  lx = "LUX lux", lm = "LUM lumen", cd = "CDL candela", rpm = "RPM revolution per minute",
}

local unit_codes = {}

--- The code and name of a unit; nil when it is none of the usual.
---@param unit string
---@return string? code
---@return string? name
function unit_codes.find(unit)
  local entry = codes[units.ascii(unit)]
  if entry then return entry:match "^(%S+) (.+)$" end
end

return unit_codes
