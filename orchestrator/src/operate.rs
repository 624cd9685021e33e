//! What an operator does about an order. The engine judges it; here it becomes a decision.

use contracts::{OrderId, Timestamp};
use runtime::{Decision, Problem, Reply, View};
use saga::{Action, Input, Outcome};

use crate::{Settings, State, advance::Turn, aggregates::order_key, views::OrderView};

/// An operator's action on an order's own saga that is under way.
#[derive(Clone, Debug)]
pub struct Operating {
    /// Which order.
    pub order_id: OrderId,
    /// What is to be done.
    pub action: Action,
    /// Who acts; an action without an actor is refused.
    pub by: String,
    /// Why.
    pub reason: String,
}

/// Takes the action, or refuses it with a conflict: the engine has said why.
pub(crate) fn operate(
    settings: &Settings,
    asked: &Operating,
    view: &View<'_, State>,
    now: Timestamp,
) -> Decision<State> {
    let Some(order) = view.get(&order_key(&asked.order_id)).and_then(State::as_order) else {
        return Decision::refused(Problem::not_found("order"));
    };
    if order.latest().is_none() {
        return Decision::refused(Problem::conflict("unsafe-action", "The order has no saga yet."));
    }
    let Operating { action, by, reason, .. } = asked;
    let (action, by, reason) = (action.clone(), by.clone(), reason.clone());
    let input = Input::Operator { action, by, reason };
    let Ok(turn) = Turn::take(settings, order, &input, now) else {
        return Decision::refused(Problem::internal());
    };
    let reply = match turn.outcome {
        Outcome::Accepted | Outcome::Ignored(_) => Reply::json(200, &OrderView::of(&turn.order)),
        Outcome::Refused(why) => Reply::Refused(Problem::conflict("unsafe-action", why.text())),
    };
    let decision = if turn.changed() { turn.into_decision() } else { Decision::default() };
    Decision { reply, ..decision }
}
