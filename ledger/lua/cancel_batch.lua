-- A batch has to end before its jobs have: its owner cancelled it, or its window is over.
-- KEYS  1 the record
-- ARGV  1 id, 2 'cancelled' or 'expired'
-- Gives the status that follows, or 'unknown'
-- Caller: ledger/openai/batches.py Batches.end

local id, how = ARGV[1], ARGV[2]
local state, status, ending, closed = unpack(
  redis.call('HMGET', KEYS[1], 'state', 'status', 'ending', 'closed'))
if not state then return 'unknown' end
if closed or ending or (status ~= 'validating' and status ~= 'in_progress') then return status end

local now = now_ms()
redis.call('HSET', KEYS[1], 'ending', how)
if how == 'cancelled' then
  status = 'cancelling'
  redis.call('HSET', KEYS[1], 'status', status, 'cancelling_at', now)
end
call_in(id, now)
return status
