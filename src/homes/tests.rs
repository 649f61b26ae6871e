//! Homes of components, of processes that have one Redis.
