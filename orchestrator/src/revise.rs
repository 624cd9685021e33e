//! Whether a change that a customer asks for may begin. Pure; what becomes of it is its saga's.

use contracts::{CustomerId, OrderId, SagaId, Timestamp};
use runtime::{Decision, Problem, Reply, View};
use saga::{Cancellation, Instance, StepStatus};

use crate::{
    Settings, State,
    advance::Turn,
    aggregates::{order_key, used_key},
    idempotency::{UsedKey, fingerprint_of_change},
    order::Order,
    revision::{Change, MAX_REVISIONS},
    service::replayed,
    status::OrderStatus,
    views::OrderView,
};

/// A request to change an order, with the id that its saga will have if it has one.
#[derive(Clone, Debug)]
pub struct Revising {
    /// The customer's idempotency key.
    pub key: String,
    /// Whose order it is.
    pub customer_id: CustomerId,
    /// Which order.
    pub order_id: OrderId,
    /// The id of the saga.
    pub saga_id: SagaId,
    /// What is asked.
    pub change: Change,
}

pub(crate) fn revise(
    settings: &Settings,
    asked: &Revising,
    view: &View<'_, State>,
    now: Timestamp,
) -> Decision<State> {
    let fingerprint = fingerprint_of_change(&asked.order_id, &asked.change);
    let key = used_key(&asked.customer_id, &asked.key);
    if let Some(used) = view.get(&key).and_then(State::as_used_key) {
        return replayed(used, fingerprint);
    }
    let order = view.get(&order_key(&asked.order_id)).and_then(State::as_order);
    let Some(order) = order.filter(|order| order.customer_id == asked.customer_id) else {
        return Decision::refused(Problem::not_found("order"));
    };
    let (status, mut decision, answer) = match decide(settings, order, asked, now) {
        Err(problem) => return Decision::refused(problem),
        Ok(None) => (200, Decision::default(), OrderView::of(order)),
        Ok(Some(turn)) => {
            let status = if order.is_scheduled() { 200 } else { 202 };
            let answer = OrderView::of(&turn.order);
            (status, turn.into_decision(), answer)
        }
    };
    let answer = serde_json::to_value(answer)
        .expect("views are plain structs with text keys, which always serialize");
    let used = UsedKey {
        fingerprint,
        order_id: asked.order_id.clone(),
        status,
        answer: answer.clone(),
        used_at: now,
    };
    decision.saves.push((key, State::UsedKey(Box::new(used))));
    decision.reply = Reply::Done { status, body: answer, headers: Vec::new() };
    decision
}

/// What a change comes to; nothing where the order is so already.
fn decide<'a>(
    settings: &'a Settings,
    order: &Order,
    asked: &Revising,
    now: Timestamp,
) -> Result<Option<Turn<'a>>, Problem> {
    let before = order.content();
    let wanted = before.changed(&asked.change)?;
    refuse(order)?;
    if wanted == before {
        return Ok(None);
    }
    if order.revisions.len() >= MAX_REVISIONS {
        let detail = format!("The order was changed {MAX_REVISIONS} times; that is the most.");
        return Err(Problem::conflict("too-many-revisions", detail));
    }
    if order.is_scheduled() {
        return Ok(Some(Turn::revise_scheduled(settings, order, wanted, now)));
    }
    match Turn::revise(settings, order, asked.saga_id, wanted, now) {
        Ok(turn) => Ok(Some(turn)),
        Err(_) => Err(Problem::internal()),
    }
}

/// Refuses a change that could not be made as the order stands.
fn refuse(order: &Order) -> Result<(), Problem> {
    match conflict(order) {
        None => Ok(()),
        Some((slug, detail)) => Err(Problem::conflict(slug, detail)),
    }
}

/// Whether its customer could change the order as it stands.
pub(crate) fn revisable(order: &Order) -> bool {
    conflict(order).is_none() && order.revisions.len() < MAX_REVISIONS
}

fn conflict(order: &Order) -> Option<(&'static str, &'static str)> {
    if order.is_scheduled() {
        return None;
    }
    let own = order.latest();
    let status = |step: &str| own.and_then(|saga| saga.step(step)).map(|step| step.status);
    let undone = matches!(OrderStatus::of(order), OrderStatus::Cancelling | OrderStatus::Cancelled);
    let asked = order.cancellation() == Some(Cancellation::Requested);
    Some(if undone || asked {
        ("order-cancelled", "The order is cancelled, or is being cancelled.")
    } else if status("accept").is_none_or(saga::StepStatus::is_over) {
        ("already-accepted", "The store has accepted the order as it is.")
    } else if own.is_some_and(Instance::is_suspended) {
        ("order-suspended", "An operator has halted the order.")
    } else if order.place_of_revising().is_some() {
        ("revision-pending", "Another change of the order is not decided yet.")
    } else if status("accept") != Some(StepStatus::Requested) {
        ("payment-pending", "The order is not paid for yet.")
    } else {
        return None;
    })
}
