-- Send a delivery again. An acknowledged, dead or dropped one gets a fresh schedule; a waiting one
-- is sent now.
-- KEYS  1 the record
-- ARGV  1 id, 2 a nonce of the caller, 3 '1' if it is sent again though it was acknowledged
-- Gives {'replayed', 'refused' or 'acknowledged', the state that follows}, {'disabled', ''} where its
--       endpoint takes nothing, or {'unknown', ''}
-- Caller: ledger/webhooks/deliveries.py Deliveries.replay

local id, nonce = ARGV[1], ARGV[2]
local state, last, receiver, spec = unpack(
  redis.call('HMGET', KEYS[1], 'state', 'replayed', 'receiver', 'spec'))
if not state then return { 'unknown', '' } end
if last == nonce then return { 'replayed', state } end
if state == 'succeeded' and ARGV[3] ~= '1' then return { 'acknowledged', state } end
if state == 'queued' or state == 'running' then return { 'refused', state } end
if cjson.decode(spec).endpoint
  and redis.call('HGET', endpoint_key(receiver), 'state') ~= 'enabled' then
  return { 'disabled', '' }
end

local now = now_ms()
leave_the_dead(id)
redis.call('ZREM', ENDED, id)
redis.call('ZREM', WAITING, id)
redis.call('HDEL', KEYS[1], 'closed', 'failure', 'settled', 'resent', 'due', 'company')
redis.call('HSET', KEYS[1], 'attempts', 0, 'losses', 0, 'rank', now, 'replayed', nonce)
-- The caller says that the receiver works again: one delivery may find out.
redis.call('ZREM', BROKEN, receiver)
stand_in_line(id, DELIVER, now, now)
return { 'replayed', 'queued' }
