//! What was told leads to messages that make sense, in whatever order and however often it comes.

use std::collections::BTreeSet;

use contracts::{Event, EventType as E, Timestamp};
use proptest::{prelude::*, sample::Index};

use super::builders::{STORIES, Told, named, order, said, story};
use crate::{
    moments::Stage,
    order::{Draft, Order},
    recipient::Kind,
};

fn to(kind: Kind, drafts: &[Draft]) -> Vec<&str> {
    drafts.iter().filter(|it| it.recipient.kind == kind).map(|it| &*it.moment).collect()
}

fn stages(drafts: &[Draft]) -> Vec<Stage> {
    let moments = to(Kind::Customer, drafts);
    let stage = |moment: &&str| Stage::ALL.into_iter().find(|stage| stage.as_str() == *moment);
    moments.iter().filter_map(stage).collect()
}

/// A story as it may be delivered: everything at least once, in any order.
fn delivered() -> impl Strategy<Value = (usize, Vec<Told>)> {
    (0..STORIES.len(), any::<[Index; 12]>()).prop_flat_map(|(which, again)| {
        let told = story(&order(), "c1", STORIES[which].1);
        let mut deliveries = told.clone();
        for (number, index) in again.iter().enumerate() {
            let mut copy = index.get(&told).clone();
            // An answer given again: the same fact, of a version that has grown without news.
            if let Event::Fact(_, fact) = &mut copy.event
                && number % 2 == 0
            {
                fact.state = "another word".to_owned();
                copy.sequence += 1;
                copy.at = Timestamp::from_millis(i64::MAX);
            }
            deliveries.push(copy);
        }
        (Just(which), Just(deliveries).prop_shuffle())
    })
}

/// What holds whatever comes first.
fn holds(which: usize, delivered: &[Told]) {
    let (name, _, all) = STORIES[which];
    let drafts = said(delivered);
    let stages = stages(&drafts);
    assert!(stages.is_sorted(), "{name}: no way back: {stages:?}");
    let customers = to(Kind::Customer, &drafts);
    assert!(customers.iter().all(|moment| all.contains(moment)), "{name}: {customers:?}");
    let last = all.iter().rfind(|moment| !moment.contains('-')).unwrap();
    assert_eq!(stages.last().unwrap().as_str(), *last, "{name}: the last status is always told");
    let identities: BTreeSet<_> = drafts.iter().map(|it| (&it.moment, &it.recipient)).collect();
    assert_eq!(identities.len(), drafts.len(), "{name}: each moment is told once: {drafts:?}");
    let numbers: Vec<u32> = drafts.iter().map(|it| it.number).collect();
    let expected: Vec<u32> = (1..).take(drafts.len()).collect();
    assert_eq!(numbers, expected, "{name}: numbered without gaps");
    assert!(to(Kind::Store, &drafts).len() <= 1, "{name}");
}

proptest! {
    #[test]
    fn any_order_and_any_repetition_lead_to_each_message_once_and_never_back(
        (which, delivered) in delivered()
    ) {
        holds(which, &delivered);
    }

    #[test]
    fn what_was_heard_leads_to_nothing_more((_, delivered) in delivered()) {
        let mut order = Order::unknown(order());
        for Told { event, sequence, .. } in &delivered {
            order.take(event, *sequence);
        }
        for Told { event, sequence, .. } in &delivered {
            prop_assert_eq!(order.take(event, *sequence), None);
        }
    }

    #[test]
    fn told_in_order_nothing_is_left_out_however_often_it_comes(
        which in 0..STORIES.len(), again in any::<[Index; 12]>()
    ) {
        let told = story(&order(), "c1", STORIES[which].1);
        let mut deliveries: Vec<(usize, &Told)> = told.iter().enumerate().collect();
        for index in &again {
            // Again, at any time after the first one.
            let first = index.index(told.len());
            let place = deliveries.iter().position(|(at, _)| *at == first).unwrap();
            let place = place + 1 + index.index(deliveries.len() - place);
            deliveries.insert(place, (usize::MAX, &told[first]));
        }
        let drafts = said(deliveries.into_iter().map(|(_, it)| it));
        prop_assert_eq!(to(Kind::Customer, &drafts), STORIES[which].2);
    }
}

#[test]
fn every_order_of_a_short_story() {
    let told = story(&order(), "c1", named("rejected"));
    let mut seen = 0;
    permute(&mut told.clone(), 0, &mut |order| {
        seen += 1;
        holds(2, order);
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

#[test]
fn a_fact_that_was_lost_is_told_with_the_next() {
    let told = story(&order(), "c1", named("delivered"));
    let lost = |kind: E| told.iter().filter(move |it| it.event.kind() != kind);
    for kind in [E::CookStarted, E::FoodPicked] {
        let drafts = said(lost(kind));
        assert_eq!(stages(&drafts), stages(&said(&told)), "{kind}");
    }
}

#[test]
fn what_comes_before_its_order_waits_for_it_and_what_is_passed_is_not_told() {
    let told = story(&order(), "c1", named("rejected"));
    let after = |places: &[usize]| said(places.iter().map(|at| &told[*at]));
    let words =
        |drafts: &[Draft]| stages(drafts).into_iter().map(Stage::as_str).collect::<Vec<_>>();
    assert!(after(&[1, 2]).is_empty());
    assert_eq!(words(&after(&[1, 2, 0])), ["placed", "paid", "cancelling"]);
    assert_eq!(words(&after(&[0, 2, 1])), ["placed", "cancelling"]);
    assert_eq!(words(&after(&[0, 4, 1, 2])), ["placed", "cancelled"]);
}

#[test]
fn a_store_is_told_of_an_order_that_it_can_accept_and_has_not_answered() {
    for (name, told) in [("delivered", 1), ("declined", 0), ("rejected", 1), ("scheduled", 1)] {
        let drafts = said(&story(&order(), "c1", named(name)));
        assert_eq!(to(Kind::Store, &drafts).len(), told, "{name}");
    }
    let told = story(&order(), "c1", named("delivered"));
    let late = said([&told[2], &told[0], &told[1]]);
    assert!(to(Kind::Store, &late).is_empty(), "it has answered");
    let known = said([&told[1], &told[2], &told[0]]);
    assert_eq!(stages(&known).last(), Some(&Stage::Accepted));
    assert!(to(Kind::Store, &known).is_empty(), "it had answered before");
}

#[test]
fn riders_are_told_of_each_offer_that_still_holds() {
    let told = story(&order(), "c1", named("delivered"));
    let riders = |places: &[usize]| {
        let drafts = said(places.iter().map(|at| &told[*at]));
        to(Kind::Rider, &drafts).into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    let (first, second) = (["offer-1"; 2], ["offer-4"; 2]);
    assert_eq!(riders(&[4]), first, "nobody need know the order");
    assert_eq!(riders(&[4, 5, 6, 7]), [first, second].concat());
    assert_eq!(riders(&[5, 4]), [""; 0], "somebody has it");
    assert_eq!(riders(&[5, 6, 4]), first, "and has given it back");
    assert_eq!(riders(&[7, 4]), second, "a later offer was told");
    assert_eq!(riders(&[8, 7]), [""; 0]);
    assert_eq!(riders(&[11, 7]), [""; 0]);
}
