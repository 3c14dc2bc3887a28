-- Write a job's record and its place in line, once.
-- KEYS  1 the record
-- ARGV  1 id, 2 spec (JSON), 3 queue, 4 milliseconds of handicap, 5 '1' if its end is to be told of,
--       6 lane, 7 the most that its tenant may have in line (0: any number), 8 stage,
--       9 the most that its tenant may store (see share.lua)
-- Gives {'created' or 'exists', the spec of record}, {'full', ''} when Redis nears its limit,
--       {'deleted', ''} for a job that was deleted, {'quota', how many the tenant has in line}, or what over_share gives
-- Caller: ledger/ledger.py Ledger.submit

local id, spec, queue, handicap, callback = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), ARGV[5]

local lane, most = ARGV[6], tonumber(ARGV[7])

local present = redis.call('HGET', KEYS[1], 'spec')
if present then return { 'exists', present } end
if redis.call('EXISTS', deleted_key(id)) == 1 then return { 'deleted', '' } end
if redis.call('EXISTS', FULL) == 1 then return { 'full', '' } end
if most > 0 then
  local count = in_line(tenant_of(lane))
  if count >= most then return { 'quota', count } end
end

local over = over_share(tenant_of(lane), tonumber(ARGV[9]), #spec + NEW_BYTES)
if over then return over end

local now = now_ms()
redis.call('HSET', KEYS[1], 'spec', spec, 'stage', ARGV[8], 'rank', now + handicap,
  'handicap', handicap, 'created', now, 'attempts', 0, 'losses', 0)
if lane ~= 'default' then redis.call('HSET', KEYS[1], 'lane', lane) end
if callback == '1' then redis.call('HSET', KEYS[1], 'callback', 1) end
redis.call('ZADD', jobs_key(tenant_of(lane)), now, id)
redis.call('SADD', INDEXED, tenant_of(lane))
count_opened(id)
stand_in_line(id, queue, now + handicap, now)
weigh(id)
return { 'created', spec }
