//! Work that several processes share: on this machine, or on many.
//!
//! [`launch`] starts workers, or somebody else's launcher does and says by the [`place`] of each; workers meet as a
//! [`group`], compute sums through a [`communicator`], and [`watch`] one another, so that one that is gone ends
//! all of them. Where nothing needs to be summed, each worker of a [`crew`] does a shard of a list ([`shards`]).

pub(crate) mod buckets;
pub(crate) mod communicator;
pub(crate) mod crew;
pub(crate) mod group;
pub(crate) mod launch;
pub(crate) mod place;
pub(crate) mod shards;
#[cfg(test)]
pub(crate) mod threads;
pub(crate) mod watch;
mod worker;
