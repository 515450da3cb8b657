-- station.lua: a station file: what the procedures call an instrument, and where it is.
--   moonrig test examples/psu_final.lua --dut PSU4711 --station examples/station.lua
-- With --simulate each instrument's simulator takes its place. Paths are relative to this file.
return {
  name = "ST-01",
  results = "results.db",
  instruments = {
    psu = {
      url = "socket://10.0.0.5:5025", idn = "^MOONRIG,PSU%-", simulator = "sims/psu.lua",
      safe_state = { "VOLT 0", "OUTP OFF" },
    },
    dmm = {                       -- wherever it answers: on the network, or at a serial port
      url = { "socket://10.0.0.6:5025", "/dev/ttyUSB*" }, idn = "^MOONRIG,DMM%-6500,",
      simulator = "sims/dmm.lua?load=10",
      calibration = { due = "2029-06-30", certificate = "C-2027-118" },
    },
    console = {
      url = "hwgrep://0403:6001", driver = "port", options = { baudrate = 115200 }, simulator = "sims/dut.lua",
    },
  },
}
