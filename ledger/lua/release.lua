-- An attempt ends without ending its record, which goes back in line now or later.
-- KEYS  1 the record
-- ARGV  1 id, 2 token, 3 milliseconds to wait (0: back in line at once),
--       4 '1' if the attempt counts, '0' if it is given back, 5 entry for the history (JSON) or '',
--       6 another queue to go to, where nothing has been tried yet, or '' for the same,
--       7 '1' if it was in flight when an engine died,
--       8 where the results of its finished tasks are kept, or ''
-- Gives 'held' when done, 'settled' when done before, 'lost' when nothing was changed
-- Caller: ledger/ledger.py Ledger.release

local id, token, delay, charge, entry = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4], ARGV[5]
local elsewhere, suspect, kept = ARGV[6], ARGV[7], ARGV[8]

local verdict = lease_of(id, token)
if verdict ~= 'held' then return verdict end

local now = now_ms()
local queue, rank = unpack(redis.call('HMGET', KEYS[1], 'queue', 'rank'))
settle(id, queue, token)
if charge == '0' then redis.call('HINCRBY', KEYS[1], 'attempts', -1)
else
  redis.call('HSET', KEYS[1], 'losses', 0)
  judge(id, false, now)
end
if suspect == '1' then redis.call('HINCRBY', KEYS[1], 'suspect', 1) end
if kept ~= '' then redis.call('HSET', KEYS[1], 'kept', kept) end
if entry ~= '' then remember(id, entry) end
if ends_cancelled(id, now) then return verdict end
local next_queue = queue
if elsewhere ~= '' then
  next_queue = elsewhere
  redis.call('HSET', KEYS[1], 'queue', elsewhere, 'attempts', 0, 'losses', 0)
  redis.call('HDEL', KEYS[1], 'company')
  -- The page text is gone: the document is read again.
  if elsewhere == 'prepare' then redis.call('HSET', KEYS[1], 'stage', 'prepare') end
end
if delay > 0 then
  redis.call('HSET', KEYS[1], 'state', 'waiting', 'due', now + delay, 'updated', now)
  redis.call('ZADD', WAITING, now + delay, id)
  make_way(id, now)
else
  stand_in_line(id, next_queue, rank, now)
end
fill(queue, now)
return verdict
