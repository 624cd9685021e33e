//! Why a request is refused, in the words of the interface: a slug for programs, a sentence for
//! people.

use runtime::Problem;

use crate::domain::Refusal;

/// A refusal as a problem.
pub(crate) fn problem(refusal: Refusal) -> Problem {
    let (slug, detail) = match refusal {
        Refusal::NoDelivery => return Problem::not_found("delivery"),
        Refusal::NoRider => return Problem::not_found("rider"),
        Refusal::NotOnOffer => ("not-on-offer", "This delivery is not on offer yet."),
        Refusal::Claimed => ("claimed", "Another rider has this delivery."),
        Refusal::NotClaimed => ("not-claimed", "This delivery is to be claimed first."),
        Refusal::OffDuty => ("off-duty", "A rider who is off duty claims nothing."),
        Refusal::RiderFull => ("rider-full", "The rider carries as many deliveries as they may."),
        Refusal::FoodNotReady => ("food-not-ready", "The food is not cooked yet."),
        Refusal::NotPicked => ("not-picked", "The food is to be picked up first."),
        Refusal::AlreadyPicked => ("already-picked", "The rider has picked the food up."),
        Refusal::AlreadyDelivered => ("already-delivered", "The delivery was confirmed."),
        Refusal::AlreadyReturned => ("already-returned", "The delivery has come back."),
        Refusal::CapacityTooLow => {
            ("capacity-too-low", "The rider carries more deliveries than that at this moment.")
        }
    };
    Problem::conflict(slug, detail)
}
