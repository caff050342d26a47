-- Stores version 1 of a session unless the id is taken: KEYS[1] the session, ARGV[1] the
-- sealed state, ARGV[2] its life in milliseconds. 1 if stored, else 0.
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
redis.call('HSET', KEYS[1], 'v', '1', 's', ARGV[1], 'e', epoch())
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1
