//! What is shown over HTTP: plain structs, folded from aggregates. None of them has the means of
//! payment.

mod order;
mod saga;

pub use self::{
    order::{HeldSaga, Holding, OrderView},
    saga::{EntryView, SagaSummary, SagaView, StepView, entry_view, saga_views},
};
