//! What `bench` measures: how fast the parts are by themselves ([`ceilings`]), how fast orders go
//! through the whole system ([`orders`]), how fast the relay is ([`relay`]), and what open streams
//! of events take ([`streams`]).
//!
//! Nothing here passes or fails by a time: it measures and tells. Every figure is the median of
//! several runs, each on databases of its own, and comes with a ratio to a ceiling that was
//! measured in the same run, since machines differ and are seldom idle.

pub mod actor;
pub mod ceilings;
pub mod counted;
pub mod figures;
pub mod load;
pub mod options;
pub mod orders;
pub mod orders_on_servers;
pub mod place;
pub mod relay;
pub mod scraped;
pub mod served;
pub mod servers;
pub mod streams;
pub mod town;
pub mod usage;
pub mod watched;
