-- Write a batch's record and its place in line, once.
-- KEYS  1 the record, 2 the record of its input file, which is kept until the batch has ended
-- ARGV  1 id, 2 spec (JSON), 3 tenant, 4 milliseconds of its window, 5 '1' if its end is to be told of,
--       6 the most that its tenant may store (see share.lua)
-- Gives {'created'}, {'exists'}, {'full'} when Redis nears its limit, {'no file'}, or what
--       over_share gives
-- Caller: ledger/openai/batches.py Batches.create

local id, spec, tenant, window, callback = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), ARGV[5]

if redis.call('EXISTS', KEYS[1]) == 1 then return { 'exists' } end
if redis.call('EXISTS', FULL) == 1 then return { 'full' } end
local deleted, closed, there = unpack(redis.call('HMGET', KEYS[2], 'deleted', 'closed', 'spec'))
if deleted or closed or not there then return { 'no file' } end
local over = over_share(tenant, tonumber(ARGV[6]), #spec + NEW_BYTES)
if over then return over end

local now = now_ms()
redis.call('HINCRBY', KEYS[2], 'in_use', 1)
redis.call('HSET', KEYS[1], 'spec', spec, 'rank', now, 'created', now, 'expires', now + window,
  'attempts', 0, 'losses', 0, 'lane', tenant, 'status', 'validating')
if callback == '1' then redis.call('HSET', KEYS[1], 'callback', 1) end
redis.call('ZADD', batches_key(tenant), now, id)
count_opened(id)
stand_in_line(id, BATCH_QUEUE, now, now)
weigh(id)
return { 'created' }
