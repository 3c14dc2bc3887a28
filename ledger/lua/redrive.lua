-- Send a dead letter, or a job whose tasks did not all succeed, round again.
-- KEYS  1 the record
-- ARGV  1 id, 2 queue of the pool that is to run it, or '' for the one it was routed to,
--       3 versions that its tasks must have (JSON), or '', 4 a nonce of the caller,
--       5 id of the job that a drop would become which is its document, or '',
--       6 its spec with the version of the document that is to be read (JSON), or ''
-- Gives {'redriven' or 'refused', the state that follows}, or {'unknown', ''}
-- Caller: ledger/dead_letters.py DeadLetters.redrive

local id, pool, versions, nonce = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local drop, spec = ARGV[5], ARGV[6]
local state, stage, queue, handicap, last = unpack(
  redis.call('HMGET', KEYS[1], 'state', 'stage', 'queue', 'handicap', 'redriven'))
if not state then return { 'unknown', '' } end
if last == nonce then return { 'redriven', state } end
if state ~= 'dead' and state ~= 'partially_succeeded' then return { 'refused', state } end

local now = now_ms()
leave_the_dead(id)
redis.call('ZREM', ENDED, id)
redis.call('HDEL', KEYS[1], 'closed', 'failure', 'settled', 'resent', 'suspect', 'company', 'pool',
  'versions')
end_review(id)
redis.call('HINCRBY', KEYS[1], 'redrives', 1)
uncount_job(id)
local rank = now + (handicap or 0)
redis.call('HSET', KEYS[1], 'attempts', 0, 'losses', 0, 'rank', rank, 'redriven', nonce)
if versions ~= '' then redis.call('HSET', KEYS[1], 'versions', versions) end
if drop ~= '' then
  local adopted = redis.call('HGET', KEYS[1], 'adopted')
  redis.call('HSET', KEYS[1], 'spec', spec, 'adopted', (adopted and adopted .. ' ' or '') .. drop)
  redis.call('SET', adopted_key(drop), id)
end
if pool ~= '' then
  redis.call('HSET', KEYS[1], 'pool', pool)
  if stage == 'infer' then queue = pool end
end
stand_in_line(id, queue, rank, now)
return { 'redriven', 'queued' }
