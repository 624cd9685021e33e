//! What is said in English.

use super::{
    Basket, Template,
    words::{Why, amount, local, plain},
};

pub(super) fn text(template: &Template) -> String {
    match template {
        Template::Scheduled { basket, at } => {
            let when = at.map_or_else(String::new, |at| format!(" for {} (KST)", local(at)));
            format!("Your order is booked{when}.\n{}", bought(basket))
        }
        Template::Placed { basket } => format!("We have your order.\n{}", bought(basket)),
        Template::Paid => "Your payment is approved. The store is asked now.".to_owned(),
        Template::Accepted { store } => format!("{store} has accepted your order."),
        Template::Cooking => "Your food is being cooked.".to_owned(),
        Template::Cooked => "Your food is ready and waits for a rider.".to_owned(),
        Template::OnTheWay => "Your food is on its way.".to_owned(),
        Template::Delivered => "Your food is there. Enjoy your meal!".to_owned(),
        Template::Cancelling => "Your order is being cancelled.".to_owned(),
        Template::Cancelled { reason } => format!(
            "Your order is cancelled: {}. You are not charged.",
            why(Why::of_any(reason.as_deref()))
        ),
        Template::Returning => "Your order comes back. Your money will follow.".to_owned(),
        Template::Returned { reason } => format!(
            "Your order came back: {}. Your money is returned.",
            why(Why::of_any(reason.as_deref()))
        ),
        Template::Revised { basket } => format!("Your order is changed.\n{}", bought(basket)),
        Template::RevisionRefused { reason } => format!(
            "Your order could not be changed: {}. It goes on as it was.",
            why(Why::of(reason))
        ),
        Template::CancellationTooLate => {
            "It is too late to cancel: your food is being cooked.".to_owned()
        }
        Template::NewOrder { basket } => {
            format!("A new order waits for your answer.\n{}", bought(basket))
        }
        Template::Offered { store, district, line } => format!(
            "A delivery near you is on offer.\nFrom: {store}\nTo: {district}, {}",
            plain(line)
        ),
    }
}

fn bought(basket: &Basket) -> String {
    let more = match basket.lines.saturating_sub(1) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let total = basket.total;
    format!(
        "What: {}{more}\nTotal: {} {}",
        plain(&basket.first),
        total.currency.as_str(),
        amount(total)
    )
}

const fn why(why: Why) -> &'static str {
    match why {
        Why::PaymentDeclined => "the payment was declined",
        Why::PaymentTimeout => "the payment took too long",
        Why::StoreRejected => "the store could not take it",
        Why::StoreTimeout => "the store did not answer",
        Why::OutOfStock => "the store has not enough of it",
        Why::KitchenDeclined => "the kitchen could not take it",
        Why::KitchenTimeout => "the kitchen did not start in time",
        Why::CustomerCancelled => "as you wished",
        Why::DeliveryReturned => "it could not be handed over",
        Why::AlreadyAccepted => "the store had accepted it already",
        Why::OrderCancelled => "it is being cancelled",
        Why::Other => "our service has decided so",
    }
}
