//! What riders do with a delivery: claim, release, pick up, confirm, return.
//!
//! Repeats are answered as the first time and change nothing. Whose delivery it is comes before
//! every other reason to refuse.

use contracts::{EventType, RiderId, Timestamp};
use mutants::mutant;

use super::{Delivery, Hands, Load, Outcome, Refusal, RiderRow, State, delivery::Draft};

/// What a rider does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Act {
    /// Takes it on.
    Claim,
    /// Gives it back before pickup.
    Release,
    /// Has the food.
    Pickup,
    /// Has handed it to the customer.
    Confirm,
    /// Brings it back after pickup.
    Return,
}

impl Act {
    /// Everything that a rider can do.
    pub const ALL: [Self; 5] =
        [Self::Claim, Self::Release, Self::Pickup, Self::Confirm, Self::Return];

    /// Whether it looks at or changes what the rider carries.
    pub const fn concerns_hands(self) -> bool {
        !matches!(self, Self::Pickup)
    }
}

/// Decides what a rider's act does. `rider` and `load` are the acting rider's; the load is looked
/// at only where the act [concerns hands](Act::concerns_hands).
pub fn act(
    delivery: Option<&Delivery>,
    act: Act,
    rider: Option<&RiderRow>,
    load: Option<&Load>,
    reason: Option<&str>,
    now: Timestamp,
) -> Outcome {
    let Some(delivery) = delivery else { return Outcome::Refused(Refusal::NoDelivery) };
    let Some(rider) = rider else { return Outcome::Refused(Refusal::NoRider) };
    if matches!(delivery.state, State::Known | State::Waiting) {
        return Outcome::Refused(Refusal::NotOnOffer);
    }
    let theirs = delivery.is_of(&rider.rider_id);
    if delivery.rider_id.is_some() && !theirs && !mutant!("rider-acts-for-another") {
        return Outcome::Refused(Refusal::Claimed);
    }
    match (act, delivery.state) {
        (Act::Claim, State::Offered | State::OfferedWide) => claim(delivery, rider, load, now),
        (Act::Release, State::Picked) if mutant!("rider-releases-what-is-under-way") => {
            release(delivery, &rider.rider_id, reason, now)
        }
        (Act::Release, State::Claimed) => release(delivery, &rider.rider_id, reason, now),
        (Act::Pickup, State::Claimed)
            if delivery.food_ready || mutant!("rider-takes-what-is-not-cooked") =>
        {
            let mut draft = Draft::of(delivery.clone());
            draft.happened(State::Picked, EventType::FoodPicked, None);
            draft.done(now)
        }
        (Act::Confirm, State::Picked) => end(
            delivery,
            &rider.rider_id,
            State::Delivered,
            EventType::DeliveryConfirmed,
            None,
            now,
        ),
        (Act::Return, State::Picked) => {
            let kind = EventType::DeliveryReturned;
            end(delivery, &rider.rider_id, State::Returned, kind, reason, now)
        }
        // Repeats.
        (Act::Claim, State::Claimed | State::Picked | State::Delivered)
        | (Act::Pickup, State::Picked | State::Delivered)
        | (Act::Confirm, State::Delivered) => Outcome::Unchanged,
        (Act::Release, State::Offered | State::OfferedWide)
            if said_before(delivery, EventType::RiderReleased, &rider.rider_id, reason) =>
        {
            Outcome::Unchanged
        }
        (Act::Return, State::Returned)
            if said_before(delivery, EventType::DeliveryReturned, &rider.rider_id, reason) =>
        {
            Outcome::Unchanged
        }
        (_, state) => Outcome::Refused(why_not(act, state)),
    }
}

/// Why that act cannot be in that state, where it is neither done nor a repeat.
fn why_not(act: Act, state: State) -> Refusal {
    match state {
        State::Known | State::Waiting => Refusal::NotOnOffer,
        State::Offered | State::OfferedWide => Refusal::NotClaimed,
        State::Claimed if act == Act::Pickup => Refusal::FoodNotReady,
        State::Claimed => Refusal::NotPicked,
        State::Picked => Refusal::AlreadyPicked,
        State::Delivered => Refusal::AlreadyDelivered,
        State::Returned => Refusal::AlreadyReturned,
    }
}

fn claim(delivery: &Delivery, rider: &RiderRow, load: Option<&Load>, now: Timestamp) -> Outcome {
    if !rider.on_duty {
        return Outcome::Refused(Refusal::OffDuty);
    }
    let full = load.map_or(0, Load::len) >= rider.capacity;
    if full && !mutant!("rider-has-no-end-of-hands") {
        return Outcome::Refused(Refusal::RiderFull);
    }
    let mut draft = Draft::of(delivery.clone());
    draft.delivery.rider_id = Some(rider.rider_id.clone());
    draft.happened(State::Claimed, EventType::RiderAssigned, None);
    draft.hands(Hands::Take(rider.rider_id.clone(), delivery.order_id.clone()));
    draft.done(now)
}

fn release(delivery: &Delivery, rider: &RiderId, reason: Option<&str>, now: Timestamp) -> Outcome {
    let mut draft = Draft::of(delivery.clone());
    let state = if delivery.wide { State::OfferedWide } else { State::Offered };
    draft.happened(state, EventType::RiderReleased, reason.map(str::to_owned));
    draft.delivery.rider_id = None;
    // This version tells of the release; riders are told of the offer when it is asked for again.
    draft.delivery.told.clear();
    draft.hands(Hands::Free(rider.clone(), delivery.order_id.clone()));
    draft.done(now)
}

fn end(
    delivery: &Delivery,
    rider: &RiderId,
    state: State,
    kind: EventType,
    reason: Option<&str>,
    now: Timestamp,
) -> Outcome {
    let mut draft = Draft::of(delivery.clone());
    draft.delivery.reason = reason.map(str::to_owned);
    draft.happened(state, kind, reason.map(str::to_owned));
    draft.hands(Hands::Free(rider.clone(), delivery.order_id.clone()));
    draft.done(now)
}

/// Whether the latest that happened is just this, by this rider, for this reason.
fn said_before(
    delivery: &Delivery,
    kind: EventType,
    rider: &RiderId,
    reason: Option<&str>,
) -> bool {
    delivery.record.latest().is_some_and(|latest| {
        latest.kind == kind
            && latest.data.rider_id.as_ref() == Some(rider)
            && latest.data.reason.as_deref() == reason
    })
}
