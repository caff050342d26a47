-- Replaces a session's state if it is the one before: KEYS[1] the session, ARGV[1] the
-- version expected, ARGV[2] the new version, ARGV[3] the sealed state. The life of the
-- key stays what it was. 1 if replaced, 0 if another was first, -1 if there is none, or
-- only one from an earlier epoch, which is dropped.
local stored = redis.call('HMGET', KEYS[1], 'v', 'e')
local version = stored[1]
if not version then return -1 end
if stored[2] ~= epoch() then
  redis.call('DEL', KEYS[1])
  return -1
end
if version ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'v', ARGV[2], 's', ARGV[3])
return 1
