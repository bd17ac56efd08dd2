"""What every job stands on: configuration, storage, receipts, scheduling, exchange, progress."""
