//! The return saga, version 1: a delivery came back, so money and stock go back too.
//!
//! It begins where the order saga hands over, in the same transaction. Nothing of it can be undone;
//! both steps are tried until they are done.

use saga::{AnsweredBy, Kind, Published, Spec, Step};

/// The definition's name.
pub const NAME: &str = "return";
/// The definition's version.
pub const VERSION: u32 = 1;

/// The table.
pub fn spec() -> Spec {
    Spec::new(NAME, VERSION)
        .publishes(Published { completed: Some("order-returned"), ..Published::default() })
        .step(refund())
        .step(restock())
}

/// Gives back whatever is there: what was captured is refunded, what was only held is voided. A
/// capture that arrives later is refused by the payment service.
fn refund() -> Step {
    let command = ("refund-payment", "payment");
    Step::command("refund", Kind::Retriable, command, AnsweredBy::Participant, "payment-refunded")
}

/// Moves what was reserved back to on hand; it was never settled.
fn restock() -> Step {
    let command = ("restock", "store");
    Step::command("restock", Kind::Retriable, command, AnsweredBy::Participant, "stock-restocked")
}
