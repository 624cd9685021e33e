//! Services as processes of their own, on PostgreSQL and RabbitMQ: any number of each.
//!
//! A process holds no state: whatever it knows lies in the database, whatever is on its way in the
//! outbox or the broker. So it can be killed at any moment, and started again beside others of its
//! kind.

mod channel;
pub mod options;
pub mod relaying;
pub mod servers;
pub mod serving;
