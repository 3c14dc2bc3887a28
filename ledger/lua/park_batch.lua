-- An attempt at a batch or a file ends; the record then waits for its jobs or for a time.
-- KEYS  1 the record
-- ARGV  1 id, 2 token, 3 milliseconds to wait at the most,
--       4 '1' if all its jobs are there: then the end of the last one calls it in,
--       5 '1' if it is known that the batch is to end
-- Gives 'held' when done, 'settled' when done before, 'lost' when nothing was changed
-- Caller: ledger/openai/batches.py Batches.park

local id, token, wait, complete = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4]

local verdict = lease_of(id, token)
if verdict ~= 'held' then return verdict end

local now = now_ms()
settle(id, BATCH_QUEUE, token)
redis.call('HSET', KEYS[1], 'attempts', 0, 'losses', 0)
redis.call('HDEL', KEYS[1], 'company')
local written, ending = unpack(redis.call('HMGET', KEYS[1], 'written', 'ending'))
if complete == '1' then redis.call('HSET', KEYS[1], 'jobs', written or 0) end
park(id, now + wait, now)
-- Events between the attempt's look and now: a cancellation, the end of the last job.
if (ending and ARGV[5] ~= '1') or all_ended(id) then call_in(id, now) end
fill(BATCH_QUEUE, now)
return verdict
