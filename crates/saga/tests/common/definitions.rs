//! The order saga, the return saga and the saga of a changed order, row by row.

use saga::AnsweredBy::{Participant, Person};
use saga::DeadlineAction::{Cancel, Escalate, WidenThenEscalate};
use saga::Kind::{Compensatable, Pivot, Retriable};
use saga::{Definition, HandOver, Millis, Published, Spec, Step};

/// The path of an order.
pub(crate) fn order_spec() -> Spec {
    Spec::new("order", 1)
        .step(
            Step::command(
                "pay",
                Compensatable,
                ("authorize-payment", "payment"),
                Participant,
                "payment-authorized",
            )
            .failed_by("payment-declined", "payment_declined")
            .undo(("void-payment", "payment"), "payment-voided")
            .deadline(Millis::seconds(30), Cancel { reason: "payment_timeout" }),
        )
        .step(
            Step::command(
                "accept",
                Compensatable,
                ("request-acceptance", "store"),
                Person,
                "order-accepted",
            )
            .after(&["pay"])
            .failed_by("order-rejected", "store_rejected")
            .undo(("cancel-ticket", "store"), "ticket-cancelled")
            .deadline(Millis::minutes(5), Cancel { reason: "store_timeout" }),
        )
        .step(
            Step::command("cook-start", Pivot, ("prepare-food", "cook"), Person, "cook-started")
                .after(&["accept"])
                .failed_by("cooking-declined", "kitchen_declined")
                .undo(("cancel-cooking", "cook"), "cooking-cancelled")
                .deadline(Millis::minutes(15), Cancel { reason: "kitchen_timeout" }),
        )
        .step(
            Step::command(
                "capture",
                Retriable,
                ("capture-payment", "payment"),
                Participant,
                "payment-captured",
            )
            .after(&["cook-start"]),
        )
        .step(
            Step::waits_on("cook-finish", "prepare-food", "cook-finished")
                .after(&["cook-start"])
                .deadline(Millis::minutes(60), Escalate)
                .skippable(),
        )
        .step(
            Step::command(
                "assign",
                Retriable,
                ("dispatch-delivery", "rider"),
                Person,
                "rider-assigned",
            )
            .after(&["cook-start"])
            .reopened_by("rider-released")
            .deadline(
                Millis::minutes(10),
                WidenThenEscalate { command: "widen-search", to: "rider" },
            )
            .skippable(),
        )
        .step(
            Step::waits_on("pickup", "dispatch-delivery", "food-picked")
                .after(&["cook-finish", "assign"])
                .deadline(Millis::minutes(30), Escalate)
                .skippable(),
        )
        .step(
            Step::waits_on("deliver", "dispatch-delivery", "delivery-confirmed")
                .after(&["pickup"])
                .hands_over(HandOver {
                    fact: "delivery-returned",
                    definition: "return",
                    reason: "delivery_returned",
                    recall: Some(("recall-delivery", "rider")),
                })
                .deadline(Millis::minutes(90), Escalate),
        )
        .step(
            Step::command(
                "settle",
                Retriable,
                ("settle-stock", "store"),
                Participant,
                "stock-settled",
            )
            .after(&["capture", "deliver"]),
        )
        .publishes(Published {
            passed: None,
            completed: Some("order-completed"),
            cancelled: Some("order-cancelled"),
            returned: None,
            cancellation_refused: Some("cancellation-refused"),
        })
}

/// What follows when a delivery comes back.
pub(crate) fn return_spec() -> Spec {
    Spec::new("return", 1)
        .step(Step::command(
            "refund",
            Retriable,
            ("refund-payment", "payment"),
            Participant,
            "payment-refunded",
        ))
        .step(Step::command(
            "restock",
            Retriable,
            ("restock", "store"),
            Participant,
            "stock-restocked",
        ))
        .publishes(Published { completed: Some("order-returned"), ..Published::default() })
}

pub(crate) fn order() -> Definition {
    Definition::build(order_spec()).unwrap()
}

pub(crate) fn return_order() -> Definition {
    Definition::build(return_spec()).unwrap()
}

/// What happens when an order is changed: its pivot is the last thing but one.
pub(crate) fn revise() -> Definition {
    let spec = Spec::new("revise", 1)
        .step(
            Step::command(
                "reprice",
                Compensatable,
                ("revise-payment", "payment"),
                Participant,
                "payment-revised",
            )
            .failed_by("payment-revision-declined", "payment_declined")
            .undo(("restore-payment", "payment"), "payment-restored")
            .deadline(Millis::seconds(30), Cancel { reason: "payment_timeout" }),
        )
        .step(
            Step::command(
                "amend",
                Pivot,
                ("revise-ticket", "store"),
                Participant,
                "ticket-revised",
            )
            .after(&["reprice"])
            .failed_by("ticket-revision-refused", "order_cancelled")
            .undo(("keep-ticket", "store"), "ticket-kept")
            .deadline(Millis::seconds(30), Cancel { reason: "store_timeout" }),
        )
        .step(
            Step::command(
                "adjust",
                Retriable,
                ("adjust-payment", "payment"),
                Participant,
                "payment-adjusted",
            )
            .after(&["amend"]),
        )
        .publishes(Published {
            passed: Some("order-revised"),
            cancelled: Some("revision-refused"),
            ..Published::default()
        });
    Definition::build(spec).unwrap()
}
