//! The words and parts that a customer sees, story by story and step by step.

use super::builders::{STORIES, fold, order, story};
use crate::{status::Status, views::OrderView};

fn words(name: &str) -> Vec<&'static str> {
    let (_, kinds) = STORIES.iter().find(|(other, _)| *other == name).unwrap();
    let told = story(&order(), "c1", kinds);
    let mut words: Vec<_> =
        (1..=told.len()).map(|end| Status::of(&fold(&told[..end])).as_str()).collect();
    words.dedup();
    words
}

#[test]
fn each_story_is_told_in_the_orders_words() {
    for (name, expected) in [
        (
            "delivered",
            &["placed", "paid", "accepted", "cooking", "cooked", "on_the_way", "delivered"][..],
        ),
        ("declined", &["placed", "cancelling", "cancelled"]),
        ("rejected", &["placed", "paid", "cancelling", "cancelled"]),
        ("cancelled", &["placed", "paid", "accepted", "cancelling", "cancelled"]),
        (
            "returned",
            &[
                "placed",
                "paid",
                "accepted",
                "cooking",
                "cooked",
                "on_the_way",
                "returning",
                "returned",
            ],
        ),
        ("returning", &["placed", "paid", "cooking", "returning"]),
    ] {
        assert_eq!(words(name), expected, "{name}");
    }
}

#[test]
fn half_an_order_is_not_shown() {
    let told = story(&order(), "c1", STORIES[0].1);
    assert_eq!(OrderView::of(&fold(&told[1..])), None);
    let view = OrderView::of(&fold(&told)).unwrap();
    assert_eq!(view.updated_at, told.last().unwrap().at);
    assert_eq!((view.cancellation, view.reason), (Some("refused"), None));
}

#[test]
fn a_rider_who_gave_it_back_is_not_shown() {
    let told = story(&order(), "c1", STORIES[0].1);
    let rider = |end: usize| {
        let delivery = OrderView::of(&fold(&told[..end])).unwrap().delivery;
        delivery.map(|it| (it.rider_id.map(|id| id.to_string()), it.offered_at))
    };
    let offered = Some(told[4].at);
    assert_eq!(rider(4), None);
    assert_eq!(rider(5), Some((None, offered)));
    assert_eq!(rider(7), Some((Some("r1".to_owned()), offered)));
    assert_eq!(rider(8), Some((None, offered)));
    assert_eq!(rider(10), Some((Some("r1".to_owned()), offered)));
}
