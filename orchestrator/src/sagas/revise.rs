//! The revise saga, version 1: a customer changes an order that the store has not accepted yet.
//!
//! It runs beside the order's own saga and never makes that one wait: the store decides which of the
//! two comes first, at the one ticket that both are about. Money never falls short meanwhile: more
//! is held before the ticket is changed, what is too much is released after it.

use saga::{AnsweredBy, DeadlineAction, Kind, Millis, Published, Spec, Step};

/// The definition's name.
pub const NAME: &str = "revise";
/// The definition's version.
pub const VERSION: u32 = 1;

/// The table.
pub fn spec() -> Spec {
    Spec::new(NAME, VERSION)
        .publishes(Published {
            // The order is another one as soon as its ticket is; what is left is to release money.
            passed: Some("order-revised"),
            cancelled: Some("revision-refused"),
            ..Published::default()
        })
        .step(reprice())
        .step(amend())
        .step(adjust())
}

/// Holds what the order will cost, if that is more. Before the ticket: what the owner has seen is
/// never taken back for want of money.
fn reprice() -> Step {
    let command = ("revise-payment", "payment");
    Step::command(
        "reprice",
        Kind::Compensatable,
        command,
        AnsweredBy::Participant,
        "payment-revised",
    )
    .failed_by("payment-revision-declined", "payment_declined")
    .undo(("restore-payment", "payment"), "payment-restored")
    .deadline(Millis::seconds(30), DeadlineAction::Cancel { reason: "payment_timeout" })
}

/// Changes the ticket, as long as its owner has not answered: the pivot. The store answers by
/// itself; one that has changed the ticket refuses the undo by saying `ticket-revised` again.
fn amend() -> Step {
    let command = ("revise-ticket", "store");
    Step::command("amend", Kind::Pivot, command, AnsweredBy::Participant, "ticket-revised")
        .after(&["reprice"])
        .failed_by("ticket-revision-refused", "order_cancelled")
        .undo(("keep-ticket", "store"), "ticket-kept")
        .deadline(Millis::seconds(30), DeadlineAction::Cancel { reason: "store_timeout" })
}

/// Releases what is held beyond what the order costs now.
fn adjust() -> Step {
    let command = ("adjust-payment", "payment");
    Step::command("adjust", Kind::Retriable, command, AnsweredBy::Participant, "payment-adjusted")
        .after(&["amend"])
}
