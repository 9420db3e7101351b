-- Chunkcast for Wireshark and tshark: every kind and field of proto/README.md, by the names that it has there.
--   tshark -X lua_script:scripts/chunkcast.lua -i eth0 -Y chunkcast
-- For good, copy it into the folder that Wireshark calls its personal Lua plugins (Help, About, Folders).
--
-- Datagrams are known by their mark and version, at whatever port. The preference "UDP ports" names ports at which
-- datagrams of other versions are shown too.
--
-- Of keyed streams, which are sealed, this shows what is readable. Lua has no ciphers here: scripts/open-capture opens a
-- capture, given the key, and what it writes is shown in full.

local chunkcast = Proto("chunkcast", "Chunkcast")

local KINDS = {
  [1] = "data", [2] = "parity", [3] = "hello", [4] = "goodbye", [5] = "report", [6] = "resend",
  [7] = "ping", [8] = "pong", [9] = "gone", [10] = "again", [11] = "subscribe", [12] = "subscribe reply",
  [129] = "signed data", [130] = "signed parity", [138] = "signed again",
}
local STATES = { [0] = "live", [1] = "gone" }
local STATUSES = { [0] = "token not shown", [1] = "no place", [2] = "locked" }
local SUITES = { [1] = "AES-256-GCM", [2] = "ChaCha20-Poly1305" }
local HEADER = 40
local VERSION = 1
-- Of sealed ones: the bytes before what is between the counter and the body, and of the tag.
local SEALED_VERSION = 2
local SEALED_HEADER = 44
local TAG = 16
local SIGNATURE = 64

local f = {
  mark = ProtoField.string("chunkcast.mark", "Mark"),
  version = ProtoField.uint8("chunkcast.version", "Version"),
  kind = ProtoField.uint8("chunkcast.kind", "Kind", base.DEC, KINDS),
  session = ProtoField.uint64("chunkcast.session", "Session", base.HEX),
  frame = ProtoField.uint32("chunkcast.frame", "Frame id"),
  part = ProtoField.uint8("chunkcast.part", "Part"),
  parts = ProtoField.uint8("chunkcast.parts", "Parts"),
  index = ProtoField.uint16("chunkcast.index", "Chunk index"),
  data_chunks = ProtoField.uint16("chunkcast.data_chunks", "Data chunks"),
  parity_chunks = ProtoField.uint16("chunkcast.parity_chunks", "Parity chunks"),
  length = ProtoField.uint32("chunkcast.length", "Length"),
  captured = ProtoField.uint64("chunkcast.captured", "Capture time, µs"),
  time = ProtoField.absolute_time("chunkcast.time", "Capture time"),
  checksum = ProtoField.uint32("chunkcast.checksum", "Checksum", base.HEX),
  checksum_is_right = ProtoField.bool("chunkcast.checksum.right", "Checksum is right"),
  chunk = ProtoField.bytes("chunkcast.chunk", "Chunk"),
  parity_checksum = ProtoField.uint32("chunkcast.parity.checksum", "Checksum of the part", base.HEX),
  trailer = ProtoField.bytes("chunkcast.trailer", "Bytes after what is known"),
  state = ProtoField.uint8("chunkcast.hello.state", "State", base.DEC, STATES),
  name = ProtoField.string("chunkcast.hello.name", "Name", base.UNICODE),
  flags = ProtoField.uint8("chunkcast.hello.flags", "Flags", base.HEX),
  is_group = ProtoField.bool("chunkcast.hello.group", "Sends to a group", 8, nil, 0x01),
  resends = ProtoField.bool("chunkcast.hello.resends", "Answers retransmission requests", 8, nil, 0x02),
  viewers = ProtoField.uint16("chunkcast.hello.viewers", "Viewers"),
  report_every = ProtoField.uint16("chunkcast.hello.report_every", "Report every, ms"),
  interval = ProtoField.uint32("chunkcast.hello.interval", "Frame interval, us"),
  signer = ProtoField.bytes("chunkcast.hello.signer", "Signer"),
  capture_error = ProtoField.uint32("chunkcast.hello.capture_error", "Capture error, us"),
  token = ProtoField.uint64("chunkcast.token", "Token", base.HEX),
  asked = ProtoField.uint64("chunkcast.pong.asked", "Asked, µs on the receiver's clock"),
  heard = ProtoField.uint64("chunkcast.pong.heard", "Heard, µs"),
  leaves = ProtoField.bool("chunkcast.subscribe.leaves", "Leaves", 8, nil, 0x01),
  counter = ProtoField.uint64("chunkcast.counter", "Counter", base.HEX),
  stream = ProtoField.uint24("chunkcast.stream", "Stream"),
  count = ProtoField.uint64("chunkcast.count", "Count"),
  key_id = ProtoField.bytes("chunkcast.key_id", "Key id"),
  receiver = ProtoField.uint64("chunkcast.receiver", "Receiver", base.HEX),
  salt = ProtoField.bytes("chunkcast.salt", "Salt"),
  suite = ProtoField.uint8("chunkcast.suite", "Suite", base.DEC, SUITES),
  sealed = ProtoField.bytes("chunkcast.sealed", "Sealed body"),
  tag = ProtoField.bytes("chunkcast.tag", "Tag"),
  status = ProtoField.uint8("chunkcast.subscribe_reply.status", "Status", base.DEC, STATUSES),
  needed = ProtoField.uint16("chunkcast.resend.needed", "Chunks needed"),
  ranges = ProtoField.uint16("chunkcast.resend.ranges", "Ranges"),
  range_first = ProtoField.uint16("chunkcast.resend.first", "First chunk"),
  range_chunks = ProtoField.uint16("chunkcast.resend.chunks", "Chunks"),
  trains = ProtoField.uint16("chunkcast.report.trains", "Trains"),
  train_frame = ProtoField.uint32("chunkcast.train.frame", "Frame id"),
  train_first = ProtoField.uint16("chunkcast.train.first", "First"),
  train_last = ProtoField.uint16("chunkcast.train.last", "Last"),
  train_part = ProtoField.uint8("chunkcast.train.part", "Part"),
  train_span = ProtoField.uint24("chunkcast.train.span", "Span, µs"),
  train_missing_first = ProtoField.uint16("chunkcast.train.missing_first", "Missing in the first half"),
  train_missing_second = ProtoField.uint16("chunkcast.train.missing_second", "Missing in the second half"),
}
-- A report's counters, in their order.
local COUNTERS = {
  "delivered", "lost", "repaired", "resent", "arrived", "missing", "kernel_dropped", "decode_dropped",
  "display_dropped",
}
for _, name in ipairs(COUNTERS) do
  f[name] = ProtoField.uint32("chunkcast.report." .. name, (name:gsub("^%l", string.upper):gsub("_", " ")))
end
chunkcast.fields = f

local e = {
  damaged = ProtoExpert.new("chunkcast.damaged", "The checksum is wrong", expert.group.CHECKSUM, expert.severity.ERROR),
  malformed = ProtoExpert.new("chunkcast.malformed", "A field is impossible", expert.group.MALFORMED, expert.severity.ERROR),
  unknown = ProtoExpert.new("chunkcast.unknown", "Not known here", expert.group.UNDECODED, expert.severity.NOTE),
}
chunkcast.experts = e

chunkcast.prefs.ports = Pref.range("UDP ports", "", "Ports of which everything with the mark is Chunkcast's", 65535)
chunkcast.prefs.check = Pref.bool("Check the checksum", true, "CRC-32 of all but its own four bytes")

-- CRC-32 as in Ethernet, of the bytes 0 to 35 and 40 to the end (section 2).
local CRC_TABLE = {}
for byte = 0, 255 do
  local value = byte
  for _ = 1, 8 do
    local bits = bit.rshift(value, 1)
    value = bit.band(value, 1) == 1 and bit.bxor(bits, 0xedb88320) or bits
  end
  CRC_TABLE[byte] = value
end

local function crc32(text)
  local crc = 0xffffffff
  for i = 1, #text do
    crc = bit.bxor(CRC_TABLE[bit.band(bit.bxor(crc, text:byte(i)), 0xff)], bit.rshift(crc, 8))
  end
  -- The library's numbers are signed.
  return bit.bxor(crc, 0xffffffff) % 0x100000000
end

-- Bytes of a whole chunk of such a part, or nil if there is no such part (section 4).
local function chunk_bytes(length, chunks)
  if length < 1 or length > 16777216 or chunks < 1 or chunks > 16384 then return nil end
  local bytes = math.ceil(length / chunks)
  bytes = bytes + bytes % 2
  return bytes * (chunks - 1) < length and bytes or nil
end

-- How many parity chunks beside the first one a part of so many data chunks can have (section 5).
local function most_parity(chunks)
  local most = 8
  while most < math.ceil(chunks / 2) and most < 2048 do most = most * 2 end
  return most
end

local function is_utf8(text)
  local at = 1
  while at <= #text do
    local first = text:byte(at)
    local more = first < 0x80 and 0 or first >= 0xc2 and first < 0xe0 and 1 or first >= 0xe0 and first < 0xf0 and 2
      or first >= 0xf0 and first < 0xf5 and 3
    if not more or not text:find("^" .. string.rep("[\128-\191]", more), at + 1) then return false end
    at = at + 1 + more
  end
  return true
end

-- Reads a body from its front. What it does not have is nil, and is shown as missing once.
local function reader(tvb, from, to, tree)
  local at, is_short = from, false
  local self = { tree = tree }
  function self.add(field, bytes, parent)
    if is_short or at + bytes > to then
      if not is_short then tree:add_proto_expert_info(e.malformed, "The body is too short") end
      is_short = true
      return nil
    end
    local range = tvb(at, bytes)
    at = at + bytes
    if field == f.name then
      if bytes > 0 then tree:add_packet_field(field, range, ENC_UTF_8) end
    elseif field then
      (parent or tree):add(field, range)
    end
    return range
  end
  function self.left() return to - at end
  function self.rest() return at end
  return self
end

local bodies = {}

bodies[3] = function(body, tree)
  local state = body.add(f.state, 1)
  local length = body.add(nil, 1)
  if not length then return "" end
  if state:uint() > 1 then tree:add_proto_expert_info(e.malformed, "The state is neither 0 nor 1") end
  if length:uint() > 64 then
    tree:add_proto_expert_info(e.malformed, "The name is longer than 64 bytes")
    return ""
  end
  local name = body.add(f.name, length:uint())
  if not name then return "" end
  local shown = length:uint() > 0 and name:raw() or ""
  if not is_utf8(shown) then tree:add_proto_expert_info(e.malformed, "The name is no UTF-8") end
  local text = string.format(', "%s"', shown)
  if state:uint() == 1 then text = text .. ", source gone" end
  -- The invitation.
  if body.left() >= 5 then
    local flags = body.add(nil, 1)
    local branch = tree:add(f.flags, flags)
    branch:add(f.is_group, flags)
    branch:add(f.resends, flags)
    text = text .. string.format(", %d viewers", body.add(f.viewers, 2):uint())
    body.add(f.report_every, 2)
    if body.left() >= 4 then body.add(f.interval, 4) end
    if body.left() >= 32 then body.add(f.signer, 32) end
    if body.left() >= 4 then body.add(f.capture_error, 4) end
  end
  return text
end

bodies[5] = function(body, tree)
  body.add(f.token, 8)
  for _, name in ipairs(COUNTERS) do body.add(f[name], 4) end
  local trains = body.add(f.trains, 2)
  if not trains then return "" end
  if trains:uint() > 16 then
    tree:add_proto_expert_info(e.malformed, "More than 16 trains")
    return ""
  end
  for number = 1, trains:uint() do
    if body.left() < 16 then
      body.add(nil, 16)
      break
    end
    local branch = tree:add(chunkcast, string.format("Train %d", number))
    body.add(f.train_frame, 4, branch)
    body.add(f.train_first, 2, branch)
    body.add(f.train_last, 2, branch)
    body.add(f.train_part, 1, branch)
    body.add(f.train_span, 3, branch)
    body.add(f.train_missing_first, 2, branch)
    body.add(f.train_missing_second, 2, branch)
  end
  return string.format(", %d trains", trains:uint())
end

bodies[6] = function(body, tree)
  body.add(f.token, 8)
  local needed = body.add(f.needed, 2)
  if needed and needed:uint() == 0 then
    tree:add_proto_expert_info(e.malformed, "Needs no chunk")
    return ""
  end
  local ranges = body.add(f.ranges, 2)
  if not ranges then return "" end
  if ranges:uint() == 0 then
    tree:add_proto_expert_info(e.malformed, "Names no chunk")
    return ""
  end
  if ranges:uint() > 64 then
    tree:add_proto_expert_info(e.malformed, "More than 64 ranges")
    return ""
  end
  local next, words = 0, {}
  for _ = 1, ranges:uint() do
    local first, chunks = body.add(f.range_first, 2), body.add(f.range_chunks, 2)
    if not chunks then break end
    local from, to = first:uint(), first:uint() + chunks:uint()
    if from < next or to == from or to > 16384 then
      tree:add_proto_expert_info(e.malformed, "A range is empty, beyond all chunks, or out of order")
    end
    next = to
    words[#words + 1] = to - from == 1 and from or string.format("%d-%d", from, to - 1)
  end
  return ", chunks " .. table.concat(words, " ")
end

bodies[7] = function(body)
  body.add(f.token, 8)
  body.add(nil, 16)
  return ""
end

bodies[8] = function(body)
  body.add(f.token, 8)
  body.add(f.asked, 8)
  body.add(f.heard, 8)
  return ""
end

bodies[11] = function(body)
  body.add(f.token, 8)
  local flags = body.add(f.leaves, 1)
  body.add(nil, 7)
  return flags and bit.band(flags:uint(), 1) == 1 and ", leaves" or ""
end

bodies[12] = function(body)
  local token = body.add(f.token, 8)
  local status = body.add(f.status, 1)
  -- The sender is keyed: its key's id stands in the token's place.
  if status and status:uint() == 2 then body.tree:add(f.key_id, token) end
  return status and ", " .. (STATUSES[status:uint()] or "no place") or ""
end

-- Data, parity and again: returns what the list of packets says.
local function chunk(tvb, tree, kind, is_signed)
  local part, parts, index = tvb(16, 1):uint(), tvb(17, 1):uint(), tvb(18, 2):uint()
  local chunks, length = tvb(20, 2):uint(), tvb(24, 4):uint()
  local bytes = chunk_bytes(length, chunks)
  local function wrong(why)
    tree:add_proto_expert_info(e.malformed, why)
    return string.format(", chunk %d: %s", index, why)
  end
  if part >= parts then return wrong("the part is not one of the parts") end
  if is_signed and part + 1 < parts then return wrong("the signature is not at the end of the frame") end
  if not bytes then return wrong("a part of this length cannot have so many chunks") end
  if is_signed and length <= SIGNATURE then return wrong("nothing is left beside the signature") end
  local at, size, text = HEADER, bytes, ""
  if kind == 2 then
    if index < chunks or index - chunks > most_parity(chunks) then return wrong("no parity chunk has this index") end
    if tvb:len() < HEADER + 4 then return wrong("the payload is too short") end
    tree:add(f.parity_checksum, tvb(HEADER, 4))
    at = HEADER + 4
    text = string.format(", parity %d of %d", index - chunks, tvb(22, 2):uint())
  else
    if index >= chunks then return wrong("no data chunk has this index") end
    size = math.min(bytes, length - index * bytes)
    text = string.format(", chunk %d of %d", index, chunks)
  end
  if tvb:len() < at + size then return wrong("the payload is too short") end
  tree:add(f.chunk, tvb(at, size))
  if tvb:len() > at + size then tree:add(f.trailer, tvb(at + size)) end
  if parts > 8 then tree:add_proto_expert_info(e.unknown, "Frames of so many parts are not known here") end
  return parts > 1 and text .. string.format(", part %d of %d", part, parts) or text
end

-- What both versions begin with.
local function header(tvb, tree, kind)
  tree:add(f.kind, tvb(3, 1))
  tree:add(f.session, tvb(4, 8))
  tree:add(f.frame, tvb(12, 4))
  tree:add(f.part, tvb(16, 1))
  tree:add(f.parts, tvb(17, 1))
  tree:add(f.index, tvb(18, 2))
  tree:add(f.data_chunks, tvb(20, 2))
  tree:add(f.parity_chunks, tvb(22, 2))
  tree:add(f.length, tvb(24, 4))
  tree:add(f.captured, tvb(28, 8))
  -- A receiver's clock begins anywhere.
  if kind < 5 or (kind > 7 and kind ~= 11) then
    local micros = tvb(28, 8):uint64()
    local seconds = (micros / 1000000):tonumber()
    if seconds < 0x80000000 then
      local time = NSTime.new(seconds, (micros % 1000000):tonumber() * 1000)
      tree:add(f.time, tvb(28, 8), time):set_generated()
    end
  end
  if tvb(4, 8):uint64() == UInt64(0) then tree:add_proto_expert_info(e.malformed, "The session is 0") end
end

-- A sealed datagram (section 18): returns what the list of packets says.
local function sealed(tvb, tree, kind)
  local is_receivers = kind >= 5 and kind <= 7 or kind == 11
  local at = SEALED_HEADER
  if is_receivers then at = at + 16 elseif kind == 3 or kind == 12 then at = at + 25 end
  if tvb:len() < at + TAG then
    tree:add_proto_expert_info(e.malformed, "It has no room for a tag")
    return ""
  end
  local counter = tree:add(f.counter, tvb(36, 8))
  local text
  if is_receivers then
    counter:add(f.count, tvb(36, 8))
    tree:add(f.key_id, tvb(44, 8))
    tree:add(f.receiver, tvb(52, 8))
    text = string.format(", count %s of receiver %s", tvb(36, 8):uint64(), tvb(52, 8))
  else
    counter:add(f.stream, tvb(36, 3))
    counter:add(f.count, tvb(39, 5))
    if at > SEALED_HEADER then
      tree:add(f.key_id, tvb(44, 8))
      tree:add(f.salt, tvb(52, 16))
      tree:add(f.suite, tvb(68, 1))
    end
    text = string.format(", count %s of stream %d", tvb(39, 5):uint64(), tvb(36, 3):uint())
  end
  if tvb:len() > at + TAG then tree:add(f.sealed, tvb(at, tvb:len() - at - TAG)) end
  tree:add(f.tag, tvb(tvb:len() - TAG))
  return text
end

function chunkcast.dissector(tvb, pinfo, root)
  if tvb:len() < 4 or tvb(0, 2):string() ~= "Ck" then return 0 end
  pinfo.cols.protocol = "Chunkcast"
  local tree = root:add(chunkcast, tvb())
  tree:add(f.mark, tvb(0, 2))
  tree:add(f.version, tvb(2, 1))
  local version, kind = tvb(2, 1):uint(), tvb(3, 1):uint()
  if version ~= VERSION and version ~= SEALED_VERSION then
    tree:add_proto_expert_info(e.unknown, "This version is not known here")
    pinfo.cols.info = string.format("version %d", version)
    return tvb:len()
  end
  if tvb:len() < HEADER then
    tree:add_proto_expert_info(e.malformed, "It is shorter than a header")
    return tvb:len()
  end
  local name = KINDS[kind] or string.format("kind %d", kind)
  local plain = kind % 128
  local is_chunk = KINDS[kind] and (plain == 1 or plain == 2 or plain == 10)
  if version == SEALED_VERSION then name = "sealed " .. name end
  tree:append_text(", " .. name)
  header(tvb, tree, kind)
  if not KINDS[kind] then tree:add_proto_expert_info(e.unknown, "This kind is not known here") end
  local text = ""
  if version == SEALED_VERSION then
    if KINDS[kind] then text = sealed(tvb, tree, kind) end
    pinfo.cols.info = string.format("%s, frame %d%s", name, tvb(12, 4):uint(), text)
    return tvb:len()
  end
  tree:add(f.checksum, tvb(36, 4))
  if chunkcast.prefs.check then
    local all = tvb():raw()
    local is_right = crc32(all:sub(1, 36) .. all:sub(HEADER + 1)) == tvb(36, 4):uint()
    tree:add(f.checksum_is_right, is_right):set_generated()
    if not is_right then tree:add_proto_expert_info(e.damaged) end
  end
  if is_chunk then
    text = chunk(tvb, tree, plain, kind > 128)
  elseif bodies[kind] then
    local length = tvb(24, 4):uint()
    if length > tvb:len() - HEADER then
      tree:add_proto_expert_info(e.malformed, "The payload is shorter than its length")
      length = tvb:len() - HEADER
    end
    local body = reader(tvb, HEADER, HEADER + length, tree)
    text = bodies[kind](body, tree)
    if body.rest() < tvb:len() then tree:add(f.trailer, tvb(body.rest())) end
  end
  pinfo.cols.info = string.format("%s, frame %d%s", name, tvb(12, 4):uint(), text)
  return tvb:len()
end

local registered
function chunkcast.prefs_changed()
  local ports = DissectorTable.get("udp.port")
  if registered then ports:remove(registered, chunkcast) end
  registered = chunkcast.prefs.ports
  if registered ~= "" then ports:add(registered, chunkcast) end
end

chunkcast:register_heuristic("udp", function(tvb, pinfo, root)
  if tvb:len() < HEADER or tvb(0, 2):string() ~= "Ck" then return false end
  local version = tvb(2, 1):uint()
  if version ~= VERSION and version ~= SEALED_VERSION then return false end
  chunkcast.dissector(tvb, pinfo, root)
  pinfo.conversation = chunkcast
  return true
end)
