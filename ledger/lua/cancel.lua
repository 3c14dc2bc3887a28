-- A job's owner cancels it.
-- KEYS  1 the record
-- ARGV  1 id
-- Gives the state that follows: 'cancelled', 'running' (its worker is told with the next
--       heartbeat), the state that the job had already ended in, or 'unknown'
-- Caller: ledger/ledger.py Ledger.cancel

local id = ARGV[1]
local state, closed = unpack(redis.call('HMGET', KEYS[1], 'state', 'closed'))
if not state then return 'unknown' end
if closed then return state end
if state == 'running' then
  redis.call('HSET', KEYS[1], 'cancel', 1)
  return state
end
close(id, 'cancelled', now_ms(), {})
return 'cancelled'
