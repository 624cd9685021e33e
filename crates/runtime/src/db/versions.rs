//! How what is watched stands: asked about all of it at once.

use async_trait::async_trait;

use super::DbError;
use crate::Key;

/// The aggregates of a kind that are an owner's and in one of some states.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owned {
    /// The kind, with the owner in place of an id.
    pub by: Key,
    /// The states; few enough aggregates are in them that all can be looked at often.
    pub states: &'static [&'static str],
}

/// How what is watched stands. Only where other processes may write has anybody to ask.
#[async_trait]
pub trait Versions: Send + Sync {
    /// The version of each of these aggregates, in their order; 0 of one that does not exist.
    async fn versions(&self, keys: &[Key]) -> Result<Vec<u64>, DbError>;
    /// A number for each of these lists, in their order, which is another one once an aggregate has
    /// come, gone or changed.
    async fn digests(&self, lists: &[Owned]) -> Result<Vec<u64>, DbError>;
}
