-- A receiver: an endpoint, or the origin of a tenant's callbacks. It bounds the deliveries that are
-- under way.

-- Maximum deliveries to one receiver that are under way (in line, dispatched or leased), unless its
-- endpoint sets another number; the others stay behind. A slow or dead receiver therefore takes few
-- of the workers' places, for any number of deliveries.
local RECEIVER_BOUND = 8
-- Failures in a row that open the circuit for some time; then one delivery tries.
local BREAKS_AFTER = 5
local BREAK_MS = 30000
local LONGEST_BREAK_MS = 300000
-- Longer than the longest wait between two attempts.
local RECEIVER_SECONDS = 8 * 86400

local function receiver_of(id)
  return string.sub(id, 1, 4) == 'msg_' and redis.call('HGET', record_key(id), 'receiver')
end

local function room_of(receiver, now)
  local open_until = tonumber(redis.call('ZSCORE', BROKEN, receiver) or 0)
  if open_until > now then return 0 end
  local failures = tonumber(redis.call('HGET', receiver_key(receiver), 'failures') or 0)
  local bound = failures >= BREAKS_AFTER and 1
    or tonumber(redis.call('HGET', endpoint_key(receiver), 'concurrency') or RECEIVER_BOUND)
  return bound - redis.call('SCARD', under_way_key(receiver))
end

-- Tell whether a delivery has to stay behind; if not, count it as under way.
local function stays_behind(id, rank, now)
  local receiver = receiver_of(id)
  if not receiver or redis.call('SISMEMBER', under_way_key(receiver), id) == 1 then return false end
  if room_of(receiver, now) <= 0 then
    redis.call('ZADD', behind_key(receiver), rank, id)
    redis.call('SADD', HELD_UP, receiver)
    return true
  end
  redis.call('SADD', under_way_key(receiver), id)
  return false
end

