-- Forgetting: a record goes with all that names it.

-- Take a delivery away, wherever it stands.
local function take_away(id, now)
  leave_queue(id, DELIVER)
  make_way(id, now)
  leave_the_dead(id)
  redis.call('ZREM', ENDED, id)
end

local function forget_delivery(id)
  local receiver = receiver_of(id)
  if not receiver then return end
  redis.call('ZREM', deliveries_of_key(tenant_of(lane_of(id))), id)
  redis.call('ZREM', deliveries_key(receiver), id)
end

local function leave_index(id)
  if string.sub(id, 1, 4) ~= 'job_' then return end
  local tenant = tenant_of(lane_of(id))
  redis.call('ZREM', jobs_key(tenant), id)
  if redis.call('EXISTS', jobs_key(tenant)) == 0 then redis.call('SREM', INDEXED, tenant) end
end

-- The drops that a job has taken for its document.
local function adopted_by(id)
  return string.gmatch(redis.call('HGET', record_key(id), 'adopted') or '', '%S+')
end

-- Forget a record that has ended and stands nowhere else.
local function forget(id)
  redis.call('ZREM', ENDED, id)
  forget_delivery(id)
  leave_index(id)
  redis.call('ZREM', reviews_key(tenant_of(lane_of(id))), id)
  for drop in adopted_by(id) do redis.call('DEL', adopted_key(drop)) end
  if not string.match(id, '^job_') then unlist(id) end
  delete_record(id)
end
