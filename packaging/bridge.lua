-- /etc/moonrig/bridge.lua: the ports that `moonrig bridge --config` serves. It is a Lua file that returns a list;
-- what each entry may hold is in the API reference (BridgeDescription). Try it: moonrig bridge --config FILE --check
return {
  {
    name = "console",
    port = "hwgrep://0403:6001?baudrate=115200",        -- the first FTDI adapter, wherever it is plugged in
    listen = { "rfc2217://127.0.0.1:2217", "socket://127.0.0.1:4001" },
    log = "/var/log/moonrig/console.log",
  },
  -- For other machines: TLS, and only clients with a certificate of our own CA.
  -- {
  --   name = "psu",
  --   port = "/dev/serial/by-id/usb-FTDI_FT232R_USB_UART_A900ABCD-if00-port0",
  --   listen = { "rfc2217+tls://0.0.0.0:2218" },
  --   cert = "/etc/moonrig/station.pem", key = "/etc/moonrig/station.key", ca = "/etc/moonrig/ca.pem",
  --   allow = { "10.20.0.0/16" },
  -- },
}
