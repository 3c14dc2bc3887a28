-- Add an entry to an audit log, whose oldest entries are removed at its bound.
-- KEYS  1 the log
-- ARGV  1 its name, 2 the most entries, then field and value
-- Gives the entry's id
-- Caller: ledger/access/audit.py AuditLog.append

redis.call('SADD', AUDITED, ARGV[1])
return redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[2], '*', unpack(ARGV, 3))
