-- A process of this station has ended, as its supervisor or its successor reports: settle its
-- leases at once.
-- KEYS  none
-- ARGV  1 station, 2 the worker of it that lives, or '', 3 leases that one stage may lose,
--       4 failure of a lease lost with others, 5 of one lost alone, 6 of the last one (JSON each)
-- Gives {workers, expired, killed}, each a count
-- Caller: ledger/fleet/deaths.py Deaths.bury

local station, living = ARGV[1], ARGV[2]
local terms = { losses = tonumber(ARGV[3]), shared = ARGV[4], single = ARGV[5], last = ARGV[6] }

local now = now_ms()
local workers, expired, killed = 0, 0, 0
for _, worker in ipairs(redis.call('ZRANGE', WORKERS, 0, -1)) do
  if worker ~= living and station_of(worker) == station then
    local e, k = bury(worker, now, terms)
    workers, expired, killed = workers + 1, expired + e, killed + k
  end
end
return { workers, expired, killed }
