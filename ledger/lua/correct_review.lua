-- A reviewer has corrected a result; the correction is written by then.
-- KEYS  1 the record
-- ARGV  1 id, 2 reviewer, 3 a nonce of the caller, 4 where the correction lies
-- Gives {'done', state}, or what review_for gives
-- Caller: ledger/reviews.py ReviewRecords.correct

return complete_review(ARGV[1], ARGV[2], 'corrected', ARGV[3], { 'correction', ARGV[4] })
