//! MyPage: a subscriber that shows customers their orders with the progress of payment, store,
//! kitchen and delivery.
//!
//! It listens to public events and asks nobody; nothing waits for it. What it keeps is a fold of
//! what it has heard that comes out the same in whatever order and however often that comes, so it
//! can be thrown away and made again from what the others have published.

pub mod aggregates;
pub mod fold;
pub mod http;
pub mod service;
pub mod status;
pub mod views;

#[cfg(test)]
mod tests;

pub use aggregates::ORDER;
pub use http::routes;
pub use service::Mypage;
pub use views::OrderView;
