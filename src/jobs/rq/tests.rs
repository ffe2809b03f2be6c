//! How jobs are made and kept for RQ's workers, in a real Redis. Whether real workers take them is tested in `tests/it/rq`.
