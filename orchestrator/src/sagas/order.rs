//! The order saga, version 1: from the request to food that is paid for, delivered and settled.
//!
//! The table is the saga. Reading it top to bottom is reading what happens to an order; the
//! engine, the graph and the preview of an operator's action read the same rows. A change of the
//! rows is a new version, beside this one, since sagas in flight keep the version that they
//! started with.

use saga::{AnsweredBy, DeadlineAction, HandOver, Kind, Millis, Published, Spec, Step};

use super::return_order;

/// The definition's name.
pub const NAME: &str = "order";
/// The definition's version.
pub const VERSION: u32 = 1;

/// The table.
pub fn spec() -> Spec {
    Spec::new(NAME, VERSION)
        .publishes(Published {
            passed: None,
            completed: Some("order-completed"),
            cancelled: Some("order-cancelled"),
            // The return saga tells the end of an order that comes back.
            returned: None,
            cancellation_refused: Some("cancellation-refused"),
        })
        .step(pay())
        .step(accept())
        .step(cook_start())
        .step(capture())
        .step(cook_finish())
        .step(assign())
        .step(pickup())
        .step(deliver())
        .step(settle())
}

/// Holds the total on the customer's means of payment. Nobody cooks on credit: everything waits
/// for it. The gateway may take longer than the deadline; the void then waits for its outcome.
fn pay() -> Step {
    let command = ("authorize-payment", "payment");
    Step::command(
        "pay",
        Kind::Compensatable,
        command,
        AnsweredBy::Participant,
        "payment-authorized",
    )
    .failed_by("payment-declined", "payment_declined")
    .undo(("void-payment", "payment"), "payment-voided")
    .deadline(Millis::seconds(30), DeadlineAction::Cancel { reason: "payment_timeout" })
}

/// Asks the store's owner, a person. Acceptance reserves the stock; the undo releases it.
fn accept() -> Step {
    let command = ("request-acceptance", "store");
    Step::command("accept", Kind::Compensatable, command, AnsweredBy::Person, "order-accepted")
        .after(&["pay"])
        .failed_by("order-rejected", "store_rejected")
        .undo(("cancel-ticket", "store"), "ticket-cancelled")
        .deadline(Millis::minutes(5), DeadlineAction::Cancel { reason: "store_timeout" })
}

/// Cooking starts: food that is on the fire is not given back, so this is the pivot. In flight it
/// can be revoked, and the cook decides that race; a cook who has started refuses by saying
/// `cook-started` again.
fn cook_start() -> Step {
    let command = ("prepare-food", "cook");
    Step::command("cook-start", Kind::Pivot, command, AnsweredBy::Person, "cook-started")
        .after(&["accept"])
        .failed_by("cooking-declined", "kitchen_declined")
        .undo(("cancel-cooking", "cook"), "cooking-cancelled")
        .deadline(Millis::minutes(15), DeadlineAction::Cancel { reason: "kitchen_timeout" })
}

/// Takes the money that is held, now that the food is sure to be made.
fn capture() -> Step {
    let command = ("capture-payment", "payment");
    Step::command("capture", Kind::Retriable, command, AnsweredBy::Participant, "payment-captured")
        .after(&["cook-start"])
}

/// Waits until the food is ready.
fn cook_finish() -> Step {
    Step::waits_on("cook-finish", "prepare-food", "cook-finished")
        .after(&["cook-start"])
        .deadline(Millis::minutes(60), DeadlineAction::Escalate)
        .skippable()
}

/// Finds a rider while the food is on the fire. A rider may give the delivery back until they
/// have picked it up; then another is looked for.
fn assign() -> Step {
    let command = ("dispatch-delivery", "rider");
    let widen = DeadlineAction::WidenThenEscalate { command: "widen-search", to: "rider" };
    Step::command("assign", Kind::Retriable, command, AnsweredBy::Person, "rider-assigned")
        .after(&["cook-start"])
        .reopened_by("rider-released")
        .deadline(Millis::minutes(10), widen)
        .skippable()
}

/// Waits until the rider has the food.
fn pickup() -> Step {
    Step::waits_on("pickup", "dispatch-delivery", "food-picked")
        .after(&["cook-finish", "assign"])
        .deadline(Millis::minutes(30), DeadlineAction::Escalate)
        .skippable()
}

/// Waits until the customer has the food. Where the delivery comes back instead, the return saga
/// goes on from here, whatever else is still under way.
fn deliver() -> Step {
    Step::waits_on("deliver", "dispatch-delivery", "delivery-confirmed")
        .after(&["pickup"])
        .deadline(Millis::minutes(90), DeadlineAction::Escalate)
        .hands_over(HandOver {
            fact: "delivery-returned",
            definition: return_order::NAME,
            reason: "delivery_returned",
            recall: Some(("recall-delivery", "rider")),
        })
}

/// Takes the stock off for good, once the food is paid for and delivered.
fn settle() -> Step {
    let command = ("settle-stock", "store");
    Step::command("settle", Kind::Retriable, command, AnsweredBy::Participant, "stock-settled")
        .after(&["capture", "deliver"])
}
