-- Cancel those of some jobs that have not ended.
-- KEYS  none
-- ARGV  their ids
-- Gives how many there were
-- Caller: ledger/openai/batches.py Batches.cancel_lines

local now = now_ms()
local count = 0
for _, id in ipairs(ARGV) do
  local state, closed = unpack(redis.call('HMGET', record_key(id), 'state', 'closed'))
  if state and not closed then
    if state == 'running' then redis.call('HSET', record_key(id), 'cancel', 1)
    else close(id, 'cancelled', now, {}) end
    count = count + 1
  end
end
return count
