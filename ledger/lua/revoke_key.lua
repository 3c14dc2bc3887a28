-- Revoke an API key and, unless they are kept, all keys that it made.
-- KEYS  none
-- ARGV  1 id, 2 '1' if the keys that it made are to be kept
-- Gives a flat list: id and tenant, '' for the whole fleet, of each key that worked until now
-- Caller: ledger/access/api_keys.py ApiKeys.remove

local id, kept = ARGV[1], ARGV[2]
local made = {}
if kept ~= '1' then
  for _, one in ipairs(redis.call('ZRANGE', API_KEYS, 0, -1)) do
    local maker = redis.call('HGET', api_key_key(one), 'maker')
    if maker then
      made[maker] = made[maker] or {}
      table.insert(made[maker], one)
    end
  end
end

local revoked = {}
local function revoke(key)
  local tenant = redis.call('HGET', api_key_key(key), 'tenant') or ''
  if redis.call('DEL', api_key_key(key)) == 1 then
    table.insert(revoked, key)
    table.insert(revoked, tenant)
  end
  redis.call('ZREM', API_KEYS, key)
  redis.call('HDEL', API_KEYS_USED, key)
  for _, one in ipairs(made[key] or {}) do revoke(one) end
end
revoke(id)
return revoked
