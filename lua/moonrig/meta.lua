---@meta moonrig
-- SPDX-License-Identifier: MIT
-- meta.lua: the public API in words, in LuaCATS annotations.  Nothing here runs: lua-language-server
-- reads it for completion and hints, docs/api.lua makes docs/api.md from it, and spec/meta_spec.lua
-- compares it with the live API.  Times are in seconds, sizes in bytes, everywhere.

--- `local rig = require "moonrig"`. Reads and waits stop the task that calls them, never the program.
--- A function that could not do what it was asked raises a `moonrig.Error`; a twin named `try_...` returns
--- `nil, err` instead.
---@class moonrig
---@field version string   for example "0.1.0"
---@field json moonrig.Json
---@field test moonrig.Procedures
local rig = {}

---@alias moonrig.Seconds number  `0` does not wait, `math.huge` waits for ever

--- Opens a port. `url` names the device: see the table of URLs in README.md. A text without a scheme is the path
--- of a device: `/dev/ttyUSB0`. Every option can also stand in the URL: `/dev/ttyUSB0?baudrate=115200`; the table
--- wins over the URL.
---
--- Close it with `port:close()`, or declare it as `local port <close> = rig.open(...)`.
---@async
---@param url string
---@param opts? moonrig.OpenOptions  an unknown option, or one that means nothing for this transport, raises
---@return moonrig.Port
---  Raises: unsupported (URL, option or value), not_found, permission, busy (another program has it), refused, timeout
function rig.open(url, opts) end

--- As `open`, but returns `nil` and the error instead of raising it. A wrong type of argument raises all the same.
---@async
---@param url string
---@param opts? moonrig.OpenOptions
---@return moonrig.Port? port
---@return moonrig.Error? err
function rig.try_open(url, opts) end

--- Two ports in memory, wired as by a null-modem cable: what one writes the other reads, RTS arrives as CTS, DTR as
--- DSR and CD. For tests and simulators. Both ends get the options.
---@param opts? moonrig.Settings
---@return moonrig.Port near
---@return moonrig.Port far
function rig.pair(opts) end

--- Listens on a URL and runs `handler(port)` for each client that connects, each in a task of its own. When the
--- handler returns, its port is closed. `closed` in a handler (the client went away) is not an error; any other
--- error ends the program.
---
--- `socket://127.0.0.1:0` picks a free port number: see `listener.url`. `unix:/path` makes a socket file.
--- `socket+tls://` is TLS. `rfc2217://` and `rfc2217+tls://` make the port of each client the far end of a serial
--- line: `port.baudrate` and the like are what the client has set, its RTS is our CTS, its DTR our DSR and CD.
---@param url string
---@param handler fun(port: moonrig.Port)
---@param opts? moonrig.ListenOptions
---@return moonrig.Listener
---  Raises: unsupported, busy (the address is in use), permission (also: not a loopback address, see `insecure`)
function rig.listen(url, handler, opts) end

--- Joins a port to clients that come through listeners: a serial port for several programs, over the network, or
--- under another name. The device stays open while clients come and go; when it is unplugged, they stay and it is
--- opened again. All that the device sends goes to all of them. `moonrig bridge` is this as a command.
---
--- `rig.bridge { port = "/dev/ttyUSB0?baudrate=115200", listen = { "rfc2217://127.0.0.1:2217" } }`
---@async
---@param description moonrig.BridgeDescription
---@return moonrig.Bridge
---  Raises: unsupported, and what `rig.listen` raises; a device that is not there yet is waited for
function rig.bridge(description) end

--- Starts `fn(...)` as a task beside this one and returns at once; it runs when this one waits. An error in it is
--- raised in whoever joins it. When nobody can join it any more, or has not within 1 s, it ends the program with
--- exit code 2. Tasks that are still there when the script ends are cancelled.
---@param fn fun(...)
---@param ... any
---@return moonrig.Task
function rig.spawn(fn, ...) end

--- Runs `fn(group)` and waits until all tasks started with `group:spawn` have ended. The first error cancels the
--- others and is raised here.
---@async
---@param fn fun(group: moonrig.Group)
function rig.group(fn) end

--- Waits.
---@async
---@param seconds moonrig.Seconds
function rig.sleep(seconds) end

--- Seconds on a clock that never jumps. Only differences mean something.
---@return number
function rig.now() end

--- Runs `fn(...)` and returns its results. A wait inside it that goes beyond `seconds` in all raises `timeout`.
--- Computing without a wait is not interrupted.
---@async
---@param seconds moonrig.Seconds
---@param fn fun(...): ...
---@param ... any
---@return any ...
function rig.deadline(seconds, fn, ...) end

--- A queue between tasks, first in, first out.
---@param limit? integer  `push` waits while this many values are in it; none: it never waits
---@return moonrig.Queue
function rig.queue(limit) end

--- A lock between tasks: one at a time, first come, first served.
---@return moonrig.Lock
function rig.lock() end

--- The serial ports of this machine, in natural order of their names, with pySerial's fields. CP2110s, serial ports
--- behind USB HID, are among them.
---@param pattern? string  a regular expression over device, description and hwid, caseless, as hwgrep:// takes it
---@return moonrig.PortInfo[]
---  Raises: unsupported (a bad pattern)
function rig.ports(pattern) end

---@class moonrig.PortInfo
---@field device string         what `rig.open` takes: "/dev/ttyUSB0", "cp2110:///dev/hidraw3"
---@field name string           "ttyUSB0", "hidraw3"
---@field description string    "n/a" when there is none
---@field hwid string           "USB VID:PID=0403:6001 SER=A900 LOCATION=1-1"
---@field vid? integer
---@field pid? integer
---@field serial_number? string
---@field location? string
---@field manufacturer? string
---@field product? string
---@field interface? string
---@field driver? string        the kernel's driver: "ftdi_sio"
---@field identity string       what stays the same when the adapter is plugged in elsewhere

--- An instrument that speaks SCPI, at a URL or on a port that is open, which then belongs to it.
---
--- When a query gets no answer in time, its reply may still come. It is never handed out as the answer to the next
--- query: before that one is sent, the instrument is brought back into step (`resync`).
---
--- `local psu <close> = rig.scpi("socket://10.0.0.7:5025", { timeout = 2, on_close = "OUTP OFF" })`
---@async
---@param port string|moonrig.Port
---@param opts? moonrig.ScpiOptions
---@return moonrig.Scpi
---  Raises: what `rig.open` raises
function rig.scpi(port, opts) end

--- A simulated instrument: `examples/simulator.lua` is one in a few lines, `examples/sims` has longer ones.
---@param description moonrig.SimDescription
---@return moonrig.Sim
---  Raises: unsupported (what is wrong with the description)
function rig.sim(description) end

--- Makes a scheme: `rig.open("NAME:...")` calls `opener(url, opts)`, which returns a port: one that it opened, or one
--- end of `rig.pair()` with a task at the other. `opts` holds the options of the call and of the URL's query; those
--- that every port has (`timeout`, `eol`, `baudrate`...) are set on the returned port, the others are the opener's
--- own. `alt://URL?class=NAME` opens URL with it too.
---@param name string  letters, digits, `+` `-` `.`
---@param opener fun(url: string, opts: table): moonrig.Port
---  Raises: unsupported (the name is bad, or one of moonrig's own schemes)
function rig.register_scheme(name, opener) end

--- Makes an error object of your own, to raise with error(): for schemes and drivers written in Lua.
---@param fields moonrig.Error
---@return moonrig.Error
function rig.error(fields) end

--- An open connection to a device. Reading takes bytes from the front of what has arrived; what was not taken stays,
--- also after a timeout. One task may read, one write, one change settings and one wait for signals at the same
--- time; a second one gets `busy`.
---
--- Every method raises `closed` when the port is closed or its other end went away, and says why. `timeout` arguments
--- are optional; without one the option of that name counts.
---
--- The settings are fields too: `port.baudrate = 115200` puts it in force at once. So are the signals:
--- `port.rts = true`, `if port.cts then`. A field that means nothing on the transport raises `unsupported`.
---@class moonrig.Port: moonrig.Settings
---@field url string            read only; as opened, after spy and hwgrep
---@field name string           read only; device path, or host:port
---@field is_open boolean       read only
---@field lost? string         read only; why the other end went away; with reconnect, until it is back. What came
---  before can still be read
---@field in_waiting integer    read only; bytes that can be read at once; raises `closed` when none will come any more
---@field out_waiting integer   read only; bytes written that are not sent yet
---@field cts boolean           read only; Clear To Send
---@field dsr boolean           read only; Data Set Ready
---@field ri boolean            read only; Ring Indicator
---@field cd boolean            read only; Carrier Detect
---@field break_condition boolean  true: the line is held in break until it is set to false
---@field errors moonrig.LineErrors  read only; counted since the port was opened
---@field signature? string     read only; rfc2217: what the other end says it is
local Port = {}

--- Options when a port is opened; later fields of the port, and what `port:set` takes. The names are pySerial's.
---@class moonrig.Settings
---@field baudrate? integer      bits per second, any; default 9600
---@field bytesize? integer      5, 6, 7 or 8; default 8
---@field parity? string         "N" none, "E" even, "O" odd, "M" mark, "S" space; default "N"
---@field stopbits? number       1, 1.5 or 2; default 1
---@field xonxoff? boolean       software flow control; default false
---@field rtscts? boolean        hardware flow control by RTS and CTS; default false
---@field dsrdtr? boolean        hardware flow control by DSR and DTR; default false
---@field rs485? boolean|moonrig.Rs485  the driver switches the transmitter of a two-wire bus; default false
---@field low_latency? boolean   the driver hands bytes over at once; default false
---@field exclusive? boolean     nobody else may open the device meanwhile; default true; only when opening
---@field dtr? boolean           level of DTR at opening; left to the driver unless said
---@field rts? boolean           level of RTS at opening; left to the driver unless said
---@field timeout? moonrig.Seconds        for opening (5 where it is 0), reading and settings; default 5
---@field write_timeout? moonrig.Seconds  for writing and drain; default as `timeout`
---@field inter_byte_timeout? moonrig.Seconds  after a byte, silence that ends a read; nil: none
---@field eol? string            ends each line, 1 to 8 bytes; default "\n"
---@field reconnect? boolean     a port that is lost is opened again, and the waiting call goes on; default false
---@field output_delay? number   seconds after each byte written, for devices without flow control; default 0
---@field output_line_delay? number  seconds after each line written (its last byte is eol's); default 0
---@field window? integer        bytes that read_line, read_until and expect search before they give up; default 1 MiB

--- What `rig.open` takes: the settings of every port, and some of single transports.
---@class moonrig.OpenOptions: moonrig.Settings
---@field keepalive? integer     socket, rfc2217: seconds of silence until the first probe; 0 off; default 15
---@field logging? string        socket, loop, rfc2217: accepted for pySerial's URLs, does nothing
---@field ca? string             TLS: file of the certificates of the CAs to trust; default: the system's
---@field cert? string           TLS: file of our own certificate, where the server wants one
---@field key? string            TLS: file of its key
---@field verify? boolean        TLS: false: the server's certificate is not looked at; default true
---@field name? string           TLS: the name that the server's certificate must have; default: the host
---@field ign_set_control? boolean  rfc2217: does not wait for answers about DTR, RTS, break and flow control
---@field poll_modem? boolean    rfc2217: asks for the input signals when what is known is older than 0.3 s
---@field n? integer             hwgrep: which of several matches, from 1
---@field skip_busy? boolean     hwgrep: leave out ports that somebody has open
---@field unique? boolean        hwgrep: several matches are an error
---@field file? string           spy: where the dump goes; standard error unless said
---@field format? "text"|"pcapng"  spy: text as pySerial writes it, or a capture for Wireshark; default "text"
---@field color? boolean         spy: colours in the dump
---@field raw? boolean           spy: only the bytes; stdio: false leaves the terminal's line editing on
---@field all? boolean           spy: also reads that got nothing, in_waiting, and changes of input signals
---@field url? string            spy, record: the URL of the port, where it has options of its own
---@field match? "strict"|"loose"  replay: whether requests must come in the recorded order; default "strict"
---@field speed? number          replay: how much faster than recorded; math.huge: without delays; default 1

--- RS-485 as pySerial's RS485Settings.
---@class moonrig.Rs485
---@field rts_level_for_tx? boolean  level of RTS while sending; default true
---@field rts_level_for_rx? boolean  level of RTS while receiving; default false
---@field loopback? boolean          what is sent is received too; default false
---@field delay_before_tx? moonrig.Seconds
---@field delay_before_rx? moonrig.Seconds

--- How often the line went wrong.
---@class moonrig.LineErrors
---@field parity integer
---@field framing integer
---@field overrun integer
---@field breaks integer

--- Reads exactly `n` bytes.
---@async
---@param n integer
---@param timeout? moonrig.Seconds
---@return string
---  Raises: timeout (the bytes that came are still there), closed, busy
function Port:read(n, timeout) end

--- Reads what is there, at least one byte. With `inter_byte_timeout` it goes on until that long a silence.
---@async
---@param max? integer  at most so many bytes
---@param timeout? moonrig.Seconds
---@return string
function Port:read_some(max, timeout) end

--- Reads up to the port's `eol` and returns the line without it. With the `eol` "\n" a "\r" before it goes too.
---@async
---@param timeout? moonrig.Seconds
---@return string
---  Raises: timeout, closed, busy, protocol (no end within the `window`)
function Port:read_line(timeout) end

--- Reads up to and with a terminator.
---@async
---@param terminator string  the bytes themselves, not a pattern
---@param timeout? moonrig.Seconds
---@return string
function Port:read_until(terminator, timeout) end

--- Waits until what has arrived matches a Lua pattern, and takes everything up to the end of the match. Returns the
--- captures, or the match when the pattern has none. Of a list the match that begins first counts; then the number
--- of its pattern comes first.
---
--- A pattern is matched as soon as it can be: end it with what follows. `"version (%S+)"` may return "1" of
--- "version 1.25\n"; `"version (%S+)\n"` returns "1.25".
---@async
---@param pattern string|string[]
---@param opts? moonrig.Seconds|moonrig.ExpectOptions  a number is the timeout
---@return any ...
function Port:expect(pattern, opts) end

---@class moonrig.ExpectOptions
---@field timeout? moonrig.Seconds
---@field plain? boolean    the pattern is text, not a pattern
---@field window? integer   bytes to search before it raises `protocol`; default: the port's

--- Writes a line, then reads one: `write_line` and `read_line`.
---@async
---@param text string
---@param timeout? moonrig.Seconds
---@return string
function Port:query(text, timeout) end

--- As `read`, but returns `nil` and the error.
---@async
---@param n integer
---@param timeout? moonrig.Seconds
---@return string? bytes
---@return moonrig.Error? err
function Port:try_read(n, timeout) end

--- As `read_some`, but returns `nil` and the error.
---@async
---@param max? integer
---@param timeout? moonrig.Seconds
---@return string? bytes
---@return moonrig.Error? err
function Port:try_read_some(max, timeout) end

--- As `read_line`, but returns `nil` and the error.
---@async
---@param timeout? moonrig.Seconds
---@return string? line
---@return moonrig.Error? err
function Port:try_read_line(timeout) end

--- As `read_until`, but returns `nil` and the error.
---@async
---@param terminator string
---@param timeout? moonrig.Seconds
---@return string? bytes
---@return moonrig.Error? err
function Port:try_read_until(terminator, timeout) end

--- As `expect`, but returns `nil` and the error.
---@async
---@param pattern string|string[]
---@param opts? moonrig.Seconds|moonrig.ExpectOptions
---@return any ...
function Port:try_expect(pattern, opts) end

--- As `query`, but returns `nil` and the error.
---@async
---@param text string
---@param timeout? moonrig.Seconds
---@return string? line
---@return moonrig.Error? err
function Port:try_query(text, timeout) end

--- For a `for` loop over lines, as `read_line` reads them. It ends when the other end sends no more or the port is
--- closed here; a last line without its end is given too. A device that is lost (unplugged) raises `closed`.
---@async
---@param timeout? moonrig.Seconds  for each line
---@return fun(port: moonrig.Port): string?
---@return moonrig.Port
function Port:lines(timeout) end

--- Writes bytes. It waits while the other end does not take them. Returns the port, so that calls can be chained.
---@async
---@param ... string|moonrig.Seconds  strings; a number at the end is the timeout
---@return moonrig.Port
---  Raises: timeout (its field `written` tells how many bytes went), closed, busy
function Port:write(...) end

--- As `write`, with the port's `eol` at the end.
---@async
---@param ... string|moonrig.Seconds
---@return moonrig.Port
function Port:write_line(...) end

--- Waits until everything written has been sent.
---@async
---@param timeout? moonrig.Seconds  default: `write_timeout`
---@return moonrig.Port
function Port:drain(timeout) end

--- Throws away what has arrived and was not read.
---@async
---@return moonrig.Port
function Port:flush_input() end

--- Throws away what was written and is not sent yet.
---@async
---@return moonrig.Port
function Port:flush_output() end

--- Changes several settings, signals or timeouts together: the line in one step, DTR and RTS in one step.
--- What the driver did not take raises `unsupported` with what was asked and what is in force.
---@async
---@param settings moonrig.Settings
---@return moonrig.Port
function Port:set(settings) end

--- Sends a break.
---@async
---@param seconds? number  default 0.25
---@return moonrig.Port
function Port:send_break(seconds) end

--- Sets DTR or RTS to the other level (or to `level`) for a time, then back.
---@async
---@param signal "dtr"|"rts"
---@param seconds? number  default 0.1
---@param level? boolean
---@return moonrig.Port
function Port:pulse(signal, seconds, level) end

--- Waits until an input signal changes. A change between two calls is not lost.
---@async
---@param signals? string|string[]  "cts", "dsr", "ri", "cd"; default: any of them
---@param timeout? moonrig.Seconds
---@return moonrig.SignalChange
function Port:wait_signals(signals, timeout) end

--- The levels after a change.
---@class moonrig.SignalChange
---@field cts boolean
---@field dsr boolean
---@field ri boolean
---@field cd boolean
---@field changed string[]  names of those that changed

--- Asks the other end to send nothing until `resume`: XOFF on a serial port, FLOWCONTROL-SUSPEND on rfc2217. Reading
--- slowly needs no such thing: the sender then waits by itself where the line has flow control.
---@return moonrig.Port
function Port:suspend() end

--- Lets it send again.
---@return moonrig.Port
function Port:resume() end

--- Closes the port. Tasks that wait on it get `closed`. Closing twice does no harm.
function Port:close() end

--- What `rig.listen` accepts.
---@class moonrig.ListenOptions
---@field insecure? boolean  listen on an address that other machines can reach; anybody there may then connect
---@field allow? string      networks that may connect: "10.0.0.0/8, 192.168.1.7"; default: all
---@field clients? integer   at most so many at once; default 1024
---@field idle_timeout? moonrig.Seconds  a client that is silent for so long, both ways, is closed; default 0: none
---@field cert? string       TLS: file of the server's certificate
---@field key? string        TLS: file of its key, not readable by everybody
---@field ca? string         TLS: file of CAs: clients must have a certificate of one of them
---@field handshake_timeout? moonrig.Seconds  TLS: default 10

--- What `rig.listen` returns. Also closes at the end of its block: `local listener <close> = rig.listen(...)`.
---@class moonrig.Listener
---@field url string  with the real port number: other programs connect to this
local Listener = {}

--- Ends listening. Clients that are connected stay.
function Listener:close() end

--- Waits until the listener is closed.
---@async
function Listener:join() end

--- What `rig.bridge` takes.
---@class moonrig.BridgeDescription
---@field port string|moonrig.Port  URL of the device, or a port that is open, which then belongs to the bridge
---@field listen string[]        where clients connect: as in `rig.listen`, options in the URL's query
---@field options? moonrig.OpenOptions  for opening the device
---@field name? string           in messages; default: the URL
---@field policy? "writer"|"shared"|"kick"  who may write: one, then the next in line; all; the last to come
---@field clients? integer       at most so many at once; default 32
---@field allow? string|string[] networks that may connect; default: all
---@field insecure? boolean      listen without TLS on addresses that other machines can reach
---@field cert? string           TLS: file of the server's certificate
---@field key? string            TLS: file of its key
---@field ca? string             TLS: file of CAs: clients must have a certificate of one of them
---@field handshake_timeout? moonrig.Seconds  TLS: default 10
---@field idle_timeout? moonrig.Seconds  a client that is silent for so long, both ways, is closed; default: none
---@field queue? integer         bytes that a client may be behind while others go on; default 1 MiB
---@field stall_timeout? moonrig.Seconds  a client that takes nothing for so long is dropped; default 30
---@field frame_gap? moonrig.Seconds  gathers what the device sends until a silence of this length; default 0: no delay
---@field hold? boolean          what is for a pty that nobody has open waits there; else it is thrown away
---@field log? string            file to which all traffic is appended, with microseconds
---@field quiet? boolean         says nothing on stderr

--- What `rig.bridge` returns. Also closes at the end of its block.
---@class moonrig.Bridge
---@field name string
---@field urls string[]  of the listeners, with real port numbers
local Bridge = {}

--- What it is doing now.
---@return moonrig.BridgeStatus
function Bridge:status() end

--- Adds a listener.
---@param url string
---@return string url  with the real port number
function Bridge:listen(url) end

--- Ends a listener. Its clients stay.
---@param url string
function Bridge:unlisten(url) end

--- Opens the log file anew, after it was moved away.
function Bridge:reopen_log() end

--- Accepts nobody any more, and waits until all that is under way has arrived.
---@async
---@param timeout? moonrig.Seconds  default 5
function Bridge:drain(timeout) end

--- Waits until the device is closed for good (a simulator ended), or the bridge is.
---@async
function Bridge:join() end

--- Closes the device, the listeners and all clients.
function Bridge:close() end

---@class moonrig.BridgeStatus
---@field name string
---@field port string            the URL of the device
---@field device? string         its name, once it is open
---@field state "opening"|"open"|"lost"|"closed"
---@field reason? string         why it is not open
---@field settings string        "115200 8N1", in force
---@field flow_control "none"|"xonxoff"|"rtscts"|"dsrdtr"
---@field signals table<string, boolean>  levels of dtr, rts, cts, dsr, ri, cd
---@field break_condition boolean
---@field policy string
---@field listen string[]
---@field received integer       bytes from the device
---@field sent integer           bytes to it
---@field unread integer         bytes from it that nobody was there for
---@field clients moonrig.BridgeClient[]

---@class moonrig.BridgeClient
---@field name string
---@field url string
---@field role "writer"|"observer"|"ended"
---@field received integer       bytes from it
---@field sent integer           bytes to it
---@field queued integer         bytes that it has not taken yet
---@field since number           when it came, seconds since 1970
---@field signature? string      what it says it is (RFC 2217)

--- What `rig.scpi` returns. One exchange at a time: other tasks wait for their turn. Also closes at the end of its
--- block, however that ends.
---@class moonrig.Scpi
---@field port moonrig.Port  the port under it
---@field url string
---@field check boolean      reads the error queue after each command, and raises what is in it
local Scpi = {}

--- Sends a command.
---@async
---@param command string
---@param timeout? moonrig.Seconds
---@return moonrig.Scpi self
---  Raises: timeout, closed; with `check`: protocol (what the instrument reports)
function Scpi:write(command, timeout) end

--- As `write`, but returns `nil` and the error.
---@async
---@param command string
---@param timeout? moonrig.Seconds
---@return moonrig.Scpi? self
---@return moonrig.Error? err
function Scpi:try_write(command, timeout) end

--- Sends a command with bytes after it, as a definite block of IEEE 488.2.
---@async
---@param command string  `"DATA:ARB wave,"`
---@param bytes string
---@param timeout? moonrig.Seconds
---@return moonrig.Scpi self
function Scpi:write_block(command, bytes, timeout) end

--- Sends a query and returns its reply, a line without its end.
---@async
---@param command string
---@param timeout? moonrig.Seconds
---@return string reply
---  Raises: timeout (also: not in step yet; the query was not sent then), closed
function Scpi:query(command, timeout) end

--- As `query`, but returns `nil` and the error.
---@async
---@param command string
---@param timeout? moonrig.Seconds
---@return string? reply
---@return moonrig.Error? err
function Scpi:try_query(command, timeout) end

--- Sends a query and returns its reply as a number: `"+1.50000E-03"`, `"1.5 MV"` (milli; but mega in `MOHM` and
--- `MHZ`), `"#HFF"`. `9.91E37` and `NAN` are nan, `9.9E37` and `INF` are `math.huge`.
---@async
---@param command string
---@param timeout? moonrig.Seconds
---@return number
---  Raises: protocol (the reply is no number)
function Scpi:query_number(command, timeout) end

--- As `query_number`, but returns `nil` and the error.
---@async
---@param command string
---@param timeout? moonrig.Seconds
---@return number? value
---@return moonrig.Error? err
function Scpi:try_query_number(command, timeout) end

--- Sends a query and returns its reply, a list of numbers. With a `format` of `string.unpack` (`">f"` for
--- `FORM REAL,32`) the reply is a block of them.
---@async
---@param command string
---@param opts? moonrig.Seconds|{timeout: number?, format: string?}
---@return number[]
---  Raises: protocol (one of them is no number)
function Scpi:query_numbers(command, opts) end

--- As `query_numbers`, but returns `nil` and the error.
---@async
---@param command string
---@param opts? moonrig.Seconds|{timeout: number?, format: string?}
---@return number[]? values
---@return moonrig.Error? err
function Scpi:try_query_numbers(command, opts) end

--- Sends a query and returns its reply without the quotes around it.
---@async
---@param command string
---@param timeout? moonrig.Seconds
---@return string
function Scpi:query_string(command, timeout) end

--- Sends a query and returns the bytes of its reply, a block of IEEE 488.2. An indefinite one (`#0`) ends where a line
--- end is followed by 0.1 s of silence: the stream does not say it.
---@async
---@param command string
---@param timeout? moonrig.Seconds  without a byte
---@return string bytes
---  Raises: protocol (the reply is no block)
function Scpi:query_block(command, timeout) end

--- As `query_block`, but returns `nil` and the error.
---@async
---@param command string
---@param timeout? moonrig.Seconds
---@return string? bytes
---@return moonrig.Error? err
function Scpi:try_query_block(command, timeout) end

--- Who is it? (`*IDN?`) `raw` is the whole reply; what it does not have is nil.
---@async
---@param timeout? moonrig.Seconds
---@return {maker: string, model: string?, serial: string?, firmware: string?, raw: string}
function Scpi:idn(timeout) end

--- As `idn`, but returns `nil` and the error.
---@async
---@param timeout? moonrig.Seconds
---@return {maker: string, model: string?, serial: string?, firmware: string?, raw: string}? idn
---@return moonrig.Error? err
function Scpi:try_idn(timeout) end

--- Waits until the commands before have been carried out (`*OPC?`).
---@async
---@param timeout? moonrig.Seconds
---@return moonrig.Scpi self
function Scpi:opc(timeout) end

--- As `opc`, but returns `nil` and the error.
---@async
---@param timeout? moonrig.Seconds
---@return moonrig.Scpi? self
---@return moonrig.Error? err
function Scpi:try_opc(timeout) end

--- Reads the error queue until it is empty, and raises what was in it.
---@async
---@param timeout? moonrig.Seconds
---@return moonrig.Scpi self
---  Raises: protocol (field `errors`: a list of `{code, text}`)
function Scpi:check_errors(timeout) end

--- As `check_errors`, but returns `nil` and the error.
---@async
---@param timeout? moonrig.Seconds
---@return moonrig.Scpi? self
---@return moonrig.Error? err
function Scpi:try_check_errors(timeout) end

--- Clears status and error queue (`*CLS`); gets back into step before that.
---@async
---@param timeout? moonrig.Seconds
---@return moonrig.Scpi self
function Scpi:clear(timeout) end

--- Sets the instrument to its defaults (`*RST`).
---@async
---@param timeout? moonrig.Seconds
---@return moonrig.Scpi self
function Scpi:reset(timeout) end

--- Takes the instrument for in step although a query was not answered: for `resync = false`.
---@async
---@return moonrig.Scpi self
function Scpi:forget() end

--- Waits until all that was sent has left, and what was asked and never answered has been answered: the instrument has
--- read by then what came after the question. When the connection is closed before, a late answer makes it break off,
--- and what the instrument has not read yet is lost. `safe_state` and `on_close` wait so by themselves.
---@async
---@param timeout? moonrig.Seconds
---@return moonrig.Scpi self
---  Raises: timeout
function Scpi:drain(timeout) end

--- Keeps other tasks away while you do several things in a row: `local held <close> = psu:hold()`.
---@async
---@return table? held
function Scpi:hold() end

--- Sends the commands of `on_close`, then closes the port. Closing twice does no harm.
---@async
---  Raises: what kept those commands from being sent; when it closes because of another error, that one says so
function Scpi:close() end

--- What `rig.scpi` accepts; all other options are those of the port.
---@class moonrig.ScpiOptions: moonrig.OpenOptions
---@field on_close? string|string[]  commands for the end, whatever happened: `"OUTP OFF"`
---@field check? boolean             read the error queue after each command
---@field error_query? string        default `"SYST:ERR?"`
---@field block_eol? boolean         `false`: no line end follows a block
---@field resync? false|string|function  `"auto"`: wait a moment, then ask `*OPC?` or `*IDN?` and throw away what comes
---  before the answer; `"wait"`: send nothing of one's own; `"reopen"`: a new connection; `function(port, query)`: your
---  own way, a device clear perhaps; `false`: raise until `forget()` is called
---@field late? number               seconds after which a reply is held for lost, when the instrument answers neither
---  `*OPC?` nor `*IDN?`; default 5. One that is later still is taken for an answer

--- A simulated instrument. It answers at any port; one state, however many clients. Also closes at the end of its
--- block.
---@class moonrig.Sim
---@field state table            what it remembers
---@field port moonrig.Port      in a function of `on`: the client's
---@field random moonrig.Random
local Sim = {}

--- A port with the simulator at its other end.
---@param opts? moonrig.Settings
---@return moonrig.Port
function Sim:connect(opts) end

--- Answers to all who connect to a URL.
---@param url string  as for `rig.listen`
---@param opts? moonrig.ListenOptions
---@return moonrig.Listener
function Sim:listen(url, opts) end

--- Answers at a port until it closes.
---@async
---@param port moonrig.Port
function Sim:serve(port) end

--- What it answers to a message; nil for nothing. Without faults and delay.
---@param message string
---@return string? reply
function Sim:reply(message) end

--- Adds or replaces a command, as in `on`.
---@param key string
---@param reply string|number|false|function|moonrig.SimSetting
---@return moonrig.Sim self
function Sim:on(key, reply) end

--- Lets something go wrong with replies from now on: `drop`, `garble`, `cut` (half of it), `stall`, `wrong` (the one
--- before, or `reply`), `disconnect`. Without count and probability: once.
---@param kind "drop"|"garble"|"cut"|"stall"|"wrong"|"disconnect"
---@param opts? integer|moonrig.FaultOptions  a number is a count
---@return moonrig.Sim self
function Sim:fault(kind, opts) end

--- Takes faults away.
---@param kind? string  none: all of them
---@return moonrig.Sim self
function Sim:clear_faults(kind) end

--- Back to the state it began with, as `*RST`.
function Sim:reset() end

--- Puts an error into the queue that `SYST:ERR?` reads.
---@param code integer  `-222`
---@param words? string
function Sim:error(code, words) end

--- A random number around 0, normally distributed.
---@param sigma number
---@return number
function Sim:noise(sigma) end

--- A number as SCPI writes it, or nil.
---@param word string
---@return number?
function Sim:number(word) end

--- A value as an instrument writes it: `true` is 1, nan 9.91E37.
---@param value any
---@return string
function Sim:text(value) end

--- Bytes as a definite block, to return from a function of `on`.
---@param bytes string
---@return string
function Sim:block(bytes) end

--- Writes to a client at the rate of the simulator.
---@async
---@param port moonrig.Port
---@param bytes string
function Sim:send(port, bytes) end

--- Ends its listeners and connections.
function Sim:close() end

--- What `rig.sim` accepts, and the file of a simulator returns.
---@class moonrig.SimDescription
---@field idn? string              reply to `*IDN?`
---@field state? table             what it remembers, and begins with again after `*RST`
---@field on? table                command to reply. A key is a header in SCPI's notation with typed parameters
---  (`"[SOURce:]VOLTage <number>"`, `"OUTPut#:STATe?"`), a text, or a Lua pattern when it begins with `^`. A reply is a
---  text (`%1`: the first capture), a number, `false` for none, `function(self, values...)`, or a setting
---@field scpi? boolean            `false`: lines as they are, no `;`, no common commands
---@field delay? number|number[]|function  seconds before a reply; `{least, most}`
---@field rate? number             bytes per second
---@field seed? integer            of its random numbers; default 1
---@field format? string           of floats; default `"%.7g"`
---@field eol? string              after a reply; default `"\n"`
---@field eol_in? string           after a message; default `"\n"`, a `"\r"` before it goes too
---@field echo? boolean            sends back what it is sent
---@field unknown? string|function  reply to what it does not know; none: SCPI's error -113
---@field error_limit? integer     length of the error queue; default 20
---@field faults? table            kind to options, as for `sim:fault`
---@field on_reset? fun(self: moonrig.Sim)
---@field on_close? fun(self: moonrig.Sim)
---@field observer? fun(command: string, reply: string?)  sees every exchange
---@field console? moonrig.SimConsole  makes it a device with a prompt
---@field session? fun(self: moonrig.Sim, port: moonrig.Port)  anything else: talks to one client until it returns

--- A setting of a simulator: `["VOLTage"] = { "volt", min = 0, max = 30 }` takes `VOLT 5`, `VOLT MAX`, `VOLT?`,
--- `VOLT? MAX`. Its kind is that of the value in `state`.
---@class moonrig.SimSetting
---@field min? number
---@field max? number
---@field default? any
---@field choices? string[]        `{"VOLTage", "CURRent"}`: the short form is kept
---@field before? fun(self: moonrig.Sim, value: any)  before it is put in force
---@field on_set? fun(self: moonrig.Sim, value: any)  after that

--- How often a fault strikes, and whom.
---@class moonrig.FaultOptions
---@field count? integer
---@field probability? number      from 0 to 1; for ever, unless there is a count
---@field match? string            Lua pattern of the commands
---@field seconds? number          of a stall; default 1
---@field reply? string            the wrong one

--- A device with a prompt. In a function of `on`, `self:say(text)` writes at once, `self:reboot()` starts over,
--- `self.leave = true` logs out. DTR off holds it in reset; RTS off when DTR comes on again leads to the boot loader.
---@class moonrig.SimConsole
---@field rom? string|table        what it prints first: text, or a list of texts and pauses in seconds
---@field autoboot? {seconds: number?, prompt: string?, on: table?}  a key or a break in that time leads to a boot
---  loader
---@field boot? string|table       what it prints when it goes on
---@field login? table<string, string>  user to password; `""` asks for none
---@field host? string             before "login:"
---@field prompt? string           default `"# "`

--- A simulator's own random numbers: the same seed gives the same ones.
---@class moonrig.Random
local Random = {}

--- From 0 up to, not including, 1.
---@return number
function Random:uniform() end

--- Normally distributed around 0.
---@param sigma? number  default 1
---@return number
function Random:normal(sigma) end

--- A whole number.
---@param low integer
---@param high integer
---@return integer
function Random:integer(low, high) end

--- A function that runs beside the others, started with `rig.spawn`.
---@class moonrig.Task
local Task = {}

--- Waits for its end and returns its results, or raises its error.
---@async
---@param timeout? moonrig.Seconds  for ever unless said
---@return any ...
function Task:join(timeout) end

--- Raises `cancelled` in it, at the point where it waits or will wait next, once. Its `<close>` variables are closed
--- and may wait while they clean up. It may catch the error and go on.
---@param reason? string
---@return moonrig.Task
function Task:cancel(reason) end

--- What it is doing.
---@return "ready"|"running"|"waiting"|"done"|"failed"
function Task:status() end

--- The tasks of one `rig.group`.
---@class moonrig.Group
local Group = {}

--- As `rig.spawn`, for a task that belongs to the group.
---@param fn fun(...)
---@param ... any
---@return moonrig.Task
function Group:spawn(fn, ...) end

--- Values from tasks to tasks. `#queue` is how many are in it.
---@class moonrig.Queue
---@operator len: integer
local Queue = {}

--- Puts a value at the end; waits while the queue is full.
---@async
---@param value any  not nil
---@param timeout? moonrig.Seconds  for ever unless said
---@return moonrig.Queue
function Queue:push(value, timeout) end

--- Takes the value at the front; waits while there is none.
---@async
---@param timeout? moonrig.Seconds  for ever unless said
---@return any
function Queue:pop(timeout) end

--- Keeps tasks out of each other's way.
---@class moonrig.Lock
local Lock = {}

--- Takes the lock, in line behind those who came before.
---@async
---@param timeout? moonrig.Seconds  for ever unless said
---@return moonrig.Held
function Lock:acquire(timeout) end

--- Runs `fn(...)` while holding the lock, and returns its results.
---@async
---@param fn fun(...): ...
---@param ... any
---@return any ...
function Lock:with(fn, ...) end

--- A lock that is held: `local held <close> = lock:acquire()` gives it back at the end of the block.
---@class moonrig.Held
local Held = {}

--- Gives the lock back; twice does no harm.
function Held:release() end

--- What is raised. `tostring(err)` is where and message. Branch on `code`, show `message`.
---@class moonrig.Error
---@field code moonrig.ErrorCode
---@field message string    what was wrong, where, what to do
---@field where? string     the line of the script: "psu.lua:12"
---@field op? string        the method: "read_line"
---@field url? string       of the port
---@field received? string  what had arrived (at most 64 KiB); on an open port these bytes can still be read
---@field written? integer  of a write: how many bytes went
---@field errno? integer    the system's number, where it has one
---@field status? integer   of `exec:`: the exit status of the program that has ended
---@field query? string     of an instrument: the command
---@field errors? table     of `check_errors`: a list of `{code, text}`

---@alias moonrig.ErrorCode
---| "timeout"      # not within the time
---| "closed"       # the port is closed, or its other end went away
---| "refused"      # the other end said no
---| "busy"         # another program or task has it
---| "not_found"    # no such device, host or file
---| "permission"   # this user may not
---| "unsupported"  # bad URL, option or argument, or this transport cannot
---| "protocol"     # the other end broke the rules
---| "cancelled"    # the task was cancelled, or Ctrl-C
---| "system"       # anything else the system reports

--- JSON (RFC 8259) that keeps what it is given: integers stay integers, floats read back the same.
---@class moonrig.Json
---@field null table  JSON's null inside an array or object
local Json = {}

--- Writes a value as JSON. What JSON cannot hold raises `unsupported` unless an option says what to write instead.
---@param value any
---@param opts? moonrig.JsonOptions
---@return string
function Json.encode(value, opts) end

--- Reads JSON.
---@param text string
---@param opts? moonrig.JsonOptions
---@return any
function Json.decode(text, opts) end

--- Marks a table as an array, so that it is written as `[]` also when it is empty.
---@param t? table
---@return table
function Json.array(t) end

--- Marks a table as an object.
---@param t? table
---@return table
function Json.object(t) end

---@class moonrig.JsonOptions
---@field sort? boolean      keys in byte order; default true
---@field indent? integer    spaces a level; default: all on one line
---@field depth? integer     how deep tables may nest; default 128
---@field nonfinite? "error"|"null"|"string"|"literal"  NaN and infinities; default "error"
---@field invalid? "error"|"replace"|"escape"  bytes that are not UTF-8; default "error"

--- `rig.test`: what a procedure file says. `moonrig test FILE.lua --dut SERIAL` runs it; each unit gets the file
--- loaded anew. A mistake in it raises `unsupported` before anything is opened.
---@class moonrig.Procedures
local Procedures = {}

--- Says what the procedure is; once in a file, before its phases.
---@param given moonrig.Procedure
function Procedures.procedure(given) end

--- Declares a phase. They run in the order of the file. A phase that fails does not keep the next from running; one
--- that ends with an error, or in its timeout, does.
---@param name string  unique in the file
---@param opts? moonrig.PhaseOptions
---@param fn fun(t: moonrig.Test)
---@overload fun(name: string, fn: fun(t: moonrig.Test))
function Procedures.phase(name, opts, fn) end

--- Declares a group: what `fn` declares with `test.setup`, `test.phase`, `test.group` and `test.teardown` belongs to
--- it. Its setup comes first and its teardown last, whatever happens in between; `retry` tries it again as a whole,
--- and every attempt is kept. In the record its phases are called "group/phase".
---@param name string
---@param opts? moonrig.GroupOptions
---@param fn fun()
---@overload fun(name: string, fn: fun())
function Procedures.group(name, opts, fn) end

--- Declares what comes before the phases. When it does not pass, no phase runs. Name and options may be missing:
--- `test.setup(function(t) ... end)`.
---@param name? string
---@param opts? moonrig.PhaseOptions
---@param fn fun(t: moonrig.Test)
---@overload fun(fn: fun(t: moonrig.Test))
---@overload fun(name: string, fn: fun(t: moonrig.Test))
function Procedures.setup(name, opts, fn) end

--- Declares what comes at the end whatever happened before: FAIL, an error, a timeout, Ctrl-C, a lost instrument
--- (which is opened again for it). All of them run, also when one fails; they have `teardown_budget` together, and
--- Ctrl-C does not cut them short. Then the safe states of the instruments are set. An error here turns the run to
--- ERROR.
---@param name? string
---@param opts? moonrig.PhaseOptions
---@param fn fun(t: moonrig.Test)
---@overload fun(fn: fun(t: moonrig.Test))
---@overload fun(name: string, fn: fun(t: moonrig.Test))
function Procedures.teardown(name, opts, fn) end

---@class moonrig.Procedure
---@field name string
---@field version? string
---@field part? string             part number of the units
---@field serial? string           Lua pattern that serial numbers have to match: "^PSU%d+$"
---@field instruments? string[]    to open before the first phase; others are opened when they are first used
---@field stop_on_fail? boolean    a phase that fails ends the run; default false
---@field teardown_budget? number  seconds for all of teardown; default 30
---@field limits? string           path of a file with limits, Lua or CSV, beside the procedure; see the guide
---@field subunits? moonrig.DeclaredSubunit[]  parts of the unit that have serial numbers of their own, to be asked for
---@field meta? table<string, boolean|number|string>  what else each run shall say; `--meta` goes before it

---@class moonrig.DeclaredSubunit
---@field name string              its place in the unit: "radio"
---@field part? string
---@field revision? string
---@field serial? string           Lua pattern that its serial number has to match

--- How often to try again.
---@class moonrig.Retry
---@field limit integer            further attempts; `math.huge`: until it passes
---@field delay? number            seconds before each of them
---@field then? "stop"|"continue"  what follows the last one that did not pass; default: a FAIL goes on, an ERROR stops

--- Options of a group.
---@class moonrig.GroupOptions
---@field retry? integer|moonrig.Retry  of the group as a whole, with its setup and teardown
---@field stop_on_fail? boolean    as in `test.procedure`, for this group
---@field when? fun(values: table): boolean  whether to run it
---@field teardown_budget? number  seconds for its teardown; default: the procedure's

--- Options of a phase. Every attempt is recorded; the last one counts.
---@class moonrig.PhaseOptions
---@field retry? integer|moonrig.Retry  how often to try again when it does not pass
---@field timeout? number          seconds for one attempt; a run with a phase that took longer is a TIMEOUT
---@field on_timeout? "stop"|"continue"|"retry"  what follows then; default: another attempt if there is one, else stop
---@field when? fun(values: table): boolean  whether to run it; `values` are the measurements so far, by name
---@field background? boolean      runs beside the phases after it; ends with its group (the wait it is in is cut short)
---@field interruptible? boolean   false: Ctrl-C has an effect only when it is over
---@field stop_on_fail? boolean    as in `test.procedure`, for this phase
---@field limits? table<string, moonrig.Limits>  of measurements, by name; the phase fails when one of them is not taken

--- `t`, what the function of a phase is given. `t.psu` is the instrument that the station file calls `psu`.
---@class moonrig.Test
---@field dut moonrig.Dut   the unit under test
---@field attempt integer   1, 2, ... when the phase is retried
---@field [string] any      the instruments of the station, by name
local Test = {}

--- Records a number, and judges it. It is on the disk when this returns.
---@param name string   unique in the phase
---@param value number  NaN never passes
---@param given? moonrig.Limits  none: for information, or declared with the phase
---@return boolean passed
---  Raises: unsupported (no number, limits that cannot be), system (the record cannot be written)
function Test:measure(name, value, given) end

--- Records a value of any kind, and judges it. Without limits it has to be the boolean `true`.
---@param name string
---@param value boolean|number|string
---@param given? moonrig.Limits
---@return boolean passed
---  Raises: unsupported, system
function Test:check(name, value, given) end

--- Records a series of points (a frequency response, a burn-in) and judges it: each point, and what they come to. Each
--- point is on the disk when `add` returns, whatever happens then.
---@async
---@param name string   unique in the phase; that of an aggregate is `name.mean`
---@param points (number|number[])[]|fun(add: fun(x: number, y?: number): boolean)  a list of `{x, y}` or of values,
---  which are numbered; or a function that measures and calls `add(x, y)` or `add(y)`, which says whether it passed
---@param given? moonrig.Limits
---@return boolean passed
---  Raises: unsupported, system, and what the function raises; what it has measured until then is kept
function Test:series(name, points, given) end

--- Adds a line to the log of the run.
---@param message string
---@param level? "debug"|"info"|"warning"|"error"  default "info"
function Test:log(message, level) end

--- Ends the phase as SKIP; what it declared and did not measure is SKIPPED.
---@param reason? string
function Test:skip(reason) end

--- Ends the phase as FAIL.
---@param message? string  why, for a person
---@param code? string     a failure code of your own
function Test:fail(message, code) end

--- Ends the attempt as FAIL and asks for another one: as many as the phase's option `retry` says, else three.
---@param message? string
function Test:retry(message) end

--- Ends the run as ABORTED; teardown follows.
---@param message? string  why, for a person
function Test:abort(message) end

--- Adds a file to the record: its bytes, kept once however often they are attached.
---@param name string   with its extension, which says what it is: "scope.png"
---@param data string   the bytes
---@param mime? string  when the extension does not say it: "application/x-dump"
---  Raises: unsupported, system
function Test:attach(name, data, mime) end

--- Says that the unit has a part with a serial number of its own, which the procedure has read from it. All that are
--- known are in `t.dut.subunits`.
---@param name string    its place in the unit: "radio"
---@param serial string
---@param more? { part: string?, revision: string? }
---  Raises: unsupported (it had another serial number before), system
function Test:subunit(name, serial, more) end

--- Asks the operator, and waits for the answer, which is recorded. An answer that is not possible is asked for again.
---@async
---@param message string
---@param opts? moonrig.PromptOptions
---@return boolean|number|string answer  of `kind`
---  Raises: timeout (nobody answered), closed (nobody is there), unsupported
function Test:prompt(message, opts) end

---@class moonrig.PromptOptions
---@field kind? "text"|"number"|"choice"|"yesno"|"image"  default: by the options below, else "text"
---@field options? string[]   what may be chosen: by its number or the beginning of its name
---@field min? number         of a number
---@field max? number
---@field unit? string        shown behind a number's question
---@field matches? string     Lua pattern for a text
---@field image? string       path of a picture to look at; the answer is yes or no
---@field timeout? number     seconds; default: none

---@class moonrig.Dut
---@field serial string
---@field part? string
---@field revision? string
---@field batch? string
---@field subunits moonrig.Subunit[]  what it is made of

---@class moonrig.Subunit
---@field name string
---@field serial string
---@field part? string
---@field revision? string

--- Limits of a measurement, and what else is known about it. All that is given has to hold; what is not known raises.
---@class moonrig.Limits
---@field min? number|number[][]  least value that passes; of a series also points `{x, limit}` with straight lines
---  between them
---@field max? number|number[][]  greatest value that passes
---@field marginal_min? number   a value below passes, marked as marginal
---@field marginal_max? number   a value above passes, marked as marginal
---@field within? table          `{nominal = n, percent = p}` or `{nominal = n, absolute = a}`, in place of min and max
---@field equals? boolean|number|string
---@field one_of? (boolean|number|string)[]
---@field matches? string        Lua pattern for a string
---@field satisfies? fun(value: any, earlier: table): boolean, string  also says why; earlier: this run's values; a
---  series is `{x = ..., y = ...}`
---@field text? string           the limits in words, for reports
---@field unit? string           recorded with the value; nothing is converted
---@field doc? string            what is measured
---@field instrument? string     name of the instrument that measured it
---@field uncertainty? number    in `unit`
---@field stop_on_fail? boolean  a FAIL ends phase and run
---@field x? table               the axis of a series: `{name = "frequency", unit = "Hz", log = true}`
---@field aggregate? table<string, moonrig.Limits>  of what a series comes to: `min`, `max`, `mean`, `stddev`, `p95`
---  (percentiles); each becomes a measurement of its own, `NAME.mean`

--- What a station file returns: the instruments of a bench, and where their results go. Paths in it are relative to
--- its folder. For completion in it: `---@type moonrig.StationFile` above `local station = { ... }`.
---@class moonrig.StationFile
---@field name? string       default: the name of the computer
---@field results? string    the record; default "results.db" in the folder where the test is started
---@field key? string        the file of the key that runs are signed with; `moonrig keygen` makes one
---@field instruments? table<string, moonrig.StationInstrument>  by the names that procedures use: `t.psu`
---@field sites? table<string, { instruments: table<string, moonrig.StationInstrument> }>  places for a unit, each with
---  instruments of its own besides those of the station; `--site` says which
---@field calibration_policy? { warn_days: integer?, when_over: "warn"|"refuse" }  default: warn, from 30 days before
---@field meta? table<string, string|number|boolean>  what each run's record says besides: laboratory, address, ...;
---  `--meta` says it of one run
---@field traffic? boolean    attach what passes between a run and its instruments to the run, as `--traffic` does

---@class moonrig.StationInstrument
---@field url? string|string[]      of its port. A list: where to look for the one that `idn` means;
---  `/dev/ttyUSB*` and `hwgrep://` stand for all that there are
---@field options? moonrig.OpenOptions  of its port; with a list of URLs, `timeout` is for each of them (default 2 s)
---@field driver? string            "scpi" (default), "port" for the port itself, or a Lua module with a function
---  `open(port, entry)`, which returns what procedures get
---@field idn? string|false         Lua pattern that "maker,model,serial,firmware" has to match; false: do not ask
---@field safe_state? string[]|fun(instrument: any)  at the end of each run, whatever happened
---@field simulator? string         file of the simulator that `--simulate` puts in its place
---@field simulated? boolean        what is at `url` is a simulator: runs are marked
---@field calibration? moonrig.Calibration

---@class moonrig.Calibration
---@field due? string          "2027-01-31"; after that day each run has a warning
---@field certificate? string

return rig
