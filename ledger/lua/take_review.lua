-- Take a review, so that nobody else works on it for a while; its holder may take it again.
-- KEYS  1 the record
-- ARGV  1 id, 2 reviewer, 3 milliseconds
-- Gives {'done', ''}, or what review_for gives
-- Caller: ledger/reviews.py ReviewRecords.take

local id, reviewer, hold = ARGV[1], ARGV[2], tonumber(ARGV[3])
local now = now_ms()
local verdict = review_for(id, reviewer, now)
if verdict[1] ~= 'free' then return verdict end
redis.call('HSET', KEYS[1], 'review_state', 'taken', 'reviewer', reviewer,
  'review_until', now + hold)
weigh(id)
return { 'done', '' }
