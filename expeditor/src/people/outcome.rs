//! How an order ended, as the services say, and whether that is what was planned.

use serde_json::Value;

use super::{
    client::Answer,
    plan::{Ending, Plan},
};

/// An order that was acknowledged over HTTP with 201.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Acknowledged {
    /// The order.
    pub order_id: String,
    /// Whose.
    pub customer_id: String,
    /// The idempotency key that it was placed with.
    pub key: String,
}

/// What the customer was answered when they cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cancelling {
    Taken,
    TooLate,
}

/// One order at its end.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The order.
    pub order_id: String,
    /// What was planned.
    pub plan: Plan,
    /// The acknowledgement.
    pub acknowledged: Option<Acknowledged>,
    /// Whether a rider has given the delivery back once.
    pub released: bool,
    /// Whether a rider from another district has claimed it.
    pub from_afar: bool,
    /// Answers that nobody expected.
    pub remarks: Vec<String>,
    status: String,
    reason: Option<String>,
    cancellation: Option<String>,
    payment: Option<String>,
    cancelling: Option<Cancelling>,
    replays_missing: bool,
    change: Option<String>,
}

impl Outcome {
    /// Nothing is known yet.
    pub fn new(plan: Plan, order_id: &str) -> Self {
        Self {
            order_id: order_id.to_owned(),
            plan,
            acknowledged: None,
            released: false,
            from_afar: false,
            remarks: Vec::new(),
            status: String::new(),
            reason: None,
            cancellation: None,
            payment: None,
            cancelling: None,
            replays_missing: false,
            change: None,
        }
    }

    /// How often the order was asked for again with its key, and how many answers said that they
    /// were replays. More may say so than were pressed again: a request without an answer is sent
    /// again by itself.
    pub const fn saw_replays(&mut self, repeats: usize, replays: usize) {
        self.replays_missing = replays < repeats;
    }

    /// The answer to the customer's wish to cancel.
    pub fn saw_cancellation(&mut self, answer: &Answer) {
        self.cancelling = match (answer.status, answer.slug()) {
            (200 | 202, _) => Some(Cancelling::Taken),
            (409, "cooking-started") => Some(Cancelling::TooLate),
            _ => {
                self.remarks.push(format!("the customer was answered {}", answer.brief()));
                None
            }
        };
    }

    /// The order when the change that the customer asked for was decided, or what was answered.
    pub fn saw_change(&mut self, answer: &Answer) {
        self.change = answer.body["revision"]["status"].as_str().map(str::to_owned);
        if self.change.is_none() {
            self.remarks.push(format!("a change was answered {}", answer.brief()));
        }
    }

    /// The order as it was seen last.
    pub fn saw_order(&mut self, order: &Value) {
        let text = |field: &str| order.get(field).and_then(Value::as_str).map(str::to_owned);
        self.status = text("status").unwrap_or_default();
        self.reason = text("reason");
        self.cancellation = text("cancellation");
    }

    /// The order's payment.
    pub fn saw_payment(&mut self, payment: &Value) {
        self.payment = payment.get("state").and_then(Value::as_str).map(str::to_owned);
    }

    /// The kind of ending that the services tell of; `None` where the order has not ended, or in
    /// a way that has no name.
    pub fn ending(&self) -> Option<Ending> {
        let refused = self.cancellation.as_deref() == Some("refused");
        Some(match (self.status.as_str(), self.reason.as_deref()) {
            ("delivered", None) if refused => Ending::CancelledTooLate,
            ("delivered", None) => Ending::Delivered,
            ("cancelled", Some("store_rejected" | "out_of_stock")) => Ending::Rejected,
            ("cancelled", Some("payment_declined" | "kitchen_declined")) => Ending::Declined,
            ("cancelled", Some("customer_cancelled")) => Ending::CancelledInTime,
            ("cancelled", Some("payment_timeout" | "store_timeout" | "kitchen_timeout")) => {
                Ending::TimedOut
            }
            ("returned", Some("delivery_returned")) => Ending::Returned,
            _ => return None,
        })
    }

    /// What is wrong with it, if anything: planned otherwise, ended otherwise.
    pub fn complaint(&self) -> Option<String> {
        let (status, reason) = self.plan.end();
        let as_planned = self.ending() == Some(self.plan.ending())
            && self.status == status
            && self.reason.as_deref() == reason
            && self.money_fits();
        let omitted = self.omitted();
        let as_planned = as_planned && omitted.is_none();
        if as_planned {
            return None;
        }
        let ended = self.ending().map_or("has not ended", Ending::as_str);
        let timed_out = ended == Ending::TimedOut.as_str();
        let mut text = format!(
            "order {} was planned to end {} ({:?}) but {}{ended}: status {}, reason {}, payment {}",
            self.order_id,
            self.plan.ending(),
            self.plan,
            if self.ending().is_some() { "ended " } else { "" },
            self.status,
            self.reason.as_deref().unwrap_or("none"),
            self.payment.as_deref().unwrap_or("unknown"),
        );
        if timed_out && !self.plan.is_slow() {
            text.push_str("; it was not meant to time out: is the machine overloaded?");
        }
        if let Some(omitted) = omitted {
            text.push_str("; ");
            text.push_str(omitted);
        }
        for remark in &self.remarks {
            text.push_str("; ");
            text.push_str(remark);
        }
        Some(text)
    }

    /// A step of the plan that did not happen, although the order may have ended as if it had.
    fn omitted(&self) -> Option<&'static str> {
        let wish = match self.plan.ending() {
            Ending::CancelledInTime => self.cancelling == Some(Cancelling::Taken),
            Ending::CancelledTooLate => self.cancelling.is_some(),
            _ => true,
        };
        let released = self.plan != Plan::DeliverAfterRelease || self.released;
        let from_afar = self.plan != Plan::DeliverFromAfar || self.from_afar;
        let steps = [
            (wish, "the customer was not answered about the cancellation as planned"),
            (released, "no rider has given it back"),
            (from_afar, "no rider of another district has claimed it"),
            (
                self.change.as_deref() == self.plan.change(),
                "what became of the customer's change was not as planned",
            ),
            (!self.replays_missing, "a repeated request was not answered as a replay"),
        ];
        steps.into_iter().find(|(happened, _)| !happened).map(|(_, omitted)| omitted)
    }

    /// Money as it must be at that end. A delivered order may be seen moments before its capture
    /// is; the audit looks again when all is quiet.
    fn money_fits(&self) -> bool {
        let payment = self.payment.as_deref().unwrap_or("none");
        match self.plan.end().0 {
            "delivered" => matches!(payment, "authorized" | "captured"),
            "returned" => payment == "refunded",
            _ => matches!(payment, "voided" | "declined" | "none"),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn outcome(plan: Plan, status: &str, reason: Option<&str>, payment: &str) -> Outcome {
        let mut outcome = Outcome::new(plan, "o1");
        outcome.saw_order(&json!({ "status": status, "reason": reason, "cancellation": null }));
        outcome.saw_payment(&json!({ "state": payment }));
        outcome
    }

    #[test]
    fn an_order_that_ended_as_planned_is_no_complaint() {
        for (plan, payment) in [
            (Plan::Deliver, "captured"),
            (Plan::Reject, "voided"),
            (Plan::DeclinePayment, "declined"),
            (Plan::SilentCook, "voided"),
            (Plan::Return, "refunded"),
        ] {
            let (status, reason) = plan.end();
            let outcome = outcome(plan, status, reason, payment);
            assert_eq!(outcome.complaint(), None);
            assert_eq!(outcome.ending(), Some(plan.ending()));
        }
    }

    #[test]
    fn a_refused_cancellation_makes_the_difference_between_delivered_and_too_late() {
        let mut late = outcome(Plan::CancelAtStart, "delivered", None, "captured");
        assert!(late.complaint().is_some(), "nobody has refused anything yet");
        let body = json!({ "type": "/problems/cooking-started" });
        late.saw_cancellation(&Answer { status: 409, body, replayed: false });
        assert!(late.complaint().is_some(), "the order does not say so");
        let refused = json!({ "status": "delivered", "reason": null, "cancellation": "refused" });
        late.saw_order(&refused);
        assert_eq!((late.ending(), late.complaint()), (Some(Ending::CancelledTooLate), None));
        let mut unasked = outcome(Plan::CancelAtStart, "delivered", None, "captured");
        unasked.saw_order(&refused);
        assert!(unasked.complaint().unwrap().contains("cancellation"), "nobody was answered");
    }

    #[test]
    fn a_step_of_the_plan_that_did_not_happen_is_a_complaint() {
        let ended = |plan: Plan| {
            let (status, reason) = plan.end();
            outcome(plan, status, reason, if status == "delivered" { "captured" } else { "voided" })
        };
        let mut given_back = ended(Plan::DeliverAfterRelease);
        assert!(given_back.complaint().unwrap().contains("given it back"));
        given_back.released = true;
        assert_eq!(given_back.complaint(), None);

        let mut from_afar = ended(Plan::DeliverFromAfar);
        assert!(from_afar.complaint().unwrap().contains("another district"));
        from_afar.from_afar = true;
        assert_eq!(from_afar.complaint(), None);

        let mut pressed_twice = ended(Plan::Deliver);
        pressed_twice.saw_replays(1, 0);
        assert!(pressed_twice.complaint().unwrap().contains("replay"));
        pressed_twice.saw_replays(1, 1);
        assert_eq!(pressed_twice.complaint(), None);

        for (plan, status) in [(Plan::DeliverChanged, "made"), (Plan::DeliverUnchanged, "refused")]
        {
            let mut changed = ended(plan);
            assert!(changed.complaint().unwrap().contains("change"));
            let body = json!({ "revision": { "status": status } });
            changed.saw_change(&Answer { status: 200, body, replayed: false });
            assert_eq!(changed.complaint(), None);
        }

        let mut cancelled = ended(Plan::CancelAtOnce);
        assert!(cancelled.complaint().unwrap().contains("cancellation"));
        cancelled.saw_cancellation(&Answer { status: 202, body: json!({}), replayed: false });
        assert_eq!(cancelled.complaint(), None);
    }

    #[test]
    fn an_order_that_ended_otherwise_is_a_complaint_that_says_how() {
        for (outcome, says) in [
            (outcome(Plan::Deliver, "cooking", None, "authorized"), "has not ended"),
            (
                outcome(Plan::Deliver, "cancelled", Some("store_timeout"), "voided"),
                "not meant to time out",
            ),
            (outcome(Plan::Return, "returned", Some("delivery_returned"), "captured"), "captured"),
            (
                outcome(Plan::SilentOwner, "cancelled", Some("kitchen_timeout"), "voided"),
                "kitchen_timeout",
            ),
        ] {
            let complaint = outcome.complaint().unwrap();
            assert!(complaint.contains(says), "{complaint}");
        }
    }
}
