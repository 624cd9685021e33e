//! What both languages share: amounts, times, texts that people wrote, and reasons.

use std::time::Duration;

use contracts::{Money, Timestamp};

/// An amount in units of its currency: `19,000` won, `190.00` dollars. Most currencies have
/// hundredths; ISO 4217 names the others.
pub(super) fn amount(money: Money) -> String {
    let decimals = match money.currency.as_str() {
        "BIF" | "CLP" | "DJF" | "GNF" | "ISK" | "JPY" | "KMF" | "KRW" | "PYG" | "RWF" | "UGX"
        | "UYI" | "VND" | "VUV" | "XAF" | "XOF" | "XPF" => 0,
        "BHD" | "IQD" | "JOD" | "KWD" | "LYD" | "OMR" | "TND" => 3,
        _ => 2,
    };
    let sign = if money.amount < 0 { "-" } else { "" };
    let unit = 10_u64.pow(decimals);
    let (whole, part) = (money.amount.unsigned_abs() / unit, money.amount.unsigned_abs() % unit);
    let whole = grouped(&whole.to_string());
    match usize::try_from(decimals) {
        Ok(width @ 1..) => format!("{sign}{whole}.{part:0width$}"),
        _ => format!("{sign}{whole}"),
    }
}

/// Digits in groups of three.
fn grouped(digits: &str) -> String {
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Korea's time of day, which is nine hours ahead all year: `2026-05-29 05:26`.
pub(super) fn local(time: Timestamp) -> String {
    let text = time.plus(Duration::from_secs(9 * 3600)).to_string();
    let (date, clock) = (text.get(..10), text.get(11..16));
    format!("{} {}", date.unwrap_or_default(), clock.unwrap_or_default())
}

/// A text that somebody wrote, on one line.
pub(super) fn plain(text: &str) -> String {
    text.chars().map(|it| if it.is_control() { ' ' } else { it }).collect()
}

/// Why something ended or was refused, as far as a customer is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// No money was held.
    PaymentDeclined,
    /// The payment took too long.
    PaymentTimeout,
    /// The store said no.
    StoreRejected,
    /// The store did not answer.
    StoreTimeout,
    /// The store has not enough of it.
    OutOfStock,
    /// The kitchen said no.
    KitchenDeclined,
    /// The kitchen did not start.
    KitchenTimeout,
    /// The customer wished so.
    CustomerCancelled,
    /// It could not be handed over.
    DeliveryReturned,
    /// The store had accepted before.
    AlreadyAccepted,
    /// It was being cancelled.
    OrderCancelled,
    /// Somebody saw to it by hand, or a later version says something new.
    Other,
}

impl Why {
    /// What a slug means.
    pub(super) fn of(slug: &str) -> Self {
        match slug {
            "payment_declined" => Self::PaymentDeclined,
            "payment_timeout" => Self::PaymentTimeout,
            "store_rejected" => Self::StoreRejected,
            "store_timeout" => Self::StoreTimeout,
            "out_of_stock" => Self::OutOfStock,
            "kitchen_declined" => Self::KitchenDeclined,
            "kitchen_timeout" => Self::KitchenTimeout,
            "customer_cancelled" => Self::CustomerCancelled,
            "delivery_returned" => Self::DeliveryReturned,
            "already_accepted" => Self::AlreadyAccepted,
            "order_cancelled" => Self::OrderCancelled,
            _ => Self::Other,
        }
    }

    /// What no reason means.
    pub(super) fn of_any(slug: Option<&str>) -> Self {
        slug.map_or(Self::Other, Self::of)
    }
}
