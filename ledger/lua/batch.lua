-- Batches and files: how a batch learns of its jobs, and how records wait for a time.

local BATCH_QUEUE = 'batch'

-- Wait for a time, or for a call.
local function park(id, due, now)
  redis.call('HSET', record_key(id), 'state', 'waiting', 'due', due, 'updated', now)
  redis.call('ZADD', PARKED, due, id)
end

-- Continue at once, if it waits.
local function call_in(id, now)
  if redis.call('ZREM', PARKED, id) == 0 then return end
  redis.call('HDEL', record_key(id), 'due')
  stand_in_line(id, BATCH_QUEUE, now, now)
end

-- Tell whether every job of a batch has ended; false while more jobs will come.
local function all_ended(batch)
  local jobs, completed, failed, dropped = unpack(
    redis.call('HMGET', record_key(batch), 'jobs', 'completed', 'failed', 'dropped'))
  return jobs and (completed or 0) + (failed or 0) + (dropped or 0) >= tonumber(jobs)
end

local COUNTED_AS = { succeeded = 'completed', cancelled = 'dropped', dead = 'failed' }

-- A job of a batch has ended: count it once. The last one calls the batch.
local function count_job(id, state, now)
  local batch = redis.call('HGET', record_key(id), 'batch')
  if not batch then return end
  local as = COUNTED_AS[state] or 'completed'
  if redis.call('HSETNX', record_key(id), 'counted', as) == 0
    or redis.call('EXISTS', record_key(batch)) == 0 then return end
  redis.call('HINCRBY', record_key(batch), as, 1)
  if all_ended(batch) then call_in(batch, now) end
end

-- A job of a batch is redriven. Once its batch writes the files, the job no longer counts for it.
local function uncount_job(id)
  local batch, counted = unpack(redis.call('HMGET', record_key(id), 'batch', 'counted'))
  if not counted or redis.call('HGET', record_key(batch), 'status') ~= 'in_progress' then return end
  redis.call('HDEL', record_key(id), 'counted')
  redis.call('HINCRBY', record_key(batch), counted, -1)
end

-- A batch has ended: it no longer needs its input file.
local function let_go_of_file(id)
  if not string.match(id, '^batch_') then return end
  local file = cjson.decode(redis.call('HGET', record_key(id), 'spec')).input_file_id
  if redis.call('HEXISTS', record_key(file), 'in_use') == 1 then
    redis.call('HINCRBY', record_key(file), 'in_use', -1)
  end
end

-- A forgotten record is no longer listed.
local function unlist(id)
  local tenant = tenant_of(lane_of(id))
  redis.call('ZREM', batches_key(tenant), id)
  redis.call('ZREM', files_key(tenant), id)
end
