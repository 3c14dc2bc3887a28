-- The worker that holds a batch records its progress.
-- KEYS  1 the record
-- ARGV  1 id, 2 token, 3 the status that follows, or '' for the same, then field and value of what
--       else the record is to say
-- Gives 'held', or 'lost' when nothing was changed
-- Caller: ledger/openai/batches.py Batches.note

local id, token, status = ARGV[1], ARGV[2], ARGV[3]
if lease_of(id, token) ~= 'held' then return 'lost' end

local present, ending = unpack(redis.call('HMGET', KEYS[1], 'status', 'ending'))
-- Do not undo a cancellation that came meanwhile.
if status == 'in_progress' and ending then status = '' end
if status ~= '' and status ~= present then
  redis.call('HSET', KEYS[1], 'status', status, status .. '_at', now_ms())
end
if #ARGV > 3 then redis.call('HSET', KEYS[1], unpack(ARGV, 4)) end
weigh(id)
return 'held'
