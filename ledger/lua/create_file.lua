-- Write a file's record, once. The record waits until the file expires.
-- KEYS  1 the record
-- ARGV  1 id, 2 spec (JSON), 3 tenant, 4 milliseconds that the file is kept,
--       5 the most that its tenant may store (see share.lua)
-- Gives {'created'}, {'exists'}, {'full'} when Redis nears its limit, or what over_share gives
-- Caller: ledger/openai/files.py Files.create

local id, spec, tenant, kept = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])

if redis.call('EXISTS', KEYS[1]) == 1 then return { 'exists' } end
if redis.call('EXISTS', FULL) == 1 then return { 'full' } end
local over = over_share(tenant, tonumber(ARGV[5]), #spec + NEW_BYTES)
if over then return over end

local now = now_ms()
redis.call('HSET', KEYS[1], 'spec', spec, 'rank', now + kept, 'created', now, 'expires', now + kept,
  'attempts', 0, 'losses', 0, 'lane', tenant, 'queue', BATCH_QUEUE)
redis.call('SADD', QUEUES, BATCH_QUEUE)
redis.call('ZADD', files_key(tenant), now, id)
count_opened(id)
park(id, now + kept, now)
weigh(id)
return { 'created' }
