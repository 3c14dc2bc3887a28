-- Nobody wants a dead letter any more: it counts as cancelled, and nobody is told.
-- KEYS  1 the record
-- ARGV  1 id, 2 a nonce of the caller
-- Gives {'dropped' or 'refused', the state that follows}, or {'unknown', ''}
-- Caller: ledger/dead_letters.py DeadLetters.drop

local id, nonce = ARGV[1], ARGV[2]
local state, last = unpack(redis.call('HMGET', KEYS[1], 'state', 'dropped'))
if not state then return { 'unknown', '' } end
if last == nonce then return { 'dropped', state } end
if state ~= 'dead' then return { 'refused', state } end

local now = now_ms()
redis.call('ZREM', DEAD, id)
redis.call('ZADD', ENDED, now, id)
redis.call('HSET', KEYS[1], 'state', 'cancelled', 'updated', now, 'dropped', nonce)
redis.call('HINCRBY', CLOSED, string.match(id, '^%l+') .. ':cancelled', 1)
return { 'dropped', 'cancelled' }
