//! Owners in Redis.
