//! What was told leads to the same, in whatever order and however often it comes.

use contracts::{Event, Timestamp};
use proptest::{prelude::*, sample::Index};
use runtime::Aggregate;

use super::builders::{STORIES, Told, fold, order, story};
use crate::{ORDER, fold::Order};

/// A story as it may be delivered: everything at least once, in any order.
fn delivered() -> impl Strategy<Value = (Vec<Told>, Vec<Told>)> {
    (0..STORIES.len(), any::<[Index; 12]>()).prop_flat_map(|(which, again)| {
        let told = story(&order(), "c1", STORIES[which].1);
        let mut deliveries = told.clone();
        for (number, index) in again.iter().enumerate() {
            let mut copy = index.get(&told).clone();
            // An answer given again: the same fact, published later, of a version that has grown
            // without news.
            if let Event::Fact(_, fact) = &mut copy.event
                && number % 2 == 0
            {
                fact.state = "another word".to_owned();
                copy.sequence += 1;
                copy.at = Timestamp::from_millis(i64::MAX);
            }
            deliveries.push(copy);
        }
        (Just(told), Just(deliveries).prop_shuffle())
    })
}

proptest! {
    #[test]
    fn any_order_and_any_repetition_lead_to_the_same((told, delivered) in delivered()) {
        prop_assert_eq!(fold(&delivered), fold(&told));
    }

    #[test]
    fn what_was_heard_says_nothing_new((_, delivered) in delivered()) {
        let mut order = fold(&delivered);
        for Told { event, sequence, at } in &delivered {
            prop_assert!(!order.take(event, *sequence, *at));
        }
    }

    #[test]
    fn a_fact_that_was_lost_is_healed_by_the_next((told, _) in delivered(), lost in any::<Index>()) {
        let facts_of = |source| move |it: &&Told| {
            it.event.kind().is_fact() && it.event.kind().source() == source
        };
        let healed: Vec<usize> = (0..told.len())
            .filter(|&at| {
                let source = told[at].event.kind().source();
                told[at].event.kind().is_fact() && told[at + 1..].iter().any(|it| facts_of(source)(&it))
            })
            .collect();
        if healed.is_empty() {
            return Ok(());
        }
        let index = healed[lost.index(healed.len())];
        let heard: Vec<_> = told.iter().enumerate().filter(|(at, _)| *at != index).collect();
        prop_assert_eq!(fold(heard.into_iter().map(|(_, it)| it)), fold(&told));
    }
}

/// Processes of an earlier build and of this one work on one database during a rolling restart.
#[test]
fn what_an_earlier_build_has_kept_is_read() {
    let kept = fold(&story(&order(), "c1", STORIES[0].1));
    let mut body: serde_json::Value = serde_json::from_str(&kept.encode().unwrap()).unwrap();
    for since in ["scheduled", "revised", "revision_refused"] {
        assert!(body.as_object_mut().unwrap().remove(since).is_some(), "{since}");
    }
    for since in ["scheduled_for", "revision"] {
        assert!(body["placed"].as_object_mut().unwrap().remove(since).is_some(), "{since}");
    }
    assert_eq!(Order::decode(ORDER.name, &body.to_string()).unwrap(), kept);
}

#[test]
fn every_order_of_a_short_story() {
    let told = story(&order(), "c1", STORIES[2].1);
    let whole = fold(&told);
    let mut seen = 0;
    permute(&mut told.iter().collect(), 0, &mut |order| {
        seen += 1;
        assert_eq!(fold(order.iter().copied()), whole);
    });
    assert_eq!(seen, 120);
}

fn permute<T>(items: &mut Vec<T>, from: usize, visit: &mut impl FnMut(&[T])) {
    if from == items.len() {
        visit(items);
    }
    for other in from..items.len() {
        items.swap(from, other);
        permute(items, from + 1, visit);
        items.swap(from, other);
    }
}
