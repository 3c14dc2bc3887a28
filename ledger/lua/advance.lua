-- A job is prepared and no longer suspect: it goes to the line of the pool that will run it.
-- KEYS  1 the record
-- ARGV  1 id, 2 token, 3 queue, 4 what was prepared (JSON)
-- Gives 'held' when done, 'settled' when done before, 'lost' when nothing was changed
-- Caller: ledger/ledger.py Ledger.advance

local id, token, next_queue, prepared = ARGV[1], ARGV[2], ARGV[3], ARGV[4]

local verdict = lease_of(id, token)
if verdict ~= 'held' then return verdict end

local now = now_ms()
local queue, rank = unpack(redis.call('HMGET', KEYS[1], 'queue', 'rank'))
settle(id, queue, token)
if ends_cancelled(id, now) then return verdict end
redis.call('HSET', KEYS[1], 'stage', 'infer', 'prepared', prepared, 'attempts', 0, 'losses', 0)
redis.call('HDEL', KEYS[1], 'company')
weigh(id)
stand_in_line(id, next_queue, rank, now)
fill(queue, now)
return verdict
