//! Simulated people: customers, store owners, cooks and riders.
//!
//! They act over HTTP only, as real ones would through their apps, and know nothing of the inside
//! of the services. What each is going to do with an order is drawn from the seed beforehand
//! ([`plan`]) and looked up by the order's id ([`book`]); how it ended is read from the services
//! ([`outcome`]) and compared.

pub mod addresses;
pub mod book;
pub mod client;
pub mod cook;
pub mod crowd;
pub mod customer;
pub mod outcome;
pub mod owner;
pub mod pace;
pub mod plan;
pub mod rider;
pub mod show;
pub mod tokens;
pub mod town;
