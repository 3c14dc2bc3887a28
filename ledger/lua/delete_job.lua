-- Delete a job that has ended, with all that is to be told of it. Its id, and those of the drops that
-- it adopted, are remembered for a while: what lies in a bucket must not become the job again.
-- KEYS  1 the record
-- ARGV  1 id, 2 milliseconds for which the ids are remembered
-- Gives {'deleted' or 'unknown', ''}, or {'refused', the state or 'batch'}
-- Caller: ledger/jobs.py Jobs.delete

local id, memory = ARGV[1], ARGV[2]
local state, closed, batch, told = unpack(
  redis.call('HMGET', KEYS[1], 'state', 'closed', 'batch', 'told'))
-- A client that lost the reply asks again.
if not state then return { redis.call('EXISTS', deleted_key(id)) == 1 and 'deleted' or 'unknown', '' } end
if not closed then return { 'refused', state } end
-- The batch has yet to write what became of it.
if batch and redis.call('HGET', record_key(batch), 'status') == 'in_progress' then
  return { 'refused', 'batch' }
end

local now = now_ms()
for delivery in string.gmatch(told or '', '%S+') do
  take_away(delivery, now)
  forget(delivery)
end
leave_the_dead(id)
redis.call('SET', deleted_key(id), 1, 'PX', memory)
for drop in adopted_by(id) do redis.call('SET', deleted_key(drop), 1, 'PX', memory) end
forget(id)
fill(DELIVER, now)
return { 'deleted', '' }
