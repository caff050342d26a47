-- Stands before the other scripts. The epoch names the memory that a session lives in: this process
-- (run_id), in this stretch of being a master (master_replid). A snapshot, or a replica that lags, brings an
-- older state of a session back, and with it the number, and so the nonce, of an answer that has been sent.
local function epoch()
  local run = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)') or ''
  local replication = redis.pcall('INFO', 'replication')
  return run .. ':' .. (type(replication) == 'string' and string.match(replication, 'master_replid:(%w+)') or '')
end
