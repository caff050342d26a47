-- One message against the window: the whole decision, in one atomic step.
--
-- KEYS  1  the window, a sorted set: ids by T, the member 'floor' half a millisecond above the floor, and the
--          epoch at +inf. One key, so that whatever loses the ids loses the epoch with them.
-- ARGV  1  message id, 16 bytes; empty for a probe, which does all but insert
--       2  T            3  the caller's clock
--       4  past ΔT      5  future δ      6  greatest lawful difference of the two clocks   (2-6 in ms)
--
-- Returns {verdict, floor in ms}.

local window, id = KEYS[1], ARGV[1]
local T, ours = tonumber(ARGV[2]), tonumber(ARGV[3])
local past, future, skew = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local probe = id == ''

local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
if math.abs(now - ours) > skew then return {'clock', 0} end

local function evicts()
  local info = redis.pcall('INFO', 'memory')
  if type(info) ~= 'string' then return false end
  local max, policy = string.match(info, 'maxmemory:(%d+)'), string.match(info, 'maxmemory_policy:([%w-]+)')
  return max ~= nil and max ~= '0' and policy ~= 'noeviction'
end
if probe and evicts() then return {'evicts', 0} end

local function after(text, label)
  local _, last = string.find(text, label, 1, true) -- plain: INFO is long, and a pattern search of it slow
  return last and string.match(text, '^%w+', last + 1)
end

-- The epoch names the memory that the ids live in: this process (run_id), in this stretch of being a master
-- (master_replid, new with every promotion). run_id alone would not notice a master that is demoted, misses
-- what its successor accepts, and is promoted again.
local run = after(redis.call('INFO', 'server'), 'run_id:')
if not run then return {'nameless', 0} end
local replication = redis.pcall('INFO', 'replication')
local replid = type(replication) == 'string' and after(replication, 'master_replid:') or ''
local epoch = run .. ':' .. replid

-- put writes the window's own members even when memory is full, because the purge that frees memory must
-- raise the floor first. Redis refuses a growing write only as a script's first write: after a removal, of
-- a member that never exists, it lets this one through. full then keeps the message itself out.
local full = false
local function put(score, member)
  local reply = redis.pcall('ZADD', window, score, member)
  if type(reply) == 'table' and reply.err then
    redis.call('ZREM', window, 'none')
    redis.call('ZADD', window, score, member)
    full = true
  end
end

local mark = redis.call('ZSCORE', window, 'floor')
local floor = mark and math.floor(tonumber(mark)) or 0
local function raise(ms)
  floor = math.max(floor, ms)
  put(string.format('%d.5', floor), 'floor')
end

if not mark or not redis.call('ZSCORE', window, epoch) then
  -- A new epoch. Nothing accepted so far was stamped later than δ past both clocks: the floor goes above it.
  raise(math.max(now, ours) + future)
  redis.call('ZREMRANGEBYSCORE', window, '+inf', '+inf')
  put('+inf', epoch)
elseif probe then
  raise(floor) -- a write, to learn whether writes pass
end

-- Purge: first the floor, then the ids at or below it, a few a call. It moves once a second, and stays below
-- what the caller's clock may still call fresh.
local cut = math.floor((now - past - skew) / 1000) * 1000 - 1
if cut > floor then raise(cut) end
local forgotten = redis.call('ZCOUNT', window, '-inf', string.format('%d', floor))
if forgotten > 0 then redis.call('ZREMRANGEBYRANK', window, 0, math.min(forgotten, 32) - 1) end

if T < now - past then return {'old', floor} end
if T > now + future then return {'future', floor} end
if T <= floor then return {'floor', floor} end
if full then return {'full', floor} end
if not probe and redis.call('ZADD', window, 'NX', ARGV[2], id) == 0 then return {'replayed', floor} end
return {'new', floor}
