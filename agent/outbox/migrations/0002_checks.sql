-- A checksum over number, kind, time and body: a flipped bit in a record is noticed. Records of version 1 have none.
ALTER TABLE records ADD COLUMN crc INTEGER;

-- meta also holds checkpoint_crc, and `running`: 1 while a process has the journal open, 0 after an orderly close.
