-- Drop a dead letter: it counts as cancelled, without notice.
-- KEYS  1 the record
-- ARGV  1 id
-- Gives {'dropped' or 'refused', the state that follows}, or {'unknown', ''}
-- Caller: ledger/dead_letters.py DeadLetters.drop

local id = ARGV[1]
local state, dropped = unpack(redis.call('HMGET', KEYS[1], 'state', 'dropped'))
if not state then return { 'unknown', '' } end
-- A client that lost the reply asks again.
if dropped then return { 'dropped', state } end
if state ~= 'dead' then return { 'refused', state } end

local now = now_ms()
leave_the_dead(id)
redis.call('ZADD', ENDED, now, id)
redis.call('HSET', KEYS[1], 'state', 'cancelled', 'dropped', 1, 'updated', now)
return { 'dropped', 'cancelled' }
