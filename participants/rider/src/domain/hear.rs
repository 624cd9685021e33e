//! What a delivery hears in messages: facts of other services and commands, in any order.
//!
//! Early facts are kept: the address and the readiness of the food may come before or after the
//! command that asks for the delivery. A delivery that came back stays so for ever, also where it
//! was recalled before anything was heard of it.

use std::collections::BTreeMap;

use contracts::{Address, District, EventType, OrderId, RiderId, SagaId, StoreId, Timestamp};
use mutants::mutant;

use super::{Delivery, Hands, Outcome, State, delivery::Draft};

/// What is heard of a delivery, from others or from its own timer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// `order-placed` or `order-revised`: where it would go.
    Placed {
        /// Where the food is fetched.
        store_id: StoreId,
        /// Where it goes.
        address: Address,
        /// The change of the order that this is of; 0 for the order as it was placed.
        revision: u32,
    },
    /// `cook-finished`: it can be picked up.
    FoodReady,
    /// `dispatch-delivery`: offer it to riders.
    Dispatch {
        /// Where the food is fetched.
        store_id: StoreId,
        /// The last change of the order; 0 where there was none.
        revision: u32,
    },
    /// `widen-search`: offer it in the neighbouring districts too.
    Widen,
    /// `recall-delivery`: end it, if the food has not left.
    Recall,
    /// Its timer: tell the districts that an offer had to leave out.
    Due,
}

/// The city around an address, as far as it was looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Surroundings {
    /// The neighbours of the address's district; none where nobody has entered it.
    pub neighbours: Option<Vec<District>>,
    /// The riders on duty in each district that was looked at, also where there are none.
    pub riders: BTreeMap<District, Vec<RiderId>>,
}

impl Surroundings {
    /// The riders on duty in any of these, each once.
    pub(crate) fn riders_in(&self, districts: &[District]) -> Vec<RiderId> {
        let mut riders: Vec<RiderId> =
            districts.iter().filter_map(|d| self.riders.get(d)).flatten().cloned().collect();
        riders.sort();
        riders.dedup();
        riders
    }
}

/// The rider who takes every delivery where people's decisions are taken for them. This one has
/// no end of hands.
pub fn auto_rider() -> RiderId {
    RiderId::new("auto").expect("four letters are an id")
}

/// Decides what something heard does to a delivery. `auto` takes the riders' decisions at once.
pub fn hear(
    current: Option<&Delivery>,
    order_id: &OrderId,
    saga: Option<SagaId>,
    heard: &Heard,
    around: &Surroundings,
    auto: bool,
    now: Timestamp,
) -> Outcome {
    let mut delivery = current.cloned().unwrap_or_else(|| Delivery::blank(order_id.clone(), now));
    delivery.saga = delivery.saga.or(saga);
    let mut draft = Draft::of(delivery);
    let changed = match heard {
        Heard::Placed { store_id, address, revision } => {
            placed(&mut draft, store_id, (address, *revision), around, auto)
        }
        Heard::FoodReady => food_ready(&mut draft, auto),
        Heard::Dispatch { store_id, revision } => {
            dispatch(&mut draft, store_id, *revision, around, auto)
        }
        Heard::Widen => widen(&mut draft, around),
        Heard::Recall => recall(&mut draft),
        Heard::Due => tell_the_rest(&mut draft, around),
    };
    if changed { draft.done(now) } else { Outcome::Unchanged }
}

fn placed(
    draft: &mut Draft,
    store_id: &StoreId,
    (address, revision): (&Address, u32),
    around: &Surroundings,
    auto: bool,
) -> bool {
    let delivery = &mut draft.delivery;
    // The latest address counts, whatever the order in which they come; one that is on offer or on its
    // way has it, and one that was recalled needs none.
    let known = delivery.address.is_some() && delivery.revision >= revision;
    if known || !matches!(delivery.state, State::Known | State::Waiting) {
        return false;
    }
    delivery.store_id.get_or_insert_with(|| store_id.clone());
    delivery.address = Some(address.clone());
    delivery.revision = revision;
    see(delivery, around);
    let waits =
        delivery.state == State::Waiting && !mutant!("rider-forgets-who-waits-for-an-address");
    if waits && delivery.has_address() {
        offer(draft, around, auto);
    }
    true
}

fn food_ready(draft: &mut Draft, auto: bool) -> bool {
    let delivery = &mut draft.delivery;
    if delivery.food_ready || matches!(delivery.state, State::Delivered | State::Returned) {
        return false;
    }
    delivery.food_ready = true;
    if auto && delivery.state == State::Claimed && delivery.is_of(&auto_rider()) {
        carry_to_the_door(draft);
    }
    true
}

fn dispatch(
    draft: &mut Draft,
    store_id: &StoreId,
    revision: u32,
    around: &Surroundings,
    auto: bool,
) -> bool {
    let delivery = &mut draft.delivery;
    match delivery.state {
        State::Known => {
            delivery.store_id = Some(store_id.clone());
            delivery.asked_revision = revision;
            if delivery.has_address() {
                offer(draft, around, auto);
            } else {
                delivery.state = State::Waiting;
            }
            true
        }
        // Its rider released it, and it is asked for again: riders are told again.
        State::Offered | State::OfferedWide if delivery.told.is_empty() => {
            offer(draft, around, auto);
            true
        }
        // Sent again while a rider's decision is pending, or after it: answered as things stand.
        _ => false,
    }
}

fn widen(draft: &mut Draft, around: &Surroundings) -> bool {
    let delivery = &mut draft.delivery;
    match delivery.state {
        // It has overtaken the command that it widens: kept, like every early word.
        State::Known | State::Waiting => !std::mem::replace(&mut delivery.wide, true),
        State::Offered | State::OfferedWide => {
            let before = delivery.clone();
            delivery.wide = true;
            see(delivery, around);
            // Sent again, it tells riders again only where there are others to tell.
            draft.announce(around);
            draft.delivery != before
        }
        State::Claimed | State::Picked | State::Delivered | State::Returned => false,
    }
}

/// Either a district that was left out is told now, or it is no neighbour any more: so that this
/// comes to an end once nobody changes the map.
fn tell_the_rest(draft: &mut Draft, around: &Surroundings) -> bool {
    if !draft.delivery.has_more_to_tell() {
        return false;
    }
    see(&mut draft.delivery, around);
    draft.announce(around);
    true
}

fn recall(draft: &mut Draft) -> bool {
    let delivery = &mut draft.delivery;
    let gone = matches!(delivery.state, State::Picked | State::Delivered | State::Returned);
    if gone && !mutant!("rider-recalls-what-has-left") {
        return false;
    }
    let hands = delivery.rider_id.clone().map(|r| Hands::Free(r, delivery.order_id.clone()));
    let reason = Some("recalled".to_owned());
    delivery.reason.clone_from(&reason);
    if let Some(hands) = hands {
        draft.hands(hands);
    }
    draft.happened(State::Returned, EventType::DeliveryReturned, reason);
    true
}

/// Keeps what was seen of the neighbourhood: a later widening looks at those districts.
fn see(delivery: &mut Delivery, around: &Surroundings) {
    if let Some(neighbours) = &around.neighbours {
        delivery.neighbours.clone_from(neighbours);
    }
}

fn offer(draft: &mut Draft, around: &Surroundings, auto: bool) {
    see(&mut draft.delivery, around);
    draft.announce(around);
    if auto {
        draft.delivery.rider_id = Some(auto_rider());
        draft.happened(State::Claimed, EventType::RiderAssigned, None);
        if draft.delivery.food_ready {
            carry_to_the_door(draft);
        }
    }
}

fn carry_to_the_door(draft: &mut Draft) {
    draft.happened(State::Picked, EventType::FoodPicked, None);
    draft.happened(State::Delivered, EventType::DeliveryConfirmed, None);
}
