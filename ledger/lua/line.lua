-- The line of a queue: the order of its records, and how many may be out at once.
--
-- A queue's line consists of lanes: one for each tenant, and one for the tenant's low-priority work
-- (TENANT~low). Lanes take turns by weight (start-time fair queueing); within a lane, rank decides.
-- One tenant's backlog therefore delays no other tenant, and low priority gets idle capacity and a
-- small share of the rest.

-- Weight of a low lane, as a share of its tenant's weight.
local LOW_SHARE = 0.05

-- Return the Celery message of a record that is sent at a time; equal arguments give equal bytes.
local function message_of(id, queue, sent)
  local role = string.match(queue, '^[^.]+')
  local values = { id = id, queue = queue, task = 'docfleet.' .. role, tag = id .. '-' .. sent }
  return (string.gsub(MESSAGE, '@(%l+)@', values))
end

local function tenant_of(lane) return string.match(lane, '^[^~]+') end

local function lane_of(id) return redis.call('HGET', record_key(id), 'lane') or 'default' end

local function weight_of(lane)
  local tenant = tenant_of(lane)
  local weight = tonumber(redis.call('HGET', WEIGHTS, tenant) or 1)
  return tenant == lane and weight or weight * LOW_SHARE
end

-- Put a record's message into its queue's Celery list.
local function send(id, queue, now)
  redis.call('LPUSH', queue, message_of(id, queue, now))
  redis.call('ZADD', dispatched_key(queue), now, id)
end

-- A worker that may not take a record puts its message back in its old place.
local function send_back(id, queue, now)
  redis.call('RPUSH', queue, message_of(id, queue, now))
  redis.call('ZADD', dispatched_key(queue), now, id)
end

-- Take back a message that no worker has taken yet.
local function unsend(id, queue)
  local sent = redis.call('ZSCORE', dispatched_key(queue), id)
  if sent then redis.call('LREM', queue, 1, message_of(id, queue, tonumber(sent))) end
end

-- Tell whether a tenant has its maximum of records out.
local function is_at_bound(queue, lane)
  local tenant = tenant_of(lane)
  local bound = tonumber(redis.call('HGET', BOUNDS, tenant) or 0)
  return bound > 0 and redis.call('SCARD', out_key(queue, tenant)) >= bound
end

-- Return the lane whose turn it is, and the start of its turn in the queue's own time.
local function next_lane(queue)
  local turns = redis.call('ZRANGE', turns_key(queue), 0, 0, 'WITHSCORES')
  if #turns == 0 then return nil end
  if not is_at_bound(queue, turns[1]) then return turns[1], tonumber(turns[2]) end
  turns = redis.call('ZRANGE', turns_key(queue), 1, -1, 'WITHSCORES')
  for i = 1, #turns, 2 do
    if not is_at_bound(queue, turns[i]) then return turns[i], tonumber(turns[i + 1]) end
  end
  return nil
end

-- A lane is empty. Its next turn is remembered while it lies ahead, so that records which come one
-- at a time gain nothing.
local function retire_lane(queue, lane, turn)
  redis.call('ZREM', turns_key(queue), lane)
  redis.call('ZADD', past_key(queue), turn, lane)
end

-- Send the next records of the line while the window has room.
-- Count occupancy from the sets, so that no crash can leak a place.
local function fill(queue, now)
  local window = tonumber(redis.call('GET', window_key(queue)) or 2)
  local busy = redis.call('ZCARD', dispatched_key(queue)) + redis.call('ZCARD', leased_key(queue))
  for _ = busy + 1, window do
    local lane, turn = next_lane(queue)
    if not lane then return end
    local id = redis.call('ZPOPMIN', line_key(queue, lane))[1]
    redis.call('SET', clock_key(queue), turn)
    redis.call('ZREMRANGEBYSCORE', past_key(queue), '-inf', turn)
    local next_turn = turn + 1 / weight_of(lane)
    if redis.call('EXISTS', line_key(queue, lane)) == 1 then
      redis.call('ZADD', turns_key(queue), next_turn, lane)
    else
      retire_lane(queue, lane, next_turn)
    end
    redis.call('SADD', out_key(queue, tenant_of(lane)), id)
    send(id, queue, now)
  end
end

-- Take a place in the lane; the lowest `rank` of a lane goes first. Suspects wait apart until a
-- worker is told to take them.
local function join_lane(id, queue, rank)
  local company = redis.call('HGET', record_key(id), 'company')
  if company then
    local place = company == '1' and alone_key(queue) or suspects_key(queue)
    redis.call('ZADD', place, rank, id)
    return
  end
  local lane = lane_of(id)
  redis.call('ZADD', line_key(queue, lane), rank, id)
  if not redis.call('ZSCORE', turns_key(queue), lane) then
    local clock = tonumber(redis.call('GET', clock_key(queue)) or 0)
    local own = tonumber(redis.call('ZSCORE', past_key(queue), lane) or 0)
    redis.call('ZADD', turns_key(queue), math.max(clock, own), lane)
    redis.call('ZREM', past_key(queue), lane)
  end
end

-- Wait in line for a queue's workers, or behind it when too much is under way to a receiver.
local function stand_in_line(id, queue, rank, now)
  redis.call('SADD', QUEUES, queue)
  redis.call('HSET', record_key(id), 'state', 'queued', 'queue', queue, 'updated', now)
  if not stays_behind(id, rank, now) then join_lane(id, queue, rank) end
  fill(queue, now)
end

-- Be out no longer: the place is free for the next record of the line.
local function come_back(id, queue)
  redis.call('ZREM', dispatched_key(queue), id)
  if redis.call('ZREM', leased_key(queue), id) == 1 then
    redis.call('ZREM', held_key(redis.call('HGET', record_key(id), 'worker')), id)
  end
  redis.call('SREM', out_key(queue, tenant_of(lane_of(id))), id)
end

-- Be no longer a suspect that a worker is told to take.
local function uncall(id)
  local worker = redis.call('HGET', record_key(id), 'called')
  if not worker then return end
  redis.call('ZREM', called_key(worker), id)
  redis.call('HDEL', record_key(id), 'called')
end

local function leave_queue(id, queue)
  local lane = lane_of(id)
  unsend(id, queue)
  uncall(id)
  come_back(id, queue)
  redis.call('ZREM', suspects_key(queue), id)
  redis.call('ZREM', alone_key(queue), id)
  redis.call('ZREM', WAITING, id)
  redis.call('ZREM', PARKED, id)
  if redis.call('ZREM', line_key(queue, lane), id) == 1
    and redis.call('EXISTS', line_key(queue, lane)) == 0 then
    retire_lane(queue, lane, redis.call('ZSCORE', turns_key(queue), lane))
  end
end

-- Return the number of a tenant's records in line, for all queues.
local function in_line(tenant)
  local count = 0
  for _, queue in ipairs(redis.call('SMEMBERS', QUEUES)) do
    count = count + redis.call('ZCARD', line_key(queue, tenant))
      + redis.call('ZCARD', line_key(queue, tenant .. '~low'))
  end
  return count
end

-- Return the maximum records of a queue that may be out: its live workers' capacity and a tenth
-- more.
local function measure_window(queue)
  local capacity = 0
  for _, slots in ipairs(redis.call('HVALS', capacity_key(queue))) do capacity = capacity + slots end
  redis.call('SET', window_key(queue), capacity + math.max(2, math.ceil(capacity / 10)))
end

-- Move deliveries from behind into line while the receiver has room.
local function go_forward(receiver, now)
  local room = room_of(receiver, now)
  if room <= 0 then return end
  local popped = redis.call('ZPOPMIN', behind_key(receiver), room)
  for i = 1, #popped, 2 do
    redis.call('SADD', under_way_key(receiver), popped[i])
    join_lane(popped[i], DELIVER, popped[i + 1])
  end
  if redis.call('EXISTS', behind_key(receiver)) == 0 then redis.call('SREM', HELD_UP, receiver) end
  if #popped > 0 then fill(DELIVER, now) end
end

-- A delivery is no longer under way.
local function make_way(id, now)
  local receiver = receiver_of(id)
  if not receiver then return end
  redis.call('ZREM', behind_key(receiver), id)
  if redis.call('EXISTS', behind_key(receiver)) == 0 then redis.call('SREM', HELD_UP, receiver) end
  if redis.call('SREM', under_way_key(receiver), id) == 1 then go_forward(receiver, now) end
end

-- Record what an attempt at a delivery shows about its receiver.
local function judge(id, acknowledged, now)
  local receiver = receiver_of(id)
  if not receiver then return end
  if acknowledged then
    redis.call('DEL', receiver_key(receiver))
    redis.call('ZREM', BROKEN, receiver)
    return
  end
  redis.call('HSETNX', receiver_key(receiver), 'failing', now)
  local failures = redis.call('HINCRBY', receiver_key(receiver), 'failures', 1)
  redis.call('EXPIRE', receiver_key(receiver), RECEIVER_SECONDS)
  if failures < BREAKS_AFTER then return end
  local pause = math.min(BREAK_MS * 2 ^ math.min(failures - BREAKS_AFTER, 10), LONGEST_BREAK_MS)
  redis.call('ZADD', BROKEN, now + pause, receiver)
end
